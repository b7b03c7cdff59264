/* SPDX-License-Identifier: GPL-2.0-or-later */
/* softmmu/tls_store.c: see tls_store.h. */
#include "softmmu/tls_store.h"

#include "softmmu/machine.h"
#include "util/error.h"

static void unref(gpointer creds)
{
    tls_creds_unref(creds);
}

void tls_store_add(struct machine *m, const char *id, struct tls_creds *creds)
{
    if (!m->tls_creds) {
        m->tls_creds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, unref);
    }
    g_hash_table_replace(m->tls_creds, g_strdup(id), creds);
}

struct tls_creds *tls_store_find(struct machine *m, const char *id)
{
    return m->tls_creds ? g_hash_table_lookup(m->tls_creds, id) : NULL;
}

void tls_store_remove(struct machine *m, const char *id)
{
    if (m->tls_creds) {
        g_hash_table_remove(m->tls_creds, id);
    }
}

struct tls_creds *tls_store_get(struct machine *m, const char *id, bool server, GError **error)
{
    struct tls_creds *c = tls_store_find(m, id);

    if (!c) {
        set_error(error, "No TLS credentials with id '%s'", id);
        return NULL;
    }
    if (tls_creds_are_server(c) != server) {
        set_error(error, "Expected TLS credentials for a %s endpoint: '%s' has endpoint=%s",
                  server ? "server" : "client", id, server ? "client" : "server");
        return NULL;
    }
    return tls_creds_ref(c);
}
