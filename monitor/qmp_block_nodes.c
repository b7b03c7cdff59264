/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_block_nodes.c: what is changed about nodes that are open, and how they hang together.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* The drive in whose tree the node is, and where; NULL: in none. */
static struct block_backend *drive_above(struct machine *m, const struct block_node *node)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        for (struct block_node *n = blk->root; n; n = n->driver->filter ? n->file : n->backing) {
            if (n == node || n->file == node || n->data_file == node) {
                return blk;
            }
        }
    }
    return NULL;
}

/* Nobody's transfer of the node runs until unlock(blk).  False and *error: it has a job. */
static bool hold(struct machine *m, const struct block_node *node, struct block_backend **blk,
                 GError **error)
{
    *blk = drive_above(m, node);
    if (*blk && (*blk)->job) {
        set_error(error, "Node '%s' is busy: block device is in use by block job: %s",
                  node->node_name, (*blk)->id);
        return false;
    }
    if (*blk) {
        block_lock(*blk);
        block_drain(*blk);
    }
    block_exports_quiesce(m);
    return true;
}

static void let_go(struct block_backend *blk)
{
    if (blk) {
        block_unlock(blk);
    }
}

/* change-backing-file ------------------------------------------------------------------------- */

static bool is_in_chain(struct block_backend *blk, const struct block_node *image)
{
    struct block_node *n = blk->root ? qmp_image_of(blk->root) : NULL;

    while (n && n != image) {
        n = n->backing ? qmp_image_of(n->backing) : NULL;
    }
    return n != NULL;
}

static bool write_backing(struct block_node *image, const char *name, GError **error)
{
    g_autofree char *format = g_strdup(image->backing_format);
    bool was_read_only = image->read_only, ok;

    ok = block_node_set_read_only(image, false, error) &&
         block_node_change_backing(image, *name ? name : NULL, *name ? format : NULL, error);
    if (was_read_only && !block_node_set_read_only(image, true, ok ? error : NULL)) {
        ok = false;
    }
    return ok;
}

bool qmp_change_backing_file(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct block_backend *blk = qmp_drive_or_node(s, qmp_str(args, "device", ""), error), *held;
    struct block_node *image =
        blk ? qmp_find_node(s, qmp_str(args, "image-node-name", ""), error) : NULL;
    bool ok;

    (void)result;
    if (!image) {
        return false;
    }
    if (!is_in_chain(blk, image)) {
        set_error(error, "'%s' and image file are not in the same chain",
                  qmp_str(args, "device", ""));
        return false;
    }
    if (!image->backing) {
        set_error(error, "not allowing backing file change on an image without a backing file");
        return false;
    }
    if (!hold(qmp_machine(s), image, &held, error)) {
        return false;
    }
    ok = write_backing(image, qmp_str(args, "backing-file", ""), error);
    let_go(held);
    return ok;
}

/* block-set-write-threshold ------------------------------------------------------------------- */

bool qmp_block_set_write_threshold(struct qmp_session *s, json_t *args, json_t **result,
                                   GError **error)
{
    const char *name = qmp_str(args, "node-name", "");
    struct block_node *node = block_graph_find(block_graph_of(qmp_machine(s)), name);

    (void)result;
    if (!node) {
        set_error(error, "Device '%s' not found", name);
        return false;
    }
    __atomic_store_n(&node->write_threshold, (uint64_t)qmp_int(args, "write-threshold", 0),
                     __ATOMIC_RELAXED);
    return true;
}

/* x-debug-query-block-graph ------------------------------------------------------------------- */

struct graph {
    json_t *nodes, *edges;
    GHashTable *ids; /* by pointers */
};

static json_int_t id_of(struct graph *g, const void *what)
{
    return GPOINTER_TO_INT(g_hash_table_lookup(g->ids, what));
}

static void add_point(struct graph *g, const void *what, const char *type, const char *name)
{
    unsigned id = g_hash_table_size(g->ids) + 1;

    g_hash_table_insert(g->ids, (gpointer)what, GUINT_TO_POINTER(id));
    json_array_append_new(
        g->nodes, json_pack("{s:i, s:s, s:o}", "id", id, "type", type, "name", qmp_text(name)));
}

static void add_edge(struct graph *g, const void *from, const struct block_node *to,
                     const char *name, bool writes)
{
    if (to && id_of(g, to)) {
        json_t *perm = json_pack("[s]", "consistent-read");

        if (writes) {
            json_array_append_new(perm, json_string("write"));
        }
        json_array_append_new(g->edges,
                              json_pack("{s:I, s:I, s:s, s:o, s:[s]}", "parent", id_of(g, from),
                                        "child", id_of(g, to), "name", name, "perm", perm,
                                        "shared-perm", "consistent-read"));
    }
}

static void add_jobs(struct machine *m, struct graph *g)
{
    struct block_live *job;
    struct block_live_info info;

    for (unsigned i = 0; (job = block_live_at(m, i)); i++) {
        block_live_info(job, &info);
        add_point(g, job, "block-job", info.id);
    }
}

bool qmp_query_block_graph(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    struct graph g = { json_array(), json_array(), g_hash_table_new(NULL, NULL) };
    g_autoptr(GPtrArray) nodes = block_graph_nodes(block_graph_of(m));
    struct block_backend *blk;

    (void)args;
    (void)error;
    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        add_point(&g, blk, "block-backend", blk->of_node ? "" : blk->id);
    }
    add_jobs(m, &g);
    for (unsigned i = 0; i < nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(nodes, i);

        add_point(&g, n, "block-driver", n->node_name);
    }
    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        add_edge(&g, blk, blk->root, "root", !block_read_only(blk));
    }
    for (unsigned i = 0; i < nodes->len; i++) {
        const struct block_node *n = g_ptr_array_index(nodes, i);

        add_edge(&g, n, n->file, "file", !n->read_only);
        add_edge(&g, n, n->data_file, "data-file", !n->read_only);
        add_edge(&g, n, n->backing, "backing", false);
    }
    g_hash_table_unref(g.ids);
    *result = json_pack("{s:o, s:o}", "nodes", g.nodes, "edges", g.edges);
    return true;
}

/* blockdev-reopen ----------------------------------------------------------------------------- */

/* One node as it was, and as it is to be. */
struct reopening {
    struct block_node *node, *backing; /* backing: the new one, not counted; NULL: none */
    bool read_only, discard, detect_zeroes, detect_unmap, moves;
};

/* Options that may be given, but must say what is. */
static bool is_same(const struct block_node *node, const char *key, const char *value)
{
    bool on = strcmp(value, "on") == 0 || strcmp(value, "true") == 0;
    enum block_cache cache = node->cache;

    if (strcmp(key, "driver") == 0) {
        return strcmp(value, node->driver->name) == 0;
    }
    if (strcmp(key, "file") == 0 || strcmp(key, "data-file") == 0) {
        const struct block_node *child = *key == 'f' ? node->file : node->data_file;

        return child && strcmp(child->node_name, value) == 0;
    }
    if (strcmp(key, "cache.direct") == 0) {
        return on == (cache == BLOCK_CACHE_NONE || cache == BLOCK_CACHE_DIRECTSYNC);
    }
    if (strcmp(key, "cache.no-flush") == 0) {
        return on == (cache == BLOCK_CACHE_UNSAFE);
    }
    if (g_str_has_prefix(key, "file.") && node->file) {
        return g_strcmp0(block_options_get(node->file->options, key + strlen("file.")), value) == 0;
    }
    return g_strcmp0(block_options_get(node->options, key), value) == 0;
}

static bool may_be_other(const char *key)
{
    static const char *const keys[] = { "node-name",     "read-only", "auto-read-only", "discard",
                                        "detect-zeroes", "backing",   "force-share" };

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strcmp(keys[i], key) == 0) {
            return true;
        }
    }
    return false;
}

static bool find_backing(struct qmp_session *s, const char *name, struct reopening *r,
                         GError **error)
{
    struct block_node *now = r->node->backing;

    r->backing = now;
    if (!name || (*name ? now && strcmp(qmp_image_of(now)->node_name, name) == 0 : !now)) {
        return true;
    }
    r->moves = true;
    r->backing = *name ? qmp_find_node(s, name, error) : NULL;
    return !*name || r->backing;
}

static bool read_request(struct qmp_session *s, json_t *options, struct reopening *r,
                         GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    const char *name = qmp_str(options, "node-name", NULL);
    const char *detect = qmp_str(options, "detect-zeroes", "off");
    const char *discard = qmp_str(options, "discard", "ignore");
    char *text = json_dumps(options, 0);
    bool ok = block_options_parse_json(o, text, error);

    free(text);
    if (!ok) {
        return false;
    }
    if (!name) {
        set_error(error, "node-name not specified");
        return false;
    }
    r->node = block_graph_find(block_graph_of(qmp_machine(s)), name);
    if (!r->node) {
        set_error(error, "Failed to find node with node-name='%s'", name);
        return false;
    }
    for (unsigned i = 0; i < block_options_count(o); i++) {
        const char *key = block_options_key(o, i);

        if (!may_be_other(key) && !is_same(r->node, key, block_options_value(o, i))) {
            set_error(error, "Cannot change the option '%s'", key);
            return false;
        }
    }
    r->read_only = qmp_bool(options, "read-only", false);
    r->discard = strcmp(discard, "unmap") == 0 || strcmp(discard, "on") == 0;
    r->detect_zeroes = strcmp(detect, "off") != 0;
    r->detect_unmap = strcmp(detect, "unmap") == 0;
    return find_backing(s, block_options_get(o, "backing"), r, error);
}

/* *r becomes what undoes it. */
static bool apply(struct reopening *r, GError **error)
{
    struct block_node *node = r->node;
    struct reopening old = { .node = node,
                             .backing = node->backing,
                             .read_only = node->read_only,
                             .discard = node->discard,
                             .detect_zeroes = node->detect_zeroes,
                             .detect_unmap = node->detect_unmap,
                             .moves = r->moves };

    if (!node->inactive && !block_node_set_read_only(node, r->read_only, error)) {
        return false;
    }
    node->discard = r->discard;
    node->detect_zeroes = r->detect_zeroes;
    node->detect_unmap = r->detect_unmap;
    if (r->moves) {
        node->backing = r->backing ? block_node_ref(r->backing) : NULL;
    }
    *r = old; /* its count of the backing node, too, if that moved */
    return true;
}

/* Is it `node`, or something over it? */
static bool stands_on(const struct block_node *n, const struct block_node *node)
{
    return n && (n == node || stands_on(n->file, node) || stands_on(n->data_file, node) ||
                 stands_on(n->backing, node));
}

static bool reopen(struct machine *m, struct reopening *r, GError **error)
{
    struct block_backend *blk;
    bool ok;

    /* Only now: those before it in the list may have moved what is below. */
    if (r->moves && stands_on(r->backing, r->node)) {
        set_error(error, "Making '%s' a backing child of '%s' would create a cycle",
                  r->backing->node_name, r->node->node_name);
        return false;
    }
    if (!hold(m, r->node, &blk, error)) {
        return false;
    }
    if (r->read_only && blk && blk->front && !block_read_only(blk) &&
        qmp_drive_of_node(m, r->node) == blk) {
        set_error(error, "Block node '%s' is written to by device '%s': it cannot be read-only",
                  r->node->node_name, blk->id);
        let_go(blk);
        return false;
    }
    ok = apply(r, error);
    let_go(blk);
    return ok;
}

/* Back to what it was; the new backing node's count is given back. */
static void undo(struct machine *m, struct reopening *r)
{
    struct block_backend *blk = NULL;

    if (hold(m, r->node, &blk, NULL)) {
        struct block_node *added = r->moves ? r->node->backing : NULL;

        r->node->backing = r->moves ? r->backing : r->node->backing;
        r->moves = false;
        (void)apply(r, NULL);
        let_go(blk);
        block_node_close(added);
    }
}

bool qmp_blockdev_reopen(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    json_t *list = json_object_get(args, "options"), *options;
    g_autofree struct reopening *all = g_new0(struct reopening, json_array_size(list));
    size_t n, done = 0;
    bool ok = true;

    (void)result;
    json_array_foreach(list, n, options)
    {
        if (!read_request(s, options, &all[n], error)) {
            return false;
        }
    }
    while (ok && done < json_array_size(list)) {
        ok = reopen(qmp_machine(s), &all[done], error);
        done += ok;
    }
    for (size_t i = done; !ok && i-- > 0;) {
        undo(qmp_machine(s), &all[i]);
    }
    for (size_t i = 0; ok && i < done; i++) {
        if (all[i].moves) {
            block_node_close(all[i].backing); /* of before */
        }
    }
    return ok;
}
