/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/fdc_test.c: the floppy controller with the DMA controller. */
#include "hw/block/fdc.h"
#include "hw/misc/i8237.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"

struct fixture {
    struct rig *r;
    struct block_backend *blk;
    struct i8237 *dma;
    struct fdc *fdc;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    f->blk = drive_rig_new(f->r, "floppy0", 2880, false);
    f->dma = (struct i8237 *)rig_device(f->r, "i8237", NULL);
    f->fdc = (struct fdc *)rig_device(f->r, "isa-fdc", "driveA=floppy0");
    rig_outb(f->r, 0x3f2, 0x00);
    rig_outb(f->r, 0x3f2, 0x1c);
    rig_outb(f->r, 0x3f7, 0); /* 500 kb/s */
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void command(struct fixture *f, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(rig_inb(f->r, 0x3f4) & 0xc0, ==, 0x80);
        rig_outb(f->r, 0x3f5, bytes[i]);
    }
}
#define COMMAND(f, ...)                                                                            \
    command(f, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static unsigned result(struct fixture *f, uint8_t *bytes)
{
    unsigned n = 0;

    while (!(rig_inb(f->r, 0x3f4) & 0x80)) {
        machine_iterate(f->r->m, true);
    }
    while ((rig_inb(f->r, 0x3f4) & 0xd0) == 0xd0) {
        bytes[n++ & 15] = rig_inb(f->r, 0x3f5);
    }
    return n;
}

/* Channel 2: single transfers of len bytes at addr. */
static void program_dma(struct fixture *f, uint8_t mode, uint32_t addr, unsigned len)
{
    rig_outb(f->r, 0x0a, 6);
    rig_outb(f->r, 0x0c, 0);
    rig_outb(f->r, 0x0b, mode);
    rig_outb(f->r, 0x04, (uint8_t)addr);
    rig_outb(f->r, 0x04, (uint8_t)(addr >> 8));
    rig_outb(f->r, 0x81, (uint8_t)(addr >> 16));
    rig_outb(f->r, 0x05, (uint8_t)(len - 1));
    rig_outb(f->r, 0x05, (uint8_t)((len - 1) >> 8));
    rig_outb(f->r, 0x0a, 2);
}

static void start_drive(struct fixture *f)
{
    uint8_t r[16];

    for (unsigned i = 0; i < 4; i++) {
        COMMAND(f, 0x08);
        g_assert_cmpuint(result(f, r), ==, 2);
        g_assert_cmphex(r[0], ==, 0xc0 | i);
    }
    COMMAND(f, 0x03, 0xdf, 0x02);
    COMMAND(f, 0x07, 0);
    g_assert_true(f->r->lines[6].level);
    COMMAND(f, 0x08);
    g_assert_cmpuint(result(f, r), ==, 2);
    g_assert_cmphex(r[0], ==, 0x20);
    g_assert_false(f->r->lines[6].level);
}

static void reset_interrupts_and_answers(struct fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    g_assert_true(f->r->lines[6].level);
    g_assert_cmphex(rig_inb(f->r, 0x3f7) & 0x80, ==, 0x80); /* the disk was changed */
    start_drive(f);
    COMMAND(f, 0x0f, 0, 1);
    g_assert_cmphex(rig_inb(f->r, 0x3f7) & 0x80, ==, 0);
    COMMAND(f, 0x08);
    result(f, r);
    g_assert_cmpuint(r[1], ==, 1);
    COMMAND(f, 0x10);
    g_assert_cmpuint(result(f, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x90);
    COMMAND(f, 0x1f);
    g_assert_cmpuint(result(f, r), ==, 1);
    g_assert_cmphex(r[0], ==, 0x80);
    COMMAND(f, 0x0e);
    g_assert_cmpuint(result(f, r), ==, 10);
}

static void reads_by_dma(struct fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    start_drive(f);
    program_dma(f, 0x46, 0x10000, 1024);
    COMMAND(f, 0xe6, 0, 0, 0, 3, 2, 18, 27, 0xff);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0);
    g_assert_cmpuint(r[5], ==, 5); /* the next sector */
    g_assert_cmphex(rig_load(f->r, 0x10000, 1), ==, 2);
    g_assert_cmphex(rig_load(f->r, 0x10000 + 1023, 1), ==, 3);
    program_dma(f, 0x46, 0x10000, 36 * 512); /* both sides */
    COMMAND(f, 0xe6, 0, 0, 0, 1, 2, 18, 27, 0xff);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0);
    g_assert_cmphex(rig_load(f->r, 0x10000 + 35 * 512, 1), ==, 35);
}

static void writes_by_dma_and_waits_for_the_mask(struct fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    start_drive(f);
    rig_store(f->r, 0x20000, 0xaa, 1);
    program_dma(f, 0x4a, 0x20000, 512);
    rig_outb(f->r, 0x0a, 6);
    COMMAND(f, 0xc5, 4, 0, 1, 2, 2, 18, 27, 0xff);
    rig_poll(f->r);
    g_assert_cmphex(rig_inb(f->r, 0x3f4) & 0x80, ==, 0);
    rig_check_state(f->r, &f->dma->dev);
    rig_outb(f->r, 0x0a, 6);
    f->dma->chips[0].requests = 4;
    program_dma(f, 0x4a, 0x20000, 512);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 19 * 512), ==, 0xaa);
}

static void mistakes_are_status_bits(struct fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    start_drive(f);
    COMMAND(f, 0xe6, 0, 0, 0, 19, 2, 19, 27, 0xff); /* no such sector */
    result(f, r);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
    g_assert_cmphex(r[1], ==, 4);
    COMMAND(f, 0xe6, 0, 9, 0, 1, 2, 18, 27, 0xff); /* the head is not there */
    result(f, r);
    g_assert_cmphex(r[2], ==, 0x10);
    rig_outb(f->r, 0x3f7, 2);
    COMMAND(f, 0x4a, 0); /* the wrong data rate */
    result(f, r);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
    rig_outb(f->r, 0x3f7, 0);
    f->blk->read_only = true;
    COMMAND(f, 0xc5, 0, 0, 0, 1, 2, 18, 27, 0xff);
    result(f, r);
    g_assert_cmphex(r[1], ==, 2);
    g_assert_true(block_backend_eject(f->blk, false, NULL));
    COMMAND(f, 0xe6, 0, 0, 0, 1, 2, 18, 27, 0xff);
    result(f, r);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
}

static void non_dma_mode_uses_the_fifo(struct fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    start_drive(f);
    COMMAND(f, 0x03, 0xdf, 0x03);
    COMMAND(f, 0x46, 0, 0, 0, 7, 2, 7, 27, 0xff);
    while (!(rig_inb(f->r, 0x3f4) & 0x80)) {
        machine_iterate(f->r->m, true);
    }
    for (unsigned i = 0; i < 512; i++) {
        g_assert_cmphex(rig_inb(f->r, 0x3f4), ==, 0xf0);
        g_assert_cmphex(rig_inb(f->r, 0x3f5), ==, 6);
    }
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[1], ==, 0x80); /* nobody said that this was the last */
}

static void fuzz_both(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(82078);

    (void)data;
    for (unsigned i = 0; i < 2 * FUZZ_ROUNDS; i++) {
        static const uint16_t bases[] = { 0x3f0, 0x3f5, 0x3f5, 0x3f5, 0x00, 0x80, 0xc0 };
        uint16_t base = bases[g_rand_int_range(rand, 0, G_N_ELEMENTS(bases))];
        uint16_t port = base == 0x3f5 ? base : (uint16_t)(base + g_rand_int_range(rand, 0, 16));

        if (g_rand_int(rand) % 3) {
            rig_outb(f->r, port, (uint8_t)fuzz_value(rand));
        } else {
            rig_inb(f->r, port);
        }
        if (i % 16 == 0) {
            rig_poll(f->r);
        }
    }
    rig_check_state(f->r, &f->fdc->dev);
    rig_check_state(f->r, &f->dma->dev);
}

#define ADD(name, fn) g_test_add("/fdc/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("reset", reset_interrupts_and_answers);
    ADD("read", reads_by_dma);
    ADD("write", writes_by_dma_and_waits_for_the_mask);
    ADD("errors", mistakes_are_status_bits);
    ADD("non-dma", non_dma_mode_uses_the_fifo);
    ADD("fuzz", fuzz_both);
    return g_test_run();
}
