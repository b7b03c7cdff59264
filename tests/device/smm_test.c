/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/smm_test.c: SMIs on the pc board: who raises them, where they lead, what RSM restores. */
#include "hw/i386/pc.h"
#include "target/i386/exec_system.h"
#include "target/i386/operand.h"

#define AREA(base) ((base) + 0xfe00u)

struct fixture {
    struct machine *m;
    struct pc *pc;
    struct x86_cpu *cpu;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    (void)data;
    f->m = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    f->m->config.ram_size = 16 << 20;
    g_assert_true(pc_init(f->m, &error));
    g_assert_no_error(error);
    f->pc = f->m->board;
    f->cpu = f->pc->cpus[0];
    device_reset_all(f->m);
    machine_unlock(f->m); /* as on a vCPU's thread */
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_lock(f->m);
    machine_free(f->m);
}

static uint64_t load(struct fixture *f, uint64_t addr, unsigned size)
{
    return address_space_load(f->cpu->memory, addr, size);
}

static void store(struct fixture *f, uint64_t addr, uint64_t v, unsigned size)
{
    address_space_store(f->cpu->memory, addr, v, size);
}

static void config_write(struct fixture *f, unsigned devfn, unsigned reg, uint32_t v, unsigned size)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | (reg & ~3u), 4);
    address_space_store(&f->m->io, 0xcfc + (reg & 3), v, size);
}

static int rsm(struct fixture *f)
{
    if (setjmp(f->cpu->unwind)) {
        return f->cpu->exc_vector;
    }
    x_rsm(f->cpu, NULL);
    return -1;
}

static void port_b2_raises_an_smi_when_enabled(struct fixture *f, gconstpointer data)
{
    (void)data;
    config_write(f, PCI_DEVFN(1, 3), 0x40, 0x601, 4);
    config_write(f, PCI_DEVFN(1, 3), 0x80, 1, 1);
    address_space_store(&f->m->io, 0xb2, 0x12, 1);
    g_assert_cmphex(f->cpu->pending & PENDING_SMI, ==, 0);
    config_write(f, PCI_DEVFN(1, 3), 0x5b, 0x02, 1); /* APMC_EN */
    address_space_store(&f->m->io, 0xb2, 0x12, 1);
    g_assert_cmphex(f->cpu->pending & PENDING_SMI, ==, 0);
    g_assert_cmphex(address_space_load(&f->m->io, 0x620, 1), ==, 0x20); /* APM_STS */
    address_space_store(&f->m->io, 0x620, 0x20, 1);
    g_assert_cmphex(address_space_load(&f->m->io, 0x620, 1), ==, 0);
    address_space_store(&f->m->io, 0x628, 1, 1); /* SMI_EN */
    address_space_store(&f->m->io, 0xb2, 0x12, 1);
    g_assert_cmphex(f->cpu->pending & PENDING_SMI, ==, PENDING_SMI);
}

static void smi_enters_and_rsm_returns(struct fixture *f, gconstpointer data)
{
    struct x86_cpu *cpu = f->cpu;
    uint64_t regs[16];

    (void)data;
    cpu->cr0 = CR0_PE | CR0_ET | CR0_NE;
    segment_set(&cpu->seg[SEG_CS], 0x08, 0, 0xffffffff, 0xc09b);
    segment_set(&cpu->seg[SEG_SS], 0x10, 0x1000, 0xfffff, 0xc093);
    segment_set(&cpu->seg[SEG_GS], 0x18, 0x12345678, 0xffff, 0x0093);
    cpu->gdt = (struct desc_table){ 0x5000, 0x27 };
    cpu->eflags = 2 | FLAG_IF;
    flags_set(cpu, FLAG_ZF | FLAG_CF);
    cpu->regs[R_RIP] = 0x123456;
    for (unsigned i = 0; i < 16; i++) {
        cpu->regs[i] = regs[i] = 0x1111111111111111ull * i;
    }
    cpu_update_mode(cpu);
    cpu_set_pending(cpu, PENDING_SMI);
    g_assert_true(cpu_take_pending(cpu));
    g_assert_true(cpu->in_smm);
    g_assert_cmphex(cpu->seg[SEG_CS].base + cpu->regs[R_RIP], ==, 0x38000);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x3000);
    g_assert_cmphex(cpu->seg[SEG_DS].limit, ==, 0xffffffff);
    g_assert_false(cpu->protected_mode);
    g_assert_cmphex(cpu_eflags(cpu), ==, 2);
    /* What firmware looks at. */
    g_assert_cmphex(load(f, AREA(0x30000) + 0xfc, 4), ==, 0x00020064);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x100, 4), ==, 0x30000);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x178, 8), ==, 0x123456);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x1f8, 8), ==, regs[R_RAX]);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x1f0, 8), ==, regs[R_RCX]);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x180, 8), ==, regs[15]);
    g_assert_cmphex(load(f, AREA(0x30000) + 0x1b8, 8), ==, regs[8]);
    /* What it changes. */
    store(f, AREA(0x30000) + 0x1f8, 0xabcd, 8);
    store(f, AREA(0x30000) + 0x100, 0xa0000, 4);
    memset(cpu->regs, 0, 16 * sizeof(uint64_t));
    g_assert_cmpint(rsm(f), ==, -1);
    g_assert_false(cpu->in_smm);
    g_assert_cmphex(cpu->smbase, ==, 0xa0000);
    regs[R_RAX] = 0xabcd;
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(cpu->regs[i], ==, regs[i]);
    }
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0x123456);
    g_assert_cmphex(cpu_eflags(cpu), ==, 2 | FLAG_IF | FLAG_ZF | FLAG_CF);
    g_assert_cmphex(cpu->seg[SEG_SS].base, ==, 0x1000);
    g_assert_cmphex(cpu->seg[SEG_SS].attr, ==, 0xc093);
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0x12345678);
    g_assert_cmphex(cpu->gdt.limit, ==, 0x27);
    g_assert_true(cpu->protected_mode);
}

static void rsm_outside_is_undefined(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmpint(rsm(f), ==, EXC_UD);
}

static void smram_shows_only_inside(struct fixture *f, gconstpointer data)
{
    (void)data;
    config_write(f, PCI_DEVFN(0, 0), 0x72, 0x4a, 1); /* open */
    store(f, 0xa8000, 0x5a, 1);
    config_write(f, PCI_DEVFN(0, 0), 0x72, 0x0a, 1); /* closed, enabled */
    g_assert_cmphex(load(f, 0xa8000, 1), ==, 0xff);
    f->cpu->smbase = 0xa0000;
    smm_enter(f->cpu);
    g_assert_cmphex(load(f, 0xa8000, 1), ==, 0x5a);
    g_assert_cmphex(load(f, AREA(0xa0000) + 0xfc, 4), ==, 0x00020064);
    g_assert_cmpint(rsm(f), ==, -1);
    g_assert_cmphex(load(f, 0xa8000, 1), ==, 0xff);
    /* A reset inside leaves it, too. */
    smm_enter(f->cpu);
    machine_lock(f->m);
    cpu_reset(f->cpu, false);
    machine_unlock(f->m);
    g_assert_cmphex(load(f, 0xa8000, 1), ==, 0xff);
    g_assert_cmphex(f->cpu->smbase, ==, 0x30000);
}

/* Another CPU, and DMA, see what is outside. */
static void smram_is_of_the_cpu_inside(struct fixture *f, gconstpointer data)
{
    struct x86_cpu *other;

    (void)data;
    machine_lock(f->m);
    other = cpu_new(f->m, 1, "qemu64", NULL);
    machine_unlock(f->m);
    config_write(f, PCI_DEVFN(0, 0), 0x72, 0x4a, 1);
    store(f, 0xa8000, 0x5a, 1);
    config_write(f, PCI_DEVFN(0, 0), 0x72, 0x0a, 1);
    smm_enter(f->cpu);
    g_assert_cmphex(load(f, 0xa8000, 1), ==, 0x5a);
    g_assert_cmphex(address_space_load(other->memory, 0xa8000, 1), ==, 0xff);
    g_assert_cmphex(address_space_load(&f->m->memory, 0xa8000, 1), ==, 0xff);
    g_assert_cmpint(rsm(f), ==, -1);
    cpu_free(other);
}

static void halt_and_nmi_wait_for_the_end(struct fixture *f, gconstpointer data)
{
    struct x86_cpu *cpu = f->cpu;

    (void)data;
    cpu->halted = true;
    cpu->cr0 = 0x10;
    g_assert_false(cpu_has_work(cpu));
    cpu_set_pending(cpu, PENDING_SMI);
    g_assert_true(cpu_has_work(cpu));
    g_assert_true(cpu_take_pending(cpu));
    g_assert_false(cpu->halted);
    cpu_set_pending(cpu, PENDING_SMI | PENDING_NMI | PENDING_INIT); /* all held */
    g_assert_false(cpu_take_pending(cpu));
    g_assert_cmphex(load(f, AREA(0x30000) + 0xc9, 1), ==, 1);
    cpu_clear_pending(cpu, PENDING_SMI | PENDING_NMI | PENDING_INIT);
    g_assert_cmpint(rsm(f), ==, -1);
    g_assert_true(cpu->halted); /* HLT goes on */
    smm_enter(cpu);
    store(f, AREA(0x30000) + 0xc9, 0, 1);
    g_assert_cmpint(rsm(f), ==, -1);
    g_assert_false(cpu->halted);
}

static void long_mode_survives(struct fixture *f, gconstpointer data)
{
    struct x86_cpu *cpu = f->cpu;

    (void)data;
    cpu->cr0 = CR0_PE | CR0_PG | CR0_ET;
    cpu->cr4 = CR4_PAE;
    cpu->cr3 = 0x12345000;
    cpu->efer = EFER_LME | EFER_LMA;
    segment_set(&cpu->seg[SEG_CS], 0x08, 0, 0xffffffff, 0xa09b);
    cpu->regs[R_RIP] = 0xffffffff81000000;
    cpu_update_mode(cpu);
    g_assert_true(cpu->code64);
    smm_enter(cpu);
    g_assert_false(cpu->long_mode);
    g_assert_cmphex(cpu->efer, ==, 0);
    g_assert_cmpint(rsm(f), ==, -1);
    g_assert_true(cpu->code64);
    g_assert_cmphex(cpu->regs[R_RIP], ==, 0xffffffff81000000);
    g_assert_cmphex(cpu->cr3, ==, 0x12345000);
    g_assert_cmphex(cpu->cr4, ==, CR4_PAE);
}

/* Offset and value of what RSM must not load. */
static void invalid_states_shut_down(struct fixture *f, gconstpointer data)
{
    static const struct {
        unsigned off;
        uint64_t value;
    } rows[] = {
        { 0x158, CR0_PG },     { 0x158, CR0_NW },    { 0x158, 1ull << 32 },
        { 0x148, 1ull << 31 }, { 0xd0, 1ull << 40 }, { 0xd0, EFER_LMA },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        machine_lock(f->m);
        cpu_reset(f->cpu, false);
        f->m->reset_requested = SHUTDOWN_NONE;
        machine_unlock(f->m);
        smm_enter(f->cpu);
        store(f, AREA(0x30000) + rows[i].off, rows[i].value, 8);
        g_assert_cmpint(rsm(f), ==, -1);
        g_assert_cmpint(f->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    }
}

/* Whatever is in the save area, the host goes on. */
static void random_states(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(64);

    (void)data;
    for (unsigned i = 0; i < 500; i++) {
        machine_lock(f->m);
        cpu_reset(f->cpu, false);
        machine_unlock(f->m);
        smm_enter(f->cpu);
        for (unsigned k = 0; k < 40; k++) {
            store(f, AREA(0x30000) + (unsigned)g_rand_int_range(rand, 0, 0x200), g_rand_int(rand),
                  1);
        }
        rsm(f);
        g_assert_false(f->cpu->in_smm);
    }
}

#define ADD(path, fn) g_test_add("/smm/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("apm", port_b2_raises_an_smi_when_enabled);
    ADD("enter-return", smi_enters_and_rsm_returns);
    ADD("outside", rsm_outside_is_undefined);
    ADD("smram", smram_shows_only_inside);
    ADD("smram-two", smram_is_of_the_cpu_inside);
    ADD("halt", halt_and_nmi_wait_for_the_end);
    ADD("long-mode", long_mode_survives);
    ADD("invalid", invalid_states_shut_down);
    ADD("random", random_states);
    return g_test_run();
}
