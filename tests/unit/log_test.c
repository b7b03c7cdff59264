/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/log_test.c: the log, messages on stderr, and errors. */
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>
#include "util/error.h"
#include "util/log.h"

static void items_are_named_and_unknown_ones_get_a_hint(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) help = g_string_new(NULL);

    log_mask = 0;
    g_assert_true(log_set_items("int,guest_errors", &error));
    g_assert_true(log_enabled(LOG_INT) && log_enabled(LOG_GUEST_ERRORS));
    g_assert_false(log_enabled(LOG_UNIMP));
    g_assert_false(log_set_items("unimp,guest_error", &error));
    g_assert_nonnull(strstr(error->message, "closest: guest_errors"));
    g_assert_false(log_enabled(LOG_UNIMP)); /* nothing of a wrong list */
    log_print_help(help);
    g_assert_nonnull(strstr(help->str, "guest_errors"));
    log_mask = 0;
}

static gpointer write_many(gpointer opaque)
{
    for (int i = 0; i < 500; i++) {
        log_line(LOG_UNIMP, "%s", (const char *)opaque);
    }
    return NULL;
}

static void lines_of_several_threads_stay_whole(void)
{
    g_autofree char *path = g_strdup_printf("%s/rhea-log-%d", g_get_tmp_dir(), getpid());
    g_autofree char *a = g_strnfill(200, 'a'), *b = g_strnfill(300, 'b'), *text = NULL;
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;
    GThread *threads[2];

    g_assert_true(log_set_file(path, &error));
    log_mask = 1u << LOG_UNIMP;
    threads[0] = g_thread_new("a", write_many, a);
    threads[1] = g_thread_new("b", write_many, b);
    g_thread_join(threads[0]);
    g_thread_join(threads[1]);
    log_mask = 0;
    log_line(LOG_UNIMP, "off");
    g_assert_true(log_set_file(NULL, &error));
    g_assert_true(g_file_get_contents(path, &text, NULL, &error));
    g_unlink(path);
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 1001);
    for (int i = 0; i < 1000; i++) {
        g_assert_true(strcmp(lines[i], a) == 0 || strcmp(lines[i], b) == 0);
    }
}

static void unwritable_log_file_is_an_error(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(log_set_file("/nonexistent/log", &error));
    g_assert_cmpstr(error->message, ==,
                    "cannot open log file '/nonexistent/log': No such file or directory");
}

static void code_is_filtered_by_address(void)
{
    static const char *const bad[] = { "",     "x",    "1",
                                       "5..2", "1+",   "1+0",
                                       "0-2",  "1+2,", "0xffffffffffffffff+2" };
    g_autoptr(GError) error = NULL;

    g_assert_true(log_wants_address(5));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(log_set_filter(bad[i], &error));
        g_assert_nonnull(strstr(error->message, "must be START+LENGTH"));
        g_clear_error(&error);
    }
    g_assert_true(log_wants_address(5)); /* nothing was changed */
    g_assert_true(log_set_filter("0x1000+0x10,0x2000-0x10,7..8,0xffffffffffffffff+1", &error));
    static const struct {
        uint64_t address;
        bool wanted;
    } rows[] = { { 0xfff, false },    { 0x1000, true }, { 0x100f, true }, { 0x1010, false },
                 { 0x1ff0, false },   { 0x1ff1, true }, { 0x2000, true }, { 0x2001, false },
                 { 6, false },        { 7, true },      { 8, true },      { 9, false },
                 { UINT64_MAX, true } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(log_wants_address(rows[i].address), ==, rows[i].wanted);
    }
}

static void messages_name_the_program(void)
{
    if (g_test_subprocess()) {
        g_set_prgname("prog");
        report_error("no %s", "kernel");
        report_warning("odd %d", 7);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*prog: no kernel\nprog: warning: odd 7\n*");
}

static void errors_carry_text_and_errno(void)
{
    g_autoptr(GError) plain = NULL, sys = NULL;

    set_error(&plain, "-m is %d", 0);
    g_assert_error(plain, RHEA_ERROR, RHEA_ERROR_GENERIC);
    g_assert_cmpstr(plain->message, ==, "-m is 0");
    errno = EACCES;
    set_errno_error(&sys, "cannot open '%s'", "x");
    g_assert_error(sys, RHEA_ERROR, RHEA_ERROR_ERRNO);
    g_assert_cmpstr(sys->message, ==, "cannot open 'x': Permission denied");
    set_error(NULL, "nobody listens");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/items", items_are_named_and_unknown_ones_get_a_hint);
    g_test_add_func("/log/whole-lines", lines_of_several_threads_stay_whole);
    g_test_add_func("/log/file-error", unwritable_log_file_is_an_error);
    g_test_add_func("/log/messages", messages_name_the_program);
    g_test_add_func("/error/text", errors_carry_text_and_errno);
    g_test_add_func("/log/filter", code_is_filtered_by_address);
    return g_test_run();
}
