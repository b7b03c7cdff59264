/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/translate.c: a block of decoded 64-bit code to host code.
 *
 * Pass one goes backward and finds where arithmetic flags are live.  Pass two emits: instructions
 * as they stand with their registers renamed and their memory operand replaced by a checked host
 * address; what it does not emit is run by the interpreter in place.  A check that fails runs the
 * instruction in the interpreter, out of line.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"

#define ROOM_A_BLOCK (1024 * MAX_INSNS)

/* By the interpreter, in place. */
static void emit_interpreted(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];

    flags_to_memory(x);
    emit_mov_imm(x->e, H_R14, (uintptr_t)i);
    emit_mov_linear(x, H_R13, x->rip);
    emit_call(x->e, x->k->interpret_in_place);
    x->vectors_loaded = VECTORS_NONE;
    x->host_flags = false;
    x->memory_flags = x->memory_exact = true;
    x->desc.kind = DESC_NONE;
    forget_x87_pointers(x);
}

/* The immediate as it is now.  EFLAGS stay. */
static void emit_loose(struct trans *x, const struct insn *i)
{
    static const uint8_t loads[9][4] = { /* to R13 from [R13], sign-extended */
                                         [1] = { 0x4d, 0x0f, 0xbe, 0x6d },
                                         [2] = { 0x4d, 0x0f, 0xbf, 0x6d },
                                         [4] = { 0x4d, 0x63, 0x6d },
                                         [8] = { 0x4d, 0x8b, 0x6d }
    };

    emit_mov_imm(x->e, H_R13, i->imm);
    emit_bytes(x->e, loads[i->loose], i->loose <= 2 ? 4 : 3);
    emit8(x->e, 0);
    emit_store(x->e, H_R13, guest_memory(R_LOOSE));
}

/* What is out of line lies apart, so that the rest fills the host's caches. */
static void emit_cold(struct trans *x)
{
    uint8_t *end = x->e->p;

    x->cold = x->e->p = x->k->cold;
    emit_ways(x);
    emit_sites(x);
    x->k->cold = x->e->p;
    x->e->p = end;
}

static void begin_trace(struct trans *x)
{
    if (x->b->path->loops) {
        hoist_vectors(x);
        emit_hoisted(x);
        x->loop = x->e->p;
    }
}

/* A branch that traces do not pass: the code of its own block does it. */
static void leave_trace(struct trans *x)
{
    emit_goto(x, x->rip);
}

/* An instruction that is not emitted as it stands. */
static void emit_other(struct trans *x, unsigned n)
{
    bool swapped;

    /* Where the code has registers: a group that moves needs its own in one of the host. */
    if (emit_system(x, n)) {
        return;
    }
    swapped = emit_leave_mapping(x);
    if (emit_string(x, n)) {
        x->how[n] = "thunk";
        x->vectors_loaded = VECTORS_NONE; /* it may have become a call-out */
        forget_x87_pointers(x);
    } else {
        x->how[n] = "call-out";
        emit_interpreted(x, n);
    }
    if (swapped) {
        emit_enter_mapping(x);
    }
}

static void emit_block(struct trans *x)
{
    unsigned n, last = x->b->n - 1u;

    if (x->segmented) {
        emit_limit_check(x);
    }
    if (x->b->host2) {
        emit_second_page_check(x);
    }
    if (x->b->path) {
        emit_trace_pages(x);
        emit_trace_poll(x);
    }
    if (x->n_swaps) {
        emit_enter_mapping(x);
    }
    if (x->b->path) {
        begin_trace(x);
    }
    for (n = 0; n <= last; n++) {
        const struct insn *i = &x->b->insn[n];

        if (n >= x->stretch.end) {
            end_stretch(x);
        }
        settle_x87_pointers(x, n);
        x->n = n;
        x->how[n] = NULL;
        x->rip = x->b->path ? x->b->path->rip[n] : x->rip;
        check_early(x, n);
        if ((i->row->flags & ROW_ENDS) && n < last) {
            x->how[n] = "on path";
            desc_before(x, n);
            if (!emit_trace_branch(x, n)) {
                leave_trace(x);
                break;
            }
            desc_after(x, n);
            continue;
        }
        if (i->row->flags & ROW_ENDS) {
            x->how[n] = "branch";
            if (!(i->row->flags & ROW_F64) || !emit_branch(x, n)) {
                x->how[n] = "system";
                emit_leave_mapping(x);
                emit_system_last(x, n);
            }
            break;
        }
        x->how[n] = "emitted";
        if (emit_in_stretch(x, n)) {
            x->rip += i->len;
            continue;
        }
        desc_before(x, n);
        if (i->loose) {
            emit_loose(x, i);
        }
        x->before_last = x->e->p;
        if (emit_one(x, n)) {
            desc_after(x, n);
            x->desc.kind = i->loose ? DESC_NONE : x->desc.kind; /* R_LOOSE changes again */
        } else {
            emit_other(x, n);
        }
        x->rip += i->len;
    }
    if (n > last) { /* no branch: on to the next block */
        uint64_t next = x->word == 8 ? x->rip : (uint32_t)x->rip;

        settle_x87_pointers(x, n);
        x->n = last;
        x->rip -= x->b->insn[last].len; /* forward: nothing to poll for */
        emit_goto(x, next);
    }
    emit_cold(x);
}

/* The links' addresses go into their stubs. */
static struct code *finish(struct trans *x)
{
    size_t image = moves_end(x), size = sizeof(struct code) + x->n_links * sizeof(struct code_link);
    struct code *c = g_malloc0(size + image);

    c->block = x->b;
    c->key = key_of(x, x->start);
    c->mode = translator_mode(x->t->cpu);
    c->reach = x->reach;
    c->variant = x->variant;
    c->entry = x->entry;
    c->links = (struct code_link *)(c + 1);
    c->n_links = x->n_links;
    for (unsigned n = 0; n < x->n_links; n++) {
        uint64_t address = (uintptr_t)&c->links[n];

        c->links[n] = x->links[n];
        c->links[n].page = host_page(x->b->host);
        memcpy(x->link_self[n], &address, 8);
    }
    if (image) {
        c->image = (struct code_image *)((uint8_t *)c + size);
        moves_keep(x, c->image);
    }
    return c;
}

/* c is code of its block; low, high: see block_translated. */
static struct code *enter_code(struct tcg *t, struct code *c, unsigned low, unsigned high)
{
    keep_code(c->block, c);
    block_translated(t, c->block, low, high);
    code_buffer_written(t->backend, t->cpu);
    return c;
}

static bool translatable(const struct trans *x)
{
    const struct x86_cpu *cpu = x->t->cpu;

    return translator_mode(cpu) >= 0 && !x->b->dead && !(x->b->host2 && x->variant);
}

struct code *translator_translate(struct tcg *t, struct block *b, uint64_t rip, uint64_t variant)
{
    struct backend *k = t->backend;
    struct trans x;
    struct code *copy;

    memset(&x, 0, offsetof(struct trans, live));
    x.t = t;
    x.k = k;
    x.e = &k->e;
    x.b = b;
    x.start = x.rip = rip;
    x.word = t->cpu->code_size;
    x.stack = t->cpu->stack_size;
    x.base = t->cpu->code64 ? 0 : (uint32_t)t->cpu->seg[SEG_CS].base;
    x.segment_key = translator_segment_key(t->cpu);
    x.segmented = translator_mode(t->cpu) & MODE_SEGMENTED;
    x.variant = variant;
    x.desc = desc_unpack(variant);
    x.memory_flags = x.desc.kind == DESC_NONE;
    x.active = -1;
    x.peek_low = 4096;
    x.x87.ds = -1;
    if (!translatable(&x) || translator_full(t)) {
        return NULL;
    }
    if (b->n_codes >= MAX_CODES) { /* processes that are gone had its library elsewhere */
        forget_copies(t, b);
    }
    copy = k->no_copies ? NULL : copy_code(t, b, rip, variant);
    if (copy) {
        return enter_code(t, copy, b->peek_low, b->peek_high);
    }
    x.tlb = (int32_t)(offsetof(struct x86_cpu, tlb.entry) +
                      t->cpu->bank * sizeof(t->cpu->tlb.entry[0]));
    find_live_flags(&x);
    choose_mapping(&x);
    plan_accesses(&x);
    lend_registers(&x);
    set_swapped(&x, false);
    x.entry = k->e.p = code_start(k);
    moves_begin(&x);
    emit_block(&x);
    log_translation(&x);
    t->n_translated++;
    return enter_code(t, finish(&x), x.peek_low, x.peek_high);
}

bool translator_full(struct tcg *t)
{
    struct backend *k = t->backend;

    return (size_t)(k->cold_begin - k->e.p) < ROOM_A_BLOCK ||
           (size_t)(k->e.end - k->cold) < ROOM_A_BLOCK;
}
