/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/luks.c: the format `luks`: a disk whose sectors are encrypted, after a LUKS1 header.
 * Thread: the main one; transfers on any.
 */
#include "block/luks.h"
#include <errno.h>
#include <string.h>
#include "util/error.h"

/* Bytes that are encrypted at a time. */
#define CHUNK (256u << 10)

struct luks_node {
    struct block_node node;
    struct luks *luks;
};

/* clang-format off */
static const struct block_option_row luks_options[] = {
    { "key-secret", BLOCK_OPTION_STRING, NULL, "ID of the secret that opens a key slot" },
    { 0 }
};
const struct block_option_row luks_create_options[] = {
    { "cipher-alg",     BLOCK_OPTION_STRING, NULL,   "Name of encryption cipher algorithm" },
    { "cipher-mode",    BLOCK_OPTION_STRING, NULL,   "Name of encryption cipher mode" },
    { "hash-alg",       BLOCK_OPTION_STRING, NULL,   "Name of encryption hash algorithm" },
    { "iter-time",      BLOCK_OPTION_UINT,   NULL,   "Time to spend in PBKDF in milliseconds", .max = 60000 },
    { "ivgen-alg",      BLOCK_OPTION_STRING, NULL,   "Name of IV generator algorithm" },
    { "ivgen-hash-alg", BLOCK_OPTION_STRING, NULL,   "Name of IV generator hash algorithm" },
    { "key-secret",     BLOCK_OPTION_STRING, NULL,
      "ID of the secret that provides the keyslot passphrase" },
    { "size",           BLOCK_OPTION_SIZE,   "0",    "Virtual disk size", .max = INT64_MAX },
    { 0 }
};
/* clang-format on */

/* Transfers ------------------------------------------------------------------------------------- */

/* At most CHUNK bytes; `buf` has room for them and the rest of two sectors. */
static int read_chunk(struct luks *l, struct block_node *file, uint64_t at, uint64_t tweak,
                      uint8_t *buf, size_t len)
{
    int ret = block_node_read(file, at, buf, len);

    return ret ? ret : luks_crypt(l->cipher, false, tweak / BLOCK_SECTOR, buf, len);
}

static int write_chunk(struct luks *l, struct block_node *file, uint64_t at, uint64_t tweak,
                       uint8_t *buf, size_t len)
{
    int ret = luks_crypt(l->cipher, true, tweak / BLOCK_SECTOR, buf, len);

    return ret ? ret : block_node_write(file, at, buf, len);
}

/* The chunk of the transfer at byte `done`. */
static int transfer_chunk(struct luks *l, struct block_node *file, bool write, uint64_t at,
                          uint64_t tweak, const struct iovec *iov, int n, uint64_t done, size_t len,
                          uint8_t *buf)
{
    size_t head = tweak % BLOCK_SECTOR, all = (head + len + BLOCK_SECTOR - 1) & ~511u;
    int ret;

    at -= head;
    tweak -= head;
    if (!write) {
        ret = read_chunk(l, file, at, tweak, buf, all);
        if (ret == 0) {
            block_iov_write(iov, n, done, buf + head, len);
        }
        return ret;
    }
    ret = all != len ? read_chunk(l, file, at, tweak, buf, all) : 0;
    if (ret == 0) {
        block_iov_read(iov, n, done, buf + head, len);
        ret = write_chunk(l, file, at, tweak, buf, all);
    }
    return ret;
}

int luks_transfer(struct luks *l, struct block_node *file, bool write, uint64_t at, uint64_t tweak,
                  const struct iovec *iov, int n)
{
    uint64_t bytes = block_iov_bytes(iov, n);
    bool partial = write && (tweak % BLOCK_SECTOR || bytes % BLOCK_SECTOR);
    size_t chunk = MIN(bytes, CHUNK), room = chunk + 2 * BLOCK_SECTOR;
    uint8_t *buf;
    int ret = 0;

    if (!l->cipher) {
        return -EACCES;
    }
    buf = g_aligned_alloc(1, (room + 4095) & ~(size_t)4095, 4096);
    if (partial) {
        pthread_rwlock_wrlock(&l->partial);
    } else if (write) {
        pthread_rwlock_rdlock(&l->partial);
    }
    for (uint64_t done = 0; done < bytes && ret == 0; done += chunk) {
        chunk = MIN(bytes - done, CHUNK);
        ret = transfer_chunk(l, file, write, at + done, tweak + done, iov, n, done, chunk, buf);
    }
    if (write) {
        pthread_rwlock_unlock(&l->partial);
    }
    g_aligned_free(buf);
    return ret;
}

static int transfer(struct block_node *node, bool write, uint64_t offset, const struct iovec *iov,
                    int n)
{
    struct luks *l = ((struct luks_node *)node)->luks;

    return luks_transfer(l, node->file, write, l->payload + offset, offset, iov, n);
}

static int luks_read(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer(node, false, offset, iov, n);
}

static int luks_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    return transfer(node, true, offset, iov, n);
}

/* The image ------------------------------------------------------------------------------------- */

static bool luks_node_open(struct block_node *node, const struct block_open_options *o,
                           GError **error)
{
    struct luks_node *ln = (struct luks_node *)node;
    struct block_node *file = node->file;
    const void *secret = NULL;
    size_t n = 0;

    node->read_only = file->read_only || o->read_only;
    if (!o->no_io) {
        secret = luks_secret(o->options, "", o->graph, &n, error);
        if (!secret) {
            return false;
        }
    }
    ln->luks = luks_open(file, 0, file->size, node->filename, error);
    if (!ln->luks) {
        return false;
    }
    node->size = (file->size - ln->luks->payload) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return !secret || luks_unlock(ln->luks, file, 0, secret, n, error);
}

static void luks_close(struct block_node *node)
{
    luks_free(((struct luks_node *)node)->luks);
}

static bool luks_create(const struct block_create *c, GError **error)
{
    size_t n;
    const void *secret = luks_secret(c->options, "", c->graph, &n, error);
    struct luks *l =
        secret ? luks_new(c->options, luks_create_options, "", c->filename, error) : NULL;
    uint64_t iter_time = block_options_get(c->options, "iter-time")
                             ? block_option_uint(c->options, luks_create_options, "iter-time")
                             : LUKS_ITER_TIME;
    bool ok = l != NULL;

    if (ok && c->size > INT64_MAX - l->payload) {
        set_error(error, "The requested file size is too large");
        ok = false;
    }
    ok = ok && luks_write_new(l, c->file, 0, secret, n, iter_time, error) &&
         block_node_truncate(c->file, l->payload + c->size, BLOCK_PREALLOC_OFF, true, error);
    luks_free(l);
    return ok;
}

static bool luks_truncate(struct block_node *node, uint64_t size, enum block_prealloc prealloc,
                          GError **error)
{
    struct luks *l = ((struct luks_node *)node)->luks;

    if (size > INT64_MAX - l->payload) {
        set_error(error, "The requested file size is too large");
        return false;
    }
    if (!block_node_truncate(node->file, l->payload + size, prealloc, true, error)) {
        return false;
    }
    node->size = size & ~(uint64_t)(BLOCK_SECTOR - 1);
    return true;
}

static int luks_node_info(struct block_node *node, struct block_image_info *out,
                          struct block_info_row *specific)
{
    out->encrypted = true;
    luks_info(((struct luks_node *)node)->luks, false, specific);
    return 0;
}

static bool luks_measure(const struct block_options *options, struct block_node *from,
                         struct block_measure *out, GError **error)
{
    struct luks *l = luks_new(options, luks_create_options, "", "luks", error);
    uint64_t size = from ? from->size : block_option_uint(options, luks_create_options, "size");

    if (!l) {
        return false;
    }
    out->required = l->payload + ((size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1));
    out->fully_allocated = out->required;
    luks_free(l);
    return true;
}

const struct block_driver block_luks = {
    .name = "luks",
    .summary = "an encrypted disk (LUKS1)",
    .set_active = block_set_active_nothing,
    .magic = LUKS_MAGIC,
    .n_magic = 6,
    .size = sizeof(struct luks_node),
    .open_options = luks_options,
    .create_options = luks_create_options,
    .open = luks_node_open,
    .close = luks_close,
    .create = luks_create,
    .read = luks_read,
    .write = luks_write,
    .truncate = luks_truncate,
    .info = luks_node_info,
    .measure = luks_measure,
};
