/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/p9_names.c: 9P: names that come, go and move.  See p9.h, also for the thread. */
#include "hw/fs/p9.h"

#include <errno.h>
#include <fcntl.h>

#define P9_AT_REMOVEDIR 0x200u

/* What was made: its qid; the reference goes. */
static int put_made(struct p9 *s, struct p9_call *c, struct fs_node *made)
{
    int ret = p9_put_qid(s, &c->out, made);

    fs_unref(s->tree, made, 1);
    return ret;
}

/* fid name flags mode gid: the fid is the new file, open */
int p9_lcreate(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct fs_owner owner = { 0 };
    struct fs_node *made;
    int ret, fd;

    if (!f) {
        return -EBADF;
    }
    if (f->fd >= 0 || f->dir || f->xattr) {
        return -EINVAL;
    }
    owner = (struct fs_owner){ f->uid, (uint32_t)c->n[3] };
    ret = fs_create(s->tree, f->node, c->text[0], (int)c->n[1], (uint32_t)c->n[2], &owner, &made,
                    &fd);
    if (ret < 0) {
        return ret;
    }
    fs_unref(s->tree, f->node, 1);
    f->node = made;
    if (made->type == S_IFDIR) { /* it was there already */
        fs_close(s->tree, fd);
        return -EISDIR;
    }
    f->fd = fd;
    f->flags = (int)c->n[1];
    ret = p9_put_qid(s, &c->out, made);
    pack_put(&c->out, 0, 4);
    return ret;
}

/* dfid name mode gid */
int p9_mkdir(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct fs_owner owner = { f ? f->uid : 0, (uint32_t)c->n[2] };
    struct fs_node *made;
    int ret = f ? fs_mkdir(s->tree, f->node, c->text[0], (uint32_t)c->n[1], &owner, &made) : -EBADF;

    return ret ? ret : put_made(s, c, made);
}

/* dfid name mode major minor gid */
int p9_mknod(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct fs_owner owner = { f ? f->uid : 0, (uint32_t)c->n[4] };
    struct fs_node *made;
    int ret = f ? fs_mknod(s->tree, f->node, c->text[0], (uint32_t)c->n[1], (uint32_t)c->n[2],
                           (uint32_t)c->n[3], &owner, &made)
                : -EBADF;

    return ret ? ret : put_made(s, c, made);
}

/* fid name target gid */
int p9_symlink(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct fs_owner owner = { f ? f->uid : 0, (uint32_t)c->n[1] };
    struct fs_node *made;
    int ret = f ? fs_symlink(s->tree, f->node, c->text[0], c->text[1], &owner, &made) : -EBADF;

    return ret ? ret : put_made(s, c, made);
}

/* dfid fid name */
int p9_link(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *dir = p9_find(s, c->n[0]), *f = p9_find(s, c->n[1]);

    return dir && f ? fs_link(s->tree, f->node, dir->node, c->text[0]) : -EBADF;
}

/* fid dfid name */
int p9_rename(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]), *to = p9_find(s, c->n[1]);
    g_autofree char *copy = NULL;
    struct fs_node *dir;
    const char *name;
    int ret = f && to ? fs_place(f->node, &dir, &name) : -EBADF;

    if (ret < 0) {
        return ret;
    }
    copy = g_strdup(name); /* the node's own goes with its place */
    return fs_rename(s->tree, dir, copy, to->node, c->text[0], 0);
}

/* olddirfid oldname newdirfid newname */
int p9_renameat(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *from = p9_find(s, c->n[0]), *to = p9_find(s, c->n[1]);

    return from && to ? fs_rename(s->tree, from->node, c->text[0], to->node, c->text[1], 0)
                      : -EBADF;
}

/* dirfd name flags */
int p9_unlinkat(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *dir = p9_find(s, c->n[0]);

    if (c->n[1] & ~(uint64_t)P9_AT_REMOVEDIR) {
        return -EINVAL;
    }
    return dir ? fs_remove(s->tree, dir->node, c->text[0], c->n[1] & P9_AT_REMOVEDIR) : -EBADF;
}
