/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/microvm.c: a machine for one kernel: RAM, CPUs with their APICs, and of the PC's legacy
 * what -machine pic=, pit=, rtc= and isa-serial= leave, and places for virtio devices, which the DSDT
 * names.  No PCI, no keyboard.  With -machine acpi=off an MP table names the CPUs and the I/O APIC, the
 * kernel's command line the virtio devices, and a guest ends with a triple fault (Linux: reboot=t) or
 * through isa-debug-exit.
 *
 * Thread: microvm_init on the main thread; handlers under the machine lock.
 */
#include "hw/i386/pc.h"
#include "util/error.h"

/* Time and interrupts for kernels that know nothing better; each can be left away. */
static bool add_legacy(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *isa = &pc->isa->bus;

    if (!m->config.no_pic && !pc_add_pic(pc, error)) {
        return false;
    }
    if (!m->config.no_pit) {
        pc->pit = (struct i8254 *)device_create(m, pc_pit_type(m), isa, error);
        if (!pc->pit) {
            return false;
        }
    }
    if (!m->config.no_rtc) {
        pc->rtc = (struct rtc *)device_create(m, &mc146818rtc_type, isa, error);
        if (!pc->rtc) {
            return false;
        }
        rtc_set_memory(pc->rtc, pc->ram_below_4g, pc->ram_above_4g);
    }
    return m->config.no_isa_serial || pc_add_serials(pc, error);
}

/*
 * Where virtio devices can be, and their interrupts: those that nothing else has, which are below 16 when only
 * the MP table and the command line tell of them.
 */
#define VIRTIO_BASE 0xfeb00000u
#define VIRTIO_GSI  16u
static const uint8_t virtio_irqs[MICROVM_VIRTIO] = { 5, 6, 7, 9, 10, 11, 12, 13 };

static bool add_virtio(struct pc *pc, GError **error)
{
    for (unsigned i = 0; i < MICROVM_VIRTIO; i++) {
        struct virtio_mmio *s = (struct virtio_mmio *)device_new(pc->machine, &virtio_mmio_type);
        unsigned gsi = pc->machine->config.no_acpi ? virtio_irqs[i] : VIRTIO_GSI + i;

        pc->virtio_places[i] =
            (struct acpi_virtio){ VIRTIO_BASE + i * VIRTIO_MMIO_SIZE, (uint8_t)gsi };
        s->addr = pc->virtio_places[i].addr;
        s->irq = pc->gsi[gsi];
        s->number = i;
        if (!device_realize(&s->dev, NULL, error)) {
            device_free(&s->dev);
            return false;
        }
        pc->virtio[i] = s;
    }
    return true;
}

/* Where no table tells the kernel, its command line does, at every reset. */
static void announce_virtio(struct pc *pc)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < MICROVM_VIRTIO; i++) {
        if (pc->virtio[i]->v && !pc->acpi) {
            g_string_append_printf(text, " virtio_mmio.device=%u@0x%x:%u", VIRTIO_MMIO_SIZE,
                                   pc->virtio_places[i].addr, pc->virtio_places[i].gsi);
        }
    }
    if (pc->boot) {
        boot_extend_append(pc->boot, text->str);
    }
}

static bool add_power_management(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct microvm_pm *pm;

    if (m->config.no_acpi) {
        return true;
    }
    pm = (struct microvm_pm *)device_new(m, &microvm_pm_type);
    pm->base = PC_PM_BASE;
    pm->pm.sci = pc->gsi[9];
    if (!device_realize(&pm->dev, NULL, error)) {
        device_free(&pm->dev);
        return false;
    }
    pc->acpi_pm = &pm->pm;
    m->powerdown_irq = (struct irq){ acpi_pm_power_button, pc->acpi_pm, 0 };
    if (pc->rtc) {
        pc->rtc->alarm = (struct irq){ acpi_pm_rtc_alarm, pc->acpi_pm, 0 };
    }
    return true;
}

bool microvm_init(struct machine *m, GError **error)
{
    struct pc *pc = pc_new(m);
    bool ok;

    if (!m->config.kernel) {
        set_error(error, "machine microvm boots kernels only: give -kernel FILE");
        return false;
    }
    if (m->config.usb) {
        set_error(error, "machine microvm has no USB controller: usb must be off");
        return false;
    }
    pc->program_chipset = announce_virtio;
    m->config.no_hpet = true;
    mem_transaction_begin(m);
    ok = pc_add_ram(pc, PC_LOW_RAM_MAX, error) && pc_add_cpus(pc, error);
    if (ok) {
        isa_bus_init(&pc->own_isa, m, "isa.0", NULL, pc->gsi);
        pc->isa = &pc->own_isa;
        pc->isa->gsis = pc->gsi;
        ok = add_legacy(pc, error) && add_power_management(pc, error) && add_virtio(pc, error);
    }
    mem_transaction_commit(m);
    return ok && pc_boot_init(pc, error);
}
