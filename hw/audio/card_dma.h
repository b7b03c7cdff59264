/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/audio/card_dma.h: a card's samples from and to guest RAM, and RAM only: a guest that names a device's registers
 * gets silence, and a card never meets itself.  Thread: under the machine lock.
 */
#ifndef HW_AUDIO_CARD_DMA_H
#define HW_AUDIO_CARD_DMA_H

#include <string.h>
#include "softmmu/dma.h"

static inline void card_dma(struct machine *m, uint64_t addr, uint8_t *buf, size_t len,
                            bool to_memory)
{
    struct dma_list l = { 0 };

    if (len <= UINT64_MAX - addr && dma_list_add(&l, m, addr, len, to_memory)) {
        if (to_memory) {
            dma_list_write(&l, m, 0, buf, len);
        } else {
            dma_list_read(&l, 0, buf, len);
        }
    } else if (!to_memory) {
        memset(buf, 0, len);
    }
    dma_list_clear(&l);
}

#endif
