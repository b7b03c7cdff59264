/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/smbus_test.c: the SMBus hosts of the PIIX4 and the ICH9, and EEPROMs behind them. */
#include "hw/i2c/i2c.h"
#include "hw/i2c/ich9_smbus.h"
#include "hw/i386/piix4_pm.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(3, 3)
#define BASE  0x700
#define IRQ   20

enum { STS, CNT = 2, CMD, ADD, D0, D1, DB, AUX = 0x0d };
enum {
    BYTE = 1 << 2,
    BYTE_DATA = 2 << 2,
    WORD = 3 << 2,
    CALL = 4 << 2,
    BLOCK = 5 << 2,
    I2C = 6 << 2,
    START = 1 << 6
};

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct device *dev;
};

static void set_up(struct fixture *f, gconstpointer type)
{
    g_autoptr(GError) error = NULL;
    struct pci_host *host;
    bool ich = strcmp(type, "ICH9-SMB") == 0;

    f->r = rig_new();
    host = pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        host->bus.lines[i] = rig_irq_sink(f->r, IRQ);
    }
    f->dev = rig_device(f->r, type, "addr=3.3");
    g_assert_true(spd_add_modules(f->r->m,
                                  ich ? &((struct ich9_smbus *)f->dev)->host.bus
                                      : &((struct piix4_pm *)f->dev)->smbus.bus,
                                  3ull << 30, &error));
    g_assert_cmphex(rig_inb(f->r, BASE + CNT), ==, 0xff);
    pci_rig_write(f->r, DEVFN, ich ? 0x20 : 0x90, BASE, 4);
    pci_rig_write(f->r, DEVFN, 0x04, 1, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + CNT), ==, 0xff);
    pci_rig_write(f->r, DEVFN, ich ? 0x40 : 0xd2, 1, 1);
    g_assert_cmphex(rig_inb(f->r, BASE + CNT), ==, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* Starts one and returns the status, which it clears. */
static uint8_t transfer(struct fixture *f, uint8_t address, bool read, uint8_t command,
                        uint8_t protocol)
{
    uint8_t status;

    rig_outb(f->r, BASE + ADD, (uint8_t)(address << 1 | read));
    rig_outb(f->r, BASE + CMD, command);
    rig_outb(f->r, BASE + CNT, protocol | START);
    status = rig_inb(f->r, BASE + STS);
    rig_outb(f->r, BASE + STS, 0x1e);
    return status & 0x1f;
}

static void bytes_and_words_are_read(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(transfer(f, 0x50, true, 2, BYTE_DATA), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0), ==, 8); /* DDR2 */
    g_assert_cmphex(transfer(f, 0x50, true, 0, BYTE), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0), ==, 15); /* the next one: rows of 2 GiB */
    g_assert_cmphex(transfer(f, 0x51, true, 31, WORD), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0), ==, 1); /* 1 GiB */
    g_assert_cmphex(rig_inb(f->r, BASE + D1), ==, 0);
    g_assert_cmphex(transfer(f, 0x50, false, 31, BYTE), ==, 2);
    g_assert_cmphex(transfer(f, 0x50, true, 0, BYTE), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0), ==, 2); /* 2 GiB */
    rig_check_state(f->r, f->dev);
}

static void nobody_answers(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(transfer(f, 0x52, true, 0, BYTE_DATA), ==, 4);
    g_assert_cmphex(transfer(f, 0x08, false, 0, 0), ==, 4);
    g_assert_cmphex(transfer(f, 0x50, false, 0, 0), ==, 2);
    g_assert_cmphex(transfer(f, 0x50, true, 0, 7 << 2), ==, 4);
}

/* Three bytes at 0x80, behind how many they are. */
static void write_block(struct fixture *f)
{
    static const uint8_t bytes[] = { 3, 'a', 'b', 'c' };

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        rig_outb(f->r, BASE + D0, bytes[i]);
        g_assert_cmphex(transfer(f, 0x50, false, (uint8_t)(0x80 + i), BYTE_DATA), ==, 2);
    }
    rig_outb(f->r, BASE + D0, 'x');
    rig_outb(f->r, BASE + D1, 'y');
    g_assert_cmphex(transfer(f, 0x50, false, 0x84, WORD), ==, 2);
}

static void blocks_go_through_the_buffer(struct fixture *f, gconstpointer type)
{
    if (strcmp(type, "ICH9-SMB") == 0) {
        rig_outb(f->r, BASE + AUX, 2);
    }
    write_block(f);
    g_assert_cmphex(transfer(f, 0x50, true, 0x80, BLOCK), ==, 2);
    g_assert_cmpuint(rig_inb(f->r, BASE + D0), ==, 3);
    rig_inb(f->r, BASE + CNT);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(rig_inb(f->r, BASE + DB), ==, 'a' + i);
    }
    rig_inb(f->r, BASE + CNT);
    rig_outb(f->r, BASE + D0, 2);
    rig_outb(f->r, BASE + DB, 'p');
    rig_outb(f->r, BASE + DB, 'q');
    g_assert_cmphex(transfer(f, 0x50, false, 0x90, BLOCK), ==, 2);
    g_assert_cmphex(transfer(f, 0x50, true, 0x91, WORD), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0), ==, 'p');
    g_assert_cmphex(rig_inb(f->r, BASE + D1), ==, 'q');
    g_assert_cmphex(transfer(f, 0x50, true, 31, BLOCK), ==, 2); /* of 2 bytes */
    rig_outb(f->r, BASE + D0, 33);
    g_assert_cmphex(transfer(f, 0x50, false, 0xa0, BLOCK), ==, 4); /* too many */
    g_assert_cmphex(transfer(f, 0x50, true, 6, BLOCK), ==, 4);     /* 64 bytes */
}

/* The ICH9 without its buffer. */
static void blocks_go_byte_by_byte(struct fixture *f, gconstpointer data)
{
    (void)data;
    write_block(f);
    g_assert_cmphex(transfer(f, 0x50, true, 0x80, BLOCK), ==, 1); /* busy */
    g_assert_cmpuint(rig_inb(f->r, BASE + D0), ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmphex(rig_inb(f->r, BASE + STS) & 0x83, ==, 0x81);
        g_assert_cmphex(rig_inb(f->r, BASE + DB), ==, 'a' + i);
        rig_check_state(f->r, f->dev);
        rig_outb(f->r, BASE + STS, 0x80);
    }
    g_assert_cmphex(rig_inb(f->r, BASE + STS) & 0x83, ==, 0x02);
    rig_outb(f->r, BASE + STS, 0x02);
    rig_outb(f->r, BASE + D0, 2);
    rig_outb(f->r, BASE + DB, 'p');
    g_assert_cmphex(transfer(f, 0x50, false, 0x90, BLOCK), ==, 1);
    rig_outb(f->r, BASE + DB, 'q');
    rig_outb(f->r, BASE + STS, 0x80);
    rig_outb(f->r, BASE + STS, 0x80);
    g_assert_cmphex(rig_inb(f->r, BASE + STS) & 0x83, ==, 0x02);
    g_assert_cmphex(transfer(f, 0x50, true, 0x91, WORD), ==, 2);
    g_assert_cmphex(rig_inb(f->r, BASE + D0) << 8 | rig_inb(f->r, BASE + D1), ==, 'p' << 8 | 'q');
}

/* As many as software wants, which says LAST_BYTE before the last. */
static void i2c_reads_end_when_told(struct fixture *f, gconstpointer data)
{
    (void)data;
    write_block(f);
    rig_outb(f->r, BASE + D1, 0x81);
    g_assert_cmphex(transfer(f, 0x50, false, 0, I2C | 1), ==, 1);
    g_assert_true(f->r->lines[IRQ].level);
    g_assert_cmphex(rig_inb(f->r, BASE + DB), ==, 'a');
    rig_outb(f->r, BASE + STS, 0x80);
    g_assert_cmphex(rig_inb(f->r, BASE + DB), ==, 'b');
    rig_outb(f->r, BASE + CNT, I2C | 1 | 1 << 5);
    rig_outb(f->r, BASE + STS, 0x80);
    g_assert_cmphex(rig_inb(f->r, BASE + DB), ==, 'c');
    rig_outb(f->r, BASE + STS, 0x80);
    g_assert_cmphex(rig_inb(f->r, BASE + STS) & 0x83, ==, 0x02);
    rig_outb(f->r, BASE + STS, 0x02);
    g_assert_false(f->r->lines[IRQ].level);
    transfer(f, 0x50, false, 0, I2C);
    rig_outb(f->r, BASE + CNT, 2); /* kill */
    g_assert_cmphex(rig_inb(f->r, BASE + STS) & 0x1f, ==, 0x10);
    rig_outb(f->r, BASE + STS, 0x10);
    g_assert_cmphex(transfer(f, 0x50, false, 0, BYTE_DATA | 1 << 7), ==, 4); /* PEC */
    rig_outb(f->r, BASE + STS, 0xff);
    g_assert_cmphex(rig_inb(f->r, BASE + STS), ==, 0);
    g_assert_cmphex(rig_inb(f->r, BASE + STS), ==, 0x40); /* somebody has it */
}

static void modules_add_up(void)
{
    static const struct {
        uint64_t ram;
        unsigned n;
        uint8_t density[3];
    } rows[] = {
        { 2ull << 20, 0, { 0 } },
        { 100ull << 20, 3, { 0x10, 0x08, 0x01 } }, /* SDRAM: 64, 32 and 4 MiB */
        { 128ull << 20, 1, { 0x20 } },
        { 1000ull << 20, 3, { 0x80, 0x40, 0x20 } },
        { 48ull << 30, 3, { 0x10, 0x10, 0x10 } },
        { 1ull << 40, 8, { 0x10, 0x10, 0x10 } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(rig) r = rig_new();
        struct bus bus;

        bus_init(&bus, r->m, BUS_I2C, "i2c", NULL);
        g_assert_true(spd_add_modules(r->m, &bus, rows[i].ram, NULL));
        g_assert_cmpuint(bus.devices->len, ==, rows[i].n);
        for (unsigned k = 0; k < MIN(rows[i].n, 3); k++) {
            struct i2c_device *d = i2c_find(&bus, 0x50 + k);

            d->start(d, false);
            d->write(d, 31);
            d->start(d, true);
            g_assert_cmphex(d->read(d), ==, rows[i].density[k]);
        }
        while (bus.devices->len) {
            device_free(g_ptr_array_index(bus.devices, 0));
        }
        bus_destroy(&bus);
    }
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_ports(f->r, BASE, 16);
    rig_check_state(f->r, f->dev);
}

#define ADD(path, type, fn) g_test_add("/smbus/" path, struct fixture, type, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("piix4/bytes", "PIIX4_PM", bytes_and_words_are_read);
    ADD("ich9/bytes", "ICH9-SMB", bytes_and_words_are_read);
    ADD("piix4/nobody", "PIIX4_PM", nobody_answers);
    ADD("ich9/nobody", "ICH9-SMB", nobody_answers);
    ADD("piix4/blocks", "PIIX4_PM", blocks_go_through_the_buffer);
    ADD("ich9/blocks", "ICH9-SMB", blocks_go_through_the_buffer);
    ADD("ich9/bytewise", "ICH9-SMB", blocks_go_byte_by_byte);
    ADD("ich9/i2c", "ICH9-SMB", i2c_reads_end_when_told);
    ADD("piix4/fuzz", "PIIX4_PM", random_accesses);
    ADD("ich9/fuzz", "ICH9-SMB", random_accesses);
    g_test_add_func("/smbus/modules", modules_add_up);
    return g_test_run();
}
