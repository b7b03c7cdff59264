/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/cloop.c: Knoppix' compressed loop image, version 2, to be read.
 *
 * 128 bytes of a shell script, the size of a block and their number (32-bit, big-endian), the offsets
 * of all blocks and of their end (64-bit), and for each block a zlib stream.
 * Thread: see block/mapped.h.
 */
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define SCRIPT_BYTES 128u
#define HEADER_BYTES (SCRIPT_BYTES + 8)
#define MAGIC        "#!/bin/sh\n#V2.0 Format\n"
#define MAX_BLOCK    (64u << 20)

struct cloop {
    struct mapped_node m;
    uint64_t *offsets; /* blocks + 1 of them */
    uint32_t blocks;
};

/* clang-format off */
static const struct block_bound header_bounds[] = {
    { "block_size", SCRIPT_BYTES,     4, BLOCK_SECTOR, MAX_BLOCK },
    { "n_blocks",   SCRIPT_BYTES + 4, 4, 0,            1u << 27 },
    { 0 }
};
/* clang-format on */

static int cloop_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct cloop *c = (struct cloop *)node;
    uint64_t block = offset / c->m.cluster, in_block = offset % c->m.cluster;

    *out = (struct mapped){
        .kind = MAPPED_COMPRESSED,
        .bytes = MIN(bytes, c->m.cluster - in_block),
        .file = node->file,
        .host = c->offsets[block],
        .unit = offset - in_block,
        .unit_bytes = c->m.cluster,
        .tag = c->offsets[block + 1] - c->offsets[block],
    };
    return 0;
}

static int cloop_inflate(struct block_node *node, const struct mapped *m, uint8_t *buf)
{
    g_autofree uint8_t *in = g_try_malloc(MAX(m->tag, 1));
    int ret = in ? block_node_read(node->file, m->host, in, m->tag) : -ENOMEM;

    return ret ? ret : mapped_inflate_zlib(in, m->tag, buf, m->unit_bytes, false);
}

static const struct mapped_ops cloop_ops = {
    .map = cloop_map,
    .inflate = cloop_inflate,
};

/* They rise, and no block is larger than deflate can make it. */
static bool read_offsets(struct cloop *c, GError **error)
{
    struct block_node *node = &c->m.node;
    uint64_t bytes = ((uint64_t)c->blocks + 1) * 8, at;
    int ret;

    if (!block_bound_one(node->filename, "end of the offsets", HEADER_BYTES + bytes, 0,
                         node->file->size, error)) {
        return false;
    }
    c->offsets = g_malloc(bytes);
    ret = block_node_read(node->file, HEADER_BYTES, c->offsets, bytes);
    if (ret) {
        set_error(error, "%s: cannot read the offsets: %s", node->filename, g_strerror(-ret));
        return false;
    }
    for (uint32_t i = 0; i <= c->blocks; i++) {
        g_autofree char *field = g_strdup_printf("offset %u", i);

        c->offsets[i] = GUINT64_FROM_BE(c->offsets[i]);
        at = i ? c->offsets[i - 1] : HEADER_BYTES + bytes;
        if (!block_bound_one(node->filename, field, c->offsets[i], at,
                             i ? at + 2 * c->m.cluster + 1024 : node->file->size, error)) {
            return false;
        }
    }
    return true;
}

static bool cloop_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct cloop *c = (struct cloop *)node;
    uint8_t h[HEADER_BYTES];
    int ret = block_node_read(node->file, 0, h, sizeof(h));

    (void)o;
    if (ret) {
        set_error(error, "%s: cannot read the header: %s", node->filename, g_strerror(-ret));
        return false;
    }
    if (!block_bounds_check(node->filename, h, false, header_bounds, error)) {
        return false;
    }
    mapped_init(&c->m, &cloop_ops, block_field_be(h + SCRIPT_BYTES, 4));
    c->blocks = (uint32_t)block_field_be(h + SCRIPT_BYTES + 4, 4);
    if (c->m.cluster % BLOCK_SECTOR) {
        set_error(error, "%s: block_size is %" G_GUINT64_FORMAT ", must be a multiple of 512",
                  node->filename, c->m.cluster);
        return false;
    }
    node->size = c->blocks * c->m.cluster;
    node->read_only = true;
    return read_offsets(c, error);
}

static void cloop_close(struct block_node *node)
{
    struct cloop *c = (struct cloop *)node;

    mapped_finish(&c->m);
    g_free(c->offsets);
}

const struct block_driver block_cloop = {
    .name = "cloop",
    .summary = "Knoppix' compressed loop image, read-only",
    .size = sizeof(struct cloop),
    .magic = MAGIC,
    .n_magic = sizeof(MAGIC) - 1,
    .open = cloop_open,
    .close = cloop_close,
    .read = mapped_read,
    .status = mapped_status,
};
