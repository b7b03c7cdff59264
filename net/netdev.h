/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/netdev.h: between the table of back ends (netdev.c) and the back ends.
 * Thread: under the machine lock.
 */
#ifndef NET_NETDEV_H
#define NET_NETDEV_H

#include "net/net.h"
#include "util/text.h"

/* Makes the back end `id` of its options; type= and id= are among them, to be passed over. */
typedef struct net_client *netdev_open_fn(struct machine *m, const char *id, const GPtrArray *opts,
                                          GError **error);

netdev_open_fn user_open;    /* user.c: libslirp; not in every build */
netdev_open_fn hubport_open; /* hub.c */
netdev_open_fn socket_open;  /* socket.c */
netdev_open_fn stream_open;  /* stream.c */
netdev_open_fn dgram_open;   /* dgram.c */
netdev_open_fn l2tpv3_open;  /* l2tpv3.c */
netdev_open_fn tap_open;     /* tap_open.c */
netdev_open_fn bridge_open;  /* tap_open.c: tap with a helper */

/* A new port of a hub, which is made when it is not there: what a card or a back end plugs into. */
struct net_client *hub_add_port(struct machine *m, unsigned hub, const char *id);
#define HUB_MAX 255u
bool hub_is_port(const struct net_client *c);

/* `info network`: a line of a client and what filters it has; the hubs, with what is plugged into them. */
void net_print_client(const struct net_client *c, const char *lead, GString *out);
void net_print_dumps(const struct net_client *c, GString *out);
void hub_print_all(const struct net_pool *p, GString *out);

/* announce.c: one of net_pool.announcers. */
void net_announcer_free(void *opaque);

/* "no property 'X'" for what is not in names (NULL-terminated), nor type= and id=. */
bool netdev_check_keys(const char *type, const GPtrArray *opts, const char *const *names,
                       GError **error);

#endif
