/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/input.h: keys and pointer events on their way from a user interface or the monitor to the
 * device that takes them: the keyboard or the pointer that was registered last.
 *
 * A key is a make code of scan code set 1, 0xe0xx for the extended ones; input_keys.c has QEMU's
 * names for them.
 * Invariants: events leave the queue in the order of their coming; a pause holds back what is
 *             behind it, on the virtual clock.
 * Thread:     under the machine lock.
 */
#ifndef UI_INPUT_H
#define UI_INPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

#define INPUT_KEY_PAUSE 0xe11d
#define INPUT_ABS_MAX   0x7fff
/* Events that wait at most: what comes then is refused. */
#define INPUT_QUEUE_MAX 1024u

enum input_button {
    INPUT_LEFT = 1 << 0,
    INPUT_RIGHT = 1 << 1,
    INPUT_MIDDLE = 1 << 2,
    INPUT_SIDE = 1 << 3,
    INPUT_EXTRA = 1 << 4,
};

struct input_pointer {
    bool absolute;
    int dx, dy;      /* counts, y downwards; when not absolute */
    int x, y;        /* 0 to INPUT_ABS_MAX; when absolute */
    int dz;          /* wheel clicks towards the user */
    uint8_t buttons; /* enum input_button: those that are down */
};

/* Embedded in a device; either callback may be NULL. */
struct input_handler {
    const char *name; /* for `info mice` */
    bool absolute;    /* the pointer takes positions, else motion */
    void (*key)(void *opaque, uint16_t key, bool down);
    void (*pointer)(void *opaque, const struct input_pointer *p);
    void *opaque;
    struct input_handler *next; /* the one registered before */
};

void input_register(struct machine *m, struct input_handler *h);
/* As if it had been the first: others have the events until it is registered again. */
void input_register_last(struct machine *m, struct input_handler *h);
void input_unregister(struct machine *m, struct input_handler *h);
/* The newest with a pointer; NULL: none. */
const struct input_handler *input_pointer_handler(struct machine *m);

/* The n-th of those with a pointer takes its events until another one is registered; false: there is none. */
bool input_select_pointer(struct machine *m, unsigned n);

/* The i-th, the newest first; NULL behind the last. */
const struct input_handler *input_handler_at(struct machine *m, unsigned i);

/* These queue, false: the queue is full and nothing was taken. */
bool input_key(struct machine *m, uint16_t key, bool down);
bool input_pause(struct machine *m, unsigned ms);
/* At once: motion adds up in the device.  The buttons are remembered for input_move. */
void input_move(struct machine *m, int dx, int dy, int dz);
void input_move_to(struct machine *m, int x, int y);
void input_buttons(struct machine *m, uint8_t buttons);

/* Presses all in order, releases them in reverse order after hold ms.  False: the queue is full. */
bool input_chord(struct machine *m, const uint16_t *keys, unsigned n, unsigned hold_ms);

/*
 * "ctrl-alt-f1" or "0x1d-0x38": presses all in order, releases them in reverse order after hold ms.
 * False and *error: a name that is unknown, no keyboard, the queue is full.
 */
bool input_send_keys(struct machine *m, const char *names, unsigned hold_ms, GError **error);
/* -k: a layout of layout.h, which text and keysyms go by. */
bool input_set_layout(struct machine *m, const char *name, GError **error);
const struct layout *input_layout(struct machine *m);
/*
 * Types UTF-8 text, each key for hold ms and each pause as long.  False and *error, before anything is typed: a
 * character that the layout has not, no keyboard, more than the queue has room for.
 */
bool input_type(struct machine *m, const char *text, unsigned hold_ms, GError **error);
/* `info mice` */
void input_print_mice(struct machine *m, GString *out);

/* input_keys.c: QEMU's names (QKeyCode); 0: unknown. */
uint16_t input_key_of_name(const char *name, size_t len);
/* The name of row i; NULL behind the last. */
const char *input_key_name(unsigned i);

#endif
