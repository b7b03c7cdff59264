/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/driver.h: what formats and protocols implement.
 *
 * A node is one layer: `raw` stands on `file`, a snapshot stands on what it protects.
 * Thread: open and close under the machine lock; the transfers on any worker thread, several at a
 *         time: a driver with state of its own locks it.
 */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include "block/block.h"

struct block_node {
    const struct block_driver *driver;
    char *filename;
    struct block_node *file; /* the layer below, owned; NULL for protocols */
    uint64_t size;           /* bytes, a whole number of sectors */
    bool read_only;
};

struct block_driver {
    const char *name, *summary;
    const char *refused; /* known to users and not served: what to do */
    bool protocol;
    size_t size; /* of the struct that begins with struct block_node */
    /* Bytes at the image's start by which the format is recognized; n_magic 0: never. */
    const char *magic;
    unsigned n_magic;
    /* The node is zeroed; driver, filename and file are set.  False and *error: it will be freed. */
    bool (*open)(struct block_node *node, const struct block_open_options *o, GError **error);
    void (*close)(struct block_node *node);
    /* The range is within the node's size.  0 or -errno; all or an error. */
    int (*read)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    int (*write)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    int (*flush)(struct block_node *node);
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t bytes); /* NULL: ignored */
    /* NULL: written as zeroes. */
    int (*write_zeroes)(struct block_node *node, uint64_t offset, uint64_t bytes);
};

/* drivers.c: every driver there is, NULL-terminated. */
extern const struct block_driver *const block_drivers[];
extern const struct block_driver block_file, block_raw, block_snapshot;

/* Opens protocol, format and snapshot as the options say.  NULL and *error otherwise. */
struct block_node *block_node_open(const struct block_open_options *o, GError **error);
/* One layer; takes over `file`, also when it fails. */
struct block_node *block_node_new(const struct block_driver *driver, struct block_node *file,
                                  const struct block_open_options *o, GError **error);
void block_node_close(struct block_node *node);
/* `-drive format=help` */
void block_print_formats(GString *out);

/* lock.c: what this process does with an image, and what it lets others do meanwhile. */
bool block_lock_image(int fd, const char *filename, bool write, GError **error);

#endif
