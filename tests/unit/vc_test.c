/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/vc_test.c: text consoles: what bytes do to their screen, what typing sends; and the keys
 * of characters.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "softmmu/machine.h"
#include "ui/keymap.h"
#include "ui/vc.h"

struct rig {
    struct machine *m;
    struct chardev *c;
    struct vc *vc;
    struct text_screen t;
    GString *got;
    size_t room;
};

static size_t can_receive(void *opaque)
{
    return ((struct rig *)opaque)->room;
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct rig *r = opaque;

    g_assert_cmpuint(n, <=, r->room);
    r->room -= n;
    g_string_append_len(r->got, (const char *)buf, (gssize)n);
}

static void set_up(struct rig *r, gconstpointer data)
{
    struct chardev_front front = { can_receive, receive, NULL, r };
    GError *error = NULL;

    (void)data;
    r->m = machine_new();
    machine_lock(r->m);
    r->m->config.has_viewer = true;
    r->c = chardev_new(r->m, "serial0", "vc:20Cx5C", &error);
    g_assert_no_error(error);
    r->got = g_string_new(NULL);
    r->room = 100000;
    chardev_attach(r->c, &front, NULL);
    r->vc = vc_at(r->m, 0);
    g_assert_nonnull(r->vc);
}

static void tear_down(struct rig *r, gconstpointer data)
{
    (void)data;
    text_screen_clear(&r->t);
    machine_free(r->m);
    g_string_free(r->got, TRUE);
}

static const char *screen_text(struct rig *r)
{
    static char text[4096];
    g_autoptr(GString) out = g_string_new(NULL);

    vc_show(r->vc, &r->t);
    text_screen_print(&r->t, out);
    g_strlcpy(text, out->str, sizeof(text));
    return text;
}

static void bytes_make_a_screen(struct rig *r, gconstpointer data)
{
    static const struct {
        const char *bytes, *shows;
    } rows[] = {
        { "one\r\ntwo", "one\ntwo\n\n\n\n" },
        { "one\ntwo", "one\n   two\n\n\n\n" },
        { "abc\b\bX\rY", "YXc\n\n\n\n\n" },
        { "a\tb", "a       b\n\n\n\n\n" },
        { "12345678901234567890", "12345678901234567890\n\n\n\n\n" },
        { "12345678901234567890x", "12345678901234567890\nx\n\n\n\n" },
        { "1\r\n2\r\n3\r\n4\r\n5\r\n6", "2\n3\n4\n5\n6\n" },
        { "abcdef\033[3D\033[K", "abc\n\n\n\n\n" },
        { "abcdef\033[4D\033[1K", "   def\n\n\n\n\n" },
        { "abc\r\ndef\033[2Jx", "\n   x\n\n\n\n" },
        { "abc\r\ndef\r\nghi\033[2;2H\033[J", "abc\nd\n\n\n\n" },
        { "\033[3;4Hx\033[Ay\033[2Bz\033[Gw\033[9999;9999Hq",
          "\n    y\n   x\nw    z\n                   q\n" },
        { "\033[?25lA\033[1;2;3;4;5;6;7;8;9;10;11mB\033[38qC", "ABC\n\n\n\n\n" },
        { "\xc3\xa4\xe2\x95\x94\xff\xc3x", "ä╔??\n\n\n\n\n" },
        { "\033[\r\n5Cx\0337y", "\n     xy\n\n\n\n" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        chardev_write(r->c, "\033[H\033[2J\033[m", 10);
        chardev_write(r->c, rows[i].bytes, strlen(rows[i].bytes));
        g_assert_cmpstr(screen_text(r), ==, rows[i].shows);
    }
}

static void colours_are_the_vgas(struct rig *r, gconstpointer data)
{
    static const char text[] = "a\033[1;31mb\033[44mc\033[7md\033[0me\033[97mf";
    static const uint16_t want[] = { TEXT_NORMAL,      TEXT_ATTR(12, 0), TEXT_ATTR(12, 1),
                                     TEXT_ATTR(1, 12), TEXT_NORMAL,      TEXT_ATTR(15, 0) };

    (void)data;
    chardev_write(r->c, text, strlen(text));
    vc_show(r->vc, &r->t);
    for (unsigned i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpuint(text_row(&r->t, 0)[i].attr, ==, want[i]);
    }
    g_assert_cmpint(r->t.cursor_x, ==, 6);
    g_assert_cmpint(r->t.cursor_y, ==, 0);
}

static void what_scrolled_away_comes_back(struct rig *r, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 3 * VC_HISTORY; i++) {
        g_autofree char *line = g_strdup_printf("\r\n%u", i);

        chardev_write(r->c, line, strlen(line));
    }
    vc_scroll(r->vc, 2);
    g_assert_cmpstr(screen_text(r), ==, "2993\n2994\n2995\n2996\n2997\n");
    g_assert_cmpint(r->t.cursor_y, ==, -1);
    vc_scroll(r->vc, 100000);
    g_assert_cmpstr(screen_text(r), ==, "1995\n1996\n1997\n1998\n1999\n");
    vc_scroll(r->vc, -1);
    g_assert_cmpstr(screen_text(r), ==, "1996\n1997\n1998\n1999\n2000\n");
    chardev_write(r->c, "!", 1);
    g_assert_cmpstr(screen_text(r), ==, "2995\n2996\n2997\n2998\n2999!\n");
}

static void typing_waits_for_the_front(struct rig *r, gconstpointer data)
{
    (void)data;
    r->room = 3;
    vc_type(r->vc, "abcdef", 6);
    g_assert_cmpstr(r->got->str, ==, "abc");
    r->room = 100000;
    chardev_accept_input(r->c);
    g_assert_cmpstr(r->got->str, ==, "abcdef");
    r->room = 0;
    for (unsigned i = 0; i < 5000; i++) { /* more than is kept */
        vc_type(r->vc, "x", 1);
    }
    r->room = 100000;
    chardev_accept_input(r->c);
    g_assert_cmpuint(r->got->len, ==, 6 + 4096);
}

static void monitors_come_first(struct rig *r, gconstpointer data)
{
    (void)data;
    g_assert_nonnull(chardev_new(r->m, "compat_monitor0", "vc", NULL));
    g_assert_cmpstr(vc_label(vc_at(r->m, 0)), ==, "compat_monitor0");
    g_assert_true(vc_at(r->m, 1) == r->vc);
    g_assert_null(vc_at(r->m, 2));
}

static void sizes_are_bounded(struct rig *r, gconstpointer data)
{
    static const char *const bad[] = { "vc:80",         "vc:80Cx",  "vc:0Cx0C", "vc:80Cx24",
                                       "vc:99999Cx24C", "vc:-1x-1", "vc:x" };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(chardev_new(r->m, "c", bad[i], &error));
        g_assert_nonnull(strstr(error->message, "80Cx24C"));
    }
    g_assert_nonnull(chardev_new(r->m, "c", "vc:640x384", NULL));
    vc_show(vc_at(r->m, 1), &r->t);
    g_assert_cmpuint(r->t.columns, ==, 80);
    g_assert_cmpuint(r->t.rows, ==, 24);
}

static void any_bytes_are_survived(struct rig *r, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(80);

    (void)data;
    for (unsigned i = 0; i < 200000; i++) {
        static const char likely[] = "\033[;0123456789ABCDGdHfJKm\n\r\b\t\xe2\x95\x94";
        char byte = g_rand_int(rand) & 1 ? likely[g_rand_int_range(rand, 0, sizeof(likely) - 1)]
                                         : (char)g_rand_int(rand);

        chardev_write(r->c, &byte, 1);
        if (i % 1000 == 0) {
            vc_scroll(r->vc, g_rand_int_range(rand, -2000, 2000));
            vc_show(r->vc, &r->t);
        }
    }
}

static void characters_have_keys(struct rig *r, gconstpointer data)
{
    static const struct {
        uint32_t ch;
        struct key_chord chord;
    } rows[] = {
        { 'a', { 0x1e, false, false, false } }, { 'Z', { 0x2c, true, false, false } },
        { '0', { 0x0b, false, false, false } }, { '_', { 0x0c, true, false, false } },
        { '"', { 0x28, true, false, false } },  { '|', { 0x2b, true, false, false } },
        { ' ', { 0x39, false, false, false } }, { '\r', { 0x1c, false, false, false } },
        { 3, { 0x2e, false, true, false } },    { 0, { 0x03, true, true, false } },
        { 0x1c, { 0x2b, false, true, false } },
    };
    struct key_chord k;

    (void)r;
    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(keymap_of_char(rows[i].ch, &k));
        g_assert_cmpuint(k.key, ==, rows[i].chord.key);
        g_assert_cmpint(k.shift, ==, rows[i].chord.shift);
        g_assert_cmpint(k.ctrl, ==, rows[i].chord.ctrl);
    }
    for (uint32_t ch = 0; ch < 0x7f; ch++) {
        g_assert_true(keymap_of_char(ch, &k));
    }
    g_assert_false(keymap_of_char(0xe4, &k));
}

#define ADD(name, fn) g_test_add("/vc/" name, struct rig, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("bytes", bytes_make_a_screen);
    ADD("colours", colours_are_the_vgas);
    ADD("scroll", what_scrolled_away_comes_back);
    ADD("typing", typing_waits_for_the_front);
    ADD("order", monitors_come_first);
    ADD("sizes", sizes_are_bounded);
    ADD("fuzz", any_bytes_are_survived);
    ADD("keymap", characters_have_keys);
    return g_test_run();
}
