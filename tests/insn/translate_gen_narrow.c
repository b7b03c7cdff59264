/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_narrow.c: what only 32-bit code has, and stack and branches by memory.
 * Thread: the caller's.
 */
#include "tests/insn/translate_gen_internal.h"

enum gen_mode gen_mode_of(uint64_t seed)
{
    static const uint8_t modes[] = { GEN_64,       GEN_64, GEN_FLAT_32, GEN_64, GEN_64,
                                     GEN_MOVED_32, GEN_64, GEN_64,      GEN_16 };

    return modes[seed % sizeof(modes)];
}

void gen_put_immediate(struct maker *m, uint8_t opcode, uint64_t v)
{
    uint8_t b[5] = { opcode };
    unsigned size = m->c->mode == GEN_16 ? 2 : 4;

    memcpy(b + 1, &v, size);
    gen_put(m, b, 1 + size);
}

static uint8_t some_selector(struct maker *m)
{
    static const uint8_t flat[] = { 0x23,          0x23,          GEN_DATA_SHORT, GEN_DATA_MOVED,
                                    GEN_DATA_READ, GEN_DATA_DOWN, 0x10,           0 };
    static const uint8_t near[] = { GEN_DATA16,      GEN_DATA16,    GEN_DATA16_SHORT,
                                    GEN_DATA16_BIG,  GEN_DATA_READ, GEN_STACK16_3,
                                    GEN_STACK_BIG_3, 0x23,          0 };

    return m->c->mode == GEN_16 ? near[below(m, sizeof(near))] : flat[below(m, sizeof(flat))];
}

/* A selector to a segment register, by POP, by MOV, or as the interrupted code's own. */
void gen_put_segment(struct maker *m)
{
    static const uint8_t pops[] = { 0x07, 0x1f, 0x17 }, pushes[] = { 0x06, 0x1e, 0x16, 0x0e };
    static const uint8_t fields[] = { 0, 3, 4, 5, 2 };
    uint8_t selector = some_selector(m);

    if (chance(m, 50)) {
        uint8_t far_pop[] = { 0x0f, 0xa1 };
        unsigned k = below(m, 5);

        far_pop[1] = k == 4 ? 0xa9 : 0xa1;
        if (chance(m, 30)) {
            gen_put(m, &pushes[below(m, 4)], 1);
        } else {
            gen_put_immediate(m, 0x68, selector);
        }
        gen_put(m, k < 3 ? &pops[k] : far_pop, k < 3 ? 1 : 2);
    } else {
        uint8_t to[] = { 0x8e, (uint8_t)(0xc0 | fields[below(m, 5)] << 3) };

        gen_put_immediate(m, 0xb8, selector);
        gen_put(m, to, 2);
    }
}

/* PUSHF; PUSH of CS; MOV EAX with the address behind; PUSH EAX; IRET. */
void gen_put_iret_narrow(struct maker *m)
{
    unsigned size = m->c->mode == GEN_16 ? 2 : 4;

    gen_put(m, (const uint8_t *)"\x9c", 1);
    gen_put(m, (const uint8_t *)"\x0e", 1);
    gen_put_immediate(m, 0xb8, GEN_CODE - m->c->base + m->pos + 1 + size + 2);
    gen_put(m, (const uint8_t *)"\x50", 1);
    gen_put(m, (const uint8_t *)"\xcf", 1);
}

/* PUSH or POP of memory, a call or a jump by it, with any segment and either size of addresses. */
void gen_put_indirect(struct maker *m)
{
    static const uint8_t prefixes[] = { 0x64, 0x65, 0x26, 0x2e, 0x36, 0x3e, 0x67, 0x67 };
    static const uint8_t fields[] = { 6, 6, 6, 0, 2, 4 };
    uint8_t b[32], address[16], rex = 0;
    unsigned n = 0, field = fields[below(m, sizeof(fields))], len;
    struct insn i;

    if (chance(m, 50)) {
        b[n++] = prefixes[below(m, sizeof(prefixes))];
    }
    do {
        rex = 0;
        len = gen_put_modrm(m, address, &rex);
    } while (rex && m->c->narrow);
    if (rex) {
        b[n++] = 0x40 | rex;
    }
    b[n++] = field ? 0xff : 0x8f;
    memset(b + n, (int)below(m, 256), sizeof(b) - n);
    memcpy(b + n, address, len);
    b[n] = (uint8_t)((b[n] & 0xc7) | field << 3);
    if (insn_decode(m->cpu, b, 15, &i) == DECODE_OK) {
        gen_patch_disp(m, b, &i, n);
        gen_put(m, b, i.len);
    }
}
