/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/wav.c: WAV files (RIFF, "WAVEFORMATEX"), and the driver that plays into one.
 * A file's lengths are put right when it is closed; one of an unfinished program says 0 and plays nevertheless.
 * Thread: main loop, machine lock held.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "audio/audio.h"
#include "util/error.h"
#include "util/log.h"

#define HEADER   44u
#define DATA_MAX (UINT32_MAX - HEADER) /* a file has no more */

enum { FORMAT_INTEGER = 1, FORMAT_FLOAT = 3 };

struct wav_file {
    FILE *file;
    uint64_t bytes;
};

static void put(uint8_t *to, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i] = (uint8_t)(v >> 8 * i);
    }
}

struct wav_file *wav_create(const char *path, const struct audio_format *f, GError **error)
{
    unsigned frame = audio_frame_bytes(f);
    uint8_t head[HEADER] = "RIFF\0\0\0\0WAVEfmt \20\0\0";
    struct wav_file *w;
    FILE *file;

    if (f->encoding == AUDIO_S8 || f->encoding == AUDIO_U16 || f->encoding == AUDIO_U32) {
        set_error(error, "a WAV file cannot have samples of format %s; use u8, s16, s32 or f32",
                  audio_encoding_names[f->encoding]);
        return NULL;
    }
    file = fopen(path, "wbe");
    if (!file) {
        set_error(error, "cannot open '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    put(head + 20, f->encoding == AUDIO_F32 ? FORMAT_FLOAT : FORMAT_INTEGER, 2);
    put(head + 22, f->channels, 2);
    put(head + 24, f->rate, 4);
    put(head + 28, f->rate * frame, 4);
    put(head + 32, frame, 2);
    put(head + 34, frame / f->channels * 8, 2);
    memcpy(head + 36, "data", 4);
    if (fwrite(head, HEADER, 1, file) != 1) {
        set_error(error, "cannot write '%s': %s", path, g_strerror(errno));
        fclose(file);
        return NULL;
    }
    w = g_new0(struct wav_file, 1);
    w->file = file;
    return w;
}

void wav_write(struct wav_file *w, const uint8_t *data, size_t bytes)
{
    if (bytes <= DATA_MAX - w->bytes) {
        w->bytes += fwrite(data, 1, bytes, w->file);
    }
}

uint64_t wav_bytes(const struct wav_file *w)
{
    return w->bytes;
}

void wav_close(struct wav_file *w)
{
    uint8_t size[4];

    put(size, (uint32_t)(w->bytes + HEADER - 8), 4);
    if (fseek(w->file, 4, SEEK_SET) == 0 && fwrite(size, 4, 1, w->file) == 1) {
        put(size, (uint32_t)w->bytes, 4);
        if (fseek(w->file, 40, SEEK_SET) != 0 || fwrite(size, 4, 1, w->file) != 1) {
            report_warning("a WAV file's length cannot be written: %s", g_strerror(errno));
        }
    }
    fclose(w->file);
    g_free(w);
}

/* The driver ---------------------------------------------------------------------------------- */

static void *driver_open(struct audio_options *o, GError **error)
{
    return wav_create(o->path ? o->path : "qemu.wav", &o->out, error);
}

static void driver_play(void *state, const uint8_t *data, size_t bytes)
{
    wav_write(state, data, bytes);
}

static void driver_close(void *state)
{
    wav_close(state);
}

const struct audio_driver audio_wav = {
    .name = "wav",
    .summary = "into a WAV file",
    .available = true,
    .open = driver_open,
    .play = driver_play,
    .close = driver_close,
};
