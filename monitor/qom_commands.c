/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qom_commands.c: the tree of objects for people: qom-list, qom-get, qom-set, `info qom-tree`.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "monitor/command.h"
#include "monitor/qmp_command.h"
#include "monitor/qom.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define MAX_DEPTH 32u

static char **split(const char *args, int wanted, const char *usage, GError **error)
{
    char **words = NULL;
    int n = 0;

    if (!g_shell_parse_argv(*args ? args : "''", &n, &words, error)) {
        return NULL;
    }
    if (n != wanted) {
        set_error(error, "give it: %s", usage);
        g_clear_pointer(&words, g_strfreev);
    }
    return words;
}

/* PATH: "name (type)" of each property; nothing: where paths begin. */
bool command_qom_list(struct machine *m, const char *args, GString *out, GError **error)
{
    json_t *o, *list = NULL, *p;
    bool ok;
    size_t i;

    if (!*args) {
        g_string_append(out, "/\n");
        return true;
    }
    o = json_pack("{s:o}", "path", qmp_text(args));
    ok = qmp_call(m, qmp_qom_list, o, &list, error);
    json_array_foreach(list, i, p)
    {
        g_string_append_printf(out, "%s (%s)\n", json_string_value(json_object_get(p, "name")),
                               json_string_value(json_object_get(p, "type")));
    }
    json_decref(list);
    json_decref(o);
    return ok;
}

bool command_qom_get(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = split(args, 2, "path property", error);
    json_t *o, *value = NULL;
    bool ok;

    if (!words) {
        return false;
    }
    o = json_pack("{s:o, s:o}", "path", qmp_text(words[0]), "property", qmp_text(words[1]));
    ok = qmp_call(m, qmp_qom_get, o, &value, error);
    if (value) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_INDENT(4) | JSON_PRESERVE_ORDER);

        g_string_append_printf(out, "%s\n", text);
        free(text);
    }
    json_decref(value);
    json_decref(o);
    return ok;
}

/* [-j] PATH PROPERTY VALUE: a text, or JSON after -j. */
bool command_qom_set(struct machine *m, const char *args, GString *out, GError **error)
{
    bool is_json = g_str_has_prefix(args, "-j ");
    g_auto(GStrv) words = split(args + (is_json ? 3 : 0), 3, "[-j] path property value", error);
    json_t *o, *value;
    json_error_t problem;
    bool ok;

    (void)out;
    if (!words) {
        return false;
    }
    value = is_json ? json_loads(words[2], JSON_DECODE_ANY, &problem) : qmp_text(words[2]);
    if (!value) {
        set_error(error, "'%s' is not JSON: %s", words[2], problem.text);
        return false;
    }
    o = json_pack("{s:o, s:o, s:o}", "path", qmp_text(words[0]), "property", qmp_text(words[1]),
                  "value", value);
    ok = qmp_call(m, qmp_qom_set, o, NULL, error);
    json_decref(o);
    return ok;
}

/* info qom-tree ------------------------------------------------------------------------------- */

static gint by_name(gconstpointer a, gconstpointer b)
{
    const struct qom_property *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static void print_node(struct machine *m, const char *name, const struct qom_node *n,
                       unsigned depth, GString *out)
{
    g_autoptr(GPtrArray) list = qom_list_node(m, n);
    const struct qom_property *type = g_ptr_array_index(list, 0);

    g_string_append_printf(out, "%*s/%s (%s)\n", (int)depth * 2, "", name,
                           json_string_value(type->value));
    g_ptr_array_sort(list, by_name);
    for (unsigned i = 0; depth < MAX_DEPTH && i < list->len; i++) {
        const struct qom_property *p = g_ptr_array_index(list, i);

        if (p->child.list) {
            print_node(m, p->name, &p->child, depth + 1, out);
        }
    }
}

/* [PATH]: of /machine without. */
bool command_info_qom_tree(struct machine *m, const char *args, GString *out, GError **error)
{
    const char *path = *args ? args : "/machine";
    struct qom_node n;

    if (!qom_resolve(m, path, &n, error)) {
        return false;
    }
    print_node(m, path + (*path == '/'), &n, 0, out);
    return true;
}
