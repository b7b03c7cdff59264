/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/i8042.h: the keyboard controller, and what a user interface tells it.
 * Thread: under the machine lock.
 */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/input/ps2.h"
#include "softmmu/machine.h"
#include "ui/input.h"

struct i8042 {
    struct device dev;
    struct irq a20; /* set by the board: opens the A20 gate */
    struct mem_region data_port, command_port;
    struct ps2_keyboard keyboard;
    struct ps2_mouse mouse;
    struct input_handler input;
    uint8_t ram[32];     /* [0]: the command byte */
    uint8_t out_port;    /* the bits that only the guest changes */
    uint8_t command;     /* waits for its argument at port 0x60, or 0 */
    uint8_t data;        /* output buffer */
    uint8_t answer;      /* the controller's own byte, until the buffer is free */
    bool full, full_aux; /* the output buffer, and whose byte it is */
    bool answering, answer_aux;
    bool last_command; /* the last write was to port 0x64 */
    bool sys;          /* the self test has passed */
    bool release;      /* translation: 0xf0 was seen */
};
extern const struct device_type i8042_type;

/* key and motion: see ps2_keyboard_event and ps2_mouse_event in ps2.h. */
void i8042_key_event(struct device *dev, uint16_t key, bool down);
void i8042_mouse_event(struct device *dev, int dx, int dy, int dz, uint8_t buttons);

#endif
