/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/node.h: the graph of nodes: what the tools, the jobs and formats do with an image.
 *
 * A node is one layer of an image: a format stands on its child `file`, reads what it does not have
 * from `backing`, and may keep its data in `data_file`.  Nodes are counted: a child holds one count of
 * each node below.
 *
 * The functions that transfer check the range against the node's size and its read_only, do what a
 * driver leaves out (zeroes are written, a hint is ignored), and return 0 or -errno.
 * Thread: opening, closing, and what changes the graph or the size in the program's main thread (under
 *         the machine lock where there is a machine) while no transfer runs; transfers and
 *         block_node_status on any thread, several at a time.
 */
#ifndef BLOCK_NODE_H
#define BLOCK_NODE_H

#include "block/block.h"
#include "block/options.h"

struct block_async;
struct block_driver;
struct block_graph;

struct block_node {
    const struct block_driver *driver;
    char *filename; /* as messages and `info` name it; json:{...} where no plain name says it all */
    char *node_name; /* unique in the graph; "#block12" when nobody gave one */
    struct block_graph *graph;
    struct block_node *file, *backing, *data_file; /* each owned by one count, or NULL */
    char *backing_name, *backing_format;           /* as the image says; NULL: none */
    struct block_options *options;                 /* of this node alone, without its children's */
    uint64_t size; /* bytes: a protocol's exact length; of a format a whole number of sectors */
    bool read_only;
    enum block_cache cache;
    bool discard, detect_zeroes, detect_unmap; /* discard=unmap, detect-zeroes=on|unmap */
    bool inactive; /* read_only until another machine hands the image over, or gives it back */
    uint64_t write_threshold; /* atomic: a write beyond it is told of (threshold.c); 0: none */
    unsigned refs;
};

/* A graph: names of nodes, and secrets that encrypted images ask for. */
struct block_graph *block_graph_new(void);
void block_graph_free(struct block_graph *g);
typedef struct block_graph block_graph; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_graph, block_graph_free)
/* The machine's; made when asked for first. */
struct block_graph *block_graph_of(struct machine *m);
/* NULL: there is no such node.  Not counted. */
struct block_node *block_graph_find(struct block_graph *g, const char *node_name);
/* The graph takes the count over, and gives it back when it goes: -blockdev. */
void block_graph_keep(struct block_node *node);
/* Gives that count back.  False and *error: it was not kept, or something stands on it or uses it. */
bool block_graph_unkeep(struct block_node *node, GError **error);
/* struct block_node *, by names; freed by the caller. */
GPtrArray *block_graph_nodes(struct block_graph *g);
/* --object secret,id=ID,...: keeps a copy. */
void block_graph_add_secret(struct block_graph *g, const char *id, const void *data, size_t len);
/* Nodes that are open go on. */
void block_graph_del_secret(struct block_graph *g, const char *id);
/* "secret,id=ID,data=TEXT|file=PATH[,format=raw|base64]", or JSON: other types are refused. */
bool block_graph_add_object(struct block_graph *g, const char *text, GError **error);
const void *block_graph_secret(struct block_graph *g, const char *id, size_t *len);

/* Opening --------------------------------------------------------------------------------------- */

/*
 * Opens an image and what it stands on.  The options come from o->filename (a path, a URL, a
 * "driver:..." or "json:{...}" name), o->format and o->options; what o->options says wins.
 * NULL and *error otherwise.  The count is the caller's.
 */
struct block_node *block_node_open(const struct block_open_options *o, GError **error);
struct block_node *block_node_ref(struct block_node *node);
/* Gives one count back; the last one closes the node, then its children. */
void block_node_close(struct block_node *node);
typedef struct block_node block_node; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_node, block_node_close)
/* Takes one image over from another machine before block_activate_all.  Active ones: nothing. */
bool block_activate(struct block_node *node, GError **error);
/* The same image and its options, now writable or not; false and *error: it is as it was. */
bool block_node_set_read_only(struct block_node *node, bool read_only, GError **error);
/* What `name` in an image at `base` means: relative to the folder of `base` unless it is absolute or a
 * protocol. */
char *block_path_combine(const char *base, const char *name);

/* Transfers ------------------------------------------------------------------------------------- */

enum block_write_flags {
    BLOCK_MAY_UNMAP = 1,   /* zeroes: the space may be given back */
    BLOCK_NO_FALLBACK = 2, /* zeroes: -ENOTSUP rather than writing them */
};

int block_node_read(struct block_node *node, uint64_t offset, void *buf, size_t len);
int block_node_write(struct block_node *node, uint64_t offset, const void *buf, size_t len);
int block_node_readv(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int block_node_writev(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int block_node_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                            unsigned flags);
/* Exactly one cluster, or what the image's end leaves of it.  -ENOTSUP: the format cannot. */
int block_node_write_compressed(struct block_node *node, uint64_t offset, const void *buf,
                                size_t len);
/*
 * The two halves of it, so that several threads compress and then write in an order of their own.  pack gives
 * the size of what it made at `packed`, which has room for a cluster, or 0 when that would not be smaller: then
 * the cluster is written as it is; or -errno, -ENOTSUP for formats without these halves.
 */
int block_node_pack(struct block_node *node, const void *buf, size_t len, void *packed);
int block_node_write_packed(struct block_node *node, uint64_t offset, const void *packed,
                            size_t size);
int block_node_discard(struct block_node *node, uint64_t offset, uint64_t bytes);
int block_node_flush(struct block_node *node);
/* A read or write on a->ring (ring.h) that ends with a->done; does not block.  False: declined. */
bool block_node_start(struct block_node *node, struct block_async *a, uint64_t offset);

/* Where bytes are ------------------------------------------------------------------------------- */

enum block_status_flags {
    BLOCK_DATA = 1,         /* reading takes bytes from a file */
    BLOCK_ZERO = 2,         /* reads as zeroes; with DATA: known zeroes that take space */
    BLOCK_ALLOCATED = 4,    /* this layer decides what is read, not its backing */
    BLOCK_OFFSET_VALID = 8, /* host_offset is where the bytes are in `file` */
    BLOCK_COMPRESSED = 16,
    BLOCK_RECURSE = 32, /* private to drivers: ask `file` at host_offset whether it is zero there */
};

struct block_status {
    unsigned flags;
    uint64_t bytes; /* the flags hold for this many, at least 1 */
    uint64_t host_offset;
    struct block_node *file; /* the node that holds them */
    unsigned depth;          /* of the chain: 0 this node, 1 its backing ... */
};

/* Of this layer alone.  bytes > 0 and within the size. */
int block_node_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                      struct block_status *out);
/*
 * Of the chain down to, and without, `base` (NULL: all of it).  Without ALLOCATED nobody above base has
 * the bytes.
 */
int block_node_status_above(struct block_node *node, struct block_node *base, uint64_t offset,
                            uint64_t bytes, struct block_status *out);

/* The whole image ------------------------------------------------------------------------------- */

enum block_prealloc {
    BLOCK_PREALLOC_OFF,
    BLOCK_PREALLOC_METADATA,
    BLOCK_PREALLOC_FALLOC,
    BLOCK_PREALLOC_FULL,
};
extern const char *const block_prealloc_names[]; /* "off" ..., NULL-terminated */

/* Makes an image: `filename` by its protocol, then `format` in it as the options say ("size" too). */
bool block_create(const char *format, const char *filename, const struct block_options *options,
                  struct block_graph *graph, GError **error);
/* The same of a format in a node that is open and writable. */
bool block_create_in(const char *format, struct block_node *file,
                     const struct block_options *options, GError **error);
/* New bytes read as zeroes, whatever the backing holds.  A smaller size is refused without `shrink`. */
bool block_node_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                         bool shrink, GError **error);
/* Bytes that the host has allocated for the image's files; -1: unknown. */
int64_t block_node_allocated(struct block_node *node);
/* Another name of the backing file in the header; the node that is open stays.  NULL name: none. */
bool block_node_change_backing(struct block_node *node, const char *name, const char *format,
                               GError **error);
/* Every cluster becomes unallocated (or zero without a backing file). */
bool block_node_make_empty(struct block_node *node, GError **error);

/*
 * What a format says about itself: rows in order, from which text ("refcount bits: 16") and JSON
 * ("refcount-bits": 16) are made.
 */
enum block_info_type {
    BLOCK_INFO_STRING,
    BLOCK_INFO_UINT,
    BLOCK_INFO_BOOL,
    BLOCK_INFO_LIST, /* of rows without names */
    BLOCK_INFO_TREE, /* of rows */
};
struct block_info_row {
    char *name; /* the member in JSON; the text has blanks for its hyphens */
    enum block_info_type type;
    char *string;
    uint64_t number; /* and BOOL */
    GPtrArray *rows; /* of LIST and TREE: struct block_info_row * */
};
/* An empty TREE without a name. */
struct block_info_row *block_info_new(void);
void block_info_free(struct block_info_row *row);
typedef struct block_info_row block_info_row; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(block_info_row, block_info_free)
void block_info_string(struct block_info_row *to, const char *name, const char *value);
void block_info_uint(struct block_info_row *to, const char *name, uint64_t value);
void block_info_bool(struct block_info_row *to, const char *name, bool value);
struct block_info_row *block_info_list(struct block_info_row *to, const char *name);
struct block_info_row *block_info_tree(struct block_info_row *to, const char *name);

struct block_image_info {
    uint64_t cluster_size; /* 0: the format has none */
    bool dirty;            /* "cleanly shut down: no" */
    bool compressed, encrypted;
    uint64_t vm_state_offset; /* where savevm would put the machine's state */
    bool unallocated_is_zero; /* what no layer has reads as zeroes */
};
/* `specific`: the format's rows are added; may be NULL. */
int block_node_info(struct block_node *node, struct block_image_info *out,
                    struct block_info_row *specific);

enum block_repair { BLOCK_REPAIR_LEAKS = 1, BLOCK_REPAIR_ERRORS = 2 };
struct block_check {
    void (*print)(void *opaque, const char *line); /* each finding; may be NULL */
    void *opaque;
    uint64_t corruptions, leaks, check_errors, corruptions_fixed, leaks_fixed;
    uint64_t total_clusters, allocated_clusters, compressed_clusters, fragmented_clusters;
    uint64_t image_end_offset;
};
/* -ENOTSUP: the format has no checks; another error: the check could not be made. */
int block_node_check(struct block_node *node, unsigned repair, struct block_check *out);

struct block_snapshot {
    char *id, *name;
    uint64_t vm_state_size, disk_size;
    int64_t date_sec;
    uint32_t date_nsec;
    uint64_t vm_clock_nsec;
    uint64_t icount; /* UINT64_MAX: none */
};
void block_snapshot_free(struct block_snapshot *s);
/* struct block_snapshot *, in the image's order; freed with the array. */
GPtrArray *block_snapshots(struct block_node *node);
/* `name` is a name or an id. */
const struct block_snapshot *block_snapshot_find(const GPtrArray *list, const char *name);
bool block_snapshot_create(struct block_node *node, const struct block_snapshot *s, GError **error);
bool block_snapshot_apply(struct block_node *node, const char *name, GError **error);
bool block_snapshot_delete(struct block_node *node, const char *name, GError **error);
/* By its id alone, which another one's name may look like. */
bool block_snapshot_delete_id(struct block_node *node, const char *id, GError **error);
/* From now on the node, opened read-only, reads as the snapshot did. */
bool block_snapshot_load(struct block_node *node, const char *name, GError **error);
/* The format has snapshots inside of the image, and a place for a machine's state. */
bool block_snapshots_possible(const struct block_node *node);
/*
 * A machine's state: where the next snapshot keeps it; and, of a snapshot that is there (an id), read without
 * going back to it, while no transfer of the node runs.  0 or -errno.
 */
int block_vm_state_write(struct block_node *node, uint64_t offset, const void *buf, size_t len);
int block_vm_state_read(struct block_node *node, const char *id, uint64_t offset, void *buf,
                        size_t len);
/* A line of a list, with `id` in the first column. */
#define BLOCK_SNAPSHOT_HEADING                                                                     \
    "ID        TAG               VM SIZE                DATE     VM CLOCK     ICOUNT\n"
void block_snapshot_print(const struct block_snapshot *s, const char *id, GString *out);

struct block_progress {
    void (*report)(void *opaque, uint64_t done, uint64_t total); /* may be NULL */
    bool (*cancelled)(void *opaque);                             /* may be NULL */
    void *opaque;
};
bool block_node_amend(struct block_node *node, const struct block_options *options, bool force,
                      const struct block_progress *progress, GError **error);

struct block_measure {
    uint64_t required, fully_allocated, bitmaps;
    bool has_bitmaps;
};
/* Of an image that holds what `from` reads as, or (NULL) of an empty one of options' "size". */
bool block_measure(const char *format, const struct block_options *options, struct block_node *from,
                   struct block_measure *out, GError **error);

/* Persistent dirty bitmaps of an image. */
enum block_bitmap_op {
    BLOCK_BITMAP_ADD,
    BLOCK_BITMAP_REMOVE,
    BLOCK_BITMAP_CLEAR,
    BLOCK_BITMAP_ENABLE,
    BLOCK_BITMAP_DISABLE,
    BLOCK_BITMAP_MERGE,   /* from_name of `from`, which may be another image or the node itself */
    BLOCK_BITMAP_REPLACE, /* with `bits`, of its own granularity */
};
struct block_bitmap_change {
    enum block_bitmap_op op;
    const char *name;
    uint32_t granularity; /* ADD: bytes, a power of two; 0: 65536 or the cluster's size */
    struct block_node *from;
    const char *from_name;
    const uint8_t *bits; /* as in struct block_bitmap */
};
bool block_bitmap_change(struct block_node *node, const struct block_bitmap_change *change,
                         GError **error);
struct block_bitmap {
    char *name;
    uint32_t granularity;
    bool enabled, in_use; /* in_use: was not stored, is inconsistent */
    uint64_t bits;
    const uint8_t *bytes; /* bit i, least significant first: the i-th `granularity` bytes */
};
/* struct block_bitmap *; freed with the array. */
GPtrArray *block_bitmaps(struct block_node *node);

#endif
