/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/native_coverage.c: see native_coverage.h.
 *
 * A line is: map, opcode, mnemonic, kind, cases, faults, bitmap of forms in hexadecimal.  A form is
 * a number of ten bits: code size, register or memory, operand size, address size, LOCK, repeat
 * prefix, segment override; of the vector tables code size, register or memory, vector length, mask,
 * zeroing, EVEX.b.  A row that several opcodes share appears under each of them.
 */
#include "tests/insn/native_coverage.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "target/i386/avx.h"
#include "target/i386/exec_system.h"
#include "tests/insn/native.h"

#define FORM_WORDS 16

struct row_count {
    uint64_t runs, faults, forms[FORM_WORDS];
};

struct native_coverage {
    GHashTable *rows; /* of struct row_count by struct insn_row */
    FILE *file;
};

struct native_coverage *native_coverage_new(void)
{
    const char *path = g_getenv("RHEA_COVERAGE");
    FILE *file = path ? fopen(path, "a") : NULL;
    struct native_coverage *c;

    if (!file) {
        return NULL;
    }
    c = g_new0(struct native_coverage, 1);
    c->rows = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    c->file = file;
    return c;
}

/* 0 to 2 for 2, 4, 8. */
static unsigned size_number(unsigned size)
{
    return size == 8 ? 2 : size == 4;
}

static bool in_vector_tables(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    return (r >= vex_rows && r < vex_rows + n_vex_rows) ||
           (r >= evex_rows && r < evex_rows + n_evex_rows);
}

static unsigned form_of(const struct insn *i, bool code32)
{
    bool memory = false;
    unsigned repeat = i->prefixes & PREFIX_REP ? 1 : i->prefixes & PREFIX_REPNE ? 2 : 0;

    for (unsigned k = 0; k < 4; k++) {
        memory |= i->op[k].kind == OPND_MEM;
    }
    if (in_vector_tables(i)) {
        return code32 | memory << 1 | (i->vex_l & 3) << 2 | (i->imm2 & EVEX_AAA ? 1u << 4 : 0) |
               (i->imm2 & EVEX_Z ? 1u << 5 : 0) | (i->imm2 & EVEX_B ? 1u << 6 : 0);
    }
    return code32 | memory << 1 | size_number(i->opsize) << 2 | size_number(i->addrsize) << 4 |
           (i->prefixes & PREFIX_LOCK ? 1u << 6 : 0) | repeat << 7 |
           (i->prefixes & PREFIX_SEG ? 1u << 9 : 0);
}

void native_coverage_count(struct native_coverage *c, const struct insn *i, bool code32, bool fault)
{
    struct row_count *count;
    unsigned form;

    if (!c || !i->row) {
        return;
    }
    count = g_hash_table_lookup(c->rows, i->row);
    if (!count) {
        count = g_new0(struct row_count, 1);
        g_hash_table_insert(c->rows, (void *)(uintptr_t)i->row, count);
    }
    form = form_of(i, code32);
    count->runs++;
    count->faults += fault;
    count->forms[form / 64] |= 1ull << (form % 64);
}

/* What this host has not; what a process cannot run, or not with the same answer everywhere. */
static const char *kind_of(const struct insn_row *row, bool absent)
{
    if (absent || !native_host_has(row->feature)) {
        return "absent";
    }
    if (row->flags & (ROW_CPL0 | ROW_IO | ROW_PROT)) {
        return "system";
    }
    return row->flags & ROW_ENDS ? "control" : "plain";
}

/* Opcodes whose rows are tables of their own below. */
static bool has_table(const char *map, const char *opcode)
{
    static const char *const of_0f[] = { "00", "01", "ae", "c7", NULL };

    if (!strcmp(map, "1-byte")) {
        return opcode[0] == 'd' && opcode[1] >= '8';
    }
    return !strcmp(map, "0F") && g_strv_contains(of_0f, opcode);
}

static void print_row(struct native_coverage *c, const char *map, const char *opcode,
                      const struct insn_row *row, bool absent)
{
    static const unsigned sub_rows[] = {
        [SUB_REG] = 8, [SUB_MOD] = 2, [SUB_RM] = 8, [SUB_PREFIX] = 4, [SUB_MODRM6] = 64
    };
    static const struct row_count none;
    const struct row_count *count = g_hash_table_lookup(c->rows, row);

    if (row->sub && has_table(map, opcode)) {
        return;
    }
    for (unsigned k = 0; row->sub && k < sub_rows[row->sub_kind]; k++) {
        g_autofree char *inner = g_strdup_printf("%s/%u", opcode, k);

        print_row(c, map, inner, &row->sub[k], absent);
    }
    if (row->sub || !row->mnemonic) {
        return;
    }
    count = count ? count : &none;
    fprintf(c->file, "%s\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t", map, opcode, row->mnemonic,
            kind_of(row, absent), count->runs, count->faults);
    for (unsigned k = FORM_WORDS; k-- > 0;) {
        fprintf(c->file, "%016" PRIx64, count->forms[k]);
    }
    fputc('\n', c->file);
}

/* The tables, and how many rows belong to an opcode. */
static const struct {
    const char *name;
    const struct insn_row *rows;
    unsigned n, each;
} tables[] = {
    /* clang-format off */
    { "1-byte",           table_1,              256, 1 },
    { "0F",               table_0f,             256, 1 },
    { "0F MMX, SSE",      &table_0f_vec[0][0],  256, 4 },
    { "0F 38",            &table_0f38[0][0],    256, 4 },
    { "0F 3A",            &table_0f3a[0][0],    256, 4 },
    { "0F AE",            &table_0fae[0][0],    4,   16 },
    { "VEX 0F 38, BMI",   &table_vex_0f38[0][0], 256, 4 },
    { "VEX 0F 3A, BMI",   &table_vex_0f3a[0][0], 256, 4 },
    { "x87, memory",      &table_x87_mem[0][0], 8,   8 },
    { "x87, registers",   &table_x87_reg[0][0], 8,   64 },
    { "0F 00",            table_0f00,           8,   1 },
    { "0F 01, memory",    table_0f01_mem,       8,   1 },
    { "0F 01, registers", table_0f01_reg,       64,  1 },
    { "0F C7, memory",    table_0fc7_mem,       8,   1 },
    { "0F C7, registers", &table_0fc7_reg[0][0], 4,  8 },
    /* clang-format on */
};

/* Forms that W, L or ModRM tell apart are rows of one opcode: numbered. */
static void print_vectors(struct native_coverage *c, const char *encoding,
                          const struct avx_row *rows, unsigned n)
{
    bool evex = rows == evex_rows;

    for (unsigned k = 0; k < n; k++) {
        static const char *const maps[] = { "0", "0F", "0F 38", "0F 3A", "4", "5", "6", "7" };
        g_autofree char *name = g_strdup_printf("%s %s", encoding, maps[rows[k].map & 7]);
        g_autofree char *opcode = g_strdup_printf("%02x.%u#%u", rows[k].opcode, rows[k].prefix, k);
        bool absent = (evex && !native_host_has(X86_AVX512F)) ||
                      (rows[k].long_feature && !native_host_has(rows[k].long_feature));

        print_row(c, name, opcode, &rows[k].insn, absent);
    }
}

void native_coverage_free(struct native_coverage *c)
{
    if (!c) {
        return;
    }
    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (unsigned k = 0; k < tables[t].n * tables[t].each; k++) {
            g_autofree char *opcode =
                tables[t].each == 1
                    ? g_strdup_printf("%02x", k)
                    : g_strdup_printf("%02x.%u", k / tables[t].each, k % tables[t].each);

            print_row(c, tables[t].name, opcode, &tables[t].rows[k], false);
        }
    }
    print_vectors(c, "VEX", vex_rows, n_vex_rows);
    print_vectors(c, "EVEX", evex_rows, n_evex_rows);
    fclose(c->file);
    g_hash_table_destroy(c->rows);
    g_free(c);
}
