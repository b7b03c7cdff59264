/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/usb.h: USB devices, their bus and its ports, and the packets between them and host controllers.
 *
 * A controller knows packets alone: it finds the device behind a port, fills a struct usb_packet and
 * calls usb_handle, which answers at once.  A device that has nothing to give or no room says USB_NAK, and
 * calls usb_wakeup when that changes; the controller then asks again.  So no packet is ever under way: there
 * is nothing to cancel, and to save.
 *
 * A device's struct begins with `struct usb_device`.  Its props begin with USB_PROPS, its state with
 * USB_STATE; its realize calls usb_device_setup, its unrealize usb_device_teardown, its reset
 * usb_device_reset, its post_load usb_device_post_load.
 * Source: USB 2.0, chapters 8 and 9; USB 3.1, chapter 9.
 *
 * Invariants: port->dev is a device exactly while it is plugged in there; a device has one port.
 * Thread:     under the machine lock.
 */
#ifndef HW_USB_USB_H
#define HW_USB_USB_H

#include "softmmu/device.h"
#include "softmmu/dma.h"

struct usb_bus;
struct usb_desc;
struct usb_port;

enum usb_speed { USB_LOW, USB_FULL, USB_HIGH, USB_SUPER, USB_SPEEDS };
#define USB_UP_TO_FULL (1u << USB_LOW | 1u << USB_FULL)
#define USB_UP_TO_HIGH (USB_UP_TO_FULL | 1u << USB_HIGH)
#define USB_ALL_SPEEDS (USB_UP_TO_HIGH | 1u << USB_SUPER)

enum usb_token { USB_OUT, USB_IN, USB_SETUP };
enum usb_result {
    USB_OK,    /* fewer bytes than there was room for: a short packet */
    USB_NAK,   /* not now: nothing was moved; usb_wakeup follows */
    USB_STALL, /* the endpoint is halted, or the request not known */
    USB_ERROR, /* nobody answered, or not as the rules say */
};

/* A transaction, or a row of them to one endpoint in one direction. */
struct usb_packet {
    enum usb_token token;
    uint8_t ep;            /* 0 to 15 */
    uint16_t stream;       /* 0: none */
    struct dma_list *data; /* what is sent, or the room */
    uint64_t done;         /* bytes moved */
};

#define USB_INTERFACES  4u /* of a device, at most */
#define USB_CONTROL_MAX 4096u
#define USB_DEPTH       5u /* hubs in a row */
#define USB_DIR_IN      0x80u
#define USB_PATH_MAX    24u

/* A control request (9.3). */
struct usb_request {
    uint16_t code; /* bmRequestType << 8 | bRequest */
    uint16_t value, index, length;
};

enum usb_stage { STAGE_IDLE, STAGE_SETUP, STAGE_IN, STAGE_OUT };

struct usb_device;

struct usb_ops {
    const struct usb_desc *desc;
    /* The port was reset: beside what usb.c knows.  May be NULL. */
    void (*reset)(struct usb_device *d);
    /*
     * A request that usb.c does not serve.  buf holds *len bytes, or takes up to *len: the rest of r->length.
     * USB_NAK: it is asked again.  May be NULL.
     */
    enum usb_result (*control)(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                               uint32_t *len);
    /* A packet for an endpoint that is there and not halted, but 0. */
    enum usb_result (*packet)(struct usb_device *d, struct usb_packet *p);
    /* A configuration or interface was chosen, a halt cleared (ep with USB_DIR_IN; 0: all).  May be NULL. */
    void (*configured)(struct usb_device *d, unsigned ep);
};

struct usb_device {
    struct device dev;
    char *wanted_port; /* property: path, or NULL */
    char *serial;      /* property */
    const struct usb_ops *ops;
    const struct usb_desc *desc;
    struct usb_port *port; /* while realized */
    enum usb_speed speed;
    uint8_t addr, config;
    uint8_t alt[USB_INTERFACES];
    uint16_t halted[2]; /* endpoints, by direction: OUT, IN */
    bool remote_wakeup; /* the guest wants to be woken */
    /* The control transfer on endpoint 0. */
    uint8_t stage; /* enum usb_stage */
    uint8_t setup[8];
    uint32_t control_len, control_at;
    uint8_t control[USB_CONTROL_MAX];
};

struct usb_port_ops {
    /* port->dev came, or is about to go. */
    void (*attach)(struct usb_port *port);
    void (*detach)(struct usb_port *port);
    /* Optional: a suspended device wants its port to resume. */
    void (*resume)(struct usb_port *port);
};

struct usb_port {
    struct usb_port *next; /* of the bus */
    struct usb_bus *bus;
    const struct usb_port_ops *ops;
    void *opaque;
    unsigned index;          /* from 0, of its owner */
    unsigned speeds;         /* 1 << enum usb_speed */
    unsigned depth;          /* hubs on the way */
    unsigned root;           /* number of the root port, from 1 */
    uint32_t route;          /* ports of hubs behind it, four bits each, as xHCI has it */
    char path[USB_PATH_MAX]; /* "2", "2.4.1" */
    struct usb_device *hub;  /* NULL: a root port */
    struct usb_device *dev;
};

struct usb_bus_ops {
    /* An endpoint (with USB_DIR_IN) that said USB_NAK has something to say.  May be NULL. */
    void (*wakeup)(struct usb_bus *bus, struct usb_device *d, unsigned ep, unsigned stream);
};

struct usb_bus {
    struct bus bus; /* "ID.0", or "usb-bus.K" */
    char *name;
    unsigned number;
    const struct usb_bus_ops *ops;
    void *opaque;
    struct usb_port *ports;
};

/* clang-format off */
#define USB_PROPS(strct, member)                                                                   \
    PROP_STRING(strct, "port", member.wanted_port, NULL, "path of the port, such as 2 or 2.4 (default: the first free)"), \
    PROP_STRING(strct, "serial", member.serial, NULL, "serial number (default: the type's)")
#define USB_STATE(strct, member)                                                                   \
    STATE_SUB(strct, member, 1, usb_device_state, 1, "what every USB device has")
/* clang-format on */
extern const struct state_row usb_device_state[];

/* Devices --------------------------------------------------------------------------------------- */

/*
 * Finds a port and plugs the device in: the last step of realize.  False and *error: no port, or none of a
 * speed that both know.
 */
bool usb_device_setup(struct usb_device *d, const struct usb_ops *ops, GError **error);
void usb_device_teardown(struct usb_device *d);
void usb_device_reset(struct usb_device *d);
bool usb_device_post_load(struct usb_device *d, GError **error);
/* ep with USB_DIR_IN; stream 0: none, or any. */
void usb_wakeup(struct usb_device *d, unsigned ep, unsigned stream);

/* From or to the guest at p->done, which moves on; how many bytes there were. */
size_t usb_packet_get(struct usb_packet *p, void *buf, size_t len);
size_t usb_packet_put(struct usb_device *d, struct usb_packet *p, const void *buf, size_t len);
static inline uint64_t usb_packet_left(const struct usb_packet *p)
{
    return p->data ? p->data->bytes - p->done : 0;
}

/* Controllers ----------------------------------------------------------------------------------- */

void usb_bus_init(struct usb_bus *bus, struct device *controller, const struct usb_bus_ops *ops,
                  void *opaque);
/* Frees the devices on it. */
void usb_bus_destroy(struct usb_bus *bus);
/* hub: NULL for a root port, which counts them from `index` 0 on. */
void usb_port_init(struct usb_port *port, struct usb_bus *bus, struct usb_device *hub,
                   unsigned index, unsigned speeds, const struct usb_port_ops *ops, void *opaque);
void usb_port_destroy(struct usb_port *port);
struct usb_port *usb_port_at(struct usb_bus *bus, unsigned root, uint32_t route);
/* The device of that address at or behind a port, through hubs' enabled ports; NULL: nobody answers. */
struct usb_device *usb_find_address(struct usb_port *port, unsigned addr);
/* The highest of these (1 << enum usb_speed) that the device knows; without any, as it was. */
void usb_choose_speed(struct usb_device *d, unsigned allowed);
/* A port reset.  NULL: nothing. */
void usb_reset_port(struct usb_port *port);
/* d: NULL: nobody answers. */
enum usb_result usb_handle(struct usb_device *d, struct usb_packet *p);

/* hub.c */
extern const struct device_type usb_hub_type;
/* The port of a hub lets packets through; true of anything else. */
bool usb_hub_port_enabled(const struct usb_port *port);

/* desc.c ---------------------------------------------------------------------------------------- */

/* The standard requests; true: *result is the answer. */
bool usb_standard_request(struct usb_device *d, const struct usb_request *r, uint8_t *buf,
                          uint32_t *len, enum usb_result *result);
bool usb_endpoint_exists(const struct usb_device *d, unsigned ep);

/* `info usb` */
void usb_print(struct machine *m, GString *out);

/* The boards' own controllers. */
extern const struct device_type piix3_usb_uhci_type;
extern const struct device_type ich9_usb_ehci1_type, ich9_usb_uhci1_type, ich9_usb_uhci2_type,
    ich9_usb_uhci3_type;

#endif
