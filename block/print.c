/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/print.c: drives as `info block` shows them.  Thread: machine lock held. */
#include <string.h>
#include "block/driver.h"
#include "block/throttle.h"

/* Below the layers that options put over the image. */
static const struct block_node *image_of(const struct block_node *node)
{
    while (node->file && (node->driver->filter || node->driver->hidden)) {
        node = node->file;
    }
    return node;
}

static void print_chain(const struct block_node *node, GString *out)
{
    g_string_append(out, "\nImages:\n");
    for (node = image_of(node); node; node = node->backing ? image_of(node->backing) : NULL) {
        g_string_append_printf(
            out, "image: %s\nfile format: %s\nvirtual size: %" G_GUINT64_FORMAT " bytes\n",
            node->filename, node->driver->name, node->size);
        if (node->backing_name) {
            g_string_append_printf(out, "backing file: %s\n", node->backing_name);
        }
    }
    g_string_append_c(out, '\n');
}

static void print_limits(const struct block_backend *blk, GString *out)
{
    static const char *const names[] = { "bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr" };
    struct block_node *layer = throttle_layer(blk->root);
    struct throttle_limits l;
    const char *group = layer ? throttle_layer_get(layer, &l) : NULL;

    if (!layer || !throttle_limits_any(&l)) {
        return;
    }
    g_string_append(out, "    I/O throttling:  ");
    for (unsigned half = 0; half < N_LIMITS; half += IOPS_TOTAL) {
        for (unsigned i = half; i < half + IOPS_TOTAL; i++) {
            g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, names[i], l.avg[i]);
        }
        for (unsigned i = half; i < half + IOPS_TOTAL; i++) {
            g_string_append_printf(out, " %s_max=%" G_GUINT64_FORMAT, names[i], l.max[i]);
        }
    }
    g_string_append_printf(out, " iops_size=%" G_GUINT64_FORMAT " group=%s\n", l.iops_size, group);
}

static void print_drive(const struct block_backend *blk, bool verbose, GString *out)
{
    static const char *const caches[] = {
        "writeback",
        "writeback, direct",
        "writethrough",
        "writethrough, direct",
        "writeback, ignore flushes",
    };

    if (!blk->root) {
        g_string_append_printf(out, "%s: [not inserted]\n", blk->id);
    } else {
        g_string_append_printf(out, "%s: %s (%s%s%s)\n", blk->id, blk->filename,
                               image_of(blk->root)->driver->name,
                               blk->options.snapshot ? ", of a snapshot" : "",
                               block_read_only(blk) ? ", read-only" : "");
    }
    if (blk->removable) {
        g_string_append_printf(out, "    Removable device: %s\n",
                               blk->front && blk->front->is_locked &&
                                       blk->front->is_locked(blk->front_opaque)
                                   ? "locked"
                                   : "not locked");
    }
    if (blk->root) {
        g_string_append_printf(out, "    Cache mode:       %s\n", caches[blk->options.cache]);
        print_limits(blk, out);
        if (image_of(blk->root)->backing) {
            g_string_append_printf(out, "    Backing file:     %s\n",
                                   image_of(blk->root)->backing_name);
        }
        if (verbose) {
            print_chain(blk->root, out);
        }
    }
}

bool block_print(struct machine *m, const char *id, bool verbose, GString *out)
{
    struct block_backend *blk;
    bool found = !id;

    for (unsigned i = 0; (blk = block_backend_nth(m, i)); i++) {
        if (!id || strcmp(blk->id, id) == 0) {
            print_drive(blk, verbose, out);
            found = true;
        }
    }
    return found;
}
