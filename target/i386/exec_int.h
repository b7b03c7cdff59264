/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/i386/exec_int.h: execute functions of the integer instructions, one name a mnemonic. */
#ifndef TARGET_I386_EXEC_INT_H
#define TARGET_I386_EXEC_INT_H

#include "target/i386/insn.h"

/* exec_alu.c */
x86_exec_fn x_add, x_or, x_adc, x_sbb, x_and, x_sub, x_xor, x_cmp, x_test, x_inc, x_dec, x_neg,
    x_not, x_xadd, x_cmpxchg, x_cmpxchg8b;
/* exec_shift.c */
x86_exec_fn x_rol, x_ror, x_rcl, x_rcr, x_shl, x_shr, x_sar, x_shld, x_shrd, x_bt, x_bts, x_btr,
    x_btc;
/* exec_muldiv.c */
x86_exec_fn x_mul, x_imul1, x_imul2, x_imul3, x_div, x_idiv, x_daa, x_das, x_aaa, x_aas, x_aam,
    x_aad;
/* exec_move.c */
x86_exec_fn x_mov, x_movzx, x_movsx, x_movsxd, x_nop_xchg, x_lea, x_xchg, x_cmov, x_setcc, x_bswap,
    x_cbw, x_cwd, x_xlat, x_salc, x_nop, x_pause, x_lahf, x_sahf, x_cmc, x_clc, x_stc, x_cld, x_std;
/* exec_stack.c */
x86_exec_fn x_push, x_pop, x_pusha, x_popa, x_pushf, x_popf, x_enter, x_leave;
/* exec_branch.c */
x86_exec_fn x_jcc, x_jmp, x_jmp_ind, x_call, x_call_ind, x_ret, x_ret_imm, x_loop, x_loope,
    x_loopne, x_jcxz, x_bound;
/* exec_string.c */
x86_exec_fn x_movs, x_cmps, x_stos, x_lods, x_scas, x_ins, x_outs;
/* x87.c */
x86_exec_fn x_fwait;

#endif
