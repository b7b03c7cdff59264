/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pam.h: who answers between 640 KiB and 1 MiB: RAM, PCI, or one for reads and the other
 * for writes.  The host bridges' PAM and SMRAM registers steer it.
 * Thread: under the machine lock.
 */
#ifndef HW_I386_PAM_H
#define HW_I386_PAM_H

#include "softmmu/memory.h"

/* 0xc0000-0xeffff in steps of 16 KiB, then 0xf0000-0xfffff. */
#define PAM_SEGMENTS  13
#define PAM_REGISTERS 7

/* A segment's mode: a nibble of a PAM register. */
enum pam_mode { PAM_READ = 1, PAM_WRITE = 2 };
/* SMRAM: the same bits in every host bridge. */
enum smram_bit { SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCKED = 0x10, SMRAM_ENABLE = 0x08 };
#define SMRAM_BASE_SEG 0x02 /* hard-wired: 0xa0000 */

struct pam {
    struct machine *machine;
    struct mem_region *ram, *pci_memory;      /* RAM from address 0 on, and what PCI shows there */
    struct mem_region pci[PAM_SEGMENTS];      /* reads and writes go to PCI */
    struct mem_region readonly[PAM_SEGMENTS]; /* reads go to RAM, writes nowhere */
    struct mem_region shadow[PAM_SEGMENTS];   /* reads go to PCI, writes to RAM */
    struct mem_region shadow_mmio;            /* what the last aliases */
    struct mem_region smram;                  /* 0xa0000-0xbffff is PCI's */
    struct mem_region tseg;                   /* answers for RAM that is SMRAM, too */
    struct mem_region smram_ram, tseg_ram;    /* what system-management mode sees there */
    uint64_t tseg_base, tseg_size;            /* size 0: none */
    struct mem_region empty;                  /* PCI's answer where no device is */
    uint8_t smram_register;                   /* as pam_update had it */
    struct address_space pci_space;           /* for the shadow's reads */
};

void pam_init(struct pam *p, struct machine *m, struct mem_region *ram,
              struct mem_region *pci_memory);
void pam_destroy(struct pam *p);
/* registers: the PAM_REGISTERS bytes from PAM0 on; smram: the SMRAM register. */
void pam_update(struct pam *p, const uint8_t *registers, uint8_t smram);
/* The part of RAM that only system-management mode sees: the Q35's TSEG; size 0: none. */
void pam_set_tseg(struct pam *p, uint64_t base, uint64_t size);

#endif
