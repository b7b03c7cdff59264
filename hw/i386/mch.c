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
#include "util/log.h"

#define PCIEXBAR 0x60
#define PAM0     0x90
#define SMRAM    0x9d
#define ESMRAMC  0x9e
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

static void update_memory(struct mch *s)
{
    pam_update(&s->pam, s->pci.config + PAM0, s->pci.config[SMRAM]);
}

/* D_LCK freezes the register until reset, and closes SMRAM. */
static void smram_written(struct mch *s)
{
    uint8_t *reg = &s->pci.config[SMRAM];

    if (*reg & SMRAM_LOCKED) {
        *reg &= (uint8_t)~SMRAM_OPEN;
        s->pci.wmask[SMRAM] = SMRAM_CLOSED;
        s->pci.wmask[ESMRAMC] = 0;
    }
}

static void mch_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct mch *s = (struct mch *)d;

    if (off <= SMRAM && off + size > SMRAM) {
        smram_written(s);
    }
    if (off <= SMRAM && off + size > PAM0) {
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

static void unlock(struct mch *s)
{
    s->pci.wmask[SMRAM] = SMRAM_WRITABLE;
    s->pci.wmask[ESMRAMC] = 0xff;
}

static bool mch_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = { .vendor = 0x8086, .device = 0x29c0, .class = 0x0600 };
    struct mch *s = (struct mch *)dev;

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

static const struct property mch_props[] = { PCI_PROPS(struct mch, pci), { 0 } };
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
