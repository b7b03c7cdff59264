/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_check.c: reads the texts of members and types, and holds JSON against them.
 *
 * The texts are read where they are needed and not kept: there are few, and they are short.
 * Thread: main loop.
 */
#include <string.h>
#include "monitor/qmp_command.h"
#include "util/error.h"

/* Texts --------------------------------------------------------------------------------------- */

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " ,");
}

/* Copies up to one of `ends`. */
static const char *take(const char *p, const char *ends, char to[QMP_NAME_MAX])
{
    size_t n = strcspn(p, ends);

    g_assert(n < QMP_NAME_MAX);
    memcpy(to, p, n);
    to[n] = '\0';
    return p + n;
}

bool qmp_member_next(const char **text, struct qmp_member *member)
{
    const char *p = skip_blanks(*text);

    if (!*p) {
        return false;
    }
    p = take(p, "?:", member->name);
    member->optional = *p == '?';
    p += member->optional;
    g_assert(*p == ':');
    p = take(p + 1 + strspn(p + 1, " "), " ,", member->type);
    p += *p == ' ';
    *text = take(p, ",", member->feature);
    return true;
}

bool qmp_word_next(const char **text, char separator, char word[QMP_NAME_MAX])
{
    char ends[] = { separator, '\0' };

    if (!**text) {
        return false;
    }
    *text = take(*text, ends, word);
    *text += **text == separator;
    return true;
}

bool qmp_variant_next(const char **text, char value[QMP_NAME_MAX], char type[QMP_NAME_MAX])
{
    const char *p = skip_blanks(*text);

    if (!*p) {
        return false;
    }
    p = take(p, "=", value);
    *text = take(p + 1, ", ", type);
    return true;
}

/* Types --------------------------------------------------------------------------------------- */

static const struct builtin {
    const char *name, *shown;
    const char *expected; /* in errors */
    bool negative;
    json_int_t max; /* of those that are not negative */
} builtins[] = {
    /* clang-format off */
    { "str",    "str",    "string",  false, 0 },
    { "bool",   "bool",   "boolean", false, 0 },
    { "int",    "int",    "integer", true,  INT64_MAX },
    { "u8",     "int",    "integer", false, UINT8_MAX },
    { "u16",    "int",    "integer", false, UINT16_MAX },
    { "u32",    "int",    "integer", false, UINT32_MAX },
    { "u64",    "int",    "integer", false, INT64_MAX },
    { "number", "number", "number",  false, 0 },
    { "any",    "any",    "any",     false, 0 },
    { "null",   "null",   "null",    false, 0 },
    /* clang-format on */
};

static const struct builtin *builtin_find(const char *type)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(builtins); i++) {
        if (strcmp(builtins[i].name, type) == 0) {
            return &builtins[i];
        }
    }
    return NULL;
}

const char *qmp_builtin_name(const char *type)
{
    const struct builtin *b = builtin_find(type);

    return b ? b->shown : NULL;
}

const struct qmp_type *qmp_type_find(const char *name)
{
    for (const struct qmp_type *t = qmp_types; t->name; t++) {
        if (strcmp(t->name, name) == 0) {
            return t;
        }
    }
    return NULL;
}

/* Checking ------------------------------------------------------------------------------------ */

static bool check_value(const char *type, json_t *value, const char *path, GError **error);
static bool check_struct(const struct qmp_type *t, json_t *value, const char *path, GError **error);

static bool builtin_takes(const struct builtin *b, const json_t *value)
{
    if (strcmp(b->shown, "int") == 0) {
        return json_is_integer(value) && (b->negative || (json_integer_value(value) >= 0 &&
                                                          json_integer_value(value) <= b->max));
    }
    switch (json_typeof(value)) {
    case JSON_STRING:
        return strcmp(b->name, "str") == 0 || strcmp(b->name, "any") == 0;
    case JSON_TRUE:
    case JSON_FALSE:
        return strcmp(b->name, "bool") == 0 || strcmp(b->name, "any") == 0;
    case JSON_INTEGER:
    case JSON_REAL:
        return strcmp(b->name, "number") == 0 || strcmp(b->name, "any") == 0;
    case JSON_NULL:
        return strcmp(b->name, "null") == 0 || strcmp(b->name, "any") == 0;
    default:
        return strcmp(b->name, "any") == 0;
    }
}

static bool wrong_type(const char *path, const char *expected, GError **error)
{
    set_error(error, "Invalid parameter type for '%s', expected: %s", path, expected);
    return false;
}

static bool check_list(const char *type, json_t *value, const char *path, GError **error)
{
    g_autofree char *element = g_strndup(type + 1, strlen(type) - 2);
    json_t *item;
    size_t i;

    if (!json_is_array(value)) {
        return wrong_type(path, "array", error);
    }
    json_array_foreach(value, i, item)
    {
        g_autofree char *at = g_strdup_printf("%s[%zu]", path, i);

        if (!check_value(element, item, at, error)) {
            return false;
        }
    }
    return true;
}

static bool check_enum(const struct qmp_type *t, json_t *value, const char *path, GError **error)
{
    const char *text = t->members, *name = strrchr(path, '.');
    char word[QMP_NAME_MAX];

    if (!json_is_string(value)) {
        return wrong_type(path, "string", error);
    }
    while (qmp_word_next(&text, '|', word)) {
        if (strcmp(word, json_string_value(value)) == 0) {
            return true;
        }
    }
    set_error(error, "Parameter '%s' does not accept value '%s'", name ? name + 1 : path,
              json_string_value(value));
    return false;
}

/* What JSON's kind of the value says is the type, among those of an alternate. */
static bool kind_matches(const char *type, const json_t *value)
{
    const struct builtin *b = builtin_find(type);
    const struct qmp_type *t = b ? NULL : qmp_type_find(type);

    if (b) {
        return builtin_takes(b, value);
    }
    if (type[0] == '[') {
        return json_is_array(value);
    }
    return t->kind == QMP_ENUM ? json_is_string(value) : json_is_object(value);
}

static bool check_alternate(const struct qmp_type *t, json_t *value, const char *path,
                            GError **error)
{
    const char *text = t->members;
    char type[QMP_NAME_MAX];

    while (qmp_word_next(&text, '|', type)) {
        if (kind_matches(type, value)) {
            return check_value(type, value, path, error);
        }
    }
    return wrong_type(path, t->name, error);
}

static bool check_value(const char *type, json_t *value, const char *path, GError **error)
{
    const struct builtin *b = builtin_find(type);
    const struct qmp_type *t;

    if (b) {
        return builtin_takes(b, value) || wrong_type(path, b->expected, error);
    }
    if (type[0] == '[') {
        return check_list(type, value, path, error);
    }
    t = qmp_type_find(type);
    if (t->kind == QMP_ENUM) {
        return check_enum(t, value, path, error);
    }
    if (t->kind == QMP_ALTERNATE) {
        return check_alternate(t, value, path, error);
    }
    return check_struct(t, value, path, error);
}

/* The value's members against the text's; `known` collects their names. */
static bool check_members(const char *text, json_t *value, const char *path, GHashTable *known,
                          GError **error)
{
    struct qmp_member m;

    while (qmp_member_next(&text, &m)) {
        g_autofree char *at = g_strconcat(path, *path ? "." : "", m.name, NULL);
        json_t *member = json_object_get(value, m.name);

        g_hash_table_add(known, g_strdup(m.name));
        if (!member && !m.optional) {
            set_error(error, "Parameter '%s' is missing", at);
            return false;
        }
        if (member && !check_value(m.type, member, at, error)) {
            return false;
        }
    }
    return true;
}

static bool check_variant(const struct qmp_type *t, json_t *value, const char *path,
                          GHashTable *known, GError **error)
{
    const char *text = t->variants ? t->variants : "";
    const char *tag = t->tag ? json_string_value(json_object_get(value, t->tag)) : NULL;
    char name[QMP_NAME_MAX], type[QMP_NAME_MAX];

    while (tag && qmp_variant_next(&text, name, type)) {
        const struct qmp_type *variant;

        if (strcmp(name, tag) != 0) {
            continue;
        }
        variant = qmp_type_find(type);
        return check_members(variant->members, value, path, known, error) &&
               check_variant(variant, value, path, known, error);
    }
    return true;
}

static bool check_unexpected(json_t *value, const char *path, GHashTable *known, GError **error)
{
    const char *key;
    json_t *member;

    json_object_foreach(value, key, member)
    {
        if (!g_hash_table_contains(known, key)) {
            set_error(error, "Parameter '%s%s%s' is unexpected", path, *path ? "." : "", key);
            return false;
        }
    }
    return true;
}

static GHashTable *names_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static bool check_struct(const struct qmp_type *t, json_t *value, const char *path, GError **error)
{
    g_autoptr(GHashTable) known = names_new();

    if (!json_is_object(value)) {
        return wrong_type(path, "object", error);
    }
    return check_members(t->members, value, path, known, error) &&
           check_variant(t, value, path, known, error) &&
           check_unexpected(value, path, known, error);
}

bool qmp_check_arguments(const struct qmp_command *c, json_t *args, GError **error)
{
    g_autoptr(GHashTable) known = names_new();

    if (*c->args && !strchr(c->args, ':')) {
        return check_struct(qmp_type_find(c->args), args, "", error);
    }
    return check_members(c->args, args, "", known, error) &&
           ((c->flags & QMP_OPEN) || check_unexpected(args, "", known, error));
}

/* What handlers read -------------------------------------------------------------------------- */

const char *qmp_str(const json_t *args, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(args, name));

    return text ? text : otherwise;
}

bool qmp_bool(const json_t *args, const char *name, bool otherwise)
{
    json_t *value = json_object_get(args, name);

    return value ? json_is_true(value) : otherwise;
}

int64_t qmp_int(const json_t *args, const char *name, int64_t otherwise)
{
    json_t *value = json_object_get(args, name);

    return value ? json_integer_value(value) : otherwise;
}
