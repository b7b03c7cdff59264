/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/hda.c: the HD Audio controllers "intel-hda" (ICH6) and "ich9-intel-hda": registers, commands to codecs and
 * their answers (CORB, RIRB), interrupts.  Source, invariants and thread: hda.h.
 */
#include "hw/audio/hda.h"

#include <string.h>
#include "softmmu/dma.h"
#include "softmmu/hotplug.h"
#include "util/error.h"
#include "util/log.h"

#define MMIO_SIZE    0x4000u
#define ALIASES      0x2000u /* 3.3.50: WALCLK and LPIBs once more */
#define RING_ENTRIES 256u
#define LINK_MHZ     24u

/* clang-format off */
enum { GCTL_RUNS = 0x01, CORB_RUN = 0x02, RIRB_INT = 0x01, RIRB_RUN = 0x02, RIRB_DONE = 0x01, RIRB_OVERRUN = 0x04 };
enum { STREAM_REGS = 0x80, STREAM_SIZE = 0x20 };
enum { INT_CONTROLLER = 1 << 30 };
#define INT_GLOBAL (1u << 31)

/* Registers that are plain fields: offset, bytes, bits that the guest writes. */
static const struct field { uint16_t off; uint8_t size; uint32_t mask; uint16_t member; } fields[] = {
#define FIELD(off, size, mask, m) { off, size, mask, offsetof(struct hda, m) }
    FIELD(0x0c, 2, 0x7fff,     wakeen),
    FIELD(0x20, 4, 0xc00000ff, intctl),
    FIELD(0x40, 4, 0xffffff80, corb_low),
    FIELD(0x44, 4, 0xffffffff, corb_high),
    FIELD(0x48, 2, 0x00ff,     corb_wp),
    FIELD(0x4c, 1, 0x03,       corb_control),
    FIELD(0x50, 4, 0xffffff80, rirb_low),
    FIELD(0x54, 4, 0xffffffff, rirb_high),
    FIELD(0x5a, 2, 0x00ff,     rirb_count_max),
    FIELD(0x5c, 1, 0x07,       rirb_control),
    FIELD(0x60, 4, 0xffffffff, immediate_command),
    FIELD(0x64, 4, 0,          immediate_response),
    FIELD(0x70, 4, 0xffffff81, dpl),
    FIELD(0x74, 4, 0xffffffff, dpu),
#undef FIELD
};
/* What never changes: two of everything, version 1.0, rings of 256 entries. */
static const struct { uint16_t off; uint16_t value; } constants[] = {
    { 0x00, HDA_STREAMS / 2 << 12 | HDA_INPUTS << 8 | 1 }, { 0x02, 0x0100 }, { 0x04, 0x003c }, { 0x06, 0x001d },
    { 0x4e, 0x0042 }, { 0x5e, 0x0042 },
};
/* clang-format on */

/* Interrupts ------------------------------------------------------------------------------------ */

static uint32_t interrupt_status(const struct hda *s)
{
    uint32_t v = 0;

    for (unsigned n = 0; n < HDA_STREAMS; n++) {
        v |= (s->streams[n].status & HDA_DONE) && (s->streams[n].control & HDA_DONE_INT) ? 1u << n
                                                                                         : 0;
    }
    if (((s->rirb_status & RIRB_DONE) && (s->rirb_control & RIRB_INT)) ||
        (s->statests & s->wakeen)) {
        v |= INT_CONTROLLER;
    }
    return v & s->intctl ? v | INT_GLOBAL : v;
}

void hda_update_irq(struct hda *s)
{
    bool level = (interrupt_status(s) & INT_GLOBAL) && (s->intctl & INT_GLOBAL);

    if (pci_msi_enabled(&s->pci)) {
        if (level && !s->level) {
            pci_msi_send(&s->pci, 0);
        }
    }
    s->level = level;
    pci_set_intx(&s->pci, level && !pci_msi_enabled(&s->pci));
}

/* Commands -------------------------------------------------------------------------------------- */

static bool ask(struct hda *s, uint32_t command, uint32_t *answer)
{
    unsigned cad = command >> 28;
    struct hda_codec *c = cad < HDA_CODECS ? s->hda_bus.codecs[cad] : NULL;

    if (!c) {
        log_line(LOG_GUEST_ERRORS, "hda: command 0x%08x for codec %u, which is not there", command,
                 cad);
        return false;
    }
    *answer = c->verb(c, command & 0x0fffffff);
    return true;
}

static void push_answer(struct hda *s, uint32_t answer, unsigned cad)
{
    uint64_t at = (uint64_t)s->rirb_high << 32 | s->rirb_low;
    const uint32_t entry[2] = { GUINT32_TO_LE(answer), GUINT32_TO_LE(cad) };

    if (!(s->rirb_control & RIRB_RUN)) {
        return;
    }
    s->rirb_wp = (uint16_t)((s->rirb_wp + 1) % RING_ENTRIES);
    dma_store(s->pci.dev.machine, at + s->rirb_wp * 8u, entry, sizeof(entry));
    if (++s->rirb_count >= MAX(s->rirb_count_max, 1) || s->corb_rp == s->corb_wp) {
        s->rirb_status |= RIRB_DONE;
    }
}

/* Until the guest is to look at the answers. */
static void run_commands(struct hda *s)
{
    uint64_t base = (uint64_t)s->corb_high << 32 | s->corb_low;
    uint32_t command, answer;

    while ((s->gctl & GCTL_RUNS) && (s->corb_control & CORB_RUN) && s->corb_rp < RING_ENTRIES &&
           s->corb_rp != s->corb_wp && s->rirb_count < MAX(s->rirb_count_max, 1)) {
        s->corb_rp = (uint16_t)((s->corb_rp + 1) % RING_ENTRIES);
        if (!dma_load(s->pci.dev.machine, base + s->corb_rp * 4u, &command, 4)) {
            log_line(LOG_GUEST_ERRORS, "hda: the ring of commands is not RAM");
            s->corb_control &= (uint8_t)~CORB_RUN;
            break;
        }
        command = GUINT32_FROM_LE(command);
        if (ask(s, command, &answer)) {
            push_answer(s, answer, command >> 28);
        }
    }
    hda_update_irq(s);
}

/* 3.4.3: a command without rings. */
static void run_immediate(struct hda *s)
{
    s->immediate_status = 0;
    if (ask(s, s->immediate_command, &s->immediate_response)) {
        s->immediate_status = 2; /* valid */
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static void reset_link(struct hda *s)
{
    for (unsigned n = 0; n < HDA_STREAMS; n++) {
        hda_stream_reset(s, n);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        memset((uint8_t *)s + fields[i].member, 0, fields[i].size);
    }
    s->corb_rp = s->rirb_wp = s->rirb_count = s->immediate_status = s->statests = 0;
    s->corb_status = s->rirb_status = 0;
    s->gctl = 0;
    hda_update_irq(s);
}

/* Codecs say that they are there once the link runs (4.3). */
static void write_gctl(struct hda *s, uint32_t v)
{
    if (!(v & GCTL_RUNS)) {
        reset_link(s);
    } else if (!(s->gctl & GCTL_RUNS)) {
        for (unsigned i = 0; i < HDA_CODECS; i++) {
            struct hda_codec *c = s->hda_bus.codecs[i];

            if (c) {
                c->dev.type->reset(&c->dev);
                s->statests |= (uint16_t)(1u << i);
            }
        }
    }
    s->gctl = v & 0x103;
}

static uint32_t wall_clock(const struct hda *s)
{
    return (uint32_t)muldiv64((uint64_t)clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL), LINK_MHZ,
                              1000);
}

/* A descriptor as its 32 bytes. */
static void stream_image(const struct hda_stream *st, uint8_t r[STREAM_SIZE])
{
    const uint32_t words[STREAM_SIZE / 4] = {
        st->control | (uint32_t)st->status << 24,
        st->lpib,
        st->length,
        st->last,
        0x0100u << 16,
        st->format,
        st->list_low,
        st->list_high,
    };

    for (unsigned i = 0; i < STREAM_SIZE; i++) {
        r[i] = (uint8_t)(words[i / 4] >> 8 * (i % 4));
    }
}

static void put(uint8_t *image, unsigned off, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        image[off + i] = (uint8_t)(v >> 8 * i);
    }
}

static uint32_t field_value(const struct hda *s, const struct field *f)
{
    const uint8_t *p = (const uint8_t *)s + f->member;

    return f->size == 1   ? *p
           : f->size == 2 ? *(const uint16_t *)(const void *)p
                          : *(const uint32_t *)(const void *)p;
}

static void set_field(struct hda *s, const struct field *f, uint32_t v)
{
    uint8_t *p = (uint8_t *)s + f->member;

    if (f->size == 1) {
        *p = (uint8_t)v;
    } else if (f->size == 2) {
        *(uint16_t *)(void *)p = (uint16_t)v;
    } else {
        *(uint32_t *)(void *)p = v;
    }
}

static void global_image(struct hda *s, uint8_t r[STREAM_REGS])
{
    memset(r, 0, STREAM_REGS);
    for (unsigned i = 0; i < G_N_ELEMENTS(constants); i++) {
        put(r, constants[i].off, constants[i].value, 2);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        put(r, fields[i].off, field_value(s, &fields[i]), fields[i].size);
    }
    put(r, 0x08, s->gctl, 4);
    put(r, 0x0e, s->statests, 2);
    put(r, 0x24, interrupt_status(s), 4);
    put(r, 0x30, wall_clock(s), 4);
    put(r, 0x4a, s->corb_rp, 2);
    put(r, 0x4d, s->corb_status, 1);
    put(r, 0x58, s->rirb_wp, 2);
    put(r, 0x5d, s->rirb_status, 1);
    put(r, 0x68, s->immediate_status, 2);
}

static uint64_t mmio_read(void *opaque, uint64_t off, unsigned size)
{
    struct hda *s = opaque;
    uint8_t r[STREAM_REGS];
    uint64_t value = 0;

    if (off >= ALIASES) {
        off -= ALIASES;
        if (off != 0x30 && (off < STREAM_REGS || off % STREAM_SIZE != 4)) {
            return 0;
        }
    }
    if (off < STREAM_REGS) {
        global_image(s, r);
    } else if (off < STREAM_REGS + HDA_STREAMS * STREAM_SIZE) {
        stream_image(&s->streams[(off - STREAM_REGS) / STREAM_SIZE], r);
        off %= STREAM_SIZE;
    } else {
        return 0;
    }
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)r[off + i] << 8 * i;
    }
    return value;
}

/* Bytes of a value that were written into what was there. */
static uint32_t merge(uint32_t old, uint32_t v, unsigned at, unsigned size)
{
    uint32_t mask = (size == 4 ? UINT32_MAX : (1u << size * 8) - 1) << at * 8;

    return (old & ~mask) | (v << at * 8 & mask);
}

static void stream_write(struct hda *s, unsigned n, unsigned off, uint32_t v, unsigned size)
{
    struct hda_stream *st = &s->streams[n];
    unsigned at = off & 3;

    switch (off & ~3u) {
    case 0x00:
        if (at + size > 3) {
            st->status &= (uint8_t) ~(v >> 8 * (3 - at) & 0x1c); /* 3.3.36 */
        }
        if (at < 3) {
            hda_stream_set_control(s, n, merge(st->control, v, at, size) & 0xffffff);
        }
        break;
    case 0x08:
        st->length = merge(st->length, v, at, size);
        break;
    case 0x0c:
        st->last = (uint16_t)(merge(st->last, v, at, size) & 0xff);
        break;
    case 0x10:
        if (at >= 2) {
            st->format = (uint16_t)merge(st->format, v, at - 2, MIN(size, 2));
        } else if (size == 4) {
            st->format = (uint16_t)(v >> 16);
        }
        break;
    case 0x18:
        st->list_low = merge(st->list_low, v, at, size) & ~127u;
        break;
    case 0x1c:
        st->list_high = merge(st->list_high, v, at, size);
        break;
    default:
        break;
    }
}

static void pointer_write(struct hda *s, unsigned off, uint8_t v)
{
    switch (off) {
    case 0x4b: /* the read pointer's reset bit, which the guest sets and clears */
        s->corb_rp = v & 0x80 ? 0x8000 : 0;
        break;
    case 0x59:
        s->rirb_wp = v & 0x80 ? 0 : s->rirb_wp;
        break;
    case 0x5d:
        s->rirb_status &= (uint8_t) ~(v & (RIRB_DONE | RIRB_OVERRUN));
        s->rirb_count = v & RIRB_DONE ? 0 : s->rirb_count;
        break;
    case 0x68:
        if (v & 1) {
            run_immediate(s);
        } else {
            s->immediate_status &= (uint16_t) ~(v & 2);
        }
        break;
    default:
        break;
    }
}

static void global_write(struct hda *s, unsigned off, uint32_t v, unsigned size)
{
    if (off == 0x08) {
        write_gctl(s, v);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(v >> 8 * i);

        if (off + i == 0x0e || off + i == 0x0f) {
            s->statests &= (uint16_t) ~(byte << 8 * (off + i - 0x0e));
        }
        pointer_write(s, off + i, byte);
        for (unsigned k = 0; k < G_N_ELEMENTS(fields); k++) {
            const struct field *f = &fields[k];

            if (off + i >= f->off && off + i < f->off + f->size) {
                uint32_t old = field_value(s, f), now = merge(old, byte, off + i - f->off, 1);

                set_field(s, f, (old & ~f->mask) | (now & f->mask));
            }
        }
    }
}

static void mmio_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct hda *s = opaque;

    if (!(s->gctl & GCTL_RUNS) && off != 0x08) {
        return; /* 3.3.7: nothing is writable in reset */
    }
    if (off < STREAM_REGS) {
        global_write(s, (unsigned)off, (uint32_t)value, size);
        run_commands(s);
    } else if (off < STREAM_REGS + HDA_STREAMS * STREAM_SIZE) {
        stream_write(s, (unsigned)(off - STREAM_REGS) / STREAM_SIZE, (unsigned)off % STREAM_SIZE,
                     (uint32_t)value, size);
    }
    hda_update_irq(s);
}

static const struct mem_ops mmio_ops = {
    .read = mmio_read, .write = mmio_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static void make_bus(struct hda *s)
{
    struct machine *m = s->pci.dev.machine;
    unsigned n = 0;

    for (const struct bus *b = m->buses; b; b = b->next) {
        n += b->kind == BUS_HDA;
    }
    s->hda_bus.name =
        s->pci.dev.id ? g_strdup_printf("%s.0", s->pci.dev.id) : g_strdup_printf("hda.%u", n);
    s->hda_bus.controller = s;
    bus_init(&s->hda_bus.bus, m, BUS_HDA, s->hda_bus.name, &s->pci.dev);
}

static bool realize_as(struct device *dev, uint16_t id, uint8_t revision, GError **error)
{
    const struct pci_ident ident = {
        .vendor = 0x8086, .device = id, .revision = revision, .class = 0x0403, .int_pin = 1
    };
    struct hda *s = (struct hda *)dev;

    if (strcmp(s->msi, "on") != 0 && strcmp(s->msi, "off") != 0 && strcmp(s->msi, "auto") != 0) {
        set_error(error, "Property '%s.msi' is '%s', must be on, off or auto", dev->type->name,
                  s->msi);
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    pci_config_store(&s->pci, 0x40, 1, 1); /* HDCTL: HD Audio, not AC '97 */
    mem_region_init_mmio(&s->mmio, dev->machine, "intel-hda", &mmio_ops, s, MMIO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mmio, MMIO_SIZE);
    if (strcmp(s->msi, "off") != 0) {
        pci_msi_setup(&s->pci, 1);
    }
    make_bus(s);
    return true;
}

static bool ich6_realize(struct device *dev, GError **error)
{
    return realize_as(dev, 0x2668, 1, error);
}

static bool ich9_realize(struct device *dev, GError **error)
{
    return realize_as(dev, 0x293e, 3, error);
}

static void reset(struct device *dev)
{
    struct hda *s = (struct hda *)dev;

    pci_device_reset(&s->pci);
    pci_config_store(&s->pci, 0x40, 1, 1);
    reset_link(s);
}

static void unrealize(struct device *dev)
{
    struct hda *s = (struct hda *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mmio);
    bus_destroy(&s->hda_bus.bus);
    g_free(s->hda_bus.name);
}

static bool post_load(struct device *dev, GError **error)
{
    struct hda *s = (struct hda *)dev;

    for (unsigned n = 0; n < HDA_STREAMS; n++) {
        if (!hda_stream_valid(&s->streams[n])) {
            set_error(error, "stream %u is at entry %u of %u", n, s->streams[n].entry,
                      s->streams[n].last);
            return false;
        }
    }
    s->corb_wp &= 0xff;
    s->corb_rp &= 0x80ff;
    s->rirb_wp &= 0xff;
    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    pci_set_intx(&s->pci, s->level && !pci_msi_enabled(&s->pci));
    hda_streams_resume(s);
    return true;
}

static const struct property props[] = {
    PCI_PROPS(struct hda, pci),
    PROP_STRING(struct hda, "msi", msi, "auto", "message signalled interrupts: on, off, auto"),
    PROP_U32(struct hda, "debug", debug, 0, "accepted for compatibility"),
    { 0 },
};

/* clang-format off */
static const struct state_row stream_state[] = {
    STATE_INT(struct hda_stream, control, 1, "control"), STATE_INT(struct hda_stream, status, 1, "status"),
    STATE_INT(struct hda_stream, lpib, 1, "place in the cyclic buffer"), STATE_INT(struct hda_stream, length, 1, "its bytes"),
    STATE_INT(struct hda_stream, last, 1, "last valid entry"), STATE_INT(struct hda_stream, format, 1, "format"),
    STATE_INT(struct hda_stream, list_low, 1, "list of buffers"), STATE_INT(struct hda_stream, list_high, 1, ""),
    STATE_INT(struct hda_stream, entry, 1, "current entry"), STATE_INT(struct hda_stream, left, 1, "bytes of it to come"),
    STATE_INT(struct hda_stream, flags, 1, "its flags"), STATE_INT(struct hda_stream, addr, 1, "the next byte"),
    { 0 },
};
static const struct state_row hda_state[] = {
    PCI_STATE(struct hda, pci),
    STATE_INT(struct hda, gctl, 1, "global control"), STATE_INT(struct hda, intctl, 1, "interrupt control"),
    STATE_INT(struct hda, wakeen, 1, "wake enable"), STATE_INT(struct hda, statests, 1, "codecs that came"),
    STATE_INT(struct hda, corb_low, 1, "ring of commands"), STATE_INT(struct hda, corb_high, 1, ""),
    STATE_INT(struct hda, corb_wp, 1, "the guest's place"), STATE_INT(struct hda, corb_rp, 1, "ours"),
    STATE_INT(struct hda, corb_control, 1, "control"), STATE_INT(struct hda, corb_status, 1, "status"),
    STATE_INT(struct hda, rirb_low, 1, "ring of answers"), STATE_INT(struct hda, rirb_high, 1, ""),
    STATE_INT(struct hda, rirb_wp, 1, "our place"), STATE_INT(struct hda, rirb_count_max, 1, "answers per interrupt"),
    STATE_INT(struct hda, rirb_control, 1, "control"), STATE_INT(struct hda, rirb_status, 1, "status"),
    STATE_INT(struct hda, rirb_count, 1, "answers since the last interrupt"),
    STATE_INT(struct hda, dpl, 1, "where positions go"), STATE_INT(struct hda, dpu, 1, ""),
    STATE_INT(struct hda, immediate_command, 1, "command without rings"),
    STATE_INT(struct hda, immediate_response, 1, "its answer"),
    STATE_INT(struct hda, immediate_status, 1, "its status"), STATE_INT(struct hda, level, 1, "the interrupt's request"),
    STATE_SUB(struct hda, streams, HDA_STREAMS, stream_state, 1, "stream descriptors"),
    { 0 },
};

#define HDA_TYPE(symbol, text, what, realizer)                                                     \
    const struct device_type symbol = {                                                            \
        .name = text, .summary = what, .bus = BUS_PCI, .cold_only = true, .size = sizeof(struct hda), .props = props, \
        .state = hda_state, .realize = realizer, .reset = reset, .unrealize = unrealize, .post_load = post_load,   \
    }
HDA_TYPE(intel_hda_type, "intel-hda", "Intel HD Audio Controller (ich6)", ich6_realize);
HDA_TYPE(ich9_intel_hda_type, "ich9-intel-hda", "Intel HD Audio Controller (ich9)", ich9_realize);
/* clang-format on */
