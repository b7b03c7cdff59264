/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_keys.c: keys and the pointer of a VNC client.  Ctrl-Alt-1 to Ctrl-Alt-9 choose a screen.
 * Thread: main loop, machine lock held.
 */
#include "ui/vnc_server.h"

#include "softmmu/machine.h"
#include "ui/input.h"
#include "ui/layout.h"

enum {
    KEYSYM_KP_FIRST = 0xffaa,
    KEYSYM_KP_LAST = 0xffb9,
    KEYSYM_CAPS_LOCK = 0xffe5,
    KEYSYM_CTRL_L = 0xffe3,
    KEYSYM_CTRL_R = 0xffe4,
    KEYSYM_ALT_L = 0xffe9,
    KEYSYM_ALT_R = 0xffea,
};
enum { KEY_SHIFT = 0x2a, KEY_SHIFT_R = 0x36 };

/* What a client calls the middle of its screen where the pointer is told as motion. */
#define RELATIVE_ZERO 0x7fff

/* The client's modifiers, which outlive a change of the screen. */
static void note_modifiers(struct vnc_client *c, uint32_t keysym, bool down)
{
    if (keysym == KEYSYM_CTRL_L || keysym == KEYSYM_CTRL_R) {
        c->ctrl = down;
    } else if (keysym == KEYSYM_ALT_L || keysym == KEYSYM_ALT_R) {
        c->alt = down;
    } else if (keysym == KEYSYM_CAPS_LOCK && down) {
        c->caps = !c->caps;
    }
}

/* A symbol that needs Shift may come without: programs that type send no such keys. */
static void press(struct vnc_client *c, const struct key_chord *chord, bool down)
{
    struct viewer *v = &c->viewer;
    bool shift = down && chord->shift && !c->caps && !viewer_holds(v, KEY_SHIFT) &&
                 !viewer_holds(v, KEY_SHIFT_R);

    if (shift) {
        viewer_key(v, KEY_SHIFT, true);
    }
    viewer_key(v, chord->key, down);
    if (shift) {
        viewer_key(v, KEY_SHIFT, false);
    }
}

static void type(struct vnc_client *c, uint32_t keysym)
{
    uint32_t ch =
        keysym >= KEYSYM_KP_FIRST && keysym <= KEYSYM_KP_LAST ? keysym & 0x7f : keysym_char(keysym);

    if (ch) {
        viewer_type(&c->viewer, ch);
    }
}

void vnc_key(struct vnc_client *c, uint32_t keysym, uint16_t key, bool down)
{
    struct key_chord chord = { .key = key };

    note_modifiers(c, keysym, down);
    if (down && c->ctrl && c->alt && keysym >= '1' && keysym <= '9') {
        viewer_choose(&c->viewer, keysym - '1');
        return;
    }
    if (key || layout_find(input_layout(c->machine), keysym, &chord)) {
        press(c, &chord, down);
    }
    if (down) {
        type(c, keysym);
    }
}

void vnc_pointer(struct vnc_client *c, unsigned buttons, unsigned x, unsigned y)
{
    struct viewer *v = &c->viewer;
    uint8_t mask = (uint8_t)((buttons & 1 ? INPUT_LEFT : 0) | (buttons & 2 ? INPUT_MIDDLE : 0) |
                             (buttons & 4 ? INPUT_RIGHT : 0));

    if (viewer_points(v)) {
        viewer_point(v, x, y);
    } else if (c->relative) {
        viewer_move(v, (int)x - RELATIVE_ZERO, (int)y - RELATIVE_ZERO);
    } else if (c->pointer_known) {
        viewer_move(v, (int)x - (int)c->pointer_x, (int)y - (int)c->pointer_y);
    }
    c->pointer_x = x;
    c->pointer_y = y;
    c->pointer_known = !c->relative;
    viewer_buttons(v, mask);
    if (buttons & 8) {
        viewer_wheel(v, -1);
    }
    if (buttons & 16) {
        viewer_wheel(v, 1);
    }
}
