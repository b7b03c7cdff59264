/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_pci.c: the PCI function of a virtio device: identity, BARs, capabilities,
 * interrupts, and the modern registers.  virtio_pci_legacy.c has the legacy ones.
 *
 * Source: VIRTIO 1.2, 4.1.  Invariant: INTx is the request of isr != 0, while MSI-X is off.
 * Thread: under the machine lock.
 */
#include "hw/virtio/virtio_pci_internal.h"

#include <string.h>
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { BAR_LEGACY = 0, BAR_MSIX = 1, BAR_MODERN = 4 };
/* Regions of the modern BAR, a page each. */
enum { OFF_COMMON = 0x0000, OFF_ISR = 0x1000, OFF_CONFIG = 0x2000, OFF_NOTIFY = 0x3000,
       REGION_SIZE = 0x1000, MODERN_SIZE = 0x4000 };
enum { NOTIFY_MULTIPLIER = 4 };
enum cap_type { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI = 5 };
/* struct virtio_pci_cap (4.1.4). */
enum { CAP_LEN = 2, CAP_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_MORE = 16 };
/* struct virtio_pci_common_cfg (4.1.4.3). */
enum common_register {
    COMMON_FEATURE_SELECT = 0, COMMON_FEATURE = 4, COMMON_DRIVER_SELECT = 8, COMMON_DRIVER_FEATURE = 12,
    COMMON_CONFIG_VECTOR = 16, COMMON_NUM_QUEUES = 18, COMMON_STATUS = 20, COMMON_GENERATION = 21,
    COMMON_QUEUE_SELECT = 22, COMMON_QUEUE_SIZE = 24, COMMON_QUEUE_VECTOR = 26, COMMON_QUEUE_ENABLE = 28,
    COMMON_NOTIFY_OFF = 30, COMMON_DESC = 32, COMMON_DRIVER = 40, COMMON_DEVICE = 48, COMMON_SIZE = 56,
};
#define VIRTIO_VENDOR 0x1af4u
/* clang-format on */

/* Interrupts ----------------------------------------------------------------------------------- */

static void update_intx(struct virtio_pci *s)
{
    pci_set_intx(&s->pci, s->isr != 0 && !pci_msix_enabled(&s->pci));
}

static void interrupt(struct virtio_device *v, uint16_t vector, bool config)
{
    struct virtio_pci *s = (struct virtio_pci *)v->dev;

    if (pci_msix_enabled(&s->pci)) {
        pci_msix_send(&s->pci, vector);
        return;
    }
    s->isr |= config ? VIRTIO_ISR_CONFIG | VIRTIO_ISR_QUEUE : VIRTIO_ISR_QUEUE;
    update_intx(s);
}

static bool signal_queue(struct virtio_device *v, uint16_t vector)
{
    return pci_msix_post(&((struct virtio_pci *)v->dev)->pci, vector);
}

static unsigned notify_places(struct virtio_device *v, unsigned index,
                              struct io_event place[VIRTIO_PLACES])
{
    struct virtio_pci *s = (struct virtio_pci *)v->dev;
    unsigned n = 0;

    if (s->ioeventfd && s->has_modern) {
        place[n++] =
            (struct io_event){ .mr = &s->notify_mmio, .offset = index * NOTIFY_MULTIPLIER };
    }
    if (s->ioeventfd && s->has_legacy) {
        place[n++] = virtio_pci_legacy_place(s, index);
    }
    return n;
}

static const struct virtio_transport transport = { interrupt, signal_queue, notify_places };

uint8_t virtio_pci_take_isr(struct virtio_pci *s)
{
    uint8_t isr = s->isr;

    s->isr = 0;
    update_intx(s);
    return isr;
}

uint16_t virtio_pci_vector(const struct virtio_pci *s, uint32_t value)
{
    return s->pci.msix && value < s->msix.vectors ? (uint16_t)value : VIRTIO_NO_VECTOR;
}

void virtio_pci_set_status(struct virtio_pci *s, uint8_t status)
{
    struct virtio_device *v = virtio_pci_device(s);

    virtio_set_status(v, status);
    if (status == 0) {
        virtio_pci_take_isr(s);
    }
}

/* The common configuration --------------------------------------------------------------------- */

static void put(uint8_t *image, unsigned off, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        image[off + i] = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t common_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_pci *s = opaque;
    struct virtio_device *v = virtio_pci_device(s);
    const struct virtio_queue *vq = virtio_queue_at(v, s->queue_select);
    uint8_t r[COMMON_SIZE + 8] = { 0 };
    uint64_t value = 0;

    virtio_lock(v);
    put(r, COMMON_FEATURE_SELECT, s->feature_select, 4);
    put(r, COMMON_FEATURE, s->feature_select < 2 ? v->offered >> s->feature_select * 32 : 0, 4);
    put(r, COMMON_DRIVER_SELECT, s->driver_feature_select, 4);
    put(r, COMMON_DRIVER_FEATURE,
        s->driver_feature_select < 2 ? v->features >> s->driver_feature_select * 32 : 0, 4);
    put(r, COMMON_CONFIG_VECTOR, v->config_vector, 2);
    put(r, COMMON_NUM_QUEUES, v->n_queues, 2);
    put(r, COMMON_STATUS, v->status, 1);
    put(r, COMMON_GENERATION, v->generation, 1);
    put(r, COMMON_QUEUE_SELECT, s->queue_select, 2);
    if (vq) {
        put(r, COMMON_QUEUE_SIZE, vq->size, 2);
        put(r, COMMON_QUEUE_VECTOR, vq->vector, 2);
        put(r, COMMON_QUEUE_ENABLE, vq->enabled, 2);
        put(r, COMMON_NOTIFY_OFF, vq->index, 2);
        put(r, COMMON_DESC, vq->desc, 8);
        put(r, COMMON_DRIVER, vq->driver, 8);
        put(r, COMMON_DEVICE, vq->device, 8);
    }
    virtio_unlock(v);
    for (unsigned i = 0; i < size && off + i < COMMON_SIZE; i++) {
        value |= (uint64_t)r[off + i] << 8 * i;
    }
    return value;
}

/* One half of an area's address, or (size 8) all of it. */
static void set_area(uint64_t *area, unsigned skip, uint64_t value, unsigned size)
{
    uint64_t mask = size == 8 ? UINT64_MAX : (uint64_t)UINT32_MAX << skip * 8;

    if (size >= 4 && skip % 4 == 0) {
        *area = (*area & ~mask) | (value << skip * 8 & mask);
    }
}

static void queue_write(struct virtio_pci *s, uint64_t off, uint64_t value, unsigned size)
{
    struct virtio_queue *vq = virtio_queue_at(virtio_pci_device(s), s->queue_select);

    if (!vq) {
        return;
    }
    if (off == COMMON_QUEUE_SIZE) {
        virtio_queue_set_size(vq, (uint16_t)value);
    } else if (off == COMMON_QUEUE_VECTOR) {
        vq->vector = virtio_pci_vector(s, (uint16_t)value);
    } else if (off == COMMON_QUEUE_ENABLE && value == 1) {
        virtio_queue_enable(vq);
    } else if (vq->enabled) {
        log_line(LOG_GUEST_ERRORS, "%s: queue %u is enabled, its areas stay", s->pci.dev.type->name,
                 vq->index);
    } else if (off >= COMMON_DESC && off < COMMON_DRIVER) {
        set_area(&vq->desc, (unsigned)off - COMMON_DESC, value, size);
    } else if (off >= COMMON_DRIVER && off < COMMON_DEVICE) {
        set_area(&vq->driver, (unsigned)off - COMMON_DRIVER, value, size);
    } else if (off >= COMMON_DEVICE && off < COMMON_SIZE) {
        set_area(&vq->device, (unsigned)off - COMMON_DEVICE, value, size);
    }
}

static void common_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct virtio_pci *s = opaque;
    struct virtio_device *v = virtio_pci_device(s);

    virtio_lock(v);
    switch (off) {
    case COMMON_FEATURE_SELECT:
        s->feature_select = (uint32_t)value;
        break;
    case COMMON_DRIVER_SELECT:
        s->driver_feature_select = (uint32_t)value;
        break;
    case COMMON_DRIVER_FEATURE:
        virtio_set_features(v, s->driver_feature_select, (uint32_t)value);
        break;
    case COMMON_CONFIG_VECTOR:
        v->config_vector = virtio_pci_vector(s, (uint16_t)value);
        break;
    case COMMON_STATUS:
        virtio_pci_set_status(s, (uint8_t)value);
        break;
    case COMMON_QUEUE_SELECT:
        s->queue_select = (uint16_t)value;
        break;
    default:
        queue_write(s, off, value, size);
        break;
    }
    virtio_unlock(v);
}

/* The other modern regions --------------------------------------------------------------------- */

static uint64_t isr_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return off == 0 ? virtio_pci_take_isr(opaque) : 0;
}

static uint64_t config_read(void *opaque, uint64_t off, unsigned size)
{
    struct virtio_device *v = virtio_pci_device(opaque);
    uint32_t value;

    virtio_lock(v);
    value = virtio_config_read(v, (unsigned)off, size);
    virtio_unlock(v);
    return value;
}

static void config_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct virtio_device *v = virtio_pci_device(opaque);

    virtio_lock(v);
    virtio_config_write(v, (unsigned)off, (uint32_t)value, size);
    virtio_unlock(v);
}

static void ignore_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)value;
    (void)size;
}

static uint64_t notify_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)off;
    (void)size;
    return 0;
}

/* The offset says which queue; the value says the same (4.1.5.2). */
static void notify_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)value;
    (void)size;
    if (off % NOTIFY_MULTIPLIER == 0) {
        virtio_notified(virtio_pci_device(opaque), (unsigned)off / NOTIFY_MULTIPLIER);
    }
}

static const struct mem_ops common_ops = { common_read, common_write, 1, 8, false, false };
static const struct mem_ops isr_ops = { isr_read, ignore_write, 1, 4, false, false };
static const struct mem_ops config_ops = { config_read, config_write, 1, 4, false, false };
static const struct mem_ops notify_ops = { notify_read, notify_write, 1, 4, false, false };

/* One row for each structure: its region and where it is. */
static const struct structure {
    enum cap_type type;
    uint32_t offset;
    size_t region; /* struct mem_region in struct virtio_pci */
    const struct mem_ops *ops;
    const char *name;
} structures[] = {
    /* clang-format off */
    { CAP_COMMON, OFF_COMMON, offsetof(struct virtio_pci, common),      &common_ops, "virtio-pci-common" },
    { CAP_ISR,    OFF_ISR,    offsetof(struct virtio_pci, isr_mmio),    &isr_ops,    "virtio-pci-isr" },
    { CAP_DEVICE, OFF_CONFIG, offsetof(struct virtio_pci, config_mmio), &config_ops, "virtio-pci-device" },
    { CAP_NOTIFY, OFF_NOTIFY, offsetof(struct virtio_pci, notify_mmio), &notify_ops, "virtio-pci-notify" },
    /* clang-format on */
};

static struct mem_region *region_of(struct virtio_pci *s, const struct structure *st)
{
    return (struct mem_region *)((uint8_t *)s + st->region);
}

/* The window in configuration space (4.1.4.9) -------------------------------------------------- */

/* The structure that the window lies in; NULL: none. */
static const struct structure *window(struct virtio_pci *s, uint32_t *off, uint32_t *len)
{
    struct pci_device *d = &s->pci;
    uint32_t at = pci_config_load(d, s->cfg_cap + CAP_OFFSET, 4);

    *len = pci_config_load(d, s->cfg_cap + CAP_LENGTH, 4);
    if (pci_config_load(d, s->cfg_cap + CAP_BAR, 1) != s->modern_bar || at >= MODERN_SIZE ||
        (*len != 1 && *len != 2 && *len != 4) || at % *len) {
        return NULL;
    }
    *off = at % REGION_SIZE;
    for (unsigned i = 0; i < G_N_ELEMENTS(structures); i++) {
        if (structures[i].offset == at - *off) {
            return &structures[i];
        }
    }
    return NULL;
}

static bool touches_data(const struct virtio_pci *s, unsigned off, unsigned size)
{
    unsigned data = s->cfg_cap + CAP_MORE;

    return s->cfg_cap && off < data + 4 && data < off + size;
}

static uint32_t pci_read(struct pci_device *d, unsigned off, unsigned size)
{
    struct virtio_pci *s = (struct virtio_pci *)d;
    const struct structure *st;
    uint32_t at, len;

    if (touches_data(s, off, size) && (st = window(s, &at, &len))) {
        pci_config_store(d, s->cfg_cap + CAP_MORE, (uint32_t)st->ops->read(s, at, len), len);
    }
    return pci_config_load(d, off, size);
}

static void pci_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct virtio_pci *s = (struct virtio_pci *)d;
    const struct structure *st;
    uint32_t at, len;

    if (touches_data(s, off, size) && (st = window(s, &at, &len))) {
        st->ops->write(s, at, pci_config_load(d, s->cfg_cap + CAP_MORE, len), len);
    }
    update_intx(s); /* MSI-X may be on or off now */
}

/* Life ----------------------------------------------------------------------------------------- */

static uint8_t add_structure(struct virtio_pci *s, enum cap_type type, uint32_t offset,
                             uint32_t length)
{
    unsigned size = type == CAP_NOTIFY || type == CAP_PCI ? CAP_MORE + 4 : CAP_MORE;
    uint8_t cap = pci_add_capability(&s->pci, PCI_CAP_ID_VENDOR, size);

    g_assert(cap); /* 256 bytes are enough */
    pci_config_store(&s->pci, cap + CAP_LEN, size, 1);
    pci_config_store(&s->pci, cap + CAP_TYPE, type, 1);
    pci_config_store(&s->pci, cap + CAP_BAR, type == CAP_PCI ? 0 : s->modern_bar, 1);
    pci_config_store(&s->pci, cap + CAP_OFFSET, offset, 4);
    pci_config_store(&s->pci, cap + CAP_LENGTH, length, 4);
    return cap;
}

static void add_modern(struct virtio_pci *s)
{
    struct machine *m = s->pci.dev.machine;
    uint8_t cap;

    mem_region_init_container(&s->modern, m, "virtio-pci", MODERN_SIZE);
    for (unsigned i = 0; i < G_N_ELEMENTS(structures); i++) {
        const struct structure *st = &structures[i];

        mem_region_init_mmio(region_of(s, st), m, st->name, st->ops, s, REGION_SIZE);
        mem_region_add(&s->modern, st->offset, region_of(s, st), 0);
        cap = add_structure(s, st->type, st->offset, REGION_SIZE);
        if (st->type == CAP_NOTIFY) {
            pci_config_store(&s->pci, cap + CAP_MORE, NOTIFY_MULTIPLIER, 4);
        }
    }
    s->cfg_cap = add_structure(s, CAP_PCI, 0, 0);
    pci_config_set_wmask(&s->pci, s->cfg_cap + CAP_BAR, 0xff, 1);
    pci_config_set_wmask(&s->pci, s->cfg_cap + CAP_OFFSET, ~0u, 4);
    pci_config_set_wmask(&s->pci, s->cfg_cap + CAP_LENGTH, ~0u, 4);
    pci_config_set_wmask(&s->pci, s->cfg_cap + CAP_MORE, ~0u, 4);
    s->pci.config_read = pci_read;
    pci_add_bar(&s->pci, s->modern_bar, PCI_BAR_MEM64 | PCI_BAR_PREFETCH, &s->modern, MODERN_SIZE);
}

/* A slot of PCI Express, where there is little I/O space. */
static bool behind_port(const struct virtio_pci *s)
{
    const struct pci_bus *bus = pci_bus_of(&s->pci);

    return bus && bus->bridge && bus->slots == 1;
}

static bool choose_interfaces(struct virtio_pci *s, bool modern_only, GError **error)
{
    const char *name = s->pci.dev.type->name, *legacy = s->disable_legacy;
    bool off = g_strcmp0(legacy, "off") == 0;

    s->has_modern = !s->disable_modern;
    s->has_legacy = off || ((!legacy || strcmp(legacy, "auto") == 0) && !behind_port(s));
    if (legacy && !off && strcmp(legacy, "auto") != 0 && strcmp(legacy, "on") != 0) {
        set_error(error, "Property '%s.disable-legacy' is '%s', must be on, off or auto", name,
                  legacy);
        return false;
    }
    if (modern_only) {
        s->has_legacy = false;
    } else if (!legacy) { /* the name says it */
        s->has_legacy = !g_str_has_suffix(name, "-non-transitional");
    }
    if (!s->has_legacy && !s->has_modern) {
        set_error(error,
                  modern_only ? "%s: disable-modern is on, must be off: it has no other interface"
                              : "%s: disable-modern=on needs disable-legacy=off",
                  name);
        return false;
    }
    return true;
}

/* 4.1.2: ids of transitional devices are those of before. */
static struct pci_ident identity(const struct virtio_pci *s, enum virtio_id id, uint16_t class)
{
    static const uint16_t transitional[] = {
        [VIRTIO_ID_NET] = 0x1000,     [VIRTIO_ID_BLOCK] = 0x1001, [VIRTIO_ID_BALLOON] = 0x1002,
        [VIRTIO_ID_CONSOLE] = 0x1003, [VIRTIO_ID_SCSI] = 0x1004,  [VIRTIO_ID_RNG] = 0x1005,
        [VIRTIO_ID_9P] = 0x1009,
    };
    bool old = s->has_legacy && id < G_N_ELEMENTS(transitional) && transitional[id];

    return (struct pci_ident){
        .vendor = VIRTIO_VENDOR,
        .device = old ? transitional[id] : (uint16_t)(0x1040 + id),
        .class = class,
        .revision = old ? 0 : 1,
        .int_pin = 1,
        .subsys_vendor = VIRTIO_VENDOR,
        .subsys = old ? (uint16_t)id : PCI_DEFAULT_SUBSYS,
    };
}

static bool add_msix(struct virtio_pci *s, GError **error)
{
    unsigned n = s->vectors == UINT32_MAX ? virtio_pci_device(s)->n_queues + 1 : s->vectors;

    if (n > PCI_MSIX_MAX) {
        set_error(error, "%s: vectors is %u, must be at most %u", s->pci.dev.type->name, n,
                  PCI_MSIX_MAX);
        return false;
    }
    s->msix.by_eventfd = true;
    return n == 0 || pci_msix_setup_bar(&s->pci, &s->msix, n, s->msix_bar);
}

static void destroy_regions(struct virtio_pci *s)
{
    if (s->has_legacy && s->legacy_io.machine) {
        mem_region_destroy(&s->legacy_io);
    }
    if (s->has_modern && s->modern.machine) {
        for (unsigned i = 0; i < G_N_ELEMENTS(structures); i++) {
            mem_region_destroy(region_of(s, &structures[i]));
        }
        mem_region_destroy(&s->modern);
    }
}

bool virtio_pci_realize(struct device *dev, const struct virtio_ops *ops, uint16_t class,
                        GError **error)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;
    struct virtio_device *v = virtio_pci_device(s);
    struct pci_ident ident;

    s->modern_bar = s->modern_bar ? s->modern_bar : BAR_MODERN;
    s->msix_bar = s->msix_bar ? s->msix_bar : BAR_MSIX;
    if (!choose_interfaces(s, ops->modern_only, error) ||
        !virtio_realize(v, dev, ops, &transport, error)) {
        return false;
    }
    ident = identity(s, ops->id, class);
    ident.romfile = ops->romfile;
    if (!pci_device_setup(&s->pci, &ident, error)) {
        virtio_unrealize(v);
        return false;
    }
    s->pci.config_written = pci_written;
    if (s->has_modern) {
        add_modern(s);
    }
    if (s->has_legacy) {
        unsigned size = virtio_pci_legacy_init(s);

        pci_add_bar(&s->pci, BAR_LEGACY, PCI_BAR_IO, &s->legacy_io, size);
    }
    if (!add_msix(s, error) || !virtio_plugged(v, error)) {
        virtio_pci_unrealize(dev);
        return false;
    }
    return true;
}

void virtio_pci_reset(struct device *dev)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;

    virtio_reset(virtio_pci_device(s));
    s->feature_select = s->driver_feature_select = s->queue_select = s->isr = 0;
    pci_device_reset(&s->pci);
}

void virtio_pci_unrealize(struct device *dev)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;

    virtio_unrealize(virtio_pci_device(s));
    pci_device_teardown(&s->pci);
    destroy_regions(s);
}

void virtio_pci_pre_save(struct device *dev)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;

    virtio_pre_save(virtio_pci_device(s));
    if (s->pci.msix) {
        pci_msix_drain(s->pci.msix);
    }
}

bool virtio_pci_post_load(struct device *dev, GError **error)
{
    struct virtio_pci *s = (struct virtio_pci *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    update_intx(s);
    return virtio_post_load(virtio_pci_device(s), error);
}

const struct state_row virtio_pci_state[] = {
    STATE_INT(struct virtio_pci, feature_select, 1, "half of the offered features"),
    STATE_INT(struct virtio_pci, driver_feature_select, 1, "half of the accepted features"),
    STATE_INT(struct virtio_pci, queue_select, 1, "selected queue"),
    STATE_INT(struct virtio_pci, isr, 1, "interrupt status"),
    { 0 },
};
