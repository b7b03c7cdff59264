/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/table_x87.c: the escape opcodes D8 to DF (SDM vol. 2, A.5, tables ), and
 * the undocumented aliases that processors execute.
 */
#include "target/i386/x87_exec.h"

/* clang-format off */
#define W (ROW_X87 | ROW_X87_WAIT)
#define N ROW_X87
#define F X86_FPU
#define END 0, NULL /* no sub-table */

/*                                   mnemonic   operands  r  w  u  needs     execute   flags */
#define MEM(name, code, fn)        { name,      { code }, 0, 0, 0, F,        fn,       W, END }
#define CTL(name, code, fn, flags) { name,      { code }, 0, 0, 0, F,        fn,       flags, END }
#define TTP(code)                  { "fisttp",  { code }, 0, 0, 0, X86_SSE3, x_fisttp, W, END }
#define ONE(name, fn)              { name,      { 0 },    0, 0, 0, F,        fn,       W, END }

const struct insn_row table_x87_mem[8][8] = {
    { /* D8 */
        MEM("fadd", Md, x_f_arith_mem),  MEM("fmul",  Md, x_f_arith_mem),
        MEM("fcom", Md, x_fcom_mem),     MEM("fcomp", Md, x_fcom_mem),
        MEM("fsub", Md, x_f_arith_mem),  MEM("fsubr", Md, x_f_arith_mem),
        MEM("fdiv", Md, x_f_arith_mem),  MEM("fdivr", Md, x_f_arith_mem),
    },
    { /* D9 */
        [0] = MEM("fld", Md, x_fld_mem),
        [2] = MEM("fst", Md, x_fst_mem), [3] = MEM("fstp", Md, x_fst_mem),
        [4] = CTL("fldenv", M, x_fldenv, W),   [5] = CTL("fldcw", Mw, x_fldcw, W),
        [6] = CTL("fnstenv", M, x_fnstenv, N), [7] = CTL("fnstcw", Mw, x_fnstcw, N),
    },
    { /* DA */
        MEM("fiadd", Md, x_f_arith_mem), MEM("fimul",  Md, x_f_arith_mem),
        MEM("ficom", Md, x_fcom_mem),    MEM("ficomp", Md, x_fcom_mem),
        MEM("fisub", Md, x_f_arith_mem), MEM("fisubr", Md, x_f_arith_mem),
        MEM("fidiv", Md, x_f_arith_mem), MEM("fidivr", Md, x_f_arith_mem),
    },
    { /* DB */
        [0] = MEM("fild", Md, x_fild), [1] = TTP(Md),
        [2] = MEM("fist", Md, x_fist), [3] = MEM("fistp", Md, x_fist),
        [5] = MEM("fld", Mt, x_fld_m80), [7] = MEM("fstp", Mt, x_fstp_m80),
    },
    { /* DC */
        MEM("fadd", Mq, x_f_arith_mem),  MEM("fmul",  Mq, x_f_arith_mem),
        MEM("fcom", Mq, x_fcom_mem),     MEM("fcomp", Mq, x_fcom_mem),
        MEM("fsub", Mq, x_f_arith_mem),  MEM("fsubr", Mq, x_f_arith_mem),
        MEM("fdiv", Mq, x_f_arith_mem),  MEM("fdivr", Mq, x_f_arith_mem),
    },
    { /* DD */
        [0] = MEM("fld", Mq, x_fld_mem), [1] = TTP(Mq),
        [2] = MEM("fst", Mq, x_fst_mem), [3] = MEM("fstp", Mq, x_fst_mem),
        [4] = CTL("frstor", M, x_frstor, W),
        [6] = CTL("fnsave", M, x_fnsave, N), [7] = CTL("fnstsw", Mw, x_fnstsw, N),
    },
    { /* DE */
        MEM("fiadd", Mw, x_f_arith_mem), MEM("fimul",  Mw, x_f_arith_mem),
        MEM("ficom", Mw, x_fcom_mem),    MEM("ficomp", Mw, x_fcom_mem),
        MEM("fisub", Mw, x_f_arith_mem), MEM("fisubr", Mw, x_f_arith_mem),
        MEM("fidiv", Mw, x_f_arith_mem), MEM("fidivr", Mw, x_f_arith_mem),
    },
    { /* DF */
        MEM("fild", Mw, x_fild), TTP(Mw),
        MEM("fist", Mw, x_fist), MEM("fistp", Mw, x_fist),
        MEM("fbld", Mt, x_fbld), MEM("fild",  Mq, x_fild),
        MEM("fbstp", Mt, x_fbstp), MEM("fistp", Mq, x_fist),
    },
};

/* Eight rows, one an ST(i): index is ModRM & 0x38. */
#define X8(index, row) [index] = row, [(index) + 1] = row, [(index) + 2] = row, \
    [(index) + 3] = row, [(index) + 4] = row, [(index) + 5] = row, [(index) + 6] = row, \
    [(index) + 7] = row
#define TO_ST0(name, fn) { name, { ST0, STi }, 0, 0, 0, F, fn, W, END }
#define TO_STI(name, fn) { name, { STi, ST0 }, 0, 0, 0, F, fn, W, END }
#define ST_I(name, fn)   { name, { STi }, 0, 0, 0, F, fn, W, END }
#define CMOV(name, reads) { name, { ST0, STi }, reads, 0, 0, X86_CMOV, x_fcmov, W, END }
#define COMI(name) { name, { ST0, STi }, 0, FLAGS_ARITH, 0, X86_CMOV, x_fcomi, W, END }

const struct insn_row table_x87_reg[8][64] = {
    { /* D8 */
        X8(0x00, TO_ST0("fadd", x_f_arith_reg)), X8(0x08, TO_ST0("fmul",  x_f_arith_reg)),
        X8(0x10, ST_I("fcom", x_fcom_reg)),      X8(0x18, ST_I("fcomp", x_fcom_reg)),
        X8(0x20, TO_ST0("fsub", x_f_arith_reg)), X8(0x28, TO_ST0("fsubr", x_f_arith_reg)),
        X8(0x30, TO_ST0("fdiv", x_f_arith_reg)), X8(0x38, TO_ST0("fdivr", x_f_arith_reg)),
    },
    { /* D9 */
        X8(0x00, ST_I("fld", x_fld_reg)), X8(0x08, ST_I("fxch", x_fxch)),
        [0x10] = ONE("fnop", x_fnop),
        X8(0x18, ST_I("fstp1", x_fst_reg)), /* undocumented */
        [0x20] = ONE("fchs", x_fchs), [0x21] = ONE("fabs", x_fabs),
        [0x24] = ONE("ftst", x_ftst), [0x25] = ONE("fxam", x_fxam),
        [0x28] = ONE("fld1", x_f_const), [0x29] = ONE("fldl2t", x_f_const),
        [0x2a] = ONE("fldl2e", x_f_const), [0x2b] = ONE("fldpi", x_f_const),
        [0x2c] = ONE("fldlg2", x_f_const), [0x2d] = ONE("fldln2", x_f_const),
        [0x2e] = ONE("fldz", x_f_const),
        [0x30] = ONE("f2xm1", x_f2xm1), [0x31] = ONE("fyl2x", x_fyl2x),
        [0x32] = ONE("fptan", x_fptan), [0x33] = ONE("fpatan", x_fpatan),
        [0x34] = ONE("fxtract", x_fxtract), [0x35] = ONE("fprem1", x_fprem),
        [0x36] = ONE("fdecstp", x_fincdecstp), [0x37] = ONE("fincstp", x_fincdecstp),
        [0x38] = ONE("fprem", x_fprem), [0x39] = ONE("fyl2xp1", x_fyl2xp1),
        [0x3a] = ONE("fsqrt", x_fsqrt), [0x3b] = ONE("fsincos", x_fsincos),
        [0x3c] = ONE("frndint", x_frndint), [0x3d] = ONE("fscale", x_fscale),
        [0x3e] = ONE("fsin", x_fsin), [0x3f] = ONE("fcos", x_fcos),
    },
    { /* DA */
        X8(0x00, CMOV("fcmovb", FLAG_CF)),            X8(0x08, CMOV("fcmove", FLAG_ZF)),
        X8(0x10, CMOV("fcmovbe", FLAG_CF | FLAG_ZF)), X8(0x18, CMOV("fcmovu", FLAG_PF)),
        [0x29] = ONE("fucompp", x_fucompp),
    },
    { /* DB */
        X8(0x00, CMOV("fcmovnb", FLAG_CF)),            X8(0x08, CMOV("fcmovne", FLAG_ZF)),
        X8(0x10, CMOV("fcmovnbe", FLAG_CF | FLAG_ZF)), X8(0x18, CMOV("fcmovnu", FLAG_PF)),
        [0x20] = CTL("fneni", 0, x_f_nothing, N),  [0x21] = CTL("fndisi", 0, x_f_nothing, N),
        [0x22] = CTL("fnclex", 0, x_fnclex, N),    [0x23] = CTL("fninit", 0, x_fninit, N),
        [0x24] = CTL("fnsetpm", 0, x_f_nothing, N),
        X8(0x28, COMI("fucomi")), X8(0x30, COMI("fcomi")),
    },
    { /* DC */
        X8(0x00, TO_STI("fadd", x_f_arith_reg)),  X8(0x08, TO_STI("fmul",   x_f_arith_reg)),
        X8(0x10, ST_I("fcom2", x_fcom_reg)),      X8(0x18, ST_I("fcomp3", x_fcom_reg)),
        X8(0x20, TO_STI("fsubr", x_f_arith_reg)), X8(0x28, TO_STI("fsub",   x_f_arith_reg)),
        X8(0x30, TO_STI("fdivr", x_f_arith_reg)), X8(0x38, TO_STI("fdiv",   x_f_arith_reg)),
    },
    { /* DD */
        X8(0x00, ST_I("ffree", x_ffree)), X8(0x08, ST_I("fxch4", x_fxch)),
        X8(0x10, ST_I("fst", x_fst_reg)), X8(0x18, ST_I("fstp", x_fst_reg)),
        X8(0x20, ST_I("fucom", x_fucom)), X8(0x28, ST_I("fucomp", x_fucom)),
    },
    { /* DE */
        X8(0x00, TO_STI("faddp", x_f_arith_reg)),  X8(0x08, TO_STI("fmulp",  x_f_arith_reg)),
        X8(0x10, ST_I("fcomp5", x_fcom_reg)),      [0x19] = ONE("fcompp", x_fcompp),
        X8(0x20, TO_STI("fsubrp", x_f_arith_reg)), X8(0x28, TO_STI("fsubp",  x_f_arith_reg)),
        X8(0x30, TO_STI("fdivrp", x_f_arith_reg)), X8(0x38, TO_STI("fdivp",  x_f_arith_reg)),
    },
    { /* DF */
        X8(0x00, ST_I("ffreep", x_ffree)), X8(0x08, ST_I("fxch7", x_fxch)),
        X8(0x10, ST_I("fstp8", x_fst_reg)), X8(0x18, ST_I("fstp9", x_fst_reg)),
        [0x20] = CTL("fnstsw", 0, x_fnstsw_ax, N), /* AX */
        X8(0x28, COMI("fucomip")), X8(0x30, COMI("fcomip")),
    },
};
/* clang-format on */
