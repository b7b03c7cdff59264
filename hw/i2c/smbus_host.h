/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i2c/smbus_host.h: Intel's SMBus host controller: a block of registers that a south bridge has.  A transfer is
 * over when its start was written, but for those of the ICH that go byte by byte.
 *
 * Source: Intel 82371AB (PIIX4) datasheet (290562), 7.3; I/O Controller Hub 9 datasheet (316972), 19.2.
 * Invariant: `flow` is not FLOW_NONE while BUSY is set, and no other time.
 * Thread:    under the machine lock.
 */
#ifndef HW_I2C_SMBUS_HOST_H
#define HW_I2C_SMBUS_HOST_H

#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define SMBUS_BLOCK_MAX 32u

enum smbus_flow { FLOW_NONE, FLOW_READ, FLOW_WRITE, FLOW_COUNT };

struct smbus_host {
    struct machine *machine;
    struct bus bus; /* "i2c" */
    struct mem_region ports;
    bool ich;       /* an ICH's, else a PIIX4's */
    struct irq irq; /* a level: wired after init; the ICH's alone */
    uint8_t status, control, command, address, data0, data1, aux_control;
    uint8_t block[SMBUS_BLOCK_MAX];
    uint8_t index; /* of the next byte of block */
    uint8_t flow;  /* enum smbus_flow: between two bytes */
    uint8_t left;  /* bytes of a block to come */
    bool counted;  /* `left` says when it ends, not LAST_BYTE */
};
extern const struct state_row smbus_host_state[];

void smbus_host_init(struct smbus_host *s, struct machine *m, struct device *parent,
                     const char *name, unsigned n_ports, bool ich);
void smbus_host_reset(struct smbus_host *s);
void smbus_host_destroy(struct smbus_host *s);
bool smbus_host_post_load(struct smbus_host *s, GError **error);

#endif
