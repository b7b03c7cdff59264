/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/udp.c: datagrams to one peer, and from it: what is written at once is one datagram.
 *
 * A datagram that comes waits here until the front has taken all of it; meanwhile others wait at the host. That
 * nobody listens at the other end is no error.
 *
 * Names are looked up in a thread while the guest runs; what is written until then is lost.
 * Invariant: the watch exists while there is a socket, a front with room and no datagram here.
 * Thread:    machine lock held.
 */
#include <sys/socket.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/lookup.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/socket.h"
#include "util/text.h"

#define DATAGRAM_MAX 65507u /* of IPv4 */

struct udp {
    struct chardev chardev;
    struct socket_address here, there;
    struct lookup *lookup; /* of the host of one of them */
    int fd;                /* -1: not yet */
    GSource *watch;
    uint8_t datagram[65536];
    size_t head, len;
};

static size_t room(const struct chardev *c)
{
    return c->attached ? c->front.can_receive(c->front.opaque) : 0;
}

static void deliver(struct udp *u)
{
    struct chardev *c = &u->chardev;
    size_t n;

    while (u->head < u->len && (n = MIN(room(c), u->len - u->head)) > 0) {
        u->head += n; /* first: the front may ask for more while it receives */
        c->front.receive(c->front.opaque, u->datagram + u->head - n, n);
    }
}

static void udp_accept_input(struct chardev *c);

static gboolean readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct udp *u = opaque;
    bool entered = backend_enter(&u->chardev);
    ssize_t n = recv(fd, u->datagram, sizeof(u->datagram), MSG_DONTWAIT);

    (void)condition;
    u->head = 0;
    u->len = n > 0 ? (size_t)n : 0; /* an error is an old datagram's, and read now */
    udp_accept_input(&u->chardev);
    backend_leave(&u->chardev, entered);
    return G_SOURCE_CONTINUE;
}

static void udp_accept_input(struct chardev *c)
{
    struct udp *u = (struct udp *)c;

    deliver(u);
    if (u->fd >= 0 && u->head == u->len && room(c) > 0) {
        backend_add_watch(c, &u->watch, u->fd, G_IO_IN, readable);
    } else {
        backend_remove_watch(&u->watch);
    }
}

/* What the host does not take is lost, as datagrams are. */
static size_t udp_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    for (size_t done = 0; done < n; done += DATAGRAM_MAX) {
        ssize_t sent =
            send(((struct udp *)c)->fd, buf + done, MIN(n - done, DATAGRAM_MAX), MSG_DONTWAIT);

        (void)sent;
    }
    return n;
}

static bool set_address(struct socket_address *a, const char *host, const char *port,
                        GError **error)
{
    uint64_t n;

    if (port && !parse_uint(port, 0, 65535, &n)) {
        set_error(error, "chardev: udp: port is '%s', must be 0 to 65535", port);
        return false;
    }
    a->kind = SOCKET_ADDRESS_INET;
    a->host = g_strdup(host);
    a->port = g_strdup(port ? port : "0");
    return true;
}

static bool set_family(struct socket_address *a, const GPtrArray *opts, GError **error)
{
    bool v4, v6;

    if (!backend_flag("udp", opts, "ipv6", false, &v6, error) ||
        !backend_flag("udp", opts, "ipv4", !v6, &v4, error) ||
        !backend_flag("udp", opts, "ipv6", !options_get(opts, "ipv4") || !v4, &v6, error)) {
        return false;
    }
    if (!v4 && !v6) {
        set_error(error, "Cannot disable IPv4 and IPv6 at same time");
        return false;
    }
    a->family = v4 && v6 ? AF_UNSPEC : v4 ? AF_INET : AF_INET6;
    return true;
}

/* The peer is host= and port=, this end localaddr= and localport=. */
static bool take_addresses(struct udp *u, const GPtrArray *opts, GError **error)
{
    const char *host = options_get(opts, "host"), *port = options_get(opts, "port");
    const char *local = options_get(opts, "localaddr"),
               *local_port = options_get(opts, "localport");

    if (!port || !*port) {
        set_error(error, "chardev: udp: remote port not specified");
        return false;
    }
    return set_address(&u->there, host && *host ? host : "localhost", port, error) &&
           set_address(&u->here, local ? local : "", local_port && *local_port ? local_port : NULL,
                       error) &&
           set_family(&u->there, opts, error);
}

static void host_known(void *opaque, const GError *why);

/* The peer's address first: this end's is of its family. */
static bool connect_ends(struct udp *u, GError **error)
{
    struct machine *m = u->chardev.machine;
    struct sockaddr_storage sa;
    socklen_t len;

    if (lookup_waits(m, &u->there)) {
        u->lookup = lookup_number(m, &u->there, SOCK_DGRAM, host_known, u);
        return true;
    }
    if (!socket_address_resolve(&u->there, SOCK_DGRAM, false, &sa, &len, error)) {
        return false;
    }
    u->here.family = sa.ss_family;
    if (lookup_waits(m, &u->here)) {
        u->lookup = lookup_number(m, &u->here, SOCK_DGRAM, host_known, u);
        return true;
    }
    u->fd = socket_bind(&u->here, SOCK_DGRAM, error);
    if (u->fd < 0) {
        return false;
    }
    if (connect(u->fd, (struct sockaddr *)&sa, len) < 0) {
        set_errno_error(error, "Failed to connect to '%s:%s'", u->there.host, u->there.port);
        close(u->fd);
        u->fd = -1;
        return false;
    }
    return true;
}

static void host_known(void *opaque, const GError *why)
{
    struct udp *u = opaque;
    g_autoptr(GError) error = NULL;

    u->lookup = NULL;
    if (why || !connect_ends(u, &error)) {
        report_warning("Unable to connect character device %s: %s", u->chardev.label,
                       why ? why->message : error->message);
        return;
    }
    udp_accept_input(&u->chardev);
}

static bool udp_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct udp *u = (struct udp *)c;

    u->fd = -1;
    backend_set_filename(c, "udp");
    return take_addresses(u, opts, error) && connect_ends(u, error);
}

static void udp_close(struct chardev *c)
{
    struct udp *u = (struct udp *)c;

    lookup_cancel(u->lookup);
    socket_address_clear(&u->here);
    socket_address_clear(&u->there);
    backend_remove_watch(&u->watch);
    if (u->fd >= 0) {
        close(u->fd);
    }
}

static const char *const udp_keys[] = { "host", "port", "localaddr", "localport",
                                        "ipv4", "ipv6", NULL };

const struct chardev_type chardev_udp_type = {
    .name = "udp",
    .summary = "UDP datagrams (host=, port=, localaddr=, localport=)",
    .keys = udp_keys,
    .size = sizeof(struct udp),
    .open = udp_open,
    .write = udp_write,
    .accept_input = udp_accept_input,
    .close = udp_close,
};
