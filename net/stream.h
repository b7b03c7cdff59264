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
    int fd;      /* receives; -1: none yet */
    int send_fd; /* sends; -1: fd does */
    struct sockaddr_storage to;
    socklen_t to_len;  /* 0: the socket is connected, or nobody is there to send to */
    bool check_source; /* only what comes from `to` is taken */
    bool connected;
    char *path; /* to be unlinked at the end; NULL: none */
};

#define DGRAM_HEAD_MOST 1104u /* bytes before a frame */
#define DGRAM_UNWANTED  SIZE_MAX
/* What goes before each frame in its datagram; the first member of a struct that g_free frees. */
struct dgram_framing {
    size_t (*put)(struct dgram_framing *f, uint8_t *head); /* at most DGRAM_HEAD_MOST */
    /* How much of what came goes before the frame, at most len; DGRAM_UNWANTED: it is to be dropped. */
    size_t (*strip)(struct dgram_framing *f, const uint8_t *data, size_t len);
};

/* What a back end of datagrams is made of: addresses, without host and path: none. */
struct dgram_ends {
    struct socket_address local, remote;
    struct dgram_framing *framing; /* NULL: a datagram is a frame */
    /* Both hosts are numbers: opens *p, which is empty, and is cleared by the caller in any case. */
    bool (*open)(struct dgram_peer *p, const struct dgram_ends *e, GError **error);
};
void dgram_clear_ends(struct dgram_ends *e);
/* Takes *e over, also when it fails (NULL and *error). info: for `info network`; NULL: what the sockets say. */
struct net_client *dgram_new(struct machine *m, const char *model, const char *id,
                             struct dgram_ends *e, const char *info, GError **error);
/* For `open`: a member of the group `remote`, by the interface with the address local.host. */
bool dgram_join(struct dgram_peer *p, const struct dgram_ends *e, GError **error);
/* For `open`: from `local`, an address or a descriptor, to `remote` if there is one. */
bool dgram_pair(struct dgram_peer *p, const struct dgram_ends *e, GError **error);

#endif
