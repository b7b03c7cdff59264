/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000.h: Intel 82540EM: registers and the parts of the card.
 * Source: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (Intel 317453);
 * chapter numbers are its.
 * Thread: under the machine lock.
 */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "hw/net/nic.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum e1000_reg {                /* 13.4: byte offsets */
    CTRL = 0x0000, STATUS = 0x0008, EECD = 0x0010, EERD = 0x0014, MDIC = 0x0020, VET = 0x0038,
    ICR = 0x00c0, ITR = 0x00c4, ICS = 0x00c8, IMS = 0x00d0, IMC = 0x00d8,
    RCTL = 0x0100, TCTL = 0x0400, PBA = 0x1000,
    RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818,
    TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818,
    STATS = 0x4000, STATS_END = 0x4100, MPC = 0x4010, GPRC = 0x4074, GPTC = 0x4080, TPR = 0x40d0, TPT = 0x40d4,
    MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, RA_END = 0x5480, VFTA = 0x5600, REGS_END = 0x5900,
};
enum e1000_int { INT_TXDW = 0x01, INT_TXQE = 0x02, INT_LSC = 0x04, INT_RXDMT0 = 0x10, INT_RXO = 0x40,
                 INT_RXT0 = 0x80, INT_MDAC = 0x200 };
/* clang-format on */
#define CTRL_RST   0x04000000u
#define CTRL_VME   0x40000000u
#define STATUS_LU  0x00000002u
#define STATUS_FD  0x00000081u /* and 1000 Mbit/s */
#define RCTL_EN    0x00000002u
#define RCTL_UPE   0x00000008u
#define RCTL_MPE   0x00000010u
#define RCTL_LPE   0x00000020u
#define RCTL_BAM   0x00008000u
#define RCTL_VFE   0x00040000u
#define RCTL_BSEX  0x02000000u
#define RCTL_SECRC 0x04000000u
#define TCTL_EN    0x00000002u
#define RAH_AV     0x80000000u

#define E1000_REGS      (REGS_END / 4)
#define E1000_EEPROM    64u /* words */
#define E1000_PHY_REGS  32u
#define E1000_DESC_SIZE 16u

/* What a context descriptor says (3.3.6). */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso, hdrlen;
    uint16_t ipcse, tucse, mss;
};

struct e1000 {
    struct pci_device pci;
    struct nic nic;
    struct mem_region mmio, io;
    struct timer itr_timer; /* until then no further interrupt */
    uint32_t regs[E1000_REGS];
    uint16_t phy[E1000_PHY_REGS];
    uint16_t eeprom[E1000_EEPROM];
    uint32_t io_addr; /* IOADDR */
    /* The serial EEPROM on its wires. */
    uint32_t wire_in;
    uint16_t wire_out;
    uint8_t wire_bits, wire_left;
    bool wire_do;
    /* A frame on its way out. */
    struct e1000_context context;
    uint32_t tx_len;
    bool tx_tse, tx_ip, tx_tcp, tx_vlan, tx_cso, transmitting;
    uint8_t tx_css, tx_cs_at;
    uint16_t tx_tag;
    uint8_t tx[NET_FRAME_MAX], scratch[NET_FRAME_MAX];
};

static inline uint32_t *e1000_reg(struct e1000 *s, unsigned off)
{
    return &s->regs[off / 4];
}
static inline struct e1000 *e1000_of(struct net_client *c)
{
    return (struct e1000 *)((uint8_t *)nic_of(c) - offsetof(struct e1000, nic));
}

/* e1000.c: causes an interrupt. */
void e1000_interrupt(struct e1000 *s, uint32_t causes);

/* e1000_tx.c: what is between head and tail. */
void e1000_transmit(struct e1000 *s);
/* e1000_rx.c */
bool e1000_receive(struct net_client *c, const uint8_t *frame, size_t len);

/* e1000_phy.c: EEPROM and PHY (5.6, 13.4.3). */
void e1000_phy_reset(struct e1000 *s);
void e1000_eeprom_fill(struct e1000 *s);
void e1000_phy_link(struct e1000 *s, bool up);
void e1000_mdic_write(struct e1000 *s, uint32_t v);
void e1000_eerd_write(struct e1000 *s, uint32_t v);
void e1000_eecd_write(struct e1000 *s, uint32_t v);
uint32_t e1000_eecd_read(const struct e1000 *s);

#endif
