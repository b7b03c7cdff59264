/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/input.c: sendkey, mouse_move, mouse_button and `info mice`.
 * Thread: machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "ui/input.h"
#include "util/error.h"
#include "util/text.h"

#define DEFAULT_HOLD_MS 100
#define MAX_HOLD_MS     60000

/* "ctrl-alt-f1 [hold_ms]" */
bool command_sendkey(struct machine *m, const char *args, GString *out, GError **error)
{
    size_t len = strcspn(args, " \t");
    g_autofree char *keys = g_strndup(args, len);
    uint64_t hold = DEFAULT_HOLD_MS;

    (void)out;
    args += len + strspn(args + len, " \t");
    if (!*keys) {
        set_error(error, "sendkey: give it keys: sendkey ctrl-alt-f1 [hold_ms]");
        return false;
    }
    if (*args && !parse_uint(args, 1, MAX_HOLD_MS, &hold)) {
        set_error(error, "sendkey: the hold time is '%s', must be 1 to %u ms", args, MAX_HOLD_MS);
        return false;
    }
    return input_send_keys(m, keys, (unsigned)hold, error);
}

#define TYPE_MS 20 /* how long a key is held, and how long the next one waits */

/* The rest of the line; a backslash before n, t, e and itself. */
bool command_type(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autoptr(GString) text = g_string_new(NULL);

    (void)out;
    for (const char *p = args; *p; p++) {
        static const char letters[] = "nte\\", meant[] = "\n\t\x1b\\";
        const char *found = *p == '\\' && p[1] ? strchr(letters, p[1]) : NULL;

        g_string_append_c(text, found ? meant[found - letters] : *p);
        p += found != NULL;
    }
    return input_type(m, text->str, TYPE_MS, error);
}

/* A decimal number of a few digits, with a sign. */
static bool parse_motion(const char *text, int *out)
{
    gint64 v;

    if (!g_ascii_string_to_signed(*text == '+' ? text + 1 : text, 10, -32767, 32767, &v, NULL)) {
        return false;
    }
    *out = (int)v;
    return true;
}

/* "dx dy [dz]"; a device that takes positions is told one. */
bool command_mouse_move(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", -1);
    const struct input_handler *h = input_pointer_handler(m);
    int v[3] = { 0 };
    unsigned n = 0;

    (void)out;
    for (unsigned i = 0; words[i]; i++) {
        if (*words[i] && (n == 3 || !parse_motion(words[i], &v[n++]))) {
            n = 0;
            break;
        }
    }
    if (n < 2) {
        set_error(error, "mouse_move: give it dx dy [dz], each -32767 to 32767");
        return false;
    }
    if (!h) {
        set_error(error, "mouse_move: the machine has no mouse");
        return false;
    }
    if (h->absolute) {
        input_move_to(m, v[0], v[1]);
    } else {
        input_move(m, v[0], v[1], v[2]);
    }
    return true;
}

/* 1 left, 2 middle, 4 right. */
bool command_mouse_button(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t state;

    (void)out;
    if (!parse_uint(args, 0, 7, &state)) {
        set_error(error,
                  "mouse_button: the state is '%s', must be the sum of 1 left, 2 middle, 4 right",
                  args);
        return false;
    }
    if (!input_pointer_handler(m)) {
        set_error(error, "mouse_button: the machine has no mouse");
        return false;
    }
    input_buttons(m, (uint8_t)((state & 1 ? INPUT_LEFT : 0) | (state & 2 ? INPUT_MIDDLE : 0) |
                               (state & 4 ? INPUT_RIGHT : 0)));
    return true;
}

bool command_info_mice(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    input_print_mice(m, out);
    return true;
}
