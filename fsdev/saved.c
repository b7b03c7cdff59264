/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/saved.c: a tree in a saved machine: its nodes by their places.  What is not there any more, or is something
 * else, is a node that is gone: its guest is told ESTALE.  See tree.h, also for the thread.
 */
#include "fsdev/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "fsdev/pack.h"
#include "util/error.h"

#define FIXED_BYTES 28u

/* id, parent's id (0: gone), known, type, name; *left: bytes for names */
static void save_node(GByteArray *out, const struct fs_node *n, size_t *left)
{
    size_t len = n->parent ? strlen(n->name) : 0;
    bool has_place = n->parent && len <= *left;

    *left -= has_place ? len : 0;
    pack_add(out, n->id, 8);
    pack_add(out, has_place ? n->parent->id : 0, 8);
    pack_add(out, n->known, 8);
    pack_add(out, n->type, 2);
    pack_add_text(out, has_place ? n->name : "");
}

/* Those above come first. */
static void save_chain(struct fs_tree *t, GByteArray *out, const struct fs_node *n, size_t *left,
                       GHashTable *saved)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new();

    for (; n && n != t->root && !g_hash_table_contains(saved, n); n = n->parent) {
        g_hash_table_add(saved, (gpointer)n);
        g_ptr_array_add(chain, (gpointer)n);
    }
    for (unsigned i = chain->len; i-- > 0;) {
        save_node(out, g_ptr_array_index(chain, i), left);
    }
}

void fs_tree_save(struct fs_tree *t, GByteArray *out, size_t most)
{
    g_autoptr(GHashTable) saved = g_hash_table_new(NULL, NULL);
    size_t count = g_hash_table_size(t->by_id) - 1, fixed = (count + 1) * FIXED_BYTES;
    size_t left = most - MIN(most, fixed);
    GHashTableIter i;
    gpointer n;

    pack_add(out, t->next_id, 8);
    pack_add(out, t->root->known, 8);
    pack_add(out, count, 8);
    g_hash_table_iter_init(&i, t->by_id);
    while (g_hash_table_iter_next(&i, NULL, &n)) {
        save_chain(t, out, n, &left, saved);
    }
}

/* What is called so there now; -errno: nothing that could be it. */
static int find_again(struct fs_tree *t, struct fs_node *dir, const char *name, uint16_t type,
                      struct statx *x)
{
    uint64_t number;
    int dirfd = fs_pin(t, dir), fd, ret;

    if (dirfd < 0) {
        return dirfd;
    }
    fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    fs_unpin(dir);
    if (fd < 0) {
        return -errno;
    }
    ret = fs_host_stat(fd, x);
    close(fd);
    ret =
        ret ? ret : fs_number(t, makedev(x->stx_dev_major, x->stx_dev_minor), x->stx_ino, &number);
    return ret ? ret : (x->stx_mode & S_IFMT) == type ? 0 : -ESTALE;
}

static bool load_node(struct fs_tree *t, struct pack_in *in, GError **error)
{
    uint64_t id = pack_get(in, 8), parent_id = pack_get(in, 8), known = pack_get(in, 8);
    uint16_t type = (uint16_t)pack_get(in, 2);
    const char *name = pack_get_text(in);
    struct fs_node *dir = parent_id ? fs_node_find(t, parent_id) : NULL;
    struct statx x;
    struct fs_node *n;

    if (in->bad || id <= FS_ROOT_ID || id >= t->next_id || fs_node_find(t, id) ||
        (parent_id && (!dir || fs_check_name(name) < 0)) || known > INT64_MAX ||
        g_hash_table_size(t->by_id) >= t->limits.nodes) {
        set_error(error, "shared folder: node %" G_GUINT64_FORMAT " in '%s' of %" G_GUINT64_FORMAT,
                  id, name, parent_id);
        return false;
    }
    if (dir && find_again(t, dir, name, type, &x) == 0 && !fs_known(t, &x)) {
        n = fs_add_node(t, id, &x);
        fs_set_place(t, n, dir, name);
    } else {
        n = fs_add_gone(t, id, type);
    }
    n->known = n->refs = known;
    return true;
}

bool fs_tree_load(struct fs_tree *t, struct pack_in *in, GError **error)
{
    uint64_t next_id = pack_get(in, 8), known = pack_get(in, 8), count = pack_get(in, 8);

    fs_tree_clear(t);
    if (in->bad || next_id <= FS_ROOT_ID || next_id > INT64_MAX || known > INT64_MAX) {
        set_error(error, "shared folder: the next node is %" G_GUINT64_FORMAT, next_id);
        return false;
    }
    t->next_id = next_id;
    t->root->known = known;
    t->root->refs += known;
    for (uint64_t i = 0; i < count; i++) {
        if (!load_node(t, in, error)) {
            fs_tree_clear(t);
            return false;
        }
    }
    return true;
}

void fs_tree_sweep(struct fs_tree *t)
{
    g_autoptr(GPtrArray) unused = g_ptr_array_new();
    GHashTableIter i;
    gpointer p;

    g_hash_table_iter_init(&i, t->by_id);
    while (g_hash_table_iter_next(&i, NULL, &p)) {
        struct fs_node *n = p;

        if (n->refs == 0 && n != t->root) {
            g_ptr_array_add(unused, n);
        }
    }
    for (unsigned k = 0; k < unused->len; k++) {
        fs_unref(t, g_ptr_array_index(unused, k), 0);
    }
}
