/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/dial.h: connections that come about by themselves: nobody waits for them, nor for the look-up of names.
 * Thread: under the machine lock.
 */
#ifndef SOFTMMU_DIAL_H
#define SOFTMMU_DIAL_H

#include "util/socket.h"

struct machine;

struct dial;
/* On the main loop: the connected socket, which is the callee's, or -1 and why. The dial is gone by then. */
typedef void dial_done_fn(void *opaque, int fd, const GError *why);
/* NULL and *error when it is refused at once. */
struct dial *dial_start(struct machine *m, const struct socket_address *to, dial_done_fn *done,
                        void *opaque, GError **error);
/* done will not be called; NULL is nothing. */
void dial_cancel(struct dial *d);

#endif
