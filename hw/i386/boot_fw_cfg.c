/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/boot_fw_cfg.c: a kernel that UEFI firmware starts: its file as it is, command line and
 * initial RAM disk as items of fw_cfg.  The kernel's own EFI stub does the rest.
 *
 * Source: QEMU, docs/specs/fw_cfg (the items); Linux, Documentation/arch/x86/boot.rst (setup_sects).
 * Thread: under the machine lock, before the machine starts.
 */
#include <string.h>
#include "hw/i386/boot_internal.h"
#include "hw/nvram/fw_cfg.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define SETUP_SECTS 0x1f1

static void set_item(struct fw_cfg *fw, uint16_t size_key, uint16_t data_key, GBytes *data)
{
    fw_cfg_set_int(fw, size_key, g_bytes_get_size(data), 4);
    fw_cfg_set(fw, data_key, data);
}

/* The real-mode part and the rest are items of their own; firmware joins them again. */
static bool add_kernel(struct fw_cfg *fw, const char *path, GError **error)
{
    g_autoptr(GBytes) bytes = boot_read_file("kernel", path, error);
    const uint8_t *file;
    size_t len, setup;

    if (!bytes) {
        return false;
    }
    file = g_bytes_get_data(bytes, &len);
    if (!boot_is_linux(file, len) || memcmp(file, "MZ", 2) != 0) {
        set_error(error, "kernel file '%s' has no EFI stub, which UEFI firmware starts", path);
        return false;
    }
    setup = (size_t)((file[SETUP_SECTS] ? file[SETUP_SECTS] : 4) + 1) * 512;
    if (setup >= len) {
        set_error(error, "kernel file '%s' is truncated: it has %zu bytes", path, len);
        return false;
    }
    set_item(fw, FW_CFG_SETUP_SIZE, FW_CFG_SETUP_DATA, g_bytes_new_from_bytes(bytes, 0, setup));
    set_item(fw, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
             g_bytes_new_from_bytes(bytes, setup, len - setup));
    return true;
}

bool boot_add_items(struct fw_cfg *fw, const struct machine_config *config, GError **error)
{
    const char *append = config->append ? config->append : "";

    if (!add_kernel(fw, config->kernel, error)) {
        return false;
    }
    set_item(fw, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, g_bytes_new(append, strlen(append) + 1));
    if (config->initrd) {
        GBytes *initrd = boot_read_initrds(config->initrd, error);

        if (!initrd) {
            return false;
        }
        set_item(fw, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA, initrd);
    }
    return true;
}
