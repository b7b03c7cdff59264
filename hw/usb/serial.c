/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/serial.c: usb-serial, a serial adapter with an FT232BM, over a character device.
 * Source: FTDI, "FT232BM USB UART" and its application notes on the driver's requests.
 *
 * Each packet to the host begins with two bytes of status; one without data goes when these changed.  The chip
 * sends them every latency time, too, which nobody needs.
 * Invariants: first + count lies within the ring `in`; `out` holds what the chardev has no room for.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "hw/usb/desc.h"
#include "util/error.h"

/* clang-format off */
#define IN_SIZE  4096u
#define OUT_SIZE 65536u
#define PACKET   64u
enum { FTDI_RESET = 0x4000, FTDI_MODEM = 0x4001, FTDI_FLOW = 0x4002, FTDI_BAUD = 0x4003, FTDI_DATA = 0x4004,
       FTDI_GET_MODEM = 0xc005, FTDI_EVENT_CHAR = 0x4006, FTDI_ERROR_CHAR = 0x4007, FTDI_SET_LATENCY = 0x4009,
       FTDI_GET_LATENCY = 0xc00a };
enum { RESET_ALL = 0, RESET_IN = 1, RESET_OUT = 2 };
/* Status: modem lines, then the line's state. */
enum { MODEM_ONE = 0x01, MODEM_CTS = 0x10, MODEM_DSR = 0x20, MODEM_CD = 0x80 };
enum { LINE_BREAK = 0x10, LINE_EMPTY = 0x60 };
/* clang-format on */

struct usb_serial {
    struct usb_device usb;
    struct chardev *chr;
    uint8_t latency, event_char, error_char;
    bool changed, broken; /* the status is to be sent; a break came */
    uint32_t first, count;
    uint8_t in[IN_SIZE];
    GByteArray *out;
};

static void status_of(const struct usb_serial *s, uint8_t *b)
{
    bool open = s->chr && chardev_is_open(s->chr);

    b[0] = (uint8_t)(MODEM_ONE | (open ? MODEM_CTS | MODEM_DSR | MODEM_CD : 0));
    b[1] = (uint8_t)(LINE_EMPTY | (s->broken ? LINE_BREAK : 0));
}

/* The character device -------------------------------------------------------------------------- */

static size_t can_receive(void *opaque)
{
    const struct usb_serial *s = opaque;

    return s->usb.config ? IN_SIZE - s->count : 0;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct usb_serial *s = opaque;

    for (size_t i = 0; i < n && s->count < IN_SIZE; i++) {
        s->in[(s->first + s->count++) % IN_SIZE] = buf[i];
    }
    usb_wakeup(&s->usb, USB_DIR_IN | 1, 0);
}

static void event(void *opaque, enum chardev_event what)
{
    struct usb_serial *s = opaque;

    s->broken |= what == CHARDEV_BREAK;
    s->changed |= what == CHARDEV_BREAK || what == CHARDEV_OPENED || what == CHARDEV_CLOSED;
    usb_wakeup(&s->usb, USB_DIR_IN | 1, 0);
}

static void flush(struct usb_serial *s)
{
    size_t n = s->out->len ? chardev_write(s->chr, s->out->data, s->out->len) : 0;

    if (n) {
        g_byte_array_remove_range(s->out, 0, (unsigned)n);
    }
}

static void drained(void *opaque)
{
    struct usb_serial *s = opaque;

    flush(s);
    usb_wakeup(&s->usb, 2, 0);
}

static void moved(void *opaque, struct chardev *to)
{
    ((struct usb_serial *)opaque)->chr = to;
    drained(opaque);
}

/* Packets --------------------------------------------------------------------------------------- */

/* Every 64 bytes begin with the status. */
static enum usb_result to_host(struct usb_serial *s, struct usb_packet *p)
{
    uint8_t b[PACKET];

    if (!s->count && !s->changed) {
        return USB_NAK;
    }
    do {
        uint32_t n = 2;

        status_of(s, b);
        for (; n < PACKET && n < usb_packet_left(p) && s->count; n++, s->count--) {
            b[n] = s->in[s->first];
            s->first = (s->first + 1) % IN_SIZE;
        }
        usb_packet_put(&s->usb, p, b, n);
        s->changed = s->broken = false;
        if (n < PACKET) {
            break;
        }
    } while (s->count && usb_packet_left(p) > 2);
    if (s->chr) {
        chardev_accept_input(s->chr);
    }
    return USB_OK;
}

static enum usb_result from_host(struct usb_serial *s, struct usb_packet *p)
{
    if (s->out->len && usb_packet_left(p) > OUT_SIZE - s->out->len) {
        return USB_NAK;
    }
    /* One that is larger than all the room is taken once nothing waits; what is too much of it is lost. */
    while (usb_packet_left(p) > 0 && s->out->len < OUT_SIZE) {
        uint32_t had = s->out->len, n = (uint32_t)MIN(usb_packet_left(p), OUT_SIZE - had);

        g_byte_array_set_size(s->out, had + n);
        usb_packet_get(p, s->out->data + had, n);
        flush(s);
    }
    p->done += usb_packet_left(p);
    return USB_OK;
}

static enum usb_result serial_packet(struct usb_device *d, struct usb_packet *p)
{
    struct usb_serial *s = (struct usb_serial *)d;

    return p->token == USB_IN ? to_host(s, p) : from_host(s, p);
}

static enum usb_result serial_control(struct usb_device *d, const struct usb_request *r,
                                      uint8_t *buf, uint32_t *len)
{
    struct usb_serial *s = (struct usb_serial *)d;

    switch (r->code) {
    case FTDI_RESET:
        if (r->value != RESET_OUT) {
            s->first = s->count = 0;
        }
        if (r->value != RESET_IN) {
            g_byte_array_set_size(s->out, 0);
        }
        return r->value <= RESET_OUT ? USB_OK : USB_STALL;
    case FTDI_MODEM:
    case FTDI_FLOW:
    case FTDI_BAUD:
    case FTDI_DATA: /* the line is as fast as its other end */
        return USB_OK;
    case FTDI_GET_MODEM:
        status_of(s, buf);
        *len = 2;
        return USB_OK;
    case FTDI_EVENT_CHAR:
        s->event_char = (uint8_t)r->value;
        return USB_OK;
    case FTDI_ERROR_CHAR:
        s->error_char = (uint8_t)r->value;
        return USB_OK;
    case FTDI_SET_LATENCY:
        s->latency = (uint8_t)r->value;
        return USB_OK;
    case FTDI_GET_LATENCY:
        buf[0] = s->latency;
        *len = 1;
        return USB_OK;
    default:
        return USB_STALL;
    }
}

static void serial_bus_reset(struct usb_device *d)
{
    struct usb_serial *s = (struct usb_serial *)d;

    s->latency = 16;
    s->event_char = 0x0d;
    s->error_char = 0;
    s->first = s->count = 0;
    s->broken = false;
    s->changed = true;
    g_byte_array_set_size(s->out, 0);
}

static void serial_configured(struct usb_device *d, unsigned ep)
{
    struct usb_serial *s = (struct usb_serial *)d;

    if (ep == 0 && s->chr) {
        chardev_accept_input(s->chr);
    }
}

/* What it says of itself ------------------------------------------------------------------------ */

static const struct usb_endpoint full_eps[] = {
    { USB_DIR_IN | 1, USB_EP_BULK, PACKET, 0, 0, 0, 0 },
    { 2, USB_EP_BULK, PACKET, 0, 0, 0, 0 },
};
static const struct usb_interface full_if = { 0, 0, 0xff, 0xff, 0xff, 2, full_eps, NULL };
static const struct usb_config full = { 0, 50, 1, &full_if };
static const struct usb_desc serial_desc = { .vendor = 0x0403,
                                             .product = 0x6001,
                                             .release = 0x0400,
                                             .manufacturer = "QEMU",
                                             .product_name = "QEMU USB SERIAL",
                                             .serial = "1",
                                             .configs = { [USB_FULL] = &full } };
static const struct usb_ops serial_ops = { .desc = &serial_desc,
                                           .reset = serial_bus_reset,
                                           .control = serial_control,
                                           .packet = serial_packet,
                                           .configured = serial_configured };

/* Life ------------------------------------------------------------------------------------------ */

static void serial_unrealize(struct device *dev)
{
    struct usb_serial *s = (struct usb_serial *)dev;

    if (s->chr) {
        chardev_detach(s->chr, s);
    }
    usb_device_teardown(&s->usb);
    g_clear_pointer(&s->out, g_byte_array_unref);
}

static bool serial_realize(struct device *dev, GError **error)
{
    struct usb_serial *s = (struct usb_serial *)dev;
    const struct chardev_front front = { .can_receive = can_receive,
                                         .receive = receive,
                                         .event = event,
                                         .opaque = s,
                                         .moved = moved,
                                         .drained = drained };

    if (!s->chr) {
        set_error(error, "usb-serial: needs a character device: chardev=ID");
        return false;
    }
    s->out = g_byte_array_new();
    if (!usb_device_setup(&s->usb, &serial_ops, error)) {
        g_clear_pointer(&s->out, g_byte_array_unref);
        return false;
    }
    if (!chardev_attach(s->chr, &front, error)) {
        s->chr = NULL;
        serial_unrealize(dev);
        return false;
    }
    return true;
}

static void serial_reset(struct device *dev)
{
    usb_device_reset((struct usb_device *)dev);
}

static bool serial_post_load(struct device *dev, GError **error)
{
    struct usb_serial *s = (struct usb_serial *)dev;

    if (s->first >= IN_SIZE || s->count > IN_SIZE) {
        set_error(error, "%u bytes from %u on, must be at most %u", s->count, s->first, IN_SIZE);
        return false;
    }
    flush(s);
    return usb_device_post_load(&s->usb, error);
}

static const struct property serial_props[] = {
    USB_PROPS(struct usb_serial, usb),
    PROP_CHARDEV(struct usb_serial, "chardev", chr, "the other end of the line"),
    { 0 },
};
static const struct state_row serial_state[] = {
    USB_STATE(struct usb_serial, usb),
    STATE_INT(struct usb_serial, latency, 1, "latency time, ms"),
    STATE_INT(struct usb_serial, event_char, 1, "event character"),
    STATE_INT(struct usb_serial, error_char, 1, "error character"),
    STATE_INT(struct usb_serial, changed, 1, "the status is to be sent"),
    STATE_INT(struct usb_serial, broken, 1, "a break came"),
    STATE_INT(struct usb_serial, first, 1, "the byte that goes to the host next"),
    STATE_INT(struct usb_serial, count, 1, "bytes that wait"),
    STATE_BUF(struct usb_serial, in, 1, "bytes for the host"),
    STATE_BLOB_ROW(struct usb_serial, out, OUT_SIZE, 1, "bytes of the host's that wait"),
    { 0 },
};

const struct device_type usb_serial_type = {
    .name = "usb-serial",
    .summary = "USB serial adapter (FTDI)",
    .bus = BUS_USB,
    .size = sizeof(struct usb_serial),
    .props = serial_props,
    .state = serial_state,
    .realize = serial_realize,
    .reset = serial_reset,
    .unrealize = serial_unrealize,
    .post_load = serial_post_load,
};
