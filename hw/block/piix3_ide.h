/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/block/piix3_ide.h: the IDE function of the PIIX3: two channels with bus-master DMA. */
#ifndef HW_BLOCK_PIIX3_IDE_H
#define HW_BLOCK_PIIX3_IDE_H

#include "hw/block/ide.h"
#include "hw/pci/pci.h"

/* One channel's bus-master registers and where its DMA table stands. */
struct bmdma {
    uint8_t command, status;
    uint32_t table;     /* PRD table's address */
    uint32_t next;      /* the next descriptor */
    uint32_t addr, len; /* what is left of the current one */
    bool last;          /* it was the table's last */
    uint32_t seen;      /* descriptors since the start: bounds the walk */
};

struct piix3_ide;

struct piix3_channel {
    struct ide_channel ch; /* first: the drives' bus */
    struct piix3_ide *owner;
    struct irq irq;
    struct mem_region command, control;
    struct bmdma bm;
    bool intrq; /* the channel's interrupt line */
};

struct piix3_ide {
    struct pci_device pci;
    struct piix3_channel channels[2];
    struct mem_region bus_master; /* BAR 4 */
};
extern const struct device_type piix3_ide_type;

/* What firmware leaves behind: both channels decoded, BAR 4 at `base`. */
void piix3_ide_place(struct piix3_ide *s, uint16_t base);

#endif
