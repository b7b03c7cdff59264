/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/nic.h: what network cards share: properties, address, their end of the cable.
 * Thread: under the machine lock.
 */
#ifndef HW_NET_NIC_H
#define HW_NET_NIC_H

#include "net/net.h"
#include "softmmu/device.h"

struct nic {
    struct net_client client;
    struct device *dev;
    struct net_client *netdev; /* property */
    char *mac_text;            /* property; NULL: the next default */
    int32_t bootindex;         /* property */
    uint8_t mac[NET_MAC_BYTES];
};

extern const uint8_t nic_broadcast[NET_MAC_BYTES];

#define NIC_PROPS(strct, member)                                                                   \
    PROP_NETDEV(strct, "netdev", member.netdev, "the id of a -netdev"),                            \
        PROP_STRING(strct, "mac", member.mac_text, NULL,                                           \
                    "address (default: 52:54:00:12:34:56 and what follows)"),                      \
        PROP_I32(strct, "bootindex", member.bootindex, -1, "place in the boot order; -1: none")

static inline struct nic *nic_of(struct net_client *c)
{
    return (struct nic *)((uint8_t *)c - offsetof(struct nic, client));
}

/* In realize: reads mac=, plugs into netdev=. Nothing is to be undone when it fails. */
bool nic_attach(struct nic *n, struct device *dev, const struct net_ops *ops, GError **error);
void nic_detach(struct nic *n);
/* net_ops.announce of cards whose guest knows nothing of it. */
void nic_announce(struct net_client *c);
/* Guest memory, in pieces of a page: what is not RAM reads as zeroes, and is not written. */
void nic_load(struct machine *m, uint64_t addr, void *buf, size_t len);
void nic_store(struct machine *m, uint64_t addr, const void *buf, size_t len);
/* The CRC-32 of an address as it is on the wire, lowest bit first, not inverted: for hashes of groups. */
uint32_t nic_crc(const uint8_t *mac);
/* The six highest bits of the same, highest first: as DP8390 and RTL8139 number their 64 filters. */
unsigned nic_hash(const uint8_t *mac);
/* What the guest is told: up also where nothing is plugged in. */
bool nic_link_up(const struct nic *n);

#endif
