/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/misc/i8237.h: the two 8237A DMA controllers of a PC/AT. */
#ifndef HW_MISC_I8237_H
#define HW_MISC_I8237_H

#include "hw/isa/dma.h"
#include "hw/isa/isa.h"

struct dma_channel {
    uint16_t base_addr, base_count, addr, count;
    uint8_t mode, page;
};

struct dma_chip {
    struct dma_channel channels[4];
    uint8_t command, mask, requests, terminal; /* one bit a channel, but for command */
    bool high_byte;                            /* the byte pointer flip-flop */
    struct mem_region ports;
};

struct i8237 {
    struct device dev;
    struct dma_chip chips[2]; /* channels 0-3 of bytes, 4-7 of words */
    uint8_t page_spare[16];   /* page registers that belong to no channel */
    struct mem_region pages;
    struct isa_dma dma;
    struct {
        void (*ready)(void *device);
        void *device;
    } listeners[8];
};

extern const struct device_type i8237_type;

#endif
