/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/info.c: `info pci`, in the words that QEMU's users know.  Thread: under the machine
 * lock.
 */
#include <inttypes.h>
#include "hw/pci/bridge.h"

/* PCI Code and ID Assignment 1.11; the rows with a sub-class come before their base class. */
static const struct {
    uint16_t class, mask;
    const char *name;
} class_names[] = {
    { 0x0100, 0xffff, "SCSI controller" },
    { 0x0101, 0xffff, "IDE controller" },
    { 0x0102, 0xffff, "Floppy controller" },
    { 0x0106, 0xffff, "SATA controller" },
    { 0x0100, 0xff00, "Storage controller" },
    { 0x0200, 0xffff, "Ethernet controller" },
    { 0x0200, 0xff00, "Network controller" },
    { 0x0300, 0xffff, "VGA controller" },
    { 0x0300, 0xff00, "Display controller" },
    { 0x0401, 0xffff, "Audio controller" },
    { 0x0400, 0xff00, "Multimedia controller" },
    { 0x0500, 0xff00, "Memory controller" },
    { 0x0600, 0xffff, "Host bridge" },
    { 0x0601, 0xffff, "ISA bridge" },
    { 0x0604, 0xffff, "PCI bridge" },
    { 0x0600, 0xff00, "Bridge" },
    { 0x0780, 0xff00, "Communication controller" },
    { 0x0c03, 0xffff, "USB controller" },
    { 0x0c05, 0xffff, "SMBus" },
};

const char *pci_class_name(uint16_t class)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(class_names); i++) {
        if ((class & class_names[i].mask) == (class_names[i].class & class_names[i].mask)) {
            return class_names[i].name;
        }
    }
    return NULL;
}

static void print_class(uint16_t class, GString *out)
{
    const char *name = pci_class_name(class);

    if (name) {
        g_string_append(out, name);
    } else {
        g_string_append_printf(out, "Class %04x", class);
    }
}

static void print_bar(const struct pci_bar *bar, unsigned n, GString *out)
{
    const char *kind = bar->type & PCI_BAR_IO      ? "I/O"
                       : bar->type & PCI_BAR_MEM64 ? "64 bit"
                                                   : "32 bit";

    g_string_append_printf(out, "      BAR%u: %s%s%s at ", n, kind,
                           bar->type & PCI_BAR_PREFETCH ? " prefetchable" : "",
                           bar->type & PCI_BAR_IO ? "" : " memory");
    /* An unmapped BAR's address is all ones, and its last byte wraps: QEMU prints the same. */
    g_string_append_printf(out,
                           bar->type & PCI_BAR_IO ? "0x%04" PRIx64 " [0x%04" PRIx64 "].\n"
                                                  : "0x%08" PRIx64 " [0x%08" PRIx64 "].\n",
                           bar->mapped, bar->mapped + bar->size - 1);
}

static void print_bridge(const struct pci_device *d, GString *out)
{
    static const struct {
        enum pci_window window;
        const char *name;
    } rows[] = {
        { PCI_WINDOW_IO, "IO" },
        { PCI_WINDOW_MEMORY, "memory" },
        { PCI_WINDOW_PREFETCH, "prefetchable memory" },
    };

    g_string_append_printf(
        out, "      BUS %u.\n      secondary bus %u.\n      subordinate bus %u.\n",
        d->config[PCI_PRIMARY], d->config[PCI_SECONDARY], d->config[PCI_SUBORDINATE]);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct pci_range range = pci_bridge_range(d, rows[i].window);

        g_string_append_printf(out,
                               i == 0 ? "      %s range [0x%04" PRIx64 ", 0x%04" PRIx64 "]\n"
                                      : "      %s range [0x%08" PRIx64 ", 0x%08" PRIx64 "]\n",
                               rows[i].name, range.first, range.last);
    }
}

static void print_function(const struct pci_bus *bus, const struct pci_device *d, GString *out)
{
    g_string_append_printf(out, "  Bus %2u, device %3u, function %u:\n    ", pci_bus_number(bus),
                           PCI_SLOT(d->devfn), PCI_FN(d->devfn));
    print_class((uint16_t)pci_config_load(d, PCI_CLASS, 2), out);
    g_string_append_printf(out, ": PCI device %04x:%04x\n", pci_config_load(d, PCI_VENDOR_ID, 2),
                           pci_config_load(d, PCI_DEVICE_ID, 2));
    if (!d->secondary) {
        g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                               pci_config_load(d, PCI_SUBSYS_VENDOR, 2),
                               pci_config_load(d, PCI_SUBSYS_ID, 2));
    }
    if (d->config[PCI_INT_PIN]) {
        g_string_append_printf(out, "      IRQ %u, pin %c\n", d->config[PCI_INT_LINE],
                               'A' + d->config[PCI_INT_PIN] - 1);
    }
    if (d->secondary) {
        print_bridge(d, out);
    }
    for (unsigned n = 0; n <= PCI_BARS; n++) {
        if (d->bars[n].mr) {
            print_bar(&d->bars[n], n, out);
        }
    }
    g_string_append_printf(out, "      id \"%s\"\n", d->dev.id ? d->dev.id : "");
}

void pci_print(struct machine *m, GString *out)
{
    bool any = false;

    for (struct bus *b = m->buses; b; b = b->next) {
        const struct pci_bus *bus = (const struct pci_bus *)b;

        if (b->kind != BUS_PCI) {
            continue;
        }
        any = true;
        for (unsigned devfn = 0; devfn < 256; devfn++) {
            if (bus->functions[devfn]) {
                print_function(bus, bus->functions[devfn], out);
            }
        }
    }
    if (!any) {
        g_string_append(out, "PCI devices not supported\n");
    }
}
