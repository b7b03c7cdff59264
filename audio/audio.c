/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audio/audio.c: back ends, the streams that play through them, and the timer that asks for samples.
 * Invariants and thread: audio.h.
 */
#include "audio/audio.h"

#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"

#define CHUNK     512u             /* frames that are mixed at once */
#define CATCH_UP  (NS_PER_SEC / 2) /* what is older is not played */
#define FRAME_MAX 1024u            /* bytes of 255 channels of 4 bytes */

struct audio_capture {
    struct wav_file *file;
    char *path;
    struct audio_format format;
    struct audio_rate rate;
    struct audio_backend *backend;
};

struct audio_backend {
    struct machine *machine;
    char *id;
    const struct audio_driver *driver; /* NULL: "none" */
    void *state;
    struct audio_format out;
    uint32_t period; /* us */
    struct timer timer;
    int64_t start; /* virtual ns of frame 0 */
    uint64_t done; /* frames since then */
    struct audio_voice *voices;
    GPtrArray *captures;        /* struct audio_capture *; NULL: stopped */
    struct audio_backend *next; /* machine->audio */
};

static const struct audio_driver none = { .name = "none",
                                          .summary = "no sound: played into nothing",
                                          .available = true };
static const struct audio_driver *const drivers[] = { &none, &audio_alsa, &audio_pulse, &audio_sdl,
                                                      &audio_wav };

const struct audio_driver *audio_driver_at(unsigned i)
{
    return i < G_N_ELEMENTS(drivers) ? drivers[i] : NULL;
}

/* Playing and recording ------------------------------------------------------------------------ */

/* n frames of a stream, added to the mixture. */
static void mix_voice(struct audio_voice *v, struct audio_frame *mixture, size_t n)
{
    size_t need = audio_rate_need(&v->rate, n), bytes = audio_frame_bytes(&v->format);
    g_autofree uint8_t *raw = g_malloc0(need * bytes + 1);
    g_autofree struct audio_frame *in = g_new0(struct audio_frame, need + 1);
    struct audio_frame out[CHUNK];
    size_t got = need ? v->fill(v->opaque, raw, need * bytes) : 0;

    audio_decode(&v->format, raw, in, MIN(got, need * bytes) / bytes);
    audio_rate_run(&v->rate, in, out, n);
    for (size_t i = 0; i < n; i++) {
        for (unsigned c = 0; c < 2; c++) {
            mixture[i].channel[c] += (int32_t)((int64_t)out[i].channel[c] * v->volume[c] / 65536);
        }
    }
}

static void capture(struct audio_capture *c, const struct audio_frame *mixture, size_t n)
{
    size_t gives = audio_rate_gives(&c->rate, n);
    g_autofree struct audio_frame *out = g_new0(struct audio_frame, gives + 1);
    g_autofree uint8_t *raw = g_malloc(gives * audio_frame_bytes(&c->format) + 1);
    size_t need = audio_rate_need(&c->rate, gives);

    /* What this many frames leave over belongs to the next call. */
    audio_rate_run(&c->rate, mixture, out, gives);
    for (size_t i = need; i < n; i++) {
        c->rate.last = c->rate.next;
        c->rate.next = mixture[i];
        c->rate.phase -= 1ull << 32;
    }
    audio_encode(&c->format, out, raw, gives);
    wav_write(c->file, raw, gives * audio_frame_bytes(&c->format));
}

static void play(struct audio_backend *b, size_t n)
{
    struct audio_frame mixture[CHUNK] = { 0 };
    uint8_t raw[CHUNK * 8];

    for (struct audio_voice *v = b->voices, *next; v; v = next) {
        next = v->next; /* it may stop, or be closed */
        if (v->running && v->fill) {
            mix_voice(v, mixture, n);
        }
    }
    for (unsigned i = 0; i < b->captures->len; i++) {
        if (g_ptr_array_index(b->captures, i)) {
            capture(g_ptr_array_index(b->captures, i), mixture, n);
        }
    }
    if (b->driver->play) {
        audio_encode(&b->out, mixture, raw, n);
        b->driver->play(b->state, raw, n * audio_frame_bytes(&b->out));
    }
}

/* rate: frames out of the voice per frame of the back end. */
static void record_voice(struct audio_voice *v, const struct audio_frame *recorded, size_t n)
{
    size_t gives = audio_rate_gives(&v->rate, n), bytes = audio_frame_bytes(&v->format);
    g_autofree struct audio_frame *out = g_new0(struct audio_frame, gives + 1);
    g_autofree uint8_t *raw = g_malloc(gives * bytes + 1);
    size_t need = audio_rate_need(&v->rate, gives);

    audio_rate_run(&v->rate, recorded, out, gives);
    for (size_t i = need; i < n; i++) {
        v->rate.last = v->rate.next;
        v->rate.next = recorded[i];
        v->rate.phase -= 1ull << 32;
    }
    audio_encode(&v->format, out, raw, gives);
    if (gives) {
        v->take(v->opaque, raw, gives * bytes);
    }
}

static void record(struct audio_backend *b, size_t n)
{
    struct audio_frame recorded[CHUNK] = { 0 };
    uint8_t raw[CHUNK * 8];
    bool wanted = false;

    for (struct audio_voice *v = b->voices; v; v = v->next) {
        wanted |= v->running && v->take;
    }
    if (wanted && b->driver->record) {
        audio_decode(&b->out, raw, recorded, MIN(n, b->driver->record(b->state, raw, n)));
    }
    for (struct audio_voice *v = b->voices, *next; wanted && v; v = next) {
        next = v->next;
        if (v->running && v->take) {
            record_voice(v, recorded, n);
        }
    }
}

static bool any_running(const struct audio_backend *b)
{
    for (const struct audio_voice *v = b->voices; v; v = v->next) {
        if (v->running) {
            return true;
        }
    }
    return false;
}

static int64_t now(const struct audio_backend *b)
{
    return clock_now(b->machine, CLOCK_KIND_VIRTUAL);
}

/* What the clock has played since. */
static void catch_up(struct audio_backend *b)
{
    int64_t passed = now(b) - b->start;
    uint64_t due;

    if (passed < 0 || (uint64_t)passed > muldiv64(b->done, NS_PER_SEC, b->out.rate) + CATCH_UP) {
        b->start = now(b);
        b->done = 0;
        return;
    }
    due = muldiv64((uint64_t)passed, b->out.rate, NS_PER_SEC);
    while (b->done < due && any_running(b)) {
        size_t n = (size_t)MIN(due - b->done, CHUNK);

        b->done += n;
        play(b, n);
        record(b, n);
    }
}

static void arm(struct audio_backend *b)
{
    timer_arm(&b->timer, now(b) + (int64_t)b->period * NS_PER_US);
}

static void tick(void *opaque)
{
    struct audio_backend *b = opaque;

    catch_up(b);
    if (any_running(b)) {
        arm(b);
    }
}

/* Streams --------------------------------------------------------------------------------------- */

static void set_rate(struct audio_voice *v)
{
    uint32_t rate = v->format.rate, out = v->backend->out.rate;

    audio_rate_init(&v->rate, v->fill ? rate : out, v->fill ? out : rate);
}

void audio_voice_open(struct audio_voice *v, struct audio_backend *b)
{
    v->backend = b;
    v->running = false;
    v->volume[0] = v->volume[1] = 65536;
    v->format = (struct audio_format){ 44100, 2, AUDIO_S16 };
    v->next = b->voices;
    b->voices = v;
    set_rate(v);
}

void audio_voice_close(struct audio_voice *v)
{
    if (!v->backend) {
        return;
    }
    for (struct audio_voice **link = &v->backend->voices; *link; link = &(*link)->next) {
        if (*link == v) {
            *link = v->next;
            break;
        }
    }
    if (!any_running(v->backend)) {
        timer_disarm(&v->backend->timer);
    }
    v->backend = NULL;
    v->running = false;
}

void audio_voice_set_format(struct audio_voice *v, const struct audio_format *f)
{
    struct audio_format format = { CLAMP(f->rate, AUDIO_RATE_MIN, AUDIO_RATE_MAX),
                                   MAX(f->channels, 1), f->encoding };

    if (memcmp(&format.rate, &v->format.rate, sizeof(format.rate)) != 0 ||
        format.channels != v->format.channels || format.encoding != v->format.encoding) {
        v->format = format;
        set_rate(v);
    }
}

void audio_voice_run(struct audio_voice *v, bool on)
{
    struct audio_backend *b = v->backend;

    if (!b || v->running == on) {
        return;
    }
    if (on && !any_running(b)) {
        b->start = now(b);
        b->done = 0;
        arm(b);
    }
    v->running = on;
    if (!any_running(b)) {
        timer_disarm(&b->timer);
    }
}

void audio_voice_set_volume(struct audio_voice *v, uint32_t left, uint32_t right)
{
    v->volume[0] = MIN(left, 1u << 20);
    v->volume[1] = MIN(right, 1u << 20);
}

/* Back ends --------------------------------------------------------------------------------------- */

static void capture_free(gpointer p)
{
    struct audio_capture *c = p;

    if (c) {
        wav_close(c->file);
        g_free(c->path);
        g_free(c);
    }
}

static void free_backends(struct machine *m)
{
    while (m->audio) {
        struct audio_backend *b = m->audio;

        m->audio = b->next;
        timer_disarm(&b->timer);
        if (b->driver->close) {
            b->driver->close(b->state);
        }
        g_ptr_array_unref(b->captures);
        g_free(b->id);
        g_free(b);
    }
}

static struct audio_backend *find_id(struct machine *m, const char *id)
{
    for (struct audio_backend *b = m->audio; b; b = b->next) {
        if (strcmp(b->id, id) == 0) {
            return b;
        }
    }
    return NULL;
}

static const struct audio_driver *find_driver(const char *name, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (strcmp(drivers[i]->name, name) == 0) {
            if (drivers[i]->available) {
                return drivers[i];
            }
            set_error(error, "audio driver '%s' is not built in: %s", name, drivers[i]->advice);
            return NULL;
        }
    }
    set_error(error, "there is no audio driver '%s'; '-audiodev help' lists them", name);
    return NULL;
}

static struct audio_backend *add(struct machine *m, struct audio_options *o, GError **error)
{
    const struct audio_driver *driver = find_driver(o->driver, error);
    struct audio_backend *b, **link = &m->audio;
    void *state = NULL;

    if (!driver || (driver->open && !(state = driver->open(o, error)))) {
        return NULL;
    }
    b = g_new0(struct audio_backend, 1);
    *b = (struct audio_backend){
        .machine = m, .driver = driver, .state = state, .out = o->out, .period = o->period
    };
    b->id = g_strdup(o->id);
    b->captures = g_ptr_array_new_with_free_func(capture_free);
    timer_init(&b->timer, m, CLOCK_KIND_VIRTUAL, tick, b);
    while (*link) {
        link = &(*link)->next;
    }
    *link = b;
    m->free_audio = free_backends;
    return b;
}

bool audio_backend_add(struct machine *m, const GPtrArray *pairs, GError **error)
{
    struct audio_options o;

    if (!audio_parse_options(pairs, &o, error)) {
        return false;
    }
    if (find_id(m, o.id)) {
        set_error(error, "there is an audiodev '%s' already", o.id);
        return false;
    }
    return add(m, &o, error) != NULL;
}

struct audio_backend *audio_backend_find(struct machine *m, const char *id, GError **error)
{
    struct audio_backend *b = id && *id ? find_id(m, id) : m->audio;
    struct audio_options silence = {
        .driver = "none", .id = "none", .out = { 44100, 2, AUDIO_S16 }, .period = 10000
    };

    if (b || !id || !*id) {
        return b ? b : add(m, &silence, error);
    }
    set_error(error, "audiodev '%s' not found", id);
    return NULL;
}

void audio_print_drivers(GString *out)
{
    g_string_append(out, "Available audio drivers:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (drivers[i]->available) {
            g_string_append_printf(out, "%s\n", drivers[i]->name);
        }
    }
}

/* Captures ---------------------------------------------------------------------------------------- */

bool audio_capture_start(struct machine *m, const char *path, const char *id,
                         const struct audio_format *f, GError **error)
{
    struct audio_backend *b = audio_backend_find(m, id, error);
    struct wav_file *file = b ? wav_create(path, f, error) : NULL;
    struct audio_capture *c;

    if (!file) {
        return false;
    }
    c = g_new0(struct audio_capture, 1);
    *c = (struct audio_capture){ .file = file, .path = g_strdup(path), .format = *f, .backend = b };
    audio_rate_init(&c->rate, b->out.rate, f->rate);
    g_ptr_array_add(b->captures, c);
    return true;
}

/* The n-th of all back ends. */
static struct audio_capture *capture_at(struct machine *m, unsigned n)
{
    for (struct audio_backend *b = m->audio; b; b = b->next) {
        if (n < b->captures->len) {
            return g_ptr_array_index(b->captures, n);
        }
        n -= b->captures->len;
    }
    return NULL;
}

bool audio_capture_stop(struct machine *m, unsigned n, GError **error)
{
    struct audio_capture *c = capture_at(m, n);

    if (!c) {
        set_error(error, "there is no capture %u; 'info capture' lists them", n);
        return false;
    }
    g_ptr_array_remove(c->backend->captures, c);
    return true;
}

void audio_capture_print(struct machine *m, GString *out)
{
    const struct audio_capture *c;

    for (unsigned n = 0; (c = capture_at(m, n)); n++) {
        g_string_append_printf(
            out, "[%u]: Capturing audio(%u,%u,%u) to %s: %" G_GUINT64_FORMAT " bytes\n", n,
            c->format.rate, 8 * audio_frame_bytes(&c->format) / c->format.channels,
            c->format.channels, c->path, wav_bytes(c->file));
    }
}
