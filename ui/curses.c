/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/curses.c: see curses.h.  The chosen console is looked at 30 times a second and drawn when it
 * changed; ncurses sends the terminal only what differs.  Keys are read when the terminal has some.
 *
 * Esc and a key at once is Alt with that key; Alt-1 to Alt-9 choose a console: first the guest's
 * screens, then the text consoles (ui/vc.h).
 *
 * Thread: main loop, machine lock held.
 */
#include "config.h"
#if CONFIG_CURSES
#include <curses.h>
#endif
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "ui/curses.h"
#include "ui/curses_keys.h"
#include "ui/curses_term.h"
#include "ui/input.h"
#include "ui/surface.h"
#include "ui/text.h"
#include "ui/vc.h"
#include "util/error.h"
#include "util/terminal.h"

bool curses_available(void)
{
    return CONFIG_CURSES;
}

#if CONFIG_CURSES

#define FRAME_MS   33
#define HOLD_MS    5 /* a key stays down; what follows waits, so that pasted text arrives */
#define SCROLL_FEW 4

struct curses_display {
    struct machine *machine;
    struct curses_term term;
    GSource *timer, *input;
    unsigned console; /* 0: the first */
    struct text_screen now, drawn;
    bool redraw;
};

/* Consoles ---------------------------------------------------------------------------------------- */

/* The guest's screen or the text console at a place; false: there is none. */
static bool find_console(struct machine *m, unsigned i, struct display_console **c, struct vc **vc)
{
    *vc = NULL;
    for (*c = m->displays; *c && i > 0; *c = (*c)->next) {
        i--;
    }
    if (!*c) {
        *vc = vc_at(m, i);
    }
    return *c || *vc;
}

static void choose_console(struct curses_display *d, unsigned i)
{
    struct display_console *c;
    struct vc *vc;

    if (!find_console(d->machine, i, &c, &vc)) {
        beep();
        return;
    }
    d->console = i;
    d->term.left = d->term.top = 0;
    d->redraw = true;
}

static bool same(const struct text_screen *a, const struct text_screen *b)
{
    return a->columns == b->columns && a->rows == b->rows && a->cursor_x == b->cursor_x &&
           a->cursor_y == b->cursor_y && a->width == b->width && a->height == b->height &&
           (!a->cells ||
            memcmp(a->cells, b->cells, (size_t)a->columns * a->rows * sizeof(*a->cells)) == 0);
}

static void show(struct curses_display *d)
{
    struct display_console *c;
    struct text_screen swap;
    struct vc *vc;

    if (terminal_was_retaken()) {
        clearok(stdscr, TRUE);
        d->redraw = true;
    }
    if (!find_console(d->machine, d->console, &c, &vc)) {
        return;
    }
    if (c) {
        console_cells(c, &d->now, NULL);
    } else {
        vc_show(vc, &d->now);
    }
    if (!d->redraw && same(&d->now, &d->drawn)) {
        return;
    }
    curses_term_draw(&d->term, &d->now);
    d->redraw = false;
    swap = d->drawn;
    d->drawn = d->now;
    d->now = swap;
}

/* Keys -------------------------------------------------------------------------------------------- */

static void key_to_guest(struct curses_display *d, const struct curses_key *k)
{
    uint16_t keys[4];
    struct key_chord chord;
    unsigned n = 0;

    if (!curses_key_chord(k, &chord)) {
        beep();
        return;
    }
    if (chord.ctrl) {
        keys[n++] = 0x1d;
    }
    if (chord.alt) {
        keys[n++] = 0x38;
    }
    if (chord.shift) {
        keys[n++] = 0x2a;
    }
    keys[n++] = chord.key;
    if (!input_chord(d->machine, keys, n, HOLD_MS)) {
        beep(); /* the guest does not read its keyboard */
    }
}

/* Ctrl or Shift with the arrows and page keys scrolls. */
static bool scroll_key(const struct curses_key *k, struct vc *vc)
{
    struct key_chord chord;
    int lines = 0;

    if (!k->special || !curses_key_chord(k, &chord) || !(chord.ctrl || chord.shift)) {
        return false;
    }
    switch (chord.key) {
    case 0xe048:
        lines = 1;
        break;
    case 0xe050:
        lines = -1;
        break;
    case 0xe049:
        lines = LINES - SCROLL_FEW;
        break;
    case 0xe051:
        lines = -(LINES - SCROLL_FEW);
        break;
    default:
        return false;
    }
    vc_scroll(vc, lines);
    return true;
}

static void take_key(struct curses_display *d, const struct curses_key *k)
{
    struct display_console *c;
    struct vc *vc;
    char bytes[16];

    if (k->alt && !k->special && k->code >= '1' && k->code <= '9') {
        choose_console(d, k->code - '1');
    } else if (!find_console(d->machine, d->console, &c, &vc)) {
        beep();
    } else if (c) {
        key_to_guest(d, k);
    } else if (!scroll_key(k, vc)) {
        vc_type(vc, bytes, curses_key_bytes(k, bytes));
    }
}

static bool read_key(struct curses_key *k)
{
    wint_t code;
    int ret = get_wch(&code);

    k->special = ret == KEY_CODE_YES;
    k->code = code;
    return ret != ERR;
}

static void read_keys(struct curses_display *d)
{
    struct curses_key k = { 0 };

    while (read_key(&k)) {
        k.alt = false;
        if (k.special && k.code == KEY_RESIZE) {
            d->redraw = true;
            continue;
        }
        if (!k.special && k.code == 0x1b) {
            struct curses_key next = { 0 };

            if (read_key(&next)) {
                k = next;
                k.alt = true;
            }
        }
        take_key(d, &k);
    }
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer opaque)
{
    struct curses_display *d = opaque;

    (void)fd;
    read_keys(d);
    show(d);
    /* A terminal that is gone stays readable for ever. */
    return condition & (G_IO_HUP | G_IO_ERR) ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static gboolean on_frame(gpointer opaque)
{
    read_keys(opaque); /* a new size comes as a key */
    show(opaque);
    return G_SOURCE_CONTINUE;
}

/* Life -------------------------------------------------------------------------------------------- */

static GSource *attach(struct curses_display *d, GSource *source, GSourceFunc fn)
{
    g_source_set_callback(source, fn, d, NULL);
    g_source_attach(source, d->machine->context);
    return source;
}

struct curses_display *curses_display_new(struct machine *m, GError **error)
{
    struct curses_display *d = g_new0(struct curses_display, 1);

    if (!curses_term_open(&d->term, error)) {
        g_free(d);
        return NULL;
    }
    d->machine = m;
    text_screen_clear(&d->now);
    text_screen_clear(&d->drawn);
    d->redraw = true;
    d->timer = attach(d, g_timeout_source_new(FRAME_MS), on_frame);
    d->input = attach(d, g_unix_fd_source_new(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR),
                      G_SOURCE_FUNC(on_input));
    show(d);
    return d;
}

void curses_display_free(struct curses_display *d)
{
    if (!d) {
        return;
    }
    g_source_destroy(d->timer);
    g_source_unref(d->timer);
    g_source_destroy(d->input);
    g_source_unref(d->input);
    curses_term_close(&d->term);
    text_screen_clear(&d->now);
    text_screen_clear(&d->drawn);
    g_free(d);
}

#else

struct curses_display *curses_display_new(struct machine *m, GError **error)
{
    (void)m;
    set_error(error, "-display curses: this program was built without ncursesw");
    return NULL;
}

void curses_display_free(struct curses_display *d)
{
    (void)d;
}

#endif
