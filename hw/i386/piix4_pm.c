/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/piix4_pm.c: the 82371AB's function 3 (8086:7113): PM1 events and control, the PM timer,
 * GPE0 and the SMI command port.  The SMBus host is not modelled: its registers are plain bytes.
 *
 * Source: Intel 82371AB (PIIX4) datasheet (290562), 7.1 and 7.2; ACPI 6.4, 4.8.
 * Invariants: SCI = SCI_EN and (an enabled PM1 event or an enabled GPE).  The timer's overflow is a
 *             matter of time: `overflow` is the next one that `status` has not seen; the host's
 *             timer runs only while the overflow could interrupt.
 * Thread:     under the machine lock.
 */
#include "hw/i386/piix4_pm.h"

#include <inttypes.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"

/* clang-format off */
enum pm1_event {                /* status and enable */
    PM1_TIMER    = 1 << 0,
    PM1_BUSMASTER= 1 << 4,
    PM1_GLOBAL   = 1 << 5,
    PM1_POWER    = 1 << 8,
    PM1_RTC      = 1 << 10,
    PM1_WAKE     = 1 << 15,
};
#define PM1_STATUS_BITS (PM1_TIMER | PM1_BUSMASTER | PM1_GLOBAL | PM1_POWER | PM1_RTC | PM1_WAKE)
#define PM1_ENABLE_BITS (PM1_TIMER | PM1_GLOBAL | PM1_POWER | PM1_RTC)
enum pm1_control {
    PM1_SCI_EN   = 1 << 0,
    PM1_SLP_TYP_SHIFT = 10,
    PM1_SLP_EN   = 1 << 13,     /* reads 0 */
};
#define PM1_CONTROL_BITS 0x1c03u
enum config_register {
    PMBA      = 0x40,           /* bits 15-6; bit 0 is hard-wired: I/O */
    DEVACTB   = 0x58,           /* bit 25: a write to port 0xB2 is an SMI */
    PMREGMISC = 0x80,           /* bit 0: the block is decoded */
    SMBBA     = 0x90,
};
/* clang-format on */

#define DEVACTB_APMC_EN (1u << 25)
/* Global status and control, in the block. */
#define GLBSTS     0x20u
#define APM_STS    0x20u
#define GLBCTL     0x28u
#define GLB_SMI_EN 0x01u

/* Ticks between two overflows: bit 23 of a 24-bit counter toggles. */
#define TIMER_HALF (1u << 23)

static uint64_t timer_ticks(const struct piix4_pm *s)
{
    return muldiv64((uint64_t)clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL), PM_TIMER_HZ,
                    NS_PER_SEC);
}

/* The first virtual ns at which the counter shows `ticks`. */
static int64_t ticks_to_ns(uint64_t ticks)
{
    return (int64_t)muldiv64(ticks, NS_PER_SEC, PM_TIMER_HZ) + 1;
}

static void schedule_overflow(struct piix4_pm *s)
{
    s->overflow = ticks_to_ns((timer_ticks(s) / TIMER_HALF + 1) * TIMER_HALF);
}

/* Brings the status of the timer, its alarm and the SCI up to date. */
static void update(struct piix4_pm *s)
{
    bool event;

    if (clock_now(s->pci.dev.machine, CLOCK_KIND_VIRTUAL) >= s->overflow) {
        s->status |= PM1_TIMER;
        schedule_overflow(s);
    }
    if ((s->enable & PM1_TIMER) && !(s->status & PM1_TIMER)) {
        timer_arm(&s->timer, s->overflow);
    } else {
        timer_disarm(&s->timer);
    }
    event = (s->status & s->enable & PM1_ENABLE_BITS) || (s->gpe_status & s->gpe_enable);
    irq_set(&s->sci, event && (s->control & PM1_SCI_EN));
}

static void timer_fired(void *opaque)
{
    update(opaque);
}

void piix4_pm_power_button(void *opaque, int n, bool level)
{
    struct piix4_pm *s = opaque;

    (void)n;
    if (level) {
        s->status |= PM1_POWER;
        update(s);
    }
}

static void sleep_requested(struct piix4_pm *s)
{
    unsigned type = s->control >> PM1_SLP_TYP_SHIFT & 7;

    if (type == PM_SLP_TYP_S5) {
        machine_request_shutdown(s->pci.dev.machine, SHUTDOWN_GUEST_SHUTDOWN);
    } else {
        log_line(LOG_UNIMP, "PIIX4_PM: sleep type %u", type);
    }
}

/* The 16-bit register at an even offset of the block; what has no effect is a plain word. */
static uint16_t block_word(struct piix4_pm *s, unsigned off)
{
    switch (off) {
    case PM_EVENT:
        return s->status;
    case PM_EVENT + 2:
        return s->enable;
    case PM_CONTROL:
        return s->control;
    case PM_TIMER:
        return (uint16_t)timer_ticks(s);
    case PM_TIMER + 2:
        return timer_ticks(s) >> 16 & 0xff; /* 24 bits */
    case PM_GPE0:
        return s->gpe_status;
    case PM_GPE0 + 2:
        return s->gpe_enable;
    default:
        return (uint16_t)(s->scratch[off] | s->scratch[off + 1] << 8);
    }
}

/* mask: the bits of the word that the guest's access covers. */
static void block_word_write(struct piix4_pm *s, unsigned off, uint16_t value, uint16_t mask)
{
    switch (off) {
    case PM_EVENT:
        s->status &= (uint16_t) ~(value & mask);
        break;
    case PM_EVENT + 2:
        s->enable = (uint16_t)((s->enable & ~mask) | (value & mask)) & PM1_ENABLE_BITS;
        break;
    case PM_CONTROL:
        s->control = (uint16_t)((s->control & ~mask) | (value & mask)) & PM1_CONTROL_BITS;
        if (value & mask & PM1_SLP_EN) {
            sleep_requested(s);
        }
        break;
    case PM_TIMER:
    case PM_TIMER + 2:
        log_line(LOG_GUEST_ERRORS, "PIIX4_PM: the PM timer is read-only");
        break;
    case PM_GPE0:
        s->gpe_status &= (uint16_t) ~(value & mask);
        break;
    case PM_GPE0 + 2:
        s->gpe_enable = (uint16_t)((s->gpe_enable & ~mask) | (value & mask));
        break;
    case GLBSTS:
        value = (uint16_t)(block_word(s, off) & ~(value & mask));
        s->scratch[off] = (uint8_t)value;
        s->scratch[off + 1] = (uint8_t)(value >> 8);
        break;
    default:
        value = (uint16_t)((block_word(s, off) & ~mask) | (value & mask));
        s->scratch[off] = (uint8_t)value;
        s->scratch[off + 1] = (uint8_t)(value >> 8);
    }
}

/* A 32-bit read must not see the timer tick between its halves. */
static uint64_t block_read(void *opaque, uint64_t off, unsigned size)
{
    struct piix4_pm *s = opaque;
    unsigned even = (unsigned)off & ~1u;

    update(s);
    if (even == PM_TIMER && size == 4) {
        return timer_ticks(s) & 0xffffff;
    }
    if (size == 4) {
        return block_word(s, even) | (uint32_t)block_word(s, even + 2) << 16;
    }
    return block_word(s, even) >> (off & 1 ? 8 : 0);
}

static void block_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct piix4_pm *s = opaque;
    unsigned even = (unsigned)off & ~1u;

    update(s);
    if (size == 4) {
        block_word_write(s, even, (uint16_t)value, 0xffff);
        block_word_write(s, even + 2, (uint16_t)(value >> 16), 0xffff);
    } else if (size == 2) {
        block_word_write(s, even, (uint16_t)value, 0xffff);
    } else if (off & 1) {
        block_word_write(s, even, (uint16_t)(value << 8), 0xff00);
    } else {
        block_word_write(s, even, (uint16_t)value, 0x00ff);
    }
    update(s);
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
    if (value == PM_ACPI_ENABLE) {
        s->control |= PM1_SCI_EN;
    } else if (value == PM_ACPI_DISABLE) {
        s->control &= (uint16_t)~PM1_SCI_EN;
    } else {
        log_line(LOG_DEVICE, "PIIX4_PM: SMI command 0x%02x", (unsigned)value);
    }
    update(s);
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

static void piix4_pm_config_written(struct pci_device *d, unsigned off, unsigned size)
{
    if ((off < PMBA + 4 && off + size > PMBA) || (off <= PMREGMISC && off + size > PMREGMISC)) {
        update_block((struct piix4_pm *)d);
    }
}

void piix4_pm_place(struct piix4_pm *s, uint16_t base)
{
    pci_config_store(&s->pci, PMBA, (base & 0xffc0u) | 1, 4);
    s->pci.config[PMREGMISC] |= 1;
    s->pci.config[PCI_INT_LINE] = 9;
    update_block(s);
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
    pci_config_set_wmask(&s->pci, 0xd2, 0x0f, 1);

    mem_region_init_mmio(&s->block, m, "piix4-pm", &block_ops, s, PM_BLOCK_SIZE);
    mem_region_init_mmio(&s->smi_ports, m, "apm-io", &smi_ops, s, 2);
    mem_region_set_enabled(&s->block, false);
    mem_region_add(&m->system_io, 0, &s->block, 1);
    mem_region_add(&m->system_io, PM_SMI_COMMAND_PORT, &s->smi_ports, 0);
    timer_init(&s->timer, m, CLOCK_KIND_VIRTUAL, timer_fired, s);
    return true;
}

static void piix4_pm_reset(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    pci_device_reset(&s->pci);
    pci_config_store(&s->pci, PMBA, 1, 4);
    pci_config_store(&s->pci, SMBBA, 1, 4);
    /* Without SMM, firmware finds its work done. */
    pci_config_store(&s->pci, DEVACTB, s->smi.handler ? 0 : DEVACTB_APMC_EN, 4);
    s->status = s->enable = s->control = s->gpe_status = s->gpe_enable = 0;
    s->apm_command = s->apm_status = 0;
    memset(s->scratch, 0, sizeof(s->scratch));
    schedule_overflow(s);
    update_block(s);
    update(s);
}

static void piix4_pm_unrealize(struct device *dev)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    timer_disarm(&s->timer);
    mem_region_destroy(&s->block);
    mem_region_destroy(&s->smi_ports);
    pci_device_teardown(&s->pci);
}

static bool piix4_pm_post_load(struct device *dev, GError **error)
{
    struct piix4_pm *s = (struct piix4_pm *)dev;

    if (s->overflow < 0) {
        set_error(error, "PIIX4_PM: overflow is %" PRId64 ", must not be negative", s->overflow);
        return false;
    }
    if (!pci_device_post_load(&s->pci, error)) {
        return false;
    }
    s->status &= PM1_STATUS_BITS;
    s->enable &= PM1_ENABLE_BITS;
    s->control &= PM1_CONTROL_BITS;
    update_block(s);
    update(s);
    return true;
}

static const struct property piix4_pm_props[] = { PCI_PROPS(struct piix4_pm, pci), { 0 } };
static const struct state_row piix4_pm_state[] = {
    PCI_STATE(struct piix4_pm, pci),
    STATE_INT(struct piix4_pm, status, 1, "PM1 status"),
    STATE_INT(struct piix4_pm, enable, 1, "PM1 enable"),
    STATE_INT(struct piix4_pm, control, 1, "PM1 control"),
    STATE_INT(struct piix4_pm, gpe_status, 1, "GPE0 status"),
    STATE_INT(struct piix4_pm, gpe_enable, 1, "GPE0 enable"),
    STATE_INT(struct piix4_pm, apm_command, 1, "port 0xB2"),
    STATE_INT(struct piix4_pm, apm_status, 1, "port 0xB3"),
    STATE_BUF(struct piix4_pm, scratch, 1, "registers without an effect"),
    STATE_INT(struct piix4_pm, overflow, 1, "virtual ns of the timer's next overflow"),
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
