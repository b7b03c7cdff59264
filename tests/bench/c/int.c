/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * int.c: integer programs that stay in the first-level caches.
 */
#include "tests/bench/c/bench.h"

enum { LIST = 400, SIDE = 24, SIEVE = 1 << 19, SORTED = 1 << 15 };

struct node {
    struct node *next;
    uint32_t key, data;
};

static uint32_t crc16(uint32_t crc, uint32_t value)
{
    for (int bit = 0; bit < 16; bit++, value >>= 1) {
        crc = (crc ^ value) & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
    }
    return crc;
}

static struct node *merge(struct node *a, struct node *b, bool by_data)
{
    struct node head, *last = &head;

    while (a && b) {
        struct node **less = (by_data ? a->data <= b->data : a->key <= b->key) ? &a : &b;

        last = last->next = *less;
        *less = (*less)->next;
    }
    last->next = a ? a : b;
    return head.next;
}

static struct node *sort_list(struct node *list, unsigned length, bool by_data)
{
    struct node *middle = list, *rest;

    if (length < 2) {
        return list;
    }
    for (unsigned i = 1; i < length / 2; i++) {
        middle = middle->next;
    }
    rest = middle->next;
    middle->next = NULL;
    return merge(sort_list(list, length / 2, by_data),
                 sort_list(rest, length - length / 2, by_data), by_data);
}

static uint32_t matrix(uint32_t seed)
{
    static int16_t a[SIDE][SIDE], b[SIDE][SIDE];
    uint32_t sum = 0;

    for (int i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = seed + i;
        b[i / SIDE][i % SIDE] = seed * 3 - i;
    }
    for (int i = 0; i < SIDE; i++) {
        for (int j = 0; j < SIDE; j++) {
            int32_t cell = 0;

            for (int k = 0; k < SIDE; k++) {
                cell += a[i][k] * b[k][j];
            }
            sum += cell >> 2 & 0xffff;
        }
    }
    return sum;
}

/* A state machine over numbers such as "12", "-3.5", "+6e10", as words come from a generator. */
static uint32_t states(uint64_t *seed)
{
    static const char letters[] = "0123456789+-.e,, ";
    uint32_t counts[6] = { 0 };
    unsigned state = 0;

    for (int i = 0; i < 600; i++) {
        char c = letters[next_random(seed) % (sizeof(letters) - 1)];

        /* clang-format off */
        switch (state) {
        case 0: state = c == '+' || c == '-' ? 1 : c >= '0' && c <= '9' ? 2 : c == ',' ? 0 : 5; break;
        case 1: state = c >= '0' && c <= '9' ? 2 : c == '.' ? 3 : 5; break;
        case 2: state = c == '.' ? 3 : c == 'e' ? 4 : c == ',' ? 0 : c >= '0' && c <= '9' ? 2 : 5; break;
        case 3: state = c == 'e' ? 4 : c == ',' ? 0 : c >= '0' && c <= '9' ? 3 : 5; break;
        case 4: state = c == ',' ? 0 : c == '+' || c == '-' || (c >= '0' && c <= '9') ? 4 : 5; break;
        default: state = c == ',' ? 0 : 5; break;
        }
        /* clang-format on */
        counts[state]++;
    }
    return counts[0] + counts[2] * 3 + counts[4] * 5 + counts[5] * 7;
}

/* Lists, a matrix, a state machine and a checksum: what EEMBC's CoreMark is made of. */
static uint64_t run_mix(uint64_t n)
{
    static struct node nodes[LIST];
    uint64_t seed = 7;
    uint32_t crc = 0;

    while (n--) {
        struct node *list;

        for (int i = 0; i < LIST; i++) {
            nodes[i] = (struct node){ i + 1 < LIST ? &nodes[i + 1] : NULL, next_random(&seed), i };
        }
        list = sort_list(nodes, LIST, false);
        crc = crc16(crc16(crc, list->data), list->next->data);
        list = sort_list(list, LIST, true);
        crc = crc16(crc, list->key);
        crc = crc16(crc, matrix(crc));
        crc = crc16(crc, states(&seed));
    }
    return crc;
}

static uint64_t run_sieve(uint64_t n)
{
    static uint8_t composite[SIEVE];
    uint64_t primes = 0;

    while (n--) {
        memset(composite, 0, sizeof(composite));
        for (uint32_t i = 2; i < SIEVE; i++) {
            if (!composite[i]) {
                primes++;
                for (uint32_t j = i * 2; j < SIEVE; j += i) {
                    composite[j] = 1;
                }
            }
        }
    }
    return primes;
}

static __attribute__((noinline)) int tak(int x, int y, int z)
{
    return y < x ? tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y)) : z;
}

static __attribute__((noinline)) unsigned fib(unsigned n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint64_t run_recursion(uint64_t n)
{
    uint64_t sum = 0;

    while (n--) {
        sum += fib(24) + tak(12, 8, 4) + n % 2;
    }
    return sum;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static uint64_t run_qsort(uint64_t n)
{
    static uint32_t values[SORTED];
    uint64_t seed = 1, sum = 0;

    while (n--) {
        for (int i = 0; i < SORTED; i++) {
            values[i] = next_random(&seed);
        }
        qsort(values, SORTED, sizeof(values[0]), compare);
        sum = mix(sum, values[SORTED / 3]);
    }
    return sum;
}

/* Products, quotients and powers modulo a prime. */
static uint64_t run_muldiv(uint64_t n)
{
    uint64_t x = 0x123456789abcdefull, sum = 0;

    while (n--) {
        for (int i = 0; i < 100; i++) {
            unsigned __int128 product = (unsigned __int128)x * 0x9e3779b97f4a7c15ull;

            x = (uint64_t)product ^ (uint64_t)(product >> 64);
            sum += x / ((n & 0xffff) + 3) + (uint32_t)x % 1000003;
        }
    }
    return sum;
}

static uint64_t run_crc32(uint64_t n)
{
    static uint8_t data[1 << 14];
    static uint32_t table[256];
    uint64_t seed = 3;
    uint32_t crc = ~0u;

    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++) {
            c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
        }
        table[i] = c;
    }
    for (unsigned i = 0; i < sizeof(data); i++) {
        data[i] = next_random(&seed);
    }
    while (n--) {
        for (unsigned i = 0; i < sizeof(data); i++) {
            crc = table[(crc ^ data[i]) & 255] ^ crc >> 8;
        }
    }
    return crc;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "mix", run_mix },     { "sieve", run_sieve },   { "recursion", run_recursion },
        { "qsort", run_qsort }, { "muldiv", run_muldiv }, { "crc32", run_crc32 },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
