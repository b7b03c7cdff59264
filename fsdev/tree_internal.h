/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fsdev/tree_internal.h: between the files of fsdev/.  Thread: tree.h. */
#ifndef FSDEV_TREE_INTERNAL_H
#define FSDEV_TREE_INTERNAL_H

#include "fsdev/tree.h"

struct fs_tree {
    const struct fsdev *dev;
    struct fs_limits limits;
    struct fs_node *root;
    GHashTable *by_file; /* every node, by dev, ino, born */
    GHashTable *by_id;
    uint64_t next_id;
    struct fs_node *oldest, *newest; /* with a descriptor, the root aside */
    unsigned n_fds, n_open;
    bool warned;     /* of another device */
    GArray *devices; /* uint64_t: those seen, for multidevs=remap */
};

/* Its descriptor, O_PATH, which stays until fs_unpin; -errno. */
int fs_pin(struct fs_tree *t, struct fs_node *n);
void fs_unpin(struct fs_node *n);
/* 0, or why there can be no such name. */
int fs_check_name(const char *name);
/* What the host knows of a descriptor. */
int fs_host_stat(int fd, struct statx *x);
/* The node of what is open there as O_PATH, called `name` in `dir`; the descriptor is taken over. */
int fs_adopt(struct fs_tree *t, struct fs_node *dir, const char *name, int fd,
             struct fs_node **out);
/* Its name was taken away; the caller has a reference. */
void fs_displace(struct fs_tree *t, struct fs_node *n);
void fs_set_place(struct fs_tree *t, struct fs_node *n, struct fs_node *dir, const char *name);
/* The node of a file; NULL: not known. */
struct fs_node *fs_known(struct fs_tree *t, const struct statx *x);
/* saved.c: a node with this id; one of which nothing is there. */
struct fs_node *fs_add_node(struct fs_tree *t, uint64_t id, const struct statx *x);
struct fs_node *fs_add_gone(struct fs_tree *t, uint64_t id, uint16_t type);
/* The node that is known to be there; NULL: none. */
struct fs_node *fs_known_at(struct fs_tree *t, int dirfd, const char *name);
/* "/proc/self/fd/N". */
#define FS_PROC_PATH 32
void fs_proc_path(char *buf, int fd);
/* A number for the guest; -errno: of another device, which is forbidden. */
int fs_number(struct fs_tree *t, uint64_t dev, uint64_t ino, uint64_t *number);

/* mapped.c: security_model=mapped-xattr.  fd: O_PATH. */
bool fs_is_mapped(const struct fs_tree *t);
/* x is the host's, and then what the guest is told. */
void fs_mapped_stat(int fd, struct statx *x);
int fs_mapped_set(int fd, const char *what, uint64_t value, unsigned size);
/* All of them: of a new file. */
int fs_mapped_dress(int fd, const struct fs_owner *owner, uint32_t mode, uint64_t rdev);
/* The host's name of an attribute of the guest's; -errno: there can be none.  buf: FS_NAME_MAX + 1 */
int fs_mapped_name(const struct fs_tree *t, const char *name, char *buf);
/* The guest's name of one of the host's; NULL: it is not shown. */
const char *fs_mapped_shown(const struct fs_tree *t, const char *host);

#endif
