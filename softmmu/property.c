/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/property.c: a device's property rows to and from text.
 * Thread: under the machine lock.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "softmmu/machine.h"
#include "softmmu/property.h"
#include "util/error.h"
#include "util/text.h"

/* One row for each enum property_type: how it is called, and its range where it has one. */
static const struct property_kind {
    const char *name;
    uint64_t max;
    size_t size;
} kinds[] = {
    /* clang-format off */
    [PROPERTY_END]      = { "",        0,          0 },
    [PROPERTY_BOOL]     = { "bool",    1,          sizeof(bool) },
    [PROPERTY_U8]       = { "uint8",   UINT8_MAX,  1 },
    [PROPERTY_U16]      = { "uint16",  UINT16_MAX, 2 },
    [PROPERTY_U32]      = { "uint32",  UINT32_MAX, 4 },
    [PROPERTY_U64]      = { "uint64",  UINT64_MAX, 8 },
    [PROPERTY_I32]      = { "int32",   INT32_MAX,  4 },
    [PROPERTY_SIZE]     = { "size",    UINT64_MAX, 8 },
    [PROPERTY_STRING]   = { "str",     0,          sizeof(char *) },
    [PROPERTY_CHARDEV]  = { "chardev", 0,          sizeof(struct chardev *) },
    [PROPERTY_DRIVE]    = { "drive",   0,          sizeof(struct block_backend *) },
    [PROPERTY_PCI_ADDR] = { "int32",   0,          4 },
    [PROPERTY_NETDEV]   = { "netdev",  0,          sizeof(struct net_client *) },
    [PROPERTY_IOTHREAD] = { "iothread", 0,         sizeof(struct iothread *) },
    /* clang-format on */
};

/* Properties that name something else of the machine, and how that is found. */
static void *find_chardev(struct machine *m, const char *id)
{
    return m->find_chardev ? m->find_chardev(m, id) : NULL;
}

static const char *chardev_label(struct machine *m, const void *c)
{
    return m->chardev_label ? m->chardev_label(c) : NULL;
}

static void *find_drive(struct machine *m, const char *id)
{
    return m->find_drive ? m->find_drive(m, id) : NULL;
}

static const char *drive_id(struct machine *m, const void *blk)
{
    return m->drive_id ? m->drive_id(blk) : NULL;
}

static void *find_netdev(struct machine *m, const char *id)
{
    return m->find_netdev ? m->find_netdev(m, id) : NULL;
}

static const char *netdev_id(struct machine *m, const void *c)
{
    return m->netdev_id ? m->netdev_id(c) : NULL;
}

static void *find_iothread(struct machine *m, const char *id)
{
    return iothread_find(m, id);
}

static const char *iothread_id(struct machine *m, const void *t)
{
    (void)m;
    return ((const struct iothread *)t)->id;
}

static const struct reference {
    enum property_type type;
    void *(*find)(struct machine *m, const char *id);
    const char *(*id_of)(struct machine *m, const void *thing);
    const char *option; /* that makes one */
} references[] = {
    /* clang-format off */
    { PROPERTY_CHARDEV,  find_chardev,  chardev_label, "-chardev" },
    { PROPERTY_DRIVE,    find_drive,    drive_id,      "-drive" },
    { PROPERTY_NETDEV,   find_netdev,   netdev_id,     "-netdev" },
    { PROPERTY_IOTHREAD, find_iothread, iothread_id,   "-object iothread" },
    /* clang-format on */
};

static const struct reference *reference_of(enum property_type type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(references); i++) {
        if (references[i].type == type) {
            return &references[i];
        }
    }
    return NULL;
}

bool property_is_reference(enum property_type type)
{
    return reference_of(type) != NULL;
}

const char *property_type_name(enum property_type type)
{
    return kinds[type].name;
}

const struct property *property_at(const struct device_type *type, unsigned i)
{
    for (const struct property *p = type->props; p && p->type != PROPERTY_END; p++) {
        if (i-- == 0) {
            return p;
        }
    }
    return NULL;
}

static const struct property *find(const struct device_type *type, const char *name)
{
    const struct property *p;

    for (unsigned i = 0; (p = property_at(type, i)); i++) {
        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    return NULL;
}

static void *member(struct device *dev, const struct property *p)
{
    return (uint8_t *)dev + p->offset;
}

static void store_number(struct device *dev, const struct property *p, uint64_t v)
{
    uint8_t u8 = v;
    uint16_t u16 = v;
    uint32_t u32 = v;
    bool flag = v != 0;

    if (p->type == PROPERTY_BOOL) {
        memcpy(member(dev, p), &flag, sizeof(flag));
        return;
    }
    switch (kinds[p->type].size) {
    case 1:
        memcpy(member(dev, p), &u8, 1);
        break;
    case 2:
        memcpy(member(dev, p), &u16, 2);
        break;
    case 4:
        memcpy(member(dev, p), &u32, 4);
        break;
    default:
        memcpy(member(dev, p), &v, 8);
        break;
    }
}

static void replace_string(char **s, const char *value)
{
    g_free(*s);
    *s = g_strdup(value);
}

void property_set_defaults(struct device *dev)
{
    const struct property *p;

    for (unsigned i = 0; (p = property_at(dev->type, i)); i++) {
        if (p->type == PROPERTY_STRING) {
            replace_string(member(dev, p), p->def_str);
        } else if (!property_is_reference(p->type)) {
            store_number(dev, p, p->def);
        }
    }
}

void property_free_all(struct device *dev)
{
    const struct property *p;

    for (unsigned i = 0; (p = property_at(dev->type, i)); i++) {
        if (p->type == PROPERTY_STRING) {
            replace_string(member(dev, p), NULL);
        }
    }
}

/* "SLOT[.FN]" in hex; slots to 1f, functions to 7; or -1. */
static bool parse_pci_addr(const char *text, uint64_t *devfn)
{
    char *end;
    uint64_t slot, fn = 0;

    if (strcmp(text, "-1") == 0) {
        *devfn = UINT64_MAX;
        return true;
    }
    if (!g_ascii_isxdigit(text[0])) {
        return false;
    }
    slot = g_ascii_strtoull(text, &end, 16);
    if (*end == '.') {
        if (!g_ascii_isdigit(end[1])) {
            return false;
        }
        fn = g_ascii_strtoull(end + 1, &end, 16);
    }
    if (*end || slot > 0x1f || fn > 7) {
        return false;
    }
    *devfn = slot << 3 | fn;
    return true;
}

static bool parse_i32(const char *text, uint64_t *out)
{
    bool negative = text[0] == '-';
    uint64_t v;

    if (!parse_uint(text + negative, 0, (uint64_t)INT32_MAX + negative, &v)) {
        return false;
    }
    *out = negative ? -v : v;
    return true;
}

/* What a value of the type must look like, for messages. */
static char *allowed(enum property_type type)
{
    switch (type) {
    case PROPERTY_BOOL:
        return g_strdup("'on' or 'off'");
    case PROPERTY_SIZE:
        return g_strdup("a size such as 64K or 1G");
    case PROPERTY_PCI_ADDR:
        return g_strdup("SLOT or SLOT.FUNCTION in hex, 0 to 1f.7");
    case PROPERTY_I32:
        return g_strdup_printf("a number from %d to %d", INT32_MIN, INT32_MAX);
    default:
        return g_strdup_printf("a number from 0 to %" PRIu64, kinds[type].max);
    }
}

static bool parse_number(enum property_type type, const char *value, uint64_t *out)
{
    bool flag;

    switch (type) {
    case PROPERTY_BOOL:
        if (!parse_bool(value, &flag)) {
            return false;
        }
        *out = flag;
        return true;
    case PROPERTY_SIZE:
        return parse_size(value, 1, out);
    case PROPERTY_PCI_ADDR:
        return parse_pci_addr(value, out);
    case PROPERTY_I32:
        return parse_i32(value, out);
    default:
        return parse_uint(value, 0, kinds[type].max, out);
    }
}

static bool set_reference(struct device *dev, const struct property *p, const struct reference *ref,
                          const char *value, GError **error)
{
    void *thing = ref->find(dev->machine, value);

    if (!thing) {
        set_error(error, "Property '%s.%s' can't find value '%s': there is no %s with this id",
                  dev->type->name, p->name, value, ref->option);
        return false;
    }
    memcpy(member(dev, p), &thing, sizeof(thing));
    return true;
}

static const char *name_at(void *opaque, unsigned i)
{
    const struct property *p = property_at(opaque, i);

    return p ? p->name : NULL;
}

bool device_set_property(struct device *dev, const char *name, const char *value, GError **error)
{
    const struct property *p = find(dev->type, name);
    uint64_t number;

    if (!p && strcmp(name, "id") == 0) {
        replace_string(&dev->id, value);
        return true;
    }
    if (!p) {
        g_autofree char *near = closest_names(name, name_at, (void *)dev->type);

        set_error(error, "Property '%s.%s' not found%s%s; '-device %s,help' lists them",
                  dev->type->name, name, near ? ", closest: " : "", near ? near : "",
                  dev->type->name);
        return false;
    }
    if (dev->realized) {
        set_error(error, "Property '%s.%s' cannot change any more", dev->type->name, name);
        return false;
    }
    if (p->type == PROPERTY_STRING) {
        replace_string(member(dev, p), value);
        return true;
    }
    if (reference_of(p->type)) {
        return set_reference(dev, p, reference_of(p->type), value, error);
    }
    if (!parse_number(p->type, value, &number)) {
        g_autofree char *must = allowed(p->type);

        set_error(error, "Property '%s.%s' is '%s', must be %s", dev->type->name, name, value,
                  must);
        return false;
    }
    store_number(dev, p, number);
    return true;
}

uint64_t property_number(struct device *dev, const struct property *p)
{
    uint64_t v = 0;

    memcpy(&v, member(dev, p), kinds[p->type].size);
    return GUINT64_FROM_LE(v);
}

char *property_number_text(enum property_type type, uint64_t v)
{
    switch (type) {
    case PROPERTY_BOOL:
        return g_strdup(v ? "on" : "off");
    case PROPERTY_I32:
        return g_strdup_printf("%" PRId32, (int32_t)v);
    case PROPERTY_PCI_ADDR:
        return (int32_t)v < 0
                   ? g_strdup("-1")
                   : g_strdup_printf("%02x.%x", (unsigned)v >> 3 & 0x1f, (unsigned)v & 7);
    case PROPERTY_U8:
    case PROPERTY_U16:
        return g_strdup_printf("0x%" PRIx64, v);
    default:
        return g_strdup_printf("%" PRIu64, v);
    }
}

char *device_get_property(struct device *dev, const char *name)
{
    const struct property *p = find(dev->type, name);
    const struct reference *ref;

    if (!p) {
        return strcmp(name, "id") == 0 ? g_strdup(dev->id ? dev->id : "") : NULL;
    }
    if (p->type == PROPERTY_STRING) {
        const char *s = *(char **)member(dev, p);

        return g_strdup(s ? s : "");
    }
    ref = reference_of(p->type);
    if (ref) {
        void *thing;
        const char *id;

        memcpy(&thing, member(dev, p), sizeof(thing));
        id = thing ? ref->id_of(dev->machine, thing) : NULL;
        return g_strdup(id ? id : "");
    }
    return property_number_text(p->type, property_number(dev, p));
}
