/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/display.c: see display.h.  Thread: main loop, machine lock held. */
#include "config.h"
#include "ui/display.h"

#include <string.h>
#include "ui/curses.h"
#include "ui/sdl.h"
#include "ui/web.h"
#include "util/error.h"
#include "util/text.h"

/* "charset=CP437": the only one that there is. */
static bool curses_check(const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 &&
            (strcmp(p->key, "charset") != 0 || g_ascii_strcasecmp(p->value, "CP437") != 0)) {
            set_error(error, "-display curses: %s=%s is not supported; it takes: charset=CP437",
                      p->key, p->value);
            return false;
        }
    }
    return true;
}

static void *curses_open(struct machine *m, const GPtrArray *opts, GError **error)
{
    (void)opts;
    return curses_display_new(m, error);
}

static void curses_close(void *display)
{
    curses_display_free(display);
}

static void *window_open(struct machine *m, const GPtrArray *opts, GError **error)
{
    return sdl_display_new(m, opts, error);
}

static void window_close(void *display)
{
    sdl_display_free(display);
}

static bool window_there(void)
{
    return CONFIG_SDL;
}

static void *web_open(struct machine *m, const GPtrArray *opts, GError **error)
{
    return web_display_new(m, opts, error);
}

static void web_close(void *display)
{
    web_display_free(display);
}

/* clang-format off */
const struct display_type display_types[] = {
    { "none",   "nothing",                       NULL,             NULL, NULL, NULL, NULL },
    { "curses", "text screens in this terminal", curses_available, "Debian's libncurses-dev", curses_check, curses_open, curses_close },
    { "sdl",    "a window",                      window_there,     "Debian's libsdl2-dev", sdl_display_check, window_open, window_close },
    { "web",    "a page for browsers",           web_available,    "Debian's npm, where a network lets it download", web_display_check, web_open, web_close },
    { 0 }
};
/* clang-format on */

const struct display_type *display_type_find(const char *name)
{
    for (const struct display_type *t = display_types; t->name; t++) {
        if (strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

bool display_type_is_there(const struct display_type *t)
{
    return !t->there || t->there();
}

bool display_type_usable(const struct display_type *t, GError **error)
{
    if (!display_type_is_there(t)) {
        set_error(error,
                  "-display %s: this program was built without it: install %s, then run configure "
                  "and make; see docs/building.md",
                  t->name, t->needs);
        return false;
    }
    return true;
}
