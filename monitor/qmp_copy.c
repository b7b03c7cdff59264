/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_copy.c: what begins jobs: mirror, backup, stream, commit, create.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/live.h"
#include "monitor/qmp_block.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* What all of them take ----------------------------------------------------------------------- */

static enum block_on_error on_error(const json_t *args, const char *name)
{
    const char *text = qmp_str(args, name, "report");

    return strcmp(text, "ignore") == 0   ? BLOCK_ON_ERROR_IGNORE
           : strcmp(text, "stop") == 0   ? BLOCK_ON_ERROR_STOP
           : strcmp(text, "enospc") == 0 ? BLOCK_ON_ERROR_ENOSPC
                                         : BLOCK_ON_ERROR_REPORT;
}

static enum block_live_sync sync_of(const json_t *args)
{
    const char *text = qmp_str(args, "sync", "full");

    return strcmp(text, "top") == 0    ? BLOCK_LIVE_TOP
           : strcmp(text, "none") == 0 ? BLOCK_LIVE_NONE
           : strcmp(text, "full") == 0 ? BLOCK_LIVE_FULL
                                       : BLOCK_LIVE_INCREMENTAL;
}

/* The drive of "device", and the options; NULL and *error. */
static struct block_backend *begin(struct qmp_session *s, const json_t *args,
                                   struct block_live_options *o, GError **error)
{
    const char *device = qmp_str(args, "device", "");
    struct block_node *node = block_graph_find(block_graph_of(qmp_machine(s)), device);
    struct block_backend *blk;

    *o = (struct block_live_options){ .id = qmp_str(args, "job-id", NULL),
                                      .sync = sync_of(args),
                                      .speed = (uint64_t)qmp_int(args, "speed", 0),
                                      .compress = qmp_bool(args, "compress", false),
                                      .bitmap = qmp_str(args, "bitmap", NULL),
                                      .wait_finalize = !qmp_bool(args, "auto-finalize", true),
                                      .keep = !qmp_bool(args, "auto-dismiss", true) };
    o->on_source_error =
        on_error(args, json_object_get(args, "on-error") ? "on-error" : "on-source-error");
    o->on_target_error = on_error(args, "on-target-error");
    if (qmp_int(args, "speed", 0) < 0) {
        set_error(error, "Parameter 'speed' expects a non-negative value");
        return NULL;
    }
    blk = node ? qmp_drive_of_node(qmp_machine(s), node) : NULL;
    if (!blk && node) { /* nobody uses it: a drive for the job alone */
        blk = qmp_machine(s)->find_drive(qmp_machine(s), device);
    }
    blk = blk ? blk : qmp_drive_or_node(s, device, error);
    if (blk && (o->id ? !*o->id : blk->of_node)) {
        set_error(error, "Invalid job ID '%s'", o->id ? o->id : "");
        return NULL;
    }
    if (blk && !blk->root) {
        set_error(error, "Device '%s' has no medium", device);
        return NULL;
    }
    return blk;
}

/* Members that say where in a chain: what is not there. */
static bool check_absent(const json_t *args, const char *const *names, GError **error)
{
    for (; *names; names++) {
        if (json_object_get(args, *names)) {
            set_error(error, "Parameter '%s' is not supported", *names);
            return false;
        }
    }
    return true;
}

static struct block_node *target_node(struct qmp_session *s, const json_t *args, GError **error)
{
    const char *name = qmp_str(args, "target", "");
    struct block_node *node = block_graph_find(block_graph_of(qmp_machine(s)), name);

    if (!node) {
        set_error(error, "Cannot find device='%s' nor node-name='%s'", name, name);
        return NULL;
    }
    if (qmp_drive_of_node(qmp_machine(s), node)) {
        set_error(error, "Node '%s' is busy: a drive uses it", name);
        return NULL;
    }
    return block_node_ref(node);
}

/* Mirror and backup --------------------------------------------------------------------------- */

typedef struct block_live *copy_fn(struct block_backend *blk, struct block_node *target,
                                   const struct block_live_options *o, GError **error);

static bool copy_to_node(struct qmp_session *s, json_t *args, copy_fn *fn, GError **error)
{
    static const char *const absent[] = { "replaces", "x-perf", NULL };
    struct block_live_options o;
    struct block_backend *blk;
    struct block_node *target;

    if (!check_absent(args, absent, error)) {
        return false;
    }
    blk = begin(s, args, &o, error);
    target = blk ? target_node(s, args, error) : NULL;
    return target && fn(blk, target, &o, error);
}

static bool copy_to_file(struct qmp_session *s, json_t *args, copy_fn *fn, GError **error)
{
    static const char *const absent[] = { "replaces", "x-perf", "node-name", NULL };
    bool reuse = strcmp(qmp_str(args, "mode", "absolute-paths"), "existing") == 0;
    struct block_live_options o;
    struct block_backend *blk;
    struct block_node *target;

    if (!check_absent(args, absent, error)) {
        return false;
    }
    blk = begin(s, args, &o, error);
    if (!blk) {
        return false;
    }
    if (o.sync == BLOCK_LIVE_TOP && !qmp_image_of(blk->root)->backing) {
        o.sync = BLOCK_LIVE_FULL;
    }
    target = monitor_open_target(blk, qmp_str(args, "target", ""), qmp_str(args, "format", NULL),
                                 reuse, o.sync == BLOCK_LIVE_FULL, error);
    return target && fn(blk, target, &o, error);
}

static bool check_mirror(const json_t *args, GError **error)
{
    if (strcmp(qmp_str(args, "sync", "full"), "incremental") == 0 ||
        strcmp(qmp_str(args, "sync", "full"), "bitmap") == 0) {
        set_error(error, "Sync mode '%s' not supported", qmp_str(args, "sync", ""));
        return false;
    }
    return true;
}

bool qmp_blockdev_mirror(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return check_mirror(args, error) && copy_to_node(s, args, block_live_mirror, error);
}

bool qmp_drive_mirror(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return check_mirror(args, error) && copy_to_file(s, args, block_live_mirror, error);
}

bool qmp_blockdev_backup(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return copy_to_node(s, args, block_live_backup, error);
}

bool qmp_drive_backup(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return copy_to_file(s, args, block_live_backup, error);
}

/* Stream and commit --------------------------------------------------------------------------- */

/* The layer below the drive's image that has this node-name or file name; NULL and *error. */
static struct block_node *find_below(struct block_backend *blk, const char *node_name,
                                     const char *file, GError **error)
{
    struct block_node *n = qmp_image_of(blk->root);

    while (n->backing) {
        struct block_node *below = qmp_image_of(n->backing);

        if (node_name
                ? strcmp(below->node_name, node_name) == 0
                : g_strcmp0(n->backing_name, file) == 0 || strcmp(below->filename, file) == 0) {
            return below;
        }
        n = below;
    }
    set_error(error, "Can't find '%s' in the backing chain", node_name ? node_name : file);
    return NULL;
}

bool qmp_block_stream(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    static const char *const absent[] = { "bottom", NULL };
    const char *base = qmp_str(args, "base", NULL), *base_node = qmp_str(args, "base-node", NULL);
    struct block_live_options o;
    struct block_node *node = NULL;
    struct block_backend *blk;
    const char *name;

    (void)result;
    if (base && base_node) {
        set_error(error, "'base' and 'base-node' cannot be specified at the same time");
        return false;
    }
    if (!check_absent(args, absent, error) || !(blk = begin(s, args, &o, error))) {
        return false;
    }
    if ((base || base_node) && !(node = find_below(blk, base_node, base, error))) {
        return false;
    }
    name = qmp_str(args, "backing-file", base ? base : node ? node->filename : NULL);
    return block_live_stream(blk, node, name, &o, error) != NULL;
}

/* The layer that "top" and "top-node" name: the drive's image unless something else is said; NULL and *error. */
static struct block_node *find_top(struct block_backend *blk, const json_t *args, GError **error)
{
    const char *top = qmp_str(args, "top", NULL), *top_node = qmp_str(args, "top-node", NULL);
    struct block_node *image = qmp_image_of(blk->root);

    if (top && top_node) {
        set_error(error, "'top-node' and 'top' are mutually exclusive");
        return NULL;
    }
    if ((!top && !top_node) || (top_node && strcmp(image->node_name, top_node) == 0) ||
        (top && strcmp(image->filename, top) == 0)) {
        return image;
    }
    return find_below(blk, top_node, top, error);
}

bool qmp_block_commit(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *base = qmp_str(args, "base", NULL), *base_node = qmp_str(args, "base-node", NULL);
    const char *name = qmp_str(args, "backing-file", NULL);
    struct block_live_options o;
    struct block_node *top, *node;
    struct block_backend *blk = begin(s, args, &o, error);

    (void)result;
    if (base && base_node) {
        set_error(error, "'base-node' and 'base' are mutually exclusive");
        return false;
    }
    top = blk ? find_top(blk, args, error) : NULL;
    if (!top) {
        return false;
    }
    if (base || base_node) {
        node = find_below(blk, base_node, base, error);
    } else {
        for (node = top; node->backing; node = qmp_image_of(node->backing)) {
        }
    }
    if (!node) {
        return false;
    }
    if (top != qmp_image_of(blk->root)) {
        return block_live_commit_layers(blk, top, block_node_ref(node), name, &o, error);
    }
    if (name) {
        set_error(error, "'backing-file' specified, but 'top' is the active layer");
        return false;
    }
    return block_live_commit(blk, block_node_ref(node), &o, error);
}

/* Create -------------------------------------------------------------------------------------- */

/* "cluster-size": 65536 is cluster_size=65536; the version of qcow2 is `compat`. */
static bool creation_options(json_t *from, struct block_options *to, GError **error)
{
    const char *key;
    json_t *value;

    json_object_foreach(from, key, value)
    {
        g_autofree char *option = g_strdelimit(g_strdup(key), "-", '_');

        if (strcmp(key, "driver") == 0 || strcmp(key, "file") == 0 ||
            strcmp(key, "filename") == 0) {
            continue;
        }
        if (strcmp(key, "version") == 0) {
            block_options_set(to, "compat", json_string_value(value));
        } else if (json_is_integer(value)) {
            block_options_setf(to, option, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        } else if (json_is_boolean(value)) {
            block_options_set(to, option, json_is_true(value) ? "on" : "off");
        } else if (json_is_string(value)) {
            block_options_set(to, option, json_string_value(value));
        } else {
            set_error(error, "Parameter '%s' is not supported", key);
            return false;
        }
    }
    return true;
}

static bool create(struct qmp_session *s, json_t *options, GError **error)
{
    struct block_graph *graph = block_graph_of(qmp_machine(s));
    g_autoptr(block_options) o = block_options_new();
    const char *driver = qmp_str(options, "driver", ""), *name = qmp_str(options, "file", NULL);
    struct block_node *node;

    if (!creation_options(options, o, error)) {
        return false;
    }
    if (strcmp(driver, "file") == 0) {
        return block_create("raw", qmp_str(options, "filename", ""), o, graph, error);
    }
    if (!name) {
        set_error(error, "Parameter 'file' is supported as the name of a node only");
        return false;
    }
    node = block_graph_find(graph, name);
    if (!node) {
        set_error(error, "Cannot find device='%s' nor node-name='%s'", name, name);
        return false;
    }
    return block_create_in(driver, node, o, error);
}

struct creation {
    struct qmp_session *s;
    json_t *options;
};

static bool run_creation(void *opaque, GError **error)
{
    const struct creation *c = opaque;

    return create(c->s, c->options, error);
}

/* Images are made in moments. */
bool qmp_blockdev_create(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct creation c = { s, json_object_get(args, "options") };

    (void)result;
    return qmp_job_at_once(qmp_machine(s), qmp_str(args, "job-id", ""), "create", run_creation, &c,
                           error);
}
