/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio.c: a device's status, features, configuration space and queues, as every transport
 * shows them.  Source: VIRTIO 1.2, 2 and 3.  Invariants and thread: virtio.h.
 */
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio_internal.h"

#include <string.h>
#include "util/error.h"
#include "util/log.h"

#define BIT(n) (1ull << (n))

/* Queues --------------------------------------------------------------------------------------- */

struct virtio_queue *virtio_add_queue(struct virtio_device *v, unsigned max_size)
{
    struct virtio_queue *vq = &v->queues[v->n_queues];

    g_assert(v->n_queues < VIRTIO_MAX_QUEUES && max_size <= VIRTIO_MAX_SIZE);
    *vq = (struct virtio_queue){ .v = v, .index = (uint16_t)v->n_queues++ };
    vq->max_size = vq->size = (uint16_t)max_size;
    return vq;
}

struct virtio_queue *virtio_queue_at(struct virtio_device *v, unsigned index)
{
    return index < v->n_queues ? &v->queues[index] : NULL;
}

void virtio_queue_set_size(struct virtio_queue *vq, unsigned size)
{
    bool power = (size & (size - 1)) == 0;

    if (vq->enabled) {
        return; /* 4.1.4.3.2: not then */
    }
    if (size == 0 || size > vq->max_size || !(power || vq->v->packed)) {
        log_line(LOG_GUEST_ERRORS, "%s: queue %u of %u entries, has at most %u",
                 vq->v->dev->type->name, vq->index, size, vq->max_size);
        return;
    }
    vq->size = (uint16_t)size;
}

void virtio_queue_enable(struct virtio_queue *vq)
{
    if (!virtio_has(vq->v, VIRTIO_F_RING_PACKED) && vq->size & (vq->size - 1)) {
        virtio_error(vq->v, "queue %u: %u entries are no power of two", vq->index, vq->size);
        return;
    }
    vq->enabled = true;
}

void virtio_queue_set_legacy(struct virtio_queue *vq, uint64_t addr, uint32_t align)
{
    uint64_t avail = addr + 16u * vq->size;

    vq->desc = addr;
    vq->driver = avail;
    vq->device = (avail + 4 + 2u * vq->size + 2 + align - 1) & ~(uint64_t)(align - 1);
    vq->enabled = addr != 0;
    vq->avail_idx = vq->used_idx = vq->unsignalled = 0;
}

static void reset_queue(struct virtio_queue *vq)
{
    g_assert(vq->in_flight == 0);
    vq->size = vq->max_size;
    vq->desc = vq->driver = vq->device = 0;
    vq->vector = VIRTIO_NO_VECTOR;
    vq->enabled = false;
    vq->avail_wrap = vq->used_wrap = true;
    vq->avail_idx = vq->used_idx = vq->unsignalled = 0;
}

static void serve_queue(struct virtio_device *v, struct virtio_queue *vq)
{
    if (vq->enabled && !(v->status & VIRTIO_NEEDS_RESET)) {
        v->ops->notified(v, vq);
    }
}

void virtio_serve(struct virtio_device *v, unsigned index)
{
    serve_queue(v, &v->queues[index]);
}

static void serve_notified(void *opaque)
{
    struct virtio_device *v = opaque;

    for (unsigned word = 0; word < G_N_ELEMENTS(v->notified); word++) {
        uint64_t bits = atomic_exchange(&v->notified[word], 0);

        for (; bits; bits &= bits - 1) {
            serve_queue(v, &v->queues[word * 64 + (unsigned)__builtin_ctzll(bits)]);
        }
    }
}

void virtio_notified(struct virtio_device *v, unsigned index)
{
    if (index >= v->n_queues) {
        return;
    }
    if (v->iothread) {
        atomic_fetch_or(&v->notified[index / 64], BIT(index % 64));
        iothread_call(v->iothread, &v->serve);
    } else {
        serve_queue(v, &v->queues[index]);
    }
}

/* Interrupts ----------------------------------------------------------------------------------- */

static void send_signals(void *opaque)
{
    struct virtio_device *v = opaque;

    for (unsigned word = 0; word < G_N_ELEMENTS(v->signalled); word++) {
        uint64_t bits = v->signalled[word];

        v->signalled[word] = 0;
        for (; bits; bits &= bits - 1) {
            const struct virtio_queue *vq = &v->queues[word * 64 + (unsigned)__builtin_ctzll(bits)];

            v->transport->interrupt(v, vq->vector, false);
        }
    }
    if (v->config_signalled) {
        v->config_signalled = false;
        v->transport->interrupt(v, v->config_vector, true);
    }
}

void virtio_signal(struct virtio_device *v, struct virtio_queue *vq)
{
    if (vq && v->transport->signal && v->transport->signal(v, vq->vector)) {
        return;
    }
    if (!v->iothread || machine_locked(virtio_machine(v))) {
        v->transport->interrupt(v, vq ? vq->vector : v->config_vector, !vq);
        return;
    }
    if (vq) {
        v->signalled[vq->index / 64] |= BIT(vq->index % 64);
    } else {
        v->config_signalled = true;
    }
    iothread_call(v->iothread, &v->signal);
}

static void forget_signals(struct virtio_device *v)
{
    for (unsigned word = 0; word < G_N_ELEMENTS(v->signalled); word++) {
        atomic_store(&v->notified[word], 0);
        v->signalled[word] = 0;
    }
    v->config_signalled = false;
}

/* Status and features -------------------------------------------------------------------------- */

void virtio_error(struct virtio_device *v, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = g_strdup_vprintf(fmt, args);
    va_end(args);
    log_line(LOG_GUEST_ERRORS, "%s: %s", v->dev->type->name, text);
    if (v->status & VIRTIO_NEEDS_RESET) {
        return;
    }
    v->status |= VIRTIO_NEEDS_RESET;
    if (v->status & VIRTIO_DRIVER_OK && virtio_has(v, VIRTIO_F_VERSION_1)) {
        virtio_signal(v, NULL);
    }
}

static bool any_enabled(const struct virtio_device *v)
{
    for (unsigned i = 0; i < v->n_queues; i++) {
        if (v->queues[i].enabled) {
            return true;
        }
    }
    return false;
}

static uint64_t all_offered(const struct virtio_device *v)
{
    return v->offered | (v->legacy ? v->offered_legacy : 0);
}

/* A queue in use keeps its layout: nothing changes then. */
void virtio_set_features(struct virtio_device *v, unsigned half, uint32_t value)
{
    if (half > 1 || v->status & VIRTIO_FEATURES_OK || any_enabled(v)) {
        return;
    }
    v->features &= ~((uint64_t)UINT32_MAX << half * 32);
    v->features |= (uint64_t)value << half * 32;
    v->features &= all_offered(v);
}

/* 3.1.1, step 5: the driver reads back whether its choice is good. */
static bool accept_features(const struct virtio_device *v)
{
    return v->legacy || virtio_has(v, VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_device *v, uint8_t status)
{
    if (status == 0) {
        virtio_reset(v);
        return;
    }
    if (status & VIRTIO_FEATURES_OK && !(v->status & VIRTIO_FEATURES_OK) && !accept_features(v)) {
        status &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    v->status = status | (v->status & VIRTIO_NEEDS_RESET);
    if (v->status & VIRTIO_DRIVER_OK) {
        virtio_notifiers_start(v);
    }
    if (v->ops->status_changed) {
        v->ops->status_changed(v);
    }
}

void virtio_reset(struct virtio_device *v)
{
    virtio_notifiers_stop(v);
    forget_signals(v);
    v->ops->reset(v);
    v->status = 0;
    v->features = 0;
    v->legacy = false;
    v->generation = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < v->n_queues; i++) {
        reset_queue(&v->queues[i]);
    }
    if (v->ops->status_changed) {
        v->ops->status_changed(v);
    }
}

bool virtio_idle(const struct virtio_device *v)
{
    for (unsigned i = 0; i < v->n_queues; i++) {
        if (v->queues[i].in_flight) {
            return false;
        }
    }
    return true;
}

/* Configuration space -------------------------------------------------------------------------- */

uint32_t virtio_config_read(struct virtio_device *v, unsigned off, unsigned size)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= off + i < v->ops->config_size ? (uint32_t)v->config[off + i] << 8 * i : 0;
    }
    return value;
}

void virtio_config_put(struct virtio_device *v, unsigned off, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        v->config[off + i] = (uint8_t)(value >> 8 * i);
    }
}

void virtio_config_write(struct virtio_device *v, unsigned off, uint32_t value, unsigned size)
{
    if (v->ops->config_write && off < v->ops->config_size && size <= v->ops->config_size - off) {
        v->ops->config_write(v, off, size, value);
    }
}

void virtio_config_changed(struct virtio_device *v)
{
    v->generation++;
    if (v->status & VIRTIO_DRIVER_OK) {
        virtio_signal(v, NULL);
    }
}

/* Life ----------------------------------------------------------------------------------------- */

bool virtio_realize(struct virtio_device *v, struct device *dev, const struct virtio_ops *ops,
                    const struct virtio_transport *transport, GError **error)
{
    v->dev = dev;
    v->ops = ops;
    v->transport = transport;
    v->n_queues = 0;
    v->offered_legacy = 0;
    v->offered = BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT);
    v->offered |= v->indirect_desc ? BIT(VIRTIO_F_INDIRECT_DESC) : 0;
    v->offered |= v->event_idx ? BIT(VIRTIO_F_EVENT_IDX) : 0;
    v->offered |= v->packed ? BIT(VIRTIO_F_RING_PACKED) : 0;
    memset(v->config, 0, sizeof(v->config));
    v->serve = (struct iothread_call){ .fn = serve_notified, .opaque = v };
    v->signal = (struct iothread_call){ .fn = send_signals, .opaque = v, .machine_lock = true };
    if (!ops->realize(v, error)) {
        return false;
    }
    if (v->iothread) {
        v->iothread->users++;
    }
    return true;
}

bool virtio_plugged(struct virtio_device *v, GError **error)
{
    virtio_reset(v);
    return !v->ops->plugged || v->ops->plugged(v, error);
}

void virtio_unrealize(struct virtio_device *v)
{
    virtio_reset(v);
    if (v->ops->unrealize) {
        v->ops->unrealize(v);
    }
    if (v->iothread) {
        iothread_cancel(v->iothread, &v->serve);
        iothread_cancel(v->iothread, &v->signal);
        v->iothread->users--;
    }
}

void virtio_pre_save(struct virtio_device *v)
{
    virtio_notifiers_drain(v);
    serve_notified(v);
    if (v->ops->pre_save) {
        v->ops->pre_save(v);
    }
    send_signals(v);
}

bool virtio_post_load(struct virtio_device *v, GError **error)
{
    v->features &= all_offered(v);
    for (unsigned i = 0; i < v->n_queues; i++) {
        struct virtio_queue *vq = &v->queues[i];
        bool packed = virtio_has(v, VIRTIO_F_RING_PACKED);

        if (vq->size == 0 || vq->size > vq->max_size ||
            (vq->enabled && !packed && vq->size & (vq->size - 1)) ||
            (packed && (vq->avail_idx >= vq->size || vq->used_idx >= vq->size))) {
            set_error(error, "queue %u: %u entries at %u, %u", i, vq->size, vq->avail_idx,
                      vq->used_idx);
            return false;
        }
    }
    virtio_notifiers_stop(v);
    if (v->status & VIRTIO_DRIVER_OK) {
        virtio_notifiers_start(v);
    }
    return !v->ops->post_load || v->ops->post_load(v, error);
}

/* clang-format off */
static const struct state_row queue_state[] = {
    STATE_INT(struct virtio_queue, size, 1, "entries"),
    STATE_INT(struct virtio_queue, desc, 1, "descriptor area"),
    STATE_INT(struct virtio_queue, driver, 1, "driver area"),
    STATE_INT(struct virtio_queue, device, 1, "device area"),
    STATE_INT(struct virtio_queue, vector, 1, "MSI-X vector"),
    STATE_INT(struct virtio_queue, enabled, 1, "it is used"),
    STATE_INT(struct virtio_queue, avail_wrap, 1, "wrap counter of the next element"),
    STATE_INT(struct virtio_queue, used_wrap, 1, "wrap counter of the next used one"),
    STATE_INT(struct virtio_queue, avail_idx, 1, "next element"),
    STATE_INT(struct virtio_queue, used_idx, 1, "next used one"),
    STATE_INT(struct virtio_queue, unsignalled, 1, "given back without a word"),
    { 0 },
};
const struct state_row virtio_device_state[] = {
    STATE_INT(struct virtio_device, features, 1, "accepted features"),
    STATE_INT(struct virtio_device, legacy, 1, "legacy driver"),
    STATE_INT(struct virtio_device, status, 1, "status"),
    STATE_INT(struct virtio_device, generation, 1, "generation of the configuration"),
    STATE_INT(struct virtio_device, config_vector, 1, "MSI-X vector of the configuration"),
    STATE_BUF(struct virtio_device, config, 1, "configuration space"),
    STATE_SUB(struct virtio_device, queues, VIRTIO_MAX_QUEUES, queue_state, 1, "queues"),
    { 0 },
};
/* clang-format on */
