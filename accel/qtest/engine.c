/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/engine.c: vCPUs that never run.  Their registers are there, for monitors and for devices
 * that send them interrupts, which stay pending.
 * Thread: see softmmu/vcpu.h.
 */
#include "accel/qtest/qtest.h"
#include "target/i386/cpu.h"
#include "target/i386/mem.h"

static bool engine_has_work(struct vcpu *v)
{
    (void)v;
    return false;
}

static void engine_run(struct vcpu *v)
{
    (void)v; /* has no work */
}

static void engine_reset(struct vcpu *v)
{
    struct x86_cpu *cpu = x86_cpu_of(v);

    cpu_reset(cpu, false);
    tlb_flush(cpu);
}

const struct vcpu_ops qtest_vcpu_ops = {
    .name = "qtest",
    .run = engine_run,
    .has_work = engine_has_work,
    .reset = engine_reset,
};
