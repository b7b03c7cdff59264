/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2.h: what the files of the format qcow2 share (docs: "Qcow2 Image File Format").
 *
 * Metadata is cached and written back in an order that keeps the image whole at every instant:
 *
 *   1. data, into clusters that nothing names yet;
 *   2. refcounts that went up;  3. L2 tables;  4. the L1 table;
 *   5. refcounts that go down: freed clusters wait in `frees` until what named them is gone from the file.
 *
 * A process that dies in between leaves refcounts that are too high (leaks), never too low.  What cannot
 * be had in that order (snapshots, another refcount width, repair) is built beside the old metadata and
 * becomes valid by one write of the header: see struct qcow2_refs.
 *
 * Units: "cluster" numbers count clusters of the file or the disk, "host" and "guest" are byte offsets.
 * Invariants: with `lock` not held every L2 entry names clusters whose cached refcount is at least the
 *             number of names;
 *             a cluster in `frees` is not handed out before every transfer that was under way when it
 *             was freed is over;
 *             one guest cluster is in at most one struct qcow2_claim.
 * Thread:     `lock` guards everything below it; data moves without it.
 */
#ifndef BLOCK_QCOW2_H
#define BLOCK_QCOW2_H

#include <pthread.h>
#include "block/driver.h"

#define QCOW2_MAGIC         0x514649fbu
#define QCOW2_COPIED        (1ull << 63)
#define QCOW2_COMPRESSED    (1ull << 62)
#define QCOW2_ZERO          1ull
#define QCOW2_OFFSET_MASK   0x00fffffffffffe00ull
#define QCOW2_RESERVED_L1   0x7f000000000001ffull
#define QCOW2_MAX_L1        (4u << 20) /* entries: 32 MiB */
#define QCOW2_MAX_REFTABLE  (8u << 20) /* bytes */
#define QCOW2_MAX_SNAPSHOTS 65536u
#define QCOW2_MAX_BITMAPS   65535u
#define QCOW2_MAX_HOST      (1ull << 55) /* bytes of the file */
#define QCOW2_SUBCLUSTERS   32u

enum qcow2_incompatible {
    QCOW2_DIRTY = 1,
    QCOW2_CORRUPT = 2,
    QCOW2_DATA_FILE = 4,
    QCOW2_COMPRESSION = 8,
    QCOW2_EXTENDED_L2 = 16,
    QCOW2_INCOMPATIBLE_KNOWN = 31,
};
enum { QCOW2_LAZY_REFCOUNTS = 1 };
enum qcow2_autoclear { QCOW2_BITMAPS = 1, QCOW2_DATA_RAW = 2, QCOW2_AUTOCLEAR_KNOWN = 3 };
enum qcow2_compression { QCOW2_ZLIB, QCOW2_ZSTD };

enum qcow2_extension_type {
    QCOW2_EXT_END = 0,
    QCOW2_EXT_BACKING_FORMAT = 0xe2792acau,
    QCOW2_EXT_FEATURES = 0x6803f857u,
    QCOW2_EXT_BITMAPS = 0x23852875u,
    QCOW2_EXT_CRYPTO = 0x0537be77u,
    QCOW2_EXT_DATA_FILE = 0x44415441u,
};

/* Unknown ones are written again as they were. */
struct qcow2_extension {
    uint32_t type, len;
    uint8_t data[];
};

/* The header's fields, in the host's byte order. */
struct qcow2_header {
    uint32_t version, cluster_bits, crypt_method, l1_size, reftable_clusters, n_snapshots;
    uint64_t size, l1_offset, reftable_offset, snapshots_offset;
    uint64_t incompatible, compatible, autoclear;
    uint32_t refcount_order, length;
    uint8_t compression;
    uint64_t bitmap_dir_offset, bitmap_dir_size; /* of the bitmaps extension */
    uint32_t n_bitmaps;
    char *backing_name, *backing_format, *data_file; /* NULL: none */
    GPtrArray *others; /* struct qcow2_extension *: neither known here nor the table of features */
};

/* One cached table: an L2 table or a refcount block; both are one cluster. */
struct qcow2_table {
    uint64_t host; /* 0: nothing */
    uint8_t *data;
    uint32_t dirty_from, dirty_to; /* bytes; empty: clean */
    struct qcow2_table *newer, *older;
};

struct qcow2_cache {
    GHashTable *by_host; /* &table->host: table */
    struct qcow2_table *newest, *oldest;
    unsigned n, max, n_dirty;
};

/* A transfer under way; on the caller's stack, in the order of their beginnings. */
struct qcow2_op {
    uint64_t seq;
    struct qcow2_op *next, *prev;
};

/* Guest clusters whose L2 entries somebody is about to change without the lock; on his stack. */
struct qcow2_claim {
    uint64_t first, last;
    struct qcow2_claim *next;
};

struct qcow2_free {
    uint64_t cluster, seq;
};

struct qcow2_snapshot {
    struct block_snapshot s;
    uint64_t l1_offset;
    uint32_t l1_size;
    uint8_t *extra; /* what follows the known extra data */
    uint32_t n_extra;
};

struct qcow2_bitmap {
    char *name;
    uint64_t table_offset;
    uint32_t table_size, flags, granularity_bits, n_extra;
    uint8_t *extra;
    uint8_t *bits; /* loaded: one for each granule; else NULL */
    uint64_t n_bits;
};
enum { QCOW2_BITMAP_IN_USE = 1, QCOW2_BITMAP_AUTO = 2, QCOW2_BITMAP_EXTRA_OK = 4 };

struct luks;

struct qcow2 {
    struct block_node node;
    struct qcow2_header h;
    struct luks *luks; /* NULL: not encrypted */
    uint64_t cluster_size;
    unsigned entry_size; /* of an L2 entry: 8 or 16 bytes */
    unsigned l2_bits;    /* log2 of the entries of an L2 table */
    unsigned n_sub,
        sub_bits;        /* subclusters of a cluster (1: no extended L2), log2 of their bytes */
    unsigned block_bits; /* log2 of the entries of a refcount block */

    pthread_mutex_t lock;
    pthread_cond_t claims_changed;
    uint64_t *l1;                        /* h.l1_size entries */
    uint32_t l1_dirty_from, l1_dirty_to; /* indices; empty: clean */
    uint64_t *reftable;
    uint32_t n_reftable,
        n_blocks; /* entries that the file has room for; without the empty ones at the end */
    struct qcow2_cache l2, blocks;
    uint64_t free_hint; /* clusters before it are in use */
    uint64_t
        compressed_at; /* where the next compressed data fits, in a cluster of its own kind; 0: nowhere */
    GArray *frees; /* struct qcow2_free */
    struct qcow2_op *first_op, *last_op;
    uint64_t next_seq;
    struct qcow2_claim *claims;
    GPtrArray *snapshots;    /* struct qcow2_snapshot * */
    GPtrArray *bitmaps;      /* struct qcow2_bitmap * */
    bool bitmaps_in_use;     /* the file says so */
    bool corrupt;            /* was found to be: no more writes */
    int late_error;          /* of a flush whose failure the next qcow2_flush tells */
    uint64_t unpacked_entry; /* the compressed cluster in `unpacked`; 0: none */
    uint8_t *unpacked;
};

/* An L2 entry taken apart.  Without extended L2 there is one subcluster: the cluster. */
struct qcow2_map {
    uint64_t entry; /* as in the table */
    uint64_t host;  /* of the cluster; 0: none (external data: also offset 0, then alloc or zero) */
    uint32_t alloc, zero; /* one bit for each subcluster */
    bool copied, compressed, has_host;
};

static inline struct block_node *qcow2_data(struct qcow2 *q)
{
    return q->node.data_file ? q->node.data_file : q->node.file;
}

static inline uint64_t qcow2_round_up(const struct qcow2 *q, uint64_t bytes)
{
    return (bytes + q->cluster_size - 1) & ~(q->cluster_size - 1);
}

static inline uint64_t qcow2_clusters(const struct qcow2 *q, uint64_t bytes)
{
    return qcow2_round_up(q, bytes) >> q->h.cluster_bits;
}

/* Guest bytes that one L2 table describes. */
static inline uint64_t qcow2_l2_coverage(const struct qcow2 *q)
{
    return 1ull << (q->l2_bits + q->h.cluster_bits);
}

/* qcow2_header.c */
bool qcow2_header_read(struct block_node *file, const char *name, struct qcow2_header *h,
                       GError **error);
/* The whole header as one write; 0 or -errno. */
int qcow2_header_write(struct block_node *file, const struct qcow2_header *h);
void qcow2_header_clear(struct qcow2_header *h);
extern const struct qcow2_feature {
    uint8_t type, bit;
    const char *name;
} qcow2_features[];

/* qcow2_cache.c; all with the lock held */
void qcow2_cache_init(struct qcow2_cache *c, unsigned max);
void qcow2_cache_free(struct qcow2_cache *c);
/* Forgets everything, also what is dirty. */
void qcow2_cache_drop(struct qcow2_cache *c);
/* Forgets one table. */
void qcow2_cache_forget(struct qcow2_cache *c, uint64_t host);
/*
 * The table at `host`; `fresh`: it is new and zeroed instead of read.  The memory is valid until the next
 * table of the same cache is asked for.  0 or -errno.
 */
int qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *c, uint64_t host, bool fresh,
                    uint8_t **data);
void qcow2_cache_dirty(struct qcow2_cache *c, uint64_t host, uint32_t from, uint32_t len);
/* Everything dirty goes to the file in the order that keeps it whole.  0 or -errno. */
int qcow2_write_back(struct qcow2 *q);
/* The same; then frees what can be, and writes that too. */
int qcow2_settle(struct qcow2 *q);

/* qcow2_refcount.c; all with the lock held */
uint64_t qcow2_ref_get(const uint8_t *block, unsigned order, uint64_t i);
void qcow2_ref_set(uint8_t *block, unsigned order, uint64_t i, uint64_t value);
uint64_t qcow2_ref_max(unsigned order);
int qcow2_refcount(struct qcow2 *q, uint64_t cluster, uint64_t *out);
int qcow2_refcount_add(struct qcow2 *q, uint64_t cluster, int delta);
/* Up to `want` adjacent clusters, at least `min`, with refcount 1.  The host offset, or -errno. */
int64_t qcow2_alloc(struct qcow2 *q, uint64_t want, uint64_t min, uint64_t *got);
/* One count less for each, once nothing in the file names them. */
void qcow2_free_later(struct qcow2 *q, uint64_t host, uint64_t clusters);
/* What an L2 entry names. */
void qcow2_free_entry(struct qcow2 *q, const struct qcow2_map *m);
/* Those up to q->next_seq == `seq` that no transfer under way may still use. */
int qcow2_apply_frees(struct qcow2 *q, uint64_t seq);
/* -EIO; the image gets its corrupt bit and takes no more writes. */
int qcow2_corrupt(struct qcow2 *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Host bytes that are metadata known here: nothing else may be written there. */
bool qcow2_overlaps(struct qcow2 *q, uint64_t host, uint64_t bytes);

/*
 * qcow2_refs.c: all refcounts of an image in memory, as the refcount blocks one after another, to be
 * changed at will and to become the image's at once.
 */
struct qcow2_refs {
    uint8_t *bytes;
    uint64_t n; /* clusters */
    unsigned order;
    uint64_t hint; /* where the search for a single free cluster begins */
};
struct qcow2_refs *qcow2_refs_new(uint64_t n, unsigned order);
void qcow2_refs_free(struct qcow2_refs *r);
typedef struct qcow2_refs qcow2_refs; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(qcow2_refs, qcow2_refs_free)
uint64_t qcow2_refs_get(const struct qcow2_refs *r, uint64_t cluster);
/* Longer when it must be.  -ERANGE: more than the width holds, less than 0, or beyond the largest file. */
int qcow2_refs_add(struct qcow2 *q, struct qcow2_refs *r, uint64_t cluster, int delta);
int qcow2_refs_add_bytes(struct qcow2 *q, struct qcow2_refs *r, uint64_t host, uint64_t bytes,
                         int delta);
/* As the file says; the caches were written back.  NULL: -errno in *ret. */
struct qcow2_refs *qcow2_refs_load(struct qcow2 *q, int *ret);
/*
 * `delta` for each cluster that an L1 table's entries [from, to) name: L2 tables when `tables`, and
 * what they name.
 */
int qcow2_refs_walk(struct qcow2 *q, struct qcow2_refs *r, const uint64_t *l1, uint32_t from,
                    uint32_t to, bool tables, int delta);
/*
 * A copy of L1 entries whose COPIED bits, and those of the L2 tables, are what `r` says.  A table whose
 * bits are others is written anew in place of the old one; with copy_all every table is, and the old ones
 * keep their count.
 */
int qcow2_refs_reflag(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                      const uint64_t *l1, uint32_t n, bool copy_all, uint64_t *new_l1);
/* Adjacent clusters that are free in both; counted 1 in `r`. */
int64_t qcow2_refs_alloc(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                         uint64_t clusters);
/*
 * Writes `r` as the image's refcounts where both are free, then the header `h`, whose fields of the
 * refcount table it fills in.  The counts of the old table and blocks are given back in `r` first.  On
 * success q->h is *h (strings moved), the tables of refcounts are loaded, the caches are empty.
 */
int qcow2_refs_commit(struct qcow2 *q, struct qcow2_refs *r, const struct qcow2_refs *old,
                      struct qcow2_header *h, uint32_t min_entries);
int qcow2_load_reftable(struct qcow2 *q);
/* The same refcounts with room for more; the lock is held. */
int qcow2_reftable_grow(struct qcow2 *q, uint64_t entries);

/* qcow2_map.c; all with the lock held */
int qcow2_map_get(struct qcow2 *q, uint64_t guest, struct qcow2_map *m);
/* The entry as the table has it, which must have room for 16 bytes. */
void qcow2_map_decode(const struct qcow2 *q, const uint8_t *entry, struct qcow2_map *m);
void qcow2_map_encode(const struct qcow2 *q, const struct qcow2_map *m, uint8_t *entry);
/* Makes the L2 table when there is none, or none that is ours alone. */
int qcow2_map_set(struct qcow2 *q, uint64_t guest, const struct qcow2_map *m);
/* What a compressed entry names in the file. */
void qcow2_compressed_range(const struct qcow2 *q, uint64_t entry, uint64_t *host, uint64_t *bytes);
/* Why an entry cannot be; NULL: it can. */
const char *qcow2_map_fault(const struct qcow2 *q, const struct qcow2_map *m, uint64_t guest);
int qcow2_load_l1(struct qcow2 *q, uint64_t offset, uint32_t n, uint64_t **out);
/* The L1 table somewhere else, with room for n entries. */
int qcow2_l1_grow(struct qcow2 *q, uint32_t n);

/* qcow2_io.c */
int qcow2_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int qcow2_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                 struct block_status *out);
int qcow2_flush(struct block_node *node);
void qcow2_op_begin(struct qcow2 *q, struct qcow2_op *op);
void qcow2_op_end(struct qcow2 *q, struct qcow2_op *op);
/* With the lock, which is dropped meanwhile: nobody else has claimed [first, last].  True: had to wait. */
bool qcow2_claim_wait(struct qcow2 *q, uint64_t first, uint64_t last);
void qcow2_claim(struct qcow2 *q, struct qcow2_claim *claim, uint64_t first, uint64_t last);
void qcow2_claim_end(struct qcow2 *q, struct qcow2_claim *claim);

/* qcow2_write.c, qcow2_zero.c, qcow2_compress.c */
int qcow2_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int qcow2_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes, unsigned flags);
int qcow2_discard(struct block_node *node, uint64_t offset, uint64_t bytes);
int qcow2_write_compressed(struct block_node *node, uint64_t offset, const void *buf, size_t len);
int qcow2_pack(struct block_node *node, const void *buf, size_t len, void *packed);
int qcow2_write_packed(struct block_node *node, uint64_t offset, const void *packed, size_t size);
/* `out` has room for a cluster. */
int qcow2_read_compressed(struct qcow2 *q, uint64_t entry, uint8_t *out);
/* The machine's state and other bytes beyond the disk's end go through these too. */
int qcow2_vm_state_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);
int qcow2_vm_state_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n);

/* qcow2_create.c, qcow2_resize.c, qcow2_amend.c */
extern const struct block_option_row qcow2_create_options[], qcow2_amend_options[];
bool qcow2_create(const struct block_create *c, GError **error);
bool qcow2_measure(const struct block_options *options, struct block_node *from,
                   struct block_measure *out, GError **error);
bool qcow2_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                    GError **error);
bool qcow2_make_empty(struct block_node *node, GError **error);
bool qcow2_preallocate(struct qcow2 *q, uint64_t from, uint64_t to, enum block_prealloc prealloc,
                       GError **error);
bool qcow2_amend(struct block_node *node, const struct block_options *options, bool force,
                 const struct block_progress *progress, GError **error);

/*
 * qcow2_crypt.c: opening asks for the key unless nothing will be transferred.  The guest's data goes
 * through qcow2_data_*; everything else is not encrypted.
 */
bool qcow2_crypt_open(struct qcow2 *q, const struct block_open_options *o, GError **error);
void qcow2_crypt_close(struct qcow2 *q);
int qcow2_data_readv(struct qcow2 *q, uint64_t host, const struct iovec *iov, int n);
int qcow2_data_writev(struct qcow2 *q, uint64_t host, const struct iovec *iov, int n);
void qcow2_crypt_info(const struct qcow2 *q, struct block_image_info *out,
                      struct block_info_row *specific);
/* A new image: what encrypt.* says (*out NULL: not encrypted), bytes of its header, their place, writing. */
bool qcow2_crypt_options(const struct block_options *o, struct qcow2_header *h, struct luks **out,
                         GError **error);
uint64_t qcow2_crypt_bytes(const struct luks *l);
void qcow2_crypt_place(const struct luks *l, struct qcow2_header *h, uint64_t host);
bool qcow2_crypt_write(struct luks *l, const struct qcow2_header *h, const struct block_create *c,
                       GError **error);

/* qcow2_snapshot.c */
bool qcow2_load_snapshots(struct qcow2 *q, GError **error);
/* Of the table of snapshots in the file; 0: it cannot be read. */
uint64_t qcow2_snapshot_bytes(struct qcow2 *q);
void qcow2_snapshot_free(struct qcow2_snapshot *s);
GPtrArray *qcow2_snapshots(struct block_node *node);
bool qcow2_snapshot_create(struct block_node *node, const struct block_snapshot *s, GError **error);
bool qcow2_snapshot_apply(struct block_node *node, const char *id, GError **error);
bool qcow2_snapshot_delete(struct block_node *node, const char *id, GError **error);
bool qcow2_snapshot_load(struct block_node *node, const char *id, GError **error);
int qcow2_snapshot_vm_state_read(struct block_node *node, const char *id, uint64_t offset,
                                 const struct iovec *iov, int n);

/* qcow2_check.c */
int qcow2_check(struct block_node *node, unsigned repair, struct block_check *out);

/* qcow2_bitmap.c */
bool qcow2_load_bitmaps(struct qcow2 *q, GError **error);
void qcow2_bitmap_free(struct qcow2_bitmap *b);
/* With the lock: these guest bytes change now.  0 or -errno when the file cannot be told so. */
int qcow2_bitmaps_mark(struct qcow2 *q, uint64_t guest, uint64_t bytes);
/* Puts what is in memory into the file. */
int qcow2_store_bitmaps(struct qcow2 *q);
int qcow2_refs_add_bitmaps(struct qcow2 *q, struct qcow2_refs *r);
GPtrArray *qcow2_bitmaps(struct block_node *node);
bool qcow2_bitmap_change(struct block_node *node, const struct block_bitmap_change *change,
                         GError **error);

#endif
