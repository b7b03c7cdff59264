/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi_commands.h: commands that disks and CD drives have in common.
 * Thread: under the machine lock.
 */
#ifndef HW_BLOCK_SCSI_COMMANDS_H
#define HW_BLOCK_SCSI_COMMANDS_H

#include "hw/block/scsi.h"

#define SCSI_UNMAP_RANGES 255u /* of one UNMAP, as VPD page B0 says */

void scsi_test_unit_ready(
    struct scsi_request *r); /* and whatever succeeds without doing anything */
void scsi_read(struct scsi_request *r);
void scsi_read_capacity(struct scsi_request *r);
void scsi_command_mode_sense(struct scsi_request *r);
void scsi_command_mode_select(struct scsi_request *r);

#endif
