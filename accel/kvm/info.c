/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/kvm/info.c: what the engine has counted, for `info kvm`.  Thread: machine lock held. */
#include <inttypes.h>
#include "accel/kvm/internal.h"

static const char *const names[KVM_COUNTS] = {
    [KVM_COUNT_RUNS] = "entries",
    [KVM_COUNT_IO] = "port I/O",
    [KVM_COUNT_MMIO] = "memory I/O",
    [KVM_COUNT_HLT] = "HLT",
    [KVM_COUNT_WINDOW] = "interrupt windows",
    [KVM_COUNT_SIGNAL] = "signals",
    [KVM_COUNT_OTHER] = "other exits",
    [KVM_COUNT_INJECTED] = "interrupts injected",
    [KVM_COUNT_FETCHES] = "states read",
    [KVM_COUNT_STORES] = "states written",
    [KVM_COUNT_COMPLETED] = "instructions completed by the interpreter",
};

void kvm_print(struct machine *m, GString *out)
{
    const struct kvm *k = m->kvm;

    if (!k) {
        return;
    }
    g_string_append_printf(out, "kernel-irqchip: %s\n", kvm_irqchip_names[k->irqchip]);
    for (unsigned i = 0; i < m->n_vcpus; i++) {
        const struct kvm_vcpu *v = k->vcpus[i];

        g_string_append_printf(out, "CPU %u:", i);
        for (unsigned n = 0; v && n < KVM_COUNTS; n++) {
            g_string_append_printf(out, "%s %s %" PRIu64, n ? "," : "",
                                   names[n] ? names[n] : "others",
                                   atomic_load_explicit(&v->count[n], memory_order_relaxed));
        }
        g_string_append_c(out, '\n');
    }
}
