/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/timer/mc146818rtc.h: the real-time clock and CMOS RAM of a PC.
 * Thread: under the machine lock.
 */
#ifndef HW_TIMER_MC146818RTC_H
#define HW_TIMER_MC146818RTC_H

#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/io_event.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define RTC_CMOS_SIZE 128

struct rtc {
    struct device dev;
    uint8_t irq_number; /* property: ISA line */
    struct irq irq;     /* set by the board (an HPET's legacy_in); NULL handler: that ISA line */
    struct irq alarm; /* set by the board: a pulse at each alarm that interrupts; wakes a sleeper */
    struct mem_region ports;
    struct io_coalesced late;    /* writes of the index */
    struct timer timer;          /* the next enabled interrupt */
    uint8_t index;               /* CMOS register selected through port 0x70 */
    bool nmi_masked;             /* port 0x70 bit 7 */
    uint8_t cmos[RTC_CMOS_SIZE]; /* 0-13 are the clock's; its time registers only while it is set */
    int64_t offset; /* ns to add to the virtual clock: the time since 1970 that the clock shows */
    int64_t stopped_at; /* that time, while the clock is being set or its divider is held */
    int64_t seen;       /* virtual ns up to which the flags of register C are known */
};

extern const struct device_type mc146818rtc_type;

/* CMOS memory sizes as firmware reads them: bytes of RAM below and above 4 GiB. */
void rtc_set_memory(struct rtc *rtc, uint64_t below_4g, uint64_t above_4g);
/* A byte of CMOS RAM (14 to 127) for the board. */
void rtc_set_cmos(struct rtc *rtc, unsigned index, uint8_t value);
bool rtc_nmi_masked(const struct rtc *rtc);

#endif
