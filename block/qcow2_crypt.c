/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/qcow2_crypt.c: encrypted images: a LUKS header in clusters of its own, which a header extension
 * names; sectors of the guest's data are numbered by where they are in the file.
 * Thread: the main one; transfers on any.
 */
#include <string.h>
#include "block/luks.h"
#include "block/qcow2.h"
#include "util/error.h"

#define MAX_HEADER (16u << 20)
#define PREFIX     "encrypt."

static struct qcow2_extension *find_extension(const struct qcow2_header *h)
{
    for (unsigned i = 0; h->others && i < h->others->len; i++) {
        struct qcow2_extension *e = g_ptr_array_index(h->others, i);

        if (e->type == QCOW2_EXT_CRYPTO && e->len >= 16) {
            return e;
        }
    }
    return NULL;
}

static bool check_place(const struct qcow2 *q, uint64_t at, uint64_t room, GError **error)
{
    const char *name = q->node.filename;
    uint64_t size = q->node.file->size;

    return block_bound_one(name, "offset of the encryption header modulo the cluster size",
                           at & (q->cluster_size - 1), 0, 0, error) &&
           block_bound_one(name, "length of the encryption header", room, LUKS_HEADER, MAX_HEADER,
                           error) &&
           block_bound_one(name, "offset of the encryption header", at, q->cluster_size,
                           size > room ? size - room : q->cluster_size, error);
}

/* encrypt.format= says what the image is. */
static bool check_format(const struct qcow2 *q, const struct block_options *o, GError **error)
{
    const char *wanted = block_options_get(o, PREFIX "format");

    if (!q->h.crypt_method && block_options_has_child(o, "encrypt")) {
        set_error(error, "%s: No encryption in image header, but options specified format '%s'",
                  q->node.filename, wanted ? wanted : "luks");
        return false;
    }
    if (q->h.crypt_method && wanted && strcmp(wanted, "luks") != 0) {
        set_error(error, "%s: Header reported 'luks' encryption format but options specify '%s'",
                  q->node.filename, wanted);
        return false;
    }
    return true;
}

bool qcow2_crypt_open(struct qcow2 *q, const struct block_open_options *o, GError **error)
{
    const struct qcow2_extension *e = find_extension(&q->h);
    const void *secret = NULL;
    uint64_t at, room;
    size_t n = 0;

    if (!check_format(q, o->options, error)) {
        return false;
    }
    if (!q->h.crypt_method) {
        return true;
    }
    if (!e) {
        set_error(error, "%s: the header extension of LUKS encryption is missing",
                  q->node.filename);
        return false;
    }
    if (!o->no_io && !o->check) {
        secret = luks_secret(o->options, PREFIX, o->graph, &n, error);
        if (!secret) {
            return false;
        }
    }
    at = block_field_be(e->data, 8);
    room = block_field_be(e->data + 8, 8);
    q->luks = check_place(q, at, room, error)
                  ? luks_open(q->node.file, at, room, q->node.filename, error)
                  : NULL;
    return q->luks && (!secret || luks_unlock(q->luks, q->node.file, at, secret, n, error));
}

void qcow2_crypt_close(struct qcow2 *q)
{
    luks_free(q->luks);
}

int qcow2_data_readv(struct qcow2 *q, uint64_t host, const struct iovec *iov, int n)
{
    return q->luks ? luks_transfer(q->luks, qcow2_data(q), false, host, host, iov, n)
                   : block_node_readv(qcow2_data(q), host, iov, n);
}

int qcow2_data_writev(struct qcow2 *q, uint64_t host, const struct iovec *iov, int n)
{
    return q->luks ? luks_transfer(q->luks, qcow2_data(q), true, host, host, iov, n)
                   : block_node_writev(qcow2_data(q), host, iov, n);
}

void qcow2_crypt_info(const struct qcow2 *q, struct block_image_info *out,
                      struct block_info_row *specific)
{
    if (q->luks) {
        out->encrypted = true;
        luks_info(q->luks, true, specific ? block_info_tree(specific, "encrypt") : NULL);
    }
}

/* New images ------------------------------------------------------------------------------------ */

bool qcow2_crypt_options(const struct block_options *o, struct qcow2_header *h, struct luks **out,
                         GError **error)
{
    const char *format = block_options_get(o, PREFIX "format");
    struct qcow2_extension *e;

    *out = NULL;
    if (block_option_bool(o, qcow2_create_options, "encryption") ||
        (format && strcmp(format, "aes") == 0)) {
        set_error(error, "AES encryption of qcow2 is not supported (use encrypt.format=luks)");
        return false;
    }
    if (!format) {
        if (block_options_has_child(o, "encrypt")) {
            set_error(error, "Parameter 'encrypt.format' is missing");
            return false;
        }
        return true;
    }
    *out = luks_new(o, qcow2_create_options, PREFIX, "qcow2", error);
    if (!*out) {
        return false;
    }
    h->crypt_method = 2;
    e = g_malloc0(sizeof(*e) + 16);
    e->type = QCOW2_EXT_CRYPTO;
    e->len = 16;
    h->others = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(h->others, e);
    return true;
}

uint64_t qcow2_crypt_bytes(const struct luks *l)
{
    return l ? l->payload : 0;
}

void qcow2_crypt_place(const struct luks *l, struct qcow2_header *h, uint64_t host)
{
    const uint64_t fields[] = { GUINT64_TO_BE(host), GUINT64_TO_BE(l->payload) };

    memcpy(find_extension(h)->data, fields, sizeof(fields));
}

bool qcow2_crypt_write(struct luks *l, const struct qcow2_header *h, const struct block_create *c,
                       GError **error)
{
    const struct block_option_row *rows = qcow2_create_options;
    size_t n;
    const void *secret = luks_secret(c->options, PREFIX, c->graph, &n, error);
    bool given = block_options_get(c->options, PREFIX "iter-time");

    return secret &&
           luks_write_new(l, c->file, block_field_be(find_extension(h)->data, 8), secret, n,
                          given ? block_option_uint(c->options, rows, PREFIX "iter-time")
                                : LUKS_ITER_TIME,
                          error);
}
