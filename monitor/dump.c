/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/dump.c: commands that read memory and ports: x, xp, print, i, o.
 * Thread: machine lock held, the CPU standing still.
 */
#include <inttypes.h>
#include <string.h>
#include "monitor/command.h"
#include "monitor/disassemble.h"
#include "softmmu/machine.h"
#include "target/i386/cpu.h"
#include "target/i386/insn.h"
#include "util/error.h"

#define INSN_MAX   15
#define LINE_BYTES 16

/* "/FMT EXPR", nothing after it. */
static bool parse_args(struct machine *m, const char *args, struct format *f, uint64_t *value,
                       GError **error)
{
    if (!format_parse(&args, f, error) ||
        !expression_parse(&args, cpu_access_register, m, value, error)) {
        return false;
    }
    args += strspn(args, " \t");
    if (*args) {
        set_error(error, "extra characters after the expression: '%s'", args);
        return false;
    }
    return true;
}

/* Text of the instruction at buf; its length, 0 when it is none. */
static unsigned disassemble(const struct x86_cpu *cpu, const uint8_t *buf, unsigned avail,
                            uint64_t addr, GString *out)
{
    struct insn insn;

    if (capstone_available()) {
        return capstone_print(cpu->code_size, buf, avail, addr, out);
    }
    if (insn_decode(cpu, buf, avail, &insn) != DECODE_OK) {
        return 0;
    }
    insn_print(&insn, addr, out);
    return insn.len;
}

/* The bytes at addr that are there, at most INSN_MAX. */
static unsigned read_code(struct machine *m, struct x86_cpu *cpu, bool physical, uint64_t addr,
                          uint8_t *buf)
{
    unsigned n = INSN_MAX;

    while (n > 0 && !cpu_access_read(m, cpu, physical, addr, buf, n)) {
        n--;
    }
    return n;
}

static void dump_code(struct machine *m, struct x86_cpu *cpu, bool physical, uint64_t addr,
                      unsigned count, GString *out)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t buf[INSN_MAX];
        unsigned avail = read_code(m, cpu, physical, addr, buf), len;
        g_autoptr(GString) text = g_string_new(NULL), bytes = g_string_new(NULL);

        if (avail == 0) {
            g_string_append_printf(out, "0x%08" PRIx64 ": unable to read memory\n", addr);
            return;
        }
        len = disassemble(cpu, buf, avail, addr, text);
        if (len == 0) {
            g_string_assign(text, "(bad)");
            len = 1;
        }
        for (unsigned k = 0; k < len; k++) {
            g_string_append_printf(bytes, "%02x ", buf[k]);
        }
        g_string_append_printf(out, "0x%08" PRIx64 ":  %-24s %s\n", addr, bytes->str, text->str);
        addr += len;
    }
}

static void dump_data(struct machine *m, struct x86_cpu *cpu, bool physical, uint64_t addr,
                      const struct format *f, GString *out)
{
    unsigned per_line = LINE_BYTES / f->size;

    for (unsigned i = 0; i < f->count; i += per_line) {
        unsigned n = MIN(per_line, f->count - i);
        uint8_t buf[LINE_BYTES];

        g_string_append_printf(out, "%016" PRIx64 ":", addr);
        if (!cpu_access_read(m, cpu, physical, addr, buf, n * f->size)) {
            g_string_append(out, " Cannot access memory\n");
            return;
        }
        for (unsigned k = 0; k < n; k++) {
            uint64_t value = 0;

            for (unsigned b = f->size; b-- > 0;) {
                value = value << 8 | buf[k * f->size + b];
            }
            g_string_append_c(out, ' ');
            format_value(f, value, out);
        }
        g_string_append_c(out, '\n');
        addr += n * f->size;
    }
}

static bool dump(struct machine *m, const char *args, bool physical, GString *out, GError **error)
{
    struct format f = { .letter = 'x', .size = 4 };
    struct x86_cpu *cpu;
    uint64_t addr;

    if (!parse_args(m, args, &f, &addr, error)) {
        return false;
    }
    cpu = cpu_access_begin(m, physical && f.letter != 'i' ? NULL : error);
    if (!cpu && (!physical || f.letter == 'i')) {
        return false;
    }
    if (f.letter == 'i') {
        dump_code(m, cpu, physical, addr, f.count, out);
    } else {
        dump_data(m, cpu, physical, addr, &f, out);
    }
    if (cpu) {
        cpu_access_end(m);
    }
    return true;
}

bool command_x(struct machine *m, const char *args, GString *out, GError **error)
{
    return dump(m, args, false, out, error);
}

bool command_xp(struct machine *m, const char *args, GString *out, GError **error)
{
    return dump(m, args, true, out, error);
}

bool command_print(struct machine *m, const char *args, GString *out, GError **error)
{
    struct format f = { .letter = 'x', .size = 8 };
    uint64_t value;

    if (!parse_args(m, args, &f, &value, error)) {
        return false;
    }
    if (f.letter == 'i') {
        set_error(error, "print has no format 'i'; it takes x d u o c");
        return false;
    }
    if (f.letter == 'x') {
        g_string_append_printf(out, "0x%" PRIx64, value);
    } else {
        g_autoptr(GString) text = g_string_new(NULL);

        format_value(&f, value, text);
        g_string_append(out, g_strstrip(text->str));
    }
    g_string_append_c(out, '\n');
    return true;
}

static bool check_port(uint64_t port, const struct format *f, GError **error)
{
    if (port > 0xffff || f->size > 4) {
        set_error(error, "port 0x%" PRIx64 " with %u bytes: ports are 0 to 0xffff, sizes b h w",
                  port, f->size);
        return false;
    }
    return true;
}

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

bool command_in(struct machine *m, const char *args, GString *out, GError **error)
{
    struct format f = { .letter = 'x', .size = 1 };
    uint64_t port;

    if (!parse_args(m, args, &f, &port, error) || !check_port(port, &f, error)) {
        return false;
    }
    g_string_append_printf(out, "port%c[0x%04" PRIx64 "] = 0x%0*" PRIx64 "\n", size_letter(f.size),
                           port, (int)f.size * 2, address_space_load(&m->io, port, f.size));
    return true;
}

bool command_out(struct machine *m, const char *args, GString *out, GError **error)
{
    struct format f = { .letter = 'x', .size = 1 };
    uint64_t port, value;

    (void)out;
    if (!format_parse(&args, &f, error) ||
        !expression_parse(&args, cpu_access_register, m, &port, error) ||
        !check_port(port, &f, error) || !parse_args(m, args, &f, &value, error)) {
        return false;
    }
    address_space_store(&m->io, port, value, f.size);
    return true;
}
