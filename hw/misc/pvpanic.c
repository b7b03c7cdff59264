/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/pvpanic.c: "pvpanic": a port through which a guest tells that its kernel has panicked
 * (the pvpanic device specification: bit 0 panicked, bit 1 crash kernel loaded; reads tell which
 * are supported).  Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/misc/misc.h"
#include "softmmu/machine.h"
#include "util/log.h"

enum { PVPANIC_PANICKED = 1 << 0, PVPANIC_CRASH_LOADED = 1 << 1 };

struct pvpanic {
    struct device dev;
    struct mem_region port;
    uint16_t ioport;
    uint8_t events;
};

static uint64_t pvpanic_read(void *opaque, uint64_t off, unsigned size)
{
    (void)off;
    (void)size;
    return ((struct pvpanic *)opaque)->events;
}

static void pvpanic_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pvpanic *s = opaque;
    unsigned known = PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;

    (void)off;
    (void)size;
    if (value & ~(uint64_t)known) {
        log_line(LOG_GUEST_ERRORS, "pvpanic: unknown event 0x%x", (unsigned)value);
    }
    if (value & s->events & PVPANIC_PANICKED) {
        machine_request_shutdown(s->dev.machine, SHUTDOWN_GUEST_PANIC);
    }
}

static const struct mem_ops pvpanic_ops = {
    .read = pvpanic_read, .write = pvpanic_write, .min_size = 1, .max_size = 1
};

static bool pvpanic_realize(struct device *dev, GError **error)
{
    struct pvpanic *s = (struct pvpanic *)dev;

    (void)error;
    mem_region_init_mmio(&s->port, dev->machine, "pvpanic", &pvpanic_ops, s, 1);
    isa_register_ports(dev, s->ioport, &s->port);
    return true;
}

static void pvpanic_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct pvpanic *)dev)->port);
}

static const struct property pvpanic_props[] = {
    PROP_U16(struct pvpanic, "ioport", ioport, 0x505, "I/O port"),
    PROP_U8(struct pvpanic, "events", events, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED,
            "supported events, a bit each"),
    { 0 },
};
static const struct state_row pvpanic_state[] = { { 0 } };

const struct device_type pvpanic_type = {
    .name = "pvpanic",
    .summary = "lets the guest tell that it has panicked",
    .bus = BUS_ISA,
    .size = sizeof(struct pvpanic),
    .props = pvpanic_props,
    .state = pvpanic_state,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
