/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/hda_test.c: HD Audio: commands and answers, streams out and in, volume, codecs' addresses.  Thread: the test's. */
#include "hw/audio/hda.h"
#include "tests/device/audio_rig.h"
#include "tests/device/fuzz.h"

#define DEVFN      PCI_DEVFN(3, 0)
#define BAR        0xe0000000u
#define CORB       0x100000u
#define RIRB       0x101000u
#define LIST       0x102000u
#define POS        0x103000u
#define SOUND      0x200000u
#define OUT        (BAR + 0x80 + 4 * 0x20)
#define IN         (BAR + 0x80)
#define STEREO_48K 0x0011u

struct fixture {
    struct audio_rig a;
    struct device *codec;
};

static void put(struct fixture *f, uint64_t addr, uint32_t v, unsigned size)
{
    rig_store(f->a.r, addr, v, size);
}

static uint32_t get(struct fixture *f, uint64_t addr, unsigned size)
{
    return (uint32_t)rig_load(f->a.r, addr, size);
}

static void set_up(struct fixture *f, const char *controller, const char *codec, const char *more)
{
    g_autofree char *props = g_strconcat("audiodev=w", more ? "," : "", more, NULL);

    audio_rig_set_up(&f->a, ",out.frequency=48000");
    f->a.dev = rig_device(f->a.r, controller, "addr=03,msi=off");
    f->codec = rig_device(f->a.r, codec, props);
    pci_rig_write(f->a.r, DEVFN, PCI_BAR0, BAR, 4);
    pci_rig_write(f->a.r, DEVFN, PCI_COMMAND, 6, 2);
    g_assert_cmphex(get(f, BAR + 0x0e, 2), ==, 0);
    put(f, BAR + 8, 1, 4);
    g_assert_cmphex(get(f, BAR + 0x0e, 2), !=, 0); /* the codec is there */
}

static void tear_down(struct fixture *f)
{
    audio_rig_tear_down(&f->a);
}

/* A command without rings. */
static uint32_t ask(struct fixture *f, unsigned node, uint32_t verb)
{
    put(f, BAR + 0x68, 2, 2);
    put(f, BAR + 0x60, node << 20 | verb, 4);
    put(f, BAR + 0x68, 1, 2);
    g_assert_cmphex(get(f, BAR + 0x68, 2) & 3, ==, 2);
    return get(f, BAR + 0x64, 4);
}

static void codecs_describe_themselves(void)
{
    static const struct {
        const char *name, *more;
        uint32_t id, nodes;
    } rows[] = {
        { "hda-output", NULL, 0x1af40012, 2 },
        { "hda-duplex", NULL, 0x1af40022, 4 },
        { "hda-micro", NULL, 0x1af40032, 4 },
        { "hda-duplex", "mixer=off", 0x1af40021, 4 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fixture f;

        set_up(&f, i & 1 ? "ich9-intel-hda" : "intel-hda", rows[i].name, rows[i].more);
        g_assert_cmphex(pci_rig_read(f.a.r, DEVFN, 0, 4), ==, i & 1 ? 0x293e8086 : 0x26688086);
        g_assert_cmphex(pci_rig_read(f.a.r, DEVFN, 10, 2), ==, 0x0403);
        g_assert_cmphex(get(&f, BAR, 2), ==, 0x4401);
        g_assert_cmphex(ask(&f, 0, 0xf0000), ==, rows[i].id);
        g_assert_cmphex(ask(&f, 1, 0xf0004), ==, 2 << 16 | rows[i].nodes);
        g_assert_cmphex(ask(&f, 1, 0xf0005), ==, 1);
        g_assert_cmphex(ask(&f, 3, 0xf0200), ==, 2); /* the jack is fed by the converter */
        g_assert_cmphex(ask(&f, 2, 0xf0012) >> 8 & 0x7f, ==, rows[i].more ? 0 : 0x4a);
        ask(&f, 9, 0xf0009); /* nothing there, and an answer */
        tear_down(&f);
        audio_rig_forget(&f.a);
    }
}

static void rings(struct fixture *f)
{
    put(f, BAR + 0x40, CORB, 4);
    put(f, BAR + 0x50, RIRB, 4);
    put(f, BAR + 0x48, 0, 2);
    put(f, BAR + 0x4a, 0x8000, 2);
    g_assert_cmphex(get(f, BAR + 0x4a, 2), ==, 0x8000);
    put(f, BAR + 0x4a, 0, 2);
    g_assert_cmphex(get(f, BAR + 0x4a, 2), ==, 0);
    put(f, BAR + 0x58, 0x8000, 2);
    put(f, BAR + 0x5a, 2, 2);
    put(f, BAR + 0x20, 0xc0000000, 4);
    put(f, BAR + 0x5c, 3, 1);
    put(f, BAR + 0x4c, 2, 1);
}

/* After two answers the guest is told, and nothing more comes until it has looked. */
static void answers_come_by_the_ring(void)
{
    struct fixture f;

    set_up(&f, "intel-hda", "hda-duplex", NULL);
    rings(&f);
    for (unsigned i = 1; i <= 3; i++) {
        put(&f, CORB + i * 4, (i == 3 ? 1u << 20 : 0) | 0xf0000 | (i == 2 ? 2 : 0), 4);
    }
    put(&f, BAR + 0x48, 3, 2);
    g_assert_cmphex(get(&f, BAR + 0x58, 2), ==, 2);
    g_assert_true(f.a.r->lines[20].level);
    g_assert_cmphex(get(&f, BAR + 0x24, 4), ==, 0xc0000000);
    g_assert_cmphex(get(&f, RIRB + 8, 4), ==, 0x1af40022);
    g_assert_cmphex(get(&f, RIRB + 16, 4), ==, 0x00100101);
    rig_check_state(f.a.r, f.a.dev);
    put(&f, BAR + 0x5d, 1, 1);
    g_assert_cmphex(get(&f, BAR + 0x58, 2), ==, 3);
    g_assert_cmphex(get(&f, BAR + 0x4a, 2), ==, 3);
    put(&f, BAR + 0x5d, 1, 1);
    g_assert_false(f.a.r->lines[20].level);
    put(&f, CORB + 16, 5u << 28 | 0xf0000, 4); /* a codec that is not there does not answer */
    put(&f, BAR + 0x48, 4, 2);
    g_assert_cmphex(get(&f, BAR + 0x58, 2), ==, 3);
    put(&f, BAR + 0x40, 0xf0000000, 4); /* no RAM */
    put(&f, BAR + 0x48, 9, 2);
    g_assert_cmphex(get(&f, BAR + 0x4c, 1) & 2, ==, 0);
    tear_down(&f);
    audio_rig_forget(&f.a);
}

/* Two buffers of `bytes` at SOUND for a descriptor, and the converter that plays them as stream 5. */
static void stream(struct fixture *f, uint64_t sd, unsigned node, unsigned bytes, uint32_t format)
{
    for (unsigned i = 0; i < 2; i++) {
        rig_store(f->a.r, LIST + i * 16, SOUND + i * bytes, 8);
        put(f, LIST + i * 16 + 8, bytes, 4);
        put(f, LIST + i * 16 + 12, 1, 4);
    }
    put(f, sd + 8, 2 * bytes, 4);
    put(f, sd + 0xc, 1, 2);
    put(f, sd + 0x12, format, 2);
    put(f, sd + 0x18, LIST, 4);
    ask(f, node, 0x20000 | format);
    ask(f, node, 0x70600 | 5 << 4);
    put(f, BAR + 0x20, 0xc00000ff, 4);
    put(f, BAR + 0x70, POS | 1, 4);
    put(f, sd, 5 << 20 | 6, 4);
}

static void a_stream_is_played(void)
{
    struct fixture f;
    struct heard h;

    set_up(&f, "ich9-intel-hda", "hda-output", NULL);
    audio_rig_sine(f.a.r, SOUND, 9600, 2, 1000, 48000, 10000);
    stream(&f, OUT, 2, 4800 * 4, STEREO_48K);
    rig_step(f.a.r, 120 * MS);
    g_assert_true(f.a.r->lines[20].level);
    g_assert_cmphex(get(&f, BAR + 0x24, 4), ==, 0x80000010);
    g_assert_cmphex(get(&f, OUT + 3, 1) & 4, ==, 4);
    g_assert_cmpuint(get(&f, OUT + 4, 4), >, 4800 * 4);
    g_assert_cmpuint(get(&f, OUT + 4, 4), ==, get(&f, POS + 4 * 8, 4));
    g_assert_cmpuint(get(&f, OUT + 4, 4), ==, get(&f, OUT + 0x2000 + 4, 4));
    put(&f, OUT + 3, 4, 1);
    g_assert_false(f.a.r->lines[20].level);
    rig_check_state(f.a.r, f.a.dev);
    rig_check_state(f.a.r, f.codec);
    rig_step(f.a.r, 500 * MS); /* around and around */
    put(&f, OUT, 5 << 20, 4);
    rig_step(f.a.r, 200 * MS); /* stopped: nothing more */
    tear_down(&f);
    h = wav_hear(f.a.path);
    g_assert_cmpuint(h.frames, >=, 29000);
    g_assert_cmpuint(h.frames, <=, 29800);
    ASSERT_NEAR(h.hz, 1000, 0.01);
    ASSERT_NEAR(h.level, 7071, 0.04);
    audio_rig_forget(&f.a);
}

static void volume_is_the_codecs(void)
{
    static const struct {
        unsigned amp;
        double level;
    } rows[] = { { 0x4a, 7071 }, { 0x4a - 6, 3544 }, { 0x80 | 0x4a, 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct fixture f;
        struct heard h;

        set_up(&f, "intel-hda", "hda-duplex", NULL);
        audio_rig_sine(f.a.r, SOUND, 9600, 2, 500, 48000, 10000);
        ask(&f, 2, 0x30000 | 0xb000 | rows[i].amp);
        g_assert_cmphex(ask(&f, 2, 0xb0000 | 0xa000), ==, rows[i].amp);
        stream(&f, OUT, 2, 4800 * 4, STEREO_48K);
        rig_step(f.a.r, 300 * MS);
        tear_down(&f);
        h = wav_hear(f.a.path);
        if (rows[i].level > 0) {
            ASSERT_NEAR(h.level, rows[i].level, 0.05);
        } else {
            g_assert_cmpfloat(h.level, ==, 0);
        }
        audio_rig_forget(&f.a);
    }
}

/* 44.1 kHz over three is 14.7; one channel of 32 bits. */
static void formats_are_those_of_the_register(void)
{
    struct fixture f;
    struct heard h;

    set_up(&f, "intel-hda", "hda-duplex", NULL);
    for (unsigned i = 0; i < 6000; i++) {
        put(&f, SOUND + i * 4, (uint32_t)lrint(10000 * sin(2 * G_PI * 300 * i / 14700)) << 16, 4);
    }
    stream(&f, OUT, 2, 2940 * 4, 0x4000 | 2 << 8 | 4 << 4);
    rig_step(f.a.r, 300 * MS);
    tear_down(&f);
    h = wav_hear(f.a.path);
    ASSERT_NEAR(h.hz, 300, 0.02);
    ASSERT_NEAR(h.level, 7071, 0.04);
    audio_rig_forget(&f.a);
}

static void recording_fills_memory(void)
{
    struct fixture f;

    set_up(&f, "intel-hda", "hda-micro", NULL);
    put(&f, SOUND, 0x12345678, 4);
    stream(&f, IN, 4, 4800 * 4, STEREO_48K);
    rig_step(f.a.r, 120 * MS);
    g_assert_cmphex(get(&f, BAR + 0x24, 4), ==, 0x80000001);
    g_assert_cmphex(get(&f, SOUND, 4), ==, 0);
    put(&f, IN, 1, 4); /* reset */
    g_assert_cmphex(get(&f, IN + 4, 4), ==, 0);
    tear_down(&f);
    audio_rig_forget(&f.a);
}

/* Lists of nothing, buffers that are no RAM, a buffer longer than the stream. */
static void bad_lists_are_harmless(void)
{
    struct fixture f;

    set_up(&f, "intel-hda", "hda-output", NULL);
    stream(&f, OUT, 2, 0, STEREO_48K);
    rig_step(f.a.r, 50 * MS);
    put(&f, OUT + 8, 1000, 4);
    rig_step(f.a.r, 50 * MS);
    put(&f, OUT, 1, 4);
    rig_store(f.a.r, LIST, UINT64_MAX - 3, 8);
    put(&f, LIST + 8, UINT32_MAX, 4);
    put(&f, OUT, 0, 4);
    put(&f, OUT + 8, 3, 4);
    put(&f, OUT + 0xc, 255, 2);
    put(&f, OUT + 0x18, LIST, 4);
    put(&f, OUT, 5 << 20 | 6, 4);
    rig_step(f.a.r, 50 * MS);
    put(&f, OUT, 1, 4);
    put(&f, OUT, 0, 4);
    put(&f, OUT + 0x1c, UINT32_MAX, 4);
    put(&f, OUT + 8, UINT32_MAX, 4);
    put(&f, OUT, 5 << 20 | 6, 4);
    rig_step(f.a.r, 50 * MS);
    fuzz_memory(f.a.r, BAR, 0x200);
    rig_check_state(f.a.r, f.a.dev);
    tear_down(&f);
    audio_rig_forget(&f.a);
}

static void codecs_have_addresses(void)
{
    struct fixture f;

    set_up(&f, "intel-hda", "hda-output", "cad=3");
    g_assert_cmphex(get(&f, BAR + 0x0e, 2), ==, 8);
    tear_down(&f);
    audio_rig_forget(&f.a);
}

static void bad_addresses_are_refused(void)
{
    struct fixture f;
    g_autofree char *taken = NULL, *high = NULL;

    set_up(&f, "intel-hda", "hda-output", NULL);
    taken = rig_device_error(f.a.r, device_type_find("hda-output"), "cad=0,audiodev=w");
    g_assert_cmpstr(taken, ==, "hda-output: there is a codec at cad=0 already");
    high = rig_device_error(f.a.r, device_type_find("hda-output"), "cad=15,audiodev=w");
    g_assert_cmpstr(high, ==, "hda-output: cad is 15, must be 0 to 14");
    tear_down(&f);
    audio_rig_forget(&f.a);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hda/codecs", codecs_describe_themselves);
    g_test_add_func("/hda/rings", answers_come_by_the_ring);
    g_test_add_func("/hda/play", a_stream_is_played);
    g_test_add_func("/hda/volume", volume_is_the_codecs);
    g_test_add_func("/hda/formats", formats_are_those_of_the_register);
    g_test_add_func("/hda/record", recording_fills_memory);
    g_test_add_func("/hda/bad-lists", bad_lists_are_harmless);
    g_test_add_func("/hda/addresses", codecs_have_addresses);
    g_test_add_func("/hda/bad-addresses", bad_addresses_are_refused);
    return g_test_run();
}
