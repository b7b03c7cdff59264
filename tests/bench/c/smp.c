/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smp.c: a job for two threads that share nothing but the counter of what is done.
 */
#include "tests/bench/c/bench.h"

#include <pthread.h>
#include <stdatomic.h>

enum { THREADS = 2, CHUNK = 100000 };

struct shared {
    _Atomic uint64_t left, sum;
};

static void *work(void *opaque)
{
    struct shared *shared = opaque;
    uint64_t turn;

    while ((turn = atomic_fetch_sub(&shared->left, 1)) - 1 < UINT64_MAX / 2) {
        uint64_t x = turn * 2 + 1, sum = 0;

        for (int i = 0; i < CHUNK; i++) {
            sum += next_random(&x) % 1021;
        }
        atomic_fetch_add(&shared->sum, sum);
    }
    return NULL;
}

static uint64_t run_threads(uint64_t n)
{
    struct shared shared = { n, 0 };
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &shared)) {
            die("no thread");
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    return shared.sum;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "threads", run_threads },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
