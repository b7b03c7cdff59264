/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/storage.c: usb-storage, a disk or CD drive with a SCSI unit of its own, and usb-bot, a SCSI adapter.
 * Source: USB Mass Storage Class, Bulk-Only Transport 1.0.
 *
 * All data of a command is in `data` between the packets and the unit, so that packets of any size do and
 * a command can be saved between two of them.
 * Invariants: s->busy while a SCSI request is in progress; there is one at most; at <= data->len <= length.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/block/scsi.h"
#include "hw/usb/desc.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum { EP_IN = 1, EP_OUT = 2 };
enum { CBW_SIZE = 31, CSW_SIZE = 13, CBW_SIGNATURE = 0x43425355, CSW_SIGNATURE = 0x53425355 };
enum { GET_MAX_LUN = 0xa1fe, BULK_RESET = 0x21ff, REQUEST_SENSE = 0x03 };
enum csw_status { CSW_PASSED = 0, CSW_FAILED = 1, CSW_PHASE_ERROR = 2 };
#define DATA_MAX (32u << 20) /* of a command: what READ(10) can ask for in blocks of 512 bytes */
#define LUN_MAX  15u
/* clang-format on */

enum bot_mode { BOT_CBW, BOT_OUT, BOT_IN, BOT_CSW };

struct usb_storage {
    struct usb_device usb;
    struct disk disk; /* properties of usb-storage's unit */
    bool removable;
    struct scsi_bus bus;
    bool has_bus;
    uint8_t mode; /* enum bot_mode */
    uint32_t tag, length;
    uint8_t lun, status;
    uint8_t cdb[SCSI_CDB];
    GByteArray *data;
    uint32_t at; /* bytes that the host has had of them */
    uint32_t moved;
    uint8_t sense[SCSI_SENSE]; /* of the last command, for REQUEST SENSE */
    uint8_t sense_len;
    bool busy;
    struct scsi_request r;
    struct dma_list list;
};

/* Commands -------------------------------------------------------------------------------------- */

static void wake(struct usb_storage *s)
{
    usb_wakeup(&s->usb, USB_DIR_IN | EP_IN, 0);
}

static void end_command(struct usb_storage *s, uint32_t moved, enum csw_status status)
{
    dma_list_clear(&s->list);
    s->busy = false;
    s->moved = MIN(moved, s->length);
    s->status = (uint8_t)status;
    s->at = 0;
    g_byte_array_set_size(s->data, s->mode == BOT_IN ? s->moved : 0);
    wake(s);
}

static void command_done(struct scsi_request *r)
{
    struct usb_storage *s = (struct usb_storage *)((char *)r - offsetof(struct usb_storage, r));

    s->sense_len = (uint8_t)r->sense_len;
    memcpy(s->sense, r->sense, r->sense_len);
    end_command(s, (uint32_t)r->moved,
                r->overrun               ? CSW_PHASE_ERROR
                : r->status == SCSI_GOOD ? CSW_PASSED
                                         : CSW_FAILED);
}

/* The transport has no place for sense data: it is asked for. */
static bool answer_sense(struct usb_storage *s)
{
    uint32_t n = MIN(s->sense_len, MIN(s->cdb[4], s->length));

    if (s->cdb[0] != REQUEST_SENSE || !s->sense_len || s->mode != BOT_IN) {
        s->sense_len = 0;
        return false;
    }
    memcpy(s->data->data, s->sense, n);
    s->sense_len = 0;
    end_command(s, n, CSW_PASSED);
    return true;
}

static void run_command(struct usb_storage *s)
{
    struct scsi_device *unit = scsi_find(&s->bus, 0, s->lun, true);

    if (!unit) {
        end_command(s, 0, CSW_FAILED);
        return;
    }
    if (answer_sense(s)) {
        return;
    }
    if (s->data->len) {
        dma_list_add_own(&s->list, s->data->data, s->data->len);
    }
    s->r = (struct scsi_request){ .machine = s->usb.dev.machine, .done = command_done };
    memcpy(s->r.cdb, s->cdb, SCSI_CDB);
    s->r.in = s->mode == BOT_IN ? &s->list : NULL;
    s->r.out = s->mode != BOT_IN && s->data->len ? &s->list : NULL;
    s->busy = true;
    scsi_execute(unit, s->lun, &s->r);
}

static void give_up(struct usb_storage *s)
{
    if (s->busy) {
        scsi_cancel(&s->r);
        s->busy = false;
    }
    dma_list_clear(&s->list);
    s->mode = BOT_CBW;
    s->at = s->length = s->moved = 0;
    g_byte_array_set_size(s->data, 0);
}

/* Packets --------------------------------------------------------------------------------------- */

static uint32_t le32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> 8 * i);
    }
}

/* 6.2: anything but 31 bytes that make sense halts both pipes until a reset. */
static enum usb_result command_block(struct usb_storage *s, struct usb_packet *p)
{
    uint8_t b[CBW_SIZE];
    bool in;

    if (usb_packet_left(p) != CBW_SIZE || usb_packet_get(p, b, CBW_SIZE) != CBW_SIZE ||
        le32(b) != CBW_SIGNATURE || b[13] > LUN_MAX || b[14] < 1 || b[14] > SCSI_CDB) {
        log_line(LOG_GUEST_ERRORS, "%s: a bad command block", s->usb.dev.type->name);
        s->usb.halted[1] |= 1u << EP_IN;
        return USB_STALL;
    }
    s->tag = le32(b + 4);
    s->length = le32(b + 8);
    in = b[12] & 0x80;
    s->lun = b[13];
    memset(s->cdb, 0, sizeof(s->cdb));
    memcpy(s->cdb, b + 15, b[14]);
    s->at = s->moved = 0;
    s->mode = s->length == 0 ? BOT_CSW : in ? BOT_IN : BOT_OUT;
    if (s->length > DATA_MAX) {
        log_line(LOG_GUEST_ERRORS, "%s: a command with %u bytes of data, at most %u are served",
                 s->usb.dev.type->name, s->length, DATA_MAX);
        s->mode = in ? BOT_IN : BOT_CSW;
        end_command(s, 0, CSW_PHASE_ERROR);
        return USB_OK;
    }
    g_byte_array_set_size(s->data, in ? s->length : 0);
    if (s->mode != BOT_OUT) {
        if (in) {
            memset(s->data->data, 0, s->length);
        }
        run_command(s);
    }
    return USB_OK;
}

static enum usb_result data_out(struct usb_storage *s, struct usb_packet *p)
{
    uint32_t had = s->data->len;
    uint64_t n = usb_packet_left(p);

    if (n > s->length - had) {
        s->mode = BOT_CSW;
        end_command(s, 0, CSW_PHASE_ERROR);
        return USB_STALL;
    }
    g_byte_array_set_size(s->data, had + (uint32_t)n);
    usb_packet_get(p, s->data->data + had, n);
    if (s->data->len == s->length) {
        s->mode = BOT_CSW;
        run_command(s);
    }
    return USB_OK;
}

/* 6.7.2: less data than wanted ends with a short packet, or with a halted pipe. */
static enum usb_result data_in(struct usb_storage *s, struct usb_packet *p)
{
    uint32_t left = s->data->len - s->at;

    if (left == 0) {
        s->mode = BOT_CSW;
        return USB_STALL;
    }
    s->at += (uint32_t)usb_packet_put(&s->usb, p, s->data->data + s->at, left);
    if (s->at == s->length || usb_packet_left(p) > 0) {
        s->mode = BOT_CSW;
        g_byte_array_set_size(s->data, 0);
        s->at = 0;
    }
    return USB_OK;
}

static enum usb_result status_in(struct usb_storage *s, struct usb_packet *p)
{
    uint8_t b[CSW_SIZE];

    if (usb_packet_left(p) < CSW_SIZE) {
        return USB_STALL;
    }
    put_le32(b, CSW_SIGNATURE);
    put_le32(b + 4, s->tag);
    put_le32(b + 8, s->length - s->moved);
    b[12] = s->status;
    usb_packet_put(&s->usb, p, b, CSW_SIZE);
    s->mode = BOT_CBW;
    return USB_OK;
}

static enum usb_result storage_packet(struct usb_device *d, struct usb_packet *p)
{
    struct usb_storage *s = (struct usb_storage *)d;

    if (p->token == USB_OUT) {
        return s->mode == BOT_CBW   ? command_block(s, p)
               : s->mode == BOT_OUT ? data_out(s, p)
                                    : USB_STALL;
    }
    if (s->busy) {
        return USB_NAK;
    }
    return s->mode == BOT_IN ? data_in(s, p) : s->mode == BOT_CSW ? status_in(s, p) : USB_NAK;
}

static enum usb_result storage_control(struct usb_device *d, const struct usb_request *r,
                                       uint8_t *buf, uint32_t *len)
{
    struct usb_storage *s = (struct usb_storage *)d;

    switch (r->code) {
    case GET_MAX_LUN:
        buf[0] = 0;
        for (uint8_t lun = 0; lun <= LUN_MAX; lun++) {
            buf[0] = scsi_find(&s->bus, 0, lun, false) ? lun : buf[0];
        }
        *len = 1;
        return USB_OK;
    case BULK_RESET:
        give_up(s);
        return USB_OK;
    default:
        return USB_STALL;
    }
}

static void storage_bus_reset(struct usb_device *d)
{
    struct usb_storage *s = (struct usb_storage *)d;

    if (s->data) {
        give_up(s);
        s->sense_len = 0;
        s->status = 0;
    }
}

/* What it says of itself ------------------------------------------------------------------------ */

#define STORAGE_CONFIG(name, packet, burst)                                                        \
    static const struct usb_endpoint name##_eps[] = {                                              \
        { USB_DIR_IN | EP_IN, USB_EP_BULK, packet, 0, burst, 0, 0 },                               \
        { EP_OUT, USB_EP_BULK, packet, 0, burst, 0, 0 },                                           \
    };                                                                                             \
    /* SCSI transparent command set, bulk-only transport */                                        \
    static const struct usb_interface name##_if = { 0, 0, 8, 6, 0x50, 2, name##_eps, NULL };       \
    static const struct usb_config name = { USB_SELF_POWERED, 0, 1, &name##_if }
STORAGE_CONFIG(full, 64, 0);
STORAGE_CONFIG(high, 512, 0);
STORAGE_CONFIG(super, 1024, 15);

static const struct usb_desc storage_desc = {
    .vendor = 0x46f4,
    .product = 0x0001,
    .manufacturer = "QEMU",
    .product_name = "QEMU USB HARDDRIVE",
    .serial = "1",
    .configs = { [USB_FULL] = &full, [USB_HIGH] = &high, [USB_SUPER] = &super },
};
static const struct usb_desc bot_desc = {
    .vendor = 0x46f4,
    .product = 0x0001,
    .manufacturer = "QEMU",
    .product_name = "QEMU USB BOT",
    .serial = "1",
    .configs = { [USB_FULL] = &full, [USB_HIGH] = &high, [USB_SUPER] = &super },
};
static const struct usb_ops storage_ops = { .desc = &storage_desc,
                                            .reset = storage_bus_reset,
                                            .control = storage_control,
                                            .packet = storage_packet };
static const struct usb_ops bot_ops = { .desc = &bot_desc,
                                        .reset = storage_bus_reset,
                                        .control = storage_control,
                                        .packet = storage_packet };

/* Life ------------------------------------------------------------------------------------------ */

static struct usb_storage *storage_of_bus(struct scsi_bus *bus)
{
    return (struct usb_storage *)((char *)bus - offsetof(struct usb_storage, bus));
}

static void unit_unplugged(struct scsi_bus *bus, struct scsi_device *unit)
{
    struct usb_storage *s = storage_of_bus(bus);

    if (s->busy && s->r.d == unit) {
        scsi_cancel(&s->r);
        end_command(s, 0, CSW_FAILED);
    }
}

static const struct scsi_bus_ops bus_ops = { .unplugged = unit_unplugged };

/* The unit takes the drive and what was said about it. */
static bool add_unit(struct usb_storage *s, GError **error)
{
    struct machine *m = s->usb.dev.machine;
    bool cd = s->disk.blk->cdrom;
    struct scsi_device *unit =
        (struct scsi_device *)device_new(m, cd ? &scsi_cd_type : &scsi_hd_type);
    struct disk *to = &unit->disk;

    to->blk = s->disk.blk;
    to->logical_block_size = s->disk.logical_block_size;
    to->physical_block_size = s->disk.physical_block_size;
    to->min_io_size = s->disk.min_io_size;
    to->opt_io_size = s->disk.opt_io_size;
    to->discard_granularity = s->disk.discard_granularity;
    to->bootindex = s->disk.bootindex;
    g_free(to->serial);
    to->serial = g_strdup(s->usb.serial);
    g_free(to->write_cache);
    to->write_cache = g_strdup(s->disk.write_cache);
    g_free(to->rerror);
    to->rerror = g_strdup(s->disk.rerror);
    g_free(to->werror);
    to->werror = g_strdup(s->disk.werror);
    unit->removable = s->removable;
    unit->id = 0;
    if (!device_realize(&unit->dev, &s->bus.bus, error)) {
        device_free(&unit->dev);
        return false;
    }
    s->disk.blk = NULL;
    return true;
}

static void storage_unrealize(struct device *dev)
{
    struct usb_storage *s = (struct usb_storage *)dev;

    usb_device_teardown(&s->usb);
    if (s->has_bus) {
        scsi_bus_destroy(&s->bus);
        s->has_bus = false;
    }
    if (s->data) {
        give_up(s);
        g_clear_pointer(&s->data, g_byte_array_unref);
    }
}

static bool storage_realize(struct device *dev, GError **error)
{
    struct usb_storage *s = (struct usb_storage *)dev;

    if (!s->disk.blk) {
        set_error(error, "usb-storage: needs a drive: drive=ID");
        return false;
    }
    s->data = g_byte_array_new();
    scsi_bus_init(&s->bus, dev, &bus_ops);
    s->has_bus = true;
    /* First the port: firmware's path of the unit has it. */
    if (usb_device_setup(&s->usb, &storage_ops, error) && add_unit(s, error)) {
        s->bus.bus.max_devices = 1;
        return true;
    }
    storage_unrealize(dev);
    return false;
}

static bool bot_realize(struct device *dev, GError **error)
{
    struct usb_storage *s = (struct usb_storage *)dev;

    s->data = g_byte_array_new();
    scsi_bus_init(&s->bus, dev, &bus_ops);
    s->has_bus = true;
    if (!usb_device_setup(&s->usb, &bot_ops, error)) {
        storage_unrealize(dev);
        return false;
    }
    return true;
}

static void storage_reset(struct device *dev)
{
    usb_device_reset((struct usb_device *)dev);
}

static void storage_pre_save(struct device *dev)
{
    struct usb_storage *s = (struct usb_storage *)dev;

    while (s->busy) {
        block_drain(s->r.d->disk.blk);
    }
}

static bool storage_post_load(struct device *dev, GError **error)
{
    struct usb_storage *s = (struct usb_storage *)dev;

    if (s->mode > BOT_CSW || s->length > (s->mode == BOT_OUT ? DATA_MAX : UINT32_MAX) ||
        s->data->len > s->length || s->at > s->data->len || s->moved > s->length ||
        s->sense_len > SCSI_SENSE || s->lun > LUN_MAX ||
        (s->mode == BOT_OUT && s->data->len == s->length)) {
        set_error(error,
                  "a command with %u of %u bytes, %u of them given, in mode %u: out of bounds",
                  s->data->len, s->length, s->at, s->mode);
        return false;
    }
    return usb_device_post_load(&s->usb, error);
}

static const struct property storage_props[] = {
    USB_PROPS(struct usb_storage, usb),
    DISK_PROPS_BUT_SERIAL(struct usb_storage, disk),
    PROP_BOOL(struct usb_storage, "removable", removable, false,
              "the unit says that it can be taken out"),
    { 0 },
};
static const struct property bot_props[] = { USB_PROPS(struct usb_storage, usb), { 0 } };

static const struct state_row storage_state[] = {
    USB_STATE(struct usb_storage, usb),
    STATE_INT(struct usb_storage, mode, 1, "what is expected: command, data, status"),
    STATE_INT(struct usb_storage, tag, 1, "of the command"),
    STATE_INT(struct usb_storage, length, 1, "bytes that the host wants moved"),
    STATE_INT(struct usb_storage, lun, 1, "its unit"),
    STATE_BUF(struct usb_storage, cdb, 1, "the command"),
    STATE_BLOB_ROW(struct usb_storage, data, DATA_MAX, 1, "its data"),
    STATE_INT(struct usb_storage, at, 1, "bytes that the host has had"),
    STATE_INT(struct usb_storage, moved, 1, "bytes that the unit moved"),
    STATE_INT(struct usb_storage, status, 1, "how it ended"),
    STATE_BUF(struct usb_storage, sense, 1, "sense data of the last command"),
    STATE_INT(struct usb_storage, sense_len, 1, "how many bytes"),
    { 0 },
};

#define STORAGE_TYPE(symbol, text, what, rows, realizer)                                           \
    const struct device_type symbol = {                                                            \
        .name = text,                                                                              \
        .summary = what,                                                                           \
        .bus = BUS_USB,                                                                            \
        .size = sizeof(struct usb_storage),                                                        \
        .props = rows,                                                                             \
        .state = storage_state,                                                                    \
        .realize = realizer,                                                                       \
        .reset = storage_reset,                                                                    \
        .unrealize = storage_unrealize,                                                            \
        .pre_save = storage_pre_save,                                                              \
        .post_load = storage_post_load,                                                            \
    }
STORAGE_TYPE(usb_storage_type, "usb-storage", "USB disk or CD drive", storage_props,
             storage_realize);
STORAGE_TYPE(usb_bot_type, "usb-bot", "USB adapter for SCSI units", bot_props, bot_realize);
