/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net_ctrl.c: the control queue: filters, address, pairs, offloads, announcements.
 * Source: VIRTIO 1.2, 5.1.6.5.  Invariants and thread: virtio_net.h.
 */
#include <string.h>
#include "hw/net/virtio_net.h"
#include "softmmu/event.h"
#include "softmmu/hotplug.h"

/* clang-format off */
enum control_class { CLASS_RX = 0, CLASS_MAC = 1, CLASS_VLAN = 2, CLASS_ANNOUNCE = 3, CLASS_PAIRS = 4,
                     CLASS_OFFLOADS = 5 };
/* clang-format on */
#define CONTROL_MOST 4096u /* bytes of a command */

static bool control_rx(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    if (command >= MODES || len != 1 ||
        !virtio_has(&s->v, command <= MODE_ALLMULTI ? NET_F_CTRL_RX : NET_F_CTRL_RX_EXTRA)) {
        return false;
    }
    s->mode[command] = data[0] != 0;
    return true;
}

/* A list of addresses: a count, then so many. False: it is cut. */
static bool take_macs(const uint8_t **data, size_t *len, const uint8_t **macs, size_t *n)
{
    uint32_t count;

    if (*len < sizeof(count)) {
        return false;
    }
    memcpy(&count, *data, sizeof(count));
    if (count > (*len - sizeof(count)) / NET_MAC_BYTES) {
        return false;
    }
    *macs = *data + sizeof(count);
    *n = count;
    *data = *macs + count * NET_MAC_BYTES;
    *len -= sizeof(count) + count * NET_MAC_BYTES;
    return true;
}

static bool control_mac(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    const uint8_t *uni, *multi;
    size_t n_uni, n_multi;

    if (command == 1) {
        if (len != NET_MAC_BYTES || !virtio_has(&s->v, NET_F_CTRL_MAC_ADDR)) {
            return false;
        }
        virtio_net_set_mac(s, data);
        return true;
    }
    if (command != 0 || !virtio_has(&s->v, NET_F_CTRL_RX) ||
        !take_macs(&data, &len, &uni, &n_uni) || !take_macs(&data, &len, &multi, &n_multi)) {
        return false;
    }
    s->unicast_overflow = n_uni > MAC_TABLE;
    s->unicasts = (uint8_t)(s->unicast_overflow ? 0 : n_uni);
    s->multicast_overflow = n_multi > MAC_TABLE - s->unicasts;
    s->multicasts = (uint8_t)(s->multicast_overflow ? 0 : n_multi);
    memcpy(s->table, uni, s->unicasts * NET_MAC_BYTES);
    memcpy(s->table + s->unicasts * NET_MAC_BYTES, multi, s->multicasts * NET_MAC_BYTES);
    return true;
}

static bool control_vlan(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    unsigned vid;

    if (command > 1 || len != 2 || !virtio_has(&s->v, NET_F_CTRL_VLAN)) {
        return false;
    }
    vid = data[0] | data[1] << 8;
    if (vid >= VLANS) {
        return false;
    }
    if (command == 0) {
        s->vlans[vid / 8] |= (uint8_t)(1u << vid % 8);
    } else {
        s->vlans[vid / 8] &= (uint8_t) ~(1u << vid % 8);
    }
    return true;
}

static bool control_announce(struct virtio_net *s, unsigned command, const uint8_t *data,
                             size_t len)
{
    (void)data;
    (void)len;
    if (command != 0 || !virtio_has(&s->v, NET_F_GUEST_ANNOUNCE)) {
        return false;
    }
    s->announcing = false;
    virtio_net_fill_status(s);
    return true;
}

static bool control_pairs(struct virtio_net *s, unsigned command, const uint8_t *data, size_t len)
{
    unsigned pairs;

    if (command != 0 || len != 2 || !virtio_has(&s->v, NET_F_MQ)) {
        return false;
    }
    pairs = data[0] | (unsigned)data[1] << 8;
    if (pairs < 1 || pairs > s->pairs) {
        return false;
    }
    s->used_pairs = (uint16_t)pairs;
    return true;
}

static bool control_offloads(struct virtio_net *s, unsigned command, const uint8_t *data,
                             size_t len)
{
    uint64_t offloads;

    if (command != 0 || len != sizeof(offloads) || !virtio_has(&s->v, NET_F_CTRL_GUEST_OFFLOADS)) {
        return false;
    }
    memcpy(&offloads, data, sizeof(offloads));
    if (offloads & ~(s->v.features & GUEST_OFFLOADS)) {
        return false;
    }
    s->guest_offloads = offloads;
    virtio_net_update_takes(s);
    return true;
}

/* A driver that cannot choose VLANs gets all. */
static const uint8_t every_vlan[VLANS / 8] = { [0 ... VLANS / 8 - 1] = 0xff };

void virtio_net_rx_filter(struct net_client *c, struct net_rx_filter *f)
{
    const struct virtio_net *s = virtio_net_of(c);
    bool chooses = virtio_has(&s->v, NET_F_CTRL_VLAN);

    *f = (struct net_rx_filter){
        .promiscuous = s->mode[MODE_PROMISC],
        .broadcast = !s->mode[MODE_NOBCAST],
        .unicast = s->mode[MODE_NOUNI]    ? NET_RX_NONE
                   : s->mode[MODE_ALLUNI] ? NET_RX_ALL
                                          : NET_RX_NORMAL,
        .multicast = s->mode[MODE_NOMULTI]    ? NET_RX_NONE
                     : s->mode[MODE_ALLMULTI] ? NET_RX_ALL
                                              : NET_RX_NORMAL,
        .vlan = chooses ? NET_RX_NORMAL : NET_RX_ALL,
        .unicast_overflow = s->unicast_overflow,
        .multicast_overflow = s->multicast_overflow,
        .mac = s->mac,
        .unicasts = s->table,
        .multicasts = s->table + s->unicasts * NET_MAC_BYTES,
        .n_unicasts = s->unicasts,
        .n_multicasts = s->multicasts,
        .vlans = chooses ? s->vlans : every_vlan,
    };
}

/* Once, until somebody looks at it. */
static void tell_filter(struct virtio_net *s)
{
    struct device *dev = s->v.dev;
    g_autofree char *path = device_qdev_id(dev);

    if (!s->nic.client.filter_told) {
        s->nic.client.filter_told = true;
        event_emit(dev->machine, EVENT_NIC_RX_FILTER_CHANGED,
                   json_pack("{s:s*, s:s}", "name", dev->id, "path", path));
    }
}

static bool control(struct virtio_net *s, const uint8_t *data, size_t len)
{
    static bool (*const classes[])(struct virtio_net *, unsigned, const uint8_t *, size_t) = {
        [CLASS_RX] = control_rx,       [CLASS_MAC] = control_mac,
        [CLASS_VLAN] = control_vlan,   [CLASS_ANNOUNCE] = control_announce,
        [CLASS_PAIRS] = control_pairs, [CLASS_OFFLOADS] = control_offloads,
    };

    if (len < 2 || data[0] >= G_N_ELEMENTS(classes) ||
        !classes[data[0]](s, data[1], data + 2, len - 2)) {
        return false;
    }
    if (data[0] <= CLASS_VLAN) {
        tell_filter(s);
    }
    return true;
}

void virtio_net_control(struct virtio_net *s, struct virtio_queue *vq)
{
    struct virtio_element *e;
    uint8_t data[CONTROL_MOST];

    while ((e = virtqueue_pop(vq))) {
        size_t len = dma_list_read(&e->out, 0, data, sizeof(data));
        uint8_t refused = e->out.bytes > sizeof(data) || !control(s, data, len);

        if (e->in.bytes == 0) {
            virtio_error(&s->v, "a command without a place for its answer");
            virtqueue_drop(e);
            return;
        }
        dma_list_write(&e->in, virtio_machine(&s->v), 0, &refused, 1);
        virtqueue_push(e, 1);
    }
    virtqueue_notify(vq);
    net_ready(&s->nic.client);
}
