/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/reset_test.c: the PIIX3: port 0xCF9 and the routing of PCI interrupts. */
#include "hw/i386/piix3.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(1, 0)

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct pci_host *host;
    struct piix3 *s;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    f->host = pci_rig_host(f->r, &f->memory);
    f->s = (struct piix3 *)rig_device_new(f->r, &piix3_type, "addr=1");
    f->s->host = f->host;
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        f->s->irqs[i] = rig_irq_sink(f->r, 32 + i);
    }
    rig_device_realize(f->r, &f->s->pci.dev);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static bool level(struct fixture *f, unsigned irq)
{
    return f->r->lines[32 + irq].level;
}

static void cf9_resets_on_a_rising_edge(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_outl(f->r, 0xcf8, 0x80000800); /* configuration, not reset control */
    rig_outb(f->r, 0xcf9, 0x02);
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_NONE);
    g_assert_cmphex(rig_inb(f->r, 0xcf9), ==, 0x02);
    rig_outb(f->r, 0xcf9, 0x06);
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    f->r->m->reset_requested = SHUTDOWN_NONE;
    rig_outb(f->r, 0xcf9, 0x06);
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_NONE);
    g_assert_cmphex(rig_inl(f->r, 0xcf8), ==, 0x80000800);
    rig_outl(f->r, 0xcf8, 0xffffffff);
    g_assert_cmpint(f->r->m->reset_requested, ==, SHUTDOWN_NONE);
    g_assert_cmphex(rig_inl(f->r, 0xcf8), ==, 0x80fffffc);
}

static void pirqs_follow_their_registers(struct fixture *f, gconstpointer data)
{
    struct pci_bus *bus = &f->host->bus;

    (void)data;
    irq_raise(&bus->lines[2]);
    for (unsigned i = 0; i < ISA_IRQS; i++) {
        g_assert_false(level(f, i)); /* off after reset */
    }
    pci_rig_write(f->r, DEVFN, 0x62, 0x0b, 1);
    g_assert_true(level(f, 11));
    pci_rig_write(f->r, DEVFN, 0x62, 0x0a, 1);
    g_assert_false(level(f, 11));
    g_assert_true(level(f, 10));
    pci_rig_write(f->r, DEVFN, 0x60, 0x0a, 1);
    irq_raise(&bus->lines[0]);
    irq_lower(&bus->lines[2]);
    g_assert_true(level(f, 10)); /* shared */
    pci_rig_write(f->r, DEVFN, 0x60, 0x8a, 1);
    g_assert_false(level(f, 10));
    pci_rig_write(f->r, DEVFN, 0x60, 0x08, 1); /* the RTC's: can not be routed */
    g_assert_false(level(f, 8));
}

static void isa_lines_pass_and_share(struct fixture *f, gconstpointer data)
{
    (void)data;
    irq_raise(&f->s->isa_irqs[4]);
    g_assert_true(level(f, 4));
    irq_lower(&f->s->isa_irqs[4]);
    g_assert_false(level(f, 4));
    piix3_route_pirqs(f->s);
    irq_raise(&f->host->bus.lines[0]);
    irq_raise(&f->s->isa_irqs[10]);
    irq_lower(&f->s->isa_irqs[10]);
    g_assert_true(level(f, 10));
}

static void slots_are_swizzled(struct fixture *f, gconstpointer data)
{
    (void)f;
    (void)data;
    g_assert_cmpuint(piix3_map_irq(1, 0), ==, 0);
    g_assert_cmpuint(piix3_map_irq(3, 0), ==, 2);
    g_assert_cmpuint(piix3_map_irq(3, 3), ==, 1);
    g_assert_cmpuint(piix3_map_irq(0, 0), ==, 3);
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    pci_rig_write(f->r, DEVFN, 0x61, 0x05, 1);
    irq_raise(&f->host->bus.lines[1]);
    irq_raise(&f->s->isa_irqs[4]);
    rig_outb(f->r, 0xcf9, 0x02);
    rig_check_state(f->r, &f->s->pci.dev);
    g_assert_true(level(f, 5));
    g_assert_true(level(f, 4));
    g_assert_cmphex(rig_inb(f->r, 0xcf9), ==, 0x02);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(371);

    (void)data;
    for (unsigned i = 0; i < 5000; i++) {
        pci_rig_write(f->r, DEVFN, g_rand_int_range(rand, 0, 256), g_rand_int(rand),
                      1u << g_rand_int_range(rand, 0, 3));
        irq_set(&f->host->bus.lines[i & 3], g_rand_boolean(rand));
    }
    fuzz_ports(f->r, 0xcf8, 8);
    rig_check_state(f->r, &f->s->pci.dev);
}

#define ADD(path, fn) g_test_add("/reset/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("cf9", cf9_resets_on_a_rising_edge);
    ADD("pirq", pirqs_follow_their_registers);
    ADD("isa", isa_lines_pass_and_share);
    ADD("swizzle", slots_are_swizzled);
    ADD("state", state_survives);
    ADD("fuzz", random_accesses);
    return g_test_run();
}
