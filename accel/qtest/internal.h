/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/internal.h: what the files of this folder share.
 * Thread: machine lock held.
 */
#ifndef ACCEL_QTEST_INTERNAL_H
#define ACCEL_QTEST_INTERNAL_H

#include <glib.h>
#include <stdbool.h>
#include "accel/qtest/qtest.h"
#include "softmmu/device.h"

struct qtest_watch;

/* A line and a transfer have at most so many bytes. */
#define QTEST_LINE_MAX     (64u << 20)
#define QTEST_TRANSFER_MAX (16u << 20)

/* server.c: a line that answers nothing. */
void qtest_send(struct qtest *q, const char *line);
struct machine *qtest_machine(const struct qtest *q);
/* The lines that are watched; NULL: none. */
struct qtest_watch **qtest_watch_of(struct qtest *q);

/* commands.c: appends to "OK" what a command answers; false and *error otherwise. */
bool qtest_execute(struct qtest *q, char **words, unsigned n, GString *answer, GError **error);

/* lines.c.  The device at a path of the object tree, of that id, or the first of that type; NULL: none. */
struct device *qtest_find_device(struct machine *m, const char *name);
/* From now on each change of a line is sent. A further device is refused. */
bool qtest_watch_lines(struct qtest *q, struct device *dev, const struct device_lines *lines,
                       GError **error);
void qtest_watch_free(struct machine *m, struct qtest_watch *w);
bool qtest_set_line(struct device *dev, const char *name, uint64_t number, bool level,
                    GError **error);

#endif
