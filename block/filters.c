/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/filters.c: the layer `copy-on-read`, which keeps what is read from backing files.  Thread: any.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "block/driver.h"

static bool filter_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    (void)o, (void)error;
    node->size = node->file->size;
    node->read_only = node->file->read_only;
    return true;
}

static int pass_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return block_node_writev(node->file, offset, iov, n);
}

static int pass_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    return block_node_discard(node->file, offset, bytes);
}

static int pass_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                             unsigned flags)
{
    return block_node_write_zeroes(node->file, offset, bytes, flags);
}

/* Copy on read ---------------------------------------------------------------------------------- */

struct cor_node {
    struct block_node node;
    pthread_rwlock_t
        lock; /* held for writing while something is copied up: no newer data is overwritten */
};

static bool cor_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    pthread_rwlock_init(&((struct cor_node *)node)->lock, NULL);
    return filter_open(node, o, error);
}

static void cor_close(struct block_node *node)
{
    pthread_rwlock_destroy(&((struct cor_node *)node)->lock);
}

static int cor_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct cor_node *c = (struct cor_node *)node;
    int ret;

    pthread_rwlock_rdlock(&c->lock);
    ret = pass_write(node, offset, iov, n);
    pthread_rwlock_unlock(&c->lock);
    return ret;
}

static int cor_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                            unsigned flags)
{
    struct cor_node *c = (struct cor_node *)node;
    int ret;

    pthread_rwlock_rdlock(&c->lock);
    ret = pass_write_zeroes(node, offset, bytes, flags);
    pthread_rwlock_unlock(&c->lock);
    return ret;
}

static int cor_discard(struct block_node *node, uint64_t offset, uint64_t bytes)
{
    struct cor_node *c = (struct cor_node *)node;
    int ret;

    pthread_rwlock_rdlock(&c->lock);
    ret = pass_discard(node, offset, bytes);
    pthread_rwlock_unlock(&c->lock);
    return ret;
}

/* One run that no layer but the top has: read, then written into the top. */
static int copy_up(struct cor_node *c, uint64_t offset, const struct iovec *iov, int n)
{
    struct block_node *top = c->node.file;
    uint64_t bytes = block_iov_bytes(iov, n);
    g_autofree uint8_t *buf = g_malloc(bytes);
    struct block_status st;
    int ret;

    pthread_rwlock_wrlock(&c->lock);
    ret = block_node_readv(top, offset, iov, n);
    if (ret == 0 && (block_node_status(top, offset, bytes, &st) != 0 ||
                     st.flags & BLOCK_ALLOCATED || st.bytes < bytes)) {
        pthread_rwlock_unlock(&c->lock); /* somebody wrote it meanwhile */
        return 0;
    }

    if (ret == 0 && !top->read_only) {
        block_iov_read(iov, n, 0, buf, bytes);
        ret = block_node_write(top, offset, buf, bytes);
    }
    pthread_rwlock_unlock(&c->lock);
    return ret;
}

static int cor_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n), done = 0;
    g_autofree struct iovec *part = g_new(struct iovec, n);
    int ret = 0;

    while (done < bytes && ret == 0) {
        struct block_status st;
        int k;

        ret = block_node_status(node->file, offset + done, bytes - done, &st);
        if (ret != 0) {
            break;
        }
        k = block_iov_slice(iov, n, done, st.bytes, part);
        ret = st.flags & BLOCK_ALLOCATED || !node->file->backing
                  ? block_node_readv(node->file, offset + done, part, k)
                  : copy_up((struct cor_node *)node, offset + done, part, k);
        done += st.bytes;
    }
    return ret;
}

const struct block_driver block_copy_on_read = {
    .name = "copy-on-read",
    .summary = "keeps what is read from backing files",
    .set_active = block_set_active_nothing,
    .filter = true,
    .size = sizeof(struct cor_node),
    .open = cor_open,
    .close = cor_close,
    .read = cor_read,
    .write = cor_write,
    .discard = cor_discard,
    .write_zeroes = cor_write_zeroes,
};
