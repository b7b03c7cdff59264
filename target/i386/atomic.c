/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/atomic.c: what LOCK stands for: a compare-and-exchange of guest memory with which
 * locked instructions end, and begin again when it fails.
 *
 * Naturally aligned operands in RAM are exchanged by the host's own instruction, on pages with code,
 * too.  Operands that are not aligned, also those that cross a page, stop the other vCPUs meanwhile, as
 * a split lock does on the bus.  Where a device answers, the machine lock orders all who ask it; to
 * other bytes of such an operand nothing is promised.
 *
 * Thread: the vCPU's own, no lock held.
 */
#include "target/i386/mem.h"

/*
 * A host compare-and-exchange of 16 bytes. On x86-64 by hand: compilers turn the builtin into a
 * call of libatomic unless the whole file is built for hosts that have the instruction.
 */
static bool host_cas16(void *p, const uint64_t old[2], const uint64_t new[2])
{
#if defined(__x86_64__)
    uint64_t low = old[0], high = old[1];
    bool equal;

    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(equal), "+m"(*(unsigned __int128 *)p), "+a"(low), "+d"(high)
                     : "b"(new[0]), "c"(new[1])
                     : "memory");
    return equal;
#else
    return __sync_bool_compare_and_swap((unsigned __int128 *)p,
                                        old[0] | (unsigned __int128)old[1] << 64,
                                        new[0] | (unsigned __int128)new[1] << 64);
#endif
}

/* The same of size bytes at their natural alignment; true if memory held `old`. */
static bool host_cas(void *p, const uint64_t old[2], const uint64_t new[2], unsigned size)
{
    switch (size) {
    case 1: {
        uint8_t o = (uint8_t)old[0];
        return __atomic_compare_exchange_n((uint8_t *)p, &o, (uint8_t) new[0], false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    case 2: {
        uint16_t o = (uint16_t)old[0];
        return __atomic_compare_exchange_n((uint16_t *)p, &o, (uint16_t) new[0], false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    case 4: {
        uint32_t o = (uint32_t)old[0];
        return __atomic_compare_exchange_n((uint32_t *)p, &o, (uint32_t) new[0], false,
                                           __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    }
    case 8: {
        uint64_t o = old[0];
        return __atomic_compare_exchange_n((uint64_t *)p, &o, new[0], false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_SEQ_CST);
    }
    default:
        return host_cas16(p, old, new);
    }
}

/* An operand by its physical addresses: two parts where a page boundary cuts it. */
struct target {
    uint64_t phys[2];
    unsigned len[2];
};

/* Writable RAM behind a part, or NULL.  Valid until the machine lock is waited for. */
static const struct mem_section *ram_of(struct address_space *as, uint64_t phys, unsigned len)
{
    const struct mem_section *s = address_space_lookup(as, phys);

    return s && s->ram && !s->readonly && len - 1 <= s->last - phys ? s : NULL;
}

/* Aligned, in one page of RAM: the page has code, or a breakpoint, or alignment is checked. */
static bool cas_in_ram(struct x86_cpu *cpu, const struct mem_section *s, uint64_t phys,
                       const uint64_t old[2], const uint64_t new[2], unsigned size)
{
    uint64_t offset = s->ram_offset + (phys - s->start);
    struct ram_block *ram = s->ram;
    bool done = host_cas(ram->host + offset, old, new, size);

    ram_written(cpu->vcpu.machine, ram, offset, size);
    return done;
}

static bool cas_alone(struct x86_cpu *cpu, const struct target *t, const uint64_t old[2],
                      const uint64_t new[2], unsigned size)
{
    struct machine *m = cpu->vcpu.machine;
    struct address_space *as = cpu->memory;
    uint8_t now[16], want[16], put[16];
    bool ram, equal;

    memcpy(want, old, 16);
    memcpy(put, new, 16);
    machine_lock(m);
    ram = ram_of(as, t->phys[0], t->len[0]) && (!t->len[1] || ram_of(as, t->phys[1], t->len[1]));
    if (ram) {
        vcpu_exclusive_begin(m);
    }
    address_space_read(as, t->phys[0], now, t->len[0]);
    address_space_read(as, t->phys[1], now + t->len[0], t->len[1]);
    /* What a device shows may change between two looks. */
    equal = !ram || memcmp(now, want, size) == 0;
    if (equal) {
        address_space_write(as, t->phys[0], put, t->len[0]);
        address_space_write(as, t->phys[1], put + t->len[0], t->len[1]);
    }
    if (ram) {
        vcpu_exclusive_end(m);
    }
    machine_unlock(m);
    return equal;
}

bool mem_cas(struct x86_cpu *cpu, uint64_t linear, const uint64_t old[2], const uint64_t new[2],
             unsigned size, unsigned bank)
{
    bool aligned = !(linear & (size - 1));
    const struct mem_section *s;
    struct target t;

    if (aligned) {
        void *host = mem_host(cpu, linear, size, true, bank);

        if (host) {
            return host_cas(host, old, new, size);
        }
    }
    t.len[0] = mem_write_target(cpu, linear, size, bank, t.phys);
    t.len[1] = size - t.len[0];
    s = aligned ? ram_of(cpu->memory, t.phys[0], size) : NULL;
    return s ? cas_in_ram(cpu, s, t.phys[0], old, new, size) : cas_alone(cpu, &t, old, new, size);
}
