/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/alsa.c: the driver "alsa": the host's sound by ALSA's library.  Nothing waits: what the host has no room for
 * is dropped, and a stream that ran dry begins anew.
 * Thread: main loop, machine lock held.
 */
#include "audio/audio.h"
#include "config.h"
#include "util/error.h"

#if CONFIG_ALSA
#include <alsa/asoundlib.h>
#include "util/library.h"

/* clang-format off */
#define ALSA_FUNCTIONS(f)                                                                          \
    f(snd_config_update_free_global) f(snd_lib_error_set_handler) f(snd_pcm_close) f(snd_pcm_open) \
    f(snd_pcm_readi) f(snd_pcm_recover) f(snd_pcm_set_params) f(snd_pcm_start) f(snd_pcm_writei)   \
    f(snd_strerror)
/* clang-format on */
static struct {
    ALSA_FUNCTIONS(LIBRARY_POINTER)
} library;
static const char *const library_names[] = { ALSA_FUNCTIONS(LIBRARY_NAME) };
#define snd_config_update_free_global library.snd_config_update_free_global
#define snd_lib_error_set_handler     library.snd_lib_error_set_handler
#define snd_pcm_close                 library.snd_pcm_close
#define snd_pcm_open                  library.snd_pcm_open
#define snd_pcm_readi                 library.snd_pcm_readi
#define snd_pcm_recover               library.snd_pcm_recover
#define snd_pcm_set_params            library.snd_pcm_set_params
#define snd_pcm_start                 library.snd_pcm_start
#define snd_pcm_writei                library.snd_pcm_writei
#define snd_strerror                  library.snd_strerror

#define LATENCY_US 100000u

struct alsa {
    snd_pcm_t *out, *in; /* in: NULL: there is none */
    unsigned frame;      /* bytes */
};

static snd_pcm_format_t format_of(enum audio_encoding encoding)
{
    static const snd_pcm_format_t formats[AUDIO_ENCODINGS] = {
        [AUDIO_U8] = SND_PCM_FORMAT_U8,        [AUDIO_S8] = SND_PCM_FORMAT_S8,
        [AUDIO_U16] = SND_PCM_FORMAT_U16_LE,   [AUDIO_S16] = SND_PCM_FORMAT_S16_LE,
        [AUDIO_U32] = SND_PCM_FORMAT_U32_LE,   [AUDIO_S32] = SND_PCM_FORMAT_S32_LE,
        [AUDIO_F32] = SND_PCM_FORMAT_FLOAT_LE,
    };

    return formats[encoding];
}

static snd_pcm_t *open_pcm(const struct audio_options *o, snd_pcm_stream_t stream, int *result)
{
    snd_pcm_t *pcm = NULL;

    *result = snd_pcm_open(&pcm, o->device ? o->device : "default", stream, SND_PCM_NONBLOCK);
    if (*result == 0) {
        *result = snd_pcm_set_params(pcm, format_of(o->out.encoding), SND_PCM_ACCESS_RW_INTERLEAVED,
                                     o->out.channels, o->out.rate, 1, LATENCY_US);
    }
    if (*result < 0 && pcm) {
        snd_pcm_close(pcm);
    }
    return *result < 0 ? NULL : pcm;
}

static void quiet(const char *file, int line, const char *function, int err, const char *fmt, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)err;
    (void)fmt;
}

static void *driver_open(struct audio_options *o, GError **error)
{
    int result, ignored;
    snd_pcm_t *out;
    struct alsa *s;

    if (!library_load("libasound.so.2", library_names, &library, G_N_ELEMENTS(library_names),
                      error)) {
        return NULL;
    }
    snd_lib_error_set_handler(quiet); /* the message is ours */
    out = open_pcm(o, SND_PCM_STREAM_PLAYBACK, &result);
    if (!out) {
        set_error(error, "alsa: cannot open '%s': %s; out.dev= names another one",
                  o->device ? o->device : "default", snd_strerror(result));
        return NULL;
    }
    s = g_new0(struct alsa, 1);
    s->out = out;
    s->in = open_pcm(o, SND_PCM_STREAM_CAPTURE, &ignored);
    s->frame = audio_frame_bytes(&o->out);
    return s;
}

static void driver_play(void *state, const uint8_t *data, size_t bytes)
{
    struct alsa *s = state;
    snd_pcm_sframes_t n = snd_pcm_writei(s->out, data, bytes / s->frame);

    if (n < 0 && n != -EAGAIN && snd_pcm_recover(s->out, (int)n, 1) == 0) {
        snd_pcm_writei(s->out, data, bytes / s->frame);
    }
}

static size_t driver_record(void *state, uint8_t *data, size_t n)
{
    struct alsa *s = state;
    snd_pcm_sframes_t got;

    if (!s->in) {
        return 0;
    }
    got = snd_pcm_readi(s->in, data, n);
    if (got < 0 && got != -EAGAIN && snd_pcm_recover(s->in, (int)got, 1) == 0) {
        snd_pcm_start(s->in);
    }
    return got > 0 ? (size_t)got : 0;
}

static void driver_close(void *state)
{
    struct alsa *s = state;

    snd_pcm_close(s->out);
    if (s->in) {
        snd_pcm_close(s->in);
    }
    g_free(s);
    snd_config_update_free_global();
}
#else
#define driver_open   NULL
#define driver_play   NULL
#define driver_record NULL
#define driver_close  NULL
#endif

const struct audio_driver audio_alsa = {
    .name = "alsa",
    .summary = "the host's sound by ALSA",
    .available = CONFIG_ALSA,
    .advice = "install Debian's libasound2-dev, then run configure and make",
    .open = driver_open,
    .play = driver_play,
    .record = driver_record,
    .close = driver_close,
};
