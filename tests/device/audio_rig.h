/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/audio_rig.h: a sound card on the rig that plays into a WAV file, and what is in that file.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_AUDIO_RIG_H
#define TESTS_DEVICE_AUDIO_RIG_H

#include <glib/gstdio.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "audio/audio.h"
#include "tests/device/pci_rig.h"
#include "util/text.h"

struct audio_rig {
    struct rig *r;
    struct mem_region pci;
    struct device *dev;
    char *path;
};

/* What a file plays: its frames, and of the left channel frequency and level. */
struct heard {
    unsigned rate, channels, frames;
    double hz, level; /* level: the root mean square, of 32768 */
};

static inline void audio_rig_backend(struct audio_rig *f, const char *more)
{
    g_autofree char *text = NULL;
    g_autoptr(GPtrArray) pairs = NULL;
    g_autoptr(GError) error = NULL;

    f->path = g_strdup_printf("%s/rhea-audio-%d.wav", g_get_tmp_dir(), getpid());
    text = g_strdup_printf("wav,id=w,path=%s%s", f->path, more ? more : "");
    pairs = parse_options(text, "driver");
    audio_backend_add(f->r->m, pairs, &error);
    g_assert_no_error(error);
}

/* A rig with a PCI bus and a WAV file; the caller adds the card. */
static inline void audio_rig_set_up(struct audio_rig *f, const char *more)
{
    memset(f, 0, sizeof(*f));
    f->r = rig_new();
    pci_rig_host(f->r, &f->pci)->bus.lines[3] = rig_irq_sink(f->r, 20); /* INTA of slot 3 */
    audio_rig_backend(f, more);
}

/* Ends the machine, so that the file is whole. */
static inline void audio_rig_tear_down(struct audio_rig *f)
{
    rig_free(f->r);
    f->r = NULL;
}

static inline void audio_rig_forget(struct audio_rig *f)
{
    g_unlink(f->path);
    g_free(f->path);
}

/* A sine of hz at an amplitude into guest memory: frames of 16 bits, in `channels` channels. */
static inline void audio_rig_sine(struct rig *r, uint64_t addr, unsigned frames, unsigned channels,
                                  double hz, double rate, double amplitude)
{
    for (unsigned i = 0; i < frames; i++) {
        int16_t v = (int16_t)lrint(amplitude * sin(2 * G_PI * hz * i / rate));

        for (unsigned c = 0; c < channels; c++) {
            rig_store(r, addr + (i * channels + c) * 2, (uint16_t)v, 2);
        }
    }
}

static inline unsigned wav_field(const uint8_t *p, unsigned size)
{
    unsigned low = (unsigned)p[0] | (unsigned)p[1] << 8;

    return size == 2 ? low : low | (unsigned)p[2] << 16 | (unsigned)p[3] << 24;
}

/* The frequency by crossings of zero upwards, over what is not silent. */
static inline struct heard wav_hear(const char *path)
{
    g_autofree char *text = NULL;
    struct heard h = { 0 };
    unsigned crossings = 0, first = 0, last = 0;
    double squares = 0;
    int16_t before = 0;
    const uint8_t *d;
    gsize len;

    g_assert_true(g_file_get_contents(path, &text, &len, NULL));
    d = (const uint8_t *)text;
    g_assert_cmpuint(len, >=, 44);
    g_assert_cmpmem(d, 4, "RIFF", 4);
    g_assert_cmpmem(d + 8, 8, "WAVEfmt ", 8);
    g_assert_cmpuint(wav_field(d + 4, 4), ==, len - 8);
    g_assert_cmpuint(wav_field(d + 40, 4), ==, len - 44);
    g_assert_cmpuint(wav_field(d + 34, 2), ==, 16);
    h.channels = wav_field(d + 22, 2);
    h.rate = wav_field(d + 24, 4);
    h.frames = (unsigned)(len - 44) / 2 / h.channels;
    for (unsigned i = 0; i < h.frames; i++) {
        int16_t v = (int16_t)wav_field(d + 44 + (size_t)i * 2 * h.channels, 2);

        squares += (double)v * v;
        if (before < 0 && v >= 0) {
            first = crossings++ ? first : i;
            last = i;
        }
        before = v;
    }
    h.hz = crossings > 1 ? (crossings - 1) * (double)h.rate / (last - first) : 0;
    h.level = h.frames ? sqrt(squares / h.frames) : 0;
    return h;
}

#define ASSERT_NEAR(value, want, part)                                                             \
    do {                                                                                           \
        g_assert_cmpfloat((value), >=, (want) * (1 - (part)));                                     \
        g_assert_cmpfloat((value), <=, (want) * (1 + (part)));                                     \
    } while (0)

#endif
