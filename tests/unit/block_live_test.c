/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/block_live_test.c: jobs on a drive while somebody writes to it.
 * Thread: the test's, with the machine lock held; writers are requests of a device.
 */
#include "block/live.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include "block/driver.h"
#include "softmmu/machine.h"

#define SIZE    (8u << 20)
#define WRITERS 8u
#define PIECE   8192u

struct writer {
    struct fixture *f;
    struct block_request req;
    struct iovec iov;
    uint8_t buf[PIECE];
};

struct fixture {
    struct machine *m;
    char *folder, *base, *top, *other;
    struct block_backend *blk;
    uint8_t *model, *past;
    GRand *rand;
    struct writer writers[WRITERS];
    unsigned written, ready, completed, cancelled, errors, told;
    char *error;
};

static void make(const char *path, const char *format, const char *backing)
{
    g_autoptr(block_options) o = block_options_new();
    g_autoptr(GError) error = NULL;

    block_options_setf(o, "size", "%u", SIZE);
    if (backing) {
        block_options_set(o, "backing_file", backing);
        block_options_set(o, "backing_fmt", "qcow2");
    }
    g_assert_true(block_create(format, path, o, NULL, &error));
}

static struct block_node *open_node(struct fixture *f, const char *path, const char *format)
{
    struct block_open_options o = { .filename = path,
                                    .format = format,
                                    .graph = block_graph_of(f->m) };
    g_autoptr(GError) error = NULL;
    struct block_node *node = block_node_open(&o, &error);

    g_assert_no_error(error);
    return node;
}

static void resized(void *opaque)
{
    ((struct fixture *)opaque)->told++;
}

static const struct block_front front = { .resized = resized };

static void set_up(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    struct block_node *node;

    (void)data;
    f->folder = g_dir_make_tmp("rhea-live-XXXXXX", NULL);
    f->base = g_build_filename(f->folder, "base.qcow2", NULL);
    f->top = g_build_filename(f->folder, "top.qcow2", NULL);
    f->other = g_build_filename(f->folder, "other", NULL);
    f->rand = g_rand_new_with_seed(7);
    f->model = g_malloc(SIZE);
    f->past = g_malloc(SIZE);
    for (unsigned i = 0; i < SIZE; i++) {
        f->model[i] = (uint8_t)(i >> 12);
    }
    memset(f->model + SIZE / 2, 0, SIZE / 4);
    f->m = machine_new();
    machine_lock(f->m);
    make(f->base, "qcow2", NULL);
    node = open_node(f, f->base, "qcow2");
    g_assert_cmpint(block_node_write(node, 0, f->model, SIZE), ==, 0);
    block_node_close(node);
    make(f->top, "qcow2", f->base);
    f->blk = block_backend_new(f->m, "d0", &error);
    o.filename = f->top;
    o.graph = block_graph_of(f->m);
    g_assert_true(block_backend_open(f->blk, &o, &error));
    g_assert_true(block_attach(f->blk, &front, f, &error));
    f->blk->removable = true;
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    block_drain(f->blk);
    block_detach(f->blk);
    machine_free(f->m);
    g_unlink(f->base);
    g_unlink(f->top);
    g_unlink(f->other);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0);
    g_rand_free(f->rand);
    g_free(f->folder);
    g_free(f->base);
    g_free(f->top);
    g_free(f->other);
    g_free(f->model);
    g_free(f->past);
    g_free(f->error);
}

/* A device that writes --------------------------------------------------------------------------- */

static void on_done(void *opaque, int result)
{
    g_assert_cmpint(result, ==, 0);
    ((struct writer *)opaque)->f->written++;
}

/* Each writer has stripes of its own, so that the model knows the order. */
static void write_once(struct fixture *f, struct writer *w)
{
    uint64_t stripe = g_rand_int_range(f->rand, 0, SIZE / PIECE / WRITERS) * WRITERS;
    uint64_t in = (uint64_t)g_rand_int_range(f->rand, 0, PIECE / 512) * 512;
    uint64_t at = (stripe + (uint64_t)(w - f->writers)) * PIECE + in;
    size_t len = (size_t)g_rand_int_range(f->rand, 1, (int)((PIECE - in) / 512) + 1) * 512;
    bool zero = g_rand_int_range(f->rand, 0, 10) == 0;

    w->f = f;
    memset(w->buf, zero ? 0 : g_rand_int_range(f->rand, 1, 256), len);
    memcpy(f->model + at, w->buf, len);
    w->iov = (struct iovec){ w->buf, len };
    w->req = (struct block_request){ .blk = f->blk,
                                     .op = zero ? BLOCK_WRITE_ZEROES : BLOCK_WRITE,
                                     .offset = at,
                                     .bytes = len,
                                     .iov = &w->iov,
                                     .n_iov = 1,
                                     .done = on_done,
                                     .opaque = w };
    block_submit(&w->req);
}

/* Writes while the main loop turns, until `until` is not 0 any more, or so many writes are over. */
static void write_until(struct fixture *f, const unsigned *until, unsigned writes)
{
    unsigned wanted = f->written + writes;

    while (until ? !*until : f->written < wanted) {
        for (unsigned i = 0; i < WRITERS && (!until || f->written < wanted); i++) {
            if (!block_busy(&f->writers[i].req)) {
                write_once(f, &f->writers[i]);
            }
        }
        machine_iterate(f->m, true);
    }
    block_drain(f->blk);
}

static void wait_for(struct fixture *f, const unsigned *what)
{
    while (!*what) {
        machine_iterate(f->m, true);
    }
}

static void on_event(void *opaque, enum block_live_event event, const struct block_live_info *info)
{
    struct fixture *f = opaque;

    f->ready += event == BLOCK_LIVE_READY;
    f->completed += event == BLOCK_LIVE_COMPLETED;
    f->cancelled += event == BLOCK_LIVE_CANCELLED;
    f->errors += event == BLOCK_LIVE_ERROR;
    if (info->error) {
        g_free(f->error);
        f->error = g_strdup(info->error);
    }
}

static void expect_bytes(struct block_node *node, const uint8_t *wanted)
{
    g_autofree uint8_t *buf = g_malloc(SIZE);

    g_assert_cmpint(block_node_read(node, 0, buf, SIZE), ==, 0);
    for (unsigned i = 0; i < SIZE; i++) {
        if (buf[i] != wanted[i]) {
            g_error("byte %u is %u, not %u", i, buf[i], wanted[i]);
        }
    }
}

static void expect_file(struct fixture *f, const char *path, const char *format,
                        const uint8_t *wanted)
{
    struct block_node *node = open_node(f, path, format);
    struct block_check check = { 0 };

    expect_bytes(node, wanted);
    if (strcmp(format, "qcow2") == 0) {
        g_assert_cmpint(block_node_check(node, 0, &check), ==, 0);
        g_assert_cmpuint(check.corruptions + check.leaks, ==, 0);
    }
    block_node_close(node);
}

static struct block_live_options options(struct fixture *f)
{
    return (struct block_live_options){ .speed = 16u << 20, .event = on_event, .opaque = f };
}

static void eject(struct fixture *f)
{
    g_autoptr(GError) error = NULL;

    block_backend_eject(f->blk, true, &error);
    g_assert_no_error(error);
}

/* Mirror ----------------------------------------------------------------------------------------- */

static struct block_live *mirror(struct fixture *f, struct block_live_options o)
{
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    make(f->other, "raw", NULL);
    job = block_live_mirror(f->blk, open_node(f, f->other, "raw"), &o, &error);
    g_assert_no_error(error);
    return job;
}

static void mirror_becomes_the_drive(struct fixture *f, gconstpointer data)
{
    struct block_live *job;
    struct block_live_info info;
    g_autoptr(GError) error = NULL;

    (void)data;
    write_until(f, NULL, 50);
    job = mirror(f, options(f));
    g_assert_false(block_live_complete(job, &error));
    g_assert_nonnull(strstr(error->message, "cannot be completed"));
    block_live_info(job, &info);
    g_assert_cmpstr(info.id, ==, "d0");
    g_assert_cmpstr(info.type, ==, "mirror");
    write_until(f, NULL, 100);
    block_live_set_speed(job, 0);
    wait_for(f, &f->ready);
    write_until(f, NULL, 300);
    g_clear_error(&error);
    g_assert_true(block_live_complete(job, &error));
    write_until(f, &f->completed, 0);
    g_assert_null(f->error);
    g_assert_null(f->blk->job);
    g_assert_cmpstr(f->blk->filename, ==, f->other);
    write_until(f, NULL, 100);
    eject(f);
    expect_file(f, f->other, "raw", f->model);
    g_assert_cmpuint(f->ready, ==, 1);
}

/* A ready mirror that is cancelled is a good copy; the drive goes on with what it had. */
static void cancelled_mirror_is_a_copy(struct fixture *f, gconstpointer data)
{
    struct block_live *job = mirror(f, options(f));

    (void)data;
    block_live_set_speed(job, 0);
    wait_for(f, &f->ready);
    write_until(f, NULL, 200);
    block_live_cancel(job, false);
    wait_for(f, &f->completed);
    memcpy(f->past, f->model, SIZE);
    write_until(f, NULL, 100);
    eject(f);
    expect_file(f, f->other, "raw", f->past);
    expect_file(f, f->top, "qcow2", f->model);
}

static void cancelled_early_changes_nothing(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    struct block_live *job;

    (void)data;
    o.speed = 100000;
    job = mirror(f, o);
    write_until(f, NULL, 50);
    block_live_cancel(job, false);
    wait_for(f, &f->cancelled);
    g_assert_cmpuint(f->completed, ==, 0);
    eject(f);
    expect_file(f, f->top, "qcow2", f->model);
}

static void mirror_of_nothing_and_of_the_top(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    struct block_live_info info;
    struct block_live *job;

    (void)data;
    o.sync = BLOCK_LIVE_NONE;
    job = mirror(f, o);
    wait_for(f, &f->ready);
    block_live_info(job, &info);
    g_assert_cmpuint(info.total, ==, 0);
    block_live_cancel(job, true);
    wait_for(f, &f->cancelled);
    g_assert_cmpint(block_node_write(f->blk->root, 1 << 20, f->model, 65536), ==, 0);
    o.sync = BLOCK_LIVE_TOP;
    f->ready = f->cancelled = 0;
    job = mirror(f, o);
    wait_for(f, &f->ready);
    block_live_info(job, &info);
    g_assert_cmpuint(info.total, ==, 65536);
    block_live_cancel(job, true);
    wait_for(f, &f->cancelled);
}

/* Commit, stream, backup ---------------------------------------------------------------------------- */

static void commit_of_the_active_layer(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    (void)data;
    write_until(f, NULL, 100);
    job = block_live_commit(f->blk, block_node_ref(f->blk->root->backing), &o, &error);
    g_assert_no_error(error);
    write_until(f, NULL, 100);
    block_live_set_speed(job, 0);
    write_until(f, &f->ready, 0);
    g_assert_true(block_live_complete(job, &error));
    write_until(f, &f->completed, 0);
    g_assert_null(f->error);
    g_assert_cmpstr(f->blk->filename, ==, f->base);
    g_assert_null(f->blk->root->backing);
    write_until(f, NULL, 100);
    expect_bytes(f->blk->root, f->model);
    eject(f);
    expect_file(f, f->base, "qcow2", f->model);
}

static void cancelled_commit_leaves_the_chain(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    (void)data;
    write_until(f, NULL, 100);
    job = block_live_commit(f->blk, block_node_ref(f->blk->root->backing), &o, &error);
    g_assert_no_error(error);
    write_until(f, NULL, 50);
    block_live_cancel(job, true);
    wait_for(f, &f->cancelled);
    g_assert_true(f->blk->root->backing->read_only);
    write_until(f, NULL, 50);
    expect_bytes(f->blk->root, f->model);
}

static void stream_needs_no_backing_file(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    (void)data;
    job = block_live_stream(f->blk, NULL, NULL, &o, &error);
    g_assert_no_error(error);
    write_until(f, NULL, 200);
    block_live_set_speed(job, 0);
    write_until(f, &f->completed, 0);
    g_assert_null(f->error);
    g_assert_null(f->blk->root->backing);
    write_until(f, NULL, 50);
    eject(f);
    g_unlink(f->base);
    expect_file(f, f->top, "qcow2", f->model);
}

static void backup_is_the_past(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    (void)data;
    write_until(f, NULL, 50);
    memcpy(f->past, f->model, SIZE);
    make(f->other, "qcow2", NULL);
    job = block_live_backup(f->blk, open_node(f, f->other, "qcow2"), &o, &error);
    g_assert_no_error(error);
    write_until(f, NULL, 300);
    block_live_set_speed(job, 0);
    write_until(f, &f->completed, 0);
    g_assert_null(f->error);
    write_until(f, NULL, 50);
    eject(f);
    expect_file(f, f->other, "qcow2", f->past);
    expect_file(f, f->top, "qcow2", f->model);
}

static uint64_t compressed_clusters(const char *path)
{
    struct block_open_options o = { .filename = path, .format = "qcow2", .read_only = true };
    g_autoptr(block_node) node = block_node_open(&o, NULL);
    struct block_check check = { 0 };

    g_assert_cmpint(block_node_check(node, 0, &check), ==, 0);
    return check.compressed_clusters;
}

/* The model can be compressed, and what writers put over it. */
static void compressed_backup(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;

    (void)data;
    o.compress = true;
    make(f->other, "raw", NULL);
    g_assert_null(block_live_backup(f->blk, open_node(f, f->other, "raw"), &o, &error));
    g_assert_nonnull(strstr(error->message, "Compression is not supported"));
    g_clear_error(&error);
    g_unlink(f->other);
    make(f->other, "qcow2", NULL);
    memcpy(f->past, f->model, SIZE);
    block_live_backup(f->blk, open_node(f, f->other, "qcow2"), &o, &error);
    g_assert_no_error(error);
    write_until(f, &f->completed, 0);
    g_assert_null(f->error);
    expect_file(f, f->other, "qcow2", f->past);
    g_assert_cmpuint(compressed_clusters(f->other), ==, SIZE / 65536 * 3 / 4);
}

static unsigned bits_of(struct fixture *f)
{
    g_autoptr(GPtrArray) list = block_bitmaps(f->blk->root);
    const struct block_bitmap *b = g_ptr_array_index(list, 0);
    unsigned n = 0;

    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpstr(b->name, ==, "b0");
    g_assert_true(b->enabled);
    for (uint64_t i = 0; i < b->bits; i++) {
        n += b->bytes[i / 8] >> i % 8 & 1;
    }
    return n;
}

/* What was written since the bitmap was clear is copied; what is written meanwhile is for the next time. */
static void incremental_backup_and_its_bitmap(struct fixture *f, gconstpointer data)
{
    struct block_bitmap_change add = { .op = BLOCK_BITMAP_ADD, .name = "b0" };
    struct block_live_options o = options(f);
    bool fails = GPOINTER_TO_INT(data);
    g_autoptr(GError) error = NULL;
    struct block_live_info info;
    struct block_live *job;

    o.sync = BLOCK_LIVE_INCREMENTAL;
    o.bitmap = "b0";
    o.speed = 1000;
    g_assert_true(block_bitmap_change(f->blk->root, &add, &error));
    g_assert_cmpint(block_node_write(f->blk->root, 0, f->past, 65536), ==, 0);
    g_assert_cmpint(block_node_write(f->blk->root, 3 << 20, f->past, 131072), ==, 0);
    make(f->other, "raw", NULL);
    job = block_live_backup(f->blk, open_node(f, f->other, "raw"), &o, &error);
    g_assert_no_error(error);
    block_live_info(job, &info);
    g_assert_cmpuint(info.total, ==, 3 * 65536);
    g_assert_cmpint(block_node_write(f->blk->root, 5 << 20, f->past, 65536), ==, 0);
    g_assert_cmpuint(bits_of(f), ==, 4); /* what is there if the program is killed now */
    if (fails) {
        block_live_cancel(job, true);
        wait_for(f, &f->cancelled);
    } else {
        block_live_set_speed(job, 0);
        wait_for(f, &f->completed);
    }
    g_assert_null(f->error);
    g_assert_cmpuint(bits_of(f), ==, fails ? 4 : 1);
}

/* What goes wrong ----------------------------------------------------------------------------------- */

static struct block_node *failing_target(struct fixture *f, const char *once)
{
    g_autoptr(block_options) o = block_options_new();
    struct block_open_options open = { .options = o, .graph = block_graph_of(f->m) };
    g_autoptr(GError) error = NULL;
    struct block_node *node;

    make(f->other, "raw", NULL);
    block_options_set(o, "driver", "raw");
    block_options_set(o, "file.driver", "blkdebug");
    block_options_set(o, "file.image.filename", f->other);
    block_options_set(o, "file.image.driver", "file");
    block_options_set(o, "file.inject-error.0.event", "write_aio");
    block_options_set(o, "file.inject-error.0.errno", "28");
    block_options_set(o, "file.inject-error.0.once", once);
    node = block_node_open(&open, &error);
    g_assert_no_error(error);
    return node;
}

static void errors_end_the_job(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;

    if (GPOINTER_TO_INT(data)) {
        block_live_backup(f->blk, failing_target(f, "off"), &o, &error);
    } else {
        block_live_mirror(f->blk, failing_target(f, "off"), &o, &error);
    }
    g_assert_no_error(error);
    write_until(f, NULL, 50);
    wait_for(f, &f->completed);
    g_assert_nonnull(strstr(f->error, "No space left"));
    write_until(f, NULL, 50);
    expect_bytes(f->blk->root, f->model);
}

static void errors_pause_the_job(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;
    struct block_live_info info;
    struct block_live *job;

    (void)data;
    o.speed = 0;
    o.on_target_error = BLOCK_ON_ERROR_ENOSPC;
    job = block_live_mirror(f->blk, failing_target(f, "on"), &o, &error);
    g_assert_no_error(error);
    wait_for(f, &f->errors);
    block_live_info(job, &info);
    g_assert_cmpint(info.state, ==, BLOCK_LIVE_PAUSED);
    g_assert_true(info.busy_error);
    block_live_resume(job);
    wait_for(f, &f->ready);
    g_assert_true(block_live_complete(job, &error));
    wait_for(f, &f->completed);
    g_assert_null(f->error);
    expect_bytes(f->blk->root, f->model);
}

/* Some errors that are to be ignored pass, and what failed is copied again; but not for ever. */
static void ignored_errors_are_tried_again(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    const char *once = GPOINTER_TO_INT(data) ? "off" : "on";
    g_autoptr(GError) error = NULL;
    struct block_live *job;

    o.speed = 0;
    o.on_target_error = BLOCK_ON_ERROR_IGNORE;
    job = block_live_mirror(f->blk, failing_target(f, once), &o, &error);
    g_assert_no_error(error);
    if (GPOINTER_TO_INT(data)) {
        wait_for(f, &f->completed);
        g_assert_nonnull(strstr(f->error, "No space left"));
        expect_bytes(f->blk->root, f->model);
        return;
    }
    wait_for(f, &f->ready);
    g_assert_true(block_live_complete(job, &error));
    wait_for(f, &f->completed);
    g_assert_cmpuint(f->errors, ==, 1);
    g_assert_null(f->error);
    eject(f);
    expect_file(f, f->other, "raw", f->model);
}

static void paused_jobs_stand_still(struct fixture *f, gconstpointer data)
{
    struct block_live_info one, two;
    struct block_live *job = mirror(f, options(f));

    (void)data;
    block_live_pause(job);
    g_usleep(50000);
    block_live_info(job, &one);
    block_live_set_speed(job, 0);
    g_usleep(50000);
    block_live_info(job, &two);
    g_assert_cmpuint(one.done, ==, two.done);
    g_assert_cmpint(two.state, ==, BLOCK_LIVE_PAUSED);
    g_assert_false(two.busy_error);
    block_live_resume(job);
    wait_for(f, &f->ready);
    block_live_cancel(job, true);
    wait_for(f, &f->cancelled);
}

static void busy_drives_refuse(struct fixture *f, gconstpointer data)
{
    struct block_live_options o = options(f);
    g_autoptr(GError) error = NULL;

    (void)data;
    o.speed = 1000;
    mirror(f, o);
    g_assert_null(block_live_stream(f->blk, NULL, NULL, &o, &error));
    g_assert_nonnull(strstr(error->message, "has a job already"));
    g_clear_error(&error);
    g_assert_false(block_backend_eject(f->blk, true, &error));
    g_assert_nonnull(strstr(error->message, "busy"));
    g_clear_error(&error);
    g_assert_false(block_live_resize(f->blk, SIZE * 2, &error));
    g_assert_nonnull(strstr(error->message, "busy"));
    /* tear_down: the machine goes with the job under way */
}

/* At once --------------------------------------------------------------------------------------------- */

static void snapshot_keeps_the_past(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    write_until(f, NULL, 50);
    for (unsigned i = 0; i < WRITERS; i++) {
        write_once(f, &f->writers[i]); /* under way when the snapshot is made */
    }
    memcpy(f->past, f->model, SIZE);
    g_assert_true(block_live_snapshot(f->blk, f->other, "qcow2", false, &error));
    write_until(f, NULL, 100);
    g_assert_cmpstr(f->blk->filename, ==, f->other);
    expect_bytes(f->blk->root, f->model);
    expect_bytes(f->blk->root->backing, f->past);
    eject(f);
    expect_file(f, f->other, "qcow2", f->model);
    expect_file(f, f->top, "qcow2", f->past);
}

static void resize_tells_the_device(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_true(block_live_resize(f->blk, SIZE * 2, &error));
    g_assert_cmpuint(f->told, ==, 1);
    g_assert_cmpuint(block_size(f->blk), ==, SIZE * 2);
    g_assert_false(block_live_resize(f->blk, 1000, &error));
    g_assert_nonnull(strstr(error->message, "multiple of 512"));
}

static void commit_now_empties_the_top(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    write_until(f, NULL, 100);
    g_assert_true(block_live_commit_now(f->blk, &error));
    expect_bytes(f->blk->root, f->model);
    expect_bytes(f->blk->root->backing, f->model);
    write_until(f, NULL, 20);
    expect_bytes(f->blk->root, f->model);
}

#define ADD(name, fn) g_test_add("/block/live/" name, struct fixture, NULL, set_up, fn, tear_down)
#define ADD_OTHER(name, fn)                                                                        \
    g_test_add("/block/live/" name, struct fixture, GINT_TO_POINTER(1), set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("mirror/complete", mirror_becomes_the_drive);
    ADD("mirror/cancel-ready", cancelled_mirror_is_a_copy);
    ADD("mirror/cancel-early", cancelled_early_changes_nothing);
    ADD("mirror/sync", mirror_of_nothing_and_of_the_top);
    ADD("commit/complete", commit_of_the_active_layer);
    ADD("commit/cancel", cancelled_commit_leaves_the_chain);
    ADD("stream", stream_needs_no_backing_file);
    ADD("backup/full", backup_is_the_past);
    ADD("backup/compressed", compressed_backup);
    ADD("backup/incremental", incremental_backup_and_its_bitmap);
    ADD_OTHER("backup/incremental-cancelled", incremental_backup_and_its_bitmap);
    ADD("errors/mirror", errors_end_the_job);
    ADD_OTHER("errors/backup", errors_end_the_job);
    ADD("errors/stop", errors_pause_the_job);
    ADD("errors/ignore", ignored_errors_are_tried_again);
    ADD_OTHER("errors/ignore-for-ever", ignored_errors_are_tried_again);
    ADD("pause", paused_jobs_stand_still);
    ADD("busy", busy_drives_refuse);
    ADD("snapshot", snapshot_keeps_the_past);
    ADD("resize", resize_tells_the_device);
    ADD("commit-now", commit_now_empties_the_top);
    return g_test_run();
}
