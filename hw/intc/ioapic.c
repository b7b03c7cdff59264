/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/ioapic.c: I/O APIC version 0x20 (82093AA datasheet; the EOI register is that of ICH).
 *
 * A pin is asserted when its line is raised: devices drive logical levels, so the polarity bit is
 * stored and changes nothing.
 *
 * Invariant: a level-triggered pin with remote IRR set sends nothing until an EOI of its vector.
 *            Ticks of pin 2, the timer's, that a CPU would have taken one by one, had the host let
 *            it run, are owed: each is sent when the one before it is taken.
 * Thread:    under the machine lock.
 */
#include "hw/intc/ioapic.h"
#include "hw/intc/apic.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define IOREGSEL 0x00
#define IOWIN    0x10
#define IOEOI    0x40

#define REG_ID    0x00
#define REG_VER   0x01
#define REG_ARB   0x02
#define REG_REDIR 0x10

#define VERSION 0x20

/* MP specification 1.4, 5: the system timer. */
#define TICK_PIN 2

#define REDIR_LOGICAL    (1u << 11)
#define REDIR_STATUS     (1u << 12)
#define REDIR_REMOTE_IRR (1u << 14)
#define REDIR_LEVEL      (1u << 15)
#define REDIR_MASKED     (1u << 16)
#define REDIR_READ_ONLY  (REDIR_STATUS | REDIR_REMOTE_IRR)
#define REDIR_LOW_BITS   0x1ffffu

static unsigned redir_mode(uint64_t redir)
{
    return redir >> 8 & 7;
}

bool ioapic_is_level(uint64_t redir)
{
    return redir & REDIR_LEVEL && redir_mode(redir) <= APIC_DM_LOWEST;
}

static void ioapic_send(struct ioapic *io, unsigned pin)
{
    uint64_t r = io->redir[pin];
    bool level = ioapic_is_level(r);

    if (level) {
        io->redir[pin] |= REDIR_REMOTE_IRR;
    }
    apic_deliver(io->bus, apic_dest_from_8bit(r >> 56), r & REDIR_LOGICAL, redir_mode(r), r & 0xff,
                 level);
}

/* Sends what a level-triggered pin holds, once. */
static void ioapic_service_level(struct ioapic *io, unsigned pin)
{
    uint64_t r = io->redir[pin];

    if (io->lines >> pin & 1 && ioapic_is_level(r) && !(r & (REDIR_MASKED | REDIR_REMOTE_IRR))) {
        ioapic_send(io, pin);
    }
}

/* A tick while the last one still waits for its CPU. */
static bool tick_is_owed(struct ioapic *io, unsigned pin)
{
    uint64_t r = io->redir[pin];

    if (pin != TICK_PIN || redir_mode(r) > APIC_DM_LOWEST ||
        !apic_requested(io->bus, apic_dest_from_8bit(r >> 56), r & REDIR_LOGICAL, r & 0xff)) {
        return false;
    }
    io->owed += io->owed < MAX_OWED_TICKS;
    return true;
}

static void ioapic_taken(void *opaque, uint8_t vector)
{
    struct ioapic *io = opaque;

    if (io->owed && (io->redir[TICK_PIN] & 0xff) == vector) {
        io->owed--;
        ioapic_send(io, TICK_PIN);
    }
}

static void ioapic_input(void *opaque, int pin, bool level)
{
    struct ioapic *io = opaque;
    bool before = io->lines >> pin & 1;

    io->counts[pin] += level && !before;
    io->lines = level ? io->lines | 1u << pin : io->lines & ~(1u << pin);
    if (irqchip_has_all(io->dev.machine)) {
        io->dev.machine->irqchip->ops->set_pin(io->dev.machine, IRQCHIP_IOAPIC, (unsigned)pin,
                                               level);
        return;
    }
    if (ioapic_is_level(io->redir[pin])) {
        ioapic_service_level(io, pin);
    } else if (level && !before && !(io->redir[pin] & REDIR_MASKED) && !tick_is_owed(io, pin)) {
        /* An edge on a masked pin is neither delivered nor held pending. */
        ioapic_send(io, pin);
    }
}

static void ioapic_eoi(void *opaque, uint8_t vector)
{
    struct ioapic *io = opaque;
    bool borrowed = ioapic_borrow(io);

    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        if ((io->redir[pin] & 0xff) == vector && io->redir[pin] & REDIR_REMOTE_IRR) {
            io->redir[pin] &= ~(uint64_t)REDIR_REMOTE_IRR;
            ioapic_service_level(io, pin);
        }
    }
    ioapic_give_back(io, borrowed);
}

static void ioapic_write_redir(struct ioapic *io, unsigned pin, bool high, uint32_t v)
{
    uint64_t *r = &io->redir[pin];

    io->owed = pin == TICK_PIN ? 0 : io->owed;
    if (high) {
        *r = (*r & 0xffffffff) | (uint64_t)(v & 0xff000000) << 32;
        ioapic_tell_kernel(io, pin);
        return;
    }
    v &= REDIR_LOW_BITS & ~REDIR_READ_ONLY;
    *r = (*r & ~(uint64_t)(REDIR_LOW_BITS & ~REDIR_READ_ONLY)) | v;
    /* Guests switch a stuck pin to edge and back: that clears remote IRR, as ICH does. */
    if (!ioapic_is_level(*r)) {
        *r &= ~(uint64_t)REDIR_REMOTE_IRR;
    }
    ioapic_tell_kernel(io, pin);
    ioapic_service_level(io, pin);
}

static uint32_t ioapic_read_window(const struct ioapic *io)
{
    unsigned n = io->select;

    switch (n) {
    case REG_ID:
    case REG_ARB:
        return (uint32_t)io->id << 24;
    case REG_VER:
        return VERSION | (IOAPIC_PINS - 1) << 16;
    }
    if (n >= REG_REDIR && n < REG_REDIR + 2 * IOAPIC_PINS) {
        n -= REG_REDIR;
        return io->redir[n / 2] >> (n & 1 ? 32 : 0);
    }
    log_line(LOG_UNIMP, "ioapic: read of register 0x%x", n);
    return UINT32_MAX;
}

static void ioapic_write_window(struct ioapic *io, uint32_t v)
{
    unsigned n = io->select;

    if (n == REG_ID) {
        io->id = v >> 24 & 0x0f;
    } else if (n >= REG_REDIR && n < REG_REDIR + 2 * IOAPIC_PINS) {
        n -= REG_REDIR;
        ioapic_write_redir(io, n / 2, n & 1, v);
    } else {
        log_line(LOG_GUEST_ERRORS, "ioapic: write of 0x%x to register 0x%x", v, n);
    }
}

static uint64_t ioapic_read(void *opaque, uint64_t off, unsigned size)
{
    struct ioapic *io = opaque;

    (void)size;
    ioapic_peek(io);
    switch (off) {
    case IOREGSEL:
        return io->select;
    case IOWIN:
        return ioapic_read_window(io);
    }
    log_line(LOG_UNIMP, "ioapic: read at offset 0x%x", (unsigned)off);
    return UINT32_MAX;
}

static void ioapic_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ioapic *io = opaque;
    bool borrowed = ioapic_borrow(io);

    (void)size;
    switch (off) {
    case IOREGSEL:
        io->select = value;
        break;
    case IOWIN:
        ioapic_write_window(io, value);
        break;
    case IOEOI:
        ioapic_eoi(io, value);
        break;
    default:
        log_line(LOG_UNIMP, "ioapic: write of 0x%x at offset 0x%x", (unsigned)value, (unsigned)off);
    }
    ioapic_give_back(io, borrowed);
}

static const struct mem_ops ioapic_ops = {
    .read = ioapic_read, .write = ioapic_write, .min_size = 4, .max_size = 4
};

void ioapic_connect(struct ioapic *io, struct apic_bus *bus)
{
    io->bus = bus;
}

static bool ioapic_realize(struct device *dev, GError **error)
{
    struct ioapic *io = (struct ioapic *)dev;

    if (!io->bus || !apic_bus_add_eoi(io->bus, ioapic_eoi, ioapic_taken, io)) {
        set_error(error, "ioapic: %s", io->bus ? "too many I/O APICs" : "no APIC bus is connected");
        return false;
    }
    for (int n = 0; n < IOAPIC_PINS; n++) {
        io->inputs[n] = (struct irq){ ioapic_input, io, n };
    }
    mem_region_init_mmio(&io->mmio, dev->machine, "ioapic", &ioapic_ops, io, 0x1000);
    mem_region_add(&dev->machine->system_memory, IOAPIC_BASE, &io->mmio, 100);
    ioapic_join_kernel(io);
    return true;
}

static void ioapic_reset(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;

    irqchip_take(dev->machine);
    io->id = 0;
    io->select = 0;
    io->owed = 0;
    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        io->redir[n] = REDIR_MASKED;
    }
}

static void ioapic_unrealize(struct device *dev)
{
    struct ioapic *io = (struct ioapic *)dev;

    ioapic_leave_kernel(io);
    apic_bus_remove_eoi(io->bus, io);
    mem_region_destroy(&io->mmio);
}

static const struct state_row ioapic_rows[] = {
    STATE_INT(struct ioapic, id, 1, "APIC id"),
    STATE_INT(struct ioapic, select, 1, "register that the window shows"),
    STATE_INT(struct ioapic, lines, 1, "level of the pins"),
    STATE_INT(struct ioapic, owed, 1, "ticks of pin 2 still to be sent"),
    STATE_ARRAY(struct ioapic, redir, 1, "redirection table"),
    { 0 },
};

/* Tests know the timer's pin by its ISA line. */
static const uint8_t line_numbers[IOAPIC_PINS] = { 2,  1,  0,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                                   12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23 };
static const struct device_lines ioapic_inputs = { offsetof(struct ioapic, inputs), IOAPIC_PINS,
                                                   line_numbers };

const struct device_type ioapic_type = {
    .name = "ioapic",
    .summary = "I/O APIC with 24 pins",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct ioapic),
    .state = ioapic_rows,
    .inputs = &ioapic_inputs,
    .realize = ioapic_realize,
    .reset = ioapic_reset,
    .unrealize = ioapic_unrealize,
};
