/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/desc.c: descriptors as bytes, and the standard requests, one row each.
 * Source: USB 2.0, 9.4 to 9.6; USB 3.1, 9.4 to 9.6.  Thread: under the machine lock.
 */
#include "hw/usb/desc.h"

#include <string.h>

/* clang-format off */
enum descriptor { DESC_DEVICE = 1, DESC_CONFIG = 2, DESC_STRING = 3, DESC_INTERFACE = 4, DESC_ENDPOINT = 5,
                  DESC_QUALIFIER = 6, DESC_OTHER_SPEED = 7, DESC_BOS = 15, DESC_CAPABILITY = 16,
                  DESC_PIPE_USAGE = 0x24, DESC_COMPANION = 48 };
enum feature { FEATURE_HALT = 0, FEATURE_WAKEUP = 1, FEATURE_U1 = 48, FEATURE_U2 = 49, FEATURE_LTM = 50 };
enum { STRING_LANGUAGES = 0, STRING_MANUFACTURER = 1, STRING_PRODUCT = 2, STRING_SERIAL = 3 };
#define ENGLISH 0x0409
/* clang-format on */

/* Bytes that are appended to a buffer as long as there is room. */
struct writer {
    uint8_t *buf;
    uint32_t n, max;
};

static void put(struct writer *w, const uint8_t *bytes, uint32_t n)
{
    n = MIN(n, w->max - w->n);
    memcpy(w->buf + w->n, bytes, n);
    w->n += n;
}
#define PUT(w, ...)                                                                                \
    put(w, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define LOW(v)  (uint8_t)(v)
#define HIGH(v) (uint8_t)((v) >> 8)

static const struct usb_config *config_of(const struct usb_device *d)
{
    return d->desc->configs[d->speed];
}

/* Descriptors ----------------------------------------------------------------------------------- */

static unsigned version_of(const struct usb_device *d)
{
    return d->speed == USB_SUPER ? 0x0300 : d->desc->configs[USB_HIGH] ? 0x0200 : 0x0110;
}

/* Of endpoint 0; at super speed an exponent. */
static uint8_t max_packet_0(enum usb_speed speed)
{
    static const uint8_t sizes[USB_SPEEDS] = {
        [USB_LOW] = 8, [USB_FULL] = 8, [USB_HIGH] = 64, [USB_SUPER] = 9
    };

    return sizes[speed];
}

static const char *serial_of(const struct usb_device *d)
{
    return d->serial && d->serial[0] ? d->serial : d->desc->serial;
}

static bool put_device(const struct usb_device *d, struct writer *w)
{
    const struct usb_desc *desc = d->desc;
    unsigned version = version_of(d);

    PUT(w, 18, DESC_DEVICE, LOW(version), HIGH(version), desc->class, desc->subclass,
        desc->protocol, max_packet_0(d->speed), LOW(desc->vendor), HIGH(desc->vendor),
        LOW(desc->product), HIGH(desc->product), LOW(desc->release), HIGH(desc->release),
        STRING_MANUFACTURER, STRING_PRODUCT, serial_of(d) ? STRING_SERIAL : 0, 1);
    return true;
}

static void put_endpoint(const struct usb_endpoint *e, bool super, struct writer *w)
{
    PUT(w, 7, DESC_ENDPOINT, e->address, e->type, LOW(e->max_packet), HIGH(e->max_packet),
        e->interval);
    if (super) {
        unsigned bytes = e->type == USB_EP_INTERRUPT ? e->max_packet : 0;

        PUT(w, 6, DESC_COMPANION, e->burst, e->streams, LOW(bytes), HIGH(bytes));
    }
    if (e->pipe) {
        PUT(w, 4, DESC_PIPE_USAGE, e->pipe, 0);
    }
}

static bool put_config(const struct usb_config *c, uint8_t type, bool super, struct writer *w)
{
    uint32_t start = w->n;
    uint8_t interfaces = 0;

    if (!c) {
        return false;
    }
    PUT(w, 9, type, 0, 0, 0, 1, 0, 0x80 | c->attributes, c->power);
    for (unsigned i = 0; i < c->n_interfaces; i++) {
        const struct usb_interface *f = &c->interfaces[i];

        interfaces += f->alternate == 0;
        PUT(w, 9, DESC_INTERFACE, f->number, f->alternate, f->n_endpoints, f->class, f->subclass,
            f->protocol, 0);
        if (f->class_desc) {
            put(w, f->class_desc, f->class_desc[0]);
        }
        for (unsigned e = 0; e < f->n_endpoints; e++) {
            put_endpoint(&f->endpoints[e], super, w);
        }
    }
    w->buf[start + 2] = LOW(w->n - start);
    w->buf[start + 3] = HIGH(w->n - start);
    w->buf[start + 4] = interfaces;
    return true;
}

static bool put_string(const struct usb_device *d, unsigned index, struct writer *w)
{
    const char *const texts[] = { [STRING_MANUFACTURER] = d->desc->manufacturer,
                                  [STRING_PRODUCT] = d->desc->product_name,
                                  [STRING_SERIAL] = serial_of(d) };
    g_autofree gunichar2 *utf16 = NULL;
    glong n = 0;

    if (index == STRING_LANGUAGES) {
        PUT(w, 4, DESC_STRING, LOW(ENGLISH), HIGH(ENGLISH));
        return true;
    }
    if (index >= G_N_ELEMENTS(texts) || !texts[index]) {
        return false;
    }
    utf16 = g_utf8_to_utf16(texts[index], -1, NULL, &n, NULL);
    n = utf16 ? MIN(n, 126) : 0; /* a length is a byte */
    PUT(w, (uint8_t)(2 + 2 * n), DESC_STRING);
    for (glong i = 0; i < n; i++) {
        PUT(w, LOW(utf16[i]), HIGH(utf16[i]));
    }
    return true;
}

/* What it would be at the other of full and high speed. */
static enum usb_speed other_speed(const struct usb_device *d)
{
    return d->speed == USB_HIGH ? USB_FULL : USB_HIGH;
}

static bool has_other_speed(const struct usb_device *d)
{
    return d->speed != USB_SUPER && d->desc->configs[USB_FULL] && d->desc->configs[USB_HIGH];
}

static bool put_qualifier(const struct usb_device *d, struct writer *w)
{
    if (!has_other_speed(d)) {
        return false;
    }
    PUT(w, 10, DESC_QUALIFIER, 0x00, 0x02, d->desc->class, d->desc->subclass, d->desc->protocol,
        max_packet_0(other_speed(d)), 1, 0);
    return true;
}

/* USB 3.1, 9.6.2: link power management is not there; full, high and super speed are. */
static bool put_bos(const struct usb_device *d, struct writer *w)
{
    if (!d->desc->configs[USB_SUPER]) {
        return false;
    }
    PUT(w, 5, DESC_BOS, 22, 0, 2);
    PUT(w, 7, DESC_CAPABILITY, 2, 0, 0, 0, 0);
    PUT(w, 10, DESC_CAPABILITY, 3, 0, 0x0e, 0, 1, 0x0a, 0x20, 0);
    return true;
}

static enum usb_result get_descriptor(struct usb_device *d, const struct usb_request *r,
                                      uint8_t *buf, uint32_t *len)
{
    struct writer w = { buf, 0, USB_CONTROL_MAX };
    unsigned index = r->value & 0xff;
    bool ok = false;

    switch (r->value >> 8) {
    case DESC_DEVICE:
        ok = put_device(d, &w);
        break;
    case DESC_CONFIG:
        ok = index == 0 && put_config(config_of(d), DESC_CONFIG, d->speed == USB_SUPER, &w);
        break;
    case DESC_STRING:
        ok = put_string(d, index, &w);
        break;
    case DESC_QUALIFIER:
        ok = put_qualifier(d, &w);
        break;
    case DESC_OTHER_SPEED:
        ok = index == 0 && has_other_speed(d) &&
             put_config(d->desc->configs[other_speed(d)], DESC_OTHER_SPEED, false, &w);
        break;
    case DESC_BOS:
        ok = put_bos(d, &w);
        break;
    default:
        break;
    }
    *len = w.n;
    return ok ? USB_OK : USB_STALL;
}

/* Interfaces and endpoints ---------------------------------------------------------------------- */

/* The setting of an interface that is chosen, or that number; NULL: none. */
static const struct usb_interface *find_interface(const struct usb_device *d, unsigned number,
                                                  int alternate)
{
    const struct usb_config *c = d->config ? config_of(d) : NULL;

    for (unsigned i = 0; c && number < USB_INTERFACES && i < c->n_interfaces; i++) {
        const struct usb_interface *f = &c->interfaces[i];

        if (f->number == number && f->alternate == (alternate < 0 ? d->alt[number] : alternate)) {
            return f;
        }
    }
    return NULL;
}

bool usb_endpoint_exists(const struct usb_device *d, unsigned ep)
{
    for (unsigned n = 0; n < USB_INTERFACES; n++) {
        const struct usb_interface *f = find_interface(d, n, -1);

        for (unsigned e = 0; f && e < f->n_endpoints; e++) {
            if (f->endpoints[e].address == ep) {
                return true;
            }
        }
    }
    return false;
}

static void configured(struct usb_device *d, unsigned ep)
{
    if (d->ops->configured) {
        d->ops->configured(d, ep);
    }
}

static enum usb_result set_address(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                                   uint32_t *len)
{
    (void)buf;
    (void)len;
    if (r->value > 127) {
        return USB_STALL;
    }
    d->addr = (uint8_t)r->value;
    return USB_OK;
}

static enum usb_result get_configuration(struct usb_device *d, const struct usb_request *r,
                                         uint8_t *buf, uint32_t *len)
{
    (void)r;
    buf[0] = d->config;
    *len = 1;
    return USB_OK;
}

static enum usb_result set_configuration(struct usb_device *d, const struct usb_request *r,
                                         uint8_t *buf, uint32_t *len)
{
    (void)buf;
    (void)len;
    if ((r->value & 0xff) > 1) {
        return USB_STALL;
    }
    d->config = r->value & 0xff;
    memset(d->alt, 0, sizeof(d->alt));
    memset(d->halted, 0, sizeof(d->halted));
    configured(d, 0);
    return USB_OK;
}

static enum usb_result get_interface(struct usb_device *d, const struct usb_request *r,
                                     uint8_t *buf, uint32_t *len)
{
    if (!find_interface(d, r->index, -1)) {
        return USB_STALL;
    }
    buf[0] = d->alt[r->index];
    *len = 1;
    return USB_OK;
}

static enum usb_result set_interface(struct usb_device *d, const struct usb_request *r,
                                     uint8_t *buf, uint32_t *len)
{
    (void)buf;
    (void)len;
    if (!find_interface(d, r->index, r->value)) {
        return USB_STALL;
    }
    d->alt[r->index] = (uint8_t)r->value;
    memset(d->halted, 0, sizeof(d->halted));
    configured(d, 0);
    return USB_OK;
}

/* Status and features --------------------------------------------------------------------------- */

static enum usb_result device_status(struct usb_device *d, const struct usb_request *r,
                                     uint8_t *buf, uint32_t *len)
{
    (void)r;
    buf[0] = (uint8_t)((config_of(d)->attributes & USB_SELF_POWERED ? 1 : 0) |
                       (d->remote_wakeup ? 2 : 0));
    buf[1] = 0;
    *len = 2;
    return USB_OK;
}

static enum usb_result interface_status(struct usb_device *d, const struct usb_request *r,
                                        uint8_t *buf, uint32_t *len)
{
    if (!find_interface(d, r->index, -1)) {
        return USB_STALL;
    }
    buf[0] = buf[1] = 0;
    *len = 2;
    return USB_OK;
}

/* 0 is always there. */
static bool endpoint_of(const struct usb_device *d, const struct usb_request *r)
{
    return (r->index & 0x0f) == 0 || usb_endpoint_exists(d, r->index);
}

static enum usb_result endpoint_status(struct usb_device *d, const struct usb_request *r,
                                       uint8_t *buf, uint32_t *len)
{
    if (!endpoint_of(d, r)) {
        return USB_STALL;
    }
    buf[0] = d->halted[!!(r->index & USB_DIR_IN)] >> (r->index & 0x0f) & 1;
    buf[1] = 0;
    *len = 2;
    return USB_OK;
}

static enum usb_result device_feature(struct usb_device *d, const struct usb_request *r,
                                      uint8_t *buf, uint32_t *len)
{
    (void)buf;
    (void)len;
    switch (r->value) {
    case FEATURE_WAKEUP:
        d->remote_wakeup = r->code & 2; /* SET_FEATURE is 3, CLEAR_FEATURE 1 */
        return USB_OK;
    case FEATURE_U1:
    case FEATURE_U2:
    case FEATURE_LTM:
        return d->speed == USB_SUPER ? USB_OK : USB_STALL;
    default:
        return USB_STALL;
    }
}

static enum usb_result interface_feature(struct usb_device *d, const struct usb_request *r,
                                         uint8_t *buf, uint32_t *len)
{
    (void)buf;
    (void)len;
    if (r->value != 0 || d->speed != USB_SUPER) { /* function suspend */
        return USB_STALL;
    }
    d->remote_wakeup = r->code & 2 && r->index & 0x200;
    return USB_OK;
}

static enum usb_result endpoint_feature(struct usb_device *d, const struct usb_request *r,
                                        uint8_t *buf, uint32_t *len)
{
    uint16_t bit = (uint16_t)(1u << (r->index & 0x0f));
    uint16_t *halted = &d->halted[!!(r->index & USB_DIR_IN)];

    (void)buf;
    (void)len;
    if (r->value != FEATURE_HALT || !endpoint_of(d, r)) {
        return USB_STALL;
    }
    if (bit != 1) {
        *halted = (uint16_t)(r->code & 2 ? *halted | bit : *halted & ~bit);
        if (!(r->code & 2)) {
            configured(d, r->index & 0x8f);
        }
    }
    return USB_OK;
}

/* USB 3.1, 9.4.12 and 9.4.11: times of the way to the host, which are 0 here. */
static enum usb_result ignore(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                              uint32_t *len)
{
    (void)r;
    (void)buf;
    (void)len;
    return d->speed == USB_SUPER ? USB_OK : USB_STALL;
}

/* clang-format off */
static const struct {
    uint16_t code; /* bmRequestType << 8 | bRequest */
    enum usb_result (*run)(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                           uint32_t *len);
} requests[] = {
    { 0x8000, device_status },   { 0x8100, interface_status },  { 0x8200, endpoint_status },
    { 0x0001, device_feature },  { 0x0101, interface_feature }, { 0x0201, endpoint_feature },
    { 0x0003, device_feature },  { 0x0103, interface_feature }, { 0x0203, endpoint_feature },
    { 0x0005, set_address },     { 0x8006, get_descriptor },
    { 0x8008, get_configuration }, { 0x0009, set_configuration },
    { 0x810a, get_interface },   { 0x010b, set_interface },
    { 0x0030, ignore },          { 0x0031, ignore },
};
/* clang-format on */

bool usb_standard_request(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                          uint32_t *len, enum usb_result *result)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(requests); i++) {
        if (requests[i].code == r->code) {
            *result = requests[i].run(d, r, buf, len);
            return true;
        }
    }
    return false;
}
