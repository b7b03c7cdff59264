/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_measure.c: rhea-img measure. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "tools/img.h"
#include "util/log.h"

struct measure {
    struct img_common common;
    const char *output_format, *snapshot;
    GPtrArray *options;
    uint64_t size;
};

#define NO_SIZE UINT64_MAX

/* clang-format off */
static const struct tool_option measure_rows[] = {
    IMG_ROW_OUTPUT(struct measure),
    TOOL_ROW_STRING(struct measure, "output-format", 'O', "OUTPUT_FMT", output_format, "format of the image to be made [raw]"),
    TOOL_ROW_LIST  (struct measure, "options", 'o', "OPTIONS", options, "name=value,... of that format; -o help lists them"),
    TOOL_ROW_SIZE  (struct measure, "size", 0, "N", size, 0, INT64_MAX, "of an empty image of that size", TOOL_BAD_SIZE("image size")),
    IMG_ROW_OBJECT(struct measure),
    IMG_ROW_IMAGE_OPTS(struct measure),
    IMG_ROW_FORMAT(struct measure),
    TOOL_ROW_STRING(struct measure, "snapshot", 'l', "SNAPSHOT", snapshot, "of the image as it was then"),
    IMG_ROW_FORCE_SHARE(struct measure),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static void print(const struct block_measure *m, bool json)
{
    json_t *o;

    if (!json) {
        printf("required size: %" G_GUINT64_FORMAT "\nfully allocated size: %" G_GUINT64_FORMAT
               "\n",
               m->required, m->fully_allocated);
        if (m->has_bitmaps) {
            printf("bitmaps size: %" G_GUINT64_FORMAT "\n", m->bitmaps);
        }
        return;
    }
    o = json_object();
    if (m->has_bitmaps) {
        json_object_set_new(o, "bitmaps", json_integer((json_int_t)m->bitmaps));
    }
    json_object_set_new(o, "required", json_integer((json_int_t)m->required));
    json_object_set_new(o, "fully-allocated", json_integer((json_int_t)m->fully_allocated));
    img_print_json(o);
}

static int measure(const struct measure *m, struct block_node *from, struct block_options *o,
                   bool json)
{
    const char *format = m->output_format ? m->output_format : "raw";
    struct block_measure result;
    GError *error = NULL;

    if (from && m->snapshot &&
        !block_snapshot_load(from, img_snapshot_param(m->snapshot), &error)) {
        return tool_error(&error, "Failed to load snapshot");
    }
    block_options_setf(o, "size", "%" G_GUINT64_FORMAT, from ? from->size : m->size);
    if (!block_measure(format, o, from, &result, &error)) {
        return tool_error(&error, NULL);
    }
    print(&result, json);
    return 0;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct measure m = { .size = NO_SIZE };
    int at = tool_parse(command, argc, argv, &m);
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_node) from = NULL;
    g_autoptr(block_options) o = NULL;
    GError *error = NULL;
    bool json, help;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at > 1) {
        report_error("At most one filename argument is allowed.");
        return 1;
    }
    if ((argc - at == 1) == (m.size != NO_SIZE)) {
        report_error(argc - at ? "--size N cannot be used together with a filename."
                               : "Either --size N or one filename must be specified.");
        return 1;
    }
    o = img_options(m.options, &help, &error);
    if (!o) {
        return tool_error(&error, NULL);
    }
    if (help) {
        return img_answer_create_help(m.output_format ? m.output_format : "raw");
    }
    graph = img_wants_json(&m.common, &json) ? img_graph(&m.common) : NULL;
    from = graph && argc - at ? img_open(&m.common, graph, argv[at], 0) : NULL;
    return !graph || (argc - at && !from) ? 1 : measure(&m, from, o, json);
}

const struct tool_command img_measure = {
    .name = "measure",
    .operands = "[FILENAME]",
    .summary = "tell how large the file of an image would be",
    .options = measure_rows,
    .run = run,
    .details = "Of FILENAME converted, or with --size of an empty image.\n\n"
               "Example:\n  rhea-img measure -O qcow2 disk.raw\n",
};
