/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_monitor_test.c: the monitor's commands for jobs, snapshots and sizes of drives. */
#include <glib/gstdio.h>
#include <string.h>
#include "block/live.h"
#include "monitor/monitor.h"
#include "softmmu/machine.h"

#define SIZE (4u << 20)

struct rig {
    struct machine *m;
    char *dir;
    struct block_backend *blk;
};

static char *path_of(struct rig *r, const char *name)
{
    return g_build_filename(r->dir, name, NULL);
}

static void set_up(struct rig *r, gconstpointer data)
{
    struct block_open_options o = { .format = "qcow2" };
    g_autoptr(GError) error = NULL;
    g_autofree char *base = NULL, *top = NULL;

    (void)data;
    r->dir = g_dir_make_tmp("rhea-jobs-XXXXXX", NULL);
    base = path_of(r, "base");
    top = path_of(r, "top");
    r->m = machine_new();
    machine_lock(r->m);
    for (unsigned i = 0; i < 2; i++) {
        g_autoptr(block_options) options = block_options_new();

        block_options_setf(options, "size", "%u", SIZE);
        if (i == 1) {
            block_options_set(options, "backing_file", base);
            block_options_set(options, "backing_fmt", "qcow2");
        }
        g_assert_true(block_create("qcow2", i ? top : base, options, NULL, &error));
    }
    r->blk = block_backend_new(r->m, "d0", &error);
    o.filename = top;
    o.graph = block_graph_of(r->m);
    g_assert_true(block_backend_open(r->blk, &o, &error));
}

static void tear_down(struct rig *r, gconstpointer data)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    (void)data;
    machine_free(r->m);
    dir = g_dir_open(r->dir, 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = path_of(r, name);

        g_unlink(path);
    }
    g_rmdir(r->dir);
    g_free(r->dir);
}

/* "@" in the line is the folder. */
static char *say(struct rig *r, const char *line)
{
    g_auto(GStrv) parts = g_strsplit(line, "@", -1);
    g_autofree char *full = g_strjoinv(r->dir, parts);
    GString *out = g_string_new(NULL);

    monitor_execute(r->m, full, out);
    return g_string_free(out, FALSE);
}

static void expect(struct rig *r, const char *line, const char *wanted)
{
    g_autofree char *got = say(r, line);

    if (*wanted ? !strstr(got, wanted) : *got != 0) {
        g_error("%s: '%s', not '%s'", line, got, wanted);
    }
}

static void wait_for_the_end(struct rig *r)
{
    while (block_live_at(r->m, 0)) {
        machine_iterate(r->m, true);
    }
}

static void wait_until_ready(struct rig *r)
{
    struct block_live_info info;

    do {
        machine_iterate(r->m, false);
        block_live_info(r->blk->job, &info);
    } while (info.state != BLOCK_LIVE_IS_READY);
}

static void fill(struct rig *r, uint8_t byte)
{
    uint8_t buf[65536];

    memset(buf, byte, sizeof(buf));
    g_assert_cmpint(block_node_write(r->blk->root, 1 << 20, buf, sizeof(buf)), ==, 0);
}

static uint8_t byte_at(struct rig *r)
{
    uint8_t byte;

    g_assert_cmpint(block_node_read(r->blk->root, 1 << 20, &byte, 1), ==, 0);
    return byte;
}

static void mirror_and_switch(struct rig *r, gconstpointer data)
{
    (void)data;
    fill(r, 5);
    expect(r, "info block-jobs", "No active jobs");
    expect(r, "drive_mirror -f d0 @/copy raw", "");
    expect(r, "info block-jobs", "Type mirror, device d0: Completed ");
    expect(r, "drive_mirror -f d0 @/copy2 raw", "has a job already");
    wait_until_ready(r);
    fill(r, 6);
    expect(r, "block_job_complete d0", "");
    wait_for_the_end(r);
    expect(r, "info block", "/copy (raw)");
    g_assert_cmpuint(byte_at(r), ==, 6);
    expect(r, "block_job_cancel d0", "No active block job on device 'd0'");
}

static void mirror_of_the_top_layer(struct rig *r, gconstpointer data)
{
    (void)data;
    fill(r, 5);
    expect(r, "drive_mirror d0 @/copy", "");
    wait_until_ready(r);
    expect(r, "block_job_complete d0", "");
    wait_for_the_end(r);
    expect(r, "info block -v d0", "/base");
    g_assert_cmpuint(byte_at(r), ==, 5);
}

static void pause_speed_and_cancel(struct rig *r, gconstpointer data)
{
    (void)data;
    fill(r, 1);
    expect(r, "drive_backup -f d0 @/copy qcow2", "");
    expect(r, "block_job_pause d0", "");
    expect(r, "block_job_set_speed d0 2", "");
    expect(r, "info block-jobs", "Type backup, device d0");
    expect(r, "info block-jobs", "speed limit 2097152 bytes/s");
    expect(r, "block_job_complete d0", "not ready");
    expect(r, "block_job_resume d0", "");
    expect(r, "block_job_cancel -f d0", "");
    wait_for_the_end(r);
    expect(r, "drive_backup -n -f d0 @/copy qcow2", "");
    wait_for_the_end(r);
    expect(r, "drive_backup -f -c d0 @/copy3 raw", "Compression is not supported");
    expect(r, "drive_backup -c d0 @/copy", "");
    wait_for_the_end(r);
}

static void snapshot_stream_and_commit(struct rig *r, gconstpointer data)
{
    (void)data;
    fill(r, 1);
    expect(r, "snapshot_blkdev d0", "Parameter 'snapshot-file' is missing");
    expect(r, "snapshot_blkdev d0 @/snap", "");
    fill(r, 2);
    expect(r, "info block -v d0", "backing file: ");
    expect(r, "info block", "/snap (qcow2)");
    expect(r, "commit d0", "");
    g_assert_cmpuint(byte_at(r), ==, 2);
    expect(r, "block_stream d0 0 @/base", "");
    wait_for_the_end(r);
    expect(r, "info block", "/base");
    expect(r, "block_stream d0", "");
    wait_for_the_end(r);
    g_assert_null(r->blk->root->backing);
    g_assert_cmpuint(byte_at(r), ==, 2);
    expect(r, "commit d0", "no backing file");
    expect(r, "commit all", "");
    expect(r, "block_stream d0 0 nothing", "Can't find 'nothing'");
}

static void resize(struct rig *r, gconstpointer data)
{
    (void)data;
    expect(r, "block_resize d0 8", "");
    g_assert_cmpuint(block_size(r->blk), ==, 8 << 20);
    expect(r, "block_resize d0 8k", "");
    g_assert_cmpuint(block_size(r->blk), ==, 8192);
    expect(r, "block_resize d0 big", "'big' is no size");
    expect(r, "block_resize d1 8", "Device 'd1' not found");
    expect(r, "block_resize d0", "see 'help block_resize'");
    expect(r, "info block d1", "Device 'd1' not found");
}

static void count_down(void *opaque, int result)
{
    g_assert_cmpint(result, ==, 0);
    --*(unsigned *)opaque;
}

/* Who drains, as an end does, does not wait for limits; nor do other drives. */
static void limits(struct rig *r, gconstpointer data)
{
    static uint8_t buf[16][512];
    struct block_open_options o = { .graph = block_graph_of(r->m) };
    g_autoptr(block_options) nothing = block_options_new();
    struct block_request req[17] = { 0 };
    struct iovec iov[17];
    struct block_backend *other = block_backend_new(r->m, "d1", NULL);
    unsigned left = 16, other_left = 1;
    gint64 start = g_get_monotonic_time();

    (void)data;
    block_options_parse(nothing, "driver=null-co,size=1M", NULL);
    o.options = nothing;
    g_assert_true(block_backend_open(other, &o, NULL));
    expect(r, "block_set_io_throttle d0 0 0 0 0 0", "see 'help block_set_io_throttle'");
    expect(r, "block_set_io_throttle d0 1 2 0 0 0 0", "cannot be used at the same time");
    expect(r, "block_set_io_throttle d0 0 0 0 x 0 0", "'x' is no number");
    expect(r, "block_set_io_throttle d2 0 0 0 0 0 0", "Device 'd2' not found");
    expect(r, "block_set_io_throttle d0 0 0 0 1 0 0", "");
    expect(r, "info block",
           "    I/O throttling:   bps=0 bps_rd=0 bps_wr=0 bps_max=0 bps_rd_max=0 bps_wr_max=0 "
           "iops=1 iops_rd=0 iops_wr=0 iops_max=0 iops_rd_max=0 iops_wr_max=0 iops_size=0 "
           "group=d0\n");
    for (unsigned i = 0; i < 17; i++) {
        bool last = i == 16;

        iov[i] = (struct iovec){ buf[i % 16], sizeof(buf[0]) };
        req[i] = (struct block_request){ .blk = last ? other : r->blk,
                                         .op = BLOCK_READ,
                                         .bytes = sizeof(buf[0]),
                                         .iov = &iov[i],
                                         .n_iov = 1,
                                         .done = count_down,
                                         .opaque = last ? &other_left : &left };
        block_submit(&req[i]);
    }
    while (other_left) {
        machine_iterate(r->m, true);
    }
    g_assert_cmpuint(left, >, 8);
    block_drain(r->blk);
    g_assert_cmpuint(left, ==, 0);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 5000000);
    expect(r, "block_set_io_throttle d0 0 0 0 0 0 0", "");
    g_assert_null(strstr(say(r, "info block"), "throttling"));
}

#define ADD(name, fn) g_test_add("/monitor/block/" name, struct rig, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("mirror", mirror_and_switch);
    ADD("mirror-top", mirror_of_the_top_layer);
    ADD("control", pause_speed_and_cancel);
    ADD("chain", snapshot_stream_and_commit);
    ADD("resize", resize);
    ADD("limits", limits);
    return g_test_run();
}
