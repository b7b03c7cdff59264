/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/insn/moo.c: see moo.h.  The form of a line is fixed, so that a scanner for keys, numbers and
 * arrays of numbers is all that it takes.
 */
#include "tests/insn/moo.h"
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include "util/error.h"

#define MAX_LINE (1u << 20)

const char *const moo_reg_names[MOO_REGS] = { "ax", "cx", "dx", "bx", "sp", "bp", "si",
                                              "di", "es", "cs", "ss", "ds", "ip", "flags" };

/* What follows "key": within [p, end), or NULL. */
static const char *find(const char *p, const char *end, const char *key)
{
    g_autofree char *quoted = g_strdup_printf("\"%s\":", key);
    const char *at = p ? g_strstr_len(p, end - p, quoted) : NULL;

    return at ? at + strlen(quoted) : NULL;
}

/* The end of the object or array that begins at p. */
static const char *end_of(const char *p)
{
    unsigned depth = 0;

    for (; *p; p++) {
        if (*p == '"') {
            p = strchr(p + 1, '"');
            if (!p) {
                return NULL;
            }
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if ((*p == '}' || *p == ']') && --depth == 0) {
            return p + 1;
        }
    }
    return NULL;
}

static bool read_number(const char *p, unsigned long max, unsigned long *v)
{
    char *rest;

    if (!p || !g_ascii_isdigit(*p)) {
        return false;
    }
    *v = strtoul(p, &rest, 10);
    return *v <= max;
}

static bool read_regs(const char *p, const char *end, uint16_t regs[MOO_REGS], bool all)
{
    for (unsigned k = 0; k < MOO_REGS; k++) {
        const char *at = find(p, end, moo_reg_names[k]);
        unsigned long v;

        if (!at && !all) {
            continue;
        }
        if (!read_number(at, 0xffff, &v)) {
            return false;
        }
        regs[k] = (uint16_t)v;
    }
    return true;
}

/* [[address,value],...] */
static bool read_ram(const char *p, const char *end, struct moo_ram *ram)
{
    ram->n = 0;
    for (p = p ? p + 1 : end; p < end; p++) {
        unsigned long at, v;

        if (*p != '[') {
            continue;
        }
        if (ram->n == MOO_MAX_RAM || !read_number(p + 1, 0xffffff, &at) || !(p = strchr(p, ',')) ||
            !read_number(p + 1, 255, &v)) {
            return false;
        }
        ram->byte[ram->n].at = (uint32_t)at;
        ram->byte[ram->n++].v = (uint8_t)v;
    }
    return true;
}

static bool read_state(const char *line, const char *key, uint16_t regs[MOO_REGS], bool all,
                       struct moo_ram *ram)
{
    const char *p = find(line, line + strlen(line), key);
    const char *end = p ? end_of(p) : NULL;
    const char *r = end ? find(p, end, "regs") : NULL;
    const char *m = end ? find(p, end, "ram") : NULL;

    ram->n = 0; /* where nothing changed it may be absent */
    return r && (m || !all) && end_of(r) && read_regs(r, end_of(r), regs, all) &&
           (!m || (end_of(m) && read_ram(m, end_of(m) - 1, ram)));
}

static bool read_bytes(const char *p, struct moo_case *c)
{
    unsigned long v;

    c->n_bytes = 0;
    while (p && (*p == '[' || *p == ',')) {
        if (c->n_bytes == sizeof(c->bytes) || !read_number(p + 1, 255, &v)) {
            return false;
        }
        c->bytes[c->n_bytes++] = (uint8_t)v;
        p += 1 + strcspn(p + 1, ",]");
    }
    return c->n_bytes >= 2;
}

bool moo_parse(const char *line, struct moo_case *c)
{
    const char *end = line + strlen(line), *name = find(line, end, "name"), *e;
    unsigned long v;

    if (!read_number(find(line, end, "idx"), UINT32_MAX, &v) || !name || *name != '"' ||
        !read_bytes(find(line, end, "bytes"), c) ||
        !read_state(line, "initial", c->before, true, &c->ram)) {
        return false;
    }
    c->index = (unsigned)v;
    g_strlcpy(c->name, name + 1, MIN(sizeof(c->name), strcspn(name + 1, "\"") + 1));
    memcpy(c->after, c->before, sizeof(c->after));
    if (!read_state(line, "final", c->after, false, &c->changed)) {
        return false;
    }
    c->exception = -1;
    e = find(line, end, "exception");
    if (e && *e != 'n') { /* null */
        if (!read_number(find(e, end, "number"), 255, &v)) {
            return false;
        }
        c->exception = (int)v;
    }
    return true;
}

bool moo_read(const char *path, void (*each)(const struct moo_case *c, void *opaque), void *opaque,
              GError **error)
{
    gzFile file = gzopen(path, "rb");
    g_autofree char *line = g_malloc(MAX_LINE);
    g_autofree struct moo_case *c = g_new0(struct moo_case, 1);
    unsigned n = 0;
    bool ok = true;

    if (!file) {
        set_errno_error(error, "cannot open '%s'", path);
        return false;
    }
    while (ok && gzgets(file, line, MAX_LINE)) {
        n++;
        ok = moo_parse(line, c);
        if (ok) {
            each(c, opaque);
        } else {
            set_error(error, "%s:%u: not a case of this format", path, n);
        }
    }
    if (ok && !n) {
        set_error(error, "%s: holds no case", path);
        ok = false;
    }
    gzclose(file);
    return ok;
}
