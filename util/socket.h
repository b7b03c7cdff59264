/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util/socket.h: addresses of sockets as options name them, and sockets of them.
 * Names are looked up, which may take a minute: while a guest runs use softmmu/dial.h or lookup.h.
 * Thread: any; no state.
 */
#ifndef UTIL_SOCKET_H
#define UTIL_SOCKET_H

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

enum socket_address_kind { SOCKET_ADDRESS_INET, SOCKET_ADDRESS_UNIX, SOCKET_ADDRESS_FD };

struct socket_address {
    enum socket_address_kind kind;
    char *host, *port;  /* inet; host "": any */
    unsigned last_port; /* of a listener that takes the first free one from `port`; 0: no range */
    int family;         /* inet: AF_UNSPEC, AF_INET, AF_INET6 */
    char *path;         /* unix */
    bool abstract, tight, numeric, keep_alive;
    int fd;
};

/* Room for the text of any address: "127.0.0.1:1234", "[::1]:1234", "unix:/path". */
#define SOCKET_ADDRESS_TEXT 128u

/* "host:port", "[ipv6]:port", ":port" */
bool socket_address_parse(struct socket_address *a, const char *text, GError **error);
/*
 * The options of one address; each key begins with `prefix`: "addr." or "".  `type` is "inet" (host, port, to,
 * ipv4, ipv6, numeric, keep-alive), "unix" (path, abstract, tight) or "fd" (str).  False with *error.
 */
bool socket_address_take_options(struct socket_address *a, const char *type, const GPtrArray *opts,
                                 const char *prefix, GError **error);
/* All these keys and "type", after the prefix. */
void socket_address_add_keys(GPtrArray *keys, const char *prefix);
void socket_address_clear(struct socket_address *a);
/* With texts of its own. */
void socket_address_copy(struct socket_address *to, const struct socket_address *from);
/* The host alone: a number. */
void socket_address_set_host(struct socket_address *a, const struct sockaddr *sa, socklen_t len);
/* The text of a socket's address. */
void socket_address_text(const struct sockaddr *sa, socklen_t len, char text[SOCKET_ADDRESS_TEXT]);

/* The address that a socket has: numbers.  False: it has none that is inet or unix; *a is as it was. */
bool socket_address_of(int fd, struct socket_address *a);

struct addrinfo;
/* inet: all addresses, freed by the caller; NULL with *error. */
struct addrinfo *socket_look_up(const struct socket_address *a, int type, bool passive,
                                GError **error);
/* inet and unix: the first address of that type (SOCK_STREAM, SOCK_DGRAM); false with *error. */
bool socket_address_resolve(const struct socket_address *a, int type, bool passive,
                            struct sockaddr_storage *sa, socklen_t *len, GError **error);
/* A bound socket that does not block; a stream listens. An old unix socket gives way. -1 and *error. */
int socket_bind(const struct socket_address *a, int type, GError **error);
/* A connected socket; waits for it, a name's addresses one after the other.  -1 and *error. */
int socket_connect(const struct socket_address *a, int type, GError **error);
/* A descriptor that was handed to this program: open, a socket of that type; -1 and *error. */
int socket_take_fd(const char *text, int type, GError **error);

#endif
