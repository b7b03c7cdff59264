/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/socket.c: a connection over TCP or a UNIX socket: one that is waited for (server=on) or made.
 *
 * A server has one connection at a time; others wait in the host's queue until it ends. Without a connection output
 * is dropped. Descriptors that come over a UNIX socket are kept for chardev_take_fd: those of the last message that
 * had some.
 *
 * Invariants: c->open: there is a connection, and fd_in is its socket. The accept watch exists while there is none,
 *             or the other end of it is gone.
 * Thread:     machine lock held; nothing waits but the start of the program (connections to be made, wait=on).
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "chardev/telnet.h"
#include "softmmu/dial.h"
#include "softmmu/lookup.h"
#include "softmmu/machine.h"
#include "softmmu/tls_store.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define FDS_MAX        16
#define RECONNECT_MOST 86400u

struct socket_chardev {
    struct chardev chardev;
    struct socket_address address; /* of a server: where it listens */
    bool server, use_telnet, nodelay, keeps_path;
    unsigned reconnect; /* s; 0: never */
    int listener;       /* -1: none */
    GSource *accept_watch;
    struct dial *dial;
    struct lookup *lookup; /* of the address to listen at */
    struct timer retry;
    bool complained; /* that nobody is there */
    struct telnet telnet;
    struct tls_creds *tls; /* NULL: plain */
    int fds[FDS_MAX];
    unsigned n_fds;
};

static struct socket_chardev *of(struct chardev *c)
{
    return (struct socket_chardev *)c;
}

/* `info chardev` -------------------------------------------------------------------------------- */

static const char *protocol(const struct socket_chardev *s)
{
    return s->use_telnet ? "telnet" : "tcp";
}

static void name_disconnected(struct socket_chardev *s)
{
    const struct socket_address *a = &s->address;
    const char *server = s->server ? ",server=on" : "";

    switch (a->kind) {
    case SOCKET_ADDRESS_INET:
        backend_set_filename(&s->chardev, "disconnected:%s:%s:%s%s", protocol(s), a->host, a->port,
                             server);
        break;
    case SOCKET_ADDRESS_UNIX:
        backend_set_filename(&s->chardev, "disconnected:unix:%s%s%s%s", a->path,
                             a->abstract ? ",abstract=on" : "",
                             a->abstract && a->tight ? ",tight=on" : "", server);
        break;
    case SOCKET_ADDRESS_FD:
        backend_set_filename(&s->chardev, "disconnected:fd:%s%s", a->path, server);
        break;
    }
}

static void name_connected(struct socket_chardev *s, int fd)
{
    struct sockaddr_storage here = { 0 }, there = { 0 };
    socklen_t here_len = sizeof(here), there_len = sizeof(there);
    char from[SOCKET_ADDRESS_TEXT], to[SOCKET_ADDRESS_TEXT];
    const char *server = s->server ? ",server=on" : "";

    getsockname(fd, (struct sockaddr *)&here, &here_len);
    getpeername(fd, (struct sockaddr *)&there, &there_len);
    socket_address_text((struct sockaddr *)&here, here_len, from);
    socket_address_text((struct sockaddr *)&there, there_len, to);
    if (here.ss_family == AF_UNIX) {
        backend_set_filename(&s->chardev, "%s%s", from, server);
    } else {
        backend_set_filename(&s->chardev, "%s:%s%s <-> %s", protocol(s), from, server, to);
    }
}

/* The connection -------------------------------------------------------------------------------- */

static void start_listening(struct socket_chardev *s);
static void socket_ended(struct chardev *c);
static void start_dialling(struct socket_chardev *s);

static void drop_fds(struct socket_chardev *s)
{
    while (s->n_fds > 0) {
        close(s->fds[--s->n_fds]);
    }
}

static void start_connection(struct socket_chardev *s, int fd)
{
    struct chardev *c = &s->chardev;
    int on = 1;

    backend_remove_watch(&s->accept_watch);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->nodelay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* not for UNIX sockets */
    }
    name_connected(s, fd);
    if (s->tls) { /* what it is not given to, is told by the end of the connection */
        fd = tls_wrap(s->tls, fd, s->address.kind == SOCKET_ADDRESS_INET ? s->address.host : NULL,
                      NULL);
        if (fd < 0) {
            socket_ended(c);
            return;
        }
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    }
    c->open = true;
    s->complained = false;
    fd_backend_set(c, fd, fd);
    if (s->use_telnet) {
        s->telnet = (struct telnet){ 0 };
        if (s->server) {
            fd_backend_write(c, telnet_greeting, TELNET_GREETING_BYTES);
        }
    }
    backend_event(c, CHARDEV_OPENED);
}

/* A front that waits for room need not any more: what it writes now is dropped. */
static void close_connection(struct socket_chardev *s)
{
    struct chardev *c = &s->chardev;
    bool waits = c->out_short;

    fd_backend_close(c);
    drop_fds(s);
    c->open = false;
    name_disconnected(s);
    backend_event(c, CHARDEV_CLOSED);
    if (waits && c->attached && c->front.drained) {
        c->front.drained(c->front.opaque);
    }
}

static void retry_later(struct socket_chardev *s)
{
    timer_arm(&s->retry, clock_now(s->chardev.machine, CLOCK_KIND_REALTIME) +
                             (int64_t)s->reconnect * NS_PER_SEC);
}

static void socket_ended(struct chardev *c)
{
    struct socket_chardev *s = of(c);

    close_connection(s);
    if (s->server) {
        start_listening(s);
    } else if (s->reconnect) {
        retry_later(s);
    }
}

/* What the other end sent still waits for the front; the next one need not. */
static void socket_hung_up(struct chardev *c)
{
    if (of(c)->server) {
        start_listening(of(c));
    }
}

static void keep_fds(struct socket_chardev *s, struct msghdr *msg)
{
    for (struct cmsghdr *h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        drop_fds(s);
        s->n_fds = (unsigned)MIN((h->cmsg_len - CMSG_LEN(0)) / sizeof(int), FDS_MAX);
        memcpy(s->fds, CMSG_DATA(h), s->n_fds * sizeof(int));
    }
}

static ssize_t socket_read(struct chardev *c, uint8_t *buf, size_t n)
{
    struct socket_chardev *s = of(c);
    union {
        struct cmsghdr align;
        uint8_t bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
    } control;
    struct iovec iov = { buf, n };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t got = recvmsg(c->fd_in, &msg, MSG_CMSG_CLOEXEC);
    bool is_break = false;

    if (got <= 0) {
        return got;
    }
    keep_fds(s, &msg);
    if (!s->use_telnet) {
        return got;
    }
    got = (ssize_t)telnet_input(&s->telnet, buf, (size_t)got, &is_break);
    if (is_break) {
        backend_event(c, CHARDEV_BREAK);
    }
    if (got == 0) { /* commands alone: this is no end */
        errno = EAGAIN;
        return -1;
    }
    return got;
}

static size_t socket_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    if (!c->open) {
        return n;
    }
    return of(c)->use_telnet ? telnet_write(c, buf, n) : fd_backend_write(c, buf, n);
}

/* The first of the last message's. */
static int socket_take_received(struct chardev *c)
{
    struct socket_chardev *s = of(c);
    int fd;

    if (s->n_fds == 0) {
        return -1;
    }
    fd = s->fds[0];
    memmove(s->fds, s->fds + 1, --s->n_fds * sizeof(int));
    return fd;
}

/* How it comes about ---------------------------------------------------------------------------- */

static gboolean accept_ready(gint listener, GIOCondition condition, gpointer opaque)
{
    struct socket_chardev *s = opaque;
    bool entered = backend_enter(&s->chardev);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    (void)condition;
    if (fd >= 0) {
        if (s->chardev.open) { /* it hung up, and nobody read the rest */
            close_connection(s);
        }
        start_connection(s, fd);
    }
    backend_leave(&s->chardev, entered);
    return G_SOURCE_CONTINUE; /* start_connection has removed it */
}

static void start_listening(struct socket_chardev *s)
{
    backend_add_watch(&s->chardev, &s->accept_watch, s->listener, G_IO_IN, accept_ready);
}

static void complain(struct socket_chardev *s, const char *why)
{
    if (!s->complained) {
        report_warning("Unable to connect character device %s: %s", s->chardev.label, why);
        s->complained = true;
    }
}

static void dialled(void *opaque, int fd, const GError *why)
{
    struct socket_chardev *s = opaque;

    s->dial = NULL;
    if (fd >= 0) {
        start_connection(s, fd);
        return;
    }
    complain(s, why->message);
    if (s->reconnect) {
        retry_later(s);
    }
}

static void start_dialling(struct socket_chardev *s)
{
    g_autoptr(GError) why = NULL;

    s->dial = dial_start(s->chardev.machine, &s->address, dialled, s, &why);
    if (!s->dial) {
        dialled(s, -1, why);
    }
}

static void retry(void *opaque)
{
    start_dialling(opaque);
}

/* At the program's start: the guest does not run before somebody is there. */
static void wait_for_connection(struct socket_chardev *s)
{
    struct pollfd p = { .fd = s->listener, .events = POLLIN };

    report_info("QEMU waiting for connection on: %s", s->chardev.filename);
    while (!s->chardev.open) {
        if (poll(&p, 1, -1) > 0) {
            accept_ready(s->listener, G_IO_IN, s);
        }
    }
}

static void listener_is_there(struct socket_chardev *s)
{
    socket_address_of(s->listener, &s->address);
    name_disconnected(s);
    start_listening(s);
}

static void address_known(void *opaque, const GError *why)
{
    struct socket_chardev *s = opaque;
    g_autoptr(GError) error = NULL;

    s->lookup = NULL;
    s->listener = why ? -1 : socket_bind(&s->address, SOCK_STREAM, &error);
    if (s->listener < 0) {
        report_warning("Unable to listen at character device %s: %s", s->chardev.label,
                       why ? why->message : error->message);
        return;
    }
    listener_is_there(s);
}

/* A running guest does not wait for a name's address. */
static bool open_server(struct socket_chardev *s, bool wait, GError **error)
{
    if (lookup_waits(s->chardev.machine, &s->address)) {
        name_disconnected(s);
        s->lookup = lookup_number(s->chardev.machine, &s->address, SOCK_STREAM, address_known, s);
        return true;
    }
    if (s->address.kind == SOCKET_ADDRESS_FD) {
        s->listener = socket_take_fd(s->address.path, SOCK_STREAM, error);
        if (s->listener >= 0 && listen(s->listener, 1) < 0) {
            set_errno_error(error, "Failed to listen on fd socket");
            return false;
        }
        s->keeps_path = true; /* whoever made it */
    } else {
        s->listener = socket_bind(&s->address, SOCK_STREAM, error);
    }
    if (s->listener < 0) {
        return false;
    }
    listener_is_there(s);
    if (wait) {
        wait_for_connection(s);
    }
    return true;
}

/* The program's start waits for the connection, and ends with the reason when there is none; later nobody waits. */
static bool open_client(struct socket_chardev *s, GError **error)
{
    int fd;

    name_disconnected(s);
    if (s->address.kind == SOCKET_ADDRESS_FD) {
        fd = socket_take_fd(s->address.path, SOCK_STREAM, error);
    } else if (s->reconnect) {
        start_dialling(s);
        return true;
    } else if (machine_is_starting(s->chardev.machine)) {
        fd = socket_connect(&s->address, SOCK_STREAM, error);
    } else {
        s->dial = dial_start(s->chardev.machine, &s->address, dialled, s, error);
        return s->dial != NULL;
    }
    if (fd >= 0) {
        start_connection(s, fd);
    }
    return fd >= 0;
}

/* Options --------------------------------------------------------------------------------------- */

/* Where: exactly one of host=, path= and fd=. */
static bool take_address(struct socket_chardev *s, const GPtrArray *opts, GError **error)
{
    const char *host = options_get(opts, "host"), *path = options_get(opts, "path");
    const char *fd = options_get(opts, "fd");

    if (!!host + !!path + !!fd != 1) {
        set_error(error, "exactly one of the options 'path', 'fd' and 'host' is required");
        return false;
    }
    if (fd) {
        s->address.kind = SOCKET_ADDRESS_FD;
        s->address.path = g_strdup(fd);
        return true;
    }
    if (host && !options_get(opts, "port")) {
        set_error(error, "chardev: socket: no port given");
        return false;
    }
    return socket_address_take_options(&s->address, host ? "inet" : "unix", opts, "", error);
}

/* What cannot be had. */
static bool check_absent(const GPtrArray *opts, GError **error)
{
    static const char *const flags[] = { "tn3270", "websocket" };
    bool on;

    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (!backend_flag("socket", opts, flags[i], false, &on, error)) {
            return false;
        }
        if (on) {
            set_error(error, "%s=on is not supported; use a plain connection or telnet=on",
                      flags[i]);
            return false;
        }
    }
    if (options_get(opts, "tls-authz")) {
        set_error(error, "tls-authz= is not supported: certificates are checked, names are not");
        return false;
    }
    return true;
}

static bool take_options(struct socket_chardev *s, const GPtrArray *opts, bool *wait,
                         GError **error)
{
    bool starting = machine_is_starting(s->chardev.machine);
    const char *reconnect = options_get(opts, "reconnect");
    uint64_t seconds = 0;

    if (!backend_flag("socket", opts, "server", false, &s->server, error) ||
        !backend_flag("socket", opts, "wait", s->server && starting, wait, error) ||
        !backend_flag("socket", opts, "telnet", false, &s->use_telnet, error) ||
        !backend_flag("socket", opts, "nodelay", false, &s->nodelay, error)) {
        return false;
    }
    if (!s->server && (options_get(opts, "wait") || options_get(opts, "nowait"))) {
        set_error(error, "'wait' option is incompatible with socket in client connect mode");
        return false;
    }
    if (*wait && !starting) {
        set_error(error, "wait=on is for the start of the program; use wait=off");
        return false;
    }
    if (reconnect && !parse_uint(reconnect, 0, RECONNECT_MOST, &seconds)) {
        set_error(error, "reconnect is '%s', must be 0 to %u seconds", reconnect, RECONNECT_MOST);
        return false;
    }
    if (seconds && (s->server || s->address.kind == SOCKET_ADDRESS_FD)) {
        set_error(error, "'reconnect' option is incompatible with %s",
                  s->server ? "socket in server listen mode" : "fd");
        return false;
    }
    s->reconnect = (unsigned)seconds;
    return true;
}

static bool take_tls(struct socket_chardev *s, const GPtrArray *opts, GError **error)
{
    const char *id = options_get(opts, "tls-creds");

    if (id && (s->use_telnet || s->address.kind != SOCKET_ADDRESS_INET)) {
        set_error(error, "tls-creds= is for TCP without telnet=on only");
        return false;
    }
    s->tls = id ? tls_store_get(s->chardev.machine, id, s->server, error) : NULL;
    return !id || s->tls;
}

static bool socket_open(struct chardev *c, const GPtrArray *opts, GError **error)
{
    struct socket_chardev *s = of(c);
    bool wait;

    s->listener = -1;
    c->open = false;
    timer_init(&s->retry, c->machine, CLOCK_KIND_REALTIME, retry, s);
    if (!check_absent(opts, error) || !take_address(s, opts, error) ||
        !take_options(s, opts, &wait, error) || !take_tls(s, opts, error)) {
        return false;
    }
    return s->server ? open_server(s, wait, error) : open_client(s, error);
}

static void socket_close(struct chardev *c)
{
    struct socket_chardev *s = of(c);

    timer_disarm(&s->retry);
    dial_cancel(s->dial);
    lookup_cancel(s->lookup);
    backend_remove_watch(&s->accept_watch);
    drop_fds(s);
    if (s->listener >= 0) {
        close(s->listener);
        if (s->address.kind == SOCKET_ADDRESS_UNIX && !s->address.abstract && !s->keeps_path) {
            unlink(s->address.path);
        }
    }
    if (s->tls) {
        tls_creds_unref(s->tls);
    }
    socket_address_clear(&s->address);
}

static const char *const socket_keys[] = { "host",      "port",      "to",       "ipv4",
                                           "ipv6",      "path",      "abstract", "tight",
                                           "fd",        "server",    "wait",     "nodelay",
                                           "reconnect", "telnet",    "tn3270",   "websocket",
                                           "tls-creds", "tls-authz", NULL };

const struct chardev_type chardev_socket_type = {
    .name = "socket",
    .summary = "a TCP or UNIX socket (host=,port= or path= or fd=; server=on|off, wait=on|off, "
               "reconnect=S, telnet=on|off)",
    .keys = socket_keys,
    .size = sizeof(struct socket_chardev),
    .open = socket_open,
    .read = socket_read,
    .write = socket_write,
    .ended = socket_ended,
    .hung_up = socket_hung_up,
    .take_fd = socket_take_received,
    .close = socket_close,
};
