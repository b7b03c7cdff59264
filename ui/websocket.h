/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/websocket.h: the server's side of a web socket (RFC 6455) over a byte stream: the opening handshake, frames.
 *
 * Invariant: headers of requests are bounded, payloads are passed on as they come.
 * Thread:    any; no state but the struct's.
 */
#ifndef UI_WEBSOCKET_H
#define UI_WEBSOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define WEBSOCKET_REQUEST_MAX 8192u

struct websocket {
    bool open;        /* the handshake is over */
    GByteArray *held; /* bytes that are no whole header yet */
    uint64_t left;    /* of the current frame's payload */
    uint8_t mask[4];
    unsigned mask_at;
    unsigned opcode; /* of the current frame */
};

enum websocket_result { WEBSOCKET_GOES_ON, WEBSOCKET_CLOSED, WEBSOCKET_BROKEN };

struct websocket *websocket_new(void);
void websocket_free(struct websocket *w);
/*
 * Bytes that came: payload is appended to `in`, what must be answered to `out` (the handshake's answer, pongs, the
 * closing frame, an error for a browser).
 */
enum websocket_result websocket_take(struct websocket *w, const uint8_t *data, size_t n,
                                     GByteArray *in, GByteArray *out);
/* One frame of binary data. */
void websocket_put(GByteArray *out, const uint8_t *data, size_t n);

/* The value of a header of an HTTP request, or NULL; the caller frees. */
char *http_header(const char *request, const char *name);
/* The answer to a request for a web socket, whose protocol is `protocol` if it offers that; false: it is none. */
bool websocket_accept(const char *request, const char *protocol, GByteArray *out);

#endif
