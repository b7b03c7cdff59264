/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsdev/dir.c: the entries of folders.  Source: readdir(3), seekdir(3).  See tree.h, also for the thread. */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct fs_dir {
    DIR *dir;
    struct fs_node *node; /* a reference */
    uint64_t at;          /* where the next entry is */
};

int fs_dir_open(struct fs_tree *t, struct fs_node *n, int fd, struct fs_dir **out)
{
    DIR *dir = fdopendir(fd);
    int ret = -errno;

    if (!dir) {
        fs_close(t, fd);
        return ret;
    }
    *out = g_new0(struct fs_dir, 1);
    (*out)->dir = dir;
    (*out)->node = n;
    fs_ref(n);
    return 0;
}

void fs_dir_close(struct fs_tree *t, struct fs_dir *d)
{
    closedir(d->dir);
    t->n_open--;
    fs_unref(t, d->node, 1);
    g_free(d);
}

int fs_dir_fd(const struct fs_dir *d)
{
    return dirfd(d->dir);
}

/* The host's folder above the root is none of the guest's business. */
static uint64_t number_of(struct fs_tree *t, const struct fs_dir *d, const struct dirent *host)
{
    const struct fs_node *above = d->node->parent ? d->node->parent : t->root;
    bool up = strcmp(host->d_name, "..") == 0;
    uint64_t number = 0;

    fs_number(t, up ? above->dev : d->node->dev, up ? above->ino : host->d_ino, &number);
    return number;
}

int fs_dir_read(struct fs_tree *t, struct fs_dir *d, uint64_t offset, struct fs_entry *e)
{
    const struct dirent *host;

    if (offset > INT64_MAX) {
        return -EINVAL;
    }
    if (offset != d->at) {
        seekdir(d->dir, (long)offset);
    }
    errno = 0;
    host = readdir(d->dir);
    if (!host) {
        d->at = UINT64_MAX; /* nobody knows: seek */
        return -errno;
    }
    d->at = (uint64_t)host->d_off;
    *e = (struct fs_entry){
        .name = host->d_name, .ino = number_of(t, d, host), .next = d->at, .type = host->d_type
    };
    /* Plain files may stand for others. */
    if (fs_is_mapped(t) && host->d_type == DT_REG) {
        e->type = DT_UNKNOWN;
    }
    return 1;
}
