/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/screen_test.c: what viewers are told of screens, keys of layouts, stretched pictures.
 */
#include "config.h"
#include <string.h>
#include "softmmu/machine.h"
#include "tests/unit/chardev_rig.h"
#include "ui/input.h"
#include "ui/layout.h"
#include "ui/screen.h"
#include "ui/sdl_draw.h"
#include "ui/viewer.h"

struct rig {
    struct machine *m;
    struct display_console console;
    unsigned width, height, updates, fulls;
    uint32_t pixels[200][300];
    struct viewer viewer;
    unsigned resized;
    GString *changed; /* "x,y,width,height " */
    struct input_handler keyboard;
    GString *keys;
};

static void update(void *opaque, struct surface *s, bool full)
{
    struct rig *r = opaque;

    r->updates++;
    r->fulls += full;
    surface_resize(s, r->width, r->height);
    for (unsigned y = 0; y < r->height; y++) {
        surface_put_row(s, y, r->pixels[y]);
    }
}

static struct rig *rig_of(struct screen_viewer *v)
{
    return (struct rig *)((char *)v - offsetof(struct rig, viewer.screen));
}

static void on_resized(struct screen_viewer *v)
{
    rig_of(v)->resized++;
}

static void on_changed(struct screen_viewer *v, unsigned x, unsigned y, unsigned width,
                       unsigned height)
{
    g_string_append_printf(rig_of(v)->changed, "%u,%u,%u,%u ", x, y, width, height);
}

static void ignore_resize(struct screen_viewer *v)
{
    (void)v;
}

static void ignore_change(struct screen_viewer *v, unsigned x, unsigned y, unsigned width,
                          unsigned height)
{
    (void)v;
    (void)x;
    (void)y;
    (void)width;
    (void)height;
}

static void on_key(void *opaque, uint16_t key, bool down)
{
    g_string_append_printf(((struct rig *)opaque)->keys, "%s%x ", down ? "+" : "-", key);
}

static void set_up(struct rig *r, gconstpointer data)
{
    (void)data;
    r->m = machine_new();
    machine_lock(r->m);
    r->m->config.has_viewer = true;
    r->console = (struct display_console){ .name = "test", .opaque = r, .update = update };
    r->width = 300;
    r->height = 200;
    console_register(r->m, &r->console);
    r->changed = g_string_new(NULL);
    r->keys = g_string_new(NULL);
    r->keyboard = (struct input_handler){ .name = "test", .key = on_key, .opaque = r };
    input_register(r->m, &r->keyboard);
    viewer_init(&r->viewer, r->m);
    r->viewer.screen.resized = on_resized;
    r->viewer.screen.changed = on_changed;
}

static void tear_down(struct rig *r, gconstpointer data)
{
    (void)data;
    viewer_close(&r->viewer);
    console_unregister(r->m, &r->console);
    input_unregister(r->m, &r->keyboard);
    machine_free(r->m);
    g_string_free(r->changed, TRUE);
    g_string_free(r->keys, TRUE);
}

/* Lets the timer look a few times. */
static void wait_for_looks(struct rig *r, unsigned n)
{
    unsigned before = r->updates;

    for (unsigned i = 0; i < 400 && r->updates < before + n; i++) {
        g_usleep(5000);
        settle(r->m);
    }
}

static void changes_are_told_as_tiles(struct rig *r, gconstpointer data)
{
    (void)data;
    viewer_open(&r->viewer);
    g_assert_cmpuint(r->resized, ==, 1);
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->width, ==, 300);
    wait_for_looks(r, 2);
    g_assert_cmpstr(r->changed->str, ==, "");
    r->pixels[17][63] = 1;
    r->pixels[18][64] = 2;
    r->pixels[199][299] = 3;
    wait_for_looks(r, 2);
    g_assert_cmpstr(r->changed->str, ==, "0,16,128,16 256,192,44,8 ");
    g_assert_cmpuint(surface_row((struct surface *)screen_picture(&r->viewer.screen), 18)[64], ==,
                     2);
    r->width = 100;
    wait_for_looks(r, 2);
    g_assert_cmpuint(r->resized, ==, 2);
    g_assert_cmpuint(r->fulls, ==, 1);
}

/* A card's pointer lies over the picture, moves, and leaves what was below. */
static void the_cards_pointer_is_seen(struct rig *r, gconstpointer data)
{
    struct display_cursor p = {
        .visible = true, .x = 69, .y = 20, .hot_x = 1, .width = 2, .height = 1, .serial = 1
    };
    const struct surface *s;

    (void)data;
    p.pixels[0] = 0xff00ff00;
    p.pixels[1] = 0x80400000;
    r->pixels[20][70] = 0x0000ff;
    r->console.cursor = &p;
    viewer_open(&r->viewer);
    s = screen_picture(&r->viewer.screen);
    g_assert_cmphex(s->pixels[20 * 300 + 69], ==, 0x00ff00);
    g_assert_cmphex(s->pixels[20 * 300 + 70], ==, 0x40007f);
    p.x = -5;
    wait_for_looks(r, 2);
    g_assert_cmphex(s->pixels[20 * 300 + 69], ==, 0);
    g_assert_cmphex(s->pixels[20 * 300 + 70], ==, 0x0000ff);
    p.x = 0;
    p.y = 199;
    wait_for_looks(r, 2);
    g_assert_cmphex(s->pixels[199 * 300], ==, 0x00ff00);
    r->height = 100;
    wait_for_looks(r, 2);
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->height, ==, 100);
    p.visible = false;
    wait_for_looks(r, 2);
}

/* Who shows the card's pointer gets pictures without it, while others beside see it in theirs. */
static void a_pointer_apart(struct rig *r, gconstpointer data)
{
    struct display_cursor p = { .visible = true, .x = 70, .y = 20, .width = 1, .height = 1 };
    struct viewer other;
    const struct surface *with, *without;

    (void)data;
    p.pixels[0] = 0xff00ff00;
    r->console.cursor = &p;
    viewer_init(&other, r->m);
    other.screen.changed = ignore_change;
    other.screen.resized = ignore_resize;
    viewer_open(&r->viewer);
    viewer_open(&other);
    screen_set_apart(&r->viewer.screen, true);
    g_assert_cmpstr(r->changed->str, ==, "0,0,300,200 ");
    g_string_truncate(r->changed, 0);
    without = screen_picture(&r->viewer.screen);
    with = screen_picture(&other.screen);
    g_assert_true(screen_cursor(&r->viewer.screen) == &p);
    g_assert_cmphex(without->pixels[20 * 300 + 70], ==, 0);
    g_assert_cmphex(with->pixels[20 * 300 + 70], ==, 0x00ff00);
    p.x = 130;
    wait_for_looks(r, 2);
    g_assert_cmpstr(r->changed->str, ==, "");
    g_assert_cmphex(without->pixels[20 * 300 + 130], ==, 0);
    g_assert_cmphex(with->pixels[20 * 300 + 130], ==, 0x00ff00);
    g_assert_cmphex(with->pixels[20 * 300 + 70], ==, 0);
    r->pixels[20][130] = 5; /* below it */
    r->pixels[21][130] = 6;
    wait_for_looks(r, 2);
    g_assert_cmpstr(r->changed->str, ==, "128,16,64,16 ");
    g_assert_cmphex(without->pixels[20 * 300 + 130], ==, 5);
    g_assert_cmphex(with->pixels[20 * 300 + 130], ==, 0x00ff00);
    g_assert_cmphex(with->pixels[21 * 300 + 130], ==, 6);
    viewer_close(&other);
    screen_set_apart(&r->viewer.screen, false);
    g_assert_cmphex(screen_picture(&r->viewer.screen)->pixels[20 * 300 + 130], ==, 0x00ff00);
    r->console.cursor = NULL;
    wait_for_looks(r, 2);
    g_assert_cmphex(screen_picture(&r->viewer.screen)->pixels[20 * 300 + 130], ==, 5);
}

static bool resize(void *opaque, unsigned width, unsigned height)
{
    struct rig *r = opaque;

    r->width = width;
    r->height = height;
    return width <= 300 && height <= 200;
}

static void a_viewer_wants_a_size(struct rig *r, gconstpointer data)
{
    (void)data;
    viewer_open(&r->viewer);
    g_assert_false(viewer_want_size(&r->viewer, 200, 100)); /* a fixed one */
    r->console.resize = resize;
    g_assert_true(viewer_want_size(&r->viewer, 200, 100));
    wait_for_looks(r, 2);
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->width, ==, 200);
    g_assert_false(viewer_want_size(&r->viewer, 301, 1));
    r->width = 300;
}

static void nobody_watches_nothing_is_drawn(struct rig *r, gconstpointer data)
{
    unsigned before;

    (void)data;
    viewer_open(&r->viewer);
    wait_for_looks(r, 2);
    viewer_close(&r->viewer);
    before = r->updates;
    for (unsigned i = 0; i < 50; i++) {
        g_usleep(5000);
        settle(r->m);
    }
    g_assert_cmpuint(r->updates, ==, before);
}

static void a_screen_that_goes_is_survived(struct rig *r, gconstpointer data)
{
    (void)data;
    viewer_open(&r->viewer);
    console_unregister(r->m, &r->console);
    for (unsigned i = 0; i < 30; i++) {
        g_usleep(5000);
        settle(r->m);
    }
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->width, ==, 640); /* empty */
    viewer_key(&r->viewer, 0x1e, true);
    g_assert_cmpstr(r->keys->str, ==, "");
    console_register(r->m, &r->console);
    wait_for_looks(r, 2);
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->width, ==, 300);
}

static void keys_go_where_one_looks(struct rig *r, gconstpointer data)
{
    struct chardev *c = chardev_new(r->m, "serial0", "vc:20Cx5C", NULL);

    (void)data;
    g_assert_nonnull(c);
    viewer_open(&r->viewer);
    viewer_key(&r->viewer, 0x1d, true);
    viewer_key(&r->viewer, 0x1e, true);
    viewer_key(&r->viewer, 0x30, false); /* was not pressed here */
    g_assert_true(viewer_choose(&r->viewer, 1));
    g_assert_cmpstr(r->keys->str, ==, "+1d +1e -1d -1e ");
    g_assert_false(viewer_choose(&r->viewer, 2));
    viewer_key(&r->viewer, 0x1e, true);
    g_assert_cmpstr(r->keys->str, ==, "+1d +1e -1d -1e ");
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->width, ==, 160);
    g_assert_cmpuint(screen_picture(&r->viewer.screen)->height, ==, 80);
    chardev_write(c, "x", 1);
    g_string_truncate(r->changed, 0);
    for (unsigned i = 0; i < 30; i++) {
        g_usleep(5000);
        settle(r->m);
    }
    g_assert_cmpstr(r->changed->str, ==, "0,0,64,16 ");
}

static void layouts_have_symbols(struct rig *r, gconstpointer data)
{
    static const struct {
        const char *layout;
        uint32_t ch;
        uint16_t key;
        bool shift, alt;
    } rows[] = {
        { NULL, 'z', 0x2c, false, false },    { NULL, '"', 0x28, true, false },
        { "de", 'z', 0x15, false, false },    { "de", 'Z', 0x15, true, false },
        { "de", 0xe4, 0x28, false, false },   { "de", '@', 0x10, false, true },
        { "fr", 'a', 0x10, false, false },    { "fr", '1', 0x02, true, false },
        { "en-gb", 0xa3, 0x04, true, false }, { "ru", 0x444, 0x1e, false, false },
    };
    struct key_chord chord;

    (void)r;
    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct layout *l = NULL;

        if (rows[i].layout && !CONFIG_XKBCOMMON) {
            continue;
        }
        l = rows[i].layout ? layout_new(rows[i].layout, NULL) : NULL;
        g_assert_true(layout_find(l, keysym_of_char(rows[i].ch), &chord));
        g_assert_cmpuint(chord.key, ==, rows[i].key);
        g_assert_cmpint(chord.shift, ==, rows[i].shift);
        g_assert_cmpint(chord.alt, ==, rows[i].alt);
        g_assert_cmpuint(keysym_char(keysym_of_char(rows[i].ch)), ==, rows[i].ch);
        layout_free(l);
    }
    g_assert_false(layout_find(NULL, 0xe4, &chord));
    g_assert_true(layout_find(NULL, 0xffbe, &chord));
    g_assert_cmpuint(chord.key, ==, 0x3b);
}

static void unknown_layouts_are_refused(struct rig *r, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)r;
    (void)data;
    g_assert_null(layout_new("klingon", &error));
    g_assert_nonnull(strstr(error->message, "klingon"));
}

/* Parts that are drawn alone are those of the whole. */
static void parts_of_stretched_pictures_fit(struct rig *r, gconstpointer data)
{
    static const int sizes[][2] = { { 300, 200 }, { 451, 333 }, { 150, 100 }, { 97, 1000 } };
    struct surface s = { 0 };
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);

    (void)r;
    (void)data;
    surface_resize(&s, 300, 200);
    for (unsigned i = 0; i < 300 * 200; i++) {
        s.pixels[i] = g_rand_int(rand) & 0xffffff;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        struct draw_rect place = draw_place(300, 200, sizes[i][0], sizes[i][1]);
        g_autofree uint32_t *before = g_new(uint32_t, (size_t)place.width * (size_t)place.height);
        g_autofree uint32_t *after = g_new(uint32_t, (size_t)place.width * (size_t)place.height);
        struct draw_rect part = { 100, 50, 7, 9 }, covered = draw_covered(&s, place, part);

        g_assert_cmpint(abs(place.width * 200 - place.height * 300), <=, 300);
        draw_stretch(&s, place, place, before);
        if (place.width == 300) {
            g_assert_cmpmem(before, 300 * 200 * 4, s.pixels, 300 * 200 * 4);
        }
        for (int y = 50; y < 59; y++) {
            memset(surface_row(&s, (unsigned)y) + 100, (int)i + 1, 7 * 4);
        }
        draw_stretch(&s, place, place, after);
        for (int y = 0; y < place.height; y++) {
            for (int x = 0; x < place.width; x++) {
                int at = y * place.width + x;
                bool inside = x + place.x >= covered.x && x + place.x < covered.x + covered.width &&
                              y + place.y >= covered.y && y + place.y < covered.y + covered.height;

                g_assert_true(inside || before[at] == after[at]);
            }
        }
    }
    surface_clear(&s);
}

#define ADD(name, fn) g_test_add("/screen/" name, struct rig, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("tiles", changes_are_told_as_tiles);
    ADD("pointer", the_cards_pointer_is_seen);
    ADD("pointer-apart", a_pointer_apart);
    ADD("wanted-size", a_viewer_wants_a_size);
    ADD("unwatched", nobody_watches_nothing_is_drawn);
    ADD("gone", a_screen_that_goes_is_survived);
    ADD("keys", keys_go_where_one_looks);
    ADD("layouts", layouts_have_symbols);
    ADD("unknown layout", unknown_layouts_are_refused);
    ADD("stretched", parts_of_stretched_pictures_fit);
    return g_test_run();
}
