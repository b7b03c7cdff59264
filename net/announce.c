/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/announce.c: rounds of packets that tell switches where the cards are: after the machine came from elsewhere,
 * and by the monitor's announce_self. Cards whose driver can are asked to do it, too (net_ops.announce).
 *
 * Invariants: one sequence of rounds at a time for each id, on the virtual clock: a paused machine says nothing. At
 *             most ANNOUNCERS_MOST ids: further ones take the place of the first.
 * Thread:     under the machine lock.
 */
#include <string.h>
#include "net/netdev.h"
#include "softmmu/clock.h"

#define ANNOUNCERS_MOST 64u

struct net_announcer {
    struct net_pool *pool;
    struct net_announce_options o; /* cards: its own copy */
    struct timer timer;
    uint32_t round; /* done */
};

static bool is_meant(const struct net_announcer *a, const struct net_client *c)
{
    return c->ops->announce &&
           (!a->o.cards || g_strv_contains((const char *const *)a->o.cards, c->name));
}

static void next_round(void *opaque)
{
    struct net_announcer *a = opaque;
    GPtrArray *clients = a->pool->clients;
    uint64_t delay;

    for (unsigned i = 0; i < clients->len; i++) {
        struct net_client *c = g_ptr_array_index(clients, i);

        if (is_meant(a, c)) {
            c->ops->announce(c);
        }
    }
    if (++a->round < a->o.rounds) {
        delay = MIN(a->o.initial + (uint64_t)a->round * a->o.step, a->o.max);
        timer_arm(&a->timer,
                  clock_now(a->pool->machine, CLOCK_KIND_VIRTUAL) + (int64_t)delay * NS_PER_MS);
    }
}

void net_announcer_free(void *opaque)
{
    struct net_announcer *a = opaque;

    timer_disarm(&a->timer);
    g_strfreev(a->o.cards);
    g_free(a->o.id);
    g_free(a);
}

static void forget(struct net_pool *p, const char *id)
{
    for (unsigned i = 0; i < p->announcers->len; i++) {
        const struct net_announcer *a = g_ptr_array_index(p->announcers, i);

        if (g_strcmp0(a->o.id, id) == 0) {
            g_ptr_array_remove_index(p->announcers, i);
            return;
        }
    }
}

void net_announce(struct machine *m, const struct net_announce_options *o)
{
    struct net_pool *p = net_pool(m);
    struct net_announcer *a;

    forget(p, o->id);
    if (o->rounds == 0) {
        return;
    }
    if (p->announcers->len == ANNOUNCERS_MOST) {
        g_ptr_array_remove_index(p->announcers, 0);
    }
    a = g_new0(struct net_announcer, 1);
    a->pool = p;
    a->o = *o;
    a->o.cards = g_strdupv(o->cards);
    a->o.id = g_strdup(o->id);
    timer_init(&a->timer, m, CLOCK_KIND_VIRTUAL, next_round, a);
    timer_arm(&a->timer, clock_now(m, CLOCK_KIND_VIRTUAL) + o->initial * NS_PER_MS);
    g_ptr_array_add(p->announcers, a);
}

void net_send_rarp(struct net_client *c, const uint8_t mac[NET_MAC_BYTES])
{
    /* Ethernet and IPv4, request reverse; sender and target: the card, without an IP address. */
    static const uint8_t head[] = { 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 };
    uint8_t frame[60] = { 0 };

    memset(frame, 0xff, NET_MAC_BYTES);
    memcpy(frame + 6, mac, NET_MAC_BYTES);
    memcpy(frame + 12, head, sizeof(head));
    memcpy(frame + 22, mac, NET_MAC_BYTES);
    memcpy(frame + 32, mac, NET_MAC_BYTES);
    net_send(c, frame, sizeof(frame));
}
