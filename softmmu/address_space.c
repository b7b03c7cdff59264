/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/address_space.c: accesses through a flat view: look-up, RAM, and the splitting and
 * widening of what a device answers to.
 *
 * Thread: any.  A vCPU's thread reads the view without a lock (the commit stops it); others hold the
 *         machine lock, or take it here.  A device is called under the lock; since the view may change
 *         while a thread waits for it, the look-up is repeated then.
 */
#include <inttypes.h>
#include <string.h>
#include "softmmu/guest_ram.h"
#include "softmmu/machine.h"
#include "softmmu/memory.h"
#include "util/log.h"

/* The first section that ends at or after addr. */
static unsigned section_index(const struct address_space *as, uint64_t addr)
{
    unsigned low = 0, high = as->n_sections;

    while (low < high) {
        unsigned mid = (low + high) / 2;

        if (as->sections[mid].last < addr) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

const struct mem_section *address_space_lookup(struct address_space *as, uint64_t addr)
{
    unsigned i = section_index(as, addr);

    return i < as->n_sections && as->sections[i].start <= addr ? &as->sections[i] : NULL;
}

/* Makes the view stay for this thread; true: the lock was taken for that. */
static bool view_enter(struct address_space *as)
{
    struct vcpu *cpu = vcpu_current();

    if ((cpu && cpu->machine == as->machine) || machine_locked(as->machine)) {
        return false;
    }
    machine_lock(as->machine);
    return true;
}

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? UINT64_MAX : (1ull << (size * 8)) - 1;
}

/* The largest piece at off that the device and the length allow: 1, 2, 4 or 8. */
static unsigned piece_size(const struct mem_ops *ops, uint64_t off, unsigned len)
{
    unsigned size = ops->max_size ? ops->max_size : 8;

    while (size > len || (!ops->unaligned && (off & (size - 1)))) {
        size /= 2;
    }
    return size;
}

/* Little-endian bytes <-> value. */
static uint64_t get_bytes(const uint8_t *buf, unsigned n)
{
    uint64_t v = 0;

    memcpy(&v, buf, n);
    return GUINT64_FROM_LE(v);
}

static void put_bytes(uint8_t *buf, uint64_t v, unsigned n)
{
    v = GUINT64_TO_LE(v);
    memcpy(buf, &v, n);
}

/* What a region without such a callback reads as. */
static uint64_t call_read(const struct mem_region *mr, uint64_t off, unsigned size)
{
    if (!mr->ops->read || size > mr->size || off > mr->size - size) {
        log_line(LOG_UNIMP, "%s: read of %u bytes at offset 0x%" PRIx64, mr->name, size, off);
        return size_mask(size);
    }
    return mr->ops->read(mr->opaque, off, size) & size_mask(size);
}

static void call_write(const struct mem_region *mr, uint64_t off, uint64_t v, unsigned size)
{
    if (!mr->ops->write || size > mr->size || off > mr->size - size) {
        log_line(LOG_UNIMP, "%s: write of 0x%" PRIx64 ", %u bytes at offset 0x%" PRIx64, mr->name,
                 v, size, off);
        return;
    }
    mr->ops->write(mr->opaque, off, v & size_mask(size), size);
}

/*
 * Lock held.  At most 8 bytes, which may straddle the device's units.  A piece may take the region away,
 * like a write of its own base address: what is left of the access then meets nothing, as
 * in a transaction that is not committed yet.
 */
static void mmio_read(const struct mem_region *mr, uint64_t off, uint8_t *buf, unsigned len)
{
    unsigned min = mr->ops && mr->ops->min_size ? mr->ops->min_size : 1;

    memset(buf, 0xff, len);
    while (len > 0 && mr->ops) {
        unsigned n = piece_size(mr->ops, off, len);

        if (n < min) {
            unsigned skip = off & (min - 1);

            n = MIN(min - skip, len);
            put_bytes(buf, call_read(mr, off - skip, min) >> (skip * 8), n);
        } else {
            put_bytes(buf, call_read(mr, off, n), n);
        }
        off += n;
        buf += n;
        len -= n;
    }
}

static void mmio_write(const struct mem_region *mr, uint64_t off, const uint8_t *buf, unsigned len)
{
    unsigned min = mr->ops && mr->ops->min_size ? mr->ops->min_size : 1;

    while (len > 0 && mr->ops) {
        unsigned n = piece_size(mr->ops, off, len);

        if (n < min) {
            unsigned skip = off & (min - 1);
            uint64_t v;

            n = MIN(min - skip, len);
            v = get_bytes(buf, n) << (skip * 8);
            if (mr->ops->widen_writes) {
                v |= call_read(mr, off - skip, min) & ~(size_mask(n) << (skip * 8));
            }
            call_write(mr, off - skip, v, min);
        } else {
            call_write(mr, off, get_bytes(buf, n), n);
        }
        off += n;
        buf += n;
        len -= n;
    }
}

/* Copies that a vCPU may look at meanwhile: naturally aligned units are not torn. */
static void copy_guest(void *dst, const void *src, uint64_t n)
{
    if (n == 1 || n == 2 || n == 4 || n == 8) {
        guest_ram_store(dst, guest_ram_load(src, (unsigned)n), (unsigned)n);
    } else {
        guest_ram_copy(dst, src, n);
    }
}

/* One run of bytes that one section, or none, serves. */
struct run {
    const struct mem_section *section; /* NULL: nothing answers */
    uint64_t skip;                     /* from the section's start */
    uint64_t len;
};

static struct run next_run(struct address_space *as, uint64_t addr, uint64_t len)
{
    unsigned i = section_index(as, addr);
    const struct mem_section *s = i < as->n_sections ? &as->sections[i] : NULL;

    if (s && s->start <= addr) {
        return (struct run){ s, addr - s->start, MIN(len - 1, s->last - addr) + 1 };
    }
    return (struct run){ NULL, 0, s ? MIN(len, s->start - addr) : MIN(len - 1, ~addr) + 1 };
}

/* Bytes for one call into a device: a longer transfer goes on with a fresh look-up. */
static uint64_t bus_cycle(uint64_t addr, uint64_t len)
{
    return len > 8 ? 8 - (addr & 7) : len;
}

/*
 * The lock for a device.  *run is looked up again once it is there.  True: the caller gives the lock
 * back.
 */
static bool device_enter(struct address_space *as, uint64_t addr, uint64_t len, struct run *run)
{
    if (machine_locked(as->machine)) {
        return false;
    }
    machine_lock(as->machine);
    *run = next_run(as, addr, len);
    return true;
}

static bool read_run(struct address_space *as, uint64_t addr, uint8_t *buf, uint64_t len,
                     uint64_t *done)
{
    struct run run = next_run(as, addr, len);
    bool unlock = false, ok = true;

    if (run.section && !run.section->ram) {
        unlock = device_enter(as, addr, len, &run);
    }
    if (!run.section) {
        log_line(LOG_UNIMP, "%s: read of %" PRIu64 " bytes at 0x%" PRIx64 ": nothing is there",
                 as->name, run.len, addr);
        memset(buf, 0xff, run.len);
        ok = false;
    } else if (run.section->ram) {
        copy_guest(buf, run.section->ram->host + run.section->ram_offset + run.skip, run.len);
    } else {
        run.len = bus_cycle(addr, run.len);
        mmio_read(run.section->mr, run.section->offset + run.skip, buf, run.len);
    }
    if (unlock) {
        machine_unlock(as->machine);
    }
    *done = run.len;
    return ok;
}

/* A device takes writes to the section: MMIO, or ROM that traps them. */
static bool calls_device(const struct mem_section *s)
{
    return !s->ram || (s->readonly && s->mr->ops);
}

static bool write_run(struct address_space *as, uint64_t addr, const uint8_t *buf, uint64_t len,
                      uint64_t *done)
{
    struct run run = next_run(as, addr, len);
    bool unlock = false, ok = true;

    if (run.section && calls_device(run.section)) {
        unlock = device_enter(as, addr, len, &run);
    }
    if (!run.section || (run.section->readonly && !calls_device(run.section))) {
        log_line(LOG_UNIMP, "%s: write of %" PRIu64 " bytes at 0x%" PRIx64 ": %s", as->name,
                 run.len, addr, run.section ? "read-only" : "nothing is there");
        ok = false;
    } else if (!calls_device(run.section)) {
        uint64_t offset = run.section->ram_offset + run.skip;
        struct ram_block *ram = run.section->ram;

        copy_guest(ram->host + offset, buf, run.len);
        ram_written(as->machine, ram, offset, run.len);
    } else {
        run.len = bus_cycle(addr, run.len);
        mmio_write(run.section->mr, run.section->offset + run.skip, buf, run.len);
    }
    if (unlock) {
        machine_unlock(as->machine);
    }
    *done = run.len;
    return ok;
}

bool address_space_read(struct address_space *as, uint64_t addr, void *buf, uint64_t len)
{
    bool unlock = view_enter(as), ok = true;
    uint8_t *at = buf;
    uint64_t n;

    for (; len > 0; addr += n, at += n, len -= n) {
        ok &= read_run(as, addr, at, len, &n);
    }
    if (unlock) {
        machine_unlock(as->machine);
    }
    return ok;
}

bool address_space_write(struct address_space *as, uint64_t addr, const void *buf, uint64_t len)
{
    bool unlock = view_enter(as), ok = true;
    const uint8_t *at = buf;
    uint64_t n;

    for (; len > 0; addr += n, at += n, len -= n) {
        ok &= write_run(as, addr, at, len, &n);
    }
    if (unlock) {
        machine_unlock(as->machine);
    }
    return ok;
}

uint64_t address_space_load(struct address_space *as, uint64_t addr, unsigned size)
{
    _Alignas(8) uint8_t buf[8] = { 0 };

    address_space_read(as, addr, buf, MIN(size, 8));
    return get_bytes(buf, 8);
}

void address_space_store(struct address_space *as, uint64_t addr, uint64_t value, unsigned size)
{
    _Alignas(8) uint8_t buf[8];

    put_bytes(buf, value, 8);
    address_space_write(as, addr, buf, MIN(size, 8));
}

void *address_space_map(struct address_space *as, uint64_t addr, uint64_t *len, bool for_write)
{
    bool unlock = view_enter(as);
    const struct mem_section *s = address_space_lookup(as, addr);
    void *host = NULL;

    if (s && s->ram && *len > 0 && !(for_write && s->readonly)) {
        *len = MIN(*len - 1, s->last - addr) + 1;
        host = s->ram->host + s->ram_offset + (addr - s->start);
    }
    if (unlock) {
        machine_unlock(as->machine);
    }
    return host;
}
