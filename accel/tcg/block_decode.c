/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/block_decode.c: claiming pages and decoding blocks from them; block.c says why claiming is
 * enough.  Thread: the vCPU's own.
 */
#include <inttypes.h>
#include "accel/tcg/block_int.h"
#include "accel/tcg/translator.h"
#include "target/i386/mem.h"
#include "util/log.h"

#define COPY_BYTES 128u

/* Nobody stores to the page unseen from now on. */
static void flag_page(struct tcg *t, struct ram_block *ram, uint64_t page)
{
    uint64_t host = (uintptr_t)ram->host + (page << GUEST_PAGE_BITS);
    struct machine *m = t->cpu->vcpu.machine;

    __atomic_or_fetch(&ram->page_flags[page], RAM_PAGE_CODE, __ATOMIC_SEQ_CST);
    for (unsigned k = 0; k < m->n_vcpus; k++) {
        struct x86_cpu *cpu = x86_cpu_of(m->vcpus[k]);

        tlb_revoke_write(cpu, host);
        if (cpu != t->cpu) {        /* which is between blocks */
            cpu->stop_block = true; /* translated code may know the page by an earlier check */
        }
    }
    t->n_claimed++;
}

/* After a wait for the lock: the memory map and any code may be others now. */
static void take_changes(struct tcg *t)
{
    if (atomic_load(&t->cpu->pending) & PENDING_FLUSH) {
        cpu_clear_pending(t->cpu, PENDING_FLUSH);
        tlb_flush(t->cpu);
    }
    take_queue(t);
}

/*
 * Before a byte of the page at this offset is decoded.  NULL: the machine lock was waited for, and
 * whatever was looked up before is to be looked up again.
 */
static struct code_page *claim_page(struct tcg *t, struct ram_block *ram, uint64_t offset)
{
    const uint8_t *host = host_page(ram->host + offset);
    struct code_page *p = find_page(t, host);
    struct machine *m = t->cpu->vcpu.machine;
    uint64_t page = offset >> GUEST_PAGE_BITS;

    if (p) {
        return p;
    }
    if (m->n_vcpus == 1) {
        flag_page(t, ram, page);
    } else if (!(__atomic_load_n(&ram->page_flags[page], __ATOMIC_ACQUIRE) & RAM_PAGE_CODE)) {
        machine_lock(m);
        vcpu_exclusive_begin(m);
        flag_page(t, ram, page);
        vcpu_exclusive_end(m);
        machine_unlock(m);
        take_changes(t);
        return NULL;
    }
    return add_page(t, host, ram, page);
}

/* Of n instructions, which are not set. */
static struct block *new_block(struct tcg *t, unsigned n)
{
    struct block *b = t->spare[n];

    if (b) {
        t->spare[n] = b->hash_next;
        t->n_spare--;
    } else {
        b = g_malloc(sizeof(*b) + n * sizeof(struct insn));
    }
    memset(b, 0, sizeof(*b));
    b->n = (uint8_t)n;
    b->jump = JUMP_CACHE_SIZE;
    return b;
}

/* More blocks than buckets: twice as many of these. */
static void grow_hash(struct tcg *t)
{
    struct block **old = t->hash;
    unsigned size = t->hash_size;

    t->hash_size = size * 2;
    t->hash = g_new0(struct block *, t->hash_size);
    for (unsigned h = 0; h < size; h++) {
        struct block *next;

        for (struct block *b = old[h]; b; b = next) {
            struct block **bucket = hash_bucket(t, b->host);

            next = b->hash_next;
            b->hash_next = *bucket;
            *bucket = b;
        }
    }
    g_free(old);
}

static void link_block(struct tcg *t, struct block *b, struct code_page *p, struct code_page *p2)
{
    uint32_t last = b->insn[b->n - 1].row->flags;
    struct block **bucket;

    if (t->blocks >= t->hash_size / 2) {
        grow_hash(t);
    }
    bucket = hash_bucket(t, b->host);
    /* Near branches end a block, too, and have ROW_F64. */
    b->system = (last & ROW_ENDS) && !(last & ROW_F64);
    b->hash_next = *bucket;
    *bucket = b;
    link_to_page(b, p, 0);
    if (p2) {
        link_to_page(b, p2, 1);
    }
    b->peek_low = 4096;
    t->blocks++;
    t->insns += b->n;
    t->n_decoded++;
}

static void log_block(const struct block *b, uint64_t rip)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned k = 0; k < b->n; k++) {
        g_string_append_printf(text, "0x%08" PRIx64 ":  ", rip);
        insn_print(&b->insn[k], rip, text);
        g_string_append_c(text, '\n');
        rip += b->insn[k].len;
    }
    log_write("----------------\nIN:\n%s", text->str);
}

/*
 * One instruction whose bytes lie on two pages, or outside RAM: a block of its own.  ram and offset:
 * where the first byte is.  NULL: a page had to be claimed: begin again.
 */
static struct block *decode_split(struct tcg *t, struct ram_block *ram, uint64_t offset,
                                  unsigned room, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[16] = { 0 };
    struct block *b;
    struct code_page *p, *p2 = NULL;
    const uint8_t *tail, *head = ram->host + offset;
    struct ram_block *ram2;
    uint64_t phys, off;

    tail =
        mmu_fetch(cpu, cpu->code64 ? linear + room : (uint32_t)(linear + room), &phys, &ram2, &off);
    if (tail && !(p2 = claim_page(t, ram2, off))) {
        return NULL;
    }
    p = claim_page(t, ram, offset); /* again: the look-ups may have waited for the lock */
    if (!p) {
        return NULL;
    }
    guest_ram_copy(bytes, head, room);
    if (tail) {
        guest_ram_copy(bytes + room, tail, 15 - room);
    } else {
        address_space_read(cpu->memory, phys, bytes + room, 15 - room);
    }
    b = new_block(t, 1);
    insn_decode(cpu, bytes, 15, &b->insn[0]);
    b->bytes = b->insn[0].len;
    b->host = head;
    b->code_size = cpu->code_size;
    if (!tail || p == p2) {
        b->system = true;
        block_set_breakpoints(t, b, linear);
        block_retire(t, b); /* never cached: the second page is not RAM, or the first again */
        return b;
    }
    b->host2 = tail;
    block_set_breakpoints(t, b, linear);
    link_block(t, b, p, p2);
    return b;
}

/* Code outside RAM: read through the bus, one instruction at a time, never cached. */
static struct block *decode_mmio(struct tcg *t, uint64_t linear, uint64_t phys)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[15];
    struct block *b = new_block(t, 1);

    address_space_read(cpu->memory, phys, bytes, sizeof(bytes));
    insn_decode(cpu, bytes, sizeof(bytes), &b->insn[0]);
    b->bytes = b->insn[0].len;
    b->system = true;
    block_set_breakpoints(t, b, linear);
    block_retire(t, b);
    return b;
}

void block_specialise(struct block *b)
{
    for (unsigned k = 0; k < b->n; k++) {
        if (b->insn[k].exec == b->insn[k].row->exec) {
            insn_specialise(&b->insn[k], b->code_size == 8);
        }
    }
}

/* NULL: a page had to be claimed: begin again. */
static struct block *try_decode(struct tcg *t, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    struct ram_block *ram;
    struct insn insn[BLOCK_MAX_INSNS];
    uint8_t bytes[BLOCK_MAX_BYTES + COPY_BYTES];
    uint64_t phys, off;
    const uint8_t *host = mmu_fetch(cpu, linear, &phys, &ram, &off);
    unsigned room = 4096 - (unsigned)(linear & 4095), pos = 0, n = 0, have = 0;
    struct code_page *p;
    bool debug = debugger_breaks_page(&cpu->vcpu.machine->debugger, linear);
    struct block *b;

    if (!host) {
        return decode_mmio(t, linear, phys);
    }
    p = claim_page(t, ram, off);
    if (!p) {
        return NULL;
    }
    while (n < BLOCK_MAX_INSNS && pos < room) {
        enum decode_result r;

        /* A copy, a part at a time: what is decoded does not change under the decoder. */
        if (have < pos + 15 && have < room) {
            unsigned more = MIN(COPY_BYTES, room - have);

            guest_ram_copy(bytes + have, host + have, more);
            have += more;
        }
        r = insn_decode(cpu, bytes + pos, MIN(room - pos, 15), &insn[n]);

        if (r == DECODE_TRUNCATED) {
            if (n == 0) {
                return decode_split(t, ram, off, room, linear);
            }
            break;
        }
        if (r == DECODE_OK && !debug) {
            block_loosen(t, &insn[n], bytes + pos, host + pos);
        }
        pos += insn[n].len;
        if (insn[n++].row->flags & ROW_ENDS) {
            break;
        }
    }
    b = new_block(t, n);
    memcpy(b->insn, insn, n * sizeof(struct insn));
    b->host = host;
    b->bytes = (uint16_t)pos;
    b->code_size = cpu->code_size;
    block_set_breakpoints(t, b, linear);
    link_block(t, b, p, NULL);
    if (!t->backend || translator_mode(cpu) < 0) { /* else it is translated before that pays */
        block_specialise(b);
    }
    return b;
}

struct block *decode_block(struct tcg *t, uint64_t linear)
{
    struct block *b;

    do {
        b = try_decode(t, linear);
    } while (!b);
    if (log_enabled(LOG_IN_ASM) && log_wants_address(linear)) {
        log_block(b, t->cpu->regs[R_RIP]);
    }
    return b;
}
