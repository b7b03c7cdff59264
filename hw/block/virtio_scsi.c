/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/virtio_scsi.c: a virtio SCSI host adapter: virtio-scsi-pci (three types) and
 * virtio-scsi-device.  Source: VIRTIO 1.2, 5.6.
 *
 * Invariants: each element of a request queue in flight has a struct command on s->commands, whose SCSI
 *             request is in progress.
 * Thread:     hw/virtio/virtio.h.
 */
#include <string.h>
#include "hw/block/scsi.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_pci.h"
#include "util/error.h"

/* clang-format off */
enum { SCSI_F_INOUT = 0, SCSI_F_HOTPLUG = 1, SCSI_F_CHANGE = 2 };
enum { QUEUE_CONTROL = 0, QUEUE_EVENT = 1, QUEUE_REQUEST = 2 };
enum scsi_config {              /* 5.6.4: offsets */
    CONFIG_NUM_QUEUES = 0, CONFIG_SEG_MAX = 4, CONFIG_MAX_SECTORS = 8, CONFIG_CMD_PER_LUN = 12,
    CONFIG_EVENT_SIZE = 16, CONFIG_SENSE_SIZE = 20, CONFIG_CDB_SIZE = 24, CONFIG_MAX_CHANNEL = 28,
    CONFIG_MAX_TARGET = 30, CONFIG_MAX_LUN = 32, CONFIG_SIZE = 36,
};
enum scsi_response {            /* 5.6.6.1, 5.6.6.2 */
    S_OK = 0, S_OVERRUN = 1, S_ABORTED = 2, S_BAD_TARGET = 3, S_RESET = 4, S_SUCCEEDED = 10,
    S_REJECTED = 11, S_INCORRECT_LUN = 12,
};
enum { REQUEST_LUN = 0, REQUEST_TAG = 8, REQUEST_CDB = 19 };
enum { RESPONSE_SENSE_LEN = 0, RESPONSE_RESIDUAL = 4, RESPONSE_STATUS = 10, RESPONSE_CODE = 11,
       RESPONSE_SENSE = 12 };
enum control_type { C_TMF = 0, C_AN_QUERY = 1, C_AN_SUBSCRIBE = 2 };
enum tmf { TMF_ABORT_TASK = 0, TMF_ABORT_TASK_SET = 1, TMF_CLEAR_TASK_SET = 3, TMF_NEXUS_RESET = 4,
           TMF_UNIT_RESET = 5, TMF_QUERY_TASK = 6, TMF_QUERY_TASK_SET = 7 };
enum { EVENT_SIZE = 16, EVENT_TRANSPORT_RESET = 1, EVENT_PARAM_CHANGE = 3 };
#define EVENT_MISSED 0x80000000u
enum { REASON_RESCAN = 1, REASON_REMOVED = 2 };
#define SENSE_DEFAULT 96u
#define CDB_DEFAULT   32u
#define FIELD_MAX     252u /* of what the driver may make of these two */
#define AUTO_QUEUES   UINT32_MAX
/* clang-format on */

struct command {
    struct virtio_scsi *s;
    struct virtio_element *e;
    struct command *prev, *next;
    struct scsi_request r;
    unsigned lun;
    uint32_t sense_size;
};

struct virtio_scsi {
    struct virtio_device v;
    struct scsi_bus bus;
    bool has_bus;
    uint32_t num_queues, queue_size; /* properties */
    bool hotplug;
    uint32_t max_sectors, cmd_per_lun;
    uint32_t sense_size, cdb_size; /* the driver's */
    bool events_missed;
    struct command *commands;
};

static struct virtio_scsi *scsi_of_bus(struct scsi_bus *bus)
{
    return (struct virtio_scsi *)((char *)bus - offsetof(struct virtio_scsi, bus));
}

/* Commands -------------------------------------------------------------------------------------- */

static void unlink_command(struct command *c)
{
    *(c->prev ? &c->prev->next : &c->s->commands) = c->next;
    if (c->next) {
        c->next->prev = c->prev;
    }
    g_free(c);
}

/* The response comes before the data that the device wrote. */
static void answer(struct command *c, enum scsi_response code, uint64_t data_bytes)
{
    struct virtio_queue *vq = c->e->vq;
    const struct scsi_request *r = &c->r;
    uint8_t b[RESPONSE_SENSE + FIELD_MAX] = { 0 };
    uint32_t sense = MIN(r->sense_len, c->sense_size);
    uint32_t residual = code == S_OK ? (uint32_t)MIN(data_bytes - r->moved, UINT32_MAX) : 0;

    memcpy(b + RESPONSE_SENSE_LEN, &sense, 4);
    memcpy(b + RESPONSE_RESIDUAL, &residual, 4);
    b[RESPONSE_STATUS] = code == S_OK ? r->status : 0;
    b[RESPONSE_CODE] = (uint8_t)code;
    memcpy(b + RESPONSE_SENSE, r->sense, sense);
    dma_list_write(&c->e->in, virtio_machine(&c->s->v), 0, b, RESPONSE_SENSE + c->sense_size);
    virtqueue_push(c->e, (uint32_t)(RESPONSE_SENSE + c->sense_size + (r->in ? r->moved : 0)));
    unlink_command(c);
    virtqueue_notify(vq);
}

static uint64_t data_bytes(const struct scsi_request *r)
{
    return r->in ? r->in->bytes - r->in_skip : r->out ? r->out->bytes - r->out_skip : 0;
}

static void command_done(struct scsi_request *r)
{
    struct command *c = (struct command *)((char *)r - offsetof(struct command, r));

    answer(c, r->overrun ? S_OVERRUN : S_OK, data_bytes(r));
}

/* 5.6.6.1: 1, target, and a unit in the flat format; false: another kind of address. */
static bool parse_lun(const uint8_t *b, unsigned *target, unsigned *lun)
{
    *target = b[1];
    *lun = ((unsigned)b[2] << 8 | b[3]) & 0x3fff;
    return b[0] == 1;
}

static void start(struct virtio_scsi *s, struct virtio_element *e)
{
    struct command *c = g_new0(struct command, 1);
    uint8_t head[REQUEST_CDB + FIELD_MAX];
    uint32_t head_size = REQUEST_CDB + s->cdb_size, answer_size = RESPONSE_SENSE + s->sense_size;
    struct scsi_device *d = NULL;
    unsigned target;

    dma_list_read(&e->out, 0, head, head_size);
    c->s = s;
    c->e = e;
    c->sense_size = s->sense_size;
    c->next = s->commands;
    if (c->next) {
        c->next->prev = c;
    }
    s->commands = c;
    memcpy(c->r.cdb, head + REQUEST_CDB, MIN(s->cdb_size, SCSI_CDB));
    memcpy(&c->r.tag, head + REQUEST_TAG, 8);
    c->r.machine = virtio_machine(&s->v);
    c->r.done = command_done;
    c->r.out = e->out.bytes > head_size ? &e->out : NULL;
    c->r.out_skip = head_size;
    c->r.in = e->in.bytes > answer_size ? &e->in : NULL;
    c->r.in_skip = answer_size;
    if (parse_lun(head + REQUEST_LUN, &target, &c->lun)) {
        d = scsi_find(&s->bus, target, c->lun, true);
    }
    if (d) {
        scsi_execute(d, c->lun, &c->r);
    } else {
        answer(c, S_BAD_TARGET, 0);
    }
}

static void take_requests(struct virtio_scsi *s, struct virtio_queue *vq)
{
    struct virtio_element *e;

    while ((e = virtqueue_pop(vq))) {
        if (e->out.bytes < REQUEST_CDB + s->cdb_size ||
            e->in.bytes < RESPONSE_SENSE + s->sense_size) {
            virtio_error(&s->v, "a request without all of its head or response");
            virtqueue_drop(e);
            return;
        }
        start(s, e);
    }
}

/* Task management ------------------------------------------------------------------------------- */

/* Gives up the commands of a target (lun < 0: all units; tag: NULL or the one); how many. */
static unsigned give_up(struct virtio_scsi *s, unsigned target, int lun, const uint64_t *tag,
                        enum scsi_response code)
{
    unsigned n = 0;

    for (struct command *c = s->commands, *next; c; c = next) {
        next = c->next;
        if (c->r.d->id == target && (lun < 0 || c->lun == (unsigned)lun) &&
            (!tag || c->r.tag == *tag)) {
            scsi_cancel(&c->r);
            c->r.moved = 0;
            answer(c, code, 0);
            n++;
        }
    }
    return n;
}

static bool in_progress(struct virtio_scsi *s, unsigned target, unsigned lun, const uint64_t *tag)
{
    for (const struct command *c = s->commands; c; c = c->next) {
        if (c->r.d->id == target && c->lun == lun && (!tag || c->r.tag == *tag)) {
            return true;
        }
    }
    return false;
}

static void reset_target(struct virtio_scsi *s, unsigned target, int lun)
{
    for (unsigned i = 0; i < s->bus.bus.devices->len; i++) {
        struct scsi_device *d = g_ptr_array_index(s->bus.bus.devices, i);

        if (d->id == target && (lun < 0 || d->lun == (unsigned)lun)) {
            scsi_device_reset(d, ASC_RESET);
        }
    }
}

static enum scsi_response manage(struct virtio_scsi *s, uint32_t subtype, const uint8_t *address,
                                 const uint64_t *tag)
{
    unsigned target, lun;

    if (!parse_lun(address, &target, &lun) || !scsi_find(&s->bus, target, lun, true)) {
        return S_BAD_TARGET;
    }
    if (subtype != TMF_NEXUS_RESET && !scsi_find(&s->bus, target, lun, false)) {
        return S_INCORRECT_LUN;
    }
    switch (subtype) {
    case TMF_ABORT_TASK:
        give_up(s, target, (int)lun, tag, S_ABORTED);
        return S_OK;
    case TMF_ABORT_TASK_SET:
    case TMF_CLEAR_TASK_SET:
        give_up(s, target, (int)lun, NULL, S_ABORTED);
        return S_OK;
    case TMF_UNIT_RESET:
        give_up(s, target, (int)lun, NULL, S_RESET);
        reset_target(s, target, (int)lun);
        return S_OK;
    case TMF_NEXUS_RESET:
        give_up(s, target, -1, NULL, S_RESET);
        reset_target(s, target, -1);
        return S_OK;
    case TMF_QUERY_TASK:
        return in_progress(s, target, lun, tag) ? S_SUCCEEDED : S_OK;
    case TMF_QUERY_TASK_SET:
        return in_progress(s, target, lun, NULL) ? S_SUCCEEDED : S_OK;
    default:
        return S_REJECTED;
    }
}

/* 5.6.6.2: one element; the bytes written, or -1: it is too short. */
static int control(struct virtio_scsi *s, struct virtio_element *e)
{
    struct {
        uint32_t type, subtype;
        uint8_t lun[8];
        uint64_t tag;
    } tmf = { 0 };
    size_t n = dma_list_read(&e->out, 0, &tmf, sizeof(tmf));
    uint8_t b[5] = { 0 };

    if (n >= 4 && (tmf.type == C_AN_QUERY || tmf.type == C_AN_SUBSCRIBE)) {
        return (int)dma_list_write(&e->in, virtio_machine(&s->v), 0, b,
                                   sizeof(b)); /* none happens */
    }
    if (n < 4 || (tmf.type == C_TMF && n < sizeof(tmf)) || e->in.bytes < 1) {
        return -1;
    }
    b[0] = tmf.type == C_TMF ? (uint8_t)manage(s, tmf.subtype, tmf.lun, &tmf.tag) : S_REJECTED;
    return (int)dma_list_write(&e->in, virtio_machine(&s->v), 0, b, 1);
}

static void take_controls(struct virtio_scsi *s, struct virtio_queue *vq)
{
    struct virtio_element *e;

    while ((e = virtqueue_pop(vq))) {
        int n = control(s, e);

        if (n < 0) {
            virtio_error(&s->v, "a control request that is too short");
            virtqueue_drop(e);
            return;
        }
        virtqueue_push(e, (uint32_t)n);
    }
    virtqueue_notify(vq);
}

/* Events ---------------------------------------------------------------------------------------- */

static void send_event(struct virtio_scsi *s, const struct scsi_device *d, uint32_t event,
                       uint32_t reason)
{
    struct virtio_queue *vq = &s->v.queues[QUEUE_EVENT];
    struct virtio_element *e = virtqueue_pop(vq);
    uint8_t b[EVENT_SIZE] = { 0 };

    if (!e || e->in.bytes < sizeof(b)) {
        s->events_missed = true;
        if (e) {
            virtio_error(&s->v, "an event's buffer is too short");
            virtqueue_drop(e);
        }
        return;
    }
    event |= s->events_missed ? EVENT_MISSED : 0;
    s->events_missed = false;
    memcpy(b, &event, 4);
    if (d) {
        b[4] = 1;
        b[5] = (uint8_t)d->id;
        b[6] = 0x40;
        b[7] = (uint8_t)d->lun;
    }
    memcpy(b + 12, &reason, 4);
    dma_list_write(&e->in, virtio_machine(&s->v), 0, b, sizeof(b));
    virtqueue_push(e, sizeof(b));
    virtqueue_notify(vq);
}

static void bus_plugged(struct scsi_bus *bus, struct scsi_device *d)
{
    struct virtio_scsi *s = scsi_of_bus(bus);

    if (s->v.status & VIRTIO_DRIVER_OK && virtio_has(&s->v, SCSI_F_HOTPLUG)) {
        send_event(s, d, EVENT_TRANSPORT_RESET, REASON_RESCAN);
    }
}

static void bus_unplugged(struct scsi_bus *bus, struct scsi_device *d)
{
    struct virtio_scsi *s = scsi_of_bus(bus);

    for (struct command *c = s->commands, *next; c; c = next) {
        next = c->next;
        if (c->r.d == d) {
            scsi_cancel(&c->r);
            c->r.moved = 0;
            answer(c, S_BAD_TARGET, 0);
        }
    }
    if (s->v.status & VIRTIO_DRIVER_OK && virtio_has(&s->v, SCSI_F_HOTPLUG)) {
        send_event(s, d, EVENT_TRANSPORT_RESET, REASON_REMOVED);
    }
}

static void bus_changed(struct scsi_bus *bus, struct scsi_device *d, unsigned asc)
{
    struct virtio_scsi *s = scsi_of_bus(bus);

    if (s->v.status & VIRTIO_DRIVER_OK && virtio_has(&s->v, SCSI_F_CHANGE)) {
        send_event(s, d, EVENT_PARAM_CHANGE, asc >> 8 | (asc & 0xff) << 8);
    }
}

static const struct scsi_bus_ops bus_ops = { bus_plugged, bus_unplugged, bus_changed };

/* The device ------------------------------------------------------------------------------------ */

static void scsi_notified(struct virtio_device *v, struct virtio_queue *vq)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    if (vq->index == QUEUE_CONTROL) {
        take_controls(s, vq);
    } else if (vq->index >= QUEUE_REQUEST) {
        take_requests(s, vq);
    } else if (s->events_missed && v->status & VIRTIO_DRIVER_OK) {
        send_event(s, NULL, 0, 0);
    }
}

static void scsi_config_write(struct virtio_device *v, unsigned off, unsigned size, uint32_t value)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    if (size != 4 || value > FIELD_MAX || s->commands) {
        return;
    }
    if (off == CONFIG_SENSE_SIZE) {
        s->sense_size = value;
        virtio_config_put(v, off, value, 4);
    } else if (off == CONFIG_CDB_SIZE) {
        s->cdb_size = value;
        virtio_config_put(v, off, value, 4);
    }
}

static void fill_config(struct virtio_scsi *s)
{
    struct virtio_device *v = &s->v;

    virtio_config_put(v, CONFIG_NUM_QUEUES, s->num_queues, 4);
    virtio_config_put(v, CONFIG_SEG_MAX, s->queue_size - 2, 4);
    virtio_config_put(v, CONFIG_MAX_SECTORS, s->max_sectors, 4);
    virtio_config_put(v, CONFIG_CMD_PER_LUN, s->cmd_per_lun, 4);
    virtio_config_put(v, CONFIG_EVENT_SIZE, EVENT_SIZE, 4);
    virtio_config_put(v, CONFIG_SENSE_SIZE, s->sense_size, 4);
    virtio_config_put(v, CONFIG_CDB_SIZE, s->cdb_size, 4);
    virtio_config_put(v, CONFIG_MAX_CHANNEL, 0, 2);
    virtio_config_put(v, CONFIG_MAX_TARGET, SCSI_MAX_TARGET, 2);
    virtio_config_put(v, CONFIG_MAX_LUN, 16383, 4);
}

static bool scsi_realize(struct virtio_device *v, GError **error)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;
    const char *name = v->dev->type->name;

    if (s->num_queues == AUTO_QUEUES) {
        s->num_queues = CLAMP(virtio_machine(v)->config.cpus, 1, 64);
    }
    if (s->num_queues < 1 || s->num_queues > 64) {
        set_error(error, "%s: num_queues is %u, must be 1 to 64", name, s->num_queues);
        return false;
    }
    if (s->queue_size < 4 || s->queue_size > VIRTIO_MAX_SIZE ||
        (s->queue_size & (s->queue_size - 1))) {
        set_error(error, "%s: virtqueue_size is %u, must be a power of two from 4 to %u", name,
                  s->queue_size, VIRTIO_MAX_SIZE);
        return false;
    }
    for (unsigned i = 0; i < s->num_queues + QUEUE_REQUEST; i++) {
        virtio_add_queue(v, s->queue_size);
    }
    v->offered |= 1ull << SCSI_F_CHANGE | (uint64_t)s->hotplug << SCSI_F_HOTPLUG;
    return true;
}

static bool scsi_plugged(struct virtio_device *v, GError **error)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    (void)error;
    scsi_bus_init(&s->bus, v->dev, &bus_ops);
    s->bus.iothread = v->iothread;
    s->has_bus = true;
    return true;
}

static void scsi_unrealize(struct virtio_device *v)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    if (s->has_bus) {
        scsi_bus_destroy(&s->bus);
        s->has_bus = false;
    }
}

static void scsi_reset(struct virtio_device *v)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    while (s->commands) {
        struct command *c = s->commands;

        scsi_cancel(&c->r);
        virtqueue_drop(c->e);
        unlink_command(c);
    }
    s->events_missed = false;
    s->sense_size = SENSE_DEFAULT;
    s->cdb_size = CDB_DEFAULT;
    fill_config(s);
}

/* Requests on their way end with their drives' ones. */
static void scsi_pre_save(struct virtio_device *v)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    while (s->commands) {
        block_drain(s->commands->r.d->disk.blk);
    }
}

static bool scsi_post_load(struct virtio_device *v, GError **error)
{
    struct virtio_scsi *s = (struct virtio_scsi *)v;

    if (s->sense_size > FIELD_MAX || s->cdb_size > FIELD_MAX) {
        set_error(error, "sense and command sizes are %u and %u, must be at most %u", s->sense_size,
                  s->cdb_size, FIELD_MAX);
        return false;
    }
    fill_config(s);
    return true;
}

static const struct virtio_ops scsi_ops = {
    .id = VIRTIO_ID_SCSI,
    .config_size = CONFIG_SIZE,
    .realize = scsi_realize,
    .plugged = scsi_plugged,
    .unrealize = scsi_unrealize,
    .reset = scsi_reset,
    .notified = scsi_notified,
    .config_write = scsi_config_write,
    .pre_save = scsi_pre_save,
    .post_load = scsi_post_load,
};

/* Types ----------------------------------------------------------------------------------------- */

struct virtio_scsi_pci {
    struct virtio_pci proxy;
    struct virtio_scsi scsi;
};
struct virtio_scsi_device {
    struct virtio_mmio_device proxy;
    struct virtio_scsi scsi;
};

static bool pci_realize(struct device *dev, GError **error)
{
    return virtio_pci_realize(dev, &scsi_ops, 0x0100, error);
}

static bool mmio_realize(struct device *dev, GError **error)
{
    return virtio_mmio_plug(dev, &scsi_ops, error);
}

#define SCSI_PROPS(strct)                                                                          \
    PROP_U32(strct, "num_queues", scsi.num_queues, AUTO_QUEUES,                                    \
             "request queues, 1 to 64 (default: one for each CPU)"),                               \
        PROP_IOTHREAD(strct, "iothread", scsi.v.iothread, "the -object iothread that it runs on"), \
        PROP_U32(strct, "virtqueue_size", scsi.queue_size, 256, "entries of a queue"),             \
        PROP_U32(strct, "max_sectors", scsi.max_sectors, 0xffff, "sectors of a request"),          \
        PROP_U32(strct, "cmd_per_lun", scsi.cmd_per_lun, 128, "commands for a unit at a time"),    \
        PROP_BOOL(strct, "hotplug", scsi.hotplug, true, "the driver is told of new units")
#define SCSI_STATE(strct)                                                                          \
    STATE_INT(strct, scsi.sense_size, 1, "bytes of sense data"),                                   \
        STATE_INT(strct, scsi.cdb_size, 1, "bytes of a command"),                                  \
        STATE_INT(strct, scsi.events_missed, 1, "an event found no buffer")

static const struct property pci_props[] = {
    VIRTIO_PCI_PROPS(struct virtio_scsi_pci, proxy, scsi.v),
    SCSI_PROPS(struct virtio_scsi_pci),
    { 0 },
};
static const struct property pci_common_props[] = {
    VIRTIO_PCI_COMMON_PROPS(struct virtio_scsi_pci, proxy, scsi.v),
    SCSI_PROPS(struct virtio_scsi_pci),
    { 0 },
};
static const struct property mmio_props[] = {
    VIRTIO_PROPS(struct virtio_scsi_device, scsi.v),
    SCSI_PROPS(struct virtio_scsi_device),
    { 0 },
};
static const struct state_row pci_state[] = {
    VIRTIO_PCI_STATE(struct virtio_scsi_pci, proxy, scsi.v),
    SCSI_STATE(struct virtio_scsi_pci),
    { 0 },
};
static const struct state_row mmio_state[] = {
    VIRTIO_STATE(struct virtio_scsi_device, scsi.v),
    SCSI_STATE(struct virtio_scsi_device),
    { 0 },
};

VIRTIO_PCI_TYPES(virtio_scsi, "virtio-scsi", "virtio SCSI host adapter", struct virtio_scsi_pci,
                 scsi, pci_props, pci_common_props, pci_state, pci_realize);
VIRTIO_MMIO_TYPE(virtio_scsi_device_type, "virtio-scsi-device", "virtio SCSI host adapter",
                 struct virtio_scsi_device, scsi, mmio_props, mmio_state, mmio_realize);
