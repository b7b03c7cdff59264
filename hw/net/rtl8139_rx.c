/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/rtl8139_rx.c: filters, the ring of bytes, the C+ receive ring; see rtl8139.h.
 *
 * Invariants: CBR is below the ring's size and a multiple of 4; a frame that was taken never fills the ring, so
 *             that CBR == CAPR + 16 means empty.
 * Thread:     under the machine lock.
 */
#include "net/offload.h"
#include "hw/net/rtl8139.h"
#include "softmmu/dma.h"

/* clang-format off */
enum { RCR_AAP = 1, RCR_APM = 2, RCR_AM = 4, RCR_AB = 8, RCR_WRAP = 0x80 };
enum { HEAD = 4, CRC_BYTES = 4, FRAME_LEAST = 60, CAPR_LAG = 16 };
enum rx_status { RX_OK = 0x0001, RX_BROADCAST = 0x2000, RX_PHYSICAL = 0x4000, RX_MULTICAST = 0x8000 };
/* C+ descriptors, the first word */
enum { DESC_OWN = 1u << 31, DESC_EOR = 1 << 30, DESC_FIRST = 1 << 29, DESC_LAST = 1 << 28, DESC_MULTICAST = 1 << 26,
       DESC_PHYSICAL = 1 << 25, DESC_BROADCAST = 1 << 24, DESC_TCP = 1 << 16, DESC_UDP = 2 << 16, DESC_IP = 3 << 16,
       DESC_IP_BAD = 1 << 15, DESC_UDP_BAD = 1 << 14, DESC_TCP_BAD = 1 << 13 };
/* clang-format on */
#define DESC_SIZE   16u
#define DESC_LENGTH 0x1fffu
#define DESC_TAGGED 0x10000u /* the second word */

struct rx_desc {
    uint32_t status, vlan;
    uint64_t addr;
};

/* How a frame gets through: RX_BROADCAST, RX_PHYSICAL, RX_MULTICAST, or 0 with *passes. */
static unsigned filter(const struct rtl8139 *s, const uint8_t *f, bool *passes)
{
    uint32_t rcr = rtl_get(s, RCR, 4);
    unsigned hash = nic_hash(f), kind = 0;

    *passes = rcr & RCR_AAP;
    if (memcmp(f, nic_broadcast, NET_MAC_BYTES) == 0) {
        kind = RX_BROADCAST;
        *passes |= (rcr & RCR_AB) != 0;
    } else if (f[0] & 1) {
        kind = RX_MULTICAST;
        *passes |= rcr & RCR_AM && s->regs[MAR + hash / 8] >> hash % 8 & 1;
    } else if (memcmp(f, s->regs + IDR, NET_MAC_BYTES) == 0) {
        kind = RX_PHYSICAL;
        *passes |= (rcr & RCR_APM) != 0;
    }
    return kind;
}

/* The ring of bytes ----------------------------------------------------------------------------- */

static uint32_t ring_size(const struct rtl8139 *s)
{
    return 8192u << (rtl_get(s, RCR, 4) >> 11 & 3);
}

/* From the driver's place to ours. */
static uint32_t ring_used(const struct rtl8139 *s)
{
    return (rtl_get(s, CBR, 2) - (rtl_get(s, CAPR, 2) + CAPR_LAG)) & (ring_size(s) - 1);
}

bool rtl_ring_empty(const struct rtl8139 *s)
{
    return ring_used(s) == 0;
}

/* Behind the ring's end it goes on at its start, or with WRAP right on (64 KiB cannot). */
static void put_ring(struct rtl8139 *s, uint32_t at, const void *data, uint32_t len)
{
    struct machine *m = s->pci.dev.machine;
    uint32_t size = ring_size(s), base = rtl_get(s, RBSTART, 4), rcr = rtl_get(s, RCR, 4);
    uint32_t first = rcr & RCR_WRAP && size < 65536 ? len : MIN(len, size - at);

    nic_store(m, base + at, data, first);
    nic_store(m, base, (const uint8_t *)data + first, len - first);
}

static bool to_ring(struct rtl8139 *s, const uint8_t *frame, uint32_t len, unsigned kind)
{
    uint32_t size = ring_size(s), at = rtl_get(s, CBR, 2) & (size - 4);
    uint32_t need = (HEAD + len + CRC_BYTES + 3) & ~3u;
    uint16_t head[2] = { (uint16_t)(RX_OK | kind), (uint16_t)(len + CRC_BYTES) };
    const uint8_t crc[CRC_BYTES] = { 0 };

    if (need >= size) {
        return true; /* it never fits */
    }
    if (need >= size - ring_used(s)) {
        rtl_interrupt(s, INT_RXOVW);
        return false;
    }
    put_ring(s, at, head, HEAD);
    if (rtl_get(s, RCR, 4) & RCR_WRAP && size < 65536) {
        put_ring(s, at + HEAD, frame, len);
    } else {
        put_ring(s, (at + HEAD) & (size - 1), frame, len);
        put_ring(s, (at + HEAD + len) & (size - 1), crc, CRC_BYTES);
    }
    rtl_put(s, CBR, (at + need) & (size - 1), 2);
    rtl_interrupt(s, INT_ROK);
    return true;
}

/* C+ -------------------------------------------------------------------------------------------- */

static uint64_t desc_at(const struct rtl8139 *s, unsigned i)
{
    return ((uint64_t)rtl_get(s, RDSAR + 4, 4) << 32 | rtl_get(s, RDSAR, 4)) +
           i * (uint64_t)DESC_SIZE;
}

static bool load_desc(struct rtl8139 *s, unsigned i, struct rx_desc *d)
{
    return dma_load(s->pci.dev.machine, desc_at(s, i), d, sizeof(*d)) && d->status & DESC_OWN;
}

static unsigned behind(unsigned i, const struct rx_desc *d)
{
    return d->status & DESC_EOR || i + 1 >= RTL_RING ? 0 : i + 1;
}

/* There are descriptors for len bytes from the next on. */
static bool has_room(struct rtl8139 *s, uint32_t len)
{
    uint32_t room = 0;
    unsigned i = s->rx_at;

    for (unsigned n = 0; n < RTL_RING && room < len; n++) {
        struct rx_desc d;

        if (!load_desc(s, i, &d)) {
            return false;
        }
        room += d.status & DESC_LENGTH;
        i = behind(i, &d);
    }
    return room >= len;
}

static uint32_t sums_of(const struct rtl8139 *s, const uint8_t *frame, size_t len)
{
    struct offload_sums sums = { 0 };
    uint32_t v;

    if (rtl_get(s, CPCR, 2) & CPCR_SUMS) {
        offload_verify(frame, len, &sums);
    }
    if (sums.payload) {
        v = sums.udp ? DESC_UDP : DESC_TCP;
        v |= sums.payload_good ? 0 : sums.udp ? DESC_UDP_BAD : DESC_TCP_BAD;
    } else {
        v = sums.ip ? DESC_IP : 0;
    }
    return v | (sums.ip && !sums.ip_good ? DESC_IP_BAD : 0);
}

/* The frame and its CRC; status: what its last descriptor says. */
static void fill_descs(struct rtl8139 *s, const uint8_t *frame, uint32_t whole, uint32_t status,
                       uint32_t vlan)
{
    struct machine *m = s->pci.dev.machine;

    uint32_t done = 0;

    for (unsigned n = 0; n < RTL_RING && done < whole; n++) {
        struct rx_desc d;
        uint32_t part, word;

        if (!load_desc(s, s->rx_at, &d)) {
            return; /* a descriptor that lies in another's buffer */
        }
        part = MIN(whole - done, d.status & DESC_LENGTH);
        nic_store(m, d.addr, frame + done, part);
        word = (d.status & DESC_EOR) | (done == 0 ? DESC_FIRST : 0) | status;
        done += part;
        word |= done == whole ? DESC_LAST | (whole & DESC_LENGTH) : part;
        d.vlan = vlan;
        dma_store(m, desc_at(s, s->rx_at) + 4, &d.vlan, 4);
        dma_store(m, desc_at(s, s->rx_at), &word, 4);
        s->rx_at = (uint16_t)behind(s->rx_at, &d);
    }
}

static bool to_descs(struct rtl8139 *s, const uint8_t *frame, uint32_t len, unsigned kind)
{
    uint32_t status = sums_of(s, frame, len), vlan = 0, n = len;
    bool tagged = frame[12] == 0x81 && frame[13] == 0 && rtl_get(s, CPCR, 2) & CPCR_VLAN;

    status |= kind == RX_MULTICAST ? DESC_MULTICAST : 0;
    status |= kind == RX_PHYSICAL ? DESC_PHYSICAL : 0;
    status |= kind == RX_BROADCAST ? DESC_BROADCAST : 0;
    memmove(s->scratch, frame, len); /* looped back it may be there already */
    memset(s->scratch + len, 0, CRC_BYTES);
    if (tagged) {
        vlan = DESC_TAGGED | (uint32_t)frame[15] << 8 | frame[14];
        n = (uint32_t)offload_remove_tag(s->scratch, len);
        memset(s->scratch + n, 0, FRAME_LEAST + CRC_BYTES);
        n = MAX(n, FRAME_LEAST);
    }
    if (!has_room(s, n + CRC_BYTES)) {
        rtl_interrupt(s, INT_RXOVW);
        return false;
    }
    fill_descs(s, s->scratch, n + CRC_BYTES, status, vlan);
    rtl_interrupt(s, INT_ROK);
    return true;
}

bool rtl_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct rtl8139 *s = rtl_of(c);
    uint8_t padded[FRAME_LEAST] = { 0 };
    bool passes;
    unsigned kind = filter(s, frame, &passes);

    if (!(s->regs[CR] & CR_RE) || !passes || len > RTL_FRAME_MOST - CRC_BYTES) {
        return true;
    }
    if (len < FRAME_LEAST) {
        memcpy(padded, frame, len);
        frame = padded;
        len = FRAME_LEAST;
    }
    return rtl_get(s, CPCR, 2) & CPCR_RX ? to_descs(s, frame, (uint32_t)len, kind)
                                         : to_ring(s, frame, (uint32_t)len, kind);
}
