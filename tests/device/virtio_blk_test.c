/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_blk_test.c: virtio disks: requests of every kind, what is refused, the write cache,
 * several queues, saving and resetting with requests in flight.
 */
#include "tests/device/bad_disk.h"
#include "tests/device/drive_rig.h"
#include "tests/device/virtio_rig.h"

#define SECTORS 4096u
#define HEADER  0x200000u
#define STATUS  0x201000u
#define DATA    0x210000u

enum { IN = 0, OUT = 1, FLUSH = 4, GET_ID = 8, DISCARD = 11, WRITE_ZEROES = 13 };
enum { OK = 0, IOERR = 1, UNSUPP = 2 };

struct blk_rig {
    struct virtio_rig v;
    struct block_backend *blk;
};

/* data: the device's properties. */
static void set_up(struct blk_rig *f, gconstpointer data)
{
    g_autofree char *props = g_strdup_printf("drive=d0,%s", (const char *)data);

    virtio_rig_machine(&f->v);
    f->blk = drive_rig_new(f->v.r, "d0", SECTORS, false);
    if (strstr(props, "iothread=")) {
        virtio_rig_iothread(&f->v);
    }
    virtio_rig_set_up_on(&f->v, rig_device(f->v.r, "virtio-blk-pci", props));
}

static void tear_down(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_tear_down(&f->v);
}

static void put_header(struct blk_rig *f, uint32_t type, uint64_t sector)
{
    rig_store(f->v.r, HEADER, type, 4);
    rig_store(f->v.r, HEADER + 4, 0, 4);
    rig_store(f->v.r, HEADER + 8, sector, 8);
    rig_store(f->v.r, STATUS, 0xee, 1);
}

/* A request with its data in `pieces` buffers; the status. */
static unsigned request(struct blk_rig *f, unsigned queue, uint32_t type, uint64_t sector,
                        uint32_t len, unsigned pieces)
{
    struct rig_buffer b[10] = { { HEADER, 16, false } };
    bool read = type == IN || type == GET_ID;
    unsigned n = 1;

    put_header(f, type, sector);
    for (unsigned i = 0; len && i < pieces; i++) {
        uint32_t part = i + 1 < pieces ? len / pieces : len - len / pieces * i;

        b[n++] = (struct rig_buffer){ DATA + len / pieces * i, part, read };
    }
    b[n++] = (struct rig_buffer){ STATUS, 1, true };
    g_assert_cmpuint(virtio_rig_run(&f->v, queue, b, n), ==, (read ? len : 0) + 1);
    return (unsigned)rig_load(f->v.r, STATUS, 1);
}

static void start(struct blk_rig *f, uint64_t features, unsigned queues)
{
    virtio_rig_start(&f->v, features, queues, 64);
}

static uint64_t config(struct blk_rig *f, unsigned off, unsigned size)
{
    return rig_load(f->v.r, VIRTIO_RIG_CONFIG + off, size);
}

static void configuration_describes_the_disk(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    g_assert_cmpuint(config(f, 0, 8), ==, SECTORS);
    g_assert_cmpuint(config(f, 12, 4), ==, 62);
    g_assert_cmpuint(config(f, 20, 4), ==, 1024);
    g_assert_cmpuint(config(f, 24, 1), ==, 2); /* 4096 / 1024 */
    g_assert_cmpuint(config(f, 26, 2), ==, 4);
    g_assert_cmpuint(config(f, 28, 4), ==, 8);
    g_assert_cmpuint(config(f, 32, 1), ==, 1);
    g_assert_cmpuint(config(f, 34, 2), ==, 4);
    g_assert_cmpuint(config(f, 44, 4), ==, 8);
    g_assert_cmphex(virtio_rig_offered(&f->v) & 0x7ff4, ==, 0x7e54);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
}

static void check_transfers(struct blk_rig *f)
{
    g_assert_cmpuint(request(f, 0, IN, 7, 8 * 512, 3), ==, OK);
    for (unsigned i = 0; i < 8; i++) {
        g_assert_cmphex(rig_load(f->v.r, DATA + i * 512, 1), ==, 7 + i);
        g_assert_cmphex(rig_load(f->v.r, DATA + i * 512 + 511, 1), ==, 7 + i);
    }
    g_assert_cmpuint(request(f, 0, OUT, 100, 4 * 512, 8), ==, OK);
    g_assert_cmphex(drive_rig_byte(f->blk, 100 * 512), ==, 7);
    g_assert_cmphex(drive_rig_byte(f->blk, 103 * 512 + 511), ==, 10);
    g_assert_cmphex(drive_rig_byte(f->blk, 104 * 512), ==, 104);
    g_assert_cmpuint(request(f, 0, OUT, 100, 0, 0), ==, OK);
    g_assert_cmpuint(request(f, 0, FLUSH, 0, 0, 0), ==, OK);
    g_assert_cmpuint(request(f, 0, IN, SECTORS - 1, 512, 1), ==, OK);
    g_assert_cmpuint(request(f, 0, OUT, 100, 512, 1), ==, OK);
    rig_store(f->v.r, DATA, 0x64, 1);
}

static void data_moves(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    start(f, VIRTIO_RIG_BASIC, 1);
    check_transfers(f);
    start(f, VIRTIO_RIG_ALL & ~(1ull << VIRTIO_F_RING_PACKED), 1);
    check_transfers(f);
    start(f, VIRTIO_RIG_ALL, 1);
    check_transfers(f);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
}

static void bad_requests_fail(struct blk_rig *f, gconstpointer data)
{
    const struct rig_buffer no_status[] = { { HEADER, 16, false }, { DATA, 512, false } };
    const struct rig_buffer no_header[] = { { HEADER, 15, false }, { STATUS, 1, true } };

    (void)data;
    start(f, VIRTIO_RIG_ALL, 1);
    g_assert_cmpuint(request(f, 0, IN, SECTORS, 512, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, IN, SECTORS - 1, 1024, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, OUT, UINT64_MAX / 512, 512, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, OUT, UINT64_MAX, 512, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, IN, 0, 100, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, 2, 0, 512, 1), ==, UNSUPP);
    g_assert_cmpuint(request(f, 0, 12345, 0, 0, 0), ==, UNSUPP);
    bad_disk_make(f->blk, 50, 1);
    g_assert_cmpuint(request(f, 0, IN, 48, 4 * 512, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, OUT, 50, 512, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, IN, 51, 512, 1), ==, OK);
    for (unsigned i = 0; i < 2; i++) {
        virtio_rig_add(&f->v, 0, i ? no_status : no_header, 2, false);
        virtio_rig_kick(&f->v, 0);
        virtio_rig_settle(&f->v);
        g_assert_cmphex(virtio_rig_get(&f->v, 20, 1) & VIRTIO_NEEDS_RESET, !=, 0);
        start(f, VIRTIO_RIG_ALL, 1);
    }
}

static void the_serial_is_given(struct blk_rig *f, gconstpointer data)
{
    char id[21] = { 0 };

    (void)data;
    start(f, VIRTIO_RIG_ALL, 1);
    g_assert_cmpuint(request(f, 0, GET_ID, 0, 20, 1), ==, OK);
    rig_read(f->v.r, DATA, id, 20);
    g_assert_cmpstr(id, ==, "a-serial-number-of-2");
    g_assert_cmpuint(request(f, 0, GET_ID, 0, 19, 1), ==, IOERR);
}

static void put_range(struct blk_rig *f, uint64_t sector, uint32_t n, uint32_t flags)
{
    rig_store(f->v.r, DATA, sector, 8);
    rig_store(f->v.r, DATA + 8, n, 4);
    rig_store(f->v.r, DATA + 12, flags, 4);
}

static void ranges_are_cleared(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    start(f, VIRTIO_RIG_ALL, 1);
    put_range(f, 200, 8, 0);
    g_assert_cmpuint(request(f, 0, WRITE_ZEROES, 0, 16, 1), ==, OK);
    g_assert_cmphex(drive_rig_byte(f->blk, 199 * 512), ==, 199);
    g_assert_cmphex(drive_rig_byte(f->blk, 200 * 512), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 207 * 512 + 511), ==, 0);
    g_assert_cmphex(drive_rig_byte(f->blk, 208 * 512), ==, 208);
    put_range(f, 210, 2, 1); /* may unmap */
    g_assert_cmpuint(request(f, 0, WRITE_ZEROES, 0, 16, 1), ==, OK);
    g_assert_cmphex(drive_rig_byte(f->blk, 210 * 512), ==, 0);
    put_range(f, 300, 8, 0);
    g_assert_cmpuint(request(f, 0, DISCARD, 0, 16, 1), ==, OK);
    put_range(f, 300, 8, 1);
    g_assert_cmpuint(request(f, 0, DISCARD, 0, 16, 1), ==, UNSUPP);
    put_range(f, 300, 8, 2);
    g_assert_cmpuint(request(f, 0, WRITE_ZEROES, 0, 16, 1), ==, UNSUPP);
    put_range(f, SECTORS - 1, 2, 0);
    g_assert_cmpuint(request(f, 0, WRITE_ZEROES, 0, 16, 1), ==, IOERR);
    put_range(f, UINT64_MAX, UINT32_MAX, 0);
    g_assert_cmpuint(request(f, 0, DISCARD, 0, 16, 1), ==, IOERR);
    put_range(f, 0, 1, 0);
    g_assert_cmpuint(request(f, 0, DISCARD, 0, 32, 1), ==, IOERR);
    g_assert_cmpuint(request(f, 0, DISCARD, 0, 15, 1), ==, IOERR);
}

static void every_queue_serves(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_msix(&f->v);
    start(f, VIRTIO_RIG_BASIC | 1 << 12, 4);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(request(f, i, IN, 20 + i, 512, 1), ==, OK);
        g_assert_cmphex(rig_load(f->v.r, DATA, 1), ==, 20 + i);
        g_assert_cmpuint(virtio_rig_messages(&f->v, i + 1), ==, 1);
    }
}

/* 16 requests that are without an interrupt of the others': kick all, then wait. */
static void run_side_by_side(struct blk_rig *f)
{
    unsigned id, n = 0;
    uint32_t len;

    for (unsigned i = 0; i < 16; i++) {
        const struct rig_buffer b[] = { { HEADER + i * 16, 16, false },
                                        { DATA + i * 512, 512, true },
                                        { STATUS + i, 1, true } };

        rig_store(f->v.r, HEADER + i * 16, IN, 8);
        rig_store(f->v.r, HEADER + i * 16 + 8, 60 + i, 8);
        virtio_rig_add(&f->v, 0, b, 3, true);
    }
    virtio_rig_kick(&f->v, 0);
    while (n < 16) {
        virtio_rig_wait(&f->v);
        while (virtio_rig_used(&f->v, 0, &id, &len)) {
            g_assert_cmpuint(len, ==, 513);
            n++;
        }
    }
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(rig_load(f->v.r, DATA + i * 512, 1), ==, 60 + i);
    }
}

static void requests_run_side_by_side(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    start(f, VIRTIO_RIG_ALL, 1);
    run_side_by_side(f);
}

/* All descriptors are in flight at once: the driver still notifies of the next one it adds. */
static void a_full_ring_goes_on(struct blk_rig *f, gconstpointer data)
{
    uint64_t event;

    (void)data;
    virtio_rig_start(&f->v,
                     VIRTIO_RIG_BASIC | 1ull << VIRTIO_F_EVENT_IDX | 1ull << VIRTIO_F_INDIRECT_DESC,
                     1, 16);
    event = f->v.q[0].device + 4 + 8 * 16;
    for (unsigned turn = 1; turn < 4; turn++) {
        run_side_by_side(f);
        g_assert_cmpuint(rig_load(f->v.r, event, 2), ==, 16 * turn);
    }
}

static void add_read(struct blk_rig *f)
{
    const struct rig_buffer b[] = { { HEADER, 16, false },
                                    { DATA, 512, true },
                                    { STATUS, 1, true } };

    put_header(f, IN, 33);
    virtio_rig_add(&f->v, 0, b, 3, false);
    virtio_rig_kick(&f->v, 0);
}

static void saving_waits_and_reset_cancels(struct blk_rig *f, gconstpointer data)
{
    unsigned id;
    uint32_t len;

    (void)data;
    start(f, VIRTIO_RIG_BASIC, 1);
    add_read(f);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_true(virtio_rig_used(&f->v, 0, &id, &len));
    g_assert_cmphex(rig_load(f->v.r, DATA, 1), ==, 33);
    add_read(f);
    virtio_rig_put(&f->v, 20, 0, 1);
    g_assert_cmpuint(f->blk->in_flight, ==, 0);
    rig_poll(f->v.r);
    if (!virtio_rig_device(&f->v)->iothread) { /* which may have been quicker */
        g_assert_false(virtio_rig_used(&f->v, 0, &id, &len));
        g_assert_cmphex(rig_load(f->v.r, STATUS, 1), ==, 0xee);
    }
    start(f, VIRTIO_RIG_ALL, 1);
    add_read(f);
    device_free(&f->v.dev->pci.dev); /* unplugged */
    g_assert_cmpuint(f->blk->in_flight, ==, 0);
    g_assert_null(f->blk->front);
}

/* rerror=stop: whatever fails until the machine stands still waits, and is tried again by `cont`. */
static void all_failures_wait(struct blk_rig *f, gconstpointer data)
{
    struct bad_disk *bad;
    unsigned id, n = 0;
    uint32_t len;

    (void)data;
    bad_disk_make(f->blk, 33, 1);
    bad = (struct bad_disk *)f->blk->root;
    f->v.r->m->was_reset = true; /* the BARs are to stay */
    machine_set_run_state(f->v.r->m, RUN_STATE_RUNNING);
    start(f, VIRTIO_RIG_BASIC, 1);
    put_header(f, IN, 33);
    for (unsigned i = 0; i < 5; i++) {
        const struct rig_buffer b[] = { { HEADER, 16, false },
                                        { DATA + i * 512, 512, true },
                                        { STATUS + i, 1, true } };

        virtio_rig_add(&f->v, 0, b, 3, false);
        virtio_rig_kick(&f->v, 0);
    }
    while (f->v.r->m->run_state == RUN_STATE_RUNNING) {
        virtio_rig_wait(&f->v);
    }
    g_assert_cmpint(f->v.r->m->run_state, ==, RUN_STATE_PAUSED);
    for (unsigned i = 0; i < 20; i++) {
        rig_poll(f->v.r);
        virtio_rig_wait_a_little(&f->v);
    }
    g_assert_false(virtio_rig_used(&f->v, 0, &id, &len));
    bad->first = bad->end;
    machine_set_run_state(f->v.r->m, RUN_STATE_RUNNING);
    while (n < 5) {
        virtio_rig_wait(&f->v);
        while (virtio_rig_used(&f->v, 0, &id, &len)) {
            n++;
        }
    }
    for (unsigned i = 0; i < 5; i++) {
        g_assert_cmpuint(rig_load(f->v.r, STATUS + i, 1), ==, OK);
    }
    machine_set_run_state(f->v.r->m, RUN_STATE_PAUSED);
}

/* An iothread that has lost its last device can go, and come again. */
static void iothreads_outlive_their_devices(void)
{
    g_autoptr(GError) error = NULL;
    struct blk_rig f;

    set_up(&f, "iothread=t0");
    for (unsigned i = 0; i < 3; i++) {
        struct iothread *t = iothread_find(f.v.r->m, "t0");

        start(&f, VIRTIO_RIG_ALL, 1);
        g_assert_cmpuint(request(&f, 0, IN, 9, 512, 1), ==, OK);
        g_assert_false(iothread_delete(t, NULL));
        for (unsigned k = 0; k < 3; k++) {
            add_read(&f);
        }
        device_free(&f.v.dev->pci.dev);
        g_assert_true(iothread_delete(t, &error));
        g_assert_no_error(error);
        virtio_rig_iothread(&f.v);
        virtio_rig_set_up_on(&f.v, rig_device(f.v.r, "virtio-blk-pci", "drive=d0,iothread=t0"));
    }
    tear_down(&f, NULL);
}

static void the_write_cache_is_the_drivers_choice(struct blk_rig *f, gconstpointer data)
{
    (void)data;
    start(f, VIRTIO_RIG_ALL, 1);
    g_assert_true(f->blk->write_cache);
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 32, 0, 1);
    g_assert_false(f->blk->write_cache);
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 33, 1, 1);
    g_assert_cmpuint(config(f, 32, 2), ==, 0);
    rig_check_state(f->v.r, &f->v.dev->pci.dev);
    g_assert_false(f->blk->write_cache);
    start(f, VIRTIO_RIG_BASIC | 1 << 9, 1);
    g_assert_true(f->blk->write_cache);
    rig_store(f->v.r, VIRTIO_RIG_CONFIG + 32, 0, 1); /* not agreed on */
    g_assert_true(f->blk->write_cache);
    start(f, VIRTIO_RIG_BASIC, 1); /* nor is flushing */
    g_assert_false(f->blk->write_cache);
}

static void another_size_is_told(struct blk_rig *f, gconstpointer data)
{
    unsigned generation;

    (void)data;
    virtio_rig_msix(&f->v);
    start(f, VIRTIO_RIG_ALL, 1);
    generation = (unsigned)virtio_rig_get(&f->v, 21, 1);
    virtio_rig_messages(&f->v, 0);
    f->blk->root->size = 2048 * 512;
    block_backend_resized(f->blk);
    g_assert_cmpuint(virtio_rig_messages(&f->v, 0), ==, 1);
    g_assert_cmpuint(virtio_rig_get(&f->v, 21, 1), ==, generation + 1);
    g_assert_cmpuint(config(f, 0, 8), ==, 2048);
    g_assert_cmpuint(request(f, 0, IN, 2047, 512, 1), ==, OK);
    g_assert_cmpuint(request(f, 0, IN, 2048, 512, 1), ==, IOERR);
}

static void a_read_only_disk_says_so(void)
{
    struct blk_rig f;

    virtio_rig_machine(&f.v);
    f.blk = drive_rig_new(f.v.r, "d0", 64, true);
    virtio_rig_set_up_on(&f.v, rig_device(f.v.r, "virtio-blk-pci", "drive=d0"));
    g_assert_cmphex(virtio_rig_offered(&f.v) & 0x6020, ==, 0x20);
    start(&f, VIRTIO_RIG_ALL, 1);
    g_assert_cmpuint(request(&f, 0, OUT, 1, 512, 1), ==, IOERR);
    g_assert_cmpuint(request(&f, 0, DISCARD, 1, 16, 1), ==, UNSUPP);
    g_assert_cmpuint(request(&f, 0, IN, 1, 512, 1), ==, OK);
    virtio_rig_tear_down(&f.v);
}

static void mistakes_are_named(void)
{
    static const char *const rows[][2] = {
        { "num-queues=2", "drive=ID is missing" },
        { "drive=d0,num-queues=65", "num-queues is 65, must be 1 to 64" },
        { "drive=d0,queue-size=100", "must be a power of two from 4 to 1024" },
        { "drive=d0,logical_block_size=1000", "must be a power of two from 512" },
        { "drive=d0,logical_block_size=4096", "is more than physical_block_size" },
        { "drive=d0,min_io_size=100", "must be multiples of a logical block" },
        { "drive=d0,discard_granularity=100", "must be a multiple of a logical block" },
        { "drive=d0,rerror=enospc", "must be one of: auto, report, ignore, stop" },
        { "drive=d0,iothread=none", "can't find value 'none'" },
        { "drive=d0,write-cache=maybe", "must be one of: auto, off, on" },
    };
    g_autoptr(rig) r = rig_new();
    struct mem_region memory;

    pci_rig_host(r, &memory);
    drive_rig_new(r, "d0", 64, false);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = rig_device_error(r, device_type_find("virtio-blk-pci"), rows[i][0]);

        g_test_message("%s", text);
        g_assert_nonnull(strstr(text, rows[i][1]));
    }
    rig_device(r, "virtio-blk-pci", "drive=d0"); /* it is free still */
}

#define ADD(path, props, function)                                                                 \
    g_test_add("/virtio-blk/" path, struct blk_rig, props, set_up, function, tear_down)
/* The same with the queues on an iothread. */
#define ADD_BOTH(path, props, function)                                                            \
    ADD(path, props, function);                                                                    \
    ADD("iothread/" path, "iothread=t0," props, function)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("config",
        "num-queues=4,logical_block_size=1k,physical_block_size=4k,min_io_size=4k,opt_io_size=8k,"
        "discard_granularity=4k,queue-size=64",
        configuration_describes_the_disk);
    ADD_BOTH("requests/data", "packed=on", data_moves);
    ADD_BOTH("requests/bad", "packed=on", bad_requests_fail);
    ADD("requests/id", "serial=a-serial-number-of-20-characters", the_serial_is_given);
    ADD_BOTH("requests/ranges", "indirect_desc=off", ranges_are_cleared);
    ADD_BOTH("requests/side-by-side", "", requests_run_side_by_side);
    ADD_BOTH("requests/full", "", a_full_ring_goes_on);
    ADD_BOTH("queues", "num-queues=4", every_queue_serves);
    ADD_BOTH("state", "", saving_waits_and_reset_cancels);
    ADD_BOTH("size", "", another_size_is_told);
    ADD_BOTH("stop", "rerror=stop", all_failures_wait);
    g_test_add_func("/virtio-blk/iothread/outlives", iothreads_outlive_their_devices);
    ADD_BOTH("write-cache", "", the_write_cache_is_the_drivers_choice);
    g_test_add_func("/virtio-blk/read-only", a_read_only_disk_says_so);
    g_test_add_func("/virtio-blk/mistakes", mistakes_are_named);
    return g_test_run();
}
