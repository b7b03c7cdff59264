/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/mix.c: samples of every encoding to a common one and back; from one rate to another.
 * Thread: any.
 */
#include <math.h>
#include <string.h>
#include "audio/audio.h"

const char *const audio_encoding_names[AUDIO_ENCODINGS] = {
    [AUDIO_U8] = "u8",   [AUDIO_S8] = "s8",   [AUDIO_U16] = "u16", [AUDIO_S16] = "s16",
    [AUDIO_U32] = "u32", [AUDIO_S32] = "s32", [AUDIO_F32] = "f32",
};
static const uint8_t sample_bytes[AUDIO_ENCODINGS] = {
    [AUDIO_U8] = 1,  [AUDIO_S8] = 1,  [AUDIO_U16] = 2, [AUDIO_S16] = 2,
    [AUDIO_U32] = 4, [AUDIO_S32] = 4, [AUDIO_F32] = 4,
};

unsigned audio_frame_bytes(const struct audio_format *f)
{
    return sample_bytes[f->encoding] * (unsigned)f->channels;
}

static int32_t decode_float(uint32_t bits)
{
    float v;

    memcpy(&v, &bits, sizeof(v));
    return isfinite(v) ? (int32_t)(CLAMP(v, -1.0f, 1.0f) * 32767.0f) : 0;
}

static int32_t decode_sample(enum audio_encoding encoding, const uint8_t *p)
{
    uint32_t v = 0;

    memcpy(&v, p, sample_bytes[encoding]);
    v = GUINT32_FROM_LE(v);
    switch (encoding) {
    case AUDIO_U8:
        return ((int32_t)v - 0x80) * 256;
    case AUDIO_S8:
        return (int8_t)v * 256;
    case AUDIO_U16:
        return (int32_t)v - 0x8000;
    case AUDIO_S16:
        return (int16_t)v;
    case AUDIO_U32:
        return (int32_t)(v >> 16) - 0x8000;
    case AUDIO_S32:
        return (int16_t)(v >> 16);
    default:
        return decode_float(v);
    }
}

void audio_decode(const struct audio_format *f, const uint8_t *from, struct audio_frame *to,
                  size_t n)
{
    unsigned bytes = audio_frame_bytes(f), second = f->channels > 1 ? sample_bytes[f->encoding] : 0;

    for (size_t i = 0; i < n; i++, from += bytes) {
        to[i].channel[0] = decode_sample(f->encoding, from);
        to[i].channel[1] = decode_sample(f->encoding, from + second);
    }
}

static uint32_t encode_sample(enum audio_encoding encoding, int32_t v)
{
    float real;
    uint32_t bits;

    v = CLAMP(v, INT16_MIN, INT16_MAX);
    switch (encoding) {
    case AUDIO_U8:
        return (uint32_t)(v + 0x8000) >> 8;
    case AUDIO_S8:
        return (uint32_t)(v >> 8);
    case AUDIO_U16:
        return (uint32_t)(v + 0x8000);
    case AUDIO_S16:
        return (uint32_t)v;
    case AUDIO_U32:
        return (uint32_t)(v + 0x8000) << 16;
    case AUDIO_S32:
        return (uint32_t)v << 16;
    default:
        real = (float)v / 32768.0f;
        memcpy(&bits, &real, sizeof(bits));
        return bits;
    }
}

void audio_encode(const struct audio_format *f, const struct audio_frame *from, uint8_t *to,
                  size_t n)
{
    unsigned size = sample_bytes[f->encoding];

    for (size_t i = 0; i < n; i++) {
        for (unsigned c = 0; c < f->channels; c++, to += size) {
            int32_t mono = (from[i].channel[0] + from[i].channel[1]) / 2;
            uint32_t v = encode_sample(f->encoding, f->channels == 1 ? mono
                                                    : c < 2          ? from[i].channel[c]
                                                                     : 0);

            v = GUINT32_TO_LE(v);
            memcpy(to, &v, size);
        }
    }
}

/* Rates --------------------------------------------------------------------------------------- */

void audio_rate_init(struct audio_rate *r, uint32_t in, uint32_t out)
{
    *r = (struct audio_rate){ .step = ((uint64_t)in << 32) / out };
}

size_t audio_rate_need(const struct audio_rate *r, size_t n)
{
    return n == 0 ? 0 : (size_t)((r->phase + (n - 1) * r->step) >> 32);
}

/* The most frames out that need no more than n in. */
size_t audio_rate_gives(const struct audio_rate *r, size_t n)
{
    uint64_t end = ((uint64_t)n + 1) << 32;

    return end > r->phase ? (size_t)((end - 1 - r->phase) / r->step + 1) : 0;
}

void audio_rate_run(struct audio_rate *r, const struct audio_frame *in, struct audio_frame *out,
                    size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while (r->phase >> 32) {
            r->last = r->next;
            r->next = *in++;
            r->phase -= 1ull << 32;
        }
        for (unsigned c = 0; c < 2; c++) {
            int64_t difference = r->next.channel[c] - r->last.channel[c];

            out[i].channel[c] =
                r->last.channel[c] + (int32_t)(difference * (int64_t)r->phase / (1ll << 32));
        }
        r->phase += r->step;
    }
}
