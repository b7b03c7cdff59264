/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/p9_saved.c: a 9P session in a saved machine.  A file that cannot be opened again is a fid that answers EBADF.
 * See p9.h, also for the thread.
 */
#include <fcntl.h>
#include "hw/fs/p9.h"
#include "util/error.h"

enum { KIND_NONE, KIND_FILE, KIND_DIR, KIND_XATTR_READ, KIND_XATTR_WRITE, KIND_COUNT };

static unsigned kind_of(const struct p9_fid *f)
{
    return f->fd >= 0                   ? KIND_FILE
           : f->dir                     ? KIND_DIR
           : f->xattr == P9_XATTR_READ  ? KIND_XATTR_READ
           : f->xattr == P9_XATTR_WRITE ? KIND_XATTR_WRITE
                                        : KIND_NONE;
}

static void save_fid(const struct p9_fid *f, GByteArray *out)
{
    pack_add(out, f->fid, 4);
    pack_add(out, f->uid, 4);
    pack_add(out, f->node->id, 8);
    pack_add(out, (uint32_t)f->flags, 4);
    pack_add(out, kind_of(f), 1);
    if (f->xattr) {
        pack_add(out, (uint32_t)f->xattr_flags, 4);
        pack_add_text(out, f->xattr_name ? f->xattr_name : "");
        pack_add(out, f->value->len, 4);
        g_byte_array_append(out, f->value->data, f->value->len);
    }
}

static void save_lock(const struct p9_lock *l, GByteArray *out)
{
    pack_add(out, l->node, 8);
    pack_add(out, l->start, 8);
    pack_add(out, l->end, 8);
    pack_add(out, l->fid, 4);
    pack_add(out, l->proc, 4);
    pack_add(out, l->type, 1);
    pack_add_text(out, l->client);
}

/* Fids come before nodes' names in the count of bytes: they have a bound of their own. */
void p9_save(void *server, GByteArray *out, size_t most)
{
    struct p9 *s = server;
    size_t fids = g_hash_table_size(s->fids) * 64 + s->xattr_bytes + s->locks->len * 128;
    GHashTableIter i;
    gpointer f;

    pack_add(out, s->msize, 4);
    fs_tree_save(s->tree, out, most - MIN(most, fids));
    pack_add(out, g_hash_table_size(s->fids), 4);
    g_hash_table_iter_init(&i, s->fids);
    while (g_hash_table_iter_next(&i, NULL, &f)) {
        save_fid(f, out);
    }
    pack_add(out, s->locks->len, 4);
    for (unsigned k = 0; k < s->locks->len; k++) {
        save_lock(&g_array_index(s->locks, struct p9_lock, k), out);
    }
}

static bool load_xattr(struct p9 *s, struct p9_fid *f, unsigned kind, struct pack_in *in)
{
    int flags = (int)pack_get(in, 4);
    const char *name = pack_get_text(in);
    size_t name_len = strlen(name);
    size_t len = (size_t)pack_get(in, 4);

    if (in->bad || len > (size_t)(in->end - in->p) || len > FS_XATTR_MAX ||
        name_len > FS_NAME_MAX || s->xattr_bytes + name_len + len > P9_MAX_XATTR) {
        return false;
    }
    f->xattr = kind == KIND_XATTR_READ ? P9_XATTR_READ : P9_XATTR_WRITE;
    f->xattr_flags = flags;
    f->xattr_name = g_strdup(name);
    f->value = g_byte_array_new();
    g_byte_array_append(f->value, in->p, (guint)len);
    s->xattr_bytes += p9_xattr_size(f);
    in->p += len;
    return true;
}

static bool load_fid(struct p9 *s, struct pack_in *in)
{
    uint32_t fid = (uint32_t)pack_get(in, 4), uid = (uint32_t)pack_get(in, 4);
    struct fs_node *node = fs_node_find(s->tree, pack_get(in, 8));
    int flags = (int)pack_get(in, 4);
    unsigned kind = (unsigned)pack_get(in, 1);
    struct p9_fid *f;

    if (in->bad || !node || kind >= KIND_COUNT) {
        return false;
    }
    fs_ref(node);
    if (p9_add(s, fid, uid, node, &f) < 0) {
        return false;
    }
    if (kind == KIND_FILE || kind == KIND_DIR) {
        p9_open_fid(s, f, flags & ~O_TRUNC);
    }
    return kind < KIND_XATTR_READ || load_xattr(s, f, kind, in);
}

static bool load_lock(struct p9 *s, struct pack_in *in)
{
    struct p9_lock l = { .node = pack_get(in, 8) };

    l.start = pack_get(in, 8);
    l.end = pack_get(in, 8);
    l.fid = (uint32_t)pack_get(in, 4);
    l.proc = (uint32_t)pack_get(in, 4);
    l.type = (uint8_t)pack_get(in, 1);
    g_strlcpy(l.client, pack_get_text(in), sizeof(l.client));
    g_array_append_val(s->locks, l);
    return !in->bad && l.start <= l.end && l.type < 2 && p9_find(s, l.fid);
}

static bool load_all(struct p9 *s, struct pack_in *in)
{
    uint32_t n = (uint32_t)pack_get(in, 4);

    for (uint32_t i = 0; i < n; i++) {
        if (!load_fid(s, in)) {
            return false;
        }
    }
    n = (uint32_t)pack_get(in, 4);
    if (n > 2 * P9_MAX_LOCKS) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!load_lock(s, in)) {
            return false;
        }
    }
    return !in->bad && in->p == in->end;
}

/* Nothing at all: nothing was agreed. */
bool p9_load(void *server, struct pack_in *in, GError **error)
{
    struct p9 *s = server;
    uint32_t msize = in->p == in->end ? 0 : (uint32_t)pack_get(in, 4);

    p9_worker_ops.reset(server);
    if (in->p == in->end && !in->bad) {
        return true;
    }
    if (msize && (msize < P9_MIN_MSIZE || msize > P9_MSIZE)) {
        set_error(error, "virtio-9p: msize is %u, must be %u to %u", msize, P9_MIN_MSIZE, P9_MSIZE);
        return false;
    }
    if (!fs_tree_load(s->tree, in, error)) {
        return false;
    }
    if (!load_all(s, in)) {
        p9_worker_ops.reset(server);
        set_error(error, "virtio-9p: the saved fids and locks are not in order");
        return false;
    }
    s->msize = msize;
    fs_tree_sweep(s->tree);
    return true;
}
