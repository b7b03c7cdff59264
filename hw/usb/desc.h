/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/desc.h: what a device says of itself, as rows; desc.c makes the bytes of it.
 * Source: USB 2.0, 9.6; USB 3.1, 9.6.  Thread: constant.
 */
#ifndef HW_USB_DESC_H
#define HW_USB_DESC_H

#include "hw/usb/usb.h"

enum usb_endpoint_type { USB_EP_CONTROL, USB_EP_ISOCH, USB_EP_BULK, USB_EP_INTERRUPT };

struct usb_endpoint {
    uint8_t address; /* with USB_DIR_IN */
    uint8_t type;    /* enum usb_endpoint_type */
    uint16_t max_packet;
    uint8_t interval;
    /* At super speed. */
    uint8_t burst;   /* packets in a row, less 1 */
    uint8_t streams; /* log2 of how many; 0: none */
    /* UAS: pipe usage descriptor; 0: none. */
    uint8_t pipe;
};

struct usb_interface {
    uint8_t number, alternate;
    uint8_t class, subclass, protocol;
    uint8_t n_endpoints;
    const struct usb_endpoint *endpoints;
    const uint8_t *class_desc; /* HID's and the like, between interface and endpoints; NULL: none */
};

/* The one configuration, number 1. */
struct usb_config {
    uint8_t attributes;   /* USB_SELF_POWERED, USB_CAN_WAKE */
    uint8_t power;        /* units of 2 mA (super speed: 8) */
    uint8_t n_interfaces; /* rows: alternates count, too */
    const struct usb_interface *interfaces;
};
#define USB_SELF_POWERED 0x40u
#define USB_CAN_WAKE     0x20u

struct usb_desc {
    uint16_t vendor, product, release;
    uint8_t class, subclass, protocol;
    const char *manufacturer, *product_name, *serial;
    const struct usb_config *configs[USB_SPEEDS]; /* NULL: not at that speed */
};

#endif
