/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/ehci.h: what a companion controller asks of an EHCI controller.
 *
 * A port of an EHCI controller is its own or its companion's; whose it is, that one's port->ops are set.
 * Thread: under the machine lock.
 */
#ifndef HW_USB_EHCI_H
#define HW_USB_EHCI_H

#include "hw/usb/usb.h"

/*
 * Gives ports [first, first + n) of the EHCI controller with that bus a companion; `ports` are set to them.
 * False and *error: no such bus or ports, or they have one.
 */
bool ehci_add_companion(struct device *companion, const char *bus, unsigned first, unsigned n,
                        const struct usb_port_ops *ops, void *opaque, struct usb_port **ports,
                        GError **error);
/* It goes: of every EHCI controller. */
void ehci_remove_companion(struct machine *m, const void *opaque);

#endif
