/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/nvram/fw_cfg.h: the fw_cfg device: what the machine tells its firmware, as items with a number
 * and files with a name.
 *
 * Source: QEMU's documentation, "QEMU Firmware Configuration (fw_cfg) Device".
 * Thread: under the machine lock.
 */
#ifndef HW_NVRAM_FW_CFG_H
#define HW_NVRAM_FW_CFG_H

#include "softmmu/device.h"
#include "softmmu/machine.h"

/* clang-format off */
enum fw_cfg_key {
    FW_CFG_SIGNATURE   = 0x00,
    FW_CFG_ID          = 0x01,
    FW_CFG_UUID        = 0x02,
    FW_CFG_RAM_SIZE    = 0x03,
    FW_CFG_NOGRAPHIC   = 0x04,
    FW_CFG_NB_CPUS     = 0x05,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_NUMA        = 0x0d,
    FW_CFG_BOOT_MENU   = 0x0e,
    FW_CFG_MAX_CPUS    = 0x0f,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_SIZE  = 0x17,
    FW_CFG_SETUP_DATA  = 0x18,
    FW_CFG_FILE_DIR    = 0x19,
    FW_CFG_FILE_FIRST  = 0x20,
    FW_CFG_ARCH        = 0x8000,          /* the architecture's own: a bit of the selector */
    FW_CFG_IRQ0_OVERRIDE = FW_CFG_ARCH | 2,
};
/* clang-format on */

#define FW_CFG_NAME_MAX  55
#define FW_CFG_FILES_MAX 256
#define FW_CFG_PORT      0x510u
#define FW_CFG_DMA_PORT  0x514u

struct fw_cfg_file {
    char *name;
    GBytes *data;
    uint8_t *buf; /* its owner's, `len` bytes: then data is NULL */
    uint32_t len;
    bool writable;                  /* the guest writes into buf */
    void (*written)(void *opaque);  /* after that */
    void (*selected)(void *opaque); /* before the guest reads it from its start */
    void *opaque;
};

struct fw_cfg {
    struct device dev;
    struct mem_region ports, dma_ports;
    GHashTable *items;     /* key -> GBytes */
    GArray *files;         /* struct fw_cfg_file; key FW_CFG_FILE_FIRST + index */
    GPtrArray *boot_order; /* struct boot_entry (boot_order.c), lowest index first */
    bool boot_strict;      /* nothing else is tried */
    uint16_t key;          /* selected */
    uint32_t offset;       /* within the item */
    uint32_t dma_high;     /* upper half of the next request's address */
};
extern const struct device_type fw_cfg_type;

/* The machine's; NULL: it has none. */
struct fw_cfg *fw_cfg_find(struct machine *m);

/* These take the reference to data. */
void fw_cfg_set(struct fw_cfg *s, uint16_t key, GBytes *data);
void fw_cfg_set_int(struct fw_cfg *s, uint16_t key, uint64_t value, unsigned size);
/* False and *error: the name is too long or taken, or there are too many files. */
bool fw_cfg_add_file(struct fw_cfg *s, const char *name, GBytes *data, GError **error);
bool fw_cfg_add_file_int(struct fw_cfg *s, const char *name, uint64_t value, unsigned size,
                         GError **error);
/* Adds it, or replaces what it holds. */
bool fw_cfg_replace_file(struct fw_cfg *s, const char *name, GBytes *data, GError **error);
/* A file that the guest may write through DMA; buf stays the caller's. */
bool fw_cfg_add_writable(struct fw_cfg *s, const char *name, uint8_t *buf, uint32_t len,
                         void (*written)(void *opaque), void *opaque, GError **error);
/* A file that is made up when the guest selects it: selected fills buf, which stays the caller's. */
bool fw_cfg_add_answer(struct fw_cfg *s, const char *name, uint8_t *buf, uint32_t len,
                       void (*selected)(void *opaque), void *opaque, GError **error);

#endif
