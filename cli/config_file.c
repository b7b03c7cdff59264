/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/config_file.c: -readconfig: options from a file in QEMU's form; -set: one more property of an option that
 * was given.
 *
 * A section [GROUP "ID"] with lines KEY = "VALUE" is the option GROUP with ID and these properties; groups are
 * named as query-command-line-options names them.
 * Thread: the program's first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/options.h"
#include "util/error.h"
#include "util/text.h"

#define FILE_MAX (1u << 20)

/* One section while it is read. */
struct section {
    const struct option_row *row; /* NULL: none has begun */
    GString *arg;
    unsigned line; /* that began it */
};

/* What an option's text begins with. */
static bool is_kind(const char *key)
{
    static const char *const keys[] = { "driver", "qom-type", "backend", "type", NULL };

    return g_strv_contains(keys, key);
}

/* ",KEY=VALUE" with commas doubled; no comma before the first. */
static void append_pair(GString *to, const char *key, const char *value)
{
    g_string_append_printf(to, "%s%s=", to->len ? "," : "", key);
    for (; *value; value++) {
        g_string_append_c(to, *value);
        if (*value == ',') {
            g_string_append_c(to, ',');
        }
    }
}

static bool end_section(struct options *o, struct section *s, const char *path, GError **error)
{
    bool ok = !s->row || s->row->run(o, s->arg->str, error);

    if (!ok) {
        g_prefix_error(error, "%s:%u: ", path, s->line);
    }
    s->row = NULL;
    g_string_truncate(s->arg, 0);
    return ok;
}

static bool is_word(const char *text)
{
    return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789_.-")] == '\0';
}

/* "[GROUP]" or "[GROUP "ID"]". */
static bool begin_section(struct section *s, char *line, const char *path, unsigned number,
                          GError **error)
{
    char *end = line + strlen(line) - 1, *id = NULL, *group = line + 1;

    if (*end != ']') {
        set_error(error, "%s:%u: parse error: '%s' is no [GROUP] or [GROUP \"ID\"]", path, number,
                  line);
        return false;
    }
    *end = '\0';
    id = strchr(group, '"');
    if (id) {
        *id++ = '\0';
        end = strchr(id, '"');
        if (!end || end[1]) {
            set_error(error, "%s:%u: parse error: the id must be in quotes", path, number);
            return false;
        }
        *end = '\0';
    }
    g_strstrip(group);
    s->row = options_find_group(group);
    if (!s->row || !s->row->run) {
        set_error(error, "%s:%u: There is no option group '%s'%s%s", path, number, group,
                  s->row ? ": " : "", s->row ? s->row->help : "");
        return false;
    }
    s->line = number;
    if (id) {
        append_pair(s->arg, "id", id);
    }
    return true;
}

/* KEY = "VALUE" */
static bool add_property(struct section *s, char *line, const char *path, unsigned number,
                         GError **error)
{
    char *equals = strchr(line, '='), *value = equals ? equals + 1 : NULL, *end;

    if (!s->row) {
        set_error(error, "%s:%u: no group defined", path, number);
        return false;
    }
    if (equals) {
        *equals = '\0';
        g_strstrip(line);
        g_strstrip(value);
    }
    end = value && *value == '"' ? strchr(value + 1, '"') : NULL;
    if (!end || end[1] || !is_word(line)) {
        set_error(error, "%s:%u: parse error: a line must be KEY = \"VALUE\"", path, number);
        return false;
    }
    *end = '\0';
    if (is_kind(line)) {
        g_autofree char *rest = g_strdup(s->arg->str);

        g_string_truncate(s->arg, 0);
        append_pair(s->arg, line, value + 1);
        g_string_append_printf(s->arg, "%s%s", *rest ? "," : "", rest);
    } else {
        append_pair(s->arg, line, value + 1);
    }
    return true;
}

static bool read_lines(struct options *o, char **lines, const char *path, GError **error)
{
    struct section s = { .arg = g_string_new(NULL) };
    bool ok = true;

    for (unsigned i = 0; lines[i] && ok && !o->done; i++) {
        char *line = g_strstrip(lines[i]);

        if (*line == '\0' || *line == '#') {
            continue;
        }
        ok = *line == '['
                 ? end_section(o, &s, path, error) && begin_section(&s, line, path, i + 1, error)
                 : add_property(&s, line, path, i + 1, error);
    }
    ok = ok && end_section(o, &s, path, error);
    g_string_free(s.arg, TRUE);
    return ok;
}

bool option_readconfig(struct options *o, const char *arg, GError **error)
{
    g_autofree char *text = g_malloc(FILE_MAX + 1);
    g_auto(GStrv) lines = NULL;
    FILE *f = fopen(arg, "re");
    size_t n;

    if (!f) {
        set_errno_error(error, "-readconfig: Could not open '%s'", arg);
        return false;
    }
    errno = 0;
    n = fread(text, 1, FILE_MAX + 1, f);
    if (ferror(f)) {
        set_errno_error(error, "-readconfig: cannot read '%s'", arg);
    } else if (n > FILE_MAX) {
        set_error(error, "-readconfig: '%s' has more than 1 MiB", arg);
    }
    if (fclose(f) != 0 || errno || n > FILE_MAX) {
        return false;
    }
    text[n] = '\0';
    lines = g_strsplit(text, "\n", -1);
    return read_lines(o, lines, arg, error);
}

/* -set ------------------------------------------------------------------------------------------ */

/* The options that have an id, and whose texts are kept. */
static GPtrArray *texts_of(struct options *o, const char *group, const char **first_key)
{
    const struct {
        const char *group, *first_key;
        GPtrArray *texts;
    } rows[] = {
        { "device", "driver", o->devices },    { "drive", NULL, o->drives },
        { "chardev", "backend", o->chardevs }, { "netdev", "type", o->netdevs },
        { "object", "qom-type", o->objects },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].group, group) == 0) {
            *first_key = rows[i].first_key;
            return rows[i].texts;
        }
    }
    return NULL;
}

/* "GROUP.ID.ARG=VALUE"; the last dot before the '=' ends the id. */
bool option_set(struct options *o, const char *arg, GError **error)
{
    const char *equals = strchr(arg, '='), *first_key = NULL;
    g_autofree char *name = g_strndup(arg, equals ? (size_t)(equals - arg) : 0);
    char *id = strchr(name, '.'), *key = strrchr(name, '.');
    GPtrArray *texts;

    if (!equals || !id || id == name || key <= id + 1 || !key[1]) {
        set_error(error, "-set: can't parse: \"%s\", must be GROUP.ID.ARG=VALUE", arg);
        return false;
    }
    *id++ = *key++ = '\0';
    texts = texts_of(o, name, &first_key);
    if (!texts) {
        set_error(
            error,
            "-set: There is no option group '%s' whose options have an id; there are: device, "
            "drive, chardev, netdev, object",
            name);
        return false;
    }
    for (unsigned i = 0; i < texts->len; i++) {
        const char *text = g_ptr_array_index(texts, i);
        g_autoptr(GPtrArray) opts = parse_options(text, first_key);
        const char *own = *text == '{' ? NULL : options_get(opts, "id");

        if (own && strcmp(own, id) == 0) {
            GString *more = g_string_new(text);

            append_pair(more, key, equals + 1);
            g_free(g_ptr_array_index(texts, i));
            g_ptr_array_index(texts, i) = g_string_free(more, FALSE);
            return true;
        }
    }
    set_error(error, "-set: there is no %s \"%s\" defined (before -set)", name, id);
    return false;
}
