/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/virtio_net_rig.h: a virtio network card, the other end of its cable, a driver. Thread: the test's. */
#ifndef TESTS_DEVICE_VIRTIO_NET_RIG_H
#define TESTS_DEVICE_VIRTIO_NET_RIG_H

#include "tests/device/net_rig.h"
#include "tests/device/virtio_rig.h"

#define HDR     12u
#define TX_AT   0x400000u
#define RX_AT   0x500000u
#define CTRL_AT 0x600000u
#define BASE    (VIRTIO_RIG_BASIC | 1ull << 5 | 1ull << 16)
#define CONTROL (BASE | 1ull << 17 | 1ull << 18 | 1ull << 19 | 1ull << 20 | 1ull << 23)

struct fixture {
    struct virtio_rig v;
    struct net_wire wire;
};

/* props: ",NAME=VALUE", or ""; queues: of the netdev */
static inline void set_up_with(struct fixture *f, const char *props, unsigned queues)
{
    g_autofree char *all = g_strconcat(NET_RIG_PROPS, props, NULL);

    memset(f, 0, sizeof(*f));
    virtio_rig_machine(&f->v);
    net_wire_init(&f->wire, f->v.r->m);
    f->wire.client.queues = queues;
    virtio_rig_set_up_on(&f->v, rig_device(f->v.r, "virtio-net-pci", all));
}

static inline void set_up(struct fixture *f, gconstpointer data)
{
    set_up_with(f, data, 1);
}

static inline void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    net_client_clear(&f->wire.client);
    virtio_rig_tear_down(&f->v);
}

/* A receive buffer of that many bytes of a queue. */
static inline void give_to(struct fixture *f, unsigned queue, unsigned at, uint32_t len)
{
    struct rig_buffer b = { RX_AT + at, len, true };

    virtio_rig_add(&f->v, queue, &b, 1, false);
}

static inline void give(struct fixture *f, unsigned at, uint32_t len)
{
    give_to(f, 0, at, len);
}

static inline bool got(struct fixture *f, uint32_t *len)
{
    unsigned id;

    return virtio_rig_used(&f->v, 0, &id, len);
}

static inline void send_on(struct fixture *f, unsigned queue, const uint8_t hdr[HDR],
                           const uint8_t *frame, uint32_t len)
{
    struct rig_buffer b[] = { { TX_AT, HDR, false }, { TX_AT + 0x100, len, false } };

    rig_write(f->v.r, TX_AT, hdr, HDR);
    rig_write(f->v.r, TX_AT + 0x100, frame, len);
    virtio_rig_add(&f->v, queue, b, 2, false);
    virtio_rig_kick(&f->v, queue);
}

static inline void send_raw(struct fixture *f, const uint8_t hdr[HDR], const uint8_t *frame,
                            uint32_t len)
{
    send_on(f, 1, hdr, frame, len);
}

/* The answer of the control queue `queue`. */
static inline uint8_t command_on(struct fixture *f, unsigned queue, const uint8_t *bytes,
                                 uint32_t len)
{
    struct rig_buffer b[] = { { CTRL_AT, len, false }, { CTRL_AT + 0x10000, 1, true } };

    rig_write(f->v.r, CTRL_AT, bytes, len);
    rig_store(f->v.r, CTRL_AT + 0x10000, 0xee, 1);
    virtio_rig_run(&f->v, queue, b, 2);
    return (uint8_t)rig_load(f->v.r, CTRL_AT + 0x10000, 1);
}

static inline uint8_t command(struct fixture *f, const uint8_t *bytes, uint32_t len)
{
    return command_on(f, 2, bytes, len);
}

#endif
