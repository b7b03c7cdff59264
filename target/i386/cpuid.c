/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpuid.c: the CPUID leaves, made from the model and the feature words.
 *
 * Thread: the vCPU's own; leaf 1 takes the machine lock to ask the local APIC whether it is on.
 * Source: SDM vol. 2, "CPUID".
 */
#include "target/i386/cpuid_models.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "target/i386/xsave.h"

enum { EAX, EBX, ECX, EDX };

#define HYPERVISOR_BASE  0x40000000u
#define APIC_BASE_ENABLE (1u << 11)

/* One cache of leaf 4: deterministic parameters. */
struct cache {
    unsigned type, level; /* type: 1 data, 2 instruction, 3 unified */
    unsigned ways, sets;
    bool shared; /* by every CPU of the package */
};

/* clang-format off */
static const struct cache caches[] = {
    { 1, 1,  8,    64, false }, /* 32 KiB */
    { 2, 1,  8,    64, false },
    { 3, 2, 16,  2048, false }, /* 2 MiB */
    { 3, 3, 16, 16384, true  }, /* 16 MiB */
};
/* clang-format on */

uint32_t cpu_signature(const struct x86_cpu *cpu)
{
    const struct cpu_model *m = cpu->model;
    unsigned extended = m->family > 15 ? m->family - 15 : 0;

    return m->stepping | (m->model & 15) << 4 | MIN(m->family, 15) << 8 | m->model >> 4 << 16 |
           extended << 20;
}

bool cpu_is_amd(const struct x86_cpu *cpu)
{
    return strcmp(cpu->model->vendor, "AuthenticAMD") == 0;
}

static unsigned cpu_count(const struct x86_cpu *cpu)
{
    return MAX(cpu->vcpu.machine->config.cpus, 1u);
}

/* Bits of an APIC id that number CPUs within the package. */
static unsigned core_bits(const struct x86_cpu *cpu)
{
    unsigned bits = 0;

    while (1u << bits < cpu_count(cpu)) {
        bits++;
    }
    return bits;
}

static void vendor_leaf(const char *vendor, uint32_t out[4])
{
    memcpy(&out[EBX], vendor, 4);
    memcpy(&out[EDX], vendor + 4, 4);
    memcpy(&out[ECX], vendor + 8, 4);
}

static bool apic_enabled(struct x86_cpu *cpu)
{
    struct machine *m = cpu->vcpu.machine;
    bool held, on;

    if (!cpu->apic) {
        return false;
    }
    held = machine_locked(m);
    if (!held) {
        machine_lock(m);
    }
    on = cpu->apic->get_base(cpu->apic_opaque) & APIC_BASE_ENABLE;
    if (!held) {
        machine_unlock(m);
    }
    return on;
}

static void leaf_features(struct x86_cpu *cpu, uint32_t out[4])
{
    out[EAX] = cpu_signature(cpu);
    /* CLFLUSH lines of 64 bytes; initial APIC id */
    out[EBX] = (uint32_t)cpu->vcpu.index << 24 | cpu_count(cpu) << 16 | 8 << 8;
    out[ECX] = cpu->features[FEAT_1_ECX];
    out[EDX] = cpu->features[FEAT_1_EDX];
    if (cpu->cr4 & CR4_OSXSAVE) {
        out[ECX] |= 1u << 27;
    }
    if (!apic_enabled(cpu)) {
        out[EDX] &= ~(1u << (X86_APIC % 32));
    }
    if (cpu_count(cpu) > 1) {
        out[EDX] |= 1u << (X86_HT % 32);
    }
}

static void leaf_caches(const struct x86_cpu *cpu, uint32_t sub, uint32_t out[4])
{
    const struct cache *c;

    if (sub >= G_N_ELEMENTS(caches) || cpu_is_amd(cpu)) {
        return;
    }
    c = &caches[sub];
    out[EAX] = c->type | c->level << 5 | 1 << 8 | ((1u << core_bits(cpu)) - 1) << 26;
    if (c->shared) {
        out[EAX] |= ((1u << core_bits(cpu)) - 1) << 14;
    }
    out[EBX] = (c->ways - 1) << 22 | 63;
    out[ECX] = c->sets - 1;
}

/* Level 0: threads of a core; level 1: cores of the package. */
static void leaf_topology(const struct x86_cpu *cpu, uint32_t sub, uint32_t out[4])
{
    static const uint8_t level_type[2] = { 1, 2 };

    out[ECX] = sub & 0xff;
    out[EDX] = (uint32_t)cpu->vcpu.index;
    if (sub < G_N_ELEMENTS(level_type)) {
        out[ECX] |= (uint32_t)level_type[sub] << 8;
        out[EAX] = sub == 0 ? 0 : core_bits(cpu);
        out[EBX] = sub == 0 ? 1 : cpu_count(cpu);
    }
}

static void leaf_xsave(const struct x86_cpu *cpu, uint32_t sub, uint32_t out[4])
{
    const struct xsave_component *c;
    uint64_t supported;

    if (!cpu_has(cpu, X86_XSAVE)) {
        return;
    }
    supported = xsave_supported(cpu);
    switch (sub) {
    case 0:
        out[EAX] = (uint32_t)supported;
        out[EBX] = xsave_area_size(cpu->xcr0, false);
        out[ECX] = xsave_area_size(supported, false);
        out[EDX] = supported >> 32;
        break;
    case 1:
        out[EAX] = cpu->features[FEAT_D_1_EAX];
        if (cpu_has(cpu, X86_XSAVES) || cpu_has(cpu, X86_XSAVEC)) {
            out[EBX] = xsave_area_size(cpu->xcr0 | cpu->xss, true);
        }
        break;
    default:
        c = sub < 64 && (supported >> sub & 1) ? xsave_component(cpu, sub) : NULL;
        if (c) {
            out[EAX] = c->size;
            out[EBX] = c->offset;
        }
    }
}

static void leaf_basic(struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    switch (leaf) {
    case 0:
        out[EAX] = cpu->model->level;
        vendor_leaf(cpu->model->vendor, out);
        break;
    case 1:
        leaf_features(cpu, out);
        break;
    case 2:
        out[EAX] = cpu_is_amd(cpu) ? 0 : 0x00ff01; /* caches: see leaf 4 */
        break;
    case 4:
        leaf_caches(cpu, sub, out);
        break;
    case 6:
        out[EAX] = cpu->features[FEAT_6_EAX];
        break;
    case 7:
        if (sub == 0) {
            /* the last subleaf */
            out[EAX] = cpu->features[FEAT_7_2_EDX] ? 2 : cpu->features[FEAT_7_1_EAX] ? 1 : 0;
            out[EBX] = cpu->features[FEAT_7_0_EBX];
            out[ECX] = cpu->features[FEAT_7_0_ECX];
            out[EDX] = cpu->features[FEAT_7_0_EDX];
        } else if (sub == 1) {
            out[EAX] = cpu->features[FEAT_7_1_EAX];
        } else if (sub == 2) {
            out[EDX] = cpu->features[FEAT_7_2_EDX];
        }
        break;
    case 0xb:
        leaf_topology(cpu, sub, out);
        break;
    case 0xd:
        leaf_xsave(cpu, sub, out);
        break;
    case 0x15: /* TSC = crystal * 1 / 1; the local APIC's timer counts the crystal too */
        out[EAX] = out[EBX] = 1;
        out[ECX] = (uint32_t)cpu->tsc_hz;
        break;
    case 0x16: /* MHz: base, maximum, bus */
        out[EAX] = out[EBX] = (uint32_t)(cpu->tsc_hz / 1000000);
        out[ECX] = 100;
        break;
    default:
        break;
    }
}

static void leaf_brand(const struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4])
{
    char text[48] = { 0 };

    g_strlcpy(text, cpu->model->brand, sizeof(text));
    memcpy(out, text + (leaf - 0x80000002) * 16, 16);
}

static void leaf_extended(struct x86_cpu *cpu, uint32_t leaf, uint32_t out[4])
{
    bool amd = cpu_is_amd(cpu);

    switch (leaf) {
    case 0x80000000:
        out[EAX] = cpu->model->xlevel;
        if (amd) {
            vendor_leaf(cpu->model->vendor, out);
        }
        break;
    case 0x80000001:
        out[EAX] = amd ? cpu_signature(cpu) : 0;
        out[ECX] = cpu->features[FEAT_80000001_ECX];
        out[EDX] = cpu->features[FEAT_80000001_EDX];
        if (amd) { /* AMD repeats what leaf 1 says */
            out[EDX] |= cpu->features[FEAT_1_EDX] & 0x0183f3ff;
        }
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        leaf_brand(cpu, leaf, out);
        break;
    case 0x80000005:
        if (amd) {
            out[ECX] = out[EDX] = 32u << 24 | 8 << 16 | 1 << 8 | 64;
        }
        break;
    case 0x80000006:
        out[ECX] = 2048u << 16 | 8 << 12 | (amd ? 1 << 8 : 0) | 64;
        break;
    case 0x80000007:
        out[EDX] = cpu->features[FEAT_80000007_EDX];
        break;
    case 0x80000008:
        out[EAX] = cpu->phys_bits | (cpu_has(cpu, X86_LM) ? cpu->linear_bits : 32) << 8;
        out[EBX] = cpu->features[FEAT_80000008_EBX];
        out[ECX] = amd && cpu_count(cpu) > 1 ? cpu_count(cpu) - 1 : 0;
        break;
    default:
        break;
    }
}

/* A leaf beyond the last answers as the highest basic leaf does, on Intel; on AMD, with zeroes. */
void cpu_cpuid(struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    memset(out, 0, 4 * sizeof(out[0]));
    if (leaf >> 16 == HYPERVISOR_BASE >> 16 && cpu_has(cpu, X86_HYPERVISOR)) {
        if (leaf == HYPERVISOR_BASE) {
            static const char signature[] = "RheaRheaRhea";

            out[EAX] = HYPERVISOR_BASE;
            memcpy(&out[EBX], signature, 12);
        }
        return;
    }
    if (leaf >= 0x80000000 && leaf <= cpu->model->xlevel) {
        leaf_extended(cpu, leaf, out);
        return;
    }
    if (leaf > cpu->model->level) {
        if (cpu_is_amd(cpu)) {
            return;
        }
        leaf = cpu->model->level;
    }
    leaf_basic(cpu, leaf, sub, out);
}

void x_cpuid(struct x86_cpu *cpu, const struct insn *i)
{
    uint32_t out[4];

    (void)i;
    /* It serialises: what other vCPUs wrote to code before must not be run in its old form. */
    if (atomic_load(&cpu->pending)) {
        cpu->stop_block = true;
    }
    cpu_cpuid(cpu, (uint32_t)cpu->regs[R_RAX], (uint32_t)cpu->regs[R_RCX], out);
    cpu->regs[R_RAX] = out[EAX];
    cpu->regs[R_RBX] = out[EBX];
    cpu->regs[R_RCX] = out[ECX];
    cpu->regs[R_RDX] = out[EDX];
}
