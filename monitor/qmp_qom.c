/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_qom.c: qom-list, qom-get, qom-set, and the questions about types.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* Types ---------------------------------------------------------------------------------------- */

bool qmp_qom_list_types(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) types = qom_types();
    const char *implements = qmp_str(args, "implements", "object");
    bool abstract = qmp_bool(args, "abstract", false);

    (void)s;
    (void)error;
    *result = json_array();
    for (unsigned i = 0; i < types->len; i++) {
        const struct qom_type *t = g_ptr_array_index(types, i);

        if ((t->abstract && !abstract) || !qom_type_is(types, t, implements)) {
            continue;
        }
        json_array_append_new(*result,
                              json_pack("{s:s, s:o*, s:s*}", "name", t->name, "abstract",
                                        t->abstract ? json_true() : NULL, "parent", t->parent));
    }
    return true;
}

/* Types of QEMU's that clients ask for without a look whether they are there. */
static bool is_asked_for_anyway(const char *name)
{
    static const char *const names[] = { "memory-backend-file", "memory-backend-memfd",
                                         "memory-backend-ram", NULL };

    return g_strv_contains(names, name);
}

bool qmp_qom_list_properties(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) types = qom_types();
    const char *name = qmp_str(args, "typename", "");
    const struct qom_type *t = qom_type_find(types, name);

    (void)s;
    if (!t && !is_asked_for_anyway(name)) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Class '%s' not found", name);
        return false;
    }
    *result = t ? qom_type_properties(types, t, false) : json_array();
    return true;
}

bool qmp_device_list_properties(struct qmp_session *s, json_t *args, json_t **result,
                                GError **error)
{
    g_autoptr(GPtrArray) types = qom_types();
    const char *name = qmp_str(args, "typename", "");
    const struct qom_type *t = qom_type_find(types, name);

    (void)s;
    if (!t) {
        qmp_set_error(error, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", name);
        return false;
    }
    if (t->abstract || !qom_type_is(types, t, "device")) {
        set_error(error, "Parameter 'typename' expects a non-abstract device type");
        return false;
    }
    *result = qom_type_properties(types, t, true);
    return true;
}

/* Objects -------------------------------------------------------------------------------------- */

bool qmp_qom_list(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    struct qom_node n;

    if (!qom_resolve(qmp_machine(s), qmp_str(args, "path", ""), &n, error)) {
        return false;
    }
    list = qom_list_node(qmp_machine(s), &n);
    *result = json_array();
    for (unsigned i = 0; i < list->len; i++) {
        const struct qom_property *p = g_ptr_array_index(list, i);

        json_array_append_new(*result,
                              json_pack("{s:o, s:s}", "name", qmp_text(p->name), "type", p->type));
    }
    return true;
}

/* The property, and the name of the object's type for messages. */
static const struct qom_property *find_property(const GPtrArray *list, const char *name,
                                                GError **error)
{
    const struct qom_property *first = g_ptr_array_index(list, 0); /* "type" */

    for (unsigned i = 0; i < list->len; i++) {
        const struct qom_property *p = g_ptr_array_index(list, i);

        if (strcmp(p->name, name) == 0) {
            return p;
        }
    }
    set_error(error, "Property '%s.%s' not found", json_string_value(first->value), name);
    return NULL;
}

/* A child reads as its path. */
static json_t *child_path(const char *path, const char *name)
{
    g_autofree char *text =
        g_strdup_printf("%s%s%s", path, g_str_has_suffix(path, "/") ? "" : "/", name);

    return qmp_text(text);
}

bool qmp_qom_get(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    g_autoptr(GPtrArray) list = NULL;
    const char *path = qmp_str(args, "path", "");
    const struct qom_property *p;
    struct qom_node n;

    if (!qom_resolve(qmp_machine(s), path, &n, error)) {
        return false;
    }
    list = qom_list_node(qmp_machine(s), &n);
    p = find_property(list, qmp_str(args, "property", ""), error);
    if (p) {
        *result = p->child.list ? child_path(path, p->name) : json_incref(p->value);
    }
    return p != NULL;
}

/* What is there is realized, and its properties are what they are. */
bool qmp_qom_set(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    const char *path = qmp_str(args, "path", ""), *name = qmp_str(args, "property", "");
    g_autoptr(GPtrArray) list = NULL;
    struct qom_node n;

    (void)result;
    if (!qom_resolve(qmp_machine(s), path, &n, error)) {
        return false;
    }
    list = qom_list_node(qmp_machine(s), &n);
    if (find_property(list, name, error)) {
        set_error(error, "Property '%s' of '%s' cannot be changed any more", name, path);
    }
    return false;
}
