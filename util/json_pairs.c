/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/json_pairs.c: see json_pairs.h, also for the thread. */
#include "util/json_pairs.h"

#include <string.h>
#include "util/error.h"
#include "util/text.h"

static void add_pair(GPtrArray *opts, const char *key, const char *value)
{
    struct option_pair *p = g_new0(struct option_pair, 1);

    p->key = g_strdup(key);
    p->value = g_strdup(value);
    g_ptr_array_add(opts, p);
}

/* False: a null or a fraction. */
static bool flatten(GPtrArray *opts, const char *key, const json_t *v)
{
    const char *name;
    json_t *child;
    size_t i;

    if (json_is_object(v)) {
        json_object_foreach((json_t *)v, name, child)
        {
            bool wrapped = strcmp(name, "str") == 0 && key && json_object_size(v) == 1;
            g_autofree char *full = key && !wrapped ? g_strdup_printf("%s.%s", key, name)
                                                    : g_strdup(wrapped ? key : name);

            if (!flatten(opts, full, child)) {
                return false;
            }
        }
        return true;
    }
    if (json_is_array(v)) {
        json_array_foreach(v, i, child)
        {
            if (!flatten(opts, key, child)) {
                return false;
            }
        }
        return true;
    }
    if (json_is_string(v)) {
        add_pair(opts, key, json_string_value(v));
    } else if (json_is_boolean(v)) {
        add_pair(opts, key, json_is_true(v) ? "on" : "off");
    } else if (json_is_integer(v)) {
        g_autofree char *number = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));

        add_pair(opts, key, number);
    } else {
        return false;
    }
    return true;
}

GPtrArray *json_pairs(const json_t *object, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options("", NULL);

    if (!json_is_object(object) || !flatten(opts, NULL, object)) {
        set_error(error, "the JSON must be an object of texts, numbers and booleans");
        return NULL;
    }
    return g_steal_pointer(&opts);
}

GPtrArray *json_or_options(const char *text, const char *implied_key, GError **error)
{
    GPtrArray *opts;
    json_error_t why;
    json_t *root;

    if (text[0] != '{') {
        return parse_options(text, implied_key);
    }
    root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!root) {
        set_error(error, "the JSON ends at column %d: %s", why.column, why.text);
        return NULL;
    }
    opts = json_pairs(root, error);
    json_decref(root);
    return opts;
}
