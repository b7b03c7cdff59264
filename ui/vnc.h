/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc.h: VNC servers of a machine: what -vnc takes, and what monitors ask and change.
 * Thread: main loop, machine lock held.
 */
#ifndef UI_VNC_H
#define UI_VNC_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct machine;

/* "[HOST]:DISPLAY", "unix:PATH", each with options, without opening anything.  False and *error. */
bool vnc_check_options(const char *text, GError **error);
/* Listens, or connects with reverse=on. */
bool vnc_open(struct machine *m, const char *text, GError **error);
void vnc_close_all(struct machine *m);

/* The password of a server; id NULL: of the first.  False and *error: there is none, or it asks for none. */
bool vnc_set_password(struct machine *m, const char *id, const char *password, GError **error);
/* "now", "never", "+SECONDS", "SECONDS" since 1970. */
bool vnc_expire_password(struct machine *m, const char *id, const char *when, GError **error);
/* Takes over a connected socket. */
bool vnc_add_client(struct machine *m, int fd, bool skip_auth, GError **error);

/* VncInfo of the first server, [VncInfo2] of all; for people. */
json_t *vnc_query(struct machine *m);
json_t *vnc_query_servers(struct machine *m);
void vnc_print(struct machine *m, GString *out);

#endif
