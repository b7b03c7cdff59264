/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/curses_term.c: see curses_term.h.  Sources: ncurses(3x), terminfo(5).
 * Thread: main loop.
 */
#include "config.h"
#if CONFIG_CURSES
#include <curses.h>
#endif
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "ui/curses_term.h"
#include "util/error.h"
#include "util/terminal.h"

#if CONFIG_CURSES

#define ESCAPE_MS 25 /* Esc alone when nothing follows for so long */

/* Drawing ----------------------------------------------------------------------------------------- */

/* VGA colours in ncurses' order; the bright ones follow where the terminal has 16. */
static short colour(unsigned vga)
{
    return (short)((vga & 8) | (vga & 1) << 2 | (vga & 2) | (vga & 4) >> 2);
}

static short pair_of(struct curses_term *t, unsigned fore, unsigned back)
{
    bool many = COLORS >= 16 && COLOR_PAIRS >= (int)CURSES_PAIRS;
    unsigned pair;

    if (!has_colors()) {
        return 0;
    }
    if (!many) {
        fore &= 7;
        back &= 7;
    }
    /* Pair 0 cannot be changed: white on black, which the terminal does by itself. */
    pair = many ? 1 + back * 16 + fore : back * 8 + (7 - fore);
    if (pair >= (unsigned)COLOR_PAIRS) {
        return 0;
    }
    if (pair > 0 && !t->pair_made[pair]) {
        t->pair_made[pair] = init_pair((short)pair, colour(fore), colour(back)) == OK;
    }
    return (short)pair;
}

static attr_t attributes(uint16_t attr)
{
    attr_t a = attr & TEXT_BLINK ? A_BLINK : A_NORMAL;

    if (text_fore(attr) & 8 && (!has_colors() || COLORS < 16)) {
        a |= A_BOLD;
    }
    if (!has_colors() && text_back(attr)) {
        a |= A_REVERSE;
    }
    return a;
}

/* For terminals without Unicode: lines and blocks by their looks. */
static uint32_t plain(uint32_t ch)
{
    if (ch < 0x7f) {
        return ch;
    }
    if (ch == 0x2500 || ch == 0x2550) {
        return ch == 0x2500 ? '-' : '=';
    }
    if (ch == 0x2502 || ch == 0x2551) {
        return '|';
    }
    if (ch >= 0x2500 && ch < 0x2580) {
        return '+';
    }
    return ch >= 0x2580 && ch <= 0x2593 ? '#' : '?';
}

static void draw_cell(struct curses_term *t, int y, int x, const struct text_cell *cell)
{
    wchar_t text[2] = { (wchar_t)(t->utf8 ? cell->ch : plain(cell->ch)), 0 };
    cchar_t c;

    if (setcchar(&c, text, attributes(cell->attr),
                 pair_of(t, text_fore(cell->attr), text_back(cell->attr)), NULL) == OK) {
        mvadd_wch(y, x, &c);
    }
}

/* The part that is seen moves as little as shows the cursor. */
static unsigned follow(unsigned at, int cursor, unsigned all, int seen)
{
    unsigned most = all > (unsigned)seen ? all - (unsigned)seen : 0;

    if (cursor >= 0 && cursor < (int)at) {
        at = (unsigned)cursor;
    } else if (cursor >= (int)at + seen) {
        at = (unsigned)(cursor - seen + 1);
    }
    return MIN(at, most);
}

static void draw_text(struct curses_term *t, const struct text_screen *s)
{
    t->top = follow(t->top, s->cursor_y, s->rows, LINES);
    t->left = follow(t->left, s->cursor_x, s->columns, COLS);
    for (int y = 0; y < LINES && t->top + (unsigned)y < s->rows; y++) {
        for (int x = 0; x < COLS && t->left + (unsigned)x < s->columns; x++) {
            draw_cell(t, y, x, text_row(s, t->top + (unsigned)y) + t->left + x);
        }
    }
    curs_set(s->cursor_y >= 0);
    if (s->cursor_y >= 0) {
        move(s->cursor_y - (int)t->top, s->cursor_x - (int)t->left);
    }
}

static void draw_message(const struct text_screen *s)
{
    g_autofree char *text = s->width ? g_strdup_printf("%u x %u Graphic mode", s->width, s->height)
                                     : g_strdup("VGA Blank mode");

    curs_set(0);
    mvaddstr(LINES / 2, MAX((COLS - (int)strlen(text)) / 2, 0), text);
}

void curses_term_draw(struct curses_term *t, const struct text_screen *s)
{
    erase();
    if (s->cells) {
        draw_text(t, s);
    } else {
        draw_message(s);
    }
    refresh();
}

/* Life -------------------------------------------------------------------------------------------- */

/* What brings the terminal back to its usual state, without the padding of old terminals. */
static void find_leave(struct curses_term *t)
{
    static const char *const names[] = { "sgr0", "op", "cnorm", "rmkx", "rmcup" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *text = tigetstr(names[i]);
        size_t n = strlen(t->leave);

        if (text && text != (const char *)-1) {
            g_strlcpy(t->leave + n, text, MIN(strcspn(text, "$") + 1, sizeof(t->leave) - n));
        }
    }
}

bool curses_term_open(struct curses_term *t, GError **error)
{
    const char *term = g_getenv("TERM");

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        set_error(error, "-display curses: standard input and output must be a terminal");
        return false;
    }
    setlocale(LC_CTYPE, "");
    signal(SIGTSTP, SIG_IGN); /* ncurses would stop in the middle of a drawing */
    terminal_save();
    t->screen = newterm(NULL, stdout, stdin);
    if (!t->screen) {
        set_error(error, "-display curses: the terminal type TERM='%s' is not known here",
                  term ? term : "");
        return false;
    }
    t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    set_escdelay(ESCAPE_MS);
    raw();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    start_color();
    find_leave(t);
    terminal_take_screen(t->leave);
    return true;
}

void curses_term_close(struct curses_term *t)
{
    endwin();
    t->leave[0] = 0; /* endwin has written it */
    terminal_release();
    delscreen(t->screen);
}

#endif
