/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/clipboard.h: the text that was copied last, wherever it was: in the guest (an agent there), in a window's
 * desktop, at a VNC client.
 *
 * Text goes between guests' agents and people alone: what a person copies is not told to another person.
 *
 * Invariants: the text is UTF-8 without a NUL, of at most CLIPBOARD_MAX bytes; who gave it is not told of it.
 * Thread:     main loop or a vCPU, machine lock held.
 */
#ifndef UI_CLIPBOARD_H
#define UI_CLIPBOARD_H

#include <stdbool.h>
#include <stddef.h>

struct machine;

#define CLIPBOARD_MAX (1u << 20)

/* Embedded in whoever shares it. */
struct clipboard_peer {
    /* Main loop: somebody else gave a text: clipboard_text has it. */
    void (*changed)(struct clipboard_peer *p);
    bool guest; /* an agent in the guest, else a person */
    struct clipboard_peer *next;
};

void clipboard_add(struct machine *m, struct clipboard_peer *p);
void clipboard_remove(struct machine *m, struct clipboard_peer *p);
/* False: this is too long, or no text.  A person's text is dropped while there is no agent. */
bool clipboard_set(struct machine *m, const struct clipboard_peer *from, const char *text,
                   size_t len);
/* NULL: nothing was copied yet. */
const char *clipboard_text(const struct machine *m);

#endif
