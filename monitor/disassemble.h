/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor/disassemble.h: text of x86 instructions by the capstone library, where it was found. */
#ifndef MONITOR_DISASSEMBLE_H
#define MONITOR_DISASSEMBLE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

bool capstone_available(void);
/* Appends "mnemonic operands"; code_size is 2, 4 or 8.  Returns the length, 0: no instruction. */
unsigned capstone_print(unsigned code_size, const uint8_t *buf, unsigned avail, uint64_t addr,
                        GString *out);

#endif
