/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/line_edit.c: see line_edit.h.  The terminal is assumed to know CR, BS and CSI K; a line
 * longer than the terminal is wide shows at its end only when edited there.
 */
#include <string.h>
#include "monitor/line_edit.h"

enum escape_state { ESCAPE_NONE, ESCAPE_SEEN, ESCAPE_CSI, ESCAPE_SS3 };

void line_edit_init(struct line_edit *e)
{
    e->line = g_string_new(NULL);
    e->history = g_ptr_array_new_with_free_func(g_free);
}

void line_edit_clear(struct line_edit *e)
{
    g_string_free(e->line, TRUE);
    g_ptr_array_unref(e->history);
    g_free(e->unfinished);
}

void line_edit_forget(struct line_edit *e)
{
    g_string_truncate(e->line, 0);
    e->cursor = 0;
    e->history_at = e->history->len;
    e->escape = 0;
}

static void print(struct line_edit *e, const char *text)
{
    e->print(e->opaque, text, strlen(text));
}

/* From `from` on: the rest of the line, and the cursor where it belongs. */
static void redraw(struct line_edit *e, size_t from)
{
    g_autoptr(GString) out = g_string_new(e->line->str + from);

    g_string_append(out, "\033[K");
    for (size_t i = e->cursor; i < e->line->len; i++) {
        g_string_append_c(out, '\b');
    }
    e->print(e->opaque, out->str, out->len);
}

static void move(struct line_edit *e, size_t to)
{
    for (; e->cursor > to; e->cursor--) {
        print(e, "\b");
    }
    if (e->cursor < to) {
        e->print(e->opaque, e->line->str + e->cursor, to - e->cursor);
        e->cursor = to;
    }
}

/* Takes [from, to) out and leaves the cursor at from. */
static void cut(struct line_edit *e, size_t from, size_t to)
{
    move(e, from);
    g_string_erase(e->line, (gssize)from, (gssize)(to - from));
    redraw(e, from);
}

static void replace(struct line_edit *e, const char *text)
{
    move(e, 0);
    g_string_assign(e->line, text);
    e->cursor = e->line->len;
    redraw(e, 0);
}

static void insert(struct line_edit *e, const char *text, size_t n)
{
    size_t at = e->cursor;

    if (e->line->len + n > LINE_MAX_BYTES) {
        print(e, "\a");
        return;
    }
    g_string_insert_len(e->line, (gssize)at, text, (gssize)n);
    e->cursor += n;
    if (e->cursor == e->line->len) {
        e->print(e->opaque, text, n);
    } else {
        redraw(e, at);
    }
}

static void history_add(struct line_edit *e, const char *line)
{
    GPtrArray *h = e->history;

    if (*line && (h->len == 0 || strcmp(g_ptr_array_index(h, h->len - 1), line) != 0)) {
        g_ptr_array_add(h, g_strdup(line));
        if (h->len > HISTORY_MAX) {
            g_ptr_array_remove_index(h, 0);
        }
    }
    e->history_at = h->len;
}

static void history_move(struct line_edit *e, int step)
{
    unsigned len = e->history->len;

    if ((step < 0 && e->history_at == 0) || (step > 0 && e->history_at >= len)) {
        return;
    }
    if (e->history_at == len) {
        g_free(e->unfinished);
        e->unfinished = g_strdup(e->line->str);
    }
    e->history_at += (unsigned)step;
    replace(e, e->history_at == len ? e->unfinished : g_ptr_array_index(e->history, e->history_at));
}

static size_t common_prefix(const GPtrArray *names)
{
    const char *first = g_ptr_array_index(names, 0);
    size_t n = strlen(first);

    for (unsigned i = 1; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);

        for (size_t k = 0; k < n; k++) {
            if (name[k] != first[k]) {
                n = k;
            }
        }
    }
    return n;
}

static void complete(struct line_edit *e)
{
    g_autofree char *before = g_strndup(e->line->str, e->cursor);
    const char *blank = strrchr(before, ' ');
    size_t have = strlen(blank ? blank + 1 : before), common;
    g_autoptr(GPtrArray) names = e->complete ? e->complete(e->opaque, before) : NULL;

    if (!names || names->len == 0) {
        return;
    }
    common = common_prefix(names);
    if (common > have) {
        insert(e, (const char *)g_ptr_array_index(names, 0) + have, common - have);
    }
    if (names->len == 1) {
        insert(e, " ", 1);
    } else if (common == have) {
        for (unsigned i = 0; i < names->len; i++) {
            print(e, i % 4 == 0 ? "\r\n" : "  ");
            g_autofree char *cell = g_strdup_printf("%-18s", (char *)g_ptr_array_index(names, i));
            print(e, cell);
        }
        print(e, "\r\n");
        line_edit_prompt(e);
    }
}

static void accept_line(struct line_edit *e)
{
    g_autofree char *line = g_strdup(e->line->str);

    print(e, "\r\n");
    history_add(e, line);
    g_string_truncate(e->line, 0);
    e->cursor = 0;
    e->accept(e->opaque, line);
}

static size_t word_start(const struct line_edit *e)
{
    size_t at = e->cursor;

    while (at > 0 && e->line->str[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && e->line->str[at - 1] != ' ') {
        at--;
    }
    return at;
}

static void escape_byte(struct line_edit *e, uint8_t c)
{
    if (e->escape == ESCAPE_SEEN) {
        e->escape = c == '[' ? ESCAPE_CSI : c == 'O' ? ESCAPE_SS3 : ESCAPE_NONE;
        e->escape_arg = 0;
        return;
    }
    if (e->escape == ESCAPE_CSI && (g_ascii_isdigit(c) || c == ';')) {
        e->escape_arg = c == ';' ? 0 : (e->escape_arg * 10 + (c - '0')) % 1000;
        return;
    }
    e->escape = ESCAPE_NONE;
    /* clang-format off */
    switch (c) {
    case 'A': history_move(e, -1); break;
    case 'B': history_move(e, 1); break;
    case 'C': move(e, MIN(e->cursor + 1, e->line->len)); break;
    case 'D': move(e, e->cursor - (e->cursor > 0)); break;
    case 'H': move(e, 0); break;
    case 'F': move(e, e->line->len); break;
    case '~':
        if (e->escape_arg == 1 || e->escape_arg == 7) {
            move(e, 0);
        } else if (e->escape_arg == 4 || e->escape_arg == 8) {
            move(e, e->line->len);
        } else if (e->escape_arg == 3 && e->cursor < e->line->len) {
            cut(e, e->cursor, e->cursor + 1);
        }
        break;
    }
    /* clang-format on */
}

#define CTRL(letter) ((letter)&0x1f)

static void plain_byte(struct line_edit *e, uint8_t c)
{
    /* clang-format off */
    switch (c) {
    case '\r':
    case '\n': accept_line(e); break;
    case 0x1b: e->escape = ESCAPE_SEEN; break;
    case '\b':
    case 0x7f:
        if (e->cursor > 0) {
            cut(e, e->cursor - 1, e->cursor);
        }
        break;
    case '\t': complete(e); break;
    case CTRL('A'): move(e, 0); break;
    case CTRL('E'): move(e, e->line->len); break;
    case CTRL('B'): move(e, e->cursor - (e->cursor > 0)); break;
    case CTRL('F'): move(e, MIN(e->cursor + 1, e->line->len)); break;
    case CTRL('K'): cut(e, e->cursor, e->line->len); break;
    case CTRL('U'): cut(e, 0, e->cursor); break;
    case CTRL('W'): cut(e, word_start(e), e->cursor); break;
    case CTRL('P'): history_move(e, -1); break;
    case CTRL('N'): history_move(e, 1); break;
    default:
        if (c >= ' ') {
            insert(e, (const char *)&c, 1);
        }
    }
    /* clang-format on */
}

void line_edit_prompt(struct line_edit *e)
{
    print(e, e->prompt);
    print(e, e->line->str);
    for (size_t i = e->cursor; i < e->line->len; i++) {
        print(e, "\b");
    }
}

void line_edit_input(struct line_edit *e, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (e->escape != ESCAPE_NONE) {
            escape_byte(e, buf[i]);
        } else {
            plain_byte(e, buf[i]);
        }
    }
}
