/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i2c/i2c.h: devices on an I2C bus, as who drives the bus (smbus_host.h) talks to them: byte by byte.
 *
 * Invariant: a device on a bus of kind BUS_I2C begins with struct i2c_device.
 * Thread:    under the machine lock.
 */
#ifndef HW_I2C_I2C_H
#define HW_I2C_I2C_H

#include "softmmu/device.h"

struct i2c_device {
    struct device dev;
    uint8_t address;                                   /* property: 7 bits */
    void (*start)(struct i2c_device *d, bool read);    /* its address was called, once more maybe */
    bool (*write)(struct i2c_device *d, uint8_t byte); /* false: not acknowledged */
    uint8_t (*read)(struct i2c_device *d);
};
#define I2C_PROPS(strct, member) PROP_U8(strct, "address", member.address, 0, "on the bus: 7 bits")

/* NULL: nobody answers there. */
struct i2c_device *i2c_find(struct bus *bus, unsigned address);

/* smbus_eeprom.c: a board's memory modules, from address 0x50 on, each of which describes itself (SPD). */
#define SPD_MODULES 8u
bool spd_add_modules(struct machine *m, struct bus *bus, uint64_t ram, GError **error);

#endif
