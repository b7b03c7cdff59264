/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/info_machine.c: `info` subjects that tell for people what QMP's queries tell for programs, and the
 * monitor's own history.
 * Thread: main loop, machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include "accel/kvm/kvm.h"
#include "monitor/command.h"
#include "monitor/monitor.h"
#include "monitor/qmp_command.h"
#include "softmmu/machine.h"
#include "util/error.h"

bool command_info_uuid(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    g_string_append_printf(
        out, "%s\n", m->config.uuid ? m->config.uuid : "00000000-0000-0000-0000-000000000000");
    return true;
}

bool command_info_numa(struct machine *m, const char *args, GString *out, GError **error)
{
    const struct numa_config *numa = &m->config.numa;

    (void)args;
    (void)error;
    g_string_append_printf(out, "%u nodes\n", numa->n_nodes);
    for (unsigned n = 0; n < numa->n_nodes; n++) {
        g_string_append_printf(out, "node %u cpus:", n);
        for (unsigned cpu = 0; cpu < m->config.cpus; cpu++) {
            if (numa->cpu_node[cpu] == n) {
                g_string_append_printf(out, " %u", cpu);
            }
        }
        g_string_append_printf(out, "\nnode %u size: %" PRIu64 " MB\nnode %u plugged: 0 MB\n", n,
                               numa->nodes[n].mem >> 20, n);
    }
    return true;
}

bool command_info_kvm(struct machine *m, const char *args, GString *out, GError **error)
{
    json_t *o = NULL;

    (void)args;
    if (!qmp_call(m, qmp_query_kvm, NULL, &o, error)) {
        return false;
    }
    g_string_append_printf(out, "kvm support: %s\n",
                           json_is_true(json_object_get(o, "enabled")) ? "enabled" : "disabled");
    kvm_print(m, out);
    json_decref(o);
    return true;
}

bool command_info_hotpluggable_cpus(struct machine *m, const char *args, GString *out,
                                    GError **error)
{
    static const char *const keys[] = { "node-id",    "socket-id", "die-id",
                                        "cluster-id", "core-id",   "thread-id" };
    json_t *list = NULL, *o;
    size_t i;

    (void)args;
    if (!qmp_call(m, qmp_query_hotpluggable_cpus, NULL, &list, error)) {
        return false;
    }
    g_string_append(out, "Hotpluggable CPUs:\n");
    json_array_foreach(list, i, o)
    {
        const char *path = json_string_value(json_object_get(o, "qom-path"));

        g_string_append_printf(out, "  type: \"%s\"\n  vcpus_count: \"%" JSON_INTEGER_FORMAT "\"\n",
                               json_string_value(json_object_get(o, "type")),
                               json_integer_value(json_object_get(o, "vcpus-count")));
        if (path) {
            g_string_append_printf(out, "  qom_path: \"%s\"\n", path);
        }
        g_string_append(out, "  CPUInstance Properties:\n");
        for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++) {
            const json_t *v = json_object_get(json_object_get(o, "props"), keys[k]);

            if (v) {
                g_string_append_printf(out, "    %s: \"%" JSON_INTEGER_FORMAT "\"\n", keys[k],
                                       json_integer_value(v));
            }
        }
    }
    json_decref(list);
    return true;
}

bool command_info_vm_generation_id(struct machine *m, const char *args, GString *out,
                                   GError **error)
{
    json_t *o = NULL;

    (void)args;
    if (!qmp_call(m, qmp_query_vm_generation_id, NULL, &o, error)) {
        return false;
    }
    g_string_append_printf(out, "%s\n", json_string_value(json_object_get(o, "guid")));
    json_decref(o);
    return true;
}

/* Counters as query-blockstats has them, by the names that people know. */
bool command_info_blockstats(struct machine *m, const char *args, GString *out, GError **error)
{
    static const struct {
        const char *shown, *key;
    } rows[] = {
        { "rd_bytes", "rd_bytes" },
        { "wr_bytes", "wr_bytes" },
        { "rd_operations", "rd_operations" },
        { "wr_operations", "wr_operations" },
        { "flush_operations", "flush_operations" },
        { "wr_total_time_ns", "wr_total_time_ns" },
        { "rd_total_time_ns", "rd_total_time_ns" },
        { "flush_total_time_ns", "flush_total_time_ns" },
        { "rd_merged", "rd_merged" },
        { "wr_merged", "wr_merged" },
        { "idle_time_ns", "idle_time_ns" },
    };
    json_t *list = NULL, *o, *empty = json_object();
    size_t i;
    bool ok;

    (void)args;
    ok = qmp_call(m, qmp_query_blockstats, empty, &list, error);
    json_array_foreach(list, i, o)
    {
        json_t *stats = json_object_get(o, "stats");

        g_string_append_printf(out, "%s:", json_string_value(json_object_get(o, "device")));
        for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
            g_string_append_printf(out, " %s=%" JSON_INTEGER_FORMAT, rows[k].shown,
                                   json_integer_value(json_object_get(stats, rows[k].key)));
        }
        g_string_append_c(out, '\n');
    }
    json_decref(list);
    json_decref(empty);
    return ok;
}

/* The types of devices, as -device help lists them. */
bool command_info_qdm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    (void)args;
    (void)error;
    device_print_list(out);
    return true;
}

/* Of the monitor that asks. */
bool command_info_history(struct machine *m, const char *args, GString *out, GError **error)
{
    const GPtrArray *lines = m->monitor ? monitor_history(m->monitor) : NULL;

    (void)args;
    (void)error;
    for (unsigned i = 0; lines && i < lines->len; i++) {
        g_string_append_printf(out, "%u: '%s'\n", i, (const char *)g_ptr_array_index(lines, i));
    }
    return true;
}

/* TARGET [NAMES] [PROVIDER]: what hardware virtualization counts; here nothing does. */
bool command_info_stats(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autofree char *target = g_strndup(args, strcspn(args, " "));

    (void)m;
    (void)out;
    if (strcmp(target, "vm") != 0 && strcmp(target, "vcpu") != 0) {
        set_error(error, "info stats: target is '%s', must be vm or vcpu", target);
        return false;
    }
    return true;
}

bool command_info_rocker(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    (void)out;
    set_error(error, "rocker %.*s not found", (int)strcspn(args, " "), args);
    return false;
}
