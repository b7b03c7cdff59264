/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/hpet.h: the high precision event timer.
 *
 * With legacy replacement on, timers 0 and 1 take the lines of the 8254 and of the RTC: a board
 * that has an HPET points those devices at legacy_in, and wires legacy_out to ISA lines 0 and 8.
 * Thread: under the machine lock.
 */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define HPET_BASE      0xfed00000u
#define HPET_TIMERS    3
#define HPET_PINS      24
#define HPET_PERIOD_NS 10

struct hpet;

struct hpet_timer {
    struct hpet *hpet;
    uint64_t config;
    uint64_t comparator;
    uint64_t period; /* periodic mode; 0: none yet */
    struct timer timer;
    int64_t due; /* ns: for `timer`, where nobody hears of the match; INT64_MAX: none */
};

struct hpet {
    struct device dev;
    struct irq pins[HPET_PINS]; /* set by the board: the I/O APIC's inputs */
    struct irq legacy_out[2];   /* set by the board: ISA lines 0 and 8 */
    struct irq legacy_on;       /* set by the board: high while the HPET has those lines */
    struct irq legacy_in[2];    /* for the board, made by realize: driven by the 8254, the RTC */
    struct mem_region mmio;
    uint64_t config, status;
    uint64_t counter;     /* while halted; else the offset to virtual time / 10 ns */
    bool legacy_level[2]; /* what the 8254 and the RTC drive */
    struct hpet_timer timers[HPET_TIMERS];
};

extern const struct device_type hpet_type;

#endif
