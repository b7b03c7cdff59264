/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/random.c: see random.h.
 * Thread: any: what one call takes from the sequence is taken with one atomic addition.
 */
#include "util/random.h"

#include <string.h>
#include <sys/random.h>

/* Of the whole process, as -seed is. */
static uint64_t state;
static bool seeded;

void guest_random_seed(uint64_t seed)
{
    state = seed;
    seeded = true;
}

/* SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators"). */
static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9;
    v = (v ^ v >> 27) * 0x94d049bb133111eb;
    return v ^ v >> 31;
}

bool guest_random(void *buf, size_t n)
{
    const uint64_t step = 0x9e3779b97f4a7c15;
    uint8_t *out = buf;
    uint64_t at;

    if (!seeded) {
        while (n > 0) { /* up to 256 bytes come whole */
            size_t part = n < 256 ? n : 256;

            if (getrandom(out, part, GRND_NONBLOCK) != (ssize_t)part) {
                return false;
            }
            out += part;
            n -= part;
        }
        return true;
    }
    at = __atomic_fetch_add(&state, step * ((n + 7) / 8), __ATOMIC_RELAXED);
    while (n > 0) {
        size_t part = n < 8 ? n : 8;
        uint64_t v = mix(at += step);

        memcpy(out, &v, part);
        out += part;
        n -= part;
    }
    return true;
}
