/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block_int.h: what block.c, block_decode.c and block_invalidate.c share.
 * Thread: the vCPU's own.
 */
#ifndef ACCEL_TCG_BLOCK_INT_H
#define ACCEL_TCG_BLOCK_INT_H

#include "accel/tcg/block.h"

/* Those of code that lies together lie together. */
static inline struct block **hash_bucket(struct tcg *t, const uint8_t *host)
{
    uintptr_t n = (uintptr_t)host >> 4;

    return &t->hash[(n + (n >> 16) * 0x9e37) & (t->hash_size - 1)];
}

/* Which of a block's two pages this one is. */
static inline unsigned page_side(const struct block *b, const uint8_t *page)
{
    return host_page(b->host) == page ? 0 : 1;
}

/* block_invalidate.c */
/* The page if code of it is cached, or NULL. */
struct code_page *find_page(struct tcg *t, const uint8_t *host);
struct code_page *add_page(struct tcg *t, const uint8_t *host, struct ram_block *ram,
                           uint64_t ram_page);
void link_to_page(struct block *b, struct code_page *p, unsigned side);
/* Every page goes, whatever it holds. */
void remove_all_pages(struct tcg *t);
/* Nothing finds it any more; it is freed by block_cache_collect. */
void block_kill(struct tcg *t, struct block *b);
void block_retire(struct tcg *t, struct block *b);
/* What other threads asked for.  Between blocks. */
void take_queue(struct tcg *t);
void give_up_page(struct tcg *t);
/* A code_watch's. */
void code_written(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len);

/* block_loose.c */
/* An instruction, decoded from a copy of the bytes at `host`: its immediate is loose if it was patched often. */
void block_loosen(struct tcg *t, struct insn *i, const uint8_t *bytes, const uint8_t *host);
/* Does a store to [first, last] change nothing of b but a loose immediate? */
bool block_takes_store(const struct block *b, const uint8_t *first, const uint8_t *last);
/* b is about to die of such a store: an immediate that it is in may become loose. */
void block_note_patch(struct tcg *t, const struct block *b, const uint8_t *first,
                      const uint8_t *last);

/* block_debug.c */
/* A block that was decoded here, from a page with breakpoints, or NULL. */
struct block *block_find_debug(struct tcg *t, uint64_t linear, const uint8_t *host);
/* Makes b, just decoded, stop at the breakpoints of its page, if there are any. */
void block_set_breakpoints(struct tcg *t, struct block *b, uint64_t linear);

/* block_decode.c: the block at a linear address, whether or not it is known; raises fetch faults. */
struct block *decode_block(struct tcg *t, uint64_t linear);

#endif
