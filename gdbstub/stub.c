/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/stub.c: a client's session: its bytes, and what it is told when the machine stops.
 *
 * A client that comes stops the machine.  One that vanishes lets it run on, if it ran before; its break- and
 * watchpoints go with it.
 * Thread: main loop, machine lock held.
 * Source: GDB manual, "Stop Reply Packets".
 */
#include <string.h>
#include "chardev/chardev.h"
#include "gdbstub/stub.h"
#include "util/error.h"

#define RECEIVE_MAX 4096

struct x86_cpu *stub_cpu(const struct gdbstub *g)
{
    return x86_cpu_of(g->machine->vcpus[MIN(g->cpu, g->machine->n_vcpus - 1)]);
}

void reply_ok(GString *reply)
{
    g_string_append(reply, "OK");
}

void reply_error(GString *reply, unsigned errno_value)
{
    g_string_append_printf(reply, "E%02u", errno_value);
}

/* Threads ----------------------------------------------------------------------------------------- */

void append_thread(const struct gdbstub *g, GString *to, unsigned cpu)
{
    g_string_append_printf(to, g->multiprocess ? "p01.%02x" : "%02x", cpu + 1);
}

/* A number, or -1. */
static bool parse_id(const char **p, int64_t *id)
{
    uint64_t v;

    if (g_str_has_prefix(*p, "-1")) {
        *p += 2;
        *id = -1;
        return true;
    }
    if (!packet_hex(p, &v) || v > INT32_MAX) {
        return false;
    }
    *id = (int64_t)v;
    return true;
}

bool parse_thread(const struct gdbstub *g, const char **p, int *cpu)
{
    int64_t process = 1, thread;

    if (**p == 'p') {
        (*p)++;
        if (!parse_id(p, &process) || process > 1) {
            return false;
        }
        if (**p != '.') { /* all of the process */
            *cpu = -1;
            return true;
        }
        (*p)++;
    }
    if (!parse_id(p, &thread) || thread > g->machine->n_vcpus) {
        return false;
    }
    *cpu = thread == 0 ? (int)g->cpu : thread < 0 ? -1 : (int)thread - 1;
    return true;
}

/* Sending ----------------------------------------------------------------------------------------- */

void stub_send(struct gdbstub *g, const char *data, size_t n)
{
    g_string_truncate(g->sent, 0);
    packet_append(g->sent, data, n);
    /* What does not fit into a queue of 1 MiB is for a client that does not read: it may ask again. */
    chardev_write(g->chardev, g->sent->str, g->sent->len);
}

static unsigned stop_signal(const struct machine *m)
{
    static const uint8_t signals[RUN_STATE_COUNT] = {
        [RUN_STATE_PRELAUNCH] = GDB_SIGTRAP,      [RUN_STATE_PAUSED] = GDB_SIGINT,
        [RUN_STATE_DEBUG] = GDB_SIGTRAP,          [RUN_STATE_SHUTDOWN] = GDB_SIGQUIT,
        [RUN_STATE_INTERNAL_ERROR] = GDB_SIGABRT, [RUN_STATE_GUEST_PANICKED] = GDB_SIGABRT,
        [RUN_STATE_SUSPENDED] = GDB_SIGINT,
    };

    return signals[m->run_state] ? signals[m->run_state] : GDB_SIGTRAP;
}

/* What gdb wants to know beside the signal, if it understands it. */
static void append_reason(const struct gdbstub *g, GString *to)
{
    static const char *const watch_names[DEBUG_POINT_TYPES] = {
        [DEBUG_WATCH_WRITE] = "watch",
        [DEBUG_WATCH_READ] = "rwatch",
        [DEBUG_WATCH_ACCESS] = "awatch",
    };
    const struct debug_stop *stop = &g->machine->debugger.stop;

    if (g->machine->run_state != RUN_STATE_DEBUG) {
        return;
    }
    if (stop->reason == DEBUG_STOP_WATCH) {
        g_string_append_printf(to, "%s:%" G_GINT64_MODIFIER "x;", watch_names[stop->type],
                               stop->addr);
    } else if (stop->reason == DEBUG_STOP_BREAK && stop->type == DEBUG_BREAK_SOFT && g->swbreak) {
        g_string_append(to, "swbreak:;");
    } else if (stop->reason == DEBUG_STOP_BREAK && stop->type == DEBUG_BREAK_HARD && g->hwbreak) {
        g_string_append(to, "hwbreak:;");
    }
}

void stub_send_stop(struct gdbstub *g)
{
    g_autoptr(GString) reply = g_string_new(NULL);

    g_string_append_printf(reply, "T%02xthread:", stop_signal(g->machine));
    append_thread(g, reply, g->cpu);
    g_string_append_c(reply, ';');
    append_reason(g, reply);
    g->waits = false;
    stub_send(g, reply->str, reply->len);
}

/* Run states -------------------------------------------------------------------------------------- */

/* Not at once: when the program ends, gdbstub_free has more to say. */
static void tell_of_shutdown(void *opaque)
{
    struct machine *m = opaque;

    if (m->gdbstub && m->gdbstub->waits && m->run_state != RUN_STATE_RUNNING) {
        stub_send_stop(m->gdbstub);
    }
}

/* The machine runs, or will without anybody's word. */
static bool passes(enum run_state state)
{
    static const bool states[RUN_STATE_COUNT] = {
        [RUN_STATE_RUNNING] = true,        [RUN_STATE_SUSPENDED] = true,
        [RUN_STATE_SAVE_VM] = true,        [RUN_STATE_RESTORE_VM] = true,
        [RUN_STATE_FINISH_MIGRATE] = true,
    };

    return states[state];
}

static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct gdbstub *g = (struct gdbstub *)((char *)l - offsetof(struct gdbstub, listener));
    struct machine *m = g->machine;

    if (passes(state)) {
        return;
    }
    if (state == RUN_STATE_DEBUG && m->debugger.stop.cpu) {
        g->cpu = (unsigned)m->debugger.stop.cpu->index;
        g->resume_cpu = -1;
    }
    debugger_release(m);
    if (!g->waits) {
        return;
    }
    if (state == RUN_STATE_SHUTDOWN) {
        machine_call_soon(m, tell_of_shutdown, m);
    } else {
        stub_send_stop(g);
    }
}

static void interrupt(struct gdbstub *g)
{
    if (g->machine->run_state == RUN_STATE_RUNNING) {
        machine_set_run_state(g->machine, RUN_STATE_PAUSED); /* which replies */
    } else if (g->waits) {
        stub_send_stop(g);
    }
}

void stub_detach(struct gdbstub *g, bool run)
{
    struct machine *m = g->machine;

    g->waits = false;
    debugger_forget(m);
    if (run && (m->run_state == RUN_STATE_PRELAUNCH || machine_is_paused(m))) {
        machine_set_run_state(m, RUN_STATE_RUNNING);
    }
}

/* Packets ----------------------------------------------------------------------------------------- */

static void execute(struct gdbstub *g)
{
    const struct command_row *c = packet_command(g->reader.data, g->reader.n);
    g_autoptr(GString) reply = g_string_new(NULL);
    bool waited = g->waits, silent;

    if (g->machine->run_state == RUN_STATE_RUNNING) { /* commands are for a machine that stands */
        machine_set_run_state(g->machine, RUN_STATE_PAUSED);
    } else if (waited) {
        g->waits = false;
    }
    g_string_truncate(g->sent, 0);
    if (c) {
        size_t len = strlen(c->name);

        c->run(g, g->reader.data + len, g->reader.n - len, reply);
    }
    /* An empty reply is one, too: not supported. */
    silent = c && reply->len == 0 && (c->replies || g->waits || g->sent->len);
    if (!silent) {
        stub_send(g, reply->str, reply->len);
    }
}

/* The chardev's front ----------------------------------------------------------------------------- */

static size_t can_receive(void *opaque)
{
    (void)opaque;
    return RECEIVE_MAX;
}

static void resend(struct gdbstub *g)
{
    if (!g->no_ack && g->sent->len) {
        chardev_write(g->chardev, g->sent->str, g->sent->len);
    }
}

static void take_byte(struct gdbstub *g, uint8_t byte)
{
    switch (packet_read(&g->reader, byte, g->no_ack)) {
    case PACKET_DONE:
        if (!g->no_ack) {
            chardev_write(g->chardev, "+", 1);
        }
        execute(g);
        break;
    case PACKET_BAD:
        if (g->no_ack) {
            stub_send(g, "E22", 3);
        } else {
            chardev_write(g->chardev, "-", 1);
        }
        break;
    case PACKET_NAK:
        resend(g);
        break;
    case PACKET_INTERRUPT:
        interrupt(g);
        break;
    default:
        break;
    }
}

static void receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct gdbstub *g = opaque;

    g->busy = true;
    for (size_t k = 0; k < n; k++) {
        take_byte(g, buf[k]);
    }
    g->busy = false;
}

static void client_came(struct gdbstub *g)
{
    struct machine *m = g->machine;

    g->reader.state = READ_IDLE;
    g_string_truncate(g->sent, 0);
    g->no_ack = g->multiprocess = g->swbreak = g->hwbreak = g->physical = g->waits = false;
    g->sstep = SSTEP_ALL;
    g->cpu = 0;
    g->resume_cpu = -1;
    g->connected = true;
    g->was_running = m->run_state == RUN_STATE_RUNNING || m->run_state == RUN_STATE_SUSPENDED;
    if (m->run_state == RUN_STATE_RUNNING) {
        machine_set_run_state(m, RUN_STATE_PAUSED);
    }
}

static void event(void *opaque, enum chardev_event what)
{
    struct gdbstub *g = opaque;

    if (what == CHARDEV_OPENED) {
        client_came(g);
    } else if (what == CHARDEV_CLOSED && g->connected) {
        g->connected = false;
        stub_detach(g, g->was_running);
    } else if (what == CHARDEV_BREAK) {
        interrupt(g);
    }
}

struct gdbstub *gdbstub_new(struct machine *m, struct chardev *c, GError **error)
{
    struct gdbstub *g;
    struct chardev_front front = { .can_receive = can_receive, .receive = receive, .event = event };

    if (m->n_vcpus == 0) {
        set_error(error, "this machine has no CPU to debug");
        return NULL;
    }
    g = g_new0(struct gdbstub, 1);
    g->machine = m;
    g->chardev = c;
    g->sent = g_string_new(NULL);
    g->sstep = SSTEP_ALL;
    g->resume_cpu = -1;
    registers_init(&g->registers, x86_cpu_of(m->vcpus[0]));
    g->description = registers_describe(&g->registers);
    g->listener.changed = run_state_changed;
    machine_add_run_listener(m, &g->listener);
    front.opaque = g;
    m->gdbstub = g;
    if (!chardev_attach(c, &front, error)) {
        g->chardev = NULL;
        gdbstub_free(g);
        return NULL;
    }
    return g;
}

void gdbstub_free(struct gdbstub *g)
{
    if (!g) {
        return;
    }
    if (g->chardev) {
        if (g->connected) {
            char text[8];
            int n = g_snprintf(text, sizeof(text), "W%02x", g->machine->exit_status & 0xff);

            stub_send(g, text, (size_t)n);
            stub_detach(g, false);
        }
        chardev_detach(g->chardev, g);
    }
    machine_del_run_listener(g->machine, &g->listener);
    g->machine->gdbstub = NULL;
    registers_clear(&g->registers);
    g_string_free(g->sent, TRUE);
    g_free(g->description);
    g_free(g);
}

struct chardev *gdbstub_chardev(const struct gdbstub *g)
{
    return g->chardev;
}

gboolean gdbstub_is_busy(const struct gdbstub *g)
{
    return g->busy;
}
