/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pflash_test.c: the flash chip's commands, its drive, and its place on the pc board. */
#include "hw/block/pflash_cfi01.h"
#include "hw/i386/pc.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"

#define BASE    0x40000000ull
#define SECTORS 256u /* 128 KiB; sector n of the drive is filled with n */
#define SIZE    (SECTORS * 512u)

struct fixture {
    struct rig *r;
    struct block_backend *blk;
    struct pflash *flash;
};

static void set_up(struct fixture *f, gconstpointer read_only)
{
    f->r = rig_new();
    f->blk = drive_rig_new(f->r, "p0", SECTORS, false);
    f->blk->read_only = read_only != NULL;
    f->flash = (struct pflash *)rig_device_new(f->r, &pflash_cfi01_type, "drive=p0");
    rig_device_realize(f->r, &f->flash->dev);
    mem_region_add(&f->r->m->system_memory, BASE, &f->flash->mem, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static uint8_t get(struct fixture *f, uint32_t at)
{
    return (uint8_t)rig_load(f->r, BASE + at, 1);
}

static void put(struct fixture *f, uint32_t at, uint8_t v)
{
    rig_store(f->r, BASE + at, v, 1);
}

static void array_is_the_drive(struct fixture *f, gconstpointer data)
{
    uint64_t len = 16;

    (void)data;
    g_assert_cmphex(rig_load(f->r, BASE + 0x1ff, 2), ==, 0x0100);
    g_assert_cmphex(get(f, SIZE - 1), ==, 0xff);
    /* At the speed of memory, and the CPU may run from it. */
    g_assert_nonnull(address_space_map(&f->r->m->memory, BASE, &len, false));
    g_assert_null(address_space_map(&f->r->m->memory, BASE, &len, true));
}

static void identification(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0, 0x90);
    g_assert_cmphex(get(f, 0), ==, 0x89);
    g_assert_cmphex(get(f, 1), ==, 0x18);
    g_assert_cmphex(get(f, 0x1002), ==, 0); /* not locked */
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0x200), ==, 1);
}

static void query_table(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0x55, 0x98);
    g_assert_cmphex(get(f, 0x10), ==, 'Q');
    g_assert_cmphex(get(f, 0x11), ==, 'R');
    g_assert_cmphex(get(f, 0x12), ==, 'Y');
    g_assert_cmphex(get(f, 0x13), ==, 1); /* Intel's command set */
    g_assert_cmphex(get(f, 0x15), ==, 0x31);
    g_assert_cmphex(get(f, 0x27), ==, 17); /* 2^17 bytes */
    g_assert_cmphex(get(f, 0x2a), ==, 5);
    g_assert_cmphex(get(f, 0x2c), ==, 1);
    g_assert_cmphex(rig_load(f->r, BASE + 0x2d, 4), ==, 0x0010001f); /* 32 blocks of 4 KiB */
    g_assert_cmphex(get(f, 0x31), ==, 'P');
    g_assert_cmphex(get(f, 0xff), ==, 0);
}

/* Programming clears bits; only erasing sets them, a block at a time. */
static void program_and_erase(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0x1200, 0x40); /* sector 9 */
    g_assert_cmphex(get(f, 0x1200), ==, 0x80);
    put(f, 0x1200, 0xf8);
    g_assert_cmphex(get(f, 0), ==, 0x80);
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0x1200), ==, 0x08);
    g_assert_cmphex(get(f, 0x1201), ==, 0x09);

    put(f, 0x1800, 0x20);
    put(f, 0x1800, 0xd0);
    g_assert_cmphex(get(f, 0), ==, 0x80);
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0x0fff), ==, 0x07);
    g_assert_cmphex(get(f, 0x1000), ==, 0xff);
    g_assert_cmphex(get(f, 0x1fff), ==, 0xff);
    g_assert_cmphex(get(f, 0x2000), ==, 0x10);
    put(f, 0x1234, 0x10);
    put(f, 0x1234, 0x5a);
    put(f, 0, 0xff);

    block_drain(f->blk);
    g_assert_cmphex(drive_rig_byte(f->blk, 0x0fff), ==, 0x07);
    g_assert_cmphex(drive_rig_byte(f->blk, 0x1000), ==, 0xff);
    g_assert_cmphex(drive_rig_byte(f->blk, 0x1234), ==, 0x5a);
    g_assert_cmphex(drive_rig_byte(f->blk, 0x2000), ==, 0x10);
}

static void buffered_write(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0xff00, 0xe8);
    g_assert_cmphex(get(f, 0xff00), ==, 0x80); /* the buffer is free */
    put(f, 0xff00, 2);
    put(f, 0xff00, 0x11);
    put(f, 0xff01, 0x22);
    put(f, 0xff05, 0x33);
    put(f, 0xff00, 0xd0);
    g_assert_cmphex(get(f, 0), ==, 0x80);
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0xff00), ==, (0x7f & 0x11));
    g_assert_cmphex(get(f, 0xff01), ==, (0x7f & 0x22));
    g_assert_cmphex(get(f, 0xff02), ==, 0x7f);
    g_assert_cmphex(get(f, 0xff05), ==, (0x7f & 0x33));
    block_drain(f->blk);
    g_assert_cmphex(drive_rig_byte(f->blk, 0xff01), ==, 0x22);
}

static void wrong_sequences_are_told(struct fixture *f, gconstpointer data)
{
    static const struct {
        uint8_t first, second;
    } rows[] = { { 0x20, 0xff }, { 0xe8, 32 }, { 0xe8, 0xff } };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        put(f, 0, rows[i].first);
        put(f, 0, rows[i].second);
        g_assert_cmphex(get(f, 0), ==, 0xb0);
        put(f, 0, 0x50);
        g_assert_cmphex(get(f, 0), ==, 0); /* as OVMF wants it */
    }
    put(f, 0, 0xe8); /* data for another block */
    put(f, 0, 0);
    put(f, 0x1000, 0);
    g_assert_cmphex(get(f, 0), ==, 0xb0);
    put(f, 0, 0x77); /* no such command: the array */
    g_assert_cmphex(get(f, 0x200), ==, 1);
}

static void read_only_drive_stays(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0x200, 0x40);
    put(f, 0x200, 0);
    g_assert_cmphex(get(f, 0), ==, 0x92);
    put(f, 0, 0x50);
    put(f, 0x200, 0x20);
    put(f, 0x200, 0xd0);
    g_assert_cmphex(get(f, 0), ==, 0xa2);
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0x200), ==, 1);
}

static void reset_ends_a_command(struct fixture *f, gconstpointer data)
{
    (void)data;
    put(f, 0, 0x20);
    device_reset_all(f->r->m);
    g_assert_cmphex(get(f, 0x200), ==, 1);
    put(f, 0, 0xd0); /* resume, no confirmation */
    put(f, 0, 0xff);
    g_assert_cmphex(get(f, 0x200), ==, 1);
}

static void state_is_saved(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    (void)data;
    put(f, 0x3000, 0xe8);
    put(f, 0x3000, 3);
    put(f, 0x3007, 0x55);
    rig_check_state(f->r, &f->flash->dev);
    g_assert_cmphex(get(f, 0), ==, 0x80);

    f->flash->at[0] = SIZE;
    device_save(&f->flash->dev, out);
    g_assert_false(device_load(&f->flash->dev, out->data, out->len, &pos, &error));
    g_assert_nonnull(strstr(error->message, "out of bounds"));
    g_assert_cmphex(get(f, 0x200), ==, 1);
}

static void mistakes_of_the_user(struct fixture *f, gconstpointer data)
{
    g_autofree char *none = rig_device_error(f->r, &pflash_cfi01_type, NULL);
    g_autofree char *used = rig_device_error(f->r, &pflash_cfi01_type, "drive=p0");
    g_autofree char *length =
        rig_device_error(f->r, &pflash_cfi01_type, "drive=p0,sector-length=5000");
    g_autofree char *size = NULL;

    (void)data;
    drive_rig_new(f->r, "odd", 9, false);
    size = rig_device_error(f->r, &pflash_cfi01_type, "drive=odd");
    g_assert_nonnull(strstr(none, "drive=ID is missing"));
    g_assert_nonnull(strstr(used, "already in use"));
    g_assert_nonnull(strstr(length, "power of two"));
    g_assert_nonnull(strstr(size, "multiple of 4096"));
}

static void fuzz_everything(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_memory(f->r, BASE, SIZE);
    rig_check_state(f->r, &f->flash->dev);
    block_drain(f->blk);
    put(f, 0, 0xff);
    put(f, 0, 0xff);
}

/* The pc board ------------------------------------------------------------------------------------ */

static struct block_backend *board_drive(struct machine *m, const char *id, unsigned sectors,
                                         int unit)
{
    struct rig r = { .m = m };
    struct block_backend *blk = drive_rig_new(&r, id, sectors, false);

    if (unit >= 0) {
        blk->interface = BLOCK_IF_PFLASH;
        blk->bus = 0;
        blk->unit = unit;
    }
    return blk;
}

static struct machine *board_new(void)
{
    struct machine *m = machine_new();

    machine_lock(m);
    clock_virtual_manual(m);
    m->config.ram_size = 64ull << 20;
    return m;
}

static uint8_t byte(struct machine *m, uint64_t addr)
{
    return (uint8_t)address_space_load(&m->memory, addr, 1);
}

static void unit_0_ends_at_4g_and_unit_1_lies_below(void)
{
    g_autoptr(GError) error = NULL;
    struct machine *m = board_new();

    board_drive(m, "vars", 8, 1);
    board_drive(m, "code", 512, -1);
    m->config.pflash[0] = g_strdup("code");
    g_assert_true(pc_init(m, &error));
    device_reset_all(m);
    g_assert_cmphex(byte(m, 0xffffffff), ==, 511 & 0xff);
    g_assert_cmphex(byte(m, 0xfffc0200), ==, 1);
    g_assert_cmphex(byte(m, 0xfffbffff), ==, 7);
    g_assert_cmphex(byte(m, 0xfffbf000), ==, 0);
    g_assert_cmphex(byte(m, 0xfffff), ==, 511 & 0xff);
    g_assert_cmphex(byte(m, 0xe0200), ==, 1);
    address_space_store(&m->memory, 0xfffbf000, 0x90, 1);
    g_assert_cmphex(byte(m, 0xfffbf000), ==, 0x89);
    g_assert_cmphex(byte(m, 0xfffc0200), ==, 1); /* the other chip is not concerned */
    machine_free(m);
}

static void refused(struct machine *m, const char *why)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(pc_init(m, &error));
    g_assert_nonnull(strstr(error->message, why));
    machine_free(m);
}

static void what_does_not_go_together_is_refused(void)
{
    struct machine *m = board_new();

    board_drive(m, "vars", 8, 1);
    refused(m, "unit 1 needs a unit 0");

    m = board_new();
    m->config.pflash[0] = g_strdup("nope");
    refused(m, "no drive 'nope'");

    m = board_new();
    board_drive(m, "code", 8, 0);
    m->config.pflash[0] = g_strdup("code");
    refused(m, "there already");

    m = board_new();
    board_drive(m, "code", 8, 0);
    m->config.bios = g_strdup("x");
    refused(m, "in flash already");
}

/* Nobody here is in system-management mode: the chip looks like a ROM. */
static void secure_chip_takes_no_commands(struct fixture *f, gconstpointer data)
{
    uint8_t *array = f->flash->rom.ram->host;

    (void)data;
    f->flash->secure = true;
    put(f, 0, 0x10);
    put(f, 0, 0x00);
    g_assert_cmphex(f->flash->mode, ==, PFLASH_ARRAY);
    f->flash->secure = false;
    put(f, 0, 0x90);
    g_assert_cmphex(f->flash->mode, ==, PFLASH_ID);
    f->flash->secure = true;
    g_assert_cmphex(f->flash->mmio.ops->read(f->flash, 0, 1), ==, array[0]);
}

#define ADD(name, fn) g_test_add("/pflash/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("array", array_is_the_drive);
    ADD("id", identification);
    ADD("query", query_table);
    ADD("secure", secure_chip_takes_no_commands);
    ADD("program-erase", program_and_erase);
    ADD("buffered", buffered_write);
    ADD("sequence", wrong_sequences_are_told);
    ADD("reset", reset_ends_a_command);
    ADD("state", state_is_saved);
    ADD("mistakes", mistakes_of_the_user);
    ADD("fuzz", fuzz_everything);
    g_test_add("/pflash/read-only", struct fixture, "ro", set_up, read_only_drive_stays, tear_down);
    g_test_add_func("/pflash/board", unit_0_ends_at_4g_and_unit_1_lies_below);
    g_test_add_func("/pflash/board-refused", what_does_not_go_together_is_refused);
    return g_test_run();
}
