/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/migration.c: machines that are saved or go elsewhere: `savevm`, `loadvm`, `delvm`, `info snapshots`,
 * `migrate`, `migrate_*`, `info migrate`, `info migrate_*`.
 * Thread: machine lock held.
 */
#include <inttypes.h>
#include <string.h>
#include "migration/migration.h"
#include "migration/snapshot.h"
#include "monitor/command.h"
#include "util/error.h"
#include "util/text.h"

/* One word, or none. */
static bool check_tag(const char *command, const char *args, bool needed, GError **error)
{
    if ((needed && !*args) || strpbrk(args, " \t")) {
        set_error(error, "%s: see 'help %s' for what it takes", command, command);
        return false;
    }
    return true;
}

bool command_savevm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return check_tag("savevm", args, false, error) &&
           snapshot_save(m, *args ? args : NULL, NULL, error);
}

bool command_loadvm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return check_tag("loadvm", args, true, error) && snapshot_load(m, args, NULL, error);
}

bool command_delvm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return check_tag("delvm", args, true, error) && snapshot_delete(m, args, NULL, error);
}

/* Those of a disk that are on all of them, or that are not, under a heading if there are any. */
static bool print_list(const GPtrArray *disks, struct block_node *disk, bool complete,
                       const char *heading, GString *out)
{
    g_autoptr(GPtrArray) list = block_snapshots(disk);
    bool any = false;

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(list, i);

        if (snapshot_is_complete(disks, s->name) != complete) {
            continue;
        }
        if (!any) {
            g_string_append_printf(out, "%s%s", heading, BLOCK_SNAPSHOT_HEADING);
        }
        any = true;
        block_snapshot_print(s, complete ? "--" : s->id, out);
    }
    return any;
}

bool command_info_snapshots(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autoptr(GPtrArray) disks = snapshot_disks(m, NULL, error);
    bool any;

    (void)args;
    if (!disks) {
        return false;
    }
    any = print_list(disks, g_ptr_array_index(disks, 0), true,
                     "List of snapshots present on all disks:\n", out);
    if (!any) {
        g_string_append(out, "There is no snapshot available.\n");
    }
    for (unsigned i = 0; i < disks->len; i++) {
        struct block_node *disk = g_ptr_array_index(disks, i);
        g_autofree char *heading = g_strdup_printf(
            "\nList of partial (non-loadable) snapshots on '%s':\n", snapshot_disk_title(m, disk));

        print_list(disks, disk, false, heading, out);
    }
    return true;
}

/* Migration ------------------------------------------------------------------------------------- */

/* Other monitors, and what the migration asks for, go on meanwhile. */
static bool wait_for_the_end(struct machine *m, GError **error)
{
    struct migration_info info;

    while (migration_is_running(m) && !m->quit) {
        machine_iterate(m, true);
    }
    migration_query(m, &info);
    if (info.status == MIGRATION_FAILED) {
        set_error(error, "%s", info.error);
        return false;
    }
    return true;
}

bool command_migrate(struct machine *m, const char *args, GString *out, GError **error)
{
    bool detach = false;

    (void)out;
    while (*args == '-') {
        size_t n = strcspn(args, " \t");

        if (n != 2 || !strchr("dbir", args[1])) {
            set_error(error, "migrate: unsupported option '%.*s'", (int)n, args);
            return false;
        }
        if (args[1] != 'd') {
            set_error(error, "migrate -%c is not supported%s", args[1],
                      args[1] == 'r' ? "" : ": use drive_mirror");
            return false;
        }
        detach = true;
        args += n + strspn(args + n, " \t");
    }
    if (!*args) {
        set_error(error, "migrate: string expected");
        return false;
    }
    return migration_start(m, args, -1, error) && (detach || wait_for_the_end(m, error));
}

bool command_migrate_cancel(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)out;
    (void)error;
    migration_cancel(m);
    return true;
}

bool command_migrate_continue(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    if (strcmp(args, migration_status_names[MIGRATION_PRE_SWITCHOVER]) != 0) {
        set_error(error, "Migration not in expected state: %s", args);
        return false;
    }
    return migration_continue(m, error);
}

bool command_migrate_incoming(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return migration_incoming(m, args, -1, error);
}

/* "name value" */
static bool split(const char *command, const char *args, char **name, const char **value,
                  GError **error)
{
    size_t n = strcspn(args, " \t");

    *value = args + n + strspn(args + n, " \t");
    if (n == 0 || !**value || strpbrk(*value, " \t")) {
        set_error(error, "%s: see 'help %s' for what it takes", command, command);
        return false;
    }
    *name = g_strndup(args, n);
    return true;
}

bool command_migrate_set_capability(struct machine *m, const char *args, GString *out,
                                    GError **error)
{
    g_autofree char *name = NULL;
    const char *value;
    bool on;

    (void)out;
    if (!split("migrate_set_capability", args, &name, &value, error)) {
        return false;
    }
    if (!parse_bool(value, &on)) {
        set_error(error, "Expected 'on' or 'off'");
        return false;
    }
    return migration_set_capability(m, name, on, error);
}

bool command_migrate_set_parameter(struct machine *m, const char *args, GString *out,
                                   GError **error)
{
    g_autofree char *name = NULL;
    const char *value;

    (void)out;
    return split("migrate_set_parameter", args, &name, &value, error) &&
           migration_set_parameter_text(m, name, value, error);
}

static void print_time(const char *what, int64_t ms, GString *out)
{
    if (ms >= 0) {
        g_string_append_printf(out, "%s: %" PRId64 " ms\n", what, ms);
    }
}

bool command_info_migrate(struct machine *m, const char *args, GString *out, GError **error)
{
    struct migration_info i;

    (void)args;
    (void)error;
    migration_query(m, &i);
    if (i.status == MIGRATION_NONE) {
        return true;
    }
    g_string_append_printf(out, "Migration status: %s", migration_status_names[i.status]);
    g_string_append_printf(out, i.error ? " (%s)\n" : "\n", i.error);
    print_time("total time", i.total_time, out);
    print_time("expected downtime", migration_is_running(m) ? i.expected_downtime : -1, out);
    print_time("downtime", i.downtime, out);
    print_time("setup", i.setup_time, out);
    if (i.cpu_throttle) {
        g_string_append_printf(out, "cpu throttle percentage: %u\n", i.cpu_throttle);
    }
    if (!i.total) {
        return true;
    }
    g_string_append_printf(out,
                           "transferred ram: %" PRIu64 " kbytes\nthroughput: %.2f mbps\n"
                           "remaining ram: %" PRIu64 " kbytes\ntotal ram: %" PRIu64 " kbytes\n"
                           "duplicate: %" PRIu64 " pages\nskipped: 0 pages\n"
                           "normal: %" PRIu64 " pages\nnormal bytes: %" PRIu64 " kbytes\n"
                           "dirty sync count: %" PRIu64 "\npage size: 4 kbytes\n"
                           "multifd bytes: %" PRIu64 " kbytes\npages-per-second: %" PRIu64 "\n",
                           i.transferred >> 10, i.mbps, i.remaining >> 10, i.total >> 10,
                           i.duplicate, i.normal, i.normal * 4, i.dirty_syncs,
                           i.multifd_bytes >> 10, i.pages_per_second);
    if (i.dirty_pages_rate && migration_is_running(m)) {
        g_string_append_printf(out, "dirty pages rate: %" PRIu64 " pages\n", i.dirty_pages_rate);
    }
    return true;
}

bool command_info_migrate_capabilities(struct machine *m, const char *args, GString *out,
                                       GError **error)
{
    (void)args;
    (void)error;
    for (unsigned i = 0; migration_capabilities[i].name; i++) {
        g_string_append_printf(out, "%s: %s\n", migration_capabilities[i].name,
                               migration_capability(m, i) ? "on" : "off");
    }
    return true;
}

static void print_parameter(struct machine *m, enum migration_parameter p, GString *out)
{
    const struct migration_parameter_row *row = &migration_parameters[p];
    uint64_t v = migration_parameter(m, p);

    if (row->kind == MIGRATION_BOOL) {
        g_string_append_printf(out, "%s: %s\n", row->name, v ? "on" : "off");
    } else if (row->kind == MIGRATION_CHOICE) {
        g_autofree char *word = migration_parameter_word(m, p);

        g_string_append_printf(out, "%s: %s\n", row->name, word);
    } else {
        g_string_append_printf(out, "%s: %" PRIu64 "%s\n", row->name, v, row->unit);
    }
}

bool command_info_migrate_parameters(struct machine *m, const char *args, GString *out,
                                     GError **error)
{
    (void)args;
    (void)error;
    for (unsigned i = 0; i < MIGRATION_PARAMETER_COUNT; i++) {
        print_parameter(m, i, out);
    }
    return true;
}
