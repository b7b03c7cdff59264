/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/ib700.c: "ib700": the watchdog of the iBASE IB700 single-board computer.  A write to port
 * 0x443 starts it, a write to 0x441 stops it (IB700 user's manual, "Watchdog Timer Configuration":
 * value 0xf is 0 seconds, each one below it 2 seconds more).
 * Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/misc/watchdog.h"
#include "softmmu/machine.h"

#define IB700_STOP    0x441
#define IB700_START   0x443
#define IB700_STEP_NS (2 * NS_PER_SEC)

struct ib700 {
    struct device dev;
    struct mem_region stop, start;
    struct timer timer;
};

static uint64_t ib700_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0xff; /* nothing drives the bus */
}

static void write_stop(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)off;
    (void)value;
    (void)size;
    timer_disarm(&((struct ib700 *)opaque)->timer);
}

static void write_start(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ib700 *s = opaque;

    (void)off;
    (void)size;
    timer_arm(&s->timer, clock_now(s->dev.machine, CLOCK_KIND_VIRTUAL) +
                             (int64_t)(0xf - (value & 0xf)) * IB700_STEP_NS);
}

static const struct mem_ops stop_ops = {
    .read = ib700_read, .write = write_stop, .min_size = 1, .max_size = 1
};
static const struct mem_ops start_ops = {
    .read = ib700_read, .write = write_start, .min_size = 1, .max_size = 1
};

static void ib700_fire(void *opaque)
{
    watchdog_expired(((struct ib700 *)opaque)->dev.machine);
}

static bool ib700_realize(struct device *dev, GError **error)
{
    struct ib700 *s = (struct ib700 *)dev;

    (void)error;
    timer_init(&s->timer, dev->machine, CLOCK_KIND_VIRTUAL, ib700_fire, s);
    mem_region_init_mmio(&s->stop, dev->machine, "ib700-stop", &stop_ops, s, 1);
    mem_region_init_mmio(&s->start, dev->machine, "ib700-start", &start_ops, s, 1);
    isa_register_ports(dev, IB700_STOP, &s->stop);
    isa_register_ports(dev, IB700_START, &s->start);
    return true;
}

static void ib700_reset(struct device *dev)
{
    timer_disarm(&((struct ib700 *)dev)->timer);
}

static void ib700_unrealize(struct device *dev)
{
    struct ib700 *s = (struct ib700 *)dev;

    timer_disarm(&s->timer);
    mem_region_destroy(&s->stop);
    mem_region_destroy(&s->start);
}

static const struct state_row ib700_state[] = {
    STATE_TIMER_ROW(struct ib700, timer, 1, "when it goes off"),
    { 0 },
};

const struct device_type ib700_type = {
    .name = "ib700",
    .summary = "iBASE IB700 watchdog",
    .bus = BUS_ISA,
    .size = sizeof(struct ib700),
    .state = ib700_state,
    .realize = ib700_realize,
    .reset = ib700_reset,
    .unrealize = ib700_unrealize,
};
