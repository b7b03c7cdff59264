/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/interrupts.c: `info pic` and `info irq`: the interrupt controllers and what they counted.
 * Thread: machine lock held.
 */
#include <inttypes.h>
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "monitor/command.h"
#include "softmmu/irqchip.h"
#include "softmmu/machine.h"

/* The n-th device of a type in the machine; NULL: none. */
static struct device *find_device(struct machine *m, const struct device_type *type)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == type) {
            return dev;
        }
    }
    return NULL;
}

static void print_ioapic(const struct ioapic *io, GString *out)
{
    static const char *const modes[] = {
        "fixed", "lowest", "SMI", "?", "NMI", "INIT", "?", "extINT"
    };

    g_string_append_printf(out, "ioapic0: ver=0x20 id=0x%02x sel=0x%02x", io->id, io->select);
    if (io->select >= 0x10 && io->select < 0x10 + 2 * IOAPIC_PINS) {
        g_string_append_printf(out, " (redir[%u])", (io->select - 0x10u) / 2);
    }
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < IOAPIC_PINS; i++) {
        uint64_t r = io->redir[i];

        g_string_append_printf(
            out, "  pin %-2u 0x%016" PRIx64 " dest=%x vec=%-3u %s %-5s %s %-6s %s%s\n", i, r,
            (unsigned)(r >> 56), (unsigned)(r & 0xff), r >> 13 & 1 ? "active-lo" : "active-hi",
            r >> 15 & 1 ? "level" : "edge", r >> 16 & 1 ? "masked" : "      ", modes[r >> 8 & 7],
            r >> 11 & 1 ? "logical" : "physical", r >> 14 & 1 ? " remote-irr" : "");
    }
    g_string_append_printf(out, "  lines %06x\n", io->lines);
}

/* The slave first, as QEMU's users know it. */
bool command_info_pic(struct machine *m, const char *args, GString *out, GError **error)
{
    const struct i8259 *pic = (const struct i8259 *)find_device(m, &i8259_type);
    const struct ioapic *io = (const struct ioapic *)find_device(m, &ioapic_type);

    (void)args;
    (void)error;
    if (m->irqchip && cpu_access_begin(m, NULL)) {
        irqchip_refresh(m);
        cpu_access_end(m);
    }
    if (io) {
        print_ioapic(io, out);
    }
    for (int i = 1; pic && i >= 0; i--) {
        const struct i8259_chip *c = &pic->chip[i];

        g_string_append_printf(out,
                               "pic%d: irr=%02x imr=%02x isr=%02x hprio=%d irq_base=%02x rr_sel=%d "
                               "elcr=%02x fnm=%d\n",
                               i, c->irr, c->imr, c->isr, c->top, c->vector_base, c->read_isr,
                               c->elcr, c->fully_nested);
    }
    if (!io && !pic) {
        g_string_append(out, "no interrupt controllers\n");
    }
    return true;
}

static void print_counts(const char *name, const uint64_t *counts, unsigned n, GString *out)
{
    g_string_append_printf(out, "IRQ statistics for %s:\n", name);
    for (unsigned i = 0; i < n; i++) {
        if (counts[i]) {
            g_string_append_printf(out, "%2u: %" PRIu64 "\n", i, counts[i]);
        }
    }
}

/* How often each input rose. */
bool command_info_irq(struct machine *m, const char *args, GString *out, GError **error)
{
    const struct i8259 *pic = (const struct i8259 *)find_device(m, &i8259_type);
    const struct ioapic *io = (const struct ioapic *)find_device(m, &ioapic_type);

    (void)args;
    (void)error;
    if (io) {
        print_counts(ioapic_type.name, io->counts, IOAPIC_PINS, out);
    }
    if (pic) {
        print_counts(i8259_type.name, pic->counts, G_N_ELEMENTS(pic->counts), out);
    }
    if (!io && !pic) {
        g_string_append(out, "no interrupt controllers\n");
    }
    return true;
}
