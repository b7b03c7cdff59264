/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ahci_test.c: a disk behind ich9-ahci: command list, DMA, NCQ, errors. */
#include "tests/device/ahci_rig.h"
#include "tests/device/fuzz.h"

static void ports_say_what_is_there(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(rig_load(f->r, ABAR + 0xc, 4), ==, 0x3f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x24, 4), ==, 0x101);
    g_assert_cmphex(rig_load(f->r, PORT + 0x28, 4), ==, 0x113);
    g_assert_cmphex(rig_load(f->r, PORT + 0x80 + 0x28, 4), ==, 0);
    g_assert_cmphex(rig_load(f->r, FIS + 0x40, 1), ==, 0x34); /* the signature */
}

static void commands_move_data(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    ahci_rig_prepare(f, 0, 0xec, 0, 1);
    rig_store(f->r, PORT + 0x38, 1, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, DATA + 120, 4), ==, 4096);
    g_assert_cmphex(rig_load(f->r, LIST + 4, 4), ==, 512);
    /* PIO Setup: what it is, status with DRQ, status at the end, length. */
    g_assert_cmphex(rig_load(f->r, FIS + 0x20, 1), ==, 0x5f);
    g_assert_cmphex(rig_load(f->r, FIS + 0x22, 1), ==, 0x58);
    g_assert_cmphex(rig_load(f->r, FIS + 0x2f, 1), ==, 0x50);
    g_assert_cmphex(rig_load(f->r, FIS + 0x30, 2), ==, 512);
    ahci_rig_prepare(f, 3, 0x25, 7, 4);
    rig_store(f->r, PORT + 0x38, 8, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, DATA + 0x3000, 1), ==, 7);
    g_assert_cmphex(rig_load(f->r, DATA + 0x3000 + 2047, 1), ==, 10);
    g_assert_cmphex(rig_load(f->r, ABAR + 8, 4), ==, 1);
    rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
    rig_store(f->r, ABAR + 8, 1, 4);
    g_assert_cmphex(rig_load(f->r, ABAR + 8, 4), ==, 0);
    ahci_rig_prepare(f, 0, 0x35, 100, 4);
    rig_store(f->r, TABLE + 0x80, DATA + 0x3000, 8);
    rig_store(f->r, PORT + 0x38, 1, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(drive_rig_byte(f->blk, 100 * 512), ==, 7);
}

static void queued_ones_run_together(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 8; i++) {
        ahci_rig_prepare(f, i, 0x60, 20 + i, 2);
    }
    rig_store(f->r, PORT + 0x34, 0xff, 4);
    rig_store(f->r, PORT + 0x38, 0xff, 4);
    ahci_rig_wait(f);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(rig_load(f->r, DATA + i * 0x1000, 1), ==, 20 + i);
    }
    ahci_rig_prepare(f, 1, 0x61, 500, 1);
    rig_store(f->r, PORT + 0x34, 2, 4);
    rig_store(f->r, PORT + 0x38, 2, 4);
    rig_check_state(f->r, &f->ahci->pci.dev);
    g_assert_cmphex(drive_rig_byte(f->blk, 500 * 512), ==, 21);
}

static void errors_stop_the_port(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    ahci_rig_prepare(f, 0, 0x25, 1 << 20, 1);
    rig_store(f->r, PORT + 0x38, 1, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x10, 4) & 1u << 30, !=, 0);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4) & 1, ==, 1);
    rig_store(f->r, PORT + 0x18, 0x10, 4);
    g_assert_cmphex(rig_load(f->r, PORT + 0x38, 4), ==, 0);
    rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
    rig_store(f->r, PORT + 0x18, 0x11, 4);
    ahci_rig_prepare(f, 0, 0x60, 1 << 20, 1);
    rig_store(f->r, PORT + 0x34, 1, 4);
    rig_store(f->r, PORT + 0x38, 1, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x10, 4) & 1u << 30, !=, 0);
}

static void fuzz_registers(struct ahci_rig *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(2922);

    (void)data;
    for (unsigned i = 0; i < FUZZ_ROUNDS; i++) {
        unsigned slot = (unsigned)g_rand_int_range(rand, 0, 32);

        if (i % 4 == 0) {
            static const uint8_t codes[] = { 0x60, 0x61, 0x25, 0x35, 0x20, 0x30, 0xec, 0xef, 0xb0 };

            ahci_rig_prepare(f, slot, codes[g_rand_int_range(rand, 0, G_N_ELEMENTS(codes))],
                             (uint64_t)g_rand_int_range(rand, 0, 5000),
                             (unsigned)g_rand_int_range(rand, 0, 9));
            rig_store(f->r, LIST + g_rand_int_range(rand, 0, 1024), fuzz_value(rand), 1);
            rig_store(f->r, PORT + 0x38, 1u << slot, 4);
        } else {
            rig_store(f->r, ABAR + (uint32_t)g_rand_int_range(rand, 0, 0x60) * 4,
                      i % 64 ? 0x11 : fuzz_value(rand), 4);
        }
        if (i % 128 == 0) {
            rig_store(f->r, PORT, LIST, 4);
            rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
            rig_store(f->r, PORT + 0x18, 0x11, 4);
        }
        if (i % 8 == 0) {
            rig_poll(f->r);
        }
    }
    rig_check_state(f->r, &f->ahci->pci.dev);
}

#define ADD(name, fn)                                                                              \
    g_test_add("/ahci/" name, struct ahci_rig, NULL, ahci_rig_set_up, fn, ahci_rig_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ports", ports_say_what_is_there);
    ADD("commands", commands_move_data);
    ADD("ncq", queued_ones_run_together);
    ADD("errors", errors_stop_the_port);
    ADD("fuzz", fuzz_registers);
    return g_test_run();
}
