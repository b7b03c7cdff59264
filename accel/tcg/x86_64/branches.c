/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/branches.c: how blocks end: direct jumps that are patched within a page, look-ups for
 * all others, and polls for whoever wants the vCPU's attention.  Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/trans.h"
#include "target/i386/exec_int.h"

/* R13: the target.  Polls, so the flags must be in memory. */
static void emit_to_lookup(struct trans *x)
{
    if (!x->memory_flags) {
        emit_save_flags(x->e);
    }
    patch_jump(emit_jump(x->e, -1), x->k->lookup);
}

/* Leaves through a look-up if anybody wants the vCPU's attention; touches no flag otherwise. */
static void emit_poll(struct trans *x, uint64_t target)
{
    static const uint8_t jrcxz_over_jump[] = { 0xe3, 0x05 };
    struct emit *e = x->e;
    uint8_t *wanted, *go_on;

    emit_insn(e, E_W, 0x89, H_RCX, rm_reg(H_R13));
    emit_insn(e, MAP_0F, 0xb6, H_RCX, rm_cpu(CPU_EXIT_REQUEST));
    emit_bytes(e, jrcxz_over_jump, sizeof(jrcxz_over_jump));
    wanted = emit_jump(e, -1);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RCX));
    go_on = emit_jump(e, -1);
    patch_jump(wanted, e->p);
    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_RCX));
    emit_mov_imm(e, H_R13, target);
    emit_to_lookup(x);
    patch_jump(go_on, e->p);
}

/*
 * Goes on at a linear address: directly within the page, else by a look-up, which also polls.  A
 * backward jump polls itself.  Flags that are live there are in memory; at a way out all are.
 */
void emit_goto(struct trans *x, uint64_t target)
{
    struct emit *e = x->e;
    struct code_link *link;

    if (((target ^ x->start) >> 12) || x->n_links == G_N_ELEMENTS(x->links)) {
        emit_mov_imm(e, H_R13, target);
        emit_to_lookup(x);
        return;
    }
    if (target <= x->rip) {
        emit_poll(x, target);
    }
    link = &x->links[x->n_links++];
    link->target = target;
    link->field = emit_jump(e, -1);
    link->stub = e->p;
    patch_jump(link->field, link->stub);
    if (!x->memory_flags) {
        emit_save_flags(e);
    }
    emit_mov_imm(e, H_R13, target);
    emit_store(e, H_R13, rm_cpu(CPU_REG(R_RIP)));
    /* The link's own address is known once the code is allocated: finish() fills it in. */
    emit8(e, 0x49);
    emit8(e, 0xb8 | (H_R14 & 7));
    link->self = e->p;
    emit64(e, 0);
    patch_jump(emit_jump(e, -1), x->k->exit);
}

static void end_jcc(struct trans *x, const struct insn *i, uint64_t next)
{
    uint8_t *taken;

    need_host_flags(x);
    save_flags(x, x->live[x->b->n]);
    taken = emit_jump(x->e, i->opcode & 15);
    emit_goto(x, next);
    patch_jump(taken, x->e->p);
    emit_goto(x, next + i->imm);
}

static void end_call(struct trans *x, const struct insn *i, uint64_t next)
{
    emit_lea(x->e, H_R13, rm_mem(H_R12, -8));
    emit_check(x, i, 8, true, true);
    emit_mov_imm(x->e, H_R14, next);
    emit_store(x->e, H_R14, rm_mem(H_R13, 0));
    emit_add_rsp(x, -8);
    emit_goto(x, next + i->imm);
}

/* R13 holds a target: one that is not canonical faults at the branch.  Flags are saved; uses R14. */
static void emit_canonical_check(struct trans *x, const struct insn *i)
{
    struct emit *e = x->e;

    emit_insn(e, E_W, 0x89, H_R13, rm_reg(H_R14));
    emit_insn(e, E_W, 0xc1, 7, rm_reg(H_R14));
    emit8(e, 47);
    emit_insn(e, 0, 0xff, 0, rm_reg(H_R14)); /* 0 or 1 when it is */
    emit_insn(e, 0, 0x83, 7, rm_reg(H_R14));
    emit8(e, 1);
    add_site(x, emit_jump(e, CC_A), i, true);
}

static bool end_ret(struct trans *x, const struct insn *i, unsigned extra)
{
    emit_insn(x->e, E_W, 0x89, H_R12, rm_reg(H_R13));
    emit_check(x, i, 8, false, true);
    emit_load(x->e, H_R13, rm_mem(H_R13, 0));
    emit_canonical_check(x, i);
    emit_add_rsp(x, (int32_t)(8 + extra));
    emit_to_lookup(x);
    return true;
}

/* The target of an indirect branch to R13. */
static void emit_branch_target(struct trans *x, const struct insn *i)
{
    if (i->op[0].kind == OPND_MEM) {
        emit_operand_check(x, i, 8, false, true);
        emit_load(x->e, H_R13, rm_mem(H_R13, 0));
    } else {
        flags_to_memory(x);
        x->host_flags = false;
        if (host_of(i->op[0].reg) < 0) {
            emit_load(x->e, H_R13, guest_memory(i->op[0].reg));
        } else {
            emit_insn(x->e, E_W, 0x89, (unsigned)host_of(i->op[0].reg), rm_reg(H_R13));
        }
    }
    emit_canonical_check(x, i);
}

static bool end_call_indirect(struct trans *x, const struct insn *i, uint64_t next)
{
    const struct emit_rm kept = rm_cpu(offsetof(struct x86_cpu, branch_target));

    emit_branch_target(x, i);
    emit_store(x->e, H_R13, kept);
    emit_lea(x->e, H_R13, rm_mem(H_R12, -8));
    emit_check(x, i, 8, true, true);
    emit_mov_imm(x->e, H_R14, next);
    emit_store(x->e, H_R14, rm_mem(H_R13, 0));
    emit_add_rsp(x, -8);
    emit_load(x->e, H_R13, kept);
    emit_to_lookup(x);
    return true;
}

/* The last instruction when it is a branch; false: the interpreter does it and leaves. */
bool emit_branch(struct trans *x, unsigned n)
{
    const struct insn *i = &x->b->insn[n];
    uint64_t next = x->rip + i->len;
    x86_exec_fn *fn = i->row->exec;

    if (i->opsize != 8 || (i->op[0].kind == OPND_IMM && (next + i->imm + (1ull << 47)) >> 48)) {
        return false;
    }
    if (fn == x_jcc) {
        end_jcc(x, i, next);
    } else if (fn == x_jmp) {
        save_flags(x, x->live[n + 1]);
        emit_goto(x, next + i->imm);
    } else if (fn == x_call) {
        end_call(x, i, next);
    } else if (fn == x_ret) {
        end_ret(x, i, 0);
    } else if (fn == x_ret_imm) {
        end_ret(x, i, (unsigned)i->imm & 0xffff);
    } else if (fn == x_jmp_ind) {
        emit_branch_target(x, i);
        emit_to_lookup(x);
    } else if (fn == x_call_ind) {
        end_call_indirect(x, i, next);
    } else {
        return false;
    }
    return true;
}
