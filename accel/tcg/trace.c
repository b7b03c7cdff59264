/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/trace.c: recording traces, and their life; trace.h says what they are.
 *
 * Translated code counts how often jumps back and look-ups lead to an address.  When that is often,
 * the run loop records what runs there next, by the interpreter: until the flow comes back to where it
 * began, comes to another trace, or the trace is long enough.  Of that is kept what has each call with its return.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/trace.h"
#include "accel/tcg/block_int.h"
#include "accel/tcg/translator.h"
#include "target/i386/exec_int.h"
#include "target/i386/mem.h"
#include "target/i386/mmu.h"

struct recording {
    struct block *blocks[TRACE_MAX_BLOCKS];
    uint64_t rip[TRACE_MAX_BLOCKS + 1]; /* where each began, and where the last one led */
    uint64_t base;                      /* of the code segment */
    uint64_t key;                       /* translator_key of the first */
    unsigned n, insns;
};

/* Life ------------------------------------------------------------------------------------------ */

static void drop_use(struct trace_use *use)
{
    struct trace_use **at = &use->block->uses;

    while (*at != use) {
        at = &(*at)->next;
    }
    *at = use->next;
}

static void kill_trace(struct tcg *t, struct block *trace)
{
    struct block_path *p = trace->path;
    struct block **at = &p->use[0].block->traces;

    while (*at != trace) {
        at = &(*at)->path->next;
    }
    *at = p->next;
    for (unsigned k = 0; k < p->n_blocks; k++) {
        drop_use(&p->use[k]);
    }
    if (trace->code) {
        translator_forget(t, trace);
    }
    block_retire(t, trace);
    t->n_invalidated++;
    t->cpu->stop_block = true;
}

void trace_kill_uses(struct tcg *t, struct block *b)
{
    while (b->uses) {
        kill_trace(t, b->uses->trace);
    }
}

void trace_retire(struct tcg *t, struct block *b)
{
    while (b->traces) {
        struct block *trace = b->traces;

        b->traces = trace->path->next;
        block_retire(t, trace);
    }
    b->uses = NULL;
}

/* The pages behind the first, whose caller knows that it is there.  Raises nothing. */
static bool still_mapped(struct x86_cpu *cpu, const struct block_path *p)
{
    unsigned bank = cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;

    for (unsigned k = 1; k < p->n_pages; k++) {
        struct translation tr;
        uint32_t error;

        if (tlb_exec_host(cpu, bank, p->page[k].linear) == p->page[k].host) {
            continue;
        }
        if (!mmu_translate(cpu, p->page[k].linear, MMU_EXEC, bank, false, &tr, &error) ||
            mmu_fetch_host(cpu, p->page[k].linear) != p->page[k].host ||
            tlb_exec_host(cpu, bank, p->page[k].linear) != p->page[k].host) {
            return false;
        }
    }
    return true;
}

struct block *trace_find(struct tcg *t, struct block *b, uint64_t variant)
{
    struct x86_cpu *cpu = t->cpu;
    uint64_t key = translator_key(cpu);
    int mode = translator_mode(cpu);

    for (struct block *k = b->traces; k; k = k->path->next) {
        if (k->path->key == key && k->path->mode == mode && k->path->variant == variant) {
            if (still_mapped(cpu, k->path)) {
                return k;
            }
            /* Of another process, as a rule: what leads there would come here each time. */
            if (++k->path->lost == TRACE_LOST) {
                kill_trace(t, k);
            }
            return NULL;
        }
    }
    return NULL;
}

/* Recording ------------------------------------------------------------------------------------- */

static const struct block_path *path_at(const struct block *b, uint64_t rip)
{
    for (const struct block *k = b->traces; k; k = k->path->next) {
        if (k->path->rip[0] == rip) {
            return k->path;
        }
    }
    return NULL;
}

static bool contains(const struct recording *r, uint64_t rip)
{
    for (unsigned k = 0; k < r->n; k++) {
        if (r->rip[k] == rip) {
            return true;
        }
    }
    return false;
}

/*
 * Where the trace does not go on as recorded, or has a branch that it cannot pass, a block that begins
 * with that branch does it: which must not be the trace.  Direct calls and jumps go on as recorded.
 */
static bool may_begin(const struct x86_cpu *cpu, const struct block *b)
{
    const struct insn *i = &b->insn[0];

    return !(i->row->flags & ROW_ENDS) ||
           ((i->row->exec == x_call || i->row->exec == x_jmp) && (!cpu->code64 || i->opsize == 8));
}

/* May b, which control has come to at `rip`, be the next part? */
static bool may_follow(const struct recording *r, const struct block *b, uint64_t rip)
{
    return r->n < TRACE_MAX_BLOCKS && r->insns + b->n <= TRACE_MAX_INSNS && !b->dead && !b->host2 &&
           !b->debug && (r->n == 0 || (!contains(r, rip) && !path_at(b, rip)));
}

static bool run_recorded(struct tcg *t, struct block *b)
{
    struct x86_cpu *cpu = t->cpu;
    const struct insn *i = b->insn, *end = b->insn + b->n;

    t->running = b;
    t->running_rip = cpu->regs[R_RIP];
    do {
        uint64_t rip = cpu->regs[R_RIP];

        cpu->insn_start = rip;
        cpu->regs[R_RIP] = rip + i->len;
        i->exec(cpu, i);
        i++;
    } while (i != end && !cpu->stop_block);
    t->running = NULL;
    cpu->executed += (uint64_t)(i - b->insn);
    if (!cpu->code64) {
        cpu->regs[R_RIP] = (uint32_t)cpu->regs[R_RIP];
    }
    return i == end && !cpu->stop_block && !b->dead;
}

/* False: the trace would lie on too many pages, or on two that share a slot of the soft TLB. */
static bool note_page(struct block_path *p, uint64_t linear, const uint8_t *host)
{
    linear &= GUEST_PAGE_MASK;
    for (unsigned k = 0; k < p->n_pages; k++) {
        if (p->page[k].linear == linear) {
            return p->page[k].host == host;
        }
        if (tlb_exec_slot(p->page[k].linear) == tlb_exec_slot(linear)) {
            return false;
        }
    }
    if (p->n_pages == TRACE_MAX_PAGES) {
        return false;
    }
    p->page[p->n_pages].linear = linear;
    p->page[p->n_pages++].host = host;
    return true;
}

static void use_block(struct block *trace, unsigned k, struct block *b)
{
    struct trace_use *use = &trace->path->use[k];

    *use = (struct trace_use){ .trace = trace, .block = b, .next = b->uses };
    b->uses = use;
}

/* What leads to the first block's own code is to find the trace instead. */
static void take_over(struct tcg *t, struct block *head, const struct block_path *p)
{
    for (struct code *c = head->code; c; c = c->next) {
        if (c->key == p->key && c->mode == p->mode && c->variant == p->variant) {
            translator_unlink(t, c);
        }
    }
}

static bool ends_in_call(const struct block *b)
{
    x86_exec_fn *fn = b->insn[b->n - 1].row->exec;

    return fn == x_call || fn == x_call_ind;
}

static bool ends_in_return(const struct block *b)
{
    x86_exec_fn *fn = b->insn[b->n - 1].row->exec;

    return fn == x_ret || fn == x_ret_imm;
}

/*
 * How many of the first n blocks to keep, so that each call but a last one has its return among them, and each
 * return but a last one its call: or else the host's stack holds pairs that no return finds, or none for one.
 */
static unsigned balance(const struct recording *r, unsigned n)
{
    unsigned call[TRACE_MAX_BLOCKS], depth = 0;

    for (unsigned k = 0; k < n; k++) {
        if (ends_in_call(r->blocks[k])) {
            call[depth++] = k;
        } else if (ends_in_return(r->blocks[k]) && depth-- == 0) {
            return k + 1;
        }
    }
    return depth ? call[0] + 1 : n;
}

/* The path leads to where it began: calls and returns that are left lead there by the host's stack. */
static bool closes(const struct recording *r)
{
    const struct block *last = r->blocks[r->n - 1];

    return r->rip[r->n] == r->rip[0] && !ends_in_call(last) && !ends_in_return(last);
}

static bool note_page_of(struct block_path *p, struct tcg *t, const struct recording *r, unsigned k)
{
    uint64_t rip = r->rip[k];

    return note_page(p, t->cpu->code64 ? rip : (uint32_t)(r->base + rip),
                     host_page(r->blocks[k]->host));
}

/* Leaves what a trace can hold. */
static void trim(struct tcg *t, struct recording *r)
{
    struct block_path pages = { .n_pages = 0 };
    unsigned n = 0;

    while (n < r->n && note_page_of(&pages, t, r, n)) {
        n++;
    }
    r->n = balance(r, n);
    r->insns = 0;
    for (unsigned k = 0; k < r->n; k++) {
        r->insns += r->blocks[k]->n;
    }
}

static void add_trace(struct tcg *t, const struct recording *r, uint64_t variant)
{
    struct block *head = r->blocks[0];
    struct block *trace = g_malloc0(sizeof(*trace) + r->insns * sizeof(struct insn));
    struct block_path *p = g_malloc0(sizeof(*p) + (r->insns + 1) * sizeof(p->rip[0]) +
                                     r->n * sizeof(struct trace_use));

    p->use = (struct trace_use *)(p->rip + r->insns + 1);
    for (unsigned k = 0; k < r->n; k++) {
        const struct block *b = r->blocks[k];
        uint64_t rip = r->rip[k];

        note_page_of(p, t, r, k);
        for (unsigned n = 0; n < b->n; n++) {
            p->rip[trace->n] = rip;
            trace->insn[trace->n] = b->insn[n];
            trace->insn[trace->n++].x87_deferred = 0;
            rip += b->insn[n].len;
        }
    }
    p->n_blocks = r->n;
    p->rip[trace->n] = r->rip[r->n];
    p->loops = closes(r);
    p->variant = variant;
    p->mode = translator_mode(t->cpu);
    p->key = r->key;
    p->next = head->traces;
    trace->path = p;
    trace->jump = JUMP_CACHE_SIZE;
    trace->host = head->host;
    trace->code_size = head->code_size;
    trace->bytes = head->bytes;
    trace->system = r->blocks[r->n - 1]->system;
    trace->peek_low = 4096;
    for (unsigned k = 0; k < p->n_blocks; k++) {
        use_block(trace, k, r->blocks[k]);
    }
    head->traces = trace;
    t->n_traces++;
    take_over(t, head, p);
}

/* Enough of one to be worth its code. */
static bool worthwhile(const struct recording *r)
{
    return r->n > 1 || (r->n == 1 && closes(r));
}

/* For one more trace of b at the address of `key`: the oldest of another address goes where these are many. */
static bool make_room(struct tcg *t, struct block *b, uint64_t key, int mode)
{
    struct block *oldest = NULL;
    unsigned here = 0, elsewhere = 0;
    bool stop = t->cpu->stop_block;

    for (struct block *k = b->traces; k; k = k->path->next) {
        if (k->path->key == key && k->path->mode == mode) {
            here++;
        } else {
            elsewhere++;
            oldest = k;
        }
    }
    if (here < TRACES_A_BLOCK && elsewhere >= TRACES_ELSEWHERE) {
        kill_trace(t, oldest);
        t->cpu->stop_block = stop; /* none of its code is running */
    }
    return here < TRACES_A_BLOCK;
}

void trace_record(struct tcg *t, struct block *b)
{
    struct x86_cpu *cpu = t->cpu;
    struct recording r = { .base = cpu->seg[SEG_CS].base, .key = translator_key(cpu) };
    uint64_t variant = cpu->hot_variant;
    int mode = translator_mode(cpu);

    if (!may_begin(cpu, b) || trace_find(t, b, variant) || !make_room(t, b, r.key, mode)) {
        return;
    }
    while (may_follow(&r, b, cpu->regs[R_RIP]) && block_within_limit(cpu, b)) {
        r.blocks[r.n] = b;
        r.rip[r.n++] = cpu->regs[R_RIP];
        r.insns += b->n;
        if (!run_recorded(t, b)) {
            r.n--; /* where it led is not known */
            r.insns -= b->n;
            break;
        }
        r.rip[r.n] = cpu->regs[R_RIP];
        if (b->system || r.rip[r.n] == r.rip[0] || translator_mode(cpu) != mode) {
            break;
        }
        cpu->insn_start = cpu->regs[R_RIP];
        b = block_find(t);
    }
    for (unsigned k = 0; k < r.n; k++) {
        if (r.blocks[k]->dead) {
            return;
        }
    }
    trim(t, &r);
    if (worthwhile(&r)) {
        add_trace(t, &r, variant);
    }
}
