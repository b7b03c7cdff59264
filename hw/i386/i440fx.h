/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/i440fx.h: the 82441FX host bridge: who answers between 640 KiB and 1 MiB. */
#ifndef HW_I386_I440FX_H
#define HW_I386_I440FX_H

#include "hw/pci/pci.h"

/* 0xc0000-0xeffff in steps of 16 KiB, then 0xf0000-0xfffff. */
#define PAM_SEGMENTS 13

struct i440fx {
    struct pci_device pci;
    /* Wired before realize: the guest's RAM from address 0 on, and what PCI shows there. */
    struct mem_region *ram, *pci_memory;

    struct mem_region pam_pci[PAM_SEGMENTS];      /* reads and writes go to PCI */
    struct mem_region pam_readonly[PAM_SEGMENTS]; /* reads go to RAM, writes nowhere */
    struct mem_region pam_shadow[PAM_SEGMENTS];   /* reads go to PCI, writes to RAM */
    struct mem_region shadow;                     /* what the last aliases */
    struct mem_region smram;                      /* 0xa0000-0xbffff is PCI's */
    struct mem_region empty;                      /* PCI's answer where no device is */
    struct address_space pci_space;               /* for the shadow's reads */
};
extern const struct device_type i440fx_type;

/* What firmware leaves behind: 0xc0000-0xfffff is plain RAM. */
void i440fx_open_ram(struct i440fx *s);

#endif
