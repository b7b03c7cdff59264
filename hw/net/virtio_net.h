/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net.h: what the parts of virtio-net share: virtio_net.c (configuration, life, types),
 * virtio_net_features.c (properties), virtio_net_rx.c (filters, frames for the guest), virtio_net_tx.c (frames of
 * the guest), virtio_net_ctrl.c (the control queue).
 * Source: VIRTIO 1.2, 5.1.
 *
 * Invariants: buffers that wait for the rest of a frame (`held`) are in flight; pre_save gives them back.
 *             1 <= used_pairs <= pairs <= VIRTIO_NET_PAIRS.
 * Thread:     under the machine lock.
 */
#ifndef HW_NET_VIRTIO_NET_H
#define HW_NET_VIRTIO_NET_H

#include "hw/net/nic.h"
#include "hw/virtio/virtio.h"
#include "softmmu/clock.h"

/* clang-format off */
enum virtio_net_feature {       /* 5.1.3: bit numbers; GSO: 5.1.3.2, legacy drivers' */
    NET_F_CSUM = 0, NET_F_GUEST_CSUM = 1, NET_F_CTRL_GUEST_OFFLOADS = 2, NET_F_MTU = 3, NET_F_MAC = 5, NET_F_GSO = 6,
    NET_F_GUEST_TSO4 = 7, NET_F_GUEST_TSO6 = 8, NET_F_GUEST_ECN = 9, NET_F_GUEST_UFO = 10, NET_F_HOST_TSO4 = 11,
    NET_F_HOST_TSO6 = 12, NET_F_HOST_ECN = 13, NET_F_HOST_UFO = 14, NET_F_MRG_RXBUF = 15, NET_F_STATUS = 16,
    NET_F_CTRL_VQ = 17, NET_F_CTRL_RX = 18, NET_F_CTRL_VLAN = 19, NET_F_CTRL_RX_EXTRA = 20, NET_F_GUEST_ANNOUNCE = 21,
    NET_F_MQ = 22, NET_F_CTRL_MAC_ADDR = 23, NET_F_SPEED_DUPLEX = 63,
};
enum virtio_net_config {        /* 5.1.4: offsets */
    CONFIG_MAC = 0, CONFIG_STATUS = 6, CONFIG_PAIRS = 8, CONFIG_MTU = 10, CONFIG_SPEED = 12, CONFIG_DUPLEX = 16,
    CONFIG_SIZE = 17,
};
enum virtio_net_rx_mode { MODE_PROMISC, MODE_ALLMULTI, MODE_ALLUNI, MODE_NOMULTI, MODE_NOUNI, MODE_NOBCAST, MODES };
/* clang-format on */
#define VIRTIO_NET_PAIRS 32u
#define MAC_TABLE        64u
#define VLANS            NET_VLANS
#define HELD_MOST        64u
#define FLOWS            256u
#define BIT(n)           (1ull << (n))

/* 5.1.6: before each frame. */
struct virtio_net_header {
    struct net_offload offload;
    uint16_t num_buffers; /* not in the legacy layout without mergeable buffers */
};
G_STATIC_ASSERT(sizeof(struct net_offload) == 10 && sizeof(struct virtio_net_header) == 12);

/* Receive buffers of a pair of queues that were taken for a frame and not filled yet. */
struct virtio_net_pair {
    struct virtio_element *held[HELD_MOST];
    unsigned n_held;
};

struct virtio_net {
    struct virtio_device v;
    struct nic nic;
    /* Properties. */
    bool csum, gso, host_tso4, host_tso6, host_ecn, host_ufo;
    bool guest_csum, guest_tso4, guest_tso6, guest_ecn, guest_ufo, ctrl_guest_offloads;
    bool mrg_rxbuf, status, ctrl_vq, ctrl_rx, ctrl_vlan, ctrl_rx_extra, ctrl_mac_addr;
    bool guest_announce, mq, failover;
    uint16_t mtu, rx_size, tx_size;
    int32_t speed;
    char *duplex, *tx;
    /* What the driver chose. */
    uint8_t mac[NET_MAC_BYTES]; /* now: the driver may change it */
    uint8_t mode[MODES];
    uint8_t unicasts, multicasts; /* of the table */
    uint8_t unicast_overflow, multicast_overflow;
    uint8_t table[MAC_TABLE * NET_MAC_BYTES]; /* unicast first */
    uint8_t vlans[VLANS / 8];
    uint64_t guest_offloads; /* of GUEST_OFFLOADS */
    uint16_t used_pairs;
    bool announcing; /* the driver is asked to, and has not yet */
    /* Work. */
    uint16_t pairs;
    bool running; /* the driver is there: it takes frames */
    bool transmitting, loaded;
    uint8_t flows[FLOWS]; /* the pair that a flow was last sent on, by its hash */
    struct virtio_net_pair pair[VIRTIO_NET_PAIRS];
    struct timer later; /* the rest of a burst; after a load, all that may wait */
    uint8_t *frame;     /* NET_FRAME_MAX */
};

#define GUEST_OFFLOADS                                                                             \
    (BIT(NET_F_GUEST_CSUM) | BIT(NET_F_GUEST_TSO4) | BIT(NET_F_GUEST_TSO6) |                       \
     BIT(NET_F_GUEST_ECN) | BIT(NET_F_GUEST_UFO))

static inline struct virtio_net *virtio_net_of(struct net_client *c)
{
    struct nic *n = nic_of(c);

    return (struct virtio_net *)((uint8_t *)n - offsetof(struct virtio_net, nic));
}

static inline unsigned virtio_net_header_size(const struct virtio_net *s)
{
    return virtio_has(&s->v, VIRTIO_F_VERSION_1) || virtio_has(&s->v, NET_F_MRG_RXBUF)
               ? sizeof(struct virtio_net_header)
               : sizeof(struct net_offload);
}

/* Is the control queue's; 5.1.2: it follows the pairs that the driver knows of. */
static inline unsigned virtio_net_control_queue(const struct virtio_net *s)
{
    return 2u * (virtio_has(&s->v, NET_F_MQ) ? s->pairs : 1);
}

/* virtio_net.c */
void virtio_net_set_mac(struct virtio_net *s, const uint8_t *mac);
/* Link and announcement in the configuration. */
void virtio_net_fill_status(struct virtio_net *s);
/* The net layer is told what the guest takes. */
void virtio_net_update_takes(struct virtio_net *s);

/* virtio_net_features.c: are the properties good; what is offered because of them. */
bool virtio_net_check(const struct virtio_net *s, GError **error);
uint64_t virtio_net_features(const struct virtio_net *s);

/* virtio_net_rx.c */
bool virtio_net_receive(struct net_client *c, const struct net_offload *o, const uint8_t *frame,
                        size_t len);
/* Buffers that wait are forgotten, or given back empty: the driver gives them again. */
void virtio_net_drop_held(struct virtio_net *s);
void virtio_net_return_held(struct virtio_net *s);

/* virtio_net_tx.c: what the guest has for us, as far as the cable takes it. */
void virtio_net_transmit(struct virtio_net *s, unsigned pair);
void virtio_net_transmit_all(struct virtio_net *s);

/* virtio_net_ctrl.c */
void virtio_net_rx_filter(struct net_client *c, struct net_rx_filter *f);
void virtio_net_control(struct virtio_net *s, struct virtio_queue *vq);

#endif
