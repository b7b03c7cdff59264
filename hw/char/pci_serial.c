/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/char/pci_serial.c: one, two or four 16550A on a PCI function: eight I/O ports each, one interrupt for all.
 * Source: QEMU's documentation, "QEMU PCI serial devices".
 *
 * Invariant: INTA is up while the line of a UART is.
 * Thread:    under the machine lock.
 */
#include "hw/char/serial.h"
#include "hw/pci/pci.h"

#define MOST  4u
#define PORTS 8u /* of a UART */

struct pci_serial {
    struct pci_device pci;
    struct serial uarts[MOST];
    struct mem_region bar;
    uint8_t prog_if;
};

static unsigned uarts_of(const struct pci_serial *s)
{
    return s->pci.dev.type == &pci_serial_4x_type   ? 4
           : s->pci.dev.type == &pci_serial_2x_type ? 2
                                                    : 1;
}

static void update_intx(struct pci_serial *s)
{
    bool level = false;

    for (unsigned i = 0; i < uarts_of(s); i++) {
        level |= s->uarts[i].level;
    }
    pci_set_intx(&s->pci, level);
}

static void uart_line(void *opaque, int n, bool level)
{
    (void)n;
    (void)level; /* the UART has it, too */
    update_intx(opaque);
}

static void destroy_uarts(struct pci_serial *s, unsigned n)
{
    while (n-- > 0) {
        serial_destroy(&s->uarts[n]);
    }
}

static bool pci_serial_realize(struct device *dev, GError **error)
{
    struct pci_serial *s = (struct pci_serial *)dev;
    unsigned n = uarts_of(s);
    const struct pci_ident ident = {
        .vendor = 0x1b36,
        .device = n == 1   ? 0x0002
                  : n == 2 ? 0x0003
                           : 0x0004,
        .class = 0x0700,
        .prog_if = s->prog_if,
        .revision = 1,
        .int_pin = 1,
    };

    for (unsigned i = 0; i < n; i++) {
        if (!serial_init(&s->uarts[i], dev->machine, error)) {
            destroy_uarts(s, i);
            return false;
        }
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        destroy_uarts(s, n);
        return false;
    }
    mem_region_init_container(&s->bar, dev->machine, "pci-serial", n * PORTS);
    for (unsigned i = 0; i < n; i++) {
        s->uarts[i].irq = (struct irq){ uart_line, s, (int)i };
        mem_region_add(&s->bar, i * PORTS, &s->uarts[i].ports, 0);
    }
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->bar, n * PORTS);
    return true;
}

static void pci_serial_reset(struct device *dev)
{
    struct pci_serial *s = (struct pci_serial *)dev;

    pci_device_reset(&s->pci);
    for (unsigned i = 0; i < uarts_of(s); i++) {
        serial_reset(&s->uarts[i]);
    }
}

static void pci_serial_unrealize(struct device *dev)
{
    struct pci_serial *s = (struct pci_serial *)dev;

    pci_device_teardown(&s->pci);
    destroy_uarts(s, uarts_of(s));
    mem_region_destroy(&s->bar);
}

static bool pci_serial_post_load(struct device *dev, GError **error)
{
    struct pci_serial *s = (struct pci_serial *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    for (unsigned i = 0; i < uarts_of(s); i++) {
        serial_post_load(&s->uarts[i]);
    }
    update_intx(s);
    return true;
}

#define COMMON_PROPS                                                                               \
    PCI_PROPS(struct pci_serial, pci),                                                             \
        PROP_U8(struct pci_serial, "prog_if", prog_if, 2, "programming interface: 2 is a 16550")
#define UART_PROP(name, n)                                                                         \
    PROP_CHARDEV(struct pci_serial, name, uarts[n].out, "where bytes go to and come from")

static const struct property props_1x[] = { COMMON_PROPS, UART_PROP("chardev", 0), { 0 } };
static const struct property props_2x[] = {
    COMMON_PROPS, UART_PROP("chardev1", 0), UART_PROP("chardev2", 1), { 0 }
};
static const struct property props_4x[] = { COMMON_PROPS,
                                            UART_PROP("chardev1", 0),
                                            UART_PROP("chardev2", 1),
                                            UART_PROP("chardev3", 2),
                                            UART_PROP("chardev4", 3),
                                            { 0 } };

#define UART_STATE(n) STATE_SUB(struct pci_serial, uarts[n], 1, serial_rows, 1, "a 16550A")

static const struct state_row state_1x[] = { PCI_STATE(struct pci_serial, pci),
                                             UART_STATE(0),
                                             { 0 } };
static const struct state_row state_2x[] = {
    PCI_STATE(struct pci_serial, pci), UART_STATE(0), UART_STATE(1), { 0 }
};
static const struct state_row state_4x[] = { PCI_STATE(struct pci_serial, pci),
                                             UART_STATE(0),
                                             UART_STATE(1),
                                             UART_STATE(2),
                                             UART_STATE(3),
                                             { 0 } };

#define PCI_SERIAL_TYPE(n, text, rows)                                                             \
    {                                                                                              \
        .name = n, .summary = text, .bus = BUS_PCI, .size = sizeof(struct pci_serial),             \
        .props = props_##rows, .state = state_##rows, .realize = pci_serial_realize,               \
        .reset = pci_serial_reset, .unrealize = pci_serial_unrealize,                              \
        .post_load = pci_serial_post_load,                                                         \
    }

const struct device_type pci_serial_type =
    PCI_SERIAL_TYPE("pci-serial", "a 16550A serial port on PCI", 1x);
const struct device_type pci_serial_2x_type =
    PCI_SERIAL_TYPE("pci-serial-2x", "two 16550A serial ports on PCI", 2x);
const struct device_type pci_serial_4x_type =
    PCI_SERIAL_TYPE("pci-serial-4x", "four 16550A serial ports on PCI", 4x);
