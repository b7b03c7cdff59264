/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/insn/msr_test.c: what model-specific registers take, keep and refuse.  One thread. */
#include "tests/insn/system_rig.h"

static void values_taken_and_refused(void)
{
    static const struct {
        uint32_t msr;
        uint64_t value;
        bool ok;
    } rows[] = {
        /* clang-format off */
        { 0x277,      0x0007040600070406, true },  /* PAT */
        { 0x277,      0x0007040600070402, false }, /* a type that does not exist */
        { 0xc0000080, EFER_SCE | EFER_NXE, true },
        { 0xc0000080, 1u << 12,           false }, /* SVME */
        { 0xc0000082, 0xffff800000000000, true },  /* LSTAR */
        { 0xc0000082, 0x0000800000000000, false }, /* not canonical */
        { 0xc0000100, 0x8000000000000000, false },
        { 0xc0000084, 0x100000000,        false }, /* FMASK is 32 bits */
        { 0xc0000103, 0xffffffff,         true },  /* TSC_AUX */
        { 0xc0000103, 0x100000000,        false },
        { 0x175,      0x0000800000000000, false }, /* SYSENTER_ESP */
        { 0x200,      0x00000000c0000006, true },  /* a variable MTRR: write-back */
        { 0x200,      0x00000000c0000002, false },
        { 0x201,      0x000000ffc0000800, true },
        { 0x201,      0x100000ffc0000800, false }, /* beyond the physical address width */
        { 0x250,      0x0606060606060606, true },
        { 0x26f,      0x0606060606060607, false }, /* UC- is the PAT's only */
        { 0x2ff,      0xc06,              true },
        { 0x2ff,      0x1c06,             false },
        { 0x48,       7,                  true },  /* SPEC_CTRL */
        { 0x48,       8,                  false },
        { 0x48,       0x400,              true },  /* BHI_DIS_S */
        { 0x49,       1,                  true },  /* PRED_CMD */
        { 0x49,       2,                  false },
        { 0xda0,      0x100,              false }, /* XSS: no supervisor state */
        { 0xfe,       0x508,              false }, /* MTRRCAP is read-only */
        { 0x10a,      0,                  false },
        { 0x401,      0,                  true },  /* MC0_STATUS takes 0 */
        { 0x401,      1,                  false },
        { 0x4b564d00, 0,                  false }, /* KVM's are not offered */
        { 0x40000000, 0,                  false }, /* nor Hyper-V's */
        /* clang-format on */
    };
    struct system_rig *r = system_rig_new("max");

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        bool ok = cpu_write_msr(r->cpu, rows[n].msr, rows[n].value);

        if (ok != rows[n].ok) {
            g_test_message("msr %#x value %#llx", rows[n].msr, (unsigned long long)rows[n].value);
        }
        g_assert_true(ok == rows[n].ok);
    }
    system_rig_free(r);
}

static void stored_values_read_back(void)
{
    static const uint32_t msrs[] = { 0x277,      0x174,      0x175,      0x176,      0xc0000081,
                                     0xc0000082, 0xc0000083, 0xc0000102, 0xc0000100, 0xc0000101,
                                     0x200,      0x20f,      0x250,      0x258,      0x26f };
    struct system_rig *r = system_rig_new("max");

    for (unsigned n = 0; n < G_N_ELEMENTS(msrs); n++) {
        uint64_t v = 0, want = msrs[n] & 0xc0000000 || msrs[n] < 0x200 ? 0x1000 * n : 0;

        g_assert_true(cpu_write_msr(r->cpu, msrs[n], want));
        g_assert_true(cpu_read_msr(r->cpu, msrs[n], &v));
        g_assert_cmphex(v, ==, want);
    }
    system_rig_free(r);
}

static void tsc_writes_show_in_tsc_adjust(void)
{
    struct system_rig *r = system_rig_new("max");
    uint64_t before = cpu_tsc(r->cpu), v;

    g_assert_true(cpu_write_msr(r->cpu, 0x10, before + 1000));
    g_assert_true(cpu_read_msr(r->cpu, 0x3b, &v));
    g_assert_cmpuint(v, ==, 1000);
    g_assert_true(cpu_write_msr(r->cpu, 0x3b, 0));
    g_assert_cmpuint(cpu_tsc(r->cpu), ==, before);
    system_rig_free(r);
}

static void features_gate_registers(void)
{
    struct system_rig *r = system_rig_new("qemu32");
    uint64_t v;

    g_assert_false(cpu_read_msr(r->cpu, 0xc0000082, &v)); /* no long mode */
    g_assert_false(cpu_write_msr(r->cpu, 0xc0000080, EFER_LME));
    g_assert_false(cpu_read_msr(r->cpu, 0x48, &v));
    g_assert_false(cpu_read_msr(r->cpu, 0xc0010015, &v)); /* not AMD's */
    system_rig_free(r);
    r = system_rig_new("qemu64");
    g_assert_true(cpu_read_msr(r->cpu, 0xc0010015, &v));
    system_rig_free(r);
}

/* What makes Linux leave its mitigations out. */
static void immunity_bits(void)
{
    struct system_rig *r = system_rig_new("max");
    uint64_t v;

    g_assert_true(cpu_read_msr(r->cpu, 0x10a, &v));
    g_assert_cmphex(v & 0x3f, ==, 0x3b); /* RDCL_NO IBRS_ALL SKIP_L1DFL SSB_NO MDS_NO, not RSBA */
    g_assert_true(v >> 62 & 1);          /* ITS_NO */
    system_rig_free(r);
}

static void lme_does_not_change_under_paging(void)
{
    struct system_rig *r = system_rig_new("max");
    uint64_t v;

    rig_long(r, 0);
    g_assert_false(cpu_write_msr(r->cpu, 0xc0000080, EFER_SCE));
    g_assert_true(
        cpu_write_msr(r->cpu, 0xc0000080, EFER_LME)); /* LMA is not the guest's to clear */
    g_assert_true(cpu_read_msr(r->cpu, 0xc0000080, &v));
    g_assert_cmphex(v, ==, EFER_LME | EFER_LMA);
    system_rig_free(r);
}

static void instructions(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_long(r, 0);
    cpu->regs[R_RCX] = 0xdead00000000 | 0xc0000102; /* ECX alone counts */
    cpu->regs[R_RAX] = 0xffffffff00001234;
    cpu->regs[R_RDX] = 0xffffffff00005678;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x30"), ==, -1);
    g_assert_cmphex(cpu->kernel_gs_base, ==, 0x567800001234);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x32"), ==, -1);
    g_assert_cmphex(cpu->regs[R_RAX], ==, 0x1234);
    g_assert_cmphex(cpu->regs[R_RDX], ==, 0x5678);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xf8"), ==, -1); /* swapgs */
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0x567800001234);
    cpu->regs[R_RCX] = 0x12345678;
    assert_fault(r, RIG_EXEC(r, "\x0f\x32"), EXC_GP, 0);
    rig_long(r, 3);
    assert_fault(r, RIG_EXEC(r, "\x0f\x32"), EXC_GP, 0);
    assert_fault(r, RIG_EXEC(r, "\x0f\x01\xf8"), EXC_GP, 0);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x31"), ==, -1); /* rdtsc */
    cpu->cr4 |= CR4_TSD;
    assert_fault(r, RIG_EXEC(r, "\x0f\x31"), EXC_GP, 0);
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/msr/values", values_taken_and_refused);
    g_test_add_func("/msr/read-back", stored_values_read_back);
    g_test_add_func("/msr/tsc-adjust", tsc_writes_show_in_tsc_adjust);
    g_test_add_func("/msr/features", features_gate_registers);
    g_test_add_func("/msr/immunity", immunity_bits);
    g_test_add_func("/msr/efer", lme_does_not_change_under_paging);
    g_test_add_func("/msr/instructions", instructions);
    return g_test_run();
}
