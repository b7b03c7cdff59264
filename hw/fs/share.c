/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hw/fs/share.c: see share.h, also for the thread. */
#include "hw/fs/share.h"

#include "util/error.h"

struct fsdev *share_find(struct virtio_device *v, const char *id, GError **error)
{
    struct fsdev *dev = id ? fsdev_find(virtio_machine(v), id) : NULL;

    if (!dev) {
        set_error(error, "%s: fsdev is '%s': there is no -fsdev with this id", v->dev->type->name,
                  id ? id : "");
    }
    return dev;
}

bool share_init(struct share *s, struct virtio_device *v, struct fsdev *dev, const char *thread,
                const struct share_ops *ops, void *server, GError **error)
{
    s->worker = worker_new(v, thread, ops->worker, server, error);
    if (!s->worker) {
        ops->free(server);
        return false;
    }
    s->dev = dev;
    s->ops = ops;
    s->server = server;
    s->saved = g_byte_array_new();
    dev->users++;
    return true;
}

void share_clear(struct share *s)
{
    worker_free(s->worker);
    s->ops->free(s->server);
    g_byte_array_unref(s->saved);
    s->dev->users--;
}

void share_save(struct share *s)
{
    worker_wait(s->worker);
    g_byte_array_set_size(s->saved, 0);
    s->ops->save(s->server, s->saved, SHARE_STATE_MAX);
}

bool share_load(struct share *s, GError **error)
{
    struct pack_in in = { s->saved->data, s->saved->data + s->saved->len, false };
    bool ok;

    worker_wait(s->worker);
    ok = s->ops->load(s->server, &in, error);
    g_byte_array_set_size(s->saved, 0);
    return ok;
}
