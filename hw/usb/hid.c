/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/hid.c: usb-kbd, usb-mouse and usb-tablet as devices: class requests, polls, idle time, saving.
 *
 * Input goes to the device from the guest's first poll on: until then PS/2 has it.
 * Source: HID 1.11, 7.2.  Thread: under the machine lock.
 */
#include <string.h>
#include "hw/usb/hid.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* clang-format off */
enum hid_request {              /* type << 8 | request */
    HID_GET_DESCRIPTOR = 0x8106, HID_GET_REPORT = 0xa101, HID_GET_IDLE = 0xa102, HID_GET_PROTOCOL = 0xa103,
    HID_SET_REPORT = 0x2109, HID_SET_IDLE = 0x210a, HID_SET_PROTOCOL = 0x210b,
};
enum { DESC_HID = 0x21, DESC_REPORT = 0x22, REPORT_INPUT = 1, REPORT_OUTPUT = 2 };
#define IDLE_UNIT (4 * NS_PER_MS)
/* clang-format on */

void hid_changed(struct usb_hid *h)
{
    h->changed = true;
    usb_wakeup(&h->usb, USB_DIR_IN | 1, 0);
}

static void arm_idle(struct usb_hid *h)
{
    struct machine *m = h->usb.dev.machine;

    if (h->idle && h->polled) {
        timer_arm(&h->idle_timer, clock_now(m, CLOCK_KIND_VIRTUAL) + h->idle * IDLE_UNIT);
    } else {
        timer_disarm(&h->idle_timer);
    }
}

static void idle_over(void *opaque)
{
    struct usb_hid *h = opaque;

    h->force = true;
    arm_idle(h);
    usb_wakeup(&h->usb, USB_DIR_IN | 1, 0);
}

/* Once the guest has a driver input comes here first. */
static void set_polled(struct usb_hid *h, bool polled)
{
    struct machine *m = h->usb.dev.machine;

    h->polled = polled;
    input_unregister(m, &h->input);
    if (polled) {
        input_register(m, &h->input);
    } else {
        input_register_last(m, &h->input);
    }
}

static enum usb_result hid_packet(struct usb_device *d, struct usb_packet *p)
{
    struct usb_hid *h = (struct usb_hid *)d;
    uint8_t b[HID_REPORT_MAX];
    unsigned n;

    if (!h->polled) {
        set_polled(h, true);
        arm_idle(h);
    }
    if (!h->changed && !h->force) {
        return USB_NAK;
    }
    n = h->kind->report(h, b);
    h->changed = h->count > 0;
    h->force = false;
    arm_idle(h);
    usb_packet_put(d, p, b, n);
    return USB_OK;
}

static enum usb_result get_descriptor(struct usb_hid *h, const struct usb_request *r, uint8_t *buf,
                                      uint32_t *len)
{
    const uint8_t *from = h->kind->report_desc;
    uint32_t n = h->kind->report_desc_len;

    if (r->value >> 8 == DESC_HID) {
        from = h->usb.desc->configs[h->usb.speed]->interfaces[0].class_desc;
        n = from[0];
    } else if (r->value >> 8 != DESC_REPORT) {
        return USB_STALL;
    }
    memcpy(buf, from, n);
    *len = n;
    return USB_OK;
}

static enum usb_result set_report(struct usb_hid *h, const struct usb_request *r,
                                  const uint8_t *buf, uint32_t len)
{
    if (h->kind != &hid_keyboard || r->value >> 8 != REPORT_OUTPUT || len < 1) {
        return USB_STALL;
    }
    h->leds = buf[0] & 0x1f;
    return USB_OK;
}

static enum usb_result hid_control(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                                   uint32_t *len)
{
    struct usb_hid *h = (struct usb_hid *)d;

    switch (r->code) {
    case HID_GET_DESCRIPTOR:
        return get_descriptor(h, r, buf, len);
    case HID_GET_REPORT:
        if (r->value >> 8 != REPORT_INPUT) {
            return USB_STALL;
        }
        *len = h->kind->report(h, buf);
        h->changed = h->count > 0;
        return USB_OK;
    case HID_SET_REPORT:
        return set_report(h, r, buf, *len);
    case HID_GET_IDLE:
        buf[0] = h->idle;
        *len = 1;
        return USB_OK;
    case HID_SET_IDLE:
        h->idle = (uint8_t)(r->value >> 8);
        arm_idle(h);
        return USB_OK;
    case HID_GET_PROTOCOL:
        buf[0] = h->protocol;
        *len = 1;
        return h->kind == &hid_tablet ? USB_STALL : USB_OK;
    case HID_SET_PROTOCOL:
        if (h->kind == &hid_tablet || r->value > 1) {
            return USB_STALL;
        }
        h->protocol = (uint8_t)r->value;
        return USB_OK;
    default:
        return USB_STALL;
    }
}

static void hid_bus_reset(struct usb_device *d)
{
    struct usb_hid *h = (struct usb_hid *)d;

    if (h->polled) {
        set_polled(h, false);
    }
    timer_disarm(&h->idle_timer);
    h->idle = h->leds = h->modifiers = 0;
    h->protocol = 1;
    h->first = h->count = 0;
    h->changed = h->force = false;
    memset(h->down, 0, sizeof(h->down));
    memset(h->moves, 0, sizeof(h->moves));
}

static const struct usb_ops hid_ops = { .reset = hid_bus_reset,
                                        .control = hid_control,
                                        .packet = hid_packet };

/* Life ------------------------------------------------------------------------------------------ */

static void hid_unrealize(struct device *dev)
{
    struct usb_hid *h = (struct usb_hid *)dev;

    usb_device_teardown(&h->usb);
    timer_disarm(&h->idle_timer);
    input_unregister(dev->machine, &h->input);
}

static bool hid_realize(struct usb_hid *h, const struct hid_kind *kind, GError **error)
{
    struct device *dev = &h->usb.dev;

    if (h->version < 1 || h->version > 2) {
        set_error(error, "%s: usb_version is %u, must be 1 or 2", dev->type->name, h->version);
        return false;
    }
    h->kind = kind;
    h->usb.desc = &kind->descs[h->version - 1];
    h->input = (struct input_handler){ .name = h->usb.desc->product_name,
                                       .absolute = kind == &hid_tablet,
                                       .key = kind == &hid_keyboard ? hid_key : NULL,
                                       .pointer = kind == &hid_keyboard ? NULL : hid_pointer,
                                       .opaque = h };
    timer_init(&h->idle_timer, dev->machine, CLOCK_KIND_VIRTUAL, idle_over, h);
    input_register_last(dev->machine, &h->input);
    if (!usb_device_setup(&h->usb, &hid_ops, error)) {
        input_unregister(dev->machine, &h->input);
        return false;
    }
    return true;
}

static bool keyboard_realize(struct device *dev, GError **error)
{
    return hid_realize((struct usb_hid *)dev, &hid_keyboard, error);
}

static bool mouse_realize(struct device *dev, GError **error)
{
    return hid_realize((struct usb_hid *)dev, &hid_mouse, error);
}

static bool tablet_realize(struct device *dev, GError **error)
{
    return hid_realize((struct usb_hid *)dev, &hid_tablet, error);
}

static void hid_reset(struct device *dev)
{
    usb_device_reset((struct usb_device *)dev);
}

static bool moves_ok(const struct usb_hid *h)
{
    for (unsigned i = 0; i < HID_EVENTS; i++) {
        const struct hid_move *m = &h->moves[i];

        if (m->dx < -INPUT_ABS_MAX || m->dx > INPUT_ABS_MAX || m->dy < -INPUT_ABS_MAX ||
            m->dy > INPUT_ABS_MAX || m->dz < -INPUT_ABS_MAX || m->dz > INPUT_ABS_MAX) {
            return false;
        }
    }
    return true;
}

static bool hid_post_load(struct device *dev, GError **error)
{
    struct usb_hid *h = (struct usb_hid *)dev;

    if (h->first >= HID_EVENTS || h->count > HID_EVENTS || !moves_ok(h)) {
        set_error(error, "%u events from %u on, must be at most %u", h->count, h->first,
                  HID_EVENTS);
        return false;
    }
    set_polled(h, h->polled);
    return usb_device_post_load(&h->usb, error);
}

/* clang-format off */
static const struct state_row move_state[] = {
    STATE_INT(struct hid_move, dx, 1, "to the right, or the place"),
    STATE_INT(struct hid_move, dy, 1, "downwards, or the place"),
    STATE_INT(struct hid_move, dz, 1, "wheel"),
    STATE_INT(struct hid_move, buttons, 1, "buttons that are down"),
    { 0 },
};
static const struct state_row hid_state[] = {
    USB_STATE(struct usb_hid, usb),
    STATE_INT(struct usb_hid, idle, 1, "idle time, units of 4 ms"),
    STATE_INT(struct usb_hid, protocol, 1, "0: boot, 1: report"),
    STATE_INT(struct usb_hid, leds, 1, "lights"),
    STATE_INT(struct usb_hid, polled, 1, "the guest reads it"),
    STATE_INT(struct usb_hid, changed, 1, "since the last report"),
    STATE_INT(struct usb_hid, force, 1, "the idle time is over"),
    STATE_TIMER_ROW(struct usb_hid, idle_timer, 1, "end of the idle time"),
    STATE_INT(struct usb_hid, first, 1, "the event to be told next"),
    STATE_INT(struct usb_hid, count, 1, "events that wait"),
    STATE_ARRAY(struct usb_hid, keys, 1, "keys"),
    STATE_INT(struct usb_hid, modifiers, 1, "modifiers that are down"),
    STATE_BUF(struct usb_hid, down, 1, "keys that are down"),
    STATE_SUB(struct usb_hid, moves, HID_EVENTS, move_state, 1, "moves"),
    { 0 },
};

#define HID_PROPS                                                                                  \
    USB_PROPS(struct usb_hid, usb),                                                                \
    PROP_U32(struct usb_hid, "usb_version", version, 2, "1: full speed alone, 2: high speed, too")
static const struct property hid_props[] = { HID_PROPS, { 0 } };
/* clang-format on */

#define HID_TYPE(symbol, text, what, realizer)                                                     \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_USB,                                                                            \
        .size = sizeof(struct usb_hid),                                                            \
        .props = hid_props,                                                                        \
        .state = hid_state,                                                                        \
        .realize = realizer,                                                                       \
        .reset = hid_reset,                                                                        \
        .unrealize = hid_unrealize,                                                                \
        .post_load = hid_post_load,                                                                \
    }
HID_TYPE(usb_kbd_type, "usb-kbd", "USB keyboard", keyboard_realize);
HID_TYPE(usb_mouse_type, "usb-mouse", "USB mouse", mouse_realize);
HID_TYPE(usb_tablet_type, "usb-tablet", "USB tablet: a pointer with absolute places",
         tablet_realize);
