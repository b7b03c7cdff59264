/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/ram.c: RAM blocks: their host memory, and who is told about writes.
 *
 * Invariants: a block's host address and size never change while it lives.
 * Thread:     blocks and watches come and go under the machine lock (watches before vCPUs run);
 *             ram_written and the page flags on any thread, with atomic operations only.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "softmmu/machine.h"
#include "softmmu/memory.h"
#include "util/error.h"
#include "util/map.h"

/*
 * Private memory, touched lazily.  Blocks of 2 MiB and more are aligned to that, so that the host can back
 * them with huge pages, which few hosts do for shared memory.
 */
static uint8_t *map_block(uint64_t size)
{
    uint8_t *at;

    if (size < HUGE_PAGE) {
        at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                  -1, 0);
        return at == MAP_FAILED ? NULL : at;
    }
    at = map_huge_aligned(size, PROT_READ | PROT_WRITE, MAP_NORESERVE);
    if (at) {
        madvise(at, size, MADV_HUGEPAGE); /* a wish */
    }
    return at;
}

struct ram_block *ram_block_adopt(struct machine *m, const char *name, uint64_t size, uint8_t *host,
                                  GError **error)
{
    struct ram_block *ram = g_new0(struct ram_block, 1);

    ram->name = name;
    ram->size = size;
    ram->host = host;
    ram->page_flags =
        calloc(size >> GUEST_PAGE_BITS, 1); /* large ones are touched lazily as well */
    if (!ram->page_flags) {
        set_errno_error(error, "cannot allocate the page flags of RAM '%s'", name);
        g_free(ram);
        return NULL;
    }
    ram->next = m->ram_blocks;
    m->ram_blocks = ram;
    return ram;
}

struct ram_block *ram_block_new(struct machine *m, const char *name, uint64_t size, GError **error)
{
    struct ram_block *ram;
    uint8_t *host;

    if (size == 0 || size > (1ull << 52)) {
        set_error(error, "RAM '%s' has %" PRIu64 " bytes, must have 1 to 2^52", name, size);
        return NULL;
    }
    size = (size + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;
    host = map_block(size);
    if (!host) {
        g_autofree char *text = g_format_size_full(size, G_FORMAT_SIZE_IEC_UNITS);

        set_errno_error(error, "cannot allocate %s for RAM '%s'", text, name);
        return NULL;
    }
    ram = ram_block_adopt(m, name, size, host, error);
    if (!ram) {
        munmap(host, size);
    }
    return ram;
}

bool ram_block_discard(struct ram_block *ram, uint64_t offset, uint64_t len)
{
    if (offset > ram->size || len > ram->size - offset) {
        return false;
    }
    return madvise(ram->host + offset, len, ram->shared ? MADV_REMOVE : MADV_DONTNEED) == 0;
}

void ram_block_free(struct machine *m, struct ram_block *ram)
{
    struct ram_block **link = &m->ram_blocks;

    while (*link && *link != ram) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = ram->next;
    }
    munmap(ram->host, ram->size);
    free(ram->page_flags);
    g_free(ram);
}

void code_watch_add(struct machine *m, struct code_watch *w)
{
    w->next = m->code_watches;
    m->code_watches = w;
}

void ram_written(struct machine *m, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    const uint8_t dirty = RAM_PAGE_DISPLAY | RAM_PAGE_MIGRATE;

    if (offset >= ram->size) {
        return;
    }
    len = MIN(len, ram->size - offset);
    while (len > 0) {
        uint8_t *flags = &ram->page_flags[offset >> GUEST_PAGE_BITS];
        uint64_t n = MIN(len, GUEST_PAGE_SIZE - (offset & (GUEST_PAGE_SIZE - 1)));
        /* A full barrier between the bytes and the look at the flag: see accel/tcg/block.c. */
        uint8_t old = __atomic_fetch_or(flags, dirty, __ATOMIC_SEQ_CST);

        if (old & RAM_PAGE_CODE) {
            for (struct code_watch *w = m->code_watches; w; w = w->next) {
                w->written(w, ram, offset, n);
            }
        }
        offset += n;
        len -= n;
    }
}

void dirty_listener_add(struct machine *m, struct dirty_listener *l)
{
    l->next = m->dirty_listeners;
    m->dirty_listeners = l;
}

void dirty_listener_del(struct machine *m, struct dirty_listener *l)
{
    struct dirty_listener **link = &m->dirty_listeners;

    while (*link && *link != l) {
        link = &(*link)->next;
    }
    if (*link) {
        *link = l->next;
    }
}

bool ram_dirty_collect(struct machine *m, struct ram_block *ram, uint64_t offset, uint64_t len,
                       enum ram_page_flag flag, uint64_t *bitmap)
{
    uint64_t first, n;
    bool any = false;

    if (len == 0 || offset >= ram->size) {
        return false;
    }
    len = MIN(len, ram->size - offset);
    first = offset >> GUEST_PAGE_BITS;
    n = ((offset + len - 1) >> GUEST_PAGE_BITS) - first + 1;
    memset(bitmap, 0, (n + 63) / 64 * 8);
    /* Exclusive: between the clearing and the taking back no vCPU writes unseen. */
    vcpu_exclusive_begin(m);
    for (struct dirty_listener *l = m->dirty_listeners; l; l = l->next) {
        if (l->collect) {
            l->collect(l, ram, first << GUEST_PAGE_BITS, n << GUEST_PAGE_BITS, flag);
        }
    }
    for (uint64_t i = 0; i < n; i++) {
        uint8_t *flags = &ram->page_flags[first + i];

        if (__atomic_load_n(flags, __ATOMIC_ACQUIRE) & flag) {
            __atomic_fetch_and(flags, (uint8_t)~flag, __ATOMIC_ACQ_REL);
            bitmap[i / 64] |= 1ull << (i % 64);
            any = true;
        }
    }
    for (struct dirty_listener *l = any ? m->dirty_listeners : NULL; l; l = l->next) {
        if (l->cleared) {
            l->cleared(l, ram, first << GUEST_PAGE_BITS, n << GUEST_PAGE_BITS);
        }
    }
    vcpu_exclusive_end(m);
    return any;
}

void ram_dirty_end(struct machine *m, enum ram_page_flag flag)
{
    for (struct dirty_listener *l = m->dirty_listeners; l; l = l->next) {
        if (l->end) {
            l->end(l, flag);
        }
    }
}
