/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/piix4_pm.c: the 82371AB's function 3 (8086:7113): ACPI's registers (acpi_pm.c) and the
 * SMI command port, and the SMBus host controller (hw/i2c/smbus_host.h).
 *
 * Source: Intel 82371AB (PIIX4) datasheet (290562), 7.1 to 7.3.
 * Thread: under the machine lock.
 */
#include "hw/i386/piix4_pm.h"

#include <string.h>
#include "util/log.h"

/* clang-format off */
enum config_register {
    PMBA      = 0x40,           /* bits 15-6; bit 0 is hard-wired: I/O */
    DEVACTB   = 0x58,           /* bit 25: a write to port 0xB2 is an SMI */
    PMREGMISC = 0x80,           /* bit 0: the block is decoded */
    SMBBA     = 0x90,           /* bits 15-4; bit 0 is hard-wired: I/O */
    SMBHSTCFG = 0xd2,           /* bit 0: the ports are decoded; bits 3-1: the interrupt */
};
/* clang-format on */

#define DEVACTB_APMC_EN (1u << 25)
#define SMBUS_PORTS     16u
#define SMBUS_ENABLED   0x09u /* with IRQ 9 */
/* Global status and control, in the block. */
#define GLBSTS     0x20u
#define APM_STS    0x20u
#define GLBCTL     0x28u
#define GLB_SMI_EN 0x01u

/* 7.2.3: the same for suspend to disk and soft off. */
const struct acpi_sleep_types piix4_sleep_types = { .s3 = 1, .s4 = 0, .s5 = 0 };

static uint8_t block_byte(struct piix4_pm *s, unsigned off)
{
    switch (off) {
    case 0 ... 11:
        return acpi_pm_read(&s->pm, off);
    case PM_GPE0 ... PM_GPE0 + 1:
        return s->pm.gpe_status[off - PM_GPE0];
    case PM_GPE0 + 2 ... PM_GPE0 + 3:
        return s->pm.gpe_enable[off - PM_GPE0 - 2];
    default:
        return s->scratch[off];
    }
}

/* A 32-bit read must not see the timer tick between its bytes. */
static uint64_t block_read(void *opaque, uint64_t off, unsigned size)
{
    struct piix4_pm *s = opaque;
    uint64_t v = 0;

    if (off == PM_TIMER && size == 4) {
        return acpi_pm_timer(&s->pm);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)block_byte(s, (unsigned)off + i) << (8 * i);
    }
    return v;
}

static void block_write_byte(struct piix4_pm *s, unsigned off, uint8_t value)
{
    switch (off) {
    case PM_GPE0 ... PM_GPE0 + 1:
        acpi_pm_gpe_write(&s->pm, off - PM_GPE0, value, false);
        break;
    case PM_GPE0 + 2 ... PM_GPE0 + 3:
        acpi_pm_gpe_write(&s->pm, off - PM_GPE0 - 2, value, true);
        break;
    case GLBSTS ... GLBSTS + 1:
        s->scratch[off] &= (uint8_t)~value;
        break;
    default:
        s->scratch[off] = value;
    }
}

static void block_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct piix4_pm *s = opaque;

    if (off < PM_GPE0) { /* whole registers: a sleep request is one event */
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
    struct piix4_pm *s = opaque;

    (void)size;
    return off ? s->apm_status : s->apm_command;
}

/* 7.1.16, 7.2.9: the status is set in any case, the SMI has two switches. */
static void raise_smi(struct piix4_pm *s)
{
    bool enabled = pci_config_load(&s->pci, DEVACTB, 4) & DEVACTB_APMC_EN;

    if (enabled) {
        s->scratch[GLBSTS] |= APM_STS;
    }
    if (enabled && (s->scratch[GLBCTL] & GLB_SMI_EN)) {
        irq_pulse(&s->smi);
    }
}

/* ACPI 6.4, 4.8.3.2: the command hands the machine over from firmware to the OS, or back. */
static void smi_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct piix4_pm *s = opaque;

    (void)size;
    if (off) {
        s->apm_status = (uint8_t)value;
        return;
    }
    s->apm_command = (uint8_t)value;
    if (value == PM_ACPI_ENABLE || value == PM_ACPI_DISABLE) {
        acpi_pm_set_sci_enable(&s->pm, value == PM_ACPI_ENABLE);
    } else {
        log_line(LOG_DEVICE, "PIIX4_PM: SMI command 0x%02x", (unsigned)value);
    }
    raise_smi(s);
}

static const struct mem_ops block_ops = {
    .read = block_read, .write = block_write, .min_size = 1, .max_size = 4
};
static const struct mem_ops smi_ops = {
    .read = smi_read, .write = smi_write, .min_size = 1, .max_size = 1
};

/* Puts the block where PMBA says, while PMREGMISC says so; base 0 would hide the DMA controller. */
static void update_block(struct piix4_pm *s)
{
    uint32_t base = pci_config_load(&s->pci, PMBA, 4) & 0xffc0;

    mem_transaction_begin(s->pci.dev.machine);
    mem_region_set_addr(&s->block, base);
    mem_region_set_enabled(&s->block, base && (s->pci.config[PMREGMISC] & 1));
    mem_transaction_commit(s->pci.dev.machine);
    if (s->block.enabled && s->moved) {
        s->moved(s->moved_opaque, (uint16_t)base);
    }
}

static void update_smbus(struct piix4_pm *s)
{
    uint32_t base = pci_config_load(&s->pci, SMBBA, 4) & 0xfff0;

    mem_transaction_begin(s->pci.dev.machine);
    mem_region_set_addr(&s->smbus.ports, base);
    mem_region_set_enabled(&s->smbus.ports, base && (s->pci.config[SMBHSTCFG] & 1));
    mem_transaction_commit(s->pci.dev.machine);
}

static bool covers(unsigned off, unsigned size, unsigned reg, unsigned n)
{
    return off < reg + n && off + size > reg;
}

static void piix4_pm_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    if (covers(off, size, PMBA, 4) || covers(off, size, PMREGMISC, 1)) {
        update_block((struct piix4_pm *)d);
    }
    if (covers(off, size, SMBBA, 4) || covers(off, size, SMBHSTCFG, 1)) {
        update_smbus((struct piix4_pm *)d);
    }
}

void piix4_pm_place(struct piix4_pm *s, uint16_t base)
{
    pci_config_store(&s->pci, PMBA, (base & 0xffc0u) | 1, 4);
    s->pci.config[PMREGMISC] |= 1;
    s->pci.config[PCI_INT_LINE] = 9;
    pci_config_store(&s->pci, SMBBA, PIIX4_SMBUS_BASE | 1, 4);
    s->pci.config[SMBHSTCFG] = SMBUS_ENABLED;
    update_block(s);
    update_smbus(s);
}

static bool piix4_pm_realize(struct device *dev, GError **error)
{
    static const struct pci_ident ident = {
        .vendor = 0x8086, .device = 0x7113, .revision = 3, .class = 0x0680, .int_pin = 1
    };
    struct piix4_pm *s = (struct piix4_pm *)dev;
    struct machine *m = dev->machine;

    if (!pci_device_setup(&s->pci, &ident, error)) {
        return false;
    }
    s->pci.config_written = piix4_pm_config_written;
    for (unsigned i = 0x44; i < 0x80; i++) {
        s->pci.wmask[i] = 0xff; /* device monitors and GPI control: nothing to monitor */
    }
    pci_config_set_wmask(&s->pci, PMBA, 0xffc0, 4);
    pci_config_set_wmask(&s->pci, PMREGMISC, 0x01, 1);
    pci_config_set_wmask(&s->pci, SMBBA, 0xfff0, 4);
    pci_config_set_wmask(&s->pci, SMBHSTCFG, 0x0f, 1);

    mem_region_init_mmio(&s->block, m, "piix4-pm", &block_ops, s, PM_BLOCK_SIZE);
    mem_region_init_mmio(&s->smi_ports, m, "apm-io", &smi_ops, s, 2);
    mem_region_set_enabled(&s->block, false);
    mem_region_add(&m->system_io, 0, &s->block, 1);
    mem_region_add(&m->system_io, PM_SMI_COMMAND_PORT, &s->smi_ports, 0);
    smbus_host_init(&s->smbus, m, dev, "piix4-smbus", SMBUS_PORTS, false);
    mem_region_set_enabled(&s->smbus.ports, false);
    mem_region_add(&m->system_io, 0, &s->smbus.ports, 1);
    acpi_pm_init(&s->pm, m, &piix4_sleep_types);
    acpi_pci_hotplug_init(&s->hotplug, &s->pm, pci_bus_of(&s->pci));
    return true;
}

static void piix4_pm_reset(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;
    uint32_t pmba = (uint32_t)pci_config_load(&s->pci, PMBA, 4);
    uint8_t enabled = s->pci.config[PMREGMISC];

    pci_device_reset(&s->pci);
    /* The block stays where it is over a suspend: firmware asks for an SMI before it places it. */
    pci_config_store(&s->pci, PMBA, dev->machine->waking ? pmba : 1, 4);
    s->pci.config[PMREGMISC] = dev->machine->waking ? enabled : 0;
    pci_config_store(&s->pci, SMBBA, 1, 4);
    /* Without SMM, firmware finds its work done. */
    pci_config_store(&s->pci, DEVACTB, s->smi.handler ? 0 : DEVACTB_APMC_EN, 4);
    s->apm_command = s->apm_status = 0;
    memset(s->scratch, 0, sizeof(s->scratch));
    acpi_pm_reset(&s->pm);
    smbus_host_reset(&s->smbus);
    update_block(s);
    update_smbus(s);
}

static void piix4_pm_unrealize(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    acpi_pci_hotplug_destroy(&s->hotplug);
    acpi_pm_destroy(&s->pm);
    smbus_host_destroy(&s->smbus);
    mem_region_destroy(&s->block);
    mem_region_destroy(&s->smi_ports);
    pci_device_teardown(&s->pci);
}

static bool piix4_pm_post_load(struct device *dev, GError **error)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    if (!pci_device_post_load(&s->pci, error) || !acpi_pm_post_load(&s->pm, error) ||
        !smbus_host_post_load(&s->smbus, error)) {
        return false;
    }
    update_block(s);
    update_smbus(s);
    return true;
}

static const struct property piix4_pm_props[] = {
    PCI_PROPS(struct piix4_pm, pci),
    ACPI_PM_PROPS(struct piix4_pm, pm),
    { 0 },
};
static const struct state_row piix4_pm_state[] = {
    PCI_STATE(struct piix4_pm, pci),
    STATE_SUB(struct piix4_pm, pm, 1, acpi_pm_state, 1, "ACPI's registers"),
    STATE_INT(struct piix4_pm, apm_command, 1, "port 0xB2"),
    STATE_INT(struct piix4_pm, apm_status, 1, "port 0xB3"),
    STATE_BUF(struct piix4_pm, scratch, 1, "registers without an effect"),
    STATE_SUB(struct piix4_pm, hotplug, 1, acpi_pci_hotplug_state, 2, "PCI hot-plug"),
    STATE_SUB(struct piix4_pm, smbus, 1, smbus_host_state, 3, "SMBus"),
    { 0 },
};

const struct device_type piix4_pm_type = {
    .name = "PIIX4_PM",
    .summary = "Intel 82371AB power management",
    .bus = BUS_PCI,
    .internal = true,
    .size = sizeof(struct piix4_pm),
    .props = piix4_pm_props,
    .state = piix4_pm_state,
    .realize = piix4_pm_realize,
    .reset = piix4_pm_reset,
    .unrealize = piix4_pm_unrealize,
    .post_load = piix4_pm_post_load,
};
