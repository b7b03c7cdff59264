/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/vc_draw.c: a text console as a picture.  Thread: under the machine lock. */
#include "ui/font.h"
#include "ui/screen.h"
#include "ui/vc.h"

/* The VGA's sixteen colours. */
static const uint32_t colours[16] = {
    0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
    0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
};

static void draw_row(const struct text_screen *t, unsigned y, unsigned line, uint32_t *out)
{
    for (unsigned x = 0; x < t->columns; x++) {
        const struct text_cell *cell = &text_row(t, y)[x];
        unsigned bits = font_glyph(cell->ch)[line];

        if ((int)x == t->cursor_x && (int)y == t->cursor_y) {
            bits = ~bits;
        }
        for (unsigned k = 0; k < FONT_WIDTH; k++) {
            unsigned attr = bits >> (7 - k) & 1 ? text_fore(cell->attr) : text_back(cell->attr);

            *out++ = colours[attr];
        }
    }
}

void vc_draw(const struct vc *vc, struct surface *s)
{
    struct text_screen t = { 0 };
    g_autofree uint32_t *row = NULL;

    text_screen_clear(&t);
    vc_show(vc, &t);
    s->dirty_first = s->dirty_end = 0;
    surface_resize(s, t.columns * FONT_WIDTH, t.rows * FONT_HEIGHT);
    row = g_new(uint32_t, s->width + 1);
    for (unsigned y = 0; y < s->height; y++) {
        draw_row(&t, y / FONT_HEIGHT, y % FONT_HEIGHT, row);
        surface_put_row(s, y, row);
    }
    text_screen_clear(&t);
}
