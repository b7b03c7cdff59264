/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/sb16.c: "sb16": the Sound Blaster 16: its DSP plays and records by ISA DMA, its mixer has the volumes and
 * says which interrupt and channels it uses.  There is no FM synthesizer and no MIDI.
 *
 * Source:     Creative, "Sound Blaster Series Hardware Programming Guide".
 * Invariants: have <= want <= 4 parameters of a command; left <= block bytes of a block; what the host has not read
 *             is at most OUT_MAX bytes; samples move in fill and take alone.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "audio/audio.h"
#include "hw/isa/dma.h"
#include "hw/isa/isa.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define OUT_MAX   64u
#define COPYRIGHT "COPYRIGHT (C) CREATIVE TECHNOLOGY LTD, 1992."

/* clang-format off */
enum { MIX_RESET = 0x00, MIX_MASTER = 0x30, MIX_VOICE = 0x32, MIX_IRQ = 0x80, MIX_DMA = 0x81, MIX_STATUS = 0x82 };
enum { IRQ_8 = 0x01, IRQ_16 = 0x02 };
enum { MODE_SIGNED = 0x10, MODE_STEREO = 0x20 };
enum { COMMAND_RECORDS = 0x08, COMMAND_AUTO = 0x04 };
static const uint8_t irqs[4] = { 2, 5, 7, 10 };     /* bits of MIX_IRQ */

/* Parameters of commands, by ranges. */
static const struct { uint8_t first, last, parameters; } commands[] = {
    { 0x10, 0x10, 1 }, { 0x14, 0x17, 2 }, { 0x24, 0x24, 2 }, { 0x40, 0x40, 1 }, { 0x41, 0x42, 2 }, { 0x48, 0x48, 2 },
    { 0x74, 0x77, 2 }, { 0x80, 0x80, 2 }, { 0xb0, 0xcf, 3 }, { 0xe0, 0xe0, 1 }, { 0xe2, 0xe2, 1 }, { 0xe4, 0xe4, 1 },
};
/* clang-format on */

struct sb16 {
    struct device dev;
    char *audiodev; /* properties */
    uint32_t iobase, irq, dma, dma16, version;
    struct mem_region dsp_io;
    struct isa_dma *isa_dma;
    uint8_t mixer_index, mixer[256];
    /* The command that parameters are awaited for; 0: none. */
    uint8_t command, want, have, parameters[4];
    uint8_t out[OUT_MAX], out_first, out_count; /* for the host */
    uint8_t reset_port, test, last;
    bool speaker;
    uint8_t status; /* IRQ_8, IRQ_16: raised, and not acknowledged */
    uint32_t rate;
    /* The transfer. */
    bool running, paused, automatic, records, wide;
    uint8_t mode;
    uint32_t block, left; /* bytes of a block, and to its end */
    uint32_t block_set;   /* by command 0x48 */
    struct audio_voice voice, recorder;
};

static void update_irq(struct sb16 *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(irqs); i++) {
        const struct irq *line = isa_irq(&s->dev, irqs[i]);

        if (s->mixer[MIX_IRQ] >> i & 1) {
            irq_set(line, s->status != 0);
        }
    }
}

static void raise_irq(struct sb16 *s, bool wide)
{
    s->status |= wide ? IRQ_16 : IRQ_8;
    update_irq(s);
}

/* The lowest channel that the mixer has chosen. */
static unsigned dma_channel(const struct sb16 *s)
{
    unsigned chosen = s->mixer[MIX_DMA] & (s->wide ? 0xe0 : 0x0b);

    return chosen ? (unsigned)__builtin_ctz(chosen) : s->wide ? s->dma16 : s->dma;
}

/* Transfers ------------------------------------------------------------------------------------- */

static struct audio_format format_of(const struct sb16 *s)
{
    enum audio_encoding encoding = s->wide ? (s->mode & MODE_SIGNED ? AUDIO_S16 : AUDIO_U16)
                                           : (s->mode & MODE_SIGNED ? AUDIO_S8 : AUDIO_U8);

    return (struct audio_format){ s->rate, s->mode & MODE_STEREO ? 2 : 1, encoding };
}

/* Volumes are five bits in steps of 2 dB. */
static uint32_t gain(uint8_t master, uint8_t voice)
{
    uint32_t v = 65536;

    for (unsigned steps = (31u - (master >> 3)) + (31u - (voice >> 3)); steps > 0; steps--) {
        v = (uint32_t)((uint64_t)v * 52057 / 65536); /* 10 ^ (-2 / 20) */
    }
    return v;
}

static void update_voices(struct sb16 *s)
{
    struct audio_format f = format_of(s);
    bool runs = s->running && !s->paused && s->isa_dma;

    audio_voice_set_format(&s->voice, &f);
    audio_voice_set_format(&s->recorder, &f);
    audio_voice_set_volume(&s->voice, gain(s->mixer[MIX_MASTER], s->mixer[MIX_VOICE]),
                           gain(s->mixer[MIX_MASTER + 1], s->mixer[MIX_VOICE + 1]));
    audio_voice_run(&s->voice, runs && !s->records);
    audio_voice_run(&s->recorder, runs && s->records);
    if (s->isa_dma) {
        s->isa_dma->request(s->isa_dma->opaque, dma_channel(s), runs);
    }
}

static void begin(struct sb16 *s, bool wide, bool records, bool automatic, uint8_t mode,
                  uint32_t bytes)
{
    s->wide = wide;
    s->records = records;
    s->automatic = automatic;
    s->mode = mode;
    s->block = s->left = bytes;
    s->running = true;
    s->paused = false;
    update_voices(s);
}

static void end_block(struct sb16 *s)
{
    s->left = s->block;
    s->running = s->automatic;
    raise_irq(s, s->wide);
    update_voices(s);
}

static size_t transfer(struct sb16 *s, uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len && s->running && !s->paused) {
        uint32_t n = (uint32_t)MIN(len - done, s->left);
        bool end;

        n = s->isa_dma->transfer(s->isa_dma->opaque, dma_channel(s), buf + done, n, s->records,
                                 &end);
        if (n == 0) {
            break; /* masked, or programmed the other way */
        }
        done += n;
        s->left -= n;
        if (s->left == 0) {
            end_block(s);
        }
    }
    return done;
}

static size_t fill(void *opaque, uint8_t *buf, size_t len)
{
    return transfer(opaque, buf, len);
}

static void take(void *opaque, const uint8_t *buf, size_t len)
{
    transfer(opaque, (uint8_t *)buf, len);
}

static void ready(void *opaque)
{
    (void)opaque; /* the next look at the clock finds it */
}

/* The DSP ----------------------------------------------------------------------------------------- */

static void answer(struct sb16 *s, uint8_t v)
{
    if (s->out_count < OUT_MAX) {
        s->out[(s->out_first + s->out_count++) % OUT_MAX] = v;
    }
}

static void dsp_reset(struct sb16 *s)
{
    s->command = s->want = s->have = 0;
    s->out_first = s->out_count = 0;
    s->running = s->paused = s->speaker = false;
    s->rate = 11025;
    s->mode = 0;
    s->block_set = 1;
    s->status = 0;
    update_irq(s);
    update_voices(s);
}

static void info_command(struct sb16 *s, uint8_t command)
{
    static const char text[] = COPYRIGHT;

    switch (command) {
    case 0xd8:
        answer(s, s->speaker ? 0xff : 0);
        break;
    case 0xe0:
        answer(s, (uint8_t)~s->parameters[0]);
        break;
    case 0xe1:
        answer(s, (uint8_t)(s->version >> 8));
        answer(s, (uint8_t)s->version);
        break;
    case 0xe3:
        for (unsigned i = 0; i < sizeof(text); i++) {
            answer(s, (uint8_t)text[i]);
        }
        break;
    case 0xe4:
        s->test = s->parameters[0];
        break;
    case 0xe8:
        answer(s, s->test);
        break;
    default:
        break;
    }
}

/* 8 bits, one channel, at the rate of the time constant. */
static void old_transfer(struct sb16 *s, uint8_t command)
{
    uint32_t length = (s->parameters[0] | (uint32_t)s->parameters[1] << 8) + 1;
    bool automatic = command == 0x1c || command == 0x2c || command == 0x90 || command == 0x98;
    bool own_length = command == 0x14 || command == 0x24;
    bool stereo = s->mixer[0x0e] & 2;

    begin(s, false, command >= 0x24 && command <= 0x2c ? true : command >= 0x98, automatic,
          stereo ? MODE_STEREO : 0, own_length ? length : s->block_set);
}

static void set_pause(struct sb16 *s, bool wide, bool paused)
{
    if (s->wide == wide) {
        s->paused = paused;
        update_voices(s);
    }
}

static void set_rate(struct sb16 *s, uint32_t rate)
{
    s->rate = CLAMP(rate, 4000, 48000);
    update_voices(s);
}

static void run_command(struct sb16 *s, uint8_t command)
{
    const uint8_t *p = s->parameters;
    uint32_t length;

    if (command >= 0xb0 && command <= 0xcf) {
        bool wide = command < 0xc0;

        length = (p[1] | (uint32_t)p[2] << 8) + 1;
        begin(s, wide, command & COMMAND_RECORDS, command & COMMAND_AUTO, p[0],
              wide ? length * 2 : length);
        return;
    }
    switch (command) {
    case 0x14:
    case 0x1c:
    case 0x24:
    case 0x2c:
    case 0x90:
    case 0x91:
    case 0x98:
    case 0x99:
        old_transfer(s, command);
        break;
    case 0x40:
        set_rate(s, 1000000u / (256u - p[0]) / (s->mixer[0x0e] & 2 ? 2 : 1));
        break;
    case 0x41:
    case 0x42:
        set_rate(s, (uint32_t)p[0] << 8 | p[1]);
        break;
    case 0x48:
        s->block_set = (p[0] | (uint32_t)p[1] << 8) + 1;
        break;
    case 0xd0:
    case 0xd4:
        set_pause(s, false, command == 0xd0);
        break;
    case 0xd5:
    case 0xd6:
        set_pause(s, true, command == 0xd5);
        break;
    case 0xd1:
    case 0xd3:
        s->speaker = command == 0xd1;
        break;
    case 0xd9:
    case 0xda:
        s->automatic = false; /* the block that plays is the last */
        break;
    case 0xf2:
    case 0xf3:
        raise_irq(s, command == 0xf3);
        break;
    default:
        info_command(s, command);
        break;
    }
}

static void dsp_write(struct sb16 *s, uint8_t v)
{
    if (s->want == 0) {
        s->command = v;
        for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
            if (v >= commands[i].first && v <= commands[i].last) {
                s->want = commands[i].parameters;
            }
        }
    } else {
        s->parameters[s->have++] = v;
    }
    if (s->have == s->want) {
        s->want = s->have = 0;
        run_command(s, s->command);
    }
}

static uint8_t dsp_read(struct sb16 *s)
{
    if (s->out_count) {
        s->last = s->out[s->out_first];
        s->out_first = (uint8_t)((s->out_first + 1) % OUT_MAX);
        s->out_count--;
    }
    return s->last;
}

static void reset_port(struct sb16 *s, uint8_t v)
{
    if (s->reset_port == 1 && v == 0) {
        dsp_reset(s);
        answer(s, 0xaa);
    }
    s->reset_port = v;
}

/* The mixer -------------------------------------------------------------------------------------- */

static void mixer_reset(struct sb16 *s)
{
    memset(s->mixer, 0, sizeof(s->mixer));
    for (unsigned i = MIX_MASTER; i < MIX_MASTER + 6; i++) {
        s->mixer[i] = 0xc0;
    }
    s->mixer[0x04] = s->mixer[0x22] = s->mixer[0x26] = 0xcc;
    for (unsigned i = 0; i < G_N_ELEMENTS(irqs); i++) {
        s->mixer[MIX_IRQ] |= (uint8_t)(irqs[i] == s->irq ? 1u << i : 0);
    }
    s->mixer[MIX_DMA] = (uint8_t)(1u << s->dma | 1u << s->dma16);
}

/* The older registers hold both sides in a byte. */
static void set_both(struct sb16 *s, unsigned reg, uint8_t v)
{
    s->mixer[reg] = (uint8_t)((v & 0xf0) | 0x08);
    s->mixer[reg + 1] = (uint8_t)(v << 4 | 0x08);
}

static void mixer_write(struct sb16 *s, uint8_t v)
{
    if (s->mixer_index == MIX_RESET) {
        mixer_reset(s);
    } else if (s->mixer_index == MIX_IRQ) {
        for (unsigned i = 0; i < G_N_ELEMENTS(irqs); i++) {
            irq_set(s->mixer[MIX_IRQ] >> i & 1 ? isa_irq(&s->dev, irqs[i]) : NULL, false);
        }
        s->mixer[MIX_IRQ] = v & 0x0f;
        update_irq(s);
    } else if (s->mixer_index == MIX_DMA) {
        if (s->isa_dma) {
            s->isa_dma->request(s->isa_dma->opaque, dma_channel(s), false);
        }
        s->mixer[MIX_DMA] = v & 0xeb;
    } else if (s->mixer_index != MIX_STATUS) {
        s->mixer[s->mixer_index] = v;
        if (s->mixer_index == 0x22 || s->mixer_index == 0x04) {
            set_both(s, s->mixer_index == 0x22 ? MIX_MASTER : MIX_VOICE, v);
        }
    }
    update_voices(s);
}

/* Ports -------------------------------------------------------------------------------------------- */

static void acknowledge(struct sb16 *s, uint8_t bit)
{
    s->status &= (uint8_t)~bit;
    update_irq(s);
}

static uint64_t port_read(void *opaque, uint64_t off, unsigned size)
{
    struct sb16 *s = opaque;

    (void)size;
    switch (off) {
    case 0x4:
        return s->mixer_index;
    case 0x5:
        return s->mixer_index == MIX_STATUS ? s->status : s->mixer[s->mixer_index];
    case 0xa:
        return dsp_read(s);
    case 0xc:
        return 0; /* never busy */
    case 0xe:
        acknowledge(s, IRQ_8);
        return s->out_count ? 0x80 : 0;
    case 0xf:
        acknowledge(s, IRQ_16);
        return 0xff;
    default:
        return 0xff;
    }
}

static void port_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct sb16 *s = opaque;

    (void)size;
    switch (off) {
    case 0x4:
        s->mixer_index = (uint8_t)value;
        break;
    case 0x5:
        mixer_write(s, (uint8_t)value);
        break;
    case 0x6:
        reset_port(s, (uint8_t)value);
        break;
    case 0xc:
        dsp_write(s, (uint8_t)value);
        break;
    default:
        break;
    }
}

static const struct mem_ops port_ops = {
    .read = port_read, .write = port_write, .min_size = 1, .max_size = 1
};

/* Life ------------------------------------------------------------------------------------------ */

static bool check_properties(const struct sb16 *s, GError **error)
{
    bool irq_known = memchr(irqs, (int)s->irq, sizeof(irqs)) != NULL && s->irq < 16;

    if (!irq_known) {
        set_error(error, "sb16: irq is %u, must be 2, 5, 7 or 10", s->irq);
    } else if (s->dma != 0 && s->dma != 1 && s->dma != 3) {
        set_error(error, "sb16: dma is %u, must be 0, 1 or 3", s->dma);
    } else if (s->dma16 < 5 || s->dma16 > 7) {
        set_error(error, "sb16: dma16 is %u, must be 5, 6 or 7", s->dma16);
    } else if (s->iobase > 0x3f0 || s->iobase % 0x10) {
        set_error(error, "sb16: iobase is 0x%x, must be a multiple of 16 up to 0x3f0", s->iobase);
    } else {
        return true;
    }
    return false;
}

static bool realize(struct device *dev, GError **error)
{
    struct sb16 *s = (struct sb16 *)dev;
    struct audio_backend *b;

    if (!check_properties(s, error) ||
        !(b = audio_backend_find(dev->machine, s->audiodev, error))) {
        return false;
    }
    s->isa_dma = ((struct isa_bus *)dev->bus)->dma;
    if (s->isa_dma) {
        for (unsigned n = 0; n < 8; n++) {
            if (n == s->dma || n == s->dma16) {
                s->isa_dma->listen(s->isa_dma->opaque, n, ready, s);
            }
        }
    }
    mem_region_init_mmio(&s->dsp_io, dev->machine, "sb16", &port_ops, s, 0x10);
    isa_register_ports(dev, (uint16_t)s->iobase, &s->dsp_io);
    s->voice = (struct audio_voice){ .name = "sb16", .opaque = s, .fill = fill };
    s->recorder = (struct audio_voice){ .name = "sb16.in", .opaque = s, .take = take };
    audio_voice_open(&s->voice, b);
    audio_voice_open(&s->recorder, b);
    return true;
}

static void reset(struct device *dev)
{
    struct sb16 *s = (struct sb16 *)dev;

    s->mixer_index = s->reset_port = s->test = s->last = 0;
    s->wide = s->records = s->automatic = false;
    s->block = s->left = 1;
    memset(s->parameters, 0, sizeof(s->parameters));
    memset(s->out, 0, sizeof(s->out));
    mixer_reset(s);
    dsp_reset(s);
}

static void unrealize(struct device *dev)
{
    struct sb16 *s = (struct sb16 *)dev;

    audio_voice_close(&s->voice);
    audio_voice_close(&s->recorder);
    mem_region_destroy(&s->dsp_io);
}

static bool post_load(struct device *dev, GError **error)
{
    struct sb16 *s = (struct sb16 *)dev;

    /* A command whose last parameter came is run: none has them all. */
    if (s->want > 4 || s->have > s->want || (s->want && s->have == s->want) ||
        s->out_first >= OUT_MAX || s->out_count > OUT_MAX || s->block == 0 || s->block > 0x20000 ||
        s->left == 0 || s->left > s->block) {
        set_error(error, "sb16: %u of %u parameters, %u bytes at %u, %u of %u bytes of a block",
                  s->have, s->want, s->out_count, s->out_first, s->left, s->block);
        return false;
    }
    update_irq(s);
    update_voices(s);
    return true;
}

static const struct property props[] = {
    PROP_STRING(struct sb16, "audiodev", audiodev, NULL, "ID of an audiodev to use as a backend"),
    PROP_U32(struct sb16, "version", version, 0x0405, "of the DSP"),
    PROP_U32(struct sb16, "iobase", iobase, 0x220, "first I/O port"),
    PROP_U32(struct sb16, "irq", irq, 5, "interrupt: 2, 5, 7 or 10"),
    PROP_U32(struct sb16, "dma", dma, 1, "DMA channel for 8 bits"),
    PROP_U32(struct sb16, "dma16", dma16, 5, "DMA channel for 16 bits"),
    { 0 },
};
static const struct state_row state[] = {
    STATE_INT(struct sb16, mixer_index, 1, "mixer: register"),
    STATE_BUF(struct sb16, mixer, 1, "mixer"),
    STATE_INT(struct sb16, command, 1, "command that parameters are awaited for"),
    STATE_INT(struct sb16, want, 1, "how many"),
    STATE_INT(struct sb16, have, 1, "that came"),
    STATE_BUF(struct sb16, parameters, 1, ""),
    STATE_BUF(struct sb16, out, 1, "bytes for the host"),
    STATE_INT(struct sb16, out_first, 1, "the next"),
    STATE_INT(struct sb16, out_count, 1, "how many"),
    STATE_INT(struct sb16, reset_port, 1, "last write to the reset port"),
    STATE_INT(struct sb16, test, 1, "test register"),
    STATE_INT(struct sb16, last, 1, "last byte that was read"),
    STATE_INT(struct sb16, speaker, 1, "speaker is on"),
    STATE_INT(struct sb16, status, 1, "interrupts"),
    STATE_INT(struct sb16, rate, 1, "samples a second"),
    STATE_INT(struct sb16, running, 1, "a transfer goes on"),
    STATE_INT(struct sb16, paused, 1, "but pauses"),
    STATE_INT(struct sb16, automatic, 1, "block after block"),
    STATE_INT(struct sb16, records, 1, "it records"),
    STATE_INT(struct sb16, wide, 1, "16 bits"),
    STATE_INT(struct sb16, mode, 1, "signed, stereo"),
    STATE_INT(struct sb16, block, 1, "bytes of a block"),
    STATE_INT(struct sb16, left, 1, "to its end"),
    STATE_INT(struct sb16, block_set, 1, "block of the next transfer"),
    { 0 },
};

const struct device_type sb16_type = {
    .name = "sb16",
    .summary = "Creative Sound Blaster 16",
    .bus = BUS_ISA,
    .size = sizeof(struct sb16),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
