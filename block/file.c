/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/file.c: the protocol `file`: regular files and block devices of the host.
 *
 * cache=none and directsync open with O_DIRECT; transfers whose memory is not aligned go through an
 * aligned buffer, those whose range is not go through a second descriptor with the page cache, which the
 * kernel keeps coherent with direct writes.
 *
 * Invariant: fd is -1 or open; buffered is fd itself unless fd is O_DIRECT.
 * Thread:    transfers on any worker thread; nothing here changes after open.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "block/driver.h"
#include "util/error.h"

#define DIRECT_ALIGN 4096u
/* Bytes of one system call: bounds the aligned buffer. */
#define DIRECT_CHUNK (1u << 20)

struct block_file_node {
    struct block_node node;
    int fd, buffered;
    bool direct, no_flush, discard;
};

static bool open_descriptors(struct block_file_node *f, const struct block_open_options *o,
                             GError **error)
{
    int flags = (o->read_only || o->snapshot ? O_RDONLY : O_RDWR) | O_CLOEXEC;

    f->fd = open(f->node.filename, flags | (f->direct ? O_DIRECT : 0));
    if (f->fd < 0) {
        bool no_direct = f->direct && errno == EINVAL;

        set_errno_error(error, "Could not open '%s'", f->node.filename);
        if (no_direct) {
            g_prefix_error(error, "the file system has no O_DIRECT (use cache=writeback): ");
        }
        return false;
    }
    f->buffered = f->direct ? open(f->node.filename, flags) : f->fd;
    if (f->buffered < 0) {
        set_errno_error(error, "Could not open '%s'", f->node.filename);
        return false;
    }
    return true;
}

static bool file_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;
    struct stat st;
    off_t end;

    f->fd = f->buffered = -1;
    f->direct = o->cache == BLOCK_CACHE_NONE || o->cache == BLOCK_CACHE_DIRECTSYNC;
    f->no_flush = o->cache == BLOCK_CACHE_UNSAFE;
    f->discard = o->discard;
    if (!open_descriptors(f, o, error)) {
        return false;
    }
    if (fstat(f->fd, &st) != 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
        set_error(error, "Could not open '%s': it is neither a regular file nor a block device",
                  node->filename);
        return false;
    }
    end = lseek(f->fd, 0, SEEK_END);
    if (end < 0) {
        set_errno_error(error, "cannot find the size of '%s'", node->filename);
        return false;
    }
    node->read_only = o->read_only || o->snapshot;
    node->size = ((uint64_t)end + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return block_lock_image(f->fd, node->filename, !node->read_only, error);
}

static void file_close(struct block_node *node)
{
    struct block_file_node *f = (struct block_file_node *)node;

    if (f->buffered >= 0 && f->buffered != f->fd) {
        close(f->buffered);
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
}

/* One piece of contiguous memory.  What is beyond the end of the file reads as zeroes. */
static int transfer(int fd, bool write, uint8_t *buf, size_t len, uint64_t offset)
{
    while (len > 0) {
        ssize_t n =
            write ? pwrite(fd, buf, len, (off_t)offset) : pread(fd, buf, len, (off_t)offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -errno;
        }
        if (n == 0) {
            if (write) {
                return -ENOSPC;
            }
            memset(buf, 0, len);
            return 0;
        }
        buf += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int transfer_direct(struct block_file_node *f, bool write, uint8_t *buf, size_t len,
                           uint64_t offset)
{
    void *bounce = NULL;
    int ret = 0;

    if ((offset | len) % DIRECT_ALIGN) {
        return transfer(f->buffered, write, buf, len, offset);
    }
    if ((uintptr_t)buf % DIRECT_ALIGN == 0) {
        return transfer(f->fd, write, buf, len, offset);
    }
    if (posix_memalign(&bounce, DIRECT_ALIGN, MIN(len, DIRECT_CHUNK)) != 0) {
        return -ENOMEM;
    }
    while (len > 0 && ret == 0) {
        size_t n = MIN(len, DIRECT_CHUNK);

        if (write) {
            memcpy(bounce, buf, n);
        }
        ret = transfer(f->fd, write, bounce, n, offset);
        if (!write && ret == 0) {
            memcpy(buf, bounce, n);
        }
        buf += n;
        offset += n;
        len -= n;
    }
    free(bounce);
    return ret;
}

static int transfer_vectors(struct block_node *node, bool write, uint64_t offset,
                            const struct iovec *iov, int n)
{
    struct block_file_node *f = (struct block_file_node *)node;
    int ret = 0;

    for (int i = 0; i < n && ret == 0; i++) {
        if (f->direct) {
            ret = transfer_direct(f, write, iov[i].iov_base, iov[i].iov_len, offset);
        } else {
            ret = transfer(f->fd, write, iov[i].iov_base, iov[i].iov_len, offset);
        }
        offset += iov[i].iov_len;
    }
    return ret;
}

static int file_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer_vectors(node, false, offset, iov, n);
}

static int file_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer_vectors(node, true, offset, iov, n);
}

static int file_flush(struct block_node *node)
{
    struct block_file_node *f = (struct block_file_node *)node;

    return f->no_flush || fdatasync(f->buffered) == 0 ? 0 : -errno;
}

static int file_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct block_file_node *f = (struct block_file_node *)node;

    if (f->discard) {
        /* A hint: what the file system cannot do stays allocated. */
        (void)!fallocate(f->buffered, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                         (off_t)bytes);
    }
    return 0;
}

static int file_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    static const uint8_t zeroes[65536];
    struct block_file_node *f = (struct block_file_node *)node;
    int ret = 0;

    if (fallocate(f->buffered, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                  (off_t)bytes) == 0) {
        return 0;
    }
    while (bytes > 0 && ret == 0) {
        size_t n = MIN(bytes, sizeof(zeroes));

        ret = transfer(f->buffered, true, (uint8_t *)zeroes, n, offset);
        offset += n;
        bytes -= n;
    }
    return ret;
}

const struct block_driver block_file = {
    .name = "file",
    .summary = "a file or a block device of the host",
    .protocol = true,
    .size = sizeof(struct block_file_node),
    .open = file_open,
    .close = file_close,
    .read = file_read,
    .write = file_write,
    .flush = file_flush,
    .discard = file_discard,
    .write_zeroes = file_write_zeroes,
};
