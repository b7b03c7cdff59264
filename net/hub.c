/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/hub.c: hubs: what comes in through one port goes out through all others.
 *
 * A port is a client that cards and back ends plug into. Hubs are numbered; one is there while it has ports.
 * Invariants: a hub's ports do not lead to another port of the same hub: hubport refuses netdev= of one.
 *             A chain of hubs is a tree of at most HUB_DEPTH; a ring's frames end there.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/error.h"

#define HUB_DEPTH 8u

struct net_hub {
    unsigned number;
    GPtrArray *ports; /* struct hub_port * */
    unsigned depth;   /* of frames on their way through */
};

struct hub_port {
    struct net_client client;
    struct net_hub *hub;
};

static bool port_receive(struct net_client *c, const struct net_offload *o, const uint8_t *frame,
                         size_t len)
{
    struct hub_port *port = (struct hub_port *)c;
    struct net_hub *hub = port->hub;

    if (hub->depth >= HUB_DEPTH) {
        return true;
    }
    hub->depth++;
    for (unsigned i = 0; i < hub->ports->len; i++) {
        struct hub_port *other = g_ptr_array_index(hub->ports, i);

        if (other != port) {
            net_send_offload(&other->client, o, frame, len);
        }
    }
    hub->depth--;
    return true;
}

static void port_free(struct net_client *c)
{
    struct hub_port *port = (struct hub_port *)c;
    struct net_pool *pool = net_pool(c->machine);

    net_client_clear(c);
    g_ptr_array_remove(port->hub->ports, port);
    if (port->hub->ports->len == 0) {
        g_ptr_array_remove(pool->hubs, port->hub);
        g_ptr_array_unref(port->hub->ports);
        g_free(port->hub);
    }
    g_free(port);
}

static const struct net_ops hubport_ops = {
    .model = "hubport",
    .receive_offload = port_receive,
    .free = port_free,
};

bool hub_is_port(const struct net_client *c)
{
    return c->ops == &hubport_ops;
}

/* The last port first: as QEMU has them. */
void hub_print_all(const struct net_pool *p, GString *out)
{
    for (unsigned i = 0; i < p->hubs->len; i++) {
        const struct net_hub *hub = g_ptr_array_index(p->hubs, i);

        g_string_append_printf(out, "hub %u\n", hub->number);
        for (unsigned n = hub->ports->len; n > 0; n--) {
            const struct hub_port *port = g_ptr_array_index(hub->ports, n - 1);

            g_string_append_printf(out, " \\ %s", port->client.name);
            if (port->client.peer) {
                net_print_client(port->client.peer, ": ", out);
            } else {
                g_string_append_c(out, '\n');
            }
        }
    }
}

static struct net_hub *hub_at(struct machine *m, unsigned number)
{
    struct net_pool *pool = net_pool(m);
    struct net_hub *hub;

    for (unsigned i = 0; i < pool->hubs->len; i++) {
        hub = g_ptr_array_index(pool->hubs, i);
        if (hub->number == number) {
            return hub;
        }
    }
    hub = g_new0(struct net_hub, 1);
    hub->number = number;
    hub->ports = g_ptr_array_new();
    g_ptr_array_add(pool->hubs, hub);
    return hub;
}

struct net_client *hub_add_port(struct machine *m, unsigned number, const char *id)
{
    struct hub_port *port = g_new0(struct hub_port, 1);
    g_autofree char *name = NULL, *info = g_strdup_printf("hubid=%u", number);

    port->hub = hub_at(m, number);
    if (!id) {
        name = g_strdup_printf("hub%uport%u", number, port->hub->ports->len);
    }
    net_client_init(&port->client, m, &hubport_ops, id ? id : name, info);
    g_ptr_array_add(port->hub->ports, port);
    net_set_takes(&port->client,
                  NET_TAKES_ALL); /* each port does for its peer what that one does not */
    return &port->client;
}

struct net_client *hubport_open(struct machine *m, const char *id, const GPtrArray *opts,
                                GError **error)
{
    static const char *const keys[] = { "hubid", "netdev", NULL };
    const char *number = options_get(opts, "hubid"), *netdev = options_get(opts, "netdev");
    struct net_client *c, *peer = NULL;
    uint64_t n;

    if (!netdev_check_keys("hubport", opts, keys, error)) {
        return NULL;
    }
    if (!number || !parse_uint(number, 0, HUB_MAX, &n)) {
        set_error(error, "hubport: hubid is '%s', must be 0 to %u", number ? number : "", HUB_MAX);
        return NULL;
    }
    if (netdev) {
        peer = net_find(m, netdev);
        if (!peer || peer->ops->card) {
            set_error(error, "hubport: there is no netdev '%s'", netdev);
            return NULL;
        }
        if (peer->ops == &hubport_ops && ((struct hub_port *)peer)->hub->number == n) {
            set_error(error, "hubport: netdev '%s' is a port of the same hub", netdev);
            return NULL;
        }
    }
    c = hub_add_port(m, (unsigned)n, id);
    if (peer && !net_plug(c, peer, error)) {
        port_free(c);
        return NULL;
    }
    return c;
}
