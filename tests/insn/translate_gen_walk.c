/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_walk.c: loops whose pointers move, which traces check once for many turns.
 * Thread: the caller's.
 */
#include <string.h>
#include "target/i386/cpu.h"
#include "tests/insn/translate_gen_internal.h"

/* A jump of `len` bytes, opcode first, whose displacement ends them. */
static void put_jump(struct maker *m, const char *opcode, unsigned to)
{
    unsigned size = m->c->mode == GEN_16 ? 2 : 4, len = opcode[0] == 0x0f ? 2 : 1;
    int32_t d = (int32_t)to - (int32_t)(m->pos + len + size);
    uint8_t b[6];

    memcpy(b, opcode, len);
    memcpy(b + len, &d, size);
    gen_put(m, b, len + size);
}

/* One step of a walk: a load, a store, a move of the pointer or the stack, a way back. */
static void put_step(struct maker *m, unsigned start)
{
    unsigned p = m->c->pointers[below(m, 3)], kind = below(m, 100), value = below(m, 2) * 2;
    uint8_t b[8] = { 0 };
    unsigned n = 0;

    if (kind < 45) {
        if (m->c->mode == GEN_16) {
            b[n++] = 0x67;
        }
        if (m->c->mode == GEN_64) {
            b[n++] = (uint8_t)(0x48 | p >> 3);
        }
        b[n++] = kind < 25 ? 0x8b : 0x89; /* MOV */
        b[n++] = (uint8_t)(0x40 | value << 3 | (p & 7));
        if ((p & 7) == R_RSP) {
            b[n++] = 0x24;
        }
        b[n++] = (uint8_t)(below(m, 8) * 8);
    } else if (kind < 70) {
        if (m->c->mode == GEN_64) {
            b[n++] = (uint8_t)(0x48 | p >> 3);
        }
        b[n++] = 0x83; /* ADD, SUB */
        b[n++] = (uint8_t)((chance(m, 50) ? 0xc0 : 0xe8) | (p & 7));
        b[n++] = (uint8_t)(8 + below(m, 4) * 8);
    } else if (kind < 77) {
        b[n++] = (uint8_t)((chance(m, 50) ? 0x50 : 0x58) | value); /* PUSH, POP */
    } else if (kind < 82) {
        if (m->c->mode == GEN_16) {
            b[n++] = 0x67;
        }
        if (m->c->mode == GEN_64) {
            b[n++] = (uint8_t)(0x40 | p >> 3);
        }
        b[n++] = 0xff; /* PUSH from memory */
        b[n++] = (uint8_t)(0x70 | (p & 7));
        if ((p & 7) == R_RSP) {
            b[n++] = 0x24;
        }
        b[n++] = (uint8_t)(below(m, 8) * 8);
    } else {
        b[n++] = 0xf6; /* TEST CL */
        b[n++] = 0xc1;
        b[n++] = (uint8_t)(1u << below(m, 4));
        gen_put(m, b, n);
        put_jump(m, chance(m, 50) ? "\x0f\x84" : "\x0f\x85", start);
        return;
    }
    gen_put(m, b, n);
}

/*
 * A loop with several ways back to its beginning, which leave pointers at different places: checks made
 * before the loop must not be taken for checks of those.
 */
static void put_walk(struct maker *m)
{
    unsigned size = m->c->mode == GEN_16 ? 2 : 4, steps = 3 + below(m, 14), start, out;
    int32_t d;

    gen_put_immediate(m, 0xb9, 8 + below(m, 24));
    start = m->pos;
    gen_put(m, (const uint8_t *)"\xff\xc9", 2); /* DEC ECX; JZ out */
    out = m->c->n;
    put_jump(m, "\x0f\x84", start);
    while (steps--) {
        put_step(m, start);
    }
    if (chance(m, 50)) {
        put_jump(m, "\xe9", start);
    } else { /* PUSH; RET: the flags are in memory then */
        gen_put_immediate(m, 0x68, (uint32_t)(GEN_CODE - m->c->base + start));
        gen_put(m, (const uint8_t *)"\xc3", 1);
    }
    d = (int32_t)m->pos - (int32_t)(m->c->at[out] + m->c->len[out]);
    memcpy(m->c->code + m->c->at[out] + m->c->len[out] - size, &d, size);
}

/* A load or store of any size off a pointer, perhaps with an index, in a loop of 64-bit code. */
static void put_strided(struct maker *m)
{
    static const struct {
        uint8_t prefix, w, opcode[2];
        bool sse;
    } forms[] = {
        { 0, 0, { 0x8a, 0 }, false },      { 0, 0, { 0x88, 0 }, false },      /* mov, a byte */
        { 0, 8, { 0x8b, 0 }, false },      { 0, 8, { 0x89, 0 }, false },      /* mov, 8 bytes */
        { 0x66, 0, { 0x8b, 0 }, false },   { 0, 0, { 0x01, 0 }, false },      /* mov 2, add 4 */
        { 0, 0, { 0x0f, 0x28 }, true },    { 0, 0, { 0x0f, 0x29 }, true },    /* movaps */
        { 0, 0, { 0x0f, 0x10 }, true },    { 0, 0, { 0x0f, 0x11 }, true },    /* movups */
        { 0x66, 0, { 0x0f, 0xfe }, true }, { 0xf2, 0, { 0x0f, 0x58 }, true }, /* paddd, addsd */
    };
    unsigned f = below(m, G_N_ELEMENTS(forms)), p = m->c->pointers[below(m, 3)], n = 0;
    unsigned x = m->c->indices[0], reg = forms[f].sse ? below(m, 8) : below(m, 2) * 2;
    bool indexed = chance(m, 35) && x != R_RSP;
    uint8_t b[12];

    if (forms[f].prefix) {
        b[n++] = forms[f].prefix;
    }
    b[n++] = (uint8_t)(0x40 | forms[f].w | p >> 3 | (indexed ? x >> 3 << 1 : 0));
    b[n++] = forms[f].opcode[0];
    if (forms[f].sse) {
        b[n++] = forms[f].opcode[1];
    }
    b[n++] = (uint8_t)(0x40 | reg << 3 | (indexed || (p & 7) == R_RSP ? 4 : p & 7));
    if (indexed || (p & 7) == R_RSP) {
        b[n++] = (uint8_t)((indexed ? below(m, 4) << 6 | (x & 7) << 3 : 0x20) | (p & 7));
    }
    b[n++] = (uint8_t)(chance(m, 70) ? below(m, 4) * 16 : below(m, 128));
    gen_put(m, b, n);
}

/* add or sub of a register and a constant, which *total learns of. */
static void put_stride(struct maker *m, unsigned reg, bool add, unsigned by, int64_t *total)
{
    uint8_t b[4] = { (uint8_t)(0x48 | reg >> 3), 0x83, (uint8_t)((add ? 0xc0 : 0xe8) | (reg & 7)),
                     (uint8_t)by };

    gen_put(m, b, sizeof(b));
    *total += add ? (int64_t)by : -(int64_t)by;
}

static void put_start(struct maker *m, unsigned reg, uint64_t v)
{
    uint8_t b[10] = { (uint8_t)(0x48 | reg >> 3), (uint8_t)(0xb8 | (reg & 7)) };

    memcpy(b + 2, &v, 8);
    gen_put(m, b, sizeof(b));
}

/* The jump back while a register is not at, or below, its bound: an immediate, or what a register holds. */
static void put_bound(struct maker *m, unsigned reg, uint64_t bound, unsigned holds, unsigned start)
{
    static const char *const jumps[] = {
        "\x0f\x85", "\x0f\x85", "\x0f\x82", "\x0f\x82", "\x0f\x8c",
        "\x0f\x86", "\x0f\x87", "\x0f\x83", "\x0f\x8e", "\x0f\x8d"
    };
    uint8_t b[7] = { (uint8_t)(0x48 | reg >> 3), holds != reg ? 0x39 : 0x81,
                     (uint8_t)((holds != reg ? 0xc0 | holds << 3 : 0xf8) | (reg & 7)) };
    int32_t imm = (int32_t)bound;

    memcpy(b + 3, &imm, 4);
    gen_put(m, b, holds != reg ? 3 : 7);
    put_jump(m, jumps[below(m, G_N_ELEMENTS(jumps))], start);
}

/*
 * A loop of one path: pointers that move by constants, until it ends or meets a page that faults.  It counts, or one
 * of those that move upwards has a bound, which it need not meet.
 */
static void put_march(struct maker *m)
{
    static const uint8_t good[] = { PAGE_A, PAGE_B, PAGE_CLEAN, PAGE_C, PAGE_D };
    static const uint8_t by[] = { 1, 2, 4, 8, 16, 16, 24, 32, 48, 64, 96, 127 };
    const unsigned turns = 4 + below(m, 40); /* within the steps that a case may take */
    unsigned steps = 1 + below(m, 7), moves = 1 + below(m, 3), start, which = below(m, 4), reg[4];
    bool bounded = chance(m, 50);
    uint64_t at[4], bound;
    int64_t total[4] = { 0 };

    for (unsigned k = 0; k < 3; k++) {
        unsigned page = chance(m, 90) ? good[below(m, G_N_ELEMENTS(good))] : below(m, PAGE_TOP);
        unsigned offset = below(m, 256) * 16 + (chance(m, 60) ? 0 : below(m, 16));

        reg[k] = m->c->pointers[k];
        at[k] = GEN_DATA + page * 4096ull + offset;
        put_start(m, reg[k], at[k]);
    }
    reg[3] = m->c->indices[0];
    at[3] = (uint64_t)((int64_t)below(m, 64) * 8 - 256);
    put_start(m, reg[3], at[3]);
    bound = at[which] + turns * 16 + (chance(m, 60) ? 0 : below(m, 16));
    put_start(m, R_RCX, bounded ? bound : turns);
    start = m->pos;
    while (steps + moves) {
        if (below(m, steps + moves) < steps) {
            put_strided(m);
            steps--;
        } else {
            unsigned k = chance(m, 70) ? below(m, 3) : 3;

            put_stride(m, reg[k], chance(m, 70), by[below(m, 12)], &total[k]);
            moves--;
        }
    }
    if (bounded && total[which] <= 0) {
        put_stride(m, reg[which], true, (unsigned)(16 - total[which] % 16), &total[which]);
    }
    if (bounded && total[which] > 0) {
        unsigned holds = chance(m, 70) ? reg[which] : chance(m, 70) ? R_RCX : R_RDX;

        put_bound(m, reg[which], bound, holds, start);
    } else {
        gen_put(m, (const uint8_t *)"\xff\xc9", 2); /* DEC ECX; JNZ */
        put_jump(m, "\x0f\x85", start);
    }
}

void gen_put_walk(struct maker *m)
{
    if (m->c->mode == GEN_64 && chance(m, 60)) {
        put_march(m);
    } else {
        put_walk(m);
    }
}
