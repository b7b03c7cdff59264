/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/atapi_test.c: a CD drive behind piix3-ide, through the PACKET protocol. */
#include "tests/device/fuzz.h"
#include "tests/device/ide_rig.h"

#define BLOCKS 64u

struct fixture {
    struct ide_rig i;
    struct block_backend *blk;
    struct ide_drive *d;
    uint8_t data[65536];
};

static void set_up(struct fixture *f, gconstpointer data)
{
    ide_rig_set_up(&f->i, data);
    f->blk = drive_rig_new(f->i.r, "cd0", BLOCKS * 4, true);
    f->d = ide_rig_drive(&f->i, f->blk, 0, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    ide_rig_tear_down(&f->i, data);
}

/* Sends a packet and takes its data, `limit` bytes a time; how many came.  The status is in *status. */
static unsigned packet(struct fixture *f, const uint8_t *cdb, unsigned limit, uint8_t *status)
{
    struct rig *r = f->i.r;
    unsigned total = 0;

    rig_outb(r, 0x1f6, 0xa0);
    rig_outb(r, 0x1f1, 0);
    rig_outb(r, 0x1f4, (uint8_t)limit);
    rig_outb(r, 0x1f5, (uint8_t)(limit >> 8));
    rig_outb(r, 0x1f7, 0xa0);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
    g_assert_cmphex(rig_inb(r, 0x1f2) & 3, ==, 1); /* command, to the drive */
    ide_rig_data_out(&f->i, 0x1f0, cdb, 12);
    while ((*status = ide_rig_wait(&f->i, 0x1f0)) & 8) {
        unsigned n = rig_inb(r, 0x1f4) | (unsigned)rig_inb(r, 0x1f5) << 8;

        g_assert_cmphex(rig_inb(r, 0x1f2) & 3, ==, 2); /* data, from the drive */
        g_assert_cmpuint(n, <=, limit);
        ide_rig_data_in(&f->i, 0x1f0, f->data + total, n);
        total += n;
    }
    g_assert_cmphex(rig_inb(r, 0x1f2) & 3, ==, 3);
    rig_inb(r, 0x1f7);
    return total;
}

#define PACKET(f, limit, status, ...) packet(f, (const uint8_t[12]){ __VA_ARGS__ }, limit, status)

/* Sense key << 8 | additional sense code. */
static unsigned sense(struct fixture *f)
{
    uint8_t status;

    g_assert_cmpuint(PACKET(f, 64, &status, 0x03, 0, 0, 0, 18), ==, 18);
    return (unsigned)f->data[2] << 8 | f->data[12];
}

static void clear_attention(struct fixture *f)
{
    sense(f);
}

static void signature_and_identify(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0xec, 0, 0), ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f4), ==, 0x14);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f5), ==, 0xeb);
    g_assert_cmphex(ide_rig_command(&f->i, 0xa1, 0, 0), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmphex(buf[1], ==, 0x85);
}

static void attention_comes_first(struct fixture *f, gconstpointer data)
{
    uint8_t status;

    (void)data;
    PACKET(f, 64, &status, 0x00);
    g_assert_cmphex(status, ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f1) >> 4, ==, 6);
    g_assert_cmphex(sense(f), ==, 0x629);
    PACKET(f, 64, &status, 0x00);
    g_assert_cmphex(status, ==, 0x50);
}

static void reads_in_pieces(struct fixture *f, gconstpointer data)
{
    uint8_t status;

    (void)data;
    clear_attention(f);
    g_assert_cmpuint(PACKET(f, 1000, &status, 0x28, 0, 0, 0, 0, 3, 0, 0, 2), ==, 4096);
    g_assert_cmpuint(f->data[0], ==, 12);
    g_assert_cmpuint(f->data[4095], ==, 19);
    g_assert_cmpuint(PACKET(f, 0xfffe, &status, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 31), ==, 31 * 2048);
    g_assert_cmpuint(PACKET(f, 0xfffe, &status, 0xbe, 0, 0, 0, 0, 2, 0, 0, 1, 0xf8), ==, 2352);
    g_assert_cmphex(f->data[1], ==, 0xff);
    g_assert_cmpuint(f->data[16], ==, 8);
    PACKET(f, 2048, &status, 0x28, 0, 0, 0, 0, BLOCKS - 1, 0, 0, 2);
    g_assert_cmphex(status, ==, 0x51);
    g_assert_cmphex(sense(f), ==, 0x521);
    PACKET(f, 2048, &status, 0xa8, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff);
    g_assert_cmphex(sense(f), ==, 0x521);
}

static void says_what_is_in_it(struct fixture *f, gconstpointer data)
{
    uint8_t status;

    (void)data;
    clear_attention(f);
    g_assert_cmpuint(PACKET(f, 64, &status, 0x25), ==, 8);
    g_assert_cmpuint(f->data[3], ==, BLOCKS - 1);
    g_assert_cmpuint(f->data[6], ==, 8);
    g_assert_cmpuint(PACKET(f, 64, &status, 0x43, 0, 0, 0, 0, 0, 0, 0, 64), ==, 20);
    g_assert_cmphex(f->data[14], ==, 0xaa);
    g_assert_cmpuint(f->data[19], ==, BLOCKS);
    g_assert_cmpuint(PACKET(f, 64, &status, 0x12, 0, 0, 0, 36), ==, 36);
    g_assert_cmphex(f->data[0], ==, 5);
    g_assert_cmpuint(PACKET(f, 64, &status, 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64), ==, 28);
    g_assert_cmpuint(PACKET(f, 64, &status, 0x46, 0, 0, 0, 0, 0, 0, 0, 64), >=, 8);
    g_assert_cmpuint(f->data[7], ==, 8); /* a CD */
    PACKET(f, 64, &status, 0xdd);
    g_assert_cmphex(sense(f), ==, 0x520);
}

static void eject_and_change(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) locked = NULL, error = NULL;
    uint8_t status;

    (void)data;
    clear_attention(f);
    PACKET(f, 64, &status, 0x1e, 0, 0, 0, 1);
    g_assert_false(block_backend_eject(f->blk, false, &locked));
    g_assert_nonnull(strstr(locked->message, "is locked"));
    PACKET(f, 64, &status, 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8);
    g_assert_cmpuint(f->data[4], ==, 1); /* eject requested */
    PACKET(f, 64, &status, 0x1b, 0, 0, 0, 2);
    g_assert_cmphex(sense(f), ==, 0x553);
    PACKET(f, 64, &status, 0x1e, 0, 0, 0, 0);
    PACKET(f, 64, &status, 0x1b, 0, 0, 0, 2);
    PACKET(f, 64, &status, 0x00);
    g_assert_cmphex(sense(f), ==, 0x23a);
    PACKET(f, 64, &status, 0x1b, 0, 0, 0, 3);
    g_assert_cmphex(sense(f), ==, 0x628);
    g_assert_true(block_backend_eject(f->blk, false, &error));
    PACKET(f, 64, &status, 0x28, 0, 0, 0, 0, 0, 0, 0, 1);
    g_assert_cmphex(sense(f), ==, 0x23a);
    rig_check_state(f->i.r, &f->d->dev);
}

static void fuzz_packets(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(8020);
    uint8_t cdb[12], status;

    (void)data;
    for (unsigned i = 0; i < 3000; i++) {
        for (unsigned k = 0; k < 12; k++) {
            cdb[k] = g_rand_int(rand) & 1 ? (uint8_t)g_rand_int_range(rand, 0, 256) : 0;
        }
        if (cdb[0] == 0x15 || cdb[0] == 0x55 || cdb[0] == 0xa8 || cdb[0] == 0x28 ||
            cdb[0] == 0xbe) { /* those move more than the fixture's buffer holds */
            continue;
        }
        packet(f, cdb, (unsigned)g_rand_int_range(rand, 2, 4096), &status);
    }
    rig_check_state(f->i.r, &f->d->dev);
    fuzz_ports(f->i.r, 0x1f0, 8);
    block_drain(f->blk);
    rig_check_state(f->i.r, &f->d->dev);
}

#define ADD(name, fn) g_test_add("/atapi/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("identify", signature_and_identify);
    ADD("attention", attention_comes_first);
    ADD("read", reads_in_pieces);
    ADD("information", says_what_is_in_it);
    ADD("eject", eject_and_change);
    ADD("fuzz", fuzz_packets);
    return g_test_run();
}
