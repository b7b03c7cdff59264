/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/nvme.c: the controller: registers, doorbells, queues, interrupts, events.
 * Source: NVM Express 1.4: 3.1 (registers), 4.1 (queues), 7.6 (reset, shutdown).
 * Invariants and thread: nvme.h.
 */
#include "hw/block/nvme.h"

#include <string.h>
#include "hw/nvram/boot_order.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum nvme_register {            /* 3.1 */
    REG_CAP = 0x00, REG_VS = 0x08, REG_INTMS = 0x0c, REG_INTMC = 0x10, REG_CC = 0x14, REG_CSTS = 0x1c,
    REG_AQA = 0x24, REG_ASQ = 0x28, REG_ACQ = 0x30, REG_DOORBELLS = 0x1000,
};
enum { BAR_SIZE = 0x4000, BAR_MSIX = 4 };
enum { CC_EN = 1 << 0, CC_CSS = 7 << 4, CC_AMS = 7 << 11, CC_SHN = 3 << 14 };
enum { CSTS_RDY = 1 << 0, CSTS_CFS = 1 << 1, CSTS_SHUTTING = 1 << 2, CSTS_SHUT = 2 << 2, CSTS_SHST = 3 << 2 };
enum { ERROR_DOORBELL_REGISTER = 0, ERROR_DOORBELL_VALUE = 1 };
/* Contiguous queues; ready within 7.5 s; the NVM command set; pages of 4 to 64 KiB. */
#define CAP ((uint64_t)(NVME_MAX_ENTRIES - 1) | 1ull << 16 | 15ull << 24 | 1ull << 37 | 4ull << 52)
#define MPS_MAX 4u
#define DNR     0x4000u         /* do not retry */
/* clang-format on */

struct completion { /* 4.6 */
    uint32_t result, reserved;
    uint16_t sq_head, sq_id, cid, status;
};
G_STATIC_ASSERT(sizeof(struct completion) == 16);

/* Interrupts ------------------------------------------------------------------------------------ */

static void update_intx(struct nvme *s)
{
    bool level = false;

    for (unsigned i = 0; i <= NVME_MAX_QUEUES; i++) {
        const struct nvme_cq *cq = &s->cqs[i];

        level |= cq->exists && cq->interrupts && cq->head != cq->tail && cq->vector < 32 &&
                 !(s->intms >> cq->vector & 1);
    }
    pci_set_intx(&s->pci, level && !pci_msix_enabled(&s->pci));
}

static void raise_interrupt(struct nvme *s, const struct nvme_cq *cq)
{
    if (cq->interrupts && pci_msix_enabled(&s->pci)) {
        pci_msix_send(&s->pci, cq->vector);
    } else {
        update_intx(s);
    }
}

/* Completions ----------------------------------------------------------------------------------- */

static void fatal(struct nvme *s, const char *why)
{
    log_line(LOG_GUEST_ERRORS, "nvme: %s", why);
    s->csts |= CSTS_CFS;
}

static bool is_ready(const struct nvme *s)
{
    return s->csts & CSTS_RDY && !(s->csts & CSTS_CFS);
}

static unsigned room(const struct nvme_cq *cq)
{
    unsigned used = (cq->tail + cq->size - cq->head) % cq->size + cq->in_flight;

    return used < cq->size - 1 ? cq->size - 1 - used : 0;
}

static void post(struct nvme *s, unsigned sq_id, uint16_t cid, uint32_t result,
                 enum nvme_status status)
{
    const struct nvme_sq *sq = &s->sqs[sq_id];
    struct nvme_cq *cq = &s->cqs[sq->cq];
    uint16_t field = (uint16_t)((unsigned)status | (status ? DNR : 0)) << 1 | cq->phase;
    const struct completion c = { result, 0, (uint16_t)sq->head, (uint16_t)sq_id, cid, 0 };
    uint64_t at = cq->base + cq->tail * sizeof(c);

    if (!dma_store(nvme_machine(s), at, &c, offsetof(struct completion, status))) {
        fatal(s, "a completion queue is not RAM");
        return;
    }
    /* The phase says that the entry is complete: it comes last. */
    atomic_thread_fence(memory_order_release);
    dma_store(nvme_machine(s), at + offsetof(struct completion, status), &field, sizeof(field));
    cq->tail++;
    if (cq->tail == cq->size) {
        cq->tail = 0;
        cq->phase = !cq->phase;
    }
    raise_interrupt(s, cq);
}

static void take_commands(struct nvme *s, unsigned sq_id);

void nvme_forget(struct nvme_request *r)
{
    struct nvme *s = r->s;

    *(r->prev ? &r->prev->next : &s->requests) = r->next;
    if (r->next) {
        r->next->prev = r->prev;
    }
    s->sqs[r->sq].in_flight--;
    s->cqs[s->sqs[r->sq].cq].in_flight--;
    dma_list_clear(&r->data);
    g_free(r->req.iov);
    g_free(r->ranges);
    g_free(r);
}

void nvme_complete(struct nvme_request *r, enum nvme_status status)
{
    struct nvme *s = r->s;
    unsigned sq = r->sq;
    uint16_t cid = r->cmd.cid;
    uint32_t result = r->result;

    nvme_forget(r);
    if (is_ready(s)) {
        post(s, sq, cid, result, status);
    }
    if (!s->taking) {
        take_commands(s, sq); /* the queue may have been too full of those in flight */
    }
}

void nvme_cancel(struct nvme *s, int sq, bool post_them)
{
    for (struct nvme_request *r = s->requests, *next; r; r = next) {
        next = r->next;
        if (sq >= 0 && r->sq != sq) {
            continue;
        }
        block_cancel(&r->req);
        if (post_them) {
            nvme_complete(r, NVME_SQ_DELETED);
        } else {
            nvme_forget(r);
        }
    }
}

/* Events ---------------------------------------------------------------------------------------- */

void nvme_post_events(struct nvme *s)
{
    for (unsigned i = 0; i < NVME_EVENTS; i++) {
        if (s->n_aers && s->event_waits[i] && !s->event_masked[i] && is_ready(s) &&
            room(&s->cqs[0])) {
            s->event_waits[i] = false;
            s->event_masked[i] = true;
            post(s, 0, s->aers[--s->n_aers], s->event[i], NVME_SUCCESS);
        }
    }
}

void nvme_event(struct nvme *s, enum nvme_event_kind kind, unsigned info, unsigned log_page)
{
    if (is_ready(s)) {
        s->event_waits[kind] = true;
        s->event[kind] = kind | info << 8 | log_page << 16;
        nvme_post_events(s);
    }
}

void nvme_event_read(struct nvme *s, enum nvme_event_kind kind)
{
    s->event_masked[kind] = false;
    nvme_post_events(s);
}

/* Submission ------------------------------------------------------------------------------------ */

static void start(struct nvme *s, unsigned sq_id, const struct nvme_command *cmd)
{
    struct nvme_request *r = g_new0(struct nvme_request, 1);
    enum nvme_status status;

    r->s = s;
    r->sq = (uint16_t)sq_id;
    r->cmd = *cmd;
    r->next = s->requests;
    if (r->next) {
        r->next->prev = r;
    }
    s->requests = r;
    s->sqs[sq_id].in_flight++;
    s->cqs[s->sqs[sq_id].cq].in_flight++;
    if (cmd->flags) { /* fused, or a scatter gather list */
        status = NVME_INVALID_FIELD;
    } else {
        status = sq_id ? nvme_io(r) : nvme_admin(r);
    }
    if (status != NVME_LATER) {
        nvme_complete(r, status);
    }
}

static void take_commands(struct nvme *s, unsigned sq_id)
{
    struct nvme_sq *sq = &s->sqs[sq_id];

    s->taking = true;
    /* A command may delete the queue. */
    while (is_ready(s) && sq->exists && sq->head != sq->tail && sq->in_flight < sq->size &&
           room(&s->cqs[sq->cq])) {
        struct nvme_command cmd;

        atomic_thread_fence(memory_order_acquire);
        if (!dma_load(nvme_machine(s), sq->base + sq->head * sizeof(cmd), &cmd, sizeof(cmd))) {
            fatal(s, "a submission queue is not RAM");
            break;
        }
        sq->head = (sq->head + 1) % sq->size;
        start(s, sq_id, &cmd);
    }
    s->taking = false;
}

static void take_all(struct nvme *s, unsigned cq_id)
{
    for (unsigned i = 0; i <= NVME_MAX_QUEUES; i++) {
        if (s->sqs[i].exists && s->sqs[i].cq == cq_id) {
            take_commands(s, i);
        }
    }
}

static void ring_doorbell(struct nvme *s, unsigned n, uint32_t value)
{
    unsigned id = n / 2;
    bool completion = n & 1;
    struct nvme_sq *sq = &s->sqs[MIN(id, NVME_MAX_QUEUES)];
    struct nvme_cq *cq = &s->cqs[MIN(id, NVME_MAX_QUEUES)];

    if (!is_ready(s)) {
        return;
    }
    if (id > NVME_MAX_QUEUES || !(completion ? cq->exists : sq->exists)) {
        nvme_event(s, NVME_EVENT_ERROR, ERROR_DOORBELL_REGISTER, 1);
    } else if (value >= (completion ? cq->size : sq->size)) {
        nvme_event(s, NVME_EVENT_ERROR, ERROR_DOORBELL_VALUE, 1);
    } else if (completion) {
        cq->head = value;
        update_intx(s);
        nvme_post_events(s);
        take_all(s, id);
    } else {
        sq->tail = value;
        take_commands(s, id);
    }
}

/* Enabling, resetting, shutting down ------------------------------------------------------------ */

static void power_on_features(struct nvme *s)
{
    memset(s->features, 0, sizeof(s->features));
    s->features[0x04] = 343; /* kelvin */
}

static void reset_controller(struct nvme *s)
{
    nvme_cancel(s, -1, false);
    memset(s->sqs, 0, sizeof(s->sqs));
    memset(s->cqs, 0, sizeof(s->cqs));
    memset(s->event_waits, 0, sizeof(s->event_waits));
    memset(s->event_masked, 0, sizeof(s->event_masked));
    s->n_aers = 0;
    s->csts = 0;
    s->intms = 0;
    power_on_features(s);
    disk_reset(&s->disk);
    update_intx(s);
}

static void enable(struct nvme *s)
{
    uint32_t sq_size = (s->aqa & 0xfff) + 1, cq_size = (s->aqa >> 16 & 0xfff) + 1;
    uint64_t mask = nvme_page(s) - 1;

    if (s->cc & (CC_CSS | CC_AMS) || (s->cc >> 7 & 15) > MPS_MAX || sq_size < 2 || cq_size < 2 ||
        s->asq & mask || s->acq & mask) {
        fatal(s, "enabled with a configuration that is not served");
        return;
    }
    s->sqs[0] = (struct nvme_sq){ .exists = true, .size = sq_size, .base = s->asq };
    s->cqs[0] = (struct nvme_cq){
        .exists = true, .interrupts = true, .phase = true, .size = cq_size, .base = s->acq
    };
    s->csts = CSTS_RDY;
}

static void shut_down_done(void *opaque, int result)
{
    struct nvme *s = opaque;

    (void)result; /* the drive's policy has been asked; there is no way to say it */
    if (s->csts & CSTS_SHUTTING) {
        s->csts = (s->csts & ~(uint32_t)CSTS_SHST) | CSTS_SHUT;
    }
}

/* One that is on its way ends the new shutdown, too. */
static void flush_drive(struct nvme *s)
{
    if (!block_busy(&s->flush)) {
        s->flush = (struct block_request){
            .blk = s->disk.blk, .op = BLOCK_FLUSH, .done = shut_down_done, .opaque = s
        };
        block_submit(&s->flush);
    }
}

static void write_cc(struct nvme *s, uint32_t value)
{
    uint32_t old = s->cc;

    s->cc = value;
    if (old & CC_EN && !(value & CC_EN)) {
        reset_controller(s);
    } else if (!(old & CC_EN) && value & CC_EN) {
        enable(s);
    }
    if (!(value & CC_SHN)) {
        s->csts &= ~(uint32_t)CSTS_SHST;
    } else if (!(old & CC_SHN)) {
        s->csts = (s->csts & ~(uint32_t)CSTS_SHST) | CSTS_SHUTTING;
        flush_drive(s);
    }
}

/* Registers ------------------------------------------------------------------------------------- */

static uint64_t bar_read(void *opaque, uint64_t off, unsigned size)
{
    struct nvme *s = opaque;

    (void)size;
    switch (off) {
    case REG_CAP:
        return CAP & UINT32_MAX;
    case REG_CAP + 4:
        return CAP >> 32;
    case REG_VS:
        return NVME_VERSION;
    case REG_INTMS:
    case REG_INTMC:
        return s->intms;
    case REG_CC:
        return s->cc;
    case REG_CSTS:
        return s->csts;
    case REG_AQA:
        return s->aqa;
    case REG_ASQ:
        return s->asq & UINT32_MAX;
    case REG_ASQ + 4:
        return s->asq >> 32;
    case REG_ACQ:
        return s->acq & UINT32_MAX;
    case REG_ACQ + 4:
        return s->acq >> 32;
    default:
        return 0;
    }
}

static void set_half(uint64_t *v, bool high, uint32_t half)
{
    *v = high ? (*v & UINT32_MAX) | (uint64_t)half << 32 : (*v & ~(uint64_t)UINT32_MAX) | half;
}

static void bar_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct nvme *s = opaque;
    uint32_t v = (uint32_t)value;

    (void)size;
    if (off >= REG_DOORBELLS) {
        ring_doorbell(s, (unsigned)(off - REG_DOORBELLS) / 4, v);
        return;
    }
    switch (off) {
    case REG_INTMS:
        s->intms |= v;
        update_intx(s);
        break;
    case REG_INTMC:
        s->intms &= ~v;
        update_intx(s);
        break;
    case REG_CC:
        write_cc(s, v);
        break;
    case REG_AQA:
        s->aqa = v & 0x0fff0fff;
        break;
    case REG_ASQ:
    case REG_ASQ + 4:
        set_half(&s->asq, off & 4, v);
        break;
    case REG_ACQ:
    case REG_ACQ + 4:
        set_half(&s->acq, off & 4, v);
        break;
    default:
        break;
    }
}

static const struct mem_ops bar_ops = { bar_read, bar_write, 4, 4, false, false };

/* Life ------------------------------------------------------------------------------------------ */

static void media_changed(void *opaque, bool present)
{
    (void)present;
    nvme_event(opaque, NVME_EVENT_NOTICE, 0, 4); /* the namespace's attributes */
}

static void resized(void *opaque)
{
    media_changed(opaque, true);
}

static const struct block_front front = { .media_changed = media_changed, .resized = resized };

static void config_written(struct pci_device *d, unsigned off, unsigned size)
{
    (void)off;
    (void)size;
    update_intx((struct nvme *)d); /* MSI-X may be on or off now */
}

static bool check_properties(const struct nvme *s, GError **error)
{
    if (!s->disk.serial || !s->disk.serial[0] || strlen(s->disk.serial) > 20) {
        set_error(error, "nvme: serial=TEXT is needed, of at most 20 characters");
        return false;
    }
    if (s->max_ioqpairs < 1 || s->max_ioqpairs > NVME_MAX_QUEUES) {
        set_error(error, "nvme: max_ioqpairs is %u, must be 1 to %u", s->max_ioqpairs,
                  NVME_MAX_QUEUES);
        return false;
    }
    if (s->msix_qsize < 1 || s->msix_qsize > PCI_MSIX_MAX) {
        set_error(error, "nvme: msix_qsize is %u, must be 1 to %u", s->msix_qsize, PCI_MSIX_MAX);
        return false;
    }
    return true;
}

static void nvme_unrealize(struct device *dev)
{
    struct nvme *s = (struct nvme *)dev;

    boot_order_remove(dev);
    nvme_cancel(s, -1, false);
    block_cancel(&s->flush);
    disk_detach(&s->disk);
    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->bar);
}

static bool nvme_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x1b36,
                                            .device = 0x0010,
                                            .class = 0x0108,
                                            .prog_if = 2,
                                            .revision = 2,
                                            .int_pin = 1 };
    struct nvme *s = (struct nvme *)dev;

    if (!check_properties(s, error) || !disk_attach(&s->disk, dev, &front, s, error)) {
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        disk_detach(&s->disk);
        return false;
    }
    s->pci.config_written = config_written;
    mem_region_init_mmio(&s->bar, dev->machine, "nvme", &bar_ops, s, BAR_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM64, &s->bar, BAR_SIZE);
    pci_msix_setup_bar(&s->pci, &s->msix, s->msix_qsize, BAR_MSIX);
    if (!boot_order_add(dev, dev, s->disk.bootindex, "/namespace@1,0", error)) {
        nvme_unrealize(dev);
        return false;
    }
    return true;
}

static void nvme_reset(struct device *dev)
{
    struct nvme *s = (struct nvme *)dev;

    block_cancel(&s->flush);
    reset_controller(s);
    s->cc = s->aqa = 0;
    s->asq = s->acq = 0;
    pci_device_reset(&s->pci);
}

static void nvme_pre_save(struct device *dev)
{
    struct nvme *s = (struct nvme *)dev;

    block_drain(s->disk.blk);
    s->write_cache = s->disk.blk->write_cache;
}

static bool queues_ok(const struct nvme *s, unsigned i)
{
    const struct nvme_sq *sq = &s->sqs[i];
    const struct nvme_cq *cq = &s->cqs[i];

    if (sq->exists &&
        (sq->size < 2 || sq->size > 4096 || sq->head >= sq->size || sq->tail >= sq->size ||
         sq->cq > NVME_MAX_QUEUES || !s->cqs[sq->cq].exists)) {
        return false;
    }
    return !cq->exists ||
           (cq->size >= 2 && cq->size <= 4096 && cq->head < cq->size && cq->tail < cq->size);
}

static bool nvme_post_load(struct device *dev, GError **error)
{
    struct nvme *s = (struct nvme *)dev;
    bool ok = s->n_aers <= NVME_AERS && (s->cc >> 7 & 15) <= 15;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    for (unsigned i = 0; i <= NVME_MAX_QUEUES; i++) {
        ok = ok && queues_ok(s, i);
    }
    if (!ok || (s->csts & CSTS_RDY &&
                ((s->cc >> 7 & 15) > MPS_MAX || !s->sqs[0].exists || !s->cqs[0].exists))) {
        set_error(error, "a queue is out of bounds");
        return false;
    }
    s->disk.blk->write_cache = s->write_cache;
    update_intx(s);
    return true;
}

static const struct property nvme_props[] = {
    PCI_PROPS(struct nvme, pci),
    DISK_PROPS(struct nvme, disk),
    PROP_U32(struct nvme, "max_ioqpairs", max_ioqpairs, 64, "pairs of I/O queues, 1 to 64"),
    PROP_U32(struct nvme, "msix_qsize", msix_qsize, 65, "MSI-X vectors, 1 to 128"),
    PROP_U64(struct nvme, "eui64", eui64, 0, "identifier of the namespace (0: none)"),
    { 0 },
};

/* clang-format off */
static const struct state_row sq_state[] = {
    STATE_INT(struct nvme_sq, exists, 1, "it is there"),
    STATE_INT(struct nvme_sq, cq, 1, "where completions go"),
    STATE_INT(struct nvme_sq, size, 1, "entries"),
    STATE_INT(struct nvme_sq, head, 1, "next to take"),
    STATE_INT(struct nvme_sq, tail, 1, "the doorbell"),
    STATE_INT(struct nvme_sq, base, 1, "address"),
    { 0 },
};
static const struct state_row cq_state[] = {
    STATE_INT(struct nvme_cq, exists, 1, "it is there"),
    STATE_INT(struct nvme_cq, interrupts, 1, "interrupts are on"),
    STATE_INT(struct nvme_cq, phase, 1, "phase tag"),
    STATE_INT(struct nvme_cq, vector, 1, "interrupt vector"),
    STATE_INT(struct nvme_cq, size, 1, "entries"),
    STATE_INT(struct nvme_cq, head, 1, "the doorbell"),
    STATE_INT(struct nvme_cq, tail, 1, "next to post"),
    STATE_INT(struct nvme_cq, base, 1, "address"),
    { 0 },
};
static const struct state_row nvme_state[] = {
    PCI_STATE(struct nvme, pci),
    PCI_MSIX_STATE(struct nvme, msix),
    STATE_INT(struct nvme, cc, 1, "controller configuration"),
    STATE_INT(struct nvme, csts, 1, "controller status"),
    STATE_INT(struct nvme, intms, 1, "interrupt mask"),
    STATE_INT(struct nvme, aqa, 1, "sizes of the admin queues"),
    STATE_INT(struct nvme, asq, 1, "admin submission queue"),
    STATE_INT(struct nvme, acq, 1, "admin completion queue"),
    STATE_SUB(struct nvme, sqs, NVME_MAX_QUEUES + 1, sq_state, 1, "submission queues"),
    STATE_SUB(struct nvme, cqs, NVME_MAX_QUEUES + 1, cq_state, 1, "completion queues"),
    STATE_ARRAY(struct nvme, features, 1, "features"),
    STATE_ARRAY(struct nvme, aers, 1, "asynchronous event requests"),
    STATE_INT(struct nvme, n_aers, 1, "how many"),
    STATE_ARRAY(struct nvme, event_waits, 1, "events that wait for a request"),
    STATE_ARRAY(struct nvme, event_masked, 1, "events whose log was not read"),
    STATE_ARRAY(struct nvme, event, 1, "what they say"),
    STATE_INT(struct nvme, read_units, 1, "blocks read"),
    STATE_INT(struct nvme, written_units, 1, "blocks written"),
    STATE_INT(struct nvme, reads, 1, "read commands"),
    STATE_INT(struct nvme, writes, 1, "write commands"),
    STATE_INT(struct nvme, write_cache, 1, "write cache is on"),
    { 0 },
};
/* clang-format on */

const struct device_type nvme_type = {
    .name = "nvme",
    .summary = "NVM Express controller with one namespace",
    .bus = BUS_PCI,
    .size = sizeof(struct nvme),
    .props = nvme_props,
    .state = nvme_state,
    .realize = nvme_realize,
    .reset = nvme_reset,
    .unrealize = nvme_unrealize,
    .pre_save = nvme_pre_save,
    .post_load = nvme_post_load,
};
