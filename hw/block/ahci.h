/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/block/ahci.h: an AHCI 1.3 host bus adapter with six SATA ports. */
#ifndef HW_BLOCK_AHCI_H
#define HW_BLOCK_AHCI_H

#include "hw/block/ide.h"
#include "hw/pci/pci.h"

#define AHCI_PORTS 6u
#define AHCI_SLOTS 32u

struct ahci;
struct ahci_port;

/* One queued (NCQ) command: reads and writes of their own, beside the drive's task file. */
struct ahci_queued {
    struct ahci_port *port;
    struct block_request req;
    struct iovec iov;
    uint8_t *buffer;
    uint64_t at;    /* sector */
    uint16_t count; /* sectors, 0: 65536 */
    uint8_t tag;
    bool write, fua;
};

struct ahci_port {
    struct ide_channel ch; /* first: the drive's bus */
    struct ahci *owner;
    uint32_t clb, clbu, fb, fbu, is, ie, cmd, serr, sact, ci, sctl;
    bool signature_due; /* the FIS after a reset waits until FISes are received */
    uint8_t slot;       /* the command that the drive runs; 0xff: none */
    uint64_t table;     /* its command table */
    uint32_t prd_count, prd, prd_at, moved; /* where the transfer is in its PRDT */
    struct ahci_queued queued[AHCI_SLOTS];
    bool queue_stopped; /* one failed: the others get no answer until the port is stopped */
};

struct ahci {
    struct pci_device pci;
    struct mem_region abar;
    uint32_t ghc, is;
    struct ahci_port ports[AHCI_PORTS];
};

extern const struct device_type ich9_ahci_type;

/* ahci_port.c */
extern const struct ide_host_ops ahci_host_ops;
uint32_t ahci_port_read(struct ahci_port *p, unsigned reg);
void ahci_port_write(struct ahci_port *p, unsigned reg, uint32_t v);
void ahci_port_reset(struct ahci_port *p);
void ahci_port_drain(struct ahci_port *p);
/* ahci.c */
void ahci_update_irq(struct ahci *s);

#endif
