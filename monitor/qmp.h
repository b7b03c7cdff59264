/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp.h: QMP: commands and events in JSON on a character device (QEMU's "QMP Protocol Specification").
 *
 * Any number of sessions; each has its own negotiation, queue and received descriptors.
 * Thread: main loop, machine lock held; events may come from any thread with the lock.
 */
#ifndef MONITOR_QMP_H
#define MONITOR_QMP_H

#include <glib.h>
#include <stdbool.h>

struct machine;
struct chardev;
struct qmp_session;

/* Takes the chardev as a front, and greets whoever is there.  NULL and *error: it is taken. */
struct qmp_session *qmp_session_new(struct machine *m, struct chardev *c, bool pretty,
                                    GError **error);
void qmp_session_free(struct qmp_session *s);

#endif
