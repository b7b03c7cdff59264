/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/mptable.c: see mptable.h.  Source: MultiProcessor Specification 1.4, chapter 4. */
#include "hw/i386/mptable.h"

#include <string.h>
#include "hw/isa/isa.h"

#define POINTER_SIZE 16u
#define HEADER_SIZE  44u
#define APIC_VERSION 0x14
#define ALL_APICS    0xff

enum entry { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_IO_INTERRUPT, ENTRY_LOCAL_INTERRUPT };
enum interrupt_type { TYPE_INT, TYPE_NMI, TYPE_SMI, TYPE_EXTINT };

struct table {
    GByteArray *out;
    unsigned entries;
    unsigned ioapic_id;
};

static void put(struct table *t, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(v >> (8 * i));

        g_byte_array_append(t->out, &byte, 1);
    }
}

static void put_text(struct table *t, const char *text)
{
    g_byte_array_append(t->out, (const uint8_t *)text, (guint)strlen(text));
}

/* 4.3.1 */
static void add_cpus(struct table *t, const struct mptable_config *cfg)
{
    for (unsigned i = 0; i < cfg->n_cpus; i++) {
        if (cfg->apic_ids[i] > 254) {
            continue;
        }
        put(t, ENTRY_CPU, 1);
        put(t, cfg->apic_ids[i], 1);
        put(t, APIC_VERSION, 1);
        put(t, i == 0 ? 3 : 1, 1); /* enabled; the first boots */
        put(t, cfg->signature, 4);
        put(t, cfg->features, 4);
        put(t, 0, 8);
        t->entries++;
    }
}

/* 4.3.2, 4.3.3: one ISA bus, one I/O APIC. */
static void add_buses(struct table *t)
{
    put(t, ENTRY_BUS, 1);
    put(t, 0, 1);
    put_text(t, "ISA   ");
    put(t, ENTRY_IOAPIC, 1);
    put(t, t->ioapic_id, 1);
    put(t, 0x11, 1);
    put(t, 1, 1); /* enabled */
    put(t, 0xfec00000, 4);
    t->entries += 2;
}

static void add_interrupt(struct table *t, enum entry kind, enum interrupt_type type, unsigned irq,
                          unsigned apic, unsigned pin)
{
    put(t, kind, 1);
    put(t, type, 1);
    put(t, 0, 2); /* polarity and trigger of the bus */
    put(t, 0, 1); /* the ISA bus */
    put(t, irq, 1);
    put(t, apic, 1);
    put(t, pin, 1);
    t->entries++;
}

/* 4.3.4, 4.3.5: the timer is on pin 2, where the 8259s' cascade would be. */
static void add_interrupts(struct table *t)
{
    for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
        if (irq != 2) {
            add_interrupt(t, ENTRY_IO_INTERRUPT, TYPE_INT, irq, t->ioapic_id, irq ? irq : 2);
        }
    }
    add_interrupt(t, ENTRY_LOCAL_INTERRUPT, TYPE_EXTINT, 0, 0, 0);
    add_interrupt(t, ENTRY_LOCAL_INTERRUPT, TYPE_NMI, 0, ALL_APICS, 1);
}

static uint8_t checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + data[i]);
    }
    return (uint8_t)-sum;
}

GByteArray *mptable_build(const struct mptable_config *cfg)
{
    struct table t = { .out = g_byte_array_new() };
    uint8_t *header;
    unsigned len;

    put_text(&t, "_MP_"); /* 4.1 */
    put(&t, MPTABLE_ADDR + POINTER_SIZE, 4);
    put(&t, 1, 1);        /* length / 16 */
    put(&t, 4, 1);        /* revision */
    put(&t, 0, 6);        /* checksum; the table below is there; no IMCR */
    put_text(&t, "PCMP"); /* 4.2 */
    put(&t, 0, 2);        /* length */
    put(&t, 4, 1);
    put(&t, 0, 1); /* checksum */
    put_text(&t, "RHEA    ");
    put_text(&t, "PC          ");
    put(&t, 0, 6); /* no OEM table */
    put(&t, 0, 2); /* entries */
    put(&t, 0xfee00000, 4);
    put(&t, 0, 4); /* no extended table */
    add_cpus(&t, cfg);
    add_buses(&t);
    add_interrupts(&t);

    header = t.out->data + POINTER_SIZE;
    len = t.out->len - POINTER_SIZE;
    header[4] = (uint8_t)len;
    header[5] = (uint8_t)(len >> 8);
    header[34] = (uint8_t)t.entries;
    header[35] = (uint8_t)(t.entries >> 8);
    header[7] = checksum(header, len);
    t.out->data[10] = checksum(t.out->data, POINTER_SIZE);
    return t.out;
}
