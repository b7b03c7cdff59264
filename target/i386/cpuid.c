/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/cpuid.c: the CPUID leaves, made from the model and the feature words.
 *
 * Thread: the vCPU's own; leaf 1 takes the machine lock to ask the local APIC whether it is on.
 * Source: SDM vol. 2, "CPUID".
 */
#include "softmmu/machine.h"
#include "target/i386/cpu_support.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"
#include "target/i386/topology.h"
#include "target/i386/xsave.h"

enum { EAX, EBX, ECX, EDX };

#define HYPERVISOR_BASE  0x40000000u
#define APIC_BASE_ENABLE (1u << 11)

/* One cache of leaf 4: deterministic parameters. */
struct cache {
    unsigned type, level; /* type: 1 data, 2 instruction, 3 unified */
    unsigned ways, sets;
    bool shared; /* by every CPU of the die */
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

static struct topology topology(const struct x86_cpu *cpu)
{
    return topology_of(cpu->vcpu.machine);
}

/* Dies are told by leaf 1FH alone. */
static uint32_t basic_level(const struct x86_cpu *cpu)
{
    uint32_t level = cpu->model->level;

    return level >= 0xb && !cpu_is_amd(cpu) && topology(cpu).dies > 1 ? MAX(level, 0x1f) : level;
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
    struct topology t = topology(cpu);
    unsigned cpus = topology_package_cpus(&t);

    out[EAX] = cpu_signature(cpu);
    /* CLFLUSH lines of 64 bytes; initial APIC id */
    out[EBX] = cpu->apic_id << 24 | MIN(cpus, 255) << 16 | 8 << 8;
    out[ECX] = cpu->features[FEAT_1_ECX];
    out[EDX] = cpu->features[FEAT_1_EDX];
    if (cpu->cr4 & CR4_OSXSAVE) {
        out[ECX] |= 1u << 27;
    }
    if (!apic_enabled(cpu)) {
        out[EDX] &= ~(1u << (X86_APIC % 32));
    }
    if (cpus > 1) {
        out[EDX] |= 1u << (X86_HT % 32);
    }
}

/* Leaf 4, and AMD's leaf 8000001DH. */
static void leaf_caches(const struct x86_cpu *cpu, uint32_t sub, uint32_t out[4])
{
    struct topology t = topology(cpu);
    unsigned sharing, cores = 1u << (t.package_shift - t.core_shift);
    const struct cache *c;

    if (sub >= G_N_ELEMENTS(caches) || (caches[sub].level == 3 && cpu->model->no_l3_cache)) {
        return;
    }
    c = &caches[sub];
    out[EAX] = c->type | c->level << 5 | 1 << 8;
    if (cpu_is_amd(cpu)) {
        sharing = c->shared ? t.threads * t.cores : t.threads;
    } else { /* APIC ids, rather than CPUs */
        sharing = 1u << (c->shared ? t.die_shift : t.core_shift);
        out[EAX] |= (MIN(cores, 64) - 1) << 26;
    }
    out[EAX] |= (sharing - 1) << 14;
    out[EBX] = (c->ways - 1) << 22 | 63;
    out[ECX] = c->sets - 1;
}

/* Leaves 0BH and 1FH: from the threads of a core to the package; the first has no dies. */
static void leaf_topology(const struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    struct topology t = topology(cpu);
    bool dies = leaf == 0x1f && t.dies > 1;
    const struct {
        unsigned type, shift, cpus;
    } levels[] = {
        { 1, t.core_shift, t.threads },
        { 2, dies ? t.die_shift : t.package_shift,
          dies ? t.threads * t.cores : topology_package_cpus(&t) },
        { 5, t.package_shift, topology_package_cpus(&t) },
    };

    out[ECX] = sub & 0xff;
    out[EDX] = cpu->apic_id;
    if (sub < (dies ? 3 : 2)) {
        out[ECX] |= levels[sub].type << 8;
        out[EAX] = levels[sub].shift;
        out[EBX] = levels[sub].cpus;
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
        out[EAX] = basic_level(cpu);
        vendor_leaf(cpu->model->vendor, out);
        break;
    case 1:
        leaf_features(cpu, out);
        break;
    case 2:
        out[EAX] = cpu_is_amd(cpu) ? 0 : 0x00ff01; /* caches: see leaf 4 */
        break;
    case 4:
        if (!cpu_is_amd(cpu)) {
            leaf_caches(cpu, sub, out);
        }
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
    case 0x1f:
        leaf_topology(cpu, leaf, sub, out);
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

/* AMD64 APM vol. 3, E.4.17: unit and node of this CPU. */
static void leaf_amd_topology(const struct x86_cpu *cpu, uint32_t out[4])
{
    struct topology t = topology(cpu);
    uint32_t in_package = cpu->apic_id & ((1u << t.package_shift) - 1);

    out[EAX] = cpu->apic_id;
    out[EBX] = (t.threads - 1) << 8 | (in_package >> t.core_shift & 0xff);
    out[ECX] = (t.dies - 1) << 8 | (in_package >> t.die_shift & 0xff);
}

static void leaf_extended(struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    bool amd = cpu_is_amd(cpu);
    struct topology t = topology(cpu);

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
        if (!amd) {
            out[ECX] &= ~(1u << (X86_TOPOEXT % 32)); /* `max` has every feature */
        }
        if (amd && topology_package_cpus(&t) > 1) {
            out[ECX] |= 1u << 1; /* the CPUs of leaf 1 are cores */
        }
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
        if (amd && topology_package_cpus(&t) > 1) {
            out[ECX] = t.package_shift << 12 | (MIN(topology_package_cpus(&t), 256) - 1);
        }
        break;
    case 0x8000000a:
        out[EDX] = cpu->features[FEAT_8000000A_EDX];
        break;
    case 0x8000001d:
        if (amd && cpu_has(cpu, X86_TOPOEXT)) {
            leaf_caches(cpu, sub, out);
        }
        break;
    case 0x8000001e:
        if (amd && cpu_has(cpu, X86_TOPOEXT)) {
            leaf_amd_topology(cpu, out);
        }
        break;
    default:
        break;
    }
}

/* A leaf beyond the last answers as the highest basic leaf does, on Intel; on AMD, with zeroes. */
void cpu_cpuid(struct x86_cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t out[4])
{
    const struct machine *m = cpu->vcpu.machine;
    const struct cpu_support *s = m ? m->cpu_support : NULL;

    memset(out, 0, 4 * sizeof(out[0]));
    if (s && s->cpuid(cpu, leaf, sub, out)) {
        return;
    }
    if (leaf >> 16 == HYPERVISOR_BASE >> 16 && cpu_has(cpu, X86_HYPERVISOR)) {
        if (leaf == HYPERVISOR_BASE) {
            static const char signature[] = "RheaRheaRhea";

            out[EAX] = HYPERVISOR_BASE;
            memcpy(&out[EBX], signature, 12);
        }
        return;
    }
    if (leaf >= 0x80000000 && leaf <= cpu->model->xlevel) {
        leaf_extended(cpu, leaf, sub, out);
        return;
    }
    if (leaf > basic_level(cpu)) {
        if (cpu_is_amd(cpu)) {
            return;
        }
        leaf = basic_level(cpu);
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
