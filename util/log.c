/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/log.c: the log and messages to the person at the terminal.
 *
 * Owns:   the process's log mask and file descriptor (set while the command line is parsed, and by
 *         the monitor's `log`).
 * Thread: any.  A line is one write(2), so that lines of several threads never mix.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

uint32_t log_mask;
static _Atomic int log_fd = STDERR_FILENO;

static const struct log_name {
    const char *name, *help;
} log_names[LOG_ITEM_COUNT] = {
    /* clang-format off */
    [LOG_GUEST_ERRORS] = { "guest_errors", "what the guest did against the manuals" },
    [LOG_UNIMP]        = { "unimp",        "use of registers and addresses that are not there" },
    [LOG_INT]          = { "int",          "interrupts and exceptions" },
    [LOG_CPU_RESET]    = { "cpu_reset",    "CPU state at every reset" },
    [LOG_IN_ASM]       = { "in_asm",       "guest code of each block when it is decoded" },
    [LOG_EXEC]         = { "exec",         "each block when it is entered" },
    [LOG_CPU]          = { "cpu",          "CPU registers before each block" },
    [LOG_MMU]          = { "mmu",          "page faults" },
    [LOG_PCALL]        = { "pcall",        "protected-mode far calls, jumps and returns" },
    [LOG_ACCEL]        = { "accel",        "which engine runs the guest" },
    [LOG_DEVICE]       = { "device",       "device events" },
    [LOG_OP]           = { "op",           "guest code of each block when it is translated, with live flags and how it is done" },
    [LOG_OUT_ASM]      = { "out_asm",      "the host's code of each block when it is translated" },
    /* clang-format on */
};

/* The whole text in one write; a log that cannot be written is lost without a word. */
static void write_line(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n <= 0) {
            return;
        }
        text += n;
        len -= n;
    }
}

static void write_message(int fd, const char *prefix, const char *fmt, va_list ap)
{
    g_autoptr(GString) line = g_string_new(prefix);

    g_string_append_vprintf(line, fmt, ap);
    g_string_append_c(line, '\n');
    write_line(fd, line->str, line->len);
}

void log_write(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    write_message(atomic_load(&log_fd), "", fmt, ap);
    va_end(ap);
}

static const char *log_name_at(void *opaque, unsigned i)
{
    (void)opaque;
    return i < LOG_ITEM_COUNT ? log_names[i].name : NULL;
}

bool log_set_items(const char *items, GError **error)
{
    g_auto(GStrv) names = g_strsplit(items, ",", -1);
    uint32_t mask = 0;

    for (unsigned n = 0; names[n]; n++) {
        unsigned i = 0;

        while (i < LOG_ITEM_COUNT && strcmp(names[n], log_names[i].name) != 0) {
            i++;
        }
        if (i == LOG_ITEM_COUNT) {
            g_autofree char *near = closest_names(names[n], log_name_at, NULL);

            set_error(error, "unknown log item '%s'%s%s; '-d help' lists them", names[n],
                      near ? ", closest: " : "", near ? near : "");
            return false;
        }
        mask |= 1u << i;
    }
    log_mask |= mask;
    return true;
}

/* -dfilter ------------------------------------------------------------------------------------- */

#define FILTER_RANGES 64u

static struct {
    unsigned n; /* 0: all */
    struct {
        uint64_t first, last;
    } ranges[FILTER_RANGES];
} filter;

static bool parse_range(const char *text, uint64_t *first, uint64_t *last)
{
    static const char *const signs[] = { "..", "+", "-" };
    uint64_t a, b;

    for (unsigned i = 0; i < G_N_ELEMENTS(signs); i++) {
        const char *at = strstr(text, signs[i]);
        g_autofree char *left = at ? g_strndup(text, (gsize)(at - text)) : NULL;

        if (!at) {
            continue;
        }
        if (!parse_uint(left, 0, UINT64_MAX, &a) ||
            !parse_uint(at + strlen(signs[i]), i ? 1 : 0, UINT64_MAX, &b)) {
            return false;
        }
        *first = i == 2 ? a - (b - 1) : a;
        *last = i == 0 ? b : i == 1 ? a + (b - 1) : a;
        return *first <= *last;
    }
    return false;
}

bool log_set_filter(const char *ranges, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(ranges, ",", -1);
    unsigned n = g_strv_length(parts);

    if (n == 0 || n > FILTER_RANGES) {
        set_error(error,
                  "-dfilter: there are %u ranges, must be 1 to %u: each must be START+LENGTH, ...",
                  n, FILTER_RANGES);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (!parse_range(parts[i], &filter.ranges[i].first, &filter.ranges[i].last)) {
            set_error(
                error,
                "-dfilter: the range is '%s', must be START+LENGTH, START-LENGTH or FIRST..LAST",
                parts[i]);
            return false;
        }
    }
    filter.n = n;
    return true;
}

bool log_wants_address(uint64_t address)
{
    bool wants = filter.n == 0;

    for (unsigned i = 0; i < filter.n && !wants; i++) {
        wants = address >= filter.ranges[i].first && address <= filter.ranges[i].last;
    }
    return wants;
}

bool log_set_file(const char *path, GError **error)
{
    int fd = STDERR_FILENO, old;

    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            set_errno_error(error, "cannot open log file '%s'", path);
            return false;
        }
    }
    old = atomic_exchange(&log_fd, fd);
    if (old != STDERR_FILENO) {
        close(old);
    }
    return true;
}

void log_print_help(GString *out)
{
    g_string_append(out, "Log items (comma separated):\n");
    for (unsigned i = 0; i < LOG_ITEM_COUNT; i++) {
        g_string_append_printf(out, "%-15s %s\n", log_names[i].name, log_names[i].help);
    }
}

static struct {
    bool timestamps;
    char *name;
} report_prefix;

void report_set_prefix(bool timestamps, const char *name)
{
    report_prefix.timestamps = timestamps;
    g_free(report_prefix.name);
    report_prefix.name = g_strdup(name);
}

/* "2026-01-02T03:04:05.678901Z NAME PROGRAM: warning: " */
static void report(const char *kind, const char *fmt, va_list ap)
{
    const char *program = g_get_prgname(), *name = report_prefix.name;
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ ");
    g_autofree char *prefix =
        g_strdup_printf("%s%s%s%s: %s", report_prefix.timestamps ? time : "", name ? name : "",
                        name ? " " : "", program ? program : "rhea", kind);

    write_message(STDERR_FILENO, prefix, fmt, ap);
}

void report_warning(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
}

void report_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("", fmt, ap);
    va_end(ap);
}

void report_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("info: ", fmt, ap);
    va_end(ap);
}
