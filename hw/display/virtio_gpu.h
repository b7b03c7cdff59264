/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_gpu.h: the virtio graphics card, 2D only.  Source: VIRTIO 1.2, 5.7.
 *
 * A driver makes resources (pictures of the host's), gives each a backing of guest memory, copies parts of
 * it over, says which resource a scanout (a screen) shows and which part of it has changed.
 *
 * Invariants: a resource's pixels and backing count towards hostmem, which max_hostmem bounds;
 *             a scanout's rectangle lies within its resource, which exists: who frees a resource turns its
 *             scanouts off; no element stays in flight.
 * Thread:     under the machine lock.
 */
#ifndef HW_DISPLAY_VIRTIO_GPU_H
#define HW_DISPLAY_VIRTIO_GPU_H

#include "hw/display/edid.h"
#include "hw/virtio/virtio.h"
#include "ui/surface.h"

#define GPU_SCANOUTS    16u    /* 5.7.6.8: VIRTIO_GPU_MAX_SCANOUTS */
#define GPU_MAX_SIDE    16384u /* pixels of a resource's width or height */
#define GPU_MAX_ENTRIES 16384u /* pieces of a backing */
#define GPU_STATE_MAX   (500u << 20)

struct gpu_rect {
    uint32_t x, y, width, height;
};

/* A piece of guest memory; start: where it is in the backing. */
struct gpu_entry {
    uint64_t addr, start;
    uint32_t len;
};

struct gpu_resource {
    uint32_t id, format, width, height;
    uint32_t *pixels; /* 0xAARRGGBB */
    struct gpu_entry *entries;
    unsigned n_entries; /* 0: no backing */
    uint64_t cost;      /* of hostmem */
};

struct virtio_gpu;

struct gpu_scanout {
    struct virtio_gpu *gpu;
    struct display_console console;
    struct display_cursor cursor;
    uint32_t resource; /* 0: off */
    struct gpu_rect rect;
    uint32_t cursor_resource;
    uint32_t want_x, want_y; /* the size that a viewer asked for; 0: the properties' */
    /* Rows of the picture that were flushed since the last update; `fresh`: the whole is new. */
    unsigned dirty_first, dirty_end;
    bool fresh;
};

struct virtio_gpu {
    struct virtio_device v;
    uint32_t max_outputs; /* properties */
    uint64_t max_hostmem; /* bytes */
    bool edid, blob;
    struct edid_info monitor;
    uint32_t events;       /* 5.7.4: events_read */
    uint64_t hostmem;      /* bytes in use */
    GHashTable *resources; /* id -> struct gpu_resource */
    GByteArray *saved;     /* them, while they are saved or loaded */
    struct gpu_scanout scanouts[GPU_SCANOUTS];
    bool registered;
    /* A VGA shows screen 0 until a driver has turned a scanout on (virtio-vga). */
    bool active;
    struct display_console *vga;
};

extern const struct virtio_ops virtio_vga_ops; /* with the ROM that drives the VGA */

/* virtio_gpu_commands.c: answers a command of `len` bytes; the answer goes to `reply`, its length is returned. */
#define GPU_COMMAND_MAX 64u   /* bytes of a command without what follows it */
#define GPU_REPLY_MAX   1056u /* of the longest answer, an EDID */
struct virtio_element;
size_t virtio_gpu_command(struct virtio_gpu *g, const struct virtio_element *e,
                          uint8_t reply[GPU_REPLY_MAX]);
void virtio_gpu_cursor(struct virtio_gpu *g, const struct virtio_element *e);
/* The size that the screen should have. */
void virtio_gpu_wanted(const struct virtio_gpu *g, unsigned scanout, struct edid_info *info);

/* virtio_gpu_resource.c */
struct gpu_resource *gpu_resource_find(struct virtio_gpu *g, uint32_t id);
enum gpu_result { /* 5.7.6.7: answers' types */
                  GPU_OK = 0x1100,
                  GPU_OK_DISPLAY_INFO = 0x1101,
                  GPU_OK_EDID = 0x1104,
                  GPU_UNSPEC = 0x1200,
                  GPU_OUT_OF_MEMORY = 0x1201,
                  GPU_INVALID_SCANOUT = 0x1202,
                  GPU_INVALID_RESOURCE = 0x1203,
                  GPU_INVALID_PARAMETER = 0x1205,
};
enum gpu_result gpu_resource_create(struct virtio_gpu *g, uint32_t id, uint32_t format,
                                    uint32_t width, uint32_t height);
void gpu_resource_destroy(struct virtio_gpu *g, struct gpu_resource *r);
/* The caller sees to the scanouts. */
void gpu_resource_destroy_all(struct virtio_gpu *g);
/* Takes the entries, whatever the result. */
enum gpu_result gpu_resource_attach(struct virtio_gpu *g, struct gpu_resource *r,
                                    struct gpu_entry *entries, unsigned n);
void gpu_resource_detach(struct virtio_gpu *g, struct gpu_resource *r);
enum gpu_result gpu_resource_transfer(struct virtio_gpu *g, struct gpu_resource *r,
                                      const struct gpu_rect *rect, uint64_t offset);
static inline bool gpu_rect_within(const struct gpu_rect *r, uint32_t width, uint32_t height)
{
    return r->x <= width && r->y <= height && r->width <= width - r->x &&
           r->height <= height - r->y;
}
/* To and from g->saved. */
void gpu_resources_save(struct virtio_gpu *g);
bool gpu_resources_load(struct virtio_gpu *g, GError **error);

/* virtio_gpu_draw.c: a scanout's picture and pointer. */
void gpu_scanout_init(struct virtio_gpu *g, unsigned n);
void gpu_scanout_set(struct gpu_scanout *s, uint32_t resource, const struct gpu_rect *rect);
/* Part of a resource has changed. */
void gpu_scanout_flush(struct gpu_scanout *s, const struct gpu_rect *rect);
void gpu_scanout_set_cursor(struct gpu_scanout *s, uint32_t resource, int hot_x, int hot_y);
/* The pointer's picture again from its resource, after loading. */
void gpu_scanout_load_cursor(struct gpu_scanout *s);

extern const struct state_row virtio_gpu_state[];

#define VIRTIO_GPU_PROPS(strct, member)                                                            \
    PROP_U32(strct, "max_outputs", member.max_outputs, 1, "screens: 1 to 16"),                     \
        PROP_SIZE(strct, "max_hostmem", member.max_hostmem, 256u << 20,                            \
                  "bytes of the host's that the driver's pictures may take"),                      \
        PROP_BOOL(strct, "edid", member.edid, true, "the monitor describes itself"),               \
        PROP_BOOL(strct, "blob", member.blob, false, "must be off: there are no blob resources"),  \
        PROP_U32(strct, "xres", member.monitor.xres, 1280, "width of the screens at first"),       \
        PROP_U32(strct, "yres", member.monitor.yres, 800, "height of the screens at first")
#define VIRTIO_GPU_STATE(strct, member)                                                            \
    STATE_SUB(strct, member, 1, virtio_gpu_state, 1, "graphics card")

#endif
