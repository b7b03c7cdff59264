/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/hub.c: usb-hub, a full-speed hub.
 * Source: USB 2.0, chapter 11.
 *
 * Invariants: a port is enabled only while a device is in it.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/usb/desc.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define HUB_PORTS 8u

/* clang-format off */
enum port_bit {                 /* wPortStatus, 11.24.2.7.1; wPortChange has the first five */
    PORT_CONNECTION = 1 << 0, PORT_ENABLE = 1 << 1, PORT_SUSPEND = 1 << 2, PORT_RESET = 1 << 4,
    PORT_POWER = 1 << 8, PORT_LOW_SPEED = 1 << 9, PORT_HIGH_SPEED = 1 << 10,
};
enum hub_request {              /* 11.24.2, type << 8 | request */
    HUB_GET_STATUS = 0xa000, HUB_GET_DESCRIPTOR = 0xa006, HUB_CLEAR_FEATURE = 0x2001, HUB_SET_FEATURE = 0x2003,
    PORT_GET_STATUS = 0xa300, PORT_CLEAR_FEATURE = 0x2301, PORT_SET_FEATURE = 0x2303,
};
enum port_feature {             /* table 11-17; 16 and above clear changes */
    FEATURE_ENABLE = 1, FEATURE_SUSPEND = 2, FEATURE_RESET = 4, FEATURE_POWER = 8,
    FEATURE_C_CONNECTION = 16, FEATURE_C_RESET = 20,
};
/* clang-format on */

struct hub_port {
    struct usb_port port;
    uint16_t status, change;
};

struct usb_hub {
    struct usb_device usb;
    uint32_t n_ports; /* property */
    bool has_ports;
    struct hub_port ports[HUB_PORTS];
};

static const struct usb_ops hub_ops;

bool usb_hub_port_enabled(const struct usb_port *port)
{
    const struct usb_hub *hub = (const struct usb_hub *)port->hub;

    return !hub || hub->ports[port->index].status & PORT_ENABLE;
}

/* Ports ----------------------------------------------------------------------------------------- */

static void port_changed(struct hub_port *p, uint16_t change)
{
    p->change |= change;
    usb_wakeup(p->port.hub, USB_DIR_IN | 1, 0);
}

static void connect(struct hub_port *p)
{
    const struct usb_device *d = p->port.dev;

    p->status &= (uint16_t) ~(PORT_ENABLE | PORT_SUSPEND | PORT_LOW_SPEED | PORT_CONNECTION);
    if (d) {
        p->status |= (uint16_t)(PORT_CONNECTION | (d->speed == USB_LOW ? PORT_LOW_SPEED : 0));
    }
}

static void attach(struct usb_port *port)
{
    struct hub_port *p = port->opaque;

    connect(p);
    port_changed(p, PORT_CONNECTION);
}

static void detach(struct usb_port *port)
{
    struct hub_port *p = port->opaque;

    p->status &= (uint16_t) ~(PORT_CONNECTION | PORT_ENABLE | PORT_SUSPEND | PORT_LOW_SPEED);
    port_changed(p, PORT_CONNECTION);
}

static void resume(struct usb_port *port)
{
    struct hub_port *p = port->opaque;

    if (p->status & PORT_SUSPEND) {
        p->status &= (uint16_t)~PORT_SUSPEND;
        port_changed(p, PORT_SUSPEND);
    }
}

static const struct usb_port_ops port_ops = { attach, detach, resume };

/* Requests -------------------------------------------------------------------------------------- */

static enum usb_result get_descriptor(const struct usb_hub *hub, uint8_t *buf, uint32_t *len)
{
    /* Individual power switching and over-current protection are not there; 100 ms to good power. */
    const uint8_t desc[] = { 9, 0x29, (uint8_t)hub->n_ports, 0x0a, 0x00, 50, 0, 0, 0xff };

    memcpy(buf, desc, sizeof(desc));
    *len = sizeof(desc);
    return USB_OK;
}

static struct hub_port *port_of(struct usb_hub *hub, const struct usb_request *r)
{
    unsigned n = r->index & 0xff;

    return n >= 1 && n <= hub->n_ports ? &hub->ports[n - 1] : NULL;
}

static enum usb_result set_feature(struct hub_port *p, unsigned feature)
{
    switch (feature) {
    case FEATURE_SUSPEND:
        p->status |= p->status & PORT_ENABLE ? PORT_SUSPEND : 0;
        return USB_OK;
    case FEATURE_RESET:
        p->status &= (uint16_t)~PORT_SUSPEND;
        if (p->port.dev) {
            usb_reset_port(&p->port);
            p->status |= PORT_ENABLE;
            port_changed(p, PORT_RESET);
        }
        return USB_OK;
    case FEATURE_POWER: /* there always is */
        return USB_OK;
    default:
        return USB_STALL;
    }
}

static enum usb_result clear_feature(struct hub_port *p, unsigned feature)
{
    if (feature >= FEATURE_C_CONNECTION && feature <= FEATURE_C_RESET) {
        p->change &= (uint16_t) ~(1u << (feature - FEATURE_C_CONNECTION));
        return USB_OK;
    }
    switch (feature) {
    case FEATURE_ENABLE:
        p->status &= (uint16_t)~PORT_ENABLE;
        return USB_OK;
    case FEATURE_SUSPEND:
        resume(&p->port);
        return USB_OK;
    case FEATURE_POWER:
        return USB_OK;
    default:
        return USB_STALL;
    }
}

static enum usb_result hub_control(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                                   uint32_t *len)
{
    struct usb_hub *hub = (struct usb_hub *)d;
    struct hub_port *p = port_of(hub, r);

    switch (r->code) {
    case HUB_GET_DESCRIPTOR:
        return get_descriptor(hub, buf, len);
    case HUB_GET_STATUS: /* local power is good */
        memset(buf, 0, 4);
        *len = 4;
        return USB_OK;
    case HUB_SET_FEATURE:
    case HUB_CLEAR_FEATURE: /* changes of what does not change */
        return r->value <= 1 ? USB_OK : USB_STALL;
    case PORT_GET_STATUS:
        if (!p) {
            return USB_STALL;
        }
        memcpy(buf, &p->status, 2);
        memcpy(buf + 2, &p->change, 2);
        *len = 4;
        return USB_OK;
    case PORT_SET_FEATURE:
        return p ? set_feature(p, r->value) : USB_STALL;
    case PORT_CLEAR_FEATURE:
        return p ? clear_feature(p, r->value) : USB_STALL;
    default:
        return USB_STALL;
    }
}

/* The bitmap of what has changed: bit 0 is the hub itself. */
static enum usb_result hub_packet(struct usb_device *d, struct usb_packet *p)
{
    struct usb_hub *hub = (struct usb_hub *)d;
    uint16_t bits = 0;
    uint8_t b[2];

    for (unsigned i = 0; i < hub->n_ports; i++) {
        bits |= (uint16_t)(hub->ports[i].change ? 2u << i : 0);
    }
    if (!bits) {
        return USB_NAK;
    }
    b[0] = (uint8_t)bits;
    b[1] = (uint8_t)(bits >> 8);
    usb_packet_put(d, p, b, hub->n_ports > 7 ? 2 : 1);
    return USB_OK;
}

/* What is behind it waits for a reset of its port. */
static void hub_bus_reset(struct usb_device *d)
{
    struct usb_hub *hub = (struct usb_hub *)d;

    for (unsigned i = 0; hub->has_ports && i < hub->n_ports; i++) {
        struct hub_port *p = &hub->ports[i];

        p->status = PORT_POWER;
        connect(p);
        p->change = p->port.dev ? PORT_CONNECTION : 0;
    }
}

/* Life ------------------------------------------------------------------------------------------ */

static const struct usb_endpoint full_ep = {
    USB_DIR_IN | 1, USB_EP_INTERRUPT, 1 + HUB_PORTS / 8, 255, 0, 0, 0
};
static const struct usb_interface full_if = { 0, 0, 9, 0, 0, 1, &full_ep, NULL };
static const struct usb_config full = { USB_SELF_POWERED | USB_CAN_WAKE, 0, 1, &full_if };
static const struct usb_desc hub_desc = { .vendor = 0x0409,
                                          .product = 0x55aa,
                                          .release = 0x0101,
                                          .class = 9,
                                          .manufacturer = "QEMU",
                                          .product_name = "QEMU USB Hub",
                                          .serial = "314159",
                                          .configs = { [USB_FULL] = &full } };

static const struct usb_ops hub_ops = {
    .desc = &hub_desc, .reset = hub_bus_reset, .control = hub_control, .packet = hub_packet
};

static void hub_unrealize(struct device *dev)
{
    struct usb_hub *hub = (struct usb_hub *)dev;

    for (unsigned i = 0; hub->has_ports && i < hub->n_ports; i++) {
        struct usb_device *d = hub->ports[i].port.dev;

        if (d && d->dev.realized) { /* else the whole machine is being freed */
            device_remove(&d->dev);
        }
    }
    for (unsigned i = 0; hub->has_ports && i < hub->n_ports; i++) {
        usb_port_destroy(&hub->ports[i].port);
    }
    hub->has_ports = false;
    usb_device_teardown(&hub->usb);
}

static bool hub_realize(struct device *dev, GError **error)
{
    struct usb_hub *hub = (struct usb_hub *)dev;

    if (hub->n_ports < 1 || hub->n_ports > HUB_PORTS) {
        set_error(error, "usb-hub: ports is %u, must be 1 to %u", hub->n_ports, HUB_PORTS);
        return false;
    }
    if (!usb_device_setup(&hub->usb, &hub_ops, error)) {
        return false;
    }
    if (hub->usb.port->depth >= USB_DEPTH) {
        set_error(error, "usb-hub: port '%s' is behind %u hubs, at most %u may be in a row",
                  hub->usb.port->path, hub->usb.port->depth, USB_DEPTH);
        usb_device_teardown(&hub->usb);
        return false;
    }
    for (unsigned i = 0; i < hub->n_ports; i++) {
        usb_port_init(&hub->ports[i].port, hub->usb.port->bus, &hub->usb, i, USB_UP_TO_FULL,
                      &port_ops, &hub->ports[i]);
    }
    hub->has_ports = true;
    hub_bus_reset(&hub->usb);
    return true;
}

static void hub_reset(struct device *dev)
{
    usb_device_reset((struct usb_device *)dev);
}

static bool hub_post_load(struct device *dev, GError **error)
{
    struct usb_hub *hub = (struct usb_hub *)dev;

    for (unsigned i = 0; i < hub->n_ports; i++) {
        struct hub_port *p = &hub->ports[i];

        if (!p->port.dev) {
            p->status &= (uint16_t) ~(PORT_CONNECTION | PORT_ENABLE);
        }
    }
    return usb_device_post_load(&hub->usb, error);
}

static const struct property hub_props[] = {
    USB_PROPS(struct usb_hub, usb),
    PROP_U32(struct usb_hub, "ports", n_ports, HUB_PORTS, "how many, 1 to 8"),
    { 0 },
};
static const struct state_row port_state[] = {
    STATE_INT(struct hub_port, status, 1, "wPortStatus"),
    STATE_INT(struct hub_port, change, 1, "wPortChange"),
    { 0 },
};
static const struct state_row hub_state[] = {
    USB_STATE(struct usb_hub, usb),
    STATE_SUB(struct usb_hub, ports, HUB_PORTS, port_state, 1, "ports"),
    { 0 },
};

const struct device_type usb_hub_type = {
    .name = "usb-hub",
    .summary = "USB hub",
    .bus = BUS_USB,
    .size = sizeof(struct usb_hub),
    .props = hub_props,
    .state = hub_state,
    .realize = hub_realize,
    .reset = hub_reset,
    .unrealize = hub_unrealize,
    .post_load = hub_post_load,
};
