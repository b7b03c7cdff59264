/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/file.c: the protocols `file`, regular files and block devices of the host, and `host_device`.
 *
 * cache=none and directsync open with O_DIRECT; transfers whose memory is not aligned go through an
 * aligned buffer, those whose range is not go through a second descriptor with the page cache, which the
 * kernel keeps coherent with direct writes.
 *
 * Invariant: fd is -1 or open; buffered is fd itself unless fd is O_DIRECT.
 * Thread:    transfers on any worker thread; they change nothing here but the size, which only grows.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "block/driver.h"
#include "util/error.h"
#include "util/fdset.h"

#define DIRECT_ALIGN 4096u
/* Bytes of one system call: bounds the aligned buffer. */
#define DIRECT_CHUNK (1u << 20)
/* What the page cache has is copied by the thread that starts a transfer, up to so many bytes. */
#define RING_COPY 65536u

struct block_file_node {
    struct block_node node;
    int fd, buffered;
    bool direct, no_flush, locking, force_share;
    enum { RING_NEVER, RING_WHERE_BEST, RING_ALWAYS } ring; /* aio= */
    /*
     * Data that file_status found last, atomic each: some kernels walk every page up to the next hole, as
     * often as they are asked. Data for a hole is a true answer, only not the best, so that neither a torn
     * pair nor what other programs do to the file matters.
     */
    uint64_t data_start, data_end;
};

static void remember_data(struct block_file_node *f, uint64_t start, uint64_t end)
{
    __atomic_store_n(&f->data_start, start, __ATOMIC_RELAXED);
    __atomic_store_n(&f->data_end, end, __ATOMIC_RELAXED);
}

static void forget_data(struct block_file_node *f)
{
    remember_data(f, 0, 0);
}

/* clang-format off */
static const struct block_option_row file_options[] = {
    { "filename",   BLOCK_OPTION_STRING, NULL,   "path of the file" },
    { "locking",    BLOCK_OPTION_CHOICE, "auto", "keep others from the image", .choices = "auto|on|off" },
    { "aio",        BLOCK_OPTION_CHOICE, NULL,     "who carries transfers out", .choices = "threads|native|io_uring" },
    { 0 }
};
static const struct block_option_row file_create_options[] = {
    { "preallocation", BLOCK_OPTION_CHOICE, "off",
      "Preallocation mode (allowed values: off, falloc, full)", .choices = "off|falloc|full" },
    { "size",          BLOCK_OPTION_SIZE,   "0",  "Virtual disk size", .max = INT64_MAX },
    { 0 }
};
/* clang-format on */

static bool open_descriptors(struct block_file_node *f, bool read_only, GError **error)
{
    int flags = (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC;

    f->fd = open_path(f->node.filename, flags | (f->direct ? O_DIRECT : 0), 0);
    if (f->fd < 0) {
        bool no_direct = f->direct && errno == EINVAL;

        set_errno_error(error, "Could not open '%s'", f->node.filename);
        if (no_direct) {
            g_prefix_error(error, "the file system has no O_DIRECT (use cache=writeback): ");
        }
        return false;
    }
    f->buffered = f->direct ? open_path(f->node.filename, flags, 0) : f->fd;
    if (f->buffered < 0) {
        set_errno_error(error, "Could not open '%s'", f->node.filename);
        return false;
    }
    return true;
}

static void close_descriptors(struct block_file_node *f)
{
    if (f->buffered >= 0 && f->buffered != f->fd) {
        close(f->buffered);
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    f->fd = f->buffered = -1;
}

static bool open_and_lock(struct block_file_node *f, bool read_only, GError **error)
{
    return open_descriptors(f, read_only, error) &&
           (!f->locking ||
            block_lock_image(f->fd, f->node.filename, !read_only, f->force_share, error));
}

/*
 * Without aio= transfers take the ring where that costs less than a worker: not where they would copy much
 * on the thread that starts them, nor to write to the page cache, for which the kernel has workers of its own.
 */
static bool choose_aio(struct block_file_node *f, const struct block_open_options *o,
                       GError **error)
{
    const char *aio = block_options_get(o->options, "aio");
    struct block_ring *ring;

    aio = aio ? aio : o->aio;
    f->ring = !aio ? RING_WHERE_BEST : strcmp(aio, "threads") == 0 ? RING_NEVER : RING_ALWAYS;
    if (aio && strcmp(aio, "native") == 0 && !f->direct) {
        set_error(error, "aio=native was specified, but it requires cache.direct=on, which was not "
                         "specified.");
        return false;
    }
    if (aio && strcmp(aio, "io_uring") == 0) {
        ring = block_ring_new(error);
        if (!ring) {
            g_prefix_error(error, "Unable to use io_uring: ");
            return false;
        }
        block_ring_free(ring);
    }
    return true;
}

/* host_device:/dev/vdb */
static bool host_device_parse(const char *filename, struct block_options *options, GError **error)
{
    (void)error;
    block_options_set(options, "filename", filename + strlen("host_device:"));
    return true;
}

static bool is_device_only(const struct block_node *node)
{
    return node->driver == &block_host_device;
}

static bool find_size(struct block_node *node, GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;
    struct stat st;
    off_t end;

    if (fstat(f->fd, &st) != 0 ||
        (!S_ISBLK(st.st_mode) && (is_device_only(node) || !S_ISREG(st.st_mode)))) {
        set_error(error, "Could not open '%s': it is %s", node->filename,
                  is_device_only(node) ? "not a block device"
                                       : "neither a regular file nor a block device");
        return false;
    }
    end = lseek(f->fd, 0, SEEK_END);
    if (end < 0) {
        set_errno_error(error, "cannot find the size of '%s'", node->filename);
        return false;
    }
    node->size = (uint64_t)end;
    return true;
}

static bool file_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;

    f->fd = f->buffered = -1;
    if (!o->filename || !*o->filename) {
        set_error(error, "The '%s' block driver requires a file name", node->driver->name);
        return false;
    }
    f->direct = node->cache == BLOCK_CACHE_NONE || node->cache == BLOCK_CACHE_DIRECTSYNC;
    f->no_flush = node->cache == BLOCK_CACHE_UNSAFE;
    f->locking = block_option_choice(o->options, file_options, "locking") != 2;
    f->force_share = o->force_share;
    node->read_only = o->read_only;
    if (!node->read_only && o->auto_read_only && !path_is_writable(node->filename) &&
        (errno == EACCES || errno == EROFS || errno == EPERM)) {
        node->read_only = true;
    }
    return choose_aio(f, o, error) && open_and_lock(f, node->read_only, error) &&
           find_size(node, error);
}

static bool file_set_read_only(struct block_node *node, bool read_only, GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;

    close_descriptors(f);
    if (open_and_lock(f, read_only, error)) {
        return true;
    }
    close_descriptors(f);
    (void)open_and_lock(f, !read_only, NULL);
    return false;
}

/* Without a lock, and without a descriptor that could write, while another machine has the file. */
static bool file_set_active(struct block_node *node, bool active, GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;

    f->force_share = !active;
    close_descriptors(f);
    if (open_and_lock(f, !active, error)) {
        return find_size(node, error);
    }
    f->force_share = active;
    close_descriptors(f);
    (void)open_and_lock(f, active, NULL);
    return false;
}

static void file_close(struct block_node *node)
{
    close_descriptors((struct block_file_node *)node);
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

/* As many vectors as the kernel takes at a time, from memory that needs no bounce buffer. */
static int transfer_run(int fd, bool write, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);
    ssize_t done;

    do {
        done = write ? pwritev(fd, iov, n, (off_t)offset) : preadv(fd, iov, n, (off_t)offset);
    } while (done < 0 && errno == EINTR);
    if (done < 0) {
        return -errno;
    }
    for (int i = 0; i < n && (uint64_t)done < bytes; i++) {
        /* Short: the end of the file, or of the disk's space.  Each vector for itself finds out. */
        int ret = transfer(fd, write, iov[i].iov_base, iov[i].iov_len, offset);

        if (ret != 0) {
            return ret;
        }
        offset += iov[i].iov_len;
    }
    return 0;
}

static bool is_aligned(const struct iovec *iov, int n, uint64_t offset)
{
    uint64_t bits = offset;

    for (int i = 0; i < n; i++) {
        bits |= (uintptr_t)iov[i].iov_base | iov[i].iov_len;
    }
    return bits % DIRECT_ALIGN == 0;
}

/* The size that others see grows with what is written beyond it. */
static void grow(struct block_node *node, uint64_t end)
{
    uint64_t size = __atomic_load_n(&node->size, __ATOMIC_RELAXED);

    while (end > size && !__atomic_compare_exchange_n(&node->size, &size, end, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static int transfer_vectors(struct block_node *node, bool write, uint64_t offset,
                            const struct iovec *iov, int n)
{
    struct block_file_node *f = (struct block_file_node *)node;
    bool pieces = f->direct && !is_aligned(iov, n, offset);
    int ret = 0;

    for (int i = 0, k; i < n && ret == 0; i += k) {
        k = pieces ? 1 : MIN(n - i, IOV_MAX);
        if (pieces) {
            ret = transfer_direct(f, write, iov[i].iov_base, iov[i].iov_len, offset);
        } else {
            ret = transfer_run(f->fd, write, offset, iov + i, k);
        }
        offset += block_iov_bytes(iov + i, k);
    }
    if (write && ret == 0) {
        grow(node, offset);
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

/* What the kernel left is for ordinary calls: they find out about the file's end, or an error. */
static int finish_async(struct block_async *a, int64_t result)
{
    struct block_file_node *f = (struct block_file_node *)a->node;
    uint64_t bytes = block_iov_bytes(a->iov, a->n);

    if (result != (int64_t)bytes) {
        return transfer_vectors(a->node, a->write, a->at, a->iov, a->n);
    }
    if (a->write) {
        grow(&f->node, a->at + bytes);
    }
    return 0;
}

static bool file_start(struct block_node *node, struct block_async *a, uint64_t offset)
{
    struct block_file_node *f = (struct block_file_node *)node;
    bool slow = !f->direct && block_iov_bytes(a->iov, a->n) > RING_COPY;

    if (f->ring == RING_NEVER ||
        (f->ring == RING_WHERE_BEST && (slow || (a->write && !f->direct))) || a->n > IOV_MAX ||
        (f->direct && !is_aligned(a->iov, a->n, offset))) {
        return false;
    }
    a->node = node;
    a->at = offset;
    a->finish = finish_async;
    return block_ring_start(a, f->fd, slow);
}

static int file_flush(struct block_node *node)
{
    struct block_file_node *f = (struct block_file_node *)node;

    return f->no_flush || fdatasync(f->buffered) == 0 ? 0 : -errno;
}

static int file_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct block_file_node *f = (struct block_file_node *)node;

    /* A hint: what the file system cannot do stays allocated. */
    (void)!fallocate(f->buffered, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                     (off_t)bytes);
    forget_data(f);
    return 0;
}

/* -ENOTSUP: the caller writes them. */
static int file_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                             unsigned flags)
{
    struct block_file_node *f = (struct block_file_node *)node;
    uint64_t size = __atomic_load_n(&node->size, __ATOMIC_RELAXED);
    int mode = flags & BLOCK_MAY_UNMAP ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE;

    if (offset + bytes > size) {
        return -ENOTSUP;
    }
    if (fallocate(f->buffered, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0) {
        forget_data(f);
        return 0;
    }
    return errno == ENOSPC ? -ENOSPC : -ENOTSUP;
}

static int file_status(struct block_node *node, uint64_t offset, uint64_t bytes,
                       struct block_status *out)
{
    struct block_file_node *f = (struct block_file_node *)node;
    uint64_t known = __atomic_load_n(&f->data_end, __ATOMIC_RELAXED);
    off_t data, hole;

    out->flags = BLOCK_DATA | BLOCK_ALLOCATED | BLOCK_OFFSET_VALID;
    out->file = node;
    out->host_offset = offset;
    if (offset >= __atomic_load_n(&f->data_start, __ATOMIC_RELAXED) && offset < known) {
        out->bytes = MIN(bytes, known - offset);
        return 0;
    }
    data = lseek(f->buffered, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno != ENXIO) {
        return 0;
    }
    if (data < 0 || (uint64_t)data > offset) {
        out->flags = BLOCK_ZERO | BLOCK_ALLOCATED | BLOCK_OFFSET_VALID;
        out->bytes = data < 0 ? bytes : MIN(bytes, (uint64_t)data - offset);
        return 0;
    }
    hole = lseek(f->buffered, (off_t)offset, SEEK_HOLE);
    if (hole > 0 && (uint64_t)hole > offset) {
        out->bytes = MIN(bytes, (uint64_t)hole - offset);
        remember_data(f, offset, (uint64_t)hole);
    }
    return 0;
}

static bool preallocate(struct block_file_node *f, uint64_t from, uint64_t to,
                        enum block_prealloc prealloc, GError **error)
{
    static const uint8_t zeroes[65536];
    int ret = 0;

    if (prealloc == BLOCK_PREALLOC_FALLOC) {
        ret = -posix_fallocate(f->buffered, (off_t)from, (off_t)(to - from));
    }
    while (prealloc == BLOCK_PREALLOC_FULL && ret == 0 && from < to) {
        size_t n = MIN(to - from, sizeof(zeroes));

        ret = transfer(f->buffered, true, (uint8_t *)zeroes, n, from);
        from += n;
    }
    if (ret != 0) {
        set_error(error, "Could not preallocate '%s': %s", f->node.filename, g_strerror(-ret));
    }
    return ret == 0;
}

static bool file_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                          GError **error)
{
    struct block_file_node *f = (struct block_file_node *)node;
    uint64_t old = node->size;

    if (prealloc == BLOCK_PREALLOC_METADATA) {
        set_error(error, "'%s': a file has no metadata to preallocate", node->filename);
        return false;
    }
    if (is_device_only(node) || ftruncate(f->buffered, (off_t)size) != 0) {
        errno = is_device_only(node) ? ENOTSUP : errno;
        set_errno_error(error, "Could not resize '%s'", node->filename);
        return false;
    }
    forget_data(f);
    if (size > old && !preallocate(f, old, size, prealloc, error)) {
        (void)!ftruncate(f->buffered, (off_t)old);
        return false;
    }
    node->size = size;
    return true;
}

static int64_t file_allocated(struct block_node *node)
{
    struct block_file_node *f = (struct block_file_node *)node;
    struct stat st;

    return fstat(f->buffered, &st) == 0 ? (int64_t)st.st_blocks * 512 : -1;
}

/* The new file replaces what had its name, unless somebody uses that. */
static bool file_create(const struct block_create *c, GError **error)
{
    const char *name = g_str_has_prefix(c->filename, "file:") ? c->filename + 5 : c->filename;
    unsigned choice = block_option_choice(c->options, file_create_options, "preallocation");
    struct block_file_node f = { .node = { .driver = &block_file, .filename = (char *)name } };
    bool ok;

    f.fd = f.buffered = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (f.fd < 0) {
        set_errno_error(error, "Could not create '%s'", name);
        return false;
    }
    ok = block_lock_image(f.fd, name, true, false, error);
    if (ok && ftruncate(f.fd, 0) != 0 && errno != EINVAL) { /* EINVAL: a device */
        set_errno_error(error, "Could not empty '%s'", name);
        ok = false;
    }
    if (ok && c->size) {
        ok = file_truncate(&f.node, c->size, choice ? choice + 1 : 0, error);
    }
    close(f.fd);
    return ok;
}

#define FILE_DRIVER                                                                                \
    .protocol = true, .size = sizeof(struct block_file_node), .open_options = file_options,        \
    .open = file_open, .close = file_close, .set_read_only = file_set_read_only,                   \
    .set_active = file_set_active, .read = file_read, .write = file_write, .start = file_start,    \
    .flush = file_flush, .discard = file_discard, .write_zeroes = file_write_zeroes,               \
    .status = file_status, .allocated = file_allocated, .truncate = file_truncate

const struct block_driver block_file = {
    .name = "file",
    .summary = "a file or a block device of the host",
    .grows = true,
    .create_options = file_create_options,
    .create = file_create,
    FILE_DRIVER,
};

const struct block_driver block_host_device = {
    .name = "host_device",
    .summary = "a block device of the host",
    .prefixes = "host_device:",
    .parse_filename = host_device_parse,
    FILE_DRIVER,
};
