/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/watchdog.c: what a watchdog that goes off does from now on: `watchdog_action`, and QMP's.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "util/error.h"

bool watchdog_set_action(struct machine *m, const char *name, GError **error)
{
    g_autoptr(GString) allowed = g_string_new(NULL);

    for (unsigned i = 0; i < WATCHDOG_ACTION_COUNT; i++) {
        if (strcmp(watchdog_action_names[i], name) == 0) {
            m->config.watchdog = i;
            return true;
        }
        g_string_append_printf(allowed, "%s%s", i ? ", " : "", watchdog_action_names[i]);
    }
    set_error(error, "invalid parameter value: '%s'; it can be: %s", name, allowed->str);
    return false;
}

bool command_watchdog_action(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return watchdog_set_action(m, args, error);
}

bool qmp_watchdog_set_action(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    return watchdog_set_action(qmp_machine(s), qmp_str(args, "action", ""), error);
}
