/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block/options.c: lists of dotted keys, their JSON, and the rows they are checked by.  Thread: any. */
#include "block/options.h"
#include <jansson.h>
#include <string.h>
#include "util/error.h"
#include "util/text.h"

/* Depth of nesting: jansson has a limit of its own beyond this. */
#define MAX_DEPTH 32

struct block_options {
    GPtrArray *pairs; /* struct option_pair * */
};

static void pair_free(gpointer data)
{
    struct option_pair *p = data;

    g_free(p->key);
    g_free(p->value);
    g_free(p);
}

struct block_options *block_options_new(void)
{
    struct block_options *o = g_new0(struct block_options, 1);

    o->pairs = g_ptr_array_new_with_free_func(pair_free);
    return o;
}

struct block_options *block_options_copy(const struct block_options *o)
{
    struct block_options *copy = block_options_new();

    if (o) {
        block_options_merge(copy, NULL, o);
    }
    return copy;
}

void block_options_free(struct block_options *o)
{
    if (o) {
        g_ptr_array_unref(o->pairs);
        g_free(o);
    }
}

static struct option_pair *pair_at(const struct block_options *o, unsigned i)
{
    return g_ptr_array_index(o->pairs, i);
}

unsigned block_options_count(const struct block_options *o)
{
    return o ? o->pairs->len : 0;
}

const char *block_options_key(const struct block_options *o, unsigned i)
{
    return pair_at(o, i)->key;
}

const char *block_options_value(const struct block_options *o, unsigned i)
{
    return pair_at(o, i)->value;
}

static struct option_pair *find(const struct block_options *o, const char *key)
{
    for (unsigned i = 0; i < block_options_count(o); i++) {
        if (strcmp(pair_at(o, i)->key, key) == 0) {
            return pair_at(o, i);
        }
    }
    return NULL;
}

const char *block_options_get(const struct block_options *o, const char *key)
{
    const struct option_pair *p = find(o, key);

    return p ? p->value : NULL;
}

void block_options_set(struct block_options *o, const char *key, const char *value)
{
    struct option_pair *p = find(o, key);
    char *copy;

    if (!p) {
        p = g_new0(struct option_pair, 1);
        p->key = g_strdup(key);
        g_ptr_array_add(o->pairs, p);
    }
    copy = g_strdup(value); /* the value may be the one that is there */
    g_free(p->value);
    p->value = copy;
}

void block_options_setf(struct block_options *o, const char *key, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    block_options_set(o, key, text);
}

void block_options_remove(struct block_options *o, const char *key)
{
    struct option_pair *p = find(o, key);

    if (p) {
        g_ptr_array_remove(o->pairs, p);
    }
}

void block_options_merge(struct block_options *o, const char *prefix,
                         const struct block_options *from)
{
    for (unsigned i = 0; i < block_options_count(from); i++) {
        g_autofree char *key =
            prefix ? g_strdup_printf("%s.%s", prefix, pair_at(from, i)->key) : NULL;

        block_options_set(o, key ? key : pair_at(from, i)->key, pair_at(from, i)->value);
    }
}

/* What follows "prefix." in the key; NULL: the key is not below it. */
static const char *below(const char *key, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(key, prefix, len) == 0 && key[len] == '.' ? key + len + 1 : NULL;
}

struct block_options *block_options_child(const struct block_options *o, const char *prefix)
{
    struct block_options *child = block_options_new();

    for (unsigned i = 0; i < block_options_count(o); i++) {
        const char *key = below(pair_at(o, i)->key, prefix);

        if (key) {
            block_options_set(child, key, pair_at(o, i)->value);
        }
    }
    return child;
}

bool block_options_has_child(const struct block_options *o, const char *prefix)
{
    for (unsigned i = 0; i < block_options_count(o); i++) {
        if (below(pair_at(o, i)->key, prefix)) {
            return true;
        }
    }
    return false;
}

/* Text ------------------------------------------------------------------------------------------ */

void block_options_parse(struct block_options *o, const char *text, const char *implied_key)
{
    g_autoptr(GPtrArray) pairs = parse_options(text, implied_key);

    for (unsigned i = 0; i < pairs->len; i++) {
        const struct option_pair *p = g_ptr_array_index(pairs, i);

        block_options_set(o, p->key, p->value);
    }
}

static bool flatten(struct block_options *o, const char *prefix, json_t *value, unsigned depth,
                    GError **error);

static bool flatten_members(struct block_options *o, const char *prefix, json_t *value,
                            unsigned depth, GError **error)
{
    const char *name;
    json_t *member;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            g_autofree char *key = g_strdup_printf("%s.%zu", prefix, i);

            if (!flatten(o, key, member, depth + 1, error)) {
                return false;
            }
        }
        return true;
    }
    json_object_foreach(value, name, member)
    {
        g_autofree char *key = *prefix ? g_strdup_printf("%s.%s", prefix, name) : g_strdup(name);

        if (!flatten(o, key, member, depth + 1, error)) {
            return false;
        }
    }
    return true;
}

static bool flatten(struct block_options *o, const char *prefix, json_t *value, unsigned depth,
                    GError **error)
{
    if (depth > MAX_DEPTH) {
        set_error(error, "JSON is nested more than %d deep", MAX_DEPTH);
        return false;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return flatten_members(o, prefix, value, depth, error);
    case JSON_STRING:
        block_options_set(o, prefix, json_string_value(value));
        return true;
    case JSON_INTEGER:
        block_options_setf(o, prefix, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    case JSON_REAL:
        block_options_setf(o, prefix, "%.17g", json_real_value(value));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        block_options_set(o, prefix, json_is_true(value) ? "on" : "off");
        return true;
    case JSON_NULL:
        block_options_set(o, prefix, "");
        return true;
    }
    return true;
}

bool block_options_parse_json(struct block_options *o, const char *text, GError **error)
{
    json_error_t where;
    json_t *root = json_loads(text, 0, &where);
    bool ok;

    if (!root) {
        set_error(error, "Could not parse the JSON options: %s near column %d", where.text,
                  where.column);
        return false;
    }
    if (!json_is_object(root)) {
        set_error(error, "the JSON options are not an object: {...}");
        json_decref(root);
        return false;
    }
    ok = flatten(o, "", root, 0, error);
    json_decref(root);
    return ok;
}

bool block_options_parse_any(struct block_options *o, const char *text, const char *implied_key,
                             GError **error)
{
    if (g_str_has_prefix(text, "json:")) {
        return block_options_parse_json(o, text + strlen("json:"), error);
    }
    if (text[0] == '{') {
        return block_options_parse_json(o, text, error);
    }
    block_options_parse(o, text, implied_key);
    return true;
}

/* The objects on the way to the last part of the key are made when missing. */
static void put(json_t *root, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", -1);
    json_t *at = root, *leaf;
    uint64_t number;
    unsigned i;

    for (i = 0; parts[i] && parts[i + 1]; i++) {
        json_t *next = json_object_get(at, parts[i]);

        if (!json_is_object(next)) {
            next = json_object();
            json_object_set_new(at, parts[i], next);
        }
        at = next;
    }
    if (!parts[i]) {
        return;
    }
    if (strcmp(value, "on") == 0 || strcmp(value, "off") == 0) {
        leaf = json_boolean(value[1] == 'n');
    } else if (g_ascii_isdigit(value[0]) && parse_uint(value, 0, G_MAXINT64, &number)) {
        leaf = json_integer((json_int_t)number);
    } else {
        leaf = json_string(value);
    }
    json_object_set_new(at, parts[i], leaf ? leaf : json_null());
}

char *block_options_to_json(const struct block_options *o)
{
    json_t *root = json_object();
    char *text, *copy;

    for (unsigned i = 0; i < block_options_count(o); i++) {
        put(root, pair_at(o, i)->key, pair_at(o, i)->value);
    }
    text = json_dumps(root, 0);
    copy = g_strdup(text);
    free(text);
    json_decref(root);
    return copy;
}

/* Rows ------------------------------------------------------------------------------------------ */

static const struct block_option_row *find_row(const struct block_option_row *rows, const char *key)
{
    for (; rows && rows->name; rows++) {
        if (strcmp(rows->name, key) == 0 ||
            ((rows->type == BLOCK_OPTION_NODE || rows->type == BLOCK_OPTION_TREE) &&
             below(key, rows->name))) {
            return rows;
        }
    }
    return NULL;
}

/* The index of the value among "a|b|c"; -1: none of them. */
static int choice_index(const char *choices, const char *value)
{
    g_auto(GStrv) words = g_strsplit(choices, "|", -1);

    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], value) == 0) {
            return i;
        }
    }
    return -1;
}

static bool row_number(const struct block_option_row *row, const char *value, uint64_t *out)
{
    return row->type == BLOCK_OPTION_SIZE ? parse_size(value, 1, out)
                                          : parse_uint(value, 0, UINT64_MAX, out);
}

static bool check_number(const struct block_option_row *row, const char *value, const char *what,
                         GError **error)
{
    uint64_t number;

    if (!row_number(row, value, &number)) {
        set_error(error, "%s: Parameter '%s' expects a %s, not '%s'", what, row->name,
                  row->type == BLOCK_OPTION_SIZE ? "size" : "number", value);
        return false;
    }
    if (number < row->min || (row->max && number > row->max)) {
        set_error(error, "%s: %s is '%s', must be %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                  what, row->name, value, row->min, row->max ? row->max : UINT64_MAX);
        return false;
    }
    return true;
}

static bool check_value(const struct block_option_row *row, const char *value, const char *what,
                        GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autofree char *text = NULL;
    bool yes;

    switch (row->type) {
    case BLOCK_OPTION_UINT:
    case BLOCK_OPTION_SIZE:
        return check_number(row, value, what, error);
    case BLOCK_OPTION_BOOL:
        if (!parse_bool(value, &yes)) {
            set_error(error, "%s: Parameter '%s' expects 'on' or 'off', not '%s'", what, row->name,
                      value);
            return false;
        }
        return true;
    case BLOCK_OPTION_CHOICE:
        if (choice_index(row->choices, value) < 0) {
            words = g_strsplit(row->choices, "|", -1);
            text = g_strjoinv(", ", words);
            set_error(error, "%s: %s is '%s', must be one of: %s", what, row->name, value, text);
            return false;
        }
        return true;
    default:
        return true;
    }
}

struct row_lists {
    const struct block_option_row *rows, *more;
};

static const char *row_name(void *opaque, unsigned i)
{
    const struct row_lists *lists = opaque;
    const struct block_option_row *const both[] = { lists->rows, lists->more };

    for (unsigned k = 0; k < G_N_ELEMENTS(both); k++) {
        for (const struct block_option_row *r = both[k]; r && r->name; r++) {
            if (i-- == 0) {
                return r->name;
            }
        }
    }
    return NULL;
}

bool block_options_check(const struct block_options *o, const struct block_option_row *rows,
                         const struct block_option_row *more, const char *what, GError **error)
{
    struct row_lists lists = { rows, more };

    for (unsigned i = 0; i < block_options_count(o); i++) {
        const struct option_pair *p = pair_at(o, i);
        const struct block_option_row *row = find_row(rows, p->key);
        g_autofree char *closest = NULL;

        row = row ? row : find_row(more, p->key);
        if (!row) {
            closest = closest_names(p->key, row_name, &lists);
            set_error(error, "%s does not support the option '%s'%s%s", what, p->key,
                      closest ? "; closest: " : "", closest ? closest : "");
            return false;
        }
        if (strcmp(row->name, p->key) == 0 && !check_value(row, p->value, what, error)) {
            return false;
        }
    }
    return true;
}

const char *block_option_string(const struct block_options *o, const struct block_option_row *rows,
                                const char *name)
{
    const char *given = block_options_get(o, name);
    const struct block_option_row *row = given ? NULL : find_row(rows, name);

    return given ? given : row ? row->value : NULL;
}

bool block_option_bool(const struct block_options *o, const struct block_option_row *rows,
                       const char *name)
{
    const char *text = block_option_string(o, rows, name);
    bool yes = false;

    return text && parse_bool(text, &yes) && yes;
}

uint64_t block_option_uint(const struct block_options *o, const struct block_option_row *rows,
                           const char *name)
{
    const struct block_option_row *row = find_row(rows, name);
    const char *text = block_option_string(o, rows, name);
    uint64_t number = 0;

    return row && text && row_number(row, text, &number) ? number : 0;
}

unsigned block_option_choice(const struct block_options *o, const struct block_option_row *rows,
                             const char *name)
{
    const struct block_option_row *row = find_row(rows, name);
    const char *text = block_option_string(o, rows, name);
    int i = row && text ? choice_index(row->choices, text) : 0;

    return i < 0 ? 0 : (unsigned)i;
}

void block_option_help(const struct block_option_row *rows, GString *out)
{
    static const char *const types[] = { "str", "bool (on/off)", "num", "size",
                                         "str", "node",          "tree" };

    for (; rows && rows->name; rows++) {
        g_autofree char *left = g_strdup_printf("  %s=<%s>", rows->name, types[rows->type]);

        g_string_append_printf(out, "%-24s - %s", left, rows->help ? rows->help : "");
        g_string_append_c(out, '\n');
    }
}
