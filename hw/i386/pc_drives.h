/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/pc_drives.h: drives of the command line on a PC board, and what CMOS RAM says of them. */
#ifndef HW_I386_PC_DRIVES_H
#define HW_I386_PC_DRIVES_H

#include "hw/i386/pc.h"

/* The DMA controllers, the floppy controller with its drives; needs pc->isa and the RTC. */
bool pc_add_floppy(struct pc *pc, GError **error);
/* Drives with if=ide on the channels, n of them with 2 units each (or 1: SATA). */
bool pc_add_ide_drives(struct pc *pc, struct ide_channel *const *channels, unsigned n,
                       GError **error);

#endif
