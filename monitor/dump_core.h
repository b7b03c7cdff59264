/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/dump_core.h: an ELF core of RAM and CPUs, which gdb reads.
 *
 * A segment is a range of RAM, at its physical address; with `paging` one of a CPU's page tables, at its linear
 * address.  RAM is in the file once, whatever refers to it; pages of zeros are holes where the file can have them.
 */
#ifndef MONITOR_DUMP_CORE_H
#define MONITOR_DUMP_CORE_H

#include "softmmu/machine.h"

struct dump;

/*
 * Looks at the RAM between physical addresses, and at the CPUs.  Machine lock held, vCPUs stopped; they stay stopped, and
 * RAM where it is, as long as the dump is there.  NULL and *error: there is none, or the page tables are a maze.
 */
struct dump *dump_new(struct machine *m, bool paging, uint64_t begin, uint64_t end, GError **error);
void dump_free(struct dump *d);
/* Any thread. */
bool dump_write(struct dump *d, int fd, GError **error);
/* dump_write fails soon if nobody takes what it writes.  Any thread. */
void dump_stop(struct dump *d);
/* Bytes of RAM; any thread. */
uint64_t dump_done(const struct dump *d);
uint64_t dump_total(const struct dump *d);

#endif
