/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc.c: VNC servers: their options, the sockets that they listen on, passwords.
 * Thread: main loop, machine lock held.
 */
#include "config.h"
#include "ui/vnc.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "softmmu/machine.h"
#include "ui/vnc_server.h"
#include "util/error.h"
#include "util/socket.h"
#include "util/text.h"

#define CLIENTS_MAX  64u /* of a server, those that are still shaking hands among them */
#define CONNECTIONS  32u
#define DISPLAY_MAX  (65535u - VNC_PORT)
#define PASSWORD_MAX 8u

struct vnc_options {
    struct socket_address address, web;
    bool has_web, password, reverse;
    const char *id, *secret;
    enum vnc_share share;
    uint64_t connections;
};

/* Options --------------------------------------------------------------------------------------- */

static const char *const share_names[] = { "allow-exclusive", "force-shared", "ignore" };

enum option_kind { ACCEPTED_BOOL, ACCEPTED_TEXT, MUST_BE_OFF, USED };

/* clang-format off */
static const struct {
    const char *name;
    enum option_kind kind;
} option_rows[] = {
    { "vnc", USED }, { "id", USED }, { "websocket", USED }, { "password", USED }, { "password-secret", USED },
    { "reverse", USED }, { "share", USED }, { "connections", USED }, { "to", USED }, { "ipv4", USED }, { "ipv6", USED },
    /* Nothing is sent with loss, no sound is offered, locks are the client's. */
    { "lossy", ACCEPTED_BOOL }, { "non-adaptive", ACCEPTED_BOOL }, { "lock-key-sync", ACCEPTED_BOOL },
    { "key-delay-ms", ACCEPTED_TEXT }, { "audiodev", ACCEPTED_TEXT },
    { "sasl", MUST_BE_OFF }, { "power-control", MUST_BE_OFF },
};
/* clang-format on */

static bool check_option(const struct option_pair *p, GError **error)
{
    bool on;

    for (unsigned i = 0; i < G_N_ELEMENTS(option_rows); i++) {
        if (strcmp(option_rows[i].name, p->key) != 0) {
            continue;
        }
        if (option_rows[i].kind == ACCEPTED_TEXT || option_rows[i].kind == USED) {
            return true;
        }
        if (!parse_bool(p->value, &on) || (on && option_rows[i].kind == MUST_BE_OFF)) {
            set_error(error, "-vnc: %s is '%s', must be %s", p->key, p->value,
                      option_rows[i].kind == MUST_BE_OFF ? "off: it is not supported"
                                                         : "on or off");
            return false;
        }
        return true;
    }
    set_error(
        error,
        "-vnc: no property '%s'; it takes: id, websocket, password, password-secret, reverse, "
        "share, connections, to, ipv4, ipv6, lossy, non-adaptive, lock-key-sync, "
        "key-delay-ms, audiodev",
        p->key);
    return false;
}

static bool get_bool(const GPtrArray *opts, const char *key, bool *on, GError **error)
{
    const char *value = options_get(opts, key);

    if (value && !parse_bool(value, on)) {
        set_error(error, "-vnc: %s is '%s', must be on or off", key, value);
        return false;
    }
    return true;
}

static bool parse_share(struct vnc_options *o, const GPtrArray *opts, GError **error)
{
    const char *value = options_get(opts, "share"), *n = options_get(opts, "connections");

    for (unsigned i = 0; value && i < G_N_ELEMENTS(share_names); i++) {
        if (strcmp(share_names[i], value) == 0) {
            o->share = i;
            value = NULL;
        }
    }
    if (value) {
        set_error(error, "-vnc: share is '%s', must be allow-exclusive, force-shared or ignore",
                  value);
        return false;
    }
    o->connections = CONNECTIONS;
    if (n && !parse_uint(n, 1, CLIENTS_MAX, &o->connections)) {
        set_error(error, "-vnc: connections is '%s', must be 1 to %u", n, CLIENTS_MAX);
        return false;
    }
    return true;
}

static bool parse_family(struct socket_address *a, const GPtrArray *opts, GError **error)
{
    bool four = !options_get(opts, "ipv6"), six = !options_get(opts, "ipv4");

    if (!get_bool(opts, "ipv4", &four, error) || !get_bool(opts, "ipv6", &six, error)) {
        return false;
    }
    if (!four && !six) {
        set_error(error, "-vnc: ipv4 and ipv6 are both off");
        return false;
    }
    a->family = four && six ? AF_UNSPEC : four ? AF_INET : AF_INET6;
    return true;
}

/* "[HOST]:DISPLAY" and to=; the port of a viewer with reverse. */
static bool parse_inet(struct vnc_options *o, const char *text, const GPtrArray *opts,
                       GError **error)
{
    const char *colon = strrchr(text, ':'), *to = options_get(opts, "to");
    unsigned base = o->reverse ? 0 : VNC_PORT;
    g_autoptr(GError) local = NULL;
    uint64_t display, last = 0;

    if (!colon || !parse_uint(colon + 1, 0, o->reverse ? 65535 : DISPLAY_MAX, &display) ||
        !socket_address_parse(&o->address, text, &local)) {
        set_error(error, "-vnc '%s': must be [HOST]:%s, unix:PATH or none", text,
                  o->reverse ? "PORT of a viewer" : "DISPLAY, whose port is 5900 and DISPLAY");
        return false;
    }
    if (to && !parse_uint(to, display, DISPLAY_MAX, &last)) {
        set_error(error, "-vnc: to is '%s', must be a display from %s to %u", to, colon + 1,
                  DISPLAY_MAX);
        return false;
    }
    g_free(o->address.port);
    o->address.port = g_strdup_printf("%u", (unsigned)display + base);
    o->address.last_port = to ? (unsigned)last + VNC_PORT : 0;
    return parse_family(&o->address, opts, error);
}

/* websocket=on, PORT or HOST:PORT */
static bool parse_web(struct vnc_options *o, const char *text, GError **error)
{
    bool on = true, is_bool = parse_bool(text, &on);
    const char *host = o->address.kind == SOCKET_ADDRESS_INET ? o->address.host : NULL;
    g_autofree char *full = NULL;
    uint64_t port;

    if (is_bool && !on) {
        return true;
    }
    if (is_bool && !host) {
        set_error(error, "-vnc: websocket=on needs a display; give websocket=HOST:PORT");
        return false;
    }
    if (is_bool) {
        full = g_strdup_printf("%s:%u", strchr(host, ':') ? "[::]" : host,
                               (unsigned)strtoul(o->address.port, NULL, 10) - VNC_PORT +
                                   VNC_WEBSOCKET_PORT);
    } else {
        full = parse_uint(text, 0, 65535, &port)
                   ? g_strdup_printf("%s:%s", host && !strchr(host, ':') ? host : "", text)
                   : g_strdup(text);
    }
    o->has_web = true;
    if (!socket_address_parse(&o->web, full, error)) {
        g_prefix_error(error, "-vnc: websocket: ");
        return false;
    }
    o->web.family = o->address.family;
    return true;
}

static bool parse_address(struct vnc_options *o, const GPtrArray *opts, GError **error)
{
    const char *text = options_get(opts, "vnc"), *web = options_get(opts, "websocket");

    if (!text) {
        set_error(error, "-vnc: which address? [HOST]:DISPLAY, unix:PATH or none");
        return false;
    }
    if (g_str_has_prefix(text, "unix:")) {
        g_autoptr(GPtrArray) path = parse_options(text + strlen("unix:"), "path");

        if (!socket_address_take_options(&o->address, "unix", path, "", error)) {
            g_prefix_error(error, "-vnc: ");
            return false;
        }
    } else if (!parse_inet(o, text, opts, error)) {
        return false;
    }
    if (web && o->reverse) {
        set_error(error, "-vnc: websocket and reverse cannot be used together");
        return false;
    }
    return !web || parse_web(o, web, error);
}

static bool parse_password(struct vnc_options *o, const GPtrArray *opts, GError **error)
{
    o->secret = options_get(opts, "password-secret");
    if (!get_bool(opts, "password", &o->password, error)) {
        return false;
    }
    if (o->secret && options_get(opts, "password")) {
        set_error(error, "-vnc: password and password-secret cannot be used together");
        return false;
    }
    o->password |= o->secret != NULL;
    if (o->password && !CONFIG_GCRYPT) {
        set_error(error, "-vnc: this program was built without passwords for VNC: install "
                         "Debian's libgcrypt20-dev, then run configure and make");
        return false;
    }
    return true;
}

static bool parse(struct vnc_options *o, const GPtrArray *opts, GError **error)
{
    *o = (struct vnc_options){ .address.fd = -1, .web.fd = -1 };
    for (unsigned i = 0; i < opts->len; i++) {
        if (!check_option(g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    o->id = options_get(opts, "id");
    return get_bool(opts, "reverse", &o->reverse, error) && parse_password(o, opts, error) &&
           parse_share(o, opts, error) && parse_address(o, opts, error);
}

static void options_clear(struct vnc_options *o)
{
    socket_address_clear(&o->address);
    socket_address_clear(&o->web);
}

bool vnc_check_options(const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "vnc");
    struct vnc_options o;
    bool ok = parse(&o, opts, error);

    options_clear(&o);
    return ok;
}

/* Connections ----------------------------------------------------------------------------------- */

static void take_connection(struct vnc_server *s, int listener, bool web)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0 && s->clients->len >= CLIENTS_MAX) {
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

    if (!parse(&o, opts, error)) {
        options_clear(&o);
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
    ok = (!o.secret || set_secret(s, o.secret, error)) && open_sockets(s, &o, error);
    options_clear(&o);
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

    if (s && s->clients->len >= CLIENTS_MAX) {
        set_error(error, "the VNC server has %u clients already", CLIENTS_MAX);
        s = NULL;
    }
    if (s) {
        vnc_client_new(s, fd, false, skip_auth);
    }
    return s != NULL;
}
