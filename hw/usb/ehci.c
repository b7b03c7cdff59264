/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/ehci.c: EHCI host controllers: usb-ehci, ich9-usb-ehci1 and 2: registers, ports and companions.
 * Source: Enhanced Host Controller Interface Specification 1.0 (Intel).
 * Invariants and thread: ehci_internal.h.
 */
#include <string.h>
#include "hw/usb/ehci_internal.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { BAR_SIZE = 0x100, OPERATIONAL = 0x20, REG_CMD = 0x00, REG_STATUS = 0x04, REG_INTR = 0x08, REG_FRAME = 0x0c,
       REG_PERIODIC = 0x14, REG_ASYNC = 0x18, REG_CONFIG = 0x40, REG_PORT = 0x44 };
enum { PORT_CONNECT = 1 << 0, PORT_CONNECT_CHANGE = 1 << 1, PORT_ENABLED = 1 << 2, PORT_ENABLE_CHANGE = 1 << 3,
       PORT_OVER_CHANGE = 1 << 5, PORT_RESUME = 1 << 6, PORT_SUSPEND = 1 << 7, PORT_RESET = 1 << 8,
       PORT_LOW_SPEED = 1 << 10, PORT_POWER = 1 << 12, PORT_OWNER = 1 << 13, PORT_WAKES = 7 << 20 };
/* clang-format on */

void ehci_update_irq(struct ehci *s)
{
    pci_set_intx(&s->pci, (s->status & s->intr & 0x3f) != 0);
}

/* Ports ----------------------------------------------------------------------------------------- */

static void port_changed(struct ehci *s, struct ehci_port *p, uint32_t change)
{
    p->status |= change;
    s->status |= EHCI_STS_PORT;
    ehci_update_irq(s);
}

static void connect(struct ehci_port *p, const struct usb_device *d)
{
    p->status &=
        ~(uint32_t)(PORT_CONNECT | PORT_ENABLED | PORT_SUSPEND | PORT_RESUME | PORT_LOW_SPEED);
    if (d) {
        p->status |= PORT_CONNECT | (d->speed == USB_LOW ? PORT_LOW_SPEED : 0);
    }
}

static void attach(struct usb_port *usb)
{
    struct ehci *s = usb->opaque;
    struct ehci_port *p = &s->ports[usb->index];

    connect(p, usb->dev);
    port_changed(s, p, PORT_CONNECT_CHANGE);
}

static void detach(struct usb_port *usb)
{
    struct ehci *s = usb->opaque;
    struct ehci_port *p = &s->ports[usb->index];

    connect(p, NULL);
    port_changed(s, p, PORT_CONNECT_CHANGE);
}

static void resume(struct usb_port *usb)
{
    struct ehci *s = usb->opaque;
    struct ehci_port *p = &s->ports[usb->index];

    if (p->status & PORT_SUSPEND && !(p->status & PORT_RESUME)) {
        port_changed(s, p, PORT_RESUME);
    }
}

static const struct usb_port_ops port_ops = { attach, detach, resume };

struct usb_device *ehci_find_device(struct ehci *s, unsigned addr)
{
    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        struct ehci_port *p = &s->ports[i];
        struct usb_device *d =
            p->usb.ops == &port_ops && (p->status & (PORT_ENABLED | PORT_SUSPEND)) == PORT_ENABLED
                ? usb_find_address(&p->usb, addr)
                : NULL;

        if (d) {
            return d;
        }
    }
    return NULL;
}

/* Makes the port that of whom PORT_OWNER says; nobody is told. */
static void route(struct ehci *s, struct ehci_port *p)
{
    bool own = !(p->status & PORT_OWNER);

    p->usb.ops = own ? &port_ops : p->companion_ops;
    p->usb.opaque = own ? s : p->companion;
    if (p->usb.dev) {
        usb_choose_speed(p->usb.dev, own ? USB_UP_TO_HIGH : USB_UP_TO_FULL);
    }
}

static void set_owner(struct ehci *s, struct ehci_port *p, bool companion)
{
    companion = companion && p->companion;
    if (companion == !!(p->status & PORT_OWNER)) {
        return;
    }
    if (p->usb.dev) {
        p->usb.ops->detach(&p->usb);
        usb_device_reset(p->usb.dev);
    }
    p->status = companion ? p->status | PORT_OWNER : p->status & ~(uint32_t)PORT_OWNER;
    route(s, p);
    if (p->usb.dev) {
        p->usb.ops->attach(&p->usb);
    }
}

static void end_reset(struct ehci *s, struct ehci_port *p)
{
    struct usb_device *d = p->usb.ops == &port_ops ? p->usb.dev : NULL;

    (void)s;
    if (d) {
        usb_reset_port(&p->usb);
    }
    /* One that is not of high speed stays disabled: the guest gives it to the companion (4.2.2). */
    if (d && d->speed == USB_HIGH) {
        p->status |= PORT_ENABLED;
    }
}

static void write_port(struct ehci *s, struct ehci_port *p, uint32_t value)
{
    uint32_t old = p->status;

    p->status &= ~(value & (PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE | PORT_OVER_CHANGE));
    p->status = (p->status & ~(uint32_t)PORT_WAKES) | (value & PORT_WAKES);
    set_owner(s, p, value & PORT_OWNER);
    if (value & PORT_RESET) {
        p->status = (p->status | PORT_RESET) & ~(uint32_t)PORT_ENABLED;
        return;
    }
    if (old & PORT_RESET) {
        p->status &= ~(uint32_t)(PORT_RESET | PORT_SUSPEND | PORT_RESUME);
        end_reset(s, p);
        return;
    }
    if (!(value & PORT_ENABLED)) {
        p->status &= ~(uint32_t)PORT_ENABLED;
    }
    if (value & PORT_RESUME) {
        p->status |= p->status & PORT_SUSPEND ? PORT_RESUME : 0;
    } else if (old & PORT_RESUME) {
        p->status &= ~(uint32_t)(PORT_RESUME | PORT_SUSPEND);
    } else if (value & PORT_SUSPEND && p->status & PORT_ENABLED) {
        p->status |= PORT_SUSPEND;
    }
}

static void set_all_owners(struct ehci *s, bool companion)
{
    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        set_owner(s, &s->ports[i], companion);
    }
}

/* Companions ------------------------------------------------------------------------------------ */

static const struct usb_bus_ops bus_ops = { ehci_wakeup };

bool ehci_add_companion(struct device *companion, const char *name, unsigned first, unsigned n,
                        const struct usb_port_ops *ops, void *opaque, struct usb_port **ports,
                        GError **error)
{
    struct usb_bus *bus = (struct usb_bus *)bus_find(companion->machine, BUS_USB, name);
    struct ehci *s = bus && bus->ops == &bus_ops ? bus->opaque : NULL;

    if (!s) {
        set_error(error, "%s: masterbus '%s' is no bus of an EHCI controller",
                  companion->type->name, name);
        return false;
    }
    if (first > EHCI_PORTS - n) {
        set_error(error, "%s: firstport is %u, must be 0 to %u", companion->type->name, first,
                  EHCI_PORTS - n);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (s->ports[first + i].companion) {
            set_error(error, "%s: port %u of bus %s has a companion", companion->type->name,
                      first + i, name);
            return false;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        struct ehci_port *p = &s->ports[first + i];

        p->companion = opaque;
        p->companion_ops = ops;
        p->usb.speeds = USB_UP_TO_HIGH;
        ports[i] = &p->usb;
        set_owner(s, p, !s->config_flag);
    }
    return true;
}

void ehci_remove_companion(struct machine *m, const void *opaque)
{
    for (struct bus *b = m->buses; b; b = b->next) {
        struct usb_bus *bus = (struct usb_bus *)b;
        struct ehci *s = b->kind == BUS_USB && bus->ops == &bus_ops ? bus->opaque : NULL;

        for (unsigned i = 0; s && i < EHCI_PORTS; i++) {
            struct ehci_port *p = &s->ports[i];

            if (p->companion == opaque) {
                set_owner(s, p, false);
                p->companion = NULL;
            }
        }
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static void reset_controller(struct ehci *s)
{
    s->cmd = 0x00080000; /* interrupts at most every millisecond */
    s->status = EHCI_STS_HALTED;
    s->intr = s->periodic = s->async = 0;
    s->frame = 0;
    s->config_flag = 0;
    s->quiet = 0;
    timer_disarm(&s->timer);
    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        struct ehci_port *p = &s->ports[i];

        set_owner(s, p, true);
        p->status = (p->status & PORT_OWNER) | PORT_POWER;
        if (p->usb.ops == &port_ops && p->usb.dev) {
            connect(p, p->usb.dev);
            p->status |= PORT_CONNECT_CHANGE;
        }
    }
    ehci_update_irq(s);
}

static uint32_t companions(const struct ehci *s)
{
    unsigned n = 0;

    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        n += s->ports[i].companion != NULL;
    }
    return n / 2;
}

static uint64_t bar_read(void *opaque, uint64_t off, unsigned size)
{
    struct ehci *s = opaque;

    (void)size;
    switch (off) {
    case 0x00: /* length, version 1.0 */
        return 0x01000000 | OPERATIONAL;
    case 0x04: /* ports; two of them to a companion */
        return EHCI_PORTS | (companions(s) ? 2u << 8 | companions(s) << 12 : 0);
    case 0x08: /* isochronous descriptors are looked at in each frame */
        return 0x10;
    case OPERATIONAL + REG_CMD:
        return s->cmd;
    case OPERATIONAL + REG_STATUS:
        return s->status | (s->cmd & EHCI_CMD_PERIODIC && s->cmd & EHCI_CMD_RUN ? 1u << 14 : 0) |
               (s->cmd & EHCI_CMD_ASYNC && s->cmd & EHCI_CMD_RUN ? 1u << 15 : 0);
    case OPERATIONAL + REG_INTR:
        return s->intr;
    case OPERATIONAL + REG_FRAME:
        return ehci_frame_index(s);
    case OPERATIONAL + REG_PERIODIC:
        return s->periodic;
    case OPERATIONAL + REG_ASYNC:
        return s->async;
    case OPERATIONAL + REG_CONFIG:
        return s->config_flag;
    default:
        break;
    }
    if (off >= OPERATIONAL + REG_PORT && off < OPERATIONAL + REG_PORT + 4 * EHCI_PORTS) {
        return s->ports[(off - OPERATIONAL - REG_PORT) / 4].status;
    }
    return 0;
}

static void write_cmd(struct ehci *s, uint32_t value)
{
    bool was = s->cmd & EHCI_CMD_RUN;

    if (value & EHCI_CMD_RESET) {
        reset_controller(s);
        return;
    }
    if (was && !(value & EHCI_CMD_RUN)) {
        s->frame = ehci_frame_index(s);
    }
    s->cmd = value & 0x00ff0071;
    if (value & EHCI_CMD_RUN) {
        s->status &= ~(uint32_t)EHCI_STS_HALTED;
        if (!was) {
            s->frame_at = clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL);
            s->walked = s->frame / 8;
        }
    } else {
        s->status |= EHCI_STS_HALTED;
    }
    ehci_kick(s);
}

static void write_operational(struct ehci *s, unsigned off, uint32_t v)
{
    switch (off) {
    case REG_CMD:
        write_cmd(s, v);
        break;
    case REG_STATUS:
        s->status &= ~(v & 0x3f);
        ehci_update_irq(s);
        break;
    case REG_INTR:
        s->intr = v & 0x3f;
        ehci_update_irq(s);
        break;
    case REG_FRAME:
        if (!(s->cmd & EHCI_CMD_RUN)) {
            s->frame = v & 0x3fff;
        }
        break;
    case REG_PERIODIC:
        s->periodic = v & ~0xfffu;
        break;
    case REG_ASYNC:
        s->async = v & ~0x1fu;
        break;
    case REG_CONFIG:
        s->config_flag = v & 1;
        set_all_owners(s, !s->config_flag);
        break;
    default:
        if (off >= REG_PORT && off < REG_PORT + 4 * EHCI_PORTS) {
            write_port(s, &s->ports[(off - REG_PORT) / 4], v);
        }
        break;
    }
}

static void bar_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)size;
    if (off >= OPERATIONAL) {
        write_operational(opaque, (unsigned)off - OPERATIONAL, (uint32_t)value);
    }
}

static const struct mem_ops bar_ops = { bar_read, bar_write, 4, 4, false, false };

/* Life ------------------------------------------------------------------------------------------ */

static void ehci_unrealize(struct device *dev)
{
    struct ehci *s = (struct ehci *)dev;

    /* Devices leave by whom their ports belong to; a companion without its master has no ports. */
    usb_bus_destroy(&s->bus);
    timer_disarm(&s->timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->bar);
}

static const struct {
    const char *name;
    uint16_t device;
    uint8_t revision;
} models[] = {
    { "usb-ehci", 0x24cd, 0x10 },
    { "ich9-usb-ehci1", 0x293a, 0x03 },
    { "ich9-usb-ehci2", 0x293c, 0x03 },
};

static bool ehci_realize(struct device *dev, GError **error)
{
    struct ehci *s = (struct ehci *)dev;
    struct pci_ident ident = { .vendor = 0x8086, .class = 0x0c03, .prog_if = 0x20, .int_pin = 4 };

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (strcmp(models[i].name, dev->type->name) == 0) {
            ident.device = models[i].device;
            ident.revision = models[i].revision;
        }
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    pci_config_store(&s->pci, 0x60, 0x20, 1); /* the release of USB */
    pci_config_store(&s->pci, 0x61, 0x20, 1); /* a frame is as long as it should be */
    timer_init(&s->timer, dev->machine, CLOCK_KIND_VIRTUAL, ehci_run, s);
    mem_region_init_mmio(&s->bar, dev->machine, "ehci", &bar_ops, s, BAR_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->bar, BAR_SIZE);
    usb_bus_init(&s->bus, dev, &bus_ops, s);
    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        usb_port_init(&s->ports[i].usb, &s->bus, NULL, i, 1u << USB_HIGH, &port_ops, s);
    }
    return true;
}

static void ehci_reset(struct device *dev)
{
    struct ehci *s = (struct ehci *)dev;

    reset_controller(s);
    s->frame_at = 0;
    pci_device_reset(&s->pci);
}

static bool ehci_post_load(struct device *dev, GError **error)
{
    struct ehci *s = (struct ehci *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    s->frame &= 0x3fff;
    for (unsigned i = 0; i < EHCI_PORTS; i++) {
        struct ehci_port *p = &s->ports[i];

        p->status &= p->companion ? ~0u : ~(uint32_t)PORT_OWNER;
        route(s, p);
        if (!p->usb.dev || p->usb.ops != &port_ops) {
            p->status &= ~(uint32_t)(PORT_CONNECT | PORT_ENABLED);
        }
    }
    ehci_update_irq(s);
    ehci_kick(s);
    return true;
}

/* clang-format off */
static const struct property ehci_props[] = { PCI_PROPS(struct ehci, pci), { 0 } };
static const struct state_row port_state[] = {
    STATE_INT(struct ehci_port, status, 1, "PORTSC"),
    { 0 },
};
static const struct state_row ehci_state[] = {
    PCI_STATE(struct ehci, pci),
    STATE_INT(struct ehci, cmd, 1, "USBCMD"),
    STATE_INT(struct ehci, status, 1, "USBSTS"),
    STATE_INT(struct ehci, intr, 1, "USBINTR"),
    STATE_INT(struct ehci, periodic, 1, "PERIODICLISTBASE"),
    STATE_INT(struct ehci, async, 1, "ASYNCLISTADDR"),
    STATE_INT(struct ehci, config_flag, 1, "CONFIGFLAG"),
    STATE_INT(struct ehci, frame, 1, "FRINDEX when it was started"),
    STATE_INT(struct ehci, frame_at, 1, "virtual ns of that"),
    STATE_INT(struct ehci, walked, 1, "the frame that is to be walked next"),
    STATE_SUB(struct ehci, ports, EHCI_PORTS, port_state, 1, "ports"),
    { 0 },
};
/* clang-format on */

#define EHCI_TYPE(symbol, text)                                                                    \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = "USB 2 host controller (EHCI)",                                                 \
        .bus = BUS_PCI,                                                                            \
        .cold_only = true,                                                                         \
        .size = sizeof(struct ehci),                                                               \
        .props = ehci_props,                                                                       \
        .state = ehci_state,                                                                       \
        .realize = ehci_realize,                                                                   \
        .reset = ehci_reset,                                                                       \
        .unrealize = ehci_unrealize,                                                               \
        .post_load = ehci_post_load,                                                               \
    }
EHCI_TYPE(usb_ehci_type, "usb-ehci");
EHCI_TYPE(ich9_usb_ehci1_type, "ich9-usb-ehci1");
EHCI_TYPE(ich9_usb_ehci2_type, "ich9-usb-ehci2");
