/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/json_pairs.h: a JSON object as a list of options (util/text.h).  Thread: the caller's. */
#ifndef UTIL_JSON_PAIRS_H
#define UTIL_JSON_PAIRS_H

#include <glib.h>
#include <jansson.h>

/*
 * {"a": {"b": 1}, "l": [{"str": "x"}]} is a.b=1,l=x: struct option_pair *, freed with the array.  NULL and *error: there is a
 * null or a fraction in it.
 */
GPtrArray *json_pairs(const json_t *object, GError **error);
/* The same of a text that is JSON (it begins with '{'), else parse_options. */
GPtrArray *json_or_options(const char *text, const char *implied_key, GError **error);

#endif
