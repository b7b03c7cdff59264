/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * chardev/fd.c: back ends on file descriptors: watches on the main context, a bounded queue of
 * output, flow control of input.
 *
 * Invariants: see backend.h.  End of file on input removes the watch for good; a reader that has
 *             gone away (EPIPE, EIO) makes output vanish, it never stalls the guest.
 * Thread:     watches run on the main loop; everything under the machine lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "chardev/backend.h"
#include "softmmu/machine.h"

#define READ_MAX 4096

void backend_remove_watch(GSource **watch)
{
    if (*watch) {
        g_source_destroy(*watch);
        g_source_unref(*watch);
        *watch = NULL;
    }
}

void backend_add_watch(struct chardev *c, GSource **watch, int fd, GIOCondition condition,
                       GUnixFDSourceFunc fn)
{
    if (*watch) {
        return;
    }
    *watch = g_unix_fd_source_new(fd, condition);
    g_source_set_callback(*watch, G_SOURCE_FUNC(fn), c, NULL);
    g_source_attach(*watch, c->machine->context);
}

/* Room of the front, at most one read. */
static size_t input_room(struct chardev *c)
{
    size_t room = c->attached ? c->front.can_receive(c->front.opaque) : 0;

    return MIN(room, READ_MAX);
}

/* A descriptor without room for its input is watched for its end, where the type asks for it. */
static void look_for_end(struct chardev *c)
{
    uint8_t byte;

    if (recv(c->fd_in, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        c->hung_up = true;
        if (c->type->hung_up) {
            c->type->hung_up(c);
        }
    } else {
        c->type->ended(c);
    }
}

static void read_input(struct chardev *c, size_t room)
{
    uint8_t buf[READ_MAX];
    ssize_t n = c->type->read ? c->type->read(c, buf, room) : read(c->fd_in, buf, room);

    if (n > 0) {
        c->front.receive(c->front.opaque, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        c->in_ended = true;
        if (c->type->ended) {
            c->type->ended(c);
        }
    }
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct chardev *c = opaque;
    bool entered = backend_enter(c);
    size_t room = input_room(c);

    (void)fd;
    if (room > 0) {
        read_input(c, room);
    } else if (c->type->ended && (condition & (G_IO_HUP | G_IO_ERR))) {
        look_for_end(c);
    }
    fd_backend_update_input(c);
    backend_leave(c, entered);
    return G_SOURCE_CONTINUE; /* update_input has removed the watch if it must go */
}

void fd_backend_update_input(struct chardev *c)
{
    bool room = c->fd_in >= 0 && !c->in_ended && input_room(c) > 0;
    bool end = c->fd_in >= 0 && !c->in_ended && !c->hung_up && c->type->ended;

    if (c->in_watch && c->in_room != room) {
        backend_remove_watch(&c->in_watch);
    }
    c->in_room = room;
    if (room || end) {
        backend_add_watch(c, &c->in_watch, c->fd_in, (room ? G_IO_IN : 0) | G_IO_HUP | G_IO_ERR,
                          input_ready);
    } else {
        backend_remove_watch(&c->in_watch);
    }
}

/* One write; 0 when the host takes nothing now.  A reader that is gone takes everything. */
static size_t write_some(struct chardev *c, const uint8_t *buf, size_t n)
{
    ssize_t done;

    if (c->out_broken || c->fd_out < 0) {
        return n;
    }
    do {
        done = write(c->fd_out, buf, n);
    } while (done < 0 && errno == EINTR);
    if (done >= 0) {
        return (size_t)done;
    }
    if (errno == EAGAIN) {
        return 0;
    }
    c->out_broken = true;
    return n;
}

/* Writes queued bytes until the host takes no more. */
static void drain(struct chardev *c)
{
    while (c->queue_head < c->queue->len) {
        size_t done = write_some(c, c->queue->data + c->queue_head, c->queue->len - c->queue_head);

        if (done == 0) {
            return;
        }
        c->queue_head += done;
    }
    g_byte_array_set_size(c->queue, 0);
    c->queue_head = 0;
}

static gboolean output_ready(gint fd, GIOCondition condition, gpointer opaque)
{
    struct chardev *c = opaque;
    bool entered = backend_enter(c);

    (void)fd;
    (void)condition;
    drain(c);
    if (c->out_short && c->queue->len - c->queue_head <= CHARDEV_QUEUE_MAX / 2) {
        c->out_short = false;
        if (c->attached && c->front.drained) {
            c->front.drained(c->front.opaque);
        }
    }
    if (c->queue->len == 0) {
        backend_remove_watch(&c->out_watch);
    }
    backend_leave(c, entered);
    return G_SOURCE_CONTINUE;
}

size_t fd_backend_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    size_t done = 0, queued, room;

    drain(c);
    while (c->queue->len == 0 && done < n) {
        size_t step = write_some(c, buf + done, n - done);

        if (step == 0) {
            break;
        }
        done += step;
    }
    if (done == n) {
        return n;
    }
    if (c->queue_head > 0) {
        g_byte_array_remove_range(c->queue, 0, (guint)c->queue_head);
        c->queue_head = 0;
    }
    room = CHARDEV_QUEUE_MAX - c->queue->len;
    queued = MIN(n - done, room);
    g_byte_array_append(c->queue, buf + done, (guint)queued);
    backend_add_watch(c, &c->out_watch, c->fd_out, G_IO_OUT | G_IO_HUP | G_IO_ERR, output_ready);
    c->out_short |= done + queued < n;
    return done + queued;
}

void fd_backend_flush(struct chardev *c, int64_t deadline_us)
{
    drain(c);
    while (c->queue->len > 0) {
        int64_t left_ms = (deadline_us - g_get_monotonic_time()) / 1000;
        struct pollfd p = { .fd = c->fd_out, .events = POLLOUT };

        if (left_ms <= 0) {
            return;
        }
        if (poll(&p, 1, (int)left_ms) > 0) {
            drain(c);
        }
    }
}

void fd_backend_set(struct chardev *c, int fd_in, int fd_out)
{
    c->fd_in = fd_in;
    c->fd_out = fd_out;
    fd_backend_update_input(c);
}

void fd_backend_close(struct chardev *c)
{
    backend_remove_watch(&c->in_watch);
    backend_remove_watch(&c->out_watch);
    if (c->fd_in >= 0) {
        close(c->fd_in);
    }
    if (c->fd_out >= 0 && c->fd_out != c->fd_in) {
        close(c->fd_out);
    }
    c->fd_in = c->fd_out = -1;
    c->in_ended = c->hung_up = c->out_short = c->out_broken = false;
    g_byte_array_set_size(c->queue, 0);
    c->queue_head = 0;
}

/*
 * O_NONBLOCK belongs to the open file description, which the terminal's other users share: a shell
 * or our own stderr would meet EAGAIN.  So terminals and pipes are opened once more.  A regular file is
 * duplicated, since its offset matters and it does not block.
 */
int fd_reopen_nonblocking(int fd, int flags)
{
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
    struct stat st;
    int dup_fd, new_fd;

    if (fstat(fd, &st) < 0) {
        return -1;
    }
    if (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)) {
        new_fd = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (new_fd >= 0) {
            return new_fd;
        }
    }
    dup_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (dup_fd >= 0 && !S_ISREG(st.st_mode)) {
        fcntl(dup_fd, F_SETFL, fcntl(dup_fd, F_GETFL) | O_NONBLOCK);
    }
    return dup_fd;
}
