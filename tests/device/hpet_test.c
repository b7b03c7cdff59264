/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/hpet_test.c: the HPET.  Sinks: I/O APIC pins 0-23, legacy lines 30 and 31. */
#include "hw/timer/hpet.h"
#include "tests/device/fuzz.h"

#define LEGACY 30
#define T(n)   (0x100 + 0x20 * (n))

static struct hpet *hpet_new(struct rig *r)
{
    struct hpet *h = (struct hpet *)rig_device_new(r, &hpet_type, NULL);

    for (unsigned n = 0; n < HPET_PINS; n++) {
        h->pins[n] = rig_irq_sink(r, n);
    }
    for (unsigned n = 0; n < 2; n++) {
        h->legacy_out[n] = rig_irq_sink(r, LEGACY + n);
    }
    rig_device_realize(r, &h->dev);
    return h;
}

static uint64_t reg_read(struct rig *r, unsigned reg)
{
    return rig_load(r, HPET_BASE + reg, 8);
}

static void reg_write(struct rig *r, unsigned reg, uint64_t v)
{
    rig_store(r, HPET_BASE + reg, v, 8);
}

static void capabilities(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    g_assert_cmphex(reg_read(r, 0), ==, 10000000ull << 32 | 0x8086a201);
    g_assert_cmphex(rig_load(r, HPET_BASE + 4, 4), ==, 10000000);
    g_assert_cmphex(reg_read(r, T(0)) & 0x8030, ==, 0x30);
}

static void counter_runs_at_100_mhz_while_enabled(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    rig_step(r, 1 * MS);
    g_assert_cmpuint(reg_read(r, 0xf0), ==, 0);
    reg_write(r, 0xf0, 1000);
    reg_write(r, 0x10, 1);
    rig_step(r, 1 * MS);
    g_assert_cmpuint(reg_read(r, 0xf0), ==, 101000);
    reg_write(r, 0x10, 0);
    rig_step(r, 1 * MS);
    g_assert_cmpuint(reg_read(r, 0xf0), ==, 101000);
}

static void one_shot_fires_once_on_its_pin(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    reg_write(r, 0x10, 1);
    reg_write(r, T(0), 20 << 9 | 4);
    reg_write(r, T(0) + 8, 100000);
    rig_step(r, 999 * US);
    g_assert_cmpuint(r->lines[20].edges, ==, 0);
    rig_step(r, 1 * US);
    g_assert_cmpuint(r->lines[20].edges, ==, 1);
    rig_step(r, 100 * MS);
    g_assert_cmpuint(r->lines[20].edges, ==, 1);
}

/* As Linux does: the first match, then the period. */
static void periodic_keeps_its_phase(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    reg_write(r, 0x10, 3);
    rig_step(r, 1 * MS);
    reg_write(r, T(0), 0x14c); /* enabled, periodic, set, 32 bit */
    rig_store(r, HPET_BASE + T(0) + 8, 150000, 4);
    rig_store(r, HPET_BASE + T(0) + 8, 100000, 4);
    rig_step(r, 499 * US);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 0);
    rig_step(r, 1 * US);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 1);
    rig_step(r, 1000 * MS);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 1001);
}

/* Linux leaves timer 0 so. */
static void a_periodic_timer_without_an_interrupt_wakes_nobody(void)
{
    g_autoptr(rig) r = rig_new();
    struct hpet *h = hpet_new(r);

    reg_write(r, T(0), 0x48); /* periodic, set; 64 bit */
    reg_write(r, T(0) + 8, 400000);
    reg_write(r, 0x10, 3);
    rig_step(r, 1 * MS);
    g_assert_cmpint(clock_next_deadline(r->m), ==, -1);
    g_assert_cmpuint(reg_read(r, T(0) + 8), ==, 400000);
    rig_step(r, 10 * MS); /* 11 */
    g_assert_cmpuint(reg_read(r, T(0) + 8), ==, 1200000);
    rig_check_state(r, &h->dev);
    rig_step(r, 1 * MS - 10);
    reg_write(r, T(0), 0x0c); /* its interrupt is turned on: from the next match on */
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 0);
    rig_step(r, 10);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 1);
    rig_step(r, 8 * MS);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 3);
    reg_write(r, T(0), 0x08);
    rig_step(r, 400 * MS);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 3);
    g_assert_cmpint(clock_next_deadline(r->m), ==, -1);
    g_assert_cmpuint(reg_read(r, T(0) + 8), ==, 42400000);
    reg_write(r, 0x10, 2); /* what went by while it was halted did not */
    rig_step(r, 400 * MS);
    g_assert_cmpuint(reg_read(r, T(0) + 8), ==, 42400000);
}

static void level_interrupt_holds_until_its_status_is_cleared(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    reg_write(r, 0x10, 1);
    reg_write(r, T(1), 21 << 9 | 6);
    reg_write(r, T(1) + 8, 1000);
    rig_step(r, 20 * US);
    g_assert_true(r->lines[21].level);
    g_assert_cmphex(reg_read(r, 0x20), ==, 2);
    reg_write(r, 0x20, 1); /* another timer's */
    g_assert_true(r->lines[21].level);
    reg_write(r, 0x20, 2);
    g_assert_false(r->lines[21].level);
    g_assert_cmphex(reg_read(r, 0x20), ==, 0);
}

static void legacy_replacement_cuts_off_pit_and_rtc(void)
{
    g_autoptr(rig) r = rig_new();
    struct hpet *h = hpet_new(r);

    irq_pulse(&h->legacy_in[0]);
    irq_raise(&h->legacy_in[1]);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 1);
    g_assert_true(r->lines[LEGACY + 1].level);
    reg_write(r, 0x10, 3);
    g_assert_false(r->lines[LEGACY + 1].level);
    irq_pulse(&h->legacy_in[0]);
    g_assert_cmpuint(r->lines[LEGACY].edges, ==, 1);
    reg_write(r, T(1), 4);
    reg_write(r, T(1) + 8, reg_read(r, 0xf0) + 100);
    rig_step(r, 1 * US);
    g_assert_cmpuint(r->lines[LEGACY + 1].edges, ==, 2);
    reg_write(r, 0x10, 0);
    g_assert_true(r->lines[LEGACY + 1].level); /* the RTC's own level is back */
}

static void a_32_bit_timer_wraps(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    reg_write(r, 0xf0, 0xfffffff0);
    reg_write(r, T(2), 22 << 9 | 0x104);
    reg_write(r, T(2) + 8, 0x10);
    reg_write(r, 0x10, 1);
    rig_step(r, 310);
    g_assert_cmpuint(r->lines[22].edges, ==, 0);
    rig_step(r, 10);
    g_assert_cmpuint(r->lines[22].edges, ==, 1);
}

static void tiny_periods_do_not_starve_the_host(void)
{
    g_autoptr(rig) r = rig_new();

    hpet_new(r);
    reg_write(r, T(0), 20 << 9 | 0x4c);
    reg_write(r, T(0) + 8, 1);
    reg_write(r, 0x10, 1);
    rig_step(r, 100 * MS);
    g_assert_cmpuint(r->lines[20].edges, <=, 10001);
    g_assert_cmpuint(r->lines[20].edges, >=, 1000);
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct hpet *h = hpet_new(r);

    reg_write(r, 0x10, 1);
    reg_write(r, T(0), 20 << 9 | 0x4c);
    reg_write(r, T(0) + 8, 100000);
    rig_step(r, 1500 * US);
    rig_check_state(r, &h->dev);
    g_assert_cmpuint(reg_read(r, 0xf0), ==, 150000);
    rig_step(r, 500 * US);
    g_assert_cmpuint(r->lines[20].edges, ==, 2);
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct hpet *h = hpet_new(r);

    fuzz_memory(r, HPET_BASE, 0x400);
    fuzz_memory(r, HPET_BASE + 0x100, 0x60);
    rig_check_state(r, &h->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hpet/capabilities", capabilities);
    g_test_add_func("/hpet/counter", counter_runs_at_100_mhz_while_enabled);
    g_test_add_func("/hpet/one-shot", one_shot_fires_once_on_its_pin);
    g_test_add_func("/hpet/periodic", periodic_keeps_its_phase);
    g_test_add_func("/hpet/silent", a_periodic_timer_without_an_interrupt_wakes_nobody);
    g_test_add_func("/hpet/level", level_interrupt_holds_until_its_status_is_cleared);
    g_test_add_func("/hpet/legacy", legacy_replacement_cuts_off_pit_and_rtc);
    g_test_add_func("/hpet/wrap", a_32_bit_timer_wraps);
    g_test_add_func("/hpet/tiny", tiny_periods_do_not_starve_the_host);
    g_test_add_func("/hpet/state", state_survives);
    g_test_add_func("/hpet/fuzz", random_accesses);
    return g_test_run();
}
