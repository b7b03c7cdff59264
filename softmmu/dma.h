/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/dma.h: a scattered piece of guest RAM as host vectors: what a device moves data to and from.
 *
 * Invariants: every vector lies in RAM (ROM too where the device only reads) or in the device's own memory;
 *             `bytes` is their sum.
 *             Whoever writes through the vectors says so afterwards with dma_list_written.
 * Thread:     made and used under the machine lock or an iothread's; the vectors' memory may be touched by
 *             any thread meanwhile.
 */
#ifndef SOFTMMU_DMA_H
#define SOFTMMU_DMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct machine;
struct ram_block;

/* A guest names no more pieces than this in one list; a further one is refused. */
#define DMA_LIST_MAX 4096u

struct dma_source {
    struct ram_block *ram; /* NULL: the device's own memory */
    uint64_t offset;
};

struct dma_list {
    struct iovec *iov;
    struct dma_source *sources; /* where each vector is in RAM */
    unsigned n, room;
    uint64_t bytes;
};

/* Appends [addr, addr + len); false: it is not (writable) RAM, or there are too many pieces. */
bool dma_list_add(struct dma_list *l, struct machine *m, uint64_t addr, uint64_t len,
                  bool for_write);
/* Appends memory of the device's own, which stays where it is as long as the list.  len > 0. */
void dma_list_add_own(struct dma_list *l, void *memory, uint64_t len);
/* Keeps the first len bytes. */
void dma_list_truncate(struct dma_list *l, uint64_t len);
void dma_list_clear(struct dma_list *l);

/* Bytes of the list from `skip` on; fewer than len where it ends.  They return how many. */
size_t dma_list_read(const struct dma_list *l, uint64_t skip, void *buf, size_t len);
size_t dma_list_write(struct dma_list *l, struct machine *m, uint64_t skip, const void *buf,
                      size_t len);
/* The device has written these. */
void dma_list_written(const struct dma_list *l, struct machine *m, uint64_t skip, uint64_t len);
/* Gives the whole pages among it back to the host: they read as zeroes, or as they were, when they are used again. */
void dma_list_discard(const struct dma_list *l, struct machine *m);
/*
 * The vectors of [skip, skip + len), len cut at the list's end; an array of the caller's to free with
 * g_free, *n long.
 */
struct iovec *dma_list_slice(const struct dma_list *l, uint64_t skip, uint64_t len, int *n);

/* Small naturally aligned values in RAM: rings and queues.  False: not (writable) RAM. */
bool dma_load(struct machine *m, uint64_t addr, void *buf, unsigned len);
bool dma_store(struct machine *m, uint64_t addr, const void *buf, unsigned len);

#endif
