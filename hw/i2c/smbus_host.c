/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i2c/smbus_host.c: see smbus_host.h, also for the sources and the thread. */
#include "hw/i2c/smbus_host.h"

#include <string.h>
#include "hw/i2c/i2c.h"
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum smbus_register {
    HST_STS = 0x00, HST_CNT = 0x02, HST_CMD = 0x03, XMIT_SLVA = 0x04, HST_D0 = 0x05, HST_D1 = 0x06,
    HOST_BLOCK_DB = 0x07, AUX_CTL = 0x0d, PIN_CTL = 0x0f,
};
enum smbus_status {
    STS_BUSY = 1 << 0, STS_INTR = 1 << 1, STS_DEV_ERR = 1 << 2, STS_BUS_ERR = 1 << 3, STS_FAILED = 1 << 4,
    STS_INUSE = 1 << 6, STS_BYTE_DONE = 1 << 7,
    STS_CAUSES = 0x9e,          /* what interrupts */
};
enum smbus_control { CNT_INTREN = 1 << 0, CNT_KILL = 1 << 1, CNT_LAST_BYTE = 1 << 5, CNT_START = 1 << 6, CNT_PEC = 1 << 7 };
enum smbus_protocol { QUICK, BYTE, BYTE_DATA, WORD_DATA, PROCESS_CALL, BLOCK, I2C_READ };
/* clang-format on */
#define AUX_BLOCK_BUFFER 0x02u
#define PINS_HIGH        0x07u /* clock and data, and the clock is not held */

struct i2c_device *i2c_find(struct bus *bus, unsigned address)
{
    for (unsigned i = 0; i < bus->devices->len; i++) {
        struct i2c_device *d = g_ptr_array_index(bus->devices, i);

        if (d->address == address) {
            return d;
        }
    }
    return NULL;
}

static void update_irq(struct smbus_host *s)
{
    irq_set(&s->irq, (s->control & CNT_INTREN) && (s->status & STS_CAUSES));
}

static void finish(struct smbus_host *s, unsigned status)
{
    s->flow = FLOW_NONE;
    s->status = (uint8_t)((s->status & ~STS_BUSY) | status);
}

/* Transfers ------------------------------------------------------------------------------------- */

static bool write_bytes(struct i2c_device *d, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!d->write(d, bytes[i])) {
            return false;
        }
    }
    return true;
}

/* The command was sent; the device is called again, to be read. */
static bool turn(struct smbus_host *s, struct i2c_device *d)
{
    d->start(d, false);
    if (!d->write(d, s->command)) {
        return false;
    }
    d->start(d, true);
    return true;
}

static bool simple(struct smbus_host *s, struct i2c_device *d, unsigned protocol, bool read)
{
    const uint8_t out[] = { s->command, s->data0, s->data1 };
    unsigned n = protocol == WORD_DATA || protocol == PROCESS_CALL ? 2 : 1;

    if (protocol == QUICK || protocol == BYTE) {
        d->start(d, read);
        if (protocol == BYTE && read) {
            s->data0 = d->read(d);
        }
        return protocol == QUICK || read || d->write(d, s->command);
    }
    if (protocol != PROCESS_CALL && !read) {
        d->start(d, false);
        return write_bytes(d, out, 1 + n);
    }
    if (protocol == PROCESS_CALL) {
        d->start(d, false);
        if (!write_bytes(d, out, 1 + n)) {
            return false;
        }
        d->start(d, true);
    } else if (!turn(s, d)) {
        return false;
    }
    s->data0 = d->read(d);
    if (n == 2) {
        s->data1 = d->read(d);
    }
    return true;
}

/* A block in one go. */
static bool block(struct smbus_host *s, struct i2c_device *d, bool read)
{
    s->index = 0;
    if (!read) {
        unsigned n = s->data0;

        if (n == 0 || n > SMBUS_BLOCK_MAX) {
            return false;
        }
        d->start(d, false);
        return d->write(d, s->command) && d->write(d, s->data0) && write_bytes(d, s->block, n);
    }
    if (!turn(s, d)) {
        return false;
    }
    s->data0 = d->read(d);
    if (s->data0 == 0 || s->data0 > SMBUS_BLOCK_MAX) {
        return false;
    }
    for (unsigned i = 0; i < s->data0; i++) {
        s->block[i] = d->read(d);
    }
    return true;
}

/* Byte by byte (19.2.2, "Byte done") ------------------------------------------------------------- */

static void read_next(struct smbus_host *s, struct i2c_device *d)
{
    s->block[0] = d->read(d);
    if (s->counted ? --s->left == 0 : !!(s->control & CNT_LAST_BYTE)) {
        s->left = 0;
    } else if (!s->counted) {
        s->left = 1;
    }
    s->status |= STS_BYTE_DONE;
}

/* A block, or as many bytes as software wants from where DATA1 says. */
static bool begin_flow(struct smbus_host *s, struct i2c_device *d, bool i2c_read, bool read)
{
    s->counted = !i2c_read;
    if (i2c_read) {
        d->start(d, false);
        if (!d->write(d, s->data1)) {
            return false;
        }
        d->start(d, true);
    } else if (read) {
        if (!turn(s, d)) {
            return false;
        }
        s->data0 = d->read(d);
    } else {
        d->start(d, false);
        if (!d->write(d, s->command) || !d->write(d, s->data0)) {
            return false;
        }
    }
    if (s->counted && (s->data0 == 0 || s->data0 > SMBUS_BLOCK_MAX)) {
        return false;
    }
    s->left = s->data0;
    s->flow = i2c_read || read ? FLOW_READ : FLOW_WRITE;
    if (s->flow == FLOW_READ) {
        read_next(s, d);
        return true;
    }
    s->left--;
    s->status |= STS_BYTE_DONE;
    return d->write(d, s->block[0]);
}

/* Software has done with a byte. */
static void go_on(struct smbus_host *s)
{
    struct i2c_device *d = i2c_find(&s->bus, s->address >> 1);

    if (s->left == 0) {
        finish(s, STS_INTR);
    } else if (!d) {
        finish(s, STS_DEV_ERR);
    } else if (s->flow == FLOW_READ) {
        read_next(s, d);
    } else {
        s->left--;
        s->status |= STS_BYTE_DONE;
        if (!d->write(d, s->block[0])) {
            finish(s, STS_DEV_ERR);
        }
    }
}

static void start(struct smbus_host *s)
{
    unsigned protocol = s->control >> 2 & 7;
    struct i2c_device *d = i2c_find(&s->bus, s->address >> 1);
    bool read = s->address & 1, ok;

    if (s->status & STS_BUSY) {
        return;
    }
    s->status |= STS_BUSY;
    if (!d || protocol > I2C_READ ||
        (!s->ich && (protocol == PROCESS_CALL || protocol == I2C_READ)) ||
        (s->control & CNT_PEC)) { /* nobody here knows of PEC */
        finish(s, STS_DEV_ERR);
        return;
    }
    if (protocol == I2C_READ ||
        (protocol == BLOCK && s->ich && !(s->aux_control & AUX_BLOCK_BUFFER))) {
        if (!begin_flow(s, d, protocol == I2C_READ, read)) {
            finish(s, STS_DEV_ERR);
        }
        return;
    }
    ok = protocol == BLOCK ? block(s, d, read) : simple(s, d, protocol, read);
    finish(s, ok ? STS_INTR : STS_DEV_ERR);
}

/* Registers ------------------------------------------------------------------------------------- */

static void write_status(struct smbus_host *s, uint8_t value)
{
    bool byte_done = s->status & value & STS_BYTE_DONE;

    s->status &= (uint8_t) ~(value & ~STS_BUSY);
    if (byte_done && s->flow != FLOW_NONE) {
        go_on(s);
    }
}

static void write_control(struct smbus_host *s, uint8_t value)
{
    s->control = value & (uint8_t)~CNT_START;
    if (!s->ich) {
        s->control &= (uint8_t) ~(CNT_LAST_BYTE | CNT_PEC);
        if (value & CNT_INTREN) {
            log_line(LOG_UNIMP, "PIIX4 SMBus: no interrupts: software polls");
        }
    }
    if (value & CNT_KILL) {
        if (s->status & STS_BUSY) {
            finish(s, STS_FAILED);
        }
    } else if (value & CNT_START) {
        start(s);
    }
}

/* The buffer, or without one the byte that is under way. */
static uint8_t *block_byte(struct smbus_host *s)
{
    bool buffer = !s->ich || (s->aux_control & AUX_BLOCK_BUFFER);
    uint8_t *byte = &s->block[buffer ? s->index % SMBUS_BLOCK_MAX : 0];

    s->index = (uint8_t)((s->index + 1) % SMBUS_BLOCK_MAX);
    return byte;
}

static uint8_t read_status(struct smbus_host *s)
{
    uint8_t v = s->status;

    if (s->ich) {
        s->status |= STS_INUSE; /* a semaphore: whoever reads 0 has it */
    }
    return v;
}

static uint64_t ports_read(void *opaque, uint64_t off, unsigned size)
{
    struct smbus_host *s = opaque;

    (void)size;
    switch (off) {
    case HST_STS:
        return read_status(s);
    case HST_CNT:
        s->index = 0;
        return s->control;
    case HST_CMD:
        return s->command;
    case XMIT_SLVA:
        return s->address;
    case HST_D0:
        return s->data0;
    case HST_D1:
        return s->data1;
    case HOST_BLOCK_DB:
        return *block_byte(s);
    case AUX_CTL:
        return s->aux_control;
    case PIN_CTL:
        return s->ich ? PINS_HIGH : 0;
    default:
        return 0;
    }
}

static void ports_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct smbus_host *s = opaque;
    uint8_t v = (uint8_t)value;

    (void)size;
    switch (off) {
    case HST_STS:
        write_status(s, v);
        break;
    case HST_CNT:
        write_control(s, v);
        break;
    case HST_CMD:
        s->command = v;
        break;
    case XMIT_SLVA:
        s->address = v;
        break;
    case HST_D0:
        s->data0 = v;
        break;
    case HST_D1:
        s->data1 = v;
        break;
    case HOST_BLOCK_DB:
        *block_byte(s) = v;
        break;
    case AUX_CTL:
        s->aux_control = s->ich ? v & AUX_BLOCK_BUFFER : 0;
        break;
    default:
        break; /* the slave's side, of which nobody makes use */
    }
    update_irq(s);
}

static const struct mem_ops ports_ops = {
    .read = ports_read, .write = ports_write, .min_size = 1, .max_size = 1
};

/* Life ------------------------------------------------------------------------------------------ */

void smbus_host_init(struct smbus_host *s, struct machine *m, struct device *parent,
                     const char *name, unsigned n_ports, bool ich)
{
    s->machine = m;
    s->ich = ich;
    bus_init(&s->bus, m, BUS_I2C, "i2c", parent);
    mem_region_init_mmio(&s->ports, m, name, &ports_ops, s, n_ports);
}

void smbus_host_reset(struct smbus_host *s)
{
    s->status = s->control = s->command = s->address = s->data0 = s->data1 = s->aux_control = 0;
    s->index = s->left = 0;
    s->flow = FLOW_NONE;
    s->counted = false;
    memset(s->block, 0, sizeof(s->block));
    update_irq(s);
}

void smbus_host_destroy(struct smbus_host *s)
{
    mem_region_destroy(&s->ports);
    bus_destroy(&s->bus);
}

bool smbus_host_post_load(struct smbus_host *s, GError **error)
{
    if (s->flow >= FLOW_COUNT || s->left > SMBUS_BLOCK_MAX || s->index >= SMBUS_BLOCK_MAX ||
        (s->flow != FLOW_NONE) != !!(s->status & STS_BUSY)) {
        set_error(error, "SMBus: a transfer that cannot be");
        return false;
    }
    update_irq(s);
    return true;
}

const struct state_row smbus_host_state[] = {
    STATE_INT(struct smbus_host, status, 1, "host status"),
    STATE_INT(struct smbus_host, control, 1, "host control"),
    STATE_INT(struct smbus_host, command, 1, "host command"),
    STATE_INT(struct smbus_host, address, 1, "device, and whether it is read"),
    STATE_INT(struct smbus_host, data0, 1, "data, or a block's size"),
    STATE_INT(struct smbus_host, data1, 1, "data"),
    STATE_INT(struct smbus_host, aux_control, 1, "bit 1: blocks in one go"),
    STATE_BUF(struct smbus_host, block, 1, "the block, or its byte under way"),
    STATE_INT(struct smbus_host, index, 1, "of the block's next byte"),
    STATE_INT(struct smbus_host, flow, 1, "between two bytes of a read, of a write"),
    STATE_INT(struct smbus_host, left, 1, "bytes to come"),
    STATE_INT(struct smbus_host, counted, 1, "they were counted before"),
    { 0 },
};
