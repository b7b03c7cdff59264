/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl.c: see sdl.h.  Between a window (sdl_window.h) and a viewer: pictures go there, what the person does
 * comes as calls on the main loop.
 *
 * Thread: main loop, machine lock held, but for on_window_event, which only queues.
 */
#include "config.h"
#include "ui/sdl.h"

#include <string.h>
#include "softmmu/machine.h"
#include "ui/sdl_window.h"
#include "ui/viewer.h"
#include "util/error.h"
#include "util/text.h"

struct sdl_options {
    enum window_modifier modifier;
    bool full_screen, show_cursor, close;
};

static const struct {
    const char *name;
    enum window_modifier modifier;
} modifiers[] = {
    { "lctrl-lalt", WINDOW_CTRL_ALT },
    { "lshift-lctrl-lalt", WINDOW_CTRL_ALT_SHIFT },
    { "rctrl", WINDOW_RIGHT_CTRL },
};

static bool set_modifier(struct sdl_options *o, const char *value, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(modifiers); i++) {
        if (strcmp(modifiers[i].name, value) == 0) {
            o->modifier = modifiers[i].modifier;
            return true;
        }
    }
    set_error(error,
              "-display sdl: grab-mod is '%s', must be lctrl-lalt, lshift-lctrl-lalt or rctrl",
              value);
    return false;
}

static bool parse_one(struct sdl_options *o, const struct option_pair *p, GError **error)
{
    bool gl = false, alt = false, ctrl = false;
    const struct {
        const char *name;
        bool *value;
    } flags[] = {
        { "full-screen", &o->full_screen },
        { "show-cursor", &o->show_cursor },
        { "window-close", &o->close },
        { "gl", &gl },
        { "alt_grab", &alt },
        { "ctrl_grab", &ctrl },
    };

    if (strcmp(p->key, "type") == 0) {
        return true;
    }
    if (strcmp(p->key, "grab-mod") == 0) {
        return set_modifier(o, p->value, error);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (strcmp(flags[i].name, p->key) != 0) {
            continue;
        }
        if (!parse_bool(p->value, flags[i].value) || gl) {
            set_error(error, "-display sdl: %s is '%s', must be %s", p->key, p->value,
                      flags[i].value == &gl ? "off: 3D is not supported" : "on or off");
            return false;
        }
        o->modifier = alt ? WINDOW_CTRL_ALT_SHIFT : ctrl ? WINDOW_RIGHT_CTRL : o->modifier;
        return true;
    }
    set_error(error,
              "-display sdl: no property '%s'; it takes: gl, grab-mod, window-close, "
              "full-screen, show-cursor, alt_grab, ctrl_grab",
              p->key);
    return false;
}

static bool parse(struct sdl_options *o, const GPtrArray *opts, GError **error)
{
    *o = (struct sdl_options){ .close = true };
    for (unsigned i = 0; i < opts->len; i++) {
        if (!parse_one(o, g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    return true;
}

bool sdl_display_check(const GPtrArray *opts, GError **error)
{
    struct sdl_options o;

    return parse(&o, opts, error);
}

#if CONFIG_SDL

#define SIZE_DELAY_MS 200u /* a window that is being drawn larger has many sizes */

struct sdl_display {
    struct machine *machine;
    unsigned width, height; /* of the window, as a person chose it */
    GSource *size_timer;    /* the guest is told soon; NULL: it was */
    struct viewer viewer;
    struct window *window;
    struct run_state_listener listener;
};

static struct sdl_display *display_of(struct screen_viewer *v)
{
    return (struct sdl_display *)((char *)v - offsetof(struct sdl_display, viewer.screen));
}

static void picture_resized(struct screen_viewer *v)
{
    window_resize(display_of(v)->window, screen_picture(v));
}

static void picture_changed(struct screen_viewer *v, unsigned x, unsigned y, unsigned width,
                            unsigned height)
{
    window_put(display_of(v)->window, screen_picture(v), x, y, width, height);
}

static void picture_drawn(struct screen_viewer *v)
{
    struct sdl_display *d = display_of(v);

    window_set_pointer(d->window, viewer_points(&d->viewer) || viewer_is_text(&d->viewer));
    window_flush(d->window);
}

static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct sdl_display *d =
        (struct sdl_display *)((char *)l - offsetof(struct sdl_display, listener));

    window_set_stopped(d->window, run_state_is_stopped(state));
}

/* What the person does -------------------------------------------------------------------------- */

struct queued_event {
    struct sdl_display *display;
    struct window_event e;
};

static void drop_size_timer(struct sdl_display *d)
{
    if (d->size_timer) {
        g_source_destroy(d->size_timer);
        g_clear_pointer(&d->size_timer, g_source_unref);
    }
}

static gboolean on_size_timer(gpointer opaque)
{
    struct sdl_display *d = opaque;

    viewer_want_size(&d->viewer, d->width, d->height); /* or the picture stays stretched */
    drop_size_timer(d);
    return G_SOURCE_REMOVE;
}

static void take_size(struct sdl_display *d, unsigned width, unsigned height)
{
    d->width = width;
    d->height = height;
    drop_size_timer(d);
    d->size_timer = g_timeout_source_new(SIZE_DELAY_MS);
    g_source_set_callback(d->size_timer, on_size_timer, d, NULL);
    g_source_attach(d->size_timer, d->machine->context);
}

static void take_event(struct sdl_display *d, const struct window_event *e)
{
    struct viewer *v = &d->viewer;

    switch (e->kind) {
    case WINDOW_KEY:
        viewer_key(v, e->key, e->down);
        break;
    case WINDOW_TEXT:
        viewer_type(v, e->ch);
        break;
    case WINDOW_MOTION:
        viewer_move(v, e->dx, e->dy);
        if (e->inside) {
            viewer_point(v, e->x, e->y);
        }
        break;
    case WINDOW_BUTTONS:
        viewer_buttons(v, e->buttons);
        break;
    case WINDOW_WHEEL:
        viewer_wheel(v, e->dz);
        break;
    case WINDOW_RELEASE:
        viewer_release(v);
        break;
    case WINDOW_SCREEN:
        viewer_choose(v, e->place);
        break;
    case WINDOW_SIZE:
        take_size(d, e->x, e->y);
        break;
    case WINDOW_CLOSE:
        machine_request_shutdown(d->machine, SHUTDOWN_HOST_UI);
        break;
    }
}

static gboolean take_queued(gpointer opaque)
{
    struct queued_event *q = opaque;

    take_event(q->display, &q->e);
    return G_SOURCE_REMOVE;
}

/*
 * On the window's thread.  Each event is a source of its own, no machine_call_soon: Enter may begin a monitor's
 * command that turns the loop until such a call comes (migrate), and calls do not come within a call.
 */
static void on_window_event(void *opaque, const struct window_event *e)
{
    struct sdl_display *d = opaque;
    struct queued_event *q = g_new(struct queued_event, 1);
    GSource *source = g_idle_source_new();

    *q = (struct queued_event){ d, *e };
    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, take_queued, q, g_free);
    g_source_attach(source, d->machine->context);
    g_source_unref(source);
}

/* Life ------------------------------------------------------------------------------------------ */

struct sdl_display *sdl_display_new(struct machine *m, const GPtrArray *opts, GError **error)
{
    struct sdl_display *d = g_new0(struct sdl_display, 1);
    g_autofree char *title =
        m->config.name ? g_strdup_printf("Rhea (%s)", m->config.name) : g_strdup("Rhea");
    struct window_options w = { .title = title, .event = on_window_event, .opaque = d };
    struct sdl_options o;

    d->machine = m;
    if (parse(&o, opts, error)) {
        w.modifier = o.modifier;
        w.full_screen = o.full_screen;
        w.show_cursor = o.show_cursor;
        w.close = o.close;
        d->window = window_new(&w, error);
    }
    if (!d->window) {
        g_free(d);
        return NULL;
    }
    viewer_init(&d->viewer, m);
    d->viewer.screen.resized = picture_resized;
    d->viewer.screen.changed = picture_changed;
    d->viewer.screen.drawn = picture_drawn;
    viewer_open(&d->viewer);
    d->listener.changed = run_state_changed;
    machine_add_run_listener(m, &d->listener);
    window_set_stopped(d->window, m->config.start_paused);
    return d;
}

void sdl_display_free(struct sdl_display *d)
{
    if (!d) {
        return;
    }
    machine_del_run_listener(d->machine, &d->listener);
    window_free(d->window); /* its thread has ended: nothing is queued any more */
    drop_size_timer(d);
    viewer_close(&d->viewer);
    g_free(d);
}

#else

struct sdl_display *sdl_display_new(struct machine *m, const GPtrArray *opts, GError **error)
{
    (void)m;
    (void)opts;
    set_error(error, "-display sdl: this program was built without SDL");
    return NULL;
}

void sdl_display_free(struct sdl_display *d)
{
    (void)d;
}

#endif
