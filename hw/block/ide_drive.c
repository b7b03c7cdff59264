/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/ide_drive.c: ide-hd and ide-cd as devices: properties, geometry, saving.
 *
 * A drive saves with no block request in flight (pre_save drains); what it then waits for is in
 * `phase`, and only the guest can move it on.
 * Thread: under the machine lock.
 */
#include "hw/block/ide.h"

#include <string.h>
#include "hw/nvram/boot_order.h"
#include "softmmu/machine.h"
#include "util/error.h"

static void media_changed(void *opaque, bool present)
{
    struct ide_drive *d = opaque;

    if (d->atapi) {
        atapi_media_changed(d, present);
    }
}

/* ATA has no way to tell: IDENTIFY does, when the guest asks. */
static void resized(void *opaque)
{
    struct ide_drive *d = opaque;

    d->sectors = block_size(d->blk) / BLOCK_SECTOR;
}

static void eject_request(void *opaque)
{
    ((struct ide_drive *)opaque)->cd.eject_wanted = true;
}

static bool is_locked(void *opaque)
{
    const struct ide_drive *d = opaque;

    return d->cd.locked && !d->cd.tray_open;
}

static bool tray_is_open(void *opaque)
{
    return ((const struct ide_drive *)opaque)->cd.tray_open;
}

static void move_tray(void *opaque, bool open)
{
    cd_host_moves_tray(&((struct ide_drive *)opaque)->cd, open);
}

static const struct block_front front = {
    .media_changed = media_changed,
    .resized = resized,
    .eject_request = eject_request,
    .is_locked = is_locked,
    .tray_is_open = tray_is_open,
    .move_tray = move_tray,
};

/* Geometry -------------------------------------------------------------------------------------- */

/* What the partition table's writer believed: the last CHS of a partition, 255 or 16 heads of it. */
static bool guess_from_partitions(struct ide_drive *d, unsigned *heads, unsigned *spt)
{
    uint8_t mbr[BLOCK_SECTOR];

    if (block_read_now(d->blk, 0, mbr, sizeof(mbr)) != 0 || mbr[510] != 0x55 || mbr[511] != 0xaa) {
        return false;
    }
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *p = mbr + 446 + i * 16;
        unsigned end_head = p[5], end_sector = p[6] & 63u;
        uint32_t size =
            p[12] | (uint32_t)p[13] << 8 | (uint32_t)p[14] << 16 | (uint32_t)p[15] << 24;

        if (size > 0 && end_head > 0 && end_head < 16 && end_sector > 0) {
            *heads = end_head + 1;
            *spt = end_sector;
            return true;
        }
    }
    return false;
}

static bool set_geometry(struct ide_drive *d, GError **error)
{
    unsigned heads = 16, spt = 63;

    d->sectors = block_size(d->blk) / BLOCK_SECTOR;
    if (d->sectors == 0) {
        set_error(error, "%s: drive '%s' is empty: a disk has at least one sector",
                  d->dev.type->name, d->blk->id);
        return false;
    }
    if (d->cyls || d->heads || d->secs) {
        if (d->cyls < 1 || d->cyls > 65535 || d->heads < 1 || d->heads > 16 || d->secs < 1 ||
            d->secs > 255) {
            set_error(error, "%s: cyls,heads,secs are %u,%u,%u, must be 1 to 65535, 16 and 255",
                      d->dev.type->name, d->cyls, d->heads, d->secs);
            return false;
        }
        heads = d->heads;
        spt = d->secs;
    } else {
        guess_from_partitions(d, &heads, &spt);
    }
    d->def_heads = (uint8_t)heads;
    d->def_spt = (uint8_t)spt;
    d->cylinders = (uint16_t)(d->cyls ? d->cyls : CLAMP(d->sectors / (heads * spt), 2, 16383));
    return true;
}

/* Life ------------------------------------------------------------------------------------------ */

static bool take_unit(struct ide_drive *d, GError **error)
{
    struct ide_channel *ch = (struct ide_channel *)d->dev.bus;

    if (!ch) {
        set_error(error, "%s: needs an IDE bus, and this machine has none", d->dev.type->name);
        return false;
    }
    for (unsigned i = 0; d->unit == UINT32_MAX && i < ch->max_units; i++) {
        if (!ch->drives[i]) {
            d->unit = i;
        }
    }
    if (d->unit == UINT32_MAX) {
        set_error(error, "%s: bus %s is full: it has %u unit%s", d->dev.type->name, ch->name,
                  ch->max_units, ch->max_units == 1 ? "" : "s");
        return false;
    }
    if (d->unit >= ch->max_units) {
        set_error(error, "%s: Can't create IDE unit %u, bus %s supports only %u units",
                  d->dev.type->name, d->unit, ch->name, ch->max_units);
        return false;
    }
    if (ch->drives[d->unit]) {
        set_error(error, "%s: unit %u of bus %s is in use", d->dev.type->name, d->unit, ch->name);
        return false;
    }
    return true;
}

/* A CD drive without drive= is an empty one. */
static bool take_drive(struct ide_drive *d, GError **error)
{
    if (!d->blk && d->atapi) {
        g_autofree char *id = d->dev.id ? g_strdup_printf("%s-drive", d->dev.id)
                                        : g_strdup_printf("%s-cd%u", d->dev.bus->name, d->unit);

        d->blk = block_backend_new(d->dev.machine, id, error);
        if (!d->blk) {
            return false;
        }
    }
    if (!d->blk) {
        set_error(error, "%s: drive=ID is missing", d->dev.type->name);
        return false;
    }
    if (!d->atapi && block_read_only(d->blk)) {
        set_error(error, "%s: drive '%s' is read-only, which an IDE disk cannot be",
                  d->dev.type->name, d->blk->id);
        return false;
    }
    if (!d->atapi && !set_geometry(d, error)) {
        return false;
    }
    if (!block_attach(d->blk, &front, d, error)) {
        return false;
    }
    d->blk->removable = d->atapi;
    d->cd.blk = d->blk;
    d->cd.model = d->model;
    d->cd.version = d->version;
    d->cd.atapi = true;
    d->req.blk = d->blk;
    return true;
}

static void set_names(struct ide_drive *d)
{
    if (!d->serial || !d->serial[0]) {
        unsigned n = d->unit + 1;

        for (const char *p = d->ch->name; *p; p++) {
            n = g_ascii_isdigit(*p) ? n + 2 * (unsigned)(*p - '0') : n;
        }
        g_free(d->serial);
        d->serial = g_strdup_printf("RH%05u", n);
    }
}

static void drive_unrealize(struct device *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    boot_order_remove(dev);
    ide_abandon(d);
    if (d->ch) {
        d->ch->drives[d->unit] = NULL;
        d->ch = NULL;
    }
    if (d->attached) {
        block_detach(d->blk);
        d->attached = false;
    }
}

/* The channel's number is the end of its bus's name. */
static bool add_boot_entry(struct ide_drive *d, GError **error)
{
    const char *dot = strrchr(d->ch->name, '.');
    unsigned long channel = dot ? strtoul(dot + 1, NULL, 10) : 0;
    g_autofree char *suffix = g_strdup_printf("/drive@%lx/disk@%u", channel, d->unit);

    return !d->ch->bus.parent ||
           boot_order_add(&d->dev, d->ch->bus.parent, d->bootindex, suffix, error);
}

static bool drive_realize(struct ide_drive *d, bool atapi, GError **error)
{
    uint32_t unit = d->unit;

    d->atapi = atapi;
    if (strlen(d->serial ? d->serial : "") > 20 || strlen(d->model) > 40 ||
        strlen(d->version) > 8) {
        set_error(error, "%s: serial, model and ver are at most 20, 40 and 8 characters",
                  d->dev.type->name);
        return false;
    }
    if (!take_unit(d, error) || !take_drive(d, error)) {
        d->unit = unit;
        return false;
    }
    d->ch = (struct ide_channel *)d->dev.bus;
    d->ch->drives[d->unit] = d;
    d->attached = true;
    set_names(d);
    if (atapi) {
        d->def_heads = d->def_spt = 1; /* nobody asks */
    }
    ide_reset_drive(d);
    if (!add_boot_entry(d, error)) {
        drive_unrealize(&d->dev);
        d->unit = unit;
        return false;
    }
    return true;
}

static bool hd_realize(struct device *dev, GError **error)
{
    return drive_realize((struct ide_drive *)dev, false, error);
}

static bool cd_realize(struct device *dev, GError **error)
{
    return drive_realize((struct ide_drive *)dev, true, error);
}

static void drive_reset(struct device *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    d->device = 0;
    ide_reset_drive(d);
}

static void drive_pre_save(struct device *dev)
{
    struct ide_drive *d = (struct ide_drive *)dev;

    if (d->blk) {
        block_drain(d->blk);
    }
}

/* A stream cannot make a transfer leave the disk or the buffer. */
static bool drive_post_load(struct device *dev, GError **error)
{
    struct ide_drive *d = (struct ide_drive *)dev;
    uint64_t end = d->atapi ? UINT32_MAX : d->sectors;

    if (d->io_end > IDE_BUFFER || d->io_pos > d->io_end || d->fetched > IDE_BUFFER ||
        d->phase >= IDE_PHASE_COUNT || d->phase == IDE_BLOCK || d->next >= IDE_NEXT_COUNT ||
        d->cur_heads == 0 || d->cur_heads > 16 || d->cur_spt == 0 || d->per_drq > IDE_MAX_MULTI ||
        d->multi > IDE_MAX_MULTI || d->at > end || d->left > end - d->at || d->chunk > d->left ||
        d->chunk > IDE_BUFFER / BLOCK_SECTOR || (!d->atapi && d->next >= IDE_NEXT_PACKET) ||
        (d->phase != IDE_IDLE && d->phase != IDE_DMA_IN && d->phase != IDE_DMA_OUT &&
         d->io_pos >= d->io_end) ||
        d->cd_limit > 0xfffe || (d->phase != IDE_IDLE && d->atapi && d->cd_limit < 2) ||
        (d->phase != IDE_IDLE && !d->atapi && d->next != IDE_NEXT_DONE &&
         (d->chunk == 0 || d->per_drq == 0))) {
        set_error(error, "unit %u: the transfer under way is out of bounds", d->unit);
        return false;
    }
    return true;
}

bool ide_create_drive(struct ide_channel *ch, struct block_backend *blk, unsigned unit,
                      GError **error)
{
    struct device *dev = device_new(ch->bus.machine, blk->cdrom ? &ide_cd_type : &ide_hd_type);
    struct ide_drive *d = (struct ide_drive *)dev;

    d->blk = blk;
    d->unit = unit;
    if (!device_realize(dev, &ch->bus, error)) {
        device_free(dev);
        return false;
    }
    return true;
}

#define COMMON_PROPS                                                                               \
    PROP_DRIVE(struct ide_drive, "drive", blk, "the -drive behind it"),                            \
        PROP_U32(struct ide_drive, "unit", unit, UINT32_MAX,                                       \
                 "0: master, 1: slave (default: next free)"),                                      \
        PROP_STRING(struct ide_drive, "serial", serial, NULL, "serial number, 20 characters"),     \
        PROP_STRING(struct ide_drive, "ver", version, "1.0", "firmware revision, 8 characters"),   \
        PROP_U64(struct ide_drive, "wwn", wwn, 0, "world wide name"),                              \
        PROP_I32(struct ide_drive, "bootindex", bootindex, -1,                                     \
                 "place in firmware's boot order, from 0 on (-1: none)")

static const struct property hd_props[] = {
    COMMON_PROPS,
    PROP_STRING(struct ide_drive, "model", model, "RHEA HARDDISK", "model, 40 characters"),
    PROP_U32(struct ide_drive, "cyls", cyls, 0, "cylinders (0: found out)"),
    PROP_U32(struct ide_drive, "heads", heads, 0, "heads"),
    PROP_U32(struct ide_drive, "secs", secs, 0, "sectors of a track"),
    PROP_BOOL(struct ide_drive, "write-cache", write_cache_prop, true, "the disk's write cache"),
    { 0 },
};

static const struct property cd_props[] = {
    COMMON_PROPS,
    PROP_STRING(struct ide_drive, "model", model, "RHEA DVD-ROM", "model, 40 characters"),
    { 0 },
};

/* clang-format off */
static const struct state_row drive_state[] = {
    STATE_INT(struct ide_drive, status, 1, "status register"),
    STATE_INT(struct ide_drive, error, 1, "error register"),
    STATE_BUF(struct ide_drive, feature, 1, "feature register and its previous value"),
    STATE_BUF(struct ide_drive, count, 1, "sector count"),
    STATE_BUF(struct ide_drive, lba, 1, "address registers"),
    STATE_INT(struct ide_drive, device, 1, "device register"),
    STATE_INT(struct ide_drive, command, 1, "the last command"),
    STATE_INT(struct ide_drive, cur_heads, 1, "current translation"),
    STATE_INT(struct ide_drive, cur_spt, 1, "current translation"),
    STATE_INT(struct ide_drive, multi, 1, "sectors of a READ MULTIPLE block"),
    STATE_INT(struct ide_drive, mode_dma, 1, "transfer mode"),
    STATE_INT(struct ide_drive, mode_pio, 1, "transfer mode"),
    STATE_INT(struct ide_drive, write_cache, 1, "write cache is on"),
    STATE_INT(struct ide_drive, look_ahead, 1, "look-ahead is on"),
    STATE_INT(struct ide_drive, smart, 1, "SMART is on"),
    STATE_INT(struct ide_drive, smart_autosave, 1, "SMART saves by itself"),
    STATE_INT(struct ide_drive, security_frozen, 1, "SECURITY FREEZE LOCK"),
    STATE_INT(struct ide_drive, sleeping, 1, "SLEEP"),
    STATE_INT(struct ide_drive, phase, 1, "what the command waits for"),
    STATE_INT(struct ide_drive, next, 1, "what follows"),
    STATE_INT(struct ide_drive, dma, 1, "the transfer uses DMA"),
    STATE_INT(struct ide_drive, lba48, 1, "48-bit command"),
    STATE_INT(struct ide_drive, fua, 1, "force unit access"),
    STATE_INT(struct ide_drive, at, 1, "next sector"),
    STATE_INT(struct ide_drive, left, 1, "sectors to move"),
    STATE_INT(struct ide_drive, chunk, 1, "sectors in the buffer"),
    STATE_INT(struct ide_drive, per_drq, 1, "sectors of a DRQ block"),
    STATE_INT(struct ide_drive, io_pos, 1, "position in the buffer"),
    STATE_INT(struct ide_drive, io_end, 1, "end of the DRQ block"),
    STATE_INT(struct ide_drive, fetched, 1, "end of what was read"),
    STATE_INT(struct ide_drive, cd_limit, 1, "bytes of a packet's DRQ block"),
    STATE_BUF(struct ide_drive, packet, 1, "command packet"),
    STATE_BUF(struct ide_drive, sense, 1, "sense data"),
    STATE_INT(struct ide_drive, cd_raw, 1, "raw sectors are read"),
    STATE_INT(struct ide_drive, cd.locked, 1, "PREVENT MEDIUM REMOVAL"),
    STATE_INT(struct ide_drive, cd.tray_open, 1, "tray"),
    STATE_INT(struct ide_drive, cd.changed, 1, "medium went or came"),
    STATE_INT(struct ide_drive, cd.eject_wanted, 1, "eject was asked for"),
    STATE_INT(struct ide_drive, cd.new_event, 1, "new medium not reported yet"),
    STATE_INT(struct ide_drive, attention, 1, "unit attention that waits"),
    STATE_BUF(struct ide_drive, buffer, 1, "data"),
    STATE_INT(struct ide_drive, ncq_failed, 1, "a queued command failed: log 0x10"),
    STATE_INT(struct ide_drive, ncq_tag, 1, "its tag"),
    STATE_INT(struct ide_drive, ncq_error, 1, "its error register"),
    STATE_INT(struct ide_drive, ncq_count, 1, "its sectors"),
    STATE_INT(struct ide_drive, ncq_at, 1, "its first sector"),
    { 0 },
};
/* clang-format on */

const struct device_type ide_hd_type = {
    .name = "ide-hd",
    .summary = "IDE disk",
    .bus = BUS_IDE,
    .size = sizeof(struct ide_drive),
    .props = hd_props,
    .state = drive_state,
    .realize = hd_realize,
    .reset = drive_reset,
    .unrealize = drive_unrealize,
    .pre_save = drive_pre_save,
    .post_load = drive_post_load,
};

const struct device_type ide_cd_type = {
    .name = "ide-cd",
    .summary = "IDE CD-ROM drive",
    .bus = BUS_IDE,
    .size = sizeof(struct ide_drive),
    .props = cd_props,
    .state = drive_state,
    .realize = cd_realize,
    .reset = drive_reset,
    .unrealize = drive_unrealize,
    .pre_save = drive_pre_save,
    .post_load = drive_post_load,
};
