/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/virtio_test.c: what all virtio devices share, shown with the one for entropy: identity,
 * features, rings of both layouts, interrupts, the legacy and the memory-mapped interface, drivers that
 * break the rules.
 */
#include "hw/virtio/virtio_mmio.h"
#include "tests/device/fuzz.h"
#include "tests/device/virtio_rig.h"

#define BUF     0x200000u
#define F_EVENT (1ull << VIRTIO_F_EVENT_IDX)
#define F_INDIR (1ull << VIRTIO_F_INDIRECT_DESC)

static void set_up(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_set_up(f, "virtio-rng-pci", "packed=on");
}

static void tear_down(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_tear_down(f);
}

/* Identity ------------------------------------------------------------------------------------- */

static void check_identity(const char *name, const char *props, unsigned device, unsigned revision,
                           bool legacy, bool modern)
{
    struct virtio_rig f;

    virtio_rig_set_up(&f, name, props);
    g_assert_cmphex(pci_rig_read(f.r, 0, 0, 4), ==, 0x1af4u | device << 16);
    g_assert_cmphex(pci_rig_read(f.r, 0, PCI_REVISION, 1), ==, revision);
    g_assert_cmphex(pci_rig_read(f.r, 0, PCI_SUBSYS_VENDOR, 4), ==,
                    0x1af4u | (legacy ? 4u : 0x1100u) << 16);
    g_assert_cmphex(pci_rig_read(f.r, 0, PCI_BAR0, 4), ==, legacy ? VIRTIO_RIG_IO | 1 : 0);
    g_assert_cmphex(pci_rig_read(f.r, 0, PCI_BAR0 + 16, 4), ==, modern ? VIRTIO_RIG_BAR | 0xc : 0);
    virtio_rig_tear_down(&f);
}

static void types_choose_their_interfaces(void)
{
    check_identity("virtio-rng-pci", NULL, 0x1005, 0, true, true);
    check_identity("virtio-rng-pci", "disable-legacy=on", 0x1044, 1, false, true);
    check_identity("virtio-rng-pci", "disable-modern=on", 0x1005, 0, true, false);
    check_identity("virtio-rng-pci-transitional", NULL, 0x1005, 0, true, true);
    check_identity("virtio-rng-pci-non-transitional", NULL, 0x1044, 1, false, true);
}

static void mistakes_are_named(void)
{
    g_autoptr(rig) r = rig_new();
    struct mem_region memory;
    g_autofree char *none = NULL, *word = NULL, *many = NULL;
    const struct device_type *type = device_type_find("virtio-rng-pci");

    pci_rig_host(r, &memory);
    none = rig_device_error(r, type, "disable-legacy=on,disable-modern=on");
    g_assert_nonnull(strstr(none, "disable-modern=on needs disable-legacy=off"));
    word = rig_device_error(r, type, "disable-legacy=maybe");
    g_assert_nonnull(strstr(word, "must be on, off or auto"));
    many = rig_device_error(r, type, "vectors=129");
    g_assert_nonnull(strstr(many, "at most 128"));
}

/* Each structure has a capability (4.1.4) that lies in BAR 4 and does not overlap another. */
static void capabilities_lead_to_the_structures(struct virtio_rig *f, gconstpointer data)
{
    unsigned seen = 0;

    (void)data;
    for (unsigned cap = pci_rig_read(f->r, 0, PCI_CAP_PTR, 1); cap;
         cap = pci_rig_read(f->r, 0, cap + 1, 1)) {
        if (pci_rig_read(f->r, 0, cap, 1) == PCI_CAP_ID_VENDOR) {
            unsigned type = pci_rig_read(f->r, 0, cap + 3, 1);

            seen |= 1u << type;
            g_assert_cmpuint(pci_rig_read(f->r, 0, cap + 4, 1), ==, type == 5 ? 0 : 4);
            g_assert_cmpuint(pci_rig_read(f->r, 0, cap + 12, 4), ==, type == 5 ? 0 : 0x1000);
        }
    }
    g_assert_cmphex(seen, ==, 0x3e);
}

/* 4.1.4.9: firmware that does not map BARs. */
static void the_window_reads_and_writes(struct virtio_rig *f, gconstpointer data)
{
    unsigned cap = f->dev->cfg_cap;

    (void)data;
    pci_rig_write(f->r, 0, cap + 4, 4, 1);
    pci_rig_write(f->r, 0, cap + 8, 20, 4); /* device_status */
    pci_rig_write(f->r, 0, cap + 12, 1, 4);
    pci_rig_write(f->r, 0, cap + 16, 3, 1);
    g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 3);
    g_assert_cmphex(pci_rig_read(f->r, 0, cap + 16, 1), ==, 3);
    pci_rig_write(f->r, 0, cap + 8, 18, 4); /* num_queues */
    pci_rig_write(f->r, 0, cap + 12, 2, 4);
    g_assert_cmphex(pci_rig_read(f->r, 0, cap + 16, 2), ==, 1);
    pci_rig_write(f->r, 0, cap + 8, 0xffffff00, 4);
    pci_rig_write(f->r, 0, cap + 12, 8, 4);
    pci_rig_read(f->r, 0, cap + 16, 4);
    pci_rig_write(f->r, 0, cap + 16, 1, 4);
}

static void features_need_version_1(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_put(f, 20, 3, 1);
    virtio_rig_put(f, 8, 0, 4);
    virtio_rig_put(f, 12, UINT32_MAX, 4);
    g_assert_cmphex(virtio_rig_get(f, 12, 4), ==, (uint32_t)virtio_rig_offered(f));
    virtio_rig_put(f, 20, 11, 1);
    g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 3);
    virtio_rig_put(f, 8, 1, 4);
    virtio_rig_put(f, 12, 1, 4);
    virtio_rig_put(f, 20, 11, 1);
    g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 11);
    virtio_rig_put(f, 12, 0, 4); /* too late */
    g_assert_cmphex(virtio_rig_get(f, 12, 4), ==, 1);
}

/* Rings ---------------------------------------------------------------------------------------- */

/* Chains of one to three buffers, twice around rings of several sizes. */
static void check_rings(struct virtio_rig *f, uint64_t features, unsigned size, bool indirect)
{
    virtio_rig_start(f, features, 1, size);
    for (unsigned i = 0; i < 5 * size; i++) {
        const struct rig_buffer b[3] = { { BUF, 8, true },
                                         { BUF + 0x1000, 16, true },
                                         { BUF + 0x2000, 40, true } };
        unsigned n = 1 + i % MIN(3, size);
        uint32_t len = 0;

        for (unsigned k = 0; k < n; k++) {
            len += b[k].len;
            rig_store(f->r, b[k].addr, 0, 8);
        }
        virtio_rig_add(f, 0, b, n, indirect);
        g_assert_cmpuint(virtio_rig_finish(f, 0), ==, len);
        g_assert_cmphex(rig_load(f->r, b[n - 1].addr, 8), !=, 0);
    }
    rig_check_state(f->r, &f->dev->pci.dev);
}

static void split_rings(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    check_rings(f, VIRTIO_RIG_BASIC, 8, false);
    check_rings(f, VIRTIO_RIG_BASIC | F_INDIR, 4, true);
    check_rings(f, VIRTIO_RIG_BASIC | F_EVENT | F_INDIR, 8, false);
    check_rings(f, VIRTIO_RIG_BASIC | F_EVENT, 1, false);
}

static void packed_rings(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    check_rings(f, VIRTIO_RIG_PACKED, 8, false);
    check_rings(f, VIRTIO_RIG_PACKED, 5, false); /* no power of two */
    check_rings(f, VIRTIO_RIG_PACKED | F_INDIR, 3, true);
    check_rings(f, VIRTIO_RIG_PACKED | F_EVENT | F_INDIR, 7, false);
}

static void several_at_once(struct virtio_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { BUF, 8, true };
    unsigned id;
    uint32_t len;

    (void)data;
    for (unsigned packed = 0; packed < 2; packed++) {
        virtio_rig_start(f, packed ? VIRTIO_RIG_ALL : VIRTIO_RIG_BASIC | F_EVENT, 1, 8);
        for (unsigned i = 0; i < 8; i++) {
            virtio_rig_add(f, 0, &b, 1, false);
        }
        virtio_rig_kick(f, 0);
        for (unsigned i = 0; i < 8; i++) {
            g_assert_true(virtio_rig_used(f, 0, &id, &len));
            g_assert_cmpuint(id, ==, i);
        }
        g_assert_false(virtio_rig_used(f, 0, &id, &len));
    }
}

/* The last message that a request brings, with what the driver said of interrupts before. */
static unsigned messages(struct virtio_rig *f, unsigned requests)
{
    const struct rig_buffer b = { BUF, 8, true };
    unsigned id;
    uint32_t len;

    virtio_rig_messages(f, 1);
    for (unsigned i = 0; i < requests; i++) {
        virtio_rig_add(f, 0, &b, 1, false);
    }
    virtio_rig_kick(f, 0);
    while (virtio_rig_used(f, 0, &id, &len)) {
        continue;
    }
    return virtio_rig_messages(f, 1);
}

static void split_interrupts(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_msix(f);
    virtio_rig_start(f, VIRTIO_RIG_BASIC, 1, 8);
    g_assert_cmpuint(messages(f, 1), ==, 1);
    rig_store(f->r, f->q[0].driver, 1, 2); /* VIRTQ_AVAIL_F_NO_INTERRUPT */
    g_assert_cmpuint(messages(f, 1), ==, 0);
    virtio_rig_start(f, VIRTIO_RIG_BASIC | F_EVENT, 1, 8);
    g_assert_cmpuint(messages(f, 1), ==, 1); /* used_event is 0 */
    g_assert_cmpuint(messages(f, 1), ==, 0);
    rig_store(f->r, f->q[0].driver + 4 + 16, 4, 2);
    g_assert_cmpuint(messages(f, 2), ==, 0);
    g_assert_cmpuint(messages(f, 1), ==, 1);
    /* avail_event: a driver notifies when it adds what comes next. */
    g_assert_cmpuint(rig_load(f->r, f->q[0].device + 4 + 64, 2), ==, 5);
}

static void packed_interrupts(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_msix(f);
    virtio_rig_start(f, VIRTIO_RIG_PACKED | F_EVENT, 1, 4);
    g_assert_cmpuint(messages(f, 1), ==, 1);
    rig_store(f->r, f->q[0].driver + 2, 1, 2);
    g_assert_cmpuint(messages(f, 1), ==, 0);
    rig_store(f->r, f->q[0].driver + 2, 2, 2);
    rig_store(f->r, f->q[0].driver, 1, 2); /* slot 1 after the ring's end: the wrap bit is 0 */
    g_assert_cmpuint(messages(f, 2), ==, 0);
    g_assert_cmpuint(messages(f, 1), ==, 0);
    g_assert_cmpuint(messages(f, 1), ==, 1);
}

static void intx_follows_the_status(struct virtio_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { BUF, 8, true };

    (void)data;
    virtio_rig_start(f, VIRTIO_RIG_BASIC, 1, 8);
    virtio_rig_run(f, 0, &b, 1);
    g_assert_true(f->r->lines[20].level);
    g_assert_cmphex(virtio_rig_get(f, 0x1000, 1), ==, 1);
    g_assert_false(f->r->lines[20].level);
    g_assert_cmphex(virtio_rig_get(f, 0x1000, 1), ==, 0);
    virtio_rig_run(f, 0, &b, 1);
    virtio_rig_put(f, 20, 0, 1);
    g_assert_false(f->r->lines[20].level);
}

/* Legacy --------------------------------------------------------------------------------------- */

static void legacy_drivers_work(struct virtio_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { BUF, 8, true };
    struct rig_queue *q = &f->q[0];

    (void)data;
    rig_outb(f->r, VIRTIO_RIG_IO + 18, 0);
    rig_outb(f->r, VIRTIO_RIG_IO + 18, 3);
    g_assert_cmphex(rig_inl(f->r, VIRTIO_RIG_IO), ==, (uint32_t)virtio_rig_offered(f));
    rig_outl(f->r, VIRTIO_RIG_IO + 4, 0);
    rig_outw(f->r, VIRTIO_RIG_IO + 14, 0);
    g_assert_cmpuint(rig_inw(f->r, VIRTIO_RIG_IO + 12), ==, 8);
    rig_outl(f->r, VIRTIO_RIG_IO + 8, VIRTIO_RIG_RINGS / 4096);
    g_assert_cmphex(rig_inl(f->r, VIRTIO_RIG_IO + 8), ==, VIRTIO_RIG_RINGS / 4096);
    /* 2.7.2: the used ring begins at the next page. */
    *q = (struct rig_queue){ .desc = VIRTIO_RIG_RINGS,
                             .driver = VIRTIO_RIG_RINGS + 128,
                             .device = VIRTIO_RIG_RINGS + 4096,
                             .size = 8 };
    f->features = 0;
    for (unsigned i = 0; i < 20; i++) { /* also before DRIVER_OK, as old drivers do */
        unsigned id;
        uint32_t len;

        virtio_rig_add(f, 0, &b, 1, false);
        rig_outw(f->r, VIRTIO_RIG_IO + 16, 0);
        g_assert_true(virtio_rig_used(f, 0, &id, &len));
        g_assert_cmpuint(rig_inb(f->r, VIRTIO_RIG_IO + 19), ==, 1);
        rig_outb(f->r, VIRTIO_RIG_IO + 18, 7);
    }
    rig_check_state(f->r, &f->dev->pci.dev);
    rig_outl(f->r, VIRTIO_RIG_IO + 8, 0);
    g_assert_cmphex(rig_inb(f->r, VIRTIO_RIG_IO + 18), ==, 0);
}

/* Drivers that break the rules ----------------------------------------------------------------- */

enum hostile {
    LOOP,
    HEAD,
    NEXT,
    AHEAD,
    NO_RAM,
    ADDRESS_WRAPS,
    ORDER,
    TABLE_LENGTH,
    TABLE_EMPTY,
    TABLE_IN_TABLE,
    TABLE_IN_CHAIN,
    TABLE_LOOP,
    RING_IN_REGISTERS,
    USED_IN_REGISTERS,
    HOSTILE_COUNT,
};

/* Descriptor 0, made wrong, is available. */
static void make_hostile(struct virtio_rig *f, enum hostile what)
{
    struct rig_queue *q = &f->q[0];
    uint64_t d = q->desc;

    rig_desc(f, d, BUF, 8, 2, 0);
    rig_desc(f, VIRTIO_RIG_TABLE, BUF, 8, 2, 0);
    rig_store(f->r, q->driver + 4, 0, 2);
    rig_store(f->r, q->driver + 2, 1, 2);
    switch (what) {
    case LOOP:
        rig_desc(f, d, BUF, 8, 3, 1);
        rig_desc(f, d + 16, BUF, 8, 3, 0);
        break;
    case HEAD:
        rig_store(f->r, q->driver + 4, 8, 2);
        break;
    case NEXT:
        rig_desc(f, d, BUF, 8, 3, 0xffff);
        break;
    case AHEAD:
        rig_store(f->r, q->driver + 2, 9, 2);
        break;
    case NO_RAM:
        rig_desc(f, d, RIG_RAM_SIZE - 4, 8, 2, 0);
        break;
    case ADDRESS_WRAPS:
        rig_desc(f, d, UINT64_MAX - 3, 0xffffffff, 2, 0);
        break;
    case ORDER:
        rig_desc(f, d, BUF, 8, 3, 1);
        rig_desc(f, d + 16, BUF, 8, 0, 0);
        break;
    case TABLE_LENGTH:
        rig_desc(f, d, VIRTIO_RIG_TABLE, 17, 4, 0);
        break;
    case TABLE_EMPTY:
        rig_desc(f, d, VIRTIO_RIG_TABLE, 0, 4, 0);
        break;
    case TABLE_IN_TABLE:
        rig_desc(f, d, VIRTIO_RIG_TABLE, 16, 4, 0);
        rig_desc(f, VIRTIO_RIG_TABLE, VIRTIO_RIG_TABLE, 16, 4, 0);
        break;
    case TABLE_IN_CHAIN:
        rig_desc(f, d, VIRTIO_RIG_TABLE, 16, 5, 1);
        break;
    case TABLE_LOOP:
        rig_desc(f, d, VIRTIO_RIG_TABLE, 32, 4, 0);
        rig_desc(f, VIRTIO_RIG_TABLE, BUF, 8, 3, 0);
        break;
    case RING_IN_REGISTERS:
        virtio_rig_device(f)->queues[0].driver = VIRTIO_RIG_BAR;
        break;
    default:
        virtio_rig_device(f)->queues[0].device = VIRTIO_RIG_NOTIFY - 4;
        break;
    }
}

static void hostile_split_rings(struct virtio_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { BUF, 8, true };

    (void)data;
    for (enum hostile i = 0; i < HOSTILE_COUNT; i++) {
        virtio_rig_msix(f);
        virtio_rig_start(f, VIRTIO_RIG_BASIC | F_INDIR, 1, 8);
        make_hostile(f, i);
        virtio_rig_messages(f, 0);
        virtio_rig_kick(f, 0);
        g_test_message("case %d", i);
        g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 15 | VIRTIO_NEEDS_RESET);
        g_assert_cmpuint(virtio_rig_messages(f, 0), ==, 1); /* the configuration's interrupt */
        g_assert_true(virtio_idle(virtio_rig_device(f)));
        virtio_rig_kick(f, 0);
        virtio_rig_start(f, VIRTIO_RIG_BASIC, 1, 8);
        g_assert_cmpuint(virtio_rig_run(f, 0, &b, 1), ==, 8);
    }
}

static void hostile_packed_rings(struct virtio_rig *f, gconstpointer data)
{
    const struct rig_buffer b = { BUF, 8, true };

    (void)data;
    for (unsigned i = 0; i < 4; i++) {
        struct rig_queue *q = &f->q[0];

        virtio_rig_start(f, VIRTIO_RIG_ALL, 1, 4);
        for (unsigned at = 0; at < 4; at++) {
            rig_desc(f, q->desc + at * 16, BUF, 8, 0, 0x80 | 2 | 1); /* a chain without an end */
        }
        if (i == 1) {
            rig_desc(f, q->desc, VIRTIO_RIG_TABLE, 15, 0, 0x80 | 4);
        } else if (i == 2) {
            rig_desc(f, q->desc + 16, VIRTIO_RIG_TABLE, 16, 0, 0x80 | 4);
        } else if (i == 3) {
            rig_desc(f, q->desc, ~7ull, 8, 0, 0x80 | 2);
        }
        virtio_rig_kick(f, 0);
        g_assert_cmphex(virtio_rig_get(f, 20, 1), ==, 15 | VIRTIO_NEEDS_RESET);
        virtio_rig_start(f, VIRTIO_RIG_ALL, 1, 4);
        g_assert_cmpuint(virtio_rig_run(f, 0, &b, 1), ==, 8);
    }
}

/* What is chosen while a queue is in use does not change under it. */
static void a_queue_in_use_is_fixed(struct virtio_rig *f, gconstpointer data)
{
    (void)data;
    virtio_rig_start(f, VIRTIO_RIG_BASIC, 1, 8);
    virtio_rig_put(f, 24, 4, 2);
    virtio_rig_put(f, 32, 0x1000, 4);
    virtio_rig_put(f, 20, 3, 1); /* FEATURES_OK taken back */
    virtio_rig_put(f, 8, 1, 4);
    virtio_rig_put(f, 12, UINT32_MAX, 4);
    g_assert_cmpuint(virtio_rig_get(f, 24, 2), ==, 8);
    g_assert_cmphex(virtio_rig_get(f, 32, 4), ==, VIRTIO_RIG_RINGS);
    g_assert_cmphex(virtio_rig_get(f, 12, 4), ==, 1);
    virtio_rig_put(f, 20, 0, 1);
    virtio_rig_put(f, 22, 0, 2);
    virtio_rig_put(f, 24, 6, 2); /* no power of two, and packed rings are not agreed on */
    virtio_rig_put(f, 28, 1, 2);
    g_assert_cmpuint(virtio_rig_get(f, 28, 2), ==, 0);
    virtio_rig_put(f, 20, 0, 1);
    virtio_rig_put(f, 24, 16, 2); /* too large */
    g_assert_cmpuint(virtio_rig_get(f, 24, 2), ==, 8);
    virtio_rig_put(f, 22, 1, 2); /* no such queue */
    g_assert_cmpuint(virtio_rig_get(f, 24, 2), ==, 0);
    virtio_rig_put(f, 26, 7, 2);
    virtio_rig_put(f, 16, 7, 2); /* nor such a vector */
    g_assert_cmphex(virtio_rig_get(f, 16, 2), ==, 0xffff);
}

/* Memory-mapped -------------------------------------------------------------------------------- */

#define MMIO 0xfeb00000u

static void mmio_put(struct rig *r, unsigned off, uint32_t v)
{
    rig_store(r, MMIO + off, v, 4);
}

static void memory_mapped_transport(void)
{
    g_autoptr(rig) r = rig_new();
    struct virtio_mmio *s = (struct virtio_mmio *)rig_device_new(r, &virtio_mmio_type, NULL);
    const uint32_t ring = VIRTIO_RIG_RINGS;
    struct device *dev;

    s->addr = MMIO;
    s->irq = rig_irq_sink(r, 21);
    rig_device_realize(r, &s->dev);
    g_assert_cmphex(rig_load(r, MMIO, 4), ==, 0x74726976);
    g_assert_cmpuint(rig_load(r, MMIO + 8, 4), ==, 0); /* nothing is there */
    mmio_put(r, 0x70, 1);
    dev = rig_device(r, "virtio-rng-device", NULL);
    g_assert_cmpuint(rig_load(r, MMIO + 4, 4), ==, 2);
    g_assert_cmpuint(rig_load(r, MMIO + 8, 4), ==, 4);
    g_assert_cmphex(rig_load(r, MMIO + 0xb0, 4), ==, UINT32_MAX); /* no shared memory */
    g_assert_cmphex(rig_load(r, MMIO + 0xb4, 4), ==, UINT32_MAX);
    mmio_put(r, 0x70, 3);
    mmio_put(r, 0x24, 1);
    mmio_put(r, 0x20, 1);
    mmio_put(r, 0x70, 11);
    g_assert_cmpuint(rig_load(r, MMIO + 0x34, 4), ==, 8);
    mmio_put(r, 0x38, 4);
    mmio_put(r, 0x80, ring);
    mmio_put(r, 0x90, ring + 0x1000);
    mmio_put(r, 0xa0, ring + 0x2000);
    mmio_put(r, 0x44, 1);
    mmio_put(r, 0x70, 15);
    rig_store(r, ring, BUF, 8);
    rig_store(r, ring + 8, 32, 4);
    rig_store(r, ring + 12, 2, 2);
    rig_store(r, ring + 0x1002, 1, 2);
    mmio_put(r, 0x50, 0);
    g_assert_cmpuint(rig_load(r, ring + 0x2002, 2), ==, 1);
    g_assert_cmpuint(rig_load(r, ring + 0x2008, 4), ==, 32);
    g_assert_true(r->lines[21].level);
    rig_check_state(r, dev);
    rig_check_state(r, &s->dev);
    g_assert_cmpuint(rig_load(r, MMIO + 0x60, 4), ==, 1);
    mmio_put(r, 0x64, 1);
    g_assert_false(r->lines[21].level);
    fuzz_memory(r, MMIO, VIRTIO_MMIO_SIZE);
}

#define ADD(path, function) g_test_add(path, struct virtio_rig, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio/types/interfaces", types_choose_their_interfaces);
    g_test_add_func("/virtio/types/mistakes", mistakes_are_named);
    ADD("/virtio/pci/capabilities", capabilities_lead_to_the_structures);
    ADD("/virtio/pci/window", the_window_reads_and_writes);
    ADD("/virtio/pci/intx", intx_follows_the_status);
    ADD("/virtio/pci/legacy", legacy_drivers_work);
    ADD("/virtio/features/version-1", features_need_version_1);
    ADD("/virtio/queue/split", split_rings);
    ADD("/virtio/queue/packed", packed_rings);
    ADD("/virtio/queue/several", several_at_once);
    ADD("/virtio/queue/split-interrupts", split_interrupts);
    ADD("/virtio/queue/packed-interrupts", packed_interrupts);
    ADD("/virtio/queue/fixed", a_queue_in_use_is_fixed);
    ADD("/virtio/hostile/split", hostile_split_rings);
    ADD("/virtio/hostile/packed", hostile_packed_rings);
    g_test_add_func("/virtio/mmio/registers", memory_mapped_transport);
    return g_test_run();
}
