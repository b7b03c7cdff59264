/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpu_saved.c: a CPU's state rows to and from a stream.
 *
 * Who wrote a stream may be anybody: what no guest can bring about is refused before it is derived from.
 * Thread: machine lock held, the vCPU stopped.
 */
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include "target/i386/cpu.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "target/i386/tlb.h"
#include "target/i386/xsave.h"
#include "util/error.h"

/* What is the engine's: announced, and not done yet. */
#define PENDING_OWN ((uint32_t)(PENDING_FLUSH | PENDING_CODE))
#define PENDING_ALL                                                                                \
    ((uint32_t)(PENDING_INTR | PENDING_NMI | PENDING_SMI | PENDING_INIT | PENDING_SIPI))
#define ATTR_ALL 0xf0ffu
#define CR0_ALL                                                                                    \
    ((uint64_t)(CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW |   \
                CR0_CD | CR0_PG))
#define EFLAGS_ALL                                                                                 \
    (2u | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_VM | FLAG_AC |        \
     FLAG_VIF | FLAG_VIP | FLAG_ID)

/*
 * In a stream the guest's TSC is told by a clock of 1 GHz, that of an engine in software: another engine's TSC may
 * be of another frequency, and goes on from the same count.
 */
static uint64_t tsc_of_clock(const struct x86_cpu *cpu)
{
    uint64_t now = (uint64_t)clock_now(cpu->vcpu.machine, CLOCK_KIND_VIRTUAL);

    return muldiv64(now, cpu->tsc_hz, NS_PER_SEC) - now;
}

void cpu_save(struct x86_cpu *cpu, GByteArray *out)
{
    uint32_t pending = atomic_load(&cpu->pending);
    uint64_t tsc_offset = cpu->tsc_offset;

    cpu->tsc_offset += tsc_of_clock(cpu);
    flags_normalise(cpu);
    cpu->cc_src &= FLAGS_ARITH;
    atomic_store(&cpu->pending, pending & PENDING_ALL);
    state_save(cpu_state_rows, cpu, out);
    atomic_store(&cpu->pending, pending);
    cpu->tsc_offset = tsc_offset;
}

/* What the interpreter has not, and the kernel gives to CPUs with these features. */
static const struct {
    uint64_t cr4, efer, xcr0;
    uint16_t feature;
} kernel_bits[] = {
    /* clang-format off */
    { .cr4 = 1u << 12,                    .feature = X86_FEATURE(FEAT_7_0_ECX, 16)      }, /* LA57 */
    { .cr4 = 1u << 13,                    .feature = X86_FEATURE(FEAT_1_ECX, 5)         }, /* VMXE */
    { .cr4 = 1u << 14,                    .feature = X86_FEATURE(FEAT_1_ECX, 6)         }, /* SMXE */
    { .cr4 = 1u << 22, .xcr0 = 1u << 9,   .feature = X86_FEATURE(FEAT_7_0_ECX, 3)       }, /* PKE */
    { .xcr0 = 3u << 17,                   .feature = X86_FEATURE(FEAT_7_0_EDX, 24)      }, /* tiles */
    { .cr4 = 1u << 23,                    .feature = X86_FEATURE(FEAT_7_0_ECX, 7)       }, /* CET */
    { .cr4 = 1u << 23,                    .feature = X86_FEATURE(FEAT_7_0_EDX, 20)      },
    { .efer = 1u << 12,                   .feature = X86_SVM                            }, /* SVME */
    { .efer = 1u << 14,                   .feature = X86_FEATURE(FEAT_80000001_EDX, 25) }, /* FFXSR */
    /* clang-format on */
};

static void allow_kernel_bits(const struct x86_cpu *cpu, uint64_t *cr4, uint64_t *efer,
                              uint64_t *xcr0)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kernel_bits); i++) {
        if (cpu_has(cpu, kernel_bits[i].feature)) {
            *cr4 |= kernel_bits[i].cr4;
            *efer |= kernel_bits[i].efer;
            *xcr0 |= kernel_bits[i].xcr0;
        }
    }
}

/* A value with bits that it cannot have. */
static bool check_bits(const char *name, uint64_t value, uint64_t allowed, GError **error)
{
    if (value & ~allowed) {
        set_error(error, "%s is 0x%" PRIx64 ", must have no bits but 0x%" PRIx64, name, value,
                  allowed);
        return false;
    }
    return true;
}

static bool check_modes(const struct x86_cpu *cpu, GError **error)
{
    uint64_t long_mode = EFER_LME | EFER_LMA;

    if (((cpu->cr0 & CR0_PG) && !(cpu->cr0 & CR0_PE)) ||
        ((cpu->efer & EFER_LMA) &&
         ((cpu->efer & long_mode) != long_mode || !(cpu->cr4 & CR4_PAE) || !(cpu->cr0 & CR0_PG)))) {
        set_error(error,
                  "CR0 0x%" PRIx64 ", CR4 0x%" PRIx64 ", EFER 0x%" PRIx64
                  " are not those of a mode that there is",
                  cpu->cr0, cpu->cr4, cpu->efer);
        return false;
    }
    return true;
}

static bool check(const struct x86_cpu *cpu, GError **error)
{
    uint64_t cr4 = cr4_allowed(cpu), efer = EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, xcr0 = 0;

    allow_kernel_bits(cpu, &cr4, &efer, &xcr0);
    if (cpu->cc_op >> 2 != CC_FLAGS || !xsave_xcr0_valid(cpu, cpu->xcr0 & ~xcr0)) {
        set_error(error, "kind of flags %u or XCR0 0x%" PRIx64 " are none that there are",
                  cpu->cc_op, cpu->xcr0);
        return false;
    }
    if (cpu->n_extra_msrs > CPU_EXTRA_MSRS) {
        set_error(error, "there are %u MSRs of an engine's, must be at most %d", cpu->n_extra_msrs,
                  CPU_EXTRA_MSRS);
        return false;
    }
    if (cpu->kvm_nested->len > 0 && !cpu_has(cpu, X86_VMX) && !cpu_has(cpu, X86_SVM)) {
        set_error(error, "it runs a hypervisor, which a CPU without vmx and svm cannot go on with");
        return false;
    }
    return check_bits("CR0", cpu->cr0, CR0_ALL, error) && check_bits("CR4", cpu->cr4, cr4, error) &&
           check_bits("EFER", cpu->efer, efer, error) &&
           check_bits("EFLAGS", cpu->eflags, EFLAGS_ALL, error) &&
           check_bits("flags", cpu->cc_src, FLAGS_ARITH, error) &&
           check_bits("MXCSR", cpu->mxcsr, 0xffff, error) &&
           check_bits("TOP of the x87", cpu->x87.top, 7, error) &&
           check_bits("x87 status without TOP", cpu->x87.status, 0xc7ff, error) &&
           check_bits("x87 opcode", cpu->x87.opcode, 0x7ff, error) && check_modes(cpu, error);
}

static void derive_segment(struct segment *s)
{
    segment_set(s, s->selector, s->base, s->limit, s->attr & ATTR_ALL);
}

static void derive(struct x86_cpu *cpu)
{
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        derive_segment(&cpu->seg[s]);
    }
    derive_segment(&cpu->ldt);
    derive_segment(&cpu->tr);
    cpu->eflags |= 2;
    cpu->regs[R_ZERO] = cpu->regs[R_LOOSE] = 0;
    cpu->insn_start = cpu->regs[R_RIP];
    cpu->a20_mask = cpu->vcpu.machine->a20_masked ? ~(1ull << 20) : UINT64_MAX;
    cpu->delivering = -1;
    cpu->delivering_ext = cpu->trap_pending = false;
    cpu->stop_block = true;
    cpu_set_smm(cpu, cpu->in_smm);
    cpu_update_mode(cpu);
    tlb_flush(cpu);
}

/* On a copy of what decides, so that nothing is stored. */
bool cpu_check(const struct x86_cpu *cpu, const uint8_t *data, size_t len, GError **error)
{
    struct x86_cpu *copy = cpu_map_low(sizeof(*copy), false);
    size_t pos = 0;
    bool ok;

    if (!copy) {
        set_errno_error(error, "cannot allocate a CPU");
        return false;
    }
    memcpy(copy->features, cpu->features, sizeof(copy->features));
    copy->kvm_nested = g_byte_array_new();
    copy->kvm_xsave = g_byte_array_new();
    ok = state_load(cpu_state_rows, copy, data, len, &pos, error) && check(copy, error);
    if (ok && pos != len) {
        set_error(error, "%zu bytes follow it", len - pos);
        ok = false;
    }
    g_byte_array_unref(copy->kvm_nested);
    g_byte_array_unref(copy->kvm_xsave);
    munmap(copy, sizeof(*copy));
    return ok;
}

bool cpu_load(struct x86_cpu *cpu, const uint8_t *data, size_t len, GError **error)
{
    uint32_t own = atomic_load(&cpu->pending) & PENDING_OWN;
    size_t pos = 0;
    bool ok;

    cpu->n_extra_msrs = 0; /* older streams have none */
    cpu->pkru = 0;
    g_byte_array_set_size(cpu->kvm_nested, 0);
    g_byte_array_set_size(cpu->kvm_xsave, 0);
    ok = state_load(cpu_state_rows, cpu, data, len, &pos, error) && check(cpu, error);
    if (ok) {
        cpu->tsc_offset -= tsc_of_clock(cpu);
    } else {
        cpu_reset(cpu, false);
    }
    atomic_store(&cpu->pending, (atomic_load(&cpu->pending) & PENDING_ALL) | own);
    derive(cpu);
    return ok;
}
