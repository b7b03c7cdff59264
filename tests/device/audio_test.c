/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/audio_test.c: encodings, rates, -audiodev's options, mixing, captures. */
#include "audio/audio.h"
#include <string.h>
#include "monitor/monitor.h"
#include "softmmu/event.h"
#include "tests/device/audio_rig.h"

/* A stream of one tone. */
struct tone {
    struct audio_voice voice;
    double hz, amplitude;
    unsigned at, rate;
    bool ended;
};

static size_t fill(void *opaque, uint8_t *buf, size_t len)
{
    struct tone *t = opaque;

    if (t->ended) {
        return 0;
    }
    for (size_t i = 0; i + 4 <= len; i += 4, t->at++) {
        int16_t v = (int16_t)lrint(t->amplitude * sin(2 * G_PI * t->hz * t->at / t->rate));

        buf[i] = buf[i + 2] = (uint8_t)v;
        buf[i + 1] = buf[i + 3] = (uint8_t)((uint16_t)v >> 8);
    }
    return len;
}

static void play(struct tone *t, struct machine *m, double hz, unsigned rate, double amplitude)
{
    *t = (struct tone){ .hz = hz, .rate = rate, .amplitude = amplitude };
    t->voice = (struct audio_voice){ .name = "tone", .opaque = t, .fill = fill };
    audio_voice_open(&t->voice, audio_backend_find(m, "w", NULL));
    audio_voice_set_format(&t->voice, &(struct audio_format){ rate, 2, AUDIO_S16 });
    audio_voice_run(&t->voice, true);
}

static void rates_are_converted(void)
{
    static const unsigned rates[] = { 8000, 11025, 22050, 44100, 48000, 96000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        struct audio_rig f;
        struct tone t;
        struct heard h;

        audio_rig_set_up(&f, ",out.channels=1");
        play(&t, f.r->m, 440, rates[i], 10000);
        rig_step(f.r, NS_PER_SEC);
        g_assert_cmpuint(t.at, >=, rates[i] * 98 / 100);
        g_assert_cmpuint(t.at, <=, rates[i]);
        audio_voice_close(&t.voice);
        audio_rig_tear_down(&f);
        h = wav_hear(f.path);
        g_assert_cmpuint(h.channels, ==, 1);
        ASSERT_NEAR(h.hz, 440, 0.005);
        ASSERT_NEAR(h.level, 7071, 0.02);
        audio_rig_forget(&f);
    }
}

static void streams_are_mixed(void)
{
    struct audio_rig f;
    struct tone a, b;
    struct heard h;

    audio_rig_set_up(&f, NULL);
    play(&a, f.r->m, 440, 44100, 10000);
    play(&b, f.r->m, 440, 44100, 10000);
    audio_voice_set_volume(&b.voice, 32768, 32768);
    rig_step(f.r, 500 * MS);
    audio_voice_close(&a.voice);
    audio_voice_close(&b.voice);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    ASSERT_NEAR(h.level, 1.5 * 7071, 0.02);
    audio_rig_forget(&f);
    audio_rig_set_up(&f, NULL); /* too loud: cut, not wrapped */
    play(&a, f.r->m, 440, 44100, 32000);
    play(&b, f.r->m, 440, 44100, 32000);
    rig_step(f.r, 500 * MS);
    audio_voice_close(&a.voice);
    audio_voice_close(&b.voice);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    ASSERT_NEAR(h.hz, 440, 0.01);
    g_assert_cmpfloat(h.level, >, 26000);
    audio_rig_forget(&f);
}

/* Nothing is asked for, and no timer waits, while no stream runs. */
static void silence_costs_nothing(void)
{
    struct audio_rig f;
    struct tone t;

    audio_rig_set_up(&f, NULL);
    g_assert_cmpint(clock_next_deadline(f.r->m), ==, -1);
    play(&t, f.r->m, 440, 44100, 1000);
    g_assert_cmpint(clock_next_deadline(f.r->m), >=, 0);
    rig_step(f.r, 100 * MS);
    audio_voice_run(&t.voice, false);
    g_assert_cmpint(clock_next_deadline(f.r->m), ==, -1);
    t.at = 0;
    rig_step(f.r, 100 * MS);
    g_assert_cmpuint(t.at, ==, 0);
    audio_voice_run(&t.voice, true);
    rig_step(f.r, 100 * MS);
    g_assert_cmpuint(t.at, >=, 3900);
    t.ended = true; /* it has nothing: silence goes on */
    rig_step(f.r, 100 * MS);
    audio_voice_close(&t.voice);
    g_assert_cmpint(clock_next_deadline(f.r->m), ==, -1);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void encodings_go_there_and_back(void)
{
    static const int32_t values[] = { 0, 256, -256, 0x4000, -0x4000, 0x7f00, -0x8000 };

    for (unsigned e = 0; e < AUDIO_ENCODINGS; e++) {
        const struct audio_format f = { 44100, 2, (enum audio_encoding)e };
        struct audio_frame in, out;
        uint8_t raw[8];

        for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
            in = (struct audio_frame){ { values[i], -values[i] } };
            audio_encode(&f, &in, raw, 1);
            audio_decode(&f, raw, &out, 1);
            g_assert_cmpint(ABS(out.channel[0] - values[i]), <=, 1);
            g_assert_cmpint(ABS(out.channel[1] + MAX(values[i], -32767)), <=,
                            e == AUDIO_U8 || e == AUDIO_S8 ? 256 : 1);
        }
        in = (struct audio_frame){ { 1 << 20, -(1 << 20) } };
        audio_encode(&f, &in, raw, 1);
        audio_decode(&f, raw, &out, 1);
        g_assert_cmpint(out.channel[0], >=, 0x7f00);
        g_assert_cmpint(out.channel[1], ==, e == AUDIO_F32 ? -32767 : -0x8000);
    }
}

static void captures_record_what_is_played(void)
{
    struct audio_rig f;
    struct tone t;
    struct heard h;
    g_autoptr(GString) out = g_string_new(NULL);
    g_autofree char *path = NULL, *line = NULL;

    audio_rig_set_up(&f, NULL);
    path = g_strconcat(f.path, ".capture", NULL);
    line = g_strdup_printf("wavcapture %s w 22050 16 1", path);
    monitor_execute(f.r->m, "info capture", out);
    g_assert_cmpstr(out->str, ==, "");
    monitor_execute(f.r->m, line, out);
    play(&t, f.r->m, 440, 48000, 10000);
    rig_step(f.r, 500 * MS);
    monitor_execute(f.r->m, "info capture", out);
    g_assert_nonnull(strstr(out->str, "[0]: Capturing audio(22050,16,1) to "));
    g_string_truncate(out, 0);
    monitor_execute(f.r->m, "stopcapture 1", out);
    g_assert_nonnull(strstr(out->str, "there is no capture 1"));
    monitor_execute(f.r->m, "stopcapture 0", out);
    rig_step(f.r, 500 * MS);
    h = wav_hear(path);
    g_assert_cmpuint(h.rate, ==, 22050);
    g_assert_cmpuint(h.channels, ==, 1);
    g_assert_cmpuint(h.frames, >=, 10800);
    g_assert_cmpuint(h.frames, <=, 11030);
    ASSERT_NEAR(h.hz, 440, 0.005);
    ASSERT_NEAR(h.level, 7071, 0.03);
    g_unlink(path);
    g_string_truncate(out, 0);
    monitor_execute(f.r->m, "wavcapture /nowhere/x w", out);
    monitor_execute(f.r->m, "wavcapture x other", out);
    monitor_execute(f.r->m, "wavcapture x w 44100 12", out);
    monitor_execute(f.r->m, "wavcapture x", out);
    g_assert_nonnull(strstr(out->str, "cannot open '/nowhere/x'"));
    g_assert_nonnull(strstr(out->str, "audiodev 'other' not found"));
    g_assert_nonnull(strstr(out->str, "bits is '12', must be 8 or 16"));
    g_assert_nonnull(strstr(out->str, "must be wavcapture path audiodev"));
    audio_voice_close(&t.voice);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void options_are_checked(void)
{
    static const struct {
        const char *text, *error; /* NULL: it is good */
    } rows[] = {
        { "none,id=a", NULL },
        { "wav,id=a,path=/tmp/x,out.frequency=8000,out.channels=1,out.format=u8,timer-period=1000",
          NULL },
        { "pa,id=a,server=/run/x,out.mixing-engine=off,in.voices=2", NULL },
        { "none", "must be DRIVER,id=ID" },
        { "id=a", "must be DRIVER,id=ID" },
        { "none,id=a,path=x", "the driver 'none' has no property 'path'" },
        { "wav,id=a,out.frequency=999", "out.frequency is '999', must be 1000 to 384000" },
        { "wav,id=a,out.channels=3", "out.channels is '3', must be 1 to 2" },
        { "wav,id=a,out.format=s24", "out.format is 's24'" },
        { "wav,id=a,in.mixing-engine=5", "in.mixing-engine is '5', must be on or off" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GPtrArray) pairs = parse_options(rows[i].text, "driver");
        g_autoptr(GError) error = NULL;
        struct audio_options o;

        g_assert_true(audio_parse_options(pairs, &o, &error) == !rows[i].error);
        if (rows[i].error) {
            g_test_message("%s", error->message);
            g_assert_nonnull(strstr(error->message, rows[i].error));
        }
    }
}

static void back_ends_have_names(void)
{
    struct rig *r = rig_new();
    g_autoptr(GPtrArray) none = parse_options("none,id=a", "driver");
    g_autoptr(GPtrArray) other = parse_options("bagpipe,id=b", "driver");
    g_autoptr(GPtrArray) bad = parse_options("wav,id=c,path=/nowhere/x", "driver");
    g_autoptr(GError) twice = NULL, unknown = NULL, nowhere = NULL;

    g_assert_true(audio_backend_add(r->m, none, NULL));
    g_assert_false(audio_backend_add(r->m, none, &twice));
    g_assert_cmpstr(twice->message, ==, "there is an audiodev 'a' already");
    g_assert_false(audio_backend_add(r->m, other, &unknown));
    g_assert_nonnull(strstr(unknown->message, "there is no audio driver 'bagpipe'"));
    g_assert_false(audio_backend_add(r->m, bad, &nowhere));
    g_assert_nonnull(strstr(nowhere->message, "/nowhere/x"));
    rig_free(r);
}

/* ALSA's own null device takes everything, on any host. */
static void alsa_plays(void)
{
    struct rig *r = rig_new();
    g_autoptr(GPtrArray) pairs = parse_options("alsa,id=w,out.dev=null", "driver");
    g_autoptr(GPtrArray) bad = parse_options("alsa,id=x,out.dev=nothing_like_it", "driver");
    g_autoptr(GError) error = NULL, refused = NULL;
    struct tone t;

    if (!audio_alsa.available) {
        g_test_skip("built without ALSA");
        rig_free(r);
        return;
    }
    g_assert_false(audio_backend_add(r->m, bad, &refused));
    g_assert_nonnull(strstr(refused->message, "cannot open 'nothing_like_it'"));
    g_assert_true(audio_backend_add(r->m, pairs, &error));
    g_assert_no_error(error);
    play(&t, r->m, 440, 44100, 1000);
    rig_step(r, 300 * MS);
    g_assert_cmpuint(t.at, >=, 12000);
    audio_voice_close(&t.voice);
    rig_free(r);
}

/* SDL's own dummy takes everything, too. */
static void sdl_plays(void)
{
    struct rig *r = rig_new();
    g_autoptr(GPtrArray) pairs = parse_options("sdl,id=w", "driver");
    g_autoptr(GPtrArray) bad = parse_options("sdl,id=x,out.format=u32", "driver");
    g_autoptr(GError) error = NULL, refused = NULL;
    struct tone t;

    if (!audio_sdl.available) {
        g_test_skip("built without SDL");
        rig_free(r);
        return;
    }
    g_setenv("SDL_AUDIODRIVER", "dummy", true);
    g_assert_false(audio_backend_add(r->m, bad, &refused));
    g_assert_nonnull(strstr(refused->message, "out.format is u32"));
    g_assert_true(audio_backend_add(r->m, pairs, &error));
    g_assert_no_error(error);
    play(&t, r->m, 440, 44100, 1000);
    rig_step(r, 300 * MS);
    g_assert_cmpuint(t.at, >=, 12000);
    audio_voice_close(&t.voice);
    rig_free(r);
    g_setenv("SDL_AUDIODRIVER", "nothing_like_it", true);
    r = rig_new();
    g_clear_error(&refused);
    g_assert_false(audio_backend_add(r->m, pairs, &refused));
    g_assert_nonnull(strstr(refused->message, "sdl: no sound on this host"));
    rig_free(r);
}

static void pulse_without_a_server_is_an_error(void)
{
    struct rig *r = rig_new();
    g_autoptr(GPtrArray) pairs = parse_options("pa,id=w,server=/nowhere/socket", "driver");
    g_autoptr(GError) error = NULL;

    g_assert_false(audio_backend_add(r->m, pairs, &error));
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, audio_pulse.available
                                                ? "cannot connect to /nowhere/socket"
                                                : "not built in"));
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/audio/rates", rates_are_converted);
    g_test_add_func("/audio/mix", streams_are_mixed);
    g_test_add_func("/audio/silence", silence_costs_nothing);
    g_test_add_func("/audio/encodings", encodings_go_there_and_back);
    g_test_add_func("/audio/capture", captures_record_what_is_played);
    g_test_add_func("/audio/options", options_are_checked);
    g_test_add_func("/audio/back-ends", back_ends_have_names);
    g_test_add_func("/audio/alsa", alsa_plays);
    g_test_add_func("/audio/sdl", sdl_plays);
    g_test_add_func("/audio/pulse", pulse_without_a_server_is_an_error);
    return g_test_run();
}
