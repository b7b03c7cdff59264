/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/rhea-img.c: makes, converts and repairs disk images: the table of subcommands, and help. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"
#include "util/text.h"

static const struct tool_command *const commands[] = {
    &img_amend,   &img_bench,   &img_bitmap, &img_check,  &img_commit,
    &img_compare, &img_convert, &img_create, &img_dd,     &img_info,
    &img_map,     &img_measure, &img_rebase, &img_resize, &img_snapshot,
};

static const char *command_name(void *opaque, unsigned i)
{
    (void)opaque;
    return i < G_N_ELEMENTS(commands) ? commands[i]->name : NULL;
}

static void print_help(void)
{
    g_autoptr(GString) out = g_string_new("");
    const char *name = g_get_prgname();

    g_string_append_printf(
        out,
        "usage: %s COMMAND [OPTION]... FILENAME...\n"
        "Makes, converts, inspects and repairs disk images.\n\n"
        "  -h, --help     print this help; '%s COMMAND --help' for a command's options\n"
        "  -V, --version  print the version\n\nCommands:\n",
        name, name);
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_string_append_printf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    g_string_append(out, "\nCommand syntax:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_string_append(out, "  ");
        tool_print_usage(commands[i], out);
        g_string_append_c(out, '\n');
    }
    g_string_append(out,
                    "\n"
                    "Sizes are bytes, or have a suffix: k, M, G, T, P or E (powers of 1024).\n"
                    "A FILENAME may be a path, a URL of a protocol (nbd://host/export), or the\n"
                    "options of a node in JSON: 'json:{\"driver\": \"qcow2\", ...}'.\n\n"
                    "Examples:\n");
    g_string_append_printf(out,
                           "  %s create -f qcow2 disk.qcow2 20G\n"
                           "  %s create -f qcow2 -b disk.qcow2 -F qcow2 overlay.qcow2\n"
                           "  %s convert -p -O qcow2 -c disk.vmdk disk.qcow2\n"
                           "  %s info --backing-chain overlay.qcow2\n\nSupported formats:",
                           name, name, name, name);
    for (unsigned i = 0; block_drivers[i]; i++) {
        if (!block_drivers[i]->hidden && !block_drivers[i]->refused) {
            g_string_append_printf(out, " %s", block_drivers[i]->name);
        }
    }
    puts(out->str);
}

int main(int argc, char **argv)
{
    tool_start(argv);
    if (argc < 2) {
        return tool_usage_error("Not enough arguments");
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return 0;
    }
    if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0) {
        tool_print_version();
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (strcmp(commands[i]->name, argv[1]) == 0) {
            return commands[i]->run(commands[i], argc - 1, argv + 1);
        }
    }
    if (argv[1][0] != '-') {
        g_autofree char *closest = closest_names(argv[1], command_name, NULL);

        return tool_usage_error("Command not found: %s%s%s", argv[1], closest ? "; closest: " : "",
                                closest ? closest : "");
    }
    return tool_usage_error("unrecognized option '%s'", argv[1]);
}
