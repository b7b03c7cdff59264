/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000_rx.c: filters and the receive ring (3.2).
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "softmmu/dma.h"

enum { STA_DD = 0x01, STA_EOP = 0x02, STA_IXSM = 0x04, CRC_BYTES = 4, FRAME_LEAST = 60 };
#define LONG_FRAME 1522u /* with its CRC */

struct rx_desc {
    uint64_t addr;
    uint16_t len, checksum;
    uint8_t status, errors;
    uint16_t special;
};

static uint32_t buffer_size(uint32_t rctl)
{
    uint32_t size = 2048u >> (rctl >> 16 & 3);

    return rctl & RCTL_BSEX && size < 2048 ? size * 16 : size;
}

static bool matches_exactly(struct e1000 *s, const uint8_t *mac)
{
    for (unsigned at = RAL; at < RA_END; at += 8) {
        uint32_t low = *e1000_reg(s, at), high = *e1000_reg(s, at + 4);

        if (high & RAH_AV &&
            low == (mac[0] | mac[1] << 8 | mac[2] << 16 | (uint32_t)mac[3] << 24) &&
            (high & 0xffff) == (uint32_t)(mac[4] | mac[5] << 8)) {
            return true;
        }
    }
    return false;
}

/* 13.4.22, 13.5.1: 12 bits of the address choose a bit of the table. */
static bool matches_multicast(struct e1000 *s, const uint8_t *mac)
{
    static const unsigned shifts[] = { 4, 3, 2, 0 };
    unsigned hash = (mac[5] << 8 | mac[4]) >> shifts[*e1000_reg(s, RCTL) >> 12 & 3] & 0xfff;

    return *e1000_reg(s, MTA + (hash >> 5) * 4) >> (hash & 31) & 1;
}

static bool passes_vlan(struct e1000 *s, const uint8_t *f)
{
    unsigned vid = (f[14] << 8 | f[15]) & 0xfff;

    return !(*e1000_reg(s, RCTL) & RCTL_VFE) || (f[12] << 8 | f[13]) != (int)*e1000_reg(s, VET) ||
           *e1000_reg(s, VFTA + (vid >> 5) * 4) >> (vid & 31) & 1;
}

static bool passes(struct e1000 *s, const uint8_t *f, size_t len)
{
    static const uint8_t broadcast[NET_MAC_BYTES] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint32_t rctl = *e1000_reg(s, RCTL);

    if ((len + CRC_BYTES > LONG_FRAME && !(rctl & RCTL_LPE)) || !passes_vlan(s, f)) {
        return false;
    }
    if (rctl & (f[0] & 1 ? RCTL_MPE : RCTL_UPE) || matches_exactly(s, f)) {
        return true;
    }
    if (memcmp(f, broadcast, sizeof(broadcast)) == 0) {
        return rctl & RCTL_BAM;
    }
    return f[0] & 1 && matches_multicast(s, f);
}

static void put_bytes(struct machine *m, uint64_t addr, const uint8_t *p, uint32_t len)
{
    for (uint32_t done = 0; done < len;) {
        uint32_t n = (uint32_t)MIN(len - done, 4096 - ((addr + done) & 4095));

        dma_store(m, addr + done, p + done, n);
        done += n;
    }
}

/* Frame and CRC, in as many descriptors as they take; the caller has counted them. */
static void store_frame(struct e1000 *s, const uint8_t *f, uint32_t len, uint64_t base, uint32_t n)
{
    struct machine *m = s->pci.dev.machine;
    uint32_t size = buffer_size(*e1000_reg(s, RCTL)), *head = e1000_reg(s, RDH);

    for (uint32_t done = 0; done < len;) {
        uint64_t at = base + *head * (uint64_t)E1000_DESC_SIZE;
        uint32_t part = MIN(len - done, size);
        struct rx_desc d = { 0 };

        dma_load(m, at, &d, sizeof(d));
        put_bytes(m, d.addr, f + done, part);
        done += part;
        d.len = (uint16_t)part;
        d.checksum = 0;
        d.errors = 0;
        d.special = 0;
        d.status = STA_DD | STA_IXSM | (done == len ? STA_EOP : 0);
        dma_store(m, at + 8, &d.len, 8);
        *head = *head + 1 == n ? 0 : *head + 1;
    }
}

bool e1000_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct e1000 *s = e1000_of(c);
    uint32_t rctl = *e1000_reg(s, RCTL), n = *e1000_reg(s, RDLEN) / E1000_DESC_SIZE,
             causes = INT_RXT0;
    uint32_t head = *e1000_reg(s, RDH), tail = *e1000_reg(s, RDT), have, whole;
    uint64_t base = (uint64_t)*e1000_reg(s, RDBAH) << 32 | *e1000_reg(s, RDBAL);
    uint8_t copy[16384 + 64] = { 0 };

    if (!(rctl & RCTL_EN) || n == 0 || head >= n || tail >= n || len > 16384 ||
        !passes(s, frame, len)) {
        return true;
    }
    whole = (uint32_t)MAX(len, FRAME_LEAST) + (rctl & RCTL_SECRC ? 0 : CRC_BYTES);
    have = head <= tail ? tail - head : n - head + tail;
    if ((uint64_t)have * buffer_size(rctl) < whole) {
        e1000_interrupt(s, INT_RXO);
        return false;
    }
    memcpy(copy, frame, len); /* the CRC is zeroes: drivers strip it */
    store_frame(s, copy, whole, base, n);
    *e1000_reg(s, GPRC) += 1;
    *e1000_reg(s, TPR) += 1;
    have -= (whole + buffer_size(rctl) - 1) / buffer_size(rctl);
    if (have <= n >> (1 + (rctl >> 8 & 3))) {
        causes |= INT_RXDMT0;
    }
    e1000_interrupt(s, causes);
    return true;
}
