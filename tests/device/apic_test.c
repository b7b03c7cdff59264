/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/apic_test.c: local APICs, IPIs and MSIs. */
#include "tests/device/apic_rig.h"

#define TPR       0x80
#define PPR       0xa0
#define EOI       0xb0
#define SVR       0xf0
#define ESR       0x280
#define ICR       0x300
#define ICR_HIGH  0x310
#define LVT_TIMER 0x320
#define LVT_LINT0 0x350
#define LVT_ERROR 0x370
#define INITIAL   0x380
#define CURRENT   0x390
#define DIVIDE    0x3e0

#define MASKED   (1u << 16)
#define PERIODIC (1u << 17)
#define DEADLINE (1u << 18)

static void identity_after_reset(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    g_assert_cmphex(apic_read(a, 0x20), ==, 0);
    g_assert_cmphex(apic_read(a, 0x30) & 0xff00ff, ==, 0x50014);
    g_assert_cmphex(apic_read(a, SVR), ==, 0xff);
    g_assert_cmphex(apic_read(a, LVT_TIMER), ==, MASKED);
    g_assert_cmphex(a->cpu[0]->apic->get_base(a->apic[0]), ==, 0xfee00900);
    g_assert_cmphex(a->cpu[1]->apic->get_base(a->apic[1]), ==, 0xfee00800);
}

static void one_shot_timer_fires_once(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, DIVIDE, 0xb); /* by 1: ticks are ns */
    apic_write(a, LVT_TIMER, 0x40);
    apic_write(a, INITIAL, 1000000);
    rig_step(a->r, 400000);
    g_assert_cmpuint(apic_read(a, CURRENT), ==, 600000);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    rig_step(a->r, 600000);
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 0), ==, 0x40);
    g_assert_cmpuint(apic_read(a, CURRENT), ==, 0);
    apic_write(a, EOI, 0);
    rig_step(a->r, 10 * MS);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
}

static void periodic_timer_fires_each_period(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, DIVIDE, 0x3); /* by 16 */
    apic_write(a, LVT_TIMER, PERIODIC | 0x41);
    apic_write(a, INITIAL, 62500); /* 1 ms */
    for (int i = 0; i < 50; i++) {
        rig_step(a->r, 999 * US);
        g_assert_false(apic_pending(a, 0, PENDING_INTR));
        rig_step(a->r, 1 * US);
        g_assert_cmpint(apic_take(a, 0), ==, 0x41);
        apic_write(a, EOI, 0);
    }
    apic_write(a, INITIAL, 0);
    rig_step(a->r, 5 * MS);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
}

static void tsc_deadline_timer_fires_at_its_tsc(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    const struct x86_apic_ops *ops = a->cpu[0]->apic;

    apic_enable(a);
    rig_step(a->r, 1 * MS);
    ops->set_tsc_deadline(a->apic[0], 99); /* ignored in other modes */
    g_assert_cmpuint(ops->get_tsc_deadline(a->apic[0]), ==, 0);
    apic_write(a, LVT_TIMER, DEADLINE | 0x42);
    ops->set_tsc_deadline(a->apic[0], cpu_tsc(a->cpu[0]) + 2000000); /* 1 ms */
    rig_step(a->r, 999 * US);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    rig_step(a->r, 1 * US);
    g_assert_cmpint(apic_take(a, 0), ==, 0x42);
    g_assert_cmpuint(ops->get_tsc_deadline(a->apic[0]), ==, 0);
    apic_write(a, EOI, 0);
    ops->set_tsc_deadline(a->apic[0], 1); /* past: at once */
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    ops->set_tsc_deadline(a->apic[0], UINT64_MAX);
    ops->set_tsc_deadline(a->apic[0], 0);
    g_assert_false(a->apic[0]->timer.armed);
}

static void masked_timer_counts_silently(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, DIVIDE, 0xb);
    apic_write(a, LVT_TIMER, MASKED | 0x40);
    apic_write(a, INITIAL, 1000);
    rig_step(a->r, 500);
    g_assert_cmpuint(apic_read(a, CURRENT), ==, 500);
    rig_step(a->r, 5000);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
}

static void tiny_periods_do_not_starve_the_host(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, DIVIDE, 0xb);
    apic_write(a, LVT_TIMER, PERIODIC | 0x41);
    apic_write(a, INITIAL, 1);
    rig_step(a->r, 1000 * MS); /* would take minutes */
    g_assert_cmpint(apic_take(a, 0), ==, 0x41);
}

static void tpr_holds_back_its_class_and_below(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, TPR, 0x50);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x51);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 0), ==, -1);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x60);
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 0), ==, 0x60);
    g_assert_cmphex(apic_read(a, PPR), ==, 0x60);
    apic_write(a, EOI, 0);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    a->cpu[0]->apic->set_tpr(a->apic[0], 4); /* CR8 */
    g_assert_cmphex(apic_read(a, TPR), ==, 0x40);
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    a->cpu[0]->apic->set_tpr(a->apic[0], 15);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
}

static void higher_class_nests_and_eoi_ends_the_highest(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x31);
    g_assert_cmpint(apic_take(a, 0), ==, 0x31);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x3f);
    g_assert_false(apic_pending(a, 0, PENDING_INTR)); /* same class */
    apic_msi(a->r->m, APIC_MMIO_BASE, 0xef);
    g_assert_cmpint(apic_take(a, 0), ==, 0xef);
    g_assert_cmphex(apic_read(a, 0x170), ==, 1u << 15);
    apic_write(a, EOI, 0);
    g_assert_cmphex(apic_read(a, 0x170), ==, 0);
    g_assert_cmphex(apic_read(a, 0x110), ==, 1u << 17);
    apic_write(a, EOI, 0);
    g_assert_cmpint(apic_take(a, 0), ==, 0x3f);
}

static void sipis_reach_only_who_waits(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_write(a, ICR_HIGH, 1u << 24);
    apic_write(a, ICR, 0x4677); /* it runs */
    g_assert_false(apic_pending(a, 1, PENDING_SIPI));
    a->cpu[1]->wait_sipi = true;
    apic_write(a, ICR, 0x4678);
    g_assert_true(apic_pending(a, 1, PENDING_SIPI));
    g_assert_cmphex(a->cpu[1]->sipi_vector, ==, 0x78);
    apic_write(a, ICR, 0xc500); /* waits again, for another */
    g_assert_false(apic_pending(a, 1, PENDING_SIPI));
}

static void ipis_reach_whom_they_name(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, ICR_HIGH, 1u << 24);
    apic_write(a, ICR, 0x4051); /* fixed to 1 */
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x51);
    apic_write(a, ICR, 1u << 18 | 0x52); /* self */
    g_assert_cmpint(apic_take(a, 0), ==, 0x52);
    apic_write(a, ICR, 3u << 18 | 0x61); /* others */
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x61);
    apic_write(a, ICR, 2u << 18 | 0x71); /* all */
    g_assert_cmpint(apic_take(a, 0), ==, 0x71);
    g_assert_cmpint(apic_take(a, 1), ==, 0x71);
}

static void init_sipi_and_nmi(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_write(a, ICR_HIGH, 1u << 24);
    apic_write(a, ICR, 0x8500); /* INIT de-assert: nothing */
    g_assert_false(apic_pending(a, 1, PENDING_INIT));
    apic_write(a, ICR, 0xc500);
    g_assert_true(apic_pending(a, 1, PENDING_INIT));
    apic_write(a, ICR, 0x4699);
    g_assert_true(apic_pending(a, 1, PENDING_SIPI));
    g_assert_cmphex(a->cpu[1]->sipi_vector, ==, 0x99);
    apic_write(a, ICR, 0x4400);
    g_assert_true(apic_pending(a, 1, PENDING_NMI));
    g_assert_false(apic_pending(a, 0, PENDING_NMI | PENDING_INIT | PENDING_SIPI));
}

static void logical_destinations(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_reg_write(a->apic[0], 0xd, 0x01000000);
    apic_reg_write(a->apic[1], 0xd, 0x02000000);
    apic_write(a, ICR_HIGH, 0x02000000);
    apic_write(a, ICR, 1u << 11 | 0x51);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x51);
    /* Cluster model: cluster 1, members 1 and 2. */
    for (unsigned i = 0; i < 2; i++) {
        apic_reg_write(a->apic[i], 0xe, 0);
        apic_reg_write(a->apic[i], 0xd, (0x10u | 1u << i) << 24);
    }
    apic_write(a, ICR_HIGH, 0x13000000);
    apic_write(a, ICR, 1u << 11 | 0x61);
    g_assert_cmpint(apic_take(a, 0), ==, 0x61);
    g_assert_cmpint(apic_take(a, 1), ==, 0x61);
    apic_write(a, ICR_HIGH, 0x23000000);
    apic_write(a, ICR, 1u << 11 | 0x71);
    g_assert_false(apic_pending(a, 0, PENDING_INTR) || apic_pending(a, 1, PENDING_INTR));
}

static void lowest_priority_takes_the_idle_one(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, TPR, 0x20);
    apic_msi(a->r->m, APIC_MMIO_BASE | 0xff000, 0x151);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x51);
}

static void msi_is_told_from_registers_by_its_address(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_msi(a->r->m, APIC_MMIO_BASE | 1u << 12, 0x99); /* to APIC 1 */
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x99);
}

static void illegal_vectors_are_errors(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, LVT_ERROR, 0xfe);
    apic_write(a, ICR, 1u << 18 | 0x05);
    g_assert_cmphex(apic_read(a, ESR), ==, 0);
    apic_write(a, ESR, 0);
    g_assert_cmphex(apic_read(a, ESR), ==, 1u << 5);
    g_assert_cmpint(apic_take(a, 0), ==, 0xfe);
    apic_write(a, EOI, 0);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x05);
    apic_read(a, 0x3f0);
    apic_write(a, ESR, 0);
    g_assert_cmphex(apic_read(a, ESR), ==, 1u << 6 | 1u << 7);
}

static void software_disable_masks_the_lvt(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, LVT_TIMER, 0x40);
    apic_write(a, SVR, 0xff);
    g_assert_cmphex(apic_read(a, LVT_TIMER), ==, MASKED | 0x40);
    apic_write(a, LVT_TIMER, 0x40);
    g_assert_cmphex(apic_read(a, LVT_TIMER), ==, MASKED | 0x40);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x51);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
}

static int fake_pic(void *opaque)
{
    struct apic *a = opaque;

    irq_lower(&a->lint[0]);
    return 0x08;
}

static void extint_passes_through_lint0(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    const struct x86_apic_ops *ops = a->cpu[0]->apic;

    a->bus.pic_acknowledge = fake_pic;
    a->bus.pic_opaque = a->apic[0];
    irq_raise(&a->apic[0]->lint[0]); /* virtual wire from reset on */
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 0), ==, 0x08);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    apic_enable(a);
    apic_write(a, LVT_LINT0, MASKED | 0x700);
    irq_raise(&a->apic[0]->lint[0]);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    apic_write(a, LVT_LINT0, 0x700);
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    apic_write(a, LVT_LINT0, MASKED);
    g_assert_true(ops->set_base(a->apic[0], 0xfee00100)); /* off: LINT0 is INTR */
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 0), ==, 0x08);
}

static void lint_nmi_is_an_edge(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, 0x360, 0x400);
    irq_raise(&a->apic[0]->lint[1]);
    g_assert_true(apic_pending(a, 0, PENDING_NMI));
}

static void base_msr_refuses_bad_transitions(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    const struct x86_apic_ops *ops = a->cpu[0]->apic;

    g_assert_false(ops->set_base(a->apic[0], 0xfee00500)); /* EXTD without EN */
    g_assert_false(ops->set_base(a->apic[0], 0xfee00901)); /* reserved */
    g_assert_false(ops->set_base(a->apic[0], 1ull << 50 | 0x900));
    g_assert_true(ops->set_base(a->apic[0], 0xfee00d00));
    g_assert_false(ops->set_base(a->apic[0], 0xfee00900)); /* back to xAPIC */
    g_assert_true(ops->set_base(a->apic[0], 0xfee00100));
    g_assert_false(ops->set_base(a->apic[0], 0xfee00d00)); /* from off to x2APIC */
    g_assert_true(ops->set_base(a->apic[0], 0xfee00900));
}

static void x2apic_msrs_follow_their_rules(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    const struct x86_apic_ops *ops = a->cpu[0]->apic;
    uint64_t v;

    g_assert_false(ops->read_msr(a->apic[0], 0x802, &v)); /* not yet x2APIC */
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(ops->set_base(a->apic[i], a->apic[i]->base | 0x400));
        g_assert_true(ops->write_msr(a->apic[i], 0x80f, 0x1ff));
    }
    g_assert_true(ops->read_msr(a->apic[1], 0x802, &v));
    g_assert_cmphex(v, ==, 1);
    g_assert_true(ops->read_msr(a->apic[1], 0x80d, &v));
    g_assert_cmphex(v, ==, 2);
    g_assert_false(ops->write_msr(a->apic[0], 0x802, 0)); /* read-only */
    g_assert_false(ops->write_msr(a->apic[0], 0x80e, 0)); /* no DFR */
    g_assert_false(ops->read_msr(a->apic[0], 0x80b, &v)); /* EOI is write-only */
    g_assert_false(ops->write_msr(a->apic[0], 0x80b, 1)); /* and takes 0 */
    g_assert_true(ops->write_msr(a->apic[0], 0x80b, 0));
    g_assert_false(ops->write_msr(a->apic[0], 0x808, 0x100)); /* reserved bits */
    g_assert_false(ops->write_msr(a->apic[0], 0x831, 0));     /* no high half */
    g_assert_false(ops->read_msr(a->apic[0], 0x8ff, &v));
    g_assert_true(ops->write_msr(a->apic[0], 0x830, 1ull << 32 | 0x61));
    g_assert_cmpint(apic_take(a, 1), ==, 0x61);
    g_assert_true(ops->write_msr(a->apic[0], 0x83f, 0x62)); /* self IPI */
    g_assert_cmpint(apic_take(a, 0), ==, 0x62);
    g_assert_cmphex(apic_read(a, 0x30), ==, UINT32_MAX); /* no MMIO in this mode */
}

static void registers_follow_the_base(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    g_assert_true(a->cpu[0]->apic->set_base(a->apic[0], 0xfe000900));
    g_assert_cmphex(rig_load(a->r, 0xfe000030, 4) & 0xff, ==, 0x14);
}

static void state_survives(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    apic_enable(a);
    apic_write(a, DIVIDE, 0xb);
    apic_write(a, LVT_TIMER, PERIODIC | 0x41);
    apic_write(a, INITIAL, 1000000);
    apic_msi(a->r->m, APIC_MMIO_BASE, 0x31);
    apic_take(a, 0);
    rig_step(a->r, 300 * US);
    rig_check_state(a->r, &a->apic[0]->dev);
    g_assert_cmpuint(apic_read(a, CURRENT), ==, 700000);
    g_assert_cmphex(apic_read(a, PPR), ==, 0x30);
    rig_step(a->r, 700 * US);
    g_assert_cmpint(apic_take(a, 0), ==, 0x41);
}

static void random_accesses(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    const struct x86_apic_ops *ops = a->cpu[0]->apic;
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);
    uint64_t v;

    apic_enable(a);
    fuzz_memory(a->r, APIC_MMIO_BASE, 0x1100);
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        uint32_t msr = 0x800 + g_rand_int_range(rand, 0, 0x100);

        if (i % 64 == 0) {
            ops->set_base(a->apic[0], 0xfee00000 | (g_rand_int(rand) & 0xd00));
        }
        ops->write_msr(a->apic[0], msr, fuzz_value(rand));
        ops->read_msr(a->apic[0], msr, &v);
        ops->set_tsc_deadline(a->apic[0], fuzz_value(rand));
        apic_take(a, 0);
        rig_step(a->r, 1000);
    }
    rig_check_state(a->r, &a->apic[0]->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/apic/identity", identity_after_reset);
    g_test_add_func("/apic/timer/one-shot", one_shot_timer_fires_once);
    g_test_add_func("/apic/timer/periodic", periodic_timer_fires_each_period);
    g_test_add_func("/apic/timer/deadline", tsc_deadline_timer_fires_at_its_tsc);
    g_test_add_func("/apic/timer/masked", masked_timer_counts_silently);
    g_test_add_func("/apic/timer/tiny", tiny_periods_do_not_starve_the_host);
    g_test_add_func("/apic/tpr", tpr_holds_back_its_class_and_below);
    g_test_add_func("/apic/nesting", higher_class_nests_and_eoi_ends_the_highest);
    g_test_add_func("/apic/ipi", ipis_reach_whom_they_name);
    g_test_add_func("/apic/init-sipi-nmi", init_sipi_and_nmi);
    g_test_add_func("/apic/sipi-waits", sipis_reach_only_who_waits);
    g_test_add_func("/apic/logical", logical_destinations);
    g_test_add_func("/apic/lowest", lowest_priority_takes_the_idle_one);
    g_test_add_func("/apic/msi", msi_is_told_from_registers_by_its_address);
    g_test_add_func("/apic/errors", illegal_vectors_are_errors);
    g_test_add_func("/apic/disable", software_disable_masks_the_lvt);
    g_test_add_func("/apic/extint", extint_passes_through_lint0);
    g_test_add_func("/apic/lint-nmi", lint_nmi_is_an_edge);
    g_test_add_func("/apic/base", base_msr_refuses_bad_transitions);
    g_test_add_func("/apic/x2apic", x2apic_msrs_follow_their_rules);
    g_test_add_func("/apic/relocation", registers_follow_the_base);
    g_test_add_func("/apic/state", state_survives);
    g_test_add_func("/apic/fuzz", random_accesses);
    return g_test_run();
}
