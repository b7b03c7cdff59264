/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/scsi_device.c: the SCSI bus, and scsi-hd and scsi-cd as devices: properties, saving.
 *
 * A unit saves with no request in progress: pre_save drains its drive.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "hw/block/scsi.h"
#include "hw/nvram/boot_order.h"
#include "softmmu/hotplug.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* The bus --------------------------------------------------------------------------------------- */

/* The unit is told of when it is realized, and again when it goes: the guest need not agree. */
static bool unplug(struct bus *bus, struct device *dev, GError **error)
{
    (void)bus;
    (void)error;
    device_remove(dev);
    return true;
}

static const struct hotplug_ops hotplug_ops = { .unplug = unplug };

void scsi_bus_init(struct scsi_bus *bus, struct device *adapter, const struct scsi_bus_ops *ops)
{
    unsigned n = 0;

    for (const struct bus *b = adapter->machine->buses; b; b = b->next) {
        n += b->kind == BUS_SCSI;
    }
    bus->name = adapter->id ? g_strdup_printf("%s.0", adapter->id) : g_strdup_printf("scsi.%u", n);
    bus->ops = ops;
    bus_init(&bus->bus, adapter->machine, BUS_SCSI, bus->name, adapter);
    bus->bus.hotplug = &hotplug_ops;
}

void scsi_bus_destroy(struct scsi_bus *bus)
{
    for (unsigned i = bus->bus.devices->len; i-- > 0;) {
        struct device *dev = g_ptr_array_index(bus->bus.devices, i);

        if (dev->realized) { /* else the whole machine is being freed */
            device_free(dev);
        }
    }
    bus_destroy(&bus->bus);
    g_free(bus->name);
}

/* The drive ------------------------------------------------------------------------------------- */

static struct scsi_bus *bus_of(const struct scsi_device *d)
{
    return (struct scsi_bus *)d->dev.bus;
}

static void media_changed(void *opaque, bool present)
{
    struct scsi_device *d = opaque;

    if (d->is_cd) {
        cd_media_changed(&d->cd, present);
    }
    if (present) {
        d->attention = d->is_cd ? ASC_NEW_MEDIUM : ASC_CAPACITY;
    }
    if (bus_of(d)->ops->changed && (present || d->is_cd)) {
        bus_of(d)->ops->changed(bus_of(d), d, present ? d->attention : ASC_NO_MEDIUM);
    }
}

static void resized(void *opaque)
{
    struct scsi_device *d = opaque;

    d->attention = ASC_CAPACITY;
    if (bus_of(d)->ops->changed) {
        bus_of(d)->ops->changed(bus_of(d), d, ASC_CAPACITY);
    }
}

static void eject_request(void *opaque)
{
    ((struct scsi_device *)opaque)->cd.eject_wanted = true;
}

static bool is_locked(void *opaque)
{
    const struct scsi_device *d = opaque;

    return d->cd.locked && !d->cd.tray_open;
}

static bool tray_is_open(void *opaque)
{
    return ((const struct scsi_device *)opaque)->cd.tray_open;
}

static void move_tray(void *opaque, bool open)
{
    cd_host_moves_tray(&((struct scsi_device *)opaque)->cd, open);
}

static const struct block_front front = {
    .media_changed = media_changed,
    .resized = resized,
    .eject_request = eject_request,
    .is_locked = is_locked,
    .tray_is_open = tray_is_open,
    .move_tray = move_tray,
};

/* A CD drive without drive= is an empty one. */
static bool take_drive(struct scsi_device *d, GError **error)
{
    if (!d->disk.blk && d->is_cd) {
        g_autofree char *id = d->dev.id ? g_strdup_printf("%s-drive", d->dev.id)
                                        : g_strdup_printf("%s-cd%u", d->dev.bus->name, d->id);

        d->disk.blk = block_backend_new(d->dev.machine, id, error);
        if (!d->disk.blk) {
            return false;
        }
    }
    if (d->is_cd && d->disk.blk) {
        d->disk.blk->cdrom = true;
    }
    if (!disk_attach(&d->disk, &d->dev, &front, d, error)) {
        return false;
    }
    block_set_iothread(d->disk.blk, bus_of(d)->iothread);
    d->disk.blk->removable = d->is_cd;
    d->cd.blk = d->disk.blk;
    d->cd.model = d->product;
    d->cd.version = d->version;
    return true;
}

/* Life ------------------------------------------------------------------------------------------ */

static bool take_place(struct scsi_device *d, GError **error)
{
    struct scsi_bus *bus = bus_of(d);
    const char *name = d->dev.type->name;

    if (!bus) {
        set_error(error, "%s: needs a SCSI bus, and this machine has none", name);
        return false;
    }
    if (bus->bus.max_devices && bus->bus.devices->len >= bus->bus.max_devices) {
        set_error(error, "%s: bus %s has its one unit already", name, bus->name);
        return false;
    }
    for (unsigned id = 0; d->id == UINT32_MAX && id <= SCSI_MAX_TARGET; id++) {
        d->id = scsi_find(bus, id, d->lun, false) ? UINT32_MAX : id;
    }
    if (d->channel || d->id > SCSI_MAX_TARGET || d->lun > SCSI_MAX_LUN) {
        set_error(error,
                  "%s: channel, scsi-id and lun are %u, %u and %u, must be 0, 0 to %u, 0 to %u",
                  name, d->channel, d->id, d->lun, SCSI_MAX_TARGET, SCSI_MAX_LUN);
        return false;
    }
    if (scsi_find(bus, d->id, d->lun, false)) {
        set_error(error, "%s: unit %u of target %u is in use on bus %s", name, d->lun, d->id,
                  bus->name);
        return false;
    }
    return true;
}

static void unit_unrealize(struct device *dev)
{
    struct scsi_device *d = (struct scsi_device *)dev;

    boot_order_remove(dev);
    /* The adapter gives up what it has in progress here. */
    if (bus_of(d)->ops->unplugged) {
        bus_of(d)->ops->unplugged(bus_of(d), d);
    }
    disk_detach(&d->disk);
}

static bool unit_realize(struct scsi_device *d, bool is_cd, GError **error)
{
    g_autofree char *suffix = NULL;
    uint32_t id = d->id;

    d->is_cd = is_cd;
    if (!take_place(d, error) || !take_drive(d, error)) {
        d->id = id;
        return false;
    }
    suffix = g_strdup_printf("/channel@0/disk@%x,%x", d->id, d->lun);
    if (!boot_order_add(&d->dev, d->dev.bus->parent, d->disk.bootindex, suffix, error)) {
        disk_detach(&d->disk);
        d->id = id;
        return false;
    }
    scsi_device_reset(d, ASC_RESET);
    if (bus_of(d)->ops->plugged) {
        bus_of(d)->ops->plugged(bus_of(d), d);
    }
    return true;
}

static bool hd_realize(struct device *dev, GError **error)
{
    return unit_realize((struct scsi_device *)dev, false, error);
}

static bool cd_realize(struct device *dev, GError **error)
{
    return unit_realize((struct scsi_device *)dev, true, error);
}

void scsi_device_reset(struct scsi_device *d, unsigned asc)
{
    disk_reset(&d->disk);
    d->cd.locked = false;
    d->attention = (uint16_t)asc;
}

static void unit_reset(struct device *dev)
{
    scsi_device_reset((struct scsi_device *)dev, ASC_RESET);
}

static void unit_pre_save(struct device *dev)
{
    struct scsi_device *d = (struct scsi_device *)dev;

    block_drain(d->disk.blk);
    d->write_cache = d->disk.blk->write_cache;
}

static bool unit_post_load(struct device *dev, GError **error)
{
    struct scsi_device *d = (struct scsi_device *)dev;

    (void)error;
    d->disk.blk->write_cache = d->write_cache;
    return true;
}

#define COMMON_PROPS                                                                               \
    DISK_PROPS(struct scsi_device, disk),                                                          \
        PROP_U32(struct scsi_device, "channel", channel, 0, "0"),                                  \
        PROP_U32(struct scsi_device, "scsi-id", id, UINT32_MAX, "target (default: next free)"),    \
        PROP_U32(struct scsi_device, "lun", lun, 0, "unit of the target"),                         \
        PROP_STRING(struct scsi_device, "vendor", vendor, "RHEA", "vendor, 8 characters"),         \
        PROP_STRING(struct scsi_device, "ver", version, "1.0", "revision, 4 characters"),          \
        PROP_U64(struct scsi_device, "wwn", wwn, 0, "world wide name")

static const struct property hd_props[] = {
    COMMON_PROPS,
    PROP_STRING(struct scsi_device, "product", product, "RHEA HARDDISK", "product, 16 characters"),
    PROP_BOOL(struct scsi_device, "removable", removable, false,
              "it says that it can be taken out"),
    PROP_U16(struct scsi_device, "rotation_rate", rotation_rate, 0,
             "revolutions a minute; 1: no disk turns; 0: not said"),
    { 0 },
};
static const struct property cd_props[] = {
    COMMON_PROPS,
    PROP_STRING(struct scsi_device, "product", product, "RHEA CD-ROM", "product, 16 characters"),
    { 0 },
};
static const struct state_row unit_state[] = {
    STATE_INT(struct scsi_device, attention, 1, "unit attention that waits"),
    STATE_INT(struct scsi_device, write_cache, 1, "write cache is on"),
    STATE_INT(struct scsi_device, cd.locked, 1, "PREVENT MEDIUM REMOVAL"),
    STATE_INT(struct scsi_device, cd.tray_open, 1, "tray"),
    STATE_INT(struct scsi_device, cd.changed, 1, "medium went or came"),
    STATE_INT(struct scsi_device, cd.eject_wanted, 1, "eject was asked for"),
    STATE_INT(struct scsi_device, cd.new_event, 1, "new medium not reported yet"),
    { 0 },
};

#define SCSI_TYPE(symbol, text, what, rows, realizer)                                              \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_SCSI,                                                                           \
        .size = sizeof(struct scsi_device),                                                        \
        .props = rows,                                                                             \
        .state = unit_state,                                                                       \
        .realize = realizer,                                                                       \
        .reset = unit_reset,                                                                       \
        .unrealize = unit_unrealize,                                                               \
        .pre_save = unit_pre_save,                                                                 \
        .post_load = unit_post_load,                                                               \
    }
SCSI_TYPE(scsi_hd_type, "scsi-hd", "SCSI disk", hd_props, hd_realize);
SCSI_TYPE(scsi_cd_type, "scsi-cd", "SCSI CD-ROM drive", cd_props, cd_realize);
