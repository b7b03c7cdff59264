/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/isa_serial.c: a 16550A at one of the four places that PCs give to serial ports.
 * Thread: under the machine lock.
 */
#include "hw/char/serial.h"
#include "hw/isa/isa.h"
#include "softmmu/machine.h"
#include "util/error.h"

struct isa_serial {
    struct device dev;
    struct serial uart;
    uint32_t index, iobase, irq; /* UINT32_MAX: by default */
};

static const struct {
    uint16_t iobase;
    uint8_t irq;
} places[MAX_SERIAL] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

/* The lowest index that no port has yet. */
static uint32_t free_index(struct machine *m)
{
    uint32_t used = 0, i;

    for (i = 0; i < m->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == &isa_serial_type) {
            used |= 1u << (((const struct isa_serial *)dev)->index % MAX_SERIAL);
        }
    }
    for (i = 0; i < MAX_SERIAL && used >> i & 1; i++) {
    }
    return i;
}

static bool isa_serial_realize(struct device *dev, GError **error)
{
    struct isa_serial *s = (struct isa_serial *)dev;
    uint32_t index = s->index == UINT32_MAX ? free_index(dev->machine) : s->index;

    if (index >= MAX_SERIAL) {
        set_error(error, "isa-serial: index is %u, must be 0 to %u", index, MAX_SERIAL - 1);
        return false;
    }
    uint32_t iobase = s->iobase == UINT32_MAX ? places[index].iobase : s->iobase;
    uint32_t irq = s->irq == UINT32_MAX ? places[index].irq : s->irq;

    if (iobase > 0xfff8) {
        set_error(error, "isa-serial: iobase is 0x%x, must be 0 to 0xfff8", iobase);
        return false;
    }
    if (irq >= ISA_IRQS) {
        set_error(error, "isa-serial: irq is %u, must be 0 to %u", irq, ISA_IRQS - 1);
        return false;
    }
    const struct irq *line = isa_irq(dev, irq);

    if (line) {
        s->uart.irq = *line;
    }
    if (!serial_init(&s->uart, dev->machine, error)) {
        return false;
    }
    s->index = index;
    s->iobase = iobase;
    s->irq = irq;
    isa_register_ports(dev, iobase, &s->uart.ports);
    return true;
}

static void isa_serial_reset(struct device *dev)
{
    serial_reset(&((struct isa_serial *)dev)->uart);
}

static void isa_serial_unrealize(struct device *dev)
{
    serial_destroy(&((struct isa_serial *)dev)->uart);
}

static bool isa_serial_post_load(struct device *dev, GError **error)
{
    (void)error;
    serial_post_load(&((struct isa_serial *)dev)->uart);
    return true;
}

static const struct property isa_serial_props[] = {
    PROP_CHARDEV(struct isa_serial, "chardev", uart.out, "where bytes go to and come from"),
    PROP_U32(struct isa_serial, "index", index, UINT32_MAX,
             "0-3: COM1 to COM4 (default: next free)"),
    PROP_U32(struct isa_serial, "iobase", iobase, UINT32_MAX, "first I/O port (default: by index)"),
    PROP_U32(struct isa_serial, "irq", irq, UINT32_MAX, "interrupt line (default: by index)"),
    { 0 },
};

static const struct state_row isa_serial_rows[] = {
    STATE_SUB(struct isa_serial, uart, 1, serial_rows, 1, "the 16550A"),
    { 0 },
};

const struct device_type isa_serial_type = {
    .name = "isa-serial",
    .summary = "16550A serial port",
    .bus = BUS_ISA,
    .size = sizeof(struct isa_serial),
    .props = isa_serial_props,
    .state = isa_serial_rows,
    .realize = isa_serial_realize,
    .reset = isa_serial_reset,
    .unrealize = isa_serial_unrealize,
    .post_load = isa_serial_post_load,
};
