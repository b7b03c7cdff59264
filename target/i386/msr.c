/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/msr.c: model-specific registers as a table, and RDMSR and WRMSR.
 *
 * A row either names a member of struct x86_cpu or has functions.  What is in no row is #GP.
 * Thread: the vCPU's own; the local APIC's registers under the machine lock, which is never held
 *         across a raise.  Source: SDM vol. 4.
 */
#include "target/i386/cpuid_models.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "util/log.h"

enum msr_flag {
    MSR_CANONICAL = 1 << 0, /* a linear address */
    MSR_READ_ONLY = 1 << 1, /* a write is #GP */
    MSR_WRITE_ONLY = 1 << 2,
    MSR_IGNORED = 1 << 3, /* reads 0, forgets what is written */
    MSR_AMD = 1 << 4,     /* only where the model's vendor is AMD */
};

struct msr_row {
    uint32_t first, last; /* both inclusive */
    const char *name;
    uint16_t feature;
    uint16_t flags;
    size_t offset; /* of a uint64_t, or an array of them from `first` on, when get and set lack */
    uint64_t reserved; /* bits that must be 0 */
    bool (*get)(struct x86_cpu *cpu, uint32_t msr, uint64_t *v);
    bool (*set)(struct x86_cpu *cpu, uint32_t msr, uint64_t v);
};

#define ARCH_CAP_MSR 0x10a

/* Time -------------------------------------------------------------------------------------- */

static bool get_tsc(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)msr;
    *v = cpu_tsc(cpu);
    return true;
}

/* A write to the TSC shows in TSC_ADJUST, and the other way round (SDM vol. 3, 17.17.3). */
static bool set_tsc(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    uint64_t delta = v - cpu_tsc(cpu);

    (void)msr;
    cpu->tsc_offset += delta;
    cpu->tsc_adjust += delta;
    return true;
}

static bool set_tsc_adjust(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)msr;
    cpu->tsc_offset += v - cpu->tsc_adjust;
    cpu->tsc_adjust = v;
    return true;
}

/* Local APIC -------------------------------------------------------------------------------- */

static bool get_apic(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    struct machine *m = cpu->vcpu.machine;
    bool ok = true;

    if (!cpu->apic) {
        return false;
    }
    machine_lock(m);
    if (msr == 0x1b) {
        *v = cpu->apic->get_base(cpu->apic_opaque);
    } else if (msr == 0x6e0) {
        *v = cpu->apic->get_tsc_deadline(cpu->apic_opaque);
    } else {
        ok = cpu->apic->read_msr(cpu->apic_opaque, msr, v);
    }
    machine_unlock(m);
    return ok;
}

static bool set_apic(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    struct machine *m = cpu->vcpu.machine;
    bool ok = true;

    if (!cpu->apic) {
        return false;
    }
    machine_lock(m);
    if (msr == 0x1b) {
        ok = cpu->apic->set_base(cpu->apic_opaque, v);
    } else if (msr == 0x6e0) {
        cpu->apic->set_tsc_deadline(cpu->apic_opaque, v);
    } else {
        ok = cpu->apic->write_msr(cpu->apic_opaque, msr, v);
    }
    machine_unlock(m);
    return ok;
}

/* Memory types ------------------------------------------------------------------------------ */

static bool memory_type_valid(unsigned type, bool pat)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool all_types_valid(uint64_t v, bool pat)
{
    for (unsigned n = 0; n < 8; n++) {
        if (!memory_type_valid(v >> (n * 8) & 0xff, pat)) {
            return false;
        }
    }
    return true;
}

static bool set_pat(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)msr;
    if (!all_types_valid(v, true)) {
        return false;
    }
    cpu->pat = v;
    return true;
}

/* 8 variable ranges, fixed ranges, write-combining. */
static bool get_mtrr_cap(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)cpu;
    (void)msr;
    *v = 0x508;
    return true;
}

static unsigned fixed_index(uint32_t msr)
{
    return msr == 0x250 ? 0 : msr < 0x260 ? msr - 0x258 + 1 : msr - 0x268 + 3;
}

static bool get_mtrr_fixed(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    *v = cpu->mtrr_fixed[fixed_index(msr)];
    return true;
}

static bool set_mtrr_fixed(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    if (!all_types_valid(v, false)) {
        return false;
    }
    cpu->mtrr_fixed[fixed_index(msr)] = v;
    return true;
}

static bool set_mtrr_var(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    bool mask = msr & 1;
    uint64_t reserved = ~((1ull << cpu->phys_bits) - 1) | (mask ? 0x7ff : 0xf00);

    if ((v & reserved) || (!mask && !memory_type_valid(v & 0xff, false))) {
        return false;
    }
    cpu->mtrr_var[msr - 0x200] = v;
    return true;
}

static bool set_mtrr_def_type(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)msr;
    if ((v & ~0xcffull) || !memory_type_valid(v & 0xff, false)) {
        return false;
    }
    cpu->mtrr_def_type = v;
    return true;
}

/* Identification and machine check ------------------------------------------------------------ */

static bool get_zero(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)cpu;
    (void)msr;
    *v = 0;
    return true;
}

static bool get_ucode_rev(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)cpu;
    (void)msr;
    *v = 1ull << 32;
    return true;
}

static bool get_feature_control(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)cpu;
    (void)msr;
    *v = 1; /* locked */
    return true;
}

static bool get_mcg_cap(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)cpu;
    (void)msr;
    *v = 0x10a; /* 10 banks, MCG_CTL present */
    return true;
}

/* Banks never report; STATUS, ADDR and MISC take 0 only. */
static bool set_mc_bank(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)cpu;
    return (msr & 3) == 0 || v == 0;
}

static bool get_arch_capabilities(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)msr;
    *v = cpu->features[FEAT_ARCH_CAPS] | (uint64_t)cpu->features[FEAT_ARCH_CAPS_HI] << 32;
    return true;
}

/* IBRS, STIBP, SSBD; BHI_DIS_S. */
static bool set_spec_ctrl(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)msr;
    if (v & ~(7ull | (cpu_has(cpu, X86_BHI_CTRL) ? 1ull << 10 : 0))) {
        return false;
    }
    cpu->spec_ctrl = v;
    return true;
}

/* Segments and system calls ------------------------------------------------------------------- */

static bool get_efer(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    (void)msr;
    *v = cpu->efer;
    return true;
}

static bool set_efer(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    (void)msr;
    return efer_write(cpu, v);
}

static unsigned base_segment(uint32_t msr)
{
    return msr == 0xc0000100 ? SEG_FS : SEG_GS;
}

static bool get_base(struct x86_cpu *cpu, uint32_t msr, uint64_t *v)
{
    *v = cpu->seg[base_segment(msr)].base;
    return true;
}

static bool set_base(struct x86_cpu *cpu, uint32_t msr, uint64_t v)
{
    segment_set_base(&cpu->seg[base_segment(msr)], v);
    return true;
}

/* clang-format off */
#define AT(member) offsetof(struct x86_cpu, member)
#define HIGH 0xffffffff00000000ull
#define B X86_BASE

static const struct msr_row msr_rows[] = {
    /* first      last        name                 needs          flags          member  reserved get set */
    { 0x00000000, 0x00000001, "P5_MC",             X86_MCE,       MSR_IGNORED,   0, 0, NULL, NULL },
    { 0x00000010, 0x00000010, "TSC",               X86_TSC,       0,             0, 0, get_tsc, set_tsc },
    { 0x00000017, 0x00000017, "PLATFORM_ID",       B,             MSR_READ_ONLY, 0, 0, get_zero, NULL },
    { 0x0000001b, 0x0000001b, "APIC_BASE",         X86_APIC,      0,             0, 0, get_apic, set_apic },
    { 0x0000003a, 0x0000003a, "FEATURE_CONTROL",   B,             MSR_READ_ONLY, 0, 0, get_feature_control, NULL },
    { 0x0000003b, 0x0000003b, "TSC_ADJUST",        X86_TSC_ADJUST, 0,            AT(tsc_adjust), 0, NULL, set_tsc_adjust },
    { 0x00000048, 0x00000048, "SPEC_CTRL",         X86_SPEC_CTRL, 0,             AT(spec_ctrl), 0, NULL, set_spec_ctrl },
    { 0x00000049, 0x00000049, "PRED_CMD",          X86_SPEC_CTRL, MSR_IGNORED | MSR_WRITE_ONLY, 0, ~1ull, NULL, NULL },
    { 0x00000079, 0x00000079, "BIOS_UPDT_TRIG",    B,             MSR_IGNORED | MSR_WRITE_ONLY, 0, 0, NULL, NULL },
    { 0x0000008b, 0x0000008b, "BIOS_SIGN_ID",      B,             MSR_IGNORED,   0, 0, get_ucode_rev, NULL },
    { 0x000000fe, 0x000000fe, "MTRRCAP",           X86_MTRR,      MSR_READ_ONLY, 0, 0, get_mtrr_cap, NULL },
    { ARCH_CAP_MSR, ARCH_CAP_MSR, "ARCH_CAPABILITIES", X86_ARCH_CAPABILITIES, MSR_READ_ONLY, 0, 0, get_arch_capabilities, NULL },
    { 0x00000174, 0x00000174, "SYSENTER_CS",       X86_SEP,       0,             AT(sysenter_cs), 0, NULL, NULL },
    { 0x00000175, 0x00000175, "SYSENTER_ESP",      X86_SEP,       MSR_CANONICAL, AT(sysenter_esp), 0, NULL, NULL },
    { 0x00000176, 0x00000176, "SYSENTER_EIP",      X86_SEP,       MSR_CANONICAL, AT(sysenter_eip), 0, NULL, NULL },
    { 0x00000179, 0x00000179, "MCG_CAP",           X86_MCA,       MSR_READ_ONLY, 0, 0, get_mcg_cap, NULL },
    { 0x0000017a, 0x0000017a, "MCG_STATUS",        X86_MCA,       0,             AT(mcg_status), ~7ull, NULL, NULL },
    { 0x0000017b, 0x0000017b, "MCG_CTL",           X86_MCA,       0,             AT(mcg_ctl), 0, NULL, NULL },
    { 0x000001a0, 0x000001a0, "MISC_ENABLE",       B,             0,             AT(misc_enable), HIGH & ~(1ull << 34), NULL, NULL },
    { 0x000001d9, 0x000001d9, "DEBUGCTL",          B,             MSR_IGNORED,   0, ~0xffc3ull, NULL, NULL },
    { 0x00000200, 0x0000020f, "MTRR_PHYS",         X86_MTRR,      0,             AT(mtrr_var), 0, NULL, set_mtrr_var },
    { 0x00000250, 0x00000250, "MTRR_FIX64K",       X86_MTRR,      0,             0, 0, get_mtrr_fixed, set_mtrr_fixed },
    { 0x00000258, 0x00000259, "MTRR_FIX16K",       X86_MTRR,      0,             0, 0, get_mtrr_fixed, set_mtrr_fixed },
    { 0x00000268, 0x0000026f, "MTRR_FIX4K",        X86_MTRR,      0,             0, 0, get_mtrr_fixed, set_mtrr_fixed },
    { 0x00000277, 0x00000277, "PAT",               X86_PAT,       0,             AT(pat), 0, NULL, set_pat },
    { 0x000002ff, 0x000002ff, "MTRR_DEF_TYPE",     X86_MTRR,      0,             AT(mtrr_def_type), 0, NULL, set_mtrr_def_type },
    { 0x00000400, 0x00000427, "MC banks",          X86_MCA,       0,             0, 0, get_zero, set_mc_bank },
    { 0x000006e0, 0x000006e0, "TSC_DEADLINE",      X86_TSC_DEADLINE, 0,          0, 0, get_apic, set_apic },
    { 0x00000800, 0x000008ff, "x2APIC",            X86_X2APIC,    0,             0, 0, get_apic, set_apic },
    { 0x00000da0, 0x00000da0, "XSS",               X86_XSAVES,    0,             AT(xss), ~0ull, NULL, NULL },
    { 0xc0000080, 0xc0000080, "EFER",              B,             0,             0, 0, get_efer, set_efer },
    { 0xc0000081, 0xc0000081, "STAR",              X86_SYSCALL,   0,             AT(star), 0, NULL, NULL },
    { 0xc0000082, 0xc0000082, "LSTAR",             X86_LM,        MSR_CANONICAL, AT(lstar), 0, NULL, NULL },
    { 0xc0000083, 0xc0000083, "CSTAR",             X86_LM,        MSR_CANONICAL, AT(cstar), 0, NULL, NULL },
    { 0xc0000084, 0xc0000084, "FMASK",             X86_SYSCALL,   0,             AT(sfmask), HIGH, NULL, NULL },
    { 0xc0000100, 0xc0000101, "FS_BASE, GS_BASE",  X86_LM,        MSR_CANONICAL, 0, 0, get_base, set_base },
    { 0xc0000102, 0xc0000102, "KERNEL_GS_BASE",    X86_LM,        MSR_CANONICAL, AT(kernel_gs_base), 0, NULL, NULL },
    { 0xc0000103, 0xc0000103, "TSC_AUX",           X86_RDTSCP,    0,             AT(tsc_aux), HIGH, NULL, NULL },
    { 0xc0010010, 0xc0010015, "SYSCFG, HWCR",      B,             MSR_IGNORED | MSR_AMD, 0, 0, NULL, NULL },
    { 0xc001001f, 0xc0010020, "NB_CFG, PATCH_LOADER", B,          MSR_IGNORED | MSR_AMD, 0, 0, NULL, NULL },
    { 0xc0010055, 0xc0010055, "INT_PENDING",       B,             MSR_IGNORED | MSR_AMD, 0, 0, NULL, NULL },
    { 0xc0011022, 0xc0011029, "DC_CFG, DE_CFG",    B,             MSR_IGNORED | MSR_AMD, 0, 0, NULL, NULL },
};
/* clang-format on */

static const struct msr_row *find_row(const struct x86_cpu *cpu, uint32_t msr)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(msr_rows); n++) {
        const struct msr_row *r = &msr_rows[n];

        if (msr >= r->first && msr <= r->last) {
            bool there = cpu_has(cpu, r->feature) && (!(r->flags & MSR_AMD) || cpu_is_amd(cpu));
            return there ? r : NULL;
        }
    }
    return NULL;
}

static uint64_t *member(struct x86_cpu *cpu, const struct msr_row *r, uint32_t msr)
{
    return (uint64_t *)((uint8_t *)cpu + r->offset) + (msr - r->first);
}

bool cpu_read_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t *value)
{
    const struct msr_row *r = find_row(cpu, msr);

    if (!r || (r->flags & MSR_WRITE_ONLY)) {
        log_line(LOG_UNIMP, "rdmsr %#x: not there", msr);
        return false;
    }
    if (r->get) {
        return r->get(cpu, msr, value);
    }
    *value = r->flags & MSR_IGNORED ? 0 : *member(cpu, r, msr);
    return true;
}

bool cpu_write_msr(struct x86_cpu *cpu, uint32_t msr, uint64_t value)
{
    const struct msr_row *r = find_row(cpu, msr);

    if (!r || (r->flags & MSR_READ_ONLY)) {
        log_line(LOG_UNIMP, "wrmsr %#x, %#llx: not there or read-only", msr,
                 (unsigned long long)value);
        return false;
    }
    if ((value & r->reserved) || ((r->flags & MSR_CANONICAL) && !is_canonical(value))) {
        log_line(LOG_GUEST_ERRORS, "wrmsr %s, %#llx: reserved bits", r->name,
                 (unsigned long long)value);
        return false;
    }
    if (r->set) {
        return r->set(cpu, msr, value);
    }
    if (!(r->flags & MSR_IGNORED)) {
        *member(cpu, r, msr) = value;
    }
    return true;
}

void x_rdmsr(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = 0;

    (void)i;
    if (!cpu_read_msr(cpu, (uint32_t)cpu->regs[R_RCX], &v)) {
        raise_gp0(cpu);
    }
    cpu->regs[R_RAX] = (uint32_t)v;
    cpu->regs[R_RDX] = v >> 32;
}

void x_wrmsr(struct x86_cpu *cpu, const struct insn *i)
{
    uint64_t v = (uint32_t)cpu->regs[R_RAX] | cpu->regs[R_RDX] << 32;

    (void)i;
    if (!cpu_write_msr(cpu, (uint32_t)cpu->regs[R_RCX], v)) {
        raise_gp0(cpu);
    }
}
