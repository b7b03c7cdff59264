/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/table_int.c: the one-byte map and the integer and system part of the 0F map.
 * One row an instruction: mnemonic, operands, flags read, written, left undefined, feature,
 * execute function, row flags (insn.h).
 */
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"

/* clang-format off */
#define AR   FLAGS_ARITH
#define CF   FLAG_CF
#define PF   FLAG_PF
#define AF   FLAG_AF
#define ZF   FLAG_ZF
#define SF   FLAG_SF
#define OF   FLAG_OF
#define IF_  FLAG_IF
#define DF   FLAG_DF
#define LOGIC (CF | PF | ZF | SF | OF)
#define B    X86_BASE
#define BR   ROW_ENDS | ROW_F64           /* near branches: 64 bits in 64-bit code */
#define SYS  ROW_ENDS
#define REP  ROW_REP

/* The six forms of an arithmetic opcode row. */
#define ALU(op, name, fn, rd, wr, ud, lock) \
    [op + 0] = { name, { Eb, Gb },  rd, wr, ud, B, fn, lock }, \
    [op + 1] = { name, { Ev, Gv },  rd, wr, ud, B, fn, lock }, \
    [op + 2] = { name, { Gb, Eb },  rd, wr, ud, B, fn }, \
    [op + 3] = { name, { Gv, Ev },  rd, wr, ud, B, fn }, \
    [op + 4] = { name, { ALo, Ib }, rd, wr, ud, B, fn }, \
    [op + 5] = { name, { AXv, Iz }, rd, wr, ud, B, fn }
#define GROUP1(a, b) GROUP1_FLAGS(a, b, 0)
#define GROUP1_FLAGS(a, b, fl) { \
    { "add", { a, b }, 0,  AR, 0, B, x_add, ROW_LOCK | fl }, \
    { "or",  { a, b }, 0,  LOGIC, AF, B, x_or,  ROW_LOCK | fl }, \
    { "adc", { a, b }, CF, AR, 0, B, x_adc, ROW_LOCK | fl }, \
    { "sbb", { a, b }, CF, AR, 0, B, x_sbb, ROW_LOCK | fl }, \
    { "and", { a, b }, 0,  LOGIC, AF, B, x_and, ROW_LOCK | fl }, \
    { "sub", { a, b }, 0,  AR, 0, B, x_sub, ROW_LOCK | fl }, \
    { "xor", { a, b }, 0,  LOGIC, AF, B, x_xor, ROW_LOCK | fl }, \
    { "cmp", { a, b }, 0,  AR, 0, B, x_cmp, fl } }
#define GROUP2(a, b, ofud) { \
    { "rol", { a, b }, 0,  CF | OF, ofud, B, x_rol }, \
    { "ror", { a, b }, 0,  CF | OF, ofud, B, x_ror }, \
    { "rcl", { a, b }, CF, CF | OF, ofud, B, x_rcl }, \
    { "rcr", { a, b }, CF, CF | OF, ofud, B, x_rcr }, \
    { "shl", { a, b }, 0,  AR, AF | ofud, B, x_shl }, \
    { "shr", { a, b }, 0,  AR, AF | ofud, B, x_shr }, \
    { "shl", { a, b }, 0,  AR, AF | ofud, B, x_shl }, \
    { "sar", { a, b }, 0,  AR, AF, B, x_sar } }
#define GROUP3(a, imm) { \
    { "test", { a, imm }, 0, LOGIC, AF, B, x_test }, \
    { "test", { a, imm }, 0, LOGIC, AF, B, x_test }, \
    { "not",  { a }, 0, 0, 0, B, x_not, ROW_LOCK }, \
    { "neg",  { a }, 0, AR, 0, B, x_neg, ROW_LOCK }, \
    { "mul",  { a }, 0, CF | OF, SF | ZF | AF | PF, B, x_mul }, \
    { "imul", { a }, 0, CF | OF, SF | ZF | AF | PF, B, x_imul1 }, \
    { "div",  { a }, 0, 0, AR, B, x_div }, \
    { "idiv", { a }, 0, 0, AR, B, x_idiv } }
#define EIGHT(op, row) [op] = row, [op + 1] = row, [op + 2] = row, [op + 3] = row, \
                       [op + 4] = row, [op + 5] = row, [op + 6] = row, [op + 7] = row
/* Sixteen condition codes: two rows a condition and its opposite. */
#define CC2(op, name, notname, a, b, rd, ft, fn, fl) \
    [op] = { name, { a, b }, rd, 0, 0, ft, fn, fl }, \
    [op + 1] = { notname, { a, b }, rd, 0, 0, ft, fn, fl }
#define CC16(op, p, a, b, ft, fn, fl) \
    CC2(op,      p "o", p "no", a, b, OF, ft, fn, fl), \
    CC2(op + 2,  p "b", p "nb", a, b, CF, ft, fn, fl), \
    CC2(op + 4,  p "z", p "nz", a, b, ZF, ft, fn, fl), \
    CC2(op + 6,  p "be", p "nbe", a, b, CF | ZF, ft, fn, fl), \
    CC2(op + 8,  p "s", p "ns", a, b, SF, ft, fn, fl), \
    CC2(op + 10, p "p", p "np", a, b, PF, ft, fn, fl), \
    CC2(op + 12, p "l", p "nl", a, b, SF | OF, ft, fn, fl), \
    CC2(op + 14, p "le", p "nle", a, b, SF | OF | ZF, ft, fn, fl)

static const struct insn_row group_80[8] = GROUP1(Eb, Ib);
static const struct insn_row group_82[8] = GROUP1_FLAGS(Eb, Ib, ROW_I64);
static const struct insn_row group_81[8] = GROUP1(Ev, Iz);
static const struct insn_row group_83[8] = GROUP1(Ev, Ibs);
static const struct insn_row group_c0[8] = GROUP2(Eb, Ib, OF);
static const struct insn_row group_c1[8] = GROUP2(Ev, Ib, OF);
static const struct insn_row group_d0[8] = GROUP2(Eb, One, 0);
static const struct insn_row group_d1[8] = GROUP2(Ev, One, 0);
static const struct insn_row group_d2[8] = GROUP2(Eb, CLo, OF);
static const struct insn_row group_d3[8] = GROUP2(Ev, CLo, OF);
static const struct insn_row group_f6[8] = GROUP3(Eb, Ib);
static const struct insn_row group_f7[8] = GROUP3(Ev, Iz);
static const struct insn_row group_8f[8] = { { "pop", { Ev }, 0, 0, 0, B, x_pop, ROW_D64 } };
static const struct insn_row group_c6[8] = { { "mov", { Eb, Ib }, 0, 0, 0, B, x_mov } };
static const struct insn_row group_c7[8] = { { "mov", { Ev, Iz }, 0, 0, 0, B, x_mov } };
static const struct insn_row group_fe[8] = {
    { "inc", { Eb }, 0, AR & ~CF, 0, B, x_inc, ROW_LOCK },
    { "dec", { Eb }, 0, AR & ~CF, 0, B, x_dec, ROW_LOCK },
};
static const struct insn_row group_ff[8] = {
    { "inc",      { Ev }, 0, AR & ~CF, 0, B, x_inc, ROW_LOCK },
    { "dec",      { Ev }, 0, AR & ~CF, 0, B, x_dec, ROW_LOCK },
    { "call",     { Ev }, 0, 0, 0, B, x_call_ind, BR },
    { "call far", { Mp }, 0, 0, 0, B, x_call_far_mem, SYS },
    { "jmp",      { Ev }, 0, 0, 0, B, x_jmp_ind, BR },
    { "jmp far",  { Mp }, 0, 0, 0, B, x_jmp_far_mem, SYS },
    { "push",     { Ev }, 0, 0, 0, B, x_push, ROW_D64 },
};

#define X87_ESCAPE(n) \
    static const struct insn_row escape_##n[2] = { \
        ROW_SUB(SUB_REG, table_x87_mem[n]), ROW_SUB(SUB_MODRM6, table_x87_reg[n]) };
X87_ESCAPE(0) X87_ESCAPE(1) X87_ESCAPE(2) X87_ESCAPE(3)
X87_ESCAPE(4) X87_ESCAPE(5) X87_ESCAPE(6) X87_ESCAPE(7)

const struct insn_row table_1[256] = {
    ALU(0x00, "add", x_add, 0,  AR, 0, ROW_LOCK),
    ALU(0x08, "or",  x_or,  0,  LOGIC, AF, ROW_LOCK),
    ALU(0x10, "adc", x_adc, CF, AR, 0, ROW_LOCK),
    ALU(0x18, "sbb", x_sbb, CF, AR, 0, ROW_LOCK),
    ALU(0x20, "and", x_and, 0,  LOGIC, AF, ROW_LOCK),
    ALU(0x28, "sub", x_sub, 0,  AR, 0, ROW_LOCK),
    ALU(0x30, "xor", x_xor, 0,  LOGIC, AF, ROW_LOCK),
    ALU(0x38, "cmp", x_cmp, 0,  AR, 0, 0),
    [0x06] = { "push",   { S_ES },      0, 0, 0, B, x_push_seg, ROW_I64 },
    [0x07] = { "pop",    { S_ES },      0, 0, 0, B, x_pop_seg, ROW_I64 | SYS },
    [0x0e] = { "push",   { S_CS },      0, 0, 0, B, x_push_seg, ROW_I64 },
    [0x16] = { "push",   { S_SS },      0, 0, 0, B, x_push_seg, ROW_I64 },
    [0x17] = { "pop",    { S_SS },      0, 0, 0, B, x_pop_seg, ROW_I64 | SYS },
    [0x1e] = { "push",   { S_DS },      0, 0, 0, B, x_push_seg, ROW_I64 },
    [0x1f] = { "pop",    { S_DS },      0, 0, 0, B, x_pop_seg, ROW_I64 | SYS },
    [0x27] = { "daa",    { 0 },         CF | AF, AR & ~OF, OF, B, x_daa, ROW_I64 },
    [0x2f] = { "das",    { 0 },         CF | AF, AR & ~OF, OF, B, x_das, ROW_I64 },
    [0x37] = { "aaa",    { 0 },         AF, CF | AF, OF | SF | ZF | PF, B, x_aaa, ROW_I64 },
    [0x3f] = { "aas",    { 0 },         AF, CF | AF, OF | SF | ZF | PF, B, x_aas, ROW_I64 },
#define ROW_INC { "inc", { Zv }, 0, AR & ~CF, 0, B, x_inc, ROW_I64 }
#define ROW_DEC { "dec", { Zv }, 0, AR & ~CF, 0, B, x_dec, ROW_I64 }
#define ROW_PUSH { "push", { Zq }, 0, 0, 0, B, x_push, ROW_D64 }
#define ROW_POP  { "pop",  { Zq }, 0, 0, 0, B, x_pop, ROW_D64 }
    EIGHT(0x40, ROW_INC), EIGHT(0x48, ROW_DEC), EIGHT(0x50, ROW_PUSH), EIGHT(0x58, ROW_POP),
    [0x60] = { "pusha",  { 0 },         0, 0, 0, B, x_pusha, ROW_I64 },
    [0x61] = { "popa",   { 0 },         0, 0, 0, B, x_popa, ROW_I64 },
    [0x62] = { "bound",  { Gv, M },     0, 0, 0, B, x_bound, ROW_I64 },
    [0x63] = { "movsxd", { Gv, Ed },    0, ZF, 0, B, x_movsxd },
    [0x68] = { "push",   { Iz },        0, 0, 0, B, x_push, ROW_D64 },
    [0x69] = { "imul",   { Gv, Ev, Iz },  0, CF | OF, SF | ZF | AF | PF, B, x_imul3 },
    [0x6a] = { "push",   { Ibs },       0, 0, 0, B, x_push, ROW_D64 },
    [0x6b] = { "imul",   { Gv, Ev, Ibs }, 0, CF | OF, SF | ZF | AF | PF, B, x_imul3 },
    [0x6c] = { "ins",    { Yb, DXw },   DF, 0, 0, B, x_ins, REP | ROW_IO | SYS },
    [0x6d] = { "ins",    { Yz, DXw },   DF, 0, 0, B, x_ins, REP | ROW_IO | SYS },
    [0x6e] = { "outs",   { Xb, DXw },   DF, 0, 0, B, x_outs, REP | ROW_IO | SYS },
    [0x6f] = { "outs",   { Xz, DXw },   DF, 0, 0, B, x_outs, REP | ROW_IO | SYS },
    CC16(0x70, "j", Jb, 0, B, x_jcc, BR),
    [0x80] = ROW_SUB(SUB_REG, group_80),
    [0x81] = ROW_SUB(SUB_REG, group_81),
    [0x82] = ROW_SUB(SUB_REG, group_82),
    [0x83] = ROW_SUB(SUB_REG, group_83),
    [0x84] = { "test",   { Eb, Gb },    0, LOGIC, AF, B, x_test },
    [0x85] = { "test",   { Ev, Gv },    0, LOGIC, AF, B, x_test },
    [0x86] = { "xchg",   { Eb, Gb },    0, 0, 0, B, x_xchg, ROW_LOCK },
    [0x87] = { "xchg",   { Ev, Gv },    0, 0, 0, B, x_xchg, ROW_LOCK },
    [0x88] = { "mov",    { Eb, Gb },    0, 0, 0, B, x_mov },
    [0x89] = { "mov",    { Ev, Gv },    0, 0, 0, B, x_mov },
    [0x8a] = { "mov",    { Gb, Eb },    0, 0, 0, B, x_mov },
    [0x8b] = { "mov",    { Gv, Ev },    0, 0, 0, B, x_mov },
    [0x8c] = { "mov",    { Ev, Sw },    0, 0, 0, B, x_mov_from_seg },
    [0x8d] = { "lea",    { Gv, M },     0, 0, 0, B, x_lea },
    [0x8e] = { "mov",    { Sw, Ew },    0, 0, 0, B, x_mov_to_seg, SYS },
    [0x8f] = ROW_SUB(SUB_REG, group_8f),
    [0x90] = { "nop",    { AXv, Zv },   0, 0, 0, B, x_nop_xchg },
    [0x91] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x92] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x93] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x94] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x95] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x96] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x97] = { "xchg",   { AXv, Zv },   0, 0, 0, B, x_xchg },
    [0x98] = { "cbw",    { 0 },         0, 0, 0, B, x_cbw },
    [0x99] = { "cwd",    { 0 },         0, 0, 0, B, x_cwd },
    [0x9a] = { "call far", { Ap },      0, 0, 0, B, x_call_far, ROW_I64 | SYS },
    [0x9b] = { "fwait",  { 0 },         0, 0, 0, B, x_fwait },
    [0x9c] = { "pushf",  { 0 },         AR | DF | IF_, 0, 0, B, x_pushf, ROW_D64 },
    [0x9d] = { "popf",   { 0 },         0, AR | DF | IF_, 0, B, x_popf, ROW_D64 | SYS },
    [0x9e] = { "sahf",   { 0 },         0, AR & ~OF, 0, B, x_sahf },
    [0x9f] = { "lahf",   { 0 },         AR & ~OF, 0, 0, B, x_lahf },
    [0xa0] = { "mov",    { ALo, Ob },   0, 0, 0, B, x_mov },
    [0xa1] = { "mov",    { AXv, Ov },   0, 0, 0, B, x_mov },
    [0xa2] = { "mov",    { Ob, ALo },   0, 0, 0, B, x_mov },
    [0xa3] = { "mov",    { Ov, AXv },   0, 0, 0, B, x_mov },
    [0xa4] = { "movs",   { Yb, Xb },    DF, 0, 0, B, x_movs, REP },
    [0xa5] = { "movs",   { Yv, Xv },    DF, 0, 0, B, x_movs, REP },
    [0xa6] = { "cmps",   { Xb, Yb },    DF, AR, 0, B, x_cmps, REP },
    [0xa7] = { "cmps",   { Xv, Yv },    DF, AR, 0, B, x_cmps, REP },
    [0xa8] = { "test",   { ALo, Ib },   0, LOGIC, AF, B, x_test },
    [0xa9] = { "test",   { AXv, Iz },   0, LOGIC, AF, B, x_test },
    [0xaa] = { "stos",   { Yb, ALo },   DF, 0, 0, B, x_stos, REP },
    [0xab] = { "stos",   { Yv, AXv },   DF, 0, 0, B, x_stos, REP },
    [0xac] = { "lods",   { ALo, Xb },   DF, 0, 0, B, x_lods, REP },
    [0xad] = { "lods",   { AXv, Xv },   DF, 0, 0, B, x_lods, REP },
    [0xae] = { "scas",   { ALo, Yb },   DF, AR, 0, B, x_scas, REP },
    [0xaf] = { "scas",   { AXv, Yv },   DF, AR, 0, B, x_scas, REP },
#define ROW_MOV_B { "mov", { Zb, Ib }, 0, 0, 0, B, x_mov }
#define ROW_MOV_V { "mov", { Zv, Iv }, 0, 0, 0, B, x_mov }
    EIGHT(0xb0, ROW_MOV_B), EIGHT(0xb8, ROW_MOV_V),
    [0xc0] = ROW_SUB(SUB_REG, group_c0),
    [0xc1] = ROW_SUB(SUB_REG, group_c1),
    [0xc2] = { "ret",    { Iw },        0, 0, 0, B, x_ret_imm, BR },
    [0xc3] = { "ret",    { 0 },         0, 0, 0, B, x_ret, BR },
    [0xc4] = { "les",    { Gv, Mp },    0, 0, 0, B, x_les, ROW_I64 | SYS },
    [0xc5] = { "lds",    { Gv, Mp },    0, 0, 0, B, x_lds, ROW_I64 | SYS },
    [0xc6] = ROW_SUB(SUB_REG, group_c6),
    [0xc7] = ROW_SUB(SUB_REG, group_c7),
    [0xc8] = { "enter",  { Iw, Ib },    0, 0, 0, B, x_enter, ROW_D64 },
    [0xc9] = { "leave",  { 0 },         0, 0, 0, B, x_leave, ROW_D64 },
    [0xca] = { "retf",   { Iw },        0, 0, 0, B, x_ret_far_imm, SYS },
    [0xcb] = { "retf",   { 0 },         0, 0, 0, B, x_ret_far, SYS },
    [0xcc] = { "int3",   { 0 },         0, 0, 0, B, x_int3, SYS },
    [0xcd] = { "int",    { Ib },        0, 0, 0, B, x_int, SYS },
    [0xce] = { "into",   { 0 },         OF, 0, 0, B, x_into, ROW_I64 | SYS },
    [0xcf] = { "iret",   { 0 },         0, AR | DF | IF_, 0, B, x_iret, SYS },
    [0xd0] = ROW_SUB(SUB_REG, group_d0),
    [0xd1] = ROW_SUB(SUB_REG, group_d1),
    [0xd2] = ROW_SUB(SUB_REG, group_d2),
    [0xd3] = ROW_SUB(SUB_REG, group_d3),
    [0xd4] = { "aam",    { Ib },        0, SF | ZF | PF, OF | AF | CF, B, x_aam, ROW_I64 },
    [0xd5] = { "aad",    { Ib },        0, SF | ZF | PF, OF | AF | CF, B, x_aad, ROW_I64 },
    [0xd6] = { "salc",   { 0 },         CF, 0, 0, B, x_salc, ROW_I64 },
    [0xd7] = { "xlat",   { 0 },         0, 0, 0, B, x_xlat },
    [0xd8] = ROW_SUB(SUB_MOD, escape_0), [0xd9] = ROW_SUB(SUB_MOD, escape_1),
    [0xda] = ROW_SUB(SUB_MOD, escape_2), [0xdb] = ROW_SUB(SUB_MOD, escape_3),
    [0xdc] = ROW_SUB(SUB_MOD, escape_4), [0xdd] = ROW_SUB(SUB_MOD, escape_5),
    [0xde] = ROW_SUB(SUB_MOD, escape_6), [0xdf] = ROW_SUB(SUB_MOD, escape_7),
    [0xe0] = { "loopne", { Jb },        ZF, 0, 0, B, x_loopne, BR },
    [0xe1] = { "loope",  { Jb },        ZF, 0, 0, B, x_loope, BR },
    [0xe2] = { "loop",   { Jb },        0, 0, 0, B, x_loop, BR },
    [0xe3] = { "jcxz",   { Jb },        0, 0, 0, B, x_jcxz, BR },
    [0xe4] = { "in",     { ALo, Ib },   0, 0, 0, B, x_in, ROW_IO | SYS },
    [0xe5] = { "in",     { AXv, Ib },   0, 0, 0, B, x_in, ROW_IO | SYS },
    [0xe6] = { "out",    { Ib, ALo },   0, 0, 0, B, x_out, ROW_IO | SYS },
    [0xe7] = { "out",    { Ib, AXv },   0, 0, 0, B, x_out, ROW_IO | SYS },
    [0xe8] = { "call",   { Jz },        0, 0, 0, B, x_call, BR },
    [0xe9] = { "jmp",    { Jz },        0, 0, 0, B, x_jmp, BR },
    [0xea] = { "jmp far", { Ap },       0, 0, 0, B, x_jmp_far, ROW_I64 | SYS },
    [0xeb] = { "jmp",    { Jb },        0, 0, 0, B, x_jmp, BR },
    [0xec] = { "in",     { ALo, DXw },  0, 0, 0, B, x_in, ROW_IO | SYS },
    [0xed] = { "in",     { AXv, DXw },  0, 0, 0, B, x_in, ROW_IO | SYS },
    [0xee] = { "out",    { DXw, ALo },  0, 0, 0, B, x_out, ROW_IO | SYS },
    [0xef] = { "out",    { DXw, AXv },  0, 0, 0, B, x_out, ROW_IO | SYS },
    [0xf1] = { "int1",   { 0 },         0, 0, 0, B, x_int1, SYS },
    [0xf4] = { "hlt",    { 0 },         0, 0, 0, B, x_hlt, ROW_CPL0 | SYS },
    [0xf5] = { "cmc",    { 0 },         CF, CF, 0, B, x_cmc },
    [0xf6] = ROW_SUB(SUB_REG, group_f6),
    [0xf7] = ROW_SUB(SUB_REG, group_f7),
    [0xf8] = { "clc",    { 0 },         0, CF, 0, B, x_clc },
    [0xf9] = { "stc",    { 0 },         0, CF, 0, B, x_stc },
    [0xfa] = { "cli",    { 0 },         0, IF_, 0, B, x_cli },
    [0xfb] = { "sti",    { 0 },         0, IF_, 0, B, x_sti },
    [0xfc] = { "cld",    { 0 },         0, DF, 0, B, x_cld },
    [0xfd] = { "std",    { 0 },         0, DF, 0, B, x_std },
    [0xfe] = ROW_SUB(SUB_REG, group_fe),
    [0xff] = ROW_SUB(SUB_REG, group_ff),
};

static const struct insn_row group_0f01[2] = {
    ROW_SUB(SUB_REG, table_0f01_mem), ROW_SUB(SUB_MODRM6, table_0f01_reg) };
static const struct insn_row group_0fc7_prefix[4] = {
    ROW_SUB(SUB_REG, table_0fc7_reg[0]), ROW_SUB(SUB_REG, table_0fc7_reg[1]),
    ROW_SUB(SUB_REG, table_0fc7_reg[2]), ROW_SUB(SUB_REG, table_0fc7_reg[3]) };
/* With a mandatory prefix only CMPXCHG8B is left of the memory forms: it ignores them. */
static const struct insn_row group_0fc7_cmpxchg[8] = {
    [1] = { "cmpxchg8b", { M }, 0, ZF, 0, X86_CX8, x_cmpxchg8b, ROW_LOCK } };
static const struct insn_row group_0fc7_mem[4] = {
    ROW_SUB(SUB_REG, table_0fc7_mem), ROW_SUB(SUB_REG, group_0fc7_cmpxchg),
    ROW_SUB(SUB_REG, group_0fc7_cmpxchg), ROW_SUB(SUB_REG, group_0fc7_cmpxchg) };
static const struct insn_row group_0fc7[2] = {
    ROW_SUB(SUB_PREFIX, group_0fc7_mem), ROW_SUB(SUB_PREFIX, group_0fc7_prefix) };
#define FAE(p) static const struct insn_row group_0fae_##p[2] = { \
    ROW_SUB(SUB_REG, &table_0fae[p][0]), ROW_SUB(SUB_REG, &table_0fae[p][8]) };
FAE(0) FAE(1) FAE(2) FAE(3)
static const struct insn_row group_0fae[4] = {
    ROW_SUB(SUB_MOD, group_0fae_0), ROW_SUB(SUB_MOD, group_0fae_1),
    ROW_SUB(SUB_MOD, group_0fae_2), ROW_SUB(SUB_MOD, group_0fae_3) };
#define GROUP8(n, name, fn, lock) [n] = { name, { Ev, Ib }, 0, CF, OF | SF | AF | PF, B, fn, lock }
static const struct insn_row group_0fba[8] = {
    GROUP8(4, "bt", x_bt, 0), GROUP8(5, "bts", x_bts, ROW_LOCK),
    GROUP8(6, "btr", x_btr, ROW_LOCK), GROUP8(7, "btc", x_btc, ROW_LOCK),
};
#define BIT(name, fn, lock) { name, { Ev, Gv }, 0, CF, OF | SF | AF | PF, B, fn, lock }
#define HINT(name) { name, { Ev }, 0, 0, 0, B, x_nop }
#define SHD(name, by, fn) { name, { Ev, Gv, by }, 0, AR, AF | OF, B, fn }

const struct insn_row table_0f[256] = {
    [0x00] = ROW_SUB(SUB_REG, table_0f00),
    [0x01] = ROW_SUB(SUB_MOD, group_0f01),
    [0x02] = { "lar",     { Gv, Ew },  0, ZF, 0, B, x_lar, ROW_PROT },
    [0x03] = { "lsl",     { Gv, Ew },  0, ZF, 0, B, x_lsl, ROW_PROT },
    [0x05] = { "syscall", { 0 },       AR, AR, 0, X86_SYSCALL, x_syscall, SYS },
    [0x06] = { "clts",    { 0 },       0, 0, 0, B, x_clts, ROW_CPL0 | SYS },
    [0x07] = { "sysret",  { 0 },       0, AR, 0, X86_SYSCALL, x_sysret, SYS },
    [0x08] = { "invd",    { 0 },       0, 0, 0, B, x_invd, ROW_CPL0 | SYS },
    [0x09] = { "wbinvd",  { 0 },       0, 0, 0, B, x_wbinvd, ROW_CPL0 | SYS },
    [0x0b] = { "ud2",     { 0 },       0, 0, 0, B, x_ud, SYS },
    [0x0d] = { "prefetchw", { Ev },    0, 0, 0, B, x_nop },
    [0x18] = HINT("prefetch"), [0x19] = HINT("nop"), [0x1a] = HINT("nop"), [0x1b] = HINT("nop"),
    [0x1c] = HINT("nop"), [0x1d] = HINT("nop"), [0x1e] = HINT("nop"), [0x1f] = HINT("nop"),
    [0x20] = { "mov",     { Ry, Cy },  0, 0, AR, B, x_mov_from_cr, ROW_CPL0 },
    [0x21] = { "mov",     { Ry, Dy },  0, 0, AR, B, x_mov_from_dr, ROW_CPL0 },
    [0x22] = { "mov",     { Cy, Ry },  0, 0, AR, B, x_mov_to_cr, ROW_CPL0 | SYS },
    [0x23] = { "mov",     { Dy, Ry },  0, 0, AR, B, x_mov_to_dr, ROW_CPL0 | SYS },
    [0x30] = { "wrmsr",   { 0 },       0, 0, 0, X86_MSR, x_wrmsr, ROW_CPL0 | SYS },
    [0x31] = { "rdtsc",   { 0 },       0, 0, 0, X86_TSC, x_rdtsc },
    [0x32] = { "rdmsr",   { 0 },       0, 0, 0, X86_MSR, x_rdmsr, ROW_CPL0 },
    [0x33] = { "rdpmc",   { 0 },       0, 0, 0, B, x_rdpmc },
    [0x34] = { "sysenter", { 0 },      0, 0, 0, X86_SEP, x_sysenter, SYS },
    [0x35] = { "sysexit", { 0 },       0, 0, 0, X86_SEP, x_sysexit, SYS },
    CC16(0x40, "cmov", Gv, Ev, X86_CMOV, x_cmov, 0),
    CC16(0x80, "j", Jz, 0, B, x_jcc, BR),
    CC16(0x90, "set", Eb, 0, B, x_setcc, 0),
    [0xa0] = { "push",    { S_FS },    0, 0, 0, B, x_push_seg, ROW_D64 },
    [0xa1] = { "pop",     { S_FS },    0, 0, 0, B, x_pop_seg, ROW_D64 | SYS },
    [0xa2] = { "cpuid",   { 0 },       0, 0, 0, B, x_cpuid },
    [0xa3] = BIT("bt", x_bt, 0),
    [0xa4] = SHD("shld", Ib, x_shld), [0xa5] = SHD("shld", CLo, x_shld),
    [0xa8] = { "push",    { S_GS },    0, 0, 0, B, x_push_seg, ROW_D64 },
    [0xa9] = { "pop",     { S_GS },    0, 0, 0, B, x_pop_seg, ROW_D64 | SYS },
    [0xaa] = { "rsm",     { 0 },       0, 0, 0, B, x_rsm, SYS },
    [0xab] = BIT("bts", x_bts, ROW_LOCK),
    [0xac] = SHD("shrd", Ib, x_shrd), [0xad] = SHD("shrd", CLo, x_shrd),
    [0xae] = ROW_SUB(SUB_PREFIX, group_0fae),
    [0xaf] = { "imul",    { Gv, Ev },  0, CF | OF, SF | ZF | AF | PF, B, x_imul2 },
    [0xb0] = { "cmpxchg", { Eb, Gb },  0, AR, 0, B, x_cmpxchg, ROW_LOCK },
    [0xb1] = { "cmpxchg", { Ev, Gv },  0, AR, 0, B, x_cmpxchg, ROW_LOCK },
    [0xb2] = { "lss",     { Gv, Mp },  0, 0, 0, B, x_lss, SYS },
    [0xb3] = BIT("btr", x_btr, ROW_LOCK),
    [0xb4] = { "lfs",     { Gv, Mp },  0, 0, 0, B, x_lfs, SYS },
    [0xb5] = { "lgs",     { Gv, Mp },  0, 0, 0, B, x_lgs, SYS },
    [0xb6] = { "movzx",   { Gv, Eb },  0, 0, 0, B, x_movzx },
    [0xb7] = { "movzx",   { Gv, Ew },  0, 0, 0, B, x_movzx },
    [0xb9] = { "ud1",     { Gv, Ev },  0, 0, 0, B, x_ud, SYS },
    [0xba] = ROW_SUB(SUB_REG, group_0fba),
    [0xbb] = BIT("btc", x_btc, ROW_LOCK),
    [0xbe] = { "movsx",   { Gv, Eb },  0, 0, 0, B, x_movsx },
    [0xbf] = { "movsx",   { Gv, Ew },  0, 0, 0, B, x_movsx },
    [0xc0] = { "xadd",    { Eb, Gb },  0, AR, 0, B, x_xadd, ROW_LOCK },
    [0xc1] = { "xadd",    { Ev, Gv },  0, AR, 0, B, x_xadd, ROW_LOCK },
    [0xc7] = ROW_SUB(SUB_MOD, group_0fc7),
#define ROW_BSWAP { "bswap", { Zv }, 0, 0, 0, B, x_bswap }
    EIGHT(0xc8, ROW_BSWAP),
    [0xff] = { "ud0",     { Gv, Ev },  0, 0, 0, B, x_ud, SYS },
};
/* clang-format on */
