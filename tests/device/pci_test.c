/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pci_test.c: configuration space, BARs, INTx and MSI of a made-up function. */
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(3, 0)

struct sample {
    struct pci_device pci;
    struct mem_region io, mem, mem64, rom;
};

static uint64_t sample_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)size;
    return 0x50 + off;
}

static void sample_write(void *opaque, uint64_t off, uint64_t v, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)v;
    (void)size;
}

static const struct mem_ops sample_ops = { .read = sample_read, .write = sample_write };

static bool sample_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x1234, .device = 0x5678, .class = 0x0200, .int_pin = 1
    };
    struct sample *s = (struct sample *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    mem_region_init_mmio(&s->io, dev->machine, "io", &sample_ops, s, 32);
    mem_region_init_mmio(&s->mem, dev->machine, "mem", &sample_ops, s, 4096);
    mem_region_init_mmio(&s->mem64, dev->machine, "mem64", &sample_ops, s, 65536);
    mem_region_init_mmio(&s->rom, dev->machine, "rom", &sample_ops, s, 2048);
    pci_add_bar(&s->pci, 0, PCI_BAR_IO, &s->io, 32);
    pci_add_bar(&s->pci, 1, PCI_BAR_MEM32, &s->mem, 4096);
    pci_add_bar(&s->pci, 2, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->mem64, 65536);
    pci_add_bar(&s->pci, 6, PCI_BAR_MEM32, &s->rom, 2048);
    return pci_msi_setup(&s->pci, 4);
}

static void sample_reset(struct device *dev)
{
    pci_device_reset((struct pci_device *)dev);
}

static void sample_unrealize(struct device *dev)
{
    struct sample *s = (struct sample *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->io);
    mem_region_destroy(&s->mem);
    mem_region_destroy(&s->mem64);
    mem_region_destroy(&s->rom);
}

static bool sample_post_load(struct device *dev, GError **error)
{
    return pci_device_post_load((struct pci_device *)dev, error);
}

static const struct property sample_props[] = { PCI_PROPS(struct sample, pci), { 0 } };
static const struct state_row sample_state[] = { PCI_STATE(struct sample, pci), { 0 } };
static const struct device_type sample_type = {
    .name = "sample",
    .bus = BUS_PCI,
    .size = sizeof(struct sample),
    .props = sample_props,
    .state = sample_state,
    .realize = sample_realize,
    .reset = sample_reset,
    .unrealize = sample_unrealize,
    .post_load = sample_post_load,
};

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct pci_host *host;
    struct pci_device *d;
};

static void fixture_set_up(struct fixture *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    f->host = pci_rig_host(f->r, &f->memory);
    f->d = (struct pci_device *)rig_device_new(f->r, &sample_type, "addr=3");
    rig_device_realize(f->r, &f->d->dev);
    for (unsigned i = 0; i < 4; i++) {
        f->host->bus.lines[i] = rig_irq_sink(f->r, 16 + i);
    }
}

static void fixture_tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static void empty_slots_read_ones(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, PCI_DEVFN(4, 0), 0, 4), ==, 0xffffffff);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0, 4), ==, 0x56781234);
    rig_outl(f->r, 0xcf8, DEVFN << 8); /* not enabled */
    g_assert_cmphex(rig_inl(f->r, 0xcfc), ==, 0xffffffff);
    rig_outl(f->r, 0xcf8, 0x80010000u | DEVFN << 8); /* another bus */
    g_assert_cmphex(rig_inl(f->r, 0xcfc), ==, 0xffffffff);
    g_assert_cmphex(rig_inl(f->r, 0xcf8), ==, 0x80010000u | DEVFN << 8);
}

static void narrow_accesses_reach_their_bytes(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_DEVICE_ID, 2), ==, 0x5678);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_CLASS + 1, 1), ==, 0x02);
    pci_rig_write(f->r, DEVFN, PCI_INT_LINE, 0x0b, 1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_INT_LINE, 4), ==, 0x0000010b);
}

static void identity_is_read_only(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned reg = 0; reg < 256; reg += 4) {
        pci_rig_write(f->r, DEVFN, reg, 0xffffffff, 4);
    }
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_VENDOR_ID, 4), ==, 0x56781234);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_COMMAND, 2), ==, 0x0547);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_CLASS, 2), ==, 0x0200);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_INT_PIN, 1), ==, 1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_SUBSYS_VENDOR, 4), ==, 0x11001af4);
}

static void bars_tell_their_size(struct fixture *f, gconstpointer data)
{
    (void)data;
    for (unsigned i = 0; i < 6; i++) {
        pci_rig_write(f->r, DEVFN, PCI_BAR0 + i * 4, 0xffffffff, 4);
    }
    pci_rig_write(f->r, DEVFN, PCI_ROM_BAR, 0xfffffffe, 4);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x10, 4), ==, 0xffffffe1);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x14, 4), ==, 0xfffff000);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x18, 4), ==, 0xffff000c);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x1c, 4), ==, 0xffffffff);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x20, 4), ==, 0);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_ROM_BAR, 4), ==, 0xfffff800);
}

static void bars_answer_where_and_while_enabled(struct fixture *f, gconstpointer data)
{
    (void)data;
    pci_rig_write(f->r, DEVFN, 0x10, 0xc000, 4);
    pci_rig_write(f->r, DEVFN, 0x14, 0xfe000000, 4);
    pci_rig_write(f->r, DEVFN, 0x18, 0x00000000, 4);
    pci_rig_write(f->r, DEVFN, 0x1c, 0x00000008, 4); /* 32 GiB */
    g_assert_cmphex(rig_inb(f->r, 0xc004), ==, 0xff);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_IO, 2);
    g_assert_cmphex(rig_inb(f->r, 0xc004), ==, 0x54);
    g_assert_cmphex(rig_load(f->r, 0xfe000003, 1), ==, 0xff);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    g_assert_cmphex(rig_inb(f->r, 0xc004), ==, 0xff);
    g_assert_cmphex(rig_load(f->r, 0xfe000003, 1), ==, 0x53);
    g_assert_cmphex(rig_load(f->r, 0x800000001ull, 1), ==, 0x51);
    pci_rig_write(f->r, DEVFN, 0x14, 0xfd000000, 4); /* moved while enabled */
    g_assert_cmphex(rig_load(f->r, 0xfe000003, 1), ==, 0xff);
    g_assert_cmphex(rig_load(f->r, 0xfd000003, 1), ==, 0x53);
    pci_rig_write(f->r, DEVFN, PCI_ROM_BAR, 0xfc000001, 4);
    g_assert_cmphex(rig_load(f->r, 0xfc000000, 1), ==, 0x50);
    f->d->dev.type->reset(&f->d->dev);
    g_assert_cmphex(rig_load(f->r, 0xfd000003, 1), ==, 0xff);
}

/* Some guests size BARs with decoding on: ones must not hide what is below 4 GiB. */
static void a_bar_being_sized_is_nowhere(struct fixture *f, gconstpointer data)
{
    (void)data;
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    pci_rig_write(f->r, DEVFN, 0x14, 0xffffffff, 4);
    g_assert_true(f->d->bars[1].mapped == PCI_UNMAPPED);
    pci_rig_write(f->r, DEVFN, 0x10, 0xffffffff, 4);
    g_assert_true(f->d->bars[0].mapped == PCI_UNMAPPED);
    pci_rig_write(f->r, DEVFN, 0x10, 0x12340000, 4); /* beyond the ports */
    g_assert_true(f->d->bars[0].mapped == PCI_UNMAPPED);
    pci_rig_write(f->r, DEVFN, 0x10, 0, 4);
    g_assert_true(f->d->bars[0].mapped == PCI_UNMAPPED);
}

static void intx_is_shared_and_can_be_disabled(struct fixture *f, gconstpointer data)
{
    struct pci_device *other = (struct pci_device *)rig_device_new(
        f->r, &sample_type, "addr=7"); /* same line: slot 3 + 4 */
    struct rig_line *line = &f->r->lines[16 + 3];

    (void)data;
    rig_device_realize(f->r, &other->dev);
    pci_set_intx(f->d, true);
    pci_set_intx(other, true);
    g_assert_true(line->level);
    pci_set_intx(f->d, false);
    g_assert_true(line->level);
    g_assert_cmphex(pci_rig_read(f->r, PCI_DEVFN(7, 0), PCI_STATUS, 2) & PCI_STATUS_INTX, !=, 0);
    pci_rig_write(f->r, PCI_DEVFN(7, 0), PCI_COMMAND, PCI_COMMAND_NO_INTX, 2);
    g_assert_false(line->level);
    g_assert_cmphex(pci_rig_read(f->r, PCI_DEVFN(7, 0), PCI_STATUS, 2) & PCI_STATUS_INTX, !=, 0);
    pci_rig_write(f->r, PCI_DEVFN(7, 0), PCI_COMMAND, 0, 2);
    g_assert_true(line->level);
    other->dev.type->reset(&other->dev);
    g_assert_false(line->level);
}

static void msi_writes_its_message(struct fixture *f, gconstpointer data)
{
    unsigned cap = pci_rig_read(f->r, DEVFN, PCI_CAP_PTR, 1);

    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, PCI_STATUS, 2) & PCI_STATUS_CAPS, !=, 0);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, cap, 4), ==, 0x00840005);
    pci_rig_write(f->r, DEVFN, cap + 4, 0x1003, 4); /* bits 1-0 are not there */
    pci_rig_write(f->r, DEVFN, cap + 12, 0x4043, 2);
    g_assert_false(pci_msi_enabled(f->d));
    pci_msi_send(f->d, 0);
    pci_rig_write(f->r, DEVFN, cap + 2, 0x0011, 2); /* enabled, two vectors */
    pci_msi_send(f->d, 0);
    g_assert_cmphex(rig_load(f->r, 0x1000, 4), ==, 0); /* not a bus master */
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
    pci_msi_send(f->d, 0);
    g_assert_cmphex(rig_load(f->r, 0x1000, 4), ==, 0x4042);
    pci_msi_send(f->d, 1);
    g_assert_cmphex(rig_load(f->r, 0x1000, 4), ==, 0x4043);
    pci_msi_send(f->d, 2);
    g_assert_cmphex(rig_load(f->r, 0x1000, 4), ==, 0x4042);
}

static void slots_are_given_once(struct fixture *f, gconstpointer data)
{
    g_autofree char *taken = rig_device_error(f->r, &sample_type, "addr=3");
    g_autofree char *shared = rig_device_error(f->r, &sample_type, "addr=3.1");
    struct pci_device *any = (struct pci_device *)rig_device_new(f->r, &sample_type, NULL);

    (void)data;
    g_assert_cmpstr(taken, ==, "sample: slot 3 function 0 of pci.0 is taken by sample");
    g_assert_nonnull(strstr(shared, "multifunction=on"));
    rig_device_realize(f->r, &any->dev);
    g_assert_cmpuint(any->devfn, ==, 0);
}

static void info_pci_shows_bars(struct fixture *f, gconstpointer data)
{
    g_autoptr(GString) out = g_string_new(NULL);

    (void)data;
    pci_rig_write(f->r, DEVFN, 0x10, 0xc000, 4);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_IO, 2);
    pci_print(f->r->m, out);
    g_assert_nonnull(strstr(out->str, "  Bus  0, device   3, function 0:\n"
                                      "    Ethernet controller: PCI device 1234:5678\n"
                                      "      PCI subsystem 1af4:1100\n"
                                      "      IRQ 0, pin A\n"
                                      "      BAR0: I/O at 0xc000 [0xc01f].\n"));
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    (void)data;
    pci_rig_write(f->r, DEVFN, 0x14, 0xfe000000, 4);
    pci_rig_write(f->r, DEVFN, PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
    pci_set_intx(f->d, true);
    rig_check_state(f->r, &f->d->dev);
    g_assert_cmphex(rig_load(f->r, 0xfe000003, 1), ==, 0x53);
    g_assert_true(f->r->lines[16 + 3].level);
    rig_outl(f->r, 0xcf8, 0x80001234);
    rig_check_state(f->r, &f->host->dev);
    g_assert_cmphex(rig_inl(f->r, 0xcf8), ==, 0x80001234);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz_ports(f->r, 0xcf8, 8);
    for (unsigned i = 0; i < 256; i++) {
        pci_rig_write(f->r, DEVFN, i, i * 0x9e3779b9u, 1u << (i % 3));
    }
    rig_outl(f->r, 0xcf8, 0x80000000u | DEVFN << 8 | 0x10);
    fuzz_ports(f->r, 0xcfc, 4);
    rig_check_state(f->r, &f->d->dev);
}

#define ADD(path, fn)                                                                              \
    g_test_add("/pci/" path, struct fixture, NULL, fixture_set_up, fn, fixture_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("empty", empty_slots_read_ones);
    ADD("narrow", narrow_accesses_reach_their_bytes);
    ADD("masks", identity_is_read_only);
    ADD("sizing", bars_tell_their_size);
    ADD("mapping", bars_answer_where_and_while_enabled);
    ADD("sizing-enabled", a_bar_being_sized_is_nowhere);
    ADD("intx", intx_is_shared_and_can_be_disabled);
    ADD("msi", msi_writes_its_message);
    ADD("slots", slots_are_given_once);
    ADD("info", info_pci_shows_bars);
    ADD("state", state_survives);
    ADD("fuzz", random_accesses);
    return g_test_run();
}
