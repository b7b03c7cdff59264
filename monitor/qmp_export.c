/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_export.c: the machine's NBD server, and the nodes that it exports, for both monitors.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/export.h"
#include "block/nbd_proto.h"
#include "monitor/command.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/socket.h"

#define MAX_CONNECTIONS 100 /* unless something else is said */

/* The server ---------------------------------------------------------------------------------- */

/* "addr": {"type": "unix", "data": {...}} with names of getfd replaced, which *fds then has.  NULL and *error. */
static GPtrArray *address_options(struct qmp_session *s, json_t *addr, GArray **fds, GError **error)
{
    json_t *flat = json_deep_copy(json_object_get(addr, "data")),
           *wrapped = json_pack("{s:o}", "addr", flat);
    g_autoptr(GPtrArray) opts = NULL;

    json_object_set(flat, "type", json_object_get(addr, "type"));
    opts = json_pairs(wrapped, error);
    json_decref(wrapped);
    *fds = opts ? qmp_replace_fds(s, opts, error) : NULL;
    return *fds ? g_steal_pointer(&opts) : NULL;
}

bool qmp_nbd_server_start(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *addr = json_object_get(args, "addr");
    struct socket_address a = { .fd = -1 };
    g_autoptr(GPtrArray) opts = NULL;
    GArray *fds;
    bool ok;

    (void)result;
    if (json_object_get(args, "tls-creds") || json_object_get(args, "tls-authz")) {
        set_error(error, "Parameter 'tls-creds' is not supported: there is no TLS for NBD");
        return false;
    }
    opts = address_options(s, addr, &fds, error);
    if (!opts) {
        return false;
    }
    ok = socket_address_take_options(&a, qmp_str(addr, "type", ""), opts, "addr.", error);
    if (ok) {
        qmp_end_fds(fds, true); /* whoever begins with it */
        ok = block_nbd_start(qmp_machine(s), &a,
                             (unsigned)qmp_int(args, "max-connections", MAX_CONNECTIONS), error);
    } else {
        qmp_end_fds(fds, false);
    }
    socket_address_clear(&a);
    return ok;
}

bool qmp_nbd_server_stop(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)args;
    (void)result;
    return block_nbd_stop(qmp_machine(s), error);
}

/* Exports ------------------------------------------------------------------------------------- */

/* A drive's image or a node; NULL and *error. */
static struct block_node *find_node(struct machine *m, const char *name, GError **error)
{
    struct block_backend *blk = block_backend_find(m, name);
    struct block_node *node = block_graph_find(block_graph_of(m), name);

    if (!node && blk && !blk->root) {
        set_error(error, "Device '%s' has no medium", name);
        return NULL;
    }
    node = node || !blk ? node : qmp_image_of(blk->root);
    if (!node) {
        set_error(error, "Cannot find device='%s' nor node-name='%s'", name, name);
    }
    return node;
}

bool qmp_nbd_server_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *device = qmp_str(args, "device", "");
    struct block_export_options o = {
        .id = qmp_str(args, "name", device),
        .description = qmp_str(args, "description", NULL),
        .bitmap = qmp_str(args, "bitmap", NULL),
        .writable = qmp_bool(args, "writable", false),
    };
    struct block_node *node = find_node(qmp_machine(s), device, error);

    (void)result;
    /* What only can be read is exported so, as it always was. */
    o.writable = o.writable && node && (!node->read_only || node->inactive);
    return node && block_export_add(qmp_machine(s), node, &o, error);
}

static bool is_hard(const json_t *args)
{
    return strcmp(qmp_str(args, "mode", "safe"), "hard") == 0;
}

/* By the name that clients know. */
static bool remove_named(struct machine *m, const char *name, bool hard, GError **error)
{
    const struct block_export *e = block_export_named(m, name);

    if (!e) {
        set_error(error, "Export '%s' is not found", name);
        return false;
    }
    return block_export_del(m, e->id, hard, error);
}

bool qmp_nbd_server_remove(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return remove_named(qmp_machine(s), qmp_str(args, "name", ""), is_hard(args), error);
}

/* Each is a name, or a node and a name. */
static bool take_bitmaps(const json_t *args, struct block_export_options *o, GError **error)
{
    json_t *list = json_object_get(args, "bitmaps"), *first = json_array_get(list, 0);

    if (json_array_size(list) > 1) {
        set_error(error, "Parameter 'bitmaps' takes one bitmap");
        return false;
    }
    if (json_is_object(first) &&
        strcmp(qmp_str(first, "node", ""), qmp_str(args, "node-name", "")) != 0) {
        set_error(error, "Bitmap '%s' must be of the node that is exported",
                  qmp_str(first, "name", ""));
        return false;
    }
    o->bitmap = json_is_object(first) ? qmp_str(first, "name", "") : json_string_value(first);
    return true;
}

bool qmp_block_export_add(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *type = qmp_str(args, "type", ""), *id = qmp_str(args, "id", "");
    struct block_export_options o = {
        .id = id,
        .name = qmp_str(args, "name", qmp_str(args, "node-name", "")),
        .description = qmp_str(args, "description", NULL),
        .writable = qmp_bool(args, "writable", false),
        .writethrough = qmp_bool(args, "writethrough", false),
        .allocation_depth = qmp_bool(args, "allocation-depth", false),
    };
    struct block_node *node;

    (void)result;
    if (strcmp(type, "nbd") != 0) {
        set_error(error, "Export type '%s' is not supported, only nbd", type);
        return false;
    }
    if (json_object_get(args, "iothread")) {
        set_error(error,
                  "Parameter 'iothread' is not supported: exports have threads of their own");
        return false;
    }
    if (!g_ascii_isalpha(*id)) {
        set_error(error, "Invalid block export id");
        return false;
    }
    node = qmp_find_node(s, qmp_str(args, "node-name", ""), error);
    return node && take_bitmaps(args, &o, error) &&
           block_export_add(qmp_machine(s), node, &o, error);
}

bool qmp_block_export_del(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return block_export_del(qmp_machine(s), qmp_str(args, "id", ""), is_hard(args), error);
}

bool qmp_query_block_exports(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct block_export *e;

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; (e = block_export_at(qmp_machine(s), i)); i++) {
        json_array_append_new(*result, json_pack("{s:s, s:o, s:s, s:b}", "type", "nbd", "id",
                                                 qmp_text(e->id), "node-name", e->node->node_name,
                                                 "shutting-down", 0));
    }
    return true;
}

/* The human monitor --------------------------------------------------------------------------- */

/* Flags of these letters, then words.  NULL and *error: others, or not as many words as there must be. */
static char **split(const char *command, const char *args, const char *flags, unsigned min,
                    unsigned max, bool given[128], GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    unsigned n = 0;

    for (char **w = words; *w; w++) {
        if (n == 0 && (*w)[0] == '-' && (*w)[1] && !(*w)[2] && strchr(flags, (*w)[1])) {
            given[(unsigned char)(*w)[1] & 127] = true;
        } else if (**w) {
            char *word = *w;

            *w = words[n];
            words[n++] = word;
        }
    }
    if (n < min || n > max) {
        set_error(error, "%s: see 'help %s' for what it takes", command, command);
        return NULL;
    }
    for (unsigned i = n; words[i]; i++) {
        g_clear_pointer(&words[i], g_free);
    }
    return g_steal_pointer(&words);
}

/* nbd_server_start -a: what has a medium; -w: to be written, where nobody else does. */
static bool export_all(struct machine *m, bool writable, GError **error)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        struct block_export_options o = { .id = blk->id, .writable = writable };
        struct block_node *image = blk->root ? qmp_image_of(blk->root) : NULL;

        if (image && !block_export_add(m, image, &o, error)) {
            (void)block_nbd_stop(m, NULL);
            return false;
        }
    }
    return true;
}

bool command_nbd_server_start(struct machine *m, const char *args, GString *out, GError **error)
{
    bool given[128] = { false }, ok;
    g_auto(GStrv) words = split("nbd_server_start", args, "aw", 1, 1, given, error);
    struct socket_address a = { .fd = -1 };

    (void)out;
    if (!words) {
        return false;
    }
    if (given['w'] && !given['a']) {
        set_error(error, "-w only valid together with -a");
        return false;
    }
    if (g_str_has_prefix(words[0], "unix:")) {
        a.kind = SOCKET_ADDRESS_UNIX;
        a.path = g_strdup(words[0] + strlen("unix:"));
        a.tight = true;
        ok = true;
    } else {
        ok = socket_address_parse(&a, words[0], error);
    }
    ok =
        ok && block_nbd_start(m, &a, 0, error) && (!given['a'] || export_all(m, given['w'], error));
    socket_address_clear(&a);
    return ok;
}

bool command_nbd_server_add(struct machine *m, const char *args, GString *out, GError **error)
{
    bool given[128] = { false };
    g_auto(GStrv) words = split("nbd_server_add", args, "w", 1, 2, given, error);
    struct block_export_options o = { .writable = given['w'] };
    struct block_node *node;

    (void)out;
    if (!words) {
        return false;
    }
    o.id = words[1] ? words[1] : words[0];
    node = find_node(m, words[0], error);
    return node && block_export_add(m, node, &o, error);
}

bool command_nbd_server_remove(struct machine *m, const char *args, GString *out, GError **error)
{
    bool given[128] = { false };
    g_auto(GStrv) words = split("nbd_server_remove", args, "f", 1, 1, given, error);

    (void)out;
    return words && remove_named(m, words[0], given['f'], error);
}

bool command_nbd_server_stop(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    return block_nbd_stop(m, error);
}
