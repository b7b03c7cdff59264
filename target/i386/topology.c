/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/topology.c: see topology.h.  Thread: any. */
#include "target/i386/topology.h"
#include "softmmu/machine.h"

static unsigned bits_for(unsigned n)
{
    unsigned bits = 0;

    while (1u << bits < n) {
        bits++;
    }
    return bits;
}

struct topology topology_of(const struct machine *m)
{
    const struct cpu_topology *given = &m->config.topology;
    struct topology t = {
        .threads = MAX(given->threads, 1),
        .dies = MAX(given->dies, 1),
        .packages = MAX(given->sockets, 1),
    };

    /* Nothing said: one package. */
    t.cores = given->cores ? given->cores : MAX(m->config.cpus, 1);
    t.core_shift = bits_for(t.threads);
    t.die_shift = t.core_shift + bits_for(t.cores);
    t.package_shift = t.die_shift + bits_for(t.dies);
    return t;
}

uint32_t topology_apic_id(const struct machine *m, unsigned index)
{
    struct topology t = topology_of(m);
    unsigned thread = index % t.threads, core = index / t.threads % t.cores;
    unsigned die = index / (t.threads * t.cores) % t.dies;
    unsigned package = index / topology_package_cpus(&t);

    return package << t.package_shift | die << t.die_shift | core << t.core_shift | thread;
}

uint32_t topology_apic_id_limit(const struct machine *m)
{
    return topology_apic_id(m, MAX(m->config.cpus, 1) - 1) + 1;
}
