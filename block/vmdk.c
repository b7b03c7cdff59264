/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/vmdk.c: the descriptor, extents, and the driver.  Thread: see block/mapped.h. */
#include "block/vmdk.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "util/error.h"
#include "util/text.h"

/* Extents ------------------------------------------------------------------------------------- */

/* The extent of a byte of the disk: the last one that starts there or before. */
static struct vmdk_extent *extent_of(const struct vmdk *v, uint64_t offset)
{
    unsigned low = 0, high = v->extents->len;

    while (high - low > 1) {
        unsigned middle = low + (high - low) / 2;
        const struct vmdk_extent *e = g_ptr_array_index(v->extents, middle);

        if (e->start <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return g_ptr_array_index(v->extents, low);
}

static int vmdk_map(struct block_node *node, uint64_t offset, uint64_t bytes, struct mapped *out)
{
    struct vmdk_extent *e = extent_of((struct vmdk *)node, offset);
    uint64_t inside = offset - e->start;
    int ret = 0;

    bytes = MIN(bytes, e->bytes - inside);
    switch (e->kind) {
    case VMDK_ZERO:
        *out = (struct mapped){ MAPPED_ZERO, bytes };
        break;
    case VMDK_FLAT:
        *out = (struct mapped){ MAPPED_DATA, bytes, e->file, e->flat_offset + inside };
        break;
    case VMDK_SPARSE:
        ret = vmdk_sparse_map(e, inside, bytes, out);
        out->unit += e->start;
        break;
    }
    return ret;
}

static int vmdk_inflate(struct block_node *node, const struct mapped *m, uint8_t *buf)
{
    struct vmdk_extent *e = extent_of((struct vmdk *)node, m->unit);

    return vmdk_sparse_inflate(e, m, buf);
}

static int vmdk_allocate(struct block_node *node, uint64_t offset, struct mapped *out)
{
    struct vmdk_extent *e = extent_of((struct vmdk *)node, offset);

    if (e->kind != VMDK_SPARSE || e->compressed) {
        return -ENOTSUP;
    }
    if (e->next / BLOCK_SECTOR > UINT32_MAX) {
        return -ENOSPC;
    }
    out->file = e->file;
    out->host = e->next;
    return 0;
}

static int vmdk_publish(struct block_node *node, uint64_t offset, const struct mapped *m)
{
    struct vmdk_extent *e = extent_of((struct vmdk *)node, offset);

    return vmdk_sparse_publish(e, offset - e->start, m);
}

static const struct mapped_ops vmdk_ops = {
    .map = vmdk_map,
    .inflate = vmdk_inflate,
    .allocate = vmdk_allocate,
    .publish = vmdk_publish,
};

static void extent_free(gpointer data)
{
    struct vmdk_extent *e = data;

    vmdk_sparse_close(e);
    if (e->owned) {
        block_node_close(e->file);
    }
    g_free(e->type);
    g_free(e->name);
    g_free(e);
}

/* Descriptor ------------------------------------------------------------------------------------ */

/* The value of "key=value" or "key = value" at the start of a line, without quotes; NULL: none. */
static char *value_of(const char *text, const char *key)
{
    size_t len = strlen(key);

    for (const char *line = text; line; line = strchr(line, '\n')) {
        const char *at = line += *line == '\n', *end;

        if (g_ascii_strncasecmp(at, key, len) != 0) {
            continue;
        }
        at += len;
        at += strspn(at, " \t");
        if (*at++ != '=') {
            continue;
        }
        at += strspn(at, " \t");
        if (*at == '"') {
            end = strpbrk(++at, "\"\r\n");
        } else {
            end = strpbrk(at, "\r\n");
        }
        return g_strndup(at, end ? (size_t)(end - at) : strlen(at));
    }
    return NULL;
}

static uint32_t cid_of(const char *text, const char *key)
{
    g_autofree char *value = value_of(text, key);

    return value ? (uint32_t)strtoul(value, NULL, 16) : VMDK_NO_PARENT;
}

static bool open_extent_file(struct vmdk *v, struct vmdk_extent *e, unsigned number,
                             const struct block_open_options *o, GError **error)
{
    struct block_node *node = &v->m.node;
    g_autofree char *child = g_strdup_printf("extents.%u", number);
    bool monolithic = v->text_offset > 0; /* the descriptor is inside of the extent */

    if (monolithic && number == 0) {
        e->file = node->file;
        return true;
    }
    e->file = block_open_child(node, child, e->name, NULL, o, error);
    e->owned = true;
    return e->file != NULL;
}

static bool fill_extent(struct vmdk *v, struct vmdk_extent *e, const char *type, uint64_t sectors,
                        uint64_t offset, const struct block_open_options *o, GError **error)
{
    struct block_node *node = &v->m.node;

    e->bytes = sectors * BLOCK_SECTOR;
    e->type = g_strdup(type);
    e->flat_offset = offset * BLOCK_SECTOR;
    if (strcmp(type, "ZERO") == 0) {
        e->kind = VMDK_ZERO;
        return true;
    }
    if (strcmp(type, "FLAT") == 0 || strcmp(type, "VMFS") == 0) {
        e->kind = VMDK_FLAT;
    } else if (strcmp(type, "SPARSE") == 0) {
        e->kind = VMDK_SPARSE;
    } else {
        set_error(error, "%s: Unsupported extent type '%s'", node->filename, type);
        return false;
    }
    if (!e->name || !open_extent_file(v, e, v->extents->len - 1, o, error)) {
        g_prefix_error(error, "%s: extent '%s': ", node->filename, e->name ? e->name : "");
        return false;
    }
    if (e->kind == VMDK_SPARSE) {
        return vmdk_sparse_open(e, error);
    }
    return block_bound_one(e->file->filename, "end of the extent", e->flat_offset + e->bytes, 0,
                           (e->file->size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1),
                           error);
}

/* "RW 4192256 SPARSE \"disk-s001.vmdk\" [offset]"; a line of another kind is passed over. */
static bool parse_extent(struct vmdk *v, const char *line, const struct block_open_options *o,
                         GError **error)
{
    struct block_node *node = &v->m.node;
    struct vmdk_extent *e;
    char access[16], type[16], name[512] = "";
    uint64_t sectors = 0, offset = 0;
    int n =
        sscanf(line, "%15s %" G_GINT64_MODIFIER "u %15s \"%511[^\n\r\"]\" %" G_GINT64_MODIFIER "u",
               access, &sectors, type, name, &offset);

    if (n < 3 || (strcmp(access, "RW") != 0 && strcmp(access, "RDONLY") != 0)) {
        return true;
    }
    if (!block_bound_one(node->filename, "sectors of an extent", sectors, 1, (uint64_t)1 << 47,
                         error) ||
        !block_bound_one(node->filename, "offset of an extent", offset, 0, (uint64_t)1 << 47,
                         error) ||
        !block_bound_one(node->filename, "number of extents", v->extents->len, 0,
                         VMDK_MAX_EXTENTS - 1, error)) {
        return false;
    }
    e = g_new0(struct vmdk_extent, 1);
    e->start = node->size;
    e->name = n >= 4 ? g_strdup(name) : NULL;
    g_ptr_array_add(v->extents, e);
    if (!fill_extent(v, e, type, sectors, offset, o, error)) {
        return false;
    }
    node->size += e->bytes;
    return block_bound_one(node->filename, "size of the disk", node->size, 0, (uint64_t)1 << 56,
                           error);
}

static bool parse_descriptor(struct vmdk *v, const struct block_open_options *o, GError **error)
{
    struct block_node *node = &v->m.node;
    g_auto(GStrv) lines = g_strsplit(v->text, "\n", -1);
    g_autofree char *parent = value_of(v->text, "parentFileNameHint");

    v->create_type = value_of(v->text, "createType");
    v->cid = cid_of(v->text, "CID");
    v->parent_cid = cid_of(v->text, "parentCID");
    if (!v->create_type) {
        set_error(error, "%s: the descriptor has no createType", node->filename);
        return false;
    }
    for (unsigned i = 0; lines[i]; i++) {
        if (!parse_extent(v, lines[i], o, error)) {
            return false;
        }
    }
    if (v->extents->len == 0) {
        set_error(error, "%s: the descriptor has no extents", node->filename);
        return false;
    }
    if (v->parent_cid != VMDK_NO_PARENT && parent) {
        node->backing_name = g_steal_pointer(&parent);
        node->backing_format = g_strdup("vmdk");
    }
    return true;
}

/* Opening --------------------------------------------------------------------------------------- */

static bool read_text(struct vmdk *v, GError **error)
{
    struct block_node *file = v->m.node.file;
    char magic[4];
    int ret = block_node_read(file, 0, magic, sizeof(magic));

    if (ret == 0 && memcmp(magic, "KDMV", 4) == 0) {
        v->text = vmdk_embedded_text(file, &v->text_offset, error);
        return !error || !*error;
    }
    if (ret == 0 && memcmp(magic, "COWD", 4) == 0) {
        set_error(error, "%s: sparse extents of ESX (COWD) are not supported", file->filename);
        return false;
    }
    if (!block_bound_one(file->filename, "size of the descriptor", file->size, 1, VMDK_MAX_TEXT,
                         error)) {
        return false;
    }
    v->text = g_malloc0(file->size + 1);
    ret = block_node_read(file, 0, v->text, file->size);
    if (ret) {
        set_error(error, "%s: cannot read the descriptor: %s", file->filename, g_strerror(-ret));
    } else if (!strstr(v->text, "# Disk DescriptorFile") && !strstr(v->text, "createType")) {
        set_error(error, "Image not in VMDK format");
        ret = -EINVAL;
    }
    return ret == 0;
}

/* A sparse extent that is opened by itself. */
static bool open_lone_extent(struct vmdk *v, GError **error)
{
    struct vmdk_extent *e = g_new0(struct vmdk_extent, 1);

    e->kind = VMDK_SPARSE;
    e->file = v->m.node.file;
    g_ptr_array_add(v->extents, e);
    v->create_type = g_strdup("monolithicSparse");
    v->parent_cid = VMDK_NO_PARENT;
    v->cid_changed = true; /* there is none to change */
    if (!vmdk_sparse_open(e, error)) {
        return false;
    }
    v->m.node.size = e->bytes;
    return true;
}

static bool vmdk_open(struct block_node *node, const struct block_open_options *o, GError **error)
{
    struct vmdk *v = (struct vmdk *)node;
    g_autoptr(GError) local = NULL;

    v->extents = g_ptr_array_new_with_free_func(extent_free);
    mapped_init(&v->m, &vmdk_ops, VMDK_GRAIN);
    if (!read_text(v, &local) ||
        !(v->text ? parse_descriptor(v, o, &local) : open_lone_extent(v, &local))) {
        g_propagate_error(error, g_steal_pointer(&local));
        return false;
    }
    node->read_only = node->file->read_only;
    v->m.cluster = 0;
    for (unsigned i = 0; i < v->extents->len; i++) {
        const struct vmdk_extent *e = g_ptr_array_index(v->extents, i);

        if (e->kind == VMDK_ZERO || (e->kind == VMDK_SPARSE && e->compressed)) {
            node->read_only = true;
        }
        if (e->kind != VMDK_SPARSE) {
            continue;
        }
        /* Clusters are those of the disk: extents begin at a grain and have grains of one size. */
        if ((v->m.cluster && v->m.cluster != e->grain) || e->start % e->grain) {
            node->read_only = true;
        }
        v->m.cluster = e->grain;
    }
    v->m.cluster = v->m.cluster ? v->m.cluster : VMDK_GRAIN;
    return true;
}

static bool vmdk_set_read_only(struct block_node *node, bool read_only, GError **error)
{
    struct vmdk *v = (struct vmdk *)node;

    for (unsigned i = 0; i < v->extents->len; i++) {
        struct vmdk_extent *e = g_ptr_array_index(v->extents, i);

        if (e->owned && e->file && !block_node_set_read_only(e->file, read_only, error)) {
            return false;
        }
        if (!read_only && (e->kind == VMDK_ZERO || e->compressed)) {
            set_error(error, "'%s': images of type %s cannot be written", node->filename,
                      v->create_type);
            return false;
        }
    }
    return true;
}

static void vmdk_close(struct block_node *node)
{
    struct vmdk *v = (struct vmdk *)node;

    mapped_finish(&v->m);
    if (v->extents) {
        g_ptr_array_unref(v->extents);
    }
    g_free(v->text);
    g_free(v->create_type);
}

/* Transfers ------------------------------------------------------------------------------------- */

/* The content's id changes before the content does, so that children see that their parent did. */
static int change_cid(struct vmdk *v)
{
    const char *at = v->text ? strstr(v->text, "\nCID=") : NULL;
    char digits[9];
    int ret = 0;

    pthread_mutex_lock(&v->m.mutex);
    if (!v->cid_changed) {
        v->cid_changed = true;
        if (at && strspn(at + 5, "0123456789abcdefABCDEF") == 8) {
            v->cid = g_random_int();
            snprintf(digits, sizeof(digits), "%08x", v->cid);
            ret = block_node_write(v->m.node.file, v->text_offset + (uint64_t)(at + 5 - v->text),
                                   digits, 8);
        }
    }
    pthread_mutex_unlock(&v->m.mutex);
    return ret;
}

static int vmdk_write(struct block_node *node, uint64_t offset, const struct iovec *iov, int n)
{
    struct vmdk *v = (struct vmdk *)node;
    int ret = __atomic_load_n(&v->cid_changed, __ATOMIC_RELAXED) ? 0 : change_cid(v);

    return ret ? ret : mapped_write(node, offset, iov, n);
}

static int vmdk_write_zeroes(struct block_node *node, uint64_t offset, uint64_t bytes,
                             unsigned flags)
{
    struct vmdk *v = (struct vmdk *)node;
    int ret = __atomic_load_n(&v->cid_changed, __ATOMIC_RELAXED) ? 0 : change_cid(v);

    return ret ? ret : mapped_write_zeroes(node, offset, bytes, flags);
}

static int vmdk_flush(struct block_node *node)
{
    struct vmdk *v = (struct vmdk *)node;
    int ret = block_node_flush(node->file);

    for (unsigned i = 0; ret == 0 && i < v->extents->len; i++) {
        const struct vmdk_extent *e = g_ptr_array_index(v->extents, i);

        ret = e->owned && e->file ? block_node_flush(e->file) : 0;
    }
    return ret;
}

/* Information ----------------------------------------------------------------------------------- */

static int64_t vmdk_allocated(struct block_node *node)
{
    struct vmdk *v = (struct vmdk *)node;
    int64_t sum = block_node_allocated(node->file);

    for (unsigned i = 0; sum >= 0 && i < v->extents->len; i++) {
        const struct vmdk_extent *e = g_ptr_array_index(v->extents, i);
        int64_t bytes = e->owned && e->file ? block_node_allocated(e->file) : 0;

        sum = bytes < 0 ? -1 : sum + bytes;
    }
    return sum;
}

static int vmdk_info(struct block_node *node, struct block_image_info *out,
                     struct block_info_row *specific)
{
    struct vmdk *v = (struct vmdk *)node;
    struct block_info_row *list;
    bool sparse = false;

    block_info_uint(specific, "cid", v->cid);
    block_info_uint(specific, "parent-cid", v->parent_cid);
    block_info_string(specific, "create-type", v->create_type);
    list = block_info_list(specific, "extents");
    for (unsigned i = 0; i < v->extents->len; i++) {
        const struct vmdk_extent *e = g_ptr_array_index(v->extents, i);
        struct block_info_row *row = block_info_tree(list, NULL);

        if (e->compressed) {
            block_info_bool(row, "compressed", true);
        }
        block_info_uint(row, "virtual-size", e->bytes);
        block_info_string(row, "filename", e->file ? e->file->filename : "");
        if (e->kind == VMDK_SPARSE) {
            block_info_uint(row, "cluster-size", e->grain);
        }
        block_info_string(row, "format", e->owned && e->type ? e->type : "");
        sparse |= e->kind == VMDK_SPARSE;
        out->compressed |= e->compressed;
    }
    out->cluster_size = sparse ? v->m.cluster : 0;
    out->unallocated_is_zero = !node->backing_name;
    return 0;
}

static int vmdk_probe(const uint8_t head[BLOCK_PROBE_BYTES], const char *filename)
{
    static const char title[] = "# Disk DescriptorFile";

    (void)filename;
    if (memcmp(head, "KDMV", 4) == 0 || memcmp(head, "COWD", 4) == 0) {
        return 100;
    }
    return g_ascii_strncasecmp((const char *)head, title, sizeof(title) - 1) == 0 ? 100 : 0;
}

const struct block_driver block_vmdk = {
    .name = "vmdk",
    .summary = "VMware's image",
    .size = sizeof(struct vmdk),
    .probe = vmdk_probe,
    .create_options = vmdk_create_rows,
    .open = vmdk_open,
    .close = vmdk_close,
    .set_read_only = vmdk_set_read_only,
    .create = vmdk_create,
    .read = mapped_read,
    .write = vmdk_write,
    .write_zeroes = vmdk_write_zeroes,
    .flush = vmdk_flush,
    .status = mapped_status,
    .allocated = vmdk_allocated,
    .info = vmdk_info,
};
