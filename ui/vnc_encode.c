/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_encode.c: rectangles as a client wants them: raw, Hextile, ZRLE, Tight (RFC 6143, 7.7; rfbproto, "Tight
 * Encoding").  All are without loss.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "ui/vnc_server.h"

#define PALETTE_MAX 16u
#define HEXTILE     16u
#define ZRLE_TILE   64u
#define TIGHT_PLAIN 12u /* fewer bytes are not compressed */

enum { HEXTILE_RAW = 1, HEXTILE_BACKGROUND = 2 };
enum { TIGHT_FILL = 0x80, TIGHT_FILTER = 0x40, TIGHT_PALETTE = 1 };
/* Of c->streams. */
enum { STREAM_ZRLE, STREAM_TIGHT };

/* Pixels ---------------------------------------------------------------------------------------- */

static bool is_max(unsigned max)
{
    return max && (max & (max + 1)) == 0;
}

bool vnc_set_pixels(struct vnc_pixels *p, const uint8_t f[16])
{
    unsigned bits = f[0], max[3], shift[3] = { f[10], f[11], f[12] };
    uint32_t *const tables[3] = { p->red, p->green, p->blue };
    uint32_t all = 0;

    if (bits != 8 && bits != 16 && bits != 32) {
        return false;
    }
    for (unsigned k = 0; k < 3; k++) {
        max[k] = (unsigned)f[4 + 2 * k] << 8 | f[5 + 2 * k];
        if (!is_max(max[k]) || shift[k] >= bits || ((uint64_t)max[k] << shift[k]) >> bits) {
            return false;
        }
        for (unsigned i = 0; i < 256; i++) {
            tables[k][i] = (i * max[k] + 127) / 255 << shift[k];
        }
        all |= max[k] << shift[k];
    }
    p->bytes = bits / 8;
    p->big = f[2] != 0;
    /* RFC 6143, 7.7.5: a CPIXEL lacks the byte that says nothing. */
    p->compact = bits == 32 && f[1] <= 24 && (!(all & 0xff000000) || !(all & 0xff));
    p->compact_from = (all & 0xff000000) != 0;
    if (p->big) {
        p->compact_from = !p->compact_from;
    }
    p->plain = bits == 32 && f[1] == 24 && max[0] == 255 && max[1] == 255 && max[2] == 255;
    return true;
}

void vnc_put_pixel(const struct vnc_pixels *p, uint32_t rgb, uint8_t *out)
{
    uint32_t v = p->red[rgb >> 16 & 255] | p->green[rgb >> 8 & 255] | p->blue[rgb & 255];

    for (unsigned i = 0; i < p->bytes; i++) {
        out[i] = (uint8_t)(v >> (p->big ? 8 * (p->bytes - 1 - i) : 8 * i));
    }
}

enum pixel_kind { PIXEL_FULL, PIXEL_COMPACT, PIXEL_TIGHT };

static unsigned pixel_size(const struct vnc_pixels *p, enum pixel_kind kind)
{
    return (kind == PIXEL_COMPACT && p->compact) || (kind == PIXEL_TIGHT && p->plain) ? 3
                                                                                      : p->bytes;
}

static void append_pixels(GByteArray *to, const struct vnc_pixels *p, enum pixel_kind kind,
                          const uint32_t *from, size_t n)
{
    unsigned size = pixel_size(p, kind);
    guint at = to->len;
    uint8_t *out, buf[4];

    g_byte_array_set_size(to, at + (guint)(n * size));
    out = to->data + at;
    for (size_t i = 0; i < n; i++, out += size) {
        if (kind == PIXEL_TIGHT && p->plain) {
            out[0] = (uint8_t)(from[i] >> 16);
            out[1] = (uint8_t)(from[i] >> 8);
            out[2] = (uint8_t)from[i];
        } else if (kind == PIXEL_COMPACT && p->compact) {
            vnc_put_pixel(p, from[i], buf);
            memcpy(out, buf + p->compact_from, 3);
        } else {
            vnc_put_pixel(p, from[i], out);
        }
    }
}

/* A part of a rectangle with rows of `stride` pixels. */
struct part {
    const uint32_t *pixels;
    unsigned stride, width, height;
};

static void append_part(GByteArray *to, const struct vnc_pixels *p, enum pixel_kind kind,
                        const struct part *t)
{
    for (unsigned y = 0; y < t->height; y++) {
        append_pixels(to, p, kind, t->pixels + (size_t)y * t->stride, t->width);
    }
}

/* The colours of a part in the order of their coming; more than `most`: most + 1. */
static unsigned find_colours(const struct part *t, uint32_t colours[PALETTE_MAX], unsigned most)
{
    uint32_t last = ~t->pixels[0];
    unsigned n = 0;

    for (unsigned y = 0; y < t->height; y++) {
        const uint32_t *row = t->pixels + (size_t)y * t->stride;

        for (unsigned x = 0; x < t->width; x++) {
            unsigned i = 0;

            if (row[x] == last) {
                continue;
            }
            last = row[x];
            while (i < n && colours[i] != last) {
                i++;
            }
            if (i < n) {
                continue;
            }
            if (n == most) {
                return most + 1;
            }
            colours[n++] = last;
        }
    }
    return n;
}

static unsigned colour_index(const uint32_t *colours, uint32_t pixel)
{
    unsigned i = 0;

    while (colours[i] != pixel) {
        i++;
    }
    return i;
}

/* Each pixel as its colour's index of `bits` bits, rows begin with a byte. */
static void append_indices(GByteArray *to, const struct part *t, const uint32_t *colours,
                           unsigned bits)
{
    for (unsigned y = 0; y < t->height; y++) {
        const uint32_t *row = t->pixels + (size_t)y * t->stride;
        unsigned have = 0;
        uint8_t byte = 0;

        for (unsigned x = 0; x < t->width; x++) {
            byte |= (uint8_t)(colour_index(colours, row[x]) << (8 - bits - have));
            have += bits;
            if (have == 8 || x + 1 == t->width) {
                g_byte_array_append(to, &byte, 1);
                have = byte = 0;
            }
        }
    }
}

static struct part tile_of(const uint32_t *pixels, unsigned width, unsigned height, unsigned x,
                           unsigned y, unsigned size)
{
    return (struct part){ pixels + (size_t)y * width + x, width, MIN(size, width - x),
                          MIN(size, height - y) };
}

/* zlib ------------------------------------------------------------------------------------------ */

/* What is in c->packed, compressed and appended to `to`; a stream goes on over the whole connection. */
static void deflate_packed(struct vnc_client *c, unsigned stream, GByteArray *to)
{
    z_stream *z = &c->streams[stream];
    guint at = to->len;

    if (!c->stream_open[stream]) {
        memset(z, 0, sizeof(*z));
        if (deflateInit(z, c->level) != Z_OK) {
            vnc_client_end(c);
            return;
        }
        c->stream_open[stream] = true;
    }
    z->next_in = c->packed->data;
    z->avail_in = c->packed->len;
    do {
        g_byte_array_set_size(to, at + (guint)deflateBound(z, z->avail_in) + 64);
        z->next_out = to->data + at;
        z->avail_out = to->len - at;
        deflate(z, Z_SYNC_FLUSH);
        at = to->len - z->avail_out;
    } while (z->avail_out == 0);
    g_byte_array_set_size(to, at);
    g_byte_array_set_size(c->packed, 0);
}

void vnc_encode_clear(struct vnc_client *c)
{
    for (unsigned i = 0; i < VNC_STREAMS; i++) {
        if (c->stream_open[i]) {
            deflateEnd(&c->streams[i]);
        }
    }
}

/* Encodings ------------------------------------------------------------------------------------- */

static void encode_raw(struct vnc_client *c, const uint32_t *pixels, unsigned width,
                       unsigned height)
{
    append_pixels(c->out, &c->pixels, PIXEL_FULL, pixels, (size_t)width * height);
}

/* Tiles of one colour, and others as they are. */
static void encode_hextile(struct vnc_client *c, const uint32_t *pixels, unsigned width,
                           unsigned height)
{
    uint32_t colours[PALETTE_MAX];

    for (unsigned y = 0; y < height; y += HEXTILE) {
        for (unsigned x = 0; x < width; x += HEXTILE) {
            struct part t = tile_of(pixels, width, height, x, y, HEXTILE);

            if (find_colours(&t, colours, 1) == 1) {
                vnc_put8(c, HEXTILE_BACKGROUND);
                append_pixels(c->out, &c->pixels, PIXEL_FULL, colours, 1);
            } else {
                vnc_put8(c, HEXTILE_RAW);
                append_part(c->out, &c->pixels, PIXEL_FULL, &t);
            }
        }
    }
}

/* One colour, a palette of up to 16, or as it is. */
static void pack_zrle_tile(struct vnc_client *c, const struct part *t)
{
    uint32_t colours[PALETTE_MAX];
    unsigned n = find_colours(t, colours, PALETTE_MAX);
    uint8_t kind = n <= PALETTE_MAX ? (uint8_t)n : 0;

    g_byte_array_append(c->packed, &kind, 1);
    if (!kind) {
        append_part(c->packed, &c->pixels, PIXEL_COMPACT, t);
        return;
    }
    append_pixels(c->packed, &c->pixels, PIXEL_COMPACT, colours, n);
    if (n > 1) {
        append_indices(c->packed, t, colours, n == 2 ? 1 : n <= 4 ? 2 : 4);
    }
}

static void encode_zrle(struct vnc_client *c, const uint32_t *pixels, unsigned width,
                        unsigned height)
{
    guint at;
    uint32_t n;

    for (unsigned y = 0; y < height; y += ZRLE_TILE) {
        for (unsigned x = 0; x < width; x += ZRLE_TILE) {
            struct part t = tile_of(pixels, width, height, x, y, ZRLE_TILE);

            pack_zrle_tile(c, &t);
        }
    }
    at = c->out->len;
    vnc_put32(c, 0);
    deflate_packed(c, STREAM_ZRLE, c->out);
    if (!c->ending) {
        n = GUINT32_TO_BE(c->out->len - at - 4);
        memcpy(c->out->data + at, &n, 4);
    }
}

/* A length of 1 to 3 bytes, 7 bits in each but the last. */
static void put_compact_length(GByteArray *out, size_t n)
{
    uint8_t bytes[3] = { n & 127, n >> 7 & 127, (n >> 14) & 255 };
    unsigned len = n < 128 ? 1 : n < 16384 ? 2 : 3;

    for (unsigned i = 0; i + 1 < len; i++) {
        bytes[i] |= 128;
    }
    g_byte_array_append(out, bytes, len);
}

/* c->packed, after the filter: compressed, unless it is short. */
static void put_tight_data(struct vnc_client *c, unsigned stream)
{
    g_autoptr(GByteArray) data = g_byte_array_new();

    if (c->packed->len < TIGHT_PLAIN) {
        g_byte_array_append(c->out, c->packed->data, c->packed->len);
        g_byte_array_set_size(c->packed, 0);
        return;
    }
    deflate_packed(c, STREAM_TIGHT + stream, data);
    put_compact_length(c->out, data->len);
    g_byte_array_append(c->out, data->data, data->len);
}

/* Streams: 0 pixels, 1 two colours, 2 palettes. */
static void encode_tight(struct vnc_client *c, const uint32_t *pixels, unsigned width,
                         unsigned height)
{
    struct part all = { pixels, width, width, height };
    uint32_t colours[PALETTE_MAX];
    unsigned n = find_colours(&all, colours, PALETTE_MAX), stream;

    if (n == 1) {
        vnc_put8(c, TIGHT_FILL);
        append_pixels(c->out, &c->pixels, PIXEL_TIGHT, colours, 1);
        return;
    }
    stream = n == 2 ? 1 : n <= PALETTE_MAX ? 2 : 0;
    vnc_put8(c, stream << 4 | (stream ? TIGHT_FILTER : 0));
    if (stream) {
        vnc_put8(c, TIGHT_PALETTE);
        vnc_put8(c, n - 1);
        append_pixels(c->out, &c->pixels, PIXEL_TIGHT, colours, n);
        append_indices(c->packed, &all, colours, n == 2 ? 1 : 8);
    } else {
        append_part(c->packed, &c->pixels, PIXEL_TIGHT, &all);
    }
    put_tight_data(c, stream);
}

/* rfbproto, "Cursor With Alpha": raw, 4 bytes a pixel, multiplied with alpha; RFC 6143, 7.8.1: pixels and a mask. */
void vnc_put_cursor(struct vnc_client *c, const struct display_cursor *p)
{
    unsigned n = p ? p->width * p->height : 0;
    g_autofree uint8_t *mask = NULL;
    unsigned stride;

    if (c->cursor == VNC_CURSOR_ALPHA) {
        vnc_put32(c, VNC_RAW);
        for (unsigned i = 0; i < n; i++) {
            vnc_put32(c, p->pixels[i] << 8 | p->pixels[i] >> 24); /* red first, alpha last */
        }
        return;
    }
    if (n == 0) {
        return;
    }
    stride = (p->width + 7) / 8;
    mask = g_malloc0((size_t)stride * p->height);
    for (unsigned i = 0; i < n; i++) {
        unsigned alpha = p->pixels[i] >> 24, x = i % p->width;
        uint32_t plain = 0;

        for (unsigned shift = 0; alpha && shift < 24; shift += 8) {
            plain |= MIN((p->pixels[i] >> shift & 255) * 255 / alpha, 255u) << shift;
        }
        append_pixels(c->out, &c->pixels, PIXEL_FULL, &plain, 1);
        if (alpha >= 128) {
            mask[(size_t)(i / p->width) * stride + x / 8] |= (uint8_t)(0x80 >> (x & 7));
        }
    }
    vnc_put(c, mask, (size_t)stride * p->height);
}

static const struct {
    int encoding;
    void (*encode)(struct vnc_client *c, const uint32_t *pixels, unsigned width, unsigned height);
} encoders[] = {
    { VNC_RAW, encode_raw },
    { VNC_HEXTILE, encode_hextile },
    { VNC_TIGHT, encode_tight },
    { VNC_ZRLE, encode_zrle },
};

bool vnc_encodes(int encoding)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(encoders); i++) {
        if (encoders[i].encoding == encoding) {
            return true;
        }
    }
    return false;
}

void vnc_encode(struct vnc_client *c, const uint32_t *pixels, unsigned width, unsigned height)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(encoders); i++) {
        if (encoders[i].encoding == c->encoding) {
            encoders[i].encode(c, pixels, width, height);
            return;
        }
    }
}
