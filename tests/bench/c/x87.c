/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x87.c: programs of the x87: planets in long double, sines and cosines by instruction.
 */
#define REAL      long double
#define REAL_SQRT sqrtl
#include "tests/bench/c/bench.h"
#include "tests/bench/c/nbody.h"

static uint64_t digits(double value)
{
    char text[32];
    uint64_t sum = 0;

    snprintf(text, sizeof(text), "%.9g", value);
    for (const char *p = text; *p; p++) {
        sum = mix(sum, *p);
    }
    return sum;
}

static uint64_t run_nbody(uint64_t n)
{
    return digits(nbody(n));
}

static uint64_t run_sincos(uint64_t n)
{
    long double sum = 0;

    while (n--) {
        long double x = n % 1009 * 0.01L, sine, cosine;

        __asm__("fsin" : "=t"(sine) : "0"(x));
        __asm__("fcos" : "=t"(cosine) : "0"(x));
        sum += sine * 2 + cosine;
    }
    return digits(sum);
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "nbody", run_nbody },
        { "sincos", run_sincos },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
