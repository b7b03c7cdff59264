/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/buffer.c: the memory that holds all code, mapped twice: to write and to run.
 *
 * Code that runs often is spread over megabytes, and each entry of the host's TLB reaches 4 KiB of it.  So the pages
 * of each 2 MiB that are full of it are collapsed into a huge one (cc1 takes a tenth less).  By default the host
 * gives shared memory none, but to who asks for the collapse it does (Linux 6.1; madvise(2), MADV_COLLAPSE).
 * Thread: the vCPU's own.
 */
#include "accel/tcg/x86_64/backend.h"
#include <sys/mman.h>
#include "util/error.h"
#include "util/map.h"

/* Full ones, until the first is worth it: what a kernel runs to start is less. */
#define HUGE_AFTER 3

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Profilers look for a perf map where memory is anonymous. */
bool code_buffer_map(struct backend *k, size_t size, GError **error)
{
    const int flags = MAP_NORESERVE; /* nothing is there until the buffer is */
    uint8_t *w = map_huge_aligned(size, PROT_NONE, flags);
    uint8_t *x = map_huge_aligned(size, PROT_NONE, flags);
    bool mapped =
        w && x &&
        mmap(w, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == w &&
        mremap(w, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, x) == x &&
        mprotect(x, size, PROT_READ | PROT_EXEC) == 0;

    if (!mapped) {
        set_errno_error(error, "cannot map %zu MiB for translated code", size >> 20);
        if (x) {
            munmap(x, size);
        }
        if (w) {
            munmap(w, size);
        }
        return false;
    }
    k->e.start = w;
    k->e.end = w + size;
    k->e.to_exec = x - w;
    return true;
}

void code_buffer_unmap(struct backend *k)
{
    size_t size = (size_t)(k->e.end - k->e.start);

    munmap(k->e.start + k->e.to_exec, size);
    munmap(k->e.start, size);
}

/* A wish. */
static void collapse(const void *at)
{
    (void)madvise((void *)(uintptr_t)at, HUGE_PAGE, MADV_COLLAPSE);
}

void code_buffer_written(struct backend *k, const struct x86_cpu *cpu)
{
    const struct code_entry *table = code_table(k, cpu);
    unsigned full = (unsigned)((size_t)(k->e.p - k->e.start) / HUGE_PAGE);

    if (full == k->n_huge || full < HUGE_AFTER) {
        return;
    }
    while (k->n_huge < full) {
        collapse(k->e.start + k->e.to_exec + (size_t)k->n_huge++ * HUGE_PAGE);
    }
    if (k->table_size * sizeof(*table) == HUGE_PAGE) { /* all of it is in use, too */
        collapse(table);
    }
}

/* Pages of the writable mapping count twice while they are mapped in both. */
void translator_idle(struct tcg *t)
{
    struct backend *k = t->backend;

    (void)madvise(k->e.start, (size_t)(k->e.end - k->e.start), MADV_DONTNEED);
}
