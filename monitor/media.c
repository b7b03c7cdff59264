/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/media.c: `info block`, `eject` and `change`: what is in the drives.
 * Thread: machine lock held.
 */
#include <string.h>
#include "block/block.h"
#include "monitor/command.h"
#include "util/error.h"

#define MAX_WORDS 5

/* Takes the option `-X` out of the words: was it there? */
static bool take_flag(char **words, const char *flag)
{
    bool found = false;
    unsigned to = 0;

    for (unsigned i = 0; words[i]; i++) {
        if (strcmp(words[i], flag) == 0) {
            found = true;
            g_free(words[i]);
        } else {
            words[to++] = words[i];
        }
    }
    words[to] = NULL;
    return found;
}

/* The drive named, or NULL and *error. */
static struct block_backend *find_drive(struct machine *m, const char *id, GError **error)
{
    struct block_backend *blk = block_backend_find(m, id);

    if (!blk) {
        set_error(error, "Device '%s' not found", id);
    }
    return blk;
}

static char **split(const char *command, const char *args, GError **error)
{
    char **words = NULL;

    if (!g_shell_parse_argv(args, NULL, &words, error)) {
        g_prefix_error(error, "%s: ", command);
    }
    return words;
}

/* [-v] [DEVICE] */
bool command_info_block(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = *args ? split("info block", args, error) : g_new0(char *, 1);
    bool verbose;

    if (!words) {
        return false;
    }
    verbose = take_flag(words, "-v");
    if (words[0] && words[1]) {
        set_error(error, "info block: give it [-v] [DEVICE]");
        return false;
    }
    if (!block_print(m, words[0], verbose, out)) {
        set_error(error, "Device '%s' not found", words[0]);
        return false;
    }
    return true;
}

/* [-f] DRIVE */
bool command_eject(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = *args ? split("eject", args, error) : g_new0(char *, 1);
    struct block_backend *blk;
    bool force;

    (void)out;
    if (!words) {
        return false;
    }
    force = take_flag(words, "-f");
    if (g_strv_length(words) != 1) {
        set_error(error, "eject: which drive? eject [-f] DRIVE; 'info block' lists them");
        return false;
    }
    blk = find_drive(m, words[0], error);
    return blk && block_backend_eject(blk, force, error);
}

/* "retain", "read-only" or "read-write". */
static bool set_mode(struct block_open_options *o, const char *mode, GError **error)
{
    if (strcmp(mode, "read-only") == 0 || strcmp(mode, "read-write") == 0) {
        o->read_only = mode[5] == 'o';
        return true;
    }
    if (strcmp(mode, "retain") != 0) {
        set_error(error, "change: the mode is '%s', must be one of: retain, read-only, read-write",
                  mode);
        return false;
    }
    return true;
}

/* [-f] DRIVE FILE [FORMAT [MODE]].  An image that does not open leaves the old medium in. */
bool command_change(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = *args ? split("change", args, error) : g_new0(char *, 1);
    struct block_open_options o;
    struct block_backend *blk;
    unsigned n;
    bool force;

    (void)out;
    if (g_str_has_prefix(args, "vnc ")) {
        return command_change_vnc(m, args + strlen("vnc "), error);
    }
    if (!words) {
        return false;
    }
    force = take_flag(words, "-f");
    n = g_strv_length(words);
    if (n < 2 || n >= MAX_WORDS) {
        set_error(error, "change: give it change [-f] DRIVE FILE [FORMAT [retain|read-only|"
                         "read-write]]");
        return false;
    }
    blk = find_drive(m, words[0], error);
    if (!blk) {
        return false;
    }
    o = blk->options;
    o.filename = words[1];
    o.format = n > 2 ? words[2] : NULL;
    if (n > 3 && !set_mode(&o, words[3], error)) {
        return false;
    }
    return block_backend_change(blk, &o, force, error);
}
