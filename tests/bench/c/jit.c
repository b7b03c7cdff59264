/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit.c: programs that write code: run once and thrown away, or run and patched again and again.
 */
#include "tests/bench/c/bench.h"

#include <sys/mman.h>

enum { BUFFER = 1 << 16, FUNCTION = 256, PATCHED_LOOPS = 20 };

typedef uint64_t code(uint64_t x);

static uint8_t *code_buffer(void)
{
    uint8_t *p =
        mmap(NULL, BUFFER, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        die("no memory to run code in");
    }
    return p;
}

static uint8_t *emit(uint8_t *to, const char *bytes, size_t size)
{
    memcpy(to, bytes, size);
    return to + size;
}

static uint8_t *emit_imm32(uint8_t *to, uint32_t value)
{
    memcpy(to, &value, sizeof(value));
    return to + sizeof(value);
}

/* A function of ADD, XOR and IMUL of %rax with constants that differ each time. */
static void generate(uint8_t *to, uint64_t *seed)
{
    to = emit(to, "\x48\x89\xf8", 3); /* mov %rdi, %rax */
    for (int i = 0; i < 12; i++) {
        to = emit_imm32(emit(to, "\x48\x05", 2), next_random(seed) & 0xffffff); /* add */
        to = emit_imm32(emit(to, "\x48\x35", 2), next_random(seed) & 0xffffff); /* xor */
        to = emit_imm32(emit(to, "\x48\x69\xc0", 3), next_random(seed) | 1);    /* imul */
    }
    emit(to, "\xc3", 1);
}

static uint64_t run_once(uint64_t n)
{
    uint8_t *buffer = code_buffer();
    uint64_t seed = 9, sum = 0;

    while (n--) {
        uint8_t *at = buffer + n % (BUFFER / FUNCTION) * FUNCTION;

        generate(at, &seed);
        sum += ((code *)at)(n);
    }
    return sum;
}

/* One immediate operand of a function changes before every 20th call. */
static uint64_t run_patched(uint64_t n)
{
    uint8_t *buffer = code_buffer();
    uint64_t seed = 9, sum = 0;

    generate(buffer, &seed);
    while (n--) {
        emit_imm32(buffer + 5, n & 0xffffff);
        for (int i = 0; i < PATCHED_LOOPS; i++) {
            sum += ((code *)buffer)(sum);
        }
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "once", run_once },
        { "patched", run_patched },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
