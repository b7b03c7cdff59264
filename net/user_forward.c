/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user_forward.c: ports between the host and the guests of -netdev user: hostfwd= and guestfwd=.
 *
 * A guest forward's connection is made when it is set up, and is there for one guest connection after the
 * other. What the other side does not take at once waits here, up to a bound; then it is given up.
 * Thread: under the machine lock.
 */
#include "config.h"
#if CONFIG_SLIRP
#include <errno.h>
#include <libslirp.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <glib-unix.h>
#include "net/user.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define PENDING_MOST (1u << 20)
#define RECV_MOST    4096u

/* Texts ----------------------------------------------------------------------------------------- */

/* The text up to `end`, which is passed; NULL: there is none. */
static char *take(const char **text, char end)
{
    const char *p = strchr(*text, end);
    char *part;

    if (!p) {
        return NULL;
    }
    part = g_strndup(*text, (size_t)(p - *text));
    *text = p + 1;
    return part;
}

static bool parse_port(const char *text, unsigned least, uint16_t *port)
{
    uint64_t v;

    if (!text || !parse_uint(text, least, 65535, &v)) {
        return false;
    }
    *port = (uint16_t)v;
    return true;
}

/* "" is `none`. */
static bool parse_address(const char *text, uint32_t none, struct in_addr *a)
{
    a->s_addr = htonl(none);
    return text && (!*text || inet_pton(AF_INET, text, a) == 1);
}

static bool parse_protocol(const char *text, bool *udp)
{
    *udp = text && strcmp(text, "udp") == 0;
    return text && (*udp || !*text || strcmp(text, "tcp") == 0);
}

/* "[tcp|udp]:[hostaddr]:hostport", which ends at `end`. */
static bool parse_host_side(const char **text, char end, struct user_forward *f)
{
    g_autofree char *protocol = take(text, ':'), *address = protocol ? take(text, ':') : NULL;
    g_autofree char *port = !address ? NULL : end ? take(text, end) : g_strdup(*text);

    return parse_protocol(protocol, &f->udp) && parse_address(address, INADDR_LOOPBACK, &f->host) &&
           parse_port(port, 0, &f->host_port);
}

static bool parse_hostfwd(const char *text, struct user_forward *f)
{
    const char *p = text;
    g_autofree char *guest = NULL;

    if (!parse_host_side(&p, '-', f)) {
        return false;
    }
    guest = take(&p, ':');
    return parse_address(guest, INADDR_ANY, &f->guest) && parse_port(p, 1, &f->guest_port);
}

/* Into the guest -------------------------------------------------------------------------------- */

static bool have_port(const struct net_user *u, bool udp, unsigned port)
{
    for (unsigned i = 0; i < u->forwards->len; i++) {
        const struct user_forward *f = &g_array_index(u->forwards, struct user_forward, i);

        if (f->udp == udp && f->host_port == port) {
            return true;
        }
    }
    return false;
}

/* What the host chose for port 0 is in libslirp's list alone: "  TCP[HOST_FORWARD]  FD  ADDRESS PORT ...". */
static void find_port(struct net_user *u, struct user_forward *f)
{
    g_autofree char *list = slirp_connection_info(u->slirp);
    g_auto(GStrv) rows = g_strsplit(list, "\n", -1);

    for (unsigned i = 0; rows[i] && f->host_port == 0; i++) {
        char protocol[4], address[64];
        unsigned port;

        if (sscanf(rows[i], " %3[A-Z][HOST_FORWARD] %*d %63s %u", protocol, address, &port) == 3 &&
            strcmp(protocol, f->udp ? "UDP" : "TCP") == 0 && !have_port(u, f->udp, port)) {
            f->host_port = (uint16_t)port;
        }
    }
    report_info("netdev '%s': hostfwd %s %s:%u leads to port %u of the guest", u->client.name,
                f->udp ? "udp" : "tcp", inet_ntoa(f->host), f->host_port, f->guest_port);
}

bool user_add_hostfwd(struct net_user *u, const char *text, GError **error)
{
    struct user_forward f = { 0 };

    if (!parse_hostfwd(text, &f)) {
        set_error(error,
                  "invalid host forwarding rule '%s': must be "
                  "[tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport with IPv4 addresses",
                  text);
        return false;
    }
    user_poll_forget(u->poll, -1);
    if (slirp_add_hostfwd(u->slirp, f.udp, f.host, f.host_port, f.guest, f.guest_port) < 0) {
        set_errno_error(error, "could not set up host forwarding rule '%s'", text);
        return false;
    }
    if (f.host_port == 0) {
        find_port(u, &f);
    }
    g_array_append_val(u->forwards, f);
    user_poll_wake(u->poll);
    return true;
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
        const struct user_forward *have = &g_array_index(u->forwards, struct user_forward, i);

        if (have->udp == f.udp && have->host.s_addr == f.host.s_addr &&
            have->host_port == f.host_port) {
            slirp_remove_hostfwd(u->slirp, f.udp, f.host, f.host_port);
            user_poll_forget(u->poll, -1);
            user_poll_wake(u->poll);
            g_array_remove_index(u->forwards, i);
            return true;
        }
    }
    set_error(error, "host forwarding rule for %s not found", text);
    return false;
}

/* Out of the guest ------------------------------------------------------------------------------ */

struct guest_forward {
    struct net_user *user;
    struct in_addr address;
    uint16_t port;
    int fd; /* -1: closed */
    GSource *reader, *writer;
    GByteArray *pending; /* for the other side */
};

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static void hang_up(struct guest_forward *g)
{
    drop_source(&g->reader);
    drop_source(&g->writer);
    if (g->fd >= 0) {
        close(g->fd);
        g->fd = -1;
    }
}

static GSource *watch(struct guest_forward *g, GIOCondition condition, GUnixFDSourceFunc fn)
{
    GSource *source = g_unix_fd_source_new(g->fd, condition);

    g_source_set_callback(source, (GSourceFunc)(void (*)(void))fn, g, NULL);
    g_source_attach(source, g->user->client.machine->context);
    return source;
}

static gboolean write_pending(gint fd, GIOCondition condition, gpointer opaque)
{
    struct guest_forward *g = opaque;
    ssize_t n = send(fd, g->pending->data, g->pending->len, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)condition;
    if (n > 0) {
        g_byte_array_remove_range(g->pending, 0, (guint)n);
    }
    if (n < 0 && errno != EAGAIN) {
        hang_up(g);
        return G_SOURCE_REMOVE;
    }
    if (g->pending->len == 0) {
        drop_source(&g->writer);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* SlirpWriteCb: the guest sent these. */
static ssize_t from_guest(const void *buf, size_t len, void *opaque)
{
    struct guest_forward *g = opaque;

    if (g->fd < 0 || g->pending->len + len > PENDING_MOST) {
        hang_up(g);
        return (ssize_t)len;
    }
    g_byte_array_append(g->pending, buf, (guint)len);
    if (!g->writer && write_pending(g->fd, G_IO_OUT, g) == G_SOURCE_CONTINUE) {
        g->writer = watch(g, G_IO_OUT, write_pending);
    }
    return (ssize_t)len;
}

static gboolean listen_again(gpointer opaque);

/* As much as the guest's connection takes; nothing is read while it is full or not there. */
static gboolean to_guest(gint fd, GIOCondition condition, gpointer opaque)
{
    struct guest_forward *g = opaque;
    size_t room = slirp_socket_can_recv(g->user->slirp, g->address, g->port);
    uint8_t buf[RECV_MOST];
    ssize_t n;

    (void)condition;
    if (room == 0) {
        drop_source(&g->reader);
        g->reader = g_timeout_source_new(10);
        g_source_set_callback(g->reader, listen_again, g, NULL);
        g_source_attach(g->reader, g->user->client.machine->context);
        return G_SOURCE_REMOVE;
    }
    n = recv(fd, buf, MIN(room, sizeof(buf)), MSG_DONTWAIT);
    if (n > 0) {
        slirp_socket_recv(g->user->slirp, g->address, g->port, buf, (int)n);
    } else if (n == 0 || errno != EAGAIN) {
        hang_up(g);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean listen_again(gpointer opaque)
{
    struct guest_forward *g = opaque;

    drop_source(&g->reader);
    g->reader = watch(g, G_IO_IN, to_guest);
    return G_SOURCE_REMOVE;
}

static int connect_to(const char *host, const char *port, GError **error)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
    int fd = -1, why = getaddrinfo(host, port, &hints, &list);

    if (why != 0) {
        set_error(error, "%s:%s: %s", host, port, gai_strerror(why));
        return -1;
    }
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
            int saved = errno;

            close(fd);
            errno = saved;
            fd = -1;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) {
        set_errno_error(error, "cannot connect to %s:%s", host, port);
    }
    return fd;
}

static bool forward_to_host(struct net_user *u, const char *target, struct in_addr address,
                            uint16_t port, GError **error)
{
    const char *colon = strrchr(target, ':');
    g_autofree char *host = colon ? g_strndup(target, (size_t)(colon - target)) : NULL;
    struct guest_forward *g;
    int fd = -1;

    if (!host) {
        set_error(error, "'tcp:%s' must be tcp:host:port", target);
        return false;
    }
    fd = connect_to(host, colon + 1, error);
    if (fd < 0) {
        return false;
    }
    g = g_new0(struct guest_forward, 1);
    *g = (struct guest_forward){ .user = u, .address = address, .port = port, .fd = fd };
    g->pending = g_byte_array_new();
    g_ptr_array_add(u->guest_forwards, g);
    if (slirp_add_guestfwd(u->slirp, from_guest, g, &g->address, port) < 0) {
        set_error(error, "the address is taken, or not one of this network");
        return false;
    }
    g->reader = watch(g, G_IO_IN, to_guest);
    return true;
}

static bool forward_to(struct net_user *u, const char *target, struct in_addr address,
                       uint16_t port, GError **error)
{
    bool ok;

    if (g_str_has_prefix(target, "tcp:")) {
        return forward_to_host(u, target + 4, address, port, error);
    }
    if (g_str_has_prefix(target, "cmd:") && target[4]) {
        ok = slirp_add_exec(u->slirp, target + 4, &address, port) == 0;
    } else if (g_str_has_prefix(target, "unix:") && target[5]) {
        ok = slirp_add_unix(u->slirp, target + 5, &address, port) == 0;
    } else {
        set_error(error, "'%s' must be tcp:host:port, unix:path or cmd:command", target);
        return false;
    }
    if (!ok) {
        set_error(error, "the address is taken, or not one of this network");
    }
    return ok;
}

bool user_add_guestfwd(struct net_user *u, const char *text, GError **error)
{
    const char *p = text;
    g_autofree char *protocol = take(&p, ':'), *server = protocol ? take(&p, ':') : NULL;
    g_autofree char *port_text = server ? take(&p, '-') : NULL;
    struct in_addr address;
    uint16_t port;
    bool udp;

    if (!parse_protocol(protocol, &udp) || udp || !parse_address(server, INADDR_ANY, &address) ||
        !parse_port(port_text, 1, &port)) {
        set_error(error, "invalid guest forwarding rule '%s': must be [tcp]:server:port-target",
                  text);
        return false;
    }
    if (!forward_to(u, p, address, port, error)) {
        g_prefix_error(error, "guest forwarding rule '%s': ", text);
        return false;
    }
    return true;
}

void user_free_guestfwds(struct net_user *u)
{
    for (unsigned i = 0; i < u->guest_forwards->len; i++) {
        struct guest_forward *g = g_ptr_array_index(u->guest_forwards, i);

        hang_up(g);
        g_byte_array_unref(g->pending);
        g_free(g);
    }
    g_ptr_array_unref(u->guest_forwards);
}
#endif
