/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/create.c: names that come, go and move.  Source: open(2), mknod(2), linkat(2), renameat2(2).  See tree.h, also
 * for the thread.
 */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Somebody else's file comes and goes under the name that is to be made. */
#define MOST_TRIES 8

/* What was just made, before its owner and mode are right. */
struct made {
    struct fs_tree *t;
    struct fs_node *dir;
    int dirfd;
    const char *name;
    const struct fs_owner *owner;
    uint32_t mode; /* with its type; the guest's */
    uint64_t rdev; /* the guest's */
};

/* The folder's descriptor, until end; 0, or why nothing can be made there. */
static int begin(struct made *m, struct fs_tree *t, struct fs_node *dir, const char *name)
{
    int ret = t->dev->readonly ? -EROFS : fs_check_name(name);

    if (ret < 0) {
        return ret;
    }
    m->t = t;
    m->dir = dir;
    m->name = name;
    m->dirfd = fs_pin(t, dir);
    if (m->dirfd < 0) {
        return m->dirfd;
    }
    fs_ref(dir); /* a name in it that goes may have been all that kept it */
    return 0;
}

static void end(const struct made *m)
{
    fs_unpin(m->dir);
    fs_unref(m->t, m->dir, 1);
}

/* A folder with the set-group-id bit gives its group on, and the bit to folders in it (mkdir(2)). */
static int dress_host(const struct made *m, int fd, const struct statx *x)
{
    bool group_given;
    struct statx dir;
    char name[16];
    uid_t uid = m->owner->uid;
    gid_t gid;
    uint32_t mode = m->mode & 07777;
    int ret = fs_host_stat(m->dirfd, &dir);

    if (ret < 0) {
        return ret;
    }
    group_given = dir.stx_mode & S_ISGID;
    gid = group_given ? x->stx_gid : m->owner->gid;
    if (group_given && S_ISDIR(x->stx_mode)) {
        mode |= S_ISGID;
    }
    if ((uid != x->stx_uid || gid != x->stx_gid) && fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 &&
        m->t->dev->model == FSDEV_PASSTHROUGH) {
        return -errno;
    }
    if (S_ISLNK(x->stx_mode)) {
        return 0;
    }
    snprintf(name, sizeof(name), "%d", fd);
    if (mode != (x->stx_mode & 07777u) && fchmodat(m->t->dev->proc, name, mode, 0) < 0 &&
        m->t->dev->model == FSDEV_PASSTHROUGH) {
        return -errno;
    }
    return 0;
}

/* Only what was made here may be given away: who exchanged it meanwhile must not gain by it. */
static int dress(const struct made *m, int fd)
{
    struct statx x;
    int ret = fs_host_stat(fd, &x);

    if (ret < 0) {
        return ret;
    }
    if (x.stx_uid != geteuid() || (!S_ISDIR(x.stx_mode) && x.stx_nlink != 1) ||
        (!fs_is_mapped(m->t) && (x.stx_mode & S_IFMT) != (m->mode & S_IFMT))) {
        return -ESTALE;
    }
    return fs_is_mapped(m->t) ? fs_mapped_dress(fd, m->owner, m->mode, m->rdev)
                              : dress_host(m, fd, &x);
}

/* The new entry becomes a node, or goes away again. */
static int finish(const struct made *m, struct fs_node **out)
{
    int fd = openat(m->dirfd, m->name, O_PATH | O_NOFOLLOW | O_CLOEXEC), ret;

    if (fd < 0) {
        return -errno;
    }
    ret = dress(m, fd);
    if (ret == 0) {
        return fs_adopt(m->t, m->dir, m->name, fd, out);
    }
    close(fd);
    if (ret != -ESTALE) {
        unlinkat(m->dirfd, m->name, S_ISDIR(m->mode) ? AT_REMOVEDIR : 0);
    }
    return ret;
}

/* Files ------------------------------------------------------------------------------------------- */

/* A descriptor of a new file; -EEXIST: there is one. */
static int create_new(const struct made *m, int flags)
{
    mode_t mode = fs_is_mapped(m->t) ? m->t->dev->fmode : m->mode & 0777;
    int fd = openat(m->dirfd, m->name,
                    (flags & (O_ACCMODE | O_APPEND | O_SYNC | O_DSYNC)) | O_CREAT | O_EXCL |
                        O_NOFOLLOW | O_CLOEXEC | O_NOCTTY,
                    mode);

    return fd < 0 ? -errno : fd;
}

static int create_or_open(struct made *m, int flags, struct fs_node **out, int *fd)
{
    int ret = create_new(m, flags);

    if (ret >= 0) {
        *fd = ret;
        ret = finish(m, out);
        if (ret < 0) {
            close(*fd);
        }
        m->t->n_open += ret == 0;
        return ret;
    }
    if (ret != -EEXIST || flags & O_EXCL) {
        return ret;
    }
    ret = fs_lookup(m->t, m->dir, m->name, out);
    if (ret < 0) {
        return ret == -ENOENT ? -EAGAIN : ret;
    }
    ret = fs_open(m->t, *out, flags, fd);
    if (ret < 0) {
        fs_unref(m->t, *out, 1);
    }
    return ret;
}

int fs_create(struct fs_tree *t, struct fs_node *dir, const char *name, int flags, uint32_t mode,
              const struct fs_owner *owner, struct fs_node **out, int *fd)
{
    struct made m = { .owner = owner, .mode = (mode & 07777) | S_IFREG };
    int ret;

    if ((flags & O_ACCMODE) == O_ACCMODE) {
        return -EINVAL;
    }
    if (t->n_open >= t->limits.open) {
        return -EMFILE;
    }
    ret = begin(&m, t, dir, name);
    if (ret < 0) {
        return ret;
    }
    ret = -EAGAIN;
    for (unsigned i = 0; i < MOST_TRIES && ret == -EAGAIN; i++) {
        ret = create_or_open(&m, flags, out, fd);
    }
    end(&m);
    return ret;
}

/* An empty file that stands for another kind, or holds a link's target. */
static int make_mapped(const struct made *m, const char *contents)
{
    int fd = create_new(m, O_WRONLY);
    size_t len = contents ? strlen(contents) : 0;

    if (fd < 0) {
        return fd;
    }
    if (len && write(fd, contents, len) != (ssize_t)len) {
        int ret = errno ? -errno : -ENOSPC;

        close(fd);
        unlinkat(m->dirfd, m->name, 0);
        return ret;
    }
    close(fd);
    return 0;
}

int fs_mkdir(struct fs_tree *t, struct fs_node *dir, const char *name, uint32_t mode,
             const struct fs_owner *owner, struct fs_node **out)
{
    struct made m = { .owner = owner, .mode = (mode & 07777) | S_IFDIR };
    int ret = begin(&m, t, dir, name);

    if (ret < 0) {
        return ret;
    }
    if (mkdirat(m.dirfd, name, fs_is_mapped(t) ? t->dev->dmode : mode & 0777) < 0) {
        ret = -errno;
    }
    ret = ret ? ret : finish(&m, out);
    end(&m);
    return ret;
}

int fs_mknod(struct fs_tree *t, struct fs_node *dir, const char *name, uint32_t mode,
             uint32_t major, uint32_t minor, const struct fs_owner *owner, struct fs_node **out)
{
    bool device = S_ISCHR(mode) || S_ISBLK(mode);
    struct made m = { .owner = owner, .mode = mode & (S_IFMT | 07777) };
    int ret;

    if (!device && !S_ISREG(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode)) {
        return -EINVAL;
    }
    ret = begin(&m, t, dir, name);
    if (ret < 0) {
        return ret;
    }
    m.rdev = device ? makedev(major, minor) : 0;
    if (fs_is_mapped(t)) {
        ret = make_mapped(&m, NULL);
    } else if (mknodat(m.dirfd, name, m.mode & (S_IFMT | 0777), m.rdev) < 0) {
        ret = -errno;
    }
    ret = ret ? ret : finish(&m, out);
    end(&m);
    return ret;
}

int fs_symlink(struct fs_tree *t, struct fs_node *dir, const char *name, const char *target,
               const struct fs_owner *owner, struct fs_node **out)
{
    struct made m = { .owner = owner, .mode = 0777 | S_IFLNK };
    size_t len = strlen(target);
    int ret;

    if (len == 0 || len > FS_TARGET_MAX) {
        return len ? -ENAMETOOLONG : -ENOENT;
    }
    ret = begin(&m, t, dir, name);
    if (ret < 0) {
        return ret;
    }
    if (fs_is_mapped(t)) {
        ret = make_mapped(&m, target);
    } else if (symlinkat(target, m.dirfd, name) < 0) {
        ret = -errno;
    }
    ret = ret ? ret : finish(&m, out);
    end(&m);
    return ret;
}

int fs_link(struct fs_tree *t, struct fs_node *n, struct fs_node *dir, const char *name)
{
    struct made m = { 0 };
    char own[16];
    int fd, ret = begin(&m, t, dir, name);

    if (ret < 0) {
        return ret;
    }
    fd = fs_pin(t, n);
    if (fd < 0) {
        end(&m);
        return fd;
    }
    snprintf(own, sizeof(own), "%d", fd);
    if (linkat(t->dev->proc, own, m.dirfd, name, AT_SYMLINK_FOLLOW) < 0) {
        ret = -errno;
    } else {
        fs_set_place(t, n, dir, name);
    }
    fs_unpin(n);
    end(&m);
    return ret;
}

/* Going and moving -------------------------------------------------------------------------------- */

static void displace_from(struct fs_tree *t, struct fs_node *n, const struct fs_node *dir,
                          const char *name)
{
    if (n && n->parent == dir && strcmp(n->name, name) == 0) {
        fs_displace(t, n);
    }
}

int fs_remove(struct fs_tree *t, struct fs_node *dir, const char *name, bool folder)
{
    struct made m = { 0 };
    struct fs_node *n;
    int ret = begin(&m, t, dir, name);

    if (ret < 0) {
        return ret;
    }
    n = fs_known_at(t, m.dirfd, name);
    if (unlinkat(m.dirfd, name, folder ? AT_REMOVEDIR : 0) < 0) {
        ret = -errno;
    } else {
        displace_from(t, n, dir, name);
    }
    end(&m);
    return ret;
}

static int rename_pinned(struct fs_tree *t, const struct made *from, const struct made *to,
                         unsigned flags)
{
    struct fs_node *n = fs_known_at(t, from->dirfd, from->name);
    struct fs_node *other = fs_known_at(t, to->dirfd, to->name);

    if (renameat2(from->dirfd, from->name, to->dirfd, to->name, flags) < 0) {
        return -errno;
    }
    if (n == other) {
        return 0; /* two names of one file: nothing happened */
    }
    if (n) {
        fs_ref(n); /* the other's old place, in it, may have been all that kept it */
    }
    if (!(flags & RENAME_EXCHANGE)) {
        displace_from(t, other, to->dir, to->name);
    } else if (other) {
        fs_set_place(t, other, from->dir, from->name);
    }
    if (n) {
        fs_set_place(t, n, to->dir, to->name);
        fs_unref(t, n, 1);
    }
    return 0;
}

int fs_rename(struct fs_tree *t, struct fs_node *dir, const char *name, struct fs_node *to_dir,
              const char *to_name, unsigned flags)
{
    struct made from = { 0 }, to = { 0 };
    int ret;

    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) {
        return -EINVAL;
    }
    ret = begin(&from, t, dir, name);
    if (ret < 0) {
        return ret;
    }
    ret = begin(&to, t, to_dir, to_name);
    if (ret == 0) {
        ret = rename_pinned(t, &from, &to, flags);
        end(&to);
    }
    end(&from);
    return ret;
}
