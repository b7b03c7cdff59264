/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/vec_rows.h: execute functions of MMX, SSE and BMI instructions, and the macros that
 * their rows are written with.
 */
#ifndef TARGET_I386_VEC_ROWS_H
#define TARGET_I386_VEC_ROWS_H

#include "target/i386/insn.h"

/* clang-format off */
#define OPERANDS(...) __VA_ARGS__
/* Rows without sub-rows: flags of EFLAGS they set or clear (w) and leave undefined (u). */
#define ROW(name, ops, w, u, needs, fn, fl) \
    { name, { ops }, 0, w, u, needs, fn, fl, SUB_NONE, NULL }
/* One SSE form: destination, source. */
#define SSE_ROW(name, d, s, needs, fn) \
    { name, { d, s }, 0, 0, 0, needs, fn, ROW_SSE, SUB_NONE, NULL }
#define SSE_IMM(name, d, s, needs, fn) \
    { name, { d, s, Ib }, 0, 0, 0, needs, fn, ROW_SSE, SUB_NONE, NULL }
#define SSE_UNALIGNED(name, d, s, needs, fn) \
    { name, { d, s }, 0, 0, 0, needs, fn, ROW_SSE | ROW_UNALIGNED, SUB_NONE, NULL }
#define MMX_ROW(name, d, s, needs, fn) \
    { name, { d, s }, 0, 0, 0, needs, fn, ROW_MMX, SUB_NONE, NULL }
#define MMX_IMM(name, d, s, needs, fn) \
    { name, { d, s, Ib }, 0, 0, 0, needs, fn, ROW_MMX, SUB_NONE, NULL }
/* Both, which execute alike on 8 and on 16 bytes; the MMX form needs `mm`, the other `xmm`. */
#define PACKED(name, fn, mm, xmm) \
    { MMX_ROW(name, Pq, Qq, mm, fn), SSE_ROW(name, Vx, Wx, xmm, fn) }
/* Packed and scalar floating point: ps, pd, ss, sd. */
#define FLOATS(name, fn) \
    { SSE_ROW(name "ps", Vx, Wx, X86_SSE, fn##ps), SSE_ROW(name "pd", Vx, Wx, X86_SSE2, fn##pd), \
      SSE_ROW(name "ss", Vx, Wd, X86_SSE, fn##ss), SSE_ROW(name "sd", Vx, Wq, X86_SSE2, fn##sd) }
/* The two packed ones, which compute bit by bit. */
#define FLOAT_BITS(name, fn) \
    { SSE_ROW(name "ps", Vx, Wx, X86_SSE, fn), SSE_ROW(name "pd", Vx, Wx, X86_SSE2, fn) }
/* clang-format on */

/* sse_int.c */
x86_exec_fn x_paddb, x_paddw, x_paddd, x_paddq, x_psubb, x_psubw, x_psubd, x_psubq, x_paddsb,
    x_paddsw, x_paddusb, x_paddusw, x_psubsb, x_psubsw, x_psubusb, x_psubusw, x_pavgb, x_pavgw,
    x_pmullw, x_pmulhw, x_pmulhuw, x_pmulhrsw, x_pmulld, x_pmuludq, x_pmuldq, x_pminub, x_pminuw,
    x_pminud, x_pminsb, x_pminsw, x_pminsd, x_pmaxub, x_pmaxuw, x_pmaxud, x_pmaxsb, x_pmaxsw,
    x_pmaxsd, x_pcmpeqb, x_pcmpeqw, x_pcmpeqd, x_pcmpeqq, x_pcmpgtb, x_pcmpgtw, x_pcmpgtd,
    x_pcmpgtq, x_pand, x_pandn, x_por, x_pxor, x_pabsb, x_pabsw, x_pabsd, x_psignb, x_psignw,
    x_psignd, x_pmaddwd, x_pmaddubsw, x_psadbw, x_phaddw, x_phaddd, x_phaddsw, x_phsubw, x_phsubd,
    x_phsubsw, x_phminposuw, x_mpsadbw, x_ptest;
/* sse_shift.c */
x86_exec_fn x_psllw, x_psrlw, x_psraw, x_pslld, x_psrld, x_psrad, x_psllq, x_psrlq, x_pslldq,
    x_psrldq, x_palignr;
/* sse_shuffle.c */
x86_exec_fn x_punpcklbw, x_punpcklwd, x_punpckldq, x_punpcklqdq, x_punpckhbw, x_punpckhwd,
    x_punpckhdq, x_punpckhqdq, x_packsswb, x_packuswb, x_packssdw, x_packusdw, x_pmovsxbw,
    x_pmovsxbd, x_pmovsxbq, x_pmovsxwd, x_pmovsxwq, x_pmovsxdq, x_pmovzxbw, x_pmovzxbd, x_pmovzxbq,
    x_pmovzxwd, x_pmovzxwq, x_pmovzxdq, x_pshufb, x_pshufw, x_pshufhw, x_pshufd, x_shufps, x_shufpd,
    x_pblendw, x_blendps, x_blendpd, x_pblendvb, x_blendvps, x_blendvpd, x_pinsrb, x_pinsrw,
    x_pextrb, x_pextrw, x_extractps, x_pinsrd, x_pextrd, x_insertps, x_pmovmskb, x_movmskps,
    x_movmskpd;
/* sse_move.c */
x86_exec_fn x_vec_move, x_movss, x_movsd_xmm, x_movq_xmm, x_movlps, x_movhps, x_movhlps,
    x_movhps_store, x_movsldup, x_movshdup, x_movddup, x_movnti, x_maskmov;
/* sse_float.c */
x86_exec_fn x_addps, x_addss, x_addpd, x_addsd, x_subps, x_subss, x_subpd, x_subsd, x_mulps,
    x_mulss, x_mulpd, x_mulsd, x_divps, x_divss, x_divpd, x_divsd, x_minps, x_minss, x_minpd,
    x_minsd, x_maxps, x_maxss, x_maxpd, x_maxsd, x_sqrtps, x_sqrtss, x_sqrtpd, x_sqrtsd, x_rcpps,
    x_rcpss, x_rsqrtps, x_rsqrtss, x_haddps, x_hsubps, x_haddpd, x_hsubpd, x_addsubps, x_addsubpd,
    x_dpps, x_dppd, x_cmpps, x_cmpss, x_cmppd, x_cmpsd_xmm, x_ucomiss, x_ucomisd, x_comiss,
    x_comisd;
/* sse_convert.c */
x86_exec_fn x_cvtdq2ps, x_cvtps2dq, x_cvttps2dq, x_cvtdq2pd, x_cvtpd2dq, x_cvttpd2dq, x_cvtps2pd,
    x_cvtpd2ps, x_cvtss2sd, x_cvtsd2ss, x_cvtpi2ps, x_cvtps2pi, x_cvttps2pi, x_cvtsi2ss, x_cvtsi2sd,
    x_cvtss2si, x_cvttss2si, x_cvtsd2si, x_cvttsd2si, x_roundps, x_roundpd, x_roundss, x_roundsd;
/* sse_string.c */
x86_exec_fn x_pcmpistri, x_pcmpistrm, x_pcmpestri, x_pcmpestrm;
/* mmx.c */
x86_exec_fn x_emms;
/* crypto.c */
x86_exec_fn x_aesenc, x_aesenclast, x_aesdec, x_aesdeclast, x_aesimc, x_aeskeygenassist,
    x_pclmulqdq, x_sha1nexte, x_sha1msg1, x_sha1msg2, x_sha1rnds4, x_sha256rnds2, x_sha256msg1,
    x_sha256msg2;
/* bmi.c */
x86_exec_fn x_bsf, x_bsr, x_tzcnt, x_lzcnt, x_popcnt, x_movbe, x_adcx, x_adox, x_andn, x_blsr,
    x_blsmsk, x_blsi, x_bzhi, x_bextr, x_pext, x_pdep, x_mulx, x_shlx, x_shrx, x_sarx, x_rorx,
    x_crc32;

#endif
