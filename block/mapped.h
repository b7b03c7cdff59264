/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/mapped.h: what the formats share whose table says where each cluster of the disk is.
 *
 * A format's struct begins with struct mapped_node, and its driver takes mapped_read, mapped_write,
 * mapped_write_zeroes and mapped_status; what it writes itself is struct mapped_ops.
 *
 * Invariants: a cluster never moves once it is in the table, so that data is transferred without the
 *             lock; a new cluster is written in full before it is in the table, so that a writer that
 *             is killed leaves an image that is whole.
 * Thread:     any; `mutex` guards the tables and the inflated unit.  Every op runs under it.
 */
#ifndef BLOCK_MAPPED_H
#define BLOCK_MAPPED_H

#include <pthread.h>
#include "block/driver.h"

enum mapped_kind {
    MAPPED_NONE, /* not in this image: of the backing file, or zeroes */
    MAPPED_ZERO, /* zeroes, whatever the backing file has */
    MAPPED_DATA,
    MAPPED_COMPRESSED,
};

struct mapped {
    enum mapped_kind kind;
    uint64_t bytes;          /* that are of this kind, and in one piece when they are DATA */
    struct block_node *file; /* of DATA and COMPRESSED */
    uint64_t host;
    uint64_t unit, unit_bytes; /* COMPRESSED: the part of the disk that is inflated at once */
    uint64_t tag;              /* the format's own */
};

struct mapped_ops {
    /* Where the bytes from `offset` are: out->bytes of at most `bytes`, at least one.  0 or -errno. */
    int (*map)(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out);
    /* The whole unit of m into buf. */
    int (*inflate)(struct block_node *node, const struct mapped *m, uint8_t *buf);
    /* A place for the cluster that begins at `offset`: file and host of *out. */
    int (*allocate)(struct block_node *node, uint64_t offset, struct mapped *out);
    /* The cluster's bytes are there: into the table with it. */
    int (*publish)(struct block_node *node, uint64_t offset, const struct mapped *m);
};

struct mapped_node {
    struct block_node node;
    const struct mapped_ops *ops;
    pthread_mutex_t mutex;
    uint64_t cluster;  /* bytes that are allocated at once */
    uint8_t *inflated; /* of the unit at inflated_at */
    uint64_t inflated_at, inflated_bytes;
};

void mapped_init(struct mapped_node *m, const struct mapped_ops *ops, uint64_t cluster);
/* Also of a node whose open failed before mapped_init. */
void mapped_finish(struct mapped_node *m);

int mapped_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int mapped_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int mapped_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes, unsigned flags);
int mapped_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                  struct block_status *out);

void mapped_put_le(void *at, unsigned size, uint64_t value);
void mapped_put_be(void *at, unsigned size, uint64_t value);
/* zlib streams (raw: without zlib's header).  All of `out` must be filled: 0, else -EIO. */
int mapped_inflate_zlib(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len, bool raw);
/* A table of 32-bit numbers at `offset` of the file; NULL and *error.  `what` is for the message. */
uint32_t *mapped_read_table32(struct block_node *file, uint64_t offset, uint32_t count,
                              bool little_endian, const char *what, GError **error);

#endif
