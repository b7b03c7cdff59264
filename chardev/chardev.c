/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/chardev.c: what is the same for all back ends: labels, fronts, writing.
 *
 * Invariant: a chardev is in machine->chardevs from its creation to chardev_free; labels are unique.
 * Thread:    machine lock held, any thread.
 */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"
#include "util/error.h"

bool backend_enter(struct chardev *c)
{
    if (machine_locked(c->machine)) {
        return false;
    }
    machine_lock(c->machine);
    return true;
}

void backend_leave(struct chardev *c, bool entered)
{
    if (entered) {
        machine_unlock(c->machine);
    }
}

void backend_set_filename(struct chardev *c, const char *fmt, ...)
{
    va_list ap;

    g_free(c->filename);
    va_start(ap, fmt);
    c->filename = g_strdup_vprintf(fmt, ap);
    va_end(ap);
}

void backend_event(struct chardev *c, enum chardev_event event)
{
    if (c->attached && c->front.event) {
        c->front.event(c->front.opaque, event);
    }
}

/* The newest first: a mux before what it stands on, which it frees. */
static void free_all(struct machine *m)
{
    while (m->chardevs->len > 0) {
        chardev_free(g_ptr_array_index(m->chardevs, m->chardevs->len - 1));
    }
}

struct chardev *backend_alloc(struct machine *m, const struct chardev_type *type, const char *label)
{
    struct chardev *c = g_malloc0(type->size);

    c->type = type;
    c->machine = m;
    c->label = g_strdup(label);
    c->open = true;
    c->fd_in = c->fd_out = c->log_fd = -1;
    c->queue = g_byte_array_new();
    g_ptr_array_add(m->chardevs, c);
    m->find_chardev = chardev_find;
    m->free_chardevs = free_all;
    return c;
}

struct chardev *chardev_find(struct machine *m, const char *label)
{
    for (unsigned i = 0; i < m->chardevs->len; i++) {
        struct chardev *c = g_ptr_array_index(m->chardevs, i);

        if (strcmp(c->label, label) == 0) {
            return c;
        }
    }
    return NULL;
}

void chardev_free(struct chardev *c)
{
    if (!c) {
        return;
    }
    if (c->type->close) {
        c->type->close(c);
    }
    fd_backend_close(c);
    if (c->log_fd >= 0) {
        close(c->log_fd);
    }
    g_ptr_array_remove(c->machine->chardevs, c);
    g_byte_array_unref(c->queue);
    g_free(c->label);
    g_free(c->filename);
    g_free(c);
}

const char *chardev_label(const struct chardev *c)
{
    return c->label;
}

const char *chardev_backend(const struct chardev *c)
{
    return c->type->name;
}

const char *chardev_filename(const struct chardev *c)
{
    return c->filename ? c->filename : c->type->name;
}

bool chardev_is_open(const struct chardev *c)
{
    return c->open;
}

bool chardev_is_used(const struct chardev *c)
{
    return c->type == &chardev_mux_type ? mux_in_use(c) : c->attached;
}

void chardev_cut(struct chardev *c)
{
    if (c->fd_in >= 0) {
        (void)shutdown(c->fd_in, SHUT_RDWR); /* no socket: nothing */
    }
}

int chardev_take_fd(struct chardev *c)
{
    return c->type->take_fd ? c->type->take_fd(c) : -1;
}

bool chardev_attach(struct chardev *c, const struct chardev_front *front, GError **error)
{
    if (c->type->attach) {
        return c->type->attach(c, front, error);
    }
    if (c->attached) {
        set_error(error, "character device '%s' is in use already; mux=on lets several share it",
                  c->label);
        return false;
    }
    c->front = *front;
    c->attached = true;
    if (c->open) {
        backend_event(c, CHARDEV_OPENED);
    }
    chardev_accept_input(c);
    return true;
}

void chardev_detach(struct chardev *c, const void *opaque)
{
    if (c->type->detach) {
        c->type->detach(c, opaque);
    } else if (c->attached && c->front.opaque == opaque) {
        c->attached = false;
        chardev_accept_input(c);
    }
}

size_t chardev_write(struct chardev *c, const void *buf, size_t n)
{
    size_t done;

    if (!c) {
        return n;
    }
    done = c->type->write ? c->type->write(c, buf, n) : fd_backend_write(c, buf, n);
    logfile_write(c, buf, done);
    return done;
}

void chardev_set_line(struct chardev *c, const struct chardev_line *line)
{
    if (c && c->type->set_line) {
        c->type->set_line(c, line);
    }
}

void chardev_set_break(struct chardev *c, bool on)
{
    if (c && c->type->set_break) {
        c->type->set_break(c, on);
    }
}

void chardev_set_modem(struct chardev *c, unsigned lines)
{
    if (c && c->type->set_modem) {
        c->type->set_modem(c, lines);
    }
}

bool chardev_get_modem(struct chardev *c, unsigned *lines)
{
    return c && c->type->get_modem && c->type->get_modem(c, lines);
}

void chardev_accept_input(struct chardev *c)
{
    if (!c) {
        return;
    }
    if (c->type->accept_input) {
        c->type->accept_input(c);
    } else {
        fd_backend_update_input(c);
    }
}

void chardev_flush_all(struct machine *m)
{
    int64_t deadline = g_get_monotonic_time() + G_USEC_PER_SEC;

    for (unsigned i = 0; i < m->chardevs->len; i++) {
        fd_backend_flush(g_ptr_array_index(m->chardevs, i), deadline);
    }
}

int chardev_socket_fd(const struct chardev *c)
{
    bool plain = c->type == &chardev_socket_type && c->open && c->fd_in == c->fd_out;

    return plain && c->log_fd < 0 ? c->fd_in : -1;
}
