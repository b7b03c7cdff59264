/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/device.h: the device and bus model.
 *
 * A device is a struct that begins with `struct device`, described by one `const struct
 * device_type`.  Types are named in one visible list, hw/device_list.c.
 *
 * Life: device_new (zeroed, property defaults set) -> device_set_property* -> device_realize ->
 *       device_reset ... -> device_free.
 * Thread: everything under the machine lock.
 */
#ifndef SOFTMMU_DEVICE_H
#define SOFTMMU_DEVICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "softmmu/state.h"

struct machine;
struct chardev;
struct block_backend;
struct net_client;
struct hotplug_ops;

enum bus_kind {
    BUS_NONE,
    BUS_SYSTEM,
    BUS_ISA,
    BUS_PCI,
    BUS_IDE,
    BUS_SCSI,
    BUS_VIRTIO, /* a place for one virtio device that is not a PCI function */
    BUS_VIRTIO_SERIAL,
    BUS_USB,
    BUS_HDA, /* codecs behind an HD Audio controller */
    BUS_KIND_COUNT
};
/* "System", "ISA", "PCI", "IDE", "SCSI", "virtio-bus", "virtio-serial-bus", "usb-bus", "HDA": as `-device help` prints it. */
extern const char *const bus_kind_names[BUS_KIND_COUNT];

enum property_type {
    PROPERTY_END,
    PROPERTY_BOOL, /* bool: on/off */
    PROPERTY_U8,
    PROPERTY_U16,
    PROPERTY_U32,
    PROPERTY_U64,
    PROPERTY_I32,
    PROPERTY_SIZE,     /* uint64_t bytes, with suffixes */
    PROPERTY_STRING,   /* char *, owned by the device */
    PROPERTY_CHARDEV,  /* struct chardev *: the id of a -chardev */
    PROPERTY_DRIVE,    /* struct block_backend *: the id of a -drive */
    PROPERTY_PCI_ADDR, /* int32_t devfn; "SLOT[.FN]" in hex; -1: any */
    PROPERTY_NETDEV,   /* struct net_client *: the id of a -netdev */
    PROPERTY_IOTHREAD, /* struct iothread *: the id of an -object iothread */
};

struct property {
    const char *name;
    enum property_type type;
    size_t offset;
    uint64_t def;        /* integers and bool */
    const char *def_str; /* PROPERTY_STRING */
    const char *help;
};

#define PROP_BOOL(strct, n, member, d, text)                                                       \
    {                                                                                              \
        n, PROPERTY_BOOL, offsetof(strct, member), d, NULL, text                                   \
    }
#define PROP_U8(strct, n, member, d, text)                                                         \
    {                                                                                              \
        n, PROPERTY_U8, offsetof(strct, member), d, NULL, text                                     \
    }
#define PROP_U16(strct, n, member, d, text)                                                        \
    {                                                                                              \
        n, PROPERTY_U16, offsetof(strct, member), d, NULL, text                                    \
    }
#define PROP_U32(strct, n, member, d, text)                                                        \
    {                                                                                              \
        n, PROPERTY_U32, offsetof(strct, member), d, NULL, text                                    \
    }
#define PROP_U64(strct, n, member, d, text)                                                        \
    {                                                                                              \
        n, PROPERTY_U64, offsetof(strct, member), d, NULL, text                                    \
    }
#define PROP_I32(strct, n, member, d, text)                                                        \
    {                                                                                              \
        n, PROPERTY_I32, offsetof(strct, member), (uint64_t)(int64_t)(d), NULL, text               \
    }
#define PROP_SIZE(strct, n, member, d, text)                                                       \
    {                                                                                              \
        n, PROPERTY_SIZE, offsetof(strct, member), d, NULL, text                                   \
    }
#define PROP_STRING(strct, n, member, d, text)                                                     \
    {                                                                                              \
        n, PROPERTY_STRING, offsetof(strct, member), 0, d, text                                    \
    }
#define PROP_CHARDEV(strct, n, member, text)                                                       \
    {                                                                                              \
        n, PROPERTY_CHARDEV, offsetof(strct, member), 0, NULL, text                                \
    }
#define PROP_DRIVE(strct, n, member, text)                                                         \
    {                                                                                              \
        n, PROPERTY_DRIVE, offsetof(strct, member), 0, NULL, text                                  \
    }
#define PROP_NETDEV(strct, n, member, text)                                                        \
    {                                                                                              \
        n, PROPERTY_NETDEV, offsetof(strct, member), 0, NULL, text                                 \
    }
#define PROP_IOTHREAD(strct, n, member, text)                                                      \
    {                                                                                              \
        n, PROPERTY_IOTHREAD, offsetof(strct, member), 0, NULL, text                               \
    }
#define PROP_PCI_ADDR(strct, n, member, text)                                                      \
    {                                                                                              \
        n, PROPERTY_PCI_ADDR, offsetof(strct, member), (uint64_t)(int64_t)-1, NULL, text           \
    }

struct bus {
    const char *name; /* "isa.0", "pci.0" */
    enum bus_kind kind;
    struct device *parent; /* NULL: the board's own */
    struct machine *machine;
    GPtrArray *devices;                /* struct device *, in the order of their creation */
    unsigned max_devices;              /* it is full with that many; 0: never */
    struct bus *next;                  /* machine->buses */
    const struct hotplug_ops *hotplug; /* softmmu/hotplug.h; NULL: none */
    void *hotplug_opaque;
};

struct device {
    const struct device_type *type;
    struct machine *machine;
    struct bus *bus;    /* NULL until realize for boards' own parts without a bus */
    char *id;           /* user's id=, or NULL */
    unsigned anonymous; /* made by -device without an id: counts them from 1 */
    bool hotplugged;
    bool realized;
    GError *refused; /* a -global that its type does not take: realize fails with it */
};

/* -global: a default for a property of every device of that type. */
struct device_global {
    char *driver, *prop, *value;
    bool used; /* there was such a device */
};

/* An array of struct irq within a device: what drives it, or what it drives. */
struct device_lines {
    size_t offset;
    unsigned count;
    const uint8_t *numbers; /* as tests know them; NULL: from 0 on */
};

struct device_type {
    const char *name;    /* as QEMU users know it */
    const char *section; /* its name in a saved machine; NULL: name */
    const char *summary; /* one line for -device help */
    enum bus_kind bus;
    bool internal;  /* made by boards only; refused by -device */
    bool cold_only; /* stays where its bus has devices come and go */
    size_t size;    /* of the struct that begins with struct device */
    const struct property
        *props; /* may be NULL; rows shared by a bus's devices (PCI_PROPS) come first */
    const struct state_row *state;
    const struct device_lines *inputs, *outputs; /* what tests watch and drive; NULL: none */
    bool (*realize)(struct device *dev, GError **error); /* false and *error: nothing was changed */
    void (*reset)(struct device *dev);
    void (*unrealize)(struct device *dev);
    void (*pre_save)(struct device *dev); /* before state_save: no request is in flight after it */
    bool (*post_load)(struct device *dev,
                      GError **error); /* after state_load: derive, check bounds */
};

static inline const char *device_section_name(const struct device_type *type)
{
    return type->section ? type->section : type->name;
}

/* All types, NULL-terminated: hw/device_list.c. */
extern const struct device_type *const device_types[];
/* A second name of a type, as QEMU has them: "virtio-blk" for "virtio-blk-pci". */
struct device_alias {
    const char *alias, *name;
};
extern const struct device_alias device_aliases[]; /* ends with alias NULL: hw/device_list.c */
/* The second name of a type; NULL: it has none. */
const char *device_type_alias(const struct device_type *type);
const struct device_type *device_type_find(const char *name); /* by either name */

void bus_init(struct bus *bus, struct machine *m, enum bus_kind kind, const char *name,
              struct device *parent);
/* Takes the bus off the machine's list; its devices are gone. */
void bus_destroy(struct bus *bus);
/* The one of that name, else the first bus of a kind, if possible one that is not full; NULL: none. */
struct bus *bus_find(struct machine *m, enum bus_kind kind, const char *name);

/* Applies to devices made from now on. */
void device_add_global(struct machine *m, const char *driver, const char *prop, const char *value);
void device_global_free(gpointer global);
/* The property rows' defaults, then -global's. */
struct device *device_new(struct machine *m, const struct device_type *type);
/* Parses value as the property's type.  Errors name the device, the property, the value and what is allowed. */
bool device_set_property(struct device *dev, const char *name, const char *value, GError **error);
/* The value as text, for `info qtree`; NULL: no such property. */
char *device_get_property(struct device *dev, const char *name);
bool device_realize(struct device *dev, struct bus *bus, GError **error);
/* Unrealizes when realized, and frees. */
void device_free(struct device *dev);
/* Boards: new + realize in one, with no properties to set. */
struct device *device_create(struct machine *m, const struct device_type *type, struct bus *bus,
                             GError **error);
/* Where QEMU's object model has devices with an id, those of -device without one, and the board's. */
#define DEVICE_PATH_USER      "/machine/peripheral/"
#define DEVICE_PATH_ANONYMOUS "/machine/peripheral-anon/"
#define DEVICE_PATH_BOARD     "/machine/unattached/"
/* The path of a realized device there; the caller frees. */
char *device_path(const struct device *dev);
/* "virtio-blk-device" of a virtio device on PCI, which has one behind it there; else NULL. */
char *device_virtio_backend(const struct device *dev);
void device_reset_all(struct machine *m);

/* pre_save of every device: what drains then still reaches the others before any of them is saved. */
void device_prepare_save_all(struct machine *m);
/*
 * One section: name, id, version, rows.  Load refuses another name or a newer version; check does, too, for all of
 * `data`, and changes nothing.
 */
void device_save(struct device *dev, GByteArray *out);
bool device_check(struct device *dev, const uint8_t *data, size_t len, GError **error);
bool device_load(struct device *dev, const uint8_t *data, size_t len, size_t *pos, GError **error);

/* -device NAME,help and -device help. */
void device_print_help(const struct device_type *type, GString *out);
void device_print_list(GString *out);
/* `info qtree` */
void device_print_tree(struct machine *m, GString *out);

#endif
