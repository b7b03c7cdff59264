/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/dsdt.c: the DSDT: the PCI host with its windows and interrupt routing, the ISA bridge
 * with what is on it, and soft off.
 *
 * The comments beside the code are the ASL it stands for.  Interrupts are routed in both modes
 * through the PIIX3's link devices: a PIRQ reaches the 8259 and the I/O APIC on the same number, so
 * there is no _PIC.  The ICH9 has inputs 16-23 of the I/O APIC for them besides.  The power button is a fixed feature and has no device.
 */
#include "hw/i386/acpi.h"

#include <string.h>
#include "hw/i386/acpi_pci_hotplug.h"
#include "hw/i386/aml.h"
#include "hw/i386/ich9_lpc.h"
#include "hw/i386/piix4_pm.h"
#include "hw/virtio/virtio_mmio.h"

/* Method(name, 0) { Return(v) } */
static void method_returns_int(GByteArray *out, const char *name, uint64_t v)
{
    size_t method = aml_begin_method(out, name, 0, false);

    aml_op(out, AML_RETURN);
    aml_int(out, v);
    aml_end(out, method);
}

/* CreateDWordField(buffer, 5, name): 5 is where the first number of an Interrupt() stands. */
static void interrupt_field(GByteArray *out, enum aml_op buffer, const char *name)
{
    aml_op(out, AML_CREATE_DWORD_FIELD);
    aml_op(out, buffer);
    aml_int(out, 5);
    aml_name(out, name);
}

/*
 * Device(LNKx) over the register PRQx (PIIX3 datasheet, 2.2.7: bit 7 off, bits 3-0 the IRQ).
 */
static void add_link(GByteArray *out, unsigned n)
{
    static const uint8_t possible[] = { 5, 10, 11 };
    char name[] = "LNKA", reg[] = "^^ISA.PRQ0";
    GByteArray *res = g_byte_array_new();
    size_t device, method, cond;

    name[3] = (char)('A' + n);
    reg[9] = (char)('0' + n);
    device = aml_begin_device(out, name);
    aml_name_eisa_id(out, "_HID", "PNP0C0F");
    aml_name_int(out, "_UID", n);
    aml_res_interrupts(res, possible, sizeof(possible));
    aml_name_resources(out, "_PRS", res);

    /* Method(_STA) { If (PRQx & 0x80) { Return(9) } Return(0x0b) } */
    method = aml_begin_method(out, "_STA", 0, false);
    cond = aml_begin_if(out);
    aml_op(out, AML_AND);
    aml_name(out, reg);
    aml_int(out, 0x80);
    aml_op(out, AML_ZERO); /* the target: none */
    aml_op(out, AML_RETURN);
    aml_int(out, 0x09);
    aml_end(out, cond);
    aml_op(out, AML_RETURN);
    aml_int(out, 0x0b);
    aml_end(out, method);

    /* Method(_DIS) { PRQx |= 0x80 } */
    method = aml_begin_method(out, "_DIS", 0, false);
    aml_op(out, AML_OR);
    aml_name(out, reg);
    aml_int(out, 0x80);
    aml_name(out, reg);
    aml_end(out, method);

    /* Method(_CRS) { Local0 = RES; CreateDWordField(Local0, 5, IRQN); IRQN = PRQx & 15; ... } */
    res = g_byte_array_new();
    aml_res_interrupts(res, (const uint8_t[]){ 0 }, 1);
    aml_name_resources(out, "RES", res);
    method = aml_begin_method(out, "_CRS", 0, true);
    aml_op(out, AML_STORE);
    aml_name(out, "RES");
    aml_op(out, AML_LOCAL0);
    interrupt_field(out, AML_LOCAL0, "IRQN");
    aml_op(out, AML_AND);
    aml_name(out, reg);
    aml_int(out, 0x0f);
    aml_name(out, "IRQN");
    aml_op(out, AML_RETURN);
    aml_op(out, AML_LOCAL0);
    aml_end(out, method);

    /* Method(_SRS, 1) { CreateDWordField(Arg0, 5, IRQN); PRQx = IRQN } */
    method = aml_begin_method(out, "_SRS", 1, true);
    interrupt_field(out, AML_ARG0, "IRQN");
    aml_op(out, AML_STORE);
    aml_name(out, "IRQN");
    aml_name(out, reg);
    aml_end(out, method);
    aml_end(out, device);
}

/* The SCI as a link that can not be moved: IRQ 9, for the power management function's own pin. */
static void add_sci_link(GByteArray *out)
{
    static const uint8_t irq[] = { 9 };
    size_t device = aml_begin_device(out, "LNKS"), method;
    GByteArray *res = g_byte_array_new();

    aml_name_eisa_id(out, "_HID", "PNP0C0F");
    aml_name_int(out, "_UID", 4);
    aml_res_interrupts(res, irq, 1);
    aml_name_resources(out, "_PRS", res);
    res = g_byte_array_new();
    aml_res_interrupts(res, irq, 1);
    aml_name_resources(out, "_CRS", res);
    method_returns_int(out, "_STA", 0x0b);
    aml_end(out, aml_begin_method(out, "_DIS", 0, false));
    method = aml_begin_method(out, "_SRS", 1, false);
    aml_end(out, method);
    aml_end(out, device);
}

/* Package() { address, pin, link, 0 } for each pin of each slot, as piix3_map_irq has it. */
static void add_prt(GByteArray *out)
{
    size_t table;

    aml_op(out, AML_NAME);
    aml_name(out, "_PRT");
    table = aml_begin_package(out, 32 * 4);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            size_t row = aml_begin_package(out, 4);
            char link[] = "LNKA"; /* beside the _PRT */

            link[3] = slot == 1 && pin == 0 ? 'S' : (char)('A' + ((slot - 1 + pin) & 3));
            aml_int(out, slot << 16 | 0xffff);
            aml_int(out, pin);
            aml_name(out, link);
            aml_int(out, 0);
            aml_end(out, row);
        }
    }
    aml_end(out, table);
}

/* Name(name, Package() { { address, pin, link, 0 } or { address, pin, 0, GSI } ... }) */
static void add_ich9_prt(GByteArray *out, const char *name, bool apic)
{
    size_t table;

    aml_op(out, AML_NAME);
    aml_name(out, name);
    table = aml_begin_package(out, 32 * 4);
    for (unsigned slot = 0; slot < 32; slot++) {
        for (unsigned pin = 0; pin < 4; pin++) {
            size_t row = aml_begin_package(out, 4);
            unsigned pirq = ich9_map_irq(slot, pin);
            char link[] = "LNKA";

            link[3] = (char)('A' + pirq);
            aml_int(out, slot << 16 | 0xffff);
            aml_int(out, pin);
            if (apic) {
                aml_int(out, 0);
                aml_int(out, ICH9_GSI_PIRQ + pirq);
            } else {
                aml_name(out, link);
                aml_int(out, 0);
            }
            aml_end(out, row);
        }
    }
    aml_end(out, table);
}

/* Method(_PRT) { If (PICF) { Return(PRTA) } Return(PRTP) } */
static void add_ich9_routing(GByteArray *out)
{
    size_t method, cond;

    add_ich9_prt(out, "PRTP", false);
    add_ich9_prt(out, "PRTA", true);
    method = aml_begin_method(out, "_PRT", 0, false);
    cond = aml_begin_if(out);
    aml_name(out, "\\PICF");
    aml_op(out, AML_RETURN);
    aml_name(out, "PRTA");
    aml_end(out, cond);
    aml_op(out, AML_RETURN);
    aml_name(out, "PRTP");
    aml_end(out, method);
}

/* Name(\PICF, 0)  Method(\_PIC, 1) { PICF = Arg0 }: the system says which controllers it uses. */
static void add_pic_mode(GByteArray *out)
{
    size_t method;

    aml_name_int(out, "\\PICF", 0);
    method = aml_begin_method(out, "\\_PIC", 1, false);
    aml_op(out, AML_STORE);
    aml_op(out, AML_ARG0);
    aml_name(out, "\\PICF");
    aml_end(out, method);
}

/* Method(_OSC, 4) { Return(Arg3) }: the system may control all that it asks for. */
static void add_osc(GByteArray *out)
{
    size_t method = aml_begin_method(out, "_OSC", 4, false);

    aml_op(out, AML_RETURN);
    aml_op(out, AML_ARG3);
    aml_end(out, method);
}

/* Where 64-bit BARs may go: above RAM, within the 40 bits of physical address that CPUs have. */
#define WINDOW64_ALIGN (64ull << 30)
#define WINDOW64_SIZE  (256ull << 30)
#define PHYS_LIMIT     (1ull << 40)

static void add_host_windows(const struct acpi_config *cfg, GByteArray *out)
{
    GByteArray *res = g_byte_array_new();
    uint64_t top = (4ull << 30) + cfg->ram_above_4g;

    top = (top + WINDOW64_ALIGN - 1) & ~(WINDOW64_ALIGN - 1);
    aml_res_bus_numbers(res, 0, 0xff);
    aml_res_io(res, 0xcf8, 8);
    aml_res_window_io(res, 0x0000, 0x0cf7);
    aml_res_window_io(res, 0x0d00, 0xffff);
    aml_res_window_memory32(res, 0x000a0000, 0x000bffff);
    aml_res_window_memory32(res, (uint32_t)MAX(cfg->ram_below_4g, 0xc0000000u), 0xfebfffff);
    if (top < PHYS_LIMIT) {
        aml_res_window_memory64(res, top, MIN(top + WINDOW64_SIZE, PHYS_LIMIT) - 1);
    }
    aml_name_resources(out, "_CRS", res);
}

/* Devices at fixed ports. */
struct isa_part {
    const char *name, *hid;
    struct {
        uint16_t base;
        uint8_t length;
    } io[3];
    uint8_t irq;  /* 0: none */
    int serial;   /* its index + 1, or 0 */
    int parallel; /* the same */
};

/* clang-format off */
static const struct isa_part isa_parts[] = {
    { "RTC",  "PNP0B00", { { 0x70, 2 } },                  8, 0 },
    { "KBD",  "PNP0303", { { 0x60, 1 }, { 0x64, 1 } },     1, 0 },
    { "MOU",  "PNP0F13", { { 0, 0 } },                    12, 0 },
    { "COM1", "PNP0501", { { 0x3f8, 8 } },                 4, 1 },
    { "COM2", "PNP0501", { { 0x2f8, 8 } },                 3, 2 },
    { "COM3", "PNP0501", { { 0x3e8, 8 } },                 4, 3 },
    { "COM4", "PNP0501", { { 0x2e8, 8 } },                 3, 4 },
    { "LPT1", "PNP0400", { { 0x378, 8 } },                 7, 0, 1 },
    { "LPT2", "PNP0400", { { 0x278, 8 } },                 7, 0, 2 },
    { "LPT3", "PNP0400", { { 0x3bc, 3 } },                 7, 0, 3 },
};
/* clang-format on */

static void add_isa_part(const struct isa_part *part, GByteArray *out)
{
    size_t device = aml_begin_device(out, part->name);
    GByteArray *res = g_byte_array_new();

    aml_name_eisa_id(out, "_HID", part->hid);
    if (part->serial || part->parallel) {
        aml_name_int(out, "_UID", (uint64_t)(part->serial + part->parallel));
    }
    method_returns_int(out, "_STA", 0x0f);
    for (unsigned i = 0; i < G_N_ELEMENTS(part->io) && part->io[i].length; i++) {
        aml_res_io(res, part->io[i].base, part->io[i].length);
    }
    if (part->irq) {
        aml_res_irq(res, part->irq);
    }
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
}

/* Is the part on this board? */
static bool has_isa_part(const struct acpi_config *cfg, const struct isa_part *part)
{
    if (part->serial) {
        return cfg->serial[part->serial - 1];
    }
    if (part->parallel) {
        return cfg->parallel[part->parallel - 1];
    }
    return !cfg->no_pci || (cfg->rtc && strcmp(part->name, "RTC") == 0);
}

static void add_isa_parts(const struct acpi_config *cfg, GByteArray *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(isa_parts); i++) {
        if (has_isa_part(cfg, &isa_parts[i])) {
            add_isa_part(&isa_parts[i], out);
        }
    }
}

/* Ports that belong to the board: nobody else may be put there. */
static void add_motherboard(const struct acpi_config *cfg, GByteArray *out)
{
    size_t device = aml_begin_device(out, "MBRD");
    GByteArray *res = g_byte_array_new();

    aml_name_eisa_id(out, "_HID", "PNP0C02");
    aml_res_io(res, 0x80, 1);
    aml_res_io(res, 0x92, 1);
    aml_res_io(res, PM_SMI_COMMAND_PORT, 2);
    aml_res_io(res, 0x4d0, 2);
    aml_res_io(res, cfg->pm_base, cfg->ich9 ? ICH9_PM_SIZE : PM_BLOCK_SIZE);
    if (cfg->ich9) {
        aml_res_memory32(res, ICH9_RCBA_BASE, ICH9_RCBA_SIZE, true);
    }
    if (cfg->ecam) {
        aml_res_memory32(res, cfg->ecam, 256u << 20, true);
    }
    if (cfg->pci_hotplug) {
        aml_res_io(res, ACPI_PCI_HOTPLUG_PORT, PCI_HOTPLUG_SIZE);
    }
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
}

/* OperationRegion(name, PCI_Config, off, 4) with the fields PRQn, n from `first` on. */
static void add_routes(GByteArray *out, const char *name, unsigned off, unsigned first)
{
    size_t field;

    aml_region(out, name, AML_PCI_CONFIG, off, 4);
    field = aml_begin_field(out, name, AML_BYTE_ACCESS);
    for (unsigned i = 0; i < 4; i++) {
        char reg[] = "PRQ0";

        reg[3] = (char)('0' + first + i);
        aml_field_unit(out, reg, 8);
    }
    aml_end(out, field);
}

static void add_isa_bridge(const struct acpi_config *cfg, GByteArray *out)
{
    size_t device = aml_begin_device(out, "ISA");

    aml_name_int(out, "_ADR", cfg->ich9 ? 0x001f0000 : 0x00010000);
    add_routes(out, "PIRQ", 0x60, 0);
    if (cfg->ich9) {
        add_routes(out, "PIRE", ICH9_PIRQ_E, 4);
    }
    add_isa_parts(cfg, out);
    add_motherboard(cfg, out);
    aml_end(out, device);
}

static void add_pci_host(const struct acpi_config *cfg, GByteArray *out)
{
    size_t device = aml_begin_device(out, "PCI0");

    if (cfg->ecam) { /* a PCI Express host, which older systems take for a PCI one */
        aml_name_eisa_id(out, "_HID", "PNP0A08");
        aml_name_eisa_id(out, "_CID", "PNP0A03");
        add_osc(out);
    } else {
        aml_name_eisa_id(out, "_HID", "PNP0A03");
    }
    aml_name_int(out, "_UID", 0);
    add_host_windows(cfg, out);
    add_isa_bridge(cfg, out);
    for (unsigned i = 0; i < (cfg->ich9 ? 8u : 4u); i++) {
        add_link(out, i);
    }
    if (cfg->ich9) {
        add_ich9_routing(out);
    } else {
        add_sci_link(out);
        add_prt(out);
    }
    if (cfg->pci_hotplug) {
        dsdt_add_hotplug(out);
    }
    aml_end(out, device);
}

/* Device(VRnn) { _HID "LNRO0005": a virtio device's registers in memory; what is empty says so itself } */
static void add_virtio(const struct acpi_virtio *v, unsigned n, GByteArray *out)
{
    GByteArray *res = g_byte_array_new();
    char name[5];
    size_t device;

    g_snprintf(name, sizeof(name), "VR%02u", n);
    device = aml_begin_device(out, name);
    aml_name_string(out, "_HID", "LNRO0005");
    aml_name_int(out, "_UID", n);
    aml_name_int(out, "_CCA", 1);
    aml_res_memory32(res, v->addr, VIRTIO_MMIO_SIZE, true);
    aml_res_interrupts(res, &v->gsi, 1);
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
}

/* A board without PCI: its parts are the system's own. */
static void add_bare_board(const struct acpi_config *cfg, GByteArray *out)
{
    size_t device;
    GByteArray *res = g_byte_array_new();

    add_isa_parts(cfg, out);
    device = aml_begin_device(out, "MBRD");
    aml_name_eisa_id(out, "_HID", "PNP0C02");
    aml_res_io(res, cfg->pm_base, PM_BLOCK_SIZE);
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
    for (unsigned i = 0; i < cfg->n_virtio; i++) {
        add_virtio(&cfg->virtio[i], i, out);
    }
}

static void add_hpet(GByteArray *out)
{
    size_t device = aml_begin_device(out, "HPET");
    GByteArray *res = g_byte_array_new();

    aml_name_eisa_id(out, "_HID", "PNP0103");
    aml_name_int(out, "_UID", 0);
    aml_res_memory32(res, 0xfed00000, 0x400, false);
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
}

static void add_cpu(unsigned index, GByteArray *out)
{
    char name[8];
    size_t device;

    g_snprintf(name, sizeof(name), "C%03X", index);
    device = aml_begin_device(out, name);
    aml_name_string(out, "_HID", "ACPI0007");
    aml_name_int(out, "_UID", index);
    aml_end(out, device);
}

/* Name(name, Package() { PM1a's SLP_TYP, PM1b's, reserved, reserved }) */
static void add_sleep_state(GByteArray *out, const char *name, unsigned type)
{
    size_t package;

    aml_op(out, AML_NAME);
    aml_name(out, name);
    package = aml_begin_package(out, 4);
    aml_int(out, type);
    aml_int(out, type);
    aml_int(out, 0);
    aml_int(out, 0);
    aml_end(out, package);
}

void acpi_build_dsdt(const struct acpi_config *cfg, GByteArray *out)
{
    const struct acpi_sleep_types *types = cfg->ich9 ? &ich9_sleep_types : &piix4_sleep_types;
    size_t scope;

    if (cfg->ich9) {
        add_pic_mode(out);
    }
    scope = aml_begin_scope(out, "\\_SB");
    (cfg->no_pci ? add_bare_board : add_pci_host)(cfg, out);
    for (unsigned i = 0; i < cfg->n_cpus; i++) {
        add_cpu(i, out);
    }
    if (cfg->hpet) {
        add_hpet(out);
    }
    aml_end(out, scope);
    if (cfg->pci_hotplug) {
        dsdt_add_hotplug_event(out);
    }

    if (!cfg->no_s3) {
        add_sleep_state(out, "\\_S3", types->s3);
    }
    if (!cfg->no_s4) {
        add_sleep_state(out, "\\_S4", types->s4);
    }
    add_sleep_state(out, "\\_S5", types->s5);
}
