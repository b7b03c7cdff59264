/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/virtio_serial.c: the virtio console device: queues, the control messages, the bus of ports:
 * virtio-serial-pci (three types) and virtio-serial-device.  Source: VIRTIO 1.2, 5.3.
 *
 * A message waits as a bit of its port until the driver gives a buffer for it, so that any number of changes
 * takes no memory.
 * Thread and invariants: virtio_serial.h.
 */
#include "hw/char/virtio_serial.h"

#include <string.h>
#include "chardev/chardev.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "softmmu/hotplug.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { CONSOLE_F_SIZE = 0, CONSOLE_F_MULTIPORT = 1, CONSOLE_F_EMERG_WRITE = 2 };
enum { QUEUE_RX = 0, QUEUE_TX = 1, QUEUE_CONTROL_RX = 2, QUEUE_CONTROL_TX = 3 };
enum { CONFIG_COLS = 0, CONFIG_ROWS = 2, CONFIG_MAX_PORTS = 4, CONFIG_EMERG_WRITE = 8, CONFIG_SIZE = 12 };
enum control_event {            /* 5.3.6.2 */
    DEVICE_READY = 0, DEVICE_ADD = 1, DEVICE_REMOVE = 2, PORT_READY = 3, CONSOLE_PORT = 4, RESIZE = 5,
    PORT_OPEN = 6, PORT_NAME = 7,
};
/* clang-format on */
#define DATA_QUEUE_SIZE    128u
#define CONTROL_QUEUE_SIZE 32u

struct control {
    uint32_t id;
    uint16_t event, value;
};
G_STATIC_ASSERT(sizeof(struct control) == 8);

struct virtio_serial *virtio_serial_of_bus(struct bus *bus)
{
    return (struct virtio_serial *)((char *)bus - offsetof(struct virtio_serial, bus.bus));
}

static bool multiport(const struct virtio_serial *vs)
{
    return virtio_has(&vs->v, CONSOLE_F_MULTIPORT);
}

/* Port 0 has the first two queues, for drivers that know of no others. */
static unsigned first_queue(unsigned nr)
{
    return nr == 0 ? QUEUE_RX : 2 * nr + 2;
}

struct virtio_queue *virtio_serial_rx(const struct virtio_serial_port *p)
{
    return &p->vs->v.queues[first_queue(p->nr)];
}

struct virtio_queue *virtio_serial_tx(const struct virtio_serial_port *p)
{
    return &p->vs->v.queues[first_queue(p->nr) + 1];
}

bool virtio_serial_guest_open(const struct virtio_serial_port *p)
{
    return multiport(p->vs) ? p->guest_open : p->nr == 0;
}

/* Messages to the driver ------------------------------------------------------------------------ */

/* False: there is no buffer. */
static bool send_message(struct virtio_serial *vs, unsigned nr, enum control_event event,
                         unsigned value, const char *text)
{
    const struct control c = { nr, (uint16_t)event, (uint16_t)value };
    struct virtio_queue *vq = &vs->v.queues[QUEUE_CONTROL_RX];
    struct virtio_element *e = virtqueue_pop(vq);
    size_t n;

    if (!e) {
        return false;
    }
    n = dma_list_write(&e->in, virtio_machine(&vs->v), 0, &c, sizeof(c));
    if (text) {
        n += dma_list_write(&e->in, virtio_machine(&vs->v), sizeof(c), text, strlen(text));
    }
    virtqueue_push(e, (uint32_t)n);
    return true;
}

static bool say_one(struct virtio_serial_port *p, enum port_message what)
{
    struct virtio_serial *vs = p->vs;

    switch (what) {
    case SAY_ADD:
        return send_message(vs, p->nr, DEVICE_ADD, 1, NULL);
    case SAY_CONSOLE:
        return send_message(vs, p->nr, CONSOLE_PORT, 1, NULL);
    case SAY_NAME:
        return send_message(vs, p->nr, PORT_NAME, 1, p->name);
    case SAY_OPEN:
        p->told_open = p->host_open;
        return send_message(vs, p->nr, PORT_OPEN, p->host_open, NULL);
    default:
        return true;
    }
}

static bool say_removed(struct virtio_serial *vs)
{
    while (vs->to_remove) {
        unsigned nr = (unsigned)__builtin_ctz(vs->to_remove);

        if (!send_message(vs, nr, DEVICE_REMOVE, 1, NULL)) {
            return false;
        }
        vs->to_remove &= ~(1u << nr);
    }
    return true;
}

static void say_waiting(struct virtio_serial *vs)
{
    bool room = vs->driver_ready && multiport(vs) && say_removed(vs);

    for (unsigned i = 0; room && i < vs->max_ports; i++) {
        struct virtio_serial_port *p = vs->ports[i];

        for (unsigned what = SAY_ADD; p && room && what <= SAY_RESIZE; what <<= 1) {
            room = !(p->to_say & what) || say_one(p, what);
            p->to_say &= (uint8_t) ~(room ? what : 0);
        }
    }
    virtqueue_notify(&vs->v.queues[QUEUE_CONTROL_RX]);
}

void virtio_serial_say(struct virtio_serial_port *p, unsigned messages)
{
    if (p->vs->driver_ready && (p->ready || messages == SAY_ADD)) {
        p->to_say |= (uint8_t)messages;
        say_waiting(p->vs);
    }
}

/* Messages of the driver ------------------------------------------------------------------------ */

static void driver_is_ready(struct virtio_serial *vs, bool ok)
{
    if (!ok) {
        log_line(LOG_GUEST_ERRORS, "virtio-serial: the driver failed to add the device");
        return;
    }
    vs->driver_ready = true;
    for (unsigned i = 0; i < vs->max_ports; i++) {
        if (vs->ports[i]) {
            vs->ports[i]->to_say |= SAY_ADD;
        }
    }
}

static void port_is_ready(struct virtio_serial_port *p, bool ok)
{
    if (!ok) {
        log_line(LOG_GUEST_ERRORS, "virtio-serial: the driver failed to add port %u", p->nr);
        return;
    }
    p->ready = true;
    p->to_say |= virtio_serial_is_console(p) ? SAY_CONSOLE : 0;
    p->to_say |= p->name && *p->name ? SAY_NAME : 0;
    p->to_say |= p->host_open ? SAY_OPEN : 0;
}

static void handle(struct virtio_serial *vs, const struct control *c)
{
    struct virtio_serial_port *p = c->id < vs->max_ports ? vs->ports[c->id] : NULL;

    if (c->event == DEVICE_READY) {
        driver_is_ready(vs, c->value == 1);
    } else if (!p) {
        log_line(LOG_GUEST_ERRORS, "virtio-serial: message %u about port %u, which is not there",
                 c->event, c->id);
    } else if (c->event == PORT_READY) {
        port_is_ready(p, c->value == 1);
    } else if (c->event == PORT_OPEN) {
        virtio_serial_port_set_open(p, c->value == 1);
        virtio_serial_port_receive(p);
    } else {
        log_line(LOG_GUEST_ERRORS, "virtio-serial: message %u about port %u", c->event, c->id);
    }
}

static void take_messages(struct virtio_serial *vs, struct virtio_queue *vq)
{
    struct virtio_element *e;

    while ((e = virtqueue_pop(vq))) {
        struct control c;

        if (dma_list_read(&e->out, 0, &c, sizeof(c)) == sizeof(c)) {
            handle(vs, &c);
        }
        virtqueue_push(e, 0);
    }
    virtqueue_notify(vq);
    say_waiting(vs);
}

static void serial_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;
    unsigned nr = vq->index < QUEUE_CONTROL_RX ? 0 : (vq->index - QUEUE_CONTROL_RX) / 2u;

    if (vq->index == QUEUE_CONTROL_RX) {
        say_waiting(vs);
    } else if (vq->index == QUEUE_CONTROL_TX) {
        take_messages(vs, vq);
    } else if (nr < vs->max_ports && vs->ports[nr]) {
        (vq->index & 1 ? virtio_serial_port_send : virtio_serial_port_receive)(vs->ports[nr]);
    }
}

/* Ports ----------------------------------------------------------------------------------------- */

static bool choose_number(struct virtio_serial *vs, struct virtio_serial_port *p, GError **error)
{
    bool console = virtio_serial_is_console(p);

    if (p->nr == 0 && !console) {
        set_error(error, "Port number 0 on virtio-serial devices reserved for virtconsole devices "
                         "for backward compatibility.");
        return false;
    }
    for (unsigned i = console ? 0 : 1; p->nr == UINT32_MAX && i < vs->max_ports; i++) {
        p->nr = vs->ports[i] ? UINT32_MAX : i;
    }
    if (p->nr == UINT32_MAX) {
        set_error(error, "virtio-serial-bus: Maximum port limit for this device reached");
        return false;
    }
    if (p->nr >= vs->max_ports) {
        set_error(error, "virtio-serial-bus: Out-of-range port id specified, max. allowed: %u",
                  vs->max_ports - 1);
        return false;
    }
    if (vs->ports[p->nr]) {
        set_error(error, "virtio-serial-bus: A port already exists at id %u", p->nr);
        return false;
    }
    return true;
}

bool virtio_serial_add_port(struct virtio_serial *vs, struct virtio_serial_port *p, GError **error)
{
    for (unsigned i = 0; p->name && *p->name && i < vs->max_ports; i++) {
        if (vs->ports[i] && g_strcmp0(vs->ports[i]->name, p->name) == 0) {
            set_error(error, "virtio-serial-bus: A port already exists by name %s", p->name);
            return false;
        }
    }
    if (!choose_number(vs, p, error)) {
        return false;
    }
    p->vs = vs;
    vs->ports[p->nr] = p;
    return true;
}

/* The driver may not have heard of it yet. */
void virtio_serial_remove_port(struct virtio_serial_port *p)
{
    struct virtio_serial *vs = p->vs;

    vs->ports[p->nr] = NULL;
    if (vs->driver_ready && !(p->to_say & SAY_ADD)) {
        vs->to_remove |= 1u << p->nr;
        say_waiting(vs);
    }
}

static void plugged(struct bus *bus, struct device *dev)
{
    (void)bus;
    virtio_serial_say((struct virtio_serial_port *)dev, SAY_ADD);
}

static bool unplug(struct bus *bus, struct device *dev, GError **error)
{
    (void)bus;
    (void)error;
    device_remove(dev);
    return true;
}

static const struct hotplug_ops hotplug_ops = { plugged, unplug };

static void bus_make(struct virtio_serial *vs, struct device *adapter)
{
    unsigned n = 0;

    for (const struct bus *b = adapter->machine->buses; b; b = b->next) {
        n += b->kind == BUS_VIRTIO_SERIAL;
    }
    vs->bus.name = adapter->id ? g_strdup_printf("%s.0", adapter->id)
                               : g_strdup_printf("virtio-serial-bus.%u", n);
    bus_init(&vs->bus.bus, adapter->machine, BUS_VIRTIO_SERIAL, vs->bus.name, adapter);
    vs->bus.bus.hotplug = &hotplug_ops;
    vs->has_bus = true;
}

/* The device ------------------------------------------------------------------------------------ */

static void fill_config(struct virtio_serial *vs)
{
    virtio_config_put(&vs->v, CONFIG_MAX_PORTS, vs->max_ports, 4);
}

static bool serial_realize(struct virtio_device *v, GError **error)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;

    if (vs->max_ports == 0) {
        set_error(error, "Maximum number of serial ports not specified");
        return false;
    }
    if (vs->max_ports > VIRTIO_SERIAL_PORTS) {
        set_error(error, "maximum ports supported: %u", VIRTIO_SERIAL_PORTS);
        return false;
    }
    for (unsigned i = 0; i < (vs->max_ports == 1 ? 2 : 2 * vs->max_ports + 2); i++) {
        bool control = i == QUEUE_CONTROL_RX || i == QUEUE_CONTROL_TX;

        virtio_add_queue(v, control ? CONTROL_QUEUE_SIZE : DATA_QUEUE_SIZE);
    }
    v->offered |= (uint64_t)(vs->max_ports > 1) << CONSOLE_F_MULTIPORT;
    v->offered |= (uint64_t)vs->emergency_write << CONSOLE_F_EMERG_WRITE;
    fill_config(vs);
    return true;
}

static bool serial_plugged(struct virtio_device *v, GError **error)
{
    (void)error;
    bus_make((struct virtio_serial *)v, v->dev);
    return true;
}

static void serial_unrealize(struct virtio_device *v)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;

    if (!vs->has_bus) {
        return;
    }
    for (unsigned i = vs->bus.bus.devices->len; i-- > 0;) {
        struct device *dev = g_ptr_array_index(vs->bus.bus.devices, i);

        if (dev->realized) { /* else the whole machine is being freed */
            device_free(dev);
        }
    }
    bus_destroy(&vs->bus.bus);
    g_free(vs->bus.name);
    vs->has_bus = false;
}

static void serial_reset(struct virtio_device *v)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;

    vs->driver_ready = false;
    vs->to_remove = 0;
    for (unsigned i = 0; i < VIRTIO_SERIAL_PORTS; i++) {
        if (vs->ports[i]) {
            virtio_serial_port_reset(vs->ports[i]);
        }
    }
}

/* Without the control queues a port is open once the driver is there. */
static void serial_status_changed(struct virtio_device *v)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;

    if (v->status & VIRTIO_DRIVER_OK && !multiport(vs) && vs->ports[0]) {
        virtio_serial_port_receive(vs->ports[0]);
    }
}

/* 5.3.4: a character for the first console, before there are queues. */
static void serial_config_write(struct virtio_device *v, unsigned off, unsigned size,
                                uint32_t value)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;
    uint8_t byte = (uint8_t)value;

    (void)size;
    if (off == CONFIG_EMERG_WRITE && vs->emergency_write && vs->ports[0]) {
        chardev_write(vs->ports[0]->chr, &byte, 1);
    }
}

static bool serial_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_serial *vs = (struct virtio_serial *)v;

    (void)error;
    fill_config(vs);
    vs->to_remove &= (uint32_t)((1ull << vs->max_ports) - 1);
    return true;
}

static const struct virtio_ops serial_ops = {
    .id = VIRTIO_ID_CONSOLE,
    .config_size = CONFIG_SIZE,
    .realize = serial_realize,
    .plugged = serial_plugged,
    .unrealize = serial_unrealize,
    .reset = serial_reset,
    .notified = serial_notified,
    .status_changed = serial_status_changed,
    .config_write = serial_config_write,
    .post_load = serial_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_serial_pci {
    struct virtio_pci proxy;
    struct virtio_serial serial;
};
struct virtio_serial_device {
    struct virtio_mmio_device proxy;
    struct virtio_serial serial;
};

/* One vector for each of so many queues would be a waste. */
static bool pci_realize(struct device *dev, GError **error)
{
    struct virtio_serial_pci *s = (struct virtio_serial_pci *)dev;

    s->proxy.vectors = s->proxy.vectors == UINT32_MAX ? 2 : s->proxy.vectors;
    return virtio_pci_realize(dev, &serial_ops, 0x0780, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &serial_ops, error);
}

#define SERIAL_PROPS(strct)                                                                        \
    PROP_U32(strct, "max_ports", serial.max_ports, VIRTIO_SERIAL_PORTS, "ports, 1 to 31"),         \
        PROP_BOOL(strct, "emergency-write", serial.emergency_write, true,                          \
                  "a register that writes to the first console")
#define SERIAL_STATE(strct)                                                                        \
    STATE_INT(strct, serial.driver_ready, 1, "the driver knows of ports"),                         \
        STATE_INT(strct, serial.to_remove, 1, "ports that the driver is to forget")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_serial_pci, proxy, serial.v),
    SERIAL_PROPS(struct virtio_serial_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_serial_pci, proxy, serial.v),
    SERIAL_PROPS(struct virtio_serial_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_serial_device, serial.v),
    SERIAL_PROPS(struct virtio_serial_device),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_serial_pci, proxy, serial.v),
    SERIAL_STATE(struct virtio_serial_pci),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_serial_device, serial.v),
    SERIAL_STATE(struct virtio_serial_device),
    { 0 },
};

VIRTIO_PCI_TYPES(virtio_serial, "virtio-serial", "virtio serial ports and consoles",
                 struct virtio_serial_pci, serial, pci_props, pci_common_props, pci_state,
                 pci_realize);
VIRTIO_MMIO_TYPE(virtio_serial_device_type, "virtio-serial-device",
                 "virtio serial ports and consoles", struct virtio_serial_device, serial,
                 mmio_props, mmio_state, mmio_realize);
