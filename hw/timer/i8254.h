/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/i8254.h: the programmable interval timer and port 0x61, which gates its speaker channel.
 * Thread: under the machine lock.
 */
#ifndef HW_TIMER_I8254_H
#define HW_TIMER_I8254_H

#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/irqchip.h"
#include "softmmu/memory.h"

#define PIT_HZ 1193182

struct pit_channel {
    uint8_t mode;   /* 0-5 */
    uint8_t access; /* 1: low byte, 2: high byte, 3: low then high */
    bool bcd;
    bool gate;
    bool loaded;     /* a count was written since the control word */
    bool started;    /* modes 1 and 5: the gate has triggered */
    bool counting;   /* time passes; else `frozen` ticks have */
    bool write_high; /* the next byte written is the high one */
    bool read_high;
    bool reload; /* modes 2 and 3: `next_count` begins after tick `reload_at` */
    bool count_latched, status_latched;
    uint8_t write_low; /* the low byte, until the high one comes */
    uint8_t status;    /* latched */
    uint16_t latch;    /* latched count, as read */
    uint32_t count;    /* ticks of the loaded count, 1 to 65536 */
    uint32_t next_count;
    int64_t start;   /* virtual ns when the count was loaded */
    uint64_t frozen; /* ticks since then, while not counting */
    uint64_t reload_at;
};

struct i8254 {
    struct device dev;
    struct irq irq0; /* set by the board; NULL handler: the ISA bus's line 0 */
    struct mem_region ports, port61;
    struct timer timer; /* channel 0: its next interrupt */
    struct pit_channel channel[3];
    uint8_t speaker; /* port 0x61 bits 3-0 */
    /* Whoever makes the tone heard: port 0x61 or a channel was written.  NULL: nobody. */
    void (*speaker_changed)(void *opaque);
    void *speaker_opaque;
    /* With a twin in the host's kernel (softmmu/irqchip.h), which drives IRQ 0 itself: */
    struct irqchip_part part;
    char *lost_tick_policy; /* property of kvm-pit */
    bool muted;             /* by the HPET */
};

/* kvm-pit: the one that a board makes when the engine has one in the kernel. */
extern const struct device_type i8254_type, i8254_kernel_type;

/* A line: while it is high, channel 0 drives nothing, as the HPET has taken IRQ 0.  opaque: struct i8254. */
void i8254_mute(void *opaque, int n, bool muted);

/* For this folder: i8254.c. */
bool i8254_realize(struct device *dev, GError **error);
void i8254_reset(struct device *dev);
void i8254_unrealize(struct device *dev);
bool i8254_post_load(struct device *dev, GError **error);
/* Arms the host timer for what the fields say. */
void i8254_rearm(struct i8254 *pit);
extern const struct state_row i8254_rows[];
/* i8254_kernel.c: as those of i8259.h. */
void i8254_join_kernel(struct i8254 *pit);
void i8254_leave_kernel(struct i8254 *pit);
void i8254_peek(struct i8254 *pit);
void i8254_borrow(struct i8254 *pit);
void i8254_give_back(struct i8254 *pit);

#endif
