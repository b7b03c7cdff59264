/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/emit.h: writing x86-64 instructions into a code buffer.
 *
 * A buffer has two mappings of the same memory: bytes are written through one and run from the
 * other.  Writing past the end sets `full` and goes nowhere; whoever translates checks it once.
 */
#ifndef ACCEL_TCG_X86_64_EMIT_H
#define ACCEL_TCG_X86_64_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum host_reg {
    H_RAX,
    H_RCX,
    H_RDX,
    H_RBX,
    H_RSP,
    H_RBP,
    H_RSI,
    H_RDI,
    H_R8,
    H_R9,
    H_R10,
    H_R11,
    H_R12,
    H_R13,
    H_R14,
    H_R15,
    H_NONE
};

#define MAX_FIELDS 4096 /* of a piece of code */

struct emit {
    uint8_t *start, *p, *end; /* writable mapping */
    ptrdiff_t to_exec;        /* executable address - writable address */
    int32_t cpu;              /* address of struct x86_cpu, below 2 GiB */
    uint8_t **field;          /* displacements of jumps and calls as they are emitted, or NULL */
    unsigned n_fields;
    bool full;
};

static inline void emit8(struct emit *e, unsigned v)
{
    if (e->p < e->end) {
        *e->p++ = (uint8_t)v;
    } else {
        e->full = true;
    }
}

static inline void emit_bytes(struct emit *e, const void *bytes, unsigned n)
{
    if ((size_t)(e->end - e->p) >= n) {
        memcpy(e->p, bytes, n);
        e->p += n;
    } else {
        e->full = true;
    }
}

static inline void emit32(struct emit *e, uint32_t v)
{
    emit_bytes(e, &v, 4);
}

static inline void emit64(struct emit *e, uint64_t v)
{
    emit_bytes(e, &v, 8);
}

/* Prefix and form bits of emit_insn, with the map in the low bits (enum insn_map). */
enum {
    E_MAP = 7,
    E_66 = 8,
    E_F2 = 16,
    E_F3 = 32,
    E_LOCK = 64,
    E_W = 128,   /* REX.W */
    E_REX = 256, /* a REX byte even when empty: byte registers 4 to 7 are SPL to DIL */
};

/* A register, or memory at base + index << scale + disp, from the CPU's address on if `cpu`. */
struct emit_rm {
    bool memory, cpu;
    uint8_t reg; /* or base */
    uint8_t index, scale;
    int32_t disp;
};

static inline struct emit_rm rm_reg(unsigned reg)
{
    return (struct emit_rm){ .reg = (uint8_t)reg };
}

static inline struct emit_rm rm_mem(unsigned base, int32_t disp)
{
    return (struct emit_rm){ true, false, (uint8_t)base, H_NONE, 0, disp };
}

/* A field of struct x86_cpu at an offset. */
static inline struct emit_rm rm_cpu(size_t offset)
{
    return (struct emit_rm){ true, true, H_NONE, H_NONE, 0, (int32_t)offset };
}

/* The same with a register added. */
static inline struct emit_rm rm_cpu_at(unsigned reg, size_t offset)
{
    return (struct emit_rm){ true, true, (uint8_t)reg, H_NONE, 0, (int32_t)offset };
}

static inline struct emit_rm rm_sib(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct emit_rm){ true, false, (uint8_t)base, (uint8_t)index, (uint8_t)scale, disp };
}

/*
 * ModRM, SIB and displacement, one of a byte counting in `scale` bytes; base H_NONE: an absolute
 * or index-only address.
 */
static inline void emit_modrm_scaled(struct emit *e, unsigned reg, struct emit_rm rm, int scale)
{
    unsigned r = (reg & 7) << 3;

    if (!rm.memory) {
        emit8(e, 0xc0 | r | (rm.reg & 7));
        return;
    }
    rm.disp += rm.cpu ? e->cpu : 0;
    if (rm.reg == H_NONE) {
        emit8(e, 0x04 | r);
        emit8(e, (unsigned)rm.scale << 6 | (rm.index == H_NONE ? 4u : (unsigned)rm.index & 7) << 3 |
                     5);
        emit32(e, (uint32_t)rm.disp);
        return;
    }
    bool is_short = rm.disp % scale == 0 && rm.disp / scale == (int8_t)(rm.disp / scale);
    unsigned mod = rm.disp == 0 && (rm.reg & 7) != 5 ? 0 : is_short ? 1 : 2;

    if (rm.index != H_NONE || (rm.reg & 7) == 4) {
        emit8(e, mod << 6 | 0x04 | r);
        emit8(e, (unsigned)rm.scale << 6 | (rm.index == H_NONE ? 4u : (unsigned)rm.index & 7) << 3 |
                     (rm.reg & 7));
    } else {
        emit8(e, mod << 6 | r | (rm.reg & 7));
    }
    if (mod == 1) {
        emit8(e, (unsigned)(rm.disp / scale) & 0xff);
    } else if (mod == 2) {
        emit32(e, (uint32_t)rm.disp);
    }
}

static inline void emit_modrm(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_modrm_scaled(e, reg, rm, 1);
}

/* A whole instruction but for its immediate. */
static inline void emit_insn(struct emit *e, unsigned form, unsigned opcode, unsigned reg,
                             struct emit_rm rm)
{
    static const uint8_t maps[4][2] = { { 0, 0 }, { 0x0f, 0 }, { 0x0f, 0x38 }, { 0x0f, 0x3a } };
    unsigned rex = (form & E_W ? 8 : 0) | (reg & 8 ? 4 : 0);

    rex |= rm.reg != H_NONE && (rm.reg & 8) ? 1 : 0;
    rex |= rm.memory && rm.index != H_NONE && (rm.index & 8) ? 2 : 0;
    if (form & E_LOCK) {
        emit8(e, 0xf0);
    }
    if (form & E_66) {
        emit8(e, 0x66);
    }
    if (form & E_F2) {
        emit8(e, 0xf2);
    }
    if (form & E_F3) {
        emit8(e, 0xf3);
    }
    if (rex || (form & E_REX)) {
        emit8(e, 0x40 | rex);
    }
    for (unsigned k = 0; k < 2 && maps[form & 3][k]; k++) {
        emit8(e, maps[form & 3][k]);
    }
    emit8(e, opcode);
    emit_modrm(e, reg, rm);
}

/* What VEX and EVEX say besides registers: SDM vol. 2, 2.3 and 2.7. */
struct emit_vex {
    uint8_t map, prefix, length; /* prefix: 0 none, 1 66, 2 F3, 3 F2; length: L or L'L */
    uint8_t vvvv, mask;
    bool w, evex, zero, broadcast;
    uint8_t scale; /* EVEX: bytes that a displacement of one byte counts in */
};

/* The same encoded with VEX or EVEX; vector registers are 0 to 31. */
static inline void emit_vex_insn(struct emit *e, const struct emit_vex *v, unsigned opcode,
                                 unsigned reg, struct emit_rm rm)
{
    bool none = rm.memory && rm.reg == H_NONE, index = rm.memory && rm.index != H_NONE;
    unsigned r = reg & 8 ? 0 : 0x80, x = index && (rm.index & 8) ? 0 : 0x40,
             b = !none && (rm.reg & 8) ? 0 : 0x20, vvvv = (~(unsigned)v->vvvv & 15) << 3;

    if (v->evex) {
        x = !rm.memory && (rm.reg & 16) ? 0 : x;
        emit8(e, 0x62);
        emit8(e, r | x | b | (reg & 16 ? 0 : 0x10) | v->map);
        emit8(e, (v->w ? 0x80 : 0) | vvvv | 4 | v->prefix);
        emit8(e, (v->zero ? 0x80 : 0) | (unsigned)v->length << 5 | (v->broadcast ? 0x10 : 0) |
                     (v->vvvv & 16 ? 0 : 8) | v->mask);
    } else if (v->map == 1 && !v->w && x && b) {
        emit8(e, 0xc5);
        emit8(e, r | vvvv | (unsigned)v->length << 2 | v->prefix);
    } else {
        emit8(e, 0xc4);
        emit8(e, r | x | b | v->map);
        emit8(e, (v->w ? 0x80 : 0) | vvvv | (unsigned)v->length << 2 | v->prefix);
    }
    emit8(e, opcode);
    emit_modrm_scaled(e, reg, rm, v->evex && v->scale ? v->scale : 1);
}

static inline void emit_mov_imm(struct emit *e, unsigned reg, uint64_t v)
{
    if (v <= UINT32_MAX) {
        if (reg & 8) {
            emit8(e, 0x41);
        }
        emit8(e, 0xb8 | (reg & 7));
        emit32(e, (uint32_t)v);
    } else if ((int64_t)v == (int32_t)v) {
        emit_insn(e, E_W, 0xc7, 0, rm_reg(reg));
        emit32(e, (uint32_t)v);
    } else {
        emit8(e, 0x48 | (reg & 8 ? 1 : 0));
        emit8(e, 0xb8 | (reg & 7));
        emit64(e, v);
    }
}

/* 64-bit moves. */
static inline void emit_load(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_insn(e, E_W, 0x8b, reg, rm);
}

static inline void emit_store(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_insn(e, E_W, 0x89, reg, rm);
}

static inline void emit_lea(struct emit *e, unsigned reg, struct emit_rm rm)
{
    emit_insn(e, E_W, 0x8d, reg, rm);
}

/* There are MAX_FIELDS, of which the last stands for all that find no room. */
static inline void note_field(struct emit *e)
{
    if (e->field) {
        e->field[MIN(e->n_fields, MAX_FIELDS - 1)] = e->p - 4;
        e->n_fields += e->n_fields < MAX_FIELDS;
    }
}

/* Back to p: what came behind it was not meant. */
static inline void emit_rewind(struct emit *e, uint8_t *p)
{
    e->p = p;
    while (e->field && e->n_fields && e->field[e->n_fields - 1] >= p) {
        e->n_fields--;
    }
}

/* Jumps with a 32-bit displacement to be filled in; cc < 0: unconditional.  Returns the field. */
static inline uint8_t *emit_jump(struct emit *e, int cc)
{
    if (cc < 0) {
        emit8(e, 0xe9);
    } else {
        emit8(e, 0x0f);
        emit8(e, 0x80 | (unsigned)cc);
    }
    emit32(e, 0);
    note_field(e);
    return e->p - 4;
}

/* Both in the writable mapping. */
static inline void patch_jump(uint8_t *field, const uint8_t *target)
{
    int32_t d = (int32_t)(target - (field + 4));

    __atomic_store_n((int32_t *)(void *)field, d, __ATOMIC_RELEASE);
}

/* NOPs, as long as may be, up to a multiple of `to` in both mappings, which are far more apart.  EFLAGS stay. */
static inline void emit_align(struct emit *e, unsigned to)
{
    static const uint8_t nops[9][10] = {
        "\x90",
        "\x66\x90",
        "\x0f\x1f\x00",
        "\x0f\x1f\x40\x00",
        "\x0f\x1f\x44\x00\x00",
        "\x66\x0f\x1f\x44\x00\x00",
        "\x0f\x1f\x80\x00\x00\x00\x00",
        "\x0f\x1f\x84\x00\x00\x00\x00\x00",
        "\x66\x0f\x1f\x84\x00\x00\x00\x00\x00",
    };
    size_t left = -(uintptr_t)e->p & (to - 1);

    while (left > 0) {
        size_t n = MIN(left, 9);

        emit_bytes(e, nops[n - 1], n);
        left -= n;
    }
}

/* A call of code in the same buffer. */
static inline void emit_call(struct emit *e, const uint8_t *target)
{
    emit8(e, 0xe8);
    emit32(e, 0);
    note_field(e);
    patch_jump(e->p - 4, target);
}

enum { CC_O, CC_NO, CC_B, CC_AE, CC_Z, CC_NZ, CC_BE, CC_A, CC_S, CC_L = 12 };

#endif
