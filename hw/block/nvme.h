/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/nvme.h: an NVM Express controller with one namespace, between its parts.
 * Source: NVM Express 1.4; section numbers are its.
 *
 * Invariants: a command is fetched only while its completion queue has room for one more entry beside
 *             those in flight, so that every completion can be posted at once.
 *             Each command in flight but asynchronous event requests is on s->requests and counted in
 *             its two queues.  Queues and PRP lists are RAM.
 * Thread:     under the machine lock.
 */
#ifndef HW_BLOCK_NVME_H
#define HW_BLOCK_NVME_H

#include "hw/block/disk.h"
#include "hw/pci/msix.h"
#include "softmmu/dma.h"

#define NVME_MAX_QUEUES  64u /* pairs for I/O; pair 0 is the administrator's */
#define NVME_MAX_ENTRIES 2048u
#define NVME_MDTS        7u /* log2 of pages of 4 KiB of one command */
#define NVME_MAX_BYTES   (4096u << NVME_MDTS)
#define NVME_AERS        4u /* asynchronous event requests */
#define NVME_FEATURES    16u
#define NVME_BROADCAST   UINT32_MAX
#define NVME_VERSION     0x00010400u

/* clang-format off */
/* Status code type << 8 | status code (4.6.1). */
enum nvme_status {
    NVME_SUCCESS = 0x000, NVME_INVALID_OPCODE = 0x001, NVME_INVALID_FIELD = 0x002,
    NVME_DATA_TRANSFER = 0x004, NVME_INTERNAL = 0x006, NVME_SQ_DELETED = 0x008,
    NVME_INVALID_NAMESPACE = 0x00b, NVME_PRP_OFFSET = 0x013, NVME_LBA_RANGE = 0x080,
    NVME_CAPACITY = 0x081, NVME_CQ_INVALID = 0x100, NVME_QUEUE_ID = 0x101, NVME_QUEUE_SIZE = 0x102,
    NVME_TOO_MANY_AERS = 0x105, NVME_VECTOR = 0x108, NVME_LOG_PAGE = 0x109,
    NVME_QUEUE_DELETION = 0x10c, NVME_NOT_CHANGEABLE = 0x10e, NVME_READ_ONLY = 0x182,
    NVME_WRITE_FAULT = 0x280, NVME_READ_ERROR = 0x281,
    NVME_LATER = -1,            /* the command is not over */
};
/* clang-format on */

struct nvme_command { /* 4.2 */
    uint8_t opcode, flags;
    uint16_t cid;
    uint32_t nsid;
    uint64_t reserved, metadata, prp1, prp2;
    uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
G_STATIC_ASSERT(sizeof(struct nvme_command) == 64);

struct nvme_sq {
    bool exists;
    uint16_t cq;
    uint32_t size, head, tail; /* entries */
    uint64_t base;
    unsigned in_flight;
};

struct nvme_cq {
    bool exists, interrupts, phase;
    uint16_t vector;
    uint32_t size, head, tail;
    uint64_t base;
    unsigned in_flight;
};

struct nvme_request {
    struct nvme *s;
    struct nvme_request *prev, *next;
    uint16_t sq;
    struct nvme_command cmd;
    uint32_t result; /* dword 0 of the completion */
    struct dma_list data;
    void (*step)(struct nvme_request *r); /* what follows a block request */
    struct block_request req;
    bool fua;
    uint8_t *ranges; /* of dataset management */
    unsigned range, n_ranges;
};

/* Kinds of asynchronous events (5.2): of each kind one is remembered. */
enum nvme_event_kind { NVME_EVENT_ERROR, NVME_EVENT_SMART, NVME_EVENT_NOTICE, NVME_EVENTS };

struct nvme {
    struct pci_device pci;
    struct pci_msix msix;
    struct disk disk;
    uint32_t max_ioqpairs, msix_qsize; /* properties */
    uint64_t eui64;
    struct mem_region bar;
    /* Registers. */
    uint32_t cc, csts, intms, aqa;
    uint64_t asq, acq;
    struct nvme_sq sqs[NVME_MAX_QUEUES + 1];
    struct nvme_cq cqs[NVME_MAX_QUEUES + 1];
    uint32_t features[NVME_FEATURES];
    uint16_t aers[NVME_AERS]; /* command ids that wait for events */
    uint8_t n_aers;
    bool event_waits[NVME_EVENTS], event_masked[NVME_EVENTS];
    uint32_t event[NVME_EVENTS];                       /* as in the completion */
    uint64_t read_units, written_units, reads, writes; /* for the SMART log */
    bool write_cache;                                  /* for saving */
    struct nvme_request *requests;
    bool taking;                /* commands are being fetched */
    struct block_request flush; /* of a shutdown */
};

static inline struct machine *nvme_machine(const struct nvme *s)
{
    return s->pci.dev.machine;
}
/* Bytes of a memory page. */
static inline uint32_t nvme_page(const struct nvme *s)
{
    return 4096u << (s->cc >> 7 & 15);
}

/* nvme.c */
/* Posts the completion, and frees the request. */
void nvme_complete(struct nvme_request *r, enum nvme_status status);
/* Frees the request without a word. */
void nvme_forget(struct nvme_request *r);
/* Gives up commands of a queue (sq < 0: of all): with a completion if `post`. */
void nvme_cancel(struct nvme *s, int sq, bool post);
/* An event for a waiting request, or for the next one. */
void nvme_event(struct nvme *s, enum nvme_event_kind kind, unsigned info, unsigned log_page);
/* What its log page says was read: the next event of the kind may come. */
void nvme_event_read(struct nvme *s, enum nvme_event_kind kind);
void nvme_post_events(struct nvme *s);

/* nvme_io.c */
/* Fills r->data with `bytes` that the command's PRPs name. */
enum nvme_status nvme_map(struct nvme_request *r, uint64_t bytes, bool to_guest);
enum nvme_status nvme_io(struct nvme_request *r);

/* nvme_admin.c: NVME_LATER: an event is waited for, the request is the callee's. */
enum nvme_status nvme_admin(struct nvme_request *r);

/* nvme_identify.c: one page of 4096 bytes, zeroed before. */
enum nvme_status nvme_identify(struct nvme *s, const struct nvme_command *cmd, uint8_t *page);

static inline void nvme_put(uint8_t *p, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        p[i] = (uint8_t)(v >> 8 * i);
    }
}

extern const struct device_type nvme_type;

#endif
