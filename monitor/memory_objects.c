/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/memory_objects.c: see memory_objects.h; query-memdev.
 */
#include "monitor/memory_objects.h"

#include <string.h>
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "softmmu/memory_backend.h"
#include "util/error.h"
#include "util/text.h"

#define NODES_KEY "host-nodes"

/* clang-format off */
#define COMMON_ROWS(share)                                                                                              \
    { "dump",            BLOCK_OPTION_BOOL,   NULL,  "is in the host's core dumps of this program", 0, 0, NULL },       \
    { NODES_KEY,         BLOCK_OPTION_TREE,   NULL,  "the host's NUMA nodes that it comes from: N or N-M", 0, 0, NULL }, \
    { "merge",           BLOCK_OPTION_BOOL,   NULL,  "the host may merge equal pages", 0, 0, NULL },                    \
    { "policy",          BLOCK_OPTION_CHOICE, "default", "how it comes from them", 0, 0, "default|preferred|bind|interleave" }, \
    { "prealloc",        BLOCK_OPTION_BOOL,   NULL,  "take all of it from the host at once", 0, 0, NULL },              \
    { "prealloc-threads", BLOCK_OPTION_UINT,  "1",   "threads that do that", 1, 256, NULL },                            \
    { "reserve",         BLOCK_OPTION_BOOL,   "on",  "the host makes sure that there is as much", 0, 0, NULL },         \
    { "share",           BLOCK_OPTION_BOOL,   share, "others who map it see what the guest writes", 0, 0, NULL },       \
    { "size",            BLOCK_OPTION_SIZE,   NULL,  "bytes", 1, 0, NULL },                                             \
    { "x-use-canonical-path-for-ramblock-id", BLOCK_OPTION_BOOL, "off", "accepted: the id is its name", 0, 0, NULL }

const struct block_option_row memory_ram_rows[] = { COMMON_ROWS("off"), { 0 } };
const struct block_option_row memory_file_rows[] = {
    { "align",           BLOCK_OPTION_SIZE,   "0",   "the alignment of its address here, in bytes", 0, 0, NULL },
    { "discard-data",    BLOCK_OPTION_BOOL,   "off", "what the file holds is worth nothing at the end", 0, 0, NULL },
    { "mem-path",        BLOCK_OPTION_STRING, NULL,  "the file, or a folder for one without a name", 0, 0, NULL },
    { "pmem",            BLOCK_OPTION_BOOL,   "off", "persistent memory: off only", 0, 0, NULL },
    { "readonly",        BLOCK_OPTION_BOOL,   "off", "for NVDIMMs: off only", 0, 0, NULL },
    COMMON_ROWS("off"),
    { 0 }
};
const struct block_option_row memory_memfd_rows[] = {
    { "hugetlb",         BLOCK_OPTION_BOOL,   "off", "from the host's pool of huge pages", 0, 0, NULL },
    { "hugetlbsize",     BLOCK_OPTION_SIZE,   "0",   "the size of such a page in bytes (0: the host's default)", 0, 0, NULL },
    { "seal",            BLOCK_OPTION_BOOL,   "on",  "its size cannot change", 0, 0, NULL },
    COMMON_ROWS("on"),
    { 0 }
};
/* clang-format on */

/* "N" or "N-M". */
static bool add_host_nodes(uint64_t *nodes, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "-", 2);
    uint64_t first, last;

    if (!parts[0] || !parse_uint(parts[0], 0, MEMORY_HOST_NODES - 1, &first) ||
        !parse_uint(parts[1] ? parts[1] : parts[0], first, MEMORY_HOST_NODES - 1, &last)) {
        set_error(error, "host-nodes is '%s', must be a node or a range N-M within 0 to %u", text,
                  MEMORY_HOST_NODES - 1);
        return false;
    }
    for (uint64_t i = first; i <= last; i++) {
        nodes[i / 64] |= 1ull << (i % 64);
    }
    return true;
}

static bool parse_host_nodes(const struct block_options *o, uint64_t *nodes, GError **error)
{
    for (unsigned i = 0; i < block_options_count(o); i++) {
        const char *key = block_options_key(o, i);

        if (g_str_has_prefix(key, NODES_KEY) &&
            (key[strlen(NODES_KEY)] == '\0' || key[strlen(NODES_KEY)] == '.') &&
            !add_host_nodes(nodes, block_options_value(o, i), error)) {
            return false;
        }
    }
    return true;
}

static bool add_memory(struct machine *m, const char *id, const struct block_options *o,
                       const struct block_option_row *rows, struct memory_backend_options *mo,
                       GError **error)
{
    const char *policy = block_option_string(o, rows, "policy");

    mo->size = block_option_uint(o, rows, "size");
    mo->share = block_option_bool(o, rows, "share");
    mo->prealloc = block_options_get(o, "prealloc") ? block_option_bool(o, rows, "prealloc")
                                                    : m->config.mem_prealloc;
    mo->prealloc_threads = (unsigned)block_option_uint(o, rows, "prealloc-threads");
    mo->reserve = block_option_bool(o, rows, "reserve");
    mo->merge = block_options_get(o, "merge") ? block_option_bool(o, rows, "merge")
                                              : !m->config.no_mem_merge;
    mo->dump = block_options_get(o, "dump") ? block_option_bool(o, rows, "dump")
                                            : !m->config.no_dump_guest_core;
    while (strcmp(memory_policy_names[mo->policy], policy) != 0) { /* it is one of them */
        mo->policy++;
    }
    return parse_host_nodes(o, mo->host_nodes, error) && memory_backend_new(m, id, mo, error);
}

bool add_memory_ram(struct machine *m, const char *id, const struct block_options *o,
                    const char *text, GError **error)
{
    struct memory_backend_options mo = { .kind = MEMORY_BACKEND_RAM };

    (void)text;
    return add_memory(m, id, o, memory_ram_rows, &mo, error);
}

bool add_memory_file(struct machine *m, const char *id, const struct block_options *o,
                     const char *text, GError **error)
{
    struct memory_backend_options mo = {
        .kind = MEMORY_BACKEND_FILE,
        .path = block_options_get(o, "mem-path"),
        .align = block_option_uint(o, memory_file_rows, "align"),
        .discard_data = block_option_bool(o, memory_file_rows, "discard-data"),
    };

    (void)text;
    if (!mo.path || !*mo.path) {
        set_error(error, "mem-path property not set");
        return false;
    }
    if (block_option_bool(o, memory_file_rows, "pmem") ||
        block_option_bool(o, memory_file_rows, "readonly")) {
        set_error(error, "memory-backend-file: pmem=on and readonly=on are for NVDIMMs, which are "
                         "not supported; leave them off");
        return false;
    }
    return add_memory(m, id, o, memory_file_rows, &mo, error);
}

bool add_memory_memfd(struct machine *m, const char *id, const struct block_options *o,
                      const char *text, GError **error)
{
    struct memory_backend_options mo = {
        .kind = MEMORY_BACKEND_MEMFD,
        .hugetlb = block_option_bool(o, memory_memfd_rows, "hugetlb"),
        .hugetlb_size = block_option_uint(o, memory_memfd_rows, "hugetlbsize"),
        .seal = block_option_bool(o, memory_memfd_rows, "seal"),
    };

    (void)text;
    if (mo.hugetlb_size & (mo.hugetlb_size - 1)) {
        set_error(error, "memory-backend-memfd: hugetlbsize is %s, must be a power of two",
                  block_options_get(o, "hugetlbsize"));
        return false;
    }
    return add_memory(m, id, o, memory_memfd_rows, &mo, error);
}

static bool has_kind(struct machine *m, const char *id, enum memory_backend_kind kind)
{
    const struct memory_backend *b = memory_backend_find(m, id);

    return b && b->options.kind == kind;
}

bool has_memory_ram(struct machine *m, const char *id)
{
    return has_kind(m, id, MEMORY_BACKEND_RAM);
}

bool has_memory_file(struct machine *m, const char *id)
{
    return has_kind(m, id, MEMORY_BACKEND_FILE);
}

bool has_memory_memfd(struct machine *m, const char *id)
{
    return has_kind(m, id, MEMORY_BACKEND_MEMFD);
}

bool del_memory(struct machine *m, const char *id, GError **error)
{
    return memory_backend_delete(m, memory_backend_find(m, id), error);
}

/* QMP ------------------------------------------------------------------------------------------- */

static json_t *describe(const char *id, const struct memory_backend_options *o)
{
    json_t *nodes = json_array();

    for (unsigned i = 0; i < MEMORY_HOST_NODES; i++) {
        if (o->host_nodes[i / 64] >> (i % 64) & 1) {
            json_array_append_new(nodes, json_integer(i));
        }
    }
    return json_pack("{s:s, s:I, s:b, s:b, s:b, s:b, s:b, s:o, s:s}", "id", id, "size",
                     (json_int_t)o->size, "merge", o->merge, "dump", o->dump, "prealloc",
                     o->prealloc, "share", o->share, "reserve", o->reserve, "host-nodes", nodes,
                     "policy", memory_policy_names[o->policy]);
}

/* The board's own memory has the place of a backend, too. */
bool qmp_query_memdev(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const struct machine *m = qmp_machine(s);
    bool used = false;

    (void)args;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < m->memory_backends->len; i++) {
        const struct memory_backend *b = g_ptr_array_index(m->memory_backends, i);

        used |= b->used;
        json_array_append_new(*result, describe(b->id, &b->options));
    }
    if (m->config.ram_size > 0 && !used) {
        const struct memory_backend_options own = {
            .size = m->config.ram_size, .merge = true, .dump = true, .reserve = true
        };

        json_array_append_new(*result, describe("pc.ram", &own));
    }
    return true;
}
