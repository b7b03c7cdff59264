/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/rtl8139_tx.c: the four descriptors in registers, and the C+ transmit rings; see rtl8139.h.
 *
 * A C+ frame is sent when the card owns all of its descriptors: at most RTL_RING of them.
 * Thread: under the machine lock.
 */
#include "net/offload.h"
#include "hw/net/rtl8139.h"
#include "softmmu/dma.h"

/* clang-format off */
enum { DESC_OWN = 1u << 31, DESC_EOR = 1 << 30, DESC_FIRST = 1 << 29, DESC_LAST = 1 << 28, DESC_LARGE = 1 << 27,
       DESC_IP = 1 << 18, DESC_UDP = 1 << 17, DESC_TCP = 1 << 16 };
/* clang-format on */
#define DESC_SIZE   16u
#define DESC_STATUS 0x0fff0000u /* what is the card's once it has sent */
#define DESC_TAG    0x20000u    /* the second word */
#define LOOPBACK    3u
#define VLAN_TYPE   0x8100u

struct tx_desc {
    uint32_t command, vlan;
    uint64_t addr;
};

static void emit(void *opaque, const uint8_t *frame, size_t len)
{
    struct rtl8139 *s = opaque;

    if ((rtl_get(s, TCR, 4) >> 17 & 3) == LOOPBACK) {
        rtl_receive(&s->nic.client, frame, len);
    } else {
        net_send(&s->nic.client, frame, len);
    }
}

void rtl_transmit(struct rtl8139 *s)
{
    bool sent = false;

    if (s->transmitting || !(s->regs[CR] & CR_TE) || rtl_get(s, CPCR, 2) & CPCR_TX) {
        return;
    }
    s->transmitting = true;
    for (unsigned n = 0; n < RTL_SLOTS && net_can_send(&s->nic.client); n++) {
        unsigned at = TSD + 4u * s->slot;
        uint32_t v = rtl_get(s, at, 4), len = v & TSD_SIZE;

        if (v & TSD_OWN) {
            break;
        }
        nic_load(s->pci.dev.machine, rtl_get(s, TSAD + 4u * s->slot, 4), s->frame, len);
        emit(s, s->frame, len);
        rtl_put(s, at, v | TSD_OWN | TSD_TOK, 4);
        s->slot = (uint8_t)((s->slot + 1) % RTL_SLOTS);
        sent = true;
    }
    s->transmitting = false;
    if (sent) {
        rtl_interrupt(s, INT_TOK);
    }
}

/* C+ -------------------------------------------------------------------------------------------- */

static uint64_t desc_at(const struct rtl8139 *s, unsigned queue, unsigned i)
{
    unsigned reg = queue ? THPDS : TNPDS;

    return ((uint64_t)rtl_get(s, reg + 4, 4) << 32 | rtl_get(s, reg, 4)) + i * (uint64_t)DESC_SIZE;
}

static unsigned behind(unsigned i, const struct tx_desc *d)
{
    return d->command & DESC_EOR || i + 1 >= RTL_RING ? 0 : i + 1;
}

/* first: the frame's first descriptor; its options count. */
static void send_frame(struct rtl8139 *s, size_t len, const struct tx_desc *first)
{
    uint32_t c = first->command;
    struct offload_sums sums = { .ip = c & DESC_IP };

    if (first->vlan & DESC_TAG && len >= NET_FRAME_MIN) {
        uint16_t tag = (uint16_t)(first->vlan << 8 | (first->vlan >> 8 & 0xff));

        len = offload_insert_tag(s->frame, len, VLAN_TYPE, tag);
    }
    if (c & DESC_LARGE) {
        offload_segment(s->frame, len, c >> 16 & 0x7ff, s->scratch, emit, s);
        return;
    }
    if (c & (DESC_IP | DESC_UDP | DESC_TCP)) {
        sums.payload = c & (DESC_UDP | DESC_TCP);
        sums.udp = c & DESC_UDP;
        offload_sum_up(s->frame, len, sums);
    }
    emit(s, s->frame, len);
}

/* Gathers the frame whose first descriptor is the queue's next: how many it has; 0: not all are the card's. */
static unsigned gather(struct rtl8139 *s, unsigned queue, size_t *len, struct tx_desc *first)
{
    unsigned i = s->tx_at[queue];

    *len = 0;
    for (unsigned n = 1; n <= RTL_RING; n++) {
        struct tx_desc d;
        size_t part;

        if (!dma_load(s->pci.dev.machine, desc_at(s, queue, i), &d, sizeof(d)) ||
            !(d.command & DESC_OWN)) {
            return 0;
        }
        *first = n == 1 ? d : *first;
        part = MIN(d.command & 0xffff, NET_FRAME_MAX - *len);
        nic_load(s->pci.dev.machine, d.addr, s->frame + *len, part);
        *len += part;
        if (d.command & DESC_LAST) {
            return n;
        }
        i = behind(i, &d);
    }
    return 0; /* round the ring, and no end */
}

static void give_back(struct rtl8139 *s, unsigned queue, unsigned n)
{
    while (n-- > 0) {
        uint64_t at = desc_at(s, queue, s->tx_at[queue]);
        struct tx_desc d;

        if (!dma_load(s->pci.dev.machine, at, &d, sizeof(d))) {
            return;
        }
        s->tx_at[queue] = (uint16_t)behind(s->tx_at[queue], &d);
        d.command &= ~(DESC_OWN | DESC_STATUS);
        dma_store(s->pci.dev.machine, at, &d.command, 4);
    }
}

static uint16_t run_queue(struct rtl8139 *s, unsigned queue)
{
    uint16_t causes = INT_TDU;
    struct tx_desc first;
    unsigned n;
    size_t len;

    /* No more frames than a ring has: a ring may lie where OWN stays. */
    for (unsigned turn = 0; turn < RTL_RING && net_can_send(&s->nic.client); turn++) {
        n = gather(s, queue, &len, &first);
        if (n == 0) {
            break;
        }
        give_back(s, queue, n);
        send_frame(s, len, &first);
        causes |= INT_TOK;
    }
    return causes;
}

void rtl_transmit_cplus(struct rtl8139 *s, unsigned polled)
{
    uint16_t causes = 0;

    if (s->transmitting || !(s->regs[CR] & CR_TE) || !(rtl_get(s, CPCR, 2) & CPCR_TX)) {
        return;
    }
    s->transmitting = true;
    causes |= polled & POLL_HIGH ? run_queue(s, 1) : 0;
    causes |= polled & POLL_NORMAL ? run_queue(s, 0) : 0;
    s->transmitting = false;
    if (causes & INT_TOK) {
        rtl_interrupt(s, causes);
    }
}
