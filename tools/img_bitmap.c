/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_bitmap.c: rhea-img bitmap. */
#include <string.h>
#include "tools/img.h"
#include "util/log.h"

struct bitmap {
    struct img_common common;
    GPtrArray *actions;
    const char *source, *source_format;
    uint64_t granularity;
};

/* clang-format off */
static const struct tool_option bitmap_rows[] = {
    TOOL_ROW_ACTION(struct bitmap, "merge", "SOURCE", actions, "add what the bitmap SOURCE has"),
    TOOL_ROW_ACTION(struct bitmap, "add", NULL, actions, "make the bitmap"),
    TOOL_ROW_ACTION(struct bitmap, "remove", NULL, actions, "remove the bitmap"),
    TOOL_ROW_ACTION(struct bitmap, "clear", NULL, actions, "nothing is dirty any more"),
    TOOL_ROW_ACTION(struct bitmap, "enable", NULL, actions, "writes are recorded"),
    TOOL_ROW_ACTION(struct bitmap, "disable", NULL, actions, "writes are not recorded"),
    TOOL_ROW_STRING(struct bitmap, "source-file", 'b', "SOURCE_FILE", source, "image whose bitmaps --merge reads"),
    TOOL_ROW_STRING(struct bitmap, "source-format", 'F', "SOURCE_FMT", source_format, "its format [found out]"),
    TOOL_ROW_SIZE  (struct bitmap, "granularity", 'g', "GRANULARITY", granularity, 1, UINT32_MAX, "bytes of a bit, for --add", TOOL_BAD_SIZE("granularity")),
    IMG_ROW_OBJECT(struct bitmap),
    IMG_ROW_IMAGE_OPTS(struct bitmap),
    IMG_ROW_FORMAT(struct bitmap),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static enum block_bitmap_op op_of(const char *name)
{
    static const char *const names[] = {
        [BLOCK_BITMAP_ADD] = "add",         [BLOCK_BITMAP_REMOVE] = "remove",
        [BLOCK_BITMAP_CLEAR] = "clear",     [BLOCK_BITMAP_ENABLE] = "enable",
        [BLOCK_BITMAP_DISABLE] = "disable", [BLOCK_BITMAP_MERGE] = "merge",
    };
    unsigned i = 0;

    while (strcmp(names[i], name) != 0) {
        i++;
    }
    return (enum block_bitmap_op)i;
}

static int act(const struct bitmap *b, struct block_node *node, struct block_node *source,
               const char *name)
{
    GError *error = NULL;

    for (unsigned i = 0; i < b->actions->len; i++) {
        const struct tool_action *a = g_ptr_array_index(b->actions, i);
        struct block_bitmap_change change = {
            .op = op_of(a->row->name),
            .name = name,
            .granularity = (uint32_t)b->granularity,
            .from = source ? source : node,
            .from_name = a->value,
        };

        if (!block_bitmap_change(node, &change, &error)) {
            return tool_error(&error, "Operation %s on bitmap %s failed", a->row->name, name);
        }
    }
    return 0;
}

static const char *misuse(const struct bitmap *b, int operands)
{
    bool add = false, merge = false;

    for (unsigned i = 0; b->actions && i < b->actions->len; i++) {
        const struct tool_action *a = g_ptr_array_index(b->actions, i);

        add |= strcmp(a->row->name, "add") == 0;
        merge |= strcmp(a->row->name, "merge") == 0;
    }
    return operands != 2 ? "Expecting filename and bitmap name"
           : !b->actions ? "Need at least one of --add, --remove, --clear, --enable, --disable, or "
                           "--merge"
           : b->granularity && !add         ? "granularity only supported with --add"
           : b->source_format && !b->source ? "-F only supported with -b"
           : b->source && !merge            ? "Merge bitmap source file only supported with --merge"
                                            : NULL;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct bitmap b = { 0 };
    int at = tool_parse(command, argc, argv, &b), status;
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_node) source = NULL;
    struct block_node *node;
    const char *wrong;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    wrong = misuse(&b, argc - at);
    if (wrong) {
        report_error("%s", wrong);
        return 1;
    }
    graph = img_graph(&b.common);
    if (graph && b.source) {
        const struct img_common common = { 0 };

        source = img_open_as(&common, graph, b.source, b.source_format, IMG_NO_BACKING);
    }
    node = graph && (source || !b.source) ? img_open(&b.common, graph, argv[at], IMG_WRITE) : NULL;
    if (!node) {
        return 1;
    }
    status = act(&b, node, source, argv[at + 1]);
    return img_close(node) ? status : 1;
}

const struct tool_command img_bitmap = {
    .name = "bitmap",
    .operands = "FILENAME BITMAP",
    .summary = "make and change bitmaps that record writes, for incremental backups",
    .options = bitmap_rows,
    .run = run,
    .details =
        "The actions are done in their order; there may be several. 'info' lists the bitmaps.\n\n"
        "Example:\n  rhea-img bitmap --add -g 64k disk.qcow2 since-monday\n",
};
