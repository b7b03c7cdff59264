/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_job_test.c: commit, stream and copy over chains of qcow2 images; cancelling. */
#include "block/job.h"
#include <glib/gstdio.h>
#include <string.h>
#include "block/driver.h"

#define SIZE (4u << 20)

struct fixture {
    char *folder, *paths[3]; /* base, middle, top */
    struct block_node *top;
    uint64_t reported;
    bool cancel;
};

static void fill(const char *path, uint64_t at, uint8_t byte, size_t len)
{
    struct block_open_options o = { .filename = path };
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = block_node_open(&o, &error);
    g_autofree uint8_t *buf = g_malloc(len);

    g_assert_no_error(error);
    memset(buf, byte, len);
    g_assert_cmpint(block_node_write(node, at, buf, len), ==, 0);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    static const char *const names[] = { "base.qcow2", "mid.qcow2", "top.qcow2" };
    g_autoptr(GError) error = NULL;
    struct block_open_options o = { 0 };

    (void)data;
    f->folder = g_dir_make_tmp("rhea-job-XXXXXX", NULL);
    for (unsigned i = 0; i < 3; i++) {
        g_autoptr(block_options) options = block_options_new();

        f->paths[i] = g_build_filename(f->folder, names[i], NULL);
        block_options_setf(options, "size", "%u", SIZE);
        if (i > 0) {
            block_options_set(options, "backing_file", names[i - 1]);
            block_options_set(options, "backing_fmt", "qcow2");
        }
        g_assert_true(block_create("qcow2", f->paths[i], options, NULL, &error));
        fill(f->paths[i], i * 1000000, (uint8_t)(i + 1), 1500000);
    }
    o.filename = f->paths[2];
    f->top = block_node_open(&o, &error);
    g_assert_no_error(error);
    g_assert_cmpint(block_node_write_zeroes(f->top, 500000, 100000, 0), ==, 0);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    block_node_close(f->top);
    for (unsigned i = 0; i < 3; i++) {
        g_unlink(f->paths[i]);
        g_free(f->paths[i]);
    }
    g_rmdir(f->folder);
    g_free(f->folder);
}

static uint8_t wanted(uint64_t at)
{
    return at >= 500000 && at < 600000     ? 0
           : at >= 2000000 && at < 3500000 ? 3
           : at >= 1000000 && at < 2500000 ? 2
           : at < 1500000                  ? 1
                                           : 0;
}

static void expect_all(struct block_node *node)
{
    g_autofree uint8_t *buf = g_malloc(SIZE);

    g_assert_cmpint(block_node_read(node, 0, buf, SIZE), ==, 0);
    for (uint64_t i = 0; i < SIZE; i++) {
        if (buf[i] != wanted(i)) {
            g_error("byte %" G_GUINT64_FORMAT " is %u, not %u", i, buf[i], wanted(i));
        }
    }
}

static void report(void *opaque, uint64_t done, uint64_t total)
{
    struct fixture *f = opaque;

    g_assert_cmpuint(done, >=, f->reported);
    g_assert_cmpuint(total, ==, SIZE);
    f->reported = done;
}

static bool cancelled(void *opaque)
{
    const struct fixture *f = opaque;

    return f->cancel && f->reported > 0;
}

static void commit_moves_layers_into_the_base(struct fixture *f, gconstpointer data)
{
    struct block_progress p = { report, cancelled, f };
    struct block_node *base = f->top->backing->backing;
    g_autoptr(GError) error = NULL;

    (void)data;
    block_job_commit(f->top, base, &p, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(f->reported, ==, SIZE);
    g_assert_true(base->read_only);
    expect_all(base);
    expect_all(f->top);
}

static void stream_leaves_no_backing_file(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    block_job_stream(f->top, NULL, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
    g_assert_null(f->top->backing);
    g_assert_null(f->top->backing_name);
    expect_all(f->top);
}

static void stream_keeps_the_base(struct fixture *f, gconstpointer data)
{
    struct block_node *base = f->top->backing->backing;
    g_autoptr(GError) error = NULL;
    struct block_status st;

    (void)data;
    block_job_stream(f->top, base, "base.qcow2", "qcow2", NULL, &error);
    g_assert_no_error(error);
    g_assert_true(f->top->backing == base);
    g_assert_cmpint(block_node_status(f->top, 0, 65536, &st), ==, 0);
    g_assert_cmpuint(st.flags & BLOCK_ALLOCATED, ==, 0);
    expect_all(f->top);
}

static struct block_node *new_copy(struct fixture *f, const char *backing)
{
    g_autofree char *path = g_build_filename(f->folder, "copy.qcow2", NULL);
    struct block_open_options o = { .filename = path };
    g_autoptr(block_options) options = block_options_new();
    struct block_node *node;

    block_options_setf(options, "size", "%u", SIZE);
    if (backing) {
        block_options_set(options, "backing_file", backing);
        block_options_set(options, "backing_fmt", "qcow2");
    }
    g_assert_true(block_create("qcow2", path, options, NULL, NULL));
    node = block_node_open(&o, NULL);
    g_unlink(path);
    return node;
}

static void copies_read_the_same(struct fixture *f, gconstpointer data)
{
    g_autoptr(block_node) full = new_copy(f, NULL);
    g_autoptr(block_node) top = new_copy(f, "mid.qcow2");
    g_autoptr(GError) error = NULL;
    struct block_status st;

    (void)data;
    g_assert_true(block_job_copy(f->top, full, BLOCK_SYNC_FULL, true, NULL, &error));
    expect_all(full);
    g_assert_true(block_job_copy(f->top, top, BLOCK_SYNC_TOP, false, NULL, &error));
    expect_all(top);
    g_assert_cmpint(block_node_status(top, 0, 65536, &st), ==, 0);
    g_assert_cmpuint(st.flags & BLOCK_ALLOCATED, ==, 0);
}

static void a_job_can_be_cancelled(struct fixture *f, gconstpointer data)
{
    struct block_progress p = { report, cancelled, f };
    g_autoptr(GError) error = NULL;

    (void)data;
    f->cancel = true;
    g_assert_false(block_job_stream(f->top, NULL, NULL, NULL, &p, &error));
    g_assert_cmpstr(error->message, ==, "cancelled");
    g_assert_cmpuint(f->reported, <, SIZE);
    expect_all(f->top);
}

#define CASE(name, fn) g_test_add("/block-job/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("commit", commit_moves_layers_into_the_base);
    CASE("stream", stream_leaves_no_backing_file);
    CASE("stream-to-base", stream_keeps_the_base);
    CASE("copy", copies_read_the_same);
    CASE("cancel", a_job_can_be_cancelled);
    return g_test_run();
}
