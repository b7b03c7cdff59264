/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/virtio_net_features.c: properties that are checked, and the features that they make.
 * Source: VIRTIO 1.2, 5.1.3.  Invariants and thread: virtio_net.h.
 */
#include <string.h>
#include "hw/net/virtio_net.h"
#include "util/error.h"

#define MTU_LEAST 68u

static bool check_size(const struct virtio_net *s, const char *what, unsigned size, GError **error)
{
    if (size < 64 || size > VIRTIO_MAX_SIZE || size & (size - 1)) {
        set_error(error, "%s: %s is %u, must be a power of two from 64 to %u", s->v.dev->type->name,
                  what, size, VIRTIO_MAX_SIZE);
        return false;
    }
    return true;
}

static bool check_choice(const struct virtio_net *s, const char *what, const char *value,
                         const char *const *allowed, GError **error)
{
    g_autofree char *all = g_strjoinv(" or ", (char **)allowed);

    if (value && !g_strv_contains(allowed, value)) {
        set_error(error, "%s: %s is '%s', must be %s", s->v.dev->type->name, what, value, all);
        return false;
    }
    return true;
}

bool virtio_net_check(const struct virtio_net *s, GError **error)
{
    static const char *const duplexes[] = { "half", "full", NULL }, *const ways[] = { "bh", NULL };
    const char *name = s->v.dev->type->name;

    if (s->speed < -1) {
        set_error(error, "%s: speed is %d, must be 0 to 2147483647 Mbit/s, or -1", name, s->speed);
        return false;
    }
    if (s->mtu && s->mtu < MTU_LEAST) {
        set_error(error, "%s: host_mtu is %u, must be 0 or %u to 65535", name, s->mtu, MTU_LEAST);
        return false;
    }
    if (s->failover) {
        set_error(error, "%s: failover=on is not supported; leave it out", name);
        return false;
    }
    return check_size(s, "rx_queue_size", s->rx_size, error) &&
           check_size(s, "tx_queue_size", s->tx_size, error) &&
           check_choice(s, "duplex", s->duplex, duplexes, error) &&
           check_choice(s, "tx", s->tx, ways, error);
}

uint64_t virtio_net_features(const struct virtio_net *s)
{
    const bool ctrl = s->ctrl_vq, guest = s->guest_csum;
    const struct {
        bool on;
        unsigned bit;
    } rows[] = {
        /* clang-format off */
        { s->csum,                       NET_F_CSUM },         { s->csum && s->host_tso4, NET_F_HOST_TSO4 },
        { s->csum && s->host_tso6,       NET_F_HOST_TSO6 },    { s->csum && s->host_ecn,  NET_F_HOST_ECN },
        { s->csum && s->host_ufo,        NET_F_HOST_UFO },     { guest,                   NET_F_GUEST_CSUM },
        { guest && s->guest_tso4,        NET_F_GUEST_TSO4 },   { guest && s->guest_tso6,  NET_F_GUEST_TSO6 },
        { guest && s->guest_ecn,         NET_F_GUEST_ECN },    { guest && s->guest_ufo,   NET_F_GUEST_UFO },
        { s->mrg_rxbuf,                  NET_F_MRG_RXBUF },    { s->status,               NET_F_STATUS },
        { ctrl,                          NET_F_CTRL_VQ },      { ctrl && s->ctrl_rx,      NET_F_CTRL_RX },
        { ctrl && s->ctrl_vlan,          NET_F_CTRL_VLAN },    { ctrl && s->ctrl_rx_extra, NET_F_CTRL_RX_EXTRA },
        { ctrl && s->ctrl_mac_addr,      NET_F_CTRL_MAC_ADDR }, { ctrl && s->mq,          NET_F_MQ },
        { ctrl && s->guest_announce,     NET_F_GUEST_ANNOUNCE },
        { ctrl && s->ctrl_guest_offloads, NET_F_CTRL_GUEST_OFFLOADS },
        { s->mtu != 0,                   NET_F_MTU },          { s->speed >= 0,           NET_F_SPEED_DUPLEX },
        { true,                          NET_F_MAC },
        /* clang-format on */
    };
    uint64_t features = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        features |= rows[i].on ? BIT(rows[i].bit) : 0;
    }
    return features;
}
