/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/export.h: nodes of a machine that clients of its NBD server read and write beside the guest.
 *
 * A node that a drive of the guest writes to is exported for reading only; while another machine has the images
 * (-incoming) for writing as well, so that it can fill them.
 * Thread: main loop, machine lock held.
 */
#ifndef BLOCK_EXPORT_H
#define BLOCK_EXPORT_H

#include "block/node.h"

struct socket_address;

struct block_export_options {
    const char *id;
    const char *name, *description; /* NULL: the id; none */
    const char *bitmap;             /* NULL: none */
    bool writable, writethrough, allocation_depth;
};

struct block_export {
    char *id, *name;
    struct block_node *node; /* counted */
    GPtrArray *bitmaps;      /* NULL: none */
};

/* Listens; takes over the descriptor of an address that is one.  False and *error: there is a server already, ... */
bool block_nbd_start(struct machine *m, const struct socket_address *a, unsigned max_clients,
                     GError **error);
bool block_nbd_is_running(struct machine *m);
/* Disconnects all clients; its exports go. */
bool block_nbd_stop(struct machine *m, GError **error);

bool block_export_add(struct machine *m, struct block_node *node,
                      const struct block_export_options *o, GError **error);
/* `hard`: its clients are disconnected.  False and *error: it is in use, or there is none. */
bool block_export_del(struct machine *m, const char *id, bool hard, GError **error);
/* Export number i; NULL: there are no more. */
const struct block_export *block_export_at(struct machine *m, unsigned i);
/* By the name that clients know; NULL: there is none. */
const struct block_export *block_export_named(struct machine *m, const char *name);

#endif
