/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/throttle.c: throttle groups, and the layer `throttle`.
 *
 * Who transfers fills the buckets at once and then sleeps on his worker thread until what was in them before
 * has leaked: so transfers pass in the order in which they came, whichever drive of the group they are for.
 * Invariant: a group is in its graph's table as long as it lives and the graph does.
 * Thread: see throttle.h; group->mutex guards limits and buckets.
 */
#include "block/throttle.h"
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include "block/driver.h"
#include "block/graph.h"
#include "util/error.h"

struct bucket {
    double level, burst; /* units */
};

struct throttle_group {
    char *name;
    GHashTable *table; /* the graph's; NULL: it is gone */
    unsigned refs;     /* of layers, and one of -object */
    bool kept;         /* by -object */
    pthread_mutex_t mutex;
    pthread_cond_t cond; /* the limits are other ones, or somebody hurries */
    struct throttle_limits limits;
    unsigned changes; /* how often the limits were set */
    struct bucket buckets[N_LIMITS];
    gint64 leaked_at; /* monotonic microseconds */
};

struct throttle_node {
    struct block_node node;
    struct throttle_group *group;
    bool hurry; /* group->mutex */
};

/* Groups ---------------------------------------------------------------------------------------- */

static struct throttle_group *group_new(GHashTable *table, const char *name)
{
    struct throttle_group *g = g_new0(struct throttle_group, 1);
    pthread_condattr_t attr;

    g->name = g_strdup(name);
    g->table = table;
    throttle_limits_init(&g->limits);
    g->leaked_at = g_get_monotonic_time();
    pthread_mutex_init(&g->mutex, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g->cond, &attr);
    pthread_condattr_destroy(&attr);
    g_hash_table_insert(table, g->name, g);
    return g;
}

static void group_unref(struct throttle_group *g)
{
    if (--g->refs > 0) {
        return;
    }
    if (g->table) {
        g_hash_table_steal(g->table, g->name);
    }
    pthread_cond_destroy(&g->cond);
    pthread_mutex_destroy(&g->mutex);
    g_free(g->name);
    g_free(g);
}

void throttle_group_leave_graph(struct throttle_group *g)
{
    g->table = NULL;
    if (g->kept) {
        group_unref(g);
    }
}

/* Who waits passes: new limits hold from the next transfer on. */
static void group_set(struct throttle_group *g, const struct throttle_limits *l)
{
    pthread_mutex_lock(&g->mutex);
    g->limits = *l;
    g->changes++;
    memset(g->buckets, 0, sizeof(g->buckets));
    pthread_cond_broadcast(&g->cond);
    pthread_mutex_unlock(&g->mutex);
}

bool throttle_object(struct block_graph *graph, const struct block_options *o, GError **error)
{
    const char *id = block_options_get(o, "id");
    GHashTable *table = block_graph_throttle_groups(graph);
    struct throttle_limits l;
    struct throttle_group *g;

    for (unsigned i = 0; i < block_options_count(o); i++) {
        const char *key = block_options_key(o, i);

        if (strcmp(key, "qom-type") != 0 && strcmp(key, "id") != 0 &&
            !throttle_limits_name(key, "x-") && !throttle_limits_name(key, "limits.")) {
            set_error(error, "Parameter '%s' is unexpected", key);
            return false;
        }
    }
    throttle_limits_init(&l);
    if (!throttle_limits_parse(o, "x-", &l, error) ||
        !throttle_limits_parse(o, "limits.", &l, error)) {
        return false;
    }
    if (g_hash_table_lookup(table, id)) {
        set_error(error, "attempt to add duplicate property '%s' to object (type 'container')", id);
        return false;
    }
    g = group_new(table, id);
    g->refs = 1;
    g->kept = true;
    group_set(g, &l);
    return true;
}

/* Waiting --------------------------------------------------------------------------------------- */

static void leak(struct throttle_group *g)
{
    gint64 now = g_get_monotonic_time();
    double seconds = (double)(now - g->leaked_at) / 1e6;

    g->leaked_at = now;
    for (unsigned i = 0; i < N_LIMITS; i++) {
        struct bucket *b = &g->buckets[i];

        b->level = MAX(b->level - seconds * (double)g->limits.avg[i], 0);
        b->burst = MAX(b->burst - seconds * (double)g->limits.max[i], 0);
    }
}

/* Seconds until one that passes bucket i now may go on; it is filled. */
static double fill(struct throttle_group *g, unsigned i, double units)
{
    struct bucket *b = &g->buckets[i];
    double avg = (double)g->limits.avg[i], max = (double)g->limits.max[i];
    double room = max > 0 ? max * (double)g->limits.length[i] : avg / 10, seconds;

    if (avg <= 0) {
        return 0;
    }
    seconds = (b->level - room) / avg;
    b->level += units;
    if (g->limits.length[i] > 1) {
        seconds = MAX(seconds, (b->burst - max / 10) / max);
        b->burst += units;
    }
    return MAX(seconds, 0);
}

/* The mutex is held. */
static gint64 when(struct throttle_group *g, bool write, uint64_t bytes)
{
    const unsigned lines[] = { BPS_TOTAL, write ? BPS_WRITE : BPS_READ, IOPS_TOTAL,
                               write ? IOPS_WRITE : IOPS_READ };
    uint64_t size = g->limits.iops_size;
    double ops = size && bytes > size ? (double)bytes / (double)size : 1, seconds = 0;

    leak(g);
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        double wait = fill(g, lines[i], lines[i] >= IOPS_TOTAL ? ops : (double)bytes);

        seconds = MAX(seconds, wait);
    }
    return g->leaked_at + (gint64)(MIN(seconds, 1e9) * 1e6);
}

static void wait_turn(struct block_node *node, bool write, uint64_t bytes)
{
    struct throttle_node *t = (struct throttle_node *)node;
    struct throttle_group *g = t->group;
    unsigned seen;
    gint64 until;

    pthread_mutex_lock(&g->mutex);
    until = when(g, write, bytes);
    seen = g->changes;
    while (!t->hurry && g->changes == seen && g_get_monotonic_time() < until) {
        struct timespec at = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };

        pthread_cond_timedwait(&g->cond, &g->mutex, &at);
    }
    pthread_mutex_unlock(&g->mutex);
}

/* The layer ------------------------------------------------------------------------------------- */

static const struct block_option_row throttle_options[] = {
    { "throttle-group", BLOCK_OPTION_STRING, NULL, "the group whose limits hold" },
    { 0 },
};

static bool throttle_open(struct block_node *node, const struct block_open_options *o,
                          GError **error)
{
    struct throttle_node *t = (struct throttle_node *)node;
    const char *name = block_options_get(o->options, "throttle-group");
    GHashTable *table = o->graph ? block_graph_throttle_groups(o->graph) : NULL;

    if (!name) {
        set_error(error, "Please specify a throttle group");
        return false;
    }
    t->group = table ? g_hash_table_lookup(table, name) : NULL;
    if (!t->group) {
        set_error(error, "Throttle group '%s' does not exist", name);
        return false;
    }
    t->group->refs++;
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static void throttle_close(struct block_node *node)
{
    struct throttle_node *t = (struct throttle_node *)node;

    if (t->group) {
        group_unref(t->group);
    }
}

static int throttle_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    wait_turn(node, false, block_iov_bytes(iov, n));
    return block_node_readv(node->file, offset, iov, n);
}

static int throttle_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    wait_turn(node, true, block_iov_bytes(iov, n));
    return block_node_writev(node->file, offset, iov, n);
}

static int throttle_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                                 unsigned flags)
{
    wait_turn(node, true, bytes);
    return block_node_write_zeroes(node->file, offset, bytes, flags);
}

static int throttle_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    wait_turn(node, true, bytes);
    return block_node_discard(node->file, offset, bytes);
}

const struct block_driver block_throttle = {
    .name = "throttle",
    .summary = "lets no more through than its group's limits",
    .set_active = block_set_active_nothing,
    .filter = true,
    .size = sizeof(struct throttle_node),
    .open_options = throttle_options,
    .open = throttle_open,
    .close = throttle_close,
    .read = throttle_read,
    .write = throttle_write,
    .discard = throttle_discard,
    .write_zeroes = throttle_write_zeroes,
};

/* Over an image --------------------------------------------------------------------------------- */

struct block_node *throttle_group_over(struct block_node *node, const char *group,
                                       const struct throttle_limits *l, GError **error)
{
    GHashTable *table = node->graph ? block_graph_throttle_groups(node->graph) : NULL;
    struct throttle_group *g = table ? g_hash_table_lookup(table, group) : NULL;
    g_autoptr(block_options) o = block_options_new();
    struct block_node *layer;

    if (!table) {
        set_error(error, "'%s' is in no graph, and groups are", node->filename);
        block_node_close(node);
        return NULL;
    }
    g = g ? g : group_new(table, group);
    g->refs++;
    if (throttle_limits_any(l)) {
        group_set(g, l);
    }
    block_options_set(o, "throttle-group", group);
    layer = block_layer_new(&block_throttle, node, o, error);
    group_unref(g);
    return layer;
}

struct block_node *throttle_over(struct block_node *node, const struct block_options *o,
                                 GError **error)
{
    struct throttle_limits l;

    throttle_limits_init(&l);
    if (!block_options_check(o, throttle_rows, NULL, "throttling", error) ||
        !throttle_limits_parse(o, "", &l, error)) {
        block_node_close(node);
        return NULL;
    }
    return throttle_group_over(node, block_options_get(o, "group"), &l, error);
}

struct block_node *throttle_layer(struct block_node *root)
{
    while (root && root->driver != &block_throttle) {
        root = root->driver->filter || root->driver->hidden ? root->file : NULL;
    }
    return root;
}

const char *throttle_layer_get(struct block_node *layer, struct throttle_limits *l)
{
    struct throttle_group *g = ((struct throttle_node *)layer)->group;

    pthread_mutex_lock(&g->mutex);
    *l = g->limits;
    pthread_mutex_unlock(&g->mutex);
    return g->name;
}

void throttle_layer_set(struct block_node *layer, const struct throttle_limits *l)
{
    group_set(((struct throttle_node *)layer)->group, l);
}

void throttle_hurry(struct block_node *root, bool on)
{
    for (struct block_node *node = throttle_layer(root); node; node = throttle_layer(node->file)) {
        struct throttle_node *t = (struct throttle_node *)node;

        pthread_mutex_lock(&t->group->mutex);
        t->hurry = on;
        pthread_cond_broadcast(&t->group->cond);
        pthread_mutex_unlock(&t->group->mutex);
    }
}
