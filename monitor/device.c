/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/device.c: device_add, device_del, drive_add, drive_del: what comes and goes at run time.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "block/block.h"
#include "monitor/command.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

/* DRIVER[,prop=value...], or a question for help. */
bool command_device_add(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(args, "driver");
    g_autofree char *name = g_strndup(args, strcspn(args, ","));
    const struct device_type *type = device_type_find(name);
    const char *rest = args + strlen(name);

    if (strcmp(args, "help") == 0 || strcmp(args, "?") == 0) {
        device_print_list(out);
        return true;
    }
    if (type && (strcmp(rest, ",help") == 0 || strcmp(rest, ",?") == 0)) {
        device_print_help(type, out);
        return true;
    }
    return device_add(m, opts, DEVICE_HOT, error);
}

bool command_device_del(struct machine *m, const char *args, GString *out, GError **error)
{
    struct device *dev = device_find(m, args);

    (void)out;
    if (!dev) {
        set_error(error, "Device '%s' not found", args);
        return false;
    }
    return device_unplug(dev, error);
}

/* ADDRESS OPTIONS: the address is what older versions wanted; nobody looks at it. */
bool command_drive_add(struct machine *m, const char *args, GString *out, GError **error)
{
    const char *options = args + strcspn(args, " \t");

    options += strspn(options, " \t");
    if (g_str_has_prefix(args, "-n ")) {
        set_error(error, "drive_add -n is not supported: use -blockdev");
        return false;
    }
    if (!*options) {
        set_error(error, "drive_add: string expected: drive_add 0 if=none,id=ID,file=FILE");
        return false;
    }
    if (!m->add_drive(m, options, error)) {
        return false;
    }
    g_string_append(out, "OK\n");
    return true;
}

bool command_drive_del(struct machine *m, const char *args, GString *out, GError **error)
{
    struct block_backend *blk = block_backend_find(m, args);

    (void)out;
    if (!blk) {
        set_error(error, "Device '%s' not found", args);
        return false;
    }
    return block_backend_del(blk, error);
}
