/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/sdl_window.c: see sdl_window.h.
 *
 * The main loop copies what changed into `picture` and notes the rectangle; the window's thread copies it on to
 * `shown` and draws these rectangles alone, stretched where the window has another size (sdl_draw.c).  All calls of
 * SDL are the thread's but for SDL_PushEvent, which wakes it.
 *
 * Invariants: what both threads use is under `mutex`, which is held for copies only: the main loop does not wait
 *             for a desktop; `posted` is set while a wake event is on its way, so that there is at most one.
 */
#include "config.h"
#if CONFIG_SDL
#include "util/sdl_library.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include "ui/input.h"
#include "ui/sdl_draw.h"
#include "ui/sdl_window.h"
#include "ui/surface.h"
#include "util/error.h"

struct window {
    struct window_options options;
    char *title;
    GThread *thread;

    pthread_mutex_t mutex;
    pthread_cond_t started;
    struct surface picture;
    struct draw_area dirty; /* of the picture */
    bool resized, points, stopped, posted, leave;
    bool running, failed; /* the start's result */
    char *why;

    /* The thread's own. */
    SDL_Window *window;
    struct surface shown;
    bool full_screen, grabbed, own_size; /* own_size: a person chose the window's size */
    bool seen_points, seen_stopped, title_stale, redraw;
    struct window_event motion; /* not sent yet */
    bool moved;
    uint8_t buttons;
};

static Uint32 wake_event; /* of the process: SDL has one queue */

/* Calls from the main loop ---------------------------------------------------------------------- */

static void post(struct window *w)
{
    SDL_Event e = { .type = wake_event };

    if (!w->posted) {
        w->posted = SDL_PushEvent(&e) == 1;
    }
}

void window_resize(struct window *w, const struct surface *s)
{
    pthread_mutex_lock(&w->mutex);
    surface_resize(&w->picture, s->width, s->height);
    w->dirty.n = 0; /* they were of the other size */
    w->resized = true;
    pthread_mutex_unlock(&w->mutex);
    window_put(w, s, 0, 0, s->width, s->height);
    window_flush(w);
}

void window_put(struct window *w, const struct surface *s, unsigned x, unsigned y, unsigned width,
                unsigned height)
{
    pthread_mutex_lock(&w->mutex);
    if (w->picture.pixels) {
        for (unsigned row = y; row < y + height; row++) {
            memcpy(surface_row(&w->picture, row) + x, s->pixels + (size_t)row * s->width + x,
                   width * sizeof(uint32_t));
        }
        draw_area_add(&w->dirty, (struct draw_rect){ (int)x, (int)y, (int)width, (int)height });
    }
    pthread_mutex_unlock(&w->mutex);
}

void window_flush(struct window *w)
{
    pthread_mutex_lock(&w->mutex);
    if (w->dirty.n || w->resized) {
        post(w);
    }
    pthread_mutex_unlock(&w->mutex);
}

void window_set_pointer(struct window *w, bool points)
{
    pthread_mutex_lock(&w->mutex);
    if (w->points != points) {
        w->points = points;
        post(w);
    }
    pthread_mutex_unlock(&w->mutex);
}

void window_set_stopped(struct window *w, bool stopped)
{
    pthread_mutex_lock(&w->mutex);
    if (w->stopped != stopped) {
        w->stopped = stopped;
        post(w);
    }
    pthread_mutex_unlock(&w->mutex);
}

/* The window ------------------------------------------------------------------------------------ */

static const char *const modifier_names[] = {
    [WINDOW_CTRL_ALT] = "Ctrl-Alt",
    [WINDOW_CTRL_ALT_SHIFT] = "Ctrl-Alt-Shift",
    [WINDOW_RIGHT_CTRL] = "Right-Ctrl",
};

static void update_title(struct window *w)
{
    g_autofree char *hint = w->grabbed ? g_strdup_printf(" - Press %s-G to exit grab",
                                                         modifier_names[w->options.modifier])
                                       : g_strdup("");
    g_autofree char *title = g_strconcat(w->title, w->seen_stopped ? " [Stopped]" : "", hint, NULL);

    SDL_SetWindowTitle(w->window, title);
    w->title_stale = false;
}

static void update_cursor(struct window *w)
{
    bool hide = (w->seen_points || w->grabbed) && !w->options.show_cursor;

    SDL_ShowCursor(hide ? SDL_DISABLE : SDL_ENABLE);
}

/* All keys are the guest's; and the mouse, if its pointer takes motion. */
static void set_grab(struct window *w, bool on)
{
    w->grabbed = on;
    SDL_SetWindowKeyboardGrab(w->window, on ? SDL_TRUE : SDL_FALSE);
    SDL_SetRelativeMouseMode(on && !w->seen_points ? SDL_TRUE : SDL_FALSE);
    update_cursor(w);
    update_title(w);
}

static void set_full_screen(struct window *w, bool on)
{
    w->full_screen = on;
    SDL_SetWindowFullscreen(w->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    w->redraw = true;
}

/* The picture's own size; a window that fills the desktop keeps its own. */
static void fit_window(struct window *w)
{
    if (!w->full_screen && w->shown.pixels &&
        !(SDL_GetWindowFlags(w->window) & SDL_WINDOW_MAXIMIZED)) {
        SDL_SetWindowSize(w->window, (int)w->shown.width, (int)w->shown.height);
    }
    w->redraw = true;
}

/* What the main loop left, as copies. */
struct news {
    struct draw_area dirty;
    bool resized, points, stopped;
};

static void copy_rect(struct surface *to, const struct surface *from, struct draw_rect r)
{
    for (int y = r.y; y < r.y + r.height; y++) {
        memcpy(surface_row(to, (unsigned)y) + r.x, from->pixels + (size_t)y * from->width + r.x,
               (size_t)r.width * sizeof(uint32_t));
    }
}

static void take_news(struct window *w, struct news *news)
{
    pthread_mutex_lock(&w->mutex);
    *news = (struct news){ w->dirty, w->resized, w->points, w->stopped };
    surface_resize(&w->shown, w->picture.width, w->picture.height);
    for (unsigned i = 0; w->shown.pixels && i < w->dirty.n; i++) {
        copy_rect(&w->shown, &w->picture, w->dirty.rects[i]);
    }
    w->dirty.n = 0;
    w->resized = w->posted = false;
    pthread_mutex_unlock(&w->mutex);
}

static void draw(struct window *w)
{
    struct news news;

    take_news(w, &news);
    if (news.resized) {
        w->redraw = true;
        if (!w->own_size) {
            fit_window(w);
        }
    }
    if (w->seen_points != news.points) {
        w->seen_points = news.points;
        if (w->grabbed) {
            set_grab(w, true);
        }
        update_cursor(w);
    }
    if (w->seen_stopped != news.stopped || w->title_stale) {
        w->seen_stopped = news.stopped;
        update_title(w);
    }
    if (w->shown.pixels && (w->redraw || news.dirty.n)) {
        draw_picture(w->window, &w->shown, w->redraw ? NULL : &news.dirty);
        w->redraw = false;
    }
}

/* Events ---------------------------------------------------------------------------------------- */

static void send(struct window *w, struct window_event e)
{
    w->options.event(w->options.opaque, &e);
}

static void send_motion(struct window *w)
{
    if (w->moved) {
        send(w, w->motion);
        w->motion.dx = w->motion.dy = 0;
        w->moved = false;
    }
}

static bool has_modifier(const struct window *w, unsigned mods)
{
    bool ctrl_alt = (mods & KMOD_LCTRL) && (mods & KMOD_LALT);

    switch (w->options.modifier) {
    case WINDOW_CTRL_ALT_SHIFT:
        return ctrl_alt && (mods & KMOD_LSHIFT);
    case WINDOW_RIGHT_CTRL:
        return mods & KMOD_RCTRL;
    case WINDOW_CTRL_ALT:
    default:
        return ctrl_alt;
    }
}

static void scale_window(struct window *w, int by)
{
    int width, height;

    SDL_GetWindowSize(w->window, &width, &height);
    width = MAX(width + by, 160);
    height = (int)((int64_t)width * w->shown.height / MAX(w->shown.width, 1u));
    SDL_SetWindowSize(w->window, width, height);
    w->own_size = true;
}

/* G, F, U, + and -, 1 to 9 with the modifier; false: it is the guest's. */
static bool hot_key(struct window *w, SDL_Scancode code)
{
    switch (code) {
    case SDL_SCANCODE_G:
        set_grab(w, !w->grabbed);
        break;
    case SDL_SCANCODE_F:
        set_full_screen(w, !w->full_screen);
        break;
    case SDL_SCANCODE_U:
        w->own_size = false;
        fit_window(w);
        break;
    case SDL_SCANCODE_EQUALS:
    case SDL_SCANCODE_KP_PLUS:
        scale_window(w, 50);
        break;
    case SDL_SCANCODE_MINUS:
    case SDL_SCANCODE_KP_MINUS:
        scale_window(w, -50);
        break;
    default:
        if (code < SDL_SCANCODE_1 || code > SDL_SCANCODE_9) {
            return false;
        }
        send(w, (struct window_event){ .kind = WINDOW_SCREEN,
                                       .place = (unsigned)(code - SDL_SCANCODE_1) });
        break;
    }
    return true;
}

static void on_key(struct window *w, const SDL_KeyboardEvent *e)
{
    uint16_t key = key_of_usage(e->keysym.scancode);
    bool down = e->type == SDL_KEYDOWN;
    SDL_Keycode sym = e->keysym.sym;

    if (down && !e->repeat && has_modifier(w, e->keysym.mod) && e->keysym.scancode &&
        hot_key(w, e->keysym.scancode)) {
        send(w, (struct window_event){ .kind = WINDOW_RELEASE });
        return;
    }
    if (key) {
        send(w, (struct window_event){ .kind = WINDOW_KEY, .key = key, .down = down });
    }
    /* With Ctrl SDL says nothing of text. */
    if (down && (e->keysym.mod & KMOD_CTRL) && !(e->keysym.mod & KMOD_ALT) && sym > ' ' &&
        sym < 0x7f) {
        send(w, (struct window_event){ .kind = WINDOW_TEXT, .ch = (uint32_t)sym });
    }
}

static void on_text(struct window *w, const char *text)
{
    if (SDL_GetModState() & KMOD_CTRL) {
        return; /* on_key told it */
    }
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar ch = g_utf8_get_char_validated(text, -1);

        if (ch >= (gunichar)-2) {
            return;
        }
        send(w, (struct window_event){ .kind = WINDOW_TEXT, .ch = ch });
    }
}

static void on_motion(struct window *w, const SDL_MouseMotionEvent *e)
{
    struct window_event *m = &w->motion;

    m->kind = WINDOW_MOTION;
    if (w->grabbed) {
        m->dx += e->xrel;
        m->dy += e->yrel;
    }
    m->inside = draw_position(w->window, &w->shown, e->x, e->y, &m->x, &m->y);
    w->moved = true;
}

static void on_button(struct window *w, const SDL_MouseButtonEvent *e)
{
    static const uint8_t bits[] = {
        [SDL_BUTTON_LEFT] = INPUT_LEFT,   [SDL_BUTTON_MIDDLE] = INPUT_MIDDLE,
        [SDL_BUTTON_RIGHT] = INPUT_RIGHT, [SDL_BUTTON_X1] = INPUT_SIDE,
        [SDL_BUTTON_X2] = INPUT_EXTRA,
    };
    uint8_t bit = e->button < G_N_ELEMENTS(bits) ? bits[e->button] : 0;

    if (!w->seen_points && !w->grabbed) { /* a click gives the mouse to the guest */
        if (e->type == SDL_MOUSEBUTTONUP && e->button == SDL_BUTTON_LEFT) {
            set_grab(w, true);
        }
        return;
    }
    w->buttons = e->type == SDL_MOUSEBUTTONDOWN ? w->buttons | bit : w->buttons & ~bit;
    send(w, (struct window_event){ .kind = WINDOW_BUTTONS, .buttons = w->buttons });
}

static void on_resized(struct window *w, bool same)
{
    int width, height;

    w->own_size = !same && !w->full_screen;
    SDL_GetWindowSizeInPixels(w->window, &width, &height);
    if (!same && width > 0 && height > 0) {
        send(w, (struct window_event){
                    .kind = WINDOW_SIZE, .x = (unsigned)width, .y = (unsigned)height });
    }
}

static void on_window(struct window *w, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_EXPOSED:
        w->redraw = true;
        break;
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        w->redraw = true;
        break;
    case SDL_WINDOWEVENT_RESIZED: /* not by fit_window, whose size is the picture's */
        on_resized(w, e->data1 == (int)w->shown.width && e->data2 == (int)w->shown.height);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        w->buttons = 0;
        send(w, (struct window_event){ .kind = WINDOW_RELEASE });
        if (w->grabbed) {
            set_grab(w, false);
        }
        break;
    case SDL_WINDOWEVENT_CLOSE:
        if (w->options.close) {
            send(w, (struct window_event){ .kind = WINDOW_CLOSE });
        }
        break;
    default:
        break;
    }
}

static void on_event(struct window *w, const SDL_Event *e)
{
    if (e->type != SDL_MOUSEMOTION) {
        send_motion(w); /* in the order of their coming */
    }
    switch (e->type) {
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        on_key(w, &e->key);
        break;
    case SDL_TEXTINPUT:
        on_text(w, e->text.text);
        break;
    case SDL_MOUSEMOTION:
        on_motion(w, &e->motion);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        on_button(w, &e->button);
        break;
    case SDL_MOUSEWHEEL:
        send(w, (struct window_event){ .kind = WINDOW_WHEEL, .dz = -e->wheel.y });
        break;
    case SDL_WINDOWEVENT:
        on_window(w, &e->window);
        break;
    default:
        break;
    }
}

/* The thread ------------------------------------------------------------------------------------ */

static bool open_window(struct window *w)
{
    Uint32 flags = SDL_WINDOW_RESIZABLE | SDL_WINDOW_ALLOW_HIGHDPI;
    g_autoptr(GError) error = NULL;

    if (!sdl_library_load(&error)) {
        w->why = g_strdup(error->message);
        return false;
    }
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
    SDL_SetHint(SDL_HINT_APP_NAME, "Rhea");
    SDL_SetHint(SDL_HINT_FRAMEBUFFER_ACCELERATION, "0"); /* so that parts can be shown */
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_MOUSE_FOCUS_CLICKTHROUGH, "1");
    if (SDL_Init(SDL_INIT_VIDEO) != 0) {
        w->why = g_strdup(SDL_GetError());
        return false;
    }
    w->window = SDL_CreateWindow(w->title, SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, 640,
                                 480, flags);
    if (!w->window) {
        w->why = g_strdup(SDL_GetError());
        SDL_Quit();
        return false;
    }
    wake_event = SDL_RegisterEvents(1);
    w->title_stale = true;
    if (w->options.full_screen) {
        set_full_screen(w, true);
    }
    SDL_StartTextInput();
    return true;
}

static bool tell_started(struct window *w, bool ok)
{
    pthread_mutex_lock(&w->mutex);
    w->running = ok;
    w->failed = !ok;
    pthread_cond_signal(&w->started);
    pthread_mutex_unlock(&w->mutex);
    return ok;
}

static bool must_leave(struct window *w)
{
    bool leave;

    pthread_mutex_lock(&w->mutex);
    leave = w->leave;
    pthread_mutex_unlock(&w->mutex);
    return leave;
}

static gpointer run(gpointer opaque)
{
    struct window *w = opaque;
    SDL_Event e;

    if (!tell_started(w, open_window(w))) {
        return NULL;
    }
    while (!must_leave(w)) {
        if (!SDL_WaitEvent(&e)) {
            g_usleep(G_USEC_PER_SEC / 10); /* the desktop has trouble: no spinning */
            continue;
        }
        do {
            on_event(w, &e);
        } while (SDL_PollEvent(&e));
        send_motion(w);
        draw(w);
    }
    SDL_DestroyWindow(w->window);
    SDL_Quit();
    return NULL;
}

static void clear(struct window *w)
{
    pthread_cond_destroy(&w->started);
    pthread_mutex_destroy(&w->mutex);
    surface_clear(&w->picture);
    surface_clear(&w->shown);
    g_free(w->title);
    g_free(w->why);
    g_free(w);
}

struct window *window_new(const struct window_options *o, GError **error)
{
    struct window *w = g_new0(struct window, 1);
    sigset_t all, before;

    w->options = *o;
    w->title = g_strdup(o->title);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->started, NULL);
    sigfillset(&all); /* signals are the main loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    w->thread = g_thread_new("window", run, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_mutex_lock(&w->mutex);
    while (!w->running && !w->failed) {
        pthread_cond_wait(&w->started, &w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    if (w->failed) {
        g_thread_join(w->thread);
        set_error(error, "-display sdl: cannot open a window: %s; use -display none or -vnc",
                  w->why);
        clear(w);
        return NULL;
    }
    return w;
}

void window_free(struct window *w)
{
    pthread_mutex_lock(&w->mutex);
    w->leave = true;
    post(w);
    pthread_mutex_unlock(&w->mutex);
    g_thread_join(w->thread);
    clear(w);
}

#endif
