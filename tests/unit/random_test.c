/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/random_test.c: random numbers for guests. */
#include <glib.h>
#include <string.h>
#include "util/random.h"

static void without_a_seed_they_differ(void)
{
    uint8_t a[300], b[300];

    g_assert_true(guest_random(a, sizeof(a)));
    g_assert_true(guest_random(b, sizeof(b)));
    g_assert_cmpint(memcmp(a, b, sizeof(a)), !=, 0);
}

/* The same seed, the same bytes; another one, others; no byte is left as it was. */
static void a_seed_decides_them(void)
{
    uint8_t first[61], again[61], other[61], zero[8] = { 0 };

    guest_random_seed(7);
    g_assert_true(guest_random(first, 20));
    g_assert_true(guest_random(first + 20, 41));
    guest_random_seed(7);
    g_assert_true(guest_random(again, 20));
    g_assert_true(guest_random(again + 20, 41));
    g_assert_cmpmem(first, sizeof(first), again, sizeof(again));
    g_assert_cmpint(memcmp(first, first + 20, 20), !=, 0);
    guest_random_seed(8);
    g_assert_true(guest_random(other, 61));
    g_assert_cmpint(memcmp(first, other, 20), !=, 0);
    for (unsigned i = 0; i + 8 <= sizeof(other); i += 8) {
        g_assert_cmpint(memcmp(other + i, zero, 8), !=, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/random/host", without_a_seed_they_differ);
    g_test_add_func("/random/seed", a_seed_decides_them);
    return g_test_run();
}
