/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/rng_objects.c: see rng_objects.h.
 */
#include "monitor/rng_objects.h"

#include "chardev/rng.h"

/* clang-format off */
const struct block_option_row rng_builtin_rows[] = { { 0 } };
const struct block_option_row rng_random_rows[] = {
    { "filename", BLOCK_OPTION_STRING, "/dev/urandom", "the file or device that is read", 0, 0, NULL },
    { 0 }
};
const struct block_option_row rng_egd_rows[] = {
    { "chardev", BLOCK_OPTION_STRING, NULL, "the id of a -chardev to an EGD daemon", 0, 0, NULL },
    { 0 }
};
/* clang-format on */

bool add_rng_builtin(struct machine *m, const char *id, const struct block_options *o,
                     const char *text, GError **error)
{
    (void)o;
    (void)text;
    return rng_new(m, id, RNG_BUILTIN, NULL, error) != NULL;
}

bool add_rng_random(struct machine *m, const char *id, const struct block_options *o,
                    const char *text, GError **error)
{
    (void)text;
    return rng_new(m, id, RNG_RANDOM, block_option_string(o, rng_random_rows, "filename"), error) !=
           NULL;
}

bool add_rng_egd(struct machine *m, const char *id, const struct block_options *o, const char *text,
                 GError **error)
{
    (void)text;
    return rng_new(m, id, RNG_EGD, block_options_get(o, "chardev"), error) != NULL;
}

static bool has_kind(struct machine *m, const char *id, enum rng_kind kind)
{
    const struct rng *r = rng_find(m, id);

    return r && rng_kind_of(r) == kind;
}

bool has_rng_builtin(struct machine *m, const char *id)
{
    return has_kind(m, id, RNG_BUILTIN);
}

bool has_rng_random(struct machine *m, const char *id)
{
    return has_kind(m, id, RNG_RANDOM);
}

bool has_rng_egd(struct machine *m, const char *id)
{
    return has_kind(m, id, RNG_EGD);
}

bool del_rng(struct machine *m, const char *id, GError **error)
{
    return rng_delete(m, rng_find(m, id), error);
}
