/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/line_edit.h: a line editor for terminals: bytes in, echo and whole lines out.
 *
 * Keys: backspace, Ctrl-U, Ctrl-W, Ctrl-K, Ctrl-A (typed through a mux as Ctrl-A Ctrl-A), Ctrl-E,
 * arrows, Home, End, Delete, history with up and down, completion with Tab.
 * Owns the line and the history.  Thread: one at a time.
 */
#ifndef MONITOR_LINE_EDIT_H
#define MONITOR_LINE_EDIT_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_BYTES 1024
#define HISTORY_MAX    64

struct line_edit {
    const char *prompt;
    GString *line;
    size_t cursor;
    GPtrArray *history;  /* char *, oldest first */
    unsigned history_at; /* history->len: the line being typed */
    char *unfinished;    /* that line while history is looked at */
    unsigned escape;     /* state within an escape sequence */
    unsigned escape_arg;
    /* Called with a line without its end. */
    void (*accept)(void *opaque, const char *line);
    /* Echo. */
    void (*print)(void *opaque, const char *text, size_t n);
    /* Names that may stand at the end of `line` (its last word is a prefix of each), owned strings. */
    GPtrArray *(*complete)(void *opaque, const char *line);
    void *opaque;
};

/* Zero-initialized with prompt and callbacks set. */
void line_edit_init(struct line_edit *e);
void line_edit_clear(struct line_edit *e);
void line_edit_forget(struct line_edit *e); /* the line that was begun; the history stays */
void line_edit_prompt(struct line_edit *e); /* prints the prompt and the line so far */
void line_edit_input(struct line_edit *e, const uint8_t *buf, size_t n);

#endif
