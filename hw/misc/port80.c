/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/port80.c: the POST code port, which kernels also write for a delay.  It swallows writes
 * without a line in the log, and reads ones as an empty bus does.  Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/misc/misc.h"

struct port80 {
    struct device dev;
    struct mem_region port;
};

static uint64_t port80_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return UINT64_MAX;
}

static void port80_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)value;
    (void)size;
}

static const struct mem_ops port80_ops = {
    .read = port80_read, .write = port80_write, .min_size = 1, .max_size = 1
};

static bool port80_realize(struct device *dev, GError **error)
{
    struct port80 *s = (struct port80 *)dev;

    (void)error;
    mem_region_init_mmio(&s->port, dev->machine, "ioport80", &port80_ops, s, 1);
    isa_register_ports(dev, 0x80, &s->port);
    return true;
}

static void port80_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct port80 *)dev)->port);
}

static const struct state_row port80_state[] = { { 0 } };

const struct device_type port80_type = {
    .name = "ioport80",
    .summary = "POST code port 0x80",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct port80),
    .state = port80_state,
    .realize = port80_realize,
    .unrealize = port80_unrealize,
};
