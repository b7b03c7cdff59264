/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/port92.c: system control port A (PS/2 Technical Reference): fast A20 and fast reset.
 * No IRQ, no timer.  Thread: under the machine lock.
 */
#include "hw/misc/port92.h"

#include "hw/isa/isa.h"
#include "hw/misc/a20.h"

enum { PORT92_RESET = 1 << 0, PORT92_A20 = 1 << 1 };

static void set_gate(struct port92 *s, bool on)
{
    s->a20 = on;
    a20_set(s->dev.machine, on);
}

static void gate_input(void *opaque, int n, bool level)
{
    (void)n;
    set_gate(opaque, level);
}

/* The keyboard controller switches the same gate: the bit shows the gate, not the last write. */
static uint64_t port92_read(void *opaque, uint64_t off, unsigned size)
{
    struct port92 *s = opaque;

    (void)off;
    (void)size;
    return (uint64_t)((s->value & ~PORT92_A20) | (s->a20 ? PORT92_A20 : 0));
}

static void port92_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct port92 *s = opaque;
    bool reset = (value & PORT92_RESET) && !(s->value & PORT92_RESET);

    (void)off;
    (void)size;
    s->value = (uint8_t)value;
    set_gate(s, value & PORT92_A20);
    if (reset) {
        machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
    }
}

static const struct mem_ops port92_ops = {
    .read = port92_read, .write = port92_write, .min_size = 1, .max_size = 1
};

static bool port92_realize(struct device *dev, GError **error)
{
    struct port92 *s = (struct port92 *)dev;

    (void)error;
    s->a20_input = (struct irq){ gate_input, s, 0 };
    mem_region_init_mmio(&s->port, dev->machine, "port92", &port92_ops, s, 1);
    isa_register_ports(dev, 0x92, &s->port);
    return true;
}

static void port92_reset(struct device *dev)
{
    struct port92 *s = (struct port92 *)dev;

    s->value = 0;
    set_gate(s, true);
}

static void port92_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct port92 *)dev)->port);
}

static bool port92_post_load(struct device *dev, GError **error)
{
    struct port92 *s = (struct port92 *)dev;

    (void)error;
    a20_set(dev->machine, s->a20);
    return true;
}

static const struct state_row port92_state[] = {
    STATE_INT(struct port92, value, 1, "last value written"),
    STATE_INT(struct port92, a20, 1, "the A20 gate is open"),
    { 0 },
};

const struct device_type port92_type = {
    .name = "port92",
    .summary = "system control port 0x92: fast A20 and reset",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct port92),
    .state = port92_state,
    .realize = port92_realize,
    .reset = port92_reset,
    .unrealize = port92_unrealize,
    .post_load = port92_post_load,
};
