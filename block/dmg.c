/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/dmg.c: Apple's disk images (UDIF), to be read (J. Levin, "Demystifying the DMG File Format").
 *
 * A trailer of 512 bytes ("koly") names a property list, whose resource-fork/blkx array has a table of
 * chunks ("mish") for each partition.  All numbers are big-endian, all units sectors unless bytes are
 * named.
 * Invariant: the chunks are sorted and do not overlap; what lies between them reads as zeroes.
 * Thread:    see block/mapped.h.
 */
#include "block/dmg.h"
#include <errno.h>
#include <string.h>
#include "block/mapped.h"
#include "util/error.h"

#define TRAILER_BYTES   512u
#define MISH_BYTES      204u
#define CHUNK_BYTES     40u
#define MAX_PLIST       (64u << 20)
#define MAX_CHUNKS      (1u << 22)
#define MAX_CHUNK_BYTES (64u << 20) /* inflated at once */

struct chunk {
    uint64_t start, bytes; /* of the disk */
    uint64_t host, length; /* in the file */
    uint32_t type;
};

struct dmg {
    struct mapped_node m;
    GArray *chunks; /* struct chunk */
    uint64_t data_fork, end;
};

/* clang-format off */
static const struct block_bound trailer_bounds[] = {
    { "header size",  8,   4, TRAILER_BYTES, TRAILER_BYTES },
    { "plist length", 224, 8, 1,             MAX_PLIST },
    { "sector count", 492, 8, 0,             (uint64_t)1 << 47 },
    { 0 }
};
/* clang-format on */

/* Chunks ---------------------------------------------------------------------------------------- */

/* The first chunk that ends after `offset`; the number of chunks when there is none. */
static unsigned find_chunk(const struct dmg *d, uint64_t offset)
{
    unsigned low = 0, high = d->chunks->len;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        const struct chunk *c = &g_array_index(d->chunks, struct chunk, middle);

        if (c->start + c->bytes <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int dmg_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct dmg *d = (struct dmg *)node;
    unsigned i = find_chunk(d, offset);
    const struct chunk *c;

    *out = (struct mapped){ .kind = MAPPED_ZERO, .bytes = bytes, .file = node->file };
    if (i == d->chunks->len) {
        return 0;
    }
    c = &g_array_index(d->chunks, struct chunk, i);
    if (offset < c->start) {
        out->bytes = MIN(bytes, c->start - offset);
        return 0;
    }
    out->bytes = MIN(bytes, c->start + c->bytes - offset);
    if (c->type == DMG_RAW) {
        out->kind = MAPPED_DATA;
        out->host = c->host + (offset - c->start);
    } else if (c->type != DMG_ZERO && c->type != DMG_IGNORE) {
        out->kind = MAPPED_COMPRESSED;
        out->unit = c->start;
        out->unit_bytes = c->bytes;
        out->tag = i;
    }
    return 0;
}

static int dmg_inflate_unit(struct block_node *node, const struct mapped *m, uint8_t *buf)
{
    const struct chunk *c = &g_array_index(((struct dmg *)node)->chunks, struct chunk, m->tag);
    g_autofree uint8_t *in = g_try_malloc(MAX(c->length, 1));
    int ret = in ? block_node_read(node->file, c->host, in, c->length) : -ENOMEM;

    return ret ? ret : dmg_inflate(c->type, in, c->length, buf, c->bytes);
}

static const struct mapped_ops dmg_ops = {
    .map = dmg_map,
    .inflate = dmg_inflate_unit,
};

static bool add_chunk(struct dmg *d, const uint8_t *at, uint64_t first, uint64_t data,
                      GError **error)
{
    struct block_node *node = &d->m.node;
    uint64_t sector = block_field_be(at + 8, 8), count = block_field_be(at + 16, 8);
    struct chunk c = { .type = (uint32_t)block_field_be(at, 4) };
    const char *refused;

    if (c.type == DMG_COMMENT || c.type == DMG_END || count == 0) {
        return true;
    }
    c.host = block_field_be(at + 24, 8);
    c.length = block_field_be(at + 32, 8);
    if (!block_bound_one(node->filename, "chunk's sector", sector, 0, (uint64_t)1 << 46, error) ||
        !block_bound_one(node->filename, "chunk's sectors", count, 0, (uint64_t)1 << 46, error) ||
        !block_bound_one(node->filename, "chunk's offset", c.host, 0, d->end - MIN(data, d->end),
                         error)) {
        return false;
    }
    c.start = (first + sector) * BLOCK_SECTOR;
    c.bytes = count * BLOCK_SECTOR;
    c.host += data;
    if (c.type != DMG_ZERO && c.type != DMG_IGNORE &&
        !block_bound_one(node->filename, "chunk's length", c.length, 0, d->end - c.host, error)) {
        return false;
    }
    if (c.type == DMG_RAW) {
        c.bytes = MIN(c.bytes, c.length);
    } else if (c.type != DMG_ZERO && c.type != DMG_IGNORE) {
        refused = dmg_refusal(c.type);
        if (refused) {
            set_error(error, "%s: a chunk is of type 0x%x: %s", node->filename, c.type, refused);
            return false;
        }
        if (!block_bound_one(node->filename, "chunk's inflated bytes", c.bytes, 0, MAX_CHUNK_BYTES,
                             error)) {
            return false;
        }
    }
    if (!block_bound_one(node->filename, "number of chunks", d->chunks->len, 0, MAX_CHUNKS,
                         error)) {
        return false;
    }
    g_array_append_val(d->chunks, c);
    return true;
}

/* One "mish" table. */
static bool add_table(struct dmg *d, const uint8_t *mish, size_t len, GError **error)
{
    struct block_node *node = &d->m.node;
    uint64_t count, first, data;

    if (len < MISH_BYTES || memcmp(mish, "mish", 4) != 0) {
        return true; /* a resource of another kind */
    }
    first = block_field_be(mish + 8, 8);
    data = block_field_be(mish + 24, 8);
    count = block_field_be(mish + 200, 4);
    if (!block_bound_one(node->filename, "chunks of a table", count, 0,
                         (len - MISH_BYTES) / CHUNK_BYTES, error) ||
        !block_bound_one(node->filename, "first sector of a table", first, 0, (uint64_t)1 << 46,
                         error) ||
        !block_bound_one(node->filename, "data offset of a table", data, 0, d->end, error)) {
        return false;
    }
    data = MIN(data + d->data_fork, d->end);
    for (uint64_t i = 0; i < count; i++) {
        if (!add_chunk(d, mish + MISH_BYTES + i * CHUNK_BYTES, first, data, error)) {
            return false;
        }
    }
    return true;
}

/* Property list --------------------------------------------------------------------------------- */

struct plist {
    struct dmg *d;
    GString *text; /* of the element that is open */
    bool in_blkx;
    unsigned depth, blkx_depth;
    char *key;
};

static void start_element(GMarkupParseContext *context, const char *name, const char **names,
                          const char **values, gpointer opaque, GError **error)
{
    struct plist *p = opaque;

    (void)context, (void)names, (void)values, (void)error;
    p->depth++;
    g_string_truncate(p->text, 0);
    if (!p->in_blkx && strcmp(name, "array") == 0 && p->key && strcmp(p->key, "blkx") == 0) {
        p->in_blkx = true;
        p->blkx_depth = p->depth;
    }
}

static void end_element(GMarkupParseContext *context, const char *name, gpointer opaque,
                        GError **error)
{
    struct plist *p = opaque;

    (void)context;
    if (strcmp(name, "key") == 0) {
        g_free(p->key);
        p->key = g_strdup(p->text->str);
    } else if (p->in_blkx && strcmp(name, "data") == 0) {
        size_t len = 0;
        g_autofree uint8_t *mish = g_base64_decode(p->text->str, &len);

        add_table(p->d, mish, len, error);
    }
    if (p->in_blkx && p->depth == p->blkx_depth) {
        p->in_blkx = false;
    }
    p->depth--;
}

static void text(GMarkupParseContext *context, const char *data, size_t len, gpointer opaque,
                 GError **error)
{
    struct plist *p = opaque;

    (void)context, (void)error;
    g_string_append_len(p->text, data, (gssize)len);
}

static bool parse_plist(struct dmg *d, const char *xml, size_t len, GError **error)
{
    static const GMarkupParser parser = { start_element, end_element, text, NULL, NULL };
    struct plist p = { .d = d, .text = g_string_new("") };
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &p, NULL);
    bool ok = g_markup_parse_context_parse(context, xml, (gssize)len, error);

    g_markup_parse_context_free(context);
    g_string_free(p.text, TRUE);
    g_free(p.key);
    return ok;
}

/* Opening --------------------------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
    const struct chunk *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

static bool sort_chunks(struct dmg *d, uint64_t sectors, GError **error)
{
    struct block_node *node = &d->m.node;
    uint64_t end = 0;

    g_array_sort(d->chunks, by_start);
    for (unsigned i = 0; i < d->chunks->len; i++) {
        const struct chunk *c = &g_array_index(d->chunks, struct chunk, i);

        if (!block_bound_one(node->filename, "start of a chunk", c->start, end, (uint64_t)1 << 57,
                             error)) {
            return false;
        }
        end = c->start + c->bytes;
    }
    end = (end + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    node->size = MAX(end, sectors * BLOCK_SECTOR);
    return true;
}

static bool read_plist(struct dmg *d, const uint8_t *trailer, GError **error)
{
    struct block_node *node = &d->m.node;
    uint64_t offset = block_field_be(trailer + 216, 8), len = block_field_be(trailer + 224, 8);
    g_autofree char *xml = NULL;

    if (!block_bound_one(node->filename, "plist offset", offset, 0, d->end, error) ||
        !block_bound_one(node->filename, "plist length", len, 1, d->end - offset, error)) {
        return false;
    }
    xml = g_malloc(len);
    if (block_node_read(node->file, offset, xml, len) != 0) {
        set_error(error, "%s: cannot read the property list", node->filename);
        return false;
    }
    if (!parse_plist(d, xml, len, error)) {
        g_prefix_error(error, "%s: property list: ", node->filename);
        return false;
    }
    return true;
}

static bool dmg_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct dmg *d = (struct dmg *)node;
    uint8_t t[TRAILER_BYTES] = { 0 };

    (void)o;
    d->chunks = g_array_new(FALSE, FALSE, sizeof(struct chunk));
    mapped_init(&d->m, &dmg_ops, BLOCK_SECTOR);
    node->read_only = true;
    if (node->file->size < TRAILER_BYTES ||
        block_node_read(node->file, node->file->size - TRAILER_BYTES, t, sizeof(t)) != 0 ||
        memcmp(t, "koly", 4) != 0) {
        set_error(error, "Image not in dmg format (give format=raw if it is a plain disk)");
        return false;
    }
    d->end = node->file->size - TRAILER_BYTES;
    if (!block_bounds_check(node->filename, t, false, trailer_bounds, error)) {
        return false;
    }
    d->data_fork = block_field_be(t + 24, 8);
    return block_bound_one(node->filename, "data fork offset", d->data_fork, 0, d->end, error) &&
           read_plist(d, t, error) && sort_chunks(d, block_field_be(t + 492, 8), error);
}

static void dmg_close(struct block_node *node)
{
    struct dmg *d = (struct dmg *)node;

    mapped_finish(&d->m);
    if (d->chunks) {
        g_array_unref(d->chunks);
    }
}

/* The image's start says nothing: the name does. */
static int dmg_probe(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename)
{
    size_t len = strlen(filename);

    (void)head;
    return len > 4 && strcmp(filename + len - 4, ".dmg") == 0 ? 2 : 0;
}

const struct block_driver block_dmg = {
    .name = "dmg",
    .summary = "Apple's disk image, read-only",
    .size = sizeof(struct dmg),
    .probe = dmg_probe,
    .open = dmg_open,
    .close = dmg_close,
    .read = mapped_read,
    .status = mapped_status,
};
