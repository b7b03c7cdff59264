/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/daemon.h: -daemonize: the program goes on without its terminal.
 * Thread: the program's first, before any other.
 */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include <glib.h>
#include <stdbool.h>

/*
 * Goes on in a child.  The parent waits, and leaves: with status 0 once the child calls daemon_ready, with 1 when
 * the child ends before; what the child says on standard error until then is still heard.  -1 and *error; else
 * what daemon_ready wants.
 */
int daemon_begin(GError **error);
/* Leaves the folder and the terminal, and lets the parent go. */
bool daemon_ready(int fd, GError **error);

#endif
