/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio.h: what every virtio device is: features, a status, configuration space and queues.
 * Source: Virtual I/O Device (VIRTIO) 1.2 (OASIS); section numbers are its.
 *
 * A function (disk, network card, ...) is a struct that begins with struct virtio_device and one const
 * struct virtio_ops.  A device type puts a transport in front of it: virtio_pci.h, virtio_mmio.h.
 * hw/virtio/virtio_rng.c is the smallest function.
 *
 * A queue's handler takes elements with virtqueue_pop until there are none, keeps them while it works
 * and gives each back with virtqueue_push, in any order; then virtqueue_notify tells the guest.
 *
 * Invariants: ring memory is RAM, an element's buffers too; every index and length from the guest is
 *             checked before use, and what breaks the rules makes the device need a reset.
 *             A device without elements in flight can be saved: pre_save waits for that.
 * Thread:     under the machine lock, and that of the device's iothread if it has one.  There `notified`,
 *             and the block requests that it begins, run under the latter alone.
 */
#ifndef HW_VIRTIO_VIRTIO_H
#define HW_VIRTIO_VIRTIO_H

#include "softmmu/device.h"
#include "softmmu/dma.h"
#include "softmmu/io_event.h"
#include "softmmu/machine.h"

#define VIRTIO_MAX_QUEUES 66u   /* of 64 CPUs, and two more */
#define VIRTIO_MAX_SIZE   1024u /* of a queue, and descriptors of one element */
#define VIRTIO_MAX_CONFIG 256u
#define VIRTIO_NO_VECTOR  0xffffu

/* clang-format off */
enum virtio_id { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2, VIRTIO_ID_CONSOLE = 3, VIRTIO_ID_RNG = 4,
                 VIRTIO_ID_BALLOON = 5, VIRTIO_ID_SCSI = 8, VIRTIO_ID_9P = 9, VIRTIO_ID_GPU = 16,
                 VIRTIO_ID_INPUT = 18 };
enum virtio_status {            /* 2.1 */
    VIRTIO_ACKNOWLEDGE = 1, VIRTIO_DRIVER = 2, VIRTIO_DRIVER_OK = 4, VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 64, VIRTIO_FAILED = 128,
};
enum virtio_feature {           /* 6: bit numbers */
    VIRTIO_F_ANY_LAYOUT = 27, VIRTIO_F_INDIRECT_DESC = 28, VIRTIO_F_EVENT_IDX = 29,
    VIRTIO_F_VERSION_1 = 32, VIRTIO_F_RING_PACKED = 34,
};
/* clang-format on */

struct virtio_device;
struct virtio_queue;

/* One request of the guest's: what the device reads, then what it writes. */
struct virtio_element {
    struct virtio_queue *vq;
    struct dma_list out, in; /* from and to the guest */
    uint16_t id;             /* split: the first descriptor; packed: the buffer's id */
    uint16_t slots;          /* of the ring that it takes */
};

struct virtio_queue {
    struct virtio_device *v;
    uint16_t index;
    uint16_t max_size, size;       /* size: the driver's choice */
    uint64_t desc, driver, device; /* the three areas (2.6); split: table, available, used */
    uint16_t vector;               /* MSI-X, or VIRTIO_NO_VECTOR */
    bool enabled;
    bool avail_wrap, used_wrap; /* packed */
    uint16_t avail_idx;         /* next element to take: a count (split), a slot (packed) */
    uint16_t used_idx;          /* next to give back */
    uint16_t unsignalled;       /* slots given back since the guest was last asked */
    unsigned in_flight;         /* elements */
};

struct virtio_ops {
    enum virtio_id id;
    const char *romfile;  /* over PCI: its own boot ROM, or NULL */
    bool modern_only;     /* there never was a legacy interface */
    unsigned config_size; /* bytes of configuration space, at most VIRTIO_MAX_CONFIG */
    /*
     * Queues (virtio_add_queue), features, the first contents of config.  Nothing is to be undone when
     * it fails.
     */
    bool (*realize)(struct virtio_device *v, GError **error);
    /* Optional, after the transport is there: buses below it, boot order.  Undone by unrealize. */
    bool (*plugged)(struct virtio_device *v, GError **error);
    void (*unrealize)(struct virtio_device *v); /* after reset, once realize has succeeded */
    /* Gives up elements in flight: they are freed with virtqueue_drop. */
    void (*reset)(struct virtio_device *v);
    /* The driver made buffers available. */
    void (*notified)(struct virtio_device *v, struct virtio_queue *vq);
    /* Optional: features were agreed, or the status changed otherwise. */
    void (*status_changed)(struct virtio_device *v);
    /* Optional: the driver wrote `size` bytes of config at off; others are read-only. */
    void (*config_write)(struct virtio_device *v, unsigned off, unsigned size, uint32_t value);
    void (*pre_save)(struct virtio_device *v); /* optional: waits for elements in flight */
    bool (*post_load)(struct virtio_device *v, GError **error);
};

#define VIRTIO_PLACES 2u

/* How a transport tells the guest; vector is the queue's or config's. */
struct virtio_transport {
    void (*interrupt)(struct virtio_device *v, uint16_t vector, bool config);
    /* Optional, any thread: a queue's interrupt without the machine lock.  False: it needs that. */
    bool (*signal)(struct virtio_device *v, uint16_t vector);
    /* Optional: the writes that notify of a queue, and how many kinds; fd is the caller's. */
    unsigned (*notify_places)(struct virtio_device *v, unsigned index,
                              struct io_event place[VIRTIO_PLACES]);
};

struct virtio_device {
    struct device *dev; /* the whole */
    const struct virtio_ops *ops;
    const struct virtio_transport *transport;
    bool indirect_desc, event_idx, packed; /* properties */
    uint64_t offered;                      /* features */
    uint64_t offered_legacy;               /* more of them, by the legacy interface alone */
    uint64_t features;                     /* those that the driver accepted */
    bool legacy;                           /* the driver uses a legacy interface */
    uint8_t status;
    uint8_t generation; /* of config */
    uint16_t config_vector;
    uint8_t config[VIRTIO_MAX_CONFIG];
    struct virtio_queue queues[VIRTIO_MAX_QUEUES];
    unsigned n_queues;
    /* Where the queues run; NULL: on the thread that notifies. */
    struct iothread *iothread; /* property of some */
    struct iothread_call serve, signal;
    _Atomic uint64_t notified[2]; /* a bit for each queue: the iothread has not looked yet */
    uint64_t signalled[2];        /* interrupts that wait for the machine lock: of queues ... */
    bool config_signalled;        /* ... and of config */
    struct virtio_notifier **notifiers; /* by queue: virtio_notify.c; NULL: none */
};

#define VIRTIO_PROPS(strct, member)                                                                \
    PROP_BOOL(strct, "indirect_desc", member.indirect_desc, true, "indirect descriptors"),         \
        PROP_BOOL(strct, "event_idx", member.event_idx, true, "event index"),                      \
        PROP_BOOL(strct, "packed", member.packed, false, "packed rings")
#define VIRTIO_STATE(strct, member)                                                                \
    STATE_SUB(strct, member, 1, virtio_device_state, 1, "virtio device")
extern const struct state_row virtio_device_state[];

static inline bool virtio_has(const struct virtio_device *v, unsigned feature)
{
    return v->features >> feature & 1;
}
static inline struct machine *virtio_machine(const struct virtio_device *v)
{
    return v->dev->machine;
}

/* For functions -------------------------------------------------------------------------------- */

/* The next queue; max_size: a power of two up to VIRTIO_MAX_SIZE. */
struct virtio_queue *virtio_add_queue(struct virtio_device *v, unsigned max_size);
/* A field of config, little-endian; size: 1, 2, 4 or 8. */
void virtio_config_put(struct virtio_device *v, unsigned off, uint64_t value, unsigned size);
/* The device changed its config: tells the driver. */
void virtio_config_changed(struct virtio_device *v);
/* The driver broke a rule: nothing works until it resets the device (2.1.1). */
void virtio_error(struct virtio_device *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* No element is in flight. */
bool virtio_idle(const struct virtio_device *v);

/* The next element, or NULL: none, or the queue is not usable. */
struct virtio_element *virtqueue_pop(struct virtio_queue *vq);
/* Gives it back with `written` bytes of `in` filled from its start on, and frees it. */
void virtqueue_push(struct virtio_element *e, uint32_t written);
/* The same of n elements of one queue, which the guest sees at once (5.1.6.4: the buffers of one frame). */
void virtqueue_push_all(struct virtio_element *const *e, const uint32_t *written, unsigned n);
/* The newest element, which nothing was done to, goes back: the next virtqueue_pop takes it again. */
void virtqueue_unpop(struct virtio_element *e);
/* Frees it without a word: the queue was reset. */
void virtqueue_drop(struct virtio_element *e);
/* An interrupt, if the driver wants one for what was pushed. */
void virtqueue_notify(struct virtio_queue *vq);

/*
 * virtqueue_notify and whoever changed config: the queue's interrupt, or (vq NULL) that of the
 * configuration; later, under the machine lock, when the caller does not hold it.
 */
void virtio_signal(struct virtio_device *v, struct virtio_queue *vq);

/* For transports ------------------------------------------------------------------------------- */

/* The function's realize; the transport calls plugged after its own, and reports what failed. */
bool virtio_realize(struct virtio_device *v, struct device *dev, const struct virtio_ops *ops,
                    const struct virtio_transport *transport, GError **error);
bool virtio_plugged(struct virtio_device *v, GError **error);
void virtio_unrealize(struct virtio_device *v);
void virtio_reset(struct virtio_device *v);
/* Nothing is in flight afterwards. */
void virtio_pre_save(struct virtio_device *v);
bool virtio_post_load(struct virtio_device *v, GError **error);
void virtio_set_status(struct virtio_device *v, uint8_t status);
/* Half 0 or 1 of the features that the driver accepts. */
void virtio_set_features(struct virtio_device *v, unsigned half, uint32_t value);
/* NULL: there is no such queue. */
struct virtio_queue *virtio_queue_at(struct virtio_device *v, unsigned index);
void virtio_queue_set_size(struct virtio_queue *vq, unsigned size);
void virtio_queue_enable(struct virtio_queue *vq);
/* The legacy layout: three areas behind one another from addr on (2.7.2); 0: disabled. */
void virtio_queue_set_legacy(struct virtio_queue *vq, uint64_t addr, uint32_t align);
/* Around accesses to registers: the lock of the device's iothread. */
static inline void virtio_lock(struct virtio_device *v)
{
    iothread_lock(v->iothread);
}
static inline void virtio_unlock(struct virtio_device *v)
{
    iothread_unlock(v->iothread);
}
/* The driver's notification of a queue; any index.  Machine lock alone. */
void virtio_notified(struct virtio_device *v, unsigned index);
/* size: 1, 2, 4.  What is out of range reads as zeroes. */
uint32_t virtio_config_read(struct virtio_device *v, unsigned off, unsigned size);
void virtio_config_write(struct virtio_device *v, unsigned off, uint32_t value, unsigned size);

#endif
