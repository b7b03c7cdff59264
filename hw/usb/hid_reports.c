/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/hid_reports.c: from keys and motion to reports, and what the reports look like.
 *
 * A key is a report of its own, so that one that goes down and up between two polls is seen; motion adds up
 * until a button changes.
 * Source: HID 1.11, 6.2.2, appendix B; HID Usage Tables 1.12.  Thread: under the machine lock.
 */
#include <string.h>
#include "hw/usb/hid.h"

/* clang-format off */
static const uint8_t keyboard_report_desc[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,                         /* Generic Desktop, Keyboard */
    0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, /* eight modifiers, a bit each */
    0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x01,                         /* a byte that is reserved */
    0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x95, 0x05, 0x75, 0x01, /* five lights, out */
    0x91, 0x02, 0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
    0x05, 0x07, 0x19, 0x00, 0x29, 0xff, 0x15, 0x00, 0x26, 0xff, 0x00, /* six keys */
    0x95, 0x06, 0x75, 0x08, 0x81, 0x00, 0xc0,
};
static const uint8_t mouse_report_desc[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, /* Generic Desktop, Mouse, Pointer */
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01, /* five buttons */
    0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38,             /* X, Y, wheel, relative */
    0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0xc0, 0xc0,
};
static const uint8_t tablet_report_desc[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, /* Generic Desktop, Mouse, Pointer */
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01, /* five buttons */
    0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31,                         /* X, Y: absolute */
    0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f,
    0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
    0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, /* wheel, relative */
    0x75, 0x08, 0x95, 0x01, 0x81, 0x06, 0xc0, 0xc0,
};
#define RELEASE    0x100u
#define MOTION_MAX 0x7fff /* what adds up while nobody reads */
/* clang-format on */

/* Keyboard -------------------------------------------------------------------------------------- */

void hid_key(void *opaque, uint16_t key, bool down)
{
    struct usb_hid *h = opaque;
    uint8_t usage = hid_usage(key);

    if (!usage || h->count == HID_EVENTS) {
        return;
    }
    h->keys[(h->first + h->count) % HID_EVENTS] = (uint16_t)(usage | (down ? 0 : RELEASE));
    h->count++;
    hid_changed(h);
}

static void apply_key(struct usb_hid *h, uint16_t event)
{
    uint8_t usage = event & 0xff;
    unsigned i = 0, n = 0;

    if (usage >= 0xe0 && usage <= 0xe7) {
        uint8_t bit = (uint8_t)(1u << (usage - 0xe0));

        h->modifiers = (uint8_t)(event & RELEASE ? h->modifiers & ~bit : h->modifiers | bit);
        return;
    }
    while (n < HID_KEYS && h->down[n]) {
        n++;
    }
    while (i < n && h->down[i] != usage) {
        i++;
    }
    if (event & RELEASE && i < n) {
        memmove(h->down + i, h->down + i + 1, HID_KEYS - 1 - i);
        h->down[HID_KEYS - 1] = 0;
    } else if (!(event & RELEASE) && i == n && n < HID_KEYS) {
        h->down[n] = usage; /* a seventh is lost */
    }
}

static unsigned keyboard_report(struct usb_hid *h, uint8_t *b)
{
    if (h->count) {
        apply_key(h, h->keys[h->first]);
        h->first = (h->first + 1) % HID_EVENTS;
        h->count--;
    }
    b[0] = h->modifiers;
    b[1] = 0;
    memcpy(b + 2, h->down, HID_KEYS);
    return 8;
}

/* Mouse and tablet ------------------------------------------------------------------------------ */

/* The move that waits last, where motion adds up: a new one when the buttons differ. */
static struct hid_move *move_to_add(struct usb_hid *h, uint8_t buttons)
{
    const struct hid_move *last;
    struct hid_move *m;

    last = &h->moves[(h->first + (h->count ? h->count - 1 : 0)) % HID_EVENTS];
    if (h->count && (last->buttons == buttons || h->count == HID_EVENTS)) {
        return (struct hid_move *)last;
    }
    m = &h->moves[(h->first + h->count) % HID_EVENTS];
    /* Of an empty queue moves[first] is what was told last: the place and buttons stay. */
    if (h->count) {
        *m = (struct hid_move){ .dx = last->dx, .dy = last->dy };
    }
    if (h->kind != &hid_tablet) {
        m->dx = m->dy = 0;
    }
    m->dz = 0;
    h->count++;
    return m;
}

void hid_pointer(void *opaque, const struct input_pointer *p)
{
    struct usb_hid *h = opaque;
    bool tablet = h->kind == &hid_tablet;
    struct hid_move *m = move_to_add(h, p->buttons);

    m->buttons = p->buttons;
    m->dz = CLAMP(m->dz + p->dz, -MOTION_MAX, MOTION_MAX);
    if (tablet && p->absolute) {
        m->dx = p->x;
        m->dy = p->y;
    } else if (tablet) {
        m->dx = CLAMP(m->dx + p->dx, 0, INPUT_ABS_MAX);
        m->dy = CLAMP(m->dy + p->dy, 0, INPUT_ABS_MAX);
    } else if (!p->absolute) {
        m->dx = CLAMP(m->dx + p->dx, -MOTION_MAX, MOTION_MAX);
        m->dy = CLAMP(m->dy + p->dy, -MOTION_MAX, MOTION_MAX);
    }
    hid_changed(h);
}

/* The first move is told; the place and the buttons of the last one remain. */
static void take_move(struct usb_hid *h)
{
    if (h->count > 1) {
        h->first = (h->first + 1) % HID_EVENTS;
    }
    h->count -= h->count > 0;
}

static unsigned mouse_report(struct usb_hid *h, uint8_t *b)
{
    struct hid_move *m = &h->moves[h->first];
    int dx = CLAMP(m->dx, -127, 127), dy = CLAMP(m->dy, -127, 127), dz = CLAMP(m->dz, -127, 127);

    b[0] = m->buttons;
    b[1] = (uint8_t)dx;
    b[2] = (uint8_t)dy;
    b[3] = (uint8_t)-dz; /* away from the user is positive */
    m->dx -= dx;
    m->dy -= dy;
    m->dz -= dz;
    if (!m->dx && !m->dy && !m->dz) {
        take_move(h);
    }
    return h->protocol ? 4 : 3;
}

static unsigned tablet_report(struct usb_hid *h, uint8_t *b)
{
    struct hid_move *m = &h->moves[h->first];
    int dz = CLAMP(m->dz, -127, 127);

    b[0] = m->buttons;
    b[1] = (uint8_t)m->dx;
    b[2] = (uint8_t)(m->dx >> 8);
    b[3] = (uint8_t)m->dy;
    b[4] = (uint8_t)(m->dy >> 8);
    b[5] = (uint8_t)-dz;
    m->dz -= dz;
    if (!m->dz) {
        take_move(h);
    }
    return 6;
}

/* Descriptors ----------------------------------------------------------------------------------- */

#define HID_DESC(name, len)                                                                        \
    static const uint8_t name[] = { 9, 0x21, 0x11, 0x01, 0, 1, 0x22, (len)&0xff, (len) >> 8 }
HID_DESC(keyboard_hid, sizeof(keyboard_report_desc));
HID_DESC(mouse_hid, sizeof(mouse_report_desc));
HID_DESC(tablet_hid, sizeof(tablet_report_desc));

/* At high speed an interval is a power of two of 125 us: 8 ms, 4 ms. */
#define HID_CONFIG(name, packet, full, high, sub, proto, hid)                                      \
    static const struct usb_endpoint name##_full_ep = {                                            \
        USB_DIR_IN | 1, USB_EP_INTERRUPT, packet, full, 0, 0, 0                                    \
    };                                                                                             \
    static const struct usb_endpoint name##_high_ep = {                                            \
        USB_DIR_IN | 1, USB_EP_INTERRUPT, packet, high, 0, 0, 0                                    \
    };                                                                                             \
    static const struct usb_interface name##_full_if = { 0,  0, 3, sub, proto, 1, &name##_full_ep, \
                                                         hid };                                    \
    static const struct usb_interface name##_high_if = { 0,  0, 3, sub, proto, 1, &name##_high_ep, \
                                                         hid };                                    \
    static const struct usb_config name##_full = { USB_CAN_WAKE, 50, 1, &name##_full_if };         \
    static const struct usb_config name##_high = { USB_CAN_WAKE, 50, 1, &name##_high_if }
HID_CONFIG(keyboard, 8, 10, 7, 1, 1, keyboard_hid);
HID_CONFIG(mouse, 4, 10, 7, 1, 2, mouse_hid);
HID_CONFIG(tablet, 8, 10, 6, 0, 0, tablet_hid);

#define HID_DEVICE(text, number, ...)                                                              \
    {                                                                                              \
        .vendor = 0x0627, .product = 0x0001, .manufacturer = "QEMU", .product_name = text,         \
        .serial = number, .configs = {                                                             \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
static const struct usb_desc keyboard_descs[2] = {
    HID_DEVICE("QEMU USB Keyboard", "68284", [USB_FULL] = &keyboard_full),
    HID_DEVICE("QEMU USB Keyboard",
               "68284", [USB_FULL] = &keyboard_full, [USB_HIGH] = &keyboard_high),
};
static const struct usb_desc mouse_descs[2] = {
    HID_DEVICE("QEMU USB Mouse", "89126", [USB_FULL] = &mouse_full),
    HID_DEVICE("QEMU USB Mouse", "89126", [USB_FULL] = &mouse_full, [USB_HIGH] = &mouse_high),
};
static const struct usb_desc tablet_descs[2] = {
    HID_DEVICE("QEMU USB Tablet", "28754", [USB_FULL] = &tablet_full),
    HID_DEVICE("QEMU USB Tablet", "28754", [USB_FULL] = &tablet_full, [USB_HIGH] = &tablet_high),
};

const struct hid_kind hid_keyboard = { keyboard_descs, keyboard_report_desc,
                                       sizeof(keyboard_report_desc), keyboard_report };
const struct hid_kind hid_mouse = { mouse_descs, mouse_report_desc, sizeof(mouse_report_desc),
                                    mouse_report };
const struct hid_kind hid_tablet = { tablet_descs, tablet_report_desc, sizeof(tablet_report_desc),
                                     tablet_report };
