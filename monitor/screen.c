/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/screen.c: the guest's screen as a file or as lines of text.
 * Thread: machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "ui/surface.h"
#include "util/error.h"

/* FILE [-f FORMAT]; the option may also come first. */
bool command_screendump(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = NULL;
    const char *path = NULL, *format = NULL;
    int n = 0;

    (void)out;
    if (*args && !g_shell_parse_argv(args, &n, &words, error)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], "-f") == 0 && i + 1 < n) {
            format = words[++i];
        } else if (!path && words[i][0] != '-') {
            path = words[i];
        } else {
            set_error(error, "screendump: '%s' is too much: screendump FILE [-f ppm|png]",
                      words[i]);
            return false;
        }
    }
    if (!path) {
        set_error(error, "screendump: which file? screendump FILE [-f ppm|png]");
        return false;
    }
    return screendump(m, path, format, error);
}

bool command_screentext(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    if (!m->displays) {
        set_error(error, "there is no screen: start with -vga std or -device VGA");
        return false;
    }
    return console_text(m->displays, out, error);
}
