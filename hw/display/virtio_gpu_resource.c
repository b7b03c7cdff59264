/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_gpu_resource.c: pictures that the driver keeps on the host, and the guest memory behind
 * them.  Source: VIRTIO 1.2, 5.7.6.8.  Invariants and thread: virtio_gpu.h.
 *
 * Guest memory is looked up anew for each copy: it may have gone since it was given.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/display/virtio_gpu.h"
#include "util/error.h"

#define COST_FIXED 512u /* of a resource, whatever its size */

/* clang-format off */
/*
 * Names give bytes by address: where blue, green, red and alpha are in a pixel's four.  X is alpha, too: pointers need
 * it, and Linux has resources of B8G8R8X8 for them; pictures ignore it.
 */
static const struct format { uint8_t id, blue, green, red, alpha; } formats[] = {
    {   1, 0, 1, 2, 3 }, /* B8G8R8A8 */
    {   2, 0, 1, 2, 3 }, /* B8G8R8X8 */
    {   3, 3, 2, 1, 0 }, /* A8R8G8B8 */
    {   4, 3, 2, 1, 0 }, /* X8R8G8B8 */
    {  67, 2, 1, 0, 3 }, /* R8G8B8A8 */
    {  68, 1, 2, 3, 0 }, /* X8B8G8R8 */
    { 121, 1, 2, 3, 0 }, /* A8B8G8R8 */
    { 134, 2, 1, 0, 3 }, /* R8G8B8X8 */
};
/* clang-format on */

static const struct format *find_format(uint32_t id)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].id == id) {
            return &formats[i];
        }
    }
    return NULL;
}

struct gpu_resource *gpu_resource_find(struct virtio_gpu *g, uint32_t id)
{
    return g_hash_table_lookup(g->resources, GUINT_TO_POINTER(id));
}

static bool afford(struct virtio_gpu *g, struct gpu_resource *r, uint64_t bytes)
{
    if (bytes > g->max_hostmem || g->hostmem > g->max_hostmem - bytes) {
        return false;
    }
    g->hostmem += bytes;
    r->cost += bytes;
    return true;
}

enum gpu_result gpu_resource_create(struct virtio_gpu *g, uint32_t id, uint32_t format,
                                    uint32_t width, uint32_t height)
{
    struct gpu_resource *r;

    if (id == 0 || gpu_resource_find(g, id)) {
        return GPU_INVALID_RESOURCE;
    }
    if (!find_format(format) || width == 0 || height == 0 || width > GPU_MAX_SIDE ||
        height > GPU_MAX_SIDE) {
        return GPU_INVALID_PARAMETER;
    }
    r = g_new0(struct gpu_resource, 1);
    *r = (struct gpu_resource){ .id = id, .format = format, .width = width, .height = height };
    if (afford(g, r, COST_FIXED + (uint64_t)width * height * 4)) {
        r->pixels = g_try_malloc0((size_t)width * height * 4);
    }
    if (!r->pixels) {
        g->hostmem -= r->cost;
        g_free(r);
        return GPU_OUT_OF_MEMORY;
    }
    g_hash_table_insert(g->resources, GUINT_TO_POINTER(id), r);
    return GPU_OK;
}

void gpu_resource_detach(struct virtio_gpu *g, struct gpu_resource *r)
{
    uint64_t bytes = (uint64_t)r->n_entries * sizeof(*r->entries);

    g->hostmem -= bytes;
    r->cost -= bytes;
    g_clear_pointer(&r->entries, g_free);
    r->n_entries = 0;
}

static void free_resource(struct virtio_gpu *g, struct gpu_resource *r)
{
    g->hostmem -= r->cost;
    g_free(r->entries);
    g_free(r->pixels);
    g_free(r);
}

void gpu_resource_destroy(struct virtio_gpu *g, struct gpu_resource *r)
{
    for (unsigned i = 0; i < g->max_outputs; i++) {
        struct gpu_scanout *s = &g->scanouts[i];

        if (s->resource == r->id) {
            gpu_scanout_set(s, 0, NULL);
        }
        if (s->cursor_resource == r->id) {
            s->cursor_resource = 0; /* its picture stays until there is another */
        }
    }
    g_hash_table_remove(g->resources, GUINT_TO_POINTER(r->id));
    free_resource(g, r);
}

void gpu_resource_destroy_all(struct virtio_gpu *g)
{
    g_autoptr(GList) all = g_hash_table_get_values(g->resources);

    g_hash_table_remove_all(g->resources);
    for (GList *l = all; l; l = l->next) {
        free_resource(g, l->data);
    }
}

enum gpu_result gpu_resource_attach(struct virtio_gpu *g, struct gpu_resource *r,
                                    struct gpu_entry *entries, unsigned n)
{
    uint64_t start = 0;

    if (r->n_entries || n == 0) {
        g_free(entries);
        return GPU_UNSPEC;
    }
    if (!afford(g, r, (uint64_t)n * sizeof(*entries))) {
        g_free(entries);
        return GPU_OUT_OF_MEMORY;
    }
    for (unsigned i = 0; i < n; i++) {
        entries[i].start = start;
        start += entries[i].len;
    }
    r->entries = entries;
    r->n_entries = n;
    return GPU_OK;
}

/* The entry that holds the backing's byte at `offset`. */
static unsigned entry_at(const struct gpu_resource *r, uint64_t offset)
{
    unsigned low = 0, high = r->n_entries;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        if (r->entries[middle].start <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Bytes of the backing; false: it ends before, or is not RAM. */
static bool read_backing(struct virtio_gpu *g, const struct gpu_resource *r, uint64_t offset,
                         uint8_t *to, uint64_t len)
{
    struct address_space *as = &virtio_machine(&g->v)->memory;

    for (unsigned i = entry_at(r, offset); len && i < r->n_entries; i++) {
        const struct gpu_entry *e = &r->entries[i];

        while (len && offset - e->start < e->len) {
            uint64_t skip = offset - e->start, n = MIN(len, e->len - skip);
            const void *from = e->addr <= UINT64_MAX - e->len
                                   ? address_space_map(as, e->addr + skip, &n, false)
                                   : NULL;

            if (!from || n == 0) {
                return false;
            }
            memcpy(to, from, n);
            to += n;
            offset += n;
            len -= n;
        }
    }
    return len == 0;
}

static void convert(uint32_t format, const uint8_t *from, uint32_t *to, size_t n)
{
    const struct format *f = find_format(format);

    for (size_t i = 0; i < n; i++, from += 4) {
        to[i] = (uint32_t)from[f->alpha] << 24 | (uint32_t)from[f->red] << 16 |
                (uint32_t)from[f->green] << 8 | from[f->blue];
    }
}

/* offset: of the rectangle's first pixel in the backing, whose rows are as long as the resource's. */
enum gpu_result gpu_resource_transfer(struct virtio_gpu *g, struct gpu_resource *r,
                                      const struct gpu_rect *rect, uint64_t offset)
{
    uint64_t stride = (uint64_t)r->width * 4, used = (uint64_t)rect->width * 4;
    unsigned rows = rect->height, at_once = 1;
    g_autofree uint8_t *raw = NULL;

    if (!gpu_rect_within(rect, r->width, r->height) || offset > UINT64_MAX / 2) {
        return GPU_INVALID_PARAMETER;
    }
    if (!r->n_entries || rect->width == 0 || rows == 0) {
        return r->n_entries ? GPU_OK : GPU_UNSPEC;
    }
    if (rect->width == r->width) { /* its rows follow each other */
        at_once = (unsigned)MIN(rows, MAX(1, (1u << 20) / stride));
    }
    raw = g_malloc(used * at_once);
    for (unsigned y = 0; y < rows; y += at_once) {
        unsigned n = MIN(at_once, rows - y);
        uint32_t *to = r->pixels + (size_t)(rect->y + y) * r->width + rect->x;

        if (!read_backing(g, r, offset + y * stride, raw, used * n)) {
            return GPU_UNSPEC;
        }
        convert(r->format, raw, to, (size_t)rect->width * n);
    }
    return GPU_OK;
}

/* Saving: for each { id, format, width, height, n_entries }, the entries' { addr, len }, the pixels. ---- */

static void put(GByteArray *out, uint64_t v, unsigned size)
{
    v = GUINT64_TO_LE(v);
    g_byte_array_append(out, (const uint8_t *)&v, size);
}

static gint by_id(gconstpointer a, gconstpointer b)
{
    const struct gpu_resource *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

/* Between the host's order of bytes and the stream's. */
static void swap_pixels(const struct gpu_resource *r)
{
    for (size_t i = 0; i < (size_t)r->width * r->height; i++) {
        r->pixels[i] = GUINT32_TO_LE(r->pixels[i]);
    }
}

void gpu_resources_save(struct virtio_gpu *g)
{
    GList *all = g_list_sort(g_hash_table_get_values(g->resources), by_id);

    g_byte_array_set_size(g->saved, 0);
    for (GList *l = all; l; l = l->next) {
        const struct gpu_resource *r = l->data;
        const uint32_t head[] = { r->id, r->format, r->width, r->height, r->n_entries };

        for (unsigned i = 0; i < G_N_ELEMENTS(head); i++) {
            put(g->saved, head[i], 4);
        }
        for (unsigned i = 0; i < r->n_entries; i++) {
            put(g->saved, r->entries[i].addr, 8);
            put(g->saved, r->entries[i].len, 4);
        }
        swap_pixels(r);
        g_byte_array_append(g->saved, (const uint8_t *)r->pixels, r->width * r->height * 4);
        swap_pixels(r);
    }
    g_list_free(all);
}

static uint64_t get(const GByteArray *in, size_t *pos, unsigned size)
{
    uint64_t v = 0;

    if (size <= in->len - *pos) {
        memcpy(&v, in->data + *pos, size);
        *pos += size;
    }
    return GUINT64_FROM_LE(v);
}

static bool load_one(struct virtio_gpu *g, size_t *pos)
{
    const GByteArray *in = g->saved;
    uint32_t head[5] = { 0 };
    struct gpu_resource *r;
    size_t pixels;

    for (unsigned i = 0; i < G_N_ELEMENTS(head); i++) {
        head[i] = (uint32_t)get(in, pos, 4);
    }
    if (head[4] > GPU_MAX_ENTRIES || (in->len - *pos) / 12 < head[4] ||
        gpu_resource_create(g, head[0], head[1], head[2], head[3]) != GPU_OK) {
        return false;
    }
    r = gpu_resource_find(g, head[0]);
    if (head[4]) {
        struct gpu_entry *entries = g_new0(struct gpu_entry, head[4]);

        for (unsigned i = 0; i < head[4]; i++) {
            entries[i].addr = get(in, pos, 8);
            entries[i].len = (uint32_t)get(in, pos, 4);
        }
        if (gpu_resource_attach(g, r, entries, head[4]) != GPU_OK) {
            return false;
        }
    }
    pixels = (size_t)r->width * r->height;
    if (in->len - *pos < pixels * 4) {
        return false;
    }
    memcpy(r->pixels, in->data + *pos, pixels * 4);
    *pos += pixels * 4;
    swap_pixels(r);
    return true;
}

bool gpu_resources_load(struct virtio_gpu *g, GError **error)
{
    size_t pos = 0;
    bool ok = true;

    gpu_resource_destroy_all(g);
    while (ok && pos < g->saved->len) {
        ok = load_one(g, &pos);
    }
    if (!ok) {
        set_error(error, "a resource at byte %zu of %u is damaged", pos, g->saved->len);
    }
    g_byte_array_set_size(g->saved, 0);
    return ok;
}
