/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_gpu_commands.c: the driver's commands, one row each.  Source: VIRTIO 1.2, 5.7.6.
 * Invariants and thread: virtio_gpu.h.
 */
#include <string.h>
#include "hw/display/virtio_gpu.h"
#include "util/log.h"

/* clang-format off */
enum { HEADER = 24, FLAG_FENCE = 1 };
enum {                          /* types */
    CMD_GET_DISPLAY_INFO = 0x100, CMD_CREATE_2D = 0x101, CMD_UNREF = 0x102, CMD_SET_SCANOUT = 0x103, CMD_FLUSH = 0x104,
    CMD_TRANSFER = 0x105, CMD_ATTACH_BACKING = 0x106, CMD_DETACH_BACKING = 0x107, CMD_GET_EDID = 0x10a,
    CMD_UPDATE_CURSOR = 0x300, CMD_MOVE_CURSOR = 0x301,
};
/* clang-format on */
#define EDID_ROOM 1024u

/* A command as it came, and where its answer goes. */
struct command {
    uint8_t in[GPU_COMMAND_MAX];
    const struct virtio_element *e;
    uint8_t *reply;
    size_t reply_len;
};

static uint64_t field(const struct command *c, unsigned off, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, c->in + off, size);
    return GUINT64_FROM_LE(v);
}

static uint32_t u32(const struct command *c, unsigned off)
{
    return (uint32_t)field(c, off, 4);
}

static struct gpu_rect rect_at(const struct command *c, unsigned off)
{
    return (struct gpu_rect){ u32(c, off), u32(c, off + 4), u32(c, off + 8), u32(c, off + 12) };
}

static void put32(uint8_t *to, uint32_t v)
{
    v = GUINT32_TO_LE(v);
    memcpy(to, &v, 4);
}

void virtio_gpu_wanted(const struct virtio_gpu *g, unsigned n, struct edid_info *info)
{
    *info = g->monitor;
    if (g->scanouts[n].want_x) {
        info->xres = g->scanouts[n].want_x;
        info->yres = g->scanouts[n].want_y;
    }
}

/* A screen is on when it is the first, or a viewer has asked for a size. */
static enum gpu_result get_display_info(struct virtio_gpu *g, struct command *c)
{
    for (unsigned i = 0; i < GPU_SCANOUTS; i++) {
        uint8_t *mode = c->reply + HEADER + (size_t)i * 24;
        struct edid_info info;

        memset(mode, 0, 24);
        if (i < g->max_outputs) {
            virtio_gpu_wanted(g, i, &info);
            put32(mode + 8, info.xres);
            put32(mode + 12, info.yres);
            put32(mode + 16, i == 0 || g->scanouts[i].want_x);
        }
    }
    c->reply_len = HEADER + GPU_SCANOUTS * 24;
    return GPU_OK_DISPLAY_INFO;
}

static enum gpu_result get_edid(struct virtio_gpu *g, struct command *c)
{
    uint32_t n = u32(c, 24);
    struct edid_info info;

    if (n >= g->max_outputs || !g->edid) {
        return GPU_INVALID_PARAMETER;
    }
    virtio_gpu_wanted(g, n, &info);
    memset(c->reply + HEADER, 0, 8 + EDID_ROOM);
    put32(c->reply + HEADER, EDID_SIZE);
    edid_generate(c->reply + HEADER + 8, &info);
    c->reply_len = HEADER + 8 + EDID_ROOM;
    return GPU_OK_EDID;
}

static enum gpu_result create_2d(struct virtio_gpu *g, struct command *c)
{
    return gpu_resource_create(g, u32(c, 24), u32(c, 28), u32(c, 32), u32(c, 36));
}

static enum gpu_result unref(struct virtio_gpu *g, struct command *c)
{
    struct gpu_resource *r = gpu_resource_find(g, u32(c, 24));

    if (!r) {
        return GPU_INVALID_RESOURCE;
    }
    gpu_resource_destroy(g, r);
    return GPU_OK;
}

static enum gpu_result set_scanout(struct virtio_gpu *g, struct command *c)
{
    struct gpu_rect rect = rect_at(c, 24);
    uint32_t n = u32(c, 40), id = u32(c, 44);
    const struct gpu_resource *r = gpu_resource_find(g, id);

    if (n >= g->max_outputs) {
        return GPU_INVALID_SCANOUT;
    }
    if (id == 0) {
        gpu_scanout_set(&g->scanouts[n], 0, NULL);
        return GPU_OK;
    }
    if (!r) {
        return GPU_INVALID_RESOURCE;
    }
    if (!gpu_rect_within(&rect, r->width, r->height) || rect.width < 16 || rect.height < 16) {
        return GPU_INVALID_PARAMETER;
    }
    g->active = true;
    gpu_scanout_set(&g->scanouts[n], id, &rect);
    return GPU_OK;
}

static enum gpu_result flush(struct virtio_gpu *g, struct command *c)
{
    struct gpu_rect rect = rect_at(c, 24);
    const struct gpu_resource *r = gpu_resource_find(g, u32(c, 40));

    if (!r) {
        return GPU_INVALID_RESOURCE;
    }
    if (!gpu_rect_within(&rect, r->width, r->height)) {
        return GPU_INVALID_PARAMETER;
    }
    for (unsigned i = 0; i < g->max_outputs; i++) {
        if (g->scanouts[i].resource == r->id) {
            gpu_scanout_flush(&g->scanouts[i], &rect);
        }
    }
    return GPU_OK;
}

static enum gpu_result transfer(struct virtio_gpu *g, struct command *c)
{
    struct gpu_rect rect = rect_at(c, 24);
    struct gpu_resource *r = gpu_resource_find(g, u32(c, 48));

    return r ? gpu_resource_transfer(g, r, &rect, field(c, 40, 8)) : GPU_INVALID_RESOURCE;
}

/* The entries follow the command: address, length, padding. */
static enum gpu_result attach_backing(struct virtio_gpu *g, struct command *c)
{
    struct gpu_resource *r = gpu_resource_find(g, u32(c, 24));
    uint32_t n = u32(c, 28);
    struct gpu_entry *entries;

    if (!r) {
        return GPU_INVALID_RESOURCE;
    }
    if (n > GPU_MAX_ENTRIES || c->e->out.bytes < 32 + (uint64_t)n * 16) {
        return GPU_UNSPEC;
    }
    entries = g_new0(struct gpu_entry, n);
    for (uint32_t done = 0, at_once; done < n; done += at_once) {
        uint8_t raw[64][16];

        at_once = MIN(n - done, (uint32_t)G_N_ELEMENTS(raw));
        dma_list_read(&c->e->out, 32 + (uint64_t)done * 16, raw, at_once * sizeof(raw[0]));
        for (uint32_t i = 0; i < at_once; i++) {
            memcpy(&entries[done + i].addr, raw[i], 8);
            memcpy(&entries[done + i].len, raw[i] + 8, 4);
            entries[done + i].addr = GUINT64_FROM_LE(entries[done + i].addr);
            entries[done + i].len = GUINT32_FROM_LE(entries[done + i].len);
        }
    }
    return gpu_resource_attach(g, r, entries, n);
}

static enum gpu_result detach_backing(struct virtio_gpu *g, struct command *c)
{
    struct gpu_resource *r = gpu_resource_find(g, u32(c, 24));

    if (!r) {
        return GPU_INVALID_RESOURCE;
    }
    gpu_resource_detach(g, r);
    return GPU_OK;
}

static const struct row {
    uint32_t type, size; /* size: bytes with the header */
    enum gpu_result (*run)(struct virtio_gpu *g, struct command *c);
} rows[] = {
    /* clang-format off */
    { CMD_GET_DISPLAY_INFO, 24, get_display_info },
    { CMD_CREATE_2D,        40, create_2d },
    { CMD_UNREF,            32, unref },
    { CMD_SET_SCANOUT,      48, set_scanout },
    { CMD_FLUSH,            48, flush },
    { CMD_TRANSFER,         56, transfer },
    { CMD_ATTACH_BACKING,   32, attach_backing },
    { CMD_DETACH_BACKING,   32, detach_backing },
    { CMD_GET_EDID,         32, get_edid },
    /* clang-format on */
};

static enum gpu_result run(struct virtio_gpu *g, struct command *c, size_t len)
{
    uint32_t type = u32(c, 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].type == type) {
            return len >= rows[i].size ? rows[i].run(g, c) : GPU_INVALID_PARAMETER;
        }
    }
    return GPU_UNSPEC;
}

size_t virtio_gpu_command(struct virtio_gpu *g, const struct virtio_element *e,
                          uint8_t reply[GPU_REPLY_MAX])
{
    struct command c = { .e = e, .reply = reply, .reply_len = HEADER };
    size_t len = dma_list_read(&e->out, 0, c.in, sizeof(c.in));
    enum gpu_result result = len < HEADER ? GPU_UNSPEC : run(g, &c, len);

    memset(reply, 0, HEADER);
    put32(reply, result);
    if (u32(&c, 4) & FLAG_FENCE) { /* done by now: 5.7.6.7 */
        put32(reply + 4, FLAG_FENCE);
        memcpy(reply + 8, c.in + 8, 12);
    }
    if (result >= GPU_UNSPEC) {
        log_line(LOG_GUEST_ERRORS, "%s: command 0x%x fails with 0x%x", g->v.dev->type->name,
                 u32(&c, 0), result);
    }
    return c.reply_len;
}

/* 5.7.6.10. It does not say of what the position is: Linux sends that of the picture's corner. */
void virtio_gpu_cursor(struct virtio_gpu *g, const struct virtio_element *e)
{
    struct command c = { .e = e };
    size_t len = dma_list_read(&e->out, 0, c.in, sizeof(c.in));
    uint32_t type = u32(&c, 0), n = u32(&c, 24), id = u32(&c, 40);
    struct gpu_scanout *s = &g->scanouts[n % GPU_SCANOUTS];

    if (len < 56 || n >= g->max_outputs || (type != CMD_UPDATE_CURSOR && type != CMD_MOVE_CURSOR) ||
        (type == CMD_UPDATE_CURSOR && id && !gpu_resource_find(g, id))) {
        log_line(LOG_GUEST_ERRORS,
                 "%s: cursor command 0x%x of %zu bytes for scanout %u, "
                 "resource %u",
                 g->v.dev->type->name, type, len, n, id);
        return;
    }
    if (type == CMD_UPDATE_CURSOR) {
        gpu_scanout_set_cursor(s, id, (int)MIN(u32(&c, 44), CURSOR_MAX),
                               (int)MIN(u32(&c, 48), CURSOR_MAX));
    }
    s->cursor.x = (int32_t)u32(&c, 28);
    s->cursor.y = (int32_t)u32(&c, 32);
}
