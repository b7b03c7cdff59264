/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/dma.c: see dma.h.  Device registers are no target of it: a ring that lies in its device's own
 * registers would never end.
 * Thread: dma.h.
 */
#include "softmmu/dma.h"

#include <glib.h>
#include <unistd.h>
#include "softmmu/guest_ram.h"
#include "softmmu/machine.h"

/* The run of RAM at addr, at most *len bytes; NULL: none. */
static uint8_t *find_ram(struct machine *m, uint64_t addr, uint64_t *len, bool for_write,
                         struct dma_source *source)
{
    const struct mem_section *s = address_space_lookup(&m->memory, addr);

    if (!s || !s->ram || (for_write && s->readonly)) {
        return NULL;
    }
    *len = MIN(*len - 1, s->last - addr) + 1;
    *source = (struct dma_source){ s->ram, s->ram_offset + (addr - s->start) };
    return s->ram->host + source->offset;
}

static void grow(struct dma_list *l)
{
    if (l->n == l->room) {
        l->room = l->room ? l->room * 2 : 4;
        l->iov = g_renew(struct iovec, l->iov, l->room);
        l->sources = g_renew(struct dma_source, l->sources, l->room);
    }
}

bool dma_list_add(struct dma_list *l, struct machine *m, uint64_t addr, uint64_t len,
                  bool for_write)
{
    while (len > 0) {
        struct dma_source source;
        uint64_t n = len;
        uint8_t *host = find_ram(m, addr, &n, for_write, &source);

        if (!host || l->n == DMA_LIST_MAX) {
            return false;
        }
        if (l->n > 0 && l->sources[l->n - 1].ram == source.ram &&
            l->sources[l->n - 1].offset + l->iov[l->n - 1].iov_len == source.offset) {
            l->iov[l->n - 1].iov_len += n;
        } else {
            grow(l);
            l->iov[l->n] = (struct iovec){ host, n };
            l->sources[l->n++] = source;
        }
        l->bytes += n;
        addr += n;
        len -= n;
    }
    return true;
}

void dma_list_add_own(struct dma_list *l, void *memory, uint64_t len)
{
    grow(l);
    l->iov[l->n] = (struct iovec){ memory, len };
    l->sources[l->n++] = (struct dma_source){ NULL, 0 };
    l->bytes += len;
}

void dma_list_truncate(struct dma_list *l, uint64_t len)
{
    while (l->bytes > len) {
        struct iovec *last = &l->iov[l->n - 1];
        uint64_t excess = MIN(l->bytes - len, last->iov_len);

        last->iov_len -= excess;
        l->bytes -= excess;
        l->n -= last->iov_len == 0;
    }
}

void dma_list_clear(struct dma_list *l)
{
    g_free(l->iov);
    g_free(l->sources);
    *l = (struct dma_list){ 0 };
}

/* Calls `part` for each run of [skip, skip + len); the bytes that there were. */
typedef void part_fn(void *opaque, const struct dma_list *l, unsigned i, size_t at, size_t done,
                     size_t n);

static size_t each_part(const struct dma_list *l, uint64_t skip, uint64_t len, part_fn *part,
                        void *opaque)
{
    size_t done = 0;

    for (unsigned i = 0; i < l->n && done < len; i++) {
        size_t n;

        if (skip >= l->iov[i].iov_len) {
            skip -= l->iov[i].iov_len;
            continue;
        }
        n = MIN(len - done, l->iov[i].iov_len - skip);
        part(opaque, l, i, skip, done, n);
        done += n;
        skip = 0;
    }
    return done;
}

static void read_part(void *buf, const struct dma_list *l, unsigned i, size_t at, size_t done,
                      size_t n)
{
    guest_ram_copy((uint8_t *)buf + done, (uint8_t *)l->iov[i].iov_base + at, n);
}

size_t dma_list_read(const struct dma_list *l, uint64_t skip, void *buf, size_t len)
{
    return each_part(l, skip, len, read_part, buf);
}

struct writing {
    struct machine *m;
    const uint8_t *buf; /* NULL: the bytes are there */
};

static void write_part(void *opaque, const struct dma_list *l, unsigned i, size_t at, size_t done,
                       size_t n)
{
    const struct writing *w = opaque;

    if (w->buf) {
        guest_ram_copy((uint8_t *)l->iov[i].iov_base + at, w->buf + done, n);
    }
    if (l->sources[i].ram) {
        ram_written(w->m, l->sources[i].ram, l->sources[i].offset + at, n);
    }
}

size_t dma_list_write(struct dma_list *l, struct machine *m, uint64_t skip, const void *buf,
                      size_t len)
{
    struct writing w = { m, buf };

    return each_part(l, skip, len, write_part, &w);
}

void dma_list_written(const struct dma_list *l, struct machine *m, uint64_t skip, uint64_t len)
{
    struct writing w = { m, NULL };

    each_part(l, skip, len, write_part, &w);
}

void dma_list_discard(const struct dma_list *l, struct machine *m)
{
    const uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;

    for (unsigned i = 0; i < l->n; i++) {
        uintptr_t from = ((uintptr_t)l->iov[i].iov_base + mask) & ~mask;
        uintptr_t to = ((uintptr_t)l->iov[i].iov_base + l->iov[i].iov_len) & ~mask;
        struct ram_block *ram = l->sources[i].ram;

        if (to > from) { /* where it cannot be, it stays as it is */
            ram_block_discard(ram, from - (uintptr_t)ram->host, to - from);
        }
    }
    dma_list_written(l, m, 0, l->bytes);
}

static void slice_part(void *opaque, const struct dma_list *l, unsigned i, size_t at, size_t done,
                       size_t n)
{
    struct iovec **next = opaque;

    (void)done;
    *(*next)++ = (struct iovec){ (uint8_t *)l->iov[i].iov_base + at, n };
}

struct iovec *dma_list_slice(const struct dma_list *l, uint64_t skip, uint64_t len, int *n)
{
    struct iovec *slice = g_new(struct iovec, l->n + 1), *end = slice;

    each_part(l, skip, len, slice_part, &end);
    *n = (int)(end - slice);
    return slice;
}

bool dma_load(struct machine *m, uint64_t addr, void *buf, unsigned len)
{
    struct dma_source source;
    uint64_t n = len;
    const uint8_t *host = find_ram(m, addr, &n, false, &source);

    if (!host || n < len) {
        return false;
    }
    if (len <= 8 && (len & (len - 1)) == 0) {
        uint64_t v = guest_ram_load(host, len);

        memcpy(buf, &v, len); /* the host is little-endian, as is the guest */
    } else {
        guest_ram_copy(buf, host, len);
    }
    return true;
}

bool dma_store(struct machine *m, uint64_t addr, const void *buf, unsigned len)
{
    struct dma_source source;
    uint64_t n = len, v = 0;
    uint8_t *host = find_ram(m, addr, &n, true, &source);

    if (!host || n < len) {
        return false;
    }
    if (len <= 8 && (len & (len - 1)) == 0) {
        memcpy(&v, buf, len);
        guest_ram_store(host, v, len);
    } else {
        guest_ram_copy(host, buf, len);
    }
    ram_written(m, source.ram, source.offset, len);
    return true;
}
