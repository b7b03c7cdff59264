/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/address.h: addresses of sockets as options name them, and connections that come about by themselves.
 * Thread: under the machine lock.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

struct machine;

enum net_address_kind { NET_ADDRESS_INET, NET_ADDRESS_UNIX, NET_ADDRESS_FD };

struct net_address {
    enum net_address_kind kind;
    char *host, *port;  /* inet; host "": any */
    unsigned last_port; /* of a listener that takes the first free one from `port`; 0: no range */
    int family;         /* inet: AF_UNSPEC, AF_INET, AF_INET6 */
    char *path;         /* unix */
    bool abstract, tight, numeric, keep_alive;
    int fd;
};

/* Room for the text of any address: "127.0.0.1:1234", "[::1]:1234", "unix:/path". */
#define NET_ADDRESS_TEXT 128u

/* "host:port", "[ipv6]:port", ":port" */
bool address_parse(struct net_address *a, const char *text, GError **error);
/* PREFIX.type=inet|unix|fd and what belongs to it; false with *error. */
bool address_take_options(struct net_address *a, const GPtrArray *opts, const char *prefix,
                          GError **error);
/* The keys of one prefix, for netdev_check_keys: "PREFIX.type", ... */
void address_add_keys(GPtrArray *keys, const char *prefix);
void address_clear(struct net_address *a);
/* The text of a socket's address. */
void address_text(const struct sockaddr *sa, socklen_t len, char text[NET_ADDRESS_TEXT]);

/* inet and unix: the first address of that type (SOCK_STREAM, SOCK_DGRAM); false with *error. */
bool address_resolve(const struct net_address *a, int type, bool passive,
                     struct sockaddr_storage *sa, socklen_t *len, GError **error);
/* A bound socket that does not block; a stream listens. An old unix socket gives way. -1 and *error. */
int address_bind(const struct net_address *a, int type, GError **error);
/* A descriptor that was handed to this program: open, a socket of that type; -1 and *error. */
int address_take_fd(const char *text, int type, GError **error);

/* dial.c: connects without blocking; names are looked up in a thread of their own. */
struct dial;
/* On the main loop: the connected socket, which is the callee's, or -1 and why. The dial is gone by then. */
typedef void dial_done_fn(void *opaque, int fd, const GError *why);
/* NULL and *error when it is refused at once. */
struct dial *dial_start(struct machine *m, const struct net_address *to, dial_done_fn *done,
                        void *opaque, GError **error);
/* done will not be called; NULL is nothing. */
void dial_cancel(struct dial *d);

#endif
