/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/acpi_tpm.c: a TPM: its device in the SSDT, and the table TPM2, or TCPA for a TPM 1.2.
 *
 * Source: TCG ACPI Specification 1.2, chapters 7 and 8; TCG PC Client Platform TPM Profile 1.05, 8.
 * Thread: under the machine lock.
 */
#include "hw/i386/acpi_internal.h"

#include "hw/i386/aml.h"
#include "hw/tpm/tpm.h"

/* TPM2, start method: how software says that a command is there. */
enum { START_METHOD_TIS = 6, START_METHOD_CRB = 7 };
#define CLASS_CLIENT 0u
#define TIS_SIZE     0x5000u
#define CRB_SIZE     0x1000u
#define CRB_CONTROL  (TPM_MMIO_BASE + 0x40) /* of the CRB: from CTRL_REQ on */

/*
 * Device(TPM) { Name(_HID, ...) Name(_UID, 1) Name(_STA, 15) Name(_CRS, ResourceTemplate() { Memory32Fixed(...) }) }
 * No interrupt: drivers that find one insist that it comes, and the line may be another device's, too.
 */
void acpi_put_tpm(const struct acpi_devices *d, GByteArray *out)
{
    size_t device = aml_begin_device(out, "TPM");
    GByteArray *res = g_byte_array_new();

    if (d->tpm_version == TPM_VERSION_2_0) {
        aml_name_string(out, "_HID", "MSFT0101");
        aml_name_string(out, "_STR", "TPM 2.0 Device");
    } else {
        aml_name_eisa_id(out, "_HID", "PNP0C31");
    }
    aml_name_int(out, "_UID", 1);
    aml_name_int(out, "_STA", 0x0f);
    aml_res_memory32(res, TPM_MMIO_BASE, d->tpm == TPM_INTERFACE_TIS ? TIS_SIZE : CRB_SIZE, true);
    aml_name_resources(out, "_CRS", res);
    aml_end(out, device);
}

/* 7.3 */
static void put_tpm2(const struct acpi_devices *d, GByteArray *out)
{
    bool crb = d->tpm == TPM_INTERFACE_CRB;

    acpi_put(out, CLASS_CLIENT, 2);
    acpi_put(out, 0, 2);
    acpi_put(out, crb ? CRB_CONTROL : 0, 8);
    acpi_put(out, crb ? START_METHOD_CRB : START_METHOD_TIS, 4);
    acpi_put(out, 0, 12); /* the start method's parameters: none */
}

size_t acpi_build_tpm(const struct acpi_config *cfg, struct acpi_tables *t)
{
    GByteArray *out = t->blob;
    bool v2 = cfg->devices.tpm_version == TPM_VERSION_2_0;
    size_t table = acpi_begin_table(out, v2 ? "TPM2" : "TCPA", v2 ? 4 : 2);

    if (v2) {
        put_tpm2(&cfg->devices, out);
    } else { /* 7.2 */
        acpi_put(out, CLASS_CLIENT, 2);
    }
    /* Without firmware nobody would write a log. */
    acpi_put(out, cfg->area ? 0 : TPM_LOG_SIZE, 4);
    t->tpm_log_pointer = cfg->area ? 0 : out->len;
    acpi_put(out, 0, 8);
    acpi_end_table(out, table);
    return table;
}
