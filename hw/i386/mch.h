/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/mch.h: the Q35 memory controller hub: PAM, SMRAM, and configuration space as memory. */
#ifndef HW_I386_MCH_H
#define HW_I386_MCH_H

#include "hw/i386/pam.h"
#include "hw/pci/ecam.h"

struct mch {
    struct pci_device pci;
    /* Wired before realize: the guest's RAM from address 0 on, and what PCI shows there. */
    struct mem_region *ram, *pci_memory;
    uint64_t ram_below_4g;    /* where TSEG ends */
    uint16_t ext_tseg_mbytes; /* property: TSEG's fourth size; 0: there is none */
    struct pam pam;
    struct pci_ecam ecam;
};
extern const struct device_type mch_type;

/* What firmware leaves behind: 0xc0000-0xfffff is plain RAM, 256 buses of ECAM at `ecam`. */
void mch_open_ram(struct mch *s, uint32_t ecam);

#endif
