/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/i8259_kernel.c: the 8259 pair that takes turns with the one in the host's kernel (softmmu/irqchip.h).
 *
 * The kernel's has no ticks that it owes: they end with ours.  Levels of the inputs are known here always, but for that
 * of the kernel's 8254, which only pulses.
 * Thread: under the machine lock.
 */
#include "hw/intc/i8259.h"
#include "softmmu/machine.h"

#define CASCADE_BIT 0x04

static struct irqchip *kernel_of(const struct i8259 *pic)
{
    return pic->dev.machine->irqchip;
}

static void take_chip(struct i8259_chip *c, const struct irqchip_pic *k)
{
    c->irr = k->irr;
    c->imr = k->imr;
    c->isr = k->isr;
    c->elcr = k->elcr;
    c->vector_base = k->vector_base & 0xf8;
    c->top = k->top & 7;
    c->icw_next = k->icw_next;
    c->icw_has_4 = k->icw_has_4;
    c->icw_single = false;
    c->read_isr = k->read_isr;
    c->poll = k->poll;
    c->special_mask = k->special_mask;
    c->auto_eoi = k->auto_eoi;
    c->rotate_on_auto_eoi = k->rotate_on_auto_eoi;
    c->fully_nested = k->fully_nested;
    c->owed = 0;
}

static void take(void *opaque)
{
    struct i8259 *pic = opaque;
    struct irqchip_pic k[2] = { { 0 } };

    if (!kernel_of(pic)->full) {
        return;
    }
    kernel_of(pic)->ops->get_pic(pic->dev.machine, k);
    for (int n = 0; n < 2; n++) {
        take_chip(&pic->chip[n], &k[n]);
    }
    pic_update(pic);
}

static void give(void *opaque)
{
    struct i8259 *pic = opaque;
    struct irqchip_pic k[2];

    if (!kernel_of(pic)->full) {
        return;
    }
    for (int n = 0; n < 2; n++) {
        const struct i8259_chip *c = &pic->chip[n];

        k[n] = (struct irqchip_pic){
            .lines = n ? c->lines : c->lines & (uint8_t)~CASCADE_BIT,
            .irr = c->irr,
            .imr = c->imr,
            .isr = c->isr,
            .elcr = c->elcr,
            .vector_base = c->vector_base,
            .top = c->top,
            .icw_next = c->icw_next,
            .icw_has_4 = c->icw_has_4,
            .read_isr = c->read_isr,
            .poll = c->poll,
            .special_mask = c->special_mask,
            .auto_eoi = c->auto_eoi,
            .rotate_on_auto_eoi = c->rotate_on_auto_eoi,
            .fully_nested = c->fully_nested,
        };
    }
    /* Levels first: what is high already is no edge once the requests are there. */
    for (unsigned n = 0; n < 16; n++) {
        if (n != 2) {
            kernel_of(pic)->ops->set_pin(pic->dev.machine, IRQCHIP_PIC, n,
                                         pic->chip[n >> 3].lines >> (n & 7) & 1);
        }
    }
    kernel_of(pic)->ops->set_pic(pic->dev.machine, k);
}

void pic_join_kernel(struct i8259 *pic)
{
    pic->part = (struct irqchip_part){ take, give, pic, NULL };
    irqchip_add_part(pic->dev.machine, &pic->part);
}

void pic_leave_kernel(struct i8259 *pic)
{
    irqchip_remove_part(pic->dev.machine, &pic->part);
}

void pic_peek(struct i8259 *pic)
{
    if (irqchip_has_all(pic->dev.machine)) {
        take(pic);
    }
}

/* What a CPU did to the kernel's meanwhile would be lost when ours is written back: they stand still. */
bool pic_borrow(struct i8259 *pic)
{
    if (!irqchip_has_all(pic->dev.machine)) {
        return false;
    }
    vcpu_exclusive_begin(pic->dev.machine);
    take(pic);
    return true;
}

void pic_give_back(struct i8259 *pic, bool borrowed)
{
    if (borrowed) {
        give(pic);
        vcpu_exclusive_end(pic->dev.machine);
    }
}
