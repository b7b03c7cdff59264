/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/sse_move.c: MMX and SSE moves.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* Whole operands of one size, or a narrow source zero-extended into a register. */
void x_vec_move(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    load_vec(cpu, i, 1, &v);
    vec_put(cpu, i, &v);
}

/* MOVSS, MOVSD: between registers the rest is kept; a load clears it; a store is narrow. */
static void move_scalar(struct x86_cpu *cpu, const struct insn *i, unsigned size)
{
    union vec v, r;

    vec_get(cpu, i, 1, &v);
    if (i->op[0].kind == OPND_XMM && i->op[1].kind == OPND_XMM) {
        vec_get(cpu, i, 0, &r);
        memcpy(r.b, v.b, size);
        memcpy(cpu->vec[i->op[0].reg].b, r.b, 16);
    } else {
        vec_put(cpu, i, &v);
    }
}

void x_movss(struct x86_cpu *cpu, const struct insn *i)
{
    move_scalar(cpu, i, 4);
}

void x_movsd_xmm(struct x86_cpu *cpu, const struct insn *i)
{
    move_scalar(cpu, i, 8);
}

/* MOVQ to a register clears its high half, though the operand has 8 bytes. */
void x_movq_xmm(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    v.q[1] = 0;
    if (i->op[0].kind == OPND_XMM) {
        memcpy(cpu->vec[i->op[0].reg].b, v.b, 16);
    } else {
        store_vec(cpu, i, 0, &v);
    }
}

/* One half of a register from memory or another register's half: the other half is kept. */
static void move_half(struct x86_cpu *cpu, const struct insn *i, unsigned to, unsigned from)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.q[to] = b.q[from];
    vec_put(cpu, i, &a);
}

/* MOVLPS, MOVLPD: loads. */
void x_movlps(struct x86_cpu *cpu, const struct insn *i)
{
    move_half(cpu, i, 0, 0);
}

/* MOVHPS, MOVHPD loads, and MOVLHPS. */
void x_movhps(struct x86_cpu *cpu, const struct insn *i)
{
    move_half(cpu, i, 1, 0);
}

void x_movhlps(struct x86_cpu *cpu, const struct insn *i)
{
    move_half(cpu, i, 0, 1);
}

/* The high half to memory. */
void x_movhps_store(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    v.q[0] = v.q[1];
    store_vec(cpu, i, 0, &v);
}

void x_movsldup(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    v.d[1] = v.d[0];
    v.d[3] = v.d[2];
    vec_put(cpu, i, &v);
}

void x_movshdup(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    v.d[0] = v.d[1];
    v.d[2] = v.d[3];
    vec_put(cpu, i, &v);
}

void x_movddup(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    v.q[1] = v.q[0];
    vec_put(cpu, i, &v);
}

/* A store past the caches: the same as any, here. */
void x_movnti(struct x86_cpu *cpu, const struct insn *i)
{
    store_operand(cpu, i, 0, load_operand(cpu, i, 1));
}

/*
 * MASKMOVQ, MASKMOVDQU: bytes whose mask has bit 7 go to DS:rDI.  Every byte is probed before the
 * first is written.
 */
void x_maskmov(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned seg = i->prefixes & PREFIX_SEG ? i->seg : SEG_DS;
    uint64_t at = cpu->regs[R_RDI] & size_mask(i->addrsize);
    uint64_t linear[16];
    union vec v, mask;

    vec_get(cpu, i, 0, &v);
    vec_get(cpu, i, 1, &mask);
    for (unsigned k = 0; k < i->op[0].size; k++) {
        if (mask.b[k] >> 7) {
            linear[k] = segment_linear(cpu, seg, (at + k) & size_mask(i->addrsize), 1, true);
            mem_probe_write_slow(cpu, linear[k], 1, cpu->bank);
        }
    }
    for (unsigned k = 0; k < i->op[0].size; k++) {
        if (mask.b[k] >> 7) {
            linear_store(cpu, linear[k], v.b[k], 1);
        }
    }
}
