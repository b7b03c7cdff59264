/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_gpu.c: the life of a virtio graphics card, its queues and configuration;
 * virtio-gpu-pci and virtio-gpu-device.  Source: VIRTIO 1.2, 5.7.  Invariants and thread: virtio_gpu.h.
 */
#include "hw/display/virtio_gpu.h"

#include <inttypes.h>
#include <string.h>
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

/* clang-format off */
enum { F_EDID = 1 };
enum { QUEUE_CONTROL = 0, QUEUE_CURSOR = 1 };
enum { CONFIG_EVENTS_READ = 0, CONFIG_EVENTS_CLEAR = 4, CONFIG_SCANOUTS = 8, CONFIG_CAPSETS = 12, CONFIG_SIZE = 16 };
/* clang-format on */
#define CONTROL_SIZE 64u
#define CURSOR_SIZE  16u

static bool check_properties(const struct virtio_gpu *g, GError **error)
{
    const char *name = g->v.dev->type->name;

    if (g->max_outputs < 1 || g->max_outputs > GPU_SCANOUTS) {
        set_error(error, "%s: max_outputs is %u, must be 1 to %u", name, g->max_outputs,
                  GPU_SCANOUTS);
        return false;
    }
    if (g->max_hostmem > GPU_STATE_MAX) {
        set_error(error, "%s: max_hostmem is %" PRIu64 ", must be at most %u (500M)", name,
                  g->max_hostmem, GPU_STATE_MAX);
        return false;
    }
    if (g->blob) {
        set_error(error, "%s: blob is on, must be off: blob resources are not supported", name);
        return false;
    }
    return edid_check(&g->monitor, name, error);
}

static bool gpu_realize(struct virtio_device *v, GError **error)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;

    if (!check_properties(g, error)) {
        return false;
    }
    virtio_add_queue(v, CONTROL_SIZE);
    virtio_add_queue(v, CURSOR_SIZE);
    v->offered |= (uint64_t)g->edid << F_EDID;
    virtio_config_put(v, CONFIG_SCANOUTS, g->max_outputs, 4);
    g->resources = g_hash_table_new(g_direct_hash, g_direct_equal);
    g->saved = g_byte_array_new();
    for (unsigned i = 0; i < g->max_outputs; i++) {
        gpu_scanout_init(g, i);
    }
    return true;
}

static bool gpu_plugged(struct virtio_device *v, GError **error)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;

    (void)error;
    for (unsigned i = 0; i < g->max_outputs; i++) {
        console_register(virtio_machine(v), &g->scanouts[i].console);
    }
    g->registered = true;
    return true;
}

static void gpu_unrealize(struct virtio_device *v)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;

    for (unsigned i = 0; g->registered && i < g->max_outputs; i++) {
        console_unregister(virtio_machine(v), &g->scanouts[i].console);
    }
    g->registered = false;
    g_clear_pointer(&g->resources, g_hash_table_unref);
    g_byte_array_unref(g->saved);
    g->saved = NULL;
}

/* What viewers asked for stays. */
static void gpu_reset(struct virtio_device *v)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;

    for (unsigned i = 0; i < g->max_outputs; i++) {
        struct gpu_scanout *s = &g->scanouts[i];

        gpu_scanout_set(s, 0, NULL);
        s->cursor_resource = 0;
        s->cursor.visible = false;
        s->cursor.x = s->cursor.y = s->cursor.hot_x = s->cursor.hot_y = 0;
        s->cursor.serial++;
    }
    gpu_resource_destroy_all(g);
    g->active = false;
    g->events = 0;
    virtio_config_put(v, CONFIG_EVENTS_READ, 0, 4);
}

static void gpu_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;
    uint8_t reply[GPU_REPLY_MAX];
    struct virtio_element *e;
    size_t len;

    while ((e = virtqueue_pop(vq))) {
        len = 0;
        if (vq->index == QUEUE_CURSOR) {
            virtio_gpu_cursor(g, e);
        } else {
            len = virtio_gpu_command(g, e, reply);
            len = dma_list_write(&e->in, virtio_machine(v), 0, reply, len);
        }
        virtqueue_push(e, (uint32_t)len);
    }
    virtqueue_notify(vq);
}

static void gpu_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;

    if (off == CONFIG_EVENTS_CLEAR && size == 4) {
        g->events &= ~value;
        virtio_config_put(v, CONFIG_EVENTS_READ, g->events, 4);
    }
}

static void gpu_pre_save(struct virtio_device *v)
{
    gpu_resources_save((struct virtio_gpu *)v);
}

static bool check_scanout(struct virtio_gpu *g, unsigned n, GError **error)
{
    struct gpu_scanout *s = &g->scanouts[n];
    const struct gpu_resource *r = gpu_resource_find(g, s->resource);
    struct edid_info want;

    virtio_gpu_wanted(g, n, &want);
    if ((s->resource && (!r || s->rect.width == 0 || s->rect.height == 0 ||
                         !gpu_rect_within(&s->rect, r->width, r->height))) ||
        !edid_check(&want, g->v.dev->type->name, NULL)) {
        set_error(error, "scanout %u does not fit resource %u", n, s->resource);
        return false;
    }
    s->cursor.hot_x = CLAMP(s->cursor.hot_x, 0, (int)CURSOR_MAX - 1);
    s->cursor.hot_y = CLAMP(s->cursor.hot_y, 0, (int)CURSOR_MAX - 1);
    s->fresh = true;
    gpu_scanout_load_cursor(s);
    return true;
}

static bool gpu_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_gpu *g = (struct virtio_gpu *)v;
    bool ok = gpu_resources_load(g, error);

    for (unsigned i = 0; ok && i < g->max_outputs; i++) {
        ok = check_scanout(g, i, error);
    }
    if (!ok) {
        gpu_reset(v);
    }
    virtio_config_put(v, CONFIG_EVENTS_READ, g->events, 4);
    virtio_config_put(v, CONFIG_SCANOUTS, g->max_outputs, 4);
    return ok;
}

/* clang-format off */
#define GPU_OPS(rom)                                                                               \
    {                                                                                              \
        .id = VIRTIO_ID_GPU, .modern_only = true, .romfile = rom, .config_size = CONFIG_SIZE,      \
        .realize = gpu_realize, .plugged = gpu_plugged, .unrealize = gpu_unrealize,                \
        .reset = gpu_reset, .notified = gpu_notified, .config_write = gpu_config_write,            \
        .pre_save = gpu_pre_save, .post_load = gpu_post_load,                                      \
    }
/* clang-format on */
static const struct virtio_ops virtio_gpu_ops = GPU_OPS(NULL);
const struct virtio_ops virtio_vga_ops = GPU_OPS("vgabios-virtio.bin");

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_gpu_pci {
    struct virtio_pci proxy;
    struct virtio_gpu gpu;
};
struct virtio_gpu_device {
    struct virtio_mmio_device proxy;
    struct virtio_gpu gpu;
};
G_STATIC_ASSERT(offsetof(struct virtio_gpu_pci, gpu) == offsetof(struct virtio_pci_function, v));

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &virtio_gpu_ops, 0x0380, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &virtio_gpu_ops, error);
}

/* clang-format off */
static const struct state_row scanout_state[] = {
    STATE_INT(struct gpu_scanout, resource, 1, "resource that it shows; 0: off"),
    STATE_INT(struct gpu_scanout, rect.x, 1, "part of the resource: left"),
    STATE_INT(struct gpu_scanout, rect.y, 1, "top"),
    STATE_INT(struct gpu_scanout, rect.width, 1, "width"),
    STATE_INT(struct gpu_scanout, rect.height, 1, "height"),
    STATE_INT(struct gpu_scanout, want_x, 1, "width that a viewer asked for; 0: none did"),
    STATE_INT(struct gpu_scanout, want_y, 1, "height"),
    STATE_INT(struct gpu_scanout, cursor_resource, 1, "the pointer's picture"),
    STATE_INT(struct gpu_scanout, cursor.visible, 1, "the pointer is shown"),
    STATE_INT(struct gpu_scanout, cursor.x, 1, "where its top left corner is"),
    STATE_INT(struct gpu_scanout, cursor.y, 1, ""),
    STATE_INT(struct gpu_scanout, cursor.hot_x, 1, "hot spot within the picture"),
    STATE_INT(struct gpu_scanout, cursor.hot_y, 1, ""),
    { 0 },
};
const struct state_row virtio_gpu_state[] = {
    STATE_INT(struct virtio_gpu, events, 1, "events that the driver has not cleared"),
    STATE_INT(struct virtio_gpu, active, 1, "a driver has set a mode"),
    STATE_SUB(struct virtio_gpu, scanouts, GPU_SCANOUTS, scanout_state, 1, "screens"),
    STATE_BLOB_ROW(struct virtio_gpu, saved, GPU_STATE_MAX, 1, "resources"),
    { 0 },
};
/* clang-format on */

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_gpu_pci, proxy, gpu.v),
    VIRTIO_GPU_PROPS(struct virtio_gpu_pci, gpu),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_gpu_device, gpu.v),
    VIRTIO_GPU_PROPS(struct virtio_gpu_device, gpu),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_gpu_pci, proxy, gpu.v),
    VIRTIO_GPU_STATE(struct virtio_gpu_pci, gpu),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_gpu_device, gpu.v),
    VIRTIO_GPU_STATE(struct virtio_gpu_device, gpu),
    { 0 },
};

VIRTIO_PCI_TYPE(virtio_gpu_pci_type, "virtio-gpu-pci", "virtio graphics card, 2D",
                struct virtio_gpu_pci, pci_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_gpu_device_type, "virtio-gpu-device", "virtio graphics card, 2D",
                 struct virtio_gpu_device, gpu, mmio_props, mmio_state, mmio_realize);
