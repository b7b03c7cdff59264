/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vc.h: text consoles: the character device `vc`, a terminal that a display shows.
 *
 * It understands what line editors and consoles of guests send: UTF-8, colours and cursor movement
 * of ECMA-48 as far as VT100 terminals have it; what it does not know it leaves out.
 * Thread: under the machine lock.
 */
#ifndef UI_VC_H
#define UI_VC_H

#include "chardev/chardev.h"
#include "ui/text.h"

#define VC_HISTORY 1000u

struct vc;

/* Monitors first, then in the order of their creation; NULL behind the last. */
struct vc *vc_at(struct machine *m, unsigned i);
const char *vc_label(const struct vc *vc);
/* What it shows now: the end, or higher up when it is scrolled. */
void vc_show(const struct vc *vc, struct text_screen *t);
/* Changes with everything that vc_show shows. */
unsigned vc_generation(const struct vc *vc);
/* Lines upwards; negative: downwards.  Bounded by what there is. */
void vc_scroll(struct vc *vc, int lines);
/* Somebody typed; what the front does not take in time is lost. */
void vc_type(struct vc *vc, const void *bytes, size_t n);

/* Who wants the bytes themselves, for a terminal of its own. */
struct vc_listener {
    void (*bytes)(struct vc_listener *l, const uint8_t *bytes, size_t n);
    void (*gone)(struct vc_listener *l); /* the console is freed: nobody listens any more */
    struct vc_listener *next;
};
void vc_listen(struct vc *vc, struct vc_listener *l);
void vc_unlisten(struct vc *vc, struct vc_listener *l);
/* Tells a listener what the console was sent lately, at most VC_REPLAY bytes. */
#define VC_REPLAY 65536u
void vc_replay(const struct vc *vc, struct vc_listener *l);

#endif
