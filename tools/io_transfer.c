/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/io_transfer.c: read, write, readv, writev, discard of rhea-io. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "block/driver.h"
#include "tools/io.h"
#include "util/log.h"

#define MAX_REQUEST  2147483136u
#define DEFAULT_BYTE 0xcd
#define MAX_VECTORS  64
#define NOT_GIVEN    UINT64_MAX

struct transfer {
    const char *pattern, *source, *verify_offset, *verify_length;
    bool quiet, machine, dump, vm_state, compressed, flush, no_fallback, unmap, zeroes, ignored;
    /* Not options: */
    uint64_t offset, bytes;
    uint8_t *buf;
};

/* clang-format off */
static const struct tool_option read_rows[] = {
    TOOL_ROW_FLAG  (struct transfer, NULL, 'b', vm_state, "read from the VM state rather than the virtual disk"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_STRING(struct transfer, NULL, 'l', "LEN", verify_length, "length for pattern verification (only with -P)"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'p', ignored, "ignored for backwards compatibility"),
    TOOL_ROW_STRING(struct transfer, NULL, 'P', "PATTERN", pattern, "use a pattern to verify read data"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_STRING(struct transfer, NULL, 's', "OFF", verify_offset, "start offset for pattern verification (only with -P)"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'v', dump, "dump buffer to standard output"),
    TOOL_ROW_END
};

static const struct tool_option write_rows[] = {
    TOOL_ROW_FLAG  (struct transfer, NULL, 'b', vm_state, "write to the VM state rather than the virtual disk"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'c', compressed, "write compressed data"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'f', flush, "use Force Unit Access semantics"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'n', no_fallback, "with -z, don't allow slow fallback"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'p', ignored, "ignored for backwards compatibility"),
    TOOL_ROW_STRING(struct transfer, NULL, 'P', "PATTERN", pattern, "use different pattern to fill file"),
    TOOL_ROW_STRING(struct transfer, NULL, 's', "FILE", source, "use a pattern file to fill the write buffer"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'u', unmap, "with -z, allow unmapping"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'z', zeroes, "write zeroes without a buffer of them"),
    TOOL_ROW_END
};

static const struct tool_option readv_rows[] = {
    TOOL_ROW_FLAG  (struct transfer, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_STRING(struct transfer, NULL, 'P', "PATTERN", pattern, "use a pattern to verify read data"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'v', dump, "dump buffer to standard output"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_END
};

static const struct tool_option writev_rows[] = {
    TOOL_ROW_STRING(struct transfer, NULL, 'P', "PATTERN", pattern, "use different pattern to fill file"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'f', flush, "use Force Unit Access semantics"),
    TOOL_ROW_FLAG  (struct transfer, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_END
};

static const struct tool_option discard_rows[] = {
    TOOL_ROW_FLAG(struct transfer, NULL, 'C', machine, "report statistics in a machine parsable format"),
    TOOL_ROW_FLAG(struct transfer, NULL, 'q', quiet, "quiet mode, do not show I/O statistics"),
    TOOL_ROW_END
};
/* clang-format on */

/* "off len [len..]": what follows the options.  `most` lengths at most. */
static bool parse_range(struct transfer *t, int argc, char **argv, int at, int most,
                        size_t *lengths, int *n, const struct io_command *command)
{
    if (argc - at < 2 || argc - at > 1 + most) {
        io_print_line(command);
        return false;
    }
    if (!io_number(argv[at++], &t->offset)) {
        return false;
    }
    for (*n = 0; at < argc; at++) {
        uint64_t len;

        if (!io_number(argv[at], &len)) {
            return false;
        }
        if (len > MAX_REQUEST || t->bytes + len > MAX_REQUEST) {
            printf("length cannot exceed %u%s, given %s\n", MAX_REQUEST,
                   most == 1 && command->options == write_rows ? " without -n" : "", argv[at]);
            return false;
        }
        lengths[(*n)++] = len;
        t->bytes += len;
    }
    return true;
}

static bool report(const struct transfer *t, const char *verb, const char *name, int ret,
                   int64_t began)
{
    if (ret) {
        printf("%s failed: %s\n", name, g_strerror(-ret));
        return false;
    }
    io_print_report(&(struct io_report){ verb, t->offset, t->bytes, t->bytes,
                                         g_get_monotonic_time() - began, t->quiet, t->machine });
    return true;
}

static bool verify(const struct transfer *t)
{
    uint64_t start = 0, len = t->bytes;
    uint8_t byte;

    if (!t->pattern) {
        return true;
    }
    if (!io_pattern(t->pattern, &byte) ||
        (t->verify_offset && !io_number(t->verify_offset, &start))) {
        return false;
    }
    len = start <= len ? len - start : 0;
    if (t->verify_length && !io_number(t->verify_length, &len)) {
        return false;
    }
    for (uint64_t i = 0; i < len; i++) {
        if (t->buf[start + i] != byte) {
            printf("Pattern verification failed at offset %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                   " bytes\n",
                   t->offset + start, len);
            return false;
        }
    }
    return true;
}

/* The range to verify lies within what is read; the pattern is a byte. */
static bool verification_is_good(const struct transfer *t, const struct io_command *command)
{
    uint64_t start = 0, len = 0;
    uint8_t byte;

    if (!t->pattern && (t->verify_offset || t->verify_length)) {
        io_print_line(command);
        return false;
    }
    if (!t->pattern) {
        return true;
    }
    if (!io_pattern(t->pattern, &byte) ||
        (t->verify_offset && !io_number(t->verify_offset, &start)) ||
        (t->verify_length && !io_number(t->verify_length, &len))) {
        return false;
    }
    if (start > t->bytes || len > t->bytes - start) {
        printf("pattern verification range exceeds end of read data\n");
        return false;
    }
    return true;
}

static void make_vectors(const struct transfer *t, const size_t *lengths, int n, struct iovec *iov)
{
    uint8_t *at = t->buf;

    for (int i = 0; i < n; i++) {
        iov[i] = (struct iovec){ at, lengths[i] };
        at += lengths[i];
    }
}

static int vm_state(struct block_node *node, bool write, const struct transfer *t,
                    struct iovec *iov)
{
    const struct block_driver *d = node->driver;

    if (write) {
        return d->vm_state_write ? d->vm_state_write(node, t->offset, iov, 1) : -ENOTSUP;
    }
    return d->vm_state_read ? d->vm_state_read(node, t->offset, iov, 1) : -ENOTSUP;
}

static bool do_read(struct io *io, const struct io_command *command, int argc, char **argv,
                    int most)
{
    struct transfer t = { 0 };
    size_t lengths[MAX_VECTORS];
    struct iovec iov[MAX_VECTORS];
    int at = io_parse(command, argc, argv, &t), n, ret;
    int64_t began;
    bool good;

    if (at < 0 || !parse_range(&t, argc, argv, at, most, lengths, &n, command) ||
        !verification_is_good(&t, command)) {
        return false;
    }
    t.buf = g_malloc(MAX(t.bytes, 1));
    make_vectors(&t, lengths, n, iov);
    began = g_get_monotonic_time();
    ret = t.vm_state ? vm_state(io->node, false, &t, iov)
                     : block_node_readv(io->node, t.offset, iov, n);
    if (ret) {
        printf("%s failed: %s\n", command->name, g_strerror(-ret));
        g_free(t.buf);
        return false;
    }
    good = verify(&t);
    if (t.dump) {
        io_dump(t.buf, t.offset, t.bytes);
    }
    report(&t, "read", command->name, 0, began);
    g_free(t.buf);
    return good;
}

static bool io_read(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return do_read(io, command, argc, argv, 1);
}

static bool io_readv(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return do_read(io, command, argc, argv, MAX_VECTORS);
}

/* NULL: the flags of a write go together. */
static const char *write_misuse(const struct transfer *t)
{
    return t->vm_state && t->compressed ? "-b and -c cannot be specified at the same time"
           : t->vm_state && t->zeroes   ? "-b and -z cannot be specified at the same time"
           : t->compressed && t->zeroes && t->source
               ? "-c and -z cannot be specified at the same time"
           : t->flush && (t->vm_state || t->compressed)
               ? "-f and -b or -c cannot be specified at the same time"
           : t->no_fallback && !t->zeroes ? "-n requires -z to be specified"
           : t->unmap && !t->zeroes       ? "-u requires -z to be specified"
           : t->zeroes + !!t->pattern + !!t->source > 1
               ? "Only one of -z, -P, and -s can be specified at the same time"
               : NULL;
}

/* The buffer's content: a byte, or a file again and again. */
static bool fill(struct transfer *t)
{
    g_autofree char *bytes = NULL;
    uint8_t byte = DEFAULT_BYTE;
    g_autoptr(GError) error = NULL;
    size_t len;

    if (t->pattern && !io_pattern(t->pattern, &byte)) {
        return false;
    }
    t->buf = g_malloc(MAX(t->bytes, 1));
    memset(t->buf, byte, t->bytes);
    if (!t->source) {
        return true;
    }
    if (!g_file_get_contents(t->source, &bytes, &len, &error)) {
        fprintf(stderr, "%s: %s\n", t->source,
                access(t->source, R_OK) == 0 ? error->message : g_strerror(errno));
        return false;
    }
    if (len == 0) {
        printf("%s: file is empty\n", t->source);
        return false;
    }
    for (uint64_t i = 0; i < t->bytes; i++) {
        t->buf[i] = (uint8_t)bytes[i % len];
    }
    return true;
}

static int perform_write(struct block_node *node, const struct transfer *t, struct iovec *iov,
                         int n)
{
    int ret;

    if (t->zeroes) {
        ret = block_node_write_zeroes(node, t->offset, t->bytes,
                                      (t->unmap ? BLOCK_MAY_UNMAP : 0) |
                                          (t->no_fallback ? BLOCK_NO_FALLBACK : 0));
    } else if (t->vm_state) {
        ret = vm_state(node, true, t, iov);
    } else if (t->compressed) {
        ret = block_node_write_compressed(node, t->offset, t->buf, t->bytes);
    } else {
        ret = block_node_writev(node, t->offset, iov, n);
    }
    return ret == 0 && t->flush ? block_node_flush(node) : ret;
}

static bool do_write(struct io *io, const struct io_command *command, int argc, char **argv,
                     int most)
{
    struct transfer t = { 0 };
    size_t lengths[MAX_VECTORS];
    struct iovec iov[MAX_VECTORS];
    int at = io_parse(command, argc, argv, &t), n, ret;
    const char *wrong = at < 0 ? NULL : write_misuse(&t);
    int64_t began;

    if (wrong) {
        printf("%s\n", wrong);
    }
    if (at < 0 || wrong || !parse_range(&t, argc, argv, at, most, lengths, &n, command)) {
        return false;
    }
    if (io->node->read_only) {
        report_error("Block node is read-only");
        return false;
    }
    if (!t.zeroes && !fill(&t)) {
        g_free(t.buf);
        return false;
    }
    make_vectors(&t, lengths, n, iov);
    began = g_get_monotonic_time();
    ret = perform_write(io->node, &t, iov, n);
    g_free(t.buf);
    return report(&t, "wrote", command->name, ret, began);
}

static bool io_write(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return do_write(io, command, argc, argv, 1);
}

static bool io_writev(struct io *io, const struct io_command *command, int argc, char **argv)
{
    return do_write(io, command, argc, argv, MAX_VECTORS);
}

static bool io_discard(struct io *io, const struct io_command *command, int argc, char **argv)
{
    struct transfer t = { 0 };
    size_t length;
    int at = io_parse(command, argc, argv, &t), n;
    int64_t began;

    if (at < 0 || !parse_range(&t, argc, argv, at, 1, &length, &n, command)) {
        return false;
    }
    if (io->node->read_only) {
        report_error("Block node is read-only");
        return false;
    }
    began = g_get_monotonic_time();
    return report(&t, "discard", "discard", block_node_discard(io->node, t.offset, t.bytes), began);
}

/* clang-format off */
const struct io_command io_transfer_commands[] = {
    { "read", "r", "[-bCqv] [-P pattern [-s off] [-l len]] off len",
      "reads a number of bytes at a specified offset", 2, -1, read_rows, false, io_read,
      " reads a range of bytes from the given offset\n\n Example:\n"
      " 'read -v 512 1k' - dumps 1 kilobyte read from 512 bytes into the file\n\n" },
    { "readv", NULL, "[-Cqv] [-P pattern] off len [len..]",
      "reads a number of bytes at a specified offset", 2, -1, readv_rows, false, io_readv,
      " reads a range of bytes from the given offset into a buffer for each length\n\n Example:\n"
      " 'readv -v 512 1k 1k' - dumps 2 kilobytes read from 512 bytes into the file\n\n" },
    { "write", "w", "[-bcCfnquz] [-P pattern | -s source_file] off len",
      "writes a number of bytes at a specified offset", 2, -1, write_rows, false, io_write,
      " writes a range of bytes from the given offset, filled with 0xcd\n\n Example:\n"
      " 'write 512 1k' - writes 1 kilobyte at 512 bytes into the open file\n\n" },
    { "writev", NULL, "[-Cfq] [-P pattern] off len [len..]",
      "writes a number of bytes at a specified offset", 2, -1, writev_rows, false, io_writev,
      " writes a range of bytes from the given offset from a buffer for each length\n\n Example:\n"
      " 'writev 512 1k 1k' - writes 2 kilobytes at 512 bytes into the open file\n\n" },
    { "discard", "d", "[-Cq] off len", "discards a number of bytes at a specified offset", 2, -1,
      discard_rows, false, io_discard,
      " discards a range of bytes from the given offset\n\n Example:\n"
      " 'discard 512 1k' - discards 1 kilobyte from 512 bytes into the file\n\n" },
    { 0 }
};
/* clang-format on */
