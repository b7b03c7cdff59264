/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/hda_streams.c: the HD Audio controller's DMA: stream descriptors and their lists of buffers (3.3.35 to
 * 3.3.43, 3.6).  Source, invariants and thread: hda.h.
 */
#include <string.h>
#include "hw/audio/card_dma.h"
#include "hw/audio/hda.h"

static bool is_output(unsigned n)
{
    return n >= HDA_INPUTS;
}

static unsigned tag_of(const struct hda_stream *st)
{
    return st->control >> 20 & 15;
}

static void tell_codecs(struct hda *s, unsigned n, bool runs)
{
    for (unsigned i = 0; i < HDA_CODECS; i++) {
        struct hda_codec *c = s->hda_bus.codecs[i];

        if (c && tag_of(&s->streams[n])) {
            c->stream(c, tag_of(&s->streams[n]), is_output(n), runs);
        }
    }
}

void hda_stream_reset(struct hda *s, unsigned n)
{
    struct hda_stream *st = &s->streams[n];

    if (st->control & HDA_RUN) {
        tell_codecs(s, n, false);
    }
    memset(st, 0, sizeof(*st));
}

/* Entry n of the list: address, length, flags. */
static void fetch(struct hda *s, struct hda_stream *st)
{
    uint64_t list = (uint64_t)st->list_high << 32 | st->list_low;
    uint8_t entry[16] = { 0 };

    card_dma(s->pci.dev.machine, list + st->entry * 16u, entry, sizeof(entry), false);
    memcpy(&st->addr, entry, 8);
    memcpy(&st->left, entry + 8, 4);
    memcpy(&st->flags, entry + 12, 4);
    st->addr = GUINT64_FROM_LE(st->addr);
    st->left = GUINT32_FROM_LE(st->left);
    st->flags = GUINT32_FROM_LE(st->flags);
}

void hda_stream_set_control(struct hda *s, unsigned n, uint32_t value)
{
    struct hda_stream *st = &s->streams[n];
    bool was = st->control & HDA_RUN, runs = value & HDA_RUN;

    if (value & HDA_STREAM_RESET) {
        hda_stream_reset(s, n);
        st->control = HDA_STREAM_RESET;
        return;
    }
    if (was && (!runs || (value >> 20 & 15) != tag_of(st))) {
        tell_codecs(s, n, false);
        was = false;
    }
    st->control = value & 0xff001f;
    st->status = runs ? st->status | HDA_READY : st->status & (uint8_t)~HDA_READY;
    if (runs && !was) {
        if (st->left == 0) {
            fetch(s, st);
        }
        tell_codecs(s, n, true);
    }
}

void hda_streams_resume(struct hda *s)
{
    for (unsigned n = 0; n < HDA_STREAMS; n++) {
        if (s->streams[n].control & HDA_RUN) {
            tell_codecs(s, n, true);
        }
    }
}

bool hda_stream_valid(const struct hda_stream *st)
{
    return st->entry <= 255 && st->last <= 255;
}

/* 3.3.43: where each stream is, for drivers that look into memory. */
static void post_position(struct hda *s, unsigned n)
{
    uint64_t at = ((uint64_t)s->dpu << 32 | (s->dpl & ~127u)) + n * 8;
    uint32_t lpib = GUINT32_TO_LE(s->streams[n].lpib);

    if (s->dpl & 1) {
        card_dma(s->pci.dev.machine, at, (uint8_t *)&lpib, 4, true);
    }
}

static void next_entry(struct hda *s, struct hda_stream *st)
{
    if (st->flags & 1) {
        st->status |= HDA_DONE;
    }
    st->entry = st->entry >= st->last ? 0 : (uint16_t)(st->entry + 1);
    fetch(s, st);
}

static size_t move(struct hda *s, unsigned n, uint8_t *buf, size_t len)
{
    struct hda_stream *st = &s->streams[n];
    size_t done = 0;

    /* A list of empty entries is walked around once. */
    for (unsigned empty = 0; done < len && st->length && empty <= 256;) {
        size_t piece = MIN(MIN(len - done, st->left), st->length - MIN(st->lpib, st->length));

        if (piece) {
            card_dma(s->pci.dev.machine, st->addr, buf + done, piece, !is_output(n));
        }
        empty = piece ? 0 : empty + 1;
        st->addr += piece;
        st->left -= (uint32_t)piece;
        st->lpib += (uint32_t)piece;
        done += piece;
        if (st->lpib >= st->length) {
            st->lpib = 0;
        }
        if (st->left == 0) {
            next_entry(s, st);
        }
    }
    return done;
}

size_t hda_transfer(struct hda *s, unsigned tag, bool output, uint8_t *buf, size_t len)
{
    for (unsigned n = output ? HDA_INPUTS : 0; n < (output ? HDA_STREAMS : HDA_INPUTS); n++) {
        if ((s->streams[n].control & HDA_RUN) && tag_of(&s->streams[n]) == tag) {
            size_t done = move(s, n, buf, len);

            post_position(s, n);
            hda_update_irq(s);
            return done;
        }
    }
    return 0;
}
