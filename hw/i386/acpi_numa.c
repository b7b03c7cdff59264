/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_numa.c: SRAT and SLIT: which CPUs and memory are near each other.
 * Source: ACPI 6.4, 5.2.16 and 5.2.17.  Thread: under the machine lock.
 */
#include "hw/i386/acpi_internal.h"

#include "softmmu/machine.h"

enum { AFFINITY_APIC = 0, AFFINITY_MEMORY = 1, AFFINITY_X2APIC = 2 };
#define ENABLED 1u

/* 5.2.16.1, and for ids that 8 bits do not hold 5.2.16.3. */
static void put_cpu(GByteArray *out, uint32_t id, uint32_t node)
{
    bool wide = id > 254;

    acpi_put(out, wide ? AFFINITY_X2APIC : AFFINITY_APIC, 1);
    acpi_put(out, wide ? 24 : 16, 1);
    if (wide) {
        acpi_put(out, 0, 2);
        acpi_put(out, node, 4);
        acpi_put(out, id, 4);
        acpi_put(out, ENABLED, 4);
        acpi_put(out, 0, 8); /* clock domain, reserved */
        return;
    }
    acpi_put(out, node & 0xff, 1);
    acpi_put(out, id, 1);
    acpi_put(out, ENABLED, 4);
    acpi_put(out, 0, 1); /* local SAPIC EID */
    acpi_put(out, node >> 8, 3);
    acpi_put(out, 0, 4); /* clock domain */
}

/* 5.2.16.2 */
static void put_memory(GByteArray *out, uint64_t base, uint64_t len, uint32_t node)
{
    acpi_put(out, AFFINITY_MEMORY, 1);
    acpi_put(out, 40, 1);
    acpi_put(out, node, 4);
    acpi_put(out, 0, 2);
    acpi_put(out, base, 8);
    acpi_put(out, len, 8);
    acpi_put(out, 0, 4);
    acpi_put(out, ENABLED, 4);
    acpi_put(out, 0, 8);
}

/* Nodes follow each other in RAM, which goes on at 4 GiB where it ends below. */
static void put_node(const struct acpi_config *cfg, uint64_t from, uint64_t len, uint32_t node,
                     GByteArray *out)
{
    uint64_t low = from < cfg->ram_below_4g ? MIN(len, cfg->ram_below_4g - from) : 0;

    if (low) {
        put_memory(out, from, low, node);
    }
    if (len > low) {
        put_memory(out, (4ull << 30) + from + low - cfg->ram_below_4g, len - low, node);
    }
}

size_t acpi_build_srat(const struct acpi_config *cfg, GByteArray *out)
{
    size_t t = acpi_begin_table(out, "SRAT", 3);
    uint64_t at = 0;

    acpi_put(out, 1, 4);
    acpi_put(out, 0, 8);
    for (unsigned i = 0; i < cfg->n_cpus; i++) {
        put_cpu(out, cfg->apic_ids ? cfg->apic_ids[i] : i, cfg->numa->cpu_node[i]);
    }
    for (unsigned i = 0; i < cfg->numa->n_nodes; i++) {
        put_node(cfg, at, cfg->numa->nodes[i].mem, i, out);
        at += cfg->numa->nodes[i].mem;
    }
    acpi_end_table(out, t);
    return t;
}

size_t acpi_build_slit(const struct acpi_config *cfg, GByteArray *out)
{
    size_t t = acpi_begin_table(out, "SLIT", 1);
    unsigned n = cfg->numa->n_nodes;

    acpi_put(out, n, 8);
    for (unsigned i = 0; i < n; i++) {
        g_byte_array_append(out, cfg->numa->distance[i], n);
    }
    acpi_end_table(out, t);
    return t;
}
