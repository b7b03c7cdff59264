/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ide_test.c: ATA disks behind piix3-ide.  Thread: the test's. */
#include "block/driver.h"
#include "tests/device/ide_rig.h"
#include "tests/device/fuzz.h"

#define SECTORS 4096u

struct fixture {
    struct ide_rig i;
    struct block_backend *blk;
    struct ide_drive *d;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    ide_rig_set_up(&f->i, data);
    f->blk = drive_rig_new(f->i.r, "d0", SECTORS, false);
    f->d = ide_rig_drive(&f->i, f->blk, 0, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    ide_rig_tear_down(&f->i, data);
}

static void signature_tells_a_disk(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;

    (void)data;
    rig_outb(r, 0x3f6, 4);
    g_assert_cmphex(rig_inb(r, 0x3f6), ==, 0x80);
    rig_outb(r, 0x3f6, 0);
    g_assert_cmphex(rig_inb(r, 0x1f7), ==, 0x50);
    g_assert_cmphex(rig_inb(r, 0x1f1), ==, 1);
    g_assert_cmphex(rig_inb(r, 0x1f2), ==, 1);
    g_assert_cmphex(rig_inb(r, 0x1f4), ==, 0);
    rig_outb(r, 0x1f6, 0xb0); /* no slave: device 0 answers with status 0 */
    g_assert_cmphex(rig_inb(r, 0x1f7), ==, 0);
    g_assert_cmphex(rig_inb(r, 0x177), ==, 0); /* nothing on the other channel */
}

static void identify_describes(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512], sum = 0;

    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0xec, 0, 0), ==, 0x58);
    g_assert_true(f->i.r->lines[14].level);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x58);
    g_assert_false(f->i.r->lines[14].level); /* reading the status acknowledges */
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x50);
    g_assert_cmpuint(buf[120] | buf[121] << 8, ==, SECTORS);
    g_assert_cmpint(buf[27 * 2 + 1], ==, 'R'); /* characters are swapped */
    g_assert_cmpint(buf[27 * 2], ==, 'H');
    for (unsigned i = 0; i < 512; i++) {
        sum += buf[i];
    }
    g_assert_cmphex(sum, ==, 0);
}

static void another_size_is_identified(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    f->blk->root->size = 2 * SECTORS * 512;
    block_backend_resized(f->blk);
    ide_rig_command(&f->i, 0xec, 0, 0);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmpuint(buf[120] | buf[121] << 8 | buf[122] << 16, ==, 2 * SECTORS);
}

static void pio_reads_and_writes(struct fixture *f, gconstpointer data)
{
    static const uint8_t reads[] = { 0x20, 0xc4 }, writes[] = { 0x30, 0xc5 };
    uint8_t buf[3 * 512];

    (void)data;
    for (unsigned i = 0; i < 2; i++) {
        unsigned step = i ? 3 * 512 : 512; /* READ MULTIPLE: one DRQ block */
        unsigned edges = f->i.r->lines[14].edges;

        g_assert_cmphex(ide_rig_command(&f->i, reads[i], 5, 3), ==, 0x58);
        for (unsigned at = 0; at < sizeof(buf); at += step) {
            g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
            rig_inb(f->i.r, 0x1f7);
            ide_rig_data_in(&f->i, 0x1f0, buf + at, step);
        }
        g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x50);
        g_assert_cmpuint(f->i.r->lines[14].edges - edges, ==, i ? 1 : 3);
        g_assert_cmpuint(buf[0], ==, 5);
        g_assert_cmpuint(buf[1535], ==, 7);
        memset(buf, 0xc0 + (int)i, sizeof(buf));
        g_assert_cmphex(ide_rig_command(&f->i, writes[i], 100, 3), ==, 0x58);
        for (unsigned at = 0; at < sizeof(buf); at += step) {
            g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
            ide_rig_data_out(&f->i, 0x1f0, buf + at, step);
        }
        g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x50);
        g_assert_cmphex(drive_rig_byte(f->blk, 100 * 512), ==, 0xc0 + i);
        g_assert_cmphex(drive_rig_byte(f->blk, 103 * 512 - 1), ==, 0xc0 + i);
        g_assert_cmphex(drive_rig_byte(f->blk, 103 * 512), ==, 103);
    }
}

/* Two descriptors, split within a sector. */
static void prepare_prd(struct rig *r, uint32_t addr, uint32_t first, uint32_t second)
{
    rig_store(r, 0x1000, addr, 4);
    rig_store(r, 0x1004, first & 0xffff, 4);
    rig_store(r, 0x1008, addr + first, 4);
    rig_store(r, 0x100c, 0x80000000u | second, 4);
    rig_outl(r, BM + 4, 0x1000);
    rig_outb(r, BM + 2, 0x66);
}

static void wait_dma(struct fixture *f)
{
    while (!(rig_inb(f->i.r, BM + 2) & 4)) {
        machine_iterate(f->i.r->m, true);
    }
}

static void dma_moves_by_descriptors(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;

    (void)data;
    prepare_prd(r, 0x10000, 0x10000, 0); /* 0: 64 KiB */
    g_assert_cmphex(ide_rig_command(&f->i, 0xe7, 0, 0), ==, 0x50);
    rig_outb(r, BM + 2, 0x66);
    rig_outb(r, 0x1f6, 0xe0);
    rig_outb(r, 0x1f2, 0); /* 256 sectors: as much as both descriptors */
    rig_outb(r, 0x1f3, 1);
    rig_outb(r, 0x1f4, 0);
    rig_outb(r, 0x1f5, 0);
    rig_outb(r, 0x1f7, 0xc8);
    rig_poll(r);
    g_assert_cmphex(rig_inb(r, 0x3f6) & 0x80, ==, 0x80); /* waits for the start bit */
    rig_outb(r, BM, 9);
    wait_dma(f);
    g_assert_cmphex(rig_inb(r, BM + 2) & 7, ==, 4); /* table and transfer ended together */
    g_assert_cmphex(rig_inb(r, 0x1f7), ==, 0x50);
    g_assert_cmphex(rig_load(r, 0x10000, 1), ==, 1);
    g_assert_cmphex(rig_load(r, 0x10000 + 512, 1), ==, 2);
    g_assert_cmphex(rig_load(r, 0x10000 + 255 * 512, 1), ==, 0);
    rig_outb(r, BM, 0);

    prepare_prd(r, 0x10000, 512, 512);
    rig_outb(r, BM, 1);
    g_assert_cmphex(ide_rig_command(&f->i, 0xca, 2000, 2), ==, 0x50);
    g_assert_cmphex(drive_rig_byte(f->blk, 2000 * 512), ==, 1);
    g_assert_cmphex(drive_rig_byte(f->blk, 2001 * 512 + 511), ==, 2);
}

/* A table without an end in it, and one that is too short, end with an error and no hang. */
static void bad_tables_fail(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;

    (void)data;
    prepare_prd(r, 0x10000, 512, 512);
    rig_outb(r, BM, 9);
    g_assert_cmphex(ide_rig_command(&f->i, 0xc8, 0, 5), ==, 0x51);
    g_assert_cmphex(rig_inb(r, 0x1f1), ==, 4);
    rig_outb(r, BM, 0);
    rig_outl(r, BM + 4, 0xf0000000); /* where nothing answers */
    rig_outb(r, BM, 9);
    ide_rig_command(&f->i, 0xc8, 0, 5);
}

static void lba48_uses_the_previous_values(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;
    uint8_t buf[512];

    (void)data;
    rig_outb(r, 0x1f6, 0x40);
    rig_outb(r, 0x1f2, 0);
    rig_outb(r, 0x1f2, 1);
    for (unsigned i = 0; i < 3; i++) {
        rig_outb(r, (uint16_t)(0x1f3 + i), 0);
    }
    rig_outb(r, 0x1f3, 9);
    rig_outb(r, 0x1f7, 0x24);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmpuint(buf[0], ==, 9);
    rig_outb(r, 0x1f3, 1); /* LBA 0x1000000 and beyond: not on the disk */
    rig_outb(r, 0x1f3, 0);
    rig_outb(r, 0x1f7, 0x24);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x51);
    g_assert_cmphex(rig_inb(r, 0x1f1) & 0x10, ==, 0x10);
    rig_outb(r, 0x3f6, 0x80);
    g_assert_cmphex(rig_inb(r, 0x1f3), ==, 1);
    rig_outb(r, 0x3f6, 0);
}

static void chs_is_translated(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;
    uint8_t buf[512];

    (void)data;
    rig_outb(r, 0x1f6, 0xa2); /* head 2 */
    rig_outb(r, 0x1f2, 1);
    rig_outb(r, 0x1f3, 3);
    rig_outb(r, 0x1f4, 1);
    rig_outb(r, 0x1f5, 0);
    rig_outb(r, 0x1f7, 0x20);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmpuint(buf[0], ==, ((1 * 16 + 2) * 63 + 2) & 0xff);
    rig_outb(r, 0x1f3, 0); /* sectors count from 1 */
    rig_outb(r, 0x1f7, 0x20);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x51);
}

static void mistakes_are_errors(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0x20, SECTORS, 1), ==, 0x51);
    g_assert_cmphex(ide_rig_command(&f->i, 0x20, SECTORS - 1, 2), ==, 0x51);
    g_assert_cmphex(ide_rig_command(&f->i, 0xff, 0, 0), ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f1), ==, 4);
    g_assert_cmphex(ide_rig_command(&f->i, 0xa1, 0, 0), ==, 0x51); /* not a packet device */
    g_assert_cmphex(ide_rig_command(&f->i, 0xc6, 0, 7), ==, 0x51);
    g_assert_cmphex(ide_rig_command(&f->i, 0xc6, 0, 0), ==, 0x50);
    g_assert_cmphex(ide_rig_command(&f->i, 0xc4, 0, 1), ==, 0x51); /* multiple mode is off */
    f->blk->read_only = true;
    g_assert_cmphex(ide_rig_command(&f->i, 0x30, 0, 1), ==, 0x58);
    for (unsigned i = 0; i < 256; i++) {
        rig_outw(f->i.r, 0x1f0, 0);
    }
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0) & 0x21, ==, 0x21); /* a device fault */
}

static void smart_is_healthy(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->i.r;

    (void)data;
    rig_outb(r, 0x1f1, 0xda);
    g_assert_cmphex(ide_rig_command(&f->i, 0xb0, 0xc24f00, 0), ==, 0x50);
    g_assert_cmphex(rig_inb(r, 0x1f4), ==, 0x4f);
    rig_outb(r, 0x1f1, 0xd0);
    g_assert_cmphex(ide_rig_command(&f->i, 0xb0, 0xc24f00, 1), ==, 0x58);
    rig_outb(r, 0x3f6, 4);
    rig_outb(r, 0x3f6, 0);
    rig_outb(r, 0x1f1, 0xd0);
    g_assert_cmphex(ide_rig_command(&f->i, 0xb0, 0, 1), ==, 0x51); /* without the key */
}

static void interrupts_can_be_off(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->i.r, 0x3f6, 2);
    g_assert_cmphex(ide_rig_command(&f->i, 0xe7, 0, 0), ==, 0x50);
    g_assert_false(f->i.r->lines[14].level);
    rig_outb(f->i.r, 0x3f6, 0);
    g_assert_true(f->i.r->lines[14].level);
}

/* Saved in the middle of a transfer, loaded, and finished. */
static void state_in_mid_transfer(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    rig_outb(f->i.r, 0x1f6, 0xe0);
    rig_outb(f->i.r, 0x1f2, 2);
    rig_outb(f->i.r, 0x1f3, 40);
    rig_outb(f->i.r, 0x1f7, 0x20); /* in flight: saving waits for it */
    rig_check_state(f->i.r, &f->d->dev);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmpuint(buf[0], ==, 40);
    rig_check_state(f->i.r, &f->d->dev);
    ide_rig_wait(&f->i, 0x1f0);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmpuint(buf[0], ==, 41);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x50);
    rig_check_state(f->i.r, &f->i.ide->pci.dev);
}

static void bad_state_is_refused(struct fixture *f, gconstpointer data)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    (void)data;
    f->d->phase = IDE_PIO_IN;
    f->d->io_end = IDE_BUFFER;
    f->d->left = SECTORS + 1;
    device_save(&f->d->dev, out);
    f->d->phase = IDE_IDLE;
    f->d->io_end = f->d->left = 0;
    g_assert_false(device_load(&f->d->dev, out->data, out->len, &pos, &error));
    g_assert_nonnull(strstr(error->message, "out of bounds"));
}

static void ports_follow_the_decode_bit(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->i.r, f->i.ide->pci.devfn, 0, 4), ==, 0x70108086);
    g_assert_cmphex(pci_rig_read(f->i.r, f->i.ide->pci.devfn, 8, 4) >> 8, ==, 0x010180);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x50);
    pci_rig_write(f->i.r, f->i.ide->pci.devfn, 0x41, 0, 1);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0xff);
}

static void mistakes_of_the_user(struct fixture *f, gconstpointer data)
{
    g_autofree char *none = rig_device_error(f->i.r, &ide_hd_type, NULL);
    g_autofree char *used = rig_device_error(f->i.r, &ide_hd_type, "drive=d0");
    g_autofree char *drive = rig_device_error(f->i.r, &ide_hd_type, "drive=nope");
    g_autofree char *unit = rig_device_error(f->i.r, &ide_hd_type, "drive=d0,unit=2");

    (void)data;
    g_assert_nonnull(strstr(none, "drive=ID is missing"));
    g_assert_nonnull(strstr(used, "already in use"));
    g_assert_nonnull(strstr(drive, "can't find value 'nope'"));
    g_assert_nonnull(strstr(unit, "supports only 2 units"));
}

/* A status with BSY would make firmware and kernels wait for a drive that is not there. */
static void empty_channel_is_not_busy(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->i.r, 0x376, IDE_CTL_SRST);
    g_assert_cmphex(rig_inb(f->i.r, 0x376) & IDE_BSY, ==, 0);
    rig_outb(f->i.r, 0x376, 0);
    for (unsigned device = 0xa0; device <= 0xb0; device += 0x10) {
        rig_outb(f->i.r, 0x176, (uint8_t)device);
        rig_outb(f->i.r, 0x177, 0xec);
        g_assert_cmphex(rig_inb(f->i.r, 0x177), ==, 0);
        g_assert_cmphex(rig_inb(f->i.r, 0x376), ==, 0);
    }
}

static void fuzz_everything(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(7010);

    (void)data;
    f->blk->rerror = f->blk->werror = BLOCK_ON_ERROR_REPORT;
    for (unsigned i = 0; i < 4 * FUZZ_ROUNDS; i++) {
        static const uint16_t bases[] = { 0x1f0, 0x1f0, 0x1f0, 0x3f6, BM, 0x170 };
        uint16_t base = bases[g_rand_int_range(rand, 0, G_N_ELEMENTS(bases))];
        uint16_t port = (uint16_t)(base + g_rand_int_range(rand, 0, base == 0x3f6 ? 1 : 8));
        unsigned width = 1u << g_rand_int_range(rand, 0, 3);

        if (g_rand_int(rand) % 3) {
            address_space_store(&f->i.r->m->io, port, fuzz_value(rand), width);
        } else {
            address_space_load(&f->i.r->m->io, port, width);
        }
        if (i % 8 == 0) {
            rig_poll(f->i.r);
        }
    }
    rig_check_state(f->i.r, &f->d->dev);
    rig_check_state(f->i.r, &f->i.ide->pci.dev);
}

#define ADD(name, fn) g_test_add("/ide/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("signature", signature_tells_a_disk);
    ADD("identify", identify_describes);
    ADD("size", another_size_is_identified);
    ADD("pio", pio_reads_and_writes);
    ADD("dma", dma_moves_by_descriptors);
    ADD("bad-tables", bad_tables_fail);
    ADD("lba48", lba48_uses_the_previous_values);
    ADD("chs", chs_is_translated);
    ADD("errors", mistakes_are_errors);
    ADD("smart", smart_is_healthy);
    ADD("nien", interrupts_can_be_off);
    ADD("state", state_in_mid_transfer);
    ADD("bad-state", bad_state_is_refused);
    ADD("decode", ports_follow_the_decode_bit);
    ADD("user", mistakes_of_the_user);
    ADD("empty-channel", empty_channel_is_not_busy);
    ADD("fuzz", fuzz_everything);
    return g_test_run();
}
