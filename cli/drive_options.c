/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/drive_options.c: -drive and its short forms, from text to drives of the machine.
 *
 * The texts are kept in the order given; they become drives before the board is made, which attaches
 * those with if=ide and if=floppy.
 * Thread: the program's first; drives_setup with the machine lock held.
 */
#include <string.h>
#include "block/block.h"
#include "block/driver.h"
#include "cli/options.h"
#include "monitor/objects.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

#define DEFAULT_CD 2u /* index= of the CD-ROM drive, as in -cdrom */

/* One word of an enumeration; `refused` says why it is not served. */
struct word {
    const char *name;
    int value;
    const char *refused;
};

/* clang-format off */
static const struct word interfaces[] = {
    { "ide",    BLOCK_IF_IDE,    NULL },
    { "floppy", BLOCK_IF_FLOPPY, NULL },
    { "none",   BLOCK_IF_NONE,   NULL },
    { "virtio", BLOCK_IF_VIRTIO, NULL },
    { "scsi",   BLOCK_IF_SCSI, NULL },
    { "pflash", BLOCK_IF_PFLASH, NULL },
    { "sd",     0, "is not supported" },
    { "mtd",    0, "is not supported" },
    { 0 }
};
static const struct word media[] = { { "disk", 0, NULL }, { "cdrom", 1, NULL }, { 0 } };
static const struct word caches[] = {
    { "writeback",    BLOCK_CACHE_WRITEBACK,    NULL },
    { "none",         BLOCK_CACHE_NONE,         NULL },
    { "off",          BLOCK_CACHE_NONE,         NULL },
    { "writethrough", BLOCK_CACHE_WRITETHROUGH, NULL },
    { "directsync",   BLOCK_CACHE_DIRECTSYNC,   NULL },
    { "unsafe",       BLOCK_CACHE_UNSAFE,       NULL },
    { 0 }
};
static const struct word discards[] = {
    { "ignore", 0, NULL }, { "off", 0, NULL }, { "unmap", 1, NULL }, { "on", 1, NULL }, { 0 }
};
static const struct word rerrors[] = {
    { "report", BLOCK_ON_ERROR_REPORT, NULL },
    { "ignore", BLOCK_ON_ERROR_IGNORE, NULL },
    { "stop",   BLOCK_ON_ERROR_STOP,   NULL },
    { 0 }
};
static const struct word werrors[] = {
    { "report", BLOCK_ON_ERROR_REPORT, NULL },
    { "ignore", BLOCK_ON_ERROR_IGNORE, NULL },
    { "stop",   BLOCK_ON_ERROR_STOP,   NULL },
    { "enospc", BLOCK_ON_ERROR_ENOSPC, NULL },
    { 0 }
};
static const struct word aios[] = {
    { "threads",  1, NULL },
    { "native",   2, NULL },
    { "io_uring", 3, NULL },
    { 0 }
};
static const struct word detect_words[] = {
    { "off", 0, NULL }, { "on", 1, NULL }, { "unmap", 2, NULL }, { 0 }
};
static const struct word on_off[] = {
    { "off", 0, NULL }, { "no", 0, NULL }, { "false", 0, NULL },
    { "on",  1, NULL }, { "yes", 1, NULL }, { "true", 1, NULL }, { 0 }
};
/* clang-format on */

/* What one -drive says. */
struct spec {
    const char *file, *format, *id;
    int interface, cdrom, cache, discard, rerror, werror, read_only, snapshot, aio;
    int copy_on_read, detect_zeroes;
    int bus, unit, index;
    struct block_options *node; /* what is left is for the node: file.driver=, cache.direct= ... */
    struct block_options
        *throttle; /* throttling.iops-total= and the like, as the layer names them */
};

/* One row for each key: text, number or one of `words`. */
static const struct key {
    const char *name;
    size_t offset;
    const struct word *words;
    int max;
    bool text;
} keys[] = {
    /* clang-format off */
    { "file",          offsetof(struct spec, file),      NULL,       0,   true  },
    { "format",        offsetof(struct spec, format),    NULL,       0,   true  },
    { "id",            offsetof(struct spec, id),        NULL,       0,   true  },
    { "if",            offsetof(struct spec, interface), interfaces, 0,   false },
    { "media",         offsetof(struct spec, cdrom),     media,      0,   false },
    { "cache",         offsetof(struct spec, cache),     caches,     0,   false },
    { "discard",       offsetof(struct spec, discard),   discards,   0,   false },
    { "rerror",        offsetof(struct spec, rerror),    rerrors,    0,   false },
    { "werror",        offsetof(struct spec, werror),    werrors,    0,   false },
    { "readonly",      offsetof(struct spec, read_only), on_off,     0,   false },
    { "read-only",     offsetof(struct spec, read_only), on_off,     0,   false },
    { "snapshot",      offsetof(struct spec, snapshot),  on_off,     0,   false },
    { "aio",           offsetof(struct spec, aio),       aios,       0,   false },
    { "copy-on-read",  offsetof(struct spec, copy_on_read), on_off,  0,   false },
    { "detect-zeroes", offsetof(struct spec, detect_zeroes), detect_words, 0, false },
    { "driver",        offsetof(struct spec, format),    NULL,       0,   true  },
    { "bus",           offsetof(struct spec, bus),       NULL,       31,  false },
    { "unit",          offsetof(struct spec, unit),      NULL,       31,  false },
    { "index",         offsetof(struct spec, index),     NULL,       31,  false },
    /* clang-format on */
};

/* QEMU's names of limits, and those of the layer `throttle`. */
static const struct limit {
    const char *name, *option;
} limits[] = {
    /* clang-format off */
    { "bps",     "bps-total" },  { "bps_rd",  "bps-read" },  { "bps_wr",  "bps-write" },
    { "iops",    "iops-total" }, { "iops_rd", "iops-read" }, { "iops_wr", "iops-write" },
    { "bps_max",  "bps-total-max" },  { "bps_rd_max",  "bps-read-max" },
    { "bps_wr_max",  "bps-write-max" },
    { "iops_max", "iops-total-max" }, { "iops_rd_max", "iops-read-max" },
    { "iops_wr_max", "iops-write-max" },
    { "iops_size", "iops-size" },
    { 0 }
    /* clang-format on */
};

static void spec_clear(struct spec *s)
{
    block_options_free(s->node);
    block_options_free(s->throttle);
}

/* Options of drivers and of nodes below go to the node, limits to the layer for them. */
static bool take_node_option(struct spec *s, const struct option_pair *p)
{
    for (const struct limit *l = limits; l->name; l++) {
        if (strcmp(l->name, p->key) == 0) {
            block_options_set(s->throttle, l->option, p->value);
            return true;
        }
    }
    if (g_str_has_prefix(p->key, "throttling.")) {
        block_options_set(s->throttle, p->key + strlen("throttling."), p->value);
        return true;
    }
    if (strchr(p->key, '.') || strcmp(p->key, "node-name") == 0 || block_option_is_known(p->key)) {
        block_options_set(s->node, p->key, p->value);
        return true;
    }
    return false;
}

static const char *key_name(void *opaque, unsigned i)
{
    (void)opaque;
    return i < G_N_ELEMENTS(keys) ? keys[i].name : NULL;
}

static const struct key *find_key(const char *name, GError **error)
{
    g_autofree char *closest = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    closest = closest_names(name, key_name, NULL);
    set_error(error, "-drive: no property '%s'%s%s", name, closest ? "; closest: " : "",
              closest ? closest : "");
    return NULL;
}

static bool find_word(const struct key *key, const char *value, int *out, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (const struct word *w = key->words; w->name; w++) {
        if (strcmp(w->name, value) == 0) {
            if (w->refused) {
                set_error(error, "-drive: %s=%s %s", key->name, value, w->refused);
                return false;
            }
            *out = w->value;
            return true;
        }
        if (!w->refused) {
            g_string_append_printf(allowed, "%s%s", allowed->len ? ", " : "", w->name);
        }
    }
    set_error(error, "-drive: %s is '%s', must be one of: %s", key->name, value, allowed->str);
    return false;
}

/* The strings point into opts. */
static bool parse_spec(const GPtrArray *opts, struct spec *s, GError **error)
{
    *s = (struct spec){ .interface = BLOCK_IF_IDE,
                        .werror = BLOCK_ON_ERROR_ENOSPC,
                        .read_only = -1,
                        .bus = -1,
                        .unit = -1,
                        .index = -1,
                        .node = block_options_new(),
                        .throttle = block_options_new() };
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        const struct key *key = find_key(p->key, NULL);
        void *at = key ? (char *)s + key->offset : NULL;
        uint64_t number;

        if (!key && take_node_option(s, p)) {
            continue;
        }
        if (!key) {
            (void)find_key(p->key, error);
            return false;
        }
        if (key->text) {
            *(const char **)at = p->value;
        } else if (key->words) {
            if (!find_word(key, p->value, at, error)) {
                return false;
            }
        } else if (parse_uint(p->value, 0, (uint64_t)key->max, &number)) {
            *(int *)at = (int)number;
        } else {
            set_error(error, "-drive: %s is '%s', must be 0 to %d", key->name, p->value, key->max);
            return false;
        }
    }
    if (s->index >= 0 && (s->bus >= 0 || s->unit >= 0)) {
        set_error(error, "-drive: index cannot be used with bus and unit");
        return false;
    }
    return true;
}

bool option_drive(struct options *o, const char *arg, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(arg, "file");
    const char *format = options_get(opts, "format");
    struct spec s;
    bool ok;

    if (format && strcmp(format, "help") == 0) {
        block_print_formats(o->output);
        o->done = true;
        return true;
    }
    ok = parse_spec(opts, &s, error);
    spec_clear(&s);
    if (ok) {
        g_ptr_array_add(o->drives, g_strdup(arg));
    }
    return ok;
}

bool option_object(struct options *o, const char *arg, GError **error)
{
    (void)error;
    if (object_help(arg, o->output)) {
        o->done = true;
        return true;
    }
    g_ptr_array_add(o->objects, g_strdup(arg));
    return true;
}

bool option_blockdev(struct options *o, const char *arg, GError **error)
{
    (void)error;
    g_ptr_array_add(o->blockdevs, g_strdup(arg));
    return true;
}

/* -hda FILE and the like: rest is what follows file=. */
static bool add_short(struct options *o, const char *file, const char *rest)
{
    g_auto(GStrv) parts = g_strsplit(file, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_ptr_array_add(o->drives, g_strdup_printf("file=%s,%s", escaped, rest));
    return true;
}

#define SHORT_OPTION(name, rest)                                                                   \
    bool option_##name(struct options *o, const char *arg, GError **error)                         \
    {                                                                                              \
        (void)error;                                                                               \
        return add_short(o, arg, rest);                                                            \
    }

SHORT_OPTION(hda, "index=0,media=disk")
SHORT_OPTION(hdb, "index=1,media=disk")
SHORT_OPTION(hdc, "index=2,media=disk")
SHORT_OPTION(hdd, "index=3,media=disk")
SHORT_OPTION(cdrom, "index=2,media=cdrom")
SHORT_OPTION(fda, "if=floppy,index=0")
SHORT_OPTION(fdb, "if=floppy,index=1")
SHORT_OPTION(pflash, "if=pflash")

bool option_snapshot(struct options *o, const char *arg, GError **error)
{
    (void)arg;
    (void)error;
    o->snapshot = true;
    return true;
}

/* Drives ---------------------------------------------------------------------------------------- */

struct place {
    const char *name;
    int buses, units;
};

static const struct place places[] = {
    [BLOCK_IF_NONE] = { "none", 32, 1 },
    [BLOCK_IF_IDE] = { "ide", 2, 2 }, /* of boards that do not say otherwise */
    [BLOCK_IF_FLOPPY] = { "floppy", 1, 2 },
    [BLOCK_IF_PFLASH] = { "pflash", 1, MAX_PFLASH },
    [BLOCK_IF_VIRTIO] = { "virtio", 32, 1 },
    [BLOCK_IF_SCSI] = { "scsi", 1, 7 },
};

static struct place place_of(const struct machine *m, int interface)
{
    const struct board_type *board = m->config.board;
    struct place place = places[interface];

    if (interface == BLOCK_IF_IDE && board->ide_buses) {
        place.buses = (int)board->ide_buses;
        place.units = (int)board->ide_units;
    }
    return place;
}

static bool choose_place(struct machine *m, struct spec *s, GError **error)
{
    struct place place = place_of(m, s->interface);
    int buses = place.buses, units = place.units;

    if (s->index >= 0) {
        s->bus = s->index / units;
        s->unit = s->index % units;
    } else if (s->bus < 0 && s->unit < 0) {
        for (int i = 0; i < buses * units; i++) {
            s->bus = i / units;
            s->unit = i % units;
            if (!block_backend_at(m, (enum block_interface)s->interface, s->bus, s->unit)) {
                return true;
            }
        }
    }
    s->bus = MAX(s->bus, 0);
    s->unit = MAX(s->unit, 0);
    if (s->bus >= buses || s->unit >= units) {
        set_error(error, "bus %d, unit %d is not there: if=%s has %d with %d units", s->bus,
                  s->unit, place.name, buses, units);
        return false;
    }
    if (block_backend_at(m, (enum block_interface)s->interface, s->bus, s->unit)) {
        set_error(error, "drive with bus=%d, unit=%d (index=%d) exists", s->bus, s->unit,
                  s->bus * units + s->unit);
        return false;
    }
    return true;
}

/* QEMU's names: ide0-hd0, ide1-cd0, floppy0, none0. */
static char *make_id(const struct spec *s)
{
    if (s->id) {
        return g_strdup(s->id);
    }
    if (s->interface == BLOCK_IF_IDE || s->interface == BLOCK_IF_SCSI) {
        return g_strdup_printf("%s%d-%s%d", places[s->interface].name, s->bus,
                               s->cdrom ? "cd" : "hd", s->unit);
    }
    return g_strdup_printf("%s%d", places[s->interface].name,
                           s->bus * places[s->interface].units + s->unit);
}

static bool open_file(struct block_backend *blk, const struct spec *s, bool snapshot,
                      GError **error)
{
    struct block_open_options o = {
        .filename = s->file && *s->file ? s->file : NULL,
        .format = s->format,
        .options = s->node,
        .throttle = block_options_count(s->throttle) ? s->throttle : NULL,
        .graph = block_graph_of(blk->machine),
        .snapshot = s->snapshot || snapshot,
        .copy_on_read = s->copy_on_read,
        .discard = s->discard,
        .cache = (enum block_cache)s->cache,
        .aio = s->aio ? aios[s->aio - 1].name : NULL,
        .read_only = s->read_only < 0 ? s->cdrom : s->read_only,
    };

    if (o.read_only) {
        o.snapshot = false;
    }
    if (o.throttle && !block_options_get(o.throttle, "group")) {
        block_options_set(s->throttle, "group", blk->id);
    }
    if (s->detect_zeroes) {
        block_options_set(s->node, "detect-zeroes", s->detect_zeroes == 2 ? "unmap" : "on");
    }
    if (!o.filename && !block_options_get(s->node, "file") &&
        !block_options_has_child(s->node, "file") && !s->format) {
        if (!s->cdrom && s->interface != BLOCK_IF_FLOPPY) {
            set_error(error, "file=FILE is missing");
            return false;
        }
        o.options = o.throttle = NULL;
        blk->options = o;
        blk->options.filename = blk->options.format = NULL;
        return true;
    }
    return block_backend_open(blk, &o, error);
}

static bool place_drive(struct machine *m, struct spec *s, GError **error)
{
    g_autofree char *id = NULL;
    struct block_backend *blk;

    if (!choose_place(m, s, error)) {
        return false;
    }
    id = make_id(s);
    blk = block_backend_new(m, id, error);
    if (!blk) {
        return false;
    }
    blk->interface = (enum block_interface)s->interface;
    blk->bus = s->bus;
    blk->unit = s->unit;
    blk->cdrom = s->cdrom;
    blk->rerror = (enum block_on_error)s->rerror;
    blk->werror = (enum block_on_error)s->werror;
    if (!open_file(blk, s, m->config.snapshot, error)) {
        block_backend_free(blk);
        return false;
    }
    return true;
}

static bool add_drive(struct machine *m, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "file");
    struct spec s;
    bool ok = parse_spec(opts, &s, error) && place_drive(m, &s, error);

    spec_clear(&s);
    return ok;
}

/* A controller for it comes with device_add. */
static bool hot_add_drive(struct machine *m, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "file");
    struct spec s;
    bool ok = parse_spec(opts, &s, error);

    if (ok && s.interface != BLOCK_IF_NONE) {
        set_error(error, "Can't hot-add drive to type %s: use if=none and device_add",
                  places[s.interface].name);
        ok = false;
    }
    ok = ok && place_drive(m, &s, error);
    spec_clear(&s);
    return ok;
}

/* A node that stays until the machine goes; devices name it with drive=. */
static bool add_blockdev(struct machine *m, const char *text, GError **error)
{
    g_autoptr(block_options) opts = block_options_new();
    struct block_open_options o = { .options = opts, .graph = block_graph_of(m) };
    struct block_node *node;

    if (!block_options_parse_any(opts, text, "driver", error)) {
        return false;
    }
    if (!block_options_get(opts, "driver") || !block_options_get(opts, "node-name")) {
        set_error(error, "driver=NAME and node-name=NAME are needed");
        return false;
    }
    node = block_node_open(&o, error);
    if (node) {
        block_graph_keep(node);
    }
    return node != NULL;
}

/* Does -device or -global name the driver?  Whoever places such drives wants no others. */
static bool names_driver(const struct options *o, const char *driver)
{
    for (unsigned i = 0; i < o->devices->len; i++) {
        const char *text = g_ptr_array_index(o->devices, i);
        g_autoptr(GPtrArray) opts = json_or_options(text, "driver", NULL);

        if (opts && g_strcmp0(options_get(opts, "driver"), driver) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; i < o->globals->len; i++) {
        const char *text = g_ptr_array_index(o->globals, i);

        if (g_str_has_prefix(text, driver) && text[strlen(driver)] == '.') {
            return true;
        }
    }
    return false;
}

/* The empty drives that a PC has, unless something is there or was placed by hand. */
static bool add_defaults(struct machine *m, const struct options *o, GError **error)
{
    const struct board_type *board = m->config.board;
    bool cd = board->has_cd && !names_driver(o, "ide-cd") && !names_driver(o, "ide-hd");
    bool floppy = board->has_floppy && !names_driver(o, "isa-fdc");

    if (o->nodefaults) {
        return true;
    }
    cd = cd && !block_backend_at(m, BLOCK_IF_IDE, (int)(DEFAULT_CD / board->ide_units),
                                 (int)(DEFAULT_CD % board->ide_units));
    floppy = floppy && !block_backend_at(m, BLOCK_IF_FLOPPY, 0, 0);
    return (!cd || add_drive(m, "index=2,media=cdrom", error)) &&
           (!floppy || add_drive(m, "if=floppy,index=0", error));
}

/* What character devices need. */
static bool is_early(const char *object)
{
    g_autoptr(GPtrArray) opts = json_or_options(object, "qom-type", NULL);
    const char *type = opts ? options_get(opts, "qom-type") : NULL;

    return type && (strcmp(type, "secret") == 0 || g_str_has_prefix(type, "tls-creds-"));
}

bool objects_setup(struct machine *m, const struct options *o, bool early, GError **error)
{
    for (unsigned i = 0; i < o->objects->len; i++) {
        const char *object = g_ptr_array_index(o->objects, i);

        if (!net_is_filter(object) && is_early(object) == early && !object_add(m, object, error)) {
            g_prefix_error(error, "-object: ");
            return false;
        }
    }
    return true;
}

bool drives_setup(struct machine *m, const struct options *o, GError **error)
{
    m->add_drive = hot_add_drive;
    if (!objects_setup(m, o, false, error)) {
        return false;
    }
    for (unsigned i = 0; i < o->blockdevs->len; i++) {
        const char *text = g_ptr_array_index(o->blockdevs, i);

        if (!add_blockdev(m, text, error)) {
            g_prefix_error(error, "-blockdev %s: ", text);
            return false;
        }
    }
    for (unsigned i = 0; i < o->drives->len; i++) {
        const char *text = g_ptr_array_index(o->drives, i);

        if (!add_drive(m, text, error)) {
            g_prefix_error(error, "-drive %s: ", text);
            return false;
        }
    }
    return add_defaults(m, o, error);
}

/* "pci", or "device" on a board with other places for virtio; NULL: the board has none. */
static const char *virtio_transport(struct machine *m)
{
    return bus_find(m, BUS_PCI, NULL) ? "pci" : bus_find(m, BUS_VIRTIO, NULL) ? "device" : NULL;
}

static bool names_scsi_adapter(const struct options *o)
{
    static const char *const adapters[] = { "virtio-scsi-pci", "virtio-scsi-device",
                                            "virtio-scsi-pci-transitional",
                                            "virtio-scsi-pci-non-transitional" };
    bool found = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(adapters); i++) {
        found = found || names_driver(o, adapters[i]);
    }
    return found;
}

static void add_device_of(struct machine *m, struct options *o, const struct block_backend *blk)
{
    const char *transport = virtio_transport(m);

    if (blk->interface == BLOCK_IF_VIRTIO) {
        g_ptr_array_add(o->devices, g_strdup_printf("virtio-blk-%s,drive=%s", transport, blk->id));
        return;
    }
    if (!names_scsi_adapter(o)) {
        g_ptr_array_add(o->devices, g_strdup_printf("virtio-scsi-%s", transport));
    }
    g_ptr_array_add(o->devices, g_strdup_printf("scsi-%s,drive=%s,scsi-id=%d",
                                                blk->cdrom ? "cd" : "hd", blk->id, blk->unit));
}

bool drives_add_devices(struct machine *m, struct options *o, GError **error)
{
    for (int interface = BLOCK_IF_VIRTIO; interface <= BLOCK_IF_SCSI; interface++) {
        struct place place = places[interface];

        for (int i = 0; i < place.buses * place.units; i++) {
            struct block_backend *blk = block_backend_at(m, (enum block_interface)interface,
                                                         i / place.units, i % place.units);

            if (blk && !virtio_transport(m)) {
                set_error(error, "drive '%s': machine '%s' has no place for if=%s", blk->id,
                          m->config.board->name, place.name);
                return false;
            }
            if (blk) {
                add_device_of(m, o, blk);
            }
        }
    }
    return true;
}

bool drives_check(struct machine *m, GError **error)
{
    for (int i = BLOCK_IF_IDE; i <= BLOCK_IF_PFLASH; i++) {
        struct place place = place_of(m, i);

        for (int k = 0; k < place.buses * place.units; k++) {
            const struct block_backend *blk =
                block_backend_at(m, (enum block_interface)i, k / place.units, k % place.units);

            if (blk && !blk->front) {
                set_error(error, "drive '%s': machine '%s' has no place for if=%s, bus %d, unit %d",
                          blk->id, m->config.board->name, place.name, blk->bus, blk->unit);
                return false;
            }
        }
    }
    return true;
}
