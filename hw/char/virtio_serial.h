/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/virtio_serial.h: a virtio console device and its ports, which are devices on its bus.
 * Source: VIRTIO 1.2, 5.3.
 *
 * Invariants: no element stays in flight: what a port cannot finish is put back, and `skip` says how much of it is out.
 *             A port is in vs->ports while it is realized.
 * Thread:     under the machine lock.
 */
#ifndef HW_CHAR_VIRTIO_SERIAL_H
#define HW_CHAR_VIRTIO_SERIAL_H

#include "hw/virtio/virtio.h"

#define VIRTIO_SERIAL_PORTS 31u /* two queues each, and two of control */

/* What a port's messages to the driver are, in the order in which they are sent. */
enum port_message {
    SAY_ADD = 1,
    SAY_CONSOLE = 2,
    SAY_NAME = 4,
    SAY_OPEN = 8,
    SAY_RESIZE = 16,
};

struct virtio_serial;

struct virtio_serial_port {
    struct device dev;
    struct virtio_serial *vs;
    struct chardev *chr; /* property */
    char *name;          /* property */
    uint32_t nr;         /* property; UINT32_MAX until one is chosen */
    bool host_open;      /* somebody is at the other end: the driver is told */
    bool blocked;        /* the chardev took less than it was given */
    struct timer more;   /* goes on with what the driver sent */
    /* The driver's. */
    bool ready, guest_open;
    bool told_open; /* what it was told of host_open */
    uint8_t to_say; /* enum port_message: waits for buffers */
    uint64_t skip;  /* bytes of the next element to the host that it has already */
};

struct virtio_serial_bus {
    struct bus bus;
    char *name;
};

struct virtio_serial {
    struct virtio_device v;
    struct virtio_serial_bus bus;
    bool has_bus;
    uint32_t max_ports; /* properties */
    bool emergency_write;
    struct virtio_serial_port *ports[VIRTIO_SERIAL_PORTS];
    bool driver_ready;
    uint32_t to_remove; /* a bit for each port that is gone: the driver is to be told */
};

extern const struct device_type virtconsole_type, virtserialport_type;

static inline bool virtio_serial_is_console(const struct virtio_serial_port *p)
{
    return p->dev.type == &virtconsole_type;
}

/* virtio_serial.c ------------------------------------------------------------------------------- */

struct virtio_serial *virtio_serial_of_bus(struct bus *bus);
/* Numbers the port and takes it in; false and *error: the number or the name is not free. */
bool virtio_serial_add_port(struct virtio_serial *vs, struct virtio_serial_port *p, GError **error);
void virtio_serial_remove_port(struct virtio_serial_port *p);
/* The driver is to be told this of the port: now, or when it gives buffers. */
void virtio_serial_say(struct virtio_serial_port *p, unsigned messages);
/* There is a driver that uses the port. */
bool virtio_serial_guest_open(const struct virtio_serial_port *p);
struct virtio_queue *virtio_serial_rx(const struct virtio_serial_port *p);
struct virtio_queue *virtio_serial_tx(const struct virtio_serial_port *p);

/* virtio_serial_port.c -------------------------------------------------------------------------- */

/* The driver opened or closed the port: tells whoever wants to know. */
void virtio_serial_port_set_open(struct virtio_serial_port *p, bool open);
/* The driver gave buffers, or opened the port. */
void virtio_serial_port_receive(struct virtio_serial_port *p);
/* The driver sent something. */
void virtio_serial_port_send(struct virtio_serial_port *p);
/* The device was reset. */
void virtio_serial_port_reset(struct virtio_serial_port *p);

#endif
