/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/pc_common.c: what the boards share: RAM, CPUs, interrupt controllers, timers and the
 * devices of the ISA bus.  A board calls these in the order of pc.h.
 *
 * Invariants: ISA IRQ n reaches input n of the 8259 pair and pin n of the I/O APIC, but for IRQ 0,
 *             which reaches pin 2, and IRQ 2, which is the 8259s' own cascade.  GSIs from 16 on
 *             reach the I/O APIC only.
 * Thread:     under the machine lock.
 */
#include "hw/i386/pc.h"

#include "accel/kvm/kvm.h"
#include "accel/qtest/qtest.h"
#include "accel/tcg/tcg.h"
#include "chardev/chardev.h"
#include "hw/misc/ferr.h"
#include "hw/misc/misc.h"
#include "softmmu/memory_backend.h"
#include "target/i386/cpu.h"
#include "util/error.h"

extern const struct device_type pcspk_type; /* hw/audio/pcspk.c */

void pc_pic_set(void *opaque, int n, bool level)
{
    struct pc *pc = opaque;

    if (pc->pic && n < ISA_IRQS) {
        irq_set(&pc->pic->inputs[n], level);
    }
}

void pc_apic_set(void *opaque, int n, bool level)
{
    struct pc *pc = opaque;

    if (pc->ioapic && n != 2) {
        irq_set(&pc->ioapic->inputs[n == 0 ? 2 : n], level);
    }
}

/* A pin of the I/O APIC alone. */
static void set_pin(void *opaque, int n, bool level)
{
    irq_set(&((struct pc *)opaque)->ioapic->inputs[n], level);
}

static void gsi_set(void *opaque, int n, bool level)
{
    pc_pic_set(opaque, n, level);
    pc_apic_set(opaque, n, level);
}

/* n: enum pc_smi. */
static void raise_smi(void *opaque, int n, bool level)
{
    struct pc *pc = opaque;
    struct vcpu *writer = vcpu_current();
    unsigned only = n == PC_SMI_WRITER && writer ? (unsigned)writer->index : 0;

    for (unsigned i = 0; level && i < pc->machine->n_vcpus; i++) {
        if (n == PC_SMI_ALL || i == only) {
            cpu_set_pending(pc->cpus[i], PENDING_SMI);
        }
    }
}

void pc_connect_smm(struct pc *pc, struct irq *smi, enum pc_smi target)
{
    if (!pc->machine->config.no_smm) {
        *smi = (struct irq){ raise_smi, pc, (int)target };
    }
}

bool pc_add_ram(struct pc *pc, uint64_t low_max, GError **error)
{
    struct machine *m = pc->machine;
    uint64_t size = (m->config.ram_size + GUEST_PAGE_SIZE - 1) & GUEST_PAGE_MASK;

    if (size < PC_RAM_MIN) {
        set_error(error, "the RAM size (-m) is %" G_GUINT64_FORMAT " bytes, must be at least 2M",
                  m->config.ram_size);
        return false;
    }
    if (!memory_init_board_ram(m, &pc->ram, "pc.ram", size, error)) {
        return false;
    }
    if (m->config.max_ram_below_4g) {
        low_max = MIN(low_max, m->config.max_ram_below_4g);
    }
    pc->ram_below_4g = MIN(size, low_max);
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

/* What -accel chose. */
static const struct vcpu_ops *find_engine(const struct machine *m)
{
    static const struct vcpu_ops *const engines[] = { &qtest_vcpu_ops, &kvm_vcpu_ops };

    for (unsigned i = 0; m->config.accel && i < G_N_ELEMENTS(engines); i++) {
        if (g_str_has_prefix(m->config.accel, engines[i]->name)) {
            return engines[i];
        }
    }
    return &tcg_vcpu_ops;
}

bool pc_add_cpus(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    const struct vcpu_ops *engine = find_engine(m);

    if (engine == &kvm_vcpu_ops && !m->kvm && !kvm_init(m, error)) {
        return false;
    }
    apic_bus_init(&pc->apics, m);
    for (unsigned i = 0; i < m->config.cpus; i++) {
        struct x86_cpu *cpu = cpu_new(m, (int)i, m->config.cpu_model, error);
        struct apic *apic;

        if (!cpu) {
            return false;
        }
        pc->cpus[i] = cpu;
        cpu->vcpu.ops = engine;
        m->vcpus[m->n_vcpus++] = &cpu->vcpu;
        apic = (struct apic *)device_new(m, &apic_type);
        apic_connect(apic, &pc->apics, cpu, cpu->apic_id);
        if (!device_realize(&apic->dev, NULL, error)) {
            return false;
        }
        pc->boot_apic = i == 0 ? apic : pc->boot_apic;
    }
    pc->ioapic = (struct ioapic *)device_new(m, &ioapic_type);
    ioapic_connect(pc->ioapic, &pc->apics);
    for (int i = 0; i < IOAPIC_PINS; i++) {
        pc->gsi[i] = (struct irq){ gsi_set, pc, i };
    }
    return device_realize(&pc->ioapic->dev, NULL, error);
}

static int acknowledge_pic(void *opaque)
{
    return pic_acknowledge(opaque);
}

bool pc_add_pic(struct pc *pc, GError **error)
{
    pc->pic = (struct i8259 *)device_new(pc->machine, &i8259_type);
    pc->pic->output = pc->boot_apic->lint[0];
    pc->apics.pic_acknowledge = acknowledge_pic;
    pc->apics.pic_opaque = pc->pic;
    return device_realize(&pc->pic->dev, &pc->isa->bus, error);
}

/* -machine pic=off and the like. */
static bool has_all_legacy(const struct machine_config *config, GError **error)
{
    if (config->no_pic || config->no_pit || config->no_rtc || config->no_isa_serial) {
        set_error(error, "-machine: pic, pit, rtc and isa-serial are properties of microvm; "
                         "this machine always has them");
        return false;
    }
    return true;
}

bool pc_add_interrupts_and_timers(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *isa = &pc->isa->bus;

    pc->isa->gsis = pc->gsi;
    if (!has_all_legacy(&m->config, error) || !pc_add_pic(pc, error)) {
        return false;
    }
    pc->pit = (struct i8254 *)device_new(m, &i8254_type);
    pc->rtc = (struct rtc *)device_new(m, &mc146818rtc_type);
    if (!m->config.no_hpet) {
        pc->hpet = (struct hpet *)device_new(m, &hpet_type);
        for (unsigned i = 0; i < HPET_PINS; i++) {
            pc->hpet->pins[i] = (struct irq){ set_pin, pc, (int)i };
        }
        pc->hpet->legacy_out[0] = pc->isa->irqs[0];
        pc->hpet->legacy_out[1] = pc->isa->irqs[8];
        if (!device_realize(&pc->hpet->dev, NULL, error)) {
            return false;
        }
        pc->pit->irq0 = pc->hpet->legacy_in[0];
        pc->rtc->irq = pc->hpet->legacy_in[1];
    }
    if (!device_realize(&pc->pit->dev, isa, error) || !device_realize(&pc->rtc->dev, isa, error)) {
        return false;
    }
    if (m->config.pcspk_audiodev && !device_create(m, &pcspk_type, isa, error)) {
        return false;
    }
    if (pc->acpi_pm) {
        m->powerdown_irq = (struct irq){ acpi_pm_power_button, pc->acpi_pm, 0 };
        pc->rtc->alarm = (struct irq){ acpi_pm_rtc_alarm, pc->acpi_pm, 0 };
    }
    rtc_set_memory(pc->rtc, pc->ram_below_4g, pc->ram_above_4g);
    return true;
}

/* The boot CPU's FERR#; the others have none on a PC. */
static bool add_x87_errors(struct pc *pc, struct bus *isa, GError **error)
{
    struct ferr *ferr = (struct ferr *)device_create(pc->machine, &ferr_type, isa, error);

    if (ferr) {
        pc->cpus[0]->ferr = &ferr->input;
    }
    return ferr != NULL;
}

/* A serial or parallel port at its place. */
static bool add_port(struct pc *pc, const struct device_type *type, const struct chardev *c,
                     unsigned index, GError **error)
{
    struct device *dev = device_new(pc->machine, type);
    char number[4];

    g_snprintf(number, sizeof(number), "%u", index);
    if (!device_set_property(dev, "index", number, error) ||
        !device_set_property(dev, "chardev", chardev_label(c), error) ||
        !device_realize(dev, &pc->isa->bus, error)) {
        device_free(dev);
        return false;
    }
    return true;
}

static bool add_parallels(struct pc *pc, GError **error)
{
    const struct machine *m = pc->machine;

    for (unsigned i = 0; i < MAX_PARALLEL; i++) {
        if (m->config.parallel[i] &&
            !add_port(pc, &isa_parallel_type, m->config.parallel[i], i, error)) {
            return false;
        }
    }
    return true;
}

bool pc_add_isa_devices(struct pc *pc, GError **error)
{
    struct machine *m = pc->machine;
    struct bus *isa = &pc->isa->bus;

    pc->port92 = (struct port92 *)device_create(m, &port92_type, isa, error);
    if (!pc->port92) {
        return false;
    }
    pc->keyboard = (struct i8042 *)device_new(m, &i8042_type);
    pc->keyboard->a20 = pc->port92->a20_input;
    if (!device_realize(&pc->keyboard->dev, isa, error) ||
        !device_create(m, &port80_type, isa, error) || !add_x87_errors(pc, isa, error)) {
        return false;
    }
    return pc_add_serials(pc, error) && add_parallels(pc, error);
}

bool pc_add_serials(struct pc *pc, GError **error)
{
    const struct machine *m = pc->machine;

    for (unsigned i = 0; i < MAX_SERIAL; i++) {
        if (m->config.serial[i] && !add_port(pc, &isa_serial_type, m->config.serial[i], i, error)) {
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
    mem_region_destroy(&pc->flash_low);
    mem_region_destroy(&pc->pci_memory);
    mem_region_destroy(&pc->ram);
    bus_destroy(&pc->own_isa.bus);
    g_free(pc);
    m->board = NULL;
}

struct pc *pc_new(struct machine *m)
{
    struct pc *pc = g_new0(struct pc, 1);

    pc->machine = m;
    m->board = pc;
    m->board_free = pc_free;
    return pc;
}
