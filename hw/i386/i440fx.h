/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/i440fx.h: the 82441FX host bridge: who answers between 640 KiB and 1 MiB. */
#ifndef HW_I386_I440FX_H
#define HW_I386_I440FX_H

#include "hw/i386/pam.h"
#include "hw/pci/pci.h"

struct i440fx {
    struct pci_device pci;
    /* Wired before realize: the guest's RAM from address 0 on, and what PCI shows there. */
    struct mem_region *ram, *pci_memory;
    struct pam pam;
};
extern const struct device_type i440fx_type;

/* What firmware leaves behind: 0xc0000-0xfffff is plain RAM. */
void i440fx_open_ram(struct i440fx *s);

#endif
