/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/kvm/options.h: the properties of -accel kvm. */
#ifndef ACCEL_KVM_OPTIONS_H
#define ACCEL_KVM_OPTIONS_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* kernel-irqchip=: who has the interrupt controllers. */
enum kvm_irqchip_mode {
    KVM_IRQCHIP_OFF,   /* hw/intc, all of them */
    KVM_IRQCHIP_SPLIT, /* the kernel has the local APICs */
    KVM_IRQCHIP_FULL,  /* the kernel has the PIC, the I/O APIC and the PIT, too */
};
extern const char *const kvm_irqchip_names[]; /* "off", "split", "on" */

struct kvm_options {
    enum kvm_irqchip_mode irqchip;
    bool irqchip_given;  /* else it is the default, "on" */
    uint32_t dirty_ring; /* entries, a power of two; 0: bitmaps */
    uint64_t shadow_mem; /* bytes for shadow page tables; 0: the kernel's choice */
    char device[4096];   /* "/dev/kvm" */
};

/* `accel` is -accel's text, "kvm,key=value,...".  False and *error: a line that begins with "-accel kvm: ". */
bool kvm_options_parse(const char *accel, struct kvm_options *o, GError **error);
/* The n-th property's name, NULL behind the last. */
const char *kvm_option_name(unsigned n);

#endif
