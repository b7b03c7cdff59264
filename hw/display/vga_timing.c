/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_timing.c: the beam's place, worked out from the CRTC's registers and the virtual clock
 * when somebody asks: no timer runs.
 *
 * Thread: under the machine lock.
 */
#include "hw/display/vga.h"

/* A beam for registers that describe none, and for DISPI modes: 640x480 at 60 Hz. */
enum { DEFAULT_LINES = 525, DEFAULT_END = 479, DEFAULT_SYNC = 490, DEFAULT_SYNC_LINES = 2 };
enum { DEFAULT_CHARS = 100, DEFAULT_H_END = 79 };
#define DEFAULT_FRAME_NS (NS_PER_SEC / 60)

unsigned vga_v_total(const struct vga *v)
{
    uint8_t over = v->cr[CR_OVERFLOW];

    return v->cr[CR_V_TOTAL] | (over & 0x01u) << 8 | (over & 0x20u) << 4;
}

unsigned vga_v_end(const struct vga *v)
{
    uint8_t over = v->cr[CR_OVERFLOW];

    return v->cr[CR_V_END] | (over & 0x02u) << 7 | (over & 0x40u) << 3;
}

unsigned vga_line_compare(const struct vga *v)
{
    return v->cr[CR_LINE_COMPARE] | (v->cr[CR_OVERFLOW] & 0x10u) << 4 |
           (v->cr[CR_MAX_SCAN] & 0x40u) << 3;
}

static unsigned v_sync_start(const struct vga *v)
{
    uint8_t over = v->cr[CR_OVERFLOW];

    return v->cr[CR_V_SYNC_START] | (over & 0x04u) << 6 | (over & 0x80u) << 2;
}

void vga_timing_now(struct vga *v, struct vga_timing *t)
{
    static const uint32_t clocks[4] = { 25175000, 28322000, 25175000, 25175000 }; /* Hz */
    uint64_t clock = clocks[v->misc >> 2 & 3] >> (v->sr[SR_CLOCKING] & SR1_HALF_CLOCK ? 1 : 0);
    unsigned chars = v->cr[CR_H_TOTAL] + 5u, h_end = v->cr[CR_H_END];
    unsigned end = vga_v_end(v), sync = v_sync_start(v), sync_lines, in_line;
    uint64_t at;

    t->lines = vga_v_total(v) + 2;
    /* The end register holds the low 4 bits of the line at which the pulse ends. */
    sync_lines = (v->cr[CR_V_SYNC_END] - sync) & 15;
    t->frame_ns =
        (int64_t)muldiv64((uint64_t)chars * vga_char_width(v) * t->lines, NS_PER_SEC, clock);
    if (vbe_enabled(v) || end >= t->lines || sync >= t->lines || h_end >= chars || !sync_lines ||
        t->frame_ns < NS_PER_MS) {
        t->frame_ns = DEFAULT_FRAME_NS;
        t->lines = DEFAULT_LINES;
        end = DEFAULT_END;
        sync = DEFAULT_SYNC;
        sync_lines = DEFAULT_SYNC_LINES;
        chars = DEFAULT_CHARS;
        h_end = DEFAULT_H_END;
    }
    at = (uint64_t)clock_now(v->machine, CLOCK_KIND_VIRTUAL) % (uint64_t)t->frame_ns;
    t->line = (unsigned)muldiv64(at, t->lines, (uint64_t)t->frame_ns);
    in_line = (unsigned)(muldiv64(at, (uint64_t)t->lines * chars, (uint64_t)t->frame_ns) % chars);
    t->blank = t->line > end || in_line > h_end;
    t->vertical_retrace = t->line >= sync && t->line < sync + sync_lines;
}
