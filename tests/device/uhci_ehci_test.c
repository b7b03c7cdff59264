/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/uhci_ehci_test.c: the controllers whose schedules are lists in guest memory, as a driver sees them:
 * transfers, queues, ports and companions, idle time, drivers that break the rules.
 */
#include <string.h>
#include "hw/usb/usb.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"
#include "ui/input.h"

/* clang-format off */
#define IO     0xc000u
#define BAR    0xe0000000u
#define OP     (BAR + 0x20)
#define FRAMES 0x10000u
#define QH     0x12000u
#define TD     0x13000u
#define DATA   0x20000u
#define ACTIVE (1u << 23)
/* clang-format on */

struct usb_rig {
    struct rig *r;
    struct mem_region memory;
    struct pci_device *uhci, *ehci;
};

static void set_up(struct usb_rig *f, gconstpointer data)
{
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        ((struct pci_bus *)bus_find(f->r->m, BUS_PCI, NULL))->lines[i] = rig_irq_sink(f->r, 20 + i);
    }
    if (strcmp(data, "uhci") != 0) {
        f->ehci = (struct pci_device *)rig_device(f->r, "ich9-usb-ehci1", NULL);
        pci_rig_write(f->r, f->ehci->devfn, PCI_BAR0, BAR, 4);
        pci_rig_write(f->r, f->ehci->devfn, PCI_COMMAND, 6, 2);
        f->uhci = (struct pci_device *)rig_device(f->r, "ich9-usb-uhci1", "masterbus=usb-bus.0");
    } else {
        f->uhci = (struct pci_device *)rig_device(f->r, "piix3-usb-uhci", NULL);
    }
    pci_rig_write(f->r, f->uhci->devfn, PCI_BAR0 + 16, IO, 4);
    pci_rig_write(f->r, f->uhci->devfn, PCI_COMMAND, 5, 2);
}

static void tear_down(struct usb_rig *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void save_and_load(struct usb_rig *f)
{
    rig_check_state(f->r, &f->uhci->dev);
    if (f->ehci) {
        rig_check_state(f->r, &f->ehci->dev);
    }
}

/* UHCI ------------------------------------------------------------------------------------------ */

/* Every frame leads to the queue, the queue to TDs one behind the other. */
static void start_uhci(struct usb_rig *f)
{
    for (unsigned i = 0; i < 1024; i++) {
        rig_store(f->r, FRAMES + i * 4, QH | 2, 4);
    }
    rig_store(f->r, QH, 1, 4);
    rig_store(f->r, QH + 4, 1, 4);
    rig_outw(f->r, IO, 2); /* reset */
    rig_outl(f->r, IO + 8, FRAMES);
    rig_outw(f->r, IO + 4, 0xf);
    rig_outw(f->r, IO, 1);
}

static void put_td(struct usb_rig *f, unsigned i, unsigned pid, unsigned addr, unsigned ep,
                   unsigned len, uint32_t buffer, bool last)
{
    uint64_t at = TD + i * 32;

    rig_store(f->r, at, last ? 1 : (at + 32) | 4, 4);
    rig_store(f->r, at + 4, ACTIVE | 3u << 27 | 1u << 29 | (last ? 1u << 24 : 0), 4);
    rig_store(f->r, at + 8, ((len - 1) & 0x7ff) << 21 | ep << 15 | addr << 8 | pid, 4);
    rig_store(f->r, at + 12, buffer, 4);
}

static uint32_t td_status(struct usb_rig *f, unsigned i)
{
    return (uint32_t)rig_load(f->r, TD + i * 32 + 4, 4);
}

static void go(struct usb_rig *f)
{
    rig_store(f->r, QH + 4, TD, 4);
    rig_step(f->r, 10 * MS);
}

static void enable_port(struct usb_rig *f)
{
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 3, ==, 3);
    rig_outw(f->r, IO + 0x10, 1 << 9);
    rig_outw(f->r, IO + 0x10, 2);
    rig_outw(f->r, IO + 0x10, 1 << 2);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 7, ==, 5);
}

/* A control transfer to address 0 or 3 without data. */
static void uhci_request(struct usb_rig *f, unsigned addr, uint64_t setup)
{
    rig_store(f->r, DATA, setup, 8);
    put_td(f, 0, 0x2d, addr, 0, 8, DATA, false);
    put_td(f, 1, 0x69, addr, 0, 0, 0, true);
    go(f);
    g_assert_cmphex(td_status(f, 1) & (0xffu << 16), ==, 0);
}

static void uhci_enumerates_and_types(struct usb_rig *f, gconstpointer data)
{
    static const uint8_t setup[8] = { 0x80, 6, 0, 1, 0, 0, 64, 0 };

    (void)data;
    start_uhci(f);
    rig_device(f->r, "usb-kbd", NULL);
    enable_port(f);
    rig_write(f->r, DATA, setup, 8);
    put_td(f, 0, 0x2d, 0, 0, 8, DATA, false);
    for (unsigned i = 0; i < 4; i++) { /* of 64 bytes there are 18: the third one is short */
        put_td(f, 1 + i, 0x69, 0, 0, 8, DATA + 0x100 + i * 8, false);
    }
    go(f);
    g_assert_cmphex(td_status(f, 1) & 0x7ff, ==, 7);
    g_assert_cmphex(td_status(f, 3) & 0x7ff, ==, 1);
    g_assert_cmphex(td_status(f, 4) & ACTIVE, ==, ACTIVE);
    g_assert_cmphex(rig_load(f->r, QH + 4, 4) & ~0xfu, ==, TD + 3 * 32); /* the queue stops there */
    g_assert_cmphex(rig_load(f->r, DATA + 0x100, 1), ==, 18);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 1, ==, 1);
    g_assert_true(f->r->lines[20 + 3].level || f->r->lines[20].level || f->r->lines[21].level ||
                  f->r->lines[22].level);
    rig_outw(f->r, IO + 2, 0x1f);
    g_assert_cmphex(rig_inw(f->r, IO + 2), ==, 0);
    uhci_request(f, 0, 0x0000000000030500); /* address 3 */
    uhci_request(f, 3, 0x0000000000010900);
    put_td(f, 0, 0x69, 3, 1, 8, DATA, true);
    go(f);
    g_assert_cmphex(td_status(f, 0) & (ACTIVE | 1u << 19), ==, ACTIVE | 1u << 19); /* NAK */
    save_and_load(f);
    input_key(f->r->m, 0x1e, true);
    rig_step(f->r, 10 * MS);
    g_assert_cmphex(td_status(f, 0) & (0xffu << 16 | 0x7ff), ==, 7);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 0x40000);
    put_td(f, 0, 0x69, 9, 1, 8, DATA, true); /* nobody */
    go(f);
    g_assert_cmphex(td_status(f, 0) & (0xffu << 16), ==, 0x44u << 16);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 2, ==, 2);
}

static void uhci_sleeps_when_it_is_stopped(struct usb_rig *f, gconstpointer data)
{
    uint16_t frame;

    (void)data;
    start_uhci(f);
    frame = rig_inw(f->r, IO + 6);
    rig_step(f->r, 500 * MS);
    g_assert_cmpuint((rig_inw(f->r, IO + 6) - frame) & 0x7ff, >=, 499); /* frames go on */
    g_assert_cmpint(clock_next_deadline(f->r->m) - clock_now(f->r->m, CLOCK_KIND_VIRTUAL), <=,
                    8 * MS);
    rig_outw(f->r, IO, 0);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 0x20, ==, 0x20);
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1);
    rig_outw(f->r, IO, 1 << 3); /* suspended: a plug wakes it */
    rig_outw(f->r, IO + 4, 2);
    rig_device(f->r, "usb-kbd", NULL);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 4, ==, 4);
}

static void uhci_ends_every_walk(struct usb_rig *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "usb-kbd", NULL);
    start_uhci(f);
    rig_store(f->r, QH, QH | 2, 4); /* a ring of one queue */
    rig_step(f->r, 20 * MS);
    rig_store(f->r, QH, (QH + 16) | 2, 4); /* a ring behind the first one */
    rig_store(f->r, QH + 16, (QH + 32) | 2, 4);
    rig_store(f->r, QH + 20, 1, 4);
    rig_store(f->r, QH + 32, (QH + 16) | 2, 4);
    rig_store(f->r, QH + 36, 1, 4);
    rig_step(f->r, 20 * MS);
    rig_store(f->r, QH + 4, QH | 2, 4); /* a queue in itself */
    rig_step(f->r, 20 * MS);
    rig_store(f->r, QH + 4, TD, 4); /* transfers in a ring, which are never done */
    put_td(f, 0, 0x69, 0, 0, 8, DATA, false);
    rig_store(f->r, TD, TD | 4, 4);
    rig_step(f->r, 20 * MS);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 0x38, ==, 0);
    put_td(f, 0, 0x77, 0, 0, 8, DATA, false); /* no such token */
    go(f);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 0x30, ==, 0x30);
    start_uhci(f);
    rig_store(f->r, FRAMES, 0xfffffff0, 4); /* no RAM */
    for (unsigned i = 1; i < 1024; i++) {
        rig_store(f->r, FRAMES + i * 4, 0xfffffff0, 4);
    }
    rig_step(f->r, 20 * MS);
    g_assert_cmphex(rig_inw(f->r, IO + 2) & 0x28, ==, 0x28);
}

/* EHCI ------------------------------------------------------------------------------------------ */

static uint32_t op(struct usb_rig *f, unsigned off)
{
    return (uint32_t)rig_load(f->r, OP + off, 4);
}

static void start_ehci(struct usb_rig *f)
{
    rig_store(f->r, OP, 2, 4);
    rig_store(f->r, OP + 0x40, 1, 4); /* the ports are its own */
    rig_store(f->r, QH, QH | 2, 4);
    rig_store(f->r, QH + 8, 1 << 30, 4);
    rig_store(f->r, QH + 16, 1, 4);
    rig_store(f->r, QH + 20, 1, 4);
    rig_store(f->r, QH + 24, 0, 4);
    rig_store(f->r, OP + 0x18, QH, 4);
    rig_store(f->r, OP + 8, 0x3f, 4);
    rig_store(f->r, OP, 0x21, 4);
}

/* Transfer i of the queue, for an endpoint. */
static void put_qtd(struct usb_rig *f, unsigned i, unsigned pid, unsigned len, uint32_t buffer,
                    bool last)
{
    uint64_t at = TD + i * 32;

    rig_store(f->r, at, last ? 1 : at + 32, 4);
    rig_store(f->r, at + 4, 1, 4);
    rig_store(f->r, at + 8, 0x80 | pid << 8 | 3 << 10 | len << 16 | (last ? 1 << 15 : 0), 4);
    for (unsigned k = 0; k < 5; k++) {
        rig_store(f->r, at + 12 + k * 4, k ? (buffer & ~0xfffu) + k * 0x2000 : buffer, 4);
    }
}

static uint32_t qtd_token(struct usb_rig *f, unsigned i)
{
    return (uint32_t)rig_load(f->r, TD + i * 32 + 8, 4);
}

static void go_ehci(struct usb_rig *f, unsigned addr, unsigned ep)
{
    rig_store(f->r, QH + 4, addr | ep << 8 | 2 << 12 | 64 << 16 | 1 << 15, 4);
    rig_store(f->r, QH + 20, 1, 4);
    rig_store(f->r, QH + 24, 0, 4);
    rig_store(f->r, QH + 16, TD, 4);
    rig_step(f->r, 10 * MS);
}

static void ehci_request(struct usb_rig *f, unsigned addr, uint64_t setup)
{
    rig_store(f->r, DATA, setup, 8);
    put_qtd(f, 0, 2, 8, DATA, false);
    put_qtd(f, 1, 1, 0, 0, true);
    go_ehci(f, addr, 0);
    g_assert_cmphex(qtd_token(f, 1) & 0xff, ==, 0);
}

static void reset_ehci_port(struct usb_rig *f, unsigned n)
{
    rig_store(f->r, OP + 0x44 + n * 4, 0x1100, 4);
    rig_store(f->r, OP + 0x44 + n * 4, 0x1002, 4);
}

static void ehci_enumerates_and_types(struct usb_rig *f, gconstpointer data)
{
    static const uint8_t setup[8] = { 0x80, 6, 0, 1, 0, 0, 64, 0 };

    (void)data;
    start_ehci(f);
    rig_device(f->r, "usb-kbd", "port=3");
    g_assert_cmphex(op(f, 0x4c) & 3, ==, 3);
    g_assert_cmphex(op(f, 4) & 4, ==, 4);
    reset_ehci_port(f, 2);
    g_assert_cmphex(op(f, 0x4c) & 5, ==, 5);
    rig_write(f->r, DATA, setup, 8);
    put_qtd(f, 0, 2, 8, DATA, false);
    put_qtd(f, 1, 1, 64, DATA + 0xffc, false); /* over the end of a page */
    put_qtd(f, 2, 0, 0, 0, true);
    go_ehci(f, 0, 0);
    g_assert_cmphex(qtd_token(f, 1) >> 16 & 0x7fff, ==, 64 - 18);
    g_assert_cmphex(qtd_token(f, 2) & 0xff, ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA + 0xffc, 4), ==, 0x02000112);
    g_assert_cmphex(rig_load(f->r, DATA + 0x2000, 4), ==, 0x40000000);
    g_assert_cmphex(op(f, 4) & 1, ==, 1);
    ehci_request(f, 0, 0x0000000000030500);
    ehci_request(f, 3, 0x0000000000010900);
    put_qtd(f, 0, 1, 8, DATA, true);
    go_ehci(f, 3, 1);
    g_assert_cmphex(qtd_token(f, 0) & 0xff, ==, 0x80);
    save_and_load(f);
    rig_step(f->r, 1 * MS);
    input_key(f->r->m, 0x1e, true);
    rig_step(f->r, 1 * MS);
    g_assert_cmphex(qtd_token(f, 0) & 0x7fff00ff, ==, 0);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 0x40000);
    rig_store(f->r, OP, 0x61, 4); /* the doorbell of an unlinked queue */
    rig_step(f->r, 10 * MS);
    g_assert_cmphex(op(f, 4) & 0x20, ==, 0x20);
    put_qtd(f, 0, 1, 8, DATA, true);
    go_ehci(f, 9, 1); /* nobody */
    g_assert_cmphex(qtd_token(f, 0) & 0xff, ==, 0x48);
    g_assert_cmphex(op(f, 4) & 2, ==, 2);
    rig_store(f->r, OP, 0x01, 4); /* without lists it sleeps */
    rig_step(f->r, 10 * MS);
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1);
}

static void a_port_goes_to_the_companion(struct usb_rig *f, gconstpointer data)
{
    struct usb_device *d;

    (void)data;
    start_ehci(f);
    d = (struct usb_device *)rig_device(f->r, "usb-kbd", "usb_version=1");
    g_assert_cmpint(d->speed, ==, USB_FULL);
    reset_ehci_port(f, 0);
    g_assert_cmphex(op(f, 0x44) & 5, ==, 1); /* of full speed: not enabled */
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 1, ==, 0);
    rig_store(f->r, OP + 0x44, 0x3000, 4);
    g_assert_cmphex(op(f, 0x44) & 0x2001, ==, 0x2000);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 3, ==, 3);
    save_and_load(f);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 1, ==, 1);
    device_free(&d->dev);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 3, ==, 2);
    d = (struct usb_device *)rig_device(f->r, "usb-kbd", "port=1");
    g_assert_cmpint(d->speed, ==, USB_FULL); /* the port is still the companion's */
    rig_store(f->r, OP + 0x40, 1, 4);
    g_assert_cmpint(d->speed, ==, USB_HIGH);
    g_assert_cmphex(op(f, 0x44) & 1, ==, 1);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 1, ==, 0);
    rig_store(f->r, OP + 0x40, 0, 4); /* all ports go to companions */
    g_assert_cmpint(d->speed, ==, USB_FULL);
    g_assert_cmphex(rig_inw(f->r, IO + 0x10) & 1, ==, 1);
}

static void bad_companions_are_refused(struct usb_rig *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "masterbus=none", "masterbus 'none' is no bus" },
        { "masterbus=usb-bus.0,firstport=5", "firstport is 5, must be 0 to 4" },
        { "masterbus=usb-bus.0,firstport=1", "has a companion" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *message =
            rig_device_error(f->r, device_type_find("ich9-usb-uhci2"), rows[i][0]);

        g_assert_nonnull(strstr(message, rows[i][1]));
    }
}

static void ehci_ends_every_walk(struct usb_rig *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "usb-kbd", NULL);
    start_ehci(f);
    rig_store(f->r, QH, (QH + 64) | 2, 4); /* a ring that the first is not in */
    rig_store(f->r, QH + 64, (QH + 64) | 2, 4);
    rig_store(f->r, QH + 64 + 16, 1, 4);
    rig_step(f->r, 10 * MS);
    start_ehci(f);
    put_qtd(f, 0, 1, 0, DATA, false);
    rig_store(f->r, TD, TD, 4); /* a transfer behind itself */
    go_ehci(f, 0, 0);
    for (unsigned i = 0; i < 1024; i++) { /* isochronous transfers in a ring */
        rig_store(f->r, FRAMES + i * 4, TD, 4);
    }
    rig_store(f->r, OP + 0x14, FRAMES, 4);
    rig_store(f->r, TD, TD, 4);
    rig_store(f->r, OP, 0x31, 4);
    rig_step(f->r, 50 * MS);
    g_assert_cmphex(op(f, 4) & 0x10, ==, 0);
    put_qtd(f, 0, 1, 0x7fff, DATA, true); /* more than five pages */
    rig_store(f->r, OP, 0x21, 4);
    go_ehci(f, 0, 0);
    g_assert_cmphex(rig_load(f->r, QH + 24, 4) & 0xff, ==, 0x60);
    rig_store(f->r, OP + 0x18, 0xffffffe0, 4); /* no RAM */
    rig_step(f->r, 10 * MS);
    g_assert_cmphex(op(f, 4) & 0x1010, ==, 0x1010);
}

static void lists_at_random(struct usb_rig *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(24);

    (void)data;
    rig_device(f->r, "usb-kbd", NULL);
    rig_device(f->r, "usb-mouse", "usb_version=1,port=2");
    for (unsigned i = 0; i < 60000; i++) {
        uint32_t r = g_rand_int(rand), at = FRAMES + (r % 0x4000 & ~3u);
        uint32_t v = g_rand_int(rand);

        v = v % 3 ? FRAMES + (v >> 8) % 0x4000 : v & g_rand_int(rand);
        rig_store(f->r, at, r & 1u << 20 ? v & ~1u : v | 2, 4);
        if (i % 8 == 0) {
            rig_step(f->r, 200 * US);
        }
        if (i % 500 == 0) {
            if (f->ehci) {
                start_ehci(f);
                reset_ehci_port(f, 0);
                rig_store(f->r, OP + 0x14, FRAMES, 4);
                rig_store(f->r, OP, i % 1000 ? 0x31 : 0x21, 4);
            }
            start_uhci(f);
            rig_outw(f->r, IO + 0x10, 1 << 2);
        }
        if (i % 5000 == 0) {
            save_and_load(f);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(kind, name, fn)                                                                       \
    g_test_add("/" kind "/" name, struct usb_rig, kind, set_up, fn, tear_down)
    TEST("uhci", "keyboard", uhci_enumerates_and_types);
    TEST("uhci", "idle", uhci_sleeps_when_it_is_stopped);
    TEST("uhci", "walks", uhci_ends_every_walk);
    TEST("uhci", "random", lists_at_random);
    TEST("ehci", "keyboard", ehci_enumerates_and_types);
    TEST("ehci", "companion", a_port_goes_to_the_companion);
    TEST("ehci", "bad-companions", bad_companions_are_refused);
    TEST("ehci", "walks", ehci_ends_every_walk);
    TEST("ehci", "random", lists_at_random);
    return g_test_run();
}
