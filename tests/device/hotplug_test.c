/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/hotplug_test.c: devices that come and go: the slot of a PCI Express port, ACPI's registers
 * for the slots of a PC, and what goes with a device.
 */
#include "hw/i386/acpi_pci_hotplug.h"
#include "hw/pci/bridge.h"
#include "softmmu/hotplug.h"
#include "tests/device/drive_rig.h"
#include "tests/device/pci_rig.h"
#include "util/text.h"

#define PORT PCI_DEVFN(4, 0)
#define IRQ  20

enum { SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a, LINK_STATUS = 0x12 };

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct pci_host *host;
    struct acpi_pm pm;
    struct acpi_pci_hotplug acpi;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    f->host = pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        f->host->bus.lines[i] = rig_irq_sink(f->r, IRQ);
    }
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

/* The message; NULL: it worked. */
static char *plug(struct fixture *f, const char *text)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "driver");
    g_autoptr(GError) error = NULL;

    return device_add(f->r->m, opts, DEVICE_HOT, &error) ? NULL : g_strdup(error->message);
}

static char *unplug(struct fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;

    return device_unplug(device_find(f->r->m, id), &error) ? NULL : g_strdup(error->message);
}

static void expect(char *message, const char *says)
{
    g_autofree char *owned = message;

    g_test_message("%s", message ? message : "(none)");
    if (says) {
        g_assert_nonnull(message);
        g_assert_nonnull(strstr(message, says));
    } else {
        g_assert_null(message);
    }
}

/* The slot of a port ---------------------------------------------------------------------------- */

static unsigned express_cap(struct fixture *f)
{
    unsigned cap = pci_rig_read(f->r, PORT, 0x34, 1);

    while (pci_rig_read(f->r, PORT, cap, 1) != PCI_CAP_ID_EXPRESS) {
        cap = pci_rig_read(f->r, PORT, cap + 1, 1);
    }
    return cap;
}

static unsigned slot_get(struct fixture *f, unsigned reg)
{
    return pci_rig_read(f->r, PORT, express_cap(f) + reg, 2);
}

static void slot_put(struct fixture *f, unsigned reg, unsigned v)
{
    pci_rig_write(f->r, PORT, express_cap(f) + reg, v, 2);
}

static void a_slot_tells_and_lets_go(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "pcie-root-port", "addr=4,id=p");
    slot_put(f, SLOT_CONTROL, 0x1129 | 0x00c0); /* power on, indicator on, all events */
    expect(plug(f, "virtio-rng-pci,id=a,bus=p"), NULL);
    g_assert_cmphex(slot_get(f, SLOT_STATUS), ==, 0x0148); /* presence, link, a card is there */
    g_assert_cmphex(slot_get(f, LINK_STATUS) & 0x2000, ==, 0x2000);
    g_assert_true(f->r->lines[IRQ].level);
    slot_put(f, SLOT_STATUS, 0x0008);
    g_assert_true(f->r->lines[IRQ].level);
    slot_put(f, SLOT_STATUS, 0x0100);
    g_assert_false(f->r->lines[IRQ].level);
    expect(plug(f, "virtio-rng-pci,id=b,bus=p"), "the only slot");

    expect(unplug(f, "a"), NULL);
    g_assert_cmphex(slot_get(f, SLOT_STATUS), ==, 0x0041); /* the button; the card is still there */
    g_assert_true(f->r->lines[IRQ].level);
    expect(unplug(f, "a"), "Device a is already in the process of unplug");
    slot_put(f, SLOT_CONTROL, 0x12e9); /* blinks */
    slot_put(f, SLOT_STATUS, 0x0001);
    expect(unplug(f, "a"), "Device a is already in the process of unplug");
    slot_put(f, SLOT_CONTROL, 0x16e9); /* power off, blinks */
    g_assert_nonnull(device_find(f->r->m, "a"));
    slot_put(f, SLOT_CONTROL, 0x17e9); /* and the indicator */
    g_assert_null(device_find(f->r->m, "a"));
    g_assert_cmphex(slot_get(f, SLOT_STATUS), ==, 0x0108);
    g_assert_cmphex(slot_get(f, LINK_STATUS) & 0x2000, ==, 0);

    /* In a slot without power a card stays, and goes without a word. */
    expect(plug(f, "virtio-rng-pci,id=a,bus=p"), NULL);
    slot_put(f, SLOT_CONTROL, 0x17c9);
    g_assert_nonnull(device_find(f->r->m, "a"));
    expect(unplug(f, "a"), NULL);
    g_assert_null(device_find(f->r->m, "a"));
}

/* Function 0 completes a card; the others are told with it, and go with it. */
static void functions_come_together(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "pcie-root-port", "addr=4,id=p");
    slot_put(f, SLOT_CONTROL, 0x1129 | 0x00c0);
    expect(plug(f, "virtio-rng-pci,id=b,bus=p,addr=0.1"), NULL);
    g_assert_cmphex(slot_get(f, SLOT_STATUS) & 0x0108, ==, 0);
    expect(plug(f, "virtio-rng-pci,id=a,bus=p,addr=0.0,multifunction=on"), NULL);
    g_assert_cmphex(slot_get(f, SLOT_STATUS) & 0x0108, ==, 0x0108);
    slot_put(f, SLOT_CONTROL, 0x17e9);
    g_assert_null(device_find(f->r->m, "a"));
    g_assert_null(device_find(f->r->m, "b"));
}

static void a_slot_sends_messages(struct fixture *f, gconstpointer data)
{
    struct device *port = rig_device(f->r, "pcie-root-port", "addr=4,id=p");
    unsigned msi = ((struct pci_device *)port)->msi_cap;

    (void)data;
    pci_rig_write(f->r, PORT, msi + 4, 0x8000, 4);
    pci_rig_write(f->r, PORT, msi + 12, 0x1234, 2);
    pci_rig_write(f->r, PORT, msi + 2, 1, 2);
    pci_rig_write(f->r, PORT, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    slot_put(f, SLOT_CONTROL, 0x1129 | 0x00c0);
    expect(plug(f, "virtio-rng-pci,id=a,bus=p"), NULL);
    g_assert_cmphex(rig_load(f->r, 0x8000, 4), ==, 0x1234);
    g_assert_false(f->r->lines[IRQ].level);
    rig_store(f->r, 0x8000, 0, 4);
    expect(unplug(f, "a"), NULL); /* the level was high: no new edge */
    g_assert_cmphex(rig_load(f->r, 0x8000, 4), ==, 0);
    slot_put(f, SLOT_STATUS, 0x0109);
    slot_put(f, SLOT_CONTROL, 0x17e9);
    g_assert_cmphex(rig_load(f->r, 0x8000, 4), ==, 0x1234);
    rig_check_state(f->r, port);
}

static void a_slot_may_be_fixed(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "pcie-root-port", "addr=4,id=p,hotplug=off");
    expect(plug(f, "virtio-rng-pci,id=a,bus=p"), "Bus 'p' does not support hotplugging");
    slot_put(f, SLOT_CONTROL, 0x17e9);
    g_assert_cmphex(slot_get(f, SLOT_CONTROL), ==, 0);
}

/* ACPI ------------------------------------------------------------------------------------------ */

#define REG(off) (ACPI_PCI_HOTPLUG_PORT + (off))

static void set_up_acpi(struct fixture *f)
{
    static const struct acpi_sleep_types types = { 1, 2, 3 };

    f->pm.sci = rig_irq_sink(f->r, 9);
    acpi_pm_init(&f->pm, f->r->m, &types);
    acpi_pci_hotplug_init(&f->acpi, &f->pm, &f->host->bus);
    acpi_pm_set_sci_enable(&f->pm, true);
    acpi_pm_gpe_write(&f->pm, 0, 2, true);
}

static void acpi_tells_and_ejects(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_device(f->r, "VGA", "addr=2,id=v");
    set_up_acpi(f);
    expect(plug(f, "virtio-rng-pci,id=a,addr=5"), NULL);
    g_assert_true(f->r->lines[9].level);
    acpi_pm_gpe_write(&f->pm, 0, 2, false);
    g_assert_false(f->r->lines[9].level);
    rig_outl(f->r, REG(PCI_HOTPLUG_BUS), 1);
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_UP)), ==, 0);
    rig_outl(f->r, REG(PCI_HOTPLUG_BUS), 0);
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_UP)), ==, 1 << 5);
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_UP)), ==, 0);
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_REMOVABLE)), ==, ~(1u << 2));

    expect(unplug(f, "v"), "Device 'VGA' does not support hotplugging");
    expect(unplug(f, "a"), NULL);
    g_assert_true(f->r->lines[9].level);
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_DOWN)), ==, 1 << 5);
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 6);
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 2);
    g_assert_nonnull(device_find(f->r->m, "a"));
    g_assert_nonnull(device_find(f->r->m, "v"));
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 5);
    g_assert_null(device_find(f->r->m, "a"));
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_DOWN)), ==, 0);
    acpi_pci_hotplug_destroy(&f->acpi);
    acpi_pm_destroy(&f->pm);
}

static void a_reset_ejects(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_up_acpi(f);
    expect(plug(f, "virtio-rng-pci,id=a,addr=5"), NULL);
    expect(plug(f, "virtio-rng-pci,id=b,addr=6"), NULL);
    expect(unplug(f, "a"), NULL);
    machine_reset(f->r->m);
    g_assert_null(device_find(f->r->m, "a"));
    g_assert_nonnull(device_find(f->r->m, "b"));
    g_assert_cmphex(rig_inl(f->r, REG(PCI_HOTPLUG_UP)), ==, 0); /* the system finds it itself */
    acpi_pci_hotplug_destroy(&f->acpi);
    acpi_pm_destroy(&f->pm);
}

/* What goes with a device: its buses, the devices on them, their drives. */
static void a_device_takes_its_own_with_it(struct fixture *f, gconstpointer data)
{
    (void)data;
    set_up_acpi(f);
    drive_rig_new(f->r, "d0", 64, false);
    drive_rig_new(f->r, "d1", 64, false);
    expect(plug(f, "pci-bridge,id=br,addr=5"), NULL);
    expect(plug(f, "virtio-rng-pci,id=a,bus=br"), "Bus 'br' does not support hotplugging");
    expect(plug(f, "virtio-scsi-pci,id=s,addr=6"), NULL);
    expect(plug(f, "scsi-hd,id=h,drive=d0"), NULL);
    expect(plug(f, "scsi-hd,id=h,drive=d1"), "Duplicate device ID 'h'");
    expect(plug(f, "scsi-hd,id=i,drive=d1"), NULL);
    expect(unplug(f, "i"), NULL);
    g_assert_null(device_find(f->r->m, "i"));
    g_assert_null(block_backend_find(f->r->m, "d1"));
    expect(unplug(f, "s"), NULL);
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 6);
    g_assert_null(device_find(f->r->m, "h"));
    g_assert_null(block_backend_find(f->r->m, "d0"));
    g_assert_null(bus_find(f->r->m, BUS_NONE, "s.0"));
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 5);
    g_assert_null(bus_find(f->r->m, BUS_NONE, "br"));
    acpi_pci_hotplug_destroy(&f->acpi);
    acpi_pm_destroy(&f->pm);
}

/* drive_del: the device stays, without a medium; the id is free. */
static void a_deleted_drive_leaves_its_device(struct fixture *f, gconstpointer data)
{
    struct block_backend *blk = drive_rig_new(f->r, "d0", 64, false);
    g_autoptr(GError) error = NULL;

    (void)data;
    set_up_acpi(f);
    expect(plug(f, "virtio-blk-pci,id=b,addr=5,drive=d0"), NULL);
    g_assert_true(block_backend_del(blk, &error));
    g_assert_null(block_backend_find(f->r->m, "d0"));
    g_assert_false(block_has_medium(blk));
    drive_rig_new(f->r, "d0", 64, false);
    expect(unplug(f, "b"), NULL);
    rig_outl(f->r, REG(PCI_HOTPLUG_EJECT), 1 << 5);
    g_assert_null(block_backend_find(f->r->m, "#d0"));
    g_assert_true(block_backend_del(block_backend_find(f->r->m, "d0"), &error));
    g_assert_null(block_backend_find(f->r->m, "d0"));
    acpi_pci_hotplug_destroy(&f->acpi);
    acpi_pm_destroy(&f->pm);
}

#define ADD(path, fn) g_test_add("/hotplug/" path, struct fixture, NULL, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("slot", a_slot_tells_and_lets_go);
    ADD("slot/functions", functions_come_together);
    ADD("slot/messages", a_slot_sends_messages);
    ADD("slot/fixed", a_slot_may_be_fixed);
    ADD("acpi", acpi_tells_and_ejects);
    ADD("acpi/reset", a_reset_ejects);
    ADD("children", a_device_takes_its_own_with_it);
    ADD("drive", a_deleted_drive_leaves_its_device);
    return g_test_run();
}
