/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/piix4_pm_test.c: ACPI's registers: PM timer, power button, soft off, hand-over. */
#include "hw/i386/piix4_pm.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(1, 3)
#define BASE  0x600
#define SCI   40

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct piix4_pm *s;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    f->s = (struct piix4_pm *)rig_device_new(f->r, &piix4_pm_type, "addr=1.3");
    f->s->pm.sci = rig_irq_sink(f->r, SCI);
    rig_device_realize(f->r, &f->s->pci.dev);
    f->r->m->powerdown_irq = (struct irq){ acpi_pm_power_button, &f->s->pm, 0 };
}

static void set_up_placed(struct fixture *f, gconstpointer data)
{
    set_up(f, data);
    piix4_pm_place(f->s, BASE);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void block_is_where_pmba_says(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(rig_inw(f->r, 0xb004), ==, 0xffff);
    pci_rig_write(f->r, DEVFN, 0x40, 0xb03f, 4);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x40, 4), ==, 0xb001);
    g_assert_cmphex(rig_inw(f->r, 0xb004), ==, 0xffff); /* not decoded yet */
    pci_rig_write(f->r, DEVFN, 0x80, 1, 1);
    g_assert_cmphex(rig_inw(f->r, 0xb004), ==, 0);
    f->s->pci.dev.type->reset(&f->s->pci.dev);
    g_assert_cmphex(rig_inw(f->r, 0xb004), ==, 0xffff);
}

static void timer_counts_at_3579545_hz(struct fixture *f, gconstpointer data)
{
    uint32_t before = rig_inl(f->r, BASE + 8);

    (void)data;
    rig_step(f->r, NS_PER_SEC);
    g_assert_cmpuint(rig_inl(f->r, BASE + 8) - before, ==, ACPI_PM_TIMER_HZ);
    rig_step(f->r, 4 * NS_PER_SEC); /* past 24 bits: it wraps */
    g_assert_cmpuint(rig_inl(f->r, BASE + 8), ==, (5ull * ACPI_PM_TIMER_HZ) & 0xffffff);
    rig_outl(f->r, BASE + 8, 0); /* read-only */
    g_assert_cmpuint(rig_inl(f->r, BASE + 8), ==, (5ull * ACPI_PM_TIMER_HZ) & 0xffffff);
}

static void timer_overflow_raises_the_sci(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, 0xb2, PM_ACPI_ENABLE);
    rig_outw(f->r, BASE + 2, 1); /* TMR_EN */
    rig_step(f->r, 2343 * MS);   /* 2^23 ticks take 2.3435 s */
    g_assert_false(f->r->lines[SCI].level);
    g_assert_cmphex(rig_inw(f->r, BASE), ==, 0);
    rig_step(f->r, 1 * MS);
    g_assert_true(f->r->lines[SCI].level);
    g_assert_cmphex(rig_inw(f->r, BASE), ==, 1);
    rig_outw(f->r, BASE, 1);
    g_assert_false(f->r->lines[SCI].level);
    rig_step(f->r, 2344 * MS);
    g_assert_true(f->r->lines[SCI].level);
    rig_outw(f->r, BASE + 2, 0);
    g_assert_false(f->r->lines[SCI].level);
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1); /* nobody listens: no alarm */
}

static void power_button_raises_the_sci(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outw(f->r, BASE + 2, 0x100);
    irq_pulse(&f->r->m->powerdown_irq);
    g_assert_cmphex(rig_inw(f->r, BASE), ==, 0x100);
    g_assert_false(f->r->lines[SCI].level); /* firmware still owns the machine */
    rig_outb(f->r, 0xb2, PM_ACPI_ENABLE);
    g_assert_cmphex(rig_inw(f->r, BASE + 4), ==, 1);
    g_assert_true(f->r->lines[SCI].level);
    rig_outb(f->r, BASE + 1, 1); /* the high byte alone */
    g_assert_false(f->r->lines[SCI].level);
    rig_outb(f->r, 0xb2, PM_ACPI_DISABLE);
    g_assert_cmphex(rig_inw(f->r, BASE + 4), ==, 0);
}

static void soft_off_ends_the_machine(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outw(f->r, BASE + 4, 0x0401 | 0x2000); /* suspend to RAM */
    g_assert_true(f->r->m->suspend_requested);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    g_assert_cmphex(rig_inw(f->r, BASE + 4), ==, 0x0401); /* SLP_EN reads 0 */
    rig_outw(f->r, BASE + 4, 0x0001);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    rig_outw(f->r, BASE + 4, 0x2001);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_GUEST_SHUTDOWN);
}

/* A reset because of a wake event tells of it; the block stays where firmware put it. */
static void waking_is_told_after_the_reset(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r->m->waking = WAKE_RTC;
    f->s->pci.dev.type->reset(&f->s->pci.dev);
    f->r->m->waking = 0;
    g_assert_cmphex(rig_inw(f->r, BASE), ==, 0x8400); /* WAK_STS, RTC_STS */
    g_assert_cmphex(rig_inw(f->r, BASE + 4), ==, 0);
}

/* A wake event counts for a suspended machine only, and the alarm only when it is enabled. */
static void alarm_and_button_ask_for_the_wake_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    acpi_pm_rtc_alarm(&f->s->pm, 0, true);
    g_assert_cmphex(rig_inw(f->r, BASE), ==, 0x400);
    g_assert_cmpuint(f->r->m->wake_requested, ==, 0);
    rig_outw(f->r, BASE + 2, 0x400);
    acpi_pm_rtc_alarm(&f->s->pm, 0, true);
    g_assert_cmpuint(f->r->m->wake_requested, ==, WAKE_RTC);
    irq_pulse(&f->r->m->powerdown_irq);
    g_assert_cmpuint(f->r->m->wake_requested, ==, WAKE_RTC | WAKE_POWER_BUTTON);
}

static void smi_ports_hold_their_bytes(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, 0xb3, 0x77);
    rig_outb(f->r, 0xb2, 0x12);
    g_assert_cmphex(rig_inb(f->r, 0xb3), ==, 0x77);
    g_assert_cmphex(rig_inb(f->r, 0xb2), ==, 0x12);
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, 0xb2, PM_ACPI_ENABLE);
    rig_outw(f->r, BASE + 2, 0x101);
    rig_outw(f->r, BASE + 14, 0x1234);
    rig_step(f->r, 2000 * MS);
    rig_check_state(f->r, &f->s->pci.dev);
    g_assert_cmphex(rig_inw(f->r, BASE + 14), ==, 0x1234);
    rig_step(f->r, 400 * MS); /* the alarm was armed again */
    g_assert_true(f->r->lines[SCI].level);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_ports(f->r, BASE, PM_BLOCK_SIZE);
    fuzz_ports(f->r, 0xb2, 2);
    rig_check_state(f->r, &f->s->pci.dev);
    for (unsigned i = 0; i < 256; i++) {
        pci_rig_write(f->r, DEVFN, i, i * 0x9e3779b9u, 1);
    }
    fuzz_ports(f->r, BASE, PM_BLOCK_SIZE);
    rig_check_state(f->r, &f->s->pci.dev);
}

#define ADD(path, up, fn) g_test_add("/piix4-pm/" path, struct fixture, NULL, up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("block", set_up, block_is_where_pmba_says);
    ADD("timer", set_up_placed, timer_counts_at_3579545_hz);
    ADD("overflow", set_up_placed, timer_overflow_raises_the_sci);
    ADD("power-button", set_up_placed, power_button_raises_the_sci);
    ADD("soft-off", set_up_placed, soft_off_ends_the_machine);
    ADD("waking", set_up_placed, waking_is_told_after_the_reset);
    ADD("wake-events", set_up_placed, alarm_and_button_ask_for_the_wake_up);
    ADD("smi", set_up_placed, smi_ports_hold_their_bytes);
    ADD("state", set_up_placed, state_survives);
    ADD("fuzz", set_up_placed, random_accesses);
    return g_test_run();
}
