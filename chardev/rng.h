/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/rng.h: sources of entropy with an id: -object rng-builtin, rng-random, rng-egd.
 * Thread: machine lock held.
 */
#ifndef CHARDEV_RNG_H
#define CHARDEV_RNG_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct rng;

enum rng_kind { RNG_BUILTIN, RNG_RANDOM, RNG_EGD };

/*
 * `from`: of RNG_RANDOM the file, of RNG_EGD the id of a character device; else NULL.  NULL and *error: it cannot be
 * read, or is taken.
 */
struct rng *rng_new(struct machine *m, const char *id, enum rng_kind kind, const char *from,
                    GError **error);
struct rng *rng_find(struct machine *m, const char *id);
enum rng_kind rng_kind_of(const struct rng *r);
/* False and *error: somebody uses it. */
bool rng_delete(struct machine *m, struct rng *r, GError **error);
/* Whoever uses it says so. */
void rng_use(struct rng *r);
void rng_release(struct rng *r);

/* As many bytes as are there now, at most n. */
size_t rng_take(struct rng *r, void *buf, size_t n);
/* Calls ready once, from the main loop, when rng_take has something; about n bytes are wanted. */
void rng_wait(struct rng *r, size_t n, void (*ready)(void *opaque), void *opaque);
/* It is not called any more. */
void rng_cancel(struct rng *r, const void *opaque);

#endif
