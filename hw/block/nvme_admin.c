/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/nvme_admin.c: the admin commands: queues, features, log pages, events.
 * Source: NVM Express 1.4, 5.  Invariants and thread: nvme.h.
 */
#include <string.h>
#include "hw/block/nvme.h"

/* clang-format off */
enum feature {
    FEATURE_ARBITRATION = 0x01, FEATURE_POWER = 0x02, FEATURE_TEMPERATURE = 0x04, FEATURE_ERRORS = 0x05,
    FEATURE_WRITE_CACHE = 0x06, FEATURE_QUEUES = 0x07, FEATURE_COALESCING = 0x08, FEATURE_VECTOR = 0x09,
    FEATURE_ATOMICITY = 0x0a, FEATURE_EVENTS = 0x0b,
};
enum log_page { LOG_ERRORS = 1, LOG_SMART = 2, LOG_FIRMWARE = 3, LOG_NAMESPACES = 4, LOG_EFFECTS = 5 };
enum { SELECT_CURRENT = 0, SELECT_DEFAULT = 1, SELECT_SAVED = 2, SELECT_CAPABILITIES = 3 };
enum { CAPABILITY_CHANGEABLE = 1 << 2 };
#define LOG_BYTES 4096u
/* clang-format on */

/* Queues ---------------------------------------------------------------------------------------- */

static bool id_free(const struct nvme *s, unsigned id, bool taken)
{
    return id >= 1 && id <= s->max_ioqpairs && !taken;
}

static enum nvme_status check_queue(const struct nvme_request *r)
{
    uint32_t size = (r->cmd.cdw10 >> 16) + 1;

    if (size < 2 || size > NVME_MAX_ENTRIES) {
        return NVME_QUEUE_SIZE;
    }
    if (r->cmd.prp1 & (nvme_page(r->s) - 1)) {
        return NVME_PRP_OFFSET;
    }
    return r->cmd.cdw11 & 1 ? NVME_SUCCESS : NVME_INVALID_FIELD; /* contiguous */
}

static enum nvme_status create_cq(struct nvme_request *r)
{
    struct nvme *s = r->s;
    unsigned id = r->cmd.cdw10 & 0xffff, vector = r->cmd.cdw11 >> 16;
    enum nvme_status status;

    if (!id_free(s, id, id <= NVME_MAX_QUEUES && s->cqs[id].exists)) {
        return NVME_QUEUE_ID;
    }
    status = check_queue(r);
    if (status != NVME_SUCCESS) {
        return status;
    }
    if (vector >= s->msix.vectors) {
        return NVME_VECTOR;
    }
    s->cqs[id] = (struct nvme_cq){ .exists = true,
                                   .interrupts = r->cmd.cdw11 >> 1 & 1,
                                   .phase = true,
                                   .vector = (uint16_t)vector,
                                   .size = (r->cmd.cdw10 >> 16) + 1,
                                   .base = r->cmd.prp1 };
    return NVME_SUCCESS;
}

static enum nvme_status create_sq(struct nvme_request *r)
{
    struct nvme *s = r->s;
    unsigned id = r->cmd.cdw10 & 0xffff, cq = r->cmd.cdw11 >> 16;
    enum nvme_status status;

    if (!id_free(s, id, id <= NVME_MAX_QUEUES && s->sqs[id].exists)) {
        return NVME_QUEUE_ID;
    }
    if (cq == 0 || cq > NVME_MAX_QUEUES || !s->cqs[cq].exists) {
        return NVME_CQ_INVALID;
    }
    status = check_queue(r);
    if (status != NVME_SUCCESS) {
        return status;
    }
    s->sqs[id] = (struct nvme_sq){
        .exists = true, .cq = (uint16_t)cq, .size = (r->cmd.cdw10 >> 16) + 1, .base = r->cmd.prp1
    };
    return NVME_SUCCESS;
}

static enum nvme_status delete_sq(struct nvme_request *r)
{
    unsigned id = r->cmd.cdw10 & 0xffff;

    if (id == 0 || id > NVME_MAX_QUEUES || !r->s->sqs[id].exists) {
        return NVME_QUEUE_ID;
    }
    nvme_cancel(r->s, (int)id, true);
    r->s->sqs[id].exists = false;
    return NVME_SUCCESS;
}

static enum nvme_status delete_cq(struct nvme_request *r)
{
    unsigned id = r->cmd.cdw10 & 0xffff;

    if (id == 0 || id > NVME_MAX_QUEUES || !r->s->cqs[id].exists) {
        return NVME_QUEUE_ID;
    }
    for (unsigned i = 1; i <= NVME_MAX_QUEUES; i++) {
        if (r->s->sqs[i].exists && r->s->sqs[i].cq == id) {
            return NVME_QUEUE_DELETION;
        }
    }
    r->s->cqs[id].exists = false;
    return NVME_SUCCESS;
}

/* Data to the guest ----------------------------------------------------------------------------- */

static enum nvme_status send(struct nvme_request *r, const uint8_t *buf, uint32_t bytes)
{
    enum nvme_status status = nvme_map(r, bytes, true);

    if (status == NVME_SUCCESS) {
        dma_list_write(&r->data, nvme_machine(r->s), 0, buf, bytes);
    }
    return status;
}

static enum nvme_status identify(struct nvme_request *r)
{
    uint8_t page[4096] = { 0 };
    enum nvme_status status = nvme_identify(r->s, &r->cmd, page);

    return status == NVME_SUCCESS ? send(r, page, sizeof(page)) : status;
}

/* Figure 196: of what was moved, thousands of 512 bytes, rounded up. */
static void smart_log(const struct nvme *s, uint8_t *b)
{
    nvme_put(b + 1, 323, 2); /* kelvin */
    b[3] = 100;              /* spare blocks, and their threshold */
    b[4] = 10;
    nvme_put(b + 32, (s->read_units + 999) / 1000, 8);
    nvme_put(b + 48, (s->written_units + 999) / 1000, 8);
    nvme_put(b + 64, s->reads, 8);
    nvme_put(b + 80, s->writes, 8);
}

static void effects_log(uint8_t *b)
{
    static const uint8_t admin[] = { 0x00, 0x01, 0x02, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0a, 0x0c };
    static const uint8_t io[] = { 0x00, 0x02 }, changing[] = { 0x01, 0x08, 0x09 };

    for (unsigned i = 0; i < sizeof(admin); i++) {
        b[admin[i] * 4] = 1; /* supported */
    }
    for (unsigned i = 0; i < sizeof(io); i++) {
        b[1024 + io[i] * 4] = 1;
    }
    for (unsigned i = 0; i < sizeof(changing); i++) {
        b[1024 + changing[i] * 4] = 3; /* the logical blocks change */
    }
}

static enum nvme_status log_page(struct nvme_request *r)
{
    struct nvme *s = r->s;
    uint64_t dwords = (r->cmd.cdw10 >> 16 | (uint64_t)(r->cmd.cdw11 & 0xffff) << 16) + 1;
    uint64_t at = r->cmd.cdw12 | (uint64_t)r->cmd.cdw13 << 32;
    bool keep_event = r->cmd.cdw10 & 1 << 15;
    uint8_t b[LOG_BYTES] = { 0 };
    enum nvme_event_kind kind = NVME_EVENTS;

    switch (r->cmd.cdw10 & 0xff) {
    case LOG_ERRORS:
        kind = NVME_EVENT_ERROR;
        break;
    case LOG_SMART:
        smart_log(s, b);
        kind = NVME_EVENT_SMART;
        break;
    case LOG_FIRMWARE:
        b[0] = 1; /* slot 1 runs */
        memcpy(b + 8, "1.0     ", 8);
        break;
    case LOG_NAMESPACES:
        nvme_put(b, s->event_masked[NVME_EVENT_NOTICE] ? 1 : 0, 4);
        kind = NVME_EVENT_NOTICE;
        break;
    case LOG_EFFECTS:
        effects_log(b);
        break;
    default:
        return NVME_LOG_PAGE;
    }
    if (at & 3 || at >= LOG_BYTES) {
        return NVME_INVALID_FIELD;
    }
    if (kind != NVME_EVENTS && !keep_event) {
        nvme_event_read(s, kind);
    }
    return send(r, b + at, (uint32_t)MIN(dwords * 4, LOG_BYTES - at));
}

/* Features -------------------------------------------------------------------------------------- */

static bool has_feature(unsigned id)
{
    return (id >= FEATURE_ARBITRATION && id <= FEATURE_POWER) ||
           (id >= FEATURE_TEMPERATURE && id <= FEATURE_EVENTS);
}

static enum nvme_status get_feature(struct nvme_request *r)
{
    struct nvme *s = r->s;
    unsigned id = r->cmd.cdw10 & 0xff, select = r->cmd.cdw10 >> 8 & 7;

    if (!has_feature(id) || select > SELECT_CAPABILITIES) {
        return NVME_INVALID_FIELD;
    }
    if (select == SELECT_CAPABILITIES) {
        r->result = CAPABILITY_CHANGEABLE;
    } else if (id == FEATURE_QUEUES) {
        r->result = (s->max_ioqpairs - 1) * 0x10001u;
    } else if (id == FEATURE_WRITE_CACHE) {
        r->result = select == SELECT_CURRENT ? s->disk.blk->write_cache : s->disk.write_cache_on;
    } else if (id == FEATURE_VECTOR) {
        if ((r->cmd.cdw11 & 0xffff) >= s->msix.vectors) {
            return NVME_INVALID_FIELD;
        }
        r->result = r->cmd.cdw11 & 0xffff;
    } else if (select == SELECT_CURRENT) {
        r->result = s->features[id];
    } else {
        r->result = id == FEATURE_TEMPERATURE ? 343 : 0;
    }
    return NVME_SUCCESS;
}

static enum nvme_status set_feature(struct nvme_request *r)
{
    struct nvme *s = r->s;
    unsigned id = r->cmd.cdw10 & 0xff;

    if (!has_feature(id) || r->cmd.cdw10 >> 31) { /* none is saved */
        return NVME_INVALID_FIELD;
    }
    if (id == FEATURE_QUEUES) {
        if ((r->cmd.cdw11 & 0xffff) == 0xffff || r->cmd.cdw11 >> 16 == 0xffff) {
            return NVME_INVALID_FIELD;
        }
        r->result = (s->max_ioqpairs - 1) * 0x10001u;
    } else if (id == FEATURE_WRITE_CACHE) {
        s->disk.blk->write_cache = r->cmd.cdw11 & 1;
    } else if (id == FEATURE_POWER && r->cmd.cdw11 & 0x1f) {
        return NVME_INVALID_FIELD; /* there is one state */
    } else {
        s->features[id] = r->cmd.cdw11;
    }
    return NVME_SUCCESS;
}

/* The rest -------------------------------------------------------------------------------------- */

/* It is remembered by its id alone: it takes no place in the completion queue until it ends. */
static enum nvme_status wait_for_event(struct nvme_request *r)
{
    struct nvme *s = r->s;
    uint16_t cid = r->cmd.cid;

    if (s->n_aers == NVME_AERS) {
        return NVME_TOO_MANY_AERS;
    }
    nvme_forget(r);
    s->aers[s->n_aers++] = cid;
    nvme_post_events(s);
    return NVME_LATER;
}

static enum nvme_status abort_command(struct nvme_request *r)
{
    r->result = 1; /* too late: it was not aborted */
    return NVME_SUCCESS;
}

static const struct admin_command {
    uint8_t opcode;
    enum nvme_status (*run)(struct nvme_request *r);
} commands[] = {
    { 0x00, delete_sq },   { 0x01, create_sq },      { 0x02, log_page },      { 0x04, delete_cq },
    { 0x05, create_cq },   { 0x06, identify },       { 0x08, abort_command }, { 0x09, set_feature },
    { 0x0a, get_feature }, { 0x0c, wait_for_event },
};

enum nvme_status nvme_admin(struct nvme_request *r)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].opcode == r->cmd.opcode) {
            return commands[i].run(r);
        }
    }
    return NVME_INVALID_OPCODE;
}
