/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/netdev.c: the table of back ends: -netdev TYPE,id=ID.
 * Thread: under the machine lock.
 */
#include <string.h>
#include "config.h"
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/error.h"

/* clang-format off */
static const struct netdev_type {
    const char *name;
    netdev_open_fn *open; /* NULL: `why` */
    const char *why;
} types[] = {
#if CONFIG_SLIRP
    { "user",       user_open,    NULL },
#else
    { "user",       NULL, "this program was built without libslirp: install Debian's libslirp-dev, then run configure and make" },
#endif
    { "hubport",    hubport_open, NULL },
    { "tap",        tap_open,     NULL },
    { "bridge",     bridge_open,  NULL },
    { "socket",     socket_open,  NULL },
    { "stream",     stream_open,  NULL },
    { "dgram",      dgram_open,   NULL },
    { "l2tpv3",     l2tpv3_open,  NULL },
    { "vde",        NULL, "it is not supported; use socket, stream or dgram" },
    { "vhost-user", NULL, "it is not supported; use tap, or stream with passt" },
    { "netmap",     NULL, "it is not supported; use tap" },
    { "vhost-vdpa", NULL, "it is not supported; use tap" },
};
/* clang-format on */

void netdev_print_list(GString *out)
{
    g_string_append(out, "Available netdev backend types:\n");
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        if (types[i].open) {
            g_string_append_printf(out, "%s\n", types[i].name);
        }
    }
}

bool netdev_check_keys(const char *type, const GPtrArray *opts, const char *const *names,
                       GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "type") != 0 && strcmp(p->key, "id") != 0 &&
            !g_strv_contains(names, p->key)) {
            g_autofree char *all = g_strjoinv(", ", (char **)names);

            set_error(error, "netdev '%s': no property '%s'; it takes: id, %s", type, p->key, all);
            return false;
        }
    }
    return true;
}

static const struct netdev_type *find_type(const char *name, GError **error)
{
    GString *all = g_string_new(NULL);
    const struct netdev_type *found = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        found = strcmp(types[i].name, name) == 0 ? &types[i] : found;
        if (types[i].open) {
            g_string_append_printf(all, "%s%s", all->len ? ", " : "", types[i].name);
        }
    }
    if (!found) {
        set_error(error, "netdev type '%s': must be one of: %s", name, all->str);
    } else if (!found->open) {
        set_error(error, "netdev type '%s': %s", name, found->why);
        found = NULL;
    }
    g_string_free(all, TRUE);
    return found;
}

struct net_client *netdev_add(struct machine *m, const GPtrArray *opts, GError **error)
{
    const char *name = options_get(opts, "type"), *id = options_get(opts, "id");
    const struct netdev_type *type;

    if (!name || !id || !*id) {
        set_error(error, "netdev: '%s=' is missing", name ? "id" : "type");
        return NULL;
    }
    type = find_type(name, error);
    if (!type) {
        return NULL;
    }
    net_pool(m);
    if (net_find(m, id)) {
        set_error(error, "Duplicate ID '%s' for netdev", id);
        return NULL;
    }
    return type->open(m, id, opts, error);
}

bool netdev_remove(struct machine *m, const char *id, GError **error)
{
    struct net_client *c = net_find(m, id);

    if (!c || c->ops->card) {
        set_error(error, "Device '%s' not found", id);
        return false;
    }
    if (c->peer && c->peer->ops->card) {
        set_error(error, "netdev '%s' is in use by '%s'", id, c->peer->name);
        return false;
    }
    c->ops->free(c);
    return true;
}
