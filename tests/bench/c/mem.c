/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.c: programs that do little but move memory, or wait for it.
 */
#include "tests/bench/c/bench.h"

#include <sys/mman.h>

enum { LINE = 64, SMALL = 1 << 10, MIDDLE = 1 << 14, LARGE = 8 << 20, TRIAD = 1 << 20 };

static void *pages(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        die("no memory");
    }
    return p;
}

/*
 * Each cache line holds the address of the next one. The order is that of a linear congruential
 * generator modulo a power of two, which visits every line once and which no prefetcher guesses.
 */
static uint64_t chase(size_t size, uint64_t steps)
{
    size_t lines = size / LINE;
    char *memory = pages(size);
    void **at = (void **)memory;
    uint64_t sum = 0;

    for (size_t i = 0; i < lines; i++) {
        size_t next = (i * 0x9e3779b5 + 0x3c6ef35f) & (lines - 1);

        *(void **)(memory + i * LINE) = memory + next * LINE;
    }
    clock_starts();
    while (steps--) {
        for (int i = 0; i < 1000; i++) {
            at = *at;
        }
        sum += (char *)at - memory;
    }
    return sum;
}

static uint64_t chase_l1(uint64_t n)
{
    return chase(16 << 10, n);
}
static uint64_t chase_l2(uint64_t n)
{
    return chase(512 << 10, n);
}
static uint64_t chase_l3(uint64_t n)
{
    return chase(16 << 20, n);
}
static uint64_t chase_dram(uint64_t n)
{
    return chase(256 << 20, n);
}

static void copy(size_t size, uint64_t n, char *(*how)(char *to, const char *from, size_t size),
                 uint64_t *sum)
{
    char *from = pages(size + LINE), *to = pages(size + LINE);
    uint64_t seed = 11;

    for (size_t i = 0; i < size; i += 8) {
        *(uint64_t *)(from + i) = next_random(&seed);
        to[i] = 1;
    }
    clock_starts();
    while (n--) {
        how(to + n % LINE, from, size); /* at every alignment */
        *sum = mix(*sum, to[size / 2]);
    }
}

static __attribute__((noinline)) char *by_memcpy(char *to, const char *from, size_t size)
{
    return memcpy(to, from, size);
}

static __attribute__((noinline)) char *by_rep_movs(char *to, const char *from, size_t size)
{
    char *start = to;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
    return start;
}

static uint64_t memcpy_small(uint64_t n)
{
    uint64_t sum = 0;

    copy(SMALL, n, by_memcpy, &sum);
    return sum;
}

static uint64_t memcpy_large(uint64_t n)
{
    uint64_t sum = 0;

    copy(LARGE, n, by_memcpy, &sum);
    return sum;
}

static uint64_t rep_movs(uint64_t n)
{
    uint64_t sum = 0;

    copy(MIDDLE, n, by_rep_movs, &sum);
    return sum;
}

/* McCalpin's STREAM, "triad". */
static uint64_t run_triad(uint64_t n)
{
    static double a[TRIAD], b[TRIAD], c[TRIAD];
    uint64_t sum = 0;

    for (int i = 0; i < TRIAD; i++) {
        a[i] = 0;
        b[i] = i * 0.1;
        c[i] = (TRIAD - i) * 0.3;
    }
    clock_starts();
    while (n--) {
        for (int i = 0; i < TRIAD; i++) {
            a[i] = b[i] + 3 * c[i];
        }
        b[n % TRIAD] += 1;
        sum = mix(sum, (uint64_t)a[n * 4099 % TRIAD]);
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "chase-l1", chase_l1 },
        { "chase-l2", chase_l2 },
        { "chase-l3", chase_l3 },
        { "chase-dram", chase_dram },
        { "memcpy-small", memcpy_small },
        { "memcpy-large", memcpy_large },
        { "rep-movs", rep_movs },
        { "triad", run_triad },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
