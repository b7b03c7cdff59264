/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tools/tool.c: options from rows, help from the same rows, messages, sizes.  Thread: the main one. */
#include "tools/tool.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"
#include "util/version.h"

/* Long options without a letter get a number of their row. */
#define FIRST_LONG 256

void tool_start(char **argv)
{
    const char *slash = strrchr(argv[0], '/');

    if (slash) {
        argv[0] = (char *)slash + 1;
    }
    g_set_prgname(argv[0]);
}

void tool_print_version(void)
{
    printf("%s version %s\n", g_get_prgname(), RHEA_VERSION);
}

int tool_usage_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    report_error("%s", text);
    fprintf(stderr, "Try '%s --help' for more information\n", g_get_prgname());
    return 1;
}

int tool_error(GError **error, const char *prefix_fmt, ...)
{
    g_autofree char *prefix = NULL;
    va_list ap;

    if (prefix_fmt) {
        va_start(ap, prefix_fmt);
        prefix = g_strdup_vprintf(prefix_fmt, ap);
        va_end(ap);
    }
    report_error("%s%s%s", prefix ? prefix : "", prefix ? ": " : "", (*error)->message);
    g_clear_error(error);
    return 1;
}

/* Options --------------------------------------------------------------------------------------- */

static unsigned count_rows(const struct tool_option *rows)
{
    unsigned n = 0;

    while (rows[n].name || rows[n].letter) {
        n++;
    }
    return n;
}

/* getopt's two tables for the rows. */
static struct option *make_tables(const struct tool_option *rows, GString *letters)
{
    unsigned n = count_rows(rows), used = 0;
    struct option *table = g_new0(struct option, n + 1);

    for (unsigned i = 0; i < n; i++) {
        const struct tool_option *r = &rows[i];

        if (r->name) {
            table[used++] = (struct option){ r->name, r->arg ? required_argument : no_argument,
                                             NULL, r->letter ? r->letter : FIRST_LONG + (int)i };
        }
        if (r->letter) {
            g_string_append_printf(letters, "%c%s", r->letter, r->arg ? ":" : "");
        }
    }
    return table;
}

static const struct tool_option *find_row(const struct tool_option *rows, int c)
{
    if (c >= FIRST_LONG) {
        return &rows[c - FIRST_LONG];
    }
    for (unsigned i = 0; rows[i].name || rows[i].letter; i++) {
        if (rows[i].letter == c) {
            return &rows[i];
        }
    }
    return NULL;
}

void tool_report_lines(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (unsigned i = 0; lines[i]; i++) {
        report_error("%s", lines[i]);
    }
}

static bool bad_number(const struct tool_option *r, const char *value)
{
    g_autofree char *name =
        r->name ? g_strdup_printf("--%s", r->name) : g_strdup_printf("-%c", r->letter);

    if (r->invalid) {
        g_autofree char *text = NULL;

        /* A row's own text: a constant with one %s at most. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text = g_strdup_printf(r->invalid, value);
#pragma GCC diagnostic pop
        tool_report_lines(text);
    } else if (r->max) {
        report_error("Invalid value '%s' for %s: must be between %" G_GUINT64_FORMAT
                     " and %" G_GUINT64_FORMAT,
                     value, name, r->min, r->max);
    } else {
        report_error("Invalid value '%s' for %s", value, name);
    }
    return false;
}

static bool store(const struct tool_option *r, const char *value, char *args)
{
    void *field = args + r->offset;
    uint64_t max = r->max ? r->max : UINT64_MAX;
    uint64_t number = 0;

    switch (r->kind) {
    case TOOL_FLAG:
        *(bool *)field = true;
        return true;
    case TOOL_STRING:
        *(const char **)field = value;
        return true;
    case TOOL_SIZE:
    case TOOL_UINT:
        if (r->kind == TOOL_SIZE ? !parse_size(value, 1, &number)
                                 : !parse_uint(value, 0, UINT64_MAX, &number)) {
            return bad_number(r, value);
        }
        if (number < r->min || number > max) {
            return bad_number(r, value);
        }
        *(uint64_t *)field = number;
        return true;
    case TOOL_LIST:
    case TOOL_ACTION:
        if (!*(GPtrArray **)field) {
            *(GPtrArray **)field = g_ptr_array_new();
        }
        if (r->kind == TOOL_LIST) {
            g_ptr_array_add(*(GPtrArray **)field, (char *)value);
        } else {
            struct tool_action *a = g_new0(struct tool_action, 1);

            *a = (struct tool_action){ r, value };
            g_ptr_array_add(*(GPtrArray **)field, a);
        }
        return true;
    }
    return false;
}

/* -1: an option that is none, after getopt's message, or a value that is none; -2: --help. */
static int parse(const struct tool_option *rows, int argc, char **argv, void *args, bool *unknown)
{
    g_autoptr(GString) letters = g_string_new("");
    g_autofree struct option *table = make_tables(rows, letters);
    int c;

    optind = 0;
    while ((c = getopt_long(argc, argv, letters->str, table, NULL)) != -1) {
        const struct tool_option *r = c == '?' ? NULL : find_row(rows, c);

        *unknown = !r;
        if (!r) {
            return -1;
        }
        if (r->offset == SIZE_MAX) {
            return -2;
        }
        if (!store(r, optarg, args)) {
            return -1;
        }
    }
    return optind;
}

int tool_parse(const struct tool_command *command, int argc, char **argv, void *args)
{
    g_autoptr(GString) out = g_string_new("");
    bool unknown = false;
    char *name = argv[0];
    int at;

    argv[0] = (char *)g_get_prgname(); /* getopt's messages begin with it */
    at = parse(command->options, argc, argv, args, &unknown);
    argv[0] = name;
    if (unknown) {
        fprintf(stderr, "Try '%s --help' for more information\n", g_get_prgname());
    } else if (at == -2) {
        tool_print_help(command, out);
        fputs(out->str, stdout);
    }
    return at;
}

int tool_parse_letters(const struct tool_option *rows, int argc, char **argv, void *args)
{
    static const struct tool_option none[] = { TOOL_ROW_END };
    bool unknown = false;

    return parse(rows ? rows : none, argc, argv, args, &unknown);
}

/* Help ------------------------------------------------------------------------------------------ */

void tool_print_usage(const struct tool_command *command, GString *out)
{
    g_string_append(out, command->name);
    for (unsigned i = 0; command->options[i].name || command->options[i].letter; i++) {
        const struct tool_option *r = &command->options[i];

        if (r->offset == SIZE_MAX) {
            continue;
        }
        if (r->letter) {
            g_string_append_printf(out, " [-%c", r->letter);
        } else {
            g_string_append_printf(out, " [--%s", r->name);
        }
        if (r->arg) {
            g_string_append_printf(out, "%s%s", r->letter ? " " : "=", r->arg);
        }
        g_string_append_c(out, ']');
    }
    if (command->operands) {
        g_string_append_printf(out, " %s", command->operands);
    }
}

#define HELP_COLUMN 30

static void print_row(const struct tool_option *r, GString *out)
{
    g_autoptr(GString) left = g_string_new("  ");

    if (r->letter) {
        g_string_append_printf(left, "-%c", r->letter);
    }
    if (r->name) {
        g_string_append_printf(left, "%s--%s", r->letter ? ", " : "    ", r->name);
    }
    if (r->arg) {
        g_string_append_printf(left, "%s%s", r->name ? "=" : " ", r->arg);
    }
    g_string_append_printf(out, "%-*s%s%s\n", HELP_COLUMN, left->str,
                           left->len >= HELP_COLUMN ? "\n                              " : "",
                           r->help);
}

void tool_print_help(const struct tool_command *command, GString *out)
{
    bool is_program = strcmp(command->name, g_get_prgname()) == 0;

    g_string_append_printf(out, "Usage: %s%s", is_program ? "" : g_get_prgname(),
                           is_program ? "" : " ");
    g_string_append_printf(out, "%s [OPTION]...%s%s\n%s\n\n", command->name,
                           command->operands ? " " : "", command->operands ? command->operands : "",
                           command->summary);
    for (unsigned i = 0; command->options[i].name || command->options[i].letter; i++) {
        print_row(&command->options[i], out);
    }
    if (command->details) {
        g_string_append_printf(out, "\n%s", command->details);
    }
}

/* Sizes ----------------------------------------------------------------------------------------- */

char *tool_count_text(double bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned unit = 0;
    char *text, *end;

    while (bytes >= 1024 && unit < G_N_ELEMENTS(units) - 1) {
        bytes /= 1024;
        unit++;
    }
    if (unit == 0) {
        return g_strdup_printf(bytes == (double)(uint64_t)bytes ? "%.0f bytes" : "%f bytes", bytes);
    }
    text = g_strdup_printf("%.3f", bytes);
    end = strstr(text, ".000");
    if (end) {
        *end = '\0';
    }
    end = g_strdup_printf("%s %s", text, units[unit]);
    g_free(text);
    return end;
}
