/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/ferr.h: the latch between the x87's error line and IRQ 13.
 * Thread: under the machine lock.
 */
#ifndef HW_MISC_FERR_H
#define HW_MISC_FERR_H

#include "softmmu/machine.h"

struct ferr {
    struct device dev;
    struct mem_region port;
    bool level;       /* FERR# is asserted */
    bool latched;     /* IRQ 13 is raised */
    struct irq input; /* for the board: the CPU's FERR#; made by realize */
};
extern const struct device_type ferr_type;

#endif
