/* SPDX-License-Identifier: GPL-2.0-or-later */
/* monitor/expression.c: a recursive-descent parser of expressions, and formats.  Thread: any. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/expression.h"
#include "util/error.h"

#define MAX_DEPTH 64

struct parser {
    const char *p;
    unsigned depth;
    register_fn *reg;
    void *opaque;
    GError **error;
};

static void skip_blanks(struct parser *s)
{
    while (g_ascii_isspace(*s->p)) {
        s->p++;
    }
}

static bool parse_sum(struct parser *s, uint64_t *value);

static bool parse_number(struct parser *s, uint64_t *value)
{
    char *end;

    errno = 0;
    *value = g_ascii_strtoull(s->p, &end, 0);
    if (errno == ERANGE || g_ascii_isalnum(*end)) {
        set_error(s->error, "'%.*s' is not a number of 64 bits", (int)strcspn(s->p, " \t"), s->p);
        return false;
    }
    s->p = end;
    return true;
}

static bool parse_register(struct parser *s, uint64_t *value)
{
    char name[16];
    size_t n = 0;

    for (s->p++; (g_ascii_isalnum(*s->p) || *s->p == '_') && n < sizeof(name) - 1; s->p++) {
        name[n++] = *s->p;
    }
    name[n] = 0;
    if (!s->reg || !s->reg(s->opaque, name, value)) {
        set_error(s->error, "unknown register '$%s'", name);
        return false;
    }
    return true;
}

static bool parse_unary(struct parser *s, uint64_t *value)
{
    bool ok;

    skip_blanks(s);
    if (++s->depth > MAX_DEPTH) {
        set_error(s->error, "the expression is nested too deeply");
        return false;
    }
    switch (*s->p) {
    case '+':
    case '-':
    case '~': {
        char op = *s->p++;

        ok = parse_unary(s, value);
        *value = !ok ? 0 : op == '-' ? -*value : op == '~' ? ~*value : *value;
        break;
    }
    case '(':
        s->p++;
        ok = parse_sum(s, value);
        skip_blanks(s);
        if (ok && *s->p != ')') {
            set_error(s->error, "')' expected in the expression");
            ok = false;
        }
        s->p += ok;
        break;
    case '\'':
        ok = s->p[1] && s->p[2] == '\'';
        if (ok) {
            *value = (uint8_t)s->p[1];
            s->p += 3;
        } else {
            set_error(s->error, "a character is written 'c'");
        }
        break;
    case '$':
        ok = parse_register(s, value);
        break;
    default:
        ok = g_ascii_isdigit(*s->p);
        if (ok) {
            ok = parse_number(s, value);
        } else if (*s->p) {
            set_error(s->error, "invalid expression at '%s'", s->p);
        } else {
            set_error(s->error, "an expression is missing");
        }
    }
    s->depth--;
    return ok;
}

static bool apply(struct parser *s, char op, uint64_t *a, uint64_t b)
{
    if ((op == '/' || op == '%') && b == 0) {
        set_error(s->error, "division by zero");
        return false;
    }
    /* clang-format off */
    switch (op) {
    case '*': *a *= b; break;
    case '/': *a /= b; break;
    case '%': *a %= b; break;
    case '&': *a &= b; break;
    case '|': *a |= b; break;
    case '^': *a ^= b; break;
    case '+': *a += b; break;
    case '-': *a -= b; break;
    }
    /* clang-format on */
    return true;
}

/* Left to right: operands of `next` joined by any of `ops`. */
static bool parse_level(struct parser *s, const char *ops,
                        bool (*next)(struct parser *s, uint64_t *value), uint64_t *value)
{
    uint64_t right;

    if (!next(s, value)) {
        return false;
    }
    for (;;) {
        char op;

        skip_blanks(s);
        op = *s->p;
        if (!op || !strchr(ops, op)) {
            return true;
        }
        s->p++;
        if (!next(s, &right) || !apply(s, op, value, right)) {
            return false;
        }
    }
}

static bool parse_product(struct parser *s, uint64_t *value)
{
    return parse_level(s, "*/%", parse_unary, value);
}

/* As in QEMU's monitor, & | ^ bind tighter than + and -. */
static bool parse_logic(struct parser *s, uint64_t *value)
{
    return parse_level(s, "&|^", parse_product, value);
}

static bool parse_sum(struct parser *s, uint64_t *value)
{
    return parse_level(s, "+-", parse_logic, value);
}

bool expression_parse(const char **text, register_fn *reg, void *opaque, uint64_t *value,
                      GError **error)
{
    struct parser s = { .p = *text, .reg = reg, .opaque = opaque, .error = error };

    if (!parse_sum(&s, value)) {
        return false;
    }
    *text = s.p;
    return true;
}

bool format_parse(const char **text, struct format *f, GError **error)
{
    static const char sizes[] = "bhwg";
    const char *p = *text;
    uint64_t count = 1;
    bool size_given = false;

    f->count = 1;
    while (g_ascii_isspace(*p)) {
        p++;
    }
    if (*p != '/') {
        return true;
    }
    p++;
    if (g_ascii_isdigit(*p)) {
        char *end;

        count = g_ascii_strtoull(p, &end, 10);
        p = end;
    }
    if (count < 1 || count > FORMAT_MAX_COUNT) {
        set_error(error, "the count is %" PRIu64 ", must be 1 to %d", count, FORMAT_MAX_COUNT);
        return false;
    }
    for (; *p && !g_ascii_isspace(*p); p++) {
        const char *size = strchr(sizes, *p);

        if (size) {
            f->size = 1u << (size - sizes);
            size_given = true;
        } else if (strchr("xduoci", *p)) {
            f->letter = *p;
        } else {
            set_error(error, "invalid char in format: '%c'; formats are x d u o c i, sizes b h w g",
                      *p);
            return false;
        }
    }
    if (f->letter == 'c' && !size_given) {
        f->size = 1;
    }
    f->count = (unsigned)count;
    *text = p;
    return true;
}

static void format_char(uint64_t value, GString *out)
{
    unsigned char c = (unsigned char)value;

    if (c == '\'' || c == '\\') {
        g_string_append_printf(out, "'\\%c'", c);
    } else if (c == '\n' || c == '\r') {
        g_string_append_printf(out, "'\\%c'", c == '\n' ? 'n' : 'r');
    } else if (g_ascii_isprint(c)) {
        g_string_append_printf(out, "'%c'", c);
    } else {
        g_string_append_printf(out, "'\\x%02x'", c);
    }
}

void format_value(const struct format *f, uint64_t value, GString *out)
{
    /* Digits of the widest value of 1, 2, 4 and 8 bytes. */
    static const int decimal[] = { 3, 5, 10, 20 }, octal[] = { 3, 6, 11, 22 };
    int log2 = __builtin_ctz(f->size);
    unsigned shift = 64 - f->size * 8;

    value = value << shift >> shift;
    switch (f->letter) {
    case 'd':
        g_string_append_printf(out, "%*" PRId64, decimal[log2] + 1,
                               (int64_t)(value << shift) >> shift);
        break;
    case 'u':
        g_string_append_printf(out, "%*" PRIu64, decimal[log2], value);
        break;
    case 'o':
        g_string_append_printf(out, "0%0*" PRIo64, octal[log2], value);
        break;
    case 'c':
        format_char(value, out);
        break;
    default:
        g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, value);
    }
}
