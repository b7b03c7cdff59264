/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/fuse.c: FUSE: requests, one row each; the session, handles.  See fuse.h, also for the thread. */
#include "hw/fs/fuse.h"

#include <errno.h>
#include <unistd.h>

#define MIN_MINOR 31u /* the first that has virtiofs */

/* clang-format off */
const char *const fuse_cache_names[FUSE_CACHE_COUNT] = {
    [FUSE_CACHE_NEVER] = "never", [FUSE_CACHE_AUTO] = "auto", [FUSE_CACHE_ALWAYS] = "always",
};
/* clang-format on */

/* The session ------------------------------------------------------------------------------------- */

#define WANTED                                                                                     \
    (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |             \
     FUSE_ATOMIC_O_TRUNC | FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_ASYNC_DIO |                \
     FUSE_AUTO_INVAL_DATA)

static ssize_t init(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_init_in *in = c->arg;
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = MIN(in->minor, FUSE_KERNEL_MINOR_VERSION),
        .max_readahead = in->max_readahead,
        .flags = in->flags & WANTED,
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = FUSE_MAX_WRITE,
        .time_gran = 1,
        .max_pages = FUSE_MAX_WRITE / 4096,
    };

    if (in->major < FUSE_KERNEL_VERSION ||
        (in->major == FUSE_KERNEL_VERSION && in->minor < MIN_MINOR)) {
        return -EPROTO;
    }
    fuse_forget_all(s);
    /* Who is newer asks again with our number. */
    s->minor = in->major == FUSE_KERNEL_VERSION ? out.minor : 0;
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

static ssize_t destroy(struct fuse *s, struct fuse_call *c)
{
    (void)c;
    fuse_forget_all(s);
    s->minor = 0;
    return 0;
}

/* No more than it was told. */
static void forget(struct fuse *s, uint64_t id, uint64_t count)
{
    struct fs_node *n = fs_node_find(s->tree, id);

    if (n) {
        count = MIN(count, n->known);
        n->known -= count;
        fs_unref(s->tree, n, count);
    }
}

static ssize_t forget_one(struct fuse *s, struct fuse_call *c)
{
    forget(s, c->head->nodeid, ((const struct fuse_forget_in *)c->arg)->nlookup);
    return 0;
}

static ssize_t forget_batch(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_batch_forget_in *in = c->arg;
    struct fuse_forget_one one;

    for (size_t i = 0; i < in->count && (i + 1) * sizeof(one) <= c->data_size; i++) {
        memcpy(&one, c->data + i * sizeof(one), sizeof(one));
        forget(s, one.nodeid, one.nlookup);
    }
    return 0;
}

/* Requests are answered in their order: what is to be interrupted was. */
static ssize_t interrupt(struct fuse *s, struct fuse_call *c)
{
    (void)s;
    (void)c;
    return 0;
}

/* Requests ---------------------------------------------------------------------------------------- */

enum { SILENT = 1, ANY_TIME = 2, NO_NODE = 4 };

/* arg: bytes before names; room: the least that there must be for the answer. */
/* clang-format off */
static const struct row {
    size_t arg;
    unsigned names;
    size_t room;
    unsigned flags; /* SILENT: no answer; ANY_TIME: before INIT; NO_NODE: nodeid says nothing */
    fuse_fn *run;
} rows[] = {
#define ARG(type) sizeof(struct type)
    [FUSE_LOOKUP]      = { 0, 1, ARG(fuse_entry_out), 0, fuse_lookup },
    [FUSE_FORGET]      = { ARG(fuse_forget_in), 0, 0, SILENT | NO_NODE, forget_one },
    [FUSE_GETATTR]     = { ARG(fuse_getattr_in), 0, ARG(fuse_attr_out), 0, fuse_getattr },
    [FUSE_SETATTR]     = { ARG(fuse_setattr_in), 0, ARG(fuse_attr_out), 0, fuse_setattr },
    [FUSE_READLINK]    = { 0, 0, 0, 0, fuse_readlink },
    [FUSE_SYMLINK]     = { 0, 2, ARG(fuse_entry_out), 0, fuse_symlink },
    [FUSE_MKNOD]       = { ARG(fuse_mknod_in), 1, ARG(fuse_entry_out), 0, fuse_mknod },
    [FUSE_MKDIR]       = { ARG(fuse_mkdir_in), 1, ARG(fuse_entry_out), 0, fuse_mkdir },
    [FUSE_UNLINK]      = { 0, 1, 0, 0, fuse_unlink },
    [FUSE_RMDIR]       = { 0, 1, 0, 0, fuse_rmdir },
    [FUSE_RENAME]      = { ARG(fuse_rename_in), 2, 0, 0, fuse_rename },
    [FUSE_RENAME2]     = { ARG(fuse_rename2_in), 2, 0, 0, fuse_rename2 },
    [FUSE_LINK]        = { ARG(fuse_link_in), 1, ARG(fuse_entry_out), 0, fuse_link },
    [FUSE_OPEN]        = { ARG(fuse_open_in), 0, ARG(fuse_open_out), 0, fuse_open },
    [FUSE_READ]        = { ARG(fuse_read_in), 0, 0, 0, fuse_read },
    [FUSE_WRITE]       = { ARG(fuse_write_in), 0, ARG(fuse_write_out), 0, fuse_write },
    [FUSE_STATFS]      = { 0, 0, ARG(fuse_statfs_out), 0, fuse_statfs },
    [FUSE_RELEASE]     = { ARG(fuse_release_in), 0, 0, NO_NODE, fuse_release },
    [FUSE_FSYNC]       = { ARG(fuse_fsync_in), 0, 0, 0, fuse_fsync },
    [FUSE_SETXATTR]    = { FUSE_COMPAT_SETXATTR_IN_SIZE, 1, 0, 0, fuse_setxattr },
    [FUSE_GETXATTR]    = { ARG(fuse_getxattr_in), 1, 0, 0, fuse_getxattr },
    [FUSE_LISTXATTR]   = { ARG(fuse_getxattr_in), 0, 0, 0, fuse_listxattr },
    [FUSE_REMOVEXATTR] = { 0, 1, 0, 0, fuse_removexattr },
    [FUSE_FLUSH]       = { ARG(fuse_flush_in), 0, 0, 0, fuse_flush },
    [FUSE_INIT]        = { 16, 0, ARG(fuse_init_out), ANY_TIME | NO_NODE, init },
    [FUSE_OPENDIR]     = { ARG(fuse_open_in), 0, ARG(fuse_open_out), 0, fuse_opendir },
    [FUSE_READDIR]     = { ARG(fuse_read_in), 0, 0, 0, fuse_readdir },
    [FUSE_RELEASEDIR]  = { ARG(fuse_release_in), 0, 0, NO_NODE, fuse_release },
    [FUSE_FSYNCDIR]    = { ARG(fuse_fsync_in), 0, 0, 0, fuse_fsync },
    [FUSE_ACCESS]      = { ARG(fuse_access_in), 0, 0, 0, fuse_access },
    [FUSE_CREATE]      = { ARG(fuse_create_in), 1, ARG(fuse_entry_out) + ARG(fuse_open_out), 0, fuse_create },
    [FUSE_INTERRUPT]   = { ARG(fuse_interrupt_in), 0, 0, SILENT | NO_NODE, interrupt },
    [FUSE_DESTROY]     = { 0, 0, 0, NO_NODE, destroy },
    [FUSE_BATCH_FORGET] = { ARG(fuse_batch_forget_in), 0, 0, SILENT | NO_NODE, forget_batch },
    [FUSE_FALLOCATE]   = { ARG(fuse_fallocate_in), 0, 0, 0, fuse_fallocate },
    [FUSE_READDIRPLUS] = { ARG(fuse_read_in), 0, 0, 0, fuse_readdirplus },
    [FUSE_LSEEK]       = { ARG(fuse_lseek_in), 0, ARG(fuse_lseek_out), 0, fuse_lseek },
    [FUSE_COPY_FILE_RANGE] = { ARG(fuse_copy_file_range_in), 0, ARG(fuse_write_out), 0, fuse_copy_file_range },
    [FUSE_SYNCFS]      = { ARG(fuse_syncfs_in), 0, 0, 0, fuse_syncfs },
#undef ARG
};
/* clang-format on */

/* The next name, which ends with NUL; NULL: it does not. */
static const char *take_name(struct fuse_call *c)
{
    const char *name = (const char *)c->data;
    size_t len = strnlen(name, c->data_size);

    if (len == c->data_size) {
        return NULL;
    }
    c->data += len + 1;
    c->data_size -= len + 1;
    return name;
}

static bool take_apart(struct fuse_call *c, const struct row *row)
{
    if (c->data_size < row->arg) {
        return false;
    }
    c->arg = c->data;
    c->data += row->arg;
    c->data_size -= row->arg;
    c->name = row->names > 0 ? take_name(c) : "";
    c->name2 = row->names > 1 && c->name ? take_name(c) : "";
    return c->name && c->name2;
}

static ssize_t run(struct fuse *s, const struct row *row, struct fuse_call *c)
{
    if (!row || !row->run) {
        return -ENOSYS;
    }
    if (!s->minor && !(row->flags & ANY_TIME)) {
        return -EIO;
    }
    if (!take_apart(c, row) || c->room < row->room) {
        return -EINVAL;
    }
    c->node = fs_node_find(s->tree, c->head->nodeid);
    if (!c->node && !(row->flags & NO_NODE)) {
        return -ESTALE;
    }
    return row->run(s, c);
}

static size_t serve(void *server, uint8_t *request, size_t request_size, uint8_t *answer,
                    size_t room)
{
    struct fuse *s = server;
    struct fuse_in_header head;
    struct fuse_out_header out = { .len = sizeof(out) };
    struct fuse_call c = { .head = &head };
    const struct row *row;
    ssize_t ret;

    if (request_size < sizeof(head)) {
        return 0;
    }
    memcpy(&head, request, sizeof(head));
    row = head.opcode < G_N_ELEMENTS(rows) ? &rows[head.opcode] : NULL;
    if (room < sizeof(out) && !(row && row->flags & SILENT)) {
        return 0;
    }
    c.data = request + sizeof(head);
    c.data_size = request_size - sizeof(head);
    c.out = answer + MIN(room, sizeof(out));
    c.room = room - MIN(room, sizeof(out));
    ret = head.len == request_size ? run(s, row, &c) : -EINVAL;
    if (row && row->flags & SILENT) {
        return 0;
    }
    out.unique = head.unique;
    out.error = ret < 0 ? (int32_t)ret : 0;
    out.len += ret < 0 ? 0 : (uint32_t)ret;
    memcpy(answer, &out, sizeof(out));
    return out.len;
}

/* Handles ----------------------------------------------------------------------------------------- */

struct fuse_handle *fuse_find(struct fuse *s, uint64_t fh)
{
    return g_hash_table_lookup(s->handles, &fh);
}

int fuse_add_handle(struct fuse *s, struct fs_node *n, int fd, int flags, uint64_t fh,
                    struct fuse_handle **out)
{
    struct fs_dir *dir = NULL;
    int ret = n->type == S_IFDIR ? fs_dir_open(s->tree, n, fd, &dir) : 0;

    if (ret < 0) {
        return ret;
    }
    *out = g_new0(struct fuse_handle, 1);
    (*out)->fh = fh ? fh : s->next_fh++;
    (*out)->node = n;
    (*out)->fd = dir ? -1 : fd;
    (*out)->flags = flags;
    (*out)->dir = dir;
    fs_ref(n);
    g_hash_table_insert(s->handles, &(*out)->fh, *out);
    return 0;
}

static void free_handle(struct fuse *s, struct fuse_handle *h)
{
    if (h->dir) {
        fs_dir_close(s->tree, h->dir);
    } else if (h->fd >= 0) {
        fs_close(s->tree, h->fd);
    }
    fs_unref(s->tree, h->node, 1);
    g_free(h);
}

void fuse_close(struct fuse *s, struct fuse_handle *h)
{
    g_hash_table_remove(s->handles, &h->fh);
    free_handle(s, h);
}

void fuse_forget_all(struct fuse *s)
{
    GHashTableIter i;
    gpointer h;

    g_hash_table_iter_init(&i, s->handles);
    while (g_hash_table_iter_next(&i, NULL, &h)) {
        g_hash_table_iter_remove(&i);
        free_handle(s, h);
    }
    fs_tree_clear(s->tree);
}

static void reset(void *server)
{
    destroy(server, NULL);
}

struct fuse *fuse_new(const struct fsdev *dev, const struct fs_limits *limits,
                      enum fuse_cache cache)
{
    struct fuse *s = g_new0(struct fuse, 1);

    s->tree = fs_tree_new(dev, limits);
    s->cache = cache;
    s->handles = g_hash_table_new(g_int64_hash, g_int64_equal);
    s->next_fh = 1;
    return s;
}

void fuse_free(void *server)
{
    struct fuse *s = server;

    fuse_forget_all(s);
    fs_tree_free(s->tree);
    g_hash_table_unref(s->handles);
    g_free(s);
}

const struct worker_ops fuse_worker_ops = {
    .max_out = FUSE_MOST, .max_in = FUSE_MOST, .serve = serve, .reset = reset
};
