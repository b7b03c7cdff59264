/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/apic_kernel.h: local APICs that take turns with those in the host's kernel; for this folder.
 * Thread: under the machine lock.
 */
#ifndef HW_INTC_APIC_KERNEL_H
#define HW_INTC_APIC_KERNEL_H

#include "hw/intc/apic.h"

/* The kernel's APICs are in charge: messages go there. */
bool apic_in_kernel(const struct apic_bus *bus);
void apic_send_to_kernel(struct apic_bus *bus, uint32_t dest, bool logical, unsigned mode,
                         uint8_t vector, bool level);

/* apic_realize and apic_unrealize. */
void apic_join_kernel(struct apic *a);
void apic_leave_kernel(struct apic *a);

/*
 * Before a look at the registers, and around a change, that came to us though the kernel's APICs are in charge: the
 * interpreter executes an instruction that the kernel could not.
 */
void apic_peek(struct apic *a);
bool apic_borrow(struct apic *a);
void apic_give_back(struct apic *a, bool borrowed);

#endif
