/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_snapshot.c: rhea-img snapshot. */
#include <stdio.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"

struct snapshot {
    struct img_common common;
    const char *apply, *create, *delete;
    bool list;
};

/* clang-format off */
static const struct tool_option snapshot_rows[] = {
    IMG_ROW_OBJECT(struct snapshot),
    IMG_ROW_IMAGE_OPTS(struct snapshot),
    IMG_ROW_FORCE_SHARE(struct snapshot),
    IMG_ROW_QUIET(struct snapshot),
    TOOL_ROW_FLAG  (struct snapshot, "list", 'l', list, "list the snapshots"),
    TOOL_ROW_STRING(struct snapshot, "apply", 'a', "SNAPSHOT", apply, "the disk becomes what it was then"),
    TOOL_ROW_STRING(struct snapshot, "create", 'c', "SNAPSHOT", create, "keep the disk as it is under this name"),
    TOOL_ROW_STRING(struct snapshot, "delete", 'd', "SNAPSHOT", delete, "forget a snapshot"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static int list(struct block_node *node)
{
    g_autoptr(GPtrArray) all = block_snapshots(node);
    g_autoptr(GString) out = g_string_new("");

    if (all && all->len) {
        img_snapshots_text(all, out);
        fputs(out->str, stdout);
    }
    return 0;
}

static int change(const struct snapshot *s, struct block_node *node)
{
    int64_t now = g_get_real_time();
    GError *error = NULL;

    if (s->create) {
        struct block_snapshot fresh = {
            .name = (char *)s->create,
            .disk_size = node->size,
            .date_sec = now / G_USEC_PER_SEC,
            .date_nsec = (uint32_t)(now % G_USEC_PER_SEC) * 1000,
        };

        return block_snapshot_create(node, &fresh, &error)
                   ? 0
                   : tool_error(&error, "Could not create snapshot '%s'", s->create);
    }
    if (s->apply) {
        return block_snapshot_apply(node, s->apply, &error)
                   ? 0
                   : tool_error(&error, "Could not apply snapshot '%s'", s->apply);
    }
    return block_snapshot_delete(node, s->delete, &error)
               ? 0
               : tool_error(&error, "Could not delete snapshot '%s'", s->delete);
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct snapshot s = { 0 };
    int at = tool_parse(command, argc, argv, &s), status;
    g_autoptr(block_graph) graph = NULL;
    struct block_node *node;
    unsigned actions = s.list + !!s.apply + !!s.create + !!s.delete;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (actions > 1) {
        return tool_usage_error("Cannot mix '-l', '-a', '-c', '-d'");
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_graph(&s.common);
    node = graph ? img_open(&s.common, graph, argv[at],
                            s.list || !actions ? IMG_NO_BACKING : IMG_WRITE)
                 : NULL;
    if (!node) {
        return 1;
    }
    status = s.list || !actions ? list(node) : change(&s, node);
    return img_close(node) ? status : 1;
}

const struct tool_command img_snapshot = {
    .name = "snapshot",
    .operands = "FILENAME",
    .summary = "list, make, apply and delete snapshots inside of an image",
    .options = snapshot_rows,
    .run = run,
    .details = "A SNAPSHOT is a name or an id. Without an option the snapshots are listed.\n",
};
