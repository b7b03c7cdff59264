/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci_ring.c: transfer rings: descriptors, what becomes of them, the events that tell.
 * Source: xHCI 1.2, 3.2, 4.10 (events), 4.11 (rings), 4.12 (streams), 6.4.1.
 * Invariants and thread: xhci.h.
 */
#include <string.h>
#include "hw/usb/xhci.h"
#include "softmmu/machine.h"
#include "util/log.h"

#define LINKS_MAX 64u       /* in a row, or within a descriptor */
#define AT_ONCE   256u      /* descriptors of an endpoint before others have their turn */
#define WORK_MAX  65536u    /* blocks of all of them before the main loop has its turn */
#define RETRY     NS_PER_MS /* when they go on */

enum outcome { TD_DONE, TD_NONE, TD_WAITS, TD_FAILED };

/* Rings ----------------------------------------------------------------------------------------- */

bool xhci_fetch(struct xhci *s, struct xhci_ring *ring, struct xhci_trb *trb, uint64_t *addr,
                bool *bad)
{
    *bad = false;
    for (unsigned links = 0; links < LINKS_MAX; links++) {
        s->work++;
        if (!dma_load(xhci_machine(s), ring->at, trb, sizeof(*trb))) {
            xhci_host_error(s, "a ring is not RAM");
            return false;
        }
        if (!!(trb->control & TRB_CYCLE) != ring->cycle) {
            return false;
        }
        /* The rest of it is the guest's word from here on. */
        atomic_thread_fence(memory_order_acquire);
        dma_load(xhci_machine(s), ring->at, trb, sizeof(*trb));
        *addr = ring->at;
        if (TRB_TYPE(trb) != TRB_LINK) {
            ring->at += sizeof(*trb);
            return true;
        }
        ring->at = trb->param & ~(uint64_t)0xf;
        ring->cycle ^= !!(trb->control & TRB_TOGGLE);
    }
    log_line(LOG_GUEST_ERRORS, "xhci: a ring of links");
    *bad = true;
    return false;
}

/* All of a descriptor, or none of it. */
static enum outcome fetch_td(struct xhci *s, struct xhci_ring ring)
{
    struct xhci_td *td = &s->td;
    bool bad;

    td->n = 0;
    do {
        if (td->n == XHCI_TD_MAX) {
            log_line(LOG_GUEST_ERRORS, "xhci: a transfer of more than %u blocks", XHCI_TD_MAX);
            return TD_FAILED;
        }
        if (!xhci_fetch(s, &ring, &td->trbs[td->n], &td->addrs[td->n], &bad)) {
            return bad ? TD_FAILED : TD_NONE;
        }
    } while (td->trbs[td->n++].control & TRB_CHAIN);
    td->next = ring;
    return TD_DONE;
}

/* Events ---------------------------------------------------------------------------------------- */

static void transfer_event(struct xhci *s, unsigned slot, unsigned ep, unsigned i,
                           enum xhci_code code, uint64_t length)
{
    const struct xhci_trb *t = &s->td.trbs[i];
    bool data = TRB_TYPE(t) == TRB_EVENT_DATA;
    const struct xhci_trb e = { data ? t->param : s->td.addrs[i],
                                (uint32_t)code << 24 | (uint32_t)(length & 0xffffff),
                                TRB_TRANSFER_EVENT << 10 | slot << 24 | ep << 16 |
                                    (data ? TRB_ED : 0) };

    xhci_send_event(s, TRB_INTR(t), &e, t->control & TRB_BEI && code == CC_SUCCESS);
}

static bool has_data(const struct xhci_trb *t)
{
    return TRB_TYPE(t) == TRB_NORMAL || TRB_TYPE(t) == TRB_DATA || TRB_TYPE(t) == TRB_ISOCH ||
           TRB_TYPE(t) == TRB_SETUP;
}

/*
 * 4.10.1.1: an event for each block that asks for one, and for the one where a short packet came if that asks;
 * the bytes it tells are those that did not move, of an event data block all that did since the last one.
 */
static void report_done(struct xhci *s, unsigned slot, unsigned ep, uint64_t done)
{
    uint64_t left = done, since = 0;
    bool cut = false, told = false;

    for (unsigned i = 0; i < s->td.n; i++) {
        const struct xhci_trb *t = &s->td.trbs[i];
        uint32_t bytes = has_data(t) ? TRB_BYTES(t) : 0, moved = (uint32_t)MIN(left, bytes);
        bool data = TRB_TYPE(t) == TRB_EVENT_DATA, here = !cut && moved < bytes;

        left -= moved;
        since += moved;
        cut |= here;
        if (data && t->control & TRB_IOC) {
            transfer_event(s, slot, ep, i, cut ? CC_SHORT_PACKET : CC_SUCCESS, since);
            since = 0;
        } else if (!told && (t->control & TRB_IOC || (here && t->control & TRB_ISP))) {
            transfer_event(s, slot, ep, i, cut ? CC_SHORT_PACKET : CC_SUCCESS, bytes - moved);
            told = cut;
        }
    }
}

static void report_failed(struct xhci *s, unsigned slot, unsigned ep, enum xhci_code code)
{
    unsigned i = 0;

    transfer_event(s, slot, ep, i, code, has_data(&s->td.trbs[i]) ? TRB_BYTES(&s->td.trbs[i]) : 0);
    s->slot[slot].state[ep] = code == CC_TRB ? XHCI_EP_ERROR : XHCI_EP_HALTED;
    xhci_store_ep(s, slot, ep);
}

void xhci_report_stopped(struct xhci *s, unsigned slot, unsigned ep)
{
    const struct xhci_slot *sl = &s->slot[slot];

    if (sl->waiting[ep] && !sl->streams[ep] &&
        fetch_td(s, (struct xhci_ring){ sl->ring[ep], sl->cycle[ep] }) == TD_DONE) {
        transfer_event(s, slot, ep, 0, CC_STOPPED,
                       has_data(&s->td.trbs[0]) ? TRB_BYTES(&s->td.trbs[0]) : 0);
    }
}

/* Transfers ------------------------------------------------------------------------------------- */

struct usb_device *xhci_slot_device(struct xhci *s, const struct xhci_slot *slot)
{
    struct usb_port *port = slot->root ? usb_port_at(&s->bus, slot->root, slot->route) : NULL;

    return port && usb_hub_port_enabled(port) ? port->dev : NULL;
}

/* The room and data that the blocks name; false: some of it is not RAM. */
static bool gather(struct xhci *s, struct dma_list *list, bool in)
{
    for (unsigned i = 0; i < s->td.n; i++) {
        struct xhci_trb *t = &s->td.trbs[i];
        uint32_t bytes = has_data(t) ? TRB_BYTES(t) : 0;

        if (bytes == 0) {
            continue;
        }
        if (t->control & TRB_IDT) {
            if (bytes > sizeof(t->param) || in) {
                return false;
            }
            dma_list_add_own(list, &t->param, bytes);
        } else if (!dma_list_add(list, xhci_machine(s), t->param, bytes, in)) {
            return false;
        }
    }
    return true;
}

/* What the first block makes of a control endpoint's descriptor; false: it is none. */
static bool token_of(const struct xhci *s, unsigned ep, enum usb_token *token)
{
    const struct xhci_trb *t = &s->td.trbs[0];

    if (ep != 1) {
        *token = ep & 1 ? USB_IN : USB_OUT;
        return TRB_TYPE(t) == TRB_NORMAL || TRB_TYPE(t) == TRB_ISOCH;
    }
    *token = TRB_TYPE(t) == TRB_SETUP ? USB_SETUP : t->control & TRB_DIR_IN ? USB_IN : USB_OUT;
    return (TRB_TYPE(t) == TRB_SETUP && TRB_BYTES(t) == 8 && t->control & TRB_IDT) ||
           TRB_TYPE(t) == TRB_DATA || TRB_TYPE(t) == TRB_STATUS;
}

static enum outcome transfer(struct xhci *s, unsigned slot, unsigned ep, unsigned stream)
{
    struct dma_list list = { 0 };
    struct usb_packet p = { .ep = (uint8_t)(ep / 2), .stream = (uint16_t)stream, .data = &list };
    enum usb_result result;
    enum xhci_code code = CC_SUCCESS;

    if (TRB_TYPE(&s->td.trbs[0]) == TRB_NOOP) {
        report_done(s, slot, ep, 0);
        return TD_DONE;
    }
    if (!token_of(s, ep, &p.token)) {
        log_line(LOG_GUEST_ERRORS, "xhci: a transfer of type %u", TRB_TYPE(&s->td.trbs[0]));
        report_failed(s, slot, ep, CC_TRB);
        return TD_FAILED;
    }
    if (!gather(s, &list, p.token == USB_IN)) {
        dma_list_clear(&list);
        report_failed(s, slot, ep, CC_DATA_BUFFER);
        return TD_FAILED;
    }
    result = usb_handle(xhci_slot_device(s, &s->slot[slot]), &p);
    dma_list_clear(&list);
    switch (result) {
    case USB_OK:
        report_done(s, slot, ep, p.token == USB_IN ? p.done : UINT64_MAX);
        return TD_DONE;
    case USB_NAK:
        return TD_WAITS;
    case USB_STALL:
        code = CC_STALL;
        break;
    default:
        code = CC_TRANSACTION;
        break;
    }
    report_failed(s, slot, ep, code);
    return TD_FAILED;
}

/* Where an endpoint's descriptors are: its own ring, or that of a stream (6.2.4.1). */
static bool load_place(struct xhci *s, const struct xhci_slot *sl, unsigned ep, unsigned stream,
                       struct xhci_ring *ring)
{
    uint64_t context;

    if (!sl->streams[ep]) {
        *ring = (struct xhci_ring){ sl->ring[ep], sl->cycle[ep] };
        return stream == 0;
    }
    if (stream < 1 || stream >= 2u << sl->streams[ep] ||
        !dma_load(xhci_machine(s), sl->ring[ep] + 16ull * stream, &context, sizeof(context)) ||
        (context >> 1 & 7) != 1) { /* a primary transfer ring */
        return false;
    }
    *ring = (struct xhci_ring){ context & ~(uint64_t)0xf, context & 1 };
    return true;
}

static void store_place(struct xhci *s, struct xhci_slot *sl, unsigned ep, unsigned stream,
                        const struct xhci_ring *ring)
{
    uint64_t context = ring->at | 1 << 1 | ring->cycle;

    if (sl->streams[ep]) {
        dma_store(xhci_machine(s), sl->ring[ep] + 16ull * stream, &context, sizeof(context));
    } else {
        sl->ring[ep] = ring->at;
        sl->cycle[ep] = ring->cycle;
    }
}

static bool may_run(const struct xhci *s, const struct xhci_slot *sl, unsigned ep)
{
    return s->cmd & CMD_RUN && !(s->status & STS_HOST_ERROR) && sl->enabled &&
           sl->state[ep] == XHCI_EP_RUNNING && xhci_has_room(s);
}

static void run_ring(struct xhci *s, unsigned slot, unsigned ep, unsigned stream)
{
    struct xhci_slot *sl = &s->slot[slot];

    for (unsigned n = 0; may_run(s, sl, ep); n++) {
        struct xhci_ring ring;
        enum outcome outcome;

        if (n == AT_ONCE || s->work >= WORK_MAX) {
            s->again = true;
            return;
        }
        s->work++;
        if (!load_place(s, sl, ep, stream, &ring)) {
            return;
        }
        outcome = fetch_td(s, ring);
        if (outcome == TD_FAILED) {
            sl->state[ep] = XHCI_EP_ERROR;
            xhci_store_ep(s, slot, ep);
        }
        if (outcome != TD_DONE) {
            return;
        }
        sl->waiting[ep] = false;
        ring = s->td.next;
        outcome = transfer(s, slot, ep, stream);
        if (outcome == TD_WAITS) {
            sl->waiting[ep] = true;
        }
        if (outcome != TD_DONE) {
            return;
        }
        store_place(s, sl, ep, stream, &ring);
    }
}

/* stream 0: of an endpoint that has streams, all. */
static void run_endpoint(struct xhci *s, unsigned slot, unsigned ep, unsigned stream)
{
    const struct xhci_slot *sl = &s->slot[slot];

    if (!sl->streams[ep] || stream) {
        run_ring(s, slot, ep, stream);
        return;
    }
    for (unsigned i = 1; i < 2u << sl->streams[ep]; i++) {
        run_ring(s, slot, ep, i);
    }
}

static bool is_stopped(const struct xhci *s)
{
    return run_state_is_stopped(xhci_machine(s)->run_state);
}

/*
 * A device calls usb_wakeup from within usb_handle, for another endpoint: it is looked at from the main loop,
 * as is what was too much at once, or came while the machine was stopped.
 */
static void run(struct xhci *s, unsigned slot, unsigned ep, unsigned stream)
{
    if (s->busy || is_stopped(s)) {
        s->again = true;
        return;
    }
    s->busy = true;
    run_endpoint(s, slot, ep, stream);
    s->busy = false;
}

static void run_slot(struct xhci *s, unsigned slot, const struct usb_device *d)
{
    const struct xhci_slot *sl = &s->slot[slot];

    if (sl->enabled && (!d || xhci_slot_device(s, sl) == d)) {
        for (unsigned ep = 1; ep < XHCI_EPS; ep++) {
            if (sl->state[ep] == XHCI_EP_RUNNING) {
                run(s, slot, ep, 0);
            }
        }
    }
}

static void catch_up(struct xhci *s)
{
    bool stopped = is_stopped(s);

    for (unsigned turn = 0; !stopped && s->again && turn < 8 && s->work < WORK_MAX; turn++) {
        s->again = false;
        for (unsigned slot = 1; slot <= s->slots; slot++) {
            run_slot(s, slot, NULL);
        }
    }
    if (s->again) {
        timer_arm(&s->later, clock_now(xhci_machine(s), CLOCK_KIND_VIRTUAL) + RETRY);
    }
}

void xhci_run_all(struct xhci *s)
{
    s->again = true;
    if (!s->busy) {
        s->work = 0;
        catch_up(s);
    }
}

void xhci_ring_doorbell(struct xhci *s, unsigned slot, unsigned ep, unsigned stream)
{
    struct xhci_slot *sl = &s->slot[slot];

    if (!sl->enabled || ep >= XHCI_EPS || !(s->cmd & CMD_RUN)) {
        log_line(LOG_GUEST_ERRORS, "xhci: doorbell of slot %u, endpoint %u", slot, ep);
        return;
    }
    if (sl->state[ep] == XHCI_EP_STOPPED) {
        sl->state[ep] = XHCI_EP_RUNNING;
        xhci_store_ep(s, slot, ep);
    }
    if (sl->state[ep] == XHCI_EP_RUNNING) {
        s->work = 0;
        run(s, slot, ep, stream);
        catch_up(s);
    }
}

void xhci_wakeup(struct usb_bus *bus, struct usb_device *d, unsigned ep, unsigned stream)
{
    struct xhci *s = bus->opaque;
    unsigned id = (ep & 15) * 2 + !!(ep & USB_DIR_IN);

    if (s->busy) {
        s->again = true;
        return;
    }
    s->work = 0;
    for (unsigned slot = 1; slot <= s->slots; slot++) {
        const struct xhci_slot *sl = &s->slot[slot];

        if (sl->enabled && sl->state[id] == XHCI_EP_RUNNING && xhci_slot_device(s, sl) == d) {
            run(s, slot, id, stream);
            catch_up(s);
        }
    }
}
