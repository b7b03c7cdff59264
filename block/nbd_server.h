/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/nbd_server.h: exports an image to clients of the Network Block Device protocol (its proto.md),
 * fixed newstyle without TLS: structured replies, base:allocation, qemu:allocation-depth and
 * qemu:dirty-bitmap:NAME.
 *
 * Thread: nbd_server_run accepts on its caller's thread; each client has a thread of its own, and a pool of
 *         threads for its requests, several at a time.
 */
#ifndef BLOCK_NBD_SERVER_H
#define BLOCK_NBD_SERVER_H

#include "block/node.h"

struct nbd_export {
    const char *name;        /* "" is the default export */
    const char *description; /* NULL: none */
    struct block_node *node; /* stays open as long as the server */
    uint64_t offset, size;   /* the part of the image that is exported */
    bool read_only;
    bool allocation_depth;
    const struct block_bitmap *bitmap; /* exposed as qemu:dirty-bitmap:NAME; NULL: none */
    const char *bitmap_name;           /* the server's own copy: for handshakes */
    bool writethrough;                 /* every write is followed by a flush */
    /* Around each transfer, on its thread; may wait.  May be NULL. */
    void (*enter)(void *opaque), (*leave)(void *opaque);
    void *opaque;
};

struct nbd_server;

/* A listening socket at a path, or at an address and a port.  -1 and *error. */
int nbd_listen_unix(const char *path, GError **error);
int nbd_listen_tcp(const char *address, const char *port, GError **error);

/* Takes over `listener`.  max_clients 0: no limit. */
struct nbd_server *nbd_server_new(int listener, unsigned max_clients);
/* Any thread.  Node and bitmap stay the caller's until it is removed.  False and *error: the name is taken. */
bool nbd_server_add(struct nbd_server *s, const struct nbd_export *e, GError **error);
/*
 * Any thread.  Nobody works on it any more afterwards; `hard`: who does is disconnected.  False and *error: it is in
 * use.
 */
bool nbd_server_remove(struct nbd_server *s, const char *name, bool hard, GError **error);
/* Serves until stop_fd is readable, or, when not `persistent`, until the last client has left. */
void nbd_server_run(struct nbd_server *s, int stop_fd, bool persistent);
/* Disconnects who is there still. */
void nbd_server_free(struct nbd_server *s);

#endif
