/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_commit.c: rhea-img commit. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"

struct commit {
    struct img_common common;
    const char *base;
    uint64_t rate;
    bool keep;
};

/* clang-format off */
static const struct tool_option commit_rows[] = {
    IMG_ROW_OBJECT(struct commit),
    IMG_ROW_IMAGE_OPTS(struct commit),
    IMG_ROW_QUIET(struct commit),
    IMG_ROW_FORMAT(struct commit),
    IMG_ROW_CACHE(struct commit),
    TOOL_ROW_STRING(struct commit, "base", 'b', "BASE", base, "the image of the chain that takes the changes [the next]"),
    TOOL_ROW_SIZE  (struct commit, "rate-limit", 'r', "RATE_LIMIT", rate, 1, INT64_MAX, "bytes in a second at most"),
    TOOL_ROW_FLAG  (struct commit, "drop", 'd', keep, "do not empty the image afterwards"),
    IMG_ROW_PROGRESS(struct commit),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static struct block_node *find_base(const struct commit *c, struct block_node *node,
                                    const char *filename)
{
    struct block_node *base = node->backing;

    if (!base) {
        report_error("Image does not have a backing file");
        return NULL;
    }
    if (!c->base) {
        return base;
    }
    for (; base; base = base->backing) {
        g_autofree char *path = block_path_combine(filename, c->base);

        if (strcmp(base->filename, c->base) == 0 || strcmp(base->filename, path) == 0) {
            return base;
        }
    }
    report_error("Did not find '%s' in the backing chain of '%s'", c->base, filename);
    return NULL;
}

static int copy_into(struct block_node *node, struct block_node *base, const struct block_status *s,
                     uint64_t at, uint8_t *buf)
{
    int ret;

    if (s->flags & BLOCK_ZERO && !(s->flags & BLOCK_DATA)) {
        return block_node_write_zeroes(base, at, s->bytes, 0);
    }
    ret = block_node_read(node, at, buf, s->bytes);
    return ret ? ret : block_node_write(base, at, buf, s->bytes);
}

static int copy_down(const struct commit *c, struct block_node *node, struct block_node *base)
{
    struct tool_progress *progress = tool_progress_new(c->common.progress && !c->common.quiet);
    g_autofree uint8_t *buf = g_malloc(IMG_CHUNK);
    int64_t began = g_get_monotonic_time();
    uint64_t copied = 0;
    int ret = 0;

    for (uint64_t at = 0; at < node->size && ret == 0;) {
        struct block_status s;

        ret = block_node_status_above(node, base, at, MIN(node->size - at, IMG_CHUNK), &s);
        if (ret == 0 && s.flags & BLOCK_ALLOCATED) {
            ret = copy_into(node, base, &s, at, buf);
            copied += s.bytes;
            if (c->rate) {
                int64_t until = began + (int64_t)((double)copied / (double)c->rate * 1e6);

                g_usleep((gulong)MAX(until - g_get_monotonic_time(), 0));
            }
        }
        at += s.bytes;
        tool_progress_set(progress, at, node->size);
    }
    tool_progress_free(progress);
    if (ret == 0) {
        ret = block_node_flush(base);
    }
    if (ret) {
        report_error("error while committing: %s", g_strerror(-ret));
    }
    return ret;
}

static int commit(const struct commit *c, struct block_node *node, const char *filename)
{
    struct block_node *base = find_base(c, node, filename);
    GError *error = NULL;

    if (!base) {
        return 1;
    }
    if (!block_node_set_read_only(base, false, &error)) {
        return tool_error(&error, NULL);
    }
    if (base->size < node->size &&
        !block_node_truncate(base, node->size, BLOCK_PREALLOC_OFF, false, &error)) {
        return tool_error(&error, NULL);
    }
    if (copy_down(c, node, base) != 0) {
        return 1;
    }
    if (!c->keep && !c->base && !block_node_make_empty(node, &error)) {
        return tool_error(&error, "Could not empty %s", filename);
    }
    if (!c->common.quiet) {
        puts("Image committed.");
    }
    return 0;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct commit c = { 0 };
    int at = tool_parse(command, argc, argv, &c), status;
    g_autoptr(block_graph) graph = NULL;
    struct block_node *node;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_graph(&c.common);
    node = graph ? img_open(&c.common, graph, argv[at], IMG_WRITE | IMG_UNMAP) : NULL;
    if (!node) {
        return 1;
    }
    status = commit(&c, node, argv[at]);
    return img_close(node) ? status : 1;
}

const struct tool_command img_commit = {
    .name = "commit",
    .operands = "FILENAME",
    .summary = "write the changes of an image into its backing file",
    .options = commit_rows,
    .run = run,
    .details = "The image is empty afterwards, unless -d or -b is given. With -b the images "
               "between BASE and\n"
               "FILENAME no longer read as they did.\n\n"
               "Example:\n  rhea-img commit overlay.qcow2\n",
};
