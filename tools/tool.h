/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tools/tool.h: what the image tools share: options from tables of rows, help from the same rows,
 * messages, sizes as text, progress.
 * Thread: the main thread; tool_progress_add from any.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tool_option_kind {
    TOOL_FLAG,   /* bool: set to true */
    TOOL_STRING, /* const char *: the last one counts */
    TOOL_SIZE,   /* uint64_t: "64k", within min and max */
    TOOL_UINT,   /* uint64_t: within min and max */
    TOOL_LIST,   /* GPtrArray *: every value, in their order */
    TOOL_ACTION, /* GPtrArray * of struct tool_action *: several rows may share one */
};

struct tool_option {
    const char *name; /* without --; NULL: there is only the letter */
    char letter;      /* 0: there is only the name */
    const char *arg;  /* "FMT"; NULL: takes none */
    enum tool_option_kind kind;
    size_t offset;
    const char *help;
    uint64_t min, max;   /* of TOOL_SIZE and TOOL_UINT; max 0: no limit */
    const char *invalid; /* printf format of one %s: the message; NULL: a general one */
};

struct tool_action {
    const struct tool_option *row;
    const char *value;
};

struct tool_command {
    const char *name;
    const char *operands; /* "FILENAME [SIZE]" */
    const char *summary;  /* one line */
    const struct tool_option *options;
    int (*run)(const struct tool_command *command, int argc, char **argv); /* the exit status */
    const char *details; /* examples and exit statuses, for --help; NULL: none */
};

/* clang-format off */
#define TOOL_ROW_FLAG(type, name, letter, field, help) \
    { name, letter, NULL, TOOL_FLAG, offsetof(type, field), help }
#define TOOL_ROW_STRING(type, name, letter, arg, field, help) \
    { name, letter, arg, TOOL_STRING, offsetof(type, field), help }
#define TOOL_ROW_LIST(type, name, letter, arg, field, help) \
    { name, letter, arg, TOOL_LIST, offsetof(type, field), help }
#define TOOL_ROW_ACTION(type, name, arg, field, help) \
    { name, 0, arg, TOOL_ACTION, offsetof(type, field), help }
#define TOOL_ROW_SIZE(type, name, letter, arg, field, min, max, help, ...) \
    { name, letter, arg, TOOL_SIZE, offsetof(type, field), help, min, max, __VA_ARGS__ }
#define TOOL_ROW_UINT(type, name, letter, arg, field, min, max, help, ...) \
    { name, letter, arg, TOOL_UINT, offsetof(type, field), help, min, max, __VA_ARGS__ }
#define TOOL_ROW_HELP { "help", 'h', NULL, TOOL_FLAG, SIZE_MAX, "print this help" }
#define TOOL_ROW_END  { NULL }
/* clang-format on */

/* The base name of argv[0] becomes the name in messages. */
void tool_start(char **argv);
/* "rhea-img version ..." */
void tool_print_version(void);
/*
 * Fills the struct at `args` from the options of argv (argv[0] is the command's name).  The index of
 * the first operand, or -1 after a message, or -2 when --help was asked for and answered.
 */
int tool_parse(const struct tool_command *command, int argc, char **argv, void *args);
/* The same for commands within a program, which have letters alone: no hint, no --help. */
int tool_parse_letters(const struct tool_option *rows, int argc, char **argv, void *args);
/* "name [-q] [-f FMT] FILENAME [SIZE]" */
void tool_print_usage(const struct tool_command *command, GString *out);
/* Usage, summary, a row for each option, details. */
void tool_print_help(const struct tool_command *command, GString *out);
/* What is said of a size that is none: two lines, as tool_report_lines prints them. */
#define TOOL_BAD_SIZE(what)                                                                        \
    "Invalid " what " specified. You may use k, M, G, T, P or E suffixes for\n"                    \
    "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes."
/* An error of several lines, each with the program's name. */
void tool_report_lines(const char *text);

/* The message and "Try '... --help' for more information"; always 1, the exit status. */
int tool_usage_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* "PROGRAM: [prefix: ]message", clears *error; always 1. */
int tool_error(GError **error, const char *prefix_fmt, ...) G_GNUC_PRINTF(2, 3);

/* "2.938 MiB", "64 KiB", "48 bytes": as rhea-io prints counts. */
char *tool_count_text(double bytes);

/* Progress of long work: "    (12.34/100%)", on demand also by SIGUSR1. */
struct tool_progress;
/* `show` false: only SIGUSR1 prints. */
struct tool_progress *tool_progress_new(bool show);
void tool_progress_set(struct tool_progress *p, uint64_t done, uint64_t total);
/* Prints the end of the line; NULL: nothing. */
void tool_progress_free(struct tool_progress *p);

#endif
