/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/text.c: numbers, sizes, options and names as people type them.  Thread: any; no state. */
#include <errno.h>
#include <string.h>
#include "util/text.h"

bool parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    uint64_t v;

    if (!g_ascii_isdigit(text[0])) {
        return false; /* strtoull would take blanks and signs */
    }
    errno = 0;
    v = g_ascii_strtoull(text, &end, 0);
    if (errno || *end || v < min || v > max) {
        return false;
    }
    *out = v;
    return true;
}

/* ".5": numerator and denominator; digits beyond the 18th do not count.  False: no digit. */
static bool parse_fraction(const char **text, uint64_t *num, uint64_t *den)
{
    const char *p = *text;

    *num = 0;
    *den = 1;
    if (*p != '.') {
        return true;
    }
    p++;
    if (!g_ascii_isdigit(*p)) {
        return false;
    }
    for (int i = 0; g_ascii_isdigit(*p); p++, i++) {
        if (i < 18) {
            *num = *num * 10 + (*p - '0');
            *den *= 10;
        }
    }
    *text = p;
    return true;
}

bool parse_size(const char *text, uint64_t default_unit, uint64_t *out)
{
    static const char suffixes[] = "bkmgtpe";
    const char *p;
    char *end;
    uint64_t whole, num, den, unit = default_unit;
    unsigned __int128 bytes;
    bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

    if (!g_ascii_isdigit(text[0])) {
        return false;
    }
    errno = 0;
    whole = g_ascii_strtoull(text, &end, hex ? 16 : 10);
    p = end;
    if (errno || (hex && end == text + 1) || (hex && *p == '.') ||
        !parse_fraction(&p, &num, &den)) {
        return false;
    }
    if (*p) {
        const char *s = strchr(suffixes, g_ascii_tolower(*p));

        if (!s || p[1]) {
            return false;
        }
        unit = 1ull << (10 * (s - suffixes));
    }
    if (num && unit == 1) {
        return false; /* there is no half byte */
    }
    bytes = (unsigned __int128)whole * unit + (unsigned __int128)num * unit / den;
    if (bytes > UINT64_MAX) {
        return false;
    }
    *out = (uint64_t)bytes;
    return true;
}

bool parse_bool(const char *text, bool *out)
{
    static const struct {
        const char *name;
        bool value;
    } words[] = {
        { "on", true },   { "yes", true }, { "true", true },
        { "off", false }, { "no", false }, { "false", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i].name) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    return false;
}

static bool same_letter(char a, char b)
{
    return g_ascii_tolower(a) == g_ascii_tolower(b);
}

/*
 * How many letters to add, drop, change or swap with their neighbour, without regard to case
 * (Damerau and Levenshtein; rows of the table stand one after another).
 */
static unsigned edit_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b), wide = nb + 1;
    g_autofree unsigned *d = g_new(unsigned, (na + 1) * wide);

    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            unsigned *at = d + i * wide + j;

            if (i == 0 || j == 0) {
                *at = (unsigned)(i + j);
                continue;
            }
            *at = MIN(MIN(at[-(ssize_t)wide], at[-1]) + 1,
                      at[-(ssize_t)wide - 1] + !same_letter(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1])) {
                *at = MIN(*at, at[-2 * (ssize_t)wide - 2] + 1);
            }
        }
    }
    return d[na * wide + nb];
}

char *closest_names(const char *name, const char *(*get)(void *opaque, unsigned i), void *opaque)
{
    enum { BEST = 3 };
    const char *best[BEST + 1] = { 0 }, *candidate;
    unsigned distance[BEST + 1];
    size_t len = strlen(name);
    unsigned n = 0, limit = MAX(1, len / 3);

    if (len == 0 || len > 64) {
        return NULL; /* not a typing mistake */
    }
    for (unsigned i = 0; (candidate = get(opaque, i)); i++) {
        unsigned d = edit_distance(name, candidate), at;

        if (len >= 3 && g_ascii_strncasecmp(candidate, name, len) == 0) {
            d = MIN(d, limit); /* an abbreviation */
        }
        if (d > limit || d >= MAX(len, strlen(candidate))) {
            continue;
        }
        for (at = n; at > 0 && distance[at - 1] > d; at--) {
            best[at] = best[at - 1];
            distance[at] = distance[at - 1];
        }
        best[at] = candidate;
        distance[at] = d;
        n = MIN(n + 1, BEST);
    }
    if (n == 0) {
        return NULL;
    }
    best[n] = NULL;
    return g_strjoinv(", ", (char **)best);
}

static void option_pair_free(void *p)
{
    struct option_pair *pair = p;

    g_free(pair->key);
    g_free(pair->value);
    g_free(pair);
}

/* The text up to the next single comma, "," for ",,"; *text moves behind that comma. */
static char *next_element(const char **text)
{
    GString *s = g_string_new(NULL);
    const char *p = *text;

    for (; *p; p++) {
        if (*p == ',' && *++p != ',') {
            *text = p;
            return g_string_free(s, FALSE);
        }
        g_string_append_c(s, *p);
    }
    *text = p;
    return g_string_free(s, FALSE);
}

GPtrArray *parse_options(const char *text, const char *implied_key)
{
    GPtrArray *opts = g_ptr_array_new_with_free_func(option_pair_free);
    bool first = true;

    while (*text) {
        g_autofree char *element = next_element(&text);
        char *equals = strchr(element, '=');
        struct option_pair *pair;

        if (*element) {
            pair = g_new0(struct option_pair, 1);
            if (equals) {
                pair->key = g_strndup(element, equals - element);
                pair->value = g_strdup(equals + 1);
            } else if (first && implied_key) {
                pair->key = g_strdup(implied_key);
                pair->value = g_strdup(element);
            } else {
                pair->key = g_strdup(element);
                pair->value = g_strdup("on");
            }
            g_ptr_array_add(opts, pair);
        }
        first = false;
    }
    return opts;
}

const char *options_get(const GPtrArray *opts, const char *key)
{
    for (unsigned i = opts->len; i-- > 0;) {
        const struct option_pair *pair = g_ptr_array_index(opts, i);

        if (strcmp(pair->key, key) == 0) {
            return pair->value;
        }
    }
    return NULL;
}

char *size_text(uint64_t bytes)
{
    static const char units[] = " KMGTPE";
    double value = (double)bytes;
    unsigned unit = 0;

    /* The next unit from 1000 on: three digits never say 1.02e+03. */
    while (value >= 1000 && unit < sizeof(units) - 2) {
        value /= 1024;
        unit++;
    }
    return unit ? g_strdup_printf("%0.3g %ciB", value, units[unit])
                : g_strdup_printf("%0.3g B", value);
}
