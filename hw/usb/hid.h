/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/hid.h: keyboard, mouse and tablet: what their descriptors and reports share.
 * Thread: under the machine lock.
 */
#ifndef HW_USB_HID_H
#define HW_USB_HID_H

#include "hw/usb/desc.h"
#include "softmmu/clock.h"
#include "ui/input.h"

#define HID_EVENTS     64u /* keys, or changes of buttons, that wait */
#define HID_KEYS       6u  /* down at a time, as the boot protocol has it */
#define HID_REPORT_MAX 8u

struct usb_hid;

struct hid_kind {
    const struct usb_desc *descs; /* two: of USB 1.1 and 2.0 */
    const uint8_t *report_desc;
    uint16_t report_desc_len;
    /* Makes the next report, taking an event that waits; its length. */
    unsigned (*report)(struct usb_hid *h, uint8_t *b);
};

/* A state of the buttons, with motion until they changed. */
struct hid_move {
    int32_t dx, dy, dz; /* a tablet's dx, dy: its place */
    uint8_t buttons;
};

struct usb_hid {
    struct usb_device usb;
    uint32_t version; /* property: usb_version */
    const struct hid_kind *kind;
    struct input_handler input;
    struct timer idle_timer;
    uint8_t idle;     /* units of 4 ms; 0: reports are of changes alone */
    uint8_t protocol; /* 0: boot, 1: report */
    uint8_t leds;
    bool polled;  /* the guest reads it: input goes there */
    bool changed; /* since the last report */
    bool force;   /* the idle time is over */
    /* Keyboard: usages that wait, with 0x100 for a release; what is down. */
    uint32_t first, count;
    uint16_t keys[HID_EVENTS];
    uint8_t modifiers, down[HID_KEYS];
    /* Mouse and tablet. */
    struct hid_move moves[HID_EVENTS];
};

/* hid_keys.c: the usage of a key of ui/input.h (HID Usage Tables, page 7); 0: none. */
uint8_t hid_usage(uint16_t key);

extern const struct hid_kind hid_keyboard, hid_mouse, hid_tablet;
/* hid_reports.c */
void hid_key(void *opaque, uint16_t key, bool down);
void hid_pointer(void *opaque, const struct input_pointer *p);

/* hid.c: there is something to report. */
void hid_changed(struct usb_hid *h);

#endif
