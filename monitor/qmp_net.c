/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * monitor/qmp_net.c: query-rx-filter: what cards let in.
 * Thread: main loop, machine lock held.
 */
#include "monitor/qmp_command.h"
#include "net/net.h"
#include "softmmu/machine.h"
#include "util/error.h"

static json_t *mac_text(const uint8_t *mac)
{
    return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                        mac[5]);
}

static json_t *macs(const uint8_t *table, unsigned n)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < n; i++) {
        json_array_append_new(list, mac_text(table + i * NET_MAC_BYTES));
    }
    return list;
}

static json_t *vlans(const uint8_t *table)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < NET_VLANS; i++) {
        if (table[i / 8] >> i % 8 & 1) {
            json_array_append_new(list, json_integer(i));
        }
    }
    return list;
}

/* Who asks is told of the next change. */
static json_t *filter_of(struct net_client *c)
{
    static const char *const states[] = { "normal", "none", "all" };
    struct net_rx_filter f = { 0 };

    c->ops->rx_filter(c, &f);
    c->filter_told = false;
    return json_pack("{s:s, s:b, s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:o, s:o, s:o}", "name",
                     c->name, "promiscuous", f.promiscuous, "multicast", states[f.multicast],
                     "unicast", states[f.unicast], "vlan", states[f.vlan], "broadcast-allowed",
                     f.broadcast, "multicast-overflow", f.multicast_overflow, "unicast-overflow",
                     f.unicast_overflow, "main-mac", mac_text(f.mac), "vlan-table", vlans(f.vlans),
                     "unicast-table", macs(f.unicasts, f.n_unicasts), "multicast-table",
                     macs(f.multicasts, f.n_multicasts));
}

static bool check_name(struct machine *m, const char *name, GError **error)
{
    const struct net_client *c = net_find(m, name);

    if (!c) {
        set_error(error, "invalid net client name: %s", name);
    } else if (!c->ops->card) {
        set_error(error, "net client(%s) isn't a NIC", name);
    } else if (!c->ops->rx_filter) {
        set_error(error, "net client(%s) doesn't support rx-filter querying", name);
    }
    return c && c->ops->rx_filter;
}

bool qmp_query_rx_filter(struct qmp_session *s, json_t *args, json_t **result, GError **error)
{
    struct machine *m = qmp_machine(s);
    const char *name = qmp_str(args, "name", NULL);

    if (name && !check_name(m, name, error)) {
        return false;
    }
    *result = json_array();
    for (unsigned i = 0; m->net && i < m->net->clients->len; i++) {
        struct net_client *c = g_ptr_array_index(m->net->clients, i);

        if (c->ops->rx_filter && (!name || g_str_equal(c->name, name))) {
            json_array_append_new(*result, filter_of(c));
        }
    }
    return true;
}
