/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/pulse.c: the driver "pa": a PulseAudio or PipeWire server, by the library's simple calls, which wait for the
 * server: a thread makes them.  What it has no room for is dropped.
 *
 * Invariant: ring.have <= RING, of bytes from ring.first on, around its end.
 * Thread:    main loop, and a thread of its own; the ring under its mutex.
 */
#include <string.h>
#include "audio/audio.h"
#include "config.h"
#include "util/error.h"

#if CONFIG_PULSE
#include <pulse/error.h>
#include <pulse/simple.h>
#include "util/library.h"

/* clang-format off */
#define PULSE_FUNCTIONS(f) f(pa_simple_free) f(pa_simple_new) f(pa_simple_write) f(pa_strerror)
/* clang-format on */
static struct {
    PULSE_FUNCTIONS(LIBRARY_POINTER)
} library;
static const char *const library_names[] = { PULSE_FUNCTIONS(LIBRARY_NAME) };
#define pa_simple_free  library.pa_simple_free
#define pa_simple_new   library.pa_simple_new
#define pa_simple_write library.pa_simple_write
#define pa_strerror     library.pa_strerror

#define RING  (64u << 10)
#define PIECE 2048u

struct pulse {
    pa_simple *out;
    GThread *thread;
    GMutex mutex;
    GCond more;
    bool ended;
    size_t first, have;
    unsigned frame; /* bytes */
    uint8_t ring[RING];
};

static pa_sample_format_t format_of(enum audio_encoding encoding)
{
    switch (encoding) {
    case AUDIO_U8:
        return PA_SAMPLE_U8;
    case AUDIO_S16:
        return PA_SAMPLE_S16LE;
    case AUDIO_S32:
        return PA_SAMPLE_S32LE;
    case AUDIO_F32:
        return PA_SAMPLE_FLOAT32LE;
    default:
        return PA_SAMPLE_INVALID;
    }
}

static size_t take(struct pulse *s, uint8_t *piece)
{
    size_t n = MIN(MIN(s->have, PIECE), RING - s->first);

    memcpy(piece, s->ring + s->first, n);
    s->first = (s->first + n) % RING;
    s->have -= n;
    return n;
}

static void *write_out(void *opaque)
{
    struct pulse *s = opaque;
    uint8_t piece[PIECE];
    size_t n;

    g_mutex_lock(&s->mutex);
    while (!s->ended) {
        if (!s->have) {
            g_cond_wait(&s->more, &s->mutex);
            continue;
        }
        n = take(s, piece);
        g_mutex_unlock(&s->mutex);
        pa_simple_write(s->out, piece, n, NULL); /* a server that has gone takes no more */
        g_mutex_lock(&s->mutex);
    }
    g_mutex_unlock(&s->mutex);
    return NULL;
}

static void *driver_open(struct audio_options *o, GError **error)
{
    const pa_sample_spec spec = { format_of(o->out.encoding), o->out.rate, o->out.channels };
    pa_simple *out;
    struct pulse *s;
    int code = 0;

    if (spec.format == PA_SAMPLE_INVALID) {
        set_error(error, "pa: out.format is %s, must be u8, s16, s32 or f32",
                  audio_encoding_names[o->out.encoding]);
        return NULL;
    }
    if (!library_load("libpulse-simple.so.0", library_names, &library, G_N_ELEMENTS(library_names),
                      error)) {
        return NULL;
    }
    out = pa_simple_new(o->server, "rhea", PA_STREAM_PLAYBACK, o->device, o->id, &spec, NULL, NULL,
                        &code);
    if (!out) {
        set_error(error, "pa: cannot connect to %s: %s", o->server ? o->server : "the sound server",
                  pa_strerror(code));
        return NULL;
    }
    s = g_new0(struct pulse, 1);
    s->out = out;
    s->frame = audio_frame_bytes(&o->out);
    g_mutex_init(&s->mutex);
    g_cond_init(&s->more);
    s->thread = g_thread_new("pulse", write_out, s);
    return s;
}

static void driver_play(void *state, const uint8_t *data, size_t bytes)
{
    struct pulse *s = state;

    g_mutex_lock(&s->mutex);
    bytes = MIN(bytes, RING - s->have);
    bytes -= bytes % s->frame;
    for (size_t done = 0, n; done < bytes; done += n) {
        size_t at = (s->first + s->have) % RING;

        n = MIN(bytes - done, RING - at);
        memcpy(s->ring + at, data + done, n);
        s->have += n;
    }
    g_cond_signal(&s->more);
    g_mutex_unlock(&s->mutex);
}

static void driver_close(void *state)
{
    struct pulse *s = state;

    g_mutex_lock(&s->mutex);
    s->ended = true;
    g_cond_signal(&s->more);
    g_mutex_unlock(&s->mutex);
    g_thread_join(s->thread);
    pa_simple_free(s->out);
    g_mutex_clear(&s->mutex);
    g_cond_clear(&s->more);
    g_free(s);
}
#else
#define driver_open  NULL
#define driver_play  NULL
#define driver_close NULL
#endif

const struct audio_driver audio_pulse = {
    .name = "pa",
    .summary = "a PulseAudio or PipeWire server",
    .available = CONFIG_PULSE,
    .advice = "install Debian's libpulse-dev, then run configure and make",
    .open = driver_open,
    .play = driver_play,
    .close = driver_close,
};
