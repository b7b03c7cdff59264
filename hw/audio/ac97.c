/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/ac97.c: "AC97": Intel's 82801AA audio controller with an AC '97 codec.
 *
 * BAR 0: the codec's mixer; BAR 1: the bus master: three boxes (in, out, microphone), each with a ring of 32 buffers
 * in guest memory.
 * Source:     Intel 82801AA (ICH) datasheet, 13; Audio Codec '97 revision 2.3.
 * Invariants: civ, piv, lvi < 32; samples move in fill and take alone; INTA is the request of a box's status that
 *             its control lets through.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "audio/audio.h"
#include "hw/audio/card_dma.h"
#include "hw/pci/pci.h"
#include "util/log.h"

/* clang-format off */
enum { BOX_IN, BOX_OUT, BOX_MIC, BOXES };
enum { BOX_BDBAR = 0x0, BOX_CIV = 0x4, BOX_LVI = 0x5, BOX_SR = 0x6, BOX_PICB = 0x8, BOX_PIV = 0xa, BOX_CR = 0xb };
enum { SR_HALTED = 0x01, SR_AT_LAST = 0x02, SR_LAST = 0x04, SR_DONE = 0x08, SR_FIFO = 0x10, SR_CLEARS = 0x1c };
enum { CR_RUN = 0x01, CR_RESET = 0x02, CR_LAST_INT = 0x04, CR_FIFO_INT = 0x08, CR_DONE_INT = 0x10, CR_BITS = 0x1f };
enum { GLOBAL_CONTROL = 0x2c, GLOBAL_STATUS = 0x30, CODEC_SEMAPHORE = 0x34 };
enum { GLOBAL_COLD = 0x02, GLOBAL_WARM = 0x04, STATUS_READY = 0x100 };
enum {                          /* the mixer, by words */
    MIX_RESET = 0x00, MIX_MASTER = 0x02, MIX_PCM = 0x18, MIX_POWER = 0x26, MIX_EXTENDED_ID = 0x28, MIX_EXTENDED = 0x2a,
    MIX_DAC_RATE = 0x2c, MIX_ADC_RATE = 0x32, MIX_MIC_RATE = 0x34, MIX_VENDOR1 = 0x7c, MIX_VENDOR2 = 0x7e, MIX_SIZE = 0x80,
};
enum { EXTENDED_VRA = 0x0001, EXTENDED_VRM = 0x0008, MUTE = 0x8000 };
static const uint16_t status_bits[BOXES] = { 0x20, 0x40, 0x80 };       /* of a box in GLOBAL_STATUS */
static const struct { uint8_t reg; uint16_t value; } mixer_defaults[] = {
    { MIX_MASTER, 0x8000 }, { 0x04, 0x8000 }, { 0x06, 0x8000 }, { 0x0c, 0x8008 }, { 0x0e, 0x8008 }, { 0x10, 0x8808 },
    { 0x12, 0x8808 }, { 0x14, 0x8808 }, { 0x16, 0x8808 }, { MIX_PCM, 0x8808 }, { 0x1c, 0x8000 }, { MIX_POWER, 0x000f },
    { MIX_EXTENDED_ID, EXTENDED_VRA | EXTENDED_VRM }, { MIX_EXTENDED, 0 }, { MIX_DAC_RATE, 48000 },
    { MIX_ADC_RATE, 48000 }, { MIX_MIC_RATE, 48000 }, { MIX_VENDOR1, 0x8384 }, { MIX_VENDOR2, 0x7600 },
};
/* clang-format on */
#define ENTRIES    32u
#define ENTRY_DONE (1u << 31) /* interrupt on completion */
#define MIXER_SIZE 1024u
#define BOX_SIZE   256u

struct ac97_box {
    uint32_t bdbar;
    uint8_t civ, lvi, piv, cr;
    uint16_t sr, picb;      /* picb: samples of the current buffer that are left */
    uint32_t addr, control; /* of the current buffer: the next sample, length and flags */
};

struct ac97;
struct ac97_stream {
    struct ac97 *card;
    unsigned n;
};

struct ac97 {
    struct pci_device pci;
    char *audiodev; /* property */
    struct mem_region mixer_io, box_io;
    uint16_t mixer[MIX_SIZE / 2];
    struct ac97_box boxes[BOXES];
    uint32_t global_control;
    uint8_t semaphore;
    struct ac97_stream streams[BOXES];
    struct audio_voice voices[BOXES];
};

/* Interrupts and buffers --------------------------------------------------------------------- */

static bool box_requests(const struct ac97_box *b)
{
    return ((b->sr & SR_LAST) && (b->cr & CR_LAST_INT)) ||
           ((b->sr & SR_DONE) && (b->cr & CR_DONE_INT)) ||
           ((b->sr & SR_FIFO) && (b->cr & CR_FIFO_INT));
}

static void update_irq(struct ac97 *s)
{
    bool level = false;

    for (unsigned i = 0; i < BOXES; i++) {
        level |= box_requests(&s->boxes[i]);
    }
    pci_set_intx(&s->pci, level);
}

/* Entry civ becomes the current buffer, the one behind it the next. */
static void fetch(struct ac97 *s, struct ac97_box *b)
{
    uint32_t entry[2] = { 0 };

    if (!dma_load(s->pci.dev.machine, b->bdbar + b->civ * 8u, entry, 8)) {
        log_line(LOG_GUEST_ERRORS, "AC97: no buffer list at 0x%x", b->bdbar);
    }
    b->addr = GUINT32_FROM_LE(entry[0]) & ~1u;
    b->control = GUINT32_FROM_LE(entry[1]);
    b->picb = (uint16_t)b->control;
}

static void advance(struct ac97 *s, struct ac97_box *b)
{
    b->civ = b->piv;
    b->piv = (uint8_t)((b->piv + 1) % ENTRIES);
    fetch(s, b);
}

/* The current buffer is used up; behind the last one there is nothing to play. */
static void finish_buffer(struct ac97 *s, unsigned n)
{
    struct ac97_box *b = &s->boxes[n];

    if (b->control & ENTRY_DONE) {
        b->sr |= SR_DONE;
    }
    if (b->civ == b->lvi) {
        b->sr |= SR_LAST | SR_AT_LAST | SR_HALTED;
        audio_voice_run(&s->voices[n], false);
    } else {
        advance(s, b);
    }
    update_irq(s);
}

/* Up to `samples` of a box; buffers without any count as used, once around the ring at most. */
static size_t transfer(struct ac97_stream *stream, uint8_t *buf, size_t samples)
{
    struct ac97 *s = stream->card;
    struct ac97_box *b = &s->boxes[stream->n];
    size_t done = 0;

    for (unsigned empty = 0; done < samples && !(b->sr & SR_HALTED) && empty <= ENTRIES;) {
        size_t n = MIN(samples - done, b->picb);

        empty = n ? 0 : empty + 1;
        if (n) {
            card_dma(s->pci.dev.machine, b->addr, buf + done * 2, n * 2, stream->n != BOX_OUT);
        }
        b->addr += (uint32_t)n * 2;
        b->picb = (uint16_t)(b->picb - n);
        done += n;
        if (b->picb == 0) {
            finish_buffer(s, stream->n);
        }
    }
    return done;
}

static size_t fill(void *opaque, uint8_t *buf, size_t len)
{
    return transfer(opaque, buf, len / 2) * 2;
}

static void take(void *opaque, const uint8_t *buf, size_t len)
{
    transfer(opaque, (uint8_t *)buf, len / 2);
}

/* The codec ------------------------------------------------------------------------------------ */

static uint16_t *mix(struct ac97 *s, unsigned reg)
{
    return &s->mixer[reg / 2];
}

/* 65536 without attenuation, which is in steps of 1.5 dB. */
static uint32_t gain(unsigned steps)
{
    uint32_t v = 65536;

    for (; steps > 0; steps--) {
        v = (uint32_t)((uint64_t)v * 55142 / 65536); /* 10 ^ (-1.5 / 20) */
    }
    return v;
}

/* The master's and PCM's attenuation; PCM's 8 is 0 dB, below it is louder. */
static uint32_t volume(struct ac97 *s, unsigned shift)
{
    unsigned master = *mix(s, MIX_MASTER) >> shift & 0x3f, pcm = *mix(s, MIX_PCM) >> shift & 0x1f;

    if ((*mix(s, MIX_MASTER) | *mix(s, MIX_PCM)) & MUTE) {
        return 0;
    }
    return gain(master + (pcm > 8 ? pcm - 8 : 0));
}

static uint32_t rate_of(struct ac97 *s, unsigned box)
{
    static const uint8_t regs[BOXES] = { MIX_ADC_RATE, MIX_DAC_RATE, MIX_MIC_RATE };
    unsigned variable = box == BOX_MIC ? EXTENDED_VRM : EXTENDED_VRA;

    return *mix(s, MIX_EXTENDED) & variable ? *mix(s, regs[box]) : 48000;
}

/* Streams follow what registers say. */
static void update_voices(struct ac97 *s)
{
    for (unsigned i = 0; i < BOXES; i++) {
        const struct ac97_box *b = &s->boxes[i];

        audio_voice_set_format(&s->voices[i],
                               &(struct audio_format){ rate_of(s, i), 2, AUDIO_S16 });
        audio_voice_run(&s->voices[i], (b->cr & CR_RUN) && !(b->sr & SR_HALTED));
    }
    audio_voice_set_volume(&s->voices[BOX_OUT], volume(s, 8), volume(s, 0));
}

static void mixer_reset(struct ac97 *s)
{
    memset(s->mixer, 0, sizeof(s->mixer));
    for (unsigned i = 0; i < G_N_ELEMENTS(mixer_defaults); i++) {
        *mix(s, mixer_defaults[i].reg) = mixer_defaults[i].value;
    }
}

static void mixer_word(struct ac97 *s, unsigned reg, uint16_t v)
{
    switch (reg) {
    case MIX_RESET:
        mixer_reset(s);
        break;
    case MIX_EXTENDED_ID:
    case MIX_VENDOR1:
    case MIX_VENDOR2:
        return;
    case MIX_POWER:
        v = (uint16_t)((v & 0xff00) | 0x0f); /* always ready */
        break;
    case MIX_EXTENDED:
        v &= EXTENDED_VRA | EXTENDED_VRM;
        if (!(v & EXTENDED_VRA)) {
            *mix(s, MIX_DAC_RATE) = *mix(s, MIX_ADC_RATE) = 48000;
        }
        if (!(v & EXTENDED_VRM)) {
            *mix(s, MIX_MIC_RATE) = 48000;
        }
        break;
    case MIX_DAC_RATE:
    case MIX_ADC_RATE:
        if (!(*mix(s, MIX_EXTENDED) & EXTENDED_VRA)) {
            return;
        }
        v = CLAMP(v, 8000, 48000);
        break;
    case MIX_MIC_RATE:
        if (!(*mix(s, MIX_EXTENDED) & EXTENDED_VRM)) {
            return;
        }
        v = CLAMP(v, 8000, 48000);
        break;
    default:
        /* Six bits where five are there: the sixth means the most. */
        v = (reg == MIX_MASTER || reg == 0x04) && (v & 0x2020) ? v | 0x1f1f : v;
        break;
    }
    if (reg != MIX_RESET) {
        *mix(s, reg) = v;
    }
    update_voices(s);
}

static uint64_t mixer_read(void *opaque, uint64_t off, unsigned size)
{
    struct ac97 *s = opaque;

    s->semaphore = 0; /* the access is over */
    return size == 2 && off < MIX_SIZE ? *mix(s, (unsigned)off) : UINT16_MAX;
}

static void mixer_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ac97 *s = opaque;

    s->semaphore = 0;
    if (size == 2 && off < MIX_SIZE) {
        mixer_word(s, (unsigned)off, (uint16_t)value);
    }
}

static const struct mem_ops mixer_ops = {
    .read = mixer_read, .write = mixer_write, .min_size = 1, .max_size = 2
};

/* The bus master -------------------------------------------------------------------------------- */

static void box_reset(struct ac97_box *b)
{
    *b = (struct ac97_box){ .sr = SR_HALTED,
                            .cr = b->cr & (CR_LAST_INT | CR_FIFO_INT | CR_DONE_INT) };
}

static void write_lvi(struct ac97 *s, struct ac97_box *b, uint8_t v)
{
    if ((b->cr & CR_RUN) && (b->sr & SR_HALTED) && (b->sr & SR_AT_LAST)) {
        b->sr &= (uint16_t) ~(SR_HALTED | SR_AT_LAST);
        advance(s, b);
    }
    b->lvi = v % ENTRIES;
}

static void write_cr(struct ac97 *s, struct ac97_box *b, uint8_t v)
{
    if (v & CR_RESET) {
        b->cr = 0;
        box_reset(b);
        return;
    }
    if ((v & CR_RUN) && !(b->cr & CR_RUN)) {
        b->sr &= (uint16_t) ~(SR_HALTED | SR_AT_LAST);
        if (b->picb == 0) {
            advance(s, b);
        }
    } else if (!(v & CR_RUN)) {
        b->sr |= SR_HALTED;
    }
    b->cr = v & CR_BITS;
}

/* A box as 16 bytes of registers. */
static void box_image(const struct ac97_box *b, uint8_t r[16])
{
    memset(r, 0, 16);
    memcpy(r, (uint32_t[]){ GUINT32_TO_LE(b->bdbar) }, 4);
    r[BOX_CIV] = b->civ;
    r[BOX_LVI] = b->lvi;
    r[BOX_SR] = (uint8_t)b->sr;
    r[BOX_PICB] = (uint8_t)b->picb;
    r[BOX_PICB + 1] = (uint8_t)(b->picb >> 8);
    r[BOX_PIV] = b->piv;
    r[BOX_CR] = b->cr;
}

static uint32_t global_status(const struct ac97 *s)
{
    uint32_t v = STATUS_READY;

    for (unsigned i = 0; i < BOXES; i++) {
        v |= box_requests(&s->boxes[i]) ? status_bits[i] : 0;
    }
    return v;
}

static uint8_t box_read_byte(struct ac97 *s, unsigned off)
{
    uint8_t r[16];

    if (off < BOXES * 16u && off % 16 < 12) {
        box_image(&s->boxes[off / 16], r);
        return r[off % 16];
    }
    if ((off & ~3u) == GLOBAL_CONTROL) {
        return (uint8_t)(s->global_control >> 8 * (off & 3));
    }
    if ((off & ~3u) == GLOBAL_STATUS) {
        return (uint8_t)(global_status(s) >> 8 * (off & 3));
    }
    if (off == CODEC_SEMAPHORE) {
        uint8_t was = s->semaphore;

        s->semaphore = 1;
        return was;
    }
    return 0xff;
}

static uint64_t box_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)box_read_byte(opaque, (unsigned)off + i) << 8 * i;
    }
    return value;
}

static void global_write(struct ac97 *s, uint32_t v)
{
    if (!(v & GLOBAL_COLD) || (v & GLOBAL_WARM)) {
        for (unsigned i = 0; i < BOXES; i++) {
            box_reset(&s->boxes[i]);
        }
        if (!(v & GLOBAL_COLD)) {
            mixer_reset(s);
        }
    }
    s->global_control = v & (0x3f & ~GLOBAL_WARM);
}

static void box_write_byte(struct ac97 *s, unsigned off, uint8_t v)
{
    struct ac97_box *b;
    unsigned shift;

    if (off >= BOXES * 16u) {
        return;
    }
    b = &s->boxes[off / 16];
    switch (off % 16) {
    case BOX_LVI:
        write_lvi(s, b, v);
        break;
    case BOX_SR:
        b->sr &= (uint16_t) ~(v & SR_CLEARS);
        break;
    case BOX_CR:
        write_cr(s, b, v);
        break;
    case BOX_BDBAR:
    case BOX_BDBAR + 1:
    case BOX_BDBAR + 2:
    case BOX_BDBAR + 3:
        shift = off % 16 * 8;
        b->bdbar = ((b->bdbar & ~(0xffu << shift)) | (uint32_t)v << shift) & ~7u;
        break;
    default:
        break;
    }
}

static void box_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ac97 *s = opaque;

    if (off == GLOBAL_CONTROL && size == 4) {
        global_write(s, (uint32_t)value);
    }
    for (unsigned i = 0; i < size; i++) {
        box_write_byte(s, (unsigned)off + i, (uint8_t)(value >> 8 * i));
    }
    update_irq(s);
    update_voices(s);
}

static const struct mem_ops box_ops = {
    .read = box_read, .write = box_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static bool realize(struct device *dev, GError **error)
{
    static const char *const names[BOXES] = { "ac97.pi", "ac97.po", "ac97.mc" };
    const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x2415, .revision = 1, .class = 0x0401, .int_pin = 1
    };
    struct ac97 *s = (struct ac97 *)dev;
    struct audio_backend *b = audio_backend_find(dev->machine, s->audiodev, error);

    if (!b || !pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    mem_region_init_mmio(&s->mixer_io, dev->machine, "ac97-nam", &mixer_ops, s, MIXER_SIZE);
    mem_region_init_mmio(&s->box_io, dev->machine, "ac97-nabm", &box_ops, s, BOX_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->mixer_io, MIXER_SIZE);
    pci_add_bar(&s->pci, 1, PCI_BAR_IO, &s->box_io, BOX_SIZE);
    for (unsigned i = 0; i < BOXES; i++) {
        s->streams[i] = (struct ac97_stream){ s, i };
        s->voices[i] = (struct audio_voice){ .name = names[i], .opaque = &s->streams[i] };
        s->voices[i].fill = i == BOX_OUT ? fill : NULL;
        s->voices[i].take = i == BOX_OUT ? NULL : take;
        audio_voice_open(&s->voices[i], b);
    }
    return true;
}

static void reset(struct device *dev)
{
    struct ac97 *s = (struct ac97 *)dev;

    pci_device_reset(&s->pci);
    mixer_reset(s);
    for (unsigned i = 0; i < BOXES; i++) {
        s->boxes[i].cr = 0;
        box_reset(&s->boxes[i]);
    }
    s->global_control = 0;
    s->semaphore = 0;
    update_irq(s);
    update_voices(s);
}

static void unrealize(struct device *dev)
{
    struct ac97 *s = (struct ac97 *)dev;

    for (unsigned i = 0; i < BOXES; i++) {
        audio_voice_close(&s->voices[i]);
    }
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mixer_io);
    mem_region_destroy(&s->box_io);
}

static bool post_load(struct device *dev, GError **error)
{
    struct ac97 *s = (struct ac97 *)dev;

    for (unsigned i = 0; i < BOXES; i++) {
        s->boxes[i].civ %= ENTRIES;
        s->boxes[i].lvi %= ENTRIES;
        s->boxes[i].piv %= ENTRIES;
    }
    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    update_irq(s);
    update_voices(s);
    return true;
}

static const struct property props[] = {
    PCI_PROPS(struct ac97, pci),
    PROP_STRING(struct ac97, "audiodev", audiodev, NULL, "ID of an audiodev to use as a backend"),
    { 0 },
};
static const struct state_row box_state[] = {
    STATE_INT(struct ac97_box, bdbar, 1, "list of buffers"),
    STATE_INT(struct ac97_box, civ, 1, "current entry"),
    STATE_INT(struct ac97_box, lvi, 1, "last valid entry"),
    STATE_INT(struct ac97_box, piv, 1, "next entry"),
    STATE_INT(struct ac97_box, cr, 1, "control"),
    STATE_INT(struct ac97_box, sr, 1, "status"),
    STATE_INT(struct ac97_box, picb, 1, "samples that are left of the buffer"),
    STATE_INT(struct ac97_box, addr, 1, "the next one"),
    STATE_INT(struct ac97_box, control, 1, "the entry's flags"),
    { 0 },
};
static const struct state_row state[] = {
    PCI_STATE(struct ac97, pci),
    STATE_ARRAY(struct ac97, mixer, 1, "the codec's registers"),
    STATE_SUB(struct ac97, boxes, BOXES, box_state, 1, "PCM in, PCM out, microphone"),
    STATE_INT(struct ac97, global_control, 1, "global control"),
    STATE_INT(struct ac97, semaphore, 1, "an access to the codec is going on"),
    { 0 },
};

const struct device_type ac97_type = {
    .name = "AC97",
    .summary = "Intel 82801AA AC97 Audio",
    .bus = BUS_PCI,
    .size = sizeof(struct ac97),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
