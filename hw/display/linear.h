/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/linear.h: pictures that lie in guest memory as rows of pixels.
 * Invariant: the first pixel lies in ram, and what the last row shows ends there at the latest.
 * Thread:    under the machine lock.
 */
#ifndef HW_DISPLAY_LINEAR_H
#define HW_DISPLAY_LINEAR_H

#include "softmmu/machine.h"
#include "ui/surface.h"

struct linear {
    struct ram_block *ram;
    uint64_t start, line; /* bytes: of the first pixel, and from row to row */
    unsigned width, height;
    unsigned bpp; /* 8, 15, 16, 24 or 32 */
    bool big_endian;
};

/*
 * Draws the rows that were written since the last update that was not full; all of them after `all`, or a new size.
 * colours: of 8 bits a pixel.
 */
void linear_update(struct machine *m, const struct linear *l, struct surface *s,
                   const uint32_t *colours, bool all, bool full);
/* n pixels. */
void linear_draw(unsigned bpp, const uint8_t *from, uint32_t *to, unsigned n,
                 const uint32_t *colours, bool big_endian);

#endif
