/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hw/fs/share.h: what devices with a shared folder have in common: the folder, a server on a worker, saved state.
 * Thread: under the machine lock.
 */
#ifndef HW_FS_SHARE_H
#define HW_FS_SHARE_H

#include "fsdev/fsdev.h"
#include "fsdev/pack.h"
#include "hw/fs/worker.h"

/* Bytes of a session in a saved machine: names of so many files that the rest is stale after a load. */
#define SHARE_STATE_MAX (64u << 20)

struct share_ops {
    const struct worker_ops *worker;
    void (*free)(void *server);
    /* The worker is idle. */
    void (*save)(void *server, GByteArray *out, size_t most);
    bool (*load)(void *server, struct pack_in *in, GError **error);
};

struct share {
    struct fsdev *dev;
    const struct share_ops *ops;
    void *server;
    struct worker *worker;
    GByteArray *saved;
};

#define SHARE_STATE(strct, member)                                                                 \
    STATE_BLOB_ROW(strct, member.saved, SHARE_STATE_MAX, 1, "what the guest has mounted and opened")

/* The -fsdev that a device names; NULL and *error: there is none. */
struct fsdev *share_find(struct virtio_device *v, const char *id, GError **error);
/* Takes the server over, also when it fails. */
bool share_init(struct share *s, struct virtio_device *v, struct fsdev *dev, const char *thread,
                const struct share_ops *ops, void *server, GError **error);
void share_clear(struct share *s);
/* For pre_save and post_load. */
void share_save(struct share *s);
bool share_load(struct share *s, GError **error);

#endif
