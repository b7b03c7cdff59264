/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu.c: making, resetting and saving a CPU, and the fields derived from its state.
 *
 * Invariant: whoever changes CR0, EFER, EFLAGS.VM/AC, CS or SS calls cpu_update_mode before the
 *            next memory access.
 * Thread: cpu_new, cpu_free and cpu_reset under the machine lock with the CPU stopped; the rest on
 *         the vCPU's own, but cpu_set_pending and cpu_clear_pending on any.
 */
#include <sys/mman.h>
#include "softmmu/clock.h"
#include "softmmu/state.h"
#include "target/i386/cpuid_models.h"
#include "target/i386/host_vec.h"
#include "target/i386/mem.h"
#include "target/i386/mmu.h"
#include "target/i386/topology.h"
#include "util/error.h"
#include "util/log.h"
#include "util/map.h"

#define TSC_HZ 1000000000ull /* one tick a virtual nanosecond */

#ifndef MAP_32BIT
#define MAP_32BIT 0
#endif

/* Where MAP_32BIT, which serves the second GiB alone, has no room, there may be some in the first. */
#define LOW_FIRST (16u << 20)
#define LOW_END   (1u << 30)

void *cpu_map_low(size_t size, bool huge)
{
    const int rights = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    size_t step = (size + 0xffff) & ~(size_t)0xffff;
    void *p = huge ? map_huge_aligned(size, rights, MAP_32BIT) : NULL;

    if (!p) {
        p = mmap(NULL, size, rights, flags | MAP_32BIT, -1, 0);
    }
    for (size_t at = LOW_FIRST; p == MAP_FAILED && at + size <= LOW_END; at += step) {
        p = mmap((void *)at, size, rights, flags | MAP_FIXED_NOREPLACE, -1, 0);
    }
    return p == MAP_FAILED ? NULL : p;
}

struct x86_cpu *cpu_new(struct machine *m, int index, const char *model, GError **error)
{
    struct x86_cpu *cpu = cpu_map_low(sizeof(*cpu), cpu_low_huge(m));

    if (!cpu) {
        set_errno_error(error, "cannot allocate CPU %d", index);
        return NULL;
    }
    /* A wish: most of its soft TLB, all of which is touched at once, then needs one entry of the host's. */
    madvise(cpu, MIN(sizeof(*cpu), HUGE_PAGE), MADV_HUGEPAGE);
    cpu->vcpu.machine = m;
    cpu->vcpu.index = index;
    cpu->kvm_nested = g_byte_array_new();
    cpu->kvm_xsave = g_byte_array_new();
    cpu->apic_id = topology_apic_id(m, (unsigned)index);
    cpu->tsc_hz = TSC_HZ;
    cpu->phys_bits = 40;
    cpu->linear_bits = 48;
    cpu->delivering = -1;
    cpu->a20_mask = UINT64_MAX;
    if (!cpu_model_parse(cpu, model ? model : "max", error)) {
        cpu_free(cpu);
        return NULL;
    }
    tlb_init(cpu);
    cpu_reset(cpu, false);
    return cpu;
}

void cpu_free(struct x86_cpu *cpu)
{
    if (cpu) {
        host_vec_free(cpu->host_vec);
        g_free(cpu->own_model);
        g_byte_array_unref(cpu->kvm_nested);
        g_byte_array_unref(cpu->kvm_xsave);
        munmap(cpu, sizeof(*cpu));
    }
}

uint64_t cpu_tsc(struct x86_cpu *cpu)
{
    uint64_t now = (uint64_t)clock_now(cpu->vcpu.machine, CLOCK_KIND_VIRTUAL);

    return muldiv64(now, cpu->tsc_hz, NS_PER_SEC) + cpu->tsc_offset;
}

void cpu_set_pending(struct x86_cpu *cpu, uint32_t bits)
{
    atomic_fetch_or(&cpu->pending, bits);
    vcpu_notify(&cpu->vcpu);
}

void cpu_clear_pending(struct x86_cpu *cpu, uint32_t bits)
{
    atomic_fetch_and(&cpu->pending, ~bits);
}

void cpu_send_sipi(struct x86_cpu *cpu, uint8_t vector)
{
    if (cpu->wait_sipi || (atomic_load(&cpu->pending) & PENDING_INIT)) {
        cpu->sipi_vector = vector;
        cpu_set_pending(cpu, PENDING_SIPI);
    }
}

void cpu_flush_later(struct x86_cpu *cpu)
{
    cpu->stop_block = true;
    atomic_fetch_or(&cpu->pending, PENDING_FLUSH);
    vcpu_poke(&cpu->vcpu);
}

/*
 * CPL is the DPL of SS, as VMX keeps it: unlike CS.RPL it is right between setting CR0.PE and the
 * first far jump.
 */
void cpu_update_mode(struct x86_cpu *cpu)
{
    const struct segment *cs = &cpu->seg[SEG_CS], *ss = &cpu->seg[SEG_SS];

    cpu->protected_mode = cpu->cr0 & CR0_PE;
    cpu->vm86 = cpu->protected_mode && (cpu->eflags & FLAG_VM);
    cpu->long_mode = cpu->efer & EFER_LMA;
    cpu->code64 = cpu->long_mode && (cs->attr & ATTR_L);
    if (!cpu->protected_mode) {
        cpu->cpl = 0;
    } else {
        cpu->cpl = cpu->vm86 ? 3 : (ss->attr & ATTR_DPL) >> ATTR_DPL_SHIFT;
    }
    cpu->code_size = cpu->code64 ? 8 : cs->attr & ATTR_DB ? 4 : 2;
    cpu->stack_size = cpu->code64 ? 8 : ss->attr & ATTR_DB ? 4 : 2;
    cpu->alignment_check = cpu->cpl == 3 && (cpu->cr0 & CR0_AM) && (cpu->eflags & FLAG_AC);
    if (cpu->cpl == 3) {
        cpu->bank = cpu->alignment_check ? TLB_USER_AC : TLB_USER;
    } else {
        bool ac = (cpu->cr4 & CR4_SMAP) && (cpu->eflags & FLAG_AC);
        cpu->bank = ac ? TLB_KERNEL_AC : TLB_KERNEL;
    }
    cpu->exec_mode = (uint8_t)(cpu->code_size | cpu->bank << EXEC_MODE_BANK_SHIFT |
                               (cpu->cpl == 3  ? EXEC_MODE_CPL3
                                : cpu->cpl > 0 ? EXEC_MODE_CPL12
                                               : 0));
}

/* What INIT keeps and power-on clears (SDM vol. 3, table 10-1). */
static void power_on_reset(struct x86_cpu *cpu)
{
    /* MTRRs, PAT and the rest of the MSRs, then x87 and vectors. */
    cpu->star = cpu->lstar = cpu->cstar = cpu->sfmask = 0;
    cpu->kernel_gs_base = 0;
    cpu->sysenter_cs = cpu->sysenter_esp = cpu->sysenter_eip = 0;
    cpu->tsc_aux = cpu->tsc_adjust = 0;
    cpu->pat = 0x0007040600070406ull;
    cpu->misc_enable = 1; /* fast strings */
    cpu->spec_ctrl = cpu->xss = 0;
    cpu->mtrr_def_type = 0;
    memset(cpu->mtrr_fixed, 0, sizeof(cpu->mtrr_fixed));
    memset(cpu->mtrr_var, 0, sizeof(cpu->mtrr_var));
    cpu->mcg_status = 0;
    cpu->mcg_ctl = 0;
    cpu->n_extra_msrs = 0;
    cpu->pkru = 0;
    g_byte_array_set_size(cpu->kvm_xsave, 0);
    cpu->smbase = 0x30000;
    cpu->kvm_clock = 0;
    cpu->cr0 = CR0_CD | CR0_NW;
    cpu->xcr0 = 1;
    memset(&cpu->x87, 0, sizeof(cpu->x87)); /* every register holds +0.0: none is empty */
    cpu->x87.control = 0x40;
    memset(cpu->vec, 0, sizeof(cpu->vec));
    memset(cpu->kmask, 0, sizeof(cpu->kmask));
    cpu->mxcsr = 0x1f80;
    cpu->tsc_offset = 0;
    cpu->tsc_offset = -cpu_tsc(cpu);
    /* The engine's own remain: what they announce has not been done. */
    atomic_fetch_and(&cpu->pending, PENDING_FLUSH | PENDING_CODE);
}

static void reset_segments(struct x86_cpu *cpu)
{
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        segment_set(&cpu->seg[s], 0, 0, 0xffff, ATTR_P | ATTR_S | ATTR_W | ATTR_A);
    }
    segment_set(&cpu->seg[SEG_CS], 0xf000, 0xffff0000, 0xffff,
                ATTR_P | ATTR_S | ATTR_CODE | ATTR_W | ATTR_A);
    segment_set(&cpu->ldt, 0, 0, 0xffff, ATTR_P | 2);
    segment_set(&cpu->tr, 0, 0, 0xffff, ATTR_P | 11);
    cpu->gdt = cpu->idt = (struct desc_table){ .base = 0, .limit = 0xffff };
}

/* -d cpu_reset: the state that is lost. */
static void log_reset(struct x86_cpu *cpu, bool init)
{
    if (log_enabled(LOG_CPU_RESET)) {
        g_autoptr(GString) text = g_string_new(NULL);

        cpu_print_state(cpu, text);
        log_line(LOG_CPU_RESET, "CPU %d: %s\n%s", cpu->vcpu.index, init ? "INIT" : "reset",
                 text->str);
    }
}

void cpu_set_smm(struct x86_cpu *cpu, bool in_smm)
{
    struct machine *m = cpu->vcpu.machine;

    cpu->in_smm = cpu->vcpu.secure = in_smm;
    cpu->memory = in_smm ? &m->smm_memory : &m->memory;
    tlb_flush(cpu);
}

void cpu_reset(struct x86_cpu *cpu, bool init)
{
    log_reset(cpu, init);
    if (!init) {
        power_on_reset(cpu);
    }
    atomic_fetch_and(&cpu->pending, ~(uint32_t)(PENDING_NMI | PENDING_SMI | PENDING_INIT));
    memset(cpu->regs, 0, sizeof(cpu->regs));
    cpu->regs[R_RDX] = cpu_signature(cpu);
    cpu->regs[R_RIP] = 0xfff0;
    cpu->insn_start = 0xfff0;
    cpu->cc_op = CC_FLAGS << 2;
    cpu->cc_dst = cpu->cc_src = 0;
    cpu->eflags = 2;
    cpu->cr0 = (cpu->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    cpu->cr2 = cpu->cr3 = cpu->cr4 = 0;
    cpu->efer = 0;
    g_byte_array_set_size(cpu->kvm_nested, 0);
    memset(cpu->pdpte, 0, sizeof(cpu->pdpte));
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    reset_segments(cpu);
    cpu->halted = cpu->wait_sipi = cpu->vcpu.index > 0; /* application processors wait for SIPI */
    cpu_set_smm(cpu, false);
    cpu->nmi_blocked = false;
    cpu->intr_shadow = cpu->ss_shadow = cpu->trap_pending = false;
    cpu->stop_block = true;
    cpu->dr6_pending = 0;
    cpu->delivering = -1;
    cpu->delivering_ext = false;
    cpu_update_mode(cpu);
    if (cpu->apic) {
        cpu->apic->reset(cpu->apic_opaque, init);
    }
    tlb_flush(cpu);
}

/* clang-format off */
static const struct state_row segment_rows[] = {
    STATE_INT(struct segment, selector, 1, "visible part"),
    STATE_INT(struct segment, attr,     1, "descriptor bits 8-23 of the high word"),
    STATE_INT(struct segment, limit,    1, "bytes, inclusive"),
    STATE_INT(struct segment, base,     1, "linear address"),
    STATE_INT(struct segment, access,   1, "checks that accesses may skip, derived"),
    { 0 }
};

static const struct state_row desc_table_rows[] = {
    STATE_INT(struct desc_table, base,  1, "linear address"),
    STATE_INT(struct desc_table, limit, 1, "bytes, inclusive"),
    { 0 }
};

static const struct state_row float80_rows[] = {
    STATE_INT(struct float80, mant, 1, "significand"),
    STATE_INT(struct float80, sexp, 1, "sign and exponent"),
    { 0 }
};

static const struct state_row x87_rows[] = {
    STATE_SUB(struct x87_state, reg, 8, float80_rows, 1, "physical registers"),
    STATE_INT(struct x87_state, top,     1, "top of stack"),
    STATE_INT(struct x87_state, control, 1, "control word"),
    STATE_INT(struct x87_state, status,  1, "status word without TOP"),
    STATE_INT(struct x87_state, empty,   1, "bit i: physical register i is empty"),
    STATE_INT(struct x87_state, opcode,  1, "last non-control opcode"),
    STATE_INT(struct x87_state, cs,      1, "its code selector"),
    STATE_INT(struct x87_state, ds,      1, "its data selector"),
    STATE_INT(struct x87_state, ip,      1, "its address"),
    STATE_INT(struct x87_state, dp,      1, "its operand's address"),
    { 0 }
};

const struct state_row cpu_state_rows[] = {
    STATE_ARRAY(struct x86_cpu, regs,         1, "RAX ... R15, RIP, zero"),
    STATE_INT(struct x86_cpu, cc_op,          1, "lazy flags: operation"),
    STATE_INT(struct x86_cpu, cc_dst,         1, "lazy flags: result"),
    STATE_INT(struct x86_cpu, cc_src,         1, "lazy flags: source"),
    STATE_INT(struct x86_cpu, eflags,         1, "EFLAGS but the arithmetic ones"),
    STATE_SUB(struct x86_cpu, seg, SEG_COUNT, segment_rows, 1, "ES CS SS DS FS GS"),
    STATE_SUB(struct x86_cpu, ldt, 1, segment_rows, 1, "LDTR"),
    STATE_SUB(struct x86_cpu, tr,  1, segment_rows, 1, "task register"),
    STATE_SUB(struct x86_cpu, gdt, 1, desc_table_rows, 1, "GDTR"),
    STATE_SUB(struct x86_cpu, idt, 1, desc_table_rows, 1, "IDTR"),
    STATE_INT(struct x86_cpu, cr0,            1, "CR0"),
    STATE_INT(struct x86_cpu, cr2,            1, "CR2"),
    STATE_INT(struct x86_cpu, cr3,            1, "CR3"),
    STATE_INT(struct x86_cpu, cr4,            1, "CR4"),
    STATE_INT(struct x86_cpu, xcr0,           1, "XCR0"),
    STATE_INT(struct x86_cpu, efer,           1, "IA32_EFER"),
    STATE_ARRAY(struct x86_cpu, pdpte,        1, "PAE page-directory-pointer entries"),
    STATE_ARRAY(struct x86_cpu, dr,           1, "debug registers"),
    STATE_INT(struct x86_cpu, tsc_offset,     1, "guest TSC less the virtual clock's nanoseconds"),
    STATE_INT(struct x86_cpu, a20_mask,       1, "physical address bits that exist"),
    STATE_INT(struct x86_cpu, star,           1, "IA32_STAR"),
    STATE_INT(struct x86_cpu, lstar,          1, "IA32_LSTAR"),
    STATE_INT(struct x86_cpu, cstar,          1, "IA32_CSTAR"),
    STATE_INT(struct x86_cpu, sfmask,         1, "IA32_FMASK"),
    STATE_INT(struct x86_cpu, kernel_gs_base, 1, "IA32_KERNEL_GS_BASE"),
    STATE_INT(struct x86_cpu, sysenter_cs,    1, "IA32_SYSENTER_CS"),
    STATE_INT(struct x86_cpu, sysenter_esp,   1, "IA32_SYSENTER_ESP"),
    STATE_INT(struct x86_cpu, sysenter_eip,   1, "IA32_SYSENTER_EIP"),
    STATE_INT(struct x86_cpu, tsc_aux,        1, "IA32_TSC_AUX"),
    STATE_INT(struct x86_cpu, tsc_adjust,     1, "IA32_TSC_ADJUST"),
    STATE_INT(struct x86_cpu, pat,            1, "IA32_PAT"),
    STATE_INT(struct x86_cpu, misc_enable,    1, "IA32_MISC_ENABLE"),
    STATE_INT(struct x86_cpu, spec_ctrl,      1, "IA32_SPEC_CTRL"),
    STATE_INT(struct x86_cpu, xss,            1, "IA32_XSS"),
    STATE_INT(struct x86_cpu, mtrr_def_type,  1, "IA32_MTRR_DEF_TYPE"),
    STATE_ARRAY(struct x86_cpu, mtrr_fixed,   1, "fixed-range MTRRs"),
    STATE_ARRAY(struct x86_cpu, mtrr_var,     1, "variable-range MTRRs: base, mask"),
    STATE_INT(struct x86_cpu, mcg_status,     1, "IA32_MCG_STATUS"),
    STATE_INT(struct x86_cpu, mcg_ctl,        1, "IA32_MCG_CTL"),
    STATE_INT(struct x86_cpu, smbase,         1, "SMRAM base"),
    STATE_INT(struct x86_cpu, n_extra_msrs,   2, "MSRs that an engine keeps"),
    STATE_ARRAY(struct x86_cpu, extra_msr,    2, "their numbers"),
    STATE_ARRAY(struct x86_cpu, extra_value,  2, "their values"),
    STATE_INT(struct x86_cpu, pkru,           3, "PKRU"),
    STATE_INT(struct x86_cpu, kvm_clock,      2, "KVM's paravirtual clock, ns"),
    STATE_BLOB_ROW(struct x86_cpu, kvm_nested, CPU_KVM_BLOB, 4, "a hypervisor's state in the guest, KVM's form"),
    STATE_BLOB_ROW(struct x86_cpu, kvm_xsave, CPU_KVM_BLOB, 4, "XSAVE components that are KVM's alone"),
    STATE_SUB(struct x86_cpu, x87, 1, x87_rows, 1, "x87 and MMX"),
    STATE_BUF(struct x86_cpu, vec,            1, "vector registers"),
    STATE_ARRAY(struct x86_cpu, kmask,        1, "mask registers"),
    STATE_INT(struct x86_cpu, mxcsr,          1, "MXCSR"),
    STATE_INT(struct x86_cpu, pending,        1, "events to look at"),
    STATE_INT(struct x86_cpu, halted,         1, "in HLT or waiting for SIPI"),
    STATE_INT(struct x86_cpu, wait_sipi,      1, "waiting for SIPI"),
    STATE_INT(struct x86_cpu, nmi_blocked,    1, "until IRET"),
    STATE_INT(struct x86_cpu, in_smm,         1, "in system-management mode"),
    STATE_INT(struct x86_cpu, sipi_vector,    1, "start-up page"),
    STATE_INT(struct x86_cpu, intr_shadow,    1, "interrupts held off for one instruction"),
    STATE_INT(struct x86_cpu, ss_shadow,      1, "debug traps held off for one instruction"),
    STATE_INT(struct x86_cpu, dr6_pending,    1, "debug conditions met"),
    { 0 }
};
/* clang-format on */
