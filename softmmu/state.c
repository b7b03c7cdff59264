/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/state.c: a struct's state rows to and from a stream of bytes.
 *
 * The stream, little-endian, of one struct:
 *     u32 version, then for each row { u8 length, name, u8 type, u32 element size, u32 count, elements },
 *     then u8 0.  An element of STATE_STRUCT is such a stream again, STATE_TIMER is u8 armed, i64
 *     deadline; that of STATE_BLOB is as long as its element size says.
 * Loading walks the stream twice: once to check all of it, then to store.
 *
 * Thread: the machine lock, or an object nobody else sees.
 */
#include <inttypes.h>
#include <string.h>
#include "softmmu/clock.h"
#include "softmmu/state.h"
#include "util/error.h"

#define MAX_DEPTH   8
#define TIMER_BYTES 9

static unsigned rows_version(const struct state_row *rows)
{
    unsigned version = 1;

    for (const struct state_row *r = rows; r && r->type != STATE_END; r++) {
        version = MAX(version, r->version);
    }
    return version;
}

static void put_uint(GByteArray *out, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(out, (const uint8_t *)&v, size);
}

static uint64_t member_uint(const void *p, size_t size)
{
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    switch (size) {
    case 1:
        memcpy(&u8, p, 1);
        return u8;
    case 2:
        memcpy(&u16, p, 2);
        return u16;
    case 4:
        memcpy(&u32, p, 4);
        return u32;
    default:
        memcpy(&u64, p, 8);
        return u64;
    }
}

static void set_member_uint(void *p, size_t size, uint64_t v)
{
    uint8_t u8 = v;
    uint16_t u16 = v;
    uint32_t u32 = v;

    switch (size) {
    case 1:
        memcpy(p, &u8, 1);
        break;
    case 2:
        memcpy(p, &u16, 2);
        break;
    case 4:
        memcpy(p, &u32, 4);
        break;
    default:
        memcpy(p, &v, 8);
        break;
    }
}

static GByteArray *blob_of(const struct state_row *r, const void *obj)
{
    return *(GByteArray *const *)((const uint8_t *)obj + r->offset);
}

static void save_element(const struct state_row *r, const uint8_t *p, GByteArray *out)
{
    const struct timer *t;

    switch (r->type) {
    case STATE_UINT:
    case STATE_BOOL:
        put_uint(out, member_uint(p, r->size), r->size);
        break;
    case STATE_BYTES:
        g_byte_array_append(out, p, r->size);
        break;
    case STATE_TIMER:
        t = (const struct timer *)p;
        put_uint(out, t->armed, 1);
        put_uint(out, t->deadline, 8);
        break;
    case STATE_STRUCT:
        state_save(r->rows, p, out);
        break;
    case STATE_BLOB:
        g_byte_array_append(out, (*(GByteArray *const *)p)->data, (*(GByteArray *const *)p)->len);
        break;
    case STATE_END:
        break;
    }
}

/* Sizes of structs and timers are the compiler's business, not the stream's. */
static uint32_t stream_size(const struct state_row *r)
{
    return r->type == STATE_TIMER ? TIMER_BYTES : r->type == STATE_STRUCT ? 0 : r->size;
}

/* A bool may become a number or the reverse in a later version of a struct. */
static uint8_t stream_type(const struct state_row *r)
{
    return r->type == STATE_BOOL ? STATE_UINT : r->type;
}

void state_save(const struct state_row *rows, const void *obj, GByteArray *out)
{
    put_uint(out, rows_version(rows), 4);
    for (const struct state_row *r = rows; r && r->type != STATE_END; r++) {
        size_t len = strlen(r->name);

        g_assert(len > 0 && len < 256);
        put_uint(out, len, 1);
        g_byte_array_append(out, (const uint8_t *)r->name, len);
        put_uint(out, stream_type(r), 1);
        put_uint(out, r->type == STATE_BLOB ? blob_of(r, obj)->len : stream_size(r), 4);
        put_uint(out, r->count, 4);
        for (unsigned i = 0; i < r->count; i++) {
            save_element(r, (const uint8_t *)obj + r->offset + i * r->size, out);
        }
    }
    put_uint(out, 0, 1);
}

/* A place in a stream.  Once `cut`, everything reads as 0. */
struct reader {
    const uint8_t *data;
    size_t len, pos;
    bool cut;
    bool store; /* the second walk */
};

static const uint8_t *take(struct reader *rd, size_t n)
{
    if (rd->cut || n > rd->len - rd->pos) {
        rd->cut = true;
        return NULL;
    }
    rd->pos += n;
    return rd->data + rd->pos - n;
}

static uint64_t get_uint(struct reader *rd, unsigned size)
{
    const uint8_t *p = take(rd, size);
    uint64_t v = 0;

    if (p) {
        memcpy(&v, p, size);
    }
    return GUINT64_FROM_LE(v);
}

static bool load_rows(struct reader *rd, const struct state_row *rows, uint8_t *obj, int depth,
                      GError **error);

static void load_timer(struct reader *rd, struct timer *t)
{
    bool armed = get_uint(rd, 1);
    int64_t deadline = get_uint(rd, 8);

    if (!rd->store || rd->cut) {
        return;
    }
    if (!t->machine) {
        t->deadline = deadline; /* never initialized: nowhere to be armed */
    } else if (armed) {
        timer_arm(t, deadline);
    } else {
        timer_disarm(t);
        t->deadline = deadline;
    }
}

/* As long as the stream has it, which load_row has found to be allowed. */
static void load_blob(struct reader *rd, GByteArray *blob, uint32_t size)
{
    const uint8_t *bytes = take(rd, size);

    if (rd->store && bytes) {
        g_byte_array_set_size(blob, 0);
        g_byte_array_append(blob, bytes, size);
    }
}

static bool load_element(struct reader *rd, const struct state_row *r, uint8_t *p, int depth,
                         GError **error)
{
    const uint8_t *bytes;
    uint64_t v;

    switch (r->type) {
    case STATE_UINT:
    case STATE_BOOL:
        v = get_uint(rd, r->size);
        if (r->type == STATE_BOOL && v > 1) {
            set_error(error, "field '%s' is %" PRIu64 ", must be 0 or 1", r->name, v);
            return false;
        }
        if (rd->store) {
            set_member_uint(p, r->size, v);
        }
        break;
    case STATE_BYTES:
        bytes = take(rd, r->size);
        if (rd->store && bytes) {
            memcpy(p, bytes, r->size);
        }
        break;
    case STATE_TIMER:
        load_timer(rd, (struct timer *)p);
        break;
    case STATE_STRUCT:
        if (!load_rows(rd, r->rows, p, depth + 1, error)) {
            g_prefix_error(error, "field '%s': ", r->name);
            return false;
        }
        break;
    case STATE_BLOB: /* load_row's */
    case STATE_END:
        break;
    }
    if (rd->cut) {
        set_error(error, "field '%s': the stream ends in it", r->name);
        return false;
    }
    return true;
}

static int row_index(const struct state_row *rows, const char *name)
{
    for (int i = 0; rows && rows[i].type != STATE_END; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

/* One row after its name. */
static bool load_row(struct reader *rd, const struct state_row *r, uint8_t *obj, int depth,
                     GError **error)
{
    uint8_t type = get_uint(rd, 1);
    uint32_t size = get_uint(rd, 4), count = get_uint(rd, 4);

    if (rd->cut) {
        set_error(error, "field '%s': the stream ends in it", r->name);
        return false;
    }
    if (type == STATE_BLOB && r->type == STATE_BLOB && size <= r->size && count == 1) {
        load_blob(rd, blob_of(r, obj), size);
        if (rd->cut) {
            set_error(error, "field '%s': the stream ends in it", r->name);
        }
        return !rd->cut;
    }
    if (type != stream_type(r) || size != stream_size(r) || count != r->count) {
        set_error(error,
                  "field '%s' has type %u, %u elements of %u bytes, must be type %u, %u of %u",
                  r->name, type, count, size, stream_type(r), r->count, stream_size(r));
        return false;
    }
    for (unsigned i = 0; i < r->count; i++) {
        if (!load_element(rd, r, obj + r->offset + i * r->size, depth, error)) {
            return false;
        }
    }
    return true;
}

/* Every row of the stream's version or older was there. */
static bool check_complete(const struct state_row *rows, const GByteArray *seen, unsigned version,
                           GError **error)
{
    for (unsigned i = 0; i < seen->len; i++) {
        if (!seen->data[i] && rows[i].version <= version) {
            set_error(error, "field '%s' is missing", rows[i].name);
            return false;
        }
    }
    return true;
}

static bool load_rows(struct reader *rd, const struct state_row *rows, uint8_t *obj, int depth,
                      GError **error)
{
    g_autoptr(GByteArray) seen = g_byte_array_new();
    unsigned version = get_uint(rd, 4), n = 0, len;

    if (rd->cut || version == 0 || version > rows_version(rows) || depth > MAX_DEPTH) {
        set_error(error,
                  rd->cut ? "the stream ends before the version of a section"
                          : "section has version %u, must be 1 to %u",
                  version, rows_version(rows));
        return false;
    }
    while (rows && rows[n].type != STATE_END) {
        n++;
    }
    g_byte_array_set_size(seen, n);
    if (n > 0) {
        memset(seen->data, 0, n); /* an empty array has no data at all */
    }
    while ((len = get_uint(rd, 1)) > 0) {
        const uint8_t *text = take(rd, len);
        g_autofree char *name = text ? g_strndup((const char *)text, len) : g_strdup("");
        int i = row_index(rows, name);

        if (rd->cut || i < 0 || seen->data[i]) {
            g_autofree char *shown = g_strescape(name, NULL);

            set_error(error, "%s '%s'",
                      rd->cut ? "the stream ends in the name of a field"
                              : (i < 0 ? "unknown field" : "repeated field"),
                      shown);
            return false;
        }
        seen->data[i] = 1;
        if (!load_row(rd, &rows[i], obj, depth, error)) {
            return false;
        }
    }
    if (rd->cut) {
        set_error(error, "the stream ends after %u of %u fields", seen->len ? n : 0, n);
        return false;
    }
    return check_complete(rows, seen, version, error);
}

bool state_check(const struct state_row *rows, const void *obj, const uint8_t *data, size_t len,
                 size_t *pos, GError **error)
{
    struct reader rd = { .data = data, .len = len, .pos = *pos };

    if (*pos > len || !load_rows(&rd, rows, (uint8_t *)obj, 0, error)) {
        return false;
    }
    *pos = rd.pos;
    return true;
}

bool state_load(const struct state_row *rows, void *obj, const uint8_t *data, size_t len,
                size_t *pos, GError **error)
{
    struct reader rd = { .data = data, .len = len, .pos = *pos };

    if (*pos > len || !load_rows(&rd, rows, obj, 0, error)) {
        return false;
    }
    rd.pos = *pos;
    rd.store = true;
    load_rows(&rd, rows, obj, 0, NULL);
    *pos = rd.pos;
    return true;
}

static void print_rows(const struct state_row *rows, const uint8_t *obj, const char *prefix,
                       GString *out);

static void print_row(const struct state_row *r, const uint8_t *obj, const char *prefix,
                      GString *out)
{
    const struct timer *t = (const struct timer *)(obj + r->offset);

    if (r->type == STATE_STRUCT) {
        for (unsigned i = 0; i < r->count; i++) {
            g_autofree char *inner = r->count > 1 ? g_strdup_printf("%s%s[%u].", prefix, r->name, i)
                                                  : g_strdup_printf("%s%s.", prefix, r->name);

            print_rows(r->rows, obj + r->offset + i * r->size, inner, out);
        }
        return;
    }
    g_string_append_printf(out, "%s%s=", prefix, r->name);
    if (r->type == STATE_TIMER) {
        if (t->armed) {
            g_string_append_printf(out, "%" PRId64 "ns", t->deadline);
        } else {
            g_string_append(out, "off");
        }
    } else if (r->type == STATE_BLOB) {
        g_string_append_printf(out, "%u bytes", blob_of(r, obj)->len);
    } else if (r->type == STATE_BYTES) {
        for (size_t i = 0; i < r->size && i < 64; i++) {
            g_string_append_printf(out, "%02x", obj[r->offset + i]);
        }
        g_string_append(out, r->size > 64 ? "..." : "");
    } else {
        for (unsigned i = 0; i < r->count && i < 64; i++) {
            g_string_append_printf(out, "%s0x%" PRIx64, i ? "," : "",
                                   member_uint(obj + r->offset + i * r->size, r->size));
        }
        g_string_append(out, r->count > 64 ? ",..." : "");
    }
    g_string_append_c(out, '\n');
}

static void print_rows(const struct state_row *rows, const uint8_t *obj, const char *prefix,
                       GString *out)
{
    for (const struct state_row *r = rows; r && r->type != STATE_END; r++) {
        print_row(r, obj, prefix, out);
    }
}

void state_print(const struct state_row *rows, const void *obj, GString *out)
{
    print_rows(rows, obj, "", out);
}
