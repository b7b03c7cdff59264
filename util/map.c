/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/map.c: a larger range is mapped, and what sticks out on both sides given back.
 * Thread: any.
 */
#include "util/map.h"
#include <stdint.h>
#include <sys/mman.h>

void *map_huge_aligned(size_t size, int rights, int flags)
{
    uint8_t *whole =
        mmap(NULL, size + HUGE_PAGE, rights, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    size_t before;

    if (whole == MAP_FAILED) {
        return NULL;
    }
    before = -(uintptr_t)whole & (HUGE_PAGE - 1);
    if (before) {
        munmap(whole, before);
    }
    munmap(whole + before + size, HUGE_PAGE - before);
    return whole + before;
}
