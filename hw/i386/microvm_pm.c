/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/microvm_pm.c: see microvm_pm.h, also for the thread. */
#include "hw/i386/microvm_pm.h"

#include "hw/i386/piix4_pm.h"
#include "util/log.h"

static uint8_t block_byte(struct microvm_pm *s, unsigned off)
{
    switch (off) {
    case 0 ... 11:
        return acpi_pm_read(&s->pm, off);
    case PM_GPE0 ... PM_GPE0 + 1:
        return s->pm.gpe_status[off - PM_GPE0];
    case PM_GPE0 + 2 ... PM_GPE0 + 3:
        return s->pm.gpe_enable[off - PM_GPE0 - 2];
    default:
        return 0;
    }
}

/* A 32-bit read must not see the timer tick between its bytes. */
static uint64_t block_read(void *opaque, uint64_t off, unsigned size)
{
    struct microvm_pm *s = opaque;
    uint64_t v = 0;

    if (off == PM_TIMER && size == 4) {
        return acpi_pm_timer(&s->pm);
    }
    for (unsigned i = 0; i < size; i++) {
        v |= (uint64_t)block_byte(s, (unsigned)off + i) << (8 * i);
    }
    return v;
}

static void block_write(void *opaque, uint64_t off, uint64_t value, unsigned size)
{
    struct microvm_pm *s = opaque;

    if (off < PM_GPE0) { /* whole registers: a sleep request is one event */
        acpi_pm_write(&s->pm, (unsigned)off & ~3u, (uint32_t)value << (off % 4 * 8),
                      ((1u << size) - 1) << off % 4);
    } else if (off < MICROVM_PM_RESET) {
        for (unsigned i = 0; i < size; i++) {
            unsigned at = (unsigned)off - PM_GPE0 + i;

            acpi_pm_gpe_write(&s->pm, at % 2, (uint8_t)(value >> (8 * i)), at >= 2);
        }
    } else if (off == MICROVM_PM_RESET && (value & 0xff) == MICROVM_PM_RESET_VALUE) {
        machine_request_reset(s->dev.machine, SHUTDOWN_GUEST_RESET);
    } else {
        log_line(LOG_GUEST_ERRORS, "microvm-pm: write of 0x%x at offset 0x%x", (unsigned)value,
                 (unsigned)off);
    }
}

static const struct mem_ops block_ops = {
    .read = block_read, .write = block_write, .min_size = 1, .max_size = 4
};

static bool realize(struct device *dev, GError **error)
{
    struct microvm_pm *s = (struct microvm_pm *)dev;
    struct machine *m = dev->machine;

    (void)error;
    acpi_pm_init(&s->pm, m, &piix4_sleep_types);
    mem_region_init_mmio(&s->block, m, "microvm-pm", &block_ops, s, PM_BLOCK_SIZE);
    mem_region_add(&m->system_io, s->base, &s->block, 0);
    return true;
}

static void reset(struct device *dev)
{
    struct microvm_pm *s = (struct microvm_pm *)dev;

    acpi_pm_reset(&s->pm);
    acpi_pm_set_sci_enable(&s->pm, true);
}

static void unrealize(struct device *dev)
{
    struct microvm_pm *s = (struct microvm_pm *)dev;

    acpi_pm_destroy(&s->pm);
    mem_region_destroy(&s->block);
}

static bool post_load(struct device *dev, GError **error)
{
    return acpi_pm_post_load(&((struct microvm_pm *)dev)->pm, error);
}

static const struct property props[] = {
    PROP_U8(struct microvm_pm, "disable_s3", pm.disable_s3, 1, "1: no suspend to RAM"),
    PROP_U8(struct microvm_pm, "disable_s4", pm.disable_s4, 1, "1: no suspend to disk"),
    { 0 },
};
static const struct state_row state[] = {
    STATE_SUB(struct microvm_pm, pm, 1, acpi_pm_state, 1, "ACPI's registers"),
    { 0 },
};

const struct device_type microvm_pm_type = {
    .name = "microvm-pm",
    .summary = "power management of a microvm",
    .bus = BUS_SYSTEM,
    .internal = true,
    .size = sizeof(struct microvm_pm),
    .props = props,
    .state = state,
    .realize = realize,
    .reset = reset,
    .unrealize = unrealize,
    .post_load = post_load,
};
