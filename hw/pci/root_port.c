/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/root_port.c: the bridges that users plug in: a PCI Express root port, a bridge from PCI
 * Express to PCI, and one from PCI to PCI.  The variants are rows of a table.
 *
 * Source: PCI Express Base 3.0, 7.8 (the capability), 7.10 (AER); ids are those of QEMU's devices.
 * Thread:     under the machine lock.
 */
#include "hw/pci/bridge.h"

#include "hw/pci/pcie_slot.h"
#include "util/error.h"

/* clang-format off */
enum aer_register {             /* 7.10 */
    AER_UNCORRECTABLE = 0x04, AER_UNCORRECTABLE_MASK = 0x08, AER_SEVERITY = 0x0c,
    AER_CORRECTABLE  = 0x10, AER_CORRECTABLE_MASK = 0x14, AER_ROOT_COMMAND = 0x2c,
    AER_ROOT_STATUS  = 0x30, AER_SIZE = 0x48,
};
#define AER_VERSION     2u
#define AER_UNCORRECTABLE_BITS 0x003ff030u
#define AER_CORRECTABLE_BITS   0x000031c1u
#define AER_FATAL       0x00062030u /* severity after reset: link, flow control, overflow, malformed */
#define AER_ADVISORY    0x00002000u /* correctable mask after reset: advisory non-fatal */
enum express_type { EXP_ROOT_PORT = 4, EXP_TO_PCI_BRIDGE = 7 };
#define EXP_VERSION     2u
#define EXP_SLOT        0x0100u     /* flags: the port has a slot */
#define EXP_ROLE_BASED  0x8000u     /* device capabilities: mandatory since 1.1 */
#define EXP_SPEED_2_5G  1u
#define EXP_WIDTH_1     (1u << 4)
#define EXP_LINK_REPORTS (1u << 20) /* link capabilities: reports the link's state */
/* clang-format on */

struct bridge_device {
    struct pci_bridge bridge;
    uint8_t chassis, port;
    uint16_t slot_number;
    bool hotplug;
    struct pcie_slot slot; /* of a root port */
    uint8_t express;       /* offset of the capability; 0: a PCI device */
    unsigned aer;          /* the same of error reporting */
};

struct variant {
    const struct device_type *type;
    uint16_t device;
    enum express_type express; /* 0: none */
    uint8_t slots;
    uint8_t int_pin;
};

static const struct variant variants[] = {
    { &pcie_root_port_type, 0x000c, EXP_ROOT_PORT, 1, 1 },
    { &pcie_pci_bridge_type, 0x000e, EXP_TO_PCI_BRIDGE, 0, 1 },
    { &pci_bridge_type, 0x0001, 0, 0, 1 },
};

static const struct variant *variant_of(const struct bridge_device *s)
{
    const struct variant *v = variants;

    while (v->type != s->bridge.pci.dev.type) {
        v++;
    }
    return v;
}

static bool add_express(struct bridge_device *s, const struct variant *v)
{
    struct pci_device *d = &s->bridge.pci;
    bool root = v->express == EXP_ROOT_PORT;
    unsigned cap = s->express = pci_add_capability(d, PCI_CAP_ID_EXPRESS, EXP_SIZE);

    if (!cap) {
        return false;
    }
    pci_config_store(d, cap + EXP_FLAGS,
                     EXP_VERSION | (unsigned)v->express << 4 | (root ? EXP_SLOT : 0), 2);
    pci_config_store(d, cap + EXP_DEVICE_CAP, EXP_ROLE_BASED, 4);
    pci_config_set_wmask(d, cap + EXP_DEVICE_CONTROL, 0x78ff, 2);
    d->w1cmask[cap + EXP_DEVICE_STATUS] = 0x0f;
    pci_config_store(
        d, cap + EXP_LINK_CAP,
        EXP_SPEED_2_5G | EXP_WIDTH_1 | (root ? EXP_LINK_REPORTS : 0) | (uint32_t)s->port << 24, 4);
    pci_config_store(d, cap + EXP_LINK_STATUS, EXP_SPEED_2_5G | EXP_WIDTH_1, 2);
    pci_config_set_wmask(d, cap + EXP_LINK_CONTROL, 0x00cb, 2);
    pci_config_store(d, cap + EXP_LINK_CAP2, 1u << 1, 4); /* 2.5 GT/s */
    pci_config_set_wmask(d, cap + EXP_DEVICE_CONTROL2, 0x001f, 2);
    pci_config_set_wmask(d, cap + EXP_LINK_CONTROL2, 0x000f, 2);
    if (root) {
        pci_config_set_wmask(d, cap + EXP_ROOT_CONTROL, 0x001f, 2);
        d->w1cmask[cap + EXP_ROOT_STATUS + 2] = 0x01;
    }
    return true;
}

static void set_w1c(struct pci_device *d, unsigned off, uint32_t mask)
{
    for (unsigned i = 0; i < 4; i++) {
        d->w1cmask[off + i] = (uint8_t)(mask >> (8 * i));
    }
}

/* Advanced error reporting: nothing goes wrong on this link, so its status stays 0. */
static void add_aer(struct bridge_device *s, const struct variant *v)
{
    struct pci_device *d = &s->bridge.pci;
    unsigned cap = s->aer = pci_add_extended(d, PCI_EXT_ID_AER, AER_VERSION, AER_SIZE);

    set_w1c(d, cap + AER_UNCORRECTABLE, AER_UNCORRECTABLE_BITS);
    pci_config_set_wmask(d, cap + AER_UNCORRECTABLE_MASK, AER_UNCORRECTABLE_BITS, 4);
    pci_config_set_wmask(d, cap + AER_SEVERITY, AER_UNCORRECTABLE_BITS, 4);
    set_w1c(d, cap + AER_CORRECTABLE, AER_CORRECTABLE_BITS);
    pci_config_set_wmask(d, cap + AER_CORRECTABLE_MASK, AER_CORRECTABLE_BITS, 4);
    if (v->express == EXP_ROOT_PORT) {
        pci_config_set_wmask(d, cap + AER_ROOT_COMMAND, 0x7, 4);
        set_w1c(d, cap + AER_ROOT_STATUS, 0x7f);
    }
}

static bool has_slot(const struct bridge_device *s)
{
    return s->slot.port != NULL;
}

static uint32_t bridge_config_read(struct pci_device *d, unsigned off, unsigned size)
{
    const struct bridge_device *s = (struct bridge_device *)d;
    uint32_t v = pci_config_load(d, off, size);

    return has_slot(s) ? pcie_slot_config_read(&s->slot, off, size, v) : v;
}

static void bridge_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct bridge_device *s = (struct bridge_device *)d;

    (void)off;
    (void)size;
    pci_bridge_update(&s->bridge);
    if (has_slot(s)) {
        pcie_slot_config_written(&s->slot);
    }
}

static bool bridge_realize(struct device *dev, GError **error)
{
    struct bridge_device *s = (struct bridge_device *)dev;
    const struct variant *v = variant_of(s);
    struct pci_device *d = &s->bridge.pci;
    const struct pci_ident ident = {
        .vendor = 0x1b36, .device = v->device, .class = 0x0604, .int_pin = v->int_pin
    };

    if (!pci_device_setup(d, &ident, error)) {
        return false;
    }
    d->config_read = bridge_config_read;
    d->config_written = bridge_config_written;
    /* 256 bytes are enough for all of these. */
    if (!pci_msi_setup(d, 1) || (v->express && !add_express(s, v))) {
        set_error(error, "%s: no room for its capabilities", dev->type->name);
        pci_device_teardown(d);
        return false;
    }
    if (v->express) {
        add_aer(s, v);
    }
    pci_bridge_setup(&s->bridge, v->slots);
    if (v->express == EXP_ROOT_PORT) {
        pcie_slot_setup(&s->slot, d, &s->bridge.bus, s->express, s->slot_number, s->hotplug);
    }
    return true;
}

static void bridge_reset(struct device *dev)
{
    struct bridge_device *s = (struct bridge_device *)dev;

    pci_device_reset(&s->bridge.pci);
    if (s->aer) {
        pci_config_store(&s->bridge.pci, s->aer + AER_SEVERITY, AER_FATAL, 4);
        pci_config_store(&s->bridge.pci, s->aer + AER_CORRECTABLE_MASK, AER_ADVISORY, 4);
    }
    if (has_slot(s)) {
        pcie_slot_reset(&s->slot);
    }
    pci_bridge_update(&s->bridge);
}

static void bridge_unrealize(struct device *dev)
{
    struct bridge_device *s = (struct bridge_device *)dev;

    pci_bridge_teardown(&s->bridge);
    pci_device_teardown(&s->bridge.pci);
}

static bool bridge_post_load(struct device *dev, GError **error)
{
    struct bridge_device *s = (struct bridge_device *)dev;

    if (!pci_device_post_load(&s->bridge.pci, error)) {
        return false;
    }
    /* What is behind it is loaded as it was: no reset now. */
    s->bridge.in_reset = s->bridge.pci.config[PCI_BRIDGE_CONTROL] & PCI_BRIDGE_RESET;
    pci_bridge_update(&s->bridge);
    if (has_slot(s)) {
        pcie_slot_post_load(&s->slot);
    }
    return true;
}

static const struct property root_port_props[] = {
    PCI_PROPS(struct bridge_device, bridge.pci),
    PROP_U8(struct bridge_device, "chassis", chassis, 0, "number of the chassis"),
    PROP_U8(struct bridge_device, "port", port, 0, "number of the port"),
    PROP_U16(struct bridge_device, "slot", slot_number, 0, "number of the slot"),
    PROP_BOOL(struct bridge_device, "hotplug", hotplug, true, "the slot can be hot-plugged"),
    { 0 },
};
static const struct property bridge_props[] = {
    PCI_PROPS(struct bridge_device, bridge.pci),
    PROP_U8(struct bridge_device, "chassis_nr", chassis, 0, "number of the chassis"),
    { 0 },
};
static const struct state_row bridge_state[] = {
    PCI_STATE(struct bridge_device, bridge.pci),
    { 0 },
};

#define BRIDGE_TYPE(n, text, rows)                                                                 \
    .name = n, .summary = text, .bus = BUS_PCI, .size = sizeof(struct bridge_device),              \
    .props = rows, .state = bridge_state, .realize = bridge_realize, .reset = bridge_reset,        \
    .unrealize = bridge_unrealize, .post_load = bridge_post_load

const struct device_type pcie_root_port_type = { BRIDGE_TYPE(
    "pcie-root-port", "PCI Express root port", root_port_props) };
const struct device_type pcie_pci_bridge_type = { BRIDGE_TYPE(
    "pcie-pci-bridge", "PCI Express to PCI bridge", bridge_props) };
const struct device_type pci_bridge_type = { BRIDGE_TYPE("pci-bridge", "PCI to PCI bridge",
                                                         bridge_props) };
