/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/viewer.c: see viewer.h.  Thread: main loop, machine lock held. */
#include "ui/viewer.h"

#include <string.h>
#include "softmmu/machine.h"
#include "ui/input.h"
#include "ui/vc.h"

enum { KEY_CTRL = 0x1d, KEY_CTRL_R = 0xe01d, KEY_ALT = 0x38, KEY_ALT_R = 0xe038 };
enum { KEY_SHIFT = 0x2a, KEY_SHIFT_R = 0x36 };

#define SCROLL_PAGE 20
#define PAUSE_BIT   0xc6u /* of the code that Ctrl-Break has */

/* Keys that send sequences on a text console: as a VT100's and a VT220's do. */
static const struct {
    uint16_t key;
    const char *bytes;
    int scroll; /* with Ctrl or Shift: lines instead; 0: no */
} text_keys[] = {
    { 0x0e, "\x7f", 0 },
    { 0x0f, "\t", 0 },
    { 0x1c, "\r", 0 },
    { 0xe01c, "\r", 0 },
    { 0x01, "\x1b", 0 },
    { 0xe048, "\x1b[A", 1 },
    { 0xe050, "\x1b[B", -1 },
    { 0xe04d, "\x1b[C", 0 },
    { 0xe04b, "\x1b[D", 0 },
    { 0xe047, "\x1b[1~", 0 },
    { 0xe052, "\x1b[2~", 0 },
    { 0xe053, "\x1b[3~", 0 },
    { 0xe04f, "\x1b[4~", 0 },
    { 0xe049, "\x1b[5~", SCROLL_PAGE },
    { 0xe051, "\x1b[6~", -SCROLL_PAGE },
};

static unsigned key_bit(uint16_t key)
{
    return key == INPUT_KEY_PAUSE ? PAUSE_BIT : (key & 0x7f) | (key & 0xff00 ? 0x80 : 0);
}

static uint16_t key_of_bit(unsigned bit)
{
    if (bit == PAUSE_BIT) {
        return INPUT_KEY_PAUSE;
    }
    return (uint16_t)(bit & 0x80 ? 0xe000 | (bit & 0x7f) : bit);
}

bool viewer_holds(const struct viewer *v, uint16_t key)
{
    unsigned bit = key_bit(key);

    return v->held[bit / 64] >> (bit % 64) & 1;
}

bool viewer_holds_ctrl(const struct viewer *v)
{
    return viewer_holds(v, KEY_CTRL) || viewer_holds(v, KEY_CTRL_R);
}

bool viewer_holds_alt(const struct viewer *v)
{
    return viewer_holds(v, KEY_ALT) || viewer_holds(v, KEY_ALT_R);
}

/* What the viewer looks at; either may be NULL. */
static void find(const struct viewer *v, struct display_console **c, struct vc **vc)
{
    screen_find(v->machine, screen_place(&v->screen), c, vc);
}

bool viewer_is_text(const struct viewer *v)
{
    struct display_console *c;
    struct vc *vc;

    find(v, &c, &vc);
    return vc != NULL;
}

void viewer_init(struct viewer *v, struct machine *m)
{
    *v = (struct viewer){ .machine = m };
}

void viewer_open(struct viewer *v)
{
    screen_watch(v->machine, &v->screen, 0);
}

void viewer_close(struct viewer *v)
{
    viewer_release(v);
    screen_unwatch(&v->screen);
}

bool viewer_choose(struct viewer *v, unsigned place)
{
    struct display_console *c;
    struct vc *vc;

    if (!screen_find(v->machine, place, &c, &vc)) {
        return false;
    }
    viewer_release(v);
    return screen_watch(v->machine, &v->screen, place);
}

bool viewer_want_size(struct viewer *v, unsigned width, unsigned height)
{
    struct display_console *c;
    struct vc *vc;

    find(v, &c, &vc);
    return c && c->resize && c->resize(c->opaque, width, height);
}

/* Keys ------------------------------------------------------------------------------------------ */

static void text_key(struct viewer *v, struct vc *vc, uint16_t key)
{
    bool scrolls =
        viewer_holds_ctrl(v) || viewer_holds(v, KEY_SHIFT) || viewer_holds(v, KEY_SHIFT_R);

    for (unsigned i = 0; i < G_N_ELEMENTS(text_keys); i++) {
        if (text_keys[i].key != key) {
            continue;
        }
        if (scrolls && text_keys[i].scroll) {
            vc_scroll(vc, text_keys[i].scroll);
        } else {
            vc_type(vc, text_keys[i].bytes, strlen(text_keys[i].bytes));
        }
    }
}

void viewer_key(struct viewer *v, uint16_t key, bool down)
{
    unsigned bit = key_bit(key);
    uint64_t mask = UINT64_C(1) << (bit % 64);
    bool held = v->held[bit / 64] & mask;
    struct display_console *c;
    struct vc *vc;

    if (!down && !held) {
        return; /* it was pressed elsewhere, or on another screen */
    }
    v->held[bit / 64] = down ? v->held[bit / 64] | mask : v->held[bit / 64] & ~mask;
    screen_hurry(v->machine);
    find(v, &c, &vc);
    if (c) {
        input_key(v->machine, key, down);
    } else if (vc && down) {
        text_key(v, vc, key);
    }
}

void viewer_type(struct viewer *v, uint32_t ch)
{
    struct display_console *c;
    struct vc *vc;
    char utf8[6];

    find(v, &c, &vc);
    if (viewer_holds_ctrl(v) && ch < 0x7f && g_ascii_isalpha((char)ch)) {
        ch &= 0x1f;
    }
    if (vc && g_unichar_validate(ch)) {
        vc_type(vc, utf8, (size_t)g_unichar_to_utf8(ch, utf8));
    }
}

void viewer_release(struct viewer *v)
{
    for (unsigned bit = 0; bit < 256; bit++) {
        if (v->held[bit / 64] >> (bit % 64) & 1) {
            viewer_key(v, key_of_bit(bit), false);
        }
    }
    if (v->buttons) {
        viewer_buttons(v, 0);
    }
}

/* The pointer ----------------------------------------------------------------------------------- */

static bool pointer_is_guests(const struct viewer *v)
{
    struct display_console *c;
    struct vc *vc;

    find(v, &c, &vc);
    if (c) {
        screen_hurry(v->machine);
    }
    return c != NULL;
}

bool viewer_points(const struct viewer *v)
{
    const struct input_handler *h = input_pointer_handler(v->machine);

    return h && h->absolute;
}

/* 0 to size - 1 as 0 to INPUT_ABS_MAX. */
static int scale(unsigned at, unsigned size)
{
    return size > 1 ? (int)((uint64_t)MIN(at, size - 1) * INPUT_ABS_MAX / (size - 1)) : 0;
}

void viewer_point(struct viewer *v, unsigned x, unsigned y)
{
    if (viewer_points(v) && v->screen.screen && pointer_is_guests(v)) {
        const struct surface *s = screen_picture(&v->screen);

        input_move_to(v->machine, scale(x, s->width), scale(y, s->height));
    }
}

void viewer_move(struct viewer *v, int dx, int dy)
{
    if ((dx || dy) && !viewer_points(v) && pointer_is_guests(v)) {
        input_move(v->machine, dx, dy, 0);
    }
}

void viewer_buttons(struct viewer *v, uint8_t buttons)
{
    if (buttons != v->buttons && pointer_is_guests(v)) {
        v->buttons = buttons;
        input_buttons(v->machine, buttons);
    }
}

void viewer_wheel(struct viewer *v, int dz)
{
    struct display_console *c;
    struct vc *vc;

    find(v, &c, &vc);
    if (vc) {
        vc_scroll(vc, -3 * dz);
        screen_hurry(v->machine);
    } else if (pointer_is_guests(v)) {
        input_move(v->machine, 0, 0, dz);
    }
}
