/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/commands.c: packets whose name is a letter: registers, break- and watchpoints, threads; and the look-up of
 * all packets.
 *
 * Thread: main loop, machine lock held.
 * Source: GDB manual, "Packets".
 */
#include <string.h>
#include "gdbstub/stub.h"

static void command_why(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    (void)reply;
    stub_send_stop(g);
}

static void command_read_registers(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint8_t bytes[REGISTER_BYTES_MAX];

    (void)args;
    (void)n;
    for (unsigned k = 0; k < g->registers.n_general; k++) {
        packet_append_hex(reply, bytes, registers_read(&g->registers, stub_cpu(g), k, bytes));
    }
}

/* As many as there are; a value that a register cannot have leaves it as it is. */
static void command_write_registers(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint8_t bytes[REGISTER_BYTES_MAX];

    for (unsigned k = 0; k < g->registers.n_general && n; k++) {
        unsigned size = registers_size(&g->registers, k);

        if (n < 2 * (size_t)size || !packet_parse_hex(args, bytes, size)) {
            reply_error(reply, GDB_EINVAL);
            return;
        }
        registers_write(&g->registers, stub_cpu(g), k, bytes);
        args += 2 * size;
        n -= 2 * (size_t)size;
    }
    reply_ok(reply);
}

static void command_read_register(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint8_t bytes[REGISTER_BYTES_MAX];
    uint64_t number;
    unsigned size;

    (void)n;
    if (!packet_hex(&args, &number) || *args) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    size = registers_read(&g->registers, stub_cpu(g), (unsigned)MIN(number, UINT32_MAX), bytes);
    if (!size) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    packet_append_hex(reply, bytes, size);
}

static void command_write_register(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint8_t bytes[REGISTER_BYTES_MAX];
    const char *p = args;
    uint64_t number;
    unsigned size;

    if (!packet_hex(&p, &number) || *p++ != '=' || number > UINT32_MAX ||
        !(size = registers_size(&g->registers, (unsigned)number)) ||
        n - (size_t)(p - args) != 2 * (size_t)size || !packet_parse_hex(p, bytes, size) ||
        !registers_write(&g->registers, stub_cpu(g), (unsigned)number, bytes)) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    reply_ok(reply);
}

/* "g" and a thread, or "c" and a thread */
static void command_choose(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    char what = *args;
    int cpu;

    (void)n;
    args += what != '\0';
    if ((what != 'g' && what != 'c') || !parse_thread(g, &args, &cpu) || *args) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    if (what == 'c') {
        g->resume_cpu = cpu;
    } else if (cpu >= 0) {
        g->cpu = (unsigned)cpu;
    }
    reply_ok(reply);
}

static void command_alive(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    int cpu;

    (void)n;
    if (parse_thread(g, &args, &cpu) && !*args && cpu >= 0) {
        reply_ok(reply);
    } else {
        reply_error(reply, GDB_EINVAL);
    }
}

/* "type,addr,kind": kind is the length of watchpoints.  False: an empty reply says "not supported". */
static bool parse_point(const char *args, struct debug_point *p, GString *reply)
{
    uint64_t type, kind;

    if (!packet_hex(&args, &type) || *args++ != ',' || !packet_hex(&args, &p->addr) ||
        *args++ != ',' || !packet_hex(&args, &kind) || (*args && *args != ';')) {
        reply_error(reply, GDB_EINVAL);
        return false;
    }
    p->type = (enum debug_point_type)MIN(type, DEBUG_POINT_TYPES);
    p->len = kind;
    return type < DEBUG_POINT_TYPES;
}

static void command_insert(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    struct debug_point p;

    (void)n;
    if (!parse_point(args, &p, reply)) {
        return;
    }
    if (debugger_insert(g->machine, &p)) {
        reply_ok(reply);
    } else {
        reply_error(reply, GDB_EINVAL);
    }
}

static void command_remove(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    struct debug_point p;

    (void)n;
    if (!parse_point(args, &p, reply)) {
        return;
    }
    if (debugger_remove(g->machine, &p)) {
        reply_ok(reply);
    } else {
        reply_error(reply, GDB_EINVAL);
    }
}

static void command_detach(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    reply_ok(reply);
    stub_detach(g, true);
}

static void command_kill(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    (void)reply;
    g->connected = false; /* it expects no reply */
    machine_request_shutdown(g->machine, SHUTDOWN_HOST_MONITOR);
}

/* clang-format off */
static const struct command_row letter_commands[] = {
    { "?", true,  command_why, true },
    { "g", true,  command_read_registers },
    { "G", false, command_write_registers },
    { "p", false, command_read_register },
    { "P", false, command_write_register },
    { "m", false, command_read_memory },
    { "M", false, command_write_memory },
    { "X", false, command_write_binary },
    { "c", false, command_continue },
    { "C", false, command_continue_signal },
    { "s", false, command_step },
    { "S", false, command_step_signal },
    { "H", false, command_choose },
    { "T", false, command_alive },
    { "Z", false, command_insert },
    { "z", false, command_remove },
    { "D", false, command_detach },
    { "k", false, command_kill, true },
    { 0 }
};
/* clang-format on */

const struct command_row *packet_command(const char *packet, size_t n)
{
    const struct command_row *const tables[] = { query_commands, letter_commands };

    for (unsigned t = 0; t < G_N_ELEMENTS(tables); t++) {
        for (const struct command_row *c = tables[t]; c->name; c++) {
            size_t len = strlen(c->name);

            if (n >= len && memcmp(packet, c->name, len) == 0 && (!c->exact || n == len)) {
                return c;
            }
        }
    }
    return NULL;
}
