/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/text_test.c: numbers, sizes, options and names as people type them. */
#include "util/text.h"

static void sizes_take_suffixes_and_fractions(void)
{
    static const struct {
        const char *text;
        uint64_t unit, bytes;
    } good[] = {
        /* clang-format off */
        { "64",      1 << 20, 64ull << 20 },
        { "64",      1,       64 },
        { "512M",    1 << 20, 512ull << 20 },
        { "512m",    1,       512ull << 20 },
        { "1.5G",    1 << 20, 3ull << 29 },
        { "0.25k",   1,       256 },
        { "0x1000",  1,       0x1000 },
        { "0x10k",   1,       0x4000 },
        { "7b",      1 << 20, 7 },
        { "2T",      1,       2ull << 40 },
        { "3p",      1,       3ull << 50 },
        { "15E",     1,       15ull << 60 },
        { "0",       1 << 20, 0 },
        /* clang-format on */
    };
    static const char *const bad[] = {
        "",     " 1",  "-1", "+1", "1 M",    "M",   "1MB",
        "1.5",  "1.",  ".5", "0x", "0x1.5k", "16E", "99999999999999999999",
        "1,5G", "nan",
    };
    uint64_t v;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_test_message("%s", good[i].text);
        g_assert_true(parse_size(good[i].text, good[i].unit, &v));
        g_assert_cmpuint(v, ==, good[i].bytes);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_test_message("%s", bad[i]);
        g_assert_false(parse_size(bad[i], 1, &v));
    }
}

static void numbers_must_be_whole_and_in_range(void)
{
    uint64_t v;

    g_assert_true(parse_uint("42", 0, 100, &v) && v == 42);
    g_assert_true(parse_uint("0x2a", 0, 100, &v) && v == 42);
    g_assert_true(parse_uint("052", 0, 100, &v) && v == 42);
    g_assert_true(parse_uint("18446744073709551615", 0, UINT64_MAX, &v) && v == UINT64_MAX);
    g_assert_false(parse_uint("18446744073709551616", 0, UINT64_MAX, &v));
    g_assert_false(parse_uint("101", 0, 100, &v));
    g_assert_false(parse_uint("0", 1, 100, &v));
    g_assert_false(parse_uint("42x", 0, 100, &v));
    g_assert_false(parse_uint("-1", 0, UINT64_MAX, &v));
    g_assert_false(parse_uint("", 0, 100, &v));
}

static void bools_are_words(void)
{
    bool v = false;

    g_assert_true(parse_bool("on", &v) && v);
    g_assert_true(parse_bool("no", &v) && !v);
    g_assert_true(parse_bool("true", &v) && v);
    g_assert_false(parse_bool("1", &v));
    g_assert_false(parse_bool("On", &v));
}

static const char *name_at(void *opaque, unsigned i)
{
    return ((const char **)opaque)[i];
}

static void closest_names_come_best_first(void)
{
    const char *names[] = {
        "e1000", "rtl8139", "virtio-net-pci", "virtio-blk-pci", "virtio-rng-pci", "isa-serial", NULL
    };
    g_autofree char *a = closest_names("virtio-blk-pc", name_at, names);
    g_autofree char *b = closest_names("E100", name_at, names);
    g_autofree char *c = closest_names("completely-else", name_at, names);
    g_autofree char *d = closest_names("isa", name_at, names);
    g_autofree char *e = closest_names("", name_at, names);
    const char *short_names[] = { "o", "log", "x", NULL };
    g_autofree char *f = closest_names("foo", name_at, short_names);
    g_autofree char *g = closest_names("lo", name_at, short_names);

    g_assert_true(g_str_has_prefix(a, "virtio-blk-pci"));
    g_assert_cmpstr(b, ==, "e1000");
    g_assert_null(c);
    g_assert_cmpstr(d, ==, "isa-serial");
    g_assert_null(e);
    g_assert_null(f); /* two of three letters differ: no typing mistake */
    g_assert_cmpstr(g, ==, "o, log");
}

static void check_options(const char *text, const char *implied, const char *expected)
{
    g_autoptr(GPtrArray) opts = parse_options(text, implied);
    g_autoptr(GString) out = g_string_new(NULL);

    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        g_string_append_printf(out, "[%s|%s]", p->key, p->value);
    }
    g_assert_cmpstr(out->str, ==, expected);
}

static void options_follow_qemus_syntax(void)
{
    check_options("e1000,id=n,mac=1", "driver", "[driver|e1000][id|n][mac|1]");
    check_options("a=b,first", "driver", "[a|b][first|on]");
    check_options("path=a,,b,,,flag", NULL, "[path|a,b,][flag|on]");
    check_options("first", NULL, "[first|on]");
    check_options("x,,y", "driver", "[driver|x,y]");
    check_options("pc,nohpet", "type", "[type|pc][nohpet|on]");
    check_options("k=a=b", NULL, "[k|a=b]");
    check_options("k=", NULL, "[k|]");
    check_options("", "driver", "");
    check_options("a,", "driver", "[driver|a]");
}

static void last_value_of_a_key_counts(void)
{
    g_autoptr(GPtrArray) opts = parse_options("a=1,b=2,a=3", NULL);

    g_assert_cmpstr(options_get(opts, "a"), ==, "3");
    g_assert_cmpstr(options_get(opts, "b"), ==, "2");
    g_assert_null(options_get(opts, "c"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text/size", sizes_take_suffixes_and_fractions);
    g_test_add_func("/text/uint", numbers_must_be_whole_and_in_range);
    g_test_add_func("/text/bool", bools_are_words);
    g_test_add_func("/text/closest", closest_names_come_best_first);
    g_test_add_func("/text/options", options_follow_qemus_syntax);
    g_test_add_func("/text/options-get", last_value_of_a_key_counts);
    return g_test_run();
}
