/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/telnet.h: the telnet protocol (RFC 854, RFC 856) of a connection: options are announced, never argued about.
 * Thread: machine lock held.
 */
#ifndef CHARDEV_TELNET_H
#define CHARDEV_TELNET_H

#include "chardev/backend.h"

/* Between two reads. All zero: the beginning of a connection. */
struct telnet {
    enum { TELNET_DATA, TELNET_COMMAND, TELNET_OPTION, TELNET_SUB, TELNET_SUB_COMMAND } state;
    uint8_t verb;  /* TELNET_OPTION: WILL, WONT, DO or DONT */
    bool after_cr; /* a NUL that follows is none, */
    bool binary;   /* unless the other end sends as it is */
};

/* What a server says first: it echoes, without lines, and bytes go as they are in both ways. */
#define TELNET_GREETING_BYTES 12u
extern const uint8_t telnet_greeting[TELNET_GREETING_BYTES];

/* Takes the commands out of buf; returns how many bytes are left of it. *is_break is set, never cleared. */
size_t telnet_input(struct telnet *t, uint8_t *buf, size_t n, bool *is_break);
/* fd_backend_write of data, 0 to n bytes of it. */
size_t telnet_write(struct chardev *c, const uint8_t *buf, size_t n);

#endif
