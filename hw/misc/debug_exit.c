/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/debug_exit.c: "isa-debug-exit": a write of v ends the program with status (v << 1) | 1,
 * so that a test in the guest can report.  No IRQ, no timer.  Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/misc/misc.h"
#include "softmmu/machine.h"
#include "util/error.h"

struct debug_exit {
    struct device dev;
    struct mem_region port;
    uint32_t iobase, iosize;
};

static uint64_t debug_exit_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0;
}

static void debug_exit_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct debug_exit *s = opaque;

    (void)off;
    (void)size;
    /* The host keeps eight bits of a status. */
    machine_request_exit(s->dev.machine, (int)((value << 1 | 1) & 0xff));
}

static const struct mem_ops debug_exit_ops = {
    .read = debug_exit_read, .write = debug_exit_write, .min_size = 1, .max_size = 4
};

static bool debug_exit_realize(struct device *dev, GError **error)
{
    struct debug_exit *s = (struct debug_exit *)dev;

    if (s->iosize < 1 || s->iobase > 0xffff || s->iosize > 0x10000 - s->iobase) {
        set_error(error,
                  "isa-debug-exit: iobase 0x%x with iosize 0x%x must lie within ports 0 to 0xffff",
                  s->iobase, s->iosize);
        return false;
    }
    mem_region_init_mmio(&s->port, dev->machine, "isa-debug-exit", &debug_exit_ops, s, s->iosize);
    isa_register_ports(dev, (uint16_t)s->iobase, &s->port);
    return true;
}

static void debug_exit_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct debug_exit *)dev)->port);
}

static const struct property debug_exit_props[] = {
    PROP_U32(struct debug_exit, "iobase", iobase, 0x501, "first I/O port"),
    PROP_U32(struct debug_exit, "iosize", iosize, 2, "number of I/O ports"),
    { 0 },
};
static const struct state_row debug_exit_state[] = { { 0 } };

const struct device_type debug_exit_type = {
    .name = "isa-debug-exit",
    .summary = "a port that ends the program with a status",
    .bus = BUS_ISA,
    .size = sizeof(struct debug_exit),
    .props = debug_exit_props,
    .state = debug_exit_state,
    .realize = debug_exit_realize,
    .unrealize = debug_exit_unrealize,
};
