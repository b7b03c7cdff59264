/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/p9_fid.c: 9P: fids that come and go, what is read and written.  See p9.h, also for the thread. */
#include "hw/fs/p9.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { QID_DIR = 0x80, QID_SYMLINK = 0x02 };

static void put_qid(struct pack_out *out, const struct statx *x)
{
    pack_put(out, S_ISDIR(x->stx_mode) ? QID_DIR : S_ISLNK(x->stx_mode) ? QID_SYMLINK : 0, 1);
    pack_put(out, (uint64_t)x->stx_mtime.tv_sec ^ x->stx_mtime.tv_nsec ^ x->stx_size << 8, 4);
    pack_put(out, x->stx_ino, 8);
}

int p9_put_qid(struct p9 *s, struct pack_out *out, struct fs_node *n)
{
    struct statx x;
    int ret = fs_stat(s->tree, n, -1, &x);

    if (ret == 0) {
        put_qid(out, &x);
    }
    return ret;
}

/* fid afid uname aname n_uname */
int p9_attach(struct p9 *s, struct p9_call *c)
{
    struct fs_node *root = fs_root(s->tree);
    uint32_t uid = (uint32_t)c->n[2];
    int ret;

    if (c->n[1] != P9_NO_FID) {
        return -EINVAL; /* nobody was authenticated */
    }
    fs_ref(root);
    ret = p9_add(s, c->n[0], uid == UINT32_MAX ? 0 : uid, root, NULL);
    return ret ? ret : p9_put_qid(s, &c->out, root);
}

/* The next node of a walk, a reference. */
static int step(struct p9 *s, struct fs_node *from, const char *name, struct fs_node **to)
{
    if (strcmp(name, "..") == 0) {
        *to = fs_parent(s->tree, from);
        if (*to) {
            fs_ref(*to);
        }
        return *to ? 0 : -ENOENT;
    }
    return fs_lookup(s->tree, from, name, to);
}

/* As many names as there are: *walked of them; *at goes along. */
static int walk_names(struct p9 *s, struct p9_call *c, struct fs_node **at, unsigned names,
                      unsigned *walked)
{
    for (*walked = 0; *walked < names; (*walked)++) {
        const char *name = pack_get_text(&c->rest);
        struct fs_node *next;
        int ret = c->rest.bad ? -EINVAL : step(s, *at, name, &next);

        if (ret < 0) {
            return ret;
        }
        fs_unref(s->tree, *at, 1);
        *at = next;
        ret = p9_put_qid(s, &c->out, next);
        if (ret < 0) {
            return ret;
        }
    }
    return 0;
}

/* The fid is another one's name now. */
static void move_fid(struct p9 *s, struct p9_fid *f, struct fs_node *node)
{
    fs_unref(s->tree, f->node, 1);
    f->node = node;
}

/* fid newfid nwname; names */
int p9_walk(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    unsigned names = (unsigned)c->n[2], walked;
    bool same = c->n[0] == c->n[1];
    struct pack_out count = c->out;
    struct fs_node *node;
    int ret;

    if (!f || (!same && p9_find(s, c->n[1]))) {
        return -EBADF;
    }
    if (names > P9_MAX_WALK || f->xattr || (same && (f->fd >= 0 || f->dir))) {
        return -EINVAL;
    }
    pack_put(&c->out, 0, 2);
    node = f->node;
    fs_ref(node);
    ret = walk_names(s, c, &node, names, &walked);
    pack_put(&count, walked, 2);
    if (walked < names) { /* no new fid; an error only when the first name failed */
        fs_unref(s->tree, node, 1);
        return walked == 0 || c->rest.bad ? ret : 0;
    }
    if (same) {
        move_fid(s, f, node);
        return 0;
    }
    return p9_add(s, c->n[1], f->uid, node, NULL);
}

int p9_clunk(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);

    return f ? p9_clunk_fid(s, f) : -EBADF;
}

/* The fid goes whatever comes of it. */
int p9_remove(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct fs_node *dir;
    const char *name;
    int ret;

    if (!f) {
        return -EBADF;
    }
    ret = f->node == fs_root(s->tree) ? -EBUSY : fs_place(f->node, &dir, &name);
    if (ret == 0) {
        g_autofree char *copy = g_strdup(name); /* the node's own goes with its place */

        ret = fs_remove(s->tree, dir, copy, f->node->type == S_IFDIR);
    }
    p9_clunk_fid(s, f);
    return ret;
}

/* Open fids --------------------------------------------------------------------------------------- */

int p9_open_fid(struct p9 *s, struct p9_fid *f, int flags)
{
    int fd, ret;

    if (f->fd >= 0 || f->dir || f->xattr) {
        return -EINVAL;
    }
    ret = fs_open(s->tree, f->node, flags, &fd);
    if (ret < 0) {
        return ret;
    }
    f->flags = flags;
    if (f->node->type == S_IFDIR) {
        return fs_dir_open(s->tree, f->node, fd, &f->dir);
    }
    f->fd = fd;
    return 0;
}

/* fid flags */
int p9_lopen(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    int ret = f ? p9_open_fid(s, f, (int)c->n[1]) : -EBADF;

    ret = ret ? ret : p9_put_qid(s, &c->out, f->node);
    pack_put(&c->out, 0, 4); /* iounit: as much as a message holds */
    return ret;
}

/* A byte count, then bytes: as many as there is room for. */
static size_t room_for(const struct p9_call *c, uint64_t count)
{
    size_t room = (size_t)(c->out.end - c->out.p);

    return room < 4 ? 0 : MIN(count, room - 4);
}

static void put_read(struct p9_call *c, size_t n)
{
    pack_put(&c->out, n, 4);
    c->out.p += n;
}

/* fid offset count */
int p9_read(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    size_t n = room_for(c, c->n[2]);
    ssize_t done;

    if (!f || (f->fd < 0 && f->xattr != P9_XATTR_READ)) {
        return f && f->dir ? -EISDIR : -EBADF;
    }
    if (f->xattr) {
        n = c->n[1] < f->value->len ? MIN(n, f->value->len - c->n[1]) : 0;
        if (n) {
            memcpy(c->out.p + 4, f->value->data + c->n[1], n);
        }
        put_read(c, n);
        return 0;
    }
    if (c->n[1] > INT64_MAX - n) {
        return -EINVAL;
    }
    done = pread(f->fd, c->out.p + 4, n, (off_t)c->n[1]);
    if (done < 0) {
        return -errno;
    }
    put_read(c, (size_t)done);
    return 0;
}

/* fid offset count; data */
int p9_write(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    size_t n = (size_t)c->n[2];
    ssize_t done;

    if (!f || (f->fd < 0 && f->xattr != P9_XATTR_WRITE)) {
        return -EBADF;
    }
    if (n > (size_t)(c->rest.end - c->rest.p)) {
        return -EINVAL;
    }
    if (f->xattr) {
        if (c->n[1] > f->value->len || n > f->value->len - c->n[1]) {
            return -ENOSPC;
        }
        if (n) {
            memcpy(f->value->data + c->n[1], c->rest.p, n);
        }
        pack_put(&c->out, n, 4);
        return 0;
    }
    done = fs_write(s->tree, f->fd, c->rest.p, n, c->n[1]);
    if (done < 0) {
        return (int)done;
    }
    pack_put(&c->out, (uint64_t)done, 4);
    return 0;
}

/* qid[13] offset[8] type[1] name[s] */
static size_t entry_size(const struct fs_entry *e)
{
    return 13 + 8 + 1 + 2 + strlen(e->name);
}

/* fid offset count */
int p9_readdir(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    struct pack_out count = c->out;
    uint64_t offset = c->n[1];
    size_t left = room_for(c, c->n[2]);
    struct fs_entry e;
    int ret;

    if (!f || !f->dir) {
        return -EBADF;
    }
    pack_put(&c->out, 0, 4);
    while ((ret = fs_dir_read(s->tree, f->dir, offset, &e)) > 0 && entry_size(&e) <= left) {
        left -= entry_size(&e);
        pack_put(&c->out, e.type == DT_DIR ? QID_DIR : e.type == DT_LNK ? QID_SYMLINK : 0, 1);
        pack_put(&c->out, 0, 4);
        pack_put(&c->out, e.ino, 8);
        pack_put(&c->out, e.next, 8);
        pack_put(&c->out, e.type, 1);
        pack_put_text(&c->out, e.name);
        offset = e.next;
    }
    pack_put(&count, (size_t)(c->out.p - count.p) - 4, 4);
    return ret < 0 ? ret : 0;
}

/* fid datasync */
int p9_fsync(struct p9 *s, struct p9_call *c)
{
    struct p9_fid *f = p9_find(s, c->n[0]);
    int fd = !f ? -1 : f->dir ? fs_dir_fd(f->dir) : f->fd;

    if (fd < 0) {
        return -EBADF;
    }
    return (c->n[1] ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}
