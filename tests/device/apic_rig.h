/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/apic_rig.h: a rig with local APICs on CPU structs that never run.
 * Free with apic_rig_free: devices go before the CPUs they point to.  Thread: the test's.
 */
#ifndef TESTS_DEVICE_APIC_RIG_H
#define TESTS_DEVICE_APIC_RIG_H

#include "hw/intc/apic.h"
#include "target/i386/cpu.h"
#include "tests/device/fuzz.h"

#define APIC_RIG_CPUS 2

struct apic_rig {
    struct rig *r;
    struct apic_bus bus;
    struct x86_cpu *cpu[APIC_RIG_CPUS];
    struct apic *apic[APIC_RIG_CPUS];
};
typedef struct apic_rig apic_rig; /* for g_autoptr only */

static inline struct apic_rig *apic_rig_new(void)
{
    struct apic_rig *a = g_new0(struct apic_rig, 1);

    a->r = rig_new();
    apic_bus_init(&a->bus, a->r->m);
    for (unsigned i = 0; i < APIC_RIG_CPUS; i++) {
        struct x86_cpu *cpu = g_new0(struct x86_cpu, 1);

        cpu->vcpu.machine = a->r->m;
        cpu->vcpu.index = i;
        cpu->tsc_hz = 2000000000;
        cpu->phys_bits = 40;
        cpu->features[X86_X2APIC / 32] |= 1u << (X86_X2APIC % 32);
        cpu->features[X86_TSC_DEADLINE / 32] |= 1u << (X86_TSC_DEADLINE % 32);
        a->cpu[i] = cpu;
        a->apic[i] = (struct apic *)rig_device_new(a->r, &apic_type, NULL);
        apic_connect(a->apic[i], &a->bus, cpu, i);
        rig_device_realize(a->r, &a->apic[i]->dev);
    }
    return a;
}

static inline void apic_rig_free(struct apic_rig *a)
{
    rig_free(a->r);
    for (unsigned i = 0; i < APIC_RIG_CPUS; i++) {
        g_free(a->cpu[i]);
    }
    g_free(a);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(apic_rig, apic_rig_free)

/* CPU 0's registers through memory, as the test's thread is no vCPU. */
static inline uint32_t apic_read(struct apic_rig *a, unsigned off)
{
    return rig_load(a->r, APIC_MMIO_BASE + off, 4);
}

static inline void apic_write(struct apic_rig *a, unsigned off, uint32_t v)
{
    rig_store(a->r, APIC_MMIO_BASE + off, v, 4);
}

/* Software-enables every APIC. */
static inline void apic_enable(struct apic_rig *a)
{
    for (unsigned i = 0; i < APIC_RIG_CPUS; i++) {
        apic_reg_write(a->apic[i], 0xf, 0x1ff);
    }
}

static inline bool apic_pending(struct apic_rig *a, unsigned n, uint32_t bits)
{
    return atomic_load(&a->cpu[n]->pending) & bits;
}

static inline int apic_take(struct apic_rig *a, unsigned n)
{
    return a->cpu[n]->apic->acknowledge(a->cpu[n]->apic_opaque);
}

#endif
