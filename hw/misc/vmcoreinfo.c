/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/vmcoreinfo.c: "vmcoreinfo": where the guest's kernel tells where its VMCOREINFO note lies, for dumps of
 * its memory (QEMU's documentation, "VMCoreInfo device": fw_cfg's "etc/vmcoreinfo", little-endian: host's format
 * 16 bits, guest's format 16 bits, size 32 bits, physical address 64 bits; format 1 is an ELF note).
 *
 * Invariant: there is one at most; the host's format is the host's, whatever the guest writes.
 * Thread:    under the machine lock.
 */
#include <string.h>
#include "hw/misc/misc.h"
#include "hw/nvram/fw_cfg.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define VMCOREINFO_SIZE 16u
#define VMCOREINFO_ELF  1u
#define VMCOREINFO_FILE "etc/vmcoreinfo"

struct vmcoreinfo {
    struct device dev;
    uint8_t info[VMCOREINFO_SIZE];
};

static void keep_host_format(struct vmcoreinfo *s)
{
    s->info[0] = VMCOREINFO_ELF;
    s->info[1] = 0;
}

static void guest_wrote(void *opaque)
{
    keep_host_format(opaque);
}

static bool vmcoreinfo_realize(struct device *dev, GError **error)
{
    struct vmcoreinfo *s = (struct vmcoreinfo *)dev;
    struct fw_cfg *fw = fw_cfg_find(dev->machine);

    if (!fw) {
        set_error(error, "vmcoreinfo device requires fw_cfg with DMA");
        return false;
    }
    for (unsigned i = 0; i < dev->machine->devices->len; i++) {
        const struct device *other = g_ptr_array_index(dev->machine->devices, i);

        if (other != dev && other->type == &vmcoreinfo_type) {
            set_error(error, "at most one vmcoreinfo device is permitted");
            return false;
        }
    }
    keep_host_format(s);
    return fw_cfg_add_writable(fw, VMCOREINFO_FILE, s->info, VMCOREINFO_SIZE, guest_wrote, s,
                               error);
}

static void vmcoreinfo_reset(struct device *dev)
{
    struct vmcoreinfo *s = (struct vmcoreinfo *)dev;

    memset(s->info, 0, sizeof(s->info));
    keep_host_format(s);
}

static bool vmcoreinfo_post_load(struct device *dev, GError **error)
{
    (void)error;
    keep_host_format((struct vmcoreinfo *)dev);
    return true;
}

static const struct state_row vmcoreinfo_state[] = {
    STATE_BUF(struct vmcoreinfo, info, 1, "what the guest told"),
    { 0 },
};

const struct device_type vmcoreinfo_type = {
    .name = "vmcoreinfo",
    .summary = "where the guest's kernel tells of its VMCOREINFO note",
    .bus = BUS_NONE,
    .size = sizeof(struct vmcoreinfo),
    .state = vmcoreinfo_state,
    .realize = vmcoreinfo_realize,
    .reset = vmcoreinfo_reset,
    .post_load = vmcoreinfo_post_load,
};
