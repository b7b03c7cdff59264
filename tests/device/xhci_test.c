/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/xhci_test.c: an xHCI controller as a driver sees it: ports, commands, rings, events, drivers that
 * break the rules.
 */
#include <string.h>
#include "hw/usb/xhci.h"
#include "tests/device/drive_rig.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"
#include "ui/input.h"

/* clang-format off */
#define BAR      0xe0000000u
#define OP       (BAR + 0x40)
#define RUN      (BAR + 0x1000)
#define DOORBELL (BAR + 0x2000)
#define DCBAA    0x10000u
#define COMMANDS 0x11000u
#define ERST     0x12000u
#define EVENTS   0x13000u
#define INPUT    0x20000u
#define CONTEXT  0x21000u /* of slot n: 4 KiB further */
#define RINGS    0x40000u /* of endpoint n */
#define DATA     0x80000u
enum { PORT_2 = 5 }; /* the first USB 2 port */
/* clang-format on */

struct xhci_rig {
    struct rig *r;
    struct mem_region memory;
    struct xhci *dev;
    unsigned n_events; /* of the ring */
    unsigned event, command, at[32];
    bool event_cycle, command_cycle;
    struct xhci_trb last; /* event */
};

static uint32_t op(struct xhci_rig *f, unsigned off)
{
    return (uint32_t)rig_load(f->r, OP + off, 4);
}

static uint32_t portsc(struct xhci_rig *f, unsigned n)
{
    return op(f, 0x400 + (n - 1) * 16);
}

static void write_trb(struct xhci_rig *f, uint64_t at, uint64_t param, uint32_t status,
                      uint32_t control)
{
    const struct xhci_trb t = { param, status, control };

    rig_write(f->r, at, &t, sizeof(t));
}

static void start(struct xhci_rig *f, unsigned n_events)
{
    static const uint8_t zeroes[0x10000];

    rig_store(f->r, OP, 2, 4); /* reset */
    for (unsigned i = 0; i < 7; i++) {
        rig_write(f->r, DCBAA + i * sizeof(zeroes), zeroes, sizeof(zeroes));
    }
    f->n_events = n_events;
    f->event = f->command = 0;
    f->event_cycle = f->command_cycle = true;
    memset(f->at, 0, sizeof(f->at));
    rig_store(f->r, OP + 0x38, 64, 4);
    rig_store(f->r, OP + 0x30, DCBAA, 8);
    rig_store(f->r, OP + 0x18, COMMANDS | 1, 8);
    rig_store(f->r, ERST, EVENTS, 8);
    rig_store(f->r, ERST + 8, n_events, 8);
    rig_store(f->r, RUN + 0x28, 1, 4);
    rig_store(f->r, RUN + 0x38, EVENTS, 8);
    rig_store(f->r, RUN + 0x30, ERST, 8);
    rig_store(f->r, RUN + 0x20, 2, 4);
    rig_store(f->r, OP, 5, 4);
    g_assert_cmphex(op(f, 4) & 1, ==, 0);
}

static void set_up(struct xhci_rig *f, gconstpointer data)
{
    f->r = rig_new();
    pci_rig_host(f->r, &f->memory)->bus.lines[0] = rig_irq_sink(f->r, 20);
    f->dev = (struct xhci *)rig_device(f->r, "qemu-xhci", data);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_BAR0, BAR, 4);
    pci_rig_write(f->r, f->dev->pci.devfn, PCI_COMMAND, 6, 2);
    start(f, 64);
}

static void tear_down(struct xhci_rig *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* Events ---------------------------------------------------------------------------------------- */

/* Its type, or 0: there is none. */
static unsigned next_event(struct xhci_rig *f)
{
    uint64_t at = EVENTS + f->event * 16;

    rig_read(f->r, at, &f->last, 16);
    if ((f->last.control & 1) != f->event_cycle) {
        return 0;
    }
    if (++f->event == f->n_events) {
        f->event = 0;
        f->event_cycle = !f->event_cycle;
    }
    rig_store(f->r, RUN + 0x38, EVENTS + f->event * 16 + 8, 8);
    return TRB_TYPE(&f->last);
}

static unsigned code(const struct xhci_rig *f)
{
    return f->last.status >> 24;
}

static unsigned residue(const struct xhci_rig *f)
{
    return f->last.status & 0xffffff;
}

/* Waits for one; the code. */
static unsigned wait_event(struct xhci_rig *f, unsigned type)
{
    unsigned got;

    while ((got = next_event(f)) == 0) {
        machine_iterate(f->r->m, true);
    }
    g_assert_cmpuint(got, ==, type);
    return code(f);
}

/* Commands -------------------------------------------------------------------------------------- */

static unsigned run_command(struct xhci_rig *f, uint64_t param, uint32_t status, uint32_t control)
{
    write_trb(f, COMMANDS + f->command++ * 16, param, status, control | f->command_cycle);
    if (f->command == 63) {
        write_trb(f, COMMANDS + 63 * 16, COMMANDS, 0, 6 << 10 | 2 | f->command_cycle);
        f->command = 0;
        f->command_cycle = !f->command_cycle;
    }
    rig_store(f->r, DOORBELL, 0, 4);
    return wait_event(f, 33);
}

static uint64_t ring_of(unsigned ep)
{
    return RINGS + ep * 0x1000u;
}

static void set_endpoint(struct xhci_rig *f, unsigned ep, unsigned type, unsigned max)
{
    uint64_t at = INPUT + (ep + 1) * 32;

    rig_store(f->r, at, 0, 4);
    rig_store(f->r, at + 4, max << 16 | type << 3 | 3 << 1, 4);
    rig_store(f->r, at + 8, ring_of(ep) | 1, 8);
    f->at[ep] = 0;
}

/* A slot with a device at a port; the slot. */
static unsigned add_slot(struct xhci_rig *f, unsigned port, uint32_t route)
{
    unsigned slot;

    g_assert_cmpuint(run_command(f, 0, 0, 9 << 10), ==, CC_SUCCESS);
    slot = f->last.control >> 24;
    rig_store(f->r, DCBAA + slot * 8, CONTEXT + slot * 0x1000, 8);
    rig_store(f->r, INPUT, 0, 4);
    rig_store(f->r, INPUT + 4, 3, 4);
    rig_store(f->r, INPUT + 32, 1u << 27 | 3u << 20 | route, 4);
    rig_store(f->r, INPUT + 36, port << 16, 4);
    set_endpoint(f, 1, 4, 64);
    return slot;
}

static void ring(struct xhci_rig *f, unsigned slot, unsigned ep)
{
    rig_store(f->r, DOORBELL + slot * 4, ep, 4);
}

static uint64_t add_trb(struct xhci_rig *f, unsigned ep, uint64_t param, uint32_t status,
                        uint32_t control)
{
    uint64_t at = ring_of(ep) + f->at[ep]++ * 16;

    write_trb(f, at, param, status, control | 1);
    return at;
}

/* A control transfer; the code of its last event. */
static unsigned control(struct xhci_rig *f, unsigned slot, uint64_t setup)
{
    unsigned len = (unsigned)(setup >> 48), got;
    bool in = setup & 0x80;

    add_trb(f, 1, setup, 8, 2 << 10 | TRB_IDT | (len ? 2 + in : 0) << 16);
    if (len) {
        add_trb(f, 1, DATA, len, 3 << 10 | TRB_ISP | (in ? TRB_DIR_IN : 0));
    }
    add_trb(f, 1, 0, 0, 4 << 10 | TRB_IOC | (in && len ? 0 : TRB_DIR_IN));
    ring(f, slot, 1);
    do {
        got = wait_event(f, 32);
    } while (got == CC_SHORT_PACKET);
    return got;
}

static unsigned add_device(struct xhci_rig *f, const char *name, const char *props, unsigned port,
                           uint32_t route)
{
    unsigned slot;

    rig_device(f->r, name, props);
    if (!route) {
        g_assert_cmpuint(next_event(f), ==, 34);
        g_assert_cmphex(f->last.param, ==, (uint64_t)port << 24);
        g_assert_cmphex(portsc(f, port) & 0x20001, ==, 0x20001);
        rig_store(f->r, OP + 0x400 + (port - 1) * 16, 1 << 9 | 1 << 4 | 1 << 17, 4);
        while (next_event(f)) {
        }
        g_assert_cmphex(portsc(f, port) & 3, ==, 3);
    }
    slot = add_slot(f, port, route);
    g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | slot << 24), ==, CC_SUCCESS);
    g_assert_cmpuint(control(f, slot, 0x0000000000010900), ==, CC_SUCCESS); /* configuration 1 */
    return slot;
}

/* Two endpoints of one that is addressed. */
static void configure(struct xhci_rig *f, unsigned slot, unsigned ep1, unsigned type1, unsigned ep2,
                      unsigned type2)
{
    rig_store(f->r, INPUT + 4, 1 | 1u << ep1 | 1u << ep2, 4);
    rig_store(f->r, INPUT + 32, 5u << 27 | 3u << 20, 4);
    set_endpoint(f, ep1, type1, 512);
    set_endpoint(f, ep2, type2, 512);
    g_assert_cmpuint(run_command(f, INPUT, 0, 12 << 10 | slot << 24), ==, CC_SUCCESS);
}

/* What it is ------------------------------------------------------------------------------------ */

static void it_says_what_it_is(struct xhci_rig *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, 0, 0, 4), ==, 0x000d1b36);
    g_assert_cmphex(pci_rig_read(f->r, 0, PCI_REVISION, 4) >> 8, ==, 0x0c0330);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0x40);
    g_assert_cmphex(rig_load(f->r, BAR + 2, 2), ==, 0x100);
    g_assert_cmphex(rig_load(f->r, BAR + 4, 4), ==, 64 | 16 << 8 | 8 << 24);
    g_assert_cmphex(rig_load(f->r, BAR + 0x28, 4), ==, 5 | 4 << 8); /* USB 2: ports 5 to 8 */
    g_assert_cmphex(rig_load(f->r, BAR + 0x38, 4), ==, 1 | 4 << 8);
    g_assert_cmphex(op(f, 8), ==, 1);
    rig_step(f->r, 10 * MS);
    g_assert_cmpuint(rig_load(f->r, RUN, 4), ==, 80); /* microframes */
    rig_check_state(f->r, &f->dev->pci.dev);
}

static void bad_properties_are_refused(struct xhci_rig *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "p2=16", "p2 is 16, must be 0 to 15" },
        { "p2=0,p3=0", "p2 + p3 is 0, must be 1 to 30" },
        { "intrs=17", "intrs is 17, must be 1" },
        { "slots=0", "slots is 0, must be 1 to 64" },
        { "msi=maybe", "msi is 'maybe', must be" },
    };

    (void)data;
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *message =
            rig_device_error(f->r, device_type_find("qemu-xhci"), rows[i][0]);

        g_assert_nonnull(strstr(message, rows[i][1]));
    }
}

/* Transfers ------------------------------------------------------------------------------------- */

static void a_keyboard_types(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);
    uint64_t trb;

    (void)data;
    g_assert_cmphex(portsc(f, PORT_2) >> 10 & 15, ==, 3); /* high speed */
    g_assert_cmpuint(control(f, slot, 0x0012000001000680), ==, CC_SUCCESS);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 0x4000000002000112);
    configure(f, slot, 3, 7, 5, 7);
    trb = add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    add_trb(f, 3, DATA + 8, 32, 1 << 10 | TRB_ISP);
    ring(f, slot, 3);
    g_assert_cmpuint(next_event(f), ==, 0); /* nobody types; and nothing runs meanwhile */
    g_assert_cmpint(clock_next_deadline(f->r->m), ==, -1);
    rig_store(f->r, RUN + 0x20, 3, 4); /* the interrupt is served */
    g_assert_false(f->r->lines[20].level);
    f->r->lines[20].edges = 0;
    input_key(f->r->m, 0x1e, true);
    g_assert_cmpuint(f->r->lines[20].edges, ==, 1);
    rig_store(f->r, RUN + 0x20, 3, 4);
    g_assert_cmpuint(next_event(f), ==, 32);
    g_assert_cmpuint(code(f), ==, CC_SUCCESS);
    g_assert_cmphex(f->last.param, ==, trb);
    g_assert_cmphex(f->last.control >> 16, ==, slot << 8 | 3);
    g_assert_cmphex(rig_load(f->r, DATA, 8), ==, 0x40000);
    input_key(f->r->m, 0x1e, false);
    g_assert_cmpuint(next_event(f), ==, 32);
    g_assert_cmpuint(code(f), ==, CC_SHORT_PACKET);
    g_assert_cmpuint(residue(f), ==, 24);
    g_assert_cmpuint(next_event(f), ==, 0);
}

static void a_halted_endpoint_goes_on_after_a_reset(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);

    (void)data;
    g_assert_cmpuint(control(f, slot, 0x0012000077000680), ==, CC_STALL);
    g_assert_cmpuint(rig_load(f->r, CONTEXT + slot * 0x1000 + 32, 4) & 7, ==, XHCI_EP_HALTED);
    ring(f, slot, 1);
    g_assert_cmpuint(next_event(f), ==, 0);
    g_assert_cmpuint(run_command(f, 0, 0, 15 << 10 | slot << 24 | 1 << 16), ==, CC_CONTEXT_STATE);
    g_assert_cmpuint(run_command(f, 0, 0, 14 << 10 | slot << 24 | 1 << 16), ==, CC_SUCCESS);
    g_assert_cmpuint(
        run_command(f, (ring_of(1) + f->at[1] * 16) | 1, 0, 16 << 10 | slot << 24 | 1 << 16), ==,
        CC_SUCCESS);
    g_assert_cmpuint(control(f, slot, 0x0012000001000680), ==, CC_SUCCESS);
}

static void a_stopped_transfer_is_told_of(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);
    uint64_t trb;

    (void)data;
    configure(f, slot, 3, 7, 5, 7);
    trb = add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    ring(f, slot, 3);
    write_trb(f, COMMANDS + f->command++ * 16, 0, 0, 15 << 10 | slot << 24 | 3 << 16 | 1);
    rig_store(f->r, DOORBELL, 0, 4);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_STOPPED);
    g_assert_cmphex(f->last.param, ==, trb);
    g_assert_cmpuint(residue(f), ==, 8);
    g_assert_cmpuint(wait_event(f, 33), ==, CC_SUCCESS);
    input_key(f->r->m, 0x1e, true);
    g_assert_cmpuint(next_event(f), ==, 0);
    ring(f, slot, 3); /* it goes on where it was */
    g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
    g_assert_cmphex(f->last.param, ==, trb);
}

static void save_and_load(struct xhci_rig *f)
{
    for (unsigned i = 0; i < f->r->m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(f->r->m->devices, i);

        if (dev == &f->dev->pci.dev || dev->type->bus == BUS_USB) {
            rig_check_state(f->r, dev);
        }
    }
    rig_step(f->r, 1);
}

static void a_waiting_transfer_is_saved(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);

    (void)data;
    configure(f, slot, 3, 7, 5, 7);
    add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    ring(f, slot, 3);
    save_and_load(f);
    g_assert_cmpuint(next_event(f), ==, 0);
    input_key(f->r->m, 0x1e, true);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
    input_key(f->r->m, 0x1e, false); /* one is held by the keyboard */
    save_and_load(f);
    add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    ring(f, slot, 3);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
}

static void a_stick_reads_by_pieces(struct xhci_rig *f, gconstpointer data)
{
    static const uint8_t cbw[31] = { 'U', 'S', 'B',  'C', 1, 0, 0, 0, 0, 4, 0, 0, 0x80,
                                     0,   10,  0x28, 0,   0, 0, 0, 9, 0, 0, 2, 0 };
    unsigned slot;
    uint64_t last;

    (void)data;
    drive_rig_new(f->r, "d0", 64, false);
    slot = add_device(f, "usb-storage", "drive=d0", 1, 0);
    g_assert_cmphex(portsc(f, 1) >> 10 & 15, ==, 4); /* super speed */
    configure(f, slot, 3, 6, 4, 2);
    for (unsigned turn = 0; turn < 2; turn++) { /* the first one meets a unit attention */
        rig_write(f->r, DATA, cbw, sizeof(cbw));
        add_trb(f, 4, DATA, 31, 1 << 10 | TRB_IOC);
        ring(f, slot, 4);
        g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
        add_trb(f, 3, DATA + 0x1000, 100, 1 << 10 | TRB_CHAIN | TRB_ISP);
        add_trb(f, 3, DATA + 0x3000, 900, 1 << 10 | TRB_CHAIN | TRB_ISP);
        last = add_trb(f, 3, DATA + 0x5000, 24, 1 << 10 | TRB_CHAIN);
        add_trb(f, 3, 0x1122334455667788, 0, 7 << 10 | TRB_IOC); /* event data */
        ring(f, slot, 3);
        if (turn == 0) {
            g_assert_cmpuint(wait_event(f, 32), ==, CC_STALL);
            g_assert_cmpuint(run_command(f, 0, 0, 14 << 10 | slot << 24 | 3 << 16), ==, CC_SUCCESS);
            g_assert_cmpuint(run_command(f, (last + 32) | 1, 0, 16 << 10 | slot << 24 | 3 << 16),
                             ==, CC_SUCCESS);
            g_assert_cmpuint(control(f, slot, 0x0000008100000102), ==, CC_SUCCESS);
        } else {
            save_and_load(f); /* whether the block request is over or not */
            g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
            g_assert_cmphex(f->last.param, ==, 0x1122334455667788);
            g_assert_cmpuint(residue(f), ==, 1024); /* here: what moved */
            g_assert_cmphex(f->last.control & TRB_ED, ==, TRB_ED);
            g_assert_cmphex(rig_load(f->r, DATA + 0x1000 + 99, 1), ==, 9);
            g_assert_cmphex(rig_load(f->r, DATA + 0x3000 + 411, 1), ==, 9);
            g_assert_cmphex(rig_load(f->r, DATA + 0x3000 + 412, 1), ==, 10);
            g_assert_cmphex(rig_load(f->r, DATA + 0x5000 + 23, 1), ==, 10);
        }
        add_trb(f, 3, DATA, 13, 1 << 10 | TRB_IOC);
        ring(f, slot, 3);
        g_assert_cmpuint(wait_event(f, 32), ==, CC_SUCCESS);
        g_assert_cmpuint(rig_load(f->r, DATA + 12, 1), ==, turn == 0);
    }
}

static void a_device_behind_a_hub(struct xhci_rig *f, gconstpointer data)
{
    unsigned hub = add_device(f, "usb-hub", "port=1", PORT_2, 0), slot;

    (void)data;
    rig_device(f->r, "usb-mouse", "port=1.3");
    slot = add_slot(f, PORT_2, 3);
    /* Nobody answers before the hub's port is reset. */
    g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | slot << 24), ==, CC_TRANSACTION);
    f->at[1] = 3; /* the hub's ring has had two blocks since */
    g_assert_cmpuint(run_command(f, 0, 0, 10 << 10 | slot << 24), ==, CC_SUCCESS);
    f->at[1] = 2;
    g_assert_cmpuint(control(f, hub, 0x0000000300040323), ==, CC_SUCCESS);
    slot = add_slot(f, PORT_2, 3);
    g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | slot << 24), ==, CC_SUCCESS);
}

/* Ports ----------------------------------------------------------------------------------------- */

static void plugs_are_told_of(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", "port=2", PORT_2 + 1, 0);
    struct usb_device *d = f->dev->usb_ports[1].dev;

    (void)data;
    configure(f, slot, 3, 7, 5, 7);
    device_free(&d->dev);
    g_assert_cmpuint(next_event(f), ==, 34);
    g_assert_cmphex(portsc(f, PORT_2 + 1) & 0x20003, ==, 0x20000);
    add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    ring(f, slot, 3);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_TRANSACTION);
}

static void a_key_wakes_a_suspended_port(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);
    uint64_t reg = OP + 0x400 + (PORT_2 - 1) * 16;

    (void)data;
    configure(f, slot, 3, 7, 5, 7);
    add_trb(f, 3, DATA, 8, 1 << 10 | TRB_IOC);
    ring(f, slot, 3);
    g_assert_cmpuint(control(f, slot, 0x0000000000010300), ==, CC_SUCCESS); /* remote wakeup */
    rig_store(f->r, reg, 1 << 9 | 1 << 16 | 3 << 5, 4);
    g_assert_cmphex(portsc(f, PORT_2) >> 5 & 15, ==, 3);
    input_key(f->r->m, 0x1e, true);
    g_assert_cmpuint(next_event(f), ==, 34);
    g_assert_cmphex(portsc(f, PORT_2) >> 5 & 15, ==, 15);
    rig_store(f->r, reg, 1 << 9 | 1 << 16, 4);
    g_assert_cmphex(portsc(f, PORT_2) >> 5 & 15, ==, 0);
}

/* Events ---------------------------------------------------------------------------------------- */

static void no_event_is_lost_when_the_ring_is_full(struct xhci_rig *f, gconstpointer data)
{
    unsigned n = 0;

    (void)data;
    start(f, 16);
    for (unsigned i = 0; i < 40; i++) {
        write_trb(f, COMMANDS + i * 16, 0, 0, 23 << 10 | 1);
    }
    rig_store(f->r, DOORBELL, 0, 4);
    save_and_load(f);
    while (next_event(f) == 33) {
        g_assert_cmphex(f->last.param, ==, COMMANDS + n * 16);
        n++;
    }
    g_assert_cmpuint(n, ==, 40);
}

static void segments_of_an_event_ring(struct xhci_rig *f, gconstpointer data)
{
    (void)data;
    start(f, 16);
    rig_store(f->r, ERST + 16, EVENTS + 16 * 16, 8); /* two that follow each other */
    rig_store(f->r, ERST + 24, 16, 8);
    rig_store(f->r, RUN + 0x28, 2, 4);
    rig_store(f->r, RUN + 0x30, ERST, 8);
    f->n_events = 32;
    for (unsigned i = 0; i < 50; i++) {
        g_assert_cmpuint(run_command(f, 0, 0, 23 << 10), ==, CC_SUCCESS);
    }
}

/* Drivers that break the rules ------------------------------------------------------------------ */

static void bad_commands_fail(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot;

    (void)data;
    g_assert_cmpuint(run_command(f, 0, 0, 30 << 10), ==, CC_TRB);
    g_assert_cmpuint(run_command(f, 0, 0, 10 << 10 | 3 << 24), ==, CC_SLOT_DISABLED);
    g_assert_cmpuint(run_command(f, 0, 0, 10 << 10 | 200u << 24), ==, CC_SLOT_DISABLED);
    slot = add_slot(f, 1, 0);
    g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | slot << 24), ==, CC_TRANSACTION);
    g_assert_cmpuint(run_command(f, 0xfffffffff000, 0, 11 << 10 | slot << 24), ==, CC_TRB);
    g_assert_cmpuint(run_command(f, INPUT, 0, 12 << 10 | slot << 24), ==, CC_CONTEXT_STATE);
    rig_store(f->r, INPUT + 36, 77 << 16, 4);
    g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | slot << 24), ==, CC_TRB);
    for (unsigned i = 1; i < 64; i++) {
        g_assert_cmpuint(run_command(f, 0, 0, 9 << 10), ==, CC_SUCCESS);
    }
    g_assert_cmpuint(run_command(f, 0, 0, 9 << 10), ==, CC_NO_SLOTS);
}

static void bad_rings_stop_the_endpoint(struct xhci_rig *f, gconstpointer data)
{
    unsigned slot = add_device(f, "usb-kbd", NULL, PORT_2, 0);

    (void)data;
    configure(f, slot, 3, 7, 5, 7);
    write_trb(f, ring_of(3), ring_of(3), 0, 6 << 10 | 1); /* a link to itself */
    ring(f, slot, 3);
    g_assert_cmpuint(rig_load(f->r, CONTEXT + slot * 0x1000 + 96, 4) & 7, ==, XHCI_EP_ERROR);
    configure(f, slot, 3, 7, 5, 7);
    add_trb(f, 3, 0xfffffff0, 8, 1 << 10 | TRB_IOC); /* no RAM */
    ring(f, slot, 3);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_DATA_BUFFER);
    configure(f, slot, 3, 7, 5, 7);
    add_trb(f, 3, 0, 0, 2 << 10); /* a setup on an interrupt endpoint */
    ring(f, slot, 3);
    g_assert_cmpuint(wait_event(f, 32), ==, CC_TRB);
    configure(f, slot, 3, 7, 5, 7);
    for (unsigned i = 0; i < 1100; i++) { /* no end */
        write_trb(f, DATA + i * 16, DATA, 1, 1 << 10 | TRB_CHAIN | 1);
    }
    write_trb(f, ring_of(3), DATA, 0, 6 << 10 | 1);
    ring(f, slot, 3);
    g_assert_cmpuint(rig_load(f->r, CONTEXT + slot * 0x1000 + 96, 4) & 7, ==, XHCI_EP_ERROR);
    write_trb(f, COMMANDS + f->command * 16, 0xffffffff0000, 0, 6 << 10 | 1);
    rig_store(f->r, DOORBELL, 0, 4);
    g_assert_cmphex(op(f, 4) & 5, ==, 5); /* host system error, halted */
    start(f, 64);
    g_assert_cmpuint(run_command(f, 0, 0, 23 << 10), ==, CC_SUCCESS);
}

static void random_trb(struct xhci_rig *f, GRand *rand, uint64_t at)
{
    static const uint8_t types[] = { 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17 };
    uint32_t type = types[g_rand_int(rand) % sizeof(types)], r = g_rand_int(rand);
    uint64_t param = r % 3 ? RINGS + (r & 0x3fff0) : (uint64_t)r << 8;

    param = type == 6 ? RINGS + (r & 0x7ff0) : type >= 9 ? INPUT | (r & 1) : param;
    write_trb(f, at, param, type == 2 ? 8 : g_rand_int(rand) & 0xfff1ff,
              type << 10 | (r >> 3 & 0x72) | (r >> 20 & 1) << 16 | (r & 7 ? 1 : 0) |
                  (type >= 9 ? (1 + (r >> 8) % 3) << 24 | (r >> 12 & 7) << 16 : 0));
}

/* Rings that are right but for what is in them, contexts that are nearly right. */
static void rings_at_random(struct xhci_rig *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(31);

    (void)data;
    drive_rig_new(f->r, "d0", 512, false);
    for (unsigned round = 0; round < 60; round++) {
        struct device *dev =
            rig_device(f->r, round & 1 ? "usb-kbd" : "usb-storage", round & 1 ? NULL : "drive=d0");
        unsigned port = round & 1 ? PORT_2 : 1;

        start(f, 64);
        rig_store(f->r, OP + 0x400 + (port - 1) * 16, 1 << 9 | 1 << 4, 4);
        while (next_event(f)) {
        }
        g_assert_cmpuint(add_slot(f, port, 0), ==, 1);
        g_assert_cmpuint(run_command(f, INPUT, 0, 11 << 10 | 1 << 24), ==, CC_SUCCESS);
        g_assert_cmpuint(control(f, 1, 0x0000000000010900), ==, CC_SUCCESS);
        configure(f, 1, 3, 7, 4, 2);
        for (unsigned i = 0; i < 3000; i++) {
            unsigned ep = 1 + g_rand_int(rand) % 4;

            random_trb(f, rand, RINGS + (g_rand_int(rand) & 0x7ff0));
            if (i % 4 == 0) {
                ring(f, 1 + g_rand_int(rand) % 2, ep);
            }
            if (i % 8 == 0) {
                random_trb(f, rand, COMMANDS + (i / 8 % 60) * 16);
                rig_store(f->r, DOORBELL, 0, 4);
            }
            if (i % 16 == 0) {
                rig_store(f->r, INPUT + (g_rand_int(rand) & 0xfc), g_rand_int(rand), 4);
                rig_store(f->r, RUN + 0x38, EVENTS + (g_rand_int(rand) & 0x3f0) + 8, 8);
                input_key(f->r->m, 0x1e, i & 16);
                rig_step(f->r, 2 * MS);
                rig_poll(f->r);
            }
            if (i % 512 == 0) {
                save_and_load(f);
            }
        }
        device_free(dev);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name, fn) g_test_add("/xhci/" name, struct xhci_rig, NULL, set_up, fn, tear_down)
    TEST("registers", it_says_what_it_is);
    TEST("properties", bad_properties_are_refused);
    TEST("keyboard", a_keyboard_types);
    TEST("halt", a_halted_endpoint_goes_on_after_a_reset);
    TEST("stop", a_stopped_transfer_is_told_of);
    TEST("save", a_waiting_transfer_is_saved);
    TEST("stick", a_stick_reads_by_pieces);
    TEST("hub", a_device_behind_a_hub);
    TEST("plugs", plugs_are_told_of);
    TEST("wakeup", a_key_wakes_a_suspended_port);
    TEST("full-ring", no_event_is_lost_when_the_ring_is_full);
    TEST("segments", segments_of_an_event_ring);
    TEST("bad-commands", bad_commands_fail);
    TEST("bad-rings", bad_rings_stop_the_endpoint);
    TEST("random", rings_at_random);
    return g_test_run();
}
