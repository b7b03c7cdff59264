/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/stream.h: frames over a connection, each after its length as 32 bits of the network's order, and over
 * datagrams: what -netdev socket, stream and dgram share.
 * Thread: under the machine lock.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "util/socket.h"
#include "net/net.h"

/* stream.c: takes `a` over, also when it fails (NULL and *error). reconnect: seconds, 0: never; clients only. */
struct net_client *stream_new(struct machine *m, const char *model, const char *id,
                              struct socket_address *a, bool server, unsigned reconnect,
                              GError **error);

/* dgram.c: where datagrams go to and which are taken. */
struct dgram_peer {
    int fd;      /* receives; taken over */
    int send_fd; /* sends; -1: fd does; taken over */
    struct sockaddr_storage to;
    socklen_t to_len;  /* 0: the socket is connected, or nobody is there to send to */
    bool check_source; /* only what comes from `to` is taken */
    bool connected;
    char *path; /* to be unlinked at the end; taken over; NULL: none */
};
struct net_client *dgram_new(struct machine *m, const char *model, const char *id,
                             const struct dgram_peer *peer, const char *info);
/* A member of a group of the network; local: an interface's address, or NULL. */
bool dgram_join(struct dgram_peer *peer, const struct socket_address *group, const char *local,
                GError **error);

#endif
