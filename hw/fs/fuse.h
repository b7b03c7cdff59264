/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/fuse.h: a FUSE server for one guest: what a virtiofs mount asks.  Source: linux/fuse.h of the kernel's interface,
 * version 7.31 and later; Linux's Documentation/filesystems/fuse.rst and virtiofs.rst; VIRTIO 1.2, 5.11.
 *
 * Invariants: a node that the guest knows has `known` references; a handle has a reference to its node, and a descriptor
 *             or a folder, so that handles are as many as open files at most.
 * Thread:     one at a time: worker.h.
 */
#ifndef HW_FS_FUSE_H
#define HW_FS_FUSE_H

#include <linux/fuse.h>
#include "fsdev/pack.h"
#include "fsdev/tree.h"
#include "hw/fs/worker.h"

#define FUSE_MAX_WRITE (1u << 20) /* bytes of data in one request */
#define FUSE_MOST      (FUSE_MAX_WRITE + 4096u)

/* How long the guest believes what it was told. */
enum fuse_cache { FUSE_CACHE_NEVER, FUSE_CACHE_AUTO, FUSE_CACHE_ALWAYS, FUSE_CACHE_COUNT };
extern const char *const fuse_cache_names[FUSE_CACHE_COUNT];

struct fuse_handle {
    uint64_t fh;
    struct fs_node *node;
    int fd, flags;
    struct fs_dir *dir; /* or a file */
};

struct fuse {
    struct fs_tree *tree;
    enum fuse_cache cache;
    uint32_t minor; /* agreed; 0: nothing was */
    GHashTable *handles;
    uint64_t next_fh;
};

/* One request: what its row in fuse.c says, taken apart. */
struct fuse_call {
    const struct fuse_in_header *head;
    const void *arg;
    const char *name, *name2;
    const uint8_t *data; /* what follows */
    size_t data_size;
    struct fs_node *node; /* of head->nodeid */
    uint8_t *out;
    size_t room;
};
/* The length of what is put into c->out, or -errno. */
typedef ssize_t fuse_fn(struct fuse *s, struct fuse_call *c);

extern const struct worker_ops fuse_worker_ops;
struct fuse *fuse_new(const struct fsdev *dev, const struct fs_limits *limits,
                      enum fuse_cache cache);
void fuse_free(void *server);
/* Into a saved machine, and back: fuse_saved.c */
void fuse_save(void *server, GByteArray *out, size_t most);
bool fuse_load(void *server, struct pack_in *in, GError **error);

/* Between its files: */
/* Takes over the caller's reference to the node, which the guest knows once more. */
ssize_t fuse_put_entry(struct fuse *s, struct fuse_call *c, struct fs_node *n);
int fuse_fill_entry(struct fuse *s, struct fs_node *n, struct fuse_entry_out *e);
void fuse_fill_attr(struct fuse *s, const struct statx *x, struct fuse_attr_out *out);
/* NULL: there is none. */
struct fuse_handle *fuse_find(struct fuse *s, uint64_t fh);
/* Takes the descriptor over, also when it fails.  fh 0: the next. */
int fuse_add_handle(struct fuse *s, struct fs_node *n, int fd, int flags, uint64_t fh,
                    struct fuse_handle **out);
void fuse_close(struct fuse *s, struct fuse_handle *h);
void fuse_forget_all(struct fuse *s);
fuse_fn fuse_open, fuse_opendir, fuse_release, fuse_read, fuse_write, fuse_flush,
    fuse_fsync; /* fuse_file.c */
fuse_fn fuse_readdir, fuse_readdirplus, fuse_fallocate, fuse_lseek, fuse_copy_file_range;
fuse_fn fuse_create;
fuse_fn fuse_lookup, fuse_symlink, fuse_mknod, fuse_mkdir, fuse_unlink, fuse_rmdir,
    fuse_rename; /* fuse_names.c */
fuse_fn fuse_rename2, fuse_link, fuse_readlink, fuse_getattr, fuse_setattr, fuse_statfs,
    fuse_access;
fuse_fn fuse_setxattr, fuse_getxattr, fuse_listxattr, fuse_removexattr, fuse_syncfs;

#endif
