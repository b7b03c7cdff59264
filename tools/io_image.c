/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/io_image.c: commands of rhea-io on the image as a whole: open, close, map, truncate ... */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "block/driver.h"
#include "tools/io.h"
#include "util/log.h"
#include "util/text.h"

/* clang-format off */
static const struct tool_option open_rows[] = {
    TOOL_ROW_FLAG  (struct io_open, NULL, 'r', read_only, "open file read-only"),
    TOOL_ROW_FLAG  (struct io_open, NULL, 's', snapshot, "use snapshot file"),
    TOOL_ROW_FLAG  (struct io_open, NULL, 'C', copy_on_read, "use copy-on-read"),
    TOOL_ROW_FLAG  (struct io_open, NULL, 'n', no_cache, "disable host cache, short for -t none"),
    TOOL_ROW_FLAG  (struct io_open, NULL, 'U', common.force_share, "force shared permissions"),
    TOOL_ROW_FLAG  (struct io_open, NULL, 'k', native, "use kernel AIO implementation (with -n only)"),
    TOOL_ROW_STRING(struct io_open, NULL, 'i', "MODE", common.aio, "use AIO mode: threads, native or io_uring"),
    TOOL_ROW_STRING(struct io_open, NULL, 't', "CACHE", common.cache, "use the given cache mode for the image"),
    TOOL_ROW_STRING(struct io_open, NULL, 'd', "DISCARD", discard, "use the given discard mode for the image"),
    TOOL_ROW_LIST  (struct io_open, NULL, 'o', "OPTIONS", options, "options to be given to the block driver"),
    TOOL_ROW_END
};

struct reopen {
    bool read_only, writable;
    const char *cache;
    GPtrArray *options;
};

static const struct tool_option reopen_rows[] = {
    TOOL_ROW_FLAG  (struct reopen, NULL, 'r', read_only, "Reopen the image read-only"),
    TOOL_ROW_FLAG  (struct reopen, NULL, 'w', writable, "Reopen the image read-write"),
    TOOL_ROW_STRING(struct reopen, NULL, 'c', "CACHE", cache, "Change the cache mode to the given value"),
    TOOL_ROW_LIST  (struct reopen, NULL, 'o', "OPTIONS", options, "Changes block driver options (cf. 'open' command)"),
    TOOL_ROW_END
};

struct truncate {
    const char *prealloc;
};

static const struct tool_option truncate_rows[] = {
    TOOL_ROW_STRING(struct truncate, NULL, 'm', "MODE", prealloc, "preallocation of what is new: off, metadata, falloc or full"),
    TOOL_ROW_END
};
/* clang-format on */

/* Opening --------------------------------------------------------------------------------------- */

static bool fill_options(const struct io_open *how, const char *path, struct block_options *options,
                         struct block_open_options *o, GError **error)
{
    for (unsigned i = 0; how->options && i < how->options->len; i++) {
        if (!block_options_parse_any(options, g_ptr_array_index(how->options, i), NULL, error)) {
            return false;
        }
    }
    if (path && how->common.image_opts) {
        if (!block_options_parse_any(options, path, NULL, error)) {
            return false;
        }
    } else {
        o->filename = path;
    }
    if (how->copy_on_read) {
        block_options_set(options, "copy-on-read", "on");
    }
    return true;
}

bool io_open(struct io *io, const struct io_open *how, const char *path)
{
    g_autoptr(block_options) options = block_options_new();
    struct block_open_options o = {
        .format = how->common.format,
        .options = options,
        .graph = io->graph,
        .read_only = how->read_only,
        .snapshot = how->snapshot,
        .force_share = how->common.force_share,
        .aio = how->native ? "native" : how->common.aio,
        .discard =
            !how->discard || strcmp(how->discard, "unmap") == 0 || strcmp(how->discard, "on") == 0,
        .cache = how->no_cache ? BLOCK_CACHE_NONE : BLOCK_CACHE_WRITEBACK,
    };
    GError *error = NULL;

    if (io->node) {
        report_error("file open already, try 'help close'");
        return false;
    }
    if (how->common.image_opts && how->common.format) {
        report_error("--image-opts and -f are mutually exclusive");
        return false;
    }
    if (how->common.cache && !img_cache(how->common.cache, &o.cache)) {
        report_error("Invalid cache option: %s", how->common.cache);
        return false;
    }
    if (!img_check_aio(how->common.aio)) {
        return false;
    }
    if (fill_options(how, path, options, &o, &error)) {
        io->node = block_node_open(&o, &error);
    }
    if (!io->node) {
        const char *name = path && !how->common.image_opts ? path : NULL;

        tool_error(&error, "can't open%s%s", name ? " device " : "", name ? name : "");
    }
    return io->node;
}

static bool open_file(struct io *io, const struct io_command *command, int argc, char **argv)
{
    struct io_open how = { 0 };
    int at = io_parse(command, argc, argv, &how);
    bool ok = false;

    if (at >= 0 && (argc - at == 1 || (argc == at && how.options))) {
        ok = io_open(io, &how, argv[at]);
    } else if (at >= 0) {
        io_print_line(command);
    }
    if (how.options) {
        g_ptr_array_unref(how.options);
    }
    return ok;
}

static bool close_file(struct io *io, const struct io_command *command, int argc, char **argv)
{
    bool ok;

    (void)command, (void)argc, (void)argv;
    io_aio_flush(io->aio);
    ok = img_close(io->node);
    io->node = NULL;
    return ok;
}

static bool reopen(struct io *io, const struct io_command *command, int argc, char **argv)
{
    struct reopen r = { 0 };
    int at = io_parse(command, argc, argv, &r);
    enum block_cache cache = io->node->cache;
    GError *error = NULL;

    if (at < 0 || at != argc) {
        return false;
    }
    if (r.read_only && r.writable) {
        report_error("Only one -r/-w option may be given");
        return false;
    }
    if (r.options) {
        report_error("reopen: -o is not supported yet: close and open with -o");
        return false;
    }
    if (r.cache && !img_cache(r.cache, &cache)) {
        report_error("Invalid cache option: %s", r.cache);
        return false;
    }
    io_aio_flush(io->aio);
    if ((r.read_only || r.writable) && !block_node_set_read_only(io->node, r.read_only, &error)) {
        tool_error(&error, NULL);
        return false;
    }
    if (r.cache && cache != io->node->cache) {
        report_error("reopen: another cache mode is not supported yet: close and open with -t");
        return false;
    }
    return true;
}

/* The image ------------------------------------------------------------------------------------- */

static bool flush(struct io *io, const struct io_command *command, int argc, char **argv)
{
    int ret = block_node_flush(io->node);

    (void)command, (void)argc, (void)argv;
    if (ret) {
        printf("flush failed: %s\n", g_strerror(-ret));
    }
    return ret == 0;
}

static bool truncate_file(struct io *io, const struct io_command *command, int argc, char **argv)
{
    struct truncate t = { 0 };
    int at = io_parse(command, argc, argv, &t);
    unsigned mode = 0;
    GError *error = NULL;
    uint64_t size;

    if (at < 0 || argc - at != 1) {
        if (at >= 0) {
            io_print_line(command);
        }
        return false;
    }
    while (t.prealloc && block_prealloc_names[mode] &&
           strcmp(block_prealloc_names[mode], t.prealloc) != 0) {
        mode++;
    }
    if (!block_prealloc_names[mode]) {
        report_error("Invalid preallocation mode '%s'", t.prealloc);
        return false;
    }
    if (!io_number(argv[at], &size)) {
        return false;
    }
    if (!block_node_truncate(io->node, size, (enum block_prealloc)mode, true, &error)) {
        tool_error(&error, NULL);
        return false;
    }
    return true;
}

static bool length(struct io *io, const struct io_command *command, int argc, char **argv)
{
    g_autofree char *text = tool_count_text((double)io->node->size);

    (void)command, (void)argc, (void)argv;
    puts(text);
    return true;
}

static bool info(struct io *io, const struct io_command *command, int argc, char **argv)
{
    g_autoptr(block_info_row) specific = block_info_new();
    g_autoptr(GString) out = g_string_new("");
    g_autofree char *cluster = NULL, *vm_state = NULL;
    struct block_image_info i;
    int ret = block_node_info(io->node, &i, specific);

    (void)command, (void)argc, (void)argv;
    if (ret) {
        printf("info failed: %s\n", g_strerror(-ret));
        return false;
    }
    cluster = tool_count_text((double)i.cluster_size);
    vm_state = tool_count_text((double)i.vm_state_offset);
    printf("format name: %s\ncluster size: %s\nvm state offset: %s\n", io->node->driver->name,
           cluster, vm_state);
    if (specific->rows->len) {
        img_info_text(specific, 1, out);
        printf("Format specific information:\n%s", out->str);
    }
    return true;
}

/* How many bytes from `offset` are alike: of this image, or not. */
static int alike(struct block_node *node, uint64_t offset, uint64_t end, bool *allocated,
                 uint64_t *bytes)
{
    *bytes = 0;
    while (offset + *bytes < end) {
        struct block_status s;
        int ret = block_node_status(node, offset + *bytes, end - offset - *bytes, &s);
        bool here = s.flags & BLOCK_ALLOCATED;

        if (ret) {
            printf("Failed to get allocation status: %s\n", g_strerror(-ret));
            return ret;
        }
        if (*bytes && here != *allocated) {
            break;
        }
        *allocated = here;
        *bytes += s.bytes;
    }
    return 0;
}

static bool map(struct io *io, const struct io_command *command, int argc, char **argv)
{
    bool allocated = false;
    uint64_t bytes;

    (void)command, (void)argc, (void)argv;
    for (uint64_t at = 0; at < io->node->size; at += bytes) {
        g_autofree char *size = NULL, *place = tool_count_text((double)at);

        if (alike(io->node, at, io->node->size, &allocated, &bytes) != 0) {
            return false;
        }
        size = tool_count_text((double)bytes);
        printf("%s (0x%" G_GINT64_MODIFIER
               "x) bytes %sallocated at offset %s (0x%" G_GINT64_MODIFIER "x)\n",
               size, bytes, allocated ? "    " : "not ", place, at);
    }
    return true;
}

static bool alloc(struct io *io, const struct io_command *command, int argc, char **argv)
{
    uint64_t offset, asked = BLOCK_SECTOR, end, bytes, sum = 0;
    g_autofree char *place = NULL;
    bool allocated = false;

    (void)command;
    if (!io_number(argv[1], &offset) || (argc == 3 && !io_number(argv[2], &asked))) {
        return false;
    }
    offset = MIN(offset, INT64_MAX - asked);
    end = MIN(offset + asked, io->node->size);
    for (uint64_t at = offset; at < end; at += bytes) {
        if (alike(io->node, at, end, &allocated, &bytes) != 0) {
            return false;
        }
        sum += allocated ? bytes : 0;
    }
    place = tool_count_text((double)offset);
    printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " bytes allocated at offset %s\n", sum,
           end > offset ? end - offset : 0, place);
    return true;
}

/* The program ----------------------------------------------------------------------------------- */

static bool sleep_ms(struct io *io, const struct io_command *command, int argc, char **argv)
{
    uint64_t ms;

    (void)io, (void)command, (void)argc;
    if (!parse_uint(argv[1], 0, 3600000, &ms)) {
        printf("%s is not a number of milliseconds\n", argv[1]);
        return false;
    }
    g_usleep((gulong)ms * 1000);
    return true;
}

static bool abort_now(struct io *io, const struct io_command *command, int argc, char **argv)
{
    (void)io, (void)command, (void)argc, (void)argv;
    abort();
}

static bool raise_signal(struct io *io, const struct io_command *command, int argc, char **argv)
{
    uint64_t number;

    (void)io, (void)command, (void)argc;
    if (!parse_uint(argv[1], 0, 64, &number)) {
        printf("%s is not a signal\n", argv[1]);
        return false;
    }
    fflush(stdout);
    raise((int)number);
    return true;
}

/* clang-format off */
const struct io_command io_image_commands[] = {
    { "open", "o", "[-rsCnkU] [-t cache] [-d discard] [-o options] [path]", "open the file specified by path",
      1, -1, open_rows, true, open_file,
      " opens a new file in the requested mode\n\n Example:\n"
      " 'open -n -o driver=raw /tmp/data' - opens raw data file read-write, uncached\n\n" },
    { "close", "c", NULL, "close the current open file", 0, 0, NULL, false, close_file },
    { "reopen", NULL, "[(-r|-w)] [-c cache] [-o options]", "reopens an image with new options", 0, -1,
      reopen_rows, false, reopen,
      " Changes the open options of an already opened image\n\n Example:\n 'reopen -r' - no more writes\n\n" },
    { "flush", "f", NULL, "flush all in-core file state to disk", 0, 0, NULL, false, flush },
    { "truncate", "t", "[-m prealloc_mode] off", "truncates the current file at the given offset", 1, 3,
      truncate_rows, false, truncate_file },
    { "length", "l", NULL, "gets the length of the current file", 0, 0, NULL, false, length },
    { "info", "i", NULL, "prints information about the current file", 0, 0, NULL, false, info },
    { "map", NULL, NULL, "prints the allocated areas of a file", 0, 0, NULL, false, map },
    { "alloc", NULL, "offset [count]", "checks if offset is allocated in the file", 1, 2, NULL, false, alloc },
    { "sleep", NULL, "ms", "waits for the given value in milliseconds", 1, 1, NULL, true, sleep_ms },
    { "abort", NULL, NULL, "simulate a program crash using abort(3)", 0, 0, NULL, true, abort_now },
    { "sigraise", NULL, "signal", "raises a signal", 1, 1, NULL, true, raise_signal },
    { 0 }
};
/* clang-format on */
