/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/query.c: packets that begin with q, Q and v.
 *
 * Thread: main loop, machine lock held.
 * Source: GDB manual, "General Query Packets"; QEMU manual, "GDB usage", for what names qemu.
 */
#include <string.h>
#include "gdbstub/stub.h"
#include "monitor/monitor.h"

#define SSTEP_BITS "ENABLE=1,NOIRQ=2,NOTIMER=4"

static bool lists(const char *list, const char *word)
{
    g_auto(GStrv) words = g_strsplit(list, ";", -1);

    return g_strv_contains((const char *const *)words, word);
}

static void query_supported(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    const char *list = *args == ':' ? args + 1 : "";

    (void)n;
    g->multiprocess = lists(list, "multiprocess+");
    g->swbreak = lists(list, "swbreak+");
    g->hwbreak = lists(list, "hwbreak+");
    g_string_append_printf(reply,
                           "PacketSize=%x;qXfer:features:read+;vContSupported+;"
                           "QStartNoAckMode+;swbreak+;hwbreak+",
                           PACKET_MAX);
    if (g->multiprocess) {
        g_string_append(reply, ";multiprocess+");
    }
}

static void query_no_ack(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    reply_ok(reply); /* still acknowledged */
    g->no_ack = true;
}

static void query_current(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    g_string_append(reply, "QC");
    append_thread(g, reply, g->cpu);
}

/* As many as a packet holds well. */
static void query_next_threads(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    if (g->next_listed >= g->machine->n_vcpus) {
        g_string_append_c(reply, 'l');
        return;
    }
    for (unsigned k = 0; k < 64 && g->next_listed < g->machine->n_vcpus; k++) {
        g_string_append_c(reply, k ? ',' : 'm');
        append_thread(g, reply, g->next_listed++);
    }
}

static void query_first_threads(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    g->next_listed = 0;
    query_next_threads(g, args, n, reply);
}

static void query_thread_info(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    g_autofree char *text = NULL;
    int cpu;

    (void)n;
    if (!parse_thread(g, &args, &cpu) || *args || cpu < 0) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    text = g_strdup_printf("CPU#%d [%s]", cpu,
                           x86_cpu_of(g->machine->vcpus[cpu])->halted ? "halted " : "running");
    packet_append_hex(reply, (const uint8_t *)text, strlen(text));
}

static void query_attached(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)g;
    (void)args;
    (void)n;
    g_string_append_c(reply, '1');
}

/* "ANNEX:offset,length" */
static void query_features(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    size_t size = strlen(g->description), left;
    uint64_t offset, length;

    (void)n;
    if (!g_str_has_prefix(args, "target.xml:")) {
        g_string_append(reply, "E00");
        return;
    }
    args += strlen("target.xml:");
    if (!packet_hex(&args, &offset) || *args++ != ',' || !packet_hex(&args, &length) || *args) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    left = size - MIN(offset, size);
    length = MIN(length, PACKET_MAX / 2); /* escapes need room */
    g_string_append_c(reply, length < left ? 'm' : 'l');
    g_string_append_len(reply, g->description + (size - left), (gssize)MIN(length, left));
}

/* A line for the monitor.  What it prints goes in packets of its own. */
static void query_command(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    g_autofree char *line = g_malloc0(n / 2 + 1);
    g_autoptr(GString) out = g_string_new(NULL);

    if (n == 0 || n % 2 || !packet_parse_hex(args, (uint8_t *)line, n / 2)) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    monitor_execute(g->machine, line, out);
    for (size_t at = 0; at < out->len; at += PACKET_MAX / 4) {
        g_autoptr(GString) part = g_string_new("O");

        packet_append_hex(part, (const uint8_t *)out->str + at, MIN(out->len - at, PACKET_MAX / 4));
        stub_send(g, part->str, part->len);
    }
    reply_ok(reply);
}

static void query_sstep_bits(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)g;
    (void)args;
    (void)n;
    g_string_append(reply, SSTEP_BITS);
}

static void query_sstep(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    g_string_append_printf(reply, "0x%x", g->sstep);
}

/* Hexadecimal, with or without 0x. */
static void set_sstep(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint64_t v;

    (void)n;
    args += g_str_has_prefix(args, "0x") ? 2 : 0;
    if (!packet_hex(&args, &v) || *args || (v & ~(uint64_t)SSTEP_ALL)) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    g->sstep = (unsigned)v;
    reply_ok(reply);
}

static void query_physical(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    g_string_append_c(reply, g->physical ? '1' : '0');
}

static void set_physical(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    uint64_t v;

    (void)n;
    if (!packet_hex(&args, &v) || *args) {
        reply_error(reply, GDB_EINVAL);
        return;
    }
    g->physical = v != 0;
    reply_ok(reply);
}

static void query_qemu(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)g;
    (void)args;
    (void)n;
    g_string_append(reply, "sstepbits;sstep;PhyMemMode");
}

static void command_attach(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    (void)reply;
    stub_send_stop(g); /* there is one process, and it is attached */
}

static void command_vkill(struct gdbstub *g, const char *args, size_t n, GString *reply)
{
    (void)args;
    (void)n;
    reply_ok(reply);
    machine_request_shutdown(g->machine, SHUTDOWN_HOST_MONITOR);
}

/* clang-format off */
const struct command_row query_commands[] = {
    { "qSupported",           false, query_supported },
    { "QStartNoAckMode",      true,  query_no_ack },
    { "qC",                   true,  query_current },
    { "qfThreadInfo",         true,  query_first_threads },
    { "qsThreadInfo",         true,  query_next_threads },
    { "qThreadExtraInfo,",    false, query_thread_info },
    { "qAttached",            false, query_attached },
    { "qXfer:features:read:", false, query_features },
    { "qRcmd,",               false, query_command },
    { "qqemu.sstepbits",      true,  query_sstep_bits },
    { "qqemu.sstep",          true,  query_sstep },
    { "Qqemu.sstep=",         false, set_sstep },
    { "Qqemu.sstep:",         false, set_sstep },
    { "qqemu.PhyMemMode",     true,  query_physical },
    { "Qqemu.PhyMemMode:",    false, set_physical },
    { "qqemu.Supported",      true,  query_qemu },
    { "vCont?",               true,  command_vcont_query },
    { "vCont",                false, command_vcont },
    { "vAttach;",             false, command_attach, true },
    { "vKill;",               false, command_vkill },
    { 0 }
};
/* clang-format on */
