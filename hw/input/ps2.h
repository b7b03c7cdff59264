/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/ps2.h: the two devices behind a keyboard controller: a keyboard and a mouse with wheel.
 * They know nothing of the controller: it hands them bytes and takes bytes from their queues.
 *
 * Source: IBM PS/2 Technical Reference, "Keyboard" and "Mouse"; Microsoft IntelliMouse for ids 3,
 * 4.
 * Thread: under the machine lock.
 */
#ifndef HW_INPUT_PS2_H
#define HW_INPUT_PS2_H

#include <stdbool.h>
#include <stdint.h>
#include "softmmu/state.h"

#define PS2_ACK          0xfa
#define PS2_RESEND       0xfe
#define PS2_SELF_TEST_OK 0xaa

/* Codes of scan code set 3, of which no key's is above 0x8d. */
#define PS2_SET3_CODES 0x90u

#define PS2_QUEUE_SIZE 64u
/* Events leave this much of a queue to the answers to commands. */
#define PS2_QUEUE_EVENTS 48u

/* Invariant: head < PS2_QUEUE_SIZE, count <= PS2_QUEUE_SIZE. */
struct ps2_queue {
    uint8_t data[PS2_QUEUE_SIZE];
    uint8_t head, count;
};

struct ps2_keyboard {
    struct ps2_queue queue;
    uint8_t command;  /* waits for its argument, or 0 */
    uint8_t last;     /* last byte sent, for Resend */
    uint8_t scan_set; /* 1 to 3 */
    uint8_t leds;     /* bit 0 scroll, 1 num, 2 caps */
    uint8_t typematic;
    bool scanning;
    uint8_t breaks[PS2_SET3_CODES / 8]; /* set 3: the keys that tell of their release */
};

struct ps2_mouse {
    struct ps2_queue queue;
    uint8_t command;
    uint8_t id;    /* 0: plain, 3: wheel, 4: wheel and five buttons */
    uint8_t knock; /* how much of the sample rates 200, 100 or 200, 80 was seen */
    uint8_t rate, resolution;
    uint8_t buttons; /* bit 0 left, 1 right, 2 middle, 3 and 4 the side ones */
    bool reporting, remote, wrap, scale21;
    int32_t dx, dy, dz; /* not reported yet */
};

extern const struct state_row ps2_keyboard_state[], ps2_mouse_state[];

/* False: nothing waits. */
bool ps2_queue_pop(struct ps2_queue *q, uint8_t *byte);
/* Drops the byte when the queue is full. */
void ps2_queue_push(struct ps2_queue *q, uint8_t byte);

void ps2_keyboard_reset(struct ps2_keyboard *k);
/* The host sends a command or an argument. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t value);
/* A byte for the controller; false: none waits. */
bool ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *byte);
/* key: the make code in set 1, 0xe0xx for the extended ones, PS2_KEY_PAUSE. */
void ps2_keyboard_event(struct ps2_keyboard *k, uint16_t key, bool down);
#define PS2_KEY_PAUSE 0xe11d /* as INPUT_KEY_PAUSE */
/* ps2_set3.c: a key's code in set 3, 0: it has none; whether it tells of its release by default. */
uint8_t ps2_set3_code(uint16_t key);
bool ps2_set3_breaks(uint8_t code);
/* The 8042's translation of a byte of set 2 (not 0xf0) to set 1. */
uint8_t ps2_translate(uint8_t byte);

void ps2_mouse_reset(struct ps2_mouse *mouse);
void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t value);
/* Motion in counts, y downwards; dz: wheel clicks towards the user. */
void ps2_mouse_event(struct ps2_mouse *mouse, int dx, int dy, int dz, uint8_t buttons);

/* After a load: false when a member is out of its range. */
bool ps2_keyboard_valid(const struct ps2_keyboard *k);
bool ps2_mouse_valid(const struct ps2_mouse *mouse);

#endif
