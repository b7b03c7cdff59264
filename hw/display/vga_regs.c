/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/display/vga_regs.c: the sequencer, the CRT controller, the graphics controller, the attribute
 * controller and the DAC, each behind an index.
 *
 * Source:     PS/2 Hardware Interface Technical Reference, "Video Subsystem".
 * Invariants: a register holds no bit outside its mask.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/display/vga.h"
#include "util/log.h"

/* clang-format off */
/* Bits that exist. */
static const uint8_t sr_mask[VGA_SR] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gr_mask[VGA_GR] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t ar_mask[VGA_AR] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0xef, 0xff, 0x3f, 0x0f, 0x0f,
};
static const uint8_t cr_mask[VGA_CR] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};
/* clang-format on */

enum { STATUS_BLANK = 0x01, STATUS_RETRACE = 0x08 };
enum { SENSE_COLOUR = 0x10 }; /* input status 0: a colour monitor loads the DAC's comparator */

void vga_regs_reset(struct vga *v)
{
    v->misc = v->feature = 0;
    v->sr_index = v->gr_index = v->cr_index = v->ar_index = 0;
    v->ar_data = false;
    memset(v->sr, 0, sizeof(v->sr));
    memset(v->gr, 0, sizeof(v->gr));
    memset(v->cr, 0, sizeof(v->cr));
    memset(v->ar, 0, sizeof(v->ar));
    memset(v->latch, 0, sizeof(v->latch));
    memset(v->dac, 0, sizeof(v->dac));
    memset(v->dac_pending, 0, sizeof(v->dac_pending));
    v->dac_mask = 0xff;
    v->dac_read_index = v->dac_write_index = v->dac_sub = 0;
    v->dac_reading = false;
}

/* Ports 0x3b0-0x3bf or 0x3d0-0x3df: one half answers, by the miscellaneous output register. */
static bool wrong_half(const struct vga *v, uint16_t port)
{
    return (port & 0xf0) == (v->misc & MISC_COLOUR ? 0xb0 : 0xd0);
}

/* DAC: three accesses an entry; the index moves on after the third. */

static uint8_t dac_read(struct vga *v)
{
    uint8_t value = v->dac[v->dac_read_index * 3 + v->dac_sub];

    v->dac_sub = (uint8_t)((v->dac_sub + 1) % 3);
    v->dac_read_index = (uint8_t)(v->dac_read_index + (v->dac_sub == 0));
    return value;
}

static void dac_write(struct vga *v, uint8_t value)
{
    bool wide = v->vbe.regs[VBE_ENABLE] & VBE_8BIT_DAC;

    v->dac_pending[v->dac_sub] = wide ? value : value & 0x3f;
    v->dac_sub = (uint8_t)((v->dac_sub + 1) % 3);
    if (v->dac_sub == 0) {
        memcpy(&v->dac[v->dac_write_index * 3], v->dac_pending, 3);
        v->dac_write_index++;
    }
}

static void cr_write(struct vga *v, uint8_t value)
{
    uint8_t *reg;

    if (v->cr_index >= VGA_CR) {
        log_line(LOG_UNIMP, "%s: write of 0x%02x to CRTC register 0x%02x", v->name, value,
                 v->cr_index);
        return;
    }
    reg = &v->cr[v->cr_index];
    if (v->cr_index <= CR_OVERFLOW && (v->cr[CR_V_SYNC_END] & CR11_PROTECT)) {
        /* Protected, but for the bit of the line compare register. */
        if (v->cr_index == CR_OVERFLOW) {
            *reg = (uint8_t)((*reg & ~0x10) | (value & 0x10));
        }
        return;
    }
    *reg = value & cr_mask[v->cr_index];
}

static void ar_write(struct vga *v, uint8_t value)
{
    unsigned index = v->ar_index & 0x1f;

    if (!v->ar_data) {
        v->ar_index = value & 0x3f;
    } else if (index < VGA_AR) {
        v->ar[index] = value & ar_mask[index];
    }
    v->ar_data = !v->ar_data;
}

static uint8_t status(struct vga *v)
{
    struct vga_timing t;

    v->ar_data = false;
    vga_timing_now(v, &t);
    return (uint8_t)((t.blank ? STATUS_BLANK : 0) | (t.vertical_retrace ? STATUS_RETRACE : 0));
}

uint8_t vga_port_read(struct vga *v, uint16_t port)
{
    uint8_t value;

    if (wrong_half(v, port)) {
        return 0xff;
    }
    if (v->extension && v->extension->port_read && v->extension->port_read(v, port, &value)) {
        return value;
    }
    switch (port) {
    case 0x3c0:
        return v->ar_index;
    case 0x3c1:
        return (v->ar_index & 0x1f) < VGA_AR ? v->ar[v->ar_index & 0x1f] : 0;
    case 0x3c2:
        return SENSE_COLOUR;
    case 0x3c4:
        return v->sr_index;
    case 0x3c5:
        return v->sr_index < VGA_SR ? v->sr[v->sr_index] : 0;
    case 0x3c6:
        return v->dac_mask;
    case 0x3c7:
        return v->dac_reading ? 3 : 0;
    case 0x3c8:
        return v->dac_write_index;
    case 0x3c9:
        return dac_read(v);
    case 0x3ca:
        return v->feature;
    case 0x3cc:
        return v->misc;
    case 0x3ce:
        return v->gr_index;
    case 0x3cf:
        return v->gr_index < VGA_GR ? v->gr[v->gr_index] : 0;
    case 0x3b4:
    case 0x3d4:
        return v->cr_index;
    case 0x3b5:
    case 0x3d5:
        return v->cr_index < VGA_CR ? v->cr[v->cr_index] : 0;
    case 0x3ba:
    case 0x3da:
        return status(v);
    default:
        log_line(LOG_UNIMP, "%s: read of port 0x%03x", v->name, port);
        return 0xff;
    }
}

void vga_port_write(struct vga *v, uint16_t port, uint8_t value)
{
    if (wrong_half(v, port)) {
        return;
    }
    v->redraw = true;
    if (v->extension && v->extension->port_write && v->extension->port_write(v, port, value)) {
        return;
    }
    switch (port) {
    case 0x3c0:
        ar_write(v, value);
        break;
    case 0x3c2:
        v->misc = value & 0xef;
        break;
    case 0x3c4:
        v->sr_index = value;
        break;
    case 0x3c5:
        if (v->sr_index < VGA_SR) {
            v->sr[v->sr_index] = value & sr_mask[v->sr_index];
        }
        break;
    case 0x3c6:
        v->dac_mask = value;
        break;
    case 0x3c7:
        v->dac_read_index = value;
        v->dac_sub = 0;
        v->dac_reading = true;
        break;
    case 0x3c8:
        v->dac_write_index = value;
        v->dac_sub = 0;
        v->dac_reading = false;
        break;
    case 0x3c9:
        dac_write(v, value);
        break;
    case 0x3ce:
        v->gr_index = value;
        break;
    case 0x3cf:
        if (v->gr_index < VGA_GR) {
            v->gr[v->gr_index] = value & gr_mask[v->gr_index];
        }
        break;
    case 0x3b4:
    case 0x3d4:
        v->cr_index = value;
        break;
    case 0x3b5:
    case 0x3d5:
        cr_write(v, value);
        break;
    case 0x3ba:
    case 0x3da:
        v->feature = value & 0x0b;
        break;
    default:
        log_line(LOG_UNIMP, "%s: write of 0x%02x to port 0x%03x", v->name, value, port);
        break;
    }
}
