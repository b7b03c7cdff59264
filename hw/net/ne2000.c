/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/ne2000.c: ne2k_pci, an NE2000 on PCI (Realtek RTL8029AS): a DP8390 with 16 KiB of memory of its own, which
 * the guest reaches through one port only (remote DMA).
 * Sources: DP8390D/NS32490D NIC data sheet (National Semiconductor, 1995); RTL8029AS data sheet (Realtek, 1997).
 *
 * Invariants: the pin is ISR & IMR. CURR == BNRY means that the ring is empty: a frame that would fill it to the last
 *             page waits, so that there is never an overflow. While TXP is set a frame waits for the other end.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/net/nic.h"
#include "hw/nvram/boot_order.h"
#include "hw/pci/pci.h"

#define IO_SIZE    0x100u /* eight times the same */
#define PORTS      0x20u
#define DATA_PORT  0x10u
#define RESET_PORT 0x18u
#define PROM_SIZE  0x20u
#define RAM_START  0x4000u
#define RAM_SIZE   0x4000u
#define PAGE_BYTES 256u

/* clang-format off */
/* Registers, by where they are kept. */
enum ne_reg { NO_REG, CR, CLDA0, CLDA1, BNRY, TSR, NCR, FIFO, ISR, CRDA0, CRDA1, ID0, ID1, RSR, CNTR0, CNTR1, CNTR2,
              PSTART, PSTOP, TPSR, TBCR0, TBCR1, RBCR0, RBCR1, RCR, TCR, DCR, IMR, CURR,
              PAR, MAR = PAR + 6, NE_REGS = MAR + 8 };
enum { CR_STP = 0x01, CR_STA = 0x02, CR_TXP = 0x04, CR_READ = 0x08, CR_WRITE = 0x10, CR_DMA = 0x38, CR_RESET = 0x21 };
enum { INT_PRX = 0x01, INT_PTX = 0x02, INT_TXE = 0x08, INT_RDC = 0x40, INT_RST = 0x80 };
enum { RCR_AB = 0x04, RCR_AM = 0x08, RCR_PRO = 0x10, RCR_MON = 0x20 };
enum { TCR_LOOP = 0x06, TSR_PTX = 0x01, TSR_ABT = 0x08, RSR_PRX = 0x01, RSR_PHY = 0x20, DCR_WORD = 0x01 };
enum { HEAD = 4, CRC_BYTES = 4, FRAME_LEAST = 60, FRAME_MOST = 1518 };
/* clang-format on */

struct ne2000 {
    struct pci_device pci;
    struct nic nic;
    struct mem_region io;
    uint8_t regs[NE_REGS];
    uint8_t prom[PROM_SIZE];
    uint8_t ram[RAM_SIZE];
};

static struct ne2000 *ne_of(struct net_client *c)
{
    return (struct ne2000 *)((uint8_t *)nic_of(c) - offsetof(struct ne2000, nic));
}

static unsigned get16(const struct ne2000 *s, unsigned reg)
{
    return s->regs[reg] | (unsigned)s->regs[reg + 1] << 8;
}

static void put16(struct ne2000 *s, unsigned reg, unsigned v)
{
    s->regs[reg] = (uint8_t)v;
    s->regs[reg + 1] = (uint8_t)(v >> 8);
}

static void interrupt(struct ne2000 *s, uint8_t causes)
{
    s->regs[ISR] |= causes;
    pci_set_intx(&s->pci, (s->regs[ISR] & s->regs[IMR] & ~INT_RST) != 0);
}

/* The card's memory ----------------------------------------------------------------------------- */

static uint8_t load(const struct ne2000 *s, unsigned addr)
{
    return addr < RAM_START              ? s->prom[addr % PROM_SIZE]
           : addr < RAM_START + RAM_SIZE ? s->ram[addr - RAM_START]
                                         : 0xff;
}

static void store(struct ne2000 *s, unsigned addr, uint8_t v)
{
    if (addr >= RAM_START && addr < RAM_START + RAM_SIZE) {
        s->ram[addr - RAM_START] = v;
    }
}

/* The next address of the receive ring. */
static unsigned behind(const struct ne2000 *s, unsigned addr)
{
    addr = (addr + 1) & 0xffff;
    return addr == s->regs[PSTOP] * PAGE_BYTES ? s->regs[PSTART] * PAGE_BYTES : addr;
}

/* Counts one byte of remote DMA; at the last the driver is told. */
static void count_dma(struct ne2000 *s)
{
    unsigned left = get16(s, RBCR0);

    put16(s, CRDA0, behind(s, get16(s, CRDA0)));
    put16(s, RBCR0, left - 1);
    if (left == 1) {
        interrupt(s, INT_RDC);
    }
}

/* A byte through the data port; where there is none to come, the lines float. */
static uint8_t dma_read(struct ne2000 *s)
{
    uint8_t v = 0xff;

    if ((s->regs[CR] & CR_DMA) == CR_READ && get16(s, RBCR0)) {
        v = load(s, get16(s, CRDA0));
        count_dma(s);
    }
    return v;
}

static void dma_write(struct ne2000 *s, uint8_t v)
{
    if ((s->regs[CR] & CR_DMA) == CR_WRITE && get16(s, RBCR0)) {
        store(s, get16(s, CRDA0), v);
        count_dma(s);
    }
}

/* In word mode each access moves whole words, of which a byte access sees the lower half. */
static unsigned dma_bytes(const struct ne2000 *s, unsigned size)
{
    return s->regs[DCR] & DCR_WORD ? MAX(size, 2) : size;
}

static uint64_t read_data(struct ne2000 *s, unsigned size)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < dma_bytes(s, size); i++) {
        v |= (uint64_t)dma_read(s) << 8 * i;
    }
    return v;
}

static void write_data(struct ne2000 *s, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < dma_bytes(s, size); i++) {
        dma_write(s, i < size ? (uint8_t)(v >> 8 * i) : 0);
    }
}

/* Frames ---------------------------------------------------------------------------------------- */

static void transmit(struct ne2000 *s)
{
    unsigned at = s->regs[TPSR] * PAGE_BYTES, len = get16(s, TBCR0);
    uint8_t frame[FRAME_MOST];

    if (!(s->regs[CR] & CR_TXP) || !(s->regs[CR] & CR_STA) || !net_can_send(&s->nic.client)) {
        return;
    }
    s->regs[CR] &= ~CR_TXP;
    if (len < NET_FRAME_MIN || len > FRAME_MOST) {
        s->regs[TSR] = TSR_ABT;
        interrupt(s, INT_TXE);
        return;
    }
    for (unsigned i = 0; i < len; i++) {
        frame[i] = load(s, (at + i) & 0xffff);
    }
    s->regs[TSR] = TSR_PTX;
    if (!(s->regs[TCR] & TCR_LOOP)) {
        net_send(&s->nic.client, frame, len);
    }
    interrupt(s, INT_PTX);
}

static bool passes(const struct ne2000 *s, const uint8_t *frame)
{
    uint8_t rcr = s->regs[RCR];
    unsigned hash = nic_hash(frame);

    if (memcmp(frame, nic_broadcast, NET_MAC_BYTES) == 0) {
        return rcr & (RCR_AB | RCR_PRO);
    }
    if (frame[0] & 1) {
        return rcr & RCR_PRO || (rcr & RCR_AM && s->regs[MAR + hash / 8] >> hash % 8 & 1);
    }
    return rcr & RCR_PRO || memcmp(frame, s->regs + PAR, NET_MAC_BYTES) == 0;
}

/* A header, the frame, what stands for its CRC; from CURR on, round the ring. */
static void put_frame(struct ne2000 *s, const uint8_t *frame, unsigned len, unsigned pages)
{
    unsigned at = s->regs[CURR] * PAGE_BYTES, first = s->regs[PSTART], stop = s->regs[PSTOP];
    unsigned next = s->regs[CURR] + pages, count = len + CRC_BYTES;
    uint8_t head[HEAD];

    next = next >= stop ? next - stop + first : next;
    s->regs[RSR] = (uint8_t)(RSR_PRX | (frame[0] & 1 ? RSR_PHY : 0));
    head[0] = s->regs[RSR];
    head[1] = (uint8_t)next;
    head[2] = (uint8_t)count;
    head[3] = (uint8_t)(count >> 8);
    for (unsigned i = 0; i < HEAD + count; i++) {
        store(s, at, i < HEAD ? head[i] : i < HEAD + len ? frame[i - HEAD] : 0);
        at = behind(s, at);
    }
    s->regs[CURR] = (uint8_t)next;
}

/* A card that is stopped, or whose ring is none, loses what comes. */
static bool receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct ne2000 *s = ne_of(c);
    unsigned first = s->regs[PSTART], stop = s->regs[PSTOP], curr = s->regs[CURR], room, pages;
    uint8_t padded[FRAME_LEAST] = { 0 };

    if (!(s->regs[CR] & CR_STA) || s->regs[RCR] & RCR_MON || s->regs[TCR] & TCR_LOOP ||
        curr < first || curr >= stop || len > FRAME_MOST || !passes(s, frame)) {
        return true;
    }
    if (len < FRAME_LEAST) {
        memcpy(padded, frame, len);
        frame = padded;
        len = FRAME_LEAST;
    }
    pages = ((unsigned)len + HEAD + CRC_BYTES + PAGE_BYTES - 1) / PAGE_BYTES;
    room = (s->regs[BNRY] + 256 * (stop - first) - curr) % (stop - first);
    room = room ? room : stop - first;
    if (pages >= stop - first) {
        return true; /* it never fits */
    }
    if (pages >= room) {
        return false;
    }
    put_frame(s, frame, (unsigned)len, pages);
    interrupt(s, INT_PRX);
    return true;
}

/* Registers ------------------------------------------------------------------------------------- */

static void soft_reset(struct ne2000 *s)
{
    s->regs[CR] = CR_RESET;
    s->regs[IMR] = s->regs[DCR] = s->regs[TCR] = 0;
    s->regs[ISR] = 0;
    interrupt(s, INT_RST);
}

/* Neither STP nor STA: it goes on as it was. What is being sent cannot be called back. */
static void written_cr(struct ne2000 *s, uint8_t old, uint8_t v)
{
    s->regs[CR] = v | (old & (CR_TXP | CR_STA));
    if (v & CR_STP) {
        s->regs[CR] &= ~(CR_TXP | CR_STA);
        s->regs[ISR] |= INT_RST;
        return;
    }
    if (v & CR_STA) {
        s->regs[ISR] &= ~INT_RST;
    }
    if ((v & CR_DMA) == CR_READ || (v & CR_DMA) == CR_WRITE) {
        if (!get16(s, RBCR0)) {
            interrupt(s, INT_RDC);
        }
    }
    transmit(s);
    net_ready(&s->nic.client);
}

/* BNRY is where the driver reads, or as Linux has it the page before. */
static bool ring_empty(const struct ne2000 *s)
{
    unsigned next = s->regs[BNRY] + 1u >= s->regs[PSTOP] ? s->regs[PSTART] : s->regs[BNRY] + 1u;

    return s->regs[CURR] == s->regs[BNRY] || s->regs[CURR] == next;
}

/*
 * Linux takes ten frames and then acknowledges all that came: on a wire of 10 Mbit/s the next one is never far away.
 * Here all may have come at once, and the next one may wait for room: as long as there are frames, there is a cause.
 */
static void written_isr(struct ne2000 *s, uint8_t old, uint8_t v)
{
    s->regs[ISR] = old & (uint8_t)(~v | INT_RST);
    interrupt(s, v & INT_PRX && s->regs[CR] & CR_STA && !ring_empty(s) ? INT_PRX : 0);
}

static void written_imr(struct ne2000 *s, uint8_t old, uint8_t v)
{
    (void)old;
    (void)v;
    interrupt(s, 0);
}

static void written_rx(struct ne2000 *s, uint8_t old, uint8_t v)
{
    (void)old;
    (void)v;
    net_ready(&s->nic.client);
}

struct row {
    uint8_t page, port, read, write; /* enum ne_reg; NO_REG: zero, and lost */
    void (*written)(struct ne2000 *s, uint8_t old, uint8_t v); /* after v was stored */
};

/* clang-format off */
static const struct row rows[] = {
    { 0, 0x1, CLDA0, PSTART, written_rx },  { 0, 0x2, CLDA1, PSTOP, written_rx },
    { 0, 0x3, BNRY,  BNRY,   written_rx },  { 0, 0x4, TSR,   TPSR,  NULL },
    { 0, 0x5, NCR,   TBCR0,  NULL },        { 0, 0x6, FIFO,  TBCR1, NULL },
    { 0, 0x7, ISR,   ISR,    written_isr }, { 0, 0x8, CRDA0, CRDA0, NULL },
    { 0, 0x9, CRDA1, CRDA1,  NULL },        { 0, 0xa, ID0,   RBCR0, NULL },
    { 0, 0xb, ID1,   RBCR1,  NULL },        { 0, 0xc, RSR,   RCR,   written_rx },
    { 0, 0xd, CNTR0, TCR,    written_rx },  { 0, 0xe, CNTR1, DCR,   NULL },
    { 0, 0xf, CNTR2, IMR,    written_imr }, { 1, 0x7, CURR,  CURR,  written_rx },
    { 1, 0x1, PAR,   PAR,    NULL },        { 1, 0x2, PAR + 1, PAR + 1, NULL },
    { 1, 0x3, PAR + 2, PAR + 2, NULL },     { 1, 0x4, PAR + 3, PAR + 3, NULL },
    { 1, 0x5, PAR + 4, PAR + 4, NULL },     { 1, 0x6, PAR + 5, PAR + 5, NULL },
    { 1, 0x8, MAR,   MAR,    NULL },        { 1, 0x9, MAR + 1, MAR + 1, NULL },
    { 1, 0xa, MAR + 2, MAR + 2, NULL },     { 1, 0xb, MAR + 3, MAR + 3, NULL },
    { 1, 0xc, MAR + 4, MAR + 4, NULL },     { 1, 0xd, MAR + 5, MAR + 5, NULL },
    { 1, 0xe, MAR + 6, MAR + 6, NULL },     { 1, 0xf, MAR + 7, MAR + 7, NULL },
    { 2, 0x1, PSTART, CLDA0, NULL },        { 2, 0x2, PSTOP, CLDA1, NULL },
    { 2, 0x4, TPSR,  NO_REG, NULL },        { 2, 0xc, RCR,   NO_REG, NULL },
    { 2, 0xd, TCR,   NO_REG, NULL },        { 2, 0xe, DCR,   NO_REG, NULL },
    { 2, 0xf, IMR,   NO_REG, NULL },
};
/* clang-format on */
static const struct row command_row = { 0, 0, CR, CR, written_cr };

/* Port 0 is the same on all pages. Page 3, the EEPROM and the configuration, reads zeroes. */
static const struct row *row_at(const struct ne2000 *s, unsigned port)
{
    for (unsigned i = 0; port && i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].port == port && rows[i].page == s->regs[CR] >> 6) {
            return &rows[i];
        }
    }
    return port ? NULL : &command_row;
}

static uint8_t read_reg(struct ne2000 *s, unsigned port)
{
    const struct row *r = row_at(s, port);

    if (port >= RESET_PORT) {
        soft_reset(s);
        return 0;
    }
    return r ? s->regs[r->read] : 0;
}

static void write_reg(struct ne2000 *s, unsigned port, uint8_t v)
{
    const struct row *r = row_at(s, port);
    uint8_t old = r ? s->regs[r->write] : 0;

    if (!r || r->write == NO_REG) {
        return; /* the end of a reset among them */
    }
    s->regs[r->write] = v;
    if (r->written) {
        r->written(s, old, v);
    }
}

static uint64_t ne_read(void *opaque, uint64_t off, unsigned size)
{
    unsigned port = off % PORTS;
    uint64_t v = 0;

    if (port >= DATA_PORT && port < RESET_PORT) {
        return read_data(opaque, size);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)read_reg(opaque, (port + i) % PORTS) << 8 * i;
    }
    return v;
}

static void ne_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    unsigned port = off % PORTS;

    if (port >= DATA_PORT && port < RESET_PORT) {
        write_data(opaque, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        write_reg(opaque, (port + i) % PORTS, (uint8_t)(value >> 8 * i));
    }
}

static const struct mem_ops io_ops = {
    .read = ne_read, .write = ne_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static void drained(struct net_client *c)
{
    transmit(ne_of(c));
}

static const struct net_ops client_ops = {
    .model = "ne2k_pci",
    .card = true,
    .announce = nic_announce,
    .receive = receive,
    .drained = drained,
};

static void ne_unrealize(struct device *dev)
{
    struct ne2000 *s = (struct ne2000 *)dev;

    boot_order_remove(dev);
    nic_detach(&s->nic);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->io);
}

/* Every byte twice: it is read as words. 57 57 tells of an NE2000 with words. */
static void fill_prom(struct ne2000 *s)
{
    for (unsigned i = 0; i < PROM_SIZE; i++) {
        s->prom[i] = i / 2 < NET_MAC_BYTES ? s->nic.mac[i / 2] : i < 28 ? 0 : 0x57;
    }
}

static bool ne_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x10ec,
        .device = 0x8029,
        .class = 0x0200,
        .int_pin = 1,
        .romfile = "efi-ne2k_pci.rom",
    };
    struct ne2000 *s = (struct ne2000 *)dev;

    if (!nic_attach(&s->nic, dev, &client_ops, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        nic_detach(&s->nic);
        return false;
    }
    mem_region_init_mmio(&s->io, dev->machine, "ne2k-io", &io_ops, s, IO_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io, IO_SIZE);
    fill_prom(s);
    if (!boot_order_add(dev, dev, s->nic.bootindex, "/ethernet-phy@0", error)) {
        ne_unrealize(dev);
        return false;
    }
    return true;
}

static void ne_reset(struct device *dev)
{
    struct ne2000 *s = (struct ne2000 *)dev;

    pci_device_reset(&s->pci);
    memset(s->regs, 0, sizeof(s->regs));
    memset(s->ram, 0, sizeof(s->ram));
    s->regs[ID0] = 0x50;
    s->regs[ID1] = 0x43;
    soft_reset(s);
    net_purge(&s->nic.client);
}

static bool ne_post_load(struct device *dev, GError **error)
{
    struct ne2000 *s = (struct ne2000 *)dev;

    s->regs[NO_REG] = 0;
    return pci_device_post_load(&s->pci, error);
}

static const struct property ne_props[] = {
    PCI_PROPS(struct ne2000, pci),
    NIC_PROPS(struct ne2000, nic),
    { 0 },
};

static const struct state_row ne_state[] = {
    PCI_STATE(struct ne2000, pci),
    STATE_BUF(struct ne2000, regs, 1, "registers"),
    STATE_BUF(struct ne2000, ram, 1, "the card's memory"),
    { 0 },
};

const struct device_type ne2k_pci_type = {
    .name = "ne2k_pci",
    .bus = BUS_PCI,
    .summary = "NE2000 on PCI (Realtek RTL8029AS)",
    .size = sizeof(struct ne2000),
    .props = ne_props,
    .state = ne_state,
    .realize = ne_realize,
    .reset = ne_reset,
    .unrealize = ne_unrealize,
    .post_load = ne_post_load,
};
