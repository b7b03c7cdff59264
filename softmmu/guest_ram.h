/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/guest_ram.h: the bytes of guest RAM, through host pointers.
 *
 * Guests race on their memory as they like: other vCPUs and devices change it at any time.  Accesses of
 * up to 8 bytes are one host instruction, hence not torn where they are aligned.  The thread
 * sanitizer is told not to look (tests/tsan.supp names the functions that call into the C library).
 * Thread: any.
 */
#ifndef SOFTMMU_GUEST_RAM_H
#define SOFTMMU_GUEST_RAM_H

#include <stdint.h>
#include <string.h>

#define GUEST_RACES __attribute__((no_sanitize("thread")))

/* size: 1, 2, 4 or 8, constant where it counts; zero-extended. */
static inline GUEST_RACES uint64_t guest_ram_load(const void *p, unsigned size)
{
    switch (size) {
    case 1:
        return *(const uint8_t *)p;
    case 2: {
        uint16_t v;
        memcpy(&v, p, 2);
        return v;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, p, 4);
        return v;
    }
    default: {
        uint64_t v;
        memcpy(&v, p, 8);
        return v;
    }
    }
}

static inline GUEST_RACES void guest_ram_store(void *p, uint64_t value, unsigned size)
{
    switch (size) {
    case 1:
        *(uint8_t *)p = (uint8_t)value;
        break;
    case 2:
        memcpy(p, &value, 2);
        break;
    case 4:
        memcpy(p, &value, 4);
        break;
    default:
        memcpy(p, &value, 8);
    }
}

/* Any length; the ranges may overlap, and either may be the host's own. */
static inline GUEST_RACES void guest_ram_copy(void *to, const void *from, size_t n)
{
    memmove(to, from, n);
}

static inline GUEST_RACES void guest_ram_fill(void *to, uint8_t byte, size_t n)
{
    memset(to, byte, n);
}

#endif
