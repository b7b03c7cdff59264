/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pam.c: see pam.h.
 *
 * Source: Intel 440FX PCIset datasheet (290549), 3.2.18 "PAM", 3.2.19 "SMRAM"; the Q35's is the
 *         same (316966, 5.1.19-5.1.26).
 * Invariants: of a segment's three regions at most one is enabled; none is where RAM below answers.
 * Thread:     under the machine lock.
 */
#include "hw/i386/pam.h"

#include "softmmu/machine.h"
#include "util/log.h"

#define SHADOW_BASE  0xc0000u
#define SHADOW_SIZE  0x40000u
#define SEGMENT_SIZE 0x4000u
#define EMPTY_BASE   0xa0000u
#define EMPTY_SIZE   0x60000u

/*
 * Segment 12 is 0xf0000-0xfffff: PAM0's high nibble.  The rest follows two a register from PAM1
 * on.
 */
static unsigned segment_mode(const uint8_t *registers, unsigned segment)
{
    unsigned reg = segment == 12 ? 0 : 1 + segment / 2;
    unsigned shift = segment == 12 || segment % 2 ? 4 : 0;

    return registers[reg] >> shift & (PAM_READ | PAM_WRITE);
}

static uint64_t segment_base(unsigned segment)
{
    return SHADOW_BASE + segment * (uint64_t)SEGMENT_SIZE;
}

static uint64_t segment_size(unsigned segment)
{
    return segment == 12 ? 4 * SEGMENT_SIZE : SEGMENT_SIZE;
}

static void update_smram(struct pam *p)
{
    mem_region_set_enabled(&p->smram, !(p->smram_register & SMRAM_OPEN));
    mem_region_set_enabled(&p->smram_ram, p->smram_register & SMRAM_ENABLE);
}

/* The Q35 datasheet, 5.1.28: outside system-management mode the RAM below is not there. */
static uint64_t tseg_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)size;
    log_line(LOG_GUEST_ERRORS, "host bridge: read of TSEG + 0x%x from outside", (unsigned)off);
    return UINT64_MAX;
}

static void tseg_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)value;
    (void)size;
    log_line(LOG_GUEST_ERRORS, "host bridge: write of TSEG + 0x%x from outside", (unsigned)off);
}

static const struct mem_ops tseg_ops = {
    .read = tseg_read, .write = tseg_write, .min_size = 1, .max_size = 8
};

void pam_set_tseg(struct pam *p, uint64_t base, uint64_t size)
{
    if (base == p->tseg_base && size == p->tseg_size) {
        return;
    }
    mem_transaction_begin(p->machine);
    if (p->tseg_size) {
        mem_region_destroy(&p->tseg);
        mem_region_destroy(&p->tseg_ram);
    }
    p->tseg_base = base;
    p->tseg_size = size;
    if (size) {
        mem_region_init_mmio(&p->tseg, p->machine, "tseg", &tseg_ops, p, size);
        mem_region_add(&p->machine->system_memory, base, &p->tseg, 1);
        mem_region_init_alias(&p->tseg_ram, p->machine, "tseg-ram", p->ram, base, size);
        mem_region_add(&p->machine->smm_overlay, base, &p->tseg_ram, 0);
    }
    mem_transaction_commit(p->machine);
}

void pam_update(struct pam *p, const uint8_t *registers, uint8_t smram)
{
    mem_transaction_begin(p->machine);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        unsigned mode = segment_mode(registers, i);

        mem_region_set_enabled(&p->pci[i], mode == 0);
        mem_region_set_enabled(&p->readonly[i], mode == PAM_READ);
        mem_region_set_enabled(&p->shadow[i], mode == PAM_WRITE);
    }
    p->smram_register = smram;
    update_smram(p);
    mem_transaction_commit(p->machine);
}

static uint64_t shadow_read(void *opaque, uint64_t off, unsigned size)
{
    struct pam *p = opaque;

    return address_space_load(&p->pci_space, SHADOW_BASE + off, size);
}

static void shadow_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct pam *p = opaque;
    struct ram_block *ram = p->ram->ram;

    if (!ram || SHADOW_BASE + off + size > ram->size) {
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        ram->host[SHADOW_BASE + off + i] = (uint8_t)(value >> (8 * i));
    }
    ram_written(p->machine, ram, SHADOW_BASE + off, size);
}

/* Without it RAM would shine through where nothing on the PCI bus answers. */
static uint64_t empty_read(void *opaque, uint64_t off, unsigned size)
{
    (void)opaque;
    (void)size;
    log_line(LOG_UNIMP, "host bridge: read of 0x%x: nothing answers", EMPTY_BASE + (unsigned)off);
    return UINT64_MAX;
}

static void empty_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)value;
    (void)size;
    log_line(LOG_UNIMP, "host bridge: write of 0x%x: nothing answers", EMPTY_BASE + (unsigned)off);
}

static const struct mem_ops empty_ops = {
    .read = empty_read, .write = empty_write, .min_size = 1, .max_size = 8
};
static const struct mem_ops shadow_ops = {
    .read = shadow_read, .write = shadow_write, .min_size = 1, .max_size = 8
};

void pam_init(struct pam *p, struct machine *m, struct mem_region *ram,
              struct mem_region *pci_memory)
{
    p->machine = m;
    p->ram = ram;
    p->pci_memory = pci_memory;
    mem_transaction_begin(m);
    mem_region_init_mmio(&p->empty, m, "pci-empty", &empty_ops, p, EMPTY_SIZE);
    mem_region_add(pci_memory, EMPTY_BASE, &p->empty, -1);
    mem_region_init_mmio(&p->shadow_mmio, m, "pam-shadow", &shadow_ops, p, SHADOW_SIZE);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        uint64_t base = segment_base(i), size = segment_size(i);

        mem_region_init_alias(&p->pci[i], m, "pam-pci", pci_memory, base, size);
        mem_region_init_alias(&p->readonly[i], m, "pam-rom", ram, base, size);
        mem_region_set_readonly(&p->readonly[i], true);
        mem_region_init_alias(&p->shadow[i], m, "pam-write", &p->shadow_mmio, base - SHADOW_BASE,
                              size);
        mem_region_add(&m->system_memory, base, &p->pci[i], 1);
        mem_region_add(&m->system_memory, base, &p->readonly[i], 1);
        mem_region_add(&m->system_memory, base, &p->shadow[i], 1);
    }
    mem_region_init_alias(&p->smram, m, "smram-pci", pci_memory, 0xa0000, 0x20000);
    mem_region_add(&m->system_memory, 0xa0000, &p->smram, 1);
    mem_region_init_alias(&p->smram_ram, m, "smram", ram, 0xa0000, 0x20000);
    mem_region_set_enabled(&p->smram_ram, false);
    mem_region_add(&m->smm_overlay, 0xa0000, &p->smram_ram, 0);
    mem_transaction_commit(m);
    address_space_init(&p->pci_space, m, pci_memory, "pci");
}

void pam_destroy(struct pam *p)
{
    mem_transaction_begin(p->machine);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        mem_region_destroy(&p->pci[i]);
        mem_region_destroy(&p->readonly[i]);
        mem_region_destroy(&p->shadow[i]);
    }
    mem_region_destroy(&p->smram);
    mem_region_destroy(&p->smram_ram);
    if (p->tseg_size) {
        mem_region_destroy(&p->tseg);
        mem_region_destroy(&p->tseg_ram);
    }
    mem_region_destroy(&p->shadow_mmio);
    mem_region_destroy(&p->empty);
    mem_transaction_commit(p->machine);
    address_space_destroy(&p->pci_space);
}
