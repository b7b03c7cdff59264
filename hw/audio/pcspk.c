/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/pcspk.c: the PC's speaker: what the timer's channel 2 makes while port 0x61 lets it through.
 * Only square waves are heard: a program that clicks by hand is silent.
 * Thread: under the machine lock.
 */
#include "audio/audio.h"
#include "hw/timer/i8254.h"
#include "softmmu/machine.h"

#define RATE     44100u
#define LOUD     8192
#define SPEAKER  0x03u /* port 0x61: the gate and the speaker */
#define FRACTION 32

struct pcspk {
    struct device dev;
    char *audiodev; /* property; NULL: the board's, and then none */
    struct i8254 *pit;
    struct audio_voice voice;
    uint32_t phase; /* of a whole period */
};

/* Periods per frame, with 32 bits of fraction; 0: nothing is heard. */
static uint32_t step(const struct pcspk *s)
{
    const struct pit_channel *c = &s->pit->channel[2];
    uint64_t hz = PIT_HZ / MAX(c->count, 1);

    if ((s->pit->speaker & SPEAKER) != SPEAKER || (c->mode & 3) != 3 || !c->loaded ||
        hz > RATE / 2) {
        return 0;
    }
    return (uint32_t)(((uint64_t)PIT_HZ << FRACTION) / c->count / RATE);
}

static size_t fill(void *opaque, uint8_t *buf, size_t len)
{
    struct pcspk *s = opaque;
    uint32_t per_frame = step(s);

    for (size_t i = 0; i + 2 <= len; i += 2) {
        int16_t v = !per_frame ? 0 : s->phase < 1u << 31 ? LOUD : -LOUD;

        buf[i] = (uint8_t)v;
        buf[i + 1] = (uint8_t)((uint16_t)v >> 8);
        s->phase += per_frame;
    }
    return len & ~(size_t)1;
}

static void changed(void *opaque)
{
    struct pcspk *s = opaque;

    audio_voice_run(&s->voice, step(s) != 0);
}

static bool realize(struct device *dev, GError **error)
{
    struct pcspk *s = (struct pcspk *)dev;
    const char *id = s->audiodev ? s->audiodev : dev->machine->config.pcspk_audiodev;
    struct audio_backend *b;

    if (!id) {
        return true; /* nobody listens */
    }
    b = audio_backend_find(dev->machine, id, error);
    for (unsigned i = 0; i < dev->machine->devices->len; i++) {
        struct device *other = g_ptr_array_index(dev->machine->devices, i);

        if (other->type == &i8254_type || other->type == &i8254_kernel_type) {
            s->pit = (struct i8254 *)other;
        }
    }
    if (!b || !s->pit) {
        return b != NULL;
    }
    s->voice.name = "pcspk";
    s->voice.opaque = s;
    s->voice.fill = fill;
    audio_voice_open(&s->voice, b);
    audio_voice_set_format(&s->voice, &(struct audio_format){ RATE, 1, AUDIO_S16 });
    s->pit->speaker_changed = changed;
    s->pit->speaker_opaque = s;
    return true;
}

static void reset(struct device *dev)
{
    struct pcspk *s = (struct pcspk *)dev;

    s->phase = 0;
    audio_voice_run(&s->voice, false);
}

static void unrealize(struct device *dev)
{
    struct pcspk *s = (struct pcspk *)dev;

    if (s->pit) {
        s->pit->speaker_changed = NULL;
    }
    audio_voice_close(&s->voice);
}

/* The timer's state was loaded before: it is the older device. */
static bool post_load(struct device *dev, GError **error)
{
    struct pcspk *s = (struct pcspk *)dev;

    (void)error;
    if (s->pit) {
        changed(s);
    }
    return true;
}

static const struct property props[] = {
    PROP_STRING(struct pcspk, "audiodev", audiodev, NULL, "ID of an audiodev to use as a backend"),
    { 0 },
};
static const struct state_row state[] = {
    STATE_INT(struct pcspk, phase, 1, "place within a period"),
    { 0 },
};

const struct device_type pcspk_type = {
    .name = "isa-pcspk",
    .summary = "the PC's speaker",
    .bus = BUS_ISA,
    .internal = true,
    .size = sizeof(struct pcspk),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
