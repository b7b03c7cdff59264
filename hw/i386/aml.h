/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/aml.h: writes ACPI Machine Language (ACPI 6.4, chapter 20) front to back into a byte
 * array.
 *
 * What encloses other terms begins with an aml_begin_* that returns a mark for its aml_end.
 * Names are given as in ASL: "_HID", "PCI0", "\\_SB", "^LNKA"; segments shorter than four are
 * padded.
 */
#ifndef HW_I386_AML_H
#define HW_I386_AML_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
enum aml_op {
    AML_ZERO = 0x00, AML_NAME = 0x08, AML_LOCAL0 = 0x60, AML_LOCAL1 = 0x61, AML_ARG0 = 0x68,
    AML_ARG1 = 0x69, AML_NOTIFY = 0x86,
    AML_STORE = 0x70, AML_AND = 0x7b, AML_OR = 0x7d, AML_CREATE_DWORD_FIELD = 0x8a,
    AML_ARG3 = 0x6b, AML_ADD = 0x72, AML_INDEX = 0x88, AML_RETURN = 0xa4,
};
enum aml_space { AML_SYSTEM_MEMORY, AML_SYSTEM_IO, AML_PCI_CONFIG };
enum aml_access { AML_BYTE_ACCESS = 1, AML_DWORD_ACCESS = 3 };
#define AML_DWORD_PREFIX 0x0c
/* clang-format on */

void aml_byte(GByteArray *out, uint8_t v);
void aml_op(GByteArray *out, enum aml_op op);
void aml_name(GByteArray *out, const char *name);
void aml_int(GByteArray *out, uint64_t v);
void aml_string(GByteArray *out, const char *text);
/* "PNP0A03" as the integer that _HID takes (ACPI 6.4, 19.3.4). */
void aml_eisa_id(GByteArray *out, const char *id);

size_t aml_begin_scope(GByteArray *out, const char *name);
size_t aml_begin_device(GByteArray *out, const char *name);
size_t aml_begin_method(GByteArray *out, const char *name, unsigned n_args, bool serialized);
size_t aml_begin_package(GByteArray *out, unsigned n_elements);
size_t aml_begin_if(GByteArray *out); /* followed by the condition */
/* Followed by aml_field_unit. */
size_t aml_begin_field(GByteArray *out, const char *region, enum aml_access access);
void aml_field_unit(GByteArray *out, const char *name, unsigned bits);
void aml_end(GByteArray *out, size_t mark);

/* OperationRegion(name, space, offset, length) */
void aml_region(GByteArray *out, const char *name, enum aml_space space, uint64_t off,
                uint64_t length);
/* Name(name, value) */
void aml_name_int(GByteArray *out, const char *name, uint64_t v);
void aml_name_eisa_id(GByteArray *out, const char *name, const char *id);
void aml_name_string(GByteArray *out, const char *name, const char *text);
/* Name(name, ResourceTemplate(){...}): ends, takes over and frees `res`. */
void aml_name_resources(GByteArray *out, const char *name, GByteArray *res);

/* Resource descriptors (6.4): appended to a byte array of their own. */
void aml_res_io(GByteArray *res, uint16_t base, uint8_t length);
void aml_res_irq(GByteArray *res, unsigned irq);
void aml_res_memory32(GByteArray *res, uint32_t base, uint32_t length, bool writable);
/* Level, active high, shared. */
void aml_res_interrupts(GByteArray *res, const uint8_t *irqs, unsigned n);
void aml_res_bus_numbers(GByteArray *res, uint16_t first, uint16_t last);
/* Windows of a host bridge, both ends inclusive. */
void aml_res_window_io(GByteArray *res, uint16_t first, uint16_t last);
void aml_res_window_memory32(GByteArray *res, uint32_t first, uint32_t last);
void aml_res_window_memory64(GByteArray *res, uint64_t first, uint64_t last);

#endif
