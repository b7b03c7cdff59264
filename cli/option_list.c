/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/option_list.c: options and their parameters as query-command-line-options lists them, from the rows.
 * Thread: main loop.
 */
#include <jansson.h>
#include <string.h>
#include "cli/options.h"

/* Options that QEMU lists under another name, or not at all (NULL) though they take parameters. */
static const struct {
    const char *name, *listed;
} other_names[] = {
    { "m", "memory" },      { "M", NULL },          { "boot", "boot-opts" }, { "smp", "smp-opts" },
    { "qmp", NULL },        { "qmp-pretty", NULL }, { "monitor", NULL },     { "serial", NULL },
    { "fw_cfg", "fw_cfg" }, { "cpu", NULL },        { "display", NULL },     { "debugcon", NULL },
    { "accel", "accel" },
};

static const char *listed_name(const struct option_row *row)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(other_names); i++) {
        if (strcmp(other_names[i].name, row->name) == 0) {
            return other_names[i].listed;
        }
    }
    return row->name;
}

const struct option_row *options_find_group(const char *group)
{
    for (const struct option_row *row = option_rows; row->name; row++) {
        const char *name = row->arg ? listed_name(row) : NULL;

        if (name && strcmp(name, group) == 0) {
            return row;
        }
    }
    return NULL;
}

static bool is_listed(const json_t *list, const char *name)
{
    json_t *p;
    size_t i;

    json_array_foreach(list, i, p)
    {
        if (strcmp(json_string_value(json_object_get(p, "name")), name) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_name(char c)
{
    return g_ascii_isalnum(c) || strchr("_.-", c);
}

/* "[order=]DRIVES[,menu=on|off]": what stands before each '='. */
static json_t *parameters(const struct option_row *row)
{
    json_t *list = json_array();

    for (const char *p = row->arg; (p = strchr(p, '=')); p++) {
        const char *first = p;
        g_autofree char *name = NULL;
        bool flag = g_str_has_prefix(p, "=on|off");

        while (first > row->arg && is_name(first[-1])) {
            first--;
        }
        name = g_strndup(first, (gsize)(p - first));
        if (*name && g_ascii_islower(*name) && !is_listed(list, name)) {
            json_array_append_new(
                list, json_pack("{s:s, s:s}", "name", name, "type", flag ? "boolean" : "string"));
        }
    }
    return list;
}

static json_t *machine_parameters(void)
{
    json_t *list = json_array();
    const char *name;

    for (unsigned i = 0; (name = machine_option_name(i)); i++) {
        json_array_append_new(list, json_pack("{s:s, s:s}", "name", name, "type", "string"));
    }
    return list;
}

json_t *options_describe(const char *only)
{
    json_t *list = json_array();

    for (const struct option_row *row = option_rows; row->name; row++) {
        const char *name = row->run && row->arg ? listed_name(row) : NULL;
        json_t *params;

        if (!name || (only && strcmp(only, name) != 0)) {
            continue;
        }
        params = strcmp(name, "machine") == 0 ? machine_parameters() : parameters(row);
        if (json_array_size(params) > 0) {
            json_array_append_new(list,
                                  json_pack("{s:s, s:O}", "option", name, "parameters", params));
        }
        json_decref(params);
    }
    return list;
}
