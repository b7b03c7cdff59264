/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/input/virtio_input.c: keyboard, mouse and tablet over virtio.  Source: VIRTIO 1.2, 5.8; event codes: Linux's
 * input-event-codes.h.
 *
 * A device takes events from the user only while a driver is at work, so that firmware's keyboard is another.
 * Invariants: what belongs to one moment reaches the guest whole or not at all; no element stays in flight.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "ui/input.h"
#include "util/error.h"

#define QUEUE_SIZE 64u
#define BATCH_MAX  16u /* events of one moment */
#define VALUE_MAX  128u

/* clang-format off */
enum { QUEUE_EVENTS = 0, QUEUE_STATUS = 1 };
enum { CONFIG_SELECT = 0, CONFIG_SUBSEL = 1, CONFIG_LENGTH = 2, CONFIG_VALUE = 8, CONFIG_SIZE = CONFIG_VALUE + VALUE_MAX };
enum { SELECT_NAME = 0x01, SELECT_SERIAL = 0x02, SELECT_IDS = 0x03, SELECT_BITS = 0x11, SELECT_ABS = 0x12 };
enum { EV_SYN = 0x00, EV_KEY = 0x01, EV_REL = 0x02, EV_ABS = 0x03, EV_LED = 0x11, EV_REP = 0x14 };
enum { REL_X = 0, REL_Y = 1, REL_WHEEL = 8, ABS_X = 0, ABS_Y = 1, BUTTON_FIRST = 0x110, LEDS = 3 };

/* Codes of keys by set 1's make codes, where they are not the same: extended ones, and beyond F12. */
static const struct { uint16_t set1, code; } key_codes[] = {
    { 0xe01c, 96 }, { 0xe01d, 97 }, { 0xe035, 98 }, { 0xe037, 99 }, { 0x54, 99 }, { 0xe038, 100 }, { 0xe047, 102 },
    { 0xe048, 103 }, { 0xe049, 104 }, { 0xe04b, 105 }, { 0xe04d, 106 }, { 0xe04f, 107 }, { 0xe050, 108 },
    { 0xe051, 109 }, { 0xe052, 110 }, { 0xe053, 111 }, { 0xe020, 113 }, { 0xe02e, 114 }, { 0xe030, 115 },
    { 0xe05e, 116 }, { 0x59, 117 }, { INPUT_KEY_PAUSE, 119 }, { 0x7e, 121 }, { 0x7d, 124 }, { 0xe05b, 125 },
    { 0xe05c, 126 }, { 0xe05d, 127 }, { 0xe021, 140 }, { 0xe05f, 142 }, { 0xe063, 143 }, { 0xe06c, 155 },
    { 0xe066, 156 }, { 0xe06b, 157 }, { 0xe06a, 158 }, { 0xe069, 159 }, { 0xe019, 163 }, { 0xe022, 164 },
    { 0xe010, 165 }, { 0xe024, 166 }, { 0xe032, 172 }, { 0xe067, 173 }, { 0xe06d, 226 }, { 0x73, 89 }, { 0x77, 91 },
    { 0x79, 92 }, { 0x70, 93 }, { 0x7b, 94 },
};
/* Buttons of enum input_button, from its bit 0 on. */
static const uint16_t button_codes[] = { BUTTON_FIRST, BUTTON_FIRST + 1, BUTTON_FIRST + 2, BUTTON_FIRST + 3, BUTTON_FIRST + 4 };
/* clang-format on */

struct input_event { /* 5.8.6.1 */
    uint16_t type, code;
    uint32_t value;
};

enum kind { KEYBOARD, MOUSE, TABLET };
static const struct {
    const char *name;
    uint16_t product;
} kinds[] = {
    [KEYBOARD] = { "QEMU Virtio Keyboard", 1 },
    [MOUSE] = { "QEMU Virtio Mouse", 2 },
    [TABLET] = { "QEMU Virtio Tablet", 3 },
};

struct virtio_input {
    struct virtio_device v;
    char *serial;  /* property */
    bool wheel;    /* property of pointers */
    uint32_t head; /* accepted: there is one screen's pointer */
    char *display; /* accepted */
    enum kind kind;
    struct input_handler handler;
    bool listening;
    uint8_t buttons; /* that the guest knows of */
    uint32_t leds;   /* that the guest has lit: bit n is code n */
    struct input_event batch[BATCH_MAX];
    unsigned batched;
};

/* Events ---------------------------------------------------------------------------------------- */

static void add(struct virtio_input *s, uint16_t type, uint16_t code, uint32_t value)
{
    if (s->batched < BATCH_MAX) {
        s->batch[s->batched++] =
            (struct input_event){ GUINT16_TO_LE(type), GUINT16_TO_LE(code), GUINT32_TO_LE(value) };
    }
}

/* One buffer for each event; without enough of them all of the moment is lost. */
static void send(struct virtio_input *s)
{
    struct virtio_queue *vq = &s->v.queues[QUEUE_EVENTS];
    struct virtio_element *e[BATCH_MAX];
    unsigned n = 0, want;

    add(s, EV_SYN, 0, 0);
    want = s->batched;
    s->batched = 0;
    while (n < want && (e[n] = virtqueue_pop(vq))) {
        n++;
    }
    if (n < want) {
        while (n > 0) {
            virtqueue_unpop(e[--n]);
        }
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        size_t len =
            dma_list_write(&e[i]->in, virtio_machine(&s->v), 0, &s->batch[i], sizeof(s->batch[i]));

        virtqueue_push(e[i], (uint32_t)len);
    }
    virtqueue_notify(vq);
}

static uint16_t code_of(uint16_t key)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(key_codes); i++) {
        if (key_codes[i].set1 == key) {
            return key_codes[i].code;
        }
    }
    return key <= 0x58 ? key : 0;
}

static void key_input(void *opaque, uint16_t key, bool down)
{
    struct virtio_input *s = opaque;
    uint16_t code = code_of(key);

    if (code) {
        add(s, EV_KEY, code, down);
        send(s);
    }
}

static void pointer_input(void *opaque, const struct input_pointer *p)
{
    struct virtio_input *s = opaque;
    uint8_t changed = p->buttons ^ s->buttons;

    if (s->kind == TABLET && p->absolute) {
        add(s, EV_ABS, ABS_X, (uint32_t)p->x);
        add(s, EV_ABS, ABS_Y, (uint32_t)p->y);
    } else if (s->kind == MOUSE && !p->absolute) {
        if (p->dx) {
            add(s, EV_REL, REL_X, (uint32_t)p->dx);
        }
        if (p->dy) {
            add(s, EV_REL, REL_Y, (uint32_t)p->dy);
        }
    }
    if (p->dz && s->wheel) {
        add(s, EV_REL, REL_WHEEL, (uint32_t)-p->dz); /* away from the user is positive there */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(button_codes); i++) {
        if (changed >> i & 1) {
            add(s, EV_KEY, button_codes[i], p->buttons >> i & 1);
        }
    }
    s->buttons = p->buttons;
    if (s->batched) {
        send(s);
    }
}

static void listen(struct virtio_input *s, bool on)
{
    if (s->listening == on) {
        return;
    }
    s->listening = on;
    if (on) {
        input_register(virtio_machine(&s->v), &s->handler);
    } else {
        input_unregister(virtio_machine(&s->v), &s->handler);
    }
}

/* Configuration: what there is by select and subsel (5.8.4) --------------------------------------- */

static void set_bit(uint8_t *bits, unsigned n, unsigned *len)
{
    bits[n / 8] |= (uint8_t)(1u << n % 8);
    *len = MAX(*len, n / 8 + 1);
}

static unsigned key_bits(const struct virtio_input *s, uint8_t *bits)
{
    unsigned len = 0;

    if (s->kind == KEYBOARD) {
        for (uint16_t key = 1; key <= 0x58; key++) {
            /* 0x55 is no key, and others are above where they differ. */
            if (code_of(key) && key != 0x55) {
                set_bit(bits, code_of(key), &len);
            }
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(key_codes); i++) {
            set_bit(bits, key_codes[i].code, &len);
        }
    } else {
        for (unsigned i = 0; i < G_N_ELEMENTS(button_codes); i++) {
            set_bit(bits, button_codes[i], &len);
        }
    }
    return len;
}

static unsigned event_bits(const struct virtio_input *s, unsigned type, uint8_t *bits)
{
    unsigned len = 0;

    if (type == EV_KEY) {
        return key_bits(s, bits);
    }
    if (type == EV_LED && s->kind == KEYBOARD) {
        for (unsigned i = 0; i < LEDS; i++) {
            set_bit(bits, i, &len);
        }
    } else if (type == EV_REP && s->kind == KEYBOARD) {
        len = 1; /* the guest repeats keys */
    } else if (type == EV_REL && s->kind == MOUSE) {
        set_bit(bits, REL_X, &len);
        set_bit(bits, REL_Y, &len);
    } else if (type == EV_ABS && s->kind == TABLET) {
        set_bit(bits, ABS_X, &len);
        set_bit(bits, ABS_Y, &len);
    }
    if (type == EV_REL && s->kind != KEYBOARD && s->wheel) {
        set_bit(bits, REL_WHEEL, &len);
    }
    return len;
}

static unsigned put_text(uint8_t *value, const char *text)
{
    unsigned len = text ? (unsigned)MIN(strlen(text), VALUE_MAX) : 0;

    memcpy(value, text ? text : "", len);
    return len;
}

static unsigned put_ids(const struct virtio_input *s, uint8_t *value)
{
    const uint16_t ids[4] = { GUINT16_TO_LE(6), GUINT16_TO_LE(0x0627), /* a virtual bus */
                              GUINT16_TO_LE(kinds[s->kind].product), GUINT16_TO_LE(1) };

    memcpy(value, ids, sizeof(ids));
    return sizeof(ids);
}

static unsigned put_range(const struct virtio_input *s, unsigned axis, uint8_t *value)
{
    const uint32_t range[5] = { 0, GUINT32_TO_LE(INPUT_ABS_MAX) }; /* no fuzz, flat, resolution */

    if (s->kind != TABLET || axis > ABS_Y) {
        return 0;
    }
    memcpy(value, range, sizeof(range));
    return sizeof(range);
}

static void fill_config(struct virtio_input *s)
{
    uint8_t value[VALUE_MAX] = { 0 };
    unsigned subsel = s->v.config[CONFIG_SUBSEL], len = 0;

    switch (s->v.config[CONFIG_SELECT]) {
    case SELECT_NAME:
        len = put_text(value, kinds[s->kind].name);
        break;
    case SELECT_SERIAL:
        len = put_text(value, s->serial);
        break;
    case SELECT_IDS:
        len = put_ids(s, value);
        break;
    case SELECT_BITS:
        len = event_bits(s, subsel, value);
        break;
    case SELECT_ABS:
        len = put_range(s, subsel, value);
        break;
    default:
        break;
    }
    s->v.config[CONFIG_LENGTH] = (uint8_t)len;
    memcpy(s->v.config + CONFIG_VALUE, value, VALUE_MAX);
}

static void input_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    for (unsigned i = 0; i < size; i++) {
        if (off + i <= CONFIG_SUBSEL) {
            v->config[off + i] = (uint8_t)(value >> 8 * i);
        }
    }
    fill_config((struct virtio_input *)v);
}

/* The device ------------------------------------------------------------------------------------ */

/* Buffers for events wait in their queue; what comes on the other lights LEDs. */
static void input_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_input *s = (struct virtio_input *)v;
    struct virtio_element *e;

    while (vq->index == QUEUE_STATUS && (e = virtqueue_pop(vq))) {
        struct input_event event = { 0 };

        dma_list_read(&e->out, 0, &event, sizeof(event));
        if (GUINT16_FROM_LE(event.type) == EV_LED && GUINT16_FROM_LE(event.code) < LEDS) {
            uint32_t bit = 1u << GUINT16_FROM_LE(event.code);

            s->leds = event.value ? s->leds | bit : s->leds & ~bit;
        }
        virtqueue_push(e, 0);
    }
    virtqueue_notify(vq);
}

static void input_status_changed(struct virtio_device *v)
{
    listen((struct virtio_input *)v, v->status & VIRTIO_DRIVER_OK);
}

static bool input_realize(struct virtio_device *v, GError **error)
{
    struct virtio_input *s = (struct virtio_input *)v;

    if (s->serial && strlen(s->serial) > VALUE_MAX) {
        set_error(error, "%s: serial has %zu characters, must have at most %u", v->dev->type->name,
                  strlen(s->serial), VALUE_MAX);
        return false;
    }
    virtio_add_queue(v, QUEUE_SIZE);
    virtio_add_queue(v, QUEUE_SIZE);
    s->handler = (struct input_handler){ .name = kinds[s->kind].name,
                                         .absolute = s->kind == TABLET,
                                         .key = s->kind == KEYBOARD ? key_input : NULL,
                                         .pointer = s->kind == KEYBOARD ? NULL : pointer_input,
                                         .opaque = s };
    return true;
}

static void input_unrealize(struct virtio_device *v)
{
    listen((struct virtio_input *)v, false);
}

static void input_reset(struct virtio_device *v)
{
    struct virtio_input *s = (struct virtio_input *)v;

    s->buttons = 0;
    s->leds = 0;
    s->batched = 0;
    v->config[CONFIG_SELECT] = v->config[CONFIG_SUBSEL] = 0;
    fill_config(s);
}

static bool input_post_load(struct virtio_device *v, GError **error)
{
    (void)error;
    fill_config((struct virtio_input *)v);
    input_status_changed(v);
    return true;
}

static const struct virtio_ops input_ops = {
    .id = VIRTIO_ID_INPUT,
    .modern_only = true,
    .config_size = CONFIG_SIZE,
    .realize = input_realize,
    .unrealize = input_unrealize,
    .reset = input_reset,
    .notified = input_notified,
    .status_changed = input_status_changed,
    .config_write = input_config_write,
    .post_load = input_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_input_pci {
    struct virtio_pci proxy;
    struct virtio_input input;
};
struct virtio_input_device {
    struct virtio_mmio_device proxy;
    struct virtio_input input;
};
G_STATIC_ASSERT(offsetof(struct virtio_input_pci, input) ==
                offsetof(struct virtio_pci_function, v));

#define KEYBOARD_PROPS(strct)                                                                      \
    PROP_STRING(strct, "serial", input.serial, NULL, "serial number"),                             \
        PROP_STRING(strct, "display", input.display, NULL, "accepted for compatibility"),          \
        PROP_U32(strct, "head", input.head, 0, "accepted for compatibility")
#define POINTER_PROPS(strct)                                                                       \
    KEYBOARD_PROPS(strct), PROP_BOOL(strct, "wheel-axis", input.wheel, true, "it has a wheel")
#define INPUT_STATE(strct)                                                                         \
    STATE_INT(strct, input.buttons, 1, "buttons that are down"),                                   \
        STATE_INT(strct, input.leds, 1, "LEDs that are lit")

static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_input_pci, proxy, input.v),
    INPUT_STATE(struct virtio_input_pci),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_input_device, input.v),
    INPUT_STATE(struct virtio_input_device),
    { 0 },
};

/* The two types of a kind. */
#define INPUT_TYPES(kind_name, KIND, PROPS, class, what)                                           \
    static bool kind_name##_pci_realize(struct device *dev, GError **error)                        \
    {                                                                                              \
        ((struct virtio_input_pci *)dev)->input.kind = KIND;                                       \
        return virtio_pci_realize(dev, &input_ops, class, error);                                  \
    }                                                                                              \
    static bool kind_name##_mmio_realize(struct device *dev, GError **error)                       \
    {                                                                                              \
        ((struct virtio_input_device *)dev)->input.kind = KIND;                                    \
        return virtio_mmio_plug(dev, &input_ops, error);                                           \
    }                                                                                              \
    static const struct property kind_name##_pci_props[] = {                                       \
        VIRTIO_PCI_PROPS(struct virtio_input_pci, proxy, input.v),                                 \
        PROPS(struct virtio_input_pci),                                                            \
        { 0 },                                                                                     \
    };                                                                                             \
    static const struct property kind_name##_mmio_props[] = {                                      \
        VIRTIO_PROPS(struct virtio_input_device, input.v),                                         \
        PROPS(struct virtio_input_device),                                                         \
        { 0 },                                                                                     \
    };                                                                                             \
    VIRTIO_PCI_TYPE(virtio_##kind_name##_pci_type, "virtio-" #kind_name "-pci", what,              \
                    struct virtio_input_pci, kind_name##_pci_props, pci_state,                     \
                    kind_name##_pci_realize);                                                      \
    VIRTIO_MMIO_TYPE(virtio_##kind_name##_device_type, "virtio-" #kind_name "-device", what,       \
                     struct virtio_input_device, input, kind_name##_mmio_props, mmio_state,        \
                     kind_name##_mmio_realize)

INPUT_TYPES(keyboard, KEYBOARD, KEYBOARD_PROPS, 0x0900, "virtio keyboard");
INPUT_TYPES(mouse, MOUSE, POINTER_PROPS, 0x0902, "virtio mouse");
INPUT_TYPES(tablet, TABLET, POINTER_PROPS, 0x0980, "virtio tablet: a pointer that knows its place");
