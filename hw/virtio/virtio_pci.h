/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/virtio/virtio_pci.h: virtio over PCI (VIRTIO 1.2, 4.1): the modern interface in BAR 4, the legacy
 * one in BAR 0, MSI-X in BAR 1, or INTx.
 *
 * A device type's struct begins with struct virtio_pci, directly followed by its function (struct
 * virtio_device first), as in struct virtio_pci_function.  Its rows begin with VIRTIO_PCI_PROPS and
 * VIRTIO_PCI_STATE.  VIRTIO_PCI_TYPES makes the three types NAME-pci, NAME-pci-transitional and
 * NAME-pci-non-transitional.
 * Thread: under the machine lock.
 */
#ifndef HW_VIRTIO_VIRTIO_PCI_H
#define HW_VIRTIO_VIRTIO_PCI_H

#include "hw/pci/msix.h"
#include "hw/virtio/virtio.h"

struct virtio_pci {
    struct pci_device pci;
    struct pci_msix msix;
    char *disable_legacy; /* property: on, off, auto */
    bool disable_modern;
    bool ioeventfd;   /* property: see softmmu/io_event.h */
    uint32_t vectors; /* UINT32_MAX: one for each queue, and one */
    bool has_legacy, has_modern;
    uint8_t modern_bar, msix_bar; /* set before realize; 0: 4 and 1 */
    uint8_t cfg_cap;              /* PCI configuration access capability */
    struct mem_region legacy_io, modern, common, isr_mmio, config_mmio, notify_mmio;
    /* Registers. */
    uint32_t feature_select, driver_feature_select;
    uint16_t queue_select;
    uint8_t isr;
};

struct virtio_pci_function {
    struct virtio_pci proxy;
    struct virtio_device v;
};

bool virtio_pci_realize(struct device *dev, const struct virtio_ops *ops, uint16_t class,
                        GError **error);
void virtio_pci_reset(struct device *dev);
void virtio_pci_unrealize(struct device *dev);
void virtio_pci_pre_save(struct device *dev);
bool virtio_pci_post_load(struct device *dev, GError **error);

/* `proxy` and `function` are the members of strct; the -pci type alone chooses its interfaces. */
#define VIRTIO_PCI_COMMON_PROPS(strct, proxy, function)                                            \
    PCI_PROPS(strct, proxy.pci),                                                                   \
        PROP_U32(strct, "vectors", proxy.vectors, UINT32_MAX,                                      \
                 "MSI-X vectors (default: one more than queues; 0: none)"),                        \
        PROP_BOOL(strct, "ioeventfd", proxy.ioeventfd, true,                                       \
                  "notifications by eventfd, if the engine can"),                                  \
        VIRTIO_PROPS(strct, function)
#define VIRTIO_PCI_PROPS(strct, proxy, function)                                                   \
    VIRTIO_PCI_COMMON_PROPS(strct, proxy, function),                                               \
        PROP_STRING(strct, "disable-legacy", proxy.disable_legacy, "auto",                         \
                    "on: no legacy interface; auto: none behind a PCI Express port"),              \
        PROP_BOOL(strct, "disable-modern", proxy.disable_modern, false,                            \
                  "only the legacy interface")
#define VIRTIO_PCI_STATE(strct, proxy, function)                                                   \
    PCI_STATE(strct, proxy.pci), PCI_MSIX_STATE(strct, proxy.msix),                                \
        STATE_SUB(strct, proxy, 1, virtio_pci_state, 1, "transport"),                              \
        VIRTIO_STATE(strct, function)
extern const struct state_row virtio_pci_state[];

#define VIRTIO_PCI_TYPE(symbol, text, what, strct, rows, states, realizer)                         \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_PCI,                                                                            \
        .size = sizeof(strct),                                                                     \
        .props = rows,                                                                             \
        .state = states,                                                                           \
        .realize = realizer,                                                                       \
        .reset = virtio_pci_reset,                                                                 \
        .unrealize = virtio_pci_unrealize,                                                         \
        .pre_save = virtio_pci_pre_save,                                                           \
        .post_load = virtio_pci_post_load,                                                         \
    }
/* props: of the -pci type; common: of the two whose name says it all. */
#define VIRTIO_PCI_TYPES(prefix, name, what, strct, function, props, common, states, realizer)     \
    G_STATIC_ASSERT(offsetof(strct, function) == offsetof(struct virtio_pci_function, v));         \
    VIRTIO_PCI_TYPE(prefix##_pci_type, name "-pci", what, strct, props, states, realizer);         \
    VIRTIO_PCI_TYPE(prefix##_pci_transitional_type, name "-pci-transitional",                      \
                    what ", for legacy drivers too", strct, common, states, realizer);             \
    VIRTIO_PCI_TYPE(prefix##_pci_non_transitional_type, name "-pci-non-transitional",              \
                    what ", for modern drivers only", strct, common, states, realizer)

#endif
