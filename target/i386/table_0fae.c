/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/table_0fae.c: opcode 0F AE: state images, fences, cache lines, FS and GS bases.
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"
#include "target/i386/xsave.h"

/* Orders the host's accesses as the guest's; other vCPUs are other threads. */
void x_fence(struct x86_cpu *cpu, const struct insn *i)
{
    (void)cpu, (void)i;
    atomic_thread_fence(memory_order_seq_cst);
}

/* Caches are coherent and not modelled; the address is checked as a load's. */
static void x_cache_line(struct x86_cpu *cpu, const struct insn *i)
{
    mem_host(cpu, operand_linear(cpu, i, 1, false), 1, false, cpu->bank);
}

static void check_fsgsbase(struct x86_cpu *cpu)
{
    if (!(cpu->cr4 & CR4_FSGSBASE)) {
        raise_ud(cpu);
    }
}

static unsigned base_segment(const struct insn *i)
{
    return i->modrm >> 3 & 1 ? SEG_GS : SEG_FS;
}

static void x_rdbase(struct x86_cpu *cpu, const struct insn *i)
{
    check_fsgsbase(cpu);
    store_operand(cpu, i, 0, cpu->seg[base_segment(i)].base);
}

static void x_wrbase(struct x86_cpu *cpu, const struct insn *i)
{
    struct segment *s = &cpu->seg[base_segment(i)];
    uint64_t v = load_operand(cpu, i, 0);

    check_fsgsbase(cpu);
    if ((v + (1ull << 47)) >> 48) {
        raise_gp0(cpu);
    }
    segment_set(s, s->selector, v, s->limit, s->attr);
}

/* clang-format off */
const struct insn_row table_0fae[4][16] = {
    [0] = {
        [0]     = ROW("fxsave",   M,  0, 0, X86_FXSR, x_fxsave, ROW_X87),
        [1]     = ROW("fxrstor",  M,  0, 0, X86_FXSR, x_fxrstor, ROW_X87),
        [2]     = ROW("ldmxcsr",  Md, 0, 0, X86_SSE, x_ldmxcsr, ROW_SSE),
        [3]     = ROW("stmxcsr",  Md, 0, 0, X86_SSE, x_stmxcsr, ROW_SSE),
        [4]     = ROW("xsave",    M,  0, 0, X86_XSAVE, x_xsave, 0),
        [5]     = ROW("xrstor",   M,  0, 0, X86_XSAVE, x_xrstor, 0),
        [6]     = ROW("xsaveopt", M,  0, 0, X86_XSAVEOPT, x_xsaveopt, 0),
        [7]     = ROW("clflush",  Mb, 0, 0, X86_CLFLUSH, x_cache_line, 0),
        [8 | 5] = ROW("lfence",   0,  0, 0, X86_SSE2, x_fence, 0),
        [8 | 6] = ROW("mfence",   0,  0, 0, X86_SSE2, x_fence, 0),
        [8 | 7] = ROW("sfence",   0,  0, 0, X86_SSE, x_fence, 0),
    },
    [1] = {
        [6] = ROW("clwb",       Mb, 0, 0, X86_CLWB, x_cache_line, 0),
        [7] = ROW("clflushopt", Mb, 0, 0, X86_CLFLUSHOPT, x_cache_line, 0),
    },
    [2] = {
        [8 | 0] = ROW("rdfsbase", Ey, 0, 0, X86_FSGSBASE, x_rdbase, ROW_O64),
        [8 | 1] = ROW("rdgsbase", Ey, 0, 0, X86_FSGSBASE, x_rdbase, ROW_O64),
        [8 | 2] = ROW("wrfsbase", Ey, 0, 0, X86_FSGSBASE, x_wrbase, ROW_O64),
        [8 | 3] = ROW("wrgsbase", Ey, 0, 0, X86_FSGSBASE, x_wrbase, ROW_O64),
    },
};
