/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_amend.c: rhea-img amend. */
#include <stdio.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"

struct amend {
    struct img_common common;
    GPtrArray *options;
    bool force;
};

/* clang-format off */
static const struct tool_option amend_rows[] = {
    IMG_ROW_OBJECT(struct amend),
    IMG_ROW_IMAGE_OPTS(struct amend),
    IMG_ROW_PROGRESS(struct amend),
    IMG_ROW_QUIET(struct amend),
    IMG_ROW_FORMAT(struct amend),
    IMG_ROW_CACHE(struct amend),
    TOOL_ROW_FLAG(struct amend, "force", 0, force, "allow what may lose data"),
    TOOL_ROW_LIST(struct amend, "options", 'o', "OPTIONS", options, "name=value,... to change; -o help lists them"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static int print_options(const char *format)
{
    GError *error = NULL;
    const struct block_driver *d = block_driver_find(format, &error);
    g_autoptr(GString) out = g_string_new("");

    if (!d) {
        return tool_error(&error, NULL);
    }
    if (!d->amend) {
        report_error("Format driver '%s' does not support option amendment", format);
        return 1;
    }
    g_string_append_printf(out, "Amend options for '%s':\n", format);
    block_option_help(d->amend_options, out);
    fputs(out->str, stdout);
    return 0;
}

static void report(void *opaque, uint64_t done, uint64_t total)
{
    tool_progress_set(opaque, done, total);
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct amend a = { 0 };
    int at = tool_parse(command, argc, argv, &a);
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_options) o = NULL;
    struct tool_progress *progress;
    struct block_node *node;
    GError *error = NULL;
    bool help, ok;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (!a.options) {
        return tool_usage_error("Must specify options (-o)");
    }
    o = img_options(a.options, &help, &error);
    if (!o) {
        return tool_error(&error, NULL);
    }
    if (help && a.common.format) {
        return print_options(a.common.format);
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_graph(&a.common);
    node = graph ? img_open(&a.common, graph, argv[at], IMG_WRITE) : NULL;
    if (!node) {
        return 1;
    }
    if (help) {
        g_autofree char *format = g_strdup(node->driver->name);

        block_node_close(node);
        return print_options(format);
    }
    progress = tool_progress_new(a.common.progress && !a.common.quiet);
    ok = block_node_amend(node, o, a.force,
                          &(struct block_progress){ .report = report, .opaque = progress }, &error);
    tool_progress_free(progress);
    if (!ok) {
        tool_error(&error, NULL);
    }
    return img_close(node) && ok ? 0 : 1;
}

const struct tool_command img_amend = {
    .name = "amend",
    .operands = "FILENAME",
    .summary = "change options that an image was made with",
    .options = amend_rows,
    .run = run,
    .details = "Backing files are changed by 'rebase', sizes by 'resize'.\n\n"
               "Example:\n  rhea-img amend -o compat=1.1,lazy_refcounts=on disk.qcow2\n",
};
