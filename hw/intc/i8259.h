/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/intc/i8259.h: the pair of 8259A interrupt controllers of a PC as one device.
 * Thread: under the machine lock.
 */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/irqchip.h"
#include "softmmu/memory.h"

struct i8259_chip {
    uint8_t irr, imr, isr;
    uint8_t lines; /* level of each input, to find edges */
    uint8_t elcr;  /* bit set: the input is level-triggered */
    uint8_t vector_base;
    uint8_t top;      /* the input of highest priority; 0 unless rotated */
    uint8_t icw_next; /* which ICW the data port expects (2-4), 0: OCW1 */
    uint8_t owed;     /* edges of input 0 that came while one waited for its INTA */
    bool icw_single, icw_has_4;
    bool read_isr, poll, special_mask, auto_eoi, rotate_on_auto_eoi, fully_nested;
};

struct i8259 {
    struct device dev;
    struct irq inputs[16]; /* for the board: what devices drive; made by realize */
    struct irq output;     /* set by the board: INTR, a level */
    struct mem_region ports[2], elcr_ports;
    struct i8259_chip chip[2]; /* master, slave on the master's input 2 */
    bool intr;                 /* what output was last set to */
    uint64_t counts[16];       /* `info irq`: how often each input rose */
    struct irqchip_part part;  /* its twin in the host's kernel, if there is one */
};

extern const struct device_type i8259_type;

/* The INTA cycle: the vector, from 0 to 255; that of input 7 when nothing requests (spurious). */
int pic_acknowledge(struct i8259 *pic);

/* For this folder.  After a change of the chips: the cascade and the output. */
void pic_update(struct i8259 *pic);
/* i8259_kernel.c: the pair takes turns with the kernel's (softmmu/irqchip.h); realize and unrealize. */
void pic_join_kernel(struct i8259 *pic);
void pic_leave_kernel(struct i8259 *pic);
/* What the kernel's hold, to look at. */
void pic_peek(struct i8259 *pic);
/* Around an access that came to us though the kernel's is in charge: true: give it back; no CPU runs meanwhile. */
bool pic_borrow(struct i8259 *pic);
void pic_give_back(struct i8259 *pic, bool borrowed);

#endif
