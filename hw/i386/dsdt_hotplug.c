/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/dsdt_hotplug.c: the part of the DSDT that serves hot-plug of the root bus's slots.  The comments
 * beside the code are the ASL it stands for.
 */
#include "hw/i386/acpi.h"
#include "hw/i386/acpi_pci_hotplug.h"
#include "hw/i386/aml.h"

/* Slots 0 and 1 are the chipset's. */
#define HOTPLUG_FIRST 2u
#define HOTPLUG_SLOTS 32u

static void slot_name(char name[5], unsigned slot)
{
    g_snprintf(name, 5, "S%02X", slot << 3);
}

/* OperationRegion(name, SystemIO, port, 4 n) with n fields of 32 bits, which are read whole. */
static void add_hotplug_registers(GByteArray *out, const char *name, unsigned port,
                                  const char *const *fields, unsigned n)
{
    size_t field;

    aml_region(out, name, AML_SYSTEM_IO, port, 4ull * n);
    field = aml_begin_field(out, name, AML_DWORD_ACCESS);
    for (unsigned i = 0; i < n; i++) {
        aml_field_unit(out, fields[i], 32);
    }
    aml_end(out, field);
}

/* Device(Sxx) { Name(_SUN, slot) Name(_ADR, slot << 16) Method(_EJ0, 1) { EJCT = 1 << slot } } */
static void add_hotplug_slot(unsigned slot, GByteArray *out)
{
    size_t device, method;
    char name[5];

    slot_name(name, slot);
    device = aml_begin_device(out, name);
    aml_name_int(out, "_SUN", slot);
    aml_name_int(out, "_ADR", slot << 16);
    method = aml_begin_method(out, "_EJ0", 1, false);
    aml_op(out, AML_STORE);
    aml_int(out, 1u << slot);
    aml_name(out, "EJCT");
    aml_end(out, method);
    aml_end(out, device);
}

/* Method(TELL, 2) { If (Arg0 & 1 << slot) { Notify(Sxx, Arg1) } ... } */
static void add_tell(GByteArray *out)
{
    size_t method = aml_begin_method(out, "TELL", 2, true);

    for (unsigned slot = HOTPLUG_FIRST; slot < HOTPLUG_SLOTS; slot++) {
        size_t cond = aml_begin_if(out);
        char name[5];

        slot_name(name, slot);
        aml_op(out, AML_AND);
        aml_op(out, AML_ARG0);
        aml_int(out, 1u << slot);
        aml_op(out, AML_ZERO); /* the target: none */
        aml_op(out, AML_NOTIFY);
        aml_name(out, name);
        aml_op(out, AML_ARG1);
        aml_end(out, cond);
    }
    aml_end(out, method);
}

/* The root bus's slots (acpi_pci_hotplug.h): 1 is a device check, 3 a request to eject (table 5.187). */
void dsdt_add_hotplug(GByteArray *out)
{
    static const char *const waiting[] = { "PCIU", "PCID" }, *const ejecting[] = { "EJCT" };

    add_hotplug_registers(out, "PCST", ACPI_PCI_HOTPLUG_PORT + PCI_HOTPLUG_UP, waiting, 2);
    add_hotplug_registers(out, "PCEJ", ACPI_PCI_HOTPLUG_PORT + PCI_HOTPLUG_EJECT, ejecting, 1);
    for (unsigned slot = HOTPLUG_FIRST; slot < HOTPLUG_SLOTS; slot++) {
        add_hotplug_slot(slot, out);
    }
    add_tell(out);
}

/* Scope(\_GPE) { Method(_E01) { TELL(PCIU, 1) TELL(PCID, 3) } } */
void dsdt_add_hotplug_event(GByteArray *out)
{
    static const struct {
        const char *slots;
        unsigned event;
    } rows[] = { { "\\_SB.PCI0.PCIU", 1 }, { "\\_SB.PCI0.PCID", 3 } };
    size_t scope = aml_begin_scope(out, "\\_GPE");
    size_t method = aml_begin_method(out, "_E01", 0, false);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        aml_name(out, "\\_SB.PCI0.TELL");
        aml_name(out, rows[i].slots);
        aml_int(out, rows[i].event);
    }
    aml_end(out, method);
    aml_end(out, scope);
}
