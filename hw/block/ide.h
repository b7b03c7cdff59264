/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ide.h: ATA and ATAPI drives, and the channel they share with a host adapter.
 *
 * The drive (ata*.c, atapi*.c) owns the task file and runs commands; the host adapter (a PIIX
 * channel, an AHCI port) owns interrupts and how data reaches guest memory, through struct
 * ide_host_ops.  Source: ATA/ATAPI-7 (T13/1532D), ATAPI: SFF-8020i and MMC-6.
 *
 * Invariants: at most one block request of a drive is in flight, and while it is, BSY is set;
 *             io_pos <= io_end <= IDE_BUFFER.
 * Thread:     under the machine lock.
 */
#ifndef HW_BLOCK_IDE_H
#define HW_BLOCK_IDE_H

#include "block/block.h"
#include "hw/block/cd.h"
#include "softmmu/device.h"
#include "softmmu/irq.h"
#include "softmmu/memory.h"

#define IDE_BUFFER    65536u
#define IDE_MAX_MULTI 16u
#define IDE_PACKET    12u
#define IDE_SENSE     18u

/* clang-format off */
enum ide_status { IDE_BSY = 0x80, IDE_DRDY = 0x40, IDE_DF = 0x20, IDE_DSC = 0x10, IDE_DRQ = 0x08, IDE_ERR = 0x01 };
enum ide_error  { IDE_ICRC = 0x80, IDE_UNC = 0x40, IDE_MC = 0x20, IDE_IDNF = 0x10, IDE_ABRT = 0x04 };
enum { IDE_SEL_LBA = 0x40, IDE_SEL_DEV = 0x10 };
enum { IDE_CTL_HOB = 0x80, IDE_CTL_SRST = 0x04, IDE_CTL_NIEN = 0x02 };
/* The interrupt reason of a packet command, in the sector count. */
enum { IDE_CD = 0x01, IDE_IO = 0x02 };
/* clang-format on */

struct ide_drive;
struct ide_channel;

struct ide_host_ops {
    void (*set_irq)(struct ide_channel *ch, bool level);
    /* A DMA command has data to move: may it flow now?  Else the host calls ide_continue_dma later. */
    bool (*dma_ready)(struct ide_channel *ch);
    /* Moves bytes between buf and guest memory; fewer than len: the table is at its end. */
    uint32_t (*dma_copy)(struct ide_channel *ch, uint8_t *buf, uint32_t len, bool to_guest);
    /* The data port's block [io_pos, io_end) is ready: true when the host moved it and called
     * ide_pio_done itself.  NULL: the guest does it through the data port. */
    bool (*pio_block)(struct ide_channel *ch, struct ide_drive *d, bool to_guest);
    /* A command, or the part of it that ends with an interrupt, is over; NULL: nobody asks. */
    void (*finished)(struct ide_channel *ch, struct ide_drive *d);
};

struct ide_channel {
    struct bus bus; /* BUS_IDE, "ide.0" */
    char *name;
    const struct ide_host_ops *ops;
    unsigned max_units; /* 2, or 1 for SATA */
    struct ide_drive *drives[2];
    uint8_t select;  /* bit 4: which drive answers */
    uint8_t control; /* enum IDE_CTL_* */
    bool irq;        /* INTRQ of the selected drive, before nIEN */
};

/* What a drive waits for between two steps of a command. */
enum ide_phase {
    IDE_IDLE,
    IDE_PIO_IN,  /* the guest reads buffer[io_pos, io_end) */
    IDE_PIO_OUT, /* the guest writes it */
    IDE_DMA_IN,  /* the same by DMA, in pieces */
    IDE_DMA_OUT,
    IDE_BLOCK, /* a block request */
    IDE_PHASE_COUNT
};

/* What follows when the phase's bytes have moved. */
enum ide_next {
    IDE_NEXT_DONE,     /* command complete */
    IDE_NEXT_READ,     /* the next sectors of a read */
    IDE_NEXT_WRITE,    /* the sectors in the buffer go to the drive */
    IDE_NEXT_PACKET,   /* the buffer is a command packet */
    IDE_NEXT_CD_READ,  /* the next blocks of a packet read */
    IDE_NEXT_CD_REPLY, /* the next part of a packet's reply */
    IDE_NEXT_CD_PARAM, /* parameters of MODE SELECT: accepted */
    IDE_NEXT_COUNT
};

struct ide_drive {
    struct device dev;
    /* Properties. */
    struct block_backend *blk;
    char *serial, *model, *version;
    uint64_t wwn;
    uint32_t unit; /* UINT32_MAX: the first that is free */
    uint32_t cyls, heads, secs;
    int32_t bootindex;
    bool write_cache_prop;

    struct ide_channel *ch;
    bool atapi;
    bool attached;
    uint64_t sectors;   /* of 512 bytes; of the disk */
    uint16_t cylinders; /* default translation */
    uint8_t def_heads, def_spt;
    uint8_t cur_heads, cur_spt; /* current translation: INITIALIZE DEVICE PARAMETERS */

    /* Task file; [1]: the previous value, for 48-bit commands. */
    uint8_t status, error;
    uint8_t feature[2], count[2], lba[3][2], device;
    uint8_t command;

    /* Settings. */
    uint8_t multi;    /* sectors of a block of READ MULTIPLE; 0: off */
    uint8_t mode_dma; /* SET FEATURES 3: 0x20 | MWDMA, 0x40 | UDMA; 0: none */
    uint8_t mode_pio;
    bool write_cache, look_ahead, smart, smart_autosave, security_frozen;
    bool sleeping;

    /* The command under way. */
    uint8_t phase, next; /* enum ide_phase, enum ide_next */
    bool dma, lba48, fua;
    uint64_t at;      /* sector, or CD block */
    uint32_t left;    /* sectors or CD blocks yet to move */
    uint32_t chunk;   /* of those in the buffer */
    uint32_t per_drq; /* sectors for each DRQ block */
    uint32_t io_pos, io_end;
    bool careful;       /* a read failed: the smallest pieces find the bad sector */
    uint32_t fetched;   /* bytes of the buffer that the medium filled, for PIO */
    uint32_t reply_len; /* ATAPI: bytes of the reply in the buffer */
    uint32_t cd_limit;  /* ATAPI: bytes the guest takes for one DRQ */
    uint8_t packet[IDE_PACKET];
    uint8_t sense[IDE_SENSE];
    uint8_t cd_raw; /* READ CD: which of the 2352 bytes */
    struct cd_drive cd;
    uint8_t attention; /* unit attention that waits: additional sense code, 0: none */
    uint8_t buffer[IDE_BUFFER];

    /* The queued command that failed, for log 0x10. */
    bool ncq_failed;
    uint8_t ncq_tag, ncq_error;
    uint16_t ncq_count;
    uint64_t ncq_at;

    struct block_request req;
    struct iovec iov;
};

extern const struct device_type ide_hd_type, ide_cd_type;

/* The parent's n-th bus: ID.n, or ide.K, the K-th of the machine, when it has no id. */
void ide_channel_init(struct ide_channel *ch, struct device *parent, unsigned n,
                      const struct ide_host_ops *ops, unsigned max_units);
void ide_channel_destroy(struct ide_channel *ch);
extern const struct state_row ide_channel_state[];
struct ide_drive *ide_selected(struct ide_channel *ch); /* NULL: nothing there */
/* Makes ide-hd or ide-cd for a drive of the command line. */
bool ide_create_drive(struct ide_channel *ch, struct block_backend *blk, unsigned unit,
                      GError **error);

/* Task file registers 0-7 of the command block; 16- and 32-bit accesses are register 0 only. */
uint32_t ide_read(struct ide_channel *ch, unsigned reg, unsigned size);
void ide_write(struct ide_channel *ch, unsigned reg, uint32_t value, unsigned size);
/* Device control and alternate status. */
uint8_t ide_alt_status(struct ide_channel *ch);
void ide_control(struct ide_channel *ch, uint8_t value);
/* Power-on or COMRESET. */
void ide_reset_drive(struct ide_drive *d);
void ide_set_signature(struct ide_drive *d);

/* For hosts: the command register, written; data of a PIO block moved; a DMA table made ready. */
void ide_execute(struct ide_drive *d, uint8_t command);
void ide_pio_done(struct ide_drive *d);
void ide_continue_dma(struct ide_channel *ch);
/* Gives up what the drive does; nothing is reported. */
void ide_abandon(struct ide_drive *d);

/* Between the parts of the drive. */
void ide_finish(struct ide_drive *d);              /* command complete, interrupt */
void ide_fail(struct ide_drive *d, uint8_t error); /* ERR, error register, interrupt */
void ide_fail_errno(struct ide_drive *d, int ret, bool write);
/* buffer[start, start + len) moves, then `next`. */
void ide_pio(struct ide_drive *d, bool to_guest, uint32_t start, uint32_t len, enum ide_next next);
void ide_dma(struct ide_drive *d, bool to_guest, uint32_t len, enum ide_next next);
void ide_block(struct ide_drive *d, enum block_op op, uint64_t offset, uint32_t len,
               void (*done)(void *opaque, int result));
void ide_interrupt(struct ide_drive *d);

/* ata.c */
void ata_execute(struct ide_drive *d);
void ata_next_read(struct ide_drive *d);
void ata_written(struct ide_drive *d);
/* identify.c */
void ata_identify(struct ide_drive *d);
void atapi_identify(struct ide_drive *d);
void ide_put_string(uint8_t *at, const char *text, unsigned len);
/* smart.c */
void ata_smart(struct ide_drive *d);
/* atapi.c */
void atapi_packet_command(struct ide_drive *d);
void atapi_packet(struct ide_drive *d);
void atapi_next(struct ide_drive *d);
void atapi_reset(struct ide_drive *d);
void atapi_media_changed(struct ide_drive *d, bool present);

#endif
