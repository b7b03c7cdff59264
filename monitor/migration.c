/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/migration.c: machines that are saved: `savevm`, `loadvm`, `delvm`, `info snapshots`.
 * Thread: machine lock held.
 */
#include <string.h>
#include "migration/snapshot.h"
#include "monitor/command.h"
#include "util/error.h"

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
    return check_tag("savevm", args, false, error) && snapshot_save(m, *args ? args : NULL, error);
}

bool command_loadvm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return check_tag("loadvm", args, true, error) && snapshot_load(m, args, error);
}

bool command_delvm(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return check_tag("delvm", args, true, error) && snapshot_delete(m, args, error);
}

/* Those of a drive that are on all of them, or that are not, under a heading if there are any. */
static bool print_list(const GPtrArray *drives, const struct block_backend *blk, bool complete,
                       const char *heading, GString *out)
{
    g_autoptr(GPtrArray) list = block_snapshots(blk->root);
    bool any = false;

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_snapshot *s = g_ptr_array_index(list, i);

        if (snapshot_is_complete(drives, s->name) != complete) {
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
    g_autoptr(GPtrArray) drives = snapshot_drives(m, error);
    bool any;

    (void)args;
    if (!drives) {
        return false;
    }
    any = print_list(drives, g_ptr_array_index(drives, 0), true,
                     "List of snapshots present on all disks:\n", out);
    if (!any) {
        g_string_append(out, "There is no snapshot available.\n");
    }
    for (unsigned i = 0; i < drives->len; i++) {
        const struct block_backend *blk = g_ptr_array_index(drives, i);
        g_autofree char *heading =
            g_strdup_printf("\nList of partial (non-loadable) snapshots on '%s':\n", blk->id);

        print_list(drives, blk, false, heading, out);
    }
    return true;
}
