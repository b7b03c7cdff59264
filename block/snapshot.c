/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/snapshot.c: snapshot=on: what the guest writes goes to an anonymous file and is forgotten.
 *
 * Invariants: a cluster's bit is set exactly when the temporary file holds all of the cluster;
 *             the node below is never written.
 * Thread:     any worker; the mutex guards bitmap and file.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "block/driver.h"
#include "util/error.h"

#define CLUSTER 4096u

struct snapshot_node {
    struct block_node node;
    pthread_mutex_t mutex;
    int fd;
    uint8_t *written; /* one bit for each cluster */
};

static bool snapshot_open(struct block_node *node, const struct block_open_options *o,
                          GError **error)
{
    struct snapshot_node *s = (struct snapshot_node *)node;
    g_autofree char *name = g_strdup_printf("%s/rhea-snapshot-XXXXXX", g_get_tmp_dir());

    (void)o;
    s->fd = mkostemp(name, O_CLOEXEC);
    pthread_mutex_init(&s->mutex, NULL);
    if (s->fd < 0) {
        set_errno_error(error, "snapshot=on: cannot make the temporary file '%s'", name);
        return false;
    }
    unlink(name);
    node->size = node->file->size;
    node->read_only = false;
    s->written = g_malloc0(node->size / CLUSTER / 8 + 1);
    return true;
}

static void snapshot_close(struct block_node *node)
{
    struct snapshot_node *s = (struct snapshot_node *)node;

    if (s->fd >= 0) {
        close(s->fd);
    }
    pthread_mutex_destroy(&s->mutex);
    g_free(s->written);
}

static int all_of(ssize_t n, size_t len)
{
    return n == (ssize_t)len ? 0 : n < 0 ? -errno : -EIO;
}

static int read_below(struct block_node *node, uint64_t offset, void *buf, size_t len)
{
    return block_node_read(node->file, offset, buf, len);
}

/* At most the rest of one cluster. */
static int write_piece(struct snapshot_node *s, uint64_t offset, const uint8_t *buf, size_t len)
{
    uint64_t cluster = offset / CLUSTER, start = cluster * CLUSTER;
    size_t size = MIN(CLUSTER, s->node.size - start);
    uint8_t copy[CLUSTER];
    int ret;

    if (len < size && !(s->written[cluster / 8] >> cluster % 8 & 1)) {
        ret = read_below(&s->node, start, copy, size);
        if (ret != 0) {
            return ret;
        }
        memcpy(copy + (offset - start), buf, len);
        ret = all_of(pwrite(s->fd, copy, size, (off_t)start), size);
    } else {
        ret = all_of(pwrite(s->fd, buf, len, (off_t)offset), len);
    }
    if (ret == 0) {
        s->written[cluster / 8] |= 1u << cluster % 8;
    }
    return ret;
}

static int read_piece(struct snapshot_node *s, uint64_t offset, uint8_t *buf, size_t len)
{
    uint64_t cluster = offset / CLUSTER;

    if (s->written[cluster / 8] >> cluster % 8 & 1) {
        return all_of(pread(s->fd, buf, len, (off_t)offset), len);
    }
    return read_below(&s->node, offset, buf, len);
}

static int transfer(struct block_node *node, bool write, uint64_t offset, const struct iovec *iov,
                    int n)
{
    struct snapshot_node *s = (struct snapshot_node *)node;
    int ret = 0;

    pthread_mutex_lock(&s->mutex);
    for (int i = 0; i < n; i++) {
        uint8_t *buf = iov[i].iov_base;
        size_t left = iov[i].iov_len;

        while (left > 0 && ret == 0) {
            size_t len = MIN(left, CLUSTER - offset % CLUSTER);

            ret = write ? write_piece(s, offset, buf, len) : read_piece(s, offset, buf, len);
            buf += len;
            offset += len;
            left -= len;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return ret;
}

static int snapshot_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer(node, false, offset, iov, n);
}

static int snapshot_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer(node, true, offset, iov, n);
}

/* There is nothing to keep. */
static int snapshot_flush(struct block_node *node)
{
    (void)node;
    return 0;
}

const struct block_driver block_snapshot = {
    .name = "snapshot",
    .summary = "an anonymous layer for snapshot=on",
    .hidden = true,
    .size = sizeof(struct snapshot_node),
    .open = snapshot_open,
    .close = snapshot_close,
    .read = snapshot_read,
    .write = snapshot_write,
    .flush = snapshot_flush,
};
