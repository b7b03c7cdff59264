/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/misc/a20.h: what the A20 gate does to the CPUs; port92.h owns the gate. */
#ifndef HW_MISC_A20_H
#define HW_MISC_A20_H

#include <stdbool.h>

struct machine;

/* Lock held.  Off: bit 20 of the CPUs' physical addresses is forced to 0. */
void a20_set(struct machine *m, bool on);

#endif
