/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * softmmu/tls_store.h: TLS credentials by the ids of -object tls-creds-*.
 * Thread: machine lock held.
 */
#ifndef SOFTMMU_TLS_STORE_H
#define SOFTMMU_TLS_STORE_H

#include "util/tls.h"

struct machine;

/* Takes the reference. */
void tls_store_add(struct machine *m, const char *id, struct tls_creds *creds);
/* NULL: there are none of that id; no new reference. */
struct tls_creds *tls_store_find(struct machine *m, const char *id);
/* Connections keep theirs. */
void tls_store_remove(struct machine *m, const char *id);
/*
 * A new reference to those that are for this end.  NULL and *error: there are none of that id, or they are for the
 * other end.
 */
struct tls_creds *tls_store_get(struct machine *m, const char *id, bool server, GError **error);

#endif
