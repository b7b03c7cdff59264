/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/x87_test.c: every x87 instruction against the host: registers, tags, TOP, control and
 * status words, memory and pending exceptions, from random states with empty registers, unmasked
 * exceptions and operands of every class.  One thread.
 */
#include <glib.h>
#include <string.h>
#include "target/i386/softfloat.h"
#include "target/i386/x87.h"
#include "tests/insn/native.h"

/* Transcendental functions are within 1 ulp, not equal: softfloat_test compares numbers. */
static bool is_transcendental(unsigned op, unsigned modrm)
{
    return op == 0xd9 &&
           ((modrm >= 0xf0 && modrm <= 0xf3) || modrm == 0xf9 || modrm == 0xfb || modrm >= 0xfe);
}

static struct float80 special_f80(struct native *n)
{
    /* clang-format off */
    static const struct float80 specials[] = {
        { 0, 0 }, { 0, 0x8000 }, { 1ull << 63, 0x7fff }, { 1ull << 63, 0xffff },
        { 0xc000000000000000ull, 0xffff }, { 0xc000000000000001ull, 0x7fff },
        { 0xa000000000000000ull, 0x7fff }, { 0xbfffffffffffffffull, 0xffff },
        { 0x4000000000000000ull, 0x3fff }, { 0x1000000000000000ull, 0x7fff }, { 0, 0x7fff },
        { 1, 0x0001 },
    };
    /* clang-format on */

    return specials[native_random(n) % G_N_ELEMENTS(specials)];
}

static struct float80 random_f80(struct native *n)
{
    uint64_t r = native_random(n), m = native_random(n) | 1ull << 63;
    uint16_t sign = (r >> 63) << 15;

    switch (r & 7) {
    case 0:
    case 1:
        return special_f80(n);
    case 2: /* a small integer */
        return i64_to_f80((int64_t)(m << 1) >> (r >> 8 & 63));
    case 3: /* denormal or nearly */
        return (struct float80){ m >> (r >> 8 & 63), sign | (r >> 16 & 1) };
    case 4: /* few bits */
        return (struct float80){ m & ~0ull << (r >> 8 & 63), sign | (0x3fc0 + (r >> 16 & 127)) };
    case 5: /* near overflow */
        return (struct float80){ m, sign | (0x7ffe - (r >> 16 & 1)) };
    default:
        return (struct float80){ m, sign | (0x3fc0 + (r >> 16 & 127)) };
    }
}

/* A state with an empty register now and then; ES and B agree with the flags. */
static void random_state(struct native *n, struct native_state *s, bool special)
{
    uint64_t r = native_random(n);
    uint16_t control = 0x37f, status = (r & 0x7f00) | (r >> 16 & 0x7f);
    uint8_t tags = r & 0x80000000 ? 0xff : (uint8_t)(r >> 32 | r >> 40);

    native_randomize(n, s);
    if (r & 1ull << 48) {
        control = (uint16_t)(0x40 | (r >> 49 & 0xf3f));
    } else {
        control = (uint16_t)((control & ~0xf00) | (r >> 49 & 0xf00));
    }
    if ((control & 0x300) == 0x100) { /* reserved */
        control |= 0x300;
    }
    if (r >> 61) { /* mostly nothing pending */
        status &= ~(~control & 0x3f);
    }
    if (status & ~control & 0x3f) {
        status |= X87_STATUS_ES | X87_STATUS_B;
    }
    memcpy(s->fx + FX_CONTROL, &control, 2);
    memcpy(s->fx + FX_STATUS, &status, 2);
    s->fx[FX_TAG] = tags;
    for (unsigned k = 0; k < 8; k++) {
        struct float80 v = special ? special_f80(n) : random_f80(n);

        memcpy(s->fx + FX_ST(k), &v.mant, 8);
        memcpy(s->fx + FX_ST(k) + 8, &v.sexp, 2);
    }
    n->cpu->x87.ip = n->cpu->x87.dp = 0;
    n->cpu->x87.cs = n->cpu->x87.ds = n->cpu->x87.opcode = 0;
}

/* The memory operand, as real or integer of any size at [rbx]. */
static void random_memory(struct native *n, struct native_state *s)
{
    uint8_t *p = n->arena + (s->gpr[R_RBX] - NATIVE_ARENA);
    struct float_status st = { .masked = FLOAT_ALL, .precision = 64 };
    struct float80 v = random_f80(n);
    uint64_t r = native_random(n), m;

    memcpy(p, &v.mant, 8);
    memcpy(p + 8, &v.sexp, 2);
    switch (r & 3) {
    case 0:
        m = f80_to_f64(&st, v);
        memcpy(p, &m, 8);
        break;
    case 1:
        m = f80_to_f32(&st, v);
        memcpy(p, &m, 4);
        break;
    case 2:
        m = native_interesting(n);
        memcpy(p, &m, 8);
        break;
    }
}

static void check_opcode(struct native *n, unsigned op, unsigned modrm, unsigned rounds)
{
    uint8_t bytes[2] = { (uint8_t)op, (uint8_t)modrm };
    struct native_state s;
    struct insn insn;
    unsigned bad = 0;

    if (insn_decode(n->cpu, bytes, 2, &insn) != DECODE_OK) {
        return;
    }
    for (unsigned k = 0; k < rounds && bad < 1; k++) {
        random_state(n, &s, is_transcendental(op, modrm));
        if (modrm < 0xc0) {
            random_memory(n, &s);
        }
        bad += !native_check(n, bytes, 2, &s, 0);
    }
}

static struct native *native_or_skip(void)
{
    struct native *n = native_new();

    if (native_skip(n)) {
        native_free(n);
        return NULL;
    }
    return n;
}

static void registers_match_host(gconstpointer data)
{
    struct native *n = native_or_skip();
    unsigned op = GPOINTER_TO_UINT(data);

    if (!n) {
        return;
    }
    for (unsigned modrm = 0xc0; modrm < 0x100; modrm++) {
        check_opcode(n, op, modrm, 120);
    }
    native_free(n);
}

static void memory_matches_host(gconstpointer data)
{
    struct native *n = native_or_skip();
    unsigned op = GPOINTER_TO_UINT(data);

    if (!n) {
        return;
    }
    for (unsigned reg = 0; reg < 8; reg++) {
        check_opcode(n, op, reg << 3 | 3 /* [rbx] */, 600);
    }
    native_free(n);
}

/* The 16-bit environment too. */
static void environment_matches_host(void)
{
    static const uint8_t images[][3] = {
        { 0x66, 0xd9, 0x33 },
        { 0x66, 0xd9, 0x23 },
        { 0x66, 0xdd, 0x33 },
        { 0x66, 0xdd, 0x23 },
    };
    struct native *n = native_or_skip();
    struct native_state s;

    for (unsigned k = 0; n && k < G_N_ELEMENTS(images) * 200 && !g_test_failed(); k++) {
        random_state(n, &s, false);
        native_check(n, images[k % G_N_ELEMENTS(images)], 3, &s, 0);
    }
    if (n) {
        native_free(n);
    }
}

static void decodes_to(struct native *n, const char *text, unsigned op, unsigned modrm)
{
    uint8_t bytes[2] = { (uint8_t)op, (uint8_t)modrm };
    struct insn insn;

    g_assert_cmpint(insn_decode(n->cpu, bytes, 2, &insn), ==, DECODE_OK);
    g_assert_cmpstr(insn.row->mnemonic, ==, text);
}

/* Intel's and not AT&T's names: DC E0 is FSUBR, DC E8 is FSUB. */
static void reversed_forms_have_intel_names(void)
{
    struct native *n = native_or_skip();

    if (n) {
        decodes_to(n, "fsubr", 0xdc, 0xe1);
        decodes_to(n, "fsub", 0xdc, 0xe9);
        decodes_to(n, "fsubrp", 0xde, 0xe1);
        decodes_to(n, "fdivp", 0xde, 0xf9);
        native_free(n);
    }
}

static int vector_of(struct native *n, uint32_t cr0, uint16_t status, const char *bytes)
{
    struct native_state s;

    native_randomize(n, &s);
    memcpy(s.fx + FX_STATUS, &status, 2);
    s.fx[FX_CONTROL] = 0x7e; /* invalid unmasked */
    n->cpu->cr0 = CR0_PE | CR0_ET | cr0;
    native_run_guest(n, (const uint8_t *)bytes, (unsigned)strlen(bytes), &s);
    return s.vector;
}

/* SDM vol. 3, table 2-2, and CR0.NE. */
static void control_register_decides_the_fault(void)
{
    static const struct {
        const char *name;
        uint32_t cr0;
        uint16_t status;
        const char *bytes;
        int vector;
    } rows[] = {
        { "fld1", CR0_NE, 0, "\xd9\xe8", -1 },
        { "fld1, EM", CR0_NE | CR0_EM, 0, "\xd9\xe8", EXC_NM },
        { "fld1, TS", CR0_NE | CR0_TS, 0, "\xd9\xe8", EXC_NM },
        { "fninit, TS", CR0_NE | CR0_TS, 0, "\xdb\xe3", EXC_NM },
        { "fwait, TS", CR0_NE | CR0_TS, 0, "\x9b", -1 },
        { "fwait, TS and MP", CR0_NE | CR0_TS | CR0_MP, 0, "\x9b", EXC_NM },
        { "fwait, EM", CR0_NE | CR0_EM, 0, "\x9b", -1 },
        { "fwait, pending", CR0_NE, 0x8081, "\x9b", EXC_MF },
        { "fld1, pending", CR0_NE, 0x8081, "\xd9\xe8", EXC_MF },
        { "fnstsw, pending", CR0_NE, 0x8081, "\xdf\xe0", -1 },
        { "fnclex, pending", CR0_NE, 0x8081, "\xdb\xe2", -1 },
        { "paddb, pending", CR0_NE, 0x8081, "\x0f\xfc\xc1", EXC_MF },
        { "paddb, EM", CR0_NE | CR0_EM, 0, "\x0f\xfc\xc1", EXC_UD },
        { "paddb, TS", CR0_NE | CR0_TS, 0, "\x0f\xfc\xc1", EXC_NM },
        { "fld1, pending, NE clear", 0, 0x8081, "\xd9\xe8", -1 },
    };
    struct native *n = native_or_skip();

    for (size_t k = 0; n && k < G_N_ELEMENTS(rows); k++) {
        int vector = vector_of(n, rows[k].cr0, rows[k].status, rows[k].bytes);

        if (vector != rows[k].vector) {
            g_test_message("%s: vector %d, must be %d", rows[k].name, vector, rows[k].vector);
            g_test_fail();
        }
    }
    if (n) {
        native_free(n);
    }
}

static void count_edges(void *opaque, int line, bool level)
{
    unsigned *edges = opaque;

    g_assert_cmpint(line, ==, 13);
    edges[level]++;
}

/* CR0.NE clear: an unmasked exception asserts FERR#, clearing it takes FERR# back. */
static void ferr_follows_exceptions_without_ne(void)
{
    unsigned edges[2] = { 0, 0 };
    struct irq ferr = { count_edges, edges, 13 };
    struct native *n = native_or_skip();

    if (!n) {
        return;
    }
    n->cpu->ferr = &ferr;
    vector_of(n, 0, 0, "\xd9\xe0"); /* FCHS of an empty register: invalid */
    g_assert_cmpuint(edges[1], ==, 1);
    g_assert_cmpuint(edges[0], ==, 0);
    vector_of(n, 0, 0x8081, "\xdb\xe2");
    g_assert_cmpuint(edges[0], ==, 1);
    n->cpu->ferr = NULL;
    native_free(n);
}

/* The last instruction's pointers, as a handler reads them in 32-bit protected mode. */
static void environment_names_the_last_instruction(void)
{
    static const uint8_t fld[] = { 0xdd, 0x03 }, fnstenv[] = { 0xd9, 0x36 };
    struct native *n = native_or_skip();
    struct native_state s;
    struct insn insn;
    uint32_t env[7];

    if (!n) {
        return;
    }
    native_randomize(n, &s);
    native_run_guest(n, fld, 2, &s);
    /* Not through native_run_guest, which loads the pointers from its image. */
    g_assert_cmpint(insn_decode(n->cpu, fnstenv, 2, &insn), ==, DECODE_OK);
    insn.exec(n->cpu, &insn);
    memcpy(env, n->arena + (s.gpr[R_RSI] - NATIVE_ARENA), 28);
    g_assert_cmphex(env[3], ==, NATIVE_CODE);    /* where native_run_guest puts it */
    g_assert_cmphex(env[4], ==, 0x05030000 | 8); /* opcode DD 03, selector 8 */
    g_assert_cmphex(env[5], ==, s.gpr[R_RBX]);
    g_assert_cmphex(env[6] & 0xffff, ==, 8);
    native_free(n);
}

static void fxsave_helpers_round_trip(void)
{
    struct float80 st[8];
    struct native *n = native_or_skip();
    struct x86_cpu *cpu;

    if (!n) {
        return;
    }
    cpu = n->cpu;
    for (unsigned k = 0; k < 8; k++) {
        st[k] = i64_to_f80(k);
    }
    x87_set_from_fxsave(cpu, 0x37e, 3 << 11 | 1, 0x81, st);
    g_assert_cmphex(x87_status_word(cpu), ==, 0x8081 | 3 << 11);
    g_assert_cmphex(x87_abridged_tag(cpu), ==, 0x81);
    /* ST(4) is register 7, ST(5) is register 0: both valid and not zero */
    g_assert_cmphex(x87_full_tag_word(cpu), ==, 0x3ffc);
    g_assert_cmphex(x87_st(cpu, 5).mant, ==, 5ull << 61);
    x87_set_from_fxsave(cpu, 0x37e, 5 << 11, 0x20, st);
    g_assert_cmphex(x87_full_tag_word(cpu), ==, 0xf7ff); /* ST(0), a zero, is register 5 */
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned op = 0xd8; op <= 0xdf; op++) {
        g_autofree char *regs = g_strdup_printf("/x87/%02x/registers", op);
        g_autofree char *memory = g_strdup_printf("/x87/%02x/memory", op);

        g_test_add_data_func(regs, GUINT_TO_POINTER(op), registers_match_host);
        g_test_add_data_func(memory, GUINT_TO_POINTER(op), memory_matches_host);
    }
    g_test_add_func("/x87/environment/16-bit", environment_matches_host);
    g_test_add_func("/x87/environment/pointers", environment_names_the_last_instruction);
    g_test_add_func("/x87/names", reversed_forms_have_intel_names);
    g_test_add_func("/x87/cr0", control_register_decides_the_fault);
    g_test_add_func("/x87/ferr", ferr_follows_exceptions_without_ne);
    g_test_add_func("/x87/fxsave", fxsave_helpers_round_trip);
    return g_test_run();
}
