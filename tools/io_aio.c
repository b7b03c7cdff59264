/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/io_aio.c: aio_read, aio_write, aio_flush of rhea-io: transfers beside the commands.
 *
 * Each runs on a thread of a pool; what came of it is printed by the next aio_flush, in the order in
 * which they were given.
 * Thread: the pool's threads fill in `ret` and `us` of their own request alone.
 */
#include <stdio.h>
#include <string.h>
#include "tools/io.h"
#include "util/log.h"

#define MAX_THREADS  16
#define MAX_VECTORS  64
#define DEFAULT_BYTE 0xcd

struct request {
    const char *pattern;
    bool quiet, machine, dump, flush, invalid, unmap, zeroes;
    /* Not options: */
    struct block_node *node;
    bool write;
    uint8_t byte, *buf;
    uint64_t offset, bytes;
    struct iovec iov[MAX_VECTORS];
    int n_iov, ret;
    int64_t began, us;
};

struct io_aio {
    GThreadPool *pool;
    GPtrArray *requests;
};

/* clang-format off */
static const struct tool_option read_rows[] = {
    TOOL_ROW_FLAG  (struct request, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_STRING(struct request, NULL, 'P', "PATTERN", pattern, "use a pattern to verify read data"),
    TOOL_ROW_FLAG  (struct request, NULL, 'i', invalid, "treat request as invalid, for exercising stats"),
    TOOL_ROW_FLAG  (struct request, NULL, 'v', dump, "dump buffer to standard output"),
    TOOL_ROW_FLAG  (struct request, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_END
};

static const struct tool_option write_rows[] = {
    TOOL_ROW_STRING(struct request, NULL, 'P', "PATTERN", pattern, "use different pattern to fill file"),
    TOOL_ROW_FLAG  (struct request, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_FLAG  (struct request, NULL, 'f', flush, "use Force Unit Access semantics"),
    TOOL_ROW_FLAG  (struct request, NULL, 'i', invalid, "treat request as invalid, for exercising stats"),
    TOOL_ROW_FLAG  (struct request, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_FLAG  (struct request, NULL, 'u', unmap, "with -z, allow unmapping"),
    TOOL_ROW_FLAG  (struct request, NULL, 'z', zeroes, "write zeroes without a buffer of them"),
    TOOL_ROW_END
};
/* clang-format on */

static void perform(gpointer data, gpointer opaque)
{
    struct request *r = data;

    (void)opaque;
    if (!r->write) {
        r->ret = block_node_readv(r->node, r->offset, r->iov, r->n_iov);
    } else if (r->zeroes) {
        r->ret =
            block_node_write_zeroes(r->node, r->offset, r->bytes, r->unmap ? BLOCK_MAY_UNMAP : 0);
    } else {
        r->ret = block_node_writev(r->node, r->offset, r->iov, r->n_iov);
    }
    if (r->ret == 0 && r->flush) {
        r->ret = block_node_flush(r->node);
    }
    r->us = g_get_monotonic_time() - r->began;
}

static void request_free(gpointer data)
{
    struct request *r = data;

    g_free(r->buf);
    g_free(r);
}

static void tell(const struct request *r)
{
    if (r->ret) {
        printf("%s failed: %s\n", r->write ? "aio_write" : "readv", g_strerror(-r->ret));
        return;
    }
    for (uint64_t i = 0; !r->write && r->pattern && i < r->bytes; i++) {
        if (r->buf[i] != r->byte) {
            printf("Pattern verification failed at offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                   " bytes\n",
                   r->offset, r->bytes);
            break;
        }
    }
    if (r->dump) {
        io_dump(r->buf, r->offset, r->bytes);
    }
    io_print_report(&(struct io_report){ r->write ? "wrote" : "read", r->offset, r->bytes, r->bytes,
                                         r->us, r->quiet, r->machine });
}

struct io_aio *io_aio_new(void)
{
    struct io_aio *a = g_new0(struct io_aio, 1);

    a->requests = g_ptr_array_new_with_free_func(request_free);
    return a;
}

void io_aio_flush(struct io_aio *a)
{
    if (a->pool) {
        g_thread_pool_free(a->pool, FALSE, TRUE);
        a->pool = NULL;
    }
    for (unsigned i = 0; i < a->requests->len; i++) {
        tell(g_ptr_array_index(a->requests, i));
    }
    g_ptr_array_set_size(a->requests, 0);
    fflush(stdout);
}

void io_aio_free(struct io_aio *a)
{
    io_aio_flush(a);
    g_ptr_array_unref(a->requests);
    g_free(a);
}

/* Lengths after the offset; the buffer behind the vectors. */
static bool parse_range(struct request *r, const struct io_command *command, int argc, char **argv,
                        int at)
{
    uint8_t *place;

    if (argc - at < 2 || argc - at > 1 + MAX_VECTORS) {
        io_print_line(command);
        return false;
    }
    if (r->zeroes && argc - at != 2) {
        printf("-z supports only a single length parameter\n");
        return false;
    }
    if (!io_number(argv[at++], &r->offset)) {
        return false;
    }
    for (; at < argc; at++) {
        uint64_t len;

        if (!io_number(argv[at], &len) || len > INT32_MAX || r->bytes + len > INT32_MAX) {
            return false;
        }
        r->iov[r->n_iov++].iov_len = len;
        r->bytes += len;
    }
    place = r->buf = r->zeroes ? NULL : g_malloc(MAX(r->bytes, 1));
    for (int i = 0; place && i < r->n_iov; i++) {
        r->iov[i].iov_base = place;
        place += r->iov[i].iov_len;
    }
    return true;
}

static bool submit(struct io *io, const struct io_command *command, int argc, char **argv,
                   bool write)
{
    struct request *r = g_new0(struct request, 1);
    int at = io_parse(command, argc, argv, r);
    bool ok = at >= 0;

    r->node = io->node;
    r->write = write;
    r->byte = DEFAULT_BYTE;
    if (ok && r->unmap && !r->zeroes) {
        printf("-u requires -z to be specified\n");
        ok = false;
    } else if (ok && r->zeroes && r->pattern) {
        printf("-z and -P cannot be specified at the same time\n");
        ok = false;
    }
    ok = ok && (!r->pattern || io_pattern(r->pattern, &r->byte)) &&
         parse_range(r, command, argc, argv, at);
    if (!ok || r->invalid) {
        request_free(r);
        return ok;
    }
    if (write && io->node->read_only) {
        report_error("Block node is read-only");
        request_free(r);
        return false;
    }
    if (write && r->buf) {
        memset(r->buf, r->byte, r->bytes);
    }
    /* The words of the command are gone when it is told of. */
    r->pattern = r->pattern ? "" : NULL;
    r->began = g_get_monotonic_time();
    if (!io->aio->pool) {
        io->aio->pool = g_thread_pool_new(perform, NULL, MAX_THREADS, FALSE, NULL);
    }
    g_ptr_array_add(io->aio->requests, r);
    g_thread_pool_push(io->aio->pool, r, NULL);
    return true;
}

static bool aio_read(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return submit(io, command, argc, argv, false);
}

static bool aio_write(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return submit(io, command, argc, argv, true);
}

static bool aio_flush(struct io *io, const struct io_command *command, int argc, char **argv)
{
    (void)command, (void)argc, (void)argv;
    io_aio_flush(io->aio);
    return true;
}

/* clang-format off */
#define NOTE " aio_flush waits for it and tells what came of it; until then the command counts as done.\n"

const struct io_command io_aio_commands[] = {
    { "aio_read", NULL, "[-Ciqv] [-P pattern] off len [len..]", "asynchronously reads a number of bytes", 2, -1,
      read_rows, false, aio_read,
      " reads a range of bytes from the given offset beside the commands that follow\n\n Example:\n"
      " 'aio_read -v 512 1k 1k' - dumps 2 kilobytes read from 512 bytes into the file\n\n" NOTE },
    { "aio_write", NULL, "[-Cfiquz] [-P pattern] off len [len..]", "asynchronously writes a number of bytes", 2, -1,
      write_rows, false, aio_write,
      " writes a range of bytes from the given offset beside the commands that follow\n\n Example:\n"
      " 'aio_write 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open file\n\n" NOTE },
    { "aio_flush", NULL, NULL, "completes all outstanding aio requests", 0, 0, NULL, false, aio_flush },
    { 0 }
};
/* clang-format on */
