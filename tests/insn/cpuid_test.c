/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/cpuid_test.c: models, feature names, and leaves that must agree with each other.
 * One thread.
 */
#include "target/i386/cpuid_models.h"
#include "target/i386/xsave.h"
#include "tests/insn/system_rig.h"

enum { EAX, EBX, ECX, EDX };

static void models_have_consistent_leaves(void)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++) {
        struct system_rig *r = NULL;
        uint32_t out[4], ext[4];

        if (strcmp(m->name, "host") == 0) {
            continue; /* warns */
        }
        r = system_rig_new(m->name);
        cpu_cpuid(r->cpu, 0, 0, out);
        g_assert_cmphex(out[EAX], ==, m->level);
        g_assert_cmpmem(&out[EBX], 4, m->vendor, 4);
        g_assert_cmpmem(&out[EDX], 4, m->vendor + 4, 4);
        g_assert_cmpmem(&out[ECX], 4, m->vendor + 8, 4);
        cpu_cpuid(r->cpu, 1, 0, out);
        g_assert_cmphex(out[EAX], ==, cpu_signature(r->cpu));
        g_assert_cmphex(r->cpu->regs[R_RDX], ==, out[EAX]);
        cpu_cpuid(r->cpu, 0x80000000, 0, ext);
        g_assert_true(!m->xlevel || ext[EAX] == m->xlevel); /* old processors have no such leaf */
        /* the hypervisor bit and its leaf go together */
        g_assert_true(out[ECX] >> 31);
        cpu_cpuid(r->cpu, 0x40000000, 0, ext);
        g_assert_cmpmem(&ext[EBX], 12, "RheaRheaRhea", 12);
        system_rig_free(r);
    }
}

/* CPU 9 of 2 packages of 3 cores of 2 threads: fields of 2 and 1 bits, thread 1 of core 1 of package 1. */
static void topology_is_told_alike_everywhere(void)
{
    static const struct {
        const char *model;
        struct cpu_topology topology;
        unsigned index;
        uint32_t leaf, sub, want[4], mask[4];
    } rows[] = {
    /* clang-format off */
#define TWO_BY_3_BY_2 { .max_cpus = 12, .sockets = 2, .dies = 1, .cores = 3, .threads = 2 }, 9
#define DIES          { .max_cpus = 16, .sockets = 2, .dies = 2, .cores = 2, .threads = 2 }, 13
        { "max", TWO_BY_3_BY_2, 1, 0, { 0, 11u << 24 | 6 << 16, 0, 1u << 28 }, { 0, 0xffff0000, 0, 1u << 28 } },
        { "max", TWO_BY_3_BY_2, 4, 0, { 3u << 26 | 1 << 14 }, { 0xffffc000 } },
        { "max", TWO_BY_3_BY_2, 4, 3, { 3u << 26 | 7 << 14 }, { 0xffffc000 } },
        { "max", TWO_BY_3_BY_2, 0xb, 0, { 1, 2, 0x100, 11 }, { ~0u, ~0u, ~0u, ~0u } },
        { "max", TWO_BY_3_BY_2, 0xb, 1, { 3, 6, 0x201, 11 }, { ~0u, ~0u, ~0u, ~0u } },
        { "max", TWO_BY_3_BY_2, 0xb, 2, { 0, 0, 2, 11 }, { ~0u, ~0u, ~0u, ~0u } },
        { "max", DIES, 0, 0, { 0x1f }, { ~0u } },
        { "max", DIES, 0xb, 1, { 3, 8, 0x201, 13 }, { ~0u, ~0u, ~0u, ~0u } },
        { "max", DIES, 0x1f, 1, { 2, 4, 0x201, 13 }, { ~0u, ~0u, ~0u, ~0u } },
        { "max", DIES, 0x1f, 2, { 3, 8, 0x502, 13 }, { ~0u, ~0u, ~0u, ~0u } },
        { "EPYC", TWO_BY_3_BY_2, 0x80000001, 0, { 0, 0, 1u << 22 | 2 }, { 0, 0, 1u << 22 | 2 } },
        { "EPYC", TWO_BY_3_BY_2, 0x80000008, 0, { 0, 0, 3 << 12 | 5 }, { 0, 0, ~0u } },
        { "EPYC", TWO_BY_3_BY_2, 0x8000001d, 3, { 5 << 14 }, { 0xffffc000 } },
        { "EPYC", TWO_BY_3_BY_2, 0x8000001e, 0, { 11, 1 << 8 | 1, 0 }, { ~0u, ~0u, ~0u } },
        { "EPYC", DIES, 0x8000001e, 0, { 13, 1 << 8 | 2, 1 << 8 | 1 }, { ~0u, ~0u, ~0u } },
        /* clang-format on */
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        struct machine *m = machine_new();
        struct x86_cpu *cpu;
        uint32_t out[4];

        machine_lock(m);
        m->config.cpus = rows[n].topology.max_cpus;
        m->config.topology = rows[n].topology;
        cpu = cpu_new(m, (int)rows[n].index, rows[n].model, NULL);
        cpu_cpuid(cpu, rows[n].leaf, rows[n].sub, out);
        for (unsigned k = 0; k < 4; k++) {
            g_test_message("row %u, register %u", n, k);
            g_assert_cmphex(out[k] & rows[n].mask[k], ==, rows[n].want[k]);
        }
        cpu_free(cpu);
        machine_free(m);
    }
}

static void every_named_feature_of_a_model_exists(void)
{
    for (const struct cpu_model *m = cpu_models; m->name; m++) {
        g_auto(GStrv) names = g_strsplit(m->features ? m->features : "", " ", -1);

        for (unsigned n = 0; names[n]; n++) {
            const struct cpu_feature_name *f = cpu_feature_names;

            while (f->name && strcmp(f->name, names[n]) != 0) {
                f++;
            }
            g_assert_true(!names[n][0] || f->name);
        }
    }
}

/* Leaf 0xd describes what XCR0 may hold, and is empty without XSAVE. */
static void xsave_leaf_follows_the_feature(void)
{
    struct system_rig *r = system_rig_new("max");
    uint32_t out[4];

    cpu_cpuid(r->cpu, 0xd, 0, out);
    g_assert_cmphex(out[EAX], ==, (uint32_t)xsave_supported(r->cpu));
    g_assert_cmphex(out[EAX] & 3, ==, 3);
    g_assert_cmpuint(out[EBX], ==, 576);
    g_assert_cmpuint(out[ECX], ==, xsave_area_size(xsave_supported(r->cpu), false));
    cpu_cpuid(r->cpu, 0xd, 1, out);
    g_assert_cmphex(out[EAX] & 15, ==, 15);
    cpu_cpuid(r->cpu, 1, 0, out);
    g_assert_false(out[ECX] >> 27 & 1);
    r->cpu->cr4 |= CR4_OSXSAVE;
    cpu_cpuid(r->cpu, 1, 0, out);
    g_assert_true(out[ECX] >> 27 & 1);
    g_assert_cmpuint(out[ECX] >> 28 & 1, ==, xsave_supported(r->cpu) >> 2 & 1); /* AVX */
    g_assert_cmpuint(cpu_has(r->cpu, X86_AVX512F) ? 7 : 0, ==, xsave_supported(r->cpu) >> 5 & 7);
    system_rig_free(r);

    r = system_rig_new("max,-xsave");
    for (uint32_t sub = 0; sub < 3; sub++) {
        cpu_cpuid(r->cpu, 0xd, sub, out);
        g_assert_cmphex(out[EAX] | out[EBX] | out[ECX] | out[EDX], ==, 0);
    }
    g_assert_false(cpu_has(r->cpu, X86_XSAVES));
    system_rig_free(r);
}

/* Offsets and sizes are those of every processor: SDM vol. 1, 13.5. */
static void xsave_components_are_laid_out_as_in_hardware(void)
{
    static const struct {
        uint32_t sub, size, offset;
    } rows[] = { { 2, 256, 576 }, { 5, 64, 1088 }, { 6, 512, 1152 }, { 7, 1024, 1664 } };
    struct system_rig *r = system_rig_new("max");
    uint32_t out[4];

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        if (xsave_supported(r->cpu) >> rows[n].sub & 1) {
            cpu_cpuid(r->cpu, 0xd, rows[n].sub, out);
            g_assert_cmpuint(out[EAX], ==, rows[n].size);
            g_assert_cmpuint(out[EBX], ==, rows[n].offset);
        }
    }
    if (cpu_has(r->cpu, X86_AVX512F)) {
        g_assert_true(xsave_xcr0_valid(r->cpu, 0xe7));
        g_assert_false(xsave_xcr0_valid(r->cpu, 0xe3));
        g_assert_false(xsave_xcr0_valid(r->cpu, 0x27));
        r->cpu->xcr0 = 0xe7;
        cpu_cpuid(r->cpu, 0xd, 0, out);
        g_assert_cmpuint(out[EBX], ==, 2688);
        cpu_cpuid(r->cpu, 0xd, 1, out);
        g_assert_cmpuint(out[EBX], ==, 576 + 256 + 64 + 512 + 1024);
    }
    system_rig_free(r);
}

/* Without AVX nothing that needs it is left; AVX itself goes with XSAVE. */
static void vector_features_go_with_what_they_need(void)
{
    struct system_rig *r = system_rig_new("max,-avx");

    g_assert_false(cpu_has(r->cpu, X86_AVX2));
    g_assert_false(cpu_has(r->cpu, X86_FMA));
    g_assert_false(cpu_has(r->cpu, X86_AVX512F));
    g_assert_false(cpu_has(r->cpu, X86_AVX512VL));
    g_assert_cmphex(xsave_supported(r->cpu), ==, 3);
    system_rig_free(r);
    r = system_rig_new("max,-xsave");
    g_assert_false(cpu_has(r->cpu, X86_AVX));
    system_rig_free(r);
    r = system_rig_new("max,-avx512f");
    g_assert_false(cpu_has(r->cpu, X86_AVX512BW));
    g_assert_cmphex(xsave_supported(r->cpu) & 0xe0, ==, 0);
    system_rig_free(r);
}

static void time_leaves_agree_with_the_tsc(void)
{
    struct system_rig *r = system_rig_new("max");
    uint32_t out[4];
    uint64_t before;

    cpu_cpuid(r->cpu, 0x15, 0, out);
    g_assert_cmpuint((uint64_t)out[ECX] * out[EBX] / out[EAX], ==, r->cpu->tsc_hz);
    cpu_cpuid(r->cpu, 0x16, 0, out);
    g_assert_cmpuint(out[EAX], ==, r->cpu->tsc_hz / 1000000);
    before = cpu_tsc(r->cpu);
    machine_lock(r->m);
    clock_step(r->m, NS_PER_MS);
    machine_unlock(r->m);
    g_assert_cmpuint(cpu_tsc(r->cpu) - before, ==, r->cpu->tsc_hz / 1000);
    system_rig_free(r);
}

static void leaves_beyond_the_last(void)
{
    struct system_rig *intel = system_rig_new("Nehalem"), *amd = system_rig_new("qemu64");
    uint32_t out[4], last[4];

    cpu_cpuid(intel->cpu, 0x1000, 0, out);
    cpu_cpuid(intel->cpu, 11, 0, last);
    g_assert_cmpmem(out, sizeof(out), last, sizeof(last));
    cpu_cpuid(amd->cpu, 0x1000, 0, out);
    g_assert_cmphex(out[EAX] | out[EBX] | out[ECX] | out[EDX], ==, 0);
    system_rig_free(intel);
    system_rig_free(amd);
}

/* CR4 takes a bit exactly when CPUID shows the feature. */
static void removed_features_are_gone_everywhere(void)
{
    struct system_rig *r = system_rig_new("max,-smep,sse4_2=off,rdrand=off");
    uint32_t out[4];

    cpu_cpuid(r->cpu, 7, 0, out);
    g_assert_false(out[EBX] >> 7 & 1);
    cpu_cpuid(r->cpu, 1, 0, out);
    g_assert_false(out[ECX] >> 20 & 1);
    rig_protected(r, 0);
    r->cpu->regs[R_RAX] = CR4_SMEP;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xe0"), ==, EXC_GP);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\xc7\xf0"), ==, EXC_UD); /* rdrand eax */
    r->cpu->regs[R_RAX] = CR4_SMAP;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xe0"), ==, -1);
    system_rig_free(r);
}

static void rdrand_sets_carry(void)
{
    struct system_rig *r = system_rig_new("max");
    uint64_t all = 0;

    rig_long(r, 3);
    for (unsigned n = 0; n < 8; n++) {
        g_assert_cmpint(RIG_EXEC(r, "\x48\x0f\xc7\xf0"), ==, -1);
        g_assert_cmphex(flags_arith(r->cpu), ==, FLAG_CF);
        all |= r->cpu->regs[R_RAX];
    }
    g_assert_cmphex(all, !=, 0);
    system_rig_free(r);
}

static void bad_text(void)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { "Nehalen", "Nehalem" },
        { "max,+sse4.3", "sse4.1" },
        { "max,sse2=maybe", "on or off" },
        { "max,phys-bits=99", "36 to 46" },
        { "max,+avx512er,enforce", "avx512er" },
        { "Haswell,enforce", "rtm" }, /* and every other one that is missing */
        { "Haswell,enforce", "hle" },
        { "", "cannot be empty" },
    };
    struct system_rig *r = system_rig_new("max");

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(cpu_model_parse(r->cpu, rows[n].text, &error));
        g_assert_nonnull(error);
        g_assert_nonnull(strstr(error->message, rows[n].expected));
    }
    system_rig_free(r);
}

static void list_names_everything(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    cpu_model_print_list(out);
    g_assert_nonnull(strstr(out->str, "x86 max "));
    g_assert_nonnull(strstr(out->str, "Available CPUs:"));
    g_assert_nonnull(strstr(out->str, "Recognized CPUID flags:"));
    g_assert_nonnull(strstr(out->str, " tsc-deadline"));
}

static void registers_print(void)
{
    struct system_rig *r = system_rig_new("max");
    g_autoptr(GString) out = g_string_new(NULL);

    cpu_print_state(r->cpu, out);
    g_assert_nonnull(strstr(out->str, "EIP=0000fff0 EFL=00000002 [-------] CPL=0"));
    g_assert_nonnull(strstr(out->str, "CS =f000 ffff0000 0000ffff 00009b00\n"));
    g_assert_nonnull(strstr(out->str, "CR0=60000010 "));
    rig_long(r, 0);
    g_string_truncate(out, 0);
    cpu_print_state(r->cpu, out);
    g_assert_nonnull(strstr(out->str, "RIP=0000000000007000 RFL="));
    g_assert_nonnull(
        strstr(out->str, "CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]\n"));
    system_rig_free(r);
}

static void state_survives_save_and_load(void)
{
    struct system_rig *a = system_rig_new("max"), *b = system_rig_new("max");
    g_autoptr(GByteArray) stream = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    size_t pos = 0;

    rig_long(a, 3);
    a->cpu->regs[R_R15] = 0x123456789abcdef0;
    a->cpu->x87.reg[7].mant = 5;
    a->cpu->vec[31].q[7] = 9;
    state_save(cpu_state_rows, a->cpu, stream);
    g_assert_true(state_load(cpu_state_rows, b->cpu, stream->data, stream->len, &pos, &error));
    g_assert_no_error(error);
    cpu_update_mode(b->cpu);
    g_assert_cmphex(b->cpu->regs[R_R15], ==, 0x123456789abcdef0);
    g_assert_cmpint(b->cpu->cpl, ==, 3);
    g_assert_true(b->cpu->code64);
    g_assert_cmphex(b->cpu->x87.reg[7].mant, ==, 5);
    g_assert_cmphex(b->cpu->vec[31].q[7], ==, 9);
    system_rig_free(a);
    system_rig_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpuid/models", models_have_consistent_leaves);
    g_test_add_func("/cpuid/topology", topology_is_told_alike_everywhere);
    g_test_add_func("/cpuid/model-features", every_named_feature_of_a_model_exists);
    g_test_add_func("/cpuid/xsave", xsave_leaf_follows_the_feature);
    g_test_add_func("/cpuid/xsave-layout", xsave_components_are_laid_out_as_in_hardware);
    g_test_add_func("/cpuid/vector-dependents", vector_features_go_with_what_they_need);
    g_test_add_func("/cpuid/time", time_leaves_agree_with_the_tsc);
    g_test_add_func("/cpuid/beyond", leaves_beyond_the_last);
    g_test_add_func("/cpuid/removed-features", removed_features_are_gone_everywhere);
    g_test_add_func("/cpuid/rdrand", rdrand_sets_carry);
    g_test_add_func("/cpuid/bad-text", bad_text);
    g_test_add_func("/cpuid/list", list_names_everything);
    g_test_add_func("/cpuid/registers", registers_print);
    g_test_add_func("/cpuid/state", state_survives_save_and_load);
    return g_test_run();
}
