/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/block_live_kill_test.c: a process that writes to a drive with a job is killed at any instant:
 * the images are without corruption, and every flushed write is in them.
 *
 * The program calls itself as the victim, which tells through a mapped file what it has flushed.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "block/driver.h"
#include "block/live.h"
#include "softmmu/machine.h"

#define BLOCKS 256u
#define BLOCK  16384u
#define SIZE   (BLOCKS * BLOCK)
#define ROUNDS 12

/* What the victim says; monotonic counters. */
struct log {
    uint64_t sent[BLOCKS], flushed[BLOCKS];
    uint32_t running, switched;
};

static struct log *map_log(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "log", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    void *at;

    g_assert_cmpint(ftruncate(fd, sizeof(struct log)), ==, 0);
    at = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    g_assert_true(at != MAP_FAILED);
    close(fd);
    return at;
}

/* The victim ------------------------------------------------------------------------------------- */

struct victim {
    struct log *log;
    struct block_backend *blk;
    bool busy;
};

static void on_done(void *opaque, int result)
{
    g_assert_cmpint(result, ==, 0);
    ((struct victim *)opaque)->busy = false;
}

static void on_event(void *opaque, enum block_live_event event, const struct block_live_info *info)
{
    struct victim *v = opaque;

    if (event == BLOCK_LIVE_READY) {
        (void)block_live_complete(block_live_find(v->blk->machine, info->id), NULL);
    }
    v->log->switched |= event == BLOCK_LIVE_COMPLETED;
}

static void transfer(struct victim *v, enum block_op op, uint64_t offset, void *buf, size_t len)
{
    struct iovec iov = { buf, len };
    struct block_request req = { .blk = v->blk,
                                 .op = op,
                                 .offset = offset,
                                 .bytes = len,
                                 .iov = &iov,
                                 .n_iov = 1,
                                 .done = on_done,
                                 .opaque = v };

    v->busy = true;
    block_submit(&req);
    while (v->busy) {
        machine_iterate(v->blk->machine, true);
    }
}

static void start_job(struct victim *v, const char *folder, const char *kind)
{
    struct block_live_options o = { .event = on_event, .opaque = v, .speed = 32u << 20 };
    g_autofree char *other = g_build_filename(folder, "other", NULL);
    struct block_open_options open = { .filename = other,
                                       .format = "qcow2",
                                       .graph = block_graph_of(v->blk->machine) };
    struct block_node *base = v->blk->root->backing;
    g_autoptr(GError) error = NULL;
    struct block_live *job = NULL;

    if (strcmp(kind, "commit") == 0) {
        job = block_live_commit(v->blk, block_node_ref(base), &o, &error);
    } else if (strcmp(kind, "stream") == 0) {
        job = block_live_stream(v->blk, NULL, NULL, &o, &error);
    } else {
        struct block_node *target = block_node_open(&open, &error);

        g_assert_no_error(error);
        if (strcmp(kind, "incremental") == 0) {
            o.sync = BLOCK_LIVE_INCREMENTAL;
            o.bitmap = "b0";
        }
        job = strcmp(kind, "mirror") == 0 ? block_live_mirror(v->blk, target, &o, &error)
                                          : block_live_backup(v->blk, target, &o, &error);
    }
    g_assert_no_error(error);
    g_assert_nonnull(job);
}

static G_GNUC_NORETURN void be_the_victim(const char *folder, const char *kind)
{
    g_autofree char *top = g_build_filename(folder, "top", NULL);
    struct block_open_options o = { .filename = top, .format = "qcow2" };
    struct machine *m = machine_new();
    struct victim v = { .log = map_log(folder) };
    g_autofree uint64_t *buf = g_malloc(BLOCK);
    g_autoptr(GRand) rand = g_rand_new();
    g_autoptr(GError) error = NULL;
    bool dirty[BLOCKS] = { false };

    machine_lock(m);
    v.blk = block_backend_new(m, "d0", &error);
    o.graph = block_graph_of(m);
    g_assert_true(block_backend_open(v.blk, &o, &error));
    start_job(&v, folder, kind);
    v.log->running = 1;
    for (unsigned n = 1;; n++) {
        unsigned i = (unsigned)g_rand_int_range(rand, 0, BLOCKS);

        v.log->sent[i]++;
        for (unsigned k = 0; k < BLOCK / sizeof(*buf); k++) {
            buf[k] = v.log->sent[i];
        }
        transfer(&v, BLOCK_WRITE, i * (uint64_t)BLOCK, buf, BLOCK);
        dirty[i] = true;
        if (n % 10 == 0) {
            transfer(&v, BLOCK_FLUSH, 0, NULL, 0);
            for (unsigned k = 0; k < BLOCKS; k++) {
                v.log->flushed[k] = dirty[k] ? v.log->sent[k] : v.log->flushed[k];
                dirty[k] = false;
            }
        }
    }
}

/* The killer ------------------------------------------------------------------------------------- */

static const char *program;

static void make(const char *path, const char *backing)
{
    g_autoptr(block_options) o = block_options_new();
    g_autoptr(GError) error = NULL;

    block_options_setf(o, "size", "%u", SIZE);
    if (backing) {
        block_options_set(o, "backing_file", backing);
        block_options_set(o, "backing_fmt", "qcow2");
    }
    g_assert_true(block_create("qcow2", path, o, NULL, &error));
}

static void check_image(const char *path, const struct log *log)
{
    struct block_open_options o = { .filename = path, .format = "qcow2", .read_only = true };
    g_autoptr(GError) error = NULL;
    g_autoptr(block_node) node = block_node_open(&o, &error);
    struct block_check check = { 0 };

    g_assert_no_error(error);
    g_assert_cmpint(block_node_check(node, 0, &check), ==, 0);
    g_assert_cmpuint(check.corruptions, ==, 0);
    for (unsigned i = 0; log && i < BLOCKS; i++) {
        uint64_t value;

        g_assert_cmpint(block_node_read(node, i * (uint64_t)BLOCK, &value, sizeof(value)), ==, 0);
        g_assert_cmpuint(value, >=, log->flushed[i]);
        g_assert_cmpuint(value, <=, log->sent[i]);
    }
}

static void add_bitmap(const char *path)
{
    struct block_bitmap_change add = { .op = BLOCK_BITMAP_ADD, .name = "b0" };
    struct block_open_options o = { .filename = path, .format = "qcow2" };
    g_autoptr(block_node) node = block_node_open(&o, NULL);

    g_assert_true(block_bitmap_change(node, &add, NULL));
}

/* No other bitmap is left, and this one is not taken for right unless it is: the victim wrote all the time. */
static void check_bitmap(const char *path, const struct log *log)
{
    struct block_open_options o = { .filename = path, .format = "qcow2", .read_only = true };
    g_autoptr(block_node) node = block_node_open(&o, NULL);
    g_autoptr(GPtrArray) list = block_bitmaps(node);
    const struct block_bitmap *b = g_ptr_array_index(list, 0);
    uint64_t flushed = 0;

    for (unsigned i = 0; i < BLOCKS; i++) {
        flushed += log->flushed[i];
    }
    g_assert_cmpuint(list->len, ==, 1);
    g_assert_cmpstr(b->name, ==, "b0");
    g_assert_true(b->in_use || b->enabled);
    g_assert_true(b->in_use || flushed == 0 || log->switched);
}

static GPid start_victim(const char *folder, const char *kind)
{
    char *argv[] = { (char *)program, (char *)"--victim", (char *)folder, (char *)kind, NULL };
    g_autoptr(GError) error = NULL;
    GPid pid;

    g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
    g_assert_no_error(error);
    return pid;
}

static void one_round(const char *kind, GRand *rand)
{
    g_autofree char *folder = g_dir_make_tmp("rhea-kill-XXXXXX", NULL);
    static const char *const names[] = { "base", "top", "other", "log" };
    char *paths[G_N_ELEMENTS(names)];
    struct log *log = map_log(folder);
    const char *now;
    int status;
    GPid pid;

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        paths[i] = g_build_filename(folder, names[i], NULL);
    }
    make(paths[0], NULL);
    make(paths[1], paths[0]);
    make(paths[2], NULL);
    if (strcmp(kind, "incremental") == 0) {
        add_bitmap(paths[1]);
    }
    pid = start_victim(folder, kind);
    while (!__atomic_load_n(&log->running, __ATOMIC_ACQUIRE) &&
           waitpid(pid, &status, WNOHANG) == 0) {
        g_usleep(1000);
    }
    g_usleep((gulong)g_rand_int_range(rand, 0, 300000));
    kill(pid, SIGKILL);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    now = !log->switched                ? paths[1]
          : strcmp(kind, "mirror") == 0 ? paths[2]
          : strcmp(kind, "commit") == 0 ? paths[0]
                                        : paths[1];
    check_image(now, log);
    for (unsigned i = 0; i < 3; i++) {
        check_image(paths[i], NULL);
    }
    if (strcmp(kind, "incremental") == 0) {
        check_bitmap(paths[1], log);
    }
    munmap(log, sizeof(*log));
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_unlink(paths[i]);
        g_free(paths[i]);
    }
    g_rmdir(folder);
}

static void nothing_is_lost(gconstpointer kind)
{
    g_autoptr(GRand) rand = g_rand_new();

    for (unsigned i = 0; i < ROUNDS; i++) {
        one_round(kind, rand);
    }
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "mirror", "commit", "backup", "stream", "incremental" };

    if (argc == 4 && strcmp(argv[1], "--victim") == 0) {
        be_the_victim(argv[2], argv[3]);
    }
    program = argv[0];
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *name = g_strdup_printf("/block/live/kill/%s", kinds[i]);

        g_test_add_data_func(name, kinds[i], nothing_is_lost);
    }
    return g_test_run();
}
