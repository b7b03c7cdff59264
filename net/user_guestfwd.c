/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user_guestfwd.c: addresses of the guest's network that lead to the host: guestfwd= and smb=.
 *
 * To a socket there is one connection, as of a character device: it is made when the back end is, and again when
 * the guest sends and it has ended. Nobody waits for it: what the guest sends meanwhile is kept, up to PENDING_MOST
 * bytes. To any other character device bytes go as they come. A command is started for each connection.
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
#include <glib-unix.h>
#include "chardev/chardev.h"
#include "util/socket.h"
#include "net/user.h"
#include "softmmu/dial.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"
#include "util/text.h"

#define PENDING_MOST (1u << 20)
#define RECV_MOST    4096u
#define FULL_MS      10 /* until a guest that took nothing is asked again */

/* Texts: user_hostfwd.c's, too ------------------------------------------------------------------ */

char *user_take(const char **text, char end)
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

bool user_parse_port(const char *text, unsigned least, uint16_t *port)
{
    uint64_t v;

    if (!text || !parse_uint(text, least, 65535, &v)) {
        return false;
    }
    *port = (uint16_t)v;
    return true;
}

/* A socket of the host -------------------------------------------------------------------------- */

struct guest_forward {
    struct net_user *user;
    struct in_addr address;
    uint16_t port;
    struct socket_address target;
    struct dial *dial;
    int fd; /* -1: none */
    GSource *reader, *writer;
    GByteArray *pending; /* for the other side */
    struct chardev *chr; /* or this */
    bool own;            /* chr was made for it */
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
    g_byte_array_set_size(g->pending, 0);
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

static void dial_target(struct guest_forward *g);

/* SlirpWriteCb: the guest sent these. */
static ssize_t from_guest(const void *buf, size_t len, void *opaque)
{
    struct guest_forward *g = opaque;

    if (g->chr) {
        chardev_write(g->chr, buf, len);
        return (ssize_t)len;
    }
    if (g->pending->len + len > PENDING_MOST) {
        hang_up(g);
        return (ssize_t)len;
    }
    g_byte_array_append(g->pending, buf, (guint)len);
    if (g->fd < 0) {
        dial_target(g);
    } else if (!g->writer && write_pending(g->fd, G_IO_OUT, g) == G_SOURCE_CONTINUE) {
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
        g->reader = g_timeout_source_new(FULL_MS);
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

static void dialled(void *opaque, int fd, const GError *why)
{
    struct guest_forward *g = opaque;

    g->dial = NULL;
    if (fd < 0) {
        log_line(LOG_DEVICE, "netdev '%s': guestfwd: %s", g->user->client.name, why->message);
        g_byte_array_set_size(g->pending, 0);
        return;
    }
    g->fd = fd;
    g->reader = watch(g, G_IO_IN, to_guest);
    if (g->pending->len > 0) {
        g->writer = watch(g, G_IO_OUT, write_pending);
    }
}

static void dial_target(struct guest_forward *g)
{
    if (!g->dial) {
        g->dial = dial_start(g->user->client.machine, &g->target, dialled, g, NULL);
    }
    if (!g->dial) {
        g_byte_array_set_size(g->pending, 0); /* refused */
    }
}

/* A character device ---------------------------------------------------------------------------- */

static gboolean ask_again(gpointer opaque);

static size_t chr_can_receive(void *opaque)
{
    struct guest_forward *g = opaque;
    size_t room = slirp_socket_can_recv(g->user->slirp, g->address, g->port);

    if (room == 0 && !g->reader) {
        g->reader = g_timeout_source_new(FULL_MS);
        g_source_set_callback(g->reader, ask_again, g, NULL);
        g_source_attach(g->reader, g->user->client.machine->context);
    }
    return room;
}

static void chr_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct guest_forward *g = opaque;

    slirp_socket_recv(g->user->slirp, g->address, g->port, buf, (int)n);
}

static gboolean ask_again(gpointer opaque)
{
    struct guest_forward *g = opaque;

    drop_source(&g->reader);
    chardev_accept_input(g->chr);
    return G_SOURCE_REMOVE;
}

/* "chardev:ID" is one that is there, anything else what -serial takes. */
static bool attach_chardev(struct guest_forward *g, const char *target, GError **error)
{
    struct machine *m = g->user->client.machine;
    const struct chardev_front front = { .can_receive = chr_can_receive,
                                         .receive = chr_receive,
                                         .opaque = g };
    struct chardev *chr;

    if (g_str_has_prefix(target, "chardev:")) {
        chr = chardev_find(m, target + 8);
        if (!chr) {
            set_error(error, "there is no chardev '%s'", target + 8);
            return false;
        }
    } else {
        g_autofree char *label = g_strdup_printf("%s-guestfwd%u", g->user->client.name, g->port);

        chr = chardev_new(m, label, target, error);
        if (!chr) {
            return false;
        }
        g->own = true;
    }
    g->chr = chr;
    if (!chardev_attach(chr, &front, error)) {
        if (g->own) {
            chardev_free(chr);
        }
        g->chr = NULL;
        return false;
    }
    return true;
}

/* Rules ----------------------------------------------------------------------------------------- */

/* tcp:host:port, unix:path: a refusal at once is an error. */
static bool attach_socket(struct guest_forward *g, const char *target, GError **error)
{
    if (g_str_has_prefix(target, "tcp:")) {
        if (!socket_address_parse(&g->target, target + 4, error)) {
            return false;
        }
    } else {
        g->target.kind = SOCKET_ADDRESS_UNIX;
        g->target.path = g_strdup(target + 5);
        if (strlen(g->target.path) > 107 || !*g->target.path) {
            set_error(error, "the path of '%s' must have 1 to 107 bytes", target);
            return false;
        }
    }
    g->dial = dial_start(g->user->client.machine, &g->target, dialled, g, error);
    return g->dial != NULL;
}

/* Freed with the others, also when this fails. */
static bool forward_bytes(struct net_user *u, const char *target, struct in_addr address,
                          uint16_t port, GError **error)
{
    struct guest_forward *g = g_new0(struct guest_forward, 1);
    bool to_socket = g_str_has_prefix(target, "tcp:") || g_str_has_prefix(target, "unix:");

    *g = (struct guest_forward){ .user = u, .address = address, .port = port, .fd = -1 };
    g->target.fd = -1;
    g->pending = g_byte_array_new();
    g_ptr_array_add(u->guest_forwards, g);
    if (slirp_add_guestfwd(u->slirp, from_guest, g, &g->address, port) < 0) {
        set_error(error, "the address is taken, or not one of this network");
        return false;
    }
    return to_socket ? attach_socket(g, target, error) : attach_chardev(g, target, error);
}

bool user_add_guestfwd(struct net_user *u, const char *text, GError **error)
{
    const char *p = text;
    g_autofree char *protocol = user_take(&p, ':'), *server = protocol ? user_take(&p, ':') : NULL;
    g_autofree char *port_text = server ? user_take(&p, '-') : NULL;
    struct in_addr address = { INADDR_ANY };
    uint16_t port;
    bool ok;

    if (!port_text || (*protocol && strcmp(protocol, "tcp") != 0) ||
        (*server && inet_pton(AF_INET, server, &address) != 1) ||
        !user_parse_port(port_text, 1, &port)) {
        set_error(error, "invalid guest forwarding rule '%s': must be [tcp]:server:port-target",
                  text);
        return false;
    }
    if (g_str_has_prefix(p, "cmd:") && p[4]) {
        ok = slirp_add_exec(u->slirp, p + 4, &address, port) == 0;
        if (!ok) {
            set_error(error, "the address is taken, or not one of this network");
        }
    } else {
        ok = forward_bytes(u, p, address, port, error);
    }
    if (!ok) {
        g_prefix_error(error, "guest forwarding rule '%s': ", text);
    }
    return ok;
}

static void free_guestfwd(struct guest_forward *g)
{
    dial_cancel(g->dial);
    hang_up(g);
    if (g->chr) {
        chardev_detach(g->chr, g);
    }
    if (g->own) {
        chardev_free(g->chr);
    }
    socket_address_clear(&g->target);
    g_byte_array_unref(g->pending);
    g_free(g);
}

void user_free_guestfwds(struct net_user *u)
{
    for (unsigned i = 0; i < u->guest_forwards->len; i++) {
        free_guestfwd(g_ptr_array_index(u->guest_forwards, i));
    }
    g_ptr_array_unref(u->guest_forwards);
}
#endif
