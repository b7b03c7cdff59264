/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/tls_objects.c: see tls_objects.h.
 */
#include "monitor/tls_objects.h"

#include <string.h>
#include "block/driver.h"
#include "softmmu/machine.h"
#include "softmmu/tls_store.h"
#include "util/error.h"

/* clang-format off */
#define COMMON_ROWS                                                                                                  \
    { "dir",          BLOCK_OPTION_STRING, NULL,     "the folder with the files", 0, 0, NULL },                      \
    { "endpoint",     BLOCK_OPTION_CHOICE, "client", "which end they are for", 0, 0, "client|server" },              \
    { "priority",     BLOCK_OPTION_STRING, NULL,     "GnuTLS's priority string", 0, 0, NULL },                       \
    { "verify-peer",  BLOCK_OPTION_BOOL,   "on",     "check the other end's certificate", 0, 0, NULL }

const struct block_option_row tls_x509_rows[] = {
    COMMON_ROWS,
    { "passwordid",   BLOCK_OPTION_STRING, NULL,     "the id of a secret: the password of the key's file", 0, 0, NULL },
    { "sanity-check", BLOCK_OPTION_BOOL,   "on",     "accepted: GnuTLS checks when it connects", 0, 0, NULL },
    { 0 }
};
const struct block_option_row tls_psk_rows[] = {
    COMMON_ROWS,
    { "username",     BLOCK_OPTION_STRING, NULL,     "a client's name in keys.psk (default: qemu)", 0, 0, NULL },
    { 0 }
};
const struct block_option_row tls_anon_rows[] = { COMMON_ROWS, { 0 } };
/* clang-format on */

static bool add(struct machine *m, const char *id, const struct block_options *o,
                const struct block_option_row *rows, enum tls_kind kind, GError **error)
{
    const char *password_id = block_options_get(o, "passwordid");
    size_t len = 0;
    const void *secret =
        password_id ? block_graph_secret(block_graph_of(m), password_id, &len) : NULL;
    g_autofree char *password = secret ? g_strndup(secret, len) : NULL;
    const struct tls_options options = {
        .kind = kind,
        .server = block_option_choice(o, rows, "endpoint") == 1,
        .dir = block_options_get(o, "dir"),
        .verify_peer = block_option_bool(o, rows, "verify-peer"),
        .priority = block_options_get(o, "priority"),
        .username = block_options_get(o, "username"),
        .password = password,
    };
    struct tls_creds *creds;

    if (password_id && !secret) {
        set_error(error, "No secret with id '%s'", password_id);
        return false;
    }
    creds = tls_creds_new(&options, error);
    if (creds) {
        tls_store_add(m, id, creds);
    }
    return creds != NULL;
}

bool add_tls_x509(struct machine *m, const char *id, const struct block_options *o,
                  const char *text, GError **error)
{
    (void)text;
    return add(m, id, o, tls_x509_rows, TLS_X509, error);
}

bool add_tls_psk(struct machine *m, const char *id, const struct block_options *o, const char *text,
                 GError **error)
{
    (void)text;
    return add(m, id, o, tls_psk_rows, TLS_PSK, error);
}

bool add_tls_anon(struct machine *m, const char *id, const struct block_options *o,
                  const char *text, GError **error)
{
    (void)text;
    return add(m, id, o, tls_anon_rows, TLS_ANON, error);
}

static bool has_kind(struct machine *m, const char *id, enum tls_kind kind)
{
    const struct tls_creds *c = tls_store_find(m, id);

    return c && tls_creds_kind(c) == kind;
}

bool has_tls_x509(struct machine *m, const char *id)
{
    return has_kind(m, id, TLS_X509);
}

bool has_tls_psk(struct machine *m, const char *id)
{
    return has_kind(m, id, TLS_PSK);
}

bool has_tls_anon(struct machine *m, const char *id)
{
    return has_kind(m, id, TLS_ANON);
}

bool del_tls(struct machine *m, const char *id, GError **error)
{
    (void)error; /* connections have theirs */
    tls_store_remove(m, id);
    return true;
}
