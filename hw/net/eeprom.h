/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/net/eeprom.h: a serial EEPROM of 64 words on its four wires (93C46, Microwire), read only.
 * Source: Microchip 93C46 data sheet, "Read".
 * Thread: under the machine lock.
 */
#ifndef HW_NET_EEPROM_H
#define HW_NET_EEPROM_H

#include "softmmu/device.h"

#define EEPROM_WORDS 64u

struct nic_eeprom {
    uint16_t words[EEPROM_WORDS];
    uint32_t in; /* bits of a command so far */
    uint16_t out;
    uint8_t bits, left; /* how many came, how many of the answer are left */
    bool clock, data;   /* the clock as it was; the wire from the device */
};

void nic_eeprom_reset(struct nic_eeprom *e);
/* The wires from the host: chip select, clock, data. */
void nic_eeprom_wires(struct nic_eeprom *e, bool select, bool clock, bool data);
void nic_eeprom_post_load(struct nic_eeprom *e);

#define NIC_EEPROM_STATE(strct, member)                                                            \
    STATE_SUB(strct, member, 1, nic_eeprom_state, 1, "serial EEPROM")
extern const struct state_row nic_eeprom_state[];

#endif
