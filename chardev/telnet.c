/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chardev/telnet.c: see telnet.h. */
#include <string.h>
#include "chardev/telnet.h"

enum { SE = 240, BREAK = 243, SB = 250, WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = 255 };
enum { OPTION_BINARY = 0, OPTION_ECHO = 1, OPTION_NO_GO_AHEAD = 3 };

const uint8_t telnet_greeting[TELNET_GREETING_BYTES] = {
    IAC, WILL, OPTION_ECHO,   IAC, WILL, OPTION_NO_GO_AHEAD,
    IAC, WILL, OPTION_BINARY, IAC, DO,   OPTION_BINARY,
};

/* The byte after IAC; true: it is data. */
static bool command(struct telnet *t, uint8_t byte, bool *is_break)
{
    t->state = TELNET_DATA;
    if (byte >= WILL && byte <= DONT) {
        t->verb = byte;
        t->state = TELNET_OPTION;
    } else if (byte == SB) {
        t->state = TELNET_SUB;
    } else if (byte == BREAK) {
        *is_break = true;
    }
    return byte == IAC;
}

/* True: the byte is data. */
static bool take(struct telnet *t, uint8_t byte, bool *is_break)
{
    bool after_cr = t->after_cr;

    switch (t->state) {
    case TELNET_DATA:
        if (byte == IAC) {
            t->state = TELNET_COMMAND;
            return false;
        }
        t->after_cr = byte == '\r' && !t->binary;
        return !(after_cr && byte == 0);
    case TELNET_COMMAND:
        return command(t, byte, is_break);
    case TELNET_OPTION:
        if (byte == OPTION_BINARY && (t->verb == WILL || t->verb == WONT)) {
            t->binary = t->verb == WILL;
        }
        t->state = TELNET_DATA;
        return false;
    case TELNET_SUB:
        t->state = byte == IAC ? TELNET_SUB_COMMAND : TELNET_SUB;
        return false;
    case TELNET_SUB_COMMAND:
        t->state = byte == SE ? TELNET_DATA : TELNET_SUB;
        return false;
    }
    return false;
}

size_t telnet_input(struct telnet *t, uint8_t *buf, size_t n, bool *is_break)
{
    size_t left = 0;

    for (size_t i = 0; i < n; i++) {
        if (take(t, buf[i], is_break)) {
            buf[left++] = buf[i];
        }
    }
    return left;
}

/* A byte IAC goes out twice, both or none: what the host does not take fits into the queue. */
size_t telnet_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    static const uint8_t twice[2] = { IAC, IAC };
    size_t done = 0;

    while (done < n) {
        const uint8_t *iac = memchr(buf + done, IAC, n - done);
        size_t plain = iac ? (size_t)(iac - buf) - done : n - done;
        size_t went = plain ? fd_backend_write(c, buf + done, plain) : 0;

        done += went;
        if (went < plain || !iac) {
            break;
        }
        if (CHARDEV_QUEUE_MAX - c->queue->len < sizeof(twice)) {
            c->out_short = true; /* the front is told when there is room */
            break;
        }
        fd_backend_write(c, twice, sizeof(twice));
        done++;
    }
    return done;
}
