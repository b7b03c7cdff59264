/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/fuse_names.c: FUSE: names, attributes, xattrs.  See fuse.h, also for the thread. */
#include "hw/fs/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define AUTO_SECONDS   1u
#define ALWAYS_SECONDS 86400u

/* Answers ----------------------------------------------------------------------------------------- */

static uint64_t believed_for(const struct fuse *s)
{
    return s->cache == FUSE_CACHE_ALWAYS ? ALWAYS_SECONDS
           : s->cache == FUSE_CACHE_AUTO ? AUTO_SECONDS
                                         : 0;
}

/* As Linux packs device numbers into 32 bits. */
static uint32_t pack_dev(uint32_t major, uint32_t minor)
{
    return (minor & 0xff) | major << 8 | (minor & ~0xffu) << 12;
}

static void fill(const struct statx *x, struct fuse_attr *a)
{
    *a = (struct fuse_attr){
        .ino = x->stx_ino,
        .size = x->stx_size,
        .blocks = x->stx_blocks,
        .atime = (uint64_t)x->stx_atime.tv_sec,
        .mtime = (uint64_t)x->stx_mtime.tv_sec,
        .ctime = (uint64_t)x->stx_ctime.tv_sec,
        .atimensec = x->stx_atime.tv_nsec,
        .mtimensec = x->stx_mtime.tv_nsec,
        .ctimensec = x->stx_ctime.tv_nsec,
        .mode = x->stx_mode,
        .nlink = x->stx_nlink,
        .uid = x->stx_uid,
        .gid = x->stx_gid,
        .rdev = pack_dev(x->stx_rdev_major, x->stx_rdev_minor),
        .blksize = x->stx_blksize,
    };
}

void fuse_fill_attr(struct fuse *s, const struct statx *x, struct fuse_attr_out *out)
{
    *out = (struct fuse_attr_out){ .attr_valid = believed_for(s) };
    fill(x, &out->attr);
}

int fuse_fill_entry(struct fuse *s, struct fs_node *n, struct fuse_entry_out *e)
{
    struct statx x;
    int ret = fs_stat(s->tree, n, -1, &x);

    if (ret < 0) {
        return ret;
    }
    *e = (struct fuse_entry_out){ .nodeid = n->id };
    e->entry_valid = e->attr_valid = believed_for(s);
    fill(&x, &e->attr);
    return 0;
}

ssize_t fuse_put_entry(struct fuse *s, struct fuse_call *c, struct fs_node *n)
{
    struct fuse_entry_out e;
    int ret = fuse_fill_entry(s, n, &e);

    if (ret < 0) {
        fs_unref(s->tree, n, 1);
        return ret;
    }
    n->known++;
    memcpy(c->out, &e, sizeof(e));
    return sizeof(e);
}

static ssize_t put_attr(struct fuse *s, struct fuse_call *c, struct fs_node *n, int fd)
{
    struct fuse_attr_out out;
    struct statx x;
    int ret = fs_stat(s->tree, n, fd, &x);

    if (ret < 0) {
        return ret;
    }
    fuse_fill_attr(s, &x, &out);
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

/* Names ------------------------------------------------------------------------------------------- */

ssize_t fuse_lookup(struct fuse *s, struct fuse_call *c)
{
    struct fs_node *n;
    int ret = fs_lookup(s->tree, c->node, c->name, &n);

    return ret ? ret : fuse_put_entry(s, c, n);
}

ssize_t fuse_symlink(struct fuse *s, struct fuse_call *c)
{
    struct fs_owner owner = { c->head->uid, c->head->gid };
    struct fs_node *n;
    int ret = fs_symlink(s->tree, c->node, c->name, c->name2, &owner, &n);

    return ret ? ret : fuse_put_entry(s, c, n);
}

ssize_t fuse_mknod(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_mknod_in *in = c->arg;
    struct fs_owner owner = { c->head->uid, c->head->gid };
    uint32_t major = (in->rdev & 0xfff00) >> 8,
             minor = (in->rdev & 0xff) | (in->rdev >> 12 & 0xfff00);
    struct fs_node *n;
    int ret = fs_mknod(s->tree, c->node, c->name, in->mode, major, minor, &owner, &n);

    return ret ? ret : fuse_put_entry(s, c, n);
}

ssize_t fuse_mkdir(struct fuse *s, struct fuse_call *c)
{
    struct fs_owner owner = { c->head->uid, c->head->gid };
    struct fs_node *n;
    int ret = fs_mkdir(s->tree, c->node, c->name, ((const struct fuse_mkdir_in *)c->arg)->mode,
                       &owner, &n);

    return ret ? ret : fuse_put_entry(s, c, n);
}

ssize_t fuse_unlink(struct fuse *s, struct fuse_call *c)
{
    return fs_remove(s->tree, c->node, c->name, false);
}

ssize_t fuse_rmdir(struct fuse *s, struct fuse_call *c)
{
    return fs_remove(s->tree, c->node, c->name, true);
}

static ssize_t move(struct fuse *s, struct fuse_call *c, uint64_t to, unsigned flags)
{
    struct fs_node *dir = fs_node_find(s->tree, to);

    return dir ? fs_rename(s->tree, c->node, c->name, dir, c->name2, flags) : -ESTALE;
}

ssize_t fuse_rename(struct fuse *s, struct fuse_call *c)
{
    return move(s, c, ((const struct fuse_rename_in *)c->arg)->newdir, 0);
}

ssize_t fuse_rename2(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_rename2_in *in = c->arg;

    return move(s, c, in->newdir, in->flags);
}

ssize_t fuse_link(struct fuse *s, struct fuse_call *c)
{
    struct fs_node *n = fs_node_find(s->tree, ((const struct fuse_link_in *)c->arg)->oldnodeid);
    int ret = n ? fs_link(s->tree, n, c->node, c->name) : -ESTALE;

    if (ret < 0) {
        return ret;
    }
    fs_ref(n);
    return fuse_put_entry(s, c, n);
}

ssize_t fuse_readlink(struct fuse *s, struct fuse_call *c)
{
    char target[FS_TARGET_MAX + 1];
    int ret = fs_readlink(s->tree, c->node, target, sizeof(target));

    if (ret > 0) {
        ret = (int)MIN((size_t)ret, c->room);
        memcpy(c->out, target, (size_t)ret);
    }
    return ret;
}

/* Attributes -------------------------------------------------------------------------------------- */

/* The file of a handle that is of the node; -1: none. */
static int fd_of(struct fuse *s, const struct fuse_call *c, uint64_t fh)
{
    const struct fuse_handle *h = fuse_find(s, fh);

    return !h || h->node != c->node ? -1 : h->dir ? fs_dir_fd(h->dir) : h->fd;
}

ssize_t fuse_getattr(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_getattr_in *in = c->arg;

    return put_attr(s, c, c->node, in->getattr_flags & FUSE_GETATTR_FH ? fd_of(s, c, in->fh) : -1);
}

static struct timespec time_of(uint32_t valid, uint32_t set, uint32_t now, uint64_t sec,
                               uint32_t ns)
{
    if (!(valid & set)) {
        return (struct timespec){ 0, UTIME_OMIT };
    }
    if (valid & now) {
        return (struct timespec){ 0, UTIME_NOW };
    }
    return (struct timespec){ (time_t)sec, (long)MIN(ns, 999999999u) };
}

ssize_t fuse_setattr(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_setattr_in *in = c->arg;
    uint32_t v = in->valid;
    int fd = v & FATTR_FH ? fd_of(s, c, in->fh) : -1;
    struct fs_change change = {
        .set = (v & FATTR_MODE ? FS_SET_MODE : 0) | (v & FATTR_UID ? FS_SET_UID : 0) |
               (v & FATTR_GID ? FS_SET_GID : 0) | (v & FATTR_SIZE ? FS_SET_SIZE : 0) |
               (v & (FATTR_ATIME | FATTR_MTIME) ? FS_SET_TIMES : 0),
        .mode = in->mode,
        .uid = in->uid,
        .gid = in->gid,
        .size = in->size,
        .times = { time_of(v, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
                   time_of(v, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec) },
    };
    int ret = fs_change(s->tree, c->node, fd, &change);

    return ret ? ret : put_attr(s, c, c->node, fd);
}

ssize_t fuse_statfs(struct fuse *s, struct fuse_call *c)
{
    struct fuse_statfs_out out = { 0 };
    struct statfs fs;
    int ret = fs_statfs(s->tree, c->node, &fs);

    if (ret < 0) {
        return ret;
    }
    out.st.blocks = fs.f_blocks;
    out.st.bfree = fs.f_bfree;
    out.st.bavail = fs.f_bavail;
    out.st.files = fs.f_files;
    out.st.ffree = fs.f_ffree;
    out.st.bsize = (uint32_t)fs.f_bsize;
    out.st.frsize = (uint32_t)fs.f_frsize;
    out.st.namelen = FS_NAME_MAX;
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

/* By owner, group and others, as the guest's kernel does it where it does not ask. */
ssize_t fuse_access(struct fuse *s, struct fuse_call *c)
{
    uint32_t wanted = ((const struct fuse_access_in *)c->arg)->mask, given;
    struct statx x;
    int ret = fs_stat(s->tree, c->node, -1, &x);

    if (ret < 0 || wanted & ~(uint32_t)(R_OK | W_OK | X_OK)) {
        return ret < 0 ? ret : -EINVAL;
    }
    given = c->head->uid == x.stx_uid   ? x.stx_mode >> 6 & 7u
            : c->head->gid == x.stx_gid ? x.stx_mode >> 3 & 7u
                                        : x.stx_mode & 7u;
    if (c->head->uid == 0) {
        given = R_OK | W_OK | (S_ISDIR(x.stx_mode) || x.stx_mode & 0111 ? X_OK : 0);
    }
    if (wanted & W_OK && fs_tree_dev(s->tree)->readonly) {
        return -EROFS;
    }
    return wanted & ~given ? -EACCES : 0;
}

/* Where the root is: what is mounted below it is synced when its files are. */
ssize_t fuse_syncfs(struct fuse *s, struct fuse_call *c)
{
    int fd, ret = fs_open(s->tree, fs_root(s->tree), O_RDONLY, &fd);

    (void)c;
    if (ret < 0) {
        return ret;
    }
    ret = syncfs(fd) < 0 ? -errno : 0;
    fs_close(s->tree, fd);
    return ret;
}

/* Extended attributes ----------------------------------------------------------------------------- */

ssize_t fuse_setxattr(struct fuse *s, struct fuse_call *c)
{
    uint32_t
        in[2]; /* struct fuse_setxattr_in as it was and is without FUSE_SETXATTR_EXT: size, flags */

    memcpy(in, c->arg, sizeof(in));
    if (in[0] > c->data_size) {
        return -EINVAL;
    }
    return fs_setxattr(s->tree, c->node, c->name, c->data, in[0], (int)in[1]);
}

/* For the value, or for its size. */
static bool has_room(const struct fuse_call *c, uint32_t size)
{
    return c->room >= (size ? size : sizeof(struct fuse_getxattr_out));
}

/* Who asks with a size of 0 wants to know it. */
static ssize_t put_xattr(struct fuse_call *c, ssize_t ret, uint32_t size)
{
    struct fuse_getxattr_out out = { 0 };

    if (ret < 0 || size) {
        return ret;
    }
    out.size = (uint32_t)ret;
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

ssize_t fuse_getxattr(struct fuse *s, struct fuse_call *c)
{
    uint32_t size = ((const struct fuse_getxattr_in *)c->arg)->size;

    if (!has_room(c, size)) {
        return -EINVAL;
    }
    return put_xattr(c, fs_getxattr(s->tree, c->node, c->name, c->out, size), size);
}

ssize_t fuse_listxattr(struct fuse *s, struct fuse_call *c)
{
    uint32_t size = ((const struct fuse_getxattr_in *)c->arg)->size;

    if (!has_room(c, size)) {
        return -EINVAL;
    }
    return put_xattr(c, fs_listxattr(s->tree, c->node, (char *)c->out, size), size);
}

ssize_t fuse_removexattr(struct fuse *s, struct fuse_call *c)
{
    return fs_removexattr(s->tree, c->node, c->name);
}
