/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/l2tpv3.c: -netdev l2tpv3: frames in a tunnel of two fixed ends, over UDP or right over IP.
 * Source: RFC 3931 (L2TPv3), 4.1.1.1 (over IP), 4.1.2.1 (over UDP), 4.6 (the sublayer with a sequence number).
 *
 * What goes before a frame: over UDP a word, then session, cookie, counter, and `offset` bytes. What comes with another
 * session or cookie, or is shorter than that, is dropped; its counter is not looked at.
 * Thread: under the machine lock.
 */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>
#include "net/netdev.h"
#include "net/stream.h"
#include "util/error.h"

#define DATA_OVER_UDP  0x00030000u /* version 3, a data message */
#define SEQUENCED      0x40000000u
#define SEQUENCE_MASK  0x00ffffffu
#define PROTOCOL       115 /* of IP, 4.1.1 */
#define OFFSET_MOST    1024u
#define IP_HEADER_MOST 60u

G_STATIC_ASSERT(IP_HEADER_MOST + 4 + 4 + 8 + 4 + OFFSET_MOST <= DGRAM_HEAD_MOST);

struct l2tpv3 {
    struct dgram_framing framing;
    uint64_t tx_session, rx_session, tx_cookie, rx_cookie, offset;
    unsigned cookie_bytes; /* 0, 4, 8 */
    bool udp, ipv6, counter, pinned;
    uint32_t sent; /* frames */
};

static size_t put_word(uint8_t *at, uint32_t v)
{
    v = htonl(v);
    memcpy(at, &v, sizeof(v));
    return sizeof(v);
}

static uint32_t get_word(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, sizeof(v));
    return ntohl(v);
}

static size_t put_cookie(const struct l2tpv3 *l, uint8_t *at, uint64_t cookie)
{
    size_t n = 0;

    if (l->cookie_bytes == 8) {
        n += put_word(at, (uint32_t)(cookie >> 32));
    }
    return l->cookie_bytes ? n + put_word(at + n, (uint32_t)cookie) : 0;
}

static size_t put_head(struct dgram_framing *f, uint8_t *head)
{
    struct l2tpv3 *l = (struct l2tpv3 *)f;
    size_t n = 0;

    if (l->udp) {
        n += put_word(head, DATA_OVER_UDP);
    }
    n += put_word(head + n, (uint32_t)l->tx_session);
    n += put_cookie(l, head + n, l->tx_cookie);
    if (l->counter) {
        l->sent = (l->sent + 1) & SEQUENCE_MASK;
        n += put_word(head + n, l->pinned ? 0 : SEQUENCED | l->sent);
    }
    memset(head + n, 0, l->offset);
    return n + l->offset;
}

/* A raw socket of IPv4 gives the packet's own header, too. */
static size_t ip_bytes(const struct l2tpv3 *l, const uint8_t *data, size_t len)
{
    return l->udp || l->ipv6 || len == 0 ? 0 : (data[0] & 15u) * 4u;
}

static size_t strip_head(struct dgram_framing *f, const uint8_t *data, size_t len)
{
    struct l2tpv3 *l = (struct l2tpv3 *)f;
    size_t at = ip_bytes(l, data, len) + (l->udp ? 4 : 0);
    uint8_t cookie[8];

    if (len < at + 4 + l->cookie_bytes + (l->counter ? 4 : 0) + l->offset) {
        return DGRAM_UNWANTED;
    }
    if (get_word(data + at) != l->rx_session) {
        return DGRAM_UNWANTED;
    }
    put_cookie(l, cookie, l->rx_cookie);
    if (memcmp(data + at + 4, cookie, l->cookie_bytes) != 0) {
        return DGRAM_UNWANTED;
    }
    return at + 4 + l->cookie_bytes + (l->counter ? 4 : 0) + l->offset;
}

/* Connected: what others send does not arrive. */
static bool open_tunnel(struct dgram_peer *p, const struct dgram_ends *e, GError **error)
{
    struct l2tpv3 *l = (struct l2tpv3 *)e->framing;
    struct sockaddr_storage here, there;
    socklen_t here_len, there_len;

    if (!socket_address_resolve(&e->local, SOCK_DGRAM, false, &here, &here_len, error) ||
        !socket_address_resolve(&e->remote, SOCK_DGRAM, false, &there, &there_len, error)) {
        return false;
    }
    p->fd = socket(here.ss_family, (l->udp ? SOCK_DGRAM : SOCK_RAW) | SOCK_CLOEXEC | SOCK_NONBLOCK,
                   l->udp ? 0 : PROTOCOL);
    if (p->fd < 0) {
        set_errno_error(error, "cannot make a socket for L2TP%s",
                        errno == EPERM ? ", which needs CAP_NET_RAW: try udp=on" : "");
        return false;
    }
    if (bind(p->fd, (struct sockaddr *)&here, here_len) < 0) {
        set_errno_error(error, "cannot be at src '%s'", e->local.host);
        return false;
    }
    if (connect(p->fd, (struct sockaddr *)&there, there_len) < 0) {
        set_errno_error(error, "cannot send to dst '%s'", e->remote.host);
        return false;
    }
    p->connected = true;
    return true;
}

/* Options --------------------------------------------------------------------------------------- */

static bool take_flag(const GPtrArray *opts, const char *key, bool *on, GError **error)
{
    const char *value = options_get(opts, key);

    if (value && !parse_bool(value, on)) {
        set_error(error, "l2tpv3: %s is '%s', must be on or off", key, value);
        return false;
    }
    return true;
}

static bool take_number(const GPtrArray *opts, const char *key, uint64_t most, uint64_t *v,
                        GError **error)
{
    const char *value = options_get(opts, key);

    if (value && !parse_uint(value, 0, most, v)) {
        set_error(error, "l2tpv3: %s is '%s', must be 0 to %" G_GUINT64_FORMAT, key, value, most);
        return false;
    }
    return true;
}

static bool take_cookies(struct l2tpv3 *l, const GPtrArray *opts, GError **error)
{
    bool wide = false, tx = options_get(opts, "txcookie"), rx = options_get(opts, "rxcookie");

    if (!take_flag(opts, "cookie64", &wide, error)) {
        return false;
    }
    if (tx != rx) {
        set_error(error, "l2tpv3: txcookie= and rxcookie= must be given together");
        return false;
    }
    l->cookie_bytes = !tx ? 0 : wide ? 8 : 4;
    return take_number(opts, "txcookie", wide ? UINT64_MAX : UINT32_MAX, &l->tx_cookie, error) &&
           take_number(opts, "rxcookie", wide ? UINT64_MAX : UINT32_MAX, &l->rx_cookie, error);
}

static bool take_session(struct l2tpv3 *l, const GPtrArray *opts, GError **error)
{
    if (!options_get(opts, "txsession")) {
        set_error(error, "l2tpv3: txsession= is missing");
        return false;
    }
    if (!take_number(opts, "txsession", UINT32_MAX, &l->tx_session, error)) {
        return false;
    }
    l->rx_session = l->tx_session;
    return take_number(opts, "rxsession", UINT32_MAX, &l->rx_session, error);
}

static bool take_end(struct socket_address *a, const struct l2tpv3 *l, const GPtrArray *opts,
                     const char *host_key, const char *port_key, GError **error)
{
    const char *host = options_get(opts, host_key), *port = options_get(opts, port_key);
    uint64_t n;

    if (!host || !*host) {
        set_error(error, "l2tpv3: %s= is missing", host_key);
        return false;
    }
    if (l->udp && !port) {
        set_error(error, "l2tpv3: %s= is missing, which udp=on needs", port_key);
        return false;
    }
    if (l->udp && !parse_uint(port, 0, 65535, &n)) {
        set_error(error, "l2tpv3: %s is '%s', must be 0 to 65535", port_key, port);
        return false;
    }
    a->kind = SOCKET_ADDRESS_INET;
    a->family = l->ipv6 ? AF_INET6 : AF_INET;
    a->host = g_strdup(host);
    a->port = g_strdup(l->udp ? port : "0");
    return true;
}

static bool take_options(struct l2tpv3 *l, struct dgram_ends *e, const GPtrArray *opts,
                         GError **error)
{
    if (!take_flag(opts, "udp", &l->udp, error) || !take_flag(opts, "ipv6", &l->ipv6, error) ||
        !take_flag(opts, "counter", &l->counter, error) ||
        !take_flag(opts, "pincounter", &l->pinned, error) ||
        !take_number(opts, "offset", OFFSET_MOST, &l->offset, error) ||
        !take_cookies(l, opts, error) || !take_session(l, opts, error)) {
        return false;
    }
    l->counter |= l->pinned;
    return take_end(&e->local, l, opts, "src", "srcport", error) &&
           take_end(&e->remote, l, opts, "dst", "dstport", error);
}

struct net_client *l2tpv3_open(struct machine *m, const char *id, const GPtrArray *opts,
                               GError **error)
{
    static const char *const keys[] = { "src",        "dst",       "srcport",   "dstport",
                                        "ipv6",       "udp",       "cookie64",  "counter",
                                        "pincounter", "txsession", "rxsession", "txcookie",
                                        "rxcookie",   "offset",    NULL };
    struct dgram_ends e = { .local.fd = -1, .remote.fd = -1, .open = open_tunnel };
    struct l2tpv3 *l;

    if (!netdev_check_keys("l2tpv3", opts, keys, error)) {
        return NULL;
    }
    l = g_new0(struct l2tpv3, 1);
    l->framing = (struct dgram_framing){ put_head, strip_head };
    e.framing = &l->framing;
    if (!take_options(l, &e, opts, error)) {
        dgram_clear_ends(&e);
        return NULL;
    }
    return dgram_new(m, "l2tpv3", id, &e, "l2tpv3: connected", error);
}
