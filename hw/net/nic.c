/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/net/nic.c: see nic.h.  Thread: under the machine lock. */
#include "hw/net/nic.h"

#include <string.h>
#include <zlib.h>
#include "softmmu/dma.h"
#include "util/error.h"

#define PAGE 4096u

const uint8_t nic_broadcast[NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

bool nic_attach(struct nic *n, struct device *dev, const struct net_ops *ops, GError **error)
{
    struct net_client *peer = n->netdev;

    if (n->mac_text && (!net_parse_mac(n->mac_text, n->mac) || n->mac[0] & 1)) {
        set_error(error,
                  "%s: mac is '%s', must be six bytes such as 52:54:00:12:34:56, not a group's",
                  dev->type->name, n->mac_text);
        return false;
    }
    if (peer && peer->peer) {
        set_error(error, "%s: netdev '%s' is in use by '%s'", dev->type->name, peer->name,
                  peer->peer->name);
        return false;
    }
    if (!n->mac_text) {
        net_default_mac(dev->machine, n->mac);
    }
    n->dev = dev;
    net_client_init(&n->client, dev->machine, ops, dev->id, NULL);
    net_set_info(&n->client, "model=%s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x", dev->type->name,
                 n->mac[0], n->mac[1], n->mac[2], n->mac[3], n->mac[4], n->mac[5]);
    return !peer || net_plug(&n->client, peer, error);
}

void nic_detach(struct nic *n)
{
    net_client_clear(&n->client);
}

void nic_announce(struct net_client *c)
{
    net_send_rarp(c, nic_of(c)->mac);
}

bool nic_link_up(const struct nic *n)
{
    return !n->client.link_down && !(n->client.peer && n->client.peer->link_down);
}

void nic_load(struct machine *m, uint64_t addr, void *buf, size_t len)
{
    uint8_t *p = buf;

    for (unsigned n; len > 0; addr += n, p += n, len -= n) {
        n = (unsigned)MIN(len, PAGE - (addr & (PAGE - 1)));
        if (!dma_load(m, addr, p, n)) {
            memset(p, 0, n);
        }
    }
}

void nic_store(struct machine *m, uint64_t addr, const void *buf, size_t len)
{
    const uint8_t *p = buf;

    for (unsigned n; len > 0; addr += n, p += n, len -= n) {
        n = (unsigned)MIN(len, PAGE - (addr & (PAGE - 1)));
        dma_store(m, addr, p, n);
    }
}

uint32_t nic_crc(const uint8_t *mac)
{
    return ~(uint32_t)crc32(0, mac, NET_MAC_BYTES);
}

unsigned nic_hash(const uint8_t *mac)
{
    uint32_t crc = nic_crc(mac);
    unsigned v = 0;

    for (unsigned i = 0; i < 6; i++) {
        v = v << 1 | (crc >> i & 1);
    }
    return v;
}
