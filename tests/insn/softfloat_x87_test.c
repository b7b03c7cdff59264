/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/softfloat_x87_test.c: extended arithmetic against the host's own x87 unit: results,
 * C1, condition codes and exception flags, every rounding and precision, masked and unmasked;
 * transcendental functions within 1 ulp.  One thread.
 */
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include "tests/insn/float_random.h"

#if defined(__x86_64__)

/* The FNSAVE image, 32-bit protected-mode format. */
struct fnsave {
    uint32_t control, status, tag, ip, cs, dp, ds;
    uint8_t st[8][10];
} __attribute__((packed));

struct x87_case {
    struct float80 a, b; /* ST(0), ST(1) */
    uint64_t memory[2];  /* operand or result in memory */
    uint16_t control;
    struct fnsave out;
};

static void host_image(struct x87_case *c, struct float80 *st0, struct float80 *st1)
{
    memcpy(&st0->mant, c->out.st[0], 8);
    memcpy(&st0->sexp, c->out.st[0] + 8, 2);
    memcpy(&st1->mant, c->out.st[1], 8);
    memcpy(&st1->sexp, c->out.st[1] + 8, 2);
}

/* Loads b then a, sets the control word, runs one instruction, saves everything. */
#define HOST_X87(name, text)                                                                       \
    static void host_##name(struct x87_case *c)                                                    \
    {                                                                                              \
        __asm__ volatile("fninit\n fldt %[b]\n fldt %[a]\n fnclex\n fldcw %[cw]\n" text            \
                         "\n fnsave %[out]\n"                                                      \
                         : [out] "=m"(c->out), [m] "+m"(c->memory)                                 \
                         : [a] "m"(c->a), [b] "m"(c->b), [cw] "m"(c->control)                      \
                         : "cc", "memory");                                                        \
    }
HOST_X87(fadd, "fadd %%st(1), %%st")
HOST_X87(fsub, "fsub %%st(1), %%st")
HOST_X87(fmul, "fmul %%st(1), %%st")
HOST_X87(fdiv, "fdiv %%st(1), %%st")
HOST_X87(fsqrt, "fsqrt")
HOST_X87(frndint, "frndint")
HOST_X87(fscale, "fscale")
HOST_X87(fprem, "fprem")
HOST_X87(fprem1, "fprem1")
HOST_X87(fxtract, "fxtract")
HOST_X87(fst32, "fsts %[m]")
HOST_X87(fst64, "fstl %[m]")
HOST_X87(fist16, "fists %[m]")
HOST_X87(fist32, "fistl %[m]")
HOST_X87(fistp64, "fistpll %[m]")
HOST_X87(fbstp, "fbstp %[m]")
HOST_X87(fadd32, "fadds %[m]")
HOST_X87(fmul64, "fmull %[m]")
HOST_X87(fcom, "fcom %%st(1)")
HOST_X87(fucom, "fucom %%st(1)")

/* What the exec functions do with a result: false leaves ST(0). */
static bool suppressed(const struct float_status *st)
{
    return st->flags & (FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVBYZERO) & ~st->masked;
}

enum x87_kind { X87_REG, X87_MEMORY, X87_FLAGS };

struct x87_result {
    struct float80 st0;
    uint8_t memory[10];
    unsigned size;    /* of memory */
    uint16_t cc;      /* C0-C3 of the status word, with `cc_mask` */
    uint16_t cc_mask; /* C1 is added from rounded_up */
};

struct x87_op {
    const char *name;
    void (*host)(struct x87_case *c);
    void (*soft)(struct float_status *st, const struct x87_case *c, struct x87_result *r);
};

#define SOFT_X87(name, statement)                                                                  \
    static void soft_##name(struct float_status *st, const struct x87_case *c,                     \
                            struct x87_result *r)                                                  \
    {                                                                                              \
        statement;                                                                                 \
    }
SOFT_X87(fadd, r->st0 = f80_add(st, c->a, c->b))
SOFT_X87(fsub, r->st0 = f80_sub(st, c->a, c->b))
SOFT_X87(fmul, r->st0 = f80_mul(st, c->a, c->b))
SOFT_X87(fdiv, r->st0 = f80_div(st, c->a, c->b))
SOFT_X87(fsqrt, r->st0 = f80_sqrt(st, c->a))
SOFT_X87(frndint, r->st0 = f80_round_to_int(st, c->a))
SOFT_X87(fscale, r->st0 = f80_scale(st, c->a, c->b))
SOFT_X87(fadd32, r->st0 = f80_add(st, c->a, f32_widen(st, (uint32_t)c->memory[0])))
SOFT_X87(fmul64, r->st0 = f80_mul(st, c->a, f64_widen(st, c->memory[0])))

static void soft_rem(struct float_status *st, const struct x87_case *c, struct x87_result *r,
                     bool nearest)
{
    unsigned q;
    bool partial;

    r->st0 = f80_rem(st, c->a, c->b, nearest, &q, &partial);
    if (!suppressed(st) && !(st->flags & FLOAT_INVALID)) {
        r->cc = (uint16_t)((q & 4) << 6 | (q & 2) << 13 | (q & 1) << 9 | partial << 10);
        r->cc_mask = 0x4700;
    }
}
SOFT_X87(fprem, soft_rem(st, c, r, false))
SOFT_X87(fprem1, soft_rem(st, c, r, true))
/* The significand is pushed over the exponent. */
SOFT_X87(fxtract, (void)f80_extract(st, c->a, &r->st0))

#define SOFT_STORE(name, type, bytes, call)                                                        \
    static void soft_##name(struct float_status *st, const struct x87_case *c,                     \
                            struct x87_result *r)                                                  \
    {                                                                                              \
        type v = call;                                                                             \
        memcpy(r->memory, &v, bytes);                                                              \
        r->size = bytes;                                                                           \
        r->st0 = c->a;                                                                             \
    }
SOFT_STORE(fst32, uint32_t, 4, f80_to_f32(st, c->a))
SOFT_STORE(fst64, uint64_t, 8, f80_to_f64(st, c->a))
SOFT_STORE(fist16, int16_t, 2, f80_to_i16(st, c->a, st->rounding))
SOFT_STORE(fist32, int32_t, 4, f80_to_i32(st, c->a, st->rounding))
SOFT_STORE(fistp64, int64_t, 8, f80_to_i64(st, c->a, st->rounding))
SOFT_X87(fbstp, f80_to_bcd(st, c->a, r->memory); r->size = 10)

static void soft_relation(struct float_status *st, const struct x87_case *c, struct x87_result *r,
                          bool signal)
{
    static const uint16_t cc[] = { 0x100, 0x4000, 0, 0x4500 };

    r->cc = cc[f80_compare(st, c->a, c->b, signal) + 1];
    r->cc_mask = 0x4500;
    r->st0 = c->a;
}
SOFT_X87(fcom, soft_relation(st, c, r, true))
SOFT_X87(fucom, soft_relation(st, c, r, false))

/* clang-format off */
#define X87_ROW(name) { #name, host_##name, soft_##name }
/* clang-format on */
static const struct x87_op x87_ops[] = {
    X87_ROW(fadd),   X87_ROW(fsub),    X87_ROW(fmul),    X87_ROW(fdiv),   X87_ROW(fsqrt),
    X87_ROW(fcom),   X87_ROW(fucom),   X87_ROW(frndint), X87_ROW(fscale), X87_ROW(fprem),
    X87_ROW(fprem1), X87_ROW(fxtract), X87_ROW(fst32),   X87_ROW(fst64),  X87_ROW(fist16),
    X87_ROW(fist32), X87_ROW(fistp64), X87_ROW(fbstp),   X87_ROW(fadd32), X87_ROW(fmul64),
};

static void check_x87(const struct x87_op *op, struct x87_case *c)
{
    static const uint8_t precision[] = { 24, 64, 53, 64 };
    struct float_status st = { .rounding = c->control >> 10 & 3,
                               .masked = c->control & 63,
                               .precision = precision[c->control >> 8 & 3] };
    struct x87_case before = *c;
    struct x87_result r = { .st0 = c->a };
    struct float80 st0, st1;
    bool stopped, same = true;

    op->host(c);
    op->soft(&st, &before, &r);
    host_image(c, &st0, &st1);
    stopped = suppressed(&st);
    if (r.size) {
        /* Unmasked over- and underflow keep a store from happening. */
        stopped |= (st.flags & (FLOAT_OVERFLOW | FLOAT_UNDERFLOW) & ~st.masked) != 0;
        same = !memcmp(stopped ? (void *)before.memory : r.memory, c->memory, r.size);
    } else {
        r.st0 = stopped ? before.a : r.st0;
        same = r.st0.mant == st0.mant && r.st0.sexp == st0.sexp;
    }
    if (!stopped && !(r.cc_mask & 0x200)) {
        r.cc |= st.rounded_up << 9;
        r.cc_mask |= 0x200;
    }
    if (stopped) {
        r.cc_mask = 0;
    }
    if (!same || (c->out.status & 63) != st.flags || ((c->out.status ^ r.cc) & r.cc_mask)) {
        g_test_message("%s a=%04x.%016lx b=%04x.%016lx m=%016lx cw=%04x: got %04x.%016lx "
                       "flags %02x cc %04x m=%016lx, host %04x.%016lx status %04x m=%016lx",
                       op->name, before.a.sexp, before.a.mant, before.b.sexp, before.b.mant,
                       before.memory[0], c->control, r.st0.sexp, r.st0.mant, st.flags, r.cc,
                       *(uint64_t *)r.memory, st0.sexp, st0.mant, c->out.status, c->memory[0]);
        g_test_fail();
    }
}

static void x87_matches_host(gconstpointer data)
{
    static const unsigned masks[] = { 63, 63, 63, 0, 0x3d, 0x2f, 0x37, 0x20 };
    const struct x87_op *op = data;

    for (unsigned n = 0; n < 12000 && !g_test_failed(); n++) {
        struct x87_case c = { .a = random_f80(f80_make(false, 0x3fff, 0)) };

        c.b = random_f80(c.a);
        c.memory[0] =
            strstr(op->name, "32") ? random_f32(0x3f800000) : random_f64(0x3ff0000000000000ull);
        c.control = (uint16_t)(0x40 | masks[n / 16 % 8] | (n & 15) << 8);
        if ((n >> 2 & 3) == 1) { /* PC = 01 is reserved */
            c.control |= 0x300;
        }
        check_x87(op, &c);
    }
}

/* Transcendental functions: both units are within 1 ulp of the truth --------------------------- */

HOST_X87(f2xm1, "f2xm1")
HOST_X87(fyl2x, "fyl2x")
HOST_X87(fyl2xp1, "fyl2xp1")
HOST_X87(fpatan, "fpatan")
HOST_X87(fsin, "fsin")
HOST_X87(fcos, "fcos")
HOST_X87(fsincos, "fsincos")
HOST_X87(fptan, "fptan")
SOFT_X87(f2xm1, r->st0 = f80_f2xm1(st, c->a))
SOFT_X87(fyl2x, r->st0 = f80_fyl2x(st, c->a, c->b))
SOFT_X87(fyl2xp1, r->st0 = f80_fyl2xp1(st, c->a, c->b))
SOFT_X87(fpatan, r->st0 = f80_fpatan(st, c->a, c->b))
SOFT_X87(fsin, r->st0 = c->a; f80_sincos(st, c->a, &r->st0, NULL))
SOFT_X87(fcos, r->st0 = c->a; f80_sincos(st, c->a, NULL, &r->st0))
SOFT_X87(fsincos, r->st0 = c->a; f80_sincos(st, c->a, NULL, &r->st0))
SOFT_X87(fptan, r->st0 = c->a; f80_tan(st, c->a, &r->st0))

struct trans_op {
    struct x87_op op;
    int min_exp, max_exp; /* of ST(0): where the SDM defines the function */
    bool st1;             /* the result is in ST(1) */
};

/* clang-format off */
static const struct trans_op trans_ops[] = {
    { X87_ROW(f2xm1),   -16383,    -1, false },
    { X87_ROW(fyl2x),   -16383, 16384, false },
    { X87_ROW(fyl2xp1), -16383,    -3, false },
    { X87_ROW(fpatan),  -16383, 16384, false },
    { X87_ROW(fsin),    -16383, 16384, false },
    { X87_ROW(fcos),    -16383, 16384, false },
    { X87_ROW(fsincos), -16383, 16384, false },
    { X87_ROW(fptan),   -16383, 16384, true },
};
/* clang-format on */

/* Distance in units of the last place; signs must agree. */
static uint64_t ulps(struct float80 a, struct float80 b)
{
    __int128 x = (__int128)(a.sexp & 0x7fff) << 63, y = (__int128)(b.sexp & 0x7fff) << 63;

    x += a.mant & INT64_MAX;
    y += b.mant & INT64_MAX;
    x = x > y ? x - y : y - x;
    return (a.sexp ^ b.sexp) & 0x8000 || x > INT64_MAX ? UINT64_MAX : (uint64_t)x;
}

static void trans_matches_host(gconstpointer data)
{
    const struct trans_op *t = data;
    const unsigned compared = FLOAT_INVALID | FLOAT_DENORMAL | FLOAT_DIVBYZERO;

    for (unsigned n = 0; n < 6000 && !g_test_failed(); n++) {
        struct x87_case c = { .a = random_f80(f80_make(false, 0x3fff, 0)) };
        struct float_status st = { .rounding = n & 3, .masked = FLOAT_ALL, .precision = 64 };
        struct x87_result r = { .st0 = c.a };
        struct float80 st0, st1;
        int exp = (c.a.sexp & 0x7fff) - 0x3fff;
        bool nan;

        if (exp != 0x4000 && (exp > t->max_exp || exp < t->min_exp)) {
            c.a.sexp = (uint16_t)((c.a.sexp & 0x8000) | (0x3fff + t->max_exp - (n >> 2) % 70));
        }
        c.b = random_f80(c.a);
        c.control = (uint16_t)(0x37f | (n & 3) << 10);
        t->op.host(&c);
        host_image(&c, &st0, &st1);
        st0 = t->st1 && !(c.out.status & 0x400) ? st1 : st0;
        t->op.soft(&st, &c, &r);
        nan = f80_classify(r.st0) == F80_NAN;
        if (ulps(r.st0, st0) > (nan ? 0 : 1) || ((st.flags ^ c.out.status) & compared)) {
            g_test_message("%s a=%04x.%016lx b=%04x.%016lx cw=%04x: got %04x.%016lx flags %02x, "
                           "host %04x.%016lx status %04x",
                           t->op.name, c.a.sexp, c.a.mant, c.b.sexp, c.b.mant, c.control,
                           r.st0.sexp, r.st0.mant, st.flags, st0.sexp, st0.mant, c.out.status);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(x87_ops); i++) {
        g_autofree char *path = g_strdup_printf("/softfloat/x87/%s", x87_ops[i].name);

        g_test_add_data_func(path, &x87_ops[i], x87_matches_host);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(trans_ops); i++) {
        g_autofree char *path = g_strdup_printf("/softfloat/x87/%s", trans_ops[i].op.name);

        g_test_add_data_func(path, &trans_ops[i], trans_matches_host);
    }
    return g_test_run();
}

#else

int main(void)
{
    puts("1..0 # SKIP the host is not an x86-64");
    return 0;
}

#endif
