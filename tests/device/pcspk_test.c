/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pcspk_test.c: the speaker's tone, as it arrives in a WAV file.  Thread: the test's. */
#include "tests/device/audio_rig.h"
#include "hw/timer/i8254.h"

extern const struct device_type pcspk_type;

static void set_up(struct audio_rig *f)
{
    memset(f, 0, sizeof(*f));
    f->r = rig_new();
    audio_rig_backend(f, NULL);
    f->r->m->config.pcspk_audiodev = g_strdup("w");
    rig_device(f->r, "isa-pit", NULL);
    f->dev = rig_device_new(f->r, &pcspk_type, NULL);
    rig_device_realize(f->r, f->dev);
}

static void tone(struct rig *r, unsigned hz)
{
    unsigned count = PIT_HZ / hz;

    rig_outb(r, 0x43, 0xb6);
    rig_outb(r, 0x42, (uint8_t)count);
    rig_outb(r, 0x42, (uint8_t)(count >> 8));
    rig_outb(r, 0x61, 3);
}

static void a_tone_has_its_frequency(void)
{
    static const unsigned rows[] = { 100, 440, 1000, 5000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct audio_rig f;
        struct heard h;

        set_up(&f);
        tone(f.r, rows[i]);
        rig_step(f.r, 500 * MS);
        rig_outb(f.r, 0x61, 0);
        rig_step(f.r, 500 * MS); /* nothing more */
        audio_rig_tear_down(&f);
        h = wav_hear(f.path);
        g_assert_cmpuint(h.frames, >=, 21500);
        g_assert_cmpuint(h.frames, <=, 22050);
        ASSERT_NEAR(h.hz, rows[i], 0.005);
        ASSERT_NEAR(h.level, 8192, 0.02);
        audio_rig_forget(&f);
    }
}

static void state_goes_on_playing(void)
{
    struct audio_rig f;
    struct heard h;

    set_up(&f);
    tone(f.r, 440);
    rig_step(f.r, 100 * MS);
    rig_check_state(f.r, f.dev);
    rig_step(f.r, 100 * MS);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    g_assert_cmpuint(h.frames, >=, 8300);
    audio_rig_forget(&f);
}

/* Without an audiodev nothing is played, and no timer runs. */
static void nobody_listens(void)
{
    struct rig *r = rig_new();

    rig_device(r, "isa-pit", NULL);
    rig_device_realize(r, rig_device_new(r, &pcspk_type, NULL));
    tone(r, 440);
    g_assert_null(r->m->audio);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcspk/tone", a_tone_has_its_frequency);
    g_test_add_func("/pcspk/state", state_goes_on_playing);
    g_test_add_func("/pcspk/silent", nobody_listens);
    return g_test_run();
}
