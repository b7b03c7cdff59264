/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/i8259.c: two cascaded 8259A (Intel 231468-003) with the edge/level registers of PIIX.
 *
 * Invariant: `intr` is the level of the output line and of what the master requests.
 *            An edge stays latched when its line falls before INTA: pulses are not lost.  A
 *            level-triggered request follows its line, so one that is withdrawn reads as IRQ 7.
 *            Ticks of input 0 that hardware would have taken one by one, had the host let the CPU
 *            run, are owed and requested one after another.
 * Thread:    under the machine lock.
 */
#include "hw/intc/i8259.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define CASCADE 2

#define ICW1_IC4  0x01
#define ICW1_SNGL 0x02
#define ICW1      0x10
#define ICW4_AEOI 0x02
#define ICW4_SFNM 0x10
#define OCW3      0x08
#define OCW3_RIS  0x01
#define OCW3_RR   0x02
#define OCW3_POLL 0x04
#define OCW3_SMM  0x20
#define OCW3_ESMM 0x40

/* Inputs that PIIX keeps edge-triggered: 0, 1, 2 and 8, 13. */
static const uint8_t elcr_writable[2] = { 0xf8, 0xde };

/* Position of the most urgent bit of mask: 0 is the highest priority, 8 is none. */
static unsigned chip_priority(const struct i8259_chip *c, uint8_t mask)
{
    for (unsigned i = 0; i < 8; i++) {
        if (mask >> ((i + c->top) & 7) & 1) {
            return i;
        }
    }
    return 8;
}

/* The input that the chip requests an interrupt for, or -1. */
static int chip_request(const struct i8259_chip *c, bool master)
{
    uint8_t in_service = c->isr;
    unsigned pri = chip_priority(c, c->irr & ~c->imr);

    if (c->special_mask) {
        in_service &= ~c->imr;
    }
    /* Special fully nested: a slave in service may interrupt again. */
    if (c->fully_nested && master) {
        in_service &= ~(1u << CASCADE);
    }
    return pri < chip_priority(c, in_service) ? (int)((pri + c->top) & 7) : -1;
}

static void chip_set_line(struct i8259_chip *c, unsigned n, bool level, bool level_triggered)
{
    uint8_t bit = 1u << n;

    if (level_triggered) {
        c->irr = level ? c->irr | bit : c->irr & ~bit;
    } else if (level && !(c->lines & bit)) {
        if (n == 0 && c->irr & ~c->imr & bit && c->owed < MAX_OWED_TICKS) {
            c->owed++;
        }
        c->irr |= bit;
    }
    c->lines = level ? c->lines | bit : c->lines & ~bit;
}

void pic_update(struct i8259 *pic)
{
    /* The slave's INT falls and rises with every INTA; seen as a level that makes no difference. */
    chip_set_line(&pic->chip[0], CASCADE, chip_request(&pic->chip[1], false) >= 0, true);

    bool intr = chip_request(&pic->chip[0], true) >= 0;

    if (intr != pic->intr) {
        pic->intr = intr;
        irq_set(&pic->output, intr);
    }
}

static void pic_input(void *opaque, int n, bool level)
{
    struct i8259 *pic = opaque;
    struct i8259_chip *c = &pic->chip[n >> 3];

    if (n == CASCADE) {
        return;
    }
    pic->counts[n] += level && !(c->lines >> (n & 7) & 1);
    if (irqchip_has_all(pic->dev.machine)) {
        uint8_t bit = 1u << (n & 7);

        c->lines = level ? c->lines | bit : c->lines & ~bit;
        pic->dev.machine->irqchip->ops->set_pin(pic->dev.machine, IRQCHIP_PIC, (unsigned)n, level);
        return;
    }
    chip_set_line(c, n & 7, level, c->elcr >> (n & 7) & 1);
    pic_update(pic);
}

static void chip_acknowledge(struct i8259_chip *c, unsigned n)
{
    uint8_t bit = 1u << n;

    if (c->auto_eoi) {
        if (c->rotate_on_auto_eoi) {
            c->top = (n + 1) & 7;
        }
    } else {
        c->isr |= bit;
    }
    if (!(c->elcr & bit)) {
        c->irr &= ~bit;
        if (n == 0 && c->owed) {
            c->owed--;
            c->irr |= bit;
        }
    }
}

int pic_acknowledge(struct i8259 *pic)
{
    struct i8259_chip *c = &pic->chip[0];
    int n = chip_request(c, true);

    if (n >= 0) {
        chip_acknowledge(c, n);
        if (n == CASCADE) {
            c = &pic->chip[1];
            n = chip_request(c, false);
            if (n >= 0) {
                chip_acknowledge(c, n);
            }
        }
    }
    pic_update(pic);
    return c->vector_base + (n >= 0 ? n : 7);
}

static void chip_end_of_interrupt(struct i8259_chip *c, uint8_t ocw2)
{
    bool rotate = ocw2 & 0x80, specific = ocw2 & 0x40;
    unsigned pri, n = ocw2 & 7;

    if (!specific) {
        /* Masked requests are out of the nesting under the special mask. */
        pri = chip_priority(c, c->special_mask ? c->isr & ~c->imr : c->isr);
        if (pri == 8) {
            return;
        }
        n = (pri + c->top) & 7;
    }
    c->isr &= ~(1u << n);
    if (rotate) {
        c->top = (n + 1) & 7;
    }
}

static void chip_write_ocw2(struct i8259_chip *c, uint8_t v)
{
    switch (v >> 5) {
    case 0: /* 000: clear rotation on automatic EOI */
    case 4: /* 100: set it */
        c->rotate_on_auto_eoi = v >> 7;
        break;
    case 6: /* 110: set priority */
        c->top = (v + 1) & 7;
        break;
    case 2: /* 010: nothing */
        break;
    default:
        chip_end_of_interrupt(c, v);
    }
}

static void chip_write_icw1(struct i8259_chip *c, uint8_t v)
{
    c->icw_next = 2;
    c->icw_single = v & ICW1_SNGL;
    c->icw_has_4 = v & ICW1_IC4;
    c->irr = c->lines & c->elcr; /* the edge sense circuit is reset */
    c->imr = 0;
    c->isr = 0;
    c->owed = 0;
    c->top = 0;
    c->read_isr = c->poll = c->special_mask = false;
    c->auto_eoi = c->rotate_on_auto_eoi = c->fully_nested = false;
}

static void chip_write_command(struct i8259_chip *c, uint8_t v)
{
    if (v & ICW1) {
        chip_write_icw1(c, v);
    } else if (v & OCW3) {
        if (v & OCW3_RR) {
            c->read_isr = v & OCW3_RIS;
        }
        if (v & OCW3_ESMM) {
            c->special_mask = v & OCW3_SMM;
        }
        c->poll = v & OCW3_POLL;
    } else {
        chip_write_ocw2(c, v);
    }
}

static void chip_write_data(struct i8259_chip *c, uint8_t v)
{
    switch (c->icw_next) {
    case 2:
        c->vector_base = v & 0xf8;
        c->icw_next = !c->icw_single ? 3 : c->icw_has_4 ? 4 : 0;
        break;
    case 3: /* the cascade is soldered */
        c->icw_next = c->icw_has_4 ? 4 : 0;
        break;
    case 4:
        c->auto_eoi = v & ICW4_AEOI;
        c->fully_nested = v & ICW4_SFNM;
        c->icw_next = 0;
        break;
    default:
        c->imr = v;
        c->owed = v & 1 ? 0 : c->owed;
    }
}

static void pic_write(struct i8259 *pic, unsigned n, uint64_t off, uint64_t value)
{
    bool borrowed = pic_borrow(pic);

    if (off == 0) {
        chip_write_command(&pic->chip[n], value);
    } else {
        chip_write_data(&pic->chip[n], value);
    }
    pic_update(pic);
    pic_give_back(pic, borrowed);
}

static uint64_t read_chip(struct i8259 *pic, unsigned n, uint64_t off)
{
    struct i8259_chip *c = &pic->chip[n];

    if (c->poll) {
        int req = chip_request(c, n == 0);

        c->poll = false;
        if (req >= 0) {
            chip_acknowledge(c, req);
            pic_update(pic);
        }
        return req >= 0 ? 0x80 | req : 0;
    }
    return off ? c->imr : c->read_isr ? c->isr : c->irr;
}

static uint64_t pic_read(struct i8259 *pic, unsigned n, uint64_t off)
{
    bool borrowed = pic_borrow(pic);
    uint64_t value = read_chip(pic, n, off);

    pic_give_back(pic, borrowed);
    return value;
}

static uint64_t master_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return pic_read(opaque, 0, off);
}

static void master_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    pic_write(opaque, 0, off, value);
}

static uint64_t slave_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return pic_read(opaque, 1, off);
}

static void slave_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    pic_write(opaque, 1, off, value);
}

static uint64_t elcr_read(void *opaque, uint64_t off, unsigned size)
{
    struct i8259 *pic = opaque;

    (void)size;
    pic_peek(pic);
    return pic->chip[off & 1].elcr;
}

static void elcr_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct i8259 *pic = opaque;
    struct i8259_chip *c = &pic->chip[off & 1];

    bool borrowed = pic_borrow(pic);

    (void)size;
    c->elcr = value & elcr_writable[off & 1];
    c->irr = (c->irr & ~c->elcr) | (c->lines & c->elcr);
    pic_update(pic);
    pic_give_back(pic, borrowed);
}

static const struct mem_ops chip_ops[2] = {
    { .read = master_read, .write = master_write, .min_size = 1, .max_size = 1 },
    { .read = slave_read, .write = slave_write, .min_size = 1, .max_size = 1 },
};

static const struct mem_ops elcr_ops = {
    .read = elcr_read, .write = elcr_write, .min_size = 1, .max_size = 1
};

static bool i8259_realize(struct device *dev, GError **error)
{
    static const char *const names[2] = { "pic-master", "pic-slave" };
    struct i8259 *pic = (struct i8259 *)dev;
    struct mem_region *io = &dev->machine->system_io;

    (void)error;
    for (int n = 0; n < 16; n++) {
        pic->inputs[n] = (struct irq){ pic_input, pic, n };
    }
    for (int n = 0; n < 2; n++) {
        mem_region_init_mmio(&pic->ports[n], dev->machine, names[n], &chip_ops[n], pic, 2);
        mem_region_add(io, n ? 0xa0 : 0x20, &pic->ports[n], 0);
    }
    mem_region_init_mmio(&pic->elcr_ports, dev->machine, "pic-elcr", &elcr_ops, pic, 2);
    mem_region_add(io, 0x4d0, &pic->elcr_ports, 0);
    pic_join_kernel(pic);
    return true;
}

static void i8259_reset(struct device *dev)
{
    struct i8259 *pic = (struct i8259 *)dev;

    irqchip_take(dev->machine);
    for (int n = 0; n < 2; n++) {
        uint8_t lines = pic->chip[n].lines; /* belong to the devices */

        pic->chip[n] = (struct i8259_chip){ .lines = lines };
    }
    pic_update(pic);
}

static void i8259_unrealize(struct device *dev)
{
    struct i8259 *pic = (struct i8259 *)dev;

    pic_leave_kernel(pic);
    for (int n = 0; n < 2; n++) {
        mem_region_destroy(&pic->ports[n]);
    }
    mem_region_destroy(&pic->elcr_ports);
}

static bool i8259_post_load(struct device *dev, GError **error)
{
    struct i8259 *pic = (struct i8259 *)dev;

    (void)error;
    for (int n = 0; n < 2; n++) {
        pic->chip[n].top &= 7;
        pic->chip[n].elcr &= elcr_writable[n];
        pic->chip[n].vector_base &= 0xf8;
    }
    return true;
}

static const struct state_row chip_rows[] = {
    STATE_INT(struct i8259_chip, irr, 1, "requests"),
    STATE_INT(struct i8259_chip, imr, 1, "masked inputs"),
    STATE_INT(struct i8259_chip, isr, 1, "inputs in service"),
    STATE_INT(struct i8259_chip, lines, 1, "level of the inputs"),
    STATE_INT(struct i8259_chip, owed, 1, "ticks of input 0 still to be requested"),
    STATE_INT(struct i8259_chip, elcr, 1, "level-triggered inputs"),
    STATE_INT(struct i8259_chip, vector_base, 1, "vector of input 0"),
    STATE_INT(struct i8259_chip, top, 1, "input of highest priority"),
    STATE_INT(struct i8259_chip, icw_next, 1, "ICW that the data port expects, 0: mask"),
    STATE_INT(struct i8259_chip, icw_single, 1, "ICW1: no ICW3"),
    STATE_INT(struct i8259_chip, icw_has_4, 1, "ICW1: ICW4 follows"),
    STATE_INT(struct i8259_chip, read_isr, 1, "the command port reads ISR, not IRR"),
    STATE_INT(struct i8259_chip, poll, 1, "the next read is a poll"),
    STATE_INT(struct i8259_chip, special_mask, 1, "special mask mode"),
    STATE_INT(struct i8259_chip, auto_eoi, 1, "automatic EOI"),
    STATE_INT(struct i8259_chip, rotate_on_auto_eoi, 1, "rotation on automatic EOI"),
    STATE_INT(struct i8259_chip, fully_nested, 1, "special fully nested mode"),
    { 0 },
};

static const struct state_row i8259_rows[] = {
    STATE_SUB(struct i8259, chip, 2, chip_rows, 1, "master and slave"),
    STATE_INT(struct i8259, intr, 1, "level of the output"),
    { 0 },
};

static const struct device_lines i8259_inputs = { offsetof(struct i8259, inputs), 16, NULL };
static const struct device_lines i8259_outputs = { offsetof(struct i8259, output), 1, NULL };

const struct device_type i8259_type = {
    .name = "isa-i8259",
    .summary = "pair of 8259A interrupt controllers",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct i8259),
    .state = i8259_rows,
    .inputs = &i8259_inputs,
    .outputs = &i8259_outputs,
    .realize = i8259_realize,
    .reset = i8259_reset,
    .unrealize = i8259_unrealize,
    .post_load = i8259_post_load,
};
