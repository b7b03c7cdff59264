/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/tpm/tpm_tis.c: "tpm-tis": a TPM behind a FIFO at 0xfed40000, five localities of a page each.
 *
 * Source: TCG PC Client Specific TPM Interface Specification (TIS) 1.3, chapters 10 and 11; TCG PC Client
 *         Platform TPM Profile (PTP) 1.05, 6.5 for TPM 2.0.
 * Invariants: locality 4 is the chipset's, not software's; with no active locality the state is IDLE;
 *             used <= buffer's size, and in COMPLETION taken <= used.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "hw/isa/isa.h"
#include "hw/tpm/tpm.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define LOCALITIES    5u
#define SOFTWARE      4u /* localities below this one */
#define NONE          0xffu
#define LOCALITY_SIZE 0x1000u

/* clang-format off */
enum tis_register {
    TIS_ACCESS = 0x00, TIS_INT_ENABLE = 0x08, TIS_INT_VECTOR = 0x0c, TIS_INT_STATUS = 0x10,
    TIS_INTF_CAPABILITY = 0x14, TIS_STS = 0x18, TIS_DATA_FIFO = 0x24, TIS_INTERFACE_ID = 0x30,
    TIS_XDATA_FIFO = 0x80, TIS_XDATA_FIFO_END = 0xc0, TIS_DID_VID = 0xf00, TIS_RID = 0xf04,
};
enum tis_access {
    ACCESS_ESTABLISHMENT = 1 << 0,      /* 0: there was a dynamic launch */
    ACCESS_REQUEST_USE = 1 << 1, ACCESS_PENDING_REQUEST = 1 << 2, ACCESS_SEIZE = 1 << 3,
    ACCESS_BEEN_SEIZED = 1 << 4, ACCESS_ACTIVE = 1 << 5, ACCESS_VALID = 1 << 7,
};
enum tis_sts {
    STS_RESPONSE_RETRY = 1 << 1, STS_SELF_TEST_DONE = 1 << 2, STS_EXPECT = 1 << 3,
    STS_DATA_AVAILABLE = 1 << 4, STS_GO = 1 << 5, STS_COMMAND_READY = 1 << 6, STS_VALID = 1 << 7,
    STS_BURST_SHIFT = 8, STS_CANCEL = 1 << 24, STS_RESET_ESTABLISHMENT = 1 << 25,
    STS_FAMILY_2_0 = 1 << 26,
};
enum tis_interrupt {
    INT_DATA_AVAILABLE = 1 << 0, INT_STS_VALID = 1 << 1, INT_LOCALITY = 1 << 2,
    INT_COMMAND_READY = 1 << 7, INT_ALL = 0x87, INT_POLARITY = 3 << 3, INT_LOW_LEVEL = 1 << 3,
};
/* clang-format on */
#define INT_GLOBAL_ENABLE (1u << 31)
/* Interrupts: all four, low level; transfers of up to 64 bytes; version 1.3, of TPM 2.0. */
#define CAPABILITY_1_2 (INT_ALL | 1u << 4 | 3u << 9 | 2u << 28)
#define CAPABILITY_2_0 (INT_ALL | 1u << 4 | 3u << 9 | 3u << 28)
/* PTP table 25: a FIFO, five localities, it cannot be another interface. */
#define INTERFACE_ID_2_0 (1u << 8 | 1u << 13 | 1u << 19)
#define DID_VID          0x00011014u
#define RID              0x01u

enum tis_state { IDLE, READY, RECEPTION, EXECUTION, COMPLETION, STATE_COUNT };

struct locality {
    uint8_t access; /* ACCESS_REQUEST_USE and ACCESS_BEEN_SEIZED */
    uint32_t int_enable, int_status;
    uint8_t int_vector;
};

struct tpm_tis {
    struct device dev;
    struct mem_region mmio;
    char *tpmdev;
    uint32_t irq_number;
    struct irq irq;
    struct tpm *tpm;
    struct locality localities[LOCALITIES];
    uint8_t active; /* NONE: nobody's */
    uint8_t state;  /* enum tis_state */
    bool dropped;   /* the response of the command in flight is nobody's */
    bool go_ready;  /* and READY follows it */
    uint8_t buffer[TPM_BUFFER_MAX];
    uint8_t flying[TPM_BUFFER_MAX]; /* what the TPM works on */
    uint32_t used, taken;
    struct tpm_state saved;
};

static void update_irq(struct tpm_tis *s)
{
    bool level = false;

    for (unsigned i = 0; i < LOCALITIES; i++) {
        const struct locality *l = &s->localities[i];

        level |= (l->int_enable & INT_GLOBAL_ENABLE) && (l->int_enable & l->int_status & INT_ALL);
    }
    irq_set(&s->irq, level);
}

static void raise_interrupt(struct tpm_tis *s, unsigned locality, uint32_t which)
{
    if (locality < LOCALITIES) {
        s->localities[locality].int_status |= which & s->localities[locality].int_enable;
        update_irq(s);
    }
}

/* States ---------------------------------------------------------------------------------------- */

static void become(struct tpm_tis *s, enum tis_state state)
{
    s->state = (uint8_t)state;
    s->taken = 0;
    if (state != COMPLETION) {
        s->used = 0;
    }
    if (state == READY) {
        raise_interrupt(s, s->active, INT_COMMAND_READY);
    } else if (state == COMPLETION) {
        raise_interrupt(s, s->active, INT_DATA_AVAILABLE | INT_STS_VALID);
    }
}

/* What is under way is not wanted any more; while the TPM works on it, the next one waits. */
static void abort_command(struct tpm_tis *s, bool ready)
{
    if (tpm_is_busy(s->tpm)) {
        if (!s->dropped) {
            tpm_cancel(s->tpm);
        }
        s->dropped = true;
        s->go_ready = ready;
        become(s, IDLE);
        return;
    }
    become(s, ready ? READY : IDLE);
}

static void completed(void *opaque, uint32_t len)
{
    struct tpm_tis *s = opaque;

    if (s->dropped) {
        s->dropped = false;
        if (s->go_ready) {
            s->go_ready = false;
            become(s, READY);
        }
        return;
    }
    memcpy(s->buffer, s->flying, len);
    s->used = len;
    become(s, COMPLETION);
}

/* A command says in its header how long it is; one that would not fit is taken as far as it goes. */
static uint32_t expected(const struct tpm_tis *s)
{
    uint32_t size;

    if (s->used < 6) {
        return TPM_HEADER_SIZE;
    }
    memcpy(&size, s->buffer + 2, sizeof(size));
    return MIN(GUINT32_FROM_BE(size), tpm_buffer_size(s->tpm));
}

static void execute(struct tpm_tis *s)
{
    memcpy(s->flying, s->buffer, s->used);
    s->state = EXECUTION;
    tpm_submit(s->tpm, s->active, s->flying, s->used);
}

/* Localities ------------------------------------------------------------------------------------ */

static void activate(struct tpm_tis *s, uint8_t locality)
{
    if (s->state != IDLE || s->dropped) {
        abort_command(s, false);
    }
    s->active = locality;
    if (locality != NONE) {
        s->localities[locality].access &= (uint8_t)~ACCESS_REQUEST_USE;
    }
}

/* The highest one that asked is next. */
static void relinquish(struct tpm_tis *s)
{
    uint8_t next = NONE;

    for (uint8_t i = 0; i < SOFTWARE; i++) {
        next = s->localities[i].access & ACCESS_REQUEST_USE ? i : next;
    }
    activate(s, next);
    if (next != NONE) {
        raise_interrupt(s, next, INT_LOCALITY);
    }
}

static void write_access(struct tpm_tis *s, uint8_t locality, uint8_t value)
{
    struct locality *l = &s->localities[locality];

    if (value & ACCESS_ACTIVE) {
        if (s->active == locality) {
            relinquish(s);
        } else {
            l->access &= (uint8_t)~ACCESS_REQUEST_USE;
        }
    }
    if (value & ACCESS_BEEN_SEIZED) {
        l->access &= (uint8_t)~ACCESS_BEEN_SEIZED;
    }
    if ((value & ACCESS_SEIZE) && s->active != NONE && locality > s->active) {
        s->localities[s->active].access |= ACCESS_BEEN_SEIZED;
        activate(s, locality);
    } else if ((value & (ACCESS_REQUEST_USE | ACCESS_SEIZE)) && s->active == NONE) {
        activate(s, locality);
    } else if ((value & ACCESS_REQUEST_USE) && s->active != locality) {
        l->access |= ACCESS_REQUEST_USE;
    }
}

static uint8_t read_access(const struct tpm_tis *s, uint8_t locality)
{
    uint8_t v = (uint8_t)(s->localities[locality].access | ACCESS_VALID);

    for (uint8_t i = 0; i < SOFTWARE; i++) {
        if (i != locality && (s->localities[i].access & ACCESS_REQUEST_USE)) {
            v |= ACCESS_PENDING_REQUEST;
        }
    }
    v |= s->active == locality ? ACCESS_ACTIVE : 0;
    v |= tpm_established(s->tpm) ? 0 : ACCESS_ESTABLISHMENT;
    return v;
}

/* Status and data ------------------------------------------------------------------------------- */

static uint32_t read_sts(const struct tpm_tis *s)
{
    uint32_t v = 0, burst = 0;

    switch ((enum tis_state)s->state) {
    case READY:
        v = STS_VALID | STS_COMMAND_READY;
        burst = tpm_buffer_size(s->tpm);
        break;
    case RECEPTION:
        burst = expected(s) - MIN(s->used, expected(s));
        v = STS_VALID | (burst ? STS_EXPECT : 0);
        break;
    case COMPLETION:
        burst = s->used - s->taken;
        v = STS_VALID | (burst ? STS_DATA_AVAILABLE : 0);
        break;
    default:
        break;
    }
    v |= STS_SELF_TEST_DONE | burst << STS_BURST_SHIFT;
    return v | (tpm_version(s->tpm) == TPM_VERSION_2_0 ? STS_FAMILY_2_0 : 0);
}

static void write_sts(struct tpm_tis *s, uint32_t value)
{
    if (tpm_version(s->tpm) == TPM_VERSION_2_0) {
        if ((value & STS_CANCEL) && s->state == EXECUTION) {
            tpm_cancel(s->tpm);
        }
        if ((value & STS_RESET_ESTABLISHMENT) && s->active == 3) {
            tpm_reset_established(s->tpm, s->active);
        }
    }
    if (value & STS_COMMAND_READY) {
        abort_command(s, true);
    } else if (value & STS_GO) {
        if (s->state == RECEPTION && s->used >= expected(s)) {
            execute(s);
        }
    } else if ((value & STS_RESPONSE_RETRY) && s->state == COMPLETION) {
        s->taken = 0;
    }
}

static void write_fifo(struct tpm_tis *s, uint8_t byte)
{
    if (s->state == READY) {
        become(s, RECEPTION);
    }
    if (s->state == RECEPTION && s->used < expected(s)) {
        s->buffer[s->used++] = byte;
        if (s->used == expected(s)) {
            raise_interrupt(s, s->active, INT_STS_VALID);
        }
    }
}

static uint8_t read_fifo(struct tpm_tis *s)
{
    uint8_t byte = 0xff;

    if (s->state == COMPLETION && s->taken < s->used) {
        byte = s->buffer[s->taken++];
        if (s->taken == s->used) {
            raise_interrupt(s, s->active, INT_STS_VALID);
        }
    }
    return byte;
}

/* Registers ------------------------------------------------------------------------------------- */

static bool is_fifo(unsigned reg)
{
    return (reg >= TIS_DATA_FIFO && reg < TIS_DATA_FIFO + 4) ||
           (reg >= TIS_XDATA_FIFO && reg < TIS_XDATA_FIFO_END);
}

/* The 32-bit register that holds it. */
static uint32_t read_register(struct tpm_tis *s, uint8_t locality, unsigned reg)
{
    const struct locality *l = &s->localities[locality];
    bool v2 = tpm_version(s->tpm) == TPM_VERSION_2_0;

    switch (reg) {
    case TIS_ACCESS:
        return read_access(s, locality);
    case TIS_INT_ENABLE:
        return l->int_enable;
    case TIS_INT_VECTOR:
        return l->int_vector;
    case TIS_INT_STATUS:
        return l->int_status;
    case TIS_INTF_CAPABILITY:
        return v2 ? CAPABILITY_2_0 : CAPABILITY_1_2;
    case TIS_STS:
        return s->active == locality ? read_sts(s) : UINT32_MAX;
    case TIS_INTERFACE_ID:
        return v2 ? INTERFACE_ID_2_0 : UINT32_MAX;
    case TIS_DID_VID:
        return DID_VID;
    case TIS_RID:
        return RID;
    default:
        return UINT32_MAX;
    }
}

static uint64_t tis_read(void *opaque, uint64_t off, unsigned size)
{
    struct tpm_tis *s = opaque;
    uint8_t locality = (uint8_t)(off / LOCALITY_SIZE);
    unsigned reg = off % LOCALITY_SIZE;
    uint32_t v = 0;

    if (locality >= SOFTWARE) {
        return UINT32_MAX;
    }
    if (is_fifo(reg)) {
        for (unsigned i = 0; i < size; i++) {
            v |= (uint32_t)(s->active == locality ? read_fifo(s) : 0xff) << 8 * i;
        }
        return v;
    }
    return read_register(s, locality, reg & ~3u) >> 8 * (reg & 3);
}

/* `v` and `mask` are in the place that they have in the register. */
static void write_register(struct tpm_tis *s, uint8_t locality, unsigned reg, uint32_t v,
                           uint32_t mask)
{
    struct locality *l = &s->localities[locality];

    switch (reg) {
    case TIS_ACCESS:
        write_access(s, locality, (uint8_t)v);
        break;
    case TIS_INT_ENABLE:
        if (s->active == locality) {
            v = (l->int_enable & ~mask) | v;
            l->int_enable = (v & (INT_GLOBAL_ENABLE | INT_ALL)) | INT_LOW_LEVEL;
            update_irq(s);
        }
        break;
    case TIS_INT_VECTOR:
        if (mask & 0xff) {
            l->int_vector = v & 0xf;
        }
        break;
    case TIS_INT_STATUS:
        l->int_status &= ~v;
        update_irq(s);
        break;
    case TIS_STS:
        if (s->active == locality) {
            write_sts(s, v);
        }
        break;
    default:
        log_line(LOG_GUEST_ERRORS, "tpm-tis: write of register 0x%x", reg);
    }
}

static void tis_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct tpm_tis *s = opaque;
    uint8_t locality = (uint8_t)(off / LOCALITY_SIZE);
    unsigned reg = off % LOCALITY_SIZE, shift = 8 * (reg & 3);
    uint32_t mask = (uint32_t)((1ull << 8 * size) - 1);

    if (locality >= SOFTWARE) {
        log_line(LOG_GUEST_ERRORS, "tpm-tis: write in locality %u", locality);
        return;
    }
    if (is_fifo(reg)) {
        for (unsigned i = 0; i < size && s->active == locality; i++) {
            write_fifo(s, (uint8_t)(value >> 8 * i));
        }
        return;
    }
    write_register(s, locality, reg & ~3u, ((uint32_t)value & mask) << shift, mask << shift);
}

static const struct mem_ops tis_ops = {
    .read = tis_read, .write = tis_write, .min_size = 1, .max_size = 4
};

/* Life ------------------------------------------------------------------------------------------ */

static bool tis_realize(struct device *dev, GError **error)
{
    struct tpm_tis *s = (struct tpm_tis *)dev;
    const struct tpm_front front = { tpm_tis_type.name, completed, s };
    const struct irq *line = isa_irq(dev, s->irq_number);

    if (s->irq_number >= ISA_IRQS) {
        set_error(error, "tpm-tis: irq is %u, must be 0 to %u", s->irq_number, ISA_IRQS - 1);
        return false;
    }
    s->tpm = tpm_attach(dev->machine, s->tpmdev, &front, error);
    if (!s->tpm) {
        return false;
    }
    s->irq = line ? *line : (struct irq){ 0 };
    tpm_state_init(&s->saved);
    mem_region_init_mmio(&s->mmio, dev->machine, "tpm-tis-mmio", &tis_ops, s,
                         LOCALITIES * LOCALITY_SIZE);
    mem_region_add(&dev->machine->system_memory, TPM_MMIO_BASE, &s->mmio, 1);
    return true;
}

static void tis_reset(struct device *dev)
{
    struct tpm_tis *s = (struct tpm_tis *)dev;

    tpm_restart(s->tpm, sizeof(s->buffer));
    memset(s->localities, 0, sizeof(s->localities));
    for (unsigned i = 0; i < LOCALITIES; i++) {
        s->localities[i].int_enable = INT_LOW_LEVEL;
    }
    s->active = NONE;
    s->state = IDLE;
    s->dropped = s->go_ready = false;
    s->used = s->taken = 0;
    memset(s->buffer, 0, sizeof(s->buffer));
    update_irq(s);
}

static void tis_unrealize(struct device *dev)
{
    struct tpm_tis *s = (struct tpm_tis *)dev;

    tpm_detach(s->tpm);
    tpm_state_clear(&s->saved);
    mem_region_destroy(&s->mmio);
}

static void tis_pre_save(struct device *dev)
{
    struct tpm_tis *s = (struct tpm_tis *)dev;

    tpm_save(s->tpm, &s->saved);
}

static bool tis_post_load(struct device *dev, GError **error)
{
    struct tpm_tis *s = (struct tpm_tis *)dev;

    if (s->used > sizeof(s->buffer) || s->taken > s->used || s->state >= STATE_COUNT ||
        s->state == EXECUTION || s->dropped || (s->active >= SOFTWARE && s->active != NONE) ||
        (s->active == NONE && s->state != IDLE)) {
        set_error(error, "tpm-tis: a state that it cannot be in");
        return false;
    }
    if (!tpm_load(s->tpm, &s->saved, sizeof(s->buffer), error)) {
        return false;
    }
    if (s->used > tpm_buffer_size(s->tpm)) {
        set_error(error, "tpm-tis: %u bytes in a buffer of %u", s->used, tpm_buffer_size(s->tpm));
        return false;
    }
    update_irq(s);
    return true;
}

static const struct property tis_props[] = {
    PROP_U32(struct tpm_tis, "irq", irq_number, 5, "ISA interrupt line"),
    PROP_STRING(struct tpm_tis, "tpmdev", tpmdev, NULL, "the id of a -tpmdev"),
    { 0 },
};
static const struct state_row locality_state[] = {
    STATE_INT(struct locality, access, 1, "requests, and whether it was seized"),
    STATE_INT(struct locality, int_enable, 1, "which interrupts are wanted"),
    STATE_INT(struct locality, int_status, 1, "which are there"),
    STATE_INT(struct locality, int_vector, 1, "without an effect"),
    { 0 },
};
static const struct state_row tis_state[] = {
    STATE_SUB(struct tpm_tis, localities, LOCALITIES, locality_state, 1, "localities"),
    STATE_INT(struct tpm_tis, active, 1, "the locality that has it; 255: none"),
    STATE_INT(struct tpm_tis, state, 1, "idle, ready, reception, execution, completion"),
    STATE_BUF(struct tpm_tis, buffer, 1, "command or response"),
    STATE_INT(struct tpm_tis, used, 1, "bytes of it"),
    STATE_INT(struct tpm_tis, taken, 1, "those that were read"),
    STATE_SUB(struct tpm_tis, saved, 1, tpm_state_rows, 1, "the TPM"),
    { 0 },
};

const struct device_type tpm_tis_type = {
    .name = "tpm-tis",
    .summary = "a TPM behind a FIFO (TIS)",
    .bus = BUS_ISA,
    .size = sizeof(struct tpm_tis),
    .props = tis_props,
    .state = tis_state,
    .realize = tis_realize,
    .reset = tis_reset,
    .unrealize = tis_unrealize,
    .pre_save = tis_pre_save,
    .post_load = tis_post_load,
};
