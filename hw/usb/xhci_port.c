/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci_port.c: the root hub: USB 3 ports, then USB 2 ports; a place for one device is a port of each.
 * Source: xHCI 1.2, 4.19, 5.4.8.
 *
 * Invariant: PORTSC's connect bit is set exactly while the place has a device of the port's kind.
 * Thread:    under the machine lock.
 */
#include "hw/usb/xhci.h"

/* clang-format off */
enum portsc {
    PORT_CONNECT = 1 << 0, PORT_ENABLED = 1 << 1, PORT_RESET = 1 << 4, PORT_LINK = 15 << 5, PORT_POWER = 1 << 9,
    PORT_SPEED = 15 << 10, PORT_WRITE_LINK = 1 << 16, PORT_CONNECT_CHANGE = 1 << 17,
    PORT_RESET_CHANGE = 1 << 21, PORT_LINK_CHANGE = 1 << 22, PORT_CHANGES = 0x7f << 17,
    PORT_WAKES = 7 << 25, PORT_WARM_RESET_CHANGE = 1 << 19,
};
#define PORT_WARM_RESET (1u << 31)
enum link { LINK_U0 = 0, LINK_U3 = 3, LINK_DISABLED = 4, LINK_RX_DETECT = 5, LINK_POLLING = 7, LINK_RESUME = 15 };
/* clang-format on */

static enum link link_of(const struct xhci_port *p)
{
    return (enum link)(p->status >> 5 & 15);
}

static void set_link(struct xhci_port *p, enum link link)
{
    p->status = (p->status & ~(uint32_t)PORT_LINK) | (uint32_t)link << 5;
}

/* An event for the first change that the guest does not know of. */
static void port_changed(struct xhci_port *p, uint32_t change)
{
    struct xhci *s = p->s;
    const struct xhci_trb e = { (uint64_t)p->number << 24, (uint32_t)CC_SUCCESS << 24,
                                TRB_PORT_EVENT << 10 };

    if ((p->status & change) == change) {
        return;
    }
    p->status |= change;
    s->status |= STS_PORT;
    if (s->cmd & CMD_RUN) {
        xhci_send_event(s, 0, &e, false);
    }
}

static struct usb_device *device_of(const struct xhci_port *p)
{
    struct usb_device *d = p->usb->dev;

    return d && (d->speed == USB_SUPER) == p->super ? d : NULL;
}

/* What is plugged in, before the guest did anything about it. */
static void connect(struct xhci_port *p)
{
    static const uint8_t ids[USB_SPEEDS] = {
        [USB_LOW] = 2, [USB_FULL] = 1, [USB_HIGH] = 3, [USB_SUPER] = 4
    };
    const struct usb_device *d = device_of(p);

    p->status &= ~(uint32_t)(PORT_CONNECT | PORT_ENABLED | PORT_SPEED | PORT_RESET);
    p->status |= PORT_POWER;
    if (!d) {
        set_link(p, LINK_RX_DETECT);
        return;
    }
    p->status |= PORT_CONNECT | (uint32_t)ids[d->speed] << 10 | (p->super ? PORT_ENABLED : 0);
    set_link(p, p->super ? LINK_U0 : LINK_POLLING);
}

static void reset_port(struct xhci_port *p, bool warm)
{
    struct usb_device *d = device_of(p);

    if (!d) {
        return;
    }
    usb_device_reset(d);
    set_link(p, LINK_U0);
    p->status |= PORT_ENABLED;
    port_changed(p, PORT_RESET_CHANGE | (warm && p->super ? PORT_WARM_RESET_CHANGE : 0));
}

static void write_link(struct xhci_port *p, enum link link)
{
    enum link old = link_of(p);

    if (!(p->status & PORT_ENABLED)) {
        return;
    }
    if (link == LINK_U0 && old != LINK_U0) {
        set_link(p, LINK_U0);
        port_changed(p, PORT_LINK_CHANGE);
    } else if (link == LINK_U3 && old != LINK_U3) {
        set_link(p, LINK_U3);
        if (p->super) {
            port_changed(p, PORT_LINK_CHANGE);
        }
    } else if (link == LINK_RESUME && old == LINK_U3 && !p->super) {
        set_link(p, LINK_RESUME);
    }
}

void xhci_port_write(struct xhci_port *p, uint32_t value)
{
    p->status &= ~(value & PORT_CHANGES);
    p->status = (p->status & ~(uint32_t)PORT_WAKES) | (value & PORT_WAKES);
    if (value & (PORT_RESET | PORT_WARM_RESET)) {
        reset_port(p, value & PORT_WARM_RESET);
        return;
    }
    if (value & PORT_ENABLED && p->status & PORT_ENABLED) {
        p->status &= ~(uint32_t)PORT_ENABLED; /* written as 1: cleared */
        set_link(p, LINK_DISABLED);
    }
    if (value & PORT_WRITE_LINK) {
        write_link(p, (enum link)(value >> 5 & 15));
    }
}

/* The bus' side --------------------------------------------------------------------------------- */

/* The ports of a place: USB 3's, USB 2's; either may be NULL. */
static struct xhci_port *port_of(struct usb_port *usb, bool super)
{
    struct xhci *s = usb->opaque;
    unsigned i = usb->index;

    if (super) {
        return i < s->p3 ? &s->ports[i] : NULL;
    }
    return i < s->p2 ? &s->ports[s->p3 + i] : NULL;
}

static void attach(struct usb_port *usb)
{
    struct xhci_port *p = port_of(usb, usb->dev->speed == USB_SUPER);

    connect(p);
    port_changed(p, PORT_CONNECT_CHANGE);
}

static void detach(struct usb_port *usb)
{
    struct usb_device *d = usb->dev;
    struct xhci_port *p = port_of(usb, d->speed == USB_SUPER);

    usb->dev = NULL;
    connect(p);
    port_changed(p, PORT_CONNECT_CHANGE);
}

/* 4.19.1.2.3: a USB 2 port tells of the resume signal, a USB 3 port is awake again. */
static void resume(struct usb_port *usb)
{
    struct xhci_port *p = port_of(usb, usb->dev->speed == USB_SUPER);

    if (link_of(p) == LINK_U3) {
        set_link(p, p->super ? LINK_U0 : LINK_RESUME);
        port_changed(p, PORT_LINK_CHANGE);
    }
}

static const struct usb_port_ops port_ops = { attach, detach, resume };
static const struct usb_bus_ops bus_ops = { xhci_wakeup };

void xhci_add_ports(struct xhci *s)
{
    usb_bus_init(&s->bus, &s->pci.dev, &bus_ops, s);
    s->has_bus = true;
    for (unsigned i = 0; i < MAX(s->p2, s->p3); i++) {
        unsigned speeds = (i < s->p2 ? USB_UP_TO_HIGH : 0) | (i < s->p3 ? 1u << USB_SUPER : 0);

        usb_port_init(&s->usb_ports[i], &s->bus, NULL, i, speeds, &port_ops, s);
    }
    for (unsigned i = 0; i < xhci_ports(s); i++) {
        bool super = i < s->p3;

        s->ports[i] = (struct xhci_port){
            .s = s, .number = i + 1, .super = super, .usb = &s->usb_ports[super ? i : i - s->p3]
        };
    }
}

void xhci_remove_ports(struct xhci *s)
{
    if (s->has_bus) {
        usb_bus_destroy(&s->bus);
        s->has_bus = false;
    }
}

void xhci_port_reset_all(struct xhci *s)
{
    for (unsigned i = 0; i < xhci_ports(s); i++) {
        struct xhci_port *p = &s->ports[i];

        p->status = 0;
        connect(p);
        p->status |= p->status & PORT_CONNECT ? PORT_CONNECT_CHANGE : 0;
    }
}

void xhci_port_link(struct xhci *s)
{
    for (unsigned i = 0; i < xhci_ports(s); i++) {
        struct xhci_port *p = &s->ports[i];

        /* The devices of the loaded machine are those of this one, or the guest is told. */
        if (!!(p->status & PORT_CONNECT) != !!device_of(p)) {
            connect(p);
            p->status |= PORT_CONNECT_CHANGE;
        }
    }
}
