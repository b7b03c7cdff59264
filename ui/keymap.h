/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/keymap.h: from characters to the keys of a US keyboard that make them.  Thread: constant.
 */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

/* A key as in ui/input.h, and what is held down with it. */
struct key_chord {
    uint16_t key;
    bool shift, ctrl, alt;
};

/* ASCII, control characters among it: 1 is Ctrl-A.  False: no key makes it. */
bool keymap_of_char(uint32_t ch, struct key_chord *chord);

#endif
