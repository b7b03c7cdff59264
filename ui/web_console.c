/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/web_console.c: see web_console.h.
 *
 * Invariant: a browser that does not read is sent away when OUT_MAX bytes wait for it, and what it types is read
 *            only while fewer wait.
 * Thread:    main loop, machine lock held.
 */
#include "ui/web_console.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "ui/vc.h"
#include "ui/websocket.h"

#define OUT_MAX   (1u << 20)
#define READ_SIZE 4096u

struct web_console {
    struct machine *machine;
    struct vc *vc;
    struct vc_listener listener;
    int fd;
    struct websocket *web;
    GByteArray *in, *out;
    size_t head; /* bytes of out that are sent */
    GSource *read_watch, *write_watch, *end;
    bool taking; /* take_bytes runs, and a monitor's command may turn the loop below it: */
    bool over;   /* `end` came meanwhile */
    void (*ended)(void *opaque, struct web_console *c);
    void *opaque;
};

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *attach(struct web_console *c, GSource *source, GSourceFunc fn)
{
    g_source_set_callback(source, fn, c, NULL);
    g_source_attach(source, c->machine->context);
    return source;
}

static gboolean on_end(gpointer opaque)
{
    struct web_console *c = opaque;

    if (c->taking) {
        c->over = true; /* take_bytes begins anew */
        return G_SOURCE_REMOVE;
    }
    c->ended(c->opaque, c); /* frees it */
    return G_SOURCE_REMOVE;
}

/* Soon: whoever calls may still look at it. */
static void end(struct web_console *c)
{
    if (!c->end) {
        drop_source(&c->read_watch);
        drop_source(&c->write_watch);
        c->end = attach(c, g_idle_source_new(), on_end);
    }
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque);

static void flush(struct web_console *c)
{
    while (!c->end && c->head < c->out->len) {
        ssize_t n =
            send(c->fd, c->out->data + c->head, c->out->len - c->head, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
            end(c);
            return;
        }
        if (n < 0) {
            break;
        }
        c->head += (size_t)n;
    }
    if (c->head > OUT_MAX) { /* a browser that reads slowly may never come to the end */
        g_byte_array_remove_range(c->out, 0, (guint)c->head);
        c->head = 0;
    }
    if (c->head == c->out->len) {
        g_byte_array_set_size(c->out, 0);
        c->head = 0;
        drop_source(&c->write_watch);
    } else if (c->out->len - c->head > OUT_MAX) {
        end(c);
    } else if (!c->write_watch && !c->end) {
        c->write_watch =
            attach(c, g_unix_fd_source_new(c->fd, G_IO_OUT), G_SOURCE_FUNC(on_writable));
    }
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    (void)fd;
    (void)condition;
    flush(opaque);
    return ((struct web_console *)opaque)->write_watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* The console was sent something. */
static void on_bytes(struct vc_listener *l, const uint8_t *bytes, size_t n)
{
    struct web_console *c =
        (struct web_console *)((char *)l - offsetof(struct web_console, listener));

    if (c->web->open && !c->end && n > 0) {
        websocket_put(c->out, bytes, n);
        flush(c);
    }
}

static void on_gone(struct vc_listener *l)
{
    struct web_console *c =
        (struct web_console *)((char *)l - offsetof(struct web_console, listener));

    c->vc = NULL;
    end(c);
}

static void take_bytes(struct web_console *c, const uint8_t *data, size_t n)
{
    bool was_open = c->web->open;
    enum websocket_result r = websocket_take(c->web, data, n, c->in, c->out);

    if (!was_open && c->web->open && c->vc) {
        vc_replay(c->vc, &c->listener);
    }
    c->taking = true;
    if (c->in->len && c->vc) {
        vc_type(c->vc, c->in->data, c->in->len);
    }
    c->taking = false;
    if (c->over) {
        c->over = false;
        drop_source(&c->end);
        c->end = attach(c, g_idle_source_new(), on_end);
    }
    g_byte_array_set_size(c->in, 0);
    flush(c);
    if (r != WEBSOCKET_GOES_ON) {
        end(c);
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct web_console *c = opaque;
    uint8_t buf[READ_SIZE];
    ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

    (void)fd;
    (void)condition;
    if (n > 0) {
        take_bytes(c, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        end(c);
    }
    return c->read_watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

struct web_console *web_console_new(struct machine *m, struct vc *vc, int fd,
                                    const uint8_t *request, size_t n,
                                    void (*ended)(void *opaque, struct web_console *c),
                                    void *opaque)
{
    struct web_console *c = g_new0(struct web_console, 1);

    c->machine = m;
    c->vc = vc;
    c->fd = fd;
    c->ended = ended;
    c->opaque = opaque;
    c->web = websocket_new();
    c->in = g_byte_array_new();
    c->out = g_byte_array_new();
    c->listener.bytes = on_bytes;
    c->listener.gone = on_gone;
    vc_listen(vc, &c->listener);
    take_bytes(c, request, n);
    if (!c->end) {
        c->read_watch = attach(c, g_unix_fd_source_new(fd, G_IO_IN | G_IO_HUP | G_IO_ERR),
                               G_SOURCE_FUNC(on_readable));
    }
    return c;
}

void web_console_free(struct web_console *c)
{
    if (c->vc) {
        vc_unlisten(c->vc, &c->listener);
    }
    drop_source(&c->read_watch);
    drop_source(&c->write_watch);
    drop_source(&c->end);
    websocket_free(c->web);
    g_byte_array_unref(c->in);
    g_byte_array_unref(c->out);
    close(c->fd);
    g_free(c);
}
