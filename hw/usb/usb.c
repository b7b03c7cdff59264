/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/usb.c: packets to a device, and the stages of its control transfers.
 * Source: USB 2.0, 8.5.3.  Invariants and thread: usb.h.
 */
#include "hw/usb/usb.h"

#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

size_t usb_packet_get(struct usb_packet *p, void *buf, size_t len)
{
    size_t n = p->data ? dma_list_read(p->data, p->done, buf, len) : 0;

    p->done += n;
    return n;
}

size_t usb_packet_put(struct usb_device *d, struct usb_packet *p, const void *buf, size_t len)
{
    size_t n = p->data ? dma_list_write(p->data, d->dev.machine, p->done, buf, len) : 0;

    p->done += n;
    return n;
}

/* Control transfers ----------------------------------------------------------------------------- */

static struct usb_request request_of(const uint8_t *b)
{
    return (struct usb_request){ .code = (uint16_t)(b[0] << 8 | b[1]),
                                 .value = (uint16_t)(b[2] | b[3] << 8),
                                 .index = (uint16_t)(b[4] | b[5] << 8),
                                 .length = (uint16_t)(b[6] | b[7] << 8) };
}

static enum usb_result run_request(struct usb_device *d, const struct usb_request *r, uint32_t *len)
{
    enum usb_result result = USB_STALL;

    if (!usb_standard_request(d, r, d->control, len, &result) && d->ops->control) {
        result = d->ops->control(d, r, d->control, len);
    }
    if (result == USB_STALL) {
        log_line(LOG_DEVICE, "%s: request %04x, value %04x, index %04x: stall", d->dev.type->name,
                 r->code, r->value, r->index);
    }
    return result;
}

static enum usb_result setup(struct usb_device *d, struct usb_packet *p)
{
    struct usb_request r;

    d->stage = STAGE_IDLE;
    if (usb_packet_get(p, d->setup, sizeof(d->setup)) < sizeof(d->setup)) {
        return USB_ERROR;
    }
    r = request_of(d->setup);
    d->control_len = d->control_at = 0;
    if (r.length <= sizeof(d->control)) {
        d->stage = STAGE_SETUP;
    }
    return USB_OK; /* a SETUP is never refused: what follows it is */
}

/* The data stage towards the host; the request runs before its first packet. */
static enum usb_result data_in(struct usb_device *d, const struct usb_request *r,
                               struct usb_packet *p)
{
    size_t n;

    if (d->stage == STAGE_SETUP) {
        uint32_t len = r->length;
        enum usb_result result = run_request(d, r, &len);

        if (result != USB_OK) {
            d->stage = result == USB_NAK ? STAGE_SETUP : STAGE_IDLE;
            return result;
        }
        d->stage = STAGE_IN;
        d->control_len = MIN(len, r->length);
    }
    n = usb_packet_put(d, p, d->control + d->control_at, d->control_len - d->control_at);
    d->control_at += (uint32_t)n;
    return USB_OK;
}

/* The status stage after data to the device, or none. */
static enum usb_result status_in(struct usb_device *d, struct usb_request *r)
{
    uint32_t len = d->control_at;
    enum usb_result result;

    r->length = (uint16_t)len;
    result = run_request(d, r, &len);
    if (result != USB_NAK) {
        d->stage = STAGE_IDLE;
    }
    return result;
}

static enum usb_result data_out(struct usb_device *d, const struct usb_request *r,
                                struct usb_packet *p)
{
    uint64_t left = usb_packet_left(p);

    if (left > r->length - d->control_at) {
        d->stage = STAGE_IDLE;
        return USB_STALL;
    }
    d->stage = STAGE_OUT;
    d->control_at += (uint32_t)usb_packet_get(p, d->control + d->control_at, left);
    return USB_OK;
}

static enum usb_result control(struct usb_device *d, struct usb_packet *p)
{
    struct usb_request r = request_of(d->setup);
    bool in = r.code >> 8 & USB_DIR_IN && r.length;

    if (p->token == USB_SETUP) {
        return setup(d, p);
    }
    if (d->stage == STAGE_IDLE) {
        return USB_STALL;
    }
    if (in && p->token == USB_IN) {
        return data_in(d, &r, p);
    }
    if (in) { /* the status stage: the host has what it wanted */
        d->stage = STAGE_IDLE;
        return USB_OK;
    }
    return p->token == USB_IN ? status_in(d, &r) : data_out(d, &r, p);
}

/* Packets --------------------------------------------------------------------------------------- */

enum usb_result usb_handle(struct usb_device *d, struct usb_packet *p)
{
    bool in = p->token == USB_IN;
    enum usb_result result;

    p->done = 0;
    if (!d) {
        return USB_ERROR;
    }
    if (p->ep == 0) {
        return control(d, p);
    }
    if (p->token == USB_SETUP || !usb_endpoint_exists(d, p->ep | (in ? USB_DIR_IN : 0))) {
        log_line(LOG_GUEST_ERRORS, "%s: no endpoint %u %s", d->dev.type->name, p->ep,
                 in ? "in" : "out");
        return USB_ERROR;
    }
    if (d->halted[in] >> p->ep & 1) {
        return USB_STALL;
    }
    result = d->ops->packet(d, p);
    if (result == USB_STALL) {
        d->halted[in] |= (uint16_t)(1u << p->ep);
    }
    return result;
}

void usb_wakeup(struct usb_device *d, unsigned ep, unsigned stream)
{
    const struct usb_bus *bus;

    if (!d->port) {
        return;
    }
    if (d->remote_wakeup && d->port->ops->resume) {
        d->port->ops->resume(d->port);
    }
    bus = d->port->bus;
    if (bus->ops->wakeup) {
        bus->ops->wakeup(d->port->bus, d, ep, stream);
    }
}

/* State ----------------------------------------------------------------------------------------- */

void usb_device_reset(struct usb_device *d)
{
    d->addr = d->config = 0;
    memset(d->alt, 0, sizeof(d->alt));
    memset(d->halted, 0, sizeof(d->halted));
    d->remote_wakeup = false;
    d->stage = STAGE_IDLE;
    d->control_len = d->control_at = 0;
    if (d->ops && d->ops->reset) {
        d->ops->reset(d);
    }
}

bool usb_device_post_load(struct usb_device *d, GError **error)
{
    struct usb_request r = request_of(d->setup);
    bool in = r.code >> 8 & USB_DIR_IN && r.length;

    /* data_in and data_out take the place in `control` as it is. */
    if (d->addr > 127 || d->config > 1 || d->stage > STAGE_OUT ||
        d->control_len > USB_CONTROL_MAX || d->control_at > USB_CONTROL_MAX ||
        (d->stage != STAGE_IDLE && r.length > USB_CONTROL_MAX) ||
        (d->stage == STAGE_SETUP && d->control_at != 0) ||
        (d->stage == STAGE_IN && (!in || d->control_at > d->control_len)) ||
        (d->stage == STAGE_OUT && (in || d->control_at > r.length))) {
        set_error(error,
                  "address %u, configuration %u, a control transfer at %u of %u: out of bounds",
                  d->addr, d->config, d->control_at, d->control_len);
        return false;
    }
    return true;
}

const struct state_row usb_device_state[] = {
    STATE_INT(struct usb_device, addr, 1, "address"),
    STATE_INT(struct usb_device, config, 1, "configuration, 0: none"),
    STATE_ARRAY(struct usb_device, alt, 1, "alternate setting of each interface"),
    STATE_ARRAY(struct usb_device, halted, 1, "halted endpoints: OUT, IN"),
    STATE_INT(struct usb_device, remote_wakeup, 1, "the guest wants to be woken"),
    STATE_INT(struct usb_device, stage, 1, "stage of the control transfer"),
    STATE_BUF(struct usb_device, setup, 1, "its request"),
    STATE_INT(struct usb_device, control_len, 1, "bytes of its answer"),
    STATE_INT(struct usb_device, control_at, 1, "bytes that have moved"),
    STATE_BUF(struct usb_device, control, 1, "its data"),
    { 0 },
};
