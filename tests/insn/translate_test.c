/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_test.c: the translator against the interpreter, on random code.
 *
 * Every case runs once instruction by instruction, and then several times by the engine from the
 * same state: first interpreted in blocks, then translated, then with its jumps linked.  Registers,
 * faults, memory, page tables and device accesses must agree.
 *
 * Flags that manuals leave undefined, and flags that a skipped instruction would have written, may
 * differ; a case that reads one is dropped.
 *
 * TRANSLATE_SEED and TRANSLATE_COUNT in the environment choose the cases; TRANSLATE_STEP is from a seed
 * to the next: every third, from 2 on, holds 32 or 16-bit code (gen_mode_of).
 * Thread: the cases run on the vCPU's own.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
#include "accel/tcg/tcg.h"
#include "accel/tcg/translator.h"
#include "target/i386/operand.h"
#include "tests/insn/translate_run.h"

#define COUNT 12000
#define RUNS  5 /* by the engine */

static struct bench *the_bench; /* for the signal handler */

/* Comparison ------------------------------------------------------------------------------------ */

static void differs(GString *out, const char *name, uint64_t want, uint64_t got)
{
    if (want != got) {
        g_string_append_printf(out,
                               "#   %s: interpreter %016" PRIx64 ", translator %016" PRIx64 "\n",
                               name, want, got);
    }
}

static void compare_bytes(GString *out, const char *name, const void *want, const void *got,
                          unsigned size)
{
    const uint8_t *w = want, *g = got;

    for (unsigned n = 0, shown = 0; n < size && shown < 4; n++) {
        if (w[n] != g[n]) {
            g_string_append_printf(out, "#   %s+%#x: interpreter %02x, translator %02x\n", name, n,
                                   w[n], g[n]);
            shown++;
        }
    }
}

static void compare_x87(GString *out, const struct x87_state *w, const struct x87_state *g)
{
    for (unsigned n = 0; n < 8; n++) {
        g_autofree char *low = g_strdup_printf("mm%u", n);
        g_autofree char *high = g_strdup_printf("fpr%u sign and exponent", n);

        differs(out, low, w->reg[n].mant, g->reg[n].mant);
        differs(out, high, w->reg[n].sexp, g->reg[n].sexp);
    }
    differs(out, "x87 top", w->top, g->top);
    differs(out, "x87 empty", w->empty, g->empty);
    differs(out, "x87 control", w->control, g->control);
    differs(out, "x87 status", w->status, g->status);
    differs(out, "x87 opcode", w->opcode, g->opcode);
    differs(out, "x87 ip", w->ip, g->ip);
    differs(out, "x87 cs", w->cs, g->cs);
    differs(out, "x87 dp", w->dp, g->dp);
    differs(out, "x87 ds", w->ds, g->ds);
}

static void compare(const struct bench *b, const struct outcome *w, const struct outcome *g,
                    GString *out)
{
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };

    for (unsigned n = 0; n < MIN(w->n_faults, g->n_faults) && !out->len; n++) {
        const struct fault *a = &w->faults[n], *c = &g->faults[n];

        differs(out, "fault rip", a->rip, c->rip);
        differs(out, "fault vector", (uint64_t)a->vector, (uint64_t)c->vector);
        differs(out, "fault error", a->error, c->error);
        differs(out, "fault cr2", a->cr2, c->cr2);
        differs(out, "fault rsp", b->c.narrow ? (uint32_t)a->rsp : a->rsp,
                b->c.narrow ? (uint32_t)c->rsp : c->rsp);
    }
    differs(out, "faults", w->n_faults, g->n_faults);
    for (unsigned n = 0; n < 16; n++) {
        uint64_t mask = b->c.narrow && n < 8 ? UINT32_MAX : UINT64_MAX; /* the rest is undefined */

        differs(out, names[n], w->regs[n] & mask, g->regs[n] & mask);
    }
    for (unsigned n = 0; n < 32; n++) {
        g_autofree char *name = g_strdup_printf("vector %u", n);

        compare_bytes(out, name, &w->vec[n], &g->vec[n], sizeof(union vec));
    }
    for (unsigned n = 0; n < 8; n++) {
        differs(out, "mask register", w->kmask[n], g->kmask[n]);
    }
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        differs(out, "selector", w->selector[n], g->selector[n]);
    }
    differs(out, "es base", w->es, g->es);
    differs(out, "ds base", w->ds, g->ds);
    differs(out, "ss base", w->ss, g->ss);
    differs(out, "rip", w->rip, g->rip);
    differs(out, "fs base", w->fs, g->fs);
    differs(out, "gs base", w->gs, g->gs);
    differs(out, "kernel gs base", w->kernel_gs, g->kernel_gs);
    differs(out, "eflags", w->eflags, g->eflags);
    differs(out, "mxcsr", w->mxcsr, g->mxcsr);
    differs(out, "mmio accesses", w->mmio_count, g->mmio_count);
    differs(out, "mmio hash", w->mmio_hash, g->mmio_hash);
    if (!b->flags_lost) {
        differs(out, "flags", w->arith & ~b->taint, g->arith & ~b->taint);
    }
    compare_x87(out, &w->x87, &g->x87);
    compare_bytes(out, "data", w->data, g->data, sizeof(w->data));
    compare_bytes(out, "code", w->code, g->code, sizeof(w->code));
    compare_bytes(out, "page table", w->page_table + 256, g->page_table + 256, 256 * 8);
}

/* One case: the differences, or NULL. */
static GString *check_case(struct bench *b)
{
    g_autoptr(GString) out = g_string_new(NULL);

    if (run_reference(b, &b->reference) == DROPPED) {
        b->dropped++;
        return NULL;
    }
    b->faults += b->reference.n_faults;
    for (unsigned n = 0; n < RUNS; n++) {
        run_engine(b, &b->engine);
        compare(b, &b->reference, &b->engine, out);
        if (out->len) {
            g_string_prepend(out, n == 0 ? "# interpreted in blocks:\n" : "# translated:\n");
            return g_steal_pointer(&out);
        }
        heat_blocks(b);
    }
    if (b->c.mode == GEN_64) {
        check_copies(b, out);
    }
    return out->len ? g_steal_pointer(&out) : NULL;
}

static void print_case(struct bench *b, const char *text)
{
    static const char *const modes[] = { "64", "flat 32", "moved 32", "16" };
    const struct gen_case *c = &b->c;
    g_autoptr(GString) out = g_string_new(NULL);

    enter_mode(b, c->mode, c->cpl);
    g_string_append_printf(out, "# seed %" PRIu64 ", %s-bit code, CPL %u\n%s", c->seed,
                           modes[c->mode], c->cpl, text);
    for (unsigned n = 0; n < c->n; n++) {
        struct insn i;

        if (insn_decode(b->cpu, c->code + c->at[n], 15, &i) == DECODE_TRUNCATED) {
            continue;
        }
        g_string_append_printf(out, "#   %06" PRIx64 ": ", (uint64_t)(GEN_CODE + c->at[n]));
        for (unsigned k = 0; k < c->len[n]; k++) {
            g_string_append_printf(out, "%02x ", c->code[c->at[n] + k]);
        }
        g_string_append(out, "  ");
        insn_print(&i, GEN_CODE + c->at[n], out);
        g_string_append_c(out, '\n');
    }
    for (unsigned n = 0; n < 16; n++) {
        g_string_append_printf(out, "%s%016" PRIx64, n % 4 ? " " : "\n# regs ", b->start.regs[n]);
    }
    g_string_append_printf(out,
                           "\n# flags %03x mxcsr %04x fs %" PRIx64 " gs %" PRIx64 " rip %" PRIx64
                           " eflags %x cr0 %x cr4 %x xcr0 %x, %u faults; undefined flags %03x\n",
                           b->start.arith, b->start.mxcsr, b->start.fs, b->start.gs, b->start.rip,
                           b->start.eflags, (unsigned)b->start.cr0, (unsigned)b->start.cr4,
                           (unsigned)b->start.xcr0, b->reference.n_faults, b->taint);
    for (unsigned n = 0; n < b->reference.n_faults; n++) {
        const struct fault *f = &b->reference.faults[n];

        g_string_append_printf(out, "# fault %d at %" PRIx64 " error %x cr2 %" PRIx64 "\n",
                               f->vector, f->rip, f->error, f->cr2);
    }
    fputs(out->str, stderr);
}

/* Replaces instructions by NOPs as long as the case still fails. */
static void shrink(struct bench *b)
{
    static const uint8_t nop[] = { 0x66, 0x66, 0x66, 0x66, 0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0 };
    g_autoptr(GString) text = NULL;

    for (unsigned n = 0; n + 1 < b->c.n; n++) {
        uint8_t *at = b->c.code + b->c.at[n], saved[16];
        unsigned len = b->c.len[n];
        g_autoptr(GString) out = NULL;

        memcpy(saved, at, len);
        memset(at, 0x90, len);
        if (len == 3) {
            memcpy(at, "\x0f\x1f\x00", 3);
        } else if (len >= 8) {
            memcpy(at, nop + 13 - len, MIN(len, 13));
        } else if (len > 3) {
            memset(at, 0x66, len - 3);
            memcpy(at + len - 3, "\x0f\x1f\x00", 3);
        }
        memcpy(b->start.code, b->c.code, sizeof(b->start.code));
        out = check_case(b);
        if (!out) {
            memcpy(at, saved, len);
        }
    }
    memcpy(b->start.code, b->c.code, sizeof(b->start.code));
    text = check_case(b);
    print_case(b, text ? text->str : "# does not come again\n");
}

static void run_cases(struct vcpu *v)
{
    struct bench *b = the_bench;

    (void)v;
    translator_hot_after(b->cpu->engine, 0); /* traces, too */
    check_absolute_copies(b);
    for (uint64_t n = 0; n < b->count && b->mismatches < 8; n++) {
        g_autoptr(GString) out = NULL;

        uint64_t seed = b->first_seed + n * b->step;

        enter_mode(b, gen_mode_of(seed), 0);
        gen_make(&b->c, b->cpu, seed);
        random_state(b);
        b->cases++;
        out = check_case(b);
        if (out) {
            b->mismatches++;
            fputs("# before it was made shorter:\n", stderr);
            fputs(out->str, stderr);
            shrink(b);
        }
    }
    v->unplug = true;
}

static void crashed(int sig)
{
    char text[128];
    int n =
        snprintf(text, sizeof(text), "# signal %d in case %" PRIu64 "\n", sig, the_bench->c.seed);

    if (write(2, text, (size_t)n) < 0) {
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static bool always(struct vcpu *v)
{
    (void)v;
    return true;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text ? g_ascii_strtoull(text, NULL, 0) : otherwise;
}

static void test_random(void)
{
    struct bench *b;
    struct vcpu_ops ops = tcg_vcpu_ops;
    g_autoptr(GError) error = NULL;
    struct machine *m;
    struct tcg *t;

    if (!translator_available()) {
        g_test_skip("no translator for this host");
        return;
    }
    b = bench_new();
    b->first_seed = number_from("TRANSLATE_SEED", 1);
    b->step = number_from("TRANSLATE_STEP", 1);
    b->count = number_from("TRANSLATE_COUNT", COUNT);
    the_bench = b;
    m = b->rig->m;
    machine_lock(m);
    m->vcpus[0] = &b->cpu->vcpu;
    m->n_vcpus = 1;
    ops.run = run_cases;
    ops.has_work = always;
    b->cpu->vcpu.ops = &ops;
    signal(SIGSEGV, crashed);
    signal(SIGILL, crashed);
    signal(SIGBUS, crashed);
    signal(SIGFPE, crashed);
    g_assert_true(vcpu_start_all(m, &error));
    vcpu_resume_all(m);
    while (!b->cpu->vcpu.unplug) {
        machine_unlock(m);
        g_usleep(1000);
        machine_lock(m);
    }
    t = b->cpu->engine;
    g_test_message("%u cases, %u dropped, %u faults, %" PRIu64 " blocks decoded, %" PRIu64
                   " translated, %" PRIu64 " traces, %" PRIu64 " resets",
                   b->cases, b->dropped, b->faults, t->n_decoded, t->n_translated, t->n_traces,
                   t->n_code_resets);
    g_assert_cmpuint(t->n_translated, >, 0);
    g_assert_cmpuint(t->n_traces, >, 0);
    g_test_message("%u blocks copied, %u not to be copied", b->copied, b->not_copied);
    g_assert_cmpuint(b->copied, >, b->not_copied);
    vcpu_destroy_all(m);
    g_assert_cmpuint(b->mismatches, ==, 0);
    g_assert_cmpuint(b->dropped, <, b->cases * 3 / 4);
    machine_unlock(m);
    bench_free(b);
}

/* Levels and modes whose code must not be taken for another's. */
static void test_modes(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint64_t key;
    int flat;

    for (unsigned cpl = 0; cpl < 4; cpl++) {
        rig_long(r, cpl);
        g_assert_cmpint(translator_mode(cpu) >= 0, ==, cpl == 0 || cpl == 3);
    }
    cpu->cr0 |= CR0_AM;
    cpu->eflags |= FLAG_AC;
    cpu_update_mode(cpu);
    g_assert_cmpint(translator_mode(cpu), <, 0);
    rig_protected(r, 0);
    flat = translator_mode(cpu);
    g_assert_cmpint(flat, >=, 0);
    g_assert_false(flat & MODE_SEGMENTED);
    segment_set(&cpu->seg[SEG_DS], SEL_DATA0, 0, 0xfffff, A_DATA | A_32);
    g_assert_cmpint(translator_mode(cpu), ==, flat | MODE_SEGMENTED);
    key = translator_key(cpu);
    segment_set(&cpu->seg[SEG_SS], SEL_DATA0, 0, 0xffff, A_DATA);
    cpu_update_mode(cpu);
    g_assert_cmpint(translator_mode(cpu), ==, flat | MODE_SEGMENTED | MODE_OTHER_STACK);
    g_assert_cmphex(translator_key(cpu), !=, key);
    segment_set(&cpu->seg[SEG_CS], SEL_CODE0, 1u << CODE_BASE_BITS, UINT32_MAX, A_CODE | A_32);
    g_assert_cmpint(translator_mode(cpu), <, 0);
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/translate/modes", test_modes);
    g_test_add_func("/translate/random", test_random);
    return g_test_run();
}
