/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/web.c: see web.h.  A small HTTP server: it reads one request of a connection and answers it, or hands the
 * connection to what speaks on: VNC (vnc_server.h) or a text console (web_console.h).
 *
 * Invariants: nothing but a refusal is sent to who has not the token, which is made anew for each run; requests are
 *             bounded in size, number and time.
 * Thread:     main loop, machine lock held.
 */
#include "ui/web.h"

#include <errno.h>
#include <glib-unix.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "ui/vc.h"
#include "ui/vnc_server.h"
#include "ui/web_console.h"
#include "ui/web_page.h"
#include "util/error.h"
#include "util/log.h"
#include "util/socket.h"
#include "util/text.h"

#define REQUESTS_MAX    32u
#define CONSOLES_MAX    32u
#define REQUEST_SECONDS 30u
#define TOKEN_BYTES     16u

struct web_display {
    struct machine *machine;
    char *token;
    int fd;
    GSource *watch;
    struct vnc_server *vnc;
    GPtrArray *requests; /* struct request * */
    GPtrArray *consoles; /* struct web_console * */
};

struct request {
    struct web_display *display;
    int fd; /* -1: handed over */
    GByteArray *in, *out;
    size_t head;
    GSource *watch, *deadline;
};

bool web_available(void)
{
    return web_page_size > 0;
}

/* Options --------------------------------------------------------------------------------------- */

/* "HOST:PORT", "PORT" or nothing: of this host alone unless told otherwise. */
static bool parse(struct socket_address *a, const GPtrArray *opts, GError **error)
{
    const char *text = options_get(opts, "web");
    g_autofree char *full = NULL;
    uint64_t port;

    *a = (struct socket_address){ .fd = -1 };
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "web") != 0 && strcmp(p->key, "type") != 0) {
            set_error(error, "-display web: no property '%s'; it takes an address only", p->key);
            return false;
        }
    }
    text = text ? text : "0";
    full =
        parse_uint(text, 0, 65535, &port) ? g_strconcat("127.0.0.1:", text, NULL) : g_strdup(text);
    if (!socket_address_parse(a, full, error)) {
        g_prefix_error(error, "-display web: ");
        return false;
    }
    return true;
}

bool web_display_check(const GPtrArray *opts, GError **error)
{
    struct socket_address a;
    bool ok = parse(&a, opts, error);

    socket_address_clear(&a);
    return ok;
}

/* Requests -------------------------------------------------------------------------------------- */

static void drop_source(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static void request_free(gpointer p)
{
    struct request *r = p;

    drop_source(&r->watch);
    drop_source(&r->deadline);
    g_byte_array_unref(r->in);
    g_byte_array_unref(r->out);
    if (r->fd >= 0) {
        close(r->fd);
    }
    g_free(r);
}

static void request_end(struct request *r)
{
    g_ptr_array_remove_fast(r->display->requests, r); /* frees it */
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct request *r = opaque;
    ssize_t n =
        send(r->fd, r->out->data + r->head, r->out->len - r->head, MSG_DONTWAIT | MSG_NOSIGNAL);

    (void)fd;
    (void)condition;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    r->head += (size_t)MAX(n, 0);
    if (n < 0 || r->head == r->out->len) {
        shutdown(r->fd, SHUT_WR);
        request_end(r);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static GSource *watch(struct machine *m, int fd, GIOCondition condition, GUnixFDSourceFunc fn,
                      void *opaque)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(fn), opaque, NULL);
    g_source_attach(source, m->context);
    return source;
}

static void answer(struct request *r, const char *status, const char *headers, const void *body,
                   size_t n)
{
    g_autofree char *head = g_strdup_printf("HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n"
                                            "Cache-Control: no-store\r\nReferrer-Policy: "
                                            "no-referrer\r\nX-Content-Type-Options: nosniff\r\n"
                                            "Connection: close\r\n\r\n",
                                            status, headers, n);

    g_byte_array_append(r->out, (const uint8_t *)head, (guint)strlen(head));
    g_byte_array_append(r->out, body, (guint)n);
    drop_source(&r->watch);
    r->watch = watch(r->display->machine, r->fd, G_IO_OUT, on_writable, r);
}

static void refuse(struct request *r, const char *status)
{
    g_autofree char *body = g_strdup_printf("%s\n", status);

    answer(r, status, "Content-Type: text/plain\r\n", body, strlen(body));
}

/* Targets --------------------------------------------------------------------------------------- */

static void send_page(struct request *r)
{
    answer(r, "200 OK", "Content-Type: text/html; charset=utf-8\r\nContent-Encoding: gzip\r\n",
           web_page, web_page_size);
}

static void send_consoles(struct request *r)
{
    json_t *list = json_array();
    g_autofree char *text = NULL;
    struct vc *vc;

    for (unsigned i = 0; (vc = vc_at(r->display->machine, i)); i++) {
        g_autofree char *label = g_utf8_make_valid(vc_label(vc), -1);

        json_array_append_new(list, json_string(label));
    }
    text = json_dumps(list, 0);
    json_decref(list);
    answer(r, "200 OK", "Content-Type: application/json\r\n", text, strlen(text));
}

/* The connection is somebody else's. */
static int hand_over(struct request *r)
{
    int fd = r->fd;

    drop_source(&r->watch);
    r->fd = -1;
    return fd;
}

static void open_screen(struct request *r)
{
    struct vnc_server *s = r->display->vnc;

    if (s->clients->len >= CONSOLES_MAX) {
        refuse(r, "503 Service Unavailable");
        return;
    }
    vnc_client_feed(vnc_client_new(s, hand_over(r), true, true), r->in->data, r->in->len);
    request_end(r);
}

static void console_ended(void *opaque, struct web_console *c)
{
    struct web_display *d = opaque;

    g_ptr_array_remove_fast(d->consoles, c);
}

static void open_console(struct request *r, const char *number)
{
    struct web_display *d = r->display;
    uint64_t i = 0;
    struct vc *vc = parse_uint(number, 0, 255, &i) ? vc_at(d->machine, (unsigned)i) : NULL;

    if (!vc || d->consoles->len >= CONSOLES_MAX) {
        refuse(r, vc ? "503 Service Unavailable" : "404 Not Found");
        return;
    }
    g_ptr_array_add(d->consoles, web_console_new(d->machine, vc, hand_over(r), r->in->data,
                                                 r->in->len, console_ended, d));
    request_end(r);
}

/* Reading --------------------------------------------------------------------------------------- */

/* As long for one that is nearly right as for any other. */
static bool has_token(const struct web_display *d, const char *query)
{
    const char *given = query && g_str_has_prefix(query, "token=") ? query + 6 : "";
    size_t n = strcspn(given, "&");
    unsigned differs = n != strlen(d->token);

    for (size_t i = 0; d->token[i]; i++) {
        differs |= (unsigned)(d->token[i] ^ (i < n ? given[i] : 0));
    }
    return !differs;
}

/* "GET /path?token=TOKEN HTTP/1.1" */
static void route(struct request *r, const char *request)
{
    g_autofree char *line = g_strndup(request, strcspn(request, "\r"));
    g_auto(GStrv) words = g_strsplit(line, " ", 4);
    char *query;

    if (g_strv_length(words) != 3 || !g_str_has_prefix(words[2], "HTTP/1.")) {
        refuse(r, "400 Bad Request");
        return;
    }
    if (strcmp(words[0], "GET") != 0) {
        refuse(r, "405 Method Not Allowed");
        return;
    }
    query = strchr(words[1], '?');
    if (query) {
        *query++ = 0;
    }
    if (!has_token(r->display, query)) {
        refuse(r, "403 Forbidden");
    } else if (strcmp(words[1], "/") == 0) {
        send_page(r);
    } else if (strcmp(words[1], "/consoles") == 0) {
        send_consoles(r);
    } else if (strcmp(words[1], "/vnc") == 0) {
        open_screen(r);
    } else if (g_str_has_prefix(words[1], "/console/")) {
        open_console(r, words[1] + strlen("/console/"));
    } else {
        refuse(r, "404 Not Found");
    }
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer opaque)
{
    struct request *r = opaque;
    uint8_t buf[2048];
    ssize_t n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
    const char *end;

    (void)fd;
    (void)condition;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    if (n <= 0) {
        request_end(r);
        return G_SOURCE_REMOVE;
    }
    g_byte_array_append(r->in, buf, (guint)n);
    end = g_strstr_len((const char *)r->in->data, r->in->len, "\r\n\r\n");
    if (end) {
        g_autofree char *request =
            g_strndup((const char *)r->in->data, (gsize)(end + 4 - (const char *)r->in->data));

        route(r, request);
        return G_SOURCE_REMOVE;
    }
    if (r->in->len > WEBSOCKET_REQUEST_MAX) {
        refuse(r, "431 Request Header Fields Too Large");
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_deadline(gpointer opaque)
{
    request_end(opaque);
    return G_SOURCE_REMOVE;
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer opaque)
{
    struct web_display *d = opaque;
    int got = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct request *r;

    (void)condition;
    if (got < 0) {
        return G_SOURCE_CONTINUE;
    }
    if (d->requests->len >= REQUESTS_MAX) {
        close(got);
        return G_SOURCE_CONTINUE;
    }
    r = g_new0(struct request, 1);
    r->display = d;
    r->fd = got;
    r->in = g_byte_array_new();
    r->out = g_byte_array_new();
    r->watch = watch(d->machine, got, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, r);
    r->deadline = g_timeout_source_new_seconds(REQUEST_SECONDS);
    g_source_set_callback(r->deadline, on_deadline, r, NULL);
    g_source_attach(r->deadline, d->machine->context);
    g_ptr_array_add(d->requests, r);
    return G_SOURCE_CONTINUE;
}

/* Life ------------------------------------------------------------------------------------------ */

static char *make_token(void)
{
    uint8_t bytes[TOKEN_BYTES];
    GString *text = g_string_new(NULL);

    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
        g_error("the host has no random numbers: %s", g_strerror(errno));
    }
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        g_string_append_printf(text, "%02x", bytes[i]);
    }
    return g_string_free(text, FALSE);
}

static void print_address(const struct web_display *d)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);
    char text[SOCKET_ADDRESS_TEXT];

    getsockname(d->fd, (struct sockaddr *)&sa, &len);
    socket_address_text((struct sockaddr *)&sa, len, text);
    report_info("the machine is at http://%s/?token=%s", text, d->token);
}

struct web_display *web_display_new(struct machine *m, const GPtrArray *opts, GError **error)
{
    struct web_display *d;
    struct socket_address a;
    int fd = parse(&a, opts, error) ? socket_bind(&a, SOCK_STREAM, error) : -1;

    socket_address_clear(&a);
    if (fd < 0) {
        g_prefix_error(error, "-display web: ");
        return NULL;
    }
    listen(fd, SOMAXCONN);
    d = g_new0(struct web_display, 1);
    d->machine = m;
    d->fd = fd;
    d->token = make_token();
    d->vnc = vnc_server_new(m, "web", fd);
    d->requests = g_ptr_array_new_with_free_func(request_free);
    d->consoles = g_ptr_array_new_with_free_func((GDestroyNotify)web_console_free);
    d->watch = watch(m, fd, G_IO_IN, on_connection, d);
    print_address(d);
    return d;
}

void web_display_free(struct web_display *d)
{
    if (!d) {
        return;
    }
    drop_source(&d->watch);
    g_ptr_array_unref(d->requests);
    g_ptr_array_unref(d->consoles);
    vnc_server_free(d->vnc); /* and the socket */
    g_free(d->token);
    g_free(d);
}
