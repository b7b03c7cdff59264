/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/block.c: finding, decoding and invalidating blocks; see block.h for the rules. */
#include "accel/tcg/block.h"
#include <inttypes.h>
#include "accel/tcg/translator.h"
#include "target/i386/mem.h"
#include "util/log.h"

static unsigned block_hash(const uint8_t *host)
{
    uint64_t h = (uintptr_t)host;

    return (unsigned)((h * 0x9e3779b97f4a7c15ull) >> 49) & (BLOCK_HASH_SIZE - 1);
}

/* Invalidation ---------------------------------------------------------------------------------- */

static void unlink_from_page(struct tcg *t, struct block *b, const uint8_t *page, int side)
{
    struct code_page *p = g_hash_table_lookup(t->pages, page);
    struct block **link;

    if (!p) {
        return;
    }
    link = &p->first;
    while (*link && *link != b) {
        link = &(*link)->page_next[host_page((*link)->host) == page ? 0 : 1];
    }
    if (*link) {
        *link = b->page_next[side];
    }
    if (!p->first) {
        /* With several caches another may still hold code of the page: the flag stays. */
        if (t->cpu->vcpu.machine->n_vcpus == 1) {
            __atomic_and_fetch(&p->ram->page_flags[p->ram_page], (uint8_t)~RAM_PAGE_CODE,
                               __ATOMIC_SEQ_CST);
        }
        g_hash_table_remove(t->pages, page);
    }
}

static void block_kill(struct tcg *t, struct block *b)
{
    struct block **link = &t->hash[block_hash(b->host)];

    while (*link && *link != b) {
        link = &(*link)->hash_next;
    }
    if (*link) {
        *link = b->hash_next;
    }
    unlink_from_page(t, b, host_page(b->host), 0);
    if (b->host2) {
        unlink_from_page(t, b, host_page(b->host2), 1);
    }
    if (b->code) {
        translator_forget(t, b);
    }
    b->dead = true;
    b->hash_next = t->retired;
    t->retired = b;
    t->insns -= b->n;
    t->n_invalidated++;
    t->cpu->tlb.generation++;
    t->cpu->stop_block = true;
}

static bool overlaps(const struct block *b, const uint8_t *first, const uint8_t *last)
{
    unsigned head = b->host2 ? 4096 - (unsigned)((uintptr_t)b->host & 4095) : b->bytes;

    if (b->host <= last && b->host + head > first) {
        return true;
    }
    if (b->host2 && b->host2 <= last && b->host2 + (b->bytes - head) > first) {
        return true;
    }
    return host_page(b->host) + b->peek_low <= last && host_page(b->host) + b->peek_high > first;
}

static void invalidate(struct tcg *t, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    const uint8_t *first = ram->host + offset, *last = first + len - 1, *page;

    for (page = host_page(first); page <= last; page += 4096) {
        struct code_page *p = g_hash_table_lookup(t->pages, page);
        struct block *b = p ? p->first : NULL;

        while (b) {
            struct block *next = b->page_next[host_page(b->host) == page ? 0 : 1];

            if (overlaps(b, first, last)) {
                block_kill(t, b);
            }
            b = next;
        }
    }
}

static void code_written(struct code_watch *w, struct ram_block *ram, uint64_t offset, uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)w - offsetof(struct tcg, watch));
    struct invalidation inv = { ram, offset, len };

    if (!len) {
        return;
    }
    if (vcpu_current() == &t->cpu->vcpu) {
        invalidate(t, ram, offset, len);
        return;
    }
    g_mutex_lock(&t->mutex);
    g_array_append_val(t->queue, inv);
    g_mutex_unlock(&t->mutex);
    cpu_set_pending(t->cpu, PENDING_FLUSH);
}

void block_cache_flush(struct tcg *t)
{
    for (unsigned h = 0; h < BLOCK_HASH_SIZE; h++) {
        while (t->hash[h]) {
            block_kill(t, t->hash[h]);
        }
    }
    t->n_flushed++;
    if (t->backend) {
        translator_reset(t);
    }
}

void block_cache_collect(struct tcg *t)
{
    g_mutex_lock(&t->mutex);
    for (unsigned k = 0; k < t->queue->len; k++) {
        const struct invalidation *inv = &g_array_index(t->queue, struct invalidation, k);

        invalidate(t, inv->ram, inv->offset, inv->len);
    }
    g_array_set_size(t->queue, 0);
    g_mutex_unlock(&t->mutex);
    if (t->insns > BLOCK_CACHE_INSNS) {
        block_cache_flush(t);
    }
    t->running = NULL;
    while (t->retired) {
        struct block *b = t->retired;

        t->retired = b->hash_next;
        while (b->dead_code) {
            struct code *c = b->dead_code;

            b->dead_code = c->next;
            g_free(c);
        }
        g_free(b);
    }
}

/* Decoding -------------------------------------------------------------------------------------- */

/* Marks the page as code before a byte of it is decoded, so that no store goes unseen. */
static struct code_page *claim_page(struct tcg *t, struct ram_block *ram, uint64_t offset)
{
    const uint8_t *host = host_page(ram->host + offset);
    struct code_page *p = g_hash_table_lookup(t->pages, host);
    struct machine *m = t->cpu->vcpu.machine;
    uint64_t page = offset >> GUEST_PAGE_BITS;

    if (p) {
        return p;
    }
    if (!(__atomic_fetch_or(&ram->page_flags[page], RAM_PAGE_CODE, __ATOMIC_SEQ_CST) &
          RAM_PAGE_CODE)) {
        tlb_revoke_write(t->cpu, (uintptr_t)host);
        if (m->n_vcpus > 1) {
            machine_lock(m);
            vcpu_exclusive_begin(m);
            for (unsigned k = 0; k < m->n_vcpus; k++) {
                tlb_revoke_write(x86_cpu_of(m->vcpus[k]), (uintptr_t)host);
            }
            vcpu_exclusive_end(m);
            machine_unlock(m);
        }
    }
    p = g_new0(struct code_page, 1);
    p->host = host;
    p->ram = ram;
    p->ram_page = page;
    g_hash_table_insert(t->pages, (gpointer)host, p);
    return p;
}

static void link_block(struct tcg *t, struct block *b, struct code_page *p, struct code_page *p2)
{
    unsigned h = block_hash(b->host);
    uint32_t last = b->insn[b->n - 1].row->flags;

    /* Near branches end a block, too, and have ROW_F64. */
    b->system = (last & ROW_ENDS) && !(last & ROW_F64);

    b->hash_next = t->hash[h];
    t->hash[h] = b;
    b->page_next[0] = p->first;
    p->first = b;
    if (p2) {
        b->page_next[1] = p2->first;
        p2->first = b;
    }
    b->peek_low = 4096;
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

/* One instruction whose bytes lie on two pages, or outside RAM: a block of its own. */
static struct block *decode_split(struct tcg *t, const uint8_t *head, unsigned room,
                                  uint64_t linear, struct code_page *p)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[16] = { 0 };
    struct block *b;
    struct code_page *p2;
    const uint8_t *tail;
    struct ram_block *ram;
    uint64_t phys, off;

    memcpy(bytes, head, room);
    tail =
        mmu_fetch(cpu, cpu->code64 ? linear + room : (uint32_t)(linear + room), &phys, &ram, &off);
    if (tail) {
        memcpy(bytes + room, tail, 15 - room);
    } else {
        address_space_read(&cpu->vcpu.machine->memory, phys, bytes + room, 15 - room);
    }
    b = g_malloc0(sizeof(*b) + sizeof(struct insn));
    insn_decode(cpu, bytes, 15, &b->insn[0]);
    b->n = 1;
    b->bytes = b->insn[0].len;
    b->host = head;
    b->code_size = cpu->code_size;
    if (!tail) {
        b->system = true;
        b->dead = true; /* never cached: the second page is not RAM */
        b->hash_next = t->retired;
        t->retired = b;
        return b;
    }
    b->host2 = tail;
    p2 = claim_page(t, ram, off);
    link_block(t, b, p, p2);
    return b;
}

/* Code outside RAM: read through the bus, one instruction at a time, never cached. */
static struct block *decode_mmio(struct tcg *t, uint64_t phys)
{
    struct x86_cpu *cpu = t->cpu;
    uint8_t bytes[15];
    struct block *b = g_malloc0(sizeof(*b) + sizeof(struct insn));

    address_space_read(&cpu->vcpu.machine->memory, phys, bytes, sizeof(bytes));
    insn_decode(cpu, bytes, sizeof(bytes), &b->insn[0]);
    b->n = 1;
    b->bytes = b->insn[0].len;
    b->system = true;
    b->dead = true;
    b->hash_next = t->retired;
    t->retired = b;
    return b;
}

static struct block *decode_block(struct tcg *t, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    struct ram_block *ram;
    struct insn insn[BLOCK_MAX_INSNS];
    uint64_t phys, off;
    const uint8_t *host = mmu_fetch(cpu, linear, &phys, &ram, &off);
    unsigned room = 4096 - (unsigned)(linear & 4095), pos = 0, n = 0;
    struct code_page *p;
    struct block *b;

    if (!host) {
        return decode_mmio(t, phys);
    }
    p = claim_page(t, ram, off);
    while (n < BLOCK_MAX_INSNS && pos < room) {
        enum decode_result r = insn_decode(cpu, host + pos, MIN(room - pos, 15), &insn[n]);

        if (r == DECODE_TRUNCATED) {
            if (n == 0) {
                return decode_split(t, host, room, linear, p);
            }
            break;
        }
        pos += insn[n].len;
        if (insn[n].exec == insn[n].row->exec) {
            insn_specialise(&insn[n], cpu->code64);
        }
        if (insn[n++].row->flags & ROW_ENDS) {
            break;
        }
    }
    b = g_malloc0(sizeof(*b) + n * sizeof(struct insn));
    memcpy(b->insn, insn, n * sizeof(struct insn));
    b->host = host;
    b->n = (uint8_t)n;
    b->bytes = (uint16_t)pos;
    b->code_size = cpu->code_size;
    link_block(t, b, p, NULL);
    return b;
}

/* Finding --------------------------------------------------------------------------------------- */

/* Is the second page of a block still mapped behind the first? */
static bool second_page_matches(struct x86_cpu *cpu, const struct block *b, uint64_t linear)
{
    uint64_t next = (linear | 4095) + 1, phys, off;
    struct ram_block *ram;

    if (!b->host2) {
        return true;
    }
    return mmu_fetch(cpu, cpu->code64 ? next : (uint32_t)next, &phys, &ram, &off) == b->host2;
}

static struct block *find_slow(struct tcg *t, uint64_t linear)
{
    struct x86_cpu *cpu = t->cpu;
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;
    const uint8_t *host = tlb_exec_host(cpu, bank, linear);
    struct block *b;

    if (host) {
        for (b = t->hash[block_hash(host)]; b; b = b->hash_next) {
            if (b->host == host && b->code_size == cpu->code_size) {
                if (second_page_matches(cpu, b, linear)) {
                    return b;
                }
                block_kill(t, b);
                cpu->stop_block = false;
                break;
            }
        }
    } else {
        /* Fills the exec tag, and then the block may be known after all. */
        uint64_t phys, ram_off;
        struct ram_block *ram;

        if (mmu_fetch(cpu, linear, &phys, &ram, &ram_off) && tlb_exec_host(cpu, bank, linear)) {
            return find_slow(t, linear);
        }
    }
    b = decode_block(t, linear);
    if (log_enabled(LOG_IN_ASM)) {
        log_block(b, cpu->regs[R_RIP]);
    }
    return b;
}

struct block *block_find(struct tcg *t)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t rip = cpu->regs[R_RIP];
    uint64_t linear = cpu->code64 ? rip : (uint32_t)(cpu->seg[SEG_CS].base + rip);
    unsigned mode = cpu->exec_mode;
    struct jump_entry *j = &t->jump[(linear ^ linear >> 12) & (JUMP_CACHE_SIZE - 1)];

    if (G_LIKELY(j->linear == linear && j->generation == cpu->tlb.generation && j->mode == mode)) {
        return j->block;
    }
    j->block = find_slow(t, linear);
    j->linear = linear;
    j->mode = mode;
    j->generation = j->block->dead ? cpu->tlb.generation - 1 : cpu->tlb.generation;
    return j->block;
}

/* Life ------------------------------------------------------------------------------------------ */

/* The memory map changed: nothing that the soft TLB holds can be trusted. */
static void map_changed(struct mem_listener *l, struct address_space *as)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, map_listener));

    (void)as;
    cpu_set_pending(t->cpu, PENDING_FLUSH);
    if (vcpu_current() == &t->cpu->vcpu) {
        t->cpu->stop_block = true;
    }
}

/* Write tags let stores pass without setting dirty flags again: they go. */
static void dirty_cleared(struct dirty_listener *l, struct ram_block *ram, uint64_t offset,
                          uint64_t len)
{
    struct tcg *t = (struct tcg *)((char *)l - offsetof(struct tcg, dirty_listener));
    struct tlb *tlb = &t->cpu->tlb;
    uint64_t first = (uintptr_t)ram->host + offset;

    for (unsigned b = 0; b < TLB_BANKS; b++) {
        for (unsigned k = 0; k < tlb->fills[b]; k++) {
            struct tlb_entry *e = &tlb->entry[b][tlb->fill_log[b][k]];

            if (e->addend + e->write_tag - first < len) {
                e->write_tag = TLB_NO_TAG(tlb->fill_log[b][k]);
            }
        }
    }
}

void block_cache_init(struct tcg *t, struct x86_cpu *cpu)
{
    t->cpu = cpu;
    t->pages = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    t->queue = g_array_new(FALSE, FALSE, sizeof(struct invalidation));
    g_mutex_init(&t->mutex);
    t->watch.written = code_written;
    code_watch_add(cpu->vcpu.machine, &t->watch);
    t->map_listener.changed = map_changed;
    address_space_add_listener(&cpu->vcpu.machine->memory, &t->map_listener);
    t->dirty_listener.cleared = dirty_cleared;
    dirty_listener_add(cpu->vcpu.machine, &t->dirty_listener);
}

/* Nothing calls a cache that is gone. */
static void stop_listening(struct tcg *t)
{
    struct machine *m = t->cpu->vcpu.machine;
    struct code_watch **w = &m->code_watches;
    struct mem_listener **l = &m->memory.listeners;

    while (*w && *w != &t->watch) {
        w = &(*w)->next;
    }
    if (*w) {
        *w = t->watch.next;
    }
    while (*l && *l != &t->map_listener) {
        l = &(*l)->next;
    }
    if (*l) {
        *l = t->map_listener.next;
    }
}

void block_cache_destroy(struct tcg *t)
{
    stop_listening(t);
    dirty_listener_del(t->cpu->vcpu.machine, &t->dirty_listener);
    block_cache_flush(t);
    block_cache_collect(t);
    g_hash_table_destroy(t->pages);
    g_array_free(t->queue, TRUE);
    g_mutex_clear(&t->mutex);
}
