/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/json_stream.c: see json_stream.h, also for the thread. */
#include <string.h>
#include "util/json_stream.h"

void json_stream_init(struct json_stream *s)
{
    s->text = g_string_new(NULL);
    json_stream_reset(s);
}

void json_stream_clear(struct json_stream *s)
{
    g_string_free(s->text, TRUE);
}

void json_stream_reset(struct json_stream *s)
{
    g_string_truncate(s->text, 0);
    s->depth = 0;
    s->quote = 0;
    s->escaped = false;
}

/* The callback may reset the stream or feed it: it gets a text of its own. */
static void emit(struct json_stream *s)
{
    g_autofree char *text = g_strndup(s->text->str, s->text->len);
    size_t len = s->text->len;

    json_stream_reset(s);
    if (len > 0) {
        s->value(s->opaque, text, len, NULL);
    }
}

static void fail(struct json_stream *s, const char *problem)
{
    json_stream_reset(s);
    s->value(s->opaque, NULL, 0, problem);
}

/* A byte of a string: its quotes are written ", whatever they were. */
static void in_string(struct json_stream *s, char byte)
{
    if (s->escaped) {
        s->escaped = false;
        if (byte == '\'') { /* needs no backslash any more */
            g_string_truncate(s->text, s->text->len - 1);
        }
        g_string_append_c(s->text, byte);
    } else if (byte == s->quote) {
        s->quote = 0;
        g_string_append_c(s->text, '"');
        if (s->depth == 0) {
            emit(s);
        }
    } else {
        s->escaped = byte == '\\';
        g_string_append(s->text, byte == '"' ? "\\" : "");
        g_string_append_c(s->text, byte);
    }
}

static void open_nested(struct json_stream *s, char byte)
{
    if (s->depth == 0) {
        emit(s); /* "3{" are two values */
    }
    if (s->depth >= s->max_depth) {
        fail(s, "the value is nested too deeply");
        return;
    }
    s->depth++;
    g_string_append_c(s->text, byte);
}

/* A bracket that does not match is left to the parser. */
static void close_nested(struct json_stream *s, char byte)
{
    g_string_append_c(s->text, byte);
    if (s->depth == 0 || --s->depth == 0) {
        emit(s);
    }
}

static void outside_strings(struct json_stream *s, char byte)
{
    if (byte == '{' || byte == '[') {
        open_nested(s, byte);
    } else if (byte == '}' || byte == ']') {
        close_nested(s, byte);
    } else if (byte == '"' || byte == '\'') {
        if (s->depth == 0) {
            emit(s);
        }
        s->quote = byte;
        g_string_append_c(s->text, '"');
    } else if (!strchr(" \t\r\n", byte)) {
        g_string_append_c(s->text, byte);
    } else if (s->depth > 0) {
        g_string_append_c(s->text, ' ');
    } else {
        emit(s); /* a number or a word ends here */
    }
}

static bool is_invalid(const struct json_stream *s, uint8_t byte)
{
    bool blank = byte == '\t' || byte == '\r' || byte == '\n';

    return byte == 0xff || (byte < 0x20 && (s->quote || !blank));
}

void json_stream_feed(struct json_stream *s, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_invalid(s, buf[i])) {
            fail(s, "invalid character");
        } else if (s->text->len >= s->max_bytes) {
            fail(s, "the value is too long");
        } else if (s->quote) {
            in_string(s, (char)buf[i]);
        } else {
            outside_strings(s, (char)buf[i]);
        }
    }
}
