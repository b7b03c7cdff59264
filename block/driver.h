/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/driver.h: what formats and protocols implement: one `struct block_driver` each.
 *
 * A driver's node is a struct that begins with struct block_node.  Before `open` runs, its options were
 * checked against `open_options`, and its child `file` is open unless it is a protocol.  After it, the
 * node's size is set, and backing_name and backing_format where the image has a backing file, which the
 * caller then opens as `backing`.  A format that keeps data elsewhere calls block_open_child.
 *
 * Formats call block_node_* on their children, which check ranges: protocols grow by writes beyond
 * their end when they are writable.  Every field of an image is bounded before its first use, by rows
 * of struct block_bound, so that messages name file, field, value and bounds.
 *
 * Thread: open, close and whatever takes a GError run in the main thread while no transfer of this node
 *         runs; transfers (read to flush) and `status` on any thread, several at a time: a driver with
 *         state of its own locks it.  They block.
 */
#ifndef BLOCK_DRIVER_H
#define BLOCK_DRIVER_H

#include "block/node.h"
#include "block/ring.h"

#define BLOCK_PROBE_BYTES 2048u

struct block_create {
    const char *filename;
    struct block_node *file; /* formats: a new empty file, writable.  Protocols: NULL */
    struct block_graph *graph;
    uint64_t size; /* bytes, a whole number of sectors for formats */
    const struct block_options *options;
};

struct block_driver {
    const char *name, *summary;
    const char *refused; /* known to users and not served: what to do */
    bool protocol;
    bool filter; /* changes nothing of what it passes: `file` is the image */
    bool hidden; /* not for people: in no list */
    bool grows;  /* protocols: a write beyond the end makes it longer; reads there give zeroes */
    size_t size; /* of the struct that begins with struct block_node */

    /* Bytes at the image's start by which the format is recognized; n_magic 0: never. */
    const char *magic;
    unsigned n_magic;
    /* 0: not this format, to 100: surely.  Zeroes follow a short file.  NULL: the magic says 100. */
    int (*probe)(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename);
    /* Protocols: what names begin with, as "nbd:|nbd+unix:"; parse_filename makes options of them. */
    const char *prefixes;
    bool (*parse_filename)(const char *filename, struct block_options *options, GError **error);

    const struct block_option_row *open_options, *create_options; /* NULL: none */
    const struct block_option_row *amend_options;

    /* The node is zeroed but for struct block_node.  False and *error: it will be closed and freed. */
    bool (*open)(struct block_node *node, const struct block_open_options *o, GError **error);
    void (*close)(struct block_node *node);
    /* NULL: refused unless the children's turning is all there is to it. */
    bool (*set_read_only)(struct block_node *node, bool read_only, GError **error);
    /*
     * False: what is cached is written and the image is free for another machine.  True: it may have written anything
     * but another size of cluster; children are active already.  NULL: images of the format stay with one machine.
     */
    bool (*set_active)(struct block_node *node, bool active, GError **error);
    /* Makes the image in c->file (protocols: the file itself).  What is made must be flushed. */
    bool (*create)(const struct block_create *c, GError **error);

    /* The range is within the node's size.  0 or -errno; all or an error. */
    int (*read)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    /* NULL: the image cannot be written; open sets read_only or fails. */
    int (*write)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    /* The same on a ring; must not block.  False, or NULL: not this one, not now. */
    bool (*start)(struct block_node *node, struct block_async *a, uint64_t offset);
    int (*flush)(struct block_node *node); /* NULL: the children's */
    /* A hint.  NULL: ignored. */
    int (*discard)(struct block_node *node, uint64_t offset, uint64_t bytes);
    /* enum block_write_flags.  NULL, or -ENOTSUP: zeroes are written. */
    int (*write_zeroes)(struct block_node *node, uint64_t offset, uint64_t bytes, unsigned flags);
    int (*write_compressed)(struct block_node *node, uint64_t offset, const void *buf, size_t len);
    /* Both halves of write_compressed, or NULL: see block_node_pack. */
    int (*pack)(struct block_node *node, const void *buf, size_t len, void *packed);
    int (*write_packed)(struct block_node *node, uint64_t offset, const void *packed, size_t size);
    /* NULL: all of it is data (of filters: the child's answer). */
    int (*status)(struct block_node *node, uint64_t offset, uint64_t bytes,
                  struct block_status *out);

    bool (*truncate)(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                     GError **error);
    int64_t (*allocated)(struct block_node *node); /* NULL: the children's sum */
    int (*info)(struct block_node *node, struct block_image_info *out,
                struct block_info_row *specific);
    int (*check)(struct block_node *node, unsigned repair, struct block_check *out);
    bool (*change_backing)(struct block_node *node, const char *name, const char *format,
                           GError **error);
    bool (*make_empty)(struct block_node *node, GError **error);
    bool (*amend)(struct block_node *node, const struct block_options *options, bool force,
                  const struct block_progress *progress, GError **error);
    bool (*measure)(const struct block_options *options, struct block_node *from,
                    struct block_measure *out, GError **error);

    GPtrArray *(*snapshots)(struct block_node *node);
    bool (*snapshot_create)(struct block_node *node, const struct block_snapshot *s,
                            GError **error);
    bool (*snapshot_apply)(struct block_node *node, const char *id, GError **error);
    bool (*snapshot_delete)(struct block_node *node, const char *id, GError **error);
    bool (*snapshot_load)(struct block_node *node, const char *id, GError **error);
    /* The machine's state beside the disk: offsets from 0. */
    int (*vm_state_read)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    int (*vm_state_write)(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
    int (*snapshot_vm_state_read)(struct block_node *node, const char *id, uint64_t offset,
                                  const struct iovec *iov, int n);

    GPtrArray *(*bitmaps)(struct block_node *node);
    bool (*bitmap_change)(struct block_node *node, const struct block_bitmap_change *change,
                          GError **error);
};

/* drivers.c: every driver there is, NULL-terminated. */
extern const struct block_driver *const block_drivers[];
extern const struct block_driver block_file, block_host_device, block_qcow2, block_raw,
    block_snapshot;
extern const struct block_driver block_blkdebug, block_blkverify, block_copy_on_read, block_ftp,
    block_http, block_https, block_nbd, block_null_aio, block_null_co, block_throttle;
extern const struct block_driver block_bochs, block_cloop, block_dmg, block_parallels, block_qcow,
    block_luks, block_vdi, block_vhdx, block_vmdk, block_vpc;

/* A format, or a protocol, by its name.  NULL and *error: unknown, or refused. */
const struct block_driver *block_driver_find(const char *name, GError **error);
/* One layer; takes over `file`, also when it fails. */
struct block_node *block_node_new(const struct block_driver *driver, struct block_node *file,
                                  const struct block_open_options *o, GError **error);
/*
 * For `open`: the child that options name as `child` ("data-file"), or else the file `name` beside the
 * node's own.  NULL and *error.  `format` may be NULL: found out.
 */
struct block_node *block_open_child(struct block_node *node, const char *child, const char *name,
                                    const char *format, const struct block_open_options *o,
                                    GError **error);
/* The same for a child that is a whole image. */
struct block_node *block_open_image(struct block_node *node, const char *child,
                                    const struct block_open_options *o, GError **error);
/* A layer over a whole image; takes over `node`, also when it fails.  `options` are the driver's, or NULL. */
struct block_node *block_layer_new(const struct block_driver *driver, struct block_node *node,
                                   const struct block_options *options, GError **error);
/* For `set_active` of those that keep nothing of what may change in the image. */
bool block_set_active_nothing(struct block_node *node, bool active, GError **error);
/* An empty list for `bitmaps` and for `snapshots`. */
GPtrArray *block_bitmaps_new(void);
GPtrArray *block_snapshots_new(void);
/* Some driver has an option of this name for its nodes. */
bool block_option_is_known(const char *name);
/* `-drive format=help` */
void block_print_formats(GString *out);

/* Fields of images: big- or little-endian unsigned numbers, and what they may be. */
struct block_bound {
    const char *field;
    unsigned offset, size; /* bytes; size 1, 2, 4 or 8 */
    uint64_t min, max;
};
uint64_t block_field_be(const void *at, unsigned size);
uint64_t block_field_le(const void *at, unsigned size);
/* Rows end without a field.  False: "disk.vdi: cluster_bits is 60, must be 9 to 21". */
bool block_bounds_check(const char *filename, const void *header, bool little_endian,
                        const struct block_bound *rows, GError **error);
/* The same message for one value. */
bool block_bound_one(const char *filename, const char *field, uint64_t value, uint64_t min,
                     uint64_t max, GError **error);

/* Copies between a run of vectors and one piece of memory, from byte `skip` of the vectors. */
void block_iov_read(const struct iovec *iov, int n, uint64_t skip, void *to, size_t len);
void block_iov_write(const struct iovec *iov, int n, uint64_t skip, const void *from, size_t len);
void block_iov_zero(const struct iovec *iov, int n, uint64_t skip, uint64_t len);
uint64_t block_iov_bytes(const struct iovec *iov, int n);
/* The part [skip, skip + len) as vectors of its own; `out` has room for n.  How many. */
int block_iov_slice(const struct iovec *iov, int n, uint64_t skip, uint64_t len, struct iovec *out);

/* blkdebug.c: what a format is about to do in its file, by a name of QEMU's; for rules of blkdebug. */
void block_event(struct block_node *file, const char *event);

/* nbd.c: the server does not answer: what waits for it, and what comes, fails.  Any thread while the node is open. */
void block_nbd_cut(struct block_node *node);

/* graph.c: a write ends there, beyond node->write_threshold. */
void block_threshold_passed(struct block_node *node, uint64_t end);

/* lock.c: what this process does with an image, and what it lets others do meanwhile. */
bool block_lock_image(int fd, const char *filename, bool write, bool force_share, GError **error);

#endif
