/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_map.c: rhea-img map. */
#include <stdio.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"

struct map {
    struct img_common common;
    uint64_t start, length;
};

/* clang-format off */
static const struct tool_option map_rows[] = {
    IMG_ROW_OBJECT(struct map),
    IMG_ROW_IMAGE_OPTS(struct map),
    IMG_ROW_FORMAT(struct map),
    TOOL_ROW_SIZE(struct map, "start-offset", 's', "OFFSET", start, 0, INT64_MAX, "the first byte to tell of", TOOL_BAD_SIZE("start offset")),
    TOOL_ROW_SIZE(struct map, "max-length", 'l', "LEN", length, 0, INT64_MAX, "how many bytes to tell of", TOOL_BAD_SIZE("max length")),
    IMG_ROW_OUTPUT(struct map),
    IMG_ROW_FORCE_SHARE(struct map),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

struct entry {
    uint64_t start;
    struct block_status status;
};

static bool same_kind(const struct entry *a, const struct block_status *b)
{
    const struct block_status *s = &a->status;

    return s->flags == b->flags && s->depth == b->depth && s->file == b->file &&
           (!(s->flags & BLOCK_OFFSET_VALID) || s->host_offset + s->bytes == b->host_offset);
}

/* False after a message. */
static bool print_text(const struct entry *e)
{
    const struct block_status *s = &e->status;

    if (!(s->flags & BLOCK_DATA) || s->flags & BLOCK_ZERO) {
        return true;
    }
    if (!(s->flags & BLOCK_OFFSET_VALID)) {
        fflush(stdout);
        report_error("File contains external, encrypted or compressed clusters.");
        return false;
    }
    printf("%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%s\n",
           e->start, s->bytes, s->host_offset, s->file ? s->file->filename : "");
    return true;
}

static void print_json(const struct entry *e, bool first)
{
    const struct block_status *s = &e->status;

    printf("%s{ \"start\": %" G_GUINT64_FORMAT ", \"length\": %" G_GUINT64_FORMAT
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
           first ? "" : ",\n", e->start, s->bytes, s->depth,
           s->flags & BLOCK_ALLOCATED ? "true" : "false", s->flags & BLOCK_ZERO ? "true" : "false",
           s->flags & BLOCK_DATA ? "true" : "false");
    if (s->flags & BLOCK_OFFSET_VALID) {
        printf(", \"offset\": %" G_GUINT64_FORMAT, s->host_offset);
    }
    putchar('}');
}

static int map(struct block_node *node, uint64_t start, uint64_t end, bool json)
{
    struct entry run = { start, { 0 } };
    bool first = true;

    for (uint64_t at = start; at < end;) {
        struct block_status s;
        int ret = block_node_status_above(node, NULL, at, end - at, &s);

        if (ret) {
            report_error("Failed to read image metadata: %s", g_strerror(-ret));
            return 1;
        }
        at += s.bytes;
        if (run.status.bytes && same_kind(&run, &s)) {
            run.status.bytes += s.bytes;
            continue;
        }
        if (run.status.bytes) {
            if (json) {
                print_json(&run, first);
                first = false;
            } else if (!print_text(&run)) {
                return 1;
            }
        }
        run = (struct entry){ at - s.bytes, s };
    }
    if (run.status.bytes && json) {
        print_json(&run, first);
    }
    return run.status.bytes && !json && !print_text(&run);
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct map m = { .length = INT64_MAX };
    int at = tool_parse(command, argc, argv, &m), status;
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_node) node = NULL;
    bool json;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_wants_json(&m.common, &json) ? img_graph(&m.common) : NULL;
    node = graph ? img_open(&m.common, graph, argv[at], 0) : NULL;
    if (!node) {
        return 1;
    }
    if (json) {
        putchar('[');
    } else {
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    }
    m.start = MIN(m.start, node->size);
    status = map(node, m.start, m.start + MIN(m.length, node->size - m.start), json);
    if (json) {
        puts("]");
    }
    return status;
}

const struct tool_command img_map = {
    .name = "map",
    .operands = "FILENAME",
    .summary = "tell which file of the chain has which bytes, and where",
    .options = map_rows,
    .run = run,
    .details =
        "As text only what is not zeroes is told; names of files may contain newlines, so scripts\n"
        "should read --output=json: data (has bytes of its own), zero, present (not left to a\n"
        "deeper image), depth (0 is the image itself), offset (in its file; may be missing).\n",
};
