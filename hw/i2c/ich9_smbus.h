/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i2c/ich9_smbus.h: the ICH9's SMBus function, for the board.  Thread: under the machine lock. */
#ifndef HW_I2C_ICH9_SMBUS_H
#define HW_I2C_ICH9_SMBUS_H

#include "hw/i2c/smbus_host.h"
#include "hw/pci/pci.h"

struct ich9_smbus {
    struct pci_device pci;
    struct smbus_host host; /* its bus exists from realize on */
};
extern const struct device_type ich9_smbus_type;

#endif
