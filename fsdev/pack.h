/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fsdev/pack.h: little-endian numbers and texts in bytes that nobody vouches for: what is cut reads as zeroes and sets
 * `bad`, what does not fit sets `full`.  Texts are 16 bits of length, then bytes, as in 9P.
 * Thread: the caller's.
 */
#ifndef FSDEV_PACK_H
#define FSDEV_PACK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct pack_in {
    uint8_t *p, *end;
    bool bad;
};
struct pack_out {
    uint8_t *p, *end;
    bool full;
};

static inline uint64_t pack_get(struct pack_in *in, unsigned size)
{
    uint64_t v = 0;

    if ((size_t)(in->end - in->p) < size) {
        in->bad = true;
        in->p = in->end;
        return 0;
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)*in->p++ << 8 * i;
    }
    return v;
}

/* Ends with NUL and has no other; it stays in the bytes, over its own length.  Never NULL. */
static inline const char *pack_get_text(struct pack_in *in)
{
    size_t n = (size_t)pack_get(in, 2);
    char *text = (char *)in->p - 1;

    if (in->bad || (size_t)(in->end - in->p) < n || memchr(in->p, 0, n)) {
        in->bad = true;
        in->p = in->end;
        return "";
    }
    memmove(text, in->p, n);
    text[n] = 0;
    in->p += n;
    return text;
}

static inline void pack_put(struct pack_out *out, uint64_t v, unsigned size)
{
    if ((size_t)(out->end - out->p) < size) {
        out->full = true;
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        *out->p++ = (uint8_t)(v >> 8 * i);
    }
}

static inline void pack_put_text(struct pack_out *out, const char *text)
{
    size_t n = strlen(text);

    pack_put(out, n, 2);
    if (out->full || n > UINT16_MAX || (size_t)(out->end - out->p) < n) {
        out->full = true;
        return;
    }
    memcpy(out->p, text, n);
    out->p += n;
}

static inline void pack_add(GByteArray *out, uint64_t v, unsigned size)
{
    uint8_t bytes[8];
    struct pack_out o = { bytes, bytes + sizeof(bytes), false };

    pack_put(&o, v, size);
    g_byte_array_append(out, bytes, size);
}

static inline void pack_add_text(GByteArray *out, const char *text)
{
    size_t n = strlen(text);

    pack_add(out, n, 2);
    g_byte_array_append(out, (const uint8_t *)text, (guint)n);
}

#endif
