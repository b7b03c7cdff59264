/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/text.h: numbers, sizes and names as people type them. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * "64", "512M", "1.5G", "0x1000": bytes.  Suffixes b k m g t p e in either case, powers of 1024;
 * a number without one counts in units of default_unit bytes (1 << 20 for -m).  False on garbage,
 * a negative value or overflow.
 */
bool parse_size(const char *text, uint64_t default_unit, uint64_t *out);
/* Decimal, 0x hex or 0 octal; the whole text; within [min, max]. */
bool parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* "196 KiB", "0.977 MiB": three significant digits. */
char *size_text(uint64_t bytes);
/* on/off/yes/no/true/false */
bool parse_bool(const char *text, bool *out);
/*
 * The names closest to `name` (edit distance), best first, at most 3, as "a, b, c"; NULL when none
 * is close.  get(opaque, i) gives the i-th candidate, NULL at the end.
 */
char *closest_names(const char *name, const char *(*get)(void *opaque, unsigned i), void *opaque);
/*
 * QEMU's option syntax: "first,key=value,key2,nokey3": ",," is a literal comma.  The first element
 * without '=' becomes implied_key's value when implied_key is not NULL; a later bare "flag" is
 * "flag=on" and "noflag" stays as written.  The result is a list of struct option_pair.
 */
struct option_pair {
    char *key, *value;
};
GPtrArray *parse_options(const char *text, const char *implied_key);
/* Last value of a key, or NULL. */
const char *options_get(const GPtrArray *opts, const char *key);

#endif
