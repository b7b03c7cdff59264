/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/misc_test.c: isa-debug-exit, pvpanic, ports 0x80 and 0x92. */
#include "hw/misc/ferr.h"
#include "hw/misc/misc.h"
#include "hw/misc/port92.h"
#include "softmmu/event.h"
#include "tests/device/fuzz.h"

static void debug_exit_gives_an_odd_status(void)
{
    g_autoptr(rig) r = rig_new();

    rig_device(r, "isa-debug-exit", "iobase=0xf4,iosize=4");
    g_assert_cmphex(rig_inb(r, 0xf4), ==, 0);
    rig_outl(r, 0xf4, 0x10);
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_DEBUG_EXIT);
    g_assert_cmpint(r->m->exit_status, ==, 33);
}

static void debug_exit_checks_its_ports(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *size = rig_device_error(r, &debug_exit_type, "iosize=0");
    g_autofree char *base = rig_device_error(r, &debug_exit_type, "iobase=0xffff");

    g_assert_nonnull(strstr(size, "iosize 0x0"));
    g_assert_nonnull(strstr(base, "iobase 0xffff"));
}

struct crash_listener {
    struct event_listener listener;
    unsigned crashes;
};

static void count_crashes(struct event_listener *l, enum event_id id, json_t *data, int64_t us)
{
    (void)data;
    (void)us;
    ((struct crash_listener *)l)->crashes += id == EVENT_GUEST_CRASHLOADED;
}

/* A kernel that will dump itself is let do so. */
static void pvpanic_tells_of_a_dump(void)
{
    g_autoptr(rig) r = rig_new();
    struct crash_listener l = { .listener.event = count_crashes };

    event_add_listener(r->m, &l.listener);
    rig_device(r, "pvpanic", "events=1");
    rig_outb(r, 0x505, 2); /* not supported */
    rig_device(r, "pvpanic", "ioport=0x507");
    g_assert_cmpuint(l.crashes, ==, 0);
    rig_outb(r, 0x507, 2);
    rig_poll(r);
    g_assert_cmpuint(l.crashes, ==, 1);
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    rig_outb(r, 0x507, 3);
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_GUEST_PANIC);
    rig_poll(r);
    g_assert_cmpuint(l.crashes, ==, 1);
}

static void pvpanic_reports(void)
{
    g_autoptr(rig) r = rig_new();

    rig_device(r, "pvpanic", NULL);
    g_assert_cmphex(rig_inb(r, 0x505), ==, 3);
    rig_outb(r, 0x505, 2);
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    rig_outb(r, 0x505, 1);
    g_assert_cmpint(r->m->shutdown_requested, ==, SHUTDOWN_GUEST_PANIC);
}

static void port92_resets_on_a_rising_edge(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev = rig_device(r, "port92", NULL);

    rig_outb(r, 0x92, 0x02);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_NONE);
    rig_outb(r, 0x92, 0x03);
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    r->m->reset_requested = SHUTDOWN_NONE;
    rig_outb(r, 0x92, 0x03); /* no edge */
    g_assert_cmpint(r->m->reset_requested, ==, SHUTDOWN_NONE);
    rig_outb(r, 0x92, 0x00);
    rig_check_state(r, dev);
    g_assert_true(r->m->a20_masked);
    dev->type->reset(dev);
    g_assert_false(r->m->a20_masked);
}

/* The handler of IRQ 13 clears the latch first, the x87's status later. */
static void ferr_latches_irq_13(void)
{
    g_autoptr(rig) r = rig_new();
    struct ferr *ferr = (struct ferr *)rig_device(r, "x87-error-latch", NULL);

    irq_set(&ferr->input, true);
    g_assert_true(r->lines[13].level);
    rig_check_state(r, &ferr->dev);
    rig_outb(r, 0xf0, 0);
    g_assert_false(r->lines[13].level);
    irq_set(&ferr->input, true); /* the same error once more: no edge */
    g_assert_false(r->lines[13].level);
    irq_set(&ferr->input, false);
    irq_set(&ferr->input, true);
    irq_set(&ferr->input, false); /* the latch holds it */
    g_assert_true(r->lines[13].level);
    g_assert_cmpuint(r->lines[13].edges, ==, 2);
    ferr->dev.type->reset(&ferr->dev);
    g_assert_false(r->lines[13].level);
}

static void port80_swallows(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev = rig_device(r, "ioport80", NULL);

    rig_outb(r, 0x80, 0x5a);
    g_assert_cmphex(rig_inb(r, 0x80), ==, 0xff);
    rig_check_state(r, dev);
}

static void random_accesses(void)
{
    static const char *const names[] = { "port92", "ioport80", "x87-error-latch", "isa-debug-exit",
                                         "pvpanic" };
    g_autoptr(rig) r = rig_new();
    struct device *devices[G_N_ELEMENTS(names)];

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        devices[i] = rig_device(r, names[i], NULL);
    }
    fuzz_ports(r, 0x80, 0x20);
    fuzz_ports(r, 0xf0, 4);
    fuzz_ports(r, 0x500, 8);
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        rig_check_state(r, devices[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/misc/debug-exit/status", debug_exit_gives_an_odd_status);
    g_test_add_func("/misc/debug-exit/ports", debug_exit_checks_its_ports);
    g_test_add_func("/misc/pvpanic", pvpanic_reports);
    g_test_add_func("/misc/pvpanic-dump", pvpanic_tells_of_a_dump);
    g_test_add_func("/misc/port92", port92_resets_on_a_rising_edge);
    g_test_add_func("/misc/ferr", ferr_latches_irq_13);
    g_test_add_func("/misc/port80", port80_swallows);
    g_test_add_func("/misc/fuzz", random_accesses);
    return g_test_run();
}
