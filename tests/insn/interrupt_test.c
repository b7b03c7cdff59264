/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/interrupt_test.c: delivery of events, IRET, double faults, task switches.  One thread.
 */
#include "tests/insn/system_rig.h"

#define HANDLER 0x6000u
#define EXT     1u

static void real_mode_vector(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    segment_set_real(&cpu->seg[SEG_CS], 0x100);
    segment_set_real(&cpu->seg[SEG_SS], 0x200);
    cpu->regs[R_RSP] = 0x100;
    cpu->regs[R_RIP] = 0x10;
    cpu->eflags |= FLAG_IF;
    flags_set(cpu, FLAG_CF);
    cpu->idt.limit = 0x3ff;
    rig_store(r, 0x21 * 4, 0x12345678, 4);
    g_assert_cmpint(RIG_EXEC(r, "\xcd\x21"), ==, -1);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x1234);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x5678);
    g_assert_cmphex(cpu->regs[R_RSP], ==, 0xfa);
    g_assert_cmphex(rig_load(r, 0x20fa, 2), ==, 0x12);
    g_assert_cmphex(rig_load(r, 0x20fc, 2), ==, 0x100);
    g_assert_cmphex(rig_load(r, 0x20fe, 2), ==, FLAG_IF | FLAG_CF | 2);
    g_assert_false(cpu->eflags & FLAG_IF);
    g_assert_cmpint(RIG_EXEC(r, "\xcf"), ==, -1); /* iret */
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x12);
    g_assert_cmphex(cpu->regs[R_RSP], ==, 0x100);
    g_assert_true(cpu->eflags & FLAG_IF);
    system_rig_free(r);
}

static void gate_checks(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 3);
    rig_gate(r, 0x20, SEL_CODE0, HANDLER, 0x8e, 0);
    rig_gate(r, 0x21, SEL_CODE0, HANDLER, 0x6e, 0);
    rig_gate(r, 0x22, SEL_CODE0, HANDLER, 0xe0, 0); /* no gate type */
    rig_gate(r, 0x23, 0, HANDLER, 0xee, 0);
    rig_gate(r, 0x24, SEL_DATA0, HANDLER, 0xee, 0);
    /* DPL binds INT n, not what comes from outside */
    assert_fault(r, RIG_EXEC(r, "\xcd\x20"), EXC_GP, 0x20 * 8 + 2);
    assert_fault(r, RIG_EXEC(r, "\xcd\x21"), EXC_NP, 0x21 * 8 + 2);
    assert_fault(r, RIG_EXEC(r, "\xcd\x22"), EXC_GP, 0x22 * 8 + 2);
    assert_fault(r, RIG_EXEC(r, "\xcd\x23"), EXC_GP, 0);
    assert_fault(r, RIG_EXEC(r, "\xcd\x24"), EXC_GP, SEL_DATA0);
    assert_fault(r, rig_deliver(r, 0x21, EVENT_EXTERNAL, false, 0), EXC_NP, 0x21 * 8 + 2 + EXT);
    r->cpu->idt.limit = 0x20 * 8 + 6;
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_GP, 0x20 * 8 + 2 + EXT);
    r->cpu->idt.limit++;
    g_assert_cmpint(rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), ==, -1);
    system_rig_free(r);
}

static void inner_level_frame(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint32_t top = RIG_STACK0;

    rig_protected(r, 3);
    rig_gate(r, EXC_GP, SEL_CODE0, HANDLER, 0x8e, 0);
    cpu->eflags |= FLAG_IF;
    g_assert_cmpint(rig_deliver(r, EXC_GP, EVENT_FAULT, true, 0x1234), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->regs[R_RSP], ==, top - 24);
    g_assert_cmphex(rig_load(r, top - 4, 4), ==, SEL_DATA3);
    g_assert_cmphex(rig_load(r, top - 8, 4), ==, RIG_STACK3);
    g_assert_cmphex(rig_load(r, top - 12, 4), ==, FLAG_RF | FLAG_IF | 2); /* RF: a fault */
    g_assert_cmphex(rig_load(r, top - 16, 4), ==, SEL_CODE3);
    g_assert_cmphex(rig_load(r, top - 20, 4), ==, RIG_CODE);
    g_assert_cmphex(rig_load(r, top - 24, 4), ==, 0x1234);
    g_assert_false(cpu->eflags & FLAG_IF);
    cpu->regs[R_RSP] += 4;
    g_assert_cmpint(RIG_EXEC(r, "\xcf"), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->regs[R_RSP], ==, RIG_STACK3);
    g_assert_true(cpu->eflags & FLAG_IF);
    system_rig_free(r);
}

static void inner_stack_checks(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 3);
    rig_gate(r, 0x20, SEL_CODE0, HANDLER, 0x8e, 0);
    rig_descriptor(r, SEL_FREE, 0, 0xffff, A_DATA & ~0x80);
    rig_descriptor(r, SEL_FREE + 8, 0, 0x10, A_DATA | 0x4000);
    rig_store(r, RIG_TSS + 8, SEL_DATA3, 4);
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_TS, (SEL_DATA3 & ~3) + EXT);
    rig_store(r, RIG_TSS + 8, 0, 4);
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_TS, EXT);
    rig_store(r, RIG_TSS + 8, SEL_FREE, 4);
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_SS, SEL_FREE + EXT);
    rig_store(r, RIG_TSS + 8, SEL_FREE + 8, 4); /* too small for the frame */
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_SS, SEL_FREE + 8 + EXT);
    r->cpu->tr.limit = 8;
    assert_fault(r, rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), EXC_TS, SEL_TSS + EXT);
    g_assert_cmpint(r->cpu->cpl, ==, 3);
    g_assert_cmphex(r->cpu->regs[R_RSP], ==, RIG_STACK3);
    system_rig_free(r);
}

static void vm86_enters_and_returns(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint32_t at = RIG_STACK0 - 36, flags = FLAG_VM | FLAG_IF | FLAG_IOPL | 2;
    static const uint32_t values[9] = { 0x10, 0x500, 0, 0x80, 0x600, 1, 2, 3, 4 };

    rig_protected(r, 0);
    rig_gate(r, 0x20, SEL_CODE0, HANDLER, 0xee, 0);
    for (unsigned n = 0; n < 9; n++) {
        rig_store(r, at + n * 4, n == 2 ? flags : values[n], 4);
    }
    cpu->regs[R_RSP] = at;
    g_assert_cmpint(RIG_EXEC(r, "\xcf"), ==, -1);
    g_assert_true(cpu->vm86);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->seg[SEG_CS].base, ==, 0x5000);
    g_assert_cmphex(cpu->seg[SEG_SS].base, ==, 0x6000);
    g_assert_cmphex(cpu->seg[SEG_DS].selector, ==, 2);
    g_assert_cmphex(cpu->seg[SEG_GS].selector, ==, 4);
    g_assert_cmphex(cpu->regs[R_RSP], ==, 0x80);
    g_assert_cmpint(RIG_EXEC(r, "\xcd\x20"), ==, -1);
    g_assert_false(cpu->vm86);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(cpu->regs[R_RSP], ==, at);
    for (unsigned n = 1; n < 9; n++) {
        g_assert_cmphex(rig_load(r, at + n * 4, 4), ==, n == 2 ? flags : values[n]);
    }
    g_assert_cmphex(rig_load(r, at, 4), ==, 0x12);
    g_assert_cmphex(cpu->seg[SEG_DS].selector, ==, 0);
    system_rig_free(r);
}

static void enter_vm86(struct system_rig *r, uint32_t flags)
{
    rig_protected(r, 3);
    r->cpu->eflags |= FLAG_VM | flags;
    cpu_update_mode(r->cpu);
    for (unsigned s = 0; s < SEG_COUNT; s++) {
        load_segment_real(r->cpu, s, 0x700);
    }
    r->cpu->regs[R_RIP] = 0;
    r->cpu->regs[R_RSP] = 0x100;
}

/* INT n by IOPL, CR4.VME and the redirection bitmap: SDM vol. 3, table 20-2. */
static void vm86_int_methods(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    enter_vm86(r, 0);
    assert_fault(r, RIG_EXEC(r, "\xcd\x20"), EXC_GP, 0);
    cpu->cr4 |= CR4_VME;
    rig_store(r, RIG_TSS + 0x66, 0x88, 2);
    rig_store(r, RIG_TSS + 0x68 + 4, 1, 1); /* vector 0x20 to the monitor */
    assert_fault(r, RIG_EXEC(r, "\xcd\x20"), EXC_GP, 0);
    rig_store(r, RIG_TSS + 0x68 + 4, 0, 1);
    rig_store(r, 0x20 * 4, 0x00400030, 4);
    cpu->eflags |= FLAG_VIF;
    g_assert_cmpint(RIG_EXEC(r, "\xcd\x20"), ==, -1);
    g_assert_true(cpu->vm86);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x40);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x30);
    g_assert_cmphex(rig_load(r, 0x7000 + 0xfe, 2), ==, FLAG_IOPL | FLAG_IF | 2);
    g_assert_false(cpu->eflags & FLAG_VIF);
    g_assert_cmpint(RIG_EXEC(r, "\xfb"), ==, -1); /* sti sets VIF */
    g_assert_true(cpu->eflags & FLAG_VIF);
    cpu->eflags |= FLAG_VIP;
    assert_fault(r, RIG_EXEC(r, "\xfb"), EXC_GP, 0);
    system_rig_free(r);
}

static void long_mode_frame(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint32_t top = RIG_STACK0 - 0x10;

    rig_long(r, 0);
    rig_gate(r, 0x20, SEL_CODE0, 0xffff800000001000, 0x8e, 0);
    rig_gate(r, 0x21, SEL_CODE0, HANDLER, 0x8e, 2);
    rig_gate(r, 0x22, SEL_CODE0, HANDLER, 0x86, 0); /* 16-bit gates do not exist */
    cpu->regs[R_RSP] = RIG_STACK0 - 7;              /* rounded down to 16 */
    g_assert_cmpint(rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), ==, -1);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0xffff800000001000);
    g_assert_cmphex(cpu->regs[R_RSP], ==, top - 40);
    g_assert_cmphex(rig_load(r, top - 16, 8), ==, RIG_STACK0 - 7);
    g_assert_cmpint(RIG_EXEC(r, "\x48\xcf"), ==, -1);
    g_assert_cmphex(cpu->regs[R_RSP], ==, RIG_STACK0 - 7);
    assert_fault(r, rig_deliver(r, 0x22, EVENT_EXTERNAL, false, 0), EXC_GP, 0x22 * 8 + 2 + EXT);
    rig_store(r, RIG_TSS + 0x2c, 0x8000, 8); /* IST2 */
    g_assert_cmpint(rig_deliver(r, 0x21, EVENT_FAULT, true, 5), ==, -1);
    g_assert_cmphex(cpu->regs[R_RSP], ==, 0x8000 - 48);
    g_assert_cmphex(rig_load(r, 0x8000 - 48, 8), ==, 5);
    rig_store(r, RIG_TSS + 0x2c, 0x800000000000, 8);
    assert_fault(r, rig_deliver(r, 0x21, EVENT_EXTERNAL, false, 0), EXC_SS, EXT);
    rig_long(r, 3);
    g_assert_cmpint(rig_deliver(r, 0x20, EVENT_EXTERNAL, false, 0), ==, -1);
    g_assert_cmphex(cpu->seg[SEG_SS].selector, ==, 0);
    g_assert_cmphex(cpu->regs[R_RSP], ==, RIG_STACK0 - 40);
    g_assert_cmpint(cpu->cpl, ==, 0);
    system_rig_free(r);
}

static void iret_checks(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;
    uint32_t at = RIG_STACK0 - 40;

    rig_long(r, 0);
    cpu->regs[R_RSP] = at;
    rig_store(r, at, RIG_CODE, 8);
    rig_store(r, at + 8, SEL_CODE3, 8);
    rig_store(r, at + 16, 2, 8);
    rig_store(r, at + 24, RIG_STACK3, 8);
    rig_store(r, at + 32, SEL_DATA0, 8); /* not of level 3 */
    assert_fault(r, RIG_EXEC(r, "\x48\xcf"), EXC_GP, SEL_DATA0);
    rig_store(r, at + 32, 3, 8); /* null, to level 3 */
    assert_fault(r, RIG_EXEC(r, "\x48\xcf"), EXC_GP, 0);
    rig_store(r, at + 32, SEL_DATA3, 8);
    rig_store(r, at, 0x800000000000, 8);
    assert_fault(r, RIG_EXEC(r, "\x48\xcf"), EXC_GP, 0);
    g_assert_cmphex(cpu->regs[R_RSP], ==, at);
    rig_store(r, at, RIG_CODE, 8);
    cpu->eflags |= FLAG_NT;
    assert_fault(r, RIG_EXEC(r, "\x48\xcf"), EXC_GP, 0);
    cpu->eflags &= ~FLAG_NT;
    g_assert_cmpint(RIG_EXEC(r, "\x48\xcf"), ==, -1);
    g_assert_cmpint(cpu->cpl, ==, 3);
    system_rig_free(r);
}

/* first: in delivery; second: raised by it; expected: what is delivered then. */
static void double_fault_table(void)
{
    static const struct {
        int first, second, expected;
    } rows[] = {
        { EXC_DB, EXC_GP, EXC_GP }, { EXC_UD, EXC_PF, EXC_PF }, { EXC_GP, EXC_NP, EXC_DF },
        { EXC_DE, EXC_TS, EXC_DF }, { EXC_GP, EXC_PF, EXC_PF }, { EXC_PF, EXC_PF, EXC_DF },
        { EXC_PF, EXC_GP, EXC_DF }, { EXC_PF, EXC_DB, EXC_DB }, { EXC_SS, EXC_AC, EXC_AC },
    };
    struct system_rig *r = system_rig_new("max");

    for (unsigned n = 0; n < G_N_ELEMENTS(rows); n++) {
        rig_long(r, 0);
        for (unsigned v = 0; v < 32; v++) {
            rig_gate(r, v, SEL_CODE0, HANDLER + v, 0x8e, 0);
        }
        r->cpu->delivering = rows[n].first;
        r->cpu->exc_vector = rows[n].second;
        r->cpu->exc_has_error = false;
        rig_deliver_raised(r);
        g_assert_cmphex(r->cpu->regs[R_RIP], ==, HANDLER + (unsigned)rows[n].expected);
    }
    system_rig_free(r);
}

static void triple_fault_asks_for_a_reset(void)
{
    struct system_rig *r = system_rig_new("max");

    rig_protected(r, 0);
    r->cpu->idt.limit = 0;
    r->cpu->insn_start = RIG_CODE;
    r->cpu->exc_vector = EXC_UD;
    r->cpu->exc_has_error = false;
    rig_deliver_raised(r); /* #UD, then #GP, then #DF, then shutdown */
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    g_assert_true(r->cpu->halted);
    cpu_set_pending(r->cpu, PENDING_NMI);
    g_assert_false(cpu_has_work(r->cpu));
    system_rig_free(r);
}

static bool take_pending(struct system_rig *r)
{
    if (setjmp(r->cpu->unwind)) {
        g_assert_not_reached();
    }
    return cpu_take_pending(r->cpu);
}

static int fake_acknowledge(void *opaque)
{
    g_assert_true(machine_locked(opaque));
    return 0x30;
}

static void fake_reset(void *opaque, bool init)
{
    (void)opaque;
    (void)init;
}

static void interrupts_wait_for_if_and_shadow(void)
{
    static const struct x86_apic_ops ops = { .acknowledge = fake_acknowledge, .reset = fake_reset };
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    rig_gate(r, 0x30, SEL_CODE0, HANDLER, 0x8e, 0);
    cpu->apic = &ops;
    cpu->apic_opaque = r->m;
    cpu_set_pending(cpu, PENDING_INTR);
    g_assert_cmpint(RIG_EXEC(r, "\xf4"), ==, -1); /* hlt */
    g_assert_true(cpu->halted && !cpu_has_work(cpu));
    g_assert_false(take_pending(r));
    g_assert_cmpint(RIG_EXEC(r, "\xfb"), ==, -1); /* sti */
    g_assert_true(cpu_has_work(cpu));
    g_assert_false(take_pending(r));
    cpu->intr_shadow = false;
    g_assert_true(take_pending(r));
    g_assert_false(cpu->halted);
    g_assert_cmphex(cpu->regs[R_RIP], ==, HANDLER);
    system_rig_free(r);
}

static void nmi_is_blocked_until_iret(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    rig_gate(r, EXC_NMI, SEL_CODE0, HANDLER, 0x8e, 0);
    cpu_set_pending(cpu, PENDING_NMI);
    g_assert_true(take_pending(r));
    cpu_set_pending(cpu, PENDING_NMI);
    g_assert_false(take_pending(r));
    g_assert_cmpint(RIG_EXEC(r, "\xcf"), ==, -1);
    g_assert_true(take_pending(r));
    system_rig_free(r);
}

static void debug_traps(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    rig_gate(r, EXC_DB, SEL_CODE0, HANDLER, 0x8e, 0);
    cpu->trap_pending = true;
    g_assert_true(cpu_take_debug_traps(cpu));
    g_assert_true(cpu->dr[6] & 1u << 14);
    g_assert_false(cpu_take_debug_traps(cpu));
    cpu->dr[0] = RIG_CODE;
    cpu->dr[1] = 0x8004;
    cpu->dr[7] = 0x400 | 2 | 8 | 0xd << 20; /* DR0: execution; DR1: 4 bytes written */
    g_assert_true(debug_insn_breakpoint(cpu, RIG_CODE));
    cpu->eflags |= FLAG_RF;
    g_assert_false(debug_insn_breakpoint(cpu, RIG_CODE));
    cpu->dr6_pending = 0;
    debug_data_access(cpu, 0x8008, 4, true);
    debug_data_access(cpu, 0x8004, 4, false);
    g_assert_cmphex(cpu->dr6_pending, ==, 0);
    debug_data_access(cpu, 0x8001, 4, true);
    g_assert_cmphex(cpu->dr6_pending, ==, 2);
    cpu->ss_shadow = true;
    g_assert_false(cpu_take_debug_traps(cpu));
    cpu->ss_shadow = false;
    g_assert_true(cpu_take_debug_traps(cpu));
    system_rig_free(r);
}

/* The second TSS: a task at level 3. */
static void make_task(struct system_rig *r, uint16_t cs)
{
    rig_store(r, RIG_TSS2 + 0x20, 0x4444, 4);
    rig_store(r, RIG_TSS2 + 0x24, FLAG_IF | 2, 4);
    rig_store(r, RIG_TSS2 + 0x28, 0xaaaa, 4); /* EAX */
    rig_store(r, RIG_TSS2 + 0x38, RIG_STACK3, 4);
    rig_store(r, RIG_TSS2 + 0x48, SEL_DATA3, 4);
    rig_store(r, RIG_TSS2 + 0x4c, cs, 4);
    rig_store(r, RIG_TSS2 + 0x50, SEL_DATA3, 4);
    rig_store(r, RIG_TSS2 + 0x54, SEL_DATA3, 4);
}

static void task_call_and_return(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    make_task(r, SEL_CODE3);
    cpu->regs[R_RAX] = 0x1111;
    cpu->dr[7] |= 3;
    g_assert_cmpint(RIG_EXEC(r, "\x9a\0\0\0\0\x38\0"), ==, -1);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x4444);
    g_assert_cmphex(cpu->regs[R_RAX], ==, 0xaaaa);
    g_assert_cmpint(cpu->cpl, ==, 3);
    g_assert_cmphex(cpu->tr.selector, ==, SEL_TSS2);
    g_assert_true((cpu->eflags & FLAG_NT) && (cpu->cr0 & CR0_TS));
    g_assert_cmphex(cpu->dr[7] & 3, ==, 2); /* L0 goes, G0 stays */
    g_assert_cmphex(rig_load(r, RIG_TSS2, 2), ==, SEL_TSS);
    g_assert_cmphex(rig_load(r, RIG_TSS + 0x20, 4), ==, RIG_CODE + 7);
    g_assert_cmphex(rig_load(r, RIG_TSS + 0x28, 4), ==, 0x1111);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_TSS + 5, 1), ==, 0x8b);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_TSS2 + 5, 1), ==, 0x8b);
    g_assert_cmpint(RIG_EXEC(r, "\xcf"), ==, -1);
    g_assert_cmphex(cpu->tr.selector, ==, SEL_TSS);
    g_assert_cmphex(cpu->regs[R_RIP], ==, RIG_CODE + 7);
    g_assert_cmphex(cpu->regs[R_RAX], ==, 0x1111);
    g_assert_cmpint(cpu->cpl, ==, 0);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_TSS2 + 5, 1), ==, 0x89);
    g_assert_false(rig_load(r, RIG_TSS2 + 0x24, 4) & FLAG_NT);
    system_rig_free(r);
}

static void task_switch_faults(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    make_task(r, SEL_DATA3);                                             /* no code segment */
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x28\0"), EXC_GP, SEL_TSS); /* busy */
    rig_descriptor(r, SEL_TSS2, RIG_TSS2, 0x66, A_TSS32);
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x38\0"), EXC_TS, SEL_TSS2);
    g_assert_cmphex(cpu->tr.selector, ==, SEL_TSS);
    rig_descriptor(r, SEL_TSS2, RIG_TSS2, 0x67, A_TSS32);
    /* past the commit: the fault is the new task's */
    assert_fault(r, RIG_EXEC(r, "\xea\0\0\0\0\x38\0"), EXC_TS, SEL_DATA3 & ~3);
    g_assert_cmphex(cpu->tr.selector, ==, SEL_TSS2);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x4444);
    g_assert_cmphex(rig_load(r, RIG_GDT + SEL_TSS + 5, 1), ==, 0x89);
    system_rig_free(r);
}

static void task_gate_pushes_the_error(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 0);
    make_task(r, SEL_CODE3);
    rig_gate(r, EXC_DF, SEL_TSS2, 0, 0x85, 0);
    g_assert_cmpint(rig_deliver(r, EXC_DF, EVENT_FAULT, true, 7), ==, -1);
    g_assert_cmphex(cpu->tr.selector, ==, SEL_TSS2);
    g_assert_cmphex(cpu->regs[R_RSP], ==, RIG_STACK3 - 4);
    g_assert_cmphex(rig_load(r, RIG_STACK3 - 4, 4), ==, 7);
    g_assert_cmpint(cpu->delivering, ==, -1);
    system_rig_free(r);
}

static void ports_obey_the_bitmap(void)
{
    struct system_rig *r = system_rig_new("max");
    struct x86_cpu *cpu = r->cpu;

    rig_protected(r, 3);
    rig_store(r, RIG_TSS + 0x66, 0x68, 2);
    rig_store(r, RIG_TSS + 0x68 + 0x10, 1, 1); /* port 0x80 denied */
    assert_fault(r, RIG_EXEC(r, "\xe4\x80"), EXC_GP, 0);
    assert_fault(r, RIG_EXEC(r, "\xe5\x7e"), EXC_GP, 0); /* a wide access that reaches it */
    g_assert_cmpint(RIG_EXEC(r, "\xe4\x81"), ==, -1);
    g_assert_cmphex(cpu->regs[R_RAX] & 0xff, ==, 0xff);
    cpu->regs[R_RDX] = 0xffff; /* beyond the limit */
    assert_fault(r, RIG_EXEC(r, "\xec"), EXC_GP, 0);
    cpu->eflags |= FLAG_IOPL;
    g_assert_cmpint(RIG_EXEC(r, "\xe4\x80"), ==, -1);
    system_rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/interrupt/real-mode", real_mode_vector);
    g_test_add_func("/interrupt/gate-checks", gate_checks);
    g_test_add_func("/interrupt/inner-frame", inner_level_frame);
    g_test_add_func("/interrupt/inner-stack-checks", inner_stack_checks);
    g_test_add_func("/interrupt/vm86", vm86_enters_and_returns);
    g_test_add_func("/interrupt/vm86-int", vm86_int_methods);
    g_test_add_func("/interrupt/long-mode", long_mode_frame);
    g_test_add_func("/interrupt/iret-checks", iret_checks);
    g_test_add_func("/interrupt/double-fault", double_fault_table);
    g_test_add_func("/interrupt/triple-fault", triple_fault_asks_for_a_reset);
    g_test_add_func("/interrupt/if-and-shadow", interrupts_wait_for_if_and_shadow);
    g_test_add_func("/interrupt/nmi", nmi_is_blocked_until_iret);
    g_test_add_func("/interrupt/debug-traps", debug_traps);
    g_test_add_func("/interrupt/task-call", task_call_and_return);
    g_test_add_func("/interrupt/task-faults", task_switch_faults);
    g_test_add_func("/interrupt/task-gate", task_gate_pushes_the_error);
    g_test_add_func("/interrupt/ports", ports_obey_the_bitmap);
    return g_test_run();
}
