/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/i440fx.c: the 82441FX host bridge (8086:1237): PAM and SMRAM.  Its memory timing and
 * error registers are plain bytes.
 *
 * Source: Intel 440FX PCIset datasheet (290549), 3.2.18 "PAM", 3.2.19 "SMRAM".
 * Thread: under the machine lock.
 */
#include "hw/i386/i440fx.h"

#include <string.h>
#include "util/log.h"

#define PAM0  0x59
#define SMRAM 0x72

static void update_memory(struct i440fx *s)
{
    pam_update(&s->pam, s->pci.config + PAM0, s->pci.config[SMRAM]);
}

/* D_LCK freezes the register until reset, and closes SMRAM; D_OPEN and D_CLS exclude each other. */
static void smram_written(struct i440fx *s)
{
    uint8_t *reg = &s->pci.config[SMRAM];

    if (*reg & SMRAM_LOCKED) {
        *reg &= (uint8_t)~SMRAM_OPEN;
        s->pci.wmask[SMRAM] = SMRAM_CLOSED;
    }
    if ((*reg & SMRAM_OPEN) && (*reg & SMRAM_CLOSED)) {
        log_line(LOG_GUEST_ERRORS, "i440FX: SMRAM is both open and closed");
    }
}

static void i440fx_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    struct i440fx *s = (struct i440fx *)d;

    if (off <= SMRAM && off + size > SMRAM) {
        smram_written(s);
    }
    if (off <= SMRAM && off + size > PAM0) {
        update_memory(s);
    }
}

void i440fx_open_ram(struct i440fx *s)
{
    s->pci.config[PAM0] = (PAM_READ | PAM_WRITE) << 4;
    for (unsigned i = 1; i < PAM_REGISTERS; i++) {
        s->pci.config[PAM0 + i] = (PAM_READ | PAM_WRITE) * 0x11;
    }
    update_memory(s);
}

static bool i440fx_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x1237, .revision = 2, .class = 0x0600
    };
    struct i440fx *s = (struct i440fx *)dev;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = i440fx_config_written;
    pci_config_set_wmask(&s->pci, 0x50, 0xffff, 2); /* PMC and DTC: performance only */
    pci_config_set_wmask(&s->pci, 0x57, 0xff, 1);   /* DRAMC */
    for (unsigned i = 0; i < PAM_REGISTERS; i++) {
        s->pci.wmask[PAM0 + i] = i == 0 ? 0xf0 : 0xff;
    }
    for (unsigned i = 0; i < 8; i++) {
        s->pci.wmask[0x60 + i] = 0xff; /* DRB: row boundaries, which firmware fills in */
    }
    s->pci.wmask[SMRAM] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE;

    mem_transaction_begin(dev->machine);
    pam_init(&s->pam, dev->machine, s->ram, s->pci_memory);
    update_memory(s);
    mem_transaction_commit(dev->machine);
    return true;
}

static void i440fx_reset(struct device *dev)
{
    struct i440fx *s = (struct i440fx *)dev;
    uint8_t pam[PAM_REGISTERS];

    s->pci.wmask[SMRAM] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE;
    memcpy(pam, s->pci.config + PAM0, sizeof(pam));
    pci_device_reset(&s->pci);
    if (dev->machine->waking) { /* firmware's code for this lies in the RAM that they show */
        memcpy(s->pci.config + PAM0, pam, sizeof(pam));
    }
    s->pci.config[SMRAM] = SMRAM_BASE_SEG;
    update_memory(s);
}

static void i440fx_unrealize(struct device *dev)
{
    struct i440fx *s = (struct i440fx *)dev;

    pam_destroy(&s->pam);
    pci_device_teardown(&s->pci);
}

static bool i440fx_post_load(struct device *dev, GError **error)
{
    struct i440fx *s = (struct i440fx *)dev;

    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    s->pci.wmask[SMRAM] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE;
    smram_written(s);
    update_memory(s);
    return true;
}

static const struct property i440fx_props[] = { PCI_PROPS(struct i440fx, pci), { 0 } };
static const struct state_row i440fx_state[] = { PCI_STATE(struct i440fx, pci), { 0 } };

const struct device_type i440fx_type = {
    .name = "i440FX",
    .summary = "Intel 82441FX host bridge",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct i440fx),
    .props = i440fx_props,
    .state = i440fx_state,
    .realize = i440fx_realize,
    .reset = i440fx_reset,
    .unrealize = i440fx_unrealize,
    .post_load = i440fx_post_load,
};
