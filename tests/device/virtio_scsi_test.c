/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_scsi_test.c: disks and CD drives behind a virtio SCSI adapter: commands, sense data,
 * task management, events of units that come and go.
 */
#include "hw/block/scsi.h"
#include "tests/device/bad_disk.h"
#include "tests/device/drive_rig.h"
#include "tests/device/virtio_rig.h"

#define SECTORS 4096u
#define REQUEST 0x200000u
#define ANSWER  0x201000u
#define DATA    0x210000u
#define EVENTS  0x202000u

enum { Q_CONTROL, Q_EVENT, Q_REQUEST };

struct scsi_rig {
    struct virtio_rig v;
    struct block_backend *disk, *cd;
    struct device *hd;
};

/* data: properties of the disk; "@" before them: the adapter is on an iothread. */
static void set_up(struct scsi_rig *f, gconstpointer data)
{
    bool iothread = *(const char *)data == '@';
    g_autofree char *disk =
        g_strdup_printf("drive=d0,scsi-id=1,lun=2,serial=abc,%s", (const char *)data + iothread);

    virtio_rig_machine(&f->v);
    f->disk = drive_rig_new(f->v.r, "d0", SECTORS, false);
    f->cd = drive_rig_new(f->v.r, "c0", 64, true);
    if (iothread) {
        virtio_rig_iothread(&f->v);
    }
    virtio_rig_set_up_on(&f->v, rig_device(f->v.r, "virtio-scsi-pci",
                                           iothread ? "packed=on,iothread=t0" : "packed=on"));
    f->hd = rig_device(f->v.r, "scsi-hd", disk);
    rig_device(f->v.r, "scsi-cd", "drive=c0,scsi-id=3");
    virtio_rig_start(&f->v, VIRTIO_RIG_ALL, 3, 16);
}

static void tear_down(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_tear_down(&f->v);
}

static void put_lun(struct scsi_rig *f, uint64_t at, unsigned target, unsigned lun)
{
    const uint8_t b[8] = { 1, (uint8_t)target, 0x40, (uint8_t)lun };

    rig_write(f->v.r, at, b, sizeof(b));
}

static uint8_t response(struct scsi_rig *f)
{
    return (uint8_t)rig_load(f->v.r, ANSWER + 11, 1);
}

static uint32_t residual(struct scsi_rig *f)
{
    return (uint32_t)rig_load(f->v.r, ANSWER + 4, 4);
}

/* Makes a command available; in and out: bytes of data at DATA. */
static void add(struct scsi_rig *f, unsigned target, unsigned lun, const uint8_t *cdb, unsigned n,
                uint32_t in, uint32_t out)
{
    struct rig_buffer b[4] = { { REQUEST, 51, false } };
    uint8_t request[51] = { 0 };
    unsigned count = 1;

    memcpy(request + 19, cdb, n);
    request[8] = 0x77; /* the tag */
    rig_write(f->v.r, REQUEST, request, sizeof(request));
    put_lun(f, REQUEST, target, lun);
    if (out) {
        b[count++] = (struct rig_buffer){ DATA, out, false };
    }
    b[count++] = (struct rig_buffer){ ANSWER, 108, true };
    if (in) {
        b[count++] = (struct rig_buffer){ DATA, in, true };
    }
    virtio_rig_add(&f->v, Q_REQUEST, b, count, true);
}

/* Status and sense: key << 16 | code and qualifier; 0: GOOD. */
static unsigned run(struct scsi_rig *f, unsigned target, unsigned lun, const uint8_t *cdb,
                    unsigned n, uint32_t in, uint32_t out)
{
    uint8_t sense[20];

    add(f, target, lun, cdb, n, in, out);
    virtio_rig_finish(&f->v, Q_REQUEST);
    rig_read(f->v.r, ANSWER + 12, sense, sizeof(sense));
    if (rig_load(f->v.r, ANSWER + 10, 1) == 0) {
        return 0;
    }
    g_assert_cmphex(rig_load(f->v.r, ANSWER + 10, 1), ==, 2);
    g_assert_cmpuint(rig_load(f->v.r, ANSWER, 4), ==, 18);
    g_assert_cmphex(sense[0], ==, 0x70);
    return (unsigned)sense[2] << 16 | (unsigned)sense[12] << 8 | sense[13];
}

#define CDB(...)         (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define HD(in, out, ...) run(f, 1, 2, CDB(__VA_ARGS__), in, out)
#define CD(in, out, ...) run(f, 3, 0, CDB(__VA_ARGS__), in, out)
#define RESET_SEEN(what) g_assert_cmphex(what(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0x62900)

static uint8_t data_at(struct scsi_rig *f, unsigned at)
{
    return (uint8_t)rig_load(f->v.r, DATA + at, 1);
}

static void g_assert_bytes(struct scsi_rig *f, unsigned at, const char *text)
{
    char there[64] = { 0 };

    rig_read(f->v.r, DATA + at, there, strlen(text));
    g_assert_cmpstr(there, ==, text);
}

/* Who is there ---------------------------------------------------------------------------------- */

static void units_are_found(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    run(f, 9, 0, CDB(0x12, 0, 0, 0, 36, 0), 36, 0);
    g_assert_cmpuint(response(f), ==, 3); /* no such target */
    g_assert_cmphex(run(f, 1, 0, CDB(0x12, 0, 0, 0, 36, 0), 36, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 0x7f); /* no such unit */
    g_assert_cmphex(run(f, 1, 0, CDB(0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0), 512, 0), ==, 0x52500);
    g_assert_cmphex(HD(36, 0, 0x12, 0, 0, 0, 36, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 0);
    g_assert_bytes(f, 8, "RHEA    RHEA HARDDISK   1.0 ");
    g_assert_cmphex(CD(36, 0, 0x12, 0, 0, 0, 20, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 5);
    g_assert_cmphex(data_at(f, 3), ==, 2);
    g_assert_cmpuint(residual(f), ==, 16);
    g_assert_cmphex(HD(64, 0, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0), ==, 0);
    g_assert_cmphex(data_at(f, 3), ==, 8);
    g_assert_cmphex(data_at(f, 9), ==, 2);
    RESET_SEEN(HD);
    g_assert_cmphex(HD(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(HD(0, 0, 0xfe), ==, 0x52000);
}

static void vital_product_data(struct scsi_rig *f, gconstpointer data)
{
    static const uint8_t pages[] = { 0x00, 0x80, 0x83, 0xb0, 0xb1, 0xb2 };

    (void)data;
    for (unsigned i = 0; i < sizeof(pages); i++) {
        g_assert_cmphex(HD(255, 0, 0x12, 1, pages[i], 0, 255, 0), ==, 0);
        g_assert_cmphex(data_at(f, 1), ==, pages[i]);
    }
    HD(255, 0, 0x12, 1, 0, 0, 255, 0);
    for (unsigned i = 0; i < sizeof(pages); i++) {
        g_assert_cmphex(data_at(f, 4 + i), ==, pages[i]);
    }
    HD(255, 0, 0x12, 1, 0x80, 0, 255, 0);
    g_assert_bytes(f, 4, "abc");
    HD(255, 0, 0x12, 1, 0xb1, 0, 255, 0);
    g_assert_cmphex(data_at(f, 5), ==, 1);
    HD(255, 0, 0x12, 1, 0xb0, 0, 255, 0);
    g_assert_cmphex(data_at(f, 31), ==, 8); /* granularity of UNMAP */
    g_assert_cmphex(HD(255, 0, 0x12, 1, 0x84, 0, 255, 0), ==, 0x52400);
    g_assert_cmphex(HD(255, 0, 0x12, 0, 0x80, 0, 255, 0), ==, 0x52400);
    g_assert_cmphex(CD(255, 0, 0x12, 1, 0xb0, 0, 255, 0), ==, 0x52400);
}

/* Blocks ---------------------------------------------------------------------------------------- */

static void blocks_are_read_and_written(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    RESET_SEEN(HD);
    g_assert_cmphex(HD(8, 0, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(rig_load(f->v.r, DATA, 8), ==, 0x00020000ff0f0000ull);
    g_assert_cmphex(HD(32, 0, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0), ==, 0);
    g_assert_cmphex(data_at(f, 7), ==, 0xff);
    g_assert_cmphex(data_at(f, 13), ==, 3); /* 4096 / 512 */
    g_assert_cmphex(data_at(f, 14), ==, 0x80);
    g_assert_cmphex(HD(1024, 0, 0x08, 0, 0, 17, 2, 0), ==, 0);
    g_assert_cmphex(data_at(f, 1023), ==, 18);
    g_assert_cmphex(HD(0x20000, 0, 0x08, 0, 0, 0, 0, 0), ==, 0); /* 256 blocks */
    g_assert_cmphex(data_at(f, 0x1ffff), ==, 255);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0, 0, 1, 5, 0, 0, 1, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 5);
    g_assert_cmphex(HD(512, 0, 0xa8, 0, 0, 0, 0, 6, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 6);
    g_assert_cmphex(HD(1024, 0, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 7);
    g_assert_cmpuint(residual(f), ==, 512);
    g_assert_cmphex(HD(0, 512, 0x0a, 0, 0, 100, 1, 0), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 100 * 512), ==, 7);
    g_assert_cmphex(HD(0, 512, 0x2a, 8, 0, 0, 0, 101, 0, 0, 1, 0), ==, 0); /* FUA */
    g_assert_cmphex(drive_rig_byte(f->disk, 101 * 512), ==, 7);
    g_assert_cmphex(HD(0, 512, 0xaa, 0, 0, 0, 0, 102, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 102 * 512), ==, 7);
    g_assert_cmphex(HD(0, 512, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 103, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 103 * 512), ==, 7);
    g_assert_cmphex(HD(0, 0, 0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(HD(0, 0, 0x91, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(HD(0, 0, 0x2f, 0, 0, 0, 0, 1, 0, 0, 1, 0), ==, 0);
}

static void bad_ranges_fail(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    RESET_SEEN(HD);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0, 0, 0x10, 0, 0, 0, 1, 0), ==, 0x52100);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0), ==, 0x52100);
    g_assert_cmphex(HD(0, 512, 0x8a, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255),
                    ==, 0x52100);
    g_assert_cmphex(HD(512, 0, 0x28, 0x20, 0, 0, 0, 0, 0, 0, 1, 0), ==, 0x52400);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 2, 0), ==, 0); /* little room */
    g_assert_cmpuint(response(f), ==, 1);
    HD(0, 0, 0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0);
    g_assert_cmpuint(response(f), ==, 1);
    bad_disk_make(f->disk, 50, 1);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0, 0, 0, 50, 0, 0, 1, 0), ==, 0x31100);
    g_assert_cmphex(HD(0, 512, 0x2a, 0, 0, 0, 0, 50, 0, 0, 1, 0), ==, 0x30c00);
    g_assert_cmphex(HD(512, 0, 0x28, 0, 0, 0, 0, 51, 0, 0, 1, 0), ==, 0);
}

static void the_same_is_written(struct scsi_rig *f, gconstpointer data)
{
    static const uint8_t pattern[512] = { 0x5a, [511] = 0xa5 };
    uint8_t zeroes[512] = { 0 };

    (void)data;
    RESET_SEEN(HD);
    rig_write(f->v.r, DATA, pattern, sizeof(pattern));
    g_assert_cmphex(HD(0, 512, 0x41, 0, 0, 0, 0, 10, 0, 0x0b, 0xb8, 0), ==, 0); /* 3000 blocks */
    for (unsigned i = 10; i < 3010; i += 97) {
        g_assert_cmphex(drive_rig_byte(f->disk, i * 512), ==, 0x5a);
        g_assert_cmphex(drive_rig_byte(f->disk, i * 512 + 511), ==, 0xa5);
    }
    g_assert_cmphex(drive_rig_byte(f->disk, 9 * 512), ==, 9);
    g_assert_cmphex(drive_rig_byte(f->disk, 3010 * 512), ==, 3010 & 0xff);
    rig_write(f->v.r, DATA, zeroes, sizeof(zeroes));
    g_assert_cmphex(HD(0, 512, 0x93, 8, 0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 4, 0, 0), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 20 * 512), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 24 * 512), ==, 0x5a);
    g_assert_cmphex(HD(0, 0, 0x93, 1, 0, 0, 0, 0, 0, 0, 0, 30, 0, 0, 0, 1, 0, 0), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->disk, 30 * 512), ==, 0);
    g_assert_cmphex(HD(0, 512, 0x41, 0, 0, 0, 0, 10, 0, 0, 0, 0), ==, 0x52400);
    g_assert_cmphex(HD(0, 512, 0x41, 0, 0, 0, 0x0f, 0xff, 0, 0, 2, 0), ==, 0x52100);
    HD(0, 100, 0x41, 0, 0, 0, 0, 10, 0, 0, 1, 0);
    g_assert_cmpuint(response(f), ==, 1);
}

static void ranges_are_unmapped(struct scsi_rig *f, gconstpointer data)
{
    uint8_t list[8 + 3 * 16] = { 0, 54, 0, 48 };

    (void)data;
    RESET_SEEN(HD);
    list[8 + 7] = 10;
    list[8 + 11] = 4;
    list[24 + 7] = 50; /* none */
    list[40 + 7] = 100;
    list[40 + 11] = 1;
    rig_write(f->v.r, DATA, list, sizeof(list));
    g_assert_cmphex(HD(0, 56, 0x42, 0, 0, 0, 0, 0, 0, 0, 56, 0), ==, 0);
    g_assert_cmphex(HD(0, 40, 0x42, 0, 0, 0, 0, 0, 0, 0, 40, 0), ==, 0x51a00); /* cut */
    g_assert_cmphex(HD(0, 0, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    list[40 + 6] = 0x10;
    rig_write(f->v.r, DATA, list, sizeof(list));
    g_assert_cmphex(HD(0, 56, 0x42, 0, 0, 0, 0, 0, 0, 0, 56, 0), ==, 0x52100);
    list[40] = 0xff;
    rig_write(f->v.r, DATA, list, sizeof(list));
    g_assert_cmphex(HD(0, 56, 0x42, 0, 0, 0, 0, 0, 0, 0, 56, 0), ==, 0x52100);
}

static void modes(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    RESET_SEEN(HD);
    g_assert_cmphex(HD(64, 0, 0x1a, 0, 0x08, 0, 64, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 31);
    g_assert_cmphex(data_at(f, 2), ==, 0x10);
    g_assert_cmphex(data_at(f, 10), ==, 2); /* 512-byte blocks */
    g_assert_cmphex(data_at(f, 12), ==, 8);
    g_assert_cmphex(data_at(f, 14), ==, 4); /* the write cache is on */
    g_assert_cmphex(HD(64, 0, 0x5a, 8, 0x3f, 0, 0, 0, 0, 0, 64, 0), ==, 0);
    g_assert_cmphex(data_at(f, 1), ==, 8 + 44 - 2);
    g_assert_cmphex(HD(64, 0, 0x1a, 0, 0x1c, 0, 64, 0), ==, 0x52400);
    g_assert_cmphex(HD(64, 0, 0x1a, 0, 0xc8, 0, 64, 0), ==, 0x53900);
    HD(64, 0, 0x1a, 8, 0x08, 0, 64, 0);
    rig_store(f->v.r, DATA + 6, 0, 1);
    rig_store(f->v.r, DATA, 0, 1);
    g_assert_cmphex(HD(0, 24, 0x15, 0x10, 0, 0, 24, 0), ==, 0);
    g_assert_false(f->disk->write_cache);
    rig_check_state(f->v.r, f->hd);
    g_assert_false(f->disk->write_cache);
    g_assert_cmphex(HD(0, 20, 0x15, 0x10, 0, 0, 20, 0), ==, 0x52600); /* a page that is cut */
    g_assert_cmphex(HD(0, 24, 0x15, 0x11, 0, 0, 24, 0), ==, 0x52400);
    f->hd->type->reset(f->hd);
    g_assert_true(f->disk->write_cache);
}

/* The CD ---------------------------------------------------------------------------------------- */

static void a_cd_drive(struct scsi_rig *f, gconstpointer data)
{
    (void)data;
    RESET_SEEN(CD);
    g_assert_cmphex(CD(8, 0, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(rig_load(f->v.r, DATA, 8), ==, 0x000800000f000000ull);
    g_assert_cmphex(CD(4096, 0, 0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0), ==, 0);
    g_assert_cmphex(data_at(f, 0), ==, 12);
    g_assert_cmphex(data_at(f, 4095), ==, 19);
    g_assert_cmphex(CD(2352, 0, 0xbe, 0, 0, 0, 0, 3, 0, 0, 1, 0xf8, 0, 0), ==, 0);
    g_assert_cmphex(data_at(f, 14), ==, 0x03); /* 0:02:03 */
    g_assert_cmphex(data_at(f, 16), ==, 12);
    g_assert_cmphex(CD(255, 0, 0x43, 0, 0, 0, 0, 0, 0, 0, 255, 0), ==, 0);
    g_assert_cmphex(data_at(f, 1), ==, 18);
    g_assert_cmphex(CD(255, 0, 0x46, 0, 0, 0, 0, 0, 0, 0, 255, 0), ==, 0);
    g_assert_cmphex(data_at(f, 7), ==, 8);
    g_assert_cmphex(CD(0, 2048, 0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0), ==, 0x52000);
    g_assert_cmphex(CD(0, 0, 0x1e, 0, 0, 0, 1, 0), ==, 0);
    g_assert_cmphex(CD(0, 0, 0x1b, 0, 0, 0, 2, 0), ==, 0x55302);
    g_assert_cmphex(CD(0, 0, 0x1e, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(CD(0, 0, 0x1b, 0, 0, 0, 2, 0), ==, 0);
    g_assert_cmphex(CD(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0x23a02);
    g_assert_cmphex(CD(0, 0, 0x1b, 0, 0, 0, 3, 0), ==, 0);
    g_assert_cmphex(CD(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0x62800);
    g_assert_cmphex(CD(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0);
}

/* Control and events ---------------------------------------------------------------------------- */

static unsigned manage(struct scsi_rig *f, unsigned subtype, unsigned target, unsigned lun)
{
    const struct rig_buffer b[2] = { { REQUEST + 0x100, 24, false }, { ANSWER + 0x200, 1, true } };

    rig_store(f->v.r, REQUEST + 0x100, (uint64_t)subtype << 32, 8);
    put_lun(f, REQUEST + 0x108, target, lun);
    rig_store(f->v.r, REQUEST + 0x110, 0x77, 8);
    g_assert_cmpuint(virtio_rig_run(&f->v, Q_CONTROL, b, 2), ==, 1);
    return (unsigned)rig_load(f->v.r, ANSWER + 0x200, 1);
}

static void tasks_are_managed(struct scsi_rig *f, gconstpointer data)
{
    unsigned id;
    uint32_t len;

    (void)data;
    RESET_SEEN(HD);
    g_assert_cmpuint(manage(f, 0, 9, 0), ==, 3);
    g_assert_cmpuint(manage(f, 0, 1, 0), ==, 12);
    g_assert_cmpuint(manage(f, 2, 1, 2), ==, 11);
    g_assert_cmpuint(manage(f, 7, 1, 2), ==, 0);
    add(f, 1, 2, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), 512, 0);
    virtio_rig_kick(&f->v, Q_REQUEST);
    g_assert_cmpuint(manage(f, 6, 1, 2), ==, 10);
    g_assert_cmpuint(manage(f, 0, 1, 2), ==, 0);
    g_assert_true(virtio_rig_used(&f->v, Q_REQUEST, &id, &len));
    g_assert_cmpuint(response(f), ==, 2); /* aborted */
    add(f, 1, 2, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), 512, 0);
    virtio_rig_kick(&f->v, Q_REQUEST);
    g_assert_cmpuint(manage(f, 5, 1, 2), ==, 0);
    g_assert_true(virtio_rig_used(&f->v, Q_REQUEST, &id, &len));
    g_assert_cmpuint(response(f), ==, 4); /* reset */
    RESET_SEEN(HD);
}

static void units_come_and_go(struct scsi_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { EVENTS, 16, true };
    unsigned id;
    uint32_t len;

    (void)data;
    drive_rig_new(f->v.r, "d1", 64, false);
    virtio_rig_add(&f->v, Q_EVENT, &b, 1, false);
    virtio_rig_kick(&f->v, Q_EVENT);
    g_assert_false(virtio_rig_used(&f->v, Q_EVENT, &id, &len));
    rig_device(f->v.r, "scsi-hd", "drive=d1,scsi-id=7,lun=1");
    g_assert_true(virtio_rig_used(&f->v, Q_EVENT, &id, &len));
    g_assert_cmphex(rig_load(f->v.r, EVENTS, 8), ==, 0x0140070100000001ull);
    g_assert_cmphex(rig_load(f->v.r, EVENTS + 12, 4), ==, 1);
    add(f, 1, 2, CDB(0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, 0);
    device_free(f->hd); /* nobody waits for events */
    add(f, 1, 2, CDB(0x00, 0, 0, 0, 0, 0), 0, 0);
    virtio_rig_finish(&f->v, Q_REQUEST);
    g_assert_cmpuint(response(f), ==, 3);
    virtio_rig_add(&f->v, Q_EVENT, &b, 1, false);
    virtio_rig_kick(&f->v, Q_EVENT);
    virtio_rig_settle(&f->v);
    g_assert_true(virtio_rig_used(&f->v, Q_EVENT, &id, &len));
    g_assert_cmphex(rig_load(f->v.r, EVENTS, 4), ==, 0x80000000);
}

static void another_size_is_told(struct scsi_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { EVENTS, 16, true };
    unsigned id;
    uint32_t len;

    (void)data;
    RESET_SEEN(HD);
    virtio_rig_add(&f->v, Q_EVENT, &b, 1, false);
    virtio_rig_kick(&f->v, Q_EVENT);
    f->disk->root->size = 2 * SECTORS * 512;
    block_backend_resized(f->disk);
    g_assert_true(virtio_rig_used(&f->v, Q_EVENT, &id, &len));
    g_assert_cmphex(rig_load(f->v.r, EVENTS, 8), ==, 0x0240010100000003ull);
    g_assert_cmphex(rig_load(f->v.r, EVENTS + 12, 4), ==, 0x092a);
    g_assert_cmphex(HD(0, 0, 0x00, 0, 0, 0, 0, 0), ==, 0x62a09); /* a unit attention, once */
    g_assert_cmphex(HD(8, 0, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0), ==, 0);
    g_assert_cmphex(rig_load(f->v.r, DATA, 4), ==, GUINT32_SWAP_LE_BE(2 * SECTORS - 1));
}

static void saving_waits_and_reset_cancels(struct scsi_rig *f, gconstpointer data)
{
    unsigned id;
    uint32_t len;

    (void)data;
    RESET_SEEN(HD);
    add(f, 1, 2, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), 512, 0);
    virtio_rig_kick(&f->v, Q_REQUEST);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_true(virtio_rig_used(&f->v, Q_REQUEST, &id, &len));
    add(f, 1, 2, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), 512, 0);
    virtio_rig_kick(&f->v, Q_REQUEST);
    virtio_rig_put(&f->v, 20, 0, 1);
    g_assert_cmpuint(f->disk->in_flight, ==, 0);
    virtio_rig_start(&f->v, VIRTIO_RIG_BASIC, 3, 16);
    add(f, 1, 2, CDB(0x28, 0, 0, 0, 0, 5, 0, 0, 1, 0), 512, 0);
    virtio_rig_kick(&f->v, Q_REQUEST);
    device_free(&f->v.dev->pci.dev); /* with the units on its bus */
    g_assert_null(f->disk->front);
    g_assert_null(f->cd->front);
}

static void short_requests_break_it(struct scsi_rig *f, gconstpointer data)
{
    const struct rig_buffer head[] = { { REQUEST, 50, false }, { ANSWER, 108, true } };
    const struct rig_buffer answer[] = { { REQUEST, 51, false }, { ANSWER, 107, true } };
    const struct rig_buffer task[] = { { REQUEST, 23, false }, { ANSWER, 1, true } };

    (void)data;
    rig_store(f->v.r, REQUEST, 0, 8);
    for (unsigned i = 0; i < 3; i++) {
        unsigned queue = i < 2 ? Q_REQUEST : Q_CONTROL;

        virtio_rig_add(&f->v, queue, i == 0 ? head : i == 1 ? answer : task, 2, false);
        virtio_rig_kick(&f->v, queue);
        virtio_rig_settle(&f->v);
        g_assert_cmphex(virtio_rig_get(&f->v, 20, 1) & VIRTIO_NEEDS_RESET, !=, 0);
        virtio_rig_start(&f->v, VIRTIO_RIG_ALL, 3, 16);
    }
    /* Sizes that the driver may change are bounded. */
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 20, 0x10000, 4);
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 24, 0xffffffff, 4);
    g_assert_cmpuint(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 20, 4), ==, 96);
    g_assert_cmpuint(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 24, 4), ==, 32);
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 20, 4, 4);
    g_assert_cmpuint(rig_load(f->v.r, VIRTIO_RIG_CONFIG + 20, 4), ==, 4);
}

static void mistakes_are_named(struct scsi_rig *f, gconstpointer data)
{
    static const char *const rows[][3] = {
        { "scsi-hd", "drive=d1,scsi-id=1,lun=2", "unit 2 of target 1 is in use on bus scsi.0" },
        { "scsi-hd", "drive=d1,channel=1", "must be 0, 0 to 255, 0 to 255" },
        { "scsi-hd", "scsi-id=9", "drive=ID is missing" },
        { "scsi-hd", "drive=d0,scsi-id=9", "is already in use" },
        { "virtio-scsi-pci", "num_queues=65", "must be 1 to 64" },
    };

    (void)data;
    drive_rig_new(f->v.r, "d1", 64, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = rig_device_error(f->v.r, device_type_find(rows[i][0]), rows[i][1]);

        g_test_message("%s", text);
        g_assert_nonnull(strstr(text, rows[i][2]));
    }
}

#define ADD(path, props, function)                                                                 \
    g_test_add("/virtio-scsi/" path, struct scsi_rig, props, set_up, function, tear_down)
/* The same with the queues on an iothread. */
#define ADD_BOTH(path, props, function)                                                            \
    ADD(path, props, function);                                                                    \
    ADD("iothread/" path, "@" props, function)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD_BOTH("units", "", units_are_found);
    ADD("disk/vpd", "discard_granularity=4k,rotation_rate=1", vital_product_data);
    ADD_BOTH("disk/blocks", "physical_block_size=4k", blocks_are_read_and_written);
    ADD_BOTH("disk/bad-ranges", "", bad_ranges_fail);
    ADD_BOTH("disk/write-same", "", the_same_is_written);
    ADD_BOTH("disk/unmap", "", ranges_are_unmapped);
    ADD_BOTH("disk/modes", "", modes);
    ADD_BOTH("cd", "", a_cd_drive);
    ADD("control", "", tasks_are_managed);
    ADD_BOTH("events", "", units_come_and_go);
    ADD_BOTH("size", "", another_size_is_told);
    ADD_BOTH("state", "", saving_waits_and_reset_cancels);
    ADD_BOTH("hostile", "", short_requests_break_it);
    ADD("mistakes", "", mistakes_are_named);
    return g_test_run();
}
