/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/decompress.c: gzip, xz, lzma, zstd, lz4 (the kernel's legacy frames) and bzip2, each by
 * its library, behind one table.  Every output is bounded by the caller's maximum.
 * Thread: any.
 */
#include "hw/i386/decompress.h"
#include <string.h>
#include <zlib.h>
#include "config.h"
#include "util/error.h"
#if CONFIG_LZMA
#include <lzma.h>
#endif
#if CONFIG_ZSTD
#include <zstd.h>
#endif
#if CONFIG_LZ4
#include <lz4.h>
#endif
#if CONFIG_BZIP2
#include <bzlib.h>
#endif

#define CHUNK (1u << 20)

/* Room for more output, at most max in all; NULL when that is reached. */
static uint8_t *grow(GByteArray *out, size_t max, size_t *room)
{
    size_t old = out->len;

    *room = MIN(CHUNK, max - old);
    if (!*room) {
        return NULL;
    }
    g_byte_array_set_size(out, (guint)(old + *room));
    return out->data + old;
}

static bool unpack_gzip(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    z_stream z = { .next_in = (Bytef *)data, .avail_in = (uInt)len };
    int r;

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        return false;
    }
    do {
        size_t room;

        z.next_out = grow(out, max, &room);
        if (!z.next_out) {
            r = Z_BUF_ERROR;
            break;
        }
        z.avail_out = (uInt)room;
        r = inflate(&z, Z_NO_FLUSH);
        g_byte_array_set_size(out, out->len - z.avail_out);
    } while (r == Z_OK);
    inflateEnd(&z);
    return r == Z_STREAM_END;
}

#if CONFIG_LZMA
static bool unpack_lzma_stream(lzma_stream *s, const uint8_t *data, size_t len, size_t max,
                               GByteArray *out)
{
    lzma_ret r;

    s->next_in = data;
    s->avail_in = len;
    do {
        size_t room;

        s->next_out = grow(out, max, &room);
        if (!s->next_out) {
            r = LZMA_BUF_ERROR;
            break;
        }
        s->avail_out = room;
        r = lzma_code(s, LZMA_RUN);
        g_byte_array_set_size(out, out->len - (guint)s->avail_out);
    } while (r == LZMA_OK);
    lzma_end(s);
    return r == LZMA_STREAM_END;
}

static bool unpack_xz(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    lzma_stream s = LZMA_STREAM_INIT;

    return lzma_stream_decoder(&s, UINT64_MAX, 0) == LZMA_OK &&
           unpack_lzma_stream(&s, data, len, max, out);
}

static bool unpack_lzma(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    lzma_stream s = LZMA_STREAM_INIT;

    return lzma_alone_decoder(&s, UINT64_MAX) == LZMA_OK &&
           unpack_lzma_stream(&s, data, len, max, out);
}
#else
#define unpack_xz   NULL
#define unpack_lzma NULL
#endif

#if CONFIG_ZSTD
static bool unpack_zstd(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer in = { data, len, 0 };
    size_t r = 1;

    /* The kernel's frames use windows larger than the library's default allows. */
    ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, 31);
    do {
        size_t room;
        ZSTD_outBuffer o = { grow(out, max, &room), 0, 0 };

        if (!o.dst) {
            break;
        }
        o.size = room;
        r = ZSTD_decompressStream(z, &o, &in);
        g_byte_array_set_size(out, out->len - (guint)(room - o.pos));
        if (r && !ZSTD_isError(r) && in.pos == in.size && o.pos == 0) {
            break; /* cut */
        }
    } while (r && !ZSTD_isError(r));
    ZSTD_freeDStream(z);
    return r == 0;
}
#else
#define unpack_zstd NULL
#endif

#if CONFIG_LZ4
/* Legacy frames: a magic, then blocks with a 32-bit length before each, 8 MiB unpacked at most. */
static bool unpack_lz4(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    const size_t block = 8u << 20;
    size_t pos = 4;

    while (pos + 4 <= len) {
        uint32_t n =
            data[pos] | data[pos + 1] << 8 | data[pos + 2] << 16 | (uint32_t)data[pos + 3] << 24;
        size_t old = out->len, room = MIN(block, max - old);
        int got;

        if (n == 0 || n > len - pos - 4) {
            /* What follows the last block is the length that the build appends. */
            return old > 0 && len - pos <= 4;
        }
        g_byte_array_set_size(out, (guint)(old + room));
        got = LZ4_decompress_safe((const char *)data + pos + 4, (char *)out->data + old, (int)n,
                                  (int)room);
        g_byte_array_set_size(out, (guint)(old + MAX(got, 0)));
        if (got < 0) {
            return false;
        }
        pos += 4 + n;
    }
    return out->len > 0;
}
#else
#define unpack_lz4 NULL
#endif

#if CONFIG_BZIP2
static bool unpack_bzip2(const uint8_t *data, size_t len, size_t max, GByteArray *out)
{
    bz_stream z = { .next_in = (char *)data, .avail_in = (unsigned)len };
    int r;

    if (BZ2_bzDecompressInit(&z, 0, 0) != BZ_OK) {
        return false;
    }
    do {
        size_t room;

        z.next_out = (char *)grow(out, max, &room);
        if (!z.next_out) {
            r = BZ_OUTBUFF_FULL;
            break;
        }
        z.avail_out = (unsigned)room;
        r = BZ2_bzDecompress(&z);
        g_byte_array_set_size(out, out->len - z.avail_out);
        if (r == BZ_OK && z.avail_in == 0 && z.avail_out) {
            r = BZ_UNEXPECTED_EOF;
        }
    } while (r == BZ_OK);
    BZ2_bzDecompressEnd(&z);
    return r == BZ_STREAM_END;
}
#else
#define unpack_bzip2 NULL
#endif

/* clang-format off */
static const struct format {
    const char *name;
    uint8_t magic[6];
    uint8_t magic_len;
    bool (*unpack)(const uint8_t *data, size_t len, size_t max, GByteArray *out);
} formats[] = {
    { "gzip",  { 0x1f, 0x8b },                         2, unpack_gzip  },
    { "xz",    { 0xfd, '7', 'z', 'X', 'Z', 0 },        6, unpack_xz    },
    { "zstd",  { 0x28, 0xb5, 0x2f, 0xfd },             4, unpack_zstd  },
    { "lz4",   { 0x02, 0x21, 0x4c, 0x18 },             4, unpack_lz4   },
    { "lzma",  { 0x5d, 0x00, 0x00 },                   3, unpack_lzma  },
    { "bzip2", { 'B', 'Z', 'h' },                      3, unpack_bzip2 },
    { "lzo",   { 0x89, 'L', 'Z', 'O' },                4, NULL         },
};
/* clang-format on */

static const struct format *find_format(const uint8_t *data, size_t len)
{
    for (size_t k = 0; k < G_N_ELEMENTS(formats); k++) {
        if (len >= formats[k].magic_len && !memcmp(data, formats[k].magic, formats[k].magic_len)) {
            return &formats[k];
        }
    }
    return NULL;
}

const char *compression_name(const uint8_t *data, size_t len)
{
    const struct format *f = find_format(data, len);

    return f ? f->name : NULL;
}

bool compression_supported(const uint8_t *data, size_t len)
{
    const struct format *f = find_format(data, len);

    return f && f->unpack;
}

GByteArray *decompress(const uint8_t *data, size_t len, size_t max, GError **error)
{
    const struct format *f = find_format(data, len);
    g_autoptr(GByteArray) out = g_byte_array_new();

    if (!f || !f->unpack) {
        set_error(error, "%s data cannot be unpacked by this build", f ? f->name : "unknown");
        return NULL;
    }
    if (!f->unpack(data, len, MIN(max, G_MAXINT32), out)) {
        set_error(error, "%s data is damaged, cut or larger than %zu bytes", f->name, max);
        return NULL;
    }
    return g_steal_pointer(&out);
}
