/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/pci/pci.h: PCI devices, their bus, INTx and MSI.  Source: PCI Local Bus 3.0.
 *
 * A PCI device's struct begins with `struct pci_device`.  Its props begin with PCI_PROPS, its state
 * with PCI_STATE; its realize calls pci_device_setup and then adds BARs and capabilities, its reset
 * pci_device_reset, its unrealize pci_device_teardown, its post_load pci_device_post_load.
 *
 * Invariants: a BAR's region is in the bus's memory or I/O region exactly while the command
 *             register enables it and its address is usable.
 * Thread:     under the machine lock.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "softmmu/device.h"
#include "softmmu/machine.h"

#define PCI_CONFIG_SIZE     256u
#define PCIE_CONFIG_SIZE    4096u /* a function with extended capabilities: through ECAM only */
#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))
#define PCI_SLOT(devfn)     ((unsigned)(devfn) >> 3)
#define PCI_FN(devfn)       ((unsigned)(devfn)&7)

/* clang-format off */
enum pci_register {             /* 6.1 */
    PCI_VENDOR_ID     = 0x00,
    PCI_DEVICE_ID     = 0x02,
    PCI_COMMAND       = 0x04,
    PCI_STATUS        = 0x06,
    PCI_REVISION      = 0x08,
    PCI_PROG_IF       = 0x09,
    PCI_CLASS         = 0x0a,   /* sub-class, then base class */
    PCI_CACHE_LINE    = 0x0c,
    PCI_LATENCY       = 0x0d,
    PCI_HEADER_TYPE   = 0x0e,
    PCI_BAR0          = 0x10,
    PCI_SUBSYS_VENDOR = 0x2c,
    PCI_SUBSYS_ID     = 0x2e,
    PCI_ROM_BAR       = 0x30,
    PCI_CAP_PTR       = 0x34,
    PCI_INT_LINE      = 0x3c,
    PCI_INT_PIN       = 0x3d,
    PCI_CAP_START     = 0x40,   /* where device-specific registers begin */
};
#define PCI_COMMAND_IO      0x0001u
#define PCI_COMMAND_MEMORY  0x0002u
#define PCI_COMMAND_MASTER  0x0004u
#define PCI_COMMAND_PARITY  0x0040u
#define PCI_COMMAND_SERR    0x0100u
#define PCI_COMMAND_NO_INTX 0x0400u
#define PCI_STATUS_INTX     0x0008u
#define PCI_STATUS_CAPS     0x0010u
#define PCI_STATUS_MEDIUM   0x0200u /* DEVSEL timing */
#define PCI_HEADER_MULTI    0x80u

#define PCI_CAP_ID_MSI      0x05u
#define PCI_CAP_ID_VENDOR   0x09u
#define PCI_CAP_ID_SSVID    0x0du
#define PCI_CAP_ID_EXPRESS  0x10u
#define PCI_CAP_ID_MSIX     0x11u
#define PCI_EXT_ID_AER      0x0001u

/* Kinds of BAR, as the low bits of the register (6.2.5.1). */
enum pci_bar_type {
    PCI_BAR_MEM32      = 0x0,
    PCI_BAR_IO         = 0x1,
    PCI_BAR_MEM64      = 0x4,   /* takes two registers */
    PCI_BAR_PREFETCH   = 0x8,   /* or-ed to a memory kind */
};
#define PCI_BARS 6u             /* bars[6] is the expansion ROM */
/* clang-format on */

/* Interrupt lines of a bus: four behind a bridge, up to eight at a south bridge. */
#define PCI_BUS_LINES 8u

struct pci_bus;
struct pci_msix;

struct pci_bar {
    struct mem_region *mr; /* NULL: no such BAR; borrowed from the device */
    uint8_t type;          /* enum pci_bar_type */
    uint64_t size;         /* bytes, a power of two */
    uint64_t mapped;       /* its address while mapped, or PCI_UNMAPPED */
};
#define PCI_UNMAPPED UINT64_MAX

struct pci_device {
    struct device dev;
    int32_t addr;       /* property: devfn, or -1: the next free slot */
    bool multifunction; /* property: other functions may share the slot */
    char *romfile;      /* property: NULL: the type's own (pci_ident.romfile); empty: none */
    uint32_t rombar;    /* property: 0: no ROM */
    uint8_t devfn;      /* while on the bus */
    bool on_bus;
    uint8_t config[PCIE_CONFIG_SIZE];
    uint8_t wmask[PCIE_CONFIG_SIZE];   /* bits that the guest writes */
    uint8_t w1cmask[PCIE_CONFIG_SIZE]; /* bits that the guest clears by writing 1 */
    unsigned config_used;              /* capabilities: the next free offset */
    unsigned extended_used;            /* the same of extended ones; 0: PCI_CONFIG_SIZE is all */
    struct pci_bar bars[PCI_BARS + 1];
    struct mem_region rom;     /* while there is one */
    uint8_t msi_cap;           /* offset of the MSI capability, or 0 */
    struct pci_msix *msix;     /* msix.h; NULL: none */
    struct pci_bus *secondary; /* a bridge's other side; NULL: no bridge */
    bool intx;                 /* the device's own request */
    bool intx_driven;          /* what the bus sees of it: INTx not disabled */
    /* Optional: replaces the plain read of `size` (1, 2, 4) bytes at off. */
    uint32_t (*config_read)(struct pci_device *d, unsigned off, unsigned size);
    /* Optional: called after the masks were applied, BARs moved. */
    void (*config_written)(struct pci_device *d, unsigned off, unsigned size);
};

struct pci_bus {
    struct bus bus;
    uint8_t number;                    /* of a root bus; see pci_bus_number */
    struct pci_device *bridge;         /* whose secondary side this is; NULL: a root bus */
    uint8_t slots;                     /* how many it has; 0: 32 */
    struct pci_device *functions[256]; /* by devfn */
    struct mem_region *memory, *io;    /* where BARs appear */
    unsigned irq_count[PCI_BUS_LINES]; /* pins that drive each line */
    /*
     * Board: which line an INTx pin (0: INTA) of a slot drives; NULL: (slot + pin) & 3.
     */
    unsigned (*map_irq)(unsigned slot, unsigned pin);
    struct irq lines[PCI_BUS_LINES];
    /* Board: how a message reaches the interrupt controllers; NULL: a store to guest memory. */
    void (*send_msi)(void *opaque, uint64_t addr, uint32_t data);
    void *msi_opaque;
};

struct pci_ident {
    uint16_t vendor, device, class; /* class: base << 8 | sub */
    uint8_t prog_if, revision;
    uint8_t int_pin;                /* 0: none, 1: INTA */
    uint16_t subsys_vendor, subsys; /* both 0: PCI_DEFAULT_SUBSYS */
    const char *romfile;            /* its own ROM, or NULL */
};
#define PCI_DEFAULT_SUBSYS_VENDOR 0x1af4
#define PCI_DEFAULT_SUBSYS        0x1100

/* First rows of every PCI device; `member` is its struct pci_device. */
#define PCI_PROPS(strct, member)                                                                   \
    PROP_PCI_ADDR(strct, "addr", member.addr, "slot and function: SLOT[.FN], in hex"),             \
        PROP_BOOL(strct, "multifunction", member.multifunction, false,                             \
                  "other functions may share the slot"),                                           \
        PROP_STRING(strct, "romfile", member.romfile, NULL,                                        \
                    "expansion ROM (default: the device's own; empty: none)"),                     \
        PROP_U32(strct, "rombar", member.rombar, 1, "0: no expansion ROM")
#define PCI_STATE(strct, member)                                                                   \
    STATE_SUB(strct, member, 1, pci_device_state, 1, "PCI configuration space")
extern const struct state_row pci_device_state[];

void pci_bus_setup(struct pci_bus *bus, struct machine *m, const char *name, struct device *parent,
                   struct mem_region *memory, struct mem_region *io);

/* Takes a slot on dev's bus, fills the header, adds the ROM.  False and *error: nothing was changed. */
bool pci_device_setup(struct pci_device *d, const struct pci_ident *ident, GError **error);
/* Leaves the bus: BARs unmapped, INTx lowered. */
void pci_device_teardown(struct pci_device *d);
/* Every bit that the guest can change becomes 0; BARs are unmapped, INTx lowered. */
void pci_device_reset(struct pci_device *d);
bool pci_device_post_load(struct pci_device *d, GError **error);
struct pci_bus *pci_bus_of(const struct pci_device *d);
/* A secondary bus has the number that its bridge's register says. */
uint8_t pci_bus_number(const struct pci_bus *bus);
/* Some pin (0: INTA) of a slot rises or falls; the caller tells changes only. */
void pci_bus_drive_pin(struct pci_bus *bus, unsigned slot, unsigned pin, bool level);

/* size: a power of two, I/O from 4 bytes, memory from 16; n: 0-5, 6 is the ROM. */
void pci_add_bar(struct pci_device *d, unsigned n, unsigned type, struct mem_region *mr,
                 uint64_t size);
/* Appends a capability of `size` bytes with its id and link; its offset, or 0 when space is out. */
uint8_t pci_add_capability(struct pci_device *d, uint8_t id, unsigned size);

/*
 * The same in the extended space (PCI Express 3.0, 7.9.1), which the function has from the first one on;
 * the offset of its header.  There is room for what a device has: an assertion.
 */
unsigned pci_add_extended(struct pci_device *d, uint16_t id, unsigned version, unsigned size);

uint32_t pci_config_load(const struct pci_device *d, unsigned off, unsigned size);
/* What the device itself stores: no masks. */
void pci_config_store(struct pci_device *d, unsigned off, uint32_t value, unsigned size);
void pci_config_set_wmask(struct pci_device *d, unsigned off, uint32_t mask, unsigned size);
/* What a guest's access does.  Any off and size; what is out of range is ignored or ones. */
uint32_t pci_config_read(struct pci_device *d, unsigned off, unsigned size);
void pci_config_write(struct pci_device *d, unsigned off, uint32_t value, unsigned size);

/* The level of the device's INTx pin. */
void pci_set_intx(struct pci_device *d, bool level);

/* rom.c: the path of a file of firmware; NULL: in none of its folders.  The caller frees. */
char *pci_find_rom(struct machine *m, const char *name);

/* msi.c: 64-bit addresses, no masking; vectors: 1, 2, 4 ... 32.  False: no space. */
bool pci_msi_setup(struct pci_device *d, unsigned vectors);
bool pci_msi_enabled(const struct pci_device *d);
/* Sends vector n; numbers above what the guest allotted fold onto those it did. */
void pci_msi_send(struct pci_device *d, unsigned n);
/* A message as the device puts it on the bus; needs bus mastering. */
void pci_send_message(struct pci_device *d, uint64_t addr, uint32_t data);
/* A message to this address would go from here to the local APICs, now. */
bool pci_message_is_plain(const struct pci_device *d, uint64_t addr);
/* A bridge lets functions on this bus, and below, be masters, or no more. */
void pci_masters_changed(struct pci_bus *bus);

/* The function at bus:devfn on or behind `root`, NULL: none answers. */
struct pci_device *pci_find(struct pci_bus *root, uint8_t bus, uint8_t devfn);
/* info.c: `info pci`. */
/* "SCSI controller", by base and sub-class; NULL: unknown. */
const char *pci_class_name(uint16_t class);
void pci_print(struct machine *m, GString *out);

#endif
