/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/sdl_draw.c: see sdl_draw.h.  Thread: the window's. */
#include "config.h"
#if CONFIG_SDL
#include "util/sdl_library.h"
#include <glib.h>
#include "ui/sdl_draw.h"
#include "ui/surface.h"

static struct draw_rect place_in(SDL_Window *window, const struct surface *s)
{
    int width, height;

    SDL_GetWindowSizeInPixels(window, &width, &height);
    return draw_place(s->width, s->height, width, height);
}

/* One part of the picture; what of the window it was. */
static SDL_Rect draw_part(SDL_Surface *screen, const struct surface *s, struct draw_rect place,
                          struct draw_rect part)
{
    struct draw_rect area = draw_covered(s, place, part);
    SDL_Rect to = { area.x, area.y, area.width, area.height };
    g_autofree uint32_t *pixels =
        g_new(uint32_t, (size_t)MAX(area.width, 1) * (size_t)MAX(area.height, 1));
    SDL_Surface *from;

    draw_stretch(s, place, area, pixels);
    from = SDL_CreateRGBSurfaceWithFormatFrom(pixels, area.width, area.height, 32, area.width * 4,
                                              SDL_PIXELFORMAT_RGB888);
    if (from) {
        SDL_BlitSurface(from, NULL, screen, &to);
        SDL_FreeSurface(from);
    }
    return (SDL_Rect){ area.x, area.y, area.width, area.height };
}

/* The picture as it is: no copy between. */
static SDL_Rect copy_part(SDL_Surface *screen, SDL_Surface *picture, struct draw_rect place,
                          struct draw_rect part)
{
    SDL_Rect from = { part.x, part.y, part.width, part.height };
    SDL_Rect to = { place.x + part.x, place.y + part.y, part.width, part.height };

    SDL_BlitSurface(picture, &from, screen, &to);
    return (SDL_Rect){ place.x + part.x, place.y + part.y, part.width, part.height };
}

void draw_picture(SDL_Window *window, const struct surface *s, const struct draw_area *a)
{
    struct draw_area all = { { { 0, 0, (int)s->width, (int)s->height } }, 1 };
    struct draw_rect place = place_in(window, s);
    SDL_Surface *screen = SDL_GetWindowSurface(window), *picture = NULL;
    SDL_Rect shown[DRAW_RECTS];
    unsigned n;

    if (!screen) {
        return; /* the window is being changed: another event follows */
    }
    if (!a) {
        SDL_FillRect(screen, NULL, SDL_MapRGB(screen->format, 0, 0, 0));
    }
    if (place.width == (int)s->width && place.height == (int)s->height) {
        picture = SDL_CreateRGBSurfaceWithFormatFrom(s->pixels, (int)s->width, (int)s->height, 32,
                                                     (int)s->width * 4, SDL_PIXELFORMAT_RGB888);
    }
    n = a ? a->n : all.n;
    for (unsigned i = 0; i < n; i++) {
        struct draw_rect part = a ? a->rects[i] : all.rects[0];

        shown[i] =
            picture ? copy_part(screen, picture, place, part) : draw_part(screen, s, place, part);
    }
    SDL_FreeSurface(picture);
    if (a) {
        SDL_UpdateWindowSurfaceRects(window, shown, (int)n);
    } else {
        SDL_UpdateWindowSurface(window);
    }
}

bool draw_position(SDL_Window *window, const struct surface *s, int wx, int wy, unsigned *x,
                   unsigned *y)
{
    struct draw_rect place = place_in(window, s);
    int width, height, pixels_wide, pixels_high, px, py;

    SDL_GetWindowSize(window, &width, &height);
    SDL_GetWindowSizeInPixels(window, &pixels_wide, &pixels_high);
    px = (int)((int64_t)wx * pixels_wide / MAX(width, 1)) - place.x;
    py = (int)((int64_t)wy * pixels_high / MAX(height, 1)) - place.y;
    if (!s->pixels) {
        return false;
    }
    *x = (unsigned)((int64_t)CLAMP(px, 0, place.width - 1) * s->width / place.width);
    *y = (unsigned)((int64_t)CLAMP(py, 0, place.height - 1) * s->height / place.height);
    return px >= 0 && py >= 0 && px < place.width && py < place.height;
}
#endif
