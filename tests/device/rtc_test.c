/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/rtc_test.c: the MC146818A. */
#include "hw/timer/mc146818rtc.h"
#include "tests/device/fuzz.h"

#define SEC      (1000 * MS)
#define REG_A    10
#define REG_B    11
#define REG_C    12
#define B_SET    0x80
#define B_PIE    0x40
#define B_AIE    0x20
#define B_UIE    0x10
#define B_BINARY 0x04
#define B_24H    0x02

#define START 1709164799 /* 2024-02-28 23:59:59 UTC, a Wednesday */

static struct rtc *rtc_new(struct rig *r)
{
    struct rtc *rtc = (struct rtc *)rig_device_new(r, &mc146818rtc_type, NULL);

    r->m->config.rtc_base = START;
    rig_device_realize(r, &rtc->dev);
    return rtc;
}

static uint8_t cmos_read(struct rig *r, uint8_t reg)
{
    rig_outb(r, 0x70, reg);
    return rig_inb(r, 0x71);
}

static void cmos_write(struct rig *r, uint8_t reg, uint8_t v)
{
    rig_outb(r, 0x70, reg);
    rig_outb(r, 0x71, v);
}

static void assert_time(struct rig *r, uint8_t h, uint8_t m, uint8_t s)
{
    g_assert_cmphex(cmos_read(r, 4), ==, h);
    g_assert_cmphex(cmos_read(r, 2), ==, m);
    g_assert_cmphex(cmos_read(r, 0), ==, s);
}

static void irq8_is_held_until_register_c_is_read(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, REG_A, 0x26); /* 1024 Hz */
    cmos_write(r, REG_B, B_PIE | B_24H);
    rig_step(r, 2 * MS); /* two periods, one edge: nobody acknowledged */
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    g_assert_true(r->lines[8].level);
    g_assert_cmphex(cmos_read(r, REG_C), ==, 0xc0);
    g_assert_false(r->lines[8].level);
    rig_step(r, 1 * MS);
    g_assert_cmpuint(r->lines[8].edges, ==, 2);
}

static void periodic_rate_is_exact(void)
{
    g_autoptr(rig) r = rig_new();
    unsigned before;

    rtc_new(r);
    cmos_write(r, REG_A, 0x2f); /* 2 Hz */
    cmos_write(r, REG_B, B_PIE | B_24H);
    for (int i = 0; i < 100; i++) {
        before = r->lines[8].edges;
        rig_step(r, 500 * MS);
        g_assert_cmpuint(r->lines[8].edges, ==, before + 1);
        cmos_read(r, REG_C);
    }
}

static void flags_are_set_without_being_enabled(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_read(r, REG_C);
    rig_step(r, 1 * SEC);
    g_assert_cmphex(cmos_read(r, REG_C) & 0xd0, ==, 0x50); /* PF and UF, no IRQF */
    g_assert_cmpuint(r->lines[8].edges, ==, 0);
}

static void time_runs_over_midnight_of_a_leap_day(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    assert_time(r, 0x23, 0x59, 0x59);
    g_assert_cmphex(cmos_read(r, 6), ==, 4);
    rig_step(r, 1 * SEC);
    assert_time(r, 0, 0, 0);
    g_assert_cmphex(cmos_read(r, 7), ==, 0x29);
    g_assert_cmphex(cmos_read(r, 8), ==, 0x02);
    g_assert_cmphex(cmos_read(r, 9), ==, 0x24);
    g_assert_cmphex(cmos_read(r, 0x32), ==, 0x20);
    g_assert_cmphex(cmos_read(r, 6), ==, 5);
}

static void binary_and_12_hours(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, REG_B, B_BINARY);
    assert_time(r, 0x80 | 11, 59, 59);
    rig_step(r, 1 * SEC);
    assert_time(r, 12, 0, 0); /* midnight is 12 AM */
    cmos_write(r, REG_B, 0);
    g_assert_cmphex(cmos_read(r, 4), ==, 0x12);
}

static void set_stops_the_clock_and_takes_a_new_time(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, REG_B, B_SET | B_24H);
    cmos_write(r, 4, 0x08);
    cmos_write(r, 2, 0x30);
    cmos_write(r, 0, 0x00);
    rig_step(r, 10 * SEC);
    assert_time(r, 0x08, 0x30, 0x00);
    cmos_write(r, REG_B, B_24H);
    rig_step(r, 61 * SEC);
    assert_time(r, 0x08, 0x31, 0x01);
    g_assert_cmphex(cmos_read(r, 7), ==, 0x28);
}

static void divider_reset_updates_half_a_second_later(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, REG_A, 0x76);
    rig_step(r, 5 * SEC);
    assert_time(r, 0x23, 0x59, 0x59);
    cmos_write(r, REG_A, 0x26);
    rig_step(r, 499 * MS);
    assert_time(r, 0x23, 0x59, 0x59);
    rig_step(r, 1 * MS);
    assert_time(r, 0, 0, 0);
}

static void update_ended_interrupt_each_second(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, REG_B, B_UIE | B_24H);
    rig_step(r, 999 * MS);
    g_assert_cmpuint(r->lines[8].edges, ==, 0);
    rig_step(r, 1 * MS);
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    g_assert_cmphex(cmos_read(r, REG_C) & 0x90, ==, 0x90);
}

static void uip_precedes_the_update(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    g_assert_cmphex(cmos_read(r, REG_A), ==, 0x26);
    rig_step(r, 1 * SEC - 200 * US);
    g_assert_cmphex(cmos_read(r, REG_A), ==, 0xa6);
    rig_step(r, 200 * US);
    g_assert_cmphex(cmos_read(r, REG_A), ==, 0x26);
}

static void alarm_fires_at_its_time_and_with_dont_care(void)
{
    g_autoptr(rig) r = rig_new();

    rtc_new(r);
    cmos_write(r, 5, 0x01); /* 01:02:03 */
    cmos_write(r, 3, 0x02);
    cmos_write(r, 1, 0x03);
    cmos_write(r, REG_B, B_AIE | B_24H);
    rig_step(r, 3600 * SEC + 123 * SEC);
    g_assert_cmpuint(r->lines[8].edges, ==, 0);
    rig_step(r, 1 * SEC);
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    g_assert_cmphex(cmos_read(r, REG_C) & 0xa0, ==, 0xa0);
    cmos_write(r, 5, 0xff);
    cmos_write(r, 3, 0xff); /* each minute at :03 */
    rig_step(r, 59 * SEC);
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    rig_step(r, 1 * SEC);
    g_assert_cmpuint(r->lines[8].edges, ==, 2);
}

static void memory_size_is_in_cmos(void)
{
    g_autoptr(rig) r = rig_new();
    struct rtc *rtc = rtc_new(r);

    rtc_set_memory(rtc, 3ull << 30, 1ull << 30);
    g_assert_cmpuint(cmos_read(r, 0x15) | cmos_read(r, 0x16) << 8, ==, 640);
    g_assert_cmpuint(cmos_read(r, 0x34) | cmos_read(r, 0x35) << 8, ==, (3072 - 16) * 16);
    g_assert_cmpuint(cmos_read(r, 0x5b) | cmos_read(r, 0x5c) << 8, ==, 1024 * 16);
}

static void reset_keeps_time_and_ram_and_drops_interrupts(void)
{
    g_autoptr(rig) r = rig_new();
    struct rtc *rtc = rtc_new(r);

    cmos_write(r, 0x40, 0x5a);
    cmos_write(r, REG_B, B_UIE | B_24H);
    rig_step(r, 1 * SEC);
    rtc->dev.type->reset(&rtc->dev);
    g_assert_false(r->lines[8].level);
    rig_step(r, 5 * SEC);
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    g_assert_cmphex(cmos_read(r, 0x40), ==, 0x5a);
    assert_time(r, 0, 0, 0x05);
}

static void index_bit_7_masks_nmi(void)
{
    g_autoptr(rig) r = rig_new();
    struct rtc *rtc = rtc_new(r);

    rig_outb(r, 0x70, 0x8d);
    g_assert_true(rtc_nmi_masked(rtc));
    g_assert_cmphex(rig_inb(r, 0x71), ==, 0x80);
    rig_outb(r, 0x70, 0x0d);
    g_assert_false(rtc_nmi_masked(rtc));
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct rtc *rtc = rtc_new(r);

    cmos_write(r, REG_B, B_UIE | B_24H);
    cmos_write(r, 0x40, 0x5a);
    rig_step(r, 500 * MS);
    rig_check_state(r, &rtc->dev);
    rig_step(r, 500 * MS);
    g_assert_cmpuint(r->lines[8].edges, ==, 1);
    assert_time(r, 0, 0, 0);
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct rtc *rtc = rtc_new(r);

    fuzz_ports(r, 0x70, 2);
    rig_check_state(r, &rtc->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rtc/irq8", irq8_is_held_until_register_c_is_read);
    g_test_add_func("/rtc/periodic", periodic_rate_is_exact);
    g_test_add_func("/rtc/flags", flags_are_set_without_being_enabled);
    g_test_add_func("/rtc/time", time_runs_over_midnight_of_a_leap_day);
    g_test_add_func("/rtc/formats", binary_and_12_hours);
    g_test_add_func("/rtc/set", set_stops_the_clock_and_takes_a_new_time);
    g_test_add_func("/rtc/divider", divider_reset_updates_half_a_second_later);
    g_test_add_func("/rtc/update", update_ended_interrupt_each_second);
    g_test_add_func("/rtc/uip", uip_precedes_the_update);
    g_test_add_func("/rtc/alarm", alarm_fires_at_its_time_and_with_dont_care);
    g_test_add_func("/rtc/memory", memory_size_is_in_cmos);
    g_test_add_func("/rtc/reset", reset_keeps_time_and_ram_and_drops_interrupts);
    g_test_add_func("/rtc/nmi", index_bit_7_masks_nmi);
    g_test_add_func("/rtc/state", state_survives);
    g_test_add_func("/rtc/fuzz", random_accesses);
    return g_test_run();
}
