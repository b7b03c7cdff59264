/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/media_test.c: `eject`, `change` and `info block` on a drive whose front is the test.
 */
#include <glib/gstdio.h>
#include <string.h>
#include "block/block.h"
#include "monitor/monitor.h"
#include "softmmu/machine.h"

struct rig {
    struct machine *m;
    struct block_backend *blk;
    char *dir;
    bool locked;
    unsigned requests;
    GString *events; /* "+" a medium came, "-" it went */
};

static void media_changed(void *opaque, bool present)
{
    g_string_append_c(((struct rig *)opaque)->events, present ? '+' : '-');
}

static void eject_request(void *opaque)
{
    ((struct rig *)opaque)->requests++;
}

static bool is_locked(void *opaque)
{
    return ((struct rig *)opaque)->locked;
}

static const struct block_front front = { .media_changed = media_changed,
                                          .eject_request = eject_request,
                                          .is_locked = is_locked };

static char *image(struct rig *r, const char *name, size_t size)
{
    char *path = g_build_filename(r->dir, name, NULL);
    g_autofree char *bytes = g_strnfill(size, *name);

    g_assert_true(g_file_set_contents(path, bytes, (gssize)size, NULL));
    return path;
}

static void set_up(struct rig *r, gconstpointer data)
{
    struct block_open_options o = { .format = "raw" };
    g_autofree char *path = NULL;
    GError *error = NULL;

    (void)data;
    r->dir = g_dir_make_tmp("rhea-media-XXXXXX", NULL);
    r->m = machine_new();
    machine_lock(r->m);
    r->events = g_string_new(NULL);
    r->blk = block_backend_new(r->m, "cd0", &error);
    g_assert_no_error(error);
    r->blk->removable = true;
    block_attach(r->blk, &front, r, &error);
    path = image(r, "a", 2048);
    o.filename = path;
    block_backend_open(r->blk, &o, &error);
    g_assert_no_error(error);
}

static void tear_down(struct rig *r, gconstpointer data)
{
    static const char *const names[] = { "a", "b" };

    (void)data;
    block_detach(r->blk);
    machine_free(r->m);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(r->dir, names[i], NULL);

        g_unlink(path);
    }
    g_rmdir(r->dir);
    g_free(r->dir);
    g_string_free(r->events, TRUE);
}

/* What a line prints must have this in it; DIR stands for the folder.  "": nothing is printed. */
static void expect(struct rig *r, const char *line, const char *says)
{
    g_auto(GStrv) parts = g_strsplit(line, "DIR", -1);
    g_autofree char *full = g_strjoinv(r->dir, parts);
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(r->m, full, out);
    g_test_message("%s: %s", full, out->str);
    g_assert_true(*says ? strstr(out->str, says) != NULL : out->len == 0);
}

/* The first letter of the image that is in; 0: none. */
static char medium(struct rig *r)
{
    char sector[512];

    return block_read_now(r->blk, 0, sector, sizeof(sector)) == 0 ? sector[0] : 0;
}

static void change_takes_the_other_image(struct rig *r, gconstpointer data)
{
    g_autofree char *b = image(r, "b", 512);

    (void)data;
    expect(r, "change cd0 DIR/b raw", "");
    g_assert_cmpint(medium(r), ==, 'b');
    g_assert_cmpstr(r->events->str, ==, "+-+");
    expect(r, "info block", "/b (raw)");
    expect(r, "change cd0 DIR/b raw read-only", ""); /* the same again */
    g_assert_cmpint(medium(r), ==, 'b');
    g_assert_true(block_read_only(r->blk));
    expect(r, "change cd0 DIR/a raw retain", "");
    g_assert_true(block_read_only(r->blk));
}

static void change_that_fails_keeps_the_medium(struct rig *r, gconstpointer data)
{
    g_autofree char *b = image(r, "b", 512);

    (void)data;
    expect(r, "change cd0 DIR/none", "none");
    expect(r, "change cd0 DIR", "Is a directory");
    expect(r, "change cd0 DIR/b nosuch", "nosuch");
    expect(r, "change cd0 DIR/b qcow2", "qcow2");
    expect(r, "change cd0 DIR/b raw sideways", "retain, read-only, read-write");
    g_assert_cmpint(medium(r), ==, 'a');
    g_assert_cmpstr(r->events->str, ==, "+");
}

static void a_locked_tray_stays_shut(struct rig *r, gconstpointer data)
{
    g_autofree char *b = image(r, "b", 512);

    (void)data;
    r->locked = true;
    expect(r, "info block", "Removable device: locked");
    expect(r, "eject cd0", "Device 'cd0' is locked and force was not specified");
    expect(r, "change cd0 DIR/b", "Device 'cd0' is locked");
    g_assert_cmpuint(r->requests, ==, 2);
    g_assert_cmpint(medium(r), ==, 'a');
    expect(r, "change -f cd0 DIR/none", "none"); /* a mistake does not cost the medium */
    g_assert_cmpint(medium(r), ==, 'a');
    expect(r, "change -f cd0 DIR/b raw", "");
    g_assert_cmpint(medium(r), ==, 'b');
    expect(r, "eject -f cd0", "");
    g_assert_cmpint(medium(r), ==, 0);
    g_assert_cmpstr(r->events->str, ==, "+-+-");
    expect(r, "info block", "cd0: [not inserted]");
}

static void a_fixed_disk_stays(struct rig *r, gconstpointer data)
{
    (void)data;
    r->blk->removable = false;
    expect(r, "eject -f cd0", "Device 'cd0' is not removable");
    expect(r, "change -f cd0 DIR/a", "Device 'cd0' is not removable");
    g_assert_cmpint(medium(r), ==, 'a');
}

#define ADD(name, fn) g_test_add("/media/" name, struct rig, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("change", change_takes_the_other_image);
    ADD("change-fails", change_that_fails_keeps_the_medium);
    ADD("locked", a_locked_tray_stays_shut);
    ADD("fixed", a_fixed_disk_stays);
    return g_test_run();
}
