/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/net.c: clients, their queues and links; see net.h.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "net/net.h"
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* The pool -------------------------------------------------------------------------------------- */

static void free_pool(struct machine *m)
{
    struct net_pool *p = m->net;

    while (p->clients->len > 0) {
        struct net_client *c = g_ptr_array_index(p->clients, p->clients->len - 1);

        g_assert(c->ops->free); /* cards have gone with the devices */
        c->ops->free(c);
    }
    g_ptr_array_unref(p->announcers);
    g_ptr_array_unref(p->clients);
    g_ptr_array_unref(p->hubs);
    g_free(p);
    m->net = NULL;
}

static struct net_client *find_netdev(struct machine *m, const char *id)
{
    struct net_client *c = net_find(m, id);

    return c && !c->ops->card ? c : NULL;
}

static const char *client_name(const struct net_client *c)
{
    return c->name;
}

/* Frames wait while the machine is paused; cards take them when it goes on. */
static void run_state_changed(struct run_state_listener *l, enum run_state state)
{
    struct net_run_listener *own = (struct net_run_listener *)l;
    GPtrArray *clients = own->machine->net ? own->machine->net->clients : NULL;

    for (unsigned i = 0; clients && state == RUN_STATE_RUNNING && i < clients->len; i++) {
        net_ready(g_ptr_array_index(clients, i));
    }
}

struct net_pool *net_pool(struct machine *m)
{
    struct net_pool *p = m->net;

    if (p) {
        return p;
    }
    p = g_new0(struct net_pool, 1);
    p->machine = m;
    p->clients = g_ptr_array_new();
    p->hubs = g_ptr_array_new();
    p->announcers = g_ptr_array_new_with_free_func(net_announcer_free);
    p->listener.machine = m;
    p->listener.listener.changed = run_state_changed;
    machine_add_run_listener(m, &p->listener.listener);
    m->net = p;
    m->find_netdev = find_netdev;
    m->netdev_id = client_name;
    m->free_net = free_pool;
    return p;
}

/* Clients --------------------------------------------------------------------------------------- */

static char *numbered_name(struct net_pool *p, const char *model)
{
    for (unsigned n = 0;; n++) {
        g_autofree char *name = g_strdup_printf("%s.%u", model, n);

        if (!net_find(p->machine, name)) {
            return g_steal_pointer(&name);
        }
    }
}

void net_client_init(struct net_client *c, struct machine *m, const struct net_ops *ops,
                     const char *name, const char *info)
{
    struct net_pool *p = net_pool(m);

    *c = (struct net_client){ .machine = m, .ops = ops, .info = g_strdup(info ? info : "") };
    c->name = name ? g_strdup(name) : numbered_name(p, ops->model);
    g_queue_init(&c->queue);
    g_ptr_array_add(p->clients, c);
}

void net_purge(struct net_client *c)
{
    g_queue_clear_full(&c->queue, g_free);
    if (c->held && c->peer) {
        c->held = false;
        if (c->peer->ops->drained) {
            c->peer->ops->drained(c->peer);
        }
    }
}

void net_client_clear(struct net_client *c)
{
    if (!c->machine) {
        return;
    }
    net_unplug(c);
    net_purge(c);
    g_ptr_array_remove(c->machine->net->clients, c);
    g_clear_pointer(&c->dumps, g_ptr_array_unref);
    g_clear_pointer(&c->name, g_free);
    g_clear_pointer(&c->info, g_free);
    c->machine = NULL;
}

void net_set_info(struct net_client *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    g_free(c->info);
    c->info = g_strdup_vprintf(fmt, args);
    va_end(args);
}

struct net_client *net_find(struct machine *m, const char *name)
{
    for (unsigned i = 0; m->net && i < m->net->clients->len; i++) {
        struct net_client *c = g_ptr_array_index(m->net->clients, i);

        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }
    return NULL;
}

static void tell_link(struct net_client *c)
{
    if (c->ops->link_changed) {
        c->ops->link_changed(c);
    }
}

static void tell_takes(struct net_client *c)
{
    if (c->ops->peer_takes_changed) {
        c->ops->peer_takes_changed(c);
    }
}

bool net_plug(struct net_client *a, struct net_client *b, GError **error)
{
    const struct net_client *taken = a->peer ? a : b->peer ? b : NULL;

    if (taken) {
        set_error(error, "'%s' is in use by '%s'", taken->name, taken->peer->name);
        return false;
    }
    a->peer = b;
    b->peer = a;
    tell_takes(a);
    tell_takes(b);
    tell_link(a);
    tell_link(b);
    return true;
}

/* What waits is dropped when nobody can send any more: whoever is told of room would fill the queue again. */
void net_unplug(struct net_client *c)
{
    struct net_client *peer = c->peer;
    bool held = c->held;

    if (!peer) {
        return;
    }
    c->peer = peer->peer = NULL;
    c->held = peer->held = false;
    net_purge(c);
    net_purge(peer);
    tell_link(peer);
    if (held && peer->ops->drained) {
        peer->ops->drained(peer);
    }
}

/* A frame that waits. */
struct net_packet {
    struct net_offload offload;
    unsigned queue; /* came_by */
    size_t len;
    uint8_t frame[];
};

static const struct net_offload nothing_left = { 0 };

/* Frames ---------------------------------------------------------------------------------------- */

/* May c be offered a frame now? */
static bool listens(const struct net_client *c)
{
    return !(c->ops->card && run_state_is_stopped(c->machine->run_state));
}

bool net_link_up(const struct net_client *c)
{
    return c->peer && !c->link_down && !c->peer->link_down;
}

bool net_can_send(struct net_client *from)
{
    struct net_client *to = from->peer;

    if (!to || to->queue.length < NET_QUEUE_FRAMES / 2) {
        return true;
    }
    to->held = true;
    return false;
}

static bool deliver(struct net_client *to, unsigned queue, const struct net_offload *o,
                    const uint8_t *frame, size_t len)
{
    to->came_by = queue;
    return to->ops->receive_offload ? to->ops->receive_offload(to, o, frame, len)
                                    : to->ops->receive(to, frame, len);
}

/* The receiver takes what is left to it. */
static void pass(struct net_client *from, const struct net_offload *o, const uint8_t *frame,
                 size_t len)
{
    struct net_client *to = from->peer;
    struct net_packet *p;

    if (from->dumps) {
        net_dump_frame(from, false, frame, len);
    }
    if (to->dumps) {
        net_dump_frame(to, true, frame, len);
    }
    to->received++;
    if (g_queue_is_empty(&to->queue) && listens(to) && deliver(to, from->sends_by, o, frame, len)) {
        return;
    }
    if (to->queue.length < NET_QUEUE_FRAMES) {
        p = g_malloc(sizeof(*p) + len);
        p->offload = *o;
        p->queue = from->sends_by;
        p->len = len;
        memcpy(p->frame, frame, len);
        g_queue_push_tail(&to->queue, p);
    } else {
        to->dropped++;
    }
}

static void pass_complete(void *opaque, const uint8_t *frame, size_t len)
{
    struct net_client *from = opaque;

    if (net_link_up(from)) { /* what went before may have changed that */
        pass(from, &nothing_left, frame, len);
    }
}

void net_send_offload(struct net_client *from, const struct net_offload *o, const uint8_t *frame,
                      size_t len)
{
    if (len < NET_FRAME_MIN || len > NET_FRAME_MAX || !net_link_up(from) ||
        !offload_check(o, frame, len)) {
        from->dropped++;
    } else if (offload_needs(o) & ~from->peer->takes) {
        offload_complete(o, frame, len, pass_complete, from);
    } else {
        pass(from, o, frame, len);
    }
}

void net_send(struct net_client *from, const uint8_t *frame, size_t len)
{
    net_send_offload(from, &nothing_left, frame, len);
}

void net_set_takes(struct net_client *c, unsigned takes)
{
    g_assert(c->ops->receive_offload || !takes);
    if (c->takes != takes) {
        c->takes = takes;
        if (c->peer) {
            tell_takes(c->peer);
        }
    }
}

unsigned net_peer_takes(const struct net_client *c)
{
    return c->peer ? c->peer->takes : 0;
}

/* A frame that is taken may make its receiver send, and that end here again. */
void net_ready(struct net_client *c)
{
    if (c->flushing || !c->machine) {
        return;
    }
    c->flushing = true;
    while (!g_queue_is_empty(&c->queue) && listens(c)) {
        struct net_packet *p = g_queue_pop_head(&c->queue);

        if (offload_needs(&p->offload) & ~c->takes) {
            c->dropped++; /* it took such frames when this one came */
        } else if (net_link_up(c) && !deliver(c, p->queue, &p->offload, p->frame, p->len)) {
            g_queue_push_head(&c->queue, p);
            break;
        }
        g_free(p);
    }
    c->flushing = false;
    if (c->held && c->peer && c->queue.length < NET_QUEUE_FRAMES / 4) {
        c->held = false;
        if (c->peer->ops->drained) {
            c->peer->ops->drained(c->peer);
        }
    }
}

void net_set_link(struct net_client *c, bool up)
{
    if (c->link_down == !up) {
        return;
    }
    c->link_down = !up;
    tell_link(c);
    if (c->peer) {
        tell_link(c->peer);
    }
}

/* Addresses ------------------------------------------------------------------------------------- */

bool net_parse_mac(const char *text, uint8_t mac[NET_MAC_BYTES])
{
    for (unsigned i = 0; i < NET_MAC_BYTES; i++) {
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1])) {
            return false;
        }
        mac[i] = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
        text += 2;
        if (i + 1 < NET_MAC_BYTES && *text != ':' && *text != '-') {
            return false;
        }
        text += i + 1 < NET_MAC_BYTES;
    }
    return *text == '\0';
}

void net_default_mac(struct machine *m, uint8_t mac[NET_MAC_BYTES])
{
    static const uint8_t first[NET_MAC_BYTES] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

    memcpy(mac, first, NET_MAC_BYTES);
    mac[5] = (uint8_t)(mac[5] + net_pool(m)->next_mac++);
}

/* What people see ------------------------------------------------------------------------------- */

void net_print_client(const struct net_client *c, const char *lead, GString *out)
{
    g_string_append_printf(out, "%s%s: index=0,type=%s,%s%s\n", lead, c->name,
                           c->ops->card ? "nic" : c->ops->model, c->info,
                           c->link_down ? ",link=down" : "");
    if (c->dumps) {
        net_print_dumps(c, out);
    }
}

/* Each cable once, under its card if one end is a card; those of hubs are hubs'. */
static bool has_own_lines(const struct net_client *c, unsigned at)
{
    GPtrArray *clients = c->machine->net->clients;
    unsigned peer_at;

    if (hub_is_port(c) || (c->peer && hub_is_port(c->peer))) {
        return false;
    }
    return !c->peer || c->ops->card ||
           !(c->peer->ops->card || (g_ptr_array_find(clients, c->peer, &peer_at) && peer_at < at));
}

void net_print(struct machine *m, GString *out)
{
    if (!m->net) {
        return;
    }
    hub_print_all(m->net, out);
    for (unsigned i = 0; i < m->net->clients->len; i++) {
        const struct net_client *c = g_ptr_array_index(m->net->clients, i);

        if (has_own_lines(c, i)) {
            net_print_client(c, "", out);
            if (c->peer) {
                net_print_client(c->peer, " \\ ", out);
            }
        }
    }
}

void net_print_user(struct machine *m, GString *out)
{
    for (unsigned i = 0; m->net && i < m->net->clients->len; i++) {
        struct net_client *c = g_ptr_array_index(m->net->clients, i);

        if (c->ops->print) {
            c->ops->print(c, out);
        }
    }
}
