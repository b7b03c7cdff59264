/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/io_errors_test.c: errors of the host's files as the guest sees them: an unreadable sector,
 * an image that is too short, a medium that is gone; at each controller.
 */
#include "hw/block/fdc.h"
#include "hw/misc/i8237.h"
#include "tests/device/ahci_rig.h"
#include "tests/device/bad_disk.h"
#include "tests/device/ide_rig.h"

#define SECTORS 2880u
#define BAD     20u /* a sector */

/* IDE ------------------------------------------------------------------------------------------- */

struct ide_fixture {
    struct ide_rig i;
    struct block_backend *blk;
};

static void ide_set_up(struct ide_fixture *f, gconstpointer data)
{
    bool cd = data != NULL;

    ide_rig_set_up(&f->i, data);
    f->blk = drive_rig_new(f->i.r, "d0", SECTORS, cd);
    ide_rig_drive(&f->i, f->blk, 0, 0);
    bad_disk_make(f->blk, BAD, 1);
}

static void ide_tear_down(struct ide_fixture *f, gconstpointer data)
{
    ide_rig_tear_down(&f->i, data);
}

/* Error register, and the sector in the address registers. */
static void expect_error(struct ide_fixture *f, uint8_t error, uint32_t lba)
{
    struct rig *r = f->i.r;

    g_assert_cmphex(rig_inb(r, 0x1f1), ==, error);
    g_assert_cmpuint(rig_inb(r, 0x1f3) | rig_inb(r, 0x1f4) << 8 | rig_inb(r, 0x1f5) << 16, ==, lba);
}

static void pio_reads_up_to_the_bad_sector(struct ide_fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0x20, BAD - 3, 8), ==, 0x58);
    for (unsigned n = 0; n < 3; n++) {
        ide_rig_data_in(&f->i, 0x1f0, buf, 512);
        g_assert_cmpuint(buf[0], ==, BAD - 3 + n);
        g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, n < 2 ? 0x58 : 0x51);
    }
    expect_error(f, 0x40, BAD); /* uncorrectable */
    g_assert_cmphex(ide_rig_command(&f->i, 0x20, BAD + 1, 1), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x50);
}

static void read_multiple_keeps_its_blocks(struct ide_fixture *f, gconstpointer data)
{
    uint8_t buf[4096];

    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0xc6, 0, 8), ==, 0x50);
    g_assert_cmphex(ide_rig_command(&f->i, 0xc4, BAD - 12, 24), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 4096);
    g_assert_cmpuint(buf[7 * 512], ==, BAD - 5);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x51);
    expect_error(f, 0x40, BAD - 4); /* the block that holds it */
}

static void start_dma(struct ide_fixture *f, uint8_t command, uint32_t lba, unsigned count)
{
    struct rig *r = f->i.r;
    bool read = command == 0xc8;

    rig_store(r, 0x1000, DATA, 4);
    rig_store(r, 0x1004, 0x80000000u | count * 512, 4);
    rig_outl(r, BM + 4, 0x1000);
    rig_outb(r, BM + 2, 6);
    rig_outb(r, 0x1f6, 0xe0);
    rig_outb(r, 0x1f2, (uint8_t)count);
    rig_outb(r, 0x1f3, (uint8_t)lba);
    rig_outb(r, 0x1f4, 0);
    rig_outb(r, 0x1f5, 0);
    rig_outb(r, 0x1f7, command);
    rig_outb(r, BM, (uint8_t)(read ? 9 : 1));
    ide_rig_wait(&f->i, 0x1f0);
}

static void dma_reads_up_to_the_bad_sector(struct ide_fixture *f, gconstpointer data)
{
    (void)data;
    start_dma(f, 0xc8, BAD - 5, 16);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7), ==, 0x51);
    expect_error(f, 0x40, BAD);
    g_assert_cmpuint(rig_load(f->i.r, DATA, 1), ==, BAD - 5);
    g_assert_cmpuint(rig_load(f->i.r, DATA + 5 * 512 - 1, 1), ==, BAD - 1);
    g_assert_cmphex(rig_inb(f->i.r, BM + 2) & 4, ==, 4); /* the interrupt came */
}

static void writes_fail_as_a_device_fault(struct ide_fixture *f, gconstpointer data)
{
    uint8_t buf[512] = { 0 };

    (void)data;
    g_assert_cmphex(ide_rig_command(&f->i, 0x30, BAD, 1), ==, 0x58);
    ide_rig_data_out(&f->i, 0x1f0, buf, 512);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0) & 0x21, ==, 0x21);
    expect_error(f, 0x04, BAD);
    start_dma(f, 0xca, BAD, 1);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f7) & 0x21, ==, 0x21);
}

/* A file that is no whole number of sectors ends in zeroes; behind its end there is nothing. */
static void a_short_image_ends(struct ide_fixture *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "rhea-short-XXXXXX", NULL);
    struct block_backend *blk = block_backend_new(f->i.r->m, "d1", NULL);
    struct block_open_options o = { .format = "raw" };
    g_autoptr(GError) error = NULL;
    uint8_t buf[512];
    int fd = g_mkstemp(path);

    (void)data;
    memset(buf, 0x5a, sizeof(buf));
    g_assert_cmpint(write(fd, buf, 512), ==, 512);
    g_assert_cmpint(write(fd, buf, 100), ==, 100);
    close(fd);
    o.filename = path;
    block_backend_open(blk, &o, &error);
    g_unlink(path);
    g_assert_no_error(error);
    ide_rig_drive(&f->i, blk, 0, 1);
    rig_outb(f->i.r, 0x1f6, 0xf0);
    rig_outb(f->i.r, 0x1f2, 1);
    rig_outb(f->i.r, 0x1f3, 1);
    rig_outb(f->i.r, 0x1f4, 0);
    rig_outb(f->i.r, 0x1f5, 0);
    rig_outb(f->i.r, 0x1f7, 0x20);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x58);
    ide_rig_data_in(&f->i, 0x1f0, buf, 512);
    g_assert_cmphex(buf[99], ==, 0x5a);
    g_assert_cmphex(buf[100], ==, 0);
    rig_outb(f->i.r, 0x1f2, 1);
    rig_outb(f->i.r, 0x1f3, 2);
    rig_outb(f->i.r, 0x1f7, 0x20);
    g_assert_cmphex(ide_rig_wait(&f->i, 0x1f0), ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f1) & 0x10, ==, 0x10); /* no such sector */
}

/* ATAPI ----------------------------------------------------------------------------------------- */

static uint8_t packet(struct ide_fixture *f, const uint8_t *cdb, uint8_t *out, unsigned *n)
{
    struct rig *r = f->i.r;
    uint8_t status;

    rig_outb(r, 0x1f6, 0xa0);
    rig_outb(r, 0x1f1, 0);
    rig_outb(r, 0x1f4, 0x00);
    rig_outb(r, 0x1f5, 0x08);
    rig_outb(r, 0x1f7, 0xa0);
    ide_rig_wait(&f->i, 0x1f0);
    ide_rig_data_out(&f->i, 0x1f0, cdb, 12);
    for (*n = 0; (status = ide_rig_wait(&f->i, 0x1f0)) & 8;) {
        unsigned len = rig_inb(r, 0x1f4) | (unsigned)rig_inb(r, 0x1f5) << 8;

        ide_rig_data_in(&f->i, 0x1f0, out + *n, len);
        *n += len;
    }
    return status;
}

static void expect_sense(struct ide_fixture *f, uint8_t key, uint8_t asc, uint32_t block)
{
    static const uint8_t request_sense[12] = { 3, 0, 0, 0, 18 };
    uint8_t s[4096];
    unsigned n;

    packet(f, request_sense, s, &n);
    g_assert_cmpuint(n, ==, 18);
    g_assert_cmphex(s[2] & 15, ==, key);
    g_assert_cmphex(s[12], ==, asc);
    g_assert_cmpuint((unsigned)s[5] << 8 | s[6], ==, block);
}

static void a_cd_reads_up_to_the_bad_block(struct ide_fixture *f, gconstpointer data)
{
    static const uint8_t read[12] = { 0x28, 0, 0, 0, 0, 2, 0, 0, 8 };
    uint8_t out[32768], status;
    unsigned n;

    (void)data;
    expect_sense(f, 6, 0x29, 0); /* power on */
    status = packet(f, read, out, &n);
    g_assert_cmphex(status, ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f1) >> 4, ==, 3);
    g_assert_cmpuint(n, ==, (BAD / 4 - 2) * 2048);
    g_assert_cmpuint(out[n - 1], ==, BAD - 1);
    expect_sense(f, 3, 0x11, BAD / 4);
}

static void a_cd_is_gone(struct ide_fixture *f, gconstpointer data)
{
    static const uint8_t read[12] = { 0x28, 0, 0, 0, 0, 0, 0, 0, 1 };
    uint8_t out[4096];
    unsigned n;

    (void)data;
    expect_sense(f, 6, 0x29, 0);
    g_assert_true(block_backend_eject(f->blk, true, NULL));
    g_assert_cmphex(packet(f, read, out, &n), ==, 0x51);
    g_assert_cmphex(rig_inb(f->i.r, 0x1f1) >> 4, ==, 2);
    expect_sense(f, 2, 0x3a, 0);
}

/* AHCI ------------------------------------------------------------------------------------------ */

static void ahci_set_up(struct ahci_rig *f, gconstpointer data)
{
    ahci_rig_set_up(f, data);
    bad_disk_make(f->blk, BAD, 1);
}

static void restart(struct ahci_rig *f)
{
    rig_store(f->r, PORT + 0x18, 0x10, 4);
    rig_store(f->r, PORT + 0x10, 0xffffffff, 4);
    rig_store(f->r, PORT + 0x18, 0x11, 4);
}

static void ahci_reads_up_to_the_bad_sector(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    ahci_rig_prepare(f, 2, 0x25, BAD - 2, 8);
    rig_store(f->r, PORT + 0x38, 4, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x10, 4) & 1u << 30, ==, 1u << 30);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4), ==, 0x4051);
    g_assert_cmphex(rig_load(f->r, PORT + 0x38, 4), ==, 4);         /* which one failed */
    g_assert_cmphex(rig_load(f->r, FIS + 0x40, 4), ==, 0x40514034); /* D2H: status, error */
    g_assert_cmpuint(rig_load(f->r, FIS + 0x44, 1), ==, BAD);
    g_assert_cmpuint(rig_load(f->r, DATA + 0x2000 + 1023, 1), ==, BAD - 1);
    restart(f);
    ahci_rig_prepare(f, 0, 0x35, BAD, 1);
    rig_store(f->r, PORT + 0x38, 1, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4) & 0x421, ==, 0x421); /* a device fault */
}

/* READ LOG EXT of page 0x10 into DATA + 0x5000. */
static void read_ncq_log(struct ahci_rig *f)
{
    restart(f);
    ahci_rig_prepare(f, 5, 0x2f, 0x10, 1);
    rig_store(f->r, PORT + 0x38, 1 << 5, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x38, 4), ==, 0);
}

static void the_log_names_the_queued_command(struct ahci_rig *f, gconstpointer data)
{
    uint8_t log[512], sum = 0;

    (void)data;
    ahci_rig_prepare(f, 7, 0x60, BAD - 1, 4);
    rig_store(f->r, PORT + 0x34, 1 << 7, 4);
    rig_store(f->r, PORT + 0x38, 1 << 7, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4), ==, 0x4051);
    g_assert_cmphex(rig_load(f->r, PORT + 0x34, 4), ==, 1 << 7);    /* still outstanding */
    g_assert_cmphex(rig_load(f->r, FIS + 0x58, 4), ==, 0x404140a1); /* Set Device Bits */
    read_ncq_log(f);
    rig_read(f->r, DATA + 0x5000, log, sizeof(log));
    g_assert_cmphex(log[0], ==, 7);
    g_assert_cmphex(log[2], ==, 0x51);
    g_assert_cmphex(log[3], ==, 0x40);
    g_assert_cmpuint(log[4], ==, BAD - 1);
    g_assert_cmpuint(log[12], ==, 4);
    for (unsigned i = 0; i < sizeof(log); i++) {
        sum += log[i];
    }
    g_assert_cmpuint(sum, ==, 0);
    rig_check_state(f->r, &f->ahci->pci.dev);
    read_ncq_log(f);
    g_assert_cmphex(rig_load(f->r, DATA + 0x5000, 1), ==, 0x80); /* nothing since */
}

static void a_queued_command_beyond_the_end_fails(struct ahci_rig *f, gconstpointer data)
{
    (void)data;
    ahci_rig_prepare(f, 1, 0x61, AHCI_RIG_SECTORS - 1, 2);
    rig_store(f->r, PORT + 0x34, 2, 4);
    rig_store(f->r, PORT + 0x38, 2, 4);
    ahci_rig_wait(f);
    g_assert_cmphex(rig_load(f->r, PORT + 0x20, 4), ==, 0x1451); /* no such sector */
    read_ncq_log(f);
    g_assert_cmphex(rig_load(f->r, DATA + 0x5000, 1), ==, 1);
    g_assert_cmphex(rig_load(f->r, DATA + 0x5003, 1), ==, 0x14);
}

/* Floppy ---------------------------------------------------------------------------------------- */

struct fdc_fixture {
    struct rig *r;
    struct block_backend *blk;
};

static unsigned result(struct fdc_fixture *f, uint8_t *bytes)
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

static void fdc_command(struct fdc_fixture *f, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        rig_outb(f->r, 0x3f5, bytes[i]);
    }
}
#define COMMAND(f, ...)                                                                            \
    fdc_command(f, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void fdc_set_up(struct fdc_fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    f->r = rig_new();
    f->blk = drive_rig_new(f->r, "floppy0", SECTORS, false);
    rig_device(f->r, "i8237", NULL);
    rig_device(f->r, "isa-fdc", "driveA=floppy0");
    bad_disk_make(f->blk, 9, 1);
    rig_outb(f->r, 0x3f2, 0x00);
    rig_outb(f->r, 0x3f2, 0x1c);
    rig_outb(f->r, 0x3f7, 0);
    for (unsigned i = 0; i < 4; i++) {
        COMMAND(f, 0x08);
        result(f, r);
    }
    COMMAND(f, 0x03, 0xdf, 0x02);
    COMMAND(f, 0x07, 0);
    COMMAND(f, 0x08);
    result(f, r);
}

static void fdc_tear_down(struct fdc_fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void program_dma(struct fdc_fixture *f, uint8_t mode, unsigned len)
{
    rig_outb(f->r, 0x0a, 6);
    rig_outb(f->r, 0x0c, 0);
    rig_outb(f->r, 0x0b, mode);
    rig_outb(f->r, 0x04, 0);
    rig_outb(f->r, 0x04, 0);
    rig_outb(f->r, 0x81, DATA >> 16);
    rig_outb(f->r, 0x05, (uint8_t)(len - 1));
    rig_outb(f->r, 0x05, (uint8_t)((len - 1) >> 8));
    rig_outb(f->r, 0x0a, 2);
}

static void a_floppy_reads_up_to_the_bad_sector(struct fdc_fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    program_dma(f, 0x46, 18 * 512);
    COMMAND(f, 0xe6, 0, 0, 0, 7, 2, 18, 27, 0xff);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
    g_assert_cmphex(r[1], ==, 0x20); /* a CRC error ... */
    g_assert_cmphex(r[2], ==, 0x20); /* ... in the data */
    g_assert_cmpuint(r[5], ==, 10);  /* of this sector */
    g_assert_cmpuint(rig_load(f->r, DATA, 1), ==, 6);
    g_assert_cmpuint(rig_load(f->r, DATA + 3 * 512 - 1, 1), ==, 8);
}

static void a_floppy_write_fails(struct fdc_fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    program_dma(f, 0x4a, 512);
    COMMAND(f, 0xc5, 0, 0, 0, 10, 2, 18, 27, 0xff);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
    g_assert_cmphex(r[1], ==, 0x20);
}

static void a_floppy_is_gone(struct fdc_fixture *f, gconstpointer data)
{
    uint8_t r[16];

    (void)data;
    g_assert_true(block_backend_eject(f->blk, false, NULL));
    program_dma(f, 0x46, 512);
    COMMAND(f, 0xe6, 0, 0, 0, 1, 2, 18, 27, 0xff);
    g_assert_cmpuint(result(f, r), ==, 7);
    g_assert_cmphex(r[0] & 0xc0, ==, 0x40);
    g_assert_cmphex(r[1] & 1, ==, 1);                       /* no address mark */
    g_assert_cmphex(rig_inb(f->r, 0x3f7) & 0x80, ==, 0x80); /* changed */
}

#define IDE(name, data, fn)                                                                        \
    g_test_add("/io-errors/" name, struct ide_fixture, data, ide_set_up, fn, ide_tear_down)
#define AHCI(name, fn)                                                                             \
    g_test_add("/io-errors/ahci/" name, struct ahci_rig, NULL, ahci_set_up, fn, ahci_rig_tear_down)
#define FDC(name, fn)                                                                              \
    g_test_add("/io-errors/floppy/" name, struct fdc_fixture, NULL, fdc_set_up, fn, fdc_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    IDE("ide/pio", NULL, pio_reads_up_to_the_bad_sector);
    IDE("ide/multiple", NULL, read_multiple_keeps_its_blocks);
    IDE("ide/dma", NULL, dma_reads_up_to_the_bad_sector);
    IDE("ide/write", NULL, writes_fail_as_a_device_fault);
    IDE("ide/short-image", NULL, a_short_image_ends);
    IDE("cd/read", "cd", a_cd_reads_up_to_the_bad_block);
    IDE("cd/gone", "cd", a_cd_is_gone);
    AHCI("read", ahci_reads_up_to_the_bad_sector);
    AHCI("ncq-log", the_log_names_the_queued_command);
    AHCI("ncq-end", a_queued_command_beyond_the_end_fails);
    FDC("read", a_floppy_reads_up_to_the_bad_sector);
    FDC("write", a_floppy_write_fails);
    FDC("gone", a_floppy_is_gone);
    return g_test_run();
}
