/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/p9.h: a server of 9P2000.L for one guest.  Source: the 9P manual pages of Plan 9 (intro(5), walk(5), ...), and
 * "9P2000.L" of diod's protocol documentation; Linux's Documentation/filesystems/9p.rst.
 *
 * Invariants: fids, their xattrs and locks are bounded; a fid has a reference to its node, and at most one of fd, dir,
 *             xattr.
 * Thread:     one at a time: worker.h.
 */
#ifndef HW_FS_P9_H
#define HW_FS_P9_H

#include "fsdev/pack.h"
#include "fsdev/tree.h"
#include "hw/fs/worker.h"

#define P9_MSIZE     (512u << 10) /* the largest message */
#define P9_MIN_MSIZE 4096u
#define P9_NO_FID    UINT32_MAX
#define P9_MAX_FIDS  (1u << 18)
#define P9_MAX_LOCKS 4096u
#define P9_MAX_XATTR (4u << 20) /* bytes, of all fids, with names */
#define P9_MAX_WALK  16u

enum p9_xattr { P9_NO_XATTR, P9_XATTR_READ, P9_XATTR_WRITE };

struct p9_fid {
    uint32_t fid, uid;
    struct fs_node *node;
    int fd, flags; /* an open file; -1 */
    struct fs_dir *dir;
    enum p9_xattr xattr;
    GByteArray *value; /* of the xattr */
    char *xattr_name;  /* WRITE: what a clunk sets */
    int xattr_flags;
};

/* What counts against P9_MAX_XATTR. */
static inline size_t p9_xattr_size(const struct p9_fid *f)
{
    return f->value->len + (f->xattr_name ? strlen(f->xattr_name) : 0);
}

struct p9_lock {
    uint64_t node, start, end; /* end: the last byte */
    uint32_t fid, proc;
    uint8_t type;
    char client[65];
};

struct p9 {
    struct fs_tree *tree;
    uint32_t msize; /* agreed; 0: nothing was */
    GHashTable *fids;
    size_t xattr_bytes;
    GArray *locks; /* struct p9_lock */
};

/* One message: what its row in p9.c says, taken apart. */
struct p9_call {
    uint64_t n[10];
    const char *text[2];
    struct pack_in rest;
    struct pack_out out;
};
/* 0 or -errno; the answer's body is put into c->out. */
typedef int p9_fn(struct p9 *s, struct p9_call *c);

extern const struct worker_ops p9_worker_ops;
struct p9 *p9_new(const struct fsdev *dev, const struct fs_limits *limits);
void p9_free(void *server);
/* Into a saved machine, and back: fids are open again where what they were of is still there.  p9_saved.c */
void p9_save(void *server, GByteArray *out, size_t most);
bool p9_load(void *server, struct pack_in *in, GError **error);

/* Between its files: */
struct p9_fid *p9_find(struct p9 *s, uint64_t fid); /* NULL: there is none */
/* Takes the reference; -errno (the reference is gone): too many, or in use. */
int p9_add(struct p9 *s, uint64_t fid, uint32_t uid, struct fs_node *node, struct p9_fid **out);
/* What a clunk says. */
int p9_clunk_fid(struct p9 *s, struct p9_fid *f);
int p9_open_fid(struct p9 *s, struct p9_fid *f, int flags);
int p9_put_qid(struct p9 *s, struct pack_out *out, struct fs_node *n);
void p9_drop_locks(struct p9 *s, uint32_t fid);
p9_fn p9_attach, p9_walk, p9_clunk, p9_remove, p9_lopen, p9_read, p9_write, p9_readdir,
    p9_fsync; /* p9_fid.c */
p9_fn p9_lcreate, p9_mkdir, p9_mknod, p9_symlink, p9_link, p9_rename, p9_renameat,
    p9_unlinkat; /* p9_names.c */
p9_fn p9_getattr, p9_setattr, p9_readlink, p9_statfs, p9_xattrwalk, p9_xattrcreate, p9_lock,
    p9_getlock; /* p9_attr.c */

#endif
