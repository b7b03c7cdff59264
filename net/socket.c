/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/socket.c: -netdev socket: the older options of what stream.c and dgram.c do.
 * Thread: under the machine lock.
 */
#include <string.h>
#include <sys/socket.h>
#include "net/netdev.h"
#include "net/stream.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define MODEL "socket"

/* Exactly one of these. */
typedef struct net_client *socket_open_fn(struct machine *m, const char *id, const char *value,
                                          const char *local, GError **error);

static struct net_client *open_stream(struct machine *m, const char *id, const char *value,
                                      bool server, GError **error)
{
    struct socket_address a;

    return socket_address_parse(&a, value, error) ? stream_new(m, MODEL, id, &a, server, 0, error)
                                                  : NULL;
}

static struct net_client *open_listen(struct machine *m, const char *id, const char *value,
                                      const char *local, GError **error)
{
    (void)local;
    return open_stream(m, id, value, true, error);
}

static struct net_client *open_connect(struct machine *m, const char *id, const char *value,
                                       const char *local, GError **error)
{
    (void)local;
    return open_stream(m, id, value, false, error);
}

/* local of a group: its interface's address. */
static struct net_client *open_mcast(struct machine *m, const char *id, const char *value,
                                     const char *local, GError **error)
{
    g_autofree char *info = g_strdup_printf("socket: mcast=%s", value);
    struct dgram_ends e = { .local.fd = -1, .open = dgram_join };

    if (!socket_address_parse(&e.remote, value, error)) {
        return NULL;
    }
    e.local.numeric = true;
    e.local.host = g_strdup(local);
    return dgram_new(m, MODEL, id, &e, info, error);
}

static struct net_client *open_udp(struct machine *m, const char *id, const char *value,
                                   const char *local, GError **error)
{
    g_autofree char *info = g_strdup_printf("socket: udp=%s", value);
    struct dgram_ends e = { .local.fd = -1, .remote.fd = -1, .open = dgram_pair };

    if (!local) {
        set_error(error, "localaddr= must be given with udp=");
        return NULL;
    }
    if (!socket_address_parse(&e.remote, value, error) ||
        !socket_address_parse(&e.local, local, error)) {
        socket_address_clear(&e.remote);
        return NULL;
    }
    return dgram_new(m, MODEL, id, &e, info, error);
}

/* A handed-over socket is what it is; a datagram socket that is not connected only receives. */
static struct net_client *open_fd(struct machine *m, const char *id, const char *value,
                                  const char *local, GError **error)
{
    g_autofree char *info = g_strdup_printf("socket: fd=%s", value);
    struct dgram_ends e = { .remote.fd = -1, .open = dgram_pair };
    socklen_t len = sizeof(int);
    int fd = socket_take_fd(value, 0, error), type = 0;

    (void)local;
    if (fd < 0) {
        return NULL;
    }
    e.local = (struct socket_address){ .kind = SOCKET_ADDRESS_FD, .path = g_strdup(value) };
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    return type == SOCK_STREAM ? stream_new(m, MODEL, id, &e.local, false, 0, error)
                               : dgram_new(m, MODEL, id, &e, info, error);
}

static const struct {
    const char *key;
    socket_open_fn *open;
    bool local; /* takes localaddr= */
} kinds[] = {
    { "listen", open_listen, false }, { "connect", open_connect, false },
    { "mcast", open_mcast, true },    { "udp", open_udp, true },
    { "fd", open_fd, false },
};

struct net_client *socket_open(struct machine *m, const char *id, const GPtrArray *opts,
                               GError **error)
{
    static const char *const keys[] = {
        "listen", "connect", "mcast", "udp", "fd", "localaddr", NULL
    };
    const char *local = options_get(opts, "localaddr");
    struct net_client *c;
    int which = -1;

    if (!netdev_check_keys(MODEL, opts, keys, error)) {
        return NULL;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!options_get(opts, kinds[i].key)) {
            continue;
        }
        if (which >= 0) {
            set_error(error, "socket: %s= and %s= exclude each other", kinds[which].key,
                      kinds[i].key);
            return NULL;
        }
        which = (int)i;
    }
    if (which < 0) {
        set_error(error, "socket: exactly one of listen=, connect=, mcast=, udp= or fd= is needed");
        return NULL;
    }
    if (local && !kinds[which].local) {
        set_error(error, "socket: localaddr= is for mcast= and udp=");
        return NULL;
    }
    c = kinds[which].open(m, id, options_get(opts, kinds[which].key), local, error);
    if (!c) {
        g_prefix_error(error, "socket: ");
    }
    return c;
}
