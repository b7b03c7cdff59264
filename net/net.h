/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/net.h: virtual cables. A client is one end: a card, or a back end that -netdev makes; two of them are
 * peers, and what one sends the other receives.
 *
 * A client that is full says so; frames then wait in a queue of it, and when that is full, too, the sender
 * is asked to hold back (net_can_send) and further frames are dropped, as a switch does.
 *
 * A sender may leave checksums and the cutting of large frames to the receiver (offload.h). A receiver says what
 * of that it takes; for others it is done on the way.
 *
 * Invariants: peers name each other; a queue holds at most NET_QUEUE_FRAMES frames, each of NET_FRAME_MIN
 *             to NET_FRAME_MAX bytes; a client whose link is down, or whose peer's is, receives nothing.
 *             A card receives nothing while the machine is paused.
 * Thread:     everything under the machine lock, on the main loop or a vCPU; nothing blocks.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/offload.h"
#include "softmmu/machine.h"

struct net_client;

#define NET_FRAME_MIN    14u         /* the header */
#define NET_FRAME_MAX    (64u << 10) /* without checksum */
#define NET_QUEUE_FRAMES 256u
#define NET_MAC_BYTES    6u
#define NET_VLANS        4096u

/* What a card lets in, as its driver told it; pointers are the card's. */
enum net_rx_state { NET_RX_NORMAL, NET_RX_NONE, NET_RX_ALL };
struct net_rx_filter {
    bool promiscuous, broadcast, unicast_overflow, multicast_overflow;
    enum net_rx_state unicast, multicast, vlan; /* normal: by address, by table */
    const uint8_t *mac;
    const uint8_t *unicasts, *multicasts; /* NET_MAC_BYTES each */
    unsigned n_unicasts, n_multicasts;
    const uint8_t *vlans; /* a bit for each of NET_VLANS, the lowest first */
};

struct net_ops {
    const char *model; /* "user", "hubport", "e1000" */
    bool card;
    /* A whole frame without checksum. False: full; the frame is offered again after net_ready. */
    bool (*receive)(struct net_client *c, const uint8_t *frame, size_t len);
    /* Instead of it, in clients that take offloads: o asks for no more than they said. */
    bool (*receive_offload)(struct net_client *c, const struct net_offload *o, const uint8_t *frame,
                            size_t len);
    /* Optional: what the peer takes changed (net_peer_takes). */
    void (*peer_takes_changed)(struct net_client *c);
    /* Cards, optional: tells switches where it is (net_announce). */
    void (*announce)(struct net_client *c);
    /* Cards, optional: query-rx-filter. */
    void (*rx_filter)(struct net_client *c, struct net_rx_filter *f);
    /* Optional: the link's state changed (net_link_up). */
    void (*link_changed)(struct net_client *c);
    /* Optional: the peer's queue has room again after net_can_send was false. */
    void (*drained)(struct net_client *c);
    /* Optional: more for `info usernet`. */
    void (*print)(struct net_client *c, GString *out);
    /* Back ends: frees what is around the client. */
    void (*free)(struct net_client *c);
};

struct net_client {
    struct machine *machine;
    const struct net_ops *ops;
    char *name;                 /* the id */
    char *info;                 /* what `info network` says of it */
    struct net_client *peer;    /* NULL: nothing is plugged in */
    bool link_down;             /* this end's, by set_link */
    bool flushing;              /* net_ready is at work */
    bool filter_told;           /* that its rx_filter changed; nobody has asked for it since */
    bool held;                  /* the peer was told to hold back */
    unsigned takes;             /* enum net_takes */
    unsigned queues;            /* pairs of queues of a back end; 0: as 1 */
    unsigned sends_by;          /* the pair of queues whose frame it sends */
    unsigned came_by;           /* of a frame that it is offered: its sender's sends_by */
    GQueue queue;               /* struct net_packet *: frames for this client */
    GPtrArray *dumps;           /* of a back end: filter-dump's (dump.c); NULL: none */
    uint64_t received, dropped; /* frames */
};

struct net_run_listener {
    struct run_state_listener listener;
    struct machine *machine;
};

/* What a machine has: machine->net. */
struct net_pool {
    struct machine *machine;
    GPtrArray *clients; /* struct net_client *, in the order of their creation */
    GPtrArray *hubs;    /* struct net_hub *: hub.c */
    uint8_t next_mac;   /* cards that took a default address */
    struct net_run_listener listener;
    GPtrArray *announcers; /* struct net_announcer *: announce.c */
};

/* The machine's pool; made by the first call. machine_free frees it and the back ends, after the devices. */
struct net_pool *net_pool(struct machine *m);

/* Joins the machine's list; name and info are copied; name NULL: "MODEL.N". */
void net_client_init(struct net_client *c, struct machine *m, const struct net_ops *ops,
                     const char *name, const char *info);
/* Unplugs it, drops its queue, leaves the list. What is around it is the caller's. */
void net_client_clear(struct net_client *c);
void net_set_info(struct net_client *c, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* The client of that name, or NULL. */
struct net_client *net_find(struct machine *m, const char *name);
/* Both must be free. False and *error names the one that is not. */
bool net_plug(struct net_client *a, struct net_client *b, GError **error);
/* c goes: only its peer is told. */
void net_unplug(struct net_client *c);

/* Frames outside of NET_FRAME_MIN to NET_FRAME_MAX are dropped, and those that nobody can receive. */
void net_send(struct net_client *from, const uint8_t *frame, size_t len);
/* The same with what is left to the receiver; what makes no sense is dropped. */
void net_send_offload(struct net_client *from, const struct net_offload *o, const uint8_t *frame,
                      size_t len);
/* What the client does itself from now on, and what its peer does. */
void net_set_takes(struct net_client *c, unsigned takes);
unsigned net_peer_takes(const struct net_client *c);
/* False: whoever can wait should, until ops->drained. */
bool net_can_send(struct net_client *from);
/* The client has room again: what waited for it is offered. */
void net_ready(struct net_client *c);
/* Drops what waits for it: a card's reset. */
void net_purge(struct net_client *c);

/* set_link: of one end; both are told when the cable's state changes. */
void net_set_link(struct net_client *c, bool up);
/* There is a peer, and both ends are up. */
bool net_link_up(const struct net_client *c);

/* "52:54:00:12:34:56", or with dashes. Multicast and zero addresses are refused for cards. */
bool net_parse_mac(const char *text, uint8_t mac[NET_MAC_BYTES]);
/* For a card without mac=: 52:54:00:12:34:56 and what follows. */
void net_default_mac(struct machine *m, uint8_t mac[NET_MAC_BYTES]);

/*
 * announce.c: rounds of packets by which switches learn where the cards are: the first after `initial`, then after
 * `step` more each time, at most `max` ms. A call begins anew what was begun under the same id (NULL is one, too), and
 * ends it with rounds 0.
 */
struct net_announce_options {
    uint32_t initial, max, rounds, step; /* ms; rounds: 0 to 1000 */
    char **cards;                        /* names; NULL: all */
    char *id;
};
#define NET_ANNOUNCE_DEFAULTS                                                                      \
    ((struct net_announce_options){ .initial = 50, .max = 550, .rounds = 5, .step = 100 })
void net_announce(struct machine *m, const struct net_announce_options *o);
/* A card's part of it: a reverse ARP request from its address (RFC 903). */
void net_send_rarp(struct net_client *c, const uint8_t mac[NET_MAC_BYTES]);

/* `info network`, `info usernet` */
void net_print(struct machine *m, GString *out);
void net_print_user(struct machine *m, GString *out);

/* netdev.c: -netdev. opts: type=, id= and the back end's; NULL and *error. */
struct net_client *netdev_add(struct machine *m, const GPtrArray *opts, GError **error);
/* netdev_del: only back ends that no card uses. */
bool netdev_remove(struct machine *m, const char *id, GError **error);
/* "Available netdev backend types:" and their names */
void netdev_print_list(GString *out);

/* dump.c: -object filter-dump: qom-type=, id=, netdev=, file= and others. False and *error. */
bool net_filter_add(struct machine *m, const GPtrArray *opts, GError **error);
/* False: there is none of that id. */
bool net_filter_remove(struct machine *m, const char *id);
/* c->dumps is there; received: by the back end c, else sent. */
void net_dump_frame(struct net_client *c, bool received, const uint8_t *frame, size_t len);

#endif
