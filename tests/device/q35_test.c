/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/q35_test.c: the Q35 board, its host bridge and its LPC bridge; the CPU does not run. */
#include "hw/i386/pc.h"
#include "target/i386/cpu.h"
#include "tests/device/fuzz.h"

#define MCH PCI_DEVFN(0, 0)
#define LPC PCI_DEVFN(31, 0)

struct fixture {
    struct rig rig; /* for the fuzz helpers: only its machine */
    struct machine *m;
    struct pc *pc;
};

static void set_up(struct fixture *f, gconstpointer data)
{
    const uint64_t *ram_size = data;
    g_autoptr(GError) error = NULL;

    f->rig.m = f->m = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    f->m->config.ram_size = *ram_size;
    g_assert_true(q35_init(f->m, &error));
    g_assert_no_error(error);
    f->pc = f->m->board;
    device_reset_all(f->m);
    f->pc->program_chipset(f->pc);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
    (void)data;
    machine_free(f->m);
}

static uint32_t config_read(struct fixture *f, unsigned devfn, unsigned reg)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | reg, 4);
    return (uint32_t)address_space_load(&f->m->io, 0xcfc, 4);
}

static void config_write(struct fixture *f, unsigned devfn, unsigned reg, uint32_t v)
{
    address_space_store(&f->m->io, 0xcf8, 0x80000000u | devfn << 8 | reg, 4);
    address_space_store(&f->m->io, 0xcfc, v, 4);
}

static uint64_t load(struct fixture *f, uint64_t addr)
{
    return address_space_load(&f->m->memory, addr, 4);
}

static void chipset_is_in_its_slots(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(config_read(f, MCH, 0), ==, 0x29c08086);
    g_assert_cmphex(config_read(f, LPC, 0), ==, 0x29188086);
    g_assert_cmphex(config_read(f, LPC, 0x60), ==, 0x0b0b0a0a);
    g_assert_cmphex(config_read(f, LPC, 0x68), ==, 0x0b0b0a0a);
    g_assert_cmpstr(f->pc->host->bus.bus.name, ==, "pcie.0");
}

/* The first half of an access takes the window away: the second meets nothing. */
static void ecam_may_be_closed_through_itself(struct fixture *f, gconstpointer data)
{
    const uint64_t base = Q35_ECAM_BASE;

    (void)data;
    address_space_store(&f->m->memory, base + 0x60, 0, 8);
    g_assert_cmphex(load(f, base), ==, 0xffffffff);
    g_assert_cmphex(config_read(f, MCH, 0x60), ==, 0);
}

/* TSEG is the top of low RAM, shown in system-management mode only; D_LCK freezes it. */
static void tseg_hides_the_top_of_ram(struct fixture *f, gconstpointer data)
{
    static const struct {
        uint8_t esmramc;
        unsigned mib;
    } rows[] = { { 0x01, 1 }, { 0x03, 2 }, { 0x05, 8 }, { 0x07, 16 } };
    uint64_t top = f->pc->ram_below_4g;

    (void)data;
    config_write(f, MCH, 0x50, 0xffff);
    g_assert_cmphex(config_read(f, MCH, 0x50) & 0xffff, ==, 16);
    address_space_store(&f->m->memory, top - 4, 0x12345678, 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t base = top - ((uint64_t)rows[i].mib << 20);

        address_space_store(&f->m->memory, base - 4, 0x55, 4);
        config_write(f, MCH, 0x9c, (uint32_t)rows[i].esmramc << 16 | 0x0a00);
        g_assert_cmphex(load(f, base - 4), ==, 0x55);
        g_assert_cmphex(load(f, base), ==, 0xffffffff);
        address_space_store(&f->m->memory, top - 4, 0, 4);
        g_assert_cmphex(load(f, top - 4), ==, 0xffffffff);
        g_assert_cmphex(address_space_load(&f->m->smm_memory, top - 4, 4), ==, 0x12345678);
        config_write(f, MCH, 0x9c, 0x0a00);
        g_assert_cmphex(load(f, top - 4), ==, 0x12345678);
    }
    config_write(f, MCH, 0x9c, 0x011a00); /* locked */
    config_write(f, MCH, 0x9c, 0x000a00);
    g_assert_cmphex(config_read(f, MCH, 0x9c) >> 16 & 0xff, ==, 0x39);
    g_assert_cmphex(load(f, top - 4), ==, 0xffffffff);
    device_reset_all(f->m);
    g_assert_cmphex(load(f, top - 4), ==, 0x12345678);
}

/* Configuration space is memory: bus, device, function, register; it moves and goes away. */
static void ecam_shows_configuration_space(struct fixture *f, gconstpointer data)
{
    const uint64_t base = Q35_ECAM_BASE, lpc = LPC << 12;

    (void)data;
    g_assert_cmphex(load(f, base), ==, 0x29c08086);
    g_assert_cmphex(load(f, base + lpc), ==, 0x29188086);
    g_assert_cmphex(load(f, base + lpc + 0x100), ==, 0xffffffff); /* no extended capabilities */
    g_assert_cmphex(load(f, base + 0x8000), ==, 0xffffffff);      /* nobody there */
    address_space_store(&f->m->memory, base + lpc + 0x60, 0x05, 1);
    g_assert_cmphex(config_read(f, LPC, 0x60), ==, 0x0b0b0a05);
    config_write(f, MCH, 0x60, 0xe0000005); /* 64 buses elsewhere */
    g_assert_cmphex(load(f, 0xe0000000), ==, 0x29c08086);
    g_assert_cmphex(load(f, base), ==, 0xffffffff);
    g_assert_cmphex(f->pc->mch->ecam.size, ==, 64u << 20);
    config_write(f, MCH, 0x60, 0xe0000007); /* reserved length */
    g_assert_cmphex(load(f, 0xe0000000), ==, 0xffffffff);
}

static void pam_and_smram_are_the_mchs(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->memory, 0xf0000, 0x11223344, 4);
    g_assert_cmphex(load(f, 0xf0000), ==, 0x11223344);
    config_write(f, MCH, 0x90, 0x10); /* read only */
    address_space_store(&f->m->memory, 0xf0000, 0, 4);
    g_assert_cmphex(load(f, 0xf0000), ==, 0x11223344);
    config_write(f, MCH, 0x90, 0x00);
    g_assert_cmphex(load(f, 0xf0000), ==, 0xffffffff);
    config_write(f, MCH, 0x9c, 0x4a << 8); /* SMRAM open */
    address_space_store(&f->m->memory, 0xa0000, 0x55667788, 4);
    g_assert_cmphex(load(f, 0xa0000), ==, 0x55667788);
    config_write(f, MCH, 0x9c, 0x5a << 8); /* locked: closed for good */
    g_assert_cmphex(load(f, 0xa0000), ==, 0xffffffff);
    config_write(f, MCH, 0x9c, 0x4a << 8);
    g_assert_cmphex(load(f, 0xa0000), ==, 0xffffffff);
}

static void ram_leaves_room_for_ecam(struct fixture *f, gconstpointer data)
{
    const uint64_t *size = data;
    bool large = *size > Q35_LOW_RAM_MAX;

    g_assert_cmphex(f->pc->ram_below_4g, ==, large ? Q35_LOW_RAM_LARGE : *size);
    g_assert_cmphex(f->pc->ram_above_4g, ==, *size - f->pc->ram_below_4g);
}

/* A PIRQ is one input of the I/O APIC always, and of the 8259s where its register says. */
static void pirqs_reach_both_controllers(struct fixture *f, gconstpointer data)
{
    struct irq *pirq_a = &f->pc->host->bus.lines[0], *pirq_h = &f->pc->host->bus.lines[7];

    (void)data;
    g_assert_cmpuint(ich9_map_irq(0, 0), ==, 4);
    g_assert_cmpuint(ich9_map_irq(3, 2), ==, 5);
    g_assert_cmpuint(ich9_map_irq(31, 1), ==, 1);
    config_write(f, LPC, 0x60, 0x8080800a);
    irq_raise(pirq_a);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 16);
    g_assert_cmphex(f->pc->pic->chip[1].lines, ==, 1u << 2);
    config_write(f, LPC, 0x60, 0x8080800b); /* it follows the register */
    g_assert_cmphex(f->pc->pic->chip[1].lines, ==, 1u << 3);
    irq_raise(pirq_h);
    irq_lower(pirq_a);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 23);
    irq_lower(pirq_h);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 0);
    g_assert_cmphex(f->pc->pic->chip[1].lines, ==, 0);
}

static void power_button_raises_the_sci(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, 0xb2, 0xf1, 1); /* ACPI on */
    g_assert_cmphex(address_space_load(&f->m->io, PC_PM_BASE + 4, 2), ==, 1);
    address_space_store(&f->m->io, PC_PM_BASE + 2, 0x100, 2);
    irq_pulse(&f->m->powerdown_irq);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 9);
    config_write(f, LPC, 0x44, 0x84); /* the SCI as GSI 20 */
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 20);
    address_space_store(&f->m->io, PC_PM_BASE, 0x100, 2);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 0);
}

static void gpe_block_has_eight_bytes(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, 0xb2, 0xf1, 1);
    address_space_store(&f->m->io, PC_PM_BASE + 0x2c, 0x10, 1); /* GPE 36 */
    acpi_pm_gpe_event(&f->pc->lpc->pm, 36);
    g_assert_cmphex(address_space_load(&f->m->io, PC_PM_BASE + 0x24, 4), ==, 0x10);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 9);
    address_space_store(&f->m->io, PC_PM_BASE + 0x24, 0x10, 1);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 0);
}

static void timer_overflow_interrupts(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, 0xb2, 0xf1, 1);
    address_space_store(&f->m->io, PC_PM_BASE + 2, 0x001, 2);
    clock_step(f->m, NS_PER_SEC);
    g_assert_cmpuint(address_space_load(&f->m->io, PC_PM_BASE + 8, 4), ==, 3579545);
    g_assert_cmphex(f->pc->ioapic->lines, ==, 0);
    clock_step(f->m, 2 * NS_PER_SEC); /* bit 23 toggles after 2.34 s */
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 9);
}

static void soft_off_and_reset_are_requested(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, 0xcf9, 0x06, 1);
    g_assert_cmpint(f->m->reset_requested, ==, SHUTDOWN_GUEST_RESET);
    address_space_store(&f->m->io, PC_PM_BASE + 4, 1 << 13 | (unsigned)ich9_sleep_types.s5 << 10,
                        2);
    g_assert_cmpint(f->m->shutdown_requested, ==, SHUTDOWN_GUEST_SHUTDOWN);
}

static void apm_port_raises_an_smi(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(address_space_load(&f->m->io, PC_PM_BASE + 0x34, 4), ==, 0);
    address_space_store(&f->m->io, PC_PM_BASE + 0x30, 0x21, 4);
    address_space_store(&f->m->io, 0xb3, 0x77, 1);
    address_space_store(&f->m->io, 0xb2, 0x42, 1);
    g_assert_cmphex(address_space_load(&f->m->io, 0xb2, 2), ==, 0x7742);
    g_assert_cmphex(address_space_load(&f->m->io, PC_PM_BASE + 0x34, 4), ==, 0x20);
    g_assert_cmphex(f->pc->cpus[0]->pending & PENDING_SMI, !=, 0);
    address_space_store(&f->m->io, PC_PM_BASE + 0x34, 0x20, 4);
    g_assert_cmphex(address_space_load(&f->m->io, PC_PM_BASE + 0x34, 4), ==, 0);
}

static void rcba_holds_the_routes(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(load(f, ICH9_RCBA_BASE + 0x3140), ==, 0x32103210);
    address_space_store(&f->m->memory, ICH9_RCBA_BASE + 0x3410, 0x20, 4);
    g_assert_cmphex(load(f, ICH9_RCBA_BASE + 0x3410), ==, 0x20);
    config_write(f, LPC, 0xf0, 0);
    g_assert_cmphex(load(f, ICH9_RCBA_BASE + 0x3410), ==, 0xffffffff);
}

static void every_device_saves_and_loads(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, PC_PM_BASE + 2, 0x121, 2);
    irq_raise(&f->pc->host->bus.lines[5]);
    for (unsigned i = 0; i < f->m->devices->len; i++) {
        struct device *dev = g_ptr_array_index(f->m->devices, i);
        g_autoptr(GByteArray) first = g_byte_array_new(), second = g_byte_array_new();
        g_autoptr(GError) error = NULL;
        size_t pos = 0;

        device_save(dev, first);
        g_assert_true(device_load(dev, first->data, first->len, &pos, &error));
        g_assert_no_error(error);
        device_save(dev, second);
        g_assert_cmpmem(first->data, first->len, second->data, second->len);
    }
    g_assert_cmphex(f->pc->ioapic->lines, ==, 1u << 21);
    g_assert_cmphex(load(f, Q35_ECAM_BASE), ==, 0x29c08086);
}

static void random_accesses(struct fixture *f, gconstpointer data)
{
    (void)data;
    fuzz(&f->rig, &f->m->io, PC_PM_BASE, ICH9_PM_SIZE);
    fuzz(&f->rig, &f->m->memory, ICH9_RCBA_BASE, ICH9_RCBA_SIZE);
    for (unsigned devfn = 0; devfn < 256; devfn += LPC) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(29);

        for (unsigned i = 0; i < 2000; i++) {
            config_write(f, devfn, (unsigned)g_rand_int(rand) & 0xfc, (uint32_t)fuzz_value(rand));
            load(f, Q35_ECAM_BASE + (g_rand_int(rand) & 0xffffffc));
        }
    }
    device_reset_all(f->m);
}

/* AHCI's ports are ide.0 to ide.5; one PIIX3 may come besides: its ports are fixed. */
static void piix3_ide_has_the_next_bus_names(struct fixture *f, gconstpointer data)
{
    struct bus *pcie = &f->pc->host->bus.bus;
    g_autoptr(GError) error = NULL;

    (void)data;
    g_assert_null(bus_find(f->m, BUS_IDE, "ide.6"));
    g_assert_nonnull(device_create(f->m, &piix3_ide_type, pcie, &error));
    g_assert_no_error(error);
    g_assert_nonnull(bus_find(f->m, BUS_IDE, "ide.6"));
    g_assert_nonnull(bus_find(f->m, BUS_IDE, "ide.7"));
    g_assert_null(device_create(f->m, &piix3_ide_type, pcie, &error));
    g_assert_nonnull(strstr(error->message, "one already"));
}

static void legacy_parts_stay(void)
{
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    m->config.ram_size = 64u << 20;
    m->config.no_pit = true;
    g_assert_false(q35_init(m, &error));
    g_assert_nonnull(strstr(error->message, "properties of microvm"));
    machine_free(m);
}

static void microvm_wants_a_kernel(void)
{
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    m->config.ram_size = 64u << 20;
    g_assert_false(microvm_init(m, &error));
    g_assert_nonnull(strstr(error->message, "-kernel FILE"));
    machine_free(m);
}

#define ADD(path, size, fn) g_test_add("/q35/" path, struct fixture, &size, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    static const uint64_t small = 64ull << 20, large = 3ull << 30;

    g_test_init(&argc, &argv, NULL);
    ADD("chipset", small, chipset_is_in_its_slots);
    ADD("tseg", small, tseg_hides_the_top_of_ram);
    ADD("ecam", small, ecam_shows_configuration_space);
    ADD("ecam-closed", small, ecam_may_be_closed_through_itself);
    ADD("pam", small, pam_and_smram_are_the_mchs);
    ADD("ram", small, ram_leaves_room_for_ecam);
    ADD("ram-large", large, ram_leaves_room_for_ecam);
    ADD("pirq", small, pirqs_reach_both_controllers);
    ADD("power-button", small, power_button_raises_the_sci);
    ADD("gpe", small, gpe_block_has_eight_bytes);
    ADD("pm-timer", small, timer_overflow_interrupts);
    ADD("off", small, soft_off_and_reset_are_requested);
    ADD("smi", small, apm_port_raises_an_smi);
    ADD("rcba", small, rcba_holds_the_routes);
    ADD("piix3-ide", small, piix3_ide_has_the_next_bus_names);
    ADD("state", small, every_device_saves_and_loads);
    ADD("fuzz", small, random_accesses);
    g_test_add_func("/q35/legacy", legacy_parts_stay);
    g_test_add_func("/microvm/no-kernel", microvm_wants_a_kernel);
    return g_test_run();
}
