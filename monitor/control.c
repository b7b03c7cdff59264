/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/control.c: small commands that change how the machine or the program goes on: logfile, singlestep,
 * boot_set, mouse_set, trace-event, sync-profile.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "softmmu/machine.h"
#include "ui/input.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

bool command_logfile(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    (void)out;
    if (!*args) {
        set_error(error, "logfile: which file?");
        return false;
    }
    return log_set_file(args, error);
}

/* [on|off]: the engines execute one instruction at a time, so that -d exec tells of each. */
bool command_singlestep(struct machine *m, const char *args, GString *out, GError **error)
{
    bool on = !*args || strcmp(args, "on") == 0;

    (void)out;
    if (!on && strcmp(args, "off") != 0) {
        set_error(error, "unexpected option %s", args);
        return false;
    }
    if (!cpu_access_begin(m, error)) {
        return false;
    }
    m->debugger.one_insn = on;
    if (m->debugger.stop.reason == DEBUG_STOP_NONE) { /* else it is told when the machine runs on */
        debugger_apply(m);
    }
    cpu_access_end(m);
    return true;
}

/* The pointer of that number in `info mice` gets what the person does from now on. */
bool command_mouse_set(struct machine *m, const char *args, GString *out, GError **error)
{
    uint64_t n;

    (void)out;
    if (!parse_uint(args, 0, UINT32_MAX, &n)) {
        set_error(error, "mouse_set: '%s' is no number; info mice shows them", args);
        return false;
    }
    if (!input_select_pointer(m, (unsigned)n)) {
        set_error(error, "Mouse at index '%s' not found", args);
        return false;
    }
    return true;
}

/* LETTERS: what firmware tries from the next reset on. */
bool command_boot_set(struct machine *m, const char *args, GString *out, GError **error)
{
    size_t known = strspn(args, "abcdn");

    if (!*args) {
        set_error(error, "boot_set: which drives? a, b floppy, c disk, d CD, n network");
        return false;
    }
    if (args[known]) {
        set_error(error, "Invalid boot device '%c'", args[known]);
        return false;
    }
    for (const char *p = args; *p; p++) {
        if (strchr(p + 1, *p)) {
            set_error(error, "Boot device '%c' was given twice", *p);
            return false;
        }
    }
    if (known > 3) {
        set_error(error, "Too many boot devices for PC");
        return false;
    }
    g_free(m->config.boot.order);
    m->config.boot.order = g_strdup(args);
    g_string_append_printf(out, "boot device list now set to %s\n", args);
    return true;
}

/* NAME on|off: there are no trace events. */
bool command_trace_event(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *name = g_strndup(args, strcspn(args, " "));

    (void)m;
    (void)out;
    set_error(error, "unknown event \"%s\": what is logged is chosen with 'log'", name);
    return false;
}

/* [on|off|reset] */
bool command_sync_profile(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    if (*args && strcmp(args, "off") != 0 && strcmp(args, "reset") != 0) {
        set_error(error, strcmp(args, "on") == 0 ? "sync-profile: locks are not profiled: use perf"
                                                 : "sync-profile: it takes on, off or reset");
        return false;
    }
    if (!*args) {
        g_string_append(out, "sync-profile is off\n");
    }
    return true;
}
