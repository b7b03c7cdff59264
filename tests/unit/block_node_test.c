/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_node_test.c: nodes by options and names, transfers and sizes of raw images. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include "block/driver.h"

struct fixture {
    char *folder, *path;
    struct block_graph *graph;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(block_options) o = block_options_new();

    (void)data;
    f->folder = g_dir_make_tmp("rhea-node-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "a.raw", NULL);
    f->graph = block_graph_new();
    block_options_set(o, "size", "1M");
    block_create("raw", f->path, o, NULL, &error);
    g_assert_no_error(error);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    block_graph_free(f->graph);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
}

static struct block_node *open_text(struct fixture *f, const char *text, GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    struct block_open_options flags = { .options = o, .graph = f->graph };

    if (!block_options_parse_any(o, text, NULL, error)) {
        return NULL;
    }
    return block_node_open(&flags, error);
}

static void a_tree_of_options_opens(struct fixture *f, gconstpointer data)
{
    g_autofree char *dotted = g_strdup_printf(
        "driver=raw,offset=4096,size=8192,node-name=top,file.driver=file,file.filename=%s",
        f->path);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = open_text(f, dotted, &error);
    char buf[512] = "x", back[512];

    (void)data;
    g_assert_no_error(error);
    g_assert_cmpuint(node->size, ==, 8192);
    g_assert_true(block_graph_find(f->graph, "top") == node);
    g_assert_cmpint(block_node_write(node, 512, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(block_node_read(node->file, 4096 + 512, back, sizeof(back)), ==, 0);
    g_assert_cmpmem(buf, sizeof(buf), back, sizeof(back));
    g_assert_cmpint(block_node_write(node, 8000, buf, sizeof(buf)), ==, -EIO);
}

/* Data that was found is not looked for again, until something of ours makes a hole of it. */
static void data_of_a_file_is_remembered(struct fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strdup_printf("driver=file,discard=unmap,filename=%s", f->path);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = open_text(f, text, &error);
    g_autofree uint8_t *buf = g_malloc(256 << 10);
    struct block_status st;
    int fd = open(f->path, O_RDWR);

    (void)data;
    g_assert_no_error(error);
    memset(buf, 1, 256 << 10);
    g_assert_cmpint(block_node_write(node, 0, buf, 256 << 10), ==, 0);
    g_assert_cmpint(block_node_status(node, 0, 128 << 10, &st), ==, 0);
    g_assert_true(st.flags & BLOCK_DATA);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 64 << 10, 128 << 10) != 0) {
        g_test_skip("a file system without holes");
    } else {
        g_assert_cmpint(block_node_status(node, 64 << 10, 1 << 20, &st), ==, 0);
        g_assert_true(st.flags & BLOCK_DATA);
        g_assert_cmpuint(st.bytes, ==, 192 << 10);
        g_assert_cmpint(block_node_discard(node, 64 << 10, 64 << 10), ==, 0);
        g_assert_cmpint(block_node_status(node, 64 << 10, 1 << 20, &st), ==, 0);
        g_assert_true(st.flags & BLOCK_ZERO);
        g_assert_cmpuint(st.bytes, ==, 128 << 10);
    }
    close(fd);
}

static void nodes_are_found_by_name(struct fixture *f, gconstpointer data)
{
    g_autofree char *first = g_strdup_printf("driver=file,node-name=low,filename=%s", f->path);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) low = open_text(f, first, &error);
    struct block_node *top;

    (void)data;
    g_assert_no_error(error);
    top = open_text(f, "{\"driver\": \"raw\", \"file\": \"low\"}", &error);
    g_assert_no_error(error);
    g_assert_true(top->file == low);
    block_node_close(top);
    g_assert_true(block_graph_find(f->graph, "low") == low);
    g_assert_null(open_text(f, "driver=raw,file=none", &error));
    g_assert_cmpstr(error->message, ==, "Cannot find device='' nor node-name='none'");
    g_clear_error(&error);
    g_assert_null(open_text(f, first, &error));
    g_assert_cmpstr(error->message, ==, "Duplicate nodes with node-name='low'");
}

static void unknown_options_are_refused(struct fixture *f, gconstpointer data)
{
    g_autofree char *text = g_strdup_printf("driver=raw,ofset=1,file.filename=%s", f->path);
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_null(open_text(f, text, &error));
    g_assert_cmpstr(error->message, ==,
                    "Block driver 'raw' does not support the option 'ofset'; closest: offset");
}

static void holes_and_data_are_told_apart(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path, .format = "raw", .discard = true };
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = block_node_open(&o, &error);
    uint8_t buf[65536];
    struct block_status st;

    (void)data;
    g_assert_no_error(error);
    memset(buf, 7, sizeof(buf));
    g_assert_cmpint(block_node_write(node, 131072, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(block_node_status(node, 0, node->size, &st), ==, 0);
    g_assert_true(st.flags & BLOCK_ZERO && st.bytes == 131072);
    g_assert_cmpint(block_node_status(node, 131072, node->size - 131072, &st), ==, 0);
    g_assert_true(st.flags & BLOCK_DATA && st.bytes == 65536 && st.host_offset == 131072);
    g_assert_cmpint(block_node_write_zeroes(node, 131072, 65536, BLOCK_MAY_UNMAP), ==, 0);
    g_assert_cmpint(block_node_read(node, 131072, buf, sizeof(buf)), ==, 0);
    g_assert_cmpuint(buf[0] | buf[65535], ==, 0);
}

static void sizes_change_when_asked_for(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path, .format = "raw" };
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = block_node_open(&o, &error);

    (void)data;
    g_assert_no_error(error);
    g_assert_true(block_node_truncate(node, 2 << 20, BLOCK_PREALLOC_FALLOC, false, &error));
    g_assert_cmpint(block_node_allocated(node), >=, 1 << 20);
    g_assert_false(block_node_truncate(node, 512, BLOCK_PREALLOC_OFF, false, &error));
    g_clear_error(&error);
    g_assert_true(block_node_truncate(node, 512, BLOCK_PREALLOC_OFF, true, &error));
    g_assert_cmpuint(node->size, ==, 512);
}

static void read_only_can_be_turned(struct fixture *f, gconstpointer data)
{
    struct block_open_options o = { .filename = f->path, .format = "raw", .read_only = true };
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = block_node_open(&o, &error);
    char buf[512] = "y";

    (void)data;
    g_assert_cmpint(block_node_write(node, 0, buf, sizeof(buf)), ==, -EROFS);
    g_assert_true(block_node_set_read_only(node, false, &error));
    g_assert_cmpint(block_node_write(node, 0, buf, sizeof(buf)), ==, 0);
    g_assert_true(block_node_set_read_only(node, true, &error));
    g_assert_cmpint(block_node_write(node, 0, buf, sizeof(buf)), ==, -EROFS);
}

static void zeroes_are_detected(struct fixture *f, gconstpointer data)
{
    g_autofree char *text =
        g_strdup_printf("driver=raw,detect-zeroes=unmap,discard=unmap,file.filename=%s,"
                        "file.discard=unmap",
                        f->path);
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = open_text(f, text, &error);
    uint8_t buf[65536] = { 1 };
    struct block_status st;

    (void)data;
    g_assert_no_error(error);
    g_assert_cmpint(block_node_write(node, 65536, buf, sizeof(buf)), ==, 0);
    buf[0] = 0;
    g_assert_cmpint(block_node_write(node, 65536, buf, sizeof(buf)), ==, 0);
    g_assert_cmpint(block_node_status(node, 65536, 65536, &st), ==, 0);
    g_assert_true(st.flags & BLOCK_ZERO && st.bytes == 65536);
}

static void a_guest_cannot_make_raw_look_like_another(struct fixture *f, gconstpointer data)
{
    static const char magic[8] = "QFI\xfb\0\0\0\3";
    struct block_open_options o = { .filename = f->path };
    g_autoptr(GError) error = NULL;
    struct block_node *node = block_node_open(&o, &error);
    char sector[512] = "a boot sector";

    (void)data;
    g_assert_no_error(error);
    g_assert_cmpint(block_node_write(node, 0, sector, sizeof(sector)), ==, 0);
    g_assert_cmpint(block_node_write(node, 0, magic, sizeof(magic)), ==, -EPERM);
    g_assert_cmpint(block_node_write(node, 4, magic + 4, 4), ==, 0);
    g_assert_cmpint(block_node_write(node, 0, magic, 4), ==, -EPERM); /* nor a piece at a time */
    g_assert_cmpint(block_node_write(node, 4096, magic, sizeof(magic)), ==, 0);
    block_node_close(node);
    o.format = "raw";
    node = block_node_open(&o, &error);
    g_assert_cmpint(block_node_write(node, 0, magic, sizeof(magic)), ==, 0);
    block_node_close(node);
}

static void paths_are_relative_to_the_image(void)
{
    static const char *const cases[][3] = {
        { "/a/b/top.qcow2", "base.raw", "/a/b/base.raw" },
        { "top.qcow2", "base.raw", "base.raw" },
        { "d/top.qcow2", "/abs.raw", "/abs.raw" },
        { "d/top.qcow2", "nbd://h/x", "nbd://h/x" },
        { "d/top.qcow2", "sub/x:y", "d/sub/x:y" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = block_path_combine(cases[i][0], cases[i][1]);

        g_assert_cmpstr(path, ==, cases[i][2]);
    }
}

#define CASE(name, fn) g_test_add("/block-node/" name, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    CASE("options", a_tree_of_options_opens);
    CASE("names", nodes_are_found_by_name);
    CASE("unknown-options", unknown_options_are_refused);
    CASE("status", holes_and_data_are_told_apart);
    CASE("remembered", data_of_a_file_is_remembered);
    CASE("sizes", sizes_change_when_asked_for);
    CASE("read-only", read_only_can_be_turned);
    CASE("detect-zeroes", zeroes_are_detected);
    CASE("guessed-raw", a_guest_cannot_make_raw_look_like_another);
    g_test_add_func("/block-node/paths", paths_are_relative_to_the_image);
    return g_test_run();
}
