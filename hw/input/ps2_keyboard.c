/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/ps2_keyboard.c: a 101-key PS/2 keyboard, scan code sets 1 and 2.
 *
 * Source: IBM PS/2 Technical Reference, "Keyboard (101- and 102-key)".
 * Thread: under the machine lock.
 */
#include "hw/input/ps2.h"

#include <glib.h>
#include <string.h>
#include "util/log.h"

/* clang-format off */
enum kbd_command {
    KBD_SET_LEDS      = 0xed,
    KBD_ECHO          = 0xee,
    KBD_SCAN_SET      = 0xf0,
    KBD_IDENTIFY      = 0xf2,
    KBD_TYPEMATIC     = 0xf3,
    KBD_ENABLE        = 0xf4,
    KBD_DISABLE       = 0xf5,
    KBD_DEFAULTS      = 0xf6,
    KBD_ALL_TYPEMATIC = 0xf7,   /* 0xf7-0xfa: key modes of set 3, for all keys */
    KBD_ALL_BREAK     = 0xf8,
    KBD_ALL_MAKE      = 0xf9,
    KBD_ALL_BOTH      = 0xfa,
    KBD_KEY_TYPEMATIC = 0xfb,   /* 0xfb-0xfd: the same for the keys that follow */
    KBD_KEY_BREAK     = 0xfc,
    KBD_KEY_MAKE      = 0xfd,
    KBD_RESEND        = 0xfe,
    KBD_RESET         = 0xff,
};

/* Set 2 to set 1, as the 8042's ROM has it; 0x80 and above but 0x83 and 0x84 pass. */
static const uint8_t set2_to_set1[0x85] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
    0x80, 0x81, 0x82, 0x41, 0x54,
};
/* clang-format on */

uint8_t ps2_translate(uint8_t byte)
{
    return byte < sizeof(set2_to_set1) ? set2_to_set1[byte] : byte;
}

/*
 * Downwards, so that F7 (0x83) and SysRq (0x84) win over the unused codes that share their
 * target.
 */
static uint8_t set1_to_set2(uint8_t code)
{
    for (unsigned i = sizeof(set2_to_set1) - 1; i > 0; i--) {
        if (set2_to_set1[i] == code) {
            return (uint8_t)i;
        }
    }
    return 0;
}

bool ps2_queue_pop(struct ps2_queue *q, uint8_t *byte)
{
    if (q->count == 0) {
        return false;
    }
    *byte = q->data[q->head];
    q->head = (uint8_t)((q->head + 1) % PS2_QUEUE_SIZE);
    q->count--;
    return true;
}

void ps2_queue_push(struct ps2_queue *q, uint8_t byte)
{
    if (q->count < PS2_QUEUE_SIZE) {
        q->data[(q->head + q->count) % PS2_QUEUE_SIZE] = byte;
        q->count++;
    }
}

/* Set 3 only: whether one key, or all of them (code 0), tell of their release. */
static void set_breaks(struct ps2_keyboard *k, uint8_t code, bool on)
{
    if (code == 0) {
        memset(k->breaks, on ? 0xff : 0, sizeof(k->breaks));
    } else if (code < PS2_SET3_CODES) {
        k->breaks[code / 8] &= (uint8_t) ~(1u << code % 8);
        k->breaks[code / 8] |= (uint8_t)((unsigned)on << code % 8);
    }
}

static void keyboard_defaults(struct ps2_keyboard *k)
{
    k->scan_set = 2;
    for (unsigned code = 1; code < PS2_SET3_CODES; code++) {
        set_breaks(k, (uint8_t)code, ps2_set3_breaks((uint8_t)code));
    }
    k->typematic = 0x2b; /* 10.9 characters a second after 500 ms */
}

void ps2_keyboard_reset(struct ps2_keyboard *k)
{
    memset(k, 0, sizeof(*k));
    keyboard_defaults(k);
    k->scanning = true;
}

/* The argument of k->command. */
static void keyboard_argument(struct ps2_keyboard *k, uint8_t value)
{
    uint8_t command = k->command;

    k->command = 0;
    switch (command) {
    case KBD_SET_LEDS:
        k->leds = value & 7;
        break;
    case KBD_TYPEMATIC:
        k->typematic = value & 0x7f;
        break;
    case KBD_SCAN_SET:
        if (value > 3) {
            log_line(LOG_GUEST_ERRORS, "i8042: keyboard scan code set %u", value);
            ps2_queue_push(&k->queue, PS2_RESEND);
            return;
        }
        ps2_queue_push(&k->queue, PS2_ACK);
        if (value == 0) {
            ps2_queue_push(&k->queue, k->scan_set);
        } else {
            k->scan_set = value;
        }
        return;
    default: /* one more key of set 3: only commands end the list */
        set_breaks(k, value, command == KBD_KEY_BREAK);
        k->command = command;
        break;
    }
    ps2_queue_push(&k->queue, PS2_ACK);
}

static void keyboard_command(struct ps2_keyboard *k, uint8_t value)
{
    switch (value) {
    case KBD_SET_LEDS:
    case KBD_SCAN_SET:
    case KBD_TYPEMATIC:
    case KBD_KEY_TYPEMATIC ... KBD_KEY_MAKE:
        k->command = value;
        break;
    case KBD_ECHO:
        ps2_queue_push(&k->queue, KBD_ECHO);
        return;
    case KBD_IDENTIFY:
        ps2_queue_push(&k->queue, PS2_ACK);
        ps2_queue_push(&k->queue, 0xab);
        ps2_queue_push(&k->queue, 0x83);
        return;
    case KBD_ENABLE:
        k->queue.count = 0;
        k->scanning = true;
        break;
    case KBD_DISABLE:
    case KBD_DEFAULTS:
        k->queue.count = 0;
        keyboard_defaults(k);
        k->scanning = value == KBD_DEFAULTS;
        break;
    case KBD_ALL_TYPEMATIC ... KBD_ALL_BOTH:
        set_breaks(k, 0, value == KBD_ALL_BREAK || value == KBD_ALL_BOTH);
        break;
    case KBD_RESEND:
        ps2_queue_push(&k->queue, k->last);
        return;
    case KBD_RESET:
        ps2_keyboard_reset(k);
        ps2_queue_push(&k->queue, PS2_ACK);
        ps2_queue_push(&k->queue, PS2_SELF_TEST_OK);
        return;
    default:
        log_line(LOG_GUEST_ERRORS, "i8042: unknown keyboard command 0x%02x", value);
        ps2_queue_push(&k->queue, PS2_RESEND);
        return;
    }
    ps2_queue_push(&k->queue, PS2_ACK);
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t value)
{
    /* A command where an argument is due cancels the older command. */
    if (k->command && value < KBD_SET_LEDS) {
        keyboard_argument(k, value);
    } else {
        k->command = 0;
        keyboard_command(k, value);
    }
}

bool ps2_keyboard_read(struct ps2_keyboard *k, uint8_t *byte)
{
    if (!ps2_queue_pop(&k->queue, byte)) {
        return false;
    }
    k->last = *byte;
    return true;
}

static void push_key(struct ps2_keyboard *k, uint8_t prefix, uint8_t code, bool down)
{
    if (prefix) {
        ps2_queue_push(&k->queue, prefix);
    }
    if (k->scan_set == 1) {
        ps2_queue_push(&k->queue, (uint8_t)(code | (down ? 0 : 0x80)));
        return;
    }
    if (!down) {
        ps2_queue_push(&k->queue, 0xf0);
    }
    ps2_queue_push(&k->queue, set1_to_set2(code));
}

/* One byte a key, and its release only where it was asked for. */
static void push_set3(struct ps2_keyboard *k, uint16_t key, bool down)
{
    uint8_t code = ps2_set3_code(key);

    if (!code || (!down && !(k->breaks[code / 8] >> code % 8 & 1))) {
        return;
    }
    if (!down) {
        ps2_queue_push(&k->queue, 0xf0);
    }
    ps2_queue_push(&k->queue, code);
}

void ps2_keyboard_event(struct ps2_keyboard *k, uint16_t key, bool down)
{
    uint8_t prefix = (uint8_t)(key >> 8), code = key & 0x7f;

    if (!k->scanning || k->queue.count > PS2_QUEUE_EVENTS - 8) {
        return; /* as a keyboard that overran: the key is lost */
    }
    if (k->scan_set == 3) {
        push_set3(k, key, down);
    } else if (key == PS2_KEY_PAUSE) { /* make and break together on the press: E1 Ctrl NumLock */
        if (down) {
            push_key(k, 0xe1, 0x1d, true);
            push_key(k, 0, 0x45, true);
            push_key(k, 0xe1, 0x1d, false);
            push_key(k, 0, 0x45, false);
        }
    } else if ((prefix == 0 || prefix == 0xe0) && code && set1_to_set2(code)) {
        push_key(k, prefix, code, down);
    }
}

bool ps2_keyboard_valid(const struct ps2_keyboard *k)
{
    return k->queue.head < PS2_QUEUE_SIZE && k->queue.count <= PS2_QUEUE_SIZE && k->scan_set >= 1 &&
           k->scan_set <= 3;
}

static const struct state_row ps2_queue_state[] = {
    STATE_BUF(struct ps2_queue, data, 1, "bytes on their way to the host"),
    STATE_INT(struct ps2_queue, head, 1, "index of the first"),
    STATE_INT(struct ps2_queue, count, 1, "how many"),
    { 0 },
};

const struct state_row ps2_keyboard_state[] = {
    STATE_SUB(struct ps2_keyboard, queue, 1, ps2_queue_state, 1, "output queue"),
    STATE_INT(struct ps2_keyboard, command, 1, "command that waits for its argument"),
    STATE_INT(struct ps2_keyboard, last, 1, "last byte sent"),
    STATE_INT(struct ps2_keyboard, scan_set, 1, "scan code set"),
    STATE_INT(struct ps2_keyboard, leds, 1, "lights"),
    STATE_INT(struct ps2_keyboard, typematic, 1, "rate and delay"),
    STATE_INT(struct ps2_keyboard, scanning, 1, "keys are reported"),
    STATE_BUF(struct ps2_keyboard, breaks, 1, "set 3: keys that tell of their release"),
    { 0 },
};

const struct state_row ps2_mouse_state[] = {
    STATE_SUB(struct ps2_mouse, queue, 1, ps2_queue_state, 1, "output queue"),
    STATE_INT(struct ps2_mouse, command, 1, "command that waits for its argument"),
    STATE_INT(struct ps2_mouse, id, 1, "0, 3 or 4"),
    STATE_INT(struct ps2_mouse, knock, 1, "progress of the wheel's detection"),
    STATE_INT(struct ps2_mouse, rate, 1, "samples a second"),
    STATE_INT(struct ps2_mouse, resolution, 1, "log2 of counts a millimetre"),
    STATE_INT(struct ps2_mouse, buttons, 1, "pressed buttons"),
    STATE_INT(struct ps2_mouse, reporting, 1, "stream mode sends packets"),
    STATE_INT(struct ps2_mouse, remote, 1, "packets on demand only"),
    STATE_INT(struct ps2_mouse, wrap, 1, "echoes what it is sent"),
    STATE_INT(struct ps2_mouse, scale21, 1, "2:1 scaling"),
    STATE_INT(struct ps2_mouse, dx, 1, "motion not reported yet"),
    STATE_INT(struct ps2_mouse, dy, 1, "the same, downwards"),
    STATE_INT(struct ps2_mouse, dz, 1, "the same, of the wheel"),
    { 0 },
};
