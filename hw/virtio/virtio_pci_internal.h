/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_pci_internal.h: between the modern and the legacy registers.
 * Thread: under the machine lock.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_INTERNAL_H
#define HW_VIRTIO_VIRTIO_PCI_INTERNAL_H

#include "hw/virtio/virtio_pci.h"

enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

static inline struct virtio_device *virtio_pci_device(struct virtio_pci *s)
{
    return &((struct virtio_pci_function *)s)->v;
}

/* Reads the interrupt status, which clears it and lowers INTx. */
uint8_t virtio_pci_take_isr(struct virtio_pci *s);
/* What a vector register becomes: VIRTIO_NO_VECTOR for one that is not there. */
uint16_t virtio_pci_vector(const struct virtio_pci *s, uint32_t value);
void virtio_pci_set_status(struct virtio_pci *s, uint8_t status);
/* The write that notifies of a queue. */
struct io_event virtio_pci_legacy_place(struct virtio_pci *s, unsigned index);
/* Makes s->legacy_io; its size. */
unsigned virtio_pci_legacy_init(struct virtio_pci *s);

#endif
