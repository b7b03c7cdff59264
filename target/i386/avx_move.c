/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/avx_move.c: VEX and EVEX instructions that the host need not run: moves of whole
 * registers, VMASKMOV, VZEROALL and VZEROUPPER, and those that do what their SSE forms do.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/avx.h"
#include "target/i386/vec_rows.h"
#include "target/i386/xsave.h"

/* VMOVUPS and its like: without a mask they are copies, with one the host merges. */
void x_avx_move(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned length = avx_length(i);
    union vec v;

    if (i->imm2 & EVEX_AAA) {
        x_avx(cpu, i);
        return;
    }
    avx_check(cpu, i);
    if (i->op[0].kind == OPND_MEM) {
        avx_store(cpu, i, cpu->vec[i->op[1].reg].b);
        return;
    }
    memcpy(v.b, i->op[1].kind == OPND_MEM ? avx_load(cpu, i, v.b) : cpu->vec[i->op[1].reg].b,
           length);
    memcpy(cpu->vec[i->op[0].reg].b, v.b, length);
    avx_zero_upper(cpu, i->op[0].reg, length);
}

void x_vzero(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned from = i->vex_l ? 0 : 16; /* VZEROALL: L = 1 */

    avx_check(cpu, i);
    for (unsigned n = 0; n < (cpu->code64 ? 16 : 8); n++) {
        avx_zero_upper(cpu, n, from);
    }
}

/* VMASKMOV and VPMASKMOV: the sign bits of the mask vector choose elements of 4 or 8 bytes. ------ */

static uint64_t element_linear(struct x86_cpu *cpu, const struct insn *i, unsigned offset,
                               unsigned size, bool write)
{
    uint64_t ea = insn_ea(cpu, i) + offset;

    return segment_linear(cpu, i->seg, i->addrsize == 8 ? ea : ea & size_mask(i->addrsize), size,
                          write);
}

static bool sign_of(const union vec *mask, unsigned k, unsigned size)
{
    return size == 4 ? mask->d[k] >> 31 : mask->q[k] >> 63;
}

void x_avx_maskmov_load(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = avx_row(i)->lane, n = avx_length(i) / size;
    const union vec *mask = &cpu->vec[i->op[1].reg];
    union vec v = { 0 };

    avx_check(cpu, i);
    for (unsigned k = 0; k < n; k++) {
        if (sign_of(mask, k, size)) {
            uint64_t e = linear_load(cpu, element_linear(cpu, i, k * size, size, false), size);

            memcpy(v.b + k * size, &e, size);
        }
    }
    cpu->vec[i->op[0].reg] = v;
}

void x_avx_maskmov_store(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = avx_row(i)->lane, n = avx_length(i) / size;
    const union vec *mask = &cpu->vec[i->op[1].reg], *v = &cpu->vec[i->op[2].reg];
    uint64_t linear[16];

    avx_check(cpu, i);
    for (unsigned k = 0; k < n; k++) {
        if (sign_of(mask, k, size)) {
            linear[k] = element_linear(cpu, i, k * size, size, true);
            mem_probe_write_slow(cpu, linear[k], size, cpu->bank);
        }
    }
    for (unsigned k = 0; k < n; k++) {
        if (sign_of(mask, k, size)) {
            uint64_t e = size == 4 ? v->d[k] : v->q[k];

            linear_store(cpu, linear[k], e, size);
        }
    }
}

/* As the SSE forms ----------------------------------------------------------------------------- */

void x_avx_maskmovdqu(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_maskmov(cpu, i);
}

void x_avx_ldmxcsr(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_ldmxcsr(cpu, i);
}

void x_avx_stmxcsr(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_stmxcsr(cpu, i);
}

void x_avx_pcmpestri(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_pcmpestri(cpu, i);
}

void x_avx_pcmpistri(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_pcmpistri(cpu, i);
}

void x_avx_pcmpestrm(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_pcmpestrm(cpu, i);
    avx_zero_upper(cpu, 0, 16);
}

void x_avx_pcmpistrm(struct x86_cpu *cpu, const struct insn *i)
{
    avx_check(cpu, i);
    x_pcmpistrm(cpu, i);
    avx_zero_upper(cpu, 0, 16);
}
