/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/table_vec.c: rows of the two-byte opcodes (0F xx) that mandatory prefixes tell apart:
 * MMX, SSE, bit scans and counts.  SDM vol. 2, appendix A, table A-3.
 */
#include "target/i386/vec_rows.h"

/* clang-format off */
#define SUB(table) ROW_SUB(SUB_MOD, table)

static const struct insn_row mod_0f12[2] = {
    SSE_ROW("movlps",  Vx, Mq, X86_SSE, x_movlps),
    SSE_ROW("movhlps", Vx, Ux, X86_SSE, x_movhlps),
};
static const struct insn_row mod_0f16[2] = {
    SSE_ROW("movhps",  Vx, Mq, X86_SSE, x_movhps),
    SSE_ROW("movlhps", Vx, Ux, X86_SSE, x_movhps),
};
/* From memory they leave the x87 alone (of CVTPI2PD the SDM says so, and of both processors do). */
static const struct insn_row mod_0f2a[2] = {
    SSE_ROW("cvtpi2ps", Vx, Mq, X86_SSE, x_cvtpi2ps),
    { "cvtpi2ps", { Vx, Nq }, 0, 0, 0, X86_SSE, x_cvtpi2ps, ROW_SSE | ROW_MMX, SUB_NONE, NULL },
};
static const struct insn_row mod_660f2a[2] = {
    SSE_ROW("cvtpi2pd", Vx, Mq, X86_SSE2, x_cvtdq2pd),
    { "cvtpi2pd", { Vx, Nq }, 0, 0, 0, X86_SSE2, x_cvtdq2pd, ROW_SSE | ROW_MMX, SUB_NONE, NULL },
};
#define PINSRW(dst, needs, fl) { \
    { "pinsrw", { dst, Mw, Ib }, 0, 0, 0, needs, x_pinsrw, fl, SUB_NONE, NULL }, \
    { "pinsrw", { dst, Rd, Ib }, 0, 0, 0, needs, x_pinsrw, fl, SUB_NONE, NULL } }
static const struct insn_row mod_0fc4[2] = PINSRW(Pq, X86_SSE, ROW_MMX);
static const struct insn_row mod_660fc4[2] = PINSRW(Vx, X86_SSE2, ROW_SSE);

/* Shifts by an immediate: [modrm.reg]. */
#define MMX_SHIFT(name, fn) MMX_ROW(name, Nq, Ib, X86_MMX, fn)
#define SSE_SHIFT(name, fn) SSE_ROW(name, Ux, Ib, X86_SSE2, fn)
static const struct insn_row reg_0f71[2][8] = {
    { [2] = MMX_SHIFT("psrlw", x_psrlw), [4] = MMX_SHIFT("psraw", x_psraw),
      [6] = MMX_SHIFT("psllw", x_psllw) },
    { [2] = SSE_SHIFT("psrlw", x_psrlw), [4] = SSE_SHIFT("psraw", x_psraw),
      [6] = SSE_SHIFT("psllw", x_psllw) },
};
static const struct insn_row reg_0f72[2][8] = {
    { [2] = MMX_SHIFT("psrld", x_psrld), [4] = MMX_SHIFT("psrad", x_psrad),
      [6] = MMX_SHIFT("pslld", x_pslld) },
    { [2] = SSE_SHIFT("psrld", x_psrld), [4] = SSE_SHIFT("psrad", x_psrad),
      [6] = SSE_SHIFT("pslld", x_pslld) },
};
static const struct insn_row reg_0f73[2][8] = {
    { [2] = MMX_SHIFT("psrlq", x_psrlq), [6] = MMX_SHIFT("psllq", x_psllq) },
    { [2] = SSE_SHIFT("psrlq", x_psrlq), [3] = SSE_SHIFT("psrldq", x_psrldq),
      [6] = SSE_SHIFT("psllq", x_psllq), [7] = SSE_SHIFT("pslldq", x_pslldq) },
};
#define SHIFTS(table) { ROW_SUB(SUB_REG, table[0]), ROW_SUB(SUB_REG, table[1]) }

/* Conversions and comparisons that touch MMX registers or flags. */
#define TO_MMX(name, s, needs, fn) \
    { name, { Pq, s }, 0, 0, 0, needs, fn, ROW_SSE | ROW_MMX, SUB_NONE, NULL }
#define COMPARE(name, s, needs, fn) \
    { name, { Vx, s }, 0, FLAGS_ARITH, 0, needs, fn, ROW_SSE, SUB_NONE, NULL }
#define SCAN(name, fn) \
    { name, { Gv, Ev }, 0, FLAG_ZF, FLAGS_ARITH & ~FLAG_ZF, X86_BASE, fn, 0, SUB_NONE, NULL }
#define COUNT(name, fn) \
    { name, { Gv, Ev }, 0, FLAG_ZF | FLAG_CF, FLAGS_ARITH & ~(FLAG_ZF | FLAG_CF), X86_BASE, fn, 0, \
      SUB_NONE, NULL }
#define S1 X86_SSE
#define S2 X86_SSE2
#define S3 X86_SSE3
#define MM X86_MMX

const struct insn_row table_0f_vec[256][4] = {
    /*       none, 66, F3, F2 */
    [0x10] = { SSE_UNALIGNED("movups", Vx, Wx, S1, x_vec_move),
               SSE_UNALIGNED("movupd", Vx, Wx, S2, x_vec_move),
               SSE_ROW("movss", Vx, Wd, S1, x_movss), SSE_ROW("movsd", Vx, Wq, S2, x_movsd_xmm) },
    [0x11] = { SSE_UNALIGNED("movups", Wx, Vx, S1, x_vec_move),
               SSE_UNALIGNED("movupd", Wx, Vx, S2, x_vec_move),
               SSE_ROW("movss", Wd, Vx, S1, x_movss), SSE_ROW("movsd", Wq, Vx, S2, x_movsd_xmm) },
    [0x12] = { SUB(mod_0f12), SSE_ROW("movlpd", Vx, Mq, S2, x_movlps),
               SSE_ROW("movsldup", Vx, Wx, S3, x_movsldup),
               SSE_ROW("movddup", Vx, Wq, S3, x_movddup) },
    [0x13] = { SSE_ROW("movlps", Mq, Vx, S1, x_vec_move),
               SSE_ROW("movlpd", Mq, Vx, S2, x_vec_move) },
    [0x14] = { SSE_ROW("unpcklps", Vx, Wx, S1, x_punpckldq),
               SSE_ROW("unpcklpd", Vx, Wx, S2, x_punpcklqdq) },
    [0x15] = { SSE_ROW("unpckhps", Vx, Wx, S1, x_punpckhdq),
               SSE_ROW("unpckhpd", Vx, Wx, S2, x_punpckhqdq) },
    [0x16] = { SUB(mod_0f16), SSE_ROW("movhpd", Vx, Mq, S2, x_movhps),
               SSE_ROW("movshdup", Vx, Wx, S3, x_movshdup) },
    [0x17] = { SSE_ROW("movhps", Mq, Vx, S1, x_movhps_store),
               SSE_ROW("movhpd", Mq, Vx, S2, x_movhps_store) },
    [0x28] = { SSE_ROW("movaps", Vx, Wx, S1, x_vec_move),
               SSE_ROW("movapd", Vx, Wx, S2, x_vec_move) },
    [0x29] = { SSE_ROW("movaps", Wx, Vx, S1, x_vec_move),
               SSE_ROW("movapd", Wx, Vx, S2, x_vec_move) },
    [0x2a] = { SUB(mod_0f2a), SUB(mod_660f2a),
               SSE_ROW("cvtsi2ss", Vx, Ey, S1, x_cvtsi2ss),
               SSE_ROW("cvtsi2sd", Vx, Ey, S2, x_cvtsi2sd) },
    [0x2b] = { SSE_ROW("movntps", Mdq, Vx, S1, x_vec_move),
               SSE_ROW("movntpd", Mdq, Vx, S2, x_vec_move) },
    [0x2c] = { TO_MMX("cvttps2pi", Wq, S1, x_cvttps2pi), TO_MMX("cvttpd2pi", Wx, S2, x_cvttpd2dq),
               SSE_ROW("cvttss2si", Gy, Wd, S1, x_cvttss2si),
               SSE_ROW("cvttsd2si", Gy, Wq, S2, x_cvttsd2si) },
    [0x2d] = { TO_MMX("cvtps2pi", Wq, S1, x_cvtps2pi), TO_MMX("cvtpd2pi", Wx, S2, x_cvtpd2dq),
               SSE_ROW("cvtss2si", Gy, Wd, S1, x_cvtss2si),
               SSE_ROW("cvtsd2si", Gy, Wq, S2, x_cvtsd2si) },
    [0x2e] = { COMPARE("ucomiss", Wd, S1, x_ucomiss), COMPARE("ucomisd", Wq, S2, x_ucomisd) },
    [0x2f] = { COMPARE("comiss", Wd, S1, x_comiss), COMPARE("comisd", Wq, S2, x_comisd) },

    [0x50] = { SSE_ROW("movmskps", Gd, Ux, S1, x_movmskps),
               SSE_ROW("movmskpd", Gd, Ux, S2, x_movmskpd) },
    [0x51] = FLOATS("sqrt", x_sqrt),
    [0x52] = { [0] = SSE_ROW("rsqrtps", Vx, Wx, S1, x_rsqrtps),
               [2] = SSE_ROW("rsqrtss", Vx, Wd, S1, x_rsqrtss) },
    [0x53] = { [0] = SSE_ROW("rcpps", Vx, Wx, S1, x_rcpps),
               [2] = SSE_ROW("rcpss", Vx, Wd, S1, x_rcpss) },
    [0x54] = FLOAT_BITS("and", x_pand),
    [0x55] = FLOAT_BITS("andn", x_pandn),
    [0x56] = FLOAT_BITS("or", x_por),
    [0x57] = FLOAT_BITS("xor", x_pxor),
    [0x58] = FLOATS("add", x_add),
    [0x59] = FLOATS("mul", x_mul),
    [0x5a] = { SSE_ROW("cvtps2pd", Vx, Wq, S2, x_cvtps2pd),
               SSE_ROW("cvtpd2ps", Vx, Wx, S2, x_cvtpd2ps),
               SSE_ROW("cvtss2sd", Vx, Wd, S2, x_cvtss2sd),
               SSE_ROW("cvtsd2ss", Vx, Wq, S2, x_cvtsd2ss) },
    [0x5b] = { SSE_ROW("cvtdq2ps", Vx, Wx, S2, x_cvtdq2ps),
               SSE_ROW("cvtps2dq", Vx, Wx, S2, x_cvtps2dq),
               SSE_ROW("cvttps2dq", Vx, Wx, S2, x_cvttps2dq) },
    [0x5c] = FLOATS("sub", x_sub),
    [0x5d] = FLOATS("min", x_min),
    [0x5e] = FLOATS("div", x_div),
    [0x5f] = FLOATS("max", x_max),

    [0x60] = { MMX_ROW("punpcklbw", Pq, Qd, MM, x_punpcklbw),
               SSE_ROW("punpcklbw", Vx, Wx, S2, x_punpcklbw) },
    [0x61] = { MMX_ROW("punpcklwd", Pq, Qd, MM, x_punpcklwd),
               SSE_ROW("punpcklwd", Vx, Wx, S2, x_punpcklwd) },
    [0x62] = { MMX_ROW("punpckldq", Pq, Qd, MM, x_punpckldq),
               SSE_ROW("punpckldq", Vx, Wx, S2, x_punpckldq) },
    [0x63] = PACKED("packsswb", x_packsswb, MM, S2),
    [0x64] = PACKED("pcmpgtb", x_pcmpgtb, MM, S2),
    [0x65] = PACKED("pcmpgtw", x_pcmpgtw, MM, S2),
    [0x66] = PACKED("pcmpgtd", x_pcmpgtd, MM, S2),
    [0x67] = PACKED("packuswb", x_packuswb, MM, S2),
    [0x68] = PACKED("punpckhbw", x_punpckhbw, MM, S2),
    [0x69] = PACKED("punpckhwd", x_punpckhwd, MM, S2),
    [0x6a] = PACKED("punpckhdq", x_punpckhdq, MM, S2),
    [0x6b] = PACKED("packssdw", x_packssdw, MM, S2),
    [0x6c] = { [1] = SSE_ROW("punpcklqdq", Vx, Wx, S2, x_punpcklqdq) },
    [0x6d] = { [1] = SSE_ROW("punpckhqdq", Vx, Wx, S2, x_punpckhqdq) },
    [0x6e] = { MMX_ROW("movd", Pq, Ey, MM, x_vec_move), SSE_ROW("movd", Vx, Ey, S2, x_vec_move) },
    [0x6f] = { MMX_ROW("movq", Pq, Qq, MM, x_vec_move), SSE_ROW("movdqa", Vx, Wx, S2, x_vec_move),
               SSE_UNALIGNED("movdqu", Vx, Wx, S2, x_vec_move) },

    [0x70] = { MMX_IMM("pshufw", Pq, Qq, S1, x_pshufw), SSE_IMM("pshufd", Vx, Wx, S2, x_pshufd),
               SSE_IMM("pshufhw", Vx, Wx, S2, x_pshufhw),
               SSE_IMM("pshuflw", Vx, Wx, S2, x_pshufw) },
    [0x71] = SHIFTS(reg_0f71),
    [0x72] = SHIFTS(reg_0f72),
    [0x73] = SHIFTS(reg_0f73),
    [0x74] = PACKED("pcmpeqb", x_pcmpeqb, MM, S2),
    [0x75] = PACKED("pcmpeqw", x_pcmpeqw, MM, S2),
    [0x76] = PACKED("pcmpeqd", x_pcmpeqd, MM, S2),
    [0x77] = { ROW("emms", 0, 0, 0, MM, x_emms, ROW_MMX | ROW_EMPTIES) },
    [0x7c] = { [1] = SSE_ROW("haddpd", Vx, Wx, S3, x_haddpd),
               [3] = SSE_ROW("haddps", Vx, Wx, S3, x_haddps) },
    [0x7d] = { [1] = SSE_ROW("hsubpd", Vx, Wx, S3, x_hsubpd),
               [3] = SSE_ROW("hsubps", Vx, Wx, S3, x_hsubps) },
    [0x7e] = { MMX_ROW("movd", Ey, Pq, MM, x_vec_move), SSE_ROW("movd", Ey, Vx, S2, x_vec_move),
               SSE_ROW("movq", Vx, Wq, S2, x_movq_xmm) },
    [0x7f] = { MMX_ROW("movq", Qq, Pq, MM, x_vec_move), SSE_ROW("movdqa", Wx, Vx, S2, x_vec_move),
               SSE_UNALIGNED("movdqu", Wx, Vx, S2, x_vec_move) },

    [0xb8] = { [2] = ROW("popcnt", OPERANDS(Gv, Ev), FLAGS_ARITH, 0, X86_POPCNT, x_popcnt, 0) },
    /* F2 means nothing here; F3 only to models with BMI1 and ABM. */
    [0xbc] = { SCAN("bsf", x_bsf), SCAN("bsf", x_bsf), COUNT("tzcnt", x_tzcnt),
               SCAN("bsf", x_bsf) },
    [0xbd] = { SCAN("bsr", x_bsr), SCAN("bsr", x_bsr), COUNT("lzcnt", x_lzcnt),
               SCAN("bsr", x_bsr) },

    [0xc2] = { SSE_IMM("cmpps", Vx, Wx, S1, x_cmpps), SSE_IMM("cmppd", Vx, Wx, S2, x_cmppd),
               SSE_IMM("cmpss", Vx, Wd, S1, x_cmpss), SSE_IMM("cmpsd", Vx, Wq, S2, x_cmpsd_xmm) },
    [0xc3] = { ROW("movnti", OPERANDS(My, Gy), 0, 0, S2, x_movnti, 0) },
    [0xc4] = { SUB(mod_0fc4), SUB(mod_660fc4) },
    [0xc5] = { MMX_IMM("pextrw", Gd, Nq, S1, x_pextrw), SSE_IMM("pextrw", Gd, Ux, S2, x_pextrw) },
    [0xc6] = { SSE_IMM("shufps", Vx, Wx, S1, x_shufps), SSE_IMM("shufpd", Vx, Wx, S2, x_shufpd) },

    [0xd0] = { [1] = SSE_ROW("addsubpd", Vx, Wx, S3, x_addsubpd),
               [3] = SSE_ROW("addsubps", Vx, Wx, S3, x_addsubps) },
    [0xd1] = PACKED("psrlw", x_psrlw, MM, S2),
    [0xd2] = PACKED("psrld", x_psrld, MM, S2),
    [0xd3] = PACKED("psrlq", x_psrlq, MM, S2),
    [0xd4] = PACKED("paddq", x_paddq, S2, S2),
    [0xd5] = PACKED("pmullw", x_pmullw, MM, S2),
    [0xd6] = { [1] = SSE_ROW("movq", Wq, Vx, S2, x_movq_xmm),
               [2] = ROW("movq2dq", OPERANDS(Vx, Nq), 0, 0, S2, x_vec_move, ROW_SSE | ROW_MMX),
               [3] = TO_MMX("movdq2q", Ux, S2, x_vec_move) },
    [0xd7] = { MMX_ROW("pmovmskb", Gd, Nq, S1, x_pmovmskb),
               SSE_ROW("pmovmskb", Gd, Ux, S2, x_pmovmskb) },
    [0xd8] = PACKED("psubusb", x_psubusb, MM, S2),
    [0xd9] = PACKED("psubusw", x_psubusw, MM, S2),
    [0xda] = PACKED("pminub", x_pminub, S1, S2),
    [0xdb] = PACKED("pand", x_pand, MM, S2),
    [0xdc] = PACKED("paddusb", x_paddusb, MM, S2),
    [0xdd] = PACKED("paddusw", x_paddusw, MM, S2),
    [0xde] = PACKED("pmaxub", x_pmaxub, S1, S2),
    [0xdf] = PACKED("pandn", x_pandn, MM, S2),
    [0xe0] = PACKED("pavgb", x_pavgb, S1, S2),
    [0xe1] = PACKED("psraw", x_psraw, MM, S2),
    [0xe2] = PACKED("psrad", x_psrad, MM, S2),
    [0xe3] = PACKED("pavgw", x_pavgw, S1, S2),
    [0xe4] = PACKED("pmulhuw", x_pmulhuw, S1, S2),
    [0xe5] = PACKED("pmulhw", x_pmulhw, MM, S2),
    [0xe6] = { [1] = SSE_ROW("cvttpd2dq", Vx, Wx, S2, x_cvttpd2dq),
               [2] = SSE_ROW("cvtdq2pd", Vx, Wq, S2, x_cvtdq2pd),
               [3] = SSE_ROW("cvtpd2dq", Vx, Wx, S2, x_cvtpd2dq) },
    [0xe7] = { MMX_ROW("movntq", Mq, Pq, S1, x_vec_move),
               SSE_ROW("movntdq", Mdq, Vx, S2, x_vec_move) },
    [0xe8] = PACKED("psubsb", x_psubsb, MM, S2),
    [0xe9] = PACKED("psubsw", x_psubsw, MM, S2),
    [0xea] = PACKED("pminsw", x_pminsw, S1, S2),
    [0xeb] = PACKED("por", x_por, MM, S2),
    [0xec] = PACKED("paddsb", x_paddsb, MM, S2),
    [0xed] = PACKED("paddsw", x_paddsw, MM, S2),
    [0xee] = PACKED("pmaxsw", x_pmaxsw, S1, S2),
    [0xef] = PACKED("pxor", x_pxor, MM, S2),
    [0xf0] = { [3] = SSE_UNALIGNED("lddqu", Vx, Mdq, S3, x_vec_move) },
    [0xf1] = PACKED("psllw", x_psllw, MM, S2),
    [0xf2] = PACKED("pslld", x_pslld, MM, S2),
    [0xf3] = PACKED("psllq", x_psllq, MM, S2),
    [0xf4] = PACKED("pmuludq", x_pmuludq, S2, S2),
    [0xf5] = PACKED("pmaddwd", x_pmaddwd, MM, S2),
    [0xf6] = PACKED("psadbw", x_psadbw, S1, S2),
    [0xf7] = { MMX_ROW("maskmovq", Pq, Nq, S1, x_maskmov),
               SSE_ROW("maskmovdqu", Vx, Ux, S2, x_maskmov) },
    [0xf8] = PACKED("psubb", x_psubb, MM, S2),
    [0xf9] = PACKED("psubw", x_psubw, MM, S2),
    [0xfa] = PACKED("psubd", x_psubd, MM, S2),
    [0xfb] = PACKED("psubq", x_psubq, S2, S2),
    [0xfc] = PACKED("paddb", x_paddb, MM, S2),
    [0xfd] = PACKED("paddw", x_paddw, MM, S2),
    [0xfe] = PACKED("paddd", x_paddd, MM, S2),
};
