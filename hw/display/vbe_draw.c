/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/display/vbe_draw.c: the linear DISPI modes' picture.  Thread: under the machine lock. */
#include "hw/display/linear.h"
#include "hw/display/vga.h"

void vbe_update(struct vga *v, struct surface *s, const uint32_t colours[256], bool full)
{
    const struct linear l = {
        .ram = v->vram.ram,
        .start = v->vbe.start,
        .line = v->vbe.line,
        .width = v->vbe.regs[VBE_XRES],
        .height = v->vbe.regs[VBE_YRES],
        .bpp = v->vbe.regs[VBE_BPP],
        .big_endian = v->big_endian,
    };

    linear_update(v->machine, &l, s, colours, v->redraw, full);
    if (!full) {
        v->redraw = false;
    }
}
