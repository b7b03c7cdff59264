/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/screen.c: the guest's screen as a file or as lines of text.
 * Thread: machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "monitor/qom.h"
#include "softmmu/machine.h"
#include "ui/surface.h"
#include "util/error.h"
#include "util/text.h"

#define USAGE "screendump FILE [-f ppm|png] [DEVICE [HEAD]]"

/* FILE [-f FORMAT] [DEVICE [HEAD]]; the option may stand anywhere. */
bool command_screendump(struct machine *m, const char *args, GString *out, GError **error)
{
    const char *given[3] = { NULL }, *format = NULL; /* file, device, head */
    g_auto(GStrv) words = NULL;
    struct device *device = NULL;
    uint64_t head = 0;
    unsigned filled = 0;
    int n = 0;

    (void)out;
    if (*args && !g_shell_parse_argv(args, &n, &words, error)) {
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (strcmp(words[i], "-f") == 0 && i + 1 < n) {
            format = words[++i];
        } else if (filled < G_N_ELEMENTS(given) && words[i][0] != '-') {
            given[filled++] = words[i];
        } else {
            set_error(error, "screendump: '%s' is too much: " USAGE, words[i]);
            return false;
        }
    }
    if (!filled) {
        set_error(error, "screendump: which file? " USAGE);
        return false;
    }
    if (given[1]) {
        device = qom_find_device(m, given[1], error);
        if (!device) {
            return false;
        }
    }
    if (given[2] && !parse_uint(given[2], 0, UINT16_MAX, &head)) {
        set_error(error, "screendump: the head is '%s', must be 0 to 65535", given[2]);
        return false;
    }
    return screendump(m, device, (unsigned)head, given[0], format, error);
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
