/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/avx_gather.c: gathers and scatters, element by element.
 *
 * Invariant: an element that is done loses its mask bit, so that after a fault the instruction
 *            begins again where it stopped (SDM vol. 2, "VPGATHERDD").
 * Thread:    the vCPU's own, no lock.
 */
#include "target/i386/avx.h"

static uint64_t indexed_linear(struct x86_cpu *cpu, const struct insn *i, unsigned n, unsigned k,
                               unsigned size, bool write)
{
    const union vec *index = &cpu->vec[i->op[n].reg];
    int64_t v = avx_row(i)->flags & AVX_INDEX64 ? (int64_t)index->q[k] : (int32_t)index->d[k];
    uint64_t ea = insn_ea(cpu, i) + ((uint64_t)v << i->scale);

    if (i->addrsize != 8) {
        ea &= size_mask(i->addrsize);
    }
    return segment_linear(cpu, i->seg, ea, size, write);
}

/* Elements: as many as there are indices and values. */
static unsigned element_count(const struct insn *i, unsigned size)
{
    unsigned index = avx_row(i)->flags & AVX_INDEX64 ? 8 : 4;

    return avx_length(i) / MAX(size, index);
}

/* The masks of AVX2 are the sign bits of a vector, which is all zeros at the end. */
static void gather_by_vector(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = avx_row(i)->lane, n = element_count(i, size);
    union vec *to = &cpu->vec[i->op[0].reg], *mask = &cpu->vec[i->op[2].reg];

    /* A fault shows the mask extended to whole elements, and zero above them. */
    avx_zero_upper(cpu, i->op[2].reg, avx_length(i));
    for (unsigned k = 0; k < avx_length(i) / size; k++) {
        bool on = size == 4 ? mask->d[k] >> 31 : mask->q[k] >> 63;

        memset(mask->b + k * size, on ? 0xff : 0, size);
    }
    for (unsigned k = 0; k < n; k++) {
        if (mask->b[k * size]) {
            uint64_t v = linear_load(cpu, indexed_linear(cpu, i, 1, k, size, false), size);

            avx_zero_upper(cpu, i->op[0].reg, avx_length(i));
            memcpy(to->b + k * size, &v, size);
            memset(mask->b + k * size, 0, size);
        }
    }
    memset(mask, 0, sizeof(*mask));
    avx_zero_upper(cpu, i->op[0].reg, n * size);
}

void x_avx_gather(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = avx_row(i)->lane, n = element_count(i, size), aaa = i->imm2 & EVEX_AAA;
    union vec *to = &cpu->vec[i->op[0].reg];

    avx_check(cpu, i);
    if (!(i->imm2 & EVEX_IS)) {
        gather_by_vector(cpu, i);
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        if (cpu->kmask[aaa] >> k & 1) {
            uint64_t v = linear_load(cpu, indexed_linear(cpu, i, 1, k, size, false), size);

            avx_zero_upper(cpu, i->op[0].reg, avx_length(i));
            memcpy(to->b + k * size, &v, size);
            cpu->kmask[aaa] &= ~(1ull << k);
        }
    }
    cpu->kmask[aaa] = 0;
    avx_zero_upper(cpu, i->op[0].reg, n * size);
}

void x_avx_scatter(struct x86_cpu *cpu, const struct insn *i)
{
    unsigned size = avx_row(i)->lane, n = element_count(i, size), aaa = i->imm2 & EVEX_AAA;
    const union vec *from = &cpu->vec[i->op[1].reg];

    avx_check(cpu, i);
    for (unsigned k = 0; k < n; k++) {
        if (cpu->kmask[aaa] >> k & 1) {
            uint64_t v = size == 4 ? from->d[k] : from->q[k];

            linear_store(cpu, indexed_linear(cpu, i, 0, k, size, true), v, size);
            cpu->kmask[aaa] &= ~(1ull << k);
        }
    }
    cpu->kmask[aaa] = 0;
}
