/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/vmdk.h: VMware's images, from "Virtual Disk Format 5.0" (VMware technical note).
 *
 * A text, the descriptor, names extents: flat ones are bytes of a file, sparse ones have a header, a
 * directory of tables of grains, and grains.  A monolithic sparse image has its descriptor inside.
 * Thread: see block/mapped.h.
 */
#ifndef BLOCK_VMDK_H
#define BLOCK_VMDK_H

#include "block/mapped.h"

#define VMDK_GRAIN        65536u
#define VMDK_TABLE        512u /* entries of a table of grains */
#define VMDK_MAX_TEXT     (1u << 20)
#define VMDK_MAX_EXTENTS  4096u
#define VMDK_HEADER_BYTES 512u
#define VMDK_NO_PARENT    0xffffffffu

enum vmdk_extent_kind { VMDK_FLAT, VMDK_SPARSE, VMDK_ZERO };

struct vmdk_extent {
    enum vmdk_extent_kind kind;
    char *type, *name; /* "SPARSE" and the file's name, as the descriptor says */
    struct block_node *file;
    bool owned; /* not the node's own file */
    uint64_t start, bytes;
    uint64_t flat_offset;
    /* Sparse: */
    uint64_t grain;
    uint32_t table_entries, directory_entries;
    uint32_t *directory, *redundant; /* sectors of tables; redundant may be NULL */
    uint32_t **tables;               /* those that were needed so far */
    uint64_t next;                   /* bytes: where the next grain goes */
    bool compressed, zeroed_grains;
};

struct vmdk {
    struct mapped_node m;
    char *text;           /* the descriptor */
    uint64_t text_offset; /* of it in the node's file */
    char *create_type;
    uint32_t cid, parent_cid;
    bool cid_changed;
    GPtrArray *extents; /* struct vmdk_extent *, in the order of the disk */
};

/* vmdk_sparse.c: from the header in e->file; without a descriptor, e->bytes is set too. */
bool vmdk_sparse_open(struct vmdk_extent *e, GError **error);
void vmdk_sparse_close(struct vmdk_extent *e);
/* The descriptor in a sparse file: NULL and no error when there is none. */
char *vmdk_embedded_text(struct block_node *file, uint64_t *offset, GError **error);
/* `offset` of the extent. */
int vmdk_sparse_map(struct vmdk_extent *e, uint64_t offset, uint64_t bytes, struct mapped *out);
int vmdk_sparse_inflate(struct vmdk_extent *e, const struct mapped *m, uint8_t *buf);
int vmdk_sparse_publish(struct vmdk_extent *e, uint64_t offset, const struct mapped *m);

/* vmdk_create.c */
extern const struct block_option_row vmdk_create_rows[];
bool vmdk_create(const struct block_create *c, GError **error);

#endif
