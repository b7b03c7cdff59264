/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/file.c: what is done to nodes: look, change, open, write, links' targets.  Source: open(2), proc(5)
 * (/proc/PID/fd), utimensat(2).  See tree.h, also for the thread.
 *
 * A node's own descriptor is named as /proc/self/fd/N where a system call wants a name: it leads to that very file.
 */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of flags that a guest gives these reach the host: others are the guest's own matter, or would block. */
#define KEPT_FLAGS (O_ACCMODE | O_TRUNC | O_APPEND | O_SYNC | O_DSYNC)

static void fd_name(char buf[16], int fd)
{
    snprintf(buf, 16, "%d", fd);
}

int fs_stat(struct fs_tree *t, struct fs_node *n, int fd, struct statx *x)
{
    int own = fd < 0 || fs_is_mapped(t) ? fs_pin(t, n) : -1, ret;
    uint64_t number;

    if (fd < 0 && own < 0) {
        return own;
    }
    ret = fs_host_stat(fd < 0 ? own : fd, x);
    if (ret == 0) {
        ret = fs_number(t, n->dev, n->ino, &number);
        x->stx_ino = number;
    }
    if (ret == 0 && fs_is_mapped(t)) {
        fs_mapped_stat(fd < 0 ? own : fd, x);
    }
    if (own >= 0) {
        fs_unpin(n);
    }
    return ret;
}

int fs_statfs(struct fs_tree *t, struct fs_node *n, struct statfs *s)
{
    int fd = fs_pin(t, n), ret;

    if (fd < 0) {
        return fd;
    }
    ret = fstatfs(fd, s) < 0 ? -errno : 0;
    fs_unpin(n);
    return ret;
}

/* Open files -------------------------------------------------------------------------------------- */

int fs_open(struct fs_tree *t, struct fs_node *n, int flags, int *fd)
{
    bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
    char name[16];
    int own;

    if ((flags & O_ACCMODE) == O_ACCMODE) {
        return -EINVAL;
    }
    if (writes && t->dev->readonly) {
        return -EROFS;
    }
    /* Devices and pipes in the folder are the host's: they would block, or do things. */
    if (n->type != S_IFREG && n->type != S_IFDIR) {
        return n->type == S_IFLNK ? -ELOOP : -ENXIO;
    }
    if (t->n_open >= t->limits.open) {
        return -EMFILE;
    }
    own = fs_pin(t, n);
    if (own < 0) {
        return own;
    }
    fd_name(name, own);
    *fd = openat(t->dev->proc, name, (flags & KEPT_FLAGS) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    own = *fd < 0 ? -errno : 0;
    fs_unpin(n);
    t->n_open += own == 0;
    return own;
}

void fs_close(struct fs_tree *t, int fd)
{
    close(fd);
    t->n_open--;
}

ssize_t fs_write(struct fs_tree *t, int fd, const void *buf, size_t n, uint64_t offset)
{
    ssize_t done;

    if (offset > INT64_MAX - n) {
        return -EFBIG;
    }
    done = pwrite(fd, buf, n, (off_t)offset);
    if (done < 0 || (t->dev->writeout && fdatasync(fd) < 0)) {
        return -errno;
    }
    return done;
}

/* Changes ----------------------------------------------------------------------------------------- */

static int set_size(struct fs_tree *t, struct fs_node *n, int fd, uint64_t size)
{
    int own, ret;

    if (size > INT64_MAX) {
        return -EFBIG;
    }
    if (n->type != S_IFREG) {
        return n->type == S_IFDIR ? -EISDIR : -EINVAL;
    }
    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0) {
        return 0;
    }
    ret = fs_open(t, n, O_WRONLY, &own);
    if (ret == 0) {
        ret = ftruncate(own, (off_t)size) < 0 ? -errno : 0;
        fs_close(t, own);
    }
    return ret;
}

static int set_owner(struct fs_tree *t, int fd, const struct fs_change *c)
{
    uid_t uid = c->set & FS_SET_UID ? c->uid : (uid_t)-1;
    gid_t gid = c->set & FS_SET_GID ? c->gid : (gid_t)-1;
    int ret = 0;

    if (!fs_is_mapped(t)) {
        ret = fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 ? -errno : 0;
        return t->dev->model == FSDEV_NONE && ret == -EPERM ? 0 : ret;
    }
    ret = c->set & FS_SET_UID ? fs_mapped_set(fd, "uid", c->uid, 4) : 0;
    return ret || !(c->set & FS_SET_GID) ? ret : fs_mapped_set(fd, "gid", c->gid, 4);
}

static int set_mode(struct fs_tree *t, struct fs_node *n, int fd, uint32_t mode)
{
    char name[16];
    struct statx x;
    int ret;

    if (fs_is_mapped(t)) {
        ret = fs_host_stat(fd, &x);
        if (ret < 0) {
            return ret;
        }
        fs_mapped_stat(fd, &x);
        return fs_mapped_set(fd, "mode", (x.stx_mode & S_IFMT) | (mode & 07777), 4);
    }
    if (n->type == S_IFLNK) {
        return -EOPNOTSUPP;
    }
    fd_name(name, fd);
    return fchmodat(t->dev->proc, name, mode & 07777, 0) < 0 ? -errno : 0;
}

/* Size first: the mode could forbid it.  The mode behind the owner, whose change takes set-id bits away. */
static int change(struct fs_tree *t, struct fs_node *n, int own, int fd, const struct fs_change *c)
{
    char name[16];
    int ret = c->set & FS_SET_SIZE ? set_size(t, n, fd, c->size) : 0;

    if (ret == 0 && c->set & (FS_SET_UID | FS_SET_GID)) {
        ret = set_owner(t, own, c);
    }
    if (ret == 0 && c->set & FS_SET_MODE) {
        ret = set_mode(t, n, own, c->mode);
    }
    if (ret == 0 && c->set & FS_SET_TIMES) {
        fd_name(name, own);
        ret = utimensat(t->dev->proc, name, c->times, 0) < 0 ? -errno : 0;
    }
    return ret;
}

int fs_change(struct fs_tree *t, struct fs_node *n, int fd, const struct fs_change *c)
{
    int own, ret;

    if (t->dev->readonly) {
        return -EROFS;
    }
    own = fs_pin(t, n);
    if (own < 0) {
        return own;
    }
    ret = change(t, n, own, fd, c);
    fs_unpin(n);
    return ret;
}

/* Links ------------------------------------------------------------------------------------------- */

/* MAPPED_*: the target is what the file holds. */
static int read_target(struct fs_tree *t, struct fs_node *n, char *buf, size_t size)
{
    struct statx x;
    ssize_t len;
    int fd, ret = fs_stat(t, n, -1, &x);

    if (ret == 0 && !S_ISLNK(x.stx_mode)) {
        ret = -EINVAL;
    }
    ret = ret ? ret : fs_open(t, n, O_RDONLY, &fd);
    if (ret < 0) {
        return ret;
    }
    len = pread(fd, buf, size, 0);
    ret = len < 0 ? -errno : (int)len;
    fs_close(t, fd);
    return ret;
}

int fs_readlink(struct fs_tree *t, struct fs_node *n, char *buf, size_t size)
{
    int ret, fd;

    if (fs_is_mapped(t) && n->type == S_IFREG) {
        ret = read_target(t, n, buf, size - 1);
    } else {
        fd = fs_pin(t, n);
        if (fd < 0) {
            return fd;
        }
        ret = (int)readlinkat(fd, "", buf, size - 1);
        ret = ret < 0 ? (errno == ENOENT ? -EINVAL : -errno) : ret;
        fs_unpin(n);
    }
    if (ret >= 0) {
        buf[ret] = 0;
        ret = (int)strlen(buf);
    }
    return ret;
}
