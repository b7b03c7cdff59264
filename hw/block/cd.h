/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/cd.h: a CD drive's tray, and what it says about itself and its disc, whatever cable it is
 * on.  Source: MMC-6.  Thread: under the machine lock.
 */
#ifndef HW_BLOCK_CD_H
#define HW_BLOCK_CD_H

#include "block/block.h"

#define CD_BLOCK     2048u
#define CD_RAW_BLOCK 2352u
#define CD_REPLY     256u /* no reply of the functions below is longer */

struct cd_drive {
    struct block_backend *blk;
    const char *model, *version; /* borrowed */
    bool atapi;                  /* its cable: else SCSI */
    bool locked;                 /* PREVENT ALLOW MEDIUM REMOVAL */
    bool tray_open;
    bool changed;      /* the medium went or came, not reported yet */
    bool eject_wanted; /* a person asks for a locked tray */
    bool new_event;    /* a new medium, not reported yet */
};

/* There is a disc, and the tray is closed. */
bool cd_has_disc(const struct cd_drive *d);
/* Of CD_BLOCK bytes; 0 without a disc. */
uint32_t cd_blocks(const struct cd_drive *d);
/* The host took the medium out or put one in. */
void cd_media_changed(struct cd_drive *d, bool present);
/* The host moved the tray. */
void cd_host_moves_tray(struct cd_drive *d, bool open);
/*
 * START STOP UNIT with LoEj: false when the guest has locked the tray.  *inserted: the tray was closed
 * on a disc.
 */
bool cd_move_tray(struct cd_drive *d, bool close, bool *inserted);
/* From CD_BLOCK bytes each at the buffer's start to raw sectors, for n blocks from `at` on. */
void cd_make_raw(uint8_t *buffer, uint32_t at, uint32_t n);

/* Replies, built in b, which has CD_REPLY bytes; the length, 0: a field of the command is not served. */
uint32_t cd_inquiry(const struct cd_drive *d, uint8_t *b);
uint32_t cd_mode_sense(const struct cd_drive *d, uint8_t *b, unsigned page, unsigned control,
                       bool ten);
uint32_t cd_toc(const struct cd_drive *d, uint8_t *b, bool msf, unsigned format, unsigned start);
uint32_t cd_configuration(const struct cd_drive *d, uint8_t *b, unsigned rt, unsigned start);
uint32_t cd_event(struct cd_drive *d, uint8_t *b, unsigned classes);
uint32_t cd_mechanism(const struct cd_drive *d, uint8_t *b);
uint32_t cd_disc_information(const struct cd_drive *d, uint8_t *b);
uint32_t cd_track_information(const struct cd_drive *d, uint8_t *b);
uint32_t cd_subchannel(const struct cd_drive *d, uint8_t *b);

#endif
