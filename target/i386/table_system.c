/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/table_system.c: rows of 0F 00, 0F 01 and 0F C7.  Constant data. */
#include "target/i386/exec_int.h"
#include "target/i386/exec_system.h"
#include "target/i386/xsave.h"

#define B   X86_BASE
#define SYS (ROW_CPL0 | ROW_ENDS)

/* clang-format off */
const struct insn_row table_0f00[8] = {
    /*     mnemonic   operands  reads  writes   undef. needs  execute  flags */
    [0] = { "sldt",   { Ev },   0,     0,       0,     B,     x_sldt,  ROW_PROT, 0, NULL },
    [1] = { "str",    { Ev },   0,     0,       0,     B,     x_str,   ROW_PROT, 0, NULL },
    [2] = { "lldt",   { Ew },   0,     0,       0,     B,     x_lldt,  ROW_PROT | SYS, 0, NULL },
    [3] = { "ltr",    { Ew },   0,     0,       0,     B,     x_ltr,   ROW_PROT | SYS, 0, NULL },
    [4] = { "verr",   { Ew },   0,     FLAG_ZF, 0,     B,     x_verr,  ROW_PROT, 0, NULL },
    [5] = { "verw",   { Ew },   0,     FLAG_ZF, 0,     B,     x_verw,  ROW_PROT, 0, NULL },
};

#define SMSW   { "smsw",   { Ev }, 0, 0, 0, B, x_smsw, 0, 0, NULL }
#define LMSW   { "lmsw",   { Ew }, 0, 0, 0, B, x_lmsw, SYS, 0, NULL }

const struct insn_row table_0f01_mem[8] = {
    [0] = { "sgdt",   { M },    0,     0,       0,     B,     x_sgdt,  0, 0, NULL },
    [1] = { "sidt",   { M },    0,     0,       0,     B,     x_sidt,  0, 0, NULL },
    [2] = { "lgdt",   { M },    0,     0,       0,     B,     x_lgdt,  SYS, 0, NULL },
    [3] = { "lidt",   { M },    0,     0,       0,     B,     x_lidt,  SYS, 0, NULL },
    [4] = SMSW,
    [6] = LMSW,
    [7] = { "invlpg", { M },    0,     0,       0,     B,     x_invlpg, SYS, 0, NULL },
};

const struct insn_row table_0f01_reg[64] = {
    [0x08] = { "monitor", { 0 }, 0, 0, 0, X86_MONITOR, x_monitor, ROW_ENDS | ROW_MODRM, 0, NULL },
    [0x09] = { "mwait",   { 0 }, 0, 0, 0, X86_MONITOR, x_mwait,   ROW_ENDS | ROW_MODRM, 0, NULL },
    [0x0a] = { "clac",    { 0 }, 0, 0, 0, X86_SMAP,    x_clac,    ROW_ENDS | ROW_MODRM, 0, NULL },
    [0x0b] = { "stac",    { 0 }, 0, 0, 0, X86_SMAP,    x_stac,    ROW_ENDS | ROW_MODRM, 0, NULL },
    [0x10] = { "xgetbv",  { 0 }, 0, 0, 0, X86_XSAVE,   x_xgetbv,  ROW_MODRM, 0, NULL },
    [0x11] = { "xsetbv",  { 0 }, 0, 0, 0, X86_XSAVE,   x_xsetbv,  SYS | ROW_MODRM, 0, NULL },
    [0x20] = SMSW, [0x21] = SMSW, [0x22] = SMSW, [0x23] = SMSW,
    [0x24] = SMSW, [0x25] = SMSW, [0x26] = SMSW, [0x27] = SMSW,
    [0x30] = LMSW, [0x31] = LMSW, [0x32] = LMSW, [0x33] = LMSW,
    [0x34] = LMSW, [0x35] = LMSW, [0x36] = LMSW, [0x37] = LMSW,
    [0x38] = { "swapgs",  { 0 }, 0, 0, 0, X86_LM,      x_swapgs,  ROW_O64 | ROW_CPL0 | ROW_MODRM, 0, NULL },
    [0x39] = { "rdtscp",  { 0 }, 0, 0, 0, X86_RDTSCP,  x_rdtscp,  ROW_MODRM, 0, NULL },
};

const struct insn_row table_0fc7_mem[8] = {
    [1] = { "cmpxchg8b", { M }, 0, FLAG_ZF, 0, X86_CX8,    x_cmpxchg8b, ROW_LOCK, 0, NULL },
    [3] = { "xrstors",   { M }, 0, 0,       0, X86_XSAVES, x_xrstors,   ROW_CPL0, 0, NULL },
    [4] = { "xsavec",    { M }, 0, 0,       0, X86_XSAVEC, x_xsavec,    0, 0, NULL },
    [5] = { "xsaves",    { M }, 0, 0,       0, X86_XSAVES, x_xsaves,    ROW_CPL0, 0, NULL },
};

#define RDRAND { "rdrand", { Rv }, 0, FLAGS_ARITH, 0, X86_RDRAND, x_rdrand, 0, 0, NULL }
#define RDSEED { "rdseed", { Rv }, 0, FLAGS_ARITH, 0, X86_RDSEED, x_rdseed, 0, 0, NULL }

const struct insn_row table_0fc7_reg[4][8] = {
    [0] = { [6] = RDRAND, [7] = RDSEED },
    [1] = { [6] = RDRAND, [7] = RDSEED },
    [2] = { [7] = { "rdpid", { Ry }, 0, 0, 0, X86_RDPID, x_rdpid, 0, 0, NULL } },
};
/* clang-format on */
