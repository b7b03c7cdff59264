/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/i440fx.c: the 82441FX host bridge (8086:1237): PAM and SMRAM.  Its memory timing and
 * error registers are plain bytes.
 *
 * Source: Intel 440FX PCIset datasheet (290549), 3.2.18 "PAM", 3.2.19 "SMRAM".
 * Invariants: of a segment's three regions at most one is enabled; none is where RAM below answers.
 * Thread:     under the machine lock.
 */
#include "hw/i386/i440fx.h"

#include "util/log.h"

#define PAM0  0x59
#define SMRAM 0x72
/* PAM: one nibble a segment. */
enum { PAM_READ = 1, PAM_WRITE = 2 };
/* SMRAM. */
enum { SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCKED = 0x10, SMRAM_ENABLE = 0x08 };
#define SMRAM_BASE_SEG 0x02 /* hard-wired: 0xa0000 */

#define SHADOW_BASE  0xc0000u
#define SHADOW_SIZE  0x40000u
#define SEGMENT_SIZE 0x4000u
#define EMPTY_BASE   0xa0000u
#define EMPTY_SIZE   0x60000u

/*
 * Segment 12 is 0xf0000-0xfffff: PAM0's high nibble.  The rest follows two a register from PAM1
 * on.
 */
static unsigned pam_mode(const struct i440fx *s, unsigned segment)
{
    unsigned reg = segment == 12 ? PAM0 : PAM0 + 1 + segment / 2;
    unsigned shift = segment == 12 || segment % 2 ? 4 : 0;

    return s->pci.config[reg] >> shift & (PAM_READ | PAM_WRITE);
}

static uint64_t segment_base(unsigned segment)
{
    return SHADOW_BASE + segment * (uint64_t)SEGMENT_SIZE;
}

static uint64_t segment_size(unsigned segment)
{
    return segment == 12 ? 4 * SEGMENT_SIZE : SEGMENT_SIZE;
}

static void update_memory(struct i440fx *s)
{
    mem_transaction_begin(s->pci.dev.machine);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        unsigned mode = pam_mode(s, i);

        mem_region_set_enabled(&s->pam_pci[i], mode == 0);
        mem_region_set_enabled(&s->pam_readonly[i], mode == PAM_READ);
        mem_region_set_enabled(&s->pam_shadow[i], mode == PAM_WRITE);
    }
    mem_region_set_enabled(&s->smram, !(s->pci.config[SMRAM] & SMRAM_OPEN));
    mem_transaction_commit(s->pci.dev.machine);
}

static uint64_t shadow_read(void *opaque, uint64_t off, unsigned size)
{
    struct i440fx *s = opaque;

    return address_space_load(&s->pci_space, SHADOW_BASE + off, size);
}

static void shadow_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct i440fx *s = opaque;
    struct ram_block *ram = s->ram->ram;

    if (!ram || SHADOW_BASE + off + size > ram->size) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        ram->host[SHADOW_BASE + off + i] = (uint8_t)(value >> (8 * i));
    }
    ram_written(s->pci.dev.machine, ram, SHADOW_BASE + off, size);
}

/* Without it RAM would shine through where nothing on the PCI bus answers. */
static uint64_t empty_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)size;
    log_line(LOG_UNIMP, "i440FX: read of 0x%x: nothing answers", EMPTY_BASE + (unsigned)off);
    return UINT64_MAX;
}

static void empty_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)value;
    (void)size;
    log_line(LOG_UNIMP, "i440FX: write of 0x%x: nothing answers", EMPTY_BASE + (unsigned)off);
}

static const struct mem_ops empty_ops = {
    .read = empty_read, .write = empty_write, .min_size = 1, .max_size = 8
};
static const struct mem_ops shadow_ops = {
    .read = shadow_read, .write = shadow_write, .min_size = 1, .max_size = 8
};

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
    for (unsigned i = 1; i < 7; i++) {
        s->pci.config[PAM0 + i] = (PAM_READ | PAM_WRITE) * 0x11;
    }
    update_memory(s);
}

static void make_regions(struct i440fx *s)
{
    struct machine *m = s->pci.dev.machine;

    mem_region_init_mmio(&s->empty, m, "pci-empty", &empty_ops, s, EMPTY_SIZE);
    mem_region_add(s->pci_memory, EMPTY_BASE, &s->empty, -1);
    mem_region_init_mmio(&s->shadow, m, "pam-shadow", &shadow_ops, s, SHADOW_SIZE);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        uint64_t base = segment_base(i), size = segment_size(i);

        mem_region_init_alias(&s->pam_pci[i], m, "pam-pci", s->pci_memory, base, size);
        mem_region_init_alias(&s->pam_readonly[i], m, "pam-rom", s->ram, base, size);
        mem_region_set_readonly(&s->pam_readonly[i], true);
        mem_region_init_alias(&s->pam_shadow[i], m, "pam-write", &s->shadow, base - SHADOW_BASE,
                              size);
        mem_region_add(&m->system_memory, base, &s->pam_pci[i], 1);
        mem_region_add(&m->system_memory, base, &s->pam_readonly[i], 1);
        mem_region_add(&m->system_memory, base, &s->pam_shadow[i], 1);
    }
    mem_region_init_alias(&s->smram, m, "smram-pci", s->pci_memory, 0xa0000, 0x20000);
    mem_region_add(&m->system_memory, 0xa0000, &s->smram, 1);
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
    for (unsigned i = 0; i < 7; i++) {
        s->pci.wmask[PAM0 + i] = i == 0 ? 0xf0 : 0xff;
    }
    for (unsigned i = 0; i < 8; i++) {
        s->pci.wmask[0x60 + i] = 0xff; /* DRB: row boundaries, which firmware fills in */
    }
    s->pci.wmask[SMRAM] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE;

    mem_transaction_begin(dev->machine);
    make_regions(s);
    update_memory(s);
    mem_transaction_commit(dev->machine);
    address_space_init(&s->pci_space, dev->machine, s->pci_memory, "pci");
    return true;
}

static void i440fx_reset(struct device *dev)
{
    struct i440fx *s = (struct i440fx *)dev;

    s->pci.wmask[SMRAM] = SMRAM_OPEN | SMRAM_CLOSED | SMRAM_LOCKED | SMRAM_ENABLE;
    pci_device_reset(&s->pci);
    s->pci.config[SMRAM] = SMRAM_BASE_SEG;
    update_memory(s);
}

static void i440fx_unrealize(struct device *dev)
{
    struct i440fx *s = (struct i440fx *)dev;

    mem_transaction_begin(dev->machine);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        mem_region_destroy(&s->pam_pci[i]);
        mem_region_destroy(&s->pam_readonly[i]);
        mem_region_destroy(&s->pam_shadow[i]);
    }
    mem_region_destroy(&s->smram);
    mem_region_destroy(&s->shadow);
    mem_region_destroy(&s->empty);
    mem_transaction_commit(dev->machine);
    address_space_destroy(&s->pci_space);
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
