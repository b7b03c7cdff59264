/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/irqchip.h: interrupt controllers that an engine has in the host's kernel, and how a machine's own take
 * turns with them.
 *
 * A machine always has its own chips (hw/intc, hw/timer).  With m->irqchip the kernel's are in charge while
 * the machine runs: the guest's accesses and the devices' requests go there, and the fields of ours are stale.  While
 * it stands still, ours are: what reset, load and the monitor do to them needs no kernel, and a saved machine has
 * the same rows under every engine.  irqchip_take and irqchip_give carry the state from the one to the other.
 *
 * Two extents: "split" has the local APICs in the kernel; "full" the 8259 pair, the I/O APIC and the 8254, too.
 *
 * Thread: machine lock held; take, give and refresh with every vCPU out of guest code.  irqchip_route's fd may be
 *         written to on any thread.
 */
#ifndef SOFTMMU_IRQCHIP_H
#define SOFTMMU_IRQCHIP_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct vcpu;

enum irqchip_chip { IRQCHIP_PIC, IRQCHIP_IOAPIC };

#define IRQCHIP_IOAPIC_PINS 24u

/* One 8259A; the names are those of its datasheet's registers and words. */
struct irqchip_pic {
    uint8_t lines; /* level of the inputs */
    uint8_t irr, imr, isr, elcr, vector_base, top;
    uint8_t icw_next; /* 0: OCW1, 2-4: that ICW */
    bool icw_has_4, read_isr, poll, special_mask, auto_eoi, rotate_on_auto_eoi, fully_nested;
};

struct irqchip_ioapic {
    uint8_t id, select;
    uint32_t requests; /* level-triggered pins that are high */
    uint64_t redir[IRQCHIP_IOAPIC_PINS];
};

/* Registers by their MMIO offset / 16 (SDM vol. 3, "Local APIC Register Address Map"). */
struct irqchip_apic {
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t regs[64];
    uint64_t tsc_deadline;
};

struct irqchip_pit_channel {
    uint8_t mode, access; /* 0-5; 1: low, 2: high, 3: both bytes */
    bool bcd, gate, write_high, read_high, count_latched, status_latched;
    uint8_t status, write_low;
    uint16_t latch;
    uint32_t count; /* 1 to 65536 */
    int64_t age;    /* ns since it was loaded; the kernel begins anew when it is given one */
};
struct irqchip_pit {
    struct irqchip_pit_channel channel[3];
    bool muted;   /* channel 0 drives nothing: the HPET's legacy replacement */
    bool speaker; /* bit 1 of port 0x61 */
};

/*
 * A message that the kernel sends when somebody writes to an eventfd.  The owner closes `fd` after irqchip_ops.detach;
 * what is written while it is detached is sent when it is attached again.
 */
struct irqchip_route {
    int fd;
    int gsi; /* the engine's number; -1: none */
    uint64_t addr;
    uint32_t data;
    bool attached;              /* the kernel listens */
    struct irqchip_route *next; /* machine's list */
};

struct irqchip_ops {
    /* Full: the level of an input of the 8259 pair (0-15) or of the I/O APIC. */
    void (*set_pin)(struct machine *m, enum irqchip_chip chip, unsigned pin, bool level);
    /* A message to local APICs: 0xfee00000 and the rest of an MSI. */
    void (*send_msi)(struct machine *m, uint64_t addr, uint32_t data);
    /* Split: what a pin of our I/O APIC sends, so that the kernel tells of the EOIs. */
    void (*set_message)(struct machine *m, unsigned pin, uint64_t addr, uint32_t data);
    void (*get_apic)(struct vcpu *cpu, struct irqchip_apic *a);
    void (*set_apic)(struct vcpu *cpu, const struct irqchip_apic *a);
    void (*get_pic)(struct machine *m, struct irqchip_pic pic[2]);
    void (*set_pic)(struct machine *m, const struct irqchip_pic pic[2]);
    void (*get_ioapic)(struct machine *m, struct irqchip_ioapic *io);
    void (*set_ioapic)(struct machine *m, const struct irqchip_ioapic *io);
    void (*get_pit)(struct machine *m, struct irqchip_pit *pit);
    void (*set_pit)(struct machine *m, const struct irqchip_pit *pit);
    /* Ticks that the guest was too slow for: sent one after another (true), or lost. */
    void (*set_reinjection)(struct machine *m, bool reinject);
    /* False: there is no route left, or no eventfd: the caller sends as it did. */
    bool (*attach)(struct machine *m, struct irqchip_route *r);
    /* On return no thread of the kernel's sends any more. */
    void (*detach)(struct machine *m, struct irqchip_route *r);
    /* Gives the number back; detached before. */
    void (*forget)(struct machine *m, struct irqchip_route *r);
};

/* A chip of ours that has a twin in the kernel. */
struct irqchip_part {
    void (*take)(void *opaque); /* the kernel's state becomes ours */
    void (*give)(void *opaque);
    void *opaque;
    struct irqchip_part *next;
};

struct irqchip {
    const struct irqchip_ops *ops;
    bool full;
    _Atomic bool in_charge;     /* the kernel's chips */
    struct irqchip_part *parts; /* in the order of their registration: local APICs come first */
    struct irqchip_route *routes;
    /* Split, set by the local APICs' bus: an EOI of a vector that a level-triggered message carried. */
    void (*eoi)(void *opaque, uint8_t vector);
    void *eoi_opaque;
};

/* m->irqchip may be NULL in all of these: then nothing happens. */
void irqchip_add_part(struct machine *m, struct irqchip_part *part);
void irqchip_remove_part(struct machine *m, struct irqchip_part *part);
/* Our chips are in charge afterwards.  Whoever resets or loads one calls it first. */
void irqchip_take(struct machine *m);
/* The kernel's are: before vCPUs run. */
void irqchip_give(struct machine *m);
/* Our fields are those of the kernel's, which stay in charge: for people who look. */
void irqchip_refresh(struct machine *m);

/* Are the kernel's local APICs in charge; the other chips, too? */
bool irqchip_has_apics(const struct machine *m);
bool irqchip_has_all(const struct machine *m);

/*
 * Makes an eventfd and a route for this message, which is sent whenever somebody writes to r->fd.  False: the engine
 * has none.  The address and data of one that is there change with irqchip_route_set.
 */
bool irqchip_route_add(struct machine *m, struct irqchip_route *r, uint64_t addr, uint32_t data);
void irqchip_route_set(struct machine *m, struct irqchip_route *r, uint64_t addr, uint32_t data);
void irqchip_route_remove(struct machine *m, struct irqchip_route *r);
static inline bool irqchip_route_exists(const struct irqchip_route *r)
{
    return r->gsi > 0;
}

#endif
