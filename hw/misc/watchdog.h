/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/watchdog.h: what happens when a watchdog goes off, whichever it is.
 * Thread: under the machine lock.
 */
#ifndef HW_MISC_WATCHDOG_H
#define HW_MISC_WATCHDOG_H

#include "softmmu/device.h"

/* The event WATCHDOG, then what m->config.watchdog says. */
void watchdog_expired(struct machine *m);

extern const struct device_type i6300esb_type, ib700_type;

#endif
