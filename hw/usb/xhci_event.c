/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci_event.c: event rings and interrupts.
 * Source: xHCI 1.2, 4.9.4 (rings), 4.17 (interrupts), 5.5.2 (registers).
 *
 * A ring whose next place is the guest's dequeue pointer is full: events wait in the backlog then.
 * Invariants and thread: xhci.h.
 */
#include <string.h>
#include "hw/usb/xhci.h"
#include "util/log.h"

/* clang-format off */
enum { IMAN_PENDING = 1 << 0, IMAN_ENABLE = 1 << 1 };
enum { ERDP_BUSY = 1 << 3 };
#define ADDRESS_MASK (~(uint64_t)0xf)
/* clang-format on */

/* Interrupts ------------------------------------------------------------------------------------ */

void xhci_update_intx(struct xhci *s)
{
    bool level = s->cmd & CMD_INTE && (s->intr[0].iman & 3) == (IMAN_PENDING | IMAN_ENABLE);

    pci_set_intx(&s->pci, level && !pci_msix_enabled(&s->pci) && !pci_msi_enabled(&s->pci));
}

static bool is_empty(const struct xhci_intr *v)
{
    return v->segment + v->index * 16ull == (v->dequeue & ADDRESS_MASK);
}

void xhci_update_interrupt(struct xhci *s, unsigned intr)
{
    struct xhci_intr *v = &s->intr[intr];

    if (v->wanted && !(v->dequeue & ERDP_BUSY) && !is_empty(v)) {
        v->wanted = false;
        v->dequeue |= ERDP_BUSY;
        v->iman |= IMAN_PENDING;
        s->status |= STS_EVENT;
    }
    if ((v->iman & 3) == (IMAN_PENDING | IMAN_ENABLE) && s->cmd & CMD_INTE) {
        if (pci_msix_enabled(&s->pci)) {
            v->iman &= ~(uint32_t)IMAN_PENDING; /* 4.17.5 */
            pci_msix_send(&s->pci, intr);
        } else if (pci_msi_enabled(&s->pci)) {
            v->iman &= ~(uint32_t)IMAN_PENDING;
            pci_msi_send(&s->pci, intr);
        }
    }
    xhci_update_intx(s);
}

/* Rings ----------------------------------------------------------------------------------------- */

static bool load_segment(struct xhci *s, struct xhci_intr *v, uint32_t n)
{
    struct {
        uint64_t base;
        uint32_t size, reserved;
    } entry;

    if (!dma_load(xhci_machine(s), v->erst + n * sizeof(entry), &entry, sizeof(entry))) {
        xhci_host_error(s, "an event ring's table is not RAM");
        return false;
    }
    if ((entry.size & 0xffff) < 16) {
        log_line(LOG_GUEST_ERRORS, "xhci: an event ring's segment of %u events", entry.size);
        return false;
    }
    v->segment = entry.base & ~(uint64_t)0x3f;
    v->segment_size = entry.size & 0xffff;
    v->segment_number = n;
    v->index = 0;
    return true;
}

void xhci_set_ring(struct xhci *s, unsigned intr)
{
    struct xhci_intr *v = &s->intr[intr];

    v->segment_size = 0;
    v->cycle = true;
    if (v->erst_size && v->erst) {
        load_segment(s, v, 0);
    }
}

/* The address behind the next event's; 0: its table is not to be had. */
static uint64_t next_place(struct xhci *s, const struct xhci_intr *v)
{
    struct xhci_intr probe = *v;

    if (v->index + 1 < v->segment_size) {
        return v->segment + (v->index + 1) * 16ull;
    }
    return load_segment(s, &probe, (v->segment_number + 1) % v->erst_size) ? probe.segment : 0;
}

static void advance(struct xhci *s, struct xhci_intr *v)
{
    uint32_t next = (v->segment_number + 1) % v->erst_size;

    if (++v->index == v->segment_size) {
        v->cycle ^= next == 0;
        if (!load_segment(s, v, next)) {
            v->segment_size = 0;
        }
    }
}

/* False: there is no room. */
static bool write_event(struct xhci *s, const struct xhci_event *e)
{
    struct xhci_intr *v = &s->intr[e->intr];
    struct xhci_trb trb = e->trb;
    uint64_t at = v->segment + v->index * 16ull, next;

    if (!v->segment_size || !v->erst_size || s->status & STS_HOST_ERROR) {
        return true; /* nowhere: it is lost */
    }
    next = next_place(s, v);
    if (next == (v->dequeue & ADDRESS_MASK)) {
        return false;
    }
    trb.control |= v->cycle ? TRB_CYCLE : 0;
    if (!dma_store(xhci_machine(s), at, &trb, offsetof(struct xhci_trb, control))) {
        xhci_host_error(s, "an event ring is not RAM");
        return true;
    }
    /* The cycle bit gives the event to the guest: it comes last. */
    atomic_thread_fence(memory_order_release);
    dma_store(xhci_machine(s), at + offsetof(struct xhci_trb, control), &trb.control, 4);
    advance(s, v);
    v->wanted |= !e->quiet;
    xhci_update_interrupt(s, e->intr);
    return true;
}

void xhci_send_event(struct xhci *s, unsigned intr, const struct xhci_trb *trb, bool quiet)
{
    const struct xhci_event e = { *trb, intr < s->intrs ? intr : 0, quiet };

    if (s->backlog->len == 0 && write_event(s, &e)) {
        return;
    }
    if (s->backlog->len + sizeof(e) > XHCI_BACKLOG) {
        log_line(LOG_GUEST_ERRORS, "xhci: an event is lost, its ring is full");
        return;
    }
    g_byte_array_append(s->backlog, (const uint8_t *)&e, sizeof(e));
}

static void send_backlog(struct xhci *s)
{
    unsigned done = 0;
    struct xhci_event e;

    while (done + sizeof(e) <= s->backlog->len) {
        memcpy(&e, s->backlog->data + done, sizeof(e));
        if (!write_event(s, &e)) {
            break;
        }
        done += sizeof(e);
    }
    if (done) {
        g_byte_array_remove_range(s->backlog, 0, done);
    }
}

void xhci_dequeued(struct xhci *s, unsigned intr, uint64_t value)
{
    struct xhci_intr *v = &s->intr[intr];
    uint64_t busy = v->dequeue & ERDP_BUSY & ~value; /* written as 1: cleared */

    v->dequeue = (value & ~(uint64_t)ERDP_BUSY) | busy;
    if (s->backlog->len) {
        send_backlog(s);
        if (xhci_has_room(s)) {
            xhci_run_commands(s);
            xhci_run_all(s);
        }
    }
    xhci_update_interrupt(s, intr);
}
