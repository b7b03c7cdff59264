/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc.c: VNC servers: the sockets that they listen on, passwords.
 * Thread: main loop, machine lock held.
 */
#include "ui/vnc.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "softmmu/tls_store.h"
#include "ui/vnc_options.h"
#include "util/error.h"
#include "util/socket.h"
#include "util/text.h"

#define PASSWORD_MAX 8u

/* Connections ----------------------------------------------------------------------------------- */

static void take_connection(struct vnc_server *s, int listener, bool web)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0 && s->clients->len >= VNC_CLIENTS_MAX) {
        close(fd);
    } else if (fd >= 0) {
        vnc_client_new(s, fd, web, false);
    }
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer opaque)
{
    (void)condition;
    take_connection(opaque, fd, false);
    return G_SOURCE_CONTINUE;
}

static gboolean on_web_connection(gint fd, GIOCondition condition, gpointer opaque)
{
    (void)condition;
    take_connection(opaque, fd, true);
    return G_SOURCE_CONTINUE;
}

static GSource *watch(struct vnc_server *s, int fd, GUnixFDSourceFunc fn)
{
    GSource *source = g_unix_fd_source_new(fd, G_IO_IN);

    g_source_set_callback(source, G_SOURCE_FUNC(fn), s, NULL);
    g_source_attach(source, s->machine->context);
    return source;
}

static bool open_sockets(struct vnc_server *s, const struct vnc_options *o, GError **error)
{
    if (o->reverse) {
        int fd = socket_connect(&o->address, SOCK_STREAM, error);

        if (fd >= 0) {
            vnc_client_new(s, fd, false, false);
        }
        return fd >= 0;
    }
    s->fd = socket_bind(&o->address, SOCK_STREAM, error);
    if (s->fd < 0) {
        return false;
    }
    listen(s->fd, SOMAXCONN);
    s->unix_path = g_strdup(o->address.kind == SOCKET_ADDRESS_UNIX ? o->address.path : NULL);
    s->watch = watch(s, s->fd, on_connection);
    if (o->has_web) {
        s->web_fd = socket_bind(&o->web, SOCK_STREAM, error);
        if (s->web_fd < 0) {
            return false;
        }
        listen(s->web_fd, SOMAXCONN);
        s->web_watch = watch(s, s->web_fd, on_web_connection);
    }
    return true;
}

/* Servers --------------------------------------------------------------------------------------- */

static void drop_watch(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

void vnc_server_free(gpointer p)
{
    struct vnc_server *s = p;

    drop_watch(&s->watch);
    drop_watch(&s->web_watch);
    g_ptr_array_unref(s->clients);
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->web_fd >= 0) {
        close(s->web_fd);
    }
    if (s->unix_path) {
        unlink(s->unix_path);
    }
    if (s->tls) {
        tls_creds_unref(s->tls);
    }
    g_free(s->unix_path);
    g_free(s->password);
    g_free(s->id);
    g_free(s);
}

struct vnc_server *vnc_server_new(struct machine *m, const char *id, int web_fd)
{
    struct vnc_server *s = g_new0(struct vnc_server, 1);

    s->machine = m;
    s->id = g_strdup(id);
    s->expires = INT64_MAX;
    s->share = VNC_SHARE_IGNORE;
    s->fd = -1;
    s->web_fd = web_fd;
    s->clients = g_ptr_array_new_with_free_func((GDestroyNotify)vnc_client_free);
    return s;
}

static struct vnc_server *find_server(struct machine *m, const char *id, GError **error)
{
    for (unsigned i = 0; m->vnc && i < m->vnc->servers->len; i++) {
        struct vnc_server *s = g_ptr_array_index(m->vnc->servers, i);

        if (!id || strcmp(s->id, id) == 0) {
            return s;
        }
    }
    if (id) {
        set_error(error, "there is no VNC server '%s'", id);
    } else {
        set_error(error, "there is no VNC server; start with -vnc");
    }
    return NULL;
}

static void free_vnc(struct machine *m)
{
    g_ptr_array_unref(m->vnc->servers);
    g_clear_pointer(&m->vnc, g_free);
}

void vnc_close_all(struct machine *m)
{
    if (m->vnc) {
        free_vnc(m);
        m->free_vnc = NULL;
    }
}

static bool set_secret(struct vnc_server *s, const char *id, GError **error)
{
    g_autofree char *text =
        s->machine->find_secret ? s->machine->find_secret(s->machine, id) : NULL;

    if (!text) {
        set_error(error, "-vnc: password-secret is '%s', there is no such -object secret", id);
        return false;
    }
    s->password = g_steal_pointer(&text);
    return true;
}

static bool set_tls(struct vnc_server *s, const char *id, GError **error)
{
    s->tls = tls_store_get(s->machine, id, true, error); /* with reverse=on, too */
    if (s->tls && tls_creds_kind(s->tls) == TLS_PSK) {
        set_error(error,
                  "-vnc: tls-creds is '%s', a tls-creds-psk, must be a tls-creds-x509 or "
                  "tls-creds-anon: VNC has no keys that both know",
                  id);
        return false;
    }
    return s->tls != NULL;
}

static char *next_id(const struct vnc *v)
{
    return v->servers->len ? g_strdup_printf("vnc%u", v->servers->len + 1) : g_strdup("default");
}

bool vnc_open(struct machine *m, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "vnc");
    g_autofree char *id = NULL;
    struct vnc_server *s;
    struct vnc_options o;
    bool ok;

    if (!vnc_options_parse(&o, opts, error)) {
        vnc_options_clear(&o);
        return false;
    }
    if (!m->vnc) {
        m->vnc = g_new0(struct vnc, 1);
        m->vnc->servers = g_ptr_array_new_with_free_func(vnc_server_free);
        m->free_vnc = free_vnc;
    }
    id = o.id ? g_strdup(o.id) : next_id(m->vnc);
    s = vnc_server_new(m, id, -1);
    s->needs_password = o.password;
    s->reverse = o.reverse;
    s->share = o.share;
    s->max_connections = (unsigned)o.connections;
    ok = (!o.secret || set_secret(s, o.secret, error)) && (!o.tls || set_tls(s, o.tls, error)) &&
         open_sockets(s, &o, error);
    vnc_options_clear(&o);
    if (!ok) {
        g_prefix_error(error, "-vnc %s: ", text);
        vnc_server_free(s);
        return false;
    }
    g_ptr_array_add(m->vnc->servers, s);
    return true;
}

/* For monitors ---------------------------------------------------------------------------------- */

bool vnc_set_password(struct machine *m, const char *id, const char *password, GError **error)
{
    struct vnc_server *s = find_server(m, id, error);

    if (!s) {
        return false;
    }
    if (!s->needs_password) {
        set_error(error, "If you want use passwords please enable password auth using '-vnc "
                         "${dpy},password'.");
        return false;
    }
    g_free(s->password);
    s->password = g_strndup(password, PASSWORD_MAX); /* clients use no more */
    return true;
}

bool vnc_expire_password(struct machine *m, const char *id, const char *when, GError **error)
{
    struct vnc_server *s = find_server(m, id, error);
    int64_t now = g_get_real_time() / G_USEC_PER_SEC;
    uint64_t n;

    if (!s) {
        return false;
    }
    if (strcmp(when, "now") == 0) {
        s->expires = 0;
    } else if (strcmp(when, "never") == 0) {
        s->expires = INT64_MAX;
    } else if (parse_uint(when + (*when == '+'), 0, INT32_MAX * UINT64_C(1000), &n)) {
        s->expires = (int64_t)n + (*when == '+' ? now : 0);
    } else {
        set_error(error, "the time is '%s', must be now, never, +SECONDS or SECONDS since 1970",
                  when);
        return false;
    }
    return true;
}

bool vnc_add_client(struct machine *m, int fd, bool skip_auth, GError **error)
{
    struct vnc_server *s = find_server(m, NULL, error);

    if (s && s->clients->len >= VNC_CLIENTS_MAX) {
        set_error(error, "the VNC server has %u clients already", VNC_CLIENTS_MAX);
        s = NULL;
    }
    if (s) {
        vnc_client_new(s, fd, false, skip_auth);
    }
    return s != NULL;
}
