/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/tap.h: between the options of -netdev tap and bridge (tap_open.c) and the frames (tap.c).
 * Thread: under the machine lock.
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include "net/net.h"

#define TAP_QUEUES      16u
#define TAP_HEADER_MOST 64u

/* n descriptors that do not block, taken over; header: bytes before each frame; down: NULL or a script. */
struct net_client *tap_new(struct machine *m, const char *id, const int *fds, unsigned n,
                           unsigned header, const char *ifname, const char *down);
/* SCRIPT IFNAME; false with *error when it does not end with status 0. */
bool tap_run_script(const char *script, const char *ifname, GError **error);

#endif
