/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/char/debugcon.h: the debug console of firmware and small kernels. */
#ifndef HW_CHAR_DEBUGCON_H
#define HW_CHAR_DEBUGCON_H

#include "softmmu/device.h"

extern const struct device_type isa_debugcon_type;

#endif
