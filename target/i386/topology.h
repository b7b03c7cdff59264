/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/topology.h: threads, cores, dies and packages, and the APIC ids that name them: each level
 * has a field of bits of its own, thread lowest (SDM vol. 3, 8.9).  Constant once -smp is known.
 */
#ifndef TARGET_I386_TOPOLOGY_H
#define TARGET_I386_TOPOLOGY_H

#include <stdint.h>

struct machine;

struct topology {
    unsigned threads, cores, dies; /* of a core, of a die, of a package */
    unsigned packages;
    unsigned core_shift, die_shift, package_shift; /* first bit of each field in an APIC id */
};

struct topology topology_of(const struct machine *m);
/* CPUs of a package. */
static inline unsigned topology_package_cpus(const struct topology *t)
{
    return t->threads * t->cores * t->dies;
}
/* Of CPU number `index`. */
uint32_t topology_apic_id(const struct machine *m, unsigned index);
/* Of the CPU that has it, plus 1: what tables by APIC id are sized by. */
uint32_t topology_apic_id_limit(const struct machine *m);

#endif
