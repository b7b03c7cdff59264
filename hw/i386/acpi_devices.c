/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_devices.c: an SSDT of what is neither the chipset's nor found on a bus: fw_cfg, and what comes by
 * -device: pvpanic, vmgenid, a TPM (acpi_tpm.c).
 *
 * Source: QEMU's documentation: "QEMU Firmware Configuration (fw_cfg) Device", "PVPANIC DEVICE", "Virtual Machine
 *         Generation ID Device".  The comments beside the code are the ASL it stands for.
 * Thread: under the machine lock.
 */
#include "hw/i386/acpi_internal.h"

#include <string.h>
#include "hw/i386/acpi_pm.h"
#include "hw/i386/aml.h"
#include "hw/misc/misc.h"
#include "hw/misc/vmgenid.h"
#include "hw/nvram/fw_cfg.h"
#include "hw/tpm/tpm.h"
#include "softmmu/machine.h"

enum { STA_HIDDEN = 0x0b, STA_SHOWN = 0x0f };
#define FW_CFG_PORTS 12u

struct acpi_devices acpi_find_devices(struct machine *m)
{
    struct acpi_devices found;
    enum tpm_version version = 0;

    memset(&found, 0, sizeof(found));
    found.fw_cfg = fw_cfg_find(m) != NULL;
    found.vmgenid = vmgenid_find(m) != NULL;
    found.pvpanic = pvpanic_port(m);
    found.tpm = (uint8_t)tpm_find_interface(m, &version);
    found.tpm_version = (uint8_t)version;
    return found;
}

/* Name(_STA, status) Name(_CRS, ResourceTemplate() { IO(port, n) }) */
static void put_ports(GByteArray *out, unsigned status, uint16_t port, uint8_t n)
{
    GByteArray *res = g_byte_array_new();

    aml_name_int(out, "_STA", status);
    aml_res_io(res, port, n);
    aml_name_resources(out, "_CRS", res);
}

static void put_fw_cfg(GByteArray *out)
{
    size_t device = aml_begin_device(out, "FWCF");

    aml_name_string(out, "_HID", "QEMU0002");
    put_ports(out, STA_HIDDEN, FW_CFG_PORT, FW_CFG_PORTS);
    aml_end(out, device);
}

/*
 * OperationRegion(PEOR, SystemIO, port, 1) Field(PEOR) { PEPT, 8 }
 * Method(RDPT) { Return(PEPT) } Method(WRPT, 1) { PEPT = Arg0 }
 */
static void put_pvpanic(uint16_t port, GByteArray *out)
{
    size_t device = aml_begin_device(out, "PEVT"), field, method;

    aml_name_string(out, "_HID", "QEMU0001");
    put_ports(out, STA_SHOWN, port, 1);
    aml_region(out, "PEOR", AML_SYSTEM_IO, port, 1);
    field = aml_begin_field(out, "PEOR", AML_BYTE_ACCESS);
    aml_field_unit(out, "PEPT", 8);
    aml_end(out, field);
    method = aml_begin_method(out, "RDPT", 0, false);
    aml_op(out, AML_RETURN);
    aml_name(out, "PEPT");
    aml_end(out, method);
    method = aml_begin_method(out, "WRPT", 1, false);
    aml_op(out, AML_STORE);
    aml_op(out, AML_ARG0);
    aml_name(out, "PEPT");
    aml_end(out, method);
    aml_end(out, device);
}

/* Method(ADDR) { Local0 = Package(2) { 0, 0 }  Local0[0] = \VGIA + 40  Return(Local0) } */
static void put_vmgenid_addr(GByteArray *out)
{
    size_t method = aml_begin_method(out, "ADDR", 0, false), package;

    aml_op(out, AML_STORE);
    package = aml_begin_package(out, 2);
    aml_int(out, 0);
    aml_int(out, 0);
    aml_end(out, package);
    aml_op(out, AML_LOCAL0);
    aml_op(out, AML_STORE);
    aml_op(out, AML_ADD);
    aml_name(out, "\\VGIA");
    aml_int(out, VMGENID_OFFSET);
    aml_op(out, AML_ZERO); /* the target: none */
    aml_op(out, AML_INDEX);
    aml_op(out, AML_LOCAL0);
    aml_int(out, 0);
    aml_op(out, AML_ZERO);
    aml_op(out, AML_RETURN);
    aml_op(out, AML_LOCAL0);
    aml_end(out, method);
}

/*
 * Name(\VGIA, page): always four bytes, to which firmware adds where the page lies.  Within a scope they would move
 * when its length is put before it.
 */
static void put_vmgenid_page(const struct acpi_config *cfg, struct acpi_tables *t)
{
    aml_op(t->blob, AML_NAME);
    aml_name(t->blob, "\\VGIA");
    aml_byte(t->blob, AML_DWORD_PREFIX);
    t->vmgenid_pointer = t->blob->len;
    acpi_put(t->blob, cfg->area ? cfg->area + ACPI_VMGENID_OFFSET : 0, 4);
}

static void put_vmgenid(GByteArray *out)
{
    size_t device = aml_begin_device(out, "VGEN");

    aml_name_string(out, "_HID", "RHEA0001");
    aml_name_string(out, "_CID", "VM_Gen_Counter");
    aml_name_string(out, "_DDN", "VM_Gen_Counter");
    aml_name_int(out, "_STA", STA_SHOWN);
    put_vmgenid_addr(out);
    aml_end(out, device);
}

/* Scope(\_GPE) { Method(_E05) { Notify(\_SB.VGEN, 0x80) } } */
static void put_vmgenid_event(GByteArray *out)
{
    char name[5];
    size_t scope = aml_begin_scope(out, "\\_GPE"), method;

    g_snprintf(name, sizeof(name), "_E%02X", ACPI_VMGENID_GPE);
    method = aml_begin_method(out, name, 0, false);
    aml_op(out, AML_NOTIFY);
    aml_name(out, "\\_SB.VGEN");
    aml_int(out, 0x80);
    aml_end(out, method);
    aml_end(out, scope);
}

size_t acpi_build_devices(const struct acpi_config *cfg, struct acpi_tables *t)
{
    size_t table = acpi_begin_table(t->blob, "SSDT", 2);
    size_t scope;

    if (cfg->devices.vmgenid) {
        put_vmgenid_page(cfg, t);
    }
    scope = aml_begin_scope(t->blob, "\\_SB");
    if (cfg->devices.fw_cfg) {
        put_fw_cfg(t->blob);
    }
    if (cfg->devices.pvpanic) {
        put_pvpanic(cfg->devices.pvpanic, t->blob);
    }
    if (cfg->devices.tpm) {
        acpi_put_tpm(&cfg->devices, t->blob);
    }
    if (cfg->devices.vmgenid) {
        put_vmgenid(t->blob);
    }
    aml_end(t->blob, scope);
    if (cfg->devices.vmgenid) {
        put_vmgenid_event(t->blob);
    }
    acpi_end_table(t->blob, table);
    return table;
}
