/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/watchdog_test.c: ib700, i6300esb, and what they do when they go off. */
#include "hw/misc/watchdog.h"
#include "softmmu/event.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN   PCI_DEVFN(3, 0)
#define BAR     0xe0000000u
#define SECONDS NS_PER_SEC

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct device *dev;
};

static void set_up(struct fixture *f, gconstpointer type)
{
    struct pci_host *host;

    f->r = rig_new();
    host = pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        host->bus.lines[i] = rig_irq_sink(f->r, 20);
    }
    f->dev = rig_device(f->r, type, strcmp(type, "ib700") == 0 ? NULL : "addr=3");
    pci_rig_write(f->r, DEVFN, 0x10, BAR, 4);
    pci_rig_write(f->r, DEVFN, 0x04, 0x0002, 2);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* It asked for a reset; forgets that. */
static bool take_reset(struct fixture *f)
{
    bool asked = f->r->m->reset_requested == SHUTDOWN_GUEST_RESET;

    f->r->m->reset_requested = SHUTDOWN_NONE;
    return asked;
}

/* ib700 --------------------------------------------------------------------------------------- */

static void ib700_counts_two_seconds_a_step(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned value = 0; value < 16; value++) {
        int64_t ns = (15 - (int64_t)value) * 2 * SECONDS;

        rig_outb(f->r, 0x443, (uint8_t)(0xf0 | value));
        if (ns > 0) {
            rig_step(f->r, ns - 1);
            g_assert_false(take_reset(f));
        }
        rig_step(f->r, 1);
        g_assert_true(take_reset(f));
        rig_step(f->r, 100 * SECONDS);
        g_assert_false(take_reset(f)); /* once */
    }
}

static void ib700_stops(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outb(f->r, 0x443, 0xe);
    rig_step(f->r, SECONDS);
    rig_outb(f->r, 0x443, 0xe); /* again from the beginning */
    rig_step(f->r, SECONDS + SECONDS / 2);
    g_assert_false(take_reset(f));
    rig_check_state(f->r, f->dev);
    rig_outb(f->r, 0x441, 0);
    rig_step(f->r, 100 * SECONDS);
    g_assert_false(take_reset(f));
    rig_outb(f->r, 0x443, 0xe);
    f->dev->type->reset(f->dev);
    rig_step(f->r, 100 * SECONDS);
    g_assert_false(take_reset(f));
}

/* i6300esb ------------------------------------------------------------------------------------ */

static void unlocked_write(struct fixture *f, unsigned reg, uint32_t value, unsigned size)
{
    rig_store(f->r, BAR + 0xc, 0x80, 2);
    rig_store(f->r, BAR + 0xc, 0x86, 2);
    rig_store(f->r, BAR + reg, value, size);
}

/* 2^10 ticks of 2^15 PCI clocks: 1.017 s a stage. */
#define STAGE_NS (int64_t) muldiv64(1 << 10 << 15, NS_PER_SEC, 33000000)

static void esb_set(struct fixture *f, unsigned config, unsigned lock)
{
    pci_rig_write(f->r, DEVFN, 0x60, config, 2);
    unlocked_write(f, 0, 1 << 10, 4);
    unlocked_write(f, 4, 1 << 10, 4);
    pci_rig_write(f->r, DEVFN, 0x68, lock, 1);
}

static void esb_has_two_stages(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0, 4), ==, 0x25ab8086);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 8, 4) >> 16, ==, 0x0880);
    esb_set(f, 0, 2);
    rig_step(f->r, STAGE_NS - 1);
    g_assert_false(f->r->lines[20].level);
    rig_step(f->r, 1);
    g_assert_true(f->r->lines[20].level);
    g_assert_cmphex(rig_load(f->r, BAR + 8, 4), ==, 1);
    rig_check_state(f->r, f->dev);
    rig_store(f->r, BAR + 8, 1, 4);
    g_assert_false(f->r->lines[20].level);
    rig_step(f->r, STAGE_NS - 1);
    g_assert_false(take_reset(f));
    g_assert_cmphex(rig_load(f->r, BAR + 0xc, 2), ==, 0);
    rig_step(f->r, 1);
    g_assert_true(take_reset(f));
    f->dev->type->reset(f->dev);
    pci_rig_write(f->r, DEVFN, 0x10, BAR, 4);
    pci_rig_write(f->r, DEVFN, 0x04, 0x0002, 2);
    g_assert_cmphex(rig_load(f->r, BAR + 0xc, 2), ==, 0x200); /* that was the reason */
    unlocked_write(f, 0xc, 0x200, 2);
    g_assert_cmphex(rig_load(f->r, BAR + 0xc, 2), ==, 0);
}

static void esb_is_reloaded(struct fixture *f, gconstpointer data)
{
    (void)data;
    esb_set(f, 3, 2);
    for (unsigned i = 0; i < 10; i++) {
        rig_step(f->r, STAGE_NS + STAGE_NS / 2);
        unlocked_write(f, 0xc, 0x100, 2);
    }
    g_assert_false(take_reset(f));
    g_assert_cmpuint(f->r->lines[20].edges, ==, 0); /* interrupts are off */
    rig_step(f->r, STAGE_NS + STAGE_NS / 2);
    rig_store(f->r, BAR + 0xc, 0x100, 2); /* without the sequence */
    rig_store(f->r, BAR + 0xc, 0x80, 2);
    rig_store(f->r, BAR + 0xc, 0x100, 2); /* with half of it */
    rig_step(f->r, STAGE_NS);
    g_assert_true(take_reset(f));
}

static void esb_locks(struct fixture *f, gconstpointer data)
{
    (void)data;
    esb_set(f, 3, 3);
    pci_rig_write(f->r, DEVFN, 0x68, 0, 1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x68, 1), ==, 3);
    rig_check_state(f->r, f->dev);
    pci_rig_write(f->r, DEVFN, 0x68, 0, 1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x68, 1), ==, 3);
    f->dev->type->reset(f->dev);
    pci_rig_write(f->r, DEVFN, 0x68, 2, 1);
    pci_rig_write(f->r, DEVFN, 0x68, 0, 1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x68, 1), ==, 0);
    rig_step(f->r, 10000 * SECONDS);
    g_assert_false(take_reset(f));
}

static void esb_keeps_its_output_to_itself(struct fixture *f, gconstpointer data)
{
    (void)data;
    esb_set(f, 0x23, 2);
    rig_step(f->r, 10 * STAGE_NS);
    g_assert_false(take_reset(f));
    g_assert_cmphex(rig_load(f->r, BAR + 0xc, 2), ==, 0x200);
}

/* One that begins again at once leaves time for others. */
static void esb_runs_freely(struct fixture *f, gconstpointer data)
{
    (void)data;
    esb_set(f, 0x27, 0);
    unlocked_write(f, 0, 0, 4);
    unlocked_write(f, 4, 0, 4);
    pci_rig_write(f->r, DEVFN, 0x68, 6, 1);
    rig_step(f->r, 10 * SECONDS);
    g_assert_cmpint(clock_next_deadline(f->r->m), >, 10 * SECONDS);
    g_assert_cmphex(rig_load(f->r, BAR + 0xc, 2), ==, 0x200);
}

/* What happens -------------------------------------------------------------------------------- */

struct told {
    struct event_listener listener;
    char *action;
};

static void on_event(struct event_listener *l, enum event_id id, json_t *data, int64_t us)
{
    struct told *t = (struct told *)l;

    (void)us;
    if (id == EVENT_WATCHDOG) {
        g_free(t->action);
        t->action = g_strdup(json_string_value(json_object_get(data, "action")));
    }
}

static void each_action_is_told_and_done(struct fixture *f, gconstpointer data)
{
    struct told t = { .listener.event = on_event };
    struct machine *m = f->r->m;

    (void)data;
    event_add_listener(m, &t.listener);
    machine_set_run_state(m, RUN_STATE_RUNNING);
    for (unsigned i = 0; i < WATCHDOG_ACTION_COUNT; i++) {
        m->config.watchdog = i;
        m->reset_requested = m->shutdown_requested = SHUTDOWN_NONE;
        m->powerdown_requested = false;
        rig_outb(f->r, 0x443, 0xf);
        rig_step(f->r, 1);
        g_assert_cmpstr(t.action, ==, watchdog_action_names[i]);
        g_assert_cmpint(m->reset_requested != SHUTDOWN_NONE, ==, i == WATCHDOG_ACTION_RESET);
        g_assert_cmpint(m->shutdown_requested != SHUTDOWN_NONE, ==, i == WATCHDOG_ACTION_POWEROFF);
        g_assert_cmpint(m->powerdown_requested, ==, i == WATCHDOG_ACTION_SHUTDOWN);
        m->reset_requested = m->shutdown_requested = SHUTDOWN_NONE;
        m->powerdown_requested = false;
        rig_poll(f->r);
        g_assert_cmpint(m->run_state, ==,
                        i == WATCHDOG_ACTION_PAUSE ? RUN_STATE_WATCHDOG : RUN_STATE_RUNNING);
        machine_set_run_state(m, RUN_STATE_RUNNING);
    }
    event_remove_listener(m, &t.listener);
    g_free(t.action);
}

static void any_ports(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_ports(f->r, 0x440, 4);
    rig_check_state(f->r, f->dev);
}

static void any_registers(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 20000; i++) {
        uint32_t value =
            g_test_rand_bit() ? (uint32_t)g_test_rand_int() : 0x80u + g_test_rand_int() % 8;
        unsigned reg = (unsigned)g_test_rand_int_range(0, 16),
                 size = 1u << g_test_rand_int_range(0, 4);

        if (g_test_rand_int_range(0, 4)) {
            rig_store(f->r, BAR + reg, value, size);
            rig_load(f->r, BAR + reg, size);
        } else {
            pci_rig_write(f->r, DEVFN, 0x60 + (reg & 0xc), value, 4);
        }
        if (i % 1000 == 0) {
            rig_step(f->r, SECONDS);
            rig_check_state(f->r, f->dev);
        }
    }
}

#define ADD(device, name, fn)                                                                      \
    g_test_add("/watchdog/" name, struct fixture, device, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ib700", "ib700-seconds", ib700_counts_two_seconds_a_step);
    ADD("ib700", "ib700-stop", ib700_stops);
    ADD("ib700", "actions", each_action_is_told_and_done);
    ADD("ib700", "ib700-fuzz", any_ports);
    ADD("i6300esb", "i6300esb-stages", esb_has_two_stages);
    ADD("i6300esb", "i6300esb-reload", esb_is_reloaded);
    ADD("i6300esb", "i6300esb-lock", esb_locks);
    ADD("i6300esb", "i6300esb-output", esb_keeps_its_output_to_itself);
    ADD("i6300esb", "i6300esb-free-run", esb_runs_freely);
    ADD("i6300esb", "i6300esb-fuzz", any_registers);
    return g_test_run();
}
