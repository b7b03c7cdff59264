/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user_hostfwd.c: ports of the host that lead into the guest: hostfwd=, hostfwd_add, hostfwd_remove.
 * Thread: under the machine lock.
 */
#include "config.h"
#if CONFIG_SLIRP
#include <arpa/inet.h>
#include <errno.h>
#include <libslirp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "util/socket.h"
#include "net/user.h"
#include "util/error.h"
#include "util/log.h"

#define PORT_TRIES 16

/* "PROTOCOL:", which is passed. */
static bool take_protocol(const char **text, bool *udp)
{
    char *name = user_take(text, ':');
    bool ok = name && (!*name || strcmp(name, "tcp") == 0 || strcmp(name, "udp") == 0);

    *udp = ok && strcmp(name, "udp") == 0;
    g_free(name);
    return ok;
}

/* "[ADDRESS]:", an IPv6 address in brackets; "" is `none`, in network order. */
static bool take_address(const char **text, uint32_t none, union user_address *a)
{
    bool bracket = **text == '[';
    g_autofree char *inner = NULL, *rest = NULL;

    *a = (union user_address){ .v4 = { .sin_family = AF_INET, .sin_addr.s_addr = none } };
    *text += bracket;
    inner = user_take(text, bracket ? ']' : ':');
    if (!inner) {
        return false;
    }
    if (!bracket) {
        return !*inner || inet_pton(AF_INET, inner, &a->v4.sin_addr) == 1;
    }
    rest = user_take(text, ':');
    *a = (union user_address){ .v6 = { .sin6_family = AF_INET6 } };
    return rest && !*rest && inet_pton(AF_INET6, inner, &a->v6.sin6_addr) == 1;
}

static uint16_t *port_of(union user_address *a)
{
    return a->any.sa_family == AF_INET6 ? &a->v6.sin6_port : &a->v4.sin_port;
}

static socklen_t size_of(const union user_address *a)
{
    return a->any.sa_family == AF_INET6 ? sizeof(a->v6) : sizeof(a->v4);
}

static bool set_port(const char *text, unsigned least, union user_address *a)
{
    uint16_t port;

    if (!user_parse_port(text, least, &port)) {
        return false;
    }
    *port_of(a) = htons(port);
    return true;
}

/* "[tcp|udp]:[hostaddr]:hostport", which ends at `end`. */
static bool parse_host_side(const char **text, char end, struct user_forward *f)
{
    g_autofree char *port = NULL;

    if (!take_protocol(text, &f->udp) || !take_address(text, htonl(INADDR_LOOPBACK), &f->host)) {
        return false;
    }
    port = end ? user_take(text, end) : g_strdup(*text);
    return set_port(port, 0, &f->host);
}

/* An IPv6 guest has no address that would be known: it must be given. */
static bool parse_hostfwd(const char *text, struct user_forward *f)
{
    const char *p = text;

    return parse_host_side(&p, '-', f) && take_address(&p, INADDR_ANY, &f->guest) &&
           set_port(p, 1, &f->guest) && f->guest.any.sa_family == f->host.any.sa_family;
}

static int flags_of(const struct user_forward *f)
{
    return (f->udp ? SLIRP_HOSTFWD_UDP : 0) |
           (f->host.any.sa_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
}

/* A port that is free now; false with errno. */
static bool choose_port(struct user_forward *f)
{
    int fd = socket(f->host.any.sa_family, (f->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    union user_address a = f->host;
    socklen_t len = sizeof(a);
    bool ok = fd >= 0 && bind(fd, &a.any, size_of(&a)) == 0 && getsockname(fd, &a.any, &len) == 0;
    int why = errno;

    if (fd >= 0) {
        close(fd);
    }
    f->host = ok ? a : f->host;
    errno = why;
    return ok;
}

/* Port 0: another one each time that somebody was quicker. */
static bool listen_at(struct net_user *u, struct user_forward *f)
{
    bool any = *port_of(&f->host) == 0, done = false;

    for (unsigned i = 0; !done && i < (any ? PORT_TRIES : 1); i++) {
        if (any) {
            *port_of(&f->host) = 0;
            if (!choose_port(f)) {
                return false;
            }
        }
        done = slirp_add_hostxfwd(u->slirp, &f->host.any, size_of(&f->host), &f->guest.any,
                                  size_of(&f->guest), flags_of(f)) == 0;
    }
    if (done && any) {
        char text[SOCKET_ADDRESS_TEXT];

        socket_address_text(&f->host.any, size_of(&f->host), text);
        report_info("netdev '%s': hostfwd %s %s leads to port %u of the guest", u->client.name,
                    f->udp ? "udp" : "tcp", text, ntohs(*port_of(&f->guest)));
    }
    return done;
}

bool user_add_hostfwd(struct net_user *u, const char *text, GError **error)
{
    struct user_forward f = { 0 };

    if (!parse_hostfwd(text, &f)) {
        set_error(error,
                  "invalid host forwarding rule '%s': must be "
                  "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport with IPv4 addresses, "
                  "or both in brackets and of IPv6",
                  text);
        return false;
    }
    user_poll_forget(u->poll, -1);
    if (!listen_at(u, &f)) {
        set_errno_error(error, "could not set up host forwarding rule '%s'", text);
        return false;
    }
    g_array_append_val(u->forwards, f);
    user_poll_wake(u->poll);
    return true;
}

static bool same_host(union user_address *a, union user_address *b)
{
    return a->any.sa_family == b->any.sa_family && *port_of(a) == *port_of(b) &&
           (a->any.sa_family == AF_INET6
                ? memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0
                : a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr);
}

bool user_remove_hostfwd(struct net_user *u, const char *text, GError **error)
{
    struct user_forward f = { 0 };
    const char *p = text;

    if (!parse_host_side(&p, '\0', &f)) {
        set_error(error, "invalid format '%s': must be [tcp|udp]:[hostaddr]:hostport", text);
        return false;
    }
    for (unsigned i = 0; i < u->forwards->len; i++) {
        struct user_forward *have = &g_array_index(u->forwards, struct user_forward, i);

        if (have->udp == f.udp && same_host(&have->host, &f.host)) {
            slirp_remove_hostxfwd(u->slirp, &f.host.any, size_of(&f.host), flags_of(&f));
            user_poll_forget(u->poll, -1);
            user_poll_wake(u->poll);
            g_array_remove_index(u->forwards, i);
            return true;
        }
    }
    set_error(error, "host forwarding rule for %s not found", text);
    return false;
}
#endif
