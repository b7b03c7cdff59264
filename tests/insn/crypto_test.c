/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/crypto_test.c: AES, SHA and PCLMULQDQ by published vectors, which need no such host
 * (the comparison with the host is in sse_test.c).  One thread.
 */
#include <string.h>
#include "tests/insn/native.h"

struct operands {
    uint8_t xmm0[16], xmm1[16], xmm2[16];
};

/* Runs an instruction on xmm1 (destination), xmm2 and the implicit xmm0; the result is in xmm1. */
static void run(struct native *n, const uint8_t *bytes, unsigned len, struct operands *o)
{
    struct native_state s;

    native_randomize(n, &s);
    memcpy(s.fx + FX_XMM(0), o->xmm0, 16);
    memcpy(s.fx + FX_XMM(1), o->xmm1, 16);
    memcpy(s.fx + FX_XMM(2), o->xmm2, 16);
    native_run_guest(n, bytes, len, &s);
    g_assert_cmpint(s.vector, ==, -1);
    memcpy(o->xmm1, s.fx + FX_XMM(1), 16);
}

static void xor16(uint8_t *to, const uint8_t *from)
{
    for (unsigned k = 0; k < 16; k++) {
        to[k] ^= from[k];
    }
}

/* Key expansion of FIPS-197, 5.2 with AESKEYGENASSIST's last word. */
static void expand_key(struct native *n, const uint8_t *key, uint8_t keys[11][16])
{
    uint8_t rcon = 1;

    memcpy(keys[0], key, 16);
    for (unsigned r = 1; r <= 10; r++) {
        const uint8_t assist[] = { 0x66, 0x0f, 0x3a, 0xdf, 0xca, rcon };
        struct operands o = { 0 };

        memcpy(o.xmm2, keys[r - 1], 16);
        run(n, assist, sizeof(assist), &o);
        for (unsigned k = 0; k < 16; k++) {
            uint8_t left = k < 4 ? o.xmm1[12 + k] : keys[r][k - 4];

            keys[r][k] = keys[r - 1][k] ^ left;
        }
        rcon = (uint8_t)(rcon << 1 ^ (rcon & 0x80 ? 0x1b : 0));
    }
}

/* FIPS-197, appendix C.1. */
static void aes_128_matches_fips_197(void)
{
    static const uint8_t cipher[16] = { 0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                        0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a };
    static const uint8_t enc[] = { 0x66, 0x0f, 0x38, 0xdc, 0xca };
    static const uint8_t enclast[] = { 0x66, 0x0f, 0x38, 0xdd, 0xca };
    static const uint8_t dec[] = { 0x66, 0x0f, 0x38, 0xde, 0xca };
    static const uint8_t declast[] = { 0x66, 0x0f, 0x38, 0xdf, 0xca };
    static const uint8_t imc[] = { 0x66, 0x0f, 0x38, 0xdb, 0xca };
    struct native *n = native_new();
    uint8_t key[16], plain[16], keys[11][16];
    struct operands o = { 0 };

    for (unsigned k = 0; k < 16; k++) {
        key[k] = (uint8_t)k;
        plain[k] = (uint8_t)(k * 0x11);
    }
    expand_key(n, key, keys);
    memcpy(o.xmm1, plain, 16);
    xor16(o.xmm1, keys[0]);
    for (unsigned r = 1; r <= 10; r++) {
        memcpy(o.xmm2, keys[r], 16);
        run(n, r < 10 ? enc : enclast, sizeof(enc), &o);
    }
    g_assert_cmpmem(o.xmm1, 16, cipher, 16);

    xor16(o.xmm1, keys[10]);
    for (unsigned r = 9; r > 0; r--) {
        struct operands inverse = { 0 };

        memcpy(inverse.xmm2, keys[r], 16);
        run(n, imc, sizeof(imc), &inverse);
        memcpy(o.xmm2, inverse.xmm1, 16);
        run(n, dec, sizeof(dec), &o);
    }
    memcpy(o.xmm2, keys[0], 16);
    run(n, declast, sizeof(declast), &o);
    g_assert_cmpmem(o.xmm1, 16, plain, 16);
    native_free(n);
}

static uint32_t lane(const uint8_t *v, unsigned k)
{
    uint32_t r;

    memcpy(&r, v + 4 * k, 4);
    return r;
}

static void set_lanes(uint8_t *v, uint32_t d3, uint32_t d2, uint32_t d1, uint32_t d0)
{
    const uint32_t d[4] = { d0, d1, d2, d3 };

    memcpy(v, d, 16);
}

/* Message words 16 to 79 of SHA-1 by SHA1MSG1 and SHA1MSG2, against the schedule's definition. */
static void sha1_schedules_a_message(void)
{
    static const uint8_t msg1[] = { 0x0f, 0x38, 0xc9, 0xca };
    static const uint8_t msg2[] = { 0x0f, 0x38, 0xca, 0xca };
    struct native *n = native_new();
    uint32_t w[80];

    for (unsigned t = 0; t < 80; t++) {
        uint32_t x = t < 16 ? 0x01234567u * (t + 1) : w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];

        w[t] = t < 16 ? x : x << 1 | x >> 31;
    }
    for (unsigned t = 16; t < 80; t += 4) {
        struct operands o = { 0 };
        uint8_t third[16];

        set_lanes(o.xmm1, w[t - 16], w[t - 15], w[t - 14], w[t - 13]);
        set_lanes(o.xmm2, w[t - 12], w[t - 11], w[t - 10], w[t - 9]);
        run(n, msg1, sizeof(msg1), &o);
        set_lanes(third, w[t - 8], w[t - 7], w[t - 6], w[t - 5]);
        xor16(o.xmm1, third);
        set_lanes(o.xmm2, w[t - 4], w[t - 3], w[t - 2], w[t - 1]);
        run(n, msg2, sizeof(msg2), &o);
        for (unsigned k = 0; k < 4; k++) {
            g_assert_cmphex(lane(o.xmm1, 3 - k), ==, w[t + k]);
        }
    }
    native_free(n);
}

/* x^127 in two ways: the product of two quadwords is 127 bits wide, and does not carry. */
static void pclmulqdq_multiplies_without_carries(void)
{
    static const uint8_t clmul[] = { 0x66, 0x0f, 0x3a, 0x44, 0xca, 0x11 }; /* high times high */
    struct native *n = native_new();
    struct operands o = { 0 };

    set_lanes(o.xmm1, 0x80000000, 3, 0, 0);
    set_lanes(o.xmm2, 0x80000000, 1, 0, 0);
    run(n, clmul, sizeof(clmul), &o);
    /* (x^63 + x + 1)(x^63 + 1) = x^126 + x^64 + x + 1: the two x^63 cancel. */
    g_assert_cmphex(lane(o.xmm1, 3), ==, 0x40000000);
    g_assert_cmphex(lane(o.xmm1, 2), ==, 1);
    g_assert_cmphex(lane(o.xmm1, 1), ==, 0);
    g_assert_cmphex(lane(o.xmm1, 0), ==, 3);
    native_free(n);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/insn/crypto/aes", aes_128_matches_fips_197);
    g_test_add_func("/insn/crypto/sha1", sha1_schedules_a_message);
    g_test_add_func("/insn/crypto/pclmulqdq", pclmulqdq_multiplies_without_carries);
    return g_test_run();
}
