/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/device/pc_test.c: the board as a whole, put together and reset; its CPU does not run. */
#include "hw/i386/pc.h"
#include "target/i386/cpu.h"

struct fixture {
    struct machine *m;
    struct pc *pc;
};

static void run_reset_hooks(struct machine *m)
{
    for (unsigned i = 0; i < m->reset_hooks->len; i++) {
        struct reset_hook *hook = &g_array_index(m->reset_hooks, struct reset_hook, i);

        hook->fn(hook->opaque);
    }
}

static void set_up(struct fixture *f, gconstpointer data)
{
    const uint64_t *ram_size = data;
    g_autoptr(GError) error = NULL;

    f->m = machine_new();
    machine_lock(f->m);
    clock_virtual_manual(f->m);
    f->m->config.ram_size = *ram_size;
    g_assert_true(pc_init(f->m, &error));
    g_assert_no_error(error);
    f->pc = f->m->board;
    device_reset_all(f->m);
    run_reset_hooks(f->m);
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

static void chipset_is_in_its_slots(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_cmphex(config_read(f, PCI_DEVFN(0, 0), 0), ==, 0x12378086);
    g_assert_cmphex(config_read(f, PCI_DEVFN(1, 0), 0), ==, 0x70008086);
    g_assert_cmphex(config_read(f, PCI_DEVFN(1, 3), 0), ==, 0x71138086);
    g_assert_cmphex(config_read(f, PCI_DEVFN(1, 0), 0x60), ==, 0x0b0b0a0a);
}

/* RAM ends below PCI's hole and goes on at 4 GiB. */
static void ram_surrounds_the_hole(struct fixture *f, gconstpointer data)
{
    const uint64_t high = 4ull << 30;

    (void)data;
    address_space_store(&f->m->memory, 0xbffffff8, 0x11, 4);
    address_space_store(&f->m->memory, high, 0x22, 4);
    g_assert_cmphex(address_space_load(&f->m->memory, 0xbffffff8, 4), ==, 0x11);
    g_assert_cmphex(address_space_load(&f->m->memory, high, 4), ==, 0x22);
    g_assert_cmphex(address_space_load(&f->m->memory, 0xc0000000, 4), ==, 0xffffffff);
    g_assert_cmphex(f->pc->ram.ram->host[0xc0000000], ==, 0x22);
}

static void memory_map_covers_ram_once(struct fixture *f, gconstpointer data)
{
    uint64_t end = 0, ram = 0;

    (void)data;
    for (unsigned i = 0; i < f->pc->n_e820; i++) {
        const struct e820_entry *e = &f->pc->e820[i];

        g_assert_cmphex(e->addr, >=, end);
        end = e->addr + e->size;
        ram += e->addr < 0xa0000 || e->addr >= 0x100000 ? e->size : 0;
    }
    /* All but the legacy hole between 640 KiB and 1 MiB. */
    g_assert_cmphex(ram, ==, f->pc->ram_below_4g + f->pc->ram_above_4g - 0x60000);
}

static void tables_come_back_at_reset(struct fixture *f, gconstpointer data)
{
    char signature[9] = "";

    (void)data;
    address_space_read(&f->m->memory, ACPI_RSDP_ADDR, signature, 8);
    g_assert_cmpstr(signature, ==, "RSD PTR ");
    address_space_store(&f->m->memory, ACPI_RSDP_ADDR, 0, 8);
    run_reset_hooks(f->m);
    address_space_read(&f->m->memory, ACPI_RSDP_ADDR, signature, 8);
    g_assert_cmpstr(signature, ==, "RSD PTR ");
}

/* The power button reaches IRQ 9 of both controllers. */
static void power_button_reaches_the_controllers(struct fixture *f, gconstpointer data)
{
    (void)data;
    address_space_store(&f->m->io, 0xb2, PM_ACPI_ENABLE, 1);
    address_space_store(&f->m->io, PC_PM_BASE + 2, 0x100, 2);
    irq_pulse(&f->m->powerdown_irq);
    g_assert_cmphex(f->pc->ioapic->lines & 1u << 9, !=, 0);
    g_assert_cmphex(f->pc->pic->chip[1].irr & 1u << 1, !=, 0);
    address_space_store(&f->m->io, PC_PM_BASE, 0x100, 2);
    g_assert_cmphex(f->pc->ioapic->lines & 1u << 9, ==, 0);
}

/* IRQ 0 is pin 2 of the I/O APIC, as the MADT's override says. */
static void timer_reaches_pin_2(struct fixture *f, gconstpointer data)
{
    (void)data;
    irq_lower(&f->pc->piix3->isa_irqs[0]);
    g_assert_cmphex(f->pc->ioapic->lines & 5, ==, 0);
    irq_raise(&f->pc->piix3->isa_irqs[0]);
    g_assert_cmphex(f->pc->ioapic->lines & 5, ==, 4);
}

/* The x87's error line is IRQ 13 until port 0xF0 is written. */
static void x87_errors_are_irq_13(struct fixture *f, gconstpointer data)
{
    (void)data;
    g_assert_nonnull(f->pc->cpus[0]->ferr);
    irq_set(f->pc->cpus[0]->ferr, true);
    g_assert_cmphex(f->pc->ioapic->lines & 1u << 13, !=, 0);
    g_assert_cmphex(f->pc->pic->chip[1].irr & 1u << 5, !=, 0);
    address_space_store(&f->m->io, 0xf0, 0, 1);
    g_assert_cmphex(f->pc->ioapic->lines & 1u << 13, ==, 0);
}

static void every_device_saves_and_loads(struct fixture *f, gconstpointer data)
{
    (void)data;
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
}

static void too_little_ram_is_refused(void)
{
    struct machine *m = machine_new();
    g_autoptr(GError) error = NULL;

    machine_lock(m);
    m->config.ram_size = 1 << 20;
    g_assert_false(pc_init(m, &error));
    g_assert_nonnull(strstr(error->message, "must be at least 2M"));
    machine_free(m);
}

#define ADD(path, size, fn) g_test_add("/pc/" path, struct fixture, &size, set_up, fn, tear_down)

int main(int argc, char **argv)
{
    static const uint64_t small = 128ull << 20, large = 4ull << 30;

    g_test_init(&argc, &argv, NULL);
    ADD("chipset", small, chipset_is_in_its_slots);
    ADD("ram", large, ram_surrounds_the_hole);
    ADD("e820", small, memory_map_covers_ram_once);
    ADD("e820-large", large, memory_map_covers_ram_once);
    ADD("tables", small, tables_come_back_at_reset);
    ADD("power-button", small, power_button_reaches_the_controllers);
    ADD("timer", small, timer_reaches_pin_2);
    ADD("ferr", small, x87_errors_are_irq_13);
    ADD("state", small, every_device_saves_and_loads);
    g_test_add_func("/pc/little-ram", too_little_ram_is_refused);
    return g_test_run();
}
