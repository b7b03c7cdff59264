/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/ehci_internal.h: the parts of an EHCI controller: registers and ports (ehci.c), schedules
 * (ehci_schedule.c).
 *
 * Invariants: the timer is armed only while the controller runs and a schedule is on.
 * Thread:     under the machine lock.
 */
#ifndef HW_USB_EHCI_INTERNAL_H
#define HW_USB_EHCI_INTERNAL_H

#include "hw/pci/pci.h"
#include "hw/usb/ehci.h"
#include "softmmu/clock.h"

#define EHCI_PORTS 6u

/* clang-format off */
enum { EHCI_CMD_RUN = 1 << 0, EHCI_CMD_RESET = 1 << 1, EHCI_CMD_PERIODIC = 1 << 4, EHCI_CMD_ASYNC = 1 << 5,
       EHCI_CMD_DOORBELL = 1 << 6 };
enum { EHCI_STS_INT = 1 << 0, EHCI_STS_ERROR = 1 << 1, EHCI_STS_PORT = 1 << 2, EHCI_STS_ROLLOVER = 1 << 3,
       EHCI_STS_HOST_ERROR = 1 << 4, EHCI_STS_ADVANCE = 1 << 5, EHCI_STS_HALTED = 1 << 12 };
/* clang-format on */

struct ehci_port {
    struct usb_port usb;
    uint32_t status; /* PORTSC */
    void *companion; /* NULL: none */
    const struct usb_port_ops *companion_ops;
};

struct ehci {
    struct pci_device pci;
    struct mem_region bar;
    struct usb_bus bus;
    struct ehci_port ports[EHCI_PORTS];
    uint32_t cmd, status, intr, periodic, async, config_flag;
    uint32_t frame;   /* FRINDEX when it was started */
    int64_t frame_at; /* virtual ns of that */
    uint32_t walked;  /* the frame (of 1 ms) whose periodic list is next */
    unsigned quiet;   /* walks in a row that brought nothing */
    unsigned left;    /* transfers that there is time for */
    struct timer timer;
};

void ehci_update_irq(struct ehci *s);
struct usb_device *ehci_find_device(struct ehci *s, unsigned addr);

/* ehci_schedule.c */
uint32_t ehci_frame_index(const struct ehci *s);
/* Something may be to do: looks soon, or never when it does not run. */
void ehci_kick(struct ehci *s);
void ehci_run(void *opaque);
void ehci_wakeup(struct usb_bus *bus, struct usb_device *d, unsigned ep, unsigned stream);

#endif
