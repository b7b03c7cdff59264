/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_human.c: QMP's x-query-*: the text of a subject of the human monitor's `info`; and answers about what
 * this program has not.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "util/error.h"

static bool info_text(struct qmp_session *s, const char *subject, json_t **result, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (!command_run(command_find(info_commands, subject), qmp_machine(s), "", out, error)) {
        return false;
    }
    *result = json_pack("{s:o}", "human-readable-text", qmp_text(out->str));
    return true;
}

#define TEXT_OF(function, subject)                                                                 \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)args;                                                                                \
        return info_text(s, subject, result, error);                                               \
    }

TEXT_OF(qmp_x_query_irq, "irq")
TEXT_OF(qmp_x_query_jit, "jit")
TEXT_OF(qmp_x_query_numa, "numa")
TEXT_OF(qmp_x_query_opcount, "opcount")
TEXT_OF(qmp_x_query_profile, "profile")
TEXT_OF(qmp_x_query_ramblock, "ramblock")
TEXT_OF(qmp_x_query_rdma, "rdma")
TEXT_OF(qmp_x_query_roms, "roms")

/* What the human monitor's command of a fixed refusal says. */
static bool refuse_as(const char *command, GError **error)
{
    set_error(error, "%s", command_find(monitor_commands, command)->refuses);
    return false;
}

#define REFUSED_AS(function, command)                                                              \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)s;                                                                                   \
        (void)args;                                                                                \
        (void)result;                                                                              \
        return refuse_as(command, error);                                                          \
    }

REFUSED_AS(qmp_replay_break, "replay_break")
REFUSED_AS(qmp_replay_delete_break, "replay_delete_break")
REFUSED_AS(qmp_replay_seek, "replay_seek")
REFUSED_AS(qmp_x_colo_lost_heartbeat, "x_colo_lost_heartbeat")
REFUSED_AS(qmp_x_exit_preconfig, "exit_preconfig")
REFUSED_AS(qmp_dumpdtb, "dumpdtb")

bool qmp_query_replay(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:s, s:i}", "mode", "none", "icount", 0);
    return true;
}

bool qmp_query_colo_status(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:s, s:s, s:s}", "mode", "none", "last-mode", "none", "reason", "none");
    return true;
}

bool qmp_query_sev(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:b, s:i, s:i, s:i, s:i, s:s, s:i}", "enabled", 0, "api-major", 0,
                        "api-minor", 0, "build-id", 0, "policy", 0, "state", "uninit", "handle", 0);
    return true;
}

bool qmp_query_spice(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_pack("{s:b, s:b, s:s}", "enabled", 0, "migrated", 0, "mouse-mode", "client");
    return true;
}

/* Ticks that wait are each device's own, and are caught up with. */
bool qmp_rtc_reset_reinjection(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)result;
    (void)error;
    return true;
}

bool qmp_rocker(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)result;
    set_error(error, "rocker %s not found", qmp_str(args, "name", ""));
    return false;
}

#define REFUSED(function, text)                                                                    \
    bool function(struct qmp_session *s, json_t *args, json_t **result, GError **error)            \
    {                                                                                              \
        (void)s;                                                                                   \
        (void)args;                                                                                \
        (void)result;                                                                              \
        set_error(error, text);                                                                    \
        return false;                                                                              \
    }

REFUSED(qmp_query_sev_capabilities, "KVM not enabled")
REFUSED(qmp_query_sev_launch_measure, "SEV launch measurement is not available")
REFUSED(qmp_query_sev_attestation_report, "SEV is not enabled")
REFUSED(qmp_sev_inject_launch_secret, "SEV not enabled for guest")
REFUSED(qmp_set_numa_node, "The command is permitted only before the machine has been created")
REFUSED(qmp_query_sgx, "No EPC regions defined, SGX not available")
REFUSED(qmp_query_sgx_capabilities, "SGX is not enabled in KVM")

/* Trace events: there are none, so that a pattern meets nothing and a name is unknown. */
static bool trace_events(json_t *args, GError **error)
{
    const char *name = qmp_str(args, "name", "");

    if (!strpbrk(name, "*?")) {
        set_error(error, "unknown event \"%s\"", name);
        return false;
    }
    return true;
}

bool qmp_trace_event_get_state(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    *result = json_array();
    return trace_events(args, error);
}

bool qmp_trace_event_set_state(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)result;
    return trace_events(args, error);
}
