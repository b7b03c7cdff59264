/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/tree.h: what one device has seen of a shared folder: a node for each file or folder that its guest knows.
 *
 * The folder cannot be left.  A node is only ever reached by one name (no "/", "." or "..") under the O_PATH
 * descriptor of a folder that is a node already, and links are not followed; what is done to a node is done to its
 * own descriptor.  So neither names nor links nor whoever exchanges them meanwhile lead elsewhere.
 *
 * A node is known by the host's device and inode number, its type and time of birth.  (Not every host has the last: at
 * least nothing of another type is taken for it.)  Its descriptor may be closed when there are many, and is then opened
 * again by its place, where the same file must be: else -ESTALE.
 *
 * Functions return 0 or more, or -errno.
 * Invariants: n_open, n_fds and the number of nodes are bounded; a node has a place or is the root or is gone.
 * Thread: one at a time; the device's.
 */
#ifndef FSDEV_TREE_H
#define FSDEV_TREE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include "fsdev/fsdev.h"

#define FS_NAME_MAX   255u
#define FS_TARGET_MAX 4095u /* of a symbolic link */
#define FS_XATTR_MAX  65536u
#define FS_ROOT_ID    1u

struct fs_tree;

struct fs_node {
    uint64_t id;    /* FS_ROOT_ID, or another that no other node ever has */
    uint64_t known; /* the user's: how often its guest was told of it */
    /* Private to fsdev/. */
    struct fs_node *parent; /* its place; NULL: the root, or gone */
    char *name;
    uint64_t dev, ino; /* the host's */
    int64_t born;
    uint64_t refs;                 /* of users, and of nodes whose place is in it */
    uint16_t type;                 /* the host's S_IFMT */
    unsigned pins;                 /* the descriptor is in use */
    int fd;                        /* O_PATH, or -1 */
    struct fs_node *older, *newer; /* of those with a descriptor */
};

/* Who a new file belongs to. */
struct fs_owner {
    uint32_t uid, gid;
};

enum fs_set { FS_SET_MODE = 1, FS_SET_UID = 2, FS_SET_GID = 4, FS_SET_SIZE = 8, FS_SET_TIMES = 16 };
struct fs_change {
    unsigned set; /* enum fs_set */
    uint32_t mode, uid, gid;
    uint64_t size;
    struct timespec times[2]; /* access, modification; UTIME_NOW, UTIME_OMIT */
};

/* How many descriptors of nodes stay open, of files, how many nodes there are; 0: what the host allows. */
struct fs_limits {
    unsigned fds, open;
    size_t nodes;
};

struct fs_tree *fs_tree_new(const struct fsdev *dev, const struct fs_limits *limits);
void fs_tree_free(struct fs_tree *t);
/* All nodes but the root are forgotten.  Nothing is open. */
void fs_tree_clear(struct fs_tree *t);
const struct fsdev *fs_tree_dev(const struct fs_tree *t);
struct fs_node *fs_root(struct fs_tree *t);
/* NULL: there is none. */
struct fs_node *fs_node_find(struct fs_tree *t, uint64_t id);
size_t fs_tree_nodes(const struct fs_tree *t);
unsigned fs_tree_fds(const struct fs_tree *t);

void fs_ref(struct fs_node *n);
/* The last reference frees it; n: how many, no more than there are of the user's. */
void fs_unref(struct fs_tree *t, struct fs_node *n, uint64_t count);
/* The folder that it is in; the root's is the root.  No reference. */
struct fs_node *fs_parent(struct fs_tree *t, struct fs_node *n);
/* The same name and folder as before, for messages that name a file by itself.  -ESTALE: gone. */
int fs_place(const struct fs_node *n, struct fs_node **dir, const char **name);

/* Into a saved machine, up to about `most` bytes: what is more is gone after the load.  saved.c */
struct pack_in;
void fs_tree_save(struct fs_tree *t, GByteArray *out, size_t most);
/* Nodes are forgotten first.  References are those by which the guest knows nodes; the caller adds its own, and then ... */
bool fs_tree_load(struct fs_tree *t, struct pack_in *in, GError **error);
/* ... nodes without any go. */
void fs_tree_sweep(struct fs_tree *t);

/* A reference to what is called so in the folder. */
int fs_lookup(struct fs_tree *t, struct fs_node *dir, const char *name, struct fs_node **out);
/* What the guest is told of it; fd: an open descriptor of it, or -1. */
int fs_stat(struct fs_tree *t, struct fs_node *n, int fd, struct statx *x);
int fs_statfs(struct fs_tree *t, struct fs_node *n, struct statfs *s);
int fs_change(struct fs_tree *t, struct fs_node *n, int fd, const struct fs_change *c);

/* Open files: a file or a folder, nothing else.  Of flags, access and O_TRUNC, O_APPEND, O_SYNC, O_DSYNC count. */
int fs_open(struct fs_tree *t, struct fs_node *n, int flags, int *fd);
void fs_close(struct fs_tree *t, int fd);
/* Written bytes, with what -fsdev says of writing out. */
ssize_t fs_write(struct fs_tree *t, int fd, const void *buf, size_t n, uint64_t offset);

/* New entries; *out is a reference. */
int fs_create(struct fs_tree *t, struct fs_node *dir, const char *name, int flags, uint32_t mode,
              const struct fs_owner *owner, struct fs_node **out, int *fd);
int fs_mkdir(struct fs_tree *t, struct fs_node *dir, const char *name, uint32_t mode,
             const struct fs_owner *owner, struct fs_node **out);
/* mode with a type: a file, a FIFO, a socket, a device. */
int fs_mknod(struct fs_tree *t, struct fs_node *dir, const char *name, uint32_t mode,
             uint32_t major, uint32_t minor, const struct fs_owner *owner, struct fs_node **out);
int fs_symlink(struct fs_tree *t, struct fs_node *dir, const char *name, const char *target,
               const struct fs_owner *owner, struct fs_node **out);
int fs_link(struct fs_tree *t, struct fs_node *n, struct fs_node *dir, const char *name);
int fs_remove(struct fs_tree *t, struct fs_node *dir, const char *name, bool folder);
/* flags: RENAME_NOREPLACE, RENAME_EXCHANGE. */
int fs_rename(struct fs_tree *t, struct fs_node *dir, const char *name, struct fs_node *to,
              const char *to_name, unsigned flags);
/* The target's length; it ends with NUL.  size: more than FS_TARGET_MAX. */
int fs_readlink(struct fs_tree *t, struct fs_node *n, char *buf, size_t size);

/* Extended attributes: as the system calls have them. */
ssize_t fs_getxattr(struct fs_tree *t, struct fs_node *n, const char *name, void *buf, size_t size);
ssize_t fs_listxattr(struct fs_tree *t, struct fs_node *n, char *buf, size_t size);
int fs_setxattr(struct fs_tree *t, struct fs_node *n, const char *name, const void *buf,
                size_t size, int flags);
int fs_removexattr(struct fs_tree *t, struct fs_node *n, const char *name);

/* The entries of an open folder, from a place that an entry named, or 0.  "." and ".." are among them. */
struct fs_dir;
struct fs_entry {
    const char *name; /* until the next call */
    uint64_t ino, next;
    uint8_t type; /* DT_DIR ... */
};
/* Takes the descriptor over, also when it fails. */
int fs_dir_open(struct fs_tree *t, struct fs_node *n, int fd, struct fs_dir **out);
void fs_dir_close(struct fs_tree *t, struct fs_dir *d);
int fs_dir_fd(const struct fs_dir *d);
/* 1: an entry, 0: there are no more. */
int fs_dir_read(struct fs_tree *t, struct fs_dir *d, uint64_t offset, struct fs_entry *e);

#endif
