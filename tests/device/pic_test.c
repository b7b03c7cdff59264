/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pic_test.c: the pair of 8259A. */
#include "hw/intc/i8259.h"
#include "tests/device/fuzz.h"

#define INTR 20 /* sink of the output */

static struct i8259 *pic_new(struct rig *r)
{
    struct i8259 *pic = (struct i8259 *)rig_device_new(r, &i8259_type, NULL);

    pic->output = rig_irq_sink(r, INTR);
    rig_device_realize(r, &pic->dev);
    return pic;
}

/* As PC firmware does: vectors 8 and 0x70, nothing masked. */
static void pic_setup(struct rig *r, uint8_t icw4)
{
    static const uint16_t port[2] = { 0x20, 0xa0 };

    for (int n = 0; n < 2; n++) {
        rig_outb(r, port[n], 0x11);
        rig_outb(r, port[n] + 1, n ? 0x70 : 0x08);
        rig_outb(r, port[n] + 1, n ? 2 : 4);
        rig_outb(r, port[n] + 1, icw4);
        rig_outb(r, port[n] + 1, 0);
    }
}

static void lowest_number_has_highest_priority(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_raise(&pic->inputs[5]);
    irq_raise(&pic->inputs[3]);
    g_assert_true(r->lines[INTR].level);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0b);
    g_assert_false(r->lines[INTR].level); /* 5 waits for the end of 3 */
    rig_outb(r, 0x20, 0x20);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0d);
}

static void higher_priority_nests(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_raise(&pic->inputs[5]);
    pic_acknowledge(pic);
    irq_raise(&pic->inputs[1]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x09);
    rig_outb(r, 0x20, 0x0b);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0x22);
    rig_outb(r, 0x20, 0x20); /* non-specific: 1 ends first */
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0x20);
    rig_outb(r, 0x20, 0x65); /* specific */
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0);
}

static void slave_vectors_go_through_the_cascade(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_raise(&pic->inputs[8]);
    irq_raise(&pic->inputs[12]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x70);
    rig_outb(r, 0xa0, 0x20);
    rig_outb(r, 0x20, 0x20);
    g_assert_true(r->lines[INTR].level);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x74);
}

static void masked_input_is_held_and_delivered_later(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    rig_outb(r, 0x21, 0xff);
    irq_pulse(&pic->inputs[4]);
    g_assert_false(r->lines[INTR].level);
    rig_outb(r, 0x20, 0x0a);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0x10);
    rig_outb(r, 0x21, 0xef);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0c);
}

static void withdrawn_level_request_is_spurious_irq7(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    rig_outb(r, 0x4d0, 0xff);
    g_assert_cmphex(rig_inb(r, 0x4d0), ==, 0xf8); /* 0-2 stay edges */
    irq_raise(&pic->inputs[5]);
    g_assert_true(r->lines[INTR].level);
    irq_lower(&pic->inputs[5]);
    g_assert_false(r->lines[INTR].level);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0f);
    rig_outb(r, 0x20, 0x0b);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0); /* and is not in service */
}

static void level_request_returns_after_eoi(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    rig_outb(r, 0x4d1, 0x08);
    irq_raise(&pic->inputs[11]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x73);
    rig_outb(r, 0xa0, 0x20);
    rig_outb(r, 0x20, 0x20);
    g_assert_true(r->lines[INTR].level);
    irq_lower(&pic->inputs[11]);
    g_assert_false(r->lines[INTR].level);
}

static void edge_needs_a_new_rise(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_raise(&pic->inputs[4]);
    pic_acknowledge(pic);
    rig_outb(r, 0x20, 0x20);
    irq_raise(&pic->inputs[4]);
    g_assert_false(r->lines[INTR].level);
    irq_lower(&pic->inputs[4]);
    irq_raise(&pic->inputs[4]);
    g_assert_true(r->lines[INTR].level);
}

/* The host kept the CPU from running: it takes each tick, of other inputs one edge. */
static void ticks_are_owed_until_the_cpu_runs(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    for (int i = 0; i < 3; i++) {
        irq_pulse(&pic->inputs[0]);
        irq_pulse(&pic->inputs[4]);
    }
    for (int i = 0; i < 3; i++) {
        g_assert_cmpint(pic_acknowledge(pic), ==, 0x08);
        rig_outb(r, 0x20, 0x20);
    }
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0c);
    rig_outb(r, 0x20, 0x20);
    g_assert_false(r->lines[INTR].level);
    for (int i = 0; i < 2 * MAX_OWED_TICKS; i++) {
        irq_pulse(&pic->inputs[0]);
    }
    g_assert_cmpuint(pic->chip[0].owed, ==, MAX_OWED_TICKS);
    rig_check_state(r, &pic->dev);
    rig_outb(r, 0x21, 1); /* who masks it counts no more */
    rig_outb(r, 0x21, 0);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x08);
    rig_outb(r, 0x20, 0x20);
    g_assert_false(r->lines[INTR].level);
}

static void automatic_eoi_leaves_nothing_in_service(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 3);
    irq_pulse(&pic->inputs[0]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x08);
    rig_outb(r, 0x20, 0x0b);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0);
    irq_pulse(&pic->inputs[0]);
    g_assert_true(r->lines[INTR].level);
}

static void rotation_makes_the_served_one_last(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_pulse(&pic->inputs[3]);
    pic_acknowledge(pic);
    rig_outb(r, 0x20, 0xa0);
    irq_pulse(&pic->inputs[3]);
    irq_pulse(&pic->inputs[4]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0c);
    rig_outb(r, 0x20, 0x20);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0b);
    rig_outb(r, 0x20, 0x20);
    rig_outb(r, 0x20, 0xc7); /* set priority: 7 is the lowest again */
    irq_pulse(&pic->inputs[3]);
    irq_pulse(&pic->inputs[4]);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0b);
}

static void poll_acknowledges(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    rig_outb(r, 0x20, 0x0c);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0);
    irq_pulse(&pic->inputs[6]);
    rig_outb(r, 0x20, 0x0c);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0x86);
    rig_outb(r, 0x20, 0x0b);
    g_assert_cmphex(rig_inb(r, 0x20), ==, 0x40);
}

static void special_mask_lets_lower_priorities_in(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    irq_pulse(&pic->inputs[3]);
    pic_acknowledge(pic);
    irq_pulse(&pic->inputs[6]);
    g_assert_false(r->lines[INTR].level);
    rig_outb(r, 0x21, 0x08);
    rig_outb(r, 0x20, 0x68);
    g_assert_true(r->lines[INTR].level);
    g_assert_cmpint(pic_acknowledge(pic), ==, 0x0e);
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    pic_setup(r, 1);
    rig_outb(r, 0x4d1, 0x0c);
    irq_raise(&pic->inputs[9]);
    pic_acknowledge(pic);
    irq_raise(&pic->inputs[4]);
    rig_check_state(r, &pic->dev);
    rig_outb(r, 0xa0, 0x0b);
    g_assert_cmphex(rig_inb(r, 0xa0), ==, 0x02);
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8259 *pic = pic_new(r);

    fuzz_ports(r, 0x20, 2);
    fuzz_ports(r, 0xa0, 2);
    fuzz_ports(r, 0x4d0, 2);
    irq_raise(&pic->inputs[7]);
    g_assert_cmpint(pic_acknowledge(pic), <=, 255);
    rig_check_state(r, &pic->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pic/priority", lowest_number_has_highest_priority);
    g_test_add_func("/pic/nesting", higher_priority_nests);
    g_test_add_func("/pic/cascade", slave_vectors_go_through_the_cascade);
    g_test_add_func("/pic/mask", masked_input_is_held_and_delivered_later);
    g_test_add_func("/pic/spurious", withdrawn_level_request_is_spurious_irq7);
    g_test_add_func("/pic/level", level_request_returns_after_eoi);
    g_test_add_func("/pic/edge", edge_needs_a_new_rise);
    g_test_add_func("/pic/owed-ticks", ticks_are_owed_until_the_cpu_runs);
    g_test_add_func("/pic/aeoi", automatic_eoi_leaves_nothing_in_service);
    g_test_add_func("/pic/rotation", rotation_makes_the_served_one_last);
    g_test_add_func("/pic/poll", poll_acknowledges);
    g_test_add_func("/pic/special-mask", special_mask_lets_lower_priorities_in);
    g_test_add_func("/pic/state", state_survives);
    g_test_add_func("/pic/fuzz", random_accesses);
    return g_test_run();
}
