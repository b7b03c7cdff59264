/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci.c: qemu-xhci and nec-usb-xhci: registers, start and stop, the PCI function, saving.
 * Source: xHCI 1.2, chapter 5 (registers), 4.2 (start), 7 (extended capabilities).
 * Invariants and thread: xhci.h.
 */
#include "hw/usb/xhci.h"

#include <string.h>
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { BAR_SIZE = 0x4000, OPERATIONAL = 0x40, PORTS = 0x440, RUNTIME = 0x1000, DOORBELLS = 0x2000,
       MSIX_TABLE = 0x3000, MSIX_PENDING = 0x3800, EXTENDED = 0x20 };
enum { REG_CMD = 0x00, REG_STATUS = 0x04, REG_PAGE_SIZE = 0x08, REG_NOTIFY = 0x14, REG_COMMAND = 0x18,
       REG_CONTEXTS = 0x30, REG_CONFIG = 0x38 };
enum { REG_IMAN = 0x00, REG_IMOD = 0x04, REG_ERST_SIZE = 0x08, REG_ERST = 0x10, REG_DEQUEUE = 0x18 };
enum { COMMAND_STOP = 1 << 1, COMMAND_ABORT = 1 << 2, COMMAND_RUNNING = 1 << 3 };
#define CMD_BITS    (0x0c00u | CMD_RUN | CMD_INTE | 1u << 3) /* the rest reads as 0 */
#define STATUS_W1C  (STS_HOST_ERROR | STS_EVENT | STS_PORT | STS_RESTORE_ERROR)
#define MICROFRAME  125000 /* ns */
#define USB_NAME    0x20425355u
/* clang-format on */

void xhci_host_error(struct xhci *s, const char *why)
{
    log_line(LOG_GUEST_ERRORS, "xhci: %s", why);
    s->status |= STS_HOST_ERROR | STS_HALTED;
    s->cmd &= ~(uint32_t)CMD_RUN;
}

/* Capabilities ---------------------------------------------------------------------------------- */

/* 7.2: which ports are of which protocol; USB 3's are the first. */
static uint32_t read_protocol(const struct xhci *s, unsigned off)
{
    const uint32_t words[] = {
        0x02000402, USB_NAME, (s->p3 + 1) | s->p2 << 8, 0, /* another one follows */
        0x03000002, USB_NAME, 1 | s->p3 << 8,           0,
    };

    return off / 4 < G_N_ELEMENTS(words) ? words[off / 4] : 0;
}

static uint32_t read_capability(const struct xhci *s, unsigned off)
{
    switch (off) {
    case 0x00: /* length, version 1.0 */
        return 0x01000000 | OPERATIONAL;
    case 0x04:
        return s->slots | s->intrs << 8 | xhci_ports(s) << 24;
    case 0x08: /* scheduling threshold: as long as it may be; segments of an event ring: 2^8 */
        return 0x0000008f;
    case 0x10: /* 64-bit addresses, stream arrays have no second level, capabilities at 0x20 */
        return 1u | (s->streams ? 1u << 7 | XHCI_STREAMS << 12 : 0) | EXTENDED / 4u << 16;
    case 0x14:
        return DOORBELLS;
    case 0x18:
        return RUNTIME;
    default:
        return off >= EXTENDED ? read_protocol(s, off - EXTENDED) : 0;
    }
}

/* Start and stop -------------------------------------------------------------------------------- */

static void reset_controller(struct xhci *s)
{
    s->cmd = s->notify = s->config = 0;
    s->status = STS_HALTED;
    s->command = (struct xhci_ring){ 0 };
    s->command_running = false;
    s->command_low = 0;
    s->contexts = 0;
    memset(s->intr, 0, sizeof(s->intr));
    memset(s->slot, 0, sizeof(s->slot));
    g_byte_array_set_size(s->backlog, 0);
    s->again = false;
    timer_disarm(&s->later);
    xhci_port_reset_all(s);
    xhci_update_intx(s);
}

static void write_cmd(struct xhci *s, uint32_t value)
{
    uint32_t old = s->cmd;

    if (value & CMD_RESET) {
        reset_controller(s);
        return;
    }
    s->cmd = value & CMD_BITS;
    if (value & CMD_SAVE) {
        s->status &= ~(uint32_t)STS_RESTORE_ERROR;
    }
    if (value & CMD_RESTORE) { /* what was saved is gone: the guest sets it all up again */
        s->status |= STS_RESTORE_ERROR;
    }
    if (!(old & CMD_RUN) && value & CMD_RUN) {
        s->status &= ~(uint32_t)STS_HALTED;
        s->frames_from = clock_now(xhci_machine(s), CLOCK_KIND_VIRTUAL);
        xhci_run_all(s);
    } else if (old & CMD_RUN && !(value & CMD_RUN)) {
        s->status |= STS_HALTED;
        s->command_running = false;
    }
    for (unsigned i = 0; i < s->intrs && value & CMD_INTE && !(old & CMD_INTE); i++) {
        xhci_update_interrupt(s, i);
    }
    xhci_update_intx(s);
}

/* 5.4.5: the second half carries it out. */
static void write_command_ring(struct xhci *s, uint32_t high)
{
    if (!s->command_running) {
        s->command.at = (uint64_t)high << 32 | (s->command_low & ~0x3fu);
        s->command.cycle = s->command_low & 1;
    } else if (s->command_low & (COMMAND_STOP | COMMAND_ABORT)) {
        s->command_running = false;
        xhci_command_event(s, s->command.at, 0, CC_RING_STOPPED);
    }
}

static void set_half(uint64_t *v, bool high, uint32_t half)
{
    *v = high ? (*v & UINT32_MAX) | (uint64_t)half << 32 : (*v & ~(uint64_t)UINT32_MAX) | half;
}

/* Operational registers ------------------------------------------------------------------------- */

static uint32_t read_operational(const struct xhci *s, unsigned off)
{
    switch (off) {
    case REG_CMD:
        return s->cmd;
    case REG_STATUS:
        return s->status;
    case REG_PAGE_SIZE:
        return 1;
    case REG_NOTIFY:
        return s->notify;
    case REG_COMMAND:
        return s->command_running ? COMMAND_RUNNING : 0;
    case REG_CONTEXTS:
        return (uint32_t)s->contexts;
    case REG_CONTEXTS + 4:
        return (uint32_t)(s->contexts >> 32);
    case REG_CONFIG:
        return s->config;
    default:
        return 0;
    }
}

static void write_operational(struct xhci *s, unsigned off, uint32_t value)
{
    switch (off) {
    case REG_CMD:
        write_cmd(s, value);
        break;
    case REG_STATUS:
        s->status &= ~(value & STATUS_W1C);
        xhci_update_intx(s);
        break;
    case REG_NOTIFY:
        s->notify = value & 0xffff;
        break;
    case REG_COMMAND:
        s->command_low = value;
        break;
    case REG_COMMAND + 4:
        write_command_ring(s, value);
        break;
    case REG_CONTEXTS:
    case REG_CONTEXTS + 4:
        set_half(&s->contexts, off & 4, off & 4 ? value : value & ~0x3fu);
        break;
    case REG_CONFIG:
        s->config = value & 0xff;
        break;
    default:
        break;
    }
}

/* Runtime registers ----------------------------------------------------------------------------- */

static uint32_t read_runtime(const struct xhci *s, unsigned off)
{
    const struct xhci_intr *v = &s->intr[(off - 0x20) / 0x20 % XHCI_INTRS];
    int64_t ns = clock_now(xhci_machine(s), CLOCK_KIND_VIRTUAL) - s->frames_from;

    if (off < 0x20) { /* MFINDEX */
        return off == 0 && s->cmd & CMD_RUN ? (uint32_t)(ns / MICROFRAME) & 0x3fff : 0;
    }
    if ((off - 0x20) / 0x20 >= s->intrs) {
        return 0;
    }
    switch (off & 0x1f) {
    case REG_IMAN:
        return v->iman;
    case REG_IMOD:
        return v->imod;
    case REG_ERST_SIZE:
        return v->erst_size;
    case REG_ERST:
        return (uint32_t)v->erst;
    case REG_ERST + 4:
        return (uint32_t)(v->erst >> 32);
    case REG_DEQUEUE:
        return (uint32_t)v->dequeue;
    case REG_DEQUEUE + 4:
        return (uint32_t)(v->dequeue >> 32);
    default:
        return 0;
    }
}

static void write_runtime(struct xhci *s, unsigned off, uint32_t value)
{
    unsigned n = (off - 0x20) / 0x20;
    struct xhci_intr *v = &s->intr[n % XHCI_INTRS];

    if (off < 0x20 || n >= s->intrs) {
        return;
    }
    switch (off & 0x1f) {
    case REG_IMAN:
        v->iman = (v->iman & ~(value & 1) & 1) | (value & 2);
        xhci_update_interrupt(s, n);
        break;
    case REG_IMOD:
        v->imod = value;
        break;
    case REG_ERST_SIZE:
        v->erst_size = value & 0xffff;
        v->segment_size = v->erst_size ? v->segment_size : 0;
        break;
    case REG_ERST:
        set_half(&v->erst, false, value & ~0x3fu);
        break;
    case REG_ERST + 4:
        set_half(&v->erst, true, value);
        xhci_set_ring(s, n);
        break;
    case REG_DEQUEUE:
        xhci_dequeued(s, n, (v->dequeue & ~(uint64_t)UINT32_MAX) | value);
        break;
    case REG_DEQUEUE + 4:
        xhci_dequeued(s, n, (v->dequeue & 0xfffffff7u) | (uint64_t)value << 32);
        break;
    default:
        break;
    }
}

static void ring_doorbell(struct xhci *s, unsigned n, uint32_t value)
{
    if (n > s->slots || !(s->cmd & CMD_RUN)) {
        log_line(LOG_GUEST_ERRORS, "xhci: doorbell %u", n);
    } else if (n > 0) {
        xhci_ring_doorbell(s, n, value & 0xff, value >> 16);
    } else if ((value & 0xff) == 0) {
        s->command_running = true;
        xhci_run_commands(s);
    }
}

/* The BAR --------------------------------------------------------------------------------------- */

static uint64_t bar_read(void *opaque, uint64_t off, unsigned size)
{
    struct xhci *s = opaque;
    unsigned port = (unsigned)(off - PORTS) / 16;

    (void)size;
    if (off < OPERATIONAL) {
        return read_capability(s, (unsigned)off);
    }
    if (off >= PORTS && off < RUNTIME) {
        return port < xhci_ports(s) && off % 16 == 0 ? s->ports[port].status : 0;
    }
    if (off < RUNTIME) {
        return read_operational(s, (unsigned)off - OPERATIONAL);
    }
    return off < DOORBELLS ? read_runtime(s, (unsigned)off - RUNTIME) : 0;
}

static void bar_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct xhci *s = opaque;
    unsigned port = (unsigned)(off - PORTS) / 16;

    (void)size;
    if (off >= DOORBELLS) {
        ring_doorbell(s, (unsigned)(off - DOORBELLS) / 4, (uint32_t)value);
    } else if (off >= RUNTIME) {
        write_runtime(s, (unsigned)off - RUNTIME, (uint32_t)value);
    } else if (off >= PORTS) {
        if (port < xhci_ports(s) && off % 16 == 0) {
            xhci_port_write(&s->ports[port], (uint32_t)value);
        }
    } else if (off >= OPERATIONAL) {
        write_operational(s, (unsigned)off - OPERATIONAL, (uint32_t)value);
    }
}

static const struct mem_ops bar_ops = { bar_read, bar_write, 4, 4, false, false };

/* Life ------------------------------------------------------------------------------------------ */

static void run_later(void *opaque)
{
    struct xhci *s = opaque;

    xhci_run_commands(s);
    xhci_run_all(s);
}

static void config_written(struct pci_device *d, unsigned off, unsigned size)
{
    (void)off;
    (void)size;
    xhci_update_intx((struct xhci *)d); /* MSI or MSI-X may be on or off now */
}

/* "auto" is on. */
static bool parse_switch(const struct xhci *s, const char *prop, const char *text, bool *on,
                         GError **error)
{
    *on = strcmp(text, "on") == 0 || strcmp(text, "auto") == 0;
    if (!*on && strcmp(text, "off") != 0) {
        set_error(error, "%s: %s is '%s', must be on, off or auto", s->pci.dev.type->name, prop,
                  text);
        return false;
    }
    return true;
}

static bool check_properties(const struct xhci *s, bool *msi, bool *msix, GError **error)
{
    const char *name = s->pci.dev.type->name;
    const struct {
        const char *prop;
        uint32_t value, min, max;
    } bounds[] = {
        { "p2", s->p2, 0, XHCI_MAX_PORTS },
        { "p3", s->p3, 0, XHCI_MAX_PORTS },
        { "p2 + p3", s->p2 + s->p3, 1, 2 * XHCI_MAX_PORTS },
        { "intrs", s->intrs, 1, XHCI_INTRS },
        { "slots", s->slots, 1, XHCI_SLOTS },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bounds); i++) {
        if (bounds[i].value < bounds[i].min || bounds[i].value > bounds[i].max) {
            set_error(error, "%s: %s is %u, must be %u to %u", name, bounds[i].prop,
                      bounds[i].value, bounds[i].min, bounds[i].max);
            return false;
        }
    }
    return parse_switch(s, "msi", s->msi_wanted, msi, error) &&
           parse_switch(s, "msix", s->msix_wanted, msix, error);
}

static void xhci_unrealize(struct device *dev)
{
    struct xhci *s = (struct xhci *)dev;

    xhci_remove_ports(s);
    timer_disarm(&s->later);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->registers);
    mem_region_destroy(&s->bar);
    g_clear_pointer(&s->backlog, g_byte_array_unref);
}

static bool realize(struct xhci *s, const struct pci_ident *ident, GError **error)
{
    struct machine *m = s->pci.dev.machine;
    bool msi = false, msix = false;

    if (!check_properties(s, &msi, &msix, error) || !pci_device_setup(&s->pci, ident, error)) {
        return false;
    }
    s->pci.config_written = config_written;
    pci_config_store(&s->pci, 0x60, 0x30, 1); /* the release of USB that it follows */
    s->backlog = g_byte_array_new();
    timer_init(&s->later, m, CLOCK_KIND_VIRTUAL, run_later, s);
    mem_region_init_container(&s->bar, m, "xhci", BAR_SIZE);
    mem_region_init_mmio(&s->registers, m, "xhci-registers", &bar_ops, s, MSIX_TABLE);
    mem_region_add(&s->bar, 0, &s->registers, 0);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM64, &s->bar, BAR_SIZE);
    if (msi) {
        pci_msi_setup(&s->pci, 1u << (31 - __builtin_clz(s->intrs)));
    }
    if (msix) {
        pci_msix_setup(&s->pci, &s->msix, s->intrs, 0, &s->bar, MSIX_TABLE, MSIX_PENDING);
    }
    xhci_add_ports(s);
    return true;
}

static bool qemu_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x1b36,
                                            .device = 0x000d,
                                            .class = 0x0c03,
                                            .prog_if = 0x30,
                                            .revision = 1,
                                            .int_pin = 1 };

    return realize((struct xhci *)dev, &ident, error);
}

static bool nec_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x1033,
                                            .device = 0x0194,
                                            .class = 0x0c03,
                                            .prog_if = 0x30,
                                            .revision = 3,
                                            .int_pin = 1 };
    struct xhci *s = (struct xhci *)dev;

    s->nec = true;
    return realize(s, &ident, error);
}

static void xhci_reset(struct device *dev)
{
    struct xhci *s = (struct xhci *)dev;

    reset_controller(s);
    s->frames_from = 0;
    pci_device_reset(&s->pci);
}

/* Saving ---------------------------------------------------------------------------------------- */

static bool slot_ok(const struct xhci *s, const struct xhci_slot *sl)
{
    bool ok = sl->root <= MAX(s->p2, s->p3) && sl->route <= 0xfffff;

    for (unsigned ep = 0; ep < XHCI_EPS; ep++) {
        ok = ok && sl->state[ep] <= XHCI_EP_ERROR && sl->type[ep] <= 7 &&
             sl->streams[ep] <= XHCI_STREAMS && sl->cycle[ep] <= 1 && sl->waiting[ep] <= 1 &&
             (ep > 0 || sl->state[0] == XHCI_EP_DISABLED);
    }
    return ok;
}

static bool intr_ok(const struct xhci_intr *v)
{
    return v->erst_size <= 0xffff && v->segment_size <= 0xffff &&
           (!v->segment_size || (v->index < v->segment_size && v->erst_size));
}

/* A waiting event is what xhci_send_event put there. */
static bool backlog_ok(const struct xhci *s)
{
    struct xhci_event e;

    for (unsigned i = 0; i + sizeof(e) <= s->backlog->len; i += sizeof(e)) {
        memcpy(&e.intr, s->backlog->data + i + offsetof(struct xhci_event, intr), sizeof(e.intr));
        if (e.intr >= s->intrs || s->backlog->data[i + offsetof(struct xhci_event, quiet)] > 1) {
            return false;
        }
    }
    return s->backlog->len % sizeof(e) == 0;
}

static bool xhci_post_load(struct device *dev, GError **error)
{
    struct xhci *s = (struct xhci *)dev;
    bool ok = backlog_ok(s);

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    for (unsigned i = 0; i <= XHCI_SLOTS; i++) {
        ok = ok && slot_ok(s, &s->slot[i]);
    }
    for (unsigned i = 0; i < XHCI_INTRS; i++) {
        ok = ok && intr_ok(&s->intr[i]);
    }
    if (!ok) {
        set_error(error, "a slot, an interrupter or a waiting event is out of bounds");
        return false;
    }
    xhci_port_link(s);
    xhci_update_intx(s);
    /* The devices come after this one: descriptors go on when the machine does. */
    timer_arm(&s->later, clock_now(xhci_machine(s), CLOCK_KIND_VIRTUAL));
    return true;
}

/* clang-format off */
#define XHCI_PROPS                                                                                 \
    PCI_PROPS(struct xhci, pci),                                                                   \
    PROP_U32(struct xhci, "p2", p2, 4, "USB 2 ports, 0 to 15"),                                    \
    PROP_U32(struct xhci, "p3", p3, 4, "USB 3 ports, 0 to 15"),                                    \
    PROP_BOOL(struct xhci, "streams", streams, true, "bulk endpoints may have streams"),           \
    PROP_U32(struct xhci, "intrs", intrs, XHCI_INTRS, "interrupters, 1 to 16"),                    \
    PROP_U32(struct xhci, "slots", slots, XHCI_SLOTS, "devices, 1 to 64")
static const struct property qemu_props[] = {
    XHCI_PROPS,
    PROP_STRING(struct xhci, "msi", msi_wanted, "off", "on, off or auto"),
    PROP_STRING(struct xhci, "msix", msix_wanted, "auto", "on, off or auto: on"),
    { 0 },
};
static const struct property nec_props[] = {
    XHCI_PROPS,
    PROP_STRING(struct xhci, "msi", msi_wanted, "auto", "on, off or auto: on"),
    PROP_STRING(struct xhci, "msix", msix_wanted, "auto", "on, off or auto: on"),
    { 0 },
};

static const struct state_row ring_state[] = {
    STATE_INT(struct xhci_ring, at, 1, "address of the next block"),
    STATE_INT(struct xhci_ring, cycle, 1, "the cycle bit that gives it to the controller"),
    { 0 },
};
static const struct state_row intr_state[] = {
    STATE_INT(struct xhci_intr, iman, 1, "IMAN"),
    STATE_INT(struct xhci_intr, imod, 1, "IMOD"),
    STATE_INT(struct xhci_intr, erst_size, 1, "segments of the event ring"),
    STATE_INT(struct xhci_intr, erst, 1, "their table"),
    STATE_INT(struct xhci_intr, dequeue, 1, "ERDP"),
    STATE_INT(struct xhci_intr, wanted, 1, "an event came that interrupts"),
    STATE_INT(struct xhci_intr, segment, 1, "address of the segment in use"),
    STATE_INT(struct xhci_intr, segment_size, 1, "its events"),
    STATE_INT(struct xhci_intr, segment_number, 1, "its place in the table"),
    STATE_INT(struct xhci_intr, index, 1, "the next event in it"),
    STATE_INT(struct xhci_intr, cycle, 1, "cycle bit"),
    { 0 },
};
static const struct state_row slot_state[] = {
    STATE_INT(struct xhci_slot, enabled, 1, "it is given to a device"),
    STATE_INT(struct xhci_slot, root, 1, "port of the root hub"),
    STATE_INT(struct xhci_slot, route, 1, "ports of the hubs behind it"),
    STATE_INT(struct xhci_slot, context, 1, "address of the device context"),
    STATE_ARRAY(struct xhci_slot, state, 1, "states of the endpoints"),
    STATE_ARRAY(struct xhci_slot, type, 1, "their types"),
    STATE_ARRAY(struct xhci_slot, streams, 1, "their streams"),
    STATE_ARRAY(struct xhci_slot, ring, 1, "their next descriptors, or stream arrays"),
    STATE_ARRAY(struct xhci_slot, cycle, 1, "their cycle bits"),
    STATE_ARRAY(struct xhci_slot, waiting, 1, "the device had nothing to say"),
    { 0 },
};
static const struct state_row port_state[] = {
    STATE_INT(struct xhci_port, status, 1, "PORTSC"),
    { 0 },
};
static const struct state_row xhci_state[] = {
    PCI_STATE(struct xhci, pci),
    PCI_MSIX_STATE(struct xhci, msix),
    STATE_INT(struct xhci, cmd, 1, "USBCMD"),
    STATE_INT(struct xhci, status, 1, "USBSTS"),
    STATE_INT(struct xhci, notify, 1, "DNCTRL"),
    STATE_INT(struct xhci, config, 1, "CONFIG"),
    STATE_INT(struct xhci, command_low, 1, "first half of CRCR"),
    STATE_INT(struct xhci, contexts, 1, "DCBAAP"),
    STATE_SUB(struct xhci, command, 1, ring_state, 1, "command ring"),
    STATE_INT(struct xhci, command_running, 1, "it runs"),
    STATE_INT(struct xhci, frames_from, 1, "virtual ns of microframe 0"),
    STATE_SUB(struct xhci, intr, XHCI_INTRS, intr_state, 1, "interrupters"),
    STATE_BLOB_ROW(struct xhci, backlog, XHCI_BACKLOG, 1, "events that wait for room"),
    STATE_SUB(struct xhci, slot, XHCI_SLOTS + 1, slot_state, 1, "slots"),
    STATE_SUB(struct xhci, ports, 2 * XHCI_MAX_PORTS, port_state, 1, "ports"),
    { 0 },
};
/* clang-format on */

#define XHCI_TYPE(symbol, text, what, rows, realizer)                                              \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_PCI,                                                                            \
        .size = sizeof(struct xhci),                                                               \
        .props = rows,                                                                             \
        .state = xhci_state,                                                                       \
        .realize = realizer,                                                                       \
        .reset = xhci_reset,                                                                       \
        .unrealize = xhci_unrealize,                                                               \
        .post_load = xhci_post_load,                                                               \
    }
XHCI_TYPE(qemu_xhci_type, "qemu-xhci", "USB 3 host controller (xHCI)", qemu_props, qemu_realize);
XHCI_TYPE(nec_usb_xhci_type, "nec-usb-xhci", "USB 3 host controller (xHCI) of NEC", nec_props,
          nec_realize);
