/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/microvm.c: a machine for one kernel: RAM, CPUs with their APICs, and of the PC's legacy
 * what -machine pic=, pit=, rtc= and isa-serial= leave, and places for virtio devices, named on the
 * kernel's command line.  No PCI, no ACPI, no keyboard; an MP table names the CPUs and the I/O APIC.  A
 * guest ends with a triple fault (Linux: reboot=t) or through isa-debug-exit.
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
        pc->pit = (struct i8254 *)device_create(m, &i8254_type, isa, error);
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

/* Where virtio devices can be, and the interrupts that nothing else on this machine has. */
static const struct virtio_place {
    uint32_t addr;
    uint8_t irq;
} virtio_places[MICROVM_VIRTIO] = {
    { 0xfeb00000, 5 },  { 0xfeb00200, 6 },  { 0xfeb00400, 7 },  { 0xfeb00600, 9 },
    { 0xfeb00800, 10 }, { 0xfeb00a00, 11 }, { 0xfeb00c00, 12 }, { 0xfeb00e00, 13 },
};

static bool add_virtio(struct pc *pc, GError **error)
{
    for (unsigned i = 0; i < MICROVM_VIRTIO; i++) {
        struct virtio_mmio *s = (struct virtio_mmio *)device_new(pc->machine, &virtio_mmio_type);

        s->addr = virtio_places[i].addr;
        s->irq = pc->gsi[virtio_places[i].irq];
        s->number = i;
        if (!device_realize(&s->dev, NULL, error)) {
            device_free(&s->dev);
            return false;
        }
        pc->virtio[i] = s;
    }
    return true;
}

/* There is no table that would tell the kernel: its command line does, at every reset. */
static void announce_virtio(struct pc *pc)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned i = 0; i < MICROVM_VIRTIO; i++) {
        if (pc->virtio[i]->v) {
            g_string_append_printf(text, " virtio_mmio.device=%u@0x%x:%u", VIRTIO_MMIO_SIZE,
                                   virtio_places[i].addr, virtio_places[i].irq);
        }
    }
    if (pc->boot) {
        boot_extend_append(pc->boot, text->str);
    }
}

bool microvm_init(struct machine *m, GError **error)
{
    struct pc *pc = pc_new(m);
    bool ok;

    if (!m->config.kernel) {
        set_error(error, "machine microvm boots kernels only: give -kernel FILE");
        return false;
    }
    pc->program_chipset = announce_virtio;
    m->config.no_acpi = m->config.no_hpet = true;
    mem_transaction_begin(m);
    ok = pc_add_ram(pc, PC_LOW_RAM_MAX, error) && pc_add_cpus(pc, error);
    if (ok) {
        isa_bus_init(&pc->own_isa, m, "isa.0", NULL, pc->gsi);
        pc->isa = &pc->own_isa;
        pc->isa->gsis = pc->gsi;
        ok = add_legacy(pc, error) && add_virtio(pc, error);
    }
    mem_transaction_commit(m);
    return ok && pc_boot_init(pc, error);
}
