/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/es1370_test.c: the AudioPCI's players and recorder, their counts and frames.  Thread: the test's. */
#include "tests/device/audio_rig.h"
#include "tests/device/fuzz.h"

#define DEVFN PCI_DEVFN(3, 0)
#define IO    0xc000u
#define SOUND 0x200000u

static void set_up(struct audio_rig *f)
{
    audio_rig_set_up(f, NULL);
    f->dev = rig_device(f->r, "ES1370", "addr=03,audiodev=w");
    pci_rig_write(f->r, DEVFN, PCI_BAR0, IO, 4);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, 7, 2);
}

/* DAC2 plays a frame of `bytes` at SOUND, of 16 bits in stereo, with an interrupt each `count` samples. */
static void start_dac2(struct audio_rig *f, unsigned bytes, unsigned count, unsigned rate)
{
    rig_outl(f->r, IO + 0x0c, 0x0c);
    rig_outl(f->r, IO + 0x38, SOUND);
    rig_outl(f->r, IO + 0x3c, bytes / 4 - 1);
    rig_outl(f->r, IO + 0x28, count - 1);
    rig_outl(f->r, IO + 0x20, 0x0c | 1 << 9);
    rig_outl(f->r, IO, (1411200 / rate - 2) << 16 | 0x20);
}

static void a_player_plays_its_frame(void)
{
    static const unsigned rates[] = { 8000, 22050, 44100 };

    for (unsigned i = 0; i < G_N_ELEMENTS(rates); i++) {
        struct audio_rig f;
        struct heard h;

        set_up(&f);
        g_assert_cmphex(pci_rig_read(f.r, DEVFN, 0, 4), ==, 0x50001274);
        audio_rig_sine(f.r, SOUND, 4000, 2, 441.0 * rates[i] / 44100, rates[i], 10000);
        start_dac2(&f, 16000, 1000, rates[i]);
        rig_step(f.r, 500 * MS);
        audio_rig_tear_down(&f);
        h = wav_hear(f.path);
        ASSERT_NEAR(h.hz, 441.0 * rates[i] / 44100, 0.01);
        ASSERT_NEAR(h.level, 7071, 0.05);
        audio_rig_forget(&f);
    }
}

static void counts_interrupt(void)
{
    struct audio_rig f;

    set_up(&f);
    start_dac2(&f, 16000, 441, 44100);
    rig_step(f.r, 9 * MS);
    g_assert_false(f.r->lines[20].level);
    rig_step(f.r, 12 * MS);
    g_assert_true(f.r->lines[20].level);
    g_assert_cmphex(rig_inl(f.r, IO + 4), ==, 0x80000002);
    g_assert_cmpuint(rig_inw(f.r, IO + 0x28), ==, 440);
    g_assert_cmpuint(rig_inl(f.r, IO + 0x3c) >> 16, >=, 441);
    rig_check_state(f.r, f.dev);
    rig_outl(f.r, IO + 0x20, 0x0c); /* acknowledged */
    g_assert_false(f.r->lines[20].level);
    rig_outl(f.r, IO + 0x20, 0x0c | 1 << 9);
    rig_step(f.r, 20 * MS);
    g_assert_true(f.r->lines[20].level);
    rig_outl(f.r, IO + 0x20, 0x0c | 1 << 9 | 1 << 12); /* pause */
    g_assert_cmpint(clock_next_deadline(f.r->m), ==, -1);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void the_other_ones_work_too(void)
{
    struct audio_rig f;

    set_up(&f);
    rig_store(f.r, SOUND, 0x55555555, 4);
    rig_outl(f.r, IO + 0x0c, 0x0d);
    rig_outl(f.r, IO + 0x30, SOUND);
    rig_outl(f.r, IO + 0x34, 99);
    rig_outl(f.r, IO + 0x2c, 49);
    rig_outl(f.r, IO + 0x20, 0x30 | 1 << 10);
    rig_outl(f.r, IO, 30 << 16 | 0x10);
    rig_step(f.r, 50 * MS);
    g_assert_cmphex(rig_inl(f.r, IO + 4), ==, 0x80000001);
    g_assert_cmphex(rig_load(f.r, SOUND, 4), ==, 0);
    rig_outl(f.r, IO + 0x0c, 0x0c); /* DAC1, which stops after its count */
    rig_outl(f.r, IO + 0x30, SOUND);
    rig_outl(f.r, IO + 0x34, 99);
    rig_outl(f.r, IO + 0x24, 10);
    rig_outl(f.r, IO + 0x20, 0x01 | 1 << 8 | 1 << 13);
    rig_outl(f.r, IO, 3 << 12 | 0x40);
    rig_step(f.r, 50 * MS);
    g_assert_cmphex(rig_inl(f.r, IO + 4), ==, 0x80000004);
    g_assert_cmphex(rig_inl(f.r, IO) & 0x40, ==, 0);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void random_accesses_are_survived(void)
{
    struct audio_rig f;

    set_up(&f);
    fuzz_ports(f.r, IO, 0x40);
    rig_check_state(f.r, f.dev);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/es1370/play", a_player_plays_its_frame);
    g_test_add_func("/es1370/count", counts_interrupt);
    g_test_add_func("/es1370/others", the_other_ones_work_too);
    g_test_add_func("/es1370/fuzz", random_accesses_are_survived);
    return g_test_run();
}
