/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/mptable.h: the tables of the MultiProcessor Specification 1.4, for a kernel that finds no ACPI.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_MPTABLE_H
#define HW_I386_MPTABLE_H

#include <glib.h>
#include <stdint.h>

/* Where guests look for the floating pointer: on 16 bytes within 0xf0000-0xfffff; the table follows. */
#define MPTABLE_ADDR 0xf5b00u

struct mptable_config {
    const uint32_t *apic_ids; /* those above 254 are left out: their field has 8 bits */
    unsigned n_cpus;
    uint32_t signature, features; /* CPUID.01H:EAX and EDX */
};

/* The floating pointer and the table behind it, for MPTABLE_ADDR. */
GByteArray *mptable_build(const struct mptable_config *cfg);

#endif
