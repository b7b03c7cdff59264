/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/tpm/tpm_crb.c: "tpm-crb": a TPM 2.0 behind a command/response buffer at 0xfed40000, of locality 0.
 *
 * Source: TCG PC Client Platform TPM Profile (PTP) 1.05, 6.4.
 * Invariant: while a command is in flight (`start`) the guest cannot write the buffer.
 * Thread:    under the machine lock.
 */
#include <string.h>
#include "hw/tpm/tpm.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define CRB_SIZE   0x1000u
#define CRB_BUFFER 0x80u
#define CRB_ROOM   (CRB_SIZE - CRB_BUFFER)

/* clang-format off */
enum crb_register {
    CRB_LOC_STATE = 0x00, CRB_LOC_CTRL = 0x08, CRB_LOC_STS = 0x0c, CRB_INTF_ID = 0x30, CRB_INTF_ID_HIGH = 0x34,
    CRB_CTRL_REQ = 0x40, CRB_CTRL_STS = 0x44, CRB_CTRL_CANCEL = 0x48, CRB_CTRL_START = 0x4c,
    CRB_CMD_SIZE = 0x58, CRB_CMD_ADDR = 0x5c, CRB_RSP_SIZE = 0x64, CRB_RSP_ADDR = 0x68,
};
enum crb_bits {
    LOC_STATE_ESTABLISHED = 1 << 0, LOC_STATE_ASSIGNED = 1 << 1, LOC_STATE_VALID = 1 << 7,
    LOC_CTRL_REQUEST = 1 << 0, LOC_CTRL_RELINQUISH = 1 << 1, LOC_CTRL_RESET_ESTABLISHMENT = 1 << 3,
    LOC_STS_GRANTED = 1 << 0,
    REQ_READY = 1 << 0, REQ_IDLE = 1 << 1,
    STS_IDLE = 1 << 1,
};
/* clang-format on */
/* PTP table 25: CRB, version 1, idle bypass, transfers of 64 bytes, CRB alone, which is locked; revision 0. */
#define INTF_ID      (1u | 1u << 4 | 1u << 9 | 3u << 11 | 1u << 14 | 1u << 17 | 1u << 19)
#define INTF_ID_HIGH 0x00011014u

struct tpm_crb {
    struct device dev;
    struct mem_region mmio;
    char *tpmdev;
    struct tpm *tpm;
    bool granted, idle, start;
    uint8_t buffer[CRB_ROOM];
    uint8_t flying[CRB_ROOM]; /* what the TPM works on */
    struct tpm_state saved;
};

static void completed(void *opaque, uint32_t len)
{
    struct tpm_crb *s = opaque;

    memcpy(s->buffer, s->flying, len);
    s->start = false;
}

/* The command says how long it is. */
static void start(struct tpm_crb *s)
{
    uint32_t size;

    if (!s->granted || s->start) {
        return;
    }
    s->idle = false; /* firmware does not ask it to get ready, which the bypass allows */
    memcpy(&size, s->buffer + 2, sizeof(size));
    size = MIN(GUINT32_FROM_BE(size), tpm_buffer_size(s->tpm));
    memcpy(s->flying, s->buffer, size);
    s->start = true;
    tpm_submit(s->tpm, 0, s->flying, size);
}

static uint32_t read_register(const struct tpm_crb *s, unsigned reg)
{
    switch (reg) {
    case CRB_LOC_STATE:
        return LOC_STATE_VALID | (s->granted ? LOC_STATE_ASSIGNED : 0) |
               (tpm_established(s->tpm) ? 0 : LOC_STATE_ESTABLISHED);
    case CRB_LOC_STS:
        return s->granted ? LOC_STS_GRANTED : 0;
    case CRB_INTF_ID:
        return INTF_ID;
    case CRB_INTF_ID_HIGH:
        return INTF_ID_HIGH;
    case CRB_CTRL_STS:
        return s->idle ? STS_IDLE : 0;
    case CRB_CTRL_START:
        return s->start;
    case CRB_CMD_SIZE:
    case CRB_RSP_SIZE:
        return tpm_buffer_size(s->tpm);
    case CRB_CMD_ADDR:
    case CRB_RSP_ADDR:
        return TPM_MMIO_BASE + CRB_BUFFER;
    default:
        return 0;
    }
}

static uint64_t crb_read(void *opaque, uint64_t off, unsigned size)
{
    const struct tpm_crb *s = opaque;
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++, off++) {
        uint8_t byte = off >= CRB_BUFFER ? s->buffer[off - CRB_BUFFER]
                                         : (uint8_t)(read_register(s, off & ~3u) >> 8 * (off & 3));

        v |= (uint64_t)byte << 8 * i;
    }
    return v;
}

static void write_loc_ctrl(struct tpm_crb *s, uint32_t v)
{
    if (v & LOC_CTRL_RELINQUISH) {
        s->granted = false;
    }
    if (v & LOC_CTRL_REQUEST) {
        s->granted = true;
    }
    if (v & LOC_CTRL_RESET_ESTABLISHMENT) {
        log_line(LOG_GUEST_ERRORS, "tpm-crb: locality 0 may not reset the establishment");
    }
}

static void write_register(struct tpm_crb *s, unsigned reg, uint32_t v)
{
    switch (reg) {
    case CRB_LOC_CTRL:
        write_loc_ctrl(s, v);
        break;
    case CRB_CTRL_REQ:
        if (s->granted && !s->start) {
            s->idle = v & REQ_READY ? false : v & REQ_IDLE ? true : s->idle;
        }
        break;
    case CRB_CTRL_CANCEL:
        if ((v & 1) && s->start) {
            tpm_cancel(s->tpm);
        }
        break;
    case CRB_CTRL_START:
        if (v & 1) {
            start(s);
        }
        break;
    default:
        log_line(LOG_GUEST_ERRORS, "tpm-crb: write of register 0x%x", reg);
    }
}

static void crb_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct tpm_crb *s = opaque;

    if (off < CRB_BUFFER) {
        write_register(s, (unsigned)off & ~3u, (uint32_t)value << 8 * (off & 3));
        return;
    }
    for (unsigned i = 0; i < size && s->granted && !s->start; i++) {
        s->buffer[off - CRB_BUFFER + i] = (uint8_t)(value >> 8 * i);
    }
}

static const struct mem_ops crb_ops = {
    .read = crb_read, .write = crb_write, .min_size = 1, .max_size = 4
};

static bool crb_realize(struct device *dev, GError **error)
{
    struct tpm_crb *s = (struct tpm_crb *)dev;
    const struct tpm_front front = { tpm_crb_type.name, completed, s };

    s->tpm = tpm_attach(dev->machine, s->tpmdev, &front, error);
    if (!s->tpm) {
        return false;
    }
    if (tpm_version(s->tpm) != TPM_VERSION_2_0) {
        set_error(error,
                  "tpm-crb: tpmdev '%s' is a TPM 1.2, must be a TPM 2.0 (swtpm --tpm2); or "
                  "use tpm-tis",
                  s->tpmdev);
        tpm_detach(s->tpm);
        return false;
    }
    tpm_state_init(&s->saved);
    mem_region_init_mmio(&s->mmio, dev->machine, "tpm-crb-mmio", &crb_ops, s, CRB_SIZE);
    mem_region_add(&dev->machine->system_memory, TPM_MMIO_BASE, &s->mmio, 1);
    return true;
}

static void crb_reset(struct device *dev)
{
    struct tpm_crb *s = (struct tpm_crb *)dev;

    tpm_restart(s->tpm, CRB_ROOM);
    s->granted = s->start = false;
    s->idle = true;
    memset(s->buffer, 0, sizeof(s->buffer));
}

static void crb_unrealize(struct device *dev)
{
    struct tpm_crb *s = (struct tpm_crb *)dev;

    tpm_detach(s->tpm);
    tpm_state_clear(&s->saved);
    mem_region_destroy(&s->mmio);
}

static void crb_pre_save(struct device *dev)
{
    struct tpm_crb *s = (struct tpm_crb *)dev;

    tpm_save(s->tpm, &s->saved);
}

static bool crb_post_load(struct device *dev, GError **error)
{
    struct tpm_crb *s = (struct tpm_crb *)dev;

    return tpm_load(s->tpm, &s->saved, CRB_ROOM, error);
}

static const struct property crb_props[] = {
    PROP_STRING(struct tpm_crb, "tpmdev", tpmdev, NULL, "the id of a -tpmdev"),
    { 0 },
};
static const struct state_row crb_state[] = {
    STATE_INT(struct tpm_crb, granted, 1, "software has locality 0"),
    STATE_INT(struct tpm_crb, idle, 1, "it sleeps"),
    STATE_BUF(struct tpm_crb, buffer, 1, "command or response"),
    STATE_SUB(struct tpm_crb, saved, 1, tpm_state_rows, 1, "the TPM"),
    { 0 },
};

const struct device_type tpm_crb_type = {
    .name = "tpm-crb",
    .summary = "a TPM 2.0 behind a command and response buffer (CRB)",
    .bus = BUS_NONE,
    .size = sizeof(struct tpm_crb),
    .props = crb_props,
    .state = crb_state,
    .realize = crb_realize,
    .reset = crb_reset,
    .unrealize = crb_unrealize,
    .pre_save = crb_pre_save,
    .post_load = crb_post_load,
};
