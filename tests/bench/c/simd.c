/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * simd.c: vectors of integers with SSE up to 4.1, vectors of floats with AVX2 and FMA.
 */
#include "tests/bench/c/bench.h"

#include <immintrin.h>

enum { BYTES = 1 << 13, FLOATS = 1 << 11 };

/* Brightness, differences and table look-ups of pixels: what codecs do. */
static __attribute__((target("sse4.1"))) uint64_t run_sse(uint64_t n)
{
    static uint8_t a[BYTES] __attribute__((aligned(64))), b[BYTES] __attribute__((aligned(64)));
    const __m128i table = _mm_setr_epi8(3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3);
    const __m128i factor = _mm_set1_epi16(77), low = _mm_set1_epi8(15), zero = _mm_setzero_si128();
    __m128i sum = zero, high = zero;
    uint64_t seed = 13;

    if (!__builtin_cpu_supports("sse4.1")) {
        die("the processor has no SSE4.1");
    }
    for (int i = 0; i < BYTES; i++) {
        a[i] = next_random(&seed);
        b[i] = next_random(&seed);
    }
    while (n--) {
        for (int i = 0; i < BYTES; i += 16) {
            __m128i x = _mm_load_si128((__m128i *)(a + i)), y = _mm_load_si128((__m128i *)(b + i));
            __m128i wide = _mm_mullo_epi16(_mm_unpacklo_epi8(x, zero), factor);

            sum = _mm_add_epi64(sum, _mm_sad_epu8(x, y));
            high = _mm_max_epu8(_mm_adds_epu8(high, _mm_set1_epi8(1)), _mm_avg_epu8(x, y));
            y = _mm_add_epi8(_mm_shuffle_epi8(table, _mm_and_si128(x, low)), y);
            y = _mm_blendv_epi8(y, high, _mm_cmpgt_epi8(x, y));
            y = _mm_xor_si128(y, _mm_packus_epi16(_mm_srli_epi16(wide, 8), zero));
            _mm_store_si128((__m128i *)(b + i), y);
        }
    }
    return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi32(high, 3);
}

/* A filter: each result is the sum of eight neighbours by eight factors. */
static __attribute__((target("avx2,fma"))) uint64_t run_avx2(uint64_t n)
{
    static float in[FLOATS + 16] __attribute__((aligned(64)));
    static float out[FLOATS] __attribute__((aligned(64)));
    uint64_t sum = 0;

    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) {
        die("the processor has no AVX2 and FMA");
    }
    for (int i = 0; i < FLOATS + 16; i++) {
        in[i] = i % 17 * 0.1f;
    }
    while (n--) {
        __m256i bits = _mm256_setzero_si256();

        for (int i = 0; i < FLOATS; i += 8) {
            __m256 value = _mm256_setzero_ps();

            for (int tap = 0; tap < 8; tap++) {
                value = _mm256_fmadd_ps(_mm256_loadu_ps(in + i + tap),
                                        _mm256_set1_ps(tap * 0.25f - 1), value);
            }
            _mm256_store_ps(out + i, value);
            bits = _mm256_add_epi32(_mm256_xor_si256(bits, _mm256_castps_si256(value)),
                                    _mm256_cvttps_epi32(value));
        }
        in[n % FLOATS] += 0.5f;
        sum += (uint32_t)_mm256_extract_epi32(bits, 5) + (uint32_t)_mm256_extract_epi32(bits, 0);
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "sse", run_sse },
        { "avx2", run_avx2 },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
