/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/fdset_test.c: sets of descriptors, what opens of them, and -add-fd. */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/options.h"
#include "util/fdset.h"

struct rig {
    char *dir, *path;
};

static void rig_init(struct rig *r)
{
    r->dir = g_dir_make_tmp("rhea-fdset-XXXXXX", NULL);
    r->path = g_build_filename(r->dir, "file", NULL);
    g_assert_true(g_file_set_contents(r->path, "text", -1, NULL));
}

static void rig_clear(struct rig *r)
{
    GArray *list = fdset_list();

    g_assert_cmpuint(list->len, ==, 0);
    fdset_list_free(list);
    g_unlink(r->path);
    g_rmdir(r->dir);
    g_free(r->path);
    g_free(r->dir);
}

static void check_fails(const char *path, int flags, int why)
{
    errno = 0;
    g_assert_cmpint(open_path(path, flags, 0), ==, -1);
    g_assert_cmpint(errno, ==, why);
}

static void paths_are_descriptors_with_that_access(void)
{
    struct rig r;
    int ro, fd;
    char buf[8] = { 0 };

    rig_init(&r);
    ro = open(r.path, O_RDONLY);
    g_assert_cmpint(fdset_add(5, ro, "why", NULL), ==, 5);
    check_fails("/dev/fdset/4", O_RDONLY, ENOENT);
    check_fails("/dev/fdset/5", O_RDWR, EACCES);
    check_fails("/dev/fdset/5x", O_RDONLY, EINVAL);
    check_fails("/dev/fdset/", O_RDONLY, EINVAL);
    check_fails("/dev/fdset/99999999999999999999", O_RDONLY, EINVAL);
    g_assert_false(path_is_writable("/dev/fdset/5"));
    g_assert_cmpint(errno, ==, EACCES);
    g_assert_cmpint(fdset_add(5, open(r.path, O_RDWR), NULL, NULL), ==, 5);
    g_assert_true(path_is_writable("/dev/fdset/5"));
    fd = open_path("/dev/fdset/5", O_RDWR | O_TRUNC, 0);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_true(fdset_remove(5, -1, NULL));
    check_fails("/dev/fdset/5", O_RDWR, ENOENT);
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 4); /* its own, and nothing was cut off */
    g_assert_cmpstr(buf, ==, "text");
    close(fd);
    rig_clear(&r);
}

static void sets_have_numbers_and_members(void)
{
    struct rig r;
    GArray *list;
    g_autoptr(GError) error = NULL, other = NULL;
    int a, b;

    rig_init(&r);
    a = open(r.path, O_RDONLY);
    b = open(r.path, O_RDONLY);
    g_assert_cmpint(fdset_add(FDSET_NEW, a, "first", NULL), ==, 0);
    g_assert_cmpint(fdset_add(2, open(r.path, O_RDONLY), NULL, NULL), ==, 2);
    g_assert_cmpint(fdset_add(FDSET_NEW, b, NULL, NULL), ==, 1);
    list = fdset_list();
    g_assert_cmpuint(list->len, ==, 3);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(g_array_index(list, struct fdset_fd, i).set, ==, i);
    }
    g_assert_cmpstr(g_array_index(list, struct fdset_fd, 0).opaque, ==, "first");
    fdset_list_free(list);
    g_assert_false(fdset_remove(1, a, &error));
    g_assert_nonnull(strstr(error->message, "File descriptor named 'fdset-id:1, fd:"));
    g_assert_true(fdset_remove(1, b, NULL));
    g_assert_cmpint(fcntl(b, F_GETFD), ==, -1);
    g_assert_false(fdset_remove(1, -1, &other));
    g_assert_cmpstr(other->message, ==, "File descriptor named 'fdset-id:1' not found");
    g_assert_true(fdset_remove(0, -1, NULL));
    g_assert_true(fdset_remove(2, -1, NULL));
    rig_clear(&r);
}

static void inherited_descriptors_go_into_sets(void)
{
    struct rig r;
    struct options *o = options_new();
    g_autofree char *one = NULL, *two = NULL, *three = NULL;
    g_autoptr(GError) error = NULL;
    int fd, own;

    rig_init(&r);
    fd = open(r.path, O_RDONLY);
    own = open(r.path, O_RDONLY | O_CLOEXEC);
    one = g_strdup_printf("fd=%d,set=1,opaque=x", fd);
    two = g_strdup_printf("fd=%d,set=2", fd);
    three = g_strdup_printf("fd=%d,set=3", own);
    g_assert_true(option_add_fd(o, one, NULL) && option_add_fd(o, two, NULL));
    g_assert_true(fds_setup(o, NULL));
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, -1);
    close(open_path("/dev/fdset/1", O_RDONLY, 0));
    g_assert_true(fdset_remove(1, -1, NULL) && fdset_remove(2, -1, NULL));
    options_free(o);
    o = options_new();
    g_assert_true(option_add_fd(o, three, NULL));
    g_assert_false(fds_setup(o, &error));
    g_assert_nonnull(strstr(error->message, "fd is not valid or already in use"));
    options_free(o);
    close(own);
    rig_clear(&r);
}

static void bad_options_say_what_is_wrong(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "fd=3", "set option is required and must be non-negative" },
        { "set=3", "fd option is required and must be non-negative" },
        { "fd=-1,set=2", "fd option is required and must be non-negative" },
        { "fd=x,set=2", "fd option is required and must be non-negative" },
        { "fd=1,set=2", "fd cannot be a standard I/O stream" },
        { "fd=3,set=-2", "set option is required and must be non-negative" },
        { "fd=3,set=2,foo=1", "Invalid parameter 'foo'" },
    };
    struct options *o = options_new();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(option_add_fd(o, rows[i].text, &error));
        g_test_message("%s: %s", rows[i].text, error->message);
        g_assert_nonnull(strstr(error->message, rows[i].says));
    }
    options_free(o);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdset/open", paths_are_descriptors_with_that_access);
    g_test_add_func("/fdset/members", sets_have_numbers_and_members);
    g_test_add_func("/fdset/inherited", inherited_descriptors_go_into_sets);
    g_test_add_func("/fdset/bad-options", bad_options_say_what_is_wrong);
    return g_test_run();
}
