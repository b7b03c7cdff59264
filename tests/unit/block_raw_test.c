/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/block_raw_test.c: drives over raw files: transfers, errors, cancelling, locks, snapshots.
 * Thread: the test's, with the machine lock held.
 */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "block/block.h"
#include "softmmu/machine.h"

#define SIZE 65536u

struct fixture {
    struct machine *m;
    char *path;
    struct block_backend *blk;
    struct block_request req;
    struct iovec iov[2];
    int result, calls;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    uint8_t bytes[SIZE];
    int fd = g_file_open_tmp("rhea-block-XXXXXX", &f->path, &error);

    (void)data;
    g_assert_no_error(error);
    for (unsigned i = 0; i < SIZE; i++) {
        bytes[i] = (uint8_t)(i / 512);
    }
    g_assert_cmpint(write(fd, bytes, SIZE), ==, SIZE);
    close(fd);
    f->m = machine_new();
    machine_lock(f->m);
    f->blk = block_backend_new(f->m, "d0", &error);
    g_assert_no_error(error);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
    g_unlink(f->path);
    g_free(f->path);
}

static void open_image(struct fixture *f, struct block_open_options o)
{
    g_autoptr(GError) error = NULL;

    o.filename = f->path;
    o.format = "raw";
    block_backend_open(f->blk, &o, &error);
    g_assert_no_error(error);
}

static void on_done(void *opaque, int result)
{
    struct fixture *f = opaque;

    f->result = result;
    f->calls++;
}

static void submit(struct fixture *f, enum block_op op, uint64_t offset, void *buf, size_t len)
{
    f->iov[0] = (struct iovec){ buf, len / 2 };
    f->iov[1] = (struct iovec){ (char *)buf + len / 2, len - len / 2 };
    f->req.blk = f->blk;
    f->req.op = op;
    f->req.offset = offset;
    f->req.bytes = len;
    f->req.iov = f->iov;
    f->req.n_iov = 2;
    f->req.done = on_done;
    f->req.opaque = f;
    f->calls = 0;
    block_submit(&f->req);
    g_assert_cmpint(f->calls, ==, 0); /* never from within submit */
}

static int transfer(struct fixture *f, enum block_op op, uint64_t offset, void *buf, size_t len)
{
    submit(f, op, offset, buf, len);
    while (f->calls == 0) {
        machine_iterate(f->m, true);
    }
    g_assert_cmpint(f->calls, ==, 1);
    return f->result;
}

static uint8_t byte_in_file(struct fixture *f, unsigned at)
{
    g_autofree char *data = NULL;
    gsize len;

    g_assert_true(g_file_get_contents(f->path, &data, &len, NULL));
    g_assert_cmpuint(at, <, len);
    return (uint8_t)data[at];
}

static void reads_and_writes_arrive(struct fixture *f, gconstpointer data)
{
    static const enum block_cache caches[] = { BLOCK_CACHE_WRITEBACK, BLOCK_CACHE_WRITETHROUGH,
                                               BLOCK_CACHE_UNSAFE };
    uint8_t buf[1536];

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(caches); i++) {
        g_autoptr(GError) error = NULL;

        f->blk->removable = true;
        g_assert_true(block_backend_eject(f->blk, false, &error));
        open_image(f, (struct block_open_options){ .cache = caches[i] });
        g_assert_cmpuint(block_size(f->blk), ==, SIZE);
        g_assert_cmpint(transfer(f, BLOCK_READ, 1024, buf, sizeof(buf)), ==, 0);
        g_assert_cmpuint(buf[0], ==, 2);
        g_assert_cmpuint(buf[1535], ==, 4);
        memset(buf, 0xa0 + (int)i, sizeof(buf));
        g_assert_cmpint(transfer(f, BLOCK_WRITE, 4096, buf, sizeof(buf)), ==, 0);
        g_assert_cmpint(transfer(f, BLOCK_FLUSH, 0, NULL, 0), ==, 0);
        g_assert_cmpuint(byte_in_file(f, 4096), ==, 0xa0 + i);
        g_assert_cmpuint(byte_in_file(f, 4096 + 1536), ==, 11);
    }
}

/* Each way to carry transfers out: many at once, some over the end of the last sector. */
static void every_aio_reads_and_writes(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *aio;
        enum block_cache cache;
    } ways[] = { { NULL, BLOCK_CACHE_WRITEBACK },       { NULL, BLOCK_CACHE_NONE },
                 { "threads", BLOCK_CACHE_WRITEBACK },  { "native", BLOCK_CACHE_NONE },
                 { "io_uring", BLOCK_CACHE_WRITEBACK }, { "io_uring", BLOCK_CACHE_NONE } };
    g_autoptr(GError) error = NULL;
    struct block_ring *ring = block_ring_new(NULL);
    uint8_t *buf = g_aligned_alloc0(SIZE, 1, 4096);

    (void)data;
    g_assert_cmpint(truncate(f->path, SIZE - 100), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways) - (ring ? 0 : 2); i++) {
        f->blk->removable = true;
        g_assert_true(block_backend_eject(f->blk, false, &error));
        open_image(f, (struct block_open_options){ .aio = ways[i].aio, .cache = ways[i].cache });
        for (unsigned k = 0; k < 300; k++) {
            memset(buf, (int)(k + i), 8192);
            g_assert_cmpint(transfer(f, BLOCK_WRITE, k % 7 * 4096, buf, 8192), ==, 0);
            g_assert_cmpint(transfer(f, BLOCK_READ, k % 7 * 4096, buf + 8192, 8192), ==, 0);
            g_assert_cmpmem(buf, 8192, buf + 8192, 8192);
        }
        memset(buf, 1, SIZE);
        g_assert_cmpint(transfer(f, BLOCK_READ, 0, buf, SIZE), ==, 0);
        g_assert_cmpuint(buf[SIZE - 101], ==, 127);
        g_assert_cmpuint(buf[SIZE - 100] | buf[SIZE - 1], ==, 0);
    }
    g_aligned_free(buf);
    block_ring_free(ring);
}

/* Whoever waits for a transfer on the ring reaps it. */
static void waiting_needs_no_main_loop(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .aio = GPOINTER_TO_INT(data) ? "io_uring" : "threads" };
    struct block_ring *ring = block_ring_new(NULL);
    uint8_t buf[4096] = { 0 };

    if (!ring) {
        g_test_skip("this kernel has no io_uring");
        return;
    }
    block_ring_free(ring);
    open_image(f, o);
    for (unsigned i = 0; i < 100; i++) {
        submit(f, i & 1 ? BLOCK_READ : BLOCK_WRITE, 4096, buf, sizeof(buf));
        if (i % 3) {
            block_drain(f->blk);
            g_assert_cmpint(f->calls, ==, 1);
            g_assert_cmpint(f->result, ==, 0);
        } else {
            block_cancel(&f->req);
            g_assert_cmpint(f->calls, ==, 0);
        }
        g_assert_false(block_busy(&f->req));
        g_assert_cmpuint(f->blk->in_flight, ==, 0);
    }
}

static void native_needs_direct(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path, .format = "raw", .aio = "native" };
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_false(block_backend_open(f->blk, &o, &error));
    g_assert_cmpstr(error->message, ==,
                    "aio=native was specified, but it requires cache.direct=on, which was not "
                    "specified.");
}

/* O_DIRECT: memory and ranges of any alignment give the same bytes. */
static void direct_is_coherent(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path,
                                    .format = "raw",
                                    .cache = BLOCK_CACHE_NONE };
    g_autoptr(GError) error = NULL;
    g_autofree uint8_t *buf = g_malloc(8192 + 16);

    (void)data;
    if (!block_backend_open(f->blk, &o, &error)) {
        g_test_skip(error->message);
        return;
    }
    memset(buf, 0x5a, 8192 + 16);
    g_assert_cmpint(transfer(f, BLOCK_WRITE, 4096, buf + 1, 8192), ==, 0);
    memset(buf, 0xa5, 512);
    g_assert_cmpint(transfer(f, BLOCK_WRITE, 4608, buf, 512), ==, 0);
    g_assert_cmpint(transfer(f, BLOCK_READ, 4096, buf + 3, 8192), ==, 0);
    g_assert_cmphex(buf[3], ==, 0x5a);
    g_assert_cmphex(buf[3 + 512], ==, 0xa5);
    g_assert_cmphex(buf[3 + 1024], ==, 0x5a);
    g_assert_cmphex(buf[3 + 8191], ==, 0x5a);
}

static void errors_are_delivered(struct fixture *f, gconstpointer data)
{
    uint8_t buf[1024];

    (void)data;
    f->blk->werror = BLOCK_ON_ERROR_REPORT;
    g_assert_cmpint(transfer(f, BLOCK_READ, 0, buf, 512), ==, -ENOMEDIUM);
    open_image(f, (struct block_open_options){ .read_only = true });
    g_assert_cmpint(transfer(f, BLOCK_WRITE, 0, buf, 512), ==, -EROFS);
    g_assert_cmpint(transfer(f, BLOCK_READ, SIZE - 512, buf, 1024), ==, -EIO);
    g_assert_cmpint(transfer(f, BLOCK_READ, UINT64_MAX - 511, buf, 1024), ==, -EIO);
    g_assert_cmpint(transfer(f, BLOCK_READ, SIZE - 512, buf, 512), ==, 0);
    f->blk->rerror = BLOCK_ON_ERROR_IGNORE;
    g_assert_cmpint(transfer(f, BLOCK_READ, SIZE, buf, 512), ==, 0);
}

/* rerror=stop pauses; going on tries again, and what was wrong may have been put right. */
static void stop_pauses_and_retries(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    open_image(f, (struct block_open_options){ 0 });
    f->blk->werror = BLOCK_ON_ERROR_STOP;
    f->blk->read_only = true;
    machine_set_run_state(f->m, RUN_STATE_RUNNING);
    memset(buf, 0x77, sizeof(buf));
    submit(f, BLOCK_WRITE, 0, buf, 512);
    for (int i = 0; i < 100 && f->m->run_state == RUN_STATE_RUNNING; i++) {
        machine_iterate(f->m, false);
    }
    g_assert_cmpint(f->m->run_state, ==, RUN_STATE_PAUSED);
    g_assert_cmpint(f->calls, ==, 0);
    g_assert_true(block_busy(&f->req));
    f->blk->read_only = false;
    machine_set_run_state(f->m, RUN_STATE_RUNNING);
    block_drain(f->blk);
    g_assert_cmpint(f->calls, ==, 1);
    g_assert_cmpint(f->result, ==, 0);
    g_assert_cmphex(byte_in_file(f, 0), ==, 0x77);
    machine_set_run_state(f->m, RUN_STATE_PAUSED);
}

static void cancelled_ones_are_not_called_back(struct fixture *f, gconstpointer data)
{
    uint8_t buf[4096];

    (void)data;
    open_image(f, (struct block_open_options){ 0 });
    for (int i = 0; i < 200; i++) {
        submit(f, BLOCK_READ, 0, buf, sizeof(buf));
        block_cancel(&f->req);
        g_assert_false(block_busy(&f->req));
        g_assert_cmpuint(f->blk->in_flight, ==, 0);
    }
    machine_iterate(f->m, false);
    g_assert_cmpint(f->calls, ==, 0);
    submit(f, BLOCK_READ, 0, buf, sizeof(buf));
    block_drain(f->blk);
    g_assert_cmpint(f->calls, ==, 1);
}

static void snapshot_forgets(struct fixture *f, gconstpointer data)
{
    uint8_t buf[1024];

    (void)data;
    open_image(f, (struct block_open_options){ .snapshot = true });
    memset(buf, 0xee, sizeof(buf));
    g_assert_cmpint(transfer(f, BLOCK_WRITE, 512, buf, 512), ==, 0);
    g_assert_cmpint(transfer(f, BLOCK_READ, 0, buf, 1024), ==, 0);
    g_assert_cmphex(buf[0], ==, 0);
    g_assert_cmphex(buf[512], ==, 0xee);
    g_assert_cmpint(transfer(f, BLOCK_READ, 1024, buf, 512), ==, 0);
    g_assert_cmphex(buf[0], ==, 2);
    g_assert_cmphex(byte_in_file(f, 512), ==, 1);
}

static void one_writer_at_a_time(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path, .format = "raw" };
    g_autoptr(GError) error = NULL, read_error = NULL;
    struct block_backend *second = block_backend_new(f->m, "d1", NULL);

    (void)data;
    open_image(f, (struct block_open_options){ 0 });
    g_assert_false(block_backend_open(second, &o, &error));
    g_assert_nonnull(strstr(error->message, "Failed to get \"write\" lock"));
    o.read_only = true;
    g_assert_false(block_backend_open(second, &o, &read_error));
    g_assert_nonnull(strstr(read_error->message, "Failed to get shared \"write\" lock"));
    f->blk->removable = true;
    g_assert_true(block_backend_eject(f->blk, false, NULL));
    g_assert_true(block_backend_open(second, &o, NULL));
    open_image(f, (struct block_open_options){ .read_only = true }); /* two readers */
}

static void formats_are_recognized(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path };
    g_autoptr(GError) probed = NULL, named = NULL, unknown = NULL, missing = NULL;

    (void)data;
    g_assert_true(g_file_set_contents(f->path, "LUKS\xba\xbe\0\2", 8, NULL)); /* LUKS2 */
    g_assert_false(block_backend_open(f->blk, &o, &probed));
    g_assert_nonnull(strstr(probed->message, "'key-secret' is required"));
    o.no_io = true;
    g_assert_false(block_backend_open(f->blk, &o, &named));
    g_assert_nonnull(strstr(named->message, "version is 2, must be 1"));
    o.format = "rwa";
    g_assert_false(block_backend_open(f->blk, &o, &unknown));
    g_assert_nonnull(strstr(unknown->message, "closest: raw"));
    o.format = "raw";
    o.filename = "/nonexistent/image";
    g_assert_false(block_backend_open(f->blk, &o, &missing));
    g_assert_nonnull(strstr(missing->message, "Could not open '/nonexistent/image'"));
}

static void short_tail_reads_as_zeroes(struct fixture *f, gconstpointer data)
{
    uint8_t buf[512];

    (void)data;
    g_assert_true(g_file_set_contents(f->path, "abc", 3, NULL));
    open_image(f, (struct block_open_options){ 0 });
    g_assert_cmpuint(block_size(f->blk), ==, 512);
    g_assert_cmpint(transfer(f, BLOCK_READ, 0, buf, 512), ==, 0);
    g_assert_cmpint(buf[2], ==, 'c');
    g_assert_cmpint(buf[3], ==, 0);
}

static void ids_are_unique(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_null(block_backend_new(f->m, "d0", &error));
    g_assert_nonnull(error);
    g_assert_true(block_backend_find(f->m, "d0") == f->blk);
}

#define ADD(name, fn) g_test_add("/block/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("transfers", reads_and_writes_arrive);
    ADD("aio", every_aio_reads_and_writes);
    g_test_add("/block/raw/wait/threads", struct fixture, NULL, set_up, waiting_needs_no_main_loop,
               tear_down);
    g_test_add("/block/raw/wait/io_uring", struct fixture, GINT_TO_POINTER(1), set_up,
               waiting_needs_no_main_loop, tear_down);
    ADD("native", native_needs_direct);
    ADD("direct", direct_is_coherent);
    ADD("errors", errors_are_delivered);
    ADD("stop", stop_pauses_and_retries);
    ADD("cancel", cancelled_ones_are_not_called_back);
    ADD("snapshot", snapshot_forgets);
    ADD("locks", one_writer_at_a_time);
    ADD("formats", formats_are_recognized);
    ADD("tail", short_tail_reads_as_zeroes);
    ADD("ids", ids_are_unique);
    return g_test_run();
}
