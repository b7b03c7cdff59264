/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/setup.h: from options to a machine that is ready to start.
 *
 * Thread: the program's first, machine lock held.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include <glib.h>
#include <stdbool.h>

struct display_type;
struct machine;
struct options;
struct qtest;

/* What main frees before the machine. */
struct session {
    struct machine *machine;
    GPtrArray *monitors; /* struct monitor * */
    GPtrArray *qmp;      /* struct qmp_session * */
    struct qtest *qtest;
    const struct display_type *display_type;
    void *display; /* NULL: nothing is shown */
};

/* Configuration, character devices, the board, -device's devices, monitors: in this order. */
bool session_setup(struct session *s, struct options *o, GError **error);
/* Opens the display: from here on the terminal may be its. */
bool session_show(struct session *s, const struct options *o, GError **error);
/* Starts the vCPUs and, unless told otherwise, the guest: as it was saved, if that was asked for. */
bool session_start(struct session *s, const struct options *o, GError **error);
void session_clear(struct session *s);

/* firmware_options.c: reads the files, and fills the machine's config. */
bool firmware_setup(struct machine *m, struct options *o, GError **error);

#endif
