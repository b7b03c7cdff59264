/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i2c/smbus_eeprom.c: "smbus-eeprom": 256 bytes on an I2C bus; and what those of memory modules say (SPD).
 *
 * Source: Atmel AT24C02 datasheet, "Device operation"; JEDEC 21-C, 4.1.2 (serial presence detect of SDRAM
 *         and, in annex J, DDR2).
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/i2c/i2c.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define EEPROM_SIZE 256u
#define SPD_ADDRESS 0x50u
#define SPD_CHECKED 63u /* bytes that the checksum is of */

struct smbus_eeprom {
    struct i2c_device i2c;
    uint8_t data[EEPROM_SIZE];
    uint8_t offset;
    bool addressed; /* the next byte that is written is data */
};
extern const struct device_type smbus_eeprom_type;

static void eeprom_start(struct i2c_device *d, bool read)
{
    (void)read;
    ((struct smbus_eeprom *)d)->addressed = false;
}

static bool eeprom_write(struct i2c_device *d, uint8_t byte)
{
    struct smbus_eeprom *s = (struct smbus_eeprom *)d;

    if (!s->addressed) {
        s->offset = byte;
        s->addressed = true;
    } else {
        s->data[s->offset++] = byte;
    }
    return true;
}

static uint8_t eeprom_read(struct i2c_device *d)
{
    struct smbus_eeprom *s = (struct smbus_eeprom *)d;

    return s->data[s->offset++];
}

static bool eeprom_realize(struct device *dev, GError **error)
{
    struct smbus_eeprom *s = (struct smbus_eeprom *)dev;

    if (s->i2c.address > 0x7f) {
        set_error(error, "smbus-eeprom: address is 0x%x, must be at most 0x7f", s->i2c.address);
        return false;
    }
    s->i2c.start = eeprom_start;
    s->i2c.write = eeprom_write;
    s->i2c.read = eeprom_read;
    return true;
}

static void eeprom_reset(struct device *dev)
{
    struct smbus_eeprom *s = (struct smbus_eeprom *)dev;

    s->offset = 0;
    s->addressed = false;
}

static const struct property eeprom_props[] = {
    I2C_PROPS(struct smbus_eeprom, i2c),
    { 0 },
};
static const struct state_row eeprom_state[] = {
    STATE_BUF(struct smbus_eeprom, data, 1, "what it holds"),
    STATE_INT(struct smbus_eeprom, offset, 1, "where the next byte is"),
    STATE_INT(struct smbus_eeprom, addressed, 1, "the next byte written is data"),
    { 0 },
};

const struct device_type smbus_eeprom_type = {
    .name = "smbus-eeprom",
    .summary = "256 bytes on the SMBus",
    .bus = BUS_I2C,
    .internal = true,
    .size = sizeof(struct smbus_eeprom),
    .props = eeprom_props,
    .state = eeprom_state,
    .realize = eeprom_realize,
    .reset = eeprom_reset,
};

/* Memory modules -------------------------------------------------------------------------------- */

struct spd_byte {
    uint8_t offset, value;
};

/* clang-format off */
static const struct spd_byte ddr2[] = {
    { 2, 8 },                   /* DDR2 SDRAM */
    { 5, 0x60 },                /* height 30 mm, one rank */
    { 8, 5 },                   /* SSTL 1.8 V */
    { 9, 0x25 }, { 10, 0x40 },  /* cycle: 2.5 ns, access: 0.4 ns */
    { 12, 0x82 },               /* refresh: 7.8 us, by itself */
    { 16, 0x0c },               /* bursts of 4 and 8 */
    { 17, 8 },                  /* banks */
    { 18, 0x70 },               /* CAS latencies 4 to 6 */
    { 20, 2 },                  /* unbuffered DIMM */
    { 62, 0x12 },               /* revision 1.2 */
    { 0 },
};
static const struct spd_byte sdr[] = {
    { 2, 4 },                   /* SDRAM */
    { 5, 1 },                   /* one rank */
    { 8, 1 },                   /* LVTTL */
    { 9, 0x75 }, { 10, 0x54 },  /* cycle: 7.5 ns, access: 5.4 ns */
    { 12, 0x80 },               /* refresh: 15.6 us, by itself */
    { 15, 1 },                  /* clocks between columns */
    { 16, 0x0f },               /* bursts of 1 to 8 */
    { 17, 4 },                  /* banks */
    { 18, 6 },                  /* CAS latencies 2 and 3 */
    { 19, 1 }, { 20, 1 },       /* latencies of select and write: 0 */
    { 62, 0x12 },
    { 0 },
};
/* clang-format on */

/* Modules in one rank; a board has those of one kind. */
static const struct spd_kind {
    const struct spd_byte *bytes;
    unsigned min_log2, max_log2; /* bytes of a module */
    unsigned banks_log2, columns, rows_max;
} kinds[] = {
    { ddr2, 27, 34, 3, 10, 16 },
    { sdr, 22, 26, 2, 8, 13 },
};

/*
 * Byte 31: of SDRAM 4 MiB is bit 0, and so on; of DDR2 128 MiB is bit 5, 512 MiB bit 7, and 1 GiB bit 0.  A row has
 * columns of 64 bits.
 */
static void fill_spd(uint8_t data[EEPROM_SIZE], const struct spd_kind *kind, unsigned log2)
{
    unsigned rows_and_columns = log2 - 3 - kind->banks_log2;
    unsigned columns = MAX(kind->columns, rows_and_columns - kind->rows_max);

    memset(data, 0, EEPROM_SIZE);
    data[0] = 128; /* bytes that are used, */
    data[1] = 8;   /* of 1 << 8 */
    data[6] = 64;  /* bits wide */
    data[13] = 8;  /* bits of a chip */
    for (const struct spd_byte *b = kind->bytes; b->offset; b++) {
        data[b->offset] = b->value;
    }
    data[3] = (uint8_t)(rows_and_columns - columns);
    data[4] = (uint8_t)columns;
    data[31] = (uint8_t)(1u << (log2 - 22) % 8);
    for (unsigned i = 0; i < SPD_CHECKED; i++) {
        data[SPD_CHECKED] = (uint8_t)(data[SPD_CHECKED] + data[i]);
    }
    memcpy(data + 73, "RHEA", 4); /* part number */
}

/* The largest that fits; 0: none does. */
static unsigned module_log2(const struct spd_kind *kind, uint64_t ram)
{
    unsigned log2 = kind->max_log2;

    while (log2 >= kind->min_log2 && 1ull << log2 > ram) {
        log2--;
    }
    return log2 >= kind->min_log2 ? log2 : 0;
}

bool spd_add_modules(struct machine *m, struct bus *bus, uint64_t ram, GError **error)
{
    const struct spd_kind *kind = &kinds[ram < 1ull << kinds[0].min_log2];
    unsigned log2;

    for (unsigned i = 0; i < SPD_MODULES && (log2 = module_log2(kind, ram)); i++) {
        struct smbus_eeprom *s = (struct smbus_eeprom *)device_new(m, &smbus_eeprom_type);

        s->i2c.address = (uint8_t)(SPD_ADDRESS + i);
        fill_spd(s->data, kind, log2);
        ram -= 1ull << log2;
        if (!device_realize(&s->i2c.dev, bus, error)) {
            device_free(&s->i2c.dev);
            return false;
        }
    }
    return true;
}
