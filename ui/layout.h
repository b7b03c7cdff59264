/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/layout.h: keyboard layouts: which key of the guest's keyboard makes a symbol, when the guest uses the same.
 * Symbols are X's keysyms, which VNC clients send; those of Latin-1 are its characters.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_LAYOUT_H
#define UI_LAYOUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "ui/keymap.h"

struct layout;

/* "de", "en-us", ...: QEMU's names.  NULL and *error: unknown, or built without xkbcommon. */
struct layout *layout_new(const char *name, GError **error);
void layout_free(struct layout *l);
/* l NULL: a US keyboard.  False: it has no such symbol.  chord->alt: AltGr is held. */
bool layout_find(const struct layout *l, uint32_t keysym, struct key_chord *chord);

/* The symbol of a Unicode character, and the reverse; 0: there is none. */
uint32_t keysym_of_char(uint32_t ch);
uint32_t keysym_char(uint32_t keysym);

#endif
