/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/avx_rows.c: random VEX and EVEX instructions against the host.
 */
#include <string.h>
#include "tests/insn/avx_rows.h"

static unsigned random_below(struct native *n, unsigned end)
{
    return (unsigned)(native_random(n) % end);
}

static bool uses(const struct avx_row *r, unsigned a, unsigned b, unsigned c)
{
    for (unsigned k = 0; k < 4; k++) {
        unsigned code = r->insn.operands[k];

        if (code && (code == a || code == b || code == c)) {
            return true;
        }
    }
    return false;
}

static bool has_vvvv(const struct avx_row *r)
{
    return uses(r, HV, HVh, HVx) || uses(r, KH, KH, KH);
}

/* ModRM, SIB and a byte of displacement; RBX, RSI and RDI are bases. */
static void put_modrm(struct native *n, const struct avx_row *r, struct avx_encoding *e)
{
    static const uint8_t bases[] = { R_RBX, R_RSI, R_RDI };
    unsigned reg = r->group ? r->group - 1u : random_below(n, 8);
    unsigned base = bases[random_below(n, 3)], mod = random_below(n, 2);

    if (!e->memory) {
        e->bytes[e->len++] = (uint8_t)(0xc0 | reg << 3 | random_below(n, 8));
    } else if (r->flags & AVX_VSIB) {
        e->bytes[e->len++] = (uint8_t)(mod << 6 | reg << 3 | 4);
        e->bytes[e->len++] = (uint8_t)(random_below(n, 4) << 6 | random_below(n, 8) << 3 | base);
    } else {
        e->bytes[e->len++] = (uint8_t)(mod << 6 | reg << 3 | base);
    }
    if (e->memory && mod) {
        e->bytes[e->len++] = (uint8_t)(random_below(n, 5) - 2);
    }
    for (unsigned k = 0; k < 8; k++) { /* an immediate, or nothing */
        e->bytes[e->len++] = (uint8_t)native_random(n);
    }
}

void avx_random(struct native *n, const struct avx_row *r, bool evex, struct avx_encoding *e)
{
    uint64_t x = native_random(n);
    unsigned w = r->w == W_IGNORED ? x & 1 : r->w, l = random_below(n, evex ? 3 : 2);
    unsigned rxb = n->code32 ? 7 : x >> 8 & 7, vvvv = has_vvvv(r) ? x >> 16 & 15 : 15;
    bool wild = (x >> 24 & 31) == 0; /* any of these at random */

    e->len = 0;
    e->memory = r->insn.flags & ROW_MEM_ONLY   ? true
                : r->insn.flags & ROW_REG_ONLY ? false
                                               : x >> 32 & 1;
    if (r->lengths != L_IGNORED && !wild) {
        while (!(r->lengths >> l & 1)) {
            l = (l + 1) % 3;
        }
    }
    if (wild) {
        w = x >> 33 & 1;
        vvvv = x >> 36 & 15;
    }
    if (e->memory) {
        rxb |= 1; /* the base is below R8: stored complemented */
    }
    if (uses(r, KG, KR, KH) && !wild) {
        vvvv |= uses(r, KH, KH, KH) ? 8 : 0;
        rxb |= uses(r, KG, KG, KG) ? 4 : 0;
    }
    if (!evex) {
        e->bytes[e->len++] = 0xc4;
        e->bytes[e->len++] = (uint8_t)(rxb << 5 | r->map);
        e->bytes[e->len++] = (uint8_t)(w << 7 | vvvv << 3 | l << 2 | r->prefix);
    } else {
        unsigned aaa = r->flags & AVX_MASK || wild ? x >> 40 & 7 : 0;
        unsigned z =
            (r->flags & AVX_ZERO && aaa && !(e->memory && r->insn.operands[0] == WV)) || wild
                ? x >> 44 & 1
                : 0;
        bool b_allowed = e->memory ? r->element != 0 : (r->flags & (AVX_ER | AVX_SAE)) != 0;
        unsigned b = b_allowed || wild ? x >> 48 & 1 : 0;
        unsigned high = (has_vvvv(r) || (r->flags & AVX_VSIB)) && !n->code32 ? x >> 52 & 1 : 1;
        unsigned r_high = n->code32 || (uses(r, KG, KG, KG) && !wild) ? 1 : x >> 53 & 1;

        if (uses(r, Gy, Gd, Gd) && !wild) {
            r_high = 1;
        }
        if (b && !e->memory && r->flags & AVX_ER) {
            l = x >> 56 & 3;
        }
        e->bytes[e->len++] = 0x62;
        e->bytes[e->len++] = (uint8_t)(rxb << 5 | r_high << 4 | r->map);
        e->bytes[e->len++] = (uint8_t)(w << 7 | vvvv << 3 | 4 | r->prefix);
        e->bytes[e->len++] = (uint8_t)(z << 7 | l << 5 | b << 4 | high << 3 | aaa);
    }
    e->bytes[e->len++] = r->opcode;
    if (!(r->flags & AVX_NO_MODRM)) {
        put_modrm(n, r, e);
    }
}

/* Indices that stay in the arena, most of the time. */
static void set_indices(struct native *n, struct native_state *s)
{
    for (unsigned v = 0; v < (n->avx512 ? 32 : 16); v++) {
        bool wide = native_random(n) & 1;

        for (unsigned k = 0; k < (n->avx512 ? 16 : 8); k++) {
            uint32_t index = (uint32_t)(native_random(n) % 0x60) - 0x30;

            if (native_random(n) % 64 == 0) {
                index *= 0x40;
            }
            if (wide) {
                index = k & 1 ? (uint32_t) - (int32_t)(s->zmm[v][k * 4 - 1] >> 7) : index;
            }
            memcpy(s->zmm[v] + 4 * k, &index, 4);
        }
        if (v < 16) {
            memcpy(s->fx + FX_XMM(v), s->zmm[v], 16);
        }
    }
}

void avx_random_state(struct native *n, struct native_state *s)
{
    native_randomize(n, s);
    for (unsigned v = 0; v < 16; v++) {
        memcpy(s->zmm[v], s->fx + FX_XMM(v), 16);
    }
}

static void set_start(struct native *n, const struct avx_row *row, bool edge,
                      struct native_state *s)
{
    const uint64_t end = NATIVE_ARENA + NATIVE_ARENA_SIZE;
    uint64_t r = native_random(n);

    avx_random_state(n, s);
    if (r & 1) { /* rounding, DAZ, FTZ, unmasked exceptions */
        uint32_t mxcsr = 0x1f80 | (r >> 8 & 0xe040);

        native_put(s, FX_MXCSR, r & 6 ? mxcsr : mxcsr & ~(r >> 16 & 0x1f80), 4);
    }
    if (r & 8) { /* aligned */
        s->gpr[R_RBX] &= ~63ull, s->gpr[R_RSI] &= ~63ull, s->gpr[R_RDI] &= ~63ull;
    }
    if (row->flags & AVX_VSIB) {
        set_indices(n, s);
        if (!row->element && row->lane && (r & 16)) { /* AVX2's masks are vectors */
            for (unsigned v = 0; v < 16; v++) {
                for (unsigned k = 0; k < (n->avx512 ? 16 : 8); k++) {
                    s->zmm[v][k * 4 + 3] ^= native_random(n) & 0x80;
                }
                memcpy(s->fx + FX_XMM(v), s->zmm[v], 16);
            }
        }
    }
    if (edge) {
        static const uint8_t bases[] = { R_RBX, R_RSI, R_RDI };

        for (unsigned k = 0; k < 3; k++) {
            s->gpr[bases[k]] = r >> 40 & 1 ? end - native_random(n) % 80
                                           : NATIVE_ARENA - 64 + native_random(n) % 80;
        }
    }
}

void avx_check_rows(struct native *n, bool evex, unsigned rounds, bool edge)
{
    const struct avx_row *rows = evex ? evex_rows : vex_rows;
    unsigned n_rows = evex ? n_evex_rows : n_vex_rows;
    struct avx_encoding e;
    struct native_state s;
    struct insn insn;

    for (unsigned k = 0; k < n_rows; k++) {
        unsigned bad = 0;

        if (!native_host_has(rows[k].insn.feature) ||
            (rows[k].long_feature && !native_host_has(rows[k].long_feature))) {
            continue;
        }
        for (unsigned round = 0; round < rounds && bad < 1; round++) {
            avx_random(n, &rows[k], evex, &e);
            if (edge && !e.memory) {
                continue;
            }
            set_start(n, &rows[k], edge, &s);
            insn_decode(n->cpu, e.bytes, e.len, &insn);
            bad += !native_check(n, e.bytes, insn.len, &s, insn.row->undefined);
        }
    }
}
