/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_convert.c: rhea-img convert: from its options to a job of convert.c. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/convert.h"
#include "tools/img.h"
#include "util/log.h"
#include "util/text.h"

#define MAX_THREADS 16
#define MAX_SPARSE  (16u << 20)

struct convert {
    struct img_common common;
    const char *output_format, *backing, *backing_format, *snapshot, *sparse_text;
    GPtrArray *options;
    bool target_image_opts, target_is_zero, bitmaps, skip_broken, offload, compress, existing,
        out_of_order, salvage;
    uint64_t rate, threads, sparse;
};

/* clang-format off */
static const struct tool_option convert_rows[] = {
    IMG_ROW_OBJECT(struct convert),
    IMG_ROW_IMAGE_OPTS(struct convert),
    TOOL_ROW_FLAG  (struct convert, "target-image-opts", 0, target_image_opts, "OUTPUT_FILENAME is a list of options; needs -n"),
    TOOL_ROW_FLAG  (struct convert, "target-is-zero", 0, target_is_zero, "the output reads as zeroes already; needs -n"),
    TOOL_ROW_FLAG  (struct convert, "bitmaps", 0, bitmaps, "copy the persistent bitmaps too"),
    TOOL_ROW_FLAG  (struct convert, "skip-broken-bitmaps", 0, skip_broken, "leave out bitmaps that are inconsistent"),
    IMG_ROW_FORCE_SHARE(struct convert),
    TOOL_ROW_FLAG  (struct convert, "copy-range-offloading", 'C', offload, "copy all that is allocated, without looking for zeroes"),
    TOOL_ROW_FLAG  (struct convert, "compress", 'c', compress, "compress the data (qcow2)"),
    IMG_ROW_PROGRESS(struct convert),
    IMG_ROW_QUIET(struct convert),
    TOOL_ROW_FLAG  (struct convert, "no-create", 'n', existing, "the output exists already"),
    IMG_ROW_FORMAT(struct convert),
    IMG_ROW_CACHE(struct convert),
    IMG_ROW_SRC_CACHE(struct convert),
    TOOL_ROW_STRING(struct convert, "output-format", 'O', "OUTPUT_FMT", output_format, "format of the output [raw]"),
    TOOL_ROW_STRING(struct convert, "backing", 'B', "BACKING_FILE", backing, "backing file of the output: it reads as that of the input"),
    TOOL_ROW_STRING(struct convert, "backing-format", 'F', "BACKING_FMT", backing_format, "its format"),
    TOOL_ROW_LIST  (struct convert, "options", 'o', "OPTIONS", options, "name=value,... of the output's format; -o help lists them"),
    TOOL_ROW_STRING(struct convert, "snapshot", 'l', "SNAPSHOT_PARAM", snapshot, "the input as it was in a snapshot"),
    TOOL_ROW_STRING(struct convert, "sparse-size", 'S', "SPARSE_SIZE", sparse_text, "so many zeroes are left out [4k]; 0: none"),
    TOOL_ROW_SIZE  (struct convert, "rate-limit", 'r', "RATE_LIMIT", rate, 0, INT64_MAX, "bytes in a second at most; 0: no limit"),
    TOOL_ROW_UINT  (struct convert, "num-coroutines", 'm', "NUM_COROUTINES", threads, 1, MAX_THREADS, "pieces that are copied at a time [8]",
                    "Invalid number of coroutines. Allowed number of coroutines is between 1 and 16"),
    TOOL_ROW_FLAG  (struct convert, "oob", 'W', out_of_order, "write pieces in any order"),
    TOOL_ROW_FLAG  (struct convert, "salvage", 0, salvage, "what cannot be read becomes zeroes"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

/* clang-format off */
/* NULL: the options go together. */
static const char *misuse(const struct convert *c, int operands)
{
    return operands < 2                         ? "Must specify image file name"
           : c->compress && c->offload          ? "Cannot enable copy offloading when -c is used"
           : c->sparse_text && c->offload       ? "Cannot enable copy offloading when -S is used"
           : c->salvage && c->offload           ? "Cannot use copy offloading in salvaging mode"
           : c->target_image_opts && !c->existing ? "--target-image-opts requires use of -n flag"
           : c->target_is_zero && !c->existing  ? "--target-is-zero requires use of -n flag"
           : c->target_is_zero && c->backing    ? "--target-is-zero cannot be used when the destination "
                                                  "image has a backing file"
           : c->target_image_opts && c->output_format
               ? "-O and --target-image-opts are mutually exclusive"
           : c->existing && c->options          ? "-o has no effect when skipping image creation"
           : c->skip_broken && !c->bitmaps      ? "Use of --skip-broken-bitmaps requires --bitmaps"
           : c->backing && !c->backing_format   ? "Use of backing file requires explicit backing format"
           : c->snapshot && operands > 2        ? "No support for concatenating multiple snapshot"
           : c->bitmaps && operands > 2         ? "Copying bitmaps only possible with single source"
                                                : NULL;
}

/* clang-format on */

static bool parse_sparse(struct convert *c)
{
    c->sparse = 4096;
    if (c->sparse_text && (!parse_size(c->sparse_text, 1, &c->sparse) || c->sparse % BLOCK_SECTOR ||
                           c->sparse > MAX_SPARSE)) {
        report_error(
            "Invalid buffer size for sparse output specified. Valid sizes are multiples of "
            "%u up to %u. Select 0 to disable sparse detection (fully allocates output).",
            BLOCK_SECTOR, MAX_SPARSE);
        return false;
    }
    return true;
}

/* Sources --------------------------------------------------------------------------------------- */

static void close_sources(GArray *sources)
{
    for (unsigned i = 0; i < sources->len; i++) {
        block_node_close(g_array_index(sources, struct convert_source, i).node);
    }
    g_array_unref(sources);
}

static bool open_sources(const struct convert *c, struct block_graph *graph, char **names, int n,
                         GArray *sources, uint64_t *size)
{
    GError *error = NULL;

    *size = 0;
    for (int i = 0; i < n; i++) {
        struct convert_source s = { img_open(&c->common, graph, names[i], IMG_SOURCE), *size };

        if (!s.node) {
            return false;
        }
        g_array_append_val(sources, s);
        *size += s.node->size;
    }
    if (c->snapshot && !block_snapshot_load(g_array_index(sources, struct convert_source, 0).node,
                                            img_snapshot_param(c->snapshot), &error)) {
        tool_error(&error, "Failed to load snapshot");
        return false;
    }
    return true;
}

/* The output ------------------------------------------------------------------------------------ */

static bool create_target(const struct convert *c, struct block_graph *graph, const char *filename,
                          uint64_t size, struct block_options *o)
{
    const char *format = c->output_format ? c->output_format : "raw";
    GError *error = NULL;

    if (!block_driver_find(format, NULL)) {
        report_error("Unknown file format '%s'", format);
        return false;
    }
    if (c->backing) {
        block_options_set(o, "backing_file", c->backing);
        block_options_set(o, "backing_fmt", c->backing_format);
    }
    if (!block_options_get(o, "size")) {
        block_options_setf(o, "size", "%" G_GUINT64_FORMAT, size);
    }
    if (!block_create(format, filename, o, graph, &error)) {
        tool_error(&error, "%s: error while converting %s", filename, format);
        return false;
    }
    return true;
}

static struct block_node *open_target(const struct convert *c, struct block_graph *graph,
                                      const char *filename)
{
    const struct img_common common = { .cache = c->common.cache,
                                       .image_opts = c->target_image_opts };
    const char *format = c->target_image_opts ? NULL : c->output_format ? c->output_format : "raw";

    return img_open_as(&common, graph, filename, format, IMG_WRITE | IMG_UNSAFE | IMG_UNMAP);
}

static bool check_target(const struct convert *c, struct block_node *target, uint64_t size)
{
    if (c->compress && !target->driver->write_compressed) {
        report_error("Compression not supported for this file format");
        return false;
    }
    if (c->bitmaps && !target->driver->bitmap_change) {
        report_error("Format driver '%s' does not support bitmaps", target->driver->name);
        return false;
    }
    if (target->size < size) {
        report_error("output file is smaller than input file");
        return false;
    }
    return true;
}

/* Bitmaps --------------------------------------------------------------------------------------- */

static bool copy_bitmap(struct block_node *from, struct block_node *to,
                        const struct block_bitmap *b)
{
    struct block_bitmap_change change = { .op = BLOCK_BITMAP_ADD,
                                          .name = b->name,
                                          .granularity = b->granularity,
                                          .from = from,
                                          .from_name = b->name };
    static const enum block_bitmap_op ops[] = { BLOCK_BITMAP_ADD, BLOCK_BITMAP_DISABLE,
                                                BLOCK_BITMAP_MERGE, BLOCK_BITMAP_ENABLE };
    GError *error = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        change.op = ops[i];
        if (ops[i] == BLOCK_BITMAP_ENABLE && !b->enabled) {
            continue;
        }
        if (!block_bitmap_change(to, &change, &error)) {
            tool_error(&error, "Failed to populate bitmap %s", b->name);
            return false;
        }
    }
    return true;
}

static bool copy_bitmaps(const struct convert *c, struct block_node *from, struct block_node *to)
{
    g_autoptr(GPtrArray) all = block_bitmaps(from);

    for (unsigned i = 0; all && i < all->len; i++) {
        const struct block_bitmap *b = g_ptr_array_index(all, i);

        if (b->in_use && c->skip_broken) {
            report_warning("Skipping inconsistent bitmap '%s'", b->name);
            continue;
        }
        if (b->in_use) {
            report_error("Cannot copy inconsistent bitmap '%s'; try --skip-broken-bitmaps",
                         b->name);
            return false;
        }
        if (!copy_bitmap(from, to, b)) {
            return false;
        }
    }
    return true;
}

/* The job --------------------------------------------------------------------------------------- */

static bool copy(const struct convert *c, const GArray *sources, struct block_node *target,
                 uint64_t size)
{
    struct convert_job job = {
        .sources = (const struct convert_source *)sources->data,
        .n_sources = sources->len,
        .target = target,
        .size = size,
        .sparse = c->offload ? 0 : c->sparse,
        .backed = c->backing,
        .compressed = c->compress,
        /* Compressed clusters find a place wherever there is room: order would only cost time. */
        .out_of_order = c->out_of_order,
        .salvage = c->salvage,
        .quiet = c->common.quiet,
        .threads = (unsigned)c->threads,
        .rate = c->rate,
    };
    struct block_image_info info;
    bool ok;

    block_node_info(target, &info, NULL);
    job.unit =
        c->compress ? info.cluster_size : MAX(MAX(job.sparse, 4096), MIN(info.cluster_size, 65536));
    job.zeroed = !target->backing && (c->target_is_zero || !c->existing);
    job.progress = tool_progress_new(c->common.progress && !c->common.quiet);
    ok = convert_copy(&job);
    tool_progress_free(job.progress);
    return ok;
}

static bool convert(const struct convert *c, struct block_graph *graph, GArray *sources,
                    uint64_t size, const char *filename, struct block_options *o)
{
    struct block_node *target;
    bool ok;

    if (!c->existing && !create_target(c, graph, filename, size, o)) {
        return false;
    }
    target = open_target(c, graph, filename);
    if (!target) {
        return false;
    }
    ok = check_target(c, target, size) && copy(c, sources, target, size) &&
         (!c->bitmaps ||
          copy_bitmaps(c, g_array_index(sources, struct convert_source, 0).node, target));
    return img_close(target) && ok;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct convert c = { .threads = 8 };
    int at = tool_parse(command, argc, argv, &c);
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_options) o = NULL;
    GError *error = NULL;
    GArray *sources;
    const char *wrong;
    uint64_t size;
    bool help, ok;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    o = img_options(c.options, &help, &error);
    if (!o) {
        return tool_error(&error, NULL);
    }
    if (help) {
        return img_answer_create_help(c.output_format ? c.output_format : "raw");
    }
    if (!parse_sparse(&c)) {
        return 1;
    }
    wrong = misuse(&c, argc - at);
    if (wrong) {
        report_error("%s", wrong);
        return 1;
    }
    graph = img_graph(&c.common);
    if (!graph) {
        return 1;
    }
    sources = g_array_new(FALSE, FALSE, sizeof(struct convert_source));
    ok = open_sources(&c, graph, argv + at, argc - at - 1, sources, &size) &&
         convert(&c, graph, sources, size, argv[argc - 1], o);
    close_sources(sources);
    return ok ? 0 : 1;
}

const struct tool_command img_convert = {
    .name = "convert",
    .operands = "FILENAME [FILENAME2 [...]] OUTPUT_FILENAME",
    .summary = "copy an image into one of another format",
    .options = convert_rows,
    .run = run,
    .details = "Several inputs follow each other in the output. What reads as zeroes takes no "
               "space there.\n\n"
               "Examples:\n"
               "  rhea-img convert -p -O qcow2 disk.vmdk disk.qcow2\n"
               "  rhea-img convert -c -O qcow2 -o compression_type=zstd disk.raw disk.qcow2\n"
               "  rhea-img convert -n -O raw disk.qcow2 /dev/vg0/disk\n",
};
