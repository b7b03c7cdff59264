/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/net_drivers.h: the smallest driver of each card, as rows: tests that are the same for all of them.
 *
 * A driver begins without buffers for what arrives; it gives them one by one. Each has at most NET_DRIVER_RING frames
 * under way in each direction.
 * Thread: the test's.
 */
#ifndef TESTS_DEVICE_NET_DRIVERS_H
#define TESTS_DEVICE_NET_DRIVERS_H

#include "tests/device/net_rig.h"
#include "tests/device/virtio_rig.h"

/* clang-format off */
/* As hw/net/e1000.h and hw/net/rtl8139.h have them, which cannot both be included. */
enum { E1000_RCTL = 0x0100, E1000_TCTL = 0x0400, E1000_RDBAL = 0x2800, E1000_RDLEN = 0x2808, E1000_RDT = 0x2818,
       E1000_TDBAL = 0x3800, E1000_TDLEN = 0x3808, E1000_TDT = 0x3818 };
enum { RTL_TNPDS = 0x20, RTL_CR = 0x37, RTL_ISR = 0x3e, RTL_RCR = 0x44, RTL_TPPOLL = 0xd9, RTL_CPCR = 0xe0,
       RTL_RDSAR = 0xe4 };
enum { NE_CR = 0, NE_PSTART = 1, NE_PSTOP = 2, NE_BNRY = 3, NE_TPSR = 4, NE_TBCR = 5, NE_ISR = 7, NE_RSAR = 8, NE_RBCR = 10,
       NE_RCR = 12, NE_TCR = 13, NE_DCR = 14, NE_IMR = 15, NE_PAR = 1, NE_CURR = 7, NE_DATA = 16, NE_RESET = 31 };
/* clang-format on */

#define NET_DRIVER_RING  8u
#define NET_DRIVER_BAR   VIRTIO_RIG_BAR
#define NET_DRIVER_TX    0x400000u /* descriptors */
#define NET_DRIVER_RX    0x410000u
#define NET_DRIVER_TXBUF 0x500000u /* 4 KiB for each */
#define NET_DRIVER_RXBUF 0x600000u

struct net_driver {
    struct virtio_rig v; /* the machine, whatever the card */
    struct device *dev;
    unsigned given, taken, sent, done; /* buffers and frames since the start */
    unsigned page;                     /* ne2k_pci: the next of the ring */
};

struct net_driver_row {
    const char *card;
    unsigned sends;                                      /* frames at a time */
    void (*start)(struct net_driver *d);                 /* after a reset */
    void (*give)(struct net_driver *d, unsigned i);      /* buffer i; NULL: the card has its own */
    size_t (*arrived)(struct net_driver *d, unsigned i); /* bytes in buffer i; 0: not yet */
    void (*send)(struct net_driver *d, unsigned i, size_t len);
    bool (*sent)(struct net_driver *d, unsigned i); /* buffer i is the driver's again */
};

static inline void net_driver_put(struct net_driver *d, unsigned reg, uint32_t v, unsigned size)
{
    rig_store(d->v.r, NET_DRIVER_BAR + reg, v, size);
}

/* What all cards but virtio-net have: the BAR of registers. */
static inline void net_driver_map(struct net_driver *d, unsigned bar)
{
    uint8_t devfn = ((struct pci_device *)d->dev)->devfn;

    pci_rig_write(d->v.r, devfn, PCI_BAR0 + 4 * bar, NET_DRIVER_BAR, 4);
    pci_rig_write(d->v.r, devfn, PCI_COMMAND, 7, 2);
}

static inline void net_driver_clear_rings(struct net_driver *d)
{
    static const uint8_t zeroes[0x20000];

    rig_write(d->v.r, NET_DRIVER_TX, zeroes, sizeof(zeroes));
}

/* e1000, e1000e: legacy descriptors -------------------------------------------------------------- */

static inline void e1000_driver_start(struct net_driver *d)
{
    net_driver_map(d, 0);
    net_driver_clear_rings(d);
    net_driver_put(d, E1000_TDBAL, NET_DRIVER_TX, 4);
    net_driver_put(d, E1000_TDLEN, (NET_DRIVER_RING + 8) * 16,
                   4); /* a full ring looks like an empty one */
    net_driver_put(d, E1000_TCTL, 2, 4);
    net_driver_put(d, E1000_RDBAL, NET_DRIVER_RX, 4);
    net_driver_put(d, E1000_RDLEN, (NET_DRIVER_RING + 8) * 16, 4);
    net_driver_put(d, E1000_RCTL, 0x04008002, 4); /* enable, broadcasts, no CRC */
}

static inline unsigned e1000_driver_at(unsigned n)
{
    return n % (NET_DRIVER_RING + 8);
}

static inline void e1000_driver_give(struct net_driver *d, unsigned i)
{
    unsigned at = e1000_driver_at(d->given);

    rig_store(d->v.r, NET_DRIVER_RX + at * 16, NET_DRIVER_RXBUF + i * 0x1000, 8);
    rig_store(d->v.r, NET_DRIVER_RX + at * 16 + 8, 0, 8);
    net_driver_put(d, E1000_RDT, e1000_driver_at(d->given + 1), 4);
}

static inline size_t e1000_driver_arrived(struct net_driver *d, unsigned i)
{
    uint64_t v = rig_load(d->v.r, NET_DRIVER_RX + e1000_driver_at(d->taken) * 16 + 8, 8);

    (void)i;
    return v >> 32 & 1 ? v & 0xffff : 0;
}

static inline void e1000_driver_send(struct net_driver *d, unsigned i, size_t len)
{
    unsigned at = e1000_driver_at(d->sent);

    rig_store(d->v.r, NET_DRIVER_TX + at * 16, NET_DRIVER_TXBUF + i * 0x1000, 8);
    rig_store(d->v.r, NET_DRIVER_TX + at * 16 + 8, 0x09000000 | len, 8);
    net_driver_put(d, E1000_TDT, e1000_driver_at(d->sent + 1), 4);
}

static inline bool e1000_driver_sent(struct net_driver *d, unsigned i)
{
    (void)i;
    return rig_load(d->v.r, NET_DRIVER_TX + e1000_driver_at(d->done) * 16 + 12, 4) & 1;
}

/* rtl8139: C+ ------------------------------------------------------------------------------------ */

#define RTL_DRIVER_OWN 0x80000000u

static inline void rtl_driver_start(struct net_driver *d)
{
    net_driver_map(d, 1);
    net_driver_clear_rings(d);
    net_driver_put(d, RTL_CPCR, 3, 2);
    net_driver_put(d, RTL_TNPDS, NET_DRIVER_TX, 4);
    net_driver_put(d, RTL_RDSAR, NET_DRIVER_RX, 4);
    net_driver_put(d, RTL_RCR, 0x0e, 4); /* own address, groups, broadcasts */
    net_driver_put(d, RTL_CR, 0x0c, 1);
}

/* OWN comes last. */
static inline void rtl_driver_desc(struct net_driver *d, unsigned ring, unsigned i, uint32_t word,
                                   uint64_t addr)
{
    uint32_t end = i == NET_DRIVER_RING - 1 ? 0x40000000u : 0;

    rig_store(d->v.r, ring + i * 16 + 4, 0, 4);
    rig_store(d->v.r, ring + i * 16 + 8, addr, 8);
    rig_store(d->v.r, ring + i * 16, RTL_DRIVER_OWN | end | word, 4);
}

static inline void rtl_driver_give(struct net_driver *d, unsigned i)
{
    rtl_driver_desc(d, NET_DRIVER_RX, i, 0x1000, NET_DRIVER_RXBUF + i * 0x1000);
    net_driver_put(d, RTL_ISR, 0x10, 2);
}

static inline size_t rtl_driver_arrived(struct net_driver *d, unsigned i)
{
    uint32_t v = (uint32_t)rig_load(d->v.r, NET_DRIVER_RX + i * 16, 4);

    return v & RTL_DRIVER_OWN ? 0 : (v & 0x1fff) - 4;
}

static inline void rtl_driver_send(struct net_driver *d, unsigned i, size_t len)
{
    rtl_driver_desc(d, NET_DRIVER_TX, i, 0x30000000 | (uint32_t)len, NET_DRIVER_TXBUF + i * 0x1000);
    net_driver_put(d, RTL_TPPOLL, 0x40, 1);
}

static inline bool rtl_driver_sent(struct net_driver *d, unsigned i)
{
    return !(rig_load(d->v.r, NET_DRIVER_TX + i * 16, 4) & RTL_DRIVER_OWN);
}

/* ne2k_pci: words through the data port ---------------------------------------------------------- */

#define NE_DRIVER_IO    0xc000u
#define NE_DRIVER_START 0x46u
#define NE_DRIVER_STOP  0x80u
#define NE_DRIVER_TX    0x40u

static inline void ne_driver_put(struct net_driver *d, unsigned port, unsigned v)
{
    rig_outb(d->v.r, (uint16_t)(NE_DRIVER_IO + port), (uint8_t)v);
}

static inline uint8_t ne_driver_get(struct net_driver *d, unsigned port)
{
    return rig_inb(d->v.r, (uint16_t)(NE_DRIVER_IO + port));
}

static inline void ne_driver_dma(struct net_driver *d, unsigned at, unsigned len, unsigned command)
{
    ne_driver_put(d, NE_RSAR, at);
    ne_driver_put(d, NE_RSAR + 1, at >> 8);
    ne_driver_put(d, NE_RBCR, len);
    ne_driver_put(d, NE_RBCR + 1, len >> 8);
    ne_driver_put(d, NE_CR, command);
}

static inline void ne_driver_read(struct net_driver *d, unsigned at, uint8_t *buf, unsigned len)
{
    ne_driver_dma(d, at, (len + 1) & ~1u, 0x0a);
    for (unsigned i = 0; i < len; i += 2) {
        uint16_t word = rig_inw(d->v.r, NE_DRIVER_IO + NE_DATA);

        memcpy(buf + i, &word, MIN(2, len - i));
    }
}

static inline void ne_driver_start(struct net_driver *d)
{
    static const struct {
        uint8_t port, value;
    } rows[] = { { NE_CR, 0x21 },
                 { NE_DCR, 0x49 },
                 { NE_RBCR, 0 },
                 { NE_RBCR + 1, 0 },
                 { NE_RCR, 0x04 },
                 { NE_TCR, 0 },
                 { NE_TPSR, NE_DRIVER_TX },
                 { NE_PSTART, NE_DRIVER_START },
                 { NE_PSTOP, NE_DRIVER_STOP },
                 { NE_BNRY, NE_DRIVER_STOP - 1 },
                 { NE_ISR, 0xff },
                 { NE_CR, 0x61 },
                 { NE_CURR, NE_DRIVER_START },
                 { NE_PAR, 0x52 },
                 { NE_PAR + 1, 0x54 },
                 { NE_PAR + 2, 0x00 },
                 { NE_PAR + 3, 0xaa },
                 { NE_PAR + 4, 0xbb },
                 { NE_PAR + 5, 0xcc },
                 { NE_CR, 0x22 } };
    uint8_t devfn = ((struct pci_device *)d->dev)->devfn;

    pci_rig_write(d->v.r, devfn, PCI_BAR0, NE_DRIVER_IO, 4);
    pci_rig_write(d->v.r, devfn, PCI_COMMAND, 7, 2);
    ne_driver_get(d, NE_RESET);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        ne_driver_put(d, rows[i].port, rows[i].value);
    }
    d->page = NE_DRIVER_START;
}

static inline size_t ne_driver_arrived(struct net_driver *d, unsigned i)
{
    uint8_t head[4], frame[2048], curr;
    unsigned len;

    ne_driver_put(d, NE_CR, 0x62);
    curr = ne_driver_get(d, NE_CURR);
    ne_driver_put(d, NE_CR, 0x22);
    if (curr == d->page) {
        return 0;
    }
    ne_driver_read(d, d->page << 8, head, 4);
    len = (head[2] | head[3] << 8) - 4u;
    g_assert_cmpuint(len, <, sizeof(frame));
    ne_driver_read(d, (d->page << 8) + 4, frame, len);
    rig_write(d->v.r, NET_DRIVER_RXBUF + i * 0x1000, frame, len);
    d->page = head[1];
    ne_driver_put(d, NE_BNRY, d->page == NE_DRIVER_START ? NE_DRIVER_STOP - 1 : d->page - 1);
    return len;
}

static inline void ne_driver_send(struct net_driver *d, unsigned i, size_t len)
{
    uint8_t frame[2048];

    rig_read(d->v.r, NET_DRIVER_TXBUF + i * 0x1000, frame, sizeof(frame));
    ne_driver_dma(d, NE_DRIVER_TX << 8, (unsigned)(len + 1) & ~1u, 0x12);
    for (unsigned at = 0; at < len; at += 2) {
        rig_outw(d->v.r, NE_DRIVER_IO + NE_DATA, (uint16_t)(frame[at] | frame[at + 1] << 8));
    }
    ne_driver_put(d, NE_TBCR, (unsigned)len);
    ne_driver_put(d, NE_TBCR + 1, (unsigned)len >> 8);
    ne_driver_put(d, NE_CR, 0x26);
}

static inline bool ne_driver_sent(struct net_driver *d, unsigned i)
{
    (void)i;
    return !(ne_driver_get(d, NE_CR) & 4);
}

/* pcnet: descriptors of 32 bits (style 2) ------------------------------------------------------- */

#define PCNET_DRIVER_BLOCK 0x700000u

static inline void pcnet_driver_put(struct net_driver *d, unsigned csr, uint16_t v)
{
    net_driver_put(d, 0x12, csr, 2);
    net_driver_put(d, 0x10, v, 2);
}

static inline uint16_t pcnet_driver_get(struct net_driver *d, unsigned csr)
{
    net_driver_put(d, 0x12, csr, 2);
    return (uint16_t)rig_load(d->v.r, NET_DRIVER_BAR + 0x10, 2);
}

static inline void pcnet_driver_bcr(struct net_driver *d, unsigned bcr, uint16_t v)
{
    net_driver_put(d, 0x12, bcr, 2);
    net_driver_put(d, 0x16, v, 2);
}

static inline void pcnet_driver_start(struct net_driver *d)
{
    static const uint32_t block[7] = { 3u << 28 | 3u << 20, 0xaa005452,   0xccbb, 0, 0,
                                       NET_DRIVER_RX,       NET_DRIVER_TX };

    net_driver_map(d, 1);
    net_driver_clear_rings(d);
    rig_load(d->v.r, NET_DRIVER_BAR + 0x14, 2); /* reset */
    pcnet_driver_bcr(d, 20, 2);
    rig_write(d->v.r, PCNET_DRIVER_BLOCK, block, sizeof(block));
    pcnet_driver_put(d, 1, PCNET_DRIVER_BLOCK & 0xffff);
    pcnet_driver_put(d, 2, PCNET_DRIVER_BLOCK >> 16);
    pcnet_driver_put(d, 0, 1);
    pcnet_driver_put(d, 0, 2);
}

/* OWN comes last. */
static inline void pcnet_driver_desc(struct net_driver *d, unsigned ring, unsigned i, uint64_t addr,
                                     unsigned flags, size_t len)
{
    rig_store(d->v.r, ring + i * 16, addr, 4);
    rig_store(d->v.r, ring + i * 16 + 8, 0, 4);
    rig_store(d->v.r, ring + i * 16 + 4, (flags << 16 | 0xf000) | (-len & 0xfff), 4);
}

static inline void pcnet_driver_give(struct net_driver *d, unsigned i)
{
    pcnet_driver_desc(d, NET_DRIVER_RX, i, NET_DRIVER_RXBUF + i * 0x1000, 0x8000, 2048);
    rig_step(d->v.r, MS); /* it looks by itself */
}

static inline size_t pcnet_driver_arrived(struct net_driver *d, unsigned i)
{
    bool own = rig_load(d->v.r, NET_DRIVER_RX + i * 16 + 7, 1) & 0x80;

    return own ? 0 : (rig_load(d->v.r, NET_DRIVER_RX + i * 16 + 8, 4) & 0xfff) - 4;
}

static inline void pcnet_driver_send(struct net_driver *d, unsigned i, size_t len)
{
    pcnet_driver_desc(d, NET_DRIVER_TX, i, NET_DRIVER_TXBUF + i * 0x1000, 0x8300, len);
    pcnet_driver_put(d, 0, 8);
}

static inline bool pcnet_driver_sent(struct net_driver *d, unsigned i)
{
    return !(rig_load(d->v.r, NET_DRIVER_TX + i * 16 + 7, 1) & 0x80);
}

/* virtio-net: one buffer with the header before the frame ---------------------------------------- */

#define VIRTIO_DRIVER_HEAD 12u

static inline void virtio_driver_start(struct net_driver *d)
{
    virtio_rig_set_up_on(&d->v, d->dev);
    virtio_rig_start(&d->v, VIRTIO_RIG_BASIC | 1ull << 5 | 1ull << 16, 2, NET_DRIVER_RING);
}

static inline void virtio_driver_give(struct net_driver *d, unsigned i)
{
    struct rig_buffer b = { NET_DRIVER_RXBUF + i * 0x1000 - VIRTIO_DRIVER_HEAD, 2048, true };

    virtio_rig_add(&d->v, 0, &b, 1, false);
    virtio_rig_kick(&d->v, 0);
}

static inline size_t virtio_driver_arrived(struct net_driver *d, unsigned i)
{
    uint32_t len;
    unsigned id;

    (void)i;
    return virtio_rig_used(&d->v, 0, &id, &len) ? len - VIRTIO_DRIVER_HEAD : 0;
}

static inline void virtio_driver_send(struct net_driver *d, unsigned i, size_t len)
{
    uint64_t at = NET_DRIVER_TXBUF + i * 0x1000 - VIRTIO_DRIVER_HEAD;
    struct rig_buffer b = { at, (uint32_t)len + VIRTIO_DRIVER_HEAD, false };
    static const uint8_t head[VIRTIO_DRIVER_HEAD];

    rig_write(d->v.r, at, head, sizeof(head));
    virtio_rig_add(&d->v, 1, &b, 1, false);
    virtio_rig_kick(&d->v, 1);
}

static inline bool virtio_driver_sent(struct net_driver *d, unsigned i)
{
    uint32_t len;
    unsigned id;

    (void)i;
    return virtio_rig_used(&d->v, 1, &id, &len);
}

/* clang-format off */
static const struct net_driver_row net_driver_rows[] = {
    { "virtio-net-pci", NET_DRIVER_RING, virtio_driver_start, virtio_driver_give, virtio_driver_arrived,
      virtio_driver_send, virtio_driver_sent },
    { "e1000", NET_DRIVER_RING, e1000_driver_start, e1000_driver_give, e1000_driver_arrived, e1000_driver_send,
      e1000_driver_sent },
    { "e1000e", NET_DRIVER_RING, e1000_driver_start, e1000_driver_give, e1000_driver_arrived, e1000_driver_send,
      e1000_driver_sent },
    { "rtl8139", NET_DRIVER_RING, rtl_driver_start, rtl_driver_give, rtl_driver_arrived, rtl_driver_send,
      rtl_driver_sent },
    { "pcnet", NET_DRIVER_RING, pcnet_driver_start, pcnet_driver_give, pcnet_driver_arrived, pcnet_driver_send,
      pcnet_driver_sent },
    { "ne2k_pci", 1, ne_driver_start, NULL, ne_driver_arrived, ne_driver_send, ne_driver_sent },
};
/* clang-format on */

#endif
