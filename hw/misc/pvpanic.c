/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/misc/pvpanic.c: "pvpanic" and "pvpanic-pci": a byte through which a guest tells that its kernel
 * has panicked: a port of the ISA bus, or BAR 0 (QEMU's documentation, "PVPANIC DEVICE": bit 0
 * panicked, bit 1 the guest handles its panic itself; reads tell which are supported).
 * Thread: under the machine lock.
 */
#include "hw/isa/isa.h"
#include "hw/misc/misc.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/pci/pci.h"
#include "softmmu/event.h"
#include "softmmu/machine.h"
#include "util/log.h"

enum { PVPANIC_PANICKED = 1 << 0, PVPANIC_CRASH_LOADED = 1 << 1 };
#define PVPANIC_BAR_SIZE 16u
#define PVPANIC_FILE                                                                               \
    "etc/pvpanic-port" /* for firmware: one on the ISA bus, which has no other way */

/* What both have. */
struct panic_byte {
    struct mem_region mr;
    struct machine *machine;
    uint8_t events;
};

struct pvpanic {
    struct device dev;
    struct panic_byte byte;
    uint16_t ioport;
};

struct pvpanic_pci {
    struct pci_device pci;
    struct panic_byte byte;
};

static uint64_t panic_read(void *opaque, uint64_t off, unsigned size)
{
    (void)size;
    return off == 0 ? ((struct panic_byte *)opaque)->events : 0;
}

static void panic_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct panic_byte *b = opaque;
    unsigned known = PVPANIC_PANICKED | PVPANIC_CRASH_LOADED;

    (void)size;
    if (off != 0) {
        return;
    }
    if (value & ~(uint64_t)known) {
        log_line(LOG_GUEST_ERRORS, "pvpanic: unknown event 0x%x", (unsigned)value);
    }
    if (value & b->events & PVPANIC_PANICKED) {
        machine_request_shutdown(b->machine, SHUTDOWN_GUEST_PANIC);
    } else if (value & b->events & PVPANIC_CRASH_LOADED) {
        event_emit(b->machine, EVENT_GUEST_CRASHLOADED, json_pack("{s:s}", "action", "run"));
    }
}

static const struct mem_ops panic_ops = {
    .read = panic_read, .write = panic_write, .min_size = 1, .max_size = 1
};

static void panic_init(struct panic_byte *b, struct machine *m, const char *name, unsigned size)
{
    b->machine = m;
    mem_region_init_mmio(&b->mr, m, name, &panic_ops, b, size);
}

/* On the ISA bus -------------------------------------------------------------------------------- */

static bool pvpanic_realize(struct device *dev, GError **error)
{
    struct pvpanic *s = (struct pvpanic *)dev;
    struct fw_cfg *fw = fw_cfg_find(dev->machine);

    if (fw && !fw_cfg_add_file_int(fw, PVPANIC_FILE, s->ioport, 2, error)) {
        return false;
    }
    panic_init(&s->byte, dev->machine, "pvpanic", 1);
    isa_register_ports(dev, s->ioport, &s->byte.mr);
    return true;
}

uint16_t pvpanic_port(const struct machine *m)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        const struct device *dev = g_ptr_array_index(m->devices, i);

        if (dev->type == &pvpanic_type) {
            return ((const struct pvpanic *)dev)->ioport;
        }
    }
    return 0;
}

static void pvpanic_unrealize(struct device *dev)
{
    mem_region_destroy(&((struct pvpanic *)dev)->byte.mr);
}

static const struct property pvpanic_props[] = {
    PROP_U16(struct pvpanic, "ioport", ioport, 0x505, "I/O port"),
    PROP_U8(struct pvpanic, "events", byte.events, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED,
            "supported events, a bit each"),
    { 0 },
};
static const struct state_row pvpanic_state[] = { { 0 } };

const struct device_type pvpanic_type = {
    .name = "pvpanic",
    .summary = "lets the guest tell that it has panicked",
    .bus = BUS_ISA,
    .size = sizeof(struct pvpanic),
    .props = pvpanic_props,
    .state = pvpanic_state,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};

/* On a PCI bus ---------------------------------------------------------------------------------- */

static bool pvpanic_pci_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x1b36, .device = 0x0011, .class = 0x0880, .revision = 1
    };
    struct pvpanic_pci *s = (struct pvpanic_pci *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    panic_init(&s->byte, dev->machine, "pvpanic-pci", PVPANIC_BAR_SIZE);
    pci_add_bar(&s->pci, 0, PCI_BAR_MEM32, &s->byte.mr, PVPANIC_BAR_SIZE);
    return true;
}

static void pvpanic_pci_reset(struct device *dev)
{
    pci_device_reset((struct pci_device *)dev);
}

static void pvpanic_pci_unrealize(struct device *dev)
{
    struct pvpanic_pci *s = (struct pvpanic_pci *)dev;

    pci_device_teardown(&s->pci);
    mem_region_destroy(&s->byte.mr);
}

static bool pvpanic_pci_post_load(struct device *dev, GError **error)
{
    return pci_device_post_load((struct pci_device *)dev, error);
}

static const struct property pvpanic_pci_props[] = {
    PCI_PROPS(struct pvpanic_pci, pci),
    PROP_U8(struct pvpanic_pci, "events", byte.events, PVPANIC_PANICKED | PVPANIC_CRASH_LOADED,
            "supported events, a bit each"),
    { 0 },
};
static const struct state_row pvpanic_pci_state[] = {
    PCI_STATE(struct pvpanic_pci, pci),
    { 0 },
};

const struct device_type pvpanic_pci_type = {
    .name = "pvpanic-pci",
    .summary = "lets the guest tell that it has panicked",
    .bus = BUS_PCI,
    .size = sizeof(struct pvpanic_pci),
    .props = pvpanic_pci_props,
    .state = pvpanic_pci_state,
    .realize = pvpanic_pci_realize,
    .reset = pvpanic_pci_reset,
    .unrealize = pvpanic_pci_unrealize,
    .post_load = pvpanic_pci_post_load,
};
