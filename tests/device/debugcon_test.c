/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/debugcon_test.c: the debug console. */
#include "hw/char/debugcon.h"
#include "tests/device/char_rig.h"
#include "tests/device/fuzz.h"

static struct device *debugcon_new(struct rig *r, const char *props)
{
    struct device *dev = rig_device_new(r, &isa_debugcon_type, props);

    rig_device_realize(r, dev);
    return dev;
}

static void bytes_reach_the_back_end(void)
{
    g_autoptr(rig) r = rig_new();
    struct char_rig *c = char_rig_new(r->m, "c0");

    debugcon_new(r, "chardev=c0");
    rig_outb(r, 0xe9, 'h');
    rig_outb(r, 0xe9, 'i');
    g_assert_cmpstr(c->text, ==, "hi");
}

static void port_and_readback_are_properties(void)
{
    g_autoptr(rig) r = rig_new();

    debugcon_new(r, NULL);
    debugcon_new(r, "iobase=0x402,readback=0x55");
    g_assert_cmphex(rig_inb(r, 0xe9), ==, 0xe9);
    g_assert_cmphex(rig_inb(r, 0x402), ==, 0x55);
}

static void bad_port_is_refused(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *message = rig_device_error(r, &isa_debugcon_type, "iobase=0x10000");

    g_assert_nonnull(strstr(message, "0x10000"));
}

static void random_accesses_and_state(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev;

    char_rig_new(r->m, "c0")->room = 100;
    dev = debugcon_new(r, "chardev=c0");
    fuzz_ports(r, 0xe9, 1);
    rig_check_state(r, dev);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debugcon/write", bytes_reach_the_back_end);
    g_test_add_func("/debugcon/properties", port_and_readback_are_properties);
    g_test_add_func("/debugcon/bad-port", bad_port_is_refused);
    g_test_add_func("/debugcon/fuzz", random_accesses_and_state);
    return g_test_run();
}
