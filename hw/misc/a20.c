/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/a20.c: what the A20 gate does to the CPUs.  Cached translations hold masked addresses, so
 * every vCPU flushes before it goes on.  Thread: under the machine lock.
 */
#include "hw/misc/a20.h"

#include "softmmu/machine.h"
#include "target/i386/cpu.h"

void a20_set(struct machine *m, bool on)
{
    if (m->a20_masked == !on) {
        return;
    }
    vcpu_exclusive_begin(m);
    m->a20_masked = !on;
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        struct x86_cpu *cpu = x86_cpu_of(m->vcpus[i]);

        cpu->a20_mask = on ? UINT64_MAX : ~(1ull << 20);
        cpu_flush_later(cpu);
    }
    address_space_notify(&m->memory);
    address_space_notify(&m->smm_memory);
    vcpu_exclusive_end(m);
}
