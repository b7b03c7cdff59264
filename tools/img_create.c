/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_create.c: rhea-img create. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

struct create {
    struct img_common common;
    const char *backing, *backing_format;
    GPtrArray *options;
    bool unchecked;
};

/* clang-format off */
static const struct tool_option create_rows[] = {
    IMG_ROW_OBJECT(struct create),
    IMG_ROW_QUIET(struct create),
    TOOL_ROW_STRING(struct create, "format", 'f', "FMT", common.format, "format of the new image [raw]"),
    TOOL_ROW_STRING(struct create, "backing", 'b', "BACKING_FILE", backing, "what the image has not is read from there"),
    TOOL_ROW_STRING(struct create, "backing-format", 'F', "BACKING_FMT", backing_format, "format of the backing file"),
    TOOL_ROW_FLAG  (struct create, "backing-unsafe", 'u', unchecked, "the backing file is not opened: it may be missing"),
    TOOL_ROW_LIST  (struct create, "options", 'o', "OPTIONS", options, "name=value,... of the format; -o help lists them"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};

/* Told of only when given: what they are otherwise goes without saying. */
static const char *const quiet_defaults[] = { "compat", "data_file_raw", "preallocation" };

/* What the line that tells of a new image says before its size. */
static const char *const before_size[] = { "extended_l2", "preallocation", "compression_type" };
/* clang-format on */

static const struct block_option_row *option_row(const struct block_driver *d, const char *name)
{
    for (const struct block_option_row *r = d->create_options; r && r->name; r++) {
        if (strcmp(r->name, name) == 0) {
            return r;
        }
    }
    return NULL;
}

static void tell_option(const struct block_driver *d, const struct block_option_row *r,
                        const struct block_options *o, GString *out)
{
    const char *value = block_option_string(o, d->create_options, r->name);
    bool yes;

    for (unsigned i = 0; i < G_N_ELEMENTS(quiet_defaults); i++) {
        if (strcmp(r->name, quiet_defaults[i]) == 0 && !block_options_get(o, r->name)) {
            return;
        }
    }
    if (!value) {
        return;
    }
    if (r->type == BLOCK_OPTION_SIZE) {
        g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, r->name,
                               block_option_uint(o, d->create_options, r->name));
    } else if (r->type == BLOCK_OPTION_BOOL && parse_bool(value, &yes)) {
        g_string_append_printf(out, " %s=%s", r->name, yes ? "on" : "off");
    } else {
        g_string_append_printf(out, " %s=%s", r->name, value);
    }
}

/* "Formatting 'a', fmt=qcow2 cluster_size=65536 size=1048576" */
static void tell(const char *filename, const struct block_driver *d, const struct block_options *o)
{
    g_autoptr(GString) out = g_string_new("");
    const struct block_option_row *cluster = option_row(d, "cluster_size");
    bool first = option_row(d, "compression_type") && cluster;

    g_string_append_printf(out, "Formatting '%s', fmt=%s", filename, d->name);
    if (first) {
        tell_option(d, cluster, o, out);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(before_size); i++) {
        const struct block_option_row *r = option_row(d, before_size[i]);

        if (r && first) {
            tell_option(d, r, o, out);
        }
    }
    g_string_append_printf(out, " size=%s", block_options_get(o, "size"));
    for (const struct block_option_row *r = d->create_options; r && r->name; r++) {
        bool told = strcmp(r->name, "size") == 0 || (first && r == cluster);

        for (unsigned i = 0; first && i < G_N_ELEMENTS(before_size); i++) {
            told |= strcmp(r->name, before_size[i]) == 0;
        }
        if (!told) {
            tell_option(d, r, o, out);
        }
    }
    puts(out->str);
}

/* The size of the backing file when the image has none of its own; 0 or the exit status. */
static int look_at_backing(const struct create *c, struct block_graph *graph, const char *filename,
                           struct block_options *o)
{
    const char *backing = block_options_get(o, "backing_file");
    const char *format = block_options_get(o, "backing_fmt");
    g_autofree char *path = block_path_combine(filename, backing);
    struct block_open_options open = {
        .filename = path, .format = format, .graph = graph, .read_only = true, .no_io = true
    };
    g_autoptr(block_node) node = NULL;
    GError *error = NULL;

    if (c->unchecked) {
        return 0;
    }
    node = block_node_open(&open, &error);
    if (!node) {
        tool_error(&error, "%s", filename);
        fprintf(stderr, "Could not open backing image.\n");
        return 1;
    }
    if (!format) {
        report_error("%s: Backing file specified without backing format\nDetected format of %s.",
                     filename, node->driver->name);
        return 1;
    }
    if (!block_options_get(o, "size")) {
        block_options_setf(o, "size", "%" G_GUINT64_FORMAT, node->size);
    }
    return 0;
}

/* What is no option, or no value of a switch, is told before the image is told of. */
static bool check_options(const struct block_driver *d, const struct block_options *o,
                          GError **error)
{
    bool yes;

    for (unsigned i = 0; i < block_options_count(o); i++) {
        const char *name = block_options_key(o, i);
        const struct block_option_row *r = option_row(d, name);

        if (!r && strcmp(name, "size") != 0) {
            set_error(error, "Invalid parameter '%s'", name);
            return false;
        }
        if (r && r->type == BLOCK_OPTION_BOOL && !parse_bool(block_options_value(o, i), &yes)) {
            set_error(error, "Parameter '%s' expects 'on' or 'off'", name);
            return false;
        }
    }
    return true;
}

/* -b, -F and SIZE become options as -o could have said them. */
static bool merge_options(const struct create *c, const struct block_driver *d, const char *size,
                          struct block_options *o, GError **error)
{
    uint64_t bytes;

    if (c->backing && !option_row(d, "backing_file")) {
        set_error(error, "Backing file not supported for file format '%s'", d->name);
        return false;
    }
    if (c->backing_format && !option_row(d, "backing_fmt")) {
        set_error(error, "Backing format not supported for file format '%s'", d->name);
        return false;
    }
    if (c->backing) {
        block_options_set(o, "backing_file", c->backing);
    }
    if (c->backing_format) {
        block_options_set(o, "backing_fmt", c->backing_format);
    }
    size = size ? size : block_options_get(o, "size");
    if (size && (!parse_size(size, 1, &bytes) || bytes > INT64_MAX)) {
        tool_report_lines(TOOL_BAD_SIZE("image size"));
        return false;
    }
    if (size) {
        block_options_setf(o, "size", "%" G_GUINT64_FORMAT, bytes);
    }
    return check_options(d, o, error);
}

static int create(const struct create *c, struct block_graph *graph, const char *filename,
                  const char *size, struct block_options *o)
{
    const char *format = c->common.format ? c->common.format : "raw";
    GError *error = NULL;
    const struct block_driver *d = block_driver_find(format, &error);

    if (!d) {
        g_clear_error(&error);
        report_error("%s: Unknown file format '%s'", filename, format);
        return 1;
    }
    if (!merge_options(c, d, size, o, &error)) {
        return error ? tool_error(&error, "%s", filename) : 1;
    }
    if (!d->create) {
        report_error("%s: Format driver '%s' does not support image creation", filename, format);
        return 1;
    }
    if (block_options_get(o, "backing_file") && look_at_backing(c, graph, filename, o) != 0) {
        return 1;
    }
    if (!block_options_get(o, "size")) {
        report_error("%s: Image creation needs a size parameter", filename);
        return 1;
    }
    if (!c->common.quiet) {
        tell(filename, d, o);
        fflush(stdout);
    }
    if (!block_create(format, filename, o, graph, &error)) {
        return tool_error(&error, "%s", filename);
    }
    return 0;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct create c = { 0 };
    int at = tool_parse(command, argc, argv, &c);
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_options) o = NULL;
    GError *error = NULL;
    bool help;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    o = img_options(c.options, &help, &error);
    if (!o) {
        return tool_error(&error, NULL);
    }
    if (help) {
        return img_answer_create_help(c.common.format ? c.common.format : "raw");
    }
    if (at == argc) {
        return tool_usage_error("Expecting image file name");
    }
    if (argc - at > 2) {
        return tool_usage_error("Unexpected argument: %s", argv[at + 2]);
    }
    graph = img_graph(&c.common);
    return graph ? create(&c, graph, argv[at], argv[at + 1], o) : 1;
}

const struct tool_command img_create = {
    .name = "create",
    .operands = "FILENAME [SIZE]",
    .summary = "make a new image",
    .options = create_rows,
    .run = run,
    .details =
        "SIZE may be left out when there is a backing file: then it is that file's.\n\n"
        "Examples:\n"
        "  rhea-img create -f qcow2 disk.qcow2 20G\n"
        "  rhea-img create -f qcow2 -o cluster_size=2M,preallocation=metadata disk.qcow2 1T\n"
        "  rhea-img create -f qcow2 -b base.qcow2 -F qcow2 overlay.qcow2\n",
};
