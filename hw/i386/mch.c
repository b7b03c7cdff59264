/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/mch.c: the Q35 host bridge (8086:29c0): PAM, SMRAM and PCIEXBAR.
 *
 * Source: Intel 3 Series Express Chipset Family datasheet (316966), 5.1: device 0.
 * Thread: under the machine lock.
 */
#include "hw/i386/mch.h"

#include <inttypes.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"

#define EXT_TSEG     0x50 /* not Intel's: MiB of the fourth size, after 0xffff was written; OVMF asks */
#define EXT_TSEG_MAX 4095u
#define PCIEXBAR     0x60
#define PAM0         0x90
#define SMRAM        0x9d
#define TSEGMB       0xac /* what firmware notes of TSEG's base */
#define ESMRAMC      0x9e
/* ESMRAMC (5.1.28); the cache bits read as ones. */
enum { ESMRAMC_TSEG = 0x01, ESMRAMC_SIZE = 0x06, ESMRAMC_CACHE = 0x38 };
/* PCIEXBAR: bit 0 enables, bits 2-1 say how many buses. */
enum { PCIEXBAR_ENABLE = 1 };
#define PCIEXBAR_ADDR  0xfffffc000000ull
#define SMRAM_WRITABLE (SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE)

static void update_ecam(struct mch *s)
{
    static const uint32_t sizes[] = { 256u << 20, 128u << 20, 64u << 20, 0 };
    uint64_t reg = pci_config_load(&s->pci, PCIEXBAR, 4) |
                   (uint64_t)pci_config_load(&s->pci, PCIEXBAR + 4, 4) << 32;
    uint64_t size = sizes[reg >> 1 & 3];

    if (!(reg & PCIEXBAR_ENABLE)) {
        size = 0;
    } else if (size == 0) {
        log_line(LOG_GUEST_ERRORS, "mch: PCIEXBAR is 0x%" PRIx64 ": reserved length", reg);
    }
    pci_ecam_place(&s->ecam, reg & PCIEXBAR_ADDR & ~(size - 1), size);
}

/* SMRAM_ENABLE is the switch of all of SMRAM. */
static void update_tseg(struct mch *s)
{
    const uint64_t sizes[] = { 1u << 20, 2u << 20, 8u << 20, (uint64_t)s->ext_tseg_mbytes << 20 };
    uint8_t reg = s->pci.config[ESMRAMC];
    uint64_t size = sizes[(reg & ESMRAMC_SIZE) >> 1];

    if (!(reg & ESMRAMC_TSEG) || !(s->pci.config[SMRAM] & SMRAM_ENABLE)) {
        size = 0;
    } else if (size == 0 || size > s->ram_below_4g) {
        log_line(LOG_GUEST_ERRORS, "mch: ESMRAMC is 0x%02x: there is no TSEG of that size", reg);
        size = 0;
    }
    pam_set_tseg(&s->pam, size ? s->ram_below_4g - size : 0, size);
}

static void update_memory(struct mch *s)
{
    pam_update(&s->pam, s->pci.config + PAM0, s->pci.config[SMRAM]);
    update_tseg(s);
}

/* D_LCK freezes the register until reset, and closes SMRAM. */
static void smram_written(struct mch *s)
{
    uint8_t *reg = &s->pci.config[SMRAM];

    if (*reg & SMRAM_LOCKED) {
        *reg &= (uint8_t)~SMRAM_OPEN;
        s->pci.wmask[SMRAM] = SMRAM_CLOSED;
        s->pci.wmask[ESMRAMC] = 0;
        pci_config_set_wmask(&s->pci, EXT_TSEG, 0, 2);
        pci_config_set_wmask(&s->pci, TSEGMB, 0, 4);
    }
}

static void mch_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct mch *s = (struct mch *)d;

    if (off <= SMRAM && off + size > SMRAM) {
        smram_written(s);
    }
    if (off < EXT_TSEG + 2 && off + size > EXT_TSEG && s->ext_tseg_mbytes &&
        pci_config_load(&s->pci, EXT_TSEG, 2) == 0xffff) {
        pci_config_store(&s->pci, EXT_TSEG, s->ext_tseg_mbytes, 2);
    }
    if (off <= ESMRAMC && off + size > PAM0) {
        update_memory(s);
    }
    if (off < PCIEXBAR + 8 && off + size > PCIEXBAR) {
        update_ecam(s);
    }
}

void mch_open_ram(struct mch *s, uint32_t ecam)
{
    s->pci.config[PAM0] = (PAM_READ | PAM_WRITE) << 4;
    for (unsigned i = 1; i < PAM_REGISTERS; i++) {
        s->pci.config[PAM0 + i] = (PAM_READ | PAM_WRITE) * 0x11;
    }
    update_memory(s);
    pci_config_store(&s->pci, PCIEXBAR, ecam | PCIEXBAR_ENABLE, 4);
    update_ecam(s);
}

/* Bases of stolen memory (5.1.36 to 5.1.39): notes of the firmware's, read again by its later stages. */
static const struct note {
    uint8_t reg, size;
    uint32_t mask;
} notes[] = {
    { 0xa4, 4, 0xfff00000 }, /* GBSM */
    { 0xa8, 4, 0xfff00000 }, /* BGSM */
    { TSEGMB, 4, 0xfff00000 },
    { 0xb0, 2, 0xfff0 }, /* TOLUD */
};

static void unlock(struct mch *s)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(notes); i++) {
        pci_config_set_wmask(&s->pci, notes[i].reg, notes[i].mask, notes[i].size);
    }
    s->pci.wmask[SMRAM] = SMRAM_WRITABLE;
    s->pci.wmask[ESMRAMC] = (uint8_t)~ESMRAMC_CACHE;
    pci_config_set_wmask(&s->pci, EXT_TSEG, s->ext_tseg_mbytes ? 0xffff : 0, 2);
}

static bool mch_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x8086, .device = 0x29c0, .class = 0x0600 };
    struct mch *s = (struct mch *)dev;

    if (s->ext_tseg_mbytes > EXT_TSEG_MAX) {
        set_error(error, "mch: extended-tseg-mbytes is %u, must be at most %u", s->ext_tseg_mbytes,
                  EXT_TSEG_MAX);
        return false;
    }
    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = mch_config_written;
    pci_config_set_wmask(&s->pci, PCIEXBAR, (uint32_t)PCIEXBAR_ADDR | 7, 4);
    pci_config_set_wmask(&s->pci, PCIEXBAR + 4, PCIEXBAR_ADDR >> 32, 4);
    for (unsigned i = 0; i < PAM_REGISTERS; i++) {
        s->pci.wmask[PAM0 + i] = i == 0 ? 0x30 : 0x33;
    }
    unlock(s);
    pci_ecam_init(&s->ecam, pci_bus_of(&s->pci));
    mem_transaction_begin(dev->machine);
    pam_init(&s->pam, dev->machine, s->ram, s->pci_memory);
    update_memory(s);
    mem_transaction_commit(dev->machine);
    return true;
}

static void mch_reset(struct device *dev)
{
    struct mch *s = (struct mch *)dev;
    uint8_t pam[PAM_REGISTERS];

    unlock(s);
    memcpy(pam, s->pci.config + PAM0, sizeof(pam));
    pci_device_reset(&s->pci);
    if (dev->machine->waking) { /* firmware's code for this lies in the RAM that they show */
        memcpy(s->pci.config + PAM0, pam, sizeof(pam));
    }
    s->pci.config[SMRAM] = SMRAM_BASE_SEG;
    s->pci.config[ESMRAMC] = ESMRAMC_CACHE;
    update_memory(s);
    update_ecam(s);
}

static void mch_unrealize(struct device *dev)
{
    struct mch *s = (struct mch *)dev;

    pci_ecam_destroy(&s->ecam);
    pam_destroy(&s->pam);
    pci_device_teardown(&s->pci);
}

static bool mch_post_load(struct device *dev, GError **error)
{
    struct mch *s = (struct mch *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    unlock(s);
    smram_written(s);
    update_memory(s);
    update_ecam(s);
    return true;
}

static const struct property mch_props[] = {
    PCI_PROPS(struct mch, pci),
    PROP_U16(struct mch, "extended-tseg-mbytes", ext_tseg_mbytes, 16,
             "MiB of TSEG's fourth size, at most 4095 (0: there is none)"),
    { 0 },
};
static const struct state_row mch_state[] = { PCI_STATE(struct mch, pci), { 0 } };

const struct device_type mch_type = {
    .name = "mch",
    .summary = "Intel Q35 host bridge",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct mch),
    .props = mch_props,
    .state = mch_state,
    .realize = mch_realize,
    .reset = mch_reset,
    .unrealize = mch_unrealize,
    .post_load = mch_post_load,
};
