/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_balloon.c: the traditional memory balloon: virtio-balloon-pci (three types) and
 * virtio-balloon-device.  Source: VIRTIO 1.2, 5.5.
 *
 * What the guest puts into the balloon, or reports as free, is given back to the host; it reads as zeroes, or as it
 * was, when it is used again. With a poison of its own, free pages are left alone.
 *
 * Invariants: no element stays in flight: the buffer of statistics is put back, and taken when new ones are wanted.
 * Thread:     under the machine lock.
 */
#include "hw/virtio/virtio_balloon.h"

#include <string.h>
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "softmmu/event.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { F_MUST_TELL_HOST = 0, F_STATS_VQ = 1, F_DEFLATE_ON_OOM = 2, F_PAGE_POISON = 4, F_REPORTING = 5 };
enum { QUEUE_INFLATE = 0, QUEUE_DEFLATE = 1, QUEUE_STATS = 2, QUEUE_REPORTING = 3 };
enum { CONFIG_NUM_PAGES = 0, CONFIG_ACTUAL = 4, CONFIG_POISON = 12, CONFIG_SIZE = 16 };

const char *const balloon_stat_names[BALLOON_STATS] = {
    "stat-swap-in", "stat-swap-out", "stat-major-faults", "stat-minor-faults", "stat-free-memory",
    "stat-total-memory", "stat-available-memory", "stat-disk-caches", "stat-htlb-pgalloc", "stat-htlb-pgfail",
};
/* clang-format on */

#define PFN_SHIFT  12       /* of the device's pages, whatever the guest's are */
#define PFNS_MOST  0x10000u /* of one element */
#define QUEUE_SIZE 128u
#define STATS_MOST 64u /* pairs of one element */

struct stat_pair {
    uint16_t tag;
    uint64_t value;
} __attribute__((packed));

struct virtio_balloon {
    struct virtio_device v;
    bool deflate_on_oom, reporting, poison; /* properties */
    uint32_t polling;                       /* s; 0: no statistics are asked for */
    uint32_t num_pages, actual;             /* wanted, and there, in the balloon */
    uint32_t poison_value;
    struct balloon_stats stats;
    struct timer poll, tell;
};

/* Pages ----------------------------------------------------------------------------------------- */

static uint64_t ram_size(const struct virtio_balloon *b)
{
    return b->v.dev->machine->config.ram_size;
}

static void discard_pages(struct virtio_balloon *b, uint64_t pfn, uint64_t n)
{
    struct machine *m = virtio_machine(&b->v);
    struct dma_list l = { 0 };

    if (n && dma_list_add(&l, m, pfn << PFN_SHIFT, n << PFN_SHIFT, true)) {
        dma_list_discard(&l, m);
    } else if (n) {
        log_line(LOG_GUEST_ERRORS, "virtio-balloon: page 0x%" G_GINT64_MODIFIER "x is not RAM",
                 pfn);
    }
    dma_list_clear(&l);
}

/* Runs of pages that follow each other are one. */
static void inflate(struct virtio_balloon *b, const struct virtio_element *e)
{
    uint64_t first = 0, n = 0;
    uint32_t pfns[256];

    for (uint64_t at = 0; at < PFNS_MOST * sizeof(pfns[0]); at += sizeof(pfns)) {
        size_t got = dma_list_read(&e->out, at, pfns, sizeof(pfns)) / sizeof(pfns[0]);

        for (size_t i = 0; i < got; i++) {
            if (n == 0 || pfns[i] != first + n) {
                discard_pages(b, first, n);
                first = pfns[i];
                n = 0;
            }
            n++;
        }
        if (got < G_N_ELEMENTS(pfns)) {
            break;
        }
    }
    discard_pages(b, first, n);
}

/* Free page reporting (5.5.6.7): the pages are the buffers. */
static void report(struct virtio_balloon *b, const struct virtio_element *e)
{
    if (!virtio_has(&b->v, F_PAGE_POISON) || b->poison_value == 0) {
        dma_list_discard(&e->in, virtio_machine(&b->v));
    }
}

/* Statistics ------------------------------------------------------------------------------------ */

static void forget_stats(struct virtio_balloon *b)
{
    memset(b->stats.value, 0xff, sizeof(b->stats.value));
    b->stats.last_update = 0;
}

static void read_stats(struct virtio_balloon *b, const struct virtio_element *e)
{
    struct stat_pair pairs[STATS_MOST];
    size_t n = dma_list_read(&e->out, 0, pairs, sizeof(pairs)) / sizeof(pairs[0]);

    forget_stats(b);
    for (size_t i = 0; i < n; i++) {
        if (pairs[i].tag < BALLOON_STATS) {
            b->stats.value[pairs[i].tag] = pairs[i].value;
        }
    }
    b->stats.last_update = g_get_real_time() / G_USEC_PER_SEC;
}

static void poll_later(struct virtio_balloon *b)
{
    if (b->polling) {
        timer_arm(&b->poll, clock_now(virtio_machine(&b->v), CLOCK_KIND_VIRTUAL) +
                                (int64_t)b->polling * NS_PER_SEC);
    } else {
        timer_disarm(&b->poll);
    }
}

/* The driver has the buffer while it fills it in, else it waits in the queue (5.5.6.3). */
static void stats_notified(struct virtio_balloon *b, struct virtio_queue *vq)
{
    struct virtio_element *e = virtqueue_pop(vq);

    if (e) {
        read_stats(b, e);
        virtqueue_unpop(e);
        poll_later(b);
    }
}

static void ask_for_stats(void *opaque)
{
    struct virtio_balloon *b = opaque;
    struct virtio_queue *vq = &b->v.queues[QUEUE_STATS];
    struct virtio_element *e = virtio_has(&b->v, F_STATS_VQ) ? virtqueue_pop(vq) : NULL;

    if (!e) {
        return;
    }
    virtqueue_push(e, 0);
    e = virtqueue_pop(vq); /* there is none: the driver is to say when there is */
    if (e) {
        virtqueue_unpop(e);
        poll_later(b);
    }
    virtqueue_notify(vq);
}

/* The device ------------------------------------------------------------------------------------ */

static void balloon_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;
    struct virtio_element *e;

    if (vq->index == QUEUE_STATS) {
        stats_notified(b, vq);
        return;
    }
    while ((e = virtqueue_pop(vq))) {
        if (vq->index == QUEUE_INFLATE) {
            inflate(b, e);
        } else if (vq->index == QUEUE_REPORTING) {
            report(b, e);
        }
        virtqueue_push(e, 0);
    }
    virtqueue_notify(vq);
}

static uint64_t guest_bytes(const struct virtio_balloon *b)
{
    return ram_size(b) - MIN((uint64_t)b->actual << PFN_SHIFT, ram_size(b));
}

/* At most once a second, as the guest changes it page by page. */
static void tell(void *opaque)
{
    struct virtio_balloon *b = opaque;

    event_emit(virtio_machine(&b->v), EVENT_BALLOON_CHANGE,
               json_pack("{s:I}", "actual", (json_int_t)guest_bytes(b)));
}

static void balloon_config_write(struct virtio_device *v, unsigned off, unsigned size,
                                 uint32_t value)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;
    uint32_t *field = off == CONFIG_ACTUAL   ? &b->actual
                      : off == CONFIG_POISON ? &b->poison_value
                                             : NULL;

    if (!field || size != 4) {
        return;
    }
    *field = value;
    virtio_config_put(v, off, value, 4);
    if (off == CONFIG_ACTUAL && !b->tell.armed) {
        timer_arm(&b->tell, clock_now(virtio_machine(v), CLOCK_KIND_REALTIME) + NS_PER_SEC);
    }
}

static void fill_config(struct virtio_balloon *b)
{
    virtio_config_put(&b->v, CONFIG_NUM_PAGES, b->num_pages, 4);
    virtio_config_put(&b->v, CONFIG_ACTUAL, b->actual, 4);
    virtio_config_put(&b->v, CONFIG_POISON, b->poison_value, 4);
}

static struct virtio_balloon *find(struct machine *m, GError **error);

static bool balloon_realize(struct virtio_device *v, GError **error)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;

    if (find(virtio_machine(v), NULL)) {
        set_error(error, "Only one balloon device is supported");
        return false;
    }
    for (unsigned i = 0; i < (b->reporting ? 4 : 3); i++) {
        virtio_add_queue(v, QUEUE_SIZE);
    }
    v->offered |= 1ull << F_STATS_VQ | (uint64_t)b->deflate_on_oom << F_DEFLATE_ON_OOM |
                  (uint64_t)b->poison << F_PAGE_POISON | (uint64_t)b->reporting << F_REPORTING;
    timer_init(&b->poll, virtio_machine(v), CLOCK_KIND_VIRTUAL, ask_for_stats, b);
    timer_init(&b->tell, virtio_machine(v), CLOCK_KIND_REALTIME, tell, b);
    fill_config(b);
    forget_stats(b);
    return true;
}

static void balloon_unrealize(struct virtio_device *v)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;

    timer_disarm(&b->poll);
    timer_disarm(&b->tell);
}

/* What is asked for stays. */
static void balloon_reset(struct virtio_device *v)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;

    timer_disarm(&b->poll);
    b->actual = b->poison_value = 0;
    forget_stats(b);
    fill_config(b);
}

static bool balloon_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;

    (void)error;
    fill_config(b);
    poll_later(b);
    return true;
}

static const struct virtio_ops balloon_ops = {
    .id = VIRTIO_ID_BALLOON,
    .config_size = CONFIG_SIZE,
    .realize = balloon_realize,
    .unrealize = balloon_unrealize,
    .reset = balloon_reset,
    .notified = balloon_notified,
    .config_write = balloon_config_write,
    .post_load = balloon_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_balloon_pci {
    struct virtio_pci proxy;
    struct virtio_balloon balloon;
};
struct virtio_balloon_device {
    struct virtio_mmio_device proxy;
    struct virtio_balloon balloon;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &balloon_ops, 0x00ff, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &balloon_ops, error);
}

#define BALLOON_PROPS(strct)                                                                       \
    PROP_BOOL(strct, "deflate-on-oom", balloon.deflate_on_oom, false,                              \
              "the guest may take pages back when it needs them"),                                 \
        PROP_BOOL(strct, "free-page-reporting", balloon.reporting, false,                          \
                  "the guest tells of free pages, which the host gets"),                           \
        PROP_BOOL(strct, "page-poison", balloon.poison, true, "the guest tells its page poison"),  \
        PROP_U32(strct, "guest-stats-polling-interval", balloon.polling, 0,                        \
                 "seconds between statistics (0: none)")
#define BALLOON_STATE(strct)                                                                       \
    STATE_INT(strct, balloon.num_pages, 1, "pages that are to be in it"),                          \
        STATE_INT(strct, balloon.actual, 1, "pages that are in it"),                               \
        STATE_INT(strct, balloon.poison_value, 1, "the guest's page poison"),                      \
        STATE_ARRAY(strct, balloon.stats.value, 1, "statistics"),                                  \
        STATE_INT(strct, balloon.stats.last_update, 1, "when they came")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_balloon_pci, proxy, balloon.v),
    BALLOON_PROPS(struct virtio_balloon_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_balloon_pci, proxy, balloon.v),
    BALLOON_PROPS(struct virtio_balloon_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_balloon_device, balloon.v),
    BALLOON_PROPS(struct virtio_balloon_device),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_balloon_pci, proxy, balloon.v),
    BALLOON_STATE(struct virtio_balloon_pci),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_balloon_device, balloon.v),
    BALLOON_STATE(struct virtio_balloon_device),
    { 0 },
};

VIRTIO_PCI_TYPES(virtio_balloon, "virtio-balloon", "virtio memory balloon",
                 struct virtio_balloon_pci, balloon, pci_props, pci_common_props, pci_state,
                 pci_realize);
VIRTIO_MMIO_TYPE(virtio_balloon_device_type, "virtio-balloon-device", "virtio memory balloon",
                 struct virtio_balloon_device, balloon, mmio_props, mmio_state, mmio_realize);

/* For monitors ---------------------------------------------------------------------------------- */

static struct virtio_balloon *find(struct machine *m, GError **error)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type->realize == pci_realize) {
            return &((struct virtio_balloon_pci *)dev)->balloon;
        }
        if (dev->type->realize == mmio_realize) {
            return &((struct virtio_balloon_device *)dev)->balloon;
        }
    }
    set_error(error, "No balloon device has been activated");
    return NULL;
}

bool balloon_query(struct machine *m, uint64_t *bytes, GError **error)
{
    const struct virtio_balloon *b = find(m, error);

    *bytes = b ? guest_bytes(b) : 0;
    return b != NULL;
}

bool balloon_set_target(struct machine *m, uint64_t bytes, GError **error)
{
    struct virtio_balloon *b = find(m, error);

    if (!b) {
        return false;
    }
    if (bytes == 0) {
        set_error(error, "Parameter 'target' expects a size");
        return false;
    }
    b->num_pages = (uint32_t)MIN((ram_size(b) - MIN(bytes, ram_size(b))) >> PFN_SHIFT, UINT32_MAX);
    fill_config(b);
    virtio_config_changed(&b->v);
    return true;
}

bool balloon_stats(struct machine *m, struct balloon_stats *stats, GError **error)
{
    const struct virtio_balloon *b = find(m, error);

    if (b) {
        *stats = b->stats;
    }
    return b != NULL;
}

bool balloon_set_polling(struct machine *m, uint32_t seconds, GError **error)
{
    struct virtio_balloon *b = find(m, error);

    if (b) {
        b->polling = seconds;
        poll_later(b);
    }
    return b != NULL;
}
