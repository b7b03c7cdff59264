/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/chardev.c: character devices: `info chardev`, chardev-add and its like, ringbuf_read, ringbuf_write.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "chardev/chardev.h"
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

#define READ_MOST (1u << 20) /* bytes of a ringbuf at once */

bool command_info_chardev(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        const struct chardev *c = g_ptr_array_index(m->chardevs, i);

        g_string_append_printf(out, "%s: filename=%s\n", chardev_label(c), chardev_filename(c));
    }
    return true;
}

/* BACKEND,id=ID[,OPTIONS] */
bool command_chardev_add(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(args, "backend");
    const char *backend = options_get(opts, "backend"), *id = options_get(opts, "id");

    if (strcmp(args, "help") == 0 || strcmp(args, "?") == 0) {
        chardev_print_list(out);
        return true;
    }
    if (!backend || !id) {
        set_error(error, backend ? "chardev: no id specified" : "chardev-add: string expected");
        return false;
    }
    return chardev_new_options(m, backend, id, opts, error);
}

/* ID BACKEND[,OPTIONS] */
bool command_chardev_change(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *id = g_strndup(args, strcspn(args, " \t"));
    g_autoptr(GPtrArray) opts = NULL;
    const char *backend;

    (void)out;
    args += strlen(id);
    opts = parse_options(args + strspn(args, " \t"), "backend");
    backend = options_get(opts, "backend");
    if (!backend || !*backend) {
        set_error(error, "chardev-change: string expected: chardev-change ID BACKEND[,OPTIONS]");
        return false;
    }
    return chardev_change(m, id, backend, opts, error);
}

bool command_chardev_remove(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return chardev_remove(m, args, error);
}

bool command_chardev_send_break(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return chardev_send_break(m, args, error);
}

/* Rings ----------------------------------------------------------------------------------------- */

/* The ring that the first word names; *args goes on behind it. */
static struct chardev *take_ring(struct machine *m, const char **args, GError **error)
{
    g_autofree char *id = g_strndup(*args, strcspn(*args, " \t"));
    struct chardev *c = chardev_find(m, id);

    *args += strlen(id);
    *args += strspn(*args, " \t");
    if (!c) {
        set_error(error, "Device '%s' not found", id);
        return NULL;
    }
    if (!chardev_is_ringbuf(c)) {
        set_error(error, "%s is not a ringbuf device", id);
        return NULL;
    }
    return c;
}

/* A word as it stands, or "TEXT" with \n, \r, \\, \', \" in it; the whole of `args`. NULL and *error. */
static char *take_text(const char *args, GError **error)
{
    static const char escapes[] = "n\nr\r\\\\''\"\"";
    g_autoptr(GString) text = g_string_new(NULL);
    const char *p = args;

    if (*p != '"') {
        g_string_append_len(text, p, (gssize)strcspn(p, " \t"));
        p += text->len;
    } else {
        for (p++; *p && *p != '"'; p++) {
            const char *e = *p == '\\' && p[1] ? strchr(escapes, p[1]) : NULL;

            if (*p == '\\' && (!e || (e - escapes) % 2)) {
                set_error(error, "ringbuf_write: unsupported escape code: '\\%c'", p[1]);
                return NULL;
            }
            g_string_append_c(text, e ? e[1] : *p);
            p += e != NULL;
        }
        if (*p != '"') {
            set_error(error, "ringbuf_write: unterminated string");
            return NULL;
        }
        p++;
    }
    if (p[strspn(p, " \t")]) {
        set_error(error, "ringbuf_write: extraneous characters at the end of line");
        return NULL;
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

bool command_ringbuf_write(struct machine *m, const char *args, GString *out, GError **error)
{
    struct chardev *c = take_ring(m, &args, error);
    g_autofree char *text = NULL;

    (void)out;
    if (!c) {
        return false;
    }
    if (!*args) {
        set_error(error, "ringbuf_write: string expected");
        return false;
    }
    text = take_text(args, error);
    if (text) {
        chardev_write(c, text, strlen(text));
    }
    return text != NULL;
}

/* Control characters as \uXXXX, the backslash doubled. */
bool command_ringbuf_read(struct machine *m, const char *args, GString *out, GError **error)
{
    struct chardev *c = take_ring(m, &args, error);
    g_autofree uint8_t *bytes = NULL;
    uint64_t size;
    size_t n;

    if (!c) {
        return false;
    }
    if (!parse_uint(args, 1, INT32_MAX, &size)) {
        set_error(error,
                  strcmp(args, "0") == 0
                      ? "size must be greater than zero"
                      : "ringbuf_read: the size is '%s', must be 1 to 2147483647",
                  args);
        return false;
    }
    size = MIN(MIN(size, READ_MOST), ringbuf_waiting(c));
    bytes = g_malloc(size + 1);
    n = ringbuf_read(c, bytes, size);
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '\\') {
            g_string_append(out, "\\\\");
        } else if ((bytes[i] < 0x20 && bytes[i] != '\n') || bytes[i] == 0x7f) {
            g_string_append_printf(out, "\\u%04X", bytes[i]);
        } else {
            g_string_append_c(out, (char)bytes[i]);
        }
    }
    g_string_append_c(out, '\n');
    return true;
}
