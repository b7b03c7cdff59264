/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/tree.c: nodes: finding, forgetting, their descriptors and places.  Source: open(2), path_resolution(7),
 * statx(2).  See tree.h, also for the thread.
 */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "util/log.h"

#define MAX_FDS   4096u
#define MAX_OPEN  16384u
#define MAX_NODES (1u << 20)
#define MAX_DEPTH 1024u /* of folders without a descriptor above a node */
#define RESERVED  256u  /* descriptors of everything else */

/* Descriptors ------------------------------------------------------------------------------------- */

int fs_host_stat(int fd, struct statx *x)
{
    return statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                 STATX_BASIC_STATS | STATX_BTIME, x) == 0
               ? 0
               : -errno;
}

static int64_t birth(const struct statx *x)
{
    return x->stx_mask & STATX_BTIME ? x->stx_btime.tv_sec * 1000000000 + x->stx_btime.tv_nsec : 0;
}

static uint64_t device(const struct statx *x)
{
    return makedev(x->stx_dev_major, x->stx_dev_minor);
}

static bool is_same(const struct fs_node *n, const struct statx *x)
{
    return n->dev == device(x) && n->ino == x->stx_ino && n->born == birth(x) &&
           n->type == (x->stx_mode & S_IFMT);
}

static void take_out(struct fs_tree *t, struct fs_node *n)
{
    *(n->older ? &n->older->newer : &t->oldest) = n->newer;
    *(n->newer ? &n->newer->older : &t->newest) = n->older;
    n->older = n->newer = NULL;
}

static void put_newest(struct fs_tree *t, struct fs_node *n)
{
    n->older = t->newest;
    n->newer = NULL;
    *(t->newest ? &t->newest->newer : &t->oldest) = n;
    t->newest = n;
}

static void close_node(struct fs_tree *t, struct fs_node *n)
{
    if (n->fd >= 0) {
        take_out(t, n);
        close(n->fd);
        n->fd = -1;
        t->n_fds--;
    }
}

/* Those without a place cannot be opened again: they go last. */
static void make_room(struct fs_tree *t)
{
    for (unsigned placeless = 0; placeless < 2; placeless++) {
        for (struct fs_node *n = t->oldest, *next; n && t->n_fds >= t->limits.fds; n = next) {
            next = n->newer;
            if (!n->pins && (placeless || n->parent)) {
                close_node(t, n);
            }
        }
    }
}

static void give_fd(struct fs_tree *t, struct fs_node *n, int fd)
{
    make_room(t);
    n->fd = fd;
    t->n_fds++;
    put_newest(t, n);
}

/* One step: what is called so there is the node still. */
static int reopen_in(struct fs_tree *t, struct fs_node *n, int dirfd)
{
    int fd = openat(dirfd, n->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct statx x;

    if (fd < 0) {
        return errno == EMFILE || errno == ENFILE ? -errno : -ESTALE;
    }
    if (fs_host_stat(fd, &x) < 0 || !is_same(n, &x)) {
        close(fd);
        return -ESTALE;
    }
    give_fd(t, n, fd);
    return 0;
}

/* From the nearest folder above that has a descriptor, down to the node. */
static int reopen(struct fs_tree *t, struct fs_node *n)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new();
    int ret = 0;

    for (; n->fd < 0; n = n->parent) {
        if (!n->parent || chain->len >= MAX_DEPTH) {
            return -ESTALE;
        }
        g_ptr_array_add(chain, n);
    }
    for (unsigned i = chain->len; i-- > 0 && ret == 0;) {
        struct fs_node *child = g_ptr_array_index(chain, i);

        child->parent->pins++;
        ret = reopen_in(t, child, child->parent->fd);
        child->parent->pins--;
    }
    return ret;
}

int fs_pin(struct fs_tree *t, struct fs_node *n)
{
    int ret = n->fd < 0 ? reopen(t, n) : 0;

    if (ret < 0) {
        return ret;
    }
    if (n != t->root) {
        take_out(t, n);
        put_newest(t, n);
    }
    n->pins++;
    return n->fd;
}

void fs_unpin(struct fs_node *n)
{
    n->pins--;
}

void fs_proc_path(char *buf, int fd)
{
    snprintf(buf, FS_PROC_PATH, "/proc/self/fd/%d", fd);
}

/* Nodes ------------------------------------------------------------------------------------------- */

static guint hash_file(gconstpointer p)
{
    const struct fs_node *n = p;
    uint64_t h = (n->ino ^ n->dev << 32 ^ (uint64_t)n->born) * 0x9e3779b97f4a7c15u;

    return (guint)(h >> 32);
}

static gboolean equal_file(gconstpointer a, gconstpointer b)
{
    const struct fs_node *x = a, *y = b;

    return x->ino == y->ino && x->dev == y->dev && x->born == y->born && x->type == y->type;
}

struct fs_node *fs_node_find(struct fs_tree *t, uint64_t id)
{
    return g_hash_table_lookup(t->by_id, &id);
}

static struct fs_node *insert(struct fs_tree *t, const struct fs_node *what)
{
    struct fs_node *n = g_memdup2(what, sizeof(*what));

    n->fd = -1;
    g_hash_table_add(t->by_file, n);
    g_hash_table_insert(t->by_id, &n->id, n);
    return n;
}

struct fs_node *fs_add_node(struct fs_tree *t, uint64_t id, const struct statx *x)
{
    return insert(t, &(struct fs_node){ .id = id,
                                        .dev = device(x),
                                        .ino = x->stx_ino,
                                        .born = birth(x),
                                        .type = x->stx_mode & S_IFMT });
}

/* No host has such a device. */
struct fs_node *fs_add_gone(struct fs_tree *t, uint64_t id, uint16_t type)
{
    return insert(t, &(struct fs_node){ .id = id, .dev = UINT64_MAX, .ino = id, .type = type });
}

static void free_node(struct fs_tree *t, struct fs_node *n)
{
    close_node(t, n);
    g_hash_table_remove(t->by_file, n);
    g_hash_table_remove(t->by_id, &n->id);
    g_free(n->name);
    g_free(n);
}

void fs_ref(struct fs_node *n)
{
    n->refs++;
}

void fs_unref(struct fs_tree *t, struct fs_node *n, uint64_t count)
{
    n->refs -= count;
    while (n && n->refs == 0 && n != t->root) {
        struct fs_node *parent = n->parent;

        free_node(t, n);
        n = parent;
        if (n) {
            n->refs--;
        }
    }
}

void fs_displace(struct fs_tree *t, struct fs_node *n)
{
    struct fs_node *parent = n->parent;

    n->parent = NULL;
    g_clear_pointer(&n->name, g_free);
    if (parent) {
        fs_unref(t, parent, 1);
    }
}

/* Folders that somebody moved meanwhile could come to be in each other: such a place is not kept. */
static bool is_above(const struct fs_tree *t, const struct fs_node *n, const struct fs_node *below)
{
    for (unsigned depth = 0; below; below = below->parent, depth++) {
        if (below == n || depth > MAX_DEPTH) {
            return true;
        }
    }
    return n == t->root;
}

void fs_set_place(struct fs_tree *t, struct fs_node *n, struct fs_node *dir, const char *name)
{
    if (n->parent == dir && strcmp(n->name, name) == 0) {
        return;
    }
    if (n == t->root || is_above(t, n, dir)) {
        return;
    }
    fs_ref(dir);
    fs_displace(t, n);
    n->parent = dir;
    n->name = g_strdup(name);
}

struct fs_node *fs_parent(struct fs_tree *t, struct fs_node *n)
{
    return n->parent ? n->parent : n == t->root ? n : NULL;
}

int fs_place(const struct fs_node *n, struct fs_node **dir, const char **name)
{
    *dir = n->parent;
    *name = n->name;
    return n->parent ? 0 : -ESTALE;
}

int fs_check_name(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) {
        return -EINVAL;
    }
    return len > FS_NAME_MAX ? -ENAMETOOLONG : 0;
}

struct fs_node *fs_known(struct fs_tree *t, const struct statx *x)
{
    struct fs_node key = {
        .dev = device(x), .ino = x->stx_ino, .born = birth(x), .type = x->stx_mode & S_IFMT
    };

    return g_hash_table_lookup(t->by_file, &key);
}

int fs_adopt(struct fs_tree *t, struct fs_node *dir, const char *name, int fd, struct fs_node **out)
{
    struct statx x;
    uint64_t number;
    struct fs_node *n;
    int ret = fs_host_stat(fd, &x);

    ret = ret ? ret : fs_number(t, device(&x), x.stx_ino, &number);
    n = ret ? NULL : fs_known(t, &x);
    if (!n && ret == 0 && g_hash_table_size(t->by_file) >= t->limits.nodes) {
        ret = -ENFILE;
    }
    if (ret < 0) {
        close(fd);
        return ret;
    }
    n = n ? n : fs_add_node(t, t->next_id++, &x);
    fs_ref(n);
    if (n->fd >= 0) {
        close(fd);
    } else {
        dir->pins++; /* it is in use by the caller */
        give_fd(t, n, fd);
        dir->pins--;
    }
    fs_set_place(t, n, dir, name);
    *out = n;
    return 0;
}

int fs_lookup(struct fs_tree *t, struct fs_node *dir, const char *name, struct fs_node **out)
{
    int ret = fs_check_name(name), dirfd, fd;

    if (ret < 0) {
        return ret;
    }
    dirfd = fs_pin(t, dir);
    if (dirfd < 0) {
        return dirfd;
    }
    fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    ret = fd < 0 ? -errno : fs_adopt(t, dir, name, fd, out);
    fs_unpin(dir);
    return ret;
}

struct fs_node *fs_known_at(struct fs_tree *t, int dirfd, const char *name)
{
    struct statx x;

    return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                 STATX_BASIC_STATS | STATX_BTIME, &x) == 0
               ? fs_known(t, &x)
               : NULL;
}

/* Numbers ----------------------------------------------------------------------------------------- */

#define NUMBER_BITS 48

static unsigned device_index(struct fs_tree *t, uint64_t dev)
{
    for (unsigned i = 0; i < t->devices->len; i++) {
        if (g_array_index(t->devices, uint64_t, i) == dev) {
            return i;
        }
    }
    g_array_append_val(t->devices, dev);
    return t->devices->len - 1;
}

/* The device's index stands above the number; where that does not fit, the two are mixed. */
static uint64_t remap(struct fs_tree *t, uint64_t dev, uint64_t ino)
{
    unsigned index = device_index(t, dev);

    if (ino >> NUMBER_BITS == 0 && index < 1u << (63 - NUMBER_BITS)) {
        return (uint64_t)index << NUMBER_BITS | ino;
    }
    return (ino ^ dev * 0x9e3779b97f4a7c15u) | 1ull << 63;
}

int fs_number(struct fs_tree *t, uint64_t dev, uint64_t ino, uint64_t *number)
{
    bool other = t->root && dev != t->root->dev;

    *number = t->dev->multidevs == FSDEV_REMAP ? remap(t, dev, ino) : ino;
    if (other && t->dev->multidevs == FSDEV_FORBID) {
        return -ENODEV;
    }
    if (other && t->dev->multidevs == FSDEV_WARN && !t->warned) {
        t->warned = true;
        report_warning("-fsdev %s: there is more than one device below '%s', so that file numbers "
                       "may be the same: multidevs=remap makes them differ",
                       t->dev->id, t->dev->path);
    }
    return 0;
}

/* Life -------------------------------------------------------------------------------------------- */

static void fill_limits(struct fs_limits *l)
{
    struct rlimit host = { 1024, 1024 };
    unsigned most;

    getrlimit(RLIMIT_NOFILE, &host);
    most = (unsigned)MIN(host.rlim_cur, (rlim_t)1 << 20);
    most = most > 2 * RESERVED ? most - RESERVED : most / 2;
    l->fds = l->fds ? l->fds : MIN(most / 4, MAX_FDS);
    l->open = l->open ? l->open : MIN(most / 2, MAX_OPEN);
    l->nodes = l->nodes ? l->nodes : MAX_NODES;
}

struct fs_tree *fs_tree_new(const struct fsdev *dev, const struct fs_limits *limits)
{
    struct fs_tree *t = g_new0(struct fs_tree, 1);
    struct statx x = { 0 };

    t->dev = dev;
    t->limits = limits ? *limits : (struct fs_limits){ 0 };
    fill_limits(&t->limits);
    t->by_file = g_hash_table_new(hash_file, equal_file);
    t->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
    t->devices = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    t->next_id = FS_ROOT_ID;
    fs_host_stat(dev->root, &x);
    t->root = fs_add_node(t, t->next_id++, &x);
    t->root->fd = dev->root;
    t->root->refs = 1;
    device_index(t, t->root->dev);
    return t;
}

void fs_tree_clear(struct fs_tree *t)
{
    GHashTableIter i;
    gpointer p;

    g_hash_table_iter_init(&i, t->by_id);
    while (g_hash_table_iter_next(&i, NULL, &p)) {
        struct fs_node *n = p;

        if (n != t->root) {
            close_node(t, n);
            g_hash_table_remove(t->by_file, n);
            g_hash_table_iter_remove(&i);
            g_free(n->name);
            g_free(n);
        }
    }
    t->root->refs = 1;
    t->root->known = 0;
}

void fs_tree_free(struct fs_tree *t)
{
    fs_tree_clear(t);
    g_hash_table_unref(t->by_file);
    g_hash_table_unref(t->by_id);
    g_array_unref(t->devices);
    g_free(t->root);
    g_free(t);
}

const struct fsdev *fs_tree_dev(const struct fs_tree *t)
{
    return t->dev;
}

struct fs_node *fs_root(struct fs_tree *t)
{
    return t->root;
}

size_t fs_tree_nodes(const struct fs_tree *t)
{
    return g_hash_table_size(t->by_id);
}

unsigned fs_tree_fds(const struct fs_tree *t)
{
    return t->n_fds;
}
