/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/port92.h: system control port A, the owner of the A20 gate.
 * Thread: under the machine lock.
 */
#ifndef HW_MISC_PORT92_H
#define HW_MISC_PORT92_H

#include "softmmu/machine.h"

struct port92 {
    struct device dev;
    struct mem_region port;
    uint8_t value;
    bool a20;             /* the gate is open: bit 20 passes */
    struct irq a20_input; /* for the board: the keyboard controller's gate line; made by realize */
};
extern const struct device_type port92_type;

#endif
