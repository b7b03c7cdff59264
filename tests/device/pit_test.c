/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pit_test.c: the 8254 and port 0x61. */
#include "hw/timer/i8254.h"
#include "tests/device/fuzz.h"

/* 1193182 Hz: 11932 ticks are 10.0002 ms */
#define HZ_100 11932

static struct device *pit_new(struct rig *r)
{
    struct device *dev = rig_device_new(r, &i8254_type, NULL);

    rig_device_realize(r, dev);
    return dev;
}

static void program(struct rig *r, unsigned channel, unsigned mode, uint16_t count)
{
    rig_outb(r, 0x43, channel << 6 | 0x30 | mode << 1);
    rig_outb(r, 0x40 + channel, count & 0xff);
    rig_outb(r, 0x40 + channel, count >> 8);
}

static uint16_t latched(struct rig *r, unsigned channel)
{
    uint8_t low;

    rig_outb(r, 0x43, channel << 6);
    low = rig_inb(r, 0x40 + channel);
    return low | rig_inb(r, 0x40 + channel) << 8;
}

static void modes_2_and_3_interrupt_every_period(void)
{
    for (unsigned mode = 2; mode <= 3; mode++) {
        g_autoptr(rig) r = rig_new();

        pit_new(r);
        program(r, 0, mode, HZ_100);
        g_assert_cmpuint(r->lines[0].edges, ==, 0);
        rig_step(r, 9990 * US);
        g_assert_cmpuint(r->lines[0].edges, ==, 0);
        rig_step(r, 20 * US);
        g_assert_cmpuint(r->lines[0].edges, ==, 1);
        rig_step(r, 1000 * MS);
        g_assert_cmpuint(r->lines[0].edges, ==, 100);
    }
}

static void mode_0_interrupts_once(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 0, HZ_100);
    rig_step(r, 9 * MS);
    g_assert_false(r->lines[0].level);
    rig_step(r, 2 * MS);
    g_assert_true(r->lines[0].level);
    rig_step(r, 200 * MS);
    g_assert_cmpuint(r->lines[0].edges, ==, 1);
    program(r, 0, 0, HZ_100);
    g_assert_false(r->lines[0].level);
    rig_step(r, 11 * MS);
    g_assert_cmpuint(r->lines[0].edges, ==, 2);
}

static void mode_4_strobes_once(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 4, 1000);
    rig_step(r, 10 * MS);
    g_assert_cmpuint(r->lines[0].edges, ==, 1);
}

static void counts_down_and_latches(void)
{
    g_autoptr(rig) r = rig_new();
    uint16_t v;

    pit_new(r);
    program(r, 0, 2, 0); /* 65536 */
    rig_step(r, 10 * MS);
    v = latched(r, 0);
    g_assert_cmpint(v, ==, 65536 - 11931);
    rig_outb(r, 0x43, 0x00);
    rig_step(r, 1 * MS); /* the latch holds */
    g_assert_cmphex(rig_inb(r, 0x40), ==, v & 0xff);
    g_assert_cmphex(rig_inb(r, 0x40), ==, v >> 8);
}

static void mode_3_counts_by_two(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 3, 10000);
    rig_step(r, 1 * MS); /* 1193 ticks */
    g_assert_cmpint(latched(r, 0), ==, 10000 - 2 * 1193);
}

static void bcd_counts(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    rig_outb(r, 0x43, 0x35);
    rig_outb(r, 0x40, 0x00);
    rig_outb(r, 0x40, 0x50); /* 5000 */
    rig_step(r, 1 * MS);
    g_assert_cmphex(latched(r, 0), ==, 0x3807);
}

static void single_byte_access(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    rig_outb(r, 0x43, 0xa4); /* channel 2, high byte, mode 2 */
    rig_outb(r, 0x61, 1);
    rig_outb(r, 0x42, 0x40);
    rig_step(r, 10 * US);
    g_assert_cmphex(rig_inb(r, 0x42), ==, 0x3f);
    g_assert_cmphex(rig_inb(r, 0x42), ==, 0x3f);
}

static void read_back_gives_status_then_count(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 2, 1000);
    rig_outb(r, 0x43, 0xc2); /* count and status of channel 0 */
    g_assert_cmphex(rig_inb(r, 0x40), ==, 0x80 | 0x30 | 2 << 1);
    g_assert_cmphex(rig_inb(r, 0x40), ==, 1000 & 0xff);
    g_assert_cmphex(rig_inb(r, 0x40), ==, 1000 >> 8);
    rig_outb(r, 0x43, 0x34);
    rig_outb(r, 0x43, 0xe2); /* status only: no count yet */
    g_assert_cmphex(rig_inb(r, 0x40), ==, 0x80 | 0x40 | 0x30 | 2 << 1);
}

static void a_new_count_waits_for_the_period(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 2, HZ_100);
    rig_step(r, 5 * MS);
    rig_outb(r, 0x40, (HZ_100 / 2) & 0xff);
    rig_outb(r, 0x40, (HZ_100 / 2) >> 8);
    rig_step(r, 5100 * US);
    g_assert_cmpuint(r->lines[0].edges, ==, 1);
    rig_step(r, 10 * MS);
    g_assert_cmpuint(r->lines[0].edges, ==, 3);
}

/* How Linux and others calibrate the TSC: mode 0 on channel 2, polled through port 0x61. */
static void channel_2_is_gated_and_seen_at_port_61(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    rig_outb(r, 0x61, 0);
    program(r, 2, 0, HZ_100);
    rig_step(r, 50 * MS); /* the gate is closed */
    g_assert_cmphex(rig_inb(r, 0x61) & 0x20, ==, 0);
    rig_outb(r, 0x61, 1);
    rig_step(r, 9 * MS);
    g_assert_cmphex(rig_inb(r, 0x61) & 0x20, ==, 0);
    rig_step(r, 2 * MS);
    g_assert_cmphex(rig_inb(r, 0x61) & 0x2f, ==, 0x21);
}

static void refresh_bit_toggles(void)
{
    g_autoptr(rig) r = rig_new();
    unsigned changes = 0;
    uint8_t last;

    pit_new(r);
    last = rig_inb(r, 0x61);
    for (int i = 0; i < 100; i++) {
        rig_step(r, 15085);
        changes += (rig_inb(r, 0x61) ^ last) >> 4 & 1;
        last = rig_inb(r, 0x61);
    }
    g_assert_cmpuint(changes, ==, 100);
}

static void mode_1_waits_for_its_trigger(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 2, 1, HZ_100);
    rig_step(r, 20 * MS);
    g_assert_cmphex(rig_inb(r, 0x61) & 0x20, ==, 0x20);
    rig_outb(r, 0x61, 1);
    g_assert_cmphex(rig_inb(r, 0x61) & 0x20, ==, 0);
    rig_step(r, 11 * MS);
    g_assert_cmphex(rig_inb(r, 0x61) & 0x20, ==, 0x20);
}

static void tiny_counts_do_not_starve_the_host(void)
{
    g_autoptr(rig) r = rig_new();

    pit_new(r);
    program(r, 0, 2, 1);
    rig_step(r, 100 * MS);
    g_assert_cmpuint(r->lines[0].edges, <=, 5001);
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev = pit_new(r);

    program(r, 0, 2, HZ_100);
    program(r, 2, 3, 1000);
    rig_step(r, 5 * MS);
    rig_outb(r, 0x40, 7);
    rig_check_state(r, dev);
    rig_step(r, 5100 * US);
    g_assert_cmpuint(r->lines[0].edges, ==, 1);
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev = pit_new(r);

    fuzz_ports(r, 0x40, 4);
    fuzz_ports(r, 0x61, 1);
    rig_check_state(r, dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pit/periodic", modes_2_and_3_interrupt_every_period);
    g_test_add_func("/pit/mode-0", mode_0_interrupts_once);
    g_test_add_func("/pit/mode-1", mode_1_waits_for_its_trigger);
    g_test_add_func("/pit/mode-4", mode_4_strobes_once);
    g_test_add_func("/pit/latch", counts_down_and_latches);
    g_test_add_func("/pit/mode-3-count", mode_3_counts_by_two);
    g_test_add_func("/pit/bcd", bcd_counts);
    g_test_add_func("/pit/one-byte", single_byte_access);
    g_test_add_func("/pit/read-back", read_back_gives_status_then_count);
    g_test_add_func("/pit/reload", a_new_count_waits_for_the_period);
    g_test_add_func("/pit/speaker", channel_2_is_gated_and_seen_at_port_61);
    g_test_add_func("/pit/refresh", refresh_bit_toggles);
    g_test_add_func("/pit/tiny", tiny_counts_do_not_starve_the_host);
    g_test_add_func("/pit/state", state_survives);
    g_test_add_func("/pit/fuzz", random_accesses);
    return g_test_run();
}
