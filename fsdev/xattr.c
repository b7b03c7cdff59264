/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsdev/xattr.c: extended attributes of nodes.  Source: xattr(7).  See tree.h, also for the thread. */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#define LIST_MAX 65536u /* XATTR_LIST_MAX */

/* The node's path while it is pinned. */
static int pin_path(struct fs_tree *t, struct fs_node *n, char path[FS_PROC_PATH])
{
    int fd = fs_pin(t, n);

    if (fd >= 0) {
        fs_proc_path(path, fd);
    }
    return fd < 0 ? fd : 0;
}

ssize_t fs_getxattr(struct fs_tree *t, struct fs_node *n, const char *name, void *buf, size_t size)
{
    char host[FS_NAME_MAX + 1], path[FS_PROC_PATH];
    ssize_t ret = fs_mapped_name(t, name, host);

    ret = ret ? ret : pin_path(t, n, path);
    if (ret < 0) {
        return ret;
    }
    ret = getxattr(path, host, buf, size);
    ret = ret < 0 ? -errno : ret;
    fs_unpin(n);
    return ret;
}

/* Names that the guest is to see, in its words. */
static size_t translate(const struct fs_tree *t, const char *all, size_t len, char *out)
{
    size_t n = 0;

    for (const char *p = all, *next; p < all + len; p = next) {
        const char *shown = fs_mapped_shown(t, p);

        next = p + strlen(p) + 1; /* `out` may be the same bytes */
        if (shown) {
            size_t size = strlen(shown) + 1;

            memmove(out + n, shown, size); /* never longer than the host's */
            n += size;
        }
    }
    return n;
}

ssize_t fs_listxattr(struct fs_tree *t, struct fs_node *n, char *buf, size_t size)
{
    g_autofree char *all = g_malloc(LIST_MAX + 1);
    char path[FS_PROC_PATH];
    ssize_t ret = pin_path(t, n, path);

    if (ret < 0) {
        return ret;
    }
    ret = listxattr(path, all, LIST_MAX);
    ret = ret < 0 ? -errno : ret;
    fs_unpin(n);
    if (ret <= 0) {
        return ret;
    }
    all[ret] = 0;
    ret = (ssize_t)translate(t, all, (size_t)ret, all);
    if (size == 0) {
        return ret;
    }
    if ((size_t)ret > size) {
        return -ERANGE;
    }
    memcpy(buf, all, (size_t)ret);
    return ret;
}

int fs_setxattr(struct fs_tree *t, struct fs_node *n, const char *name, const void *buf,
                size_t size, int flags)
{
    char host[FS_NAME_MAX + 1], path[FS_PROC_PATH];
    int ret = t->dev->readonly ? -EROFS : fs_mapped_name(t, name, host);

    if (ret == 0 && (size > FS_XATTR_MAX || flags & ~(XATTR_CREATE | XATTR_REPLACE))) {
        ret = size > FS_XATTR_MAX ? -E2BIG : -EINVAL;
    }
    ret = ret ? ret : pin_path(t, n, path);
    if (ret < 0) {
        return ret;
    }
    ret = setxattr(path, host, buf, size, flags) < 0 ? -errno : 0;
    fs_unpin(n);
    return ret;
}

int fs_removexattr(struct fs_tree *t, struct fs_node *n, const char *name)
{
    char host[FS_NAME_MAX + 1], path[FS_PROC_PATH];
    int ret = t->dev->readonly ? -EROFS : fs_mapped_name(t, name, host);

    ret = ret ? ret : pin_path(t, n, path);
    if (ret < 0) {
        return ret;
    }
    ret = removexattr(path, host) < 0 ? -errno : 0;
    fs_unpin(n);
    return ret;
}
