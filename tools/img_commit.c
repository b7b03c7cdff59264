/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_commit.c: rhea-img commit. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "block/job.h"
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
    TOOL_ROW_SIZE  (struct commit, "rate-limit", 'r', "RATE_LIMIT", rate, 0, INT64_MAX, "bytes in a second at most; 0: no limit"),
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

struct watch {
    struct tool_progress *progress;
    uint64_t rate; /* bytes in a second; 0: no limit */
    int64_t began;
};

static void report(void *opaque, uint64_t done, uint64_t total)
{
    const struct watch *w = opaque;

    tool_progress_set(w->progress, done, total);
    if (w->rate) {
        int64_t until = w->began + (int64_t)((double)done / (double)w->rate * 1e6);

        g_usleep((gulong)MAX(until - g_get_monotonic_time(), 0));
    }
}

static bool copy_down(const struct commit *c, struct block_node *node, struct block_node *base,
                      GError **error)
{
    struct watch w = { .progress = tool_progress_new(c->common.progress && !c->common.quiet),
                       .rate = c->rate,
                       .began = g_get_monotonic_time() };
    struct block_progress progress = { .report = report, .opaque = &w };
    bool ok = block_job_commit(node, base, &progress, error);

    tool_progress_free(w.progress);
    return ok;
}

static int commit(const struct commit *c, struct block_node *node, const char *filename)
{
    struct block_node *base = find_base(c, node, filename);
    GError *error = NULL;

    if (!base) {
        return 1;
    }
    if (!copy_down(c, node, base, &error)) {
        return tool_error(&error, "error while committing");
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
