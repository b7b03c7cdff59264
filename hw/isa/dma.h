/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/isa/dma.h: the ISA bus's DMA request lines, between devices and whoever has the controllers.
 *
 * A device asks for a transfer of its channel and gets as many bytes as the guest programmed; when
 * that is none it waits for `ready`.
 * Thread: under the machine lock.
 */
#ifndef HW_ISA_DMA_H
#define HW_ISA_DMA_H

#include <stdbool.h>
#include <stdint.h>

struct isa_dma {
    void *opaque;
    /*
     * Moves up to len bytes between buf and guest memory, in the direction the guest programmed
     * (to_memory must agree unless the channel verifies, which moves nothing but counts).  Returns
     * how many, 0 while the channel is masked; *end: terminal count was reached.
     */
    uint32_t (*transfer)(void *opaque, unsigned channel, uint8_t *buf, uint32_t len, bool to_memory,
                         bool *end);
    /* DREQ; while it is high, `ready` is called when the guest unmasks the channel. */
    void (*request)(void *opaque, unsigned channel, bool level);
    /* Once: who listens on a channel. */
    void (*listen)(void *opaque, unsigned channel, void (*ready)(void *device), void *device);
};

#endif
