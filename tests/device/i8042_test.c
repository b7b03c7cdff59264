/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/i8042_test.c: the keyboard controller, its keyboard and its mouse. */
#include "hw/input/i8042.h"
#include "hw/misc/port92.h"
#include "tests/device/fuzz.h"

#define A20(r) (!(r)->m->a20_masked)

static struct i8042 *i8042_new(struct rig *r)
{
    struct port92 *port92 = (struct port92 *)rig_device(r, "port92", NULL);
    struct i8042 *s = (struct i8042 *)rig_device_new(r, &i8042_type, NULL);

    s->a20 = port92->a20_input;
    rig_device_realize(r, &s->dev);
    return s;
}

static void command(struct rig *r, uint8_t v)
{
    rig_outb(r, 0x64, v);
}

static void expect(struct rig *r, const char *bytes, size_t n, bool aux)
{
    for (size_t i = 0; i < n; i++) {
        g_assert_cmphex(rig_inb(r, 0x64) & 0x21, ==, aux ? 0x21 : 0x01);
        g_assert_cmphex(rig_inb(r, 0x60), ==, (uint8_t)bytes[i]);
    }
    g_assert_cmphex(rig_inb(r, 0x64) & 0x01, ==, 0);
}
#define EXPECT(r, bytes)     expect(r, bytes, sizeof(bytes) - 1, false)
#define EXPECT_AUX(r, bytes) expect(r, bytes, sizeof(bytes) - 1, true)

static void to_keyboard(struct rig *r, uint8_t v)
{
    rig_outb(r, 0x60, v);
}

static void to_mouse(struct rig *r, uint8_t v)
{
    command(r, 0xd4);
    rig_outb(r, 0x60, v);
}

static void self_tests_pass(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    g_assert_cmphex(rig_inb(r, 0x64), ==, 0x10);
    command(r, 0xaa);
    g_assert_cmphex(rig_inb(r, 0x64) & 0x0c, ==, 0x0c);
    EXPECT(r, "\x55");
    command(r, 0xab);
    EXPECT(r, "\x00");
    command(r, 0xa9);
    EXPECT(r, "\x00");
}

static void command_byte_is_kept(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    command(r, 0x60);
    rig_outb(r, 0x60, 0x77);
    command(r, 0x20);
    EXPECT(r, "\x77");
    command(r, 0xa8); /* aux on clears bit 5 */
    command(r, 0xae); /* keyboard on clears bit 4 */
    command(r, 0x20);
    EXPECT(r, "\x47");
}

static void a20_has_three_switches(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    g_assert_true(A20(r));
    command(r, 0xdd);
    g_assert_false(A20(r));
    g_assert_cmphex(rig_inb(r, 0x92) & 2, ==, 0);
    command(r, 0xd1);
    rig_outb(r, 0x60, 0xdf);
    g_assert_true(A20(r));
    rig_outb(r, 0x92, 0x00);
    g_assert_false(A20(r));
    command(r, 0xd0);
    g_assert_cmphex(rig_inb(r, 0x60) & 2, ==, 0);
    command(r, 0xdf);
    g_assert_true(A20(r));
    g_assert_cmphex(rig_inb(r, 0x92) & 2, ==, 2);
}

static void keyboard_identifies_itself(void)
{
    g_autoptr(rig) r = rig_new();

    i8042_new(r);
    to_keyboard(r, 0xf2);
    EXPECT(r, "\xfa\xab\x41"); /* 0x83 through the translation */
    command(r, 0x60);
    rig_outb(r, 0x60, 0x03);
    to_keyboard(r, 0xf2);
    EXPECT(r, "\xfa\xab\x83");
    to_keyboard(r, 0xff);
    EXPECT(r, "\xfa\xaa");
    to_keyboard(r, 0xee);
    EXPECT(r, "\xee");
    to_keyboard(r, 0xed);
    to_keyboard(r, 0x07);
    EXPECT(r, "\xfa\xfa");
    to_keyboard(r, 0xf0);
    to_keyboard(r, 0x00);
    EXPECT(r, "\xfa\xfa\x02");
    to_keyboard(r, 0x01); /* no such command */
    EXPECT(r, "\xfe");
    to_keyboard(r, 0xfe); /* again */
    EXPECT(r, "\xfe");
}

static void keys_are_translated(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    i8042_key_event(&s->dev, 0x1e, true);
    i8042_key_event(&s->dev, 0x1e, false);
    i8042_key_event(&s->dev, 0xe048, true);
    i8042_key_event(&s->dev, 0xe048, false);
    EXPECT(r, "\x1e\x9e\xe0\x48\xe0\xc8");
    i8042_key_event(&s->dev, PS2_KEY_PAUSE, true);
    EXPECT(r, "\xe1\x1d\x45\xe1\x9d\xc5");
    command(r, 0x60);
    rig_outb(r, 0x60, 0x01);              /* raw: set 2 */
    i8042_key_event(&s->dev, 0x41, true); /* F7 */
    i8042_key_event(&s->dev, 0x41, false);
    EXPECT(r, "\x83\xf0\x83");
    to_keyboard(r, 0xf0);
    to_keyboard(r, 0x01);
    EXPECT(r, "\xfa\xfa");
    i8042_key_event(&s->dev, 0x41, false);
    EXPECT(r, "\xc1");
    to_keyboard(r, 0xf5);
    EXPECT(r, "\xfa");
    i8042_key_event(&s->dev, 0x41, true); /* nobody listens */
    EXPECT(r, "");
}

static void each_byte_interrupts_once(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    i8042_key_event(&s->dev, 0xe048, true);
    g_assert_cmpuint(r->lines[1].edges, ==, 1);
    g_assert_true(r->lines[1].level);
    rig_inb(r, 0x60);
    g_assert_cmpuint(r->lines[1].edges, ==, 2);
    rig_inb(r, 0x60);
    g_assert_false(r->lines[1].level);
    to_mouse(r, 0xf2);
    g_assert_cmpuint(r->lines[12].edges, ==, 1);
    g_assert_cmpuint(r->lines[1].edges, ==, 2);
}

static void disabled_keyboard_waits(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    command(r, 0xad);
    i8042_key_event(&s->dev, 0x1e, true);
    EXPECT(r, "");
    command(r, 0xae);
    EXPECT(r, "\x1e");
}

static void mouse_speaks_ps2(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    to_mouse(r, 0xff);
    EXPECT_AUX(r, "\xfa\xaa\x00");
    to_mouse(r, 0xe9);
    EXPECT_AUX(r, "\xfa\x00\x02\x64");
    i8042_mouse_event(&s->dev, 5, 5, 0, 0);
    EXPECT_AUX(r, ""); /* not enabled */
    to_mouse(r, 0xf6);
    EXPECT_AUX(r, "\xfa");
    to_mouse(r, 0xf4);
    EXPECT_AUX(r, "\xfa");
    i8042_mouse_event(&s->dev, 5, 3, 0, 1);
    EXPECT_AUX(r, "\x29\x05\xfd"); /* left button, right, down */
    i8042_mouse_event(&s->dev, -300, 0, 0, 0);
    EXPECT_AUX(r, "\x18\x00\x00\x18\xd4\x00");
    command(r, 0xd3);
    rig_outb(r, 0x60, 0x5a);
    EXPECT_AUX(r, "\x5a");
}

static void mouse_grows_a_wheel(void)
{
    static const uint8_t rates[2][3] = { { 200, 100, 80 }, { 200, 200, 80 } };
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    for (unsigned k = 0; k < 2; k++) {
        for (unsigned i = 0; i < 3; i++) {
            to_mouse(r, 0xf3);
            to_mouse(r, rates[k][i]);
            EXPECT_AUX(r, "\xfa\xfa");
        }
        to_mouse(r, 0xf2);
        expect(r, k ? "\xfa\x04" : "\xfa\x03", 2, true);
    }
    to_mouse(r, 0xf4);
    EXPECT_AUX(r, "\xfa");
    i8042_mouse_event(&s->dev, 0, 0, -1, 0x08);
    EXPECT_AUX(r, "\x08\x00\x00\x1f");
}

static void reset_can_be_pulsed(void)
{
    static const uint8_t ways[] = { 0xfe, 0xd1 };

    for (unsigned i = 0; i < sizeof(ways); i++) {
        g_autoptr(rig) r = rig_new();

        i8042_new(r);
        command(r, 0xff); /* pulses nothing */
        g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_NONE);
        command(r, ways[i]);
        if (ways[i] == 0xd1) {
            rig_outb(r, 0x60, 0x02); /* A20 on, reset low */
        }
        g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    }
}

static void state_survives(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    i8042_key_event(&s->dev, 0x1e, true);
    i8042_key_event(&s->dev, 0x1e, false);
    to_mouse(r, 0xf2);
    command(r, 0xd4);
    rig_check_state(r, &s->dev);
    rig_outb(r, 0x60, 0xf4);
    g_assert_cmphex(rig_inb(r, 0x60), ==, 0x1e);
    g_assert_cmphex(rig_inb(r, 0x60), ==, 0x9e);
    EXPECT_AUX(r, "\xfa");
}

static void random_accesses(void)
{
    g_autoptr(rig) r = rig_new();
    struct i8042 *s = i8042_new(r);

    for (unsigned i = 0; i < 200; i++) {
        i8042_key_event(&s->dev, (uint16_t)(i * 77), i & 1);
        i8042_mouse_event(&s->dev, (int)i * 1000, -(int)i, INT_MIN, (uint8_t)i);
    }
    fuzz_ports(r, 0x60, 8);
    rig_check_state(r, &s->dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/self-test", self_tests_pass);
    g_test_add_func("/i8042/command-byte", command_byte_is_kept);
    g_test_add_func("/i8042/a20", a20_has_three_switches);
    g_test_add_func("/i8042/keyboard", keyboard_identifies_itself);
    g_test_add_func("/i8042/keys", keys_are_translated);
    g_test_add_func("/i8042/irq", each_byte_interrupts_once);
    g_test_add_func("/i8042/disabled", disabled_keyboard_waits);
    g_test_add_func("/i8042/mouse", mouse_speaks_ps2);
    g_test_add_func("/i8042/wheel", mouse_grows_a_wheel);
    g_test_add_func("/i8042/reset", reset_can_be_pulsed);
    g_test_add_func("/i8042/state", state_survives);
    g_test_add_func("/i8042/fuzz", random_accesses);
    return g_test_run();
}
