/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/description.c: target.xml, which tells gdb what registers there are; made from the rows of registers.c.
 *
 * Thread: any.
 * Source: GDB manual, appendix "Target Descriptions".
 */
#include "gdbstub/registers.h"

struct flag_row {
    const char *name;
    uint8_t first, last;
};

/* clang-format off */
static const struct flag_row eflags[] = {
    { "CF", 0, 0 }, { "", 1, 1 }, { "PF", 2, 2 }, { "AF", 4, 4 }, { "ZF", 6, 6 }, { "SF", 7, 7 }, { "TF", 8, 8 },
    { "IF", 9, 9 }, { "DF", 10, 10 }, { "OF", 11, 11 }, { "IOPL", 12, 13 }, { "NT", 14, 14 }, { "RF", 16, 16 },
    { "VM", 17, 17 }, { "AC", 18, 18 }, { "VIF", 19, 19 }, { "VIP", 20, 20 }, { "ID", 21, 21 }, { 0 }
};
static const struct flag_row mxcsr[] = {
    { "IE", 0, 0 }, { "DE", 1, 1 }, { "ZE", 2, 2 }, { "OE", 3, 3 }, { "UE", 4, 4 }, { "PE", 5, 5 }, { "DAZ", 6, 6 },
    { "IM", 7, 7 }, { "DM", 8, 8 }, { "ZM", 9, 9 }, { "OM", 10, 10 }, { "UM", 11, 11 }, { "PM", 12, 12 },
    { "FZ", 15, 15 }, { 0 }
};

static const struct vector_row {
    const char *id, *type;
    unsigned count;
    const char *field; /* of vec128 */
} vectors[] = {
    { "v4f",   "ieee_single",  4, "v4_float"  },
    { "v2d",   "ieee_double",  2, "v2_double" },
    { "v16i8", "int8",        16, "v16_int8"  },
    { "v8i16", "int16",        8, "v8_int16"  },
    { "v4i32", "int32",        4, "v4_int32"  },
    { "v2i64", "int64",        2, "v2_int64"  },
};

static const char *const feature_names[FEATURE_COUNT] = {
    [FEATURE_CORE]     = "org.gnu.gdb.i386.core",
    [FEATURE_SSE]      = "org.gnu.gdb.i386.sse",
    [FEATURE_SEGMENTS] = "org.gnu.gdb.i386.segments",
    [FEATURE_SYSTEM]   = "org.rhea.i386.system",
    [FEATURE_AVX]      = "org.gnu.gdb.i386.avx",
    [FEATURE_AVX512]   = "org.gnu.gdb.i386.avx512",
};
/* clang-format on */

static void describe_flags(GString *out, const char *id, const struct flag_row *f)
{
    g_string_append_printf(out, "<flags id=\"%s\" size=\"4\">\n", id);
    for (; f->name; f++) {
        g_string_append_printf(out, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", f->name,
                               f->first, f->last);
    }
    g_string_append(out, "</flags>\n");
}

/* In every feature that has registers of the type. */
static void describe_vec128(GString *out)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(vectors); k++) {
        const struct vector_row *v = &vectors[k];

        g_string_append_printf(out, "<vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", v->id,
                               v->type, v->count);
    }
    g_string_append(out, "<union id=\"vec128\">\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(vectors); k++) {
        g_string_append_printf(out, "<field name=\"%s\" type=\"%s\"/>\n", vectors[k].field,
                               vectors[k].id);
    }
    g_string_append(out, "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n");
}

static void describe_types(GString *out, enum register_feature feature)
{
    if (feature == FEATURE_CORE) {
        describe_flags(out, "i386_eflags", eflags);
    }
    if (feature == FEATURE_SSE || feature == FEATURE_AVX512) {
        describe_vec128(out);
    }
    if (feature == FEATURE_SSE) {
        describe_flags(out, "i386_mxcsr", mxcsr);
    }
    if (feature == FEATURE_AVX512) {
        g_string_append(out, "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>\n");
    }
}

static void describe_register(GString *out, const struct registers *r, unsigned number)
{
    const struct register_entry *e = &g_array_index(r->entries, struct register_entry, number);
    const struct register_row *row = e->row;
    const char *name = r->wide ? row->name : row->name32;
    const char *number_at = g_strstr_len(name, -1, "%u");

    g_string_append(out, "<reg name=\"");
    if (number_at) {
        g_string_append_len(out, name, number_at - name);
        g_string_append_printf(out, "%u%s", e->n, number_at + 2);
    } else {
        g_string_append(out, name);
    }
    g_string_append_printf(out, "\" bitsize=\"%u\" type=\"%s\" regnum=\"%u\"", e->bytes * 8u,
                           r->wide ? row->type : row->type32, number);
    if (row->group) {
        g_string_append_printf(out, " group=\"%s\"", row->group);
    }
    g_string_append(out, "/>\n");
}

char *registers_describe(const struct registers *r)
{
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n"
                                "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n");
    unsigned number = 0;

    g_string_append_printf(out, "<architecture>%s</architecture>\n",
                           r->wide ? "i386:x86-64" : "i386");
    for (unsigned f = 0; f < FEATURE_COUNT; f++) {
        bool begun = false;

        for (; number < r->entries->len; number++) {
            const struct register_entry *e =
                &g_array_index(r->entries, struct register_entry, number);

            if (e->row->feature != f) {
                break;
            }
            if (!begun) {
                g_string_append_printf(out, "<feature name=\"%s\">\n", feature_names[f]);
                describe_types(out, f);
                begun = true;
            }
            describe_register(out, r, number);
        }
        g_string_append(out, begun ? "</feature>\n" : "");
    }
    g_string_append(out, "</target>\n");
    return g_string_free(out, FALSE);
}
