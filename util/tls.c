/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/tls.c: see tls.h.  Source: GnuTLS's manual; the names of files: QEMU's documentation, "TLS setup for network
 * services".
 *
 * Invariant: no plain byte goes either way before the handshake is complete and the peer is verified.
 * Thread:    credentials any, constant once made; a connection its own.
 */
#include "util/tls.h"

#include "config.h"
#include "util/error.h"

const char *const tls_kind_names[] = { "tls-creds-x509", "tls-creds-psk", "tls-creds-anon" };

#if CONFIG_GNUTLS
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/log.h"

#define PART             16384u
#define HANDSHAKE_MOST_S 30
#define LINGER_MS        10000 /* for the last bytes of a side that has gone */

struct tls_creds {
    _Atomic unsigned refs;
    enum tls_kind kind;
    bool server, verify_peer;
    char *priority;
    gnutls_certificate_credentials_t x509;
    gnutls_psk_server_credentials_t psk_server;
    gnutls_psk_client_credentials_t psk_client;
    gnutls_anon_server_credentials_t anon_server;
    gnutls_anon_client_credentials_t anon_client;
};

/* Credentials ----------------------------------------------------------------------------------- */

/* The file of that name in the folder; *error when it must be there and is not.  NULL: it is not. */
static char *find_file(const char *dir, const char *name, bool must, GError **error)
{
    char *path = g_build_filename(dir, name, NULL);

    if (access(path, R_OK) == 0) {
        return path;
    }
    if (must) {
        set_errno_error(error, "Unable to access credentials %s", path);
    }
    g_free(path);
    return NULL;
}

static bool check(int rc, const char *what, const char *path, GError **error)
{
    if (rc < 0) {
        set_error(error, "Unable to load %s '%s': %s", what, path, gnutls_strerror(rc));
    }
    return rc >= 0;
}

static bool load_x509(struct tls_creds *c, const struct tls_options *o, GError **error)
{
    const char *who = o->server ? "server" : "client";
    g_autofree char *cert_name = g_strconcat(who, "-cert.pem", NULL);
    g_autofree char *key_name = g_strconcat(who, "-key.pem", NULL);
    g_autofree char *ca = find_file(o->dir, "ca-cert.pem", !o->server || o->verify_peer, error);
    g_autofree char *crl = find_file(o->dir, "ca-crl.pem", false, NULL);
    g_autofree char *cert = NULL, *key = NULL;

    if (!ca && (!o->server || o->verify_peer)) {
        return false;
    }
    cert = find_file(o->dir, cert_name, o->server, error);
    if (!cert && o->server) {
        return false;
    }
    key = find_file(o->dir, key_name, cert != NULL, error);
    if (!key && cert) {
        return false;
    }
    gnutls_certificate_allocate_credentials(&c->x509);
    if (ca && !check(gnutls_certificate_set_x509_trust_file(c->x509, ca, GNUTLS_X509_FMT_PEM),
                     "CA certificate", ca, error)) {
        return false;
    }
    if (crl && !check(gnutls_certificate_set_x509_crl_file(c->x509, crl, GNUTLS_X509_FMT_PEM),
                      "CRL", crl, error)) {
        return false;
    }
    if (cert && !check(gnutls_certificate_set_x509_key_file2(c->x509, cert, key,
                                                             GNUTLS_X509_FMT_PEM, o->password, 0),
                       "certificate and key", cert, error)) {
        return false;
    }
    if (o->server) {
        gnutls_certificate_set_known_dh_params(c->x509, GNUTLS_SEC_PARAM_MEDIUM);
    }
    return true;
}

/* "USER:HEX" of a line of keys.psk. */
static char *find_psk(const char *path, const char *user, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    size_t len = strlen(user);

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return NULL;
    }
    lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines[i]; i++) {
        if (strncmp(lines[i], user, len) == 0 && lines[i][len] == ':') {
            return g_strdup(g_strstrip(lines[i] + len + 1));
        }
    }
    set_error(error, "Username %s not found in PSK file %s", user, path);
    return NULL;
}

static bool load_psk(struct tls_creds *c, const struct tls_options *o, GError **error)
{
    g_autofree char *path = find_file(o->dir, "keys.psk", true, error);
    const char *user = o->username ? o->username : "qemu";
    g_autofree char *key = NULL;
    gnutls_datum_t datum;

    if (!path) {
        return false;
    }
    if (o->server) {
        gnutls_psk_allocate_server_credentials(&c->psk_server);
        gnutls_psk_set_server_known_dh_params(c->psk_server, GNUTLS_SEC_PARAM_MEDIUM);
        return check(gnutls_psk_set_server_credentials_file(c->psk_server, path), "PSK file", path,
                     error);
    }
    key = find_psk(path, user, error);
    if (!key) {
        return false;
    }
    datum = (gnutls_datum_t){ (unsigned char *)key, (unsigned)strlen(key) };
    gnutls_psk_allocate_client_credentials(&c->psk_client);
    return check(gnutls_psk_set_client_credentials(c->psk_client, user, &datum, GNUTLS_PSK_KEY_HEX),
                 "the key in", path, error);
}

static void load_anon(struct tls_creds *c)
{
    if (c->server) {
        gnutls_anon_allocate_server_credentials(&c->anon_server);
        gnutls_anon_set_server_known_dh_params(c->anon_server, GNUTLS_SEC_PARAM_MEDIUM);
    } else {
        gnutls_anon_allocate_client_credentials(&c->anon_client);
    }
}

/* Without certificates a cipher suite must be named; version 1.3 has none for nobody. */
static const char *const kinds_of_key[] = { "", ":+ECDHE-PSK:+DHE-PSK:+PSK",
                                            ":-VERS-TLS1.3:+ANON-ECDH:+ANON-DH" };

static bool check_priority(const char *priority, GError **error)
{
    gnutls_priority_t p;
    const char *at = NULL;
    int rc = gnutls_priority_init(&p, priority, &at);

    if (rc < 0) {
        set_error(error, "Unable to set TLS session priority %s: %s at '%s'", priority,
                  gnutls_strerror(rc), at ? at : "");
        return false;
    }
    gnutls_priority_deinit(p);
    return true;
}

struct tls_creds *tls_creds_new(const struct tls_options *o, GError **error)
{
    struct tls_creds *c;

    if (o->kind != TLS_ANON && (!o->dir || !*o->dir)) {
        set_error(error, "Missing 'dir' property value");
        return NULL;
    }
    c = g_new0(struct tls_creds, 1);
    atomic_init(&c->refs, 1);
    c->kind = o->kind;
    c->server = o->server;
    c->verify_peer = o->verify_peer;
    c->priority = g_strconcat(o->priority ? o->priority : "NORMAL", kinds_of_key[o->kind], NULL);
    if (o->kind == TLS_ANON) {
        load_anon(c);
    }
    if (!check_priority(c->priority, error) || (o->kind == TLS_X509 && !load_x509(c, o, error)) ||
        (o->kind == TLS_PSK && !load_psk(c, o, error))) {
        tls_creds_unref(c);
        return NULL;
    }
    return c;
}

struct tls_creds *tls_creds_ref(struct tls_creds *c)
{
    atomic_fetch_add(&c->refs, 1);
    return c;
}

void tls_creds_unref(struct tls_creds *c)
{
    if (atomic_fetch_sub(&c->refs, 1) > 1) {
        return;
    }
    if (c->x509) {
        gnutls_certificate_free_credentials(c->x509);
    }
    if (c->psk_server) {
        gnutls_psk_free_server_credentials(c->psk_server);
    }
    if (c->psk_client) {
        gnutls_psk_free_client_credentials(c->psk_client);
    }
    if (c->anon_server) {
        gnutls_anon_free_server_credentials(c->anon_server);
    }
    if (c->anon_client) {
        gnutls_anon_free_client_credentials(c->anon_client);
    }
    g_free(c->priority);
    g_free(c);
}

bool tls_creds_are_server(const struct tls_creds *c)
{
    return c->server;
}

enum tls_kind tls_creds_kind(const struct tls_creds *c)
{
    return c->kind;
}

/* A connection ---------------------------------------------------------------------------------- */

struct buffer {
    uint8_t bytes[PART];
    size_t head, len;
    bool ended; /* nothing follows */
};

struct relay {
    struct tls_creds *creds;
    gnutls_session_t session;
    int outer, inner; /* the connection; our end of the pair */
    char *hostname;
    struct buffer out, in; /* to the other end, from it */
};

static void relay_free(struct relay *r)
{
    if (r->session) {
        gnutls_deinit(r->session);
    }
    close(r->outer);
    if (r->inner >= 0) {
        close(r->inner);
    }
    tls_creds_unref(r->creds);
    g_free(r->hostname);
    g_free(r);
}

static int begin_session(struct relay *r)
{
    struct tls_creds *c = r->creds;
    unsigned role = c->server ? GNUTLS_SERVER : GNUTLS_CLIENT;
    int rc = gnutls_init(&r->session, role | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

    rc = rc < 0 ? rc : gnutls_priority_set_direct(r->session, c->priority, NULL);
    if (rc < 0) {
        return rc;
    }
    gnutls_transport_set_int(r->session, r->outer);
    switch (c->kind) {
    case TLS_X509:
        if (c->server) {
            gnutls_certificate_server_set_request(r->session, c->verify_peer ? GNUTLS_CERT_REQUIRE
                                                                             : GNUTLS_CERT_IGNORE);
        } else if (r->hostname) {
            gnutls_server_name_set(r->session, GNUTLS_NAME_DNS, r->hostname, strlen(r->hostname));
        }
        return gnutls_credentials_set(r->session, GNUTLS_CRD_CERTIFICATE, c->x509);
    case TLS_PSK:
        return gnutls_credentials_set(r->session, GNUTLS_CRD_PSK,
                                      c->server ? (void *)c->psk_server : (void *)c->psk_client);
    default:
        return gnutls_credentials_set(r->session, GNUTLS_CRD_ANON,
                                      c->server ? (void *)c->anon_server : (void *)c->anon_client);
    }
}

/* NULL, or why the handshake failed. */
static const char *shake_hands(struct relay *r)
{
    gint64 deadline = g_get_monotonic_time() + HANDSHAKE_MOST_S * G_USEC_PER_SEC;
    int rc;

    while ((rc = gnutls_handshake(r->session)) < 0) {
        struct pollfd p[2] = { { .fd = r->outer }, { .fd = r->inner } };
        int left = (int)((deadline - g_get_monotonic_time()) / 1000);

        if (rc != GNUTLS_E_AGAIN && rc != GNUTLS_E_INTERRUPTED &&
            (gnutls_error_is_fatal(rc) || left <= 0)) {
            return gnutls_strerror(rc);
        }
        p[0].events = gnutls_record_get_direction(r->session) ? POLLOUT : POLLIN;
        if (left <= 0 || poll(p, 2, left) == 0) {
            return "it takes too long";
        }
        if (p[1].revents & (POLLHUP | POLLERR)) {
            return "nobody wants it any more";
        }
    }
    return NULL;
}

static const char *verify(struct relay *r)
{
    unsigned status = 0;
    int rc;

    if (r->creds->kind != TLS_X509 || !r->creds->verify_peer) {
        return NULL;
    }
    rc = gnutls_certificate_verify_peers3(r->session, r->creds->server ? NULL : r->hostname,
                                          &status);
    return rc < 0 ? gnutls_strerror(rc)
           : status & GNUTLS_CERT_UNEXPECTED_OWNER
               ? "the certificate does not match the host's name"
           : status & GNUTLS_CERT_EXPIRED          ? "the certificate has expired"
           : status & GNUTLS_CERT_REVOKED          ? "the certificate was revoked"
           : status & GNUTLS_CERT_SIGNER_NOT_FOUND ? "the certificate is of an unknown authority"
           : status                                ? "the certificate is not trusted"
                                                   : NULL;
}

/* What one side has, as much as there is room for. False: it is over. */
static bool fill_out(struct relay *r)
{
    ssize_t n = read(r->inner, r->out.bytes, PART);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    r->out.head = 0;
    r->out.len = (size_t)n;
    r->out.ended = n == 0;
    return true;
}

static bool fill_in(struct relay *r)
{
    ssize_t n = gnutls_record_recv(r->session, r->in.bytes, PART);

    if (n < 0) {
        return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED || !gnutls_error_is_fatal((int)n);
    }
    r->in.head = 0;
    r->in.len = (size_t)n;
    r->in.ended = n == 0;
    return true;
}

static bool drain_out(struct relay *r)
{
    ssize_t n = gnutls_record_send(r->session, r->out.bytes + r->out.head, r->out.len);

    if (n < 0) {
        return n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED;
    }
    r->out.head += (size_t)n;
    r->out.len -= (size_t)n;
    return true;
}

static bool drain_in(struct relay *r)
{
    ssize_t n = send(r->inner, r->in.bytes + r->in.head, r->in.len, MSG_NOSIGNAL);

    if (n < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    r->in.head += (size_t)n;
    r->in.len -= (size_t)n;
    return true;
}

static bool is_left(const struct relay *r)
{
    struct pollfd p = { .fd = r->inner };

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR));
}

/* One round: everything that can go on without waiting, then the wait. */
static bool carry(struct relay *r)
{
    struct pollfd p[2] = { { .fd = r->outer }, { .fd = r->inner } };
    bool pending;
    int ready;

    if (r->out.len && !drain_out(r)) {
        return false;
    }
    if (r->in.len && !drain_in(r)) {
        return false;
    }
    if (r->in.ended && !r->in.len) {
        return false; /* the other end has gone: so does ours */
    }
    if (r->out.ended && !r->out.len) {
        gnutls_bye(r->session, GNUTLS_SHUT_WR);
        return false;
    }
    pending = !r->in.len && gnutls_record_check_pending(r->session) > 0;
    p[0].events = (short)((r->in.len ? 0 : POLLIN) | (r->out.len ? POLLOUT : 0));
    p[1].events = (short)((r->out.len ? 0 : POLLIN) | (r->in.len ? POLLOUT : 0));
    for (unsigned i = 0; i < 2;
         i++) { /* a hang-up that nobody wants to know of now must not wake */
        p[i].fd = p[i].events ? p[i].fd : -1;
    }
    ready = poll(p, 2, pending ? 0 : r->out.len ? LINGER_MS : -1);
    if (ready < 0 && errno != EINTR) {
        return false;
    }
    if (ready == 0 && !pending && is_left(r)) {
        return false; /* the other end takes nothing, and nobody waits for it */
    }
    if (!r->in.len && (pending || p[0].revents & (POLLIN | POLLHUP | POLLERR)) && !fill_in(r)) {
        return false;
    }
    return r->out.len || !(p[1].revents & (POLLIN | POLLHUP | POLLERR)) || fill_out(r);
}

static gpointer relay_run(gpointer opaque)
{
    struct relay *r = opaque;
    int rc = begin_session(r);
    const char *why = rc < 0 ? gnutls_strerror(rc) : shake_hands(r);

    why = why ? why : verify(r);
    if (why) {
        if (!r->creds->server) { /* a server's clients may be anybody */
            report_warning("TLS: the connection is closed: %s", why);
        }
    } else {
        while (carry(r)) {
        }
    }
    relay_free(r);
    return NULL;
}

static void no_wait(int fd)
{
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

int tls_wrap(struct tls_creds *c, int fd, const char *hostname, GError **error)
{
    struct relay *r;
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        set_errno_error(error, "cannot make a pair of sockets for TLS");
        close(fd);
        return -1;
    }
    r = g_new0(struct relay, 1);
    r->creds = tls_creds_ref(c);
    r->outer = fd;
    r->inner = pair[0];
    r->hostname = g_strdup(hostname);
    no_wait(r->outer);
    no_wait(r->inner);
    g_thread_unref(g_thread_new("tls", relay_run, r));
    return pair[1];
}
#else
struct tls_creds *tls_creds_new(const struct tls_options *o, GError **error)
{
    set_error(
        error,
        "%s: this program was built without GnuTLS: install Debian's libgnutls28-dev, then run "
        "configure and make",
        tls_kind_names[o->kind]);
    return NULL;
}

/* There are none. */
struct tls_creds *tls_creds_ref(struct tls_creds *c)
{
    return c;
}

void tls_creds_unref(struct tls_creds *c)
{
    (void)c;
}

bool tls_creds_are_server(const struct tls_creds *c)
{
    (void)c;
    return false;
}

enum tls_kind tls_creds_kind(const struct tls_creds *c)
{
    (void)c;
    return TLS_ANON;
}

int tls_wrap(struct tls_creds *c, int fd, const char *hostname, GError **error)
{
    (void)c;
    (void)fd;
    (void)hostname;
    set_error(error, "there is no TLS");
    return -1;
}
#endif
