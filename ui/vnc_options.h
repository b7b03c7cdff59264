/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_options.h: what -vnc takes, inside ui/vnc*.c.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_VNC_OPTIONS_H
#define UI_VNC_OPTIONS_H

#include "ui/vnc_server.h"
#include "util/socket.h"

struct vnc_options {
    struct socket_address address, web;
    bool has_web, password, reverse;
    const char *id, *secret, *tls; /* borrowed from the options */
    enum vnc_share share;
    uint64_t connections;
};

/* util/text.h's options with the key "vnc".  False and *error; clear it all the same. */
bool vnc_options_parse(struct vnc_options *o, const GPtrArray *opts, GError **error);
void vnc_options_clear(struct vnc_options *o);

#endif
