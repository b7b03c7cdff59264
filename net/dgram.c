/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/dgram.c: -netdev dgram, and the datagrams of -netdev socket and l2tpv3: one frame is one datagram; see stream.h.
 *
 * Of unicast datagrams of the network only the named peer's are taken. A group's members send from a socket of
 * their own, by whose port they know their own datagrams when these come back.
 * Thread: under the machine lock; watches on the main loop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/netdev.h"
#include "net/stream.h"
#include "softmmu/lookup.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define TURN_FRAMES 64 /* of one turn of the main loop */

struct net_dgram {
    struct net_client client;
    struct dgram_ends ends;
    struct lookup
        *lookup; /* of a host of `ends`; meanwhile frames are lost, as on a cable without an end */
    bool own_info; /* `info` says what was given */
    struct dgram_peer peer;
    struct sockaddr_storage own; /* of send_fd */
    GSource *in_watch, *out_watch;
    uint8_t buf[DGRAM_HEAD_MOST + NET_FRAME_MAX + 1];
};

static void drop_watch(GSource **watch)
{
    if (*watch) {
        g_source_destroy(*watch);
        g_source_unref(*watch);
        *watch = NULL;
    }
}

static void add_watch(struct net_dgram *d, GSource **watch, int fd, GIOCondition condition,
                      GUnixFDSourceFunc fn)
{
    if (!*watch) {
        *watch = g_unix_fd_source_new(fd, condition);
        g_source_set_callback(*watch, G_SOURCE_FUNC(fn), d, NULL);
        g_source_attach(*watch, d->client.machine->context);
    }
}

/* Addresses and ports of the network's. */
static bool same_end(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const struct sockaddr_in *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const struct sockaddr_in6 *)a, *b6 = (const void *)b;

    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    }
    return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
           memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static bool wanted(const struct net_dgram *d, const struct sockaddr_storage *from)
{
    if (d->peer.send_fd >= 0) {
        return !same_end(from, &d->own);
    }
    return !d->peer.check_source || same_end(from, &d->peer.to);
}

/* net_send drops what is no frame. */
static void take(struct net_dgram *d, size_t len)
{
    struct dgram_framing *f = d->ends.framing;
    size_t head = f ? f->strip(f, d->buf, len) : 0;

    if (head != DGRAM_UNWANTED) {
        net_send(&d->client, d->buf + head, len - head);
    }
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct net_dgram *d = opaque;

    (void)condition;
    for (unsigned i = 0; i < TURN_FRAMES && net_can_send(&d->client); i++) {
        struct sockaddr_storage from = { 0 };
        socklen_t len = sizeof(from);
        ssize_t n =
            recvfrom(fd, d->buf, sizeof(d->buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len);

        if (n < 0) {
            break; /* none, or a peer that is not there yet */
        }
        if (wanted(d, &from)) {
            take(d, (size_t)n);
        }
    }
    if (!net_can_send(&d->client)) {
        drop_watch(&d->in_watch);
    }
    return G_SOURCE_CONTINUE;
}

static void dgram_drained(struct net_client *c)
{
    struct net_dgram *d = (struct net_dgram *)c;

    if (d->peer.fd >= 0) {
        add_watch(d, &d->in_watch, d->peer.fd, G_IO_IN, input_ready);
    }
}

static gboolean output_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct net_dgram *d = opaque;

    (void)fd;
    (void)condition;
    drop_watch(&d->out_watch);
    net_ready(&d->client);
    return G_SOURCE_CONTINUE;
}

static bool dgram_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct net_dgram *d = (struct net_dgram *)c;
    struct dgram_framing *f = d->ends.framing;
    int fd = d->peer.send_fd >= 0 ? d->peer.send_fd : d->peer.fd;
    uint8_t head[DGRAM_HEAD_MOST];
    struct iovec parts[2] = { { head, f ? f->put(f, head) : 0 }, { (void *)frame, len } };
    struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };

    if (d->peer.to_len) {
        msg.msg_name = &d->peer.to;
        msg.msg_namelen = d->peer.to_len;
    } else if (!d->peer.connected) {
        return true;
    }
    if (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
        add_watch(d, &d->out_watch, fd, G_IO_OUT, output_ready);
        return false;
    }
    return true; /* other errors: the frame is lost, as on a cable */
}

static void clear_peer(struct dgram_peer *p)
{
    if (p->fd >= 0) {
        close(p->fd);
    }
    if (p->send_fd >= 0) {
        close(p->send_fd);
    }
    if (p->path) {
        unlink(p->path);
    }
    g_free(p->path);
    *p = (struct dgram_peer){ .fd = -1, .send_fd = -1 };
}

void dgram_clear_ends(struct dgram_ends *e)
{
    socket_address_clear(&e->local);
    socket_address_clear(&e->remote);
    g_clear_pointer(&e->framing, g_free);
}

static void dgram_free(struct net_client *c)
{
    struct net_dgram *d = (struct net_dgram *)c;

    net_unplug(c);
    lookup_cancel(d->lookup);
    drop_watch(&d->in_watch);
    drop_watch(&d->out_watch);
    clear_peer(&d->peer);
    dgram_clear_ends(&d->ends);
    net_client_clear(c);
    g_free(d);
}

/* clang-format off */
#define OPS(name)                                                                                  \
    { .model = (name), .receive = dgram_receive, .drained = dgram_drained, .free = dgram_free }
/* clang-format on */
static const struct net_ops models[] = { OPS("dgram"), OPS("socket"), OPS("l2tpv3") };

static const struct net_ops *find_model(const char *name)
{
    unsigned i = 0;

    while (strcmp(models[i].model, name) != 0) {
        i++;
    }
    return &models[i];
}

/* How it begins --------------------------------------------------------------------------------- */

static char *describe(const struct dgram_peer *p, const struct dgram_ends *e)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char local_text[SOCKET_ADDRESS_TEXT];
    const struct socket_address *remote = &e->remote;

    if (p->send_fd >= 0) {
        return g_strdup_printf("mcast=%s:%s", remote->host, remote->port);
    }
    if (e->local.kind == SOCKET_ADDRESS_FD) {
        return g_strdup_printf("fd=%s", e->local.path);
    }
    if (e->local.kind == SOCKET_ADDRESS_UNIX) {
        return g_strdup_printf("udp=%s:%s", e->local.path, remote->path ? remote->path : "");
    }
    getsockname(p->fd, (struct sockaddr *)&sa, &len);
    socket_address_text((struct sockaddr *)&sa, len, local_text);
    return remote->host ? g_strdup_printf("udp=%s/%s:%s", local_text, remote->host, remote->port)
                        : g_strdup_printf("udp=%s", local_text);
}

static bool open_peer(struct net_dgram *d, GError **error)
{
    struct dgram_peer *p = &d->peer;
    socklen_t len = sizeof(d->own);

    if (!d->ends.open(p, &d->ends, error)) {
        clear_peer(p);
        return false;
    }
    if (p->send_fd >= 0) {
        getsockname(p->send_fd, (struct sockaddr *)&d->own, &len);
    }
    if (!d->own_info) {
        g_autofree char *info = describe(p, &d->ends);

        net_set_info(&d->client, "%s", info);
    }
    if (net_can_send(&d->client)) {
        add_watch(d, &d->in_watch, p->fd, G_IO_IN, input_ready);
    }
    return true;
}

static void host_known(void *opaque, const GError *why);

/* Names first, one after the other, then the sockets. */
static bool begin(struct net_dgram *d, GError **error)
{
    struct socket_address *ends[] = { &d->ends.remote, &d->ends.local };
    struct machine *m = d->client.machine;

    for (unsigned i = 0; i < G_N_ELEMENTS(ends); i++) {
        if (lookup_waits(m, ends[i])) {
            d->lookup = lookup_number(m, ends[i], SOCK_DGRAM, host_known, d);
            return true;
        }
    }
    return open_peer(d, error);
}

static void host_known(void *opaque, const GError *why)
{
    struct net_dgram *d = opaque;
    g_autoptr(GError) error = NULL;

    d->lookup = NULL;
    if (why || !begin(d, &error)) {
        report_warning("netdev '%s': %s", d->client.name, why ? why->message : error->message);
        net_set_info(&d->client, "disconnected");
    }
}

struct net_client *dgram_new(struct machine *m, const char *model, const char *id,
                             struct dgram_ends *e, const char *info, GError **error)
{
    struct net_dgram *d = g_new0(struct net_dgram, 1);

    net_client_init(&d->client, m, find_model(model), id, info ? info : "looking up names");
    d->own_info = info != NULL;
    d->ends = *e;
    *e = (struct dgram_ends){ .local.fd = -1, .remote.fd = -1 };
    d->peer = (struct dgram_peer){ .fd = -1, .send_fd = -1 };
    if (!begin(d, error)) {
        dgram_free(&d->client);
        return NULL;
    }
    return &d->client;
}

/* Groups ---------------------------------------------------------------------------------------- */

/* Both sockets of a member; the group's addresses are IPv4's. */
static bool open_member(struct dgram_peer *p, struct in_addr local)
{
    const struct sockaddr_in *group = (const struct sockaddr_in *)&p->to;
    struct ip_mreq request = { .imr_multiaddr = group->sin_addr, .imr_interface = local };
    int on = 1;

    p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    p->send_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return p->fd >= 0 && p->send_fd >= 0 &&
           setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           bind(p->fd, (const struct sockaddr *)group, sizeof(*group)) == 0 &&
           setsockopt(p->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof(request)) == 0 &&
           setsockopt(p->send_fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof(local)) == 0 &&
           connect(p->send_fd, (const struct sockaddr *)group, sizeof(*group)) == 0;
}

bool dgram_join(struct dgram_peer *p, const struct dgram_ends *e, GError **error)
{
    const struct sockaddr_in *to = (const struct sockaddr_in *)&p->to;
    const char *local = e->local.host && *e->local.host ? e->local.host : NULL;
    struct in_addr interface = { INADDR_ANY };

    if (!socket_address_resolve(&e->remote, SOCK_DGRAM, false, &p->to, &p->to_len, error)) {
        return false;
    }
    if (to->sin_family != AF_INET || !IN_MULTICAST(ntohl(to->sin_addr.s_addr))) {
        set_error(error, "'%s' must be a multicast address, 224.0.0.0 to 239.255.255.255",
                  e->remote.host);
        return false;
    }
    if (local && inet_pton(AF_INET, local, &interface) != 1) {
        set_error(error, "'%s' must be the IPv4 address of an interface", local);
        return false;
    }
    if (!open_member(p, interface)) {
        set_errno_error(error, "cannot join %s:%s at %s", e->remote.host, e->remote.port,
                        local ? local : "any interface");
        return false;
    }
    p->to_len = 0; /* send_fd is connected */
    p->connected = true;
    return true;
}

/* Pairs ----------------------------------------------------------------------------------------- */

/* A handed-over socket: connected, or whoever handed it over says where to send. */
static bool take_socket(struct dgram_peer *p, const struct socket_address *local, GError **error)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);

    p->fd = socket_take_fd(local->path, SOCK_DGRAM, error);
    p->connected = p->fd >= 0 && getpeername(p->fd, (struct sockaddr *)&sa, &len) == 0;
    return p->fd >= 0;
}

bool dgram_pair(struct dgram_peer *p, const struct dgram_ends *e, GError **error)
{
    const struct socket_address *local = &e->local, *remote = &e->remote;
    bool have_remote = remote->host || remote->path;

    if (have_remote &&
        !socket_address_resolve(remote, SOCK_DGRAM, false, &p->to, &p->to_len, error)) {
        return false;
    }
    if (local->kind == SOCKET_ADDRESS_FD) {
        return take_socket(p, local, error);
    }
    p->fd = socket_bind(local, SOCK_DGRAM, error);
    if (p->fd < 0) {
        return false;
    }
    p->check_source = have_remote && remote->kind == SOCKET_ADDRESS_INET;
    p->path = local->kind == SOCKET_ADDRESS_UNIX && !local->abstract ? g_strdup(local->path) : NULL;
    return true;
}

/* -netdev dgram --------------------------------------------------------------------------------- */

static bool is_group(const struct socket_address *a)
{
    struct in_addr in;

    return a->kind == SOCKET_ADDRESS_INET && a->host && inet_pton(AF_INET, a->host, &in) == 1 &&
           IN_MULTICAST(ntohl(in.s_addr));
}

/* A group is one by its number. */
static bool open_either(struct dgram_peer *p, const struct dgram_ends *e, GError **error)
{
    if (is_group(&e->remote) && !(e->local.path && e->local.kind == SOCKET_ADDRESS_FD)) {
        return dgram_join(p, e, error);
    }
    if (!e->local.host && !e->local.path) {
        set_error(error, "local.type is missing");
        return false;
    }
    return dgram_pair(p, e, error);
}

static bool check_ends(const struct dgram_ends *e, GError **error)
{
    const struct socket_address *local = &e->local, *remote = &e->remote;
    bool have_local = local->host || local->path, have_remote = remote->host || remote->path;

    if (have_remote && remote->kind == SOCKET_ADDRESS_FD) {
        set_error(error, "remote.type is 'fd', must be inet or unix");
        return false;
    }
    if (!have_local && (!have_remote || remote->kind != SOCKET_ADDRESS_INET)) {
        set_error(error, "local.type is missing");
        return false;
    }
    if (have_remote && have_local && local->kind != SOCKET_ADDRESS_FD &&
        remote->kind != local->kind) {
        set_error(error, "local.type and remote.type must be the same");
        return false;
    }
    return true;
}

struct net_client *dgram_open(struct machine *m, const char *id, const GPtrArray *opts,
                              GError **error)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    struct dgram_ends e = { .local.fd = -1, .remote.fd = -1, .open = open_either };
    const char *local_type = options_get(opts, "local.type");
    const char *remote_type = options_get(opts, "remote.type");
    struct net_client *c = NULL;

    socket_address_add_keys(keys, "local.");
    socket_address_add_keys(keys, "remote.");
    g_ptr_array_add(keys, NULL);
    if (netdev_check_keys("dgram", opts, (const char *const *)keys->pdata, error) &&
        (!local_type || socket_address_take_options(&e.local, local_type, opts, "local.", error)) &&
        (!remote_type ||
         socket_address_take_options(&e.remote, remote_type, opts, "remote.", error)) &&
        check_ends(&e, error)) {
        c = dgram_new(m, "dgram", id, &e, NULL, error);
    }
    dgram_clear_ends(&e);
    return c;
}
