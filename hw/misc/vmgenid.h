/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/vmgenid.h: "vmgenid": a number in guest memory that changes when the guest's time did not go straight
 * on: it was loaded from a snapshot, or is a second copy of a machine.
 *
 * Source: Microsoft, "Virtual Machine Generation ID" (2012); QEMU's documentation, "Virtual Machine Generation
 *         ID Device": files etc/vmgenid_guid, which firmware puts into memory, and etc/vmgenid_addr, where it
 *         writes the address.
 * Thread: under the machine lock.
 */
#ifndef HW_MISC_VMGENID_H
#define HW_MISC_VMGENID_H

#include "softmmu/device.h"
#include "softmmu/irq.h"

#define VMGENID_SIZE      16u
#define VMGENID_PAGE      4096u
#define VMGENID_OFFSET    40u /* of the number in its page: what is before it is no table's header */
#define VMGENID_GUID_FILE "etc/vmgenid_guid"
#define VMGENID_ADDR_FILE "etc/vmgenid_addr"

struct vmgenid {
    struct device dev;
    char *guid_text;            /* property: "auto" or a GUID */
    uint8_t guid[VMGENID_SIZE]; /* as in guest memory: the first three numbers little-endian */
    uint8_t page[VMGENID_PAGE]; /* the file */
    uint8_t addr[8];            /* guest physical address of the page, little-endian; 0: unknown */
    struct irq changed;         /* an edge: the guest is to look; wired by the board */
};
extern const struct device_type vmgenid_type;

/* The machine's; NULL: it has none. */
struct vmgenid *vmgenid_find(struct machine *m);
/* Without firmware: the page is there, and the number is written. */
void vmgenid_place(struct vmgenid *s, uint64_t page);
/* "324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87"; the caller frees. */
char *vmgenid_text(const struct vmgenid *s);

#endif
