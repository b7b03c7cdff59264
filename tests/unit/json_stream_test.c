/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/json_stream_test.c: bytes cut into JSON values, however they arrive. */
#include <string.h>
#include "util/json_stream.h"

#define MAX_BYTES 64
#define MAX_DEPTH 4

/* "value|value|!problem|" */
static void note(void *opaque, const char *text, size_t len, const char *problem)
{
    GString *got = opaque;

    if (problem) {
        g_string_append_printf(got, "!%s|", problem);
    } else {
        g_string_append_len(got, text, (gssize)len);
        g_string_append_c(got, '|');
    }
}

/* What the text is cut into when `step` bytes come at a time. */
static char *cut(const char *text, size_t step)
{
    GString *got = g_string_new(NULL);
    struct json_stream s = { note, got, MAX_BYTES, MAX_DEPTH };
    size_t n = strlen(text);

    json_stream_init(&s);
    for (size_t at = 0; at < n; at += step) {
        json_stream_feed(&s, (const uint8_t *)text + at, MIN(step, n - at));
    }
    json_stream_clear(&s);
    return g_string_free(got, FALSE);
}

static void values_are_cut(void)
{
    static const struct {
        const char *text, *values;
    } rows[] = {
        { "{\"a\": 1}", "{\"a\": 1}|" },
        { "{}{}\n[] {", "{}|{}|[]|" },
        { "  3 4\nnull\n", "3|4|null|" },
        { "xyz{}", "xyz|{}|" },
        { "\"s\"", "\"s\"|" },
        { "1\"s\"2 ", "1|\"s\"|2|" },
        { "{\"}\": \"\\\"{[\"}", "{\"}\": \"\\\"{[\"}|" },
        { "{'a': 'b'}", "{\"a\": \"b\"}|" },
        { "{'it\\'s': '\"'}", "{\"it's\": \"\\\"\"}|" },
        { "{\"it's\": '\\\\'}", "{\"it's\": \"\\\\\"}|" },
        { "{\n\t\"a\":\r\n1}", "{  \"a\":  1}|" },
        { "[}", "[}|" },
        { "}{}", "}|{}|" },
        { "{\"a\n{}", "!invalid character|{}|" },
        { "{\x01{}", "!invalid character|{}|" },
        { "{\"abc\xff{}", "!invalid character|{}|" },
        { "[[[[]]]]", "[[[[]]]]|" },
        { "[[[[[", "!the value is nested too deeply|" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t step = 1; step < 8; step++) {
            g_autofree char *got = cut(rows[i].text, step);

            g_test_message("%s", rows[i].text);
            g_assert_cmpstr(got, ==, rows[i].values);
        }
    }
}

static void long_values_are_refused(void)
{
    g_autofree char *name = g_strnfill(MAX_BYTES + 10, 'a');
    g_autofree char *text = g_strdup_printf("{\"%s", name), *got = cut(text, 5);

    g_assert_true(g_str_has_prefix(got, "!the value is too long|"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json_stream/values", values_are_cut);
    g_test_add_func("/json_stream/bound", long_values_are_refused);
    return g_test_run();
}
