/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/fuse_file.c: FUSE: open files and folders.  See fuse.h, also for the thread. */
#include "hw/fs/fuse.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Nothing else is answered meanwhile: a longer copy goes on with another request. */
#define COPY_MOST (64u << 20)

/* The file of a handle; -EBADF: it has none. */
static int fd_of(struct fuse *s, uint64_t fh)
{
    const struct fuse_handle *h = fuse_find(s, fh);

    return !h ? -EBADF : h->dir ? fs_dir_fd(h->dir) : h->fd < 0 ? -EBADF : h->fd;
}

/* Opening ----------------------------------------------------------------------------------------- */

static void fill_open(const struct fuse *s, const struct fuse_handle *h, struct fuse_open_out *out)
{
    *out = (struct fuse_open_out){ .fh = h->fh };
    if (s->cache == FUSE_CACHE_ALWAYS) {
        out->open_flags = FOPEN_KEEP_CACHE | (h->dir ? FOPEN_CACHE_DIR : 0);
    } else if (s->cache == FUSE_CACHE_NEVER && !h->dir) {
        out->open_flags = FOPEN_DIRECT_IO;
    }
}

static ssize_t open_kind(struct fuse *s, struct fuse_call *c, bool folder)
{
    int flags = (int)((const struct fuse_open_in *)c->arg)->flags, fd, ret;
    struct fuse_open_out out;
    struct fuse_handle *h;

    if ((c->node->type == S_IFDIR) != folder) {
        return folder ? -ENOTDIR : -EISDIR;
    }
    ret = fs_open(s->tree, c->node, flags, &fd);
    ret = ret ? ret : fuse_add_handle(s, c->node, fd, flags, 0, &h);
    if (ret < 0) {
        return ret;
    }
    fill_open(s, h, &out);
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

ssize_t fuse_open(struct fuse *s, struct fuse_call *c)
{
    return open_kind(s, c, false);
}

ssize_t fuse_opendir(struct fuse *s, struct fuse_call *c)
{
    return open_kind(s, c, true);
}

ssize_t fuse_create(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_create_in *in = c->arg;
    struct fs_owner owner = { c->head->uid, c->head->gid };
    struct fuse_open_out out;
    struct fuse_handle *h;
    struct fs_node *n;
    ssize_t ret;
    int fd;

    ret = fs_create(s->tree, c->node, c->name, (int)in->flags, in->mode, &owner, &n, &fd);
    if (ret < 0) {
        return ret;
    }
    if (n->type == S_IFDIR) { /* it was there already */
        fs_close(s->tree, fd);
        fs_unref(s->tree, n, 1);
        return -EISDIR;
    }
    ret = fuse_add_handle(s, n, fd, (int)in->flags & ~(O_CREAT | O_EXCL), 0, &h);
    if (ret < 0) {
        fs_unref(s->tree, n, 1);
        return ret;
    }
    ret = fuse_put_entry(s, c, n);
    if (ret < 0) {
        fuse_close(s, h);
        return ret;
    }
    fill_open(s, h, &out);
    memcpy(c->out + ret, &out, sizeof(out));
    return ret + (ssize_t)sizeof(out);
}

ssize_t fuse_release(struct fuse *s, struct fuse_call *c)
{
    struct fuse_handle *h = fuse_find(s, ((const struct fuse_release_in *)c->arg)->fh);

    if (!h) {
        return -EBADF;
    }
    fuse_close(s, h);
    return 0;
}

/* Files ------------------------------------------------------------------------------------------- */

ssize_t fuse_read(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_read_in *in = c->arg;
    int fd = fd_of(s, in->fh);
    ssize_t ret;

    if (fd < 0 || in->offset > INT64_MAX - FUSE_MOST) {
        return fd < 0 ? fd : -EINVAL;
    }
    ret = pread(fd, c->out, MIN(in->size, c->room), (off_t)in->offset);
    return ret < 0 ? -errno : ret;
}

ssize_t fuse_write(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_write_in *in = c->arg;
    int fd = fd_of(s, in->fh);
    struct fuse_write_out out = { 0 };
    ssize_t ret;

    if (fd < 0 || in->size > c->data_size) {
        return fd < 0 ? fd : -EINVAL;
    }
    ret = fs_write(s->tree, fd, c->data, in->size, in->offset);
    if (ret < 0) {
        return ret;
    }
    out.size = (uint32_t)ret;
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

/* What was written is the host's already. */
ssize_t fuse_flush(struct fuse *s, struct fuse_call *c)
{
    int fd = fd_of(s, ((const struct fuse_flush_in *)c->arg)->fh);

    return fd < 0 ? fd : 0;
}

ssize_t fuse_fsync(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_fsync_in *in = c->arg;
    int fd = fd_of(s, in->fh);

    if (fd < 0) {
        return fd;
    }
    return (in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd)) < 0 ? -errno : 0;
}

/* What -fsdev says of writing out. */
static int write_out(const struct fuse *s, int fd)
{
    return fs_tree_dev(s->tree)->writeout && fdatasync(fd) < 0 ? -errno : 0;
}

ssize_t fuse_fallocate(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_fallocate_in *in = c->arg;
    int fd = fd_of(s, in->fh);

    if (fd < 0) {
        return fd;
    }
    if (in->offset > INT64_MAX || in->length > INT64_MAX) {
        return -EFBIG;
    }
    if (fallocate(fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) < 0) {
        return -errno;
    }
    return write_out(s, fd);
}

/* Where data and holes are; the rest the guest knows. */
ssize_t fuse_lseek(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_lseek_in *in = c->arg;
    struct fuse_lseek_out out;
    int fd = fd_of(s, in->fh);
    off_t at;

    if (fd < 0 || (in->whence != SEEK_DATA && in->whence != SEEK_HOLE)) {
        return fd < 0 ? fd : -EINVAL;
    }
    at = lseek(fd, (off_t)in->offset, (int)in->whence);
    if (at < 0) {
        return -errno;
    }
    out.offset = (uint64_t)at;
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

ssize_t fuse_copy_file_range(struct fuse *s, struct fuse_call *c)
{
    const struct fuse_copy_file_range_in *in = c->arg;
    int from = fd_of(s, in->fh_in), to = fd_of(s, in->fh_out);
    off_t from_at = (off_t)in->off_in, to_at = (off_t)in->off_out;
    struct fuse_write_out out = { 0 };
    ssize_t ret;

    if (from < 0 || to < 0 || in->flags) {
        return in->flags ? -EINVAL : -EBADF;
    }
    ret = copy_file_range(from, &from_at, to, &to_at, MIN(in->len, COPY_MOST), 0);
    if (ret < 0) {
        return -errno;
    }
    out.size = (uint32_t)ret;
    ret = write_out(s, to);
    if (ret < 0) {
        return ret;
    }
    memcpy(c->out, &out, sizeof(out));
    return sizeof(out);
}

/* Folders ----------------------------------------------------------------------------------------- */

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* What an entry is of; nothing where that cannot be told: the guest looks it up then. */
static void fill_plus(struct fuse *s, struct fs_node *dir, const char *name,
                      struct fuse_entry_out *e)
{
    struct fs_node *n;

    memset(e, 0, sizeof(*e));
    if (is_dots(name) || fs_lookup(s->tree, dir, name, &n) < 0) {
        return;
    }
    if (fuse_fill_entry(s, n, e) < 0) {
        memset(e, 0, sizeof(*e));
        fs_unref(s->tree, n, 1);
        return;
    }
    n->known++;
}

static ssize_t read_entries(struct fuse *s, struct fuse_call *c, bool plus)
{
    const struct fuse_read_in *in = c->arg;
    struct fuse_handle *h = fuse_find(s, in->fh);
    size_t room = MIN(in->size, c->room), done = 0,
           before = plus ? sizeof(struct fuse_entry_out) : 0;
    uint64_t offset = in->offset;
    struct fs_entry e;
    int ret;

    if (!h || !h->dir) {
        return -EBADF;
    }
    while ((ret = fs_dir_read(s->tree, h->dir, offset, &e)) > 0) {
        size_t len = strlen(e.name), size = before + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + len);
        struct fuse_dirent d = { e.ino, e.next, (uint32_t)len, e.type };
        struct fuse_entry_out entry;

        if (size > room - done) {
            break;
        }
        memset(c->out + done, 0, size);
        memcpy(c->out + done + before, &d, FUSE_NAME_OFFSET);
        memcpy(c->out + done + before + FUSE_NAME_OFFSET, e.name, len);
        if (plus) {
            fill_plus(s, h->node, e.name, &entry);
            memcpy(c->out + done, &entry, sizeof(entry));
        }
        done += size;
        offset = e.next;
    }
    return ret < 0 && done == 0 ? ret : (ssize_t)done;
}

ssize_t fuse_readdir(struct fuse *s, struct fuse_call *c)
{
    return read_entries(s, c, false);
}

ssize_t fuse_readdirplus(struct fuse *s, struct fuse_call *c)
{
    return read_entries(s, c, true);
}
