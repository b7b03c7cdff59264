/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/usb/uas.c: usb-uas, a SCSI adapter with many commands at a time: over streams at super speed, else one after
 * the other has the data pipes, as ready messages say.
 * Source: USB Attached SCSI (UAS) revision 4, 5 and 6.
 *
 * A command's data is in memory of its own between the packets and the unit; how much there may be its CDB says.
 * Invariants: at <= data->len <= UAS_DATA_MAX; a command that is UAS_FREE has no data; `out` and `in` are indices of
 *             commands that have a data pipe, or UAS_COMMANDS.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/block/scsi.h"
#include "hw/usb/desc.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
#define UAS_COMMANDS 32u
#define UAS_DATA_MAX (4u << 20)
#define UAS_REPLY    65536u /* room for what is no block of the medium */
#define UAS_STREAMS  4u     /* log2 */
enum { EP_COMMAND = 1, EP_STATUS = 2, EP_IN = 3, EP_OUT = 4 };
enum { IU_COMMAND = 1, IU_SENSE = 3, IU_RESPONSE = 4, IU_TASK = 5, IU_READ_READY = 6, IU_WRITE_READY = 7 };
enum { COMMAND_SIZE = 32, TASK_SIZE = 16, SENSE_HEAD = 16, RESPONSE_SIZE = 8, READY_SIZE = 4 };
enum { TASK_ABORT = 0x01, TASK_ABORT_SET = 0x02, TASK_CLEAR_SET = 0x04, TASK_UNIT_RESET = 0x08,
       TASK_NEXUS_RESET = 0x10, TASK_QUERY = 0x80, TASK_QUERY_SET = 0x81 };
enum { R_DONE = 0x00, R_INVALID = 0x02, R_NOT_SUPPORTED = 0x04, R_SUCCEEDED = 0x08, R_BAD_LUN = 0x09,
       R_OVERLAPPED = 0x0a };
/* clang-format on */

enum uas_state { UAS_FREE, UAS_OUT, UAS_RUNS, UAS_IN, UAS_SENSE, UAS_RESPONSE };

struct uas_command {
    struct usb_uas *s;
    uint8_t state; /* enum uas_state */
    uint16_t tag;
    uint8_t lun, cdb[SCSI_CDB];
    uint8_t status, sense[SCSI_SENSE], sense_len, response;
    bool told; /* without streams: the ready message went */
    uint32_t wanted, at;
    GByteArray *data;
    struct scsi_request r;
    struct dma_list list;
};

struct usb_uas {
    struct usb_device usb;
    struct scsi_bus bus;
    bool has_bus;
    uint32_t out, in; /* without streams: whose the data pipes are */
    struct uas_command commands[UAS_COMMANDS];
};

static bool has_streams(const struct usb_uas *s)
{
    return s->usb.speed == USB_SUPER;
}

static struct uas_command *find_tag(struct usb_uas *s, unsigned tag)
{
    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        if (s->commands[i].state != UAS_FREE && s->commands[i].tag == tag) {
            return &s->commands[i];
        }
    }
    return NULL;
}

static void wake(struct usb_uas *s, unsigned ep, const struct uas_command *c)
{
    usb_wakeup(&s->usb, ep, has_streams(s) ? c->tag : 0);
}

static void leave_pipes(struct uas_command *c)
{
    struct usb_uas *s = c->s;
    uint32_t i = (uint32_t)(c - s->commands);

    s->out = s->out == i ? UAS_COMMANDS : s->out;
    s->in = s->in == i ? UAS_COMMANDS : s->in;
}

static void free_command(struct uas_command *c)
{
    if (c->state == UAS_RUNS) {
        scsi_cancel(&c->r);
    }
    leave_pipes(c);
    dma_list_clear(&c->list);
    g_byte_array_set_size(c->data, 0);
    c->state = UAS_FREE;
    c->at = c->wanted = 0;
    c->told = false;
    usb_wakeup(&c->s->usb, EP_COMMAND, 0); /* there is room */
}

/* Commands -------------------------------------------------------------------------------------- */

/* The bytes that a CDB moves; *out: to the unit (SBC-3, SPC-4).  UINT64_MAX: what the unit replies. */
static uint64_t transfer_of(const struct scsi_device *d, const uint8_t *cdb, bool *out)
{
    uint64_t block = scsi_block_bytes(d);

    *out = false;
    switch (cdb[0]) {
    case 0x0a: /* WRITE(6) */
        *out = true;
        /* fall through */
    case 0x08:
        return (cdb[4] ? cdb[4] : 256) * block;
    case 0x2a: /* WRITE(10), and VERIFY */
    case 0x2e:
        *out = true;
        /* fall through */
    case 0x28:
        return scsi_be16(cdb + 7) * block;
    case 0xaa: /* WRITE(12) */
        *out = true;
        /* fall through */
    case 0xa8:
        return scsi_be32(cdb + 6) * block;
    case 0x8a: /* WRITE(16), and VERIFY */
    case 0x8e:
        *out = true;
        /* fall through */
    case 0x88:
        return scsi_be32(cdb + 10) * block;
    case 0x41: /* WRITE SAME(10), (16): one block, unless it says none */
    case 0x93:
        *out = !(cdb[1] & 1);
        return *out ? block : 0;
    case 0x15: /* MODE SELECT(6) */
        *out = true;
        return cdb[4];
    case 0x55: /* MODE SELECT(10), UNMAP */
    case 0x42:
        *out = cdb[0] == 0x55 || !d->is_cd;
        return *out ? scsi_be16(cdb + 7) : UINT64_MAX;
    default:
        return UINT64_MAX;
    }
}

static void end_command(struct uas_command *c, uint32_t moved)
{
    bool out = c->r.out != NULL;

    dma_list_clear(&c->list);
    leave_pipes(c);
    g_byte_array_set_size(c->data, out ? 0 : MIN(moved, c->data->len));
    c->at = 0;
    c->told = false;
    c->state = c->data->len ? UAS_IN : UAS_SENSE;
    wake(c->s, USB_DIR_IN | EP_IN, c);
    wake(c->s, USB_DIR_IN | EP_STATUS, c);
}

static void command_done(struct scsi_request *r)
{
    struct uas_command *c = (struct uas_command *)((char *)r - offsetof(struct uas_command, r));

    c->status = r->status;
    c->sense_len = (uint8_t)r->sense_len;
    memcpy(c->sense, r->sense, r->sense_len);
    end_command(c, (uint32_t)r->moved);
}

/* Without a unit, or with a transfer that is too long. */
static void fail(struct uas_command *c, unsigned asc)
{
    memset(c->sense, 0, sizeof(c->sense));
    c->sense[0] = 0x70;
    c->sense[2] = KEY_ILLEGAL_REQUEST;
    c->sense[7] = SCSI_SENSE - 8;
    scsi_put(c->sense + 12, asc, 2);
    c->sense_len = SCSI_SENSE;
    c->status = SCSI_CHECK_CONDITION;
    c->r.out = NULL;
    end_command(c, 0);
}

static void run(struct uas_command *c, struct scsi_device *unit, bool out)
{
    if (c->data->len) {
        dma_list_add_own(&c->list, c->data->data, c->data->len);
    }
    c->r = (struct scsi_request){ .machine = c->s->usb.dev.machine, .done = command_done };
    memcpy(c->r.cdb, c->cdb, SCSI_CDB);
    c->r.out = out && c->data->len ? &c->list : NULL;
    c->r.in = !out && c->data->len ? &c->list : NULL;
    c->state = UAS_RUNS;
    scsi_execute(unit, c->lun, &c->r);
}

static void begin(struct uas_command *c)
{
    struct scsi_device *unit = scsi_find(&c->s->bus, 0, c->lun, true);
    uint64_t bytes;
    bool out;

    if (!unit) {
        fail(c, ASC_NO_LUN);
        return;
    }
    bytes = transfer_of(unit, c->cdb, &out);
    bytes = bytes == UINT64_MAX ? UAS_REPLY : bytes;
    if (bytes > UAS_DATA_MAX) {
        fail(c, ASC_CDB_FIELD);
        return;
    }
    if (out && bytes) {
        c->wanted = (uint32_t)bytes;
        c->state = UAS_OUT;
        wake(c->s, EP_OUT, c);
        wake(c->s, USB_DIR_IN | EP_STATUS, c);
        return;
    }
    g_byte_array_set_size(c->data, (uint32_t)bytes);
    if (bytes) {
        memset(c->data->data, 0, bytes);
    }
    run(c, unit, out);
}

static unsigned lun_of(const uint8_t *b)
{
    return MIN((unsigned)(b[0] & 0x3f) << 8 | b[1], 255u);
}

/* Task management (6.2.3) ----------------------------------------------------------------------- */

static unsigned abort_commands(struct usb_uas *s, const struct uas_command *but, int lun, int tag)
{
    unsigned n = 0;

    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        struct uas_command *c = &s->commands[i];

        if (c != but && c->state != UAS_FREE && (lun < 0 || c->lun == lun) &&
            (tag < 0 || c->tag == tag)) {
            free_command(c);
            n++;
        }
    }
    return n;
}

static uint8_t manage(struct usb_uas *s, struct uas_command *task, const uint8_t *b)
{
    unsigned tag = scsi_be16(b + 6);
    struct uas_command *other = find_tag(s, tag);
    struct scsi_device *unit = scsi_find(&s->bus, 0, task->lun, false);

    if (!unit && b[4] != TASK_NEXUS_RESET) {
        return R_BAD_LUN;
    }
    switch (b[4]) {
    case TASK_ABORT:
        if (other && other != task) {
            abort_commands(s, task, task->lun, (int)tag);
        }
        return R_DONE;
    case TASK_ABORT_SET:
    case TASK_CLEAR_SET:
        abort_commands(s, task, task->lun, -1);
        return R_DONE;
    case TASK_UNIT_RESET:
        abort_commands(s, task, task->lun, -1);
        scsi_device_reset(unit, ASC_RESET);
        return R_DONE;
    case TASK_NEXUS_RESET:
        abort_commands(s, task, -1, -1);
        for (unsigned i = 0; i < s->bus.bus.devices->len; i++) {
            scsi_device_reset(g_ptr_array_index(s->bus.bus.devices, i), ASC_RESET);
        }
        return R_DONE;
    case TASK_QUERY:
        return other && other != task && other->lun == task->lun ? R_SUCCEEDED : R_DONE;
    default:
        return R_NOT_SUPPORTED;
    }
}

static void respond(struct uas_command *c, uint8_t code)
{
    c->state = UAS_RESPONSE;
    c->response = code;
    wake(c->s, USB_DIR_IN | EP_STATUS, c);
}

/* Packets --------------------------------------------------------------------------------------- */

static enum usb_result command_pipe(struct usb_uas *s, struct usb_packet *p)
{
    struct uas_command *c = s->commands, *same;
    uint8_t b[COMMAND_SIZE] = { 0 };
    size_t n;

    while (c < s->commands + UAS_COMMANDS && c->state != UAS_FREE) {
        c++;
    }
    if (c == s->commands + UAS_COMMANDS) {
        return USB_NAK; /* one of them will end */
    }
    n = usb_packet_get(p, b, sizeof(b));
    p->done += usb_packet_left(p); /* a CDB of more bytes: no unit has such */
    if (n < 4) {
        return USB_STALL;
    }
    c->tag = (uint16_t)scsi_be16(b + 2);
    same = find_tag(s, c->tag);
    if (has_streams(s) && (c->tag < 1 || c->tag > 1u << UAS_STREAMS)) {
        log_line(LOG_GUEST_ERRORS, "usb-uas: tag %u, must be 1 to %u", c->tag, 1u << UAS_STREAMS);
        return USB_STALL;
    }
    if (same) { /* both are gone, and that is said once */
        free_command(same);
        respond(c, R_OVERLAPPED);
    } else if (b[0] == IU_COMMAND && n == COMMAND_SIZE) {
        c->lun = (uint8_t)lun_of(b + 8);
        memcpy(c->cdb, b + 16, SCSI_CDB);
        begin(c);
    } else if (b[0] == IU_TASK && n >= TASK_SIZE) {
        c->lun = (uint8_t)lun_of(b + 8);
        c->state = UAS_RESPONSE; /* it has its tag */
        respond(c, manage(s, c, b));
    } else {
        respond(c, R_INVALID);
    }
    return USB_OK;
}

/* A message that is to be sent for a command, if there is one. */
static enum usb_result send_status(struct uas_command *c, struct usb_packet *p)
{
    struct usb_uas *s = c->s;
    uint8_t b[SENSE_HEAD + SCSI_SENSE] = { 0 };
    uint32_t i = (uint32_t)(c - s->commands), n = READY_SIZE;

    scsi_put(b + 2, c->tag, 2);
    if (c->state == UAS_SENSE) {
        b[0] = IU_SENSE;
        b[6] = c->status;
        scsi_put(b + 14, c->sense_len, 2);
        memcpy(b + SENSE_HEAD, c->sense, c->sense_len);
        n = SENSE_HEAD + c->sense_len;
        free_command(c);
    } else if (c->state == UAS_RESPONSE) {
        b[0] = IU_RESPONSE;
        b[7] = c->response;
        n = RESPONSE_SIZE;
        free_command(c);
    } else if (!has_streams(s) && c->state == UAS_OUT && !c->told && s->out == UAS_COMMANDS) {
        b[0] = IU_WRITE_READY;
        s->out = i;
        c->told = true;
    } else if (!has_streams(s) && c->state == UAS_IN && !c->told && s->in == UAS_COMMANDS) {
        b[0] = IU_READ_READY;
        s->in = i;
        c->told = true;
    } else {
        return USB_NAK;
    }
    usb_packet_put(&s->usb, p, b, n);
    return USB_OK;
}

static enum usb_result status_pipe(struct usb_uas *s, struct usb_packet *p)
{
    struct uas_command *c = has_streams(s) ? find_tag(s, p->stream) : NULL;

    for (unsigned i = 0; !has_streams(s) && i < UAS_COMMANDS; i++) {
        enum usb_result result = send_status(&s->commands[i], p);

        if (result != USB_NAK) {
            return result;
        }
    }
    return c ? send_status(c, p) : USB_NAK;
}

static struct uas_command *of_pipe(struct usb_uas *s, const struct usb_packet *p, uint32_t has)
{
    return has_streams(s) ? find_tag(s, p->stream) : has < UAS_COMMANDS ? &s->commands[has] : NULL;
}

static enum usb_result data_in(struct usb_uas *s, struct usb_packet *p)
{
    struct uas_command *c = of_pipe(s, p, s->in);

    if (c && c->state == UAS_SENSE && has_streams(s) && c->status == SCSI_GOOD && !c->told) {
        c->told = true;
        return USB_OK; /* there is no data: an empty packet says so */
    }
    if (!c || c->state != UAS_IN) {
        return USB_NAK;
    }
    c->at += (uint32_t)usb_packet_put(&s->usb, p, c->data->data + c->at, c->data->len - c->at);
    if (c->at == c->data->len) {
        leave_pipes(c);
        g_byte_array_set_size(c->data, 0);
        c->at = 0;
        c->told = true; /* it had its data */
        c->state = UAS_SENSE;
        wake(s, USB_DIR_IN | EP_STATUS, c);
    }
    return USB_OK;
}

static enum usb_result data_out(struct usb_uas *s, struct usb_packet *p)
{
    struct uas_command *c = of_pipe(s, p, s->out);
    uint64_t n = usb_packet_left(p);
    struct scsi_device *unit;
    uint32_t had;

    if (!c || c->state != UAS_OUT) {
        return USB_NAK;
    }
    had = c->data->len;
    if (n > c->wanted - had) {
        return USB_STALL;
    }
    g_byte_array_set_size(c->data, had + (uint32_t)n);
    usb_packet_get(p, c->data->data + had, n);
    if (c->data->len < c->wanted) {
        return USB_OK;
    }
    unit = scsi_find(&s->bus, 0, c->lun, true);
    if (unit) {
        run(c, unit, true);
    } else {
        fail(c, ASC_NO_LUN);
    }
    return USB_OK;
}

static enum usb_result uas_packet(struct usb_device *d, struct usb_packet *p)
{
    struct usb_uas *s = (struct usb_uas *)d;

    switch (p->ep) {
    case EP_COMMAND:
        return command_pipe(s, p);
    case EP_STATUS:
        return status_pipe(s, p);
    case EP_IN:
        return data_in(s, p);
    default:
        return data_out(s, p);
    }
}

static void uas_bus_reset(struct usb_device *d)
{
    struct usb_uas *s = (struct usb_uas *)d;

    for (unsigned i = 0; s->has_bus && i < UAS_COMMANDS; i++) {
        free_command(&s->commands[i]);
    }
}

/* What it says of itself ------------------------------------------------------------------------ */

#define UAS_CONFIG(name, packet, burst, streams)                                                   \
    static const struct usb_endpoint name##_eps[] = {                                              \
        { EP_COMMAND, USB_EP_BULK, packet, 0, burst, 0, 1 },                                       \
        { USB_DIR_IN | EP_STATUS, USB_EP_BULK, packet, 0, burst, streams, 2 },                     \
        { USB_DIR_IN | EP_IN, USB_EP_BULK, packet, 0, burst, streams, 3 },                         \
        { EP_OUT, USB_EP_BULK, packet, 0, burst, streams, 4 },                                     \
    };                                                                                             \
    static const struct usb_interface name##_if = { 0, 0, 8, 6, 0x62, 4, name##_eps, NULL };       \
    static const struct usb_config name = { USB_SELF_POWERED, 0, 1, &name##_if }
UAS_CONFIG(high, 512, 0, 0);
UAS_CONFIG(super, 1024, 15, UAS_STREAMS);

static const struct usb_desc uas_desc = {
    .vendor = 0x46f4,
    .product = 0x0003,
    .manufacturer = "QEMU",
    .product_name = "USB Attached SCSI HBA",
    .serial = "27842",
    .configs = { [USB_HIGH] = &high, [USB_SUPER] = &super },
};
static const struct usb_ops uas_ops = { .desc = &uas_desc,
                                        .reset = uas_bus_reset,
                                        .packet = uas_packet };

/* Life ------------------------------------------------------------------------------------------ */

static void unit_unplugged(struct scsi_bus *bus, struct scsi_device *unit)
{
    struct usb_uas *s = (struct usb_uas *)((char *)bus - offsetof(struct usb_uas, bus));

    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        struct uas_command *c = &s->commands[i];

        if (c->state == UAS_RUNS && c->r.d == unit) {
            scsi_cancel(&c->r);
            fail(c, ASC_NO_LUN);
        }
    }
}

static const struct scsi_bus_ops bus_ops = { .unplugged = unit_unplugged };

static void uas_unrealize(struct device *dev)
{
    struct usb_uas *s = (struct usb_uas *)dev;

    usb_device_teardown(&s->usb);
    scsi_bus_destroy(&s->bus);
    s->has_bus = false;
    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        free_command(&s->commands[i]);
        g_clear_pointer(&s->commands[i].data, g_byte_array_unref);
    }
}

static bool uas_realize(struct device *dev, GError **error)
{
    struct usb_uas *s = (struct usb_uas *)dev;

    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        s->commands[i].s = s;
        s->commands[i].data = g_byte_array_new();
    }
    s->out = s->in = UAS_COMMANDS;
    scsi_bus_init(&s->bus, dev, &bus_ops);
    s->has_bus = true;
    if (!usb_device_setup(&s->usb, &uas_ops, error)) {
        uas_unrealize(dev);
        return false;
    }
    return true;
}

static void uas_reset(struct device *dev)
{
    usb_device_reset((struct usb_device *)dev);
}

static void uas_pre_save(struct device *dev)
{
    struct usb_uas *s = (struct usb_uas *)dev;

    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        while (s->commands[i].state == UAS_RUNS) {
            block_drain(s->commands[i].r.d->disk.blk);
        }
    }
}

static bool command_ok(const struct uas_command *c)
{
    return c->state <= UAS_RESPONSE && c->state != UAS_RUNS && c->at <= c->data->len &&
           c->sense_len <= SCSI_SENSE && c->wanted <= UAS_DATA_MAX &&
           (c->state != UAS_OUT || c->data->len < c->wanted) &&
           (c->state != UAS_IN || c->at < c->data->len);
}

/* Whose a data pipe is, is in that state; and the two are different commands. */
static bool pipe_ok(const struct usb_uas *s, uint32_t has, enum uas_state state)
{
    return has == UAS_COMMANDS || (has < UAS_COMMANDS && s->commands[has].state == state);
}

static bool uas_post_load(struct device *dev, GError **error)
{
    struct usb_uas *s = (struct usb_uas *)dev;
    bool ok = pipe_ok(s, s->out, UAS_OUT) && pipe_ok(s, s->in, UAS_IN);

    for (unsigned i = 0; i < UAS_COMMANDS; i++) {
        ok = ok && command_ok(&s->commands[i]);
    }
    if (!ok) {
        set_error(error, "a command is out of bounds");
        return false;
    }
    return usb_device_post_load(&s->usb, error);
}

/* clang-format off */
static const struct property uas_props[] = { USB_PROPS(struct usb_uas, usb), { 0 } };
static const struct state_row command_state[] = {
    STATE_INT(struct uas_command, state, 1, "free, data to or from the unit, sense, response"),
    STATE_INT(struct uas_command, tag, 1, "tag"),
    STATE_INT(struct uas_command, lun, 1, "unit"),
    STATE_BUF(struct uas_command, cdb, 1, "the command"),
    STATE_INT(struct uas_command, status, 1, "how it ended"),
    STATE_BUF(struct uas_command, sense, 1, "sense data"),
    STATE_INT(struct uas_command, sense_len, 1, "how many bytes"),
    STATE_INT(struct uas_command, response, 1, "of a task management function"),
    STATE_INT(struct uas_command, told, 1, "the ready message, or an empty packet, went"),
    STATE_INT(struct uas_command, wanted, 1, "bytes that the unit takes"),
    STATE_INT(struct uas_command, at, 1, "bytes that the host has had"),
    STATE_BLOB_ROW(struct uas_command, data, UAS_DATA_MAX, 1, "data"),
    { 0 },
};
static const struct state_row uas_state[] = {
    USB_STATE(struct usb_uas, usb),
    STATE_INT(struct usb_uas, out, 1, "command that has the pipe to the unit"),
    STATE_INT(struct usb_uas, in, 1, "command that has the pipe from the unit"),
    STATE_SUB(struct usb_uas, commands, UAS_COMMANDS, command_state, 1, "commands"),
    { 0 },
};
/* clang-format on */

const struct device_type usb_uas_type = {
    .name = "usb-uas",
    .summary = "USB adapter for SCSI units, many commands at a time",
    .bus = BUS_USB,
    .size = sizeof(struct usb_uas),
    .props = uas_props,
    .state = uas_state,
    .realize = uas_realize,
    .reset = uas_reset,
    .unrealize = uas_unrealize,
    .pre_save = uas_pre_save,
    .post_load = uas_post_load,
};
