/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_schema.c: query-qmp-schema and query-commands, from the rows of commands, events and types.
 *
 * Types have numbers instead of names, as QEMU's have, so that clients do not depend on names.  Only what a
 * command or event leads to is there.
 * Thread: main loop.
 */
#include <string.h>
#include "monitor/qmp_command.h"
#include "softmmu/event.h"

/* What is described so far: keys are names of types and texts of members, whose place is their number. */
struct schema {
    json_t *entities;
    GPtrArray *keys;
    GHashTable *named; /* built-in types and lists */
};

static const char no_members[] = "";

/* The name of a type, or of the members that a text lists. */
static json_t *type_number(struct schema *s, const char *key)
{
    g_autofree char *number = NULL;
    unsigned i;

    for (i = 0; i < s->keys->len; i++) {
        if (strcmp(g_ptr_array_index(s->keys, i), key) == 0) {
            break;
        }
    }
    if (i == s->keys->len) {
        g_ptr_array_add(s->keys, g_strdup(key));
    }
    number = g_strdup_printf("%u", i);
    return json_string(number);
}

/* True the first time that it is asked for the name of a built-in type or a list. */
static bool is_new(struct schema *s, const char *name)
{
    return g_hash_table_add(s->named, g_strdup(name));
}

static const char *json_kind(const char *builtin)
{
    static const struct {
        const char *name, *kind;
    } rows[] = {
        { "str", "string" },    { "bool", "boolean" }, { "int", "int" },
        { "number", "number" }, { "any", "value" },    { "null", "null" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].name, builtin) == 0) {
            return rows[i].kind;
        }
    }
    return "value";
}

/* How other entities name a type: "str", "12", "[12]". */
static json_t *type_name(struct schema *s, const char *type)
{
    const char *builtin = qmp_builtin_name(type);
    g_autofree char *element = NULL, *name = NULL;
    json_t *inner;

    if (builtin) {
        if (is_new(s, builtin)) {
            json_array_append_new(s->entities,
                                  json_pack("{s:s, s:s, s:s}", "name", builtin, "meta-type",
                                            "builtin", "json-type", json_kind(builtin)));
        }
        return json_string(builtin);
    }
    if (type[0] != '[') {
        return type_number(s, type);
    }
    element = g_strndup(type + 1, strlen(type) - 2);
    inner = type_name(s, element);
    name = g_strdup_printf("[%s]", json_string_value(inner));
    if (is_new(s, name)) {
        json_array_append_new(s->entities, json_pack("{s:s, s:s, s:O}", "name", name, "meta-type",
                                                     "array", "element-type", inner));
    }
    json_decref(inner);
    return json_string(name);
}

static json_t *words(const char *text, char separator)
{
    json_t *list = json_array();
    char word[QMP_NAME_MAX];

    while (qmp_word_next(&text, separator, word)) {
        json_array_append_new(list, json_string(word));
    }
    return list;
}

static json_t *describe_members(struct schema *s, const char *text)
{
    json_t *list = json_array();
    struct qmp_member m;

    while (qmp_member_next(&text, &m)) {
        json_t *member = json_pack("{s:s, s:o}", "name", m.name, "type", type_name(s, m.type));

        if (m.optional) {
            json_object_set_new(member, "default", json_null());
        }
        if (*m.feature) {
            json_object_set_new(member, "features", words(m.feature, ' '));
        }
        json_array_append_new(list, member);
    }
    return list;
}

/* The type of a union's tag: its values that have no variant of their own have the empty one. */
static const struct qmp_type *tag_type(const struct qmp_type *t)
{
    const char *text = t->members;
    struct qmp_member m;

    while (qmp_member_next(&text, &m)) {
        if (strcmp(m.name, t->tag) == 0) {
            return qmp_type_find(m.type);
        }
    }
    return NULL;
}

static bool find_variant(const struct qmp_type *t, const char *value, char type[QMP_NAME_MAX])
{
    const char *text = t->variants;
    char name[QMP_NAME_MAX];

    while (qmp_variant_next(&text, name, type)) {
        if (strcmp(name, value) == 0) {
            return true;
        }
    }
    return false;
}

static json_t *describe_variants(struct schema *s, const struct qmp_type *t)
{
    const char *values = tag_type(t)->members;
    json_t *list = json_array();
    char value[QMP_NAME_MAX], type[QMP_NAME_MAX];

    while (qmp_word_next(&values, '|', value)) {
        bool own = find_variant(t, value, type);

        json_array_append_new(list, json_pack("{s:s, s:o}", "case", value, "type",
                                              type_number(s, own ? type : no_members)));
    }
    return list;
}

static json_t *describe_enum(const struct qmp_type *t)
{
    json_t *values = words(t->members, '|'), *members = json_array(), *value;
    size_t i;

    json_array_foreach(values, i, value)
    {
        json_array_append_new(members, json_pack("{s:O}", "name", value));
    }
    return json_pack("{s:s, s:o, s:o}", "meta-type", "enum", "members", members, "values", values);
}

static json_t *describe_alternate(struct schema *s, const struct qmp_type *t)
{
    json_t *members = json_array();
    const char *text = t->members;
    char type[QMP_NAME_MAX];

    while (qmp_word_next(&text, '|', type)) {
        json_array_append_new(members, json_pack("{s:o}", "type", type_name(s, type)));
    }
    return json_pack("{s:s, s:o}", "meta-type", "alternate", "members", members);
}

static json_t *describe_type(struct schema *s, const char *key)
{
    const struct qmp_type *t = qmp_type_find(key);
    json_t *entity;

    if (t && t->kind == QMP_ENUM) {
        entity = describe_enum(t);
    } else if (t && t->kind == QMP_ALTERNATE) {
        entity = describe_alternate(s, t);
    } else {
        entity = json_pack("{s:s, s:o}", "meta-type", "object", "members",
                           describe_members(s, t ? t->members : key));
    }
    if (t && t->tag) {
        json_object_set_new(entity, "tag", json_string(t->tag));
        json_object_set_new(entity, "variants", describe_variants(s, t));
    }
    if (t && t->features) {
        json_object_set_new(entity, "features", words(t->features, ' '));
    }
    return entity;
}

static void describe_command(struct schema *s, const struct qmp_command *c)
{
    json_t *entity = json_pack("{s:s, s:s, s:o, s:o}", "name", c->name, "meta-type", "command",
                               "arg-type", type_number(s, c->args), "ret-type",
                               *c->result ? type_name(s, c->result) : type_number(s, no_members));

    if (c->flags & QMP_OOB) {
        json_object_set_new(entity, "allow-oob", json_true());
    }
    if (c->features) {
        json_object_set_new(entity, "features", words(c->features, ' '));
    }
    json_array_append_new(s->entities, entity);
}

bool qmp_query_qmp_schema(struct qmp_session *session, json_t *args, json_t **result,
                          GError **error)
{
    struct schema s = { json_array(), g_ptr_array_new_with_free_func(g_free),
                        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };

    (void)session;
    (void)args;
    (void)error;
    json_decref(type_number(&s, no_members)); /* "0", as in QEMU's */
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        describe_command(&s, c);
    }
    for (unsigned i = 0; i < EVENT_COUNT; i++) {
        json_array_append_new(s.entities, json_pack("{s:s, s:s, s:o}", "name", event_rows[i].name,
                                                    "meta-type", "event", "arg-type",
                                                    type_number(&s, event_rows[i].members)));
    }
    for (unsigned i = 0; i < s.keys->len; i++) { /* it grows meanwhile */
        json_t *entity = describe_type(&s, g_ptr_array_index(s.keys, i));
        g_autofree char *name = g_strdup_printf("%u", i);

        json_object_set_new(entity, "name", json_string(name));
        json_array_append_new(s.entities, entity);
    }
    g_ptr_array_unref(s.keys);
    g_hash_table_unref(s.named);
    *result = s.entities;
    return true;
}

bool qmp_query_commands(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    (void)s;
    (void)args;
    (void)error;
    *result = json_array();
    for (const struct qmp_command *c = qmp_commands; c->name; c++) {
        json_array_append_new(*result, json_pack("{s:s}", "name", c->name));
    }
    return true;
}
