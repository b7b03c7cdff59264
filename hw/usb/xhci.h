/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/xhci.h: the parts of an xHCI host controller and what they call of each other.
 * Source: eXtensible Host Controller Interface for Universal Serial Bus 1.2 (Intel).
 *
 * Transfer descriptors run when a doorbell rings, or when a device that said USB_NAK calls usb_wakeup; a ring's
 * dequeue pointer moves over whole descriptors only.  So nothing is under way between two of them, and an idle
 * controller does nothing at all.  While the machine is stopped none is taken, so that devices which end what they
 * have in progress before they are saved get nothing new.
 *
 * Invariants: a slot's endpoints that are not XHCI_EP_DISABLED are those of an enabled slot; events that the
 *             guest's ring has no room for wait in s->backlog, and no descriptor is taken until they are gone.
 * Thread:     under the machine lock.
 */
#ifndef HW_USB_XHCI_H
#define HW_USB_XHCI_H

#include "hw/pci/msix.h"
#include "hw/usb/usb.h"
#include "softmmu/clock.h"

#define XHCI_SLOTS     64u
#define XHCI_INTRS     16u
#define XHCI_MAX_PORTS 15u        /* of one kind */
#define XHCI_EPS       32u        /* of a slot, by context index; 0 is none */
#define XHCI_TD_MAX    1024u      /* blocks of a descriptor */
#define XHCI_BACKLOG   (1u << 20) /* bytes */
#define XHCI_STREAMS   7u         /* log2 of the largest array, less 1 */

/* clang-format off */
enum xhci_cmd { CMD_RUN = 1 << 0, CMD_RESET = 1 << 1, CMD_INTE = 1 << 2, CMD_SAVE = 1 << 8, CMD_RESTORE = 1 << 9 };
enum xhci_status { STS_HALTED = 1 << 0, STS_HOST_ERROR = 1 << 2, STS_EVENT = 1 << 3, STS_PORT = 1 << 4,
                   STS_RESTORE_ERROR = 1 << 10 };
enum xhci_ep_state { XHCI_EP_DISABLED, XHCI_EP_RUNNING, XHCI_EP_HALTED, XHCI_EP_STOPPED, XHCI_EP_ERROR };
enum xhci_trb_type {            /* table 6-91 */
    TRB_NORMAL = 1, TRB_SETUP = 2, TRB_DATA = 3, TRB_STATUS = 4, TRB_ISOCH = 5, TRB_LINK = 6, TRB_EVENT_DATA = 7,
    TRB_NOOP = 8, TRB_ENABLE_SLOT = 9, TRB_DISABLE_SLOT = 10, TRB_ADDRESS_DEVICE = 11, TRB_CONFIGURE = 12,
    TRB_EVALUATE = 13, TRB_RESET_EP = 14, TRB_STOP_EP = 15, TRB_SET_DEQUEUE = 16, TRB_RESET_DEVICE = 17,
    TRB_NOOP_COMMAND = 23, TRB_TRANSFER_EVENT = 32, TRB_COMMAND_EVENT = 33, TRB_PORT_EVENT = 34,
    TRB_NEC_GET_FW = 49,
};
enum xhci_code {                /* table 6-90 */
    CC_SUCCESS = 1, CC_DATA_BUFFER = 2, CC_TRANSACTION = 4, CC_TRB = 5, CC_STALL = 6, CC_NO_SLOTS = 9,
    CC_SLOT_DISABLED = 11, CC_EP_DISABLED = 12, CC_SHORT_PACKET = 13, CC_PARAMETER = 17, CC_CONTEXT_STATE = 19,
    CC_RING_STOPPED = 24, CC_STOPPED = 26,
};
#define TRB_CYCLE    (1u << 0)
#define TRB_TOGGLE   (1u << 1) /* of a link */
#define TRB_ED       (1u << 2) /* of an event */
#define TRB_ISP      (1u << 2)
#define TRB_CHAIN    (1u << 4)
#define TRB_IOC      (1u << 5)
#define TRB_IDT      (1u << 6)
#define TRB_BSR      (1u << 9) /* of a command; also DC */
#define TRB_BEI      (1u << 9)
#define TRB_DIR_IN   (1u << 16)
#define TRB_TYPE(t)  ((t)->control >> 10 & 0x3f)
#define TRB_SLOT(t)  ((t)->control >> 24)
#define TRB_EP(t)    ((t)->control >> 16 & 0x1f)
#define TRB_BYTES(t) ((t)->status & 0x1ffff)
#define TRB_INTR(t)  ((t)->status >> 22)
/* clang-format on */

struct xhci_trb {
    uint64_t param;
    uint32_t status, control;
};
G_STATIC_ASSERT(sizeof(struct xhci_trb) == 16);

/* A place in a transfer or command ring. */
struct xhci_ring {
    uint64_t at;
    bool cycle;
};

struct xhci_slot {
    bool enabled;
    uint8_t root; /* root hub's port, from 1; 0: not addressed yet */
    uint32_t route;
    uint64_t context;        /* the output device context */
    uint8_t state[XHCI_EPS]; /* enum xhci_ep_state */
    uint8_t type[XHCI_EPS];
    uint8_t streams[XHCI_EPS]; /* log2 of the array's entries, less 1; 0: none */
    uint64_t ring[XHCI_EPS];   /* the next descriptor, or the stream array */
    uint8_t cycle[XHCI_EPS];
    uint8_t waiting[XHCI_EPS]; /* the device said USB_NAK */
};

struct xhci_port {
    struct xhci *s;
    unsigned number; /* from 1, as the guest counts */
    bool super;
    struct usb_port *usb; /* shared by a USB 2 and a USB 3 port */
    uint32_t status;      /* PORTSC */
};

struct xhci_intr {
    uint32_t iman, imod, erst_size;
    uint64_t erst, dequeue;
    bool wanted; /* an event came that interrupts */
    /* The place of the next event. */
    uint64_t segment;
    uint32_t segment_size, segment_number, index;
    bool cycle;
};

/* A transfer descriptor on its way. */
struct xhci_td {
    struct xhci_trb trbs[XHCI_TD_MAX];
    uint64_t addrs[XHCI_TD_MAX];
    unsigned n;
    struct xhci_ring next; /* behind it */
};

struct xhci_event {
    struct xhci_trb trb;
    uint32_t intr;
    bool quiet; /* does not interrupt */
};

struct xhci {
    struct pci_device pci;
    struct pci_msix msix;
    bool nec;
    uint32_t p2, p3, intrs, slots; /* properties */
    char *msi_wanted, *msix_wanted;
    bool streams;
    struct mem_region bar, registers;
    struct usb_bus bus;
    bool has_bus;
    struct usb_port usb_ports[XHCI_MAX_PORTS];
    struct xhci_port ports[2 * XHCI_MAX_PORTS]; /* USB 3 first */
    uint32_t cmd, status, notify, config;
    uint32_t command_low; /* CRCR as written in halves */
    uint64_t contexts;    /* DCBAAP */
    struct xhci_ring command;
    bool command_running;
    int64_t frames_from; /* virtual ns when MFINDEX was 0 */
    struct xhci_intr intr[XHCI_INTRS];
    GByteArray *backlog; /* struct xhci_event */
    struct xhci_slot slot[XHCI_SLOTS + 1];
    struct timer later; /* more is to do than at once */
    unsigned work;      /* blocks that were looked at since somebody called */
    bool busy;          /* within a descriptor */
    bool again;         /* somebody called meanwhile */
    struct xhci_td td;
};

static inline struct machine *xhci_machine(const struct xhci *s)
{
    return s->pci.dev.machine;
}
static inline unsigned xhci_ports(const struct xhci *s)
{
    return s->p2 + s->p3;
}

/* xhci.c: DMA outside of RAM, and the like: the controller stops. */
void xhci_host_error(struct xhci *s, const char *why);

/* xhci_event.c */
void xhci_send_event(struct xhci *s, unsigned intr, const struct xhci_trb *trb, bool quiet);
void xhci_set_ring(struct xhci *s, unsigned intr); /* ERSTBA was written */
void xhci_dequeued(struct xhci *s, unsigned intr, uint64_t value);
void xhci_update_interrupt(struct xhci *s, unsigned intr);
void xhci_update_intx(struct xhci *s);
static inline bool xhci_has_room(const struct xhci *s)
{
    return s->backlog->len == 0;
}

/* xhci_port.c */
void xhci_add_ports(struct xhci *s);
void xhci_remove_ports(struct xhci *s);
void xhci_port_reset_all(struct xhci *s);
void xhci_port_write(struct xhci_port *p, uint32_t value);
void xhci_port_link(struct xhci *s); /* after a load */

/* xhci_ring.c */
/* The next block that is the guest's, links followed.  False: there is none, or *bad. */
bool xhci_fetch(struct xhci *s, struct xhci_ring *ring, struct xhci_trb *trb, uint64_t *addr,
                bool *bad);
void xhci_ring_doorbell(struct xhci *s, unsigned slot, unsigned ep, unsigned stream);
void xhci_run_all(struct xhci *s);
void xhci_wakeup(struct usb_bus *bus, struct usb_device *d, unsigned ep, unsigned stream);
/* The event that tells of a transfer that was stopped. */
void xhci_report_stopped(struct xhci *s, unsigned slot, unsigned ep);
struct usb_device *xhci_slot_device(struct xhci *s, const struct xhci_slot *slot);

/* xhci_command.c */
void xhci_run_commands(struct xhci *s);
void xhci_disable_slot(struct xhci *s, unsigned slot);
/* Tells the guest's context of an endpoint's state. */
void xhci_store_ep(struct xhci *s, unsigned slot, unsigned ep);
void xhci_command_event(struct xhci *s, uint64_t addr, unsigned slot, enum xhci_code code);

#endif
