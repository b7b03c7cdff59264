/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/stream.c: -netdev stream, and the connections of -netdev socket; see stream.h.
 *
 * A listener has one connection at a time. What the other end sends is not trusted: a length beyond a frame's
 * ends the connection, since there is no telling where the next frame begins; what is too short is dropped.
 * Invariants: `in` holds at most IN_MOST bytes; `out` is the rest of one frame that was begun. Nothing is read
 *             while the peer is full.
 * Thread:     under the machine lock; watches on the main loop.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "net/netdev.h"
#include "net/stream.h"
#include "softmmu/dial.h"
#include "softmmu/lookup.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define LENGTH_BYTES   4u
#define IN_MOST        (2 * (NET_FRAME_MAX + LENGTH_BYTES))
#define RECONNECT_MOST 86400u

struct net_stream {
    struct net_client client;
    struct socket_address address;
    unsigned reconnect; /* s; 0: never */
    int listener, fd;   /* -1: none */
    GSource *accept_watch, *in_watch, *out_watch;
    struct dial *dial;
    struct lookup *lookup; /* of the address to listen at */
    struct timer retry;
    uint8_t *in;
    size_t in_len;
    bool parsing;
    GByteArray *out;
};

static void start_listening(struct net_stream *s);
static void start_dialling(struct net_stream *s);

/* Watches --------------------------------------------------------------------------------------- */

static void drop_watch(GSource **watch)
{
    if (*watch) {
        g_source_destroy(*watch);
        g_source_unref(*watch);
        *watch = NULL;
    }
}

static void add_watch(struct net_stream *s, GSource **watch, int fd, GIOCondition condition,
                      GUnixFDSourceFunc fn)
{
    if (!*watch) {
        *watch = g_unix_fd_source_new(fd, condition);
        g_source_set_callback(*watch, G_SOURCE_FUNC(fn), s, NULL);
        g_source_attach(*watch, s->client.machine->context);
    }
}

/* The connection -------------------------------------------------------------------------------- */

static void close_connection(struct net_stream *s)
{
    drop_watch(&s->in_watch);
    drop_watch(&s->out_watch);
    if (s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    s->in_len = 0;
    g_byte_array_set_size(s->out, 0);
}

static void hang_up(struct net_stream *s, const char *why)
{
    log_line(LOG_DEVICE, "netdev '%s': connection closed: %s", s->client.name, why);
    close_connection(s);
    net_ready(&s->client); /* what waited for the other end has no taker any more */
    net_set_info(&s->client, "disconnected");
    if (s->listener >= 0) {
        start_listening(s);
    } else if (s->reconnect) {
        timer_arm(&s->retry, clock_now(s->client.machine, CLOCK_KIND_REALTIME) +
                                 (int64_t)s->reconnect * NS_PER_SEC);
    }
}

/* The frames of `in`, as many as the peer takes. False: the other end does not keep to the form. */
static bool deliver(struct net_stream *s)
{
    size_t at = 0;
    bool ok = true;

    s->parsing = true;
    while (ok && s->in_len - at >= LENGTH_BYTES && net_can_send(&s->client)) {
        uint32_t len;

        memcpy(&len, s->in + at, LENGTH_BYTES);
        len = ntohl(len);
        ok = len <= NET_FRAME_MAX;
        if (!ok || s->in_len - at - LENGTH_BYTES < len) {
            break;
        }
        net_send(&s->client, s->in + at + LENGTH_BYTES, len);
        at += LENGTH_BYTES + len;
    }
    s->in_len -= at;
    memmove(s->in, s->in + at, s->in_len);
    s->parsing = false;
    return ok;
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct net_stream *s = opaque;
    ssize_t n = recv(fd, s->in + s->in_len, IN_MOST - s->in_len, 0);

    (void)condition;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        hang_up(s, n == 0 ? "by the other end" : g_strerror(errno));
        return G_SOURCE_REMOVE;
    }
    s->in_len += (size_t)n;
    if (!deliver(s)) {
        hang_up(s, "a frame is longer than 65536 bytes");
        return G_SOURCE_REMOVE;
    }
    if (!net_can_send(&s->client)) {
        drop_watch(&s->in_watch);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* The peer has room again, perhaps while this end is at work in deliver(). */
static void stream_drained(struct net_client *c)
{
    struct net_stream *s = (struct net_stream *)c;

    if (s->fd < 0 || s->parsing) {
        return;
    }
    if (!deliver(s)) {
        shutdown(s->fd, SHUT_RDWR); /* input_ready finds the end */
        s->in_len = 0;
    }
    if (net_can_send(c)) {
        add_watch(s, &s->in_watch, s->fd, G_IO_IN, input_ready);
    }
}

/* The rest of a frame; true when it is out, or will never be. */
static bool flush(struct net_stream *s)
{
    while (s->out->len > 0) {
        ssize_t n = send(s->fd, s->out->data, s->out->len, MSG_NOSIGNAL);

        if (n < 0 && errno == EAGAIN) {
            return false;
        }
        g_byte_array_remove_range(s->out, 0, n < 0 ? s->out->len : (guint)n);
    }
    return true;
}

static gboolean output_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct net_stream *s = opaque;

    (void)fd;
    (void)condition;
    if (flush(s)) {
        drop_watch(&s->out_watch);
        net_ready(&s->client);
    }
    return G_SOURCE_CONTINUE;
}

/* Without a connection frames are lost, as on a cable without an end. Errors are input_ready's to find. */
static bool stream_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct net_stream *s = (struct net_stream *)c;
    uint32_t head = htonl((uint32_t)len);
    struct iovec parts[2] = { { &head, LENGTH_BYTES }, { (void *)frame, len } };
    struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
    size_t done;
    ssize_t n;

    if (s->fd < 0) {
        return true;
    }
    if (s->out->len > 0) {
        return false;
    }
    n = sendmsg(s->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) {
        return true;
    }
    done = n < 0 ? 0 : (size_t)n;
    if (done == LENGTH_BYTES + len) {
        return true;
    }
    add_watch(s, &s->out_watch, s->fd, G_IO_OUT, output_ready);
    if (done == 0) {
        return false;
    }
    if (done < LENGTH_BYTES) {
        g_byte_array_append(s->out, (uint8_t *)&head + done, (guint)(LENGTH_BYTES - done));
        done = LENGTH_BYTES;
    }
    g_byte_array_append(s->out, frame + (done - LENGTH_BYTES), (guint)(len + LENGTH_BYTES - done));
    return true;
}

static void start_connection(struct net_stream *s, int fd)
{
    int on = 1;

    drop_watch(&s->accept_watch);
    s->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not for unix sockets */
    if (net_can_send(&s->client)) {
        add_watch(s, &s->in_watch, fd, G_IO_IN, input_ready);
    }
    net_ready(&s->client);
}

/* How it comes about ---------------------------------------------------------------------------- */

static gboolean accept_ready(gint listener, GIOCondition condition, gpointer opaque)
{
    struct net_stream *s = opaque;
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char text[SOCKET_ADDRESS_TEXT];
    int fd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)condition;
    if (fd < 0) {
        return G_SOURCE_CONTINUE;
    }
    socket_address_text((struct sockaddr *)&sa, len, text);
    net_set_info(&s->client, "connection from %s", text);
    start_connection(s, fd);
    return G_SOURCE_REMOVE;
}

static void start_listening(struct net_stream *s)
{
    struct sockaddr_storage sa;
    socklen_t len = sizeof(sa);
    char text[SOCKET_ADDRESS_TEXT];

    getsockname(s->listener, (struct sockaddr *)&sa, &len);
    socket_address_text((struct sockaddr *)&sa, len, text);
    net_set_info(&s->client, "wait from %s", text);
    add_watch(s, &s->accept_watch, s->listener, G_IO_IN, accept_ready);
}

static void dialled(void *opaque, int fd, const GError *why)
{
    struct net_stream *s = opaque;

    s->dial = NULL;
    if (fd < 0) {
        hang_up(s, why->message);
        if (!s->reconnect) {
            report_warning("netdev '%s': %s", s->client.name, why->message);
        }
        return;
    }
    if (s->address.kind == SOCKET_ADDRESS_UNIX) {
        net_set_info(&s->client, "connect to unix:%s", s->address.path);
    } else {
        net_set_info(&s->client, "connect to %s:%s", s->address.host, s->address.port);
    }
    start_connection(s, fd);
}

static void start_dialling(struct net_stream *s)
{
    g_autoptr(GError) error = NULL;

    net_set_info(&s->client, "connecting");
    s->dial = dial_start(s->client.machine, &s->address, dialled, s, &error);
    if (!s->dial) {
        hang_up(s, error->message);
    }
}

static void retry(void *opaque)
{
    start_dialling(opaque);
}

static void stream_free(struct net_client *c)
{
    struct net_stream *s = (struct net_stream *)c;

    net_unplug(c);
    timer_disarm(&s->retry);
    dial_cancel(s->dial);
    lookup_cancel(s->lookup);
    close_connection(s);
    drop_watch(&s->accept_watch);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->address.kind == SOCKET_ADDRESS_UNIX && !s->address.abstract) {
            unlink(s->address.path);
        }
    }
    socket_address_clear(&s->address);
    g_byte_array_unref(s->out);
    g_free(s->in);
    net_client_clear(c);
    g_free(s);
}

static const struct net_ops stream_ops = {
    .model = "stream",
    .receive = stream_receive,
    .drained = stream_drained,
    .free = stream_free,
};

static const struct net_ops socket_ops = {
    .model = "socket",
    .receive = stream_receive,
    .drained = stream_drained,
    .free = stream_free,
};

static bool listen_now(struct net_stream *s, GError **error)
{
    s->listener = socket_bind(&s->address, SOCK_STREAM, error);
    if (s->listener >= 0) {
        start_listening(s);
    }
    return s->listener >= 0;
}

static void address_known(void *opaque, const GError *why)
{
    struct net_stream *s = opaque;
    g_autoptr(GError) error = NULL;

    s->lookup = NULL;
    if (why || !listen_now(s, &error)) {
        report_warning("netdev '%s': %s", s->client.name, why ? why->message : error->message);
        net_set_info(&s->client, "disconnected");
    }
}

static bool begin_server(struct net_stream *s, GError **error)
{
    struct machine *m = s->client.machine;

    if (!lookup_waits(m, &s->address)) {
        return listen_now(s, error);
    }
    net_set_info(&s->client, "looking up %s", s->address.host);
    s->lookup = lookup_number(m, &s->address, SOCK_STREAM, address_known, s);
    return true;
}

/* The first connection; one that may come later is not missed yet. */
static bool begin(struct net_stream *s, bool server, GError **error)
{
    int fd;

    if (s->address.kind == SOCKET_ADDRESS_FD) {
        fd = socket_take_fd(s->address.path, SOCK_STREAM, error);
        if (fd < 0) {
            return false;
        }
        if (server) {
            s->listener = fd;
            start_listening(s);
        } else {
            net_set_info(&s->client, "fd=%d", fd);
            start_connection(s, fd);
        }
        return true;
    }
    if (server) {
        return begin_server(s, error);
    }
    if (s->reconnect) {
        start_dialling(s);
        return true;
    }
    net_set_info(&s->client, "connecting");
    s->dial = dial_start(s->client.machine, &s->address, dialled, s, error);
    return s->dial != NULL;
}

struct net_client *stream_new(struct machine *m, const char *model, const char *id,
                              struct socket_address *a, bool server, unsigned reconnect,
                              GError **error)
{
    struct net_stream *s = g_new0(struct net_stream, 1);

    net_client_init(&s->client, m, strcmp(model, "socket") == 0 ? &socket_ops : &stream_ops, id,
                    NULL);
    s->address = *a;
    *a = (struct socket_address){ .fd = -1 };
    s->reconnect = server ? 0 : reconnect;
    s->listener = s->fd = -1;
    s->in = g_malloc(IN_MOST);
    s->out = g_byte_array_new();
    timer_init(&s->retry, m, CLOCK_KIND_REALTIME, retry, s);
    if (!begin(s, server, error)) {
        stream_free(&s->client);
        return NULL;
    }
    return &s->client;
}

struct net_client *stream_open(struct machine *m, const char *id, const GPtrArray *opts,
                               GError **error)
{
    g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
    const char *server_text = options_get(opts, "server");
    const char *reconnect_text = options_get(opts, "reconnect");
    struct socket_address a = { .fd = -1 };
    struct net_client *c = NULL;
    bool server = false;
    uint64_t reconnect = 0;

    g_ptr_array_add(keys, g_strdup("server"));
    g_ptr_array_add(keys, g_strdup("reconnect"));
    socket_address_add_keys(keys, "addr.");
    g_ptr_array_add(keys, NULL);
    if (!netdev_check_keys("stream", opts, (const char *const *)keys->pdata, error)) {
        return NULL;
    }
    if (server_text && !parse_bool(server_text, &server)) {
        set_error(error, "stream: server is '%s', must be on or off", server_text);
    } else if (reconnect_text && !parse_uint(reconnect_text, 0, RECONNECT_MOST, &reconnect)) {
        set_error(error, "stream: reconnect is '%s', must be 0 to %u seconds", reconnect_text,
                  RECONNECT_MOST);
    } else if (server && reconnect) {
        set_error(error, "stream: reconnect= is for server=off");
    } else if (socket_address_take_options(&a, options_get(opts, "addr.type"), opts, "addr.",
                                           error)) {
        if (a.kind == SOCKET_ADDRESS_FD && reconnect) {
            set_error(error, "stream: reconnect= is not for addr.type=fd");
        } else {
            c = stream_new(m, "stream", id, &a, server, (unsigned)reconnect, error);
        }
    }
    socket_address_clear(&a);
    return c;
}
