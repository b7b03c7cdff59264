/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_check.c: rhea-img check. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_CORRUPT = 2, EXIT_LEAKS = 3, EXIT_UNSUPPORTED = 63 };

struct check {
    struct img_common common;
    const char *repair;
};

/* clang-format off */
static const struct tool_option check_rows[] = {
    IMG_ROW_OBJECT(struct check),
    IMG_ROW_IMAGE_OPTS(struct check),
    IMG_ROW_QUIET(struct check),
    IMG_ROW_FORMAT(struct check),
    IMG_ROW_OUTPUT(struct check),
    TOOL_ROW_STRING(struct check, "repair", 'r', "leaks|all", repair, "repair lost space alone, or all that is found"),
    IMG_ROW_SRC_CACHE(struct check),
    IMG_ROW_FORCE_SHARE(struct check),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};
/* clang-format on */

static void print_finding(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "%s\n", line);
}

static void print_text(const struct block_check *c)
{
    double total = (double)c->total_clusters, allocated = (double)c->allocated_clusters;

    if (c->corruptions + c->leaks + c->check_errors == 0) {
        puts("No errors were found on the image.");
    }
    if (c->corruptions) {
        printf("\n%" G_GUINT64_FORMAT " errors were found on the image.\nData may be corrupted, or "
               "further writes to the image may corrupt it.\n",
               c->corruptions);
    }
    if (c->leaks) {
        printf("\n%" G_GUINT64_FORMAT
               " leaked clusters were found on the image.\nThis means waste of "
               "disk space, but no harm to data.\n",
               c->leaks);
    }
    if (c->check_errors) {
        printf("\n%" G_GUINT64_FORMAT " internal errors have occurred during the check.\n",
               c->check_errors);
    }
    if (c->total_clusters && c->allocated_clusters) {
        printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
               " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n",
               c->allocated_clusters, c->total_clusters, allocated * 100 / total,
               (double)c->fragmented_clusters * 100 / allocated,
               (double)c->compressed_clusters * 100 / allocated);
    }
    if (c->image_end_offset) {
        printf("Image end offset: %" G_GUINT64_FORMAT "\n", c->image_end_offset);
    }
}

static void print_json(const struct block_check *c, const char *filename, const char *format)
{
    const struct {
        const char *name;
        uint64_t value;
    } optional[] = {
        { "image-end-offset", c->image_end_offset },
        { "total-clusters", c->total_clusters },
        { "corruptions-fixed", c->corruptions_fixed },
        { "corruptions", c->corruptions },
        { "leaks-fixed", c->leaks_fixed },
        { "leaks", c->leaks },
        { "allocated-clusters", c->allocated_clusters },
        { "fragmented-clusters", c->fragmented_clusters },
        { "compressed-clusters", c->compressed_clusters },
    };
    json_t *o = json_object();

    for (unsigned i = 0; i < G_N_ELEMENTS(optional); i++) {
        if (optional[i].value) {
            json_object_set_new(o, optional[i].name, json_integer((json_int_t)optional[i].value));
        }
    }
    json_object_set_new(o, "check-errors", json_integer((json_int_t)c->check_errors));
    json_object_set_new(o, "filename", json_string(filename));
    json_object_set_new(o, "format", json_string(format));
    img_print_json(o);
}

/* What was repaired is told, and the repaired image is checked again.  0 or the exit status. */
static int repair(const struct check *k, struct block_node *node, unsigned flags, bool json,
                  struct block_check *c)
{
    uint64_t leaks_fixed = c->leaks_fixed, corruptions_fixed = c->corruptions_fixed;
    int ret;

    if (!leaks_fixed && !corruptions_fixed) {
        return 0;
    }
    if (!k->common.quiet && !json) {
        printf("The following inconsistencies were found and repaired:\n\n    %" G_GUINT64_FORMAT
               " leaked clusters\n    %" G_GUINT64_FORMAT
               " corruptions\n\nDouble checking the fixed image now...\n",
               leaks_fixed, corruptions_fixed);
        fflush(stdout);
    }
    (void)flags;
    *c = (struct block_check){ .print = c->print };
    ret = block_node_check(node, 0, c);
    if (ret) {
        report_error("Check failed: %s", g_strerror(-ret));
        return EXIT_FAILED;
    }
    c->leaks_fixed = leaks_fixed;
    c->corruptions_fixed = corruptions_fixed;
    return 0;
}

static int check(const struct check *k, struct block_node *node, unsigned flags, bool json,
                 const char *filename)
{
    struct block_check c = { .print = k->common.quiet || json ? NULL : print_finding };
    int ret = block_node_check(node, flags, &c);

    if (ret == -ENOTSUP) {
        report_error("This image format does not support checks");
        return EXIT_UNSUPPORTED;
    }
    if (ret) {
        report_error("Check failed: %s", g_strerror(-ret));
        return EXIT_FAILED;
    }
    if (repair(k, node, flags, json, &c) != 0) {
        return EXIT_FAILED;
    }
    if (json) {
        print_json(&c, filename, node->driver->name);
    } else if (!k->common.quiet) {
        print_text(&c);
    }
    return c.check_errors  ? EXIT_FAILED
           : c.corruptions ? EXIT_CORRUPT
           : c.leaks       ? EXIT_LEAKS
                           : EXIT_GOOD;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct check k = { 0 };
    int at = tool_parse(command, argc, argv, &k), status;
    g_autoptr(block_graph) graph = NULL;
    struct block_node *node;
    unsigned flags = 0;
    bool json;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    if (k.repair && strcmp(k.repair, "leaks") == 0) {
        flags = BLOCK_REPAIR_LEAKS;
    } else if (k.repair && strcmp(k.repair, "all") == 0) {
        flags = BLOCK_REPAIR_LEAKS | BLOCK_REPAIR_ERRORS;
    } else if (k.repair) {
        return tool_usage_error("Unknown option value for -r (expecting 'leaks' or 'all'): %s",
                                k.repair);
    }
    if (argc - at != 1) {
        return tool_usage_error("Expecting one image file name");
    }
    graph = img_wants_json(&k.common, &json) ? img_graph(&k.common) : NULL;
    node = graph ? img_open(&k.common, graph, argv[at],
                            IMG_NO_BACKING | IMG_CHECK | IMG_SOURCE | (flags ? IMG_WRITE : 0))
                 : NULL;
    if (!node) {
        return EXIT_FAILED;
    }
    status = check(&k, node, flags, json, argv[at]);
    return img_close(node) ? status : EXIT_FAILED;
}

const struct tool_command img_check = {
    .name = "check",
    .operands = "FILENAME",
    .summary = "look for damage and lost space in an image, and repair it",
    .options = check_rows,
    .run = run,
    .details =
        "Exit status: 0 the image is good (now), 1 the check could not be made, 2 it is corrupt,\n"
        "3 space is lost but nothing is corrupt, 63 the format has no checks.\n\n"
        "Example:\n  rhea-img check -r all disk.qcow2\n",
};
