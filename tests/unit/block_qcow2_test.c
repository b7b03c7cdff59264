/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_qcow2_test.c: qcow2 under several threads; the machine's state beside the disk. */
#include <glib/gstdio.h>
#include <string.h>
#include "block/driver.h"

#define SIZE     (8u << 20)
#define SLICE    4096u /* interleaved: each cluster has slices of every thread */
#define THREADS  4u
#define PER_SELF (SIZE / SLICE / THREADS)

struct fixture {
    char *path, *folder;
    struct block_node *node;
};

struct worker {
    struct block_node *node;
    unsigned self;
    uint8_t model[PER_SELF]; /* the byte that each slice is full of */
};

static void make(struct fixture *f, const char *text)
{
    g_autoptr(block_options) o = block_options_new();
    struct block_open_options flags = { .filename = f->path, .format = "qcow2", .discard = true };
    g_autoptr(GError) error = NULL;

    block_options_parse(o, text, NULL);
    block_options_setf(o, "size", "%u", SIZE);
    block_create("qcow2", f->path, o, NULL, &error);
    g_assert_no_error(error);
    f->node = block_node_open(&flags, &error);
    g_assert_no_error(error);
}

static void set_up(struct fixture *f, gconstpointer data)
{
    f->folder = g_dir_make_tmp("rhea-qcow2-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "a.qcow2", NULL);
    make(f, data);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    block_node_close(f->node);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
}

static uint64_t place(const struct worker *w, unsigned i)
{
    return (uint64_t)(i * THREADS + w->self) * SLICE;
}

static void check_slice(const struct worker *w, unsigned i)
{
    uint8_t buf[SLICE];

    g_assert_cmpint(block_node_read(w->node, place(w, i), buf, SLICE), ==, 0);
    for (unsigned k = 0; k < SLICE; k++) {
        if (buf[k] != w->model[i]) {
            g_error("thread %u, slice %u, byte %u: %u, not %u", w->self, i, k, buf[k], w->model[i]);
        }
    }
}

static gpointer work(gpointer data)
{
    struct worker *w = data;
    g_autoptr(GRand) rand = g_rand_new_with_seed(w->self + 1);
    uint8_t buf[SLICE];

    for (unsigned n = 0; n < 1500; n++) {
        unsigned i = (unsigned)g_rand_int_range(rand, 0, PER_SELF), what = g_rand_int(rand) % 10;
        int ret = 0;

        if (what < 6) {
            w->model[i] = (uint8_t)g_rand_int_range(rand, 1, 256);
            memset(buf, w->model[i], SLICE);
            ret = block_node_write(w->node, place(w, i), buf, SLICE);
        } else if (what < 8) {
            w->model[i] = 0;
            ret = block_node_write_zeroes(w->node, place(w, i), SLICE, BLOCK_MAY_UNMAP);
        } else if (what == 8) {
            check_slice(w, i);
        } else if (n % 50 == 0) {
            ret = block_node_flush(w->node);
        }
        g_assert_cmpint(ret, ==, 0);
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(struct fixture *f, gconstpointer data)
{
    g_autofree struct worker *w = g_new0(struct worker, THREADS);
    GThread *threads[THREADS];
    struct block_check check = { 0 };

    (void)data;
    for (unsigned i = 0; i < THREADS; i++) {
        w[i].node = f->node;
        w[i].self = i;
        threads[i] = g_thread_new("worker", work, &w[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        g_thread_join(threads[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        for (unsigned k = 0; k < PER_SELF; k++) {
            check_slice(&w[i], k);
        }
    }
    g_assert_cmpint(block_node_check(f->node, 0, &check), ==, 0);
    g_assert_cmpuint(check.corruptions + check.leaks + check.check_errors, ==, 0);
}

static void the_machine_state_goes_with_the_snapshot(struct fixture *f, gconstpointer data)
{
    struct block_snapshot s = { .name = "vm", .vm_state_size = 100000, .icount = UINT64_MAX };
    g_autofree char *state = g_malloc0(100000), *back = g_malloc(100000);
    struct iovec iov = { state, 100000 }, back_iov = { back, 100000 };
    const struct block_driver *d = f->node->driver;
    struct block_check check = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = NULL;

    (void)data;
    memset(state, 's', 100000);
    g_assert_cmpint(d->vm_state_write(f->node, 0, &iov, 1), ==, 0);
    g_assert_true(block_snapshot_create(f->node, &s, &error));
    g_assert_cmpint(d->vm_state_read(f->node, 0, &back_iov, 1), ==, 0);
    g_assert_cmpint(back[0], ==, 0); /* the active disk has none any more */
    g_assert_true(block_snapshot_apply(f->node, "vm", &error));
    g_assert_cmpint(d->vm_state_read(f->node, 0, &back_iov, 1), ==, 0);
    g_assert_cmpmem(back, 100000, state, 100000);
    list = block_snapshots(f->node);
    g_assert_cmpuint(((struct block_snapshot *)g_ptr_array_index(list, 0))->vm_state_size, ==,
                     100000);
    g_assert_true(block_snapshot_delete(f->node, "vm", &error));
    g_assert_cmpint(block_node_check(f->node, 0, &check), ==, 0);
    g_assert_cmpuint(check.corruptions + check.leaks + check.check_errors, ==, 0);
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = { "cluster_size=65536", "cluster_size=4096",
                                         "cluster_size=131072,extended_l2=on",
                                         "compat=0.10,cluster_size=16384" };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *name = g_strdup_printf("/qcow2/threads/%s", kinds[i]);

        g_test_add(name, struct fixture, kinds[i], set_up, threads_do_not_disturb_each_other,
                   tear_down);
    }
    g_test_add("/qcow2/vm-state", struct fixture, "cluster_size=4096", set_up,
               the_machine_state_goes_with_the_snapshot, tear_down);
    return g_test_run();
}
