/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/insn.h: rows of the instruction tables, and decoded instructions.
 *
 * decode.c turns bytes into `struct insn` by the tables in table_*.c.  One row an instruction; the
 * decoder, interpreter, translator, CPUID gate and tests read the same row.
 */
#ifndef TARGET_I386_INSN_H
#define TARGET_I386_INSN_H

#include "target/i386/cpu.h"

struct insn;
typedef void x86_exec_fn(struct x86_cpu *cpu, const struct insn *i);

/* clang-format off */
/* Operand codes: the letters of SDM vol. 2, appendix A.2. */
enum operand_code {
    OP_NONE,
    Eb, Ew, Ed, Eq, Ev, Ey,     /* ModRM r/m: general register or memory; y: 4 or 8 */
    Gb, Gw, Gd, Gq, Gv, Gy,     /* ModRM reg: general register */
    Rd, Rq, Ry, Rv,             /* ModRM r/m: general register only (mod ignored or 3) */
    By,                         /* VEX.vvvv: general register */
    Ib, Iw, Iz, Iv, Ibs,        /* immediates; Iz: 2 or 4 sign-extended; Ibs: byte sign-extended */
    Jb, Jz,                     /* branch displacements */
    M,                          /* memory, no size (LEA, INVLPG) */
    Mb, Mw, Md, Mq, Mt, Mdq,    /* memory of 1, 2, 4, 8, 10, 16 bytes */
    Mv, My, Mp,                 /* v-sized, y-sized; far pointer 16:v */
    Ap,                         /* immediate far pointer: imm = offset, imm2 = selector */
    Ob, Ov,                     /* moffs */
    Sw,                         /* ModRM reg: segment register */
    Cy, Dy,                     /* ModRM reg: control, debug register */
    Zb, Zv, Zq,                 /* register in the opcode's low 3 bits; Zq: v-size, 64 in long mode */
    ALo, AXv, CLo, DXw, One,    /* fixed: AL, rAX of v-size, CL, DX, the constant 1 */
    S_ES, S_CS, S_SS, S_DS, S_FS, S_GS, /* fixed segment registers */
    Xb, Xv, Yb, Yv, Xz, Yz,     /* string operands: DS:rSI, ES:rDI (informative; not loaded); z: 2 or 4 */
    Vx,                         /* ModRM reg: XMM, 16 bytes */
    Wx,                         /* ModRM r/m: XMM, or memory of 16 bytes, aligned unless ROW_UNALIGNED */
    Wb, Ww, Wd, Wq,             /* ModRM r/m: XMM, or memory of 1, 2, 4, 8 bytes (no alignment) */
    Ux,                         /* ModRM r/m: XMM only (mod must be 3) */
    Pq,                         /* ModRM reg: MMX */
    Qq, Qd,                     /* ModRM r/m: MMX, or memory of 8 (4) bytes */
    Nq,                         /* ModRM r/m: MMX only */
    ST0, STi,                   /* x87 */
    /* VEX and EVEX: vectors of the instruction's length, half of it (h), or 16 bytes (x). */
    VV, VVh, VVx,               /* ModRM reg */
    HV, HVh, HVx,               /* VEX.vvvv */
    WV, WVh, WVx,               /* ModRM r/m, or memory of the row's size */
    LV,                         /* bits 7-4 of an immediate byte */
    KG, KH, KR,                 /* mask registers: ModRM reg, VEX.vvvv, ModRM r/m or memory */
};

enum row_flag {
    ROW_LOCK      = 1 << 0,  /* LOCK allowed when operand 0 is memory */
    ROW_D64       = 1 << 1,  /* operand size defaults to 64 in 64-bit code (no 32) */
    ROW_F64       = 1 << 2,  /* operand size is 64 in 64-bit code, whatever 66 says */
    ROW_I64       = 1 << 3,  /* #UD in 64-bit code */
    ROW_O64       = 1 << 4,  /* #UD outside 64-bit code */
    ROW_CPL0      = 1 << 5,  /* #GP(0) unless CPL 0 */
    ROW_PROT      = 1 << 6,  /* #UD in real and virtual-8086 mode */
    ROW_UNALIGNED = 1 << 7,  /* 16-byte memory operand need not be aligned */
    ROW_REP       = 1 << 8,  /* REP/REPE/REPNE mean something */
    ROW_ENDS      = 1 << 9,  /* ends a block: may change rip, mode, paging, or interrupt state */
    ROW_MMX       = 1 << 10, /* checks #UD/#NM/#MF before, resets TOP and tags after it executes */
    ROW_SSE       = 1 << 11, /* checks CR0.EM, CR4.OSFXSR (#UD), CR0.TS (#NM) before it executes */
    ROW_X87       = 1 << 12, /* checks CR0.EM/TS (#NM) before it executes */
    ROW_MODRM     = 1 << 13, /* has a ModRM byte though no operand says so */
    ROW_IO        = 1 << 14, /* port I/O: checked against IOPL and the bitmap by its execute function */
    ROW_VEX_L0    = 1 << 15, /* VEX.L must be 0 */
    ROW_EMPTIES   = 1 << 16, /* with ROW_MMX: leaves every x87 register empty (EMMS) */
    ROW_MEM_ONLY  = 1 << 17, /* mod 3 is #UD */
    ROW_REG_ONLY  = 1 << 18, /* mod != 3 is #UD */
    ROW_OPSIZE32  = 1 << 19, /* operand size is at least 32 (66 ignored): y-size from REX.W alone */
    ROW_X87_WAIT  = 1 << 20, /* raises a pending x87 exception (#MF) before it executes */
};

/* How a row is refined into others. */
enum row_sub {
    SUB_NONE,
    SUB_REG,    /* sub[modrm.reg], 8 rows */
    SUB_MOD,    /* sub[mod == 3], 2 rows */
    SUB_RM,     /* sub[modrm.rm], 8 rows */
    SUB_PREFIX, /* sub[mandatory prefix], 4 rows: none, 66, F3, F2 */
    SUB_MODRM6, /* sub[modrm & 0x3f], 64 rows */
};

struct insn_row {
    const char *mnemonic;      /* NULL and sub NULL: #UD */
    uint8_t operands[4];       /* enum operand_code */
    uint16_t reads;            /* EFLAGS bits (FLAG_*) */
    uint16_t writes;           /* set or cleared by the result or to a constant */
    uint16_t undefined;        /* left undefined */
    uint16_t feature;          /* enum x86_feature */
    x86_exec_fn *exec;
    uint32_t flags;            /* enum row_flag */
    uint8_t sub_kind;          /* enum row_sub */
    const struct insn_row *sub;
};

#define ROW_SUB(kind, table) { .sub_kind = kind, .sub = table }

/*
 * The maps.  A 0F opcode is looked up in table_0f (integer and system), and where that row is empty
 * in table_0f_vec by mandatory prefix.
 */
extern const struct insn_row table_1[256];
extern const struct insn_row table_0f[256];
extern const struct insn_row table_0f_vec[256][4];  /* [..][0: none, 1: 66, 2: F3, 3: F2] */
extern const struct insn_row table_0f38[256][4];
extern const struct insn_row table_0f3a[256][4];
extern const struct insn_row table_0fae[4][16];     /* [prefix][reg | (mod == 3) << 3]: fxsave ... fences */
extern const struct insn_row table_vex_0f38[256][4]; /* BMI; the rest of VEX and EVEX: avx.h */
extern const struct insn_row table_vex_0f3a[256][4];
extern const struct insn_row table_x87_mem[8][8];   /* [opcode & 7][modrm.reg] */
extern const struct insn_row table_x87_reg[8][64];  /* [opcode & 7][modrm & 0x3f] */

enum operand_kind {
    OPND_NONE, OPND_REG, OPND_REG8H /* AH CH DH BH: reg 0-3 */, OPND_MEM, OPND_IMM, OPND_SEG,
    OPND_CR, OPND_DR, OPND_XMM, OPND_MMX, OPND_ST, OPND_VEC, OPND_K,
};

enum insn_prefix { PREFIX_LOCK = 1, PREFIX_REPNE = 2, PREFIX_REP = 4, PREFIX_66 = 8, PREFIX_67 = 16,
                   PREFIX_SEG = 32 /* an explicit segment override */ };
/* clang-format on */

/* Where the opcode stands; a translator that copies an instruction asks. */
enum insn_map { MAP_1, MAP_0F, MAP_0F38, MAP_0F3A, MAP_VEX };

struct insn_operand {
    uint8_t kind; /* enum operand_kind */
    uint8_t reg;
    uint8_t size; /* bytes; 0 where it has none */
};

struct insn {
    x86_exec_fn *exec;
    const struct insn_row *row;
    uint64_t imm;   /* sign-extended to the operand's size and beyond; moffs; branch displacement */
    int64_t disp;   /* of the memory operand */
    uint8_t len;    /* bytes, 1-15 */
    uint8_t size;   /* of operand 0, bytes (operand size attribute where it has none) */
    uint8_t opsize; /* operand size attribute: 2, 4, 8 */
    uint8_t addrsize;           /* 2, 4, 8 */
    uint8_t seg;                /* of the memory operand, override applied */
    uint8_t base, index, scale; /* enum x86_reg; R_ZERO where absent; scale is a shift */
    uint8_t prefixes;           /* enum insn_prefix */
    uint8_t rex;                /* 0 or 0x40-0x4f; VEX's bits land here too */
    uint8_t opcode, modrm;
    uint8_t vvvv;
    uint8_t vex_l; /* EVEX: L'L */
    uint8_t map;   /* enum insn_map */
    uint8_t vex;   /* VEX and EVEX: map << 2 | prefix as encoded */
    uint16_t imm2; /* selector of a far pointer; second immediate of ENTER; EVEX: see avx.h */
    uint8_t loose; /* engine's: bytes of an immediate that R_LOOSE stands for, at `imm`; or 0 */
    uint8_t x87_deferred; /* engine's: so many instructions before it have left it their pointers */
    struct insn_operand op[4];
};

enum decode_result {
    DECODE_OK,
    DECODE_UD,        /* *out is an instruction whose exec raises #UD */
    DECODE_TOO_LONG,  /* over 15 bytes: exec raises #GP(0) */
    DECODE_TRUNCATED, /* more than `avail` bytes needed */
};

/*
 * Decodes at most `avail` bytes (1-15 make sense).  Only cpu->code_size and the feature words are read.
 * Pure: touches neither guest memory nor state.
 */
enum decode_result insn_decode(const struct x86_cpu *cpu, const uint8_t *bytes, unsigned avail,
                               struct insn *out);
/* What executes an instruction of this row with all checks: insn.exec as decoded. */
x86_exec_fn *insn_row_exec(const struct insn_row *row);
/* Replaces exec by a quicker one for the common operand shapes: specialise.c. */
void insn_specialise(struct insn *i, bool code64);
/* AT&T-free, Intel-like text of one instruction from its row: "add [rbx+0x10],eax". */
void insn_print(const struct insn *i, uint64_t rip, GString *out);

#endif
