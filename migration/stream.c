/* SPDX-License-Identifier: GPL-2.0-or-later */
/* migration/stream.c: see stream.h, also for the thread. */
#include "migration/stream.h"
#include <inttypes.h>
#include <string.h>
#include <zlib.h>
#include "util/error.h"

#define STREAM_MAGIC  "RheaVM\r\n" /* shows what a transfer as text does to it */
#define SECTION_MAGIC 0x65536852u  /* "RhSe" */
#define END           "end"
#define PIECE         (1u << 20) /* a length is believed as far as bytes come */

static void put_u32(GByteArray *to, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    g_byte_array_append(to, (const uint8_t *)&v, 4);
}

static bool put(struct stream_out *s, const void *data, size_t len, GError **error)
{
    s->bytes += len;
    return s->write(s, data, len, error);
}

bool stream_begin(struct stream_out *s, GError **error)
{
    g_autoptr(GByteArray) head = g_byte_array_new();

    g_byte_array_append(head, (const uint8_t *)STREAM_MAGIC, 8);
    put_u32(head, STREAM_VERSION);
    return put(s, head->data, head->len, error);
}

bool stream_put(struct stream_out *s, const char *name, uint32_t instance, uint32_t version,
                const void *data, size_t len, GError **error)
{
    g_autoptr(GByteArray) head = g_byte_array_new();
    uint8_t n = (uint8_t)MIN(strlen(name), 255);
    uint32_t crc;

    g_assert(len <= STREAM_MAX_SECTION);
    put_u32(head, SECTION_MAGIC);
    g_byte_array_append(head, &n, 1);
    g_byte_array_append(head, (const uint8_t *)name, n);
    put_u32(head, instance);
    put_u32(head, version);
    put_u32(head, (uint32_t)len);
    crc = (uint32_t)crc32(0, head->data + 4, head->len - 4);
    crc = len ? (uint32_t)crc32(crc, data, (uInt)len) : crc;
    crc = GUINT32_TO_LE(crc);
    return put(s, head->data, head->len, error) && (len == 0 || put(s, data, len, error)) &&
           put(s, &crc, 4, error);
}

bool stream_end(struct stream_out *s, GError **error)
{
    return stream_put(s, END, 0, 1, NULL, 0, error);
}

/* Reading --------------------------------------------------------------------------------------- */

bool stream_check_begin(struct stream_in *s, GError **error)
{
    uint8_t head[12];
    uint32_t version;

    if (!s->read(s, head, sizeof(head), error)) {
        g_prefix_error(error, "the head of the stream: ");
        return false;
    }
    memcpy(&version, head + 8, 4);
    version = GUINT32_FROM_LE(version);
    if (memcmp(head, STREAM_MAGIC, 8) != 0) {
        set_error(error, "this is not the state of a Rhea machine");
        return false;
    }
    if (version != STREAM_VERSION) {
        set_error(error, "the stream has version %u, must be %u", version, STREAM_VERSION);
        return false;
    }
    return true;
}

/* A read that goes into the checksum. */
static bool get(struct stream_in *s, void *data, size_t len, uint32_t *crc, GError **error)
{
    if (!s->read(s, data, len, error)) {
        return false;
    }
    *crc = (uint32_t)crc32(*crc, data, (uInt)len);
    return true;
}

static bool get_u32(struct stream_in *s, uint32_t *v, uint32_t *crc, GError **error)
{
    bool ok = get(s, v, 4, crc, error);

    *v = GUINT32_FROM_LE(*v);
    return ok;
}

static bool get_name(struct stream_in *s, struct section *section, uint32_t *crc, GError **error)
{
    uint8_t n;

    if (!get(s, &n, 1, crc, error) || !get(s, section->name, n, crc, error)) {
        return false;
    }
    section->name[n] = 0;
    return true;
}

static bool get_data(struct stream_in *s, GByteArray *data, uint32_t len, uint32_t *crc,
                     GError **error)
{
    if (len > STREAM_MAX_SECTION) {
        set_error(error, "it has %u bytes, must have at most %u", len, STREAM_MAX_SECTION);
        return false;
    }
    g_byte_array_set_size(data, 0);
    while (data->len < len) {
        guint at = data->len, n = MIN(len - at, PIECE);

        g_byte_array_set_size(data, at + n);
        if (!get(s, data->data + at, n, crc, error)) {
            return false;
        }
    }
    return true;
}

static bool get_rest(struct stream_in *s, struct section *section, uint32_t *crc, GError **error)
{
    uint32_t len, stored;

    if (!get_u32(s, &section->instance, crc, error) || !get_u32(s, &section->version, crc, error) ||
        !get_u32(s, &len, crc, error) || !get_data(s, section->data, len, crc, error) ||
        !s->read(s, &stored, 4, error)) {
        return false;
    }
    stored = GUINT32_FROM_LE(stored);
    if (stored != *crc) {
        set_error(error, "its checksum is 0x%08x, must be 0x%08x: it was damaged", *crc, stored);
        return false;
    }
    return true;
}

static bool get_magic(struct stream_in *s, GError **error)
{
    uint32_t magic, unused = 0;

    if (!get_u32(s, &magic, &unused, error)) {
        return false;
    }
    if (magic != SECTION_MAGIC) {
        set_error(error, "what follows is no section: 0x%08x", magic);
        return false;
    }
    return true;
}

bool stream_get(struct stream_in *s, struct section *section, GError **error)
{
    uint32_t crc = 0;
    const char *after = s->last ? s->last : "the head of the stream";

    section->name[0] = 0;
    section->instance = 0;
    if (!section->data) {
        section->data = g_byte_array_new();
    }
    if (!get_magic(s, error) || !get_name(s, section, &crc, error)) {
        g_prefix_error(error, "after %s: ", after);
        return false;
    }
    if (!get_rest(s, section, &crc, error)) {
        g_autofree char *title = section_title(section);

        g_prefix_error(error, "%s: ", title);
        return false;
    }
    g_free(s->last);
    s->last = section_title(section);
    return true;
}

bool section_is_end(const struct section *s)
{
    return strcmp(s->name, END) == 0;
}

char *section_title(const struct section *s)
{
    g_autofree char *shown = g_strescape(s->name, NULL);

    return g_strdup_printf("section '%s' %u", shown, s->instance);
}

void section_clear(struct section *s)
{
    if (s->data) {
        g_byte_array_unref(s->data);
        s->data = NULL;
    }
}

void stream_in_clear(struct stream_in *s)
{
    g_free(s->last);
    s->last = NULL;
}
