/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/ich9_pm.c: the ICH9's power management block at PMBASE, the SMI command port, and the
 * chipset configuration registers at RCBA, which are plain bytes.
 *
 * Source: Intel I/O Controller Hub 9 datasheet (316972), 13.8.3 (PMBASE), 10.1 (RCBA).
 * Thread: under the machine lock.
 */
#include "hw/i386/ich9_lpc.h"

#include <string.h>
#include "hw/i386/piix4_pm.h"
#include "util/log.h"

/* clang-format off */
enum pm_offset {
    PM_GPE0_ENABLE  = 0x28,
    PM_SMI_EN       = 0x30,
    PM_SMI_STS      = 0x34,
};
/* clang-format on */
/* SMI_EN, SMI_STS: the switch of all, and a write of port 0xB2. */
enum { SMI_GLOBAL = 1 << 0, SMI_APM = 1 << 5 };
#define CHIPSET_OFFSET 0x3000u
/* DxxIR: the pins of slots 25 to 31, pin n on PIRQ n (10.1.35-10.1.41). */
#define ROUTES_IDENTITY 0x3210u

/* 13.8.3.3 */
const struct acpi_sleep_types ich9_sleep_types = { .s3 = 5, .s4 = 6, .s5 = 7 };

static uint8_t block_byte(struct ich9_lpc *s, unsigned off)
{
    switch (off) {
    case 0 ... 11:
        return acpi_pm_read(&s->pm, off);
    case ICH9_PM_GPE0 ... PM_GPE0_ENABLE - 1:
        return s->pm.gpe_status[off - ICH9_PM_GPE0];
    case PM_GPE0_ENABLE ... PM_SMI_EN - 1:
        return s->pm.gpe_enable[off - PM_GPE0_ENABLE];
    case PM_SMI_EN ... PM_SMI_STS - 1:
        return (uint8_t)(s->smi_enable >> 8 * (off - PM_SMI_EN));
    case PM_SMI_STS ... PM_SMI_STS + 3:
        return (uint8_t)(s->smi_status >> 8 * (off - PM_SMI_STS));
    default:
        return s->scratch[off];
    }
}

/* A 32-bit read must not see the timer tick between its bytes. */
static uint64_t block_read(void *opaque, uint64_t off, unsigned size)
{
    struct ich9_lpc *s = opaque;
    uint64_t v = 0;

    if (off == 8 && size == 4) {
        return acpi_pm_timer(&s->pm);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)block_byte(s, (unsigned)off + i) << (8 * i);
    }
    return v;
}

static void block_write_byte(struct ich9_lpc *s, unsigned off, uint8_t value)
{
    unsigned shift = off % 4 * 8;
    uint32_t keep;

    switch (off) {
    case ICH9_PM_GPE0 ... PM_GPE0_ENABLE - 1:
        acpi_pm_gpe_write(&s->pm, off - ICH9_PM_GPE0, value, false);
        break;
    case PM_GPE0_ENABLE ... PM_SMI_EN - 1:
        acpi_pm_gpe_write(&s->pm, off - PM_GPE0_ENABLE, value, true);
        break;
    case PM_SMI_EN ... PM_SMI_STS - 1:
        keep = ~(0xffu << shift);
        if (s->pci.config[ICH9_GEN_PMCON] & ICH9_SMI_LOCK) {
            keep |= SMI_GLOBAL;
        }
        s->smi_enable = (s->smi_enable & keep) | ((uint32_t)value << shift & ~keep);
        break;
    case PM_SMI_STS ... PM_SMI_STS + 3:
        s->smi_status &= ~((uint32_t)value << shift);
        break;
    default:
        s->scratch[off] = value;
    }
}

static void block_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ich9_lpc *s = opaque;

    if (off < 12) { /* whole registers: a sleep request is one event */
        acpi_pm_write(&s->pm, (unsigned)off & ~3u, (uint32_t)value << (off % 4 * 8),
                      ((1u << size) - 1) << off % 4);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        block_write_byte(s, (unsigned)off + i, (uint8_t)(value >> (8 * i)));
    }
}

static uint64_t smi_read(void *opaque, uint64_t off, unsigned size)
{
    struct ich9_lpc *s = opaque;

    (void)size;
    return off ? s->apm_status : s->apm_command;
}

static void smi_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ich9_lpc *s = opaque;

    (void)size;
    if (off) {
        s->apm_status = (uint8_t)value;
        return;
    }
    s->apm_command = (uint8_t)value;
    if (value == PM_ACPI_ENABLE || value == PM_ACPI_DISABLE) {
        acpi_pm_set_sci_enable(&s->pm, value == PM_ACPI_ENABLE);
    } else {
        log_line(LOG_DEVICE, "ICH9: SMI command 0x%02x", (unsigned)value);
    }
    /* 13.8.3.8: the status follows the event's own switch, the SMI both switches. */
    if (s->smi_enable & SMI_APM) {
        s->smi_status |= SMI_APM;
        if (s->smi_enable & SMI_GLOBAL) {
            ich9_smi_raise(s);
        }
    }
}

static uint64_t rcrb_read(void *opaque, uint64_t off, unsigned size)
{
    struct ich9_lpc *s = opaque;
    uint64_t v = 0;

    for (unsigned i = 0; i < size && off >= CHIPSET_OFFSET; i++) {
        v |= (uint64_t)s->chipset[off - CHIPSET_OFFSET + i] << (8 * i);
    }
    return v;
}

static void rcrb_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct ich9_lpc *s = opaque;

    if (off < CHIPSET_OFFSET) {
        log_line(LOG_UNIMP, "ICH9: write of RCBA + 0x%x", (unsigned)off);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        s->chipset[off - CHIPSET_OFFSET + i] = (uint8_t)(value >> (8 * i));
    }
    if (off >= 0x3140 && off < 0x3160) {
        log_line(LOG_UNIMP, "ICH9: interrupt routes of slots 25 to 31 stay as they are");
    }
}

static const struct mem_ops block_ops = {
    .read = block_read, .write = block_write, .min_size = 1, .max_size = 4
};
static const struct mem_ops smi_ops = {
    .read = smi_read, .write = smi_write, .min_size = 1, .max_size = 1
};
static const struct mem_ops rcrb_ops = {
    .read = rcrb_read, .write = rcrb_write, .min_size = 1, .max_size = 4
};

void ich9_pm_update(struct ich9_lpc *s)
{
    uint32_t base = pci_config_load(&s->pci, ICH9_PMBASE, 4) & 0xff80;
    uint32_t rcba = pci_config_load(&s->pci, ICH9_RCBA, 4);

    if (s->pci.config[ICH9_GEN_PMCON] & ICH9_SMI_LOCK) {
        s->pci.wmask[ICH9_GEN_PMCON] &= (uint8_t)~ICH9_SMI_LOCK;
    }
    mem_transaction_begin(s->pci.dev.machine);
    mem_region_set_addr(&s->pm_block, base);
    mem_region_set_enabled(&s->pm_block, base && (s->pci.config[ICH9_ACPI_CNTL] & 0x80));
    mem_region_set_addr(&s->rcrb, rcba & 0xffffc000);
    mem_region_set_enabled(&s->rcrb, rcba & 1);
    mem_transaction_commit(s->pci.dev.machine);
}

void ich9_pm_realize(struct ich9_lpc *s)
{
    struct machine *m = s->pci.dev.machine;

    acpi_pm_init(&s->pm, m, &ich9_sleep_types);
    mem_region_init_mmio(&s->pm_block, m, "ich9-pm", &block_ops, s, ICH9_PM_SIZE);
    mem_region_init_mmio(&s->smi_ports, m, "apm-io", &smi_ops, s, 2);
    mem_region_init_mmio(&s->rcrb, m, "lpc-rcrb-mmio", &rcrb_ops, s, ICH9_RCBA_SIZE);
    mem_region_set_enabled(&s->pm_block, false);
    mem_region_set_enabled(&s->rcrb, false);
    mem_region_add(&m->system_io, 0, &s->pm_block, 1);
    mem_region_add(&m->system_io, PM_SMI_COMMAND_PORT, &s->smi_ports, 0);
    mem_region_add(&m->system_memory, 0, &s->rcrb, 1);
}

void ich9_pm_reset(struct ich9_lpc *s)
{
    static const uint16_t routes[] = { 0x3140, 0x3142, 0x3144, 0x3146, 0x3148, 0x314c, 0x3150 };

    /* Without SMM, firmware finds its work done. */
    s->smi_enable = s->smi.handler ? 0 : SMI_APM;
    s->smi_status = 0;
    ich9_smi_reset(s);
    s->apm_command = s->apm_status = 0;
    memset(s->scratch, 0, sizeof(s->scratch));
    memset(s->chipset, 0, sizeof(s->chipset));
    for (unsigned i = 0; i < G_N_ELEMENTS(routes); i++) {
        s->chipset[routes[i] - CHIPSET_OFFSET] = ROUTES_IDENTITY & 0xff;
        s->chipset[routes[i] - CHIPSET_OFFSET + 1] = ROUTES_IDENTITY >> 8;
    }
    acpi_pm_reset(&s->pm);
    ich9_pm_update(s);
}

void ich9_pm_unrealize(struct ich9_lpc *s)
{
    acpi_pm_destroy(&s->pm);
    mem_region_destroy(&s->pm_block);
    mem_region_destroy(&s->smi_ports);
    mem_region_destroy(&s->rcrb);
}
