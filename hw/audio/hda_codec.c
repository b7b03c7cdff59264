/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/hda_codec.c: the codecs "hda-output", "hda-duplex" and "hda-micro": a converter and a jack for each
 * direction, which is a row of widgets.  Source (verbs: 7.3), invariants and thread: hda.h.
 */
#include <string.h>
#include "hw/audio/hda.h"
#include "util/error.h"
#include "util/log.h"

#define VENDOR    0x1af4u
#define AMP_STEPS 0x4au /* of 1 dB; the highest is 0 dB */
#define AMP_MUTE  0x80u
#define NODE_AFG  1u
#define NODE_DAC  2u
#define NODE_OUT  3u
#define NODE_ADC  4u
#define NODE_IN   5u
#define NODES     6u

/* clang-format off */
enum { PARAM_VENDOR = 0x00, PARAM_REVISION = 0x02, PARAM_NODES = 0x04, PARAM_FUNCTION = 0x05, PARAM_WIDGET = 0x09,
       PARAM_RATES = 0x0a, PARAM_STREAMS = 0x0b, PARAM_PIN = 0x0c, PARAM_AMP_IN = 0x0d, PARAM_CONNECTIONS = 0x0e,
       PARAM_AMP_OUT = 0x12 };
/* 7.3.4.7: 16 to 96 kHz, 16 and 32 bits. */
#define RATES 0x001201fcu
#define AMP   (1u << 31 | 3u << 16 | AMP_STEPS << 8 | AMP_STEPS)
#define AMP_WITHOUT_STEPS (1u << 31)

static const struct param { uint8_t node, param; uint32_t value; } params[] = {
    { 0,        PARAM_REVISION,    0x00100101 },
    { 0,        PARAM_NODES,       NODE_AFG << 16 | 1 },
    { NODE_AFG, PARAM_FUNCTION,    1 },                       /* audio */
    { NODE_AFG, PARAM_RATES,       RATES },
    { NODE_AFG, PARAM_STREAMS,     1 },                       /* PCM */
    { NODE_DAC, PARAM_WIDGET,      0x0000001d },              /* its own format and amplifier, two channels */
    { NODE_DAC, PARAM_RATES,       RATES },
    { NODE_DAC, PARAM_STREAMS,     1 },
    { NODE_DAC, PARAM_AMP_OUT,     AMP },
    { NODE_OUT, PARAM_WIDGET,      0x00400101 },              /* a jack that is fed */
    { NODE_OUT, PARAM_PIN,         0x00000010 },
    { NODE_OUT, PARAM_CONNECTIONS, 1 },
    { NODE_ADC, PARAM_WIDGET,      0x0010011b },
    { NODE_ADC, PARAM_RATES,       RATES },
    { NODE_ADC, PARAM_STREAMS,     1 },
    { NODE_ADC, PARAM_AMP_IN,      AMP },
    { NODE_ADC, PARAM_CONNECTIONS, 1 },
    { NODE_IN,  PARAM_WIDGET,      0x00400001 },
    { NODE_IN,  PARAM_PIN,         0x00000020 },
};
static const uint8_t connections[NODES] = { [NODE_OUT] = NODE_DAC, [NODE_ADC] = NODE_IN };
static const struct model { const char *name; uint16_t id, id_plain; bool input; uint32_t jacks[2]; } models[] = {
    { "hda-output", 0x12, 0x11, false, { 0x01014010, 0 } },
    { "hda-duplex", 0x22, 0x21, true,  { 0x01014010, 0x01813020 } },    /* line out, line in */
    { "hda-micro",  0x32, 0x31, true,  { 0x90170110, 0x01a19020 } },    /* speaker, microphone */
};
/* clang-format on */

/* A converter and its voice. */
struct path {
    struct codec *codec;
    bool output;
    uint8_t tag, channel; /* stream and its first channel */
    uint16_t format;
    uint8_t gain[2]; /* with AMP_MUTE */
    struct audio_voice voice;
};

struct codec {
    struct hda_codec base;
    char *audiodev; /* properties */
    bool mixer, use_timer;
    uint32_t debug;
    const struct model *model;
    struct hda *controller;
    struct path paths[2]; /* output, input */
    uint8_t running[2][HDA_TAGS];
    uint8_t pin_control[2], power;
    bool opened;
};

static bool has_node(const struct codec *c, unsigned node)
{
    return node < (c->model->input ? NODES : NODE_ADC);
}

/* The path whose converter that is; NULL: none. */
static struct path *path_of(struct codec *c, unsigned node)
{
    return node == NODE_DAC ? &c->paths[0] : node == NODE_ADC ? &c->paths[1] : NULL;
}

/* Streams ----------------------------------------------------------------------------------------- */

/* 7.3.3.8 */
static struct audio_format format_of(uint16_t v)
{
    uint32_t base = v & 0x4000 ? 44100 : 48000;
    unsigned bits = v >> 4 & 7;

    return (struct audio_format){ .rate = base * ((v >> 11 & 7) + 1u) / ((v >> 8 & 7) + 1u),
                                  .channels = (uint8_t)((v & 15) + 1),
                                  .encoding = bits == 0   ? AUDIO_S8
                                              : bits == 1 ? AUDIO_S16
                                                          : AUDIO_S32 };
}

static uint32_t loudness(uint8_t gain)
{
    uint32_t v = 65536;

    if (gain & AMP_MUTE) {
        return 0;
    }
    for (unsigned steps = AMP_STEPS - MIN(gain, AMP_STEPS); steps > 0; steps--) {
        v = (uint32_t)((uint64_t)v * 58409 / 65536); /* 10 ^ (-1 / 20) */
    }
    return v;
}

static void update(struct codec *c, struct path *p)
{
    struct audio_format format = format_of(p->format);

    audio_voice_set_format(&p->voice, &format);
    audio_voice_set_volume(&p->voice, loudness(p->gain[0]), loudness(p->gain[1]));
    audio_voice_run(&p->voice, p->tag && c->running[p->output][p->tag]);
}

static size_t fill(void *opaque, uint8_t *buf, size_t len)
{
    struct path *p = opaque;

    return hda_transfer(p->codec->controller, p->tag, true, buf, len);
}

static void take(void *opaque, const uint8_t *buf, size_t len)
{
    struct path *p = opaque;

    hda_transfer(p->codec->controller, p->tag, false, (uint8_t *)buf, len);
}

static void stream(struct hda_codec *base, unsigned tag, bool output, bool runs)
{
    struct codec *c = (struct codec *)base;

    c->running[output][tag] = runs;
    for (unsigned i = 0; i < 2; i++) {
        update(c, &c->paths[i]);
    }
}

/* Verbs ----------------------------------------------------------------------------------------- */

static uint32_t parameter(const struct codec *c, unsigned node, unsigned param)
{
    uint16_t id = c->mixer ? c->model->id : c->model->id_plain;

    if (node == 0 && param == PARAM_VENDOR) {
        return VENDOR << 16 | id;
    }
    if (node == NODE_AFG && param == PARAM_NODES) {
        return NODE_DAC << 16 | (c->model->input ? 4 : 2);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(params); i++) {
        if (params[i].node == node && params[i].param == param) {
            return params[i].value == AMP && !c->mixer ? AMP_WITHOUT_STEPS : params[i].value;
        }
    }
    return 0;
}

/* 7.3.3.7: bit 15 out, 14 in, 13 left, 12 right, 7 mute. */
static void set_gain(struct path *p, uint16_t v)
{
    if (v & (p->output ? 0x8000 : 0x4000)) {
        p->gain[0] = v & 0x2000 ? (uint8_t)v : p->gain[0];
        p->gain[1] = v & 0x1000 ? (uint8_t)v : p->gain[1];
    }
}

static uint32_t get_gain(const struct path *p, uint16_t v)
{
    return !!(v & 0x8000) == p->output ? p->gain[v & 0x2000 ? 0 : 1] : 0;
}

/* Verbs of four bits, with a payload of 16. */
static uint32_t long_verb(struct codec *c, unsigned node, unsigned verb, uint16_t payload)
{
    struct path *p = path_of(c, node);

    if (!p) {
        return 0;
    }
    switch (verb) {
    case 0x2:
        p->format = payload;
        update(c, p);
        return 0;
    case 0x3:
        set_gain(p, payload);
        update(c, p);
        return 0;
    case 0xa:
        return p->format;
    case 0xb:
        return get_gain(p, payload);
    default:
        return 0;
    }
}

static void reset_codec(struct codec *c);

static uint32_t set_verb(struct codec *c, unsigned node, unsigned verb, uint8_t payload)
{
    struct path *p = path_of(c, node);

    switch (verb) {
    case 0x705:
        c->power = payload & 15;
        break;
    case 0x706:
        if (p) {
            p->tag = payload >> 4;
            p->channel = payload & 15;
            update(c, p);
        }
        break;
    case 0x707:
        if (node == NODE_OUT || node == NODE_IN) {
            c->pin_control[node == NODE_IN] = payload;
        }
        break;
    case 0x7ff:
        reset_codec(c);
        break;
    default:
        break;
    }
    return 0;
}

static uint32_t get_verb(struct codec *c, unsigned node, unsigned verb, uint8_t payload)
{
    const struct path *p = path_of(c, node);
    bool pin = node == NODE_OUT || node == NODE_IN;

    switch (verb) {
    case 0xf00:
        return parameter(c, node, payload);
    case 0xf02:
        return payload == 0 ? connections[node] : 0;
    case 0xf05:
        return c->power | (uint32_t)c->power << 4;
    case 0xf06:
        return p ? (uint32_t)p->tag << 4 | p->channel : 0;
    case 0xf07:
        return pin ? c->pin_control[node == NODE_IN] : 0;
    case 0xf09:
        return pin ? 1u << 31 : 0; /* something is plugged in */
    case 0xf1c:
        return pin ? c->model->jacks[node == NODE_IN] : 0;
    case 0xf20:
        return VENDOR << 16 | c->model->id;
    default:
        return 0;
    }
}

static uint32_t verb(struct hda_codec *base, uint32_t command)
{
    struct codec *c = (struct codec *)base;
    unsigned node = command >> 20 & 0x7f, wide = command >> 16 & 15, narrow = command >> 8 & 0xfff;

    if (!has_node(c, node)) {
        log_line(LOG_GUEST_ERRORS, "%s: there is no node %u", c->model->name, node);
        return 0;
    }
    if (wide == 0x7) {
        return set_verb(c, node, narrow, (uint8_t)command);
    }
    if (wide == 0xf) {
        return get_verb(c, node, narrow, (uint8_t)command);
    }
    return long_verb(c, node, wide, (uint16_t)command);
}

/* Life ------------------------------------------------------------------------------------------ */

static void reset_codec(struct codec *c)
{
    for (unsigned i = 0; i < 2; i++) {
        struct path *p = &c->paths[i];

        p->tag = p->channel = 0;
        p->format = 0;
        p->gain[0] = p->gain[1] = AMP_STEPS;
        if (c->opened) {
            update(c, p);
        }
    }
    c->pin_control[0] = 0x40;
    c->pin_control[1] = 0x20;
    c->power = 0;
}

static void reset(struct device *dev)
{
    struct codec *c = (struct codec *)dev;

    memset(c->running, 0, sizeof(c->running));
    reset_codec(c);
}

static bool choose_address(struct codec *c, struct hda_bus *bus, GError **error)
{
    uint32_t *cad = &c->base.cad;

    for (unsigned i = 0; *cad == UINT32_MAX && i < HDA_CODECS; i++) {
        *cad = bus->codecs[i] ? *cad : i;
    }
    if (*cad >= HDA_CODECS || bus->codecs[*cad]) {
        set_error(error,
                  *cad == UINT32_MAX  ? "%s: the controller has 15 codecs already"
                  : *cad < HDA_CODECS ? "%s: there is a codec at cad=%u already"
                                      : "%s: cad is %u, must be 0 to 14",
                  c->model->name, *cad);
        return false;
    }
    return true;
}

static bool realize(struct device *dev, GError **error)
{
    struct codec *c = (struct codec *)dev;
    struct hda_bus *bus = (struct hda_bus *)dev->bus;
    struct audio_backend *b = audio_backend_find(dev->machine, c->audiodev, error);

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        c->model = strcmp(models[i].name, dev->type->name) == 0 ? &models[i] : c->model;
    }
    if (!b || !choose_address(c, bus, error)) {
        return false;
    }
    c->controller = bus->controller;
    c->base.verb = verb;
    c->base.stream = stream;
    for (unsigned i = 0; i < 2; i++) {
        struct path *p = &c->paths[i];

        p->codec = c;
        p->output = i == 0;
        p->voice = (struct audio_voice){ .name = c->model->name, .opaque = p };
        p->voice.fill = i == 0 ? fill : NULL;
        p->voice.take = i == 0 ? NULL : take;
        audio_voice_open(&p->voice, b);
    }
    c->opened = true;
    bus->codecs[c->base.cad] = &c->base;
    return true;
}

static void unrealize(struct device *dev)
{
    struct codec *c = (struct codec *)dev;

    for (unsigned i = 0; i < 2; i++) {
        audio_voice_close(&c->paths[i].voice);
    }
    c->opened = false;
    ((struct hda_bus *)dev->bus)->codecs[c->base.cad] = NULL;
}

static bool post_load(struct device *dev, GError **error)
{
    struct codec *c = (struct codec *)dev;

    (void)error;
    for (unsigned i = 0; i < 2; i++) {
        c->paths[i].tag %= HDA_TAGS;
        update(c, &c->paths[i]);
    }
    return true;
}

static const struct property props[] = {
    PROP_STRING(struct codec, "audiodev", audiodev, NULL, "ID of an audiodev to use as a backend"),
    PROP_U32(struct codec, "cad", base.cad, UINT32_MAX, "address on the link: 0 to 14"),
    PROP_BOOL(struct codec, "mixer", mixer, true, "converters have a volume"),
    PROP_U32(struct codec, "debug", debug, 0, "accepted for compatibility"),
    PROP_BOOL(struct codec, "use-timer", use_timer, true, "accepted: samples move by a timer"),
    { 0 },
};
static const struct state_row path_state[] = {
    STATE_INT(struct path, tag, 1, "stream"),
    STATE_INT(struct path, channel, 1, "first channel"),
    STATE_INT(struct path, format, 1, "format"),
    STATE_BUF(struct path, gain, 1, "gain, left and right"),
    { 0 },
};
static const struct state_row codec_state[] = {
    STATE_SUB(struct codec, paths, 2, path_state, 1, "output and input"),
    STATE_BUF(struct codec, running, 1, "streams that run, by direction and number"),
    STATE_BUF(struct codec, pin_control, 1, "jacks"),
    STATE_INT(struct codec, power, 1, "power state"),
    { 0 },
};

/* clang-format off */
#define CODEC_TYPE(symbol, text, what)                                                             \
    const struct device_type symbol = {                                                            \
        .name = text, .summary = what, .bus = BUS_HDA, .size = sizeof(struct codec), .props = props, \
        .state = codec_state, .realize = realize, .reset = reset, .unrealize = unrealize, .post_load = post_load, \
    }
CODEC_TYPE(hda_output_type, "hda-output", "HDA Audio Codec, output-only (line-out)");
CODEC_TYPE(hda_duplex_type, "hda-duplex", "HDA Audio Codec, duplex (line-out, line-in)");
CODEC_TYPE(hda_micro_type, "hda-micro", "HDA Audio Codec, duplex (speaker, microphone)");
/* clang-format on */
