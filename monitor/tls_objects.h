/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/tls_objects.h: the options of -object tls-creds-*, for objects.c's table.
 * Thread: machine lock held.
 */
#ifndef MONITOR_TLS_OBJECTS_H
#define MONITOR_TLS_OBJECTS_H

#include "block/options.h"

struct machine;

extern const struct block_option_row tls_x509_rows[], tls_psk_rows[], tls_anon_rows[];

bool add_tls_x509(struct machine *m, const char *id, const struct block_options *o,
                  const char *text, GError **error);
bool add_tls_psk(struct machine *m, const char *id, const struct block_options *o, const char *text,
                 GError **error);
bool add_tls_anon(struct machine *m, const char *id, const struct block_options *o,
                  const char *text, GError **error);
/* Credentials of that kind have this id. */
bool has_tls_x509(struct machine *m, const char *id);
bool has_tls_psk(struct machine *m, const char *id);
bool has_tls_anon(struct machine *m, const char *id);
bool del_tls(struct machine *m, const char *id, GError **error);

#endif
