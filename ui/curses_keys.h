/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/curses_keys.h: what ncurses reads, as keys of the guest and as bytes.  Thread: main loop. */
#ifndef UI_CURSES_KEYS_H
#define UI_CURSES_KEYS_H

#include "ui/keymap.h"

/* One key as it was read: a character, or (special) a KEY_ code of ncurses. */
struct curses_key {
    bool special, alt;
    uint32_t code;
};

/* False: the guest's keyboard has no such key. */
bool curses_key_chord(const struct curses_key *k, struct key_chord *chord);
/* As a VT100 would send it; returns the number of bytes, 0: nothing. */
unsigned curses_key_bytes(const struct curses_key *k, char bytes[16]);

#endif
