/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi.h: SCSI devices and the bus that a host adapter gives them.
 *
 * The adapter (virtio_scsi.c) fills a struct scsi_request with a command and its data as pieces of guest
 * memory, calls scsi_execute, and is called back when the command is over: at once or later.
 * Source: SAM-5, SPC-4, SBC-3, MMC-6.
 *
 * Invariants: a request in progress is on its device's list; no more bytes move than its data has; of a
 *             range of blocks nothing is begun that is not wholly on the medium.
 * Thread:     under the machine lock; commands of an adapter with an iothread under its lock alone, and what
 *             touches their state elsewhere under both.
 */
#ifndef HW_BLOCK_SCSI_H
#define HW_BLOCK_SCSI_H

#include "hw/block/cd.h"
#include "hw/block/disk.h"
#include "softmmu/dma.h"

#define SCSI_CDB        16u
#define SCSI_SENSE      18u
#define SCSI_MAX_TARGET 255u
#define SCSI_MAX_LUN    255u
#define SCSI_REPLY      2048u

/* clang-format off */
enum scsi_status { SCSI_GOOD = 0x00, SCSI_CHECK_CONDITION = 0x02 };
enum scsi_key {
    KEY_NO_SENSE = 0, KEY_NOT_READY = 2, KEY_MEDIUM_ERROR = 3, KEY_HARDWARE_ERROR = 4,
    KEY_ILLEGAL_REQUEST = 5, KEY_UNIT_ATTENTION = 6, KEY_DATA_PROTECT = 7,
};
/* Additional sense code << 8 | qualifier (SPC-4, annex D). */
enum scsi_asc {
    ASC_NONE = 0, ASC_WRITE_ERROR = 0x0c00, ASC_READ_ERROR = 0x1100, ASC_PARAMETER_LENGTH = 0x1a00,
    ASC_OPCODE = 0x2000, ASC_LBA_RANGE = 0x2100, ASC_CDB_FIELD = 0x2400, ASC_NO_LUN = 0x2500,
    ASC_PARAMETER = 0x2600, ASC_WRITE_PROTECTED = 0x2700, ASC_SPACE = 0x2707, ASC_NEW_MEDIUM = 0x2800,
    ASC_RESET = 0x2900, ASC_CAPACITY = 0x2a09, ASC_SAVING = 0x3900, ASC_NO_MEDIUM = 0x3a01,
    ASC_TRAY_OPEN = 0x3a02, ASC_LUNS_CHANGED = 0x3f0e, ASC_INTERNAL = 0x4400, ASC_LOCKED = 0x5302,
};
/* clang-format on */

struct scsi_device;
struct scsi_bus;

struct scsi_request {
    /* The adapter's. */
    uint8_t cdb[SCSI_CDB];
    struct machine *machine;
    struct dma_list *out, *in; /* the data is what is behind `skip` */
    uint64_t out_skip, in_skip;
    void (*done)(struct scsi_request *r);
    uint64_t tag;
    /* The result. */
    uint8_t status;
    uint8_t sense[SCSI_SENSE];
    unsigned sense_len; /* 0: GOOD */
    uint64_t moved;     /* bytes of data */
    bool overrun;       /* more was to move than there is room: nothing did */
    /* Private to scsi*.c. */
    struct scsi_device *d;
    struct scsi_request *prev, *next;
    void (*step)(struct scsi_request *r); /* what follows the block request */
    struct block_request req;
    struct iovec bounce_iov;
    uint8_t *bounce;
    uint64_t at, left; /* blocks */
    unsigned index;
    bool write, fua;
};

struct scsi_bus_ops { /* what the adapter wants to know; any may be NULL */
    void (*plugged)(struct scsi_bus *bus, struct scsi_device *d);
    void (*unplugged)(struct scsi_bus *bus, struct scsi_device *d);
    void (*changed)(struct scsi_bus *bus, struct scsi_device *d, unsigned asc);
};

struct scsi_bus {
    struct bus bus; /* "ID.0", or "scsi.K" */
    char *name;
    const struct scsi_bus_ops *ops;
    struct iothread *iothread; /* the adapter's, where requests run; or NULL */
};

struct scsi_device {
    struct device dev;
    struct disk disk;
    uint32_t channel, id, lun; /* properties; id: UINT32_MAX: the first that is free */
    char *vendor, *product, *version;
    uint64_t wwn;
    uint16_t rotation_rate;
    bool is_cd;
    bool removable; /* property: the medium of a disk */
    struct cd_drive cd;
    uint16_t attention; /* unit attention that waits: enum scsi_asc, 0: none */
    bool write_cache;   /* for saving */
    struct scsi_request *requests;
};

/* The bus of an adapter. */
void scsi_bus_init(struct scsi_bus *bus, struct device *adapter, const struct scsi_bus_ops *ops);
/* Frees the devices on it. */
void scsi_bus_destroy(struct scsi_bus *bus);
/* A unit, or with any_lun some unit of the target; NULL: there is none. */
struct scsi_device *scsi_find(struct scsi_bus *bus, unsigned id, unsigned lun, bool any_lun);
/* d is of the target; lun is the one that is asked, which may be another one that is not there. */
void scsi_execute(struct scsi_device *d, unsigned lun, struct scsi_request *r);
/* Gives the request up: its `done` is not called. */
void scsi_cancel(struct scsi_request *r);
/* Power-on, bus or unit reset; requests were cancelled. */
void scsi_device_reset(struct scsi_device *d, unsigned asc);

/* Between the parts ----------------------------------------------------------------------------- */

static inline uint32_t scsi_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t scsi_be32(const uint8_t *p)
{
    return scsi_be16(p) << 16 | scsi_be16(p + 2);
}
static inline uint64_t scsi_be64(const uint8_t *p)
{
    return (uint64_t)scsi_be32(p) << 32 | scsi_be32(p + 4);
}
/* size: 2, 4 or 8 */
static inline void scsi_put(uint8_t *p, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        p[i] = (uint8_t)(v >> (8 * (size - 1 - i)));
    }
}

struct scsi_command {
    uint8_t code;
    uint8_t flags; /* enum scsi_flag */
    void (*run)(struct scsi_request *r);
    const char *name;
};
enum scsi_flag {
    SCSI_ANY = 1 << 0,    /* also while a unit attention waits */
    SCSI_MEDIUM = 1 << 1, /* needs a medium */
};
/* End with code 0 twice: name NULL. */
extern const struct scsi_command scsi_disk_commands[], scsi_cd_commands[];

/* Ends of a request. */
void scsi_good(struct scsi_request *r);
void scsi_fail(struct scsi_request *r, enum scsi_key key, unsigned asc);
void scsi_fail_errno(struct scsi_request *r, int error);
/* Sends len bytes of buf, cut at `allocated`, and ends. */
void scsi_reply(struct scsi_request *r, const uint8_t *buf, uint32_t len, uint32_t allocated);
/* Parameters from the guest: at most len bytes; how many there were. */
uint32_t scsi_parameters(struct scsi_request *r, uint8_t *buf, uint32_t len);
/* A block request; then `step`, or failure. */
void scsi_block(struct scsi_request *r, enum block_op op, uint64_t offset, uint64_t bytes,
                struct iovec *iov, int n_iov, void (*step)(struct scsi_request *r));
/* Blocks [lba, lba + n) from or to the guest. */
void scsi_transfer(struct scsi_request *r, uint64_t lba, uint32_t n, bool write, bool fua);
uint64_t scsi_blocks(const struct scsi_device *d);
uint32_t scsi_block_bytes(const struct scsi_device *d);

/* scsi_info.c: replies of at most SCSI_REPLY bytes; 0: not served. */
uint32_t scsi_inquiry(const struct scsi_device *d, uint8_t *b);
uint32_t scsi_vpd(const struct scsi_device *d, unsigned page, uint8_t *b);
uint32_t scsi_mode_sense(const struct scsi_device *d, const uint8_t *cdb, uint8_t *b);
/* A page of MODE SELECT; false: something that cannot change would. */
bool scsi_mode_select(struct scsi_device *d, const uint8_t *page, uint32_t len);

extern const struct device_type scsi_hd_type, scsi_cd_type;

#endif
