/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fp.c: programs of doubles.
 *
 * Sums are told with nine digits only: the C library picks functions with or without FMA by what
 * the processor says, and those differ in the last bits.
 */
#include "tests/bench/c/bench.h"
#include "tests/bench/c/nbody.h"

#include <emmintrin.h>
#include <math.h>

enum { SIDE = 96, PLANE = 64, DEPTH = 200, VALUES = 1000 };

static uint64_t digits(double value)
{
    char text[32];
    uint64_t sum = 0;

    snprintf(text, sizeof(text), "%.9g", value);
    for (const char *p = text; *p; p++) {
        sum = mix(sum, *p);
    }
    return sum;
}

static uint64_t run_nbody(uint64_t n)
{
    return digits(nbody(n));
}

static uint64_t run_matmul(uint64_t n)
{
    static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];

    for (int i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = (i % 7 - 3) * 0.1;
        b[i / SIDE][i % SIDE] = (i % 5 - 2) * 0.3;
    }
    while (n--) {
        for (int i = 0; i < SIDE; i++) {
            for (int j = 0; j < SIDE; j++) {
                c[i][j] *= 0.5;
            }
            for (int k = 0; k < SIDE; k++) {
                double factor = a[i][k];

                for (int j = 0; j < SIDE; j++) {
                    c[i][j] += factor * b[k][j];
                }
            }
        }
        a[n % SIDE][3] += 1;
    }
    return digits(c[SIDE / 2][SIDE / 3] + c[1][2]);
}

static uint64_t run_mandelbrot(uint64_t n)
{
    uint64_t inside = 0;

    while (n--) {
        for (int pixel = 0; pixel < PLANE * PLANE; pixel++) {
            double cx = pixel % PLANE * (3.0 / PLANE) - 2, cy = pixel / PLANE * (2.0 / PLANE) - 1;
            double x = 0, y = 0;
            int depth = 0;

            while (depth < DEPTH && x * x + y * y < 4) {
                double next = x * x - y * y + cx;

                y = 2 * x * y + cy;
                x = next;
                depth++;
            }
            inside += depth;
        }
    }
    return inside;
}

/* Two pixels at a time. */
static uint64_t run_mandelbrot_sse(uint64_t n)
{
    const __m128d four = _mm_set1_pd(4);
    uint64_t inside = 0;

    while (n--) {
        for (int pixel = 0; pixel < PLANE * PLANE; pixel += 2) {
            double left = pixel % PLANE * (3.0 / PLANE) - 2;
            __m128d cx = _mm_set_pd(left + 3.0 / PLANE, left);
            __m128d cy = _mm_set1_pd(pixel / PLANE * (2.0 / PLANE) - 1);
            __m128d x = _mm_setzero_pd(), y = x, count = x;

            for (int depth = 0; depth < DEPTH; depth++) {
                __m128d xx = _mm_mul_pd(x, x), yy = _mm_mul_pd(y, y);
                __m128d in = _mm_cmplt_pd(_mm_add_pd(xx, yy), four);

                if (!_mm_movemask_pd(in)) {
                    break;
                }
                count = _mm_add_pd(count, _mm_and_pd(in, _mm_set1_pd(1)));
                y = _mm_add_pd(_mm_mul_pd(_mm_add_pd(x, x), y), cy);
                x = _mm_add_pd(_mm_sub_pd(xx, yy), cx);
            }
            inside += _mm_cvtsd_f64(count) + _mm_cvtsd_f64(_mm_unpackhi_pd(count, count));
        }
    }
    return inside;
}

static uint64_t run_libm(uint64_t n)
{
    double sum = 0;

    for (uint64_t i = 1; i <= n; i++) {
        double x = i % 977 * 0.013 + 0.1;

        sum += sin(x) + cos(x) + exp(-x) + log(x) + pow(x, 1.3) + atan2(x, 2) + tanh(x);
    }
    return digits(sum);
}

/* Integers, floats and doubles into one another, and to text and back. */
static uint64_t run_convert(uint64_t n)
{
    static double values[VALUES];
    uint64_t sum = 0;

    while (n--) {
        for (int i = 0; i < VALUES; i++) {
            values[i] = (double)(int64_t)(i * n) * 0.37 + (float)(i * 1.5f);
        }
        for (int i = 0; i < VALUES; i++) {
            sum += (int64_t)values[i] + (int32_t)(float)(values[i] * 0.001) + (uint32_t)i;
            sum += (uint64_t)rint(values[i] * 0.5);
        }
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const struct job jobs[] = {
        { "nbody", run_nbody },
        { "matmul", run_matmul },
        { "mandelbrot", run_mandelbrot },
        { "mandelbrot-sse", run_mandelbrot_sse },
        { "libm", run_libm },
        { "convert", run_convert },
        { NULL, NULL },
    };

    return run_job(jobs, argc, argv);
}
