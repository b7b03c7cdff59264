/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block/nbd_session.h: one client of the NBD server.
 * Thread: the client's own; what is behind `mutex` also those that run its requests.
 */
#ifndef BLOCK_NBD_SESSION_H
#define BLOCK_NBD_SESSION_H

#include <pthread.h>
#include "block/nbd_server.h"

/* Contexts of block status, as the ids that the client hears. */
enum nbd_context { NBD_CONTEXT_ALLOCATION, NBD_CONTEXT_DEPTH, NBD_CONTEXT_BITMAP, NBD_CONTEXTS };

/* What a server has: struct nbd_export *, each counted by itself (g_atomic_rc_box). */
struct nbd_exports {
    pthread_mutex_t mutex; /* of the list, and of which export sessions have chosen */
    GPtrArray *list;
};

struct nbd_session {
    int fd;
    struct nbd_exports *exports;
    struct nbd_export *export; /* the one that was chosen; counted, like the following */
    bool structured, no_zeroes;
    unsigned contexts; /* 1 << enum nbd_context, of `context_export` */
    struct nbd_export *context_export;
    GThreadPool *pool;
    pthread_mutex_t mutex; /* one reply at a time; guards what follows */
    pthread_cond_t finished;
    unsigned in_flight;
    bool broken;
};

/* All bytes, or false: the client is gone. */
bool nbd_receive(int fd, void *buf, size_t len);
bool nbd_send(int fd, const void *buf, size_t len);

/* nbd_server.c: the export of that name, which the caller gives back; NULL: there is none. */
struct nbd_export *nbd_export_find(struct nbd_exports *all, const void *name, size_t len);
/* All of them, likewise. */
GPtrArray *nbd_export_list(struct nbd_exports *all);
void nbd_export_unref(struct nbd_export *e);
typedef struct nbd_export nbd_export; /* for g_autoptr */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(nbd_export, nbd_export_unref)
/* The session works on it from now on.  False: it has been removed. */
bool nbd_export_choose(struct nbd_session *s, struct nbd_export *e);

/* nbd_handshake.c: true when the client has chosen an export, and requests follow. */
bool nbd_handshake(struct nbd_session *s);
/* The flags of enum nbd_export_flags. */
uint16_t nbd_flags_of(const struct nbd_session *s, const struct nbd_export *e);
char *nbd_context_name(const struct nbd_export *e, enum nbd_context context);

/* nbd_requests.c: serves requests until the client leaves. */
void nbd_serve(struct nbd_session *s);
/* What the pool runs: a struct nbd_request. */
void nbd_run_request(gpointer request, gpointer opaque);

#endif
