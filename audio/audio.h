/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/audio.h: sound between devices and the host.
 *
 * A device embeds a struct audio_voice for each stream, gives it a format and lets it run.  The back end asks
 * `fill` for what the virtual clock has played since the last time, or hands `take` what was recorded; the device
 * moves its DMA there and raises its interrupts.
 *
 * Invariants: fill writes at most what it is asked for; a voice is in its back end's list while it is open; the back
 *             end's timer is armed only while a voice runs.
 * Thread:     main loop, under the machine lock.
 */
#ifndef AUDIO_AUDIO_H
#define AUDIO_AUDIO_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "softmmu/clock.h"

struct machine;

#define AUDIO_RATE_MIN 1000u
#define AUDIO_RATE_MAX 384000u

enum audio_encoding {
    AUDIO_U8,
    AUDIO_S8,
    AUDIO_U16,
    AUDIO_S16,
    AUDIO_U32,
    AUDIO_S32,
    AUDIO_F32,
    AUDIO_ENCODINGS
};
/* "u8", "s8", ... as -audiodev names them. */
extern const char *const audio_encoding_names[AUDIO_ENCODINGS];

/* Little-endian samples; more channels than two are there, but not heard. */
struct audio_format {
    uint32_t rate; /* Hz */
    uint8_t channels;
    enum audio_encoding encoding;
};
unsigned audio_frame_bytes(const struct audio_format *f);

/* mix.c: two channels of 16 bits' range each. */
struct audio_frame {
    int32_t channel[2];
};
void audio_decode(const struct audio_format *f, const uint8_t *from, struct audio_frame *to,
                  size_t n);
/* Cuts what is too loud. */
void audio_encode(const struct audio_format *f, const struct audio_frame *from, uint8_t *to,
                  size_t n);

/* From one rate to another, by straight lines. */
struct audio_rate {
    uint64_t step, phase; /* frames in per frame out, with 32 bits of fraction */
    struct audio_frame last, next;
};
void audio_rate_init(struct audio_rate *r, uint32_t in, uint32_t out);
/* Frames in that the next n frames out take; and how many out n in give. */
size_t audio_rate_need(const struct audio_rate *r, size_t n);
size_t audio_rate_gives(const struct audio_rate *r, size_t n);
/* in: audio_rate_need(n) frames. */
void audio_rate_run(struct audio_rate *r, const struct audio_frame *in, struct audio_frame *out,
                    size_t n);

struct audio_backend;

struct audio_voice {
    const char *name; /* borrowed */
    void *opaque;
    /* Output: up to len bytes (whole frames); returns how many, the rest is silence. */
    size_t (*fill)(void *opaque, uint8_t *buf, size_t len);
    /* Input: whole frames. */
    void (*take)(void *opaque, const uint8_t *buf, size_t len);
    /* Private. */
    struct audio_backend *backend; /* NULL: closed */
    struct audio_format format;
    bool running;
    uint32_t volume[2]; /* 65536: as it is */
    struct audio_rate rate;
    struct audio_voice *next;
};

/* The back end of that id; NULL or empty: the first one, or silence where there is none.  NULL and *error: no such. */
struct audio_backend *audio_backend_find(struct machine *m, const char *id, GError **error);
/* Sets name, opaque and callbacks before; the voice is silent until it has a format and runs. */
void audio_voice_open(struct audio_voice *v, struct audio_backend *b);
void audio_voice_close(struct audio_voice *v);
/* Any values: a rate is brought into range, channels to one or more. */
void audio_voice_set_format(struct audio_voice *v, const struct audio_format *f);
void audio_voice_run(struct audio_voice *v, bool on);
void audio_voice_set_volume(struct audio_voice *v, uint32_t left, uint32_t right);

/* Back ends --------------------------------------------------------------------------------------- */

struct audio_options {
    const char *driver, *id;
    struct audio_format out;     /* what the driver is given */
    uint32_t period;             /* us between two looks at the clock */
    const char *path;            /* wav: the file */
    const char *device, *server; /* alsa, pa; NULL: the default */
};

struct audio_driver {
    const char *name, *summary;
    bool available;     /* built in */
    const char *advice; /* where it is not */
    /* Frames of options->out will come; it may change that.  NULL and *error. */
    void *(*open)(struct audio_options *options, GError **error);
    void (*play)(void *state, const uint8_t *data, size_t bytes); /* must not block */
    /* Optional: up to n frames of out; returns how many there are. */
    size_t (*record)(void *state, uint8_t *data, size_t n);
    void (*close)(void *state);
};
extern const struct audio_driver audio_wav, audio_alsa, audio_pulse, audio_sdl;
/* The i-th; NULL behind the last. */
const struct audio_driver *audio_driver_at(unsigned i);

/* options.c: pairs of -audiodev.  False and *error.  The texts are those of the pairs. */
bool audio_parse_options(const GPtrArray *pairs, struct audio_options *o, GError **error);
/* -audiodev DRIVER,id=ID,...; pairs as by parse_options(text, "driver"). */
bool audio_backend_add(struct machine *m, const GPtrArray *pairs, GError **error);
void audio_print_drivers(GString *out);

/* Files --------------------------------------------------------------------------------------------- */

struct wav_file;
/* A new file; frames are in its format.  NULL and *error. */
struct wav_file *wav_create(const char *path, const struct audio_format *f, GError **error);
void wav_write(struct wav_file *w, const uint8_t *data, size_t bytes);
uint64_t wav_bytes(const struct wav_file *w);
/* Puts the lengths into its header. */
void wav_close(struct wav_file *w);

/* wavcapture, stopcapture, info capture: what a back end plays, into a file. */
bool audio_capture_start(struct machine *m, const char *path, const char *id,
                         const struct audio_format *f, GError **error);
bool audio_capture_stop(struct machine *m, unsigned n, GError **error);
void audio_capture_print(struct machine *m, GString *out);

#endif
