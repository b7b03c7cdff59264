/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/uhci.c: UHCI host controllers: piix3-usb-uhci, piix4-usb-uhci, ich9-usb-uhci1 to 6; as companions of an
 * EHCI controller (masterbus=) its ports for full and low speed.
 * Source: Universal Host Controller Interface Design Guide 1.1 (Intel).
 *
 * The schedule is in guest memory and nobody says when it changes: while the guest lets it run a timer walks it,
 * once a frame; after many that brought nothing, some frames at a time, until something moves.
 * Invariants: the timer is armed exactly while CMD_RUN is set; a frame follows at most FRAME_STEPS pointers.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/pci/pci.h"
#include "hw/usb/ehci.h"
#include "hw/usb/usb.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
#define UHCI_PORTS  2u
#define FRAME       NS_PER_MS
#define FRAME_STEPS 1024u   /* pointers followed in a frame */
#define FRAME_BYTES 1280u   /* what fits into one, as on the wire: full-speed bandwidth */
#define LATE_FRAMES 16u     /* made up for when the host slept */
#define QUIET       64u     /* frames without anything: then they are walked IDLE_FRAMES at a time */
#define IDLE_FRAMES 8u
enum uhci_register { REG_CMD = 0x00, REG_STATUS = 0x02, REG_INTR = 0x04, REG_FRAME = 0x06, REG_BASE = 0x08,
                     REG_SOF = 0x0c, REG_PORT = 0x10, BAR_SIZE = 0x20, BAR = 4 };
enum { CMD_RUN = 1 << 0, CMD_HC_RESET = 1 << 1, CMD_GLOBAL_RESET = 1 << 2, CMD_SUSPEND = 1 << 3,
       CMD_RESUME = 1 << 4 };
enum { STS_INT = 1 << 0, STS_ERROR = 1 << 1, STS_RESUME = 1 << 2, STS_HOST_ERROR = 1 << 3,
       STS_PROCESS_ERROR = 1 << 4, STS_HALTED = 1 << 5 };
enum { INTR_TIMEOUT = 1 << 0, INTR_RESUME = 1 << 1, INTR_IOC = 1 << 2, INTR_SHORT = 1 << 3 };
enum { PORT_CONNECT = 1 << 0, PORT_CONNECT_CHANGE = 1 << 1, PORT_ENABLED = 1 << 2, PORT_ENABLE_CHANGE = 1 << 3,
       PORT_RESUME = 1 << 6, PORT_ONE = 1 << 7, PORT_LOW_SPEED = 1 << 8, PORT_RESET = 1 << 9,
       PORT_SUSPEND = 1 << 12 };
enum { LINK_END = 1 << 0, LINK_QH = 1 << 1, LINK_DEPTH = 1 << 2 };
/* Control and status of a transfer descriptor (3.2.2). */
#define TD_SHORT     (1u << 29)
#define TD_ISOCH     (1u << 25)
#define TD_IOC       (1u << 24)
#define TD_ACTIVE    (1u << 23)
#define TD_STALLED   (1u << 22)
#define TD_BABBLE    (1u << 20)
#define TD_NAK       (1u << 19)
#define TD_TIMEOUT   (1u << 18)
#define TD_ERRORS(c) ((c) >> 27 & 3)
enum { PID_IN = 0x69, PID_OUT = 0xe1, PID_SETUP = 0x2d };
/* clang-format on */

struct uhci_td {
    uint32_t link, control, token, buffer;
};
struct uhci_qh {
    uint32_t link, element;
};

struct uhci_port {
    struct usb_port own; /* without masterbus= */
    struct usb_port *usb;
    uint16_t status;
};

struct uhci {
    struct pci_device pci;
    char *masterbus;
    uint32_t firstport; /* properties */
    struct mem_region bar;
    struct usb_bus bus;
    bool has_bus;
    struct uhci_port ports[UHCI_PORTS];
    uint16_t cmd, status, intr, frame;
    uint8_t sof;
    uint32_t base;
    bool int_done, int_short; /* what STS_INT is for */
    struct timer timer;
    int64_t next_frame; /* virtual ns */
    unsigned quiet;     /* frames in a row that brought nothing */
};

/* Interrupts ------------------------------------------------------------------------------------ */

static void update_irq(struct uhci *s)
{
    bool level = (s->int_done && s->intr & INTR_IOC) || (s->int_short && s->intr & INTR_SHORT) ||
                 (s->status & STS_ERROR && s->intr & INTR_TIMEOUT) ||
                 (s->status & STS_RESUME && s->intr & INTR_RESUME) ||
                 s->status & (STS_HOST_ERROR | STS_PROCESS_ERROR);

    pci_set_intx(&s->pci, level);
}

static void stop(struct uhci *s, unsigned why)
{
    log_line(LOG_GUEST_ERRORS, "uhci: the schedule is not RAM, or no schedule: stopped");
    s->status |= (uint16_t)(STS_HALTED | why);
    s->cmd &= (uint16_t)~CMD_RUN;
    timer_disarm(&s->timer);
    update_irq(s);
}

/* Transfer descriptors -------------------------------------------------------------------------- */

static struct usb_device *find_device(struct uhci *s, unsigned addr)
{
    for (unsigned i = 0; i < UHCI_PORTS; i++) {
        struct uhci_port *p = &s->ports[i];
        struct usb_device *d = (p->status & (PORT_ENABLED | PORT_SUSPEND)) == PORT_ENABLED
                                   ? usb_find_address(p->usb, addr)
                                   : NULL;

        if (d) {
            return d;
        }
    }
    return NULL;
}

enum td_result { TD_NEXT, TD_STAY, TD_SHORTENED, TD_BROKEN };

/* 3.4.2: what becomes of the descriptor's status. */
static enum td_result finish_td(struct uhci *s, struct uhci_td *td, enum usb_result result,
                                const struct usb_packet *p, uint64_t size)
{
    bool in = p->token == USB_IN, is_short = in && p->done < size;
    enum td_result next = TD_NEXT;

    td->control &= ~(uint32_t)(TD_NAK | 0x7ff);
    switch (result) {
    case USB_OK:
        td->control = (td->control & ~(uint32_t)TD_ACTIVE) | (uint32_t)((p->done - 1) & 0x7ff);
        if (is_short && td->control & TD_SHORT) {
            s->int_short = true;
            next = TD_SHORTENED;
        }
        break;
    case USB_NAK:
        td->control |= TD_NAK | 0x7ff;
        return TD_STAY;
    case USB_STALL:
        td->control = (td->control & ~(uint32_t)TD_ACTIVE) | TD_STALLED | 0x7ff;
        s->status |= STS_ERROR;
        next = TD_BROKEN;
        break;
    default: /* three times nobody answered */
        td->control =
            (td->control & ~(uint32_t)(TD_ACTIVE | 3u << 27)) | TD_TIMEOUT | TD_STALLED | 0x7ff;
        s->status |= STS_ERROR;
        next = TD_BROKEN;
        break;
    }
    if (td->control & TD_IOC) {
        s->int_done = true;
    }
    return next;
}

/* Runs an active descriptor and writes its status back. */
static enum td_result run_td(struct uhci *s, struct uhci_td *td, uint32_t at, uint64_t *bytes)
{
    struct machine *m = s->pci.dev.machine;
    uint64_t size = ((td->token >> 21) + 1) & 0x7ff;
    struct dma_list list = { 0 };
    struct usb_packet p = { .ep = td->token >> 15 & 15, .data = &list };
    enum usb_result result;
    enum td_result next;

    switch (td->token & 0xff) {
    case PID_IN:
        p.token = USB_IN;
        break;
    case PID_OUT:
        p.token = USB_OUT;
        break;
    case PID_SETUP:
        p.token = USB_SETUP;
        break;
    default:
        stop(s, STS_PROCESS_ERROR);
        return TD_BROKEN;
    }
    if (size > 0x500 || (size && !dma_list_add(&list, m, td->buffer, size, p.token == USB_IN))) {
        dma_list_clear(&list);
        stop(s, size > 0x500 ? STS_PROCESS_ERROR : STS_HOST_ERROR);
        return TD_BROKEN;
    }
    result = usb_handle(find_device(s, td->token >> 8 & 0x7f), &p);
    dma_list_clear(&list);
    *bytes += p.done + 8;
    next = finish_td(s, td, result, &p, size);
    if (!dma_store(m, at + offsetof(struct uhci_td, control), &td->control, 4)) {
        stop(s, STS_HOST_ERROR);
        return TD_BROKEN;
    }
    return next;
}

/* The schedule ---------------------------------------------------------------------------------- */

struct walk {
    unsigned steps;
    uint64_t bytes;
    bool moved;    /* a descriptor was done */
    bool round;    /* the same, since `seen` was met */
    uint32_t seen; /* a queue on the way, where a ring of them (for reclamation) is met again */
    unsigned queues, next_seen;
};

static bool step(struct uhci *s, struct walk *w)
{
    if (w->steps == 0 || w->bytes >= FRAME_BYTES || !(s->cmd & CMD_RUN)) {
        return false;
    }
    w->steps--;
    return true;
}

/*
 * True: the walk went around a ring, and nothing moved on the way.  The queue that it is known by is another one
 * after 1, 2, 4 ... of them, so that it lies on the ring in the end (Brent).
 */
static bool is_around(struct walk *w, uint32_t at)
{
    if (w->seen == at) {
        if (!w->round) {
            return true;
        }
        w->round = false;
    } else if (w->queues++ == w->next_seen) {
        w->next_seen = w->next_seen * 2 + 1;
        w->seen = at;
        w->round = false;
    }
    return false;
}

static bool load(struct uhci *s, uint32_t at, void *to, unsigned len)
{
    if (dma_load(s->pci.dev.machine, at, to, len)) {
        return true;
    }
    stop(s, STS_HOST_ERROR);
    return false;
}

/* The descriptors of a queue, downwards as long as their links say so and there is time. */
static void walk_queue(struct uhci *s, struct walk *w, uint32_t at, uint32_t element)
{
    while (!(element & (LINK_END | LINK_QH)) && step(s, w)) {
        struct uhci_td td;
        enum td_result result;

        if (!load(s, element & ~0xfu, &td, sizeof(td)) || !(td.control & TD_ACTIVE)) {
            return;
        }
        result = run_td(s, &td, element & ~0xfu, &w->bytes);
        if (result != TD_NEXT) {
            w->round |= result != TD_STAY;
            w->moved |= w->round;
            return;
        }
        w->moved = w->round = true;
        element = td.link;
        dma_store(s->pci.dev.machine, at + offsetof(struct uhci_qh, element), &element, 4);
        if (!(td.link & LINK_DEPTH)) {
            return;
        }
    }
}

/* One frame; true: something moved. */
static bool walk_frame(struct uhci *s)
{
    struct walk w = { .steps = FRAME_STEPS };
    uint32_t link;

    if (!load(s, (s->base & ~0xfffu) + (s->frame & 0x3ffu) * 4, &link, 4)) {
        return false;
    }
    while (!(link & LINK_END) && step(s, &w)) {
        uint32_t at = link & ~0xfu;
        struct uhci_qh qh;
        struct uhci_td td;

        if (link & LINK_QH) {
            if (is_around(&w, at)) {
                break;
            }
            if (!load(s, at, &qh, sizeof(qh))) {
                break;
            }
            if (qh.element & LINK_QH && !(qh.element & LINK_END)) {
                link = qh.element; /* a queue in a queue */
                continue;
            }
            walk_queue(s, &w, at, qh.element);
            link = qh.link;
        } else {
            if (!load(s, at, &td, sizeof(td))) {
                break;
            }
            if (td.control & TD_ACTIVE && run_td(s, &td, at, &w.bytes) != TD_STAY) {
                w.moved = true;
            }
            link = td.link;
        }
    }
    return w.moved;
}

static void run_frames(void *opaque)
{
    struct uhci *s = opaque;
    int64_t now = clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL);

    if (now - s->next_frame > LATE_FRAMES * FRAME) {
        s->frame += (uint16_t)((now - s->next_frame) / FRAME - LATE_FRAMES);
        s->next_frame += ((now - s->next_frame) / FRAME - LATE_FRAMES) * FRAME;
    }
    while (s->next_frame <= now && s->cmd & CMD_RUN) {
        s->quiet = walk_frame(s) ? 0 : MIN(s->quiet + 1, QUIET);
        s->frame = (s->frame + 1) & 0x7ff;
        s->next_frame += FRAME;
    }
    if (s->int_done || s->int_short) {
        s->status |= STS_INT;
    }
    update_irq(s);
    if (s->cmd & CMD_RUN) {
        timer_arm(&s->timer, s->next_frame + (s->quiet == QUIET ? (IDLE_FRAMES - 1) * FRAME : 0));
    }
}

/* The frame that it is: the guest need not know that idle ones are walked later. */
static uint16_t frame_now(const struct uhci *s)
{
    int64_t late = clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) - s->next_frame;

    return s->cmd & CMD_RUN && late > 0 ? (uint16_t)(s->frame + late / FRAME + 1) & 0x7ff
                                        : s->frame;
}

/* Ports ----------------------------------------------------------------------------------------- */

static struct uhci_port *port_of(struct usb_port *usb)
{
    struct uhci *s = usb->opaque;

    return usb == s->ports[0].usb ? &s->ports[0] : &s->ports[1];
}

static void remote_wakeup(struct uhci *s)
{
    if (s->cmd & CMD_SUSPEND) {
        s->cmd |= CMD_RESUME;
        s->status |= STS_RESUME;
        update_irq(s);
    }
}

static void connect(struct uhci *s, struct uhci_port *p, const struct usb_device *d)
{
    p->status &= (uint16_t) ~(PORT_CONNECT | PORT_LOW_SPEED | PORT_SUSPEND | PORT_RESUME);
    if (d) {
        p->status |= (uint16_t)(PORT_CONNECT | (d->speed == USB_LOW ? PORT_LOW_SPEED : 0));
    }
    p->status |= PORT_CONNECT_CHANGE | (p->status & PORT_ENABLED ? PORT_ENABLE_CHANGE : 0);
    p->status &= (uint16_t)~PORT_ENABLED;
    remote_wakeup(s);
}

static void attach(struct usb_port *usb)
{
    usb_choose_speed(usb->dev, USB_UP_TO_FULL); /* an EHCI controller's port allows more */
    connect(usb->opaque, port_of(usb), usb->dev);
}

static void detach(struct usb_port *usb)
{
    connect(usb->opaque, port_of(usb), NULL);
}

static void resume(struct usb_port *usb)
{
    struct uhci_port *p = port_of(usb);

    if (p->status & PORT_SUSPEND && !(p->status & PORT_RESUME)) {
        p->status |= PORT_RESUME;
        remote_wakeup(usb->opaque);
    }
}

static const struct usb_port_ops port_ops = { attach, detach, resume };
static const struct usb_bus_ops bus_ops = { NULL }; /* the next frame asks */

static struct usb_device *device_of(const struct uhci_port *p)
{
    return p->usb && p->usb->ops == &port_ops ? p->usb->dev : NULL;
}

static void write_port(struct uhci_port *p, uint16_t value)
{
    const uint16_t writable = PORT_ENABLED | PORT_RESUME | PORT_RESET | PORT_SUSPEND;
    uint16_t old = p->status;

    if (value & PORT_RESET && !(old & PORT_RESET) && device_of(p)) {
        usb_reset_port(p->usb);
    }
    p->status &= (uint16_t) ~(value & (PORT_CONNECT_CHANGE | PORT_ENABLE_CHANGE));
    p->status = (uint16_t)((p->status & ~writable) | (value & writable));
    if (!(p->status & PORT_CONNECT) || value & PORT_RESET) {
        p->status &= (uint16_t)~PORT_ENABLED;
    }
    if (old & PORT_RESUME && !(value & PORT_RESUME)) {
        p->status &= (uint16_t)~PORT_SUSPEND;
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static void reset_ports(struct uhci *s)
{
    for (unsigned i = 0; i < UHCI_PORTS; i++) {
        struct uhci_port *p = &s->ports[i];

        p->status = PORT_ONE;
        if (device_of(p)) {
            connect(s, p, p->usb->dev);
        }
    }
}

static void reset_controller(struct uhci *s)
{
    s->cmd = s->intr = s->frame = 0;
    s->status = STS_HALTED;
    s->sof = 64;
    s->base = 0;
    s->int_done = s->int_short = false;
    timer_disarm(&s->timer);
    reset_ports(s);
    update_irq(s);
}

static void write_cmd(struct uhci *s, uint16_t value)
{
    if (value & CMD_GLOBAL_RESET && !(s->cmd & CMD_GLOBAL_RESET)) {
        for (unsigned i = 0; i < UHCI_PORTS; i++) {
            if (device_of(&s->ports[i])) {
                usb_reset_port(s->ports[i].usb);
            }
        }
        reset_controller(s);
        s->cmd = CMD_GLOBAL_RESET;
        return;
    }
    if (value & CMD_HC_RESET) {
        reset_controller(s);
        return;
    }
    if (value & CMD_RUN && !(s->cmd & CMD_RUN)) {
        s->status &= (uint16_t)~STS_HALTED;
        s->next_frame = clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) + FRAME;
        timer_arm(&s->timer, s->next_frame);
        s->quiet = 0;
    } else if (!(value & CMD_RUN)) {
        s->frame = frame_now(s);
        s->status |= STS_HALTED;
        timer_disarm(&s->timer);
    }
    s->cmd = value & 0xff;
}

static uint64_t bar_read(void *opaque, uint64_t off, unsigned size)
{
    struct uhci *s = opaque;

    (void)size;
    switch (off) {
    case REG_CMD:
        return s->cmd;
    case REG_STATUS:
        return s->status;
    case REG_INTR:
        return s->intr;
    case REG_FRAME:
        return frame_now(s);
    case REG_BASE:
        return s->base & 0xffff;
    case REG_BASE + 2:
        return s->base >> 16;
    case REG_SOF:
        return s->sof;
    case REG_PORT:
    case REG_PORT + 2:
        return s->ports[(off - REG_PORT) / 2].status;
    default:
        return off > REG_PORT ? 0xff7f : 0; /* ports that are not there */
    }
}

static void bar_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct uhci *s = opaque;
    uint16_t v = (uint16_t)value;

    (void)size;
    switch (off) {
    case REG_CMD:
        write_cmd(s, v);
        break;
    case REG_STATUS:
        s->status &= (uint16_t) ~(v & 0x1f);
        if (v & STS_INT) {
            s->int_done = s->int_short = false;
        }
        update_irq(s);
        break;
    case REG_INTR:
        s->intr = v & 0xf;
        update_irq(s);
        break;
    case REG_FRAME:
        if (s->status & STS_HALTED) {
            s->frame = v & 0x7ff;
        }
        break;
    case REG_BASE:
        s->base = (s->base & 0xffff0000u) | (v & 0xf000);
        break;
    case REG_BASE + 2:
        s->base = (s->base & 0xffff) | (uint32_t)v << 16;
        break;
    case REG_SOF:
        s->sof = v & 0x7f;
        break;
    case REG_PORT:
    case REG_PORT + 2:
        write_port(&s->ports[(off - REG_PORT) / 2], v);
        break;
    default:
        break;
    }
}

static const struct mem_ops bar_ops = { bar_read, bar_write, 2, 2, true, false };

/* Life ------------------------------------------------------------------------------------------ */

static bool add_ports(struct uhci *s, GError **error)
{
    if (s->masterbus) {
        struct usb_port *usb[UHCI_PORTS];

        if (!ehci_add_companion(&s->pci.dev, s->masterbus, s->firstport, UHCI_PORTS, &port_ops, s,
                                usb, error)) {
            return false;
        }
        for (unsigned i = 0; i < UHCI_PORTS; i++) {
            s->ports[i].usb = usb[i];
        }
        return true;
    }
    usb_bus_init(&s->bus, &s->pci.dev, &bus_ops, s);
    s->has_bus = true;
    for (unsigned i = 0; i < UHCI_PORTS; i++) {
        s->ports[i].usb = &s->ports[i].own;
        usb_port_init(s->ports[i].usb, &s->bus, NULL, i, USB_UP_TO_FULL, &port_ops, s);
    }
    return true;
}

static void uhci_unrealize(struct device *dev)
{
    struct uhci *s = (struct uhci *)dev;

    if (s->has_bus) {
        usb_bus_destroy(&s->bus);
        s->has_bus = false;
    } else {
        ehci_remove_companion(dev->machine, s);
    }
    timer_disarm(&s->timer);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->bar);
}

static const struct {
    const char *name;
    uint16_t device;
    uint8_t pin;
} models[] = {
    { "piix3-usb-uhci", 0x7020, 4 }, { "piix4-usb-uhci", 0x7112, 4 },
    { "ich9-usb-uhci1", 0x2934, 1 }, { "ich9-usb-uhci2", 0x2935, 2 },
    { "ich9-usb-uhci3", 0x2936, 3 }, { "ich9-usb-uhci4", 0x2937, 1 },
    { "ich9-usb-uhci5", 0x2938, 2 }, { "ich9-usb-uhci6", 0x2939, 3 },
};

static bool uhci_realize(struct device *dev, GError **error)
{
    struct uhci *s = (struct uhci *)dev;
    struct pci_ident ident = { .vendor = 0x8086, .class = 0x0c03 };

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (strcmp(models[i].name, dev->type->name) == 0) {
            ident.device = models[i].device;
            ident.int_pin = models[i].pin;
            ident.revision = models[i].device >> 8 == 0x29 ? 3 : 1;
        }
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    pci_config_store(&s->pci, 0x60, 0x10, 1); /* the release of USB */
    timer_init(&s->timer, dev->machine, CLOCK_KIND_VIRTUAL, run_frames, s);
    mem_region_init_mmio(&s->bar, dev->machine, "uhci", &bar_ops, s, BAR_SIZE);
    pci_add_bar(&s->pci, BAR, PCI_BAR_IO, &s->bar, BAR_SIZE);
    if (!add_ports(s, error)) {
        uhci_unrealize(dev);
        return false;
    }
    return true;
}

static void uhci_reset(struct device *dev)
{
    struct uhci *s = (struct uhci *)dev;

    reset_controller(s);
    s->next_frame = 0;
    pci_device_reset(&s->pci);
}

static bool uhci_post_load(struct device *dev, GError **error)
{
    struct uhci *s = (struct uhci *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    s->frame &= 0x7ff;
    s->next_frame = MAX(s->next_frame, 0); /* run_frames takes it from the time */
    if (s->cmd & CMD_RUN) {
        timer_arm(&s->timer, s->next_frame);
    } else {
        timer_disarm(&s->timer);
    }
    update_irq(s);
    return true;
}

/* clang-format off */
static const struct property uhci_props[] = {
    PCI_PROPS(struct uhci, pci),
    PROP_STRING(struct uhci, "masterbus", masterbus, NULL, "bus of the EHCI controller whose companion it is"),
    PROP_U32(struct uhci, "firstport", firstport, 0, "its first port there, from 0"),
    { 0 },
};
static const struct state_row port_state[] = {
    STATE_INT(struct uhci_port, status, 1, "PORTSC"),
    { 0 },
};
static const struct state_row uhci_state[] = {
    PCI_STATE(struct uhci, pci),
    STATE_INT(struct uhci, cmd, 1, "USBCMD"),
    STATE_INT(struct uhci, status, 1, "USBSTS"),
    STATE_INT(struct uhci, intr, 1, "USBINTR"),
    STATE_INT(struct uhci, frame, 1, "FRNUM"),
    STATE_INT(struct uhci, sof, 1, "SOFMOD"),
    STATE_INT(struct uhci, base, 1, "FRBASEADD"),
    STATE_INT(struct uhci, int_done, 1, "an interrupt on completion"),
    STATE_INT(struct uhci, int_short, 1, "an interrupt for a short packet"),
    STATE_INT(struct uhci, next_frame, 1, "virtual ns of the next frame"),
    STATE_SUB(struct uhci, ports, UHCI_PORTS, port_state, 1, "ports"),
    { 0 },
};
/* clang-format on */

#define UHCI_TYPE(symbol, text)                                                                    \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = "USB 1 host controller (UHCI)",                                                 \
        .bus = BUS_PCI,                                                                            \
        .cold_only = true,                                                                         \
        .size = sizeof(struct uhci),                                                               \
        .props = uhci_props,                                                                       \
        .state = uhci_state,                                                                       \
        .realize = uhci_realize,                                                                   \
        .reset = uhci_reset,                                                                       \
        .unrealize = uhci_unrealize,                                                               \
        .post_load = uhci_post_load,                                                               \
    }
UHCI_TYPE(piix3_usb_uhci_type, "piix3-usb-uhci");
UHCI_TYPE(piix4_usb_uhci_type, "piix4-usb-uhci");
UHCI_TYPE(ich9_usb_uhci1_type, "ich9-usb-uhci1");
UHCI_TYPE(ich9_usb_uhci2_type, "ich9-usb-uhci2");
UHCI_TYPE(ich9_usb_uhci3_type, "ich9-usb-uhci3");
UHCI_TYPE(ich9_usb_uhci4_type, "ich9-usb-uhci4");
UHCI_TYPE(ich9_usb_uhci5_type, "ich9-usb-uhci5");
UHCI_TYPE(ich9_usb_uhci6_type, "ich9-usb-uhci6");
