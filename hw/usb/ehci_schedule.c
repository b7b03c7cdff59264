/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/ehci_schedule.c: the periodic and the asynchronous list, queue heads and their transfers.
 * Source: EHCI 1.0, 3 (structures), 4.6 (periodic), 4.8 (asynchronous), 4.10 (queue heads).
 *
 * The lists are in guest memory and nobody says when they change: a timer walks them, often while something
 * moves, seldom after a while without.  Without a list that is on it does not run.
 * Invariants: a walk follows at most WALK_MAX links, a queue at most QUEUE_MAX transfers at once, and all of them
 *             RUN_MAX before the main loop has its turn.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/usb/ehci_internal.h"
#include "softmmu/machine.h"
#include "util/log.h"

/* clang-format off */
#define MICROFRAME 125000ll /* ns */
#define FRAME      (8 * MICROFRAME)
#define WALK_MAX   512u
#define QUEUE_MAX  64u
#define RUN_MAX    4096u    /* transfers of all queues before the main loop has its turn */
#define LATE_MAX   16u      /* frames that are made up for */
#define QUIET      256u     /* walks without anything: then only every IDLE ns */
#define IDLE       (8 * FRAME)
enum { LINK_END = 1 << 0, LINK_TYPE = 3 << 1, LINK_QH = 1 << 1 };
#define LINK_ADDRESS (~0x1fu)
/* A transfer's token (3.5.3). */
#define TOKEN_TOGGLE   (1u << 31)
#define TOKEN_IOC      (1u << 15)
#define TOKEN_ACTIVE   (1u << 7)
#define TOKEN_HALTED   (1u << 6)
#define TOKEN_BUFFER   (1u << 5)
#define TOKEN_ERROR    (1u << 3)
#define TOKEN_BYTES(t) ((t) >> 16 & 0x7fff)
#define TOKEN_PAGE(t)  ((t) >> 12 & 7)
enum { PID_OUT = 0, PID_IN = 1, PID_SETUP = 2 };
#define PAGES 5u
/* clang-format on */

struct qtd {
    uint32_t next, alt, token, buffer[PAGES];
};
struct qh {
    uint32_t link, ep, caps, current;
    struct qtd now; /* the overlay: the transfer in progress */
};
G_STATIC_ASSERT(sizeof(struct qh) == 48);

uint32_t ehci_frame_index(const struct ehci *s)
{
    int64_t ns = clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) - s->frame_at;

    return s->cmd & EHCI_CMD_RUN ? (uint32_t)(s->frame + ns / MICROFRAME) & 0x3fff : s->frame;
}

static void host_error(struct ehci *s)
{
    log_line(LOG_GUEST_ERRORS, "ehci: a list or a buffer is not RAM: stopped");
    s->status |= EHCI_STS_HOST_ERROR | EHCI_STS_HALTED;
    s->cmd &= ~(uint32_t)EHCI_CMD_RUN;
}

static bool load(struct ehci *s, uint32_t at, void *to, unsigned len)
{
    if (dma_load(s->pci.dev.machine, at, to, len)) {
        return true;
    }
    host_error(s);
    return false;
}

/* Transfers ------------------------------------------------------------------------------------- */

/* The pages of the transfer that is in the overlay. */
static bool gather(struct ehci *s, const struct qtd *t, struct dma_list *list, bool in)
{
    uint32_t left = TOKEN_BYTES(t->token), offset = t->buffer[0] & 0xfff;

    for (unsigned page = TOKEN_PAGE(t->token); left > 0; page++) {
        uint32_t n = MIN(left, 0x1000 - offset);

        if (page >= PAGES ||
            !dma_list_add(list, s->pci.dev.machine, (t->buffer[page] & ~0xfffu) + offset, n, in)) {
            return false;
        }
        left -= n;
        offset = 0;
    }
    return true;
}

/* Bytes moved: the place in the pages, how many are left, the toggle after so many packets. */
static void advance_token(struct qh *qh, uint64_t done)
{
    uint32_t max = qh->ep >> 16 & 0x7ff, packets = max ? (uint32_t)((done + max - 1) / max) : 1;
    uint32_t at = (qh->now.buffer[0] & 0xfff) + (uint32_t)done;
    uint32_t page = TOKEN_PAGE(qh->now.token) + at / 0x1000;

    qh->now.token -= (uint32_t)done << 16;
    qh->now.token ^= MAX(packets, 1) & 1 ? TOKEN_TOGGLE : 0;
    qh->now.token = (qh->now.token & ~(7u << 12)) | (page & 7) << 12;
    qh->now.buffer[0] = (qh->now.buffer[0] & ~0xfffu) | (at & 0xfff);
}

/* True: the transfer is over. */
static bool execute(struct ehci *s, struct qh *qh)
{
    struct dma_list list = { 0 };
    struct usb_packet p = { .ep = qh->ep >> 8 & 15, .data = &list };
    uint32_t pid = qh->now.token >> 8 & 3, wanted = TOKEN_BYTES(qh->now.token);
    enum usb_result result;

    p.token = pid == PID_IN ? USB_IN : pid == PID_SETUP ? USB_SETUP : USB_OUT;
    if (!gather(s, &qh->now, &list, pid == PID_IN)) {
        qh->now.token = (qh->now.token & ~TOKEN_ACTIVE) | TOKEN_HALTED | TOKEN_BUFFER;
        s->status |= EHCI_STS_ERROR;
        dma_list_clear(&list);
        return true;
    }
    result = usb_handle(ehci_find_device(s, qh->ep & 0x7f), &p);
    dma_list_clear(&list);
    switch (result) {
    case USB_OK:
        advance_token(qh, p.done);
        qh->now.token &= ~TOKEN_ACTIVE;
        if (qh->now.token & TOKEN_IOC || (pid == PID_IN && p.done < wanted)) {
            s->status |= EHCI_STS_INT;
        }
        return true;
    case USB_NAK:
        return false;
    case USB_STALL:
        qh->now.token = (qh->now.token & ~TOKEN_ACTIVE) | TOKEN_HALTED;
        s->status |= EHCI_STS_ERROR;
        break;
    default: /* three times nobody answered */
        qh->now.token = (qh->now.token & ~(TOKEN_ACTIVE | 3u << 10)) | TOKEN_HALTED | TOKEN_ERROR;
        s->status |= EHCI_STS_ERROR;
        break;
    }
    s->status |= qh->now.token & TOKEN_IOC ? EHCI_STS_INT : 0;
    return true;
}

/* 4.10.2: the next transfer becomes the overlay; false: there is none that is active. */
static bool fetch_next(struct ehci *s, struct qh *qh)
{
    bool shortened = TOKEN_BYTES(qh->now.token) && !(qh->now.alt & LINK_END);
    uint32_t next = shortened ? qh->now.alt : qh->now.next, toggle = qh->now.token & TOKEN_TOGGLE;
    struct qtd t;

    if (next & LINK_END || !load(s, next & LINK_ADDRESS, &t, sizeof(t)) ||
        !(t.token & TOKEN_ACTIVE)) {
        return false;
    }
    qh->current = next & LINK_ADDRESS;
    qh->now = t;
    if (!(qh->ep >> 14 & 1)) { /* the queue keeps the toggle */
        qh->now.token = (t.token & ~TOKEN_TOGGLE) | toggle;
    }
    return true;
}

static void store_back(struct ehci *s, const struct qh *qh, uint32_t at)
{
    struct machine *m = s->pci.dev.machine;

    if (!dma_store(m, at + offsetof(struct qh, current), &qh->current,
                   sizeof(*qh) - offsetof(struct qh, current)) ||
        !dma_store(m, qh->current + offsetof(struct qtd, token), &qh->now.token, 4)) {
        host_error(s);
    }
}

/* True: something moved. */
static bool run_queue(struct ehci *s, struct qh *qh, uint32_t at)
{
    bool moved = false;

    for (unsigned n = 0; n < QUEUE_MAX && s->left > 0 && s->cmd & EHCI_CMD_RUN; n++) {
        if (qh->now.token & TOKEN_HALTED) {
            break;
        }
        if (!(qh->now.token & TOKEN_ACTIVE)) {
            if (!fetch_next(s, qh)) {
                break;
            }
            store_back(s, qh, at);
        }
        s->left--;
        if (!execute(s, qh)) {
            break;
        }
        moved = true;
        store_back(s, qh, at);
    }
    return moved;
}

/* Lists ----------------------------------------------------------------------------------------- */

/* Links of a frame: queues, and isochronous transfers, which are passed by. */
static bool walk_periodic(struct ehci *s, uint32_t frame)
{
    bool moved = false;
    uint32_t link;

    if (!load(s, s->periodic + (frame & 0x3ff) * 4, &link, 4)) {
        return false;
    }
    for (unsigned n = 0; n < WALK_MAX && !(link & LINK_END) && s->cmd & EHCI_CMD_RUN; n++) {
        uint32_t at = link & LINK_ADDRESS;
        struct qh qh;

        if ((link & LINK_TYPE) != LINK_QH) {
            if (!load(s, at, &link, 4)) {
                break;
            }
            continue;
        }
        if (!load(s, at, &qh, sizeof(qh))) {
            break;
        }
        moved |= run_queue(s, &qh, at);
        link = qh.link;
    }
    return moved;
}

static bool walk_async(struct ehci *s)
{
    uint32_t at = s->async, first = at;
    bool moved = false;

    for (unsigned n = 0; n < WALK_MAX && s->cmd & EHCI_CMD_RUN; n++) {
        struct qh qh;

        if (!load(s, at, &qh, sizeof(qh))) {
            break;
        }
        moved |= run_queue(s, &qh, at);
        if (qh.link & LINK_END || (qh.link & LINK_TYPE) != LINK_QH) {
            break;
        }
        at = qh.link & LINK_ADDRESS;
        s->async = at;
        if (at == first) {
            break;
        }
    }
    return moved;
}

/* The frames since the last walk; the oldest are lost when the host slept. */
static bool walk_frames(struct ehci *s)
{
    uint32_t now = ehci_frame_index(s) / 8, late = (now - s->walked) & 0x7ff;
    bool moved = false;

    if (now < s->walked) {
        s->status |= EHCI_STS_ROLLOVER;
    }
    if (late > LATE_MAX) {
        s->walked = (now - LATE_MAX) & 0x7ff;
        late = LATE_MAX;
    }
    for (; late > 0; late--) {
        if (s->cmd & EHCI_CMD_PERIODIC && s->cmd & EHCI_CMD_RUN) {
            moved |= walk_periodic(s, s->walked);
        }
        s->walked = (s->walked + 1) & 0x7ff;
    }
    return moved;
}

static void arm(struct ehci *s, int64_t delay)
{
    timer_arm(&s->timer, clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) + delay);
}

void ehci_kick(struct ehci *s)
{
    if (s->cmd & EHCI_CMD_RUN &&
        s->cmd & (EHCI_CMD_PERIODIC | EHCI_CMD_ASYNC | EHCI_CMD_DOORBELL)) {
        arm(s, 0);
    } else {
        timer_disarm(&s->timer);
    }
}

void ehci_run(void *opaque)
{
    struct ehci *s = opaque;
    bool moved;

    s->left = RUN_MAX;
    moved = walk_frames(s);
    if (s->cmd & EHCI_CMD_ASYNC && s->cmd & EHCI_CMD_RUN) {
        moved |= walk_async(s);
    }
    if (s->cmd & EHCI_CMD_DOORBELL) { /* 4.8.2: no queue is remembered between two walks */
        s->cmd &= ~(uint32_t)EHCI_CMD_DOORBELL;
        s->status |= EHCI_STS_ADVANCE;
    }
    s->quiet = moved ? 0 : MIN(s->quiet + 1, QUIET);
    ehci_update_irq(s);
    if (s->cmd & EHCI_CMD_RUN && s->cmd & (EHCI_CMD_PERIODIC | EHCI_CMD_ASYNC)) {
        arm(s, s->quiet == QUIET ? IDLE : s->cmd & EHCI_CMD_ASYNC ? MICROFRAME : FRAME);
    }
}

void ehci_wakeup(struct usb_bus *bus, struct usb_device *d, unsigned ep, unsigned stream)
{
    struct ehci *s = bus->opaque;

    (void)d;
    (void)ep;
    (void)stream;
    s->quiet = 0;
    ehci_kick(s);
}
