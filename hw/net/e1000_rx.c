/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000_rx.c: filters and the receive ring (3.2); extended and packet split descriptors (82574, 7.1).
 *
 * Of a frame that is split the headers are not told apart: it fills the descriptor's buffers in order.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "net/offload.h"
#include "softmmu/dma.h"

/* clang-format off */
enum { CRC_BYTES = 4, FRAME_LEAST = 60, TAG_BYTES = 4 };
enum rx_status { STA_DD = 0x01, STA_EOP = 0x02, STA_IXSM = 0x04, STA_VP = 0x08, STA_UDPCS = 0x10, STA_TCPCS = 0x20,
                 STA_IPCS = 0x40 };
enum rx_error { ERR_TCPE = 0x20, ERR_IPE = 0x40 };
enum { DTYP_LEGACY = 0, DTYP_SPLIT = 1, SPLIT_BUFFERS = 4, DESC_MOST = 32 };
/* clang-format on */
#define LONG_FRAME 1522u /* with its CRC */

struct rx_layout {
    bool extended;
    unsigned desc_size, buffers;
    uint32_t size[SPLIT_BUFFERS], room; /* of a descriptor: bytes of each buffer, and of all */
};

/* A frame on its way in. */
struct rx_frame {
    uint8_t data[16384 + 64]; /* with zeroes for its CRC: drivers strip it */
    uint32_t len;
    uint8_t status, errors;
    uint16_t tag;
};

static uint32_t buffer_size(const struct e1000 *s, uint32_t rctl)
{
    uint32_t size = 2048u >> (rctl >> 16 & 3), flexible = rctl >> 27 & 15;

    if (s->model->express && flexible) {
        return flexible << 10;
    }
    return rctl & RCTL_BSEX && size < 2048 ? size * 16 : size;
}

static void find_layout(struct e1000 *s, struct rx_layout *l)
{
    uint32_t rctl = *e1000_reg(s, RCTL), split = *e1000_reg(s, PSRCTL);

    *l = (struct rx_layout){ .desc_size = E1000_DESC_SIZE, .buffers = 1 };
    l->extended = s->model->express && *e1000_reg(s, RFCTL) & RFCTL_EXT;
    l->size[0] = buffer_size(s, rctl);
    if (l->extended && (rctl >> 10 & 3) == DTYP_SPLIT) {
        l->desc_size = DESC_MOST;
        l->buffers = SPLIT_BUFFERS;
        l->size[0] = (split & 0x7f) << 7;
        for (unsigned i = 1; i < SPLIT_BUFFERS; i++) {
            l->size[i] = (split >> 8 * i & 0x3f) << 10;
        }
    }
    for (unsigned i = 0; i < l->buffers; i++) {
        l->room += l->size[i];
    }
}

/* Filters --------------------------------------------------------------------------------------- */

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

static bool is_tagged(struct e1000 *s, const uint8_t *f, size_t len)
{
    return len >= NET_FRAME_MIN + TAG_BYTES && (uint32_t)(f[12] << 8 | f[13]) == *e1000_reg(s, VET);
}

static bool passes_vlan(struct e1000 *s, const uint8_t *f, size_t len)
{
    unsigned vid;

    if (!(*e1000_reg(s, RCTL) & RCTL_VFE) || !is_tagged(s, f, len)) {
        return true;
    }
    vid = (f[14] << 8 | f[15]) & 0xfff;
    return *e1000_reg(s, VFTA + (vid >> 5) * 4) >> (vid & 31) & 1;
}

static bool passes(struct e1000 *s, const uint8_t *f, size_t len)
{
    uint32_t rctl = *e1000_reg(s, RCTL);

    if ((len + CRC_BYTES > LONG_FRAME && !(rctl & RCTL_LPE)) || !passes_vlan(s, f, len)) {
        return false;
    }
    if (rctl & (f[0] & 1 ? RCTL_MPE : RCTL_UPE) || matches_exactly(s, f)) {
        return true;
    }
    if (memcmp(f, nic_broadcast, sizeof(nic_broadcast)) == 0) {
        return rctl & RCTL_BAM;
    }
    return f[0] & 1 && matches_multicast(s, f);
}

/* The ring -------------------------------------------------------------------------------------- */

/* RXCSUM chooses what is summed up (13.4.40, 82574 10.2.5.15). */
static void check_sums(struct e1000 *s, struct rx_frame *f, const uint8_t *frame, size_t len)
{
    uint32_t rxcsum = *e1000_reg(s, RXCSUM);
    struct offload_sums sums = { 0 };

    if (rxcsum & (RXCSUM_IP | RXCSUM_TU)) {
        offload_verify(frame, len, &sums);
    }
    if (sums.ip && rxcsum & RXCSUM_IP) {
        f->status |= STA_IPCS;
        f->errors |= sums.ip_good ? 0 : ERR_IPE;
    }
    if (sums.payload && rxcsum & RXCSUM_TU) {
        f->status |= sums.udp && s->model->express ? STA_UDPCS : STA_TCPCS;
        f->errors |= sums.payload_good ? 0 : ERR_TCPE;
    }
    if (!(f->status & (STA_IPCS | STA_TCPCS | STA_UDPCS))) {
        f->status |= STA_IXSM;
    }
}

static void prepare(struct e1000 *s, struct rx_frame *f, const uint8_t *frame, size_t len)
{
    uint32_t more = *e1000_reg(s, RCTL) & RCTL_SECRC ? 0 : CRC_BYTES;

    f->status = f->errors = 0;
    f->tag = 0;
    check_sums(s, f, frame, len);
    memcpy(f->data, frame, len);
    f->len = (uint32_t)len;
    if (*e1000_reg(s, CTRL) & CTRL_VME && is_tagged(s, frame, len)) {
        f->tag = (uint16_t)(frame[14] << 8 | frame[15]);
        f->status |= STA_VP;
        f->len = (uint32_t)offload_remove_tag(f->data, len);
    }
    more += f->len < FRAME_LEAST ? FRAME_LEAST - f->len : 0;
    memset(f->data + f->len, 0, more);
    f->len += more;
}

/* Fills a descriptor's buffers from f->data + done on; how many bytes, and of each. */
static uint32_t fill(struct e1000 *s, const struct rx_layout *l, const struct rx_frame *f,
                     uint32_t done, const uint8_t *desc, uint16_t lengths[SPLIT_BUFFERS])
{
    uint32_t before = done;

    for (unsigned i = 0; i < l->buffers; i++) {
        uint32_t part = MIN(f->len - done, l->size[i]);
        uint64_t addr;

        memcpy(&addr, desc + 8 * i, sizeof(addr));
        nic_store(s->pci.dev.machine, addr, f->data + done, part);
        lengths[i] = (uint16_t)part;
        done += part;
    }
    return done - before;
}

static void write_back(struct e1000 *s, const struct rx_layout *l, const struct rx_frame *f,
                       uint64_t at, uint8_t status, const uint16_t lengths[SPLIT_BUFFERS])
{
    struct machine *m = s->pci.dev.machine;
    const uint32_t whole = status | (uint32_t)f->errors << 24;
    const uint8_t zeroes[8] = { 0 };

    if (!l->extended) {
        const uint16_t legacy[4] = { lengths[0], 0, (uint16_t)(status | f->errors << 8), f->tag };

        dma_store(m, at + 8, legacy, sizeof(legacy));
        return;
    }
    if (l->buffers > 1) {
        const uint16_t rest[4] = { 0, lengths[1], lengths[2], lengths[3] };

        dma_store(m, at + 16, rest, sizeof(rest));
    }
    dma_store(m, at, zeroes, sizeof(zeroes)); /* no hash */
    dma_store(m, at + 12, (const uint16_t[]){ lengths[0], f->tag }, 4);
    dma_store(m, at + 8, &whole, sizeof(whole));
}

/* In as many descriptors as it takes; the caller has counted them. */
static void store_frame(struct e1000 *s, const struct rx_layout *l, const struct rx_frame *f,
                        uint32_t n)
{
    uint64_t base = (uint64_t)*e1000_reg(s, RDBAH) << 32 | *e1000_reg(s, RDBAL);
    uint32_t *head = e1000_reg(s, RDH);

    for (uint32_t done = 0; done < f->len;) {
        uint64_t at = base + *head * (uint64_t)l->desc_size;
        uint8_t desc[DESC_MOST] = { 0 };
        uint16_t lengths[SPLIT_BUFFERS] = { 0 };

        nic_load(s->pci.dev.machine, at, desc, l->desc_size);
        done += fill(s, l, f, done, desc, lengths);
        write_back(s, l, f, at, done == f->len ? (uint8_t)(f->status | STA_DD | STA_EOP) : STA_DD,
                   lengths);
        *head = *head + 1 == n ? 0 : *head + 1;
    }
}

bool e1000_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct e1000 *s = e1000_of(c);
    uint32_t rctl = *e1000_reg(s, RCTL), causes = INT_RXT0 | INT_RXQ0, have, n;
    uint32_t head = *e1000_reg(s, RDH), tail = *e1000_reg(s, RDT);
    struct rx_layout l;
    struct rx_frame f;

    find_layout(s, &l);
    n = *e1000_reg(s, RDLEN) / l.desc_size;
    if (!(rctl & RCTL_EN) || n == 0 || head >= n || tail >= n || len > 16384 || l.room == 0 ||
        !passes(s, frame, len)) {
        return true;
    }
    prepare(s, &f, frame, len);
    have = head <= tail ? tail - head : n - head + tail;
    if ((uint64_t)have * l.room < f.len) {
        e1000_interrupt(s, INT_RXO);
        return false;
    }
    store_frame(s, &l, &f, n);
    *e1000_reg(s, GPRC) += 1;
    *e1000_reg(s, TPR) += 1;
    have -= (f.len + l.room - 1) / l.room;
    if (have <= n >> (1 + (rctl >> 8 & 3))) {
        causes |= INT_RXDMT0;
    }
    e1000_interrupt(s, causes);
    return true;
}
