/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/testdev_test.c: edu, pc-testdev and pci-testdev: what guests' tests use. */
#include "hw/misc/misc.h"
#include "tests/device/fuzz.h"
#include "tests/device/pci_rig.h"

#define DEVFN PCI_DEVFN(3, 0)
#define BAR   0xe0000000u
#define RAM   0x9000u

struct fixture {
    struct mem_region memory;
    struct rig *r;
    struct device *dev;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    struct pci_host *host;

    f->r = rig_new();
    host = pci_rig_host(f->r, &f->memory);
    for (unsigned i = 0; i < 4; i++) {
        host->bus.lines[i] = rig_irq_sink(f->r, 20);
    }
    if (data) {
        f->dev = rig_device(f->r, data, "addr=3");
        pci_rig_write(f->r, DEVFN, 0x10, BAR, 4);
        pci_rig_write(f->r, DEVFN, 0x14, 0xc000, 4);
        pci_rig_write(f->r, DEVFN, 0x04, 0x0007, 2);
    } else {
        f->dev = rig_device(f->r, "pc-testdev", NULL);
    }
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}

static uint32_t edu_read(struct fixture *f, unsigned reg)
{
    return (uint32_t)rig_load(f->r, BAR + reg, 4);
}

static void edu_write(struct fixture *f, unsigned reg, uint32_t v)
{
    rig_store(f->r, BAR + reg, v, 4);
}

static void edu_is_alive(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0, 4), ==, 0x11e81234);
    g_assert_cmphex(edu_read(f, 0x00), ==, 0x010000ed);
    edu_write(f, 0x04, 0x12345678);
    g_assert_cmphex(edu_read(f, 0x04), ==, 0xedcba987);
    g_assert_cmphex(rig_load(f->r, BAR + 0x20, 8), ==, UINT64_MAX); /* 4 bytes only */
}

static void edu_computes_a_factorial(struct fixture *f, gconstpointer data)
{
    (void)data;
    edu_write(f, 0x20, 0x80);
    edu_write(f, 0x08, 10);
    g_assert_cmphex(edu_read(f, 0x20), ==, 0x81);
    edu_write(f, 0x08, 3); /* ignored while it computes */
    rig_step(f->r, MS);
    g_assert_cmphex(edu_read(f, 0x20), ==, 0x80);
    g_assert_cmpuint(edu_read(f, 0x08), ==, 3628800);
    g_assert_cmphex(edu_read(f, 0x24), ==, 1);
    g_assert_true(f->r->lines[20].level);
    edu_write(f, 0x64, 1);
    g_assert_false(f->r->lines[20].level);
    edu_write(f, 0x08, 0xffffffff); /* 2^32 divides it; the host computes 34 steps */
    rig_step(f->r, MS);
    g_assert_cmpuint(edu_read(f, 0x08), ==, 0);
}

static void edu_raises_either_interrupt(struct fixture *f, gconstpointer data)
{
    unsigned cap = pci_rig_read(f->r, DEVFN, 0x34, 1);

    (void)data;
    edu_write(f, 0x60, 0x12);
    edu_write(f, 0x60, 0x01);
    g_assert_cmphex(edu_read(f, 0x24), ==, 0x13);
    g_assert_true(f->r->lines[20].level);
    edu_write(f, 0x64, 0x12);
    g_assert_true(f->r->lines[20].level);
    edu_write(f, 0x64, 0x01);
    g_assert_false(f->r->lines[20].level);
    pci_rig_write(f->r, DEVFN, cap + 4, RAM, 4);
    pci_rig_write(f->r, DEVFN, cap + 12, 0x4041, 2);
    pci_rig_write(f->r, DEVFN, cap + 2, 1, 2);
    edu_write(f, 0x60, 1);
    g_assert_cmphex(rig_load(f->r, RAM, 4), ==, 0x4041);
    g_assert_false(f->r->lines[20].level);
    edu_write(f, 0x64, 1);
    /* A message to the register that raises it would never end. */
    pci_rig_write(f->r, DEVFN, cap + 4, BAR + 0x60, 4);
    edu_write(f, 0x60, 2);
    g_assert_cmphex(edu_read(f, 0x24), ==, 2);
}

static void dma(struct fixture *f, uint64_t from, uint64_t to, uint64_t n, uint32_t command)
{
    rig_store(f->r, BAR + 0x80, from, 8);
    rig_store(f->r, BAR + 0x88, to, 8);
    rig_store(f->r, BAR + 0x90, n, 8);
    edu_write(f, 0x98, command);
    g_assert_cmphex(edu_read(f, 0x98) & 1, ==, 1);
    rig_step(f->r, MS);
    g_assert_cmphex(edu_read(f, 0x98) & 1, ==, 0);
}

static void edu_moves_bytes(struct fixture *f, gconstpointer data)
{
    uint8_t bytes[4096], back[4096];

    (void)data;
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * 7);
    }
    rig_write(f->r, RAM, bytes, sizeof(bytes));
    dma(f, RAM, 0x40000, sizeof(bytes), 1);
    dma(f, 0x40000, RAM + 0x10000, sizeof(bytes), 1 | 2 | 4);
    rig_read(f->r, RAM + 0x10000, back, sizeof(back));
    g_assert_cmpmem(bytes, sizeof(bytes), back, sizeof(back));
    g_assert_cmphex(edu_read(f, 0x24), ==, 0x100);
    /* 28 address bits: what is above is cut off. */
    rig_store(f->r, RAM + 0x20000, 0, 4);
    dma(f, 0x40010, 0xf0000000ull + RAM + 0x20000, 4, 1 | 2);
    g_assert_cmphex(rig_load(f->r, RAM + 0x20000, 4), ==, 0x857e7770);
}

static void edu_keeps_to_its_buffer(struct fixture *f, gconstpointer data)
{
    static const uint64_t bad[][2] = {
        { 0x3ffff, 4 }, { 0x40001, 4096 },       { 0x41001, 1 },
        { 0, 16 },      { 0x40000, UINT64_MAX }, { UINT64_MAX, 2 },
    };

    (void)data;
    rig_store(f->r, RAM, 0x11, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        dma(f, RAM, bad[i][0], bad[i][1], 1);
        dma(f, bad[i][0], RAM, bad[i][1], 3);
        g_assert_cmphex(rig_load(f->r, RAM, 1), ==, 0x11);
    }
    pci_rig_write(f->r, DEVFN, 0x04, 0x0002, 2); /* no master */
    dma(f, 0x40000, RAM, 1, 3);
    g_assert_cmphex(rig_load(f->r, RAM, 1), ==, 0x11);
}

static void ports_loop_back(struct fixture *f, gconstpointer data)
{
    struct rig *r = f->r;

    (void)data;
    rig_outl(r, 0xe0, 0x12345678);
    g_assert_cmphex(rig_inl(r, 0xe0), ==, 0x12345678);
    rig_outw(r, 0xe2, 0xabcd);
    g_assert_cmphex(rig_inl(r, 0xe0), ==, 0xabcd5678);
    g_assert_cmphex(rig_inb(r, 0xe3), ==, 0xab);
    rig_outl(r, 0xe8, 0x89abcdef);
    g_assert_cmphex(rig_inw(r, 0xea), ==, 0x89ab);
    rig_outl(r, 0xe4, 0x1000);
    rig_store(r, 0xff000123, 0xf00dfeed11223344, 8);
    g_assert_cmphex(rig_load(r, 0xff000123, 8), ==, 0xf00dfeed11223344);
    g_assert_cmphex(rig_load(r, 0xff000000 + 0xfffc, 4), ==, 0);
}

/* The state row of a device by its name. */
static const void *state_of(const struct device *dev, const char *name)
{
    const struct state_row *row = dev->type->state;

    while (row->name && strcmp(row->name, name) != 0) {
        row++;
    }
    g_assert_nonnull(row->name);
    return (const char *)dev + row->offset;
}

static void memory_records_the_size_of_accesses(struct fixture *f, gconstpointer data)
{
    const uint8_t *size = state_of(f->dev, "access_size");

    (void)data;
    g_assert_cmpuint(*size, ==, 0);
    for (unsigned n = 1; n <= 8; n *= 2) {
        rig_store(f->r, 0xff000008, 0, n);
        g_assert_cmpuint(*size, ==, n);
    }
    for (unsigned n = 1; n <= 8; n *= 2) {
        rig_load(f->r, 0xff00fff8, n);
        g_assert_cmpuint(*size, ==, n);
    }
    f->dev->type->reset(f->dev);
    g_assert_cmpuint(*size, ==, 0);
}

static void panic_through_pci(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0, 4), ==, 0x00111b36);
    pci_rig_write(f->r, DEVFN, 0x10, 0xffffffff, 4);
    g_assert_cmphex(pci_rig_read(f->r, DEVFN, 0x10, 4), ==, 0xfffffff0);
    pci_rig_write(f->r, DEVFN, 0x10, BAR, 4);
    g_assert_cmphex(rig_load(f->r, BAR, 1), ==, 3);
    rig_store(f->r, BAR, 2, 1); /* the guest handles it */
    rig_store(f->r, BAR + 1, 1, 1);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_NONE);
    rig_store(f->r, BAR, 1, 1);
    g_assert_cmpint(f->r->m->shutdown_requested, ==, SHUTDOWN_GUEST_PANIC);
    rig_check_state(f->r, f->dev);
}

static void ports_drive_lines(struct fixture *f, gconstpointer data)
{
    struct irq gsis[ISA_GSIS] = { 0 };

    (void)data;
    gsis[17] = rig_irq_sink(f->r, 17);
    f->r->isa.gsis = gsis;
    rig_outb(f->r, 0x2005, 1);
    rig_outl(f->r, 0x2011, 1);
    rig_outb(f->r, 0x2017, 1); /* not wired */
    g_assert_true(f->r->lines[5].level);
    g_assert_true(f->r->lines[17].level);
    g_assert_false(f->r->lines[6].level);
    rig_outb(f->r, 0x2005, 0);
    g_assert_false(f->r->lines[5].level);
    f->dev->type->reset(f->dev);
    g_assert_false(f->r->lines[17].level);
    f->r->isa.gsis = NULL;
}

/* Both spaces list their tests, and count the writes that fit. */
static void pci_testdev_counts_writes(struct fixture *f, gconstpointer data)
{
    struct address_space *spaces[] = { &f->r->m->memory, &f->r->m->io };
    const uint64_t bases[] = { BAR, 0xc000 };

    (void)data;
    for (unsigned i = 0; i < 2; i++) {
        unsigned test = 0;

        for (;; test++) {
            uint32_t width, offset, value;

            address_space_store(spaces[i], bases[i], test, 1);
            width = (uint32_t)address_space_load(spaces[i], bases[i] + 1, 1);
            if (width == 0) {
                break;
            }
            offset = (uint32_t)address_space_load(spaces[i], bases[i] + 4, 4);
            value = (uint32_t)address_space_load(spaces[i], bases[i] + 8, 4);
            g_assert_cmpuint(address_space_load(spaces[i], bases[i] + 12, 4), ==, 0);
            for (unsigned n = 0; n < 16; n++) {
                address_space_store(spaces[i], bases[i] + offset, value, width);
            }
            g_assert_cmpuint(address_space_load(spaces[i], bases[i] + 12, 4), ==, 16);
            g_assert_cmphex(address_space_load(spaces[i], bases[i] + 16, 1), !=, 0);
        }
        g_assert_cmpuint(test, ==, 3);
    }
}

static void membar_can_be_large(void)
{
    g_autoptr(rig) r = rig_new();
    struct mem_region memory = { 0 };
    g_autofree char *message = NULL;

    pci_rig_host(r, &memory);
    rig_device(r, "pci-testdev", "addr=3,membar=1T");
    g_assert_cmphex(pci_rig_read(r, DEVFN, 0x18, 4), ==, 0xc);
    pci_rig_write(r, DEVFN, 0x1c, 0xffffffff, 4);
    g_assert_cmphex(pci_rig_read(r, DEVFN, 0x1c, 4), ==, 0xffffff00);
    message = rig_device_error(r, &pci_testdev_type, "membar=3M");
    g_assert_nonnull(strstr(message, "power of two"));
}

static void state_survives(struct fixture *f, gconstpointer data)
{
    if (data && strcmp(data, "edu") == 0) {
        edu_write(f, 0x20, 0x80);
        edu_write(f, 0x08, 5);
        rig_check_state(f->r, f->dev);
        rig_step(f->r, MS); /* the computation goes on */
        g_assert_cmpuint(edu_read(f, 0x08), ==, 120);
        g_assert_true(f->r->lines[20].level);
    } else if (!data) {
        rig_outl(f->r, 0xe0, 0x12345678);
    } else {
        rig_store(f->r, BAR, 1, 1);
    }
    rig_check_state(f->r, f->dev);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    if (data) {
        fuzz_memory(f->r, BAR, 0x100);
        fuzz_memory(f->r, BAR + 0x800, 0x1000);
        fuzz_ports(f->r, 0xc000, 0x100);
    } else {
        fuzz_ports(f->r, 0xe0, 12);
        fuzz_ports(f->r, 0x1ff8, 40);
        fuzz_memory(f->r, 0xff000000, 0x10000);
    }
    rig_check_state(f->r, f->dev);
}

#define ADD(path, type, fn)                                                                        \
    g_test_add("/testdev/" path, struct fixture, type, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    static const char edu[] = "edu", pci[] = "pci-testdev", panic[] = "pvpanic-pci";

    g_test_init(&argc, &argv, NULL);
    ADD("edu/alive", edu, edu_is_alive);
    ADD("edu/factorial", edu, edu_computes_a_factorial);
    ADD("edu/interrupts", edu, edu_raises_either_interrupt);
    ADD("edu/dma", edu, edu_moves_bytes);
    ADD("edu/bounds", edu, edu_keeps_to_its_buffer);
    ADD("edu/state", edu, state_survives);
    ADD("edu/fuzz", edu, random_accesses);
    ADD("pc/loopback", NULL, ports_loop_back);
    ADD("pc/lines", NULL, ports_drive_lines);
    ADD("pc/access-size", NULL, memory_records_the_size_of_accesses);
    ADD("pvpanic-pci", panic, panic_through_pci);
    ADD("pc/state", NULL, state_survives);
    ADD("pc/fuzz", NULL, random_accesses);
    ADD("pci/count", pci, pci_testdev_counts_writes);
    g_test_add_func("/testdev/pci/membar", membar_can_be_large);
    ADD("pci/state", pci, state_survives);
    ADD("pci/fuzz", pci, random_accesses);
    return g_test_run();
}
