/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/virtio_serial_port.c: the ports of a virtio console device: bytes between two queues and a character
 * device: virtconsole and virtserialport.  Source: VIRTIO 1.2, 5.3.
 *
 * To the guest: the chardev is read while the driver's buffers have room. To the host: while the chardev takes
 * bytes; else the queue waits for it. A port whose other end nobody is at drops what the guest sends; a console
 * always writes.
 * Thread and invariants: virtio_serial.h.
 */
#include "chardev/chardev.h"
#include "hw/char/virtio_serial.h"
#include "softmmu/event.h"
#include "util/error.h"

#define CHUNK      4096u      /* bytes copied at a time */
#define TURN_BYTES (1u << 20) /* of one turn: the machine lock is others', too */
#define TURN_COST  64u        /* bytes that an element counts as, beside its own */

static struct virtio_serial_port *of(void *opaque)
{
    return opaque;
}

/* To the guest ---------------------------------------------------------------------------------- */

/* The first element with room; empty ones are given back. */
static struct virtio_element *next_buffer(struct virtio_serial_port *p)
{
    struct virtio_queue *vq = virtio_serial_rx(p);
    struct virtio_element *e;

    for (unsigned i = 0; i < vq->size && (e = virtqueue_pop(vq)); i++) {
        if (e->in.bytes > 0) {
            return e;
        }
        virtqueue_push(e, 0);
    }
    return NULL;
}

static size_t can_receive(void *opaque)
{
    struct virtio_serial_port *p = opaque;
    struct virtio_element *e = virtio_serial_guest_open(p) ? next_buffer(p) : NULL;
    size_t room;

    if (!e) {
        return 0;
    }
    room = MIN(e->in.bytes, INT32_MAX);
    virtqueue_unpop(e);
    return room;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct virtio_serial_port *p = opaque;
    struct virtio_element *e;

    while (n > 0 && (e = next_buffer(p))) {
        size_t done = dma_list_write(&e->in, p->dev.machine, 0, buf, n);

        virtqueue_push(e, (uint32_t)done);
        buf += done;
        n -= done;
    }
    virtqueue_notify(virtio_serial_rx(p));
}

void virtio_serial_port_receive(struct virtio_serial_port *p)
{
    chardev_accept_input(p->chr);
}

/* To the host ----------------------------------------------------------------------------------- */

static void send_more(struct virtio_serial_port *p)
{
    timer_arm(&p->more, clock_now(p->dev.machine, CLOCK_KIND_REALTIME));
}

/* False: the chardev takes no more, or the turn is over. */
static bool write_element(struct virtio_serial_port *p, const struct virtio_element *e,
                          size_t *budget)
{
    bool drop = !p->chr || !p->host_open;
    uint8_t buf[CHUNK];

    *budget -= MIN(*budget, TURN_COST);
    while (!drop && p->skip < e->out.bytes) {
        size_t n = dma_list_read(&e->out, p->skip, buf, MIN(sizeof(buf), *budget)), done;

        if (n == 0) {
            send_more(p);
            return false;
        }
        done = chardev_write(p->chr, buf, n);
        p->skip += done;
        *budget -= done;
        if (done < n) {
            p->blocked = true;
            return false;
        }
    }
    return true;
}

void virtio_serial_port_send(struct virtio_serial_port *p)
{
    struct virtio_queue *vq = virtio_serial_tx(p);
    struct virtio_element *e;
    size_t budget = TURN_BYTES;

    while (!p->blocked && (e = virtqueue_pop(vq))) {
        if (!write_element(p, e, &budget)) {
            virtqueue_unpop(e);
            break;
        }
        p->skip = 0;
        virtqueue_push(e, 0);
    }
    virtqueue_notify(vq);
}

static void more(void *opaque)
{
    virtio_serial_say(opaque, 0);
    virtio_serial_port_send(opaque);
    virtio_serial_port_receive(opaque);
}

static void drained(void *opaque)
{
    of(opaque)->blocked = false;
    send_more(opaque);
}

static void moved(void *opaque, struct chardev *to)
{
    struct virtio_serial_port *p = opaque;

    p->chr = to;
    if (!virtio_serial_is_console(p)) {
        chardev_set_front_open(to, p->guest_open);
    }
    drained(p);
}

/* The other end --------------------------------------------------------------------------------- */

static void set_host_open(struct virtio_serial_port *p, bool open)
{
    if (p->host_open != open) {
        p->host_open = open;
        virtio_serial_say(p, SAY_OPEN);
    }
}

static void event(void *opaque, enum chardev_event what)
{
    struct virtio_serial_port *p = opaque;

    if (what != CHARDEV_OPENED && what != CHARDEV_CLOSED) {
        return;
    }
    if (!virtio_serial_is_console(p)) {
        set_host_open(p, what == CHARDEV_OPENED);
    }
    drained(p);
}

void virtio_serial_port_set_open(struct virtio_serial_port *p, bool open)
{
    bool tells = p->guest_open != open && !virtio_serial_is_console(p);

    p->guest_open = open;
    if (tells && p->chr) {
        chardev_set_front_open(p->chr, open);
    }
    if (tells && p->dev.id) {
        event_emit(p->dev.machine, EVENT_VSERPORT_CHANGE,
                   json_pack("{s:s, s:b}", "id", p->dev.id, "open", open));
    }
}

void virtio_serial_port_reset(struct virtio_serial_port *p)
{
    timer_disarm(&p->more);
    virtio_serial_port_set_open(p, false);
    p->ready = p->told_open = p->blocked = false;
    p->to_say = 0;
    p->skip = 0;
}

/* The device ------------------------------------------------------------------------------------ */

static bool port_realize(struct device *dev, GError **error)
{
    struct virtio_serial_port *p = (struct virtio_serial_port *)dev;
    struct chardev_front front = { can_receive, receive, event, p, moved, drained };

    timer_init(&p->more, dev->machine, CLOCK_KIND_REALTIME, more, p);
    if (!virtio_serial_add_port(virtio_serial_of_bus(dev->bus), p, error)) {
        return false;
    }
    p->host_open = virtio_serial_is_console(p);
    if (p->chr && !chardev_attach(p->chr, &front, error)) {
        p->vs->ports[p->nr] = NULL;
        return false;
    }
    return true;
}

static void port_unrealize(struct device *dev)
{
    struct virtio_serial_port *p = (struct virtio_serial_port *)dev;

    timer_disarm(&p->more);
    if (p->chr) {
        if (p->guest_open && !virtio_serial_is_console(p)) {
            chardev_set_front_open(p->chr, false);
        }
        chardev_detach(p->chr, p);
    }
    virtio_serial_remove_port(p);
}

/* Who is at the other end may have changed since it was saved; and bytes may wait on both sides. */
static bool port_post_load(struct device *dev, GError **error)
{
    struct virtio_serial_port *p = (struct virtio_serial_port *)dev;

    (void)error;
    p->blocked = false;
    if (p->chr && !virtio_serial_is_console(p)) {
        chardev_set_front_open(p->chr, p->guest_open);
    }
    p->to_say |= p->ready && p->told_open != p->host_open ? SAY_OPEN : 0;
    send_more(p);
    return true;
}

static const struct property port_props[] = {
    PROP_CHARDEV(struct virtio_serial_port, "chardev", chr, "where bytes go to and come from"),
    PROP_U32(struct virtio_serial_port, "nr", nr, UINT32_MAX,
             "number of the port (default: the next free one)"),
    PROP_STRING(struct virtio_serial_port, "name", name, NULL,
                "name that the guest finds it by (/dev/virtio-ports/NAME)"),
    { 0 },
};

static const struct state_row port_state[] = {
    STATE_INT(struct virtio_serial_port, ready, 1, "the driver knows of it"),
    STATE_INT(struct virtio_serial_port, guest_open, 1, "the guest uses it"),
    STATE_INT(struct virtio_serial_port, told_open, 1,
              "it was told that somebody is at the other end"),
    STATE_INT(struct virtio_serial_port, to_say, 1, "messages that wait for buffers"),
    STATE_INT(struct virtio_serial_port, skip, 1, "bytes of the next element that are out"),
    { 0 },
};

#define PORT_TYPE(symbol, text, what)                                                              \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_VIRTIO_SERIAL,                                                                  \
        .size = sizeof(struct virtio_serial_port),                                                 \
        .props = port_props,                                                                       \
        .state = port_state,                                                                       \
        .realize = port_realize,                                                                   \
        .unrealize = port_unrealize,                                                               \
        .post_load = port_post_load,                                                               \
    }

PORT_TYPE(virtconsole_type, "virtconsole", "virtio console");
PORT_TYPE(virtserialport_type, "virtserialport", "virtio serial port");
