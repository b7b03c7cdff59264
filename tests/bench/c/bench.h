/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench.h: what the small programs share: a table of jobs, the start of the clock, the result.
 *
 * PROGRAM JOB N runs one row of the table N times and prints a checksum, which must be the same in
 * every guest and on the host. Everything here is used by one thread.
 */
#ifndef BENCH_H
#define BENCH_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What agent.c hands to every program: see clock_starts(). */
enum { BEGIN_FD = 3, GO_FD = 4 };

struct job {
    const char *name;
    uint64_t (*run)(uint64_t n);
};

static inline double cpu_seconds(int who)
{
    struct rusage use;

    getrusage(who, &use);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec +
           (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* What came before does not count: the preparation of a job. Does nothing outside of agent.c. */
static inline void clock_starts(void)
{
    double used = cpu_seconds(RUSAGE_SELF) + cpu_seconds(RUSAGE_CHILDREN);
    char go;

    if (write(BEGIN_FD, &used, sizeof(used)) == sizeof(used) && read(GO_FD, &go, 1) != 1) {
        exit(2);
    }
}

static inline void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

/* A xorshift generator: Marsaglia, "Xorshift RNGs", 2003. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static inline uint64_t mix(uint64_t sum, uint64_t value)
{
    return (sum ^ value) * 0x100000001b3ull;
}

static inline int run_job(const struct job *jobs, int argc, char **argv)
{
    for (; argc > 2 && jobs->name; jobs++) {
        if (!strcmp(jobs->name, argv[1])) {
            printf("%s %016" PRIx64 "\n", jobs->name, jobs->run(strtoull(argv[2], NULL, 0)));
            return 0;
        }
    }
    die("usage: PROGRAM JOB N");
    return 2;
}

#endif
