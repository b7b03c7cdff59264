/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/p9_attr.c: 9P: what is known of files: attributes, links' targets, xattrs, locks.  See p9.h, also for the thread. */
#include "hw/fs/p9.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#define V9FS_MAGIC  0x01021997u
#define STATS_BASIC 0x7ffu /* valid bits of getattr */
#define STATS_BTIME 0x800u

/* bits of setattr */
enum {
    SET_MODE = 1,
    SET_UID = 2,
    SET_GID = 4,
    SET_SIZE = 8,
    SET_ATIME = 16,
    SET_MTIME = 32,
    SET_ATIME_TO = 128,
    SET_MTIME_TO = 256
};

static void put_time(struct pack_out *out, const struct statx_timestamp *t)
{
    pack_put(out, (uint64_t)t->tv_sec, 8);
    pack_put(out, t->tv_nsec, 8);
}

/* fid mask */
int p9_getattr(struct p9 *s, struct p9_call *c)
{
    static const struct statx_timestamp none;
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct pack_out *out = &c->out;
    bool born;
    struct statx x;
    int ret = f ? fs_stat(s->tree, f->node, f->fd, &x) : -EBADF;

    if (ret < 0) {
        return ret;
    }
    born = x.stx_mask & STATX_BTIME;
    pack_put(out, STATS_BASIC | (born ? STATS_BTIME : 0), 8);
    ret = p9_put_qid(s, out, f->node);
    pack_put(out, x.stx_mode, 4);
    pack_put(out, x.stx_uid, 4);
    pack_put(out, x.stx_gid, 4);
    pack_put(out, x.stx_nlink, 8);
    pack_put(out, makedev(x.stx_rdev_major, x.stx_rdev_minor), 8);
    pack_put(out, x.stx_size, 8);
    pack_put(out, x.stx_blksize, 8);
    pack_put(out, x.stx_blocks, 8);
    put_time(out, &x.stx_atime);
    put_time(out, &x.stx_mtime);
    put_time(out, &x.stx_ctime);
    put_time(out, born ? &x.stx_btime : &none);
    pack_put(out, 0, 8); /* generation */
    pack_put(out, 0, 8); /* data version */
    return ret;
}

static struct timespec time_of(uint64_t valid, unsigned set, unsigned to, const uint64_t *at)
{
    if (!(valid & set)) {
        return (struct timespec){ 0, UTIME_OMIT };
    }
    if (!(valid & to)) {
        return (struct timespec){ 0, UTIME_NOW };
    }
    return (struct timespec){ (time_t)at[0], (long)MIN(at[1], 999999999) };
}

/* fid valid mode uid gid size atime(2) mtime(2) */
int p9_setattr(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    uint64_t valid = c->n[1];
    struct fs_change change = {
        .set = (valid & SET_MODE ? FS_SET_MODE : 0) | (valid & SET_UID ? FS_SET_UID : 0) |
               (valid & SET_GID ? FS_SET_GID : 0) | (valid & SET_SIZE ? FS_SET_SIZE : 0) |
               (valid & (SET_ATIME | SET_MTIME) ? FS_SET_TIMES : 0),
        .mode = (uint32_t)c->n[2],
        .uid = (uint32_t)c->n[3],
        .gid = (uint32_t)c->n[4],
        .size = c->n[5],
        .times = { time_of(valid, SET_ATIME, SET_ATIME_TO, &c->n[6]),
                   time_of(valid, SET_MTIME, SET_MTIME_TO, &c->n[8]) },
    };

    return f ? fs_change(s->tree, f->node, f->fd, &change) : -EBADF;
}

int p9_readlink(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    char target[FS_TARGET_MAX + 1];
    int ret = f ? fs_readlink(s->tree, f->node, target, sizeof(target)) : -EBADF;

    if (ret < 0) {
        return ret;
    }
    pack_put_text(&c->out, target);
    return 0;
}

int p9_statfs(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct statfs fs;
    int ret = f ? fs_statfs(s->tree, f->node, &fs) : -EBADF;
    uint64_t id;

    if (ret < 0) {
        return ret;
    }
    memcpy(&id, &fs.f_fsid, sizeof(id));
    pack_put(&c->out, V9FS_MAGIC, 4);
    pack_put(&c->out, (uint64_t)fs.f_bsize, 4);
    pack_put(&c->out, fs.f_blocks, 8);
    pack_put(&c->out, fs.f_bfree, 8);
    pack_put(&c->out, fs.f_bavail, 8);
    pack_put(&c->out, fs.f_files, 8);
    pack_put(&c->out, fs.f_ffree, 8);
    pack_put(&c->out, id, 8);
    pack_put(&c->out, FS_NAME_MAX, 4);
    return 0;
}

/* Extended attributes ----------------------------------------------------------------------------- */

/* All of it at once, so that it is one thing. */
static ssize_t read_value(struct p9 *s, struct fs_node *n, const char *name, GByteArray *value)
{
    ssize_t len;

    g_byte_array_set_size(value, FS_XATTR_MAX);
    len = *name ? fs_getxattr(s->tree, n, name, value->data, value->len)
                : fs_listxattr(s->tree, n, (char *)value->data, value->len);
    g_byte_array_set_size(value, len > 0 ? (guint)len : 0);
    return len;
}

/* fid newfid name: the new fid reads an attribute, or without a name their names */
int p9_xattrwalk(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]), *made;
    g_autoptr(GByteArray) value = g_byte_array_new();
    ssize_t len;
    int ret;

    if (!f || p9_find(s, c->n[1])) {
        return -EBADF;
    }
    len = read_value(s, f->node, c->text[0], value);
    if (len < 0) {
        return (int)len;
    }
    if (s->xattr_bytes + (size_t)len > P9_MAX_XATTR) {
        return -ENOSPC;
    }
    fs_ref(f->node);
    ret = p9_add(s, c->n[1], f->uid, f->node, &made);
    if (ret < 0) {
        return ret;
    }
    made->xattr = P9_XATTR_READ;
    made->value = g_byte_array_sized_new((guint)len); /* the other has room for the longest */
    g_byte_array_append(made->value, value->data, (guint)len);
    s->xattr_bytes += p9_xattr_size(made);
    pack_put(&c->out, (uint64_t)len, 8);
    return 0;
}

/* fid name size flags: the fid writes the attribute, which is set when it is clunked */
int p9_xattrcreate(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    size_t name = strlen(c->text[0]);

    if (!f) {
        return -EBADF;
    }
    if (f->fd >= 0 || f->dir || f->xattr || c->n[2] > INT32_MAX) {
        return -EINVAL;
    }
    if (name == 0 || name > FS_NAME_MAX) {
        return -ERANGE;
    }
    if (c->n[1] > FS_XATTR_MAX || s->xattr_bytes + name + c->n[1] > P9_MAX_XATTR) {
        return -ENOSPC;
    }
    f->xattr = P9_XATTR_WRITE;
    f->xattr_name = g_strdup(c->text[0]);
    f->xattr_flags = (int)c->n[2];
    f->value = g_byte_array_new();
    g_byte_array_set_size(f->value, (guint)c->n[1]);
    if (f->value->len) {
        memset(f->value->data, 0, f->value->len);
    }
    s->xattr_bytes += p9_xattr_size(f);
    return 0;
}

/* Locks ------------------------------------------------------------------------------------------- */

/* Of the guest's processes among each other: the host's do not see them. */

enum { P9_LOCK_READ = 0, P9_LOCK_WRITE = 1, P9_LOCK_NONE = 2 };
enum { P9_LOCK_SUCCESS = 0, P9_LOCK_BLOCKED = 1, P9_LOCK_ERROR = 2 };

void p9_drop_locks(struct p9 *s, uint32_t fid)
{
    for (unsigned i = s->locks->len; i-- > 0;) {
        if (g_array_index(s->locks, struct p9_lock, i).fid == fid) {
            g_array_remove_index_fast(s->locks, i);
        }
    }
}

static bool is_mine(const struct p9_lock *a, const struct p9_lock *b)
{
    return a->node == b->node && a->proc == b->proc && strcmp(a->client, b->client) == 0;
}

static bool overlaps(const struct p9_lock *a, const struct p9_lock *b)
{
    return a->node == b->node && a->start <= b->end && b->start <= a->end;
}

static const struct p9_lock *conflict(const struct p9 *s, const struct p9_lock *l)
{
    for (unsigned i = 0; i < s->locks->len; i++) {
        const struct p9_lock *other = &g_array_index(s->locks, struct p9_lock, i);

        if (overlaps(other, l) && !is_mine(other, l) &&
            (l->type == P9_LOCK_WRITE || other->type == P9_LOCK_WRITE)) {
            return other;
        }
    }
    return NULL;
}

/* Takes the range out of the same process's locks: what stands out on either side stays. */
static void cut_out(struct p9 *s, const struct p9_lock *l)
{
    for (unsigned i = s->locks->len; i-- > 0;) {
        struct p9_lock old = g_array_index(s->locks, struct p9_lock, i), piece = old;

        if (!overlaps(&old, l) || !is_mine(&old, l)) {
            continue;
        }
        g_array_remove_index_fast(s->locks, i);
        if (old.start < l->start) {
            piece.end = l->start - 1;
            g_array_append_val(s->locks, piece);
        }
        if (old.end > l->end) {
            piece = old;
            piece.start = l->end + 1;
            g_array_append_val(s->locks, piece);
        }
    }
}

static bool make_lock(const struct p9_fid *f, uint64_t type, const uint64_t *at, uint64_t proc,
                      const char *client, struct p9_lock *l)
{
    uint64_t start = at[0], length = at[1];

    *l = (struct p9_lock){ .node = f->node->id, .start = start, .fid = f->fid };
    l->end = length == 0 || length - 1 > UINT64_MAX - start ? UINT64_MAX : start + length - 1;
    l->proc = (uint32_t)proc;
    l->type = (uint8_t)type;
    g_strlcpy(l->client, client, sizeof(l->client));
    return type <= P9_LOCK_NONE;
}

/* fid type flags start length proc client */
int p9_lock(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    unsigned status = P9_LOCK_SUCCESS, most;
    struct p9_lock l;

    if (!f) {
        return -EBADF;
    }
    if (!make_lock(f, c->n[1], &c->n[3], c->n[5], c->text[0], &l)) {
        return -EINVAL;
    }
    most = l.type == P9_LOCK_NONE ? 2 * P9_MAX_LOCKS : P9_MAX_LOCKS; /* it may make two of one */
    if (l.type != P9_LOCK_NONE && conflict(s, &l)) {
        status = P9_LOCK_BLOCKED;
    } else if (s->locks->len >= most) {
        status = P9_LOCK_ERROR;
    } else {
        cut_out(s, &l);
        if (l.type != P9_LOCK_NONE) {
            g_array_append_val(s->locks, l);
        }
    }
    pack_put(&c->out, status, 1);
    return 0;
}

/* fid type start length proc client: the first that is in the way */
int p9_getlock(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    const struct p9_lock *other;
    struct p9_lock l;

    if (!f) {
        return -EBADF;
    }
    if (!make_lock(f, c->n[1], &c->n[2], c->n[4], c->text[0], &l)) {
        return -EINVAL;
    }
    other = conflict(s, &l);
    pack_put(&c->out, other ? other->type : P9_LOCK_NONE, 1);
    pack_put(&c->out, other ? other->start : c->n[2], 8);
    pack_put(&c->out,
             !other                     ? c->n[3]
             : other->end == UINT64_MAX ? 0
                                        : other->end - other->start + 1,
             8);
    pack_put(&c->out, other ? other->proc : c->n[4], 4);
    pack_put_text(&c->out, other ? other->client : c->text[0]);
    return 0;
}
