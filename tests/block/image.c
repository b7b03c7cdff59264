/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/block/image.c: what the scripts of this folder do with images: one command a line on standard
 * input, "ok" or "error: ..." a line on standard output (flushed: a script may kill it in between).
 *
 * object TEXT (of --object); create FORMAT FILE OPTIONS; open OPTIONS (dotted or JSON; "read-only=on");
 * close; write OFF LEN BYTE; compress OFF LEN BYTE; zero OFF LEN [unmap]; discard OFF LEN; read OFF LEN BYTE; sum; flush;
 * snapshot create|apply|delete|load NAME; check [leaks|all]; resize SIZE [shrink]; empty; map;
 * bitmap add|remove|clear|enable|disable NAME; bits NAME; commit; info
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/text.h"

struct image {
    struct block_graph *graph;
    struct block_node *node;
};

typedef bool command_fn(struct image *im, char **args, GString *out, GError **error);

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    if (!text || !parse_size(text, 1, &value)) {
        fprintf(stderr, "image: '%s' is not a number\n", text ? text : "");
        exit(2);
    }
    return value;
}

static bool result(int ret, GError **error)
{
    if (ret != 0) {
        set_error(error, "%s", g_strerror(-ret));
    }
    return ret == 0;
}

static bool do_create(struct image *im, char **args, GString *out, GError **error)
{
    g_autoptr(block_options) o = block_options_new();

    (void)out;
    if (args[2]) {
        block_options_parse(o, args[2], NULL);
    }
    return block_create(args[0], args[1], o, im->graph, error);
}

static bool do_object(struct image *im, char **args, GString *out, GError **error)
{
    (void)out;
    return block_graph_add_object(im->graph, args[0], error);
}

static bool do_open(struct image *im, char **args, GString *out, GError **error)
{
    g_autoptr(block_options) o = block_options_new();
    struct block_open_options flags = { .options = o, .graph = im->graph, .discard = true };

    (void)out;
    if (!block_options_parse_any(o, args[0], NULL, error)) {
        return false;
    }
    flags.check = block_options_get(o, "check") != NULL;
    block_options_remove(o, "check");
    im->node = block_node_open(&flags, error);
    return im->node != NULL;
}

static bool do_close(struct image *im, char **args, GString *out, GError **error)
{
    (void)args, (void)out, (void)error;
    block_node_close(im->node);
    im->node = NULL;
    return true;
}

static bool do_write(struct image *im, char **args, GString *out, GError **error)
{
    uint64_t len = number(args[1]);
    g_autofree uint8_t *buf = g_malloc(len);

    (void)out;
    memset(buf, (int)number(args[2]), len);
    return result(block_node_write(im->node, number(args[0]), buf, len), error);
}

static bool do_compress(struct image *im, char **args, GString *out, GError **error)
{
    uint64_t len = number(args[1]);
    g_autofree uint8_t *buf = g_malloc(len);

    (void)out;
    memset(buf, (int)number(args[2]), len);
    return result(block_node_write_compressed(im->node, number(args[0]), buf, len), error);
}

static bool do_zero(struct image *im, char **args, GString *out, GError **error)
{
    (void)out;
    return result(block_node_write_zeroes(im->node, number(args[0]), number(args[1]),
                                          args[2] ? BLOCK_MAY_UNMAP : 0),
                  error);
}

static bool do_discard(struct image *im, char **args, GString *out, GError **error)
{
    (void)out;
    return result(block_node_discard(im->node, number(args[0]), number(args[1])), error);
}

static bool do_read(struct image *im, char **args, GString *out, GError **error)
{
    uint64_t at = number(args[0]), len = number(args[1]), byte = number(args[2]);
    g_autofree uint8_t *buf = g_malloc(len);

    (void)out;
    if (!result(block_node_read(im->node, at, buf, len), error)) {
        return false;
    }
    for (uint64_t i = 0; i < len; i++) {
        if (buf[i] != byte) {
            set_error(error, "byte %" G_GUINT64_FORMAT " is %u, not %u", at + i, buf[i],
                      (unsigned)byte);
            return false;
        }
    }
    return true;
}

/* SHA-256 of all that the disk reads as. */
static bool do_sum(struct image *im, char **args, GString *out, GError **error)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_autofree uint8_t *buf = g_malloc(1 << 20);

    (void)args;
    for (uint64_t at = 0; at < im->node->size; at += 1 << 20) {
        size_t n = MIN(1u << 20, im->node->size - at);

        if (!result(block_node_read(im->node, at, buf, n), error)) {
            return false;
        }
        g_checksum_update(sum, buf, (gssize)n);
    }
    g_string_append_printf(out, " %s", g_checksum_get_string(sum));
    return true;
}

static bool do_flush(struct image *im, char **args, GString *out, GError **error)
{
    (void)args, (void)out;
    return result(block_node_flush(im->node), error);
}

static bool do_snapshot(struct image *im, char **args, GString *out, GError **error)
{
    struct block_snapshot s = { .name = args[1], .date_sec = 1700000000, .icount = UINT64_MAX };

    (void)out;
    return strcmp(args[0], "create") == 0   ? block_snapshot_create(im->node, &s, error)
           : strcmp(args[0], "apply") == 0  ? block_snapshot_apply(im->node, args[1], error)
           : strcmp(args[0], "delete") == 0 ? block_snapshot_delete(im->node, args[1], error)
                                            : block_snapshot_load(im->node, args[1], error);
}

static void print_finding(void *opaque, const char *line)
{
    (void)opaque;
    printf("# %s\n", line);
}

static bool do_check(struct image *im, char **args, GString *out, GError **error)
{
    struct block_check c = { .print = print_finding };
    unsigned repair = !args[0]                        ? 0
                      : strcmp(args[0], "leaks") == 0 ? BLOCK_REPAIR_LEAKS
                                                      : BLOCK_REPAIR_LEAKS | BLOCK_REPAIR_ERRORS;
    int ret = block_node_check(im->node, repair, &c);

    g_string_append_printf(out,
                           " corruptions=%" G_GUINT64_FORMAT " leaks=%" G_GUINT64_FORMAT
                           " errors=%" G_GUINT64_FORMAT " fixed=%" G_GUINT64_FORMAT,
                           c.corruptions, c.leaks, c.check_errors,
                           c.corruptions_fixed + c.leaks_fixed);
    return result(ret, error);
}

static bool do_resize(struct image *im, char **args, GString *out, GError **error)
{
    (void)out;
    return block_node_truncate(im->node, number(args[0]), BLOCK_PREALLOC_OFF, args[1], error);
}

static bool do_empty(struct image *im, char **args, GString *out, GError **error)
{
    (void)args, (void)out;
    return block_node_make_empty(im->node, error);
}

static bool do_map(struct image *im, char **args, GString *out, GError **error)
{
    (void)args;
    for (uint64_t at = 0; at < im->node->size;) {
        struct block_status st;

        if (!result(block_node_status_above(im->node, NULL, at, im->node->size - at, &st), error)) {
            return false;
        }
        g_string_append_printf(out, " %" G_GUINT64_FORMAT "+%" G_GUINT64_FORMAT ":%s%s%u", at,
                               st.bytes, st.flags & BLOCK_DATA ? "d" : "",
                               st.flags & BLOCK_ZERO ? "z" : "", st.depth);
        at += st.bytes;
    }
    return true;
}

static bool do_bitmap(struct image *im, char **args, GString *out, GError **error)
{
    static const char *const ops[] = { "add", "remove", "clear", "enable", "disable", "merge" };
    struct block_bitmap_change c = { .name = args[1], .from_name = args[2] };

    (void)out;
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        if (strcmp(ops[i], args[0]) == 0) {
            c.op = (enum block_bitmap_op)i;
        }
    }
    return block_bitmap_change(im->node, &c, error);
}

static bool do_bits(struct image *im, char **args, GString *out, GError **error)
{
    g_autoptr(GPtrArray) list = block_bitmaps(im->node);

    for (unsigned i = 0; i < list->len; i++) {
        const struct block_bitmap *b = g_ptr_array_index(list, i);

        if (strcmp(b->name, args[0]) == 0 && b->bytes) {
            g_string_append_c(out, ' ');
            for (uint64_t k = 0; k < b->bits; k++) {
                g_string_append_c(out, b->bytes[k / 8] >> k % 8 & 1 ? '1' : '0');
            }
            return true;
        }
    }
    set_error(error, "no usable bitmap '%s'", args[0]);
    return false;
}

static void print_rows(const struct block_info_row *row, GString *out)
{
    for (unsigned i = 0; i < row->rows->len; i++) {
        const struct block_info_row *r = g_ptr_array_index(row->rows, i);

        if (r->rows) {
            print_rows(r, out);
        } else if (r->type == BLOCK_INFO_STRING) {
            g_string_append_printf(out, " %s=%s", r->name ? r->name : "", r->string);
        } else {
            g_string_append_printf(out, " %s=%" G_GUINT64_FORMAT, r->name, r->number);
        }
    }
}

static bool do_info(struct image *im, char **args, GString *out, GError **error)
{
    g_autoptr(block_info_row) rows = block_info_new();
    struct block_image_info info;
    int ret = block_node_info(im->node, &info, rows);

    (void)args;
    g_string_append_printf(out, " size=%" G_GUINT64_FORMAT, im->node->size);
    print_rows(rows, out);
    return result(ret, error);
}

static const struct command {
    const char *name;
    unsigned min_args;
    bool opened;
    command_fn *fn;
} commands[] = {
    /* clang-format off */
    { "object",   1, false, do_object },
    { "create",   2, false, do_create },
    { "open",     1, false, do_open },
    { "close",    0, true,  do_close },
    { "write",    3, true,  do_write },
    { "compress", 3, true,  do_compress },
    { "zero",     2, true,  do_zero },
    { "discard",  2, true,  do_discard },
    { "read",     3, true,  do_read },
    { "sum",      0, true,  do_sum },
    { "flush",    0, true,  do_flush },
    { "snapshot", 2, true,  do_snapshot },
    { "check",    0, true,  do_check },
    { "resize",   1, true,  do_resize },
    { "empty",    0, true,  do_empty },
    { "map",      0, true,  do_map },
    { "bitmap",   2, true,  do_bitmap },
    { "bits",     1, true,  do_bits },
    { "info",     0, true,  do_info },
    { 0 }
    /* clang-format on */
};

static void run_line(struct image *im, char *line)
{
    g_auto(GStrv) words = g_strsplit(g_strstrip(line), " ", -1);
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, words[0] ? words[0] : "") != 0) {
            continue;
        }
        if (g_strv_length(words) <= c->min_args || c->opened != (im->node != NULL)) {
            fprintf(stderr, "image: '%s' cannot be done now, or wants %u words\n", line,
                    c->min_args);
            exit(2);
        }
        if (c->fn(im, words + 1, out, &error)) {
            printf("ok%s\n", out->str);
        } else {
            printf("error: %s%s\n", error->message, out->str);
        }
        fflush(stdout);
        return;
    }
    fprintf(stderr, "image: no command '%s'\n", line);
    exit(2);
}

int main(void)
{
    struct image im = { .graph = block_graph_new() };
    char line[8192];

    while (fgets(line, sizeof(line), stdin)) {
        run_line(&im, line);
    }
    block_node_close(im.node);
    block_graph_free(im.graph);
    return 0;
}
