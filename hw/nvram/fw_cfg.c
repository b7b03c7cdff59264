/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/nvram/fw_cfg.c: see fw_cfg.h.  A selector at port 0x510, bytes at 0x511, and requests by DMA
 * through 0x514.
 *
 * Invariants: what is not there has no bytes, and bytes beyond an item's end read as 0; the
 *             directory is an item like others, made anew when a file comes.
 * Thread:     under the machine lock.
 */
#include "hw/nvram/fw_cfg.h"

#include <inttypes.h>
#include <string.h>
#include "hw/nvram/boot_order.h"
#include "util/error.h"
#include "util/log.h"

#define KEY_WRITE 0x4000u /* a bit of the selector that does not name an item */
#define ID_PORTS  1u
#define ID_DMA    2u
/* DMA control word */
enum dma_control { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

static const char dma_signature[] = "QEMU CFG";

struct fw_cfg *fw_cfg_find(struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == &fw_cfg_type && dev->realized) {
            return (struct fw_cfg *)dev;
        }
    }
    return NULL;
}

/* Items --------------------------------------------------------------------------------------- */

void fw_cfg_set(struct fw_cfg *s, uint16_t key, GBytes *data)
{
    g_hash_table_insert(s->items, GUINT_TO_POINTER(key), data);
}

static GBytes *bytes_of_int(uint64_t value, unsigned size)
{
    uint64_t le = GUINT64_TO_LE(value);

    return g_bytes_new(&le, size);
}

void fw_cfg_set_int(struct fw_cfg *s, uint16_t key, uint64_t value, unsigned size)
{
    fw_cfg_set(s, key, bytes_of_int(value, size));
}

static void file_clear(gpointer p)
{
    struct fw_cfg_file *f = p;

    g_free(f->name);
    g_clear_pointer(&f->data, g_bytes_unref);
}

static struct fw_cfg_file *file_at(const struct fw_cfg *s, unsigned i)
{
    return i < s->files->len ? &g_array_index(s->files, struct fw_cfg_file, i) : NULL;
}

/* The directory: a count, then 64 bytes a file; numbers are big-endian. */
static void update_directory(struct fw_cfg *s)
{
    GByteArray *dir = g_byte_array_new();
    uint32_t count = GUINT32_TO_BE(s->files->len);

    g_byte_array_append(dir, (const uint8_t *)&count, 4);
    for (unsigned i = 0; i < s->files->len; i++) {
        const struct fw_cfg_file *f = file_at(s, i);
        uint8_t row[64] = { 0 };
        uint32_t size = GUINT32_TO_BE(f->len);
        uint16_t key = GUINT16_TO_BE(FW_CFG_FILE_FIRST + i);

        memcpy(row, &size, 4);
        memcpy(row + 4, &key, 2);
        memcpy(row + 8, f->name, strlen(f->name));
        g_byte_array_append(dir, row, sizeof(row));
    }
    fw_cfg_set(s, FW_CFG_FILE_DIR, g_byte_array_free_to_bytes(dir));
}

static struct fw_cfg_file *find_file(const struct fw_cfg *s, const char *name)
{
    for (unsigned i = 0; i < s->files->len; i++) {
        if (strcmp(file_at(s, i)->name, name) == 0) {
            return file_at(s, i);
        }
    }
    return NULL;
}

static bool add_file(struct fw_cfg *s, const struct fw_cfg_file *like, GError **error)
{
    struct fw_cfg_file f = *like;
    size_t len = strlen(f.name);

    if (len == 0 || len > FW_CFG_NAME_MAX) {
        set_error(error, "fw_cfg: the name '%s' has %zu characters, must have 1 to %u", f.name, len,
                  FW_CFG_NAME_MAX);
        return false;
    }
    if (find_file(s, f.name)) {
        set_error(error, "fw_cfg: there is a file '%s' already", f.name);
        return false;
    }
    if (s->files->len == FW_CFG_FILES_MAX) {
        set_error(error, "fw_cfg: no room for '%s': there are %u files already", f.name,
                  FW_CFG_FILES_MAX);
        return false;
    }
    f.name = g_strdup(f.name);
    if (f.data) {
        f.data = g_bytes_ref(f.data);
    }
    g_array_append_val(s->files, f);
    update_directory(s);
    return true;
}

bool fw_cfg_add_file(struct fw_cfg *s, const char *name, GBytes *data, GError **error)
{
    struct fw_cfg_file f = { .name = (char *)name, .data = data };
    size_t size = g_bytes_get_size(data);
    bool ok = size <= UINT32_MAX;

    f.len = (uint32_t)size;
    if (ok) {
        ok = add_file(s, &f, error);
    } else {
        set_error(error, "fw_cfg: '%s' has %zu bytes, must be less than 4 GiB", name, size);
    }
    g_bytes_unref(data);
    return ok;
}

bool fw_cfg_add_file_int(struct fw_cfg *s, const char *name, uint64_t value, unsigned size,
                         GError **error)
{
    return fw_cfg_add_file(s, name, bytes_of_int(value, size), error);
}

bool fw_cfg_replace_file(struct fw_cfg *s, const char *name, GBytes *data, GError **error)
{
    struct fw_cfg_file *f = find_file(s, name);

    if (!f || f->buf) {
        return fw_cfg_add_file(s, name, data, error);
    }
    g_bytes_unref(f->data);
    f->data = data;
    f->len = (uint32_t)g_bytes_get_size(data);
    update_directory(s);
    return true;
}

bool fw_cfg_add_writable(struct fw_cfg *s, const char *name, uint8_t *buf, uint32_t len,
                         void (*written)(void *opaque), void *opaque, GError **error)
{
    struct fw_cfg_file f = {
        .name = (char *)name,
        .buf = buf,
        .len = len,
        .writable = true,
        .written = written,
        .opaque = opaque,
    };

    return add_file(s, &f, error);
}

bool fw_cfg_add_answer(struct fw_cfg *s, const char *name, uint8_t *buf, uint32_t len,
                       void (*selected)(void *opaque), void *opaque, GError **error)
{
    struct fw_cfg_file f = {
        .name = (char *)name, .buf = buf, .len = len, .selected = selected, .opaque = opaque
    };

    return add_file(s, &f, error);
}

/* Access -------------------------------------------------------------------------------------- */

static uint16_t selected_key(const struct fw_cfg *s)
{
    return s->key & (uint16_t)~KEY_WRITE;
}

/* NULL: it is no file. */
static const struct fw_cfg_file *selected_file(const struct fw_cfg *s)
{
    uint16_t key = selected_key(s);

    return key >= FW_CFG_FILE_FIRST ? file_at(s, key - FW_CFG_FILE_FIRST) : NULL;
}

/* What is selected; NULL and *len 0: nothing. */
static const uint8_t *selected(struct fw_cfg *s, size_t *len)
{
    const struct fw_cfg_file *f = selected_file(s);
    GBytes *data = f ? f->data : g_hash_table_lookup(s->items, GUINT_TO_POINTER(selected_key(s)));

    *len = 0;
    if (f && f->buf) {
        *len = f->len;
        return f->buf;
    }
    return data ? g_bytes_get_data(data, len) : NULL;
}

static void select_item(struct fw_cfg *s, uint16_t key)
{
    const struct fw_cfg_file *f;
    size_t len;

    s->key = key;
    s->offset = 0;
    f = selected_file(s);
    if (f && f->selected) {
        f->selected(f->opaque);
    }
    if (!selected(s, &len)) {
        log_line(LOG_UNIMP, "fw_cfg: item 0x%04x is not there", key);
    }
}

/* Bytes left of the item. */
static const uint8_t *item_rest(struct fw_cfg *s, size_t *len)
{
    size_t all;
    const uint8_t *data = selected(s, &all);

    *len = s->offset < all ? all - s->offset : 0;
    return *len ? data + s->offset : NULL;
}

static uint64_t ports_read(void *opaque, uint64_t off, unsigned size)
{
    struct fw_cfg *s = opaque;
    const uint8_t *data;
    size_t len;

    if (off != 1 || size != 1) {
        return 0; /* the selector is write-only */
    }
    data = item_rest(s, &len);
    if (!data) {
        return 0;
    }
    s->offset++;
    return *data;
}

static void ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    if (off == 0) {
        select_item(opaque, (uint16_t)value);
    } else {
        log_line(LOG_GUEST_ERRORS, "fw_cfg: write of 0x%02x (%u bytes) to the data port",
                 (unsigned)value, size);
    }
}

/* Reads into guest memory; bytes beyond the item are 0.  False: there is no such memory. */
static bool dma_read(struct fw_cfg *s, uint64_t addr, uint32_t count)
{
    static const uint8_t zeroes[4096];
    struct address_space *as = &s->dev.machine->memory;
    size_t len;
    const uint8_t *data = item_rest(s, &len);
    uint32_t n = (uint32_t)MIN(len, count);

    if (n && !address_space_write(as, addr, data, n)) {
        return false;
    }
    s->offset += n;
    for (addr += n, count -= n; count; addr += n, count -= n) {
        n = MIN(count, sizeof(zeroes));
        if (!address_space_write(as, addr, zeroes, n)) {
            return false;
        }
    }
    return true;
}

/* Only files that have somewhere to write to take it, and only within their size. */
static bool dma_write(struct fw_cfg *s, uint64_t addr, uint32_t count)
{
    const struct fw_cfg_file *f = selected_file(s);

    if (!f || !f->writable || s->offset > f->len || count > f->len - s->offset) {
        return false;
    }
    if (!address_space_read(&s->dev.machine->memory, addr, f->buf + s->offset, count)) {
        return false;
    }
    s->offset += count;
    if (f->written) {
        f->written(f->opaque);
    }
    return true;
}

static void dma_request(struct fw_cfg *s, uint64_t at)
{
    struct address_space *as = &s->dev.machine->memory;
    uint8_t request[16];
    uint32_t control, count, result = 0;
    uint64_t addr;
    bool ok = true;

    if (!address_space_read(as, at, request, sizeof(request))) {
        log_line(LOG_GUEST_ERRORS, "fw_cfg: no DMA request at 0x%" PRIx64, at);
        return;
    }
    memcpy(&control, request, 4);
    memcpy(&count, request + 4, 4);
    memcpy(&addr, request + 8, 8);
    control = GUINT32_FROM_BE(control);
    count = GUINT32_FROM_BE(count);
    addr = GUINT64_FROM_BE(addr);
    if (control & DMA_SELECT) {
        select_item(s, (uint16_t)(control >> 16));
    }
    if (control & DMA_READ) {
        ok = dma_read(s, addr, count);
    } else if (control & DMA_WRITE) {
        ok = dma_write(s, addr, count);
    } else if (control & DMA_SKIP) {
        size_t rest;

        item_rest(s, &rest);
        s->offset += (uint32_t)MIN(rest, count);
    }
    if (!ok) {
        log_line(LOG_GUEST_ERRORS,
                 "fw_cfg: DMA of item 0x%04x failed: %u bytes at 0x%" PRIx64 ", control 0x%x",
                 s->key, count, addr, control);
        result = GUINT32_TO_BE(DMA_ERROR);
    }
    address_space_write(as, at, &result, 4);
}

static uint64_t dma_ports_read(void *opaque, uint64_t off, unsigned size)
{
    uint64_t v = 0;

    (void)opaque;
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)(uint8_t)dma_signature[(off + i) & 7] << (8 * i);
    }
    return v;
}

/* The address is big-endian, its lower half starts the request. */
static void dma_ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct fw_cfg *s = opaque;
    uint32_t half = GUINT32_SWAP_LE_BE((uint32_t)value);
    uint64_t high = s->dma_high;

    if (size != 4) {
        log_line(LOG_GUEST_ERRORS, "fw_cfg: write of %u bytes to the DMA port, must be 4", size);
    } else if (off == 0) {
        s->dma_high = half;
    } else {
        s->dma_high = 0;
        dma_request(s, high << 32 | half);
    }
}

static const struct mem_ops ports_ops = {
    .read = ports_read, .write = ports_write, .min_size = 1, .max_size = 2
};
static const struct mem_ops dma_ports_ops = {
    .read = dma_ports_read, .write = dma_ports_write, .min_size = 1, .max_size = 4
};

static bool fw_cfg_realize(struct device *dev, GError **error)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    (void)error;
    s->items = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    s->files = g_array_new(FALSE, FALSE, sizeof(struct fw_cfg_file));
    g_array_set_clear_func(s->files, file_clear);
    fw_cfg_set(s, FW_CFG_SIGNATURE, g_bytes_new_static("QEMU", 4));
    fw_cfg_set_int(s, FW_CFG_ID, ID_PORTS | ID_DMA, 4);
    boot_order_init(s);
    update_directory(s);
    mem_region_init_mmio(&s->ports, dev->machine, "fwcfg", &ports_ops, s, 2);
    mem_region_add(&dev->machine->system_io, FW_CFG_PORT, &s->ports, 0);
    mem_region_init_mmio(&s->dma_ports, dev->machine, "fwcfg.dma", &dma_ports_ops, s, 8);
    mem_region_add(&dev->machine->system_io, FW_CFG_DMA_PORT, &s->dma_ports, 0);
    return true;
}

static void fw_cfg_reset(struct device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    s->key = 0;
    s->offset = s->dma_high = 0;
}

static void fw_cfg_unrealize(struct device *dev)
{
    struct fw_cfg *s = (struct fw_cfg *)dev;

    mem_region_destroy(&s->ports);
    mem_region_destroy(&s->dma_ports);
    boot_order_destroy(s);
    g_array_unref(s->files);
    g_hash_table_unref(s->items);
}

static const struct state_row fw_cfg_state[] = {
    STATE_INT(struct fw_cfg, key, 1, "selected item"),
    STATE_INT(struct fw_cfg, offset, 1, "bytes of it that were read"),
    STATE_INT(struct fw_cfg, dma_high, 1, "upper half of the next DMA request's address"),
    { 0 },
};

const struct device_type fw_cfg_type = {
    .name = "fw_cfg_io",
    .summary = "what the machine tells its firmware",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct fw_cfg),
    .state = fw_cfg_state,
    .realize = fw_cfg_realize,
    .reset = fw_cfg_reset,
    .unrealize = fw_cfg_unrealize,
};
