/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/random.h: random numbers for guests: the host kernel's, or after -seed a sequence that repeats. */
#ifndef UTIL_RANDOM_H
#define UTIL_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From now on what follows is decided by the seed. Before other threads are there. */
void guest_random_seed(uint64_t seed);
/* False: the host has none now. Any thread; does not wait. */
bool guest_random(void *buf, size_t n);

#endif
