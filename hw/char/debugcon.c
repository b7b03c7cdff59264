/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/debugcon.c: the port 0xE9 console.  No interrupt, no timer, no state: what the back end
 * does not take is lost.  Thread: under the machine lock.
 */
#include "hw/char/debugcon.h"
#include "chardev/chardev.h"
#include "hw/isa/isa.h"
#include "util/error.h"

struct debugcon {
    struct device dev;
    struct mem_region port;
    struct chardev *out;
    uint32_t iobase;
    uint32_t readback;
};

static uint64_t debugcon_read(void *opaque, uint64_t off, unsigned size)
{
    const struct debugcon *s = opaque;

    (void)off;
    (void)size;
    return s->readback; /* guests probe by reading the port */
}

static void debugcon_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    const struct debugcon *s = opaque;
    uint8_t byte = value;

    (void)off;
    (void)size;
    chardev_write(s->out, &byte, 1);
}

static const struct mem_ops debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .min_size = 1, .max_size = 1
};

/* Output only, but the back end must know that it is taken. */
static size_t debugcon_can_receive(void *opaque)
{
    (void)opaque;
    return 0;
}

static void debugcon_receive(void *opaque, const uint8_t *buf, size_t n)
{
    (void)opaque;
    (void)buf;
    (void)n;
}

static bool debugcon_realize(struct device *dev, GError **error)
{
    struct debugcon *s = (struct debugcon *)dev;
    struct chardev_front front = { .can_receive = debugcon_can_receive,
                                   .receive = debugcon_receive,
                                   .opaque = s };

    if (s->iobase > 0xffff) {
        set_error(error, "isa-debugcon: iobase is 0x%x, must be 0 to 0xffff", s->iobase);
        return false;
    }
    if (s->out && !chardev_attach(s->out, &front, error)) {
        return false;
    }
    mem_region_init_mmio(&s->port, dev->machine, "debugcon", &debugcon_ops, s, 1);
    isa_register_ports(dev, s->iobase, &s->port);
    return true;
}

static void debugcon_unrealize(struct device *dev)
{
    struct debugcon *s = (struct debugcon *)dev;

    if (s->out) {
        chardev_detach(s->out, s);
    }
    mem_region_destroy(&s->port);
}

static const struct property debugcon_props[] = {
    PROP_CHARDEV(struct debugcon, "chardev", out, "where the guest's bytes go"),
    PROP_U32(struct debugcon, "iobase", iobase, 0xe9, "I/O port"),
    PROP_U32(struct debugcon, "readback", readback, 0xe9, "value that the port reads as"),
    { 0 },
};

static const struct state_row debugcon_rows[] = { { 0 } };

const struct device_type isa_debugcon_type = {
    .name = "isa-debugcon",
    .summary = "debug console on port 0xe9",
    .bus = BUS_ISA,
    .size = sizeof(struct debugcon),
    .props = debugcon_props,
    .state = debugcon_rows,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
