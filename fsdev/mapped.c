/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/mapped.c: security_model=mapped-xattr: what the guest says of owners, modes and devices is kept in attributes
 * user.virtfs.uid, gid, mode (32 bits, little-endian) and rdev (64) of plain files and folders.
 * Source: QEMU's documentation of security models; the attributes that files made by it have.  See tree.h, also for the
 * thread.
 */
#include "fsdev/tree_internal.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define PREFIX "user.virtfs."

bool fs_is_mapped(const struct fs_tree *t)
{
    return t->dev->model == FSDEV_MAPPED_XATTR;
}

static bool get(const char *path, const char *what, void *value, size_t size)
{
    char name[64];

    snprintf(name, sizeof(name), PREFIX "%s", what);
    return getxattr(path, name, value, size) == (ssize_t)size;
}

/* What else is said to be there would have no contents. */
static bool is_possible(uint16_t host, uint32_t mode)
{
    return S_ISDIR(host) ? S_ISDIR(mode)
                         : S_ISREG(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
                               S_ISFIFO(mode) || S_ISSOCK(mode);
}

void fs_mapped_stat(int fd, struct statx *x)
{
    char path[FS_PROC_PATH];
    uint32_t v;
    uint64_t rdev;

    if (!S_ISREG(x->stx_mode) && !S_ISDIR(x->stx_mode)) {
        return; /* the host's own */
    }
    fs_proc_path(path, fd);
    if (get(path, "uid", &v, sizeof(v))) {
        x->stx_uid = le32toh(v);
    }
    if (get(path, "gid", &v, sizeof(v))) {
        x->stx_gid = le32toh(v);
    }
    if (get(path, "mode", &v, sizeof(v)) && is_possible(x->stx_mode, le32toh(v))) {
        x->stx_mode = (uint16_t)le32toh(v);
    }
    if ((S_ISCHR(x->stx_mode) || S_ISBLK(x->stx_mode)) && get(path, "rdev", &rdev, sizeof(rdev))) {
        x->stx_rdev_major = major(le64toh(rdev));
        x->stx_rdev_minor = minor(le64toh(rdev));
    }
}

int fs_mapped_set(int fd, const char *what, uint64_t value, unsigned size)
{
    char path[FS_PROC_PATH], name[64];
    uint64_t le = htole64(value);

    fs_proc_path(path, fd);
    snprintf(name, sizeof(name), PREFIX "%s", what);
    return setxattr(path, name, &le, size, 0) < 0 ? -errno : 0;
}

int fs_mapped_dress(int fd, const struct fs_owner *owner, uint32_t mode, uint64_t rdev)
{
    int ret = fs_mapped_set(fd, "uid", owner->uid, 4);

    ret = ret ? ret : fs_mapped_set(fd, "gid", owner->gid, 4);
    ret = ret ? ret : fs_mapped_set(fd, "mode", mode, 4);
    return ret || rdev == 0 ? ret : fs_mapped_set(fd, "rdev", rdev, 8);
}

/* Access lists would be the host's: they are kept as text of no meaning there.  The rest of user.* is the guest's. */
static const char *const kept[] = { "system.posix_acl_access", "system.posix_acl_default" };

int fs_mapped_name(const struct fs_tree *t, const char *name, char *buf)
{
    size_t len = strlen(name);

    if (len == 0 || len > FS_NAME_MAX) {
        return -ERANGE;
    }
    memcpy(buf, name, len + 1);
    if (!fs_is_mapped(t)) {
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (strcmp(name, kept[i]) == 0) {
            g_strlcpy(buf, PREFIX, FS_NAME_MAX + 1);
            g_strlcat(buf, kept[i], FS_NAME_MAX + 1);
            return 0;
        }
    }
    if (g_str_has_prefix(name, PREFIX)) {
        return -EACCES;
    }
    return g_str_has_prefix(name, "user.") ? 0 : -EOPNOTSUPP;
}

const char *fs_mapped_shown(const struct fs_tree *t, const char *host)
{
    if (!fs_is_mapped(t)) {
        return host;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kept); i++) {
        if (g_str_has_prefix(host, PREFIX) && strcmp(host + strlen(PREFIX), kept[i]) == 0) {
            return kept[i];
        }
    }
    return g_str_has_prefix(host, "user.") && !g_str_has_prefix(host, PREFIX) ? host : NULL;
}
