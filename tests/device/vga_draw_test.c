/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/vga_draw_test.c: what the VGA's modes look like.  Thread: the test's. */
#include <glib/gstdio.h>
#include <zlib.h>
#include "tests/device/vga_rig.h"

#define CELL(code, attr) ((attr) << 8 | (code))

/* Character `code` of the font at `base` in plane 2: `top` in row 0, `rest` in the others. */
static void set_glyph(struct vga *v, unsigned base, unsigned code, uint8_t top, uint8_t rest)
{
    for (unsigned row = 0; row < 16; row++) {
        *plane_byte(v, 2, base + code * 32 + row) = row ? rest : top;
    }
}

static void put(struct rig *r, unsigned column, unsigned row, unsigned cell)
{
    rig_store(r, TEXT + (row * 80 + column) * 2, cell, 2);
}

static struct rig *text_rig(struct vga **v)
{
    struct rig *r = vga_rig(&mode_03, v);

    cr(r, CR_CURSOR_START, 0x20); /* off */
    return r;
}

static unsigned width_of(struct rig *r, unsigned *height)
{
    struct surface s = shoot(r);
    unsigned width = s.width;

    *height = s.height;
    surface_clear(&s);
    return width;
}

/* Text -------------------------------------------------------------------------------------- */

static void text_is_drawn_with_the_font_in_plane_2(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);
    unsigned height;

    g_assert_cmpuint(width_of(r, &height), ==, 720);
    g_assert_cmpuint(height, ==, 400);
    set_glyph(v, 0, 'A', 0x80, 0x01);
    put(r, 2, 1, CELL('A', 0x14));
    g_assert_cmphex(pixel(r, 18, 16), ==, colour(4));
    g_assert_cmphex(pixel(r, 19, 16), ==, colour(1));
    g_assert_cmphex(pixel(r, 18, 17), ==, colour(1));
    g_assert_cmphex(pixel(r, 25, 31), ==, colour(4));
    g_assert_cmphex(pixel(r, 26, 31), ==, colour(1)); /* the ninth dot */
    g_assert_cmphex(pixel(r, 18, 32), ==, colour(0));
}

static void ninth_dot_continues_line_drawing_characters_only(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);

    set_glyph(v, 0, 0xc4, 0xff, 0);
    set_glyph(v, 0, 'A', 0xff, 0);
    put(r, 0, 0, CELL(0xc4, 7));
    put(r, 1, 0, CELL('A', 7));
    ar(r, AR_MODE, AR10_LINE_GRAPHICS);
    g_assert_cmphex(pixel(r, 8, 0), ==, colour(7));
    g_assert_cmphex(pixel(r, 17, 0), ==, colour(0));
    ar(r, AR_MODE, 0);
    g_assert_cmphex(pixel(r, 8, 0), ==, colour(0));
}

static void characters_are_8_dots_wide_when_asked(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);
    unsigned height;

    sr(r, SR_CLOCKING, SR1_8DOTS);
    g_assert_cmpuint(width_of(r, &height), ==, 640);
    set_glyph(v, 0, 'A', 0x80, 0x80);
    put(r, 1, 0, CELL('A', 7));
    g_assert_cmphex(pixel(r, 8, 0), ==, colour(7));
    sr(r, SR_CLOCKING, SR1_8DOTS | SR1_HALF_CLOCK);
    g_assert_cmpuint(width_of(r, &height), ==, 1280);
    g_assert_cmphex(pixel(r, 17, 0), ==, colour(7));
}

static void attribute_bit_3_selects_the_other_font(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);

    sr(r, SR_FONT, 0x24 | 0x11); /* A: 101 is 24 KiB, B: 101 too */
    set_glyph(v, 0x6000, 'x', 0xff, 0xff);
    put(r, 0, 0, CELL('x', 0x07));
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(7));
    sr(r, SR_FONT, 0x04 | 0x10); /* A: 16 KiB, B: 8 KiB */
    set_glyph(v, 0x2000, 'x', 0, 0);
    set_glyph(v, 0x4000, 'x', 0xff, 0xff);
    put(r, 1, 0, CELL('x', 0x0f));
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(0));
    g_assert_cmphex(pixel(r, 9, 0), ==, colour(15));
}

/* 32 frames of 70 Hz are a period of blinking. */
static void blinking_characters_vanish_and_return(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);
    unsigned lit = 0, dark = 0;

    set_glyph(v, 0, 'A', 0xff, 0xff);
    put(r, 0, 0, CELL('A', 0x97));
    for (unsigned i = 0; i < 64; i++) {
        uint32_t p = pixel(r, 0, 0);

        lit += p == colour(7);
        dark += p == colour(1);
        rig_step(r, NS_PER_SEC / 70);
    }
    g_assert_cmpuint(lit + dark, ==, 64);
    g_assert_cmpuint(lit, >=, 28);
    g_assert_cmpuint(dark, >=, 28);
    ar(r, AR_MODE, 0); /* the bit is the background's intensity instead */
    put(r, 0, 0, CELL(0, 0x97));
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(9));
}

static void underline_is_drawn_for_attribute_1(void)
{
    g_autoptr(rig) r = text_rig(NULL);

    cr(r, CR_UNDERLINE, 12);
    put(r, 0, 0, CELL(' ', 0x01));
    put(r, 1, 0, CELL(' ', 0x02));
    g_assert_cmphex(pixel(r, 8, 12), ==, colour(1));
    g_assert_cmphex(pixel(r, 0, 11), ==, colour(0));
    g_assert_cmphex(pixel(r, 9, 12), ==, colour(0));
}

static void cursor_is_a_blinking_block_between_its_rows(void)
{
    g_autoptr(rig) r = text_rig(NULL);

    cr(r, CR_CURSOR_START, 13);
    cr(r, CR_CURSOR_END, 14);
    cr(r, CR_CURSOR_LOW, 81);
    put(r, 1, 1, CELL(' ', 0x07));
    g_assert_cmphex(pixel(r, 9, 16 + 12), ==, colour(0));
    g_assert_cmphex(pixel(r, 9, 16 + 13), ==, colour(7));
    g_assert_cmphex(pixel(r, 17, 16 + 14), ==, colour(7));
    g_assert_cmphex(pixel(r, 9, 16 + 15), ==, colour(0));
    g_assert_cmphex(pixel(r, 8, 16 + 13), ==, colour(0));
    rig_step(r, 9 * NS_PER_SEC / 70);
    g_assert_cmphex(pixel(r, 9, 16 + 13), ==, colour(0));
    rig_step(r, 8 * NS_PER_SEC / 70);
    g_assert_cmphex(pixel(r, 9, 16 + 13), ==, colour(7));
    cr(r, CR_CURSOR_START, 0x20 | 13);
    g_assert_cmphex(pixel(r, 9, 16 + 13), ==, colour(0));
}

static void text_panning_shifts_by_dots(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);

    set_glyph(v, 0, 'A', 0x80, 0x80);
    put(r, 1, 0, CELL('A', 7));
    g_assert_cmphex(pixel(r, 9, 0), ==, colour(7)); /* 8: none */
    ar(r, AR_PANNING, 0);                           /* one dot to the left */
    g_assert_cmphex(pixel(r, 8, 0), ==, colour(7));
    ar(r, AR_PANNING, 3);
    g_assert_cmphex(pixel(r, 5, 0), ==, colour(7));
    cr(r, CR_PRESET_ROW, 0x20); /* and a character */
    g_assert_cmphex(pixel(r, 5, 0), ==, colour(0));
}

static void start_address_and_preset_row_scroll(void)
{
    struct vga *v;
    g_autoptr(rig) r = text_rig(&v);

    set_glyph(v, 0, 'A', 0xff, 0);
    put(r, 0, 1, CELL('A', 7));
    g_assert_cmphex(pixel(r, 0, 16), ==, colour(7));
    cr(r, CR_START_LOW, 80);
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(7));
    cr(r, CR_START_LOW, 0);
    cr(r, CR_PRESET_ROW, 4);
    g_assert_cmphex(pixel(r, 0, 12), ==, colour(7));
}

static void text_is_extracted_line_by_line(void)
{
    static const char hello[] = "Hello, world";
    g_autoptr(rig) r = text_rig(NULL);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) lines = NULL;

    for (unsigned i = 0; hello[i]; i++) {
        put(r, i, 3, CELL((uint8_t)hello[i], 7));
    }
    put(r, 79, 24, CELL(0xda, 7));
    g_assert_true(console_text(r->m->displays, text, &error));
    lines = g_strsplit(text->str, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 26); /* the last one is empty */
    g_assert_cmpstr(lines[0], ==, "");
    g_assert_cmpstr(lines[3], ==, hello);
    g_assert_true(g_str_has_suffix(lines[24], " ┌"));

    set_mode(r, &mode_13);
    g_assert_false(console_text(r->m->displays, text, &error));
    g_assert_nonnull(strstr(error->message, "graphics mode"));
}

static void cells_have_colours_and_a_cursor(void)
{
    g_autoptr(rig) r = text_rig(NULL);
    struct text_screen t = { 0 };

    put(r, 5, 2, CELL(0xc9, 0x1e));
    put(r, 6, 2, CELL(0x00, 0x9f));
    cr(r, CR_CURSOR_HIGH, 0);
    cr(r, CR_CURSOR_LOW, 2 * 80 + 7);
    cr(r, CR_CURSOR_START, 0x0d);
    ar(r, AR_MODE, 0x0c); /* blinking */
    g_assert_true(console_cells(r->m->displays, &t, NULL));
    g_assert_cmpuint(t.columns, ==, 80);
    g_assert_cmpuint(t.rows, ==, 25);
    g_assert_cmphex(text_row(&t, 2)[5].ch, ==, 0x2554);
    g_assert_cmphex(text_row(&t, 2)[5].attr, ==, TEXT_ATTR(14, 1));
    g_assert_cmphex(text_row(&t, 2)[6].ch, ==, ' ');
    g_assert_cmphex(text_row(&t, 2)[6].attr, ==, TEXT_ATTR(15, 1) | TEXT_BLINK);
    g_assert_cmpint(t.cursor_x, ==, 7);
    g_assert_cmpint(t.cursor_y, ==, 2);
    ar(r, AR_MODE, 0x04); /* sixteen backgrounds */
    cr(r, CR_CURSOR_START, 0x20);
    g_assert_true(console_cells(r->m->displays, &t, NULL));
    g_assert_cmphex(text_row(&t, 2)[6].attr, ==, TEXT_ATTR(15, 9));
    g_assert_cmpint(t.cursor_y, ==, -1);

    set_mode(r, &mode_12);
    g_assert_false(console_cells(r->m->displays, &t, NULL));
    g_assert_cmpuint(t.rows, ==, 0);
    g_assert_cmpuint(t.width, ==, 640);
    g_assert_cmpuint(t.height, ==, 480);
    text_screen_clear(&t);
}

/* Graphics ---------------------------------------------------------------------------------- */

static void sixteen_colours_take_a_bit_of_each_plane(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);
    unsigned height;

    g_assert_cmpuint(width_of(r, &height), ==, 640);
    g_assert_cmpuint(height, ==, 480);
    *plane_byte(v, 0, 81) = 0x40;
    *plane_byte(v, 3, 81) = 0x40;
    g_assert_cmphex(pixel(r, 9, 1), ==, colour(9));
    g_assert_cmphex(pixel(r, 8, 1), ==, colour(0));
    ar(r, AR_PLANES, 0x7);
    g_assert_cmphex(pixel(r, 9, 1), ==, colour(1));
}

static void attribute_palette_and_colour_select_lead_to_the_dac(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    *plane_byte(v, 0, 0) = 0x80;
    ar(r, 1, 0x35);
    set_dac(r, 0x35, RED);
    set_dac(r, 0xb5, GREEN);
    set_dac(r, 0xa5, BLUE);
    g_assert_cmphex(pixel(r, 0, 0), ==, RED);
    ar(r, AR_COLOUR, 0x0a); /* bits 7 and 6 */
    g_assert_cmphex(pixel(r, 0, 0), ==, GREEN);
    ar(r, AR_MODE, 0x01 | AR10_P54S); /* and 5 and 4 */
    g_assert_cmphex(pixel(r, 0, 0), ==, BLUE);
    rig_outb(r, 0x3c6, 0x35 & 0x0f); /* the pixel mask: entry 5 */
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(5));
}

static void cga_modes_interleave_their_rows(void)
{
    g_autoptr(rig) r = vga_rig(&mode_04, NULL);
    unsigned height;

    g_assert_cmpuint(width_of(r, &height), ==, 640);
    g_assert_cmpuint(height, ==, 400);
    rig_store(r, TEXT + 0, 0x1b, 1);           /* pixels 0 1 2 3 */
    rig_store(r, TEXT + 1, 0xe4, 1);           /* 3 2 1 0 */
    rig_store(r, TEXT + 0x2000 + 80, 0xc0, 1); /* row 3 */
    for (unsigned x = 0; x < 4; x++) {
        g_assert_cmphex(pixel(r, x * 2 + 1, 1), ==, colour(x));
        g_assert_cmphex(pixel(r, 8 + x * 2, 0), ==, colour(3 - x));
    }
    g_assert_cmphex(pixel(r, 0, 6), ==, colour(3));
    g_assert_cmphex(pixel(r, 0, 7), ==, colour(3));
    g_assert_cmphex(pixel(r, 0, 8), ==, colour(0));

    set_mode(r, &mode_06);
    rig_store(r, TEXT + 0x2000 + 1, 0x01, 1);
    g_assert_cmphex(pixel(r, 15, 2), ==, colour(1));
    g_assert_cmphex(pixel(r, 14, 2), ==, colour(0));
}

static void mode_13h_shows_a_byte_a_pixel(void)
{
    g_autoptr(rig) r = vga_rig(&mode_13, NULL);
    unsigned height;

    g_assert_cmpuint(width_of(r, &height), ==, 640);
    g_assert_cmpuint(height, ==, 400);
    set_dac(r, 200, RED);
    rig_store(r, WINDOW + 320 * 7 + 5, 200, 1);
    g_assert_cmphex(pixel(r, 10, 14), ==, RED);
    g_assert_cmphex(pixel(r, 11, 15), ==, RED);
    g_assert_cmphex(pixel(r, 12, 15), ==, colour(0));
    ar(r, AR_PANNING, 4); /* two pixels */
    g_assert_cmphex(pixel(r, 6, 14), ==, RED);
}

static void mode_x_selects_pixels_by_plane(void)
{
    g_autoptr(rig) r = vga_rig(&mode_13, NULL);

    sr(r, SR_MEMORY, 0x06); /* not chained */
    cr(r, CR_UNDERLINE, 0);
    cr(r, CR_MODE, 0xe3);
    set_dac(r, 100, GREEN);
    sr(r, SR_MAP_MASK, 1u << 2);
    rig_store(r, WINDOW + 80 * 3 + 1, 100, 1);
    g_assert_cmphex(pixel(r, 6 * 2, 6), ==, GREEN);
    cr(r, CR_START_LOW, 80);
    g_assert_cmphex(pixel(r, 6 * 2, 4), ==, GREEN);
}

static void line_compare_splits_the_screen(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    *plane_byte(v, 1, 0) = 0x08;    /* pixel 4 of the split part's first row */
    *plane_byte(v, 2, 8000) = 0x08; /* and of the upper part's */
    cr(r, CR_START_HIGH, 8000 >> 8);
    cr(r, CR_START_LOW, 8000 & 0xff);
    cr(r, CR_V_SYNC_END, 0x0c); /* unprotect */
    cr(r, CR_MAX_SCAN, 0x00);
    cr(r, CR_LINE_COMPARE, 300 & 0xff);
    g_assert_cmphex(pixel(r, 4, 0), ==, colour(4));
    g_assert_cmphex(pixel(r, 4, 301), ==, colour(2));
    g_assert_cmphex(pixel(r, 4, 300), ==, colour(0));
    ar(r, AR_PANNING, 3);
    g_assert_cmphex(pixel(r, 1, 0), ==, colour(4));
    g_assert_cmphex(pixel(r, 1, 301), ==, colour(2));
    ar(r, AR_MODE, 0x01 | AR10_PAN_TOP);
    g_assert_cmphex(pixel(r, 1, 0), ==, colour(4));
    g_assert_cmphex(pixel(r, 4, 301), ==, colour(2));
}

static void screen_off_is_black_and_no_palette_is_overscan(void)
{
    struct vga *v;
    g_autoptr(rig) r = vga_rig(&mode_12, &v);

    *plane_byte(v, 0, 0) = 0x80;
    sr(r, SR_CLOCKING, SR1_8DOTS | SR1_SCREEN_OFF);
    g_assert_cmphex(pixel(r, 0, 0), ==, 0);
    sr(r, SR_CLOCKING, SR1_8DOTS);
    ar(r, AR_OVERSCAN, 2);
    rig_outb(r, 0x3c0, 0);
    g_assert_cmphex(pixel(r, 0, 0), ==, colour(2));
}

static void updates_tell_which_rows_changed(void)
{
    g_autoptr(rig) r = vga_rig(&mode_13, NULL);
    struct surface s = { 0 };

    console_update(r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_end, ==, 400);
    console_update(r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_end, ==, 0);
    rig_store(r, WINDOW + 320 * 10, 1, 1);
    console_update(r->m->displays, &s, false);
    g_assert_cmpuint(s.dirty_first, ==, 20);
    g_assert_cmpuint(s.dirty_end, ==, 22);
    surface_clear(&s);
}

/* Files ------------------------------------------------------------------------------------- */

static void ppm_holds_the_pixels(void)
{
    uint32_t pixels[2] = { 0x010203, 0xfffefd };
    struct surface s = { .width = 2, .height = 1, .pixels = pixels };
    g_autoptr(GByteArray) file = surface_to_ppm(&s);
    static const char expected[] = "P6\n2 1\n255\n\1\2\3\xff\xfe\xfd";

    g_assert_cmpmem(file->data, file->len, expected, sizeof(expected) - 1);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void png_has_chunks_with_right_sums(void)
{
    uint32_t pixels[2] = { 0x010203, 0xfffefd };
    struct surface s = { .width = 1, .height = 2, .pixels = pixels };
    g_autoptr(GByteArray) file = surface_to_png(&s);
    static const uint8_t expected[] = { 0, 1, 2, 3, 0, 0xff, 0xfe, 0xfd };
    uint8_t rows[8];
    uLongf len = sizeof(rows);
    unsigned at = 8, chunks = 0;

    g_assert_cmphex(be32(file->data), ==, 0x89504e47);
    while (at < file->len) {
        uint32_t n = be32(file->data + at);

        g_assert_cmphex(be32(file->data + at + 8 + n), ==,
                        crc32(0, file->data + at + 4, (uInt)n + 4));
        if (memcmp(file->data + at + 4, "IDAT", 4) == 0) {
            g_assert_cmpint(uncompress(rows, &len, file->data + at + 8, n), ==, Z_OK);
        }
        at += n + 12;
        chunks++;
    }
    g_assert_cmpuint(chunks, ==, 3);
    g_assert_cmpuint(at, ==, file->len);
    g_assert_cmpmem(rows, len, expected, sizeof(expected));
}

static void screendump_writes_a_file_or_says_why_not(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *folder = g_dir_make_tmp("vga-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "s.png", NULL), *data = NULL;
    g_autoptr(GError) none = NULL, format = NULL, error = NULL;
    gsize len;

    g_assert_false(screendump(r->m, NULL, 0, path, NULL, &none));
    g_assert_nonnull(strstr(none->message, "-vga std"));
    rig_device(r, "isa-vga", NULL);
    g_assert_false(screendump(r->m, NULL, 0, path, "gif", &format));
    g_assert_nonnull(strstr(format->message, "must be ppm or png"));
    g_assert_true(screendump(r->m, NULL, 0, path, NULL, &error));
    g_assert_true(g_file_get_contents(path, &data, &len, &error));
    g_assert_cmpmem(data + 1, 3, "PNG", 3);
    g_assert_true(screendump(r->m, NULL, 0, path, "ppm", &error));
    g_free(data);
    g_assert_true(g_file_get_contents(path, &data, &len, &error));
    g_assert_cmpmem(data, 3, "P6\n", 3);
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
}

/* clang-format off */
static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "text",         text_is_drawn_with_the_font_in_plane_2 },
    { "9-dot",        ninth_dot_continues_line_drawing_characters_only },
    { "8-dot",        characters_are_8_dots_wide_when_asked },
    { "two-fonts",    attribute_bit_3_selects_the_other_font },
    { "blink",        blinking_characters_vanish_and_return },
    { "underline",    underline_is_drawn_for_attribute_1 },
    { "cursor",       cursor_is_a_blinking_block_between_its_rows },
    { "text-panning", text_panning_shifts_by_dots },
    { "scrolling",    start_address_and_preset_row_scroll },
    { "text-lines",   text_is_extracted_line_by_line },
    { "text-cells",   cells_have_colours_and_a_cursor },
    { "planar",       sixteen_colours_take_a_bit_of_each_plane },
    { "palette",      attribute_palette_and_colour_select_lead_to_the_dac },
    { "cga",          cga_modes_interleave_their_rows },
    { "mode-13h",     mode_13h_shows_a_byte_a_pixel },
    { "mode-x",       mode_x_selects_pixels_by_plane },
    { "split-screen", line_compare_splits_the_screen },
    { "blank",        screen_off_is_black_and_no_palette_is_overscan },
    { "dirty-rows",   updates_tell_which_rows_changed },
    { "ppm",          ppm_holds_the_pixels },
    { "png",          png_has_chunks_with_right_sums },
    { "screendump",   screendump_writes_a_file_or_says_why_not },
};
/* clang-format on */

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/vga-draw/", tests[i].name, NULL);

        g_test_add_func(path, tests[i].run);
    }
    return g_test_run();
}
