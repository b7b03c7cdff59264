/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/ferr.c: how the x87 of a PC reports errors while CR0.NE is 0 (82371SB datasheet, "CPR:
 * coprocessor error register"; SDM vol. 1, 8.7.2): FERR# going active latches IRQ 13, any write to
 * port 0xF0 clears the latch.  The IGNNE# that such a write asserts is the CPU model's matter.
 *
 * Invariant: IRQ 13 shows the latch.  Thread: under the machine lock.
 */
#include "hw/misc/ferr.h"

#include "hw/isa/isa.h"

enum { FERR_PORT = 0xf0, FERR_IRQ = 13 };

static void set_latch(struct ferr *s, bool on)
{
    const struct irq *irq = isa_irq(&s->dev, FERR_IRQ);

    s->latched = on;
    if (irq) {
        irq_set(irq, on);
    }
}

static void ferr_input(void *opaque, int n, bool level)
{
    struct ferr *s = opaque;
    bool rises = level && !s->level;

    (void)n;
    s->level = level;
    if (rises) {
        set_latch(s, true);
    }
}

static uint64_t ferr_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return UINT64_MAX;
}

static void ferr_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)off;
    (void)value;
    (void)size;
    set_latch(opaque, false);
}

static const struct mem_ops ferr_ops = {
    .read = ferr_read, .write = ferr_write, .min_size = 1, .max_size = 1
};

static bool ferr_realize(struct device *dev, GError **error)
{
    struct ferr *s = (struct ferr *)dev;

    (void)error;
    s->input = (struct irq){ ferr_input, s, 0 };
    mem_region_init_mmio(&s->port, dev->machine, "ferr", &ferr_ops, s, 1);
    isa_register_ports(dev, FERR_PORT, &s->port);
    return true;
}

static void ferr_reset(struct device *dev)
{
    struct ferr *s = (struct ferr *)dev;

    s->level = false;
    set_latch(s, false);
}

static void ferr_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct ferr *)dev)->port);
}

/* The line of IRQ 13 is saved by the interrupt controllers. */
static const struct state_row ferr_state[] = {
    STATE_INT(struct ferr, level, 1, "FERR# is asserted"),
    STATE_INT(struct ferr, latched, 1, "IRQ 13 is raised"),
    { 0 },
};

const struct device_type ferr_type = {
    .name = "x87-error-latch",
    .summary = "x87 errors: FERR#, IRQ 13 and port 0xf0",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct ferr),
    .state = ferr_state,
    .realize = ferr_realize,
    .reset = ferr_reset,
    .unrealize = ferr_unrealize,
};
