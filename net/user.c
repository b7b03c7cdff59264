/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net/user.c: -netdev user: a network in this process, on libslirp: the guest's connections become sockets
 * of the host's user. Address ranges, DHCP, DNS and TFTP are libslirp's; options are QEMU's.
 * Thread: see user.h.
 */
#include "config.h"
#if CONFIG_SLIRP
#include <libslirp.h>
#include <string.h>
#include "net/netdev.h"
#include "net/user.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/log.h"

#define NAME_MOST 255u /* bytes of a DHCP option */

/* Options --------------------------------------------------------------------------------------- */

/* One row for each key. */
enum kind { TEXT, NAME, BOOL, IP, IP6, NUMBER, LIST };
static const struct key {
    const char *name;
    enum kind kind;
} keys[] = {
    /* clang-format off */
    { "ipv4",             BOOL },   { "ipv6",            BOOL },   { "restrict",   BOOL },
    { "net",              TEXT },   { "host",            IP },     { "dhcpstart",  IP },
    { "dns",              IP },     { "dnssearch",       LIST },   { "domainname", NAME },
    { "hostname",         NAME },   { "tftp",            TEXT },   { "bootfile",   NAME },
    { "tftp-server-name", NAME },   { "ipv6-prefix",     IP6 },    { "ipv6-prefixlen", NUMBER },
    { "ipv6-host",        IP6 },    { "ipv6-dns",        IP6 },    { "hostfwd",    LIST },
    { "guestfwd",         LIST },   { "smb",             TEXT },   { "smbserver",  IP },
    /* clang-format on */
};

static bool fits(enum kind kind, const char *value, const char **must)
{
    struct in6_addr a;
    uint64_t n;
    bool on;

    switch (kind) {
    case BOOL:
        *must = "on or off";
        return parse_bool(value, &on);
    case IP:
        *must = "an IPv4 address";
        return inet_pton(AF_INET, value, &a) == 1;
    case IP6:
        *must = "an IPv6 address";
        return inet_pton(AF_INET6, value, &a) == 1;
    case NUMBER:
        *must = "1 to 126";
        return parse_uint(value, 1, 126, &n);
    case NAME:
        *must = "a name of at most 255 bytes";
        return strlen(value) <= NAME_MOST;
    default:
        return true;
    }
}

static bool check_options(const GPtrArray *opts, GError **error)
{
    const char *names[G_N_ELEMENTS(keys) + 1] = { NULL };

    for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++) {
        names[k] = keys[k].name;
    }
    if (!netdev_check_keys("user", opts, names, error)) {
        return false;
    }
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);
        const char *must = "";

        for (unsigned k = 0; k < G_N_ELEMENTS(keys); k++) {
            if (strcmp(keys[k].name, p->key) == 0 && !fits(keys[k].kind, p->value, &must)) {
                set_error(error, "netdev 'user': %s is '%s', must be %s", p->key, p->value, must);
                return false;
            }
        }
    }
    return true;
}

static bool option_on(const GPtrArray *opts, const char *key, bool otherwise)
{
    const char *value = options_get(opts, key);

    if (value) {
        parse_bool(value, &otherwise);
    }
    return otherwise;
}

/* "a.b.c.d[/bits|/mask]" */
static bool parse_net(const char *text, uint32_t *net, uint32_t *mask)
{
    const char *slash = strchr(text, '/');
    g_autofree char *address = g_strndup(text, slash ? (size_t)(slash - text) : strlen(text));
    struct in_addr a, m;
    uint64_t bits;

    if (inet_pton(AF_INET, address, &a) != 1) {
        return false;
    }
    *net = ntohl(a.s_addr);
    if (!slash) { /* by its class */
        *mask = *net < 0x80000000u ? 0xff000000u : *net < 0xc0000000u ? 0xffff0000u : 0xffffff00u;
    } else if (parse_uint(slash + 1, 4, 30, &bits)) {
        *mask = UINT32_MAX << (32 - bits);
    } else if (inet_pton(AF_INET, slash + 1, &m) == 1) {
        *mask = ntohl(m.s_addr);
    } else {
        return false;
    }
    *net &= *mask;
    return *mask && (~*mask & (~*mask + 1)) == 0; /* ones, then zeroes */
}

/* An address of the network: the option's, or its n-th. */
static bool take_address(const GPtrArray *opts, const char *key, uint32_t net, uint32_t mask,
                         uint32_t nth, struct in_addr *out, GError **error)
{
    const char *value = options_get(opts, key);
    uint32_t a;

    out->s_addr = htonl(net | (nth & ~mask));
    if (value) {
        inet_pton(AF_INET, value, out);
    }
    a = ntohl(out->s_addr);
    if ((a & mask) != net || (a & ~mask) == 0 || (a & ~mask) == ~mask) {
        set_error(error, "netdev 'user': %s is %s, must be an address of the network", key,
                  inet_ntoa(*out));
        return false;
    }
    return true;
}

static bool fill_ipv4(const GPtrArray *opts, SlirpConfig *c, GError **error)
{
    const char *text = options_get(opts, "net");
    uint32_t net = 0x0a000200, mask = 0xffffff00;

    if (text && !parse_net(text, &net, &mask)) {
        set_error(error, "netdev 'user': net is '%s', must be ADDRESS/BITS or ADDRESS/MASK", text);
        return false;
    }
    if (!text && options_get(opts, "host")) { /* the network around it */
        struct in_addr host;

        inet_pton(AF_INET, options_get(opts, "host"), &host);
        net = ntohl(host.s_addr) & mask;
    }
    c->vnetwork.s_addr = htonl(net);
    c->vnetmask.s_addr = htonl(mask);
    if (!take_address(opts, "host", net, mask, 2, &c->vhost, error) ||
        !take_address(opts, "dns", net, mask, 3, &c->vnameserver, error) ||
        !take_address(opts, "dhcpstart", net, mask, 15, &c->vdhcp_start, error)) {
        return false;
    }
    if (c->vhost.s_addr == c->vnameserver.s_addr || c->vdhcp_start.s_addr == c->vhost.s_addr ||
        c->vdhcp_start.s_addr == c->vnameserver.s_addr) {
        set_error(error, "netdev 'user': host, dns and dhcpstart must be different addresses");
        return false;
    }
    return true;
}

static struct in6_addr address6(const GPtrArray *opts, const char *key,
                                const struct in6_addr *prefix, uint8_t last)
{
    const char *value = options_get(opts, key);
    struct in6_addr a = *prefix;

    a.s6_addr[15] = (uint8_t)(a.s6_addr[15] | last);
    if (value) {
        inet_pton(AF_INET6, value, &a);
    }
    return a;
}

static void fill_ipv6(const GPtrArray *opts, SlirpConfig *c)
{
    const char *bits = options_get(opts, "ipv6-prefixlen");
    const char *prefix = options_get(opts, "ipv6-prefix");
    uint64_t n = 64;

    if (bits) {
        parse_uint(bits, 1, 126, &n);
    }
    inet_pton(AF_INET6, prefix ? prefix : "fec0::", &c->vprefix_addr6);
    c->vprefix_len = (uint8_t)n;
    c->vhost6 = address6(opts, "ipv6-host", &c->vprefix_addr6, 2);
    c->vnameserver6 = address6(opts, "ipv6-dns", &c->vprefix_addr6, 3);
}

/* Texts stay those of opts; *searches is the caller's to free. */
static bool fill_config(const GPtrArray *opts, SlirpConfig *c, GPtrArray *searches, GError **error)
{
    const char *v4 = options_get(opts, "ipv4"), *v6 = options_get(opts, "ipv6");

    c->version = 1;
    c->in_enabled = option_on(opts, "ipv4", v6 ? !option_on(opts, "ipv6", true) : true);
    c->in6_enabled = option_on(opts, "ipv6", v4 ? !c->in_enabled : true);
    if (!c->in_enabled && !c->in6_enabled) {
        set_error(error, "netdev 'user': IPv4 and IPv6 are both off");
        return false;
    }
    c->restricted = option_on(opts, "restrict", false);
    c->vhostname = options_get(opts, "hostname");
    c->tftp_server_name = options_get(opts, "tftp-server-name");
    c->tftp_path = options_get(opts, "tftp");
    c->bootfile = options_get(opts, "bootfile");
    c->vdomainname = options_get(opts, "domainname");
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if (strcmp(p->key, "dnssearch") == 0) {
            g_ptr_array_add(searches, p->value);
        }
    }
    if (searches->len > 0) {
        g_ptr_array_add(searches, NULL);
        c->vdnssearch = (const char **)searches->pdata;
    }
    fill_ipv6(opts, c);
    return fill_ipv4(opts, c, error);
}

/* What libslirp asks of us ----------------------------------------------------------------------- */

struct user_timer {
    struct timer timer;
    SlirpTimerCb fn;
    void *opaque;
};

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
    net_send(&((struct net_user *)opaque)->client, buf, len);
    return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
    log_line(LOG_GUEST_ERRORS, "netdev '%s': %s", ((struct net_user *)opaque)->client.name, msg);
}

/* The world outside goes on while the machine is paused. */
static int64_t clock_get_ns(void *opaque)
{
    return clock_now(((struct net_user *)opaque)->client.machine, CLOCK_KIND_REALTIME);
}

static void timer_fires(void *opaque)
{
    struct user_timer *t = opaque;

    t->fn(t->opaque);
}

static void *timer_new(SlirpTimerCb fn, void *fn_opaque, void *opaque)
{
    struct net_user *u = opaque;
    struct user_timer *t = g_new0(struct user_timer, 1);

    t->fn = fn;
    t->opaque = fn_opaque;
    timer_init(&t->timer, u->client.machine, CLOCK_KIND_REALTIME, timer_fires, t);
    return t;
}

static void timer_free(void *timer, void *opaque)
{
    struct user_timer *t = timer;

    (void)opaque;
    timer_disarm(&t->timer);
    g_free(t);
}

static void timer_mod(void *timer, int64_t ms, void *opaque)
{
    (void)opaque;
    timer_arm(&((struct user_timer *)timer)->timer, ms * NS_PER_MS);
}

static void fd_changed(int fd, void *opaque)
{
    user_poll_forget(((struct net_user *)opaque)->poll, fd);
}

static void notify(void *opaque)
{
    user_poll_wake(((struct net_user *)opaque)->poll);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_get_ns,
    .timer_new = timer_new,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = fd_changed,
    .unregister_poll_fd = fd_changed,
    .notify = notify,
};

/* The client ------------------------------------------------------------------------------------ */

/*
 * libslirp takes every frame for its own, and would answer for others at the same hub: its addresses are
 * 52:55 and the IPv4 address, 52:56 and the end of the IPv6 address.
 */
static bool is_for_us(const uint8_t *frame)
{
    return (frame[0] & 1) || (frame[0] == 0x52 && (frame[1] == 0x55 || frame[1] == 0x56));
}

static bool user_receive(struct net_client *c, const uint8_t *frame, size_t len)
{
    struct net_user *u = (struct net_user *)c;

    if (!is_for_us(frame)) {
        return true;
    }
    slirp_input(u->slirp, frame, (int)len);
    user_poll_wake(u->poll);
    return true;
}

/* Sockets are read again. */
static void user_drained(struct net_client *c)
{
    user_poll_wake(((struct net_user *)c)->poll);
}

static void user_print(struct net_client *c, GString *out)
{
    g_autofree char *text = slirp_connection_info(((struct net_user *)c)->slirp);

    g_string_append_printf(out, "Hub -1 (%s):\n%s", c->name, text);
}

static void user_free(struct net_client *c)
{
    struct net_user *u = (struct net_user *)c;

    net_unplug(c);
    slirp_cleanup(u->slirp);
    user_free_guestfwds(u);
    user_remove_smb(u->smb_folder);
    user_poll_free(u->poll);
    g_array_unref(u->forwards);
    net_client_clear(c);
    g_free(u);
}

static const struct net_ops user_ops = {
    .model = "user",
    .receive = user_receive,
    .drained = user_drained,
    .print = user_print,
    .free = user_free,
};

static bool add_forwards(struct net_user *u, const GPtrArray *opts, GError **error)
{
    for (unsigned i = 0; i < opts->len; i++) {
        const struct option_pair *p = g_ptr_array_index(opts, i);

        if ((strcmp(p->key, "hostfwd") == 0 && !user_add_hostfwd(u, p->value, error)) ||
            (strcmp(p->key, "guestfwd") == 0 && !user_add_guestfwd(u, p->value, error))) {
            return false;
        }
    }
    return true;
}

/* smbserver= is the fourth address unless given. */
static bool add_smb(struct net_user *u, const GPtrArray *opts, const SlirpConfig *c, GError **error)
{
    const char *shared = options_get(opts, "smb");
    uint32_t net = ntohl(c->vnetwork.s_addr), mask = ntohl(c->vnetmask.s_addr);
    struct in_addr server;

    if (!take_address(opts, "smbserver", net, mask, 4, &server, error)) {
        return false;
    }
    if (shared) {
        u->smb_folder = user_add_smb(u, shared, server, error);
    }
    return !shared || u->smb_folder;
}

struct net_client *user_open(struct machine *m, const char *id, const GPtrArray *opts,
                             GError **error)
{
    g_autoptr(GPtrArray) searches = g_ptr_array_new();
    SlirpConfig config = { 0 };
    struct net_user *u;

    if (!check_options(opts, error) || !fill_config(opts, &config, searches, error)) {
        return NULL;
    }
    u = g_new0(struct net_user, 1);
    net_client_init(&u->client, m, &user_ops, id, NULL);
    net_set_info(&u->client, "net=%s,restrict=%s", inet_ntoa(config.vnetwork),
                 config.restricted ? "on" : "off");
    u->forwards = g_array_new(FALSE, FALSE, sizeof(struct user_forward));
    u->guest_forwards = g_ptr_array_new();
    u->poll = user_poll_new(u);
    u->slirp = slirp_new(&config, &callbacks, u);
    g_source_attach((GSource *)u->poll, m->context);
    if (!add_smb(u, opts, &config, error) || !add_forwards(u, opts, error)) {
        user_free(&u->client);
        return NULL;
    }
    return &u->client;
}

struct net_user *user_find(struct machine *m, const char *id, GError **error)
{
    struct net_pool *pool = net_pool(m);

    for (unsigned i = 0; i < pool->clients->len; i++) {
        struct net_client *c = g_ptr_array_index(pool->clients, i);

        if (c->ops == &user_ops && (!id || strcmp(c->name, id) == 0)) {
            return (struct net_user *)c;
        }
    }
    set_error(error, id ? "unrecognized netdev id '%s'" : "there is no user-mode network%s",
              id ? id : "");
    return NULL;
}
#endif
