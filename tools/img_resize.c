/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_resize.c: rhea-img resize. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"
#include "util/text.h"

struct resize {
    struct img_common common;
    const char *preallocation;
    bool shrink;
};

/* clang-format off */
static const struct tool_option resize_rows[] = {
    IMG_ROW_OBJECT(struct resize),
    IMG_ROW_IMAGE_OPTS(struct resize),
    IMG_ROW_FORMAT(struct resize),
    TOOL_ROW_STRING(struct resize, "preallocation", 0, "PREALLOC", preallocation, "of what is new: off, metadata, falloc or full"),
    IMG_ROW_QUIET(struct resize),
    TOOL_ROW_FLAG(struct resize, "shrink", 0, shrink, "the image may become smaller: what is beyond its end is lost"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static bool parse_prealloc(const char *text, enum block_prealloc *mode)
{
    for (unsigned i = 0; block_prealloc_names[i]; i++) {
        if (!text || strcmp(block_prealloc_names[i], text) == 0) {
            *mode = (enum block_prealloc)i;
            return true;
        }
    }
    report_error("Invalid preallocation mode '%s'", text);
    return false;
}

static int resize(const struct resize *r, struct block_node *node, char sign, uint64_t bytes,
                  enum block_prealloc mode)
{
    uint64_t size = bytes;
    GError *error = NULL;

    if (sign == '+') {
        size = node->size + bytes;
    } else if (sign == '-') {
        size = node->size > bytes ? node->size - bytes : 0;
    }
    size = (size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    if (size == 0 || size > INT64_MAX) {
        report_error("New image size must be positive");
        return 1;
    }
    if (!node->driver->truncate && !node->driver->filter) {
        report_error("Image format driver does not support resize");
        return 1;
    }
    if (size < node->size && !r->shrink) {
        report_error("Use the --shrink option to perform a shrink operation.");
        report_warning("Shrinking an image will delete all data beyond the shrunken image's end. "
                       "Before performing such an operation, make sure there is no important data "
                       "there.");
        return 1;
    }
    if (size < node->size && mode != BLOCK_PREALLOC_OFF) {
        report_error("Preallocation can only be used for growing images");
        return 1;
    }
    if (!block_node_truncate(node, size, mode, r->shrink, &error)) {
        return tool_error(&error, NULL);
    }
    if (!r->common.quiet) {
        puts("Image resized.");
    }
    return 0;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct resize r = { 0 };
    enum block_prealloc mode = BLOCK_PREALLOC_OFF;
    g_autoptr(block_graph) graph = NULL;
    struct block_node *node;
    char *size = NULL;
    uint64_t bytes;
    char sign = 0;
    int at, status;

    /* "-1G" at the end is a size and no option. */
    if (argc > 1 && argv[argc - 1][0] == '-' && g_ascii_isdigit(argv[argc - 1][1])) {
        size = argv[--argc];
    }
    at = tool_parse(command, argc, argv, &r);
    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (!size && argc - at < 2) {
        return tool_usage_error(argc == at ? "Expecting image file name and size"
                                           : "Not enough arguments");
    }
    size = size ? size : argv[--argc];
    if (argc - at != 1) {
        return tool_usage_error("Expecting image file name and size");
    }
    if (*size == '+' || *size == '-') {
        sign = *size++;
    }
    if (!parse_size(size, 1, &bytes)) {
        report_error("Parameter 'size' expects a non-negative number below 2^64\n"
                     "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-\n"
                     "and exabytes, respectively.");
        return 1;
    }
    graph = parse_prealloc(r.preallocation, &mode) ? img_graph(&r.common) : NULL;
    node = graph ? img_open(&r.common, graph, argv[at], IMG_WRITE) : NULL;
    if (!node) {
        return 1;
    }
    status = resize(&r, node, sign, bytes, mode);
    return img_close(node) ? status : 1;
}

const struct tool_command img_resize = {
    .name = "resize",
    .operands = "FILENAME [+|-]SIZE",
    .summary = "make the disk of an image larger or smaller",
    .options = resize_rows,
    .run = run,
    .details = "Before a disk is made smaller its file systems and partitions must be, inside of "
               "the guest;\n"
               "after it was made larger they can be.\n\n"
               "Examples:\n"
               "  rhea-img resize disk.qcow2 +10G\n"
               "  rhea-img resize --shrink disk.qcow2 20G\n",
};
