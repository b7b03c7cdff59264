/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_crowd.c: stretches of instructions that name all registers, with hardly an access, as
 * hashes and long multiplications have them: guest registers move between memory and the host's there.
 * Thread: the caller's.
 */
#include <string.h>
#include "target/i386/cpu.h"
#include "tests/insn/translate_gen_internal.h"

enum tail {
    TAIL_NONE,
    TAIL_IMM8,
    TAIL_CC,    /* a condition is added to the opcode */
    TAIL_DIGIT, /* ModRM reg is any of 8 */
    TAIL_DIGIT_IMM8,
};

/* Legacy encodings, ModRM last. */
static const struct {
    uint8_t prefix, len, opcode[3], tail;
} rows[] = {
    { 0, 1, { 0x01 }, TAIL_NONE },
    { 0, 1, { 0x29 }, TAIL_NONE },
    { 0, 1, { 0x21 }, TAIL_NONE },
    { 0, 1, { 0x33 }, TAIL_NONE },
    { 0, 1, { 0x0b }, TAIL_NONE },
    { 0, 1, { 0x11 }, TAIL_NONE },
    { 0, 1, { 0x1b }, TAIL_NONE },
    { 0, 1, { 0x3b }, TAIL_NONE },
    { 0, 1, { 0x85 }, TAIL_NONE },
    { 0, 1, { 0x89 }, TAIL_NONE },
    { 0, 1, { 0x8b }, TAIL_NONE },
    { 0, 1, { 0x87 }, TAIL_NONE },
    { 0, 1, { 0x63 }, TAIL_NONE },
    { 0, 1, { 0xc1 }, TAIL_DIGIT_IMM8 },
    { 0, 1, { 0x83 }, TAIL_DIGIT_IMM8 },
    { 0, 1, { 0xd3 }, TAIL_DIGIT },
    { 0, 1, { 0x6b }, TAIL_IMM8 },
    { 0, 2, { 0x0f, 0xaf }, TAIL_NONE },
    { 0, 2, { 0x0f, 0x40 }, TAIL_CC },
    { 0, 2, { 0x0f, 0x90 }, TAIL_CC },
    { 0, 2, { 0x0f, 0xb6 }, TAIL_NONE },
    { 0, 2, { 0x0f, 0xbf }, TAIL_NONE },
    { 0, 2, { 0x0f, 0xa3 }, TAIL_NONE },
    { 0, 2, { 0x0f, 0xa4 }, TAIL_IMM8 },
    { 0, 2, { 0x0f, 0xc1 }, TAIL_NONE },
    { 0, 2, { 0x0f, 0xb1 }, TAIL_NONE },
    { 0, 2, { 0x0f, 0xbc }, TAIL_NONE },
    { 0xf3, 2, { 0x0f, 0xb8 }, TAIL_NONE },
    { 0x66, 2, { 0x0f, 0x6e }, TAIL_NONE },
    { 0x66, 2, { 0x0f, 0x7e }, TAIL_NONE },
    { 0x66, 2, { 0x0f, 0xd4 }, TAIL_NONE },
    { 0x66, 3, { 0x0f, 0x38, 0xf6 }, TAIL_NONE },
    { 0xf3, 3, { 0x0f, 0x38, 0xf6 }, TAIL_NONE },
};

static unsigned any_register(struct maker *m)
{
    unsigned r;

    do {
        r = below(m, 16);
    } while (r == R_RSP || ((r == m->c->pointers[0]) && !chance(m, 5)));
    return r;
}

/* ModRM and what follows it: two registers, or memory off the first pointer. */
static unsigned put_operands(struct maker *m, uint8_t *p, unsigned reg, unsigned *rm, bool memory)
{
    if (!memory) {
        p[0] = (uint8_t)(0xc0 | (reg & 7) << 3 | (*rm & 7));
        return 1;
    }
    *rm = m->c->pointers[0];
    p[0] = (uint8_t)(0x40 | (reg & 7) << 3 | (*rm & 7));
    p[1] = 0x24;
    p[1 + ((*rm & 7) == R_RSP)] = (uint8_t)(below(m, 8) * 8);
    return 2 + ((*rm & 7) == R_RSP);
}

static void put_legacy(struct maker *m)
{
    unsigned row = below(m, G_N_ELEMENTS(rows)), n = 0, rex_at, tail = rows[row].tail;
    unsigned reg = tail == TAIL_DIGIT || tail == TAIL_DIGIT_IMM8 ? below(m, 8) : any_register(m);
    unsigned rm = any_register(m);
    uint8_t b[16];

    if (rows[row].prefix) {
        b[n++] = rows[row].prefix;
    }
    rex_at = n++;
    memcpy(b + n, rows[row].opcode, rows[row].len);
    n += rows[row].len;
    if (tail == TAIL_CC) {
        b[n - 1] = (uint8_t)(b[n - 1] + below(m, 16));
    }
    n += put_operands(m, b + n, reg, &rm, chance(m, 12));
    b[rex_at] = (uint8_t)(0x40 | (chance(m, 75) ? 8 : 0) | (reg >> 3) << 2 | rm >> 3);
    if (tail == TAIL_IMM8 || tail == TAIL_DIGIT_IMM8) {
        b[n++] = (uint8_t)below(m, 256);
    }
    gen_put(m, b, n);
}

/* ANDN, MULX, SHLX and RORX. */
static void put_bmi(struct maker *m)
{
    static const uint8_t forms[][3] = { /* map, prefix, opcode */
                                        { 2, 0, 0xf2 },
                                        { 2, 3, 0xf6 },
                                        { 2, 1, 0xf7 },
                                        { 3, 3, 0xf0 }
    };
    unsigned row = below(m, G_N_ELEMENTS(forms)), reg = any_register(m), rm = any_register(m);
    unsigned vvvv = row == 3 ? 0 : any_register(m), n = 4;
    uint8_t b[10] = { 0xc4 };

    n += put_operands(m, b + n, reg, &rm, chance(m, 12));
    b[1] = (uint8_t)((~reg & 8) << 4 | 0x40 | (~rm & 8) << 2 | forms[row][0]);
    b[2] = (uint8_t)((chance(m, 75) ? 0x80 : 0) | (~vvvv & 15) << 3 | forms[row][1]);
    b[3] = forms[row][2];
    if (row == 3) {
        b[n++] = (uint8_t)below(m, 64);
    }
    gen_put(m, b, n);
}

/* LEA reg,[base+index*scale+disp] */
static void put_lea(struct maker *m)
{
    unsigned reg = any_register(m), base = any_register(m), index = any_register(m);
    uint8_t b[5] = { (uint8_t)(0x48 | (reg >> 3) << 2 | (index >> 3) << 1 | base >> 3), 0x8d,
                     (uint8_t)(0x44 | (reg & 7) << 3),
                     (uint8_t)(below(m, 4) << 6 | (index & 7) << 3 | (base & 7)),
                     (uint8_t)below(m, 256) };

    gen_put(m, b, sizeof(b));
}

void gen_put_crowd(struct maker *m)
{
    unsigned n = 4 + below(m, 28);

    while (n--) {
        if (chance(m, 15)) {
            put_lea(m);
        } else if (chance(m, 20) && cpu_has(m->cpu, X86_BMI2) && cpu_has(m->cpu, X86_BMI1)) {
            put_bmi(m);
        } else {
            put_legacy(m);
        }
    }
}
