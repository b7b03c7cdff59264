/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/pci_testdev.c: a PCI device for unit tests in guests: BAR 0 (memory) and BAR 1 (ports)
 * each begin with a header that describes one test at a time: what to write where, and how often
 * that was done.  BAR 2 is as large as `membar` says, and empty.
 *
 * Source: QEMU's documentation, "PCI test device" (specs/pci-testdev):
 *   0 test (write: selects one), 1 width (0: there is no such test), 4 offset, 8 data, 12 count,
 *   16 name.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/misc/misc.h"
#include "hw/pci/pci.h"
#include "util/error.h"

#define MEMORY_SIZE 4096u
#define PORTS_SIZE  256u
#define HEADER_SIZE 16u
#define NAME_SIZE   48u
#define NO_TEST     0xff
#define DATA        0xfau

/* A write of `width` bytes counts; with `match` only one of DATA. */
static const struct test_row {
    const char *name;
    uint8_t width;
    bool match;
} tests[] = {
    { "no-eventfd", 1, false },
    { "wildcard-eventfd", 1, false },
    { "datamatch-eventfd", 1, true },
};

struct test_space {
    struct mem_region mr;
    uint32_t size;
    uint8_t test; /* NO_TEST or an index that may be out of range */
    uint32_t count;
};

struct pci_testdev {
    struct pci_device pci;
    struct test_space memory, ports;
    struct mem_region large;
    uint64_t membar;
};

static const struct test_row *current(const struct test_space *t)
{
    return t->test < G_N_ELEMENTS(tests) ? &tests[t->test] : NULL;
}

static uint32_t target_offset(const struct test_space *t)
{
    return t->size / 2;
}

static void put32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t space_read(void *opaque, uint64_t off, unsigned size)
{
    struct test_space *t = opaque;
    const struct test_row *test = current(t);
    uint8_t header[HEADER_SIZE + NAME_SIZE + 8] = { t->test };
    uint64_t v = 0;

    if (off >= HEADER_SIZE + NAME_SIZE) {
        return 0;
    }
    if (test) {
        header[1] = test->width;
        put32(header + 4, target_offset(t));
        put32(header + 8, DATA);
        put32(header + 12, t->count);
        g_strlcpy((char *)header + HEADER_SIZE, test->name, NAME_SIZE);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)header[off + i] << (8 * i);
    }
    return v;
}

static void space_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct test_space *t = opaque;
    const struct test_row *test = current(t);

    if (off == 0) {
        t->test = (uint8_t)value;
        t->count = 0;
    } else if (test && off == target_offset(t) && size == test->width &&
               (!test->match || value == DATA)) {
        t->count++;
    }
}

static const struct mem_ops space_ops = {
    .read = space_read, .write = space_write, .min_size = 1, .max_size = 4
};
/* Nothing is there. */
static uint64_t large_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0;
}

static void large_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)value;
    (void)size;
}

static const struct mem_ops large_ops = {
    .read = large_read, .write = large_write, .min_size = 1, .max_size = 8
};

static bool pci_testdev_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x1b36, .device = 0x0005, .class = 0x00ff };
    struct pci_testdev *s = (struct pci_testdev *)dev;
    struct machine *m = dev->machine;

    if (s->membar && (s->membar < 16 || (s->membar & (s->membar - 1)) || s->membar >> 62)) {
        set_error(error, "pci-testdev: membar is %" G_GUINT64_FORMAT ", must be a power of two",
                  s->membar);
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->memory.size = MEMORY_SIZE;
    s->ports.size = PORTS_SIZE;
    mem_region_init_mmio(&s->memory.mr, m, "pci-testdev-mmio", &space_ops, &s->memory, MEMORY_SIZE);
    mem_region_init_mmio(&s->ports.mr, m, "pci-testdev-portio", &space_ops, &s->ports, PORTS_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->memory.mr, MEMORY_SIZE);
    pci_add_bar(&s->pci, 1, PCI_BAR_IO, &s->ports.mr, PORTS_SIZE);
    if (s->membar) {
        mem_region_init_mmio(&s->large, m, "pci-testdev-membar", &large_ops, s, s->membar);
        pci_add_bar(&s->pci, 2, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->large, s->membar);
    }
    return true;
}

static void pci_testdev_reset(struct device *dev)
{
    struct pci_testdev *s = (struct pci_testdev *)dev;

    s->memory.test = s->ports.test = NO_TEST;
    s->memory.count = s->ports.count = 0;
    pci_device_reset(&s->pci);
}

static void pci_testdev_unrealize(struct device *dev)
{
    struct pci_testdev *s = (struct pci_testdev *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->memory.mr);
    mem_region_destroy(&s->ports.mr);
    if (s->membar) {
        mem_region_destroy(&s->large);
    }
}

static bool pci_testdev_post_load(struct device *dev, GError **error)
{
    return pci_device_post_load((struct pci_device *)dev, error);
}

static const struct property pci_testdev_props[] = {
    PCI_PROPS(struct pci_testdev, pci),
    PROP_SIZE(struct pci_testdev, "membar", membar, 0, "bytes of an empty 64-bit BAR 2; 0: none"),
    { 0 },
};
static const struct state_row test_space_state[] = {
    STATE_INT(struct test_space, test, 1, "selected test"),
    STATE_INT(struct test_space, count, 1, "writes that it counted"),
    { 0 },
};
static const struct state_row pci_testdev_state[] = {
    PCI_STATE(struct pci_testdev, pci),
    STATE_SUB(struct pci_testdev, memory, 1, test_space_state, 1, "BAR 0"),
    STATE_SUB(struct pci_testdev, ports, 1, test_space_state, 1, "BAR 1"),
    { 0 },
};

const struct device_type pci_testdev_type = {
    .name = "pci-testdev",
    .summary = "PCI device for unit tests in guests",
    .bus = BUS_PCI,
    .size = sizeof(struct pci_testdev),
    .props = pci_testdev_props,
    .state = pci_testdev_state,
    .realize = pci_testdev_realize,
    .reset = pci_testdev_reset,
    .unrealize = pci_testdev_unrealize,
    .post_load = pci_testdev_post_load,
};
