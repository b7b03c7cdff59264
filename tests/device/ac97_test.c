/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ac97_test.c: the AC '97 controller plays a ring of buffers; its codec's volume and rates.  Thread: the test's. */
#include "tests/device/audio_rig.h"
#include "tests/device/fuzz.h"

#define DEVFN  PCI_DEVFN(3, 0)
#define MIXER  0xc000u
#define MASTER 0xc400u
#define OUT    (MASTER + 0x10)
#define LIST   0x100000u
#define SOUND  0x200000u

static void set_up(struct audio_rig *f, const char *more)
{
    audio_rig_set_up(f, more);
    f->dev = rig_device(f->r, "AC97", "addr=03,audiodev=w");
    pci_rig_write(f->r, DEVFN, PCI_BAR0, MIXER, 4);
    pci_rig_write(f->r, DEVFN, PCI_BAR0 + 4, MASTER, 4);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, 7, 2);
    rig_outl(f->r, MASTER + 0x2c, 2);
    rig_outw(f->r, MIXER + 0x02, 0);
    rig_outw(f->r, MIXER + 0x18, 0x0808);
}

/* n buffers of `samples` each, one behind the other. */
static void list(struct audio_rig *f, unsigned n, unsigned samples, uint32_t flags)
{
    for (unsigned i = 0; i < n; i++) {
        rig_store(f->r, LIST + i * 8, SOUND + i * samples * 2, 4);
        rig_store(f->r, LIST + i * 8 + 4, samples | flags, 4);
    }
    rig_outl(f->r, OUT, LIST);
    rig_outb(f->r, OUT + 5, (uint8_t)(n - 1));
}

static void buffers_are_played(void)
{
    struct audio_rig f;
    struct heard h;

    set_up(&f, ",out.frequency=48000");
    g_assert_cmphex(pci_rig_read(f.r, DEVFN, 0, 4), ==, 0x24158086);
    g_assert_cmphex(rig_inl(f.r, MASTER + 0x30) & 0x100, ==, 0x100);
    audio_rig_sine(f.r, SOUND, 24000, 2, 1000, 48000, 10000);
    list(&f, 10, 4800, 1u << 31);
    rig_outb(f.r, OUT + 0xb, 0x11);
    rig_step(f.r, 120 * MS);
    g_assert_true(f.r->lines[20].level); /* two buffers of 50 ms */
    g_assert_cmpuint(rig_inb(f.r, OUT + 4), ==, 2);
    g_assert_cmphex(rig_inl(f.r, MASTER + 0x30) & 0x40, ==, 0x40);
    g_assert_cmphex(rig_inw(f.r, OUT + 6), ==, 8);
    g_assert_cmpuint(rig_inw(f.r, OUT + 8), <, 4800);
    rig_outw(f.r, OUT + 6, 8);
    g_assert_false(f.r->lines[20].level);
    rig_check_state(f.r, f.dev);
    rig_step(f.r, 600 * MS);
    g_assert_cmphex(rig_inw(f.r, OUT + 6) & 7, ==, 7); /* at its end */
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    g_assert_cmpuint(h.rate, ==, 48000);
    g_assert_cmpuint(h.frames, >=, 24000);
    g_assert_cmpuint(h.frames, <=, 24600);
    ASSERT_NEAR(h.hz, 1000, 0.01);
    ASSERT_NEAR(h.level, 7071, 0.03);
    audio_rig_forget(&f);
}

/* The guest moves the end on while it plays, and begins anew where it had stopped. */
static void the_ring_goes_on(void)
{
    struct audio_rig f;

    set_up(&f, NULL);
    list(&f, 2, 960, 1u << 31);
    rig_outb(f.r, OUT + 0xb, 0x05);
    rig_step(f.r, 100 * MS);
    g_assert_cmphex(rig_inw(f.r, OUT + 6) & 1, ==, 1);
    g_assert_true(f.r->lines[20].level);
    rig_outw(f.r, OUT + 6, 0x1c);
    g_assert_false(f.r->lines[20].level);
    rig_store(f.r, LIST + 16, SOUND, 4);
    rig_store(f.r, LIST + 20, 960, 4);
    rig_outb(f.r, OUT + 5, 2);
    g_assert_cmphex(rig_inw(f.r, OUT + 6) & 1, ==, 0);
    g_assert_cmpuint(rig_inb(f.r, OUT + 4), ==, 2);
    rig_step(f.r, 50 * MS);
    g_assert_cmphex(rig_inw(f.r, OUT + 6) & 1, ==, 1);
    rig_outb(f.r, OUT + 0xb, 2); /* reset */
    g_assert_cmpuint(rig_inb(f.r, OUT + 4), ==, 0);
    g_assert_cmphex(rig_inb(f.r, OUT + 0xb), ==, 0);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static struct heard play_with(uint16_t master, uint16_t pcm, unsigned rate)
{
    struct audio_rig f;
    struct heard h;

    set_up(&f, NULL);
    rig_outw(f.r, MIXER + 0x2a, 1);
    rig_outw(f.r, MIXER + 0x2c, (uint16_t)rate);
    g_assert_cmpuint(rig_inw(f.r, MIXER + 0x2c), ==, rate);
    rig_outw(f.r, MIXER + 0x02, master);
    rig_outw(f.r, MIXER + 0x18, pcm);
    audio_rig_sine(f.r, SOUND, 20000, 2, 500, rate, 20000);
    list(&f, 10, 4000, 0);
    rig_outb(f.r, OUT + 0xb, 1);
    rig_step(f.r, 300 * MS);
    audio_rig_tear_down(&f);
    h = wav_hear(f.path);
    audio_rig_forget(&f);
    return h;
}

static void volume_and_rate_are_the_codecs(void)
{
    struct heard h = play_with(0, 0x0808, 22050);

    ASSERT_NEAR(h.hz, 500, 0.01);
    ASSERT_NEAR(h.level, 14142, 0.04);
    h = play_with(0x0404, 0x0808, 32000); /* four steps: 6 dB */
    ASSERT_NEAR(h.hz, 500, 0.01);
    ASSERT_NEAR(h.level, 7088, 0.05);
    h = play_with(0x8000, 0x0808, 44100);
    g_assert_cmpfloat(h.level, ==, 0);
    h = play_with(0, 0x8808, 44100);
    g_assert_cmpfloat(h.level, ==, 0);
}

/* Silence is what a driver without a microphone has. */
static void recording_fills_memory(void)
{
    struct audio_rig f;

    set_up(&f, NULL);
    rig_store(f.r, SOUND, 0x12345678, 4);
    rig_store(f.r, SOUND + 1916, 0x12345678, 4);
    rig_store(f.r, LIST, SOUND, 4);
    rig_store(f.r, LIST + 4, 960 | 1u << 31, 4);
    rig_outl(f.r, MASTER, LIST);
    rig_outb(f.r, MASTER + 5, 0);
    rig_outb(f.r, MASTER + 0xb, 0x11);
    rig_step(f.r, 100 * MS);
    g_assert_true(f.r->lines[20].level);
    g_assert_cmphex(rig_load(f.r, SOUND, 4), ==, 0);
    g_assert_cmphex(rig_load(f.r, SOUND + 1916, 4), ==, 0);
    g_assert_cmphex(rig_inl(f.r, MASTER + 0x30) & 0x20, ==, 0x20);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void random_accesses_are_survived(void)
{
    struct audio_rig f;

    set_up(&f, NULL);
    list(&f, 32, 0, 1u << 31); /* empty buffers end, too */
    rig_outb(f.r, OUT + 0xb, 0x1d);
    rig_step(f.r, 100 * MS);
    fuzz_ports(f.r, MIXER, 0x100);
    fuzz_ports(f.r, MASTER, 0x40);
    rig_check_state(f.r, f.dev);
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

static void an_unknown_audiodev_is_refused(void)
{
    struct audio_rig f;
    g_autofree char *why = NULL;

    audio_rig_set_up(&f, NULL);
    why = rig_device_error(f.r, device_type_find("AC97"), "audiodev=x");
    g_assert_nonnull(strstr(why, "audiodev 'x' not found"));
    audio_rig_tear_down(&f);
    audio_rig_forget(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ac97/play", buffers_are_played);
    g_test_add_func("/ac97/ring", the_ring_goes_on);
    g_test_add_func("/ac97/volume", volume_and_rate_are_the_codecs);
    g_test_add_func("/ac97/record", recording_fills_memory);
    g_test_add_func("/ac97/fuzz", random_accesses_are_survived);
    g_test_add_func("/ac97/audiodev", an_unknown_audiodev_is_refused);
    return g_test_run();
}
