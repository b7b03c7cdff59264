/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ui/vnc_info.c: what monitors are told of VNC servers and their clients, and of what happens to them.
 * Thread: main loop, machine lock held.
 */
#include <string.h>
#include "softmmu/machine.h"
#include "ui/vnc.h"
#include "ui/vnc_server.h"
#include "util/socket.h"

/* Where TLS comes first, what follows it is a part of the name; web sockets have theirs below VNC. */
static const char *inner_name(const struct vnc_server *s)
{
    return s->needs_password ? "vnc" : "none";
}

static bool has_tls(const struct vnc_server *s, bool web)
{
    return s->tls && !web;
}

static const char *tls_name(const struct vnc_server *s)
{
    return tls_creds_kind(s->tls) == TLS_X509 ? "x509" : "tls";
}

static char *auth_name(const struct vnc_server *s, bool web)
{
    return has_tls(s, web) ? g_strdup_printf("vencrypt+%s+%s", tls_name(s), inner_name(s))
                           : g_strdup(inner_name(s));
}

/* As VncInfo2 has it: in two members. */
static void add_auth(json_t *to, const struct vnc_server *s, bool web)
{
    json_object_set_new(to, "auth", json_string(has_tls(s, web) ? "vencrypt" : inner_name(s)));
    if (has_tls(s, web)) {
        g_autofree char *sub = g_strdup_printf("%s-%s", tls_name(s), inner_name(s));

        json_object_set_new(to, "vencrypt", json_string(sub));
    }
}

/* {host, service, family, websocket} of an address as util/socket.h writes it. */
static json_t *describe_text(const char *text, bool web)
{
    const char *colon = strrchr(text, ':');
    bool is_unix = g_str_has_prefix(text, "unix:"), six = text[0] == '[';
    g_autofree char *host = NULL, *service = NULL;
    g_autofree char *name = NULL;

    if (is_unix || !colon) {
        host = g_strdup("");
        service = g_strdup(is_unix ? text + strlen("unix:") : text);
    } else {
        host = g_strndup(text + six, (gsize)(colon - text) - 2 * six);
        service = g_strdup(colon + 1);
    }
    name = g_utf8_make_valid(service, -1);
    return json_pack("{s:s, s:s, s:s, s:b}", "host", host, "service", name, "family",
                     is_unix ? "unix"
                     : six   ? "ipv6"
                             : "ipv4",
                     "websocket", web);
}

static json_t *describe_listener(int fd, bool web)
{
    struct sockaddr_storage sa = { 0 };
    socklen_t len = sizeof(sa);
    char text[SOCKET_ADDRESS_TEXT] = "unknown";

    if (fd >= 0 && getsockname(fd, (struct sockaddr *)&sa, &len) == 0) {
        socket_address_text((struct sockaddr *)&sa, len, text);
    }
    return describe_text(text, web);
}

static json_t *describe_clients(const struct vnc_server *s)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < s->clients->len; i++) {
        const struct vnc_client *c = g_ptr_array_index(s->clients, i);

        if (c->connected && !c->ending) {
            json_array_append_new(list, describe_text(c->address, c->web != NULL));
        }
    }
    return list;
}

void vnc_event(struct vnc_client *c, enum event_id id)
{
    const struct vnc_server *s = c->server;
    json_t *server = describe_listener(c->web ? s->web_fd : s->fd, c->web != NULL);
    g_autofree char *auth = auth_name(s, c->web != NULL);

    json_object_set_new(server, "auth", json_string(auth));
    event_emit(c->machine, id,
               json_pack("{s:o, s:o}", "server", server, "client",
                         describe_text(c->address, c->web != NULL)));
}

json_t *vnc_query(struct machine *m)
{
    const struct vnc_server *s =
        m->vnc && m->vnc->servers->len ? g_ptr_array_index(m->vnc->servers, 0) : NULL;
    json_t *info = json_pack("{s:b}", "enabled", s != NULL), *address;
    g_autofree char *auth = s ? auth_name(s, false) : NULL;

    if (!s) {
        return info;
    }
    json_object_set_new(info, "clients", describe_clients(s));
    json_object_set_new(info, "auth", json_string(auth));
    if (s->fd >= 0) {
        address = describe_listener(s->fd, false);
        json_object_del(address, "websocket");
        json_object_update(info, address);
        json_decref(address);
    }
    return info;
}

json_t *vnc_query_servers(struct machine *m)
{
    json_t *list = json_array();

    for (unsigned i = 0; m->vnc && i < m->vnc->servers->len; i++) {
        const struct vnc_server *s = g_ptr_array_index(m->vnc->servers, i);
        json_t *addresses = json_array(), *server;
        const int fds[2] = { s->fd, s->web_fd };

        for (unsigned k = 0; k < 2; k++) {
            if (fds[k] >= 0) {
                json_t *address = describe_listener(fds[k], k == 1);

                add_auth(address, s, k == 1);
                json_array_append_new(addresses, address);
            }
        }
        server = json_pack("{s:s, s:o, s:o}", "id", s->id, "server", addresses, "clients",
                           describe_clients(s));
        add_auth(server, s, false);
        json_array_append_new(list, server);
    }
    return list;
}

/* For people ------------------------------------------------------------------------------------ */

static const char *member(json_t *o, const char *name)
{
    const char *text = json_string_value(json_object_get(o, name));

    return text ? text : "";
}

static void print_address(const char *what, json_t *a, GString *out)
{
    g_string_append_printf(out, "  %s: %s:%s (%s%s)\n", what, member(a, "host"),
                           member(a, "service"), member(a, "family"),
                           json_is_true(json_object_get(a, "websocket")) ? ", websocket" : "");
}

void vnc_print(struct machine *m, GString *out)
{
    json_t *list = vnc_query_servers(m), *server, *item;
    size_t i, k;

    json_array_foreach(list, i, server)
    {
        g_string_append_printf(out, "%s:\n", member(server, "id"));
        json_array_foreach(json_object_get(server, "server"), k, item)
        {
            print_address("Server", item, out);
            g_string_append_printf(out, "    Auth: %s (Sub: %s)\n", member(item, "auth"),
                                   *member(item, "vencrypt") ? member(item, "vencrypt") : "none");
        }
        json_array_foreach(json_object_get(server, "clients"), k, item)
        {
            print_address("Client", item, out);
        }
        if (!json_array_size(json_object_get(server, "clients"))) {
            g_string_append(out, "  Client: none\n");
        }
    }
    if (!json_array_size(list)) {
        g_string_append(out, "None\n");
    }
    json_decref(list);
}
