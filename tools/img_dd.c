/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img_dd.c: rhea-img dd. */
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "tools/img.h"
#include "util/log.h"
#include "util/text.h"

struct dd {
    struct img_common common;
    const char *output_format;
    /* The operands: */
    const char *in, *out;
    uint64_t bs, count, skip;
};

#define ALL UINT64_MAX

/* clang-format off */
static const struct tool_option dd_rows[] = {
    IMG_ROW_OBJECT(struct dd),
    IMG_ROW_IMAGE_OPTS(struct dd),
    IMG_ROW_FORCE_SHARE(struct dd),
    IMG_ROW_FORMAT(struct dd),
    TOOL_ROW_STRING(struct dd, "output-format", 'O', "OUTPUT_FMT", output_format, "format of the new image [raw]"),
    TOOL_ROW_HELP,
    TOOL_ROW_END
};

static const struct {
    const char *name;
    size_t number, text; /* offsets of where it goes; 0: the other one */
    uint64_t min, max;
} operands[] = {
    { "if",    0, offsetof(struct dd, in) },
    { "of",    0, offsetof(struct dd, out) },
    { "bs",    offsetof(struct dd, bs), 0,    1, INT32_MAX },
    { "count", offsetof(struct dd, count), 0, 0, INT64_MAX },
    { "skip",  offsetof(struct dd, skip), 0,  0, INT64_MAX },
};
/* clang-format on */

static bool take_operand(struct dd *d, const char *text)
{
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);

    for (unsigned i = 0; equals && i < G_N_ELEMENTS(operands); i++) {
        uint64_t value;

        if (strlen(operands[i].name) != len || strncmp(operands[i].name, text, len) != 0) {
            continue;
        }
        if (operands[i].text) {
            *(const char **)((char *)d + operands[i].text) = equals + 1;
            return true;
        }
        if (!parse_size(equals + 1, 1, &value)) {
            g_autofree char *said = g_strdup_printf(TOOL_BAD_SIZE("%s"), operands[i].name);

            tool_report_lines(said);
            return false;
        }
        if (value < operands[i].min || value > operands[i].max) {
            report_error("Invalid %s specified. Must be between %" G_GUINT64_FORMAT
                         " and %" G_GUINT64_FORMAT ".",
                         operands[i].name, operands[i].min, operands[i].max);
            return false;
        }
        *(uint64_t *)((char *)d + operands[i].number) = value;
        return true;
    }
    if (equals) {
        report_error("unrecognized operand %.*s", (int)len, text);
    } else {
        report_error("unrecognized operand %s", text);
    }
    return false;
}

static int copy(const struct dd *d, struct block_node *in, struct block_node *out, uint64_t from,
                uint64_t bytes)
{
    /* Blocks that follow each other are copied together. */
    uint64_t chunk = MAX(d->bs, IMG_CHUNK / d->bs * d->bs);
    g_autofree uint8_t *buf = g_malloc(MIN(chunk, MAX(bytes, 1)));

    for (uint64_t done = 0; done < bytes;) {
        uint64_t len = MIN(chunk, bytes - done);
        int ret = block_node_read(in, from + done, buf, len);

        if (ret) {
            report_error("error while reading from input image file: %s", g_strerror(-ret));
            return 1;
        }
        ret = block_node_write(out, done, buf, len);
        if (ret) {
            report_error("error while writing to output image file: %s", g_strerror(-ret));
            return 1;
        }
        done += len;
    }
    return 0;
}

static int dd(const struct dd *d, struct block_graph *graph, struct block_node *in)
{
    const char *format = d->output_format ? d->output_format : "raw";
    g_autoptr(block_options) o = block_options_new();
    struct img_common target = { .format = format };
    uint64_t size = in->size, from;
    struct block_node *out;
    GError *error = NULL;
    int status;

    if (d->count != ALL && d->count < size / d->bs + 1) {
        size = MIN(size, d->count * d->bs + (d->skip <= size / d->bs ? d->skip * d->bs : 0));
    }
    from = d->skip > size / d->bs ? size : d->skip * d->bs;
    if (d->skip && from >= in->size) {
        report_error("%s: cannot skip to specified offset", d->in);
    }
    block_options_setf(o, "size", "%" G_GUINT64_FORMAT, size - from);
    if (!block_create(format, d->out, o, graph, &error)) {
        return tool_error(&error, "%s: error while creating output image", d->out);
    }
    out = img_open(&target, graph, d->out, IMG_WRITE);
    if (!out) {
        return 1;
    }
    status = copy(d, in, out, from, size - from);
    return img_close(out) ? status : 1;
}

static int run(const struct tool_command *command, int argc, char **argv)
{
    struct dd d = { .bs = 512, .count = ALL };
    int at = tool_parse(command, argc, argv, &d);
    g_autoptr(block_graph) graph = NULL;
    g_autoptr(block_node) in = NULL;
    GError *error = NULL;

    if (at < 0) {
        return at == -2 ? 0 : 1;
    }
    for (; at < argc; at++) {
        if (!take_operand(&d, argv[at])) {
            return 1;
        }
    }
    if (!d.in || !d.out) {
        report_error("Must specify both input and output files");
        return 1;
    }
    if (d.output_format && !block_driver_find(d.output_format, &error)) {
        return tool_error(&error, NULL);
    }
    graph = img_graph(&d.common);
    in = graph ? img_open(&d.common, graph, d.in, 0) : NULL;
    return in ? dd(&d, graph, in) : 1;
}

const struct tool_command img_dd = {
    .name = "dd",
    .operands = "[bs=BLOCK_SIZE] [count=BLOCKS] [skip=BLOCKS] if=INPUT of=OUTPUT",
    .summary = "copy part of an image into a new one",
    .options = dd_rows,
    .run = run,
    .details =
        "Example:\n  rhea-img dd -O qcow2 bs=1M skip=16 count=100 if=disk.raw of=part.qcow2\n",
};
