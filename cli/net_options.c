/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cli/net_options.c: -netdev, -nic and -net, from text to back ends and to -device texts of cards.
 *
 * Back ends are made before the board, cards after it. What -net names meets at hub 0.
 * Thread: the program's first; net_setup and net_add_devices with the machine lock held.
 */
#include <string.h>
#include "cli/options.h"
#include "config.h"
#include "net/netdev.h"
#include "softmmu/machine.h"
#include "util/error.h"
#include "util/json_pairs.h"
#include "util/text.h"

/* Texts to pairs -------------------------------------------------------------------------------- */

static void add_pair(GPtrArray *opts, const char *key, const char *value)
{
    struct option_pair *p = g_new0(struct option_pair, 1);

    p->key = g_strdup(key);
    p->value = g_strdup(value);
    g_ptr_array_add(opts, p);
}

static GPtrArray *parse_netdev(const char *text, GError **error)
{
    return json_or_options(text, "type", error);
}

/* -object filter-...: NULL for the objects of others. */
static GPtrArray *parse_filter(const char *text)
{
    g_autoptr(GPtrArray) opts = json_or_options(text, "qom-type", NULL);
    const char *type = opts ? options_get(opts, "qom-type") : NULL;

    return type && g_str_has_prefix(type, "filter-") ? g_steal_pointer(&opts) : NULL;
}

bool net_is_filter(const char *object)
{
    g_autoptr(GPtrArray) opts = parse_filter(object);

    return opts != NULL;
}

/* Takes a key out of the options; its value (the caller's), or NULL. */
static char *take_option(GPtrArray *opts, const char *key)
{
    char *value = g_strdup(options_get(opts, key));

    for (unsigned i = opts->len; i-- > 0;) {
        if (strcmp(((struct option_pair *)g_ptr_array_index(opts, i))->key, key) == 0) {
            g_ptr_array_remove_index(opts, i);
        }
    }
    return value;
}

/* Options --------------------------------------------------------------------------------------- */

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

static bool keep(struct options *o, GPtrArray *list, const char *arg, const char *help)
{
    o->net_given = true;
    if (is_help(arg) || g_str_has_prefix(arg, help)) {
        netdev_print_list(o->output);
        o->done = true;
    } else if (strcmp(arg, "none") != 0) {
        g_ptr_array_add(list, g_strdup(arg));
    }
    return true;
}

bool option_netdev(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return keep(o, o->netdevs, arg, "type=help");
}

bool option_nic(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return keep(o, o->nics, arg, "type=help");
}

bool option_net(struct options *o, const char *arg, GError **error)
{
    (void)error;
    return keep(o, o->nets, arg, "type=help");
}

/* Back ends ------------------------------------------------------------------------------------- */

/* Id of a back end that nobody named. */
static char *free_id(struct machine *m, const char *start)
{
    for (unsigned n = 0;; n++) {
        g_autofree char *id = g_strdup_printf("%s%u", start, n);

        if (!net_find(m, id)) {
            return g_steal_pointer(&id);
        }
    }
}

static struct net_client *add_with_id(struct machine *m, GPtrArray *opts, GError **error)
{
    if (!options_get(opts, "id")) {
        g_autofree char *id = free_id(m, "#net");

        add_pair(opts, "id", id);
    }
    return netdev_add(m, opts, error);
}

static void add_card(struct options *o, const char *model, const char *netdev, const char *rest)
{
    g_ptr_array_add(o->cards,
                    g_strdup_printf("%s%s%s%s", model ? model : "", netdev ? ",netdev=" : "",
                                    netdev ? netdev : "", rest));
}

/* What a card of -nic or -net nic takes, as -device's properties; taken out of opts. */
static char *card_options(GPtrArray *opts, const char *id_key)
{
    static const struct {
        const char *key, *prop;
    } map[] = {
        { "mac", "mac" }, { "macaddr", "mac" }, { "addr", "addr" }, { "vectors", "vectors" }
    };
    GString *out = g_string_new(NULL);
    g_autofree char *id = take_option(opts, id_key);

    for (unsigned i = 0; i < G_N_ELEMENTS(map); i++) {
        g_autofree char *value = take_option(opts, map[i].key);

        if (value) {
            g_string_append_printf(out, ",%s=%s", map[i].prop, value);
        }
    }
    if (id) {
        g_string_append_printf(out, ",id=%s", id);
    }
    return g_string_free(out, FALSE);
}

/* -nic: a back end and its card. */
static bool setup_nic(struct machine *m, struct options *o, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_netdev(text, error);
    g_autofree char *model = opts ? take_option(opts, "model") : NULL, *card = NULL;
    struct net_client *c;

    if (!opts) {
        return false;
    }
    card = card_options(opts, "");
    if (!options_get(opts, "type")) {
        add_pair(opts, "type", "user");
    }
    c = add_with_id(m, opts, error);
    if (c) {
        add_card(o, model, c->name, card);
    }
    return c != NULL;
}

/* -net: a card or a back end at hub 0, or a card at its netdev=. */
static bool setup_net(struct machine *m, struct options *o, const char *text, GError **error)
{
    g_autoptr(GPtrArray) opts = parse_netdev(text, error);
    const char *type = opts ? options_get(opts, "type") : NULL;
    struct net_client *c;

    if (!opts) {
        return false;
    }
    if (type && strcmp(type, "nic") == 0) {
        g_autofree char *model = take_option(opts, "model"), *netdev = take_option(opts, "netdev");
        g_autofree char *card = card_options(opts, "name"), *used = take_option(opts, "type");

        if (opts->len > 0) {
            set_error(
                error,
                "nic: no property '%s'; it takes: netdev, macaddr, model, name, addr, vectors",
                ((struct option_pair *)g_ptr_array_index(opts, 0))->key);
            return false;
        }
        add_card(o, model, netdev ? netdev : hub_add_port(m, 0, NULL)->name, card);
        return true;
    }
    c = add_with_id(m, opts, error);
    return c && net_plug(c, hub_add_port(m, 0, NULL), error);
}

static bool add_filters(struct machine *m, const struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->objects->len; i++) {
        g_autoptr(GPtrArray) opts = parse_filter(g_ptr_array_index(o->objects, i));

        if (opts && !net_filter_add(m, opts, error)) {
            g_prefix_error(error, "-object: ");
            return false;
        }
    }
    return true;
}

/* What a board has when nothing is said about its network; a build without libslirp has the card alone. */
static bool setup_default(struct machine *m, struct options *o, GError **error)
{
    if (o->net_given || o->nodefaults || !m->config.board->card) {
        return true;
    }
    if (CONFIG_SLIRP) {
        return setup_nic(m, o, "user", error);
    }
    add_card(o, "", NULL, "");
    return true;
}

bool net_setup(struct machine *m, struct options *o, GError **error)
{
    for (unsigned i = 0; i < o->netdevs->len; i++) {
        const char *text = g_ptr_array_index(o->netdevs, i);
        g_autoptr(GPtrArray) opts = parse_netdev(text, error);

        if (!opts || !netdev_add(m, opts, error)) {
            g_prefix_error(error, "-netdev %s: ", text);
            return false;
        }
    }
    for (unsigned i = 0; i < o->nics->len; i++) {
        if (!setup_nic(m, o, g_ptr_array_index(o->nics, i), error)) {
            g_prefix_error(error, "-nic %s: ", (char *)g_ptr_array_index(o->nics, i));
            return false;
        }
    }
    for (unsigned i = 0; i < o->nets->len; i++) {
        if (!setup_net(m, o, g_ptr_array_index(o->nets, i), error)) {
            g_prefix_error(error, "-net %s: ", (char *)g_ptr_array_index(o->nets, i));
            return false;
        }
    }
    return setup_default(m, o, error) && add_filters(m, o, error);
}

/* Cards ----------------------------------------------------------------------------------------- */

/* The device of a model's name; "" is the board's own. */
static const char *card_model(struct machine *m, const char *model)
{
    const char *card = m->config.board->card;
    const char *virtio = bus_find(m, BUS_PCI, NULL) ? "virtio-net-pci" : "virtio-net-device";

    if (strcmp(model, "virtio") == 0 || strcmp(model, "virtio-net") == 0) {
        return virtio;
    }
    return *model ? model : card ? card : virtio;
}

bool net_add_devices(struct machine *m, struct options *o, GError **error)
{
    unsigned at = 0;

    /* In front of -device's, behind the screen: slot 3 of a pc. */
    while (at < o->devices->len && o->vga &&
           g_str_has_prefix(g_ptr_array_index(o->devices, at), o->vga) &&
           g_str_has_suffix(g_ptr_array_index(o->devices, at), ",addr=02")) {
        at++;
    }
    for (unsigned i = 0; i < o->cards->len; i++) {
        const char *text = g_ptr_array_index(o->cards, i);
        size_t n = strcspn(text, ",");
        g_autofree char *given = g_strndup(text, n);
        const char *model = card_model(m, given);

        if (!device_type_find(model)) {
            set_error(error, "Unsupported NIC model: %s; '-device help' lists devices", model);
            return false;
        }
        g_ptr_array_insert(o->devices, (int)(at + i), g_strconcat(model, text + n, NULL));
    }
    return true;
}
