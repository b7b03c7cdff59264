/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_pm.h: ACPI's fixed hardware: PM1 events and control, the PM timer, and a block of
 * general-purpose events.  A south bridge embeds it and gives it a place in its own registers.
 *
 * Source: ACPI 6.4, 4.8.
 * Invariants: SCI = SCI_EN and (an enabled PM1 event or an enabled GPE).  The timer's overflow is a
 *             matter of time: `overflow` is the next one that `status` has not seen; the host's
 *             timer runs only while the overflow could interrupt.
 * Thread:     under the machine lock.
 */
#ifndef HW_I386_ACPI_PM_H
#define HW_I386_ACPI_PM_H

#include "softmmu/machine.h"

#define ACPI_PM_TIMER_HZ 3579545u
#define ACPI_PM_GPE_MAX  8u /* bytes of status, and of enable bits */

/* clang-format off */
enum acpi_pm1_event {           /* status and enable */
    ACPI_PM1_TIMER  = 1 << 0,
    ACPI_PM1_GLOBAL = 1 << 5,
    ACPI_PM1_POWER  = 1 << 8,
    ACPI_PM1_RTC    = 1 << 10,
    ACPI_PM1_WAKE   = 1 << 15,
};
enum acpi_pm1_control {
    ACPI_PM1_SCI_EN = 1 << 0,
    ACPI_PM1_SLP_TYP_SHIFT = 10,
    ACPI_PM1_SLP_EN = 1 << 13,  /* reads 0 */
};
/* clang-format on */

/* SLP_TYP of a chip's sleep states; 0 is soft off everywhere, as firmware writes it. */
struct acpi_sleep_types {
    uint8_t s3, s4, s5;
};

struct acpi_pm {
    struct machine *machine;
    struct irq sci; /* a level */
    const struct acpi_sleep_types *types;
    uint8_t disable_s3, disable_s4; /* properties */
    uint16_t status, enable, control;
    uint8_t gpe_status[ACPI_PM_GPE_MAX], gpe_enable[ACPI_PM_GPE_MAX];
    int64_t overflow; /* virtual ns when bit 23 of the timer toggles next */
    struct timer timer;
};

void acpi_pm_init(struct acpi_pm *pm, struct machine *m, const struct acpi_sleep_types *types);
void acpi_pm_reset(struct acpi_pm *pm);
void acpi_pm_destroy(struct acpi_pm *pm);
bool acpi_pm_post_load(struct acpi_pm *pm, GError **error);
/* A byte of the 12 from PM1_STS on: status, enable, control (4), timer (4). */
uint8_t acpi_pm_read(struct acpi_pm *pm, unsigned off);
/* 24 bits. */
uint32_t acpi_pm_timer(struct acpi_pm *pm);
/* `mask`: the bytes (bits 0-3) of the 32-bit register at off (0, 4, 8) that the access covers. */
void acpi_pm_write(struct acpi_pm *pm, unsigned off, uint32_t value, unsigned mask);
void acpi_pm_gpe_write(struct acpi_pm *pm, unsigned byte, uint8_t value, bool enable);
/* For machine->powerdown_irq and the RTC's alarm; opaque is the struct acpi_pm.  They wake a sleeper. */
void acpi_pm_power_button(void *opaque, int n, bool level);
void acpi_pm_rtc_alarm(void *opaque, int n, bool level);
/* Sets a general-purpose event. */
void acpi_pm_gpe_event(struct acpi_pm *pm, unsigned n);
/* The same for a struct irq: event n at an edge; opaque is the struct acpi_pm. */
void acpi_pm_gpe_edge(void *opaque, int n, bool level);
void acpi_pm_set_sci_enable(struct acpi_pm *pm, bool on);

extern const struct state_row acpi_pm_state[];
#define ACPI_PM_PROPS(strct, member)                                                               \
    PROP_U8(strct, "disable_s3", member.disable_s3, 0, "1: no suspend to RAM"),                    \
        PROP_U8(strct, "disable_s4", member.disable_s4, 0, "1: no suspend to disk")

#endif
