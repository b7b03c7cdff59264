/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_client.c: a connection: bytes that come are given to the step that asked for them, bytes to send are
 * kept until the socket takes them.
 *
 * Invariant: while more than OUT_HIGH bytes wait nothing is read, so that a client that asks and does not listen
 *            costs no memory.
 * Thread:    main loop, machine lock held.
 */
#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "ui/vnc_server.h"
#include "util/socket.h"

#define READ_SIZE         16384u
#define OUT_HIGH          (64u << 10)
#define HANDSHAKE_SECONDS 30u

/* The end --------------------------------------------------------------------------------------- */

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static gboolean on_end(gpointer opaque)
{
    struct vnc_client *c = opaque;

    if (c->feeding) {
        drop_source(&c->end); /* vnc_client_feed begins anew */
        return G_SOURCE_REMOVE;
    }
    g_ptr_array_remove(c->server->clients, c); /* frees it */
    return G_SOURCE_REMOVE;
}

static GSource *attach(struct vnc_client *c, GSource *source, GSourceFunc fn)
{
    g_source_set_callback(source, fn, c, NULL);
    g_source_attach(source, c->machine->context);
    return source;
}

static void end_soon(struct vnc_client *c)
{
    c->end = attach(c, g_idle_source_new(), on_end);
    g_source_set_priority(c->end, G_PRIORITY_DEFAULT);
}

void vnc_client_end(struct vnc_client *c)
{
    if (!c->ending) {
        c->ending = true;
        drop_source(&c->read_watch);
        drop_source(&c->write_watch);
        end_soon(c);
    }
}

void vnc_client_free(struct vnc_client *c)
{
    if (c->connected) {
        vnc_event(c, EVENT_VNC_DISCONNECTED);
    }
    drop_source(&c->read_watch);
    drop_source(&c->write_watch);
    drop_source(&c->deadline);
    drop_source(&c->end);
    viewer_close(&c->viewer);
    vnc_update_clear(c);
    vnc_encode_clear(c);
    websocket_free(c->web);
    g_byte_array_unref(c->in);
    g_byte_array_unref(c->out);
    g_byte_array_unref(c->wire);
    g_byte_array_unref(c->packed);
    if (c->fd >= 0) {
        close(c->fd);
    }
    g_free(c->address);
    g_free(c);
}

/* Writing --------------------------------------------------------------------------------------- */

void vnc_put(struct vnc_client *c, const void *data, size_t n)
{
    if (!c->ending && n > 0) {
        g_byte_array_append(c->out, data, (guint)n);
    }
}

void vnc_put8(struct vnc_client *c, unsigned v)
{
    uint8_t byte = (uint8_t)v;

    vnc_put(c, &byte, 1);
}

void vnc_put16(struct vnc_client *c, unsigned v)
{
    uint16_t be = GUINT16_TO_BE((uint16_t)v);

    vnc_put(c, &be, 2);
}

void vnc_put32(struct vnc_client *c, uint32_t v)
{
    v = GUINT32_TO_BE(v);
    vnc_put(c, &v, 4);
}

bool vnc_is_drained(const struct vnc_client *c)
{
    return c->wire->len == c->wire_head && c->out->len == 0;
}

static void update_watches(struct vnc_client *c);

/* A client that reads slowly and has more written meanwhile may never come to the end. */
static void drop_sent(struct vnc_client *c)
{
    if (c->wire_head > OUT_HIGH && c->wire_head > c->wire->len / 2) {
        g_byte_array_remove_range(c->wire, 0, (guint)c->wire_head);
        c->wire_head = 0;
    }
}

/* False: the connection is broken, and it ends. */
static bool send_wire(struct vnc_client *c)
{
    while (c->wire_head < c->wire->len) {
        ssize_t n = send(c->fd, c->wire->data + c->wire_head, c->wire->len - c->wire_head,
                         MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            drop_sent(c);
            return true;
        }
        if (n < 0) {
            vnc_client_end(c);
            return false;
        }
        c->wire_head += (size_t)n;
    }
    g_byte_array_set_size(c->wire, 0);
    c->wire_head = 0;
    return true;
}

/* TLS ------------------------------------------------------------------------------------------ */

/* From now on c->fd is the plain end of an encrypted connection; false: there is none, and the client ends. */
static bool wrap(struct vnc_client *c)
{
    c->fd = tls_wrap(c->server->tls, c->fd, NULL, NULL);
    if (c->fd < 0) {
        vnc_client_end(c);
    }
    return c->fd >= 0;
}

void vnc_start_tls(struct vnc_client *c, void (*then)(struct vnc_client *c))
{
    c->tls_then = then;
    vnc_ask(c, SIZE_MAX, NULL); /* nothing that is not encrypted */
}

/* What came too early is not taken for what was encrypted. */
static void begin_tls(struct vnc_client *c)
{
    void (*then)(struct vnc_client * c) = c->tls_then;

    c->tls_then = NULL;
    if (c->in->len > 0) {
        vnc_client_end(c);
        return;
    }
    drop_source(&c->read_watch);
    drop_source(&c->write_watch);
    if (wrap(c)) {
        then(c);
    }
}

/* What was put becomes what is sent. */
static void fill_wire(struct vnc_client *c)
{
    if (c->closing && c->web && !c->web->open) {
        g_byte_array_set_size(c->out, 0); /* it never speaks RFB */
    }
    if (c->out->len == 0 || (c->web && !c->web->open)) {
        return;
    }
    if (c->web) {
        websocket_put(c->wire, c->out->data, c->out->len);
    } else if (c->wire->len == 0) { /* the usual case: no copy */
        GByteArray *swap = c->wire;

        c->wire = c->out;
        c->out = swap;
    } else {
        g_byte_array_append(c->wire, c->out->data, c->out->len);
    }
    g_byte_array_set_size(c->out, 0);
}

void vnc_flush(struct vnc_client *c)
{
    if (c->ending) {
        return;
    }
    fill_wire(c);
    if (!send_wire(c)) {
        return;
    }
    if (c->closing && vnc_is_drained(c)) {
        vnc_client_end(c);
        return;
    }
    if (c->tls_then && vnc_is_drained(c)) {
        begin_tls(c);
        vnc_flush(c);
        return;
    }
    update_watches(c);
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct vnc_client *c = opaque;

    (void)fd;
    (void)condition;
    vnc_flush(c);
    if (!c->ending && c->initialized) {
        vnc_update(c);
    }
    return G_SOURCE_CONTINUE;
}

/* Reading --------------------------------------------------------------------------------------- */

void vnc_ask(struct vnc_client *c, size_t need, vnc_step *step)
{
    c->need = need;
    c->step = step;
}

/* Gives whole pieces to their steps. */
static void run_steps(struct vnc_client *c)
{
    size_t at = 0;

    while (!c->ending && !c->closing) {
        size_t there = c->in->len - at, n = MIN(c->skip, there);

        c->skip -= n;
        at += n;
        there -= n;
        if (c->skip > 0 || there < c->need) {
            break;
        }
        at += c->need;
        c->step(c, c->in->data + at - c->need);
    }
    if (at > 0) {
        g_byte_array_remove_range(c->in, 0, (guint)at);
    }
}

void vnc_client_feed(struct vnc_client *c, const uint8_t *data, size_t n)
{
    if (c->closing) {
        return; /* it is not listened to any more, only told */
    }
    if (c->web) {
        enum websocket_result r = websocket_take(c->web, data, n, c->in, c->wire);

        if (r != WEBSOCKET_GOES_ON) {
            c->closing = true; /* with the answer */
        }
    } else {
        g_byte_array_append(c->in, data, (guint)n);
    }
    if (c->feeding) {
        drop_source(&c->read_watch); /* the outer one goes on with it */
        return;
    }
    c->feeding = true;
    run_steps(c);
    c->feeding = false;
    if (c->ending && !c->end) {
        end_soon(c);
    }
    vnc_flush(c);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct vnc_client *c = opaque;
    uint8_t buf[READ_SIZE];
    ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

    (void)fd;
    (void)condition;
    if (n > 0) {
        vnc_client_feed(c, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        vnc_client_end(c);
    }
    return c->read_watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void set_watch(struct vnc_client *c, GSource **watch, bool on, GIOCondition condition,
                      GUnixFDSourceFunc fn)
{
    if (!on) {
        drop_source(watch);
    } else if (!*watch) {
        *watch = attach(c, g_unix_fd_source_new(c->fd, condition), G_SOURCE_FUNC(fn));
    }
}

static void update_watches(struct vnc_client *c)
{
    size_t waiting = c->wire->len - c->wire_head + c->out->len;

    set_watch(c, &c->write_watch, c->wire->len > c->wire_head, G_IO_OUT, on_writable);
    set_watch(c, &c->read_watch, waiting <= OUT_HIGH && (c->read_watch || !c->feeding),
              G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable);
}

/* The begin ------------------------------------------------------------------------------------- */

static gboolean on_deadline(gpointer opaque)
{
    struct vnc_client *c = opaque;

    if (!c->initialized) {
        vnc_client_end(c);
    }
    return G_SOURCE_CONTINUE;
}

static char *peer_address(int fd)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);
    char text[SOCKET_ADDRESS_TEXT] = "unknown";

    if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0) {
        socket_address_text((struct sockaddr *)&sa, len, text);
    }
    return g_strdup(text);
}

struct vnc_client *vnc_client_new(struct vnc_server *s, int fd, bool web, bool skip_auth)
{
    struct vnc_client *c = g_new0(struct vnc_client, 1);

    c->server = s;
    c->machine = s->machine;
    c->fd = fd;
    c->address = peer_address(fd);
    c->skip_auth = skip_auth;
    c->web = web ? websocket_new() : NULL;
    c->in = g_byte_array_new();
    c->out = g_byte_array_new();
    c->wire = g_byte_array_new();
    c->packed = g_byte_array_new();
    c->level = 1;
    viewer_init(&c->viewer, c->machine);
    vnc_update_init(c);
    g_ptr_array_add(s->clients, c);
    c->deadline = attach(c, g_timeout_source_new_seconds(HANDSHAKE_SECONDS), on_deadline);
    if (web && s->tls && !wrap(c)) { /* wss: from the first byte on */
        return c;
    }
    vnc_handshake_begin(c);
    if (!web) {
        c->connected = true;
        vnc_event(c, EVENT_VNC_CONNECTED);
    }
    vnc_flush(c);
    return c;
}
