/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000.h: Intel 82540EM (e1000) and 82574L (e1000e): registers and the parts of the cards.
 * Sources: PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual (Intel 317453), whose
 * chapter numbers are cited; 82574 GbE Controller Family Datasheet (Intel 317694), cited as "82574".
 * Thread: under the machine lock.
 */
#ifndef HW_NET_E1000_H
#define HW_NET_E1000_H

#include "hw/net/eeprom.h"
#include "hw/net/nic.h"
#include "hw/pci/pci.h"

/* clang-format off */
enum e1000_reg {                /* 13.4: byte offsets */
    CTRL = 0x0000, STATUS = 0x0008, EECD = 0x0010, EERD = 0x0014, CTRL_EXT = 0x0018, MDIC = 0x0020, VET = 0x0038,
    ICR = 0x00c0, ITR = 0x00c4, ICS = 0x00c8, IMS = 0x00d0, IMC = 0x00d8, EIAC = 0x00dc, IAM = 0x00e0, IVAR = 0x00e4,
    EITR = 0x00e8, RCTL = 0x0100, TCTL = 0x0400, PBA = 0x1000, PSRCTL = 0x2170,
    RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818,
    TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818,
    STATS = 0x4000, STATS_END = 0x4100, MPC = 0x4010, GPRC = 0x4074, GPTC = 0x4080, TPR = 0x40d0, TPT = 0x40d4,
    RXCSUM = 0x5000, RFCTL = 0x5008, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, RA_END = 0x5480, VFTA = 0x5600,
    SWSM = 0x5b50, REGS_END = 0x6000,
};
enum e1000_int { INT_TXDW = 0x01, INT_TXQE = 0x02, INT_LSC = 0x04, INT_RXDMT0 = 0x10, INT_RXO = 0x40,
                 INT_RXT0 = 0x80, INT_MDAC = 0x200,
                 /* 82574: one for each queue, and one for all that is not a queue's */
                 INT_RXQ0 = 0x100000, INT_TXQ0 = 0x400000, INT_OTHER = 0x1000000, INT_ASSERTED = 1u << 31 };
/* clang-format on */
#define CTRL_GIO_OFF 0x00000004u /* 82574: master disable */
#define CTRL_RST     0x04000000u
#define CTRL_VME     0x40000000u
#define STATUS_LU    0x00000002u
#define STATUS_FD    0x00000081u /* and 1000 Mbit/s */
#define STATUS_GIO   0x00080000u /* 82574: master enabled */
#define RCTL_EN      0x00000002u
#define RCTL_UPE     0x00000008u
#define RCTL_MPE     0x00000010u
#define RCTL_LPE     0x00000020u
#define RCTL_BAM     0x00008000u
#define RCTL_VFE     0x00040000u
#define RCTL_BSEX    0x02000000u
#define RCTL_SECRC   0x04000000u
#define RXCSUM_IP    0x00000100u
#define RXCSUM_TU    0x00000200u
#define RFCTL_EXT    0x00008000u
#define TCTL_EN      0x00000002u
#define RAH_AV       0x80000000u

#define E1000_REGS      (REGS_END / 4)
#define E1000_PHY_REGS  32u
#define E1000_DESC_SIZE 16u
#define E1000_QUEUES    2u     /* at most */
#define E1000_QUEUE     0x100u /* from the registers of one queue to those of the next */
#define E1000_VECTORS   5u
#define E1000_ITR_UNIT  256 /* ns */
#define E1000_MMIO_SIZE 0x20000u

/* What a context descriptor says (3.3.6). */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso, hdrlen;
    uint16_t ipcse, tucse, mss;
};

/* A frame on its way out of a queue. */
struct e1000_tx {
    struct e1000_context context;
    uint32_t len;
    bool tse, ip, tcp, vlan, cso;
    uint8_t css, cs_at;
    uint16_t tag;
    uint8_t frame[NET_FRAME_MAX];
};

struct e1000;

/* A register, or an array of them: first to last. */
struct e1000_row {
    uint16_t first, last;
    uint32_t reset, writable;
    uint32_t (*read)(struct e1000 *s, unsigned off);          /* NULL: what is stored */
    void (*write)(struct e1000 *s, unsigned off, uint32_t v); /* NULL: v & writable is stored */
};

struct e1000_model {
    const struct net_ops *ops;
    struct pci_ident ident;
    const struct e1000_row *rows; /* beside those that all have; ends with first == last == 0 */
    unsigned queues;              /* of frames to send */
    uint16_t phy_id;              /* the lower word */
    uint16_t eeprom_control;      /* EEPROM word 0x0f */
    uint8_t eerd_done, eerd_shift;
    uint32_t causes; /* interrupts that there are */
    bool express;    /* what the 82574 has more */
    void (*update_irq)(struct e1000 *s);
};

struct e1000 {
    struct pci_device pci;
    struct nic nic;
    const struct e1000_model *model;
    struct mem_region mmio, io;
    struct timer itr_timer; /* until then no further interrupt */
    uint32_t regs[E1000_REGS];
    uint8_t row_of
        [E1000_REGS]; /* which of e1000_rows, and from E1000_OWN_ROWS on of the model's; 0: none */
    uint16_t phy[E1000_PHY_REGS];
    struct nic_eeprom eeprom;
    uint32_t io_addr; /* IOADDR */
    bool transmitting;
    struct e1000_tx tx[E1000_QUEUES];
    uint8_t scratch[NET_FRAME_MAX];
};
#define E1000_OWN_ROWS 128u

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
/* What the types' callbacks begin with; the model is of static storage. */
bool e1000_setup(struct e1000 *s, const struct e1000_model *model, GError **error);
void e1000_unrealize(struct device *dev);
void e1000_reset(struct device *dev);
bool e1000_post_load(struct device *dev, GError **error);
bool e1000_receive(struct net_client *c, const uint8_t *frame, size_t len);
void e1000_link_changed(struct net_client *c);
void e1000_drained(struct net_client *c);

#define E1000_STATE(strct, member)                                                                 \
    PCI_STATE(strct, member.pci), STATE_SUB(strct, member, 1, e1000_state, 1, "card")
extern const struct state_row e1000_state[];

/* e1000_tx.c: what is between head and tail. */
void e1000_transmit(struct e1000 *s);
/* e1000_phy.c: EEPROM and PHY (5.6, 13.4.3). */
void e1000_phy_reset(struct e1000 *s);
void e1000_eeprom_fill(struct e1000 *s);
void e1000_phy_link(struct e1000 *s, bool up);
/* In rows of registers. */
void e1000_mdic_write(struct e1000 *s, unsigned off, uint32_t v);
void e1000_eerd_write(struct e1000 *s, unsigned off, uint32_t v);
void e1000_eecd_write(struct e1000 *s, unsigned off, uint32_t v);
uint32_t e1000_eecd_read(struct e1000 *s, unsigned off);

#endif
