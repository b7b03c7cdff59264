/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/ramfb.c: a screen in guest memory, which firmware describes by the fw_cfg file "etc/ramfb".
 *
 * Source:     QEMU's documentation of ramfb; pixel formats: Linux's drm_fourcc.h.
 * Invariants: a mode is taken only whole; the memory is looked up for each picture, and may be gone.
 * Thread:     under the machine lock.
 */
#include <inttypes.h>
#include <string.h>
#include "hw/display/linear.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"
#include "ui/text.h"
#include "util/error.h"
#include "util/log.h"

#define ROM_NAME "vgabios-ramfb.bin" /* draws for programs that only know a BIOS */
#define MAX_SIDE 16384u

/* The file, big-endian. */
struct description {
    uint64_t addr;
    uint32_t fourcc, flags, width, height, stride;
} __attribute__((packed));

struct ramfb {
    struct device dev;
    struct display_console console;
    uint8_t file[sizeof(struct description)];
    /* The mode; width 0: none yet. */
    uint64_t addr;
    uint32_t bpp, width, height, stride;
    bool fresh;
};

#define FOURCC(a, b, c, d)                                                                         \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static const struct {
    uint32_t fourcc;
    uint8_t bpp;
} formats[] = {
    { FOURCC('X', 'R', '2', '4'), 32 }, { FOURCC('A', 'R', '2', '4'), 32 },
    { FOURCC('R', 'G', '2', '4'), 24 }, { FOURCC('R', 'G', '1', '6'), 16 },
    { FOURCC('X', 'R', '1', '5'), 15 },
};

static unsigned bpp_of(uint32_t fourcc)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        if (formats[i].fourcc == fourcc) {
            return formats[i].bpp;
        }
    }
    return 0;
}

static bool bpp_known(uint32_t bpp)
{
    bool known = false;

    for (unsigned i = 0; i < G_N_ELEMENTS(formats); i++) {
        known |= formats[i].bpp == bpp;
    }
    return known;
}

static bool mode_valid(uint32_t bpp, uint32_t width, uint32_t height, uint32_t stride)
{
    return bpp_known(bpp) && width && height && width <= MAX_SIDE && height <= MAX_SIDE &&
           stride >= width * ((bpp + 7) / 8);
}

/* Firmware wrote the file. */
static void written(void *opaque)
{
    struct ramfb *s = opaque;
    struct description d;
    uint32_t bpp, stride;

    memcpy(&d, s->file, sizeof(d));
    bpp = bpp_of(GUINT32_FROM_BE(d.fourcc));
    stride = GUINT32_FROM_BE(d.stride);
    d.width = GUINT32_FROM_BE(d.width);
    d.height = GUINT32_FROM_BE(d.height);
    if (stride == 0 && d.width <= MAX_SIDE) {
        stride = d.width * ((bpp + 7) / 8);
    }
    if (!mode_valid(bpp, d.width, d.height, stride)) {
        log_line(LOG_GUEST_ERRORS, "ramfb: no mode: %ux%u, format 0x%08x, %u bytes a row", d.width,
                 d.height, GUINT32_FROM_BE(d.fourcc), stride);
        return;
    }
    s->addr = GUINT64_FROM_BE(d.addr);
    s->bpp = bpp;
    s->width = d.width;
    s->height = d.height;
    s->stride = stride;
    s->fresh = true;
}

/* Where the picture lies; false: not in RAM, or not in one piece. */
static bool find_picture(const struct ramfb *s, struct linear *l)
{
    const struct mem_section *at = address_space_lookup(&s->dev.machine->memory, s->addr);
    uint64_t bytes = (uint64_t)s->stride * s->height;

    if (!s->width || !at || !at->ram || bytes - 1 > at->last - s->addr) {
        return false;
    }
    *l = (struct linear){ .ram = at->ram,
                          .start = at->ram_offset + (s->addr - at->start),
                          .line = s->stride,
                          .width = s->width,
                          .height = s->height,
                          .bpp = s->bpp };
    return true;
}

static void update(void *opaque, struct surface *surface, bool full)
{
    struct ramfb *s = opaque;
    struct linear l;

    if (find_picture(s, &l)) {
        linear_update(s->dev.machine, &l, surface, NULL, s->fresh, full);
        s->fresh &= full;
    } else if (!surface->pixels) {
        surface_resize(surface, 640, 480);
    }
}

static bool text(void *opaque, struct text_screen *t, GError **error)
{
    const struct ramfb *s = opaque;

    text_screen_resize(t, 0, 0);
    t->width = s->width;
    t->height = s->height;
    if (s->width) {
        set_error(error, "the screen is in a graphics mode, %ux%u with %u bits a pixel", s->width,
                  s->height, s->bpp);
    } else {
        set_error(error, "the screen is blank: nobody has set a mode");
    }
    return false;
}

static bool add_rom(struct ramfb *s, struct fw_cfg *fw, GError **error)
{
    g_autofree char *path = pci_find_rom(s->dev.machine, ROM_NAME), *data = NULL;
    gsize len;

    if (!path) {
        log_line(LOG_DEVICE, "ramfb: there is no %s (Debian package seabios)", ROM_NAME);
        return true;
    }
    return g_file_get_contents(path, &data, &len, error) &&
           fw_cfg_add_file(fw, "vgaroms/" ROM_NAME, g_bytes_new(data, len), error);
}

static bool realize(struct device *dev, GError **error)
{
    struct ramfb *s = (struct ramfb *)dev;
    struct fw_cfg *fw = fw_cfg_find(dev->machine);

    if (!fw) {
        set_error(error, "ramfb: it needs a machine with fw_cfg, such as pc");
        return false;
    }
    if (!machine_is_starting(dev->machine)) {
        set_error(error, "ramfb: it cannot come while the machine runs: firmware sets it up");
        return false;
    }
    if (!add_rom(s, fw, error) ||
        !fw_cfg_add_writable(fw, "etc/ramfb", s->file, sizeof(s->file), written, s, error)) {
        return false;
    }
    s->console = (struct display_console){
        .name = "ramfb", .device = dev, .opaque = s, .update = update, .text = text
    };
    console_register(dev->machine, &s->console);
    return true;
}

static void reset(struct device *dev)
{
    struct ramfb *s = (struct ramfb *)dev;

    memset(s->file, 0, sizeof(s->file));
    s->addr = 0;
    s->bpp = s->width = s->height = s->stride = 0;
    s->fresh = true;
}

static void unrealize(struct device *dev)
{
    console_unregister(dev->machine, &((struct ramfb *)dev)->console);
}

static bool post_load(struct device *dev, GError **error)
{
    struct ramfb *s = (struct ramfb *)dev;

    s->fresh = true;
    if (s->width && !mode_valid(s->bpp, s->width, s->height, s->stride)) {
        set_error(error, "ramfb: %ux%u of %u bits, %u bytes a row", s->width, s->height, s->bpp,
                  s->stride);
        return false;
    }
    return true;
}

static const struct state_row state[] = {
    STATE_BUF(struct ramfb, file, 1, "etc/ramfb as it was written"),
    STATE_INT(struct ramfb, addr, 1, "guest memory of the picture"),
    STATE_INT(struct ramfb, bpp, 1, "bits of a pixel"),
    STATE_INT(struct ramfb, width, 1, "pixels; 0: no mode"),
    STATE_INT(struct ramfb, height, 1, "rows"),
    STATE_INT(struct ramfb, stride, 1, "bytes from row to row"),
    { 0 },
};

const struct device_type ramfb_type = {
    .name = "ramfb",
    .summary = "screen in guest memory, which firmware sets up",
    .bus = BUS_SYSTEM,
    .cold_only = true,
    .size = sizeof(struct ramfb),
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
