/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/rtl8139.h: Realtek RTL8139C+: registers and the parts of the card.
 * Sources: RTL8139C(L) and RTL8139C+ data sheets (Realtek), chapters "Register Descriptions" and "C+ mode".
 *
 * Two machines in one: a ring of bytes and four descriptors in registers as the RTL8139 has them, and rings of
 * descriptors (C+), each direction by its own bit of CPCR.
 * Thread: under the machine lock.
 */
#ifndef HW_NET_RTL8139_H
#define HW_NET_RTL8139_H

#include <string.h>
#include "hw/net/eeprom.h"
#include "hw/net/nic.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum rtl_reg {
    IDR = 0x00, MAR = 0x08, TSD = 0x10, TSAD = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, CBR = 0x3a, IMR = 0x3c,
    ISR = 0x3e, TCR = 0x40, RCR = 0x44, TCTR = 0x48, MPC = 0x4c, EECR = 0x50, CONFIG0 = 0x51, CONFIG1 = 0x52,
    TIMERINT = 0x54, MSR = 0x58, CONFIG3 = 0x59, CONFIG4 = 0x5a, MULINT = 0x5c, RERID = 0x5e, TSALL = 0x60,
    BMCR = 0x62, BMSR = 0x64, ANAR = 0x66, ANLPAR = 0x68, ANER = 0x6a, CONFIG5 = 0xd8, TPPOLL = 0xd9, CPCR = 0xe0,
    RDSAR = 0xe4, ETTHR = 0xec,
    DTCCR = 0x10, TNPDS = 0x20, THPDS = 0x28, /* with C+: in place of TSD and TSAD */
};
enum rtl_int { INT_ROK = 0x01, INT_TOK = 0x04, INT_RXOVW = 0x10, INT_LINK = 0x20, INT_TDU = 0x80, INT_SW = 0x100,
               INT_TIMEOUT = 0x4000 };
enum rtl_command { CR_RST = 0x10, CR_RE = 0x08, CR_TE = 0x04, CR_BUFE = 0x01 };
enum rtl_cplus { CPCR_TX = 0x01, CPCR_RX = 0x02, CPCR_SUMS = 0x20, CPCR_VLAN = 0x40 };
enum rtl_poll { POLL_HIGH = 0x80, POLL_NORMAL = 0x40, POLL_SW = 0x01 };
/* clang-format on */
#define RTL_REGS       0x100u
#define RTL_SLOTS      4u  /* descriptors in registers */
#define RTL_RING       64u /* C+ descriptors at most */
#define RTL_QUEUES     2u  /* of C+: normal and high priority */
#define TSD_OWN        0x2000u
#define TSD_TOK        0x8000u
#define TSD_SIZE       0x1fffu
#define RTL_FRAME_MOST 8191u

struct rtl8139 {
    struct pci_device pci;
    struct nic nic;
    struct mem_region mmio, io;
    struct timer timer;     /* until TCTR is TIMERINT */
    int64_t tctr_start;     /* virtual ns when TCTR was 0 */
    uint8_t regs[RTL_REGS]; /* little-endian, as the guest sees them */
    struct nic_eeprom eeprom;
    uint8_t slot;                      /* the next of the four to send */
    uint16_t rx_at, tx_at[RTL_QUEUES]; /* C+: the next descriptors */
    bool transmitting;
    uint8_t frame[NET_FRAME_MAX + 4], scratch[NET_FRAME_MAX + 4];
};

static inline struct rtl8139 *rtl_of(struct net_client *c)
{
    return (struct rtl8139 *)((uint8_t *)nic_of(c) - offsetof(struct rtl8139, nic));
}
static inline uint32_t rtl_get(const struct rtl8139 *s, unsigned reg, unsigned size)
{
    uint32_t v = 0;

    memcpy(&v, s->regs + reg, size);
    return v;
}
static inline void rtl_put(struct rtl8139 *s, unsigned reg, uint32_t v, unsigned size)
{
    memcpy(s->regs + reg, &v, size);
}

/* rtl8139.c: causes an interrupt. */
void rtl_interrupt(struct rtl8139 *s, uint16_t causes);
/* rtl8139_tx.c: what is to be sent; in C+ mode of the queues whose bits (enum rtl_poll) are set. */
void rtl_transmit(struct rtl8139 *s);
void rtl_transmit_cplus(struct rtl8139 *s, unsigned polled);
/* rtl8139_rx.c */
bool rtl_receive(struct net_client *c, const uint8_t *frame, size_t len);
/* Nothing is in the ring of bytes. */
bool rtl_ring_empty(const struct rtl8139 *s);

#endif
