/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/gdbstub.h: a machine that gdb debugs through a character device (-gdb, -s, gdbserver).
 *
 * Thread: main loop, machine lock held.
 */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include <glib.h>

struct chardev;
struct gdbstub;
struct machine;

/* Takes the chardev as its front, which stays the caller's.  NULL and *error: it is taken, or there is no CPU. */
struct gdbstub *gdbstub_new(struct machine *m, struct chardev *c, GError **error);
/*
 * Tells a debugger that is there that all is over, and takes its breakpoints back.  The machine is left as it
 * is.  May be NULL.
 */
void gdbstub_free(struct gdbstub *g);
struct chardev *gdbstub_chardev(const struct gdbstub *g);
/* It carries out a command of its client, and cannot be freed. */
gboolean gdbstub_is_busy(const struct gdbstub *g);

#endif
