/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/tls.h: TLS by GnuTLS: credentials as -object tls-creds-x509, -psk and -anon describe them, and a connection
 * that is encrypted on its way.
 *
 * A thread for each connection does the handshake and then carries bytes between the socket and one end of a pair of
 * sockets; whoever has the other end reads and writes plain bytes, and knows of TLS only that the connection ends
 * where the handshake fails.
 * Thread: any.
 */
#ifndef UTIL_TLS_H
#define UTIL_TLS_H

#include <glib.h>
#include <stdbool.h>

enum tls_kind { TLS_X509, TLS_PSK, TLS_ANON };
extern const char *const tls_kind_names[]; /* "tls-creds-x509", ... */

struct tls_options {
    enum tls_kind kind;
    bool server;          /* endpoint= */
    const char *dir;      /* where keys and certificates are; of TLS_ANON may be NULL */
    bool verify_peer;     /* a server asks clients for certificates, a client checks the server's */
    const char *priority; /* GnuTLS's algorithms; NULL: usual ones */
    const char *username; /* of a PSK client */
    const char *password; /* of the X.509 key's file; NULL: it has none */
};

struct tls_creds;

/* NULL and *error: a file cannot be used, or this program was built without GnuTLS. */
struct tls_creds *tls_creds_new(const struct tls_options *o, GError **error);
struct tls_creds *tls_creds_ref(struct tls_creds *c);
void tls_creds_unref(struct tls_creds *c);
bool tls_creds_are_server(const struct tls_creds *c);
enum tls_kind tls_creds_kind(const struct tls_creds *c);

/*
 * Takes over the connected socket `fd`, whatever comes of it; returns the plain end, or -1 and *error.  `hostname`: whom
 * a client's X.509 credentials expect; NULL: anybody that the authority vouches for.
 */
int tls_wrap(struct tls_creds *c, int fd, const char *hostname, GError **error);

#endif
