/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_drive_test.c: -drive and -blockdev, from text to what devices attach to. */
#include <glib/gstdio.h>
#include <string.h>
#include "block/driver.h"
#include "block/throttle.h"
#include "cli/options.h"
#include "softmmu/machine.h"

struct fixture {
    char *folder, *path;
    struct machine *m;
    struct options *o;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(block_options) o = block_options_new();

    (void)data;
    f->folder = g_dir_make_tmp("rhea-drive-XXXXXX", NULL);
    f->path = g_build_filename(f->folder, "a.qcow2", NULL);
    block_options_set(o, "size", "4M");
    block_create("qcow2", f->path, o, NULL, &error);
    g_assert_no_error(error);
    f->o = options_new();
    f->m = machine_new();
    machine_lock(f->m);
    f->m->config.board = board_types[0];
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
    options_free(f->o);
    g_unlink(f->path);
    g_rmdir(f->folder);
    g_free(f->path);
    g_free(f->folder);
}

/* "%s" in the text is the image. */
static void set_up_drives(struct fixture *f, const char *option, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "%s", -1);
    g_autofree char *arg = g_strjoinv(f->path, parts);
    bool drive = strcmp(option, "-drive") == 0;

    f->o->nodefaults = true;
    if (drive ? option_drive(f->o, arg, error) : option_blockdev(f->o, arg, error)) {
        (void)(objects_setup(f->m, f->o, true, error) && drives_setup(f->m, f->o, error));
    }
}

static void a_drive_opens_qcow2(struct fixture *f, gconstpointer data)
{
    static const char *const texts[] = {
        "file=%s,if=none,id=d", "if=none,id=d,driver=qcow2,file.filename=%s",
        "file=%s,if=none,id=d,iops=1000,copy-on-read=on,detect-zeroes=unmap"
    };
    g_autoptr(GError) error = NULL;
    struct block_backend *blk;

    set_up_drives(f, "-drive", texts[GPOINTER_TO_UINT(data)], &error);
    g_assert_no_error(error);
    blk = f->m->find_drive(f->m, "d");
    g_assert_nonnull(blk);
    g_assert_cmpuint(block_size(blk), ==, 4 << 20);
}

static void a_node_is_a_drive_for_a_device(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    struct block_backend *blk;

    (void)data;
    set_up_drives(f, "-blockdev",
                  "{\"driver\": \"qcow2\", \"node-name\": \"n\", \"file\": {\"driver\": \"file\", "
                  "\"filename\": "
                  "\"%s\"}}",
                  &error);
    g_assert_no_error(error);
    g_assert_null(block_backend_find(f->m, "n"));
    blk = f->m->find_drive(f->m, "n");
    g_assert_nonnull(blk);
    g_assert_cmpuint(block_size(blk), ==, 4 << 20);
    g_assert_true(f->m->find_drive(f->m, "n") == blk);
}

/* -object secret opens an encrypted image; a wrong one does not. */
static void a_secret_opens_an_image(struct fixture *f, gconstpointer data)
{
    bool wrong = GPOINTER_TO_INT(data);
    g_autoptr(block_options) o = block_options_new();
    g_autoptr(block_graph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;

    block_options_parse(o, "size=1M,key-secret=s,iter-time=10", NULL);
    g_assert_true(block_graph_add_object(graph, "secret,id=s,data=abc", &error));
    if (!block_create("luks", f->path, o, graph, &error)) {
        g_test_skip(error->message);
        return;
    }
    g_assert_true(option_object(
        f->o, wrong ? "secret,id=s,data=abd" : "secret,id=s,data=YWJj,format=base64", &error));
    set_up_drives(f, "-drive", "file=%s,format=luks,key-secret=s,if=none,id=d", &error);
    if (wrong) {
        g_assert_nonnull(strstr(error->message, "Invalid password"));
    } else {
        g_assert_no_error(error);
        g_assert_cmpuint(block_size(f->m->find_drive(f->m, "d")), ==, 1 << 20);
    }
}

/* Drives of one group share what the last one says; others have a group of their own name. */
static void drives_share_limits(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *id, *group;
        uint64_t bps, max, length;
    } rows[] = { { "a", "g", 2000, 0, 1 }, { "b", "g", 2000, 0, 1 }, { "c", "c", 1000, 5000, 3 } };
    g_autoptr(GError) error = NULL;

    (void)data;
    option_drive(f->o, "driver=null-co,if=none,id=a,bps=1000,throttling.group=g", &error);
    option_drive(f->o, "driver=null-co,if=none,id=b,bps=2000,throttling.group=g", &error);
    option_drive(
        f->o, "driver=null-co,if=none,id=c,bps=1000,bps_max=5000,throttling.bps-total-max-length=3",
        &error);
    f->o->nodefaults = true;
    drives_setup(f->m, f->o, &error);
    g_assert_no_error(error);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct block_backend *blk = block_backend_find(f->m, rows[i].id);
        struct throttle_limits l;

        g_assert_cmpstr(throttle_layer_get(throttle_layer(blk->root), &l), ==, rows[i].group);
        g_assert_cmpuint(l.avg[BPS_TOTAL], ==, rows[i].bps);
        g_assert_cmpuint(l.max[BPS_TOTAL], ==, rows[i].max);
        g_assert_cmpuint(l.length[BPS_TOTAL], ==, rows[i].length);
    }
}

static void mistakes_are_explained(struct fixture *f, gconstpointer data)
{
    static const struct {
        const char *option, *text, *said;
    } cases[] = {
        { "-drive", "file=%s,if=none,file.filname=x",
          "does not support the option 'filname'; closest: filename" },
        { "-drive", "file=%s,if=none,throttling.iops-totl=3", "closest: iops-total" },
        { "-drive", "file=%s,if=none,iops_max=3", "require corresponding bps/iops values" },
        { "-blockdev", "driver=qcow2,file.filename=%s",
          "driver=NAME and node-name=NAME are needed" },
        { "-blockdev", "driver=qcow2,node-name=1,file.filename=%s", "Invalid node-name: '1'" },
        { "-blockdev", "driver=qcow2,node-name=n,file=m",
          "Cannot find device='' nor node-name='m'" },
        { "-blockdev", "{\"driver\":}", "Could not parse the JSON options" },
    };
    g_autoptr(GError) error = NULL;
    unsigned i = GPOINTER_TO_UINT(data);

    set_up_drives(f, cases[i].option, cases[i].text, &error);
    g_assert_nonnull(error);
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, cases[i].said));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *name = g_strdup_printf("/drive/opens/%u", i);

        g_test_add(name, struct fixture, GUINT_TO_POINTER(i), set_up, a_drive_opens_qcow2,
                   tear_down);
    }
    g_test_add("/drive/node", struct fixture, NULL, set_up, a_node_is_a_drive_for_a_device,
               tear_down);
    for (unsigned i = 0; i < 7; i++) {
        g_autofree char *name = g_strdup_printf("/drive/mistakes/%u", i);

        g_test_add(name, struct fixture, GUINT_TO_POINTER(i), set_up, mistakes_are_explained,
                   tear_down);
    }
    g_test_add("/drive/limits", struct fixture, NULL, set_up, drives_share_limits, tear_down);
    g_test_add("/drive/secret/right", struct fixture, NULL, set_up, a_secret_opens_an_image,
               tear_down);
    g_test_add("/drive/secret/wrong", struct fixture, GINT_TO_POINTER(1), set_up,
               a_secret_opens_an_image, tear_down);
    return g_test_run();
}
