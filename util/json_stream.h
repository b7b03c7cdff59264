/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/json_stream.h: bytes as they arrive, cut into JSON values.  Knows where a value ends, not what it says.
 *
 * Thread: the caller's.
 */
#ifndef UTIL_JSON_STREAM_H
#define UTIL_JSON_STREAM_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A value as text; NULL: the bytes since the last one are none, `problem` says why. */
typedef void json_stream_fn(void *opaque, const char *text, size_t len, const char *problem);

struct json_stream {
    json_stream_fn *value;
    void *opaque;
    size_t max_bytes;   /* of one value */
    unsigned max_depth; /* of arrays and objects in it */
    /* Its own: */
    GString *text;
    unsigned depth;
    char quote;   /* of the string that we are in, or 0 */
    bool escaped; /* the last byte was a backslash in it */
};

/* Fills what is its own; the caller has set the first four. */
void json_stream_init(struct json_stream *s);
void json_stream_clear(struct json_stream *s);
/* Forgets an unfinished value. */
void json_stream_reset(struct json_stream *s);
/*
 * Calls `value` for each value that is complete.  'strings' become "strings".  A control character within a
 * value, 0xff or a value that is too large or too deep is a problem, after which a new value begins.
 */
void json_stream_feed(struct json_stream *s, const uint8_t *buf, size_t n);

#endif
