/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/parallel_test.c: the parallel port and its printer; serial ports on PCI. */
#include "hw/char/serial.h"
#include "tests/device/char_rig.h"
#include "tests/device/pci_rig.h"

#define LPT1 0x378
#define IRQ  7

enum { DATA, STATUS, CONTROL, EPP_ADDRESS, EPP_DATA };

static uint8_t in(struct rig *r, unsigned reg)
{
    return rig_inb(r, LPT1 + reg);
}

static void out(struct rig *r, unsigned reg, uint8_t v)
{
    rig_outb(r, LPT1 + reg, v);
}

/* As a driver in compatibility mode does it. */
static void print(struct rig *r, const char *text, uint8_t control)
{
    for (; *text; text++) {
        out(r, DATA, (uint8_t)*text);
        out(r, CONTROL, control | 1);
        out(r, CONTROL, control);
    }
}

static struct char_rig *set_up(struct rig *r, struct device **dev)
{
    struct char_rig *c = char_rig_new(r->m, "c0");

    *dev = rig_device(r, "isa-parallel", "chardev=c0");
    return c;
}

static void what_is_strobed_is_printed(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev;
    struct char_rig *c = set_up(r, &dev);

    g_assert_cmphex(in(r, STATUS), ==, 0xde); /* ready, no ACK, selected, no error */
    g_assert_cmphex(in(r, CONTROL), ==, 0xcc);
    out(r, DATA, 0x5a);
    g_assert_cmphex(in(r, DATA), ==, 0x5a);
    out(r, CONTROL, 0x2c); /* the lines are inputs */
    g_assert_cmphex(in(r, DATA), ==, 0xff);
    g_assert_cmpstr(c->text, ==, "");
    print(r, "hello", 0x0c);
    out(r, DATA, '!'); /* without a strobe */
    g_assert_cmpstr(c->text, ==, "hello");
    rig_check_state(r, dev);
}

static void acknowledging_interrupts(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev;

    set_up(r, &dev);
    print(r, "a", 0x0c); /* not enabled */
    g_assert_cmpuint(r->lines[IRQ].edges, ==, 0);
    g_assert_cmphex(in(r, STATUS), ==, 0x9e); /* ACK, once */
    g_assert_cmphex(in(r, STATUS), ==, 0xde);
    print(r, "b", 0x1c);
    g_assert_true(r->lines[IRQ].level);
    in(r, STATUS);
    g_assert_false(r->lines[IRQ].level);
    print(r, "cd", 0x1c);
    g_assert_cmpuint(r->lines[IRQ].edges, ==, 3);
    out(r, CONTROL, 0x0c);
    g_assert_false(r->lines[IRQ].level);
}

static void a_busy_printer_loses_nothing(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev;
    struct char_rig *c = set_up(r, &dev);

    c->room = 1;
    print(r, "ab", 0x1c);
    g_assert_cmpstr(c->text, ==, "a");
    g_assert_cmphex(in(r, STATUS) & 0x80, ==, 0);
    print(r, "x", 0x1c); /* a driver that does not look */
    rig_check_state(r, dev);
    g_assert_cmphex(in(r, STATUS) & 0x80, ==, 0);
    c->room = 10;
    c->base.front.drained(c->base.front.opaque);
    g_assert_cmpstr(c->text, ==, "ab");
    g_assert_true(r->lines[IRQ].level);
    g_assert_cmphex(in(r, STATUS) & 0x80, ==, 0x80);
}

static void nobody_answers_epp_cycles(void)
{
    g_autoptr(rig) r = rig_new();
    struct device *dev;

    set_up(r, &dev);
    g_assert_cmphex(in(r, EPP_DATA), ==, 0xff);
    g_assert_cmphex(in(r, STATUS) & 1, ==, 1);
    out(r, STATUS, 1);
    g_assert_cmphex(in(r, STATUS) & 1, ==, 0);
    out(r, EPP_ADDRESS, 3);
    g_assert_cmphex(in(r, STATUS) & 1, ==, 1);
}

static void ports_have_places(void)
{
    g_autoptr(rig) r = rig_new();
    g_autofree char *message = NULL, *other = NULL, *third = NULL;

    rig_device(r, "isa-parallel", NULL);
    rig_device(r, "isa-parallel", NULL);
    rig_device(r, "isa-parallel", "irq=5");
    rig_outb(r, 0x278, 2);
    rig_outb(r, 0x3bc, 3);
    g_assert_cmphex(rig_inb(r, 0x278), ==, 2);
    g_assert_cmphex(rig_inb(r, 0x3bc), ==, 3);
    g_assert_cmphex(rig_inb(r, 0x3bf), ==, 0xff); /* VGA's from 0x3c0 on, and what is before */
    g_assert_cmphex(rig_inb(r, 0x3be), !=, 0xff);
    message = rig_device_error(r, &isa_parallel_type, NULL);
    g_assert_nonnull(strstr(message, "index is 3, must be 0 to 2"));
    other = rig_device_error(r, &isa_parallel_type, "index=0,iobase=0xfff9");
    g_assert_nonnull(strstr(other, "iobase is 0xfff9"));
    third = rig_device_error(r, &isa_parallel_type, "index=0,irq=16");
    g_assert_nonnull(strstr(third, "irq is 16"));
}

/* Serial ports on PCI --------------------------------------------------------------------------- */

#define DEVFN (3 << 3)
#define BAR   0xc000u

static void pci_set_up(struct rig *r, struct pci_host **host, struct mem_region *memory)
{
    *host = pci_rig_host(r, memory);
}

static void four_ports_share_an_interrupt(void)
{
    g_autoptr(rig) r = rig_new();
    struct mem_region memory;
    struct pci_host *host;
    struct pci_device *dev;
    struct char_rig *c[2];

    pci_set_up(r, &host, &memory);
    c[0] = char_rig_new(r->m, "c0");
    c[1] = char_rig_new(r->m, "c1");
    dev = (struct pci_device *)rig_device(r, "pci-serial-4x", "addr=3,chardev1=c0,chardev4=c1");
    g_assert_cmphex(pci_rig_read(r, DEVFN, 0, 4), ==, 0x00041b36);
    g_assert_cmphex(pci_rig_read(r, DEVFN, 8, 4), ==, 0x07000201);
    pci_rig_write(r, DEVFN, 0x10, 0xffffffff, 4);
    g_assert_cmphex(pci_rig_read(r, DEVFN, 0x10, 4), ==, 0xffffffe1);
    pci_rig_write(r, DEVFN, 0x10, BAR, 4);
    pci_rig_write(r, DEVFN, 0x04, 1, 2);
    rig_outb(r, BAR, 'a');
    rig_outb(r, BAR + 24, 'd');
    g_assert_cmpstr(c[0]->text, ==, "a");
    g_assert_cmpstr(c[1]->text, ==, "d");
    rig_outb(r, BAR + 1, 1);
    rig_outb(r, BAR + 24 + 1, 1);
    g_assert_false(dev->intx);
    char_rig_send(c[0], "x");
    char_rig_send(c[1], "y");
    g_assert_true(dev->intx);
    rig_check_state(r, &dev->dev);
    g_assert_cmpint(rig_inb(r, BAR), ==, 'x');
    g_assert_true(dev->intx); /* the other one's */
    g_assert_cmpint(rig_inb(r, BAR + 24), ==, 'y');
    g_assert_false(dev->intx);
}

static void one_and_two_ports(void)
{
    static const struct {
        const char *name;
        uint32_t id, bar;
    } rows[] = { { "pci-serial", 0x00021b36, 0xfffffff9 },
                 { "pci-serial-2x", 0x00031b36, 0xfffffff1 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(rig) r = rig_new();
        struct mem_region memory;
        struct pci_host *host;
        struct device *dev;

        pci_set_up(r, &host, &memory);
        dev = rig_device(r, rows[i].name, "addr=3,prog_if=5");
        g_assert_cmphex(pci_rig_read(r, DEVFN, 0, 4), ==, rows[i].id);
        g_assert_cmphex(pci_rig_read(r, DEVFN, 9, 1), ==, 5);
        pci_rig_write(r, DEVFN, 0x10, 0xffffffff, 4);
        g_assert_cmphex(pci_rig_read(r, DEVFN, 0x10, 4), ==, rows[i].bar);
        rig_check_state(r, dev);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parallel/print", what_is_strobed_is_printed);
    g_test_add_func("/parallel/irq", acknowledging_interrupts);
    g_test_add_func("/parallel/busy", a_busy_printer_loses_nothing);
    g_test_add_func("/parallel/epp", nobody_answers_epp_cycles);
    g_test_add_func("/parallel/places", ports_have_places);
    g_test_add_func("/pci-serial/four", four_ports_share_an_interrupt);
    g_test_add_func("/pci-serial/fewer", one_and_two_ports);
    return g_test_run();
}
