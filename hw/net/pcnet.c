/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/pcnet.c: AMD PCnet-PCI II (Am79C970A), a LANCE on PCI: registers, the initialization block, both rings.
 * Source: Am79C970A PCnet-PCI II data sheet (AMD, 1996); "Software Access" has the layouts of the three styles.
 *
 * Invariants: the pin is INTR and IENA of CSR0. rx_at and tx_at are below their ring's length.
 *             Drivers give receive buffers without a word: while a frame waits, poll_timer looks for them.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/nic.h"
#include "hw/nvram/boot_order.h"
#include "hw/pci/pci.h"
#include "softmmu/dma.h"

#define IO_SIZE     0x20u
#define CSRS        128u
#define BCRS        32u
#define PROM_SIZE   16u
#define RING_MOST   512u
#define POLL_NS     (500 * NS_PER_US)
#define CRC_BYTES   4u
#define FRAME_LEAST 60u

/* clang-format off */
enum pcnet_csr { CSR_IADR = 1, CSR_MASK = 3, CSR_FEATURES = 4, CSR_EXTENDED = 5, CSR_LADRF = 8, CSR_PADR = 12,
                 CSR_MODE = 15, CSR_BADR = 24, CSR_BADX = 30, CSR_STYLE = 58, CSR_RLEN = 76, CSR_XLEN = 78,
                 CSR_CHIP = 88 };
enum { BCR_LINK = 4, BCR_BUS = 18, BCR_STYLE = 20, BUS_DWIO = 0x80, LINK_RESET = 0xc0, LINK_LIT = 0x8000 };
enum { C0_INIT = 0x0001, C0_STRT = 0x0002, C0_STOP = 0x0004, C0_TDMD = 0x0008, C0_TXON = 0x0010, C0_RXON = 0x0020,
       C0_IENA = 0x0040, C0_INTR = 0x0080, C0_IDON = 0x0100, C0_TINT = 0x0200, C0_RINT = 0x0400, C0_MERR = 0x0800,
       C0_CAUSES = 0x7f00, C0_ERRORS = 0x7800, C0_MASKED = 0x5f00 };
enum { MODE_DRX = 0x0001, MODE_DTX = 0x0002, MODE_LOOP = 0x0004, MODE_DRCVPA = 0x2000, MODE_DRCVBC = 0x4000,
       MODE_PROM = 0x8000, SUSPEND = 0x0001, STYLE_32 = 0x0100, STYLE_CSR = 0x0200 };
enum { D_OWN = 0x8000, D_STP = 0x0200, D_ENP = 0x0100, D_PAM = 0x0040, D_LAFM = 0x0020, D_BAM = 0x0010 };
/* clang-format on */

struct pcnet {
    struct pci_device pci;
    struct nic nic;
    struct mem_region io, mmio;
    struct timer poll_timer;
    uint16_t csr[CSRS], bcr[BCRS];
    uint16_t rap, rx_at, tx_at;
    bool transmitting;
    uint8_t prom[PROM_SIZE];
    uint8_t frame[NET_FRAME_MAX];
};

/* A descriptor of any style. */
struct desc {
    uint64_t at;
    uint32_t addr, room; /* of its buffer */
    uint16_t flags;
};

static struct pcnet *pcnet_of(struct net_client *c)
{
    return (struct pcnet *)((uint8_t *)nic_of(c) - offsetof(struct pcnet, nic));
}

static struct machine *machine_of(struct pcnet *s)
{
    return s->pci.dev.machine;
}

static void interrupt(struct pcnet *s, uint16_t causes)
{
    uint16_t *c = &s->csr[0];

    *c |= causes;
    *c &= (uint16_t)~C0_INTR;
    *c |= *c & C0_MASKED & ~s->csr[CSR_MASK] ? C0_INTR : 0;
    pci_set_intx(&s->pci, (*c & C0_INTR) && (*c & C0_IENA));
}

/* Descriptors ----------------------------------------------------------------------------------- */

static unsigned style(const struct pcnet *s)
{
    return s->bcr[BCR_STYLE] & 0xff;
}

static uint32_t csr_pair(const struct pcnet *s, unsigned n)
{
    return s->csr[n] | (uint32_t)s->csr[n + 1] << 16;
}

/* 0: there is no ring. */
static unsigned ring_length(const struct pcnet *s, unsigned csr)
{
    unsigned n = -(unsigned)s->csr[csr] & 0xffff;

    return n <= RING_MOST ? n : 0;
}

/* The flags are the upper half of the second of four words, or in 16 bits the upper byte of the second of four. */
static bool load_desc(struct pcnet *s, unsigned base, unsigned i, struct desc *d)
{
    unsigned size = style(s) ? 16 : 8;
    uint32_t w[4];
    uint16_t h[4];

    d->at = (uint32_t)(csr_pair(s, base) + i * size);
    if (!dma_load(machine_of(s), d->at, size == 16 ? (void *)w : (void *)h, size)) {
        interrupt(s, C0_MERR);
        return false;
    }
    if (size == 8) {
        d->addr = h[0] | (h[1] & 0xffu) << 16 | (uint32_t)(s->csr[2] & 0xff00) << 16;
        d->flags = h[1] & 0xff00;
        d->room = h[2];
    } else {
        d->addr = style(s) == 3 ? w[2] : w[0];
        d->flags = (uint16_t)(w[1] >> 16);
        d->room = w[1];
    }
    d->room = 4096 - (d->room & 0xfff);
    return true;
}

/* count: of bytes that arrived, 0 of what was sent; the flags with OWN come last. */
static void store_desc(struct pcnet *s, const struct desc *d, uint16_t flags, uint32_t count)
{
    uint8_t upper = (uint8_t)(flags >> 8);

    if (style(s) == 0) {
        uint16_t word = (uint16_t)count;

        dma_store(machine_of(s), d->at + 6, &word, 2);
        dma_store(machine_of(s), d->at + 3, &upper, 1);
        return;
    }
    dma_store(machine_of(s), d->at + (style(s) == 3 ? 0 : 8), &count, 4);
    dma_store(machine_of(s), d->at + 6, &flags, 2);
}

/* Out ------------------------------------------------------------------------------------------- */

static bool receive(struct net_client *c, const uint8_t *frame, size_t len);

/* How many descriptors the next frame has; 0: not all of it is the card's. */
static unsigned gather(struct pcnet *s, unsigned ring, size_t *len)
{
    struct desc d;

    *len = 0;
    for (unsigned n = 0; n < ring; n++) {
        if (!load_desc(s, CSR_BADX, (s->tx_at + n) % ring, &d) || !(d.flags & D_OWN)) {
            return 0;
        }
        if (n == 0 && !(d.flags & D_STP)) {
            return 1; /* the rest of nothing: it is given back */
        }
        if (d.room > sizeof(s->frame) - *len) {
            *len = 0; /* babble: nobody takes it; what follows has no beginning */
            return n + 1;
        }
        nic_load(machine_of(s), d.addr, s->frame + *len, d.room);
        *len += d.room;
        if (d.flags & D_ENP) {
            return n + 1;
        }
    }
    return 0;
}

static void transmit(struct pcnet *s)
{
    unsigned ring = ring_length(s, CSR_XLEN), sent = 0, n;
    size_t len;

    if (s->transmitting || !(s->csr[0] & C0_TXON) || s->csr[CSR_EXTENDED] & SUSPEND) {
        return;
    }
    s->transmitting = true;
    for (; sent < ring && net_can_send(&s->nic.client) && (n = gather(s, ring, &len)); sent++) {
        for (; n > 0; n--) {
            struct desc d;

            if (load_desc(s, CSR_BADX, s->tx_at, &d)) {
                store_desc(s, &d, d.flags & (uint16_t)~D_OWN, 0);
            }
            s->tx_at = (uint16_t)((s->tx_at + 1u) % ring);
        }
        if (s->csr[CSR_MODE] & MODE_LOOP) {
            receive(&s->nic.client, s->frame, len);
        } else if (len > 0) {
            net_send(&s->nic.client, s->frame, len);
        }
    }
    s->transmitting = false;
    interrupt(s, sent ? C0_TINT : 0);
}

/* In -------------------------------------------------------------------------------------------- */

/* D_PAM, D_LAFM, D_BAM: why it passes, 0 with *passes: everything does. */
static uint16_t filter(const struct pcnet *s, const uint8_t *frame, bool *passes)
{
    uint16_t mode = s->csr[CSR_MODE], why = 0;
    uint8_t own[NET_MAC_BYTES];
    unsigned hash = nic_crc(frame) >> 26;

    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        own[i] = (uint8_t)(s->csr[CSR_PADR + i / 2] >> i % 2 * 8);
    }
    if (memcmp(frame, nic_broadcast, NET_MAC_BYTES) == 0) {
        why = mode & MODE_DRCVBC ? 0 : D_BAM;
    } else if (frame[0] & 1) {
        why = s->csr[CSR_LADRF + hash / 16] >> hash % 16 & 1 ? D_LAFM : 0;
    } else if (memcmp(frame, own, NET_MAC_BYTES) == 0) {
        why = mode & MODE_DRCVPA ? 0 : D_PAM;
    }
    *passes = why || mode & MODE_PROM;
    return why;
}

/* The descriptors of a frame of that many bytes; 0: there are not enough yet. */
static unsigned find_room(struct pcnet *s, unsigned ring, size_t len)
{
    size_t room = 0;
    struct desc d;

    for (unsigned n = 0; n < ring; n++) {
        if (!load_desc(s, CSR_BADR, (s->rx_at + n) % ring, &d) || !(d.flags & D_OWN)) {
            return 0;
        }
        room += d.room;
        if (room >= len) {
            return n + 1;
        }
    }
    return ring; /* all of them are ours: it is cut off */
}

static void fill(struct pcnet *s, unsigned ring, unsigned n, size_t len, uint16_t why)
{
    size_t done = 0;

    for (unsigned i = 0; i < n; i++) {
        uint16_t flags = (uint16_t)(why | (i == 0 ? D_STP : 0) | (i + 1 == n ? D_ENP : 0));
        struct desc d;
        size_t part;

        if (load_desc(s, CSR_BADR, s->rx_at, &d)) {
            part = MIN(d.room, len - done);
            nic_store(machine_of(s), d.addr, s->frame + done, part);
            done += part;
            store_desc(s, &d, flags, i + 1 == n ? (uint32_t)len & 0xfff : 0);
        }
        s->rx_at = (uint16_t)((s->rx_at + 1u) % ring);
    }
}

static bool receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct pcnet *s = pcnet_of(c);
    unsigned ring = ring_length(s, CSR_RLEN), n;
    uint16_t why;
    bool passes;

    if (len < NET_FRAME_MIN || len > sizeof(s->frame) - CRC_BYTES || !(s->csr[0] & C0_RXON) ||
        !ring) {
        return true;
    }
    why = filter(s, frame, &passes);
    if (!passes) {
        return true;
    }
    n = s->csr[CSR_EXTENDED] & SUSPEND ? 0 : find_room(s, ring, MAX(len, FRAME_LEAST) + CRC_BYTES);
    if (n == 0) {
        timer_arm(&s->poll_timer, clock_now(machine_of(s), CLOCK_KIND_VIRTUAL) + POLL_NS);
        return false;
    }
    memmove(s->frame, frame, len); /* looped back it is there already */
    memset(s->frame + len, 0, CRC_BYTES);
    if (len < FRAME_LEAST) {
        memset(s->frame + len, 0, FRAME_LEAST + CRC_BYTES - len);
        len = FRAME_LEAST;
    }
    fill(s, ring, n, len + CRC_BYTES, why);
    interrupt(s, C0_RINT);
    return true;
}

static void poll(void *opaque)
{
    struct pcnet *s = opaque;

    net_ready(&s->nic.client);
}

/* Registers ------------------------------------------------------------------------------------- */

static void start_rings(struct pcnet *s, unsigned rlen, uint32_t radr, unsigned xlen, uint32_t xadr)
{
    s->csr[CSR_RLEN] = (uint16_t) - (1u << MIN(rlen, 9));
    s->csr[CSR_XLEN] = (uint16_t) - (1u << MIN(xlen, 9));
    s->csr[CSR_BADR] = (uint16_t)radr;
    s->csr[CSR_BADR + 1] = (uint16_t)(radr >> 16);
    s->csr[CSR_BADX] = (uint16_t)xadr;
    s->csr[CSR_BADX + 1] = (uint16_t)(xadr >> 16);
    s->rx_at = s->tx_at = 0;
}

/* The initialization block: words of 16 bits, or MODE, lengths, and then words of 32. */
static void initialize(struct pcnet *s)
{
    bool wide = s->bcr[BCR_STYLE] & STYLE_32;
    uint32_t at = csr_pair(s, CSR_IADR), high = (uint32_t)(s->csr[2] & 0xff00) << 16;
    uint16_t w[14];

    if (!dma_load(machine_of(s), at, w, wide ? 28 : 24)) {
        interrupt(s, C0_MERR);
        return;
    }
    s->csr[CSR_MODE] = w[0];
    memcpy(s->csr + CSR_PADR, w + (wide ? 2 : 1), 6);
    memcpy(s->csr + CSR_LADRF, w + (wide ? 6 : 4), 8);
    if (wide) {
        start_rings(s, w[1] >> 4 & 15, w[10] | (uint32_t)w[11] << 16, w[1] >> 12,
                    w[12] | (uint32_t)w[13] << 16);
    } else {
        start_rings(s, w[9] >> 13, w[8] | (w[9] & 0xffu) << 16 | high, w[11] >> 13,
                    w[10] | (w[11] & 0xffu) << 16 | high);
    }
    interrupt(s, C0_IDON);
}

static void write_csr0(struct pcnet *s, uint16_t v)
{
    uint16_t *c = &s->csr[0];

    if (v & C0_STOP) {
        *c = C0_STOP;
        timer_disarm(&s->poll_timer);
        interrupt(s, 0);
        net_ready(&s->nic.client); /* what waits is not for the next driver */
        return;
    }
    *c = (uint16_t)((*c & ~(v & C0_CAUSES) & ~C0_IENA) | (v & C0_IENA));
    if (v & (C0_INIT | C0_STRT)) {
        *c &= (uint16_t)~C0_STOP;
    }
    if (v & C0_INIT && !(*c & C0_INIT)) {
        *c |= C0_INIT;
        initialize(s);
    }
    if (v & C0_STRT && !(*c & C0_STRT)) {
        *c |= C0_STRT;
        *c |= s->csr[CSR_MODE] & MODE_DRX ? 0 : C0_RXON;
        *c |= s->csr[CSR_MODE] & MODE_DTX ? 0 : C0_TXON;
    }
    interrupt(s, 0);
    transmit(s);
    net_ready(&s->nic.client);
}

static void set_style(struct pcnet *s, uint16_t v)
{
    v = (v & 0xff) <= 3 ? v & 0xff : 0;
    s->bcr[BCR_STYLE] = (uint16_t)(v | STYLE_CSR | (v ? STYLE_32 : 0));
    s->csr[CSR_STYLE] = s->bcr[BCR_STYLE];
}

static uint16_t read_csr(const struct pcnet *s)
{
    uint16_t v = s->rap < CSRS ? s->csr[s->rap] : 0;

    return s->rap == 0 && v & C0_ERRORS ? v | 0x8000 : v;
}

static void write_csr(struct pcnet *s, uint16_t v)
{
    if (s->rap == 0) {
        write_csr0(s, v);
    } else if (s->rap == CSR_STYLE) {
        set_style(s, v);
    } else if (s->rap < CSRS && s->rap / 2 != CSR_CHIP / 2) {
        s->csr[s->rap] = v;
        s->rx_at = (uint16_t)(s->rx_at % MAX(ring_length(s, CSR_RLEN), 1));
        s->tx_at = (uint16_t)(s->tx_at % MAX(ring_length(s, CSR_XLEN), 1));
        interrupt(s, 0); /* CSR3 masks */
        transmit(s);     /* CSR5 suspends */
        net_ready(&s->nic.client);
    }
}

static void write_bcr(struct pcnet *s, uint16_t v)
{
    if (s->rap == BCR_STYLE) {
        set_style(s, v);
    } else if (s->rap == BCR_BUS) {
        s->bcr[BCR_BUS] = (uint16_t)((v & ~BUS_DWIO) | (s->bcr[BCR_BUS] & BUS_DWIO));
    } else if (s->rap < BCRS && s->rap != BCR_LINK) {
        s->bcr[s->rap] = v;
    }
}

static void set_link(struct pcnet *s)
{
    s->bcr[BCR_LINK] = (uint16_t)(LINK_RESET | (nic_link_up(&s->nic) ? LINK_LIT : 0));
}

/* The registers' reset; the bus configuration stays. */
static void soft_reset(struct pcnet *s)
{
    memset(s->csr, 0, sizeof(s->csr));
    s->csr[0] = C0_STOP;
    s->csr[CSR_FEATURES] = 0x0115;
    for (unsigned i = 0; i < 3; i++) {
        s->csr[CSR_PADR + i] = (uint16_t)(s->nic.mac[2 * i] | s->nic.mac[2 * i + 1] << 8);
    }
    s->csr[CSR_CHIP] = 0x1003;
    s->csr[CSR_CHIP + 1] = 0x0262;
    s->rap = s->rx_at = s->tx_at = 0;
    set_style(s, s->bcr[BCR_STYLE]);
    timer_disarm(&s->poll_timer);
    interrupt(s, 0);
}

enum port { PORT_PROM, PORT_RDP, PORT_RAP, PORT_RESET, PORT_BDP };

/* Four registers at 0x10, each 16 bits, or with DWIO 32. */
static enum port port_at(const struct pcnet *s, uint64_t off)
{
    unsigned width = s->bcr[BCR_BUS] & BUS_DWIO ? 4 : 2, n = (unsigned)(off - 0x10) / width;

    return off < 0x10 ? PORT_PROM : n < 4 ? PORT_RDP + n : PORT_PROM;
}

static uint64_t pcnet_read(void *opaque, uint64_t off, unsigned size)
{
    struct pcnet *s = opaque;
    uint64_t v = 0;

    switch (port_at(s, off)) {
    case PORT_RDP:
        return read_csr(s);
    case PORT_RAP:
        return s->rap;
    case PORT_RESET:
        soft_reset(s);
        return 0;
    case PORT_BDP:
        return s->rap < BCRS ? s->bcr[s->rap] : 0;
    default:
        memcpy(&v, s->prom + off % PROM_SIZE, MIN(size, PROM_SIZE - off % PROM_SIZE));
        return off < PROM_SIZE ? v : 0;
    }
}

/* 32 bits to RDP switch to registers of 32 bits. */
static void pcnet_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pcnet *s = opaque;

    if (size == 4 && off == 0x10) {
        s->bcr[BCR_BUS] |= BUS_DWIO;
    }
    switch (port_at(s, off)) {
    case PORT_RDP:
        write_csr(s, (uint16_t)value);
        break;
    case PORT_RAP:
        s->rap = value & 0x7f;
        break;
    case PORT_BDP:
        write_bcr(s, (uint16_t)value);
        break;
    default:
        break;
    }
}

static const struct mem_ops io_ops = {
    .read = pcnet_read, .write = pcnet_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static void link_changed(struct net_client *c)
{
    set_link(pcnet_of(c));
}

static void drained(struct net_client *c)
{
    transmit(pcnet_of(c));
}

static const struct net_ops client_ops = {
    .model = "pcnet",
    .card = true,
    .announce = nic_announce,
    .receive = receive,
    .drained = drained,
    .link_changed = link_changed,
};

static void pcnet_unrealize(struct device *dev)
{
    struct pcnet *s = (struct pcnet *)dev;

    boot_order_remove(dev);
    nic_detach(&s->nic);
    timer_disarm(&s->poll_timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->io);
    mem_region_destroy(&s->mmio);
}

/* The address, the board's number, a sum, and WW. */
static void fill_prom(struct pcnet *s)
{
    uint16_t sum = 0;

    memset(s->prom, 0, sizeof(s->prom));
    memcpy(s->prom, s->nic.mac, NET_MAC_BYTES);
    s->prom[9] = 0x11;
    s->prom[14] = s->prom[15] = 0x57;
    for (unsigned i = 0; i < PROM_SIZE; i++) {
        sum = (uint16_t)(sum + s->prom[i]);
    }
    s->prom[12] = (uint8_t)sum;
    s->prom[13] = (uint8_t)(sum >> 8);
}

static bool pcnet_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x1022,
        .device = 0x2000,
        .revision = 0x10,
        .class = 0x0200,
        .int_pin = 1,
        .romfile = "efi-pcnet.rom",
    };
    struct pcnet *s = (struct pcnet *)dev;

    if (!nic_attach(&s->nic, dev, &client_ops, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        nic_detach(&s->nic);
        return false;
    }
    mem_region_init_mmio(&s->io, dev->machine, "pcnet-io", &io_ops, s, IO_SIZE);
    mem_region_init_mmio(&s->mmio, dev->machine, "pcnet-mmio", &io_ops, s, IO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io, IO_SIZE);
    pci_add_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mmio, IO_SIZE);
    timer_init(&s->poll_timer, dev->machine, CLOCK_KIND_VIRTUAL, poll, s);
    fill_prom(s);
    if (!boot_order_add(dev, dev, s->nic.bootindex, "/ethernet-phy@0", error)) {
        pcnet_unrealize(dev);
        return false;
    }
    return true;
}

static void pcnet_reset(struct device *dev)
{
    struct pcnet *s = (struct pcnet *)dev;

    pci_device_reset(&s->pci);
    memset(s->bcr, 0, sizeof(s->bcr));
    s->bcr[2] = 0x0002;
    s->bcr[BCR_BUS] = 0x2001;
    soft_reset(s);
    set_link(s);
    net_purge(&s->nic.client);
}

static bool pcnet_post_load(struct device *dev, GError **error)
{
    struct pcnet *s = (struct pcnet *)dev;

    s->rx_at = (uint16_t)(s->rx_at % MAX(ring_length(s, CSR_RLEN), 1));
    s->tx_at = (uint16_t)(s->tx_at % MAX(ring_length(s, CSR_XLEN), 1));
    set_style(s, s->bcr[BCR_STYLE]);
    set_link(s);
    return pci_device_post_load(&s->pci, error);
}

static const struct property pcnet_props[] = {
    PCI_PROPS(struct pcnet, pci),
    NIC_PROPS(struct pcnet, nic),
    { 0 },
};

static const struct state_row pcnet_state[] = {
    PCI_STATE(struct pcnet, pci),
    STATE_ARRAY(struct pcnet, csr, 1, "control and status registers"),
    STATE_ARRAY(struct pcnet, bcr, 1, "bus configuration registers"),
    STATE_INT(struct pcnet, rap, 1, "which of them the ports reach"),
    STATE_INT(struct pcnet, rx_at, 1, "the next receive descriptor"),
    STATE_INT(struct pcnet, tx_at, 1, "the next transmit descriptor"),
    STATE_TIMER_ROW(struct pcnet, poll_timer, 1, "until it looks for receive buffers"),
    { 0 },
};

const struct device_type pcnet_type = {
    .name = "pcnet",
    .bus = BUS_PCI,
    .summary = "AMD PCnet-PCI II (Am79C970A)",
    .size = sizeof(struct pcnet),
    .props = pcnet_props,
    .state = pcnet_state,
    .realize = pcnet_realize,
    .reset = pcnet_reset,
    .unrealize = pcnet_unrealize,
    .post_load = pcnet_post_load,
};
