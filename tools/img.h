/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/img.h: what the subcommands of rhea-img share.  Thread: the main one unless said otherwise. */
#ifndef TOOLS_IMG_H
#define TOOLS_IMG_H

#include "block/node.h"
#include "tools/tool.h"

/* How images are named and opened, and the flags that most subcommands have. */
struct img_common {
    const char *format, *cache, *src_cache, *output, *aio;
    bool image_opts, force_share, quiet, progress;
    GPtrArray *objects;
};

/* clang-format off */
#define IMG_ROW_OBJECT(type) \
    TOOL_ROW_LIST(type, "object", 0, "OBJECTDEF", common.objects, "secret,id=ID,data=TEXT|file=PATH: for encrypted images; throttle-group,id=ID,x-bps-total=N: for the driver throttle")
#define IMG_ROW_IMAGE_OPTS(type) \
    TOOL_ROW_FLAG(type, "image-opts", 0, common.image_opts, "FILENAME is a list of options: driver=qcow2,file.filename=a")
#define IMG_ROW_FORMAT(type) \
    TOOL_ROW_STRING(type, "format", 'f', "FMT", common.format, "format of the image [found out]")
#define IMG_ROW_CACHE(type) \
    TOOL_ROW_STRING(type, "cache", 't', "CACHE", common.cache, "none, writeback, writethrough, directsync or unsafe")
#define IMG_ROW_SRC_CACHE(type) \
    TOOL_ROW_STRING(type, "source-cache", 'T', "SRC_CACHE", common.src_cache, "cache mode of the images that are read")
#define IMG_ROW_FORCE_SHARE(type) \
    TOOL_ROW_FLAG(type, "force-share", 'U', common.force_share, "others may write the image meanwhile")
#define IMG_ROW_QUIET(type) \
    TOOL_ROW_FLAG(type, "quiet", 'q', common.quiet, "print errors only")
#define IMG_ROW_AIO(type, letter) \
    TOOL_ROW_STRING(type, "aio", letter, "AIO", common.aio, "threads, native or io_uring: what an emulator would use; the tools have threads")
#define IMG_ROW_PROGRESS(type) \
    TOOL_ROW_FLAG(type, "progress", 'p', common.progress, "show how far it has come")
#define IMG_ROW_OUTPUT(type) \
    TOOL_ROW_STRING(type, "output", 0, "OFMT", common.output, "human or json")
/* clang-format on */

enum img_flags {
    IMG_WRITE = 1,
    IMG_NO_BACKING = 2,
    IMG_CHECK = 4,
    IMG_UNSAFE = 8,  /* the cache mode when none is given */
    IMG_SOURCE = 16, /* the cache mode is that of sources */
    IMG_UNMAP = 32,
    IMG_NO_IO = 64, /* no key is asked for */
};

/*
 * An image as the options say; NULL after the message "Could not open '...': ...".  `graph` is where
 * its nodes are named.
 */
struct block_node *img_open(const struct img_common *common, struct block_graph *graph,
                            const char *name, unsigned flags);
/* The same of another format than common->format (NULL: found out). */
struct block_node *img_open_as(const struct img_common *common, struct block_graph *graph,
                               const char *name, const char *format, unsigned flags);
/* The graph with the secrets of --object; NULL after a message. */
struct block_graph *img_graph(const struct img_common *common);
/* Writes what is cached and closes; false after a message.  NULL: nothing. */
bool img_close(struct block_node *node);
/* --output: *json; false after a message. */
bool img_wants_json(const struct img_common *common, bool *json);
bool img_cache(const char *text, enum block_cache *cache);
/* --aio: one of threads, native, io_uring, or NULL; false after a message. */
bool img_check_aio(const char *aio);
/* The options of -o: comma-separated lists, joined.  *help: one of them asks for help. */
struct block_options *img_options(const GPtrArray *lists, bool *help, GError **error);
/* "  size=<size>            - Virtual disk size" for every option that a format is made with. */
bool img_print_create_help(const char *format, GString *out, GError **error);

/* The same on stdout: the exit status. */
int img_answer_create_help(const char *format);
/* "snapshot.name=NAME", "snapshot.id=ID" or a name or id alone: the name or id. */
const char *img_snapshot_param(const char *text);

/* Bytes of an image to work on at once. */
#define IMG_CHUNK (2u << 20)

/*
 * A buffer for transfers, aligned to pages: the kernel copies faster there, and O_DIRECT asks for it.
 * Freed by g_aligned_free.
 */
void *img_buffer(size_t len);
/* Zeroes: all of them.  Any thread. */
bool img_is_zero(const void *buf, size_t len);
/* How many bytes from the start are alike (zero or not) in units of `unit`; *zero says which. */
size_t img_zero_run(const uint8_t *buf, size_t len, size_t unit, bool *zero);
/* Reads that may go beyond the image's end: zeroes there. */
int img_read_padded(struct block_node *node, uint64_t offset, void *buf, size_t len);

/* Rows of `info` as text and as JSON; img_print.c. */
struct json_t;
struct json_t *img_info_json(const struct block_info_row *row);
void img_info_text(const struct block_info_row *row, unsigned depth, GString *out);
void img_snapshots_text(const GPtrArray *snapshots, GString *out);
/* Indented by four, with a newline. */
void img_print_json(struct json_t *root);

/* The subcommands. */
extern const struct tool_command img_amend, img_bench, img_bitmap, img_check, img_commit,
    img_compare, img_convert, img_create, img_dd, img_info, img_map, img_measure, img_rebase,
    img_resize, img_snapshot;

#endif
