/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/fuse_saved.c: a FUSE session in a saved machine.  A file that cannot be opened again is a handle that answers
 * EBADF.  See fuse.h, also for the thread.
 */
#include <fcntl.h>
#include "hw/fs/fuse.h"
#include "util/error.h"

#define HANDLE_BYTES 28u

void fuse_save(void *server, GByteArray *out, size_t most)
{
    struct fuse *s = server;
    size_t handles = g_hash_table_size(s->handles) * HANDLE_BYTES + 64;
    GHashTableIter i;
    gpointer p;

    pack_add(out, s->minor, 4);
    pack_add(out, s->next_fh, 8);
    fs_tree_save(s->tree, out, most - MIN(most, handles));
    pack_add(out, g_hash_table_size(s->handles), 4);
    g_hash_table_iter_init(&i, s->handles);
    while (g_hash_table_iter_next(&i, NULL, &p)) {
        const struct fuse_handle *h = p;

        pack_add(out, h->fh, 8);
        pack_add(out, h->node->id, 8);
        pack_add(out, (uint32_t)h->flags, 4);
    }
}

/* A handle without a file, where there is none any more. */
static bool add_lost(struct fuse *s, struct fs_node *n, uint64_t fh, int flags)
{
    struct fuse_handle *h = g_new0(struct fuse_handle, 1);

    h->fh = fh;
    h->node = n;
    h->fd = -1;
    h->flags = flags;
    fs_ref(n);
    g_hash_table_insert(s->handles, &h->fh, h);
    return true;
}

static bool load_handle(struct fuse *s, struct pack_in *in)
{
    uint64_t fh = pack_get(in, 8);
    struct fs_node *n = fs_node_find(s->tree, pack_get(in, 8));
    int flags = (int)pack_get(in, 4), fd;
    struct fuse_handle *h;

    if (in->bad || !n || fh == 0 || fh >= s->next_fh || fuse_find(s, fh)) {
        return false;
    }
    return (fs_open(s->tree, n, flags & ~O_TRUNC, &fd) == 0 &&
            fuse_add_handle(s, n, fd, flags, fh, &h) == 0) ||
           add_lost(s, n, fh, flags);
}

static bool load_handles(struct fuse *s, struct pack_in *in)
{
    uint32_t n = (uint32_t)pack_get(in, 4);

    for (uint32_t i = 0; i < n; i++) {
        if (!load_handle(s, in)) {
            return false;
        }
    }
    return !in->bad && in->p == in->end;
}

/* Nothing at all: nothing was agreed. */
bool fuse_load(void *server, struct pack_in *in, GError **error)
{
    struct fuse *s = server;
    bool empty = in->p == in->end;
    uint32_t minor = empty ? 0 : (uint32_t)pack_get(in, 4);

    fuse_worker_ops.reset(s);
    if (empty) {
        return true;
    }
    s->next_fh = pack_get(in, 8);
    if (in->bad || s->next_fh == 0 || minor > FUSE_KERNEL_MINOR_VERSION) {
        s->next_fh = 1;
        set_error(error, "virtio-fs: version 7.%u of FUSE, must be at most 7.%u", minor,
                  FUSE_KERNEL_MINOR_VERSION);
        return false;
    }
    if (!fs_tree_load(s->tree, in, error)) {
        return false;
    }
    if (!load_handles(s, in)) {
        fuse_worker_ops.reset(s);
        set_error(error, "virtio-fs: the saved handles are not in order");
        return false;
    }
    s->minor = minor;
    fs_tree_sweep(s->tree);
    return true;
}
