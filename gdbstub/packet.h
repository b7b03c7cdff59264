/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/packet.h: packets of the remote protocol: "$data#checksum", and their numbers.
 *
 * Thread: any; no state but the reader's.
 * Source: GDB manual, appendix "Remote Protocol", "Overview".
 */
#ifndef GDBSTUB_PACKET_H
#define GDBSTUB_PACKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PACKET_MAX 0x4000 /* bytes of data, either way */

enum packet_event {
    PACKET_NOTHING,   /* more bytes are needed */
    PACKET_DONE,      /* reader->data holds one */
    PACKET_BAD,       /* its checksum is wrong, or it is too long: to be sent again */
    PACKET_ACK,       /* '+' */
    PACKET_NAK,       /* '-' */
    PACKET_INTERRUPT, /* Ctrl-C */
};

struct packet_reader {
    enum { READ_IDLE, READ_DATA, READ_ESCAPED, READ_SUM1, READ_SUM2 } state;
    char data[PACKET_MAX + 1]; /* escapes undone; ends with a NUL that does not count */
    size_t n;
    bool too_long;
    uint8_t sum;
    uint8_t given;
};

/* any_sum: the checksum is not looked at. */
enum packet_event packet_read(struct packet_reader *r, uint8_t byte, bool any_sum);
/* The packet of some data, escaped. */
void packet_append(GString *to, const char *data, size_t n);
/* Up to 16 hex digits; moves *p behind them.  False: there is none, or there are more. */
bool packet_hex(const char **p, uint64_t *v);
void packet_append_hex(GString *to, const uint8_t *bytes, size_t n);
/* Exactly n bytes of hex digits at text. */
bool packet_parse_hex(const char *text, uint8_t *bytes, size_t n);

#endif
