/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/display/edid.h: what a monitor says about itself.  Source: VESA E-EDID 1.4. */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>
#include "softmmu/device.h"

#define EDID_SIZE 128

/* Pixels.  The preferred mode, and the largest one of the standard list. */
struct edid_info {
    uint32_t xres, yres, xmax, ymax;
};

/* The properties of every display with a monitor; `member` is its struct edid_info. */
#define EDID_PROPS(strct, member)                                                                  \
    PROP_U32(strct, "xres", member.xres, 1280, "width of the monitor's preferred mode"),           \
        PROP_U32(strct, "yres", member.yres, 800, "height of the monitor's preferred mode"),       \
        PROP_U32(strct, "xmax", member.xmax, 0, "widest standard mode offered; 0: any"),           \
        PROP_U32(strct, "ymax", member.ymax, 0, "highest standard mode offered; 0: any")

/* False and *error: a size that a detailed timing cannot hold. */
bool edid_check(const struct edid_info *info, const char *device, GError **error);
void edid_generate(uint8_t out[EDID_SIZE], const struct edid_info *info);

#endif
