/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_machine.c: commands about the session and the machine's life.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "monitor/monitor.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "util/error.h"

bool qmp_capabilities(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)result;
    (void)error;
    /* There is one capability. */
    qmp_session_enable(s, json_array_size(json_object_get(args, "enable")) > 0);
    return true;
}

/* The human monitor's command of that name, which takes no arguments. */
static bool run_human(struct qmp_session *s, const char *name, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    return command_run(command_find(monitor_commands, name), qmp_machine(s), "", out, error);
}

#define SAME_AS_HUMAN(function, name)                                                              \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)args;                                                                                \
        (void)result;                                                                              \
        return run_human(s, name, error);                                                          \
    }

SAME_AS_HUMAN(qmp_stop, "stop")
SAME_AS_HUMAN(qmp_cont, "cont")
SAME_AS_HUMAN(qmp_quit, "quit")
SAME_AS_HUMAN(qmp_system_reset, "system_reset")
SAME_AS_HUMAN(qmp_system_powerdown, "system_powerdown")
SAME_AS_HUMAN(qmp_system_wakeup, "system_wakeup")
SAME_AS_HUMAN(qmp_inject_nmi, "nmi")

bool qmp_set_action(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine_config *c = &qmp_machine(s)->config;
    const char *reboot = qmp_str(args, "reboot", NULL), *panic = qmp_str(args, "panic", NULL);
    const char *shutdown = qmp_str(args, "shutdown", NULL);
    const char *watchdog = qmp_str(args, "watchdog", NULL);

    (void)result;
    if (reboot) {
        c->no_reboot = strcmp(reboot, "shutdown") == 0;
    }
    if (shutdown) {
        c->no_shutdown = strcmp(shutdown, "pause") == 0;
    }
    for (unsigned i = 0; panic && i < PANIC_ACTION_COUNT; i++) {
        if (strcmp(panic_action_names[i], panic) == 0) {
            c->panic = i;
        }
    }
    return !watchdog || watchdog_set_action(qmp_machine(s), watchdog, error);
}

/* Lines of terminals: \r\n. */
static json_t *human_text(const GString *out)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (const char *p = out->str; *p; p++) {
        g_string_append(text, *p == '\n' ? "\r" : "");
        g_string_append_c(text, *p);
    }
    return qmp_text(text->str);
}

bool qmp_human_monitor_command(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    g_autoptr(GString) out = g_string_new(NULL);
    int64_t cpu = qmp_int(args, "cpu-index", 0);
    unsigned before = m->monitor_cpu;

    if (cpu < 0 || (cpu > 0 && cpu >= m->n_vcpus)) {
        set_error(error, "Parameter 'cpu-index' expects a CPU number");
        return false;
    }
    m->monitor_cpu = (unsigned)cpu;
    monitor_execute(m, qmp_str(args, "command-line", ""), out);
    m->monitor_cpu = before;
    *result = human_text(out);
    return true;
}
