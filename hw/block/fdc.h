/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/block/fdc.h: the floppy disk controller of a PC and its two drives. */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include "block/block.h"
#include "hw/isa/dma.h"
#include "hw/isa/isa.h"

#define FDC_DRIVES 2u
#define FDC_BUFFER (36u * 512u) /* the longest track */
#define FDC_FIFO   32u

struct fdc;

struct fdc_drive {
    struct fdc *owner;
    struct block_backend *blk;            /* NULL: no drive */
    uint8_t type;                         /* CMOS's number; 0: none */
    uint8_t sectors, tracks, heads, rate; /* of the medium; sectors 0: none */
    uint8_t track;
    bool changed, attached;
    int32_t bootindex;
};

struct fdc {
    struct device dev;
    struct fdc_drive drives[FDC_DRIVES]; /* blk is wired before realize, or a property */
    struct mem_region ports, dir_port;
    const struct irq *irq;
    struct isa_dma *dma;

    uint8_t dor, tdr, dsr, msr_phase; /* msr_phase: enum fdc_phase */
    uint8_t fifo[FDC_FIFO];           /* a command, or its result */
    uint8_t fifo_pos, fifo_len;
    uint8_t config, precomp, timer0, timer1, perpendicular;
    bool lock, no_dma, irq_level, seek_done;
    uint8_t reset_sense; /* SENSE INTERRUPTs owed since a reset */
    uint8_t sense_st0;

    /* The transfer under way. */
    uint8_t unit, cyl, head, sector, eot, st1, st2;
    uint8_t job; /* enum fdc_job */
    bool multi, terminal;
    bool careful;      /* a read failed: sector by sector from here on */
    uint32_t pos, end; /* of the buffer */
    uint8_t buffer[FDC_BUFFER];
    struct block_request req;
    struct iovec iov;
};

extern const struct device_type fdc_type;

/* What CMOS byte 0x10 says of a drive: 0 none, 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M. */
unsigned fdc_cmos_type(const struct fdc *s, unsigned unit);

/* bootindexA and bootindexB, when the board's fw_cfg is there: boards call it. */
bool fdc_add_boot_entries(struct fdc *s, GError **error);

/* fdc_transfer.c: the commands that move data; fdc.c: what they end with. */
void fdc_read_data(struct fdc *s);
void fdc_write_data(struct fdc *s);
void fdc_verify(struct fdc *s);
void fdc_format_track(struct fdc *s);
void fdc_dma_ready(void *opaque);
void fdc_transfer_moved(struct fdc *s); /* the buffer's bytes went through the FIFO port */
void fdc_result(struct fdc *s, unsigned st0);
void fdc_raise(struct fdc *s);

enum fdc_phase { FDC_COMMAND, FDC_RUNNING, FDC_DATA_IN, FDC_DATA_OUT, FDC_RESULT, FDC_PHASES };
enum fdc_job { FDC_NONE, FDC_READ, FDC_WRITE, FDC_VERIFY, FDC_FORMAT, FDC_JOBS };

#endif
