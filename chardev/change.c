/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/change.c: what monitors do to back ends while the machine runs: another in its place, none, a break.
 * Thread: main loop, machine lock held; not from within a callback of the chardev concerned.
 */
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/text.h"

static bool may_change(const struct chardev *old, const GPtrArray *opts, GError **error)
{
    bool mux;

    if (options_get(opts, "id")) {
        set_error(error, "Unexpected 'id' parameter");
        return false;
    }
    if (!backend_flag("mux", opts, "mux", false, &mux, error)) {
        return false;
    }
    if (mux || old->type == &chardev_mux_type) {
        set_error(error, "Mux device hotswap not supported yet");
        return false;
    }
    if (old->attached && !old->front.moved) {
        set_error(error, "Chardev user does not support chardev hotswap");
        return false;
    }
    return true;
}

/* The front goes over; what was queued is written as far as the host takes it now. */
static void replace(struct chardev *old, struct chardev *new)
{
    struct chardev_front front = old->front;

    if (old->attached) {
        chardev_detach(old, front.opaque);
        front.moved(front.opaque, new);
        chardev_attach(new, &front, NULL); /* it is new: nobody else has it */
    }
    fd_backend_flush(old, 0);
    chardev_free(old);
}

bool chardev_change(struct machine *m, const char *label, const char *backend,
                    const GPtrArray *opts, GError **error)
{
    struct chardev *old = chardev_find(m, label), *new;
    g_autofree char *name = g_strdup(label);

    if (!old) {
        set_error(error, "Chardev '%s' does not exist", label);
        return false;
    }
    if (!may_change(old, opts, error)) {
        return false;
    }
    old->label[0] = 0; /* the name is free for the new one */
    new = chardev_new_options(m, backend, name, opts, error);
    if (!new) {
        g_free(old->label);
        old->label = g_steal_pointer(&name);
        return false;
    }
    replace(old, new);
    return true;
}

static struct chardev *find(struct machine *m, const char *label, GError **error)
{
    struct chardev *c = chardev_find(m, label);

    if (!c) {
        set_error(error, "Chardev '%s' not found", label);
    }
    return c;
}

bool chardev_remove(struct machine *m, const char *label, GError **error)
{
    struct chardev *c = find(m, label, error);

    if (!c) {
        return false;
    }
    if (c->type == &chardev_mux_type ? mux_in_use(c) : c->attached) {
        set_error(error, "Chardev '%s' is busy", label);
        return false;
    }
    fd_backend_flush(c, 0);
    chardev_free(c);
    return true;
}

bool chardev_send_break(struct machine *m, const char *label, GError **error)
{
    struct chardev *c = find(m, label, error);

    if (!c) {
        return false;
    }
    if (c->type == &chardev_mux_type) {
        mux_send_break(c);
    } else {
        backend_event(c, CHARDEV_BREAK);
    }
    return true;
}
