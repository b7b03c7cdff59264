/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_rebase.c: rhea-img rebase. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/error.h"
#include "util/log.h"

struct rebase {
    struct img_common common;
    const char *backing, *backing_format;
    bool unsafe;
};

/* clang-format off */
static const struct tool_option rebase_rows[] = {
    IMG_ROW_OBJECT(struct rebase),
    IMG_ROW_IMAGE_OPTS(struct rebase),
    IMG_ROW_FORCE_SHARE(struct rebase),
    IMG_ROW_QUIET(struct rebase),
    IMG_ROW_FORMAT(struct rebase),
    IMG_ROW_CACHE(struct rebase),
    IMG_ROW_SRC_CACHE(struct rebase),
    IMG_ROW_PROGRESS(struct rebase),
    TOOL_ROW_FLAG  (struct rebase, "unsafe", 'u', unsafe, "change the name alone: what the image reads may change"),
    TOOL_ROW_STRING(struct rebase, "backing", 'b', "BACKING_FILE", backing, "the new backing file; '': none"),
    TOOL_ROW_STRING(struct rebase, "backing-format", 'F', "BACKING_FMT", backing_format, "its format"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

/* Bytes that read differently through the new backing file become the image's own. */
static int copy_difference(struct block_node *node, struct block_node *fresh, uint64_t offset,
                           uint64_t bytes, uint64_t unit, uint8_t *old, uint8_t *new)
{
    int ret = img_read_padded(node->backing, offset, old, bytes);

    if (ret == 0 && fresh) {
        ret = img_read_padded(fresh, offset, new, bytes);
    } else if (ret == 0) {
        memset(new, 0, bytes);
    }
    for (uint64_t at = 0, end; ret == 0 && at < bytes; at = end) {
        bool differs = memcmp(old + at, new + at, MIN(unit, bytes - at)) != 0;

        for (end = at + MIN(unit, bytes - at);
             end < bytes &&
             (memcmp(old + end, new + end, MIN(unit, bytes - end)) != 0) == differs;) {
            end += MIN(unit, bytes - end);
        }
        if (differs) {
            ret = img_is_zero(old + at, end - at)
                      ? block_node_write_zeroes(node, offset + at, end - at, 0)
                      : block_node_write(node, offset + at, old + at, end - at);
        }
    }
    return ret;
}

/* Both backing files are chains that share this image from some depth on: what is theirs is the same. */
static struct block_node *common_base(struct block_node *a, struct block_node *b)
{
    for (; a; a = a->backing) {
        for (struct block_node *other = b; other; other = other->backing) {
            if (strcmp(a->filename, other->filename) == 0) {
                return a;
            }
        }
    }
    return NULL;
}

static int copy_differences(const struct rebase *r, struct block_node *node,
                            struct block_node *fresh)
{
    g_autofree uint8_t *old = g_malloc(IMG_CHUNK), *new = g_malloc(IMG_CHUNK);
    struct tool_progress *progress = tool_progress_new(r->common.progress && !r->common.quiet);
    bool on_top = fresh &&
                  common_base(node->backing, fresh) && /* the new one is in the old chain: */
                  strcmp(common_base(node->backing, fresh)->filename, fresh->filename) == 0;
    struct block_node *base = on_top ? common_base(node->backing, fresh) : NULL;
    struct block_image_info info;
    int ret = 0;

    block_node_info(node, &info, NULL);
    for (uint64_t at = 0; at < node->size && ret == 0;) {
        struct block_status s, below;
        uint64_t bytes = MIN(node->size - at, IMG_CHUNK - at % IMG_CHUNK);

        ret = block_node_status(node, at, bytes, &s);
        bytes = s.bytes;
        if (ret == 0 && !(s.flags & BLOCK_ALLOCATED) && base && at < node->backing->size) {
            ret = block_node_status_above(node->backing, base, at,
                                          MIN(bytes, node->backing->size - at), &below);
            bytes = below.bytes;
            s.flags |= below.flags & BLOCK_ALLOCATED ? 0 : BLOCK_ALLOCATED;
        }
        if (ret == 0 && !(s.flags & BLOCK_ALLOCATED) && node->backing) {
            ret = copy_difference(node, fresh, at, bytes, MAX(info.cluster_size, 4096), old, new);
        }
        at += bytes;
        tool_progress_set(progress, at, node->size);
    }
    tool_progress_free(progress);
    if (ret) {
        report_error("error while copying what differs: %s", g_strerror(-ret));
    }
    return ret;
}

static int set_name(const struct rebase *r, struct block_node *node)
{
    GError *error = NULL;
    bool none = !r->backing || !*r->backing;

    if (!none && !r->backing_format) {
        report_error("Could not change the backing file to '%s': backing format must be specified",
                     r->backing);
        return 1;
    }
    if (!none && !block_driver_find(r->backing_format, NULL)) {
        report_error("Invalid format name: '%s'", r->backing_format);
        return 1;
    }
    return block_node_change_backing(node, none ? NULL : r->backing, r->backing_format, &error)
               ? 0
               : tool_error(&error, "Could not change the backing file to '%s'",
                            none ? "" : r->backing);
}

static int rebase(const struct rebase *r, struct block_graph *graph, struct block_node *node)
{
    g_autofree char *path = NULL;
    struct block_node *fresh = NULL;
    GError *error = NULL;
    int status = 0;

    if (!r->unsafe && r->backing && *r->backing) {
        struct block_open_options o = { .format = r->backing_format,
                                        .graph = graph,
                                        .read_only = true };

        path = block_path_combine(node->filename, r->backing);
        o.filename = path;
        if (r->common.src_cache && !img_cache(r->common.src_cache, &o.cache)) {
            report_error("Invalid source cache option: %s", r->common.src_cache);
            return 1;
        }
        fresh = block_node_open(&o, &error);
        if (!fresh) {
            return tool_error(&error, "Could not open new backing file '%s'", path);
        }
    }
    if (!r->unsafe && (!fresh || r->backing_format)) {
        status = copy_differences(r, node, fresh) || block_node_flush(node);
    }
    if (status == 0) {
        status = set_name(r, node);
    }
    block_node_close(fresh);
    return status;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct rebase r = { 0 };
    int at = tool_parse(command, argc, argv, &r), status;
    g_autoptr(block_graph) graph = NULL;
    struct block_node *node;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    if (!r.unsafe && !r.backing) {
        return tool_usage_error("Must specify backing file (-b) or use unsafe mode (-u)");
    }
    graph = img_graph(&r.common);
    node = graph ? img_open(&r.common, graph, argv[at], IMG_WRITE | (r.unsafe ? IMG_NO_BACKING : 0))
                 : NULL;
    if (!node) {
        return 1;
    }
    status = rebase(&r, graph, node);
    return img_close(node) ? status : 1;
}

const struct tool_command img_rebase = {
    .name = "rebase",
    .operands = "FILENAME",
    .summary = "give an image another backing file",
    .options = rebase_rows,
    .run = run,
    .details =
        "What the image reads stays as it is: what differs between the backing files is copied "
        "into\n"
        "the image first. With -u only the name changes, for backing files that have moved.\n\n"
        "Examples:\n"
        "  rhea-img rebase -b new-base.qcow2 -F qcow2 overlay.qcow2\n"
        "  rhea-img rebase -u -b ../moved/base.qcow2 -F qcow2 overlay.qcow2\n"
        "  rhea-img rebase -b '' overlay.qcow2          (the image stands alone)\n",
};
