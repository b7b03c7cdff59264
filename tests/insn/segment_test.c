/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/segment_test.c: segment loads, limits, far transfers, system calls.  One thread.
 */
#include "tests/insn/system_rig.h"

/* MOV DS, AX with this selector: the vector, or -1. */
static int load_ds(struct system_rig *r, uint16_t selector)
{
    r->cpu->regs[R_RAX] = selector;
    return RIG_EXEC(r, "\x8e\xd8");
}

static int load_ss(struct system_rig *r, uint16_t selector)
{
    r->cpu->regs[R_RAX] = selector;
    return RIG_EXEC(r, "\x8e\xd0");
}

static void real_mode_load_keeps_the_limit(void)
{
    struct system_rig *r = system_rig_new("max");

    r->cpu->seg[SEG_DS].limit = UINT32_MAX;
    g_assert_cmpint(load_ds(r, 0x1234), ==, -1);
    g_assert_cmphex(r->cpu->seg[SEG_DS].base, ==, 0x12340);
    g_assert_cmphex(r->cpu->seg[SEG_DS].limit, ==, UINT32_MAX);
    system_rig_free(r);
}

static void data_segment_checks(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 3);
    rig_descriptor(r, SEL_FREE, 0, 0xffff, (A_DATA | A_DPL3) & ~0x80);
    rig_descriptor(r, SEL_FREE + 8, 0, 0xffff, 0x98 | A_DPL3); /* execute-only */
    assert_fault(r, load_ds(r, SEL_DATA0), EXC_GP, SEL_DATA0);
    assert_fault(r, load_ds(r, SEL_TSS), EXC_GP, SEL_TSS);
    assert_fault(r, load_ds(r, SEL_FREE | 3), EXC_NP, SEL_FREE);
    assert_fault(r, load_ds(r, (SEL_FREE + 8) | 3), EXC_GP, SEL_FREE + 8);
    assert_fault(r, load_ds(r, 0x80), EXC_GP, 0x80); /* beyond the GDT */
    assert_fault(r, load_ds(r, 0x0c), EXC_GP, 0x0c); /* no LDT */
    g_assert_cmpint(load_ds(r, SEL_DATA3), ==, -1);
    g_assert_cmpint(load_ds(r, 0), ==, -1);
    assert_fault(r, RIG_EXEC(r, "\x8a\x03"), EXC_GP, 0); /* mov al, [ebx] */
    system_rig_free(r);
}

static void load_sets_the_accessed_bit(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    rig_descriptor(r, SEL_FREE, 0x2000, 0xffff, 0x92);
    g_assert_cmpint(load_ds(r, SEL_FREE), ==, -1);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_FREE + 5, 1), ==, 0x93);
    g_assert_cmphex(r->cpu->seg[SEG_DS].base, ==, 0x2000);
    g_assert_cmpint(r->cpu->seg[SEG_DS].access, ==, 0);
    system_rig_free(r);
}

static void stack_segment_checks(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    rig_descriptor(r, SEL_FREE, 0, 0xffff, A_DATA & ~0x80);
    assert_fault(r, load_ss(r, 0), EXC_GP, 0);
    assert_fault(r, load_ss(r, SEL_DATA3), EXC_GP, SEL_DATA3 & ~3);
    assert_fault(r, load_ss(r, SEL_CODE0), EXC_GP, SEL_CODE0);
    assert_fault(r, load_ss(r, SEL_FREE), EXC_SS, SEL_FREE);
    r->cpu->intr_shadow = false;
    g_assert_cmpint(load_ss(r, SEL_DATA0), ==, -1);
    g_assert_true(r->cpu->intr_shadow && r->cpu->ss_shadow);
    rig_long(r, 0);
    g_assert_cmpint(load_ss(r, 0), ==, -1);
    g_assert_cmpint(r->cpu->cpl, ==, 0);
    rig_long(r, 3);
    assert_fault(r, load_ss(r, 3), EXC_GP, 0);
    system_rig_free(r);
}

static void mov_to_cs_is_undefined(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    g_assert_cmpint(RIG_EXEC(r, "\x8e\xc8"), ==, EXC_UD);
    g_assert_cmpint(RIG_EXEC(r, "\x8e\xf0"), ==, EXC_UD);
    system_rig_free(r);
}

static void limits(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    segment_set(&r->cpu->seg[SEG_DS], SEL_FREE, 0x100, 0xfff, A_DATA | 0x4000);
    r->cpu->regs[R_RBX] = 0xffc;
    g_assert_cmpint(RIG_EXEC(r, "\x8b\x03"), ==, -1);
    r->cpu->regs[R_RBX] = 0xffd;
    assert_fault(r, RIG_EXEC(r, "\x8b\x03"), EXC_GP, 0);
    /* expand-down: valid above the limit */
    segment_set(&r->cpu->seg[SEG_DS], SEL_FREE, 0, 0xfff, A_DATA | 0x4004);
    assert_fault(r, RIG_EXEC(r, "\x8b\x03"), EXC_GP, 0);
    r->cpu->regs[R_RBX] = 0x1000;
    g_assert_cmpint(RIG_EXEC(r, "\x8b\x03"), ==, -1);
    /* the stack's violation is #SS */
    segment_set(&r->cpu->seg[SEG_SS], SEL_FREE, 0, 0xfff, A_DATA | 0x4000);
    assert_fault(r, RIG_EXEC(r, "\x50"), EXC_SS, 0);
    g_assert_cmphex(r->cpu->regs[R_RSP], ==, RIG_STACK0);
    /* a read-only segment */
    segment_set(&r->cpu->seg[SEG_DS], SEL_FREE, 0, UINT32_MAX, 0x91 | A_32);
    assert_fault(r, RIG_EXEC(r, "\x89\x03"), EXC_GP, 0);
    g_assert_cmpint(RIG_EXEC(r, "\x8b\x03"), ==, -1);
    system_rig_free(r);
}

static void canonical_addresses(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_long(r, 0);
    r->cpu->regs[R_RBX] = 0x800000000000;
    assert_fault(r, RIG_EXEC(r, "\x8b\x03"), EXC_GP, 0);
    r->cpu->regs[R_RSP] = 0x800000000004;
    assert_fault(r, RIG_EXEC(r, "\x50"), EXC_SS, 0);
    system_rig_free(r);
}

static void lar_lsl_verr_verw(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 3);
    cpu->regs[R_RAX] = SEL_DATA3;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x02\xd8"), ==, -1); /* lar ebx, eax */
    g_assert_true(flags_arith(cpu) & FLAG_ZF);
    g_assert_cmphex(cpu->regs[R_RBX], ==, 0xc0f300);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x03\xd8"), ==, -1); /* lsl ebx, eax */
    g_assert_cmphex(cpu->regs[R_RBX], ==, 0xffffffff);
    cpu->regs[R_RAX] = SEL_DATA0;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x02\xd8"), ==, -1);
    g_assert_false(flags_arith(cpu) & FLAG_ZF);
    g_assert_cmphex(cpu->regs[R_RBX], ==, 0xffffffff);
    cpu->regs[R_RAX] = SEL_CODE3;
    RIG_EXEC(r, "\x0f\x00\xe0"); /* verr ax */
    g_assert_true(flags_arith(cpu) & FLAG_ZF);
    RIG_EXEC(r, "\x0f\x00\xe8"); /* verw ax */
    g_assert_false(flags_arith(cpu) & FLAG_ZF);
    system_rig_free(r);
}

/* In long mode an LDT, both TSSs of 64 bits and call gates are all that there is. */
static void lar_and_lsl_of_long_mode(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    for (unsigned code64 = 0; code64 < 2; code64++) {
        rig_long(r, 0);
        if (!code64) { /* compatibility mode */
            cpu->seg[SEG_CS].attr = (uint16_t)((cpu->seg[SEG_CS].attr & ~ATTR_L) | ATTR_DB);
            cpu_update_mode(cpu);
        }
        for (unsigned type = 0; type < 16; type++) {
            rig_descriptor(r, SEL_FREE, 0, 0x1234, (uint16_t)(0x80 | type));
            cpu->regs[R_RAX] = SEL_FREE;
            g_assert_cmpint(RIG_EXEC(r, "\x0f\x02\xd8"), ==, -1); /* lar ebx, eax */
            g_assert_true(!(flags_arith(cpu) & FLAG_ZF) == !(0x1a04 >> type & 1));
            g_assert_cmpint(RIG_EXEC(r, "\x0f\x03\xd8"), ==, -1); /* lsl ebx, eax */
            g_assert_true(!(flags_arith(cpu) & FLAG_ZF) == !(0x0a04 >> type & 1));
        }
        cpu->regs[R_RBX] = UINT64_MAX;
        cpu->regs[R_RAX] = SEL_DATA0;
        g_assert_cmpint(RIG_EXEC(r, "\x0f\x02\xd8"), ==, -1); /* the upper half is cleared */
        g_assert_cmphex(cpu->regs[R_RBX], ==, 0xc09300);
    }
    system_rig_free(r);
}

static void ltr_marks_the_task_busy(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    r->cpu->regs[R_RAX] = SEL_TSS2;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x00\xd8"), ==, -1);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_TSS2 + 5, 1), ==, 0x8b);
    assert_fault(r, RIG_EXEC(r, "\x0f\x00\xd8"), EXC_GP, SEL_TSS2);
    system_rig_free(r);
}

static void umip_hides_tables_from_users(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 3);
    r->cpu->regs[R_RBX] = 0x6000;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\x03"), ==, -1); /* sgdt [ebx] */
    g_assert_cmphex(rig_load(r, 0x6000, 2), ==, 0x7f);
    g_assert_cmphex(rig_load(r, 0x6002, 4), ==, RIG_GDT);
    r->cpu->cr4 |= CR4_UMIP;
    assert_fault(r, RIG_EXEC(r, "\x0f\x01\x03"), EXC_GP, 0);
    assert_fault(r, RIG_EXEC(r, "\x0f\x01\xe0"), EXC_GP, 0); /* smsw eax */
    system_rig_free(r);
}

/* CALL through a 32-bit gate from CPL 3 to 0 with two parameters, and RETF 8 back. */
static void call_gate_switches_stacks(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint32_t top = RIG_STACK0;

    rig_protected(r, 3);
    rig_store(r, RIG_GDT + SEL_FREE, (uint32_t)SEL_CODE0 << 16 | 0x5678, 4);
    rig_store(r, RIG_GDT + SEL_FREE + 4, 0x12340000 | 0xec00 | 2, 4);
    rig_store(r, RIG_STACK3, 0x11111111, 4);
    rig_store(r, RIG_STACK3 + 4, 0x22222222, 4);
    g_assert_cmpint(RIG_EXEC(r, "\x9a\0\0\0\0\x4b\0"), ==, -1); /* callf 0x4b:0 */
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x12345678);
    g_assert_cmphex(cpu->regs[R_RSP], ==, top - 24);
    g_assert_cmphex(rig_load(r, top - 4, 4), ==, SEL_DATA3);
    g_assert_cmphex(rig_load(r, top - 8, 4), ==, RIG_STACK3);
    g_assert_cmphex(rig_load(r, top - 12, 4), ==, 0x22222222);
    g_assert_cmphex(rig_load(r, top - 16, 4), ==, 0x11111111);
    g_assert_cmphex(rig_load(r, top - 20, 4), ==, SEL_CODE3);
    g_assert_cmphex(rig_load(r, top - 24, 4), ==, RIG_CODE + 7);
    g_assert_cmpint(load_ds(r, SEL_DATA0), ==, -1);
    cpu->regs[R_RIP] = RIG_CODE;
    g_assert_cmpint(RIG_EXEC(r, "\xca\x08\0"), ==, -1); /* retf 8 */
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->regs[R_RIP], ==, RIG_CODE + 7);
    g_assert_cmphex(cpu->regs[R_RSP], ==, RIG_STACK3 + 8);
    g_assert_cmphex(cpu->seg[SEG_DS].selector, ==, 0); /* not the user's to keep */
    g_assert_cmphex(cpu->seg[SEG_ES].selector, ==, SEL_DATA3);
    system_rig_free(r);
}

static void far_jump_checks(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    rig_descriptor(r, SEL_FREE, 0, 0xff, A_CODE & ~0x80);
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\0\0"), EXC_GP, 0);
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x10\0"), EXC_GP, SEL_DATA0);
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x1b\0"), EXC_GP, SEL_CODE3 & ~3);
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x48\0"), EXC_NP, SEL_FREE);
    rig_descriptor(r, SEL_FREE, 0, 0xff, A_CODE);
    assert_fault(r, RIG_EXEC(r, "\xea\0\x01\0\0\x48\0"), EXC_GP, 0);
    g_assert_cmpint(RIG_EXEC(r, "\xea\xff\0\0\0\x48\0"), ==, -1);
    g_assert_cmphex(r->cpu->regs[R_RIP], ==, 0xff);
    g_assert_cmpint(r->cpu->code_size, ==, 2);
    system_rig_free(r);
}

static void syscall_and_sysret(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_long(r, 3);
    cpu->star = (uint64_t)SEL_CODE0 << 32 | 0x13ull << 48;
    cpu->lstar = 0xffff800000001000;
    cpu->sfmask = FLAG_IF;
    cpu->eflags |= FLAG_IF;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x05"), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->regs[R_RIP], ==, cpu->lstar);
    g_assert_cmphex(cpu->regs[R_RCX], ==, RIG_CODE + 2);
    g_assert_true(cpu->regs[R_R11] & FLAG_IF);
    g_assert_false(cpu->eflags & FLAG_IF);
    cpu->regs[R_RCX] = 0x800000000000;
    assert_fault(r, RIG_EXEC(r, "\x48\x0f\x07"), EXC_GP, 0);
    g_assert_cmpint(cpu->cpl, ==, 0);
    cpu->regs[R_RCX] = RIG_CODE;
    g_assert_cmpint(RIG_EXEC(r, "\x48\x0f\x07"), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x23);
    g_assert_cmphex(cpu->seg[SEG_SS].selector, ==, 0x1b);
    g_assert_true(cpu->code64 && (cpu->eflags & FLAG_IF));
    rig_protected(r, 3);
    cpu->efer = EFER_SCE;
    cpu_update_mode(cpu);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x05"), ==, EXC_UD); /* Intel: 64-bit code only */
    system_rig_free(r);
}

static void sysenter_and_sysexit(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 3);
    assert_fault(r, RIG_EXEC(r, "\x0f\x34"), EXC_GP, 0);
    cpu->sysenter_cs = SEL_CODE0;
    cpu->sysenter_eip = 0x1234;
    cpu->sysenter_esp = 0x5678;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x34"), ==, -1);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x1234);
    g_assert_cmphex(cpu->regs[R_RSP], ==, 0x5678);
    cpu->regs[R_RDX] = RIG_CODE;
    cpu->regs[R_RCX] = RIG_STACK3;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x35"), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, SEL_CODE0 + 16 + 3);
    assert_fault(r, RIG_EXEC(r, "\x0f\x35"), EXC_GP, 0);
    system_rig_free(r);
}

/* AMD has neither in long mode. */
static void sysenter_of_long_mode(void)
{
    struct system_rig *r = system_rig_new("qemu64"), *intel = system_rig_new("max");

    r->cpu->sysenter_cs = SEL_CODE0;
    rig_protected(r, 3);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x34"), ==, -1);
    for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
        rig_long(r, cpl);
        g_assert_cmpint(RIG_EXEC(r, "\x0f\x34"), ==, EXC_UD);
        rig_long(r, cpl);
        g_assert_cmpint(RIG_EXEC(r, "\x0f\x35"), ==, EXC_UD);
    }
    rig_long(intel, 3);
    intel->cpu->sysenter_cs = SEL_CODE0;
    intel->cpu->sysenter_eip = 0x123456789a;
    g_assert_cmpint(RIG_EXEC(intel, "\x0f\x34"), ==, -1);
    g_assert_cmphex(intel->cpu->regs[R_RIP], ==, 0x123456789a);
    g_assert_true(intel->cpu->code64);
    system_rig_free(r);
    system_rig_free(intel);
}

/* As if CPUID showed MONITOR. */
static void monitor_and_mwait(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    cpu->features[X86_MONITOR / 32] |= 1u << X86_MONITOR % 32;
    rig_protected(r, 3);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xc8"), ==, EXC_UD);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xc9"), ==, EXC_UD);
    rig_protected(r, 0);
    cpu->regs[R_RCX] = 0;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xc8"), ==, -1);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x01\xc9"), ==, -1);
    cpu->regs[R_RCX] = 1;
    assert_fault(r, RIG_EXEC(r, "\x0f\x01\xc8"), EXC_GP, 0);
    cpu->regs[R_RCX] = 2;
    assert_fault(r, RIG_EXEC(r, "\x0f\x01\xc9"), EXC_GP, 0);
    rig_descriptor(r, SEL_FREE, 0, 0xfff, A_DATA);
    cpu->regs[R_RBX] = SEL_FREE;
    g_assert_cmpint(RIG_EXEC(r, "\x8e\xe3"), ==, -1); /* mov fs, ebx */
    cpu->regs[R_RCX] = 0;
    cpu->regs[R_RAX] = 0x1000;
    assert_fault(r, RIG_EXEC(r, "\x64\x0f\x01\xc8"), EXC_GP, 0);
    system_rig_free(r);
}

static void control_register_rules(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    cpu->regs[R_RAX] = CR0_PG; /* without PE */
    assert_fault(r, RIG_EXEC(r, "\x0f\x22\xc0"), EXC_GP, 0);
    cpu->regs[R_RAX] = CR0_PE | CR0_NW;
    assert_fault(r, RIG_EXEC(r, "\x0f\x22\xc0"), EXC_GP, 0);
    cpu->regs[R_RAX] = CR4_PCIDE; /* outside long mode */
    assert_fault(r, RIG_EXEC(r, "\x0f\x22\xe0"), EXC_GP, 0);
    cpu->regs[R_RAX] = 1u << 13; /* VMXE */
    assert_fault(r, RIG_EXEC(r, "\x0f\x22\xe0"), EXC_GP, 0);
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xc8"), ==, EXC_UD); /* CR1 */
    /* long mode is active exactly while PG and LME are */
    rig_long(r, 0);
    cpu->cr0 &= ~(uint64_t)CR0_PG;
    cpu->efer = EFER_LME;
    segment_set(&cpu->seg[SEG_CS], SEL_CODE0, 0, UINT32_MAX, A_CODE | A_32);
    cpu_update_mode(cpu);
    cpu->regs[R_RAX] = CR0_PE | CR0_PG;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xc0"), ==, -1);
    g_assert_true(cpu->efer & EFER_LMA);
    g_assert_true(cpu->long_mode && !cpu->code64);
    cpu->regs[R_RAX] = CR0_PE;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x22\xc0"), ==, -1);
    g_assert_false(cpu->efer & EFER_LMA);
    system_rig_free(r);
}

static void debug_register_rules(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    cpu->regs[R_RAX] = 0;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x23\xe8"), ==, -1); /* mov dr5, eax is dr7 */
    g_assert_cmphex(cpu->dr[7], ==, 0x400);
    cpu->cr4 |= CR4_DE;
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x23\xe8"), ==, EXC_UD);
    cpu->dr[7] |= 1u << 13; /* GD */
    g_assert_cmpint(RIG_EXEC(r, "\x0f\x21\xc0"), ==, EXC_DB);
    g_assert_cmphex(cpu->dr6_pending, ==, 1u << 13);
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/segment/real-limit", real_mode_load_keeps_the_limit);
    g_test_add_func("/segment/data-checks", data_segment_checks);
    g_test_add_func("/segment/accessed-bit", load_sets_the_accessed_bit);
    g_test_add_func("/segment/stack-checks", stack_segment_checks);
    g_test_add_func("/segment/mov-cs", mov_to_cs_is_undefined);
    g_test_add_func("/segment/limits", limits);
    g_test_add_func("/segment/canonical", canonical_addresses);
    g_test_add_func("/segment/lar-lsl-verr-verw", lar_lsl_verr_verw);
    g_test_add_func("/segment/lar-long", lar_and_lsl_of_long_mode);
    g_test_add_func("/segment/sysenter-long", sysenter_of_long_mode);
    g_test_add_func("/segment/monitor", monitor_and_mwait);
    g_test_add_func("/segment/ltr", ltr_marks_the_task_busy);
    g_test_add_func("/segment/umip", umip_hides_tables_from_users);
    g_test_add_func("/segment/call-gate", call_gate_switches_stacks);
    g_test_add_func("/segment/far-jump", far_jump_checks);
    g_test_add_func("/segment/syscall", syscall_and_sysret);
    g_test_add_func("/segment/sysenter", sysenter_and_sysexit);
    g_test_add_func("/segment/control-registers", control_register_rules);
    g_test_add_func("/segment/debug-registers", debug_register_rules);
    return g_test_run();
}
