/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/io.h: what the commands of rhea-io share.  Thread: the main one, but for aio (io_aio.c). */
#ifndef TOOLS_IO_H
#define TOOLS_IO_H

#include "block/node.h"
#include "tools/img.h"

struct io_aio;

/* How an image is opened: the options of the program and of `open`. */
struct io_open {
    struct img_common common;
    const char *discard;
    GPtrArray *options;
    bool read_only, snapshot, copy_on_read, no_cache, native, misalign;
};

struct io {
    struct block_graph *graph;
    struct block_node *node; /* NULL: no file is open */
    struct io_aio *aio;
    bool failed, quit;
};

struct io_command {
    const char *name, *alias;
    const char *args; /* "[-Cq] off len" */
    const char *summary;
    int min, max;                      /* how many words follow the name; max -1: any */
    const struct tool_option *options; /* NULL: none */
    bool no_file;                      /* works without an open file */
    /* argv[0] is the name.  False: it failed, after a message. */
    bool (*run)(struct io *io, const struct io_command *command, int argc, char **argv);
    const char *details; /* for help */
};

/* Ends with a row without a name. */
extern const struct io_command io_transfer_commands[], io_aio_commands[], io_image_commands[];

/* Options from rows: the index of the first operand; -1 after the command's line. */
int io_parse(const struct io_command *command, int argc, char **argv, void *args);
void io_print_line(const struct io_command *command);
/* "64k"; false after a message. */
bool io_number(const char *text, uint64_t *out);
bool io_pattern(const char *text, uint8_t *out);
/* Opens what the options say; false after a message.  path NULL: the options name it. */
bool io_open(struct io *io, const struct io_open *how, const char *path);

/* What a transfer did: "wrote 512/512 bytes at offset 0", then rates. */
struct io_report {
    const char *verb;
    uint64_t offset, asked, done;
    int64_t us;
    bool quiet, machine;
};
void io_print_report(const struct io_report *r);
void io_dump(const uint8_t *buf, uint64_t offset, uint64_t len);

struct io_aio *io_aio_new(void);
/* Waits for what is running, tells how it went. */
void io_aio_flush(struct io_aio *a);
void io_aio_free(struct io_aio *a);

#endif
