/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ui/vnc_options.c: see vnc_options.h.  Thread: main loop, machine lock held. */
#include "config.h"
#include "ui/vnc_options.h"

#include <string.h>
#include <sys/socket.h>
#include "ui/vnc.h"
#include "util/error.h"
#include "util/text.h"

#define CONNECTIONS 32u
#define DISPLAY_MAX (65535u - VNC_PORT)

static const char *const share_names[] = { "allow-exclusive", "force-shared", "ignore" };

enum option_kind { ACCEPTED_BOOL, ACCEPTED_TEXT, MUST_BE_OFF, USED };

/* clang-format off */
static const struct {
    const char *name;
    enum option_kind kind;
} option_rows[] = {
    { "vnc", USED }, { "id", USED }, { "websocket", USED }, { "password", USED }, { "password-secret", USED },
    { "reverse", USED }, { "tls-creds", USED }, { "tls-authz", USED }, { "share", USED }, { "connections", USED }, { "to", USED }, { "ipv4", USED }, { "ipv6", USED },
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
        "-vnc: no property '%s'; it takes: id, websocket, password, password-secret, tls-creds, "
        "reverse, share, connections, to, ipv4, ipv6, lossy, non-adaptive, lock-key-sync, "
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
    if (n && !parse_uint(n, 1, VNC_CLIENTS_MAX, &o->connections)) {
        set_error(error, "-vnc: connections is '%s', must be 1 to %u", n, VNC_CLIENTS_MAX);
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

bool vnc_options_parse(struct vnc_options *o, const GPtrArray *opts, GError **error)
{
    *o = (struct vnc_options){ .address.fd = -1, .web.fd = -1 };
    for (unsigned i = 0; i < opts->len; i++) {
        if (!check_option(g_ptr_array_index(opts, i), error)) {
            return false;
        }
    }
    if (options_get(opts, "tls-authz")) {
        set_error(error, "-vnc: tls-authz= is not supported: certificates are checked, names are "
                         "not");
        return false;
    }
    o->id = options_get(opts, "id");
    o->tls = options_get(opts, "tls-creds");
    return get_bool(opts, "reverse", &o->reverse, error) && parse_password(o, opts, error) &&
           parse_share(o, opts, error) && parse_address(o, opts, error);
}

void vnc_options_clear(struct vnc_options *o)
{
    socket_address_clear(&o->address);
    socket_address_clear(&o->web);
}

bool vnc_check_options(const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(text, "vnc");
    struct vnc_options o;
    bool ok = vnc_options_parse(&o, opts, error);

    vnc_options_clear(&o);
    return ok;
}
