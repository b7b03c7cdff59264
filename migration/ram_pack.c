/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/ram_pack.c: see ram_pack.h, also for the thread. */
#include "migration/ram_pack.h"
#include <string.h>
#include <zlib.h>
#include "config.h"
#include "util/error.h"
#if CONFIG_ZSTD
#include <zstd.h>
#endif

#define MAX_BYTES (2u << 20) /* of a section before it was packed */

/* How many bytes it is now; 0: it does not fit into `room`. */
typedef size_t pack_fn(const uint8_t *in, size_t len, uint8_t *out, size_t room, int level);
/* Exactly `len` bytes. */
typedef bool unpack_fn(const uint8_t *in, size_t size, uint8_t *out, size_t len);

static size_t pack_zlib(const uint8_t *in, size_t len, uint8_t *out, size_t room, int level)
{
    uLongf size = room;

    return compress2(out, &size, in, len, level) == Z_OK ? size : 0;
}

static bool unpack_zlib(const uint8_t *in, size_t size, uint8_t *out, size_t len)
{
    uLongf n = len;

    return uncompress(out, &n, in, size) == Z_OK && n == len;
}

#if CONFIG_ZSTD
static size_t pack_zstd(const uint8_t *in, size_t len, uint8_t *out, size_t room, int level)
{
    size_t size = ZSTD_compress(out, room, in, len, level);

    return ZSTD_isError(size) ? 0 : size;
}

static bool unpack_zstd(const uint8_t *in, size_t size, uint8_t *out, size_t len)
{
    return ZSTD_decompress(out, len, in, size) == len;
}
#else
#define pack_zstd   NULL
#define unpack_zstd NULL
#endif

static const struct packing {
    const char *section;
    pack_fn *pack;
    unpack_fn *unpack;
} packings[] = {
    [STREAM_ZLIB] = { "ram-zlib", pack_zlib, unpack_zlib },
    [STREAM_ZSTD] = { "ram-zstd", pack_zstd, unpack_zstd },
};

bool ram_packing_is_there(enum stream_packing packing, GError **error)
{
    if (packing != STREAM_PLAIN && !packings[packing].pack) {
        set_error(error, "this program was built without zstd");
        return false;
    }
    return true;
}

bool ram_pack_put(struct stream_out *out, uint32_t block, const GByteArray *data, GError **error)
{
    const struct packing *p = &packings[out->packing];
    uint32_t len = GUINT32_TO_LE(data->len);
    g_autofree uint8_t *packed = NULL;
    size_t size;

    if (out->packing != STREAM_PLAIN) {
        packed = g_malloc(data->len + 4);
        memcpy(packed, &len, 4);
        size = p->pack(data->data, data->len, packed + 4, data->len, out->level);
        if (size && size + 4 < data->len) {
            return stream_put(out, p->section, block, 1, packed, size + 4, error);
        }
    }
    return stream_put(out, "ram", block, 1, data->data, data->len, error);
}

static bool unpack(const struct packing *p, struct section *s, GError **error)
{
    GByteArray *plain;
    uint32_t len = 0;

    if (s->version != 1 || s->data->len < 4) {
        set_error(error, "section '%s' %u: version %u, %u bytes, must be 1, at least 4", s->name,
                  s->instance, s->version, s->data->len);
        return false;
    }
    memcpy(&len, s->data->data, 4);
    len = GUINT32_FROM_LE(len);
    if (len > MAX_BYTES) {
        set_error(error, "section '%s' %u: it has %u bytes, must have at most %u", s->name,
                  s->instance, len, MAX_BYTES);
        return false;
    }
    plain = g_byte_array_sized_new(len);
    g_byte_array_set_size(plain, len);
    if (!p->unpack(s->data->data + 4, s->data->len - 4, plain->data, len)) {
        set_error(error, "section '%s' %u: it does not become %u bytes", s->name, s->instance, len);
        g_byte_array_unref(plain);
        return false;
    }
    g_byte_array_unref(s->data);
    s->data = plain;
    g_strlcpy(s->name, "ram", sizeof(s->name));
    return true;
}

bool ram_unpack(struct section *s, GError **error)
{
    for (unsigned i = STREAM_ZLIB; i < G_N_ELEMENTS(packings); i++) {
        if (strcmp(s->name, packings[i].section) == 0) {
            return ram_packing_is_there(i, error) && unpack(&packings[i], s, error);
        }
    }
    return true;
}
