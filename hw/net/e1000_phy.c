/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/e1000_phy.c: the EEPROM, by register and by its wires, and the PHY behind MDIC.
 * Source: see e1000.h, 5.6 and 13.4.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/net/e1000.h"

enum {
    EECD_SK = 1,
    EECD_CS = 2,
    EECD_DI = 4,
    EECD_DO = 8,
    EECD_REQ = 0x40,
    EECD_GNT = 0x80,
    EECD_PRES = 0x100
};
enum { EECD_AUTO_READ = 0x200 }; /* 82574: the EEPROM has been loaded */
enum { EERD_START = 1 };
enum { EEPROM_CHECKSUM = 0x3f, EEPROM_SUM = 0xbaba };
enum { PHY_CONTROL = 0, PHY_STATUS = 1, PHY_SPEC_STATUS = 17, PHY_ADDRESS = 1 };
#define MDIC_WRITE (1u << 26)
#define MDIC_READ  (2u << 26)
#define MDIC_READY (1u << 28)
#define MDIC_INT   (1u << 29)
#define MDIC_ERROR (1u << 30)

void e1000_eeprom_fill(struct e1000 *s)
{
    uint16_t sum = 0;

    memset(s->eeprom.words, 0, sizeof(s->eeprom.words));
    for (unsigned i = 0; i < 3; i++) {
        s->eeprom.words[i] = (uint16_t)(s->nic.mac[2 * i] | s->nic.mac[2 * i + 1] << 8);
    }
    s->eeprom.words[0x0a] = 0x4408; /* initialization control 1 */
    s->eeprom.words[0x0b] = pci_config_load(&s->pci, PCI_SUBSYS_ID, 2);
    s->eeprom.words[0x0c] = pci_config_load(&s->pci, PCI_SUBSYS_VENDOR, 2);
    s->eeprom.words[0x0d] = s->model->ident.device;
    s->eeprom.words[0x0e] = s->model->ident.vendor;
    s->eeprom.words[0x0f] = s->model->eeprom_control;
    for (unsigned i = 0; i < EEPROM_CHECKSUM; i++) {
        sum = (uint16_t)(sum + s->eeprom.words[i]);
    }
    s->eeprom.words[EEPROM_CHECKSUM] = (uint16_t)(EEPROM_SUM - sum);
}

void e1000_eerd_write(struct e1000 *s, unsigned off, uint32_t v)
{
    unsigned word = (v & 0xffff) >> s->model->eerd_shift;

    if (v & EERD_START) {
        v = word << s->model->eerd_shift | s->model->eerd_done |
            (uint32_t)(word < EEPROM_WORDS ? s->eeprom.words[word] : 0xffff) << 16;
    }
    *e1000_reg(s, off) = v;
}

void e1000_eecd_write(struct e1000 *s, unsigned off, uint32_t v)
{
    *e1000_reg(s, off) = v & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ | 0x30);
    nic_eeprom_wires(&s->eeprom, v & EECD_CS, v & EECD_SK, v & EECD_DI);
}

uint32_t e1000_eecd_read(struct e1000 *s, unsigned off)
{
    uint32_t v = *e1000_reg(s, off);

    v |= s->model->express ? EECD_AUTO_READ : 0;
    return v | EECD_PRES | (v & EECD_REQ ? EECD_GNT : 0) | (s->eeprom.data ? EECD_DO : 0);
}

/* An M88E1011, or the PHY of the 82574, that has found a gigabit partner. */
void e1000_phy_reset(struct e1000 *s)
{
    static const uint16_t fresh[E1000_PHY_REGS] = {
        [PHY_CONTROL] = 0x1140,
        [PHY_STATUS] = 0x7949,
        [2] = 0x0141,
        [4] = 0x0de1,
        [5] = 0x45e1,
        [6] = 0x0005,
        [9] = 0x0e00,
        [10] = 0x3c00,
        [15] = 0x3000,
        [16] = 0x0360,
        [PHY_SPEC_STATUS] = 0xa808,
        [20] = 0x0d60,
    };

    memcpy(s->phy, fresh, sizeof(fresh));
    s->phy[3] = s->model->phy_id;
}

void e1000_phy_link(struct e1000 *s, bool up)
{
    s->phy[PHY_STATUS] = (uint16_t)((s->phy[PHY_STATUS] & ~0x24) | (up ? 0x24 : 0));
    s->phy[PHY_SPEC_STATUS] = (uint16_t)((s->phy[PHY_SPEC_STATUS] & ~0x400) | (up ? 0x400 : 0));
}

void e1000_mdic_write(struct e1000 *s, unsigned off, uint32_t v)
{
    static const uint32_t writable = 1u << PHY_CONTROL | 1u << 4 | 1u << 7 | 1u << 9 | 1u << 16 |
                                     1u << 18 | 1u << 20 | 1u << 29 | 1u << 30;
    unsigned reg = v >> 16 & 31;
    bool up = (*e1000_reg(s, STATUS) & STATUS_LU) != 0;

    v &= ~(MDIC_READY | MDIC_ERROR);
    if ((v >> 21 & 31) != PHY_ADDRESS) {
        v |= MDIC_ERROR;
    } else if (v & MDIC_READ) {
        v = (v & ~0xffffu) | s->phy[reg];
    } else if (v & MDIC_WRITE && reg == PHY_CONTROL) {
        if (v & 0x8000) {
            e1000_phy_reset(s);
            e1000_phy_link(s, up);
        }
        s->phy[reg] = v & 0x7dff; /* reset and a new negotiation are over at once */
    } else if (v & MDIC_WRITE && writable >> reg & 1) {
        s->phy[reg] = (uint16_t)v;
    }
    *e1000_reg(s, off) = v | MDIC_READY;
    if (v & MDIC_INT) {
        e1000_interrupt(s, INT_MDAC);
    }
}
