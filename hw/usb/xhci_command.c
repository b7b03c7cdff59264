/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci_command.c: the command ring: slots, contexts, states of endpoints.
 * Source: xHCI 1.2, 4.5 (slots), 4.6 (commands), 4.8 (endpoints), 6.2 (contexts).
 * Invariants and thread: xhci.h.
 */
#include <string.h>
#include "hw/usb/xhci.h"
#include "util/log.h"

/* clang-format off */
enum { CONTEXT = 32 }; /* bytes */
enum slot_state { SLOT_ENABLED = 0, SLOT_DEFAULT = 1, SLOT_ADDRESSED = 2, SLOT_CONFIGURED = 3 };
#define COMMANDS_AT_ONCE 256u
#define ADDRESS_MASK     (~(uint64_t)0xf)
/* clang-format on */

struct context {
    uint32_t w[CONTEXT / 4];
};

/* Contexts -------------------------------------------------------------------------------------- */

static bool load(struct xhci *s, uint64_t at, struct context *c)
{
    return dma_load(xhci_machine(s), at, c, sizeof(*c));
}

static bool store(struct xhci *s, uint64_t at, const struct context *c)
{
    return dma_store(xhci_machine(s), at, c, sizeof(*c));
}

/* Index 0 is the slot's, 1 and on are the endpoints'. */
static uint64_t context_at(const struct xhci *s, unsigned slot, unsigned i)
{
    return s->slot[slot].context + (uint64_t)i * CONTEXT;
}

void xhci_store_ep(struct xhci *s, unsigned slot, unsigned ep)
{
    const struct xhci_slot *sl = &s->slot[slot];
    struct context c;

    if (!load(s, context_at(s, slot, ep), &c)) {
        return;
    }
    c.w[0] = (c.w[0] & ~7u) | sl->state[ep];
    c.w[2] = (uint32_t)sl->ring[ep] | (sl->streams[ep] ? 0 : sl->cycle[ep]);
    c.w[3] = (uint32_t)(sl->ring[ep] >> 32);
    store(s, context_at(s, slot, ep), &c);
}

static enum slot_state slot_state(struct xhci *s, unsigned slot)
{
    struct context c;

    return load(s, context_at(s, slot, 0), &c) ? (enum slot_state)(c.w[3] >> 27) : SLOT_ENABLED;
}

static void disable_eps(struct xhci *s, unsigned slot, unsigned from)
{
    struct xhci_slot *sl = &s->slot[slot];

    for (unsigned ep = from; ep < XHCI_EPS; ep++) {
        bool was = sl->state[ep] != XHCI_EP_DISABLED;

        sl->state[ep] = XHCI_EP_DISABLED;
        sl->waiting[ep] = false;
        if (was) {
            xhci_store_ep(s, slot, ep);
        }
    }
}

/* From an endpoint's context (6.2.3). */
static enum xhci_code enable_ep(struct xhci *s, unsigned slot, unsigned ep, struct context *c)
{
    struct xhci_slot *sl = &s->slot[slot];
    unsigned streams = c->w[0] >> 10 & 31, type = c->w[1] >> 3 & 7;
    bool linear = c->w[0] >> 15 & 1;

    if ((streams && (!s->streams || !linear || streams > XHCI_STREAMS)) || type == 0) {
        return CC_PARAMETER;
    }
    sl->type[ep] = (uint8_t)type;
    sl->streams[ep] = (uint8_t)streams;
    sl->ring[ep] = (c->w[2] | (uint64_t)c->w[3] << 32) & ADDRESS_MASK;
    sl->cycle[ep] = streams ? 0 : c->w[2] & 1;
    sl->waiting[ep] = false;
    sl->state[ep] = XHCI_EP_RUNNING;
    c->w[0] = (c->w[0] & ~7u) | XHCI_EP_RUNNING;
    return store(s, context_at(s, slot, ep), c) ? CC_SUCCESS : CC_TRB;
}

/* Slots ----------------------------------------------------------------------------------------- */

static enum xhci_code enable_slot(struct xhci *s, unsigned *slot)
{
    for (unsigned i = 1; i <= MIN(s->slots, s->config & 0xff); i++) {
        if (!s->slot[i].enabled) {
            memset(&s->slot[i], 0, sizeof(s->slot[i]));
            s->slot[i].enabled = true;
            *slot = i;
            return CC_SUCCESS;
        }
    }
    return CC_NO_SLOTS;
}

void xhci_disable_slot(struct xhci *s, unsigned slot)
{
    memset(&s->slot[slot], 0, sizeof(s->slot[slot]));
}

static enum xhci_code disable_slot(struct xhci *s, unsigned slot)
{
    struct context c;

    if (s->slot[slot].context && load(s, context_at(s, slot, 0), &c)) {
        c.w[3] &= ~(31u << 27);
        store(s, context_at(s, slot, 0), &c);
    }
    xhci_disable_slot(s, slot);
    return CC_SUCCESS;
}

/* 4.6.5: the slot gets a device, and the device its address unless BSR says not yet. */
static enum xhci_code address_device(struct xhci *s, unsigned slot, const struct xhci_trb *t)
{
    struct xhci_slot *sl = &s->slot[slot], before = *sl;
    struct context control, in, ep0;
    uint64_t at = t->param & ADDRESS_MASK;
    bool later = t->control & TRB_BSR;
    struct usb_device *d;
    unsigned port;
    enum xhci_code code;

    if (!load(s, at, &control) || !load(s, at + CONTEXT, &in) || !load(s, at + 2 * CONTEXT, &ep0) ||
        !dma_load(xhci_machine(s), s->contexts + slot * 8ull, &sl->context, 8)) {
        return CC_TRB;
    }
    port = in.w[1] >> 16 & 0xff;
    if ((control.w[0] & 3) || (control.w[1] & 3) != 3 || port < 1 || port > xhci_ports(s)) {
        sl->context = before.context;
        return CC_TRB;
    }
    sl->context &= ~(uint64_t)0x3f;
    sl->root = (uint8_t)(s->ports[port - 1].usb->index + 1);
    sl->route = in.w[0] & 0xfffff;
    d = xhci_slot_device(s, sl);
    if (!d || (!sl->route && (d->speed == USB_SUPER) != s->ports[port - 1].super)) {
        *sl = before;
        return CC_TRANSACTION;
    }
    disable_eps(s, slot, 2);
    code = enable_ep(s, slot, 1, &ep0);
    d->addr = later ? 0 : (uint8_t)slot;
    in.w[3] = (later ? (uint32_t)SLOT_DEFAULT : (uint32_t)SLOT_ADDRESSED) << 27 | d->addr;
    if (code == CC_SUCCESS && !store(s, context_at(s, slot, 0), &in)) {
        code = CC_TRB;
    }
    return code;
}

static void deconfigure(struct xhci *s, unsigned slot)
{
    struct context c;

    disable_eps(s, slot, 2);
    if (load(s, context_at(s, slot, 0), &c)) {
        c.w[0] = (c.w[0] & ~(31u << 27)) | 1u << 27;
        c.w[3] = (c.w[3] & ~(31u << 27)) | (uint32_t)SLOT_ADDRESSED << 27;
        store(s, context_at(s, slot, 0), &c);
    }
}

/* 4.6.6: endpoints go, then others come. */
static enum xhci_code configure(struct xhci *s, unsigned slot, const struct xhci_trb *t)
{
    struct context control, in, out, c;
    uint64_t at = t->param & ADDRESS_MASK;
    enum slot_state state = slot_state(s, slot);

    if (state != SLOT_ADDRESSED && state != SLOT_CONFIGURED) {
        return CC_CONTEXT_STATE;
    }
    if (t->control & TRB_BSR) {
        deconfigure(s, slot);
        return CC_SUCCESS;
    }
    if (!load(s, at, &control) || !load(s, at + CONTEXT, &in) ||
        !load(s, context_at(s, slot, 0), &out) || (control.w[0] & 3) || (control.w[1] & 3) != 1) {
        return CC_TRB;
    }
    for (unsigned ep = 2; ep < XHCI_EPS; ep++) {
        if (control.w[0] >> ep & 1) {
            s->slot[slot].state[ep] = XHCI_EP_DISABLED;
            s->slot[slot].waiting[ep] = false;
            xhci_store_ep(s, slot, ep);
        }
        if (control.w[1] >> ep & 1) {
            enum xhci_code code =
                load(s, at + (1ull + ep) * CONTEXT, &c) ? enable_ep(s, slot, ep, &c) : CC_TRB;

            if (code != CC_SUCCESS) {
                return code;
            }
        }
    }
    out.w[0] = (out.w[0] & ~(31u << 27 | 1u << 26 | 1u << 25)) |
               (in.w[0] & (31u << 27 | 1u << 26 | 1u << 25)); /* contexts, hub, multi-TT */
    out.w[1] = (out.w[1] & 0x00ffffff) | (in.w[1] & 0xff000000);
    out.w[2] = (out.w[2] & ~0x3ffffu) | (in.w[2] & 0x3ffff);
    out.w[3] = (out.w[3] & ~(31u << 27)) | (uint32_t)SLOT_CONFIGURED << 27;
    return store(s, context_at(s, slot, 0), &out) ? CC_SUCCESS : CC_TRB;
}

/* 4.6.7: latency and interrupter of the slot, packet size of endpoint 0: for the guest's own use. */
static enum xhci_code evaluate(struct xhci *s, unsigned slot, const struct xhci_trb *t)
{
    struct context control, in, out;
    uint64_t at = t->param & ADDRESS_MASK;

    if (!load(s, at, &control) || control.w[0] || control.w[1] & ~3u) {
        return CC_TRB;
    }
    if (slot_state(s, slot) == SLOT_ENABLED) {
        return CC_CONTEXT_STATE;
    }
    if (control.w[1] & 1) {
        if (!load(s, at + CONTEXT, &in) || !load(s, context_at(s, slot, 0), &out)) {
            return CC_TRB;
        }
        out.w[1] = (out.w[1] & ~0xffffu) | (in.w[1] & 0xffff);
        out.w[2] = (out.w[2] & ~(0x3ffu << 22)) | (in.w[2] & 0x3ffu << 22);
        store(s, context_at(s, slot, 0), &out);
    }
    if (control.w[1] & 2) {
        if (!load(s, at + 2 * CONTEXT, &in) || !load(s, context_at(s, slot, 1), &out)) {
            return CC_TRB;
        }
        out.w[1] = (out.w[1] & 0xffff) | (in.w[1] & 0xffff0000);
        store(s, context_at(s, slot, 1), &out);
    }
    return CC_SUCCESS;
}

static enum xhci_code reset_device(struct xhci *s, unsigned slot)
{
    struct usb_device *d = xhci_slot_device(s, &s->slot[slot]);
    enum slot_state state = slot_state(s, slot);
    struct context c;

    if (state != SLOT_ADDRESSED && state != SLOT_CONFIGURED) {
        return CC_CONTEXT_STATE;
    }
    disable_eps(s, slot, 2);
    if (load(s, context_at(s, slot, 0), &c)) {
        c.w[0] = (c.w[0] & ~(31u << 27)) | 1u << 27;
        c.w[3] = (uint32_t)SLOT_DEFAULT << 27;
        store(s, context_at(s, slot, 0), &c);
    }
    if (d) {
        d->addr = 0;
    }
    return CC_SUCCESS;
}

/* Endpoints ------------------------------------------------------------------------------------- */

static enum xhci_code reset_ep(struct xhci *s, unsigned slot, unsigned ep)
{
    struct xhci_slot *sl = &s->slot[slot];

    if (sl->state[ep] != XHCI_EP_HALTED) {
        return CC_CONTEXT_STATE;
    }
    sl->state[ep] = XHCI_EP_STOPPED;
    xhci_store_ep(s, slot, ep);
    return CC_SUCCESS;
}

static enum xhci_code stop_ep(struct xhci *s, unsigned slot, unsigned ep)
{
    struct xhci_slot *sl = &s->slot[slot];

    if (sl->state[ep] != XHCI_EP_RUNNING) {
        return CC_CONTEXT_STATE;
    }
    xhci_report_stopped(s, slot, ep);
    sl->state[ep] = XHCI_EP_STOPPED;
    sl->waiting[ep] = false;
    xhci_store_ep(s, slot, ep);
    return CC_SUCCESS;
}

static enum xhci_code set_dequeue(struct xhci *s, unsigned slot, unsigned ep,
                                  const struct xhci_trb *t)
{
    struct xhci_slot *sl = &s->slot[slot];
    unsigned stream = t->status >> 16;

    if (sl->state[ep] != XHCI_EP_STOPPED && sl->state[ep] != XHCI_EP_ERROR) {
        return CC_CONTEXT_STATE;
    }
    if (sl->streams[ep]) {
        uint64_t context = (t->param & ADDRESS_MASK) | 1 << 1 | (t->param & 1);

        if (stream < 1 || stream >= 2u << sl->streams[ep] ||
            !dma_store(xhci_machine(s), sl->ring[ep] + 16ull * stream, &context, 8)) {
            return CC_TRB;
        }
    } else {
        sl->ring[ep] = t->param & ADDRESS_MASK;
        sl->cycle[ep] = t->param & 1;
    }
    sl->state[ep] = XHCI_EP_STOPPED;
    xhci_store_ep(s, slot, ep);
    return CC_SUCCESS;
}

/* The ring -------------------------------------------------------------------------------------- */

static enum xhci_code run_on_endpoint(struct xhci *s, unsigned slot, const struct xhci_trb *t)
{
    unsigned ep = TRB_EP(t);

    if (ep < 1 || s->slot[slot].state[ep] == XHCI_EP_DISABLED) {
        return ep < 1 ? CC_TRB : CC_EP_DISABLED;
    }
    switch (TRB_TYPE(t)) {
    case TRB_RESET_EP:
        return reset_ep(s, slot, ep);
    case TRB_STOP_EP:
        return stop_ep(s, slot, ep);
    default:
        return set_dequeue(s, slot, ep, t);
    }
}

static enum xhci_code run_on_slot(struct xhci *s, unsigned slot, const struct xhci_trb *t)
{
    if (slot < 1 || slot > s->slots || !s->slot[slot].enabled) {
        return CC_SLOT_DISABLED;
    }
    switch (TRB_TYPE(t)) {
    case TRB_DISABLE_SLOT:
        return disable_slot(s, slot);
    case TRB_ADDRESS_DEVICE:
        return address_device(s, slot, t);
    default:
        break;
    }
    if (!s->slot[slot].root) {
        return CC_CONTEXT_STATE;
    }
    switch (TRB_TYPE(t)) {
    case TRB_CONFIGURE:
        return configure(s, slot, t);
    case TRB_EVALUATE:
        return evaluate(s, slot, t);
    case TRB_RESET_DEVICE:
        return reset_device(s, slot);
    default:
        return run_on_endpoint(s, slot, t);
    }
}

void xhci_command_event(struct xhci *s, uint64_t addr, unsigned slot, enum xhci_code code)
{
    const struct xhci_trb e = { addr, (uint32_t)code << 24, TRB_COMMAND_EVENT << 10 | slot << 24 };

    xhci_send_event(s, 0, &e, false);
}

static void run_command(struct xhci *s, const struct xhci_trb *t, uint64_t addr)
{
    unsigned slot = TRB_SLOT(t), type = TRB_TYPE(t);
    enum xhci_code code;

    if (type == TRB_ENABLE_SLOT) {
        slot = 0;
        code = enable_slot(s, &slot);
    } else if (type == TRB_NOOP_COMMAND || (type == TRB_NEC_GET_FW && s->nec)) {
        slot = 0;
        code = CC_SUCCESS;
    } else if (type >= TRB_DISABLE_SLOT && type <= TRB_RESET_DEVICE) {
        code = run_on_slot(s, slot, t);
    } else {
        log_line(LOG_UNIMP, "xhci: command %u", type);
        code = CC_TRB;
    }
    if (code != CC_SUCCESS) {
        log_line(LOG_GUEST_ERRORS, "xhci: command %u of slot %u: code %u", type, slot, code);
    }
    xhci_command_event(s, addr, slot, code);
}

void xhci_run_commands(struct xhci *s)
{
    struct xhci_trb t;
    uint64_t addr;
    bool bad;

    for (unsigned n = 0; s->command_running && s->cmd & CMD_RUN && xhci_has_room(s); n++) {
        if (n == COMMANDS_AT_ONCE) {
            timer_arm(&s->later, clock_now(xhci_machine(s), CLOCK_KIND_VIRTUAL) + NS_PER_MS);
            return;
        }
        if (!xhci_fetch(s, &s->command, &t, &addr, &bad)) {
            return;
        }
        run_command(s, &t, addr);
    }
}
