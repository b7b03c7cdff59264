/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/isa_parallel.c: a PC's parallel port with a printer that takes every byte: SPP, and EPP's registers, of
 * which nobody answers a cycle.  Source: IEEE 1284-1994, compatibility mode; SMSC FDC37C93x datasheet, "Parallel
 * Port" (SPP and EPP registers).
 *
 * A byte is printed when STROBE falls (the bit rises).  The printer is busy until the back end has taken it, then
 * acknowledges: the interrupt line stays up until the status is read or the next byte is on its way.
 * Thread: under the machine lock.
 */
#include "chardev/chardev.h"
#include "hw/char/serial.h"
#include "hw/isa/isa.h"
#include "softmmu/machine.h"
#include "util/error.h"

enum { REG_DATA, REG_STATUS, REG_CONTROL, REG_EPP_ADDRESS, PORTS = 8 };

#define STATUS_TIMEOUT 0x01 /* EPP */
#define STATUS_FIXED   0x1e /* no error, selected, bits 1 and 2 */
#define STATUS_ACK     0x40 /* as the bit is: 0 while acknowledged */
#define STATUS_READY   0x80 /* not busy */
#define CONTROL_STROBE 0x01
#define CONTROL_INIT   0x04 /* 0: the printer is reset */
#define CONTROL_IRQ    0x10
#define CONTROL_INPUT  0x20 /* the data lines are inputs */
#define CONTROL_FIXED  0xc0
#define CONTROL_RESET  0x0c

struct isa_parallel {
    struct device dev;
    struct chardev *out; /* NULL: bytes are dropped */
    struct irq irq;
    struct mem_region ports;
    uint32_t index, iobase, irq_number; /* UINT32_MAX: by default */
    uint8_t data, control;
    bool busy;         /* the back end has not taken `data` */
    bool acknowledged; /* nobody has seen it yet */
    bool timeout;      /* of an EPP cycle */
    bool level;        /* of irq */
};

static const uint16_t places[MAX_PARALLEL] = { 0x378, 0x278, 0x3bc };

static void update_irq(struct isa_parallel *s)
{
    bool level = s->acknowledged && s->control & CONTROL_IRQ;

    if (level != s->level) {
        s->level = level;
        irq_set(&s->irq, level);
    }
}

/* Offers the byte that the printer has. */
static void print(void *opaque)
{
    struct isa_parallel *s = opaque;

    if (s->busy && chardev_write(s->out, &s->data, 1) == 1) {
        s->busy = false;
        s->acknowledged = true;
        update_irq(s);
    }
}

static void write_control(struct isa_parallel *s, uint8_t v)
{
    bool strobe = v & CONTROL_STROBE && !(s->control & CONTROL_STROBE);

    s->control = v & ~CONTROL_FIXED;
    if (!(v & CONTROL_INIT)) {
        s->busy = s->acknowledged = false;
    } else if (strobe && !s->busy) {
        s->busy = true;
        s->acknowledged = false;
        update_irq(s);
        print(s);
    }
    update_irq(s);
}

static uint8_t read_status(struct isa_parallel *s)
{
    uint8_t v = STATUS_FIXED | (s->timeout ? STATUS_TIMEOUT : 0) | (s->busy ? 0 : STATUS_READY) |
                (s->acknowledged ? 0 : STATUS_ACK);

    s->acknowledged = false;
    update_irq(s);
    return v;
}

static uint64_t parallel_read(void *opaque, uint64_t off, unsigned size)
{
    struct isa_parallel *s = opaque;

    (void)size;
    switch (off) {
    case REG_DATA:
        return s->control & CONTROL_INPUT ? 0xff : s->data;
    case REG_STATUS:
        return read_status(s);
    case REG_CONTROL:
        return s->control | CONTROL_FIXED;
    default:
        s->timeout = true;
        return 0xff;
    }
}

static void parallel_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct isa_parallel *s = opaque;
    uint8_t v = (uint8_t)value;

    (void)size;
    switch (off) {
    case REG_DATA:
        if (!s->busy) {
            s->data = v;
        }
        break;
    case REG_STATUS:
        s->timeout &= !(v & STATUS_TIMEOUT);
        break;
    case REG_CONTROL:
        write_control(s, v);
        break;
    default:
        s->timeout = true;
    }
}

static const struct mem_ops parallel_ops = {
    .read = parallel_read, .write = parallel_write, .min_size = 1, .max_size = 1
};

/* A printer says nothing. */
static size_t parallel_can_receive(void *opaque)
{
    (void)opaque;
    return 0;
}

static void parallel_receive(void *opaque, const uint8_t *buf, size_t n)
{
    (void)opaque;
    (void)buf;
    (void)n;
}

/* What the other one did not take is for this. */
static void parallel_moved(void *opaque, struct chardev *to)
{
    ((struct isa_parallel *)opaque)->out = to;
    print(opaque);
}

/* The lowest index that no port has yet. */
static uint32_t free_index(struct machine *m)
{
    uint32_t used = 0, i;

    for (i = 0; i < m->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == &isa_parallel_type) {
            used |= 1u << (((const struct isa_parallel *)dev)->index % MAX_PARALLEL);
        }
    }
    for (i = 0; i < MAX_PARALLEL && used >> i & 1; i++) {
    }
    return i;
}

static bool parallel_realize(struct device *dev, GError **error)
{
    struct isa_parallel *s = (struct isa_parallel *)dev;
    const struct chardev_front front = { .can_receive = parallel_can_receive,
                                         .receive = parallel_receive,
                                         .moved = parallel_moved,
                                         .drained = print,
                                         .opaque = s };
    uint32_t index = s->index == UINT32_MAX ? free_index(dev->machine) : s->index;
    uint32_t iobase;

    if (index >= MAX_PARALLEL) {
        set_error(error, "isa-parallel: index is %u, must be 0 to %u", index, MAX_PARALLEL - 1);
        return false;
    }
    iobase = s->iobase == UINT32_MAX ? places[index] : s->iobase;
    if (iobase > 0x10000 - PORTS) {
        set_error(error, "isa-parallel: iobase is 0x%x, must be 0 to 0xfff8", iobase);
        return false;
    }
    if (s->irq_number >= ISA_IRQS) {
        set_error(error, "isa-parallel: irq is %u, must be 0 to %u", s->irq_number, ISA_IRQS - 1);
        return false;
    }
    if (s->out && !chardev_attach(s->out, &front, error)) {
        return false;
    }
    const struct irq *line = isa_irq(dev, s->irq_number);

    if (line) {
        s->irq = *line;
    }
    s->index = index;
    s->iobase = iobase;
    mem_region_init_mmio(&s->ports, dev->machine, "parallel", &parallel_ops, s,
                         iobase == 0x3bc ? 3 : PORTS); /* VGA's registers follow */
    isa_register_ports(dev, (uint16_t)iobase, &s->ports);
    return true;
}

static void parallel_reset(struct device *dev)
{
    struct isa_parallel *s = (struct isa_parallel *)dev;

    s->data = 0xff;
    s->control = CONTROL_RESET;
    s->busy = s->acknowledged = s->timeout = false;
    update_irq(s);
}

static void parallel_unrealize(struct device *dev)
{
    struct isa_parallel *s = (struct isa_parallel *)dev;

    if (s->out) {
        chardev_detach(s->out, s);
    }
    mem_region_destroy(&s->ports);
}

static const struct property parallel_props[] = {
    PROP_CHARDEV(struct isa_parallel, "chardev", out, "where the guest's bytes go"),
    PROP_U32(struct isa_parallel, "index", index, UINT32_MAX,
             "0-2: LPT1 to LPT3 (default: next free)"),
    PROP_U32(struct isa_parallel, "iobase", iobase, UINT32_MAX,
             "first I/O port (default: by index)"),
    PROP_U32(struct isa_parallel, "irq", irq_number, 7, "interrupt line"),
    { 0 },
};

static const struct state_row parallel_rows[] = {
    STATE_INT(struct isa_parallel, data, 1, "data register"),
    STATE_INT(struct isa_parallel, control, 1, "control register"),
    STATE_INT(struct isa_parallel, busy, 1, "a byte waits for the back end"),
    STATE_INT(struct isa_parallel, acknowledged, 1, "a byte was taken, not yet told"),
    STATE_INT(struct isa_parallel, timeout, 1, "an EPP cycle was not answered"),
    STATE_INT(struct isa_parallel, level, 1, "level of the line"),
    { 0 },
};

const struct device_type isa_parallel_type = {
    .name = "isa-parallel",
    .summary = "parallel port with a printer",
    .bus = BUS_ISA,
    .size = sizeof(struct isa_parallel),
    .props = parallel_props,
    .state = parallel_rows,
    .realize = parallel_realize,
    .reset = parallel_reset,
    .unrealize = parallel_unrealize,
};
