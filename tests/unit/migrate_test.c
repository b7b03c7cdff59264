/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/migrate_test.c: a PC goes to another one in the same process, over each kind of channel; what cannot be, what
 * is refused, what is cancelled.  The CPUs do not run.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "block/node.h"
#include "config.h"
#include "migration/migration.h"
#include "monitor/monitor.h"
#include "target/i386/cpu.h"
#include "tests/unit/pc_rig.h"

#define RAM_SIZE (4u << 20)

struct fixture {
    struct machine *from, *to;
    char *dir;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->dir = g_dir_make_tmp("rhea-migrate-XXXXXX", NULL);
    f->from = pc_new("pc", 1, RAM_SIZE);
    f->to = pc_new("pc", 1, RAM_SIZE);
    migration_expect(f->to);
    machine_set_run_state(f->to, RUN_STATE_INMIGRATE);
    machine_set_run_state(f->from, RUN_STATE_RUNNING);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    const char *name;

    (void)data;
    machine_unlock(f->to);
    machine_free(f->from);
    machine_free(f->to);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);

        g_unlink(path);
    }
    g_rmdir(f->dir);
    g_free(f->dir);
}

/* "@" is the folder. */
static char *in_dir(struct fixture *f, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "@", -1);

    return g_strjoinv(f->dir, parts);
}

static void put_ram(struct machine *m, uint64_t addr, uint64_t value)
{
    address_space_write(&m->memory, addr, &value, sizeof(value));
}

static uint64_t ram_at(struct machine *m, uint64_t addr)
{
    uint64_t value = 0;

    address_space_read(&m->memory, addr, &value, sizeof(value));
    return value;
}

static void say(struct machine *m, const char *line, const char *wanted)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(m, line, out);
    if (*wanted ? !strstr(out->str, wanted) : out->len != 0) {
        g_error("%s: '%s', not '%s'", line, out->str, wanted);
    }
}

/*
 * Both main loops turn once, each with one lock alone, since they give it away and take it again; everywhere else the
 * lock of `from` was taken first.
 */
static void turn(struct fixture *f)
{
    machine_unlock(f->to);
    machine_iterate(f->from, false);
    machine_unlock(f->from);
    machine_lock(f->to);
    machine_iterate(f->to, false);
    machine_unlock(f->to);
    machine_lock(f->from);
    machine_lock(f->to);
    g_usleep(500);
}

/* Both main loops turn until nothing is on its way from a machine. */
static enum migration_status turn_until_end(struct fixture *f, struct machine *of)
{
    struct migration_info info;

    while (migration_is_running(of)) {
        turn(f);
    }
    migration_query(of, &info);
    return info.status;
}

static void start(struct fixture *f, const char *out, const char *in)
{
    g_autofree char *from = in_dir(f, out), *to = in ? in_dir(f, in) : NULL;
    g_autoptr(GError) error = NULL;

    if (to && !migration_incoming(f->to, to, -1, &error)) {
        g_error("%s", error->message);
    }
    if (!migration_start(f->from, from, -1, &error)) {
        g_error("%s", error->message);
    }
}

static void expect_arrival(struct fixture *f)
{
    g_assert_cmpint(f->to->run_state, ==, RUN_STATE_RUNNING);
    g_assert_cmphex(ram_at(f->to, 0x1234), ==, 0x1122334455667788);
    g_assert_cmphex(ram_at(f->to, 0x3ffff8), ==, 7);
    g_assert_cmphex(ram_at(f->to, 0x8000), ==, 0);
    g_assert_cmpuint(x86_cpu_of(f->to->vcpus[0])->regs[R_R9], ==, 99);
}

static void set_marks(struct fixture *f)
{
    put_ram(f->from, 0x1234, 0x1122334455667788);
    put_ram(f->from, 0x3ffff8, 7);
    put_ram(f->to, 0x8000, 1);
    x86_cpu_of(f->from->vcpus[0])->regs[R_R9] = 99;
}

/* Tests ----------------------------------------------------------------------------------------- */

static void over_sockets(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_marks(f);
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_POSTMIGRATE);
    say(f->from, "migrate unix:x",
        "Can't migrate the vm that was paused due to previous migration\n");
    say(f->from, "info migrate", "Migration status: completed\ntotal time: ");
    say(f->from, "info migrate", "\ndirty sync count: 2\n");
    say(f->to, "info migrate", "Migration status: completed\n");
    say(f->from, "cont", "");
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
}

static void over_tcp_to_a_deferred_machine(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_marks(f);
    say(f->to, "migrate tcp:127.0.0.1:1", "Guest is waiting for an incoming migration\n");
    say(f->to, "migrate_incoming foo:bar", "unknown migration protocol: foo:bar");
    say(f->to, "migrate_incoming tcp:127.0.0.1:47123", "");
    say(f->to, "migrate_incoming tcp:127.0.0.1:47124", "has already been started\n");
    say(f->from, "migrate_incoming tcp:0:0", "'-incoming' was not specified on the command line\n");
    say(f->from, "migrate -d tcp:127.0.0.1:47123", "");
    say(f->from, "migrate -d tcp:127.0.0.1:47123", "There's a migration process in progress\n");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
}

static void through_a_file_or_a_command(struct fixture *f, gconstpointer data)
{
    static const char *const uris[][2] = {
        { "file:@/state", "file:@/state" },
        { "file:@/state,offset=4k", "file:@/state,offset=4k" },
        { "exec:gzip -c >@/state", "exec:gzip -dc @/state" },
        { "file:@/state", "file:@/state" }, /* with mapped-ram */
        { "file:@/state,offset=4k", "file:@/state,offset=4k" },
    };
    const char *const *pair = uris[GPOINTER_TO_UINT(data)];
    g_autofree char *in = in_dir(f, pair[1]);

    set_marks(f);
    say(f->from,
        GPOINTER_TO_UINT(data) < 3 ? "info status" : "migrate_set_capability mapped-ram on",
        GPOINTER_TO_UINT(data) < 3 ? "running" : "");
    start(f, pair[0], NULL);
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_true(migration_incoming(f->to, in, -1, NULL));
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
}

static void over_descriptors(struct fixture *f, gconstpointer data)
{
    g_autofree char *out = NULL, *in = NULL;
    int fds[2];

    (void)data;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    out = g_strdup_printf("fd:%d", fds[0]);
    in = g_strdup_printf("fd:%d", fds[1]);
    set_marks(f);
    start(f, out, in);
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
}

/* What is handed over is closed once, whether nothing begins, it cannot be used, or the machine goes there. */
static void descriptors_that_are_handed_over_are_closed(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    int ours[2], theirs[2];

    (void)data;
    for (unsigned i = 0; i < 3; i++) {
        struct pollfd p;

        g_assert_cmpint(pipe(ours), ==, 0);
        p = (struct pollfd){ .fd = ours[1], .events = POLLOUT };
        if (i == 0) {
            say(f->from, "migrate_set_capability mapped-ram on", "");
            g_assert_false(migration_start(f->from, "fd:x", ours[0], &error));
            say(f->from, "migrate_set_capability mapped-ram off", "");
        } else if (i == 1) {
            g_assert_false(migration_incoming(f->from, "fd:x", ours[0], NULL));
        } else {
            g_assert_true(migration_start(f->from, "fd:x", ours[0], NULL));
            g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_FAILED);
            say(f->from, "info migrate", "fd:x: it cannot be written)\n");
        }
        g_assert_cmpint(poll(&p, 1, 0), ==, 1);
        g_assert_cmpint(p.revents & POLLERR, !=, 0); /* nobody can read any more */
        close(ours[1]);
    }
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, theirs), ==, 0);
    set_marks(f);
    g_assert_true(migration_incoming(f->to, "fd:in", theirs[1], NULL));
    g_assert_true(migration_start(f->from, "fd:out", theirs[0], NULL));
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
    g_assert_cmpint(fcntl(theirs[0], F_GETFD), ==, -1);
    g_assert_cmpint(fcntl(theirs[1], F_GETFD), ==, -1);
}

static void fill_ram(struct machine *m)
{
    g_autoptr(GRand) rand = g_rand_new();

    for (unsigned i = RAM_SIZE / 4; i < RAM_SIZE; i += 8) {
        put_ram(m, i,
                i % 8192 < 4096 ? g_rand_int(rand) : i / 4096); /* what packs badly, and well */
    }
}

static void expect_same_ram(struct fixture *f)
{
    g_autofree uint8_t *from = g_malloc(RAM_SIZE / 2), *to = g_malloc(RAM_SIZE / 2);

    address_space_read(&f->from->memory, RAM_SIZE / 2, from, RAM_SIZE / 2);
    address_space_read(&f->to->memory, RAM_SIZE / 2, to, RAM_SIZE / 2);
    g_assert_cmpmem(from, RAM_SIZE / 2, to, RAM_SIZE / 2);
}

/* Pages go over channels of their own, compressed or not; what compresses takes fewer bytes. */
static void over_many_channels(struct fixture *f, gconstpointer data)
{
    g_autofree char *packing =
        g_strdup_printf("migrate_set_parameter multifd-compression %s", (const char *)data);
    struct migration_info info;

    fill_ram(f->from);
    set_marks(f);
    for (unsigned i = 0; i < 2; i++) {
        say(i ? f->to : f->from, "migrate_set_capability multifd on", "");
    }
    say(f->from, "migrate_set_parameter multifd-channels 5", "");
    say(f->from, packing, "");
    say(f->from, "info migrate_parameters", "multifd-channels: 5\nmultifd-compression: ");
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
    expect_same_ram(f);
    migration_query(f->from, &info);
    g_assert_cmpuint(info.multifd_bytes, ==, info.transferred);
    g_assert_cmpuint(info.multifd_bytes, >, RAM_SIZE / 8);
    if (strcmp(data, "none") == 0) {
        g_assert_cmpuint(info.multifd_bytes, >, RAM_SIZE / 4 * 3);
    } else {
        g_assert_cmpuint(info.multifd_bytes, <, RAM_SIZE / 4 * 3);
    }
}

/* Without the capability there the machine stays here; it needs sockets that can be connected again. */
static void both_must_have_the_channels(struct fixture *f, gconstpointer data)
{
    (void)data;
    say(f->from, "migrate_set_capability multifd on", "");
    say(f->from, "migrate exec:cat", "capability 'multifd' needs tcp:HOST:PORT or unix:PATH\n");
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_FAILED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_FAILED);
    say(f->to, "info migrate", "section 'multifd' 0: capability 'multifd' is not on here)\n");
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
}

/* The other way round it is as if nothing had been said. */
static void channels_are_no_must(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_marks(f);
    say(f->to, "migrate_set_capability multifd on", "");
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
}

/* The guest stands still until somebody says so; what is changed meanwhile goes, too. */
static void waits_before_the_switch(struct fixture *f, gconstpointer data)
{
    struct migration_info info = { 0 };

    say(f->from, "migrate_continue pre-switchover", "Migration not in expected state: none\n");
    say(f->from, "migrate_set_capability pause-before-switchover on", "");
    set_marks(f);
    put_ram(f->from, 0x1234, 1);
    start(f, "unix:@/s", "unix:@/s");
    while (info.status != MIGRATION_PRE_SWITCHOVER) {
        turn(f);
        g_assert_true(migration_is_running(f->from));
        migration_query(f->from, &info);
    }
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_FINISH_MIGRATE);
    for (unsigned i = 0; i < 20; i++) {
        turn(f);
    }
    say(f->from, "info migrate", "Migration status: pre-switchover\n");
    say(f->from, "migrate_continue device", "Migration not in expected state: device\n");
    put_ram(f->from, 0x1234, 0x1122334455667788);
    if (data) {
        say(f->from, "migrate_cancel", "");
        g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_CANCELLED);
        g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
        turn_until_end(f, f->to);
        return;
    }
    say(f->from, "migrate_continue pre-switchover", "");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    expect_arrival(f);
}

/* The other machine says why, ends with status 1, and the guest goes on here. */
static void the_source_goes_on_when_it_is_refused(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->to);
    f->to = pc_new("pc", 2, RAM_SIZE);
    migration_expect(f->to);
    machine_set_run_state(f->to, RUN_STATE_INMIGRATE);
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_FAILED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_FAILED);
    say(f->from, "info migrate", "the other side says: section 'machine' 0: that is -machine pc-");
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
    turn(f);
    g_assert_true(f->to->quit);
    g_assert_cmpint(f->to->exit_status, ==, 1);
}

static void cut_files_are_refused(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = in_dir(f, "@/state"), *in = in_dir(f, "file:@/state");
    GStatBuf st;

    (void)data;
    start(f, "file:@/state", NULL);
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmpint(truncate(path, st.st_size - 1000), ==, 0);
    g_assert_true(migration_incoming(f->to, in, -1, NULL));
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_FAILED);
    say(f->to, "info migrate", "the stream ends in it)\n");
}

/* It takes no more room than RAM has contents, and must not end early or lie about where RAM is. */
static void mapped_files_are_checked(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = in_dir(f, "@/state"), *in = in_dir(f, "file:@/state");
    GStatBuf st;

    (void)data;
    set_marks(f);
    say(f->from, "migrate_set_capability mapped-ram on", "");
    say(f->from, "migrate unix:x", "capability 'mapped-ram' needs file:PATH\n");
    start(f, "file:@/state", NULL);
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(g_stat(path, &st), ==, 0);
    g_assert_cmpint(st.st_blocks * 512, <, RAM_SIZE);
    g_assert_cmpint(st.st_size, >, RAM_SIZE);
    g_assert_cmpint(truncate(path, RAM_SIZE), ==, 0);
    g_assert_true(migration_incoming(f->to, in, -1, NULL));
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_FAILED);
    say(f->to, "info migrate", "section 'mapped' 0: ");
}

static void nobody_listens(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "unix:@/nosuch", "No such file or directory" },
        { "tcp:127.0.0.1:1", "refused" },
        { "exec:false", "exec:false: " },
        { "exec:cat >/dev/null; exit 3", "the command ended with status 3" },
        { "file:@/no/such", "cannot open '" },
        { "file:@/a,size=3", "must be file:PATH[,offset=BYTES]" },
        { "fd:77", "fd:77: this is no descriptor" },
        { "fd:1", "fd:1: this is no descriptor" },
        { "fd:name", "fd:name: this is no descriptor" },
    };

    (void)data;
    say(f->from, "migrate foo:bar", "unknown migration protocol: foo:bar");
    say(f->from, "migrate", "migrate: string expected\n");
    say(f->from, "migrate -b tcp:0:0", "migrate -b is not supported: use drive_mirror\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        start(f, rows[i][0], NULL);
        g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_FAILED);
        say(f->from, "info migrate", rows[i][1]);
        g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
    }
}

/* At 10 KB/s it would take minutes. */
static void cancelled_ones_end_soon(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new();
    int64_t before = g_get_monotonic_time();

    (void)data;
    for (unsigned i = 0; i < RAM_SIZE / 2; i += 4096) {
        put_ram(f->from, RAM_SIZE / 2 + i, g_rand_int(rand));
    }
    say(f->from, "migrate_set_parameter max-bandwidth 10k", "");
    start(f, "unix:@/s", "unix:@/s");
    for (unsigned i = 0; i < 200; i++) {
        turn(f);
    }
    say(f->from, "info migrate", "Migration status: active\n");
    say(f->from, "device_add e1000,id=e",
        "device_add: not while the machine is being migrated or dumped\n");
    say(f->from, "savevm x", "a migration has the machine: wait for its end");
    say(f->to, "loadvm x", "a migration has the machine: wait for its end");
    say(f->to, "system_reset", "the machine is being migrated\n");
    say(f->from, "migrate_cancel", "");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_CANCELLED);
    say(f->from, "info migrate", "Migration status: cancelled\n");
    say(f->from, "migrate_cancel", "");
    g_assert_cmpint(g_get_monotonic_time() - before, <, 20 * G_USEC_PER_SEC);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_FAILED);
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_RUNNING);
}

/* The listener waits for ever: the machine's end does not. */
static void machines_end_while_they_wait(struct fixture *f, gconstpointer data)
{
    g_autofree char *in = in_dir(f, "unix:@/s");

    (void)data;
    g_assert_true(migration_incoming(f->to, in, -1, NULL));
    turn(f);
}

static void parameters_are_bounded(struct fixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "migrate_set_parameter max-bandwidth 1G", "" },
        { "migrate_set_parameter downtime-limit 20", "" },
        { "migrate_set_parameter downtime-limit 2000001", "must be 0 to 2000000 ms\n" },
        { "migrate_set_parameter downtime-limit x",
          "parameter 'downtime-limit' is 'x', must be a number" },
        { "migrate_set_parameter max-bandwidth x", "is 'x', must be a size" },
        { "migrate_set_parameter multifd-channels 0", "is 0, must be 1 to 255\n" },
        { "migrate_set_parameter multifd-compression lz4", "is 'lz4', must be none|zlib|zstd\n" },
        { "migrate_set_parameter cpu-throttle-tailslow maybe", "must be on or off\n" },
        { "migrate_set_parameter cpu-throttle-tailslow on", "" },
        { "migrate_set_parameter max-cpu-throttle 100", "is 100, must be 1 to 99\n" },
        { "info migrate_parameters", "cpu-throttle-tailslow: on\n" },
        { "migrate_set_parameter foo 1", "invalid parameter value: foo" },
        { "migrate_set_parameter foo", "see 'help migrate_set_parameter'" },
        { "migrate_set_capability events on", "" },
        { "migrate_set_capability xbzrle on", "capability 'xbzrle': pages go as they are" },
        { "migrate_set_capability xbzrle off", "" },
        { "migrate_set_capability foo on", "invalid parameter value: foo" },
        { "migrate_set_capability events maybe", "Expected 'on' or 'off'\n" },
        { "info migrate_parameters",
          "max-bandwidth: 1073741824 bytes/second\ndowntime-limit: 20 ms\n" },
        { "info migrate_capabilities", "xbzrle: off\n" },
        { "info migrate_capabilities", "events: on\n" },
        { "info migrate", "" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        say(f->from, rows[i][0], rows[i][1]);
    }
}

/* Disks ----------------------------------------------------------------------------------------- */

static struct block_backend *open_disk(struct machine *m, const char *path, const char *format,
                                       GError **error)
{
    struct block_backend *blk = block_backend_new(m, "d0", NULL);
    struct block_open_options o = { .filename = path, .format = format };

    o.graph = block_graph_of(m);
    return block_backend_open(blk, &o, error) ? blk : NULL;
}

static struct block_backend *make_disk(struct machine *m, const char *path, const char *format)
{
    g_autoptr(block_options) options = block_options_new();
    struct block_backend *blk;
    g_autoptr(GError) error = NULL;

    block_options_set(options, "size", "1M");
    g_assert_true(block_create(format, path, options, NULL, &error));
    blk = open_disk(m, path, format, &error);
    g_assert_no_error(error);
    return blk;
}

/* One has the image at a time; what the first wrote and kept in memory is what the second reads. */
static void disks_change_hands(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = in_dir(f, "@/disk");
    struct block_backend *from = make_disk(f->from, path, data), *to;
    g_autoptr(GError) error = NULL;
    uint32_t word = 0x12345678;

    to = open_disk(f->to, path, data, &error);
    g_assert_no_error(error);
    g_assert_false(block_read_only(to));
    g_assert_cmpint(block_node_write(to->root, 0, &word, 4), !=, 0);
    g_assert_cmpint(block_node_write(from->root, 65536, &word, 4), ==, 0);
    start(f, "unix:@/s", "unix:@/s");
    g_assert_cmpint(turn_until_end(f, f->from), ==, MIGRATION_COMPLETED);
    g_assert_cmpint(turn_until_end(f, f->to), ==, MIGRATION_COMPLETED);
    word = 0;
    g_assert_cmpint(block_node_read(to->root, 65536, &word, 4), ==, 0);
    g_assert_cmphex(word, ==, 0x12345678);
    g_assert_cmpint(block_node_write(from->root, 0, &word, 4), !=, 0);
    g_assert_cmpint(block_node_write(to->root, 0, &word, 4), ==, 0);
    say(f->from, "cont", "lock: is another process using the image?\n");
    g_assert_cmpint(f->from->run_state, ==, RUN_STATE_POSTMIGRATE);
    block_backend_free(to);
    say(f->from, "cont", "");
    word = 0;
    g_assert_cmpint(block_node_read(from->root, 0, &word, 4), ==, 0);
    g_assert_cmphex(word, ==, 0x12345678);
    g_assert_cmpint(block_node_write(from->root, 0, &word, 4), ==, 0);
}

static void formats_that_stay_are_refused(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = in_dir(f, "@/disk");

    (void)data;
    make_disk(f->from, path, "vdi");
    say(f->from, "migrate unix:x", "The vdi format used by node '#block");
    say(f->from, "migrate unix:x", "does not support live migration\n");
}

/* -only-migratable: they are not opened at all, but for reading. */
static void such_formats_are_not_opened(struct fixture *f, gconstpointer data)
{
    g_autofree char *path = in_dir(f, "@/disk");
    struct block_open_options o = { .filename = path, .graph = block_graph_of(f->to) };
    struct block_node *node;
    g_autoptr(GError) error = NULL;

    (void)data;
    block_backend_free(make_disk(f->from, path, "vdi"));
    block_only_migratable(f->to);
    g_assert_null(block_node_open(&o, &error));
    g_assert_nonnull(
        strstr(error->message, "(--only-migratable) for: The vdi format used by node"));
    o.read_only = true;
    node = block_node_open(&o, NULL);
    g_assert_nonnull(node);
    block_node_close(node);
}

#define ADD(name) g_test_add("/migrate/" #name, struct fixture, NULL, set_up, name, tear_down)
#define ADD_WITH(name, data, text)                                                                 \
    g_test_add("/migrate/" #name "/" text, struct fixture, data, set_up, name, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN); /* as the program does */
    ADD(over_sockets);
    ADD(over_tcp_to_a_deferred_machine);
    ADD(over_descriptors);
    ADD(descriptors_that_are_handed_over_are_closed);
    ADD_WITH(through_a_file_or_a_command, GUINT_TO_POINTER(0), "file");
    ADD_WITH(through_a_file_or_a_command, GUINT_TO_POINTER(1), "offset");
    ADD_WITH(through_a_file_or_a_command, GUINT_TO_POINTER(2), "exec");
    ADD_WITH(through_a_file_or_a_command, GUINT_TO_POINTER(3), "mapped");
    ADD_WITH(through_a_file_or_a_command, GUINT_TO_POINTER(4), "mapped-offset");
    ADD(mapped_files_are_checked);
    ADD(the_source_goes_on_when_it_is_refused);
    ADD(cut_files_are_refused);
    ADD(nobody_listens);
    ADD(cancelled_ones_end_soon);
    ADD(machines_end_while_they_wait);
    ADD(parameters_are_bounded);
    ADD_WITH(over_many_channels, "none", "none");
    ADD_WITH(over_many_channels, "zlib", "zlib");
    if (CONFIG_ZSTD) {
        ADD_WITH(over_many_channels, "zstd", "zstd");
    }
    ADD(both_must_have_the_channels);
    ADD(channels_are_no_must);
    ADD_WITH(waits_before_the_switch, NULL, "continue");
    ADD_WITH(waits_before_the_switch, "cancel", "cancel");
    ADD_WITH(disks_change_hands, "qcow2", "qcow2");
    ADD_WITH(disks_change_hands, "raw", "raw");
    ADD(formats_that_stay_are_refused);
    ADD(such_formats_are_not_opened);
    return g_test_run();
}
