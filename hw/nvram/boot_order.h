/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/nvram/boot_order.h: `bootindex`: which devices firmware tries first.  Devices come and go; fw_cfg's
 * file "bootorder" follows.
 *
 * Thread: under the machine lock.
 */
#ifndef HW_NVRAM_BOOT_ORDER_H
#define HW_NVRAM_BOOT_ORDER_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct device;
struct fw_cfg;

/*
 * At the end of dev's realize.  index: the property (lower comes first); below 0: nothing is done, as
 * on a machine without fw_cfg.  The path is that of the device `path_of` and the suffix (NULL: none).
 * False and *error: another device has this index.
 *
 *                           path_of               suffix
 *   hard disk or CD on IDE  the PCI controller    "/drive@CHANNEL/disk@UNIT"
 *   on AHCI                 the PCI controller    "/drive@PORT/disk@0"
 *   floppy                  the ISA controller    "/floppy@UNIT"
 *   network card            itself                "/ethernet-phy@0"
 *   virtio-blk, NVMe        itself                "/disk@0,0", "/namespace@1,0"
 */
bool boot_order_add(struct device *dev, struct device *path_of, int32_t index, const char *suffix,
                    GError **error);
/* The same with a whole path, such as "/rom@genroms/NAME"; dev may be NULL. */
bool boot_order_add_path(struct fw_cfg *s, struct device *dev, int32_t index, const char *path,
                         GError **error);
/* In unrealize: every entry of the device.  Nothing happens where there is none. */
void boot_order_remove(struct device *dev);
/* -boot strict=on: what has no bootindex is not tried. */
void boot_order_set_strict(struct fw_cfg *s, bool strict);

/* The path of a device as firmware spells it: "/pci@i0cf8/ide@1,1".  Free with g_free. */
char *boot_order_path(struct device *dev);

/* fw_cfg.c */
void boot_order_init(struct fw_cfg *s);
void boot_order_destroy(struct fw_cfg *s);

#endif
