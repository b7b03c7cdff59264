/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc.c: the PC with i440FX and PIIX3 (1996) as a parts list with wires.
 *
 * Invariants: ISA IRQ n reaches input n of the 8259 pair and pin n of the I/O APIC, but for IRQ 0,
 *             which reaches pin 2, and IRQ 2, which is the 8259s' own cascade.
 * Thread:     pc_init on the main thread; handlers under the machine lock.
 */
#include "hw/i386/pc.h"

#include "accel/tcg/tcg.h"
#include "chardev/chardev.h"
#include "hw/misc/misc.h"
#include "target/i386/cpu.h"
#include "util/error.h"

static void gsi_set(void *opaque, int n, bool level)
{
    struct pc *pc = opaque;

    if (pc->pic) {
        irq_set(&pc->pic->inputs[n], level);
    }
    if (pc->ioapic && n != 2) {
        irq_set(&pc->ioapic->inputs[n == 0 ? 2 : n], level);
    }
}

static bool add_ram(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    uint64_t size = (m->config.ram_size + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;

    if (size < PC_RAM_MIN) {
        set_error(error, "the RAM size (-m) is %" G_GUINT64_FORMAT " bytes, must be at least 2M",
                  m->config.ram_size);
        return false;
    }
    if (!mem_region_init_ram(&pc->ram, m, "pc.ram", size, error)) {
        return false;
    }
    pc->ram_below_4g = MIN(size, PC_LOW_RAM_MAX);
    pc->ram_above_4g = size - pc->ram_below_4g;
    mem_region_init_alias(&pc->ram_low, m, "ram-below-4g", &pc->ram, 0, pc->ram_below_4g);
    mem_region_add(&m->system_memory, 0, &pc->ram_low, 0);
    if (pc->ram_above_4g) {
        mem_region_init_alias(&pc->ram_high, m, "ram-above-4g", &pc->ram, pc->ram_below_4g,
                              pc->ram_above_4g);
        mem_region_add(&m->system_memory, 4ull << 30, &pc->ram_high, 0);
    }
    mem_region_init_container(&pc->pci_memory, m, "pci", UINT64_MAX);
    mem_region_add(&m->system_memory, 0, &pc->pci_memory, -1);
    return true;
}

static bool add_cpus(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;

    apic_bus_init(&pc->apics, m);
    for (unsigned i = 0; i < m->config.cpus; i++) {
        struct x86_cpu *cpu = cpu_new(m, (int)i, m->config.cpu_model, error);
        struct apic *apic;

        if (!cpu) {
            return false;
        }
        pc->cpus[i] = cpu;
        cpu->vcpu.ops = &tcg_vcpu_ops;
        m->vcpus[m->n_vcpus++] = &cpu->vcpu;
        apic = (struct apic *)device_new(m, &apic_type);
        apic_connect(apic, &pc->apics, cpu, i);
        if (!device_realize(&apic->dev, NULL, error)) {
            return false;
        }
        pc->boot_apic = i == 0 ? apic : pc->boot_apic;
    }
    pc->ioapic = (struct ioapic *)device_new(m, &ioapic_type);
    ioapic_connect(pc->ioapic, &pc->apics);
    return device_realize(&pc->ioapic->dev, NULL, error);
}

/* The host bridge and the two PIIX functions; the ISA bus exists from here on. */
static bool add_chipset(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *pci;

    pc->host = (struct pci_host *)device_new(m, &pci_host_type);
    pc->host->memory = &pc->pci_memory;
    pc->host->io = &m->system_io;
    if (!device_realize(&pc->host->dev, NULL, error)) {
        return false;
    }
    pci = &pc->host->bus.bus;

    pc->i440fx = (struct i440fx *)device_new(m, &i440fx_type);
    pc->i440fx->pci.addr = PCI_DEVFN(0, 0);
    pc->i440fx->ram = &pc->ram;
    pc->i440fx->pci_memory = &pc->pci_memory;
    if (!device_realize(&pc->i440fx->pci.dev, pci, error)) {
        return false;
    }
    pc->piix3 = (struct piix3 *)device_new(m, &piix3_type);
    pc->piix3->pci.addr = PCI_DEVFN(1, 0);
    pc->piix3->host = pc->host;
    for (int i = 0; i < ISA_IRQS; i++) {
        pc->gsi[i] = (struct irq){ gsi_set, pc, i };
        pc->piix3->irqs[i] = pc->gsi[i];
    }
    if (!device_realize(&pc->piix3->pci.dev, pci, error)) {
        return false;
    }
    pc->pm = (struct piix4_pm *)device_new(m, &piix4_pm_type);
    pc->pm->pci.addr = PCI_DEVFN(1, 3);
    pc->pm->sci = pc->piix3->isa_irqs[9];
    if (!device_realize(&pc->pm->pci.dev, pci, error)) {
        return false;
    }
    m->powerdown_irq = (struct irq){ piix4_pm_power_button, pc->pm, 0 };
    return true;
}

static int acknowledge_pic(void *opaque)
{
    return pic_acknowledge(opaque);
}

static bool add_interrupts_and_timers(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *isa = &pc->piix3->isa.bus;

    pc->pic = (struct i8259 *)device_new(m, &i8259_type);
    pc->pic->output = pc->boot_apic->lint[0];
    pc->apics.pic_acknowledge = acknowledge_pic;
    pc->apics.pic_opaque = pc->pic;
    if (!device_realize(&pc->pic->dev, isa, error)) {
        return false;
    }
    pc->pit = (struct i8254 *)device_new(m, &i8254_type);
    pc->rtc = (struct rtc *)device_new(m, &mc146818rtc_type);
    if (!m->config.no_hpet) {
        pc->hpet = (struct hpet *)device_new(m, &hpet_type);
        for (unsigned i = 0; i < HPET_PINS; i++) {
            pc->hpet->pins[i] = pc->ioapic->inputs[i];
        }
        pc->hpet->legacy_out[0] = pc->piix3->isa_irqs[0];
        pc->hpet->legacy_out[1] = pc->piix3->isa_irqs[8];
        if (!device_realize(&pc->hpet->dev, NULL, error)) {
            return false;
        }
        pc->pit->irq0 = pc->hpet->legacy_in[0];
        pc->rtc->irq = pc->hpet->legacy_in[1];
    }
    if (!device_realize(&pc->pit->dev, isa, error) || !device_realize(&pc->rtc->dev, isa, error)) {
        return false;
    }
    rtc_set_memory(pc->rtc, pc->ram_below_4g, pc->ram_above_4g);
    return true;
}

static bool add_serial(struct pc *pc, unsigned index, GError **error)
{
    struct machine *m = pc->machine;
    struct device *dev = device_new(m, &isa_serial_type);
    char number[4];

    g_snprintf(number, sizeof(number), "%u", index);
    if (!device_set_property(dev, "index", number, error) ||
        !device_set_property(dev, "chardev", chardev_label(m->config.serial[index]), error) ||
        !device_realize(dev, &pc->piix3->isa.bus, error)) {
        device_free(dev);
        return false;
    }
    return true;
}

static bool add_isa_devices(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *isa = &pc->piix3->isa.bus;

    pc->port92 = (struct port92 *)device_create(m, &port92_type, isa, error);
    if (!pc->port92) {
        return false;
    }
    pc->keyboard = (struct i8042 *)device_new(m, &i8042_type);
    pc->keyboard->a20 = pc->port92->a20_input;
    if (!device_realize(&pc->keyboard->dev, isa, error) ||
        !device_create(m, &port80_type, isa, error)) {
        return false;
    }
    for (unsigned i = 0; i < MAX_SERIAL; i++) {
        if (m->config.serial[i] && !add_serial(pc, i, error)) {
            return false;
        }
    }
    return true;
}

/* After the devices' unrealize. */
static void pc_free(struct machine *m)
{
    struct pc *pc = m->board;

    pc_boot_free(pc);
    for (unsigned i = 0; i < MACHINE_MAX_VCPUS && pc->cpus[i]; i++) {
        cpu_free(pc->cpus[i]);
    }
    mem_region_destroy(&pc->ram_low);
    mem_region_destroy(&pc->ram_high);
    mem_region_destroy(&pc->pci_memory);
    mem_region_destroy(&pc->ram);
    g_free(pc);
    m->board = NULL;
}

bool pc_init(struct machine *m, GError **error)
{
    struct pc *pc = g_new0(struct pc, 1);
    bool ok;

    pc->machine = m;
    m->board = pc;
    m->board_free = pc_free;
    mem_transaction_begin(m);
    ok = add_ram(pc, error) && add_cpus(pc, error) && add_chipset(pc, error) &&
         add_interrupts_and_timers(pc, error) && add_isa_devices(pc, error);
    mem_transaction_commit(m);
    return ok && pc_boot_init(pc, error);
}
