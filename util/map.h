/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/map.h: memory that the host can back with huge pages.  Thread: any. */
#ifndef UTIL_MAP_H
#define UTIL_MAP_H

#include <stddef.h>

#define HUGE_PAGE ((size_t)2 << 20)

/*
 * Private memory of zeros, of `size` bytes (a multiple of the host's page) from a multiple of HUGE_PAGE on; rights and
 * flags as mmap(2) takes them, beside MAP_PRIVATE and MAP_ANONYMOUS.  NULL and errno: there is none.  To be unmapped
 * with the same size.
 */
void *map_huge_aligned(size_t size, int rights, int flags);

#endif
