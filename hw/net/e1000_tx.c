/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000_tx.c: the transmit ring: legacy, context and data descriptors (3.3, 3.4).
 *
 * A queue's frame is gathered until its last descriptor; what is larger than NET_FRAME_MAX is dropped.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"
#include "net/offload.h"
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

static void load_context(struct e1000_context *c, const struct tx_desc *d)
{
    *c = (struct e1000_context){
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
static void checksum(struct e1000_tx *t, unsigned start, unsigned at, unsigned end)
{
    size_t n = end && end < t->len ? end + 1u : t->len;

    if (at >= start) {
        offload_checksum(t->frame, n, start, at - start);
    }
}

static void insert_tag(struct e1000_tx *t, uint16_t vet)
{
    if (t->len >= NET_FRAME_MIN && t->len <= NET_FRAME_MAX - 4) {
        t->len = (uint32_t)offload_insert_tag(t->frame, t->len, vet, t->tag);
    }
}

static void send_frame(struct e1000 *s, struct e1000_tx *t)
{
    const struct e1000_context *c = &t->context;
    uint16_t vet = (uint16_t)*e1000_reg(s, VET);

    if (t->tse) {
        if (t->vlan) {
            insert_tag(t, vet);
        }
        offload_segment(t->frame, t->len, c->mss, s->scratch, emit, s);
        return;
    }
    if (t->ip) {
        checksum(t, c->ipcss, c->ipcso, c->ipcse);
    }
    if (t->tcp) {
        checksum(t, c->tucss, c->tucso, c->tucse);
    }
    if (t->cso) {
        checksum(t, t->css, t->cs_at, 0);
    }
    if (t->vlan) {
        insert_tag(t, vet);
    }
    emit(s, t->frame, t->len);
}

static void begin_frame(struct e1000_tx *t)
{
    t->len = 0;
    t->tse = t->ip = t->tcp = t->cso = t->vlan = false;
}

/* The bytes of a descriptor; what is not RAM reads as zeroes. */
static void gather(struct machine *m, struct e1000_tx *t, uint64_t addr, uint32_t len)
{
    if (t->len == TOO_LARGE || len > NET_FRAME_MAX - t->len) {
        t->len = TOO_LARGE;
        return;
    }
    nic_load(m, addr, t->frame + t->len, len);
    t->len += len;
}

static void run_desc(struct e1000 *s, struct e1000_tx *t, const struct tx_desc *d)
{
    unsigned cmd = d->lower >> 24;
    bool extended = cmd & CMD_DEXT, first = t->len == 0;

    if (extended && (d->lower >> 20 & 15) == DTYP_CONTEXT) {
        load_context(&t->context, d);
        return;
    }
    if (extended && first) { /* options count in the first one (3.3.7.3) */
        t->tse = (cmd & CMD_TSE) != 0;
        t->ip = d->upper >> 8 & POPTS_IXSM;
        t->tcp = (d->upper >> 8 & POPTS_TXSM) != 0;
    }
    gather(s->pci.dev.machine, t, d->addr, d->lower & (extended ? 0xfffff : 0xffff));
    if (!extended && cmd & CMD_IC) {
        t->cso = true;
        t->cs_at = (uint8_t)(d->lower >> 16);
        t->css = (uint8_t)(d->upper >> 8);
    }
    if (!(cmd & CMD_EOP)) {
        return;
    }
    t->vlan = cmd & CMD_VLE && *e1000_reg(s, CTRL) & CTRL_VME;
    t->tag = (uint16_t)(d->upper >> 16);
    if (t->len != TOO_LARGE) {
        send_frame(s, t);
    }
    begin_frame(t);
}

/* Causes of interrupts. */
static uint32_t run_queue(struct e1000 *s, unsigned q)
{
    struct machine *m = s->pci.dev.machine;
    unsigned at_queue = q * E1000_QUEUE;
    uint32_t n = *e1000_reg(s, TDLEN + at_queue) / E1000_DESC_SIZE, causes = 0;
    uint32_t *head = e1000_reg(s, TDH + at_queue);
    const uint32_t *tail = e1000_reg(s, TDT + at_queue);
    uint64_t base =
        (uint64_t)*e1000_reg(s, TDBAH + at_queue) << 32 | *e1000_reg(s, TDBAL + at_queue);

    if (*tail >= n) {
        return 0;
    }
    *head = *head < n ? *head : 0;
    while (*head != *tail && net_can_send(&s->nic.client)) {
        uint64_t at = base + *head * (uint64_t)E1000_DESC_SIZE;
        struct tx_desc d;

        if (!dma_load(m, at, &d, sizeof(d))) {
            *head = *tail; /* there is no ring */
            begin_frame(&s->tx[q]);
            break;
        }
        run_desc(s, &s->tx[q], &d);
        if (d.lower >> 24 & CMD_RS) {
            d.upper |= STA_DD;
            dma_store(m, at + 12, &d.upper, sizeof(d.upper));
            causes |= INT_TXDW | INT_TXQ0 << q;
        }
        *head = *head + 1 == n ? 0 : *head + 1;
    }
    return causes | (*head == *tail ? INT_TXQE : 0);
}

void e1000_transmit(struct e1000 *s)
{
    uint32_t causes = 0;

    if (!(*e1000_reg(s, TCTL) & TCTL_EN) || s->transmitting) {
        return;
    }
    s->transmitting = true;
    for (unsigned q = 0; q < s->model->queues; q++) {
        causes |= run_queue(s, q);
    }
    s->transmitting = false;
    e1000_interrupt(s, causes);
}
