/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/branches.c: how blocks end.
 *
 * A direct jump is patched to its target's code; one to another page first compares what the soft TLB
 * says of the target with what was true when it was patched.  A return goes to where the host's stack says,
 * if the guest's says the same.  All other jumps look their target up in a table.  Backward jumps (in loops whose
 * pointers move once a page) and look-ups poll for whoever wants the vCPU's attention; a trace that goes on behind one
 * polls where it begins.
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

/* What is known of flags, to come back to. */
struct flag_state {
    bool host, memory;
    struct flag_desc desc;
};

static struct flag_state flag_state(const struct trans *x)
{
    return (struct flag_state){ x->host_flags, x->memory_flags, x->desc };
}

static void set_flag_state(struct trans *x, struct flag_state s)
{
    x->host_flags = s.host;
    x->memory_flags = s.memory;
    x->desc = s.desc;
}

static struct way *add_way(struct trans *x, int link, uint64_t target)
{
    struct way *w = &x->ways[x->n_ways++];

    *w = (struct way){ .link = link,
                       .memory_flags = x->memory_flags,
                       .host_flags = x->host_flags,
                       .swapped = x->swapped,
                       .desc = x->desc,
                       .target = target };
    return w;
}

/* cmp byte [exit_request], 0: the jump if somebody wants the vCPU. */
static uint8_t *emit_poll(struct trans *x)
{
    emit_insn(x->e, 0, 0x80, 7, rm_cpu(CPU_EXIT_REQUEST));
    emit8(x->e, 0);
    return emit_jump(x->e, CC_NZ);
}

static int32_t exec_slot(const struct trans *x, uint64_t linear)
{
    unsigned bank = x->t->cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;

    return (int32_t)(offsetof(struct x86_cpu, tlb.exec[bank]) +
                     tlb_exec_slot(linear) * sizeof(uint64_t));
}

/* Compares with the key of another page's target, filled in when the link is patched. */
static uint8_t *emit_page_check(struct trans *x, struct code_link *link, uint64_t linear)
{
    emit8(x->e, 0x49);
    emit8(x->e, 0xb8 | (H_R13 & 7));
    link->key = x->e->p;
    emit64(x->e, 0);
    emit_insn(x->e, E_W, 0x39, H_R13, rm_cpu((size_t)exec_slot(x, linear)));
    note_move(x, MOVE_EXEC_SLOT, linear);
    return emit_jump(x->e, CC_NZ);
}

static bool is_direct(const struct insn *i)
{
    x86_exec_fn *fn = i->row->exec;

    return fn == x_jcc || fn == x_jmp || fn == x_call || fn == x_loop || fn == x_jcxz;
}

/* Whoever comes from anywhere knows the page that the block begins in, not the one behind it. */
void emit_second_page_check(struct trans *x)
{
    uint64_t next = (linear_of(x, x->start) | 4095) + 1;

    next = x->word == 8 ? next : (uint32_t)next;
    emit_mov_imm(x->e, H_R13, tlb_exec_key(next, (uintptr_t)x->b->host2));
    note_move(x, MOVE_NEXT_PAGE, next);
    emit_insn(x->e, E_W, 0x39, H_R13, rm_cpu((size_t)exec_slot(x, next)));
    note_move(x, MOVE_EXEC_SLOT, next);
    add_way(x, -1, x->start)->jump[0] = emit_jump(x->e, CC_NZ);
}

/* The highest offset in CS that the code relies on: its own and those of direct branches. */
static uint32_t find_reach(const struct trans *x)
{
    uint32_t reach = 0;

    for (unsigned n = 0; n < x->b->n; n++) {
        const struct insn *i = &x->b->insn[n];
        uint64_t next = rip_of(x, n) + i->len;

        reach = MAX(reach, (uint32_t)MIN(next - 1, UINT32_MAX));
        if (is_direct(i)) {
            reach = MAX(reach, (uint32_t)branch_target(x, next, i));
        }
    }
    return reach;
}

void emit_limit_check(struct trans *x)
{
    struct emit *e = x->e;

    x->reach = find_reach(x);
    flags_for_check(x);
    emit_insn(e, 0, 0x81, 7, rm_cpu(offsetof(struct x86_cpu, seg[SEG_CS].limit)));
    emit32(e, x->reach);
    add_way(x, -1, x->start)->jump[0] = emit_jump(e, CC_B);
}

/* At a jump back: for whoever wants the vCPU, and for code that is hot. */
static void emit_polls(struct trans *x, uint64_t target, uint64_t variant)
{
    uint8_t *wanted = emit_poll(x);
    struct way *way;

    x->host_flags = false;
    add_way(x, -1, target)->jump[0] = wanted;
    emit_insn(x->e, 0, 0x83, 5, rm_cpu(CPU_COUNTER(key_of(x, target))));
    note_move(x, MOVE_COUNTER, target);
    emit8(x->e, 1);
    way = add_way(x, -1, target);
    way->jump[0] = emit_jump(x->e, CC_S);
    way->hot = true;
    way->variant = variant;
}

void emit_trace_pages(struct trans *x)
{
    const struct block_path *p = x->b->path;
    struct way *way;

    if (p->n_pages < 2) {
        return;
    }
    flags_for_check(x);
    /* The run loop, which is told the variant, finds the trace and its pages again. */
    x->links[x->n_links] =
        (struct code_link){ .target = key_of(x, x->start), .variant = x->variant, .stays = true };
    way = add_way(x, (int)x->n_links++, x->start);
    for (unsigned k = 1; k < p->n_pages; k++) {
        emit_mov_imm(x->e, H_R13, tlb_exec_key(p->page[k].linear, (uintptr_t)p->page[k].host));
        emit_insn(x->e, E_W, 0x39, H_R13, rm_cpu((size_t)exec_slot(x, p->page[k].linear)));
        way->jump[k - 1] = emit_jump(x->e, CC_NZ);
    }
}

/* Instruction n of a trace goes on where code on its own would poll: back, or by a look-up. */
static bool passes_poll(const struct trans *x, unsigned n)
{
    x86_exec_fn *fn = x->b->insn[n].row->exec;

    return fn == x_jmp_ind || fn == x_call_ind ||
           ((fn == x_jcc || fn == x_jmp || fn == x_call) &&
            x->b->path->rip[n + 1] <= x->b->path->rip[n]);
}

void emit_trace_poll(struct trans *x)
{
    bool passes = false;

    for (unsigned n = 0; n + 1 < x->b->n; n++) {
        passes = passes || passes_poll(x, n);
    }
    if (passes) {
        flags_for_check(x);
        add_way(x, -1, x->start)->jump[0] = emit_poll(x);
    }
}

/*
 * Checks before the loop hold for what the registers are where it closes, which may be otherwise at a
 * side exit to the same address.
 */
static bool hoists_hold(const struct trans *x)
{
    bool hold = true;

    for (unsigned g = 0; g < x->n_groups; g++) {
        hold = hold && !x->groups[g].hoisted;
    }
    return hold || x->n == x->b->n - 1u;
}

/*
 * Back to where the trace's loop begins, if condition cc holds (negative: always).  False: flags are
 * not as they are expected there, or checks.  `need`: they are read or shown there, or at the poll.
 */
static bool emit_loop_back(struct trans *x, int cc, uint32_t need)
{
    struct flag_state before;
    uint8_t *over = NULL, *wanted;

    if (!hoists_hold(x) || (x->variant && desc_pack(&x->desc) != x->variant)) {
        return false;
    }
    if (need && !x->variant) {
        flags_to_memory(x);
    }
    before = flag_state(x);
    if (cc >= 0) {
        over = emit_jump(x->e, cc ^ 1);
    }
    x->host_flags = false;
    vectors_for_loop(x);
    emit_turn(x);
    wanted = emit_poll(x);
    add_way(x, -1, x->start)->jump[0] = wanted;
    patch_jump(emit_jump(x->e, -1), x->move ? x->move : x->loop);
    if (over) {
        patch_jump(over, x->e->p);
    }
    set_flag_state(x, before);
    return true;
}

/*
 * Returns.  A call that ends a block pushes the guest's return address on the host's stack and calls; behind that goes
 * on what runs when the guest returns there.  A return compares its target with the address on top and returns
 * likewise, so that the host predicts it as it does its own; or looks its target up.
 */

/* Makes room, if there is none: all that came before is dropped.  EFLAGS are lost. */
static void emit_room_for_pair(struct trans *x)
{
    uint8_t *over;

    flags_for_check(x);
    emit_insn(x->e, E_W, 0x3b, H_RSP, rm_cpu(offsetof(struct x86_cpu, return_limit)));
    emit_bytes(x->e, "\x73\x00", 2); /* jae over the next */
    over = x->e->p;
    emit_load(x->e, H_RSP, rm_cpu(offsetof(struct x86_cpu, return_base)));
    over[-1] = (uint8_t)(x->e->p - over);
}

/* The guest's return address.  Uses R15. */
static void emit_push_pair(struct trans *x, uint64_t next)
{
    if (next == (uint64_t)(int32_t)next) {
        emit8(x->e, 0x68);
        emit32(x->e, (uint32_t)next);
    } else {
        emit_mov_linear(x, H_R15, next);
        emit_insn(x->e, 0, 0xff, 6, rm_reg(H_R15));
    }
}

/*
 * Goes on at a linear address if condition cc of the host holds (negative: always).  Not NULL: it is called, and returns
 * to *next.
 */
static void emit_way_to(struct trans *x, int cc, uint64_t target, bool poll, const uint64_t *next)
{
    struct flag_state before = flag_state(x);
    bool near = ((linear_of(x, target) ^ linear_of(x, x->start)) >> 12) == 0;
    uint32_t need = live_at(x, target) | (poll ? FLAGS_ARITH : 0);
    struct code_link *link = &x->links[x->n_links];
    uint8_t *over = NULL;
    uint64_t variant;
    struct way *way;

    if (need && !x->memory_flags && x->desc.kind == DESC_NONE) {
        flags_to_memory(x);
        before = flag_state(x);
    }
    if (!next && x->loop && target == x->start && emit_loop_back(x, cc, need)) {
        return;
    }
    variant = x->memory_flags || !need ? 0 : desc_pack(&x->desc);
    if (cc >= 0 && (poll || !near)) {
        over = emit_jump(x->e, cc ^ 1);
        cc = -1;
    }
    if (poll) {
        emit_polls(x, target, variant);
    }
    *link = (struct code_link){ .target = key_of(x, target), .variant = variant };
    if (!near) {
        uint8_t *elsewhere = emit_page_check(x, link, linear_of(x, target));

        x->host_flags = false;
        way = add_way(x, (int)x->n_links, target);
        way->jump[1] = elsewhere;
    } else {
        way = add_way(x, (int)x->n_links, target);
    }
    if (next) {
        emit_push_pair(x, *next);
        emit8(x->e, 0xe8);
        emit32(x->e, 0);
        note_field(x->e);
        way->jump[0] = x->e->p - 4;
    } else {
        way->jump[0] = emit_jump(x->e, cc);
    }
    link->field = x->swapped ? NULL : way->jump[0]; /* or out of line, behind the exchange */
    x->n_links++;
    if (over) {
        patch_jump(over, x->e->p);
    }
    set_flag_state(x, before);
}

static void emit_edge(struct trans *x, int cc, uint64_t target)
{
    emit_way_to(x, cc, target, target <= x->rip, NULL);
}

void emit_goto(struct trans *x, uint64_t target)
{
    emit_edge(x, -1, target);
}

/* Behind a call: where returns lead. */
static void emit_return_here(struct trans *x, uint64_t next)
{
    x->memory_flags = true;
    x->host_flags = x->memory_exact = false;
    x->desc.kind = DESC_NONE;
    set_swapped(x, false);
    emit_way_to(x, -1, next, false, NULL);
}

/* R13, an instruction pointer, becomes its key.  Uses R14. */
static void emit_key(struct trans *x)
{
    if (x->segment_key) {
        emit_insn(x->e, 0, 0x81, 0, rm_reg(H_R13));
        emit32(x->e, x->base);
        emit_mov_imm(x->e, H_R14, x->segment_key);
        emit_insn(x->e, E_W, 0x09, H_R14, rm_reg(H_R13));
    }
}

/* Of the table for the mode of now, from the CPU. */
static size_t table_offset(const struct trans *x)
{
    return (size_t)((uint8_t *)code_table(x->k, x->t->cpu) - (uint8_t *)x->t->cpu);
}

/* R13: the target, canonical if it is in the table; of a call, which returns to *next, or a jump.  Flags are in memory. */
static void emit_lookup_inline(struct trans *x, int32_t rsp_add, const uint64_t *next)
{
    const size_t table = table_offset(x);
    unsigned bank = x->t->cpu->cpl == 3 ? TLB_USER : TLB_KERNEL;
    struct emit *e = x->e;
    struct way *w, *hot;

    emit_leave_mapping(x);
    emit_key(x);
    w = add_way(x, -1, 0);
    w->indirect = true;
    w->rsp_add = rsp_add;
    w->jump[0] = emit_poll(x);
    w->again = e->p;
    emit_table_slot(x->k, e);
    emit_insn(e, E_W, 0x39, H_R13, rm_cpu_at(H_R14, table + offsetof(struct code_entry, rip)));
    w->jump[1] = emit_jump(e, CC_NZ);
    emit_insn(e, 0, 0x83, 5, rm_cpu_at(H_R14, table + offsetof(struct code_entry, left)));
    emit8(e, 1);
    hot = add_way(x, -1, 0);
    hot->indirect = hot->hot = true;
    hot->rsp_add = rsp_add;
    hot->jump[0] = emit_jump(e, CC_S);
    emit_insn(e, 0, 0x8b, H_R15, rm_cpu_at(H_R14, table + offsetof(struct code_entry, slot)));
    emit_load(e, H_R15, rm_cpu_at(H_R15, offsetof(struct x86_cpu, tlb.exec[bank])));
    emit_insn(e, E_W, 0x3b, H_R15, rm_cpu_at(H_R14, table + offsetof(struct code_entry, key)));
    w->jump[2] = emit_jump(e, CC_NZ);
    if (rsp_add) {
        emit_add_rsp(x, rsp_add);
    }
    if (next) {
        emit_push_pair(x, *next);
    }
    emit_insn(e, 0, 0xff, next ? 2 : 4,
              rm_cpu_at(H_R14, table + offsetof(struct code_entry, exec)));
    if (next) {
        emit_return_here(x, *next);
    }
}

static void end_jcc(struct trans *x, const struct insn *i, uint64_t next)
{
    emit_bounded_turn(x);
    need_host_flags(x);
    emit_edge(x, i->opcode & 15, branch_target(x, next, i));
    emit_edge(x, -1, next);
}

/* Pushes the address behind a call. */
static void emit_push_return(struct trans *x, uint64_t next)
{
    unsigned size = x->b->insn[x->n].opsize;
    struct emit_rm rm = stack_begin(x, x->n, R_RSP, -(int32_t)size, true, SITE_REST);

    if (size != 8 || next == (uint64_t)(int32_t)next) {
        emit_insn(x->e, size_form(size), 0xc7, 0, rm);
        emit_bytes(x->e, &next, size == 2 ? 2 : 4);
    } else {
        emit_mov_linear(x, H_R14, next);
        emit_store(x->e, H_R14, rm);
    }
    emit_add_rsp(x, -(int32_t)size);
}

static void end_call(struct trans *x, const struct insn *i, uint64_t next)
{
    uint64_t target = branch_target(x, next, i);

    if (desc_uses(&x->desc, 1u << R_RSP)) {
        flags_to_memory(x);
    }
    emit_room_for_pair(x);
    emit_push_return(x, next);
    emit_way_to(x, -1, target, target <= x->rip, &next);
    emit_return_here(x, next);
}

/* An instruction pointer in memory or a register to R13. */
static void emit_load_target(struct trans *x, struct emit_rm rm)
{
    unsigned size = x->b->insn[x->n].opsize;

    if (size == 2) {
        emit_insn(x->e, MAP_0F, 0xb7, H_R13, rm);
    } else {
        emit_insn(x->e, size_form(size), 0x8b, H_R13, rm);
    }
}

/* R13 holds a target: beyond the code segment it faults at the branch.  Flags are in memory. */
static void emit_target_check(struct trans *x)
{
    if (x->segmented) {
        emit_insn(x->e, 0, 0x3b, H_R13, rm_cpu(offsetof(struct x86_cpu, seg[SEG_CS].limit)));
        x->host_flags = false;
        add_site(x, emit_jump(x->e, CC_A), SITE_REST);
    }
}

static void end_ret(struct trans *x, unsigned extra)
{
    int32_t rsp_add = (int32_t)(x->b->insn[x->n].opsize + extra);
    struct way *other;

    flags_to_memory(x);
    emit_load_target(x, stack_begin(x, x->n, R_RSP, 0, false, SITE_REST));
    emit_target_check(x);
    emit_leave_mapping(x);
    emit_insn(x->e, E_W, 0x3b, H_R13, rm_mem(H_RSP, RETURN_GUEST));
    other = add_way(x, -1, 0);
    other->lookup = true;
    other->rsp_add = rsp_add;
    other->jump[0] = emit_jump(x->e, CC_NZ);
    emit_add_rsp(x, rsp_add);
    emit_bytes(x->e, "\xc2\x08\x00", 3); /* ret 8 */
}

/* The target of an indirect branch to R13. */
static void emit_branch_target(struct trans *x, const struct insn *i)
{
    if (i->op[0].kind == OPND_MEM) {
        emit_load_target(x, mem_begin_last(x, x->n, &i->op[0]));
    } else {
        emit_load_target(x, register_operand(x, i->op[0].reg));
    }
}

/* R13 holds a target: one that is not canonical faults at the branch.  Uses R14. */
static void emit_canonical_check(struct trans *x)
{
    struct emit *e = x->e;

    if (x->word != 8) {
        return;
    }
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R14));
    emit_insn(e, E_W, 0xc1, 7, rm_reg(H_R14));
    emit8(e, 47);
    emit_insn(e, 0, 0xff, 0, rm_reg(H_R14)); /* 0 or 1 when it is */
    emit_insn(e, 0, 0x83, 7, rm_reg(H_R14));
    emit8(e, 1);
    add_site(x, emit_jump(e, CC_A), SITE_REST);
}

static void end_call_indirect(struct trans *x, const struct insn *i, uint64_t next)
{
    const struct emit_rm kept = rm_cpu(offsetof(struct x86_cpu, branch_target));

    flags_to_memory(x);
    emit_branch_target(x, i);
    x->host_flags = false;
    emit_canonical_check(x);
    emit_target_check(x);
    emit_store(x->e, H_R13, kept);
    emit_push_return(x, next);
    emit_load(x->e, H_R13, kept);
    emit_room_for_pair(x);
    emit_lookup_inline(x, 0, &next);
}

/*
 * LOOP and JCXZ, which leave the flags alone: so does JRCXZ on a counter cut to its size.  Returns the jump
 * that is taken when the counter is 0; count_restored() stands at both of its ends.
 */
static uint8_t *emit_count(struct trans *x, const struct insn *i)
{
    struct emit *e = x->e;

    if (i->row->exec == x_loop) {
        emit_insn(e, size_form(i->addrsize), 0x8d, H_RCX, rm_mem(H_RCX, -1));
    }
    if (i->addrsize == 2) {
        emit_insn(e, E_W, 0x89, H_RCX, rm_reg(H_R14));
        emit_insn(e, MAP_0F, 0xb7, H_RCX, rm_reg(H_RCX));
    } else if (i->addrsize == 4) {
        emit8(e, 0x67);
    }
    emit_bytes(e, "\xe3\x02\xeb\x05", 4); /* jrcxz over the jump over what follows */
    return emit_jump(e, -1);
}

static void count_restored(struct trans *x, const struct insn *i)
{
    if (i->addrsize == 2) {
        emit_insn(x->e, E_W, 0x89, H_R14, rm_reg(H_RCX));
    }
}

static void end_count(struct trans *x, const struct insn *i, uint64_t next)
{
    uint64_t target = branch_target(x, next, i);
    bool loop = i->row->exec == x_loop;
    struct flag_state before;
    uint8_t *is_zero;

    if (loop && desc_uses(&x->desc, 1u << R_RCX)) {
        flags_to_memory(x);
        x->desc.kind = DESC_NONE;
    }
    before = flag_state(x);
    is_zero = emit_count(x, i);
    count_restored(x, i);
    emit_edge(x, -1, loop ? target : next);
    patch_jump(is_zero, x->e->p);
    count_restored(x, i);
    set_flag_state(x, before);
    emit_edge(x, -1, loop ? next : target);
}

static uint64_t next_rip(const struct trans *x, const struct insn *i)
{
    return x->word == 8 ? x->rip + i->len : (uint32_t)(x->rip + i->len);
}

static bool emittable_branch(const struct trans *x, const struct insn *i)
{
    return stack_operand(x, i) && !(x->word == 8 && i->op[0].kind == OPND_IMM &&
                                    (next_rip(x, i) + i->imm + (1ull << 47)) >> 48);
}

/* Traces ----------------------------------------------------------------------------------------- */

/* R13 holds a target: if it is not the one that the trace goes on with, the branch's own block runs. */
static void emit_guard(struct trans *x, uint64_t expected)
{
    struct emit *e = x->e;

    flags_for_check(x);
    if (x->word != 8 || expected == (uint64_t)(int64_t)(int32_t)expected) {
        emit_insn(e, x->word == 8 ? E_W : 0, 0x81, 7, rm_reg(H_R13));
        emit32(e, (uint32_t)expected);
    } else {
        emit_mov_imm(e, H_R14, expected);
        emit_insn(e, E_W, 0x39, H_R14, rm_reg(H_R13));
    }
    emit_way_to(x, CC_NZ, x->rip, false, NULL);
}

static void pass_ret(struct trans *x, unsigned extra, uint64_t expected)
{
    emit_load_target(x, stack_begin(x, x->n, R_RSP, 0, false, SITE_REST));
    emit_guard(x, expected);
    emit_add_rsp(x, (int32_t)(x->b->insn[x->n].opsize + extra));
}

bool emit_trace_branch(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    uint64_t next = next_rip(x, i), expected = x->b->path->rip[n + 1];
    uint64_t target = branch_target(x, next, i);
    x86_exec_fn *fn = i->row->exec;

    x->slot_used = false;
    if (!(i->row->flags & ROW_F64) || !emittable_branch(x, i)) {
        return false;
    }
    if (fn == x_jcc && (expected == target || expected == next)) {
        if (target != next) {
            need_host_flags(x);
            emit_edge(x, (i->opcode & 15) ^ (expected == target),
                      expected == target ? next : target);
        }
    } else if (fn == x_jmp && expected == target) {
        /* nothing to do */
    } else if (fn == x_call && expected == target) {
        emit_push_return(x, next);
    } else if (fn == x_ret) {
        pass_ret(x, 0, expected);
    } else if (fn == x_ret_imm) {
        pass_ret(x, (unsigned)i->imm & 0xffff, expected);
    } else if (fn == x_jmp_ind || fn == x_call_ind) {
        emit_branch_target(x, i);
        emit_guard(x, expected);
        if (fn == x_call_ind) {
            emit_push_return(x, next);
        }
    } else {
        return false;
    }
    return true;
}

bool emit_branch(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    uint64_t next = next_rip(x, i);
    x86_exec_fn *fn = i->row->exec;

    x->n = n;
    x->slot_used = false;
    if (!emittable_branch(x, i)) {
        return false;
    }
    if (fn == x_jcc) {
        end_jcc(x, i, next);
    } else if (fn == x_loop || fn == x_jcxz) {
        end_count(x, i, next);
    } else if (fn == x_jmp) {
        emit_goto(x, branch_target(x, next, i));
    } else if (fn == x_call) {
        end_call(x, i, next);
    } else if (fn == x_ret) {
        end_ret(x, 0);
    } else if (fn == x_ret_imm) {
        end_ret(x, (unsigned)i->imm & 0xffff);
    } else if (fn == x_jmp_ind) {
        flags_to_memory(x);
        emit_branch_target(x, i);
        emit_target_check(x);
        emit_lookup_inline(x, 0, NULL);
    } else if (fn == x_call_ind) {
        end_call_indirect(x, i, next);
    } else {
        return false;
    }
    return true;
}

/* Out of line ------------------------------------------------------------------------------------ */

static void way_flags(struct trans *x, const struct way *w)
{
    if (w->memory_flags) {
        return;
    }
    if (!w->host_flags) {
        emit_recompute(x, &w->desc);
    }
    emit_save_flags(x->e);
}

/* To the run loop at R13, which records a trace there if the way says so. */
static void emit_leave(struct trans *x, const struct way *w)
{
    if (w->hot) {
        emit_mov_imm(x->e, H_R14, w->variant);
    }
    patch_jump(emit_jump(x->e, -1), w->hot ? x->k->leave_hot : x->k->leave);
}

/* Another's entry was found: it may be in the other place. */
static void emit_other_place(struct trans *x, const struct way *w)
{
    patch_jump(w->jump[1], x->e->p);
    emit_lea(x->e, H_R14, rm_cpu_at(H_R14, table_offset(x)));
    emit_call(x->e, x->k->other_entry);
    patch_jump(emit_jump(x->e, CC_Z), w->again);
}

static void emit_indirect_way(struct trans *x, const struct way *w)
{
    if (!w->hot) { /* a hot one is in the table */
        emit_canonical_check(x);
    }
    if (w->rsp_add) {
        emit_add_rsp(x, w->rsp_add);
    }
    if (x->segment_key) { /* the instruction pointer again */
        emit_insn(x->e, 0, 0x8d, H_R13, rm_mem(H_R13, -(int32_t)x->base));
    }
    emit_leave(x, w);
}

/* Where the exchange of registers stands before what is patched. */
static void emit_swapped_way(struct trans *x, const struct way *w, struct code_link *link)
{
    uint8_t *over = NULL;

    if (w->jump[1]) { /* another page is there: not by the patched jump */
        patch_jump(w->jump[1], x->e->p);
        emit_leave_mapping(x);
        over = emit_jump(x->e, -1);
        set_swapped(x, true);
    }
    patch_jump(w->jump[0], x->e->p);
    emit_leave_mapping(x);
    link->field = emit_jump(x->e, -1);
    patch_jump(link->field, x->e->p);
    if (over) {
        patch_jump(over, x->e->p);
    }
}

static void emit_link_way(struct trans *x, const struct way *w)
{
    struct code_link *link = &x->links[w->link];

    if (w->swapped) {
        emit_swapped_way(x, w, link);
    }

    link->stub = x->e->p;
    way_flags(x, w);
    emit_link_stub(x, link);
}

void emit_link_stub(struct trans *x, struct code_link *link)
{
    struct emit *e = x->e;

    link->generic = emit_jump(e, -1);
    emit_mov_linear(x, H_R13, x->word == 8 ? link->target : (uint32_t)link->target - x->base);
    /* The link's own address is known once the code is allocated: finish() fills it in. */
    emit8(e, 0x49);
    emit8(e, 0xb8 | (H_R14 & 7));
    x->link_self[link - x->links] = e->p;
    emit64(e, 0);
    note_move(x, MOVE_LINK, (uint64_t)(link - x->links));
    patch_jump(emit_jump(e, -1), x->k->exit_to);
}

void emit_ways(struct trans *x)
{
    for (unsigned n = 0; n < x->n_ways; n++) {
        struct way *w = &x->ways[n];

        if (w->again) {
            emit_other_place(x, w);
            w->jump[1] = NULL;
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(w->jump); k++) {
            if (w->jump[k]) {
                patch_jump(w->jump[k], x->e->p);
            }
        }
        set_swapped(x, w->swapped);
        if (w->link < 0) {
            emit_leave_mapping(x);
        }
        if (w->lookup) {
            emit_lookup_inline(x, w->rsp_add, NULL);
        } else if (w->indirect) {
            emit_indirect_way(x, w);
        } else if (w->link >= 0) {
            emit_link_way(x, w);
        } else {
            way_flags(x, w);
            emit_mov_linear(x, H_R13, w->target);
            emit_leave(x, w);
        }
    }
}
