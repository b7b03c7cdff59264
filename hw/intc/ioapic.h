/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/ioapic.h: the I/O APIC: 24 pins that become messages to local APICs.
 * Thread: under the machine lock.
 */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/irqchip.h"
#include "softmmu/memory.h"

#define IOAPIC_PINS 24
#define IOAPIC_BASE 0xfec00000u

struct apic_bus;

struct ioapic {
    struct device dev;
    struct irq inputs[IOAPIC_PINS]; /* for the board: what devices drive; made by realize */
    struct apic_bus *bus;           /* set by ioapic_connect */
    struct mem_region mmio;
    uint8_t id;
    uint8_t select;
    uint32_t lines; /* level of each pin */
    uint8_t owed;   /* ticks of pin 2 that came while one waited in a local APIC */
    uint64_t redir[IOAPIC_PINS];
    uint64_t counts[IOAPIC_PINS]; /* `info irq`: how often each pin rose */
    struct irqchip_part part;     /* its twin in the host's kernel, if there is one */
};

extern const struct device_type ioapic_type;

/* Before realize: where messages go, and whose EOIs come back. */
void ioapic_connect(struct ioapic *io, struct apic_bus *bus);

/* For this folder.  Only fixed and lowest-priority messages have an EOI; other modes are edges despite bit 15. */
bool ioapic_is_level(uint64_t redir);
/* ioapic_kernel.c: as those of i8259.h; with split chips the kernel is told what each pin sends. */
void ioapic_join_kernel(struct ioapic *io);
void ioapic_leave_kernel(struct ioapic *io);
void ioapic_peek(struct ioapic *io);
bool ioapic_borrow(struct ioapic *io);
void ioapic_give_back(struct ioapic *io, bool borrowed);
void ioapic_tell_kernel(struct ioapic *io, unsigned pin);

#endif
