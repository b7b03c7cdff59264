/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img.c: opening images as options say, and other things that subcommands share. */
#include "tools/img.h"
#include <stdio.h>
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/log.h"

/* --object ----------------------------------------------------------------------------------------- */

struct block_graph *img_graph(const struct img_common *common)
{
    struct block_graph *graph = block_graph_new();
    GError *error = NULL;

    for (unsigned i = 0; common->objects && i < common->objects->len; i++) {
        if (!block_graph_add_object(graph, g_ptr_array_index(common->objects, i), &error)) {
            tool_error(&error, NULL);
            block_graph_free(graph);
            return NULL;
        }
    }
    return graph;
}

/* Opening --------------------------------------------------------------------------------------- */

bool img_cache(const char *text, enum block_cache *cache)
{
    static const struct {
        const char *name;
        enum block_cache mode;
    } modes[] = {
        { "none", BLOCK_CACHE_NONE },
        { "off", BLOCK_CACHE_NONE },
        { "writeback", BLOCK_CACHE_WRITEBACK },
        { "writethrough", BLOCK_CACHE_WRITETHROUGH },
        { "directsync", BLOCK_CACHE_DIRECTSYNC },
        { "unsafe", BLOCK_CACHE_UNSAFE },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        if (strcmp(modes[i].name, text) == 0) {
            *cache = modes[i].mode;
            return true;
        }
    }
    return false;
}

bool img_check_aio(const char *aio)
{
    static const char *const names[] = { "threads", "native", "io_uring", NULL };

    if (aio && !g_strv_contains(names, aio)) {
        report_error("Invalid aio option: %s", aio);
        return false;
    }
    return true;
}

static void warn_of_guess(const struct block_node *node, const char *name)
{
    if (node->driver == &block_raw) {
        fprintf(stderr,
                "WARNING: Image format was not specified for '%s' and probing guessed raw.\n"
                "         Automatically detecting the format is dangerous for raw images: what is\n"
                "         written to them can make them look like another format.\n"
                "         Specify the 'raw' format explicitly: -f raw\n",
                name);
    }
}

struct block_node *img_open_as(const struct img_common *common, struct block_graph *graph,
                               const char *name, const char *format, unsigned flags)
{
    g_autoptr(block_options) options = block_options_new();
    const char *cache = flags & IMG_SOURCE ? common->src_cache : common->cache;
    struct block_open_options o = {
        .format = format,
        .graph = graph,
        .read_only = !(flags & IMG_WRITE),
        .no_backing = flags & IMG_NO_BACKING,
        .check = flags & IMG_CHECK,
        .force_share = common->force_share,
        .aio = common->aio,
        .no_io = flags & IMG_NO_IO,
        .discard = flags & IMG_UNMAP,
        .cache = flags & IMG_UNSAFE ? BLOCK_CACHE_UNSAFE : BLOCK_CACHE_WRITEBACK,
    };
    struct block_node *node;
    GError *error = NULL;

    if (cache && !img_cache(cache, &o.cache)) {
        report_error("Invalid %scache option: %s", flags & IMG_SOURCE ? "source " : "", cache);
        return NULL;
    }
    if (!img_check_aio(common->aio)) {
        return NULL;
    }
    if (common->image_opts) {
        if (format) {
            report_error("--image-opts and --format are mutually exclusive");
            return NULL;
        }
        if (!block_options_parse_any(options, name, NULL, &error)) {
            tool_error(&error, NULL);
            return NULL;
        }
        o.options = options;
    } else {
        o.filename = name;
    }
    node = block_node_open(&o, &error);
    if (!node) {
        tool_error(&error, "Could not open '%s'", name);
    } else if (flags & IMG_WRITE && !format && !common->image_opts &&
               !g_str_has_prefix(name, "json:")) {
        warn_of_guess(node, name);
    }
    return node;
}

struct block_node *img_open(const struct img_common *common, struct block_graph *graph,
                            const char *name, unsigned flags)
{
    return img_open_as(common, graph, name, common->format, flags);
}

bool img_close(struct block_node *node)
{
    int ret = 0;

    if (node) {
        ret = block_node_flush(node);
        if (ret) {
            report_error("Error while writing '%s': %s", node->filename, g_strerror(-ret));
        }
        block_node_close(node);
    }
    return ret == 0;
}

/* Options --------------------------------------------------------------------------------------- */

bool img_wants_json(const struct img_common *common, bool *json)
{
    *json = common->output && strcmp(common->output, "json") == 0;
    if (common->output && !*json && strcmp(common->output, "human") != 0) {
        report_error("--output must be used with human or json as argument.");
        return false;
    }
    return true;
}

struct block_options *img_options(const GPtrArray *lists, bool *help, GError **error)
{
    struct block_options *o = block_options_new();

    *help = false;
    for (unsigned i = 0; lists && i < lists->len; i++) {
        if (!block_options_parse_any(o, g_ptr_array_index(lists, i), NULL, error)) {
            block_options_free(o);
            return NULL;
        }
    }
    for (unsigned i = 0; i < block_options_count(o); i++) {
        *help |= strcmp(block_options_key(o, i), "help") == 0 ||
                 strcmp(block_options_key(o, i), "?") == 0;
    }
    return o;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct block_option_row *)a)->name,
                  ((const struct block_option_row *)b)->name);
}

bool img_print_create_help(const char *format, GString *out, GError **error)
{
    static const struct block_option_row size_row = { "size", BLOCK_OPTION_SIZE, NULL,
                                                      "Virtual disk size" };
    const struct block_driver *d = block_driver_find(format, error);
    g_autoptr(GArray) rows = g_array_new(TRUE, TRUE, sizeof(struct block_option_row));
    bool has_size = false;

    if (!d) {
        return false;
    }
    if (!d->create) {
        set_error(error, "Format driver '%s' does not support image creation", d->name);
        return false;
    }
    for (const struct block_option_row *r = d->create_options; r && r->name; r++) {
        g_array_append_val(rows, *r);
        has_size |= strcmp(r->name, "size") == 0;
    }
    if (!has_size) {
        g_array_append_val(rows, size_row);
    }
    g_array_sort(rows, by_name);
    g_string_append_printf(out, "Supported %s options:\n", format);
    block_option_help((const struct block_option_row *)rows->data, out);
    return true;
}

int img_answer_create_help(const char *format)
{
    g_autoptr(GString) out = g_string_new("");
    GError *error = NULL;

    if (!img_print_create_help(format, out, &error)) {
        return tool_error(&error, NULL);
    }
    fputs(out->str, stdout);
    return 0;
}

const char *img_snapshot_param(const char *text)
{
    static const char *const keys[] = { "snapshot.name=", "snapshot.id=" };

    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (g_str_has_prefix(text, keys[i])) {
            return text + strlen(keys[i]);
        }
    }
    return text;
}

/* Bytes ----------------------------------------------------------------------------------------- */

void *img_buffer(size_t len)
{
    return g_aligned_alloc(1, MAX(len, 1), 4096);
}

bool img_is_zero(const void *buf, size_t len)
{
    static const uint8_t zeroes[16];

    /* What equals itself moved by 16 bytes, and begins with zeroes, is zero. */
    return len < sizeof(zeroes)
               ? memcmp(buf, zeroes, len) == 0
               : memcmp(buf, zeroes, sizeof(zeroes)) == 0 &&
                     memcmp(buf, (const uint8_t *)buf + sizeof(zeroes), len - sizeof(zeroes)) == 0;
}

size_t img_zero_run(const uint8_t *buf, size_t len, size_t unit, bool *zero)
{
    size_t done = MIN(unit, len);

    *zero = img_is_zero(buf, done);
    while (done < len && img_is_zero(buf + done, MIN(unit, len - done)) == *zero) {
        done += MIN(unit, len - done);
    }
    return done;
}

int img_read_padded(struct block_node *node, uint64_t offset, void *buf, size_t len)
{
    size_t inside = offset < node->size ? MIN(node->size - offset, len) : 0;

    memset((uint8_t *)buf + inside, 0, len - inside);
    return inside ? block_node_read(node, offset, buf, inside) : 0;
}
