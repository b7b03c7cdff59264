/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gdbstub/stub.h: what the files of this folder share.
 *
 * Invariants: `waits` is set from a command that lets vCPUs run to the stop reply; a command other than
 *             these finds the machine stopped.
 * Thread:     main loop, machine lock held.
 */
#ifndef GDBSTUB_STUB_H
#define GDBSTUB_STUB_H

#include "gdbstub/gdbstub.h"
#include "gdbstub/packet.h"
#include "gdbstub/registers.h"
#include "softmmu/machine.h"

/* Bits of qqemu.sstep. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4, SSTEP_ALL = 7 };

/* Signals, by gdb's numbers. */
enum { GDB_SIGINT = 2, GDB_SIGQUIT = 3, GDB_SIGTRAP = 5, GDB_SIGABRT = 6 };

/* Errno values, as they stand in E replies. */
enum { GDB_EFAULT = 14, GDB_EINVAL = 22, GDB_E2BIG = 7 };

struct gdbstub {
    struct machine *machine;
    struct chardev *chardev;
    struct packet_reader reader;
    GString *sent; /* the last packet, until it is acknowledged */
    struct registers registers;
    char *description;
    struct run_state_listener listener;
    bool connected;
    bool was_running; /* when the client came: it is let go when the client vanishes */
    bool waits;
    bool busy;                           /* within a command */
    bool no_ack;                         /* QStartNoAckMode */
    bool multiprocess, swbreak, hwbreak; /* what the client understands */
    bool physical;                       /* Qqemu.PhyMemMode */
    unsigned sstep;
    unsigned cpu;         /* that g, m and the like are about */
    int resume_cpu;       /* c and s; -1: all */
    unsigned next_listed; /* qsThreadInfo */
};

/* Appends to `reply`.  An empty one says that the packet is not known, unless a stop will answer. */
typedef void command_fn(struct gdbstub *g, const char *args, size_t n, GString *reply);

struct command_row {
    const char *name;
    bool exact; /* nothing follows */
    command_fn *run;
    bool replies; /* itself, or not at all */
};
extern const struct command_row query_commands[]; /* query.c: q, Q, v; ends with name NULL */
/* commands.c: the row of a packet, or NULL. */
const struct command_row *packet_command(const char *packet, size_t n);

/* stub.c */
struct x86_cpu *stub_cpu(const struct gdbstub *g);
void reply_ok(GString *reply);
void reply_error(GString *reply, unsigned errno_value);
/* The numbers of threads are those of vCPUs and one more.  "any" and "all" are 0 and -1. */
void append_thread(const struct gdbstub *g, GString *to, unsigned cpu);
bool parse_thread(const struct gdbstub *g, const char **p,
                  int *cpu); /* -1: all; any: the chosen one */
void stub_send(struct gdbstub *g, const char *data, size_t n);
void stub_send_stop(struct gdbstub *g);
/* The client is no more interested: the machine goes on unless it did not before. */
void stub_detach(struct gdbstub *g, bool run);

/* memory.c */
command_fn command_read_memory, command_write_memory, command_write_binary;
/* resume.c */
command_fn command_continue, command_step, command_continue_signal, command_step_signal,
    command_vcont, command_vcont_query;

#endif
