/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/tcg/x86_64/host.c: which instructions this host has, asked once: CPUID is slow in a virtual
 * machine.  Thread: the vCPU's own.
 */
#include <cpuid.h>
#include "accel/tcg/x86_64/backend.h"

#define XCR0_AVX    0x06u
#define XCR0_AVX512 0xe6u

/* clang-format off */
/* Where each feature word is: leaf, subleaf, register (EAX EBX ECX EDX). */
static const struct { uint32_t leaf, sub, reg; } words[FEAT_WORDS] = {
    [FEAT_1_EDX] = { 1, 0, 3 },             [FEAT_1_ECX] = { 1, 0, 2 },
    [FEAT_7_0_EBX] = { 7, 0, 1 },           [FEAT_7_0_ECX] = { 7, 0, 2 },
    [FEAT_7_0_EDX] = { 7, 0, 3 },           [FEAT_7_1_EAX] = { 7, 1, 0 },
    [FEAT_80000001_ECX] = { 0x80000001u, 0, 2 },
};
/* clang-format on */

static bool has_all(const struct backend *k, const uint16_t *features, unsigned n)
{
    for (unsigned f = 0; f < n; f++) {
        if (!host_has(k, features[f])) {
            return false;
        }
    }
    return true;
}

void find_host_features(struct backend *k)
{
    static const uint16_t avx[] = { X86_AVX, X86_AVX2 };
    static const uint16_t avx512[] = { X86_AVX512F, X86_AVX512VL, X86_AVX512BW, X86_AVX512DQ };
    uint32_t low = 0, high;

    for (unsigned w = 0; w < FEAT_WORDS; w++) {
        uint32_t r[4] = { 0 };

        if (words[w].leaf &&
            __get_cpuid_count(words[w].leaf, words[w].sub, &r[0], &r[1], &r[2], &r[3])) {
            k->host_features[w] = r[words[w].reg];
        }
    }
    if (k->host_features[FEAT_1_ECX] >> 27 & 1) { /* OSXSAVE */
        __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    }
    k->host_level = VECTORS_SSE;
    if ((low & XCR0_AVX) == XCR0_AVX && has_all(k, avx, G_N_ELEMENTS(avx))) {
        k->host_level = VECTORS_AVX;
    }
    if (k->host_level == VECTORS_AVX && (low & XCR0_AVX512) == XCR0_AVX512 &&
        has_all(k, avx512, G_N_ELEMENTS(avx512))) {
        k->host_level = VECTORS_AVX512;
    }
}
