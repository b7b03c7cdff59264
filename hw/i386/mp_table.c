/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/mp_table.c: see mp_table.h.
 *
 * Source: Intel MultiProcessor Specification 1.4 (242016), 4.1 to 4.3.
 * Invariants: the CPUs' local APIC ids are 0 to n - 1; the I/O APIC's id follows them.
 * Thread:     under the machine lock, vCPUs stopped.
 */
#include "hw/i386/mp_table.h"

#include <string.h>
#include "hw/isa/isa.h"

#define POINTER_SIZE 16u
#define APIC_VERSION 0x14u /* integrated */

enum entry { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_INTERRUPT, ENTRY_LOCAL };
enum interrupt_type { TYPE_INT, TYPE_NMI, TYPE_SMI, TYPE_EXTINT };
enum cpu_flag { CPU_ENABLED = 1, CPU_BOOT = 2 };

static void put(GByteArray *out, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * i));

        g_byte_array_append(out, &byte, 1);
    }
}

static void put_text(GByteArray *out, const char *text)
{
    g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text));
}

/* Makes the bytes from start on add up to 0. */
static void sum_up(GByteArray *out, size_t start, size_t len, size_t at)
{
    uint8_t sum = 0;

    out->data[at] = 0;
    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + out->data[start + i]);
    }
    out->data[at] = (uint8_t)-sum;
}

/* 4.3.1 */
static void put_cpu(GByteArray *out, unsigned id)
{
    put(out, ENTRY_CPU, 1);
    put(out, id, 1);
    put(out, APIC_VERSION, 1);
    put(out, CPU_ENABLED | (id == 0 ? CPU_BOOT : 0), 1);
    put(out, 0x0600, 4); /* family 6; CPUID says more */
    put(out, 0x0201, 4); /* an APIC and an FPU */
    put(out, 0, 8);
}

/* 4.3.4, 4.3.5: polarity and trigger as the bus has them. */
static void put_interrupt(GByteArray *out, enum entry entry, enum interrupt_type type, unsigned irq,
                          unsigned apic, unsigned pin)
{
    put(out, entry, 1);
    put(out, type, 1);
    put(out, 0, 2);
    put(out, 0, 1); /* bus: the only one */
    put(out, irq, 1);
    put(out, apic, 1);
    put(out, pin, 1);
}

GBytes *mp_table_build(unsigned n)
{
    GByteArray *out = g_byte_array_new();
    unsigned entries = n + 2 + (ISA_IRQS - 1) + 2;

    put_text(out, "_MP_"); /* 4.1 */
    put(out, MP_TABLE_ADDR + POINTER_SIZE, 4);
    put(out, 1, 1);
    put(out, 4, 1); /* 1.4 */
    put(out, 0, 6); /* checksum; no default configuration; virtual wire */
    sum_up(out, 0, POINTER_SIZE, 10);

    put_text(out, "PCMP"); /* 4.2 */
    put(out, 0, 2);
    put(out, 4, 1);
    put(out, 0, 1);
    put_text(out, "RHEA    MICROVM     ");
    put(out, 0, 6); /* no OEM table */
    put(out, entries, 2);
    put(out, 0xfee00000, 4);
    put(out, 0, 4);
    for (unsigned i = 0; i < n; i++) {
        put_cpu(out, i);
    }
    put(out, ENTRY_BUS, 1);
    put(out, 0, 1);
    put_text(out, "ISA   ");
    put(out, ENTRY_IOAPIC, 1);
    put(out, n, 1);
    put(out, 0x20, 1);
    put(out, 1, 1); /* usable */
    put(out, 0xfec00000, 4);
    for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
        if (irq != 2) { /* the cascade, whose pin the timer has */
            put_interrupt(out, ENTRY_INTERRUPT, TYPE_INT, irq, n, irq == 0 ? 2 : irq);
        }
    }
    put_interrupt(out, ENTRY_LOCAL, TYPE_EXTINT, 0, 0xff, 0);
    put_interrupt(out, ENTRY_LOCAL, TYPE_NMI, 0, 0xff, 1);
    out->data[POINTER_SIZE + 4] = (uint8_t)(out->len - POINTER_SIZE);
    out->data[POINTER_SIZE + 5] = (uint8_t)((out->len - POINTER_SIZE) >> 8);
    sum_up(out, POINTER_SIZE, out->len - POINTER_SIZE, POINTER_SIZE + 7);
    return g_byte_array_free_to_bytes(out);
}
