/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/expression.h: what people type after a command: expressions and "/FMT".
 * Pure but for the registers, which come through a callback.  Thread: any.
 */
#ifndef MONITOR_EXPRESSION_H
#define MONITOR_EXPRESSION_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The value of "$name"; false: there is no such register. */
typedef bool register_fn(void *opaque, const char *name, uint64_t *value);

/*
 * C's integer operators + - * / % & | ^ ~ ( ) on 64-bit values, numbers in decimal, 0x hex and 0
 * octal, 'c' characters, $registers.  *text moves to what follows the expression (a blank ends one only
 * where no operator follows).
 */
bool expression_parse(const char **text, register_fn *reg, void *opaque, uint64_t *value,
                      GError **error);

#define FORMAT_MAX_COUNT 16384

/* "/COUNT FORMAT SIZE": the count is 1 to FORMAT_MAX_COUNT. */
struct format {
    unsigned count;
    char letter;   /* x d u o c i */
    unsigned size; /* bytes: 1, 2, 4, 8 */
};

/* Parses "/..." at *text where there is one; else leaves *f as it is but for a count of 1. */
bool format_parse(const char **text, struct format *f, GError **error);
/* One value, as QEMU's monitor writes it: "0x00000001", '\x0a', "        17". */
void format_value(const struct format *f, uint64_t value, GString *out);

#endif
