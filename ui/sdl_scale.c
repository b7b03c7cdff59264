/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl_scale.c: stretching pictures: each pixel of the window is a mixture of the four of the picture that are
 * nearest, and depends on its place alone, so that parts fit together without seams.
 * Thread: any.
 */
#include "ui/sdl_draw.h"

#include <glib.h>
#include "ui/surface.h"

struct draw_rect draw_place(unsigned width, unsigned height, int window_width, int window_height)
{
    int64_t w = window_width, h = window_height;
    struct draw_rect r;

    if (w * height > h * width) {
        w = MAX(h * width / MAX(height, 1u), 1);
    } else {
        h = MAX(w * height / MAX(width, 1u), 1);
    }
    r.width = (int)w;
    r.height = (int)h;
    r.x = (window_width - r.width) / 2;
    r.y = (window_height - r.height) / 2;
    return r;
}

/* Where the middle of a window's pixel is in the picture: the pixel before it, and 0 to 255 of the next. */
static void source_of(int at, int stretched, unsigned size, unsigned *before, unsigned *part)
{
    int64_t pos = ((int64_t)(2 * at + 1) * size * 128 / stretched) - 128;

    pos = CLAMP(pos, 0, (int64_t)(size - 1) * 256);
    *before = (unsigned)(pos >> 8);
    *part = (unsigned)(pos & 255);
}

static uint32_t mix(uint32_t a, uint32_t b, unsigned part)
{
    uint32_t low = (a & 0xff00ff) * (256 - part) + (b & 0xff00ff) * part;
    uint32_t middle = (a & 0x00ff00) * (256 - part) + (b & 0x00ff00) * part;

    return (low >> 8 & 0xff00ff) | (middle >> 8 & 0x00ff00);
}

void draw_stretch(const struct surface *s, struct draw_rect place, struct draw_rect area,
                  uint32_t *out)
{
    for (int y = area.y; y < area.y + area.height; y++) {
        unsigned row, down;
        const uint32_t *upper, *lower;

        source_of(y - place.y, place.height, s->height, &row, &down);
        upper = s->pixels + (size_t)row * s->width;
        lower = down ? upper + s->width : upper;
        for (int x = area.x; x < area.x + area.width; x++) {
            unsigned column, right, next;

            source_of(x - place.x, place.width, s->width, &column, &right);
            next = right ? column + 1 : column;
            *out++ = mix(mix(upper[column], upper[next], right),
                         mix(lower[column], lower[next], right), down);
        }
    }
}

/* First and last window pixel of picture pixels [first, end), one more on each side for the mixture. */
static void cover(int first, int end, unsigned size, int stretched, int *from, int *to)
{
    int64_t low = (int64_t)(first - 1) * stretched / (int64_t)size - 1;
    int64_t high = ((int64_t)(end + 1) * stretched + size - 1) / (int64_t)size + 1;

    *from = (int)CLAMP(low, 0, stretched);
    *to = (int)CLAMP(high, 0, stretched);
}

struct draw_rect draw_covered(const struct surface *s, struct draw_rect place,
                              struct draw_rect part)
{
    int left, right, top, bottom;

    if (place.width == (int)s->width && place.height == (int)s->height) {
        return (struct draw_rect){ place.x + part.x, place.y + part.y, part.width, part.height };
    }
    cover(part.x, part.x + part.width, s->width, place.width, &left, &right);
    cover(part.y, part.y + part.height, s->height, place.height, &top, &bottom);
    return (struct draw_rect){ place.x + left, place.y + top, right - left, bottom - top };
}

void draw_area_add(struct draw_area *a, struct draw_rect r)
{
    struct draw_rect *last = &a->rects[DRAW_RECTS - 1];
    int right, bottom;

    if (a->n < DRAW_RECTS) {
        a->rects[a->n++] = r;
        return;
    }
    right = MAX(last->x + last->width, r.x + r.width);
    bottom = MAX(last->y + last->height, r.y + r.height);
    last->x = MIN(last->x, r.x);
    last->y = MIN(last->y, r.y);
    last->width = right - last->x;
    last->height = bottom - last->y;
}
