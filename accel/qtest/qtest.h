/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * accel/qtest/qtest.h: a machine that a test drives.
 * Thread: main loop, machine lock held.
 */
#ifndef ACCEL_QTEST_QTEST_H
#define ACCEL_QTEST_QTEST_H

#include <glib.h>
#include "softmmu/vcpu.h"

struct chardev;
struct machine;
struct qtest;

/* -accel qtest: vCPUs that do not run. */
extern const struct vcpu_ops qtest_vcpu_ops;

/*
 * -qtest: takes the chardev over.  `log` is a file's name, "none", or NULL for standard error.
 */
struct qtest *qtest_new(struct machine *m, struct chardev *c, const char *log, GError **error);
/* Before the machine's devices go; NULL is allowed. */
void qtest_free(struct qtest *q);

#endif
