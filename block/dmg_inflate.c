/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/dmg_inflate.c: the compressions of DMG images.  Thread: any. */
#include <errno.h>
#include <string.h>
#include "block/dmg.h"
#include "block/mapped.h"
#include "config.h"
#if CONFIG_BZIP2
#include <bzlib.h>
#endif
#if CONFIG_LZMA
#include <lzma.h>
#endif

/*
 * Apple Data Compression: a byte of literals (0x80 + count - 1), or a match: two bytes (count 3 to 18,
 * distance 10 bits) or three (0x40 + count - 4, distance 16 bits).
 */
static int inflate_adc(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    size_t at = 0, done = 0;

    while (at < in_len && done < out_len) {
        unsigned code = in[at];
        size_t count, distance;

        if (code & 0x80) {
            count = (code & 0x7f) + 1;
            if (count > in_len - at - 1 || count > out_len - done) {
                return -EIO;
            }
            memcpy(out + done, in + at + 1, count);
            at += count + 1;
            done += count;
            continue;
        }
        if (in_len - at < (code & 0x40 ? 3 : 2)) {
            return -EIO;
        }
        count = code & 0x40 ? (code & 0x3f) + 4 : (code >> 2) + 3;
        distance = code & 0x40 ? (size_t)in[at + 1] << 8 | in[at + 2]
                               : (size_t)(code & 3) << 8 | in[at + 1];
        at += code & 0x40 ? 3 : 2;
        if (distance + 1 > done || count > out_len - done) {
            return -EIO;
        }
        for (; count > 0; count--, done++) {
            out[done] = out[done - distance - 1];
        }
    }
    return done == out_len ? 0 : -EIO;
}

static int inflate_bzip2(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
#if CONFIG_BZIP2
    unsigned filled = (unsigned)out_len;

    return BZ2_bzBuffToBuffDecompress((char *)out, &filled, (char *)in, (unsigned)in_len, 0, 0) ==
                       BZ_OK &&
                   filled == out_len
               ? 0
               : -EIO;
#else
    (void)in, (void)in_len, (void)out, (void)out_len;
    return -ENOTSUP;
#endif
}

static int inflate_lzma(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
#if CONFIG_LZMA
    uint64_t memory = 256u << 20;
    size_t in_at = 0, out_at = 0;

    return lzma_stream_buffer_decode(&memory, 0, NULL, in, &in_at, in_len, out, &out_at, out_len) ==
                       LZMA_OK &&
                   out_at == out_len
               ? 0
               : -EIO;
#else
    (void)in, (void)in_len, (void)out, (void)out_len;
    return -ENOTSUP;
#endif
}

const char *dmg_refusal(uint32_t type)
{
    switch (type) {
    case DMG_ADC:
    case DMG_ZLIB:
        return NULL;
    case DMG_BZIP2:
        return CONFIG_BZIP2 ? NULL : "bzip2 was left out of this build";
    case DMG_LZMA:
        return CONFIG_LZMA ? NULL : "lzma was left out of this build";
    case DMG_LZFSE:
        return "lzfse is not supported yet";
    default:
        return "its type is not known";
    }
}

int dmg_inflate(uint32_t type, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
    switch (type) {
    case DMG_ADC:
        return inflate_adc(in, in_len, out, out_len);
    case DMG_ZLIB:
        return mapped_inflate_zlib(in, in_len, out, out_len, false);
    case DMG_BZIP2:
        return inflate_bzip2(in, in_len, out, out_len);
    case DMG_LZMA:
        return inflate_lzma(in, in_len, out, out_len);
    default:
        return -ENOTSUP;
    }
}
