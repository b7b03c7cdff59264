/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/log.h: the log (`-d ITEM,...`, `-D FILE`) and messages to the person at the terminal.
 * The log is per process.  Thread: any; lines are written whole.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum log_item {
    LOG_GUEST_ERRORS, /* the guest did what the manuals forbid */
    LOG_UNIMP,        /* the guest used what is not there */
    LOG_INT,          /* interrupts and exceptions */
    LOG_CPU_RESET,
    LOG_IN_ASM,  /* each block when it is decoded */
    LOG_EXEC,    /* each block when it is entered */
    LOG_CPU,     /* registers before each block */
    LOG_MMU,     /* page faults */
    LOG_PCALL,   /* protected-mode far transfers */
    LOG_ACCEL,   /* which engine runs */
    LOG_DEVICE,  /* device events worth a line */
    LOG_OP,      /* each block as it is translated, annotated */
    LOG_OUT_ASM, /* and the host's code */
    LOG_ITEM_COUNT
};

extern uint32_t log_mask; /* 1 << enum log_item */

static inline bool log_enabled(enum log_item item)
{
    return log_mask & (1u << item);
}

/* One line (a newline is added) when the item is on. */
#define log_line(item, ...)                                                                        \
    do {                                                                                           \
        if (log_enabled(item)) {                                                                   \
            log_write(__VA_ARGS__);                                                                \
        }                                                                                          \
    } while (0)
void log_write(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* "int,guest_errors": turns items on.  Unknown names are an error that lists the closest. */
bool log_set_items(const char *items, GError **error);
/* Where lines go; NULL: stderr. */
bool log_set_file(const char *path, GError **error);
/*
 * -dfilter: items of code (in_asm, op, out_asm, exec, cpu) are logged for these addresses only: ranges
 * "START+LENGTH", "START-LENGTH" (that many before and with START) or "FIRST..LAST", with commas between them.
 */
bool log_set_filter(const char *ranges, GError **error);
bool log_wants_address(uint64_t address);
/* `-d help`: name and help of each item. */
void log_print_help(GString *out);

/* What the following begin with besides: the time, and a name.  The text is copied; NULL: none. */
void report_set_prefix(bool timestamps, const char *name);
/* "PROGRAM: warning: ...", "PROGRAM: ..." and "PROGRAM: info: ..." on stderr. */
void report_warning(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void report_error(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void report_info(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
