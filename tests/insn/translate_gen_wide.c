/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/translate_gen_wide.c: random VEX and EVEX instructions, from the rows of their tables.
 * Thread: the caller's.
 */
#include "target/i386/avx.h"
#include "tests/insn/translate_gen_internal.h"

/* An encoding: that of a random row, or of what may be BMI. */
struct wide {
    bool evex, w;
    uint8_t map, opcode, prefix, group, length;
};

static struct wide choose_wide(struct maker *m)
{
    static const uint8_t bmi[] = { 0xf2, 0xf3, 0xf5, 0xf6, 0xf7 };
    struct wide d = { .evex = chance(m, 45), .w = chance(m, 50), .length = (uint8_t)below(m, 4) };
    const struct avx_row *r =
        d.evex ? &evex_rows[below(m, n_evex_rows)] : &vex_rows[below(m, n_vex_rows)];

    if (chance(m, 15)) {
        d.evex = false;
        d.map = chance(m, 85) ? 2 : 3;
        d.opcode = d.map == 3 ? 0xf0 : bmi[below(m, sizeof(bmi))];
        d.prefix = (uint8_t)below(m, 4);
        d.group = d.opcode == 0xf3 ? (uint8_t)(2 + below(m, 3)) : 0;
        d.length = 0;
        return d;
    }
    d.map = r->map;
    d.opcode = r->opcode;
    d.prefix = r->prefix;
    d.group = r->group;
    d.w = r->w == W_IGNORED ? d.w : r->w == W1;
    while (!(r->lengths >> d.length & 1)) {
        d.length = (uint8_t)below(m, 4);
    }
    return d;
}

/* Prefix bytes and opcode at b.  Returns the bytes. */
static unsigned put_wide_opcode(struct maker *m, const struct wide *d, uint8_t rex, bool vvvv,
                                uint8_t *b)
{
    unsigned v = vvvv ? below(m, 32) : 0, n = 0;
    uint8_t p0 = (uint8_t)(~rex << 5), p1 = (uint8_t)(d->w << 7 | (~v & 15) << 3 | d->prefix);

    if (d->evex) {
        b[n++] = 0x62;
        b[n++] = p0 | (chance(m, 70) ? 0x10 : 0) | d->map;
        b[n++] = p1 | 4;
        b[n++] = (uint8_t)(d->length << 5 | (v & 16 ? 0 : 8) | (chance(m, 50) ? below(m, 8) : 0) |
                           (chance(m, 25) ? 0x80 : 0) | (chance(m, 20) ? 0x10 : 0));
    } else {
        b[n++] = 0xc4;
        b[n++] = p0 | d->map;
        b[n++] = p1 | (uint8_t)((d->length & 1) << 2);
    }
    b[n++] = d->opcode;
    return n;
}

/* An instruction of VEX or EVEX. */
void gen_put_wide(struct maker *m)
{
    for (;;) {
        struct wide d = choose_wide(m);
        uint8_t b[32], address[16], rex = m->c->narrow ? 0 : (uint8_t)below(m, 8);
        unsigned n = 0, modrm, len;
        struct insn i;
        enum decode_result r;

        if (chance(m, 10)) {
            b[n++] = (uint8_t)(chance(m, 70) ? 0x64 + below(m, 2) : 0x67);
        }
        len = gen_put_modrm(m, address, &rex);
        if (rex && m->c->narrow) {
            continue;
        }
        if (d.group) {
            address[0] = (uint8_t)((address[0] & 0xc7) | (d.group - 1) << 3);
        }
        n += put_wide_opcode(m, &d, rex, chance(m, 70), b + n);
        modrm = n;
        memcpy(b + n, address, len);
        memset(b + n + len, (int)below(m, 256), 2);
        r = insn_decode(m->cpu, b, 15, &i);
        if (!gen_wanted(m, &i, r)) {
            continue;
        }
        if (r == DECODE_OK) {
            gen_patch_disp(m, b, &i, modrm);
        }
        gen_put(m, b, i.len);
        return;
    }
}
