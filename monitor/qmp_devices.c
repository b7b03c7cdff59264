/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_devices.c: what comes and goes: devices, objects, network and character back ends.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "monitor/objects.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "net/net.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

/* Devices and objects ------------------------------------------------------------------------- */

bool qmp_device_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) opts = json_pairs(args, error);

    (void)result;
    return opts && device_add(qmp_machine(s), opts, DEVICE_HOT, error);
}

bool qmp_device_del(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct device *dev = qom_find_device(qmp_machine(s), qmp_str(args, "id", ""), error);

    (void)result;
    return dev && device_unplug(dev, error);
}

bool qmp_object_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    char *text = json_dumps(args, 0);
    bool ok = object_add(qmp_machine(s), text, error);

    (void)result;
    free(text);
    return ok;
}

bool qmp_object_del(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return object_delete(qmp_machine(s), qmp_str(args, "id", ""), error);
}

/* Network ------------------------------------------------------------------------------------- */

bool qmp_netdev_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) opts = json_pairs(args, error);
    GArray *fds = opts ? qmp_replace_fds(s, opts, error) : NULL;
    bool ok;

    (void)result;
    if (!fds) {
        return false;
    }
    ok = netdev_add(qmp_machine(s), opts, error) != NULL;
    qmp_end_fds(fds, ok);
    return ok;
}

bool qmp_netdev_del(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return netdev_remove(qmp_machine(s), qmp_str(args, "id", ""), error);
}

bool qmp_set_link(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *name = qmp_str(args, "name", "");
    struct net_client *c = net_find(qmp_machine(s), name);

    (void)result;
    if (!c) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", name);
        return false;
    }
    net_set_link(c, qmp_bool(args, "up", true));
    return true;
}

static bool check_announcement(const struct net_announce_options *o, GError **error)
{
    if (o->rounds > 1000 || o->initial > 100000 || o->max > 100000 || o->step > 10000) {
        set_error(error, "announce-self: initial and max must be 0 to 100000 ms, rounds 0 to 1000, "
                         "step 0 to 10000 ms");
        return false;
    }
    return true;
}

bool qmp_announce_self(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct net_announce_options o = { .initial = (uint32_t)qmp_int(args, "initial", 0),
                                      .max = (uint32_t)qmp_int(args, "max", 0),
                                      .rounds = (uint32_t)qmp_int(args, "rounds", 0),
                                      .step = (uint32_t)qmp_int(args, "step", 0),
                                      .id = (char *)qmp_str(args, "id", NULL) };
    json_t *cards = json_object_get(args, "interfaces"), *card;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    size_t i;

    (void)result;
    if (!check_announcement(&o, error)) {
        return false;
    }
    json_array_foreach(cards, i, card)
    {
        g_ptr_array_add(names, (gpointer)json_string_value(card));
    }
    g_ptr_array_add(names, NULL);
    o.cards = cards ? (char **)names->pdata : NULL;
    net_announce(qmp_machine(s), &o);
    return true;
}

/* Character devices --------------------------------------------------------------------------- */

/* A member of QMP's description and the option that it is; a flag that is on unless said otherwise. */
static const struct chardev_member {
    const char *backend, *member, *option;
} chardev_members[] = {
    /* clang-format off */
    { "file",   "out",           "path" },
    { "pipe",   "device",        "path" },
    { "socket", "addr.data",     "fd" },
    { "socket", "addr.data.host", "host" },
    { "socket", "addr.data.port", "port" },
    { "socket", "addr.data.path", "path" },
    { "socket", "addr.data.to",  "to" },
    { "socket", "addr.data.ipv4", "ipv4" },
    { "socket", "addr.data.ipv6", "ipv6" },
    { "socket", "addr.data.abstract", "abstract" },
    { "socket", "addr.data.tight", "tight" },
    { "socket", "addr.type",     NULL },
    { "udp",    "remote.data.host", "host" },
    { "udp",    "remote.data.port", "port" },
    { "udp",    "remote.data.ipv4", "ipv4" },
    { "udp",    "remote.data.ipv6", "ipv6" },
    { "udp",    "remote.type",   NULL },
    { "udp",    "local.data.host", "localaddr" },
    { "udp",    "local.data.port", "localport" },
    { "udp",    "local.type",    NULL },
    /* clang-format on */
};

/* The option's name for a member; NULL: it is none. */
static const char *option_of(const char *backend, const char *member)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(chardev_members); i++) {
        const struct chardev_member *row = &chardev_members[i];

        if (strcmp(row->backend, backend) == 0 && strcmp(row->member, member) == 0) {
            return row->option;
        }
    }
    return member;
}

static void add_option(GString *text, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    g_autofree char *escaped = g_strjoinv(",,", parts);

    g_string_append_printf(text, ",%s=%s", key, escaped);
}

/* {"type": "socket", "data": {...}} as -chardev has it; id may be NULL.  NULL and *error. */
static GPtrArray *chardev_options(json_t *backend, const char *id, GError **error)
{
    const char *type = qmp_str(backend, "type", "");
    json_t *data = json_object_get(backend, "data");
    g_autoptr(GPtrArray) members = json_pairs(data, error);
    g_autoptr(GString) text = g_string_new(NULL);

    if (!members) {
        return NULL;
    }
    if (id) {
        add_option(text, "id", id);
    }
    if (strcmp(type, "socket") == 0) { /* where QMP has another default than -chardev */
        g_string_append(text, json_object_get(data, "server") ? "" : ",server=on");
        g_string_append(text, json_object_get(data, "wait") || !qmp_bool(data, "server", true)
                                  ? ""
                                  : ",wait=off");
    }
    for (unsigned i = 0; i < members->len; i++) {
        const struct option_pair *p = g_ptr_array_index(members, i);
        const char *option = option_of(type, p->key);

        if (option) {
            add_option(text, option, p->value);
        }
    }
    return parse_options(text->len ? text->str + 1 : "", NULL); /* after a comma */
}

static json_t *chardev_result(const struct chardev *c)
{
    const char *name = chardev_filename(c);

    return json_pack("{s:o*}", "pty", g_str_has_prefix(name, "pty:") ? qmp_text(name + 4) : NULL);
}

bool qmp_chardev_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *backend = json_object_get(args, "backend");
    const char *id = qmp_str(args, "id", "");
    g_autoptr(GPtrArray) opts = NULL;
    struct chardev *c;
    GArray *fds;

    if (!g_ascii_isalpha(*id) || strpbrk(id, ",=/")) {
        set_error(error, "Parameter 'id' expects an identifier");
        return false;
    }
    opts = chardev_options(backend, id, error);
    fds = opts ? qmp_replace_fds(s, opts, error) : NULL;
    if (!fds) {
        return false;
    }
    c = chardev_new_options(qmp_machine(s), qmp_str(backend, "type", ""), id, opts, error);
    qmp_end_fds(fds, c != NULL);
    *result = c ? chardev_result(c) : NULL;
    return c != NULL;
}

bool qmp_chardev_change(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *backend = json_object_get(args, "backend");
    const char *id = qmp_str(args, "id", "");
    g_autoptr(GPtrArray) opts = chardev_options(backend, NULL, error);
    GArray *fds = opts ? qmp_replace_fds(s, opts, error) : NULL;
    bool ok;

    if (!fds) {
        return false;
    }
    ok = chardev_change(qmp_machine(s), id, qmp_str(backend, "type", ""), opts, error);
    qmp_end_fds(fds, ok);
    *result = ok ? chardev_result(chardev_find(qmp_machine(s), id)) : NULL;
    return ok;
}

bool qmp_chardev_remove(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return chardev_remove(qmp_machine(s), qmp_str(args, "id", ""), error);
}

bool qmp_chardev_send_break(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return chardev_send_break(qmp_machine(s), qmp_str(args, "id", ""), error);
}

/* Rings --------------------------------------------------------------------------------------- */

#define RING_MOST (1u << 20) /* bytes at once */

static struct chardev *named_ring(struct qmp_session *s, json_t *args, GError **error)
{
    const char *id = qmp_str(args, "device", "");
    struct chardev *c = chardev_find(qmp_machine(s), id);

    if (!c) {
        set_error(error, "Device '%s' not found", id);
    } else if (!chardev_is_ringbuf(c)) {
        set_error(error, "%s is not a ringbuf device", id);
        c = NULL;
    }
    return c;
}

static bool is_base64(const json_t *args)
{
    return strcmp(qmp_str(args, "format", "utf8"), "base64") == 0;
}

bool qmp_ringbuf_write(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *data = qmp_str(args, "data", "");
    struct chardev *c = named_ring(s, args, error);
    g_autofree guchar *bytes = NULL;
    gsize n = strlen(data);

    (void)result;
    if (!c) {
        return false;
    }
    if (is_base64(args)) {
        bytes = g_base64_decode(data, &n);
        data = (const char *)bytes;
    }
    chardev_write(c, data, n);
    return true;
}

bool qmp_ringbuf_read(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct chardev *c = named_ring(s, args, error);
    int64_t size = qmp_int(args, "size", 0);
    g_autofree char *bytes = NULL, *text = NULL;
    size_t n;

    if (!c) {
        return false;
    }
    if (size <= 0) {
        set_error(error, "size must be greater than zero");
        return false;
    }
    size = MIN(MIN(size, RING_MOST), (int64_t)ringbuf_waiting(c));
    bytes = g_malloc((gsize)size + 1);
    n = ringbuf_read(c, bytes, (size_t)size);
    text =
        is_base64(args) ? g_base64_encode((guchar *)bytes, n) : g_utf8_make_valid(bytes, (gssize)n);
    *result = json_string(text);
    return true;
}
