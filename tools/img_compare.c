/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_compare.c: rhea-img compare. */
#include <stdio.h>
#include <string.h>
#include "tools/img.h"
#include "util/log.h"

enum { EXIT_SAME = 0, EXIT_DIFFERENT = 1, EXIT_OPEN = 2, EXIT_STATUS = 3, EXIT_READ = 4 };

struct compare {
    struct img_common common;
    const char *second_format;
    bool strict;
    /* Not options: */
    struct block_node *node[2];
    struct tool_progress *progress;
    uint8_t *buf[2];
    uint64_t total;
};

/* clang-format off */
static const struct tool_option compare_rows[] = {
    IMG_ROW_OBJECT(struct compare),
    IMG_ROW_IMAGE_OPTS(struct compare),
    TOOL_ROW_STRING(struct compare, "a-format", 'f', "FMT", common.format, "format of the first image [found out]"),
    TOOL_ROW_STRING(struct compare, "b-format", 'F', "FMT", second_format, "format of the second image [found out]"),
    IMG_ROW_SRC_CACHE(struct compare),
    IMG_ROW_PROGRESS(struct compare),
    IMG_ROW_QUIET(struct compare),
    TOOL_ROW_FLAG(struct compare, "strict", 's', strict, "sizes and what is allocated must be the same too"),
    IMG_ROW_FORCE_SHARE(struct compare),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static void say(const struct compare *c, const char *fmt, uint64_t offset)
{
    if (c->common.quiet) {
        return;
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    printf(fmt, offset);
#pragma GCC diagnostic pop
}

static int mismatch(const struct compare *c, uint64_t offset)
{
    say(c, "Content mismatch at offset %" G_GUINT64_FORMAT "!\n", offset);
    return EXIT_DIFFERENT;
}

static int read_error(const struct block_node *node, uint64_t offset, int ret)
{
    report_error("Error while reading offset %" G_GUINT64_FORMAT " of %s: %s", offset,
                 node->filename, g_strerror(-ret));
    return EXIT_READ;
}

static int status_of(struct block_node *node, uint64_t offset, uint64_t bytes,
                     struct block_status *out)
{
    int ret = block_node_status_above(node, NULL, offset, bytes, out);

    if (ret) {
        report_error("Sector allocation test failed for %s: %s", node->filename, g_strerror(-ret));
        return EXIT_STATUS;
    }
    return 0;
}

/* The sector of the first byte that differs. */
static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t bytes)
{
    uint64_t at = 0;

    while (at < bytes && memcmp(a + at, b + at, MIN(BLOCK_SECTOR, bytes - at)) == 0) {
        at += BLOCK_SECTOR;
    }
    return at;
}

static int compare_data(struct compare *c, uint64_t offset, uint64_t bytes)
{
    for (unsigned i = 0; i < 2; i++) {
        int ret = block_node_read(c->node[i], offset, c->buf[i], bytes);

        if (ret) {
            return read_error(c->node[i], offset, ret);
        }
    }
    return memcmp(c->buf[0], c->buf[1], bytes) == 0
               ? 0
               : mismatch(c, offset + first_difference(c->buf[0], c->buf[1], bytes));
}

static int expect_zero(struct compare *c, struct block_node *node, uint64_t offset, uint64_t bytes)
{
    int ret = block_node_read(node, offset, c->buf[0], bytes);

    if (ret) {
        return read_error(node, offset, ret);
    }
    memset(c->buf[1], 0, bytes);
    return img_is_zero(c->buf[0], bytes)
               ? 0
               : mismatch(c, offset + first_difference(c->buf[0], c->buf[1], bytes));
}

static int compare_common(struct compare *c, uint64_t end)
{
    for (uint64_t at = 0; at < end;) {
        struct block_status s[2];
        uint64_t bytes;
        int status = 0;

        for (unsigned i = 0; i < 2; i++) {
            status = status_of(c->node[i], at, end - at, &s[i]);
            if (status) {
                return status;
            }
        }
        bytes = MIN(s[0].bytes, s[1].bytes);
        if (c->strict && (s[0].flags ^ s[1].flags) & (BLOCK_DATA | BLOCK_ZERO)) {
            say(c, "Strict mode: Offset %" G_GUINT64_FORMAT " block status mismatch!\n", at);
            return EXIT_DIFFERENT;
        }
        if (!(s[0].flags & s[1].flags & BLOCK_ZERO)) {
            bytes = MIN(bytes, IMG_CHUNK);
            status = s[0].flags & BLOCK_ZERO   ? expect_zero(c, c->node[1], at, bytes)
                     : s[1].flags & BLOCK_ZERO ? expect_zero(c, c->node[0], at, bytes)
                                               : compare_data(c, at, bytes);
        }
        if (status) {
            return status;
        }
        at += bytes;
        tool_progress_set(c->progress, at, c->total);
    }
    return 0;
}

/* What one image has beyond the end of the other must read as zeroes. */
static int compare_tail(struct compare *c, struct block_node *longer, uint64_t at)
{
    while (at < longer->size) {
        struct block_status s;
        int status = status_of(longer, at, longer->size - at, &s);

        if (status == 0 && !(s.flags & BLOCK_ZERO)) {
            s.bytes = MIN(s.bytes, IMG_CHUNK);
            status = expect_zero(c, longer, at, s.bytes);
        }
        if (status) {
            return status;
        }
        at += s.bytes;
        tool_progress_set(c->progress, at, c->total);
    }
    return 0;
}

static int compare(struct compare *c)
{
    uint64_t sizes[2] = { c->node[0]->size, c->node[1]->size };
    int status;

    c->total = MAX(sizes[0], sizes[1]);
    if (c->strict && sizes[0] != sizes[1]) {
        say(c, "Strict mode: Image size mismatch!\n", 0);
        return EXIT_DIFFERENT;
    }
    status = compare_common(c, MIN(sizes[0], sizes[1]));
    if (status == 0 && sizes[0] != sizes[1]) {
        say(c, "Warning: Image size mismatch!\n", 0);
        status = compare_tail(c, c->node[sizes[0] < sizes[1]], MIN(sizes[0], sizes[1]));
    }
    if (status == 0) {
        say(c, "Images are identical.\n", 0);
    }
    return status;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct compare c = { 0 };
    int at = tool_parse(command, argc, argv, &c), status = EXIT_OPEN;
    g_autoptr(block_graph) graph = NULL;

    if (at < 0) {
        return at == -2 ? 0 : EXIT_OPEN;
    }
    if (argc - at != 2) {
        return tool_usage_error("Expecting two image file names");
    }
    graph = img_graph(&c.common);
    if (!graph) {
        return EXIT_OPEN;
    }
    for (unsigned i = 0; i < 2; i++) {
        c.node[i] = img_open_as(&c.common, graph, argv[at + (int)i],
                                i ? c.second_format : c.common.format, IMG_SOURCE);
        c.buf[i] = img_buffer(IMG_CHUNK);
        if (!c.node[i]) {
            break;
        }
    }
    if (c.node[1]) {
        c.progress = tool_progress_new(c.common.progress && !c.common.quiet);
        status = compare(&c);
        tool_progress_free(c.progress);
    }
    for (unsigned i = 0; i < 2; i++) {
        block_node_close(c.node[i]);
        g_aligned_free(c.buf[i]);
    }
    return status;
}

const struct tool_command img_compare = {
    .name = "compare",
    .operands = "FILENAME1 FILENAME2",
    .summary = "find out whether two images read the same",
    .options = compare_rows,
    .run = run,
    .details =
        "The formats may differ. Of images of different sizes what only one has must be zeroes.\n\n"
        "Exit status: 0 the same, 1 they differ, 2 an image cannot be opened, 3 what is allocated\n"
        "cannot be found out, 4 an image cannot be read.\n",
};
