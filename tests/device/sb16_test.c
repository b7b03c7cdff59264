/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/sb16_test.c: the Sound Blaster 16's DSP by ISA DMA, its mixer, its interrupts.  Thread: the test's. */
#include "hw/misc/i8237.h"
#include "tests/device/audio_rig.h"
#include "tests/device/fuzz.h"

#define BASE  0x220u
#define SOUND 0x20000u

static void set_up(struct audio_rig *f, const char *more)
{
    g_autofree char *props = g_strconcat("audiodev=w", more ? "," : "", more, NULL);

    memset(f, 0, sizeof(*f));
    f->r = rig_new();
    audio_rig_backend(f, NULL);
    rig_device(f->r, "i8237", NULL);
    f->dev = rig_device(f->r, "sb16", props);
    rig_outb(f->r, BASE + 6, 1);
    rig_outb(f->r, BASE + 6, 0);
    g_assert_cmphex(rig_inb(f->r, BASE + 0xe) & 0x80, ==, 0x80);
    g_assert_cmphex(rig_inb(f->r, BASE + 0xa), ==, 0xaa);
    for (unsigned i = 0; i < 2; i++) {
        rig_outb(f->r, BASE + 4, (uint8_t)(0x30 + i));
        rig_outb(f->r, BASE + 5, 0xf8);
        rig_outb(f->r, BASE + 4, (uint8_t)(0x32 + i));
        rig_outb(f->r, BASE + 5, 0xf8);
    }
}

static void dsp(struct audio_rig *f, const char *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(rig_inb(f->r, BASE + 0xc) & 0x80, ==, 0);
        rig_outb(f->r, BASE + 0xc, (uint8_t)bytes[i]);
    }
}

/* The controllers' channel 1 or 5: single transfers from memory, again and again. */
static void program_dma(struct audio_rig *f, unsigned channel, uint32_t addr, unsigned len,
                        bool to_memory)
{
    bool wide = channel > 3;
    unsigned unit = wide ? 2 : 1, base = wide ? 0xc0 : 0, step = wide ? 2 : 1, n = channel & 3;
    uint32_t a = wide ? addr >> 1 : addr;

    rig_outb(f->r, (uint16_t)(base + 10 * step), (uint8_t)(4 | n));
    rig_outb(f->r, (uint16_t)(base + 11 * step), (uint8_t)(0x50 | (to_memory ? 4 : 8) | n));
    rig_outb(f->r, (uint16_t)(base + 12 * step), 0);
    rig_outb(f->r, (uint16_t)(base + n * 2 * step), (uint8_t)a);
    rig_outb(f->r, (uint16_t)(base + n * 2 * step), (uint8_t)(a >> 8));
    rig_outb(f->r, (uint16_t)(base + (n * 2 + 1) * step), (uint8_t)(len / unit - 1));
    rig_outb(f->r, (uint16_t)(base + (n * 2 + 1) * step), (uint8_t)((len / unit - 1) >> 8));
    rig_outb(f->r, wide ? 0x8b : 0x83, (uint8_t)(addr >> 16));
    rig_outb(f->r, (uint16_t)(base + 10 * step), (uint8_t)n);
}

static void the_dsp_answers(void)
{
    struct audio_rig f;
    char text[45];

    set_up(&f, NULL);
    dsp(&f, "\xe1", 1);
    g_assert_cmphex(rig_inb(f.r, BASE + 0xa), ==, 4);
    g_assert_cmphex(rig_inb(f.r, BASE + 0xa), ==, 5);
    dsp(&f, "\xe0\x5a", 2);
    g_assert_cmphex(rig_inb(f.r, BASE + 0xa), ==, 0xa5);
    dsp(&f, "\xe4\x77\xe8", 3);
    g_assert_cmphex(rig_inb(f.r, BASE + 0xa), ==, 0x77);
    dsp(&f, "\xe3", 1);
    for (unsigned i = 0; i < 45; i++) {
        text[i] = (char)rig_inb(f.r, BASE + 0xa);
    }
    g_assert_cmpstr(text, ==, "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992.");
    g_assert_cmphex(rig_inb(f.r, BASE + 0xe) & 0x80, ==, 0);
    dsp(&f, "\xf2", 1); /* an interrupt on demand */
    g_assert_true(f.r->lines[5].level);
    rig_outb(f.r, BASE + 4, 0x82);
    g_assert_cmphex(rig_inb(f.r, BASE + 5), ==, 1);
    rig_inb(f.r, BASE + 0xe);
    g_assert_false(f.r->lines[5].level);
    rig_outb(f.r, BASE + 4, 0x80); /* another line */
    rig_outb(f.r, BASE + 5, 4);
    dsp(&f, "\xf3", 1);
    g_assert_true(f.r->lines[7].level);
    g_assert_false(f.r->lines[5].level);
    rig_inb(f.r, BASE + 0xf);
    g_assert_false(f.r->lines[7].level);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void words_are_played_again_and_again(void)
{
    struct audio_rig f;
    struct heard h;
    unsigned edges;

    set_up(&f, NULL);
    audio_rig_sine(f.r, SOUND, 8820, 2, 1000, 44100, 10000);
    program_dma(&f, 5, SOUND, 35280, false);
    dsp(&f, "\x41\xac\x44", 3);     /* 44100 Hz */
    dsp(&f, "\xb6\x30\xe7\x44", 4); /* 16 bits, signed, stereo: 17640 words, automatic */
    rig_step(f.r, 250 * MS);
    g_assert_true(f.r->lines[5].level);
    edges = f.r->lines[5].edges;
    rig_inb(f.r, BASE + 0xf);
    rig_check_state(f.r, f.dev);
    rig_step(f.r, 250 * MS);
    g_assert_cmpuint(f.r->lines[5].edges, ==, edges + 1);
    dsp(&f, "\xd5", 1); /* pause */
    g_assert_cmpint(clock_next_deadline(f.r->m), ==, -1);
    dsp(&f, "\xd6\xd9", 2); /* on, and this block is the last */
    rig_step(f.r, 400 * MS);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    g_assert_cmpuint(h.frames, >=, 26000);
    g_assert_cmpuint(h.frames, <=, 27000);
    ASSERT_NEAR(h.hz, 1000, 0.01);
    ASSERT_NEAR(h.level, 7071, 0.04);
    audio_rig_forget(&f);
}

static void bytes_are_played_once(void)
{
    struct audio_rig f;
    struct heard h;

    set_up(&f, NULL);
    for (unsigned i = 0; i < 4000; i++) {
        rig_store(f.r, SOUND + i, (uint8_t)(128 + lrint(100 * sin(2 * G_PI * 500 * i / 10000))), 1);
    }
    program_dma(&f, 1, SOUND, 4000, false);
    dsp(&f, "\x40\x9c", 2); /* 1000000 / (256 - 156): 10000 Hz */
    dsp(&f, "\xd1\x14\x9f\x0f", 4);
    rig_step(f.r, 600 * MS);
    g_assert_true(f.r->lines[5].level);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    g_assert_cmpuint(h.frames, >=, 17600);
    g_assert_cmpuint(h.frames, <=, 18200);
    ASSERT_NEAR(h.hz, 500, 0.01);
    ASSERT_NEAR(h.level, 100 * 256 * 0.7071, 0.04);
    audio_rig_forget(&f);
}

static void volume_is_the_mixers(void)
{
    struct audio_rig f;
    struct heard h;

    set_up(&f, NULL);
    audio_rig_sine(f.r, SOUND, 8820, 2, 1000, 44100, 10000);
    program_dma(&f, 5, SOUND, 35280, false);
    rig_outb(f.r, BASE + 4, 0x32);
    rig_outb(f.r, BASE + 5, 0xe0); /* three steps: 6 dB */
    dsp(&f, "\x41\xac\x44\xb6\x30\xe7\x44", 7);
    rig_step(f.r, 200 * MS);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    ASSERT_NEAR(h.level, 3544, 0.05);
    audio_rig_forget(&f);
}

static void recording_fills_memory(void)
{
    struct audio_rig f;

    set_up(&f, NULL);
    rig_store(f.r, SOUND, 0x11111111, 4);
    program_dma(&f, 5, SOUND, 4000, true);
    dsp(&f, "\x42\xac\x44\xba\x10\xcf\x07", 7);
    rig_step(f.r, 100 * MS);
    g_assert_true(f.r->lines[5].level);
    g_assert_cmphex(rig_load(f.r, SOUND, 4), ==, 0);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void random_accesses_are_survived(void)
{
    struct audio_rig f;

    set_up(&f, NULL);
    program_dma(&f, 5, SOUND, 4000, false);
    program_dma(&f, 1, SOUND, 4000, false);
    fuzz_ports(f.r, BASE, 0x10);
    rig_check_state(f.r, f.dev);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void bad_properties_are_refused(void)
{
    static const char *const rows[][2] = {
        { "irq=4", "sb16: irq is 4, must be 2, 5, 7 or 10" },
        { "dma=2", "sb16: dma is 2, must be 0, 1 or 3" },
        { "dma16=4", "sb16: dma16 is 4, must be 5, 6 or 7" },
        { "iobase=0x221", "sb16: iobase is 0x221, must be a multiple of 16 up to 0x3f0" },
    };
    struct rig *r = rig_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *why = rig_device_error(r, device_type_find("sb16"), rows[i][0]);

        g_assert_cmpstr(why, ==, rows[i][1]);
    }
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sb16/dsp", the_dsp_answers);
    g_test_add_func("/sb16/words", words_are_played_again_and_again);
    g_test_add_func("/sb16/bytes", bytes_are_played_once);
    g_test_add_func("/sb16/volume", volume_is_the_mixers);
    g_test_add_func("/sb16/record", recording_fills_memory);
    g_test_add_func("/sb16/fuzz", random_accesses_are_survived);
    g_test_add_func("/sb16/properties", bad_properties_are_refused);
    return g_test_run();
}
