/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tests/unit/monitor_test.c: expressions, formats, the line editor, and commands on a machine that has
 * memory and a port but no CPU.
 */
#include <glib/gstdio.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "monitor/command.h"
#include "monitor/expression.h"
#include "monitor/line_edit.h"
#include "monitor/monitor.h"
#include "softmmu/machine.h"
#include "util/socket.h"

/* Expressions and formats --------------------------------------------------------------------- */

static bool test_register(void *opaque, const char *name, uint64_t *value)
{
    (void)opaque;
    *value = 0xfff0;
    return strcmp(name, "rip") == 0;
}

static void expressions_have_values(void)
{
    static const struct {
        const char *text;
        uint64_t value;
        const char *rest;
    } rows[] = {
        { "0x10", 16, "" },
        { "010", 8, "" },
        { "2+3*4", 14, "" },
        { "(2+3)*4", 20, "" },
        { "10-2-3", 5, "" },
        { "-1", UINT64_MAX, "" },
        { "~0 & 0xff", 0xff, "" },
        { "6/4", 1, "" },
        { "7 % 4", 3, "" },
        { "1|2^2", 1, "" },
        { "1 + 6 & 3", 3, "" },
        { "'A'", 65, "" },
        { "$rip+4", 0xfff4, "" },
        { "0x80 0x12", 0x80, "0x12" },
        { "0xffffffffffffffff", UINT64_MAX, "" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *p = rows[i].text;
        g_autoptr(GError) error = NULL;
        uint64_t value;

        g_test_message("%s", rows[i].text);
        g_assert_true(expression_parse(&p, test_register, NULL, &value, &error));
        g_assert_cmphex(value, ==, rows[i].value);
        g_assert_cmpstr(p, ==, rows[i].rest);
    }
}

static void bad_expressions_are_errors(void)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        { "", "missing" },
        { "1/0", "division by zero" },
        { "1%(2-2)", "division by zero" },
        { "(1", "')' expected" },
        { "$foo", "unknown register '$foo'" },
        { "$", "unknown register" },
        { "12zz", "not a number" },
        { "0x10000000000000000", "not a number" },
        { "'ab'", "written 'c'" },
        { "'", "written 'c'" },
        { "1+", "missing" },
        { "!", "invalid expression" },
    };
    g_autofree char *deep = g_strnfill(100000, '(');
    g_autoptr(GError) error = NULL;
    const char *p = deep;
    uint64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) row_error = NULL;

        p = rows[i].text;
        g_test_message("%s", rows[i].text);
        g_assert_false(expression_parse(&p, test_register, NULL, &value, &row_error));
        g_assert_nonnull(strstr(row_error->message, rows[i].says));
    }
    p = deep;
    g_assert_false(expression_parse(&p, test_register, NULL, &value, &error));
}

static void formats_parse(void)
{
    static const struct {
        const char *text;
        bool ok;
        unsigned count;
        char letter;
        unsigned size;
        const char *rest;
    } rows[] = {
        { "/4xb 0", true, 4, 'x', 1, " 0" },
        { " /i 0", true, 1, 'i', 4, " 0" },
        { "/10dg", true, 10, 'd', 8, "" },
        { "/c", true, 1, 'c', 1, "" },
        { "/2cw", true, 2, 'c', 4, "" },
        { "0x10", true, 1, 'x', 4, "0x10" },
        { "/h", true, 1, 'x', 2, "" },
        { "/0x", false, 0, 0, 0, "" },
        { "/99999999999999999999x", false, 0, 0, 0, "" },
        { "/z", false, 0, 0, 0, "" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct format f = { .letter = 'x', .size = 4 };
        const char *p = rows[i].text;

        g_test_message("%s", rows[i].text);
        g_assert_cmpint(format_parse(&p, &f, NULL), ==, rows[i].ok);
        if (rows[i].ok) {
            g_assert_cmpuint(f.count, ==, rows[i].count);
            g_assert_cmpint(f.letter, ==, rows[i].letter);
            g_assert_cmpuint(f.size, ==, rows[i].size);
            g_assert_cmpstr(p, ==, rows[i].rest);
        }
    }
}

static void values_print(void)
{
    static const struct {
        char letter;
        unsigned size;
        uint64_t value;
        const char *text;
    } rows[] = {
        { 'x', 1, 0x1ea, "0xea" }, { 'x', 8, 1, "0x0000000000000001" },
        { 'd', 1, 0xff, "  -1" },  { 'd', 4, 0x80000000, "-2147483648" },
        { 'u', 2, 7, "    7" },    { 'o', 1, 8, "0010" },
        { 'c', 1, 'A', "'A'" },    { 'c', 1, 0xea, "'\\xea'" },
        { 'c', 1, '\n', "'\\n'" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct format f = { 1, rows[i].letter, rows[i].size };
        g_autoptr(GString) out = g_string_new(NULL);

        format_value(&f, rows[i].value, out);
        g_assert_cmpstr(out->str, ==, rows[i].text);
    }
}

/* The line editor ----------------------------------------------------------------------------- */

struct session {
    GString *lines; /* accepted, each followed by '|' */
    GString *screen;
};

static void session_accept(void *opaque, const char *line)
{
    g_string_append_printf(((struct session *)opaque)->lines, "%s|", line);
}

static void session_print(void *opaque, const char *text, size_t n)
{
    g_string_append_len(((struct session *)opaque)->screen, text, (gssize)n);
}

static GPtrArray *session_complete(void *opaque, const char *line)
{
    static const char *const words[] = { "system_reset", "system_powerdown", "stop" };
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    (void)opaque;
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_str_has_prefix(words[i], line)) {
            g_ptr_array_add(names, g_strdup(words[i]));
        }
    }
    return names;
}

static void keys_edit_the_line(void)
{
    static const struct {
        const char *keys, *lines;
    } rows[] = {
        /* clang-format off */
        { "abc\r", "abc|" },
        { "abd\x7f" "c\n", "abc|" },
        { "\b\bx\r", "x|" },
        { "abc\x15xy\r", "xy|" },                  /* Ctrl-U */
        { "foo bar \x17z\r", "foo z|" },           /* Ctrl-W */
        { "bc\x01" "a\x05" "d\r", "abcd|" },       /* Ctrl-A, Ctrl-E */
        { "ac\033[Db\r", "abc|" },                 /* left */
        { "ac\033[D\033[D\033[Cb\r", "abc|" },     /* right */
        { "xabc\033[H\033[3~\r", "abc|" },         /* Home, Delete */
        { "abcx\033[D\x0b\r", "abc|" },            /* Ctrl-K */
        { "one\rtwo\r\033[A\033[A\r", "one|two|one|" },
        { "one\rtw\033[A\033[Bo\r", "one|two|" },  /* the unfinished line comes back */
        { "one\033[B\033OA\r", "one|" },
        { "sys\tr\t\r", "system_reset |" },
        { "stop\t\r", "stop |" },
        { "zz\t\r", "zz|" },
        { "\033[99999999999999~a\r", "a|" },
        /* clang-format on */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct session s = { g_string_new(NULL), g_string_new(NULL) };
        struct line_edit e = { .prompt = "> ",
                               .accept = session_accept,
                               .print = session_print,
                               .complete = session_complete,
                               .opaque = &s };

        line_edit_init(&e);
        line_edit_input(&e, (const uint8_t *)rows[i].keys, strlen(rows[i].keys));
        g_test_message("row %u: %s", i, s.lines->str);
        g_assert_cmpstr(s.lines->str, ==, rows[i].lines);
        line_edit_clear(&e);
        g_string_free(s.lines, TRUE);
        g_string_free(s.screen, TRUE);
    }
}

static void lines_and_history_are_bounded(void)
{
    struct session s = { g_string_new(NULL), g_string_new(NULL) };
    struct line_edit e = {
        .prompt = "", .accept = session_accept, .print = session_print, .opaque = &s
    };
    g_autofree char *text = g_strnfill(100000, 'a');

    line_edit_init(&e);
    line_edit_input(&e, (const uint8_t *)text, 100000);
    g_assert_cmpuint(e.line->len, ==, LINE_MAX_BYTES);
    for (unsigned i = 0; i < 1000; i++) {
        g_autofree char *line = g_strdup_printf("%u\r", i);

        line_edit_input(&e, (const uint8_t *)line, strlen(line));
    }
    g_assert_cmpuint(e.history->len, ==, HISTORY_MAX);
    line_edit_clear(&e);
    g_string_free(s.lines, TRUE);
    g_string_free(s.screen, TRUE);
}

/* Commands ------------------------------------------------------------------------------------ */

struct rig {
    struct machine *m;
    struct mem_region ram, port;
    uint64_t port_value;
};

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    (void)offset;
    (void)size;
    return ((struct rig *)opaque)->port_value;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    (void)offset;
    (void)size;
    ((struct rig *)opaque)->port_value = value;
}

static const struct mem_ops port_ops = {
    .read = port_read, .write = port_write, .min_size = 1, .max_size = 1
};

static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->m = machine_new();
    machine_lock(r->m);
    g_assert_true(mem_region_init_ram(&r->ram, r->m, "ram", 0x10000, NULL));
    mem_region_add(&r->m->system_memory, 0x100000, &r->ram, 0);
    mem_region_init_mmio(&r->port, r->m, "port", &port_ops, r, 1);
    mem_region_add(&r->m->system_io, 0x64, &r->port, 0);
}

static void rig_clear(struct rig *r)
{
    mem_region_destroy(&r->ram);
    mem_region_destroy(&r->port);
    machine_free(r->m);
}

static void commands_print(void)
{
    static const struct {
        const char *line, *prints;
    } rows[] = {
        { "", "" },
        { "  info   status ", "VM status: paused (prelaunch)\n" },
        { "foo", "unknown command: 'foo'" },
        { "screendump", "screendump: which file? screendump FILE" },
        { "screendump a b", "Device 'b' not found" },
        { "screendump a b 0 c", "screendump: 'c' is too much" },
        { "type", "type: which text?" },
        { "type a", "type: the machine has no keyboard" },
        { "set_password vnc x", "there is no VNC server; start with -vnc" },
        { "set_password spice x", "the protocol is not vnc" },
        { "expire_password vnc", "give it PROTOCOL VALUE" },
        { "change vnc password x", "there is no VNC server" },
        { "change vnc port 1", "only the password can be changed" },
        { "info vnc", "None" },
        { "screendump -f gif a", "screendump: format is 'gif', must be ppm or png" },
        { "screendump a.ppm", "there is no screen to dump: start with -vga std" },
        { "screentext", "there is no screen: start with -vga std" },
        { "info block", "" },
        { "eject", "eject: which drive? eject [-f] DRIVE" },
        { "eject -f ide9-cd0", "Device 'ide9-cd0' not found" },
        { "change ide9-cd0", "change: give it change [-f] DRIVE FILE" },
        { "change ide9-cd0 a.iso", "Device 'ide9-cd0' not found" },
        { "system_rest", "unknown command: 'system_rest' (closest: system_reset" },
        { "info statu", "unknown info: 'statu' (closest: stats, status" },
        { "help x", "x /fmt addr -- virtual memory dump" },
        { "? info status", "info status -- show" },
        { "help quit", "quit|q -- leave" },
        { "help", "system_powerdown -- press" },
        { "help info", "info registers [-a|N] -- show" },
        { "info", "info mtree [-f][-D] -- show" },
        { "info version", "Rhea " },
        { "p 1+2", "0x3\n" },
        { "print/d -2", "-2\n" },
        { "p 1 2", "extra characters" },
        { "p $rip", "unknown register '$rip'\n" },
        { "xp /2xw 0x100000", "0000000000100000: 0x04030201 0x00000005\n" },
        { "xp/3c 0x100010", "0000000000100010: 'R' 'h' '\\x00'\n" },
        { "xp /20xb 0x100000", "\n0000000000100010: 0x52 0x68 0x00 0x00\n" },
        { "xp /1xb 0x9999999999", "Cannot access memory" },
        { "x /1xb 0", "has no CPU" },
        { "xp /4i 0x100000", "has no CPU" },
        { "info registers", "has no CPU" },
        { "i 0x64", "portb[0x0064] = 0x5a\n" },
        { "i/xb 0x64", "portb[0x0064] = 0x5a\n" },
        { "i 0x10000", "ports are 0 to 0xffff" },
        { "sum 0x100000 5", "" },
        { "nmi", "has no CPU" },
        { "quit now", "extraneous" },
        { "log bogus", "bogus" },
        { "info mtree", "ram" },
    };
    struct rig r;

    rig_init(&r);
    r.port_value = 0x5a;
    memcpy(r.ram.ram->host, "\1\2\3\4\5", 5);
    memcpy(r.ram.ram->host + 16, "Rh", 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        monitor_execute(r.m, rows[i].line, out);
        g_test_message("%s: %s", rows[i].line, out->str);
        g_assert_nonnull(strstr(out->str, rows[i].prints));
    }
    rig_clear(&r);
}

static void execute(struct rig *r, const char *line)
{
    g_autoptr(GString) out = g_string_new(NULL);

    monitor_execute(r->m, line, out);
}

static void commands_act(void)
{
    struct rig r;

    rig_init(&r);
    execute(&r, "o 0x64 0xfe");
    g_assert_cmphex(r.port_value, ==, 0xfe);
    execute(&r, "cont");
    g_assert_cmpint(r.m->run_state, ==, RUN_STATE_RUNNING);
    execute(&r, "stop");
    g_assert_cmpint(r.m->run_state, ==, RUN_STATE_PAUSED);
    execute(&r, "c");
    g_assert_cmpint(r.m->run_state, ==, RUN_STATE_RUNNING);
    execute(&r, "system_reset");
    g_assert_cmpint(r.m->reset_requested, !=, SHUTDOWN_NONE);
    execute(&r, "system_powerdown");
    g_assert_true(r.m->powerdown_requested);
    execute(&r, "q");
    g_assert_cmpint(r.m->shutdown_requested, ==, SHUTDOWN_HOST_MONITOR);
    rig_clear(&r);
}

/* Every row has help, and no two rows answer to one name. */
static void tables_are_sound(void)
{
    static const struct command *const tables[] = { monitor_commands, info_commands };

    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (const struct command *c = tables[t]; c->names; c++) {
            g_auto(GStrv) names = g_strsplit(c->names, "|", -1);

            g_assert_true(c->help && *c->help && c->params);
            g_assert_cmpint((c->run != NULL) + (c->says != NULL) + (c->refuses != NULL), ==, 1);
            for (unsigned i = 0; names[i]; i++) {
                g_assert_true(command_find(tables[t], names[i]) == c);
            }
        }
    }
}

static void settle(struct machine *m)
{
    while (g_main_context_pending(m->context)) {
        machine_iterate(m, false);
    }
}

static void a_session_prompts_and_answers(void)
{
    g_autofree char *dir = g_dir_make_tmp("rhea-monitor-XXXXXX", NULL);
    g_autofree char *in = g_build_filename(dir, "p.in", NULL);
    g_autofree char *out = g_build_filename(dir, "p.out", NULL);
    g_autofree char *spec = g_strdup_printf("pipe:%s/p", dir);
    char text[65536] = "";
    struct monitor *mon;
    struct rig r;
    int to, from;
    ssize_t n;

    g_assert_cmpint(mkfifo(in, 0600) + mkfifo(out, 0600), ==, 0);
    to = open(in, O_RDWR | O_NONBLOCK);
    from = open(out, O_RDWR | O_NONBLOCK);
    rig_init(&r);
    mon = monitor_new(r.m, chardev_new(r.m, "mon0", spec, NULL), NULL);
    g_assert_nonnull(mon);
    n = read(from, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    g_assert_true(g_str_has_suffix(text, "\r\n(qemu) "));
    g_assert_cmpint(write(to, "info status\n", 12), ==, 12);
    settle(r.m);
    n = read(from, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    g_assert_cmpstr(text, ==, "info status\r\nVM status: paused (prelaunch)\r\n(qemu) ");
    g_assert_cmpint(write(to, "inf\tstatu\t\r", 11), ==, 11);
    settle(r.m);
    n = read(from, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    g_assert_cmpstr(text, ==, "info status \r\nVM status: paused (prelaunch)\r\n(qemu) ");
    g_assert_cmpint(write(to, "info history\n", 13), ==, 13);
    settle(r.m);
    n = read(from, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    g_assert_nonnull(
        strstr(text, "0: 'info status'\r\n1: 'info status '\r\n2: 'info history'\r\n"));
    g_assert_cmpint(write(to, "quit\n", 5), ==, 5);
    settle(r.m);
    n = read(from, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    g_assert_cmpstr(text, ==, "quit\r\n"); /* and no prompt */
    monitor_free(mon);
    rig_clear(&r);
    close(to);
    close(from);
    g_unlink(in);
    g_unlink(out);
    g_rmdir(dir);
}

/* Whoever connects finds a prompt of its own, and nothing of what the last one began to type. */
static void each_connection_is_greeted(void)
{
    g_autofree char *dir = g_dir_make_tmp("rhea-monitor-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "s", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    struct socket_address a = { .kind = SOCKET_ADDRESS_UNIX, .path = path };
    struct monitor *mon;
    struct rig r;

    rig_init(&r);
    mon = monitor_new(r.m, chardev_new(r.m, "mon0", spec, NULL), NULL);
    for (int i = 0; i < 2; i++) {
        int fd = socket_connect(&a, SOCK_STREAM, NULL);
        char text[4096] = "";

        settle(r.m);
        g_assert_cmpint(read(fd, text, sizeof(text) - 1), >, 0);
        g_assert_true(g_str_has_prefix(text, "Rhea "));
        g_assert_true(g_str_has_suffix(text, "\r\n(qemu) "));
        g_assert_cmpint(write(fd, "info st", 7), ==, 7);
        settle(r.m);
        close(fd);
        settle(r.m);
    }
    monitor_free(mon);
    rig_clear(&r);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/monitor/expression/values", expressions_have_values);
    g_test_add_func("/monitor/expression/errors", bad_expressions_are_errors);
    g_test_add_func("/monitor/format/parse", formats_parse);
    g_test_add_func("/monitor/format/print", values_print);
    g_test_add_func("/monitor/line/keys", keys_edit_the_line);
    g_test_add_func("/monitor/line/bounds", lines_and_history_are_bounded);
    g_test_add_func("/monitor/commands/print", commands_print);
    g_test_add_func("/monitor/commands/act", commands_act);
    g_test_add_func("/monitor/commands/tables", tables_are_sound);
    g_test_add_func("/monitor/session", a_session_prompts_and_answers);
    g_test_add_func("/monitor/session/connections", each_connection_is_greeted);
    return g_test_run();
}
