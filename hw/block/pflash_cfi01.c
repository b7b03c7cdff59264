/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/block/pflash_cfi01.c: a byte-wide NOR flash chip whose contents are a drive's.
 *
 * Reads of the array are reads of ROM, at full speed; writes are trapped, and while a command makes
 * reads mean something else, an MMIO region lies over the ROM.  Programming and erasing take no time;
 * what changed goes to the drive behind the guest's back, unit by unit.
 *
 * Source: Intel 28F640J3A/28F128J3A datasheet (290667), 4 "Command Definitions", 5 "Query"; JEDEC
 *         JESD68.01 (CFI), JEP137 (command set 0001h).
 * Invariants: mmio is enabled exactly while mode is not PFLASH_ARRAY; filled <= count <= PFLASH_BUFFER;
 *             every at[] is below size; a unit is flagged in `dirty`, or in flight, or on the drive.
 * Thread:     under the machine lock.
 */
#include "hw/block/pflash_cfi01.h"

#include <string.h>
#include "util/error.h"
#include "util/log.h"

/* Status register: ready, erase and program failed, the block is locked. */
enum { SR_READY = 0x80, SR_ERASE = 0x20, SR_PROGRAM = 0x10, SR_LOCKED = 0x02 };
enum { SR_SEQUENCE = SR_ERASE | SR_PROGRAM };
enum { CONFIRM = 0xd0 };
enum { ID_MAKER = 0x89, ID_CHIP = 0x18 }; /* Intel, 28F128J3A */
enum { ERASED = 0xff };

/* To the drive ------------------------------------------------------------------------------------ */

static void write_back(struct pflash *s);

static void written_back(void *opaque, int result)
{
    struct pflash *s = opaque;

    if (result < 0) {
        log_line(LOG_GUEST_ERRORS, "cfi.pflash01: drive '%s': %s", s->drive->id,
                 g_strerror(-result));
        s->status |= SR_PROGRAM;
    }
    write_back(s);
}

/* One unit at a time; its `done` sends the next. */
static void write_back(struct pflash *s)
{
    uint32_t units = s->size / PFLASH_UNIT, unit;
    const uint8_t *first = memchr(s->dirty, 1, units);

    if (block_busy(&s->req) || !first) {
        return;
    }
    unit = (uint32_t)(first - s->dirty);
    s->dirty[unit] = 0;
    memcpy(s->bounce, s->rom.ram->host + unit * PFLASH_UNIT, PFLASH_UNIT);
    s->iov = (struct iovec){ s->bounce, PFLASH_UNIT };
    s->req = (struct block_request){
        .blk = s->drive,
        .op = BLOCK_WRITE,
        .offset = (uint64_t)unit * PFLASH_UNIT,
        .bytes = PFLASH_UNIT,
        .iov = &s->iov,
        .n_iov = 1,
        .done = written_back,
        .opaque = s,
    };
    block_submit(&s->req);
}

static void changed(struct pflash *s, uint32_t at, uint32_t len)
{
    for (uint32_t unit = at / PFLASH_UNIT; unit <= (at + len - 1) / PFLASH_UNIT; unit++) {
        s->dirty[unit] = 1;
    }
    ram_written(s->dev.machine, s->rom.ram, at, len);
    write_back(s);
}

/* Commands ---------------------------------------------------------------------------------------- */

static bool may_command(const struct pflash *s)
{
    const struct vcpu *cpu = vcpu_current();

    return !s->secure || (cpu && cpu->secure);
}

static void set_mode(struct pflash *s, enum pflash_mode mode)
{
    s->mode = (uint8_t)mode;
    mem_region_set_enabled(&s->mmio, mode != PFLASH_ARRAY);
}

/* True: the array may change; else the status says why not. */
static bool may_change(struct pflash *s, uint8_t error)
{
    if (block_read_only(s->drive)) {
        s->status |= (uint8_t)(error | SR_LOCKED);
        return false;
    }
    return true;
}

/* Programming turns ones into zeroes. */
static void program(struct pflash *s, uint32_t at, uint8_t v)
{
    uint8_t *p = s->rom.ram->host + at;

    s->status |= SR_READY;
    if (may_change(s, SR_PROGRAM) && (*p & v) != *p) {
        *p &= v;
        changed(s, at, 1);
    }
}

static void erase(struct pflash *s, uint32_t at)
{
    s->status |= SR_READY;
    if (may_change(s, SR_ERASE)) {
        at -= at % s->sector_length;
        memset(s->rom.ram->host + at, ERASED, s->sector_length);
        changed(s, at, s->sector_length);
    }
}

static void bad_sequence(struct pflash *s, const char *what, uint8_t v)
{
    log_line(LOG_GUEST_ERRORS, "cfi.pflash01: 0x%02x is no %s", v, what);
    s->status |= SR_READY | SR_SEQUENCE;
    s->step = PFLASH_COMMAND;
}

/* First cycles: what reads give from then on, and what the next write is. */
static const struct command {
    uint8_t code, mode, step;
} commands[] = {
    /* clang-format off */
    { 0xff, PFLASH_ARRAY,  PFLASH_COMMAND },
    { 0x00, PFLASH_ARRAY,  PFLASH_COMMAND },
    { 0x90, PFLASH_ID,     PFLASH_COMMAND },
    { 0x98, PFLASH_QUERY,  PFLASH_COMMAND },
    { 0x70, PFLASH_STATUS, PFLASH_COMMAND },
    { 0x10, PFLASH_STATUS, PFLASH_PROGRAM },
    { 0x40, PFLASH_STATUS, PFLASH_PROGRAM },
    { 0x20, PFLASH_STATUS, PFLASH_ERASE   },
    { 0x28, PFLASH_STATUS, PFLASH_ERASE   },
    { 0xe8, PFLASH_STATUS, PFLASH_COUNT   },
    { 0xb0, PFLASH_STATUS, PFLASH_COMMAND },   /* suspend: nothing is under way */
    { 0xd0, PFLASH_STATUS, PFLASH_COMMAND },   /* resume */
    { 0x60, PFLASH_STATUS, PFLASH_IGNORE  },
    { 0xc0, PFLASH_STATUS, PFLASH_IGNORE  },
    /* clang-format on */
};

static void command(struct pflash *s, uint32_t at, uint8_t v)
{
    /*
     * Clear status; the mode stays.  The ready bit, which a chip keeps, goes as well until the next
     * operation: by reading 00h here OVMF knows flash (EDK II, QemuFlash.c, CLEARED_ARRAY_STATUS).
     */
    if (v == 0x50) {
        s->status = 0;
        return;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (commands[i].code == v) {
            s->step = commands[i].step;
            s->block = at / s->sector_length;
            s->status |= s->step == PFLASH_COUNT ? SR_READY : 0; /* the buffer is free */
            set_mode(s, commands[i].mode);
            return;
        }
    }
    log_line(LOG_GUEST_ERRORS, "cfi.pflash01: no command 0x%02x", v);
    set_mode(s, PFLASH_ARRAY);
}

static void take_count(struct pflash *s, uint8_t v)
{
    if (v >= PFLASH_BUFFER) {
        bad_sequence(s, "count of a buffered write", v);
        return;
    }
    s->count = (uint8_t)(v + 1);
    s->filled = 0;
    s->step = PFLASH_DATA;
}

static void take_data(struct pflash *s, uint32_t at, uint8_t v)
{
    if (at / s->sector_length != s->block) {
        bad_sequence(s, "byte for the block of the buffered write", v);
        return;
    }
    s->at[s->filled] = at;
    s->data[s->filled++] = v;
    if (s->filled == s->count) {
        s->step = PFLASH_CONFIRM;
    }
}

static void confirm(struct pflash *s, uint8_t v)
{
    if (v != CONFIRM) {
        bad_sequence(s, "confirmation", v);
        return;
    }
    s->step = PFLASH_COMMAND;
    for (unsigned i = 0; i < s->filled; i++) {
        program(s, s->at[i], s->data[i]);
    }
}

static void pflash_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pflash *s = opaque;
    uint32_t at = (uint32_t)off;
    uint8_t v = (uint8_t)value;

    (void)size;
    if (!may_command(s)) {
        log_line(LOG_GUEST_ERRORS, "cfi.pflash01: a write from outside system-management mode");
        return;
    }
    switch (s->step) {
    case PFLASH_PROGRAM:
        s->step = PFLASH_COMMAND;
        program(s, at, v);
        break;
    case PFLASH_ERASE:
        if (v != CONFIRM) {
            bad_sequence(s, "confirmation", v);
            break;
        }
        s->step = PFLASH_COMMAND;
        erase(s, at);
        break;
    case PFLASH_COUNT:
        take_count(s, v);
        break;
    case PFLASH_DATA:
        take_data(s, at, v);
        break;
    case PFLASH_CONFIRM:
        confirm(s, v);
        break;
    case PFLASH_IGNORE:
        s->step = PFLASH_COMMAND;
        break;
    default:
        command(s, at, v);
        break;
    }
}

/* The CFI table, from 10h on (JESD68.01): one bank of equal blocks, a 32-byte buffer. */
static uint8_t query(const struct pflash *s, uint32_t at)
{
    uint32_t blocks = s->size / s->sector_length - 1, length = s->sector_length / 256;
    const uint8_t table[] = {
        'Q',
        'R',
        'Y',
        0x01,
        0x00,
        0x31,
        0x00,
        0x00,
        0x00,
        0x00,
        0x00,
        0x45,
        0x55,
        0x00,
        0x00, /* 1bh: 4.5 to 5.5 V, no Vpp */
        0x07,
        0x07,
        0x0a,
        0x00,
        0x04,
        0x04,
        0x04,
        0x00,                                /* 1fh: typical and longest times */
        (uint8_t)g_bit_storage(s->size - 1), /* 27h: log2 of the size */
        0x00,
        0x00,
        0x05,
        0x00,
        0x01, /* 28h: x8; log2 of the buffer; regions */
        (uint8_t)blocks,
        (uint8_t)(blocks >> 8),
        (uint8_t)length,
        (uint8_t)(length >> 8),
        'P',
        'R',
        'I',
        '1',
        '0', /* 31h: no optional features */
    };

    return at >= 0x10 && at - 0x10 < sizeof(table) ? table[at - 0x10] : 0;
}

static uint64_t pflash_read(void *opaque, uint64_t off, unsigned size)
{
    const struct pflash *s = opaque;

    (void)size;
    switch (may_command(s) ? s->mode : PFLASH_ARRAY) {
    case PFLASH_STATUS:
        return s->status;
    case PFLASH_ID: /* maker, chip, and the lock bit of the block */
        return (off & 0xff) == 0 ? ID_MAKER : (off & 0xff) == 1 ? ID_CHIP : 0;
    case PFLASH_QUERY:
        return query(s, (uint32_t)off & 0xff);
    default:
        return s->rom.ram->host[off];
    }
}

static const struct mem_ops pflash_ops = {
    .read = pflash_read, .write = pflash_write, .min_size = 1, .max_size = 1
};

/* Life -------------------------------------------------------------------------------------------- */

static const struct block_front front = { 0 };

static bool check_size(struct pflash *s, GError **error)
{
    uint64_t size = block_size(s->drive);

    if (s->sector_length < PFLASH_UNIT || s->sector_length > (1u << 20) ||
        s->sector_length & (s->sector_length - 1)) {
        set_error(error,
                  "cfi.pflash01: sector-length is %u, must be a power of two, 4096 to 1048576",
                  s->sector_length);
        return false;
    }
    if (size == 0 || size > PFLASH_SIZE_MAX || size % s->sector_length) {
        set_error(error,
                  "cfi.pflash01: drive '%s' has %" G_GUINT64_FORMAT
                  " bytes, must have a multiple of %u, at most 16 MiB",
                  s->drive->id, size, s->sector_length);
        return false;
    }
    s->size = (uint32_t)size;
    return true;
}

static void pflash_unrealize(struct device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    block_drain(s->drive);
    block_detach(s->drive);
    mem_region_destroy(&s->mem);
    mem_region_destroy(&s->mmio);
    mem_region_destroy(&s->rom);
    g_clear_pointer(&s->dirty, g_free);
}

static bool pflash_realize(struct device *dev, GError **error)
{
    struct pflash *s = (struct pflash *)dev;
    struct machine *m = dev->machine;
    int result;

    if (!s->drive) {
        set_error(error, "cfi.pflash01: drive=ID is missing");
        return false;
    }
    if (!check_size(s, error) || !block_attach(s->drive, &front, s, error)) {
        return false;
    }
    if (!mem_region_init_rom(&s->rom, m, "cfi.pflash01.rom", s->size, error)) {
        block_detach(s->drive);
        return false;
    }
    result = block_read_now(s->drive, 0, s->rom.ram->host, s->size);
    if (result < 0) {
        set_error(error, "cfi.pflash01: cannot read drive '%s': %s", s->drive->id,
                  g_strerror(-result));
        mem_region_destroy(&s->rom);
        block_detach(s->drive);
        return false;
    }
    mem_region_trap_writes(&s->rom, &pflash_ops, s);
    mem_region_init_mmio(&s->mmio, m, "cfi.pflash01.command", &pflash_ops, s, s->size);
    mem_region_init_container(&s->mem, m, "cfi.pflash01", s->size);
    mem_region_add(&s->mem, 0, &s->rom, 0);
    mem_region_add(&s->mem, 0, &s->mmio, 1);
    s->dirty = g_malloc0(s->size / PFLASH_UNIT);
    s->status = SR_READY;
    set_mode(s, PFLASH_ARRAY);
    return true;
}

static void pflash_reset(struct device *dev)
{
    struct pflash *s = (struct pflash *)dev;

    s->step = PFLASH_COMMAND;
    s->status = SR_READY;
    s->count = s->filled = 0;
    s->block = 0;
    memset(s->data, 0, sizeof(s->data));
    memset(s->at, 0, sizeof(s->at));
    set_mode(s, PFLASH_ARRAY);
}

static void pflash_pre_save(struct device *dev)
{
    block_drain(((struct pflash *)dev)->drive);
}

static bool pflash_post_load(struct device *dev, GError **error)
{
    struct pflash *s = (struct pflash *)dev;
    bool ok = s->mode < PFLASH_MODES && s->step < PFLASH_STEPS && s->count <= PFLASH_BUFFER &&
              s->filled <= s->count;

    ok = ok && (s->step != PFLASH_DATA || s->filled < s->count);
    for (unsigned i = 0; ok && i < s->filled; i++) {
        ok = s->at[i] < s->size;
    }
    if (!ok) {
        pflash_reset(dev);
        set_error(error, "cfi.pflash01: the state of its command is out of bounds");
        return false;
    }
    set_mode(s, s->mode);
    return true;
}

static const struct property pflash_props[] = {
    PROP_DRIVE(struct pflash, "drive", drive, "what it holds: the id of a drive"),
    PROP_BOOL(struct pflash, "secure", secure, false,
              "commands are taken from system-management mode only"),
    PROP_U32(struct pflash, "sector-length", sector_length, 4096, "bytes that one erase clears"),
    { 0 },
};

static const struct state_row pflash_state[] = {
    STATE_INT(struct pflash, mode, 1, "what reads give"),
    STATE_INT(struct pflash, step, 1, "what the next write is"),
    STATE_INT(struct pflash, status, 1, "status register"),
    STATE_INT(struct pflash, count, 1, "bytes that the buffered write announced"),
    STATE_INT(struct pflash, filled, 1, "bytes of them that are there"),
    STATE_INT(struct pflash, block, 1, "the block of the buffered write"),
    STATE_BUF(struct pflash, data, 1, "its bytes"),
    STATE_ARRAY(struct pflash, at, 1, "their offsets"),
    { 0 },
};

const struct device_type pflash_cfi01_type = {
    .name = "cfi.pflash01",
    .summary = "NOR flash with the Intel command set",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct pflash),
    .props = pflash_props,
    .state = pflash_state,
    .realize = pflash_realize,
    .reset = pflash_reset,
    .unrealize = pflash_unrealize,
    .pre_save = pflash_pre_save,
    .post_load = pflash_post_load,
};
