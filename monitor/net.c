/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/net.c: back ends, forwards, links: `netdev_add`, `hostfwd_add`, `set_link`, `info network`, ...
 * Thread: machine lock held.
 */
#include <string.h>
#include "config.h"
#include "monitor/command.h"
#include "net/net.h"
#include "net/user.h"
#include "util/error.h"
#include "util/text.h"

bool command_info_network(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    net_print(m, out);
    return true;
}

bool command_info_usernet(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)args;
    (void)error;
    net_print_user(m, out);
    return true;
}

bool command_netdev_add(struct machine *m, const char *args, GString *out, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_options(args, "type");

    (void)out;
    return netdev_add(m, opts, error) != NULL;
}

bool command_netdev_del(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return netdev_remove(m, args, error);
}

/* set_link NAME on|off; NAME is a card's or a back end's. */
bool command_set_link(struct machine *m, const char *args, GString *out, GError **error)
{
    g_auto(GStrv) words = g_strsplit(args, " ", 2);
    struct net_client *c;
    bool up;

    (void)out;
    if (g_strv_length(words) != 2 || !parse_bool(g_strstrip(words[1]), &up)) {
        set_error(error, "set_link: give it set_link NAME on|off; 'info network' lists names");
        return false;
    }
    c = net_find(m, words[0]);
    if (!c) {
        set_error(error, "Device '%s' not found", words[0]);
        return false;
    }
    net_set_link(c, up);
    return true;
}

static bool check_cards(struct machine *m, char **cards, GError **error)
{
    for (unsigned i = 0; cards && cards[i]; i++) {
        const struct net_client *c = net_find(m, cards[i]);

        if (!c || !c->ops->card) {
            set_error(error, "announce_self: there is no card '%s'; 'info network' lists them",
                      cards[i]);
            return false;
        }
    }
    return true;
}

/* announce_self [CARD[,CARD...]] [ID] */
bool command_announce_self(struct machine *m, const char *args, GString *out, GError **error)
{
    struct net_announce_options o = NET_ANNOUNCE_DEFAULTS;
    g_auto(GStrv) words = g_strsplit(args, " ", 2);
    bool any = words[0] && *words[0];
    g_auto(GStrv) cards = any ? g_strsplit(words[0], ",", -1) : NULL;

    (void)out;
    if (!check_cards(m, cards, error)) {
        return false;
    }
    o.cards = cards;
    o.id = any && words[1] ? g_strstrip(words[1]) : NULL;
    net_announce(m, &o);
    return true;
}

#if CONFIG_SLIRP
typedef bool forward_fn(struct net_user *u, const char *rule, GError **error);

/* [NETDEV] RULE */
static bool forward(struct machine *m, const char *args, forward_fn *fn, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(args, " \t", 2);
    unsigned n = g_strv_length(words);
    struct net_user *u;

    if (n == 0) {
        set_error(error, "which rule? 'help hostfwd_add' shows its form");
        return false;
    }
    u = user_find(m, n == 2 ? words[0] : NULL, error);
    return u && fn(u, g_strstrip(words[n - 1]), error);
}

bool command_hostfwd_add(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)out;
    return forward(m, args, user_add_hostfwd, error);
}

bool command_hostfwd_remove(struct machine *m, const char *args, GString *out, GError **error)
{
    if (!forward(m, args, user_remove_hostfwd, error)) {
        return false;
    }
    g_string_append_printf(out, "host forwarding rule for %s removed\n", args);
    return true;
}
#else
bool command_hostfwd_add(struct machine *m, const char *args, GString *out, GError **error)
{
    (void)m;
    (void)args;
    (void)out;
    set_error(error, "this program was built without libslirp");
    return false;
}

bool command_hostfwd_remove(struct machine *m, const char *args, GString *out, GError **error)
{
    return command_hostfwd_add(m, args, out, error);
}
#endif
