/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/lookup.h: names of hosts, looked up in a thread: that may take a minute, and nobody waits for it.
 * Thread: under the machine lock; answers come on the main loop.
 */
#ifndef SOFTMMU_LOOKUP_H
#define SOFTMMU_LOOKUP_H

#include <netdb.h>
#include "util/socket.h"

struct machine;
struct lookup;

/* A guest runs, and `a` has a name: whoever uses it at once holds the guest up. */
bool lookup_waits(const struct machine *m, const struct socket_address *a);

/* The addresses, which are the callee's to free, or NULL and why. The lookup is gone by then. */
typedef void lookup_done_fn(void *opaque, struct addrinfo *list, const GError *why);
struct lookup *lookup_start(struct machine *m, const struct socket_address *a, int type,
                            lookup_done_fn *done, void *opaque);

/* why NULL: the name in *a has become the number of its first address. */
typedef void lookup_number_fn(void *opaque, const GError *why);
/* *a outlives the lookup. */
struct lookup *lookup_number(struct machine *m, struct socket_address *a, int type,
                             lookup_number_fn *done, void *opaque);

/* Nobody is told; NULL is nothing. */
void lookup_cancel(struct lookup *l);

#endif
