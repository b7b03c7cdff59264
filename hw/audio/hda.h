/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/hda.h: Intel HD Audio: a controller, and the codecs on its link.
 * Source: "High Definition Audio Specification", revision 1.0a; section numbers are its.
 *
 * A codec answers verbs and plays or records streams by their number: it takes samples of stream n from whichever
 * of the controller's descriptors has that number and runs.
 * Invariants: addresses of codecs are 0 to 14, each once; a descriptor's place lies in its list, which is read anew
 *             for each buffer; codecs go before the controller.
 * Thread:     under the machine lock.
 */
#ifndef HW_AUDIO_HDA_H
#define HW_AUDIO_HDA_H

#include "audio/audio.h"
#include "hw/pci/pci.h"

#define HDA_CODECS  15u
#define HDA_STREAMS 8u /* four in, then four out */
#define HDA_INPUTS  4u
#define HDA_TAGS    16u /* stream numbers; 0: none */

struct hda;

struct hda_codec {
    struct device dev;
    uint32_t cad; /* property: its address; UINT32_MAX: the next free one */
    /* node << 20 | verb and payload (7.3.1). */
    uint32_t (*verb)(struct hda_codec *c, uint32_t command);
    /* A stream of the controller's begins or ends. */
    void (*stream)(struct hda_codec *c, unsigned tag, bool output, bool runs);
};

struct hda_bus {
    struct bus bus; /* first */
    char *name;
    struct hda *controller;
    struct hda_codec *codecs[HDA_CODECS];
};

struct hda_stream {
    uint32_t control; /* 3.3.35: 24 bits */
    uint8_t status;
    uint32_t lpib, length; /* place in the cyclic buffer, its bytes */
    uint16_t last, format; /* last valid entry of the list */
    uint32_t list_low, list_high;
    /* The current entry. */
    uint16_t entry;
    uint32_t left, flags; /* bytes of it that are to come */
    uint64_t addr;
};

struct hda {
    struct pci_device pci;
    char *msi;      /* property: on, off, auto */
    uint32_t debug; /* accepted */
    struct hda_bus hda_bus;
    struct mem_region mmio;
    uint32_t gctl, intctl, corb_low, corb_high, rirb_low, rirb_high, dpl, dpu, immediate_command,
        immediate_response;
    uint16_t wakeen, statests, corb_wp, corb_rp, rirb_wp, rirb_count_max, immediate_status;
    uint8_t corb_control, corb_status, rirb_control, rirb_status;
    uint16_t rirb_count; /* answers since the last interrupt */
    bool level;          /* the interrupt's request */
    struct hda_stream streams[HDA_STREAMS];
};

/* hda.c */
void hda_update_irq(struct hda *s);
/* hda_streams.c */
void hda_stream_reset(struct hda *s, unsigned n);
void hda_stream_set_control(struct hda *s, unsigned n, uint32_t value);
/* After loading: codecs hear again of what runs. */
void hda_streams_resume(struct hda *s);
bool hda_stream_valid(const struct hda_stream *st);
/* Samples of stream `tag`, whole bytes as they lie in memory; how many there were. */
size_t hda_transfer(struct hda *s, unsigned tag, bool output, uint8_t *buf, size_t len);

enum {
    HDA_RUN = 0x02,
    HDA_STREAM_RESET = 0x01,
    HDA_DONE_INT = 0x04,
    HDA_DONE = 0x04,
    HDA_READY = 0x20
};

#endif
