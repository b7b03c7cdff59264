/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/blkverify.c: the protocol `blkverify`: an image beside a raw file that is trusted; every read must
 * give the same from both.  Names: blkverify:RAW:IMAGE.
 * Thread: any.
 */
#include <errno.h>
#include <string.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/log.h"

struct verify_node {
    struct block_node node; /* file: the image under test; data_file: the raw file */
};

static const struct block_option_row verify_options[] = {
    { "filename", BLOCK_OPTION_STRING, NULL, "the name" },
    { "raw", BLOCK_OPTION_NODE, NULL, "the file that is trusted" },
    { "image", BLOCK_OPTION_NODE, NULL, "the image under test" },
    { 0 },
};

static bool verify_parse(const char *filename, struct block_options *options, GError **error)
{
    const char *raw = filename + strlen("blkverify:"), *colon = strchr(raw, ':');
    g_autofree char *name = NULL;

    if (!colon) {
        set_error(error, "%s: give it blkverify:RAW:IMAGE", filename);
        return false;
    }
    name = g_strndup(raw, (size_t)(colon - raw));
    block_options_set(options, "filename", filename);
    block_options_set(options, "raw.filename", name);
    block_options_set(options, "image.file.filename", colon + 1);
    return true;
}

static bool verify_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    node->data_file = block_open_child(node, "raw", NULL, NULL, o, error);
    if (!node->data_file) {
        return false;
    }
    node->file = block_open_image(node, "image", o, error);
    if (!node->file) {
        return false;
    }
    node->size = node->file->size;
    node->read_only = node->file->read_only || node->data_file->read_only;
    return true;
}

static int verify_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);
    g_autofree uint8_t *raw = g_malloc(bytes), *image = g_malloc(bytes);
    int ret = block_node_read(node->data_file, offset, raw, bytes);
    int image_ret = block_node_readv(node->file, offset, iov, n);

    block_iov_read(iov, n, 0, image, bytes);
    if (ret != image_ret || (ret == 0 && memcmp(raw, image, bytes) != 0)) {
        report_warning("blkverify: read at %" G_GUINT64_FORMAT ", %" G_GUINT64_FORMAT
                       " bytes: contents mismatch",
                       offset, bytes);
        return -EIO;
    }
    return ret;
}

static int verify_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    int ret = block_node_writev(node->data_file, offset, iov, n);

    return ret ? ret : block_node_writev(node->file, offset, iov, n);
}

static int verify_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                               unsigned flags)
{
    int ret = block_node_write_zeroes(node->data_file, offset, bytes,
                                      flags & ~(unsigned)BLOCK_NO_FALLBACK);

    return ret ? ret : block_node_write_zeroes(node->file, offset, bytes, flags);
}

const struct block_driver block_blkverify = {
    .name = "blkverify",
    .summary = "an image beside a file that is trusted",
    .protocol = true,
    .prefixes = "blkverify:",
    .size = sizeof(struct verify_node),
    .open_options = verify_options,
    .parse_filename = verify_parse,
    .open = verify_open,
    .read = verify_read,
    .write = verify_write,
    .write_zeroes = verify_write_zeroes,
};
