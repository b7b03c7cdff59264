/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000_tx.c: the transmit ring: legacy, context and data descriptors (3.3, 3.4).
 *
 * A frame is gathered in s->tx until its last descriptor; what is larger than NET_FRAME_MAX is dropped.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "hw/net/offload.h"
#include "softmmu/dma.h"

/* clang-format off */
enum { CMD_EOP = 0x01, CMD_IC = 0x04, CMD_TSE = 0x04, CMD_RS = 0x08, CMD_DEXT = 0x20, CMD_VLE = 0x40 };
enum { POPTS_IXSM = 1, POPTS_TXSM = 2, STA_DD = 1, DTYP_CONTEXT = 0, DTYP_DATA = 1 };
/* clang-format on */
#define TOO_LARGE UINT32_MAX

struct tx_desc {
    uint64_t addr; /* or the first half of a context */
    uint32_t lower, upper;
};

static void load_context(struct e1000 *s, const struct tx_desc *d)
{
    s->context = (struct e1000_context){
        .ipcss = (uint8_t)d->addr,
        .ipcso = (uint8_t)(d->addr >> 8),
        .ipcse = (uint16_t)(d->addr >> 16),
        .tucss = (uint8_t)(d->addr >> 32),
        .tucso = (uint8_t)(d->addr >> 40),
        .tucse = (uint16_t)(d->addr >> 48),
        .hdrlen = (uint8_t)(d->upper >> 8),
        .mss = (uint16_t)(d->upper >> 16),
    };
}

static void emit(void *opaque, const uint8_t *segment, size_t len)
{
    struct e1000 *s = opaque;

    *e1000_reg(s, GPTC) += 1;
    *e1000_reg(s, TPT) += 1;
    net_send(&s->nic.client, segment, len);
}

/* end 0: the frame's. Fields out of the frame change nothing. */
static void checksum(uint8_t *frame, size_t len, unsigned start, unsigned at, unsigned end)
{
    size_t n = end && end < len ? end + 1u : len;

    if (at >= start) {
        offload_checksum(frame, n, start, at - start);
    }
}

/* The tag goes behind the addresses. */
static void insert_tag(struct e1000 *s)
{
    uint16_t vet = (uint16_t)*e1000_reg(s, VET);
    const uint8_t tag[4] = { (uint8_t)(vet >> 8), (uint8_t)vet, (uint8_t)(s->tx_tag >> 8),
                             (uint8_t)s->tx_tag };

    if (s->tx_len >= NET_FRAME_MIN && s->tx_len <= NET_FRAME_MAX - sizeof(tag)) {
        memmove(s->tx + 16, s->tx + 12, s->tx_len - 12);
        memcpy(s->tx + 12, tag, sizeof(tag));
        s->tx_len += sizeof(tag);
    }
}

static void send_frame(struct e1000 *s)
{
    const struct e1000_context *c = &s->context;

    if (s->tx_tse) {
        if (s->tx_vlan) {
            insert_tag(s);
        }
        offload_segment(s->tx, s->tx_len, c->mss, s->scratch, emit, s);
        return;
    }
    if (s->tx_ip) {
        checksum(s->tx, s->tx_len, c->ipcss, c->ipcso, c->ipcse);
    }
    if (s->tx_tcp) {
        checksum(s->tx, s->tx_len, c->tucss, c->tucso, c->tucse);
    }
    if (s->tx_cso) {
        checksum(s->tx, s->tx_len, s->tx_css, s->tx_cs_at, 0);
    }
    if (s->tx_vlan) {
        insert_tag(s);
    }
    emit(s, s->tx, s->tx_len);
}

static void begin_frame(struct e1000 *s)
{
    s->tx_len = 0;
    s->tx_tse = s->tx_ip = s->tx_tcp = s->tx_cso = s->tx_vlan = false;
}

/* The bytes of a descriptor; what is not RAM reads as zeroes. */
static void gather(struct e1000 *s, uint64_t addr, uint32_t len)
{
    struct machine *m = s->pci.dev.machine;

    if (s->tx_len == TOO_LARGE || len > NET_FRAME_MAX - s->tx_len) {
        s->tx_len = TOO_LARGE;
        return;
    }
    for (uint32_t done = 0; done < len;) {
        uint32_t n = (uint32_t)MIN(len - done, 4096 - ((addr + done) & 4095));

        if (!dma_load(m, addr + done, s->tx + s->tx_len + done, n)) {
            memset(s->tx + s->tx_len + done, 0, n);
        }
        done += n;
    }
    s->tx_len += len;
}

static void run_desc(struct e1000 *s, const struct tx_desc *d)
{
    unsigned cmd = d->lower >> 24;
    bool extended = cmd & CMD_DEXT, first = s->tx_len == 0;

    if (extended && (d->lower >> 20 & 15) == DTYP_CONTEXT) {
        load_context(s, d);
        return;
    }
    if (extended && first) { /* options count in the first one (3.3.7.3) */
        s->tx_tse = (cmd & CMD_TSE) != 0;
        s->tx_ip = d->upper >> 8 & POPTS_IXSM;
        s->tx_tcp = (d->upper >> 8 & POPTS_TXSM) != 0;
    }
    gather(s, d->addr, d->lower & (extended ? 0xfffff : 0xffff));
    if (!extended && cmd & CMD_IC) {
        s->tx_cso = true;
        s->tx_cs_at = (uint8_t)(d->lower >> 16);
        s->tx_css = (uint8_t)(d->upper >> 8);
    }
    if (!(cmd & CMD_EOP)) {
        return;
    }
    s->tx_vlan = cmd & CMD_VLE && *e1000_reg(s, CTRL) & CTRL_VME;
    s->tx_tag = (uint16_t)(d->upper >> 16);
    if (s->tx_len != TOO_LARGE) {
        send_frame(s);
    }
    begin_frame(s);
}

void e1000_transmit(struct e1000 *s)
{
    struct machine *m = s->pci.dev.machine;
    uint32_t n = *e1000_reg(s, TDLEN) / E1000_DESC_SIZE, *head = e1000_reg(s, TDH);
    uint64_t base = (uint64_t)*e1000_reg(s, TDBAH) << 32 | *e1000_reg(s, TDBAL);
    uint32_t causes = 0;

    if (!(*e1000_reg(s, TCTL) & TCTL_EN) || s->transmitting || *e1000_reg(s, TDT) >= n) {
        return;
    }
    *head = *head < n ? *head : 0;
    s->transmitting = true;
    while (*head != *e1000_reg(s, TDT) && net_can_send(&s->nic.client)) {
        uint64_t at = base + *head * (uint64_t)E1000_DESC_SIZE;
        struct tx_desc d;

        if (!dma_load(m, at, &d, sizeof(d))) {
            *head = *e1000_reg(s, TDT); /* there is no ring */
            begin_frame(s);
            break;
        }
        run_desc(s, &d);
        if (d.lower >> 24 & CMD_RS) {
            d.upper |= STA_DD;
            dma_store(m, at + 12, &d.upper, sizeof(d.upper));
            causes |= INT_TXDW;
        }
        *head = *head + 1 == n ? 0 : *head + 1;
    }
    s->transmitting = false;
    e1000_interrupt(s, causes | (*head == *e1000_reg(s, TDT) ? INT_TXQE : 0));
}
