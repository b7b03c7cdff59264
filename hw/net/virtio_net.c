/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net.c: a network card: its configuration, life and types.
 * Source: VIRTIO 1.2, 5.1.
 *
 * Checksums and large frames of the guest's are taken whatever the back end is, and may come to the guest from
 * another guest or a tap: see net/offload.h.
 *
 * Invariants: virtio_net.h.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/virtio_net.h"
#include "hw/nvram/boot_order.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

#define CONTROL_SIZE 64u

enum { STATUS_LINK_UP = 1, STATUS_ANNOUNCE = 2 };

static void net_drained(struct net_client *c)
{
    virtio_net_transmit_all(virtio_net_of(c));
}

static void net_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_net *s = (struct virtio_net *)v;
    unsigned control = virtio_net_control_queue(s);

    if (vq->index == control) {
        virtio_net_control(s, vq);
    } else if (vq->index > control) {
        return; /* a driver that does not know of so many pairs */
    } else if (vq->index % 2) {
        virtio_net_transmit(s, vq->index / 2);
    } else {
        net_ready(&s->nic.client);
    }
}

/* Configuration --------------------------------------------------------------------------------- */

void virtio_net_set_mac(struct virtio_net *s, const uint8_t *mac)
{
    memcpy(s->mac, mac, NET_MAC_BYTES);
    memcpy(s->v.config + CONFIG_MAC, mac, NET_MAC_BYTES);
}

void virtio_net_fill_status(struct virtio_net *s)
{
    virtio_config_put(
        &s->v, CONFIG_STATUS,
        (nic_link_up(&s->nic) ? STATUS_LINK_UP : 0) | (s->announcing ? STATUS_ANNOUNCE : 0), 2);
}

void virtio_net_update_takes(struct virtio_net *s)
{
    static const struct {
        unsigned feature, takes;
    } rows[] = {
        { NET_F_GUEST_CSUM, NET_TAKES_CSUM }, { NET_F_GUEST_TSO4, NET_TAKES_TSO4 },
        { NET_F_GUEST_TSO6, NET_TAKES_TSO6 }, { NET_F_GUEST_ECN, NET_TAKES_ECN },
        { NET_F_GUEST_UFO, NET_TAKES_UFO },
    };
    unsigned takes = 0;

    for (unsigned i = 0; s->running && i < G_N_ELEMENTS(rows); i++) {
        takes |= s->guest_offloads & BIT(rows[i].feature) ? rows[i].takes : 0;
    }
    net_set_takes(&s->nic.client, takes);
}

/* A driver begins with all that it accepted. */
static void net_status_changed(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    if (!s->running) {
        s->guest_offloads = v->features & GUEST_OFFLOADS;
    }
    s->running = (v->status & VIRTIO_DRIVER_OK) != 0;
    if (s->nic.client.machine) {
        virtio_net_update_takes(s);
    }
}

/* The driver is asked to tell the switches where it is (5.1.6.5.4). */
static void ask_to_announce(struct virtio_net *s)
{
    s->announcing = s->running && virtio_has(&s->v, NET_F_GUEST_ANNOUNCE);
}

static void tell_status(struct virtio_net *s)
{
    virtio_net_fill_status(s);
    virtio_config_changed(&s->v);
}

static void net_link_changed(struct net_client *c)
{
    struct virtio_net *s = virtio_net_of(c);

    if (s->v.dev && s->v.dev->realized) {
        if (nic_link_up(&s->nic)) {
            ask_to_announce(s);
        }
        tell_status(s);
    }
}

static void net_announce_card(struct net_client *c)
{
    struct virtio_net *s = virtio_net_of(c);

    net_send_rarp(c, s->mac);
    ask_to_announce(s);
    if (s->announcing) {
        tell_status(s);
    }
}

/* The rest of a burst, and after a load all that was waiting: drivers do not ask again for that. */
static void go_on(void *opaque)
{
    struct virtio_net *s = opaque;

    if (s->loaded) {
        s->loaded = false;
        net_announce_card(&s->nic.client);
        net_ready(&s->nic.client);
    }
    virtio_net_transmit_all(s);
}

static const struct net_ops net_client_ops = {
    .model = "virtio-net-pci",
    .card = true,
    .receive_offload = virtio_net_receive,
    .rx_filter = virtio_net_rx_filter,
    .announce = net_announce_card,
    .drained = net_drained,
    .link_changed = net_link_changed,
};

/* Only legacy drivers may write the address here (5.1.4.2). */
static void net_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    struct virtio_net *s = (struct virtio_net *)v;
    uint8_t mac[NET_MAC_BYTES];

    if (virtio_has(v, VIRTIO_F_VERSION_1) || off >= NET_MAC_BYTES || size > NET_MAC_BYTES - off) {
        return;
    }
    memcpy(mac, s->mac, NET_MAC_BYTES);
    for (unsigned i = 0; i < size; i++) {
        mac[off + i] = (uint8_t)(value >> 8 * i);
    }
    virtio_net_set_mac(s, mac);
}

/* A back end of one pair is enough for a driver that asks for several: so it is with QEMU. */
static uint16_t pairs_of(const struct virtio_net *s)
{
    unsigned n = s->mq && s->ctrl_vq && s->nic.netdev ? s->nic.netdev->queues : 1;

    return (uint16_t)CLAMP(n, 1, VIRTIO_NET_PAIRS);
}

static bool net_realize(struct virtio_device *v, GError **error)
{
    struct virtio_net *s = (struct virtio_net *)v;
    bool half = s->duplex && strcmp(s->duplex, "half") == 0;

    if (!virtio_net_check(s, error) || !nic_attach(&s->nic, v->dev, &net_client_ops, error)) {
        return false;
    }
    s->pairs = pairs_of(s);
    for (unsigned i = 0; i < s->pairs; i++) {
        virtio_add_queue(v, s->rx_size);
        virtio_add_queue(v, s->tx_size);
    }
    if (s->ctrl_vq) {
        virtio_add_queue(v, CONTROL_SIZE);
    }
    v->offered |= virtio_net_features(s);
    v->offered_legacy = s->csum && s->gso ? BIT(NET_F_GSO) : 0;
    s->frame = g_malloc(NET_FRAME_MAX);
    timer_init(&s->later, virtio_machine(v), CLOCK_KIND_VIRTUAL, go_on, s);
    virtio_net_set_mac(s, s->nic.mac);
    virtio_net_fill_status(s);
    virtio_config_put(v, CONFIG_PAIRS, s->pairs, 2);
    virtio_config_put(v, CONFIG_MTU, s->mtu, 2);
    virtio_config_put(v, CONFIG_SPEED, (uint32_t)s->speed, 4);
    virtio_config_put(v, CONFIG_DUPLEX, half ? 0 : s->duplex ? 1 : 0xff, 1);
    return true;
}

static bool net_plugged(struct virtio_device *v, GError **error)
{
    return boot_order_add(v->dev, v->dev, ((struct virtio_net *)v)->nic.bootindex,
                          "/ethernet-phy@0", error);
}

static void net_unrealize(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    boot_order_remove(v->dev);
    nic_detach(&s->nic);
    g_free(s->frame);
}

static void net_reset(struct virtio_device *v)
{
    struct virtio_net *s = (struct virtio_net *)v;

    timer_disarm(&s->later);
    s->running = false; /* whoever waited for room may send at once: it is lost */
    if (s->nic.client.machine) {
        net_purge(&s->nic.client);
    }
    virtio_net_drop_held(s);
    memset(s->mode, 0, sizeof(s->mode));
    s->mode[MODE_PROMISC] = 1;
    s->unicasts = s->multicasts = s->unicast_overflow = s->multicast_overflow = 0;
    memset(s->table, 0, sizeof(s->table));
    memset(s->vlans, 0, sizeof(s->vlans));
    s->used_pairs = 1;
    s->announcing = s->loaded = false;
    for (unsigned i = 0; i < FLOWS; i++) {
        s->flows[i] = (uint8_t)(i % s->pairs);
    }
    virtio_net_set_mac(s, s->nic.mac);
    virtio_net_fill_status(s);
}

static void net_pre_save(struct virtio_device *v)
{
    virtio_net_return_held((struct virtio_net *)v);
}

static bool net_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_net *s = (struct virtio_net *)v;

    if (s->unicasts + s->multicasts > (int)MAC_TABLE) {
        set_error(error, "%u and %u addresses are filtered, must be at most %u", s->unicasts,
                  s->multicasts, MAC_TABLE);
        return false;
    }
    if (s->used_pairs < 1 || s->used_pairs > s->pairs) {
        set_error(error, "%u pairs of queues are in use, must be 1 to %u", s->used_pairs, s->pairs);
        return false;
    }
    s->running = (v->status & VIRTIO_DRIVER_OK) != 0;
    s->guest_offloads &= v->features & GUEST_OFFLOADS;
    virtio_net_update_takes(s);
    virtio_net_set_mac(s, s->mac);
    virtio_net_fill_status(s);
    s->loaded = true;
    timer_arm(&s->later, clock_now(virtio_machine(v), CLOCK_KIND_VIRTUAL));
    return true;
}

static const struct virtio_ops net_ops = {
    .id = VIRTIO_ID_NET,
    .romfile = "efi-virtio.rom",
    .config_size = CONFIG_SIZE,
    .realize = net_realize,
    .plugged = net_plugged,
    .unrealize = net_unrealize,
    .reset = net_reset,
    .notified = net_notified,
    .status_changed = net_status_changed,
    .config_write = net_config_write,
    .pre_save = net_pre_save,
    .post_load = net_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_net_pci {
    struct virtio_pci proxy;
    struct virtio_net net;
};
struct virtio_net_device {
    struct virtio_mmio_device proxy;
    struct virtio_net net;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &net_ops, 0x0200, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &net_ops, error);
}

/* clang-format off */
#define NET_PROPS(strct)                                                                                              \
    NIC_PROPS(strct, net.nic),                                                                                        \
    PROP_BOOL(strct, "csum",                 net.csum,                  true, "checksums of what the guest sends may be left to us"),\
    PROP_BOOL(strct, "gso",                  net.gso,                   true, "segments, too, of drivers of before host_tso4"),\
    PROP_BOOL(strct, "host_tso4",            net.host_tso4,             true, "segments of TCP over IPv4 are made here"),\
    PROP_BOOL(strct, "host_tso6",            net.host_tso6,             true, "segments of TCP over IPv6 are made here"),\
    PROP_BOOL(strct, "host_ecn",             net.host_ecn,              true, "segments with ECN, too"),              \
    PROP_BOOL(strct, "host_ufo",             net.host_ufo,              true, "fragments of UDP are made here"),      \
    PROP_BOOL(strct, "guest_csum",           net.guest_csum,            true, "checksums may be left to the guest"),  \
    PROP_BOOL(strct, "guest_tso4",           net.guest_tso4,            true, "so may segments of TCP over IPv4"),    \
    PROP_BOOL(strct, "guest_tso6",           net.guest_tso6,            true, "so may segments of TCP over IPv6"),    \
    PROP_BOOL(strct, "guest_ecn",            net.guest_ecn,             true, "segments with ECN, too"),              \
    PROP_BOOL(strct, "guest_ufo",            net.guest_ufo,             true, "so may fragments of UDP"),             \
    PROP_BOOL(strct, "ctrl_guest_offloads",  net.ctrl_guest_offloads,   true, "the guest may change its mind about that"),\
    PROP_BOOL(strct, "guest_announce",       net.guest_announce,        true, "the guest is asked to tell switches where it is"),\
    PROP_BOOL(strct, "mrg_rxbuf",            net.mrg_rxbuf,             true, "a frame may take several buffers"),    \
    PROP_BOOL(strct, "status",               net.status,                true, "the guest sees the link's state"),     \
    PROP_BOOL(strct, "ctrl_vq",              net.ctrl_vq,               true, "a control queue"),                     \
    PROP_BOOL(strct, "ctrl_rx",              net.ctrl_rx,               true, "filters by address"),                  \
    PROP_BOOL(strct, "ctrl_vlan",            net.ctrl_vlan,             true, "filters by VLAN"),                     \
    PROP_BOOL(strct, "ctrl_rx_extra",        net.ctrl_rx_extra,         true, "more modes of filters"),               \
    PROP_BOOL(strct, "ctrl_mac_addr",        net.ctrl_mac_addr,         true, "the guest may change the address"),    \
    PROP_BOOL(strct, "mq",                   net.mq,                    false, "as many pairs of queues as the netdev has"),\
    PROP_BOOL(strct, "failover",             net.failover,              false, "must be off"),                        \
    PROP_U16(strct, "host_mtu",              net.mtu,        0,    "the MTU that the guest is told; 0: none"),        \
    PROP_U16(strct, "rx_queue_size",         net.rx_size,    256,  "entries of a receive queue"),                     \
    PROP_U16(strct, "tx_queue_size",         net.tx_size,    256,  "entries of a transmit queue"),                    \
    PROP_I32(strct, "speed",                 net.speed,      -1,   "Mbit/s that the guest is told; -1: none"),        \
    PROP_STRING(strct, "duplex",             net.duplex,     NULL, "half or full, beside speed"),                     \
    PROP_STRING(strct, "tx",                 net.tx,         NULL, "bh: frames are sent when the guest says so")
/* clang-format on */

static const struct state_row net_state[] = {
    STATE_BUF(struct virtio_net, mac, 1, "the address now"),
    STATE_BUF(struct virtio_net, mode, 1, "promiscuous, all multicast, ... (5.1.6.5.1)"),
    STATE_INT(struct virtio_net, unicasts, 1, "addresses in the table"),
    STATE_INT(struct virtio_net, multicasts, 1, "and behind them"),
    STATE_INT(struct virtio_net, unicast_overflow, 1, "too many for the table: all pass"),
    STATE_INT(struct virtio_net, multicast_overflow, 1, "too many for the table: all pass"),
    STATE_BUF(struct virtio_net, table, 1, "filtered addresses"),
    STATE_BUF(struct virtio_net, vlans, 1, "VLANs that pass, a bit for each"),
    STATE_INT(struct virtio_net, guest_offloads, 1, "what may be left to the guest now"),
    STATE_INT(struct virtio_net, used_pairs, 1, "pairs of queues in use"),
    STATE_INT(struct virtio_net, announcing, 1, "the driver was asked to announce itself"),
    { 0 },
};
#define NET_STATE(strct) STATE_SUB(strct, net, 1, net_state, 1, "network card")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_net_pci, proxy, net.v),
    NET_PROPS(struct virtio_net_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_net_pci, proxy, net.v),
    NET_PROPS(struct virtio_net_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_net_device, net.v),
    NET_PROPS(struct virtio_net_device),
    { 0 },
};
static const struct state_row pci_state[] = { VIRTIO_PCI_STATE(struct virtio_net_pci, proxy, net.v),
                                              NET_STATE(struct virtio_net_pci),
                                              { 0 } };
static const struct state_row mmio_state[] = { VIRTIO_STATE(struct virtio_net_device, net.v),
                                               NET_STATE(struct virtio_net_device),
                                               { 0 } };

VIRTIO_PCI_TYPES(virtio_net, "virtio-net", "virtio network card", struct virtio_net_pci, net,
                 pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_net_device_type, "virtio-net-device", "virtio network card",
                 struct virtio_net_device, net, mmio_props, mmio_state, mmio_realize);
