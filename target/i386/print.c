/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/print.c: a decoded instruction as text, from its row: "add  qword [rbx+0x10], rax".
 * Pure.
 */
#include <inttypes.h>
#include "target/i386/avx.h"

/* clang-format off */
static const char *const names64[R_COUNT] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "", "imm" };
static const char *const names32[R_COUNT] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi",
    "r8d", "r9d", "r10d", "r11d", "r12d", "r13d", "r14d", "r15d", "eip", "", "imm" };
static const char *const names16[R_COUNT] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
    "r8w", "r9w", "r10w", "r11w", "r12w", "r13w", "r14w", "r15w", "ip", "", "imm" };
static const char *const names8[R_COUNT] = { "al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil",
    "r8b", "r9b", "r10b", "r11b", "r12b", "r13b", "r14b", "r15b", "", "", "imm" };
static const char *const names8h[4] = { "ah", "ch", "dh", "bh" };
static const char *const segments[6] = { "es", "cs", "ss", "ds", "fs", "gs" };
/* clang-format on */

/* Is the row one of avx.h, so that imm2 has the EVEX bits? */
static bool is_avx(const struct insn *i)
{
    const struct avx_row *r = avx_row(i);

    return (r >= vex_rows && r < vex_rows + n_vex_rows) ||
           (r >= evex_rows && r < evex_rows + n_evex_rows);
}

static const char *register_name(unsigned reg, unsigned size)
{
    switch (size) {
    case 1:
        return names8[reg];
    case 2:
        return names16[reg];
    case 4:
        return names32[reg];
    default:
        return names64[reg];
    }
}

static const char *size_word(unsigned size)
{
    switch (size) {
    case 1:
        return "byte ";
    case 2:
        return "word ";
    case 4:
        return "dword ";
    case 8:
        return "qword ";
    case 10:
        return "tbyte ";
    case 16:
        return "xmmword ";
    case 32:
        return "ymmword ";
    case 64:
        return "zmmword ";
    default:
        return "";
    }
}

static void print_memory(const struct insn *i, unsigned size, const char *vsib, GString *out)
{
    const char *plus = "";

    g_string_append(out, size_word(size));
    if (i->prefixes & PREFIX_SEG) {
        g_string_append_printf(out, "%s:", segments[i->seg]);
    }
    g_string_append_c(out, '[');
    if (i->base != R_ZERO) {
        g_string_append(out, register_name(i->base, i->addrsize));
        plus = "+";
    }
    if (i->index != R_ZERO) {
        g_string_append_printf(out, "%s%s", plus, register_name(i->index, i->addrsize));
        if (i->scale) {
            g_string_append_printf(out, "*%u", 1u << i->scale);
        }
        plus = "+";
    }
    if (vsib) {
        g_string_append_printf(out, "%s%s*%u", plus, vsib, 1u << i->scale);
        plus = "+";
    }
    if (!*plus) {
        g_string_append_printf(out, "0x%" PRIx64, (uint64_t)i->disp);
    } else if (i->disp < 0) {
        g_string_append_printf(out, "-0x%" PRIx64, -(uint64_t)i->disp);
    } else if (i->disp) {
        g_string_append_printf(out, "+0x%" PRIx64, (uint64_t)i->disp);
    }
    g_string_append_c(out, ']');
}

/* The index of a gather or scatter is a vector; an element may be broadcast. */
static void print_vector_memory(const struct insn *i, const struct insn_operand *op, GString *out)
{
    char vsib[8] = "";

    if (is_avx(i) && (avx_row(i)->flags & AVX_VSIB)) {
        g_snprintf(vsib, sizeof(vsib), "%cmm%u", "xyz"[MIN(i->vex_l, 2)], op -> reg & 31);
    }
    print_memory(i, op->size, *vsib ? vsib : NULL, out);
    if (is_avx(i) && (i->imm2 & EVEX_B)) {
        g_string_append_printf(out, "{1to%u}", avx_length(i) / MAX(op->size, 1));
    }
}

/* {k1}{z} after the destination. */
static void print_mask(const struct insn *i, GString *out)
{
    if (is_avx(i) && (i->imm2 & EVEX_AAA)) {
        g_string_append_printf(out, "{k%u}%s", i->imm2 & EVEX_AAA, i->imm2 & EVEX_Z ? "{z}" : "");
    }
}

static void print_immediate(const struct insn *i, unsigned n, uint64_t rip, GString *out)
{
    unsigned code = i->row->operands[n];

    if (code == Jb || code == Jz) {
        g_string_append_printf(out, "0x%" PRIx64, rip + i->len + i->imm);
    } else if (code == Ap) {
        g_string_append_printf(out, "0x%x:0x%" PRIx64, i->imm2, i->imm);
    } else if (n && i->row->operands[n - 1] == Iw) {
        g_string_append_printf(out, "0x%x", i->imm2);
    } else {
        unsigned size = i->op[n].size ? i->op[n].size : 8;

        g_string_append_printf(
            out, "0x%" PRIx64,
            (uint64_t)(size == 8 ? i->imm : i->imm & ((1ull << (size * 8)) - 1)));
    }
}

static void print_operand(const struct insn *i, unsigned n, uint64_t rip, GString *out)
{
    const struct insn_operand *op = &i->op[n];

    switch (op->kind) {
    case OPND_REG:
        g_string_append(out, register_name(op->reg, op->size));
        break;
    case OPND_REG8H:
        g_string_append(out, names8h[op->reg & 3]);
        break;
    case OPND_MEM:
        print_vector_memory(i, op, out);
        break;
    case OPND_IMM:
        print_immediate(i, n, rip, out);
        break;
    case OPND_SEG:
        g_string_append(out, op->reg < 6 ? segments[op->reg] : "?");
        break;
    case OPND_CR:
        g_string_append_printf(out, "cr%u", op->reg);
        break;
    case OPND_DR:
        g_string_append_printf(out, "dr%u", op->reg);
        break;
    case OPND_XMM:
        g_string_append_printf(out, "xmm%u", op->reg);
        break;
    case OPND_VEC:
        g_string_append_printf(out, "%cmm%u",
                               op->size == 64   ? 'z'
                               : op->size == 32 ? 'y'
                                                : 'x',
                               op->reg);
        break;
    case OPND_K:
        g_string_append_printf(out, "k%u", op->reg);
        break;
    case OPND_MMX:
        g_string_append_printf(out, "mm%u", op->reg);
        break;
    case OPND_ST:
        g_string_append_printf(out, "st%u", op->reg);
        break;
    default:
        break;
    }
}

void insn_print(const struct insn *i, uint64_t rip, GString *out)
{
    const char *separator = " ";

    if (i->prefixes & PREFIX_LOCK) {
        g_string_append(out, "lock ");
    }
    if ((i->row->flags & ROW_REP) && (i->prefixes & (PREFIX_REP | PREFIX_REPNE))) {
        g_string_append(out, i->prefixes & PREFIX_REP ? "rep " : "repne ");
    }
    g_string_append(out, i->row->mnemonic);
    for (unsigned n = 0; n < 4; n++) {
        if (i->op[n].kind != OPND_NONE) {
            g_string_append(out, separator);
            print_operand(i, n, rip, out);
            if (n == 0) {
                print_mask(i, out);
            }
            separator = ", ";
        }
    }
}
