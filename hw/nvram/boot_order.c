/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/nvram/boot_order.c: see boot_order.h.  A path is spelt as Open Firmware does: name@unit from
 * the host bridge down; firmware compares units, hardly ever names.
 *
 * Invariant: fw_cfg's boot_order is sorted, no index is there twice.
 * Thread:    under the machine lock.
 */
#include "hw/nvram/boot_order.h"

#include <string.h>
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"
#include "util/error.h"

struct boot_entry {
    int32_t index;
    struct device *dev; /* NULL: nobody's */
    char *path;
};

static void entry_free(gpointer p)
{
    struct boot_entry *e = p;

    g_free(e->path);
    g_free(e);
}

/* By base class and sub-class (PCI 3.0, appendix D): what Open Firmware calls such a device. */
static const char *pci_name(const struct pci_device *d)
{
    static const struct {
        uint16_t class;
        const char *name;
    } names[] = {
        { 0x0100, "scsi" }, { 0x0101, "ide" },        { 0x0106, "ahci" },
        { 0x0108, "nvme" }, { 0x0200, "ethernet" },   { 0x0300, "display" },
        { 0x0601, "isa" },  { 0x0604, "pci-bridge" }, { 0x0c03, "usb" },
    };
    unsigned class = pci_config_load(d, PCI_CLASS, 2);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (names[i].class == class) {
            return names[i].name;
        }
    }
    return "pci";
}

/* The floppy controller is the one ISA device that firmware boots from. */
static char *isa_path(struct device *dev, const char *parent)
{
    bool floppy = strstr(dev->type->name, "fdc") != NULL;

    return g_strdup_printf("%s/%s", parent, floppy ? "fdc@03f0" : dev->type->name);
}

/* "hub@2/storage@4" for port 2.4: firmware compares the numbers, in hex. */
static char *usb_path(struct device *dev, const char *parent)
{
    g_autofree char *port = device_get_property(dev, "port");
    g_auto(GStrv) steps = g_strsplit(port ? port : "", ".", -1);
    GString *path = g_string_new(parent);

    for (unsigned i = 0; steps[i]; i++) {
        g_string_append_printf(path, "/%s@%x", steps[i + 1] ? "hub" : "storage",
                               (unsigned)g_ascii_strtoull(steps[i], NULL, 10));
    }
    return g_string_free(path, FALSE);
}

char *boot_order_path(struct device *dev)
{
    g_autofree char *parent = NULL;

    if (!dev->bus || !dev->bus->parent) {
        return g_strdup("/pci@i0cf8"); /* the host bridge, and what has no bus */
    }
    parent = boot_order_path(dev->bus->parent);
    if (dev->bus->kind == BUS_PCI) {
        const struct pci_device *d = (const struct pci_device *)dev;

        return PCI_FN(d->devfn)
                   ? g_strdup_printf("%s/%s@%x,%x", parent, pci_name(d), PCI_SLOT(d->devfn),
                                     PCI_FN(d->devfn))
                   : g_strdup_printf("%s/%s@%x", parent, pci_name(d), PCI_SLOT(d->devfn));
    }
    if (dev->bus->kind == BUS_USB) {
        return usb_path(dev, parent);
    }
    return dev->bus->kind == BUS_ISA ? isa_path(dev, parent) : g_strdup(parent);
}

/* One path a line; a file that is not empty ends with a NUL. */
static void update_file(struct fw_cfg *s)
{
    GString *text = g_string_new(NULL);
    size_t len;

    for (unsigned i = 0; i < s->boot_order->len; i++) {
        const struct boot_entry *e = g_ptr_array_index(s->boot_order, i);

        g_string_append_printf(text, "%s%s", text->len ? "\n" : "", e->path);
    }
    if (s->boot_strict) {
        g_string_append_printf(text, "%sHALT", text->len ? "\n" : "");
    }
    len = text->len ? text->len + 1 : 0;
    fw_cfg_replace_file(s, "bootorder", g_bytes_new_take(g_string_free(text, FALSE), len), NULL);
}

bool boot_order_add_path(struct fw_cfg *s, struct device *dev, int32_t index, const char *path,
                         GError **error)
{
    struct boot_entry *e;
    unsigned at = 0;

    for (; at < s->boot_order->len; at++) {
        e = g_ptr_array_index(s->boot_order, at);
        if (e->index == index) {
            set_error(error, "bootindex %d is taken by %s", index, e->path);
            return false;
        }
        if (e->index > index) {
            break;
        }
    }
    e = g_new0(struct boot_entry, 1);
    *e = (struct boot_entry){ index, dev, g_strdup(path) };
    g_ptr_array_insert(s->boot_order, (int)at, e);
    update_file(s);
    return true;
}

bool boot_order_add(struct device *dev, struct device *path_of, int32_t index, const char *suffix,
                    GError **error)
{
    struct fw_cfg *s = fw_cfg_find(dev->machine);
    g_autofree char *base = NULL, *path = NULL;

    if (!s || index < 0) {
        return true;
    }
    base = boot_order_path(path_of);
    path = g_strconcat(base, suffix, NULL);
    return boot_order_add_path(s, dev, index, path, error);
}

void boot_order_remove(struct device *dev)
{
    struct fw_cfg *s = fw_cfg_find(dev->machine);
    unsigned i = 0;

    while (s && i < s->boot_order->len) {
        const struct boot_entry *e = g_ptr_array_index(s->boot_order, i);

        if (e->dev == dev) {
            g_ptr_array_remove_index(s->boot_order, i);
            update_file(s);
        } else {
            i++;
        }
    }
}

void boot_order_set_strict(struct fw_cfg *s, bool strict)
{
    s->boot_strict = strict;
    update_file(s);
}

void boot_order_init(struct fw_cfg *s)
{
    s->boot_order = g_ptr_array_new_with_free_func(entry_free);
    update_file(s);
}

void boot_order_destroy(struct fw_cfg *s)
{
    g_ptr_array_unref(s->boot_order);
}
