/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/virtio_gpu_draw.c: what a scanout shows: the rows of its resource that the driver has flushed,
 * and its pointer.  Invariants and thread: virtio_gpu.h.
 */
#include <string.h>
#include "hw/display/virtio_gpu.h"
#include "ui/text.h"
#include "util/error.h"

/* The other card draws screen 0 as long as no driver uses this one. */
static bool is_vga(const struct gpu_scanout *s)
{
    return s->gpu->vga && !s->gpu->active && s->console.head == 0;
}

/* The size stays, as a monitor's without a signal does. */
static void draw_off(struct surface *s)
{
    g_autofree uint32_t *row = NULL;

    if (!s->pixels) {
        surface_resize(s, 640, 480);
    }
    row = g_new0(uint32_t, MAX(s->width, 1));
    for (unsigned y = 0; s->pixels && y < s->height; y++) {
        surface_put_row(s, y, row);
    }
}

static void draw_rows(const struct gpu_scanout *o, const struct gpu_resource *r, struct surface *s,
                      unsigned first, unsigned end)
{
    g_autofree uint32_t *row = g_new(uint32_t, s->width);

    for (unsigned y = first; y < end; y++) {
        const uint32_t *from = r->pixels + (size_t)(o->rect.y + y) * r->width + o->rect.x;

        for (unsigned x = 0; x < s->width; x++) {
            row[x] = from[x] & 0xffffff;
        }
        surface_put_row(s, y, row);
    }
}

static void update(void *opaque, struct surface *s, bool full)
{
    struct gpu_scanout *o = opaque;
    const struct gpu_resource *r = gpu_resource_find(o->gpu, o->resource);
    bool all = full || o->fresh || s->width != o->rect.width || s->height != o->rect.height;

    if (is_vga(o)) {
        if (!full && !o->fresh) {
            surface_clear(s); /* the VGA knows its own changes only */
        }
        o->gpu->vga->update(o->gpu->vga->opaque, s, full);
        o->fresh |= !full;
        return;
    }
    if (!r) {
        draw_off(s);
        o->fresh |= !full;
        return;
    }
    surface_resize(s, o->rect.width, o->rect.height);
    if (s->pixels) {
        draw_rows(o, r, s, all ? 0 : o->dirty_first, all ? s->height : o->dirty_end);
    }
    if (!full) {
        o->dirty_first = o->dirty_end = 0;
        o->fresh = false;
    }
}

static bool text(void *opaque, struct text_screen *t, GError **error)
{
    struct gpu_scanout *o = opaque;

    if (is_vga(o)) {
        return o->gpu->vga->text(o->gpu->vga->opaque, t, error);
    }
    text_screen_resize(t, 0, 0);
    if (!o->resource) {
        set_error(error, "the screen is blank: nobody has set a mode");
        return false;
    }
    t->width = o->rect.width;
    t->height = o->rect.height;
    set_error(error, "the screen is in a graphics mode, %ux%u with 32 bits a pixel", t->width,
              t->height);
    return false;
}

/* 5.7.5: the driver reads the display information again. */
static bool resize(void *opaque, unsigned width, unsigned height)
{
    struct gpu_scanout *o = opaque;
    struct edid_info info = { .xres = width, .yres = height };

    if (!edid_check(&info, "", NULL)) {
        return false;
    }
    if (o->want_x == width && o->want_y == height) {
        return true;
    }
    o->want_x = width;
    o->want_y = height;
    o->gpu->events |= 1;
    virtio_config_put(&o->gpu->v, 0, o->gpu->events, 4);
    virtio_config_changed(&o->gpu->v);
    return true;
}

void gpu_scanout_init(struct virtio_gpu *g, unsigned n)
{
    struct gpu_scanout *s = &g->scanouts[n];

    s->gpu = g;
    s->fresh = true;
    s->console = (struct display_console){
        .name = g->v.dev->type->name,
        .device = g->v.dev,
        .opaque = s,
        .update = update,
        .text = text,
        .resize = resize,
        .cursor = &s->cursor,
        .head = n,
    };
}

void gpu_scanout_set(struct gpu_scanout *s, uint32_t resource, const struct gpu_rect *rect)
{
    s->resource = resource;
    s->rect = rect ? *rect : (struct gpu_rect){ 0 };
    s->fresh = true;
    s->dirty_first = s->dirty_end = 0;
}

void gpu_scanout_flush(struct gpu_scanout *s, const struct gpu_rect *rect)
{
    uint64_t first = MAX(rect->y, s->rect.y);
    uint64_t end = MIN((uint64_t)rect->y + rect->height, (uint64_t)s->rect.y + s->rect.height);

    if (first >= end || rect->x >= s->rect.x + s->rect.width ||
        rect->x + rect->width <= s->rect.x) {
        return;
    }
    first -= s->rect.y;
    end -= s->rect.y;
    if (s->dirty_first == s->dirty_end) {
        s->dirty_first = (unsigned)first;
        s->dirty_end = (unsigned)end;
    } else {
        s->dirty_first = MIN(s->dirty_first, (unsigned)first);
        s->dirty_end = MAX(s->dirty_end, (unsigned)end);
    }
}

/* Of a larger resource its upper left part. */
void gpu_scanout_load_cursor(struct gpu_scanout *s)
{
    const struct gpu_resource *r = gpu_resource_find(s->gpu, s->cursor_resource);
    struct display_cursor *c = &s->cursor;

    c->serial++;
    c->visible = c->visible && r;
    if (!r) {
        return;
    }
    c->width = MIN(r->width, CURSOR_MAX);
    c->height = MIN(r->height, CURSOR_MAX);
    for (unsigned y = 0; y < c->height; y++) {
        memcpy(c->pixels + y * c->width, r->pixels + (size_t)y * r->width, c->width * 4);
    }
}

void gpu_scanout_set_cursor(struct gpu_scanout *s, uint32_t resource, int hot_x, int hot_y)
{
    s->cursor_resource = resource;
    s->cursor.hot_x = CLAMP(hot_x, 0, (int)CURSOR_MAX - 1);
    s->cursor.hot_y = CLAMP(hot_y, 0, (int)CURSOR_MAX - 1);
    s->cursor.visible = resource != 0;
    gpu_scanout_load_cursor(s);
}
