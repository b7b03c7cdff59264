/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/es1370.c: "ES1370": the Ensoniq AudioPCI: two players, a recorder, and an AK4531 codec that is written to.
 *
 * Source:     Ensoniq ES1370 specification, revision 1.0.
 * Invariants: a channel's place is within its frame's size, which is at most 256 KiB; samples move in fill and take
 *             alone; INTA is the request of a status bit.
 * Thread:     under the machine lock.
 */
#include "audio/audio.h"
#include "hw/audio/card_dma.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum { DAC1, DAC2, ADC, CHANNELS };
enum { REG_CONTROL = 0x00, REG_STATUS = 0x04, REG_PAGE = 0x0c, REG_CODEC = 0x10, REG_SERIAL = 0x20, REG_COUNTS = 0x24,
       REG_FRAMES = 0x30, REG_END = 0x40 };
enum { PAGE_DAC = 0x0c, PAGE_ADC = 0x0d };
enum { CONTROL_DAC1 = 0x40, CONTROL_DAC2 = 0x20, CONTROL_ADC = 0x10 };
#define STATUS_INTR (1u << 31)
#define PCLK 1411200u  /* Hz, divided by PCLKDIV + 2 */

/* Bits of each channel in the control, status and serial registers. */
static const struct {
    uint32_t enable, status, interrupt, pause, loop; /* loop: off: it goes on and on */
    uint8_t format;                                  /* shift: bit 0 stereo, bit 1 16 bits */
} bits[CHANNELS] = {
    [DAC1] = { CONTROL_DAC1, 0x4, 1u << 8,  1u << 11, 1u << 13, 0 },
    [DAC2] = { CONTROL_DAC2, 0x2, 1u << 9,  1u << 12, 1u << 14, 2 },
    [ADC]  = { CONTROL_ADC,  0x1, 1u << 10, 0,        1u << 15, 4 },
};
static const uint32_t dac1_rates[4] = { 5512, 11025, 22050, 44100 };
/* clang-format on */
#define FRAME_SIZE 256u

struct es1370;

struct es1370_channel {
    uint32_t addr;        /* of the frame in guest memory */
    uint32_t size, at;    /* bytes of it, and played */
    uint32_t count, left; /* samples between interrupts, and to the next */
};

struct es1370_stream {
    struct es1370 *card;
    unsigned n;
};

struct es1370 {
    struct pci_device pci;
    char *audiodev; /* property */
    struct mem_region io;
    uint32_t control, status, serial, page, codec;
    struct es1370_channel channels[CHANNELS];
    struct es1370_stream streams[CHANNELS];
    struct audio_voice voices[CHANNELS];
};

static void update_irq(struct es1370 *s)
{
    uint32_t requests = s->status & 7;

    s->status = requests | (requests ? STATUS_INTR : 0);
    pci_set_intx(&s->pci, requests != 0);
}

static struct audio_format format_of(const struct es1370 *s, unsigned n)
{
    unsigned f = s->serial >> bits[n].format & 3;
    uint32_t rate =
        n == DAC1 ? dac1_rates[s->control >> 12 & 3] : PCLK / ((s->control >> 16 & 0x1fff) + 2);

    return (struct audio_format){ rate, f & 1 ? 2 : 1, f & 2 ? AUDIO_S16 : AUDIO_U8 };
}

static bool runs(const struct es1370 *s, unsigned n)
{
    return (s->control & bits[n].enable) && !(s->serial & bits[n].pause);
}

static void update_voices(struct es1370 *s)
{
    for (unsigned n = 0; n < CHANNELS; n++) {
        struct audio_format f = format_of(s, n);

        audio_voice_set_format(&s->voices[n], &f);
        audio_voice_run(&s->voices[n], runs(s, n));
    }
}

/* `frames` samples have passed. */
static void count_down(struct es1370 *s, unsigned n, uint32_t frames)
{
    struct es1370_channel *c = &s->channels[n];

    if (frames <= c->left) {
        c->left -= frames;
        return;
    }
    c->left = c->count - MIN(c->count, frames - c->left - 1);
    if (s->serial & bits[n].interrupt) {
        s->status |= bits[n].status;
        update_irq(s);
    }
    if (s->serial & bits[n].loop) { /* stop mode */
        s->control &= ~bits[n].enable;
        audio_voice_run(&s->voices[n], false);
    }
}

/* Pieces end where the frame or the count does. */
static size_t transfer(struct es1370_stream *stream, uint8_t *buf, size_t len)
{
    struct es1370 *s = stream->card;
    struct es1370_channel *c = &s->channels[stream->n];
    struct audio_format f = format_of(s, stream->n);
    unsigned bytes = audio_frame_bytes(&f);
    size_t done = 0;

    while (done + bytes <= len && runs(s, stream->n)) {
        size_t piece = MIN(len - done, c->size - c->at), to_count = ((size_t)c->left + 1) * bytes;

        piece = MIN(piece, to_count);
        piece -= piece % bytes;
        if (piece == 0) {
            piece = MIN(bytes, c->size - c->at);
        }
        card_dma(s->pci.dev.machine, c->addr + c->at, buf + done, piece, stream->n == ADC);
        done += piece;
        c->at = c->at + piece >= c->size ? 0 : c->at + (uint32_t)piece;
        count_down(s, stream->n, (uint32_t)(piece / bytes));
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

/* Registers ------------------------------------------------------------------------------------- */

/* The channel whose frame registers are at `off` in the chosen page; CHANNELS: none. */
static unsigned frame_channel(const struct es1370 *s, unsigned off)
{
    if (s->page == PAGE_DAC) {
        return off < 0x38 ? DAC1 : DAC2;
    }
    return s->page == PAGE_ADC && off < 0x38 ? ADC : CHANNELS;
}

static uint32_t read_frame(const struct es1370 *s, unsigned off)
{
    unsigned n = frame_channel(s, off);
    const struct es1370_channel *c = &s->channels[n % CHANNELS];

    if (n == CHANNELS) {
        return 0;
    }
    return off & 4 ? (c->size / 4 - 1) | c->at / 4 << 16 : c->addr;
}

static void write_frame(struct es1370 *s, unsigned off, uint32_t v)
{
    unsigned n = frame_channel(s, off);
    struct es1370_channel *c = &s->channels[n % CHANNELS];

    if (n == CHANNELS) {
        return;
    }
    if (off & 4) {
        c->size = ((v & 0xffff) + 1) * 4;
        c->at = MIN((v >> 16) * 4, c->size - 4);
    } else {
        c->addr = v;
    }
}

static uint32_t read_register(const struct es1370 *s, unsigned off)
{
    const struct es1370_channel *c;

    switch (off) {
    case REG_CONTROL:
        return s->control;
    case REG_STATUS:
        return s->status;
    case REG_PAGE:
        return s->page;
    case REG_CODEC:
        return s->codec;
    case REG_SERIAL:
        return s->serial;
    case REG_COUNTS:
    case REG_COUNTS + 4:
    case REG_COUNTS + 8:
        c = &s->channels[(off - REG_COUNTS) / 4];
        return c->count | c->left << 16;
    default:
        return off >= REG_FRAMES && off < REG_END ? read_frame(s, off) : 0;
    }
}

static void write_register(struct es1370 *s, unsigned off, uint32_t v)
{
    uint32_t started = 0;

    switch (off) {
    case REG_CONTROL:
        started = v & ~s->control;
        s->control = v;
        break;
    case REG_PAGE:
        s->page = v & 15;
        break;
    case REG_CODEC:
        s->codec = v & 0xffff;
        break;
    case REG_SERIAL:
        s->serial = v;
        for (unsigned n = 0; n < CHANNELS; n++) {
            s->status &=
                v & bits[n].interrupt ? ~0u : ~bits[n].status; /* that is how it is acknowledged */
        }
        break;
    case REG_COUNTS:
    case REG_COUNTS + 4:
    case REG_COUNTS + 8:
        s->channels[(off - REG_COUNTS) / 4].count = v & 0xffff;
        s->channels[(off - REG_COUNTS) / 4].left = v & 0xffff;
        break;
    default:
        if (off >= REG_FRAMES && off < REG_END) {
            write_frame(s, off, v);
        }
        break;
    }
    for (unsigned n = 0; n < CHANNELS; n++) {
        s->channels[n].left = started & bits[n].enable ? s->channels[n].count : s->channels[n].left;
    }
    update_irq(s);
    update_voices(s);
}

static uint64_t io_read(void *opaque, uint64_t off, unsigned size)
{
    uint32_t v = read_register(opaque, (unsigned)off & ~3u) >> 8 * (off & 3);

    return size == 4 ? v : v & ((1u << 8 * size) - 1);
}

/* Parts of a register are merged into it. */
static void io_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct es1370 *s = opaque;
    unsigned shift = 8 * (off & 3);
    uint32_t mask = size == 4 ? UINT32_MAX : ((1u << 8 * size) - 1) << shift;
    uint32_t old = read_register(s, (unsigned)off & ~3u);

    write_register(s, (unsigned)off & ~3u, (old & ~mask) | ((uint32_t)value << shift & mask));
}

static const struct mem_ops io_ops = {
    .read = io_read, .write = io_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static bool realize(struct device *dev, GError **error)
{
    static const char *const names[CHANNELS] = { "es1370.dac1", "es1370.dac2", "es1370.adc" };
    const struct pci_ident ident = { .vendor = 0x1274,
                                     .device = 0x5000,
                                     .class = 0x0401,
                                     .int_pin = 1,
                                     .subsys_vendor = 0x4942,
                                     .subsys = 0x4c4c };
    struct es1370 *s = (struct es1370 *)dev;
    struct audio_backend *b = audio_backend_find(dev->machine, s->audiodev, error);

    if (!b || !pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    mem_region_init_mmio(&s->io, dev->machine, "es1370", &io_ops, s, FRAME_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io, FRAME_SIZE);
    for (unsigned n = 0; n < CHANNELS; n++) {
        s->streams[n] = (struct es1370_stream){ s, n };
        s->voices[n] = (struct audio_voice){ .name = names[n], .opaque = &s->streams[n] };
        s->voices[n].fill = n == ADC ? NULL : fill;
        s->voices[n].take = n == ADC ? take : NULL;
        audio_voice_open(&s->voices[n], b);
    }
    return true;
}

static void reset(struct device *dev)
{
    struct es1370 *s = (struct es1370 *)dev;

    pci_device_reset(&s->pci);
    s->control = 1;
    s->status = s->serial = s->page = s->codec = 0;
    for (unsigned n = 0; n < CHANNELS; n++) {
        s->channels[n] = (struct es1370_channel){ .size = 4 };
    }
    update_irq(s);
    update_voices(s);
}

static void unrealize(struct device *dev)
{
    struct es1370 *s = (struct es1370 *)dev;

    for (unsigned n = 0; n < CHANNELS; n++) {
        audio_voice_close(&s->voices[n]);
    }
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->io);
}

static bool post_load(struct device *dev, GError **error)
{
    struct es1370 *s = (struct es1370 *)dev;

    for (unsigned n = 0; n < CHANNELS; n++) {
        struct es1370_channel *c = &s->channels[n];

        c->size = CLAMP(c->size & ~3u, 4, 0x40000);
        c->at = MIN(c->at & ~3u, c->size - 4);
        c->count &= 0xffff;
        c->left &= 0xffff;
    }
    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    update_irq(s);
    update_voices(s);
    return true;
}

static const struct property props[] = {
    PCI_PROPS(struct es1370, pci),
    PROP_STRING(struct es1370, "audiodev", audiodev, NULL, "ID of an audiodev to use as a backend"),
    { 0 },
};
static const struct state_row channel_state[] = {
    STATE_INT(struct es1370_channel, addr, 1, "frame in guest memory"),
    STATE_INT(struct es1370_channel, size, 1, "its bytes"),
    STATE_INT(struct es1370_channel, at, 1, "the next one"),
    STATE_INT(struct es1370_channel, count, 1, "samples between interrupts, less one"),
    STATE_INT(struct es1370_channel, left, 1, "to the next"),
    { 0 },
};
static const struct state_row state[] = {
    PCI_STATE(struct es1370, pci),
    STATE_INT(struct es1370, control, 1, "control"),
    STATE_INT(struct es1370, status, 1, "status"),
    STATE_INT(struct es1370, serial, 1, "serial interface"),
    STATE_INT(struct es1370, page, 1, "memory page"),
    STATE_INT(struct es1370, codec, 1, "last write to the codec"),
    STATE_SUB(struct es1370, channels, CHANNELS, channel_state, 1, "DAC1, DAC2, ADC"),
    { 0 },
};

const struct device_type es1370_type = {
    .name = "ES1370",
    .summary = "ENSONIQ AudioPCI ES1370",
    .bus = BUS_PCI,
    .size = sizeof(struct es1370),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
