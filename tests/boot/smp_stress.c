/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/boot/smp_stress.c: what several CPUs owe to each other, asked by a static Linux program: a thread
 * a CPU, each part checks sums or what one thread saw of another.  It also passes on real hardware.
 * Usage: smp_stress ROUNDS [PART...]; the last line says PASSED.
 * Thread: the parts run one after another, each in N threads that start together.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

static unsigned n_threads, rounds;
static pthread_barrier_t barrier;

static void fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    printf("FAILED: ");
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
    _exit(1);
}

static void expect(const char *what, uint64_t got, uint64_t wanted)
{
    if (got != wanted) {
        fail("%s: %#llx, must be %#llx", what, (unsigned long long)got, (unsigned long long)wanted);
    }
}

/* Waits until a count of another thread is there, also where there are more threads than CPUs. */
static void wait_until(_Atomic uint32_t *flag, uint32_t value)
{
    for (unsigned n = 1; atomic_load(flag) < value; n++) {
        __builtin_ia32_pause();
        if (n % 1000 == 0) {
            sched_yield();
        }
    }
}

static void *map(size_t size, int prot)
{
    void *p = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        fail("mmap");
    }
    return p;
}

/* Locked operations ----------------------------------------------------------------------------- */

/* Counters that each thread adds 1 to in its own way, where `at` says: aligned, split, on code. */
struct counters {
    uint8_t *add8, *add16, *add32, *add64, *xadd, *cmpxchg, *inc, *guarded, *pair, *wide, *bits;
    uint8_t *lock;
};

static void add_by_cmpxchg(uint8_t *p)
{
    uint64_t old = *(volatile uint32_t *)p;
    bool done;

    do {
        __asm__ volatile("lock cmpxchgl %k2, %1"
                         : "=@ccz"(done), "+m"(*(uint32_t *)p)
                         : "r"((uint32_t)old + 1), "a"((uint32_t)old)
                         : "memory");
        old = *(volatile uint32_t *)p;
    } while (!done);
}

static void add_by_cmpxchg8b(uint8_t *p)
{
    uint32_t low = 0, high = 0;
    bool done = false;

    while (!done) {
        uint64_t next = ((uint64_t)high << 32 | low) + 0x100000001;

        __asm__ volatile("lock cmpxchg8b %1"
                         : "=@ccz"(done), "+m"(*(uint64_t *)p), "+a"(low), "+d"(high)
                         : "b"((uint32_t)next), "c"((uint32_t)(next >> 32))
                         : "memory");
    }
}

static void add_by_cmpxchg16b(uint8_t *p)
{
    uint64_t low = 0, high = 0;
    bool done = false;

    while (!done) {
        __asm__ volatile("lock cmpxchg16b %1"
                         : "=@ccz"(done), "+m"(*(unsigned __int128 *)p), "+a"(low), "+d"(high)
                         : "b"(low + 1), "c"(high + 3)
                         : "memory");
    }
}

static void take(uint8_t *lock)
{
    uint32_t v = 1;

    for (;;) {
        __asm__ volatile("xchgl %0, %1" : "+r"(v), "+m"(*(uint32_t *)lock) : : "memory");
        if (!v) {
            return;
        }
        for (unsigned n = 1; *(volatile uint32_t *)lock; n++) {
            __builtin_ia32_pause();
            if (n % 1000 == 0) {
                sched_yield();
            }
        }
    }
}

/* Each sets and clears bits of its own in one word: none is lost. */
static void flip_bits(uint8_t *p, unsigned id)
{
    uint64_t bit = id % 64;
    bool was;

    __asm__ volatile("lock btsq %2, %1" : "=@ccc"(was), "+m"(*(uint64_t *)p) : "r"(bit) : "memory");
    if (was && n_threads <= 64) {
        fail("bit %u was set by somebody else", id);
    }
    __asm__ volatile("lock btrq %2, %1" : "=@ccc"(was), "+m"(*(uint64_t *)p) : "r"(bit) : "memory");
    if (!was && n_threads <= 64) {
        fail("bit %u was cleared by somebody else", id);
    }
}

static void count_up(const struct counters *c, unsigned id)
{
    for (unsigned n = 0; n < rounds; n++) {
        __asm__ volatile("lock addb $1, %0" : "+m"(*c->add8));
        __asm__ volatile("lock addw $1, %0" : "+m"(*(uint16_t *)c->add16));
        __asm__ volatile("lock addl $1, %0" : "+m"(*(uint32_t *)c->add32));
        __asm__ volatile("lock addq $1, %0" : "+m"(*(uint64_t *)c->add64));
        __asm__ volatile("lock incq %0" : "+m"(*(uint64_t *)c->inc));
        uint64_t one = 1;
        __asm__ volatile("lock xaddq %0, %1" : "+r"(one), "+m"(*(uint64_t *)c->xadd));
        add_by_cmpxchg(c->cmpxchg);
        add_by_cmpxchg8b(c->pair);
        if (c->wide) {
            add_by_cmpxchg16b(c->wide);
        }
        if (c->bits) {
            flip_bits(c->bits, id);
        }
        take(c->lock);
        ++*(volatile uint64_t *)c->guarded;
        __atomic_store_n((uint32_t *)c->lock, 0, __ATOMIC_RELEASE);
    }
}

static void check_counters(const struct counters *c)
{
    uint64_t sum = (uint64_t)n_threads * rounds, v = 0;

    expect("lock addb", *c->add8, sum & 0xff);
    expect("lock addw", *(uint16_t *)c->add16, sum & 0xffff);
    expect("lock addl", *(uint32_t *)c->add32, (uint32_t)sum);
    expect("lock addq", *(uint64_t *)c->add64, sum);
    expect("lock incq", *(uint64_t *)c->inc, sum);
    expect("lock xaddq", *(uint64_t *)c->xadd, sum);
    expect("lock cmpxchgl", *(uint32_t *)c->cmpxchg, (uint32_t)sum);
    for (unsigned n = 0; n < 2; n++) {
        memcpy(&v, c->pair + 4 * n, 4);
        expect("lock cmpxchg8b", v, (uint32_t)sum);
    }
    if (c->wide) {
        expect("lock cmpxchg16b, low", *(uint64_t *)c->wide, sum);
        expect("lock cmpxchg16b, high", *(uint64_t *)(c->wide + 8), 3 * sum);
    }
    expect("guarded by xchg", *(uint64_t *)c->guarded, sum);
}

static struct counters counters_now;

static void count_part(unsigned id)
{
    count_up(&counters_now, id);
    pthread_barrier_wait(&barrier);
    if (id == 0) {
        check_counters(&counters_now);
    }
}

static void at_aligned(uint8_t *p)
{
    counters_now = (struct counters){ p,       p + 64,  p + 128, p + 192, p + 256, p + 320,
                                      p + 384, p + 448, p + 512, p + 576, p + 640, p + 704 };
}

static void prepare_aligned(void)
{
    at_aligned(map(PAGE, PROT_READ | PROT_WRITE));
}

/* Every operand that can cross a page does. */
static void prepare_split(void)
{
    uint8_t *p = map(32 * PAGE, PROT_READ | PROT_WRITE);

    counters_now = (struct counters){
        .add8 = p,
        .add16 = p + 2 * PAGE - 1,
        .add32 = p + 4 * PAGE - 3,
        .add64 = p + 6 * PAGE - 5,
        .xadd = p + 8 * PAGE - 1,
        .cmpxchg = p + 10 * PAGE - 2,
        .inc = p + 12 * PAGE - 7,
        .guarded = p + 14 * PAGE - 4,
        .pair = p + 16 * PAGE - 3,
        .lock = p + 18 * PAGE - 1,
    };
}

/* Within a page, on odd addresses. */
static void prepare_odd(void)
{
    prepare_aligned();
    at_aligned(counters_now.add8 + 61);
    counters_now.wide = NULL;
}

/* The page also holds code that all of them run. */
static uint8_t *code_page;

static void prepare_on_code(void)
{
    static const uint8_t code[] = { 0x89, 0xf8, 0xff, 0xc0, 0xc3 }; /* mov eax, edi; inc eax; ret */

    code_page = map(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    memcpy(code_page + 2048, code, sizeof(code));
    at_aligned(code_page);
}

static void on_code_part(unsigned id)
{
    int (*fn)(int) = (int (*)(int))(void *)(code_page + 2048);

    for (unsigned n = 0; n < 100; n++) {
        expect("code among data", (unsigned)fn((int)n), n + 1);
    }
    count_part(id);
    expect("code among data", (unsigned)fn(7), 8);
}

/* Order ----------------------------------------------------------------------------------------- */

static struct {
    _Alignas(64) volatile uint64_t x;
    _Alignas(64) volatile uint64_t y;
    _Alignas(64) volatile uint64_t seen[2];
    _Alignas(64) _Atomic uint32_t turn[2];
} order;

static void prepare_order(void)
{
    memset((void *)&order, 0, sizeof(order));
}

/* Store, fence, load: at least one of two sees the other (Dekker).  Stores are seen in order. */
static void order_part(unsigned id)
{
    if (id > 1) {
        return;
    }
    for (uint32_t n = 1; n <= rounds; n++) {
        volatile uint64_t *mine = id ? &order.y : &order.x, *other = id ? &order.x : &order.y;

        *mine = n;
        __asm__ volatile("mfence" : : : "memory");
        order.seen[id] = *other;
        atomic_store(&order.turn[id], 2 * n);
        wait_until(&order.turn[!id], 2 * n);
        if (order.seen[0] != n && order.seen[1] != n) {
            fail("neither store was seen in round %u", n);
        }
        atomic_store(&order.turn[id], 2 * n + 1);
        wait_until(&order.turn[!id], 2 * n + 1);
    }
}

/* Whole aligned stores: a reader never sees a mixture. */
static void tearing_part(unsigned id)
{
    static _Alignas(64) volatile uint64_t word;
    static _Atomic uint32_t done;

    if (id == 0) {
        for (uint64_t n = 0; n < (uint64_t)rounds * 16; n++) {
            word = (n & 0xffff) * 0x0001000100010001ull;
        }
        atomic_store(&done, 1);
    }
    while (id && !atomic_load(&done)) {
        uint64_t v = word;

        expect("torn store", v, (v & 0xffff) * 0x0001000100010001ull);
    }
}

/* Code that others change ------------------------------------------------------------------------- */

static uint8_t *shared_code;
static _Atomic uint32_t version, acknowledged;

static void prepare_code(void)
{
    shared_code = map(2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    atomic_store(&version, 0);
    atomic_store(&acknowledged, 0);
}

static void serialise(void)
{
    uint32_t a = 0, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
}

/* mov eax, imm32 (at 4 n, hence one store); ret.  The SDM's protocol of vol. 3, 8.1.3. */
static void code_part(unsigned id)
{
    uint8_t *code = shared_code + 64 + 3; /* the immediate is aligned */
    int (*fn)(void) = (int (*)(void))(void *)code;

    if (id == 0) {
        code[0] = 0xb8;
        code[5] = 0xc3;
    }
    pthread_barrier_wait(&barrier);
    for (uint32_t n = 1; n <= rounds; n++) {
        if (id == 0) {
            *(volatile uint32_t *)(code + 1) = n;
            atomic_store(&version, n);
            wait_until(&acknowledged, n * (n_threads - 1));
        } else {
            wait_until(&version, n);
            serialise();
            expect("code of another CPU", (uint32_t)fn(), n);
            atomic_fetch_add(&acknowledged, 1);
        }
    }
}

/* The same with whole functions, copied over each other at a page's end, found by a pointer. */
static void jit_part(unsigned id)
{
    static void *_Atomic entry;

    if (id == 0) {
        atomic_store(&entry, NULL);
    }
    pthread_barrier_wait(&barrier);
    for (uint32_t n = 1; n <= rounds / 4; n++) {
        if (id == 0) {
            uint8_t *at = shared_code + PAGE - 3 - n % 7;
            uint8_t text[6] = { 0xb8, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), 0, 0xc3 };

            memcpy(at, text, sizeof(text));
            atomic_store(&entry, at);
            atomic_store(&version, n);
            wait_until(&acknowledged, n * (n_threads - 1));
        } else {
            wait_until(&version, n);
            serialise();
            expect("function of another CPU", (uint32_t)((int (*)(void))atomic_load(&entry))(), n);
            atomic_fetch_add(&acknowledged, 1);
        }
    }
}

/* Mappings that others change --------------------------------------------------------------------- */

static uint8_t *region;
static __thread sigjmp_buf on_fault;

static void handle_fault(int sig)
{
    (void)sig;
    siglongjmp(on_fault, 1);
}

static void prepare_mappings(void)
{
    struct sigaction action = { .sa_handler = handle_fault, .sa_flags = SA_NODEFER };

    sigaction(SIGSEGV, &action, NULL);
    region = map(16 * PAGE, PROT_READ | PROT_WRITE);
    atomic_store(&version, 0);
    atomic_store(&acknowledged, 0);
}

static bool write_faults(volatile uint8_t *p)
{
    if (sigsetjmp(on_fault, 1)) {
        return true;
    }
    *p = 1;
    return false;
}

/* All have the pages in their TLBs; then one page is read-only, another one a new one. */
static void mappings_part(unsigned id)
{
    for (uint32_t n = 1; n <= rounds / 8 + 1; n++) {
        uint8_t *page = region + n % 4 * PAGE, *fresh = region + (4 + n % 4) * PAGE;
        uint32_t step = 2 * n;

        *(volatile uint8_t *)(page + id) = 1;
        (void)*(volatile uint8_t *)(fresh + id);
        pthread_barrier_wait(&barrier);
        if (id == 0) {
            mprotect(page, PAGE, PROT_READ);
            munmap(fresh, PAGE);
            mmap(fresh, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0);
            *(volatile uint32_t *)fresh = n;
            atomic_store(&version, step);
            wait_until(&acknowledged, n * (n_threads - 1));
            mprotect(page, PAGE, PROT_READ | PROT_WRITE);
        } else {
            wait_until(&version, step);
            if (!write_faults(page + id)) {
                fail("a store to a page that is read-only passed");
            }
            expect("a new page", *(volatile uint32_t *)fresh, n);
            atomic_fetch_add(&acknowledged, 1);
        }
        pthread_barrier_wait(&barrier);
    }
}

/* Sleeping and waking, time ------------------------------------------------------------------------ */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static uint64_t whose;

static void prepare_futex(void)
{
    whose = 0;
}

/* A token goes round: each hand-over sleeps and wakes. */
static void futex_part(unsigned id)
{
    for (unsigned n = 0; n < rounds / 16 + 1; n++) {
        pthread_mutex_lock(&mutex);
        while (whose % n_threads != id) {
            pthread_cond_wait(&cond, &mutex);
        }
        whose++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    pthread_barrier_wait(&barrier);
    if (id == 0) {
        expect("hand-overs", whose, (uint64_t)n_threads * (rounds / 16 + 1));
    }
}

/* The time stamp counters agree: what another CPU read before is not later. */
static void tsc_part(unsigned id)
{
    static _Atomic uint64_t latest;

    (void)id;
    for (unsigned n = 0; n < rounds * 4; n++) {
        uint64_t before = atomic_load(&latest), now;

        __asm__ volatile("lfence" : : : "memory");
        now = __builtin_ia32_rdtsc();
        if (now < before) {
            fail("time goes back by %llu", (unsigned long long)(before - now));
        }
        atomic_compare_exchange_strong(&latest, &before, now);
    }
}

/* ------------------------------------------------------------------------------------------------- */

static const struct part {
    const char *name;
    void (*prepare)(void);
    void (*run)(unsigned id);
} parts[] = {
    { "aligned", prepare_aligned, count_part },
    { "odd", prepare_odd, count_part },
    { "split", prepare_split, count_part },
    { "on-code", prepare_on_code, on_code_part },
    { "order", prepare_order, order_part },
    { "tearing", prepare_order, tearing_part },
    { "code", prepare_code, code_part },
    { "jit", prepare_code, jit_part },
    { "mappings", prepare_mappings, mappings_part },
    { "futex", prepare_futex, futex_part },
    { "tsc", prepare_order, tsc_part },
};

static const struct part *current;

static void *thread_main(void *opaque)
{
    unsigned id = (unsigned)(uintptr_t)opaque;
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(id % (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &set);
    sched_setaffinity(0, sizeof(set), &set);
    pthread_barrier_wait(&barrier);
    current->run(id);
    return NULL;
}

static bool wanted(const char *name, int argc, char **argv)
{
    for (int n = 2; n < argc; n++) {
        if (strcmp(argv[n], name) == 0) {
            return true;
        }
    }
    return argc <= 2;
}

int main(int argc, char **argv)
{
    pthread_t *threads;

    n_threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    n_threads = n_threads < 2 ? 2 : n_threads;
    rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
    threads = calloc(n_threads, sizeof(*threads));
    pthread_barrier_init(&barrier, NULL, n_threads);
    for (unsigned k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        if (!wanted(parts[k].name, argc, argv)) {
            continue;
        }
        current = &parts[k];
        current->prepare();
        for (unsigned n = 0; n < n_threads; n++) {
            pthread_create(&threads[n], NULL, thread_main, (void *)(uintptr_t)n);
        }
        for (unsigned n = 0; n < n_threads; n++) {
            pthread_join(threads[n], NULL);
        }
        printf("%s: passed\n", current->name);
        fflush(stdout);
    }
    free(threads);
    printf("%u threads, %u rounds: PASSED\n", n_threads, rounds);
    return 0;
}
