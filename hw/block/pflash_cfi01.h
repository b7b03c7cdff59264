/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/pflash_cfi01.h: "cfi.pflash01", a NOR flash chip with the Intel/Sharp command set.
 * Thread: under the machine lock.
 */
#ifndef HW_BLOCK_PFLASH_CFI01_H
#define HW_BLOCK_PFLASH_CFI01_H

#include "block/block.h"
#include "softmmu/machine.h"

#define PFLASH_BUFFER   32u /* bytes of the write buffer */
#define PFLASH_UNIT     4096u
#define PFLASH_SIZE_MAX (16u << 20)

/* What reads give. */
enum pflash_mode { PFLASH_ARRAY, PFLASH_STATUS, PFLASH_ID, PFLASH_QUERY, PFLASH_MODES };

/* What the next write is. */
enum pflash_step {
    PFLASH_COMMAND,
    PFLASH_PROGRAM, /* the byte to program */
    PFLASH_ERASE,   /* the confirmation of a block erase */
    PFLASH_COUNT,   /* of a buffered write, less one */
    PFLASH_DATA,    /* its bytes */
    PFLASH_CONFIRM, /* its confirmation */
    PFLASH_IGNORE,  /* second cycle of lock bits and protection registers */
    PFLASH_STEPS
};

struct pflash {
    struct device dev;
    struct block_backend *drive;
    bool secure;            /* only system-management mode writes and sees more than the array */
    uint32_t sector_length; /* bytes that one erase clears */

    struct mem_region mem; /* what a board maps: rom, and over it mmio while not in array mode */
    struct mem_region rom, mmio;
    uint32_t size;

    uint8_t mode, step, status;
    uint8_t count, filled; /* of the write buffer: bytes announced and there */
    uint32_t block;        /* that the buffered write is for */
    uint8_t data[PFLASH_BUFFER];
    uint32_t at[PFLASH_BUFFER];

    uint8_t *dirty; /* one flag for each PFLASH_UNIT that the drive does not have yet */
    struct block_request req;
    struct iovec iov;
    uint8_t bounce[PFLASH_UNIT];
};

extern const struct device_type pflash_cfi01_type;

#endif
