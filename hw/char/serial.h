/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/serial.h: the 16550A UART without its bus; isa_serial.c puts it on ISA.
 * Thread: under the machine lock.
 */
#ifndef HW_CHAR_SERIAL_H
#define HW_CHAR_SERIAL_H

#include "softmmu/clock.h"
#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define SERIAL_FIFO 16

struct serial_fifo {
    uint8_t data[SERIAL_FIFO];
    uint8_t head, count;
};

/* Embedded in a device; set `out`, `irq`, then serial_init. */
struct serial {
    struct chardev *out; /* NULL: bytes are dropped */
    struct irq irq;
    struct mem_region ports; /* 8 ports, for the device to map */
    struct timer tx_timer;   /* offers refused bytes again */
    struct timer rx_timer;   /* character timeout: bytes wait below the trigger level */
    struct machine *machine;
    uint16_t divisor;
    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    bool thre_pending; /* the transmitter became empty and nobody was told */
    bool timeout;      /* the character timeout has come */
    bool level;        /* of irq */
    struct serial_fifo rx, tx;
};

extern const struct device_type isa_serial_type, isa_parallel_type;
extern const struct device_type pci_serial_type, pci_serial_2x_type, pci_serial_4x_type;
extern const struct state_row serial_rows[];

bool serial_init(struct serial *s, struct machine *m, GError **error);
void serial_reset(struct serial *s);
void serial_destroy(struct serial *s);
/* After state_load: bounds, and the back end may send. */
void serial_post_load(struct serial *s);

#endif
