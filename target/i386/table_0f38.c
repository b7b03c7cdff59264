/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/table_0f38.c: rows of the three-byte opcodes 0F 38 xx and 0F 3A xx, and of the
 * VEX-encoded ones among them that need no AVX.  SDM vol. 2, appendix A, tables.
 */
#include "target/i386/exec_system.h"
#include "target/i386/vec_rows.h"

/* clang-format off */
#define S3S X86_SSSE3
#define S41 X86_SSE41
#define S42 X86_SSE42
/* Most exist with the 66 prefix only. */
#define ONLY66(name, s, needs, fn) { [1] = SSE_ROW(name, Vx, s, needs, fn) }
#define ONLY66_IMM(name, s, needs, fn) { [1] = SSE_IMM(name, Vx, s, needs, fn) }
/* Integer rows: names, operands, flags written and undefined. */
#define INT(name, ops, r, w, u, needs, fl) \
    { #name, { ops }, r, w, u, needs, x_##name, fl, SUB_NONE, NULL }
#define MOVBE(ops) INT(movbe, OPERANDS(ops), 0, 0, 0, X86_MOVBE, 0)
#define CRC32(source) INT(crc32, OPERANDS(Gy, source), 0, 0, 0, S42, 0)

const struct insn_row table_0f38[256][4] = {
    [0x00] = PACKED("pshufb", x_pshufb, S3S, S3S),
    [0x01] = PACKED("phaddw", x_phaddw, S3S, S3S),
    [0x02] = PACKED("phaddd", x_phaddd, S3S, S3S),
    [0x03] = PACKED("phaddsw", x_phaddsw, S3S, S3S),
    [0x04] = PACKED("pmaddubsw", x_pmaddubsw, S3S, S3S),
    [0x05] = PACKED("phsubw", x_phsubw, S3S, S3S),
    [0x06] = PACKED("phsubd", x_phsubd, S3S, S3S),
    [0x07] = PACKED("phsubsw", x_phsubsw, S3S, S3S),
    [0x08] = PACKED("psignb", x_psignb, S3S, S3S),
    [0x09] = PACKED("psignw", x_psignw, S3S, S3S),
    [0x0a] = PACKED("psignd", x_psignd, S3S, S3S),
    [0x0b] = PACKED("pmulhrsw", x_pmulhrsw, S3S, S3S),
    [0x10] = ONLY66("pblendvb", Wx, S41, x_pblendvb),
    [0x14] = ONLY66("blendvps", Wx, S41, x_blendvps),
    [0x15] = ONLY66("blendvpd", Wx, S41, x_blendvpd),
    [0x17] = { [1] = ROW("ptest", OPERANDS(Vx, Wx), FLAGS_ARITH, 0, S41, x_ptest, ROW_SSE) },
    [0x1c] = PACKED("pabsb", x_pabsb, S3S, S3S),
    [0x1d] = PACKED("pabsw", x_pabsw, S3S, S3S),
    [0x1e] = PACKED("pabsd", x_pabsd, S3S, S3S),
    [0x20] = ONLY66("pmovsxbw", Wq, S41, x_pmovsxbw),
    [0x21] = ONLY66("pmovsxbd", Wd, S41, x_pmovsxbd),
    [0x22] = ONLY66("pmovsxbq", Ww, S41, x_pmovsxbq),
    [0x23] = ONLY66("pmovsxwd", Wq, S41, x_pmovsxwd),
    [0x24] = ONLY66("pmovsxwq", Wd, S41, x_pmovsxwq),
    [0x25] = ONLY66("pmovsxdq", Wq, S41, x_pmovsxdq),
    [0x28] = ONLY66("pmuldq", Wx, S41, x_pmuldq),
    [0x29] = ONLY66("pcmpeqq", Wx, S41, x_pcmpeqq),
    [0x2a] = ONLY66("movntdqa", Mdq, S41, x_vec_move),
    [0x2b] = ONLY66("packusdw", Wx, S41, x_packusdw),
    [0x30] = ONLY66("pmovzxbw", Wq, S41, x_pmovzxbw),
    [0x31] = ONLY66("pmovzxbd", Wd, S41, x_pmovzxbd),
    [0x32] = ONLY66("pmovzxbq", Ww, S41, x_pmovzxbq),
    [0x33] = ONLY66("pmovzxwd", Wq, S41, x_pmovzxwd),
    [0x34] = ONLY66("pmovzxwq", Wd, S41, x_pmovzxwq),
    [0x35] = ONLY66("pmovzxdq", Wq, S41, x_pmovzxdq),
    [0x37] = ONLY66("pcmpgtq", Wx, S42, x_pcmpgtq),
    [0x38] = ONLY66("pminsb", Wx, S41, x_pminsb),
    [0x39] = ONLY66("pminsd", Wx, S41, x_pminsd),
    [0x3a] = ONLY66("pminuw", Wx, S41, x_pminuw),
    [0x3b] = ONLY66("pminud", Wx, S41, x_pminud),
    [0x3c] = ONLY66("pmaxsb", Wx, S41, x_pmaxsb),
    [0x3d] = ONLY66("pmaxsd", Wx, S41, x_pmaxsd),
    [0x3e] = ONLY66("pmaxuw", Wx, S41, x_pmaxuw),
    [0x3f] = ONLY66("pmaxud", Wx, S41, x_pmaxud),
    [0x40] = ONLY66("pmulld", Wx, S41, x_pmulld),
    [0x41] = ONLY66("phminposuw", Wx, S41, x_phminposuw),
    [0xc8] = { SSE_ROW("sha1nexte", Vx, Wx, X86_SHA, x_sha1nexte) },
    [0xc9] = { SSE_ROW("sha1msg1", Vx, Wx, X86_SHA, x_sha1msg1) },
    [0xca] = { SSE_ROW("sha1msg2", Vx, Wx, X86_SHA, x_sha1msg2) },
    [0xcb] = { SSE_ROW("sha256rnds2", Vx, Wx, X86_SHA, x_sha256rnds2) },
    [0xcc] = { SSE_ROW("sha256msg1", Vx, Wx, X86_SHA, x_sha256msg1) },
    [0xcd] = { SSE_ROW("sha256msg2", Vx, Wx, X86_SHA, x_sha256msg2) },
    [0xdb] = ONLY66("aesimc", Wx, X86_AES, x_aesimc),
    [0xdc] = ONLY66("aesenc", Wx, X86_AES, x_aesenc),
    [0xdd] = ONLY66("aesenclast", Wx, X86_AES, x_aesenclast),
    [0xde] = ONLY66("aesdec", Wx, X86_AES, x_aesdec),
    [0xdf] = ONLY66("aesdeclast", Wx, X86_AES, x_aesdeclast),
    [0x82] = { [1] = { "invpcid", { Gq, Mdq }, 0, 0, 0, X86_INVPCID, x_invpcid,
                       ROW_CPL0 | ROW_ENDS, SUB_NONE, NULL } },
    [0xf0] = { MOVBE(OPERANDS(Gv, Mv)), MOVBE(OPERANDS(Gv, Mv)), [3] = CRC32(Eb) },
    [0xf1] = { MOVBE(OPERANDS(Mv, Gv)), MOVBE(OPERANDS(Mv, Gv)), [3] = CRC32(Ev) },
    [0xf6] = { [1] = INT(adcx, OPERANDS(Gy, Ey), FLAG_CF, FLAG_CF, 0, X86_ADX, 0),
               [2] = INT(adox, OPERANDS(Gy, Ey), FLAG_OF, FLAG_OF, 0, X86_ADX, 0) },
};

/* Register forms take a general register; the memory forms have the lane's size. */
#define LANE_INSERT(name, mem, fn) { \
    SSE_IMM(name, Vx, mem, S41, fn), SSE_IMM(name, Vx, Rd, S41, fn) }
#define LANE_EXTRACT(name, mem, fn) { \
    SSE_IMM(name, mem, Vx, S41, fn), SSE_IMM(name, Rd, Vx, S41, fn) }
static const struct insn_row mod_pextrb[2] = LANE_EXTRACT("pextrb", Mb, x_pextrb);
static const struct insn_row mod_pextrw[2] = LANE_EXTRACT("pextrw", Mw, x_pextrw);
static const struct insn_row mod_pinsrb[2] = LANE_INSERT("pinsrb", Mb, x_pinsrb);
#define STRINGS(name) \
    { [1] = { #name, { Vx, Wx, Ib }, 0, FLAGS_ARITH, 0, S42, x_##name, ROW_SSE | ROW_UNALIGNED, \
              SUB_NONE, NULL } }

const struct insn_row table_0f3a[256][4] = {
    [0x08] = ONLY66_IMM("roundps", Wx, S41, x_roundps),
    [0x09] = ONLY66_IMM("roundpd", Wx, S41, x_roundpd),
    [0x0a] = ONLY66_IMM("roundss", Wd, S41, x_roundss),
    [0x0b] = ONLY66_IMM("roundsd", Wq, S41, x_roundsd),
    [0x0c] = ONLY66_IMM("blendps", Wx, S41, x_blendps),
    [0x0d] = ONLY66_IMM("blendpd", Wx, S41, x_blendpd),
    [0x0e] = ONLY66_IMM("pblendw", Wx, S41, x_pblendw),
    [0x0f] = { MMX_IMM("palignr", Pq, Qq, S3S, x_palignr),
               SSE_IMM("palignr", Vx, Wx, S3S, x_palignr) },
    [0x14] = { [1] = ROW_SUB(SUB_MOD, mod_pextrb) },
    [0x15] = { [1] = ROW_SUB(SUB_MOD, mod_pextrw) },
    [0x16] = { [1] = SSE_IMM("pextrd", Ey, Vx, S41, x_pextrd) },
    [0x17] = { [1] = SSE_IMM("extractps", Ed, Vx, S41, x_extractps) },
    [0x20] = { [1] = ROW_SUB(SUB_MOD, mod_pinsrb) },
    [0x21] = ONLY66_IMM("insertps", Wd, S41, x_insertps),
    [0x22] = { [1] = SSE_IMM("pinsrd", Vx, Ey, S41, x_pinsrd) },
    [0x40] = ONLY66_IMM("dpps", Wx, S41, x_dpps),
    [0x41] = ONLY66_IMM("dppd", Wx, S41, x_dppd),
    [0x42] = ONLY66_IMM("mpsadbw", Wx, S41, x_mpsadbw),
    [0x44] = ONLY66_IMM("pclmulqdq", Wx, X86_PCLMUL, x_pclmulqdq),
    [0x60] = STRINGS(pcmpestrm),
    [0x61] = STRINGS(pcmpestri),
    [0x62] = STRINGS(pcmpistrm),
    [0x63] = STRINGS(pcmpistri),
    [0xcc] = { SSE_IMM("sha1rnds4", Vx, Wx, X86_SHA, x_sha1rnds4) },
    [0xdf] = ONLY66_IMM("aeskeygenassist", Wx, X86_AES, x_aeskeygenassist),
};

/* BMI1 and BMI2. */
#define ALL FLAGS_ARITH
#define VEX(name, ops, w, u, needs) INT(name, OPERANDS(ops), 0, w, u, needs, ROW_VEX_L0)
static const struct insn_row reg_vex_0f38f3[8] = {
    [1] = VEX(blsr,   OPERANDS(By, Ey), ALL & ~(FLAG_AF | FLAG_PF), FLAG_AF | FLAG_PF, X86_BMI1),
    [2] = VEX(blsmsk, OPERANDS(By, Ey), ALL & ~(FLAG_AF | FLAG_PF), FLAG_AF | FLAG_PF, X86_BMI1),
    [3] = VEX(blsi,   OPERANDS(By, Ey), ALL & ~(FLAG_AF | FLAG_PF), FLAG_AF | FLAG_PF, X86_BMI1),
};

const struct insn_row table_vex_0f38[256][4] = {
    [0xf2] = { VEX(andn, OPERANDS(Gy, By, Ey), ALL & ~(FLAG_AF | FLAG_PF),
               FLAG_AF | FLAG_PF, X86_BMI1) },
    [0xf3] = { ROW_SUB(SUB_REG, reg_vex_0f38f3) },
    [0xf5] = { [0] = VEX(bzhi, OPERANDS(Gy, Ey, By), ALL & ~(FLAG_AF | FLAG_PF),
               FLAG_AF | FLAG_PF, X86_BMI2),
               [2] = VEX(pext, OPERANDS(Gy, By, Ey), 0, 0, X86_BMI2),
               [3] = VEX(pdep, OPERANDS(Gy, By, Ey), 0, 0, X86_BMI2) },
    [0xf6] = { [3] = VEX(mulx, OPERANDS(Gy, By, Ey), 0, 0, X86_BMI2) },
    [0xf7] = { VEX(bextr, OPERANDS(Gy, Ey, By),
               FLAG_ZF | FLAG_CF | FLAG_OF, FLAG_AF | FLAG_SF | FLAG_PF, X86_BMI1),
               VEX(shlx, OPERANDS(Gy, Ey, By), 0, 0, X86_BMI2),
               VEX(sarx, OPERANDS(Gy, Ey, By), 0, 0, X86_BMI2),
               VEX(shrx, OPERANDS(Gy, Ey, By), 0, 0, X86_BMI2) },
};

const struct insn_row table_vex_0f3a[256][4] = {
    [0xf0] = { [3] = VEX(rorx, OPERANDS(Gy, Ey, Ib), 0, 0, X86_BMI2) },
};
