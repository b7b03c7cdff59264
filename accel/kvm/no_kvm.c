/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/kvm/no_kvm.c: for hosts that have no KVM for x86 guests: kvm_init says so.  Thread: see kvm.h. */
#include "accel/kvm/kvm.h"
#include "util/error.h"

bool kvm_init(struct machine *m, GError **error)
{
    (void)m;
    set_error(
        error,
        "-accel kvm: this program was built for a host without KVM for x86 guests; use -accel tcg");
    return false;
}

bool kvm_init_with(struct machine *m, struct kvm_host *host, GError **error)
{
    (void)host;
    return kvm_init(m, error);
}

void kvm_print(struct machine *m, GString *out)
{
    (void)m;
    (void)out;
}

const struct vcpu_ops kvm_vcpu_ops = { .name = "kvm" };
