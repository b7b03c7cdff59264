/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/device/usb_rig.h: packets to USB devices without a controller in between.  Thread: the test's.
 */
#ifndef TESTS_DEVICE_USB_RIG_H
#define TESTS_DEVICE_USB_RIG_H

#include <string.h>
#include "hw/usb/usb.h"
#include "tests/device/pci_rig.h"

static unsigned usb_rig_woken; /* how often a device said so, by the bus of usb_rig_bus */

static inline void usb_rig_wakeup(struct usb_bus *bus, struct usb_device *d, unsigned ep,
                                  unsigned stream)
{
    (void)bus;
    (void)d;
    (void)ep;
    (void)stream;
    usb_rig_woken++;
}

/* A PCI host and an xHCI controller whose ports the devices are plugged into, and which never runs. */
static inline struct device *usb_rig_controller(struct rig *r, struct mem_region *memory)
{
    static const struct usb_bus_ops ops = { usb_rig_wakeup };
    struct device *dev;

    pci_rig_host(r, memory);
    dev = rig_device(r, "qemu-xhci", NULL);
    ((struct usb_bus *)bus_find(r->m, BUS_USB, NULL))->ops = &ops;
    usb_rig_woken = 0;
    return dev;
}

/* One packet of len bytes of buf; *done: how many moved. */
static inline enum usb_result usb_rig_packet(struct usb_device *d, enum usb_token token,
                                             unsigned ep, void *buf, size_t len, size_t *done)
{
    struct dma_list list = { 0 };
    struct usb_packet p = { .token = token, .ep = (uint8_t)ep, .data = &list };
    enum usb_result result;

    if (len) {
        dma_list_add_own(&list, buf, len);
    }
    result = usb_handle(d, &p);
    dma_list_clear(&list);
    if (done) {
        *done = p.done;
    }
    return result;
}

/* A control transfer; the bytes of its data stage, or -1: a stall. */
static inline int usb_rig_control(struct usb_device *d, unsigned code, unsigned value,
                                  unsigned index, void *buf, unsigned len)
{
    uint8_t setup[8] = { (uint8_t)(code >> 8),  (uint8_t)code,      (uint8_t)value,
                         (uint8_t)(value >> 8), (uint8_t)index,     (uint8_t)(index >> 8),
                         (uint8_t)len,          (uint8_t)(len >> 8) };
    bool in = code & 0x8000 && len;
    size_t done = 0;

    g_assert_cmpint(usb_rig_packet(d, USB_SETUP, 0, setup, 8, NULL), ==, USB_OK);
    if (len && usb_rig_packet(d, in ? USB_IN : USB_OUT, 0, buf, len, &done) != USB_OK) {
        return -1;
    }
    if (usb_rig_packet(d, in ? USB_OUT : USB_IN, 0, NULL, 0, NULL) != USB_OK) {
        return -1;
    }
    return (int)done;
}

static inline struct usb_device *usb_rig_device(struct rig *r, const char *name, const char *props)
{
    struct usb_device *d = (struct usb_device *)rig_device(r, name, props);

    g_assert_cmpint(usb_rig_control(d, 0x0005, 5, 0, NULL, 0), ==, 0);
    g_assert_cmpint(usb_rig_control(d, 0x0009, 1, 0, NULL, 0), ==, 0);
    return d;
}

/* A test: a machine with that controller. */
struct usb_test {
    struct rig *r;
    struct mem_region memory;
};

static inline void usb_test_set_up(struct usb_test *f, gconstpointer data)
{
    (void)data;
    f->r = rig_new();
    usb_rig_controller(f->r, &f->memory);
}

static inline void usb_test_tear_down(struct usb_test *f, gconstpointer data)
{
    (void)data;
    rig_free(f->r);
}
#define USB_TEST(name, fn)                                                                         \
    g_test_add("/usb/" name, struct usb_test, NULL, usb_test_set_up, fn, usb_test_tear_down)

#endif
