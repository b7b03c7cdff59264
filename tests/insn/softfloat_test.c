/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/softfloat_test.c: float32 and float64 against the host's own SSE unit: results and
 * exception flags, every rounding mode, DAZ, FTZ, masked and unmasked.  One thread; SIGFPE is taken
 * over.
 */
#include <glib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "tests/insn/float_random.h"

#if defined(__x86_64__)

enum shape {
    F32_F32,
    F64_F64,
    F32_I32,
    F32_I64,
    F64_I32,
    F64_I64,
    I32_F32,
    I64_F32,
    I32_F64,
    I64_F64,
    F32_F64,
    F64_F32,
    F32_COMPARE,
    F64_COMPARE
};

struct sse_op {
    const char *name;
    enum shape shape;
    uint64_t (*host)(uint64_t a, uint64_t b, uint32_t *mxcsr);
    uint64_t (*soft)(struct float_status *st, uint64_t a, uint64_t b);
};

#define HOST_SSE(name, text)                                                                       \
    static uint64_t host_##name(uint64_t a, uint64_t b, uint32_t *mxcsr)                           \
    {                                                                                              \
        uint32_t old;                                                                              \
        uint64_t r = a;                                                                            \
        __asm__ volatile("stmxcsr %2\n ldmxcsr %1\n movq %0, %%xmm0\n movq %3, %%xmm1\n" text      \
                         "\n stmxcsr %1\n ldmxcsr %2"                                              \
                         : "+r"(r), "+m"(*mxcsr), "=m"(old)                                        \
                         : "r"(b)                                                                  \
                         : "xmm0", "xmm1", "xmm2", "rax", "rcx", "cc");                            \
        return r;                                                                                  \
    }
#define TO_R "\n movq %%xmm0, %0"
/* LESS, EQUAL, GREATER, UNORDERED from the flags: ZF PF CF in AH. */
#define FLAGS_TO_R "\n lahf\n movzbl %%ah, %%eax\n and $0x45, %%eax\n mov %%rax, %0"

#define SSE_BINARY(name, letter)                                                                   \
    HOST_SSE(add##name, "add" letter " %%xmm1, %%xmm0" TO_R)                                       \
    HOST_SSE(sub##name, "sub" letter " %%xmm1, %%xmm0" TO_R)                                       \
    HOST_SSE(mul##name, "mul" letter " %%xmm1, %%xmm0" TO_R)                                       \
    HOST_SSE(div##name, "div" letter " %%xmm1, %%xmm0" TO_R)                                       \
    HOST_SSE(sqrt##name, "sqrt" letter " %%xmm0, %%xmm0" TO_R)                                     \
    HOST_SSE(comi##name, "comi" letter " %%xmm1, %%xmm0" FLAGS_TO_R)                               \
    HOST_SSE(ucomi##name, "ucomi" letter " %%xmm1, %%xmm0" FLAGS_TO_R)                             \
    HOST_SSE(to_i32_##name, "cvt" letter "2si %%xmm0, %%eax\n mov %%rax, %0")                      \
    HOST_SSE(to_i64_##name, "cvt" letter "2si %%xmm0, %%rax\n mov %%rax, %0")                      \
    HOST_SSE(trunc_i32_##name, "cvtt" letter "2si %%xmm0, %%eax\n mov %%rax, %0")                  \
    HOST_SSE(trunc_i64_##name, "cvtt" letter "2si %%xmm0, %%rax\n mov %%rax, %0")                  \
    HOST_SSE(from_i32_##name, "cvtsi2" letter " %k0, %%xmm0" TO_R)                                 \
    HOST_SSE(from_i64_##name, "cvtsi2" letter " %0, %%xmm0" TO_R)                                  \
    HOST_SSE(round_##name, "round" letter " $4, %%xmm0, %%xmm0" TO_R)                              \
    HOST_SSE(floor_##name, "round" letter " $1, %%xmm0, %%xmm0" TO_R)                              \
    HOST_SSE(quiet_##name, "round" letter " $12, %%xmm0, %%xmm0" TO_R)
SSE_BINARY(f32, "ss")
SSE_BINARY(f64, "sd")
HOST_SSE(widen, "cvtss2sd %%xmm0, %%xmm0" TO_R)
HOST_SSE(narrow, "cvtsd2ss %%xmm0, %%xmm0" TO_R)

/* What COMISS leaves in ZF, PF, CF. */
static uint64_t relation_flags(int relation)
{
    static const uint8_t flags[] = { 0x01, 0x40, 0x00, 0x45 };

    return flags[relation + 1];
}

#define SOFT(name, expression)                                                                     \
    static uint64_t soft_##name(struct float_status *st, uint64_t a, uint64_t b)                   \
    {                                                                                              \
        (void)b;                                                                                   \
        return expression;                                                                         \
    }
#define SOFT_BINARY(f, type)                                                                       \
    SOFT(add##f, f##_add(st, (type)a, (type)b))                                                    \
    SOFT(sub##f, f##_sub(st, (type)a, (type)b))                                                    \
    SOFT(mul##f, f##_mul(st, (type)a, (type)b))                                                    \
    SOFT(div##f, f##_div(st, (type)a, (type)b))                                                    \
    SOFT(sqrt##f, f##_sqrt(st, (type)a))                                                           \
    SOFT(comi##f, relation_flags(f##_compare(st, (type)a, (type)b, true)))                         \
    SOFT(ucomi##f, relation_flags(f##_compare(st, (type)a, (type)b, false)))                       \
    SOFT(to_i32_##f, (uint32_t)f##_to_i32(st, (type)a))                                            \
    SOFT(to_i64_##f, (uint64_t)f##_to_i64(st, (type)a))                                            \
    SOFT(trunc_i32_##f, (uint32_t)f##_to_i32_trunc(st, (type)a))                                   \
    SOFT(trunc_i64_##f, (uint64_t)f##_to_i64_trunc(st, (type)a))                                   \
    SOFT(from_i32_##f, i32_to_##f(st, (int32_t)a))                                                 \
    SOFT(from_i64_##f, i64_to_##f(st, (int64_t)a))                                                 \
    SOFT(round_##f, f##_round_to_int(st, (type)a, st->rounding, false))                            \
    SOFT(floor_##f, f##_round_to_int(st, (type)a, FLOAT_DOWN, false))                              \
    SOFT(quiet_##f, f##_round_to_int(st, (type)a, st->rounding, true))
SOFT_BINARY(f32, uint32_t)
SOFT_BINARY(f64, uint64_t)
SOFT(widen, f32_to_f64(st, (uint32_t)a))
SOFT(narrow, f64_to_f32(st, a))

/* clang-format off */
#define SSE_ROW(name, shape) { #name, shape, host_##name, soft_##name }
static const struct sse_op sse_ops[] = {
    SSE_ROW(addf32, F32_F32), SSE_ROW(subf32, F32_F32), SSE_ROW(mulf32, F32_F32),
    SSE_ROW(divf32, F32_F32), SSE_ROW(sqrtf32, F32_F32),
    SSE_ROW(comif32, F32_COMPARE), SSE_ROW(ucomif32, F32_COMPARE),
    SSE_ROW(to_i32_f32, F32_I32), SSE_ROW(to_i64_f32, F32_I64),
    SSE_ROW(trunc_i32_f32, F32_I32), SSE_ROW(trunc_i64_f32, F32_I64),
    SSE_ROW(from_i32_f32, I32_F32), SSE_ROW(from_i64_f32, I64_F32),
    SSE_ROW(round_f32, F32_F32), SSE_ROW(floor_f32, F32_F32), SSE_ROW(quiet_f32, F32_F32),
    SSE_ROW(addf64, F64_F64), SSE_ROW(subf64, F64_F64), SSE_ROW(mulf64, F64_F64),
    SSE_ROW(divf64, F64_F64), SSE_ROW(sqrtf64, F64_F64),
    SSE_ROW(comif64, F64_COMPARE), SSE_ROW(ucomif64, F64_COMPARE),
    SSE_ROW(to_i32_f64, F64_I32), SSE_ROW(to_i64_f64, F64_I64),
    SSE_ROW(trunc_i32_f64, F64_I32), SSE_ROW(trunc_i64_f64, F64_I64),
    SSE_ROW(from_i32_f64, I32_F64), SSE_ROW(from_i64_f64, I64_F64),
    SSE_ROW(round_f64, F64_F64), SSE_ROW(floor_f64, F64_F64), SSE_ROW(quiet_f64, F64_F64),
    SSE_ROW(widen, F32_F64), SSE_ROW(narrow, F64_F32),
};
/* clang-format on */

static bool takes_f32(enum shape s)
{
    return s == F32_F32 || s == F32_I32 || s == F32_I64 || s == F32_F64 || s == F32_COMPARE;
}

static bool takes_integer(enum shape s)
{
    return s == I32_F32 || s == I64_F32 || s == I32_F64 || s == I64_F64;
}

static uint64_t result_mask(enum shape s)
{
    return s == F32_F32 || s == F32_I32 || s == F64_I32 || s == I32_F32 || s == I64_F32 ||
                   s == F64_F32
               ? UINT32_MAX
               : UINT64_MAX;
}

static sigjmp_buf escape;
static uint32_t trapped_mxcsr;

static void on_sigfpe(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    (void)sig;
    (void)info;
    trapped_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    siglongjmp(escape, 1);
}

/* False: the host trapped; flags are MXCSR's. */
static bool run_host(const struct sse_op *op, uint64_t a, uint64_t b, uint32_t mxcsr,
                     uint64_t *result, unsigned *flags)
{
    const uint32_t initial = 0x1f80;

    if (sigsetjmp(escape, 1)) {
        __asm__ volatile("ldmxcsr %0" : : "m"(initial));
        *flags = trapped_mxcsr & FLOAT_ALL;
        return false;
    }
    *result = op->host(a, b, &mxcsr) & result_mask(op->shape);
    *flags = mxcsr & FLOAT_ALL;
    return true;
}

/* An unmasked exception has no result, but flags. */
static void check_sse(const struct sse_op *op, uint64_t a, uint64_t b, unsigned mode,
                      unsigned masked)
{
    unsigned rc = mode & 3, host_flags;
    uint32_t mxcsr = masked << 7 | rc << 13 | (mode & 4 ? 0x8000 : 0) | (mode & 8 ? 0x40 : 0);
    struct float_status st = {
        .rounding = (uint8_t)rc, .masked = (uint8_t)masked, .ftz = mode & 4, .daz = mode & 8
    };
    uint64_t want = 0, got = op->soft(&st, a, b) & result_mask(op->shape);
    bool finished = run_host(op, a, b, mxcsr, &want, &host_flags);

    if (host_flags != st.flags || finished == ((st.flags & ~masked) != 0) ||
        (finished && want != got)) {
        g_test_message("%s a=%016lx b=%016lx mxcsr=%04x: got %016lx flags %02x, "
                       "host %016lx flags %02x",
                       op->name, a, b, mxcsr, got, st.flags, want, host_flags);
        g_test_fail();
    }
}

static void sse_matches_host(gconstpointer data)
{
    const struct sse_op *op = data;

    for (unsigned n = 0; n < 8000 && !g_test_failed(); n++) {
        uint64_t a, b;

        if (takes_integer(op->shape)) {
            a = b = random_mant() ^ (random64() & 1 ? UINT64_MAX : 0);
        } else if (takes_f32(op->shape)) {
            a = random_f32(0x3f800000);
            b = random_f32((uint32_t)a);
        } else {
            a = random_f64(0x3ff0000000000000ull);
            b = random_f64(a);
        }
        check_sse(op, a, b, n & 15, n % 5 ? FLOAT_ALL : random64() & FLOAT_ALL);
    }
}

static void muladd_matches_host(void)
{
    if (!__builtin_cpu_supports("fma")) {
        g_test_skip("the host has no FMA");
        return;
    }
    for (unsigned n = 0; n < 20000 && !g_test_failed(); n++) {
        uint64_t a = random_f64(0x3ff0000000000000ull), b = random_f64(0x3ff0000000000000ull);
        uint64_t c = random_f64(a + b - 0x3ff0000000000000ull), want = a, got;
        struct float_status st = { .rounding = n & 3, .masked = FLOAT_ALL };
        uint32_t mxcsr = 0x1f80 | (n & 3) << 13, old;

        __asm__ volatile("stmxcsr %2\n ldmxcsr %1\n movq %0, %%xmm0\n movq %3, %%xmm1\n"
                         "movq %4, %%xmm2\n vfmadd213sd %%xmm2, %%xmm1, %%xmm0\n"
                         "movq %%xmm0, %0\n stmxcsr %1\n ldmxcsr %2"
                         : "+r"(want), "+m"(mxcsr), "=m"(old)
                         : "r"(b), "r"(c)
                         : "xmm0", "xmm1", "xmm2");
        got = f64_muladd(&st, b, a, c); /* VEX.vvvv comes first */
        if (got != want || st.flags != (mxcsr & 63)) {
            g_test_message("%016lx * %016lx + %016lx rc=%u: got %016lx %02x, host %016lx %02x", a,
                           b, c, n & 3, got, st.flags, want, mxcsr & 63);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    sigaction(SIGFPE, &(struct sigaction){ .sa_sigaction = on_sigfpe, .sa_flags = SA_SIGINFO },
              NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(sse_ops); i++) {
        g_autofree char *path = g_strdup_printf("/softfloat/sse/%s", sse_ops[i].name);

        g_test_add_data_func(path, &sse_ops[i], sse_matches_host);
    }
    g_test_add_func("/softfloat/sse/muladd", muladd_matches_host);
    return g_test_run();
}

#else

int main(void)
{
    puts("1..0 # SKIP the host is not an x86-64");
    return 0;
}

#endif
