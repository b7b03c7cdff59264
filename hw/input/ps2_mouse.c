/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/ps2_mouse.c: a PS/2 mouse that turns into a wheel mouse when it is asked to.
 *
 * Source: IBM PS/2 Technical Reference, "Mouse"; the IntelliMouse knocks: sample rates 200, 100, 80
 *         for id 3, then 200, 200, 80 for id 4.
 * Thread: under the machine lock.
 */
#include "hw/input/ps2.h"

#include <glib.h>
#include <string.h>
#include "util/log.h"

/* clang-format off */
enum mouse_command {
    MOUSE_SCALE_11    = 0xe6,
    MOUSE_SCALE_21    = 0xe7,
    MOUSE_RESOLUTION  = 0xe8,
    MOUSE_STATUS      = 0xe9,
    MOUSE_STREAM      = 0xea,
    MOUSE_READ        = 0xeb,
    MOUSE_UNWRAP      = 0xec,
    MOUSE_WRAP        = 0xee,
    MOUSE_REMOTE      = 0xf0,
    MOUSE_IDENTIFY    = 0xf2,
    MOUSE_SAMPLE_RATE = 0xf3,
    MOUSE_ENABLE      = 0xf4,
    MOUSE_DISABLE     = 0xf5,
    MOUSE_DEFAULTS    = 0xf6,
    MOUSE_RESET       = 0xff,
};
/* clang-format on */

/* What motion may add up to while nobody reads: the rest is lost, as a counter's overflow is. */
#define MOTION_MAX 32767

static void mouse_defaults(struct ps2_mouse *mouse)
{
    mouse->rate = 100;
    mouse->resolution = 2;
    mouse->scale21 = mouse->remote = mouse->reporting = mouse->wrap = false;
    mouse->dx = mouse->dy = mouse->dz = 0;
}

void ps2_mouse_reset(struct ps2_mouse *mouse)
{
    memset(mouse, 0, sizeof(*mouse));
    mouse_defaults(mouse);
}

static bool has_motion(const struct ps2_mouse *mouse)
{
    return mouse->dx || mouse->dy || mouse->dz;
}

/* One packet of 3 or 4 bytes; takes what it reports away from dx, dy, dz. */
static void push_packet(struct ps2_mouse *mouse)
{
    int dx = CLAMP(mouse->dx, -256, 255), dy = CLAMP(mouse->dy, -255, 256);
    int dz = mouse->id == 4 ? CLAMP(mouse->dz, -8, 7) : CLAMP(mouse->dz, -127, 127);
    unsigned up = (unsigned)-dy; /* the mouse counts y upwards */

    ps2_queue_push(&mouse->queue,
                   (uint8_t)(8 | (mouse->buttons & 7) | (dx < 0 ? 0x10 : 0) | (dy > 0 ? 0x20 : 0)));
    ps2_queue_push(&mouse->queue, (uint8_t)dx);
    ps2_queue_push(&mouse->queue, (uint8_t)up);
    if (mouse->id == 4) {
        ps2_queue_push(&mouse->queue, (uint8_t)((dz & 15) | (mouse->buttons & 0x18) << 1));
    } else if (mouse->id == 3) {
        ps2_queue_push(&mouse->queue, (uint8_t)dz);
    }
    mouse->dx -= dx;
    mouse->dy -= dy;
    mouse->dz = mouse->id ? mouse->dz - dz : 0;
}

/* Watches for the knocks that turn the wheel on. */
static void set_rate(struct ps2_mouse *mouse, uint8_t rate)
{
    mouse->rate = rate;
    if (mouse->knock == 1 && (rate == 100 || rate == 200)) {
        mouse->knock = rate == 100 ? 2 : 3;
    } else if (mouse->knock >= 2 && rate == 80) {
        if (mouse->knock == 2) {
            mouse->id = 3;
        } else if (mouse->id >= 3) {
            mouse->id = 4;
        }
        mouse->knock = 0;
    } else {
        mouse->knock = rate == 200;
    }
}

static void push_status(struct ps2_mouse *mouse)
{
    unsigned b = mouse->buttons;

    ps2_queue_push(&mouse->queue,
                   (uint8_t)((b & 1) << 2 | (b & 4) >> 1 | (b & 2) >> 1 | mouse->scale21 << 4 |
                             mouse->reporting << 5 | mouse->remote << 6));
    ps2_queue_push(&mouse->queue, mouse->resolution);
    ps2_queue_push(&mouse->queue, mouse->rate);
}

static void mouse_command(struct ps2_mouse *mouse, uint8_t value)
{
    ps2_queue_push(&mouse->queue, PS2_ACK);
    switch (value) {
    case MOUSE_SCALE_11:
    case MOUSE_SCALE_21:
        mouse->scale21 = value == MOUSE_SCALE_21;
        break;
    case MOUSE_RESOLUTION:
    case MOUSE_SAMPLE_RATE:
        mouse->command = value;
        break;
    case MOUSE_STATUS:
        push_status(mouse);
        break;
    case MOUSE_STREAM:
    case MOUSE_REMOTE:
        mouse->remote = value == MOUSE_REMOTE;
        break;
    case MOUSE_READ:
        push_packet(mouse);
        break;
    case MOUSE_UNWRAP:
        break;
    case MOUSE_WRAP:
        mouse->wrap = true;
        break;
    case MOUSE_IDENTIFY:
        ps2_queue_push(&mouse->queue, mouse->id);
        break;
    case MOUSE_ENABLE:
    case MOUSE_DISABLE:
        mouse->reporting = value == MOUSE_ENABLE;
        break;
    case MOUSE_DEFAULTS:
        mouse_defaults(mouse);
        break;
    case MOUSE_RESET:
        ps2_mouse_reset(mouse);
        ps2_queue_push(&mouse->queue, PS2_ACK);
        ps2_queue_push(&mouse->queue, PS2_SELF_TEST_OK);
        ps2_queue_push(&mouse->queue, mouse->id);
        break;
    default:
        log_line(LOG_GUEST_ERRORS, "i8042: unknown mouse command 0x%02x", value);
        mouse->queue.count--; /* the acknowledge above */
        ps2_queue_push(&mouse->queue, PS2_RESEND);
    }
}

void ps2_mouse_write(struct ps2_mouse *mouse, uint8_t value)
{
    if (mouse->wrap && value != MOUSE_RESET && value != MOUSE_UNWRAP) {
        ps2_queue_push(&mouse->queue, value);
        return;
    }
    mouse->wrap = false;
    if (!mouse->command) {
        mouse->queue.count = 0; /* a command drops what the host has not fetched */
        mouse_command(mouse, value);
        return;
    }
    if (mouse->command == MOUSE_SAMPLE_RATE) {
        set_rate(mouse, value);
    } else {
        mouse->resolution = value & 3;
    }
    mouse->command = 0;
    ps2_queue_push(&mouse->queue, PS2_ACK);
}

void ps2_mouse_event(struct ps2_mouse *mouse, int dx, int dy, int dz, uint8_t buttons)
{
    bool changed = (buttons & 0x1f) != mouse->buttons;

    mouse->dx = CLAMP(mouse->dx + CLAMP(dx, -MOTION_MAX, MOTION_MAX), -MOTION_MAX, MOTION_MAX);
    mouse->dy = CLAMP(mouse->dy + CLAMP(dy, -MOTION_MAX, MOTION_MAX), -MOTION_MAX, MOTION_MAX);
    mouse->dz = CLAMP(mouse->dz + CLAMP(dz, -MOTION_MAX, MOTION_MAX), -MOTION_MAX, MOTION_MAX);
    mouse->buttons = buttons & 0x1f;
    if (!mouse->reporting || mouse->remote || mouse->wrap) {
        return;
    }
    while ((changed || has_motion(mouse)) && mouse->queue.count <= PS2_QUEUE_EVENTS - 4) {
        push_packet(mouse);
        changed = false;
    }
}

bool ps2_mouse_valid(const struct ps2_mouse *mouse)
{
    return mouse->queue.head < PS2_QUEUE_SIZE && mouse->queue.count <= PS2_QUEUE_SIZE &&
           (mouse->id == 0 || mouse->id == 3 || mouse->id == 4) && mouse->knock <= 3 &&
           ABS((int64_t)mouse->dx) <= MOTION_MAX && ABS((int64_t)mouse->dy) <= MOTION_MAX &&
           ABS((int64_t)mouse->dz) <= MOTION_MAX;
}
