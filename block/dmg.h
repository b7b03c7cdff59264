/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/dmg.h: the two halves of DMG images: chunks, and how they are inflated.  Thread: any. */
#ifndef BLOCK_DMG_H
#define BLOCK_DMG_H

#include <stddef.h>
#include <stdint.h>

enum dmg_chunk_type {
    DMG_ZERO = 0x00000000,
    DMG_RAW = 0x00000001,
    DMG_IGNORE = 0x00000002,
    DMG_COMMENT = 0x7ffffffe,
    DMG_ADC = 0x80000004,
    DMG_ZLIB = 0x80000005,
    DMG_BZIP2 = 0x80000006,
    DMG_LZFSE = 0x80000007,
    DMG_LZMA = 0x80000008,
    DMG_END = 0xffffffff,
};

/* NULL: chunks of that type can be inflated, else why not. */
const char *dmg_refusal(uint32_t type);
/* All of `out` must be filled: 0, else -EIO. */
int dmg_inflate(uint32_t type, const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);

#endif
