/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/sdl_library.c: see sdl_library.h. */
#define SDL_LIBRARY_ITSELF
#include "util/sdl_library.h"

#include "util/error.h"

#if CONFIG_SDL
struct sdl_library sdl_library;

bool sdl_library_load(GError **error)
{
    static const char *const names[] = { SDL_FUNCTIONS(LIBRARY_NAME) };

    return sdl_library.SDL_Init ||
           library_load("libSDL2-2.0.so.0", names, &sdl_library, G_N_ELEMENTS(names), error);
}
#else
bool sdl_library_load(GError **error)
{
    set_error(error, "this build is without SDL");
    return false;
}
#endif
