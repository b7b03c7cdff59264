/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/export.c: see export.h; and how transfers of clients make room for what changes the graph.
 *
 * Invariant: from block_exports_quiesce to the end of what the main loop does just now no transfer of a client's runs.
 * Thread:    main loop, machine lock held; `enter` and `leave` any; `serve` on its own.
 */
#include "block/export.h"
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "block/driver.h"
#include "block/nbd_proto.h"
#include "block/nbd_server.h"
#include "block/pool.h"
#include "block/throttle.h"
#include "softmmu/event.h"
#include "util/error.h"
#include "util/socket.h"

struct block_exports {
    struct machine *machine;
    GPtrArray *list;           /* struct block_export * */
    struct nbd_server *server; /* NULL: none */
    GThread *thread;
    int stop_fd;
    char *path; /* of its socket, which goes with it; NULL: none */

    pthread_mutex_t mutex; /* what follows */
    pthread_cond_t cond;
    unsigned running; /* transfers */
    bool closed;      /* new ones wait */
};

/* The gate -------------------------------------------------------------------------------------- */

static void enter(void *opaque)
{
    struct block_exports *x = opaque;

    pthread_mutex_lock(&x->mutex);
    while (x->closed) {
        pthread_cond_wait(&x->cond, &x->mutex);
    }
    x->running++;
    pthread_mutex_unlock(&x->mutex);
}

static void leave(void *opaque)
{
    struct block_exports *x = opaque;

    pthread_mutex_lock(&x->mutex);
    x->running--;
    pthread_cond_broadcast(&x->cond);
    pthread_mutex_unlock(&x->mutex);
}

static void open_gate(struct block_exports *x)
{
    pthread_mutex_lock(&x->mutex);
    x->closed = false;
    pthread_cond_broadcast(&x->cond);
    pthread_mutex_unlock(&x->mutex);
}

static void reopen(void *opaque)
{
    struct machine *m = opaque;

    if (m->block && m->block->exports) {
        open_gate(m->block->exports);
    }
}

/* Transfers that a throttling layer holds back pass: the main loop waits for them. */
static void hurry(struct block_exports *x, bool on)
{
    for (unsigned i = 0; i < x->list->len; i++) {
        throttle_hurry(((struct block_export *)g_ptr_array_index(x->list, i))->node, on);
    }
}

void block_exports_quiesce(struct machine *m)
{
    struct block_exports *x = m->block ? m->block->exports : NULL;

    if (!x || x->list->len == 0) {
        return;
    }
    pthread_mutex_lock(&x->mutex);
    if (!x->closed) {
        x->closed = true;
        machine_call_soon(m, reopen, m);
    }
    if (x->running) {
        hurry(x, true);
        while (x->running) {
            pthread_cond_wait(&x->cond, &x->mutex);
        }
        hurry(x, false);
    }
    pthread_mutex_unlock(&x->mutex);
}

/* The server ------------------------------------------------------------------------------------ */

static void export_free(gpointer p)
{
    struct block_export *e = p;

    block_node_close(e->node);
    g_clear_pointer(&e->bitmaps, g_ptr_array_unref);
    g_free(e->id);
    g_free(e->name);
    g_free(e);
}

static struct block_exports *exports_of(struct machine *m)
{
    struct block_pool *pool = block_pool_of(m);

    if (!pool->exports) {
        pool->exports = g_new0(struct block_exports, 1);
        pool->exports->machine = m;
        pool->exports->list = g_ptr_array_new_with_free_func(export_free);
        pool->exports->stop_fd = -1;
        pthread_mutex_init(&pool->exports->mutex, NULL);
        pthread_cond_init(&pool->exports->cond, NULL);
    }
    return pool->exports;
}

static gpointer serve(gpointer opaque)
{
    struct block_exports *x = opaque;

    nbd_server_run(x->server, x->stop_fd, true);
    return NULL;
}

static bool begin(struct block_exports *x, int listener, unsigned max_clients, GError **error)
{
    x->stop_fd = eventfd(0, EFD_CLOEXEC);
    if (x->stop_fd < 0) {
        set_errno_error(error, "cannot create an eventfd");
        close(listener);
        return false;
    }
    x->server = nbd_server_new(listener, max_clients);
    x->thread = g_thread_try_new("nbd server", serve, x, error);
    if (!x->thread) {
        g_clear_pointer(&x->server, nbd_server_free);
        close(x->stop_fd);
    }
    return x->thread != NULL;
}

bool block_nbd_start(struct machine *m, const struct socket_address *a, unsigned max_clients,
                     GError **error)
{
    struct block_exports *x = exports_of(m);
    int listener = a->kind == SOCKET_ADDRESS_FD ? a->fd : -1;

    if (x->server) {
        set_error(error, "NBD server already running");
        if (listener >= 0) {
            close(listener);
        }
        return false;
    }
    if (listener < 0) {
        listener = socket_bind(a, SOCK_STREAM, error);
    }
    if (listener < 0 || !begin(x, listener, max_clients, error)) {
        return false;
    }
    x->path = a->kind == SOCKET_ADDRESS_UNIX && !a->abstract ? g_strdup(a->path) : NULL;
    return true;
}

bool block_nbd_is_running(struct machine *m)
{
    return exports_of(m)->server;
}

static void tell_gone(struct machine *m, const char *id)
{
    event_emit(m, EVENT_BLOCK_EXPORT_DELETED, json_pack("{s:s}", "id", id));
}

bool block_nbd_stop(struct machine *m, GError **error)
{
    struct block_exports *x = exports_of(m);

    if (!x->server) {
        set_error(error, "NBD server not running");
        return false;
    }
    open_gate(x); /* or clients would wait for this */
    hurry(x, true);
    eventfd_write(x->stop_fd, 1);
    g_thread_join(x->thread);
    g_clear_pointer(&x->server, nbd_server_free);
    hurry(x, false);
    close(x->stop_fd);
    if (x->path) {
        unlink(x->path);
        g_clear_pointer(&x->path, g_free);
    }
    while (x->list->len) {
        struct block_export *e = g_ptr_array_steal_index(x->list, x->list->len - 1);

        tell_gone(m, e->id);
        export_free(e);
    }
    return true;
}

void block_exports_free(struct machine *m)
{
    struct block_exports *x = m->block->exports;

    if (x) {
        (void)block_nbd_stop(m, NULL);
        g_ptr_array_unref(x->list);
        pthread_mutex_destroy(&x->mutex);
        pthread_cond_destroy(&x->cond);
        g_free(x);
        m->block->exports = NULL;
    }
}

/* Exports --------------------------------------------------------------------------------------- */

/* The drive of a device or with a job whose image the node is; NULL: none. */
static const struct block_backend *user_of(struct machine *m, const struct block_node *node)
{
    struct block_backend *blk;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        const struct block_node *n = blk->root;

        while (n && n != node && n->file) {
            n = n->file;
        }
        if (n && n == node && (blk->front || blk->job)) {
            return blk;
        }
    }
    return NULL;
}

/* Until its machine comes here nobody else writes to it. */
static bool make_writable(struct machine *m, struct block_node *node, GError **error)
{
    const struct block_backend *user = node->inactive ? NULL : user_of(m, node);

    if (user) {
        set_error(error, "Conflicts with use by %s, which does not allow 'write' on %s", user->id,
                  node->node_name);
        return false;
    }
    if (!node->inactive && node->read_only) {
        set_error(error, "Block node '%s' is read-only", node->node_name);
        return false;
    }
    return block_activate(node, error);
}

/* *found: of `list`, which e keeps. */
static bool find_bitmap(struct block_export *e, const char *name, const struct block_bitmap **found,
                        GError **error)
{
    e->bitmaps = block_bitmaps(e->node);
    for (unsigned i = 0; i < e->bitmaps->len; i++) {
        const struct block_bitmap *b = g_ptr_array_index(e->bitmaps, i);

        if (strcmp(b->name, name) != 0) {
            continue;
        }
        if (b->enabled) {
            set_error(error, "Bitmap '%s' is enabled: block-dirty-bitmap-disable it first", name);
            return false;
        }
        *found = b;
        return true;
    }
    set_error(error, "Bitmap '%s' is not found", name);
    return false;
}

static bool check_names(struct machine *m, const struct block_export_options *o, GError **error)
{
    const char *name = o->name ? o->name : o->id;
    const struct block_export *e;

    if (strlen(name) > NBD_MAX_NAME || (o->description && strlen(o->description) > NBD_MAX_NAME)) {
        set_error(error, "export '%s' or its description is longer than %u bytes", o->id,
                  NBD_MAX_NAME);
        return false;
    }
    for (unsigned i = 0; (e = block_export_at(m, i)); i++) {
        if (strcmp(e->id, o->id) == 0) {
            set_error(error, "Block export id '%s' is already in use", o->id);
            return false;
        }
    }
    return true;
}

bool block_export_add(struct machine *m, struct block_node *node,
                      const struct block_export_options *o, GError **error)
{
    struct block_exports *x = exports_of(m);
    struct block_export *e;
    struct nbd_export n = { .name = o->name ? o->name : o->id,
                            .description = o->description,
                            .node = node,
                            .size = node->size,
                            .read_only = !o->writable,
                            .allocation_depth = o->allocation_depth,
                            .writethrough = o->writethrough,
                            .enter = enter,
                            .leave = leave,
                            .opaque = x };

    if (!x->server) {
        set_error(error, "NBD server not running");
        return false;
    }
    if (!check_names(m, o, error)) {
        return false;
    }
    e = g_new0(struct block_export, 1);
    e->id = g_strdup(o->id);
    e->name = g_strdup(n.name);
    e->node = block_node_ref(node);
    if ((o->bitmap && !find_bitmap(e, o->bitmap, &n.bitmap, error)) ||
        (o->writable && !make_writable(m, node, error)) || !nbd_server_add(x->server, &n, error)) {
        export_free(e);
        return false;
    }
    g_ptr_array_add(x->list, e);
    return true;
}

bool block_export_del(struct machine *m, const char *id, bool hard, GError **error)
{
    struct block_exports *x = exports_of(m);

    for (unsigned i = 0; i < x->list->len; i++) {
        struct block_export *e = g_ptr_array_index(x->list, i);

        if (strcmp(e->id, id) != 0) {
            continue;
        }
        open_gate(x);
        hurry(x, true);
        if (!nbd_server_remove(x->server, e->name, hard, error)) {
            hurry(x, false);
            return false;
        }
        hurry(x, false);
        tell_gone(m, id);
        g_ptr_array_remove_index(x->list, i);
        return true;
    }
    set_error(error, "Export '%s' is not found", id);
    return false;
}

const struct block_export *block_export_at(struct machine *m, unsigned i)
{
    struct block_exports *x = exports_of(m);

    return i < x->list->len ? g_ptr_array_index(x->list, i) : NULL;
}

const struct block_export *block_export_named(struct machine *m, const char *name)
{
    const struct block_export *e;

    for (unsigned i = 0; (e = block_export_at(m, i)) && strcmp(e->name, name) != 0; i++) {
    }
    return e;
}
