/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/live_copy.c: what jobs copy: chunks, and bits that say which.
 * Thread: see live_job.h.
 */
#include <string.h>
#include "block/live_job.h"
#include "util/error.h"

static const uint8_t zeroes[LIVE_CHUNK];

bool live_target_fits(struct block_backend *blk, struct block_node *target, GError **error)
{
    if (target->read_only || target->size < block_size(blk)) {
        set_error(error, "'%s' is read-only or smaller than the drive", target->filename);
        block_node_close(target);
        return false;
    }
    return true;
}

bool live_can_compress(struct block_live *job, GError **error)
{
    struct block_image_info info = { 0 };

    if (!job->target->driver->write_compressed || block_node_info(job->target, &info, NULL) != 0 ||
        !info.cluster_size || info.cluster_size > LIVE_CHUNK) {
        set_error(error,
                  "Compression is not supported for '%s': it takes a format with clusters of at "
                  "most %u bytes that can be compressed",
                  job->target->filename, LIVE_CHUNK);
        return false;
    }
    job->pack = info.cluster_size;
    return true;
}

/* Whole clusters; the end of a drive that is smaller than its target is written as it is. */
static int write_packed(struct block_live *job, uint64_t offset, const uint8_t *buf, uint64_t bytes)
{
    int ret = 0;

    for (uint64_t at = 0, len; at < bytes && ret == 0; at += len) {
        len = MIN(job->pack, bytes - at);
        ret = len == job->pack || offset + at + len == job->target->size
                  ? block_node_write_compressed(job->target, offset + at, buf + at, len)
                  : block_node_write(job->target, offset + at, buf + at, len);
    }
    return ret;
}

int live_copy_chunk(struct block_live *job, uint64_t offset, bool *source)
{
    uint64_t bytes = MIN(LIVE_CHUNK, job->source->size - offset);
    g_autofree uint8_t *buf = g_malloc(bytes);
    int ret = block_node_read(job->source, offset, buf, bytes);

    *source = ret != 0;
    if (ret == 0) {
        ret = memcmp(buf, zeroes, bytes) == 0
                  ? block_node_write_zeroes(job->target, offset, bytes, BLOCK_MAY_UNMAP)
              : job->pack ? write_packed(job, offset, buf, bytes)
                          : block_node_write(job->target, offset, buf, bytes);
    }
    return ret;
}

/* Bits ------------------------------------------------------------------------------------------ */

void live_bits_init(struct live_bits *b, uint64_t bytes, bool set)
{
    b->n = (bytes + LIVE_CHUNK - 1) / LIVE_CHUNK;
    b->bits = g_malloc(b->n / 8 + 1);
    memset(b->bits, set ? 0xff : 0, b->n / 8 + 1);
    b->set = set ? b->n : 0;
}

void live_bits_clear(struct live_bits *b)
{
    g_clear_pointer(&b->bits, g_free);
}

bool live_bits_get(const struct live_bits *b, uint64_t i)
{
    return b->bits[i / 8] >> i % 8 & 1;
}

bool live_bits_put(struct live_bits *b, uint64_t i, bool value)
{
    if (live_bits_get(b, i) == value) {
        return false;
    }
    b->bits[i / 8] ^= (uint8_t)(1u << i % 8);
    b->set += value ? 1 : -1ull;
    return true;
}

uint64_t live_bits_next(const struct live_bits *b, uint64_t from)
{
    for (uint64_t k = 0; b->set && k < b->n; k++) {
        uint64_t i = from + k < b->n ? from + k : from + k - b->n;

        if (live_bits_get(b, i)) {
            return i;
        }
        if (i % 8 == 0 && !b->bits[i / 8] && i + 8 <= b->n) {
            k += 7;
        }
    }
    return UINT64_MAX;
}

bool live_bits_allocated(struct live_bits *b, struct block_node *top, struct block_node *base,
                         GError **error)
{
    for (uint64_t at = 0; at < top->size;) {
        struct block_status st;
        int ret = base ? block_node_status_above(top, base, at, top->size - at, &st)
                       : block_node_status(top, at, top->size - at, &st);

        if (ret != 0) {
            set_error(error, "'%s' at byte %" G_GUINT64_FORMAT ": %s", top->filename, at,
                      g_strerror(-ret));
            return false;
        }
        for (uint64_t i = at / LIVE_CHUNK;
             st.flags & BLOCK_ALLOCATED && i * LIVE_CHUNK < at + st.bytes; i++) {
            live_bits_put(b, i, true);
        }
        at += st.bytes;
    }
    return true;
}
