/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/kvm/io_events.c: guest writes that the kernel takes without an exit (softmmu/io_event.h): eventfds that it adds
 * to, and the ring in which it gathers coalesced ones.
 *
 * They follow the flat views.  What the kernel does not take exits as before.
 *
 * Thread: machine lock held; changes of a view come with the vCPUs out of the guest.
 * Source: Linux, Documentation/virt/kvm/api.rst, 4.59 KVM_IOEVENTFD, 4.116 KVM_(UN)REGISTER_COALESCED_MMIO.
 */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>
#include "accel/kvm/internal.h"
#include "util/error.h"
#include "util/log.h"

struct kvm_views {
    struct kvm *kvm;
    struct mem_listener memory, io;
    GHashTable *regions;  /* of those that have an event or a range */
    bool events, any_len; /* the kernel can */
    bool coalesced, coalesced_io;
    size_t ring_offset; /* of a vCPU's mapping; 0: none */
    bool flushing;
};

/* Where things lie ---------------------------------------------------------------------------- */

static bool within(const struct mem_section *s, uint64_t offset)
{
    return offset >= s->offset && offset - s->offset <= s->last - s->start;
}

static void find_in_section(struct io_events *io, const struct mem_section *s)
{
    for (struct io_event *e = io->events; e; e = e->next) {
        if (e->mr == s->mr && within(s, e->offset)) {
            e->found = true;
            e->now = s->start + (e->offset - s->offset);
        }
    }
    for (struct io_coalesced *c = io->ranges; c; c = c->next) {
        uint64_t first = MAX(c->offset, s->offset);
        uint64_t last = MIN(c->offset + c->size - 1, s->offset + (s->last - s->start));

        if (c->mr == s->mr && first <= last) {
            c->found = true;
            c->now = s->start + (first - s->offset);
            c->now_last = s->start + (last - s->offset);
        }
    }
}

static void find_all(struct kvm *k, const struct address_space *as)
{
    struct io_events *io = &k->io_events;
    GHashTable *regions = k->views->regions;

    g_hash_table_remove_all(regions);
    for (struct io_event *e = io->events; e; e = e->next) {
        e->found = false;
        g_hash_table_add(regions, e->mr);
    }
    for (struct io_coalesced *c = io->ranges; c; c = c->next) {
        c->found = false;
        g_hash_table_add(regions, c->mr);
    }
    for (unsigned i = 0; i < as->n_sections; i++) {
        if (!as->sections[i].ram && g_hash_table_contains(regions, as->sections[i].mr)) {
            find_in_section(io, &as->sections[i]);
        }
    }
}

/* Eventfds ------------------------------------------------------------------------------------ */

static bool set_event(struct kvm *k, const struct io_event *e, bool on)
{
    struct kvm_ioeventfd event = {
        .datamatch = e->value,
        .addr = e->addr,
        .len = e->size             ? e->size
               : k->views->any_len ? 0
                                   : 2, /* virtio's notifications */
        .fd = e->fd,
        .flags = (e->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0) |
                 (e->port ? KVM_IOEVENTFD_FLAG_PIO : 0) | (on ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
    };

    if (kvm_vm_ioctl(k, KVM_IOEVENTFD, &event) >= 0) {
        return true;
    }
    log_line(LOG_ACCEL, "kvm: %s eventfd for writes to %s 0x%" PRIx64 ": %s",
             on ? "no" : "keeps its", e->port ? "port" : "address", e->addr, g_strerror(errno));
    return false;
}

static void take_back(struct kvm *k, struct io_event *e)
{
    if (e->placed) {
        set_event(k, e, false);
        e->placed = false;
        k->n_events--;
    }
}

static void place_events(struct kvm *k, bool port)
{
    for (struct io_event *e = k->io_events.events; e; e = e->next) {
        if (e->placed && e->port == port && (!e->found || e->now != e->addr)) {
            take_back(k, e);
        }
    }
    for (struct io_event *e = k->io_events.events; e && k->views->events; e = e->next) {
        if (e->found && !e->placed) {
            e->port = port;
            e->addr = e->now;
            e->placed = set_event(k, e, true);
            k->n_events += e->placed;
        }
    }
}

/* Coalesced ranges ---------------------------------------------------------------------------- */

static bool set_range(struct kvm *k, const struct io_coalesced *c, bool on)
{
    struct kvm_coalesced_mmio_zone zone = { .addr = c->addr,
                                            .size = (uint32_t)(c->last - c->addr + 1),
                                            .pio = c->port };

    return kvm_vm_ioctl(k, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO,
                        &zone) >= 0;
}

static void take_range_back(struct kvm *k, struct io_coalesced *c)
{
    if (c->placed) {
        set_range(k, c, false);
        c->placed = false;
    }
}

static void place_ranges(struct kvm *k, bool port)
{
    if (!(port ? k->views->coalesced_io : k->views->coalesced)) {
        return;
    }
    for (struct io_coalesced *c = k->io_events.ranges; c; c = c->next) {
        bool same = c->found && c->now == c->addr && c->now_last == c->last;

        if (c->placed && c->port == port && !same) {
            take_range_back(k, c);
        }
        if (c->found && !c->placed) {
            c->port = port;
            c->addr = c->now;
            c->last = c->now_last;
            c->placed = set_range(k, c, true);
        }
    }
}

static struct kvm_coalesced_mmio_ring *ring_of(const struct kvm *k)
{
    for (unsigned i = 0; i < k->machine->n_vcpus; i++) {
        const struct kvm_vcpu *v = k->vcpus[i];

        if (v && v->run) { /* all of them show the same */
            return (struct kvm_coalesced_mmio_ring *)((uint8_t *)v->run + k->views->ring_offset);
        }
    }
    return NULL;
}

static void perform(struct machine *m, const struct kvm_coalesced_mmio *w)
{
    uint32_t len = MIN(w->len, sizeof(w->data));

    if (w->pio) {
        address_space_write(&m->io, w->phys_addr, w->data, len);
    } else {
        address_space_write(&m->memory, kvm_a20(m->kvm, w->phys_addr), w->data, len);
    }
}

void kvm_flush_coalesced(struct machine *m)
{
    struct kvm *k = m->kvm;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint32_t max = (uint32_t)((page - sizeof(struct kvm_coalesced_mmio_ring)) /
                              sizeof(struct kvm_coalesced_mmio));
    struct kvm_coalesced_mmio_ring *ring;

    if (!k->views || !k->views->ring_offset || k->views->flushing || !(ring = ring_of(k))) {
        return;
    }
    k->views->flushing = true; /* a device may ask for it, too */
    for (;;) {
        uint32_t first = ring->first % max;

        if (first == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) % max) {
            break;
        }
        perform(m, &ring->coalesced_mmio[first]);
        k->n_coalesced++;
        __atomic_store_n(&ring->first, (first + 1) % max, __ATOMIC_RELEASE);
    }
    k->views->flushing = false;
}

/* Life ---------------------------------------------------------------------------------------- */

static void look_at(struct kvm *k, const struct address_space *as, bool port)
{
    if (k->io_events.events || k->io_events.ranges) {
        find_all(k, as);
        place_events(k, port);
        place_ranges(k, port);
    }
}

static void memory_changed(struct mem_listener *l, struct address_space *as)
{
    struct kvm_views *views = (struct kvm_views *)((char *)l - offsetof(struct kvm_views, memory));

    kvm_flush_coalesced(views->kvm->machine);
    look_at(views->kvm, as, false);
}

static void io_changed(struct mem_listener *l, struct address_space *as)
{
    struct kvm_views *views = (struct kvm_views *)((char *)l - offsetof(struct kvm_views, io));

    look_at(views->kvm, as, true);
}

static void added(struct machine *m)
{
    look_at(m->kvm, &m->memory, false);
    look_at(m->kvm, &m->io, true);
}

static void removed(struct machine *m, struct io_event *e)
{
    take_back(m->kvm, e);
}

static void range_removed(struct machine *m, struct io_coalesced *c)
{
    kvm_flush_coalesced(m);
    take_range_back(m->kvm, c);
}

void kvm_io_events_init(struct kvm *k)
{
    struct kvm_views *views = g_new0(struct kvm_views, 1);
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    views->kvm = k;
    views->regions = g_hash_table_new(NULL, NULL);
    views->events = kvm_cap(k, KVM_CAP_IOEVENTFD) > 0;
    views->any_len = kvm_cap(k, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
    views->ring_offset = (size_t)kvm_cap(k, KVM_CAP_COALESCED_MMIO) * page;
    if (views->ring_offset + page > k->run_size) {
        views->ring_offset = 0;
    }
    views->coalesced = views->ring_offset > 0;
    views->coalesced_io = views->coalesced && kvm_cap(k, KVM_CAP_COALESCED_PIO) > 0;
    views->memory.changed = memory_changed;
    views->io.changed = io_changed;
    k->views = views;
    k->io_events = (struct io_events){ .added = added,
                                       .removed = removed,
                                       .range_removed = range_removed,
                                       .flush = kvm_flush_coalesced };
    k->machine->io_events = &k->io_events;
    address_space_add_listener(&k->machine->memory, &views->memory);
    address_space_add_listener(&k->machine->io, &views->io);
}

void kvm_io_events_free(struct kvm *k)
{
    if (k->views) {
        address_space_del_listener(&k->machine->memory, &k->views->memory);
        address_space_del_listener(&k->machine->io, &k->views->io);
        k->machine->io_events = NULL;
        g_hash_table_unref(k->views->regions);
        g_clear_pointer(&k->views, g_free);
    }
}
