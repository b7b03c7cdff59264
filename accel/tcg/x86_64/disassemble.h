/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accel/tcg/x86_64/disassemble.h: host code as text.  Thread: any. */
#ifndef ACCEL_TCG_X86_64_DISASSEMBLE_H
#define ACCEL_TCG_X86_64_DISASSEMBLE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line an instruction of the code that runs at `address`.  False: built without capstone. */
bool host_disassemble(const uint8_t *code, size_t size, uint64_t address, GString *out);

#endif
