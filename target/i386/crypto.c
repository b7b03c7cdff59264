/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target/i386/crypto.c: AES-NI (FIPS-197), PCLMULQDQ and SHA (FIPS-180-4).
 *
 * Thread: the vCPU's own, no lock.
 */
#include "target/i386/vec_exec.h"

/* clang-format off */
static const uint8_t sbox[256] = {
    0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
    0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
    0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
    0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
    0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
    0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
    0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
    0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
    0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
    0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
    0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
    0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
    0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
    0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
    0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
    0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
};

static const uint8_t inverse_sbox[256] = {
    0x52, 0x09, 0x6a, 0xd5, 0x30, 0x36, 0xa5, 0x38, 0xbf, 0x40, 0xa3, 0x9e, 0x81, 0xf3, 0xd7, 0xfb,
    0x7c, 0xe3, 0x39, 0x82, 0x9b, 0x2f, 0xff, 0x87, 0x34, 0x8e, 0x43, 0x44, 0xc4, 0xde, 0xe9, 0xcb,
    0x54, 0x7b, 0x94, 0x32, 0xa6, 0xc2, 0x23, 0x3d, 0xee, 0x4c, 0x95, 0x0b, 0x42, 0xfa, 0xc3, 0x4e,
    0x08, 0x2e, 0xa1, 0x66, 0x28, 0xd9, 0x24, 0xb2, 0x76, 0x5b, 0xa2, 0x49, 0x6d, 0x8b, 0xd1, 0x25,
    0x72, 0xf8, 0xf6, 0x64, 0x86, 0x68, 0x98, 0x16, 0xd4, 0xa4, 0x5c, 0xcc, 0x5d, 0x65, 0xb6, 0x92,
    0x6c, 0x70, 0x48, 0x50, 0xfd, 0xed, 0xb9, 0xda, 0x5e, 0x15, 0x46, 0x57, 0xa7, 0x8d, 0x9d, 0x84,
    0x90, 0xd8, 0xab, 0x00, 0x8c, 0xbc, 0xd3, 0x0a, 0xf7, 0xe4, 0x58, 0x05, 0xb8, 0xb3, 0x45, 0x06,
    0xd0, 0x2c, 0x1e, 0x8f, 0xca, 0x3f, 0x0f, 0x02, 0xc1, 0xaf, 0xbd, 0x03, 0x01, 0x13, 0x8a, 0x6b,
    0x3a, 0x91, 0x11, 0x41, 0x4f, 0x67, 0xdc, 0xea, 0x97, 0xf2, 0xcf, 0xce, 0xf0, 0xb4, 0xe6, 0x73,
    0x96, 0xac, 0x74, 0x22, 0xe7, 0xad, 0x35, 0x85, 0xe2, 0xf9, 0x37, 0xe8, 0x1c, 0x75, 0xdf, 0x6e,
    0x47, 0xf1, 0x1a, 0x71, 0x1d, 0x29, 0xc5, 0x89, 0x6f, 0xb7, 0x62, 0x0e, 0xaa, 0x18, 0xbe, 0x1b,
    0xfc, 0x56, 0x3e, 0x4b, 0xc6, 0xd2, 0x79, 0x20, 0x9a, 0xdb, 0xc0, 0xfe, 0x78, 0xcd, 0x5a, 0xf4,
    0x1f, 0xdd, 0xa8, 0x33, 0x88, 0x07, 0xc7, 0x31, 0xb1, 0x12, 0x10, 0x59, 0x27, 0x80, 0xec, 0x5f,
    0x60, 0x51, 0x7f, 0xa9, 0x19, 0xb5, 0x4a, 0x0d, 0x2d, 0xe5, 0x7a, 0x9f, 0x93, 0xc9, 0x9c, 0xef,
    0xa0, 0xe0, 0x3b, 0x4d, 0xae, 0x2a, 0xf5, 0xb0, 0xc8, 0xeb, 0xbb, 0x3c, 0x83, 0x53, 0x99, 0x61,
    0x17, 0x2b, 0x04, 0x7e, 0xba, 0x77, 0xd6, 0x26, 0xe1, 0x69, 0x14, 0x63, 0x55, 0x21, 0x0c, 0x7d,
};

/* clang-format on */

/* AES ------------------------------------------------------------------------------------------ */

/* Multiplication by x in GF(2^8) modulo 0x11b. */
static uint8_t xtime(uint8_t v)
{
    return (uint8_t)(v << 1 ^ (v & 0x80 ? 0x1b : 0));
}

/* ShiftRows and SubBytes, which commute; state byte 4 * column + row. */
static void shift_and_substitute(union vec *v)
{
    union vec r;

    for (unsigned k = 0; k < 16; k++) {
        r.b[k] = sbox[v->b[(k + 4 * (k & 3)) & 15]];
    }
    memcpy(v->b, r.b, 16);
}

static void inverse_shift_and_substitute(union vec *v)
{
    union vec r;

    for (unsigned k = 0; k < 16; k++) {
        r.b[k] = inverse_sbox[v->b[(k - 4 * (k & 3)) & 15]];
    }
    memcpy(v->b, r.b, 16);
}

static void mix_columns(union vec *v)
{
    for (unsigned c = 0; c < 16; c += 4) {
        uint8_t *s = v->b + c, all = s[0] ^ s[1] ^ s[2] ^ s[3], first = s[0];

        for (unsigned k = 0; k < 4; k++) {
            uint8_t next = k < 3 ? s[k + 1] : first;

            s[k] = (uint8_t)(s[k] ^ all ^ xtime(s[k] ^ next));
        }
    }
}

/* The inverse is a multiplication by 4x^2 + 5 before the forward one. */
static void inverse_mix_columns(union vec *v)
{
    for (unsigned c = 0; c < 16; c += 4) {
        uint8_t *s = v->b + c;
        uint8_t even = xtime(xtime(s[0] ^ s[2])), odd = xtime(xtime(s[1] ^ s[3]));

        s[0] ^= even;
        s[2] ^= even;
        s[1] ^= odd;
        s[3] ^= odd;
    }
    mix_columns(v);
}

enum aes_round { AES_ENC, AES_ENC_LAST, AES_DEC, AES_DEC_LAST };

static void aes_round(struct x86_cpu *cpu, const struct insn *i, enum aes_round kind)
{
    union vec state, key;

    vec_get(cpu, i, 0, &state);
    vec_get(cpu, i, 1, &key);
    if (kind == AES_ENC || kind == AES_ENC_LAST) {
        shift_and_substitute(&state);
    } else {
        inverse_shift_and_substitute(&state);
    }
    if (kind == AES_ENC) {
        mix_columns(&state);
    } else if (kind == AES_DEC) {
        inverse_mix_columns(&state);
    }
    state.q[0] ^= key.q[0];
    state.q[1] ^= key.q[1];
    vec_put(cpu, i, &state);
}

void x_aesenc(struct x86_cpu *cpu, const struct insn *i)
{
    aes_round(cpu, i, AES_ENC);
}

void x_aesenclast(struct x86_cpu *cpu, const struct insn *i)
{
    aes_round(cpu, i, AES_ENC_LAST);
}

void x_aesdec(struct x86_cpu *cpu, const struct insn *i)
{
    aes_round(cpu, i, AES_DEC);
}

void x_aesdeclast(struct x86_cpu *cpu, const struct insn *i)
{
    aes_round(cpu, i, AES_DEC_LAST);
}

void x_aesimc(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v;

    vec_get(cpu, i, 1, &v);
    inverse_mix_columns(&v);
    vec_put(cpu, i, &v);
}

static uint32_t substitute_word(uint32_t v)
{
    return sbox[v & 0xff] | (uint32_t)sbox[v >> 8 & 0xff] << 8 |
           (uint32_t)sbox[v >> 16 & 0xff] << 16 | (uint32_t)sbox[v >> 24] << 24;
}

static uint32_t rotate_right(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

void x_aeskeygenassist(struct x86_cpu *cpu, const struct insn *i)
{
    union vec v, r;

    vec_get(cpu, i, 1, &v);
    r.d[0] = substitute_word(v.d[1]);
    r.d[1] = rotate_right(r.d[0], 8) ^ (uint32_t)(i->imm & 0xff);
    r.d[2] = substitute_word(v.d[3]);
    r.d[3] = rotate_right(r.d[2], 8) ^ (uint32_t)(i->imm & 0xff);
    vec_put(cpu, i, &r);
}

/* Carry-less product; imm bit 0 picks the destination's quadword, bit 4 the source's. */
void x_pclmulqdq(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;
    uint64_t x, y, low = 0, high = 0;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    x = a.q[i->imm & 1];
    y = b.q[i->imm >> 4 & 1];
    for (unsigned k = 0; k < 64; k++) {
        uint64_t mask = 0 - (y >> k & 1);

        low ^= x << k & mask;
        high ^= k ? x >> (64 - k) & mask : 0;
    }
    a.q[0] = low;
    a.q[1] = high;
    vec_put(cpu, i, &a);
}

/* SHA: the doublewords of a register stand in reverse, [127:96] first ------------------------- */

static uint32_t rotate_left(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

void x_sha1nexte(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    b.d[3] += rotate_left(a.d[3], 30);
    vec_put(cpu, i, &b);
}

void x_sha1msg1(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.q[1] ^= a.q[0];
    a.q[0] ^= b.q[1];
    vec_put(cpu, i, &a);
}

void x_sha1msg2(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.d[3] = rotate_left(a.d[3] ^ b.d[2], 1);
    a.d[2] = rotate_left(a.d[2] ^ b.d[1], 1);
    a.d[1] = rotate_left(a.d[1] ^ b.d[0], 1);
    a.d[0] = rotate_left(a.d[0] ^ a.d[3], 1);
    vec_put(cpu, i, &a);
}

/* Round functions 0-3 of SHA-1 (FIPS-180-4, 4.1.1). */
static uint32_t sha1_f(unsigned kind, uint32_t b, uint32_t c, uint32_t d)
{
    switch (kind) {
    case 0:
        return (b & c) ^ (~b & d);
    case 2:
        return (b & c) ^ (b & d) ^ (c & d);
    default:
        return b ^ c ^ d;
    }
}

void x_sha1rnds4(struct x86_cpu *cpu, const struct insn *i)
{
    static const uint32_t constants[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    unsigned kind = i->imm & 3;
    uint32_t a, b, c, d, e = 0;
    union vec state, words;

    vec_get(cpu, i, 0, &state);
    vec_get(cpu, i, 1, &words);
    a = state.d[3];
    b = state.d[2];
    c = state.d[1];
    d = state.d[0];
    /* words.d[3] holds W0 + E already. */
    for (int k = 3; k >= 0; k--) {
        uint32_t next =
            sha1_f(kind, b, c, d) + rotate_left(a, 5) + words.d[k] + e + constants[kind];

        e = d;
        d = c;
        c = rotate_left(b, 30);
        b = a;
        a = next;
    }
    state.d[3] = a;
    state.d[2] = b;
    state.d[1] = c;
    state.d[0] = d;
    vec_put(cpu, i, &state);
}

/* Two rounds; XMM0 holds W + K of both. */
void x_sha256rnds2(struct x86_cpu *cpu, const struct insn *i)
{
    union vec dst, src;
    uint32_t a, b, c, d, e, f, g, h;

    vec_get(cpu, i, 0, &dst);
    vec_get(cpu, i, 1, &src);
    a = src.d[3], b = src.d[2], e = src.d[1], f = src.d[0];
    c = dst.d[3], d = dst.d[2], g = dst.d[1], h = dst.d[0];
    for (unsigned k = 0; k < 2; k++) {
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t = ((e & f) ^ (~e & g)) + s1 + cpu->vec[0].d[k] + h;
        uint32_t maj = (a & b) ^ (a & c) ^ (b & c);

        h = g;
        g = f;
        f = e;
        e = t + d;
        d = c;
        c = b;
        b = a;
        a = t + maj + s0;
    }
    dst.d[3] = a;
    dst.d[2] = b;
    dst.d[1] = e;
    dst.d[0] = f;
    vec_put(cpu, i, &dst);
}

static uint32_t sha256_sigma0(uint32_t v)
{
    return rotate_right(v, 7) ^ rotate_right(v, 18) ^ v >> 3;
}

static uint32_t sha256_sigma1(uint32_t v)
{
    return rotate_right(v, 17) ^ rotate_right(v, 19) ^ v >> 10;
}

void x_sha256msg1(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    for (unsigned k = 0; k < 4; k++) {
        a.d[k] += sha256_sigma0(k < 3 ? a.d[k + 1] : b.d[0]);
    }
    vec_put(cpu, i, &a);
}

void x_sha256msg2(struct x86_cpu *cpu, const struct insn *i)
{
    union vec a, b;

    vec_get(cpu, i, 0, &a);
    vec_get(cpu, i, 1, &b);
    a.d[0] += sha256_sigma1(b.d[2]);
    a.d[1] += sha256_sigma1(b.d[3]);
    a.d[2] += sha256_sigma1(a.d[0]);
    a.d[3] += sha256_sigma1(a.d[1]);
    vec_put(cpu, i, &a);
}
