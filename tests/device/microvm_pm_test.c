/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/microvm_pm_test.c: a microvm's ACPI registers: always in ACPI mode, button, soft off, reset. */
#include "hw/i386/microvm_pm.h"
#include "tests/device/fuzz.h"
#include "tests/device/rig.h"

#define BASE 0x600
#define SCI  40

struct fixture {
    struct rig *r;
    struct microvm_pm *s;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    f->s = (struct microvm_pm *)rig_device_new(f->r, &microvm_pm_type, NULL);
    f->s->base = BASE;
    f->s->pm.sci = rig_irq_sink(f->r, SCI);
    rig_device_realize(f->r, &f->s->dev);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void the_button_interrupts(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(rig_inw(f->r, BASE + 4), ==, ACPI_PM1_SCI_EN);
    rig_outw(f->r, BASE + 2, ACPI_PM1_POWER);
    acpi_pm_power_button(&f->s->pm, 0, true);
    g_assert_true(f->r->lines[SCI].level);
    g_assert_cmphex(rig_inw(f->r, BASE), ==, ACPI_PM1_POWER);
    rig_outw(f->r, BASE, ACPI_PM1_POWER);
    g_assert_false(f->r->lines[SCI].level);
    rig_check_state(f->r, &f->s->dev);
}

static void events_are_enabled(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, BASE + 0x0e, 2);
    acpi_pm_gpe_event(&f->s->pm, 1);
    g_assert_true(f->r->lines[SCI].level);
    g_assert_cmphex(rig_inb(f->r, BASE + 0x0c), ==, 2);
    rig_outb(f->r, BASE + 0x0c, 2);
    g_assert_false(f->r->lines[SCI].level);
}

static void time_passes(struct fixture *f, gconstpointer data)
{
    uint32_t before = rig_inl(f->r, BASE + 8);

    (void)data;
    rig_step(f->r, NS_PER_SEC);
    g_assert_cmpuint(rig_inl(f->r, BASE + 8) - before, ==, ACPI_PM_TIMER_HZ);
}

static void it_goes_off_and_starts_again(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, BASE + 0x10, 6); /* another chip's value */
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_NONE);
    rig_outb(f->r, BASE + 0x10, 1);
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    rig_outw(f->r, BASE + 4, 0x2401); /* S3: not here */
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    rig_outw(f->r, BASE + 4, 0x2001);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_GUEST_SHUTDOWN);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_ports(f->r, BASE, 0x40);
    rig_check_state(f->r, &f->s->dev);
}

#define ADD(path, fn) g_test_add("/microvm-pm/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("button", the_button_interrupts);
    ADD("events", events_are_enabled);
    ADD("timer", time_passes);
    ADD("off", it_goes_off_and_starts_again);
    ADD("fuzz", random_accesses);
    return g_test_run();
}
