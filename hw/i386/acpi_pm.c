/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/i386/acpi_pm.c: see acpi_pm.h.  Thread: under the machine lock. */
#include "hw/i386/acpi_pm.h"

#include <inttypes.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"

#define STATUS_BITS                                                                                \
    (ACPI_PM1_TIMER | 1 << 4 | ACPI_PM1_GLOBAL | ACPI_PM1_POWER | ACPI_PM1_RTC | ACPI_PM1_WAKE)
#define ENABLE_BITS  (ACPI_PM1_TIMER | ACPI_PM1_GLOBAL | ACPI_PM1_POWER | ACPI_PM1_RTC)
#define CONTROL_BITS 0x1c03u
/* Ticks between two overflows: bit 23 of a 24-bit counter toggles. */
#define TIMER_HALF (1u << 23)

static uint64_t timer_ticks(const struct acpi_pm *pm)
{
    return muldiv64((uint64_t)clock_now(pm->machine, CLOCK_KIND_VIRTUAL), ACPI_PM_TIMER_HZ,
                    NS_PER_SEC);
}

static void schedule_overflow(struct acpi_pm *pm)
{
    uint64_t ticks = (timer_ticks(pm) / TIMER_HALF + 1) * TIMER_HALF;

    /* The first virtual ns at which the counter shows that. */
    pm->overflow = (int64_t)muldiv64(ticks, NS_PER_SEC, ACPI_PM_TIMER_HZ) + 1;
}

/* Brings the status of the timer, its alarm and the SCI up to date. */
static void update(struct acpi_pm *pm)
{
    bool event;

    if (clock_now(pm->machine, CLOCK_KIND_VIRTUAL) >= pm->overflow) {
        pm->status |= ACPI_PM1_TIMER;
        schedule_overflow(pm);
    }
    if ((pm->enable & ACPI_PM1_TIMER) && !(pm->status & ACPI_PM1_TIMER)) {
        timer_arm(&pm->timer, pm->overflow);
    } else {
        timer_disarm(&pm->timer);
    }
    event = pm->status & pm->enable & ENABLE_BITS;
    for (unsigned i = 0; i < ACPI_PM_GPE_MAX; i++) {
        event |= (pm->gpe_status[i] & pm->gpe_enable[i]) != 0;
    }
    irq_set(&pm->sci, event && (pm->control & ACPI_PM1_SCI_EN));
}

static void timer_fired(void *opaque)
{
    update(opaque);
}

uint32_t acpi_pm_timer(struct acpi_pm *pm)
{
    return timer_ticks(pm) & 0xffffff;
}

/* SLP_EN was written.  S4 is a power-off that the guest has prepared for. */
static void sleep_requested(struct acpi_pm *pm)
{
    unsigned type = pm->control >> ACPI_PM1_SLP_TYP_SHIFT & 7;

    if (type == 0 || type == pm->types->s5 || (type == pm->types->s4 && !pm->disable_s4)) {
        machine_request_shutdown(pm->machine, SHUTDOWN_GUEST_SHUTDOWN);
    } else if (type == pm->types->s3 && !pm->disable_s3) {
        machine_request_suspend(pm->machine);
    } else {
        log_line(LOG_GUEST_ERRORS, "ACPI: sleep type %u is not there", type);
    }
}

uint8_t acpi_pm_read(struct acpi_pm *pm, unsigned off)
{
    update(pm);
    switch (off) {
    case 0 ... 1:
        return (uint8_t)(pm->status >> 8 * off);
    case 2 ... 3:
        return (uint8_t)(pm->enable >> 8 * (off - 2));
    case 4 ... 5:
        return (uint8_t)(pm->control >> 8 * (off - 4));
    case 8 ... 11:
        return (uint8_t)(acpi_pm_timer(pm) >> 8 * (off - 8));
    default:
        return 0;
    }
}

void acpi_pm_write(struct acpi_pm *pm, unsigned off, uint32_t value, unsigned mask)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < 4; i++) {
        bits |= mask >> i & 1 ? 0xffu << (8 * i) : 0;
    }
    value &= bits;
    update(pm);
    if (off == 0) {
        pm->status &= (uint16_t)~value;
        pm->enable = (uint16_t)((pm->enable & ~(bits >> 16)) | value >> 16) & ENABLE_BITS;
    } else if (off == 4) {
        pm->control = (uint16_t)((pm->control & ~bits) | value) & CONTROL_BITS;
        if (value & ACPI_PM1_SLP_EN) {
            sleep_requested(pm);
        }
    } else {
        log_line(LOG_GUEST_ERRORS, "ACPI: the PM timer is read-only");
    }
    update(pm);
}

void acpi_pm_gpe_write(struct acpi_pm *pm, unsigned byte, uint8_t value, bool enable)
{
    if (byte >= ACPI_PM_GPE_MAX) {
        return;
    }
    if (enable) {
        pm->gpe_enable[byte] = value;
    } else {
        pm->gpe_status[byte] &= (uint8_t)~value;
    }
    update(pm);
}

void acpi_pm_power_button(void *opaque, int n, bool level)
{
    struct acpi_pm *pm = opaque;

    (void)n;
    if (level) {
        pm->status |= ACPI_PM1_POWER;
        update(pm);
        machine_request_wakeup(pm->machine, WAKE_POWER_BUTTON);
    }
}

/* The guest chooses whether the alarm wakes it (4.8.4.2). */
void acpi_pm_rtc_alarm(void *opaque, int n, bool level)
{
    struct acpi_pm *pm = opaque;

    (void)n;
    if (level) {
        pm->status |= ACPI_PM1_RTC;
        update(pm);
        if (pm->enable & ACPI_PM1_RTC) {
            machine_request_wakeup(pm->machine, WAKE_RTC);
        }
    }
}

void acpi_pm_gpe_event(struct acpi_pm *pm, unsigned n)
{
    g_assert(n < ACPI_PM_GPE_MAX * 8); /* the board's own number */
    pm->gpe_status[n / 8] |= (uint8_t)(1u << n % 8);
    update(pm);
}

void acpi_pm_gpe_edge(void *opaque, int n, bool level)
{
    if (level) {
        acpi_pm_gpe_event(opaque, (unsigned)n);
    }
}

void acpi_pm_set_sci_enable(struct acpi_pm *pm, bool on)
{
    pm->control = (uint16_t)(on ? pm->control | ACPI_PM1_SCI_EN : pm->control & ~ACPI_PM1_SCI_EN);
    update(pm);
}

void acpi_pm_init(struct acpi_pm *pm, struct machine *m, const struct acpi_sleep_types *types)
{
    pm->machine = m;
    pm->types = types;
    timer_init(&pm->timer, m, CLOCK_KIND_VIRTUAL, timer_fired, pm);
    schedule_overflow(pm);
}

void acpi_pm_reset(struct acpi_pm *pm)
{
    unsigned waking = pm->machine->waking;

    /* What woke the machine is told after the reset (4.8.4.1). */
    pm->status = (uint16_t)((waking ? ACPI_PM1_WAKE : 0) |
                            (waking & WAKE_POWER_BUTTON ? ACPI_PM1_POWER : 0) |
                            (waking & WAKE_RTC ? ACPI_PM1_RTC : 0));
    pm->enable = pm->control = 0;
    memset(pm->gpe_status, 0, sizeof(pm->gpe_status));
    memset(pm->gpe_enable, 0, sizeof(pm->gpe_enable));
    schedule_overflow(pm);
    update(pm);
}

void acpi_pm_destroy(struct acpi_pm *pm)
{
    if (pm->machine) {
        timer_disarm(&pm->timer);
    }
}

bool acpi_pm_post_load(struct acpi_pm *pm, GError **error)
{
    if (pm->overflow < 0) {
        set_error(error, "ACPI: overflow is %" PRId64 ", must not be negative", pm->overflow);
        return false;
    }
    pm->status &= STATUS_BITS;
    pm->enable &= ENABLE_BITS;
    pm->control &= CONTROL_BITS;
    update(pm);
    return true;
}

const struct state_row acpi_pm_state[] = {
    STATE_INT(struct acpi_pm, status, 1, "PM1 status"),
    STATE_INT(struct acpi_pm, enable, 1, "PM1 enable"),
    STATE_INT(struct acpi_pm, control, 1, "PM1 control"),
    STATE_BUF(struct acpi_pm, gpe_status, 1, "GPE0 status"),
    STATE_BUF(struct acpi_pm, gpe_enable, 1, "GPE0 enable"),
    STATE_INT(struct acpi_pm, overflow, 1, "virtual ns of the timer's next overflow"),
    { 0 },
};
