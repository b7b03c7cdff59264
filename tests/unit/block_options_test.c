/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/block_options_test.c: dotted keys, their JSON, and the rows they are checked by. */
#include <string.h>
#include "block/options.h"

static void dotted_and_json_are_the_same_list(void)
{
    g_autoptr(block_options) dotted = block_options_new();
    g_autoptr(block_options) json = block_options_new();
    g_autoptr(block_options) file = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    block_options_parse(dotted, "qcow2,file.driver=file,file.filename=a,,b,server.0.port=7",
                        "driver");
    g_assert_true(block_options_parse_any(
        json,
        "json:{\"driver\": \"qcow2\", \"file\": {\"driver\": \"file\", \"filename\": \"a,b\"},"
        " \"server\": [{\"port\": 7}], \"read-only\": true, \"backing\": null}",
        NULL, &error));
    g_assert_no_error(error);
    for (unsigned i = 0; i < block_options_count(dotted); i++) {
        const char *key = block_options_key(dotted, i);

        g_assert_cmpstr(block_options_get(json, key), ==, block_options_value(dotted, i));
    }
    g_assert_cmpstr(block_options_get(json, "read-only"), ==, "on");
    g_assert_cmpstr(block_options_get(json, "backing"), ==, "");
    file = block_options_child(json, "file");
    g_assert_cmpuint(block_options_count(file), ==, 2);
    g_assert_cmpstr(block_options_get(file, "filename"), ==, "a,b");
    text = block_options_to_json(file);
    g_assert_cmpstr(text, ==, "{\"driver\": \"file\", \"filename\": \"a,b\"}");
}

static void bad_json_is_refused(void)
{
    static const char *const bad[] = { "{", "{\"a\": }", "json:[1]", "json:3", "{\"a\": 1} x" };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(block_options) o = block_options_new();
        g_autoptr(GError) error = NULL;

        g_assert_false(block_options_parse_any(o, bad[i], NULL, &error));
        g_assert_nonnull(error);
    }
}

static const struct block_option_row rows[] = {
    { "bits", BLOCK_OPTION_UINT, "16", NULL, 1, 64 },
    { "lazy", BLOCK_OPTION_BOOL, "off" },
    { "mode", BLOCK_OPTION_CHOICE, "off", .choices = "off|metadata|full" },
    { "server", BLOCK_OPTION_TREE },
    { "size", BLOCK_OPTION_SIZE, NULL, NULL, 0, 1u << 30 },
    { 0 },
};

static void rows_bound_what_is_given(void)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        { "bits=65", "x: bits is '65', must be 1 to 64" },
        { "bits=a", "x: Parameter 'bits' expects a number, not 'a'" },
        { "size=2G", "x: size is '2G', must be 0 to 1073741824" },
        { "lazy=maybe", "x: Parameter 'lazy' expects 'on' or 'off', not 'maybe'" },
        { "mode=some", "x: mode is 'some', must be one of: off, metadata, full" },
        { "bit=3", "x does not support the option 'bit'; closest: bits" },
        { "bits=64,size=1M,lazy=on,mode=full,server.host=h", NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(block_options) o = block_options_new();
        g_autoptr(GError) error = NULL;

        block_options_parse(o, cases[i].text, NULL);
        g_assert_cmpint(block_options_check(o, rows, NULL, "x", &error), ==, !cases[i].said);
        g_assert_cmpstr(error ? error->message : NULL, ==, cases[i].said);
    }
}

static void getters_know_what_rows_say(void)
{
    g_autoptr(block_options) o = block_options_new();

    g_assert_cmpuint(block_option_uint(o, rows, "bits"), ==, 16);
    g_assert_false(block_option_bool(o, rows, "lazy"));
    block_options_parse(o, "bits=8,lazy=on,mode=full,size=64k", NULL);
    g_assert_cmpuint(block_option_uint(o, rows, "bits"), ==, 8);
    g_assert_true(block_option_bool(o, rows, "lazy"));
    g_assert_cmpuint(block_option_choice(o, rows, "mode"), ==, 2);
    g_assert_cmpuint(block_option_uint(o, rows, "size"), ==, 65536);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/block-options/same-list", dotted_and_json_are_the_same_list);
    g_test_add_func("/block-options/bad-json", bad_json_is_refused);
    g_test_add_func("/block-options/bounds", rows_bound_what_is_given);
    g_test_add_func("/block-options/getters", getters_know_what_rows_say);
    return g_test_run();
}
