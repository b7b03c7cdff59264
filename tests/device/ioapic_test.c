/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/ioapic_test.c: the I/O APIC, in front of real local APICs. */
#include "hw/intc/ioapic.h"
#include "tests/device/apic_rig.h"

#define LEVEL      (1u << 15)
#define MASKED     (1u << 16)
#define REMOTE_IRR (1u << 14)

static struct ioapic *ioapic_new(struct apic_rig *a)
{
    struct ioapic *io = (struct ioapic *)rig_device_new(a->r, &ioapic_type, NULL);

    ioapic_connect(io, &a->bus);
    rig_device_realize(a->r, &io->dev);
    apic_enable(a);
    return io;
}

static uint32_t reg_read(struct apic_rig *a, uint8_t n)
{
    rig_store(a->r, IOAPIC_BASE, n, 4);
    return rig_load(a->r, IOAPIC_BASE + 0x10, 4);
}

static void reg_write(struct apic_rig *a, uint8_t n, uint32_t v)
{
    rig_store(a->r, IOAPIC_BASE, n, 4);
    rig_store(a->r, IOAPIC_BASE + 0x10, v, 4);
}

static void identity_and_reset(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();

    ioapic_new(a);
    g_assert_cmphex(reg_read(a, 1), ==, 0x00170020);
    reg_write(a, 0, 0xffffffff);
    g_assert_cmphex(reg_read(a, 0), ==, 0x0f000000);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        g_assert_cmphex(reg_read(a, 0x10 + 2 * pin), ==, MASKED);
    }
}

static void edge_is_delivered_once(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 4, 0x44);
    reg_write(a, 0x11 + 2 * 4, 1u << 24); /* to APIC 1 */
    irq_raise(&io->inputs[4]);
    g_assert_false(apic_pending(a, 0, PENDING_INTR));
    g_assert_cmpint(apic_take(a, 1), ==, 0x44);
    irq_raise(&io->inputs[4]);
    g_assert_cmpint(apic_take(a, 1), ==, -1);
}

static void edge_on_a_masked_pin_is_lost(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    irq_raise(&io->inputs[4]);
    reg_write(a, 0x10 + 2 * 4, 0x44);
    g_assert_cmpint(apic_take(a, 0), ==, -1);
}

/* The host kept the CPU from running: it takes each tick, of other pins one edge. */
static void ticks_are_owed_until_the_cpu_runs(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 2, 0x30);
    reg_write(a, 0x10 + 2 * 4, 0x44);
    for (int i = 0; i < 3; i++) {
        irq_pulse(&io->inputs[2]);
        irq_pulse(&io->inputs[4]);
    }
    g_assert_cmpint(apic_take(a, 0), ==, 0x44);
    apic_write(a, 0xb0, 0);
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(apic_take(a, 0), ==, 0x30);
        g_assert_cmpint(apic_take(a, 0), ==, -1);
        apic_write(a, 0xb0, 0);
    }
    g_assert_cmpint(apic_take(a, 0), ==, -1);
    for (int i = 0; i < 2 * MAX_OWED_TICKS; i++) {
        irq_pulse(&io->inputs[2]);
    }
    g_assert_cmpuint(io->owed, ==, MAX_OWED_TICKS);
    rig_check_state(a->r, &io->dev);
    reg_write(a, 0x10 + 2 * 2, 0x31); /* another use of the pin owes nothing */
    g_assert_cmpint(apic_take(a, 0), ==, 0x30);
    apic_write(a, 0xb0, 0);
    g_assert_cmpint(apic_take(a, 0), ==, -1);
}

static void level_is_sent_again_after_eoi_while_it_stands(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 16, LEVEL | 0x50);
    irq_raise(&io->inputs[16]);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16), ==, LEVEL | REMOTE_IRR | 0x50);
    g_assert_cmpint(apic_take(a, 0), ==, 0x50);
    irq_raise(&io->inputs[16]); /* remote IRR holds it back */
    g_assert_cmphex(apic_read(a, 0x220), ==, 0);
    apic_write(a, 0xb0, 0);
    g_assert_cmpint(apic_take(a, 0), ==, 0x50);
    irq_lower(&io->inputs[16]);
    apic_write(a, 0xb0, 0);
    g_assert_cmpint(apic_take(a, 0), ==, -1);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16), ==, LEVEL | 0x50);
}

static void unmasking_sends_a_standing_level(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 16, MASKED | LEVEL | 0x50);
    irq_raise(&io->inputs[16]);
    g_assert_cmpint(apic_take(a, 0), ==, -1);
    reg_write(a, 0x10 + 2 * 16, LEVEL | 0x50);
    g_assert_cmpint(apic_take(a, 0), ==, 0x50);
}

static void eoi_register_and_edge_switch_clear_remote_irr(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 16, LEVEL | 0x50);
    irq_pulse(&io->inputs[16]);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16) & REMOTE_IRR, ==, REMOTE_IRR);
    rig_store(a->r, IOAPIC_BASE + 0x40, 0x50, 4);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16) & REMOTE_IRR, ==, 0);
    irq_pulse(&io->inputs[16]);
    reg_write(a, 0x10 + 2 * 16, MASKED | 0x50);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16), ==, MASKED | 0x50);
}

static void suppressed_broadcast_leaves_remote_irr(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    apic_write(a, 0xf0, 0x11ff);
    reg_write(a, 0x10 + 2 * 16, LEVEL | 0x50);
    irq_raise(&io->inputs[16]);
    apic_take(a, 0);
    apic_write(a, 0xb0, 0);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16) & REMOTE_IRR, ==, REMOTE_IRR);
}

static void nmi_and_extint_modes(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 2, 0x400);
    irq_raise(&io->inputs[2]);
    g_assert_true(apic_pending(a, 0, PENDING_NMI));
    reg_write(a, 0x10, 0x700);
    irq_raise(&io->inputs[0]);
    g_assert_true(apic_pending(a, 0, PENDING_INTR));
}

static void state_survives(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);

    reg_write(a, 0x10 + 2 * 16, LEVEL | 0x50);
    irq_raise(&io->inputs[16]);
    rig_check_state(a->r, &io->dev);
    g_assert_cmphex(reg_read(a, 0x10 + 2 * 16), ==, LEVEL | REMOTE_IRR | 0x50);
}

static void random_accesses(void)
{
    g_autoptr(apic_rig) a = apic_rig_new();
    struct ioapic *io = ioapic_new(a);
    g_autoptr(GRand) rand = g_rand_new_with_seed(2);

    fuzz_memory(a->r, IOAPIC_BASE, 0x60);
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        reg_write(a, g_rand_int(rand), fuzz_value(rand));
        irq_set(&io->inputs[g_rand_int_range(rand, 0, IOAPIC_PINS)], g_rand_int(rand) & 1);
        apic_take(a, 0);
        apic_write(a, 0xb0, 0);
    }
    rig_check_state(a->r, &io->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ioapic/identity", identity_and_reset);
    g_test_add_func("/ioapic/edge", edge_is_delivered_once);
    g_test_add_func("/ioapic/masked-edge", edge_on_a_masked_pin_is_lost);
    g_test_add_func("/ioapic/owed-ticks", ticks_are_owed_until_the_cpu_runs);
    g_test_add_func("/ioapic/level", level_is_sent_again_after_eoi_while_it_stands);
    g_test_add_func("/ioapic/unmask", unmasking_sends_a_standing_level);
    g_test_add_func("/ioapic/eoi", eoi_register_and_edge_switch_clear_remote_irr);
    g_test_add_func("/ioapic/suppress", suppressed_broadcast_leaves_remote_irr);
    g_test_add_func("/ioapic/modes", nmi_and_extint_modes);
    g_test_add_func("/ioapic/state", state_survives);
    g_test_add_func("/ioapic/fuzz", random_accesses);
    return g_test_run();
}
