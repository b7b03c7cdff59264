/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/i386/aml.c: the encodings of ACPI Machine Language (ACPI 6.4, 20.2) and of resource
 * descriptors (6.4).  Pure functions; any thread.
 */
#include "hw/i386/aml.h"

#include <string.h>

void aml_byte(GByteArray *out, uint8_t v)
{
    g_byte_array_append(out, &v, 1);
}

static void put_le(GByteArray *out, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        aml_byte(out, (uint8_t)(v >> (8 * i)));
    }
}

void aml_op(GByteArray *out, enum aml_op op)
{
    aml_byte(out, (uint8_t)op);
}

/* NameString (20.2.2): prefixes, then one, two or more segments of four characters. */
void aml_name(GByteArray *out, const char *name)
{
    unsigned n = 1;

    while (*name == '\\' || *name == '^') {
        aml_byte(out, (uint8_t)*name++);
    }
    if (!*name) {
        aml_byte(out, 0x00); /* NullName: "\" alone */
        return;
    }
    for (const char *p = name; *p; p++) {
        n += *p == '.';
    }
    if (n == 2) {
        aml_byte(out, 0x2e);
    } else if (n > 2) {
        aml_byte(out, 0x2f);
        aml_byte(out, (uint8_t)n);
    }
    while (*name) {
        char segment[4] = { '_', '_', '_', '_' };

        for (unsigned i = 0; *name && *name != '.'; name++) {
            if (i < 4) {
                segment[i++] = *name;
            }
        }
        g_byte_array_append(out, (const uint8_t *)segment, 4);
        name += *name == '.';
    }
}

void aml_int(GByteArray *out, uint64_t v)
{
    if (v <= 1) {
        aml_byte(out, (uint8_t)v); /* ZeroOp, OneOp */
    } else if (v <= 0xff) {
        aml_byte(out, 0x0a);
        put_le(out, v, 1);
    } else if (v <= 0xffff) {
        aml_byte(out, 0x0b);
        put_le(out, v, 2);
    } else if (v <= 0xffffffff) {
        aml_byte(out, 0x0c);
        put_le(out, v, 4);
    } else {
        aml_byte(out, 0x0e);
        put_le(out, v, 8);
    }
}

void aml_string(GByteArray *out, const char *text)
{
    aml_byte(out, 0x0d);
    g_byte_array_append(out, (const uint8_t *)text, (guint)strlen(text) + 1);
}

/* Three letters of five bits, then four hex digits; stored with the high byte first. */
void aml_eisa_id(GByteArray *out, const char *id)
{
    uint32_t v = 0;

    g_return_if_fail(strlen(id) == 7);
    for (unsigned i = 0; i < 3; i++) {
        v = v << 5 | ((unsigned)id[i] & 0x1f);
    }
    for (unsigned i = 3; i < 7; i++) {
        v = v << 4 | (unsigned)g_ascii_xdigit_value(id[i]);
    }
    aml_byte(out, 0x0c); /* always a DWordConst */
    put_le(out, GUINT32_SWAP_LE_BE(v), 4);
}

size_t aml_begin_scope(GByteArray *out, const char *name)
{
    size_t mark;

    aml_byte(out, 0x10);
    mark = out->len;
    aml_name(out, name);
    return mark;
}

size_t aml_begin_device(GByteArray *out, const char *name)
{
    size_t mark;

    aml_byte(out, 0x5b);
    aml_byte(out, 0x82);
    mark = out->len;
    aml_name(out, name);
    return mark;
}

size_t aml_begin_method(GByteArray *out, const char *name, unsigned n_args, bool serialized)
{
    size_t mark;

    aml_byte(out, 0x14);
    mark = out->len;
    aml_name(out, name);
    aml_byte(out, (uint8_t)(n_args | (serialized ? 8 : 0)));
    return mark;
}

size_t aml_begin_package(GByteArray *out, unsigned n_elements)
{
    aml_byte(out, 0x12);
    aml_byte(out, (uint8_t)n_elements);
    return out->len - 1;
}

size_t aml_begin_if(GByteArray *out)
{
    aml_byte(out, 0xa0);
    return out->len;
}

size_t aml_begin_field(GByteArray *out, const char *region, enum aml_access access)
{
    size_t mark;

    aml_byte(out, 0x5b);
    aml_byte(out, 0x81);
    mark = out->len;
    aml_name(out, region);
    aml_byte(out, (uint8_t)access); /* NoLock, Preserve */
    return mark;
}

/* PkgLength (20.2.4) counts itself; for a field unit it counts bits alone. */
static unsigned encode_length(size_t length, uint8_t bytes[4])
{
    unsigned n = length < 0x40 ? 1 : length < 0x1000 ? 2 : length < 0x100000 ? 3 : 4;

    if (n == 1) {
        bytes[0] = (uint8_t)length;
        return 1;
    }
    bytes[0] = (uint8_t)((n - 1) << 6 | (length & 15));
    for (unsigned i = 1; i < n; i++) {
        bytes[i] = (uint8_t)(length >> (4 + 8 * (i - 1)));
    }
    return n;
}

void aml_field_unit(GByteArray *out, const char *name, unsigned bits)
{
    uint8_t bytes[4];

    aml_name(out, name);
    g_byte_array_append(out, bytes, encode_length(bits, bytes));
}

void aml_end(GByteArray *out, size_t mark)
{
    size_t body = out->len - mark;
    uint8_t bytes[4];
    unsigned n = 1;

    while (encode_length(body + n, bytes) != n) {
        n++;
    }
    g_byte_array_set_size(out, out->len + n);
    memmove(out->data + mark + n, out->data + mark, body);
    memcpy(out->data + mark, bytes, n);
}

void aml_region(GByteArray *out, const char *name, enum aml_space space, uint64_t off,
                uint64_t length)
{
    aml_byte(out, 0x5b);
    aml_byte(out, 0x80);
    aml_name(out, name);
    aml_byte(out, (uint8_t)space);
    aml_int(out, off);
    aml_int(out, length);
}

void aml_name_int(GByteArray *out, const char *name, uint64_t v)
{
    aml_op(out, AML_NAME);
    aml_name(out, name);
    aml_int(out, v);
}

void aml_name_eisa_id(GByteArray *out, const char *name, const char *id)
{
    aml_op(out, AML_NAME);
    aml_name(out, name);
    aml_eisa_id(out, id);
}

void aml_name_string(GByteArray *out, const char *name, const char *text)
{
    aml_op(out, AML_NAME);
    aml_name(out, name);
    aml_string(out, text);
}

void aml_name_resources(GByteArray *out, const char *name, GByteArray *res)
{
    size_t mark;

    aml_byte(res, 0x79); /* end tag; checksum 0: none */
    aml_byte(res, 0x00);
    aml_op(out, AML_NAME);
    aml_name(out, name);
    aml_byte(out, 0x11); /* Buffer */
    mark = out->len;
    aml_int(out, res->len);
    g_byte_array_append(out, res->data, res->len);
    aml_end(out, mark);
    g_byte_array_unref(res);
}

void aml_res_io(GByteArray *res, uint16_t base, uint8_t length)
{
    aml_byte(res, 0x47);
    aml_byte(res, 0x01); /* 16 address lines are decoded */
    put_le(res, base, 2);
    put_le(res, base, 2);
    aml_byte(res, 0x01); /* alignment */
    aml_byte(res, length);
}

void aml_res_irq(GByteArray *res, unsigned irq)
{
    aml_byte(res, 0x22); /* edge, active high, exclusive */
    put_le(res, 1u << (irq & 15), 2);
}

void aml_res_memory32(GByteArray *res, uint32_t base, uint32_t length, bool writable)
{
    aml_byte(res, 0x86);
    put_le(res, 9, 2);
    aml_byte(res, writable);
    put_le(res, base, 4);
    put_le(res, length, 4);
}

void aml_res_interrupts(GByteArray *res, const uint8_t *irqs, unsigned n)
{
    aml_byte(res, 0x89);
    put_le(res, 2 + 4 * n, 2);
    aml_byte(res, 0x09); /* shared, active high, level, consumer */
    aml_byte(res, (uint8_t)n);
    for (unsigned i = 0; i < n; i++) {
        put_le(res, irqs[i], 4);
    }
}

/* Word, DWord and QWord address space descriptors (6.4.3.5), producers with both ends fixed. */
static void window(GByteArray *res, unsigned size, unsigned type, unsigned flags, uint64_t first,
                   uint64_t last)
{
    aml_byte(res, size == 2 ? 0x88 : size == 4 ? 0x87 : 0x8a);
    put_le(res, 3 + 5 * size, 2);
    aml_byte(res, (uint8_t)type);
    aml_byte(res, 0x0c);
    aml_byte(res, (uint8_t)flags);
    put_le(res, 0, size); /* granularity */
    put_le(res, first, size);
    put_le(res, last, size);
    put_le(res, 0, size); /* translation */
    put_le(res, last - first + 1, size);
}

void aml_res_bus_numbers(GByteArray *res, uint16_t first, uint16_t last)
{
    window(res, 2, 2, 0, first, last);
}

void aml_res_window_io(GByteArray *res, uint16_t first, uint16_t last)
{
    window(res, 2, 1, 3, first, last); /* the entire range */
}

void aml_res_window_memory32(GByteArray *res, uint32_t first, uint32_t last)
{
    window(res, 4, 0, 1, first, last); /* not cacheable, writable */
}

void aml_res_window_memory64(GByteArray *res, uint64_t first, uint64_t last)
{
    window(res, 8, 0, 1, first, last);
}
