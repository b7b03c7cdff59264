/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/boot_elf.h: ELF images for x86, of either class.  Thread: any. */
#ifndef HW_I386_BOOT_ELF_H
#define HW_I386_BOOT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool boot_is_elf(const uint8_t *file, size_t len);
/*
 * Calls load (unless it is NULL) for each segment that belongs in memory: `filled` bytes, then zeroes up to `len`.
 * False: the image is damaged, not for x86, or has none; nothing was called.
 */
bool boot_elf_segments(const uint8_t *file, size_t len,
                       void (*load)(void *opaque, uint64_t addr, const uint8_t *bytes,
                                    uint64_t filled, uint64_t len),
                       void *opaque, uint64_t *entry);

#endif
