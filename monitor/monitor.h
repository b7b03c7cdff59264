/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/monitor.h: the human monitor: a prompt on a character device.
 *
 * Commands are rows (monitor/command.h) and write to a string, so that other front ends can run
 * them through monitor_execute.  Thread: main loop, machine lock held.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include <glib.h>

struct machine;
struct chardev;
struct monitor;

#define MONITOR_PROMPT "(qemu) "

/* Takes the chardev as a front; on a mux it waits for its turn.  NULL and *error: it is taken. */
struct monitor *monitor_new(struct machine *m, struct chardev *c, GError **error);
void monitor_free(struct monitor *mon);
/* char *, the oldest first. */
const GPtrArray *monitor_history(const struct monitor *mon);
/* Runs one line and appends what it prints, lines ending in "\n". */
void monitor_execute(struct machine *m, const char *line, GString *out);

#endif
