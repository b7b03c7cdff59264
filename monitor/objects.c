/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/objects.c: see objects.h; one row for each type, filters of the network beside them.  object_add,
 * object_del, info iothreads.
 */
#include "monitor/objects.h"

#include <string.h>
#include "block/driver.h"
#include "block/options.h"
#include "monitor/command.h"
#include "monitor/memory_objects.h"
#include "monitor/rng_objects.h"
#include "monitor/tls_objects.h"
#include "net/net.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

struct object_type {
    const char *name;
    const struct block_option_row *rows; /* beside qom-type and id; NULL: checked by add */
    bool (*add)(struct machine *m, const char *id, const struct block_options *o, const char *text,
                GError **error);
    bool (*has)(struct machine *m, const char *id); /* NULL: they stay */
    bool (*del)(struct machine *m, const char *id, GError **error);
};

/* clang-format off */
static const struct block_option_row common_rows[] = {
    { "id",       BLOCK_OPTION_STRING, NULL, "its name", 0, 0, NULL },
    { "qom-type", BLOCK_OPTION_STRING, NULL, "its type", 0, 0, NULL },
    { 0 },
};

static const struct block_option_row iothread_rows[] = {
    { "aio-max-batch",   BLOCK_OPTION_UINT, "0",  "requests to start at a time (accepted: as many as there are)", 0, INT64_MAX, NULL },
    { "poll-grow",       BLOCK_OPTION_UINT, "0",  "accepted, see poll-max-ns", 0, INT64_MAX, NULL },
    { "poll-max-ns",     BLOCK_OPTION_UINT, "0",  "busy waiting (accepted: the thread sleeps until it is woken)", 0, INT64_MAX, NULL },
    { "poll-shrink",     BLOCK_OPTION_UINT, "0",  "accepted, see poll-max-ns", 0, INT64_MAX, NULL },
    { "thread-pool-max", BLOCK_OPTION_UINT, "64", "workers (accepted: drives share those of the machine)", 0, INT64_MAX, NULL },
    { "thread-pool-min", BLOCK_OPTION_UINT, "0",  "accepted, see thread-pool-max", 0, INT64_MAX, NULL },
    { 0 },
};

static const struct block_option_row secret_rows[] = {
    { "data",   BLOCK_OPTION_STRING, NULL,  "the key itself", 0, 0, NULL },
    { "file",   BLOCK_OPTION_STRING, NULL,  "the file that has it", 0, 0, NULL },
    { "format", BLOCK_OPTION_STRING, "raw", "raw or base64", 0, 0, NULL },
    { 0 },
};
/* clang-format on */

/* Types ---------------------------------------------------------------------------------------- */

static bool add_iothread(struct machine *m, const char *id, const struct block_options *o,
                         const char *text, GError **error)
{
    const struct iothread_options options = {
        .poll_max_ns = (int64_t)block_option_uint(o, iothread_rows, "poll-max-ns"),
        .poll_grow = (int64_t)block_option_uint(o, iothread_rows, "poll-grow"),
        .poll_shrink = (int64_t)block_option_uint(o, iothread_rows, "poll-shrink"),
        .aio_max_batch = (int64_t)block_option_uint(o, iothread_rows, "aio-max-batch"),
    };

    (void)text;
    return iothread_new(m, id, &options, error) != NULL;
}

static bool has_iothread(struct machine *m, const char *id)
{
    return iothread_find(m, id) != NULL;
}

static bool del_iothread(struct machine *m, const char *id, GError **error)
{
    return iothread_delete(iothread_find(m, id), error);
}

static bool add_to_graph(struct machine *m, const char *id, const struct block_options *o,
                         const char *text, GError **error)
{
    (void)id;
    (void)o;
    return block_graph_add_object(block_graph_of(m), text, error);
}

static bool has_secret(struct machine *m, const char *id)
{
    size_t len;

    return block_graph_secret(block_graph_of(m), id, &len) != NULL;
}

static bool del_secret(struct machine *m, const char *id, GError **error)
{
    (void)error; /* open images have keys of their own */
    block_graph_del_secret(block_graph_of(m), id);
    return true;
}

static const struct object_type types[] = {
    { "iothread", iothread_rows, add_iothread, has_iothread, del_iothread },
    { "secret", secret_rows, add_to_graph, has_secret, del_secret },
    { "throttle-group", NULL, add_to_graph, NULL, NULL },
    { "rng-builtin", rng_builtin_rows, add_rng_builtin, has_rng_builtin, del_rng },
    { "rng-egd", rng_egd_rows, add_rng_egd, has_rng_egd, del_rng },
    { "rng-random", rng_random_rows, add_rng_random, has_rng_random, del_rng },
    { "tls-creds-anon", tls_anon_rows, add_tls_anon, has_tls_anon, del_tls },
    { "tls-creds-psk", tls_psk_rows, add_tls_psk, has_tls_psk, del_tls },
    { "tls-creds-x509", tls_x509_rows, add_tls_x509, has_tls_x509, del_tls },
    { "memory-backend-file", memory_file_rows, add_memory_file, has_memory_file, del_memory },
    { "memory-backend-memfd", memory_memfd_rows, add_memory_memfd, has_memory_memfd, del_memory },
    { "memory-backend-ram", memory_ram_rows, add_memory_ram, has_memory_ram, del_memory },
};

/* Types of QEMU's that are not there, and why. */
static const struct {
    const char *prefix, *why;
} refused[] = {
    { "cryptodev-", "there is no virtio-crypto device" },
    { "can-", "there are no CAN controllers" },
    { "filter-", "of the filters there is filter-dump" },
    { "colo-", "COLO is not supported" },
    { "authz-", "there are no access lists" },
    { "sev-guest", "guests are not encrypted" },
    { "memory-backend-epc", "there is no SGX" },
    { "thread-context", "use prealloc-threads" },
    { "pr-manager-", "there is no SCSI pass-through" },
    { "input-", "input devices of the host are not passed on" },
    { "tls-cipher-suites", "firmware chooses its own" },
    { "vfio-user-server", "there is no vfio-user" },
    { "x-", "it is experimental" },
    { "secret_keyring", "use -object secret,file=" },
    { "main-loop", "the main loop has no properties" },
};

static const char *why_refused(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        if (name && g_str_has_prefix(name, refused[i].prefix)) {
            return refused[i].why;
        }
    }
    return NULL;
}

/* Objects -------------------------------------------------------------------------------------- */

static const struct object_type *find_type(const char *name)
{
    for (unsigned i = 0; name && i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

static const struct object_type *type_of(struct machine *m, const char *id)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].has && types[i].has(m, id)) {
            return &types[i];
        }
    }
    return NULL;
}

const char *object_type_name(unsigned i)
{
    return i < G_N_ELEMENTS(types)    ? types[i].name
           : i == G_N_ELEMENTS(types) ? "filter-dump"
                                      : NULL;
}

void object_type_properties(const char *name, json_t *list)
{
    const struct object_type *type = find_type(name);

    for (const struct block_option_row *r = type ? type->rows : NULL; r && r->name; r++) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", r->name, "type",
                                              r->type == BLOCK_OPTION_UINT ? "int" : "string",
                                              "description", r->help));
    }
}

bool object_add(struct machine *m, const char *text, GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    g_autofree char *what = NULL;
    const struct object_type *type;
    const char *name, *id;

    if (!block_options_parse_any(o, text, "qom-type", error)) {
        return false;
    }
    name = block_options_get(o, "qom-type");
    if (name && strcmp(name, "filter-dump") == 0) {
        g_autoptr(GPtrArray) opts = json_or_options(text, "qom-type", error);

        return opts && net_filter_add(m, opts, error);
    }
    type = find_type(name);
    if (!type && why_refused(name)) {
        set_error(error, "object type '%s' is not supported: %s", name, why_refused(name));
        return false;
    }
    if (!type) {
        set_error(error, "invalid object type: %s; -object help lists them", name ? name : text);
        return false;
    }
    what = g_strdup_printf("object '%s'", type->name);
    if (type->rows && !block_options_check(o, type->rows, common_rows, what, error)) {
        return false;
    }
    id = block_options_get(o, "id");
    if (!id || !*id) {
        set_error(error, "Parameter 'id' is missing");
        return false;
    }
    if (type_of(m, id)) {
        set_error(error, "attempt to add duplicate property '%s' to object (type 'container')", id);
        return false;
    }
    return type->add(m, id, o, text, error);
}

bool object_delete(struct machine *m, const char *id, GError **error)
{
    const struct object_type *type = type_of(m, id);

    if (type) {
        return type->del(m, id, error);
    }
    if (!net_filter_remove(m, id)) {
        set_error(error, "object '%s' not found (throttle groups cannot be deleted)", id);
        return false;
    }
    return true;
}

bool object_help(const char *text, GString *out)
{
    g_autofree char *name = g_strndup(text, strcspn(text, ","));
    const struct object_type *type = find_type(name);
    const char *rest = text + strlen(name);

    if (strcmp(text, "help") == 0 || strcmp(text, "?") == 0) {
        g_string_append(out, "List of user creatable objects:\n  filter-dump\n");
        for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
            g_string_append_printf(out, "  %s\n", types[i].name);
        }
        return true;
    }
    if (type && type->rows && (strcmp(rest, ",help") == 0 || strcmp(rest, ",?") == 0)) {
        g_string_append_printf(out, "%s options:\n", type->name);
        block_option_help(type->rows, out);
        return true;
    }
    return false;
}

/* Commands ------------------------------------------------------------------------------------- */

bool command_object_add(struct machine *m, const char *args, GString *out, GError **error)
{
    return object_help(args, out) || object_add(m, args, error);
}

bool command_object_del(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return object_delete(m, args, error);
}

bool command_info_iothreads(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    iothread_print(m, out);
    return true;
}
