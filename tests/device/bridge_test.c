/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/bridge_test.c: bridges: numbers, windows, interrupts; and MSI-X on a device. */
#include "hw/pci/bridge.h"
#include "hw/pci/msix.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

/* A device with 16 bytes that read 0x5a, and 70 vectors. */
struct probe {
    struct pci_device pci;
    struct mem_region mr;
    struct pci_msix msix;
};

static uint64_t probe_mem_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0x5a;
}

static void probe_mem_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    (void)off;
    (void)size;
    pci_set_intx(opaque, v & 1);
}

static const struct mem_ops probe_ops = {
    .read = probe_mem_read, .write = probe_mem_write, .min_size = 1, .max_size = 1
};

static bool probe_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x1234, .device = 0x5678, .class = 0x00ff, .int_pin = 1
    };
    struct probe *s = (struct probe *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    mem_region_init_mmio(&s->mr, dev->machine, "probe", &probe_ops, s, 0x1000);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->mr, 0x1000);
    return pci_msix_setup_bar(&s->pci, &s->msix, 70, 1);
}

static void probe_reset(struct device *dev)
{
    pci_device_reset((struct pci_device *)dev);
}

static void probe_unrealize(struct device *dev)
{
    struct probe *s = (struct probe *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->mr);
}

static bool probe_post_load(struct device *dev, GError **error)
{
    return pci_device_post_load((struct pci_device *)dev, error);
}

static const struct property probe_props[] = { PCI_PROPS(struct probe, pci), { 0 } };
static const struct state_row probe_state[] = { PCI_STATE(struct probe, pci),
                                                PCI_MSIX_STATE(struct probe, msix),
                                                { 0 } };
static const struct device_type probe_type = {
    .name = "probe",
    .summary = "a device of this test",
    .bus = BUS_PCI,
    .size = sizeof(struct probe),
    .props = probe_props,
    .state = probe_state,
    .realize = probe_realize,
    .reset = probe_reset,
    .unrealize = probe_unrealize,
    .post_load = probe_post_load,
};

#define PORT PCI_DEVFN(4, 0)
#define BAR  0xe0000000u
#define MSIX 0xe0010000u
#define RAM  0x8000u /* where messages go */

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct pci_host *host;
    struct pci_bridge *port;
    struct probe *probe;
};

static uint32_t read_at(struct fixture *f, unsigned bus, unsigned devfn, unsigned reg)
{
    rig_outl(f->r, 0xcf8, 0x80000000u | bus << 16 | devfn << 8 | (reg & 0xfc));
    return (uint32_t)rig_inl(f->r, 0xcfc);
}

static void write_at(struct fixture *f, unsigned bus, unsigned devfn, unsigned reg, uint32_t v)
{
    rig_outl(f->r, 0xcf8, 0x80000000u | bus << 16 | devfn << 8 | (reg & 0xfc));
    rig_outl(f->r, 0xcfc, v);
}

struct bridge {
    const char *name, *props;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    const struct bridge *type = data;
    g_autoptr(GError) error = NULL;

    f->r = rig_new();
    f->host = pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        f->host->bus.lines[i] = rig_irq_sink(f->r, 20 + i);
    }
    f->port = (struct pci_bridge *)rig_device(f->r, type->name, type->props);
    f->probe = (struct probe *)device_new(f->r->m, &probe_type);
    g_assert_true(device_realize(&f->probe->pci.dev, &f->port->bus.bus, &error));
    probe_reset(&f->probe->pci.dev);
}

/* Bus 5 behind the bridge, windows over both BARs. */
static void configure(struct fixture *f)
{
    write_at(f, 0, PORT, 0x18, 0x00070500);
    write_at(f, 0, PORT, 0x20, 0xe000e000); /* one MiB */
    write_at(f, 0, PORT, 0x04, 0x0007);
    write_at(f, 5, 0, 0x10, BAR);
    write_at(f, 5, 0, 0x14, MSIX);
    write_at(f, 5, 0, 0x04, 0x0006);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void numbers_select_the_bus(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(read_at(f, 0, PORT, 0x08) >> 16, ==, 0x0604);
    g_assert_cmphex(read_at(f, 0, PORT, 0x0c) >> 16 & 0x7f, ==, 1);
    g_assert_cmphex(read_at(f, 5, 0, 0), ==, 0xffffffff); /* nobody set numbers */
    configure(f);
    g_assert_cmphex(read_at(f, 5, 0, 0), ==, 0x56781234);
    g_assert_cmphex(read_at(f, 6, 0, 0), ==, 0xffffffff); /* in the range, but there is no bus 6 */
    g_assert_cmphex(read_at(f, 8, 0, 0), ==, 0xffffffff);
}

static void windows_open_and_close(struct fixture *f, gconstpointer data)
{
    (void)data;
    configure(f);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0x5a);
    write_at(f, 0, PORT, 0x20, 0xe010e010); /* the window moves, the BAR stays */
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0xff);
    write_at(f, 0, PORT, 0x20, 0xe010e000);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0x5a);
    write_at(f, 0, PORT, 0x20, 0xe000e010); /* base above limit */
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0xff);
    write_at(f, 0, PORT, 0x24, 0xe000e000); /* the prefetchable one does as well */
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0x5a);
    write_at(f, 0, PORT, 0x28, 1); /* base above 4 GiB, limit below */
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0xff);
    write_at(f, 0, PORT, 0x28, 0);
    write_at(f, 0, PORT, 0x04, 0x0005);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0xff);
}

/* Slot 0, INTA behind slot 4: the primary line of slot 4's INTA. */
static void interrupts_pass_through(struct fixture *f, gconstpointer data)
{
    (void)data;
    configure(f);
    rig_store(f->r, BAR, 1, 1);
    g_assert_true(f->r->lines[20].level);
    pci_set_intx(&f->port->pci, true); /* the bridge's own on the same pin */
    rig_store(f->r, BAR, 0, 1);
    g_assert_true(f->r->lines[20].level);
    pci_set_intx(&f->port->pci, false);
    g_assert_false(f->r->lines[20].level);
}

static void secondary_reset_resets_what_is_behind(struct fixture *f, gconstpointer data)
{
    (void)data;
    configure(f);
    write_at(f, 0, PORT, 0x3c, 0x00400000);
    g_assert_cmphex(read_at(f, 5, 0, 0x10), ==, 0);
    g_assert_cmphex(read_at(f, 5, 0, 0x04) & 0xffff, ==, 0);
}

static void root_port_has_one_slot(struct fixture *f, gconstpointer data)
{
    struct device *dev = device_new(f->r->m, &probe_type);
    g_autoptr(GError) error = NULL;
    unsigned cap = read_at(f, 0, PORT, 0x34) & 0xff;

    (void)data;
    g_assert_false(device_realize(dev, &f->port->bus.bus, &error));
    g_assert_nonnull(strstr(error->message, "the only slot"));
    device_free(dev);
    while (cap && (read_at(f, 0, PORT, cap) & 0xff) != PCI_CAP_ID_EXPRESS) {
        cap = read_at(f, 0, PORT, cap) >> 8 & 0xff;
    }
    g_assert_cmpuint(cap, !=, 0);
    g_assert_cmphex(read_at(f, 0, PORT, cap) >> 16, ==, 0x0142); /* version 2, root port, slot */
    g_assert_cmphex(read_at(f, 0, PORT, cap + 0x14) & 0x60, ==, 0x60); /* hot-plug, surprise */
    g_assert_cmphex(read_at(f, 0, PORT, cap + 0x18) >> 16 & 0x40, ==, 0x40); /* a card is there */
    g_assert_cmphex(read_at(f, 0, PORT, cap + 0x10) >> 16 & 0x2000, ==, 0x2000);
}

/* Extended space of the root port: error reporting; its reset values, masks and end. */
static void root_port_reports_errors(struct fixture *f, gconstpointer data)
{
    struct pci_device *d = &f->port->pci;

    (void)data;
    g_assert_cmphex(pci_config_read(d, 0x100, 4), ==, 0x00020001); /* version 2, the only one */
    g_assert_cmphex(pci_config_read(d, 0x10c, 4), ==, 0x00062030);
    g_assert_cmphex(pci_config_read(d, 0x114, 4), ==, 0x00002000);
    pci_config_write(d, 0x108, UINT32_MAX, 4);
    g_assert_cmphex(pci_config_read(d, 0x108, 4), ==, 0x003ff030);
    pci_config_store(d, 0x110, 0x41, 4); /* errors that the guest clears */
    pci_config_write(d, 0x110, 0x40, 4);
    g_assert_cmphex(pci_config_read(d, 0x110, 4), ==, 0x01);
    rig_check_state(f->r, &d->dev);
    d->dev.type->reset(&d->dev);
    g_assert_cmphex(pci_config_read(d, 0x108, 4), ==, 0);
    g_assert_cmphex(pci_config_read(d, 0x110, 4), ==, 0);
    g_assert_cmphex(pci_config_read(d, 0xffc, 4), ==, 0);
    g_assert_cmphex(pci_config_read(d, 0xffe, 4), ==, UINT32_MAX);
    /* A function of PCI has 256 bytes. */
    g_assert_cmphex(pci_config_read(&f->probe->pci, 0x100, 4), ==, UINT32_MAX);
}

static void extended_capabilities_are_linked(struct fixture *f, gconstpointer data)
{
    struct pci_device *d = &f->probe->pci;

    (void)data;
    g_assert_cmphex(pci_add_extended(d, 3, 1, 12), ==, 0x100);
    g_assert_cmphex(pci_add_extended(d, 0xb, 1, 10), ==, 0x10c);
    g_assert_cmphex(pci_add_extended(d, 1, 2, 0x48), ==, 0x118);
    g_assert_cmphex(pci_config_read(d, 0x100, 4), ==, 0x10c10003);
    g_assert_cmphex(pci_config_read(d, 0x10c, 4), ==, 0x1181000b);
    g_assert_cmphex(pci_config_read(d, 0x118, 4), ==, 0x00020001);
}

static void set_vector(struct fixture *f, unsigned n, uint64_t addr, uint32_t v, uint32_t control)
{
    rig_store(f->r, MSIX + n * 16, addr, 8);
    rig_store(f->r, MSIX + n * 16 + 8, v, 4);
    rig_store(f->r, MSIX + n * 16 + 12, control, 4);
}

static void enable_msix(struct fixture *f, uint32_t control)
{
    write_at(f, 5, 0, f->probe->msix.cap, control << 16);
}

static void msix_sends_and_remembers(struct fixture *f, gconstpointer data)
{
    struct pci_device *d = &f->probe->pci;

    (void)data;
    configure(f);
    set_vector(f, 0, RAM, 0x1111, 0);
    set_vector(f, 69, RAM + 8, 0x6969, 1);
    pci_msix_send(d, 0); /* not enabled */
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0);
    enable_msix(f, 0x8000);
    pci_msix_send(d, 0);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0x1111);
    pci_msix_send(d, 69); /* masked: waits in the pending bits */
    pci_msix_send(d, 70); /* no such vector */
    g_assert_cmphex(rig_load(f->r, RAM + 8, 4), ==, 0);
    g_assert_cmphex(rig_load(f->r, MSIX + 0x800 + 8, 8), ==, 1u << 5);
    rig_store(f->r, MSIX + 69 * 16 + 12, 0, 4);
    g_assert_cmphex(rig_load(f->r, RAM + 8, 4), ==, 0x6969);
    g_assert_cmphex(rig_load(f->r, MSIX + 0x800 + 8, 8), ==, 0);
    rig_store(f->r, RAM, 0, 4);
    enable_msix(f, 0xc000); /* the whole function is masked */
    pci_msix_send(d, 0);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0);
    enable_msix(f, 0x8000);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0x1111);
    rig_store(f->r, RAM, 0, 4);
    write_at(f, 0, PORT, 0x04, 0x0003); /* the bridge is no master */
    pci_msix_send(d, 0);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0);
}

/* A message to a device's register could answer with a message, for ever. */
static void messages_reach_no_registers(struct fixture *f, gconstpointer data)
{
    (void)data;
    configure(f);
    set_vector(f, 0, BAR, 1, 0);
    enable_msix(f, 0x8000);
    pci_msix_send(&f->probe->pci, 0);
    g_assert_false(f->r->lines[20].level);
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    configure(f);
    enable_msix(f, 0xc000);
    set_vector(f, 3, RAM, 3, 0);
    pci_msix_send(&f->probe->pci, 3);
    rig_check_state(f->r, &f->port->pci.dev);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 0x5a);
    rig_check_state(f->r, &f->probe->pci.dev);
    enable_msix(f, 0x8000);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 3);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(604);

    (void)data;
    for (unsigned i = 0; i < 4000; i++) {
        if (i % 64 == 0) {
            configure(f);
            enable_msix(f, 0x8000);
        }
        write_at(f, g_rand_int(rand) % 8, g_rand_boolean(rand) ? PORT : 0, g_rand_int(rand) & 0xfc,
                 (uint32_t)fuzz_value(rand));
        pci_msix_send(&f->probe->pci, g_rand_int(rand) % 80);
        rig_store(f->r, MSIX + g_rand_int(rand) % 0x1000, fuzz_value(rand),
                  1u << g_rand_int_range(rand, 0, 4));
    }
    configure(f);
    rig_check_state(f->r, &f->port->pci.dev);
    rig_check_state(f->r, &f->probe->pci.dev);
}

#define ADD(path, type, fn) g_test_add("/bridge/" path, struct fixture, type, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    static const struct bridge port[] = { { "pcie-root-port", "addr=4" } },
                               fixed[] = { { "pcie-root-port", "addr=4,hotplug=off" } },
                               pci[] = { { "pci-bridge", "addr=4" } },
                               express[] = { { "pcie-pci-bridge", "addr=4" } };

    g_test_init(&argc, &argv, NULL);
    ADD("numbers", port, numbers_select_the_bus);
    ADD("numbers-pci", pci, numbers_select_the_bus);
    ADD("numbers-express", express, numbers_select_the_bus);
    ADD("windows", port, windows_open_and_close);
    ADD("interrupts", pci, interrupts_pass_through);
    ADD("reset", port, secondary_reset_resets_what_is_behind);
    ADD("slot", port, root_port_has_one_slot);
    ADD("errors", port, root_port_reports_errors);
    ADD("extended", port, extended_capabilities_are_linked);
    ADD("msix", port, msix_sends_and_remembers);
    ADD("message-loop", port, messages_reach_no_registers);
    ADD("state", port, state_survives);
    ADD("fuzz", fixed, random_accesses); /* the card stays in the slot */
    ADD("fuzz-pci", pci, random_accesses);
    return g_test_run();
}
