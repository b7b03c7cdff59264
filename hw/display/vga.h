/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga.h: the VGA core that every VGA-like device embeds: registers, memory, picture.
 *
 * Sources: IBM Personal System/2 Hardware Interface Technical Reference, "Video Subsystem"; Intel and
 *          S3 data books for what IBM left out; the Bochs VBE DISPI interface ("vbe_display_api").
 *
 * Video memory is one RAM block in which byte 4 * n + p is byte n of plane p.  Chain-4 memory and the
 * DISPI modes of 8 bits a pixel and more are this block as it lies: chained address A is plane A & 3,
 * byte A >> 2.
 *
 * Invariants: indices into register files are checked on every access, since they are the guest's; no
 *             access leaves vram; vbe.line, vbe.start and vbe.regs agree and fit vram while enabled.
 * Thread:     under the machine lock.
 */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/display/edid.h"
#include "softmmu/io_event.h"
#include "softmmu/machine.h"
#include "ui/surface.h"
#include "ui/text.h"

struct vga;

/* What a card adds to the core.  Each may be NULL. */
struct vga_extension {
    /* Before the core looks at a port: true: it was the card's. */
    bool (*port_read)(struct vga *v, uint16_t port, uint8_t *value);
    bool (*port_write)(struct vga *v, uint16_t port, uint8_t value);
    /* True: the card has drawn the picture. */
    bool (*update)(struct vga *v, struct surface *s, const uint32_t colours[256], bool full);
    /* True, and the size and depth: the picture is not of cells. */
    bool (*graphics)(struct vga *v, unsigned *width, unsigned *height, unsigned *bpp);
    const struct mem_ops *window; /* instead of vga_window_ops */
    bool no_dispi;                /* there are no DISPI registers */
};

#define VGA_PLANE_SIZE  0x10000u /* of the VGA proper: 256 KiB in all */
#define VGA_WINDOW_BASE 0xa0000u
#define VGA_WINDOW_SIZE 0x20000u

/* clang-format off */
enum {
    SR_CLOCKING = 1, SR_MAP_MASK = 2, SR_FONT = 3, SR_MEMORY = 4, VGA_SR = 5,
    GR_SET_RESET = 0, GR_ENABLE_SR = 1, GR_COMPARE = 2, GR_ROTATE = 3, GR_READ_MAP = 4, GR_MODE = 5,
    GR_MISC = 6, GR_DONT_CARE = 7, GR_BIT_MASK = 8, VGA_GR = 9,
    CR_H_TOTAL = 0, CR_H_END = 1, CR_V_TOTAL = 6, CR_OVERFLOW = 7, CR_PRESET_ROW = 8, CR_MAX_SCAN = 9,
    CR_CURSOR_START = 0xa, CR_CURSOR_END = 0xb, CR_START_HIGH = 0xc, CR_START_LOW = 0xd,
    CR_CURSOR_HIGH = 0xe, CR_CURSOR_LOW = 0xf, CR_V_SYNC_START = 0x10, CR_V_SYNC_END = 0x11,
    CR_V_END = 0x12, CR_OFFSET = 0x13, CR_UNDERLINE = 0x14, CR_MODE = 0x17, CR_LINE_COMPARE = 0x18,
    VGA_CR = 0x19,
    AR_MODE = 0x10, AR_OVERSCAN = 0x11, AR_PLANES = 0x12, AR_PANNING = 0x13, AR_COLOUR = 0x14,
    VGA_AR = 0x15,
};
enum { SR1_8DOTS = 0x01, SR1_HALF_CLOCK = 0x08, SR1_SCREEN_OFF = 0x20 };
enum { SR4_NO_ODD_EVEN = 0x04, SR4_CHAIN4 = 0x08 };
enum { GR5_ODD_EVEN = 0x10, GR5_INTERLEAVE = 0x20, GR5_256 = 0x40, GR5_COMPARE = 0x08 };
enum { GR6_GRAPHICS = 0x01 };
enum { CR9_DOUBLE = 0x80, CR11_PROTECT = 0x80, CR14_DWORD = 0x40, CR17_BYTE = 0x40, CR17_V_DOUBLE = 0x04 };
enum { AR10_LINE_GRAPHICS = 0x04, AR10_BLINK = 0x08, AR10_PAN_TOP = 0x20, AR10_P54S = 0x80 };
enum { AR_PAS = 0x20 };        /* of the index: the palette feeds the screen */
enum { MISC_COLOUR = 0x01, MISC_RAM = 0x02 };

enum {                          /* DISPI registers */
    VBE_ID, VBE_XRES, VBE_YRES, VBE_BPP, VBE_ENABLE, VBE_BANK, VBE_VIRT_WIDTH, VBE_VIRT_HEIGHT,
    VBE_X_OFFSET, VBE_Y_OFFSET, VBE_MEMORY_64K, VBE_REGS
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NOCLEAR = 0x80 };
#define VBE_ID_FIRST 0xb0c0u
#define VBE_ID_LAST  0xb0c5u
#define VBE_MAX_XRES 16000u
#define VBE_MAX_YRES 12000u
/* clang-format on */

struct vbe {
    uint16_t index;
    uint16_t regs[VBE_REGS];
    /* Derived: bytes of vram from row to row, and of the first pixel. */
    uint32_t line, start;
};

/* One run of I/O ports. */
struct vga_ports {
    struct mem_region mr;
    struct vga *vga;
    uint16_t first;
};
#define VGA_PORT_RANGES 6

struct vga {
    struct machine *machine;
    const char *name;   /* the device type's */
    uint32_t vgamem_mb; /* property: MiB, a power of two */
    bool edid;          /* property */
    struct edid_info monitor;
    uint32_t want_x, want_y;               /* the size that a viewer asked for; 0: none did */
    const struct vga_extension *extension; /* set before vga_init; NULL: none */
    bool hosted;     /* set before vga_init: another card's console shows it */
    bool vbe_only;   /* no VGA registers: bochs-display */
    bool big_endian; /* pixels in the linear modes, through BAR 2 */

    uint8_t misc, feature;
    uint8_t sr_index, sr[VGA_SR];
    uint8_t gr_index, gr[VGA_GR];
    uint8_t cr_index, cr[VGA_CR];
    uint8_t ar_index, ar[VGA_AR];
    bool ar_data; /* the next write to 0x3c0 is data */
    uint8_t dac_mask, dac_read_index, dac_write_index;
    uint8_t dac_sub; /* 0-2: which colour comes next */
    bool dac_reading;
    uint8_t dac_pending[3]; /* red and green until blue comes */
    uint8_t dac[256 * 3];   /* 6 bits, or 8 with VBE_8BIT_DAC */
    uint8_t latch[4];
    struct vbe vbe;

    struct mem_region vram, window;
    struct io_coalesced late; /* writes to the window */
    struct vga_ports ports[VGA_PORT_RANGES];
    struct display_console console;
    bool registered;
    bool redraw; /* something other than vram changed since the last update */
};

#define VGA_PROPS(strct, member)                                                                   \
    PROP_U32(strct, "vgamem_mb", member.vgamem_mb, 16, "video memory in MiB: a power of two"),     \
        PROP_BOOL(strct, "edid", member.edid, true, "the monitor describes itself"),               \
        EDID_PROPS(strct, member.monitor)
#define VGA_STATE(strct, member)                                                                   \
    STATE_SUB(strct, member, 1, vga_state, 1, "VGA and DISPI registers")
extern const struct state_row vga_state[];

/* vga.c: life of a core. False and *error: nothing is left behind. */
bool vga_init(struct vga *v, struct device *dev, bool vbe_only, GError **error);
void vga_destroy(struct vga *v);
void vga_reset(struct vga *v);
bool vga_post_load(struct vga *v, GError **error);
/* The window at 0xa0000 of `memory` and the ports 0x3b4-0x3da and 0x1ce-0x1d1 of the machine. */
void vga_add_legacy(struct vga *v, struct mem_region *memory);

/* vga_regs.c: byte-wide registers by their port. */
uint8_t vga_port_read(struct vga *v, uint16_t port);
void vga_port_write(struct vga *v, uint16_t port, uint8_t value);
void vga_regs_reset(struct vga *v);

/* vga_timing.c: where the beam is, by the virtual clock. */
struct vga_timing {
    int64_t frame_ns;
    unsigned line, lines; /* of the frame now, and in all */
    bool blank;           /* outside the picture */
    bool vertical_retrace;
};
void vga_timing_now(struct vga *v, struct vga_timing *t);
/* The 10-bit registers, with their bits from CR7 and CR9. */
unsigned vga_v_total(const struct vga *v);
unsigned vga_v_end(const struct vga *v);
unsigned vga_line_compare(const struct vga *v);

/* vga_mem.c: the window. */
extern const struct mem_ops vga_window_ops;

/* vbe.c */
uint16_t vbe_read(struct vga *v, unsigned reg);
void vbe_write(struct vga *v, unsigned reg, uint16_t value);
void vbe_reset(struct vga *v);
/* Makes registers that came from the guest or a stream agree with each other and with vram. */
void vbe_fix(struct vga *v);
static inline bool vbe_enabled(const struct vga *v)
{
    return v->vbe.regs[VBE_ENABLE] & VBE_ENABLED;
}
/* Enabled, and memory is pixels side by side. */
static inline bool vbe_linear(const struct vga *v)
{
    return vbe_enabled(v) && v->vbe.regs[VBE_BPP] != 4;
}
extern const struct mem_ops vbe_port_ops;

/* vga_draw.c */
void vga_update(void *opaque, struct surface *s, bool full);
/* Of the picture that the registers make, other than a linear DISPI mode. */
void vga_graphics_size(struct vga *v, unsigned *width, unsigned *height);
/* Pixels of each of the 256 DAC entries, behind the mask. */
void vga_palette(const struct vga *v, uint32_t colours[256]);
/* The DAC entry that a 4-bit value of the serializer selects. */
uint8_t vga_attribute(const struct vga *v, unsigned value);
/* The byte of each plane that the CRTC's counter and row select. */
uint32_t vga_plane_address(const struct vga *v, uint32_t counter, unsigned row);
static inline unsigned vga_start(const struct vga *v)
{
    return (unsigned)v->cr[CR_START_HIGH] << 8 | v->cr[CR_START_LOW];
}

/* What one scan line shows. */
struct vga_line {
    uint32_t counter; /* of the first character clock */
    unsigned row;     /* scan line within the character row */
    unsigned pan;     /* dots or pixels that are cut off on the left */
};
/* vga_text.c: `dots` pixels of a line; dots is a whole number of characters. */
void vga_text_line(const struct vga *v, const struct vga_line *l, const uint32_t colours[256],
                   unsigned frame, unsigned chars, uint32_t *out);
bool vga_text(void *opaque, struct text_screen *t, GError **error);
static inline unsigned vga_char_width(const struct vga *v)
{
    return v->sr[SR_CLOCKING] & SR1_8DOTS ? 8 : 9;
}

/* vbe_draw.c: the linear modes. */
void vbe_update(struct vga *v, struct surface *s, const uint32_t colours[256], bool full);

/* vga_mmio.c: BAR 2 of the PCI devices: EDID, registers, byte order. */
extern const struct mem_ops vga_mmio_ops;
/* For display_console.resize: the EDID tells the size, which a guest reads when its driver starts. */
bool vga_mmio_resize(void *opaque, unsigned width, unsigned height);
/* False and *error: what was loaded is no size of a monitor. */
bool vga_mmio_post_load(const struct vga *v, GError **error);
#define VGA_MMIO_SIZE 4096u

#endif
